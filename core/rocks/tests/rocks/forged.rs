//! Logs that are well-formed and wrong: the database finds nothing, the chain and the watermark must.

use std::path::Path;

use retrace_core::ids::OrderNo;
use retrace_core::log::{LogFault, WrongBlock, scan_log};
use retrace_core::store::{LogReader, LogStore, StoreError};
use retrace_core::testkit::samples;
use retrace_rocks::testkit::Forger;
use retrace_rocks::{RocksReader, RocksStore};

use crate::{fill, refusal};

fn forged(forge: impl FnOnce(&mut Forger)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), &samples::log(320, 3), 10);
    let mut forger = Forger::open(dir.path(), "one");
    assert!(forger.blocks() >= 3 && forger.open_steps().len() >= 4, "the sample has blocks and open Steps");
    forge(&mut forger);
    drop(forger);
    dir
}

fn faults(dir: &Path) -> Vec<LogFault> {
    let reader = RocksReader::open(dir).unwrap();
    let mut found = Vec::new();
    scan_log(&reader, reader.find("one").unwrap(), &mut |_| true, &mut |fault| found.push(fault)).unwrap();
    found
}

#[test]
fn an_untouched_log_has_no_fault() {
    let dir = forged(|_| ());
    assert!(faults(dir.path()).is_empty());
}

#[test]
fn an_edited_event_breaks_the_chain() {
    let dir = forged(|forger| {
        forger.edit_block_frames(2, |frames| {
            let mut step = retrace_core::frame::decode_frame(&frames[3]).unwrap();
            step.events[0].order = step.events[0].order.map(OrderNo::next);
            frames[3] = retrace_core::frame::encode_frame(&step).unwrap();
        });
    });
    let found = faults(dir.path());
    assert!(matches!(found[..], [LogFault::WrongBlock { block: 3, what: WrongBlock::BrokenChain }, ..]), "{found:?}");
}

#[test]
fn a_removed_swapped_or_duplicated_step_is_a_gap_or_no_block() {
    for change in [
        (|frames: &mut Vec<Vec<u8>>| drop(frames.remove(5))) as fn(&mut Vec<Vec<u8>>),
        |frames| frames.swap(5, 6),
        |frames| frames.insert(5, frames[5].clone()),
    ] {
        let in_block = forged(|forger| forger.edit_block_frames(2, change));
        let found = faults(in_block.path());
        assert!(found.iter().any(|fault| matches!(fault, LogFault::Block { block: 2, .. })), "{found:?}");
    }
    let open = forged(|forger| {
        let seqs = forger.open_steps();
        let mut first = Vec::new();
        forger.edit_open_step(seqs[0], |frame| first = frame.clone());
        forger.edit_open_step(seqs[1], |frame| *frame = first);
    });
    let found = faults(open.path());
    assert!(found.iter().any(|fault| matches!(fault, LogFault::Gap { .. })), "{found:?}");
}

#[test]
fn a_dropped_tail_is_behind_the_watermark() {
    let steps = forged(|forger| forger.drop_open_steps(2));
    let block = forged(|forger| {
        forger.drop_open_steps(usize::MAX);
        forger.drop_block(forger.blocks());
    });
    let rewritten = forged(|forger| forger.rewrite(|steps| steps.truncate(100)));
    for dir in [steps, block, rewritten] {
        let found = faults(dir.path());
        assert!(matches!(found[..], [LogFault::LostTail { .. }]), "{found:?}");
        let reader = RocksReader::open(dir.path()).unwrap();
        assert!(matches!(reader.damage()[..], [StoreError::BehindWatermark { .. }]));
        drop(reader);
        assert!(matches!(refusal(dir.path()), StoreError::BehindWatermark { .. }));
    }
}

#[test]
fn a_block_missing_in_the_middle_is_found() {
    let dir = forged(|forger| forger.drop_block(2));
    assert!(faults(dir.path()).iter().any(|fault| matches!(fault, LogFault::WrongBlock { block: 2, .. })));
}

#[test]
fn a_forged_log_with_a_right_chain_is_not_the_one_the_watermark_saw() {
    let forge = |forger: &mut Forger| {
        forger.rewrite(|steps| steps[7].events[0].order = steps[7].events[0].order.map(OrderNo::next));
    };
    let dir = forged(forge);
    assert!(matches!(faults(dir.path())[..], [LogFault::OtherHead { .. }]));
    assert!(matches!(refusal(dir.path()), StoreError::NotTheLogWritten { .. }));
    // With its watermark forged too only deciding again can tell.
    let dir = forged(|forger| {
        forge(forger);
        forger.fix_watermark();
    });
    assert!(faults(dir.path()).is_empty());
    assert!(RocksReader::open(dir.path()).unwrap().damage().is_empty());
}

#[test]
fn a_log_ahead_of_its_watermark_is_normal() {
    for behind in [1, 40, 700] {
        let dir = tempfile::tempdir().unwrap();
        let steps = samples::log(320, 3);
        let uid = fill(dir.path(), &steps[..steps.len() - behind], 1);
        let marks = std::fs::read(dir.path().join("watermark")).unwrap();
        let mut store = RocksStore::create_or_open(dir.path()).unwrap();
        for step in &steps[steps.len() - behind..] {
            store.append(uid, step, &[]).unwrap();
        }
        store.commit().unwrap();
        drop(store);
        std::fs::write(dir.path().join("watermark"), marks).unwrap();
        assert!(faults(dir.path()).is_empty());
        assert!(RocksReader::open(dir.path()).unwrap().damage().is_empty());
        let store = RocksStore::create_or_open(dir.path()).unwrap();
        assert_eq!(store.durable_seq(uid), steps.last().unwrap().last_seq(), "opening makes it durable");
    }
}
