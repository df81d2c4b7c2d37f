//! Market rows and files.

use std::io::Write as _;

use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{BARS, Bench, Case, Files, HEADER, SESSION, bars, refuse_all, row};

const FILE: &str = "case/market.csv";

/// The good file with another row in the place of that of minute 4, which stands on line 6.
fn with_row(name: &str, code: &'static str, text: &str) -> Case {
    Case::new(name, Files { market: Some(bars().replace(&row(4), text).into()), ..Files::good() }, code, FILE).line(6)
}

/// Another whole file.
fn with_file(name: &str, code: &'static str, text: impl Into<Vec<u8>>) -> Case {
    Case::new(name, Files { market: Some(text.into()), ..Files::good() }, code, FILE)
}

/// A file of another name, which the session file gives.
fn with_name(name: &str, code: &'static str, file: &'static str, packed: Vec<u8>) -> Case {
    let market_name = file.strip_prefix("case/").unwrap();
    let session = SESSION.replace("market.csv", market_name);
    let files = Files { market: Some(packed), market_name, session: Some(session.into()), ..Files::good() };
    Case::new(name, files, code, file)
}

pub(super) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = XzEncoder::new(Vec::new(), 6);
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Every way to pack a file: the ending of its name, and how it is packed.
type Packing = (&'static str, fn(&[u8]) -> Vec<u8>);
const PACKINGS: [Packing; 3] = [("case/market.csv.xz", xz), ("case/market.csv.gz", gz), ("case/market.csv.zst", zst)];

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        with_row("rows out of order", "goes_back", "2024-05-06T10:01:30Z,50100,50200,50000,50100,100")
            .field("timestamp").value("2024-05-06T10:01:30Z"),
        with_file("rows out of order: two swapped", "goes_back", swapped())
            .line(6).field("timestamp").value("2024-05-06T10:03:00Z"),
        with_file("rows out of order: newest first", "goes_back", newest_first())
            .line(3).field("timestamp").value("2024-05-06T10:28:00Z"),
        with_row("duplicated", "time_twice", &row(3)).field("timestamp").value("2024-05-06T10:03:00Z"),
        with_row("duplicated, with another offset", "time_twice", "2024-05-06T12:03:00+02:00,50100,50200,50000,50100,100")
            .field("timestamp").value("2024-05-06T12:03:00+02:00"),
        with_row("closer than the timeframe", "overlaps", "2024-05-06T10:03:30Z,50100,50200,50000,50100,100")
            .field("timestamp").value("2024-05-06T10:03:30Z"),
        with_row("high below low", "high_below_low", "2024-05-06T10:04:00Z,50100,49900,50000,50100,100")
            .field("high").value("49900"),
        with_row("open outside the range: above", "outside_bar", "2024-05-06T10:04:00Z,50300,50200,50000,50100,100")
            .field("open").value("50300"),
        with_row("open outside the range: below", "outside_bar", "2024-05-06T10:04:00Z,49999.99,50200,50000,50100,100")
            .field("open").value("49999.99"),
        with_row("close outside the range: above", "outside_bar", "2024-05-06T10:04:00Z,50100,50200,50000,50200.01,100")
            .field("close").value("50200.01"),
        with_row("close outside the range: below", "outside_bar", "2024-05-06T10:04:00Z,50100,50200,50000,49000,100")
            .field("close").value("49000"),
        with_row("negative volume", "negative", "2024-05-06T10:04:00Z,50100,50200,50000,50100,-0.5")
            .field("volume").value("-0.5"),
        with_row("negative price", "not_positive", "2024-05-06T10:04:00Z,50100,50200,-50000,50100,100")
            .field("low").value("-50000"),
        with_row("price of zero", "not_positive", "2024-05-06T10:04:00Z,50100,50200,0,50100,100")
            .field("low").value("0"),
        with_row("NaN as a price", "not_finite", "2024-05-06T10:04:00Z,NaN,50200,50000,50100,100")
            .field("open").value("NaN"),
        with_row("NaN as a volume", "not_finite", "2024-05-06T10:04:00Z,50100,50200,50000,50100,nan")
            .field("volume").value("nan"),
        with_row("infinity", "not_finite", "2024-05-06T10:04:00Z,50100,inf,50000,50100,100")
            .field("high").value("inf"),
        with_row("minus infinity", "not_finite", "2024-05-06T10:04:00Z,50100,50200,-Infinity,50100,100")
            .field("low").value("-Infinity"),
        with_row("null for a number", "not_a_number", "2024-05-06T10:04:00Z,50100,null,50000,50100,100")
            .field("high").value("null"),
        with_row("a thousands separator", "not_a_number", "2024-05-06T10:04:00Z,\"50,100\",50200,50000,50100,100")
            .field("open").value("50,100"),
        with_row("a price out of floating point", "too_many_decimals", "2024-05-06T10:04:00Z,50100.0000000000001,50200,50000,50100,100")
            .field("open").value("50100.0000000000001"),
        with_row("empty field", "empty", "2024-05-06T10:04:00Z,50100,,50000,50100,100").field("high"),
        with_row("empty field: blanks", "empty", "2024-05-06T10:04:00Z,50100,50200,   ,50100,100").field("low"),
        with_row("empty field: quoted", "empty", "2024-05-06T10:04:00Z,\"\",50200,50000,50100,100").field("open"),
        with_row("empty field: volume", "empty", "2024-05-06T10:04:00Z,50100,50200,50000,50100,").field("volume"),
        with_row("empty field: time", "empty", ",50100,50200,50000,50100,100").field("timestamp"),
        with_row("missing field", "field_count", "2024-05-06T10:04:00Z,50100,50200,50000,50100").field("volume"),
        with_row("missing field: only a time", "field_count", "2024-05-06T10:04:00Z").field("open"),
        with_row("a field too many", "field_count", "2024-05-06T10:04:00Z,50100,50200,50000,50100,100,"),
        with_file("missing field: cut off in the last row", "field_count", &bars()[..bars().len() - 20])
            .line(u64::from(BARS) + 1).field("low"),
        with_file("missing column", "missing_column", bars().replace("close", "last")).line(1).field("close"),
        with_file("missing column: time", "missing_column", bars().replace("timestamp", "when")).line(1).field("time"),
        with_file("missing column: separated by semicolons", "missing_column", bars().replace(',', ";"))
            .line(1).field("time"),
        with_file("missing column: separated by tabs", "missing_column", bars().replace(',', "\t"))
            .line(1).field("time"),
        with_file("missing column: no header", "no_header", bars().replace(&format!("{HEADER}\n"), ""))
            .line(1),
        mapped("missing column: mapped to a name that is not there", "{ volume: Volume }", "missing_column")
            .line(1).field("Volume"),
        with_file("a column twice", "column_twice", bars().replace("volume", "close")).line(1).field("close"),
        with_row("unparsable time", "not_a_time", "06.05.2024 10:04,50100,50200,50000,50100,100")
            .field("timestamp").value("06.05.2024 10:04"),
        with_row("unparsable time: no such minute", "not_a_time", "2024-05-06T10:64:00Z,50100,50200,50000,50100,100")
            .field("timestamp").value("2024-05-06T10:64:00Z"),
        with_row("unparsable time: no such day", "not_a_time", "2024-02-30T10:04:00Z,50100,50200,50000,50100,100")
            .field("timestamp").value("2024-02-30T10:04:00Z"),
        with_row("unparsable time: the header again", "not_a_time", HEADER).field("timestamp").value("timestamp"),
        with_row("a time out of range", "time_out_of_range", "99999999999,50100,50200,50000,50100,100")
            .field("timestamp").value("99999999999"),
        with_row("mixed times: epoch among texts", "mixed_times", "1714989840,50100,50200,50000,50100,100")
            .field("timestamp").value("1714989840"),
        with_row("mixed times: one without an offset", "mixed_times", "2024-05-06 10:04:00,50100,50200,50000,50100,100")
            .field("timestamp").value("2024-05-06 10:04:00"),
        with_file("mixed times: seconds after milliseconds", "mixed_times", format!("{HEADER}\n1714989600000,1,1,1,1,1\n1714989660,1,1,1,1,1\n"))
            .line(3).field("timestamp").value("1714989660"),
        with_file("empty file: zero bytes", "empty_file", ""),
        with_file("empty file: a byte order mark alone", "empty_file", "\u{feff}"),
        with_file("empty file: blank lines alone", "empty_file", "\n\n\n"),
        with_file("empty file: header only", "nothing", format!("{HEADER}\n")),
        with_file("not text: UTF-16", "not_utf8", utf16(&bars())).line(1),
        with_file("a packed file without its ending", "other_compression", xz(bars().as_bytes())),
        with_file("a line without an end", "row_too_long", vec![b'0'; 3 << 20]),
        Case::new("missing file", Files { market: None, ..Files::good() }, "unreadable", FILE),
        Case::new(
            "missing bars where the session says `gaps: error`",
            Files {
                market: Some(bars().replace(&format!("{}\n", row(4)), "").into()),
                session: Some(SESSION.replace("account:", "gaps: error\naccount:").into()),
                ..Files::good()
            },
            "gap",
            FILE,
        ).line(6).field("timestamp").value("2024-05-06T10:05:00Z"),
    ];
    for (file, pack) in PACKINGS {
        let packed = pack(bars().as_bytes());
        let kind = file.rsplit('.').next().unwrap();
        let case = |what: &str, code, bytes: &[u8]| with_name(&format!("{what} (.{kind})"), code, file, bytes.to_vec());
        cases.extend([
            case("truncated compression", "damaged_compression", &packed[..packed.len() / 2]),
            case("truncated compression: by one byte", "damaged_compression", &packed[..packed.len() - 1]),
            case("truncated compression: after its first bytes", "damaged_compression", &packed[..4]),
            case("truncated compression: nothing left", "damaged_compression", &[]),
            case("named as compressed and plain", "damaged_compression", bars().as_bytes()),
            case("nothing inside", "empty_file", &pack(b"")),
        ]);
    }
    cases
}

fn mapped(name: &str, columns: &str, code: &'static str) -> Case {
    let session = SESSION.replace("    bars: market.csv\n", &format!("    bars: market.csv\n    columns: {columns}\n"));
    Case::new(name, Files { session: Some(session.into()), ..Files::good() }, code, FILE)
}

fn swapped() -> String {
    bars().replace(&format!("{}\n{}\n", row(3), row(4)), &format!("{}\n{}\n", row(4), row(3)))
}

fn newest_first() -> String {
    let rows: Vec<String> = (0..BARS).rev().map(row).collect();
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

fn utf16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn every_bad_market_file_is_refused() {
    refuse_all("market", &cases());
}

/// Other spellings of the same data are no reason to refuse it: they run, to the same log.
#[test]
fn the_same_bars_spelled_otherwise_run() {
    let bench = Bench::new();
    let head = |name: &str, files: &Files| {
        let _ = std::fs::remove_dir_all(bench.path("other"));
        files.write(&bench.path("case"));
        let (code, stdout, stderr) = bench.retrace(&["run", "case/session.yaml", "--db", "other", "--json"]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()["head"].clone()
    };
    let plain = head("as it is", &Files::good());
    let quoted = |line: &str| line.split(',').map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(",");
    for (name, text) in [
        ("CRLF", bars().replace('\n', "\r\n")),
        ("a byte order mark", format!("\u{feff}{}", bars())),
        ("no end of the last line", bars().trim_end().to_owned()),
        ("blank lines", bars().replace(&row(4), &format!("\n{}\n", row(4)))),
        ("lines of blanks at the end", format!("{}\n  \n\t\n", bars())),
        ("quoted fields", bars().lines().map(|line| quoted(line) + "\n").collect()),
        ("blanks around fields", bars().replace(',', " , ")),
        ("upper-case names", bars().replace(HEADER, &HEADER.to_uppercase())),
        ("exponents", bars().replace(",100\n", ",1e2\n")),
        ("signs and zeros", bars().replace(",100\n", ",+0100.00\n")),
        ("further columns", bars().lines().map(|line| format!("{line},x\n")).collect()),
        ("times with a fraction", bars().replace(":00Z", ":00.000000Z")),
        ("times with another offset", bars().replace("T10:", " 12:").replace('Z', "+02:00")),
    ] {
        assert_ne!(text, bars(), "{name}");
        assert_eq!(head(name, &Files { market: Some(text.into()), ..Files::good() }), plain, "{name}");
    }
    for (file, pack) in PACKINGS {
        let packed = with_name("whole", "", file, pack(bars().as_bytes()));
        assert_eq!(head(file, &packed.files), plain, "{file}");
    }
}
