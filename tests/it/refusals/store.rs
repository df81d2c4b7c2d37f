//! The store's own folder: of a newer format, in use, with missing files, and no store at all.

use std::fmt::Write as _;
use std::path::Path;

use retrace_rocks::RocksStore;
use retrace_rocks::testkit::{Forger, copy_dir, dir_hash, files};

use super::{Bench, Files, indented, snapshot, without_ids};

/// What is done to a copy of the good store.
type Damage = (&'static str, fn(&Path));

/// Removes the database's file whose name begins or ends so; of several the largest.
fn remove(store: &Path, name: &str) {
    let fits = |path: &Path| {
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        file.starts_with(name) || (name.starts_with('.') && file.ends_with(name))
    };
    let fitting = files(store).into_iter().filter(|path| fits(path));
    let largest = fitting.max_by_key(|path| std::fs::metadata(path).unwrap().len());
    std::fs::remove_file(largest.unwrap_or_else(|| panic!("no {name}"))).unwrap();
}

const UNUSABLE: [Damage; 14] = [
    ("a newer format", |store| std::fs::write(store.join("format"), "retrace store format 2\n").unwrap()),
    ("a format of another program", |store| std::fs::write(store.join("format"), "leveldb 7\n").unwrap()),
    ("an empty format file", |store| std::fs::write(store.join("format"), "").unwrap()),
    ("without `format`", |store| remove(store, "format")),
    ("without `watermark`", |store| remove(store, "watermark")),
    ("with an empty `watermark`", |store| std::fs::write(store.join("watermark"), "").unwrap()),
    ("without the folder `log`", |store| std::fs::remove_dir_all(store.join("log")).unwrap()),
    ("with the folder `log` empty", |store| {
        std::fs::remove_dir_all(store.join("log")).unwrap();
        std::fs::create_dir(store.join("log")).unwrap();
    }),
    ("without `log/CURRENT`", |store| remove(store, "CURRENT")),
    ("without `log/MANIFEST-*`", |store| remove(store, "MANIFEST-")),
    ("without `log/*.log`, where the events stand", |store| remove(store, ".log")),
    ("without `log/*.sst`, where the events stand later", |store| {
        Forger::open(store, "good").flush();
        remove(store, ".sst");
    }),
    ("with a file for the folder `log`", |store| {
        std::fs::remove_dir_all(store.join("log")).unwrap();
        std::fs::write(store.join("log"), "x").unwrap();
    }),
    ("with nothing but `watermark`", |store| {
        remove(store, "format");
        std::fs::remove_dir_all(store.join("log")).unwrap();
    }),
];

/// Files that `RocksDB` keeps for itself and a log does not need.
const NOT_NEEDED: [Damage; 3] = [
    ("without `log/OPTIONS-*`", |store| remove(store, "OPTIONS-")),
    ("without `log/IDENTITY`", |store| remove(store, "IDENTITY")),
    ("without `log/LOCK`", |store| remove(store, "LOCK")),
];

#[test]
fn a_store_that_is_not_whole_is_refused_by_every_command_and_left_as_it_was() {
    let bench = Bench::new();
    Files::good().write(&bench.path("case"));
    let mut story = String::new();
    for (name, damage) in UNUSABLE {
        let store = bench.path("damaged");
        let _ = std::fs::remove_dir_all(&store);
        copy_dir(&bench.path("db"), &store);
        damage(&store);
        let before = dir_hash(&store);
        writeln!(story, "{name}").unwrap();
        let mut told = String::new();
        for command in [
            &["run", "case/session.yaml"][..],
            &["sessions"],
            &["replay", "good"],
            &["verify", "good"],
            &["audit", "TPL_A"],
            &["export", "good", "--format", "jsonl"],
        ] {
            let (code, _, stderr) = bench.retrace(&[command, &["--db", "damaged"]].concat());
            assert_eq!(code, 2, "{name}: {command:?}: {stderr}");
            assert_eq!(dir_hash(&store), before, "{name}: {command:?} changed the store");
            assert!(!stderr.is_empty(), "{name}: {command:?} says nothing");
            if stderr != told {
                writeln!(story, "  {}\n{}", command[0], indented(&indented(&stderr)).trim_end()).unwrap();
            }
            told = stderr;
        }
        story.push('\n');
    }
    snapshot("store", &without_ids(&story));
}

#[test]
fn files_that_a_log_does_not_need_may_be_missing() {
    for (name, damage) in NOT_NEEDED {
        let bench = Bench::new();
        damage(&bench.path("db"));
        for command in [&["sessions"][..], &["replay", "good"], &["verify", "good"]] {
            let (code, _, stderr) = bench.retrace(&[command, &["--db", "db"]].concat());
            assert_eq!((code, stderr.as_str()), (0, ""), "{name}: {command:?}");
        }
        Files::good().write(&bench.path("case"));
        assert_eq!(bench.retrace(&["run", "case/session.yaml", "--db", "db"]).0, 0, "{name}");
        assert_eq!(bench.retrace(&["verify", "good", "--db", "db"]).0, 0, "{name}");
    }
}

/// This process holds the store; the program is another one.
#[test]
fn a_store_in_use_by_another_process_is_refused_to_writers_and_open_to_readers() {
    let bench = Bench::new();
    let list = || bench.retrace(&["sessions", "--db", "db", "--json"]);
    let before = list();
    let held = RocksStore::create_or_open(bench.path("db")).unwrap();
    Files::good().write(&bench.path("case"));
    let (code, stdout, stderr) = bench.retrace(&["run", "case/session.yaml", "--db", "db"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    snapshot("store_in_use", &stderr);
    assert_eq!(list(), before, "readers read on");
    assert_eq!(bench.retrace(&["verify", "good", "--db", "db"]).0, 0);
    drop(held);
    assert_eq!(list(), before);
    assert_eq!(bench.retrace(&["run", "case/session.yaml", "--db", "db"]).0, 0, "it was free again");
}

#[test]
fn what_is_no_store_is_refused_and_no_store_is_made_among_other_files() {
    let bench = Bench::new();
    Files::good().write(&bench.path("case"));
    std::fs::create_dir(bench.path("plain")).unwrap();
    std::fs::write(bench.path("plain/notes.txt"), "mine").unwrap();
    std::fs::write(bench.path("file"), "mine").unwrap();
    let before = (dir_hash(&bench.path("plain")), dir_hash(&bench.path("case")));
    let mut story = String::new();
    for place in ["plain", "case", "file", "file/below", "/dev/null", "nowhere"] {
        writeln!(story, "--db {place}").unwrap();
        for command in [&["run", "case/session.yaml"][..], &["sessions"], &["verify", "good"]] {
            if (place, command[0]) == ("nowhere", "run") {
                continue;
            }
            let (code, stdout, stderr) = bench.retrace(&[command, &["--db", place]].concat());
            assert_eq!((code, stdout.as_str()), (2, ""), "{place}: {command:?}: {stderr}");
            writeln!(story, "  {}\n{}", command[0], indented(&indented(&stderr)).trim_end()).unwrap();
        }
        story.push('\n');
    }
    snapshot("no_store", &story);
    assert_eq!((dir_hash(&bench.path("plain")), dir_hash(&bench.path("case"))), before);
    assert_eq!(std::fs::read(bench.path("file")).unwrap(), b"mine");
    assert!(!bench.path("nowhere").exists(), "a reader made a store");
    // Hidden files are nobody's work: a folder that was prepared for a store may hold some.
    std::fs::create_dir(bench.path("prepared")).unwrap();
    std::fs::write(bench.path("prepared/.gitkeep"), "").unwrap();
    assert_eq!(bench.retrace(&["run", "case/session.yaml", "--db", "prepared"]).0, 0);
}
