//! `GTD` and the time that belongs to it: what is understood, and every refusal that a file shows by itself.

use std::fmt::Write as _;

use super::describe;
use super::directives::read_lines;

const UNTIL: &str =
    r#","order_type":"LIMIT","limit_price":"38000","time_in_force":"GTD","good_till":"2022-01-21T10:30:00Z""#;
const ICEBERG: &str = r#""algorithm":"ICEBERG","visible_quantity":"0.5""#;
const TWAP: &str = r#""algorithm":"TWAP","duration_minutes":60,"slices":2"#;
const LAYERED: &str = r#""algorithm":"LAYERED","layers":5,"price_from":"37000","price_to":"38000""#;

fn line(at: &str, entry: &str, execution: &str) -> String {
    format!(
        r#"{{"at":"2022-01-21T{at}:00Z","directive":{{"directive_id":"STR_1","scope":"NEW_TRADE","plan_id":"TPL_A","entry_directive":{{"symbol":"BTC/USDT","direction":"BUY"{entry}}},"size_directive":{{"target_position_size":"10"}},"execution_directive":{{{execution}}}}}}}"#
    )
}

fn open(entry: &str, execution: &str) -> String {
    line("10:00", entry, execution)
}

/// A second line, for the plan that the first one opens.
fn then(body: &str) -> String {
    let at = "2022-01-21T10:20:00Z";
    format!(
        "{}\n{{\"at\":\"{at}\",\"directive\":{{\"directive_id\":\"STR_2\",\"scope\":\"MODIFY_EXISTING\",\"target_plan_ids\":[\"TPL_A\"],{body}}}}}",
        open("", "")
    )
}

#[test]
fn a_time_is_part_of_how_orders_are_placed() {
    let sized = r#""size_directive":{"target_position_size":"4"}"#;
    let mut story = String::new();
    for (case, text) in [
        ("one order", open(UNTIL, "")),
        ("an iceberg", open(UNTIL, ICEBERG)),
        ("layers", open(r#","time_in_force":"GTD","good_till":"2022-01-21T12:00:00+01:00""#, LAYERED)),
        ("slices that an urgency may mean", open(UNTIL, r#""execution_urgency":"0.5""#)),
        ("a change", then(&format!("\"entry_directive\":{{{}}},{sized}", &UNTIL[1..]))),
        // The same again is no second trade, however late.
        ("the same again when it has passed", format!("{}\n{}", open(UNTIL, ""), line("11:00", UNTIL, ""))),
    ] {
        let read = read_lines(&text).unwrap_or_else(|problem| panic!("{case}: {problem}"));
        writeln!(story, "{case}").unwrap();
        for (field, value) in read.last().unwrap().directive.body() {
            writeln!(story, "  {field}: {value}").unwrap();
        }
    }
    insta::assert_snapshot!("good_till", story);
}

#[test]
fn good_till_refusals() {
    let changed = |from: &str, to: &str| {
        assert!(UNTIL.contains(from), "{from} in {UNTIL}");
        UNTIL.replacen(from, to, 1)
    };
    let order = r#""action":"MODIFY_ORDERS","target_group":{"directive_id":"STR_1"}"#;
    let leg = format!(
        r#"{{"at":"2022-01-21T10:30:00Z","directive":{{"directive_id":"STR_1","scope":"NEW_TRADE","legs":[{{"plan_id":"TPL_B","entry_directive":{{"symbol":"BTC/USDT","direction":"BUY"}},"size_directive":{{"target_position_size":"1"}}}},{{"plan_id":"TPL_A","entry_directive":{{"symbol":"BTC/USDT","direction":"BUY"{UNTIL}}},"size_directive":{{"target_position_size":"1"}}}}]}}}}"#
    );
    let mut story = String::new();
    for (case, text) in [
        ("GTD without a time", open(&changed(r#","good_till":"2022-01-21T10:30:00Z""#, ""), "")),
        ("a time without GTD", open(&changed(r#""time_in_force":"GTD","#, ""), "")),
        ("a time beside IOC", open(&changed("GTD", "IOC"), "")),
        ("a time that is none", open(&changed("2022-01-21T10:30:00Z", "tonight"), "")),
        ("a time that has come", line("10:30", UNTIL, "")),
        ("a time that has passed", line("11:00", UNTIL, "")),
        ("a time that has come, of a leg", leg),
        ("a market order", open(&changed(r#""order_type":"LIMIT","limit_price":"38000","#, ""), "")),
        ("an iceberg without a limit", open(&changed(r#""order_type":"LIMIT","limit_price":"38000","#, ""), ICEBERG)),
        ("slices over time", open(UNTIL, TWAP)),
        (
            "a change of orders",
            then(&format!(
                "{order},\"entry_directive\":{{\"limit_price\":\"37000\",\"good_till\":\"2022-01-21T10:30:00Z\"}}"
            )),
        ),
        ("a change without a size", then(r#""entry_directive":{"good_till":"2022-01-21T10:30:00Z"}"#)),
    ] {
        let problem = read_lines(&text).expect_err(case);
        describe(&mut story, case, &problem);
    }
    insta::assert_snapshot!("good_till_refusals", story);
}
