//! Whether a session's amounts can be counted exactly: told before it begins, not in the middle of a run.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::amount::Quantity;
use retrace_core::directive::{
    Algorithm, ExecutionHint, GroupDirective, GroupOrder, Intent, StopChange, StopLevel, TakeProfitChange,
};
use retrace_core::ids::PlanId;
use retrace_core::instrument::{Instrument, Symbol};
use retrace_replay::tape::Tape;
use rust_decimal::Decimal;

use crate::input::directives::ParsedLine;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// A notional may take this many digits. An amount holds 28; the rest is room for sums, and for the share of a cost
/// that a reduce takes, which for a moment needs a notional's digits and a quantity's together (38).
const NOTIONAL_DIGITS: u32 = 24;
const SHARE_DIGITS: u32 = 37;

/// The largest and the finest of a symbol's prices.
#[derive(Clone, Copy, Default)]
struct Prices {
    highest: Decimal,
    decimals: u32,
}

impl Prices {
    fn note(&mut self, price: Decimal) {
        self.highest = self.highest.max(price);
        self.decimals = self.decimals.max(price.normalize().scale());
    }
}

/// Checks every size of a directive file against the prices it may trade at.
///
/// # Errors
/// [`InputProblem`] at the first size whose notional takes more digits than can be counted exactly.
pub fn check(path: &Path, lines: &[ParsedLine], instruments: &[Instrument], tape: &Tape) -> Result<(), InputProblem> {
    let mut prices: BTreeMap<Symbol, Prices> = BTreeMap::new();
    for instrument in instruments {
        prices.entry(instrument.symbol.clone()).or_default().note(instrument.tick.value());
    }
    for set in tape.sets() {
        let seen = prices.entry(set.symbol.clone()).or_default();
        for bar in &set.bars {
            for price in [bar.open, bar.high, bar.low, bar.close] {
                seen.note(price.value());
            }
        }
    }
    let mut symbols: BTreeMap<&PlanId, &Symbol> = BTreeMap::new();
    // A limit price may be for what any earlier line sized.
    let mut largest: Option<Decimal> = None;
    for parsed in lines.iter().filter_map(ParsedLine::directive) {
        let mut field = "directive.size_directive.target_position_size";
        let (symbol, size, levels) = match &parsed.directive.intent {
            Intent::NewTrade(new) => {
                symbols.extend(new.plan_id.as_ref().map(|plan| (plan, &new.symbol)));
                let stop = new.stop.and_then(price_of);
                let levels = [new.entry.limit_price, stop, new.take_profit, highest_layer(new.execution)];
                (Some(&new.symbol), Some(new.target.value()), levels)
            }
            Intent::Modify(modify) => {
                let stop = match modify.stop {
                    Some(StopChange::To(level)) => price_of(level),
                    Some(StopChange::Remove) | None => None,
                };
                let take_profit = match modify.take_profit {
                    Some(TakeProfitChange::To(price)) => Some(price),
                    Some(TakeProfitChange::Remove) | None => None,
                };
                let symbol = modify.plans.first().and_then(|plan| symbols.get(plan).copied());
                let limit = modify.entry.and_then(|entry| entry.limit_price);
                (symbol, modify.target, [limit, stop, take_profit, highest_layer(modify.execution)])
            }
            Intent::Group(GroupDirective { plans, order: GroupOrder::ModifyOrders(change), .. }) => {
                let symbol = plans.first().and_then(|plan| symbols.get(plan).copied());
                let size = change.quantity.map(Quantity::value).or(largest);
                field = if change.quantity.is_some() {
                    "directive.size_directive.order_quantity"
                } else {
                    "directive.entry_directive.limit_price"
                };
                (symbol, size, [change.limit_price, None, None, None])
            }
            Intent::Group(_) | Intent::CancelAll(_) | Intent::Close(_) => continue,
        };
        let (Some(symbol), Some(size)) = (symbol, size) else { continue };
        largest = largest.max(Some(size));
        let mut seen = prices.get(symbol).copied().unwrap_or_default();
        for level in levels.into_iter().flatten() {
            seen.note(level.value());
        }
        let lot = instruments.iter().find(|instrument| instrument.symbol == *symbol).map(|i| i.lot.value());
        let decimals = size.normalize().scale().max(lot.map_or(0, |lot| lot.normalize().scale()));
        let quantity = whole_digits(size).saturating_add(decimals);
        let notional = whole_digits(seen.highest).saturating_add(seen.decimals).saturating_add(quantity);
        if notional > NOTIONAL_DIGITS || notional.saturating_add(quantity) > SHARE_DIGITS {
            let rule = Rule::TooManyDigits {
                price: seen.highest,
                price_decimals: seen.decimals,
                size_decimals: decimals,
                digits: notional,
            };
            let problem = InputProblem::new(path, rule).on_line(u64::from(parsed.line));
            let shown = if field.ends_with("limit_price") { seen.highest } else { size };
            return Err(problem.field(field).value(shown.to_string()));
        }
    }
    Ok(())
}

const fn highest_layer(hint: ExecutionHint) -> Option<retrace_core::amount::Price> {
    match hint.algorithm {
        Some(Algorithm::Layered(layered)) => Some(layered.to),
        Some(Algorithm::Single | Algorithm::Twap(_) | Algorithm::Iceberg(_)) | None => None,
    }
}

const fn price_of(level: StopLevel) -> Option<retrace_core::amount::Price> {
    match level {
        StopLevel::At(price) => Some(price),
        StopLevel::Tolerance(_) => None,
    }
}

/// How many digits stand before the decimal point.
fn whole_digits(value: Decimal) -> u32 {
    let whole = value.trunc().mantissa().unsigned_abs();
    let scale = value.trunc().scale();
    whole.checked_ilog10().map_or(1, |log| log.saturating_add(1).saturating_sub(scale))
}
