//! The ledger as the world sees it: public ids, decimals as strings. One shape for `replay --json`, for the printed
//! tree, for snapshots, and for the digest, so a digest can be recomputed from what is shown.

use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::content::ContentRef;
use retrace_core::directive::Scope;
use retrace_core::event::{GroupAction, LegEnd, Outcome, VenueReason};
use retrace_core::ids::{ConnectorOrderId, DirectiveId, FillId, GroupId, OrderId, PlanId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::manifest::Mode;
use retrace_core::order::{OrderRole, OrderStatus, OrderType, Side};
use retrace_core::policy::ExecutionMode;
use retrace_core::stop::Trail;
use retrace_core::time::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::ledger::{Batch, Course, Group, Ledger, Leg, Order, Phase, Plan, Stage};

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanView {
    /// Its public id.
    pub plan_id: PlanId,
    /// Whose.
    pub strategy_instance_id: String,
    /// What it trades.
    pub asset_symbol: Symbol,
    /// `ACTIVE` or `CLOSED`.
    pub status: &'static str,
    /// `BUY` or `SELL`.
    pub direction: Side,
    /// The strategist's comment; `null` where there is none or it was erased.
    pub comments: Option<String>,
    /// The standing target, signed.
    pub target: Position,
    /// Signed sum of its fills.
    pub net_position: Position,
    /// That less fees taken in the base asset.
    pub held: Position,
    /// `null` when flat.
    pub average_entry_price: Option<Price>,
    /// Before fees, in quote.
    pub realized_pnl: Money,
    /// After fees, in quote.
    pub net_pnl: Money,
    /// By asset.
    pub fees: Vec<FeeView>,
    /// Where it is protected.
    pub stop_loss_price: Option<Price>,
    /// Where the gain is taken.
    pub take_profit_price: Option<Price>,
    /// It is open and has no stop. Never said of an import: a history does not tell of stops.
    pub unprotected: bool,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What is left below a lot or the minimum notional; only once it ended.
    pub dust: Option<Position>,
    /// What no working stop covers, signed, and why; `null` when all is covered or nothing is to be.
    pub protection_gap: Option<GapView>,
    /// Its groups.
    pub groups: Vec<GroupView>,
}

impl PlanView {
    /// Whether a close found no price inside its limit and was given up, so that something is held which was to go.
    pub fn close_gave_up(&self) -> bool {
        let gave_up = |group: &GroupView| group.action == GroupAction::Close && group.status == "INCOMPLETE";
        self.outcome.is_none() && !self.held.is_flat() && self.groups.last().is_some_and(gave_up)
    }
}

/// A sum of fees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeeView {
    /// In which asset.
    pub asset: Asset,
    /// How much.
    pub amount: Money,
}

/// A gap in a plan's protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapView {
    /// What no working stop covers, signed.
    pub quantity: Position,
    /// Why.
    pub reason: &'static str,
}

/// An execution group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// Its public id.
    pub group_id: GroupId,
    /// What it does.
    pub action: GroupAction,
    /// How it divides its quantity.
    pub algorithm: &'static str,
    /// `PENDING`, `ACTIVE`, or how it ended.
    pub status: &'static str,
    /// What it is to trade, what was given up for good included.
    pub target_quantity: Position,
    /// What its own orders filled.
    pub filled_quantity: Position,
    /// The average price of that, to 12 decimals; `null` where nothing filled.
    pub average_price: Option<Price>,
    /// The current price when it came into being; `null` where none was seen yet.
    pub arrival_price: Option<Price>,
    /// What the fills cost against that, in quote: a cost is above zero, a gain below.
    pub slippage: Option<Money>,
    /// The same in basis points of what filled.
    pub slippage_bps: Option<Decimal>,
    /// What it cost against having traded all of it at the arrival price, what it did not trade valued at the price when
    /// it ended; `null` while it is active.
    pub shortfall: Option<Money>,
    /// The same in basis points of all that it was to trade.
    pub shortfall_bps: Option<Decimal>,
    /// Into how many slices it divides its quantity.
    pub slices: u32,
    /// How many of them have come due.
    pub slices_due: u32,
    /// A directive paused it: it sends nothing new.
    pub paused: bool,
    /// Its orders.
    pub orders: Vec<OrderView>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderView {
    /// Its public id, also its client order id.
    pub order_id: OrderId,
    /// The venue's id.
    pub connector_order_id: Option<ConnectorOrderId>,
    /// What it is for.
    pub role: OrderRole,
    /// Buy or sell.
    pub side: Side,
    /// Its type.
    #[serde(rename = "type")]
    pub order_type: OrderType,
    /// Where it stands.
    pub status: OrderStatus,
    /// Its whole quantity; of a stop without a size, what it has traded and what its plan holds by now.
    pub quantity: Quantity,
    /// It is a stop without a size: it covers all that its plan holds, whenever that is; absent where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub size_free: bool,
    /// What its fills come to, those that were taken back among them: they used up that much of it.
    pub filled_quantity: Position,
    /// How much more was filled, as the venue said, than the fills that were told come to; absent where none is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_fill: Option<Position>,
    /// Its limit price.
    pub price: Option<Price>,
    /// The most of it that the venue shows at once; absent where it shows all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible_quantity: Option<Quantity>,
    /// Until when the venue lets it stand; absent where that was not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_till: Option<Timestamp>,
    /// Its trigger; of a trailing stop the one that it began with.
    pub stop_price: Option<Price>,
    /// How far behind the price a trailing stop follows; absent for every other order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trail: Option<Trail>,
    /// Why the venue refused or ended it.
    pub reason: Option<VenueReason>,
    /// Its fills, by time of execution, then trade id, whatever the order in which they were told.
    pub fills: Vec<FillView>,
}

/// A fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FillView {
    /// Its public id.
    pub fill_id: FillId,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// The fee.
    pub fee: Money,
    /// In which asset.
    pub fee_asset: Asset,
    /// When it traded.
    pub executed_at: Timestamp,
    /// Which correction of it this is, from 1; absent as it was told first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction: Option<u32>,
    /// It was taken back by the venue and counts for nothing; absent where it was not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub busted: bool,
}

/// The view of a plan. `text` finds the text of a comment; the log itself holds only its digest.
pub fn plan_view(ledger: &Ledger, plan: &Plan, text: &dyn Fn(ContentRef) -> Option<String>) -> PlanView {
    let totals = plan.accounting.totals();
    let (status, outcome, dust) = match &plan.phase {
        Phase::Closed { outcome, dust } => ("CLOSED", Some(*outcome), Some(*dust)),
        Phase::Standing | Phase::Closing(_) | Phase::StoppedOut | Phase::Reopened { .. } => ("ACTIVE", None, None),
    };
    PlanView {
        plan_id: plan.id.clone(),
        strategy_instance_id: ledger.instance().to_owned(),
        asset_symbol: plan.symbol().clone(),
        status,
        direction: plan.direction,
        comments: plan.comments.and_then(text),
        target: plan.target.size,
        net_position: totals.traded,
        held: totals.held,
        average_entry_price: totals.average_entry().ok().flatten(),
        realized_pnl: totals.realized,
        net_pnl: totals.net().unwrap_or_default(),
        fees: totals.fees.iter().map(|(asset, amount)| FeeView { asset: asset.clone(), amount: *amount }).collect(),
        stop_loss_price: plan.exits.stop,
        take_profit_price: plan.exits.take_profit,
        unprotected: outcome.is_none() && plan.exits.stop.is_none() && ledger.mode() != Mode::Import,
        outcome,
        dust,
        protection_gap: plan.gap.map(|(quantity, reason)| GapView { quantity, reason: reason.as_str() }),
        groups: plan.groups.iter().map(|group| group_view(group, plan.direction)).collect(),
    }
}

fn group_view(group: &Group, direction: Side) -> GroupView {
    let quality = group.quality(direction).unwrap_or_default();
    GroupView {
        group_id: group.id,
        action: group.action,
        algorithm: group.algorithm.as_str(),
        status: match group.end {
            Some(end) => end.as_str(),
            None if group.orders.is_empty() => "PENDING",
            None => "ACTIVE",
        },
        target_quantity: group.to_trade().unwrap_or_default(),
        filled_quantity: group.filled(),
        average_price: quality.average_price,
        arrival_price: group.arrival,
        slippage: quality.slippage,
        slippage_bps: quality.slippage_bps,
        shortfall: quality.shortfall,
        shortfall_bps: quality.shortfall_bps,
        slices: group.slices(),
        slices_due: group.slices_begun(),
        paused: group.is_active() && group.ordered.course == Course::Paused,
        orders: group.orders.in_order().into_iter().map(order_view).collect(),
    }
}

fn order_view(order: &Order) -> OrderView {
    let mut fills: Vec<_> = order.fills.iter().collect();
    fills.sort_by_key(|fill| (fill.executed_at, fill.trade_id.as_str().len(), &fill.trade_id));
    let fills = fills.into_iter().map(|fill| FillView {
        fill_id: fill.id,
        price: fill.price,
        quantity: fill.quantity,
        fee: fill.fee,
        fee_asset: fill.fee_asset.clone(),
        executed_at: fill.executed_at,
        correction: Some(fill.revision).filter(|revision| *revision > 0),
        busted: fill.busted,
    });
    OrderView {
        order_id: order.id,
        connector_order_id: order.connector_order_id.clone(),
        role: order.role,
        side: order.side,
        order_type: order.terms.order_type(),
        status: order.status,
        quantity: order.quantity,
        size_free: order.is_size_free(),
        filled_quantity: order.filled(),
        missing_fill: Some(order.missing_fill()).filter(|missing| !missing.is_flat()),
        price: order.terms.limit_price(),
        visible_quantity: order.terms.visible(),
        good_till: order.time_in_force.good_till(),
        stop_price: order.terms.trigger(),
        trail: order.terms.trail(),
        reason: order.reason,
        fills: fills.collect(),
    }
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchView {
    /// The directive whose trades it is.
    pub directive_id: DirectiveId,
    /// What all of its legs do.
    pub scope: Scope,
    /// How they hang together.
    pub execution_mode: ExecutionMode,
    /// Whether plans are brought back to where they stood when a leg fails.
    pub rollback_on_failure: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When its time is over; `null` without a deadline.
    pub deadline: Option<Timestamp>,
    /// `running`, `rolling back`, or how it ended.
    pub status: &'static str,
    /// The plan whose leg failed it; `null` where it ran out of time, or did not fail.
    pub failed_by: Option<PlanId>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the trades came to of plans that stand where they stood before, fees included, in quote; once it ended.
    pub result: Option<Money>,
    /// Its legs, in the order of the directive.
    pub legs: Vec<LegView>,
}

/// One leg of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LegView {
    /// Its plan.
    pub plan_id: PlanId,
    /// `pending`, `working`, how it ended, or what became of taking it back.
    pub status: &'static str,
    /// How it had ended before it was taken back; `null` while it has not.
    pub end: Option<LegEnd>,
    /// When its turn came.
    pub begun_at: Option<Timestamp>,
    /// How large the position was to be before, signed; `null` for a plan that did not exist.
    pub target_before: Option<Position>,
    /// The stop before.
    pub stop_before: Option<Price>,
    /// The take profit before.
    pub take_profit_before: Option<Price>,
}

/// The view of a batch.
pub fn batch_view(batch: &Batch) -> BatchView {
    let leg_of = |place: Option<u32>| {
        let place = place.and_then(|place| usize::try_from(place).ok())?;
        batch.legs.get(place).map(|leg| leg.plan_id.clone())
    };
    let (status, failed, ended_at, result) = match batch.stage {
        Stage::Running { .. } => ("running", None, None, None),
        Stage::RollingBack { failed } => ("rolling back", failed, None, None),
        Stage::Ended { end, failed, at, result } => (end.as_str(), failed, Some(at), Some(result)),
    };
    BatchView {
        directive_id: batch.directive.clone(),
        scope: batch.scope,
        execution_mode: batch.policy.execution_mode,
        rollback_on_failure: batch.policy.rollback_on_failure,
        started_at: batch.started_at,
        deadline: batch.deadline(),
        status,
        failed_by: leg_of(failed),
        ended_at,
        result,
        legs: batch.legs.iter().map(leg_view).collect(),
    }
}

fn leg_view(leg: &Leg) -> LegView {
    let exits = leg.before.as_ref().map(|before| before.exits);
    LegView {
        plan_id: leg.plan_id.clone(),
        status: leg.status(),
        end: leg.end,
        begun_at: leg.begun,
        target_before: leg.before.as_ref().map(|before| before.target),
        stop_before: exits.and_then(|exits| exits.stop),
        take_profit_before: exits.and_then(|exits| exits.take_profit),
    }
}

/// The digest of a batch: BLAKE3 of its view as JSON.
pub(crate) fn batch_digest(batch: &Batch) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 batch view 1");
    // Writing plain structs into a hasher cannot fail.
    let _ = serde_json::to_writer(&mut hasher, &batch_view(batch));
    *hasher.finalize().as_bytes()
}

/// The digest of a plan: BLAKE3 of its view as JSON, with the comment's reference in place of its text, so that
/// erasing a text changes no digest.
pub fn plan_digest(ledger: &Ledger, plan: &Plan) -> [u8; 32] {
    let view = plan_view(ledger, plan, &|reference| Some(reference.to_string()));
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 plan view 1");
    // Writing plain structs into a hasher cannot fail.
    let _ = serde_json::to_writer(&mut hasher, &view);
    *hasher.finalize().as_bytes()
}
