//! ICEBERG: one limit order for all of it where the venue hides what is not to be shown; elsewhere one of a part at a
//! time, and when that has filled, the next.

use retrace_core::amount::Position;
use retrace_core::directive::Iceberg;
use retrace_core::event::{AfterRefusal, Because};
use retrace_core::order::{OrderStatus, OrderTerms};
use retrace_projections::ledger::{Group, Plan};

use super::{Part, fitting};
use crate::step::{Deciding, EngineError};
use crate::worker::{Request, actions, current_price, request, target};

/// Sends all that is left, or the next part, once what was sent before has ended.
pub(super) fn send(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    group: &Group,
    iceberg: Iceberg,
) -> Result<(), EngineError> {
    if group.orders.own_filling().next().is_some() {
        return Ok(());
    }
    let lots = deciding.exact(plan.instrument.whole_lots(deciding.exact(group.unsent())?))?;
    let Some(left) = lots.size().filter(|_| lots > Position::FLAT) else { return Ok(()) };
    let hides = deciding.state.profile.native_iceberg;
    let (slice, attempt, because) = match group.orders.own_last() {
        None => (0, 0, Because::Directive),
        Some(last) => match last.status {
            // It filled whole before it was made larger: what was added goes behind it, so that no more is shown at once.
            OrderStatus::Filled if hides => (last.slice.saturating_add(1), 0, Because::Modified),
            OrderStatus::Filled => (last.slice.saturating_add(1), 0, Because::Refill),
            OrderStatus::Rejected if actions::is_retried(deciding, group, last) => {
                (last.slice, last.attempt.saturating_add(1), Because::Rejected)
            }
            // A change that the venue cannot make of an order is made by sending it again.
            OrderStatus::Canceled if group.ordered.resend => match actions::sent_again(group, last) {
                Some(attempt) => (last.slice, attempt, Because::Modified),
                None => return Ok(()),
            },
            OrderStatus::Rejected | OrderStatus::Canceled | OrderStatus::Expired => {
                return target::drop_unsent(deciding, plan.no, group.no, left, Because::EndedShort);
            }
            OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartiallyFilled => return Ok(()),
        },
    };
    if group.held_back.is_some_and(|held| held.slice == slice || held.then == AfterRefusal::WaitsForRoom) {
        return Ok(());
    }
    let price = group.entry.limit_price.or_else(|| current_price(deciding, plan));
    let part = Part { left, most: if hides { left } else { iceberg.visible }, price, more_comes: false };
    let Some(quantity) = fitting(deciding, plan, group, &part)? else { return Ok(()) };
    let terms = match group.entry.limit_price {
        None => OrderTerms::Market,
        // Also where that is no more than may be shown: it may be made larger.
        Some(price) if hides => OrderTerms::Iceberg { price, visible: iceberg.visible },
        Some(price) => OrderTerms::Limit { price },
    };
    request(deciding, plan, Request::of(group, terms, quantity, (slice, attempt), because))
}
