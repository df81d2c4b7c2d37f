//! When a group and a plan have come to their end (SEMANTICS 6).

use retrace_core::directive::Algorithm;
use retrace_core::event::{AfterRefusal, Because, Decision, GroupAction, GroupEnd, Outcome};
use retrace_core::ids::{PlanNo, TimerId};
use retrace_core::order::{OrderRole, OrderStatus};
use retrace_projections::ledger::{Course, Group, HeldBack, Order, Phase, Plan, is_protection};

use super::{actions, cancel, closing, current_price, schedule, snapshot};
use crate::step::{Deciding, EngineError};

/// Ends every group that has nothing working and nothing more to send.
pub(super) fn end_groups(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    for group in plan.groups.iter().filter(|group| group.is_active()) {
        if let Some(end) = group_end(deciding, &plan, group)? {
            let timers: Vec<TimerId> =
                schedule::group_timers(deciding, no, group).into_iter().map(|(id, _)| id).collect();
            schedule::drop_timers(deciding, no, &timers)?;
            let price = current_price(deciding, &plan);
            deciding.decide(Some(no), None, Decision::GroupEnded { group: group.no, end, price })?;
        }
    }
    Ok(())
}

fn group_end(deciding: &Deciding<'_>, plan: &Plan, group: &Group) -> Result<Option<GroupEnd>, EngineError> {
    if group.orders.own_filling().next().is_some() {
        return Ok(None);
    }
    if group.action == GroupAction::Close {
        let gave_up = matches!(&plan.phase, Phase::Closing(closing) if closing.gave_up);
        return Ok(if gave_up {
            Some(GroupEnd::Incomplete)
        } else if !closing::is_dust(deciding, plan)? {
            closing::is_superseded(plan, group).then_some(GroupEnd::Cancelled)
        } else if group.filled().is_flat() {
            // The stop was faster.
            Some(GroupEnd::StoppedOut)
        } else {
            Some(GroupEnd::Filled)
        });
    }
    if deciding.exact(group.outstanding())?.is_flat() {
        let stopped = plan.phase == Phase::StoppedOut && group.action == GroupAction::Enter;
        let taken_back = deciding.exact(group.quantity())? < deciding.exact(group.wanted())?;
        let undone = plan.rollback.is_some() && !group.compensates && group.directive == plan.target.directive;
        return Ok(Some(match (stopped, taken_back) {
            (true, _) => GroupEnd::StoppedOut,
            (false, true) if undone => GroupEnd::RolledBack,
            (false, true) if group.ordered.course == Course::Cancelled => GroupEnd::Cancelled,
            (false, true) if !group.missed.is_flat() => GroupEnd::Incomplete,
            (false, true) => GroupEnd::Cancelled,
            (false, false) => GroupEnd::Filled,
        }));
    }
    // These two give up what will not be sent themselves.
    if matches!(group.algorithm, Algorithm::Iceberg(_) | Algorithm::Layered(_)) {
        return Ok(None);
    }
    // Something is left to send. It ended short for good where the last slice's order ended short, or where the venue
    // refused once too often.
    let slice = group.slices_due.saturating_sub(1);
    let last_slice = schedule::next_slice(deciding, plan.no, group).is_none();
    // The risk gate let none go out for the last slice, or for one after which none comes any more, and what an earlier one
    // was to trade was ended by the venue since.
    let refused = |held: HeldBack| held.slice == slice && held.then != AfterRefusal::WaitsForRoom;
    if last_slice && group.held_back.is_some_and(refused) {
        return Ok(Some(GroupEnd::Incomplete));
    }
    let Some(last) = group.orders.own_last().filter(|order| order.slice == slice) else { return Ok(None) };
    let short = match last.status {
        // It is to be sent again.
        _ if group.ordered.resend => false,
        OrderStatus::Rejected => !actions::is_retried(deciding, group, last),
        // Filled itself, while what an earlier slice was to trade was ended by the venue after this one was sent.
        OrderStatus::Canceled | OrderStatus::Expired | OrderStatus::Filled => last_slice,
        OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartiallyFilled => false,
    };
    Ok(short.then_some(GroupEnd::Incomplete))
}

/// Closes the plan when nothing is held, working or to be sent, and there is a cause for its end. Protection that is
/// left is withdrawn first.
pub(super) fn end_plan(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let busy = plan.groups.iter().any(Group::is_active)
        || plan.open_orders().any(|order| order.is_working() && !is_protection(order.role))
        // The venue still answers a change of an order that has ended: a sealed plan could not take it.
        || plan.open_orders().any(Order::is_ended_unanswered);
    let Some(outcome) = outcome(deciding, &plan)?.filter(|_| !busy) else { return Ok(()) };
    let mut protected = false;
    for order in plan.open_orders().filter(|order| order.is_working()) {
        protected = true;
        let because = if outcome == Outcome::TookProfit { Because::TookProfit } else { Because::Flat };
        cancel(deciding, no, order.no, because)?;
    }
    if protected {
        return Ok(());
    }
    let timers: Vec<TimerId> = deciding.state.ledger.timers_of(no).map(|(id, _)| id).collect();
    schedule::drop_timers(deciding, no, &timers)?;
    if plan.gap.is_some() {
        let uncovered = retrace_core::amount::Position::FLAT;
        let decision = Decision::ProtectionGapChanged { uncovered, because: Because::Flat };
        deciding.decide(Some(no), None, decision)?;
    }
    deciding.decide(Some(no), None, Decision::PlanClosed { outcome, dust: plan.held() })
}

/// How the plan would end if it ended now; `None` where it has no cause to.
fn outcome(deciding: &Deciding<'_>, plan: &Plan) -> Result<Option<Outcome>, EngineError> {
    let closes = |group: &Group| group.action == GroupAction::Close && !group.filled().is_flat();
    let flat = deciding.exact(plan.held_lots())?.is_none() && deciding.exact(plan.crossed_lots())?.is_none();
    Ok(match &plan.phase {
        Phase::Closing(_) if !closing::is_dust(deciding, plan)? => None,
        // The stop did what the close could not, or before it could.
        Phase::Closing(_) if plan.has_filled(OrderRole::StopLoss) && !plan.groups.iter().any(closes) => {
            Some(Outcome::StoppedOut)
        }
        Phase::Closing(_) => Some(Outcome::Closed),
        Phase::StoppedOut => closing::is_dust(deciding, plan)?.then_some(Outcome::StoppedOut),
        Phase::Reopened { outcome } => closing::is_dust(deciding, plan)?.then_some(*outcome),
        Phase::Standing if plan.rollback.is_some_and(|rollback| rollback.ends) => {
            closing::is_dust(deciding, plan)?.then_some(Outcome::RolledBack)
        }
        Phase::Standing if closing::took_all(plan) && closing::is_dust(deciding, plan)? => Some(Outcome::TookProfit),
        Phase::Standing if !flat => None,
        // It took all that was held; entries that are still to come belong to the target and keep the plan open.
        Phase::Standing if plan.filled_last() == Some(OrderRole::TakeProfit) => Some(Outcome::TookProfit),
        Phase::Standing if plan.target.given_up && !plan.target.size.is_flat() && plan.accounting.is_empty() => {
            Some(Outcome::Unfilled)
        }
        Phase::Standing | Phase::Closed { .. } => None,
    })
}
