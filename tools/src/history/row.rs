//! One row of a history, cell by cell.

use std::path::Path;

use retrace_core::amount::{AmountError, DECIMALS_MAX, Money, Price, Quantity};
use retrace_core::exact::{self, Rounding};
use retrace_core::ids::{ConnectorOrderId, PositionKey, TradeId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side;
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;
use rust_decimal::Decimal;

use super::cells;
use super::legs::Movement;
use super::map::{Decimals, FeeColumns, Leg, Legs, Priced, RoundTrips, Swapped, SymbolColumns, TradeMap};
use super::read::{Part, Parts, Row, find};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::time::{self, TimeFormat};

/// How to keep digits that floating point left over.
const ROUND: &str = "such digits are mostly left over from floating point: \
                     `decimals: {price: 12, quantity: 12, fee: 12}` in the map rounds them, half to even";

/// What to do about two assets of which neither is a quote.
const ADD_A_QUOTE: &str = "add the asset that the other is priced in to `quotes:` in the map";

/// Whether getting `bought` for `sold` is a purchase or a sale: the earlier of `quotes` is what the other is priced in.
/// `None` where neither is one.
pub(super) fn side_of_swap(quotes: &[Asset], bought: &Asset, sold: &Asset) -> Option<Side> {
    let rank = |asset: &Asset| quotes.iter().position(|quote| quote == asset);
    match (rank(bought), rank(sold)) {
        (None, None) => None,
        (Some(_), None) => Some(Side::Sell),
        (None, Some(_)) => Some(Side::Buy),
        (Some(got), Some(given)) => Some(if got < given { Side::Sell } else { Side::Buy }),
    }
}

/// A problem with an amount, with what the map can do about it.
#[expect(clippy::wildcard_enum_match_arm, reason = "most rules say all there is to say")]
pub(super) fn advised(problem: InputProblem) -> InputProblem {
    match problem.rule() {
        Rule::NotCountable { .. } | Rule::Amount(AmountError::TooManyDecimals { .. }) => problem.with_hint(ROUND),
        Rule::InexactPrice { .. } => {
            problem.with_hint("`decimals: {price: 12}` in the map rounds such prices, half to even")
        }
        Rule::NoQuote { .. } => problem.with_hint(ADD_A_QUOTE),
        _ => problem,
    }
}

/// What was paid over what was bought, and whether that was rounded.
pub(super) fn price_of(decimals: Decimals, paid: Decimal, quantity: Quantity) -> Result<(Price, bool), Rule> {
    let places = decimals.price.unwrap_or(DECIMALS_MAX);
    let quotient = exact::mul_div(paid, Decimal::ONE, quantity.value(), places, Rounding::HalfEven)
        .map_err(|inexact| Rule::NotCountable { reason: inexact.to_string() })?;
    let rounded = exact::mul(quotient, quantity.value()) != Ok(paid.normalize());
    if rounded && decimals.price.is_none() {
        return Err(Rule::InexactPrice { quantity: quantity.value() });
    }
    Ok((Price::new(quotient).map_err(Rule::Amount)?, rounded))
}

/// Whether a fee can be booked: one in base is counted like a quantity, and must leave something of a purchase.
pub(super) fn fee_fits(
    symbol: &Symbol,
    side: Side,
    quantity: Quantity,
    fee: Decimal,
    asset: &Asset,
) -> Result<(), Rule> {
    if asset != symbol.base() {
        return Ok(());
    }
    if fee.normalize().scale() > DECIMALS_MAX {
        return Err(Rule::Amount(AmountError::TooManyDecimals { value: fee }));
    }
    let takes_all = side == Side::Buy && fee >= quantity.value();
    if takes_all { Err(Rule::FeeTakesAll { quantity }) } else { Ok(()) }
}

/// A row on its way to a [`Row`].
pub(super) struct Cells<'a> {
    pub(super) path: &'a Path,
    pub(super) line: u64,
    pub(super) header: &'a csv::StringRecord,
    pub(super) record: &'a csv::StringRecord,
    pub(super) map: &'a TradeMap,
    /// How the file writes its times: all of them alike.
    pub(super) format: &'a mut Option<TimeFormat>,
    pub(super) rounded: &'a mut u64,
}

/// What of a value the map may round.
#[derive(Clone, Copy)]
enum Kind {
    Price,
    Quantity,
    Fee,
}

impl Cells<'_> {
    /// The row that tells of these trades, with what any row may have.
    pub(super) fn row(&self, (symbol, parts): (Symbol, Parts)) -> Result<Row, InputProblem> {
        let common = &self.map.common;
        Ok(Row {
            line: self.line,
            id: self.name(common.trade_id.as_deref(), TradeId::new)?,
            order: self.name(common.order_id.as_deref(), ConnectorOrderId::new)?,
            position: self.name(common.position.as_deref(), PositionKey::new)?,
            liquidity: match &common.liquidity {
                None => Liquidity::Unknown,
                Some(column) => self.liquidity(column)?,
            },
            symbol,
            parts,
        })
    }

    pub(super) fn priced(&mut self, columns: &Priced) -> Result<(Symbol, Parts), InputProblem> {
        let at = self.time(&columns.time)?;
        let amount = columns.amount.as_deref();
        let symbol = self.symbol(&columns.symbol, Some(&columns.quantity), amount)?;
        let size = self.quantity(&columns.quantity, symbol.base())?;
        let side = match &columns.side {
            Some(column) => self.side(column)?,
            None if size < Decimal::ZERO => Side::Sell,
            None => Side::Buy,
        };
        // Without a column for the side a sale stands below zero; beside one, only above zero makes sense.
        let size = if columns.side.is_none() { size.abs() } else { size };
        let quantity =
            Quantity::new(size).map_err(|error| self.amount_problem(&columns.quantity, Rule::Amount(error)))?;
        let paid =
            amount.map(|column| self.amount_of(column, symbol.quote()).map(|paid| (column, paid))).transpose()?;
        let price = match (&columns.price, paid) {
            (Some(column), _) => self.price(column, symbol.quote())?,
            (None, Some((column, paid))) => self.price_of(column, paid.abs(), quantity)?,
            (None, None) => return Err(self.problem(Rule::Missing).field("price")),
        };
        let (fee, fee_asset) = self.fee(&columns.fee, &symbol, side, price, quantity)?;
        Ok((symbol, Parts::Trade(Part { at, side, price, quantity, fee, fee_asset })))
    }

    pub(super) fn swapped(&mut self, columns: &Swapped) -> Result<(Symbol, Parts), InputProblem> {
        let at = self.time(&columns.time)?;
        let (bought, sold) = (self.asset(&columns.buy_asset)?, self.asset(&columns.sell_asset)?);
        let Some(side) = side_of_swap(&self.map.quotes, &bought, &sold) else {
            let quotes = self.map.quotes.clone();
            return Err(advised(self.problem(Rule::NoQuote { bought, sold, quotes }).field(&columns.buy_asset)));
        };
        let (base, quote, quantity_column, amount_column) = match side {
            Side::Buy => (bought, sold, &columns.buy_quantity, &columns.sell_quantity),
            Side::Sell => (sold, bought, &columns.sell_quantity, &columns.buy_quantity),
        };
        let symbol = self.pair(&columns.buy_asset, base.as_str(), quote.as_str())?;
        let size = self.quantity(quantity_column, &base)?;
        let quantity =
            Quantity::new(size).map_err(|error| self.amount_problem(quantity_column, Rule::Amount(error)))?;
        let paid = self.amount_of(amount_column, &quote)?;
        let price = self.price_of(amount_column, paid, quantity)?;
        let (fee, fee_asset) = self.fee(&columns.fee, &symbol, side, price, quantity)?;
        Ok((symbol, Parts::Trade(Part { at, side, price, quantity, fee, fee_asset })))
    }

    pub(super) fn round_trip(&mut self, columns: &RoundTrips) -> Result<(Symbol, Parts), InputProblem> {
        let symbol = self.symbol(&columns.symbol, Some(&columns.quantity), None)?;
        let size = self.quantity(&columns.quantity, symbol.base())?;
        let quantity =
            Quantity::new(size).map_err(|error| self.amount_problem(&columns.quantity, Rule::Amount(error)))?;
        let side = match &columns.side {
            Some(column) => self.side(column)?,
            None => Side::Buy,
        };
        let entry = self.leg(&columns.entry, &symbol, side, quantity)?;
        let exit = self.leg(&columns.exit, &symbol, side.opposite(), quantity)?;
        if exit.at < entry.at {
            return Err(self.at(&columns.exit.time, Rule::ExitBeforeEntry { entry: entry.at }));
        }
        Ok((symbol, Parts::RoundTrip(entry, exit)))
    }

    /// One movement of an asset: a side of a trade, or its fee.
    pub(super) fn movement(&mut self, columns: &Legs) -> Result<Movement, InputProblem> {
        let word = self.text(&columns.kind)?.to_lowercase();
        let fee = columns.fee.contains(&word);
        if !fee && !columns.trade.contains(&word) {
            let rule = Rule::NotAKind { trade: columns.trade.clone(), fee: columns.fee.clone() };
            return Err(self.at(&columns.kind, rule).with_hint(
                "name the file's own words under `kinds:` in the map, and leave other rows out with `where:`",
            ));
        }
        let at = self.time(&columns.time)?;
        let asset = self.asset(&columns.asset)?;
        let amount = self.amount_of(&columns.amount, &asset)?;
        let amount = self.round(amount, if fee { Kind::Fee } else { Kind::Quantity });
        let common = &self.map.common;
        let id = self.name(common.trade_id.as_deref(), TradeId::new)?;
        let id = id.ok_or_else(|| self.problem(Rule::Missing).field("trade_id"))?;
        let order = self.name(common.order_id.as_deref(), ConnectorOrderId::new)?;
        Ok(Movement { line: self.line, id, order, at, fee, amount, asset })
    }

    fn leg(&mut self, leg: &Leg, symbol: &Symbol, side: Side, quantity: Quantity) -> Result<Part, InputProblem> {
        let at = self.time(&leg.time)?;
        let price = self.price(&leg.price, symbol.quote())?;
        let (fee, fee_asset) = self.fee(&leg.fee, symbol, side, price, quantity)?;
        Ok(Part { at, side, price, quantity, fee, fee_asset })
    }

    /// The fee and its asset. A fee that is said without one is in the quote.
    fn fee(
        &mut self,
        columns: &FeeColumns,
        symbol: &Symbol,
        side: Side,
        price: Price,
        quantity: Quantity,
    ) -> Result<(Money, Asset), InputProblem> {
        let (value, asset, column) = match columns {
            FeeColumns::None => return Ok((Money::ZERO, symbol.quote().clone())),
            FeeColumns::Rate(column) => {
                let rate = self.number(column)?;
                let notional = quantity.notional(price).map(Money::value);
                let product = notional.and_then(|notional| match self.map.decimals.fee {
                    Some(places) => exact::mul_div(notional, rate, Decimal::ONE, places, Rounding::HalfEven)
                        .map(|fee| (fee, exact::mul(notional, rate) != Ok(fee))),
                    None => exact::mul(notional, rate).map(|fee| (fee, false)),
                });
                let (fee, rounded) = product.map_err(|inexact| {
                    self.amount_problem(column, Rule::NotCountable { reason: inexact.to_string() })
                })?;
                *self.rounded += u64::from(rounded);
                (fee, symbol.quote().clone(), column)
            }
            FeeColumns::Amount { fee: column, asset } => {
                let text = self.cell(column)?;
                if text.is_empty() {
                    return Ok((Money::ZERO, symbol.quote().clone()));
                }
                let (value, behind) = cells::glued(text, &[symbol.base(), symbol.quote()])
                    .map_err(|fault| self.at(column, Rule::Number(fault)))?;
                let named = match asset {
                    Some(asset) if !self.cell(asset)?.is_empty() => Some(self.asset(asset)?),
                    Some(_) | None => None,
                };
                if let (Some(found), Some(expected)) = (&behind, &named)
                    && found != expected
                {
                    let rule = Rule::OtherAsset { found: found.clone(), expected: expected.clone() };
                    return Err(self.at(column, rule));
                }
                let asset = behind.or(named).unwrap_or_else(|| symbol.quote().clone());
                let value = self.round(value, Kind::Fee);
                (if self.map.paid_below_zero { -value } else { value }, asset, column)
            }
        };
        fee_fits(symbol, side, quantity, value, &asset).map_err(|rule| self.amount_problem(column, rule))?;
        Ok((Money::new(value), asset))
    }

    /// The symbol, from two columns, from one with a separator, by the map's list, by an asset written behind the
    /// amount or quantity, or by the map's quotes.
    fn symbol(
        &self,
        columns: &SymbolColumns,
        quantity: Option<&str>,
        amount: Option<&str>,
    ) -> Result<Symbol, InputProblem> {
        let column = match columns {
            SymbolColumns::Two(base_column, quote_column) => {
                let (base, quote) = (self.asset(base_column)?, self.asset(quote_column)?);
                return self.pair(base_column, base.as_str(), quote.as_str());
            }
            SymbolColumns::One(column) => column,
        };
        let text = self.text(column)?;
        if let Some(symbol) = self.map.symbols.get(text) {
            return Ok(symbol.clone());
        }
        let upper = text.to_ascii_uppercase();
        let parts: Vec<&str> = upper.split(['/', '-', '_']).collect();
        if let [base, quote] = parts.as_slice() {
            return self.pair(column, base, quote);
        }
        let behind = |column: Option<&str>| {
            let text = self.cell(column?).ok()?;
            cells::glued(text, &[]).ok()?.1
        };
        let split =
            |quote: &Asset| upper.strip_suffix(quote.as_str()).filter(|base| !base.is_empty()).map(str::to_owned);
        let by_amount = behind(amount).and_then(|quote| Some((split(&quote)?, quote.to_string())));
        let by_quantity = || {
            let base = behind(quantity)?;
            let quote = upper.strip_prefix(base.as_str()).filter(|quote| !quote.is_empty())?;
            Some((base.to_string(), quote.to_owned()))
        };
        let by_list = || self.map.quotes.iter().find_map(|quote| Some((split(quote)?, quote.to_string())));
        let Some((base, quote)) = by_amount.or_else(by_quantity).or_else(by_list) else {
            let problem = self.at(column, Rule::UnknownQuote { quotes: self.map.quotes.clone() });
            return Err(problem.with_hint("add its second asset to `quotes:` in the map, or the symbol to `symbols:`"));
        };
        self.pair(column, &base, &quote)
    }

    fn pair(&self, column: &str, base: &str, quote: &str) -> Result<Symbol, InputProblem> {
        if base == quote {
            return Err(self.at(column, Rule::NotASymbol));
        }
        format!("{base}/{quote}").parse().map_err(|_| self.at(column, Rule::NotASymbol))
    }

    fn price_of(&mut self, column: &str, paid: Decimal, quantity: Quantity) -> Result<Price, InputProblem> {
        let (price, rounded) =
            price_of(self.map.decimals, paid, quantity).map_err(|rule| self.amount_problem(column, rule))?;
        *self.rounded += u64::from(rounded);
        Ok(price)
    }

    fn price(&mut self, column: &str, quote: &Asset) -> Result<Price, InputProblem> {
        let value = self.amount_of(column, quote)?;
        let value = self.round(value, Kind::Price);
        Price::new(value).map_err(|error| self.amount_problem(column, Rule::Amount(error)))
    }

    fn quantity(&mut self, column: &str, base: &Asset) -> Result<Decimal, InputProblem> {
        let value = self.amount_of(column, base)?;
        Ok(self.round(value, Kind::Quantity))
    }

    /// An amount; the asset written behind it, if one is, must be `asset`.
    fn amount_of(&self, column: &str, asset: &Asset) -> Result<Decimal, InputProblem> {
        let text = self.text(column)?;
        let (value, behind) = cells::glued(text, &[asset]).map_err(|fault| self.at(column, Rule::Number(fault)))?;
        match behind {
            Some(found) if found != *asset => Err(self.at(column, Rule::OtherAsset { found, expected: asset.clone() })),
            Some(_) | None => Ok(value),
        }
    }

    fn number(&self, column: &str) -> Result<Decimal, InputProblem> {
        cells::amount(self.text(column)?).map_err(|fault| self.at(column, Rule::Number(fault)))
    }

    fn round(&mut self, value: Decimal, kind: Kind) -> Decimal {
        let decimals = match kind {
            Kind::Price => self.map.decimals.price,
            Kind::Quantity => self.map.decimals.quantity,
            Kind::Fee => self.map.decimals.fee,
        };
        let (value, changed) = cells::rounded(value, decimals);
        *self.rounded += u64::from(changed);
        value
    }

    fn time(&mut self, column: &str) -> Result<Timestamp, InputProblem> {
        let (at, found) = time::parse(self.text(column)?).map_err(|fault| self.at(column, Rule::Time(fault)))?;
        let first = *self.format.get_or_insert(found);
        if found != first {
            return Err(self.at(column, Rule::MixedTimes { found, first }));
        }
        Ok(at)
    }

    fn side(&self, column: &str) -> Result<Side, InputProblem> {
        let word = self.text(column)?.to_lowercase();
        let sides = &self.map.sides;
        if sides.buy.contains(&word) {
            Ok(Side::Buy)
        } else if sides.sell.contains(&word) {
            Ok(Side::Sell)
        } else {
            let problem = self.at(column, Rule::NotASide { buy: sides.buy.clone(), sell: sides.sell.clone() });
            Err(problem.with_hint(
                "name the file's own words under `sides:` in the map, or leave other rows out with `where:`",
            ))
        }
    }

    /// Maker or taker; a column such as `isMaker` answers with true or false.
    fn liquidity(&self, column: &str) -> Result<Liquidity, InputProblem> {
        match self.cell(column)?.to_lowercase().as_str() {
            "" => Ok(Liquidity::Unknown),
            "maker" | "true" | "m" => Ok(Liquidity::Maker),
            "taker" | "false" | "t" => Ok(Liquidity::Taker),
            _ => Err(self.at(column, Rule::NotOneOf { allowed: vec!["maker", "taker", "true", "false"] })),
        }
    }

    fn asset(&self, column: &str) -> Result<Asset, InputProblem> {
        cells::asset_named(self.text(column)?).ok_or_else(|| self.at(column, Rule::NotAnAsset))
    }

    fn name<T, E>(&self, column: Option<&str>, new: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, InputProblem> {
        let Some(column) = column else { return Ok(None) };
        new(self.text(column)?).map(Some).map_err(|_| self.at(column, Rule::NotAName))
    }

    fn text(&self, column: &str) -> Result<&str, InputProblem> {
        match self.cell(column)? {
            "" => Err(self.problem(Rule::Empty).field(column)),
            text => Ok(text),
        }
    }

    fn cell(&self, column: &str) -> Result<&str, InputProblem> {
        let index = find(self.path, self.header, column)?;
        Ok(self.record.get(index).unwrap_or_default())
    }

    fn problem(&self, rule: Rule) -> InputProblem {
        InputProblem::new(self.path, rule).on_line(self.line)
    }

    fn at(&self, column: &str, rule: Rule) -> InputProblem {
        self.problem(rule).field(column).value(self.cell(column).unwrap_or_default())
    }

    /// The same with what the map can do about it.
    fn amount_problem(&self, column: &str, rule: Rule) -> InputProblem {
        advised(self.at(column, rule))
    }
}
