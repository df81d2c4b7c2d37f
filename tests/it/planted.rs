//! Faults planted in the engine that decides again: `verify` must find each, and say where.

use std::sync::atomic::{AtomicU64, Ordering};

use retrace_core::event::{Decision, Event, Fact, Input, Report, ReportKind, TimerPurpose};
use retrace_core::ids::{DirectiveId, Seq, TradeId};
use retrace_core::memory::MemoryStore;
use retrace_core::testkit::samples;
use retrace_core::time::Timestamp;
use retrace_replay::verify::{Engine, Verification, Verifier};
use retrace_replay::{EngineError, State, step};

use crate::scenario::Scenario;
use crate::verify::long_script;

/// Verifies a session that the sound engine recorded with another one. Nothing but what decides again may find it.
fn verified(engine: Engine) -> Verification {
    let scenario = Scenario::read("long", &long_script()).unwrap();
    let mut store = MemoryStore::new();
    let played = scenario.play(&mut store);
    let verify = |engine| {
        let verifier = Verifier { engine, ..Verifier::default() };
        verifier.run(&store, played.session, Some(&scenario.tape)).unwrap()
    };
    assert!(verify(step).is_clean());
    verify(engine)
}

/// The one check that finds something, the event, and what it says.
#[track_caller]
fn only(verification: &Verification) -> (&str, Seq, &str) {
    let [finding] = verification.findings.as_slice() else { panic!("{verification:#?}") };
    assert!(!finding.detail.is_empty(), "{finding:#?}");
    (finding.check, finding.seq.unwrap(), &finding.what)
}

/// Decides as the sound engine does, and folds what `spoil` makes of it.
pub(crate) fn spoilt(
    state: &mut State,
    time: Timestamp,
    input: Input,
    spoil: impl FnOnce(&mut Vec<Event>),
) -> Result<Vec<Event>, EngineError> {
    let mut sound = state.clone();
    let mut events = step(&mut sound, time, input)?;
    let decided = events.clone();
    spoil(&mut events);
    if events == decided {
        *state = sound;
        return Ok(events);
    }
    for (seq, event) in (state.ledger().seq().0 + 1..).map(Seq).zip(&mut events) {
        event.seq = seq;
        state.fold(event)?;
    }
    Ok(events)
}

fn decisions(events: &mut [Event]) -> impl Iterator<Item = &mut Decision> {
    events.iter_mut().filter_map(|event| match &mut event.fact {
        Fact::Decision(decision) => Some(decision),
        _ => None,
    })
}

#[test]
fn a_decision_that_reads_a_counter_outside_the_state() {
    static ORDERS: AtomicU64 = AtomicU64::new(0);
    fn engine(state: &mut State, time: Timestamp, input: Input) -> Result<Vec<Event>, EngineError> {
        spoilt(state, time, input, |events| {
            for decision in decisions(events) {
                if let Decision::OrderRequested { quantity, .. } = decision
                    && ORDERS.fetch_add(1, Ordering::Relaxed) >= 7
                {
                    *quantity = samples::quantity("0.05");
                }
            }
        })
    }
    let verification = verified(engine);
    let (check, _, what) = only(&verification);
    assert_eq!((check, what), ("re-decide", "today's code decides otherwise"));
}

#[test]
fn a_level_rounded_the_other_way() {
    fn engine(state: &mut State, time: Timestamp, input: Input) -> Result<Vec<Event>, EngineError> {
        spoilt(state, time, input, |events| {
            for decision in decisions(events) {
                if let Decision::ExitsSet { stop: Some(stop), current_price: Some(_), .. } = decision
                    && *stop != samples::price("37000")
                {
                    *stop = samples::price(&(stop.value() - samples::dec("0.01")).to_string());
                }
            }
        })
    }
    let verification = verified(engine);
    let (check, _, what) = only(&verification);
    assert_eq!((check, what), ("re-decide", "today's code decides otherwise"));
    let told = &verification.findings[0].detail;
    assert!(told.iter().any(|line| line.contains("exits set: stop 39")), "{told:#?}");
}

#[test]
fn a_lost_timer() {
    fn engine(state: &mut State, time: Timestamp, input: Input) -> Result<Vec<Event>, EngineError> {
        spoilt(state, time, input, |events| {
            let lost = |event: &Event| {
                matches!(
                    event.fact,
                    Fact::Decision(Decision::TimerSet { purpose: TimerPurpose::Slice { slice: 40, .. }, .. })
                )
            };
            events.retain(|event| !lost(event));
        })
    }
    let verification = verified(engine);
    let (check, _, what) = only(&verification);
    assert_eq!((check, what), ("re-decide", "today's code decides otherwise"));
    let told = &verification.findings[0].detail;
    assert!(told.iter().any(|line| line.contains("timer") && line.contains("slice 41")), "{told:#?}");
    assert!(told.iter().any(|line| line == "decided now: nothing"), "{told:#?}");
}

/// As it stands the session is decided the same: only delivering again finds it.
#[test]
fn a_missing_idempotency_key() {
    fn engine(state: &mut State, time: Timestamp, mut input: Input) -> Result<Vec<Event>, EngineError> {
        if let Input::DirectiveReceived(said) = &mut input
            && state.ledger().directive(&said.directive_id).is_some()
        {
            said.directive_id = DirectiveId::new(&format!("{}.{}", said.directive_id, state.ledger().seq())).unwrap();
        }
        step(state, time, input)
    }
    let verification = verified(engine);
    let (check, _, what) = only(&verification);
    assert_eq!(check, "redeliver");
    assert!(what.starts_with("delivered again after event ") && what.ends_with("it has an effect"), "{what}");
    let told = verification.findings[0].detail.join("\n");
    assert!(told.contains("nothing to do, what is under way reaches the target"), "{told}");
}

/// The same of a trade: told again, it is booked again.
#[test]
fn a_trade_that_is_not_known_again() {
    fn engine(state: &mut State, time: Timestamp, mut input: Input) -> Result<Vec<Event>, EngineError> {
        let ledger = state.ledger();
        if let Input::Report(Report { order, what: ReportKind::Filled(fill), .. }) = &mut input
            && let retrace_core::event::ReportedOrder::Ours(no) = order
            && let Some(known) = ledger.plan_of(*no).and_then(|plan| ledger.plan(plan)?.order(*no))
            && known.fills.iter().any(|known| known.trade_id == fill.trade_id)
        {
            fill.trade_id = TradeId::new(&format!("{}.{}", fill.trade_id, ledger.seq())).unwrap();
        }
        step(state, time, input)
    }
    let verification = verified(engine);
    let (check, _, what) = only(&verification);
    // Nothing follows at once, because the stop has a change under way; but then it is to cover more.
    assert_eq!((check, what), ("redeliver", "after what came before was delivered again, this is decided otherwise"));
    let told = verification.findings[0].detail.join("\n");
    assert!(told.contains("stop #"), "{told}");
}
