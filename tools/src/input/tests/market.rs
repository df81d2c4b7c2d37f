//! Market data: what is read, what is refused, and the real January file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::{describe, sample_session};
use crate::input::market::{self, Columns, GapPolicy, MarketFile};
use crate::input::problem::InputProblem;

pub(super) fn market_file(path: &Path) -> MarketFile {
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
