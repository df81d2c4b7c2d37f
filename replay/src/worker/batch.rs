//! Batches (SEMANTICS 9): several trades of one directive, as one. Level-triggered like everything else: [`follow`] compares
//! what the ledger says of every leg with what its batch is to do, and decides what is missing.
//!
//! Nothing of a batch is kept anywhere but in the ledger and in timers, so that a restart at any event changes nothing.

use retrace_core::directive::{ModifyPlans, OnLimit, PlanTrade, StrategyDirective, Trade};
use retrace_core::event::{BatchEnd, Decision, LegEnd, Outcome, Refusal, TimerPurpose};
use retrace_core::ids::{BatchNo, DirectiveId, PlanId, PlanNo};
use retrace_core::policy::{BatchPolicy, ExecutionMode};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Batch, Distance, Leg, Phase, Plan, Rollback, Stage};

use super::{DECISIONS_MAX, converge, intake, snapshot};
use crate::step::{Deciding, EngineError};

/// How often taking back what a batch traded is tried, [`OnLimit::default`]'s pause apart.
const ROLLBACK_TRIES: u32 = 3;

/// Begins the batch of a directive: every leg is planned before any is carried out. Where one is refused, a batch whose
/// legs depend on each other is over before anything is sent; in PARALLEL each leg stands for itself.
pub(super) fn start(
    deciding: &mut Deciding<'_>,
    directive: &StrategyDirective,
    policy: BatchPolicy,
) -> Result<(), EngineError> {
    let trades = directive.trades(deciding.state.ledger.session());
    if repeats(deciding, directive, &trades) {
        for trade in &trades {
            intake::carry_out_trade(deciding, directive, trade)?;
        }
        return Ok(());
    }
    let mut refusals = Vec::new();
    for trade in &trades {
        refusals.push(intake::check(deciding, directive, trade)?);
    }
    let batch = deciding.state.ledger.next_batch();
    let legs = trades.iter().map(|trade| trade.plan_id.clone()).collect();
    let id = &directive.directive_id;
    deciding.decide(None, None, Decision::BatchStarted { batch, directive: id.clone(), policy, legs })?;
    let refused = refusals.iter().any(Option::is_some);
    if refused && policy.execution_mode != ExecutionMode::Parallel {
        for ((leg, trade), refusal) in (0..).zip(&trades).zip(refusals) {
            let end = if refusal.is_some() { LegEnd::Refused } else { LegEnd::NotBegun };
            if let Some(refusal) = refusal {
                intake::refuse(deciding, id, &trade.plan_id, refusal)?;
            }
            deciding.decide(None, None, Decision::BatchLegEnded { batch, leg, end })?;
        }
        return end(deciding, batch, BatchEnd::Refused);
    }
    if policy.execution_mode != ExecutionMode::Sequential {
        for (leg, trade) in (0..).zip(&trades) {
            begin(deciding, directive, batch, leg, trade)?;
        }
    }
    follow(deciding, batch)
}

/// Whether every trade is to open a plan that the same instruction opened before: told again under another id.
fn repeats(deciding: &Deciding<'_>, directive: &StrategyDirective, trades: &[PlanTrade<'_>]) -> bool {
    let ledger = &deciding.state.ledger;
    let body = directive.body_digest();
    trades.iter().all(|trade| {
        let opener = ledger.plan_number(&trade.plan_id).and_then(|no| ledger.opener(no));
        matches!(trade.trade, Trade::New(_)) && opener.is_some_and(|opener| opener.body.instructs_as(&body))
    })
}

/// A leg's turn: it is carried out, or refused by what has changed since it was planned.
fn begin(
    deciding: &mut Deciding<'_>,
    directive: &StrategyDirective,
    batch: BatchNo,
    leg: u32,
    trade: &PlanTrade<'_>,
) -> Result<(), EngineError> {
    if let Some(refusal) = intake::check(deciding, directive, trade)? {
        intake::refuse(deciding, &directive.directive_id, &trade.plan_id, refusal)?;
        return deciding.decide(None, None, Decision::BatchLegEnded { batch, leg, end: LegEnd::Refused });
    }
    deciding.decide(None, None, Decision::BatchLegStarted { batch, leg })?;
    intake::carry_out_trade(deciding, directive, trade)
}

/// A directive closes a plan that is in another directive's batch: that batch has failed for it. Answers whether it was.
pub(super) fn leave(deciding: &mut Deciding<'_>, by: &DirectiveId, plan: &PlanId) -> Result<bool, EngineError> {
    let batch = deciding.state.ledger.batch_of(plan).filter(|batch| batch.directive != *by);
    let found = batch.and_then(|batch| {
        let leg = batch.legs.iter().position(|leg| leg.plan_id == *plan)?;
        Some((batch.no, u32::try_from(leg).ok()?))
    });
    let Some((batch, leg)) = found else { return Ok(false) };
    deciding.decide(None, None, Decision::BatchLegEnded { batch, leg, end: LegEnd::Closed })?;
    Ok(true)
}

/// Why a directive may not change a plan: it is in the batch of another one.
pub(super) fn held_by(deciding: &Deciding<'_>, directive: &DirectiveId, plan: &PlanId) -> Option<Refusal> {
    let batch = deciding.state.ledger.batch_of(plan).filter(|batch| batch.directive != *directive)?;
    Some(Refusal::PlanInBatch { directive: batch.directive.clone() })
}

/// Follows every batch that is not over. A leg of one may take a plan out of another.
pub(crate) fn follow_all(deciding: &mut Deciding<'_>) -> Result<(), EngineError> {
    loop {
        let before = deciding.len();
        let running = deciding.state.ledger.batches().filter(|batch| batch.is_running());
        for batch in running.map(|batch| batch.no).collect::<Vec<_>>() {
            follow(deciding, batch)?;
        }
        if deciding.len() == before {
            return Ok(());
        }
    }
}

/// Decides until nothing more follows from what the ledger says of a batch.
pub(crate) fn follow(deciding: &mut Deciding<'_>, no: BatchNo) -> Result<(), EngineError> {
    loop {
        let before = deciding.len();
        let Some(batch) = deciding.state.ledger.batch(no).cloned() else { return Ok(()) };
        match batch.stage {
            Stage::Running { overdue } => run(deciding, &batch, overdue)?,
            Stage::RollingBack { .. } => roll_back(deciding, &batch)?,
            Stage::Ended { .. } => return Ok(()),
        }
        if deciding.len() == before {
            return Ok(());
        }
        if deciding.len() > DECISIONS_MAX {
            return Err(EngineError::BatchNoEnd { batch: no, seq: deciding.input_seq(), decisions: deciding.len() });
        }
    }
}

fn run(deciding: &mut Deciding<'_>, batch: &Batch, overdue: bool) -> Result<(), EngineError> {
    let legs = || (0_u32..).zip(&batch.legs);
    let wants = batch.wants().cloned();
    let trades = wants.as_ref().map(|wants| wants.trades(deciding.state.ledger.session())).unwrap_or_default();
    for ((leg, of), trade) in legs().zip(&trades).filter(|((_, leg), _)| leg.is_working()) {
        let end = match leg_end(deciding, trade.trade, of)? {
            None if batch.policy.rollback_on_failure && is_hopeless(deciding, of)? => Some(LegEnd::Incomplete),
            end => end,
        };
        let end = end.or_else(|| (of.overdue || overdue).then_some(LegEnd::TimedOut));
        if let Some(end) = end {
            return end_leg(deciding, batch, leg, end);
        }
    }
    let dependent = batch.policy.execution_mode != ExecutionMode::Parallel;
    let failed = legs().find(|(_, leg)| leg.end.is_some_and(|end| end != LegEnd::Complete));
    let pending = legs().find(|(_, leg)| leg.begun.is_none() && leg.end.is_none());
    let stops = overdue || (dependent && failed.is_some());
    if let Some((leg, _)) = pending.filter(|_| stops) {
        return deciding.decide(None, None, Decision::BatchLegEnded { batch: batch.no, leg, end: LegEnd::NotBegun });
    }
    if batch.policy.rollback_on_failure && stops {
        // Where time ran out for all, the legs that were late have only been told of it.
        let leg = failed.map(|(leg, _)| leg).filter(|_| !overdue);
        deciding.decide(None, None, Decision::BatchFailed { batch: batch.no, leg })?;
        return drop_timers(deciding, batch.no);
    }
    match pending {
        Some((leg, _)) if legs().all(|(_, leg)| !leg.is_working()) => begin_next(deciding, batch, leg),
        Some(_) => arm_timers(deciding, batch),
        None if legs().any(|(_, leg)| leg.is_working()) => arm_timers(deciding, batch),
        None => end(deciding, batch.no, if failed.is_none() { BatchEnd::Complete } else { BatchEnd::Incomplete }),
    }
}

/// The next leg in order: what it wants stands in the batch's own directive.
fn begin_next(deciding: &mut Deciding<'_>, batch: &Batch, leg: u32) -> Result<(), EngineError> {
    let Some(wants) = batch.wants().cloned() else { return Ok(()) };
    let trades = wants.trades(deciding.state.ledger.session());
    let trade = usize::try_from(leg).ok().and_then(|place| trades.get(place));
    trade.map_or(Ok(()), |trade| begin(deciding, &wants, batch.no, leg, trade))
}

fn end_leg(deciding: &mut Deciding<'_>, batch: &Batch, leg: u32, end: LegEnd) -> Result<(), EngineError> {
    deciding.decide(None, None, Decision::BatchLegEnded { batch: batch.no, leg, end })?;
    let due = leg_timers(deciding, batch.no, leg);
    for timer in due {
        deciding.decide(None, None, Decision::TimerDropped { timer })?;
    }
    // What a leg that failed still has under way is cancelled, or taken back with the rest.
    let place = usize::try_from(leg).ok().and_then(|place| batch.legs.get(place));
    let plan = place.and_then(|leg| deciding.state.ledger.plan_number(&leg.plan_id));
    match plan {
        Some(plan) if !batch.policy.rollback_on_failure => converge(deciding, plan),
        Some(_) | None => Ok(()),
    }
}

/// How a leg that has begun has ended; `None` while it is under way.
fn leg_end(deciding: &Deciding<'_>, trade: Trade<'_>, leg: &Leg) -> Result<Option<LegEnd>, EngineError> {
    let closes = match trade {
        // Levels alone are changed at once, whatever the plan is on its way to.
        Trade::Modify(ModifyPlans { target: None, .. }) => return Ok(Some(LegEnd::Complete)),
        Trade::New(_) | Trade::Modify(_) => false,
        Trade::Close(_) => true,
    };
    if let Some((outcome, _)) = leg.plan_ended {
        return Ok(Some(match outcome {
            Outcome::StoppedOut if !closes => LegEnd::StoppedOut,
            Outcome::Unfilled if !closes => leg.short.unwrap_or(LegEnd::Incomplete),
            Outcome::StoppedOut
            | Outcome::Unfilled
            | Outcome::Closed
            | Outcome::TookProfit
            | Outcome::Flat
            | Outcome::RolledBack => LegEnd::Complete,
        }));
    }
    let plan = deciding.state.ledger.plan_number(&leg.plan_id).and_then(|no| snapshot(deciding, no));
    // A close of a plan that had ended before is nothing to do.
    let Some(plan) = plan else { return Ok(closes.then_some(LegEnd::Complete)) };
    match &plan.phase {
        Phase::Closing(closing) if closes => return Ok(closing.gave_up.then_some(LegEnd::Incomplete)),
        Phase::StoppedOut | Phase::Reopened { .. } if !closes => return Ok(Some(LegEnd::StoppedOut)),
        Phase::Closing(_) => return Ok(Some(LegEnd::Closed)),
        Phase::StoppedOut | Phase::Reopened { .. } | Phase::Closed { .. } => return Ok(None),
        Phase::Standing if closes => return Ok(None),
        Phase::Standing => {}
    }
    if leg.short.is_some() {
        return Ok(leg.short);
    }
    if deciding.exact(plan.is_under_way())? {
        return Ok(None);
    }
    let missing = deciding.exact(plan.target.size.minus(plan.traded()))?;
    let reached = deciding.exact(plan.instrument.whole_lots(missing))?.is_flat();
    // Base fees leave less than was to be reduced: what cannot be sold is not missing.
    let nothing_left = reached || deciding.exact(plan.held_lots())?.is_none() && plan.target.size.is_flat();
    Ok(Some(if nothing_left { LegEnd::Complete } else { LegEnd::Incomplete }))
}

/// Whether a leg can no longer come to its target, because a part of it was given up: all of it is going to be taken back,
/// so nothing more of it is traded first.
fn is_hopeless(deciding: &Deciding<'_>, leg: &Leg) -> Result<bool, EngineError> {
    let plan = deciding.state.ledger.plan_number(&leg.plan_id).and_then(|no| deciding.state.ledger.plan(no));
    plan.filter(|plan| plan.phase == Phase::Standing).map_or(Ok(false), |plan| stays_away(deciding, plan))
}

/// Whether a plan is away from its target, and nothing more is done about that.
fn stays_away(deciding: &Deciding<'_>, plan: &Plan) -> Result<bool, EngineError> {
    Ok(match deciding.exact(plan.distance(plan.target.size))? {
        Distance::None => false,
        Distance::Missing(_) => plan.target.given_up,
        Distance::Excess(_) => plan.target.kept,
    })
}

/// Brings every plan that the batch changed back to where it stood, unless it has ended by itself or left the batch.
fn roll_back(deciding: &mut Deciding<'_>, batch: &Batch) -> Result<(), EngineError> {
    let mut under_way = false;
    for (place, leg) in (0_u32..).zip(&batch.legs) {
        let left = leg.end == Some(LegEnd::Closed);
        if leg.begun.is_none() || leg.undone.is_some() || left {
            continue;
        }
        if let Some((outcome, _)) = leg.plan_ended {
            if matches!(outcome, Outcome::RolledBack | Outcome::Unfilled) {
                return undone(deciding, batch.no, place, LegEnd::RolledBack);
            }
            continue;
        }
        let plan = deciding.state.ledger.plan_number(&leg.plan_id).and_then(|no| snapshot(deciding, no));
        let Some(plan) = plan else { continue };
        match (&plan.phase, plan.rollback) {
            (Phase::Standing, None) => return begin_rollback(deciding, batch, leg, &plan),
            (Phase::Standing, Some(rollback)) => match progress(deciding, &plan, &rollback)? {
                Progress::UnderWay => under_way = true,
                Progress::Done => return undone(deciding, batch.no, place, LegEnd::RolledBack),
                Progress::Failed if rollback.failed_tries.saturating_add(1) < ROLLBACK_TRIES => {
                    let due = deciding.time.plus(OnLimit::default().retry);
                    return set_timer(deciding, Some(plan.no), due, TimerPurpose::RollbackRetry);
                }
                Progress::Failed => {
                    let (tries, held) = (rollback.failed_tries.saturating_add(1), plan.held());
                    let gave_up = Decision::RollbackGaveUp { batch: batch.no, tries, held };
                    deciding.decide(Some(plan.no), None, gave_up)?;
                    return undone(deciding, batch.no, place, LegEnd::RollbackIncomplete);
                }
            },
            // Stopped out it is being flattened, and re-opened by nothing; closing it has left.
            (Phase::StoppedOut | Phase::Reopened { .. } | Phase::Closing(_) | Phase::Closed { .. }, _) => {
                under_way = true;
            }
        }
    }
    if under_way {
        return Ok(());
    }
    let incomplete = batch.legs.iter().any(|leg| leg.undone == Some(LegEnd::RollbackIncomplete));
    end(deciding, batch.no, if incomplete { BatchEnd::RollbackIncomplete } else { BatchEnd::RolledBack })
}

fn undone(deciding: &mut Deciding<'_>, batch: BatchNo, leg: u32, end: LegEnd) -> Result<(), EngineError> {
    deciding.decide(None, None, Decision::BatchLegEnded { batch, leg, end })
}

/// The previous target, at market and at once; the previous exits, or those of a plan that had none before.
fn begin_rollback(deciding: &mut Deciding<'_>, batch: &Batch, leg: &Leg, plan: &Plan) -> Result<(), EngineError> {
    let before = leg.before.as_ref();
    let target = before.map_or_else(Default::default, |before| before.target);
    let exits = before.map_or(plan.exits, |before| before.exits);
    let decision =
        Decision::RollbackStarted { batch: batch.no, target, stop: exits.stop, take_profit: exits.take_profit };
    deciding.decide(Some(plan.no), None, decision)?;
    converge(deciding, plan.no)
}

/// How far bringing a plan back has come.
enum Progress {
    UnderWay,
    Done,
    /// The venue refused, or a timer for the next try is awaited no longer.
    Failed,
}

fn progress(deciding: &Deciding<'_>, plan: &Plan, rollback: &Rollback) -> Result<Progress, EngineError> {
    let ours = |directive: &DirectiveId| *directive == plan.target.directive;
    let groups = plan.groups.iter().any(|group| group.is_active() && ours(&group.directive));
    let waits = deciding.state.ledger.timers_of(plan.no).any(|(_, timer)| timer.purpose == TimerPurpose::RollbackRetry);
    let trades =
        plan.groups.iter().filter(|group| ours(&group.directive)).any(|g| g.orders.own_working().next().is_some());
    if groups || waits || trades {
        return Ok(Progress::UnderWay);
    }
    Ok(match (stays_away(deciding, plan)?, rollback.ends) {
        (true, _) => Progress::Failed,
        (false, false) => Progress::Done,
        // It ends once its protection is withdrawn.
        (false, true) => Progress::UnderWay,
    })
}

/// The batch is over: its plans are independent.
fn end(deciding: &mut Deciding<'_>, no: BatchNo, end: BatchEnd) -> Result<(), EngineError> {
    drop_timers(deciding, no)?;
    let legs = deciding.state.ledger.batch(no).map(|batch| batch.legs.clone()).unwrap_or_default();
    let mut result = retrace_core::amount::Money::ZERO;
    for leg in &legs {
        if let Some(came_to) = deciding.exact(deciding.state.ledger.leg_result(leg))? {
            result = deciding.exact(result.plus(came_to))?;
        }
    }
    deciding.decide(None, None, Decision::BatchEnded { batch: no, end, result })
}

/// One timer for the whole, and one for each leg that has a time of its own.
fn arm_timers(deciding: &mut Deciding<'_>, batch: &Batch) -> Result<(), EngineError> {
    let no = batch.no;
    let armed: Vec<TimerPurpose> = deciding.state.ledger.timers_of_batch(no).map(|(_, timer)| timer.purpose).collect();
    let whole = batch.deadline().map(|due| (due, TimerPurpose::BatchDeadline { batch: no }));
    let legs = (0_u32..).zip(&batch.legs).filter(|(_, leg)| leg.is_working());
    let legs = legs.filter_map(|(leg, of)| Some((of.deadline()?, TimerPurpose::LegDeadline { batch: no, leg })));
    for (due, purpose) in whole.into_iter().chain(legs) {
        if !armed.contains(&purpose) {
            set_timer(deciding, None, due, purpose)?;
        }
    }
    Ok(())
}

fn set_timer(
    deciding: &mut Deciding<'_>,
    plan: Option<PlanNo>,
    due: Timestamp,
    purpose: TimerPurpose,
) -> Result<(), EngineError> {
    let timer = deciding.state.ledger.next_timer();
    deciding.decide(plan, None, Decision::TimerSet { timer, due, purpose })
}

fn leg_timers(deciding: &Deciding<'_>, batch: BatchNo, leg: u32) -> Vec<retrace_core::ids::TimerId> {
    let of_leg = TimerPurpose::LegDeadline { batch, leg };
    let timers = deciding.state.ledger.timers_of_batch(batch);
    timers.filter(|(_, timer)| timer.purpose == of_leg).map(|(id, _)| id).collect()
}

fn drop_timers(deciding: &mut Deciding<'_>, batch: BatchNo) -> Result<(), EngineError> {
    let timers: Vec<_> = deciding.state.ledger.timers_of_batch(batch).map(|(id, _)| id).collect();
    for timer in timers {
        deciding.decide(None, None, Decision::TimerDropped { timer })?;
    }
    Ok(())
}
