//! The rows of a history, each checked as it is read. Never repairs, sorts or drops one: what the map leaves out is counted.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::ids::{ConnectorOrderId, PositionKey, TradeId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side;
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;

use super::legs;
use super::map::{Rows, TradeMap};
use super::row::Cells;
use crate::input::market::{Bounded, csv_problem, open};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Its rows in the order of the file, without those that the map leaves out.
    pub rows: Vec<Row>,
    /// How many rows it has below its header.
    pub read: u64,
    /// How many of them the map leaves out.
    pub skipped: u64,
    /// How many values were rounded.
    pub rounded: u64,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line it begins on.
    pub line: u64,
    /// The history's own id of it.
    pub id: Option<TradeId>,
    /// The venue's id of its order.
    pub order: Option<ConnectorOrderId>,
    /// Which of several positions in the symbol.
    pub position: Option<PositionKey>,
    /// Whether it made or took liquidity.
    pub liquidity: Liquidity,
    /// What was traded.
    pub symbol: Symbol,
    /// The trade, or the entry and the exit of a round trip.
    pub parts: Parts,
}

/// What a row tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parts {
    /// One trade.
    Trade(Part),
    /// A whole round trip.
    RoundTrip(Part, Part),
}

/// One trade of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// When.
    pub at: Timestamp,
    /// Bought or sold.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// The fee; below zero for a rebate.
    pub fee: Money,
    /// In which asset.
    pub fee_asset: Asset,
}

/// Reads the history at `path`, decompressed where its name says that it is packed.
///
/// # Errors
/// [`InputProblem`] at the first thing that is wrong: the file, its header, or a value.
pub fn read(path: &Path, map: &TradeMap) -> Result<History, InputProblem> {
    read_from(open(path)?, path, map)
}

/// The same for bytes that are decompressed already; `path` only names them in messages.
///
/// # Errors
/// As [`read`].
pub fn read_from(source: impl Read, path: &Path, map: &TradeMap) -> Result<History, InputProblem> {
    let since_row = Rc::new(Cell::new(0));
    // Lines end with `\n`; a `\r` before it is trimmed. Left to itself the reader counts lines of `\r\n` one too few.
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .trim(csv::Trim::All)
        .from_reader(Bounded::new(source, Rc::clone(&since_row)));
    let header = reader.headers().map_err(|error| csv_problem(path, &error))?.clone();
    if header.iter().all(str::is_empty) {
        return Err(InputProblem::new(path, Rule::EmptyFile));
    }
    let only = map.only.iter().map(|(column, values)| Ok((find(path, &header, column)?, values)));
    let only: Vec<(usize, &Vec<String>)> = only.collect::<Result<_, InputProblem>>()?;
    let mut history = History::default();
    let mut format = None;
    let mut movements = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| csv_problem(path, &error))? {
        since_row.set(0);
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() == 1 && record.get(0) == Some("") {
            continue;
        }
        if record.len() != header.len() {
            let rule = Rule::FieldCount { found: record.len(), expected: header.len() };
            let problem = InputProblem::new(path, rule).on_line(line);
            return Err(match header.get(record.len()) {
                Some(first_missing) => problem.field(first_missing),
                None => problem,
            });
        }
        history.read += 1;
        let taken = |(index, values): &(usize, &Vec<String>)| {
            values.iter().any(|value| record.get(*index) == Some(value.as_str()))
        };
        if !only.iter().all(taken) {
            history.skipped += 1;
            continue;
        }
        let mut cells = Cells {
            path,
            line,
            header: &header,
            record: &record,
            map,
            format: &mut format,
            rounded: &mut history.rounded,
        };
        let parts = match &map.rows {
            Rows::Priced(columns) => cells.priced(columns)?,
            Rows::Swapped(columns) => cells.swapped(columns)?,
            Rows::RoundTrips(columns) => cells.round_trip(columns)?,
            Rows::Legs(columns) => {
                movements.push(cells.movement(columns)?);
                continue;
            }
        };
        history.rows.push(cells.row(parts)?);
    }
    if let Rows::Legs(columns) = &map.rows {
        history.rows = legs::together(path, map, columns, movements, &mut history.rounded)?;
    }
    if history.read == 0 {
        return Err(InputProblem::new(path, Rule::Nothing { what: "row below its header" }));
    }
    if history.rows.is_empty() {
        let problem = InputProblem::new(path, Rule::Nothing { what: "row that the map takes" });
        return Err(
            problem.with_hint("look at `where:` in the map: a row is read where each column has one of its values")
        );
    }
    Ok(history)
}

/// The place of a column that the map names. Names are compared as they are written, and must stand there once.
pub(super) fn find(path: &Path, header: &csv::StringRecord, name: &str) -> Result<usize, InputProblem> {
    let mut found = header.iter().enumerate().filter(|(_, column)| *column == name);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => Err(InputProblem::new(path, Rule::ColumnTwice).on_line(1).field(name)),
        (None, _) => {
            let columns = header.iter().map(str::to_owned).collect();
            let problem = InputProblem::new(path, Rule::MissingColumn { columns }).on_line(1).field(name);
            Err(problem.with_hint("name the file's columns under `columns:` in the map"))
        }
    }
}
