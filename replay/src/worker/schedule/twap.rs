//! SINGLE and TWAP: what has come due and is not sent, in one order; what a slice left is carried over or given up.

use retrace_core::amount::{Position, Quantity};
use retrace_core::directive::Algorithm;
use retrace_core::event::{AfterRefusal, Because};
use retrace_core::order::{OrderStatus, OrderTerms, OrderType, Side};
use retrace_projections::ledger::{Group, Order, Plan};

use super::{Part, fitting, next_slice};
use crate::step::{Deciding, EngineError};
use crate::worker::{Request, actions, cancel, current_price, request, target};

/// Sends what is due of a group of one order or of slices over time.
pub(super) fn send(deciding: &mut Deciding<'_>, plan: &Plan, group: &Group) -> Result<(), EngineError> {
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
        Some(last) if last.status == OrderStatus::Rejected && actions::is_retried(deciding, group, last) => {
            last.attempt.saturating_add(1)
        }
        Some(last) => match actions::sent_again(group, last) {
            Some(attempt) => attempt,
            None => return Ok(()),
        },
    };
    let sent = deciding.exact(group.filled().plus(deciding.exact(group.working())?))?;
    let due = deciding.exact(group.due_quantity(&plan.instrument))?;
    let mut left = deciding.exact(due.minus(sent))?;
    if let Some(missed) = missed(deciding, plan, group, slice, left)? {
        target::drop_unsent(deciding, plan.no, group.no, missed, Because::Skipped)?;
        left = deciding.exact(left.minus(Side::Buy.signed(missed)))?;
    }
    let lots = deciding.exact(plan.instrument.whole_lots(left))?;
    let Some(quantity) = lots.size().filter(|_| lots > Position::FLAT) else { return Ok(()) };
    let price = group.entry.limit_price.or_else(|| current_price(deciding, plan));
    let more_comes = next_slice(deciding, plan.no, group).is_some();
    let part = Part { left: quantity, most: quantity, price, more_comes };
    let Some(quantity) = fitting(deciding, plan, group, &part)? else { return Ok(()) };
    let terms = group.entry.limit_price.map_or(OrderTerms::Market, |price| OrderTerms::Limit { price });
    let because = match (attempt, slice) {
        (0, 0) if group.compensates => Because::RolledBack,
        (0, 0) => Because::Directive,
        (0, _) => Because::SliceDue,
        _ if group.ordered.resend => Because::Modified,
        _ => Because::Rejected,
    };
    request(deciding, plan, Request::of(group, terms, quantity, (slice, attempt), because))
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
