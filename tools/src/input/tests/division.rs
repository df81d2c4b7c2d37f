//! How a directive divides its size: what is understood of it, and what is refused.

use std::fmt::Write as _;
use std::path::Path;

use retrace_core::directive::Intent;
use retrace_core::policy::ExecutionPolicy;
use rust_decimal::Decimal;

use super::directives::read_lines;
use super::{SESSION, describe};
use crate::input::session;

/// A plan to open, with this entry and this execution.
fn open(entry: &str, execution: &str) -> String {
    format!(
        r#"{{"at":"2022-01-21T10:00:00Z","directive":{{"directive_id":"STR_1","scope":"NEW_TRADE","plan_id":"TPL_A","entry_directive":{{"symbol":"BTC/USDT","direction":"BUY"{entry}}},"size_directive":{{"target_position_size":"10"}},"exit_directive":{{"stop_loss_price":"35000"}},"execution_directive":{{{execution}}}}}}}"#
    )
}

/// A change of that plan.
fn change(directive: &str) -> String {
    format!(
        "{}\n{}",
        open("", ""),
        format_args!(
            r#"{{"at":"2022-01-21T11:00:00Z","directive":{{"directive_id":"STR_2","target_plan_ids":["TPL_A"],{directive}}}}}"#
        )
    )
}

const LIMIT: &str = r#","order_type":"LIMIT","limit_price":"38000""#;
const ICEBERG: &str = r#""algorithm":"ICEBERG","visible_quantity":"0.5""#;
const LAYERED: &str = r#""algorithm":"LAYERED","layers":5,"price_from":"37000","price_to":"38000""#;
const AGGREGATED: &str = r#"{"at":"2022-01-21T10:00:00Z","execution_directive":{"directive_id":"EXD_1","plan_id":"TPL_B","instructions":[{"intent":"ENTRY_WITH_PROTECTION","algo_type":"LAYERED","params":{"symbol":"BTC/USDT","direction":"SELL","quantity":"10","layers":4,"price_from":"38000","price_to":"39500","end_after":"30","stop_loss_price":"40000"}}]}}"#;

#[test]
fn every_algorithm_is_understood_in_both_forms() {
    let mut story = String::new();
    let resting = r#","order_type":"LIMIT","post_only":true"#;
    for (case, text) in [
        ("iceberg", open(LIMIT, ICEBERG)),
        ("layered", open(resting, LAYERED)),
        ("one layer", open("", &LAYERED.replace("5,", "1,").replace("38000", "37000"))),
        ("an end by time alone", open("", r#""end_after_minutes":"0.5""#)),
        ("an end by time and an algorithm", open(LIMIT, &format!("{ICEBERG},\"end_after_minutes\":90"))),
        (
            "a change",
            change(&format!(
                r#""scope":"MODIFY_EXISTING","size_directive":{{"target_position_size":"4"}},"execution_directive":{{{LAYERED}}}"#
            )),
        ),
        ("aggregated", AGGREGATED.to_owned()),
    ] {
        let read = read_lines(&text).unwrap_or_else(|problem| panic!("{case}: {problem}"));
        writeln!(story, "{case}").unwrap();
        for (field, value) in read.last().unwrap().directive.body() {
            writeln!(story, "  {field}: {value}").unwrap();
        }
    }
    insta::assert_snapshot!("divisions", story);
}

#[test]
fn division_refusals() {
    let changed = |of: &str, from: &str, to: &str| {
        assert!(of.contains(from), "{from} in {of}");
        of.replacen(from, to, 1)
    };
    let limit = |from: &str, to: &str| open(LIMIT, &changed(ICEBERG, from, to));
    let layers = |from: &str, to: &str| open("", &changed(LAYERED, from, to));
    let sized = r#""scope":"MODIFY_EXISTING","size_directive":{"target_position_size":"4"}"#;
    let mut story = String::new();
    for (case, text) in [
        ("an iceberg that shows nothing", limit(",\"visible_quantity\":\"0.5\"", "")),
        ("an iceberg that shows zero", limit("0.5", "0")),
        ("an iceberg off the lot", limit("0.5", "0.505")),
        ("an iceberg that shows more than there is", limit("0.5", "10.01")),
        ("an iceberg at market", open("", ICEBERG)),
        ("an iceberg at once", open(&format!("{LIMIT},\"time_in_force\":\"IOC\""), ICEBERG)),
        ("an iceberg with slices", open(LIMIT, &format!("{ICEBERG},\"slices\":3"))),
        ("a visible quantity of nothing", open(LIMIT, "\"visible_quantity\":\"0.5\"")),
        (
            "a visible quantity of a TWAP",
            open("", r#""algorithm":"TWAP","duration_minutes":1,"slices":1,"visible_quantity":"0.5""#),
        ),
        ("a change to an iceberg without a limit", change(&format!("{sized},\"execution_directive\":{{{ICEBERG}}}"))),
        ("a change to an iceberg without a size", {
            let entry = r#""entry_directive":{"order_type":"LIMIT","limit_price":"38000"}"#;
            change(&format!("\"scope\":\"MODIFY_EXISTING\",{entry},\"execution_directive\":{{{ICEBERG}}}"))
        }),
        ("no layers", layers("\"layers\":5,", "")),
        ("zero layers", layers("5", "0")),
        ("too many layers", layers("5", "101")),
        ("more layers than lots", open("", LAYERED).replace("\"10\"", "\"0.04\"")),
        ("layers without a lowest price", layers(",\"price_from\":\"37000\"", "")),
        ("layers without a highest price", layers(",\"price_to\":\"38000\"", "")),
        ("layers off the tick", layers("37000", "37000.005")),
        ("layers at one price", layers("37000", "38000")),
        ("layers upside down", layers("37000", "38000.01")),
        ("layers at market", open(r#","order_type":"MARKET""#, LAYERED)),
        ("layers with a limit", open(LIMIT, LAYERED)),
        ("layers all or nothing", open(r#","time_in_force":"FOK""#, LAYERED)),
        ("layers beyond the stop", layers("37000", "35000")),
        ("a range of prices of nothing", open("", r#""price_from":"37000""#)),
        ("a range of prices of a single order", open("", r#""algorithm":"SINGLE","price_to":"37000""#)),
        ("an end at once", open("", r#""end_after_minutes":0"#)),
        ("an end before it begins", open("", r#""end_after_minutes":"-1""#)),
        ("an end in a fraction of a millisecond", open("", r#""end_after_minutes":"0.00001""#)),
        ("an end in more than a year", open("", r#""end_after_minutes":527041"#)),
        ("an end of a close", change(r#""scope":"CLOSE_EXISTING","execution_directive":{"end_after_minutes":5}"#)),
        ("layers of a close", change(r#""scope":"CLOSE_EXISTING","execution_directive":{"layers":5}"#)),
        ("aggregated: layers upside down", changed(AGGREGATED, "39500", "37000")),
        ("aggregated: layers beyond the stop", changed(AGGREGATED, "39500", "40000")),
        (
            "aggregated: an iceberg at market",
            changed(AGGREGATED, "\"LAYERED\"", "\"ICEBERG\"")
                .replace(r#""layers":4,"price_from":"38000","price_to":"39500""#, r#""visible_quantity":"1""#),
        ),
    ] {
        match read_lines(&text) {
            Err(problem) => describe(&mut story, case, &problem),
            Ok(_) => panic!("{case}: accepted {text}"),
        }
    }
    insta::assert_snapshot!("division_refusals", story);
}

/// The session file with these ranges.
fn ranges(entries: &str) -> String {
    format!("{SESSION}execution: {{ urgency: [{entries}] }}\n")
}

#[test]
fn urgency_ranges_are_understood() {
    let patient = "{from: 0, algorithm: TWAP, duration_minutes: 60, slices: 12, catch_up: false}";
    let text = ranges(&format!("{patient}, {{from: \"0.5\", algorithm: SINGLE}}"));
    let policy = session::parse(Path::new("s.yaml"), &text).unwrap().policy;
    let means = |urgency: &str| policy.algorithm_for(urgency.parse::<Decimal>().unwrap()).as_str();
    assert_eq!(["0", "0.49", "0.5", "1"].map(means), ["TWAP", "TWAP", "SINGLE", "SINGLE"]);
    let always = session::parse(Path::new("s.yaml"), &ranges(patient)).unwrap().policy;
    assert_eq!(always.algorithm_for(Decimal::ONE).as_str(), "SINGLE", "the highest urgency is at once");
    assert_eq!(ExecutionPolicy::default().algorithm_for(Decimal::ZERO).as_str(), "SINGLE");
    // A directive says its urgency, not its algorithm.
    let said = read_lines(&open("", r#""execution_urgency":"0.3""#)).unwrap().remove(0);
    let Intent::NewTrade(new) = said.directive.intent else { panic!("{said:?}") };
    assert_eq!((new.execution.algorithm, new.execution.urgency), (None, Some(Decimal::new(3, 1))));
}

#[test]
fn urgency_refusals() {
    let mut story = String::new();
    for (case, entries) in [
        ("no number", "{from: patient, algorithm: SINGLE}"),
        ("above one", "{from: 1.5, algorithm: SINGLE}"),
        ("from one on", "{from: 1, algorithm: SINGLE}"),
        ("below zero", "{from: -0.1, algorithm: SINGLE}"),
        ("not rising", "{from: 0.5, algorithm: SINGLE}, {from: 0.5, algorithm: SINGLE}"),
        ("without a beginning", "{algorithm: SINGLE}"),
        ("without an algorithm", "{from: 0}"),
        ("an unknown algorithm", "{from: 0, algorithm: VWAP}"),
        ("an algorithm with prices of its own", "{from: 0, algorithm: LAYERED}"),
        ("an unknown key", "{from: 0, algorithm: TWAP, duration: 60}"),
        ("a TWAP without slices", "{from: 0, algorithm: TWAP, duration_minutes: 60}"),
        ("a TWAP without a duration", "{from: 0, algorithm: TWAP, slices: 60}"),
        ("half a slice", "{from: 0, algorithm: TWAP, duration_minutes: 60, slices: 1.5}"),
        ("slices of a single order", "{from: 0, algorithm: SINGLE, slices: 3}"),
        ("catching up perhaps", "{from: 0, algorithm: TWAP, duration_minutes: 60, slices: 3, catch_up: perhaps}"),
        ("no list", "urgent"),
    ] {
        let problem = session::parse(Path::new("s.yaml"), &ranges(entries)).unwrap_err();
        describe(&mut story, case, &problem);
    }
    insta::assert_snapshot!("urgency_refusals", story);
}
