//! What `verify` must find. Each wrong log is forged from a right one of two closed blocks and an open one.

use retrace_core::amount::Price;
use retrace_core::event::{Decision, Fact, Input, Report, ReportKind};
use retrace_core::ids::Seq;
use retrace_core::manifest::{Identity, Provenance};
use retrace_core::memory::MemoryStore;
use retrace_core::order::OrderTerms;
use retrace_core::step::Step;
use retrace_core::store::{LogStore, Manifest};
use retrace_core::testkit::forge::ForgedStore;
use retrace_core::testkit::samples;
use retrace_replay::verify::{Verification, verify};

use crate::reports;
use crate::scenario::{Played, Scenario};

/// A TWAP of 100 slices, its stop moved now and then, closed at the end: some 800 events.
pub(crate) fn long_script() -> String {
    let mut script = String::from("# A long TWAP\nbars 2022-01-21T10:00:00Z\n");
    for minute in 0..330 {
        let price = 40_000 + (minute * 37) % 300;
        script.push_str(&format!("{price} {} {} {} 50\n", price + 20, price - 20, price + 5));
    }
    script.push_str(concat!(
        r#"{"at":"2022-01-21T10:02:00Z","directive":{"directive_id":"D1","scope":"NEW_TRADE","plan_id":"TPL_LONG","#,
        r#""entry_directive":{"symbol":"BTC/USDT","direction":"BUY","order_type":"MARKET"},"#,
        r#""size_directive":{"target_position_size":"10"},"exit_directive":{"stop_loss_price":"37000"},"#,
        r#""execution_directive":{"algorithm":"TWAP","duration_minutes":300,"slices":100}}}"#,
        "\n",
        r#"{"at":"2022-01-21T12:00:00Z","directive":{"directive_id":"D2","scope":"MODIFY_EXISTING","#,
        r#""target_plan_ids":["TPL_LONG"],"exit_directive":{"stop_loss_tolerance":"0.02"}}}"#,
        "\n",
        r#"{"at":"2022-01-21T15:20:00Z","directive":{"directive_id":"D3","scope":"CLOSE_EXISTING","#,
        r#""target_plan_ids":["TPL_LONG"]}}"#,
        "\n",
    ));
    script
}

fn played() -> (Scenario, MemoryStore, Played) {
    let scenario = Scenario::read("long", &long_script()).unwrap();
    let mut store = MemoryStore::new();
    let played = scenario.play(&mut store);
    assert!(played.end.blocks >= 2, "{:?}", played.end);
    (scenario, store, played)
}

/// Forges the log, verifies it, and gives back what was found.
fn found(forge: impl FnOnce(&mut ForgedStore)) -> Verification {
    let (scenario, store, played) = played();
    let mut forged = ForgedStore::copy_of(&store, played.session);
    assert!(verify(&forged, played.session, Some(&scenario.tape)).unwrap().is_clean());
    forge(&mut forged);
    let verification = verify(&forged, played.session, Some(&scenario.tape)).unwrap();
    assert!(!verification.is_clean());
    verification
}

fn told(verification: &Verification) -> Vec<String> {
    verification.findings.iter().map(|finding| format!("{}: {}", finding.check, finding.what)).collect()
}

/// Raises the price of the first fill of these Steps by one tick.
fn edit_fill(steps: &mut [Step]) {
    for event in steps.iter_mut().flat_map(|step| &mut step.events) {
        if let Fact::Input(Input::Report(Report { what: ReportKind::Filled(fill), .. })) = &mut event.fact {
            fill.price = Price::new(fill.price.value() + samples::dec("0.01")).unwrap();
            return;
        }
    }
    panic!("no fill in these Steps");
}

#[test]
fn an_edited_event_is_found() {
    let in_block = found(|forged| forged.edit_block(1, |steps| edit_fill(steps)));
    assert!(
        told(&in_block)[0].contains("block 2: what stands before it is not what it was chained to"),
        "{in_block:#?}"
    );
    let in_last_block = found(|forged| {
        let last = forged.blocks.len() as u32;
        forged.edit_block(last, |steps| edit_fill(steps));
    });
    assert!(told(&in_last_block)[0].contains("the chain at event"), "{in_last_block:#?}");
    let in_open = found(|forged| forged.edit_open(|steps| edit_fill(steps)));
    assert!(told(&in_open)[0].contains("the chain at event"), "{in_open:#?}");
}

#[test]
fn a_removed_event_is_found() {
    let step = found(|forged| forged.edit_open(|steps| drop(steps.remove(1))));
    assert!(told(&step)[0].contains("was to come next"), "{step:#?}");
    let decision = found(|forged| {
        forged.edit_open(|steps| {
            let step = steps.iter_mut().find(|step| step.events.len() > 1).unwrap();
            step.events.pop();
        });
    });
    assert!(told(&decision)[0].contains("was to come next"), "{decision:#?}");
    let block = found(|forged| drop(forged.blocks.remove(0)));
    assert!(told(&block)[0].contains("block 1"), "{block:#?}");
}

#[test]
fn swapped_events_are_found() {
    let steps = found(|forged| {
        forged.edit_open(|steps| {
            // As if they had always stood in this order: seqs and times are made to fit.
            let (a, b) = (renumbered(&steps[1], &steps[0]), renumbered(&steps[0], &steps[1]));
            if a.events.len() == b.events.len() {
                (steps[0], steps[1]) = (a, b);
            } else {
                steps.swap(0, 1);
            }
        });
    });
    assert_eq!(steps.findings[0].check, "integrity", "{steps:#?}");
    let blocks = found(|forged| {
        let (a, b) = (forged.blocks[0].1.clone(), forged.blocks[1].1.clone());
        (forged.blocks[0].1, forged.blocks[1].1) = (b, a);
    });
    assert!(told(&blocks)[0].contains("block 1: it is numbered 2"), "{blocks:#?}");
}

/// `step` with the seqs, time and tape position of `place`.
fn renumbered(step: &Step, place: &Step) -> Step {
    let mut step = step.clone();
    step.time = place.time;
    step.tape = place.tape;
    for (offset, event) in step.events.iter_mut().enumerate() {
        let cause = event.cause.map(|cause| event.seq.0 - cause.0);
        event.seq = Seq(place.first_seq().0 + offset as u64);
        event.cause = cause.map(|back| Seq(event.seq.0 - back));
        event.time = place.time;
    }
    step
}

#[test]
fn a_duplicated_event_is_found() {
    let verbatim = found(|forged| {
        let first = forged.open_frames[0].clone();
        forged.open_frames.insert(1, first);
    });
    assert!(told(&verbatim)[0].contains("was to come next"), "{verbatim:#?}");
    let appended = found(|forged| {
        forged.edit_open(|steps| {
            // The last fill once more, as a Step of its own at the end: well-formed, but not what the run wrote.
            let fill = steps.iter().rfind(|step| step.events.len() == 1).unwrap().clone();
            let mut end = steps.last().unwrap().clone();
            end.events.truncate(1);
            end.events[0].seq = Seq(steps.last().unwrap().last_seq().0 + 1);
            steps.push(renumbered(&fill, &end));
        });
    });
    assert!(!appended.findings.is_empty(), "{appended:#?}");
}

#[test]
fn a_dropped_tail_is_found() {
    let steps = found(|forged| drop(forged.open_frames.pop()));
    assert!(told(&steps).iter().any(|line| line.contains("events are lost")), "{steps:#?}");
    let all = found(|forged| {
        forged.open_frames.clear();
        forged.blocks.pop();
    });
    assert!(told(&all).iter().any(|line| line.contains("events are lost")), "{all:#?}");
}

#[test]
fn a_missing_index_entry_is_found() {
    let verification = found(|forged| drop(forged.index.remove(0)));
    assert!(told(&verification)[0].contains("index: missing"), "{verification:#?}");
}

/// A log that is right in every link, made by other code: only deciding again can find it.
#[test]
fn a_decision_that_the_code_would_not_make_is_found() {
    let (scenario, _, played) = played();
    let mut steps = played.steps;
    let forged = steps.iter_mut().flat_map(|step| &mut step.events).find_map(|event| match &mut event.fact {
        Fact::Decision(Decision::OrderRequested { terms: terms @ OrderTerms::Stop { .. }, .. }) => {
            *terms = OrderTerms::Stop { trigger: samples::price("36999") };
            Some(event.seq)
        }
        _ => None,
    });
    let mut store = MemoryStore::new();
    let session = store.create(&samples_manifest(&scenario)).unwrap();
    for step in &steps {
        store.append(session, step, &[]).unwrap();
    }
    store.commit().unwrap();
    let verification = verify(&store, session, Some(&scenario.tape)).unwrap();
    let found: Vec<_> = verification.findings.iter().map(|finding| (finding.check, finding.seq)).collect();
    assert_eq!(found, [("re-decide", forged), ("re-simulate", forged)]);
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("verify_forged_decision", verification.findings.iter().map(|finding| {
            format!("{} at event {}: {}\n  {}\n", finding.check, finding.seq.unwrap(), finding.what, finding.detail.join("\n  "))
        }).collect::<String>());
    });
}

/// The same with a fill that the market would not have given: every decision follows from it, but the run again differs.
#[test]
fn a_fill_that_the_market_would_not_give_is_found_by_running_again() {
    let (scenario, _, played) = played();
    let mut steps = played.steps;
    edit_fill(&mut steps);
    let mut store = MemoryStore::new();
    let session = store.create(&samples_manifest(&scenario)).unwrap();
    for step in &steps {
        store.append(session, step, &[]).unwrap();
    }
    store.commit().unwrap();
    let verification = verify(&store, session, Some(&scenario.tape)).unwrap();
    let checks: Vec<_> = verification.findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, ["re-simulate"], "{verification:#?}");
}

#[test]
fn another_tape_is_told_apart() {
    let (scenario, store, played) = played();
    let mut sets = scenario.tape.sets().to_vec();
    sets[0].bars[7].high = samples::price("50000");
    let other = retrace_replay::tape::Tape::new(sets);
    let verification = verify(&store, played.session, Some(&other)).unwrap();
    assert!(verification.is_incomplete() && !verification.is_clean());
    assert_eq!(told(&verification), ["re-decide: the market data is not what the session was run on"]);
}

fn samples_manifest(scenario: &Scenario) -> retrace_core::store::Manifest {
    retrace_core::store::Manifest { identity: scenario.identity.clone(), provenance: Default::default() }
}

/// A session of which everything came from outside: a plan is stopped out, ends, and is opened again by a late fill.
fn paper() -> (Identity, Vec<Step>) {
    let script = include_str!("../reports/flow_late_fill_after_stop_long.txt");
    let (_, identity, inputs) = reports::read("paper", script);
    let steps = reports::play("paper", &identity, &inputs);
    (identity, steps)
}

/// What `verify` says of a log of these Steps that is right in every link.
fn verified(identity: &Identity, steps: &[Step]) -> Verification {
    let mut store = MemoryStore::new();
    let manifest = Manifest { identity: identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    for step in steps {
        store.append(session, step, &[]).unwrap();
    }
    store.commit().unwrap();
    verify(&store, session, None).unwrap()
}

/// The one finding, its check and event.
fn only(verification: &Verification) -> (&str, Option<Seq>) {
    let [finding] = &verification.findings[..] else { panic!("{verification:#?}") };
    (finding.check, finding.seq)
}

#[test]
fn a_session_with_its_inputs_in_the_log_is_decided_again_without_market_data() {
    let (identity, steps) = paper();
    let verification = verified(&identity, &steps);
    assert!(verification.is_clean(), "{verification:#?}");
    let decisions = steps.iter().map(|step| step.decisions().count() as u64).sum::<u64>();
    let redecide = verification.checks.iter().find(|check| check.name == "re-decide").unwrap();
    assert!(decisions > 10 && redecide.checked == decisions && redecide.skipped.is_none(), "{verification:#?}");
}

#[test]
fn a_forged_decision_is_found_where_the_inputs_are_in_the_log() {
    let (identity, mut steps) = paper();
    // In the very last Step with an order: the plan had ended before it and was brought back.
    let mut events = steps.iter_mut().flat_map(|step| &mut step.events).rev();
    let forged = events.find_map(|event| match &mut event.fact {
        Fact::Decision(Decision::OrderRequested { quantity, .. }) => {
            *quantity = samples::quantity("0.5");
            Some(event.seq)
        }
        _ => None,
    });
    let seq = forged.unwrap();
    drop(events);
    assert_eq!(only(&verified(&identity, &steps)), ("re-decide", Some(seq)));
}

#[test]
fn a_forged_fill_is_found_where_the_inputs_are_in_the_log() {
    let (identity, steps) = paper();
    // Edited where it stands, it is found by the chain, whatever of it is edited.
    let mut store = MemoryStore::new();
    let session = store.create(&Manifest { identity: identity.clone(), provenance: Provenance::default() }).unwrap();
    for step in &steps {
        store.append(session, step, &[]).unwrap();
    }
    store.commit().unwrap();
    let mut forged = ForgedStore::copy_of(&store, session);
    forged.edit_open(|steps| edit_fill(steps));
    let verification = verify(&forged, session, None).unwrap();
    assert_eq!(only(&verification).0, "integrity");

    // In a log that is right in every link, by what followed from it: the stop no longer fits what was bought.
    let mut more = steps.clone();
    let seq = more.iter_mut().find_map(|step| {
        let first = step.events[0].seq;
        match &mut step.events[0].fact {
            Fact::Input(Input::Report(Report { what: ReportKind::Filled(fill), .. })) => {
                fill.quantity = samples::quantity("1.5");
                Some(first.next())
            }
            _ => None,
        }
    });
    assert_eq!(only(&verified(&identity, &more)), ("re-decide", seq));
}
