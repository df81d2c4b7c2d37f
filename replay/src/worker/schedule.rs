//! Sending what is due of each group (SEMANTICS 4, TWAP): slices, what is carried over, retries, timers.

use retrace_core::amount::{Position, Quantity};
use retrace_core::directive::Algorithm;
use retrace_core::event::{AfterRefusal, Because, Decision, GroupAction, TimerPurpose};
use retrace_core::exact::Inexact;
use retrace_core::ids::{PlanNo, TimerId};
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, OrderType, Side};
use retrace_projections::ledger::{Group, Order, Plan};

use super::{Request, cancel, current_price, holding, request, snapshot, target};
use crate::step::{Deciding, EngineError};

/// Sends what is due of every active group, and sets the timer of the next slice.
pub(super) fn send_due(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    // A plan never trades with itself: while something of it leaves, its entries wait.
    let leaving = plan.is_leaving();
    for group in plan.groups.iter().filter(|group| group.is_active() && group.action != GroupAction::Close) {
        if !(leaving && group.action == GroupAction::Enter) {
            send(deciding, &plan, group)?;
        }
        arm_timer(deciding, no, group)?;
    }
    Ok(())
}

fn send(deciding: &mut Deciding<'_>, plan: &Plan, group: &Group) -> Result<(), EngineError> {
    let slice = group.slices_due.saturating_sub(1);
    let older: Vec<&Order> =
        group.orders.own_working().filter(|o| o.slice < slice && o.terms.order_type() == OrderType::Limit).collect();
    if !older.is_empty() {
        let skips = matches!(group.algorithm, Algorithm::Twap(twap) if !twap.catch_up);
        let because = if skips { Because::Skipped } else { Because::CarriedOver };
        for order in older {
            cancel(deciding, plan.no, order.no, because)?;
        }
        // What they leave is sent with this slice, once their end is confirmed.
        return Ok(());
    }
    // What waits for room takes along what comes due meanwhile; anything else is asked for once a slice.
    if group.held_back.is_some_and(|held| held.slice == slice || held.then == AfterRefusal::WaitsForRoom) {
        return Ok(());
    }
    let last = group.orders.own_last().filter(|order| order.slice == slice);
    let attempt = match last {
        None => 0,
        Some(last) if last.status == OrderStatus::Rejected && last.attempt < deciding.state.policy.reject_retries => {
            last.attempt.saturating_add(1)
        }
        Some(_) => return Ok(()),
    };
    let sent = deciding.exact(group.filled().plus(deciding.exact(group.working())?))?;
    let due = deciding.exact(group.due_quantity(&plan.instrument))?;
    let mut left = deciding.exact(due.minus(sent))?;
    if let Some(missed) = missed(deciding, plan, group, slice, left)? {
        target::drop_unsent(deciding, plan.no, group.no, missed, Because::Skipped)?;
        left = deciding.exact(left.minus(Side::Buy.signed(missed)))?;
    }
    let lots = deciding.exact(plan.instrument.whole_lots(left))?;
    let Some(mut quantity) = lots.size().filter(|_| lots > Position::FLAT) else { return Ok(()) };
    if group.action == GroupAction::Reduce {
        // Less may be held than was to be reduced: fees in base, or a take profit that was faster.
        let free = deciding.exact(free_to_reduce(deciding, plan))?;
        let free = free.size().filter(|_| free > Position::FLAT);
        let rest = free.map_or(Some(quantity), |free| quantity.less(free));
        if let Some(rest) = rest.filter(|_| next_slice(deciding, plan.no, group).is_none()) {
            target::drop_unsent(deciding, plan.no, group.no, rest, Because::BelowLot)?;
        }
        let Some(free) = free else { return Ok(()) };
        quantity = quantity.min(free);
    }
    let price = group.entry.limit_price.or_else(|| current_price(deciding, plan));
    if !super::large_enough(deciding, &plan.instrument, quantity, price)? {
        if next_slice(deciding, plan.no, group).is_none() {
            target::drop_unsent(deciding, plan.no, group.no, quantity, Because::BelowMinNotional)?;
        }
        return Ok(());
    }
    if group.action == GroupAction::Reduce && !holding::makes_room(deciding, plan, quantity, Because::Reducing)? {
        return Ok(());
    }
    if group.action == GroupAction::Enter && !has_room(deciding, plan.no, quantity)? {
        return Ok(());
    }
    let terms = group.entry.limit_price.map_or(OrderTerms::Market, |price| OrderTerms::Limit { price });
    let because = match (attempt, slice) {
        (0, 0) => Because::Directive,
        (0, _) => Because::SliceDue,
        _ => Because::Rejected,
    };
    let order = Request {
        group: group.no,
        role: group.role(),
        terms,
        quantity,
        time_in_force: group.entry.time_in_force,
        post_only: group.entry.post_only,
        slice,
        attempt,
        because,
    };
    request(deciding, plan, order)
}

/// What is held, in whole lots, and not being reduced yet; zero or less where there is none.
fn free_to_reduce(deciding: &Deciding<'_>, plan: &Plan) -> Result<Position, Inexact> {
    let plan = deciding.state.ledger.plan(plan.no).unwrap_or(plan);
    let mut free = plan.held_lots()?.map_or(Position::FLAT, |lots| Side::Buy.signed(lots));
    for remaining in plan.working(OrderRole::Reduce).filter_map(Order::remaining) {
        free = free.minus(Side::Buy.signed(remaining))?;
    }
    Ok(free)
}

/// Whether `quantity` more stays within the target although every cancel under way may come too late. Where it does
/// not, the answer to that cancel brings the group back here.
fn has_room(deciding: &Deciding<'_>, no: PlanNo, quantity: Quantity) -> Result<bool, EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(false) };
    let mut reach = deciding.exact(plan.traded().plus(plan.direction.signed(quantity)))?;
    for remaining in plan.working(OrderRole::Entry).filter_map(Order::remaining) {
        reach = deciding.exact(reach.plus(plan.direction.signed(remaining)))?;
    }
    let beyond = deciding.exact(reach.minus(plan.target.size))?;
    Ok(Side::of(beyond) != Some(plan.direction))
}

/// What earlier slices left and `catch_up: false` gives up: what is due beyond this slice's own quantity.
fn missed(
    deciding: &Deciding<'_>,
    plan: &Plan,
    group: &Group,
    slice: u32,
    left: Position,
) -> Result<Option<Quantity>, EngineError> {
    let skips = matches!(group.algorithm, Algorithm::Twap(twap) if !twap.catch_up);
    let own = deciding.exact(group.slice_quantity(slice, &plan.instrument))?;
    let Some(own) = own.filter(|_| skips) else { return Ok(None) };
    let beyond = deciding.exact(left.minus(Side::Buy.signed(own)))?;
    Ok(beyond.size().filter(|_| beyond > Position::FLAT))
}

/// One timer a group: for its next slice, as long as there is something left for it.
fn arm_timer(deciding: &mut Deciding<'_>, no: PlanNo, group: &Group) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let Some(group) = plan.group(group.no) else { return Ok(()) };
    let next = match next_slice(deciding, no, group) {
        Some(slice) if !deciding.exact(group.unsent())?.is_flat() => Some(slice),
        _ => None,
    };
    let armed: Vec<TimerId> = slice_timers(deciding, no, group);
    let Some(slice) = next else { return drop_timers(deciding, no, &armed) };
    if armed.is_empty() {
        let timer = deciding.state.ledger.next_timer();
        let purpose = TimerPurpose::Slice { group: group.no, slice };
        let decision = Decision::TimerSet { timer, due: group.slice_due(slice), purpose };
        deciding.decide(Some(no), None, decision)?;
    }
    Ok(())
}

/// The next slice that is still to come due; `None` after the last. One whose time passed while nothing was left for
/// it is not called up again; one whose timer is set comes when that fires, however late.
pub(super) fn next_slice(deciding: &Deciding<'_>, no: PlanNo, group: &Group) -> Option<u32> {
    let waits = deciding.state.ledger.timers_of(no).find_map(|(_, timer)| match timer.purpose {
        TimerPurpose::Slice { group: of, slice } if of == group.no => Some(slice),
        TimerPurpose::Slice { .. } | TimerPurpose::CloseRetry | TimerPurpose::Room { .. } => None,
    });
    waits.or_else(|| (group.slices_due..group.slices()).find(|slice| group.slice_due(*slice) >= deciding.time))
}

/// The timers that wait for a slice of `group`.
pub(super) fn slice_timers(deciding: &Deciding<'_>, no: PlanNo, group: &Group) -> Vec<TimerId> {
    let waits = |purpose: TimerPurpose| matches!(purpose, TimerPurpose::Slice { group: of, .. } if of == group.no);
    deciding.state.ledger.timers_of(no).filter(|(_, timer)| waits(timer.purpose)).map(|(id, _)| id).collect()
}

/// Takes timers back before they come due.
pub(super) fn drop_timers(deciding: &mut Deciding<'_>, no: PlanNo, timers: &[TimerId]) -> Result<(), EngineError> {
    for timer in timers {
        deciding.decide(Some(no), None, Decision::TimerDropped { timer: *timer })?;
    }
    Ok(())
}
