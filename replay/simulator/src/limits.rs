//! The limits of a world, in whole lots: rolled, given to the engine, and what the auditor holds requests against.

use retrace_core::amount::Money;
use retrace_core::event::Switch;
use retrace_core::instrument::Asset;
use retrace_core::manifest::{Account, AccountCheck};
use retrace_core::policy::{RiskLimits, SymbolLimits};
use rust_decimal::Decimal;

use crate::dice::{Dice, key_of};
use crate::script::{Act, Happening, Script};
use crate::units::quantity;

/// What one lot is worth at the price that worlds begin with, in quote.
const LOT_WORTH: i64 = 10;

/// What the risk gate lets through; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest order, in lots.
    pub order: Option<i64>,
    /// The largest position in a symbol, in lots.
    pub position: Option<i64>,
    /// The largest order, in quote.
    pub notional: Option<i64>,
    /// All positions together, in quote.
    pub account: Option<i64>,
    /// The largest distance of a price from the current one, in thousandths of it.
    pub collar: Option<i64>,
    /// Orders a minute.
    pub per_minute: Option<i64>,
    /// Orders that work at once.
    pub open: Option<i64>,
    /// What the account has, in quote, where that is checked.
    pub cash: Option<i64>,
}

impl Limits {
    /// The limits of a seed, and what its operator does: drawn apart from everything else, so that a world is the same
    /// with and without them.
    pub(crate) fn roll(seed: u64, length: i64) -> (Self, Vec<Act>) {
        let mut dice = Dice::new(key_of("limits") ^ seed);
        let dice = &mut dice;
        let mut limits = Self::default();
        if dice.once_in(3) {
            let some = |dice: &mut Dice, from: &[i64]| dice.once_in(3).then(|| dice.pick(from));
            limits.order = some(dice, &[1, 5, 20, 60]);
            limits.position = some(dice, &[1, 10, 30, 100]);
            limits.notional = some(dice, &[1, 5, 20, 60]).map(|lots| lots * LOT_WORTH);
            limits.account = some(dice, &[1, 10, 30, 100]).map(|lots| lots * LOT_WORTH);
            limits.collar = some(dice, &[1, 2, 5, 20]);
            limits.per_minute = some(dice, &[1, 2, 4, 10]);
            limits.open = some(dice, &[1, 3, 6]);
        }
        let mut purse = Dice::new(key_of("cash") ^ seed);
        limits.cash = purse.once_in(5).then(|| purse.pick(&[1, 5, 20, 60, 150]) * LOT_WORTH);
        let mut acts = Vec::new();
        if dice.once_in(4) {
            for _ in 0..dice.between(1, 4) {
                let what = Happening::Operator(dice.pick(Switch::ALL));
                acts.push(Act { at: dice.between(0, length), what });
            }
        }
        (limits, acts)
    }

    /// The account that trades under them.
    pub(crate) fn account(&self, quote: Asset) -> Account {
        let check = if self.cash.is_some() { AccountCheck::Cash } else { AccountCheck::Unchecked };
        Account { quote, balance: Money::new(Decimal::from(self.cash.unwrap_or(1_000_000))), check }
    }

    /// As a session's policy has them.
    pub(crate) fn policy(&self, symbols: usize) -> RiskLimits {
        let money = |amount: Option<i64>| amount.map(|amount| Money::new(Decimal::from(amount)));
        let count = |count: Option<i64>| count.and_then(|count| u32::try_from(count).ok());
        let of_symbol = |symbol| SymbolLimits {
            symbol: Script::symbol(symbol),
            max_order_quantity: self.order.map(quantity),
            max_position: self.position.map(quantity),
        };
        let limited = self.order.is_some() || self.position.is_some();
        RiskLimits {
            symbols: if limited { (0..symbols.clamp(1, 2)).map(of_symbol).collect() } else { Vec::new() },
            max_order_notional: money(self.notional),
            max_account_position: money(self.account),
            price_collar: self.collar.map(|thousandths| Decimal::new(thousandths, 3)),
            max_orders_per_minute: count(self.per_minute),
            max_open_orders: count(self.open),
        }
    }
}
