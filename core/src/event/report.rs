//! What a venue says about an order.

use bincode::{Decode, Encode};
use serde::Serialize;

use crate::amount::{Money, Position, Price, Quantity};
use crate::ids::{ConnectorOrderId, OrderNo, Seq, TradeId};
use crate::instrument::Asset;
use crate::order::{OrderStatus, spelled};
use crate::time::Timestamp;
use crate::venue::Liquidity;

/// What a venue said about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which order.
    pub order: ReportedOrder,
    /// The request that it answers, by the event that asked; `None` for what nobody asked for, and where a venue does
    /// not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Seq>,
    /// What happened to it.
    pub what: ReportKind,
}

/// The order that a report names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedOrder {
    /// One that this session requested.
    Ours(OrderNo),
    /// One that it did not: recorded as foreign, never acted on.
    Foreign(ConnectorOrderId),
}

/// What happened to an order at the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// It works.
    Accepted {
        /// The venue's id for it.
        connector_order_id: ConnectorOrderId,
    },
    /// It was refused and never worked.
    Rejected {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// A part of it, or all, was traded.
    Filled(FillReport),
    /// It was changed as requested.
    Amended {
        /// Its whole quantity now, filled part included.
        quantity: Quantity,
        /// Its price or trigger now; `None` for an order that has none.
        price: Option<Price>,
    },
    /// A change was refused; the order works as before.
    AmendRejected {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// It was cancelled as requested.
    Canceled,
    /// A cancel was refused; the order works as before or had ended already.
    CancelRejected {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// It was ended by the venue's own rules.
    Expired {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// Its level was touched; it trades as soon as there is something to trade with. Not said of one that fills at
    /// that moment.
    Triggered,
    /// A trade of it was taken back: it counts for nothing any more, whatever else is told of it.
    Busted {
        /// The venue's id of the trade.
        trade_id: TradeId,
    },
    /// A trade of it was put right.
    Corrected {
        /// Which correction of that trade, from 1: the highest one told is what counts. The fill itself is 0.
        revision: u32,
        /// The trade as it is now.
        fill: FillReport,
    },
    /// Where it stands at the venue: what answers a query. It brings no fills: those are told one by one.
    Stands {
        /// Where it stands.
        status: OrderStatus,
        /// Its whole quantity now, filled part included.
        quantity: Quantity,
        /// Its price or trigger now; `None` for an order that has none.
        price: Option<Price>,
        /// How much of it was traded in all, zero or more.
        filled: Position,
    },
    /// The venue knows no such order, and no request for it is under way any more: what answers a query.
    NotFound,
}

/// One trade against an order. Its identity is (venue, symbol, trade id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct FillReport {
    /// The venue's id of the trade.
    pub trade_id: TradeId,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// The fee; below zero for a rebate.
    pub fee: Money,
    /// In which asset the fee was taken.
    pub fee_asset: Asset,
    /// Whether it took or made liquidity.
    pub liquidity: Liquidity,
    /// When the venue says it traded.
    pub executed_at: Timestamp,
}

spelled! {
    /// Why a venue refused or ended something.
    VenueReason {
        /// A stop or take profit whose level is already passed.
        WouldTriggerNow = "would_trigger_now",
        /// A post-only order that would have taken liquidity.
        WouldTake = "would_take",
        /// The notional is below the venue's minimum.
        BelowMinNotional = "below_min_notional",
        /// The price is not on the tick, or the quantity not on the lot.
        OffGrid = "off_grid",
        /// A reduce-only order with no position left to reduce.
        NothingToReduce = "nothing_to_reduce",
        /// An immediate order that found no price it could fill at.
        NotFilledAtOnce = "not_filled_at_once",
        /// The venue knows no working order of that id.
        UnknownOrder = "unknown_order",
        /// Any other reason, not told apart.
        Other = "other",
        /// Said by nobody: the venue, asked for it, knows no such order, so the request for it was lost on its way.
        NeverArrived = "never_arrived",
        /// A sale of more than is held, at a venue without short positions.
        NotHeld = "not_held",
        /// A sale of what a working order has locked.
        HoldingLocked = "holding_locked",
        /// As many stops work already as the venue takes.
        TooManyStops = "too_many_stops",
        /// The venue does not change a working order's quantity in this direction.
        CannotAmend = "cannot_amend",
        /// The other leg of linked exits traded.
        Linked = "linked",
        /// The time until which it was to stand has come.
        GoodTill = "good_till",
    }
}
