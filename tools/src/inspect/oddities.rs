//! What is odd in a file, counted by kind, with the first place of each.

use std::collections::BTreeMap;

use retrace_core::amount::AmountError;
use retrace_core::time::Timestamp;
use serde::Serialize;

use crate::input::market::Shape;
use crate::input::market::row::{Ohlc, Prices, Row};
use crate::input::number::NumberFault;
use crate::input::problem::{InputProblem, VALUE_SHOWN_MAX, printable};
use crate::input::rule::Rule;

/// What can be odd; in the order in which it is told, what a run refuses first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OddityKind {
    /// The rest of the file cannot be read.
    Unreadable,
    /// A row that is not UTF-8 text.
    NotText,
    /// A row with fewer or more fields than the file has columns.
    FieldCount,
    /// A time that is none.
    NotATime,
    /// A time written in another way than the first.
    MixedTimes,
    /// A row at the time of the row before.
    TimeTwice,
    /// A row at an earlier time than the row before.
    GoesBack,
    /// A row less than a bar's length after the row before.
    Overlaps,
    /// An empty field.
    Empty,
    /// A number that is none.
    NotANumber,
    /// `NaN` or an infinity.
    NotFinite,
    /// A price of zero or less.
    PriceNotPositive,
    /// A number outside what can be held.
    OutOfBounds,
    /// A high below the low.
    HighBelowLow,
    /// An open or close outside the bar's range.
    OutsideBar,
    /// A volume below zero.
    NegativeVolume,
    /// A price with more than 12 decimals.
    TooManyDecimals,
    /// A bar whose ask is below its bid.
    CrossedQuotes,
    /// A bar in which nothing was traded.
    ZeroVolume,
    /// A bar whose four prices are one.
    Flat,
    /// A column that is not read.
    ExtraColumn,
}

impl OddityKind {
    /// In words, as a heading.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "cannot be read on",
            Self::NotText => "not UTF-8 text",
            Self::FieldCount => "fields missing or too many",
            Self::NotATime => "not a time",
            Self::MixedTimes => "times written in another way",
            Self::TimeTwice => "same time again",
            Self::GoesBack => "goes back in time",
            Self::Overlaps => "overlaps the bar before",
            Self::Empty => "empty field",
            Self::NotANumber => "not a number",
            Self::NotFinite => "NaN or infinite",
            Self::PriceNotPositive => "price not above zero",
            Self::OutOfBounds => "number out of bounds",
            Self::HighBelowLow => "high below low",
            Self::OutsideBar => "open or close outside the bar",
            Self::NegativeVolume => "negative volume",
            Self::TooManyDecimals => "more than 12 decimals",
            Self::CrossedQuotes => "ask below bid",
            Self::ZeroVolume => "no volume in the bar",
            Self::Flat => "flat bar: one price only",
            Self::ExtraColumn => "column not read",
        }
    }

    /// Whether a run refuses a file that has it. Decimals beyond the bound are refused unless rounded.
    pub const fn is_refused(self) -> bool {
        !matches!(self, Self::CrossedQuotes | Self::ZeroVolume | Self::Flat | Self::ExtraColumn)
    }

    fn of(rule: &Rule) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what else a reader says is that it cannot go on")]
        match rule {
            Rule::NotUtf8 => Self::NotText,
            Rule::FieldCount { .. } => Self::FieldCount,
            Rule::Time(_) | Rule::NotADate | Rule::NotWhole { .. } => Self::NotATime,
            Rule::MixedTimes { .. } => Self::MixedTimes,
            Rule::TimeTwice { .. } => Self::TimeTwice,
            Rule::GoesBack { .. } => Self::GoesBack,
            Rule::Overlaps { .. } => Self::Overlaps,
            Rule::Empty => Self::Empty,
            Rule::Number(NumberFault::NotFinite) => Self::NotFinite,
            Rule::Number(NumberFault::NotANumber) => Self::NotANumber,
            Rule::Amount(AmountError::NotPositive { .. }) => Self::PriceNotPositive,
            Rule::Amount(AmountError::TooManyDecimals { .. }) => Self::TooManyDecimals,
            Rule::Number(NumberFault::TooManyDigits) | Rule::Amount(AmountError::TooLarge { .. }) | Rule::Middle(_) => {
                Self::OutOfBounds
            }
            Rule::HighBelowLow { .. } => Self::HighBelowLow,
            Rule::OutsideBar { .. } => Self::OutsideBar,
            Rule::Negative => Self::NegativeVolume,
            _ => Self::Unreadable,
        }
    }
}

/// One kind of oddity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// What is odd.
    pub kind: OddityKind,
    /// How many rows have it; for a kind that stands in several fields of a row, how many fields.
    pub count: u64,
    /// Whether a run refuses a file for it.
    pub refused: bool,
    /// The line of the first one, where it stands on one.
    pub line: Option<u64>,
    /// What the first one is, as the file has it.
    pub first: String,
}

/// The oddities so far.
#[derive(Default)]
pub(super) struct Oddities(BTreeMap<OddityKind, Oddity>);

impl Oddities {
    /// What a run would stop at.
    pub(super) fn problem(&mut self, problem: &InputProblem) {
        let kind = OddityKind::of(problem.rule());
        let first = || match (problem.field_name(), problem.value_text()) {
            (Some(field), Some(value)) => format!("{field} {value}"),
            (Some(field), None) => field.to_owned(),
            (None, _) => problem.rule().to_string(),
        };
        self.add(kind, 1, problem.line(), first);
    }

    /// A row that does not follow on the one before.
    pub(super) fn out_of_order(&mut self, rule: &Rule, line: u64, time: Timestamp) {
        self.add(OddityKind::of(rule), 1, Some(line), || time.to_string());
    }

    /// What is odd about prices that a run would take.
    pub(super) fn prices(&mut self, row: &Row<'_>, prices: &Prices) {
        let Ohlc { open, high, low, .. } = prices.bar;
        if high == low {
            self.add(OddityKind::Flat, 1, Some(row.line()), || open.to_string());
        }
        if let Some((bid, ask)) = prices.sides {
            let pairs = [(bid.open, ask.open), (bid.high, ask.high), (bid.low, ask.low), (bid.close, ask.close)];
            if let Some((bid, ask)) = pairs.into_iter().find(|(bid, ask)| ask < bid) {
                self.add(OddityKind::CrossedQuotes, 1, Some(row.line()), || format!("bid {bid}, ask {ask}"));
            }
        }
    }

    /// Prices of a row that were rounded because they have more decimals than a price may have.
    pub(super) fn too_many_decimals(&mut self, row: &Row<'_>, count: u64) {
        self.add(OddityKind::TooManyDecimals, count, Some(row.line()), || {
            let finest = row.raw_prices().max_by_key(|price| price.normalize().scale());
            finest.map_or_else(String::new, |price| price.to_string())
        });
    }

    /// A row in which nothing was traded.
    pub(super) fn zero_volume(&mut self, row: &Row<'_>) {
        self.add(OddityKind::ZeroVolume, 1, Some(row.line()), || "0".to_owned());
    }

    /// The columns of the file that are not read; of a known layout they are no surprise.
    pub(super) fn extra_columns(&mut self, shape: &Shape, surprising: bool) {
        let used = shape.used();
        let unused = |index: &usize| used.iter().all(|column| column.index != *index);
        for (index, name) in shape.names.iter().enumerate().filter(|(index, _)| surprising && unused(index)) {
            self.add(OddityKind::ExtraColumn, 1, None, || {
                if name.is_empty() { format!("column {}", index + 1) } else { name.clone() }
            });
        }
    }

    /// All of them, what a run refuses first.
    pub(super) fn listed(self) -> Vec<Oddity> {
        self.0.into_values().collect()
    }

    fn add(&mut self, kind: OddityKind, count: u64, line: Option<u64>, first: impl FnOnce() -> String) {
        let oddity = self.0.entry(kind).or_insert_with(|| {
            let first = printable(&first(), VALUE_SHOWN_MAX);
            Oddity { kind, count: 0, refused: kind.is_refused(), line, first }
        });
        oddity.count = oddity.count.saturating_add(count);
    }
}
