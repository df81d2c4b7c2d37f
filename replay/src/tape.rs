//! The market data of a session as one ordered stream of rows: every bar gives its open and its rest.
//!
//! Order of rows at one time: rests that end there, in the order of the data sets, then opens, in the same order
//! (SEMANTICS 1). A missing bar is not invented.

use std::collections::BTreeMap;

use retrace_core::amount::{Position, Price};
use retrace_core::event::Mark;
use retrace_core::exact::{self, Rounding};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::manifest::TapeIdentity;
use retrace_core::step::TapePosition;
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::FillPath;
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

/// A session's market data: data sets in the order of `market:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    sets: Vec<DataSet>,
}

/// How much of a tape was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Everything up to a time, what is known at it included.
    Until(Timestamp),
    /// Everything before a place.
    To(TapePosition),
}

/// A place in a tape's stream of rows, and how to go on from it.
#[derive(Clone, Debug)]
pub struct TapeCursor<'a> {
    tape: &'a Tape,
    /// Per data set: the bar it stands at, and whether that bar's open was given.
    next: Vec<(usize, bool)>,
    rows: u64,
}

/// Half a bar: what is known at its beginning, or what is known at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Its extremes and close, known at its end.
    Rest,
    /// Its open, known at its beginning.
    Open,
}

/// One row of the stream.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Which half.
    pub half: Half,
    /// When it is known.
    pub time: Timestamp,
    /// What was traded.
    pub set: &'a DataSet,
    /// The bar.
    pub bar: &'a Bar,
}

impl Tape {
    /// A tape of these data sets, in this order.
    pub const fn new(sets: Vec<DataSet>) -> Self {
        Self { sets }
    }

    /// Its data sets.
    pub fn sets(&self) -> &[DataSet] {
        &self.sets
    }

    /// From its first open to its last rest; `None` when there is no bar.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.sets.iter().filter_map(|set| set.bars.first().map(|bar| bar.open_time)).min();
        let last = self.sets.iter().filter_map(|set| set.bars.last().map(|bar| bar.open_time.plus(set.period))).max();
        first.zip(last)
    }

    /// How many rows its stream has: two a bar.
    pub fn rows(&self) -> u64 {
        self.sets.iter().map(|set| (set.bars.len() as u64).saturating_mul(2)).fold(0, u64::saturating_add)
    }

    /// What a session's identity holds of it.
    pub fn identity(&self) -> TapeIdentity {
        let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 tape 1");
        let number = |value: Decimal| {
            let value = value.normalize();
            let mut bytes = [0; 20];
            bytes.iter_mut().zip(value.mantissa().to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
            bytes.iter_mut().skip(16).zip(value.scale().to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
            bytes
        };
        for set in &self.sets {
            let name = set.symbol.to_string();
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&set.period.nanos().to_le_bytes());
            hasher.update(&[match set.volume_unit {
                VolumeUnit::Base => 0,
                VolumeUnit::Quote => 1,
            }]);
            hasher.update(&(set.bars.len() as u64).to_le_bytes());
            for bar in &set.bars {
                hasher.update(&bar.open_time.nanos().to_le_bytes());
                for price in [bar.open, bar.high, bar.low, bar.close] {
                    hasher.update(&number(price.value()));
                }
                match bar.volume {
                    None => hasher.update(&[0]),
                    Some(volume) => hasher.update(&[1]).update(&number(volume)),
                };
            }
        }
        TapeIdentity { digest: *hasher.finalize().as_bytes(), rows: self.rows() }
    }

    /// The last price of each symbol once all of `seen` was given, and when it was seen: the current prices there
    /// (SEMANTICS 1). Symbols without a price yet are not in it.
    pub fn current_prices(&self, seen: Seen, path: FillPath) -> BTreeMap<Symbol, (Mark, Timestamp)> {
        let mut prices = BTreeMap::new();
        let mut cursor = self.cursor();
        while let Some(row) = cursor.peek() {
            let points = match seen {
                Seen::Until(time) if row.time > time => break,
                Seen::To(TapePosition { rows, points }) if cursor.rows() >= rows => usize::from(points),
                Seen::Until(_) | Seen::To(_) => usize::MAX,
            };
            let given = row.points(path);
            if let Some(mark) = given.get(..points.min(given.len())).and_then(<[Mark]>::last) {
                prices.insert(row.set.symbol.clone(), (*mark, row.time));
            }
            if points < usize::MAX {
                break;
            }
            cursor.advance();
        }
        prices
    }

    /// The stream from its beginning.
    pub fn cursor(&self) -> TapeCursor<'_> {
        TapeCursor { tape: self, next: vec![(0, false); self.sets.len()], rows: 0 }
    }
}

impl<'a> TapeCursor<'a> {
    /// How many rows were taken.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// The next row, without taking it.
    pub fn peek(&self) -> Option<Row<'a>> {
        self.first().map(|(_, row)| row)
    }

    /// Takes the next row.
    pub fn advance(&mut self) -> Option<Row<'a>> {
        let (place, row) = self.first()?;
        if let Some((bar, opened)) = self.next.get_mut(place) {
            match row.half {
                Half::Open => *opened = true,
                Half::Rest => {
                    *bar = bar.saturating_add(1);
                    *opened = false;
                }
            }
        }
        self.rows = self.rows.saturating_add(1);
        Some(row)
    }

    fn first(&self) -> Option<(usize, Row<'a>)> {
        let rows = self.tape.sets.iter().zip(&self.next).enumerate().filter_map(|(place, (set, (bar, opened)))| {
            let bar = set.bars.get(*bar)?;
            let (half, time) =
                if *opened { (Half::Rest, bar.open_time.plus(set.period)) } else { (Half::Open, bar.open_time) };
            Some((place, Row { half, time, set, bar }))
        });
        // At one time rests come before opens, each in the order of the data sets.
        rows.min_by_key(|(place, row)| (row.time, row.half == Half::Open, *place))
    }
}

impl Row<'_> {
    /// The prices of this row in the order in which they are seen. An open has one; a rest has its extremes and its
    /// close.
    pub fn points(&self, path: FillPath) -> Vec<Mark> {
        let Bar { open, high, low, close, .. } = *self.bar;
        if self.half == Half::Open {
            return vec![Mark::same(open)];
        }
        let (first, second) = match path {
            FillPath::Pessimistic => (Mark { long: low, short: high }, Mark { long: high, short: low }),
            FillPath::Ohlc => (Mark::same(high), Mark::same(low)),
            FillPath::Olhc => (Mark::same(low), Mark::same(high)),
            FillPath::Nearest => {
                let (up, down) = (high.value().saturating_sub(open.value()), open.value().saturating_sub(low.value()));
                if up < down { (Mark::same(high), Mark::same(low)) } else { (Mark::same(low), Mark::same(high)) }
            }
        };
        vec![first, second, Mark::same(close)]
    }

    /// How much of this bar our orders may take, in whole lots; `None` where the file has no volume: no cap.
    ///
    /// # Errors
    /// [`exact::Inexact`] when an amount does not fit.
    pub fn volume_cap(&self, share: Decimal, instrument: &Instrument) -> Result<Option<Position>, exact::Inexact> {
        let Some(volume) = self.bar.volume else { return Ok(None) };
        // Base volume is rounded down to the lot first where it comes from quote volume, then the share is.
        let base = match self.set.volume_unit {
            VolumeUnit::Base => volume,
            VolumeUnit::Quote => {
                let lots = exact::mul(self.bar.close.value(), instrument.lot.value())?;
                exact::mul(exact::mul_div(volume, Decimal::ONE, lots, 0, Rounding::Down)?, instrument.lot.value())?
            }
        };
        let lots = exact::mul_div(base, share, instrument.lot.value(), 0, Rounding::Down)?;
        let cap = exact::mul(lots, instrument.lot.value())?;
        let too_large = exact::Inexact { left: base, operation: '*', right: share };
        Position::new(cap).map(Some).map_err(|_| too_large)
    }
}
