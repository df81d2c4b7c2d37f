//! A session's process is killed at random moments: what remains is a prefix of whole Steps, with every acknowledged
//! one. The child is this test binary, running one session into a store and saying which event is durable.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use retrace_core::ids::Seq;
use retrace_core::log::read_log;
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::LogReader;
use retrace_replay::verify::verify;
use retrace_rocks::{RocksReader, RocksStore};
use retrace_tools::recording::Watching;
use retrace_tools::{sample, session};

/// Set for the child: the folder with the session file; its store stands beside it.
const CHILD: &str = "RETRACE_TEST_CRASH_CHILD";
const ROUNDS: u64 = 40;

#[test]
fn child_process() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let loaded = session::load(&dir.join("session.yaml")).unwrap();
    let mut store = RocksStore::create_or_open(dir.join("db")).unwrap();
    let acknowledge = |seq: Seq| println!("durable {seq}");
    let watching = Watching { on_durable: Some(Box::new(acknowledge)), ..Watching::default() };
    // A commit after every few events: hundreds of moments at which it can die.
    session::record_watched(&mut store, &loaded, 5, watching).unwrap();
}

#[test]
fn a_killed_session_leaves_whole_steps_with_every_acknowledged_one() {
    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), sample::DEFAULT_SEED).unwrap();
    let loaded = session::load(&dir.path().join("session.yaml")).unwrap();
    let mut whole = MemoryStore::new();
    let recorded = session::record(&mut whole, &loaded).unwrap();
    let never_killed = steps(&whole, &loaded.identity.name.to_string());

    let mut cut_short = 0;
    for round in 0..ROUNDS {
        let db = dir.path().join("db");
        let _ = std::fs::remove_dir_all(&db);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::child_process", "--exact", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The moment is drawn in acknowledgements, then in microseconds, so that it falls anywhere between two commits.
        let mut acknowledged = Seq(0);
        let mut said = |line: String| {
            if let Some(seq) = line.rsplit_once("durable ").map(|(_, seq)| seq) {
                acknowledged = Seq(seq.parse().unwrap());
            }
        };
        for _ in 0..(round * 7) % 60 {
            match lines.next() {
                Some(line) => said(line.unwrap()),
                None => break,
            }
        }
        std::thread::sleep(Duration::from_micros((round * 7919) % 3_000));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died still stands in the pipe.
        lines.for_each(|line| said(line.unwrap()));

        let name = loaded.identity.name.to_string();
        let Ok(reader) = RocksReader::open(&db) else {
            assert_eq!(acknowledged, Seq(0), "round {round}: nothing was acknowledged before there was a store");
            continue;
        };
        let Ok(uid) = reader.find(&name) else {
            assert_eq!(acknowledged, Seq(0), "round {round}: an acknowledged session is gone");
            continue;
        };
        let left = steps(&reader, &name);
        let last = left.last().map_or(Seq(0), Step::last_seq);
        assert!(last >= acknowledged, "round {round}: {acknowledged} was acknowledged, the log ends at {last}");
        assert_eq!(left[..], never_killed[..left.len()], "round {round}: no prefix of whole Steps");
        let verification = verify(&reader, uid, Some(&loaded.tape)).unwrap();
        assert!(verification.is_clean(), "round {round}: {verification:#?}");
        cut_short += u64::from(last < recorded.last_seq);
    }
    println!("{cut_short} of {ROUNDS} were killed before their end");
    // On a fast disk a session may be over before it is killed; some must not be, or nothing was tested.
    assert!(cut_short > ROUNDS / 8, "only {cut_short} of {ROUNDS} were killed before their end");
}

fn steps(reader: &dyn LogReader, name: &str) -> Vec<Step> {
    let uid = reader.find(name).unwrap();
    let mut steps = Vec::new();
    read_log(reader, uid, &mut |step| {
        steps.push(step);
        true
    })
    .unwrap();
    steps
}
