//! Refusals that depend on state or price: recorded with code and numbers, the run goes on, exit 0; counted, and shown by
//! `run`, `replay` and `audit`; `--strict` exits 1.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{BARS, Bench, Files, HEADER, SESSION, docs, indented, snapshot, without_ids};

/// What no file can lead to yet, and why.
const NOT_FROM_A_FILE: [(&str, &str); 8] = [
    ("not_above_filled", "no order here fills in part; `tests/reports/modify_orders_refused.txt` has it"),
    ("order_unanswered", "this venue answers at once; `tests/reports/modify_orders_refused.txt` has it"),
    ("not_connected", "this venue is always there; `tests/reports/modify_orders_without_connection.txt` has it"),
    ("one_price_for_layers", "no group here stands in layers; `tests/scenarios/modify_orders_layered.txt` has it"),
    (
        "conflict",
        "one file's ids are compared before it runs (`reused_id`); it takes a live strategist to send another body",
    ),
    (
        "good_till_passed",
        "a time that has passed is refused before the run; `tests/scenarios/gtd_short.txt` has a later leg",
    ),
    ("shorting_unsupported", "this session's profile can be short; `tests/scenarios/profile_refuses.txt` has it"),
    ("too_large", "sizes beyond exact counting are refused before the run (`notional_too_long`)"),
];

/// A directive of 10:`minute`.
fn directive(minute: u32, id: &str, scope: &str, fields: Value) -> String {
    let mut body = json!({ "directive_id": id, "scope": scope });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "at": format!("2024-05-06T10:{minute:02}:00Z"), "directive": body }).to_string()
}

fn opening(minute: u32, id: &str, plan: &str, symbol: &str, direction: &str, exit: Value) -> String {
    let size = if symbol == "BTC/USDT" { "2" } else { "10" };
    let fields = json!({
        "plan_id": plan,
        "comments": format!("{id} of {plan}"),
        "entry_directive": { "symbol": symbol, "direction": direction },
        "size_directive": { "target_position_size": size },
        "exit_directive": exit,
    });
    directive(minute, id, "NEW_TRADE", fields)
}

fn change(minute: u32, id: &str, plans: &[&str], mut fields: Value) -> String {
    fields["target_plan_ids"] = json!(plans);
    directive(minute, id, "MODIFY_EXISTING", fields)
}

/// An action on what a directive opened in TPL_LAST, or on a group by its id.
fn action(minute: u32, id: &str, action: &str, group: &str, mut fields: Value) -> String {
    fields["action"] = json!(action);
    fields["target_group"] = if group.starts_with("EXG_") { json!(group) } else { json!({ "directive_id": group }) };
    change(minute, id, &["TPL_LAST"], fields)
}

/// One refusal of every kind that a file can lead to, between directives that are carried out.
fn files() -> Files {
    let twap = |size: &str| {
        json!({
            "size_directive": { "target_position_size": size },
            "execution_directive": { "algorithm": "TWAP", "duration_minutes": 10, "slices": 12 },
        })
    };
    let stop = |price: &str| json!({ "exit_directive": { "stop_loss_price": price } });
    let tolerance = |fraction: &str| json!({ "stop_loss_tolerance": fraction });
    let limit = |price: &str| json!({ "entry_directive": { "limit_price": price } });
    let each = |quantity: &str| json!({ "size_directive": { "order_quantity": quantity } });
    let waiting = json!({
        "plan_id": "TPL_PAIR",
        "entry_directive": {
            "symbol": "BTC/USDT", "direction": "BUY", "order_type": "LIMIT", "limit_price": "40000",
        },
        "size_directive": { "target_position_size": "2" },
    });
    let atomic = json!({ "execution_mode": "ATOMIC", "timeout_seconds": 60 });
    let lines = [
        opening(0, "EARLY_1", "TPL_EARLY", "BTC/USDT", "BUY", tolerance("0.02")),
        opening(2, "HOLD_1", "TPL_HOLD", "BTC/USDT", "BUY", json!({ "stop_loss_price": "49000" })),
        opening(3, "WRONG_1", "TPL_WRONG", "BTC/USDT", "BUY", json!({ "stop_loss_price": "51000" })),
        change(4, "BOTH_1", &["TPL_WRONG", "TPL_HOLD"], stop("48900")),
        opening(5, "HOLD_2", "TPL_HOLD", "BTC/USDT", "SELL", json!({})),
        change(6, "HOLD_3", &["TPL_HOLD"], json!({ "exit_directive": tolerance("0.1") })),
        change(
            6,
            "HOLD_9",
            &["TPL_HOLD"],
            json!({ "exit_directive": { "stop_loss_price": "49000", "stop_limit_price": "48900" } }),
        ),
        change(6, "HOLD_10", &["TPL_HOLD"], json!({ "exit_directive": { "trailing_stop_distance": "100" } })),
        change(
            7,
            "HOLD_4",
            &["TPL_HOLD"],
            json!({
                "entry_directive": { "direction": "SELL" }, "size_directive": { "target_position_size": "4" },
            }),
        ),
        change(8, "HOLD_5", &["TPL_HOLD"], twap("2.05")),
        change(9, "HOLD_6", &["TPL_HOLD"], twap("2.12")),
        opening(10, "DUST_1", "TPL_DUST", "DUST/USDT", "SELL", tolerance("0.5")),
        directive(11, "HOLD_7", "CLOSE_EXISTING", json!({ "target_plan_ids": ["TPL_HOLD"] })),
        change(14, "HOLD_8", &["TPL_HOLD"], stop("49500")),
        opening(15, "LAST_1", "TPL_LAST", "BTC/USDT", "BUY", json!({ "stop_loss_price": "48000" })),
        action(16, "LAST_2", "CANCEL_GROUP", "LAST_1", json!({})),
        action(16, "LAST_3", "PAUSE_GROUP", "EXG_0123456789abcdef0123456789abcdef", json!({})),
        change(
            17,
            "LAST_4",
            &["TPL_LAST"],
            json!({
                "size_directive": { "target_position_size": "4" },
                "execution_directive": { "algorithm": "TWAP", "duration_minutes": 10, "slices": 2 },
            }),
        ),
        action(18, "LAST_5", "MODIFY_ORDERS", "LAST_4", limit("49000")),
        action(18, "LAST_6", "MODIFY_ORDERS", "LAST_4", each("2")),
        change(
            19,
            "LAST_7",
            &["TPL_LAST"],
            json!({
                "entry_directive": { "order_type": "LIMIT", "limit_price": "49000" },
                "size_directive": { "target_position_size": "6" },
            }),
        ),
        action(20, "LAST_8", "MODIFY_ORDERS", "LAST_7", limit("48000")),
        action(20, "LAST_9", "MODIFY_ORDERS", "LAST_7", each("0.01")),
        change(
            28,
            "LAST_10",
            &["TPL_LAST"],
            json!({
                "entry_directive": { "order_type": "LIMIT", "limit_price": "60000" },
                "size_directive": { "target_position_size": "1" },
            }),
        ),
        directive(28, "PAIR_1", "NEW_TRADE", json!({ "legs": [waiting], "batch_execution_policy": atomic })),
        change(28, "PAIR_2", &["TPL_PAIR"], stop("39000")),
        action(29, "LAST_11", "MODIFY_ORDERS", "LAST_10", each("9")),
    ];
    let two = SESSION.replace(
        "    bars: market.csv\n",
        "    bars: market.csv\n  - { symbol: DUST/USDT, timeframe: 1m, bars: dust.csv }\n",
    );
    let two =
        two.replace("min_notional: \"10\" }", "min_notional: \"1000\" }\n  DUST/USDT: { tick: \"1\", lot: \"1\" }");
    Files { directives: Some(lines.join("\n").into()), session: Some(two.into()), ..Files::good() }
}

/// A market below its own tick: no level of it rounds to a price.
fn dust() -> String {
    let rows: Vec<String> =
        (0..BARS).map(|minute| format!("2024-05-06T10:{minute:02}:00Z,0.4,0.45,0.35,0.4,900")).collect();
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

fn bench() -> Bench {
    let bench = Bench::new();
    files().write(&bench.path("case"));
    std::fs::write(bench.path("case/dust.csv"), dust()).unwrap();
    bench
}

/// The page without its first line, which has a head and the time it took.
fn body(page: &str) -> &str {
    page.split_once('\n').unwrap().1
}

#[test]
fn every_dynamic_refusal_is_recorded_counted_and_shown() {
    let bench = bench();
    let json = |args: &[&str]| -> Value {
        let (code, stdout, stderr) = bench.retrace(&[args, &["--db", "db", "--json"]].concat());
        assert_eq!(code, 0, "{args:?}: {stderr}");
        serde_json::from_str(&stdout).unwrap()
    };
    let page = |args: &[&str]| -> String {
        let (code, stdout, stderr) = bench.retrace(&[args, &["--db", "db"]].concat());
        assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
        stdout
    };
    let mut story = String::new();
    let ran = page(&["run", "case/session.yaml"]);
    writeln!(story, "run\n{}", indented(body(&ran))).unwrap();
    writeln!(story, "replay\n{}", indented(body(&page(&["replay", "refused"])))).unwrap();

    let replayed = json(&["replay", "refused"]);
    let refusals = replayed["refusals"].as_array().unwrap();
    let summary = json(&["run", "case/session.yaml", "--session", "again"]);
    assert_eq!(summary["refusals"].as_u64(), Some(refusals.len() as u64));
    assert_eq!(summary["plans"], 3, "the plans that were not refused ran to their end");

    // Each code that there is, or the reason why not.
    let shown: BTreeSet<&str> = refusals.iter().map(|refusal| refusal["code"].as_str().unwrap()).collect();
    let all = docs::refusal_codes();
    let missing: BTreeSet<&str> = NOT_FROM_A_FILE.iter().map(|(code, _)| *code).collect();
    assert_eq!(shown.union(&missing).copied().collect::<BTreeSet<_>>(), all.iter().map(String::as_str).collect());
    assert_eq!(shown.intersection(&missing).count(), 0, "a file leads to it after all");

    // Each stands in the story of its plan, with its numbers, also where that plan never came to be.
    for refusal in refusals {
        let plan = refusal["plan_id"].as_str().unwrap();
        let audit = json(&["audit", plan, "--session", "refused"]);
        let lines = audit["story"].as_array().unwrap();
        let line = lines.iter().find(|line| line["seq"] == refusal["seq"]).unwrap();
        assert_eq!((&line["kind"], &line["because"]), (&json!("directive_refused"), &refusal["code"]));
        assert_eq!(line["data"]["refusal"], refusal["refusal"], "the same numbers everywhere");
        let text = refusal["text"].as_str().unwrap();
        assert!(line["text"].as_str().unwrap().ends_with(text) && ran.contains(text), "{text}");
    }
    writeln!(story, "replay --json").unwrap();
    for refusal in refusals {
        writeln!(story, "  {refusal}").unwrap();
    }
    for plan in ["TPL_HOLD", "TPL_WRONG", "TPL_EARLY", "TPL_DUST", "TPL_LAST", "TPL_PAIR"] {
        let audit = page(&["audit", plan, "--session", "refused"]);
        writeln!(story, "\naudit {plan}\n{}", indented(body(&audit)).trim_end()).unwrap();
    }
    snapshot("dynamic", &without_ids(&story));
    assert_eq!(bench.retrace(&["verify", "refused", "--db", "db"]).0, 0);
}

#[test]
fn strict_exits_1_and_records_the_session_all_the_same() {
    let bench = bench();
    let (code, stdout, stderr) = bench.retrace(&["run", "case/session.yaml", "--db", "db", "--strict", "--json"]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert!(summary["refusals"].as_u64() > Some(0));
    let (_, listed, _) = bench.retrace(&["sessions", "--db", "db", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let row = listed["sessions"].as_array().unwrap().iter().find(|row| row["session"] == "refused").unwrap();
    assert_eq!((&row["status"], &row["head"]), (&json!("finished"), &summary["head"]));
    // Nothing was refused in the good one.
    assert_eq!(bench.retrace(&["run", "good/session.yaml", "--db", "db", "--session", "strict", "--strict"]).0, 0);
}

#[test]
fn a_plan_that_nobody_named_has_no_story() {
    let bench = bench();
    assert_eq!(bench.retrace(&["run", "case/session.yaml", "--db", "db"]).0, 0);
    let (code, stdout, stderr) = bench.retrace(&["audit", "TPL_NEVER", "--db", "db", "--session", "refused"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert_eq!(stderr, "error: no plan TPL_NEVER in session refused\nhint: there are TPL_HOLD, TPL_LAST, TPL_PAIR\n");
}
