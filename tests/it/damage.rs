//! Single bits turned over in every file of a store: what is read is right or refused, `verify` reports it or proves that
//! it has no effect, and looking changes no file.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::log::read_log;
use retrace_core::step::Step;
use retrace_core::store::LogReader;
use retrace_replay::verify::verify;
use retrace_rocks::testkit::{Forger, Seeded, copy_dir, dir_hash, files, flip_bit};
use retrace_rocks::{RocksReader, RocksStore};

use crate::scenario::Scenario;
use crate::verify::long_script;

/// Bits turned over in each file, in each of two stores.
const FLIPS_A_FILE: u64 = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Refused,
    Found,
    NoEffect,
}

fn outcome(dir: &Path, scenario: &Scenario, right: &[Step]) -> Outcome {
    let Ok(reader) = RocksReader::open(dir) else { return Outcome::Refused };
    let Ok(uid) = reader.find("damage") else { return Outcome::Refused };
    let mut steps = Vec::new();
    let read = read_log(&reader, uid, &mut |step| {
        steps.push(step);
        true
    });
    // Whatever is given out, even before an error, is what was written.
    assert_eq!(steps[..], right[..steps.len()], "a wrong read");
    let Ok(verification) = verify(&reader, uid, Some(&scenario.tape)) else { return Outcome::Refused };
    if !verification.is_clean() {
        return Outcome::Found;
    }
    read.unwrap();
    assert_eq!(steps, right, "clean, but not the whole log");
    Outcome::NoEffect
}

#[test]
fn a_flipped_bit_is_reported_or_has_no_effect() {
    let scenario = Scenario::read("damage", &long_script()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (journalled, flushed) = (dir.path().join("journalled"), dir.path().join("flushed"));
    let right = scenario.play(&mut RocksStore::create_or_open(&journalled).unwrap()).steps;
    copy_dir(&journalled, &flushed);
    Forger::open(&flushed, "damage").flush();

    let mut seeded = Seeded(20_260_302);
    let mut outcomes: BTreeMap<(String, Outcome), u32> = BTreeMap::new();
    for store in [&journalled, &flushed] {
        for file in files(store) {
            let name = file.strip_prefix(store).unwrap().to_path_buf();
            let length = std::fs::metadata(&file).unwrap().len();
            for _ in 0..if length == 0 { 0 } else { FLIPS_A_FILE } {
                let copy = dir.path().join("copy");
                let _ = std::fs::remove_dir_all(&copy);
                copy_dir(store, &copy);
                flip_bit(&copy.join(&name), seeded.below(length), u8::try_from(seeded.below(8)).unwrap());
                let before = dir_hash(&copy);
                let outcome = outcome(&copy, &scenario, &right);
                assert_eq!(
                    dir_hash(&copy),
                    before,
                    "looking at a store with a flipped bit in {} changed it",
                    name.display()
                );
                let kind = name
                    .to_string_lossy()
                    .trim_start_matches("log/")
                    .trim_matches(|c: char| c.is_ascii_digit())
                    .to_owned();
                *outcomes.entry((kind, outcome)).or_default() += 1;
            }
        }
    }
    println!("{outcomes:#?}");
    // Journal, data, and watermark hold the log: nearly every bit of theirs must be noticed. (A store also carries bytes
    // that decide nothing, such as RocksDB's record of its options.)
    for kind in [".log", ".sst", "watermark", "CURRENT", "format"] {
        let count = |wanted: &[Outcome]| -> u32 {
            outcomes.iter().filter(|((of, what), _)| of == kind && wanted.contains(what)).map(|(_, count)| *count).sum()
        };
        let (noticed, all) =
            (count(&[Outcome::Refused, Outcome::Found]), count(&[Outcome::Refused, Outcome::Found, Outcome::NoEffect]));
        assert!(all > 0 && noticed * 10 >= all * 6, "{kind}: {noticed} of {all} noticed\n{outcomes:#?}");
    }
}
