//! What every store must do, as one test that each runs on itself.

use super::samples;
use crate::chain::{BlockLimits, OpenBlock, genesis};
use crate::event::Head;
use crate::frame::encode_frame;
use crate::ids::{DirectiveId, PlanId, PlanNo, Seq, SessionName, SessionUid};
use crate::index::IndexEntry;
use crate::log::{LogEnd, read_frames, read_log, read_log_behind};
use crate::saved::{FoldState, SavedAt, SavedBy};
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
    // Not the next seq, or no frame at all: refused, nothing is kept of it, and the store goes on.
    let last = steps.last().unwrap();
    let before = store.head(uid).unwrap();
    assert!(matches!(store.append(uid, last, &[]), Err(StoreError::Conflict { .. })));
    let next = encode_frame(&samples::step(last.last_seq().0 + 1, 90_000, 1, samples::slice_facts(1)[0].clone()));
    let next = next.unwrap();
    for wrong in [&[][..], &next[1..], &next[..next.len() - 1], &[&next[..], &[0]].concat()] {
        assert!(matches!(store.append_frame(uid, wrong, &[]), Err(StoreError::Frame(_))), "{wrong:?}");
    }
    assert_eq!(store.head(uid).unwrap(), before);
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
    store.put_checkpoint(uid, &Checkpoint { digest: [8; 32], finished: false, ..checkpoint.clone() }).unwrap();
    store.put_checkpoint(uid, &checkpoint).unwrap();
    let earlier = Checkpoint { seq: Seq(1), ..checkpoint.clone() };
    store.put_checkpoint(uid, &earlier).unwrap();
    store.commit().unwrap();
    assert_eq!(store.checkpoints(uid).unwrap(), vec![earlier, checkpoint]);

    let end = check_states(store, uid, &steps);

    // A second session in the same store changes nothing of the first.
    let other = store.create(&samples::manifest("other")).unwrap();
    store.append(other, &steps[0], &[]).unwrap();
    store.commit().unwrap();
    assert_eq!(check_reading(store, &steps), end);
    assert_ne!(store.head(other).unwrap(), Head([0; 32]));
    let names = |store: &dyn LogStore| -> Vec<String> {
        store.sessions().unwrap().iter().map(|(name, _)| name.to_string()).collect()
    };
    assert_eq!(names(store), ["contract", "other"]);

    // The same Steps, appended as bytes, under a name that is not the identity's: the same log.
    let manifest = samples::manifest("its_own");
    let named = SessionName::new("given").unwrap();
    let copy = store.create_as(&manifest, &named).unwrap();
    let mut chain = OpenBlock::first(copy, genesis(&manifest.identity).1, BlockLimits::FORMAT_1);
    for step in &steps {
        let frame = encode_frame(step).unwrap();
        store.append_frame(copy, &frame, &[]).unwrap();
        let _ = chain.push(&frame, u32::try_from(step.events.len()).unwrap());
    }
    store.commit().unwrap();
    let mut frames = Vec::new();
    let copied = read_frames(store, copy, &mut |frame, step| {
        frames.push((frame.to_vec(), step));
        true
    });
    assert_eq!(copied.unwrap().head, chain.head());
    assert!(
        frames.iter().zip(&steps).all(|((frame, read), step)| read == step && *frame == encode_frame(step).unwrap())
    );
    assert_eq!(store.index(copy, &[]).unwrap(), store.index(uid, &[]).unwrap());
    assert_eq!(names(store), ["contract", "given", "other"]);
    assert_eq!(store.find("given").unwrap(), copy);
    assert_eq!(store.manifest(copy).unwrap(), manifest);
    // By its id and by its name it is there already; its identity's own name is free.
    for (manifest, name) in [(&manifest, "its_own"), (&samples::manifest("new"), "given")] {
        let taken = store.create_as(manifest, &SessionName::new(name).unwrap());
        assert!(matches!(taken, Err(StoreError::SessionExists { name }) if name == named));
    }
}

/// States are saved behind the Steps appended last and come back as they were; the log can be read from each of them on.
fn check_states(store: &mut dyn LogStore, uid: SessionUid, steps: &[Step]) -> LogEnd {
    let last = steps.last().unwrap();
    let by = SavedBy { projection: "strategy_ledger".to_owned(), version: 1, schema: [7; 32] };
    let state = |bytes: &[u8]| FoldState { by: by.clone(), time: last.time, tape: last.tape, bytes: bytes.to_vec() };
    assert!(store.saved_states(uid).unwrap().is_empty());
    store.put_state(uid, &state(b"first")).unwrap();
    store.put_state(uid, &state(b"in its place")).unwrap();
    store.commit().unwrap();
    let [saved] = &store.saved_states(uid).unwrap()[..] else { panic!("one, in the place of the other") };
    assert_eq!((saved.seq, saved.head, &saved.by), (last.last_seq(), store.head(uid).unwrap(), &by));
    let bytes = store.saved_state(uid, saved.seq).unwrap().unwrap();
    assert_eq!(bytes, b"in its place");
    assert!(saved.is_of(&bytes) && !saved.is_of(b"first"));
    assert!(store.saved_state(uid, Seq(1)).unwrap().is_none());
    assert_eq!(SavedAt::decode(&saved.encode()).as_ref(), Some(saved));

    let end = read_log(store, uid, &mut |_| true).unwrap();
    let mut behind = Vec::new();
    let mut read = |place: &SavedAt| {
        behind.clear();
        let end = read_log_behind(store, uid, place, &mut |step| {
            behind.push(step);
            true
        });
        (end, behind.clone())
    };
    let (at_the_end, none) = read(saved);
    assert_eq!((at_the_end.unwrap(), none), (LogEnd { steps: 0, ..end }, Vec::new()));
    // From every place on, wherever blocks end; and not from one that is another log's.
    let mut chain = OpenBlock::first(uid, genesis(&samples::manifest("contract").identity).1, BlockLimits::FORMAT_1);
    for (place, step) in (1_usize..).zip(steps) {
        let _ = chain.push(&encode_frame(step).unwrap(), u32::try_from(step.events.len()).unwrap());
        let saved = chain.saves(&state(b""));
        let (end, behind) = read(&saved);
        assert_eq!(end.unwrap().head, store.head(uid).unwrap());
        assert_eq!(behind, steps[place..]);
        for wrong in [
            SavedAt { head: Head([3; 32]), ..saved.clone() },
            SavedAt { seq: Seq(last.last_seq().0 + 1), ..saved.clone() },
            SavedAt { block: saved.block + 9, ..saved },
        ] {
            assert!(read(&wrong).0.is_err(), "{wrong:?}");
        }
    }
    end
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
