//! A close over time: the schedule is that of any TWAP, over what was held when it began. The last slice takes all that
//! is left by then, and goes on as a close at once does: this file sends the slices before it.

use std::cmp::Ordering;

use retrace_core::amount::{Position, Quantity};
use retrace_core::directive::{Algorithm, Twap};
use retrace_core::event::Because;
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Closing, Group, Phase, Plan};

use super::super::{REJECT_RETRIES, current_price, holding, large_enough};
use super::send as send_order;
use crate::planner::{Unplanned, division};
use crate::step::{Deciding, EngineError};

/// The slices that `held` is closed in. `None` for all at once: because that was asked for, or because a slice of it
/// would be too small for the venue, and what is to be closed never waits for that.
pub(super) fn of(
    deciding: &Deciding<'_>,
    plan: &Plan,
    closing: &Closing,
    held: Quantity,
) -> Result<Option<Twap>, EngineError> {
    let Some(twap) = closing.twap else { return Ok(None) };
    let price = closing.price_limit.or_else(|| current_price(deciding, plan));
    match division::parts(&plan.instrument, Algorithm::Twap(twap), Some(held), price) {
        Ok(()) => Ok(Some(twap)),
        Err(Unplanned::Refused(_)) => Ok(None),
        Err(Unplanned::Amount(source)) => deciding.exact(Err(source)),
    }
}

/// Sends what has come due of a close whose last slice has not: one order a slice, what it leaves is carried over.
pub(super) fn send(deciding: &mut Deciding<'_>, plan: &Plan, group: &Group, held: Quantity) -> Result<(), EngineError> {
    let slice = group.slices_due.saturating_sub(1);
    let sent = group.orders.iter().filter(|order| order.role == OrderRole::Close && order.slice == slice);
    let (refused, taken): (Vec<_>, Vec<_>) = sent.partition(|order| order.status == OrderStatus::Rejected);
    let tries = u32::try_from(refused.len()).unwrap_or(u32::MAX);
    if !taken.is_empty() || tries > REJECT_RETRIES {
        return Ok(());
    }
    let due = deciding.exact(group.due_quantity(&plan.instrument).and_then(|due| due.minus(group.filled())))?;
    let lots = deciding.exact(plan.instrument.whole_lots(due))?;
    let Some(due) = lots.size().filter(|_| lots > Position::FLAT) else { return Ok(()) };
    let limit = group.entry.limit_price;
    let price = limit.or_else(|| current_price(deciding, plan));
    // What would be too little for an order of its own is not left behind.
    let quantity = match held.less(due) {
        Some(rest) if large_enough(deciding, &plan.instrument, rest, price)? => due,
        Some(_) | None => held,
    };
    if !large_enough(deciding, &plan.instrument, quantity, price)?
        || !holding::makes_room(deciding, plan, quantity, Because::Closing)?
    {
        return Ok(());
    }
    let terms = limit.map_or(OrderTerms::Market, |price| OrderTerms::Limit { price });
    let because = match (tries, slice) {
        (0, 0) => Because::Directive,
        (0, _) => Because::SliceDue,
        _ => Because::Rejected,
    };
    send_order(deciding, plan, group.no, slice, (terms, quantity, because))
}

/// Whether a group closes in another way than the directive that closes its plan now: it ends where it is.
pub(in crate::worker) fn is_superseded(plan: &Plan, group: &Group) -> bool {
    let Phase::Closing(closing) = &plan.phase else { return false };
    let in_slices = closing.twap.is_some() || matches!(group.algorithm, Algorithm::Twap(_));
    in_slices && group.directive != closing.directive
}

/// Whether a close over `twap` from now on would have sent its last order before (`Less`) or after the close under way:
/// `Equal` where both go at once.
pub(in crate::worker) fn order_of_ends(deciding: &Deciding<'_>, plan: &Plan, twap: Option<Twap>) -> Ordering {
    let from_now = |twap: Twap| last_slice(deciding.time, twap);
    let under_way = match (&plan.phase, plan.close_group()) {
        (Phase::Closing(_), Some(group)) => Some(group.slice_due(group.slices().saturating_sub(1))),
        (Phase::Closing(closing), None) => closing.twap.map(from_now),
        _ => None,
    };
    twap.map(from_now).cmp(&under_way.filter(|_| plan.closes_in_slices()))
}

fn last_slice(start: Timestamp, twap: Twap) -> Timestamp {
    start.plus(twap.duration.portion(twap.slices.saturating_sub(1), twap.slices))
}
