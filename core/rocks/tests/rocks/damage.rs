//! Damaged files: whatever is turned over, cut off or overwritten, it is reported or has no effect, and reading it
//! changes no file.

use std::fs;
use std::path::{Path, PathBuf};

use retrace_core::log::scan_log;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, LogStore};
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

/// Where a store's data stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    Logged,
    Flushed,
    Both,
}

/// A small store with closed blocks and open Steps.
fn sample(data: Data) -> (tempfile::TempDir, Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(110, 3);
    let first = if data == Data::Both { 200 } else { steps.len() };
    let uid = fill(dir.path(), &steps[..first], 20);
    if data != Data::Logged {
        Forger::open(dir.path(), "one").flush();
    }
    if data == Data::Both {
        let mut store = RocksStore::create_or_open(dir.path()).unwrap();
        for step in &steps[first..] {
            store.append(uid, step, &[]).unwrap();
            store.commit().unwrap();
        }
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

fn flips(data: Data, samples: u32) {
    let (dir, steps) = sample(data);
    assert_eq!(open_and_read(dir.path(), &steps, "untouched"), Reading::Original);
    let all = files_with_content(dir.path());
    let mut random = Seeded(1 + data as u64);
    let (mut read, mut reported) = (0, 0);
    for _ in 0..samples {
        let (path, offset) = place(&all, &mut random);
        let bit = u8::try_from(random.below(8)).unwrap();
        let hint = format!("{} byte {offset} bit {bit}", path.display());
        flip_bit(&path, offset, bit);
        let seen = open_and_read(dir.path(), &steps, &hint) == Reading::Reported;
        // RocksDB writes these two for people and for itself; this store reads neither.
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("OPTIONS") || name == "IDENTITY" {
            assert!(!seen, "{hint}: reported");
        } else {
            (read, reported) = (read + 1, reported + u32::from(seen));
            if !seen {
                println!("without effect: {hint}");
            }
        }
        flip_bit(&path, offset, bit);
    }
    // What goes unnoticed there is at most the last record of a MANIFEST, where it changed nothing.
    assert!(reported * 100 >= read * 97, "{data:?}: {reported} of {read}");
}

#[test]
fn a_flipped_bit_is_reported_or_without_effect_while_data_is_in_the_write_ahead_log() {
    flips(Data::Logged, 500);
}

#[test]
fn a_flipped_bit_is_reported_or_without_effect_once_data_is_in_data_files() {
    flips(Data::Flushed, 500);
    flips(Data::Both, 500);
}

#[test]
fn a_file_cut_off_or_partly_overwritten_is_reported_or_without_effect() {
    for data in [Data::Logged, Data::Flushed, Data::Both] {
        let (dir, steps) = sample(data);
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
    for data in [Data::Logged, Data::Flushed, Data::Both] {
        let (dir, steps) = sample(data);
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

/// `RocksDB` itself never returns from such a record (see `journal.rs`).
#[test]
fn a_record_that_would_be_read_for_ever_is_reported() {
    let (dir, steps) = sample(Data::Logged);
    let mut tried = 0;
    for path in files_with_content(dir.path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let write_ahead = path.extension().is_some_and(|end| end == "log");
        if !name.starts_with("MANIFEST") && !write_ahead {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let mut at = 0;
        while at + 7 < bytes.len() {
            flip_bit(&path, at as u64 + 6, 2);
            let reading = open_and_read(dir.path(), &steps, name);
            flip_bit(&path, at as u64 + 6, 2);
            assert_eq!(reading, Reading::Reported, "{name} byte {at}");
            tried += 1;
            at += 7 + usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
            if 32 * 1024 - at % (32 * 1024) < 7 {
                at = at.next_multiple_of(32 * 1024);
            }
        }
    }
    assert!(tried > 10, "{tried}");
}
