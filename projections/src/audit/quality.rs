//! What a group came to, in words.

use retrace_core::amount::Money;
use retrace_core::exact::{Rounding, mul_div};
use retrace_core::ids::GroupNo;
use rust_decimal::Decimal;

use crate::ledger::Plan;

/// An average is told to this many decimals.
const AVERAGE_DECIMALS: u32 = 8;

/// `filled 1 of 4 at 99.5; arrival 100, slippage -0.5 (-50 bps), shortfall 1 (25 bps)`: as much of it as there is. `None`
/// where the plan has no such group.
pub(super) fn came_to(plan: &Plan, no: GroupNo) -> Option<String> {
    let group = plan.group(no)?;
    let quality = group.quality(plan.direction).unwrap_or_default();
    let filled = format!("filled {}", quality.traded);
    let short = !quality.unfilled.is_flat();
    let of = if short { format!(" of {}", quality.wanted().unwrap_or_default()) } else { String::new() };
    let at = quality.average_price.map_or(String::new(), |price| format!(" at {}", average(price.value())));
    let Some(arrival) = group.arrival.filter(|_| short || quality.slippage.is_some()) else {
        return Some(format!("{filled}{of}{at}"));
    };
    let slippage = cost("slippage", quality.slippage, quality.slippage_bps);
    // Where all of it was traded the two are one.
    let shortfall = if short { cost("shortfall", quality.shortfall, quality.shortfall_bps) } else { String::new() };
    Some(format!("{filled}{of}{at}; arrival {arrival}{slippage}{shortfall}"))
}

fn average(price: Decimal) -> Decimal {
    let rounded = mul_div(price, Decimal::ONE, Decimal::ONE, AVERAGE_DECIMALS, Rounding::HalfEven);
    rounded.unwrap_or(price).normalize()
}

fn cost(name: &str, cost: Option<Money>, bps: Option<Decimal>) -> String {
    match (cost, bps) {
        (Some(cost), Some(bps)) => format!(", {name} {cost} ({bps} bps)"),
        (Some(cost), None) => format!(", {name} {cost}"),
        (None, _) => String::new(),
    }
}
