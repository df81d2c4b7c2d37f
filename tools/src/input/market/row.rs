//! What one row of a market file says, each field checked by itself. What reads strictly and what inspects share it.

use std::path::Path;

use csv::StringRecord;
use retrace_core::amount::{AmountError, Price};
use retrace_core::exact;
use retrace_core::time::{Span, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::input::market::columns::{Column, OhlcColumns, PriceColumns, Shape, TimeColumns};
use crate::input::number::{self, NumberFault};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time::{self, TimeFault, TimeFormat};

const TIME_HINT: &str = "write RFC 3339, `YYYY-MM-DD HH:MM`, `YYYYMMDD HH:MM`, a date, or epoch seconds, \
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

/// One row with its place, for messages.
pub(crate) struct Row<'a> {
    pub(super) path: &'a Path,
    pub(super) line: u64,
    pub(super) record: &'a StringRecord,
    pub(super) shape: &'a Shape,
    /// How many decimals prices are rounded to.
    pub(super) decimals: Option<u32>,
    /// Whether it is the first line of a file that has no header line, by what is said of it.
    pub(super) first_without_header: bool,
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
                    let half = half.map_err(|_| self.at(column, Rule::Number(NumberFault::TooManyDigits)))?;
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
