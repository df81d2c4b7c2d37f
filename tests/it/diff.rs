//! `diff` on pairs made by hand: every script in `tests/pairs` is two sessions, and what `diff` says of them in each mode
//! is its snapshot. A line that begins with `A|` or `B|` is of that session alone; `kind` says whether the rest is a
//! scenario (`bars`) or what a venue said (`reports`).

use std::path::Path;

use proptest::prelude::*;
use retrace_core::event::{Decision, Event, Fact, Input};
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::manifest::{Identity, Provenance};
use retrace_core::memory::MemoryStore;
use retrace_core::step::{Step, TapePosition};
use retrace_core::store::{LogStore, Manifest};
use retrace_core::testkit::forge::ForgedStore;
use retrace_core::testkit::samples;
use retrace_core::time::Timestamp;
use retrace_replay::compare::{CompareError, Comparison, Mode, Parting, Side, Which, compare};
use retrace_replay::verify::Engine;
use retrace_replay::{EngineError, State, step};
use retrace_rocks::RocksStore;

use crate::cli::{Place, text};
use crate::planted::spoilt;
use crate::reports;
use crate::scenario::Scenario;
use crate::scenarios::insta_settings;

#[test]
fn every_pair_parts_where_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut failed = Vec::new();
    for path in paths {
        let name = format!("pair_{}", path.file_stem().unwrap().to_string_lossy());
        let script = std::fs::read_to_string(&path).unwrap();
        let place = Place::empty();
        let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
        let sessions = record(&script, &mut store);
        store.close().unwrap();
        let mut told = script.lines().next().unwrap().trim_start_matches("# ").to_owned();
        let mut memory = MemoryStore::new();
        assert_eq!(record(&script, &mut memory), sessions, "{name}: both stores hold the same");
        for mode in Mode::ALL {
            let output = place.retrace(&["diff", "a", "b", "--mode", mode.as_str()]);
            let (printed, code) = (text(&output.stdout), output.status.code().unwrap());
            told.push_str(&format!("\n\n$ retrace diff a b --mode {}\n{printed}[{code}]", mode.as_str()));
            assert!(output.stderr.is_empty(), "{name}: {}", text(&output.stderr));
            let comparison = compared(&memory, sessions, mode);
            assert_eq!(comparison.equal, code == 0, "{name}");
            mirrored(&comparison, &compared(&memory, (sessions.1, sessions.0), mode));
        }
        // What a venue said is all that today's engine needs to decide again; bars are in no file here.
        let paper = script.lines().any(|line| line == "kind reports");
        let again = |session: &str| place.retrace(&["diff", session]).status.code();
        let faulty = script.lines().any(|line| line.starts_with("engine B"));
        let expected = [
            if paper { Some(0) } else { Some(2) },
            if faulty {
                Some(1)
            } else if paper {
                Some(0)
            } else {
                Some(2)
            },
        ];
        assert_eq!([again("a"), again("b")], expected, "{name}");
        let snapshot = || std::panic::catch_unwind(|| insta::assert_snapshot!(name.clone(), told));
        if insta_settings().bind(snapshot).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "told otherwise: {failed:?}");
}

#[test]
fn a_session_is_run_again_as_it_was() {
    let place = Place::with_sample();
    assert!(place.retrace(&["run", "session.yaml"]).status.success());
    let before = place.files("db");
    let alike = place.json(&["diff", "sample"]);
    assert_eq!((&alike["equal"], &alike["identity"]), (&true.into(), &serde_json::json!([])));
    assert_eq!(alike["b"]["session"], "sample run again");
    assert_eq!(alike["a"]["head"], alike["b"]["head"]);

    // Another session file is compared under its own name, and recorded nowhere.
    place.edit("session.yaml", "latency_ms: 0", "latency_ms: 60000");
    let output = place.retrace(&["diff", "sample", "--with", "session.yaml", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let other: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(other["identity"][0]["field"], "venue.latency_ns");
    assert_eq!(other["first_divergence"]["what"], "only_in_a");
    assert_eq!(place.files("db"), before, "nothing is recorded");

    // Run again it is still what was recorded: its own settings count, not those of the file now.
    assert_eq!(place.retrace(&["diff", "sample"]).status.code(), Some(0));
    std::fs::rename(place.path("market.csv"), place.path("elsewhere.csv")).unwrap();
    let said = place.says(2, &["diff", "sample"]);
    assert!(said.contains("hint: --market-dir DIR") && said.contains("cannot be run again"), "{said}");
    let said = place.says(2, &["diff", "sample", "nothing"]);
    assert!(said.contains("there is no session nothing"), "{said}");
    place.says(2, &["diff", "sample", "sample", "--with", "session.yaml"]);
}

#[test]
fn what_cannot_be_read_is_not_compared() {
    let scenario = Scenario::read("long", &crate::verify::long_script()).unwrap();
    let mut store = MemoryStore::new();
    let session = scenario.play(&mut store).session;
    let mut forged = ForgedStore::copy_of(&store, session);
    forged.edit_block(2, |steps| {
        steps.pop();
    });
    let (sound, broken) = (Side::new(&store, session).unwrap(), Side::new(&forged, session).unwrap());
    for mode in Mode::ALL {
        assert!(matches!(compare(&sound, &broken, mode), Err(CompareError::Log { which: Which::B, .. })));
        assert!(matches!(compare(&broken, &sound, mode), Err(CompareError::Log { which: Which::A, .. })));
    }
}

fn compared(store: &MemoryStore, (a, b): (SessionUid, SessionUid), mode: Mode) -> Comparison {
    compare(&Side::new(store, a).unwrap(), &Side::new(store, b).unwrap(), mode).unwrap()
}

/// Whichever is named first, the same place is named, and everything the other way round.
fn mirrored(one: &Comparison, other: &Comparison) {
    assert_eq!(one.equal, other.equal);
    let parted = |comparison: &Comparison| {
        comparison.first_divergence.clone().map(|found| (found.at, found.what, found.plan, found.a, found.b))
    };
    let turned = parted(other).map(|(at, what, plan, a, b)| {
        let what = match what {
            Parting::OnlyInA => Parting::OnlyInB,
            Parting::OnlyInB => Parting::OnlyInA,
            other => other,
        };
        (at, what, plan, b, a)
    });
    assert_eq!(parted(one), turned);
    assert_eq!((&one.only_in_a, &one.only_in_b), (&other.only_in_b, &other.only_in_a));
    let nets = |comparison: &Comparison| {
        let plans = comparison.consequences.plans.iter();
        let mut nets: Vec<_> =
            plans.map(|pair| (pair.plan.clone(), pair.differs, pair.net_difference.value())).collect();
        nets.sort();
        nets
    };
    let turned: Vec<_> = nets(other).into_iter().map(|(plan, differs, net)| (plan, differs, -net)).collect();
    assert_eq!(nets(one), turned);
}

/// Records both sessions of a script, as `a` and as `b`.
fn record(script: &str, store: &mut dyn LogStore) -> (SessionUid, SessionUid) {
    let lines_of = |mine: &str, other: &str| -> String {
        let lines = script.lines().filter(|line| !line.starts_with(other) && !line.starts_with("kind "));
        let lines = lines.filter(|line| !line.starts_with("engine "));
        lines.map(|line| format!("{}\n", line.strip_prefix(mine).unwrap_or(line).trim_start())).collect()
    };
    let bars = script.lines().any(|line| line == "kind bars");
    let planted =
        |name: &str| script.lines().any(|line| line == format!("engine {} a_tick_lower", name.to_uppercase()));
    let mut keep = |name: &str, lines: &str| {
        if bars {
            Scenario::read(name, lines).unwrap().play(store).session
        } else {
            let (_, identity, inputs) = reports::read(name, lines);
            let engine: Engine = if planted(name) { a_tick_lower } else { step };
            keep_steps(store, &identity, &decided(&identity, &inputs, engine))
        }
    };
    (keep("a", &lines_of("A|", "B|")), keep("b", &lines_of("B|", "A|")))
}

fn decided(identity: &Identity, inputs: &[(Timestamp, Input)], engine: Engine) -> Vec<Step> {
    let mut state = State::new(identity);
    let step = |(time, input): &(Timestamp, Input)| {
        let events = engine(&mut state, *time, input.clone()).unwrap();
        Step { time: *time, recorded_at: None, tape: TapePosition::default(), events }
    };
    inputs.iter().map(step).collect()
}

fn keep_steps(store: &mut dyn LogStore, identity: &Identity, steps: &[Step]) -> SessionUid {
    let manifest = Manifest { identity: identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    for step in steps {
        store.append(session, step, &[]).unwrap();
    }
    store.commit().unwrap();
    session
}

/// An engine that sets the stop of a plan that exists one tick too low.
fn a_tick_lower(state: &mut State, time: Timestamp, input: Input) -> Result<Vec<Event>, EngineError> {
    let changes = matches!(&input, Input::DirectiveReceived(said) if said.directive_id.as_str() == "STR_2");
    spoilt(state, time, input, |events| {
        for event in events.iter_mut().filter(|_| changes) {
            let lower = |price: &mut retrace_core::amount::Price| {
                *price = samples::price(&(price.value() - samples::dec("0.01")).to_string());
            };
            match &mut event.fact {
                Fact::Decision(Decision::ExitsSet { stop: Some(stop), .. }) => lower(stop),
                Fact::Decision(Decision::AmendRequested { price: Some(price), .. }) => lower(price),
                _ => {}
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happens in it, a session is equal to itself under another name in every mode; and where one directive of
    /// it is left out, both ways round name the same place.
    #[test]
    fn a_session_is_equal_to_itself_under_another_name(
        trades in prop::collection::vec((0_u32..3, 1_u32..4, any::<bool>(), 1_u32..6, any::<bool>()), 2..7),
        prices in prop::collection::vec(90_u32..110, 40),
        left_out in any::<prop::sample::Index>(),
    ) {
        let mut script = String::from("# made up\nbars 2022-01-21T10:00:00Z\n");
        for price in &prices {
            script.push_str(&format!("{price} {} {} {price} 3\n", price + 2, price - 2));
        }
        let lines: Vec<String> = trades.iter().enumerate().map(|(nth, trade)| line(nth, *trade)).collect();
        let whole = lines.concat();
        let out = left_out.index(lines.len());
        // A plan that is never opened cannot be named later by a file.
        let rest: String = lines.iter().enumerate().filter(|(nth, _)| *nth != out).map(|(_, line)| line.as_str()).collect();
        let mut store = MemoryStore::new();
        let mut play = |name: &str, lines: &str| {
            Scenario::read(name, &format!("{script}{lines}")).unwrap().play(&mut store).session
        };
        let (one, other, less) = (play("one", &whole), play("other", &whole), play("less", &rest));
        for mode in Mode::ALL {
            let same = compared(&store, (one, other), mode);
            prop_assert!(same.equal && same.first_divergence.is_none(), "{:#?}", same.first_divergence);
            prop_assert_eq!(same.consequences.differing().count(), 0);
            if let Some(counts) = same.steps {
                prop_assert_eq!(counts.equal, same.a.steps);
            }
            let parted = compared(&store, (one, less), mode);
            mirrored(&parted, &compared(&store, (less, one), mode));
            if mode != Mode::Outcome {
                // Every directive decides something: the one that is left out is where they part, or something before
                // it at its time.
                let at = parted.first_divergence.map(|found| found.at);
                prop_assert_eq!(at, Some(minute(out)), "{}", lines[out]);
            }
        }
    }
}

fn minute(nth: usize) -> Timestamp {
    samples::time(&format!("2022-01-21T10:{:02}:00Z", 2 + nth * 5))
}

/// The `nth` directive: a new plan, with or without a name.
fn line(nth: usize, (algorithm, size, long, stop, named): (u32, u32, bool, u32, bool)) -> String {
    let (direction, stop) = if long { ("BUY", 88 - stop) } else { ("SELL", 112 + stop) };
    let plan = if named { format!(r#""plan_id":"TPL_{nth}","#) } else { String::new() };
    let execution = match algorithm {
        0 => String::new(),
        1 => r#","execution_directive":{"algorithm":"TWAP","duration_minutes":8,"slices":4}"#.to_owned(),
        _ => r#","execution_directive":{"algorithm":"ICEBERG","visible_quantity":"0.5"}"#.to_owned(),
    };
    format!(
        concat!(
            r#"{{"at":"{}","directive":{{"directive_id":"D{}","scope":"NEW_TRADE",{}"entry_directive":{{"symbol":"#,
            r#""BTC/USDT","direction":"{}"{}}},"size_directive":{{"target_position_size":"{}"}},"#,
            r#""exit_directive":{{"stop_loss_price":"{}"}}{}}}}}"#,
            "\n"
        ),
        minute(nth),
        nth,
        plan,
        direction,
        if algorithm == 2 {
            format!(r#","order_type":"LIMIT","limit_price":"{}""#, if long { 108 } else { 92 })
        } else {
            String::new()
        },
        size,
        stop,
        execution,
    )
}

/// Two sessions of very many events, compared; how often their folding that takes. Run by hand:
/// `cargo test --test it diff::what_it_costs -- --ignored --nocapture`.
#[test]
#[ignore = "measures, asserts nothing of time"]
fn what_it_costs() {
    // Of each session.
    let events: u64 = std::env::var("EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(110_000);
    let script = |extra: bool| {
        let mut script = String::from("# many plans\nbars 2022-01-21T00:00:00Z\n");
        let plans = events / 90;
        for minute in 0..(plans * 2 + 40).min(1_300) {
            let price = 1_000 + (minute * 37) % 30;
            script.push_str(&format!("{price} {} {} {price} 50000\n", price + 5, price - 5));
        }
        for nth in 0..plans {
            let at = samples::time("2022-01-21T00:01:00Z")
                .plus(retrace_core::time::Span::from_seconds(nth * 76_000 / plans / 60 * 60));
            let stop = if extra && nth == plans / 2 { 901 } else { 900 };
            script.push_str(&format!(
                concat!(
                    r#"{{"at":"{}","directive":{{"directive_id":"D{}","scope":"NEW_TRADE","entry_directive":{{"symbol":"#,
                    r#""BTC/USDT","direction":"BUY"}},"size_directive":{{"target_position_size":"1"}},"exit_directive":"#,
                    r#"{{"stop_loss_price":"{}"}},"execution_directive":{{"algorithm":"TWAP","duration_minutes":12,"slices":10}}}}}}"#,
                    "\n"
                ),
                at, nth, stop,
            ));
        }
        script
    };
    let mut store = MemoryStore::new();
    let mut play = |name: &str, script: &str| {
        let scenario = Scenario::read(name, script).unwrap();
        let manifest = Manifest { identity: scenario.identity.clone(), provenance: Provenance::default() };
        let session = store.create(&manifest).unwrap();
        let given: Vec<_> = scenario
            .directives
            .iter()
            .cloned()
            .map(|line| line.seal(session))
            .map(|(at, given, _)| (at, given))
            .collect();
        scenario.run(given, &mut Kept { store: &mut store, session });
        store.commit().unwrap();
        session
    };
    let sessions = (play("a", &script(false)), play("b", &script(true)));
    let start = std::time::Instant::now();
    for round in 1..=3 {
        let begun = computed(start);
        let mut read = 0;
        for session in [sessions.0, sessions.1] {
            let identity = retrace_core::store::LogReader::manifest(&store, session).unwrap().identity;
            let mut book = retrace_projections::ledger::Book::new(&identity);
            retrace_core::log::read_log(&store, session, &mut |step| {
                step.events.iter().for_each(|event| book.apply(event).unwrap());
                true
            })
            .unwrap();
            read += book.ledger().seq().0;
        }
        let folded = computed(start) - begun;
        for mode in Mode::ALL {
            let begun = computed(start);
            let comparison = compared(&store, sessions, mode);
            let took = computed(start) - begun;
            println!(
                "round {round}, {}: {read} events, folded in {:.0} ms, compared in {:.0} ms: {:.2} times; parted at {:?}",
                mode.as_str(),
                folded,
                took,
                took / folded,
                comparison.first_divergence.map(|found| found.at.to_string()),
            );
        }
    }
}

/// How long this thread has computed, in milliseconds: what other programs take of the machine does not count, where the
/// system tells it.
fn computed(start: std::time::Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(|| start.elapsed().as_secs_f64() * 1e3, |nanos| nanos / 1e6)
}

struct Kept<'a> {
    store: &'a mut MemoryStore,
    session: SessionUid,
}

impl retrace_replay::backtest::Recorder for Kept<'_> {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        self.store.append(self.session, step, &[]).map_err(|error| error.to_string())?;
        Ok(step.last_seq())
    }
}
