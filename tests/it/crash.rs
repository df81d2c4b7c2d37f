//! A session's process is killed at random moments, and so are those that resume it. What remains is a prefix of whole
//! Steps with every acknowledged one; and it ends as a session that was never killed, to the byte.
//!
//! The child is this test binary, running or resuming one session in a store and saying which event is durable.
//! `RETRACE_KILLS=5000` kills oftener than the 200 times of every test run.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use retrace_core::ids::Seq;
use retrace_core::log::{LogEnd, read_frames};
use retrace_core::store::{LogReader, StoreError};
use retrace_replay::verify::{Check, Verifier, verify};
use retrace_rocks::testkit::{Seeded, copy_dir};
use retrace_rocks::{RocksReader, RocksStore};
use retrace_tools::recording::{Pace, Watching};
use retrace_tools::resume::{Resumed, resume};
use retrace_tools::session::{self, LoadedSession};

use crate::whole::{Whole, busy_session};

/// Set for the child: the folder with the session file; its store stands beside it.
const CHILD: &str = "RETRACE_TEST_CRASH_CHILD";
/// How often a child is killed, where not as often as always.
const KILLS: &str = "RETRACE_KILLS";
const KILLS_ALWAYS: u64 = 200;
/// So many rounds go on at a time, each in a folder of its own.
const WORKERS: u64 = 2;
/// The child commits often: hundreds of moments at which it can die, some inside a block's closing, and some where a state
/// is saved.
const PACE: Pace = Pace { commit_every: 5, save_from: 30 };
/// A finished session that stands in the store before, in some rounds.
const NEIGHBOUR: &str = "neighbour";

/// Not a test of its own: runs the session, or goes on with it, until it is killed or over.
#[test]
fn child_process() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let loaded = session::load(&dir.join("session.yaml")).unwrap();
    run_or_resume(dir, &loaded, PACE, |seq| println!("durable {seq}"));
}

/// Answers whether it was resumed.
fn run_or_resume(dir: &Path, loaded: &LoadedSession, pace: Pace, acknowledge: impl FnMut(Seq)) -> bool {
    let mut store = RocksStore::create_or_open(dir.join("db")).unwrap();
    let watching = Watching { on_durable: Some(Box::new(acknowledge)), ..Watching::default() };
    match store.find(loaded.identity.name.as_str()) {
        Ok(session) => {
            let resumed = resume(&mut store, session, loaded, pace, watching).unwrap();
            assert!(!matches!(resumed, Resumed::Differs(_)), "{resumed:#?}");
            true
        }
        Err(StoreError::NoSession { .. }) => {
            session::record_watched(&mut store, loaded, pace, watching).unwrap();
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// What the kills met. Printed: a test of random moments says which it had.
#[derive(Default)]
struct Tally {
    rounds: u64,
    kills: u64,
    /// Kills that left no store, and no session.
    no_store: u64,
    no_session: u64,
    /// Kills before the session's end, those of a resuming child among them.
    cut_short: u64,
    cut_resuming: u64,
    /// Kills inside a commit: it was durable, and nobody had been told.
    inside_commit: u64,
    /// Kills inside a commit that closed a block.
    closing_a_block: u64,
    after_the_end: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.kills += other.kills;
        self.no_store += other.no_store;
        self.no_session += other.no_session;
        self.cut_short += other.cut_short;
        self.cut_resuming += other.cut_resuming;
        self.inside_commit += other.inside_commit;
        self.closing_a_block += other.closing_a_block;
        self.after_the_end += other.after_the_end;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, kills, no_store, no_session, cut_short, cut_resuming, .. } = self;
        let Self { inside_commit, closing_a_block, after_the_end, .. } = self;
        write!(
            f,
            "{rounds} rounds, {kills} kills: {no_store} before there was a store, {no_session} before the session, "
        )?;
        write!(
            f,
            "{cut_short} before its end ({cut_resuming} while it was resumed), of these {inside_commit} inside a "
        )?;
        write!(f, "commit ({closing_a_block} that closed a block); {after_the_end} after the end")
    }
}

/// When a child is killed.
enum Moment {
    /// So long after it was started: at any time of its life, its beginning included.
    After(Duration),
    /// So long after it told of this event.
    Told(Seq, Duration),
}

struct Bench {
    dir: tempfile::TempDir,
    loaded: LoadedSession,
    never_killed: Whole,
    neighbour: (LoadedSession, Whole),
    /// How long a child takes that nobody kills.
    lifetime: Duration,
    random: Seeded,
    tally: Tally,
}

impl Bench {
    fn new(worker: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let loaded = busy_session(dir.path());
        let (never_killed, _) = Whole::never_stopped(&loaded);
        let neighbour = loaded.clone().named(retrace_core::ids::SessionName::new(NEIGHBOUR).unwrap());
        let mut store = RocksStore::create_or_open(dir.path().join("with_neighbour")).unwrap();
        let session = session::record(&mut store, &neighbour).unwrap().session;
        let theirs = Whole::of(&store, session, &neighbour);
        store.close().unwrap();
        let mut bench = Self {
            dir,
            loaded,
            never_killed,
            neighbour: (neighbour, theirs),
            lifetime: Duration::ZERO,
            random: Seeded(20_261_121 + worker),
            tally: Tally::default(),
        };
        let begun = Instant::now();
        assert!(bench.child().wait().unwrap().success());
        bench.lifetime = begun.elapsed();
        bench.check_ended("never killed", false);
        bench
    }

    fn child(&self) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["crash::child_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, self.dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn reader(&self) -> Result<RocksReader, StoreError> {
        RocksReader::open(self.dir.path().join("db"))
    }

    /// A store without anything, or with another session in it.
    fn fresh_store(&self, with_neighbour: bool) {
        let db = self.dir.path().join("db");
        let _ = std::fs::remove_dir_all(&db);
        if with_neighbour {
            copy_dir(&self.dir.path().join("with_neighbour"), &db);
        }
    }

    /// At any time, the first quarter of its life more often; after some acknowledgement; or about where a block closes. `from` is what is durable already.
    fn moment(&mut self, from: Seq) -> Moment {
        let whole = self.never_killed.last_seq.0;
        let pause = Duration::from_micros(self.random.below(1_500));
        let mut ends = self.never_killed.block_ends();
        ends.retain(|end| end.0 > from.0 + 20);
        let life = u64::try_from(self.lifetime.as_micros()).unwrap();
        match self.random.below(5) {
            0 if !ends.is_empty() => {
                let end = ends[usize::try_from(self.random.below(ends.len() as u64)).unwrap()];
                Moment::Told(Seq(end.0 - 1 - self.random.below(12)), pause)
            }
            1 => Moment::Told(Seq(from.0 + self.random.below(whole.saturating_sub(from.0))), pause),
            2 => Moment::After(Duration::from_micros(self.random.below(life / 4))),
            _ => Moment::After(Duration::from_micros(self.random.below(life))),
        }
    }

    /// Starts a child and kills it. Answers the last event that it said was durable.
    fn kill(&mut self, from: Seq) -> Seq {
        let moment = self.moment(from);
        let begun = Instant::now();
        let mut child = self.child();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = Seq(0);
        let mut said = |line: String| {
            if let Some(seq) = line.rsplit_once("durable ").map(|(_, seq)| seq) {
                acknowledged = acknowledged.max(Seq(seq.parse().unwrap()));
            }
            acknowledged
        };
        match moment {
            Moment::After(life) => std::thread::sleep(life.saturating_sub(begun.elapsed())),
            Moment::Told(seq, pause) => {
                // It may end before it has told so much.
                let _ = lines.by_ref().find(|line| said(line.as_ref().unwrap().clone()) >= seq);
                std::thread::sleep(pause);
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died still stands in the pipe.
        lines.for_each(|line| {
            said(line.unwrap());
        });
        self.tally.kills += 1;
        acknowledged
    }

    /// What a kill left: a prefix of whole Steps as far as `acknowledged` at least. Answers where the log ends.
    fn check_left(&mut self, round: &str, acknowledged: Seq, resuming: bool) -> Seq {
        let nothing = |what: &str| assert_eq!(acknowledged, Seq(0), "{round}: an acknowledged session is gone: {what}");
        let reader = match self.reader() {
            Ok(reader) => reader,
            Err(StoreError::NoStore { .. }) => {
                nothing("there is no store");
                self.tally.no_store += 1;
                return Seq(0);
            }
            Err(error) => panic!("{round}: {error}"),
        };
        assert!(reader.damage().is_empty(), "{round}: {:?}", reader.damage());
        let Ok(session) = reader.find(self.loaded.identity.name.as_str()) else {
            nothing("there is no session");
            self.tally.no_session += 1;
            return Seq(0);
        };
        let mut left = self.never_killed.frames.iter();
        let LogEnd { last_seq, .. } = read_frames(&reader, session, &mut |frame, _| {
            assert_eq!(left.next().map(Vec::as_slice), Some(frame), "{round}: another Step than without a kill");
            true
        })
        .unwrap();
        assert!(last_seq >= acknowledged, "{round}: {acknowledged} was acknowledged, the log ends at {last_seq}");
        if reader.checkpoints(session).unwrap().iter().any(|checkpoint| checkpoint.finished) {
            assert_eq!(last_seq, self.never_killed.last_seq, "{round}: it says that it is finished");
            self.tally.after_the_end += 1;
            return last_seq;
        }
        self.tally.cut_short += 1;
        self.tally.cut_resuming += u64::from(resuming);
        self.tally.inside_commit += u64::from(last_seq > acknowledged);
        let mut ends = self.never_killed.block_ends().into_iter();
        self.tally.closing_a_block += u64::from(ends.any(|end| acknowledged < end && end <= last_seq));
        last_seq
    }

    /// The session has come to its end and nothing tells it from one that was never killed.
    fn check_ended(&self, round: &str, all_checks: bool) {
        let reader = self.reader().unwrap();
        assert!(reader.damage().is_empty(), "{round}: {:?}", reader.damage());
        let session = reader.find(self.loaded.identity.name.as_str()).unwrap();
        let ended = Whole::of(&reader, session, &self.loaded);
        assert!(ended == self.never_killed, "{round}: it ends at {} with head {}", ended.last_seq, ended.head);
        let saved = reader.saved_states(session).unwrap();
        assert_eq!(saved.last().map(|place| place.seq), Some(ended.last_seq), "{round}: its end is not saved");
        // The log being the same to the byte, deciding it again says nothing new of it, only of what is beside it.
        let verification = if all_checks {
            verify(&reader, session, Some(&self.loaded.tape)).unwrap()
        } else {
            let verifier = Verifier { only: &[Check::Integrity, Check::Rebuild], ..Verifier::default() };
            verifier.run(&reader, session, Some(&self.loaded.tape)).unwrap()
        };
        assert!(verification.is_clean(), "{round}: {verification:#?}");
    }

    fn check_neighbour(&self, round: &str) {
        let reader = self.reader().unwrap();
        let session = reader.find(NEIGHBOUR).unwrap();
        let (loaded, was) = &self.neighbour;
        assert!(Whole::of(&reader, session, loaded) == *was, "{round}: the other session of the store was touched");
    }

    /// Answers how often a child was killed.
    fn round(&mut self, number: u64) -> u64 {
        let round = format!("round {number}");
        let with_neighbour = number % 3 == 1;
        self.fresh_store(with_neighbour);
        // One kill, or several in a row: the first of the run, the others of those that resume it.
        let kills = 1 + self.random.below(3).min(self.random.below(4));
        let mut from = Seq(0);
        for _ in 0..kills {
            let resuming = from > Seq(0);
            let acknowledged = self.kill(from).max(from);
            from = self.check_left(&round, acknowledged, resuming);
        }
        let mut last = from;
        // What nobody kills need not commit so often: syncs are what takes the time.
        let resumed = run_or_resume(self.dir.path(), &self.loaded, Pace { commit_every: 400, ..PACE }, |seq| {
            assert!(seq > last, "{round}: {seq} is told again");
            last = seq;
        });
        assert!(resumed || from == Seq(0), "{round}: it was begun anew");
        self.check_ended(&round, number.is_multiple_of(20));
        if with_neighbour {
            self.check_neighbour(&round);
        }
        self.tally.rounds += 1;
        kills
    }
}

#[test]
fn a_killed_session_is_resumed_to_the_end_of_one_that_was_never_killed() {
    let wanted = std::env::var(KILLS).map_or(KILLS_ALWAYS, |kills| kills.parse().unwrap());
    let begun = Instant::now();
    let kills = AtomicU64::new(0);
    let work = &|worker: u64| {
        let mut bench = Bench::new(worker);
        let mut round = worker;
        while kills.load(Ordering::Relaxed) < wanted {
            kills.fetch_add(bench.round(round), Ordering::Relaxed);
            round += WORKERS;
        }
        bench.tally
    };
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || work(worker))).collect();
        for worker in workers {
            tally.add(&worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    println!("{tally}; {:.0?}", begun.elapsed());
    // On a fast disk a session may be over before it is killed; most must not be, or nothing was tested.
    assert!(tally.cut_short > tally.kills / 4, "{tally}");
    if wanted >= KILLS_ALWAYS {
        let before = tally.no_store + tally.no_session;
        let met = [before, tally.cut_resuming, tally.inside_commit, tally.closing_a_block];
        assert!(met.iter().all(|count| *count > 0), "{tally}");
    }
}
