//! `simulate [SEEDS] [FROM]`: plays worlds and says what was found; a failing seed is told in its shortest form.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use retrace_simulator::roll;
use retrace_simulator::shrink::shrink;
use retrace_simulator::tally::Tally;
use retrace_simulator::tell::story;
use retrace_simulator::world::play;

/// How many failing seeds are told in full.
const TOLD_MAX: usize = 3;

fn main() -> ExitCode {
    let mut given = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (seeds, from) = match (given.next(), given.next(), given.next()) {
        (None, None, None) => (2_000, 0),
        (Some(Ok(seeds)), None, None) => (seeds, 0),
        (Some(Ok(seeds)), Some(Ok(from)), None) => (seeds, from),
        _ => {
            eprintln!("usage: simulate [SEEDS] [FROM]\nhint: both are whole numbers: simulate 2000 0");
            return ExitCode::from(2);
        }
    };
    let (mut events, mut failed) = (0_usize, Vec::new());
    let mut tally = Tally::default();
    let mut kinds: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
    for (done, seed) in (0_u64..).zip(from..from.saturating_add(seeds)) {
        if done > 0 && done.is_multiple_of(1_000) {
            eprintln!("{done} of {seeds} seeds, {events} events, {} with a finding", failed.len());
        }
        let script = roll(seed);
        let played = play(&script, None);
        events = events.saturating_add(played.log.iter().map(|step| step.events.len()).sum());
        tally.add(&script, &played);
        if let Some(finding) = played.finding {
            let count = kinds.entry(finding.kind()).or_insert((0, seed));
            count.0 = count.0.saturating_add(1);
            // Said at once: telling it in its shortest form may take minutes.
            eprintln!("seed {seed}: {finding}");
            failed.push((seed, finding));
        }
    }
    for (seed, finding) in failed.iter().take(TOLD_MAX) {
        let short = shrink(&roll(*seed), None, finding);
        println!("{}", story(&short, &play(&short, None)));
    }
    println!("{}", tally.table());
    for (name, count) in tally.counts() {
        println!("{count:>10}  {name}");
    }
    for (kind, (count, first)) in &kinds {
        println!("{kind}: {count}, first at seed {first}");
    }
    println!("\n{seeds} seeds from {from}, {events} events, {} with a finding", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
