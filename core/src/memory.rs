//! A store in memory: for tests, for checking a run against its log, and for trying something without keeping it.

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::{Block, BlockLimits, OpenBlock, genesis};
use crate::content::{Content, ContentRef};
use crate::event::Head;
use crate::frame::decode_frame;
use crate::ids::{Seq, SessionName, SessionUid};
use crate::index::{IndexEntry, index_entries};
use crate::saved::{FoldState, SavedAt};
use crate::store::{Checkpoint, LogReader, LogStore, Manifest, StoreError, Watermark};

/// A store in memory. Everything is gone when it is dropped.
#[derive(Default)]
pub struct MemoryStore {
    sessions: BTreeMap<SessionUid, Session>,
}

struct Session {
    name: SessionName,
    manifest: Manifest,
    open: OpenBlock,
    open_frames: Vec<(Seq, Vec<u8>)>,
    blocks: Vec<Vec<u8>>,
    index: BTreeSet<Vec<u8>>,
    contents: BTreeMap<ContentRef, Content>,
    checkpoints: Vec<Checkpoint>,
    states: BTreeMap<Seq, (SavedAt, Vec<u8>)>,
    watermark: Watermark,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn session(&self, uid: SessionUid) -> Result<&Session, StoreError> {
        self.sessions.get(&uid).ok_or_else(|| StoreError::NoSession { session: uid.to_string() })
    }

    fn session_mut(&mut self, uid: SessionUid) -> Result<&mut Session, StoreError> {
        self.sessions.get_mut(&uid).ok_or_else(|| StoreError::NoSession { session: uid.to_string() })
    }
}

impl LogReader for MemoryStore {
    fn sessions(&self) -> Result<Vec<(SessionName, SessionUid)>, StoreError> {
        let mut all: Vec<_> = self.sessions.iter().map(|(uid, s)| (s.name.clone(), *uid)).collect();
        all.sort();
        Ok(all)
    }

    fn manifest(&self, session: SessionUid) -> Result<Manifest, StoreError> {
        Ok(self.session(session)?.manifest.clone())
    }

    fn blocks(
        &self,
        session: SessionUid,
        from: u32,
    ) -> Result<Box<dyn Iterator<Item = Result<(u32, Vec<u8>), StoreError>> + '_>, StoreError> {
        let blocks = (1_u32..).zip(&self.session(session)?.blocks);
        Ok(Box::new(
            blocks.filter(move |(number, _)| *number >= from).map(|(number, bytes)| Ok((number, bytes.clone()))),
        ))
    }

    fn open_frames(&self, session: SessionUid) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        Ok(self.session(session)?.open_frames.clone())
    }

    fn index(&self, session: SessionUid, prefix: &[u8]) -> Result<Vec<IndexEntry>, StoreError> {
        let keys = self.session(session)?.index.range(prefix.to_vec()..).take_while(|key| key.starts_with(prefix));
        let damaged =
            || StoreError::Damaged { place: format!("index of {session}"), what: "a key is no entry".to_owned() };
        keys.map(|key| IndexEntry::from_key(key).ok_or_else(damaged)).collect()
    }

    fn content(&self, session: SessionUid, reference: ContentRef) -> Result<Option<Content>, StoreError> {
        Ok(self.session(session)?.contents.get(&reference).cloned())
    }

    fn checkpoints(&self, session: SessionUid) -> Result<Vec<Checkpoint>, StoreError> {
        Ok(self.session(session)?.checkpoints.clone())
    }

    fn saved_states(&self, session: SessionUid) -> Result<Vec<SavedAt>, StoreError> {
        Ok(self.session(session)?.states.values().map(|(saved, _)| saved.clone()).collect())
    }

    fn saved_state(&self, session: SessionUid, seq: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.session(session)?.states.get(&seq).map(|(_, bytes)| bytes.clone()))
    }

    fn watermark(&self, session: SessionUid) -> Result<Watermark, StoreError> {
        Ok(self.session(session)?.watermark)
    }

    fn damage(&self) -> Vec<StoreError> {
        Vec::new()
    }
}

impl LogStore for MemoryStore {
    fn create_as(&mut self, manifest: &Manifest, name: &SessionName) -> Result<SessionUid, StoreError> {
        let (uid, start) = genesis(&manifest.identity);
        let mut known = self.sessions.iter();
        if let Some((_, taken)) = known.find(|(other, session)| **other == uid || session.name == *name) {
            return Err(StoreError::SessionExists { name: taken.name.clone() });
        }
        let open = OpenBlock::first(uid, start, BlockLimits::FORMAT_1);
        let watermark = Watermark { durable_seq: Seq(0), head: open.head(), blocks: 0 };
        let session = Session {
            name: name.clone(),
            manifest: manifest.clone(),
            open,
            open_frames: Vec::new(),
            blocks: Vec::new(),
            index: BTreeSet::new(),
            contents: BTreeMap::new(),
            checkpoints: Vec::new(),
            states: BTreeMap::new(),
            watermark,
        };
        self.sessions.insert(uid, session);
        Ok(uid)
    }

    fn append_frame(
        &mut self,
        session: SessionUid,
        frame: &[u8],
        contents: &[(ContentRef, Content)],
    ) -> Result<(), StoreError> {
        let session = self.session_mut(session)?;
        let next = session.open.next_seq();
        let step = decode_frame(frame)?;
        if step.first_seq() != next {
            return Err(StoreError::Conflict { next, given: step.first_seq() });
        }
        let events = u32::try_from(step.events.len()).unwrap_or(u32::MAX);
        session.contents.extend(contents.iter().cloned());
        session.open_frames.push((next, frame.to_vec()));
        if let Some(closed) = session.open.push(frame, events) {
            let block = Block::read(&closed.bytes).map_err(|source| StoreError::Block {
                session: session.name.to_string(),
                block: closed.number,
                source,
            })?;
            for frame in block.frames {
                session.index.extend(index_entries(frame, closed.number)?.iter().map(IndexEntry::key));
            }
            session.blocks.push(closed.bytes);
            session.open_frames.clear();
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        for session in self.sessions.values_mut() {
            session.watermark = Watermark {
                durable_seq: Seq(session.open.next_seq().0.saturating_sub(1)),
                head: session.open.head(),
                blocks: session.open.number().saturating_sub(1),
            };
        }
        Ok(())
    }

    fn durable_seq(&self, session: SessionUid) -> Seq {
        self.sessions.get(&session).map_or(Seq(0), |s| s.watermark.durable_seq)
    }

    fn head(&self, session: SessionUid) -> Result<Head, StoreError> {
        Ok(self.session(session)?.open.head())
    }

    fn put_checkpoint(&mut self, session: SessionUid, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let checkpoints = &mut self.session_mut(session)?.checkpoints;
        checkpoints.retain(|known| known.key() != checkpoint.key());
        checkpoints.push(checkpoint.clone());
        checkpoints.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(())
    }

    fn put_state(&mut self, session: SessionUid, state: &FoldState) -> Result<(), StoreError> {
        let session = self.session_mut(session)?;
        let saved = session.open.saves(state);
        session.states.insert(saved.seq, (saved, state.bytes.clone()));
        Ok(())
    }

    fn erase(&mut self, session: SessionUid, reference: ContentRef) -> Result<(), StoreError> {
        self.session_mut(session)?.contents.remove(&reference);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_memory_store_keeps_the_contract() {
        crate::testkit::contract::check(&mut super::MemoryStore::new());
    }
}
