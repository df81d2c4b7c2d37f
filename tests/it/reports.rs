//! What a venue may say and a bar venue never does: every script in `tests/reports` is a session whose prices, timers
//! and reports are given by hand. Its story is its snapshot; decided again, whole or after a restart at any Step, it is
//! the same, and both stores hold it.
//!
//! ```text
//! # What it shows.
//! venue amend_down=false                             as in a scenario
//! {"at":"2022-01-21T10:00:00Z","directive":{...}}    a line of the directive file
//! risk max_open_orders=3                             as in a scenario
//! account 300 cash                                   as in a scenario
//! 10:00:00 price 100
//! 10:00:00 price ETH/USDT 50                         of the second instrument
//! 10:00:01 accepted 1                                an order's number; rejected, canceled, triggered likewise
//! 10:00:01 filled 1 0.5 @ 100 T1                     how much, at which price, the venue's id of the trade
//! 10:00:01 filled 1 0.5 @ 100 T2 fee 0.01             with a fee in the base asset
//! 10:00:02 amended 2 0.5 @ 95                        or amended 2 0.5, where the order has no price
//! 10:00:02 expired 2 other                           why; amend_rejected, cancel_rejected, rejected likewise
//! 10:00:03 amend_rejected 2 other answers 12         which request it answers, by the number of its event
//! 10:00:04 busted 1 T1                               a trade taken back
//! 10:00:04 corrected 1 0.4 @ 101 T1 1                a trade put right, for the first time
//! 10:00:05 disconnected                              and connected
//! 10:00:06 stands 2 OPEN 0.5 filled 0 @ 95           where it stands: its quantity, how much of it is filled, its price
//! 10:00:06 not_found 2 answers 15
//! 10:01:00 timer 1
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::amount::{Money, Position};
use retrace_core::event::{Fact, FillReport, Input, Mark, PriceMoved, Report, ReportKind, ReportedOrder, VenueReason};
use retrace_core::ids::{ConnectorOrderId, OrderNo, PlanNo, Seq, TimerId, TradeId};
use retrace_core::instrument::Asset;
use retrace_core::log::LogEnd;
use retrace_core::manifest::{Identity, Mode, Provenance};
use retrace_core::memory::MemoryStore;
use retrace_core::order::OrderStatus;
use retrace_core::step::{Step, TapePosition};
use retrace_core::store::{LogStore, Manifest};
use retrace_core::testkit::samples;
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;
use retrace_projections::ledger::{Book, Plan};
use retrace_replay::backtest::Given;
use retrace_replay::verify::verify;
use retrace_replay::{State, step};
use retrace_rocks::RocksStore;
use retrace_tools::input::directives::{self, DataSpan, ParsedLine};

use crate::scenario::{account, change, limit_to, other, story_of};
use crate::scenarios::insta_settings;

/// Scripts that name it trade it beside the first.
const ETH: &str = "ETH/USDT";

#[test]
fn every_report_script_tells_its_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut failed = Vec::new();
    for path in names {
        let name = format!("reports_{}", path.file_stem().unwrap().to_string_lossy());
        let (title, identity, inputs) = read(&name, &std::fs::read_to_string(&path).unwrap());
        let steps = play(&name, &identity, &inputs);
        let recorded: Vec<_> = steps.iter().map(|step| (step.time, input_of(step))).collect();
        assert_eq!(play(&name, &identity, &recorded), steps, "{name}: decided again");
        for place in 0..=steps.len() {
            assert_eq!(
                restarted(&name, &identity, &steps, place),
                steps[place..],
                "{name}: a restart after Step {place}"
            );
        }

        let mut book = Book::new(&identity);
        steps.iter().flat_map(|step| &step.events).for_each(|event| book.apply(event).unwrap());
        crate::saved_states::fold_on(&name, &Book::new(&identity), &steps);
        let dir = tempfile::tempdir().unwrap();
        let mut rocks = RocksStore::create_or_open(dir.path()).unwrap();
        assert_eq!(keep(&mut MemoryStore::new(), &identity, &steps), keep(&mut rocks, &identity, &steps), "{name}");

        let told = story_of(&title, &identity, &steps);
        if insta_settings().bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(name.clone(), told))).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "stories changed: {failed:?}");
}

/// Keeps a log and finds nothing wrong with it.
fn keep(store: &mut dyn LogStore, identity: &Identity, steps: &[Step]) -> LogEnd {
    let manifest = Manifest { identity: identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    for step in steps {
        store.append(session, step, &[]).unwrap();
    }
    store.commit().unwrap();
    let found = verify(store, session, None).unwrap();
    assert!(found.is_clean(), "{found:#?}");
    retrace_core::log::read_log(store, session, &mut |_| true).unwrap()
}

/// Gives the engine its inputs; a plan that ended is brought back where an input names it.
pub(crate) fn play(name: &str, identity: &Identity, inputs: &[(Timestamp, Input)]) -> Vec<Step> {
    go_on(name, State::new(identity), BTreeMap::new(), inputs)
}

/// An engine that knows the first Steps from the log alone and is given the inputs that follow.
fn restarted(name: &str, identity: &Identity, steps: &[Step], place: usize) -> Vec<Step> {
    let mut state = State::new(identity);
    let mut sealed: BTreeMap<PlanNo, Plan> = BTreeMap::new();
    for event in steps[..place].iter().flat_map(|step| &step.events) {
        if let Fact::Input(input) = &event.fact {
            if let Some(plan) = state.needs(input).and_then(|no| sealed.remove(&no)) {
                state.restore(plan);
            }
            if let Input::PriceMoved(moved) = input {
                state.see(&moved.symbol, moved.mark);
            }
        }
        state.fold(event).unwrap();
        sealed.extend(state.take_sealed().into_iter().map(|plan| (plan.no, plan)));
    }
    let rest: Vec<_> = steps[place..].iter().map(|step| (step.time, input_of(step))).collect();
    go_on(name, state, sealed, &rest)
}

fn go_on(name: &str, mut state: State, mut sealed: BTreeMap<PlanNo, Plan>, inputs: &[(Timestamp, Input)]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (time, input) in inputs {
        if let Some(plan) = state.needs(input).and_then(|no| sealed.remove(&no)) {
            state.restore(plan);
        }
        let events = step(&mut state, *time, input.clone()).unwrap_or_else(|e| panic!("{name}: {input:?}: {e}"));
        sealed.extend(state.take_sealed().into_iter().map(|plan| (plan.no, plan)));
        steps.push(Step { time: *time, recorded_at: None, tape: TapePosition::default(), events });
    }
    steps
}

fn input_of(step: &Step) -> Input {
    match &step.events[0].fact {
        Fact::Input(input) => input.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn read(name: &str, script: &str) -> (String, Identity, Vec<(Timestamp, Input)>) {
    let mut title = String::new();
    let decision_version = retrace_replay::DECISION_VERSION;
    let paper = Identity { mode: Mode::Paper, nonce: Some([7; 16]), ..samples::identity(name) };
    let mut identity = Identity { decision_version, ..paper };
    if script.contains(ETH) {
        identity.instruments.push(other(ETH));
    }
    let mut lines = String::new();
    let mut inputs: Vec<(Timestamp, Option<Input>)> = Vec::new();
    for line in script.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.first() {
            None => {}
            Some(first) if first.starts_with('{') => {
                lines.push_str(line);
                inputs.push((Timestamp::from_nanos(0), None));
            }
            Some(&"#") if title.is_empty() => words[1..].join(" ").clone_into(&mut title),
            Some(&"#") => {}
            Some(&"risk") => words[1..].iter().for_each(|limit| limit_to(&mut identity.policy.risk, limit)),
            Some(&"account") => account(&mut identity.account, &words[1..]),
            Some(&"venue") => words[1..].iter().for_each(|setting| change(&mut identity.venue, setting)),
            Some(time) => {
                let time = samples::time(&format!("2022-01-21T{time}Z"));
                inputs.push((time, Some(input(time, &words[1..]))));
            }
        }
        lines.push('\n');
    }
    let span = DataSpan { from: samples::time("2022-01-21T00:00:00Z"), to: samples::time("2022-01-22T00:00:00Z") };
    let parsed = directives::parse(Path::new(name), lines.as_bytes(), &identity.instruments, span);
    let mut parsed = parsed.unwrap_or_else(|problem| panic!("{name}: {problem}")).into_iter();
    let given = inputs.into_iter().map(|(time, input)| match input {
        Some(input) => (time, input),
        None => {
            let parsed = parsed.next().unwrap();
            let at = parsed.at();
            let given = match parsed {
                ParsedLine::Directive(parsed) => Given::from(parsed.directive),
                ParsedLine::Operator(parsed) => Given::from(parsed.commanded),
            };
            (at, given.into())
        }
    });
    (title, identity, given.collect())
}

fn input(time: Timestamp, words: &[&str]) -> Input {
    let (words, answers) = match words {
        [words @ .., "answers", seq] => (words, Some(Seq(seq.parse().unwrap()))),
        words => (words, None),
    };
    let number = |place: usize| words[place].parse::<u32>().unwrap();
    let reason = || VenueReason::parse(words[2]).unwrap();
    let price = |place: usize| (words.get(place) == Some(&"@")).then(|| samples::price(words[place + 1]));
    let what = match words[0] {
        "price" => {
            let symbol = words.get(2).map_or(samples::btc(), |_| other(words[1])).symbol;
            let mark = Mark::same(samples::price(words[words.len() - 1]));
            return Input::PriceMoved(PriceMoved { symbol, mark });
        }
        "timer" => return Input::TimerFired { timer: TimerId(number(1)) },
        "connected" | "disconnected" => return Input::ConnectionChanged { connected: words[0] == "connected" },
        "busted" => ReportKind::Busted { trade_id: TradeId::new(words[2]).unwrap() },
        "corrected" => ReportKind::Corrected { revision: number(6), fill: fill(time, &words[..6]) },
        "stands" => ReportKind::Stands {
            status: OrderStatus::parse(words[2]).unwrap(),
            quantity: samples::quantity(words[3]),
            price: price(6),
            filled: Position::new(samples::dec(words[5])).unwrap(),
        },
        "not_found" => ReportKind::NotFound,
        "accepted" => {
            ReportKind::Accepted { connector_order_id: ConnectorOrderId::new(&format!("V{}", words[1])).unwrap() }
        }
        "rejected" => ReportKind::Rejected { reason: reason() },
        "amended" => ReportKind::Amended { quantity: samples::quantity(words[2]), price: price(3) },
        "amend_rejected" => ReportKind::AmendRejected { reason: reason() },
        "canceled" => ReportKind::Canceled,
        "cancel_rejected" => ReportKind::CancelRejected { reason: reason() },
        "expired" => ReportKind::Expired { reason: reason() },
        "triggered" => ReportKind::Triggered,
        "filled" => ReportKind::Filled(fill(time, words)),
        other => panic!("no report is called {other}"),
    };
    Input::Report(Report { order: ReportedOrder::Ours(OrderNo(number(1))), answers, what })
}

fn fill(time: Timestamp, words: &[&str]) -> FillReport {
    FillReport {
        trade_id: TradeId::new(words[5]).unwrap(),
        price: samples::price(words[4]),
        quantity: samples::quantity(words[2]),
        fee: Money::new(samples::dec(words.get(7).unwrap_or(&"0"))),
        fee_asset: Asset::new(if words.len() > 6 { "BTC" } else { "USDT" }).unwrap(),
        liquidity: Liquidity::Taker,
        executed_at: time,
    }
}
