//! Market data from CSV files, plain or compressed, checked row by row. Never repairs, sorts, fills or drops a row.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use liblzma::read::XzDecoder;
use retrace_core::amount::Price;
use retrace_core::instrument::Symbol;
use retrace_core::time::{Span, Timestamp};
use retrace_replay::tape::{Bar, DataSet, VolumeUnit};
use rust_decimal::Decimal;

use crate::input::bounded::ShortLines;
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time::{self, TimeFormat};

/// One file of bars and how to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketFile {
    /// What was traded.
    pub symbol: Symbol,
    /// How long each bar is.
    pub period: Span,
    /// Where the file is; a name that ends in `.xz` is decompressed.
    pub path: PathBuf,
    /// What its volumes count.
    pub volume_unit: VolumeUnit,
    /// Which column holds what.
    pub columns: Columns,
}

/// Which column holds what, by the names in the header. `None` takes the usual names, in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// When a bar begins; usually `time`, `timestamp`, `date` or `open_time`.
    pub time: Option<String>,
    /// The first price.
    pub open: Option<String>,
    /// The highest price.
    pub high: Option<String>,
    /// The lowest price.
    pub low: Option<String>,
    /// The last price.
    pub close: Option<String>,
    /// What was traded. Where it is not named here, the file need not have it.
    pub volume: Option<String>,
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

/// The bytes of a file, decompressed where its name says that they are packed.
///
/// # Errors
/// [`InputProblem`] when it cannot be opened.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, InputProblem> {
    let opened = File::open(path).map_err(|e| unreadable(path, &e))?;
    Ok(match Compression::of(path) {
        Compression::None => Box::new(opened),
        Compression::Xz => Box::new(XzDecoder::new_multi_decoder(BufReader::new(opened))),
    })
}

/// The same for bytes that are decompressed already; `file.path` only names them in messages.
///
/// # Errors
/// As [`read`].
pub fn read_from(source: impl Read, file: &MarketFile, gaps: GapPolicy) -> Result<MarketData, InputProblem> {
    let path = file.path.as_path();
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(ShortLines::new(source));
    let header = reader.headers().map_err(|e| csv_problem(path, &e))?.clone();
    if header.is_empty() {
        return Err(InputProblem::new(path, Rule::EmptyFile));
    }
    let layout = Layout::find(path, &header, &file.columns)?;
    let mut bars = Bars { file, gaps_allowed: gaps, rows: Vec::new(), gaps: Gaps::default(), last: None };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| csv_problem(path, &e))? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { path, line, record: &record };
        if record.len() == 1 && record.get(0).is_some_and(str::is_empty) {
            continue;
        }
        if record.len() != header.len() {
            let problem = row.problem(Rule::FieldCount { found: record.len(), expected: header.len() });
            return Err(match header.get(record.len()) {
                Some(first_missing) => problem.field(first_missing),
                None => problem,
            });
        }
        bars.push(&row, &layout)?;
    }
    let Some(Last { format, .. }) = bars.last else {
        return Err(InputProblem::new(path, Rule::Nothing { what: "row below its header" }));
    };
    let data =
        DataSet { symbol: file.symbol.clone(), period: file.period, volume_unit: file.volume_unit, bars: bars.rows };
    Ok(MarketData { data, gaps: bars.gaps, times: format })
}

/// How a file is packed, told by its name.
#[derive(Clone, Copy)]
enum Compression {
    None,
    Xz,
}

impl Compression {
    fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("xz") => Self::Xz,
            _ => Self::None,
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> InputProblem {
    InputProblem::new(path, Rule::Unreadable { reason: error.to_string() })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign list that may grow; all the rest is grammar")]
pub(crate) fn csv_problem(path: &Path, error: &csv::Error) -> InputProblem {
    let problem = match error.kind() {
        csv::ErrorKind::Io(io) => match Compression::of(path) {
            Compression::None => unreadable(path, io),
            Compression::Xz => InputProblem::new(path, Rule::Damaged { reason: io.to_string() }),
        },
        csv::ErrorKind::Utf8 { .. } => InputProblem::new(path, Rule::NotUtf8),
        _ => InputProblem::new(path, Rule::Syntax { grammar: "CSV", reason: error.to_string() }),
    };
    match error.position() {
        Some(position) => problem.on_line(position.line()),
        None => problem,
    }
}

/// A column that was found: its place and its name.
struct Column {
    index: usize,
    name: String,
}

/// Where each field of a bar stands in a row.
struct Layout {
    time: Column,
    open: Column,
    high: Column,
    low: Column,
    close: Column,
    volume: Option<Column>,
}

impl Layout {
    fn find(path: &Path, header: &csv::StringRecord, columns: &Columns) -> Result<Self, InputProblem> {
        let find = |named: Option<&String>, usual: &[&str]| find_column(path, header, named, usual);
        let need = |named: Option<&String>, usual: &[&str]| {
            find(named, usual)?.ok_or_else(|| missing_column(path, header, usual.first().unwrap_or(&"")))
        };
        Ok(Self {
            time: need(columns.time.as_ref(), &["time", "timestamp", "date", "open_time"])?,
            open: need(columns.open.as_ref(), &["open"])?,
            high: need(columns.high.as_ref(), &["high"])?,
            low: need(columns.low.as_ref(), &["low"])?,
            close: need(columns.close.as_ref(), &["close"])?,
            volume: find(columns.volume.as_ref(), &["volume"])?,
        })
    }
}

fn missing_column(path: &Path, header: &csv::StringRecord, name: &str) -> InputProblem {
    let columns = header.iter().map(str::to_owned).collect();
    InputProblem::new(path, Rule::MissingColumn { columns }).on_line(1).field(name)
}

/// A column named by the mapping must be there; a usual one may be.
fn find_column(
    path: &Path,
    header: &csv::StringRecord,
    named: Option<&String>,
    usual: &[&str],
) -> Result<Option<Column>, InputProblem> {
    let matching = |wanted: &str, exactly: bool| -> Result<Option<Column>, InputProblem> {
        let fits = |name: &str| if exactly { name == wanted } else { name.eq_ignore_ascii_case(wanted) };
        let mut found = header.iter().enumerate().filter(|(_, name)| fits(name));
        let Some((index, name)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(InputProblem::new(path, Rule::ColumnTwice).on_line(1).field(name));
        }
        Ok(Some(Column { index, name: name.to_owned() }))
    };
    if let Some(name) = named {
        return matching(name, true)?.map(Some).ok_or_else(|| missing_column(path, header, name));
    }
    for name in usual {
        if let Some(column) = matching(name, false)? {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

/// One row with its place, for messages.
struct Row<'a> {
    path: &'a Path,
    line: u64,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn problem(&self, rule: Rule) -> InputProblem {
        InputProblem::new(self.path, rule).on_line(self.line)
    }

    fn at(&self, column: &Column, rule: Rule) -> InputProblem {
        self.problem(rule).field(&column.name).value(self.record.get(column.index).unwrap_or_default())
    }

    fn text(&self, column: &Column) -> Result<&str, InputProblem> {
        match self.record.get(column.index) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.problem(Rule::Empty).field(&column.name)),
        }
    }

    fn number(&self, column: &Column) -> Result<Decimal, InputProblem> {
        number::parse(self.text(column)?).map_err(|fault| self.at(column, Rule::Number(fault)))
    }

    fn price(&self, column: &Column) -> Result<Price, InputProblem> {
        Price::new(self.number(column)?).map_err(|error| self.at(column, Rule::Amount(error)))
    }
}

/// The row before the current one.
#[derive(Clone, Copy)]
struct Last {
    time: Timestamp,
    line: u64,
    format: TimeFormat,
}

/// The bars so far.
struct Bars<'a> {
    file: &'a MarketFile,
    gaps_allowed: GapPolicy,
    rows: Vec<Bar>,
    gaps: Gaps,
    last: Option<Last>,
}

impl Bars<'_> {
    fn push(&mut self, row: &Row<'_>, layout: &Layout) -> Result<(), InputProblem> {
        let (open_time, format) =
            time::parse(row.text(&layout.time)?).map_err(|fault| row.at(&layout.time, Rule::Time(fault)))?;
        if let Some(last) = self.last {
            if format != last.format {
                return Err(row.at(&layout.time, Rule::MixedTimes { found: format, first: last.format }));
            }
            self.follows(last, open_time).map_err(|rule| row.at(&layout.time, rule))?;
        }
        self.last = Some(Last { time: open_time, line: row.line, format });
        let [open, high, low, close] =
            [row.price(&layout.open)?, row.price(&layout.high)?, row.price(&layout.low)?, row.price(&layout.close)?];
        if high < low {
            return Err(row.at(&layout.high, Rule::HighBelowLow { low }));
        }
        for (price, column) in [(open, &layout.open), (close, &layout.close)] {
            if price < low || price > high {
                return Err(row.at(column, Rule::OutsideBar { low, high }));
            }
        }
        let volume = match &layout.volume {
            None => None,
            Some(column) => {
                let volume = row.number(column)?;
                if volume < Decimal::ZERO {
                    return Err(row.at(column, Rule::Negative));
                }
                Some(volume)
            }
        };
        self.rows.push(Bar { open_time, open, high, low, close, volume });
        Ok(())
    }

    /// Whether a bar at `open_time` may follow the last one; counts what is missing between them.
    fn follows(&mut self, last: Last, open_time: Timestamp) -> Result<(), Rule> {
        let Last { time: previous, line, .. } = last;
        if open_time == previous {
            return Err(Rule::TimeTwice { line });
        }
        if open_time < previous {
            return Err(Rule::GoesBack { previous, line });
        }
        let (step, period) = (open_time.since(previous), self.file.period);
        if step < period {
            return Err(Rule::Overlaps { step, period });
        }
        let periods = step.nanos().div_ceil(period.nanos().max(1));
        if let missing @ 1.. = periods.saturating_sub(1) {
            if self.gaps_allowed == GapPolicy::Refuse {
                return Err(Rule::Gap { missing, previous });
            }
            self.gaps.places += 1;
            self.gaps.bars = self.gaps.bars.saturating_add(missing);
            self.gaps.first_after = self.gaps.first_after.or(Some(previous));
        }
        Ok(())
    }
}
