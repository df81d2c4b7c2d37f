//! ICEBERG: one limit order of a part at a time; when that has filled, the next. The parts are cut here at every venue,
//! also at one that could cut them itself: what the ledger holds is then what was shown.

use retrace_core::amount::Position;
use retrace_core::directive::Iceberg;
use retrace_core::event::{AfterRefusal, Because};
use retrace_core::order::{OrderStatus, OrderTerms};
use retrace_projections::ledger::{Group, Plan};

use super::{Part, fitting};
use crate::step::{Deciding, EngineError};
use crate::worker::{Request, actions, current_price, request, target};

/// Shows the next part, once the last one has filled.
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
    let (slice, attempt, because) = match group.orders.own_last() {
        None => (0, 0, Because::Directive),
        Some(last) => match last.status {
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
    let part = Part { left, most: iceberg.visible, price, more_comes: false };
    let Some(quantity) = fitting(deciding, plan, group, &part)? else { return Ok(()) };
    let terms = group.entry.limit_price.map_or(OrderTerms::Market, |price| OrderTerms::Limit { price });
    request(deciding, plan, Request::of(group, terms, quantity, (slice, attempt), because))
}
