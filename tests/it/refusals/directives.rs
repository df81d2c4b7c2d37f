//! Directive lines and files.

use super::{AGGREGATED, Bench, CLOSE, Case, Files, OPEN, SESSION, refuse_all};

const FILE: &str = "case/directives.jsonl";

/// Another whole file.
fn file(name: &str, code: &'static str, text: impl Into<Vec<u8>>) -> Case {
    Case::new(name, Files { directives: Some(text.into()), ..Files::good() }, code, FILE)
}

/// The good file with `from` replaced in its first line.
fn open(name: &str, code: &'static str, from: &str, to: &str) -> Case {
    file(name, code, format!("{}\n{CLOSE}\n", replaced(OPEN, from, to))).line(1)
}

/// The good file with `from` replaced in its second line.
fn close(name: &str, code: &'static str, from: &str, to: &str) -> Case {
    file(name, code, format!("{OPEN}\n{}\n", replaced(CLOSE, from, to))).line(2)
}

/// The aggregated form with `from` replaced.
fn aggregated(name: &str, code: &'static str, from: &str, to: &str) -> Case {
    file(name, code, replaced(AGGREGATED, from, to)).line(1)
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1)
}

/// The first line with this execution beside its exit.
fn hinted(name: &str, code: &'static str, execution: &str) -> Case {
    let with = format!("\"execution_directive\":{{{execution}}},\"exit_directive\"");
    open(name, code, "\"exit_directive\"", &with)
}

/// What makes the first line an iceberg that shows more than it is to trade.
const ICEBERG: &str = "\"direction\":\"BUY\",\"order_type\":\"LIMIT\",\"limit_price\":\"50000\"},\
    \"execution_directive\":{\"algorithm\":\"ICEBERG\",\"visible_quantity\":\"2.01\"";

/// An action on the groups of two plans, on a line after one that opens both and one that moves a stop.
fn ordered(name: &str, code: &'static str, action: &str, fields: &str) -> Case {
    let other = OPEN.replace("OPEN_1", "OTHER_1").replace("TPL_A", "TPL_B");
    let line = |id: &str, plans: &str, rest: &str| {
        let head = format!("\"directive_id\":\"{id}\",\"scope\":\"MODIFY_EXISTING\",\"target_plan_ids\":[{plans}]");
        format!("{{\"at\":\"2024-05-06T10:03:00Z\",\"directive\":{{{head}{rest}}}}}")
    };
    let moved = line("MOVE_1", "\"TPL_A\"", ",\"exit_directive\":{\"stop_loss_price\":\"49100\"}");
    let plans = if code == "one_plan" { "\"TPL_A\",\"TPL_B\"" } else { "\"TPL_A\"" };
    let action = line("ACT_1", plans, &format!(",\"action\":\"{action}\"{fields}"));
    file(name, code, format!("{OPEN}\n{other}\n{moved}\n{action}\n")).line(4)
}

/// The groups of that directive.
fn of(directive: &str) -> String {
    format!(",\"target_group\":{{\"directive_id\":\"{directive}\"}}")
}

fn names(count: usize) -> String {
    format!("[{}]", vec!["\"TPL_A\""; count].join(","))
}

const SIZE: &str = "directive.size_directive.target_position_size";
const STOP: &str = "directive.exit_directive.stop_loss_price";
const GROUP: &str = "directive.target_group";
const SLICES: &str = "directive.execution_directive.slices";
const PLANS: &str = "directive.target_plan_ids";
const SYMBOL: &str = "directive.entry_directive.symbol";
const INSTRUCTION_INTENT: &str = "execution_directive.instructions[0].intent";

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    let sized = "\"size_directive\":{\"target_position_size\":\"2\"},";
    let twap = |slices: &str| format!("\"algorithm\":\"TWAP\",\"duration_minutes\":10,\"slices\":{slices}");
    vec![
        open("unknown field", "unknown_field", "\"plan_id\"", "\"plan_ident\":1,\"plan_id\"")
            .field("directive.plan_ident"),
        open("unknown field: beside the directive", "unknown_field", "\"directive\":", "\"note\":1,\"directive\":")
            .field("note"),
        open("unknown field: in a group", "unknown_field", "\"stop_loss_price\"", "\"stop_price\"")
            .field("directive.exit_directive.stop_price"),
        open("unknown field: in capitals", "unknown_field", "\"scope\"", "\"SCOPE\"").field("directive.SCOPE"),
        open("unknown scope", "not_one_of", "NEW_TRADE", "OPEN_TRADE").field("directive.scope").value("OPEN_TRADE"),
        open("unknown scope: lower case", "not_one_of", "NEW_TRADE", "new_trade")
            .field("directive.scope").value("new_trade"),
        open("no scope", "missing", "\"scope\":\"NEW_TRADE\",", "").field("directive.scope"),
        open("unknown action", "not_one_of", "\"scope\"", "\"action\":\"SELL_ALL\",\"scope\"")
            .field("directive.action").value("SELL_ALL"),
        open("an action that opens nothing", "not_for_scope", "\"scope\"", "\"action\":\"CANCEL_GROUP\",\"scope\"")
            .field("directive.action").value("CANCEL_GROUP"),
        close("an action of another scope", "not_for_scope", "\"scope\"", "\"action\":\"PAUSE_GROUP\",\"scope\"")
            .field("directive.action").value("PAUSE_GROUP"),
        ordered("no target_group", "missing_for", "CANCEL_GROUP", "").field(GROUP),
        ordered("target_group: of another shape", "wrong_type", "CANCEL_GROUP", ",\"target_group\":7").field(GROUP)
            .value("7"),
        ordered("target_group: no id", "not_a_group", "CANCEL_GROUP", ",\"target_group\":\"OPEN_1\"").field(GROUP)
            .value("OPEN_1"),
        ordered("target_group: an unknown field", "unknown_field", "CANCEL_GROUP", ",\"target_group\":{\"id\":\"OPEN_1\"}")
            .field("directive.target_group.id"),
        ordered("target_group: an unknown directive", "directive_not_named_before", "CANCEL_GROUP", &of("OPEN_2"))
            .field("directive.target_group.directive_id").value("OPEN_2"),
        ordered("target_group: a directive that opens nothing", "opens_no_group", "CANCEL_GROUP", &of("MOVE_1"))
            .field("directive.target_group.directive_id").value("MOVE_1"),
        ordered("target_group: one id for several plans", "one_plan", "CANCEL_GROUP",
            ",\"target_group\":\"EXG_0123456789abcdef0123456789abcdef\"").field(PLANS),
        ordered("target_group of all", "not_for_action", "CANCEL_ALL_IN_PLAN", &of("OPEN_1")).field(GROUP),
        open("target_group of a trade", "not_for_action", "\"scope\"",
            "\"target_group\":{\"directive_id\":\"OPEN_1\"},\"scope\"").field(GROUP),
        open("order_quantity of a trade", "not_for_action", "\"target_position_size\":\"2\"", "\"order_quantity\":\"2\"")
            .field("directive.size_directive.order_quantity"),
        hinted("include_protection of a trade", "not_for_action", "\"include_protection\":true")
            .field("directive.execution_directive.include_protection"),
        close("include_protection: false in a close", "excludes", "\"scope\"",
            "\"action\":\"CANCEL_ALL_IN_PLAN\",\"execution_directive\":{\"include_protection\":false},\"scope\"")
            .field("directive.execution_directive.include_protection").value("false"),
        ordered("a stop in a cancel", "not_for_action", "CANCEL_GROUP",
            &format!("{},\"exit_directive\":{{\"stop_loss_price\":\"49500\"}}", of("OPEN_1")))
            .field("directive.exit_directive"),
        ordered("a size in a change of orders", "not_for_action", "MODIFY_ORDERS",
            &format!("{},\"size_directive\":{{\"target_position_size\":\"1\"}}", of("OPEN_1"))).field(SIZE),
        ordered("a change of no order", "nothing", "MODIFY_ORDERS", &of("OPEN_1")).field("directive"),
        ordered("a change off the lot", "off_lot", "MODIFY_ORDERS",
            &format!("{},\"size_directive\":{{\"order_quantity\":\"0.005\"}}", of("OPEN_1")))
            .field("directive.size_directive.order_quantity").value("0.005"),
        ordered("a change off the tick", "off_tick", "MODIFY_ORDERS",
            &format!("{},\"entry_directive\":{{\"limit_price\":\"49000.005\"}}", of("OPEN_1")))
            .field("directive.entry_directive.limit_price").value("49000.005"),
        ordered("an order type in a change of orders", "not_for_action", "MODIFY_ORDERS",
            &format!("{},\"entry_directive\":{{\"limit_price\":\"49000\",\"order_type\":\"LIMIT\"}}", of("OPEN_1")))
            .field("directive.entry_directive.order_type"),
        open("unknown symbol", "unknown_symbol", "BTC/USDT", "ETH/USDT").field(SYMBOL).value("ETH/USDT"),
        open("unknown symbol: a near miss", "unknown_symbol", "BTC/USDT", "BTC/USD").field(SYMBOL).value("BTC/USD"),
        open("unknown symbol: lower case", "not_a_symbol", "BTC/USDT", "btc/usdt").field(SYMBOL).value("btc/usdt"),
        open("unknown symbol: no slash", "not_a_symbol", "BTC/USDT", "BTCUSDT").field(SYMBOL).value("BTCUSDT"),
        open("no symbol", "missing", "\"symbol\":\"BTC/USDT\",", "").field(SYMBOL),
        open("unknown direction", "not_one_of", "\"BUY\"", "\"LONG\"")
            .field("directive.entry_directive.direction").value("LONG"),
        aggregated("unknown intent", "not_one_of", "ENTRY_WITH_PROTECTION", "ENTRY_ONLY")
            .field(INSTRUCTION_INTENT).value("ENTRY_ONLY"),
        aggregated("unknown intent: of another shape", "not_one_of",
            "\"ENTRY_WITH_PROTECTION\",\"algo_type\":\"TWAP\"", "\"EXIT\",\"reason\":\"late\"")
            .field(INSTRUCTION_INTENT).value("EXIT"),
        aggregated("no intent", "missing", "\"intent\":\"ENTRY_WITH_PROTECTION\",", "").field(INSTRUCTION_INTENT),
        hinted("unknown algorithm", "not_one_of", "\"algorithm\":\"VWAP\"")
            .field("directive.execution_directive.algorithm").value("VWAP"),
        aggregated("unknown algorithm, aggregated", "not_one_of", "\"TWAP\"", "\"POV\"")
            .field("execution_directive.instructions[0].algo_type").value("POV"),
        open("an iceberg that shows more than its size", "above_size", "\"direction\":\"BUY\"", ICEBERG)
            .field("directive.execution_directive.visible_quantity").value("2.01"),
        open("good until a time that has come", "not_ahead", "\"direction\":\"BUY\"",
            "\"direction\":\"BUY\",\"order_type\":\"LIMIT\",\"limit_price\":\"50000\",\
             \"time_in_force\":\"GTD\",\"good_till\":\"2024-05-06T10:02:00Z\"")
            .field("directive.entry_directive.good_till").value("2024-05-06T10:02:00Z"),
        hinted("layers without room for them", "empty_range",
            "\"algorithm\":\"LAYERED\",\"layers\":2,\"price_from\":\"50000\",\"price_to\":\"50000\"")
            .field("directive.execution_directive.price_to").value("50000"),
        open("missing size", "missing", sized, "").field(SIZE),
        open("missing size: null", "missing", "\"2\"", "null").field(SIZE),
        aggregated("missing size, aggregated", "missing", "\"quantity\":\"2\",", "")
            .field("execution_directive.instructions[0].params.quantity"),
        open("negative size", "not_positive", "\"2\"", "\"-2\"").field(SIZE).value("-2"),
        open("negative size: a JSON number", "not_positive", "\"2\"", "-2").field(SIZE).value("-2"),
        open("size of zero", "not_positive", "\"2\"", "0").field(SIZE).value("0"),
        close("negative size of a plan that exists", "negative", "CLOSE_EXISTING\",",
            "MODIFY_EXISTING\",\"size_directive\":{\"target_position_size\":\"-1\"},").field(SIZE).value("-1"),
        open("size is no number", "not_a_number", "\"2\"", "\"two\"").field(SIZE).value("two"),
        open("size is empty", "not_a_number", "\"2\"", "\"\"").field(SIZE).value(""),
        open("size with a decimal comma", "not_a_number", "\"2\"", "\"2,5\"").field(SIZE).value("2,5"),
        open("size is not finite", "not_finite", "\"2\"", "\"Infinity\"").field(SIZE).value("Infinity"),
        open("size beyond all bounds", "too_many_digits", "\"2\"", "1e400").field(SIZE).value("1e400"),
        open("precision beyond the tick", "off_tick", "\"49000\"", "\"49000.005\"").field(STOP).value("49000.005"),
        open("precision beyond the tick: a JSON number", "off_tick", "\"49000\"", "49000.005")
            .field(STOP).value("49000.005"),
        open("precision beyond the tick: a limit price", "off_tick", "\"direction\":\"BUY\"",
            "\"direction\":\"BUY\",\"order_type\":\"LIMIT\",\"limit_price\":\"50000.001\"")
            .field("directive.entry_directive.limit_price").value("50000.001"),
        open("precision beyond the lot", "off_lot", "\"2\"", "\"2.005\"").field(SIZE).value("2.005"),
        open("precision beyond the lot: less than one", "off_lot", "\"2\"", "\"0.001\"").field(SIZE).value("0.001"),
        aggregated("precision beyond the lot, aggregated", "off_lot", "\"2\"", "\"2.005\"")
            .field("execution_directive.instructions[0].params.quantity").value("2.005"),
        hinted("zero slices", "not_whole", &twap("0")).field(SLICES).value("0"),
        hinted("negative slices", "not_whole", &twap("-3")).field(SLICES).value("-3"),
        hinted("half a slice", "not_whole", &twap("1.5")).field(SLICES).value("1.5"),
        hinted("more slices than lots", "more_slices_than_lots", &twap("201")).field(SLICES).value("201"),
        aggregated("more slices than lots, aggregated", "more_slices_than_lots", "\"slices\":2", "\"slices\":201")
            .field("execution_directive.instructions[0].params.slices").value("201"),
        hinted("no slices", "missing_for", "\"algorithm\":\"TWAP\",\"duration_minutes\":10").field(SLICES),
        open("`at` before the data", "outside_data", "10:02:00Z", "09:59:59Z")
            .field("at").value("2024-05-06T09:59:59Z"),
        close("`at` after the data", "outside_data", "10:20:00Z", "10:30:01Z")
            .field("at").value("2024-05-06T10:30:01Z"),
        open("`at` before the data, by its offset", "outside_data", "10:02:00Z", "10:02:00+02:00")
            .field("at").value("2024-05-06T10:02:00+02:00"),
        close("`at` going back", "goes_back", "10:20:00Z", "10:01:00Z").field("at").value("2024-05-06T10:01:00Z"),
        open("`at` is no time", "not_a_time", "2024-05-06T10:02:00Z", "2024-05-06 10.02")
            .field("at").value("2024-05-06 10.02"),
        open("no `at`", "missing", "\"at\":\"2024-05-06T10:02:00Z\",", "").field("at"),
        close("unknown plan", "plan_not_named_before", "TPL_A", "SPREAD_7").field(PLANS).value("SPREAD_7"),
        close("unknown plan: a near miss", "plan_not_named_before", "TPL_A", "TPL_a").field(PLANS).value("TPL_a"),
        file("unknown plan: only a later line names it", "plan_not_named_before",
            format!("{}\n{OPEN}\n", replaced(CLOSE, "10:20", "10:01"))).line(1).field(PLANS).value("TPL_A"),
        file("unknown plan: MODIFY", "plan_not_named_before",
            replaced(CLOSE, "CLOSE_EXISTING\"", "MODIFY_EXISTING\",\"exit_directive\":{\"take_profit_price\":null}"))
            .line(1).field(PLANS).value("TPL_A"),
        close("empty target_plan_ids", "empty_list", "[\"TPL_A\"]", "[]").field(PLANS).value("[]"),
        close("no target_plan_ids", "missing", ",\"target_plan_ids\":[\"TPL_A\"]", "").field(PLANS),
        close("target_plan_ids is a text", "wrong_type", "[\"TPL_A\"]", "\"TPL_A\"").field(PLANS).value("TPL_A"),
        close("more plans than a directive may be for", "too_many", "[\"TPL_A\"]", &names(501)).field(PLANS),
        open("more causes than a directive may name", "too_many", "\"scope\"", &format!("\"causality\":{},\"scope\"", names(251)))
            .field("directive.causality"),
        close("a plan twice", "listed_twice", "[\"TPL_A\"]", "[\"TPL_A\",\"TPL_A\"]").field(PLANS).value("TPL_A"),
        file("a reused id with another body", "reused_id",
            format!("{OPEN}\n{}\n", OPEN.replace("\"2\"", "\"3\"").replace("10:02", "10:03")))
            .line(2).field("directive.directive_id").value("OPEN_1"),
        close("a reused id with another scope", "reused_id", "CLOSE_1", "OPEN_1")
            .field("directive.directive_id").value("OPEN_1"),
        file("a reused id in the aggregated form", "reused_id",
            format!("{AGGREGATED}\n{}\n", AGGREGATED.replace("\"2\"", "\"3\"")))
            .line(2).field("execution_directive.directive_id").value("EXD_1"),
        open("a field given twice", "field_twice", "\"scope\":", "\"scope\":\"NEW_TRADE\",\"scope\":")
            .field("directive.scope"),
        open("wrong type: a number for a name", "wrong_type", "\"OPEN_1\"", "17")
            .field("directive.directive_id").value("17"),
        open("wrong type: a truth value for a number", "wrong_type", "\"2\"", "true")
            .field(SIZE).value("true"),
        open("wrong type: a list for a group of fields", "wrong_type",
            "{\"symbol\":\"BTC/USDT\",\"direction\":\"BUY\"}", "[\"BTC/USDT\",\"BUY\",null,null,null,null]")
            .field("directive.entry_directive"),
        file("wrong type: a list for a line", "wrong_type", "[\"2024-05-06T10:02:00Z\",null,null]\n")
            .line(1),
        file("not JSON lines: one object over many lines", "syntax", OPEN.replace(',', ",\n")).line(1),
        file("not JSON lines: a comma behind each", "syntax", format!("{OPEN},\n{CLOSE}\n")).line(1),
        file("not JSON lines: a comment", "syntax", format!("# my trades\n{OPEN}\n")).line(1),
        file("cut off", "syntax", &format!("{OPEN}\n{CLOSE}")[..OPEN.len() + 60]).line(2),
        file("not text", "not_utf8", b"{\"at\":\"\xff\xfe\"}\n".as_slice()).line(1),
        file("empty file", "nothing", ""),
        file("empty file: blank lines alone", "nothing", "\n  \n"),
        Case::new("missing file", Files { directives: None, ..Files::good() }, "unreadable", FILE),
    ]
}

#[test]
fn every_bad_directive_file_is_refused() {
    refuse_all("directives", &cases());
}

/// As long as they may be, lists of the longest names fit into one event, and their plans' closes into one Step.
#[test]
fn the_longest_lists_that_are_taken_run() {
    let bench = Bench::new();
    let long = |prefix: &str, number: usize| format!("{prefix}{number:0>width$}", width = 64 - prefix.len());
    let mut lines: Vec<String> =
        (0..500).map(|plan| OPEN.replace("OPEN_1", &long("O", plan)).replace("TPL_A", &long("P", plan))).collect();
    let list = |prefix: &str, count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("\"{}\"", long(prefix, number))).collect();
        format!("[{}]", names.join(","))
    };
    let close = CLOSE.replace("[\"TPL_A\"]", &format!("{},\"causality\":{}", list("P", 500), list("C", 250)));
    lines.push(close);
    Files { directives: Some(lines.join("\n").into()), ..Files::good() }.write(&bench.path("case"));
    let (code, stdout, stderr) = bench.retrace(&["run", "case/session.yaml", "--db", "db", "--json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&summary["plans"], &summary["refusals"]), (&500.into(), &0.into()));
    assert_eq!(bench.retrace(&["verify", "refused", "--db", "db"]).0, 0);
}

/// Other spellings of the same directives run, to the same log.
#[test]
fn the_same_directives_spelled_otherwise_run() {
    let bench = Bench::new();
    let head = |name: &str, text: String| {
        let _ = std::fs::remove_dir_all(bench.path("other"));
        Files { directives: Some(text.into()), session: Some(SESSION.into()), ..Files::good() }
            .write(&bench.path("case"));
        let (code, stdout, stderr) = bench.retrace(&["run", "case/session.yaml", "--db", "other", "--json"]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()["head"].clone()
    };
    let good = format!("{OPEN}\n{CLOSE}\n");
    let plain = head("as it is", good.clone());
    for (name, text) in [
        ("CRLF", good.replace('\n', "\r\n")),
        ("a byte order mark", format!("\u{feff}{good}")),
        ("no end of the last line", good.trim_end().to_owned()),
        ("blank lines", format!("\n{OPEN}\n \t\n{CLOSE}\n\n")),
        ("blanks and tabs inside", good.replace("\":", "\"\t: ")),
        ("numbers as JSON numbers", good.replace("\"2\"", "2").replace("\"49000\"", "49000.00")),
        ("exponents", good.replace("\"2\"", "0.2e1").replace("\"49000\"", "\"4.9E4\"")),
        ("times without an offset", good.replace("00Z\"", "00\"")),
        ("times with another offset", good.replace("T10:", "T12:").replace("00Z\"", "00+02:00\"")),
        ("times as epoch milliseconds", good.replace("\"2024-05-06T10:02:00Z\"", "1714989720000")),
        ("escapes", good.replace("BTC/USDT", "BTC\\/USD\\u0054")),
        ("an action that is the usual one", good.replace("\"scope\"", "\"action\":\"EXECUTE_TRADE\",\"scope\"")),
    ] {
        assert_ne!(text, good, "{name}");
        assert_eq!(head(name, text), plain, "{name}");
    }
}
