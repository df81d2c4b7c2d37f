//! The contract that every store passes, and what a store on disk adds to it.

use std::sync::atomic::{AtomicBool, Ordering};

use retrace_core::ids::{Seq, SessionName};
use retrace_core::log::read_log;
use retrace_core::store::{LogReader, LogStore, StoreError};
use retrace_core::testkit::contract::{check, check_reading};
use retrace_core::testkit::samples;
use retrace_rocks::testkit::{Seeded, dir_hash, files, settle};
use retrace_rocks::{RocksReader, RocksStore};

use crate::fill;

#[test]
fn the_store_keeps_the_contract_and_gives_it_back_when_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(200, 3);
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    check(&mut store);
    let end = check_reading(&store, &steps);
    drop(store);

    let before = dir_hash(dir.path());
    for _ in 0..2 {
        let reader = RocksReader::open(dir.path()).unwrap();
        assert_eq!(check_reading(&reader, &steps), end);
        assert!(reader.damage().is_empty());
    }
    assert_eq!(dir_hash(dir.path()), before, "a reader changes no file and makes none");

    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    assert_eq!(check_reading(&store, &steps), end);
    let uid = store.find("contract").unwrap();
    assert_eq!(store.head(uid).unwrap(), end.head);
    assert_eq!(store.durable_seq(uid), end.last_seq);
    // It goes on where it ended.
    let next = samples::step(end.last_seq.0 + 1, 90_000, 1, samples::slice_facts(1)[0].clone());
    store.append(uid, &next, &[]).unwrap();
    store.commit().unwrap();
    assert_eq!(store.durable_seq(uid), next.last_seq());
}

#[test]
fn when_and_how_often_is_committed_does_not_show_in_the_log() {
    let steps = samples::log(300, 4);
    let mut heads = Vec::new();
    for group in [1, 7, 10_000] {
        let dir = tempfile::tempdir().unwrap();
        let uid = fill(dir.path(), &steps, group);
        let reader = RocksReader::open(dir.path()).unwrap();
        let blocks: Vec<_> = reader.blocks(uid, 1).unwrap().map(Result::unwrap).collect();
        heads.push((blocks, reader.open_frames(uid).unwrap(), reader.watermark(uid).unwrap()));
    }
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_was_not_committed_is_gone_and_the_log_goes_on_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(20, 1);
    fill(dir.path(), &steps[..30], 1);
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let uid = store.find("one").unwrap();
    store.append(uid, &steps[30], &[]).unwrap();
    drop(store);
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    assert!(matches!(store.append(uid, &steps[31], &[]), Err(StoreError::Conflict { .. })));
    for step in &steps[30..] {
        store.append(uid, step, &[]).unwrap();
    }
    store.commit().unwrap();
    let mut count = 0;
    let count_steps = |_| {
        count += 1;
        true
    };
    read_log(&store, uid, &mut { count_steps }).unwrap();
    assert_eq!(count, steps.len());
}

/// More than a writer keeps in memory, so that most of it is written before the commit that never comes.
#[test]
fn a_session_is_there_with_its_first_commit_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(60_000, 50);
    fill(dir.path(), &steps[..30], 30);
    // Noise, so that it takes its room in the files.
    let mut random = Seeded(7);
    let noise: String = (0..1_000_000).map(|_| char::from(b'!' + u8::try_from(random.below(94)).unwrap())).collect();
    let (_, text) = samples::comment(&noise);
    let size = || files(dir.path()).iter().map(|path| std::fs::metadata(path).unwrap().len()).sum::<u64>();
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let lost = store.create(&samples::manifest("lost")).unwrap();
    for (place, step) in steps.iter().enumerate() {
        let contents = if place == 0 { vec![(text.reference(), text.clone())] } else { Vec::new() };
        store.append(lost, step, &contents).unwrap();
    }
    assert!(settle(&store) > 100_000, "much of it stands in the files");
    drop(store);

    let reader = RocksReader::open(dir.path()).unwrap();
    assert!(reader.damage().is_empty());
    let names: Vec<String> = reader.sessions().unwrap().iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["one"]);
    drop(reader);

    // The next session gets its number, and nothing that was left under it.
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let next = store.create(&samples::manifest("next")).unwrap();
    store.append(next, &steps[0], &[]).unwrap();
    let before = size();
    store.commit().unwrap();
    drop(store);
    assert!(size() + 500_000 < before, "a text that no session has leaves the files: {before}, {}", size());
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    for again in 0..2 {
        let mut read = Vec::new();
        read_log(&store, next, &mut |step| {
            read.push(step);
            true
        })
        .unwrap();
        assert_eq!(read, steps[..1], "opened {again} times again");
        assert!(store.index(next, &[]).unwrap().is_empty());
        assert_eq!(store.content(next, text.reference()).unwrap(), None);
        drop(store);
        store = RocksStore::create_or_open(dir.path()).unwrap();
    }
    // And so may the lost one come again.
    let again = store.create(&samples::manifest("lost")).unwrap();
    assert_eq!(again, lost);
    store.commit().unwrap();
    assert_eq!(RocksReader::open(dir.path()).unwrap().sessions().unwrap().len(), 3);
}

#[test]
fn a_session_keeps_the_name_that_this_store_gave_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let other = SessionName::new("from_elsewhere").unwrap();
    let manifest = samples::manifest("one");
    let uid = store.create_as(&manifest, &other).unwrap();
    store.append(uid, &samples::log(1, 1)[0], &[]).unwrap();
    store.commit().unwrap();
    drop(store);
    let reader = RocksReader::open(dir.path()).unwrap();
    assert_eq!(reader.sessions().unwrap(), [(other.clone(), uid)]);
    assert_eq!(reader.manifest(uid).unwrap(), manifest, "the identity bears its own name");
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    assert_eq!(store.find("from_elsewhere").unwrap(), uid);
    // Its own name is free, but the session itself is there.
    let taken = store.create(&manifest).unwrap_err();
    assert!(matches!(&taken, StoreError::SessionExists { name } if *name == other), "{taken}");
    let mut another = samples::manifest("one");
    another.identity.seed = 7;
    store.create(&another).unwrap();
}

#[test]
fn one_writer_at_a_time_and_readers_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(100, 2);
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    assert!(matches!(RocksStore::create_or_open(dir.path()), Err(StoreError::InUse { .. })));
    let uid = store.create(&samples::manifest("one")).unwrap();
    for (place, step) in steps.iter().enumerate() {
        store.append(uid, step, &[]).unwrap();
        store.commit().unwrap();
        if place % 25 == 0 {
            let reader = RocksReader::open(dir.path()).unwrap();
            assert!(reader.damage().is_empty(), "{:?}", reader.damage());
            let end = read_log(&reader, uid, &mut |_| true).unwrap();
            assert_eq!(end.last_seq, step.last_seq());
            assert_eq!(end.head, store.head(uid).unwrap());
        }
    }
    drop(store);
    assert!(RocksStore::create_or_open(dir.path()).is_ok());
}

#[test]
fn sessions_share_a_store_and_its_commits() {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(100, 2);
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let uids: Vec<_> =
        ["a", "b", "c"].map(|name| store.create(&samples::manifest(name)).unwrap()).into_iter().collect();
    for step in &steps {
        for uid in &uids {
            store.append(*uid, step, &[]).unwrap();
        }
    }
    assert_eq!(store.durable_seq(uids[0]), Seq(0));
    store.commit().unwrap();
    drop(store);
    let store = RocksStore::create_or_open(dir.path()).unwrap();
    for uid in uids {
        let mut read = Vec::new();
        let mut take = |step| {
            read.push(step);
            true
        };
        read_log(&store, uid, &mut take).unwrap();
        assert_eq!(read, steps);
    }
}

#[test]
fn an_erased_text_is_gone_from_the_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let uid = fill(dir.path(), &samples::log(5, 1), 1);
    let (reference, content) = samples::comment("breakout");
    let holds = || {
        let text = content.text.as_bytes();
        files(dir.path()).iter().any(|path| std::fs::read(path).unwrap().windows(text.len()).any(|part| part == text))
    };
    assert!(holds());
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    assert_eq!(store.content(uid, reference).unwrap().as_ref(), Some(&content));
    store.erase(uid, reference).unwrap();
    store.commit().unwrap();
    drop(store);
    assert!(!holds());
    assert_eq!(RocksReader::open(dir.path()).unwrap().content(uid, reference).unwrap(), None);
}

#[test]
fn a_reader_that_opens_while_files_come_and_go_sees_a_whole_log() {
    let dir = tempfile::tempdir().unwrap();
    let steps = samples::log(600, 5);
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    let uid = store.create(&samples::manifest("one")).unwrap();
    store.commit().unwrap();
    let (path, stop) = (dir.path().to_owned(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let (mut rounds, mut durable) = (0, Seq(0));
            while !stop.load(Ordering::Relaxed) {
                let reader = RocksReader::open(&path).unwrap();
                assert!(reader.damage().is_empty(), "{:?}", reader.damage());
                let end = read_log(&reader, uid, &mut |_| true).unwrap();
                // A reader may see what is not durable yet, and the next one may not: only what was durable stays.
                assert!(end.last_seq >= durable, "{} of at least {durable}", end.last_seq);
                (rounds, durable) = (rounds + 1, reader.watermark(uid).unwrap().durable_seq.max(durable));
            }
            rounds
        });
        for (place, step) in steps.iter().enumerate() {
            store.append(uid, step, &[]).unwrap();
            if place % 3 == 0 {
                store.commit().unwrap();
            }
            if place % 30 == 0 {
                settle(&store);
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(reading.join().unwrap() > 5);
    });
}
