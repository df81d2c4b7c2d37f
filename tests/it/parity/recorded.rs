//! With the recorded venue a session is decided anew, in another process, and every decision is the recorded one.

use std::time::Duration;

use retrace_core::event::{Decision, Fact, Input, Mark, Report, ReportKind};
use retrace_core::ids::Seq;
use retrace_core::step::Step;
use retrace_core::store::LogReader;
use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use retrace_replay::verify::verify;
use retrace_rocks::testkit::{Forger, Seeded};
use retrace_rocks::{RocksReader, RocksStore};

use super::live::{Happens, Live, happens, identity};
use super::venue::Habits;
use crate::cli::{Place, text};

/// A price every fifteen seconds for as many minutes, walking about.
pub(super) fn walk(seed: u64, minutes: u32) -> Vec<(Timestamp, Mark)> {
    let mut dice = Seeded(seed);
    let mut price = 40_000_i64;
    let from = samples::time("2022-01-21T10:00:00Z");
    let prices = (0..minutes * 4).map(|place| {
        price += i64::try_from(dice.below(81)).unwrap() - 40;
        let at = from.plus(Span::from_seconds(u64::from(place) * 15));
        (at, Mark::same(samples::price(&price.to_string())))
    });
    prices.collect()
}

pub(super) const LINES: &str = include_str!("directives.jsonl");

/// A session of an hour in which most things happen.
pub(super) fn hour(name: &str, seed: u64) -> (Live, Habits) {
    let mut dice = Seeded(seed);
    let identity = identity(name, seed);
    let mut all = happens(&identity, &walk(seed, 60), LINES);
    let outages = [(9 * 60 + 7, 40), (31 * 60 + 2, 95)];
    let from = samples::time("2022-01-21T10:00:00Z");
    for (after, lasts) in outages {
        all.push((from.plus(Span::from_seconds(after)), Happens::Lost));
        all.push((from.plus(Span::from_seconds(after + lasts)), Happens::Back));
    }
    // Once in the middle of a TWAP, once while the connection is lost.
    for after in [5 * 60 + 3, 31 * 60 + 40] {
        all.push((from.plus(Span::from_seconds(after)), Happens::Restart));
    }
    all.sort_by_key(|(at, _)| *at);
    let settings = retrace_core::venue::VenueSettings {
        slippage_bps: samples::dec(&dice.below(8).to_string()),
        latency: Span::from_seconds(dice.below(40)),
        ..samples::venue()
    };
    let commit_every = [0, 3, 17][usize::try_from(dice.below(3)).unwrap()];
    let live = Live { identity, happens: all, pace: Duration::from_micros(900), commit_every };
    (live, Habits { seed, settings, prompt: false })
}

#[test]
fn what_a_live_venue_said_is_decided_the_same_in_another_process() {
    let place = Place::empty();
    let (mut repeated, mut lost, mut parts, mut overtaken) = (0, 0, 0, 0);
    for seed in 1..=6 {
        let name = format!("live-{seed}");
        let (live, habits) = hour(&name, seed);
        let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
        let venue = live.record(&mut store, habits);
        store.close().unwrap();
        repeated += venue.repeated;
        lost += venue.lost;
        parts += venue.parts;
        overtaken += venue.overtaken;
        assert!(venue.traded.len() >= 8, "seed {seed}: {} orders traded", venue.traded.len());

        let again = place.retrace(&["run", "--from", &name, "--venue", "recorded"]);
        let said = text(&again.stdout);
        assert_eq!(again.status.code(), Some(0), "seed {seed}: {said}{}", text(&again.stderr));
        assert!(said.contains("equal: ") && said.contains("nothing is recorded"), "{said}");
        let document = place.json(&["run", "--from", &name, "--venue", "recorded"]);
        assert_eq!((&document["equal"], &document["difference"]), (&true.into(), &serde_json::Value::Null));
        assert!(document["decisions"].as_u64().unwrap() > 50 && document["requests"].as_u64().unwrap() > 20);

        let reader = RocksReader::open(place.path("db")).unwrap();
        let found = verify(&reader, reader.find(&name).unwrap(), None).unwrap();
        assert!(found.is_clean(), "seed {seed}: {found:#?}");
    }
    println!("{repeated} reports twice, {lost} requests lost, {parts} fills in parts, {overtaken} reports overtaken");
    assert!(repeated > 20 && lost > 0 && parts > 10 && overtaken > 20, "the venue behaved too well");
}

/// Records an hour, lets `forge` write another log in its place, well-formed and rightly chained, and gives back what is
/// found when it is run again.
fn forged(name: &str, forge: impl FnOnce(&mut Vec<Step>)) -> String {
    let place = Place::empty();
    let (mut live, mut habits) = hour(name, 21);
    (live.pace, live.commit_every, habits.prompt) = (Duration::ZERO, 0, true);
    habits.settings.latency = Span::from_seconds(20);
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    live.record(&mut store, habits);
    store.close().unwrap();
    let mut forger = Forger::open(&place.path("db"), name);
    forger.rewrite(forge);
    forger.fix_watermark();
    drop(forger);
    let again = place.retrace(&["run", "--from", name, "--venue", "recorded"]);
    assert_eq!(again.status.code(), Some(1), "{}{}", text(&again.stdout), text(&again.stderr));
    text(&again.stdout)
}

#[test]
fn a_log_that_was_changed_is_found_at_the_first_decision_that_is_another() {
    // A fill of another size: the stop that covers it would be another one.
    let said = forged("forged-fill", |steps| {
        let fills = steps.iter_mut().flat_map(|step| &mut step.events).filter_map(|event| match &mut event.fact {
            Fact::Input(Input::Report(Report { what: ReportKind::Filled(fill), .. })) => Some(fill),
            _ => None,
        });
        let fill = fills.into_iter().next().unwrap();
        fill.quantity = samples::quantity("0.11");
    });
    assert!(said.contains("not equal") && said.contains("today's code decides otherwise"), "{said}");
    assert!(said.contains("recorded: ") && said.contains("decided now: "), "{said}");

    // A request of another size.
    let said = forged("forged-request", |steps| {
        for event in steps.iter_mut().flat_map(|step| &mut step.events) {
            if let Fact::Decision(Decision::OrderRequested { quantity, .. }) = &mut event.fact {
                *quantity = samples::quantity("0.61");
                return;
            }
        }
    });
    assert!(said.contains("decided now: "), "{said}");

    // A timer that did not fire: the session's own clock knows it, though no decision before the next one shows it.
    let said = forged("forged-timer", |steps| {
        let fired = |step: &Step| matches!(step.events[0].fact, Fact::Input(Input::TimerFired { .. }));
        let place = (0..steps.len() - 1).rfind(|at| fired(&steps[*at]) && steps[at + 1].time > steps[*at].time);
        let removed = steps.remove(place.unwrap());
        let gone = removed.events.len() as u64;
        for event in steps[place.unwrap()..].iter_mut().flat_map(|step| &mut step.events) {
            event.seq.0 -= gone;
            event.cause = event.cause.map(|cause| if cause > removed.last_seq() { Seq(cause.0 - gone) } else { cause });
        }
    });
    assert!(said.contains("the session's clock fires timer"), "{said}");
}

#[test]
fn what_cannot_be_run_again_is_refused() {
    let place = Place::with_sample();
    place.retrace(&["run", "session.yaml"]);
    let refused = |code: i32, args: &[&str], words: &[&str]| {
        let said = place.says(code, &[&["run"], args].concat());
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    };
    refused(2, &["--from", "sample"], &["--venue"]);
    refused(2, &["--venue", "recorded"], &["--from"]);
    refused(2, &["--venue", "recorded", "session.yaml"], &["cannot be used with"]);
    refused(2, &["--from", "sample", "session.yaml", "--venue", "recorded"], &["cannot be used with"]);
    refused(2, &["--from", "nobody", "--venue", "recorded"], &["there is no session nobody", "it has sample"]);
    refused(2, &["--from", "sample", "--venue", "recorded", "--session", "x"], &["--session names what is recorded"]);
    refused(2, &["--from", "sample", "--venue", "recorded", "--market", "session.yaml"], &["--market belongs to"]);
    std::fs::remove_file(place.path("market.csv")).unwrap();
    for venue in ["recorded", "simulated"] {
        refused(2, &["--from", "sample", "--venue", venue], &["its market data is not at hand", "--market-dir"]);
    }
}
