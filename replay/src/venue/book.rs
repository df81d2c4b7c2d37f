//! A working order at the bar venue.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::event::ReportKind;
use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::order::{OrderStatus, OrderTerms, Side};
use retrace_core::time::Timestamp;

/// A working order.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was asked for, or that happened to it")]
pub(super) struct Resting {
    pub(super) order: OrderNo,
    pub(super) plan: PlanNo,
    /// Which way its plan stands: which extreme of a bar it sees first.
    pub(super) direction: Side,
    pub(super) symbol: Symbol,
    pub(super) side: Side,
    pub(super) terms: OrderTerms,
    pub(super) quantity: Quantity,
    pub(super) filled: Position,
    pub(super) reduce_only: bool,
    /// When it ends by itself.
    pub(super) good_till: Option<Timestamp>,
    /// It is a stop without a size: it trades what its plan holds, and its quantity says nothing.
    pub(super) size_free: bool,
    /// It may only make liquidity.
    pub(super) post_only: bool,
    /// A stop that was touched: what is left of it goes on at the next open, of a stop limit as a limit order.
    pub(super) triggered: bool,
}

/// In which turn orders match at one price point (SEMANTICS 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    Stop,
    TakeProfit,
    Limit,
    Market,
}

impl Resting {
    pub(super) const fn turn(&self) -> Turn {
        match self.terms {
            OrderTerms::StopLimit { .. } if self.triggered => Turn::Limit,
            OrderTerms::Stop { .. } | OrderTerms::StopLimit { .. } | OrderTerms::TrailingStop { .. } => Turn::Stop,
            OrderTerms::TakeProfit { .. } => Turn::TakeProfit,
            OrderTerms::Limit { .. } | OrderTerms::Iceberg { .. } => Turn::Limit,
            OrderTerms::Market | OrderTerms::Unknown => Turn::Market,
        }
    }

    /// Where it stands, as a query is answered. Where a trailing stop was moved to is not told.
    pub(super) const fn stands(&self) -> ReportKind {
        let status = if self.filled.is_flat() { OrderStatus::Open } else { OrderStatus::PartiallyFilled };
        let price = match (self.terms.trigger(), self.terms.trail()) {
            (_, Some(_)) => None,
            (Some(trigger), None) => Some(trigger),
            (None, None) => self.terms.limit_price(),
        };
        ReportKind::Stands { status, quantity: self.quantity, price, filled: self.filled }
    }

    /// Where a stop without a size stands that has traded all that there was.
    pub(super) fn stands_done(&self) -> ReportKind {
        let quantity = self.filled.size().unwrap_or(self.quantity);
        let (status, price) = (OrderStatus::Filled, self.terms.trigger());
        ReportKind::Stands { status, quantity, price, filled: self.filled }
    }

    /// What is not filled yet; `None` when it is done. A stop without a size is when nothing is left to trade.
    pub(super) fn remaining(&self) -> Option<Quantity> {
        match self.filled.size() {
            Some(filled) if !self.size_free => self.quantity.less(filled),
            Some(_) | None => Some(self.quantity),
        }
    }

    /// Whether `price` sets off a level on the losing side: at or below it for a sale, at or above it for a purchase.
    pub(super) fn stop_touched(&self, trigger: Price, price: Price) -> bool {
        match self.side {
            Side::Sell => price <= trigger,
            Side::Buy => price >= trigger,
        }
    }

    /// Whether it is a stop that `price` sets off.
    pub(super) fn is_set_off_at(&self, price: Price) -> bool {
        match self.terms {
            OrderTerms::Stop { trigger }
            | OrderTerms::StopLimit { trigger, .. }
            | OrderTerms::TrailingStop { trigger, .. } => !self.triggered && self.stop_touched(trigger, price),
            OrderTerms::Market
            | OrderTerms::Limit { .. }
            | OrderTerms::Iceberg { .. }
            | OrderTerms::TakeProfit { .. }
            | OrderTerms::Unknown => false,
        }
    }

    /// Lets a trailing stop follow the price, in the holder's favour only.
    pub(super) fn follow(&mut self, price: Price, instrument: &Instrument) {
        if let (OrderTerms::TrailingStop { trigger, trail }, false) = (self.terms, self.triggered) {
            self.terms = self.terms.at(trail.moved(trigger, price, self.side, instrument));
        }
    }

    /// Whether it is a stop, of any kind.
    pub(super) const fn is_stop(&self) -> bool {
        matches!(self.terms, OrderTerms::Stop { .. } | OrderTerms::StopLimit { .. } | OrderTerms::TrailingStop { .. })
    }

    /// Whether `price` is as good as `level` or better: at or above it for a sale, at or below it for a purchase.
    pub(super) fn is_good(&self, level: Price, price: Price) -> bool {
        match self.side {
            Side::Sell => price >= level,
            Side::Buy => price <= level,
        }
    }
}
