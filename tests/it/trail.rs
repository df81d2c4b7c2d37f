//! The digest trail: the same for the same decisions, whatever the session is called, and parted where they differ.

use std::path::Path;

use retrace_core::memory::MemoryStore;
use retrace_core::store::{Checkpoint, LogStore};
use retrace_core::trail::Trail;
use retrace_replay::verify::verify;
use retrace_rocks::RocksStore;
use serde_json::Value;

use crate::cli::{Place, text};
use crate::scenario::Scenario;
use crate::verify::long_script;

/// Four hundred plans that enter by the slice, in `session` and `db` of the sample's market. The stop of `moved` is another one.
fn run_many(place: &Place, session: &str, db: &str, moved: Option<usize>) {
    let mut directives = String::new();
    for plan in 0..400 {
        let (hour, minute) = (plan / 60, plan % 60);
        let stop = if moved == Some(plan) { "40000" } else { "41000" };
        directives.push_str(&format!(
            concat!(
                r#"{{"at":"2026-03-02T{:02}:{:02}:00Z","directive":{{"directive_id":"D{}","scope":"NEW_TRADE","#,
                r#""entry_directive":{{"symbol":"BTC/USDT","direction":"BUY","order_type":"MARKET"}},"#,
                r#""size_directive":{{"target_position_size":"0.2"}},"exit_directive":{{"stop_loss_price":"{}"}},"#,
                r#""execution_directive":{{"algorithm":"TWAP","duration_minutes":20,"slices":5}}}}}}"#,
                "\n"
            ),
            hour, minute, plan, stop
        ));
    }
    std::fs::write(place.path("directives.jsonl"), directives).unwrap();
    let output = place.retrace_as_given(&["run", "session.yaml", "--session", session, "--db", db]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// Writes a session's trail to a file, as it is sent to another machine; gives back its marks.
fn sent(place: &Place, session: &str, db: &str, file: &str) -> Vec<Value> {
    let output = place.retrace_as_given(&["trail", session, "--db", db, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    std::fs::write(place.path(file), &output.stdout).unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["marks"].as_array().unwrap().clone()
}

#[test]
fn trails_of_two_stores_part_in_the_stretch_that_differs() {
    let place = Place::with_sample();
    run_many(&place, "many", "db", None);
    run_many(&place, "same", "db", None);
    run_many(&place, "many", "elsewhere", Some(220));
    let marks = sent(&place, "many", "db", "many.json");
    let seqs: Vec<u64> = marks.iter().map(|mark| mark["seq"].as_u64().unwrap()).collect();
    assert!(marks.len() > 2 && seqs[0] >= 4_096 && seqs[0] < 4_200, "{seqs:?}");
    assert_eq!(marks.iter().filter(|mark| mark["finished"] == true).count(), 1);

    // Under another name everything is told and decided the same; the ledgers name ids, and are not compared.
    let same = place.retrace(&["trail", "same", "--against", "many.json"]);
    assert_eq!(same.status.code(), Some(0));
    assert_eq!(
        text(&same.stdout),
        format!("same and many  alike: {} marks, up to event {}\n", seqs.len(), seqs.last().unwrap())
    );

    let other = place.retrace_as_given(&["trail", "many", "--db", "elsewhere", "--against", "many.json", "--json"]);
    assert_eq!(other.status.code(), Some(1));
    let parted: Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(parted["differs_in"], "decisions");
    let (alike, by) = (parted["alike_up_to"].as_u64().unwrap(), parted["differs_by"][1].as_u64().unwrap());
    let place_of = |seq: u64| seqs.iter().position(|mark| *mark == seq).unwrap();
    assert_eq!(place_of(by), place_of(alike) + 1, "one stretch: {parted}");
    let first = first_difference(&place);
    assert!(alike < first && first <= by, "event {first} is not in {parted}");

    // What is no trail is refused.
    std::fs::write(place.path("none.json"), "{}").unwrap();
    let refused = place.says(2, &["trail", "many", "--against", "none.json"]);
    assert!(refused.starts_with("error: none.json: missing field") && refused.contains("hint: "), "{refused}");
    let another = std::fs::read_to_string(place.path("many.json")).unwrap();
    std::fs::write(place.path("other.json"), another.replace("\"trail_version\":1", "\"trail_version\":9")).unwrap();
    let refused = place.says(2, &["trail", "many", "--against", "other.json"]);
    assert!(refused.starts_with("error: other.json: a trail of version 9; this build knows version 1"), "{refused}");
}

/// The first event in which `many` differs between both stores: where the directive with another stop was received.
fn first_difference(place: &Place) -> u64 {
    let export = ["export", "many", "--format", "jsonl", "--db", "elsewhere", "--out", "log.jsonl"];
    assert_eq!(place.retrace_as_given(&export).status.code(), Some(0));
    let log = std::fs::read_to_string(place.path("log.jsonl")).unwrap();
    let line = log.lines().skip(1).find(|line| line.contains("\"D220\"")).unwrap();
    serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap()
}

#[test]
fn another_name_leaves_the_same_trail_in_every_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut compared = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let script = std::fs::read_to_string(&path).unwrap();
        // A directive that names a group by its id means another session's, and is refused under another name.
        if script.contains("\"EXG_") {
            continue;
        }
        let trail = |name: &str| {
            let scenario = Scenario::read(name, &script)?;
            let mut trail = Trail::default();
            for step in scenario.play(&mut MemoryStore::new()).steps {
                trail.step(&step).unwrap();
            }
            Some(trail.digest())
        };
        compared += usize::from(trail("one").is_some());
        assert_eq!(trail("one"), trail("another"), "{}", path.display());
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn a_mark_that_is_not_what_was_decided_is_found() {
    let scenario = Scenario::read("long", &long_script()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let played = scenario.play(&mut store);
    let mut trail = Trail::default();
    let half = played.steps.len() / 2;
    played.steps[..half].iter().for_each(|step| assert!(!trail.step(step).unwrap()));
    let seq = played.steps[half - 1].last_seq();
    let right = trail.checkpoint(seq, false);
    let mut noted = |checkpoint: &Checkpoint| {
        store.put_checkpoint(played.session, checkpoint).unwrap();
        store.commit().unwrap();
        verify(&store, played.session, Some(&scenario.tape)).unwrap()
    };
    assert!(noted(&right).is_clean());
    let found = noted(&Checkpoint { digest: [7; 32], ..right.clone() });
    let [finding] = &found.findings[..] else { panic!("{found:#?}") };
    let what = format!("what was told and decided up to event {seq} is not what was noted");
    assert_eq!((finding.check, finding.seq, finding.what.as_str()), ("rebuild", Some(seq), what.as_str()));
    // One of a version that this build does not know says nothing.
    assert!(noted(&right).is_clean());
    assert!(noted(&Checkpoint { version: 9, digest: [7; 32], ..right }).is_clean());
}
