//! Several trades of one directive, and a session's defaults for them.

use serde_json::{Value, json};

use super::{CLOSE, Case, Files, OPEN, SESSION, refuse_all};

/// The good file with one more directive at its end.
fn last(name: &str, code: &'static str, scope: &str, fields: Value) -> Case {
    let mut body = json!({ "directive_id": "BATCH_1", "scope": scope });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let line = json!({ "at": "2024-05-06T10:25:00Z", "directive": body });
    let text = format!("{OPEN}\n{CLOSE}\n{line}\n");
    let files = Files { directives: Some(text.into()), ..Files::good() };
    Case::new(name, files, code, "case/directives.jsonl").line(3)
}

/// A directive with these legs.
fn legs(name: &str, code: &'static str, scope: &str, legs: Value) -> Case {
    last(name, code, scope, json!({ "legs": legs }))
}

/// A directive of two good legs with this policy.
fn policy(name: &str, code: &'static str, scope: &str, policy: Value) -> Case {
    let legs = match scope {
        "NEW_TRADE" => json!([open("TPL_X", "1"), open("TPL_Y", "1")]),
        "CLOSE_EXISTING" => json!([{ "plan_id": "TPL_A" }]),
        _ => json!([{ "plan_id": "TPL_A", "size_directive": { "target_position_size": "1" } }]),
    };
    last(name, code, scope, json!({ "legs": legs, "batch_execution_policy": policy }))
}

fn open(plan: &str, size: &str) -> Value {
    json!({
        "plan_id": plan,
        "entry_directive": { "symbol": "BTC/USDT", "direction": "BUY" },
        "size_directive": { "target_position_size": size },
    })
}

/// A leg whose size and limit price are too long to be multiplied exactly.
fn beyond_counting() -> Value {
    let mut leg = open("TPL_Y", "999999999");
    leg["entry_directive"]["order_type"] = "LIMIT".into();
    leg["entry_directive"]["limit_price"] = "999999999999.99".into();
    leg
}

/// The good session file with these defaults.
fn defaults(name: &str, code: &'static str, text: &str) -> Case {
    let text = format!("{SESSION}batch_defaults:\n  {text}\n");
    Case::new(name, Files { session: Some(text.into()), ..Files::good() }, code, "case/session.yaml").line(18)
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let mode = "directive.batch_execution_policy.execution_mode";
    let time = "directive.batch_execution_policy.timeout_seconds";
    let back = "directive.batch_execution_policy.rollback_on_failure";
    let (new, modify, close) = ("NEW_TRADE", "MODIFY_EXISTING", "CLOSE_EXISTING");
    vec![
        legs("no legs", "empty_list", new, json!([])).field("directive.legs").value("[]"),
        legs("too many legs", "too_many", new, json!(vec![open("TPL_X", "1"); 101])).field("directive.legs"),
        legs("legs of another shape", "wrong_type", new, json!({ "plan_id": "TPL_X" })).field("directive.legs"),
        legs("a leg of another shape", "wrong_type", new, json!(["TPL_X"])).field("directive.legs[0]").value("TPL_X"),
        legs("a plan twice", "listed_twice", new, json!([open("TPL_X", "1"), open("TPL_X", "2")]))
            .field("directive.legs[1].plan_id").value("TPL_X"),
        legs("a leg's size", "off_lot", new, json!([open("TPL_X", "1"), open("TPL_Y", "1.001")]))
            .field("directive.legs[1].size_directive.target_position_size").value("1.001"),
        legs("a leg beyond exact counting", "notional_too_long", new, json!([open("TPL_X", "1"), beyond_counting()]))
            .field("directive.legs[1].size_directive.target_position_size").value("999999999"),
        legs("a leg's unknown field", "unknown_field", new, json!([{ "scope": "NEW_TRADE" }]))
            .field("directive.legs[0].scope"),
        legs("a leg without a size", "missing", new, json!([{ "entry_directive": { "symbol": "BTC/USDT", "direction": "BUY" } }]))
            .field("directive.legs[0].size_directive.target_position_size"),
        legs("a leg's time", "not_whole", close, json!([{ "plan_id": "TPL_A", "timeout_seconds": -5 }]))
            .field("directive.legs[0].timeout_seconds").value("-5"),
        legs("a leg without a plan", "missing", close, json!([{}])).field("directive.legs[0].plan_id"),
        legs("a leg of an unknown plan", "plan_not_named_before", modify, json!([{ "plan_id": "TPL_Z", "exit_directive": { "remove_stop": true } }]))
            .field("directive.legs[0].plan_id").value("TPL_Z"),
        legs("a leg that changes nothing", "nothing", modify, json!([{ "plan_id": "TPL_A" }])).field("directive.legs[0]"),
        legs("a leg with a field of another scope", "not_for_scope", close, json!([{ "plan_id": "TPL_A", "size_directive": { "target_position_size": "1" } }]))
            .field("directive.legs[0].size_directive"),
        last("legs beside a size", "excludes", new, json!({ "legs": [open("TPL_X", "1")], "size_directive": { "target_position_size": "1" } }))
            .field("directive.size_directive"),
        last("legs beside plans", "excludes", close, json!({ "legs": [{ "plan_id": "TPL_A" }], "target_plan_ids": ["TPL_A"] }))
            .field("directive.target_plan_ids"),
        policy("no mode", "missing", new, json!({ "timeout_seconds": 60 })).field(mode),
        policy("unknown mode", "not_one_of", new, json!({ "execution_mode": "ATOMICALLY" })).field(mode).value("ATOMICALLY"),
        policy("unknown field of the policy", "unknown_field", new, json!({ "execution_mode": "ATOMIC", "timeout": 60 }))
            .field("directive.batch_execution_policy.timeout"),
        policy("no time at all", "not_whole", new, json!({ "execution_mode": "ATOMIC", "timeout_seconds": 0 })).field(time).value("0"),
        policy("all or nothing that keeps", "atomic_keeps_nothing", new, json!({ "execution_mode": "ATOMIC", "rollback_on_failure": false }))
            .field(back).value("false"),
        policy("each by itself, taken back", "parallel_takes_nothing_back", modify, json!({ "execution_mode": "PARALLEL", "rollback_on_failure": true }))
            .field(back).value("true"),
        policy("closes taken back", "rollback_would_open", close, json!({ "execution_mode": "SEQUENTIAL", "rollback_on_failure": true }))
            .field(back).value("true"),
        policy("closes, all or nothing", "rollback_would_open", close, json!({ "execution_mode": "ATOMIC" })).field(mode).value("ATOMIC"),
        defaults("a default that contradicts itself", "atomic_keeps_nothing", "new_trade: { execution_mode: ATOMIC, rollback_on_failure: false }")
            .field("batch_defaults.new_trade.rollback_on_failure").value("false"),
        defaults("a default that would open again", "rollback_would_open", "close_existing: { execution_mode: ATOMIC }")
            .field("batch_defaults.close_existing.execution_mode").value("ATOMIC"),
        defaults("a default without time", "not_whole", "modify_existing: { execution_mode: SEQUENTIAL, timeout_seconds: 0 }")
            .field("batch_defaults.modify_existing.timeout_seconds").value("0"),
        defaults("a default of another word", "not_one_of", "new_trade: { execution_mode: SEQUENTIAL, rollback_on_failure: perhaps }")
            .field("batch_defaults.new_trade.rollback_on_failure").value("perhaps"),
        defaults("a default of an unknown scope", "unknown_field", "close: { execution_mode: PARALLEL }").field("batch_defaults.close"),
    ]
}

#[test]
fn every_bad_batch_is_refused() {
    refuse_all("batches", &cases());
}
