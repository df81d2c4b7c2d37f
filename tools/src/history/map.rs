//! A map: which column of a trade history holds what, and what the history itself does not say. Checked whole before the
//! history is opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use retrace_core::amount::{Price, Quantity};
use retrace_core::ids::{PositionKey, StrategyInstanceId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side;
use retrace_core::time::Timestamp;

use super::map_check;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// A map that was read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeMap {
    /// The file it was read from, or `map binance-spot` for one that comes with Retrace: what messages name.
    pub file: PathBuf,
    /// Its text, as it was.
    pub text: String,
    /// What one row is.
    pub rows: Rows,
    /// How the file orders its rows.
    pub order: RowOrder,
    /// What of a row is read the same whatever it is.
    pub common: Common,
    /// The words for a purchase and a sale, in lower case.
    pub sides: Sides,
    /// Only rows in which each of these columns has one of these values are read.
    pub only: Vec<(String, Vec<String>)>,
    /// Which assets others are priced in, the first that fits.
    pub quotes: Vec<Asset>,
    /// Symbols that the file spells in a way of its own.
    pub symbols: BTreeMap<String, Symbol>,
    /// To how many decimals values are rounded, half to even; not at all where nothing is said.
    pub decimals: Decimals,
    /// Whether a fee that was paid stands below zero.
    pub paid_below_zero: bool,
    /// Trading rules that are not taken from the history.
    pub instruments: BTreeMap<Symbol, Rules>,
    /// What the account is counted in; `None` takes the first trade's quote.
    pub account: Option<Asset>,
    /// Whose plans the session holds.
    pub instance: StrategyInstanceId,
    /// Whether a sale of more than is held begins a short position; `None` allows it and tells of it.
    pub shorting: Option<bool>,
    /// What was held before the history begins.
    pub opening: Vec<Opening>,
}

/// What one row of a history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A trade with its price or its amount.
    Priced(Priced),
    /// A trade as what was bought and what was given for it.
    Swapped(Swapped),
    /// An entry and its exit.
    RoundTrips(RoundTrips),
    /// One side of a trade, or its fee: rows that share a trade id are one trade.
    Legs(Legs),
}

/// The columns of a trade with a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// When.
    pub time: String,
    /// What.
    pub symbol: SymbolColumns,
    /// Bought or sold; by the sign of the quantity where there is none.
    pub side: Option<String>,
    /// At which price; amount over quantity where there is none.
    pub price: Option<String>,
    /// How much.
    pub quantity: String,
    /// What was paid or got for it. Beside a price it is read for its asset alone.
    pub amount: Option<String>,
    /// What it cost.
    pub fee: FeeColumns,
}

/// The columns of a trade as a swap of two assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// When.
    pub time: String,
    /// How much was got.
    pub buy_quantity: String,
    /// Of what.
    pub buy_asset: String,
    /// How much was given.
    pub sell_quantity: String,
    /// Of what.
    pub sell_asset: String,
    /// What it cost.
    pub fee: FeeColumns,
}

/// The columns of a whole round trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundTrips {
    /// What.
    pub symbol: SymbolColumns,
    /// Long (bought first) or short; long where there is none.
    pub side: Option<String>,
    /// How much.
    pub quantity: String,
    /// Its first half.
    pub entry: Leg,
    /// Its second half.
    pub exit: Leg,
}

/// The columns of a movement of one asset, as account statements have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legs {
    /// When.
    pub time: String,
    /// How much came (above zero) or went (below).
    pub amount: String,
    /// Of what.
    pub asset: String,
    /// A side of a trade, or its fee.
    pub kind: String,
    /// The words for a side of a trade, in lower case.
    pub trade: Vec<String>,
    /// The words for a fee, in lower case.
    pub fee: Vec<String>,
}

/// The columns of one half of a round trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// When.
    pub time: String,
    /// At which price.
    pub price: String,
    /// What it cost.
    pub fee: FeeColumns,
}

/// Where the symbol stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SymbolColumns {
    /// In one column.
    One(String),
    /// Base and quote in a column each.
    Two(String, String),
}

/// Where a fee stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeeColumns {
    /// The history has none.
    None,
    /// An amount, of the asset in the other column, of the asset written behind it, or of the quote.
    Amount {
        /// The amount's.
        fee: String,
        /// The asset's.
        asset: Option<String>,
    },
    /// A fraction of the notional, in the quote.
    Rate(String),
}

/// The columns that any row may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// The venue's id of the trade.
    pub trade_id: Option<String>,
    /// The venue's id of its order.
    pub order_id: Option<String>,
    /// Which of several positions in the symbol.
    pub position: Option<String>,
    /// Maker or taker.
    pub liquidity: Option<String>,
}

/// How a file orders its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// By time, one way or the other, as the file shows; anything else is refused.
    Either,
    /// By time, the first trade first; anything else is refused.
    OldestFirst,
    /// By time, the last trade first; anything else is refused.
    NewestFirst,
    /// In no order: rows are sorted by time, those of one moment stay as they stand.
    Any,
}

/// The words for a purchase and a sale, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Bought, or long.
    pub buy: Vec<String>,
    /// Sold, or short.
    pub sell: Vec<String>,
}

/// To how many decimals values are rounded, half to even.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decimals {
    /// Prices.
    pub price: Option<u32>,
    /// Quantities.
    pub quantity: Option<u32>,
    /// Fees.
    pub fee: Option<u32>,
}

/// An instrument's rules, as far as the map says them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The smallest step of a price.
    pub tick: Option<Price>,
    /// The smallest step of a quantity: a round trip is over when less is left.
    pub lot: Option<Quantity>,
}

/// Something held (or owed) before the history begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Of what.
    pub symbol: Symbol,
    /// Bought where it was held, sold where it was owed.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// What each unit cost.
    pub price: Price,
    /// From when on it counts; before the symbol's first trade.
    pub at: Timestamp,
    /// Which of several positions in the symbol.
    pub position: Option<PositionKey>,
    /// The line of the map that says so.
    pub line: u64,
}

impl TradeMap {
    /// The column that says when, of a round trip its entry's.
    pub fn time_column(&self) -> &str {
        match &self.rows {
            Rows::Priced(columns) => &columns.time,
            Rows::Swapped(columns) => &columns.time,
            Rows::RoundTrips(columns) => &columns.entry.time,
            Rows::Legs(columns) => &columns.time,
        }
    }

    /// The column that says how much; of a swap what was given.
    pub fn quantity_column(&self) -> &str {
        match &self.rows {
            Rows::Priced(columns) => &columns.quantity,
            Rows::Swapped(columns) => &columns.sell_quantity,
            Rows::RoundTrips(columns) => &columns.quantity,
            Rows::Legs(columns) => &columns.amount,
        }
    }
}

/// Reads a map from its text; `file` names it in messages.
///
/// # Errors
/// [`InputProblem`] when it is not YAML of this shape, or breaks a rule.
pub fn parse(file: &Path, text: &str) -> Result<TradeMap, InputProblem> {
    if text.trim().is_empty() {
        return Err(InputProblem::new(file, Rule::EmptyFile));
    }
    map_check::check(file, text)
}
