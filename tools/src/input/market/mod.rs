//! Market data from CSV files, plain or compressed, checked row by row. Never repairs, sorts, fills or drops a row, and
//! rounds a price only where it is asked to.

mod columns;
mod compression;
mod guess;
mod layout;
pub(crate) mod row;
pub(crate) mod rows;

use std::io::Read;
use std::path::{Path, PathBuf};

use retrace_core::instrument::Symbol;
use retrace_core::time::{Span, Timestamp};
use retrace_replay::tape::{Bar, DataSet, VolumeUnit};

pub(crate) use crate::input::market::columns::Shape;
pub use crate::input::market::columns::{Columns, Header, QuotePrice, Role};
pub use crate::input::market::compression::Compression;
pub(crate) use crate::input::market::compression::{Bounded, open};
pub(crate) use crate::input::market::guess::{Guess, yaml_word};
pub use crate::input::market::layout::Layout;
use crate::input::market::row::{Prices, Row};
pub use crate::input::market::rows::ROWS_MAX;
pub(crate) use crate::input::market::rows::csv_problem;
use crate::input::market::rows::{Rows, missing_between};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time::TimeFormat;

/// One file of bars and how to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketFile {
    /// What was traded.
    pub symbol: Symbol,
    /// How long each bar is.
    pub period: Span,
    /// Where the file is; one whose name ends in `.xz`, `.gz` or `.zst` is decompressed.
    pub path: PathBuf,
    /// What its volumes count.
    pub volume_unit: VolumeUnit,
    /// Which column holds what.
    pub columns: Columns,
    /// How many decimals its prices are rounded to, half to even, each as it is read: 0 to 12. `None` rounds nothing.
    pub decimals: Option<u32>,
}

/// What to do about missing bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GapPolicy {
    /// Count them.
    #[default]
    Allow,
    /// Refuse the file at the first one.
    Refuse,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketData {
    /// The bars; at least one.
    pub data: DataSet,
    /// What is missing between them.
    pub gaps: Gaps,
    /// How the file writes its times.
    pub times: TimeFormat,
    /// How many prices were changed by the rounding that was asked for.
    pub rounded: u64,
}

/// What is missing between the first bar and the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// How many places where a bar does not follow at once on the one before.
    pub places: u64,
    /// How many bars would have their room there, a part of one counted whole.
    pub bars: u64,
    /// The open time of the bar before the first gap.
    pub first_after: Option<Timestamp>,
}

/// Reads `file` from front to back and checks every row (SEMANTICS 10).
///
/// # Errors
/// [`InputProblem`] at the first thing that is wrong: the file, its header, a value, or the order of the rows.
pub fn read(file: &MarketFile, gaps: GapPolicy) -> Result<MarketData, InputProblem> {
    read_from(open(&file.path)?, file, gaps)
}

/// The same for bytes that are decompressed already; `file.path` only names them in messages.
///
/// # Errors
/// As [`read`].
pub fn read_from(source: impl Read, file: &MarketFile, gaps: GapPolicy) -> Result<MarketData, InputProblem> {
    let rows = Rows::open(source, &file.path, &file.columns, file.decimals)?;
    let (Bars { rows: bars, gaps, rounded, .. }, times) = Bars::read(rows, file.period, gaps)?;
    let data = DataSet { symbol: file.symbol.clone(), period: file.period, volume_unit: file.volume_unit, bars };
    Ok(MarketData { data, gaps, times, rounded })
}

/// Reads the file at `path` as [`read`] does, gaps allowed, only to see whether it can be used: how many prices were
/// rounded.
///
/// # Errors
/// As [`read`].
pub(crate) fn check(path: &Path, columns: &Columns, decimals: Option<u32>, period: Span) -> Result<u64, InputProblem> {
    Ok(Bars::read(open_rows(path, columns, decimals)?, period, GapPolicy::Allow)?.0.rounded)
}

/// Opens the file at `path` for who wants to see its rows one by one.
///
/// # Errors
/// [`InputProblem`] when it cannot be opened or its columns are not known.
pub(crate) fn open_rows<'a>(
    path: &'a Path,
    columns: &Columns,
    decimals: Option<u32>,
) -> Result<Rows<'a, Box<dyn Read>>, InputProblem> {
    Rows::open(open(path)?, path, columns, decimals)
}

/// What the file at `path` holds by its values alone; `None` where they do not tell.
///
/// # Errors
/// [`InputProblem`] when it cannot be opened.
pub(crate) fn guess(path: &Path) -> Result<Option<Guess>, InputProblem> {
    Ok(rows::guess(open(path)?))
}

/// The row before the current one.
#[derive(Clone, Copy)]
struct Last {
    time: Timestamp,
    line: u64,
    format: TimeFormat,
}

/// The bars so far.
#[derive(Default)]
struct Bars {
    rows: Vec<Bar>,
    gaps: Gaps,
    last: Option<Last>,
    rounded: u64,
}

impl Bars {
    /// All rows, each checked; at least one.
    fn read<R: Read>(
        mut rows: Rows<'_, R>,
        period: Span,
        allowed: GapPolicy,
    ) -> Result<(Self, TimeFormat), InputProblem> {
        let mut bars = Self::default();
        match bars.push_all(&mut rows, period, allowed) {
            Ok(Last { format, .. }) => Ok((bars, format)),
            Err(problem) => Err(rows.or_damage(problem)),
        }
    }

    fn push_all<R: Read>(
        &mut self,
        rows: &mut Rows<'_, R>,
        period: Span,
        allowed: GapPolicy,
    ) -> Result<Last, InputProblem> {
        while let Some(row) = rows.next()? {
            row.check_width()?;
            self.push(&row, period, allowed)?;
        }
        self.last.ok_or_else(|| InputProblem::new(rows.path(), Rule::Nothing { what: "row below its header" }))
    }

    fn push(&mut self, row: &Row<'_>, period: Span, allowed: GapPolicy) -> Result<(), InputProblem> {
        let (open_time, format) = row.time()?;
        if let Some(last) = self.last {
            if format != last.format {
                return Err(row.time_problem(Rule::MixedTimes { found: format, first: last.format }));
            }
            self.follows(last, open_time, period, allowed).map_err(|rule| row.time_problem(rule))?;
        }
        self.last = Some(Last { time: open_time, line: row.line(), format });
        let Prices { bar, .. } = row.prices(&mut self.rounded)?;
        let volume = row.volume()?;
        self.rows.push(Bar { open_time, open: bar.open, high: bar.high, low: bar.low, close: bar.close, volume });
        Ok(())
    }

    /// Whether a bar at `open_time` may follow the last one; counts what is missing between them.
    fn follows(&mut self, last: Last, open_time: Timestamp, period: Span, allowed: GapPolicy) -> Result<(), Rule> {
        if let missing @ 1.. = missing_between((last.time, last.line), open_time, period)? {
            let previous = last.time;
            if allowed == GapPolicy::Refuse {
                return Err(Rule::Gap { missing, previous });
            }
            self.gaps.places += 1;
            self.gaps.bars = self.gaps.bars.saturating_add(missing);
            self.gaps.first_after = self.gaps.first_after.or(Some(previous));
        }
        Ok(())
    }
}
