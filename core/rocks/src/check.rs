//! Where each session's log ends, and whether that agrees with its watermark. Reads a few blocks, never the whole log.

use retrace_core::chain::{Block, OpenBlock};
use retrace_core::event::Head;
use retrace_core::frame::read_frame;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::store::{LogReader, StoreError};
use rocksdb::IteratorMode;

use crate::keys::{self, Table};
use crate::tables::{Tables, block_number};

/// Where a session's log ends.
pub(crate) struct End {
    /// The block being filled, its open frames taken in.
    pub(crate) open: OpenBlock,
    /// The frames of that block, each with its seq.
    pub(crate) frames: Vec<(Seq, Vec<u8>)>,
}

impl End {
    fn last_seq(&self) -> Seq {
        Seq(self.open.next_seq().0.saturating_sub(1))
    }
}

impl Tables {
    /// Checks every session against its watermark and keeps what does not agree.
    pub(crate) fn check_all(&mut self) {
        let sessions: Vec<SessionUid> = self.sessions.keys().copied().collect();
        for uid in sessions {
            if let Err(error) = self.end(uid).and_then(|end| self.check(uid, &end)) {
                self.faults.push(error);
            }
        }
    }

    /// Where a session's log ends: its last closed block, then the frames of the open one. Earlier blocks are not read.
    ///
    /// # Errors
    /// [`StoreError`] if the end cannot be read or does not hold together.
    pub(crate) fn end(&self, uid: SessionUid) -> Result<End, StoreError> {
        let session = self.session(uid)?;
        let name = session.name.as_str();
        let prefix = keys::prefix(Table::Blocks, session.number);
        let last = self.scan(&prefix, IteratorMode::End, "reading the last block").next().transpose()?;
        let mut open = match last {
            None => OpenBlock::first(uid, session.start, self.limits),
            Some((key, bytes)) => {
                let (number, block) = self.read_block(uid, &key, &bytes)?;
                let next = block.frames.last().map(|frame| read_frame(frame)).transpose()?;
                let next = next.map_or(block.first_seq.0, |(header, _)| {
                    header.first_seq.0.saturating_add(u64::from(header.count))
                });
                OpenBlock::after(uid, self.limits, number, block.chain, Seq(next))
            }
        };
        let frames = self.open_frames(uid)?;
        for (seq, frame) in &frames {
            let (header, _) = read_frame(frame)?;
            if header.first_seq != *seq || *seq != open.next_seq() {
                return Err(damaged_log(name, *seq, "an open Step does not follow the one before it"));
            }
            if open.push(frame, header.count).is_some() {
                return Err(damaged_log(name, *seq, "a block is open that its content closes"));
            }
        }
        Ok(End { open, frames })
    }

    fn read_block<'a>(&self, uid: SessionUid, key: &[u8], bytes: &'a [u8]) -> Result<(u32, Block<'a>), StoreError> {
        let name = self.session(uid)?.name.to_string();
        let number = block_number(key).ok_or_else(|| self.damaged_part("blocks", "a key is no block's"))?;
        let block =
            Block::read(bytes).map_err(|source| StoreError::Block { session: name.clone(), block: number, source })?;
        if block.session != uid || block.number != number {
            return Err(damaged_log(&name, block.first_seq, "a block is not the one that belongs there"));
        }
        Ok((number, block))
    }

    /// Compares a session's log with its watermark, without reading more than the blocks at the watermark and at the
    /// end. A log that is ahead of it is normal.
    ///
    /// # Errors
    /// [`StoreError::BehindWatermark`], [`StoreError::NotTheLogWritten`], or what keeps the log from being read.
    pub(crate) fn check(&self, uid: SessionUid, end: &End) -> Result<(), StoreError> {
        let session = self.session(uid)?;
        let mark = self.watermark(uid)?;
        let name = || session.name.to_string();
        let closed = end.open.number().saturating_sub(1);
        if mark.durable_seq > end.last_seq() || mark.blocks > closed {
            let (log, watermark) = (end.last_seq(), mark.durable_seq);
            return Err(StoreError::BehindWatermark { session: name(), log, watermark });
        }
        let other = || StoreError::NotTheLogWritten { session: name(), seq: mark.durable_seq };
        let key = keys::block(session.number, mark.blocks.saturating_add(1));
        let stored = self.get(&key, "reading the block at the watermark")?;
        let head = match &stored {
            Some(bytes) => {
                let (_, block) = self.read_block(uid, &key, bytes)?;
                let open = OpenBlock::after(uid, self.limits, mark.blocks, block.previous, block.first_seq);
                head_at(open, block.frames.into_iter(), mark.durable_seq)
            }
            None if mark.blocks == closed => {
                let before = keys::block(session.number, closed);
                let before = if closed == 0 { None } else { self.get(&before, "reading the last block")? };
                let open = match &before {
                    None => OpenBlock::first(uid, session.start, self.limits),
                    Some(bytes) => {
                        let chain = Block::read(bytes).map_err(|_| other())?.chain;
                        let first = end.frames.first().map_or_else(|| end.open.next_seq(), |(seq, _)| *seq);
                        OpenBlock::after(uid, self.limits, closed, chain, first)
                    }
                };
                head_at(open, end.frames.iter().map(|(_, frame)| frame.as_slice()), mark.durable_seq)
            }
            None => {
                let block = mark.blocks.saturating_add(1);
                return Err(self.damaged_part("blocks", &format!("block {block} of session {} is missing", name())));
            }
        };
        if head == Some(mark.head) { Ok(()) } else { Err(other()) }
    }
}

/// The head after the event `seq`; `None` if no Step ends there.
fn head_at<'a>(mut open: OpenBlock, frames: impl Iterator<Item = &'a [u8]>, seq: Seq) -> Option<Head> {
    for frame in frames {
        if open.next_seq().0 > seq.0 {
            break;
        }
        let (header, _) = read_frame(frame).ok()?;
        let _ = open.push(frame, header.count);
    }
    (open.next_seq() == seq.next()).then(|| open.head())
}

fn damaged_log(session: &str, seq: Seq, what: &str) -> StoreError {
    StoreError::Damaged { place: format!("session {session}, event {seq}"), what: what.to_owned() }
}
