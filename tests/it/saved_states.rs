//! States saved beside a log: what is read with them is what is read without them, they are what the log folds to, and
//! nobody takes one that other code saved or that is damaged.

use std::collections::BTreeMap;

use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::manifest::Provenance;
use retrace_core::memory::MemoryStore;
use retrace_core::saved::{FoldState, SavedAt};
use retrace_core::step::{Step, TapePosition};
use retrace_core::store::{LogReader, LogStore, Manifest};
use retrace_core::testkit::forge::ForgedStore;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, NoState, saved_by};
use retrace_projections::lineage::Origin;
use retrace_replay::backtest::Backtest;
use retrace_replay::verify::{Verification, verify};
use retrace_rocks::testkit::Forger;
use retrace_rocks::{RocksReader, RocksStore};
use retrace_tools::recording::{Pace, StoreRecorder, Watching};
use retrace_tools::session::{self, LoadedSession};

use crate::cli::{Place, text};
use crate::scenario::Scenario;
use crate::whole::{busy_session, sample_session, steps};

const fn saving_from(save_from: u64) -> Pace {
    Pace { save_from, ..Pace::USUAL }
}

/// Where `book` would be saved after `step`, as bytes of these.
fn place_of(step: &Step, bytes: &[u8]) -> SavedAt {
    let state = FoldState { by: saved_by(), time: step.time, tape: step.tape, bytes: bytes.to_vec() };
    SavedAt::new(step.last_seq(), Head([0; 32]), 1, &state)
}

/// A book that is saved and read back is the same, and folds on to the same end.
pub(crate) fn fold_on(name: &str, begin: &Book, steps: &[Step]) {
    let mut book = begin.clone();
    let mut read_back = Vec::new();
    for (done, step) in (1_usize..).zip(steps) {
        step.events.iter().for_each(|event| book.apply(event).unwrap());
        if done % 5 == 1 {
            let bytes = book.save().unwrap();
            let again = Book::saved(&place_of(step, &bytes), &bytes).unwrap();
            assert_eq!(again, book, "{name}: saved after Step {done}");
            read_back.push((done, again));
        }
    }
    for (done, mut again) in read_back {
        steps[done..].iter().flat_map(|step| &step.events).for_each(|event| again.apply(event).unwrap());
        assert_eq!(again, book, "{name}: folded on from Step {done}");
    }
}

/// What the run of a script saves on its way is what its log folds to.
pub(crate) fn of_a_run(name: &str, scenario: &Scenario) {
    let mut store = MemoryStore::new();
    let manifest = Manifest { identity: scenario.identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    let given = scenario.directives.iter().cloned().map(|parsed| parsed.seal(session));
    let given = given.map(|(at, given, _)| (at, given)).collect();
    let begin = Book::new(&scenario.identity);
    let recorder = StoreRecorder::new(&mut store, session, BTreeMap::new(), Watching::default());
    let backtest = Backtest::new(&scenario.identity, &scenario.tape, given);
    run(backtest, recorder.at_pace(saving_from(1), &begin));
    let found = verify(&store, session, Some(&scenario.tape)).unwrap();
    assert!(found.is_clean(), "{name}: {found:#?}");
    let last = steps(&store, session).last().map(Step::last_seq);
    assert_eq!(store.saved_states(session).unwrap().last().map(|place| place.seq), last, "{name}");
}

/// Runs `loaded` into `store`, saving its first state after about `first` events.
fn run_saving(store: &mut dyn LogStore, loaded: &LoadedSession, first: u64) -> SessionUid {
    let session = store.create(&loaded.manifest()).unwrap();
    let (directives, contents) = loaded.sealed(session);
    let begin = loaded.begin();
    let recorder = StoreRecorder::new(store, session, contents, Watching::default());
    let backtest = Backtest::beginning(&loaded.identity, &loaded.tape, directives, &begin);
    run(backtest, recorder.at_pace(saving_from(first), &begin));
    session
}

fn run(mut backtest: Backtest<'_>, mut recorder: StoreRecorder<'_>) {
    backtest.run(&mut recorder).unwrap();
    recorder.finish(backtest.state().ledger()).unwrap();
}

fn saved_after(reader: &dyn LogReader, session: SessionUid) -> Vec<u64> {
    reader.saved_states(session).unwrap().iter().map(|place| place.seq.0).collect()
}

#[test]
fn states_are_saved_at_growing_distances_and_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = busy_session(dir.path());
    let mut store = MemoryStore::new();
    let session = run_saving(&mut store, &loaded, 20);
    let ends: Vec<u64> = steps(&store, session).iter().map(|step| step.last_seq().0).collect();
    let reached = |at: u64| *ends.iter().find(|end| **end >= at).unwrap();
    let mut expected: Vec<u64> = [20, 80, 320].map(reached).to_vec();
    expected.push(*ends.last().unwrap());
    assert_eq!(saved_after(&store, session), expected);
    // A log that is short has none.
    let mut store = MemoryStore::new();
    let session = run_saving(&mut store, &loaded, 100_000);
    assert_eq!(saved_after(&store, session), [] as [u64; 0]);
}

/// A session of some 700 events with a state every now and then, in a store on disk.
fn on_disk() -> (Place, LoadedSession, SessionUid) {
    let place = Place::empty();
    let loaded = busy_session(&place.path(""));
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    let session = run_saving(&mut store, &loaded, 20);
    store.close().unwrap();
    (place, loaded, session)
}

#[test]
fn what_is_read_with_saved_states_is_what_is_read_without() {
    let (place, loaded, session) = on_disk();
    let both = |args: &[&str]| {
        let with = place.retrace(args);
        let without = place.retrace(&[args, &["--no-saved-state"]].concat());
        assert_eq!(text(&with.stdout), text(&without.stdout), "{args:?}");
        assert_eq!((text(&with.stderr), with.status), (text(&without.stderr), without.status), "{args:?}");
    };
    let name = loaded.identity.name.as_str();
    for plan in ["TPL_UP", "TPL_DOWN", "TPL_NONE"] {
        both(&["audit", plan]);
        both(&["audit", plan, "--session", name, "--json"]);
    }
    both(&["replay", name]);
    both(&["replay", name, "--json"]);
    let reader = RocksReader::open(place.path("db")).unwrap();
    let last = steps(&reader, session).last().unwrap().last_seq().0;
    // Around every state, and some way off.
    let saved = saved_after(&reader, session);
    let near = saved.iter().flat_map(|seq| [seq - 1, *seq, (*seq + 1).min(last)]);
    for seq in near.chain([0, 1, 100, 255, 256, 257, last, last + 1]) {
        both(&["replay", name, "--at", &seq.to_string(), "--json"]);
    }
    for time in ["2026-03-01T00:00:00Z", "2026-03-02T01:30:00Z", "2026-03-02T23:10:00Z", "2026-04-01T00:00:00Z"] {
        both(&["replay", name, "--at", time, "--json"]);
    }
}

/// Where a log is damaged far before the last state, whoever begins at that state does not meet the damage.
#[test]
fn what_lies_before_a_saved_state_is_not_read() {
    let (place, loaded, session) = on_disk();
    let name = loaded.identity.name.as_str();
    let (seq, page, story) = {
        let reader = RocksReader::open(place.path("db")).unwrap();
        let last = reader.saved_states(session).unwrap().pop().unwrap();
        assert!(last.block > 2, "the block next to it is read");
        (last.seq.to_string(), place.json(&["replay", name]), place.says(2, &["audit", "TPL_NONE", "--session", name]))
    };
    let mut forger = Forger::open(&place.path("db"), name);
    forger.edit_block(1, |bytes| *bytes.last_mut().unwrap() ^= 1);
    drop(forger);
    assert_eq!(place.json(&["replay", name]), page);
    assert_eq!(place.json(&["replay", name, "--at", &seq]), page);
    assert_eq!(place.says(2, &["audit", "TPL_NONE", "--session", name]), story);
    for args in [&["replay", name][..], &["audit", "TPL_NONE", "--session", name]] {
        let said = place.says(2, &[args, &["--no-saved-state"]].concat());
        assert!(said.contains("block 2: what stands before it is not what it was chained to"), "{said}");
    }
}

#[test]
fn a_refusal_before_a_plan_is_part_of_its_story_all_the_same() {
    let place = Place::empty();
    busy_session(&place.path(""));
    let early = r#"{"at":"2026-03-02T05:00:00Z","directive":{"directive_id":"EARLY","scope":"NEW_TRADE","plan_id":"TPL_DOWN","entry_directive":{"symbol":"BTC/USDT","direction":"SELL"},"size_directive":{"target_position_size":"6"},"exit_directive":{"stop_loss_price":"50000"}}}"#;
    let path = place.path("directives.jsonl");
    let file = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = file.lines().collect();
    lines.insert(2, early);
    std::fs::write(&path, lines.join("\n")).unwrap();
    let loaded = session::load(&place.path("session.yaml")).unwrap();
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    run_saving(&mut store, &loaded, 20);
    store.close().unwrap();
    let with = text(&place.retrace(&["audit", "TPL_DOWN"]).stdout);
    assert_eq!(with, text(&place.retrace(&["audit", "TPL_DOWN", "--no-saved-state"]).stdout));
    assert!(with.contains("EARLY") && with.contains("DOWN_1"), "{with}");
}

#[test]
fn a_session_that_continues_another_saves_what_it_took_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = MemoryStore::new();
    let parent = sample_session(dir.path());
    let uid = run_saving(&mut store, &parent, 10);
    let origin = Origin::at_the_end_of(&store, uid).unwrap();
    let child = busy_session(dir.path()).named(SessionName::new("after").unwrap());
    let child = child.continuing(origin);
    let session = run_saving(&mut store, &child, 10);
    let found = verify(&store, session, Some(&child.tape)).unwrap();
    assert!(found.is_clean(), "{found:#?}");
    assert!(saved_after(&store, session).len() > 3);
    fold_on("after", &child.begin(), &steps(&store, session));
}

/// What was refused in one session is told again in the next: part of the story of a plan that comes later, though the
/// ledger has no trace of it by then.
#[test]
fn what_another_session_refused_is_part_of_a_story_when_it_is_told_again() {
    let place = Place::empty();
    let parent = busy_session(&place.path(""));
    let path = place.path("directives.jsonl");
    let early = |at: &str| {
        format!(
            r#"{{"at":"{at}","directive":{{"directive_id":"EARLY","scope":"NEW_TRADE","plan_id":"TPL_NEW","entry_directive":{{"symbol":"BTC/USDT","direction":"SELL"}},"size_directive":{{"target_position_size":"1"}},"exit_directive":{{"stop_loss_price":"50000"}}}}}}"#
        )
    };
    let file = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{}\n", early("2026-03-02T00:30:00Z")) + &file).unwrap();
    let first = session::load(&place.path("session.yaml")).unwrap().named(SessionName::new("before").unwrap());
    assert_ne!(first.identity.strategy_digest, parent.identity.strategy_digest);
    let late = early("2026-03-03T04:00:00Z").replace("EARLY", "LATE").replace("50000", "99000");
    std::fs::write(&path, format!("{}\n{}{late}\n", early("2026-03-02T00:31:00Z"), busy_again(&file))).unwrap();
    let second = session::load(&place.path("session.yaml")).unwrap();
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    let uid = run_saving(&mut store, &first, 20);
    let origin = Origin::at_the_end_of(&store, uid).unwrap();
    run_saving(&mut store, &second.continuing(origin), 20);
    store.close().unwrap();
    let with = text(&place.retrace(&["audit", "TPL_NEW", "--session", "sample"]).stdout);
    assert_eq!(with, text(&place.retrace(&["audit", "TPL_NEW", "--session", "sample", "--no-saved-state"]).stdout));
    assert!(with.contains("EARLY was received before") && with.contains("LATE"), "{with}");
}

/// The same directives for other plans, under other ids.
fn busy_again(file: &str) -> String {
    file.replace("UP_", "AGAIN_UP_").replace("DOWN_", "AGAIN_DOWN_").replace("TPL_", "TPL_AGAIN_")
}

/// What `verify` finds in a copy of the busy session where `forge` had its hands on what is saved.
fn forged(forge: impl FnOnce(&mut Vec<(SavedAt, Vec<u8>)>, &[Step])) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let loaded = busy_session(dir.path());
    let mut store = MemoryStore::new();
    let session = run_saving(&mut store, &loaded, 20);
    let mut copy = ForgedStore::copy_of(&store, session);
    let check = |copy: &ForgedStore| -> Verification { verify(copy, session, Some(&loaded.tape)).unwrap() };
    assert!(check(&copy).is_clean());
    forge(&mut copy.states, &steps(&store, session));
    check(&copy).findings.iter().map(|finding| format!("{}: {}", finding.check, finding.what)).collect()
}

#[test]
fn a_saved_state_that_the_log_does_not_fold_to_is_found() {
    // The state of an earlier event under the name of a later one.
    let mut seq = Seq(0);
    let found = forged(|states, _| {
        let (earlier, (place, bytes)) = (states[0].1.clone(), &mut states[1]);
        (place.digest, seq) = (digest_of(&earlier), place.seq);
        *bytes = earlier;
    });
    assert_eq!(found, [format!("rebuild: the state saved after event {seq} is not what the log folds to")]);

    // The right state, said to be of another moment or of another log.
    let moved = |forge: fn(&mut SavedAt)| forged(|states, _| forge(&mut states[1].0)).concat();
    let other_moment = format!("rebuild: the state saved after event {seq} is said to be of another moment");
    assert_eq!(moved(|place| place.time = Timestamp::from_nanos(7)), other_moment);
    assert_eq!(moved(|place| place.tape.rows += 1), other_moment);
    let nothing_behind = format!("rebuild: nothing can be read behind the state saved after event {seq}: ");
    let forges: [fn(&mut SavedAt); 2] = [|place| place.head = Head([3; 32]), |place| place.block += 7];
    for forge in forges {
        let found = moved(forge);
        assert!(found.starts_with(&nothing_behind), "{found}");
    }

    let found = forged(|states, _| states[0].1[100] ^= 1);
    assert!(found.len() == 1 && found[0].ends_with("is damaged"), "{found:?}");

    let found = forged(|states, steps| {
        let long = steps.iter().find(|step| step.events.len() > 1).unwrap();
        states[0].0.seq = long.first_seq();
        states.sort_by_key(|(place, _)| place.seq);
    });
    assert!(found.len() == 1 && found[0].ends_with("in the middle of a Step"), "{found:?}");

    let found = forged(|states, _| states.last_mut().unwrap().0.seq = Seq(100_000));
    assert!(found.len() == 1 && found[0].starts_with("rebuild: a state is saved for event 100000, but"), "{found:?}");

    // Nobody reads what other code saved, so nothing is wrong with it.
    let found = forged(|states, _| {
        for (place, bytes) in states {
            place.by.schema = [9; 32];
            bytes.clear();
        }
    });
    assert_eq!(found, [] as [&str; 0]);
}

/// What tells these bytes from others.
fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let (time, tape) = (Timestamp::from_nanos(0), TapePosition::default());
    let state = FoldState { by: saved_by(), time, tape, bytes: bytes.to_vec() };
    SavedAt::new(Seq(1), Head([0; 32]), 1, &state).digest
}

#[test]
fn a_state_that_other_code_saved_or_that_is_damaged_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = busy_session(dir.path());
    let mut store = MemoryStore::new();
    let session = run_saving(&mut store, &loaded, 20);
    let place = store.saved_states(session).unwrap().remove(1);
    let bytes = store.saved_state(session, place.seq).unwrap().unwrap();
    assert!(Book::saved(&place, &bytes).is_ok());
    let by = |change: fn(&mut SavedAt)| {
        let mut place = place.clone();
        change(&mut place);
        Book::saved(&place, &bytes).unwrap_err()
    };
    assert_eq!(by(|place| place.by.version += 1), NoState::OtherCode);
    assert_eq!(by(|place| place.by.schema[0] ^= 1), NoState::OtherCode);
    assert_eq!(by(|place| place.by.projection.push('x')), NoState::OtherCode);
    assert_eq!(by(|place| place.digest[0] ^= 1), NoState::Damaged);
    assert_eq!(by(|place| place.seq.0 += 1), NoState::Damaged);
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        let place = SavedAt { digest: digest_of(&bytes[..cut]), ..place.clone() };
        assert_eq!(Book::saved(&place, &bytes[..cut]).unwrap_err(), NoState::Damaged);
    }
}

#[test]
fn a_planted_state_of_other_code_changes_nothing_that_is_read() {
    let (place, loaded, session) = on_disk();
    let name = loaded.identity.name.as_str();
    let read = || {
        let replayed = place.retrace(&["replay", name, "--json"]);
        (replayed.stdout, place.retrace(&["audit", "TPL_DOWN", "--json"]).stdout)
    };
    let before = read();
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    let last = steps(&store, session).last().cloned().unwrap();
    let empty = Book::new(&loaded.identity).save().unwrap();
    for schema in [[0; 32], [7; 32]] {
        let by = retrace_core::saved::SavedBy { schema, ..saved_by() };
        let state = FoldState { by, time: last.time, tape: last.tape, bytes: empty.clone() };
        store.put_state(session, &state).unwrap();
        store.commit().unwrap();
    }
    store.close().unwrap();
    assert!(read() == before, "what other code saved was read");
    place.says(0, &["verify", name]);

    // The same under this code's name is believed by nobody who proves anything.
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    let state = FoldState { by: saved_by(), time: last.time, tape: last.tape, bytes: empty };
    store.put_state(session, &state).unwrap();
    store.commit().unwrap();
    store.close().unwrap();
    let output = place.retrace(&["verify", name]);
    let said = text(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains("is not what the log folds to"), "{said}");
}
