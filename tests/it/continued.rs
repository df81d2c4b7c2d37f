//! A session that goes on from another one's last ledger, as a user meets it: what is refused, what is told, what is
//! proved. That a session cut in two comes to what the whole one does is a property of random sessions, in the
//! simulator's tests.

use std::fmt::Write as _;

use retrace_core::amount::Money;
use retrace_core::event::{Fact, FillReport, Head, Input, Report, ReportKind, ReportedOrder};
use retrace_core::ids::{Seq, TradeId};
use retrace_core::memory::MemoryStore;
use retrace_core::order::OrderRole;
use retrace_core::store::LogReader;
use retrace_core::testkit::samples;
use retrace_core::venue::Liquidity;
use retrace_projections::ledger::{Book, Phase};
use retrace_projections::lineage::{LineageFault, Origin};
use retrace_replay::verify::verify;
use retrace_replay::{State, step};
use retrace_tools::session::{self, LoadedSession, Recorded};
use serde_json::Value;

use crate::cli::{Place, text};
use crate::scenarios::insta_settings;

/// What a session file is made of.
struct Files<'a> {
    name: &'a str,
    /// The first minute of the hour, and one close a minute; each bar opens where the last closed.
    from: u32,
    closes: &'a [&'a str],
    directives: &'a str,
    instrument: &'a str,
    rest: &'a str,
}

const GRID: &str = r#"{ tick: "0.01", lot: "0.1", min_notional: "1" }"#;
const VENUE: &str = r#"venue: { profile: backtest, fees: { maker: "0", taker: "0.001" }, fee_asset: quote }"#;

const BUY: &str = r#"{"at":"2026-05-04T09:01:00Z","directive":{"directive_id":"D_1","scope":"NEW_TRADE","plan_id":"TPL_A","comments":"carried","entry_directive":{"symbol":"SOL/USDT","direction":"BUY"},"size_directive":{"target_position_size":"4"},"exit_directive":{"stop_loss_price":"90"},"execution_directive":{"algorithm":"TWAP","duration_minutes":8,"slices":4}}}
"#;

impl Files<'_> {
    fn write(&self, place: &Place) {
        let mut bars = "time,open,high,low,close,volume\n".to_owned();
        let mut open = self.closes[0];
        for (minute, close) in (self.from..).zip(self.closes) {
            let (high, low) = if samples::dec(open) > samples::dec(close) { (open, *close) } else { (*close, open) };
            let _ = writeln!(bars, "2026-05-04 09:{minute:02},{open},{high},{low},{close},100");
            open = close;
        }
        let Self { name, instrument, rest, directives, .. } = self;
        let yaml = format!(
            "session: {name}\nmode: backtest\nstrategy: {{ instance: CARRY_01, directives: {name}.jsonl }}\nmarket:\n  - {{ symbol: SOL/USDT, timeframe: 1m, bars: {name}.csv, volume_unit: base }}\ninstruments:\n  SOL/USDT: {instrument}\naccount: {{ quote: USDT, balance: \"10000\" }}\n{rest}\n"
        );
        std::fs::write(place.path(&format!("{name}.csv")), bars).unwrap();
        std::fs::write(place.path(&format!("{name}.jsonl")), directives).unwrap();
        std::fs::write(place.path(&format!("{name}.yaml")), yaml).unwrap();
    }
}

const FIRST: Files<'_> =
    Files { name: "first", from: 0, closes: &["100"; 5], directives: BUY, instrument: GRID, rest: VENUE };
const SECOND: Files<'_> = Files {
    name: "second",
    from: 5,
    closes: &["101", "101", "102"],
    // A directive of the first session, again.
    directives: BUY_AGAIN,
    instrument: GRID,
    rest: VENUE,
};
const BUY_AGAIN: &str = r#"{"at":"2026-05-04T09:06:00Z","directive":{"directive_id":"D_1","scope":"NEW_TRADE","plan_id":"TPL_A","comments":"carried","entry_directive":{"symbol":"SOL/USDT","direction":"BUY"},"size_directive":{"target_position_size":"4"},"exit_directive":{"stop_loss_price":"90"},"execution_directive":{"algorithm":"TWAP","duration_minutes":8,"slices":4}}}
"#;
const THIRD: Files<'_> = Files {
    name: "third",
    from: 8,
    closes: &["102", "95", "89"],
    directives: r#"{"at":"2026-05-04T09:09:00Z","directive":{"directive_id":"D_3","scope":"MODIFY_EXISTING","target_plan_ids":["TPL_A"],"exit_directive":{"stop_loss_price":"91"}}}
"#,
    instrument: GRID,
    rest: VENUE,
};

/// A store with `first`, and files for `second` and `third`.
fn first() -> Place {
    let place = Place::empty();
    for files in [FIRST, SECOND, THIRD] {
        files.write(&place);
    }
    place.json(&["run", "first.yaml"]);
    place
}

#[test]
fn three_sessions_are_one_story() {
    let place = first();
    let second = place.json(&["run", "second.yaml", "--continues", "first"]);
    assert_eq!(second["carried"]["session"], "first");
    assert_eq!(second["carried"]["plans"], 1);
    let third = place.json(&["run", "third.yaml", "--continues", "second"]);
    assert_eq!((&second["refusals"], &third["refusals"]), (&0.into(), &0.into()));
    assert_eq!(third["carried"]["net_pnl"], second["net_pnl"], "what the second came to is what the third began with");

    let verified = place.json(&["verify"]);
    assert_eq!(verified["clean"], true, "{verified:#}");
    let listed = place.json(&["sessions"]);
    let continues: Vec<&Value> =
        listed["sessions"].as_array().unwrap().iter().map(|row| &row["continues"]["session"]).collect();
    assert_eq!(continues, [&Value::Null, &Value::from("first"), &Value::from("second")]);

    let replayed = place.json(&["replay", "third"]);
    assert_eq!(replayed["continues"]["session"], "second");
    let plan = &replayed["plans"][0];
    assert_eq!((&plan["plan_id"], &plan["outcome"]), (&"TPL_A".into(), &"stopped out".into()));
    assert_eq!(plan["comments"], "carried", "the comment stands beside the first session's log");
    assert_eq!(plan["stop_loss_price"], "91");

    // The story of the last one is that of all three, without naming a session.
    let story = place.json(&["audit", "TPL_A"]);
    assert_eq!(story["session"], "third");
    let before: Vec<&str> =
        story["before"].as_array().unwrap().iter().map(|part| part["session"].as_str().unwrap()).collect();
    assert_eq!(before, ["first", "second"]);
    let carried = story["story"][0]["text"].as_str().unwrap();
    assert!(carried.starts_with("carried over: holds 4 of 4, stop 90; stop #"), "{carried}");
    let again = story["before"][1]["story"].as_array().unwrap();
    assert!(again.iter().any(|line| line["kind"] == "directive_repeated"), "{again:#?}");
    // One that is named is told up to its own end.
    assert_eq!(place.json(&["audit", "TPL_A", "--session", "first"]).get("before"), None);

    // What was carried over is in every table, and in every snapshot.
    let told = place.retrace(&["export", "third", "--format", "csv", "--table", "fills"]);
    assert_eq!(text(&told.stdout).lines().count(), 1 + 4 + 1, "{}", text(&told.stdout));
    let dir = ["snapshot", "third", "--dir", "kept"];
    place.json(&dir);
    place.json(&[&dir[..], &["--check"]].concat());
    let audit = std::fs::read_to_string(place.path("kept/third.audit.txt")).unwrap();
    assert!(audit.contains("carried over: holds 4 of 4, stop 90; stop 1 SELL 4"), "{audit}");
}

#[test]
fn new_fees_are_those_of_new_fills() {
    let place = first();
    Files { rest: r#"venue: { profile: backtest, fees: { maker: "0", taker: "0.01" }, fee_asset: quote }"#, ..SECOND }
        .write(&place);
    place.json(&["run", "second.yaml", "--continues", "first"]);
    let fills = place.json(&["replay", "second"]);
    let orders = fills["plans"][0]["groups"][0]["orders"].as_array().unwrap();
    let fees: Vec<(&str, &str)> = orders
        .iter()
        .flat_map(|order| order["fills"].as_array().unwrap())
        .map(|fill| (fill["price"].as_str().unwrap(), fill["fee"].as_str().unwrap()))
        .collect();
    // Two slices of 1 in each session, at the next open: a thousandth, then a hundredth.
    assert_eq!(fees, [("100", "0.1"), ("100", "0.1"), ("101", "1.01"), ("101", "1.01")]);
    assert_eq!(place.json(&["verify", "second"])["clean"], true);
    // And again with another venue: the recorded one, and the one that it was run with.
    let recorded = place.json(&["run", "--from", "second", "--venue", "recorded"]);
    assert_eq!((&recorded["equal"], &recorded["difference"]), (&true.into(), &Value::Null), "{recorded:#}");
    let report = place.json(&["run", "--from", "second", "--venue", "simulated"]);
    let total = &report["total"];
    assert_eq!((&total["only_recorded"], &total["only_simulated"]), (&0.into(), &0.into()), "{total:#}");
    assert!(total["orders_in_both"].as_u64().unwrap() > 0, "{total:#}");
    for order in report["orders"].as_array().unwrap() {
        assert_eq!(order["recorded"], order["simulated"], "{order:#}");
    }
}

#[test]
fn the_model_is_not_given_prices_from_before_a_session_began() {
    let place = first();
    SECOND.write(&place);
    std::fs::write(place.path("second.jsonl"), "").unwrap();
    place.json(&["run", "second.yaml", "--continues", "first"]);
    let refused = place.says(2, &["run", "--from", "second", "--venue", "simulated", "--market", "first.yaml"]);
    assert!(refused.contains("before the last event of the session that it continues"), "{refused}");
}

#[test]
fn a_session_that_continues_another_needs_no_directive_of_its_own() {
    let place = first();
    SECOND.write(&place);
    std::fs::write(place.path("second.jsonl"), "\n").unwrap();
    let alone = place.says(2, &["run", "second.yaml"]);
    assert!(alone.contains("holds no directive"), "{alone}");
    place.json(&["run", "second.yaml", "--continues", "first"]);
    let slices = |name: &str| place.json(&["replay", name])["plans"][0]["groups"][0]["slices_due"].clone();
    assert!(slices("second").as_u64() > slices("first").as_u64(), "{} {}", slices("first"), slices("second"));
    assert_eq!(place.json(&["verify", "second"])["clean"], true);
}

#[test]
fn something_is_changed_of_a_session_that_continues_another() {
    let place = first();
    place.json(&["run", "second.yaml", "--continues", "first"]);
    let told = place.json(&["run", "--from", "second", "--set", "venue.fees.taker=0.02"]);
    let name = "second:taker-0.02";
    assert_eq!(told["session"], name, "{told:#}");
    let second = place.json(&["replay", "second"]);
    let replayed = place.json(&["replay", name]);
    assert_eq!(replayed["continues"], second["continues"], "it goes on from the same");
    assert_ne!(replayed["plans"][0]["fees"], second["plans"][0]["fees"]);
    assert_eq!(place.json(&["verify", name])["clean"], true);
    let grid = place.json(&["run", "--from", "second", "--grid", "venue.fees.taker=0.001,0.01"]);
    assert_eq!(grid["rows"].as_array().map(Vec::len), Some(2), "{grid:#}");
    // What no longer fits what it goes on from is refused as it is of a file.
    let refused = place.retrace(&["run", "--from", "second", "--set", "instruments.SOL/USDT.lot=0.8", "--json"]);
    assert_eq!(refused.status.code(), Some(2));
    let error: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let (code, message) = (&error["error"]["code"], error["error"]["message"].as_str().unwrap());
    assert!(message.contains("no longer goes on from the session that it continues"), "{code} {message}");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_recorded() {
    let place = first();
    let before = place.files("db");
    let mut refused = Vec::new();
    let mut refuse = |change: &dyn Fn(&mut String), args: &[&str]| {
        SECOND.write(&place);
        let file = place.path("second.yaml");
        let mut yaml = std::fs::read_to_string(&file).unwrap();
        change(&mut yaml);
        std::fs::write(&file, yaml).unwrap();
        let output = place.retrace(&[&["run", "second.yaml", "--json"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let part = |key: &str| said["error"][key].as_str().unwrap().to_owned();
        refused.push(format!("{}: {}\n  {}", part("code"), part("message"), part("hint")));
    };
    let set = |from: &'static str, to: &'static str| {
        move |yaml: &mut String| {
            assert!(yaml.contains(from), "{yaml}");
            *yaml = yaml.replace(from, to);
        }
    };
    let on_first = ["--continues", "first"];
    refuse(&set("CARRY_01", "CARRY_02"), &on_first);
    refuse(&set("quote: USDT", "quote: USD"), &on_first);
    refuse(&|_| {}, &["--continues", "nobody"]);
    refuse(&set("second.csv", "first.csv"), &on_first);
    refuse(&set("lot: \"0.1\"", "lot: \"0.8\""), &on_first);
    let other_symbol = |yaml: &mut String| {
        *yaml = yaml.replace("SOL/USDT", "ETH/USDT");
        let directives = BUY_AGAIN.replace("SOL/USDT", "ETH/USDT").replace("TPL_A", "TPL_B");
        std::fs::write(place.path("second.jsonl"), directives).unwrap();
    };
    refuse(&other_symbol, &on_first);
    refuse(&set("profile: backtest", "profile: { based_on: backtest, native_oco: false }"), &on_first);
    assert_eq!(place.files("db"), before, "a store is as it was");
    insta_settings().bind(|| insta::assert_snapshot!("continued_refusals", refused.join("\n\n")));
    // A store that is not there is not made.
    let output = place.retrace_as_given(&["run", "second.yaml", "--continues", "first", "--db", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!place.path("nowhere").exists());
}

#[test]
fn a_session_goes_into_another_store_behind_its_parent() {
    let place = first();
    place.json(&["run", "second.yaml", "--continues", "first"]);
    for name in ["first", "second"] {
        place.json(&["export", name, "--format", "jsonl", "--out", &format!("{name}.out")]);
    }
    let import = |name: &str| {
        let file = format!("{name}.out");
        place.retrace_as_given(&["import", &file, "--db", "other"])
    };
    let refused = import("second");
    assert_eq!(refused.status.code(), Some(2));
    let told = text(&refused.stderr);
    assert!(told.contains("which is not there") && told.contains("import it there first"), "{told}");
    assert!(!place.path("other").exists(), "nothing was begun");
    let alone = place.retrace_as_given(&["snapshot", "second.out", "--dir", "kept"]);
    assert_eq!(alone.status.code(), Some(2));
    for name in ["first", "second"] {
        let output = import(name);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let output = place.retrace_as_given(&["verify", "--db", "other"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

/// `first` and `second` in a store in memory, the second one as `change` makes it.
fn both(change: impl Fn(&mut LoadedSession)) -> (MemoryStore, LoadedSession, LoadedSession, Recorded) {
    let place = first();
    let load = |name: &str| session::load(&place.path(name)).unwrap();
    let (one, two) = (load("first.yaml"), load("second.yaml"));
    let mut store = MemoryStore::new();
    let recorded = session::record(&mut store, &one).unwrap();
    let origin = Origin::at_the_end_of(&store, recorded.session).unwrap();
    let mut two = two.continuing(origin);
    change(&mut two);
    let recorded = session::record(&mut store, &two).unwrap();
    (store, one, two, recorded)
}

#[test]
fn a_parent_that_is_not_as_it_was_is_named() {
    let findings = |change: fn(&mut LoadedSession)| {
        let (store, _, two, recorded) = both(change);
        let verification = verify(&store, recorded.session, Some(&two.tape)).unwrap();
        let found = verification.findings.iter().map(|finding| format!("{}: {}", finding.check, finding.what));
        (found.collect::<Vec<_>>(), verification.checks.iter().map(|check| check.clean).collect::<Vec<_>>())
    };
    let (none, clean) = findings(|_| {});
    assert_eq!((none, clean), (Vec::new(), vec![true; 5]));

    let (other_log, clean) = findings(|two| two.identity.continues.as_mut().unwrap().head = Head([7; 32]));
    assert_eq!(other_log.len(), 1, "{other_log:?}");
    assert!(other_log[0].starts_with("rebuild: it continues session first at head 0707"), "{other_log:?}");
    assert_eq!(clean, [true, false, false, false, false], "only its own log is whole");

    let (other_ledger, _) = findings(|two| two.identity.continues.as_mut().unwrap().ledger_digest = [7; 32]);
    let expected = "rebuild: session first folds to another ledger up to event";
    assert!(other_ledger.len() == 1 && other_ledger[0].starts_with(expected), "{other_ledger:?}");
}

#[test]
fn a_parent_may_go_on_after_it_was_continued() {
    let place = first();
    let load = |name: &str| session::load(&place.path(name)).unwrap();
    let (one, two) = (load("first.yaml"), load("second.yaml"));
    // The first one as it stood after its first ten events: interrupted, and continued from there.
    let whole = {
        let mut store = MemoryStore::new();
        let recorded = session::record(&mut store, &one).unwrap();
        let mut steps = Vec::new();
        retrace_core::log::read_log(&store, recorded.session, &mut |step| {
            steps.push(step);
            true
        })
        .unwrap();
        steps
    };
    let mut store = MemoryStore::new();
    let record = |store: &mut MemoryStore, steps: &[retrace_core::step::Step], uid| {
        use retrace_core::store::LogStore;
        for step in steps {
            store.append(uid, step, &[]).unwrap();
        }
        store.commit().unwrap();
    };
    let uid = {
        use retrace_core::store::LogStore;
        store.create(&one.manifest()).unwrap()
    };
    let cut = whole.iter().position(|step| step.last_seq() >= Seq(10)).unwrap();
    record(&mut store, &whole[..cut], uid);
    let origin = Origin::at_the_end_of(&store, uid).unwrap();
    let ancestor = origin.ancestors.last().unwrap().clone();
    let two = two.continuing(origin.clone());
    let second = session::record(&mut store, &two).unwrap();
    let clean = |store: &MemoryStore| verify(store, second.session, Some(&two.tape)).unwrap().is_clean();
    assert!(clean(&store));
    record(&mut store, &whole[cut..], uid);
    let now = Origin::of(&store, &two.identity).unwrap();
    assert_eq!(now.ancestors[0].events, ancestor.events, "it is folded to where it was continued, and no further");
    assert!(clean(&store));

    let alone = Origin::of(&MemoryStore::new(), &two.identity).unwrap_err();
    assert!(matches!(alone, LineageFault::NotThere { parent } if parent == uid), "{alone}");
}

#[test]
fn a_late_fill_opens_a_plan_again_that_ended_before() {
    let place = Place::empty();
    let close = r#"{"at":"2026-05-04T09:03:00Z","directive":{"directive_id":"D_2","scope":"CLOSE_EXISTING","target_plan_ids":["TPL_A"]}}
"#;
    Files { directives: &format!("{BUY}{close}"), ..FIRST }.write(&place);
    SECOND.write(&place);
    let load = |name: &str| session::load(&place.path(name)).unwrap();
    let mut store = MemoryStore::new();
    let recorded = session::record(&mut store, &load("first.yaml")).unwrap();
    let origin = Origin::at_the_end_of(&store, recorded.session).unwrap();
    assert_eq!(origin.book.ledger().plans().count(), 0, "it has ended");
    let plan = origin.book.plans().next().unwrap();
    let entry = plan.orders().find(|order| order.role == OrderRole::Entry).unwrap();
    let (no, plan_no) = (entry.no, plan.no);
    let two = load("second.yaml").continuing(origin);
    let begin: Book = two.begin();
    assert_eq!(begin.plans().count(), 0, "its result is the first session's");
    assert!(matches!(begin.plan(plan_no).unwrap().phase, Phase::Closed { .. }));

    let mut state = State::beginning(&two.identity, &begin);
    let at = two.tape.span().unwrap().0;
    let begun = step(&mut state, at, Input::SessionContinued(two.identity.continues.unwrap())).unwrap();
    assert_eq!(begun.len(), 1, "nothing was under way");
    let fill = FillReport {
        trade_id: TradeId::new("late").unwrap(),
        price: samples::price("100"),
        quantity: samples::quantity("1"),
        fee: Money::ZERO,
        fee_asset: plan_quote(&begin),
        liquidity: Liquidity::Taker,
        executed_at: at,
    };
    let report = Report { order: ReportedOrder::Ours(no), answers: None, what: ReportKind::Filled(fill) };
    let input = Input::Report(report);
    assert_eq!(state.needs(&input), Some(plan_no));
    state.restore(begin.sealed().remove(&plan_no).unwrap());
    let events = step(&mut state, at, input).unwrap();
    assert_eq!(events[0].cause, Some(Seq(1)), "what was asked in another log is caused by what carried it over");
    assert!(events.iter().all(|event| event.cause.is_some_and(|cause| cause < event.seq)));
    let flattens = events.iter().any(|event| match &event.fact {
        Fact::Decision(retrace_core::event::Decision::OrderRequested { role, .. }) => *role == OrderRole::Flatten,
        _ => false,
    });
    assert!(flattens, "{events:#?}");

    // The log folds the same, and the plan is the session's own by now.
    let mut book = begin;
    begun.iter().chain(&events).for_each(|event| book.apply(event).unwrap());
    assert_eq!(book.ledger().digest(), state.ledger().digest());
    assert_eq!(book.plans().count(), 1);
    let head = store.manifest(recorded.session).unwrap();
    assert_eq!(head.identity.continues, None);
}

fn plan_quote(book: &Book) -> retrace_core::instrument::Asset {
    book.sealed().into_values().next().unwrap().symbol().quote().clone()
}

#[test]
fn timers_that_came_due_in_between_fire_as_the_session_begins() {
    let place = first();
    // Ten minutes later: the slices of 09:05 and 09:07 are long due.
    Files { from: 15, directives: &BUY_AGAIN.replace("09:06", "09:16"), ..SECOND }.write(&place);
    place.json(&["run", "second.yaml", "--continues", "first"]);
    let story = place.json(&["audit", "TPL_A"]);
    let lines: Vec<(&str, &str)> = story["story"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["at"].as_str().unwrap(), line["kind"].as_str().unwrap()))
        .collect();
    let begins = "2026-05-04T09:15:00Z";
    assert_eq!(lines[0], (begins, "session_continued"));
    let orders: Vec<_> = lines.iter().filter(|(_, kind)| *kind == "order_requested").collect();
    assert_eq!(*orders[0], (begins, "order_requested"), "both slices in one order: {lines:#?}");
    let replayed = place.json(&["replay", "second"]);
    assert_eq!(replayed["plans"][0]["net_position"], "4");
    assert_eq!(place.json(&["verify", "second"])["clean"], true);
}
