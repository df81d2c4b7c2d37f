//! Sessions that are compared whole: two of them are the same only if nothing in their stores tells them apart.

use std::path::Path;

use retrace_core::chain::Block;
use retrace_core::content::Content;
use retrace_core::event::Head;
use retrace_core::frame::read_frame;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::index::IndexEntry;
use retrace_core::log::{read_frames, read_log};
use retrace_core::manifest::Identity;
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::{Checkpoint, LogReader, LogStore};
use retrace_replay::backtest::Recorder;
use retrace_tools::recording::{StoreRecorder, Watching};
use retrace_tools::sample;
use retrace_tools::session::{self, LoadedSession};

/// All that a store keeps of a session, but for where and when it was made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) identity: Identity,
    /// The bytes of each Step.
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) head: Head,
    pub(crate) last_seq: Seq,
    blocks: Vec<Vec<u8>>,
    index: Vec<IndexEntry>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) texts: Vec<Option<Content>>,
}

impl Whole {
    /// Of a session that was begun from `loaded`.
    pub(crate) fn of(reader: &dyn LogReader, session: SessionUid, loaded: &LoadedSession) -> Self {
        let mut frames = Vec::new();
        let end = read_frames(reader, session, &mut |frame, _| {
            frames.push(frame.to_vec());
            true
        })
        .unwrap();
        let (_, contents) = loaded.sealed(session);
        Self {
            identity: reader.manifest(session).unwrap().identity,
            frames,
            head: end.head,
            last_seq: end.last_seq,
            blocks: reader.blocks(session, 1).unwrap().map(|block| block.unwrap().1).collect(),
            index: reader.index(session, &[]).unwrap(),
            checkpoints: reader.checkpoints(session).unwrap(),
            texts: contents.keys().map(|reference| reader.content(session, *reference).unwrap()).collect(),
        }
    }

    /// Of `loaded`, run from its first input to its end without a stop; with its Steps.
    pub(crate) fn never_stopped(loaded: &LoadedSession) -> (Self, Vec<Step>) {
        let mut store = MemoryStore::new();
        let recorded = session::record(&mut store, loaded).unwrap();
        (Self::of(&store, recorded.session, loaded), steps(&store, recorded.session))
    }

    /// The last event of each closed block.
    pub(crate) fn block_ends(&self) -> Vec<Seq> {
        let end = |bytes: &Vec<u8>| {
            let (last, _) = read_frame(Block::read(bytes).unwrap().frames.last().unwrap()).unwrap();
            Seq(last.first_seq.0 + u64::from(last.count) - 1)
        };
        self.blocks.iter().map(end).collect()
    }
}

pub(crate) fn steps(reader: &dyn LogReader, session: SessionUid) -> Vec<Step> {
    let mut steps = Vec::new();
    read_log(reader, session, &mut |step| {
        steps.push(step);
        true
    })
    .unwrap();
    steps
}

/// Puts `steps` into a new session of `store`, with their texts, as a run that was killed after them leaves it.
pub(crate) fn interrupted(store: &mut dyn LogStore, loaded: &LoadedSession, steps: &[Step]) -> SessionUid {
    let session = store.create(&loaded.manifest()).unwrap();
    let (_, contents) = loaded.sealed(session);
    let mut recorder = StoreRecorder::new(store, session, contents, Watching::default());
    for step in steps {
        recorder.record(step).unwrap();
    }
    recorder.commit().unwrap();
    session
}

/// The sample market in `dir` with the sample's session on it.
pub(crate) fn sample_session(dir: &Path) -> LoadedSession {
    sample::write(dir, sample::DEFAULT_SEED).unwrap();
    session::load(&dir.join("session.yaml")).unwrap()
}

/// The sample market in `dir` with a longer session on it: some 700 events in three blocks.
pub(crate) fn busy_session(dir: &Path) -> LoadedSession {
    sample::write(dir, sample::DEFAULT_SEED).unwrap();
    std::fs::write(dir.join("directives.jsonl"), BUSY).unwrap();
    session::load(&dir.join("session.yaml")).unwrap()
}

const BUSY: &str = r#"{"at":"2026-03-02T01:00:00Z","directive":{"directive_id":"UP_1","scope":"NEW_TRADE","plan_id":"TPL_UP","comments":"in small steps","entry_directive":{"symbol":"BTC/USDT","direction":"BUY"},"size_directive":{"target_position_size":"6"},"exit_directive":{"stop_loss_price":"58000"},"execution_directive":{"algorithm":"TWAP","duration_minutes":120,"slices":40}}}
{"at":"2026-03-02T04:00:00Z","directive":{"directive_id":"UP_2","scope":"MODIFY_EXISTING","target_plan_ids":["TPL_UP"],"comments":"half of it out again","size_directive":{"target_position_size":"3"},"execution_directive":{"algorithm":"TWAP","duration_minutes":60,"slices":20}}}
{"at":"2026-03-02T09:00:00Z","directive":{"directive_id":"UP_3","scope":"CLOSE_EXISTING","target_plan_ids":["TPL_UP"]}}
{"at":"2026-03-02T23:00:00Z","directive":{"directive_id":"DOWN_1","scope":"NEW_TRADE","plan_id":"TPL_DOWN","comments":"before it falls","entry_directive":{"symbol":"BTC/USDT","direction":"SELL"},"size_directive":{"target_position_size":"6"},"exit_directive":{"stop_loss_price":"66000"},"execution_directive":{"algorithm":"TWAP","duration_minutes":60,"slices":40}}}
{"at":"2026-03-03T03:00:00Z","directive":{"directive_id":"DOWN_2","scope":"CLOSE_EXISTING","target_plan_ids":["TPL_DOWN"],"comments":"enough"}}
"#;
