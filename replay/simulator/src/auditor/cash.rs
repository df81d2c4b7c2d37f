//! The account's cash, by the auditor's own book: what flowed in and out in quote, less twice what open shorts were sold for.
//! In whole hundred-millionths, from the trades alone; the ledger has it from costs and realised results.

use std::collections::BTreeMap;

use retrace_core::amount::Money;
use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::time::Timestamp;

use super::{Asked, Auditor, Kind, Order};
use crate::script::Script;
use crate::units::{amount_of, lots_of, ticks_of};

/// How many of its units a tick of a lot is worth: both are a tenth.
const TICK_LOT: i128 = 1_000_000;

/// Units in one of the quote asset.
const QUOTE: i128 = 100_000_000;

/// What averages may be rounded apart, in units: a tick of a lot is ten thousand times as much.
pub(super) const ROUNDED: i128 = 100;

/// An order that is to enter, or what a change of one takes besides.
pub(super) struct Bill {
    /// What it takes, in units.
    pub takes: i128,
    /// What the cash may fall short of that, in units; below zero where it must be more.
    pub slack: i128,
}

impl Auditor {
    /// Whether the account's cash reaches for it; `None` where an order works that no price tells the worth of.
    pub(super) fn affords(&self, bill: &Bill, balance: i64) -> Option<bool> {
        Some(bill.takes <= self.free(balance)? + bill.slack)
    }

    /// Whether the free cash is as much as the engine says, but for what is rounded.
    pub(super) fn is_free(&self, said: Money, balance: i64) -> bool {
        self.free(balance).is_some_and(|free| (free - amount_of(said)).abs() <= ROUNDED)
    }

    fn free(&self, balance: i64) -> Option<i128> {
        let kept = self.orders.values().try_fold(0, |sum, order| Some(sum + self.keeps(order)?))?;
        Some(self.in_hand(balance) - kept)
    }

    /// What a change of orders, each to so many lots or that level, takes besides what those that enter keep already.
    pub(super) fn grows_dearer(&self, orders: &[OrderNo], lots: Option<i64>, level: Option<i64>) -> Option<i128> {
        let mut more = 0;
        for order in orders.iter().filter_map(|no| self.orders.get(no)).filter(|order| order.kind == Kind::Entry) {
            let plan = self.plans.get(&order.plan)?;
            let left = (lots.unwrap_or(order.lots) - order.filled).max(0);
            let wanted = self.takes(plan.symbol, plan.sign, left, order.level.and(level).or(order.level))?;
            more += (wanted - self.keeps(order)?).max(0);
        }
        Some(more)
    }

    /// What so many lots take, bought (1) or sold short (-1), at a price of their own, in ticks, or at market.
    pub(super) fn takes(&self, symbol: usize, side: i64, lots: i64, own: Option<i64>) -> Option<i128> {
        let mark = self.marks.get(symbol).copied().flatten();
        let price = match own {
            Some(own) if side > 0 => own,
            Some(own) => own.max(mark?),
            None => mark?,
        };
        let worth = i128::from(price) * i128::from(lots) * TICK_LOT;
        // One in a thousand.
        Some(if self.rules.fee_in_base { worth } else { worth + worth / 1_000 })
    }

    /// What an order keeps that may still enter.
    fn keeps(&self, order: &Order) -> Option<i128> {
        let Some(plan) = self.plans.get(&order.plan).filter(|_| order.kind == Kind::Entry && order.most() > 0) else {
            return Some(0);
        };
        let asked = if let Some(Asked::Amend { level, .. }) = order.asked { level } else { None };
        self.takes(plan.symbol, plan.sign, order.most(), order.level.max(asked))
    }

    fn in_hand(&self, balance: i64) -> i128 {
        let mut cash = i128::from(balance) * QUOTE;
        let mut plans: BTreeMap<PlanNo, Vec<Leg>> = BTreeMap::new();
        for (id, trade) in self.trades.iter().filter(|(_, trade)| !trade.busted) {
            let known = trade.told.as_ref().zip(self.plans.get(&trade.plan));
            let Some(((_, fill), plan)) = known else { continue };
            let side = if trade.kind == Kind::Entry { plan.sign } else { -plan.sign };
            let lots = side * lots_of(fill.quantity.value()).unwrap_or(0);
            let worth = i128::from(ticks_of(fill.price).unwrap_or(0)) * i128::from(lots) * TICK_LOT;
            let fee = if fill.fee_asset == *Script::symbol(plan.symbol).quote() { amount_of(fill.fee) } else { 0 };
            cash -= worth + fee;
            let order = (fill.executed_at, id.as_str().len(), id.as_str().to_owned());
            plans.entry(trade.plan).or_default().push(Leg { order, lots: i128::from(lots), worth });
        }
        cash - plans.into_values().map(|legs| 2 * sold_for(legs)).sum::<i128>()
    }
}

/// A trade as cash has it, in the order in which trades count.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Leg {
    order: (Timestamp, usize, String),
    /// Below zero where sold.
    lots: i128,
    /// The same.
    worth: i128,
}

/// What was received on average for what is short in the end; zero where nothing is.
fn sold_for(mut legs: Vec<Leg>) -> i128 {
    legs.sort();
    let (mut lots, mut cost) = (0_i128, 0_i128);
    for leg in legs {
        let (after, closes) = (lots + leg.lots, lots.signum() * leg.lots.signum() < 0);
        cost = if !closes {
            cost + leg.worth
        } else if after.signum() == lots.signum() {
            cost * after / lots
        } else {
            leg.worth * after / leg.lots
        };
        lots = after;
    }
    if lots < 0 { -cost } else { 0 }
}
