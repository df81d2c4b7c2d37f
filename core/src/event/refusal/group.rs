//! Why a directive about a group was not carried out: each rule with its numbers.

use bincode::{Decode, Encode};
use serde::Serialize;

use crate::amount::{Money, Position, Price, Quantity};
use crate::event::GroupEnd;
use crate::ids::GroupId;

/// A rule that an action on a group broke, with its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum GroupRefusal {
    /// The plan has no group of that id, or none that the named directive opened.
    UnknownGroup,
    /// The group has ended, or is being cancelled; the last one where a directive opened several.
    GroupEnded {
        /// Which.
        group: GroupId,
        /// How.
        end: GroupEnd,
    },
    /// The group has no order open that could be changed.
    NoOpenOrder {
        /// Which.
        group: GroupId,
    },
    /// A limit price for a group whose orders have none.
    NoLimitPrice {
        /// Which.
        group: GroupId,
    },
    /// A limit price that an exit level has passed already: what is entered there would leave at once.
    LimitBeyondExit {
        /// The limit price.
        limit_price: Price,
        /// `stop_loss_price` or `take_profit_price`.
        field: String,
        /// The level.
        level: Price,
    },
    /// An order cannot be made as small as what it has filled already.
    NotAboveFilled {
        /// As given.
        quantity: Quantity,
        /// What is filled of the order.
        filled: Position,
    },
    /// What would still be traded of an order is worth less than the minimum notional.
    OrderBelowMinNotional {
        /// What would still be traded of it.
        quantity: Quantity,
        /// The price it was valued at.
        price: Price,
        /// The minimum.
        minimum: Money,
    },
    /// More would leave than is held.
    WouldCrossZero {
        /// What would be on its way out.
        leaving: Position,
        /// What is held.
        held: Position,
    },
    /// A request for orders of the group is unanswered: one change at a time.
    OrderUnanswered {
        /// How many of its orders wait for an answer.
        orders: u32,
    },
    /// A new quantity while there is no connection to the venue: its orders cannot be changed.
    NotConnected,
    /// One limit price for a group whose orders stand in layers, each at a price of its own.
    OnePriceForLayers {
        /// Which.
        group: GroupId,
    },
}

impl GroupRefusal {
    /// The rule's name, as it is counted and shown.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownGroup => "unknown_group",
            Self::GroupEnded { .. } => "group_ended",
            Self::NoOpenOrder { .. } => "no_open_order",
            Self::NoLimitPrice { .. } => "no_limit_price",
            Self::LimitBeyondExit { .. } => "limit_beyond_exit",
            Self::NotAboveFilled { .. } => "not_above_filled",
            Self::OrderBelowMinNotional { .. } => "order_below_min_notional",
            Self::WouldCrossZero { .. } => "would_cross_zero",
            Self::OrderUnanswered { .. } => "order_unanswered",
            Self::NotConnected => "not_connected",
            Self::OnePriceForLayers { .. } => "one_price_for_layers",
        }
    }

    /// The group that it names.
    pub(crate) const fn group_mut(&mut self) -> Option<&mut GroupId> {
        match self {
            Self::GroupEnded { group, .. }
            | Self::NoOpenOrder { group }
            | Self::NoLimitPrice { group }
            | Self::OnePriceForLayers { group } => Some(group),
            Self::UnknownGroup
            | Self::LimitBeyondExit { .. }
            | Self::NotAboveFilled { .. }
            | Self::OrderBelowMinNotional { .. }
            | Self::WouldCrossZero { .. }
            | Self::OrderUnanswered { .. }
            | Self::NotConnected => None,
        }
    }
}
