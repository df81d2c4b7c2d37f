//! Trailing stops by the auditor's own book: each follows as its plan's stop is to, and begins no farther from the price
//! than the plan's level. Where it has come to is the venue's to know.

use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::order::OrderTerms;
use retrace_core::stop::Trail;
use retrace_replay::effect::Effect;

use super::{Auditor, Kind, Order, Plan};
use crate::finding::Finding;
use crate::units::ticks_of;

impl Auditor {
    /// How a new stop trails: as its plan's is to.
    pub(super) fn trail_of_stop(&self, effect: &Effect, terms: OrderTerms) -> Result<Option<Trail>, Finding> {
        let Some(plan) = self.plans.get(&effect.plan) else { return Ok(None) };
        let wrong = |what| Err(Finding::Trail { plan: effect.plan, order: effect.order, what });
        let (trail, trigger) = match terms {
            OrderTerms::TrailingStop { trigger, trail } => (Some(trail), ticks_of(trigger)),
            OrderTerms::Stop { .. } | OrderTerms::StopLimit { .. } => (None, None),
            _ => return Ok(None),
        };
        if trail != plan.trail {
            return wrong("is placed with another trail than its plan's");
        }
        if trail.is_some() && !self.rules.profile.native_trailing {
            return wrong("trails where the venue moves no stops");
        }
        if trigger.zip(plan.stop).is_some_and(|(trigger, level)| (trigger - level) * plan.sign < 0) {
            return wrong("begins farther from the price than its plan's level");
        }
        Ok(trail)
    }

    /// A stop of the plan that works and trails otherwise than its plan's is to.
    pub(super) fn trails_otherwise(&self, no: PlanNo, plan: &Plan) -> Option<OrderNo> {
        let other = |(_, order): &(_, &Order)| order.kind == Kind::Stop && order.works() && order.trail != plan.trail;
        self.of_plan(no).find(other).map(|(order, _)| order)
    }
}
