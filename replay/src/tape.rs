//! The market data of a session as one ordered stream of rows: every bar gives its open and its rest.
//!
//! Order of rows at one time: rests that end there, in the order of the data sets, then opens, in the same order
//! (SEMANTICS 1). A missing bar is not invented.

use retrace_core::amount::{Price, Quantity};
use retrace_core::exact::{self, Rounding};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::manifest::TapeIdentity;
use retrace_core::time::{Span, Timestamp};
use rust_decimal::Decimal;

/// The prices of one span of time `[open_time, open_time + period)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// When it begins.
    pub open_time: Timestamp,
    /// The first price.
    pub open: Price,
    /// The highest price; not below any other.
    pub high: Price,
    /// The lowest price; not above any other.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// What was traded, in the data set's volume unit; zero or more. `None` where the file has no volume.
    pub volume: Option<Decimal>,
}

/// What a data set's volumes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeUnit {
    /// Units of the base asset.
    Base,
    /// Units of the quote asset: divided by the close, rounded down to the lot, it is base volume.
    Quote,
}

/// One file's bars. Their open times strictly rise and stand at least one period apart: the reader refuses others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// What was traded.
    pub symbol: Symbol,
    /// How long each bar is.
    pub period: Span,
    /// What the volumes count.
    pub volume_unit: VolumeUnit,
    /// The bars, in order of time.
    pub bars: Vec<Bar>,
}
