//! What a market file is, looked at without a session: its shape, its span, what is odd in it, and how to use it.
//!
//! Reads by the same rows as a run does and goes on where a run would stop. Reports; changes nothing.

mod digits;
mod entry;
mod oddities;
mod outliers;
mod steps;

use std::path::{Path, PathBuf};

use retrace_core::instrument::Symbol;
use retrace_core::time::{Span, Timestamp};
use serde::Serialize;

pub use digits::Digits;
pub use entry::{Suggestion, SymbolFrom};
pub use oddities::{Oddity, OddityKind};
pub(crate) use outliers::per_cent;
pub use outliers::{Move, Outlier, Outliers};
pub use steps::{Gap, Gaps, Timeframe};

use crate::input::market::rows::Rows;
use crate::input::market::{self, Columns, Compression, Header, QuotePrice};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time::TimeFormat;
use oddities::Oddities;
use outliers::Print;

/// What to look at, and what is known of it already. What is not said is found out.
#[derive(Clone, Debug)]
pub struct Question {
    /// The file.
    pub path: PathBuf,
    /// What was traded.
    pub symbol: Option<Symbol>,
    /// How long each bar is.
    pub timeframe: Option<Span>,
    /// How its columns are told apart.
    pub columns: Columns,
    /// How many decimals its prices are rounded to.
    pub decimals: Option<u32>,
}

/// How the columns of a file became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderFound {
    /// By the names in its first line.
    InFile,
    /// By the names that the question gave.
    Given,
    /// By the layout that the question named.
    Layout,
    /// By its values: the question said nothing, and the file has no header line or one that is not understood.
    ByValues,
}

/// A column and what it is read for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnFound {
    /// Its name, in the file or by the layout.
    pub name: String,
    /// Its role's name under `columns:`; `None` for one that is not read.
    pub role: Option<&'static str>,
}

/// All that was found out about a file.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// How it is packed.
    pub compression: Compression,
    /// How its columns became known.
    pub header: HeaderFound,
    /// The name of its layout, where it has one.
    pub layout: Option<&'static str>,
    /// Whether its first line names its columns.
    pub has_header_line: bool,
    /// Its columns, in order.
    pub columns: Vec<ColumnFound>,
    /// Which of bid and ask was looked at; `None` for traded prices.
    pub price: Option<QuotePrice>,
    /// How its times are written.
    pub times: String,
    /// Whether they name an offset from UTC; where not, they are read as UTC.
    pub times_have_offset: bool,
    /// How many rows it has, header line not counted.
    pub rows: u64,
    /// The open time of its first readable row.
    pub from: Timestamp,
    /// The open time of its last readable row.
    pub to: Timestamp,
    /// How long its bars are.
    pub timeframe: Option<Timeframe>,
    /// What is missing between its bars, where their length is known.
    pub gaps: Gaps,
    /// The decimals of its prices.
    pub prices: Digits,
    /// The decimals of its volumes; `None` for a file without.
    pub volumes: Option<Digits>,
    /// What is odd in it, the worst first.
    pub oddities: Vec<Oddity>,
    /// Prices far from those around them.
    pub outliers: Outliers,
    /// The entry that makes it usable.
    pub suggestion: Suggestion,
    /// How many prices that entry rounds.
    pub rounded: u64,
    /// Why even that entry cannot be used; `None` where it can.
    pub refused: Option<String>,
    /// What to do about it, where something useful can be said.
    pub hint: Option<String>,
}

impl Inspection {
    /// Whether a session with the suggested entry can use the file.
    pub const fn is_usable(&self) -> bool {
        self.refused.is_none()
    }
}

/// Looks at a file from front to back.
///
/// # Errors
/// [`InputProblem`] when it cannot be read at all: it cannot be opened or unpacked, its columns cannot be told, or it
/// has no row with a time.
pub fn inspect(question: &Question) -> Result<Inspection, InputProblem> {
    let path = question.path.as_path();
    let (columns, header) = find_columns(path, &question.columns)?;
    // Rounded to the most decimals a price may have: such rows are told of, and the others need not wait for them.
    let decimals = question.decimals.unwrap_or(retrace_core::amount::DECIMALS_MAX);
    let mut rows = market::open_rows(path, &columns, Some(decimals))?;
    let (shape, has_header_line) = (rows.shape().clone(), rows.has_header_line());
    let seen = look(&mut rows, question.decimals.is_none())?;
    let Seen { rows, prints, times, mut oddities, prices, volumes, format } = seen;
    let (Some(first), Some(last), Some(format)) = (times.first(), times.last(), format) else {
        // What a run would say of it, at the first row or of there being none.
        let refused = market::check(path, &columns, question.decimals, Span::from_seconds(1)).err();
        return Err(refused.unwrap_or_else(|| InputProblem::new(path, Rule::Nothing { what: "row" })));
    };
    let timeframe = steps::timeframe(question.timeframe, &times);
    let gaps = steps::gaps_or_order(timeframe.as_ref(), &times, &mut oddities);
    oddities.extra_columns(&shape, columns.header == Header::InFile);
    let outliers = outliers::find(&prints);
    let suggestion = entry::suggest(question, &columns, timeframe.as_ref(), &prices, volumes.as_ref());
    let verdict = try_out(path, &suggestion, &columns);
    let layout = match columns.header {
        Header::Layout(layout) => Some(layout.as_str()),
        Header::InFile | Header::Given(_) => None,
    };
    let used = shape.used();
    let role = |index| used.iter().find(|column| column.index == index).map(|column| column.role.as_str());
    let named = shape.names.iter().enumerate();
    Ok(Inspection {
        file: question.path.clone(),
        compression: Compression::of(path),
        header,
        layout,
        has_header_line,
        columns: named.map(|(index, name)| ColumnFound { name: name.clone(), role: role(index) }).collect(),
        price: columns.price,
        times: format.to_string(),
        times_have_offset: format == TimeFormat::Offset,
        rows,
        from: first.0,
        to: last.0,
        timeframe,
        gaps,
        prices,
        volumes,
        oddities: oddities.listed(),
        outliers,
        suggestion,
        rounded: verdict.as_ref().map_or(0, |rounded| *rounded),
        refused: verdict.as_ref().err().map(ToString::to_string),
        hint: verdict.err().and_then(|problem| problem.hint()),
    })
}

/// The columns as the question has them, or where it says too little, as the file's values tell them.
fn find_columns(path: &Path, asked: &Columns) -> Result<(Columns, HeaderFound), InputProblem> {
    let mut columns = asked.clone();
    let mut found = match asked.header {
        Header::InFile => HeaderFound::InFile,
        Header::Given(_) => HeaderFound::Given,
        Header::Layout(_) => HeaderFound::Layout,
    };
    loop {
        let Err(problem) = market::open_rows(path, &columns, None) else { return Ok((columns, found)) };
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is told by values")]
        match problem.rule() {
            Rule::PriceNotChosen if columns.price.is_none() => columns.price = Some(QuotePrice::Mid),
            rule @ (Rule::NoHeader | Rule::MissingColumn { .. }) if found == HeaderFound::InFile => {
                let Some(guess) = market::guess(path)? else { return Err(problem) };
                found = HeaderFound::ByValues;
                match (rule, guess.layout) {
                    (Rule::MissingColumn { columns: names }, _) => columns.names.extend(guess.roles(names)),
                    (_, Some(layout)) => columns.header = Header::Layout(layout),
                    (_, None) => columns.header = Header::Given(guess.names),
                }
            }
            _ => return Err(problem),
        }
    }
}

/// What one pass over the rows gives.
struct Seen {
    rows: u64,
    prints: Vec<Print>,
    times: Vec<(Timestamp, u64)>,
    oddities: Oddities,
    prices: Digits,
    volumes: Option<Digits>,
    format: Option<TimeFormat>,
}

fn look<R: std::io::Read>(rows: &mut Rows<'_, R>, rounding_is_odd: bool) -> Result<Seen, InputProblem> {
    let volumes = rows.shape().volume.is_some().then(Digits::default);
    let mut seen = Seen {
        rows: 0,
        prints: Vec::new(),
        times: Vec::new(),
        oddities: Oddities::default(),
        prices: Digits::default(),
        volumes,
        format: None,
    };
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(seen),
            Err(problem) => {
                let can_go_on = matches!(problem.rule(), Rule::NotUtf8);
                if !can_go_on && seen.rows == 0 {
                    return Err(problem);
                }
                seen.oddities.problem(&problem);
                seen.rows += u64::from(can_go_on);
                if can_go_on {
                    continue;
                }
                return Ok(seen);
            }
        };
        seen.rows += 1;
        if let Err(problem) = row.check_width() {
            seen.oddities.problem(&problem);
            continue;
        }
        let time = match row.time() {
            Ok((_, format)) if seen.format.is_some_and(|first| first != format) => {
                let first = seen.format.unwrap_or(format);
                seen.oddities.problem(&row.time_problem(Rule::MixedTimes { found: format, first }));
                None
            }
            Ok((time, format)) => {
                seen.format = Some(format);
                seen.times.push((time, row.line()));
                Some(time)
            }
            Err(problem) => {
                seen.oddities.problem(&problem);
                None
            }
        };
        for price in row.raw_prices() {
            seen.prices.count(price);
        }
        let mut rounded = 0;
        match row.prices(&mut rounded) {
            Ok(prices) => {
                seen.oddities.prices(&row, &prices);
                if let Some(time) = time {
                    seen.prints.push(Print { time, line: row.line(), bar: prices.bar });
                }
            }
            Err(problem) => seen.oddities.problem(&problem),
        }
        if rounding_is_odd && rounded > 0 {
            seen.oddities.too_many_decimals(&row, rounded);
        }
        match row.volume() {
            Ok(Some(volume)) => {
                if let Some(digits) = &mut seen.volumes {
                    digits.count(volume);
                }
                if volume.is_zero() {
                    seen.oddities.zero_volume(&row);
                }
            }
            Ok(None) => {}
            Err(problem) => seen.oddities.problem(&problem),
        }
    }
}

/// Reads the file as a session with the suggested entry would: how many prices that rounds.
fn try_out(path: &Path, suggestion: &Suggestion, columns: &Columns) -> Result<u64, InputProblem> {
    market::check(path, columns, suggestion.decimals, suggestion.period)
}
