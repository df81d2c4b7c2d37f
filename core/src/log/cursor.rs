//! Pulling a log's Steps one by one: beside another log, or beside something that is written meanwhile. The same checks as
//! everywhere else.

use std::collections::VecDeque;

use super::{LogEnd, LogFault, Scan};
use crate::chain::{BlockLimits, OpenBlock, genesis};
use crate::ids::{Seq, SessionUid};
use crate::step::{Step, TapePosition};
use crate::store::{LogReader, StoreError, Watermark};
use crate::time::Timestamp;

/// Where the reading of a log stands, with every link of the chain checked up to there. Holds one block at a time, however
/// long the log is, and borrows the store only while a Step is asked for, so that it may be written to in between: what is
/// appended once the cursor has come to the log's end is not read any more.
pub struct LogCursor {
    session: SessionUid,
    /// Of the log as it was when the reading began.
    watermark: Watermark,
    open: OpenBlock,
    previous: Option<(Timestamp, TapePosition)>,
    steps: u64,
    ready: VecDeque<Step>,
    fault: Option<LogFault>,
    over: bool,
}

impl LogCursor {
    /// Before the first Step of `session`.
    ///
    /// # Errors
    /// [`StoreError`] if the session or its manifest cannot be read at all.
    pub fn new(reader: &dyn LogReader, session: SessionUid) -> Result<Self, StoreError> {
        let (_, start) = genesis(&reader.manifest(session)?.identity);
        let mut cursor = Self {
            session,
            watermark: reader.watermark(session)?,
            open: OpenBlock::first(session, start, BlockLimits::FORMAT_1),
            previous: None,
            steps: 0,
            ready: VecDeque::new(),
            fault: None,
            over: false,
        };
        cursor.checking(|scan| {
            scan.check_head();
        });
        Ok(cursor)
    }

    /// The next Step; `None` at the log's end.
    ///
    /// # Errors
    /// [`LogFault`] where something is wrong with the log: what stands behind it is not given.
    pub fn next(&mut self, reader: &dyn LogReader) -> Result<Option<Step>, LogFault> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(Some(step));
            }
            if let Some(fault) = self.fault.take() {
                self.over = true;
                return Err(fault);
            }
            if self.over {
                return Ok(None);
            }
            self.read_on(reader);
        }
    }

    /// Where the log ends, as far as it was read: its end, once nothing more is given.
    pub fn end(&self) -> LogEnd {
        LogEnd {
            last_seq: Seq(self.open.next_seq().0.saturating_sub(1)),
            head: self.open.head(),
            blocks: self.open.number().saturating_sub(1),
            steps: self.steps,
        }
    }

    /// Reads on with what every reader of a log checks. What stands behind a fault is not given.
    fn checking(&mut self, read: impl FnOnce(&mut Scan<'_>)) {
        let broken = std::cell::Cell::new(self.fault.is_some());
        let (ready, first) = (&mut self.ready, &mut self.fault);
        let mut take = |_: &[u8], step| {
            if !broken.get() {
                ready.push_back(step);
            }
            !broken.get()
        };
        let mut fault = |fault| {
            broken.set(true);
            first.get_or_insert(fault);
        };
        let mut scan = Scan {
            open: self.open.clone(),
            previous: self.previous,
            steps: self.steps,
            watermark: self.watermark,
            more: true,
            behind: None,
            take: &mut take,
            fault: &mut fault,
        };
        read(&mut scan);
        let Scan { open, previous, steps, .. } = scan;
        (self.open, self.previous, self.steps) = (open, previous, steps);
    }

    /// Reads the next block, or the frames behind the last one.
    fn read_on(&mut self, reader: &dyn LogReader) {
        let session = self.session;
        let next = reader.blocks(session, self.open.number()).and_then(|mut blocks| blocks.next().transpose());
        match next {
            Ok(Some((number, bytes))) => self.checking(|scan| scan.block(session, number, &bytes)),
            Ok(None) => {
                self.over = true;
                match reader.open_frames(session) {
                    Ok(frames) => self.checking(|scan| scan.open_frames(&frames)),
                    Err(error) => self.fault = Some(error.into()),
                }
                self.checking(|scan| {
                    scan.check_end();
                });
            }
            Err(error) => self.fault = Some(error.into()),
        }
    }
}

/// Every Step of a session in order, as [`LogCursor`] gives them. The first fault is the last thing it gives.
pub struct LogSteps<'a> {
    reader: &'a dyn LogReader,
    cursor: LogCursor,
}

impl<'a> LogSteps<'a> {
    /// The Steps of `session`.
    ///
    /// # Errors
    /// [`StoreError`] if the session or its manifest cannot be read at all.
    pub fn new(reader: &'a dyn LogReader, session: SessionUid) -> Result<Self, StoreError> {
        Ok(Self { reader, cursor: LogCursor::new(reader, session)? })
    }

    /// Where the log ends, as far as it was read: its end, once nothing more is given.
    pub fn end(&self) -> LogEnd {
        self.cursor.end()
    }
}

impl Iterator for LogSteps<'_> {
    type Item = Result<Step, LogFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(self.reader).transpose()
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
        let mut cursor = LogCursor::new(&store, session).unwrap();
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
