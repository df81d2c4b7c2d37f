//! Every refusal of an input file, its message in one reviewed snapshot a file kind; and the real January file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use retrace_core::ids::SessionUid;
use retrace_core::time::Timestamp;
use retrace_replay::tape::VolumeUnit;

use crate::input::directives::{self, DataSpan, ParsedDirective, strategy_digest};
use crate::input::market::{self, Columns, GapPolicy, MarketFile};
use crate::input::problem::InputProblem;
use crate::input::session::{self, SessionFile};

const SESSION: &str = r#"session: btc-protected-twap
mode: backtest
strategy: { instance: TWAP_BTC_01, directives: twap.jsonl }
market:
  - { symbol: BTC/USDT, timeframe: 1m, bars: btc.csv.xz, volume_unit: base, columns: {time: timestamp, open: open, high: high, low: low, close: close, volume: volume} }
instruments: { BTC/USDT: { tick: "0.01", lot: "0.01", min_notional: "10" } }
account: { quote: USDT, balance: "1000000" }
venue: { profile: backtest, fees: {maker: "0", taker: "0.001"}, fee_asset: quote, path: pessimistic, slippage_bps: "0", latency_ms: 0, max_volume_share: "1" }
"#;

fn sample_session() -> SessionFile {
    session::parse(Path::new("runs/btc.yaml"), SESSION).unwrap()
}

fn describe(story: &mut String, case: &str, problem: &InputProblem) {
    writeln!(story, "{case}\n  {problem}").unwrap();
    if let Some(hint) = problem.hint() {
        writeln!(story, "  hint: {hint}").unwrap();
    }
}

// ---- session file ----

#[test]
fn the_sample_session_file_is_understood() {
    let session = sample_session();
    assert_eq!(session.directives, Path::new("runs/twap.jsonl"));
    assert_eq!(session.market[0].path, Path::new("runs/btc.csv.xz"));
    assert_eq!(session.market[0].period.to_string(), "1 min");
    assert_eq!(session.market[0].columns.time.as_deref(), Some("timestamp"));
    assert_eq!(session.instruments[0].tick.to_string(), "0.01");
    assert_eq!(session.account.balance.to_string(), "1000000");
    assert_eq!(
        (session.venue.maker_fee.to_string(), session.venue.taker_fee.to_string()),
        ("0".into(), "0.001".into())
    );
    assert_eq!(session.text, SESSION);
}

#[test]
fn plain_yaml_numbers_are_taken_from_their_text() {
    let text = SESSION.replace("tick: \"0.01\"", "tick: 0.000000000001").replace("\"1000000\"", "100000000000.1234567");
    let session = session::parse(Path::new("s.yaml"), &text).unwrap();
    assert_eq!(session.instruments[0].tick.to_string(), "0.000000000001");
    assert_eq!(session.account.balance.to_string(), "100000000000.1234567");
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let text = "session: s\nmode: backtest\nstrategy: {instance: a, directives: d}\n\
                market: [{symbol: ETH/BTC, timeframe: 4h, bars: e.csv}]\n\
                instruments: {ETH/BTC: {tick: 0.1, lot: 1}}\naccount: {quote: BTC, balance: 5}\n";
    let session = session::parse(Path::new("s.yaml"), text).unwrap();
    assert_eq!((session.gaps, session.market[0].volume_unit), (GapPolicy::Allow, VolumeUnit::Base));
    assert_eq!(session.market[0].columns, Columns::default());
    assert!(session.venue.taker_fee.is_zero() && session.instruments[0].min_notional.value().is_zero());
    assert_eq!(session.venue.max_volume_share.to_string(), "1");
}

#[test]
fn session_file_refusals() {
    let edits: &[(&str, &str, &str)] = &[
        ("not a name", "session: btc-protected-twap", "session: two words"),
        ("a mode of a later part", "mode: backtest", "mode: live"),
        ("unknown mode", "mode: backtest", "mode: backtset"),
        ("unknown key", "account:", "acount: {}\naccount:"),
        ("unknown nested key", "maker: \"0\"", "makr: \"0\""),
        ("duplicate key", "mode: backtest", "mode: backtest\nmode: backtest"),
        ("duplicate nested key", "quote: USDT", "quote: USDT, quote: USDT"),
        ("duplicate instrument", "instruments: {", "instruments: { BTC/USDT: {tick: 1, lot: 1},"),
        ("missing key", "mode: backtest\n", ""),
        ("missing nested key", "timeframe: 1m, ", ""),
        ("a list for a text", "session: btc-protected-twap", "session: [a]"),
        ("a text for a map", "{maker: \"0\", taker: \"0.001\"}", "free"),
        ("null", "instance: TWAP_BTC_01", "instance: ~"),
        ("empty path", "directives: twap.jsonl", "directives: ''"),
        ("a brace that does not close", "mode: backtest", "mode: {backtest"),
        ("a quote that does not close", "mode: backtest", "mode: \"backtest"),
        ("a tab for a blank", "mode: backtest", "\tmode: backtest"),
        ("timeframe", "timeframe: 1m", "timeframe: 1 minute"),
        ("timeframe of nothing", "timeframe: 1m", "timeframe: 0m"),
        ("volume unit", "volume_unit: base", "volume_unit: lots"),
        ("symbol", "symbol: BTC/USDT", "symbol: BTCUSDT"),
        ("no instrument", "instruments: { BTC/USDT:", "instruments: { ETH/USDT:"),
        ("a symbol in lower case", "instruments: { BTC/USDT:", "instruments: { btc/usdt:"),
        (
            "no instruments",
            "instruments: { BTC/USDT: { tick: \"0.01\", lot: \"0.01\", min_notional: \"10\" } }",
            "instruments: {}",
        ),
        ("other quote", "quote: USDT", "quote: EUR"),
        ("not an asset", "quote: USDT", "quote: Us Dollar"),
        ("tick of zero", "tick: \"0.01\"", "tick: \"0\""),
        ("lot not a number", "lot: \"0.01\"", "lot: \"0,01\""),
        ("tick too fine", "tick: \"0.01\"", "tick: 1e-13"),
        ("negative minimum notional", "min_notional: \"10\"", "min_notional: \"-10\""),
        ("balance too large", "balance: \"1000000\"", "balance: 1e13"),
        ("balance not finite", "balance: \"1000000\"", "balance: .inf"),
        ("cash check", "balance: \"1000000\"", "balance: 1, check: cash"),
        ("unknown check", "balance: \"1000000\"", "balance: 1, check: margin"),
        ("profile", "profile: backtest", "profile: binance"),
        ("fee in per cent", "taker: \"0.001\"", "taker: \"0.1\""),
        ("slippage", "slippage_bps: \"0\"", "slippage_bps: \"-1\""),
        ("latency", "latency_ms: 0", "latency_ms: 1.5"),
        ("volume share", "max_volume_share: \"1\"", "max_volume_share: \"0\""),
        ("fee asset", "fee_asset: quote", "fee_asset: bnb"),
        ("path", "path: pessimistic", "path: hloc"),
        ("gaps", "account:", "gaps: warn\naccount:"),
    ];
    let mut story = String::new();
    for (case, from, to) in edits {
        assert!(SESSION.contains(from), "{case}");
        let problem = session::parse(Path::new("btc.yaml"), &SESSION.replacen(from, to, 1)).unwrap_err();
        describe(&mut story, case, &problem);
    }
    let second = "market:\n  - { symbol: BTC/USDT, timeframe: 5m, bars: x.csv }";
    let twice = SESSION.replace("market:", second);
    describe(&mut story, "two data sets of a symbol", &session::parse(Path::new("btc.yaml"), &twice).unwrap_err());
    let no_market = SESSION.lines().filter(|l| !l.starts_with("  - ")).collect::<Vec<_>>().join("\n");
    for (case, with) in [("no market data", "market: []"), ("null market data", "market:")] {
        let text = no_market.replace("market:", with).replace(
            "instruments: { BTC/USDT: { tick: \"0.01\", lot: \"0.01\", min_notional: \"10\" } }",
            "instruments: {}",
        );
        describe(&mut story, case, &session::parse(Path::new("btc.yaml"), &text).unwrap_err());
    }
    describe(&mut story, "empty file", &session::parse(Path::new("btc.yaml"), " \n").unwrap_err());
    describe(&mut story, "missing file", &session::read(Path::new("no/such.yaml")).unwrap_err());
    insta::assert_snapshot!("session_file_refusals", story);
}

// ---- market data ----

fn market_file(path: &Path) -> MarketFile {
    MarketFile { path: path.to_owned(), ..sample_session().market.remove(0) }
}

fn read_text(text: &str, gaps: GapPolicy) -> Result<market::MarketData, InputProblem> {
    let file = MarketFile { columns: Columns::default(), ..market_file(Path::new("btc.csv")) };
    market::read_from(text.as_bytes(), &file, gaps)
}

const HEADER: &str = "timestamp,open,high,low,close,volume\n";

#[test]
fn market_refusals() {
    let first = "2022-01-21 10:00:00,100,110,90,105,3.5\n";
    let rows: &[(&str, &str)] = &[
        ("out of order", "2022-01-21 09:59:00,100,110,90,105,3.5"),
        ("duplicated", "2022-01-21 10:00:00,100,110,90,105,3.5"),
        ("step below the timeframe", "2022-01-21 10:00:30,100,110,90,105,3.5"),
        ("high below low", "2022-01-21 10:01:00,100,80,90,95,3.5"),
        ("open outside the range", "2022-01-21 10:01:00,120,110,90,105,3.5"),
        ("close outside the range", "2022-01-21 10:01:00,100,110,90,89.99,3.5"),
        ("negative volume", "2022-01-21 10:01:00,100,110,90,105,-1"),
        ("NaN", "2022-01-21 10:01:00,NaN,110,90,105,1"),
        ("infinity", "2022-01-21 10:01:00,100,inf,90,105,1"),
        ("empty field", "2022-01-21 10:01:00,100,110,,105,1"),
        ("empty volume", "2022-01-21 10:01:00,100,110,90,105,"),
        ("empty time", ",100,110,90,105,1"),
        ("missing field", "2022-01-21 10:01:00,100,110,90,105"),
        ("too many fields", "2022-01-21 10:01:00,100,110,90,105,1,"),
        ("not a number", "2022-01-21 10:01:00,100,110,90,1o5,1"),
        ("price of zero", "2022-01-21 10:01:00,0,110,0,105,1"),
        ("too many decimals", "2022-01-21 10:01:00,100.0000000000001,110,90,105,1"),
        ("too large", "2022-01-21 10:01:00,100,1e12,90,105,1"),
        ("too many digits", "2022-01-21 10:01:00,100,110,90,105,0.12345678901234567890123456789"),
        ("not a time", "21.01.2022 10:01,100,110,90,105,1"),
        ("no such day", "2022-02-30 10:01:00,100,110,90,105,1"),
        ("mixed times", "1642759260,100,110,90,105,1"),
        ("time out of range", "99999999999,100,110,90,105,1"),
    ];
    let mut story = String::new();
    for (case, row) in rows {
        let problem = read_text(&format!("{HEADER}{first}{row}\n"), GapPolicy::Allow).unwrap_err();
        describe(&mut story, case, &problem);
    }
    for (case, text) in [
        ("empty file", String::new()),
        ("header only", HEADER.to_owned()),
        ("missing column", format!("timestamp,o,high,low,close\n{first}")),
        ("no header", first.to_owned()),
        ("a column twice", format!("timestamp,open,high,low,close,close\n{first}")),
    ] {
        describe(&mut story, case, &read_text(&text, GapPolicy::Allow).unwrap_err());
    }
    let gap = format!("{HEADER}{first}2022-01-21 10:05:00,100,110,90,105,1\n");
    describe(&mut story, "gap", &read_text(&gap, GapPolicy::Refuse).unwrap_err());
    let mapped = market_file(Path::new("btc.csv"));
    let text = HEADER.replace("volume", "Volume");
    let problem = market::read_from(text.as_bytes(), &mapped, GapPolicy::Allow).unwrap_err();
    describe(&mut story, "a mapped column that is not there", &problem);
    let binary: &[u8] = b"timestamp,open,high,low,close\n2022-01-21,\xff\xfe,1,1,1\n";
    let problem = market::read_from(binary, &market_file(Path::new("btc.csv")), GapPolicy::Allow);
    describe(&mut story, "not text, mapped", &problem.unwrap_err());
    let file = MarketFile { columns: Columns::default(), ..mapped };
    describe(&mut story, "not text", &market::read_from(binary, &file, GapPolicy::Allow).unwrap_err());
    describe(
        &mut story,
        "missing file",
        &market::read(&market_file(Path::new("no/such.csv")), GapPolicy::Allow).unwrap_err(),
    );
    insta::assert_snapshot!("market_refusals", story);
}

#[test]
fn bars_are_read_as_they_stand() {
    let text = "Date,Open,High,Low,Close\n1642759200000,100,1.1e2,90,105.50\n1642759290000,105.5,106,1e-5,0.00002\n\
                1642759500000,1,1,1,1\n";
    let read = read_text(text, GapPolicy::Allow).unwrap();
    let prices: Vec<String> =
        read.data.bars.iter().map(|b| format!("{} {} {} {}", b.open, b.high, b.low, b.close)).collect();
    assert_eq!(prices, ["100 110 90 105.5", "105.5 106 0.00001 0.00002", "1 1 1 1"]);
    assert_eq!(read.data.bars[0].volume, None);
    // 90 seconds after the first, then 3.5 minutes: a part of a bar counts whole.
    assert_eq!((read.gaps.places, read.gaps.bars), (2, 1 + 3));
    assert_eq!(read.gaps.first_after.map(|t| t.to_string()).as_deref(), Some("2022-01-21T10:00:00Z"));
}

#[test]
fn damaged_compression_is_noticed() {
    let mut text = HEADER.to_owned();
    for minute in 0..600 {
        writeln!(text, "2022-01-21 {:02}:{:02}:00,100,110,90,105,{minute}", minute / 60, minute % 60).unwrap();
    }
    let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 6);
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        market::read(&market_file(&path), GapPolicy::Allow)
    };
    assert_eq!(read("whole.csv.xz", &packed).unwrap().data.bars.len(), 600);
    let mut flipped = packed.clone();
    flipped[packed.len() / 2] ^= 0x10;
    let mut story = String::new();
    for (case, bytes) in [
        ("cut in the middle", &packed[..packed.len() / 2]),
        ("cut at the end", &packed[..packed.len() - 1]),
        ("one bit flipped", flipped.as_slice()),
        ("not compressed at all", text.as_bytes()),
        ("empty", &[]),
        ("something behind it", &[packed.as_slice(), b"x,y"].concat()),
    ] {
        let problem = read("bad.csv.xz", bytes).unwrap_err();
        describe(&mut story, case, &problem);
    }
    for length in (0..packed.len()).step_by(7) {
        assert!(read("cut.csv.xz", &packed[..length]).is_err(), "cut to {length} bytes");
    }
    let story = story.replace(&dir.path().display().to_string(), "[dir]");
    insta::assert_snapshot!("damaged_compression", story);
}

#[test]
fn the_real_january_file_has_no_gap() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ohlcv");
    let path = folder.join("btc-perp-20211231-20220201_1m.csv.xz");
    if !path.exists() {
        println!("skipped: the real data is not here");
        return;
    }
    let read = market::read(&market_file(&path), GapPolicy::Refuse).unwrap();
    assert_eq!(read.data.bars.len(), 45_031);
    assert_eq!(read.gaps, market::Gaps::default());
    let (first, last) = (read.data.bars.first().unwrap(), read.data.bars.last().unwrap());
    assert_eq!(first.open_time.to_string(), "2021-12-31T23:01:00Z");
    assert_eq!((first.open.to_string(), first.volume.unwrap().to_string()), ("46319".into(), "2300413.7295".into()));
    assert_eq!(last.open_time.since(first.open_time).nanos(), 45_030 * 60_000_000_000);
}

// ---- directives ----

fn data() -> DataSpan {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    DataSpan { from: at("2022-01-21T00:00:00Z"), to: at("2022-01-22T00:00:00Z") }
}

fn read_lines(lines: &str) -> Result<Vec<ParsedDirective>, InputProblem> {
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
    let digest = |text: &str| strategy_digest(&read_lines(text).unwrap());
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
        ("at is no time", changed(NEW, &[("2022-01-21T10:00:00Z", "tomorrow")])),
        ("at before the data", changed(NEW, &[("2022-01-21T10", "2022-01-20T10")])),
        ("at after the data", changed(NEW, &[("2022-01-21T10:00:00Z", "2022-01-22T00:00:01Z")])),
        ("at goes back", format!("{NEW}\n{}", changed(MODIFY, &[("T12", "T09")]))),
        ("bad id", changed(NEW, &[("STR_001", "STR 001")])),
        ("unknown scope", changed(NEW, &[("NEW_TRADE", "NEWTRADE")])),
        ("unknown action", changed(NEW, &[("\"scope\"", "\"action\":\"EXECUTE\",\"scope\"")])),
        ("an action of a later part", changed(NEW, &[("\"scope\"", "\"action\":\"CANCEL_GROUP\",\"scope\"")])),
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
        ("until a time that no field gives", changed(NEW, &[("\"MARKET\"", "\"MARKET\",\"time_in_force\":\"GTD\"")])),
        ("stop at the limit price", limit.clone()),
        (
            "take profit below a long limit",
            changed(&limit, &[("\"37000\",\"take_profit_price\":null", "\"36000\",\"take_profit_price\":\"36500\"")]),
        ),
        ("take profit at a short limit", short.clone()),
        ("stop below a short limit", changed(&short, &[("38000", "36000")])),
        ("unknown algorithm", changed(NEW, &[("\"TWAP\"", "\"VWAP\"")])),
        ("an algorithm of a later part", changed(NEW, &[("\"TWAP\"", "\"ICEBERG\"")])),
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
        ("stop and tolerance", changed(NEW, &[("\"37000\"", "\"37000\",\"stop_loss_tolerance\":\"0.01\"")])),
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
