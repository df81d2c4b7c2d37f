//! The whole numbers a world is counted in, and what they are in the engine's own amounts.
//!
//! A tick is 0.1 quote, a lot 0.1 base, a *grain* a thousandth of a lot: fees in the base asset are whole grains.

use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::stop::Trail;
use retrace_core::time::Timestamp;
use rust_decimal::Decimal;

/// Grains in a lot.
pub const GRAINS: i64 = 1_000;

/// The price of so many ticks; at least one.
#[expect(clippy::missing_panics_doc, reason = "a small number above zero is an amount")]
pub fn price(ticks: i64) -> Price {
    #[expect(clippy::expect_used, reason = "a small number above zero is a price")]
    Price::new(Decimal::new(ticks.max(1), 1)).expect("a small number above zero")
}

/// The quantity of so many lots; at least one.
#[expect(clippy::missing_panics_doc, reason = "a small number above zero is an amount")]
pub fn quantity(lots: i64) -> Quantity {
    #[expect(clippy::expect_used, reason = "a small number above zero is a quantity")]
    Quantity::new(Decimal::new(lots.max(1), 1)).expect("a small number above zero")
}

/// How many units of ten to the minus `decimals` an amount is; `None` where it is not a whole number of them.
fn whole(amount: Decimal, decimals: u32) -> Option<i64> {
    let amount = amount.normalize();
    let missing = decimals.checked_sub(amount.scale())?;
    i64::try_from(amount.mantissa()).ok()?.checked_mul(10_i64.checked_pow(missing)?)
}

/// How many ticks a price is; `None` off the tick.
pub fn ticks_of(price: Price) -> Option<i64> {
    whole(price.value(), 1)
}

/// Where a stop that trails stands behind a price, in ticks: rounded toward the price, and at least a tick from it.
pub(crate) fn level_behind(trail: Trail, ticks: i64, sign: i64) -> Option<i64> {
    let behind = match trail {
        Trail::Distance(distance) => ticks - sign * whole(distance, 1)?,
        Trail::Fraction(fraction) => {
            let exact = ticks * (1_000 - sign * whole(fraction, 3)?);
            if sign > 0 { (exact + 999) / 1_000 } else { exact / 1_000 }
        }
    };
    Some(if (ticks - behind) * sign > 0 { behind } else { ticks - sign }).filter(|behind| *behind > 0)
}

/// How many lots an amount is; `None` off the lot.
pub fn lots_of(amount: Decimal) -> Option<i64> {
    whole(amount, 1)
}

/// How many grains an amount of the base asset is; `None` off the grain.
pub fn grains_of(amount: Decimal) -> Option<i64> {
    whole(amount, 4)
}

/// How many hundred-millionths an amount of money is; zero where it is not a whole number of them.
pub fn amount_of(money: Money) -> i128 {
    whole(money.value(), 8).map_or(0, i128::from)
}

/// The amount of so many grains.
pub fn base_amount(grains: i64) -> Decimal {
    Decimal::new(grains, 4)
}

/// The moment so many milliseconds after a world began.
pub const fn moment(millis: i64) -> Timestamp {
    Timestamp::from_nanos(millis.saturating_mul(1_000_000))
}

/// How many milliseconds after a world began a moment is.
pub const fn millis(moment: Timestamp) -> i64 {
    moment.nanos().saturating_div(1_000_000)
}
