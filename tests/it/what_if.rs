//! `run --from`: a recorded session again with something changed. Each kind of change, what is refused before anything is
//! recorded, grids, and what-ifs of what-ifs.

use retrace_core::manifest::Mode;
use retrace_core::memory::MemoryStore;
use retrace_core::store::{LogReader, LogStore, Manifest};
use retrace_core::testkit::samples;
use retrace_rocks::{RocksReader, RocksStore};
use retrace_tools::session;
use serde_json::Value;

use crate::cli::{Place, text};

/// A plan in slices with a stop, a pair of which one leg comes late, and a close.
const DIRECTIVES: &str = concat!(
    r#"{"at":"2026-03-02T01:00:00Z","directive":{"directive_id":"IN_1","scope":"NEW_TRADE","plan_id":"TPL_IN","comments":"in four","#,
    r#""entry_directive":{"symbol":"BTC/USDT","direction":"BUY"},"size_directive":{"target_position_size":"4"},"#,
    r#""exit_directive":{"stop_loss_price":"59000"},"execution_hint":{"algorithm":"TWAP","duration_minutes":20,"slices":4}}}"#,
    "\n",
    r#"{"at":"2026-03-02T02:00:00Z","directive":{"directive_id":"PAIR_1","scope":"NEW_TRADE","#,
    r#""legs":[{"plan_id":"TPL_NEAR","entry_directive":{"symbol":"BTC/USDT","direction":"BUY"},"#,
    r#""size_directive":{"target_position_size":"2"},"exit_directive":{"stop_loss_price":"59000"}},"#,
    r#"{"plan_id":"TPL_FAR","entry_directive":{"symbol":"BTC/USDT","direction":"BUY","order_type":"LIMIT","limit_price":"60300"},"#,
    r#""size_directive":{"target_position_size":"1"},"exit_directive":{"stop_loss_price":"59000"}}],"#,
    r#""batch_execution_policy":{"execution_mode":"ATOMIC","timeout_seconds":60}}}"#,
    "\n",
    r#"{"at":"2026-03-02T04:00:00Z","directive":{"directive_id":"TIGHT_1","scope":"MODIFY_EXISTING","target_plan_ids":["TPL_IN"],"#,
    r#""exit_directive":{"stop_loss_tolerance":"0.01"}}}"#,
    "\n",
    r#"{"at":"2026-03-03T00:30:00Z","directive":{"directive_id":"OUT_1","scope":"CLOSE_EXISTING","target_plan_ids":["TPL_IN"]}}"#,
    "\n",
);

const STOP: &str = "directives[*].exit_directive.stop_loss_tolerance";

/// The invented session, recorded as `base` in `db`.
fn recorded() -> Place {
    let place = Place::with_sample();
    std::fs::write(place.path("directives.jsonl"), DIRECTIVES).unwrap();
    place.edit("session.yaml", "session: sample", "session: base");
    place.json(&["run", "session.yaml"]);
    place
}

/// What `run --from base` prints to people, without the time it took.
fn printed(place: &Place, args: &[&str]) -> String {
    let output = place.retrace(&[&["run", "--from", "base"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    untimed(&(text(&output.stderr) + &text(&output.stdout)))
}

fn snapshot(name: &str, told: &str) {
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, told);
    });
}

fn untimed(printed: &str) -> String {
    let line = |line: &str| match line.rsplit_once("  ") {
        Some((rest, time)) if time.ends_with(" s") && line.contains("  head ") => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    printed.lines().map(line).collect()
}

#[test]
fn each_kind_of_change_is_a_session_beside_its_parent() {
    let place = recorded();
    let changes = [
        format!("{STOP}=0.002"),
        "directives[IN_1].execution_directive.slices=2".to_owned(),
        "venue.fees.taker=0.001".to_owned(),
        "venue.latency_ms=90000".to_owned(),
        "directives[*].batch_execution_policy.timeout_seconds=7200".to_owned(),
        "directives[PAIR_1].legs[1].entry_directive.limit_price=61000".to_owned(),
    ];
    let told: Vec<String> =
        changes.iter().map(|change| format!("--set {change}\n{}", printed(&place, &["--set", change]))).collect();
    snapshot("what_if_each_kind", &told.join("\n----\n"));
    let verified = place.json(&["verify"]);
    assert_eq!((verified["clean"].as_bool(), verified["sessions"].as_array().unwrap().len()), (Some(true), 7));
    snapshot("what_if_sessions", &text(&place.retrace(&["sessions"]).stdout));
    let listed = place.json(&["sessions"]);
    let of = |name: &str| {
        let rows = listed["sessions"].as_array().unwrap();
        rows.iter().find(|row| row["session"] == name).unwrap().clone()
    };
    let (parent, child) = (of("base"), of("base:latency_ms-90000"));
    assert!(parent["what_if"].is_null());
    assert_eq!((&child["what_if"]["parent"], &child["what_if"]["head"]), (&parent["session"], &parent["head"]));
    assert_eq!(child["what_if"]["changes"], serde_json::json!([{"path": "venue.latency_ms", "value": "90000"}]));
}

#[test]
fn nothing_new_is_the_parent_decision_for_decision() {
    let place = recorded();
    let same = ["--set", "venue.latency_ms=0", "--set", "directives[IN_1].exit_directive.stop_loss_price=59000.0"];
    let told = printed(&place, &[&same[..], &["--session", "again"]].concat());
    assert!(told.contains("warning: --set venue.latency_ms=0: it has that value already: no change"), "{told}");
    assert!(told.contains("nothing that counts is changed: this is base under another name"), "{told}");
    let difference = place.json(&["diff", "base", "again"]);
    assert_eq!(difference["equal"], true, "{difference}");
    // A field that is put in with the value it has by itself is no difference either.
    let told = printed(&place, &["--set", "risk={}", "--session", "still"]);
    assert!(told.contains("nothing that counts is changed"), "{told}");
}

#[test]
fn what_cannot_be_changed_is_refused_before_anything_is_recorded() {
    let place = recorded();
    let before = place.files("db");
    let mut told = String::new();
    for change in [
        "venue.latency=5",
        "venue.latency_ms=abc",
        "venu.x=1",
        "venue.fees.taker.x=1",
        "venue.fees={maker: 0, taker: 0.2}",
        "venue.fees",
        "venue.fees={",
        "venue.path=[1]",
        "account.balance=-1",
        "instruments.BTC/USDT.lot=3",
        "execution.urgency[0].from=0",
        "session=other",
        "market[0].bars=other.csv",
        "directives=other.jsonl",
        "directives[*].plan_id=TPL_X",
        "directives[PAIR_1].legs[0]={}",
        "directives[PAIR_1].legs[2].exit_directive.stop_loss_price=1",
        "directives[PAIR_1].legs.exit_directive=1",
        "directives[IN].exit_directive.stop_loss_price=1",
        "directives[*].exit_directive.stop_los=1",
        "directives[*].exit_directiv.stop_loss_price=1",
        "directives[*].exit_directive.take_profit_price=70000",
        "directives[*].exit_directive.stop_loss_tolerance=2",
        "directives[IN_1].exit_directive.stop_loss_tolerance=0.02",
        "directives[IN_1].exit_directive.stop_loss_price=59000.005",
        "directives[IN_1].at=2026-03-02T03:00:00Z",
        "directives[IN_1].at=2027-03-02T03:00:00Z",
    ] {
        let refused = place.says(2, &["run", "--from", "base", "--set", change]);
        let refused = refused.replace(&place.dir.path().display().to_string(), "DIR");
        told.push_str(&format!("--set {change}\n{}\n", refused.split("\n\nFor more").next().unwrap().trim_end()));
    }
    for args in [
        &["--from", "base"][..],
        &["--from", "nothing", "--set", "venue.latency_ms=1"],
        &["--from", "base", "--unset", "risk"],
        &["--from", "base", "--set", "venue.latency_ms=1", "--session", "base"],
        &["--from", "base", "--grid", "venue.latency_ms=1,1"],
        &["--from", "base", "--set", "venue.latency_ms=1", "--set", "venue.latency_ms=2"],
        &["--from", "base", "--set", "venue.latency_ms=1", "--grid", "venue.latency_ms=2,3"],
        &["--from", "base", "--grid", "venue.latency_ms=1,abc", "--keep"],
    ] {
        let refused = place.says(2, &[&["run"], args].concat());
        let refused = refused.split("\n\nFor more").next().unwrap().trim_end();
        told.push_str(&format!("{}\n{refused}\n", args.join(" ")));
    }
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let grid = format!("venue.latency_ms={}", many.join(","));
    told.push_str(&place.says(2, &["run", "--from", "base", "--grid", &grid]));
    snapshot("what_if_refused", &told);
    assert_eq!(place.files("db"), before);
    // Neither a session file nor nothing goes with what belongs to --from.
    for args in [
        &["run", "session.yaml", "--set", "venue.latency_ms=1"][..],
        &["run", "session.yaml", "--from", "base"],
        &["run"],
    ] {
        assert_eq!(place.retrace(args).status.code(), Some(2), "{args:?}");
    }
    let refused = place.retrace(&["run", "--from", "base", "--set", "venue.latency_ms=abc", "--json"]);
    let refused: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let error = &refused["error"];
    let said = ["code", "field", "value"].map(|key| error[key].as_str().unwrap());
    assert_eq!(said, ["not_whole", "venue.latency_ms", "abc"]);
    assert!(error["file"].is_null() && error["line"].is_null(), "{error}");
}

#[test]
fn a_field_is_taken_out_so_that_another_can_take_its_place() {
    let place = recorded();
    let (out, tolerance) =
        ("directives[IN_1].exit_directive.stop_loss_price", "directives[IN_1].exit_directive.stop_loss_tolerance=0.02");
    let run = place.json(&["run", "--from", "base", "--set", tolerance, "--unset", out]);
    assert_eq!(run["what_if"]["changes"][0], serde_json::json!({"path": out, "value": null}));
    assert_eq!(run["effects"][0]["changed"], 1);
    assert_eq!(run["session"], "base:no-IN_1.stop_loss_price:IN_1.stop_loss_tolerance-0.02");
    assert_eq!(place.json(&["verify", run["session"].as_str().unwrap()])["clean"], true);
}

#[test]
fn the_same_again_is_shown_again() {
    let place = recorded();
    let set = ["run", "--from", "base", "--set", "venue.fees.taker=0.001"];
    let first = place.json(&set);
    let before = place.files("db");
    let again = place.json(&set);
    assert!(first["run"].is_object() && again["run"].is_null());
    assert_eq!(
        (&first["comparison"], &first["uid"], &first["what_if"]),
        (&again["comparison"], &again["uid"], &again["what_if"])
    );
    assert_eq!(place.files("db"), before);
    // Another value under its name is another session.
    let taken =
        place.says(2, &["run", "--from", "base", "--set", "venue.fees.taker=0.002", "--session", "base:taker-0.001"]);
    assert!(taken.contains("exists in this store") && taken.contains("--session NAME"), "{taken}");
}

#[test]
fn a_grid_is_what_single_runs_come_to() {
    let place = recorded();
    let grid = [
        "run",
        "--from",
        "base",
        "--grid",
        "venue.fees.taker=0.0005,0.001",
        "--grid",
        "venue.latency_ms=0,90000,180000",
    ];
    let before = place.files("db");
    snapshot("what_if_grid", &text(&place.retrace(&grid).stdout));
    let one = place.json(&grid);
    assert_eq!(one, place.json(&[&grid[..], &["--jobs", "3"]].concat()));
    assert_eq!(place.files("db"), before, "a grid that is not kept records nothing");
    let rows = one["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows.iter().filter(|row| row["is_parent"] == true).count(), 1);
    for row in rows {
        let sets = row["values"].as_object().unwrap().iter();
        let sets: Vec<String> = sets
            .flat_map(|(path, value)| ["--set".to_owned(), format!("{path}={}", value.as_str().unwrap())])
            .collect();
        let mut args = vec!["run", "--from", "base"];
        args.extend(sets.iter().map(String::as_str));
        let single = place.json(&args);
        for key in ["net_pnl", "realized_pnl", "unrealized_pnl", "fees", "refusals"] {
            assert_eq!(single["run"][key], row[key], "{key} of {sets:?}");
        }
        let total = &single["comparison"]["consequences"]["totals"][0]["b"];
        assert_eq!((&total["fills"], &total["orders"]), (&row["fills"], &row["orders"]));
    }
    // What is recorded already is kept as it is; the rest is recorded now.
    let kept = place.json(&["run", "--from", "base", "--keep", "--grid", "venue.fees.taker=0.0005,0.001,0.002"]);
    let names: Vec<&str> =
        kept["rows"].as_array().unwrap().iter().map(|row| row["session"].as_str().unwrap()).collect();
    assert_eq!(names, ["base:taker-0.0005", "base:taker-0.001", "base:taker-0.002"]);
    assert_eq!(place.json(&["sessions"])["sessions"].as_array().unwrap().len(), 1 + 6 + 3);
    assert_eq!(place.json(&["verify", "base:taker-0.002"])["clean"], true);
    assert_eq!(kept["rows"][1]["net_pnl"], rows[3]["net_pnl"]);
}

#[test]
fn a_grandchild_starts_from_what_its_parent_changed() {
    let place = recorded();
    place.json(&["run", "--from", "base", "--set", &format!("{STOP}=0.002"), "--session", "child"]);
    let grandchild =
        place.json(&["run", "--from", "child", "--set", "venue.fees.taker=0.001", "--session", "grandchild"]);
    assert_eq!(grandchild["what_if"]["parent"], "child");
    assert_eq!(grandchild["what_if"]["before"], serde_json::json!([{"path": STOP, "value": "0.002"}]));
    let both = ["--set", &format!("{STOP}=0.002"), "--set", "venue.fees.taker=0.001", "--session", "both"];
    place.json(&[&["run", "--from", "base"], &both[..]].concat());
    assert_eq!(place.json(&["diff", "grandchild", "both"])["equal"], true);
    let nothing = place.json(&["run", "--from", "grandchild", "--set", &format!("{STOP}=0.0020"), "--session", "same"]);
    assert_eq!(
        (&nothing["effects"][0]["changed"], &nothing["comparison"]["equal"]),
        (&Value::from(0), &Value::from(true))
    );
    assert_eq!(place.json(&["verify"])["clean"], true);

    // In another store, by way of an export, the chain of changes goes along.
    std::fs::write(place.path("child.jsonl"), place.retrace(&["export", "grandchild", "--format", "jsonl"]).stdout)
        .unwrap();
    let there = |args: &[&str]| {
        let output = place.retrace_as_given(&[args, &["--db", "other", "--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    there(&["import", "child.jsonl"]);
    let further = there(&["run", "--from", "grandchild", "--set", "venue.latency_ms=90000", "--session", "further"]);
    assert_eq!(further["what_if"]["before"].as_array().unwrap().len(), 2);
    assert_eq!(there(&["verify", "further"])["clean"], true);
}

#[test]
fn the_files_must_be_those_that_the_parent_was_run_on() {
    let place = recorded();
    let set = ["run", "--from", "base", "--set", "venue.fees.taker=0.001"];
    let code = |args: &[&str]| {
        let output = place.retrace(&[args, &["--json"]].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), document["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let before = place.files("db");
    std::fs::rename(place.path("directives.jsonl"), place.path("kept.jsonl")).unwrap();
    assert_eq!(code(&set), (2, "unreadable".into()));
    std::fs::write(place.path("directives.jsonl"), DIRECTIVES.replace("59000", "58000")).unwrap();
    assert_eq!(code(&set), (2, "other_directives".into()));
    let said = place.says(2, &set);
    assert!(
        said.contains("is not the directive file that it was run on") && said.contains("--directives FILE"),
        "{said}"
    );
    assert_eq!(place.files("db"), before);
    let with = [&set[..], &["--directives", "kept.jsonl", "--session", "x"]].concat();
    assert_eq!(code(&with).0, 0);

    std::fs::rename(place.path("directives.jsonl"), place.path("other.jsonl")).unwrap();
    std::fs::copy(place.path("kept.jsonl"), place.path("directives.jsonl")).unwrap();
    std::fs::create_dir(place.path("moved")).unwrap();
    std::fs::rename(place.path("market.csv"), place.path("moved/market.csv")).unwrap();
    assert_eq!(code(&[&set[..], &["--session", "y"]].concat()), (2, "unreadable".into()));
    assert_eq!(code(&[&set[..], &["--session", "y", "--market-dir", "moved"]].concat()).0, 0);
    let bars = std::fs::read_to_string(place.path("moved/market.csv")).unwrap();
    let shorter = &bars[..bars.trim_end().rfind('\n').unwrap() + 1];
    std::fs::write(place.path("market.csv"), shorter).unwrap();
    assert_eq!(code(&[&set[..], &["--session", "z"]].concat()), (2, "other_market".into()));
}

#[test]
fn what_is_no_backtest_or_not_what_it_says_has_no_what_if() {
    let place = recorded();
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    for (name, mode) in [("history", Mode::Import), ("live", Mode::Live), ("paper", Mode::Paper)] {
        let mut manifest = samples::manifest(name);
        manifest.identity.mode = mode;
        store.create(&manifest).unwrap();
    }
    // No byte of a log vouches for the session file beside it.
    let mut loaded = session::load(&place.path("session.yaml")).unwrap();
    loaded.provenance.config = loaded.provenance.config.replace("latency_ms: 0", "latency_ms: 7");
    let forged = loaded.named(retrace_core::ids::SessionName::new("forged").unwrap());
    session::record(&mut store, &forged).unwrap();
    // One that was begun under a what-if's name, and never ended.
    store.commit().unwrap();
    store.close().unwrap();
    for (name, word) in [("history", "import"), ("live", "live"), ("paper", "paper")] {
        let said = place.says(2, &["run", "--from", name, "--set", "venue.latency_ms=1"]);
        assert!(said.contains(&format!("session {name} is no backtest but {word}")), "{said}");
    }
    let said = place.says(2, &["run", "--from", "forged", "--set", "venue.latency_ms=1"]);
    assert!(said.contains("is not the one that it was run with"), "{said}");
    let reader = RocksReader::open(place.path("db")).unwrap();
    assert_eq!(reader.sessions().unwrap().len(), 5);
}

/// A what-if that was begun and cut off is not shown as if it were whole.
#[test]
fn a_what_if_that_was_interrupted_is_not_shown_as_whole() {
    let place = recorded();
    let set = ["run", "--from", "base", "--set", "venue.fees.taker=0.001"];
    place.json(&set);
    let reader = RocksReader::open(place.path("db")).unwrap();
    let (_, uid) =
        reader.sessions().unwrap().into_iter().find(|(name, _)| name.as_str() == "base:taker-0.001").unwrap();
    let manifest: Manifest = reader.manifest(uid).unwrap();
    let (_, base) = reader.sessions().unwrap().into_iter().find(|(name, _)| name.as_str() == "base").unwrap();
    assert_eq!(manifest.provenance.what_if.as_ref().unwrap().uid, base);
    // The identity does not say whose what-if it is: the same changes written into the file are the same session.
    let mut memory = MemoryStore::new();
    let mut plain = manifest.clone();
    plain.provenance.what_if = None;
    assert_eq!(memory.create(&plain).unwrap(), uid);
    drop(reader);

    let other = Place::with_sample();
    std::fs::write(other.path("directives.jsonl"), DIRECTIVES).unwrap();
    other.edit("session.yaml", "session: sample", "session: base");
    other.json(&["run", "session.yaml"]);
    let mut store = RocksStore::create_or_open(other.path("db")).unwrap();
    store.create(&manifest).unwrap();
    store.commit().unwrap();
    store.close().unwrap();
    let said = other.says(2, &set);
    assert!(
        said.contains("was interrupted") && said.contains("`retrace run --resume base:taker-0.001` goes on with it"),
        "{said}"
    );
}
