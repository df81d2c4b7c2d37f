//! Protection by the auditor's own book: as soon as a plan's stops have no request unanswered, they cover what stays, at
//! their level, and what they do not cover is recorded.

use retrace_core::event::Because;
use retrace_core::ids::PlanNo;

use super::{Auditor, Kind, Order, Phase, Plan};
use crate::finding::Finding;

impl Auditor {
    /// Protection is back within one round trip: as soon as the stops have no request unanswered, they cover what is
    /// held; where whatever leaves needs a part of the holding of its own, what of it does not leave.
    pub(super) fn protection(&self, no: PlanNo, plan: &Plan) -> Result<(), Finding> {
        let stops = || self.of_plan(no).map(|(_, order)| order).filter(|order| order.kind == Kind::Stop);
        // One that filled before it was made larger may fill more, until that is answered.
        if stops().any(|stop| stop.is_pending() || stop.asked.is_some() && stop.most() > 0) {
            return Ok(());
        }
        let profile = self.rules.profile;
        let covered = stops().map(Order::left).sum();
        let held = plan.held_lots();
        let of = |kind| self.of_plan(no).map(|(_, order)| order).filter(move |order| order.kind == kind);
        let leaving: i64 = if profile.divides() { of(Kind::Exit).map(Order::most).sum() } else { 0 };
        let staying = (held - leaving).max(0);
        let elsewhere = stops().find(|stop| stop.works() && stop.trail.is_none() && stop.level != plan.stop);
        let level = elsewhere.or_else(|| stops().find(|stop| stop.works())).and_then(|stop| stop.level);
        let broken = Err(Finding::Protection { plan: no, covered, level, held, wanted: plan.stop });
        if covered > held {
            return broken;
        }
        let Some(wanted) = plan.stop else { return if covered > 0 { broken } else { Ok(()) } };
        let mark = self.marks.get(plan.symbol).copied().flatten();
        let passed =
            (covered == 0 || profile.has_several()) && mark.is_some_and(|mark| (mark - wanted) * plan.sign <= 0);
        let sold = covered + self.left(no, Kind::Exit) >= held;
        let market = matches!(plan.phase, Phase::Closing { market: true, gave_up: false }) && plan.last_slice.is_none();
        let standing = match plan.phase {
            // What a rollback or a take profit leaves as dust goes with its plan, once every answer is there.
            Phase::Standing => plan.target != 0 || !self.is_small(plan, held),
            // At market it is being sold whatever the stop would do.
            Phase::Closing { .. } => !self.is_small(plan, held) && !(market && (plan.trouble || passed || sold)),
            Phase::StoppedOut | Phase::Closed => false,
        };
        // What is too small for an order of its own waits for more.
        let alone = covered == 0 || !profile.amend_up;
        // One that trails is placed behind the price, and valued there.
        let valued = if plan.trail.is_some() && plan.sign < 0 { wanted / 2 } else { wanted };
        let small = alone && !profile.size_free_stop && (staying - covered) * valued < self.rules.min_notional * 100;
        // A take profit that is on its way out still has its part of the holding.
        // So does one that filled before it was made larger, until that is answered.
        let has_part = |order: &Order| order.is_pending() || order.asked.is_some() && order.most() > 0;
        let gives_way = profile.divides() && of(Kind::Profit).any(has_part);
        let short = covered < staying && !small && !gives_way;
        if standing && (short || elsewhere.is_some() && covered > 0) {
            return broken;
        }
        let other = |(_, order): &(_, &Order)| {
            order.kind == Kind::Stop && order.works() && order.limit.map(|limit| limit.distance) != plan.stop_limit
        };
        if standing && let Some((order, _)) = self.of_plan(no).find(other) {
            return Err(Finding::StopLimit { plan: no, order, what: "stands with another limit than its plan's" });
        }
        if standing && let Some(order) = self.trails_otherwise(no, plan) {
            return Err(Finding::Trail { plan: no, order, what: "trails otherwise than its plan's" });
        }
        // One that is closed over time is stopped out by its stop, whether or not that has begun.
        let traded = matches!(plan.phase, Phase::Closing { .. }) && stops().any(|stop| stop.filled > 0);
        let ends = traded || matches!(plan.phase, Phase::StoppedOut | Phase::Closed);
        // While what flattens it is on its way, nothing is told.
        let flattens = of(Kind::Exit).any(Order::is_pending);
        if !ends && !flattens && plan.gap != held - covered {
            return Err(Finding::GapUntold { plan: no, uncovered: held - covered, told: plan.gap });
        }
        Ok(())
    }

    /// Whether a gap may have the cause that is recorded.
    pub(super) fn gap_has_ground(&self, no: PlanNo, because: Because) -> Result<(), Finding> {
        let Some(plan) = self.plans.get(&no) else { return Ok(()) };
        let profile = self.rules.profile;
        let has_ground = match because {
            Because::Fill | Because::Flat => plan.gap == 0,
            Because::BelowMinNotional => self.rules.min_notional > 0,
            Because::Consolidating => profile.has_several(),
            Because::Reducing => profile.divides(),
            // Its stop may have traded since.
            Because::Closing => matches!(plan.phase, Phase::Closing { .. } | Phase::StoppedOut),
            Because::ProtectionCancelled => plan.stop.is_none(),
            Because::NoConnection => !self.connected,
            // It is being flattened, and nothing covers it until then; or the venue refuses to.
            Because::LateEntry | Because::StopLost | Because::StopAlreadyPassed | Because::Rejected => {
                matches!(plan.phase, Phase::StoppedOut | Phase::Closed | Phase::Closing { .. })
            }
            Because::PatienceOver => self.ran_out(no),
            _ => false,
        };
        if has_ground { Ok(()) } else { Err(Finding::GapWithoutGround { plan: no, because: because.as_str() }) }
    }
}
