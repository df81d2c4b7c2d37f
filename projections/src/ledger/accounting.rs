//! A plan's position and result from its fills (SEMANTICS 7). Stores cost and quantity, never an average.

use bincode::{Decode, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::ids::TradeId;
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::{OrderRole, Side};
use retrace_core::time::Timestamp;

use super::order::Fill;

/// The place of a fill among a plan's fills: by time of execution, then by the venue's trade id. Ids that are plain
/// numbers sort as numbers, because a shorter one comes first.
type FillKey = (Timestamp, usize, TradeId);

/// What accounting needs of a fill.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Trade {
    /// The venue's id.
    pub trade_id: TradeId,
    /// When the venue says it traded.
    pub executed_at: Timestamp,
    /// What the order was for.
    pub role: OrderRole,
    /// Bought or sold.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// The fee; below zero for a rebate.
    pub fee: Money,
    /// In which asset.
    pub fee_asset: Asset,
}

impl Trade {
    /// A fill, as it stands, of an order of this role and side.
    pub fn of(role: OrderRole, side: Side, fill: &Fill) -> Self {
        Self {
            trade_id: fill.trade_id.clone(),
            executed_at: fill.executed_at,
            role,
            side,
            price: fill.price,
            quantity: fill.quantity,
            fee: fill.fee,
            fee_asset: fill.fee_asset.clone(),
        }
    }
}

/// A plan's trades in accounting order, and what follows from them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Accounting {
    base: Asset,
    quote: Asset,
    /// Shared between copies, so that copying a plan to decide about it does not copy its history.
    trades: Arc<BTreeMap<FillKey, Trade>>,
    totals: Totals,
}

/// What follows from a plan's trades.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Totals {
    /// Signed sum of the trades.
    pub traded: Position,
    /// `traded` less fees taken in the base asset.
    pub held: Position,
    /// What the open position cost, without fees; the average entry is this over the position's size.
    pub cost: Money,
    /// Result of what was closed, before fees, in quote.
    pub realized: Money,
    /// Fees by asset.
    pub fees: BTreeMap<Asset, Money>,
    /// Fees in quote; those in base valued at their fill's price. Fees in a third asset have no price here and are
    /// only listed.
    pub fees_in_quote: Money,
}

impl Totals {
    /// The average price of the open position, to 12 decimals, half to even; `None` when flat.
    ///
    /// # Errors
    /// [`Inexact`] when the quotient does not fit.
    pub fn average_entry(&self) -> Result<Option<Price>, Inexact> {
        let Some(size) = self.traded.size() else { return Ok(None) };
        let average = exact::mul_div(
            self.cost.value(),
            rust_decimal::Decimal::ONE,
            size.value(),
            retrace_core::amount::DECIMALS_MAX,
            Rounding::HalfEven,
        )?;
        Ok(Price::new(average).ok())
    }

    /// The realised result less fees in quote.
    ///
    /// # Errors
    /// [`Inexact`] when the difference does not fit.
    pub fn net(&self) -> Result<Money, Inexact> {
        self.realized.minus(self.fees_in_quote)
    }

    /// What closing the open position at `price` would realise, before fees, in quote (SEMANTICS 7); zero when flat.
    ///
    /// # Errors
    /// [`Inexact`] when the position's worth does not fit.
    pub fn unrealized(&self, price: Price) -> Result<Money, Inexact> {
        let Some(size) = self.traded.size() else { return Ok(Money::ZERO) };
        let worth = size.notional(price)?;
        match Side::of(self.traded) {
            Some(Side::Sell) => self.cost.minus(worth),
            Some(Side::Buy) | None => worth.minus(self.cost),
        }
    }

    fn book(&mut self, base: &Asset, quote: &Asset, trade: &Trade) -> Result<(), Inexact> {
        let signed = trade.side.signed(trade.quantity);
        let against = Side::of(self.traded).is_some_and(|standing| standing != trade.side);
        let open = self.traded.size();
        let closing = open.filter(|_| against).map(|open| open.min(trade.quantity));
        if let (Some(open), Some(closing)) = (open, closing) {
            let released = if closing == open { self.cost } else { self.cost.share(closing.value(), open.value())? };
            let proceeds = closing.notional(trade.price)?;
            let gain = match trade.side {
                Side::Sell => proceeds.minus(released)?,
                Side::Buy => released.minus(proceeds)?,
            };
            self.cost = self.cost.minus(released)?;
            self.realized = self.realized.plus(gain)?;
        }
        let opening = match closing {
            Some(closing) => trade.quantity.less(closing),
            None => Some(trade.quantity),
        };
        if let Some(opening) = opening {
            self.cost = self.cost.plus(opening.notional(trade.price)?)?;
        }
        self.traded = self.traded.plus(signed)?;
        self.held = self.held.plus(signed)?;
        self.book_fee(base, quote, trade)
    }

    fn book_fee(&mut self, base: &Asset, quote: &Asset, trade: &Trade) -> Result<(), Inexact> {
        if trade.fee == Money::ZERO {
            return Ok(());
        }
        let sum = self.fees.entry(trade.fee_asset.clone()).or_default();
        *sum = sum.plus(trade.fee)?;
        if trade.fee_asset == *base {
            let too_large = Inexact { left: trade.fee.value(), operation: '*', right: trade.price.value() };
            let fee = Position::new(trade.fee.value()).map_err(|_| too_large)?;
            self.held = self.held.minus(fee)?;
            let worth = exact::mul(trade.fee.value(), trade.price.value())?;
            self.fees_in_quote = self.fees_in_quote.plus(Money::new(worth))?;
        } else if trade.fee_asset == *quote {
            self.fees_in_quote = self.fees_in_quote.plus(trade.fee)?;
        }
        Ok(())
    }
}

impl Accounting {
    /// No trades yet.
    pub fn new(symbol: &Symbol) -> Self {
        Self {
            base: symbol.base().clone(),
            quote: symbol.quote().clone(),
            trades: Arc::default(),
            totals: Totals::default(),
        }
    }

    /// What follows from the trades up to now.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether nothing was ever traded.
    pub fn is_empty(&self) -> bool {
        self.trades.is_empty()
    }

    /// Books a trade. One that belongs before others folds all of them again.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit; the trade is kept, the totals are those before it.
    pub fn book(&mut self, trade: Trade) -> Result<(), Inexact> {
        let key = key(trade.executed_at, &trade.trade_id);
        let last = self.trades.last_key_value().is_none_or(|(last, _)| *last < key);
        let mut totals = if last { self.totals.clone() } else { Totals::default() };
        if last {
            totals.book(&self.base, &self.quote, &trade)?;
            Arc::make_mut(&mut self.trades).insert(key, trade);
        } else {
            Arc::make_mut(&mut self.trades).insert(key, trade);
            for trade in self.trades.values() {
                totals.book(&self.base, &self.quote, trade)?;
            }
        }
        self.totals = totals;
        Ok(())
    }

    /// Takes a trade back, by when it was executed and its id, and folds all others again.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit; the trade is gone, the totals are those before it.
    pub(super) fn unbook(&mut self, executed_at: Timestamp, trade_id: &TradeId) -> Result<(), Inexact> {
        Arc::make_mut(&mut self.trades).remove(&key(executed_at, trade_id));
        let mut totals = Totals::default();
        for trade in self.trades.values() {
            totals.book(&self.base, &self.quote, trade)?;
        }
        self.totals = totals;
        Ok(())
    }

    /// What the order was for that traded last on one side, by time of execution.
    pub(super) fn last_role_on(&self, side: Side) -> Option<OrderRole> {
        self.trades.values().rfind(|trade| trade.side == side).map(|trade| trade.role)
    }

    /// What the order was for that traded last, by time of execution, whenever that was told.
    pub(super) fn last_role(&self) -> Option<OrderRole> {
        self.trades.last_key_value().map(|(_, trade)| trade.role)
    }
}

fn key(executed_at: Timestamp, trade_id: &TradeId) -> FillKey {
    (executed_at, trade_id.as_str().len(), trade_id.clone())
}
