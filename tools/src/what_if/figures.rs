//! What a session came to, in the figures that the runs of a grid are compared by.

use retrace_core::amount::Money;
use retrace_core::event::Outcome;
use retrace_projections::view::FeeView;
use serde::Serialize;

use crate::session::{Recorded, RecordedPlan};

/// A whole session, over the plans that came to an order. All of them are quoted in the account's asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    pub(crate) net_pnl: Money,
    pub(crate) realized_pnl: Money,
    /// By asset.
    pub(crate) fees: Vec<FeeView>,
    /// Of what is still open, at the last price.
    pub(crate) unrealized_pnl: Money,
    pub(crate) orders: u64,
    /// Those that were taken back left out.
    pub(crate) fills: u64,
    /// How many plans a stop ended.
    pub(crate) stopped_out: u64,
    /// How many directives or orders were refused.
    pub(crate) refusals: u64,
}

impl Figures {
    pub(crate) fn of(recorded: &Recorded) -> Self {
        let plans = || recorded.plans.iter().filter(|plan| plan.opened);
        let total = |amount: fn(&RecordedPlan) -> Money| plans().map(amount).fold(Money::ZERO, sum);
        let orders = || plans().flat_map(|plan| &plan.view.groups).flat_map(|group| &group.orders);
        let mut fees: Vec<FeeView> = Vec::new();
        for fee in plans().flat_map(|plan| &plan.view.fees) {
            match fees.iter_mut().find(|known| known.asset == fee.asset) {
                Some(known) => known.amount = sum(known.amount, fee.amount),
                None => fees.push(fee.clone()),
            }
        }
        fees.sort_by(|a, b| a.asset.cmp(&b.asset));
        Self {
            net_pnl: total(|plan| plan.view.net_pnl),
            realized_pnl: total(|plan| plan.view.realized_pnl),
            fees,
            unrealized_pnl: total(|plan| plan.mark.as_ref().map_or(Money::ZERO, |mark| mark.unrealized_pnl)),
            orders: orders().count() as u64,
            fills: orders().flat_map(|order| &order.fills).filter(|fill| !fill.busted).count() as u64,
            stopped_out: plans().filter(|plan| plan.view.outcome == Some(Outcome::StoppedOut)).count() as u64,
            refusals: recorded.refusals.len() as u64,
        }
    }
}

/// The sum; nothing where it would not fit, as in the summary of a run.
fn sum(one: Money, other: Money) -> Money {
    one.plus(other).unwrap_or_default()
}
