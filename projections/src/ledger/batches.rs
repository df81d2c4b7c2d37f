//! Batches: several trades of one directive, how far each has come, and where each plan stood before (SEMANTICS 9).

use bincode::{Decode, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

use retrace_core::amount::{Money, Position};
use retrace_core::directive::{Scope, StrategyDirective};
use retrace_core::event::{BatchEnd, Decision, Event, LegEnd, Outcome, TimerPurpose};
use retrace_core::exact::Inexact;
use retrace_core::ids::{BatchNo, DirectiveId, PlanId, TimerId};
use retrace_core::order::{OrderStatus, Side};
use retrace_core::policy::BatchPolicy;
use retrace_core::time::{Span, Timestamp};

use super::apply::amount;
use super::reports::lower;
use super::{BrokenHistory, Exits, Group, Ledger, Phase, Plan, StandingTarget, Timer};

/// Several trades of one directive.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Batch {
    /// Its number.
    pub no: BatchNo,
    /// The directive whose trades they are.
    pub directive: DirectiveId,
    /// What all of its legs do.
    pub scope: Scope,
    /// How they hang together.
    pub policy: BatchPolicy,
    /// When it began.
    pub started_at: Timestamp,
    /// Its legs, in the order of the directive.
    pub legs: Vec<Leg>,
    /// How far it has come.
    pub stage: Stage,
    /// Its directive, for as long as legs may begin.
    wants: Option<Arc<StrategyDirective>>,
}

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Stage {
    /// Its legs are carried out.
    Running {
        /// Its time is over.
        overdue: bool,
    },
    /// It failed: its plans are brought back to where they stood.
    RollingBack {
        /// The leg that failed, from 0; `None` when it ran out of time.
        failed: Option<u32>,
    },
    /// It is over.
    Ended {
        /// How.
        end: BatchEnd,
        /// The leg for which it was rolled back.
        failed: Option<u32>,
        /// When.
        at: Timestamp,
        /// What the trades came to of plans that stand where they stood before, fees included, in quote.
        result: Money,
    },
}

/// One trade of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Leg {
    /// Of which plan.
    pub plan_id: PlanId,
    /// How long it may take from when it begins.
    pub timeout: Option<Span>,
    /// When it began; `None` before its turn.
    pub begun: Option<Timestamp>,
    /// Its time is over.
    pub overdue: bool,
    /// How it ended; `None` while it has not.
    pub end: Option<LegEnd>,
    /// What became of taking it back; `None` where that was not tried or is under way.
    pub undone: Option<LegEnd>,
    /// Why the venue or a group left it short.
    pub short: Option<LegEnd>,
    /// How its plan ended, and what had been traded by then; `None` while it has not.
    pub plan_ended: Option<(Outcome, Traded)>,
    /// Where its plan stood when it began; `None` for a plan that did not exist.
    pub before: Option<Before>,
}

/// Where a plan stood when its leg began.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Before {
    /// The directive that it took its latest instruction from.
    pub instructed_by: DirectiveId,
    /// How large the position was to be, signed; lowered by what take profits traded since.
    pub target: Position,
    /// Its exit levels.
    pub exits: Exits,
    /// What was traded.
    pub traded: Traded,
}

/// A position, and the quote that trading came to on the way there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Traded {
    /// Signed sum of the fills.
    pub position: Position,
    /// What was received less what was paid, fees included.
    pub cash: Money,
}

/// A plan on its way back to where it stood before its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rollback {
    /// Which batch.
    pub batch: BatchNo,
    /// Whether the batch opened the plan: then it ends once nothing is held.
    pub ends: bool,
    /// How many tries failed.
    pub failed_tries: u32,
}

/// All batches of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Batches {
    all: Vec<Batch>,
    /// The batch that each plan is in, from the batch's begin until the plan is independent again.
    of_plan: BTreeMap<PlanId, BatchNo>,
    /// The directive received last, which the next batch belongs to.
    received: Option<Arc<StrategyDirective>>,
}

impl Batches {
    /// A batch is over: its plans are independent, or in a batch that has waited for that.
    fn let_go(&mut self, no: BatchNo) {
        let held = self.of_plan.iter().filter(|(_, of)| **of == no);
        for plan in held.map(|(plan, _)| plan.clone()).collect::<Vec<_>>() {
            self.let_go_of(&plan, no);
        }
    }

    /// A batch is over for a plan. A close may have put it into another one meanwhile, whose turn for it is still to come.
    fn let_go_of(&mut self, plan: &PlanId, no: BatchNo) {
        self.of_plan.remove(plan);
        let newer = self.all.iter().skip(usize::try_from(no.0).unwrap_or(usize::MAX));
        let waits = |batch: &&Batch| {
            batch.is_running() && batch.legs.iter().any(|leg| leg.plan_id == *plan && leg.end.is_none())
        };
        if let Some(next) = newer.into_iter().find(waits).map(|batch| batch.no) {
            self.of_plan.insert(plan.clone(), next);
        }
    }
}

impl Traded {
    /// What `plan` has traded.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn of(plan: &Plan) -> Result<Self, Inexact> {
        let totals = plan.accounting.totals();
        let cash = match Side::of(totals.traded) {
            Some(Side::Sell) => totals.realized.plus(totals.cost)?,
            Some(Side::Buy) | None => totals.realized.minus(totals.cost)?,
        };
        Ok(Self { position: totals.traded, cash: cash.minus(totals.fees_in_quote)? })
    }
}

impl Batch {
    /// Whether it is not over.
    pub const fn is_running(&self) -> bool {
        !matches!(self.stage, Stage::Ended { .. })
    }

    /// When its time is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.policy.timeout.map(|timeout| self.started_at.plus(timeout))
    }

    /// Its directive, as long as it is not over.
    pub const fn wants(&self) -> Option<&Arc<StrategyDirective>> {
        self.wants.as_ref()
    }
}

impl Leg {
    /// Whether it has begun and not ended.
    pub const fn is_working(&self) -> bool {
        self.begun.is_some() && self.end.is_none()
    }

    /// When its time is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.begun.zip(self.timeout).map(|(begun, timeout)| begun.plus(timeout))
    }

    /// Where it stands, in a word.
    pub const fn status(&self) -> &'static str {
        match (self.undone, self.end, self.begun) {
            (Some(end), _, _) | (None, Some(end), _) => end.as_str(),
            (None, None, Some(_)) => "working",
            (None, None, None) => "pending",
        }
    }
}

impl Ledger {
    /// The number that the next batch gets.
    pub fn next_batch(&self) -> BatchNo {
        BatchNo(u32::try_from(self.batches.all.len()).unwrap_or(u32::MAX)).next()
    }

    /// Every batch, in order of its begin.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.all.iter()
    }

    /// A batch.
    pub fn batch(&self, no: BatchNo) -> Option<&Batch> {
        no.0.checked_sub(1).and_then(|place| self.batches.all.get(usize::try_from(place).ok()?))
    }

    /// The batch that a plan is in and that is not over for it.
    pub fn batch_of(&self, plan: &PlanId) -> Option<&Batch> {
        self.batches.of_plan.get(plan).and_then(|no| self.batch(*no))
    }

    /// The timers that hang on a batch, by due time, then number.
    pub fn timers_of_batch(&self, no: BatchNo) -> impl Iterator<Item = (TimerId, &Timer)> {
        let of = move |timer: &Timer| timer.purpose.batch() == Some(no);
        self.timers.iter().filter(move |(_, timer)| of(timer)).map(|((_, id), timer)| (*id, timer))
    }

    /// What the trades of a leg came to, fees included, where its plan stands where it stood before.
    ///
    /// # Errors
    /// [`Inexact`] when the difference does not fit.
    pub fn leg_result(&self, leg: &Leg) -> Result<Option<Money>, Inexact> {
        if leg.begun.is_none() {
            return Ok(None);
        }
        let now = match (leg.plan_ended, self.plan_number(&leg.plan_id).and_then(|no| self.plan(no))) {
            (Some((_, traded)), _) => traded,
            (None, Some(plan)) => Traded::of(plan)?,
            (None, None) => return Ok(None),
        };
        let before = leg.before.as_ref().map_or_else(Traded::default, |before| before.traded);
        if now.position == before.position { now.cash.minus(before.cash).map(Some) } else { Ok(None) }
    }

    pub(super) fn note_received(&mut self, directive: &StrategyDirective) {
        self.batches.received = Some(Arc::new(directive.clone()));
    }

    /// Folds what is decided of a batch.
    pub(super) fn apply_batch(&mut self, event: &Event, decision: &Decision) -> Result<(), BrokenHistory> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the caller's match lists every decision; this is its part")]
        match decision {
            Decision::BatchStarted { batch, directive, policy, legs } => {
                self.start_batch(event, *batch, directive, *policy, legs)
            }
            Decision::BatchLegStarted { batch, leg } => self.begin_leg(event, *batch, *leg),
            Decision::BatchLegEnded { batch, leg, end } => self.end_leg(event, *batch, *leg, *end),
            Decision::BatchFailed { batch, leg } => {
                self.batch_mut(event, *batch)?.stage = Stage::RollingBack { failed: *leg };
                Ok(())
            }
            Decision::RollbackStarted { batch, target, stop, take_profit } => {
                let known = self.batch_mut(event, *batch)?;
                let directive = known.directive.clone();
                let no = Self::number_of_plan(event)?;
                let id = self.plan_mut(event, no)?.id.clone();
                let leg = self.batch_mut(event, *batch)?.legs.iter().find(|leg| leg.plan_id == id);
                let before = leg.and_then(|leg| leg.before.as_ref()).map(|before| before.instructed_by.clone());
                let plan = self.plan_mut(event, no)?;
                // What the batch told the plan is taken back too: told again, it is carried out.
                if let Some(before) = before {
                    plan.instructed_by = before;
                }
                let ends = plan.accepted_by == directive;
                plan.target = StandingTarget::at_market(*target, directive);
                plan.exits = Exits { stop: *stop, take_profit: *take_profit, ..plan.exits };
                plan.rollback = Some(Rollback { batch: *batch, ends, failed_tries: 0 });
                Ok(())
            }
            Decision::RollbackGaveUp { .. } => {
                let no = Self::number_of_plan(event)?;
                self.plan_mut(event, no)?.rollback = None;
                Ok(())
            }
            Decision::BatchEnded { batch, end, result } => {
                let known = self.batch_mut(event, *batch)?;
                let failed = match known.stage {
                    Stage::RollingBack { failed } => failed,
                    Stage::Running { .. } | Stage::Ended { .. } => None,
                };
                known.stage = Stage::Ended { end: *end, failed, at: event.time, result: *result };
                known.wants = None;
                self.batches.let_go(*batch);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start_batch(
        &mut self,
        event: &Event,
        no: BatchNo,
        directive: &DirectiveId,
        policy: BatchPolicy,
        plans: &[PlanId],
    ) -> Result<(), BrokenHistory> {
        if no != self.next_batch() {
            return Err(BrokenHistory::NotNext { seq: event.seq, what: "batch", number: u64::from(no.0) });
        }
        let wants = self.batches.received.take().filter(|received| received.directive_id == *directive);
        let wants = wants.ok_or(BrokenHistory::Nameless { seq: event.seq, what: "directive" })?;
        let timeouts: Vec<Option<Span>> = wants.trades(self.session).iter().map(|trade| trade.timeout).collect();
        let legs = plans.iter().enumerate().map(|(place, plan_id)| Leg {
            plan_id: plan_id.clone(),
            timeout: timeouts.get(place).copied().flatten(),
            begun: None,
            overdue: false,
            end: None,
            undone: None,
            short: None,
            plan_ended: None,
            before: None,
        });
        let batch = Batch {
            no,
            directive: directive.clone(),
            scope: wants.scope(),
            policy,
            started_at: event.time,
            legs: legs.collect(),
            stage: Stage::Running { overdue: false },
            wants: Some(wants),
        };
        self.batches.all.push(batch);
        // A plan that another batch holds stays there: this batch's leg is refused.
        for plan in plans {
            self.batches.of_plan.entry(plan.clone()).or_insert(no);
        }
        Ok(())
    }

    fn begin_leg(&mut self, event: &Event, no: BatchNo, place: u32) -> Result<(), BrokenHistory> {
        let plan_id = self.leg_mut(event, no, place)?.plan_id.clone();
        let plan = self.plan_number(&plan_id).and_then(|no| self.plan(no));
        let before = plan.map(|plan| {
            let traded = Traded::of(plan).map_err(|source| amount(event, source))?;
            let instructed_by = plan.instructed_by.clone();
            Ok(Before { instructed_by, target: plan.target.size, exits: plan.exits, traded })
        });
        let before = before.transpose()?;
        let leg = self.leg_mut(event, no, place)?;
        (leg.begun, leg.before) = (Some(event.time), before);
        Ok(())
    }

    fn end_leg(&mut self, event: &Event, no: BatchNo, place: u32, end: LegEnd) -> Result<(), BrokenHistory> {
        let leg = self.leg_mut(event, no, place)?;
        let undone = matches!(end, LegEnd::RolledBack | LegEnd::RollbackIncomplete);
        if undone {
            leg.undone = Some(end);
        } else {
            leg.end = Some(end);
        }
        let (plan_id, begun) = (leg.plan_id.clone(), leg.begun.is_some());
        let rolls_back = self.batch_mut(event, no)?.policy.rollback_on_failure;
        let stops = begun && !undone && !rolls_back && !matches!(end, LegEnd::Complete | LegEnd::Closed);
        if let Some(plan) = self.plan_number(&plan_id).and_then(|no| self.plans.get_mut(&no)) {
            if undone || end == LegEnd::Closed {
                plan.rollback = None;
            }
            // Nothing more is sent toward a target that its batch has given up.
            if stops && plan.phase == Phase::Standing {
                plan.target.stop();
            }
        }
        if (end == LegEnd::Closed || !rolls_back) && self.batches.of_plan.get(&plan_id) == Some(&no) {
            self.batches.let_go_of(&plan_id, no);
        }
        Ok(())
    }

    /// A group that a leg opened ended short: why.
    pub(super) fn note_short(&mut self, plan: &PlanId, group: &Group) {
        let why = match group.orders.own_last().map(|order| order.status) {
            Some(OrderStatus::Rejected) => LegEnd::Rejected,
            Some(OrderStatus::Canceled) => LegEnd::Cancelled,
            Some(OrderStatus::Expired) => LegEnd::Expired,
            Some(OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartiallyFilled | OrderStatus::Filled)
            | None => LegEnd::Incomplete,
        };
        let directive = group.directive.clone();
        self.change_leg(plan, |batch, leg| {
            if batch == &directive && leg.is_working() {
                leg.short = Some(why);
            }
        });
    }

    /// A plan ended, perhaps while its batch goes on.
    pub(super) fn note_plan_ended(
        &mut self,
        event: &Event,
        plan: &Plan,
        outcome: Outcome,
    ) -> Result<(), BrokenHistory> {
        let traded = Traded::of(plan).map_err(|source| amount(event, source))?;
        self.change_leg(&plan.id, |_, leg| leg.plan_ended = Some((outcome, traded)));
        Ok(())
    }

    /// A take profit traded: what it took is not bought back by a rollback either.
    pub(super) fn lower_before(&mut self, plan: &PlanId, traded: Position) -> Result<(), Inexact> {
        let mut lowered = Ok(());
        self.change_leg(plan, |_, leg| {
            if let Some(before) = &mut leg.before {
                lowered = lower(before.target, traded).map(|target| before.target = target);
            }
        });
        lowered
    }

    pub(super) fn batch_timer_fired(&mut self, event: &Event, purpose: TimerPurpose) -> Result<(), BrokenHistory> {
        if let TimerPurpose::LegDeadline { batch, leg } = purpose {
            self.leg_mut(event, batch, leg)?.overdue = true;
        } else if let TimerPurpose::BatchDeadline { batch } = purpose
            && let Stage::Running { overdue } = &mut self.batch_mut(event, batch)?.stage
        {
            *overdue = true;
        }
        Ok(())
    }

    fn change_leg(&mut self, plan: &PlanId, change: impl FnOnce(&DirectiveId, &mut Leg)) {
        let Some(no) = self.batches.of_plan.get(plan).copied() else { return };
        let Some(place) = no.0.checked_sub(1).and_then(|place| usize::try_from(place).ok()) else { return };
        let Some(batch) = self.batches.all.get_mut(place) else { return };
        if let Some(leg) = batch.legs.iter_mut().find(|leg| leg.plan_id == *plan) {
            change(&batch.directive, leg);
        }
    }

    fn batch_mut(&mut self, event: &Event, no: BatchNo) -> Result<&mut Batch, BrokenHistory> {
        let place = no.0.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let unknown = BrokenHistory::Unknown { seq: event.seq, what: "batch", number: u64::from(no.0) };
        place.and_then(|place| self.batches.all.get_mut(place)).ok_or(unknown)
    }

    fn leg_mut(&mut self, event: &Event, no: BatchNo, place: u32) -> Result<&mut Leg, BrokenHistory> {
        let unknown = BrokenHistory::Unknown { seq: event.seq, what: "leg", number: u64::from(place) };
        let batch = self.batch_mut(event, no)?;
        usize::try_from(place).ok().and_then(|place| batch.legs.get_mut(place)).ok_or(unknown)
    }
}
