//! The rows of a market file, one by one, once its columns are known. What reads strictly and what inspects share it.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use csv::StringRecord;
use retrace_core::time::{Span, Timestamp};

use crate::input::market::columns::{Columns, Header, Shape};
use crate::input::market::compression::{self, Bounded, Compression};
use crate::input::market::guess::{self, Guess};
use crate::input::market::row::Row;
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time;

/// The most rows of a file: 38 years of one-minute bars.
pub const ROWS_MAX: u64 = 20_000_000;

/// How many rows are looked at to tell what a file without a header line holds.
const ROWS_GUESSED_FROM: usize = 200;

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
        let mut waiting = std::mem::take(&mut self.waiting);
        while !waiting {
            let read = self.csv.read_record(&mut self.record).map_err(|error| csv_problem(self.path, &error))?;
            self.since_row.set(0);
            if !read {
                return Ok(None);
            }
            // A line of blanks is no row, as an empty one is none.
            waiting = self.record.len() > 1 || self.record.iter().any(|text| !text.is_empty());
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
    // Left to itself the reader counts lines of `\r\n` one too few; a `\r` before the end is trimmed.
    let end = csv::Terminator::Any(b'\n');
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(end)
        .trim(csv::Trim::All)
        .from_reader(bounded)
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
pub(crate) fn csv_problem(path: &Path, error: &csv::Error) -> InputProblem {
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
