//! What a history from elsewhere did to the ledger: which trades were seen, which positions stand open, which orders
//! they made.

use bincode::{Decode, Encode};
use std::collections::BTreeMap;

use retrace_core::amount::Quantity;
use retrace_core::event::{Decision, Event, FillReport, TradeImported};
use retrace_core::ids::{ConnectorOrderId, DirectiveId, OrderNo, PlanId, PlanNo, PositionKey, Seq};
use retrace_core::instrument::Symbol;
use retrace_core::order::{OrderTerms, Side, TimeInForce};

use super::continued::CARRIED;
use super::order::NewOrder;
use super::{BrokenHistory, Ledger};
use crate::digest::SetDigest;

/// A trade of a history that was seen, for as long as the log lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SeenTrade {
    /// Where it was seen first.
    pub first: Seq,
    /// The digest of what it said (see [`TradeImported::body_digest`]).
    pub body: [u8; 32],
}

/// One position of a symbol, as a history tells them apart.
type PositionOf = (Symbol, Option<PositionKey>);

/// What was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Imports {
    trades: BTreeMap<DirectiveId, SeenTrade>,
    trade_sum: SetDigest,
    /// The plan that stands open for a position.
    open: BTreeMap<PositionOf, PlanNo>,
    /// The orders of open plans that the history names.
    orders: BTreeMap<PlanNo, BTreeMap<(ConnectorOrderId, Side), OrderNo>>,
}

impl Imports {
    /// Forgets what only an open plan needs.
    pub(super) fn close(&mut self, no: PlanNo) {
        self.open.retain(|_, open| *open != no);
        self.orders.remove(&no);
    }

    /// Brings it into another session's log.
    pub(super) fn carry(&mut self) {
        for seen in self.trades.values_mut() {
            seen.first = CARRIED;
        }
    }

    /// Puts what was imported into a ledger's digest; nothing where nothing was.
    pub(super) fn digest(&self, hasher: &mut blake3::Hasher, name: impl Fn(PlanNo) -> Option<PlanId>) {
        if self.trades.is_empty() {
            return;
        }
        hasher.update(&self.trade_sum.bytes());
        hasher.update(&(self.trades.len() as u64).to_le_bytes());
        for ((symbol, position), plan) in &self.open {
            let position = position.as_ref().map_or("", PositionKey::as_str);
            let plan = name(*plan).map_or_else(String::new, |plan| plan.to_string());
            for text in [symbol.to_string().as_str(), position, plan.as_str()] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
    }
}

impl Ledger {
    /// A trade of a history that was seen before, by its [`TradeImported::cause`].
    pub fn imported(&self, cause: &DirectiveId) -> Option<&SeenTrade> {
        self.imports.trades.get(cause)
    }

    /// The plan that stands open for a position of a history.
    pub fn open_position(&self, symbol: &Symbol, position: Option<&PositionKey>) -> Option<PlanNo> {
        self.imports.open.get(&(symbol.clone(), position.cloned())).copied()
    }

    /// The order of an open plan that a history knows by this id.
    pub fn imported_order(&self, plan: PlanNo, id: &ConnectorOrderId, side: Side) -> Option<OrderNo> {
        self.imports.orders.get(&plan)?.get(&(id.clone(), side)).copied()
    }

    pub(super) fn apply_trade_imported(&mut self, event: &Event, trade: &TradeImported) {
        use std::collections::btree_map::Entry;
        let body = trade.body_digest();
        match self.imports.trades.entry(trade.cause()) {
            Entry::Vacant(free) => {
                self.imports.trade_sum.add(&body);
                free.insert(SeenTrade { first: event.seq, body });
            }
            Entry::Occupied(seen) => {
                let counts = &mut self.counts;
                let same = seen.get().body == body;
                let count = if same { &mut counts.repeated_fills } else { &mut counts.conflicting_fills };
                *count = count.saturating_add(1);
            }
        }
    }

    pub(super) fn apply_order_inferred(&mut self, event: &Event, decision: &Decision) -> Result<(), BrokenHistory> {
        let Decision::OrderInferred { group, role, side, quantity, connector_order_id } = decision else {
            return Ok(());
        };
        let plan = Self::number_of_plan(event)?;
        let slice = self.plan(plan).and_then(|plan| plan.group(*group)).map_or(0, |group| group.orders.own_count());
        let no = self.request(
            event,
            *group,
            &NewOrder {
                role: *role,
                side: *side,
                terms: OrderTerms::Unknown,
                quantity: *quantity,
                time_in_force: TimeInForce::Gtc,
                reduce_only: false,
                slice: u32::try_from(slice).unwrap_or(u32::MAX),
                attempt: 0,
                because: retrace_core::event::Because::Imported,
            },
        )?;
        let Some(id) = connector_order_id else { return Ok(()) };
        self.imports.orders.entry(plan).or_default().insert((id.clone(), *side), no);
        self.change_order(event, no, |order| {
            order.accept(id.clone());
            Ok(())
        })
    }

    pub(super) fn apply_trade_booked(
        &mut self,
        event: &Event,
        position: Option<&PositionKey>,
        fill: &FillReport,
        quantity: Quantity,
    ) -> Result<(), BrokenHistory> {
        let no = event.order.ok_or(BrokenHistory::Nameless { seq: event.seq, what: "order" })?;
        let plan = Self::number_of_plan(event)?;
        let symbol = self.plan_mut(event, plan)?.symbol().clone();
        self.imports.open.insert((symbol, position.cloned()), plan);
        self.change_order(event, no, |order| {
            order.extend(quantity);
            Ok(())
        })?;
        self.apply_fill(event, no, 0, fill)
    }
}
