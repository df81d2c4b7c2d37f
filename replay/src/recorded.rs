//! A run that is made again beside the log that recorded it: the same, Step for Step, as long as the record lasts.

use retrace_core::ids::SessionUid;
use retrace_core::log::{LogCursor, LogFault};
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};

/// A recorded run, read along while it is made again. Holds one block of its log at a time.
pub struct RecordedRun {
    log: LogCursor,
    same: u64,
}

/// What a Step of the run that is made again meets in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// The same Step.
    Same,
    /// This one instead.
    Other(Box<Step>),
    /// No more Steps: all that was recorded has happened again.
    RecordEnds,
}

impl RecordedRun {
    /// Before the first Step of `session`.
    ///
    /// # Errors
    /// [`StoreError`] if the session or its manifest cannot be read at all.
    pub fn new(reader: &dyn LogReader, session: SessionUid) -> Result<Self, StoreError> {
        Ok(Self { log: LogCursor::new(reader, session)?, same: 0 })
    }

    /// Holds the next Step of the run that is made again against the record.
    ///
    /// # Errors
    /// [`LogFault`] where the record cannot be read.
    pub fn meet(&mut self, reader: &dyn LogReader, made: &Step) -> Result<Met, LogFault> {
        match self.log.next(reader)? {
            None => Ok(Met::RecordEnds),
            Some(recorded) if recorded == *made => {
                self.same = self.same.saturating_add(1);
                Ok(Met::Same)
            }
            Some(recorded) => Ok(Met::Other(Box::new(recorded))),
        }
    }

    /// How many Steps were the same.
    pub const fn same(&self) -> u64 {
        self.same
    }

    /// How many Steps the record still has; they count as read.
    ///
    /// # Errors
    /// [`LogFault`] where the record cannot be read.
    pub fn left(&mut self, reader: &dyn LogReader) -> Result<u64, LogFault> {
        let mut left = 0_u64;
        while self.log.next(reader)?.is_some() {
            left = left.saturating_add(1);
        }
        Ok(left)
    }
}
