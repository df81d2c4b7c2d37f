//! The bar venue: fills orders from bars by the rules of SEMANTICS 2. Pure; a connector like any other, so the worker
//! learns of it only through reports.

mod adopt;
mod arrival;
mod book;
mod matching;
mod rules;

use std::collections::{BTreeMap, VecDeque};

use retrace_core::amount::{AmountError, Money, Position, Price, Quantity};
use retrace_core::event::{FillReport, Mark, Report, ReportKind, ReportedOrder, VenueReason};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::ids::{IdError, OrderNo, PlanNo, TradeId};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::manifest::Identity;
use retrace_core::order::Side;
use retrace_core::time::Timestamp;
use retrace_core::venue::{FeeAsset, Liquidity, VenueSettings};
use rust_decimal::Decimal;

use crate::effect::Effect;
use book::Resting;

/// The simulated venue of a backtest.
#[derive(Clone, Debug)]
pub struct BarVenue {
    settings: VenueSettings,
    instruments: Vec<Instrument>,
    /// Requests on their way, with the time at which they arrive.
    travelling: VecDeque<(Timestamp, Effect)>,
    /// Working orders, in order of acceptance.
    resting: BTreeMap<u64, Resting>,
    next_acceptance: u64,
    /// What each plan holds here: what a reduce-only order may reduce.
    positions: BTreeMap<PlanNo, (Symbol, Position)>,
    /// What plans that have ended left in the account.
    dust: BTreeMap<Symbol, Position>,
    marks: BTreeMap<Symbol, Mark>,
    /// What our orders may still take of the current bar; absent where there is no cap.
    volume_left: BTreeMap<Symbol, Position>,
    next_trade: u64,
}

/// A point of the tape as the venue sees it.
#[derive(Clone, Copy, Debug)]
pub struct PricePoint<'a> {
    /// Of what.
    pub symbol: &'a Symbol,
    /// When.
    pub time: Timestamp,
    /// At which prices.
    pub mark: Mark,
    /// Whether a bar opens here: prices may have jumped, and market orders fill.
    pub open: bool,
}

/// The venue cannot go on: a number is out of what can be counted exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VenueError {
    /// A sum or product does not fit.
    #[error("the simulated venue: {0}")]
    Inexact(#[from] Inexact),
    /// A price or quantity is out of bounds.
    #[error("the simulated venue: {0}")]
    Amount(#[from] AmountError),
    /// A name it made is not valid.
    #[error("the simulated venue: {0}")]
    Id(#[from] IdError),
    /// A request names a symbol that the session does not trade.
    #[error("the simulated venue: {symbol} is not traded in this session")]
    UnknownSymbol {
        /// The symbol.
        symbol: Symbol,
    },
}

impl BarVenue {
    /// The venue of a session, with no orders and no prices.
    pub fn new(identity: &Identity) -> Self {
        Self {
            settings: identity.venue.clone(),
            instruments: identity.instruments.clone(),
            travelling: VecDeque::new(),
            resting: BTreeMap::new(),
            next_acceptance: 0,
            positions: BTreeMap::new(),
            dust: BTreeMap::new(),
            marks: BTreeMap::new(),
            volume_left: BTreeMap::new(),
            next_trade: 1,
        }
    }

    /// Takes a request that leaves the worker at `now`. Without latency it arrives at once, and what the venue says to
    /// it is answered; otherwise it arrives before the first price point at or after `now` plus the latency.
    ///
    /// # Errors
    /// [`VenueError`] if a number does not fit.
    pub fn receive(&mut self, now: Timestamp, effect: Effect) -> Result<Vec<Report>, VenueError> {
        let mut reports = Vec::new();
        if self.settings.latency.nanos() == 0 {
            self.arrive(now, &effect, &mut reports)?;
        } else {
            self.travelling.push_back((now.plus(self.settings.latency), effect));
        }
        Ok(reports)
    }

    /// Begins a bar: `cap` is what our orders may take of it, `None` for no cap.
    pub fn begin_bar(&mut self, symbol: &Symbol, cap: Option<Position>) {
        match cap {
            Some(cap) => self.volume_left.insert(symbol.clone(), cap),
            None => self.volume_left.remove(symbol),
        };
    }

    /// Takes a price point: requests that have arrived by now first, at the price before it, then what matches.
    ///
    /// # Errors
    /// [`VenueError`] if a number does not fit.
    pub fn price_point(&mut self, point: PricePoint<'_>) -> Result<Vec<Report>, VenueError> {
        let mut reports = Vec::new();
        while let Some((_, effect)) = self.travelling.pop_front_if(|(arrives, _)| *arrives <= point.time) {
            self.arrive(point.time, &effect, &mut reports)?;
        }
        if let Some(mark) = self.marks.get_mut(point.symbol) {
            *mark = point.mark;
        } else {
            self.marks.insert(point.symbol.clone(), point.mark);
        }
        self.expire(point.time, &mut reports);
        self.match_point(point, &mut reports)?;
        Ok(reports)
    }

    /// Ends what was to stand until now, of whichever symbol: its time has come before this point's prices.
    fn expire(&mut self, now: Timestamp, reports: &mut Vec<Report>) {
        self.resting.retain(|_, order| {
            let over = order.good_till.is_some_and(|time| time <= now);
            if over {
                reports.push(expired(order.order, VenueReason::GoodTill));
            }
            !over
        });
    }

    fn instrument(&self, symbol: &Symbol) -> Result<&Instrument, VenueError> {
        let found = self.instruments.iter().find(|instrument| instrument.symbol == *symbol);
        found.ok_or_else(|| VenueError::UnknownSymbol { symbol: symbol.clone() })
    }

    /// What of `wanted` the current bar still gives.
    fn within_volume(&self, symbol: &Symbol, wanted: Quantity) -> Option<Quantity> {
        match self.volume_left.get(symbol) {
            None => Some(wanted),
            Some(left) => left.size().map(|left| left.min(wanted)),
        }
    }

    /// What of `wanted` an order may trade: all, or for a reduce-only one what there is to reduce, or
    /// what the account holds where nothing may be below zero. A stop without a size wants all that there is to reduce.
    /// Never less than a lot.
    fn within_position(&self, order: &Resting, wanted: Quantity) -> Result<Option<Quantity>, VenueError> {
        if !order.reduce_only {
            return self.within_account(order, wanted);
        }
        let position = self.positions.get(&order.plan).map_or(Position::FLAT, |(_, position)| *position);
        let position = self.instrument(&order.symbol)?.whole_lots(position)?;
        let size = position.size().filter(|_| Side::of(position) != Some(order.side));
        Ok(size.map(|size| if order.size_free { size } else { size.min(wanted) }))
    }

    /// Whether an order goes on after it met a price. Of a stop without a size nobody but the venue knows that it is done.
    fn goes_on(&self, order: &Resting, reports: &mut Vec<Report>) -> Result<bool, VenueError> {
        if !order.size_free {
            return Ok(order.remaining().is_some());
        }
        let left = self.within_position(order, order.quantity)?;
        if left.is_none() {
            reports.push(report(order.order, order.stands_done()));
        }
        Ok(left.is_some())
    }

    /// Fills `quantity` of an order and reports it; answers what remains of the order.
    fn trade(
        &mut self,
        order: &mut Resting,
        at: Timestamp,
        price: Price,
        quantity: Quantity,
        liquidity: Liquidity,
        reports: &mut Vec<Report>,
    ) -> Result<(), VenueError> {
        let symbol = order.symbol.clone();
        let (fee, fee_asset) = self.fee(&symbol, price, quantity, liquidity)?;
        let trade_id = TradeId::new(&self.next_trade.to_string())?;
        self.next_trade = self.next_trade.saturating_add(1);
        if let Some(left) = self.volume_left.get_mut(&symbol) {
            *left = left.minus(Side::Buy.signed(quantity))?;
        }
        let (_, position) = self.positions.entry(order.plan).or_insert_with(|| (symbol.clone(), Position::FLAT));
        *position = position.plus(order.side.signed(quantity))?;
        if fee_asset == *symbol.base() {
            // What the fee took is not there to be reduced; a short position owes it.
            *position = position.minus(Position::new(fee.value())?)?;
        }
        order.filled = order.filled.plus(Side::Buy.signed(quantity))?;
        let fill = FillReport { trade_id, price, quantity, fee, fee_asset, liquidity, executed_at: at };
        reports.push(report(order.order, ReportKind::Filled(fill)));
        self.unlink(order, reports);
        Ok(())
    }

    /// The fee of a fill, rounded up to 12 decimals (against us).
    fn fee(
        &self,
        symbol: &Symbol,
        price: Price,
        quantity: Quantity,
        liquidity: Liquidity,
    ) -> Result<(Money, retrace_core::instrument::Asset), VenueError> {
        let rate = match liquidity {
            Liquidity::Maker => self.settings.maker_fee,
            Liquidity::Taker | Liquidity::Unknown => self.settings.taker_fee,
        };
        let (amount, asset) = match self.settings.fee_asset {
            FeeAsset::Quote => (quantity.notional(price)?.value(), symbol.quote()),
            FeeAsset::Base => (quantity.value(), symbol.base()),
        };
        let fee = exact::mul_div(amount, rate, Decimal::ONE, retrace_core::amount::DECIMALS_MAX, Rounding::Up)?;
        Ok((Money::new(fee), asset.clone()))
    }

    /// The price of a market or stop fill: slipped against us, then on the tick against us. Without slippage it stays.
    fn slipped(&self, order: &Resting, price: Price) -> Result<Price, VenueError> {
        if self.settings.slippage_bps.is_zero() {
            return Ok(price);
        }
        let slip = exact::mul(price.value(), self.settings.slippage_bps)?;
        let ten_thousand = Decimal::from(10_000);
        let slip = exact::mul_div(slip, Decimal::ONE, ten_thousand, retrace_core::amount::DECIMALS_MAX, Rounding::Up)?;
        let (worse, rounding) = match order.side {
            Side::Buy => (exact::add(price.value(), slip)?, Rounding::Up),
            Side::Sell => (exact::sub(price.value(), slip)?, Rounding::Down),
        };
        let instrument = self.instrument(&order.symbol)?;
        // A price that slips to nothing stops at the first tick.
        Ok(instrument.round_price(worse, rounding).unwrap_or(instrument.tick))
    }
}

/// What nobody asked for.
fn report(order: OrderNo, what: ReportKind) -> Report {
    Report { order: ReportedOrder::Ours(order), answers: None, what }
}

/// What answers a request.
fn answer(effect: &Effect, what: ReportKind) -> Report {
    Report { answers: Some(effect.seq), ..report(effect.order, what) }
}

fn expired(order: OrderNo, reason: VenueReason) -> Report {
    report(order, ReportKind::Expired { reason })
}
