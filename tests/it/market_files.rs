//! Market files as users have them: looked at, put into a session file by the lines that were printed, run and verified.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use retrace_tools::input::market::Columns;
use retrace_tools::inspect::{self, Inspection, OddityKind, Question};
use retrace_tools::session::{self, LoadedSession};
use serde_json::Value;
use tempfile::TempDir;

use crate::real::data_dir;

/// What stands beside the checkout: the file, its rows as its README says, and the first and last open times.
const REAL: &[(&str, u64, &str, &str)] = &[
    ("backtestingpy_EURUSD.csv", 5_000, "2017-04-19T09:00:00Z", "2018-02-07T15:00:00Z"),
    ("backtestingpy_GOOG.csv", 2_148, "2004-08-19T00:00:00Z", "2013-03-01T00:00:00Z"),
    ("binanceus_BTCUSDT_1m_2023-03.csv.xz", 30_240, "2023-03-01T00:00:00Z", "2023-03-21T23:59:00Z"),
    ("bitfinex_btcusd_1m_2015-08_flash_crash.csv.xz", 31_037, "2015-08-01T00:00:00Z", "2015-08-31T23:58:00Z"),
    ("bitfinex_btcusd_1m_2017-12.csv.xz", 44_593, "2017-12-01T00:00:00Z", "2017-12-31T23:59:00Z"),
    ("bitfinex_btcusd_1m_2019-09.csv.xz", 42_181, "2019-09-01T00:00:00Z", "2019-09-30T23:59:00Z"),
    ("btc-perp-20211231-20220201_1m.csv.xz", 45_031, "2021-12-31T23:01:00Z", "2022-02-01T05:31:00Z"),
    ("freqtrade_ETH_BTC-5m.csv.xz", 5_760, "2018-01-10T04:55:00Z", "2018-01-30T04:50:00Z"),
    ("fxcm_gbpusd_1m_ask_2012.csv.xz", 30_117, "2012-02-01T00:00:00Z", "2012-03-01T00:00:00Z"),
    ("fxcm_gbpusd_1m_bid_2012.csv.xz", 30_117, "2012-02-01T00:00:00Z", "2012-03-01T00:00:00Z"),
    ("lean_binance_btcusdt_1h_2018-05.csv", 120, "2018-05-01T00:00:00Z", "2018-05-05T23:00:00Z"),
    ("lean_bybit_btcusdt_1m_trades_20221213.csv.xz", 1_440, "2022-12-13T00:00:00Z", "2022-12-13T23:59:00Z"),
    ("lean_coinbase_btcusd_1d_2014-2018.csv", 1_318, "2014-12-01T00:00:00Z", "2018-08-13T00:00:00Z"),
    ("lean_coinbase_btcusd_1m_quotes_5days.csv.xz", 7_188, "2017-09-03T00:00:00Z", "2018-04-05T23:58:00Z"),
    ("lean_coinbase_btcusd_1m_trades_8days.csv.xz", 12_423, "2016-10-07T00:00:00Z", "2018-04-06T23:59:00Z"),
    ("lean_oanda_eurusd_1h_2007-2018.csv.xz", 74_439, "2007-01-01T21:00:00Z", "2018-12-31T21:00:00Z"),
    ("lean_oanda_eurusd_1m_quotes_15days.csv.xz", 18_184, "2014-05-01T00:00:00Z", "2018-04-04T23:59:00Z"),
];

/// Compares with the reviewed snapshot of that name.
macro_rules! matches_snapshot {
    ($assert:ident, $name:literal, $value:expr) => {
        insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"), prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::$assert!($name, $value);
        });
    };
}

fn look(path: &Path) -> Inspection {
    let path = path.to_owned();
    let question = Question { path, symbol: None, timeframe: None, columns: Columns::default(), decimals: None };
    inspect::inspect(&question).unwrap()
}

/// A session made of the lines that an inspection printed, in a folder of its own; a directive buys on the first bar.
fn session_of(dir: &Path, found: &Inspection) -> std::path::PathBuf {
    let symbol = found.suggestion.symbol.as_ref().map_or_else(|| "BASE/QUOTE".to_owned(), ToString::to_string);
    let (_, quote) = symbol.split_once('/').unwrap();
    let yaml = format!(
        "session: pasted\nmode: backtest\nstrategy: {{instance: s, directives: d.jsonl}}\n\
         account: {{quote: {quote}, balance: 1000000}}\n{}",
        found.suggestion.yaml
    );
    let directive = format!(
        "{{\"at\":\"{}\",\"directive\":{{\"directive_id\":\"D1\",\"scope\":\"NEW_TRADE\",\
         \"entry_directive\":{{\"symbol\":\"{symbol}\",\"direction\":\"BUY\"}},\
         \"size_directive\":{{\"target_position_size\":\"1\"}}}}}}\n",
        found.from
    );
    std::fs::write(dir.join("d.jsonl"), directive).unwrap();
    let path = dir.join("session.yaml");
    std::fs::write(&path, yaml).unwrap();
    path
}

fn load(dir: &Path, found: &Inspection) -> LoadedSession {
    session::load(&session_of(dir, found)).unwrap_or_else(|problem| panic!("{problem} {:?}", problem.hint()))
}

#[test]
fn the_lines_printed_for_each_real_file_make_a_session_with_all_its_rows() {
    let folder = data_dir().join("ohlcv");
    if !folder.exists() {
        eprintln!("skipped: no real market data beside the checkout");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, rows, from, to) in REAL {
        let found = look(&folder.join(name));
        assert_eq!(found.refused, None, "{name}");
        assert_eq!(
            (found.rows, found.from.to_string(), found.to.to_string()),
            (*rows, (*from).into(), (*to).into()),
            "{name}"
        );
        let loaded = load(dir.path(), &found);
        let bars = &loaded.tape.sets()[0].bars;
        let (first, last) = (bars.first().unwrap().open_time, bars.last().unwrap().open_time);
        assert_eq!((bars.len() as u64, first, last), (*rows, found.from, found.to), "{name}");
        let (gaps, note) = (loaded.data_notes[0].gaps, loaded.data_notes[0].rounded);
        assert_eq!((gaps.places, gaps.bars), (found.gaps.places, found.gaps.bars), "{name}");
        assert_eq!(note.map_or(0, |(prices, _)| prices), found.rounded, "{name}");
    }
    let listed = std::fs::read_dir(&folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        name.ends_with(".csv") || name.ends_with(".csv.xz")
    });
    assert_eq!(listed.count(), REAL.len(), "a file has no row in the list");
}

#[test]
fn what_is_known_of_real_files_is_found_in_them() {
    let folder = data_dir().join("ohlcv");
    if !folder.exists() {
        eprintln!("skipped: no real market data beside the checkout");
        return;
    }
    // 13602 minutes without trades have no row, says the README; the low is 162.
    let crash = look(&folder.join("bitfinex_btcusd_1m_2015-08_flash_crash.csv.xz"));
    assert_eq!(crash.gaps.bars, 13_602);
    let lowest = crash.outliers.widest.iter().map(|bar| bar.low).min().unwrap();
    assert_eq!(lowest.to_string(), "162");
    let december = look(&folder.join("bitfinex_btcusd_1m_2017-12.csv.xz"));
    assert_eq!(december.gaps.bars, 47);
    let september = look(&folder.join("bitfinex_btcusd_1m_2019-09.csv.xz"));
    assert_eq!(september.gaps.bars, 1_019);
    let noisy = look(&folder.join("freqtrade_ETH_BTC-5m.csv.xz"));
    let kinds: Vec<_> = noisy.oddities.iter().map(|oddity| (oddity.kind, oddity.count)).collect();
    assert_eq!(kinds, [(OddityKind::TooManyDecimals, 4_710)]);
    assert_eq!((noisy.suggestion.decimals, noisy.rounded), (Some(8), 4_710));
}

/// A folder with a market file of our own.
struct Place(TempDir);

impl Place {
    fn with(name: &str, text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
        Self(dir)
    }

    fn retrace(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_retrace")).args(args).current_dir(self.0.path()).output().unwrap()
    }

    /// Exit status and what stands on standard output and error.
    fn says(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.retrace(args);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

/// Two days of quotes by the minute, with noise of floating point in them, a spike, a gap and a crossed bar.
fn quotes() -> String {
    let mut text = String::new();
    for minute in 0..2_880_u32 {
        if (700..730).contains(&minute) {
            continue;
        }
        let bid = 1_000_000 + minute % 7 * 10 + minute;
        let ask = if minute == 900 { bid - 5 } else { bid + 20 };
        let high = if minute == 1_500 { bid * 3 } else { bid + 9 };
        let noise = if minute % 5 == 0 { "00000000001" } else { "" };
        let price = |units: u32| format!("{}.{:04}", units / 10_000, units % 10_000);
        let (day, ms) = (20_240_301 + minute / 1_440, minute % 1_440 * 60_000);
        let side = |open: u32, high: u32| {
            format!("{}{noise},{},{},{}", price(open), price(high), price(open - 9), price(open + 3))
        };
        writeln!(text, "{day},{ms},{},1,{},1", side(bid, high), side(ask, high.max(ask + 9))).unwrap();
    }
    text
}

#[test]
fn a_file_is_looked_at_put_to_use_run_and_verified() {
    let place = Place::with("ethusd_quotes.csv", &quotes());
    let (code, page, err) = place.says(&["market", "inspect", "ethusd_quotes.csv"]);
    assert_eq!((code, err.as_str()), (0, ""));
    matches_snapshot!(assert_snapshot, "inspect_quotes", page);
    let yaml = page.split_once("\nmarket:\n").unwrap().1;
    let session = format!(
        "session: quotes\nmode: backtest\nstrategy: {{instance: s, directives: d.jsonl}}\n\
         account: {{quote: USD, balance: 100000}}\nmarket:\n{yaml}"
    );
    let directive = "{\"at\":\"2024-03-01T00:10:00Z\",\"directive\":{\"directive_id\":\"D1\",\"scope\":\"NEW_TRADE\",\
                     \"entry_directive\":{\"symbol\":\"ETH/USD\",\"direction\":\"BUY\"},\
                     \"size_directive\":{\"target_position_size\":\"2\"},\"exit_directive\":{\"stop_loss_price\":\"90\"}}}\n";
    std::fs::write(place.0.path().join("s.yaml"), session).unwrap();
    std::fs::write(place.0.path().join("d.jsonl"), directive).unwrap();
    let (code, _, notes) = place.says(&["run", "s.yaml", "--db", "db"]);
    assert_eq!(code, 0, "{notes}");
    assert_eq!(
        notes,
        "warning: ETH/USD: 1140 prices rounded to 4 decimals, as the session asks\n\
         warning: ETH/USD: 30 bars missing in 1 place, the first after 2024-03-01 11:39:00\n\
         warning: ETH/USD: the data has no volume, so no fill is capped by it\n"
    );
    // The market file is read again by what the session kept of its configuration.
    let (code, verified, notes) = place.says(&["verify", "quotes", "--db", "db"]);
    assert_eq!((code, notes.as_str()), (0, ""), "{verified}");
}

const ODD: &str = "Date,Open,High,Low,Close,Volume,Trades
2024-01-01 00:00:00,100,101,99,100.5,1,3
2024-01-01 00:01:00,100.5,101,99,100.5,0,3
2024-01-01 00:02:00,100.5,101,99,100.5,-1,3
2024-01-01 00:03:00,100.5,98,99,100.5,1,3
2024-01-01 00:03:00,100.5,101,99,100.5,1,3
2024-01-01 00:02:30,100.5,101,99,100.5,1,3
2024-01-01 00:05:00,NaN,101,99,100.5,1,3
2024-01-01 00:06:00,100.5,101,99,100.5,,3
2024-01-01 00:07:00,100.5,101,99,100.5,1
2024-01-01 00:08:00,100.5,1.01e5,99,100.5,1,3
noon,100.5,101,99,100.5,1,3
2024-01-01 00:09:20,100.5,101,99,100.5,1,3
2024-01-01 00:10:00,100.5,101,99,103.5,1,3
2024-01-01 00:11:00,100,100,100,100,1,3
2024-01-01 00:12:00,100,1e15,99,100,1,3
2024-01-01 00:13:00,0,101,0,100,1,3
2024-01-01 00:14:00,one,101,99,100,1,3
1704067860,100.5,101,99,103.5,1,3
";

#[test]
fn wrong_rows_are_findings_and_the_file_is_looked_at_to_its_end() {
    let place = Place::with("odd.csv", ODD);
    let (code, page, err) = place.says(&["market", "inspect", "odd.csv", "--symbol", "A/B"]);
    assert_eq!((code, err.as_str()), (1, ""));
    matches_snapshot!(assert_snapshot, "inspect_odd", page);
    let (code, json, err) = place.says(&["market", "inspect", "odd.csv", "--json"]);
    assert_eq!((code, err.as_str()), (1, ""));
    let json: Value = serde_json::from_str(&json).unwrap();
    matches_snapshot!(assert_json_snapshot, "inspect_odd_json", json);
}

#[test]
fn what_cannot_be_read_at_all_could_not_be_looked_at() {
    let place = Place::with("empty.csv", "");
    let put = |name: &str, text: &[u8]| std::fs::write(place.0.path().join(name), text).unwrap();
    put("header.csv", b"time,open,high,low,close\n");
    put("words.csv", b"to be,or not\nto be,that is\n");
    put("torn.csv.gz", b"\x1f\x8b\x08\x00");
    put("times.csv", b"time,open,high,low,close\nnoon,1,1,1,1\n");
    let mut story = String::new();
    for name in ["empty.csv", "header.csv", "words.csv", "torn.csv.gz", "times.csv", "none.csv"] {
        let (code, page, err) = place.says(&["market", "inspect", name]);
        assert_eq!((code, page.as_str()), (2, ""), "{name}");
        story.push_str(&err);
    }
    for wrong in [
        &["--layout", "binance"][..],
        &["--column", "opening=o"],
        &["--column", "open"],
        &["--price", "last"],
        &["--decimals", "13"],
        &["--timeframe", "1 minute"],
        &["--symbol", "btc"],
        &["--layout", "lean_trades", "--header", "a,b"],
    ] {
        let (code, _, err) = place.says(&[&["market", "inspect", "header.csv"], wrong].concat());
        assert_eq!(code, 2, "{wrong:?}");
        story.push_str(err.lines().next().unwrap());
        story.push('\n');
    }
    matches_snapshot!(assert_snapshot, "inspect_refusals", story);
}

#[test]
fn a_torn_file_is_looked_at_as_far_as_it_goes() {
    let mut text = String::from("time,open,high,low,close\n");
    for minute in 0..1_440_u32 {
        let (hour, part, close) = (minute / 60, minute % 60, minute.wrapping_mul(7_919) % 1_000);
        writeln!(text, "2024-01-01 {hour:02}:{part:02}:00,100,101,99,100.{close:03}").unwrap();
    }
    let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 6);
    std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let place = Place::with("x.csv", "");
    std::fs::write(place.0.path().join("torn.csv.xz"), &packed[..packed.len() * 3 / 4]).unwrap();
    let (code, json, _) = place.says(&["market", "inspect", "torn.csv.xz", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let rows = json["rows"].as_u64().unwrap();
    assert!((500..=1_440).contains(&rows), "{rows}");
    assert_eq!((code, json["oddities"][0]["kind"].as_str()), (1, Some("unreadable")));
    assert!(json["refused"].as_str().unwrap().contains("ends early or is damaged"), "{json}");
}

/// Every answer that a question may give in advance leads to the same bars.
#[test]
fn what_is_known_may_be_said() {
    let place = Place::with("a.csv", "1710000000,100,100.5,101,99,3\n1710000060,100.5,100.25,102,100,4\n");
    let usable = |args: &[&str]| {
        let (code, json, err) = place.says(&[&["market", "inspect", "a.csv", "--json"], args].concat());
        assert_eq!(code, 0, "{args:?} {err}{json}");
        serde_json::from_str::<Value>(&json).unwrap()["suggestion"]["yaml"].as_str().unwrap().to_owned()
    };
    let told = usable(&["--symbol", "A/B"]);
    assert!(told.contains("    header: [time, open, close, high, low, volume]\n"), "{told}");
    assert_eq!(usable(&["--symbol", "A/B", "--header", "time,open,close,high,low,volume"]), told);
    let columns: &[&str] = &[
        "--header",
        "t,o,c,h,l,v",
        "--column",
        "time=t",
        "--column",
        "open=o",
        "--column",
        "close=c",
        "--column",
        "high=h",
        "--column",
        "low=l",
        "--timeframe",
        "30s",
        "--decimals",
        "1",
    ];
    let said = usable(columns);
    for line in ["timeframe: 30s\n", "header: [t, o, c, h, l, v]\n", "decimals: 1 ", "columns: {time: t, open: o, "] {
        assert!(said.contains(line), "{said}");
    }
    // Names of the file's own are told by its values, and quoted where YAML needs it.
    let row = "2024-03-09 16:00:00,1,2,1,2,7\n";
    std::fs::write(place.0.path().join("a.csv"), format!("t,No,\"top: \",low,last,many\n{row}")).unwrap();
    let told = usable(&["--symbol", "A/B", "--timeframe", "1m"]);
    let columns = "columns: {time: t, open: \"No\", high: \"top:\", close: last, volume: many}\n";
    assert!(told.contains(columns), "{told}");
    let found = look(&place.0.path().join("a.csv"));
    assert_eq!(load(place.0.path(), &found).tape.sets()[0].bars.len(), 1);
}
