//! How much an order is for, as a line tells it: a stop without a size is for all that is held, whenever that is.

use retrace_core::amount::{Position, Quantity};
use retrace_core::order::OrderStatus;

use crate::ledger::Order;

const ALL: &str = "all that is held";

/// So much, or all that is held.
pub(super) fn how_much(order: Option<&Order>, quantity: Quantity) -> String {
    if order.is_some_and(Order::is_size_free) { ALL.to_owned() } else { quantity.to_string() }
}

/// How much of an order is filled, as the venue says where it stands.
pub(super) fn filled_of(order: Option<&Order>, status: OrderStatus, quantity: Quantity, filled: Position) -> String {
    match (order.is_some_and(Order::is_size_free), status) {
        (false, _) => format!(", {filled} of {quantity} filled"),
        (true, OrderStatus::Filled) => format!(": it has traded all that was held, {filled}"),
        (true, _) => format!(" for {ALL}, {filled} filled"),
    }
}
