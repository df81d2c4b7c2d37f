//! Files that are known by name: which columns they have where no header line says so.

use serde::Serialize;

/// A known way to write bars, without a header line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Binance's klines: 12 columns, open time in epoch milliseconds or microseconds.
    BinanceKlines,
    /// LEAN's bars of trades: `YYYYMMDD HH:MM` and five columns, or a date, milliseconds since midnight and five columns.
    LeanTrades,
    /// LEAN's bars of quotes: the same times, then four prices and a size of the bid and of the ask.
    LeanQuotes,
}

const BINANCE_KLINES: &[&str] = &[
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
];
const LEAN_TRADES: &[&str] = &["time", "open", "high", "low", "close", "volume"];
const LEAN_TRADES_BY_DAY: &[&str] = &["date", "time_of_day_ms", "open", "high", "low", "close", "volume"];
const LEAN_QUOTES: &[&str] = &[
    "time",
    "bid_open",
    "bid_high",
    "bid_low",
    "bid_close",
    "bid_size",
    "ask_open",
    "ask_high",
    "ask_low",
    "ask_close",
    "ask_size",
];
const LEAN_QUOTES_BY_DAY: &[&str] = &[
    "date",
    "time_of_day_ms",
    "bid_open",
    "bid_high",
    "bid_low",
    "bid_close",
    "bid_size",
    "ask_open",
    "ask_high",
    "ask_low",
    "ask_close",
    "ask_size",
];

impl Layout {
    /// All of them.
    pub const ALL: &[Self] = &[Self::BinanceKlines, Self::LeanTrades, Self::LeanQuotes];

    /// Its name in a session file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BinanceKlines => "binance_klines",
            Self::LeanTrades => "lean_trades",
            Self::LeanQuotes => "lean_quotes",
        }
    }

    /// The layout of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|layout| layout.as_str() == name)
    }

    /// The names of its columns, in each of the forms that it has.
    pub const fn forms(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::BinanceKlines => &[BINANCE_KLINES],
            Self::LeanTrades => &[LEAN_TRADES, LEAN_TRADES_BY_DAY],
            Self::LeanQuotes => &[LEAN_QUOTES, LEAN_QUOTES_BY_DAY],
        }
    }

    /// The names of its columns where it has `width` of them.
    pub fn names(self, width: usize) -> Option<&'static [&'static str]> {
        self.forms().iter().copied().find(|names| names.len() == width)
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
