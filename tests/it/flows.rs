//! `docs/flows.md` names a long and a short script for every flow; both exist, and one is the other in a mirror. What a
//! trader sees of them at the command line is reviewed too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use retrace_core::event::Event;
use retrace_core::memory::MemoryStore;
use retrace_core::order::Side;
use retrace_core::step::Step;
use retrace_core::testkit::samples;
use serde_json::Value;

use crate::cli::Place;
use crate::reports;
use crate::scenario::Scenario;
use crate::scenarios::insta_settings;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The scripts that the page names, row by row: the long one, the short one, and others.
fn flows() -> Vec<[Vec<String>; 3]> {
    let page = std::fs::read_to_string(root().join("docs/flows.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [_, _, long, short, more] = cells[..] else { panic!("not five cells: {row}") };
        [names(long), names(short), names(more)]
    })
    .collect()
}

fn file(name: &str) -> PathBuf {
    let places = ["tests/scenarios", "tests/reports"].map(|folder| root().join(folder).join(format!("{name}.txt")));
    let found = places.into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("docs/flows.md names {name}, and there is no such script"))
}

#[test]
fn every_flow_has_a_long_and_a_short_script() {
    let flows = flows();
    assert!(flows.len() >= 18, "the page is not read rightly: {} rows", flows.len());
    let mut named = BTreeSet::new();
    for row in &flows {
        assert_eq!((row[0].len(), row[1].len()), (1, 1), "one long and one short script: {row:?}");
        assert!(row[0][0].ends_with("_long") && row[1][0].ends_with("_short"), "{row:?}");
        row.iter().flatten().for_each(|name| assert!(file(name).is_file()));
        named.extend(row.iter().flatten().cloned());
    }
    for folder in ["tests/scenarios", "tests/reports"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
            assert!(!name.starts_with("flow_") || named.contains(&name), "docs/flows.md does not name {name}");
        }
    }
}

#[test]
fn the_short_script_of_a_flow_is_the_long_one_in_a_mirror() {
    for row in flows() {
        let (long, short) = (outline(&row[0][0], false), outline(&row[1][0], true));
        assert!(long.len() > 10, "{}: only {} events", row[0][0], long.len());
        for (place, (long, short)) in long.iter().zip(&short).enumerate() {
            assert_eq!(long, short, "{} and {}, event {}", row[0][0], row[1][0], place + 1);
        }
        assert_eq!(long.len(), short.len(), "{} and {}", row[0][0], row[1][0]);
    }
}

/// What a mirror keeps of each event: what it is, whom it belongs to, on which side, how much.
fn outline(name: &str, mirrored: bool) -> Vec<(String, u32, u32, Option<Side>, String)> {
    steps(name).iter().flat_map(|step| &step.events).map(|event| kept(event, mirrored)).collect()
}

fn kept(event: &Event, mirrored: bool) -> (String, u32, u32, Option<Side>, String) {
    let fact = match &event.fact {
        retrace_core::event::Fact::Input(input) => serde_json::to_value(input),
        retrace_core::event::Fact::Decision(decision) => serde_json::to_value(decision),
        other => panic!("{other:?}"),
    };
    let fact = fact.unwrap();
    let side = side(&fact["data"]).map(|side| if mirrored { side.opposite() } else { side });
    let mut amounts = String::new();
    collect(&fact, &mut amounts);
    let (plan, order) = (event.plan.map_or(0, |no| no.0), event.order.map_or(0, |no| no.0));
    (fact["kind"].to_string(), plan, order, side, amounts)
}

/// The side that an order is on or a plan stands on.
fn side(data: &Value) -> Option<Side> {
    let terms = data.get("terms").unwrap_or(data);
    let word = ["side", "direction"].iter().find_map(|name| terms.get(*name))?;
    Side::parse(word.as_str()?)
}

/// Every quantity of a fact, at any depth.
fn collect(value: &Value, amounts: &mut String) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let ("quantity" | "filled" | "held" | "covered" | "unsent", Value::String(text)) = (&name[..], value)
                {
                    let size = samples::dec(text).abs();
                    amounts.push_str(&format!("{name} {size} "));
                }
                collect(value, amounts);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, amounts)),
        _ => {}
    }
}

fn steps(name: &str) -> Vec<Step> {
    let path = file(name);
    let script = std::fs::read_to_string(&path).unwrap();
    if path.parent().unwrap().ends_with("reports") {
        let (_, identity, inputs) = reports::read(name, &script);
        return reports::play(name, &identity, &inputs);
    }
    let scenario = Scenario::read(name, &script).unwrap();
    scenario.play(&mut MemoryStore::new()).steps
}

/// A script's bars and directives as a user's own files, with venue settings as its session file has them.
fn as_a_users_files(name: &str, rows: usize, latency_ms: u32) -> Place {
    let place = Place::empty();
    let script = std::fs::read_to_string(file(name)).unwrap();
    let scenario = Scenario::read(name, &script).unwrap();
    let (mut market, mut rules) = (String::new(), String::new());
    for set in scenario.tape.sets() {
        let bars = format!("{}.csv", set.symbol.base());
        let mut csv = "open_time,open,high,low,close,volume\n".to_owned();
        for bar in set.bars.iter().take(rows) {
            let volume = bar.volume.map_or("100".to_owned(), |volume| volume.to_string());
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_string()).join(",");
            csv.push_str(&format!("{},{prices},{volume}\n", bar.open_time));
        }
        std::fs::write(place.path(&bars), csv).unwrap();
        let symbol = &set.symbol;
        market.push_str(&format!("  - {{ symbol: {symbol}, timeframe: 1m, bars: {bars}, volume_unit: base }}\n"));
        rules.push_str(&format!("  {symbol}: {{ tick: \"0.01\", lot: \"0.01\", min_notional: \"10\" }}\n"));
    }
    let share = scenario.identity.venue.max_volume_share;
    let said: Vec<&str> = script.lines().filter(|line| line.starts_with('{')).collect();
    let session = format!(
        "session: flow\nmode: backtest\nstrategy: {{ instance: FLOW_01, directives: directives.jsonl }}\nmarket:\n\
         {market}instruments:\n{rules}account: {{ quote: USDT, balance: \"100000\" }}\nvenue:\n  profile: backtest\n  \
         fees: {{ maker: \"0\", taker: \"0.001\" }}\n  fee_asset: quote\n  slippage_bps: \"0\"\n  \
         max_volume_share: \"{share}\"\n  latency_ms: \"{latency_ms}\"\n"
    );
    for (name, text) in [("directives.jsonl", said.join("\n") + "\n"), ("session.yaml", session)] {
        std::fs::write(place.path(name), text).unwrap();
    }
    place
}

/// Types commands, each with what it prints.
fn typed(place: &Place, commands: &[&[&str]]) -> String {
    let mut told = String::new();
    for args in commands {
        let output = place.retrace(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        told.push_str(&format!("$ retrace {} --db db\n", args.join(" ")));
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            // Heads change with the decision version, and what it took with the machine.
            told.push_str(line.split_once("  head ").map_or(line, |(before, _)| before));
            told.push('\n');
        }
        told.push('\n');
    }
    told
}

/// The stories that a trader must understand without any document.
#[test]
fn a_trader_is_told_of_a_stop_out_an_emergency_flatten_and_a_pair_taken_back() {
    let check = |name: &str, told: String| insta_settings().bind(|| insta::assert_snapshot!(name, told));

    let place = as_a_users_files("stop_grows_long_gap", usize::MAX, 0);
    check("told_stopped_out_twap", typed(&place, &[&["run", "session.yaml"], &["audit", "TPL_A"]]));
    let place = as_a_users_files("flow_emergency_flatten_long", usize::MAX, 200);
    let plans = ["TPL_STOPPED", "TPL_HEDGE", "TPL_MAIN"];
    let audits = plans.map(|plan| ["audit", plan]);
    let commands: Vec<&[&str]> =
        std::iter::once(&["run", "session.yaml"][..]).chain(audits.iter().map(|args| &args[..])).collect();
    check("told_emergency_flatten", typed(&place, &commands));
    let place = as_a_users_files("batch_partly_filled_at_deadline", usize::MAX, 0);
    let commands: [&[&str]; 3] = [&["run", "session.yaml"], &["audit", "TPL_LONG"], &["audit", "TPL_SHORT"]];
    check("told_rolled_back_pair_trade", typed(&place, &commands));
    // The data ends while the close has given up: what was to go is still held, and nobody may miss it.
    let place = as_a_users_files("close_limit_holds", 8, 200);
    let commands: [&[&str]; 3] = [&["run", "session.yaml"], &["replay", "flow"], &["audit", "TPL_A"]];
    check("told_close_that_gave_up", typed(&place, &commands));
}
