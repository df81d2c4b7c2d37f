//! An order as its reports tell it, and its fills.

use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::event::{Because, FillReport, VenueReason};
use retrace_core::exact::Inexact;
use retrace_core::ids::{ConnectorOrderId, FillId, OrderId, OrderNo, Seq, TradeId};
use retrace_core::instrument::Asset;
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;

use super::status::{Told, may_become};

/// An order of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Its whole quantity as the venue has it, filled part included.
    pub quantity: Quantity,
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
    /// Its fills, in order of arrival.
    pub fills: Vec<Fill>,
    /// What its fills come to, zero or more.
    filled: Position,
    /// The venue said that it works.
    accepted: bool,
    /// How the venue said that it ended, and why. Its fills may say otherwise.
    end: Option<(OrderStatus, Option<VenueReason>)>,
}

/// A change of a working order that was requested and not yet answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
            fills: Vec::new(),
            filled: Position::FLAT,
            accepted: false,
            end: None,
        }
    }

    /// Whether the venue may still fill it.
    pub const fn is_working(&self) -> bool {
        self.status.is_working()
    }

    /// Whether the venue said, of a change of it, that it knows no such order: its end will be reported, and until then
    /// nothing more is asked of it.
    pub fn is_unknown(&self) -> bool {
        self.is_working() && self.reason == Some(VenueReason::UnknownOrder)
    }

    /// Whether a request for it is unanswered: its own, or a change.
    pub const fn is_unanswered(&self) -> bool {
        matches!(self.status, OrderStatus::Pending) || (self.is_working() && self.in_flight.is_some())
    }

    /// Whether it has ended while a change of it is still to be answered.
    pub const fn is_ended_unanswered(&self) -> bool {
        !self.is_working() && self.in_flight.is_some()
    }

    /// Whether it has ended and every change of it is answered: only a late report can still touch it.
    pub const fn is_settled(&self) -> bool {
        !self.is_working() && self.in_flight.is_none()
    }

    /// What its fills come to, zero or more.
    pub const fn filled(&self) -> Position {
        self.filled
    }

    /// What may still be filled: nothing once it has ended.
    pub fn remaining(&self) -> Option<Quantity> {
        if !self.is_working() {
            return None;
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
            Some(Change::Amend { quantity, .. }) => quantity,
            None => self.quantity,
        };
        self.remaining()?;
        match self.filled.size() {
            None => Some(whole),
            Some(filled) => whole.less(filled),
        }
    }

    /// Whether it may fill more than by now: it works, or all of it traded before it was made larger.
    pub fn may_fill(&self) -> bool {
        self.is_working() || (self.status == OrderStatus::Filled && self.is_to_grow())
    }

    /// The least that may still be filled of it, whether or not the change under way is made.
    pub fn remaining_least(&self) -> Option<Quantity> {
        Some(self.remaining()?.min(self.remaining_as_requested()?))
    }

    /// The most that may still be filled of it, whether or not the change under way is made.
    pub fn remaining_most(&self) -> Option<Quantity> {
        let asked = match self.in_flight {
            Some(Change::Amend { quantity, .. }) if self.may_fill() => match self.filled.size() {
                None => Some(quantity),
                Some(filled) => quantity.less(filled),
            },
            Some(Change::Amend { .. } | Change::Cancel) | None => None,
        };
        self.remaining().max(asked)
    }

    /// Whether the change under way makes it larger.
    pub(super) fn is_to_grow(&self) -> bool {
        matches!(self.in_flight, Some(Change::Amend { quantity, .. }) if quantity > self.quantity)
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

    pub(super) const fn ask(&mut self, change: Change, seq: Seq) {
        self.in_flight = Some(change);
        self.asked = seq;
    }

    pub(super) fn accept(&mut self, id: ConnectorOrderId) {
        self.connector_order_id = Some(id);
        self.accepted = true;
        self.restate();
    }

    /// Its level was touched: so the venue has it, whether or not it said so before.
    pub(super) fn triggered(&mut self) {
        self.accepted = true;
        self.restate();
    }

    /// An end reported by the venue: the first one counts, and none that would make a refusal of what was accepted.
    pub(super) fn end(&mut self, status: OrderStatus, reason: Option<VenueReason>) {
        if status == OrderStatus::Canceled && self.in_flight == Some(Change::Cancel) {
            self.in_flight = None;
        }
        if self.end.is_none() && (status != OrderStatus::Rejected || self.status == OrderStatus::Pending) {
            self.end = Some((status, reason));
            self.restate();
        }
    }

    /// A change was refused. What was not asked for cannot be refused: that is an older answer told again. Of an order
    /// that has ended by then nothing else is to be said.
    pub(super) fn amend_refused(&mut self, reason: VenueReason) {
        if matches!(self.in_flight, Some(Change::Amend { .. })) {
            self.in_flight = None;
            if self.is_working() {
                self.reason = Some(reason);
            }
        }
    }

    /// A cancel was refused: the order works on as it did, unless the venue knows it no more.
    pub(super) fn cancel_refused(&mut self, reason: VenueReason) {
        if self.in_flight == Some(Change::Cancel) {
            self.in_flight = None;
            if self.is_working() && reason == VenueReason::UnknownOrder {
                self.reason = Some(reason);
            }
        }
    }

    /// A change was made, if it is the one that was asked for: any other is an older answer told again.
    pub(super) fn amended(&mut self, quantity: Quantity, price: Option<Price>) {
        if self.in_flight != Some(Change::Amend { quantity, price }) {
            return;
        }
        self.in_flight = None;
        self.quantity = quantity;
        if let Some(price) = price {
            self.terms = self.terms.at(price);
        }
        self.restate();
    }

    /// Brings its status to what was reported of it.
    fn restate(&mut self) {
        let told = Told {
            accepted: self.accepted,
            traded: !self.filled.is_flat(),
            whole: self.filled.value() >= self.quantity.value(),
            end: self.end.map(|(end, _)| end),
        };
        let status = told.status();
        if may_become(self.status, status) {
            self.status = status;
            if let Some((end, reason)) = self.end
                && end == status
            {
                self.reason = reason;
            }
        }
    }

    /// It is as large as its trades: one more of them is known, and it works again until that is booked.
    pub(super) fn extend(&mut self, quantity: Quantity) {
        self.quantity = quantity;
        self.restate();
    }

    pub(super) fn fill(&mut self, id: FillId, report: &FillReport, seq: Seq) -> Result<(), Inexact> {
        let filled = self.filled.plus(Side::Buy.signed(report.quantity))?;
        let late = !self.is_working();
        let overfill = filled.value() > self.quantity.value();
        self.fills.push(Fill {
            id,
            booked: seq,
            trade_id: report.trade_id.clone(),
            price: report.price,
            quantity: report.quantity,
            fee: report.fee,
            fee_asset: report.fee_asset.clone(),
            liquidity: report.liquidity,
            executed_at: report.executed_at,
            late,
            overfill,
        });
        self.filled = filled;
        self.restate();
        Ok(())
    }
}
