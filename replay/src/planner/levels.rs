//! Where a stop or take profit may stand (SEMANTICS 4): rounding, sides, tolerances.

use retrace_core::amount::Price;
use retrace_core::directive::StopLevel;
use retrace_core::event::Refusal;
use retrace_core::exact::{self, Rounding};
use retrace_core::instrument::Instrument;
use retrace_core::order::{OrderTerms, Side};
use retrace_core::stop::{StopKind, Trail};
use retrace_projections::ledger::Exits;
use rust_decimal::Decimal;

/// The stop level that `wanted` means, on the tick at its tighter side.
///
/// # Errors
/// [`Refusal`] where it has no price to be read against, stands on the wrong side of `reference`, or is no price.
pub(crate) fn stop_level(
    wanted: StopLevel,
    direction: Side,
    instrument: &Instrument,
    current: Option<Price>,
    reference: Option<Price>,
) -> Result<Price, Refusal> {
    let field = "stop_loss_price";
    // Tighter is nearer to the price: up for a long plan, down for a short one.
    let tighter = match direction {
        Side::Buy => Rounding::Up,
        Side::Sell => Rounding::Down,
    };
    let level = match wanted {
        StopLevel::At(price) | StopLevel::Limited { price, .. } => {
            let bad = |_| Refusal::BadLevel { field: field.to_owned(), price };
            instrument.round_price(price.value(), tighter).map_err(bad)?
        }
        StopLevel::Trailing(trail) => return trailing_level(trail, direction, instrument, current, reference),
        StopLevel::Tolerance(fraction) => {
            let current = current.ok_or(Refusal::NoPriceYet)?;
            let bad = || Refusal::BadLevel { field: field.to_owned(), price: current };
            let factor = match direction {
                Side::Buy => exact::sub(Decimal::ONE, fraction),
                Side::Sell => exact::add(Decimal::ONE, fraction),
            };
            let level = factor.and_then(|factor| exact::mul(current.value(), factor)).map_err(|_| bad())?;
            instrument.round_price(level, tighter).map_err(|_| bad())?
        }
    };
    match reference {
        Some(price) if is_passed(level, direction, price) => {
            Err(Refusal::WrongSide { field: field.to_owned(), level, price })
        }
        _ => Ok(level),
    }
}

/// The level that a trailing stop has at the decision: behind the price at which the plan is entered, by limit or at
/// what is seen now, whichever it gets.
fn trailing_level(
    trail: Trail,
    direction: Side,
    instrument: &Instrument,
    current: Option<Price>,
    reference: Option<Price>,
) -> Result<Price, Refusal> {
    let lower = |one: Price, other: Price| if loosens(one, other, direction) { other } else { one };
    let from = match (current, reference) {
        (Some(current), Some(reference)) => lower(current, reference),
        (one, other) => one.or(other).ok_or(Refusal::NoPriceYet)?,
    };
    let field = match trail {
        Trail::Distance(_) => "trailing_stop_distance",
        Trail::Fraction(_) => "trailing_stop_tolerance",
    };
    let level = trail.level(from, direction.opposite(), instrument);
    level.ok_or_else(|| Refusal::BadLevel { field: field.to_owned(), price: from })
}

/// What kind of stop `wanted` asks for, its own level at `level`.
///
/// # Errors
/// [`Refusal`] where the limit stands between the price and the level, or is no price.
pub(crate) fn stop_kind(
    wanted: StopLevel,
    level: Price,
    direction: Side,
    instrument: &Instrument,
) -> Result<StopKind, Refusal> {
    let limit = match wanted {
        StopLevel::At(_) | StopLevel::Tolerance(_) => return Ok(StopKind::Market),
        StopLevel::Trailing(trail) => return Ok(StopKind::Trailing(trail)),
        StopLevel::Limited { limit, .. } => limit,
    };
    let field = || "stop_limit_price".to_owned();
    let (farther, beyond) = match direction {
        Side::Buy => (Rounding::Down, Side::Sell),
        Side::Sell => (Rounding::Up, Side::Buy),
    };
    let bad = |_| Refusal::BadLevel { field: field(), price: limit };
    let limit = instrument.round_price(limit.value(), farther).map_err(bad)?;
    let distance = match beyond {
        Side::Sell => exact::sub(level.value(), limit.value()),
        Side::Buy => exact::sub(limit.value(), level.value()),
    };
    match distance {
        Ok(distance) if !distance.is_sign_negative() => Ok(StopKind::Limit { distance }),
        Ok(_) | Err(_) => Err(Refusal::WrongSide { field: field(), level: limit, price: level }),
    }
}

/// Checks that a stop limit that goes with its level still has a price.
///
/// # Errors
/// [`Refusal::BadLevel`] where its limit would be no price.
pub(crate) fn check_limit(exits: &Exits, direction: Side) -> Result<(), Refusal> {
    let (Some(level), StopKind::Limit { distance }) = (exits.stop, exits.stop_kind) else { return Ok(()) };
    match OrderTerms::stop_limit(direction.opposite(), level, distance) {
        Some(_) => Ok(()),
        None => Err(Refusal::BadLevel { field: "stop_limit_price".to_owned(), price: level }),
    }
}

/// Checks the side of a take profit, on the tick at its nearer side.
///
/// # Errors
/// [`Refusal`] where it stands on the wrong side of `reference` or is no price.
pub(crate) fn take_profit_level(
    wanted: Price,
    direction: Side,
    instrument: &Instrument,
    reference: Option<Price>,
) -> Result<Price, Refusal> {
    let field = "take_profit_price";
    let nearer = match direction {
        Side::Buy => Rounding::Down,
        Side::Sell => Rounding::Up,
    };
    let bad = |_| Refusal::BadLevel { field: field.to_owned(), price: wanted };
    let level = instrument.round_price(wanted.value(), nearer).map_err(bad)?;
    match reference {
        Some(price) if is_passed(level, direction.opposite(), price) => {
            Err(Refusal::WrongSide { field: field.to_owned(), level, price })
        }
        _ => Ok(level),
    }
}

/// Whether the price stands at or beyond a stop level of a plan of this direction.
pub(crate) fn is_passed(level: Price, direction: Side, price: Price) -> bool {
    match direction {
        Side::Buy => price <= level,
        Side::Sell => price >= level,
    }
}

/// Whether `proposed` stands farther from the price than `standing`.
pub(crate) fn loosens(standing: Price, proposed: Price, direction: Side) -> bool {
    match direction {
        Side::Buy => proposed < standing,
        Side::Sell => proposed > standing,
    }
}
