//! What a venue's reports contradict, and which fills are marked: as `replay --json` and `replay` show them.

use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::event::FillReport;
use retrace_core::ids::{FillId, OrderId, PlanId, Seq, TradeId};
use retrace_core::instrument::Asset;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, Conflict, Differs, Fill};
use serde::Serialize;

use super::text::short_id;

/// A trade that was told with two bodies.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FillConflict {
    /// Where the other body was told.
    pub(crate) seq: Seq,
    /// When.
    pub(crate) at: Timestamp,
    pub(crate) plan_id: Option<PlanId>,
    pub(crate) order_id: Option<OrderId>,
    /// The venue's id of the trade.
    pub(crate) trade_id: TradeId,
    /// The order that it is booked for: another one than it was told for now, or the same.
    pub(crate) booked_order_id: Option<OrderId>,
    /// What stays booked.
    pub(crate) booked: Option<Body>,
    /// What was told then, and changed nothing.
    pub(crate) told: Body,
}

/// What is compared of two reports of one trade.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Body {
    pub(crate) price: Price,
    pub(crate) quantity: Quantity,
    pub(crate) fee: Money,
    pub(crate) fee_asset: Asset,
}

/// A fill that came late, brought its order above its quantity, was put right, or was taken back.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MarkedFill {
    /// Where it was told first.
    pub(crate) seq: Seq,
    pub(crate) plan_id: PlanId,
    pub(crate) order_id: OrderId,
    pub(crate) fill_id: FillId,
    /// The venue's id of the trade.
    pub(crate) trade_id: TradeId,
    /// It was told after its order had ended.
    pub(crate) late: bool,
    /// It brought its order above its quantity.
    pub(crate) overfill: bool,
    /// Which correction stands; 0 for none.
    pub(crate) correction: u32,
    /// It was taken back.
    pub(crate) busted: bool,
}

/// How often a venue said what changed nothing.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ReportCounts {
    /// Reports on orders that are not ours.
    pub(crate) foreign: u64,
    /// Fills that were told before.
    pub(crate) repeated_fills: u64,
    /// Fills that were told before with another body.
    pub(crate) conflicting_fills: u64,
}

impl ReportCounts {
    pub(crate) const fn of(book: &Book) -> Self {
        let counts = book.ledger().counts();
        Self {
            foreign: counts.foreign,
            repeated_fills: counts.repeated_fills,
            conflicting_fills: counts.conflicting_fills,
        }
    }
}

impl FillConflict {
    /// Every trade that was told with two bodies, in order.
    pub(crate) fn all(book: &Book) -> Vec<Self> {
        book.ledger().conflicts().iter().map(|conflict| Self::of(conflict, book)).collect()
    }

    fn of(conflict: &Conflict, book: &Book) -> Self {
        let Conflict { seq, at, plan, order, differs, told } = conflict;
        let plan = book.plan(*plan);
        let order = plan.and_then(|plan| plan.order(*order));
        let (booked_for, booked) = match differs {
            Differs::Body(fill) => (order, Some(Body::of_fill(fill))),
            Differs::Order(other) => {
                let other_plan = book.ledger().plan_of(*other).and_then(|no| book.plan(no));
                let other = other_plan.and_then(|plan| plan.order(*other));
                (other, other.and_then(|order| order.fill_of(&told.trade_id)).map(Body::of_fill))
            }
        };
        Self {
            seq: *seq,
            at: *at,
            plan_id: plan.map(|plan| plan.id.clone()),
            order_id: order.map(|order| order.id),
            trade_id: told.trade_id.clone(),
            booked_order_id: booked_for.map(|order| order.id),
            booked,
            told: Body::of_report(told),
        }
    }

    /// As a line for people.
    pub(crate) fn text(&self) -> String {
        let plan = self.plan_id.as_ref().map_or(String::new(), |plan| format!("{plan}: "));
        let booked = self.booked.as_ref().map_or(String::new(), |body| format!(" as {}", body.text()));
        let short = |id: Option<OrderId>| id.map_or_else(|| "no order".to_owned(), |id| short_id(&id.to_string()));
        let other = if self.order_id == self.booked_order_id {
            String::new()
        } else {
            format!(" of {} instead of {}", short(self.order_id), short(self.booked_order_id))
        };
        format!("{plan}trade {} is booked{booked}, and was then said to be {}{other}", self.trade_id, self.told.text())
    }
}

impl MarkedFill {
    /// Every marked fill, in the order in which they were told.
    pub(crate) fn all(book: &Book) -> Vec<Self> {
        let fills = book.plans().flat_map(|plan| {
            plan.orders().flat_map(move |order| {
                order.fills.iter().map(move |fill| Self {
                    seq: fill.booked,
                    plan_id: plan.id.clone(),
                    order_id: order.id,
                    fill_id: fill.id,
                    trade_id: fill.trade_id.clone(),
                    late: fill.late,
                    overfill: fill.overfill,
                    correction: fill.revision,
                    busted: fill.busted,
                })
            })
        });
        let mut marked: Vec<Self> =
            fills.filter(|fill| fill.late || fill.overfill || fill.correction > 0 || fill.busted).collect();
        marked.sort_by_key(|fill| fill.seq);
        marked
    }
}

impl Body {
    fn of_fill(fill: &Fill) -> Self {
        let Fill { price, quantity, fee, fee_asset, .. } = fill;
        Self { price: *price, quantity: *quantity, fee: *fee, fee_asset: fee_asset.clone() }
    }

    fn of_report(told: &FillReport) -> Self {
        let FillReport { price, quantity, fee, fee_asset, .. } = told;
        Self { price: *price, quantity: *quantity, fee: *fee, fee_asset: fee_asset.clone() }
    }

    fn text(&self) -> String {
        format!("{} @ {}, fee {} {}", self.quantity, self.price, self.fee, self.fee_asset)
    }
}
