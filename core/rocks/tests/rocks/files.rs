//! Every part of a store that can be missing, and formats that are not ours: loud, and never an empty store.

use std::fs;
use std::path::{Path, PathBuf};

use retrace_core::ids::Seq;
use retrace_core::store::{LogReader, LogStore, StoreError};
use retrace_core::testkit::samples;
use retrace_rocks::testkit::{Forger, copy_dir, dir_hash, files};
use retrace_rocks::{RocksReader, RocksStore};

use crate::{fill, refusal};

fn one(dir: &Path, matches: impl Fn(&str) -> bool) -> PathBuf {
    let all = files(dir);
    all.into_iter().find(|path| matches(path.file_name().unwrap().to_str().unwrap())).unwrap()
}

/// What a reader says of the store: why it does not open, or what it found.
fn findings(dir: &Path) -> String {
    let before = dir_hash(dir);
    let said = match RocksReader::open(dir) {
        Err(error) => error.to_string(),
        Ok(reader) => reader.damage().iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    assert_eq!(dir_hash(dir), before, "reading changes nothing");
    said
}

#[test]
fn where_there_is_no_store_a_reader_says_so_and_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    for place in [dir.path().to_owned(), dir.path().join("nowhere")] {
        assert!(matches!(RocksReader::open(&place), Err(StoreError::NoStore { .. })));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    drop(RocksStore::create_or_open(dir.path().join("new/store")).unwrap());
    assert!(RocksReader::open(dir.path().join("new/store")).unwrap().sessions().unwrap().is_empty());
}

#[test]
fn a_newer_or_unknown_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), &samples::log(3, 1), 1);
    fs::write(dir.path().join("format"), "retrace store format 2\n").unwrap();
    assert!(matches!(RocksReader::open(dir.path()), Err(StoreError::NewerFormat { found: 2, known: 1, .. })));
    assert!(matches!(refusal(dir.path()), StoreError::NewerFormat { found: 2, known: 1, .. }));
    for odd in ["", "retrace store format 0\n", "retrace store format 1", "retrace store format 01\n", "rocks\n"] {
        fs::write(dir.path().join("format"), odd).unwrap();
        assert!(matches!(RocksReader::open(dir.path()), Err(StoreError::Damaged { .. })), "{odd:?}");
        assert!(matches!(refusal(dir.path()), StoreError::Damaged { .. }), "{odd:?}");
    }
}

#[test]
fn each_missing_part_is_loud_and_keeps_the_writer_out() {
    for (name, flushed) in [
        ("format", false),
        ("watermark", false),
        ("CURRENT", false),
        ("MANIFEST", false),
        (".log", false),
        (".sst", true),
        ("CURRENT", true),
        ("watermark", true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), &samples::log(200, 2), 10);
        if flushed {
            Forger::open(dir.path(), "one").flush();
        }
        let is = |file: &str| file.starts_with(name) || (name.starts_with('.') && file.ends_with(name));
        // Of write-ahead logs the one with data.
        let path = if name == ".log" {
            let logs = files(dir.path()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "log"));
            logs.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
        } else {
            one(dir.path(), is)
        };
        fs::remove_file(&path).unwrap();
        let said = findings(dir.path());
        assert!(!said.is_empty(), "{name} (flushed: {flushed})");
        if name == "format" || name == "watermark" {
            assert!(said.contains(name), "{said}");
        }
        let before = dir_hash(dir.path());
        let refused = refusal(dir.path());
        assert!(!matches!(refused, StoreError::NoStore { .. } | StoreError::InUse { .. }), "{refused}");
        assert_eq!(dir_hash(dir.path()), before, "{name}: a refused writer changes nothing");
    }
}

#[test]
fn a_missing_log_folder_is_no_new_store() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), &samples::log(3, 1), 1);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    assert!(findings(dir.path()).contains("log"));
    assert!(matches!(refusal(dir.path()), StoreError::Damaged { .. }));
    // A database without the files that say what it is: not ours to write into either.
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), &samples::log(3, 1), 1);
    fs::remove_file(dir.path().join("format")).unwrap();
    fs::remove_file(dir.path().join("watermark")).unwrap();
    assert!(matches!(refusal(dir.path()), StoreError::Damaged { .. }));
}

#[test]
fn a_store_whose_making_was_cut_off_is_made_whole() {
    for left in [&["format"][..], &["format", "watermark"]] {
        let dir = tempfile::tempdir().unwrap();
        drop(RocksStore::create_or_open(dir.path()).unwrap());
        fs::remove_dir_all(dir.path().join("log")).unwrap();
        for path in files(dir.path()) {
            if !left.contains(&path.file_name().unwrap().to_str().unwrap()) {
                fs::remove_file(path).unwrap();
            }
        }
        assert!(matches!(RocksReader::open(dir.path()), Err(StoreError::NoStore { .. })));
        assert!(RocksStore::create_or_open(dir.path()).is_ok());
        assert!(RocksReader::open(dir.path()).is_ok());
    }
}

#[test]
fn one_bad_watermark_slot_is_told_and_healed_two_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(30, 1);
    let uid = fill(dir.path(), &steps[..40], 1);
    let path = dir.path().join("watermark");
    let whole = fs::read(&path).unwrap();
    // The newer slot lost: the older one is behind the log, which is normal, and the loss is told.
    for slot in [0, 128] {
        let mut bytes = whole.clone();
        bytes[slot + 50] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let reader = RocksReader::open(dir.path()).unwrap();
        assert_eq!(reader.damage().len(), 1, "{:?}", reader.damage());
        assert!(reader.watermark(uid).is_ok());
    }
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    assert_eq!(store.damage().len(), 1);
    store.append(uid, &steps[40], &[]).unwrap();
    store.commit().unwrap();
    drop(store);
    assert!(findings(dir.path()).is_empty(), "healed by the next commit");

    for bytes in [vec![0xff; 256], vec![0; 256], Vec::new(), whole[..100].to_vec()] {
        fs::write(&path, bytes).unwrap();
        assert!(findings(dir.path()).contains("watermark"));
        assert!(RocksReader::open(dir.path()).unwrap().watermark(uid).is_err());
        assert!(matches!(refusal(dir.path()), StoreError::Damaged { .. }));
    }
}

#[test]
fn a_session_that_the_log_lost_is_told_and_one_that_was_never_begun_is_not() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), &samples::log(10, 1), 1);
    let before = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), before.path());
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    store.create(&samples::manifest("two")).unwrap();
    store.commit().unwrap();
    drop(store);

    // The watermark knows that the log had it.
    let marks = fs::read(dir.path().join("watermark")).unwrap();
    fs::write(before.path().join("watermark"), &marks).unwrap();
    assert!(findings(before.path()).contains("events are lost"));
    assert!(matches!(refusal(before.path()), StoreError::BehindWatermark { log: Seq(0), .. }));

    // Cut off after the watermark's first slot, before the log had it: it can be begun again.
    fs::write(before.path().join("watermark"), [&marks[..384], &[0; 128]].concat()).unwrap();
    assert_eq!(findings(before.path()), "");
    let mut store = RocksStore::create_or_open(before.path()).unwrap();
    store.create(&samples::manifest("two")).unwrap();
    store.commit().unwrap();
    drop(store);
    assert_eq!(findings(before.path()), "");
    assert_eq!(RocksReader::open(before.path()).unwrap().sessions().unwrap().len(), 2);
}
