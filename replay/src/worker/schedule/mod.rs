//! Sending what is due of each group (SEMANTICS 4): a state machine over the ledger for each algorithm, what they have in
//! common, and the timers that wake them. Nothing is kept here: a restart between any two events changes nothing.

mod end_time;
mod iceberg;
mod layered;
mod twap;

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::Algorithm;
use retrace_core::event::{Because, Decision, GroupAction, TimerPurpose};
use retrace_core::exact::Inexact;
use retrace_core::ids::{PlanNo, TimerId};
use retrace_core::order::Side;
use retrace_projections::ledger::{Group, Order, Plan};

use super::{actions, holding, large_enough, risk, snapshot, target};
use crate::step::{Deciding, EngineError};

/// Sends what is due of every active group, and sets the timer of the next slice.
pub(super) fn send_due(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    // A plan never trades with itself: while something of it leaves, its entries wait.
    let leaving = plan.is_leaving();
    for group in plan.groups.iter().filter(|group| group.is_active() && group.action != GroupAction::Close) {
        if group.time_is_up {
            end_time::give_up(deciding, &plan, group)?;
        } else if group.entry.time_in_force.is_over(deciding.time) {
            end_time::send_no_more(deciding, &plan, group)?;
        } else if actions::runs(group) && !(leaving && group.action == GroupAction::Enter) {
            match group.algorithm {
                Algorithm::Single | Algorithm::Twap(_) => twap::send(deciding, &plan, group)?,
                Algorithm::Iceberg(iceberg) => iceberg::send(deciding, &plan, group, iceberg)?,
                Algorithm::Layered(layered) => layered::send(deciding, &plan, group, layered)?,
            }
        }
        arm_timer(deciding, no, group)?;
        end_time::arm_timer(deciding, no, group)?;
    }
    Ok(())
}

/// Sets the timers of every active group and sends nothing.
pub(super) fn arm_timers(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    for group in plan.groups.iter().filter(|group| group.is_active() && group.action != GroupAction::Close) {
        arm_timer(deciding, no, group)?;
        end_time::arm_timer(deciding, no, group)?;
    }
    arm_close(deciding, no)
}

/// Sets the timer of the next slice of a close: whatever is held then, because it takes what others leave.
pub(super) fn arm_close(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let Some(group) = plan.close_group().filter(|_| plan.closes_in_slices()) else { return Ok(()) };
    if group_timers(deciding, no, group).is_empty() {
        set_slice_timer(deciding, no, group, group.slices_due)?;
    }
    Ok(())
}

fn set_slice_timer(deciding: &mut Deciding<'_>, no: PlanNo, group: &Group, slice: u32) -> Result<(), EngineError> {
    let timer = deciding.state.ledger.next_timer();
    let purpose = TimerPurpose::Slice { group: group.no, slice };
    deciding.decide(Some(no), None, Decision::TimerSet { timer, due: group.slice_due(slice), purpose })
}

/// What of a group could be sent now.
struct Part {
    /// How much of it is left.
    left: Quantity,
    /// The most that one order takes of that.
    most: Quantity,
    /// What it is valued at.
    price: Option<Price>,
    /// Whether a later slice takes what cannot be sent now.
    more_comes: bool,
}

/// How much of a part fits into an order: no more than is held, where it reduces; enough for the venue; no more than the
/// target leaves room for. What nothing later can send is dropped.
fn fitting(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    group: &Group,
    part: &Part,
) -> Result<Option<Quantity>, EngineError> {
    let mut left = part.left;
    if group.action == GroupAction::Reduce {
        // Less may be held than was to be reduced: fees in base, or a take profit that was faster.
        let free = deciding.exact(free_to_reduce(deciding, plan))?;
        let free = free.size().filter(|_| free > Position::FLAT);
        let rest = free.map_or(Some(left), |free| left.less(free));
        if let Some(rest) = rest.filter(|_| !part.more_comes) {
            target::drop_unsent(deciding, plan.no, group.no, rest, Because::BelowLot)?;
        }
        let Some(free) = free else { return Ok(None) };
        left = left.min(free);
    }
    let quantity = left.min(part.most);
    if !large_enough(deciding, &plan.instrument, quantity, part.price)? {
        if !part.more_comes {
            target::drop_unsent(deciding, plan.no, group.no, left, Because::BelowMinNotional)?;
        }
        return Ok(None);
    }
    let fits = match group.action {
        GroupAction::Enter => has_room(deciding, plan.no, quantity)?,
        GroupAction::Reduce => {
            risk::refuses(deciding, plan, group, quantity, group.entry.limit_price)?
                || holding::makes_room(deciding, plan, quantity, Because::Reducing)?
        }
        GroupAction::Close => true,
    };
    Ok(fits.then_some(quantity))
}

/// What is held, in whole lots, and not being reduced yet; zero or less where there is none.
fn free_to_reduce(deciding: &Deciding<'_>, plan: &Plan) -> Result<Position, Inexact> {
    let plan = deciding.state.ledger.plan(plan.no).unwrap_or(plan);
    let mut free = plan.held_lots()?.map_or(Position::FLAT, |lots| Side::Buy.signed(lots));
    // Leaving, in a group that reduces or takes a purchase back.
    for remaining in own_orders(plan, GroupAction::Reduce).filter_map(Order::remaining_most) {
        free = free.minus(Side::Buy.signed(remaining))?;
    }
    Ok(free)
}

/// The own orders of groups of this action that work or wait for an answer.
fn own_orders(plan: &Plan, action: GroupAction) -> impl Iterator<Item = &Order> {
    let groups = plan.groups.iter().filter(move |group| group.action == action);
    groups.flat_map(|group| group.orders.open().filter(|order| order.role == group.role()))
}

/// Whether `quantity` more stays within the target although every cancel under way may come too late. Where it does
/// not, the answer to that cancel brings the group back here.
fn has_room(deciding: &Deciding<'_>, no: PlanNo, quantity: Quantity) -> Result<bool, EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(false) };
    let mut reach = deciding.exact(plan.traded().plus(plan.direction.signed(quantity)))?;
    for remaining in own_orders(&plan, GroupAction::Enter).filter_map(Order::remaining_most) {
        reach = deciding.exact(reach.plus(plan.direction.signed(remaining)))?;
    }
    let beyond = deciding.exact(reach.minus(plan.target.size))?;
    Ok(Side::of(beyond) != Some(plan.direction))
}

/// One timer a group: for its next slice, as long as there is something left for it.
fn arm_timer(deciding: &mut Deciding<'_>, no: PlanNo, group: &Group) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let Some(group) = plan.group(group.no) else { return Ok(()) };
    let next = match next_slice(deciding, no, group) {
        Some(slice) if deciding.exact(is_left(group))? => Some(slice),
        _ => None,
    };
    let is_slice = |purpose| matches!(purpose, TimerPurpose::Slice { .. });
    let armed = group_timers(deciding, no, group).into_iter().filter(|(_, purpose)| is_slice(*purpose));
    let armed: Vec<TimerId> = armed.map(|(id, _)| id).collect();
    let Some(slice) = next else { return drop_timers(deciding, no, &armed) };
    if armed.is_empty() { set_slice_timer(deciding, no, group, slice) } else { Ok(()) }
}

/// Whether something of a group is left for a later slice, or will be if the changes of its orders that are under way are
/// made.
fn is_left(group: &Group) -> Result<bool, Inexact> {
    let mut left = group.outstanding()?;
    for remaining in group.orders.own_filling().filter_map(Order::remaining_least) {
        left = left.minus(Side::Buy.signed(remaining))?;
    }
    Ok(left > Position::FLAT)
}

/// The next slice that is still to come due; `None` after the last. One whose time passed while nothing was left for
/// it is not called up again; one whose timer is set comes when that fires, however late.
pub(super) fn next_slice(deciding: &Deciding<'_>, no: PlanNo, group: &Group) -> Option<u32> {
    let waits = deciding.state.ledger.timers_of(no).find_map(|(_, timer)| match timer.purpose {
        TimerPurpose::Slice { group: of, slice } if of == group.no => Some(slice),
        TimerPurpose::Slice { .. }
        | TimerPurpose::CloseRetry
        | TimerPurpose::EndTime { .. }
        | TimerPurpose::Room { .. }
        | TimerPurpose::BatchDeadline { .. }
        | TimerPurpose::LegDeadline { .. }
        | TimerPurpose::RollbackRetry
        | TimerPurpose::Patience { .. } => None,
    });
    waits.or_else(|| (group.slices_due..group.slices()).find(|slice| group.slice_due(*slice) >= deciding.time))
}

/// The timers that wake `group`, with what each is for.
pub(super) fn group_timers(deciding: &Deciding<'_>, no: PlanNo, group: &Group) -> Vec<(TimerId, TimerPurpose)> {
    let wakes = |purpose: TimerPurpose| match purpose {
        TimerPurpose::Slice { group: of, .. }
        | TimerPurpose::EndTime { group: of }
        | TimerPurpose::Room { group: of } => of == group.no,
        TimerPurpose::CloseRetry
        | TimerPurpose::BatchDeadline { .. }
        | TimerPurpose::LegDeadline { .. }
        | TimerPurpose::RollbackRetry
        | TimerPurpose::Patience { .. } => false,
    };
    let timers = deciding.state.ledger.timers_of(no).map(|(id, timer)| (id, timer.purpose));
    timers.filter(|(_, purpose)| wakes(*purpose)).collect()
}

/// Takes timers back before they come due.
pub(super) fn drop_timers(deciding: &mut Deciding<'_>, no: PlanNo, timers: &[TimerId]) -> Result<(), EngineError> {
    for timer in timers {
        deciding.decide(Some(no), None, Decision::TimerDropped { timer: *timer })?;
    }
    Ok(())
}
