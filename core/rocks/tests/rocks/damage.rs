//! Damaged files: whatever is turned over, cut off or overwritten, it is reported or has no effect, and reading it
//! changes no file.

use std::fs;
use std::path::{Path, PathBuf};

use retrace_core::log::scan_log;
use retrace_core::step::Step;
use retrace_core::store::LogReader;
use retrace_core::testkit::samples;
use retrace_rocks::testkit::{Forger, Seeded, copy_dir, dir_hash, files, flip_bit};
use retrace_rocks::{RocksReader, RocksStore};

use crate::fill;

/// What reading a store comes to.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    /// Something was said to be wrong.
    Reported,
    /// The original Steps, nothing else.
    Original,
}

fn read(reader: &dyn LogReader, steps: &[Step], hint: &str) -> Reading {
    let mut reported = !reader.damage().is_empty();
    let mut read = Vec::new();
    let scanned = reader.find("one").and_then(|uid| {
        let mut take = |step| {
            read.push(step);
            true
        };
        scan_log(reader, uid, &mut take, &mut |_| reported = true)
    });
    reported |= scanned.is_err();
    if reported {
        return Reading::Reported;
    }
    assert!(read == steps, "{hint}: other Steps, and nothing said: {} for {}", read.len(), steps.len());
    Reading::Original
}

fn open_and_read(dir: &Path, steps: &[Step], hint: &str) -> Reading {
    let before = dir_hash(dir);
    let reading = RocksReader::open(dir).map_or(Reading::Reported, |reader| read(&reader, steps, hint));
    assert!(dir_hash(dir) == before, "{hint}: reading changed a file");
    reading
}

/// A small store with closed blocks and open Steps, in the write-ahead log or in data files.
fn sample(flushed: bool) -> (tempfile::TempDir, Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(110, 3);
    fill(dir.path(), &steps, 20);
    if flushed {
        Forger::open(dir.path(), "one").flush();
    }
    (dir, steps)
}

/// A place in a file that has any, with every file as likely as the others.
fn place(all: &[PathBuf], random: &mut Seeded) -> (PathBuf, u64) {
    let path = &all[usize::try_from(random.below(all.len() as u64)).unwrap()];
    (path.clone(), random.below(fs::metadata(path).unwrap().len()))
}

fn files_with_content(dir: &Path) -> Vec<PathBuf> {
    files(dir).into_iter().filter(|path| fs::metadata(path).unwrap().len() > 0).collect()
}

fn flips(flushed: bool, samples: u32) {
    let (dir, steps) = sample(flushed);
    assert_eq!(open_and_read(dir.path(), &steps, "untouched"), Reading::Original);
    let all = files_with_content(dir.path());
    let mut random = Seeded(1 + u64::from(flushed));
    let mut reported = 0;
    for _ in 0..samples {
        let (path, offset) = place(&all, &mut random);
        let bit = u8::try_from(random.below(8)).unwrap();
        let hint = format!("{} byte {offset} bit {bit}", path.display());
        flip_bit(&path, offset, bit);
        reported += u32::from(open_and_read(dir.path(), &steps, &hint) == Reading::Reported);
        flip_bit(&path, offset, bit);
    }
    println!("flushed {flushed}: {reported} of {samples} reported, the others without effect");
    assert!(reported * 2 > samples, "{reported} of {samples}");
}

#[test]
fn a_flipped_bit_is_reported_or_without_effect_while_data_is_in_the_write_ahead_log() {
    flips(false, 500);
}

#[test]
fn a_flipped_bit_is_reported_or_without_effect_once_data_is_in_data_files() {
    flips(true, 500);
}

#[test]
fn a_file_cut_off_or_partly_overwritten_is_reported_or_without_effect() {
    for flushed in [false, true] {
        let (dir, steps) = sample(flushed);
        let all = files_with_content(dir.path());
        let mut random = Seeded(77);
        for round in 0..150 {
            let (path, offset) = place(&all, &mut random);
            let whole = fs::read(&path).unwrap();
            let at = usize::try_from(offset).unwrap();
            let mut bytes = whole.clone();
            match round % 3 {
                0 => bytes.truncate(at),
                1 => bytes.iter_mut().skip(at).take(64).for_each(|byte| *byte = 0),
                _ => bytes.iter_mut().skip(at).take(64).for_each(|byte| *byte = random.draw().to_le_bytes()[0]),
            }
            fs::write(&path, bytes).unwrap();
            open_and_read(dir.path(), &steps, &format!("{} from byte {at}, way {}", path.display(), round % 3));
            fs::write(&path, whole).unwrap();
        }
    }
}

#[test]
fn a_writer_refuses_a_damaged_store_or_finds_all_of_it() {
    for flushed in [false, true] {
        let (dir, steps) = sample(flushed);
        let mut random = Seeded(3);
        let all = files_with_content(dir.path());
        for _ in 0..60 {
            let (path, offset) = place(&all, &mut random);
            let copy = tempfile::tempdir().unwrap();
            copy_dir(dir.path(), copy.path());
            flip_bit(&copy.path().join(path.strip_prefix(dir.path()).unwrap()), offset, 3);
            let hint = format!("{} byte {offset}", path.display());
            let before = dir_hash(copy.path());
            match RocksStore::create_or_open(copy.path()) {
                Err(_) => assert!(dir_hash(copy.path()) == before, "{hint}: a refused writer changed a file"),
                // What is in the middle of the log is found by reading it.
                Ok(store) => drop(read(&store, &steps, &hint)),
            }
        }
    }
}
