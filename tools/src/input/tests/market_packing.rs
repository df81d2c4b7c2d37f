//! Packed market files: what is unpacked, and that no damage, wrong name or bomb passes in silence.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::market::market_file;
use super::{describe, pack};
use crate::input::market::rows::Rows;
use crate::input::market::{self, Columns, Compression, GapPolicy, MarketFile};
use crate::input::problem::InputProblem;
use crate::sample::SplitMix64;

const PACKINGS: [Compression; 3] = [Compression::Xz, Compression::Gz, Compression::Zst];

/// What `zstd -19` (version 1.5.4) made of four lines: a frame of another encoder than the tests' own.
const FROM_ZSTD: &str = "28b52ffd24a6f5020002451011907d40423875eeae5007912d97767fd601e0a0e17d0821e7a03fe3dbc948a9dfbfcf70\
                         ff56eee15d14178638012c5e3871b33ae1ea3c61bbf65c4b4667b3f86c0a00590bd8c2714f21f6550aa82c4e9501daf\
                         b146a2d51ede5f41195a054";

fn minutes(range: std::ops::Range<u32>) -> String {
    let mut text = String::new();
    for minute in range {
        writeln!(text, "2022-01-21 {:02}:{:02}:00,100,110,90,105,{minute}", minute / 60, minute % 60).unwrap();
    }
    text
}

fn with_header(rows: &str) -> String {
    format!("timestamp,open,high,low,close,volume\n{rows}")
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn read(&self, name: &str, bytes: &[u8]) -> Result<usize, InputProblem> {
        let file = MarketFile { columns: Columns::default(), ..market_file(&self.put(name, bytes)) };
        market::read(&file, GapPolicy::Allow).map(|read| read.data.bars.len())
    }
}

#[test]
fn every_packing_is_read_whatever_the_case_of_its_name_and_in_several_parts() {
    let folder = Folder::new();
    let (first, second) = (with_header(&minutes(0..300)), minutes(300..600));
    for packing in PACKINGS {
        let parts = [pack(packing, first.as_bytes()), pack(packing, second.as_bytes())];
        let ending = packing.ending();
        assert_eq!(folder.read(&format!("one.csv{ending}"), &parts[0]).unwrap(), 300, "{ending}");
        let name = format!("TWO.CSV{}", ending.to_uppercase());
        assert_eq!(folder.read(&name, &parts.concat()).unwrap(), 600, "{ending}");
    }
    // zstd also knows frames that hold no data.
    let skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd".to_vec();
    let packed = [pack(Compression::Zst, first.as_bytes()), skipped, pack(Compression::Zst, second.as_bytes())];
    assert_eq!(folder.read("skip.csv.zst", &packed.concat()).unwrap(), 600);
}

#[test]
fn a_frame_of_the_zstd_program_is_read() {
    let bytes: Vec<u8> =
        (0..FROM_ZSTD.len()).step_by(2).map(|at| u8::from_str_radix(&FROM_ZSTD[at..at + 2], 16).unwrap()).collect();
    let folder = Folder::new();
    assert_eq!(folder.read("own.csv.zst", &bytes).unwrap(), 3);
    for cut in 0..bytes.len() {
        assert!(folder.read("cut.csv.zst", &bytes[..cut]).is_err(), "cut to {cut} bytes");
    }
    for place in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        // A bit of the header that means nothing may flip: then the rows are still those.
        if let Ok(rows) = folder.read("flipped.csv.zst", &flipped) {
            assert_eq!(rows, 3, "bit {place}");
        }
    }
}

#[test]
fn packed_data_that_ends_early_is_refused_wherever_it_was_cut() {
    let folder = Folder::new();
    let text = with_header(&minutes(0..600));
    for packing in PACKINGS {
        let packed = pack(packing, text.as_bytes());
        let name = format!("cut.csv{}", packing.ending());
        for length in (0..packed.len()).step_by(11).chain(packed.len() - 12..packed.len()) {
            assert!(folder.read(&name, &packed[..length]).is_err(), "{name} cut to {length} bytes");
        }
    }
}

/// Bytes that unpack to every line and then just stop: no row is broken, and still it is not the whole file.
#[test]
fn a_cut_on_a_line_end_is_refused_too() {
    let folder = Folder::new();
    let text = with_header(&minutes(0..60));
    let mut story = String::new();
    // What stands behind the last line, and is no part of it: checksum and length; footer; checksum.
    for (packing, trailer) in [(Compression::Gz, 8), (Compression::Xz, 12), (Compression::Zst, 4)] {
        let packed = pack(packing, text.as_bytes());
        let name = format!("cut.csv{}", packing.ending());
        describe(&mut story, &name, &folder.read(&name, &packed[..packed.len() - trailer]).unwrap_err());
    }
    let story = story.replace(&folder.0.path().display().to_string(), "[dir]");
    insta::assert_snapshot!("cut_on_a_line_end", story);
}

#[test]
fn damage_and_wrong_names_are_told() {
    let folder = Folder::new();
    let text = with_header(&minutes(0..600));
    let mut story = String::new();
    let mut tell = |case: &str, name: &str, bytes: &[u8]| {
        describe(&mut story, case, &folder.read(name, bytes).unwrap_err());
    };
    for packing in [Compression::Gz, Compression::Zst] {
        let ending = packing.ending();
        let name = format!("bad.csv{ending}");
        let packed = pack(packing, text.as_bytes());
        let mut flipped = packed.clone();
        flipped[packed.len() / 2] ^= 0x10;
        tell(&format!("{ending} cut in the middle"), &name, &packed[..packed.len() / 2]);
        tell(&format!("{ending} cut at the end"), &name, &packed[..packed.len() - 1]);
        tell(&format!("{ending} with one bit flipped"), &name, &flipped);
        tell(&format!("{ending} that is not packed"), &name, text.as_bytes());
        tell(&format!("{ending} that is empty"), &name, &[]);
        tell(&format!("{ending} with something behind it"), &name, &[packed.as_slice(), b"x,y\n"].concat());
        tell(&format!("{ending} under a plain name"), "bad.csv", &packed);
        tell(&format!("{ending} under the name of another packing"), "bad.csv.xz", &packed);
    }
    tell("zip", "bad.csv", b"PK\x03\x04and so on");
    tell("zip by its name", "bad.csv.zip", b"PK\x03\x04and so on");
    let story = story.replace(&folder.0.path().display().to_string(), "[dir]");
    insta::assert_snapshot!("packing_refusals", story);
}

#[test]
fn few_bytes_cannot_unpack_to_more_than_memory_holds() {
    let folder = Folder::new();
    let start = with_header("2022-01-21 10:00:00,100,110,90,105,");
    for (what, tail) in [("digits", b'1'), ("blank lines", b'\n')] {
        for quoted in [false, true] {
            let mut text = start.clone().into_bytes();
            text.extend(quoted.then_some(b'"'));
            text.push(b'1');
            text.resize(4 << 20, tail);
            let name = "bomb.csv.gz";
            let problem = folder.read(name, &pack(Compression::Gz, &text)).unwrap_err().to_string();
            assert!(problem.contains("a row has more than 65536 bytes"), "{what}, quoted {quoted}: {problem}");
        }
    }
}

#[test]
fn damaged_packed_files_never_panic() {
    let folder = Folder::new();
    let mut random = SplitMix64(11);
    let text = with_header(&minutes(0..40));
    let (mut refused, mut read) = (0, 0);
    for packing in PACKINGS {
        let packed = pack(packing, text.as_bytes());
        let name = format!("hurt.csv{}", packing.ending());
        for _ in 0..500 {
            let mut hurt = packed.clone();
            for _ in 0..=random.next() % 3 {
                let at = usize::try_from(random.next()).unwrap() % hurt.len();
                hurt[at] = random.next().to_le_bytes()[0];
            }
            match folder.read(&name, &hurt) {
                Ok(rows) => {
                    assert_eq!(rows, 40);
                    read += 1;
                }
                Err(problem) => {
                    assert!(!problem.to_string().chars().any(char::is_control), "{problem}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 1_300 && read > 0, "{refused} refused, {read} read");
}

#[test]
fn the_bound_of_rows_holds() {
    let text = with_header(&minutes(0..4));
    let count = |most| {
        let mut rows = Rows::open(text.as_bytes(), Path::new("m.csv"), &Columns::default(), None)?.of_at_most(most);
        let mut count = 0;
        while rows.next()?.is_some() {
            count += 1;
        }
        Ok::<u32, InputProblem>(count)
    };
    assert_eq!(count(4).unwrap(), 4);
    assert_eq!(count(3).unwrap_err().to_string(), "m.csv:5: the file has more than 3 rows");
}
