//! The rows of a market file, one by one, and what a row says. What reads strictly and what inspects share it.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use csv::StringRecord;
use retrace_core::amount::{AmountError, Price};
use retrace_core::exact;
use retrace_core::time::{Span, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::input::market::columns::{Column, Columns, Header, OhlcColumns, PriceColumns, Shape, TimeColumns};
use crate::input::market::compression::{self, Bounded, Compression};
use crate::input::market::guess::{self, Guess};
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time::{self, TimeFault, TimeFormat};

/// The most rows of a file: 38 years of one-minute bars.
pub const ROWS_MAX: u64 = 20_000_000;

/// How many rows are looked at to tell what a file without a header line holds.
const ROWS_GUESSED_FROM: usize = 200;

const TIME_HINT: &str = "write RFC 3339, `YYYY-MM-DD HH:MM:SS`, `YYYYMMDD HH:MM`, a date, or epoch seconds, \
                         milliseconds, microseconds or nanoseconds";

const TIME_OF_DAY_HINT: &str = "milliseconds since midnight need their date: put it into a column in front of them, and \
                                name both under `columns:` as `date` and `time_of_day_ms`";

const DECIMALS_HINT: &str = "such digits are mostly left over from floating point: `decimals: N` in the file's entry \
                             under `market:` rounds its prices to N decimals";

/// The prices of one bar, each as read and rounded where that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ohlc {
    pub(crate) open: Price,
    pub(crate) high: Price,
    pub(crate) low: Price,
    pub(crate) close: Price,
}

/// The prices of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    /// Those that a session trades on.
    pub(crate) bar: Ohlc,
    /// Bid and ask, where the bar is their middle.
    pub(crate) sides: Option<(Ohlc, Ohlc)>,
}

/// A market file whose header is known.
pub(crate) struct Rows<'a, R> {
    path: &'a Path,
    csv: csv::Reader<Bounded<R>>,
    since_row: Rc<Cell<usize>>,
    record: StringRecord,
    shape: Shape,
    has_header_line: bool,
    /// Whether `record` holds a row that was read and not given yet.
    waiting: bool,
    given: u64,
    most: u64,
    decimals: Option<u32>,
}

impl<'a, R: Read> Rows<'a, R> {
    /// Reads as far as it takes to know the columns. Prices will be rounded to `decimals`, where given.
    pub(crate) fn open(
        source: R,
        path: &'a Path,
        columns: &Columns,
        decimals: Option<u32>,
    ) -> Result<Self, InputProblem> {
        let since_row = Rc::new(Cell::new(0));
        let mut csv = csv_reader(source, &since_row);
        let mut first = StringRecord::new();
        if !csv.read_record(&mut first).map_err(|error| csv_problem(path, &error))? {
            return Err(InputProblem::new(path, Rule::EmptyFile));
        }
        since_row.set(0);
        let (names, has_header_line) = names(path, &first, columns)?;
        let shape = match Shape::find(path, names, columns) {
            Err(problem) if has_header_line && matches!(problem.rule(), Rule::MissingColumn { .. }) => {
                let guess = guess_from(&mut csv, &since_row, first.clone());
                let data = is_data(&first);
                let guess = if data { guess } else { guess.filter(|_| columns.names.is_empty()) };
                return Err(unknown_columns(path, problem, data, guess.as_ref(), &first));
            }
            found => found?,
        };
        let waiting = !has_header_line;
        Ok(Self {
            path,
            csv,
            since_row,
            record: first,
            shape,
            has_header_line,
            waiting,
            given: 0,
            most: ROWS_MAX,
            decimals,
        })
    }

    /// The same, refusing a file of more than `most` rows instead of [`ROWS_MAX`].
    #[cfg(test)]
    pub(crate) const fn of_at_most(mut self, most: u64) -> Self {
        self.most = most;
        self
    }

    /// What to say instead of `problem`, found in a row: where the rest of the packed data is damaged, that is why. So
    /// much of it is looked at as market data can have.
    pub(super) fn or_damage(self, problem: InputProblem) -> InputProblem {
        if matches!(problem.rule(), Rule::Damaged { .. } | Rule::RowTooLong { .. } | Rule::TooManyRows { .. }) {
            return problem;
        }
        match compression::rest(self.csv.into_inner()) {
            Err(error) if Compression::of(self.path) != Compression::None => compression::problem(self.path, &error),
            _ => problem,
        }
    }

    /// The file.
    pub(super) const fn path(&self) -> &'a Path {
        self.path
    }

    /// Where each field stands.
    pub(crate) const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether the file's first line names its columns.
    pub(crate) const fn has_header_line(&self) -> bool {
        self.has_header_line
    }

    /// The next row; `None` behind the last.
    ///
    /// # Errors
    /// [`InputProblem`] where the file cannot be read on. Behind a row that is no text it can.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, InputProblem> {
        let waiting = std::mem::take(&mut self.waiting);
        let read = waiting || self.csv.read_record(&mut self.record).map_err(|error| csv_problem(self.path, &error))?;
        self.since_row.set(0);
        if !read {
            return Ok(None);
        }
        self.given += 1;
        let line = self.record.position().map_or(0, csv::Position::line);
        if self.given > self.most {
            return Err(InputProblem::new(self.path, Rule::TooManyRows { max: self.most }).on_line(line));
        }
        let first_without_header = self.given == 1 && !self.has_header_line;
        let (path, record, shape, decimals) = (self.path, &self.record, &self.shape, self.decimals);
        Ok(Some(Row { path, line, record, shape, decimals, first_without_header }))
    }
}

/// The names of the columns, and whether the file's first line gave them.
fn names(path: &Path, first: &StringRecord, columns: &Columns) -> Result<(Vec<String>, bool), InputProblem> {
    let in_file = || first.iter().map(str::to_owned).collect();
    match &columns.header {
        Header::InFile => Ok((in_file(), true)),
        Header::Given(names) => Ok((names.clone(), false)),
        Header::Layout(layout) => {
            let (layout, found) = (*layout, first.len());
            let Some(names) = layout.names(found) else {
                return Err(InputProblem::new(path, Rule::LayoutWidth { layout, found }).on_line(1));
            };
            if is_data(first) {
                Ok((names.iter().map(|&name| name.to_owned()).collect(), false))
            } else {
                Ok((in_file(), true))
            }
        }
    }
}

/// Whether a line is a row and no header: the first thing in it is a number or a time, which no column is called.
fn is_data(first: &StringRecord) -> bool {
    let says_data = |text: &str| number::parse(text).is_ok() || time::parse(text).is_ok();
    first.len() > 1 && first.iter().find(|text| !text.is_empty()).is_some_and(says_data)
}

/// What the rows of `source` hold by their values alone, below a first line of names or without one.
pub(super) fn guess(source: impl Read) -> Option<Guess> {
    let since_row = Rc::new(Cell::new(0));
    let mut csv = csv_reader(source, &since_row);
    let mut first = StringRecord::new();
    csv.read_record(&mut first).ok().filter(|read| *read)?;
    since_row.set(0);
    guess_from(&mut csv, &since_row, first)
}

fn csv_reader<R: Read>(source: R, since_row: &Rc<Cell<usize>>) -> csv::Reader<Bounded<R>> {
    let bounded = Bounded::new(source, Rc::clone(since_row));
    csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bounded)
}

/// What a file holds whose first line names no columns that are known.
fn guess_from<R: Read>(
    csv: &mut csv::Reader<Bounded<R>>,
    since_row: &Cell<usize>,
    first: StringRecord,
) -> Option<Guess> {
    let mut rows = if is_data(&first) { vec![first] } else { Vec::new() };
    let mut record = StringRecord::new();
    while rows.len() < ROWS_GUESSED_FROM && matches!(csv.read_record(&mut record), Ok(true)) {
        since_row.set(0);
        rows.push(record.clone());
    }
    guess::from_rows(&rows)
}

fn unknown_columns(
    path: &Path,
    problem: InputProblem,
    data: bool,
    guess: Option<&Guess>,
    first: &StringRecord,
) -> InputProblem {
    match (data, guess) {
        (true, Some(guess)) => {
            let hint = format!("it looks like {}: add `{}` to its entry under `market:`", guess.what(), guess.yaml());
            InputProblem::new(path, Rule::NoHeader).on_line(1).with_hint(hint)
        }
        (true, None) => {
            let hint = "add `header: [time, open, high, low, close, volume]`, with the names in the order of the \
                        file, to its entry under `market:`";
            InputProblem::new(path, Rule::NoHeader).on_line(1).with_hint(hint)
        }
        (false, Some(guess)) => {
            let names: Vec<String> = first.iter().map(str::to_owned).collect();
            let columns = guess.columns(&names);
            problem.with_hint(format!("going by its values, add `{columns}` to its entry under `market:`"))
        }
        (false, None) => problem,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign list that may grow; all the rest is grammar")]
fn csv_problem(path: &Path, error: &csv::Error) -> InputProblem {
    let problem = match error.kind() {
        csv::ErrorKind::Io(io) => compression::problem(path, io),
        csv::ErrorKind::Utf8 { .. } => InputProblem::new(path, Rule::NotUtf8),
        _ => InputProblem::new(path, Rule::Syntax { grammar: "CSV", reason: error.to_string() }),
    };
    match error.position() {
        Some(position) => problem.on_line(position.line()),
        None => problem,
    }
}

/// One row with its place, for messages.
pub(crate) struct Row<'a> {
    path: &'a Path,
    line: u64,
    record: &'a StringRecord,
    shape: &'a Shape,
    decimals: Option<u32>,
    first_without_header: bool,
}

impl Row<'_> {
    /// Its line in the file, unpacked; the first is 1.
    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    /// Whether it has as many fields as the file has columns.
    pub(crate) fn check_width(&self) -> Result<(), InputProblem> {
        let (found, expected) = (self.record.len(), self.shape.names.len());
        if found == expected {
            return Ok(());
        }
        let problem = self.problem(Rule::FieldCount { found, expected });
        Err(match self.shape.names.get(found) {
            Some(first_missing) => problem.field(first_missing),
            None => problem,
        })
    }

    /// When its bar begins.
    pub(crate) fn time(&self) -> Result<(Timestamp, TimeFormat), InputProblem> {
        match &self.shape.time {
            TimeColumns::One(column) => {
                let text = self.text(column)?;
                time::parse(text).map_err(|fault| {
                    let problem = self.at(column, Rule::Time(fault));
                    let names_only = || !self.record.iter().any(|text| number::parse(text).is_ok());
                    if self.first_without_header && names_only() {
                        problem.with_hint("the file has a header line of its own: leave `header` out")
                    } else if fault == TimeFault::NotATime {
                        problem.with_hint(TIME_HINT)
                    } else if number::parse_whole(text, 0, time::DAY_MS - 1).is_some() {
                        problem.with_hint(TIME_OF_DAY_HINT)
                    } else {
                        problem
                    }
                })
            }
            TimeColumns::DateAndMillis { date, millis } => {
                let (midnight, format) = time::parse_date(self.text(date)?).ok_or_else(|| {
                    let rule = Rule::NotADate;
                    self.at(date, rule)
                })?;
                let since_midnight = number::parse_whole(self.text(millis)?, 0, time::DAY_MS - 1)
                    .ok_or_else(|| self.at(millis, Rule::NotWhole { min: 0, max: time::DAY_MS - 1 }))?;
                Ok((midnight.plus(Span::from_nanos(since_midnight * 1_000_000)), format))
            }
        }
    }

    /// A problem with its time, in the column that has it.
    pub(crate) fn time_problem(&self, rule: Rule) -> InputProblem {
        match &self.shape.time {
            TimeColumns::One(column) => self.at(column, rule),
            TimeColumns::DateAndMillis { date, millis } => {
                let value = |column: &Column| self.record.get(column.index).unwrap_or_default();
                self.problem(rule).field(&date.name).value(format!("{} {}", value(date), value(millis)))
            }
        }
    }

    /// Its prices, each above zero, high the highest and low the lowest; `changed` grows by how many were rounded.
    pub(crate) fn prices(&self, changed: &mut u64) -> Result<Prices, InputProblem> {
        match &self.shape.prices {
            PriceColumns::One(columns) => Ok(Prices { bar: self.ohlc(columns, changed)?, sides: None }),
            PriceColumns::Mid { bid, ask } => {
                let sides = (self.ohlc(bid, changed)?, self.ohlc(ask, changed)?);
                let middle = |of: fn(&Ohlc) -> Price, column: &Column| {
                    let (bid, ask) = (of(&sides.0).value(), of(&sides.1).value());
                    let half = exact::add(bid, ask).and_then(|sum| exact::mul(sum, Decimal::new(5, 1)));
                    let half = half.map_err(|_| self.at(column, Rule::Number(number::NumberFault::TooManyDigits)))?;
                    Price::new(half).map_err(|error| self.at(column, Rule::Middle(error)))
                };
                let bar = Ohlc {
                    open: middle(|side| side.open, &bid.open)?,
                    high: middle(|side| side.high, &bid.high)?,
                    low: middle(|side| side.low, &bid.low)?,
                    close: middle(|side| side.close, &bid.close)?,
                };
                Ok(Prices { bar, sides: Some(sides) })
            }
        }
    }

    fn ohlc(&self, columns: &OhlcColumns, changed: &mut u64) -> Result<Ohlc, InputProblem> {
        let mut price = |column| self.price(column, changed);
        let ohlc = Ohlc {
            open: price(&columns.open)?,
            high: price(&columns.high)?,
            low: price(&columns.low)?,
            close: price(&columns.close)?,
        };
        let Ohlc { open, high, low, close } = ohlc;
        if high < low {
            return Err(self.at(&columns.high, Rule::HighBelowLow { low }));
        }
        for (price, column) in [(open, &columns.open), (close, &columns.close)] {
            if price < low || price > high {
                return Err(self.at(column, Rule::OutsideBar { low, high }));
            }
        }
        Ok(ohlc)
    }

    /// What was traded; `None` where the file has no volume.
    pub(crate) fn volume(&self) -> Result<Option<Decimal>, InputProblem> {
        let Some(column) = &self.shape.volume else { return Ok(None) };
        let volume = self.number(column)?;
        if volume < Decimal::ZERO {
            return Err(self.at(column, Rule::Negative));
        }
        Ok(Some(volume))
    }

    /// The plain numbers of its price columns, as far as they are numbers: for what is said of their digits.
    pub(crate) fn raw_prices(&self) -> impl Iterator<Item = Decimal> {
        let columns = self.shape.used();
        let prices = columns.into_iter().filter(|column| column.role.is_price());
        prices.filter_map(|column| self.number(column).ok())
    }

    fn price(&self, column: &Column, changed: &mut u64) -> Result<Price, InputProblem> {
        let read = self.number(column)?;
        let kept = match self.decimals {
            Some(decimals) => read.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven),
            None => read,
        };
        *changed += u64::from(kept != read);
        Price::new(kept).map_err(|error| {
            let problem = self.at(column, Rule::Amount(error));
            let too_fine = matches!(error, AmountError::TooManyDecimals { .. });
            if too_fine { problem.with_hint(DECIMALS_HINT) } else { problem }
        })
    }

    fn number(&self, column: &Column) -> Result<Decimal, InputProblem> {
        number::parse(self.text(column)?).map_err(|fault| self.at(column, Rule::Number(fault)))
    }

    fn text(&self, column: &Column) -> Result<&str, InputProblem> {
        match self.record.get(column.index) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.problem(Rule::Empty).field(&column.name)),
        }
    }

    fn at(&self, column: &Column, rule: Rule) -> InputProblem {
        self.problem(rule).field(&column.name).value(self.record.get(column.index).unwrap_or_default())
    }

    fn problem(&self, rule: Rule) -> InputProblem {
        InputProblem::new(self.path, rule).on_line(self.line)
    }
}

/// Whether a bar at `open_time` may follow one at `last`, which stands on that line; how many have their room between
/// them, a part of one counted whole.
pub(crate) fn missing_between(last: (Timestamp, u64), open_time: Timestamp, period: Span) -> Result<u64, Rule> {
    let (previous, line) = last;
    if open_time == previous {
        return Err(Rule::TimeTwice { line });
    }
    if open_time < previous {
        return Err(Rule::GoesBack { previous, line });
    }
    let step = open_time.since(previous);
    if step < period {
        return Err(Rule::Overlaps { step, period });
    }
    Ok(step.nanos().div_ceil(period.nanos().max(1)).saturating_sub(1))
}
