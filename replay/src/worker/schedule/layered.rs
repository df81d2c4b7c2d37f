//! LAYERED: a limit order at each of several prices, all at once. What of a layer ends short is not sent again.

use retrace_core::amount::{Position, Quantity};
use retrace_core::directive::Layered;
use retrace_core::event::{AfterRefusal, Because, GroupAction};
use retrace_core::ids::{GroupNo, PlanNo};
use retrace_core::order::{OrderStatus, OrderTerms, Side};
use retrace_projections::ledger::{Group, Order, Plan};

use super::{free_to_reduce, has_room};
use crate::step::{Deciding, EngineError};
use crate::worker::{Request, actions, holding, large_enough, request, risk, snapshot, target};

/// Sends every layer that has no order yet, and again one that the venue refused; gives up what no layer will send.
pub(super) fn send(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    group: &Group,
    layered: Layered,
) -> Result<(), EngineError> {
    if group.held_back.is_some_and(|held| held.then == AfterRefusal::WaitsForRoom) {
        return Ok(());
    }
    let mut unsent = deciding.exact(plan.instrument.whole_lots(deciding.exact(group.unsent())?))?;
    if group.action == GroupAction::Reduce {
        // Less may be held than was to be reduced: fees in base, or a take profit that was faster.
        let free = deciding.exact(free_to_reduce(deciding, plan))?.max(Position::FLAT);
        let short = deciding.exact(unsent.minus(free))?;
        if let Some(short) = short.size().filter(|_| short > Position::FLAT) {
            target::drop_unsent(deciding, plan.no, group.no, short, Because::BelowLot)?;
            unsent = free;
        }
    }
    let (mut left, mut carried) = (unsent, Position::FLAT);
    let mut orders = Vec::new();
    for layer in 0..layered.layers {
        let Some(attempt) = attempt(deciding, group, layer) else { continue };
        let own = deciding.exact(group.slice_quantity(layer, &plan.instrument))?;
        let own = own.map_or(Position::FLAT, |own| Side::Buy.signed(own));
        // A newer target may have taken back a part before it was sent: the layers farthest from the market go first.
        let wanted = deciding.exact(own.plus(carried))?.min(left);
        let Some(quantity) = wanted.size() else { continue };
        let price = deciding.exact(layered.price(layer, group.side(plan.direction), &plan.instrument))?;
        // What is too small for an order of its own goes into the next layer.
        if !large_enough(deciding, &plan.instrument, quantity, Some(price))? {
            carried = wanted;
            continue;
        }
        (left, carried) = (deciding.exact(left.minus(wanted))?, Position::FLAT);
        let because = match attempt {
            0 => Because::Directive,
            _ if group.ordered.resend => Because::Modified,
            _ => Because::Rejected,
        };
        orders.push(Request::of(group, OrderTerms::Limit { price }, quantity, (layer, attempt), because));
    }
    // What was added to a layer is sent with the last of those that are sent again; others may have to wait for room.
    let again = orders.iter().rposition(|order| order.attempt > 0);
    let again = again.or(orders.len().checked_sub(1)).and_then(|place| orders.get_mut(place));
    if let (true, Some(added), Some(last)) = (group.ordered.resend, left.size(), again) {
        let more = deciding.exact(Side::Buy.signed(last.quantity).plus(Side::Buy.signed(added)))?;
        last.quantity = more.size().unwrap_or(last.quantity);
        left = Position::FLAT;
    }
    // As long as an answer is to come, nothing is given up; also that to the cancel of a layer that has filled meanwhile.
    let unanswered = |order: &Order| order.is_unanswered() || order.is_ended_unanswered();
    let waits = group.ordered.resend && group.orders.iter().any(unanswered);
    if let Some(rest) = left.size().filter(|_| !waits) {
        let because = if group.orders.own_count() == 0 { Because::BelowMinNotional } else { Because::EndedShort };
        target::drop_unsent(deciding, plan.no, group.no, rest, because)?;
    }
    // Layers that reduce go when there is room for all of them, so that protection makes it once.
    let reduces = group.action == GroupAction::Reduce;
    let mut sum = Position::FLAT;
    for order in orders.iter().filter(|_| reduces) {
        if risk::refuses(deciding, plan, group, order.quantity, order.terms.limit_price())? {
            continue;
        }
        sum = deciding.exact(sum.plus(Side::Buy.signed(order.quantity)))?;
    }
    if let Some(sum) = sum.size()
        && !holding::makes_room(deciding, plan, sum, Because::Reducing)?
    {
        return Ok(());
    }
    for order in orders {
        // The risk gate may have dropped all that was left, or has it wait.
        if !may_send(deciding, plan.no, group.no, order.quantity)? {
            return Ok(());
        }
        if group.action == GroupAction::Reduce || has_room(deciding, plan.no, order.quantity)? {
            request(deciding, plan, order)?;
        }
    }
    Ok(())
}

/// Whether so much of a group is still to be sent, and does not wait for room in the minute's orders.
fn may_send(deciding: &Deciding<'_>, no: PlanNo, group: GroupNo, quantity: Quantity) -> Result<bool, EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(false) };
    let Some(group) = plan.group(group) else { return Ok(false) };
    let waits = group.held_back.is_some_and(|held| held.then == AfterRefusal::WaitsForRoom);
    Ok(!waits && deciding.exact(group.unsent())? >= Side::Buy.signed(quantity))
}

/// Which try of a layer is to be sent now: the first, or one more after a refusal or to change it; `None` where none is.
fn attempt(deciding: &Deciding<'_>, group: &Group, layer: u32) -> Option<u32> {
    let of_layer = |order: &&Order| order.role == group.role() && order.slice == layer;
    match group.orders.iter().filter(of_layer).max_by_key(|order| order.no) {
        None => Some(0),
        Some(last) if last.status == OrderStatus::Rejected && actions::is_retried(deciding, group, last) => {
            Some(last.attempt.saturating_add(1))
        }
        // Taken back to be changed.
        Some(last) if last.status == OrderStatus::Canceled => actions::sent_again(group, last),
        // It did not grow, perhaps because it had filled: what was added is sent beside it.
        Some(last) if last.did_not_grow() && (last.is_working() || last.status == OrderStatus::Filled) => {
            actions::sent_again(group, last)
        }
        Some(_) => None,
    }
}
