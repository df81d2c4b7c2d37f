//! Two thousand worlds without a finding; nine planted faults, each found and told; and every seed that found a bug.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, reason = "tests")]

mod faults;

use retrace_simulator::roll;
use retrace_simulator::shrink::shrink;
use retrace_simulator::tell::story;
use retrace_simulator::world::play;

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

#[test]
fn one_seed_is_one_story() {
    for seed in 0..20 {
        let (one, other) = (play(&roll(seed), None), play(&roll(seed), None));
        assert_eq!(story(&roll(seed), &one), story(&roll(seed), &other), "seed {seed}");
    }
}
