//! A fault planted in what drives the engine: requests leave once their event is appended, though their venue stands
//! outside the process and survives it. A kill then leaves a venue with orders that no log has; the check names them.
//! Released when durable, as the outbox is meant to be used, it never happens.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use retrace_core::ids::{Seq, SessionUid};
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, LogStore, StoreError};
use retrace_replay::backtest::{Backtest, Recorder};
use retrace_replay::effect::{Effect, VenueRequest};
use retrace_replay::unrecorded::{Received, Unrecorded, unrecorded};
use retrace_rocks::testkit::Seeded;
use retrace_rocks::{RocksReader, RocksStore};
use retrace_tools::recording::{StoreRecorder, Watching};
use retrace_tools::session::{self, LoadedSession};

use crate::whole::{Whole, busy_session, interrupted, sample_session};

/// Set for the child: the folder with the session file, and when requests leave.
const CHILD: &str = "RETRACE_TEST_EFFECTS_CHILD";
const RELEASED: &str = "RETRACE_TEST_EFFECTS_RELEASED";
const ROUNDS: u64 = 25;
/// After how many events a child commits: several requests wait for each.
const COMMIT_EVERY: u64 = 64;

/// When a request leaves the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Once its event is in the store's hands: the fault.
    Appended,
    /// Once its event is durable.
    Durable,
}

/// Records into a store beside a venue that stands outside: a file has every request that reached it, whatever becomes
/// of this process.
struct Outside<'a> {
    store: StoreRecorder<'a>,
    session: SessionUid,
    when: When,
    venue: File,
}

impl Recorder for Outside<'_> {
    type Error = StoreError;

    fn record(&mut self, step: &Step) -> Result<Seq, StoreError> {
        let appended = self.store.record(step)?;
        Ok(match self.when {
            When::Appended => appended,
            When::Durable => self.store.store().durable_seq(self.session),
        })
    }

    fn released(&mut self, effect: &Effect) {
        // One write a line: what was written stays when the process is killed.
        let line = format!("{} {}\n", effect.client_order_id, effect.seq);
        self.venue.write_all(line.as_bytes()).unwrap();
        // A venue is some way off. Without this, a child would be inside a commit nearly all the time.
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// Not a test of its own: runs the session with a venue outside until it is killed or over.
#[test]
fn child_process() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let when = if std::env::var(RELEASED).unwrap() == "appended" { When::Appended } else { When::Durable };
    let loaded = session::load(&dir.join("session.yaml")).unwrap();
    let mut store = RocksStore::create_or_open(dir.join("db")).unwrap();
    let session = store.create(&loaded.manifest()).unwrap();
    let (directives, contents) = loaded.sealed(session);
    let venue = OpenOptions::new().create(true).append(true).open(dir.join("venue")).unwrap();
    let recorder =
        StoreRecorder::new(&mut store, session, contents, Watching::default()).committing_every(COMMIT_EVERY);
    let mut outside = Outside { store: recorder, session, when, venue };
    Backtest::new(&loaded.identity, &loaded.tape, directives).run(&mut outside).unwrap();
    outside.store.commit().unwrap();
}

/// What the venue has in its book when the process is gone.
fn received(dir: &Path) -> Vec<Received> {
    let text = std::fs::read_to_string(dir.join("venue")).unwrap_or_default();
    let line = |line: &str| {
        let (order, seq) = line.split_once(' ').unwrap();
        Received { client_order_id: order.parse().unwrap(), seq: Some(Seq(seq.parse().unwrap())) }
    };
    // The last line may have been cut off by the kill.
    text.split_inclusive('\n').filter(|text| text.ends_with('\n')).map(|text| line(text.trim_end())).collect()
}

/// What a kill left.
struct Left {
    received: Vec<Received>,
    /// `None` where there is no session.
    unrecorded: Option<Vec<Unrecorded>>,
    /// Whether it was killed before its end.
    cut_short: bool,
}

/// Kills a child once the venue has `requests` requests and `pause` has passed, or it is over.
fn killed(dir: &Path, loaded: &LoadedSession, when: When, requests: usize, pause: Duration) -> Left {
    let _ = std::fs::remove_dir_all(dir.join("db"));
    let _ = std::fs::remove_file(dir.join("venue"));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["planted_effects::child_process", "--exact", "--test-threads=1"])
        .env(CHILD, dir)
        .env(RELEASED, if when == When::Appended { "appended" } else { "durable" })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while received(dir).len() < requests && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(pause);
    let cut_short = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    let received = received(dir);
    let unrecorded = RocksReader::open(dir.join("db")).ok().and_then(|reader| {
        let session = reader.find(loaded.identity.name.as_str()).ok()?;
        Some(unrecorded(&reader, session, received.iter().copied()).unwrap())
    });
    Left { received, unrecorded, cut_short }
}

#[test]
fn a_request_that_left_before_it_was_durable_is_named_and_one_held_until_then_never_is() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = busy_session(dir.path());
    let mut random = Seeded(7);
    let (mut caught, mut sound, mut left_short) = (0, 0, 0);
    for round in 0..ROUNDS {
        let requests = usize::try_from(random.below(200)).unwrap();
        let pause = Duration::from_micros(random.below(2_000));
        let faulty = killed(dir.path(), &loaded, When::Appended, requests, pause);
        match &faulty.unrecorded {
            // Killed before its first commit: the venue may have orders of a session that there is not.
            None => caught += u64::from(!faulty.received.is_empty()),
            Some(found) => {
                for one in found {
                    let text = one.to_string();
                    let order = one.received.client_order_id.to_string();
                    assert!(text.contains(&order) && text.contains("left before it was durable"), "{text}");
                    assert!(one.received.seq.unwrap() > one.log_ends, "round {round}: {text}");
                }
                caught += u64::from(!found.is_empty());
            }
        }

        let held = killed(dir.path(), &loaded, When::Durable, requests, pause);
        match held.unrecorded {
            None => assert_eq!(held.received, [], "round {round}: the venue has orders and there is no session"),
            Some(found) => assert_eq!(found, [], "round {round}"),
        }
        sound += held.received.len();
        left_short += u64::from(held.cut_short);
    }
    println!("{caught} of {ROUNDS} kills caught the fault; {sound} requests held until durable, none unrecorded");
    assert!(caught > ROUNDS / 4, "the fault was caught in only {caught} of {ROUNDS} rounds");
    assert!(sound > 100 && left_short > ROUNDS / 4, "{sound} requests, {left_short} killed before their end");
}

/// Keeps nothing but what leaves.
#[derive(Default)]
struct Leaving(Vec<Effect>);

impl Recorder for Leaving {
    type Error = StoreError;

    fn record(&mut self, step: &Step) -> Result<Seq, StoreError> {
        Ok(step.last_seq())
    }

    fn released(&mut self, effect: &Effect) {
        self.0.push(effect.clone());
    }
}

#[test]
fn what_is_unrecorded_is_what_was_decided_behind_the_logs_end_and_nothing_of_other_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = sample_session(dir.path());
    let (_, steps) = Whole::never_stopped(&loaded);
    for kept in [0, 1, 40, steps.len() - 1, steps.len()] {
        let mut store = MemoryStore::new();
        let session = interrupted(&mut store, &loaded, &steps[..kept]);
        let last = steps[..kept].last().map_or(Seq(0), Step::last_seq);
        let mut leaving = Leaving::default();
        Backtest::new(&loaded.identity, &loaded.tape, loaded.sealed(session).0).run(&mut leaving).unwrap();
        let received = |effect: &Effect| Received { client_order_id: effect.client_order_id, seq: Some(effect.seq) };
        let found = unrecorded(&store, session, leaving.0.iter().map(received)).unwrap();
        let found: Vec<Seq> = found.iter().map(|one| one.received.seq.unwrap()).collect();
        let behind: Vec<Seq> = leaving.0.iter().map(|effect| effect.seq).filter(|seq| *seq > last).collect();
        assert_eq!(found, behind, "{kept} Steps");

        // A venue's own list names orders alone.
        let listed = |effect: &Effect| Received { client_order_id: effect.client_order_id, seq: None };
        let found = unrecorded(&store, session, leaving.0.iter().map(listed)).unwrap();
        assert!(found.iter().all(|one| !one.order_known && one.log_ends == last), "{found:?}");
        let found: BTreeSet<_> = found.iter().map(|one| one.received.client_order_id).collect();
        let new = |effect: &&Effect| effect.seq > last && matches!(effect.request, VenueRequest::Place { .. });
        assert_eq!(found.len(), leaving.0.iter().filter(new).count(), "{kept} Steps");

        let other = loaded.clone().named(retrace_core::ids::SessionName::new("other").unwrap());
        let mut others = Leaving::default();
        let uid = MemoryStore::new().create(&other.manifest()).unwrap();
        Backtest::new(&other.identity, &other.tape, other.sealed(uid).0).run(&mut others).unwrap();
        assert_eq!(unrecorded(&store, session, others.0.iter().map(received)).unwrap(), [], "another session's orders");
    }
}
