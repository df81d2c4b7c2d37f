//! A trader's journal: one line for every round trip of a plan, from flat to flat.

use std::collections::BTreeMap;

use retrace_core::amount::{DECIMALS_MAX, Money, Position, Price, Quantity};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::instrument::Asset;
use retrace_core::manifest::Identity;
use retrace_core::order::Side;
use retrace_core::time::Timestamp;

use crate::ledger::{Accounting, Fill, Order, Phase, Plan, Totals, Trade};
use crate::projection::{Ended, Projection, Recorded, Section, View};

/// One line for every round trip: when and which way it was opened, how large it became, average prices in and out, and
/// what came of it. What is still open stands behind, as far as it has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Journal;

/// The round trips of one plan.
#[derive(Clone, Debug, Default)]
struct Trips {
    closed: Vec<Trip>,
    open: Option<Trip>,
}

/// A round trip, as far as it has come.
#[derive(Clone, Debug)]
struct Trip {
    opened: Timestamp,
    closed: Option<Timestamp>,
    way: Side,
    size: Position,
    size_max: Quantity,
    entered: Leg,
    left: Leg,
    /// What the plan's totals were before it, and are now.
    before: Totals,
    now: Totals,
}

/// What was traded one way.
#[derive(Clone, Debug, Default)]
struct Leg {
    quantity: Position,
    notional: Money,
}

impl Projection for Journal {
    const NAME: &'static str = "journal";
    const VERSION: u32 = 1;
    const FIELDS: &'static [&'static str] = &[
        "symbol",
        "way",
        "opened",
        "closed",
        "duration",
        "size_max",
        "average_in",
        "average_out",
        "realized_pnl",
        "fees",
        "net_pnl",
        "outcome",
    ];
    type Error = Inexact;

    fn begin(_: &Identity) -> Self {
        Self
    }

    /// A trade may be taken back or put right, so that what a round trip came to is known at the end alone.
    fn fold(&mut self, _: &Recorded<'_>) -> Result<(), Inexact> {
        Ok(())
    }

    fn view(&self, ended: &Ended<'_>) -> Result<View, Inexact> {
        let mut lines = Vec::new();
        for plan in ended.book.plans() {
            let trips = Trips::of(plan)?;
            let last = trips.closed.len();
            for (place, trip) in (1_usize..).zip(trips.closed.iter().chain(&trips.open)) {
                // How the plan ended is how its last trip did.
                let ended = match &plan.phase {
                    Phase::Closed { outcome, .. } => Some(outcome.as_str()),
                    Phase::Standing | Phase::Closing(_) | Phase::StoppedOut | Phase::Reopened { .. } => None,
                };
                let so_far = if trip.closed.is_some() { "flat" } else { "open" };
                let outcome = ended.filter(|_| place == last).unwrap_or(so_far);
                let title = format!("trip {} {place}", plan.id);
                let heading = Section::new(title).beside("symbol", plan.symbol());
                lines.push((trip.opened, trip.section(heading, outcome)?));
            }
        }
        // Plans come in order of number, and the sort keeps that where two trips were opened at one time.
        lines.sort_by_key(|(opened, _)| *opened);
        Ok(lines.into_iter().map(|(_, section)| section).collect())
    }
}

impl Trips {
    fn of(plan: &Plan) -> Result<Self, Inexact> {
        let mut trips = Self::default();
        let mut accounting = Accounting::new(plan.symbol());
        for (order, fill) in plan.standing_fills() {
            accounting.book(Trade::of(order.role, order.side, fill))?;
            trips.book(accounting.totals(), order, fill)?;
        }
        Ok(trips)
    }

    fn book(&mut self, totals: &Totals, order: &Order, fill: &Fill) -> Result<(), Inexact> {
        let mut opening = Some(fill.quantity);
        if let Some(mut trip) = self.open.take() {
            if trip.way == order.side {
                trip.enter(fill.quantity, fill.price)?;
                opening = None;
            } else {
                let size = trip.size.size().unwrap_or(fill.quantity);
                let closing = size.min(fill.quantity);
                trip.leave(closing, fill.price)?;
                opening = fill.quantity.less(closing);
            }
            trip.now = totals.clone();
            if trip.size.is_flat() {
                trip.closed = Some(fill.executed_at);
                self.closed.push(trip);
            } else {
                self.open = Some(trip);
            }
        }
        // What goes beyond flat begins the next trip; the fill's fee stays with the one it ended.
        if let Some(quantity) = opening {
            let before = self.closed.last().map_or_else(Totals::default, |trip| trip.now.clone());
            let mut trip = Trip::begin(order.side, quantity, fill.executed_at, before, totals.clone());
            trip.enter(quantity, fill.price)?;
            self.open = Some(trip);
        }
        Ok(())
    }
}

impl Trip {
    fn begin(way: Side, size_max: Quantity, opened: Timestamp, before: Totals, now: Totals) -> Self {
        let (entered, left) = (Leg::default(), Leg::default());
        Self { opened, closed: None, way, size: Position::FLAT, size_max, entered, left, before, now }
    }

    fn enter(&mut self, quantity: Quantity, price: Price) -> Result<(), Inexact> {
        self.entered.add(quantity, price)?;
        self.size = self.size.plus(Side::Buy.signed(quantity))?;
        self.size_max = self.size.size().map_or(self.size_max, |size| size.max(self.size_max));
        Ok(())
    }

    fn leave(&mut self, quantity: Quantity, price: Price) -> Result<(), Inexact> {
        self.left.add(quantity, price)?;
        self.size = self.size.minus(Side::Buy.signed(quantity))?;
        Ok(())
    }

    fn section(&self, heading: Section, outcome: &str) -> Result<Section, Inexact> {
        let mut fees: BTreeMap<Asset, Money> = BTreeMap::new();
        for (asset, amount) in &self.now.fees {
            let before = self.before.fees.get(asset).copied().unwrap_or_default();
            let paid = amount.minus(before)?;
            if paid != Money::ZERO {
                fees.insert(asset.clone(), paid);
            }
        }
        let way = if self.way == Side::Buy { "long" } else { "short" };
        Ok(heading
            .beside("way", way)
            .beside("opened", self.opened)
            .beside_some("closed", self.closed)
            .beside_some("duration", self.closed.map(|closed| closed.since(self.opened)))
            .beside("size_max", self.size_max)
            .beside_some("average_in", self.entered.average()?)
            .beside_some("average_out", self.left.average()?)
            .beside("realized_pnl", self.now.realized.minus(self.before.realized)?)
            .beside("fees", super::fees_text(&fees))
            .beside("net_pnl", self.now.net()?.minus(self.before.net()?)?)
            .beside("outcome", outcome))
    }
}

impl Leg {
    fn add(&mut self, quantity: Quantity, price: Price) -> Result<(), Inexact> {
        self.quantity = self.quantity.plus(Side::Buy.signed(quantity))?;
        self.notional = self.notional.plus(quantity.notional(price)?)?;
        Ok(())
    }

    /// To 12 decimals, half to even; `None` where nothing was traded.
    fn average(&self) -> Result<Option<Price>, Inexact> {
        let Some(quantity) = self.quantity.size() else { return Ok(None) };
        let (notional, one) = (self.notional.value(), rust_decimal::Decimal::ONE);
        let average = exact::mul_div(notional, one, quantity.value(), DECIMALS_MAX, Rounding::HalfEven)?;
        Ok(Price::new(average).ok())
    }
}
