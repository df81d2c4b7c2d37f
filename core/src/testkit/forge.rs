//! Wrong logs: a copy of a session whose every stored byte a test may change.

use crate::chain::{Block, BlockLimits, OpenBlock};
use crate::content::{Content, ContentRef};
use crate::frame::{decode_frame, encode_frame};
use crate::ids::{Seq, SessionName, SessionUid};
use crate::index::IndexEntry;
use crate::saved::SavedAt;
use crate::step::Step;
use crate::store::{Checkpoint, LogReader, Manifest, StoreError, Watermark};

/// A copy of one session, in memory, in the open. Reads whatever stands in it.
#[derive(Clone)]
pub struct ForgedStore {
    /// The session it is a copy of.
    pub session: SessionUid,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its closed blocks, by number.
    pub blocks: Vec<(u32, Vec<u8>)>,
    /// The frames of its open block.
    pub open_frames: Vec<(Seq, Vec<u8>)>,
    /// Its index entries.
    pub index: Vec<IndexEntry>,
    /// Its checkpoints.
    pub checkpoints: Vec<Checkpoint>,
    /// Where its states are saved, and their bytes.
    pub states: Vec<(SavedAt, Vec<u8>)>,
    /// Its watermark.
    pub watermark: Watermark,
}

impl ForgedStore {
    /// A copy that is right in everything.
    pub fn copy_of(reader: &dyn LogReader, session: SessionUid) -> Self {
        let states = reader.saved_states(session).unwrap().into_iter();
        let bytes = |saved: &SavedAt| reader.saved_state(session, saved.seq).unwrap().unwrap();
        Self {
            session,
            manifest: reader.manifest(session).unwrap(),
            blocks: reader.blocks(session, 1).unwrap().map(Result::unwrap).collect(),
            open_frames: reader.open_frames(session).unwrap(),
            index: reader.index(session, &[]).unwrap(),
            checkpoints: reader.checkpoints(session).unwrap(),
            states: states.map(|saved| (saved.clone(), bytes(&saved))).collect(),
            watermark: reader.watermark(session).unwrap(),
        }
    }

    /// Changes the Steps of closed block `number` and stores them as a well-formed block in the same place, chained to
    /// the same block before it.
    pub fn edit_block(&mut self, number: u32, edit: impl FnOnce(&mut Vec<Step>)) {
        let place = self.blocks.iter().position(|(known, _)| *known == number).unwrap();
        let bytes = self.blocks[place].1.clone();
        let block = Block::read(&bytes).unwrap();
        let mut steps: Vec<Step> = block.frames.iter().map(|frame| decode_frame(frame).unwrap()).collect();
        edit(&mut steps);
        let limits = BlockLimits { events: u32::MAX, bytes: u32::MAX };
        let mut open = OpenBlock::after(block.session, limits, number - 1, block.previous, block.first_seq);
        for step in &steps {
            open.push(&encode_frame(step).unwrap(), u32::try_from(step.events.len()).unwrap());
        }
        self.blocks[place].1 = open.force_close().bytes;
    }

    /// Changes the Steps of the open block. Each is kept under its own first seq.
    pub fn edit_open(&mut self, edit: impl FnOnce(&mut Vec<Step>)) {
        let mut steps: Vec<Step> = self.open_frames.iter().map(|(_, frame)| decode_frame(frame).unwrap()).collect();
        edit(&mut steps);
        self.open_frames = steps.iter().map(|step| (step.first_seq(), encode_frame(step).unwrap())).collect();
    }
}

impl LogReader for ForgedStore {
    fn sessions(&self) -> Result<Vec<(SessionName, SessionUid)>, StoreError> {
        Ok(vec![(self.manifest.identity.name.clone(), self.session)])
    }

    fn manifest(&self, _: SessionUid) -> Result<Manifest, StoreError> {
        Ok(self.manifest.clone())
    }

    fn blocks(
        &self,
        _: SessionUid,
        from: u32,
    ) -> Result<Box<dyn Iterator<Item = Result<(u32, Vec<u8>), StoreError>> + '_>, StoreError> {
        Ok(Box::new(self.blocks.iter().filter(move |(number, _)| *number >= from).cloned().map(Ok)))
    }

    fn open_frames(&self, _: SessionUid) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        Ok(self.open_frames.clone())
    }

    fn index(&self, _: SessionUid, prefix: &[u8]) -> Result<Vec<IndexEntry>, StoreError> {
        Ok(self.index.iter().filter(|entry| entry.key().starts_with(prefix)).cloned().collect())
    }

    fn content(&self, _: SessionUid, _: ContentRef) -> Result<Option<Content>, StoreError> {
        Ok(None)
    }

    fn checkpoints(&self, _: SessionUid) -> Result<Vec<Checkpoint>, StoreError> {
        Ok(self.checkpoints.clone())
    }

    fn saved_states(&self, _: SessionUid) -> Result<Vec<SavedAt>, StoreError> {
        Ok(self.states.iter().map(|(saved, _)| saved.clone()).collect())
    }

    fn saved_state(&self, _: SessionUid, seq: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.states.iter().find(|(saved, _)| saved.seq == seq).map(|(_, bytes)| bytes.clone()))
    }

    fn watermark(&self, _: SessionUid) -> Result<Watermark, StoreError> {
        Ok(self.watermark)
    }

    fn damage(&self) -> Vec<StoreError> {
        Vec::new()
    }
}
