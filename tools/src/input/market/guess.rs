//! What columns hold that no header names, told by their values. Only ever advice: nothing is read by a guess unasked.

use csv::StringRecord;
use rust_decimal::Decimal;

use crate::input::market::columns::Role;
use crate::input::market::layout::Layout;
use crate::input::number;
use crate::input::time::{self, TimeFormat};

/// What the columns of a file hold, going by its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    /// The layout that has these columns, where there is one.
    pub(crate) layout: Option<Layout>,
    /// A name a column, in the order of the file.
    pub(crate) names: Vec<String>,
}

impl Guess {
    /// As the end of `it looks like ...`.
    pub(super) fn what(&self) -> String {
        match self.layout {
            Some(Layout::BinanceKlines) => "Binance's klines".to_owned(),
            Some(Layout::LeanTrades) => "LEAN's bars of trades".to_owned(),
            Some(Layout::LeanQuotes) => "LEAN's bars of quotes".to_owned(),
            None => self.names.join(", "),
        }
    }

    /// The line of a market entry that says so.
    pub(super) fn yaml(&self) -> String {
        match self.layout {
            Some(layout) => format!("layout: {layout}"),
            None => format!("header: [{}]", self.names.join(", ")),
        }
    }

    /// The roles of the columns that a file calls by names of its own: each with that name.
    pub(crate) fn roles(&self, names: &[String]) -> Vec<(Role, String)> {
        let named = self.names.iter().zip(names);
        let roles = named.filter_map(|(guessed, name)| Some((Role::parse(guessed)?, name.clone())));
        roles.filter(|(role, name)| !role.is_usual(name)).collect()
    }

    /// The line of a market entry that says so of a file with a header line.
    pub(super) fn columns(&self, names: &[String]) -> String {
        let roles: Vec<String> = self
            .roles(names)
            .into_iter()
            .map(|(role, name)| format!("{}: {}", role.as_str(), yaml_word(&name)))
            .collect();
        format!("columns: {{{}}}", roles.join(", "))
    }
}

/// A text as YAML has it, quoted where it must be.
pub(crate) fn yaml_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    if starts_plain && text.chars().all(plain) && !word.iter().any(|w| text.eq_ignore_ascii_case(w)) {
        return text.to_owned();
    }
    // JSON's strings are YAML's double-quoted ones.
    serde_json::to_string(text).unwrap_or_default()
}

/// The orders in which files have the four prices of a bar, the usual one first; Bitfinex has the second, Coinbase the
/// third.
const ORDERS: [[&str; 4]; 4] = [
    ["open", "high", "low", "close"],
    ["open", "close", "high", "low"],
    ["low", "high", "open", "close"],
    ["high", "low", "open", "close"],
];

/// What `rows` hold, one after the other; `None` where that cannot be told.
pub(super) fn from_rows(rows: &[StringRecord]) -> Option<Guess> {
    let width = rows.first()?.len();
    if rows.iter().any(|row| row.len() != width) {
        return None;
    }
    let format = format_of(rows, 0)?;
    let may_be_by_day = matches!(format, TimeFormat::Date | TimeFormat::CompactDate)
        && whole(rows, 1, 0, time::DAY_MS - 1)
        && rows.iter().any(|row| row.get(1) != Some("0"));
    let by_day = || may_be_by_day.then(|| with_prices_from(rows, width, format, 2)).flatten();
    by_day().or_else(|| with_prices_from(rows, width, format, 1))
}

/// The same where the first price stands at `place`, behind the time or behind a date and a time of day.
fn with_prices_from(rows: &[StringRecord], width: usize, format: TimeFormat, place: usize) -> Option<Guess> {
    let by_day = place > 1;
    let compact = by_day || format == TimeFormat::Compact;
    let behind = width.checked_sub(place)?;
    let is = |layout: Layout| {
        let names = layout.names(width)?.iter().map(|&name| name.to_owned()).collect();
        Some(Guess { layout: Some(layout), names })
    };
    let [usual, ..] = ORDERS;
    if behind == 10 && in_range(rows, place, usual) && in_range(rows, place + 5, usual) {
        let guess = is(Layout::LeanQuotes)?;
        return Some(if compact { guess } else { Guess { layout: None, ..guess } });
    }
    let order = ORDERS.into_iter().find(|order| in_range(rows, place, *order))?;
    if behind == 5 && compact && order == usual {
        return is(Layout::LeanTrades);
    }
    let epoch = matches!(format, TimeFormat::EpochMillis | TimeFormat::EpochMicros);
    if width == 12 && epoch && order == usual && format_of(rows, 6) == Some(format) && whole(rows, 8, 0, u64::MAX) {
        return is(Layout::BinanceKlines);
    }
    let times: &[&str] = if by_day { &["date", "time_of_day_ms"] } else { &["time"] };
    let mut names: Vec<String> = times.iter().copied().chain(order).map(str::to_owned).collect();
    for next in names.len()..width {
        let volume = next == place + 4 && column(rows, next).all(|cell| cell.is_some_and(|n| !n.is_sign_negative()));
        names.push(if volume { "volume".to_owned() } else { format!("column_{}", next + 1) });
    }
    Some(Guess { layout: None, names })
}

/// How the times of a column are written, where all of them are times and written alike.
fn format_of(rows: &[StringRecord], place: usize) -> Option<TimeFormat> {
    let mut formats = rows.iter().map(|row| Some(time::parse(row.get(place)?).ok()?.1));
    let first = formats.next()??;
    formats.all(|format| format == Some(first)).then_some(first)
}

fn whole(rows: &[StringRecord], place: usize, min: u64, max: u64) -> bool {
    rows.iter().all(|row| row.get(place).is_some_and(|text| number::parse_whole(text, min, max).is_some()))
}

fn column(rows: &[StringRecord], place: usize) -> impl Iterator<Item = Option<Decimal>> {
    rows.iter().map(move |row| number::parse(row.get(place)?).ok())
}

/// Whether the four columns from `place` on can be prices in this order: the high the highest, the low the lowest.
fn in_range(rows: &[StringRecord], place: usize, order: [&str; 4]) -> bool {
    rows.iter().all(|row| {
        let price = |name: &str| {
            let place = place + order.iter().position(|&at| at == name)?;
            number::parse(row.get(place)?).ok().filter(|price| *price > Decimal::ZERO)
        };
        let bar = || Some((price("open")?, price("high")?, price("low")?, price("close")?));
        bar().is_some_and(|(open, high, low, close)| high >= open.max(close) && low <= open.min(close))
    })
}
