//! Batches by the auditor's own book: when a leg begins its plan is to be what its directive says, and what it was before
//! is kept; a rollback goes back to exactly that, once, and to nothing for a plan that the batch opened; a batch that
//! ends as one says so of every leg.

use std::sync::Arc;

use retrace_core::directive::{
    Batch as Given, ClosePlans, Intent, Leg as GivenLeg, Legs, ModifyPlans, PlanTrade, StrategyDirective, Trade,
};
use retrace_core::event::{BatchEnd, Decision, Event, LegEnd};
use retrace_core::ids::{BatchNo, DirectiveId, PlanId, PlanNo, SessionUid};
use retrace_core::policy::{BatchDefaults, BatchPolicy, ExecutionMode};

use super::{Auditor, Kind, LATE_MAX, Phase, Plan};
use crate::finding::Finding;
use crate::units::{lots_of, millis, ticks_of};

/// A batch as it was said and as it went.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    said: Arc<StrategyDirective>,
    policy: BatchPolicy,
    /// When its time is over, in milliseconds.
    deadline: Option<i64>,
    legs: Vec<Leg>,
    failed: bool,
    gave_up: bool,
    over: bool,
}

#[derive(Clone, Debug)]
struct Leg {
    plan: PlanId,
    begun: bool,
    end: Option<LegEnd>,
    /// Target in lots, stop and take profit in ticks; `None` where there was no plan.
    before: Option<(i64, Option<i64>, Option<i64>)>,
    back: Back,
    /// Its plan stood at its target when it began, and nothing worked toward it.
    was_at_rest: bool,
    /// It moves levels alone, or closes.
    sizeless: bool,
}

/// How far a leg is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    /// It is not.
    No,
    /// Its rollback has begun.
    Begun,
    /// It was told to stand where it stood before.
    Told,
}

/// A directive whose coordination the session's defaults decide, as if it had said so itself: with a policy, and with a leg
/// for each plan where it names several.
pub(super) fn spelled_out(said: &StrategyDirective, defaults: &BatchDefaults) -> StrategyDirective {
    let usual = |of: Option<BatchPolicy>| of.unwrap_or(BatchPolicy::PARALLEL);
    let of_legs = |legs: &Legs| match legs {
        Legs::NewTrade(_) => usual(defaults.new_trade),
        Legs::Modify(_) => usual(defaults.modify_existing),
        Legs::Close(_) => usual(defaults.close_existing),
    };
    let legs = match &said.intent {
        Intent::Batch(Given { policy: None, legs }) => Some(legs.clone()),
        Intent::Modify(modify) if modify.plans.len() > 1 => {
            let leg = |plan: &PlanId| ModifyPlans { plans: vec![plan.clone()], ..modify.clone() };
            Some(Legs::Modify(modify.plans.iter().map(|plan| GivenLeg { trade: leg(plan), timeout: None }).collect()))
        }
        Intent::Close(close) if close.plans.len() > 1 => {
            let leg = |plan: &PlanId| ClosePlans { plans: vec![plan.clone()], ..close.clone() };
            Some(Legs::Close(close.plans.iter().map(|plan| GivenLeg { trade: leg(plan), timeout: None }).collect()))
        }
        _ => None,
    };
    let is_batch = matches!(said.intent, Intent::Batch(_));
    match legs.map(|legs| (of_legs(&legs), legs)) {
        // Several plans without anything between them are single plans.
        Some((policy, legs)) if is_batch || policy != BatchPolicy::PARALLEL => {
            StrategyDirective { intent: Intent::Batch(Given { policy: Some(policy), legs }), ..said.clone() }
        }
        Some(_) | None => said.clone(),
    }
}

/// The directive of one leg by itself.
pub(super) fn alone(said: &StrategyDirective, trade: &PlanTrade<'_>) -> StrategyDirective {
    let intent = match trade.trade {
        Trade::New(new) => Intent::NewTrade(new.clone()),
        Trade::Modify(modify) => {
            let mut modify = modify.clone();
            modify.plans = vec![trade.plan_id.clone()];
            Intent::Modify(modify)
        }
        Trade::Close(close) => {
            let mut close = close.clone();
            close.plans = vec![trade.plan_id.clone()];
            Intent::Close(close)
        }
    };
    StrategyDirective { intent, ..said.clone() }
}

/// What of a batch concerns one plan.
pub(super) fn leg_of(said: &StrategyDirective, session: SessionUid, plan: &PlanId) -> Option<StrategyDirective> {
    let trades = said.trades(session);
    trades.iter().find(|trade| trade.plan_id == *plan).map(|trade| alone(said, trade))
}

impl Auditor {
    /// Whether a batch that is not over for it has a plan.
    pub(super) fn in_batch(&self, plan: &PlanId) -> bool {
        self.batches.values().any(|batch| batch.holds(plan))
    }

    /// A directive for single plans must not change one that is in a batch; a close takes it out.
    pub(super) fn free_of_batch(&self, said: &StrategyDirective, plan: &PlanId) -> Result<(), Finding> {
        if self.in_batch(plan) {
            let what = "changes a plan that is in a batch";
            return Err(Finding::Directive { directive: said.directive_id.clone(), what });
        }
        Ok(())
    }

    pub(super) fn note_batch(&mut self, event: &Event, decision: &Decision) -> Result<(), Finding> {
        match decision {
            Decision::BatchStarted { batch, directive, policy, legs } => {
                let Some(said) = self.said.get(directive).cloned() else {
                    return Err(Finding::Batch { batch: *batch, what: "begins for a directive that nobody gave" });
                };
                let Intent::Batch(Given { policy: Some(given), .. }) = &said.intent else {
                    return Err(Finding::Batch { batch: *batch, what: "begins for a directive of single plans" });
                };
                if given != policy {
                    return Err(Finding::Batch { batch: *batch, what: "has another policy than it was given" });
                }
                let trades = said.trades(self.session);
                let sizeless = |plan: &PlanId| {
                    trades.iter().find(|trade| trade.plan_id == *plan).is_some_and(|trade| match trade.trade {
                        Trade::New(_) => false,
                        Trade::Modify(modify) => modify.target.is_none(),
                        Trade::Close(_) => true,
                    })
                };
                let leg = |plan: &PlanId| Leg {
                    plan: plan.clone(),
                    begun: false,
                    end: None,
                    before: None,
                    back: Back::No,
                    was_at_rest: false,
                    sizeless: sizeless(plan),
                };
                let legs = legs.iter().map(leg).collect();
                let deadline = policy.timeout.map(|timeout| millis(event.time.plus(timeout)));
                let (policy, said) = (*policy, Arc::new(said));
                let known = Batch { said, policy, deadline, legs, failed: false, gave_up: false, over: false };
                self.batches.insert(*batch, known);
                Ok(())
            }
            Decision::BatchLegStarted { batch, leg } => self.begin_leg(*batch, *leg),
            Decision::PlanAccepted { plan_id, .. } => {
                let leg = self.batches.values().filter(|batch| !batch.over).find_map(|batch| {
                    let begun = batch.legs.iter().any(|leg| leg.begun && leg.plan == *plan_id);
                    leg_of(&batch.said, self.session, plan_id).filter(|_| begun)
                });
                match (leg.map(|leg| leg.intent), event.plan) {
                    (Some(Intent::NewTrade(new)), Some(no)) if !self.names.contains_key(plan_id) => {
                        self.open(no, plan_id.clone(), &new);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            Decision::BatchLegEnded { batch, leg, end } => self.end_leg(*batch, *leg, *end),
            Decision::BatchFailed { batch, .. } => {
                let Some(known) = self.batches.get_mut(batch) else { return Ok(()) };
                if known.failed || !known.policy.rollback_on_failure {
                    return Err(Finding::Batch { batch: *batch, what: "is rolled back twice, or must not be" });
                }
                known.failed = true;
                Ok(())
            }
            Decision::RollbackStarted { batch, target, stop, take_profit } => {
                let exits = (stop.and_then(ticks_of), take_profit.and_then(ticks_of));
                let lots = lots_of(target.value()).unwrap_or(i64::MIN);
                event.plan.map_or(Ok(()), |no| self.roll_back(*batch, no, lots, exits))
            }
            Decision::RollbackGaveUp { batch, .. } => {
                if let Some(plan) = event.plan.and_then(|no| self.plans.get_mut(&no)) {
                    (plan.entry_short, plan.exit_short) = (true, true);
                }
                if let Some(known) = self.batches.get_mut(batch) {
                    known.gave_up = true;
                }
                Ok(())
            }
            Decision::BatchEnded { batch, end, .. } => self.end_batch(*batch, *end),
            _ => Ok(()),
        }
    }

    fn begin_leg(&mut self, no: BatchNo, place: u32) -> Result<(), Finding> {
        let wrong = |what| Err(Finding::Batch { batch: no, what });
        let Some(batch) = self.batches.get(&no).filter(|batch| !batch.over && !batch.failed) else {
            return wrong("begins a leg although it is over or has failed");
        };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let Some(leg) = batch.legs.get(place) else { return wrong("has no such leg") };
        let ended = |leg: &Leg| leg.end == Some(LegEnd::Complete);
        if leg.begun {
            return wrong("begins a leg twice");
        }
        if batch.policy.execution_mode == ExecutionMode::Sequential && !batch.legs.iter().take(place).all(ended) {
            return wrong("begins a leg before its turn");
        }
        let (id, said) = (leg.plan.clone(), batch.said.clone());
        let plan = self.names.get(&id).and_then(|no| self.plans.get(no));
        let before = plan.map(|plan| (plan.target, plan.stop, plan.profit));
        let at_rest = self.names.get(&id).zip(plan).is_some_and(|(no, plan)| {
            let works = self.left(*no, Kind::Entry) + self.left(*no, Kind::Exit) > 0;
            plan.traded == plan.target && !works && !self.has_paused(*no)
        });
        if let Some(leg) = self.batches.get_mut(&no).and_then(|batch| batch.legs.get_mut(place)) {
            (leg.begun, leg.before, leg.was_at_rest) = (true, before, at_rest);
        }
        match leg_of(&said, self.session, &id).map(|leg| leg.intent) {
            Some(Intent::Modify(modify)) => self.modify_plan(&said, &modify, &id),
            Some(Intent::Close(close)) => self.close_plan(&said, &close, &id),
            _ => Ok(()),
        }
    }

    fn end_leg(&mut self, no: BatchNo, place: u32, end: LegEnd) -> Result<(), Finding> {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let Some(batch) = self.batches.get(&no) else { return Ok(()) };
        let Some(leg) = batch.legs.get(place) else { return Ok(()) };
        let plan = self.names.get(&leg.plan).copied();
        let known = plan.and_then(|no| self.plans.get(&no));
        let rolls_back = batch.policy.rollback_on_failure;
        if end == LegEnd::Complete
            && !leg.sizeless
            && let Some(plan) = known
            && plan.phase == Phase::Standing
            && plan.traded != plan.target
            && !(plan.target == 0 && plan.held_lots() == 0)
        {
            return Err(Finding::Batch { batch: no, what: "calls a leg complete whose plan is not at its target" });
        }
        let fails = leg.begun && !matches!(end, LegEnd::Complete | LegEnd::Closed);
        let back = matches!(end, LegEnd::RolledBack | LegEnd::RollbackIncomplete);
        if let Some(leg) = self.batches.get_mut(&no).and_then(|batch| batch.legs.get_mut(place)) {
            if end == LegEnd::RolledBack && leg.back == Back::Begun {
                leg.back = Back::Told;
            }
            leg.end = if back { leg.end } else { Some(end) };
        }
        if fails
            && !back
            && !rolls_back
            && let Some(plan) = plan.and_then(|no| self.plans.get_mut(&no))
        {
            (plan.entry_short, plan.exit_short, plan.no_entries) = (true, true, true);
        }
        Ok(())
    }

    /// A plan goes back to what it was, once.
    fn roll_back(
        &mut self,
        no: BatchNo,
        plan: PlanNo,
        target: i64,
        exits: (Option<i64>, Option<i64>),
    ) -> Result<(), Finding> {
        let wrong = |what| Err(Finding::Batch { batch: no, what });
        let (Some(batch), Some(known)) = (self.batches.get_mut(&no), self.plans.get_mut(&plan)) else {
            return wrong("rolls back what it does not have");
        };
        let leg = batch.legs.iter_mut().find(|leg| leg.plan == known.id);
        let Some(leg) = leg.filter(|leg| leg.begun && batch.failed) else {
            return wrong("rolls back a leg that had not begun, or although it has not failed");
        };
        if leg.back != Back::No {
            return wrong("rolls back a leg twice");
        }
        if known.phase != Phase::Standing {
            return wrong("rolls back a plan that has ended: it may be opened again");
        }
        leg.back = Back::Begun;
        let (lots, stop, profit) = leg.before.unwrap_or((0, known.stop, known.profit));
        if (target * known.sign, exits) != (lots, (stop, profit)) {
            return wrong("rolls a plan back to what it was not before");
        }
        (known.target, known.stop, known.profit) = (lots, stop, profit);
        (known.entry_short, known.exit_short, known.no_entries, known.no_reduces) = (false, false, false, false);
        (known.rolling, known.limit) = (true, None);
        Ok(())
    }

    /// Whether the batch of this directive was rolled back to where this plan stood before.
    pub(super) fn took_back(&self, directive: &DirectiveId, plan: &PlanId) -> bool {
        let of = |batch: &&Batch| batch.said.directive_id == *directive;
        let mut legs = self.batches.values().filter(of).flat_map(|batch| &batch.legs);
        legs.any(|leg| leg.plan == *plan && leg.back != Back::No)
    }

    fn end_batch(&mut self, no: BatchNo, end: BatchEnd) -> Result<(), Finding> {
        let wrong = |what| Err(Finding::Batch { batch: no, what });
        let Some(batch) = self.batches.get(&no).filter(|batch| !batch.over) else { return wrong("ends twice") };
        let atomic = batch.policy.execution_mode == ExecutionMode::Atomic;
        let complete = batch.legs.iter().all(|leg| leg.end == Some(LegEnd::Complete));
        // Back where it was, or ended by itself: stopped out, closed by a directive, with nothing traded.
        let back = |leg: &Leg| {
            let plan = self.names.get(&leg.plan).and_then(|no| self.plans.get(no).map(|plan| (*no, plan)));
            let Some((no, plan)) = plan.filter(|_| leg.begun && leg.end != Some(LegEnd::Closed)) else { return true };
            let lots = leg.before.map_or(0, |(lots, _, _)| lots);
            let off = (plan.traded - lots).abs();
            // What the plan was at before, it goes on with.
            let moved = leg.before.is_none() || leg.was_at_rest;
            let reached = !moved || self.is_small(plan, off) || lots == 0 && plan.held_lots() == 0;
            let trades = self.left(no, Kind::Exit) > 0 || leg.before.is_none() && self.left(no, Kind::Entry) > 0;
            // What was stopped out since, or lost its stop, is being flattened: nothing brings it back into its trade.
            let is_out = leg.back != Back::No && plan.phase == Phase::StoppedOut;
            plan.has_ended || is_out || leg.back != Back::No && reached && !(trades && moved)
        };
        let verdict = match end {
            BatchEnd::Complete if !complete => wrong("is called complete, and a leg of it is not"),
            BatchEnd::Incomplete if atomic || complete => wrong("is left incomplete"),
            BatchEnd::Incomplete if batch.failed => wrong("is left incomplete after it was to be rolled back"),
            BatchEnd::Refused if batch.legs.iter().any(|leg| leg.begun) => {
                wrong("is called refused, and a leg has begun")
            }
            BatchEnd::RolledBack if !batch.legs.iter().all(back) => {
                wrong("is called rolled back, and a leg of it is not")
            }
            BatchEnd::RollbackIncomplete if !batch.gave_up => wrong("gives up a rollback that was not tried"),
            BatchEnd::Complete
            | BatchEnd::Incomplete
            | BatchEnd::Refused
            | BatchEnd::RolledBack
            | BatchEnd::RollbackIncomplete => Ok(()),
        };
        verdict?;
        let plans: Vec<PlanId> =
            batch.legs.iter().filter(|leg| leg.back != Back::No).map(|leg| leg.plan.clone()).collect();
        if let Some(batch) = self.batches.get_mut(&no) {
            batch.over = true;
        }
        for plan in plans {
            if let Some(plan) = self.names.get(&plan).and_then(|no| self.plans.get_mut(no)) {
                plan.rolling = false;
            }
        }
        Ok(())
    }

    /// A take profit traded: what it took is not bought back by a rollback either.
    pub(super) fn lower_before(&mut self, plan: &PlanId, lots: i64) {
        for batch in self.batches.values_mut().filter(|batch| !batch.over) {
            for leg in batch.legs.iter_mut().filter(|leg| leg.plan == *plan) {
                if let Some((target, _, _)) = &mut leg.before {
                    *target = (*target - lots).max(0);
                }
            }
        }
    }

    /// A batch does not outlive its time.
    pub(super) fn batches_in_time(&self) -> Result<(), Finding> {
        let late = self.batches.iter().find(|(_, batch)| {
            let waits = !batch.over && !batch.failed;
            waits
                && batch.legs.iter().any(|leg| leg.end.is_none() && !batch.closes())
                && batch.deadline.is_some_and(|deadline| deadline + LATE_MAX < self.now)
        });
        late.map_or(Ok(()), |(no, _)| Err(Finding::Batch { batch: *no, what: "goes on although its time is over" }))
    }

    /// What holds of batches when all is over.
    pub(super) fn batches_over(&self) -> Result<(), Finding> {
        let open = self.batches.iter().find(|(_, batch)| !batch.over);
        open.map_or(Ok(()), |(no, _)| Err(Finding::Batch { batch: *no, what: "is not over when all is" }))
    }
}

impl Batch {
    fn closes(&self) -> bool {
        matches!(&self.said.intent, Intent::Batch(batch) if matches!(batch.legs, retrace_core::directive::Legs::Close(_)))
    }

    fn holds(&self, plan: &PlanId) -> bool {
        let held = |leg: &Leg| match leg.end {
            None => true,
            Some(LegEnd::Closed) => false,
            Some(_) => self.policy.rollback_on_failure,
        };
        !self.over && self.legs.iter().any(|leg| leg.plan == *plan && held(leg))
    }
}

impl Plan {
    /// Whether a batch takes back what it traded.
    pub(super) const fn is_rolled_back(&self) -> bool {
        self.rolling
    }
}
