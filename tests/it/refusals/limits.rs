//! What the risk gate and the operator's kill switch look like to a user: recorded, counted with the refusals, shown by
//! `run`, `replay` and `audit`; `--strict` exits 1.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Bench, Files, SESSION, indented, snapshot, without_ids};

const RISK: &str = "risk:
  symbols:
    BTC/USDT: { max_order_quantity: 3, max_position: \"4\" }
  max_orders_per_minute: 2
account:";

fn line(minute: u32, what: &Value) -> String {
    let mut line = json!({ "at": format!("2024-05-06T10:{minute:02}:00Z") });
    line.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    line.to_string()
}

fn open(minute: u32, plan: &str, size: &str, execution: &Value) -> String {
    let directive = json!({
        "directive_id": format!("OPEN_{plan}"),
        "scope": "NEW_TRADE",
        "plan_id": plan,
        "entry_directive": { "symbol": "BTC/USDT", "direction": "BUY" },
        "size_directive": { "target_position_size": size },
        "exit_directive": { "stop_loss_price": "40000" },
        "execution_directive": execution,
    });
    line(minute, &json!({ "directive": directive }))
}

fn bench() -> Bench {
    let bench = Bench::new();
    let twap = json!({ "algorithm": "TWAP", "duration_minutes": 8, "slices": 2 });
    let lines = [
        open(2, "TPL_LARGE", "5", &json!({})),
        open(2, "TPL_HELD", "3", &json!({})),
        open(3, "TPL_SLICED", "2", &twap),
        line(6, &json!({ "operator": { "command": "kill_switch", "state": "on", "reason": "drill" } })),
        open(7, "TPL_LATE", "1", &json!({})),
    ];
    let session = SESSION.replace("account:", RISK);
    let files = Files { session: Some(session.into()), directives: Some(lines.join("\n").into()), ..Files::good() };
    files.write(&bench.path("case"));
    bench
}

#[test]
fn what_the_risk_gate_refuses_is_counted_listed_and_told() {
    let bench = bench();
    let retrace = |args: &[&str]| {
        let (code, stdout, stderr) = bench.retrace(&[args, &["--db", "db"]].concat());
        assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
        stdout
    };
    let json = |args: &[&str]| -> Value { serde_json::from_str(&retrace(&[args, &["--json"]].concat())).unwrap() };
    let body = |page: String| page.split_once('\n').unwrap().1.to_owned();
    let mut story = format!("run\n{}\n", indented(&body(retrace(&["run", "case/session.yaml"]))));
    writeln!(story, "replay\n{}", indented(&body(retrace(&["replay", "refused"])))).unwrap();

    let replayed = json(&["replay", "refused"]);
    let refusals = replayed["refusals"].as_array().unwrap();
    writeln!(story, "replay --json\n  kill_switch: {}", replayed["kill_switch"]).unwrap();
    for refusal in refusals {
        writeln!(story, "  {refusal}").unwrap();
        // The same numbers in the story of the plan.
        let audit = json(&["audit", refusal["plan_id"].as_str().unwrap(), "--session", "refused"]);
        let told = audit["story"].as_array().unwrap().iter().find(|line| line["seq"] == refusal["seq"]).unwrap();
        assert_eq!((&told["kind"], &told["because"]), (&json!("order_refused"), &refusal["code"]));
        assert_eq!(told["data"]["refusal"], refusal["refusal"]);
    }
    for plan in ["TPL_LARGE", "TPL_SLICED", "TPL_LATE"] {
        let audit = retrace(&["audit", plan, "--session", "refused"]);
        writeln!(story, "\naudit {plan}\n{}", indented(&body(audit)).trim_end()).unwrap();
    }
    snapshot("limits", &without_ids(&story));

    // Before the operator spoke it was off.
    let since = replayed["kill_switch"]["seq"].as_u64().unwrap();
    assert_eq!(json(&["replay", "refused", "--at", &(since - 1).to_string()])["kill_switch"], Value::Null);
    assert_eq!(bench.retrace(&["verify", "refused", "--db", "db"]).0, 0);
    let (code, stdout, _) =
        bench.retrace(&["run", "case/session.yaml", "--db", "db", "--session", "strict", "--strict", "--json"]);
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, summary["refusals"].as_u64()), (1, Some(refusals.len() as u64)));
}

#[test]
fn an_order_beyond_the_cash_is_told_as_one_beyond_a_limit_is() {
    let bench = Bench::new();
    let lines = [open(2, "TPL_WITHIN", "1", &json!({})), open(3, "TPL_BEYOND", "1", &json!({}))];
    let session = SESSION.replace("balance: \"1000000\"", "balance: \"100000\"\n  check: cash");
    let files = Files { session: Some(session.into()), directives: Some(lines.join("\n").into()), ..Files::good() };
    files.write(&bench.path("case"));
    let (code, told, _) = bench.retrace(&["run", "case/session.yaml", "--db", "db", "--strict"]);
    assert_eq!(code, 1, "{told}");
    let body = |page: &str| indented(page.split_once('\n').unwrap().1).trim_end().to_owned();
    let (_, audit, _) = bench.retrace(&["audit", "TPL_BEYOND", "--session", "refused", "--db", "db"]);
    let (_, replay, _) = bench.retrace(&["replay", "refused", "--db", "db"]);
    let (told, audit, replay) = (body(&told), body(&audit), body(&replay));
    snapshot("cash", &without_ids(&format!("run\n{told}\n\naudit\n{audit}\n\nreplay\n{replay}\n")));
    let (_, replay, _) = bench.retrace(&["replay", "refused", "--db", "db", "--json"]);
    let replay: Value = serde_json::from_str(&replay).unwrap();
    assert_eq!(replay["cash_in_hand"], json!({ "amount": "49900.963", "asset": "USDT" }));
    assert_eq!(bench.retrace(&["verify", "refused", "--db", "db"]).0, 0);
}
