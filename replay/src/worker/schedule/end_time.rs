//! The end by time: that long after its start a group is given up, whatever its algorithm; and the time until which its
//! orders are good, when the venue ends them by itself.

use retrace_core::event::{Because, Decision, TimerPurpose};
use retrace_core::ids::PlanNo;
use retrace_projections::ledger::{Group, Plan};

use super::group_timers;
use crate::step::{Deciding, EngineError};
use crate::worker::{cancel, snapshot, target};

/// Drops what is not sent and cancels what works.
pub(super) fn give_up(deciding: &mut Deciding<'_>, plan: &Plan, group: &Group) -> Result<(), EngineError> {
    if let Some(quantity) = deciding.exact(group.outstanding())?.size() {
        target::drop_unsent(deciding, plan.no, group.no, quantity, Because::TimeUp)?;
    }
    for order in group.orders.own_working() {
        cancel(deciding, plan.no, order.no, Because::TimeUp)?;
    }
    Ok(())
}

/// From the time on until which its orders were to stand, nothing of a group is sent, nor sent again. What works is left to the
/// venue.
pub(super) fn send_no_more(deciding: &mut Deciding<'_>, plan: &Plan, group: &Group) -> Result<(), EngineError> {
    match deciding.exact(group.unsent())?.size() {
        None => Ok(()),
        Some(quantity) => target::drop_unsent(deciding, plan.no, group.no, quantity, Because::TimeUp),
    }
}

/// The timer of a group that has such a time, once.
pub(super) fn arm_timer(deciding: &mut Deciding<'_>, no: PlanNo, group: &Group) -> Result<(), EngineError> {
    let Some(span) = group.end_after.filter(|_| !group.time_is_up) else { return Ok(()) };
    let is_end = |purpose| matches!(purpose, TimerPurpose::EndTime { .. });
    if group_timers(deciding, no, group).into_iter().any(|(_, purpose)| is_end(purpose)) {
        return Ok(());
    }
    // What has nothing left to trade ends before this comes due.
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let left = plan.group(group.no).map(Group::outstanding).transpose();
    if deciding.exact(left)?.is_none_or(retrace_core::amount::Position::is_flat) {
        return Ok(());
    }
    let timer = deciding.state.ledger.next_timer();
    let (due, purpose) = (group.created_at.plus(span), TimerPurpose::EndTime { group: group.no });
    deciding.decide(Some(no), None, Decision::TimerSet { timer, due, purpose })
}
