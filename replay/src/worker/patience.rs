//! Stop limits (SEMANTICS 4): one that was set off and does not fill in time is cancelled, and what is held is sold at
//! market. What a limit may cost is bounded so; how long nothing is sold is bounded by the patience.

use retrace_core::amount::Price;
use retrace_core::event::{Because, Decision, TimerPurpose};
use retrace_core::ids::{OrderNo, PlanNo, TimerId};
use retrace_core::instrument::Symbol;
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms};
use retrace_core::stop::StopKind;
use retrace_projections::ledger::{Order, Plan};

use super::{cancel, current_price, react, schedule, snapshot, trailing};
use crate::planner::levels;
use crate::step::{Deciding, EngineError};

/// What the plan's stop at `level` is, placed now: a stop market, or what else a directive asked for.
pub(super) fn stop_terms(deciding: &Deciding<'_>, plan: &Plan, level: Price) -> OrderTerms {
    let limited = match plan.exits.stop_kind {
        StopKind::Market => None,
        StopKind::Limit { distance } => OrderTerms::stop_limit(plan.direction.opposite(), level, distance),
        StopKind::Trailing(trail) => {
            return OrderTerms::TrailingStop { trigger: trailing::start(deciding, plan, level), trail };
        }
    };
    limited.unwrap_or(OrderTerms::Stop { trigger: level })
}

/// Whether a stop is what the plan's stops are to be, its limit as far from its level, or it as far from the price.
pub(super) fn is_as_wanted(deciding: &Deciding<'_>, plan: &Plan, stop: &Order) -> bool {
    let StopKind::Trailing(trail) = plan.exits.stop_kind else {
        return stop.terms.trigger().is_none_or(|level| stop.terms == stop_terms(deciding, plan, level));
    };
    stop.terms.trail() == Some(trail)
}

/// Keeps a timer for every stop limit that was set off, and cancels the one whose time is over, as soon as there is a
/// connection. What then is not covered any more is sold at market as after any stop that was lost.
pub(super) fn follow(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let works = |of: OrderNo| plan.working(OrderRole::StopLoss).any(|stop| stop.no == of);
    let timers: Vec<(TimerId, OrderNo)> = deciding
        .state
        .ledger
        .timers_of(no)
        .filter_map(|(id, timer)| match timer.purpose {
            TimerPurpose::Patience { order } => Some((id, order)),
            TimerPurpose::Slice { .. }
            | TimerPurpose::CloseRetry
            | TimerPurpose::Room { .. }
            | TimerPurpose::EndTime { .. }
            | TimerPurpose::BatchDeadline { .. }
            | TimerPurpose::LegDeadline { .. }
            | TimerPurpose::RollbackRetry => None,
        })
        .collect();
    let over: Vec<TimerId> = timers.iter().filter(|(_, order)| !works(*order)).map(|(id, _)| *id).collect();
    schedule::drop_timers(deciding, no, &over)?;
    for stop in plan.working(OrderRole::StopLoss).filter(|stop| is_limit(stop)) {
        if stop.patience_over {
            if deciding.state.ledger.is_connected() {
                cancel(deciding, no, stop.no, Because::PatienceOver)?;
            }
        } else if is_set_off(deciding, &plan, stop) && !timers.iter().any(|(_, order)| *order == stop.no) {
            let timer = deciding.state.ledger.next_timer();
            let due = deciding.time.plus(deciding.state.policy.stop_limit_patience);
            let purpose = TimerPurpose::Patience { order: stop.no };
            deciding.decide(Some(no), None, Decision::TimerSet { timer, due, purpose })?;
        }
    }
    Ok(())
}

/// A price was seen: a stop limit whose level it reached counts as set off, though the venue did not say so.
pub(crate) fn seen(deciding: &mut Deciding<'_>, symbol: &Symbol) -> Result<(), EngineError> {
    let plans = deciding.state.ledger.plans().filter(|plan| plan.symbol() == symbol);
    let reached = |plan: &&Plan| {
        let mut stops = plan.working(OrderRole::StopLoss);
        stops.any(|stop| is_limit(stop) && !stop.set_off && is_set_off(deciding, plan, stop))
    };
    let plans: Vec<PlanNo> = plans.filter(reached).map(|plan| plan.no).collect();
    plans.into_iter().try_for_each(|no| react(deciding, no))
}

/// Whether the stop that was given up last did not fill in time. What others still cover is not looked at.
pub(super) fn gave_out(plan: &Plan) -> bool {
    let stops = plan.side_orders().filter(|order| order.role == OrderRole::StopLoss);
    let last = stops.filter(|stop| !stop.is_working() || stop.patience_over).max_by_key(|stop| (stop.asked, stop.no));
    last.is_some_and(|stop| stop.patience_over && (stop.is_working() || stop.status == OrderStatus::Canceled))
}

const fn is_limit(stop: &Order) -> bool {
    matches!(stop.terms, OrderTerms::StopLimit { .. })
}

/// Whether the venue said so, it has begun to fill, or the price as we see it is at its level or beyond.
fn is_set_off(deciding: &Deciding<'_>, plan: &Plan, stop: &Order) -> bool {
    let reached = || {
        let (Some(level), Some(price)) = (stop.terms.trigger(), current_price(deciding, plan)) else { return false };
        levels::is_passed(level, plan.direction, price)
    };
    stop.set_off || !stop.fills.is_empty() || (stop.status != OrderStatus::Pending && reached())
}
