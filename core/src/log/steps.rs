//! Pulling a log's Steps one by one, for whoever reads two logs side by side. The same checks as everywhere else.

use std::collections::VecDeque;

use super::{LogEnd, LogFault, Scan};
use crate::chain::{BlockLimits, OpenBlock, genesis};
use crate::ids::{Seq, SessionUid};
use crate::step::{Step, TapePosition};
use crate::store::{LogReader, StoreError, Watermark};
use crate::time::Timestamp;

type Blocks<'a> = Box<dyn Iterator<Item = Result<(u32, Vec<u8>), StoreError>> + 'a>;

/// Every Step of a session in order, with every link of the chain checked on the way. The first fault is the last
/// thing it gives. Holds one block at a time.
pub struct LogSteps<'a> {
    reader: &'a dyn LogReader,
    session: SessionUid,
    blocks: Option<Blocks<'a>>,
    open: OpenBlock,
    previous: Option<(Timestamp, TapePosition)>,
    steps: u64,
    watermark: Watermark,
    ready: VecDeque<Step>,
    fault: Option<LogFault>,
    over: bool,
}

impl<'a> LogSteps<'a> {
    /// The Steps of `session`.
    ///
    /// # Errors
    /// [`StoreError`] if the session or its manifest cannot be read at all.
    pub fn new(reader: &'a dyn LogReader, session: SessionUid) -> Result<Self, StoreError> {
        let (_, start) = genesis(&reader.manifest(session)?.identity);
        let mut steps = Self {
            reader,
            session,
            blocks: Some(reader.blocks(session, 1)?),
            open: OpenBlock::first(session, start, BlockLimits::FORMAT_1),
            previous: None,
            steps: 0,
            watermark: reader.watermark(session)?,
            ready: VecDeque::new(),
            fault: None,
            over: false,
        };
        steps.checking(|scan| {
            scan.check_head();
        });
        Ok(steps)
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
    fn read_on(&mut self) {
        let (session, reader) = (self.session, self.reader);
        if let Some(blocks) = &mut self.blocks {
            match blocks.next() {
                Some(Ok((number, bytes))) => self.checking(|scan| scan.block(session, number, &bytes)),
                Some(Err(error)) => self.fault = Some(error.into()),
                None => self.blocks = None,
            }
            return;
        }
        self.over = true;
        match reader.open_frames(session) {
            Ok(frames) => self.checking(|scan| {
                for (_, frame) in &frames {
                    if !scan.frame(frame) {
                        return;
                    }
                }
            }),
            Err(error) => self.fault = Some(error.into()),
        }
        let (log, durable) = (self.end().last_seq, self.watermark.durable_seq);
        if log < durable {
            self.fault.get_or_insert(LogFault::LostTail { log, watermark: durable });
        }
    }
}

impl Iterator for LogSteps<'_> {
    type Item = Result<Step, LogFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Some(Ok(step));
            }
            if let Some(fault) = self.fault.take() {
                (self.over, self.blocks) = (true, None);
                return Some(Err(fault));
            }
            if self.over {
                return None;
            }
            self.read_on();
        }
    }
}
