//! Whether a session's amounts can be counted exactly: told before it begins, not in the middle of a run.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::amount::{Price, Quantity};
use retrace_core::directive::{
    Algorithm, ExecutionHint, GroupDirective, GroupOrder, Intent, Legs, StopChange, StopLevel, StrategyDirective,
    TakeProfitChange, Trade,
};
use retrace_core::ids::{PlanId, SessionUid};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_replay::tape::Tape;
use rust_decimal::Decimal;

use crate::input::directive_legs::inside_leg;
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
    let mut symbols: BTreeMap<PlanId, &Symbol> = BTreeMap::new();
    // A limit price may be for what any earlier line sized.
    let mut largest: Option<Decimal> = None;
    for parsed in lines.iter().filter_map(ParsedLine::directive) {
        // Ids that are derived name no plan in a file: which session they would be of makes no difference.
        for (place, of) in parsed.directive.trades(SessionUid([0; 16])).into_iter().enumerate() {
            if let Trade::New(new) = of.trade {
                symbols.extend(new.plan_id.clone().map(|plan| (plan, &new.symbol)));
            }
            let Some((size, levels)) = sized(of.trade) else { continue };
            let Some(symbol) = symbols.get(&of.plan_id).copied().or_else(|| symbol_of(of.trade)) else { continue };
            largest = largest.max(Some(size));
            let field = "directive.size_directive.target_position_size";
            let checked = check_one(path, parsed.line, instruments, &prices, &Sized { symbol, size, levels, field });
            checked
                .map_err(|problem| if has_legs(&parsed.directive) { inside_leg(problem, place) } else { problem })?;
        }
        let Intent::Group(GroupDirective { plans, order: GroupOrder::ModifyOrders(change), .. }) =
            &parsed.directive.intent
        else {
            continue;
        };
        let symbol = plans.first().and_then(|plan| symbols.get(plan).copied());
        let (Some(symbol), Some(size)) = (symbol, change.quantity.map(Quantity::value).or(largest)) else { continue };
        largest = largest.max(Some(size));
        let field = if change.quantity.is_some() {
            "directive.size_directive.order_quantity"
        } else {
            "directive.entry_directive.limit_price"
        };
        let levels = [change.limit_price, None, None, None];
        check_one(path, parsed.line, instruments, &prices, &Sized { symbol, size, levels, field })?;
    }
    Ok(())
}

/// Whether the directive's trades are legs of their own, each of one plan.
fn has_legs(directive: &StrategyDirective) -> bool {
    let Intent::Batch(batch) = &directive.intent else { return false };
    let legs = match &batch.legs {
        Legs::NewTrade(legs) => legs.len(),
        Legs::Modify(legs) => legs.len(),
        Legs::Close(legs) => legs.len(),
    };
    legs > 1
}

/// A size, and the prices beside it that it may trade at.
struct Sized<'a> {
    symbol: &'a Symbol,
    size: Decimal,
    levels: [Option<Price>; 4],
    field: &'static str,
}

/// The size of a trade and its prices; `None` where it has no size.
fn sized(trade: Trade<'_>) -> Option<(Decimal, [Option<Price>; 4])> {
    match trade {
        Trade::New(new) => {
            let stop = new.stop.and_then(price_of);
            let layer = highest_layer(new.execution);
            Some((new.target.value(), [new.entry.limit_price, stop, new.take_profit, layer]))
        }
        Trade::Modify(modify) => {
            let stop = match modify.stop {
                Some(StopChange::To(level)) => price_of(level),
                Some(StopChange::Remove) | None => None,
            };
            let take_profit = match modify.take_profit {
                Some(TakeProfitChange::To(price)) => Some(price),
                Some(TakeProfitChange::Remove) | None => None,
            };
            let limit = modify.entry.and_then(|entry| entry.limit_price);
            Some((modify.target?, [limit, stop, take_profit, highest_layer(modify.execution)]))
        }
        Trade::Close(_) => None,
    }
}

const fn symbol_of(trade: Trade<'_>) -> Option<&Symbol> {
    match trade {
        Trade::New(new) => Some(&new.symbol),
        Trade::Modify(_) | Trade::Close(_) => None,
    }
}

fn check_one(
    path: &Path,
    line: u32,
    instruments: &[Instrument],
    prices: &BTreeMap<Symbol, Prices>,
    of: &Sized<'_>,
) -> Result<(), InputProblem> {
    let Sized { symbol, size, levels, field } = *of;
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
        let problem = InputProblem::new(path, rule).on_line(u64::from(line));
        let shown = if field.ends_with("limit_price") { seen.highest } else { size };
        return Err(problem.field(field).value(shown.to_string()));
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
        StopLevel::At(price) | StopLevel::Limited { price, .. } => Some(price),
        StopLevel::Tolerance(_) | StopLevel::Trailing(_) => None,
    }
}

/// How many digits stand before the decimal point.
fn whole_digits(value: Decimal) -> u32 {
    let whole = value.trunc().mantissa().unsigned_abs();
    let scale = value.trunc().scale();
    whole.checked_ilog10().map_or(1, |log| log.saturating_add(1).saturating_sub(scale))
}
