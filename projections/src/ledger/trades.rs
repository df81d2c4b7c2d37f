//! Whose each trade is: a venue's trade id names one trade of a symbol (SEMANTICS 8), so each side
//! of it belongs to one order: two plans may trade with one another.

use bincode::{Decode, Encode};
use std::collections::BTreeMap;

use retrace_core::event::{Event, FillReport};
use retrace_core::ids::{OrderNo, PlanNo, TradeId};
use retrace_core::instrument::Symbol;
use retrace_core::order::Side;

use super::{BrokenHistory, Conflict, Differs, Ledger};

/// The order that every trade was told for first, also those of sealed plans: a venue may tell of one long after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Trades(BTreeMap<(Symbol, Side), BTreeMap<TradeId, OrderNo>>);

impl Trades {
    fn order_of(&self, place: &(Symbol, Side), trade: &TradeId) -> Option<OrderNo> {
        self.0.get(place)?.get(trade).copied()
    }

    /// The highest number that is an id by itself.
    pub(super) fn last_number(&self) -> u64 {
        // What is longer no venue comes to by counting.
        const DIGITS: usize = 18;
        let ids = self.0.values().flat_map(BTreeMap::keys).map(TradeId::as_str).filter(|id| id.len() <= DIGITS);
        ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
            .filter_map(|id| id.parse().ok())
            .max()
            .unwrap_or(0)
    }
}

impl Ledger {
    /// The order that this side of a trade of `symbol` is booked for, as the venue told it first.
    pub fn order_of_trade(&self, symbol: &Symbol, side: Side, trade: &TradeId) -> Option<OrderNo> {
        self.trades.order_of(&(symbol.clone(), side), trade)
    }

    /// A fill, or a correction of one, as a venue tells it. A trade that was told for another order before is a conflict.
    pub(super) fn apply_told_fill(
        &mut self,
        event: &Event,
        no: OrderNo,
        revision: u32,
        report: &FillReport,
    ) -> Result<(), BrokenHistory> {
        let plan_no = Self::number_of_plan(event)?;
        let plan = self.plan_mut(event, plan_no)?;
        let Some(side) = plan.order(no).map(|order| order.side) else {
            return self.apply_fill(event, no, revision, report);
        };
        let place = (plan.symbol().clone(), side);
        match self.trades.order_of(&place, &report.trade_id) {
            Some(other) if other != no => {
                self.note_conflict(event, plan_no, no, Differs::Order(other), report);
                return Ok(());
            }
            Some(_) => {}
            None => {
                self.trades.0.entry(place).or_default().insert(report.trade_id.clone(), no);
            }
        }
        self.apply_fill(event, no, revision, report)
    }

    /// A trade was told with two bodies: the first one stays.
    pub(super) fn note_conflict(
        &mut self,
        event: &Event,
        plan: PlanNo,
        order: OrderNo,
        differs: Differs,
        told: &FillReport,
    ) {
        self.counts.conflicting_fills = self.counts.conflicting_fills.saturating_add(1);
        let (seq, at, told) = (event.seq, event.time, told.clone());
        self.conflicts.push(Conflict { seq, at, plan, order, differs, told });
    }
}
