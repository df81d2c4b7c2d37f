//! Stops without a size by the auditor's own book: each is for what its plan holds, and nothing but its level is changed.

use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::order::{OrderStatus, OrderTerms};

use super::{Asked, Auditor, Order, Plan};

impl Auditor {
    /// Whether a new order is such a stop.
    pub(super) const fn is_size_free(&self, terms: &OrderTerms) -> bool {
        self.rules.profile.size_free_stop && matches!(terms, OrderTerms::Stop { .. })
    }

    /// Something was told of an order: stops of its plan are for what is held now.
    pub(super) fn follow_holding(&mut self, no: OrderNo) {
        if let Some(plan) = self.orders.get(&no).map(|order| order.plan) {
            self.follow(plan);
        }
    }

    /// The stops of a plan are for what it holds now.
    pub(super) fn follow(&mut self, no: PlanNo) {
        let Some(held) = self.plans.get(&no).map(Plan::held_lots) else { return };
        for order in self.orders.values_mut().filter(|order| order.plan == no) {
            let Some(asked) = order.size_free else { continue };
            let left = if order.ended { 0 } else { held };
            order.lots = if order.filled + left > 0 { order.filled + left } else { asked };
        }
    }
}

/// Where an order stands was told: such a stop is said to be done once all that there was is traded.
pub(super) fn note_done(plan: &mut Plan, order: &mut Order, status: OrderStatus) {
    if order.size_free.is_some() && status == OrderStatus::Filled {
        order.ended = true;
        plan.stop_out();
    }
}

/// Whether what is told of an order is the change that was asked for: of such a stop only its level is.
pub(super) fn is_amended(order: &Order, lots: i64, level: Option<i64>) -> bool {
    let Some(Asked::Amend { lots: asked, level: to }) = order.asked else { return false };
    to == level && (asked == lots || order.size_free.is_some())
}
