//! A Step: one input and all the decisions it led to. The unit of append.

use crate::event::{Event, Fact};
use crate::ids::Seq;
use crate::time::Timestamp;
use bincode::{Decode, Encode};

/// How much of the tape had been given to the engine when a Step was made.
///
/// Rows before `rows` are consumed whole; of row `rows` itself, `points` price points are (an open has one, a rest up
/// to three). What lies between two Steps' positions was quiet: it caused no decision and no fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct TapePosition {
    /// Rows consumed whole.
    pub rows: u64,
    /// Price points consumed of the row after those, 0 to 3.
    pub points: u8,
}

/// One input and all the decisions it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The input's time, on the session's clock.
    pub time: Timestamp,
    /// When it was written, by the wall clock. A recorded fact of paper and live sessions; absent in a backtest.
    pub recorded_at: Option<Timestamp>,
    /// How far the tape was consumed.
    pub tape: TapePosition,
    /// The input, then its decisions. Never empty; seqs without a gap; every time is the Step's.
    pub events: Vec<Event>,
}

impl Step {
    /// The seq of its input; 0 for a Step without events, which no log holds.
    pub fn first_seq(&self) -> Seq {
        self.events.first().map_or(Seq(0), |event| event.seq)
    }

    /// The seq of its last event.
    pub fn last_seq(&self) -> Seq {
        self.events.last().map_or(Seq(0), |event| event.seq)
    }

    /// Its decisions, in order.
    pub fn decisions(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| matches!(event.fact, Fact::Decision(_)))
    }
}
