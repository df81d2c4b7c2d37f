//! Reading a session's log from its first event to its last, with every link of the chain checked on the way.

mod behind;
mod cursor;

pub use behind::read_log_behind;
pub use cursor::{LogCursor, LogSteps};

use behind::Behind;

use crate::chain::{Block, BlockError, BlockLimits, OpenBlock, genesis};
use crate::event::Head;
use crate::frame::{FrameError, decode_frame};
use crate::ids::{Seq, SessionUid};
use crate::step::{Step, TapePosition};
use crate::store::{LogReader, Manifest, StoreError, Watermark};
use crate::time::Timestamp;

/// Something wrong with a log, and where.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block that cannot be read.
    #[error("block {block}: {source}")]
    Block {
        /// Its number.
        block: u32,
        /// Why.
        source: BlockError,
    },
    /// A frame that cannot be read.
    #[error("event {seq}: {source}")]
    Frame {
        /// The event that was to come next.
        seq: Seq,
        /// Why.
        source: FrameError,
    },
    /// A block that is not the one that belongs there.
    #[error("block {block}: {what}")]
    WrongBlock {
        /// The number expected.
        block: u32,
        /// What does not fit.
        what: WrongBlock,
    },
    /// The seqs leave a gap or repeat.
    #[error("event {expected} was to come next, event {found} stands there")]
    Gap {
        /// The seq that was to come next.
        expected: Seq,
        /// The seq found.
        found: Seq,
    },
    /// A Step's time or tape position lies before that of the Step before it.
    #[error("event {seq}: its {what} goes back")]
    GoesBack {
        /// The Step's first event.
        seq: Seq,
        /// `time` or `tape position`.
        what: &'static str,
    },
    /// The log ends before what the watermark says was durable.
    #[error("the log ends at event {log}, but event {watermark} was durable: events are lost")]
    LostTail {
        /// The last event in the log.
        log: Seq,
        /// The last event that was durable.
        watermark: Seq,
    },
    /// The chain at the watermark's event is not the one that was written.
    #[error("the chain at event {seq} is {found}, the watermark has {written}")]
    OtherHead {
        /// The watermark's event.
        seq: Seq,
        /// The chain computed from the log.
        found: Head,
        /// The chain noted when it was written.
        written: Head,
    },
}

/// How a block fails to be the one that belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongBlock {
    /// It names another session.
    #[error("it belongs to another session")]
    OtherSession,
    /// It has another number.
    #[error("it is numbered {found}")]
    Number {
        /// The number it has.
        found: u32,
    },
    /// The hash of the block before it is not the one it was chained to.
    #[error("what stands before it is not what it was chained to")]
    BrokenChain,
    /// By the rule of content it would have closed at another Step.
    #[error("it does not close where its content says")]
    WrongEnd,
}

/// Where a read log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// Its last event; 0 for an empty log.
    pub last_seq: Seq,
    /// The head over all of it.
    pub head: Head,
    /// How many blocks are closed.
    pub blocks: u32,
    /// How many Steps it has.
    pub steps: u64,
}

/// Reads every Step of a session in order and gives it to `take`; every fault goes to `fault`, and reading goes on
/// where that is possible. `take` ends the reading by answering `false`.
///
/// # Errors
/// [`StoreError`] only if the session or its manifest cannot be read at all.
pub fn scan_log(
    reader: &dyn LogReader,
    session: SessionUid,
    take: &mut dyn FnMut(Step) -> bool,
    fault: &mut dyn FnMut(LogFault),
) -> Result<LogEnd, StoreError> {
    scan_frames(reader, session, &mut |_, step| take(step), fault)
}

fn scan_frames(
    reader: &dyn LogReader,
    session: SessionUid,
    take: &mut dyn FnMut(&[u8], Step) -> bool,
    fault: &mut dyn FnMut(LogFault),
) -> Result<LogEnd, StoreError> {
    let Manifest { identity, .. } = reader.manifest(session)?;
    let (_, start) = genesis(&identity);
    let watermark = reader.watermark(session)?;
    let mut scan = Scan {
        open: OpenBlock::first(session, start, BlockLimits::FORMAT_1),
        previous: None,
        steps: 0,
        watermark,
        more: true,
        behind: None,
        take,
        fault,
    };
    scan.check_head();
    scan.read_on(reader, session, 1)?;
    Ok(scan.end())
}

/// Reads every Step of a session in order; the first fault ends the reading. `take` ends it by answering `false`.
///
/// # Errors
/// The first [`LogFault`].
pub fn read_log(
    reader: &dyn LogReader,
    session: SessionUid,
    take: &mut dyn FnMut(Step) -> bool,
) -> Result<LogEnd, LogFault> {
    read_frames(reader, session, &mut |_, step| take(step))
}

/// As [`read_log`], with the bytes that each Step is stored as: what a copy of the log must hold, since the same Step
/// may have been written in other bytes than this build would write.
///
/// # Errors
/// The first [`LogFault`].
pub fn read_frames(
    reader: &dyn LogReader,
    session: SessionUid,
    take: &mut dyn FnMut(&[u8], Step) -> bool,
) -> Result<LogEnd, LogFault> {
    let mut first = None;
    // Shared by both closures: once something is wrong, nothing more is given out.
    let broken = std::cell::Cell::new(false);
    let end = scan_frames(reader, session, &mut |frame, step| !broken.get() && take(frame, step), &mut |fault| {
        broken.set(true);
        first.get_or_insert(fault);
    })?;
    first.map_or(Ok(end), Err)
}

struct Scan<'a> {
    open: OpenBlock,
    previous: Option<(Timestamp, TapePosition)>,
    steps: u64,
    watermark: Watermark,
    more: bool,
    /// The place behind which Steps are given out; `None` for all of them.
    behind: Option<Behind>,
    take: &'a mut dyn FnMut(&[u8], Step) -> bool,
    fault: &'a mut dyn FnMut(LogFault),
}

impl Scan<'_> {
    fn end(&self) -> LogEnd {
        LogEnd {
            last_seq: Seq(self.open.next_seq().0.saturating_sub(1)),
            head: self.open.head(),
            blocks: self.open.number().saturating_sub(1),
            steps: self.steps,
        }
    }

    /// Reads the blocks from number `from` on, then the frames of the block that is open.
    fn read_on(&mut self, reader: &dyn LogReader, session: SessionUid, from: u32) -> Result<(), StoreError> {
        for block in reader.blocks(session, from)? {
            match block {
                Ok((number, bytes)) => self.block(session, number, &bytes),
                Err(error) => (self.fault)(error.into()),
            }
            if !self.more {
                return Ok(());
            }
        }
        match reader.open_frames(session) {
            Ok(frames) => self.open_frames(&frames),
            Err(error) => (self.fault)(error.into()),
        }
        if self.more {
            self.check_end();
        }
        Ok(())
    }

    /// Takes the frames of the open block, until `take` ends the reading.
    fn open_frames(&mut self, frames: &[(Seq, Vec<u8>)]) {
        for (_, frame) in frames {
            if !self.frame(frame) {
                return;
            }
        }
    }

    /// Whether what was durable is there, once everything is read.
    fn check_end(&mut self) {
        let (log, durable) = (self.end().last_seq, self.watermark.durable_seq);
        if log < durable {
            (self.fault)(LogFault::LostTail { log, watermark: durable });
        }
    }

    fn block(&mut self, session: SessionUid, number: u32, bytes: &[u8]) {
        let expected = self.open.number();
        let block = match Block::read(bytes) {
            Ok(block) => block,
            Err(source) => return (self.fault)(LogFault::Block { block: number, source }),
        };
        let empty = OpenBlock::after(
            session,
            BlockLimits::FORMAT_1,
            expected.saturating_sub(1),
            block.previous,
            self.open.next_seq(),
        );
        let chained = empty.head() == self.open.head();
        let wrong = if block.session != session {
            Some(WrongBlock::OtherSession)
        } else if block.number != expected || number != expected {
            Some(WrongBlock::Number { found: block.number })
        } else if !chained {
            Some(WrongBlock::BrokenChain)
        } else {
            None
        };
        if let Some(what) = wrong {
            (self.fault)(LogFault::WrongBlock { block: expected, what });
            // Go on from what stands there, so that one wrong block is one finding.
            self.open = OpenBlock::after(
                session,
                BlockLimits::FORMAT_1,
                number.saturating_sub(1),
                block.previous,
                self.check_seq(block.first_seq),
            );
        }
        let closed_before = self.open.number();
        let frames = block.frames.len();
        for (place, frame) in (1_usize..).zip(&block.frames) {
            if !self.frame(frame) {
                return;
            }
            let closed = self.open.number() > closed_before;
            if closed != (place == frames) {
                (self.fault)(LogFault::WrongBlock { block: number, what: WrongBlock::WrongEnd });
                self.open = OpenBlock::after(session, BlockLimits::FORMAT_1, number, block.chain, self.open.next_seq());
                // The remaining Steps of this block are not given out: where it should have ended is not known.
                return;
            }
        }
    }

    fn check_seq(&mut self, found: Seq) -> Seq {
        let expected = self.open.next_seq();
        if found != expected {
            (self.fault)(LogFault::Gap { expected, found });
        }
        found
    }

    /// Takes one frame; answers whether reading goes on.
    fn frame(&mut self, frame: &[u8]) -> bool {
        let expected = self.open.next_seq();
        let step = match decode_frame(frame) {
            Ok(step) => step,
            Err(source) => {
                (self.fault)(LogFault::Frame { seq: expected, source });
                return true;
            }
        };
        let found = step.first_seq();
        if found != expected {
            (self.fault)(LogFault::Gap { expected, found });
            return true;
        }
        if let Some((time, tape)) = self.previous {
            if step.time < time {
                (self.fault)(LogFault::GoesBack { seq: found, what: "time" });
            }
            if step.tape < tape {
                (self.fault)(LogFault::GoesBack { seq: found, what: "tape position" });
            }
        }
        self.previous = Some((step.time, step.tape));
        let _ = self.open.push(frame, u32::try_from(step.events.len()).unwrap_or(u32::MAX));
        self.check_head();
        if self.behind.as_ref().is_some_and(|behind| behind.hides(step.last_seq())) {
            return true;
        }
        self.steps = self.steps.saturating_add(1);
        self.more = (self.take)(frame, step);
        self.more
    }

    fn check_head(&mut self) {
        let end = self.end();
        let Watermark { durable_seq, head, .. } = self.watermark;
        if end.last_seq == durable_seq && end.head != head {
            (self.fault)(LogFault::OtherHead { seq: durable_seq, found: end.head, written: head });
        }
        if let Some(fault) = self.behind.as_mut().and_then(|behind| behind.check(end.last_seq, end.head)) {
            (self.fault)(fault);
        }
    }
}
