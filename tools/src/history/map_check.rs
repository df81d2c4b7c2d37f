//! A map on its way from its YAML to a [`TradeMap`]: every value checked, every problem with its field and line.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::amount::{DECIMALS_MAX, Price, Quantity};
use retrace_core::ids::{PositionKey, StrategyInstanceId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side;
use rust_decimal::Decimal;
use serde_saphyr::Spanned;

use super::map::{Decimals, Opening, RowOrder, Rules, Sides, TradeMap};
use super::map_columns::{Columns, RowKind};
use super::map_fields::{InstrumentFields, MapFields, OpeningFields};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::yaml::{self, Text};
use crate::input::{number, time};

/// Where each key is explained.
const EXPLAINED: &str = "docs/trade-histories.md explains every key of a map";

/// The map that `text` is; `file` names it in messages.
pub(super) fn check(file: &Path, text: &str) -> Result<TradeMap, InputProblem> {
    Checker { file }.map(yaml::parse(file, text, EXPLAINED)?, text)
}

/// Checks what stands in a map.
pub(super) struct Checker<'a> {
    pub(super) file: &'a Path,
}

impl Checker<'_> {
    fn map(&self, fields: MapFields, text: &str) -> Result<TradeMap, InputProblem> {
        let kind = match &fields.rows {
            None => RowKind::Trades,
            Some(word) => {
                let words =
                    [("trades", RowKind::Trades), ("round_trips", RowKind::RoundTrips), ("legs", RowKind::Legs)];
                self.one_of("rows", word, &words)?
            }
        };
        let trips = kind == RowKind::RoundTrips;
        let words = |words: &[Text]| words.iter().map(|word| word.value.to_lowercase()).collect::<Vec<_>>();
        if fields.kinds.is_some() && kind != RowKind::Legs {
            let problem = InputProblem::new(self.file, Rule::Excludes { other: "rows other than legs" });
            return Err(problem.field("kinds"));
        }
        let kinds = match &fields.kinds {
            Some(kinds) => (words(&kinds.trade), words(&kinds.fee)),
            None => (vec!["trade".into()], vec!["fee".into()]),
        };
        let columns = Columns { checker: self, fields: &fields.columns.value, line: fields.columns.referenced.line() };
        let (rows, common) = columns.read(kind, kinds)?;
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
        let sides = match &fields.sides {
            Some(sides) => Sides { buy: words(&sides.buy), sell: words(&sides.sell) },
            None if trips => {
                Sides { buy: vec!["long".into(), "buy".into()], sell: vec!["short".into(), "sell".into()] }
            }
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
                Some(word) if kind == RowKind::Legs => {
                    return Err(self.at("fee_sign", word, Rule::Excludes { other: "rows: legs" }));
                }
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
        fields: &BTreeMap<String, Spanned<InstrumentFields>>,
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

    fn opening(&self, fields: &[Spanned<OpeningFields>]) -> Result<Vec<Opening>, InputProblem> {
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

    pub(super) fn at(&self, field: &str, text: &Text, rule: Rule) -> InputProblem {
        InputProblem::new(self.file, rule).on_line(text.referenced.line()).field(field).value(&text.value)
    }
}
