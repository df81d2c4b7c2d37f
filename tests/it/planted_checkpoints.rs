//! Checkpoints of other code, planted beside a sound log: `verify` finds a digest that its own fold does not come to,
//! and leaves alone what another version noted; nothing that reads a session ever takes a word of them.

use retrace_core::ids::Seq;
use retrace_core::store::{Checkpoint, LogReader, LogStore};
use retrace_projections::ledger::{PROJECTION, PROJECTION_VERSION};
use retrace_rocks::{RocksReader, RocksStore};
use serde_json::Value;

use crate::cli::{Place, text};
use crate::whole::{Whole, sample_session};

/// Plants checkpoints in a finished session. Answers with what `verify` finds, and whether reading it is as before.
fn planted(plant: impl FnOnce(&Checkpoint) -> Vec<Checkpoint>) -> Vec<Value> {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let read = || {
        let replayed = place.json(&["replay", "sample"]);
        let earlier = place.json(&["replay", "sample", "--at", "100"]);
        (replayed, earlier, place.json(&["audit", "TPL_TREND"]))
    };
    let before = read();
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    let session = store.find("sample").unwrap();
    let noted = store.checkpoints(session).unwrap();
    for checkpoint in plant(noted.last().unwrap()) {
        store.put_checkpoint(session, &checkpoint).unwrap();
    }
    store.commit().unwrap();
    store.close().unwrap();
    assert!(read() == before, "a checkpoint changed what is read");
    let reader = RocksReader::open(place.path("db")).unwrap();
    assert!(reader.checkpoints(session).unwrap() != noted, "nothing was planted");
    let output = place.retrace(&["verify", "sample", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap().clone();
    assert_eq!(output.status.code(), Some(i32::from(!findings.is_empty())), "{}", text(&output.stderr));
    findings
}

/// The finding of `rebuild` at an event.
#[track_caller]
fn found(findings: &[Value], seq: u64, what: &str) {
    let [finding] = findings else { panic!("{findings:#?}") };
    assert_eq!((&finding["check"], &finding["seq"]), (&Value::from("rebuild"), &Value::from(seq)), "{finding}");
    assert_eq!(finding["what"], what);
}

#[test]
fn a_ledger_that_other_code_folded_under_this_versions_name_is_found() {
    let findings = planted(|last| vec![Checkpoint { digest: [7; 32], ..last.clone() }]);
    found(&findings, 256, "the ledger folded up to event 256 is not the one that was noted");
    let end_of_a_step = Whole::never_stopped(&sample_session(tempfile::tempdir().unwrap().path())).1[40].last_seq();
    let findings =
        planted(|last| vec![Checkpoint { seq: end_of_a_step, digest: [7; 32], finished: false, ..last.clone() }]);
    let what = format!("the ledger folded up to event {end_of_a_step} is not the one that was noted");
    found(&findings, end_of_a_step.0, &what);
}

#[test]
fn what_another_version_or_another_projection_noted_is_not_compared() {
    let findings = planted(|last| {
        let other = Checkpoint { digest: [7; 32], ..last.clone() };
        assert_eq!((other.projection.as_str(), other.version), (PROJECTION, PROJECTION_VERSION));
        vec![
            Checkpoint { version: PROJECTION_VERSION + 1, ..other.clone() },
            Checkpoint { version: PROJECTION_VERSION - 1, ..other.clone() },
            Checkpoint { projection: "someone_elses".to_owned(), ..other },
        ]
    });
    assert_eq!(findings, [] as [Value; 0]);
}

#[test]
fn a_checkpoint_behind_the_logs_end_is_found() {
    let findings = planted(|last| vec![Checkpoint { seq: Seq(257), ..last.clone() }]);
    found(&findings, 257, "a digest is noted for event 257, but the log ends at 256");
}

#[test]
fn a_checkpoint_in_the_middle_of_a_step_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let step =
        Whole::never_stopped(&sample_session(dir.path())).1.into_iter().find(|step| step.events.len() > 1).unwrap();
    let seq = step.first_seq();
    let findings = planted(|last| vec![Checkpoint { seq, finished: false, ..last.clone() }]);
    found(&findings, seq.0, &format!("a digest is noted for event {seq}, in the middle of a Step"));
}
