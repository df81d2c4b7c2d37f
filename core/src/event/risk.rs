//! What the risk gate did not let through, and what follows.

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::amount::{Money, Position, Price, Quantity};
use crate::ids::GroupNo;
use crate::instrument::Symbol;
use crate::order::{OrderRole, OrderTerms, Side, spelled};
use crate::time::Timestamp;

/// An order that the risk gate did not let through: it was never requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderRefused {
    /// The group that it would have belonged to.
    pub group: GroupNo,
    /// What it was for.
    pub role: OrderRole,
    /// Buy or sell.
    pub side: Side,
    /// Its type and prices.
    pub terms: OrderTerms,
    /// How much.
    pub quantity: Quantity,
    /// Which slice of its group, from 0.
    pub slice: u32,
    /// The limit that it would have broken.
    pub refusal: RiskRefusal,
    /// What follows.
    pub then: AfterRefusal,
}

/// Which of a session's limits an order, or a change of one, would have broken, with what it would have come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum RiskRefusal {
    /// The operator's kill switch is on.
    KillSwitch {
        /// Since when.
        since: Timestamp,
    },
    /// More than one order may be.
    OrderQuantity {
        /// How much it was to be, in base.
        quantity: Quantity,
        /// The limit.
        limit: Quantity,
    },
    /// Worth more than one order may be.
    OrderNotional {
        /// What it was to be worth, in quote.
        notional: Money,
        /// The price that it was valued at: its own, or the current one.
        price: Price,
        /// The limit.
        limit: Money,
    },
    /// With it and all that works, the account's position in the symbol could go beyond its limit.
    Position {
        /// What it could come to, signed, in base.
        position: Position,
        /// The limit, either way.
        limit: Quantity,
    },
    /// With it and all that works, the positions of all symbols could together be worth more than they may.
    AccountPosition {
        /// What they could come to, each without its sign, in quote.
        position: Money,
        /// The limit.
        limit: Money,
    },
    /// Its price stands too far from the current one.
    PriceCollar {
        /// Its price.
        price: Price,
        /// The current price.
        current_price: Price,
        /// The largest distance, as a fraction of the current price.
        #[bincode(with_serde)]
        limit: Decimal,
    },
    /// As many orders as may be were requested in the last sixty seconds.
    OrdersPerMinute {
        /// The limit.
        limit: u32,
        /// When there is room for this one, if nothing else takes it.
        room_at: Timestamp,
    },
    /// As many orders work as may at once.
    OpenOrders {
        /// How many do.
        open: u32,
        /// The limit.
        limit: u32,
    },
    /// A limit in quote, the account's cash or a collar, before any price was seen: what cannot be judged does not pass.
    NoPrice {
        /// Of what.
        symbol: Symbol,
    },
    /// The account has not the cash for it.
    InsufficientCash {
        /// What it takes: its notional and the fee of a taker, in quote.
        needs: Money,
        /// What is free: neither in positions nor kept for orders that work, in quote; below zero where more was lost
        /// than there was.
        free: Money,
    },
}

spelled! {
    /// What becomes of what an order that the risk gate refused was to trade.
    AfterRefusal {
        /// It is asked for again once there is room.
        WaitsForRoom = "waits_for_room",
        /// It goes into the group's next slice.
        NextSlice = "next_slice",
        /// Its group sends nothing more: a directive may state the target again.
        GivenUp = "given_up",
    }
}

impl RiskRefusal {
    /// The limit's name, as it is counted and shown: that of its key in the session file, where it has one.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::KillSwitch { .. } => "kill_switch",
            Self::OrderQuantity { .. } => "max_order_quantity",
            Self::OrderNotional { .. } => "max_order_notional",
            Self::Position { .. } => "max_position",
            Self::AccountPosition { .. } => "max_account_position",
            Self::PriceCollar { .. } => "price_collar",
            Self::OrdersPerMinute { .. } => "max_orders_per_minute",
            Self::OpenOrders { .. } => "max_open_orders",
            Self::NoPrice { .. } => "no_price_for_limit",
            Self::InsufficientCash { .. } => "insufficient_cash",
        }
    }
}
