//! What a session came to, in the figures that what-ifs are compared by.

use retrace_core::amount::Money;
use retrace_core::event::Outcome;
use retrace_core::ids::{PlanId, SESSION_DIGITS, SessionUid};
use retrace_core::instrument::Symbol;
use retrace_core::order::Side;
use retrace_projections::view::{FeeView, OrderView};
use serde::Serialize;

use crate::session::RecordedPlan;

/// A whole session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    /// In the account's asset, like every amount of money here but fees.
    pub(crate) net_pnl: Money,
    pub(crate) realized_pnl: Money,
    /// By asset.
    pub(crate) fees: Vec<FeeView>,
    /// Of what is still open, at the last price.
    pub(crate) unrealized_pnl: Money,
    pub(crate) orders: u64,
    pub(crate) fills: u64,
    /// How many plans a stop ended.
    pub(crate) stopped_out: u64,
    /// How many directives or orders were refused.
    pub(crate) refusals: u64,
    #[serde(skip)]
    pub(crate) plans: Vec<PlanFigures>,
}

/// One plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PlanFigures {
    pub(crate) plan_id: PlanId,
    /// What it is called by in every session that has it: an id that is derived begins with its session's digits.
    #[serde(skip)]
    pub(crate) alike: String,
    pub(crate) symbol: Symbol,
    pub(crate) direction: Side,
    /// How it ended, or that it is open.
    pub(crate) status: String,
    #[serde(skip)]
    is_stopped_out: bool,
    pub(crate) orders: u64,
    pub(crate) fills: u64,
    pub(crate) realized_pnl: Money,
    pub(crate) fees: Vec<FeeView>,
    pub(crate) net_pnl: Money,
    pub(crate) unrealized_pnl: Money,
}

impl PlanFigures {
    /// Whether it came to the same, in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let Self { plan_id, .. } = self;
        *self == Self { plan_id: plan_id.clone(), ..other.clone() }
    }
}

impl Figures {
    /// Of a session with these plans, of which those count that came to an order.
    pub(crate) fn of(uid: SessionUid, plans: &[RecordedPlan], refusals: u64) -> Self {
        let plans: Vec<PlanFigures> = plans.iter().filter(|plan| plan.opened).map(|plan| one(uid, plan)).collect();
        let total = |amount: fn(&PlanFigures) -> Money| plans.iter().map(amount).fold(Money::ZERO, sum);
        let mut fees: Vec<FeeView> = Vec::new();
        for fee in plans.iter().flat_map(|plan| &plan.fees) {
            match fees.iter_mut().find(|known| known.asset == fee.asset) {
                Some(known) => known.amount = sum(known.amount, fee.amount),
                None => fees.push(fee.clone()),
            }
        }
        fees.sort_by(|a, b| a.asset.cmp(&b.asset));
        Self {
            net_pnl: total(|plan| plan.net_pnl),
            realized_pnl: total(|plan| plan.realized_pnl),
            fees,
            unrealized_pnl: total(|plan| plan.unrealized_pnl),
            orders: plans.iter().map(|plan| plan.orders).sum(),
            fills: plans.iter().map(|plan| plan.fills).sum(),
            stopped_out: plans.iter().filter(|plan| plan.is_stopped_out).count() as u64,
            refusals,
            plans,
        }
    }
}

/// The sum; nothing where it would not fit, as in the summary of a run.
fn sum(one: Money, other: Money) -> Money {
    one.plus(other).unwrap_or_default()
}

fn one(uid: SessionUid, plan: &RecordedPlan) -> PlanFigures {
    let view = &plan.view;
    let orders = || view.groups.iter().flat_map(|group| &group.orders);
    let fills = |order: &OrderView| order.fills.iter().filter(|fill| !fill.busted).count() as u64;
    PlanFigures {
        plan_id: view.plan_id.clone(),
        alike: alike(uid, &view.plan_id),
        symbol: view.asset_symbol.clone(),
        direction: view.direction,
        status: view.outcome.map_or_else(|| "open".to_owned(), |outcome| outcome.to_string()),
        is_stopped_out: view.outcome == Some(Outcome::StoppedOut),
        orders: orders().count() as u64,
        fills: orders().map(fills).sum(),
        realized_pnl: view.realized_pnl,
        fees: view.fees.clone(),
        net_pnl: view.net_pnl,
        unrealized_pnl: plan.mark.as_ref().map_or(Money::ZERO, |mark| mark.unrealized_pnl),
    }
}

/// A plan's id without the digits of its session, where it was derived.
fn alike(uid: SessionUid, plan: &PlanId) -> String {
    let digits: String = uid.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let own = format!("TPL_{}", digits.get(..SESSION_DIGITS).unwrap_or_default());
    match plan.as_str().strip_prefix(&own) {
        Some(cause) => format!("TPL_{cause}"),
        None => plan.to_string(),
    }
}
