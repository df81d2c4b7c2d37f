//! Reading a session's log a Step at a time, beside something else that goes on.

use std::collections::VecDeque;

use crate::chain::Block;
use crate::frame::decode_frame;
use crate::ids::{Seq, SessionUid};
use crate::log::LogFault;
use crate::step::Step;
use crate::store::LogReader;

/// Where the reading of a log stands. Holds one block at a time, however long the log is, and borrows the store only
/// while a Step is asked for, so that the store may be written to in between.
///
/// It checks that the seqs follow each other and not the chain: for a log that [`read_log`](crate::log::read_log) has
/// found whole. What is appended once it has come to the log's end is not read any more.
#[derive(Clone, Debug)]
pub struct LogCursor {
    session: SessionUid,
    /// The block to read next.
    block: u32,
    /// The seq that comes next.
    next: Seq,
    waiting: VecDeque<Vec<u8>>,
    /// The Steps of the open block were read too.
    ended: bool,
}

impl LogCursor {
    /// Before the first Step of `session`.
    pub const fn new(session: SessionUid) -> Self {
        Self { session, block: 1, next: Seq(1), waiting: VecDeque::new(), ended: false }
    }

    /// The next Step; `None` at the log's end.
    ///
    /// # Errors
    /// [`LogFault`] where the next Step cannot be read or is not the next one.
    pub fn next(&mut self, reader: &dyn LogReader) -> Result<Option<Step>, LogFault> {
        if self.waiting.is_empty() && !self.ended {
            self.fill(reader)?;
        }
        let Some(frame) = self.waiting.pop_front() else { return Ok(None) };
        let step = decode_frame(&frame).map_err(|source| LogFault::Frame { seq: self.next, source })?;
        if step.first_seq() != self.next {
            return Err(LogFault::Gap { expected: self.next, found: step.first_seq() });
        }
        self.next = step.last_seq().next();
        Ok(Some(step))
    }

    fn fill(&mut self, reader: &dyn LogReader) -> Result<(), LogFault> {
        if let Some(block) = reader.blocks(self.session, self.block)?.next() {
            let (number, bytes) = block?;
            let block = Block::read(&bytes).map_err(|source| LogFault::Block { block: number, source })?;
            self.waiting = block.frames.into_iter().map(<[u8]>::to_vec).collect();
            self.block = number.saturating_add(1);
        } else {
            self.waiting = reader.open_frames(self.session)?.into_iter().map(|(_, frame)| frame).collect();
            self.ended = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::read_log;
    use crate::memory::MemoryStore;
    use crate::store::LogStore;
    use crate::testkit::samples;

    #[test]
    fn a_cursor_gives_what_reading_in_one_go_gives_and_stops_where_it_ended() {
        let mut store = MemoryStore::new();
        let session = store.create(&samples::manifest("one")).unwrap();
        let steps = samples::log(1_200, 7);
        let (recorded, later) = steps.split_at(steps.len() - 2);
        for step in recorded {
            store.append(session, step, &[]).unwrap();
        }
        let mut read = Vec::new();
        read_log(&store, session, &mut |step| {
            read.push(step);
            true
        })
        .unwrap();
        let mut cursor = LogCursor::new(session);
        for step in &read {
            assert_eq!(cursor.next(&store).unwrap().as_ref(), Some(step));
        }
        assert!(cursor.next(&store).unwrap().is_none());
        for step in later {
            store.append(session, step, &[]).unwrap();
        }
        assert!(cursor.next(&store).unwrap().is_none(), "what was appended behind it is not the record");
    }
}
