//! A session as three tables: plans, orders, fills, one row each. The columns and their order are stable.

use std::collections::BTreeMap;

use retrace_core::amount::{DECIMALS_MAX, Money, Position, Price, Quantity};
use retrace_core::content::ContentRef;
use retrace_core::event::{Because, Decision, Fact, Outcome, VenueReason};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::ids::{ConnectorOrderId, FillId, GroupId, OrderId, OrderNo, PlanId, PlanNo, Seq, TradeId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::manifest::Identity;
use retrace_core::order::{OrderRole, OrderStatus, OrderType, Side, TimeInForceKind};
use retrace_core::step::Step;
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::ledger::{Book, BrokenHistory, Fill, Group, Order, Plan};
use crate::view::{PlanView, plan_view};

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $column:literal $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub struct $name { $($(#[$field_doc])* #[serde(rename = $column)] pub $field: $type,)* }

        impl $name {
            /// The names of the columns, in their order.
            pub const COLUMNS: &'static [&'static str] = &[$($column,)*];
        }
    )*};
}
rows! {
    /// A plan. Empty cells are `None`.
    PlanRow {
        /// Its public id.
        "plan_id" plan_id: PlanId,
        /// Whose.
        "strategy_instance_id" strategy_instance_id: String,
        /// What it trades.
        "asset_symbol" asset_symbol: Symbol,
        /// `BUY` or `SELL`.
        "direction" direction: Side,
        /// `ACTIVE` or `CLOSED`.
        "status" status: &'static str,
        /// How it ended.
        "outcome" outcome: Option<Outcome>,
        /// When its first order came to be.
        "opened_at" opened_at: Option<Timestamp>,
        /// When it ended.
        "closed_at" closed_at: Option<Timestamp>,
        /// The standing target, signed.
        "target" target: Position,
        /// Signed sum of its fills.
        "net_position" net_position: Position,
        /// That less fees taken in the base asset.
        "held" held: Position,
        /// What was left below a lot or the minimum notional when it ended.
        "dust" dust: Option<Position>,
        /// Average cost of what is open; none when flat.
        "average_entry_price" average_entry_price: Option<Price>,
        /// All that was bought.
        "bought_quantity" bought_quantity: Position,
        /// At which price on average, to 12 decimals.
        "average_buy_price" average_buy_price: Option<Price>,
        /// All that was sold, above zero.
        "sold_quantity" sold_quantity: Position,
        /// At which price on average, to 12 decimals.
        "average_sell_price" average_sell_price: Option<Price>,
        /// Before fees, in quote.
        "realized_pnl" realized_pnl: Money,
        /// Fees taken in the quote asset.
        "fees_quote" fees_quote: Money,
        /// Fees taken in the base asset, in units of it.
        "fees_base" fees_base: Money,
        /// Fees in other assets: `0.01 BNB`, several joined by ` + `.
        "fees_other" fees_other: String,
        /// After fees in quote and base, in quote.
        "net_pnl" net_pnl: Money,
        /// Where it is protected.
        "stop_loss_price" stop_loss_price: Option<Price>,
        /// Where the gain is taken.
        "take_profit_price" take_profit_price: Option<Price>,
        /// How many orders it had.
        "orders" orders: u64,
        /// How many fills.
        "fills" fills: u64,
        /// The strategist's comment, as a cell that no spreadsheet takes for a formula.
        "comments" comments: Option<String>,
    }

    /// An order.
    OrderRow {
        /// Its public id, also its client order id.
        "order_id" order_id: OrderId,
        /// The venue's id.
        "connector_order_id" connector_order_id: Option<ConnectorOrderId>,
        /// The plan it belongs to.
        "plan_id" plan_id: PlanId,
        /// The group it belongs to.
        "group_id" group_id: GroupId,
        /// What it trades.
        "asset_symbol" asset_symbol: Symbol,
        /// What it is for.
        "role" role: OrderRole,
        /// `BUY` or `SELL`.
        "side" side: Side,
        /// Its type.
        "type" order_type: OrderType,
        /// Where it stands.
        "status" status: OrderStatus,
        /// Why the venue refused or ended it.
        "reason" reason: Option<VenueReason>,
        /// Its whole quantity.
        "quantity" quantity: Quantity,
        /// What its fills come to.
        "filled_quantity" filled_quantity: Position,
        /// At which price they filled on average, to 12 decimals.
        "average_price" average_price: Option<Price>,
        /// Its limit price.
        "price" price: Option<Price>,
        /// Its trigger.
        "stop_price" stop_price: Option<Price>,
        /// How long it stands.
        "time_in_force" time_in_force: TimeInForceKind,
        /// Whether it may only reduce the position.
        "reduce_only" reduce_only: bool,
        /// Why it was requested.
        "because" because: Because,
        /// When it was requested.
        "requested_at" requested_at: Option<Timestamp>,
        /// The event that requested it.
        "requested_seq" requested_seq: Seq,
    }

    /// A fill.
    FillRow {
        /// Its public id.
        "fill_id" fill_id: FillId,
        /// The venue's id of the trade.
        "trade_id" trade_id: TradeId,
        /// The order it belongs to.
        "order_id" order_id: OrderId,
        /// The plan it belongs to.
        "plan_id" plan_id: PlanId,
        /// What was traded.
        "asset_symbol" asset_symbol: Symbol,
        /// What the order is for.
        "role" role: OrderRole,
        /// `BUY` or `SELL`.
        "side" side: Side,
        /// At which price.
        "price" price: Price,
        /// How much.
        "quantity" quantity: Quantity,
        /// Price times quantity, in quote.
        "notional" notional: Money,
        /// The fee; below zero for a rebate.
        "fee" fee: Money,
        /// In which asset.
        "fee_asset" fee_asset: Asset,
        /// `maker` or `taker`.
        "liquidity" liquidity: Liquidity,
        /// When it traded.
        "executed_at" executed_at: Timestamp,
        /// It came after the order had ended.
        "late" late: bool,
        /// It brought the order above its quantity.
        "overfill" overfill: bool,
    }
}

/// Folds a log for its tables.
pub struct Tables {
    book: Book,
    requested: BTreeMap<OrderNo, Timestamp>,
    closed: BTreeMap<PlanNo, Timestamp>,
}

impl Tables {
    /// Before the first event of a session that continues none.
    pub fn new(identity: &Identity) -> Self {
        Self::beginning(Book::new(identity))
    }

    /// Before the first event of a session that begins with `begin`.
    pub const fn beginning(begin: Book) -> Self {
        Self { book: begin, requested: BTreeMap::new(), closed: BTreeMap::new() }
    }

    /// Takes the next Step.
    ///
    /// # Errors
    /// [`BrokenHistory`] if it does not follow from the ones before it.
    pub fn step(&mut self, step: &Step) -> Result<(), BrokenHistory> {
        for event in &step.events {
            self.book.apply(event)?;
            match (&event.fact, event.order, event.plan) {
                (Fact::Decision(Decision::OrderRequested { .. }), Some(order), _) => {
                    self.requested.insert(order, event.time);
                }
                (Fact::Decision(Decision::PlanClosed { .. }), _, Some(plan)) => {
                    self.closed.insert(plan, event.time);
                }
                (Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_), _, _) => {}
            }
        }
        Ok(())
    }

    /// A row a plan that was taken on, in that order, opened or not. `text` finds the text of a comment.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn plans(&self, text: &dyn Fn(ContentRef) -> Option<String>) -> Result<Vec<PlanRow>, Inexact> {
        self.book.plans().map(|plan| self.plan_row(plan, text)).collect()
    }

    /// A row an order, in the order in which they were requested.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn orders(&self) -> Result<Vec<OrderRow>, Inexact> {
        self.all_orders().into_iter().map(|(plan, group, order)| self.order_row(plan, group, order)).collect()
    }

    /// A row a fill that was not taken back, by time of execution, then in the order in which their orders were requested.
    ///
    /// # Errors
    /// [`Inexact`] when a notional does not fit.
    pub fn fills(&self) -> Result<Vec<FillRow>, Inexact> {
        let orders = self.all_orders().into_iter();
        let rows = orders.flat_map(|(plan, _, order)| standing(order).map(move |fill| fill_row(plan, order, fill)));
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        rows.sort_by_key(|row| row.executed_at);
        Ok(rows)
    }

    fn all_orders(&self) -> Vec<(&Plan, &Group, &Order)> {
        let groups = self.book.plans().flat_map(|plan| plan.groups.iter().map(move |group| (plan, group)));
        let orders = groups.flat_map(|(plan, group)| group.orders.iter().map(move |order| (plan, group, order)));
        let mut orders: Vec<_> = orders.collect();
        orders.sort_by_key(|(_, _, order)| order.no);
        orders
    }

    fn plan_row(&self, plan: &Plan, text: &dyn Fn(ContentRef) -> Option<String>) -> Result<PlanRow, Inexact> {
        let PlanView {
            plan_id,
            strategy_instance_id,
            asset_symbol,
            status,
            direction,
            comments,
            target,
            net_position,
            held,
            average_entry_price,
            realized_pnl,
            net_pnl,
            fees,
            stop_loss_price,
            take_profit_price,
            unprotected: _,
            outcome,
            dust,
            protection_gap: _,
            groups: _,
        } = plan_view(self.book.ledger(), plan, text);
        let fee_in = |asset: &Asset| fees.iter().find(|fee| fee.asset == *asset).map_or(Money::ZERO, |fee| fee.amount);
        let other = fees.iter().filter(|fee| fee.asset != *asset_symbol.base() && fee.asset != *asset_symbol.quote());
        let other: Vec<String> = other.map(|fee| format!("{} {}", fee.amount, fee.asset)).collect();
        let traded = |side: Side| sum(plan.orders().filter(move |order| order.side == side));
        let (bought, sold) = (traded(Side::Buy)?, traded(Side::Sell)?);
        Ok(PlanRow {
            fees_quote: fee_in(asset_symbol.quote()),
            fees_base: fee_in(asset_symbol.base()),
            fees_other: other.join(" + "),
            opened_at: plan.opened_at,
            closed_at: outcome.and_then(|_| self.closed.get(&plan.no).copied()),
            bought_quantity: bought.quantity,
            average_buy_price: bought.average()?,
            sold_quantity: sold.quantity,
            average_sell_price: sold.average()?,
            orders: plan.orders().count() as u64,
            fills: plan.orders().map(|order| standing(order).count() as u64).sum(),
            comments: comments.as_deref().map(cell),
            plan_id,
            strategy_instance_id,
            asset_symbol,
            direction,
            status,
            outcome,
            target,
            net_position,
            held,
            dust,
            average_entry_price,
            realized_pnl,
            net_pnl,
            stop_loss_price,
            take_profit_price,
        })
    }

    fn order_row(&self, plan: &Plan, group: &Group, order: &Order) -> Result<OrderRow, Inexact> {
        Ok(OrderRow {
            order_id: order.id,
            connector_order_id: order.connector_order_id.clone(),
            plan_id: plan.id.clone(),
            group_id: group.id,
            asset_symbol: plan.symbol().clone(),
            role: order.role,
            side: order.side,
            order_type: order.terms.order_type(),
            status: order.status,
            reason: order.reason,
            quantity: order.quantity,
            filled_quantity: order.filled(),
            average_price: sum(std::iter::once(order))?.average()?,
            price: order.terms.limit_price(),
            stop_price: order.terms.trigger(),
            time_in_force: order.time_in_force.kind(),
            reduce_only: order.reduce_only,
            because: order.because,
            requested_at: self.requested.get(&order.no).copied(),
            requested_seq: order.requested,
        })
    }
}

fn fill_row(plan: &Plan, order: &Order, fill: &Fill) -> Result<FillRow, Inexact> {
    Ok(FillRow {
        fill_id: fill.id,
        trade_id: fill.trade_id.clone(),
        order_id: order.id,
        plan_id: plan.id.clone(),
        asset_symbol: plan.symbol().clone(),
        role: order.role,
        side: order.side,
        price: fill.price,
        quantity: fill.quantity,
        notional: fill.quantity.notional(fill.price)?,
        fee: fill.fee,
        fee_asset: fill.fee_asset.clone(),
        liquidity: fill.liquidity,
        executed_at: fill.executed_at,
        late: fill.late,
        overfill: fill.overfill,
    })
}

/// What some fills come to.
#[derive(Clone, Copy, Default)]
struct Sum {
    quantity: Position,
    notional: Money,
}

impl Sum {
    fn average(self) -> Result<Option<Price>, Inexact> {
        let Some(quantity) = self.quantity.size() else { return Ok(None) };
        let (notional, quantity) = (self.notional.value(), quantity.value());
        let average = exact::mul_div(notional, Decimal::ONE, quantity, DECIMALS_MAX, Rounding::HalfEven)?;
        Ok(Price::new(average).ok())
    }
}

/// The fills that were not taken back.
fn standing(order: &Order) -> impl Iterator<Item = &Fill> {
    order.fills.iter().filter(|fill| !fill.busted)
}

fn sum<'a>(orders: impl Iterator<Item = &'a Order>) -> Result<Sum, Inexact> {
    orders.flat_map(standing).try_fold(Sum::default(), |sum, fill| {
        Ok(Sum {
            quantity: sum.quantity.plus(Side::Buy.signed(fill.quantity))?,
            notional: sum.notional.plus(fill.quantity.notional(fill.price)?)?,
        })
    })
}

/// Free text as a cell: what a spreadsheet would take for a formula gets an apostrophe in front, which it hides.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
