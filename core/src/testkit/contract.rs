//! What every store must do, as one test that each runs on itself.

use super::samples;
use crate::chain::genesis;
use crate::event::Head;
use crate::ids::{DirectiveId, PlanId, PlanNo, Seq};
use crate::index::IndexEntry;
use crate::log::{LogEnd, read_log};
use crate::step::Step;
use crate::store::{Checkpoint, LogReader, LogStore, StoreError};

/// The whole contract, on an empty store.
///
/// # Panics
/// Where the store breaks it.
pub fn check(store: &mut dyn LogStore) {
    let steps = samples::log(200, 3);
    let manifest = samples::manifest("contract");
    let (uid, _) = genesis(&manifest.identity);

    assert!(store.sessions().unwrap().is_empty());
    assert!(matches!(store.manifest(uid), Err(StoreError::NoSession { .. })));
    assert_eq!(store.create(&manifest).unwrap(), uid);
    assert!(matches!(store.create(&manifest), Err(StoreError::SessionExists { .. })));
    assert_eq!(store.manifest(uid).unwrap(), manifest);
    assert_eq!(store.find("contract").unwrap(), uid);
    assert!(store.find("other").is_err());

    let (reference, content) = samples::comment("breakout");
    for (place, step) in steps.iter().enumerate() {
        let contents = if place == 0 { vec![(reference, content.clone())] } else { Vec::new() };
        store.append(uid, step, &contents).unwrap();
        if place % 50 == 0 {
            store.commit().unwrap();
            assert_eq!(store.durable_seq(uid), step.last_seq());
        }
    }
    // Not the next seq: refused, and nothing is kept of it.
    let last = steps.last().unwrap();
    assert!(matches!(store.append(uid, last, &[]), Err(StoreError::Conflict { .. })));
    store.commit().unwrap();
    assert_eq!(store.durable_seq(uid), last.last_seq());

    let end = check_reading(store, &steps);
    assert_eq!(store.head(uid).unwrap(), end.head);
    assert_eq!(end.blocks as usize, store.blocks(uid, 1).unwrap().count());
    assert!(end.blocks >= 3, "the sample closes some blocks");
    let from_two: Vec<u32> = store.blocks(uid, 2).unwrap().map(|block| block.unwrap().0).collect();
    assert_eq!(from_two.first(), Some(&2));

    assert_eq!(store.content(uid, reference).unwrap(), Some(content));
    store.erase(uid, reference).unwrap();
    store.commit().unwrap();
    assert_eq!(store.content(uid, reference).unwrap(), None, "erased, salt and all");
    assert_eq!(check_reading(store, &steps), end, "erasing a text changes no link of the chain");

    let checkpoint = Checkpoint {
        seq: last.last_seq(),
        projection: "strategy_ledger".to_owned(),
        version: 1,
        digest: [9; 32],
        finished: true,
    };
    store.put_checkpoint(uid, &checkpoint).unwrap();
    store.commit().unwrap();
    assert_eq!(store.checkpoints(uid).unwrap(), vec![checkpoint]);

    // A second session in the same store changes nothing of the first.
    let other = store.create(&samples::manifest("other")).unwrap();
    store.append(other, &steps[0], &[]).unwrap();
    store.commit().unwrap();
    assert_eq!(check_reading(store, &steps), end);
    assert_ne!(store.head(other).unwrap(), Head([0; 32]));
    let names: Vec<String> = store.sessions().unwrap().iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["contract", "other"]);
}

/// What a store that was filled by [`check`] must give back, also after it was closed and opened again.
///
/// # Panics
/// Where it does not.
pub fn check_reading(store: &dyn LogReader, steps: &[Step]) -> LogEnd {
    let uid = store.find("contract").unwrap();
    let mut read = Vec::new();
    let end = read_log(store, uid, &mut |step| {
        read.push(step);
        true
    })
    .unwrap();
    assert_eq!(read, steps);
    assert_eq!(store.watermark(uid).unwrap().head, end.head);

    // The index leads to every event of a plan that stands in a closed block.
    let blocks: Vec<_> = store.blocks(uid, 1).unwrap().map(Result::unwrap).collect();
    let plan = store.index(uid, &IndexEntry::plan_prefix(PlanNo(2))).unwrap();
    let expected: Vec<u32> = blocks
        .iter()
        .filter(|(_, bytes)| {
            let block = crate::chain::Block::read(bytes).unwrap();
            let mut frames = block.frames.iter();
            frames.any(|frame| crate::frame::read_frame(frame).unwrap().1.iter().any(|e| e.plan == Some(PlanNo(2))))
        })
        .map(|(number, _)| *number)
        .collect();
    let found: Vec<u32> = plan
        .iter()
        .map(|entry| match entry {
            IndexEntry::Plan { plan: PlanNo(2), block } => *block,
            other => panic!("{other:?} does not begin with the plan's prefix"),
        })
        .collect();
    assert_eq!(found, expected);
    let directive = DirectiveId::new("STR_001").unwrap();
    let received = store.index(uid, &IndexEntry::directive_prefix(&directive)).unwrap();
    assert_eq!(received, [IndexEntry::Directive { directive, seq: Seq(1) }]);
    let plan_id = PlanId::new("TPL_BTC_001").unwrap();
    let named = store.index(uid, &IndexEntry::plan_name_prefix(&plan_id)).unwrap();
    assert_eq!(named, [IndexEntry::PlanName { plan_id, plan: PlanNo(1) }]);
    end
}
