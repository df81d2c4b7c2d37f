//! How batches are told to a trader: what several trades of one directive are, how they hang together, what became of
//! them.

use retrace_core::directive::{Batch as Wanted, PlanTrade, StrategyDirective};
use retrace_core::event::{BatchEnd, Decision, Event, Fact, LegEnd, TimerPurpose};
use retrace_core::ids::{BatchNo, PlanId, SessionUid};
use retrace_core::policy::{BatchPolicy, ExecutionMode};

use super::intents::wanted_text;
use crate::ledger::{Batch, Book, Leg};

/// No more legs than these are spelled out in one line.
const LEGS_SHOWN: usize = 4;

/// The trades of a directive, one after the other.
pub(super) fn wanted(directive: &StrategyDirective, batch: &Wanted, session: SessionUid) -> String {
    let trades = directive.trades(session);
    let one = |PlanTrade { plan_id, trade, timeout }: &PlanTrade<'_>| {
        let within = timeout.map_or(String::new(), |timeout| format!(", within {timeout}"));
        format!("{plan_id} {}{within}", wanted_text(*trade))
    };
    let policy = batch.policy.map_or(String::new(), |policy| format!(", {}", policy_text(policy)));
    let told = listed(&trades.iter().map(one).collect::<Vec<_>>(), "; ");
    format!("{}{policy}: {told}", counted(trades.len()))
}

fn counted(trades: usize) -> String {
    if trades == 1 { "one trade".to_owned() } else { format!("{trades} trades") }
}

fn listed(items: &[String], between: &str) -> String {
    let shown = items.iter().take(LEGS_SHOWN).cloned().collect::<Vec<_>>().join(between);
    match items.len().checked_sub(LEGS_SHOWN) {
        Some(more @ 1..) => format!("{shown}{between}and {more} more"),
        Some(_) | None => shown,
    }
}

fn policy_text(policy: BatchPolicy) -> String {
    let mode = match (policy.execution_mode, policy.rollback_on_failure) {
        (ExecutionMode::Parallel, _) => "each by itself",
        (ExecutionMode::Sequential, false) => "one after the other",
        (ExecutionMode::Sequential, true) => "one after the other, all or taken back",
        (ExecutionMode::Atomic, _) => "all or taken back",
    };
    let within = policy.timeout.map_or(String::new(), |timeout| format!(" within {timeout}"));
    format!("{mode}{within} ({})", policy.execution_mode)
}

/// A decision about a batch: why, and as a line. `book` is the book after it.
pub(super) fn decided(event: &Event, decision: &Decision, book: &Book) -> (Option<&'static str>, String) {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller's match lists every decision; this is its part")]
    match decision {
        Decision::BatchStarted { policy, legs, .. } => {
            let names = legs.iter().map(ToString::to_string).collect::<Vec<_>>();
            (
                None,
                format!("batch of {} begins, {}: {}", counted(legs.len()), policy_text(*policy), listed(&names, ", ")),
            )
        }
        Decision::BatchLegStarted { batch, leg } => (None, format!("{} begins", leg_name(book, *batch, *leg))),
        Decision::BatchLegEnded { batch, leg, end } => {
            let name = leg_name(book, *batch, *leg);
            (Some(end.as_str()), leg_text(&name, *end, &how_far(book, *batch, *leg)))
        }
        Decision::BatchFailed { batch, leg } => {
            let failed = leg.and_then(|leg| leg_of(book.ledger().batch(*batch)?, leg));
            let why = match failed {
                None => "time ran out".to_owned(),
                Some(leg) if leg.end == Some(LegEnd::Closed) => format!("{} is closed", leg.plan_id),
                Some(leg) => format!("{} failed", leg.plan_id),
            };
            (Some("rolled_back"), format!("BATCH FAILED, {why}: every plan goes back to where it stood"))
        }
        Decision::RollbackStarted { target, stop, take_profit, .. } => {
            let stop = stop.map_or(", no stop".to_owned(), |price| format!(", stop {price}"));
            let profit = take_profit.map_or(String::new(), |price| format!(", take profit {price}"));
            (Some("rolled_back"), format!("rollback begins: target back to {target}{stop}{profit}"))
        }
        Decision::RollbackGaveUp { tries, held, .. } => (
            Some("rejected"),
            format!("ROLLBACK GAVE UP after {tries} tries: {held} is still held{}", covered(event, book)),
        ),
        Decision::BatchEnded { batch, end, result } => {
            let cost = format!("what was traded and taken back came to {result}{}, fees included", quote(book, *batch));
            (
                Some(end.as_str()),
                match end {
                    BatchEnd::Complete => "batch over: every leg reached its target".to_owned(),
                    BatchEnd::Incomplete => {
                        "batch over: not every leg reached its target, what traded is kept".to_owned()
                    }
                    BatchEnd::Refused => "batch over: a leg was refused, nothing was sent".to_owned(),
                    BatchEnd::RolledBack => format!("batch over: rolled back; {cost}"),
                    BatchEnd::RollbackIncomplete => format!("BATCH OVER, ROLLED BACK ONLY IN PART; {cost}"),
                },
            )
        }
        _ => (None, String::new()),
    }
}

/// The asset in which the plans of a batch are accounted, after a blank.
fn quote(book: &Book, batch: BatchNo) -> String {
    let mut legs = book.ledger().batch(batch).into_iter().flat_map(|batch| &batch.legs);
    let plan = legs.find_map(|leg| book.plan(book.ledger().plan_number(&leg.plan_id)?));
    plan.map_or(String::new(), |plan| format!(" {}", plan.symbol().quote()))
}

/// How what could not be taken back is protected.
fn covered(event: &Event, book: &Book) -> &'static str {
    let plan = event.plan.and_then(|no| book.plan(no));
    match plan.map(|plan| plan.exits.stop.is_some()) {
        Some(true) => ", protected by its stop",
        Some(false) => ", WITHOUT A STOP",
        None => "",
    }
}

/// Where a leg that came short stands, and where it was to be.
fn how_far(book: &Book, batch: BatchNo, leg: u32) -> String {
    let plan = book.ledger().batch(batch).and_then(|batch| leg_of(batch, leg));
    let plan = plan.and_then(|leg| book.plan(book.ledger().plan_number(&leg.plan_id)?));
    let short = plan.filter(|plan| plan.traded() != plan.target.size);
    short.map_or(String::new(), |plan| format!(": it is at {}, not at {}", plan.traded(), plan.target.size))
}

fn leg_text(name: &str, end: LegEnd, how_far: &str) -> String {
    match end {
        LegEnd::Complete => format!("{name} complete"),
        LegEnd::Refused => format!("{name} FAILED: it was refused"),
        LegEnd::Rejected => format!("{name} FAILED: the venue refused its order"),
        LegEnd::Cancelled => format!("{name} FAILED: its order was cancelled"),
        LegEnd::Expired => format!("{name} FAILED: its order expired"),
        LegEnd::StoppedOut => format!("{name} FAILED: its stop traded first"),
        LegEnd::Incomplete => format!("{name} FAILED: it ended short of its target{how_far}"),
        LegEnd::TimedOut => format!("{name} FAILED: its target was not reached in time{how_far}"),
        LegEnd::Closed => format!("{name} leaves the batch: a directive closes it"),
        LegEnd::NotBegun => format!("{name} is not begun"),
        LegEnd::RolledBack => format!("{name} stands where it stood before"),
        LegEnd::RollbackIncomplete => format!("{name} COULD NOT BE TAKEN BACK"),
    }
}

fn leg_of(batch: &Batch, leg: u32) -> Option<&Leg> {
    usize::try_from(leg).ok().and_then(|place| batch.legs.get(place))
}

fn leg_name(book: &Book, batch: BatchNo, leg: u32) -> String {
    let batch = book.ledger().batch(batch);
    let place = leg.saturating_add(1);
    match batch.and_then(|batch| leg_of(batch, leg).map(|leg| (&leg.plan_id, batch.legs.len()))) {
        Some((plan, legs)) => format!("leg {place} of {legs} ({plan})"),
        None => format!("leg {place}"),
    }
}

/// What a timer that hangs on a batch is set for.
pub(super) fn timer_text(timer: &str, purpose: TimerPurpose, due: &str) -> String {
    if let TimerPurpose::LegDeadline { leg, .. } = purpose {
        format!("{timer} set: leg {} has until {due}", leg.saturating_add(1))
    } else if purpose.batch().is_some() {
        format!("{timer} set: the batch has until {due}")
    } else {
        format!("{timer} set for the next try of the rollback at {due}")
    }
}

/// The plans of which an event about a batch tells.
pub(super) fn mentioned(event: &Event, book: &Book) -> Vec<PlanId> {
    let Fact::Decision(decision) = &event.fact else { return Vec::new() };
    let all = |batch: &BatchNo| {
        let legs = book.ledger().batch(*batch).into_iter().flat_map(|batch| &batch.legs);
        legs.map(|leg| leg.plan_id.clone()).collect()
    };
    let one = |batch: &BatchNo, leg: u32| {
        let leg = book.ledger().batch(*batch).and_then(|batch| leg_of(batch, leg));
        leg.map(|leg| leg.plan_id.clone()).into_iter().collect()
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "only what tells of a batch")]
    match decision {
        Decision::BatchStarted { legs, .. } => legs.clone(),
        Decision::BatchLegEnded { batch, .. }
        | Decision::BatchFailed { batch, .. }
        | Decision::BatchEnded { batch, .. }
        | Decision::TimerSet { purpose: TimerPurpose::BatchDeadline { batch }, .. } => all(batch),
        Decision::BatchLegStarted { batch, leg }
        | Decision::TimerSet { purpose: TimerPurpose::LegDeadline { batch, leg }, .. } => one(batch, *leg),
        _ => Vec::new(),
    }
}
