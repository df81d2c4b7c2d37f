//! A store that an older build wrote opens and means what it meant. The committed one holds its data in the write-ahead
//! log, so that it needs no data file (those name the machine that wrote them).
//!
//! Each format's store is written once, with `RETRACE_WRITE_GOLDEN=1`, and never again.

use std::fs;
use std::path::{Path, PathBuf};

use retrace_core::log::read_log;
use retrace_core::store::{Checkpoint, LogReader, LogStore};
use retrace_core::testkit::samples;
use retrace_rocks::testkit::{copy_dir, dir_hash, files};
use retrace_rocks::{RocksReader, RocksStore};

fn stores() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stores")
}

fn write(to: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let steps = samples::log(60, 3);
    let (reference, content) = samples::comment("breakout");
    for name in ["one", "two"] {
        let uid = store.create(&samples::manifest(name)).unwrap();
        for step in &steps {
            store.append(uid, step, &[(reference, content.clone())]).unwrap();
        }
        let seq = steps.last().unwrap().last_seq();
        let projection = "strategy_ledger".to_owned();
        let checkpoint = Checkpoint { seq, projection, version: 1, digest: [9; 32], finished: true };
        store.put_checkpoint(uid, &checkpoint).unwrap();
        store.commit().unwrap();
    }
    store.close().unwrap();
    for path in files(dir.path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("OPTIONS") || name == "LOCK" {
            // They hold paths, or nothing, and are not needed for reading.
            fs::remove_file(path).unwrap();
        }
    }
    copy_dir(dir.path(), to);
}

/// What a store says of itself, in words that do not change with the samples.
fn told(reader: &dyn LogReader) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (name, uid) in reader.sessions().unwrap() {
        let end = read_log(reader, uid, &mut |_| true).unwrap();
        let mark = reader.watermark(uid).unwrap();
        let (reference, _) = samples::comment("breakout");
        writeln!(text, "session {name} {uid}: {} events, {} Steps, {} blocks", end.last_seq, end.steps, end.blocks)
            .unwrap();
        writeln!(text, "  head {}, watermark {} at {}", end.head, mark.head, mark.durable_seq).unwrap();
        writeln!(text, "  text {:?}", reader.content(uid, reference).unwrap().unwrap().text).unwrap();
        writeln!(text, "  checkpoints {:?}", reader.checkpoints(uid).unwrap()).unwrap();
        writeln!(text, "  index {:?}", reader.index(uid, b"").unwrap()).unwrap();
    }
    text
}

#[test]
fn a_store_of_format_1_means_what_it_meant() {
    let (store, told_then) = (stores().join("v1"), stores().join("v1.txt"));
    if !store.exists() {
        let asked = std::env::var_os("RETRACE_WRITE_GOLDEN").is_some();
        assert!(asked, "tests/stores/v1 is missing");
        write(&store);
        fs::write(&told_then, told(&RocksReader::open(&store).unwrap())).unwrap();
    }
    let before = dir_hash(&store);
    let reader = RocksReader::open(&store).unwrap();
    assert!(reader.damage().is_empty());
    assert_eq!(told(&reader), fs::read_to_string(&told_then).unwrap());
    assert_eq!(dir_hash(&store), before);

    let dir = tempfile::tempdir().unwrap();
    copy_dir(&store, dir.path());
    assert_eq!(told(&RocksStore::create_or_open(dir.path()).unwrap()), fs::read_to_string(&told_then).unwrap());
}
