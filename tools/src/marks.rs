//! Open positions at the current price: what closing them would realise. Shown beside the ledger, never part of it.

use std::collections::BTreeMap;

use retrace_core::amount::{Money, Price};
use retrace_core::event::Mark;
use retrace_core::instrument::Symbol;
use retrace_core::time::Timestamp;
use retrace_core::venue::FillPath;
use retrace_projections::ledger::{Phase, Plan};
use retrace_replay::tape::{Seen, Tape};
use serde::Serialize;

/// The last price of each symbol, and when it was seen.
#[derive(Clone, Debug, Default)]
pub struct Marks(BTreeMap<Symbol, (Mark, Timestamp)>);

/// A plan's open position at the current price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Marked {
    /// The price.
    pub price: Price,
    /// When it was seen.
    pub at: Timestamp,
    /// What closing the position at that price would realise, before fees, in quote.
    pub unrealized_pnl: Money,
}

impl Marks {
    /// The prices of `tape` once all of `seen` was given.
    pub fn of_tape(tape: &Tape, seen: Seen, path: FillPath) -> Self {
        Self(tape.current_prices(seen, path))
    }

    /// The prices of the last fills of `plans`: all that a log knows where there is no tape.
    pub fn of_fills<'a>(plans: impl Iterator<Item = &'a Plan>) -> Self {
        let mut prices: BTreeMap<Symbol, (Mark, Timestamp)> = BTreeMap::new();
        for plan in plans {
            let last = plan.orders().flat_map(|order| &order.fills).max_by_key(|fill| fill.executed_at);
            let Some(fill) = last else { continue };
            let known = prices.get(plan.symbol()).is_some_and(|(_, at)| *at > fill.executed_at);
            if !known {
                prices.insert(plan.symbol().clone(), (Mark::same(fill.price), fill.executed_at));
            }
        }
        Self(prices)
    }

    /// `plan` at its current price; `None` where it has ended or is flat, or no price is known. What an ended plan left
    /// below a lot is dust, not a position.
    pub fn of(&self, plan: &Plan) -> Option<Marked> {
        if matches!(plan.phase, Phase::Closed { .. }) {
            return None;
        }
        let totals = plan.accounting.totals();
        let (mark, at) = self.0.get(plan.symbol())?;
        let price = mark.for_plan(plan.direction);
        let unrealized_pnl = totals.unrealized(price).ok()?;
        (!totals.traded.is_flat()).then_some(Marked { price, at: *at, unrealized_pnl })
    }
}
