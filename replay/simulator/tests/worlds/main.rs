//! Two thousand worlds without a finding; a thousand of their sessions verified; sixteen planted faults, each found and
//! told; and every seed that found a bug.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, reason = "tests")]

mod faults;
mod kept;

use retrace_core::ids::SessionUid;
use retrace_core::manifest::Provenance;
use retrace_core::memory::MemoryStore;
use retrace_core::store::{LogStore, Manifest};
use retrace_replay::verify::{CheckResult, verify};
use retrace_simulator::roll;
use retrace_simulator::shrink::shrink;
use retrace_simulator::tell::story;
use retrace_simulator::world::{Played, play};

/// Plays a seed and tells its shortest failing story where there is one.
pub(crate) fn hold(seed: u64) -> usize {
    let script = roll(seed);
    let played = play(&script, None);
    if let Some(finding) = played.finding {
        let short = shrink(&script, None, &finding);
        panic!("{}", story(&short, &play(&short, None)));
    }
    played.log.iter().map(|step| step.events.len()).sum()
}

#[test]
fn two_thousand_worlds_break_no_bound() {
    let events: usize = (0..2_000).map(hold).sum();
    println!("{events} events");
    assert!(events > 100_000, "only {events} events: do the worlds live?");
}

/// A world's log, kept as a session.
fn kept(played: &Played) -> (MemoryStore, SessionUid) {
    let mut store = MemoryStore::new();
    let manifest = Manifest { identity: played.identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    for step in &played.log {
        store.append(session, step, &[]).unwrap();
    }
    store.commit().unwrap();
    (store, session)
}

/// Seeds that no other test plays: sessions with crashes, late reports and plans that were opened again in them.
#[test]
fn a_thousand_sessions_verify_clean() {
    let mut decided = 0;
    for seed in 2_000..3_000 {
        let played = play(&roll(seed), None);
        let (store, session) = kept(&played);
        let verification = verify(&store, session, None).unwrap();
        assert!(verification.is_clean(), "seed {seed}: {verification:#?}");
        let redecided = |check: &&CheckResult| check.name == "re-decide" && check.skipped.is_none();
        let check = verification.checks.iter().find(redecided).unwrap();
        let decisions: usize = played.log.iter().map(|step| step.decisions().count()).sum();
        assert_eq!(check.checked, decisions as u64, "seed {seed}: every decision is made again");
        decided += decisions;
    }
    println!("{decided} decisions made again");
    assert!(decided > 20_000, "only {decided} decisions: do the worlds live?");
}

#[test]
fn one_seed_is_one_story() {
    for seed in 0..20 {
        let (one, other) = (play(&roll(seed), None), play(&roll(seed), None));
        assert_eq!(story(&roll(seed), &one), story(&roll(seed), &other), "seed {seed}");
    }
}
