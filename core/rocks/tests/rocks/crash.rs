//! A writer that dies, or that the disk fails: a prefix of whole Steps remains, every acknowledged one in it.
//!
//! The writer is this test binary run again as a child. SIGKILL leaves the page cache alive, so this shows that the
//! files agree with each other at any moment, not what a power cut leaves.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use retrace_core::log::read_log;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, LogStore, StoreError};
use retrace_core::testkit::samples;
use retrace_rocks::testkit::Seeded;
use retrace_rocks::{RocksReader, RocksStore};

const DIR: &str = "RETRACE_TEST_STORE";
const SEED: &str = "RETRACE_TEST_SEED";

fn steps() -> Vec<Step> {
    samples::log(5000, 7)
}

/// Not a test of its own: appends and commits until it is killed or the Steps run out.
#[test]
fn child_that_writes() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let mut random = Seeded(std::env::var(SEED).unwrap().parse().unwrap());
    let steps = steps();
    let mut store = RocksStore::create_or_open(dir).unwrap();
    let uid = match store.find("one") {
        Ok(uid) => uid,
        Err(_) => store.create(&samples::manifest("one")).unwrap(),
    };
    let mut next = steps.iter().position(|step| step.first_seq() == store.durable_seq(uid).next()).unwrap_or(0);
    let mut out = std::io::stdout();
    while next < steps.len() {
        for _ in 0..=random.below(30) {
            if let Some(step) = steps.get(next) {
                store.append(uid, step, &[]).unwrap();
            }
            next += 1;
        }
        match store.commit() {
            Ok(()) => writeln!(out, "durable {}", store.durable_seq(uid)).unwrap(),
            Err(error) => {
                // The store is done with: nothing may look as if it went on.
                assert!(matches!(error, StoreError::Backend { .. }), "{error}");
                assert!(store.commit().is_err());
                assert!(store.append(uid, &steps[0], &[]).is_err());
                assert!(store.create(&samples::manifest("two")).is_err());
                writeln!(out, "failed {}", store.durable_seq(uid)).unwrap();
                return;
            }
        }
        out.flush().unwrap();
    }
}

fn child(dir: &Path, seed: u64, limit: Option<u32>) -> Child {
    let this = std::env::current_exe().unwrap();
    let mut command = if let Some(blocks) = limit {
        // A file that reaches the limit refuses to grow, as on a full disk.
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")).arg(this);
        shell
    } else {
        Command::new(this)
    };
    command.args(["--exact", "crash::child_that_writes", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).env(SEED, seed.to_string()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// The lines that a child writes.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok)
}

/// The number behind a word, in a line that has it: the test harness's own words may stand before it.
fn number(line: &str, word: &str) -> Option<u64> {
    line.split_once(word)?.1.trim().parse().ok()
}

/// The Steps in the store are the first ones of `steps`, as far as `acknowledged` at least. Answers how far they go.
fn check_prefix(dir: &Path, steps: &[Step], acknowledged: u64) -> u64 {
    let reader = match RocksReader::open(dir) {
        Err(StoreError::NoStore { .. }) if acknowledged == 0 => return 0,
        other => other.unwrap(),
    };
    assert!(reader.damage().is_empty(), "{:?}", reader.damage());
    let Ok(uid) = reader.find("one") else {
        assert_eq!(acknowledged, 0);
        return 0;
    };
    let mut read = Vec::new();
    let mut take = |step| {
        read.push(step);
        true
    };
    let end = read_log(&reader, uid, &mut take).unwrap();
    assert!(steps.starts_with(&read));
    assert!(end.last_seq.0 >= acknowledged, "{acknowledged} was acknowledged, the log ends at {}", end.last_seq);
    end.last_seq.0
}

#[test]
fn a_killed_writer_leaves_every_acknowledged_step() {
    let dir = tempfile::tempdir().unwrap();
    let steps = steps();
    let mut random = Seeded(20_261_121);
    let (mut acknowledged, mut grew) = (0, 0);
    for round in 0..30 {
        let mut child = child(dir.path(), random.draw(), None);
        let mut durable = lines(&mut child).filter_map(|line| number(&line, "durable "));
        // Every other one is killed at any time, perhaps before it has a store; the rest after some commits, however slow the
        // machine is.
        let commits = if round % 2 == 0 { 0 } else { 1 + random.below(8) };
        let mut said = (0..commits).map_while(|_| durable.next()).last();
        std::thread::sleep(Duration::from_micros(random.below(if commits == 0 { 120_000 } else { 3_000 })));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died still stands in the pipe.
        said = durable.last().or(said);
        grew += u32::from(said > Some(acknowledged));
        acknowledged = check_prefix(dir.path(), &steps, said.unwrap_or(0).max(acknowledged));
    }
    assert!(grew > 5, "the writer got somewhere in only {grew} rounds");
}

#[test]
fn a_failed_write_ends_the_store_and_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let steps = steps();
    let mut child = child(dir.path(), 5, Some(400));
    let failed = lines(&mut child).filter_map(|line| number(&line, "failed ")).last().expect("the limit is reached");
    assert!(child.wait().unwrap().success());
    assert!(check_prefix(dir.path(), &steps, failed) > 0);
    // With room again it goes on.
    drop(RocksStore::create_or_open(dir.path()).unwrap());
    check_prefix(dir.path(), &steps, failed);
}
