//! An iceberg by the venue and one by the worker, on the same market: other orders, the same size; and what a user sees of
//! either.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::cli::{Place, text};

const DIRECTIVE: &str = r#"{"at":"2026-03-02T01:00:00Z","directive":{"directive_id":"BERG_1","scope":"NEW_TRADE","plan_id":"TPL_BERG","entry_directive":{"symbol":"BTC/USDT","direction":"BUY","order_type":"LIMIT","limit_price":"60000"},"size_directive":{"target_position_size":"20"},"exit_directive":{"stop_loss_price":"50000"},"execution_directive":{"algorithm":"ICEBERG","visible_quantity":"2"}}}
"#;

/// The sample market, its venue with or without icebergs of its own, and one iceberg.
fn recorded(native: bool) -> Place {
    let place = Place::with_sample();
    place.edit(
        "session.yaml",
        "profile: backtest ",
        &format!("profile: {{ based_on: backtest, native_iceberg: {native} }} "),
    );
    std::fs::write(place.path("directives.jsonl"), DIRECTIVE).unwrap();
    let run = place.retrace(&["run", "session.yaml"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    place
}

/// The only group, as `replay --json` has it.
fn group(place: &Place) -> Value {
    place.json(&["replay", "sample"])["plans"][0]["groups"][0].clone()
}

fn entries(group: &Value) -> Vec<&Value> {
    group["orders"].as_array().unwrap().iter().filter(|order| order["role"] == "entry").collect()
}

#[test]
fn the_venue_hides_where_it_can_and_the_worker_cuts_where_it_cannot() {
    let (by_venue, by_worker) = (recorded(true), recorded(false));
    let (native, cut) = (group(&by_venue), group(&by_worker));

    let [order] = entries(&native)[..] else { panic!("one order: {native}") };
    assert_eq!((&order["quantity"], &order["visible_quantity"]), (&"20".into(), &"2".into()));
    assert_eq!((&order["type"], &order["price"]), (&"LIMIT".into(), &"60000".into()));
    assert_eq!((&native["slices"], &native["slices_due"]), (&1.into(), &1.into()));

    let parts = entries(&cut);
    assert_eq!(parts.len(), 10, "{cut}");
    assert!(parts.iter().all(|part| part["quantity"] == "2" && part.get("visible_quantity").is_none()), "{cut}");

    // Both trade all of it: the simulated venue has no queue in which what is hidden would wait behind others. What waits
    // there trades at its own price; a part that arrives where the price is better already takes that.
    for field in ["status", "filled_quantity"] {
        assert_eq!(native[field], cut[field], "{field}");
    }
    let average = |group: &Value| group["average_price"].as_str().unwrap().parse::<Decimal>().unwrap();
    assert!(average(&cut) <= average(&native) && average(&native) <= Decimal::from(60_000), "{native} {cut}");
    for place in [by_venue, by_worker] {
        assert_eq!(place.json(&["verify", "sample"])["clean"], true);
    }
}

#[test]
fn what_is_hidden_is_told() {
    let place = recorded(true);
    let story = text(&place.retrace(&["audit", "TPL_BERG"]).stdout);
    assert!(story.contains("entry #1 BUY 20 limit 60000, shows at most 2\n"), "{story}");
    let run = place.retrace(&["snapshot", "sample", "--dir", "snapshots"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let kept = std::fs::read_to_string(place.path("snapshots/sample.strategy_ledger.txt")).unwrap();
    assert!(kept.contains(" type=LIMIT quantity=20 visible_quantity=2 price=60000 "), "{kept}");
}
