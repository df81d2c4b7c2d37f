//! Trailing stops (SEMANTICS 4): the venue moves them, so the worker says where one begins, and never moves it.

use retrace_core::amount::Price;
use retrace_core::stop::{StopKind, tighter};
use retrace_projections::ledger::{Order, Plan};

use super::current_price;
use crate::step::Deciding;

/// Where a stop of the plan is placed now: at the plan's level; one that trails already where the price has brought it.
pub(super) fn start(deciding: &Deciding<'_>, plan: &Plan, level: Price) -> Price {
    let StopKind::Trailing(trail) = plan.exits.stop_kind else { return level };
    let side = plan.direction.opposite();
    let behind = current_price(deciding, plan).and_then(|price| trail.level(price, side, &plan.instrument));
    behind.map_or(level, |behind| tighter(level, behind, side))
}

/// Whether protection is to be moved to `level`.
pub(super) fn is_moved(order: &Order, level: Price) -> bool {
    order.terms.trail().is_none() && order.terms.trigger() != Some(level)
}

/// The level that a change of protection to `level` names: none where it trails.
pub(super) fn amended(order: &Order, level: Price) -> Option<Price> {
    Some(level).filter(|_| order.terms.trail().is_none())
}
