//! What a directive is to do to a plan, and whether a refusal has ground.

use retrace_core::directive::{
    Algorithm, CancelReach, ClosePlans, EntryTerms, ExecutionHint, Intent, Layered, ModifyPlans, NewTrade, PlanTrade,
    StopChange, StopLevel, StrategyDirective, TakeProfitChange, Trade,
};
use retrace_core::event::{Decision, Event, Fact, GroupRefusal, Idle, Refusal};
use retrace_core::ids::{PlanId, PlanNo};
use retrace_core::order::Side;
use retrace_core::stop::{StopKind, Trail};
use rust_decimal::Decimal;

use super::batches::{leg_of, spelled_out};
use super::{Auditor, Kind, Phase, Plan};
use crate::finding::Finding;
use crate::script::Script;
use crate::units::{level_behind, lots_of, millis, ticks_of};

impl Auditor {
    pub(super) fn directive(&mut self, said: &StrategyDirective, events: &[Event]) -> Result<(), Finding> {
        let wrong = |what| Err(Finding::Directive { directive: said.directive_id.clone(), what });
        let decisions = events.iter().filter_map(|event| match &event.fact {
            Fact::Decision(decision) => Some((event, decision)),
            _ => None,
        });
        let first = self.unspelled.get(&said.directive_id).or_else(|| self.said.get(&said.directive_id));
        if let Some(first) = first {
            let mut decisions = decisions.map(|(_, decision)| decision);
            let answer = (decisions.next(), decisions.next());
            return match answer {
                (Some(Decision::DirectiveRepeated { .. }), None) if first == said => Ok(()),
                (Some(Decision::DirectiveRefused { refusal: Refusal::Conflict { .. }, .. }), None) if first != said => {
                    Ok(())
                }
                _ => wrong("was said before and is not taken as a repeat or a conflict"),
            };
        }
        let spelled = spelled_out(said, &self.batch_defaults);
        if spelled != *said {
            self.unspelled.insert(said.directive_id.clone(), said.clone());
        }
        let said = &spelled;
        self.said.insert(said.directive_id.clone(), said.clone());
        let mut refused = Vec::new();
        let mut accepted = None;
        for (event, decision) in decisions {
            if let Decision::DirectiveRefused { plan_id, refusal, .. } = decision {
                if !self.has_ground(said, plan_id.as_ref(), refusal) {
                    let (directive, plan) = (said.directive_id.clone(), plan_id.clone());
                    return Err(Finding::Unjustified { directive, plan, code: refusal.code() });
                }
                refused.push(plan_id.clone());
            }
            if let Decision::PlanAccepted { plan_id, .. } = decision {
                accepted = event.plan.map(|no| (no, plan_id.clone()));
            }
        }
        let is_refused = |plan: &PlanId| refused.iter().any(|refused| refused.as_ref() == Some(plan));
        match &said.intent {
            // Its legs are followed as they begin.
            Intent::Batch(_) => Ok(()),
            Intent::NewTrade(new) => match accepted {
                Some((_, id)) if self.names.contains_key(&id) => wrong("opens a plan that exists"),
                Some((no, id)) => {
                    if new.direction == Side::Sell && !self.rules.profile.shorting {
                        return wrong("opens a short plan where there is none");
                    }
                    self.open(no, id, new);
                    self.exits_linked(said, no)
                }
                None => Ok(()),
            },
            Intent::Modify(modify) => {
                for id in modify.plans.iter().filter(|id| !is_refused(id)) {
                    self.free_of_batch(said, id)?;
                    if self.was_instructed(said, id, events) {
                        continue;
                    }
                    self.modify_plan(said, modify, id)?;
                }
                Ok(())
            }
            Intent::Close(close) => {
                close.plans.iter().filter(|id| !is_refused(id)).try_for_each(|id| self.close_plan(said, close, id))
            }
            Intent::Group(group) => {
                for id in group.plans.iter().filter(|id| !is_refused(id)) {
                    self.free_of_batch(said, id)?;
                    self.order_group(said, group, id)?;
                }
                Ok(())
            }
            Intent::CancelAll(cancel) => {
                for id in cancel.plans.iter().filter(|id| !is_refused(id)) {
                    if cancel.reach != CancelReach::Plan {
                        self.free_of_batch(said, id)?;
                    }
                    self.cancel_all(said, cancel, id, events)?;
                }
                Ok(())
            }
        }
    }

    /// Whether a change is said to be what its plan was told last, and was told before: nothing is asked for again.
    fn was_instructed(&self, said: &StrategyDirective, id: &PlanId, events: &[Event]) -> bool {
        let told = |event: &Event| {
            matches!(&event.fact, Fact::Decision(Decision::NothingToDo { plan_id, reason: Idle::AlreadyInstructed, .. })
                if plan_id == id)
        };
        let before = |known: &StrategyDirective| known.directive_id != said.directive_id && known.intent == said.intent;
        events.iter().any(told) && self.said.values().any(before)
    }

    pub(super) fn modify_plan(
        &mut self,
        said: &StrategyDirective,
        modify: &ModifyPlans,
        id: &PlanId,
    ) -> Result<(), Finding> {
        let wrong = |what| Err(Finding::Directive { directive: said.directive_id.clone(), what });
        let mark = self.mark_of(id);
        let known = self.names.get(id).copied();
        let works = |kind| known.is_some_and(|no| self.left(no, kind) > 0);
        let running = Running { entries: works(Kind::Entry), exits: works(Kind::Exit) };
        match self.names.get(id).and_then(|no| self.plans.get_mut(no)) {
            Some(plan) if plan.phase == Phase::Standing => change(plan, modify, mark, running),
            Some(_) => return wrong("changes a plan that has ended"),
            None => return wrong("changes a plan that does not exist"),
        }
        known.map_or(Ok(()), |no| self.exits_linked(said, no))
    }

    pub(super) fn close_plan(
        &mut self,
        said: &StrategyDirective,
        close: &ClosePlans,
        id: &PlanId,
    ) -> Result<(), Finding> {
        let market = close.execution.max_total_slippage.is_none();
        let Some(plan) = self.names.get(id).and_then(|no| self.plans.get_mut(no)) else {
            // A leg whose turn has not come is closed before it was opened.
            if self.in_batch(id) {
                return Ok(());
            }
            let what = "closes a plan that does not exist";
            return Err(Finding::Directive { directive: said.directive_id.clone(), what });
        };
        // One that may only slow down what is under way changes nothing, unless it turns out to be sooner: that is told.
        let may_wait = close.execution.urgency.is_some_and(|urgency| urgency < Decimal::ONE);
        let under_way = may_wait && matches!(plan.phase, Phase::Closing { gave_up: false, .. });
        if matches!(plan.phase, Phase::Standing | Phase::Closing { .. }) && !under_way {
            plan.phase = Phase::Closing { market, gave_up: false };
            plan.target = 0;
        }
        Ok(())
    }

    /// A stop and a take profit stand together only where they cannot trade more than is held.
    fn exits_linked(&self, said: &StrategyDirective, no: PlanNo) -> Result<(), Finding> {
        let both = self.plans.get(&no).is_some_and(|plan| plan.stop.is_some() && plan.profit.is_some());
        if both && !self.rules.profile.links_exits() {
            let what = "gives a stop and a take profit where the venue links no exits";
            return Err(Finding::Directive { directive: said.directive_id.clone(), what });
        }
        Ok(())
    }

    fn mark_of(&self, id: &PlanId) -> Option<i64> {
        let plan = self.names.get(id).and_then(|no| self.plans.get(no))?;
        self.marks.get(plan.symbol).copied().flatten()
    }

    pub(super) fn open(&mut self, no: PlanNo, id: PlanId, new: &NewTrade) {
        let symbol = usize::from(new.symbol != Script::symbol(0));
        let mark = self.marks.get(symbol).copied().flatten();
        let sign = if new.direction == Side::Buy { 1 } else { -1 };
        self.names.insert(id.clone(), no);
        let plan = Plan {
            id,
            symbol,
            sign,
            target: lots_of(new.target.value()).unwrap_or(0),
            stop: new.stop.and_then(|stop| level_of(stop, sign, entered_at(new, sign, mark, stop))),
            trail: new.stop.and_then(trail_of),
            stop_limit: new.stop.and_then(|stop| distance_of(stop, sign)),
            profit: new.take_profit.and_then(ticks_of),
            traded: 0,
            held: 0,
            phase: Phase::Standing,
            entry_short: false,
            exit_short: false,
            limit: limit_of(Some(new.entry), new.execution),
            parts: parts(new.execution),
            skips: skips(new.execution.algorithm),
            trouble: false,
            has_ended: false,
            rolling: false,
            gap: 0,
            no_entries: false,
            no_reduces: false,
            last_slice: None,
        };
        self.plans.insert(no, plan);
    }

    /// Whether a refusal's rule holds, by the auditor's own book.
    pub(super) fn has_ground(&self, said: &StrategyDirective, plan: Option<&PlanId>, refusal: &Refusal) -> bool {
        if let (Intent::Batch(_), Some(id)) = (&said.intent, plan) {
            return leg_of(said, self.session, id).is_some_and(|leg| self.has_ground(&leg, plan, refusal));
        }
        let known = plan.and_then(|id| self.names.get(id)).and_then(|no| self.plans.get(no));
        let new = match &said.intent {
            Intent::NewTrade(new) => Some(new),
            Intent::Modify(_) | Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) | Intent::Batch(_) => None,
        };
        let symbol =
            new.map_or_else(|| known.map_or(0, |plan| plan.symbol), |new| usize::from(new.symbol != Script::symbol(0)));
        let mark = self.marks.get(symbol).copied().flatten();
        let long = new.map_or_else(|| known.is_some_and(|plan| plan.sign > 0), |new| new.direction == Side::Buy);
        let sign = if long { 1 } else { -1 };
        match refusal {
            Refusal::UnknownPlan => known.is_none(),
            Refusal::PlanInBatch { .. } => plan.is_some_and(|id| self.in_batch(id)),
            Refusal::PlanEnded => known.is_some_and(|plan| plan.phase != Phase::Standing),
            Refusal::PlanExists => new.is_some() && known.is_some(),
            Refusal::ShortingUnsupported => new.is_some() && !long && !self.rules.profile.shorting,
            Refusal::NoPriceYet => mark.is_none(),
            Refusal::UnsupportedByProfile { needs } if needs == "native_trailing" => {
                !self.rules.profile.native_trailing
            }
            Refusal::GoodTillPassed { good_till } => {
                let named = |trade: &PlanTrade<'_>| match trade.trade {
                    Trade::New(new) => new.entry.time_in_force.good_till() == Some(*good_till),
                    Trade::Modify(modify) => {
                        modify.entry.and_then(|entry| entry.time_in_force.good_till()) == Some(*good_till)
                    }
                    Trade::Close(_) => false,
                };
                millis(*good_till) <= self.now && said.trades(self.session).iter().any(named)
            }
            Refusal::UnsupportedByProfile { needs } if needs == "native_oco" => !self.rules.profile.links_exits(),
            Refusal::UnsupportedByProfile { needs } if needs == "stop_limit" => self.rules.profile.size_free_stop,
            // An order that leaves was to grow, and all of the holding has its order.
            Refusal::UnsupportedByProfile { .. } => {
                self.rules.profile.divides() && matches!(said.intent, Intent::Group(_))
            }
            Refusal::WrongSide { field, level, price } if field == "stop_limit_price" => {
                // A limit stands at the stop's level or beyond it.
                ticks_of(*level).zip(ticks_of(*price)).is_some_and(|(limit, stop)| (limit - stop) * sign > 0)
            }
            Refusal::OtherStopStands { stands, proposed } => {
                let plan = known.filter(|plan| plan.stop.is_some());
                let book = plan.map(|plan| (plan.trail, plan.stop_limit));
                book == Some(kind_of(*stands)) && book != Some(kind_of(*proposed))
            }
            Refusal::StopStands { proposed, .. } => {
                let stands = known.filter(|plan| plan.stop.is_some());
                let proposed = (*proposed * Decimal::TEN).normalize();
                stands.is_some_and(|plan| plan.stop_limit.map(Decimal::from) != Some(proposed))
            }
            Refusal::WrongSide { field, level, price } => {
                let (level, price) = (ticks_of(*level), ticks_of(*price));
                let is_stop = field == "stop_loss_price";
                let toward = if is_stop { sign } else { -sign };
                // A stop is read against the farthest of several layers, a take profit against the nearest.
                let layer =
                    layers_of(said).map(|layered| if (sign > 0) == is_stop { layered.from } else { layered.to });
                let limit = new.and_then(|new| new.entry.limit_price).and_then(ticks_of).or(mark);
                let references = [layer.and_then(ticks_of), limit.filter(|_| new.is_none() || layer.is_none())];
                price.is_some()
                    && references.contains(&price)
                    && price.zip(level).is_some_and(|(price, level)| (price - level) * toward <= 0)
            }
            Refusal::WouldLoosen { stop, proposed } => {
                let (stop, proposed) = (ticks_of(*stop), ticks_of(*proposed));
                let stands = known.is_some_and(|plan| plan.stop == stop);
                stands && stop.zip(proposed).is_some_and(|(stop, proposed)| (proposed - stop) * sign < 0)
            }
            Refusal::DirectionContradictsTarget { direction, delta } => {
                Side::of(*delta).is_some_and(|sign| sign != *direction)
            }
            Refusal::TooManySlices { slices, quantity, lot } => {
                let (quantity, lot) = (lots_of(quantity.value()), lots_of(lot.value()));
                quantity.zip(lot).is_some_and(|(quantity, lot)| quantity < lot * i64::from(*slices))
            }
            Refusal::SliceBelowMinNotional { slice, price, minimum } => {
                slice.value() * price.value() < minimum.value()
                    && minimum.value() == Decimal::from(self.rules.min_notional)
            }
            Refusal::RiskGate(refusal) => match (&said.intent, plan) {
                (Intent::Group(group), Some(id)) => self.change_is_beyond(group, id, refusal.code()),
                _ => false,
            },
            Refusal::Group(refusal) => match (&said.intent, plan, refusal) {
                (Intent::Group(group), Some(id), refusal) => self.has_group_ground(group, id, refusal),
                // Of a leg, which is planned before any is sent.
                (_, _, GroupRefusal::OrderBelowMinNotional { quantity, price, minimum }) => {
                    quantity.value() * price.value() < minimum.value()
                        && minimum.value() == Decimal::from(self.rules.min_notional)
                }
                _ => false,
            },
            _ => false,
        }
    }
}

/// The price at which what is too small is valued: of several layers the lowest.
fn limit_of(entry: Option<EntryTerms>, hint: ExecutionHint) -> Option<i64> {
    match hint.algorithm {
        Some(Algorithm::Layered(layered)) => ticks_of(layered.from),
        _ => entry.and_then(|entry| entry.limit_price).and_then(ticks_of),
    }
}

fn parts(hint: ExecutionHint) -> i64 {
    match hint.algorithm {
        Some(Algorithm::Layered(layered)) => i64::from(layered.layers),
        _ => 1,
    }
}

const fn layers_of(said: &StrategyDirective) -> Option<Layered> {
    let hint = match &said.intent {
        Intent::NewTrade(new) => new.execution,
        Intent::Modify(modify) => modify.execution,
        Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) | Intent::Batch(_) => return None,
    };
    if let Some(Algorithm::Layered(layered)) = hint.algorithm { Some(layered) } else { None }
}

const fn skips(algorithm: Option<Algorithm>) -> bool {
    matches!(algorithm, Some(Algorithm::Twap(twap)) if !twap.catch_up)
}

/// What of a plan works when its target is set: a group of an older target may still end short.
#[derive(Clone, Copy)]
struct Running {
    entries: bool,
    exits: bool,
}

fn change(plan: &mut Plan, modify: &ModifyPlans, mark: Option<i64>, running: Running) {
    match modify.stop {
        None => {}
        Some(StopChange::Remove) => plan.stop = None,
        Some(StopChange::To(level)) => {
            // What stands keeps its limit; another one would have been refused.
            if plan.stop.is_none() {
                plan.stop_limit = distance_of(level, plan.sign);
                plan.trail = trail_of(level);
            }
            // One that trails is not moved.
            if plan.stop.is_none() || plan.trail.is_none() {
                plan.stop = level_of(level, plan.sign, mark);
            }
        }
    }
    match modify.take_profit {
        None => {}
        Some(TakeProfitChange::Remove) => plan.profit = None,
        Some(TakeProfitChange::To(level)) => plan.profit = ticks_of(level),
    }
    if let Some(size) = modify.target {
        plan.target = lots_of(size).unwrap_or(0);
        plan.entry_short &= running.entries;
        plan.exit_short &= running.exits;
        plan.skips |= skips(modify.execution.algorithm);
        plan.limit = limit_of(modify.entry, modify.execution).or(plan.limit);
        plan.parts = plan.parts.max(parts(modify.execution));
        (plan.no_entries, plan.no_reduces) = (false, false);
    }
}

/// How many ticks beyond its level a stop is to have its limit.
fn distance_of(level: StopLevel, sign: i64) -> Option<i64> {
    match level {
        StopLevel::Limited { price, limit } => ticks_of(price).zip(ticks_of(limit)).map(|(at, to)| (at - to) * sign),
        StopLevel::At(_) | StopLevel::Tolerance(_) | StopLevel::Trailing(_) => None,
    }
}

const fn trail_of(level: StopLevel) -> Option<Trail> {
    match level {
        StopLevel::Trailing(trail) => Some(trail),
        StopLevel::At(_) | StopLevel::Tolerance(_) | StopLevel::Limited { .. } => None,
    }
}

/// How a stop trails, and how many ticks beyond its level it has its limit.
fn kind_of(kind: StopKind) -> (Option<Trail>, Option<i64>) {
    match kind {
        StopKind::Market => (None, None),
        StopKind::Limit { distance } => (None, i64::try_from((distance * Decimal::TEN).trunc().mantissa()).ok()),
        StopKind::Trailing(trail) => (Some(trail), None),
    }
}

/// Against which price a new plan's stop is read: one that trails against its limit, the farthest of several, or the
/// current price where that is better.
fn entered_at(new: &NewTrade, sign: i64, mark: Option<i64>, stop: StopLevel) -> Option<i64> {
    if trail_of(stop).is_none() {
        return mark;
    }
    let limit = match new.execution.algorithm {
        Some(Algorithm::Layered(layered)) => Some(if sign > 0 { layered.from } else { layered.to }),
        _ => new.entry.limit_price,
    };
    let limit = limit.and_then(ticks_of);
    match (limit, mark) {
        (Some(limit), Some(mark)) => Some(if sign > 0 { limit.min(mark) } else { limit.max(mark) }),
        (limit, mark) => limit.or(mark),
    }
}

/// Where a stop is to stand: a tolerance is read against the current price and rounded toward it.
fn level_of(level: StopLevel, sign: i64, mark: Option<i64>) -> Option<i64> {
    match level {
        StopLevel::At(price) | StopLevel::Limited { price, .. } => ticks_of(price),
        StopLevel::Trailing(trail) => level_behind(trail, mark?, sign),
        StopLevel::Tolerance(fraction) => {
            let (thousandths, mark) =
                (i64::try_from((fraction * Decimal::ONE_THOUSAND).trunc().mantissa()).ok()?, mark?);
            let exact = mark * (1_000 - sign * thousandths);
            Some(if sign > 0 { (exact + 999) / 1_000 } else { exact / 1_000 })
        }
    }
}
