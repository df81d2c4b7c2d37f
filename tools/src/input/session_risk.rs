//! `risk:` of a session file: what the risk gate lets through.

use std::collections::BTreeMap;

use retrace_core::amount::{Money, Quantity};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::policy::{RiskLimits, SymbolLimits};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::input::directives::symbols;
use crate::input::number;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::session::Checker;
use crate::input::yaml::Text;

/// No limit counts more orders than this: a minute's orders are kept one by one.
const ORDERS_MAX: u64 = 10_000;

/// `risk:`; what is left out is no limit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RiskFields {
    symbols: Option<BTreeMap<String, Spanned<SymbolLimitFields>>>,
    max_order_notional: Option<Text>,
    max_account_position: Option<Text>,
    price_collar: Option<Text>,
    max_orders_per_minute: Option<Text>,
    max_open_orders: Option<Text>,
}

/// One entry of `symbols:` in it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SymbolLimitFields {
    max_order_quantity: Option<Text>,
    max_position: Option<Text>,
}

impl Checker<'_> {
    /// The limits of `fields`, for a session with these instruments.
    pub(super) fn risk(&self, fields: &RiskFields, instruments: &[Instrument]) -> Result<RiskLimits, InputProblem> {
        let mut limits = Vec::new();
        for (name, entry) in fields.symbols.iter().flatten() {
            let field = format!("risk.symbols.{name}");
            let here =
                |rule| InputProblem::new(self.file, rule).field(&field).value(name).on_line(entry.referenced.line());
            let symbol: Symbol = name.parse().map_err(|_| here(Rule::NotASymbol))?;
            let instrument = instruments.iter().find(|instrument| instrument.symbol == symbol);
            let instrument = instrument.ok_or_else(|| here(Rule::UnknownSymbol { known: symbols(instruments) }))?;
            let quantity = |name: &str, text: Option<&Text>| self.largest(&format!("{field}.{name}"), text, instrument);
            let max_order_quantity = quantity("max_order_quantity", entry.value.max_order_quantity.as_ref())?;
            let max_position = quantity("max_position", entry.value.max_position.as_ref())?;
            if max_order_quantity.is_some() || max_position.is_some() {
                limits.push(SymbolLimits { symbol, max_order_quantity, max_position });
            }
        }
        limits.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        let price_collar = fields.price_collar.as_ref().map(|text| {
            self.bounded("risk.price_collar", text, "above 0 and at most 1, with at most 8 decimals", |n| {
                n > Decimal::ZERO && n <= Decimal::ONE
            })
        });
        Ok(RiskLimits {
            symbols: limits,
            max_order_notional: self.largest_money("risk.max_order_notional", fields.max_order_notional.as_ref())?,
            max_account_position: self
                .largest_money("risk.max_account_position", fields.max_account_position.as_ref())?,
            price_collar: price_collar.transpose()?,
            max_orders_per_minute: self.orders("risk.max_orders_per_minute", fields.max_orders_per_minute.as_ref())?,
            max_open_orders: self.orders("risk.max_open_orders", fields.max_open_orders.as_ref())?,
        })
    }

    /// A quantity of whole lots: one between two lots, or below the first, is not what anyone meant.
    fn largest(
        &self,
        field: &str,
        text: Option<&Text>,
        instrument: &Instrument,
    ) -> Result<Option<Quantity>, InputProblem> {
        let Some(text) = text else { return Ok(None) };
        let quantity = Quantity::new(self.number(field, text)?);
        let quantity = quantity.map_err(|error| self.at(field, text, Rule::Amount(error)))?;
        if instrument.on_lot(quantity) {
            Ok(Some(quantity))
        } else {
            Err(self.at(field, text, Rule::OffLot { lot: instrument.lot }))
        }
    }

    fn largest_money(&self, field: &str, text: Option<&Text>) -> Result<Option<Money>, InputProblem> {
        let Some(text) = text else { return Ok(None) };
        let money = self.money(field, text)?;
        if money.value().is_zero() {
            return Err(self.at(field, text, Rule::OutOfBounds { bounds: "above zero; leave it out for no limit" }));
        }
        Ok(Some(money))
    }

    fn orders(&self, field: &str, text: Option<&Text>) -> Result<Option<u32>, InputProblem> {
        let Some(text) = text else { return Ok(None) };
        let count = number::parse_whole(&text.value, 1, ORDERS_MAX).and_then(|count| u32::try_from(count).ok());
        let rule = Rule::NotWhole { min: 1, max: ORDERS_MAX };
        Ok(Some(count.ok_or_else(|| self.at(field, text, rule))?))
    }
}
