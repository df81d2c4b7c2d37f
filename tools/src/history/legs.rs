//! Account statements: a trade is what came, what went and what was charged, each a row, held together by a trade id.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::amount::{Money, Quantity};
use retrace_core::ids::{ConnectorOrderId, TradeId};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side;
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;
use rust_decimal::Decimal;

use super::map::{Legs, TradeMap};
use super::read::{Part, Parts, Row};
use super::row::{advised, fee_fits, price_of, side_of_swap};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// One row: a movement of one asset.
#[derive(Clone, Debug)]
pub(super) struct Movement {
    pub(super) line: u64,
    pub(super) id: TradeId,
    pub(super) order: Option<ConnectorOrderId>,
    pub(super) at: Timestamp,
    /// A fee; else a side of a trade.
    pub(super) fee: bool,
    /// Above zero for what came, below for what went.
    pub(super) amount: Decimal,
    pub(super) asset: Asset,
}

/// The movements of one trade.
struct Together {
    all: Vec<Movement>,
}

/// Puts movements of one trade id (and order, where there is one) together, each trade at the place of its first row.
///
/// # Errors
/// [`InputProblem`] where a trade has not one side that came and one that went, or fees of several assets.
pub(super) fn together(
    path: &Path,
    map: &TradeMap,
    columns: &Legs,
    movements: Vec<Movement>,
    rounded: &mut u64,
) -> Result<Vec<Row>, InputProblem> {
    let mut places: BTreeMap<(TradeId, Option<ConnectorOrderId>), usize> = BTreeMap::new();
    let mut trades: Vec<Together> = Vec::new();
    for movement in movements {
        let place = *places.entry((movement.id.clone(), movement.order.clone())).or_insert(trades.len());
        match trades.get_mut(place) {
            Some(trade) => trade.all.push(movement),
            None => trades.push(Together { all: vec![movement] }),
        }
    }
    trades.iter().map(|trade| trade.row(path, map, columns, rounded)).collect()
}

impl Together {
    fn row(&self, path: &Path, map: &TradeMap, columns: &Legs, rounded: &mut u64) -> Result<Row, InputProblem> {
        let about = |movement: &Movement, rule: Rule| {
            let problem = InputProblem::new(path, rule).on_line(movement.line).field(&columns.amount);
            advised(problem.value(movement.amount.to_string()))
        };
        let sides = |came: bool| {
            let of = move |leg: &&Movement| !leg.fee && (leg.amount > Decimal::ZERO) == came;
            self.all.iter().filter(of).collect::<Vec<_>>()
        };
        let (came, went) = (sides(true), sides(false));
        let ([came], [went]) = (came.as_slice(), went.as_slice()) else {
            let id = map.common.trade_id.as_deref().unwrap_or("trade_id");
            let rule = Rule::NotTwoSides { came: came.len(), went: went.len() };
            let line = self.all.first().map_or(0, |leg| leg.line);
            let value = self.all.first().map_or_else(String::new, |leg| leg.id.to_string());
            return Err(InputProblem::new(path, rule).on_line(line).field(id).value(value));
        };
        let Some(side) = side_of_swap(&map.quotes, &came.asset, &went.asset) else {
            let (bought, sold, quotes) = (came.asset.clone(), went.asset.clone(), map.quotes.clone());
            return Err(about(came, Rule::NoQuote { bought, sold, quotes }));
        };
        let (base, quote) = if side == Side::Buy { (came, went) } else { (went, came) };
        let pair = Some((&base.asset, &quote.asset)).filter(|(base, quote)| base != quote);
        let symbol = pair.and_then(|(base, quote)| format!("{base}/{quote}").parse::<Symbol>().ok());
        let symbol = symbol.ok_or_else(|| about(base, Rule::NotASymbol))?;
        let quantity = Quantity::new(base.amount.abs()).map_err(|error| about(base, Rule::Amount(error)))?;
        let (price, was_rounded) =
            price_of(map.decimals, quote.amount.abs(), quantity).map_err(|rule| about(quote, rule))?;
        *rounded += u64::from(was_rounded);
        let (fee, fee_asset) = self.fee(&symbol).map_err(|(leg, rule)| about(leg, rule))?;
        if let Some(charged) = self.all.iter().find(|leg| leg.fee) {
            fee_fits(&symbol, side, quantity, fee.value(), &fee_asset).map_err(|rule| about(charged, rule))?;
        }
        Ok(Row {
            line: came.line.min(went.line),
            id: Some(came.id.clone()),
            order: came.order.clone(),
            position: None,
            liquidity: Liquidity::Unknown,
            symbol,
            parts: Parts::Trade(Part { at: came.at.max(went.at), side, price, quantity, fee, fee_asset }),
        })
    }

    /// What was charged in all. A fee that went is one that was paid.
    fn fee(&self, symbol: &Symbol) -> Result<(Money, Asset), (&Movement, Rule)> {
        let mut total = Money::ZERO;
        let mut charged: Option<&Asset> = None;
        for leg in self.all.iter().filter(|leg| leg.fee) {
            let expected = *charged.get_or_insert(&leg.asset);
            if leg.asset != *expected {
                let rule = Rule::OtherAsset { found: leg.asset.clone(), expected: expected.clone() };
                return Err((leg, rule));
            }
            total = total
                .plus(Money::new(-leg.amount))
                .map_err(|inexact| (leg, Rule::NotCountable { reason: inexact.to_string() }))?;
        }
        Ok((total, charged.unwrap_or_else(|| symbol.quote()).clone()))
    }
}
