//! An order as its reports tell it, and its fills. What a report does to it stands in `told.rs`.

use bincode::{Decode, Encode};
use std::collections::BTreeSet;

use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::event::{Because, FillReport, VenueReason};
use retrace_core::ids::{ConnectorOrderId, FillId, OrderId, OrderNo, Seq, TradeId};
use retrace_core::instrument::Asset;
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;

use super::size_free::SizeFree;

/// An order of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Order {
    /// Its dense number.
    pub no: OrderNo,
    /// Its public id, also its client order id.
    pub id: OrderId,
    /// The venue's id, once acknowledged.
    pub connector_order_id: Option<ConnectorOrderId>,
    /// What it is for.
    pub role: OrderRole,
    /// Buy or sell.
    pub side: Side,
    /// Its type and prices as the venue has them.
    pub terms: OrderTerms,
    /// Its whole quantity as the venue has it, filled part included; of a stop without a size, what it has traded and what
    /// its plan holds by now.
    pub quantity: Quantity,
    /// Of a stop without a size, what its quantity follows from.
    pub(super) size_free: Option<SizeFree>,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// Which slice of its group.
    pub slice: u32,
    /// Which try.
    pub attempt: u32,
    /// Why it was requested.
    pub because: Because,
    /// Where it was requested.
    pub requested: Seq,
    /// Where something was asked of it last: it was requested, or a change of it. What a report on it answers.
    pub asked: Seq,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it was refused or ended, where the venue said so.
    pub reason: Option<VenueReason>,
    /// The change that was requested and not yet answered: one at a time. It outlives the order's own end: the venue
    /// still answers it.
    pub in_flight: Option<Change>,
    /// The query of it that is not answered: until it is, nothing else is asked.
    pub query: Option<Seq>,
    /// Its fills, in order of arrival, those that were taken back among them.
    pub fills: Vec<Fill>,
    /// What its fills come to, zero or more.
    pub(super) filled: Position,
    /// What the venue said was filled of it in all, at most, zero or more.
    pub(super) stated: Position,
    /// What was said of it.
    pub(super) told: Said,
    /// Its level was touched, as the venue said or as it was seen.
    pub set_off: bool,
    /// The time in which it was to fill once it was set off is over.
    pub patience_over: bool,
    /// Trades of it that were taken back before they were told.
    pub(super) busted: BTreeSet<TradeId>,
}

/// What was said of an order, whatever the order in which it was said. Its fills may say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Said {
    /// The venue showed that it has it, or had it.
    pub accepted: bool,
    /// How it ended, and why: where several ends were told, the least of them.
    pub end: Option<(OrderStatus, Option<VenueReason>)>,
    /// It was refused, and why.
    pub refused: Option<VenueReason>,
    /// A change of it was refused, and why.
    pub change_refused: Option<VenueReason>,
    /// It was to grow, and the answer was that it did not.
    pub did_not_grow: bool,
    /// Its level was touched.
    pub triggered: bool,
}

impl Said {
    /// Nothing yet.
    const NOTHING: Self =
        Self { accepted: false, end: None, refused: None, change_refused: None, did_not_grow: false, triggered: false };
}

/// A change of a working order that was requested and not yet answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Change {
    /// To this quantity and price.
    Amend {
        /// Its whole quantity, filled part included.
        quantity: Quantity,
        /// Its price or trigger.
        price: Option<Price>,
    },
    /// To its end.
    Cancel,
}

/// One trade against an order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Fill {
    /// Its public id.
    pub id: FillId,
    /// The venue's id of the trade.
    pub trade_id: TradeId,
    /// Where it was booked: where it was reported first.
    pub booked: Seq,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// The most that any revision of it said: so much of the order it used up, and a correction does not give that back.
    pub largest: Quantity,
    /// Which correction of it this is, from 1; 0 as it was told first.
    pub revision: u32,
    /// It was taken back: it counts for nothing but the order's own quantity.
    pub busted: bool,
    /// The fee.
    pub fee: Money,
    /// In which asset.
    pub fee_asset: Asset,
    /// Whether it made or took liquidity.
    pub liquidity: Liquidity,
    /// When it traded.
    pub executed_at: Timestamp,
    /// It came after the order had ended.
    pub late: bool,
    /// It brought the order above its quantity.
    pub overfill: bool,
}

impl Fill {
    /// Its place in the order in which fills were booked. Those of a session that was continued come first, by time of
    /// execution: where they were booked is known no more.
    pub fn place(&self) -> (Seq, Timestamp, usize, &TradeId) {
        (self.booked, self.executed_at, self.trade_id.as_str().len(), &self.trade_id)
    }

    /// Whether a report of its trade id says the same again. Compared is what moves the ledger, never transport or time
    /// (SEMANTICS 8).
    pub fn says(&self, report: &FillReport) -> bool {
        self.price == report.price
            && self.quantity == report.quantity
            && self.fee == report.fee
            && self.fee_asset == report.fee_asset
    }
}

/// What an order is made of when it is requested.
#[derive(Clone, Copy)]
pub(super) struct NewOrder {
    pub role: OrderRole,
    pub side: Side,
    pub terms: OrderTerms,
    pub quantity: Quantity,
    pub time_in_force: TimeInForce,
    pub reduce_only: bool,
    pub slice: u32,
    pub attempt: u32,
    pub because: Because,
}

impl Order {
    pub(super) const fn new(no: OrderNo, id: OrderId, requested: Seq, new: &NewOrder) -> Self {
        Self {
            no,
            id,
            connector_order_id: None,
            role: new.role,
            side: new.side,
            terms: new.terms,
            quantity: new.quantity,
            size_free: None,
            time_in_force: new.time_in_force,
            reduce_only: new.reduce_only,
            slice: new.slice,
            attempt: new.attempt,
            because: new.because,
            requested,
            asked: requested,
            status: OrderStatus::Pending,
            reason: None,
            in_flight: None,
            query: None,
            fills: Vec::new(),
            filled: Position::FLAT,
            stated: Position::FLAT,
            told: Said::NOTHING,
            set_off: false,
            patience_over: false,
            busted: BTreeSet::new(),
        }
    }

    /// Whether the venue may still fill it.
    pub const fn is_working(&self) -> bool {
        self.status.is_working()
    }

    /// Whether nothing more is to be asked of it, because it works no more and that is still to be told: the venue said,
    /// of a change of it, that it knows no such order, or told its end and not all the fills before that.
    pub fn is_unknown(&self) -> bool {
        self.owes_fills() || (self.is_working() && self.reason == Some(VenueReason::UnknownOrder))
    }

    /// Whether its end was told, and not all the fills before that: until they are, it counts as working with those.
    pub const fn owes_fills(&self) -> bool {
        self.is_working() && self.told.end.is_some()
    }

    /// Whether it did not grow when it was to: what was to be added is missing, also where it has ended since.
    pub const fn did_not_grow(&self) -> bool {
        self.told.did_not_grow
    }

    /// Whether something asked of it is unanswered: a change, or a query.
    const fn is_asked(&self) -> bool {
        self.in_flight.is_some() || self.query.is_some()
    }

    /// Whether a request for it is unanswered: its own, a change, or a query.
    pub const fn is_unanswered(&self) -> bool {
        matches!(self.status, OrderStatus::Pending) || (self.is_working() && self.is_asked())
    }

    /// Whether it has ended while a change of it, or a query, is still to be answered.
    pub const fn is_ended_unanswered(&self) -> bool {
        !self.is_working() && self.is_asked()
    }

    /// Whether it has ended and everything asked of it is answered: only a late report can still touch it.
    pub const fn is_settled(&self) -> bool {
        !self.is_working() && !self.is_asked()
    }

    /// How much more was filled, as the venue said, than its fills come to: they are still to be told. Zero or more.
    pub fn missing_fill(&self) -> Position {
        self.stated.minus(self.filled).map_or(Position::FLAT, |missing| missing.max(Position::FLAT))
    }

    /// What its fills come to, zero or more. One that was taken back counts here: it used up that much of the order.
    pub const fn filled(&self) -> Position {
        self.filled
    }

    /// What may still be filled: nothing once it has ended. Where its end was told and not all the fills before it, those.
    pub fn remaining(&self) -> Option<Quantity> {
        if !self.is_working() {
            return None;
        }
        if self.told.end.is_some() {
            return self.missing_fill().size();
        }
        match self.filled.size() {
            None => Some(self.quantity),
            Some(filled) => self.quantity.less(filled),
        }
    }

    /// What would still be filled if the change under way is made.
    pub fn remaining_as_requested(&self) -> Option<Quantity> {
        let whole = match self.in_flight {
            Some(Change::Cancel) => return None,
            Some(Change::Amend { quantity, .. }) if !self.is_size_free() => quantity,
            Some(Change::Amend { .. }) | None => return self.remaining(),
        };
        self.remaining()?;
        match self.filled.size() {
            None => Some(whole),
            Some(filled) => whole.less(filled),
        }
    }

    /// Whether it may fill more than by now: it works, or all of it traded before it was made larger.
    pub fn may_fill(&self) -> bool {
        let grows_beyond = |asked: Quantity| self.is_to_grow() && Side::Buy.signed(asked) > self.filled;
        let grows = matches!(self.in_flight, Some(Change::Amend { quantity, .. }) if grows_beyond(quantity));
        self.is_working() || (self.status == OrderStatus::Filled && grows)
    }

    /// The least that may still be filled of it, whether or not the change under way is made.
    pub fn remaining_least(&self) -> Option<Quantity> {
        Some(self.remaining()?.min(self.remaining_as_requested()?))
    }

    /// The most that may still be filled of it, whether or not the change under way is made.
    pub fn remaining_most(&self) -> Option<Quantity> {
        let asked = match self.in_flight {
            Some(Change::Amend { quantity, .. }) if self.may_fill() && !self.is_size_free() => match self.filled.size()
            {
                None => Some(quantity),
                Some(filled) => quantity.less(filled),
            },
            Some(Change::Amend { .. } | Change::Cancel) | None => None,
        };
        self.remaining().max(asked)
    }

    /// Whether the change under way makes it larger.
    pub(super) fn is_to_grow(&self) -> bool {
        !self.is_size_free()
            && matches!(self.in_flight, Some(Change::Amend { quantity, .. }) if quantity > self.quantity)
    }

    /// Its price or trigger if the change under way is made.
    pub const fn price_as_requested(&self) -> Option<Price> {
        if let Some(Change::Amend { price: Some(price), .. }) = self.in_flight {
            return Some(price);
        }
        match self.terms.trigger() {
            Some(trigger) => Some(trigger),
            None => self.terms.limit_price(),
        }
    }

    /// The fill of this trade id, if it was booked.
    pub fn fill_of(&self, trade: &TradeId) -> Option<&Fill> {
        self.fills.iter().find(|fill| fill.trade_id == *trade)
    }
}
