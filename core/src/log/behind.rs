//! Reading a log from a place on: behind a state that was saved there.

use super::{LogEnd, LogFault, Scan, WrongBlock};
use crate::chain::{Block, BlockLimits, OpenBlock, genesis};
use crate::event::Head;
use crate::ids::{Seq, SessionUid};
use crate::saved::SavedAt;
use crate::step::Step;
use crate::store::LogReader;

/// The place behind which Steps are given out.
pub(super) struct Behind {
    seq: Seq,
    head: Head,
    /// The log was found to have a Step that ends there.
    met: bool,
}

impl Behind {
    /// Whether the log may go on as it stands at `last`; the fault where it is not the one of that place.
    pub(super) fn check(&mut self, last: Seq, found: Head) -> Option<LogFault> {
        if self.met || last < self.seq {
            return None;
        }
        self.met = true;
        let there = last == self.seq && found == self.head;
        (!there).then_some(LogFault::OtherHead { seq: self.seq, found, written: self.head })
    }

    /// Whether a Step that ends at `last` lies before the place.
    pub(super) fn hides(&self, last: Seq) -> bool {
        last <= self.seq
    }
}

/// Gives every Step behind `place` to `take`, in order; `take` ends the reading by answering `false`. Of what lies
/// before it, only the blocks next to it are read: that the log there has the head that `place` says proves that it is
/// the log of which that was saved. The end says how many Steps were given.
///
/// # Errors
/// The first [`LogFault`]: [`LogFault::OtherHead`] where the log at that place is another one, or ends before it.
pub fn read_log_behind(
    reader: &dyn LogReader,
    session: SessionUid,
    place: &SavedAt,
    take: &mut dyn FnMut(Step) -> bool,
) -> Result<LogEnd, LogFault> {
    let mut first = None;
    let open = open_before(reader, session, place.block)?;
    let from = open.number();
    let broken = std::cell::Cell::new(false);
    let mut scan = Scan {
        open,
        previous: None,
        steps: 0,
        watermark: reader.watermark(session)?,
        more: true,
        behind: Some(Behind { seq: place.seq, head: place.head, met: false }),
        take: &mut |_, step| !broken.get() && take(step),
        fault: &mut |fault| {
            broken.set(true);
            first.get_or_insert(fault);
        },
    };
    scan.check_head();
    scan.read_on(reader, session, from)?;
    let end = scan.end();
    let reached = scan.behind.is_none_or(|behind| behind.met);
    match first {
        Some(fault) => Err(fault),
        None if reached => Ok(end),
        None => Err(LogFault::OtherHead { seq: place.seq, found: end.head, written: place.head }),
    }
}

/// Block `number` before its first Step: what stands before it is taken from the block before, as that is stored.
fn open_before(reader: &dyn LogReader, session: SessionUid, number: u32) -> Result<OpenBlock, LogFault> {
    let before = number.saturating_sub(1);
    if before == 0 {
        let (_, start) = genesis(&reader.manifest(session)?.identity);
        return Ok(OpenBlock::first(session, start, BlockLimits::FORMAT_1));
    }
    let stored = reader.blocks(session, before)?.next().transpose()?;
    let (found, bytes) = stored.unwrap_or_default();
    if found != before {
        return Err(LogFault::WrongBlock { block: before, what: WrongBlock::Number { found } });
    }
    let block = Block::read(&bytes).map_err(|source| LogFault::Block { block: before, source })?;
    Ok(OpenBlock::after(session, BlockLimits::FORMAT_1, before, block.chain, block.next_seq()))
}
