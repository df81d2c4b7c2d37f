//! A map: which column of a trade history holds what, and what the history itself does not say. Checked whole before the
//! history is opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use retrace_core::amount::{DECIMALS_MAX, Price, Quantity};
use retrace_core::ids::{PositionKey, StrategyInstanceId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side;
use retrace_core::time::Timestamp;
use rust_decimal::Decimal;

use super::map_fields::{ColumnFields, MapFields, OpeningFields};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::yaml::{self, Text};
use crate::input::{number, time};

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
        }
    }

    /// The column that says how much; of a swap what was given.
    pub fn quantity_column(&self) -> &str {
        match &self.rows {
            Rows::Priced(columns) => &columns.quantity,
            Rows::Swapped(columns) => &columns.sell_quantity,
            Rows::RoundTrips(columns) => &columns.quantity,
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
    Checker { file }.check(yaml::parse(file, text)?, text)
}

struct Checker<'a> {
    file: &'a Path,
}

impl Checker<'_> {
    fn check(&self, fields: MapFields, text: &str) -> Result<TradeMap, InputProblem> {
        let trips = match &fields.rows {
            None => false,
            Some(word) => self.one_of("rows", word, &[("trades", false), ("round_trips", true)])?,
        };
        let columns = Columns { checker: self, fields: &fields.columns.value, line: fields.columns.referenced.line() };
        let (rows, common) = columns.read(trips)?;
        let order = match &fields.order {
            None => RowOrder::Either,
            Some(word) => {
                let words = [
                    ("either", RowOrder::Either),
                    ("oldest_first", RowOrder::OldestFirst),
                    ("newest_first", RowOrder::NewestFirst),
                    ("any", RowOrder::Any),
                ];
                self.one_of("order", word, &words)?
            }
        };
        let words = |words: &[Text]| words.iter().map(|word| word.value.to_lowercase()).collect::<Vec<_>>();
        let sides = match &fields.sides {
            Some(sides) => Sides { buy: words(&sides.buy), sell: words(&sides.sell) },
            None if trips => Sides { buy: vec!["long".into(), "buy".into()], sell: vec!["short".into(), "sell".into()] },
            None => Sides { buy: vec!["buy".into()], sell: vec!["sell".into()] },
        };
        let only = fields.only.unwrap_or_default().into_iter();
        let only = only.map(|(column, values)| (column, values.value.into_iter().map(|text| text.value).collect()));
        let quotes = fields.quotes.unwrap_or_default();
        let quotes = quotes.iter().enumerate().map(|(index, text)| self.asset(&format!("quotes[{index}]"), text));
        let decimals = fields.decimals.unwrap_or_default();
        Ok(TradeMap {
            file: self.file.to_owned(),
            text: text.to_owned(),
            rows,
            order,
            common,
            sides,
            only: only.collect(),
            quotes: quotes.collect::<Result<_, _>>()?,
            symbols: self.symbols(fields.symbols.unwrap_or_default())?,
            decimals: Decimals {
                price: self.decimals("decimals.price", decimals.price.as_ref())?,
                quantity: self.decimals("decimals.quantity", decimals.quantity.as_ref())?,
                fee: self.decimals("decimals.fee", decimals.fee.as_ref())?,
            },
            paid_below_zero: match &fields.fee_sign {
                None => false,
                Some(word) => {
                    self.one_of("fee_sign", word, &[("paid_above_zero", false), ("paid_below_zero", true)])?
                }
            },
            instruments: self.instruments(&fields.instruments.unwrap_or_default())?,
            account: fields.account.map(|account| self.asset("account.quote", &account.quote)).transpose()?,
            instance: match &fields.instance {
                None => StrategyInstanceId::new("history").map_err(|_| InputProblem::new(self.file, Rule::NotAName))?,
                Some(text) => {
                    self.parsed("instance", text, |t| StrategyInstanceId::new(t).map_err(|_| Rule::NotAName))?
                }
            },
            shorting: match &fields.shorting {
                None => None,
                Some(word) => Some(self.one_of("shorting", word, &[("true", true), ("false", false)])?),
            },
            opening: self.opening(&fields.opening.unwrap_or_default())?,
        })
    }

    fn symbols(&self, fields: BTreeMap<String, Text>) -> Result<BTreeMap<String, Symbol>, InputProblem> {
        let symbol = |name: &str, text: &Text| {
            self.parsed(&format!("symbols.{name}"), text, |t| t.parse().map_err(|_| Rule::NotASymbol))
        };
        fields.into_iter().map(|(name, text)| Ok((name.clone(), symbol(&name, &text)?))).collect()
    }

    fn instruments(
        &self,
        fields: &BTreeMap<String, serde_saphyr::Spanned<super::map_fields::InstrumentFields>>,
    ) -> Result<BTreeMap<Symbol, Rules>, InputProblem> {
        let mut instruments = BTreeMap::new();
        for (name, entry) in fields {
            let field = format!("instruments.{name}");
            let symbol: Symbol = name.parse().map_err(|_| {
                let problem = InputProblem::new(self.file, Rule::NotASymbol).field(&field).value(name);
                problem.on_line(entry.referenced.line())
            })?;
            let tick = entry.value.tick.as_ref().map(|text| self.price(&format!("{field}.tick"), text)).transpose()?;
            let lot = entry.value.lot.as_ref().map(|text| self.quantity(&format!("{field}.lot"), text)).transpose()?;
            instruments.insert(symbol, Rules { tick, lot });
        }
        Ok(instruments)
    }

    fn opening(&self, fields: &[serde_saphyr::Spanned<OpeningFields>]) -> Result<Vec<Opening>, InputProblem> {
        let mut openings: Vec<Opening> = Vec::new();
        for (index, entry) in fields.iter().enumerate() {
            let field = |name: &str| format!("opening[{index}].{name}");
            let OpeningFields { symbol, quantity, price, at, position } = &entry.value;
            let size = self.number(&field("quantity"), quantity)?;
            let opening = Opening {
                symbol: self.parsed(&field("symbol"), symbol, |t| t.parse().map_err(|_| Rule::NotASymbol))?,
                side: if size < Decimal::ZERO { Side::Sell } else { Side::Buy },
                quantity: Quantity::new(size.abs())
                    .map_err(|error| self.at(&field("quantity"), quantity, Rule::Amount(error)))?,
                price: self.price(&field("price"), price)?,
                at: time::parse(&at.value).map_err(|fault| self.at(&field("at"), at, Rule::Time(fault)))?.0,
                position: position
                    .as_ref()
                    .map(|text| {
                        let key = |t: &str| PositionKey::new(t).map_err(|_| Rule::NotAName);
                        self.parsed(&field("position"), text, key)
                    })
                    .transpose()?,
                line: entry.referenced.line(),
            };
            let again = |known: &Opening| known.symbol == opening.symbol && known.position == opening.position;
            if openings.iter().any(again) {
                return Err(self.at(&field("symbol"), symbol, Rule::ListedTwice));
            }
            openings.push(opening);
        }
        Ok(openings)
    }

    fn decimals(&self, field: &str, text: Option<&Text>) -> Result<Option<u32>, InputProblem> {
        let Some(text) = text else { return Ok(None) };
        let max = u64::from(DECIMALS_MAX);
        let places = number::parse_whole(&text.value, 0, max).and_then(|places| u32::try_from(places).ok());
        places.map(Some).ok_or_else(|| self.at(field, text, Rule::NotWhole { min: 0, max }))
    }

    fn asset(&self, field: &str, text: &Text) -> Result<Asset, InputProblem> {
        self.parsed(field, text, |t| Asset::new(t).map_err(|_| Rule::NotAnAsset))
    }

    fn number(&self, field: &str, text: &Text) -> Result<Decimal, InputProblem> {
        self.parsed(field, text, |t| number::parse(t).map_err(Rule::Number))
    }

    fn price(&self, field: &str, text: &Text) -> Result<Price, InputProblem> {
        Price::new(self.number(field, text)?).map_err(|error| self.at(field, text, Rule::Amount(error)))
    }

    fn quantity(&self, field: &str, text: &Text) -> Result<Quantity, InputProblem> {
        Quantity::new(self.number(field, text)?).map_err(|error| self.at(field, text, Rule::Amount(error)))
    }

    fn one_of<T: Copy>(&self, field: &str, text: &Text, words: &[(&'static str, T)]) -> Result<T, InputProblem> {
        let found = words.iter().find(|(word, _)| *word == text.value);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            self.at(field, text, Rule::NotOneOf { allowed: words.iter().map(|(word, _)| *word).collect() })
        })
    }

    fn parsed<T>(&self, field: &str, text: &Text, parse: impl Fn(&str) -> Result<T, Rule>) -> Result<T, InputProblem> {
        parse(&text.value).map_err(|rule| self.at(field, text, rule))
    }

    fn at(&self, field: &str, text: &Text, rule: Rule) -> InputProblem {
        InputProblem::new(self.file, rule).on_line(text.referenced.line()).field(field).value(&text.value)
    }
}

/// `columns:` on its way to [`Rows`]: which must be there, and which cannot stand beside each other.
struct Columns<'a> {
    checker: &'a Checker<'a>,
    fields: &'a ColumnFields,
    line: u64,
}

impl Columns<'_> {
    fn read(&self, trips: bool) -> Result<(Rows, Common), InputProblem> {
        let f = self.fields;
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
        let common = Common {
            trade_id: text(&f.trade_id),
            order_id: text(&f.order_id),
            position: text(&f.position),
            liquidity: text(&f.liquidity),
        };
        let legs = [
            ("entry_time", &f.entry_time),
            ("entry_price", &f.entry_price),
            ("entry_fee", &f.entry_fee),
            ("entry_fee_rate", &f.entry_fee_rate),
            ("exit_time", &f.exit_time),
            ("exit_price", &f.exit_price),
            ("exit_fee", &f.exit_fee),
            ("exit_fee_rate", &f.exit_fee_rate),
        ];
        let swap = [
            ("buy_quantity", &f.buy_quantity),
            ("buy_asset", &f.buy_asset),
            ("sell_quantity", &f.sell_quantity),
            ("sell_asset", &f.sell_asset),
        ];
        let priced = [
            ("symbol", &f.symbol),
            ("base", &f.base),
            ("quote", &f.quote),
            ("side", &f.side),
            ("price", &f.price),
            ("quantity", &f.quantity),
            ("amount", &f.amount),
        ];
        if trips {
            let single = [
                ("time", &f.time),
                ("price", &f.price),
                ("amount", &f.amount),
                ("fee", &f.fee),
                ("fee_rate", &f.fee_rate),
                ("order_id", &f.order_id),
                ("position", &f.position),
            ];
            self.none_of(&single, "rows: round_trips")?;
            self.none_of(&swap, "rows: round_trips")?;
            let rows = RoundTrips {
                symbol: self.symbol()?,
                side: text(&f.side),
                quantity: self.need("quantity", &f.quantity)?,
                entry: Leg {
                    time: self.need("entry_time", &f.entry_time)?,
                    price: self.need("entry_price", &f.entry_price)?,
                    fee: self.fee(&f.entry_fee, ("entry_fee_rate", &f.entry_fee_rate))?,
                },
                exit: Leg {
                    time: self.need("exit_time", &f.exit_time)?,
                    price: self.need("exit_price", &f.exit_price)?,
                    fee: self.fee(&f.exit_fee, ("exit_fee_rate", &f.exit_fee_rate))?,
                },
            };
            return Ok((Rows::RoundTrips(rows), common));
        }
        self.none_of(&legs, "rows: trades")?;
        let time = self.need("time", &f.time)?;
        let fee = self.fee(&f.fee, ("fee_rate", &f.fee_rate))?;
        if swap.iter().any(|(_, column)| column.is_some()) {
            self.none_of(&priced, "the columns of a swap (buy_quantity, buy_asset, sell_quantity, sell_asset)")?;
            let rows = Swapped {
                time,
                buy_quantity: self.need("buy_quantity", &f.buy_quantity)?,
                buy_asset: self.need("buy_asset", &f.buy_asset)?,
                sell_quantity: self.need("sell_quantity", &f.sell_quantity)?,
                sell_asset: self.need("sell_asset", &f.sell_asset)?,
                fee,
            };
            return Ok((Rows::Swapped(rows), common));
        }
        if f.price.is_none() && f.amount.is_none() {
            return Err(self.missing("price", Rule::MissingFor { by: "a trade without `amount`" }));
        }
        let rows = Priced {
            time,
            symbol: self.symbol()?,
            side: text(&f.side),
            price: text(&f.price),
            quantity: self.need("quantity", &f.quantity)?,
            amount: text(&f.amount),
            fee,
        };
        Ok((Rows::Priced(rows), common))
    }

    fn symbol(&self) -> Result<SymbolColumns, InputProblem> {
        let f = self.fields;
        if f.base.is_none() && f.quote.is_none() {
            return Ok(SymbolColumns::One(self.need("symbol", &f.symbol)?));
        }
        self.none_of(&[("symbol", &f.symbol)], "base and quote")?;
        Ok(SymbolColumns::Two(self.need("base", &f.base)?, self.need("quote", &f.quote)?))
    }

    fn fee(
        &self,
        fee: &Option<Text>,
        (rate_name, rate): (&'static str, &Option<Text>),
    ) -> Result<FeeColumns, InputProblem> {
        let asset = self.fields.fee_asset.as_ref().map(|text| text.value.clone());
        match (fee, rate) {
            (Some(_), Some(_)) => {
                self.none_of(&[(rate_name, rate)], "an amount of fee")?;
                Ok(FeeColumns::None)
            }
            (Some(fee), None) => Ok(FeeColumns::Amount { fee: fee.value.clone(), asset }),
            (None, Some(rate)) => Ok(FeeColumns::Rate(rate.value.clone())),
            (None, None) => Ok(FeeColumns::None),
        }
    }

    fn need(&self, name: &'static str, column: &Option<Text>) -> Result<String, InputProblem> {
        let text = column.as_ref().map(|text| text.value.clone());
        text.ok_or_else(|| self.missing(name, Rule::Missing))
    }

    fn missing(&self, name: &str, rule: Rule) -> InputProblem {
        InputProblem::new(self.checker.file, rule).on_line(self.line).field(format!("columns.{name}"))
    }

    fn none_of(&self, columns: &[(&'static str, &Option<Text>)], other: &'static str) -> Result<(), InputProblem> {
        for (name, column) in columns {
            if let Some(text) = column {
                return Err(self.checker.at(&format!("columns.{name}"), text, Rule::Excludes { other }));
            }
        }
        Ok(())
    }
}
