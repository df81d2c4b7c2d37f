//! Stop limits by the auditor's own book: each has its plan's limit, and once it was set off, only so much time. Then it
//! is cancelled, and what it covered is sold.

use retrace_core::event::{Decision, Event, TimerPurpose};
use retrace_core::ids::{PlanNo, TimerId};
use retrace_core::order::OrderTerms;
use retrace_core::policy::ExecutionPolicy;
use retrace_replay::effect::Effect;

use super::{Auditor, Kind, Order, Patience, Phase, StopLimit};
use crate::finding::Finding;
use crate::units::{millis, ticks_of};

const NANOS: u64 = 1_000_000;

impl Auditor {
    /// What a new stop limit is; its limit is as far from its level as its plan's is to be.
    pub(super) fn limit_of_stop(&self, effect: &Effect, terms: OrderTerms) -> Result<Option<StopLimit>, Finding> {
        let Some(plan) = self.plans.get(&effect.plan) else { return Ok(None) };
        let (stops, distance) = match terms {
            OrderTerms::Stop { .. } | OrderTerms::TrailingStop { .. } => (true, None),
            OrderTerms::StopLimit { trigger, price } => {
                let (Some(trigger), Some(price)) = (ticks_of(trigger), ticks_of(price)) else {
                    return Err(Finding::Unsound { order: effect.order, what: "has a limit off the tick" });
                };
                (true, Some((trigger - price) * plan.sign))
            }
            _ => (false, None),
        };
        if stops && distance != plan.stop_limit {
            let what = "is placed with another limit than its plan's";
            return Err(Finding::StopLimit { plan: effect.plan, order: effect.order, what });
        }
        Ok(distance.map(|distance| StopLimit { distance, set_off: None, patience: Patience::Unset }))
    }

    /// Notes which stop limits count as set off by now: they began to fill, or the price is at their level or beyond.
    pub(super) fn note_set_off(&mut self) {
        let (now, marks, plans) = (self.now, self.marks, &self.plans);
        for order in self.orders.values_mut().filter(|order| order.limit.is_some()) {
            let Some(plan) = plans.get(&order.plan) else { continue };
            let mark = marks.get(plan.symbol).copied().flatten();
            let reached = mark.zip(order.level).is_some_and(|(mark, level)| (mark - level) * plan.sign <= 0);
            if order.filled > 0 || order.answered && reached {
                order.set_off(now);
            }
        }
    }

    /// The time of a stop limit begins or is dropped; from when it begins nothing more is entered.
    pub(super) fn note_patience(&mut self, event: &Event, decision: &Decision) -> Result<(), Finding> {
        match decision {
            Decision::TimerSet { timer, due, purpose: TimerPurpose::Patience { order: no } } => {
                let Some(plan) = event.plan else { return Ok(()) };
                let wrong = |what| Err(Finding::StopLimit { plan, order: *no, what });
                let Some(limit) = self.orders.get_mut(no).and_then(|order| order.limit.as_mut()) else {
                    return wrong("is given a time although it is no stop limit");
                };
                if limit.set_off.is_none() {
                    return wrong("is given a time although nothing set it off");
                }
                if limit.patience != Patience::Unset {
                    return wrong("is given another time");
                }
                limit.patience = Patience::Until(*timer, millis(*due));
                if let Some(plan) = self.plans.get_mut(&plan) {
                    plan.stop_out();
                }
            }
            Decision::TimerDropped { timer } => {
                let is_it = |order: &&mut Order| matches!(order.limit, Some(StopLimit { patience: Patience::Until(of, _), .. }) if of == *timer);
                if let Some(order) = self.orders.values_mut().find(is_it) {
                    // One that comes back to work, because it was made larger before it filled, has its time anew.
                    let works = order.works();
                    if let Some(limit) = &mut order.limit {
                        limit.patience = Patience::Unset;
                        limit.set_off = limit.set_off.filter(|_| works);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn patience_of(&mut self, timer: TimerId) -> Option<&mut StopLimit> {
        let limits = self.orders.values_mut().filter_map(|order| order.limit.as_mut());
        limits.into_iter().find(|limit| matches!(limit.patience, Patience::Until(of, _) if of == timer))
    }

    /// A timer fired: where it is a stop limit's time, that stop is lost.
    pub(super) fn patience_is_over(&mut self, timer: TimerId) {
        let Some(limit) = self.patience_of(timer) else { return };
        limit.patience = Patience::Over;
        let over = |order: &&Order| order.limit.is_some_and(|limit| limit.patience == Patience::Over);
        let plans: Vec<PlanNo> = self.orders.values().filter(over).map(|order| order.plan).collect();
        for no in plans {
            if let Some(plan) = self.plans.get_mut(&no) {
                plan.trouble = true;
            }
        }
    }

    /// Whether the time of a stop of the plan was over, and the plan is to be flat.
    pub(super) fn ran_out(&self, no: PlanNo) -> bool {
        let over = |(_, order): (_, &Order)| order.limit.is_some_and(|limit| limit.patience == Patience::Over);
        let ends = self.plans.get(&no).is_some_and(|plan| matches!(plan.phase, Phase::StoppedOut | Phase::Closed));
        ends && self.of_plan(no).any(over)
    }

    /// A stop limit that was set off has so much time and no more; then it is to be cancelled at once.
    pub(super) fn patience_kept(&self) -> Result<(), Finding> {
        let span = i64::try_from(ExecutionPolicy::default().stop_limit_patience.nanos() / NANOS).unwrap_or(0);
        for (no, order) in self.orders.iter().filter(|(_, order)| order.kind == Kind::Stop && order.works()) {
            let Some((limit, since)) = order.limit.and_then(|limit| limit.set_off.map(|since| (limit, since))) else {
                continue;
            };
            let what = match limit.patience {
                _ if order.ended => continue,
                Patience::Unset => "was set off, and no time of it runs",
                Patience::Until(_, due) if due > since + span => "was set off, and is given more time than it has",
                Patience::Over if self.connected && !order.is_pending() => {
                    "did not fill in its time, and is not cancelled"
                }
                Patience::Until(..) | Patience::Over => continue,
            };
            return Err(Finding::StopLimit { plan: order.plan, order: *no, what });
        }
        Ok(())
    }
}
