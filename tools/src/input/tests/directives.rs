//! The directive file: both forms, exact numbers, digests, and every refusal.

use std::fmt::Write as _;
use std::path::Path;

use retrace_core::ids::SessionUid;
use retrace_core::time::Timestamp;

use super::{describe, sample_session};
use crate::input::directives::{self, DataSpan, ParsedDirective, ParsedLine, strategy_digest};
use crate::input::problem::InputProblem;

fn data() -> DataSpan {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    DataSpan { from: at("2022-01-21T00:00:00Z"), to: at("2022-01-22T00:00:00Z") }
}

/// What the strategist says in these lines.
pub(super) fn read_lines(lines: &str) -> Result<Vec<ParsedDirective>, InputProblem> {
    Ok(read_all(lines)?.iter().filter_map(ParsedLine::directive).cloned().collect())
}

fn read_all(lines: &str) -> Result<Vec<ParsedLine>, InputProblem> {
    directives::parse(Path::new("twap.jsonl"), lines.as_bytes(), &sample_session().instruments, data())
}

const NEW: &str = r#"{"at":"2022-01-21T10:00:00Z","directive":{"directive_id":"STR_001","scope":"NEW_TRADE","plan_id":"TPL_BTC_001","comments":"breakout","entry_directive":{"symbol":"BTC/USDT","direction":"BUY","order_type":"MARKET"},"size_directive":{"target_position_size":"10"},"exit_directive":{"stop_loss_price":"37000","take_profit_price":null},"execution_directive":{"algorithm":"TWAP","duration_minutes":60,"slices":12}}}"#;
const MODIFY: &str = r#"{"at":"2022-01-21T12:00:00Z","directive":{"directive_id":"STR_002","scope":"MODIFY_EXISTING","target_plan_ids":["TPL_BTC_001"],"exit_directive":{"stop_loss_tolerance":"0.035"}}}"#;
const CLOSE: &str = r#"{"at":"2022-01-21T13:00:00Z","directive":{"directive_id":"STR_003","scope":"CLOSE_EXISTING","target_plan_ids":["TPL_BTC_001"],"execution_directive":{"execution_urgency":"1.0","max_total_slippage_pct":"0.05"}}}"#;
const AGGREGATED: &str = r#"{"at":"2022-01-21T10:00:00Z","execution_directive":{"directive_id":"EXD_1","plan_id":"TPL_BTC_002","instructions":[{"intent":"ENTRY_WITH_PROTECTION","algo_type":"TWAP","params":{"symbol":"BTC/USDT","direction":"BUY","quantity":"10","duration":60,"slices":12,"stop_loss_price":"90000"}}]}}"#;

#[test]
fn both_forms_of_the_sample_are_understood() {
    let read = read_lines(&format!("{NEW}\r\n\n{MODIFY}\n{CLOSE}")).unwrap();
    let mut story = String::new();
    for parsed in read.iter().chain(&read_lines(AGGREGATED).unwrap()) {
        writeln!(story, "line {} at {}: {}", parsed.line, parsed.at, parsed.directive.directive_id).unwrap();
        for (field, value) in parsed.directive.body() {
            writeln!(story, "  {field}: {value}").unwrap();
        }
        writeln!(story, "  comments: {:?}", parsed.comments).unwrap();
    }
    insta::assert_snapshot!("both_forms", story);
}

const SWITCH: &str =
    r#"{"at":"2022-01-21T11:00:00Z","operator":{"command":"kill_switch","state":"on","reason":"maintenance"}}"#;

#[test]
fn an_operators_line_stands_among_directives_in_order() {
    let off = SWITCH.replace("\"on\",\"reason\":\"maintenance\"", "\"off\"").replace("T11", "T12");
    let read = read_all(&format!("{NEW}\n{SWITCH}\n{off}\n{MODIFY}")).unwrap();
    let commands: Vec<String> = read
        .iter()
        .map(|line| match line {
            ParsedLine::Directive(parsed) => parsed.directive.directive_id.to_string(),
            ParsedLine::Operator(parsed) => format!("{} {:?}", parsed.line, parsed.commanded),
        })
        .collect();
    assert_eq!(
        commands,
        [
            "STR_001",
            "2 OperatorCommanded { command: KillSwitch(On), reason: Some(OperatorReason(\"maintenance\")) }",
            "3 OperatorCommanded { command: KillSwitch(Off), reason: None }",
            "STR_002",
        ]
    );
    let digest = |text: &str| strategy_digest(&read_all(text).unwrap());
    let with = |line: &str| digest(&format!("{NEW}\n{line}"));
    assert_ne!(digest(NEW), with(SWITCH), "what the operator does is part of what is run");
    assert_eq!(with(SWITCH), with(&SWITCH.replace(":{\"command\"", ": {\"command\"")));
    for other in
        [SWITCH.replace("\"on\"", "\"off\""), SWITCH.replace("maintenance", "other"), SWITCH.replace("11:", "12:")]
    {
        assert_ne!(with(SWITCH), with(&other), "{other}");
    }
}

#[test]
fn numbers_are_exact_as_strings_and_as_json_numbers() {
    let number = NEW.replace("\"37000\"", "37000.01").replace("\"10\"", "1e1").replace(":12}", ":\"12\"}");
    let text = NEW.replace("\"37000\"", "\"37000.010\"");
    assert_eq!(read_lines(&number).unwrap()[0].directive, read_lines(&text).unwrap()[0].directive);
}

#[test]
fn a_repeat_is_fine_and_spelling_does_not_change_the_digest() {
    let later =
        NEW.replace("T10:", "T11:").replace("\"37000\"", "37000.0").replace("execution_directive", "execution_hint");
    assert_eq!(read_lines(&format!("{NEW}\n{later}")).unwrap().len(), 2);
    let digest = |text: &str| strategy_digest(&read_all(text).unwrap());
    assert_eq!(
        digest(NEW),
        digest(&NEW.replace("\"37000\"", "37000.0").replace("execution_directive", "execution_hint"))
    );
    for other in [
        later.as_str(),
        &NEW.replace("breakout", "breakdown"),
        &NEW.replace("STR_001", "STR_009"),
        &NEW.replace("37000", "37001"),
    ] {
        assert_ne!(digest(NEW), digest(other), "{other}");
    }
}

#[test]
fn comments_are_sealed_out_of_line() {
    let parsed = read_lines(NEW).unwrap().remove(0);
    assert_eq!(parsed.directive.comments, None);
    let (_, directive, content) = parsed.clone().seal(SessionUid([1; 16]));
    let (reference, content) = content.unwrap();
    assert_eq!((directive.comments, content.text.as_str()), (Some(reference), "breakout"));
    assert_eq!(content.reference(), reference);
    assert_ne!(parsed.seal(SessionUid([2; 16])).2.unwrap().0, reference, "the salt is the session's");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line a case")]
fn directive_refusals() {
    let limit = NEW.replace("\"MARKET\"", "\"LIMIT\",\"limit_price\":\"37000\"");
    let short = limit
        .replace("\"BUY\"", "\"SELL\"")
        .replace("null", "\"37000\"")
        .replace("\"stop_loss_price\":\"37000\"", "\"stop_loss_price\":\"38000\"");
    let changed = |base: &str, edits: &[(&str, &str)]| {
        let mut text = base.to_owned();
        for (from, to) in edits {
            assert!(text.contains(from), "{from} in {text}");
            text = text.replacen(from, to, 1);
        }
        text
    };
    let sizes: &str = r#""size_directive":{"target_position_size":"10"},"#;
    let cases: Vec<(&str, String)> = [
        ("not JSON", changed(NEW, &[("{\"at\"", "{at")])),
        ("cut off", NEW[..80].to_owned()),
        ("two objects on a line", format!("{NEW}{NEW}")),
        ("unknown field", changed(NEW, &[("\"slices\"", "\"slice\"")])),
        ("unknown field in the directive", changed(NEW, &[("\"comments\"", "\"colour\"")])),
        ("field given twice", changed(NEW, &[("\"slices\":12", "\"slices\":12,\"slices\":13")])),
        (
            "both names of one field",
            changed(NEW, &[("\"execution_directive\"", "\"execution_hint\":{},\"execution_directive\"")]),
        ),
        ("wrong type", changed(NEW, &[("\"STR_001\"", "17")])),
        ("a list for a number", changed(NEW, &[("\"10\"", "[10]")])),
        ("no directive", r#"{"at":"2022-01-21T10:00:00Z"}"#.to_owned()),
        (
            "both forms at once",
            changed(
                NEW,
                &[(
                    "\"directive\":",
                    "\"execution_directive\":{\"directive_id\":\"a\",\"instructions\":[]},\"directive\":",
                )],
            ),
        ),
        (
            "operator and directive at once",
            changed(
                SWITCH,
                &[("\"operator\":", "\"directive\":{\"directive_id\":\"a\",\"scope\":\"NEW_TRADE\"},\"operator\":")],
            ),
        ),
        ("an operator alone", SWITCH.to_owned()),
        ("unknown order of the operator", changed(SWITCH, &[("kill_switch", "kil_switch")])),
        ("an order of the operator without a state", changed(SWITCH, &[("\"state\":\"on\",", "")])),
        ("neither on nor off", changed(SWITCH, &[("\"on\"", "\"onn\"")])),
        ("a truth value for a state", changed(SWITCH, &[("\"on\"", "true")])),
        ("a reason in free text", changed(SWITCH, &[("maintenance", "the exchange is down")])),
        ("unknown field of the operator", changed(SWITCH, &[("\"reason\"", "\"because\"")])),
        ("the operator goes back", format!("{NEW}\n{}", changed(SWITCH, &[("T11", "T09")]))),
        ("at is no time", changed(NEW, &[("2022-01-21T10:00:00Z", "tomorrow")])),
        ("at before the data", changed(NEW, &[("2022-01-21T10", "2022-01-20T10")])),
        ("at after the data", changed(NEW, &[("2022-01-21T10:00:00Z", "2022-01-22T00:00:01Z")])),
        ("at goes back", format!("{NEW}\n{}", changed(MODIFY, &[("T12", "T09")]))),
        ("bad id", changed(NEW, &[("STR_001", "STR 001")])),
        ("unknown scope", changed(NEW, &[("NEW_TRADE", "NEWTRADE")])),
        ("unknown action", changed(NEW, &[("\"scope\"", "\"action\":\"EXECUTE\",\"scope\"")])),
        ("an action that opens nothing", changed(NEW, &[("\"scope\"", "\"action\":\"CANCEL_GROUP\",\"scope\"")])),
        ("legs", changed(NEW, &[("\"scope\"", "\"legs\":[{}],\"scope\"")])),
        ("batch policy", changed(NEW, &[("\"scope\"", "\"batch_execution_policy\":{},\"scope\"")])),
        ("target group", changed(NEW, &[("\"scope\"", "\"target_group\":\"EXG_1\",\"scope\"")])),
        ("aggressiveness", changed(NEW, &[("\"10\"", "\"10\",\"aggressiveness\":1")])),
        ("include protection", changed(NEW, &[("\"slices\"", "\"include_protection\":true,\"slices\"")])),
        ("unknown symbol", changed(NEW, &[("BTC/USDT", "ETH/USDT")])),
        ("bad symbol", changed(NEW, &[("BTC/USDT", "BTCUSDT")])),
        ("unknown direction", changed(NEW, &[("\"BUY\"", "\"LONG\"")])),
        ("no direction", changed(NEW, &[("\"direction\":\"BUY\",", "")])),
        ("no size", changed(NEW, &[(sizes, "")])),
        ("size of zero", changed(NEW, &[("\"10\"", "\"0\"")])),
        ("negative size", changed(NEW, &[("\"10\"", "\"-10\"")])),
        ("size off the lot", changed(NEW, &[("\"10\"", "\"10.005\"")])),
        ("size too fine", changed(NEW, &[("\"10\"", "\"1e-13\"")])),
        ("size not a number", changed(NEW, &[("\"10\"", "\"ten\"")])),
        ("stop off the tick", changed(NEW, &[("\"37000\"", "\"37000.001\"")])),
        ("unknown order type", changed(NEW, &[("\"MARKET\"", "\"MARKT\"")])),
        ("an order type of a later part", changed(NEW, &[("\"MARKET\"", "\"STOP_LIMIT\"")])),
        ("limit without a price", changed(NEW, &[("\"MARKET\"", "\"LIMIT\"")])),
        ("market with a price", changed(NEW, &[("\"MARKET\"", "\"MARKET\",\"limit_price\":\"36000\"")])),
        ("post only at market", changed(NEW, &[("\"MARKET\"", "\"MARKET\",\"post_only\":true")])),
        ("until a time that is not said", changed(NEW, &[("\"MARKET\"", "\"MARKET\",\"time_in_force\":\"GTD\"")])),
        ("stop at the limit price", limit.clone()),
        (
            "take profit below a long limit",
            changed(&limit, &[("\"37000\",\"take_profit_price\":null", "\"36000\",\"take_profit_price\":\"36500\"")]),
        ),
        ("take profit at a short limit", short.clone()),
        ("stop below a short limit", changed(&short, &[("38000", "36000")])),
        ("unknown algorithm", changed(NEW, &[("\"TWAP\"", "\"VWAP\"")])),
        ("an unknown algorithm", changed(NEW, &[("\"TWAP\"", "\"VWAP\"")])),
        ("zero slices", changed(NEW, &[(":12}", ":0}")])),
        ("half a slice", changed(NEW, &[(":12}", ":1.5}")])),
        ("more slices than lots", changed(NEW, &[("\"10\"", "\"0.11\"")])),
        ("no slices", changed(NEW, &[(",\"slices\":12", "")])),
        ("no duration", changed(NEW, &[("\"duration_minutes\":60,", "")])),
        ("slices of a single order", changed(NEW, &[("\"TWAP\"", "\"SINGLE\"")])),
        ("slices without an algorithm", changed(NEW, &[("\"algorithm\":\"TWAP\",\"duration_minutes\":60,", "")])),
        ("urgency", changed(NEW, &[("\"slices\"", "\"execution_urgency\":1.1,\"slices\"")])),
        ("confidence", changed(NEW, &[("\"scope\"", "\"confidence\":\"-0.1\",\"scope\"")])),
        ("plans of a new trade", changed(NEW, &[("\"scope\"", "\"target_plan_ids\":[\"A\"],\"scope\"")])),
        ("slippage of a new trade", changed(NEW, &[("\"slices\"", "\"max_total_slippage_pct\":0.1,\"slices\"")])),
        ("stop of null", changed(NEW, &[("\"37000\"", "null")])),
        ("trail of null", changed(NEW, &[("\"stop_loss_price\":\"37000\"", "\"trailing_stop_distance\":null")])),
        ("tolerance of null", changed(NEW, &[("\"stop_loss_price\":\"37000\"", "\"stop_loss_tolerance\":null")])),
        ("stop and tolerance", changed(NEW, &[("\"37000\"", "\"37000\",\"stop_loss_tolerance\":\"0.01\"")])),
        ("stop limit alone", changed(NEW, &[("stop_loss_price", "stop_limit_price")])),
        (
            "stop limit and tolerance",
            changed(
                NEW,
                &[("\"stop_loss_price\":\"37000\"", "\"stop_limit_price\":\"36900\",\"stop_loss_tolerance\":\"0.01\"")],
            ),
        ),
        ("trail and price", changed(NEW, &[("\"37000\"", "\"37000\",\"trailing_stop_distance\":\"100\"")])),
        ("trail and null", changed(NEW, &[("\"37000\"", "null,\"trailing_stop_tolerance\":\"0.1\"")])),
        (
            "trail and limit",
            changed(
                NEW,
                &[(
                    "\"stop_loss_price\":\"37000\"",
                    "\"stop_limit_price\":\"36900\",\"trailing_stop_distance\":\"100\"",
                )],
            ),
        ),
        (
            "two trails",
            changed(
                NEW,
                &[(
                    "\"stop_loss_price\":\"37000\"",
                    "\"trailing_stop_tolerance\":\"0.1\",\"trailing_stop_distance\":\"100\"",
                )],
            ),
        ),
        (
            "trail and its removal",
            format!(
                "{NEW}\n{}",
                changed(
                    MODIFY,
                    &[(
                        "\"exit_directive\":{",
                        "\"exit_directive\":{\"remove_stop\":true,\"trailing_stop_distance\":\"1\","
                    )]
                )
            ),
        ),
        (
            "trail off the tick",
            changed(NEW, &[("\"stop_loss_price\":\"37000\"", "\"trailing_stop_distance\":\"100.001\"")]),
        ),
        ("trail of nothing", changed(NEW, &[("\"stop_loss_price\":\"37000\"", "\"trailing_stop_distance\":\"0\"")])),
        ("trail of all", changed(NEW, &[("\"stop_loss_price\":\"37000\"", "\"trailing_stop_tolerance\":\"1\"")])),
        ("stop limit off the tick", changed(NEW, &[("\"37000\"", "\"37000\",\"stop_limit_price\":\"36900.001\"")])),
        ("one id, two bodies", format!("{NEW}\n{}", changed(NEW, &[("\"10\"", "\"11\"")]))),
        ("one id, two comments", format!("{NEW}\n{}", changed(NEW, &[("breakout", "breakdown")]))),
        ("one id, two scopes", format!("{NEW}\n{}", changed(MODIFY, &[("STR_002", "STR_001")]))),
        ("modify of an unknown plan", MODIFY.to_owned()),
        ("close of an unknown plan", format!("{NEW}\n{}", changed(CLOSE, &[("TPL_BTC_001", "TPL_BTC_007")]))),
        ("no plans", format!("{NEW}\n{}", changed(MODIFY, &[("\"target_plan_ids\":[\"TPL_BTC_001\"],", "")]))),
        ("empty plans", format!("{NEW}\n{}", changed(MODIFY, &[("[\"TPL_BTC_001\"]", "[]")]))),
        (
            "a plan twice",
            format!("{NEW}\n{}", changed(CLOSE, &[("[\"TPL_BTC_001\"]", "[\"TPL_BTC_001\",\"TPL_BTC_001\"]")])),
        ),
        (
            "plan id in a modify",
            format!(
                "{NEW}\n{}",
                changed(MODIFY, &[("\"target_plan_ids\":[\"TPL_BTC_001\"]", "\"plan_id\":\"TPL_BTC_001\"")])
            ),
        ),
        (
            "nothing to modify",
            format!("{NEW}\n{}", changed(MODIFY, &[(",\"exit_directive\":{\"stop_loss_tolerance\":\"0.035\"}", "")])),
        ),
        (
            "negative target",
            format!(
                "{NEW}\n{}",
                changed(
                    MODIFY,
                    &[(
                        "\"exit_directive\":{\"stop_loss_tolerance\":\"0.035\"}",
                        "\"size_directive\":{\"target_position_size\":-1}"
                    )]
                )
            ),
        ),
        (
            "target off the lot",
            format!(
                "{NEW}\n{}",
                changed(
                    MODIFY,
                    &[(
                        "\"exit_directive\":{\"stop_loss_tolerance\":\"0.035\"}",
                        "\"size_directive\":{\"target_position_size\":5.001}"
                    )]
                )
            ),
        ),
        ("tolerance of one", format!("{NEW}\n{}", changed(MODIFY, &[("0.035", "1")]))),
        ("tolerance in per cent", format!("{NEW}\n{}", changed(MODIFY, &[("0.035", "3.5%")]))),
        (
            "another symbol",
            format!(
                "{NEW}\n{}",
                changed(
                    MODIFY,
                    &[("\"exit_directive\"", "\"entry_directive\":{\"symbol\":\"ETH/USDT\"},\"exit_directive\"")]
                )
            ),
        ),
        ("remove and move", format!("{NEW}\n{}", changed(MODIFY, &[("\"0.035\"", "\"0.035\",\"remove_stop\":true")]))),
        (
            "exit of a close",
            format!(
                "{NEW}\n{}",
                changed(CLOSE, &[("\"execution_directive\"", "\"exit_directive\":{},\"execution_directive\"")])
            ),
        ),
        (
            "algorithm of a close",
            format!(
                "{NEW}\n{}",
                changed(CLOSE, &[("\"execution_urgency\"", "\"algorithm\":\"TWAP\",\"execution_urgency\"")])
            ),
        ),
        ("slippage of one", format!("{NEW}\n{}", changed(CLOSE, &[("0.05", "1")]))),
        (
            "on_limit without a limit",
            format!("{NEW}\n{}", changed(CLOSE, &[("\"max_total_slippage_pct\":\"0.05\"", "\"on_limit\":{}")])),
        ),
        ("no tries", format!("{NEW}\n{}", changed(CLOSE, &[("\"0.05\"", "\"0.05\",\"on_limit\":{\"tries\":0}")]))),
        (
            "then what",
            format!("{NEW}\n{}", changed(CLOSE, &[("\"0.05\"", "\"0.05\",\"on_limit\":{\"then\":\"hold\"}")])),
        ),
        (
            "aggregated: unknown intent",
            changed(AGGREGATED, &[("ENTRY_WITH_PROTECTION", "EXIT"), ("\"quantity\"", "\"reason\"")]),
        ),
        ("aggregated: no instruction", changed(AGGREGATED, &[("\"instructions\":[", "\"instructions\":[],\"x\":[")])),
        (
            "aggregated: empty instructions",
            r#"{"at":"2022-01-21T10:00:00Z","execution_directive":{"directive_id":"EXD_1","instructions":[]}}"#
                .to_owned(),
        ),
        (
            "aggregated: no instructions",
            r#"{"at":"2022-01-21T10:00:00Z","execution_directive":{"directive_id":"EXD_1"}}"#.to_owned(),
        ),
        ("aggregated: unknown parameter", changed(AGGREGATED, &[("\"quantity\"", "\"quantty\"")])),
        ("aggregated: no quantity", changed(AGGREGATED, &[("\"quantity\":\"10\",", "")])),
        ("aggregated: unknown algorithm", changed(AGGREGATED, &[("\"TWAP\"", "\"POV\"")])),
        ("aggregated: slices of a single order", changed(AGGREGATED, &[("\"TWAP\"", "\"SINGLE\"")])),
        ("aggregated: fraction of a minute", changed(AGGREGATED, &[("\"duration\":60", "\"duration\":0.5")])),
        ("empty file", "\n \n".to_owned()),
    ]
    .into();
    let mut story = String::new();
    for (case, text) in cases {
        match read_lines(&text) {
            Err(problem) => describe(&mut story, case, &problem),
            Ok(_) => panic!("{case}: accepted {text}"),
        }
    }
    let not_text = directives::parse(Path::new("twap.jsonl"), b"\n\xff\n", &sample_session().instruments, data());
    describe(&mut story, "not text", &not_text.unwrap_err());
    describe(&mut story, "missing file", &directives::read(Path::new("no/such.jsonl"), &[], data()).unwrap_err());
    insta::assert_snapshot!("directive_refusals", story);
}
