//! Whether what an algorithm makes of a quantity can be sent at all, and where layers may stand.

use retrace_core::amount::{Price, Quantity};
use retrace_core::directive::{Algorithm, Layered};
use retrace_core::event::Refusal;
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::instrument::Instrument;
use retrace_core::order::Side;
use retrace_projections::access::ExecutionView;
use retrace_projections::ledger::slice_size;

use super::{Unplanned, levels};

/// Every part must be at least a lot and large enough for the venue at the price that it is valued at: a slice at the
/// limit or else the current price, a layer at the lowest of their prices. `quantity` is what a group would divide now;
/// what one would divide later, once something was cancelled, is not known yet.
///
/// # Errors
/// [`Refusal::TooManySlices`], [`Refusal::SliceBelowMinNotional`].
pub(super) fn check(
    view: ExecutionView<'_>,
    algorithm: Algorithm,
    quantity: Option<Quantity>,
    limit: Option<Price>,
) -> Result<(), Unplanned> {
    parts(view.instrument(), algorithm, quantity, limit.or(view.current_price()))
}

/// The same of the parts alone, at the price that they are valued at.
///
/// # Errors
/// [`Refusal::TooManySlices`], [`Refusal::SliceBelowMinNotional`].
pub(crate) fn parts(
    instrument: &Instrument,
    algorithm: Algorithm,
    quantity: Option<Quantity>,
    price: Option<Price>,
) -> Result<(), Unplanned> {
    match (algorithm, quantity) {
        (Algorithm::Single, _) | (Algorithm::Twap(_) | Algorithm::Layered(_), None) => Ok(()),
        (Algorithm::Twap(twap), Some(quantity)) => equal_parts(instrument, quantity, twap.slices, price),
        (Algorithm::Layered(layered), Some(quantity)) => {
            equal_parts(instrument, quantity, layered.layers, Some(layered.from))
        }
        (Algorithm::Iceberg(iceberg), quantity) => {
            large_enough(instrument, iceberg.visible, price)?;
            let last = quantity.map(|quantity| last_part(quantity, iceberg.visible)).transpose()?.flatten();
            last.map_or(Ok(()), |last| large_enough(instrument, last, price))
        }
    }
}

fn equal_parts(
    instrument: &Instrument,
    quantity: Quantity,
    slices: u32,
    price: Option<Price>,
) -> Result<(), Unplanned> {
    let Some(slice) = slice_size(quantity, slices, instrument)?.size() else {
        return Err(Refusal::TooManySlices { slices, quantity, lot: instrument.lot }.into());
    };
    large_enough(instrument, slice, price)
}

fn large_enough(instrument: &Instrument, slice: Quantity, price: Option<Price>) -> Result<(), Unplanned> {
    match price {
        Some(price) if !instrument.meets_min_notional(slice, price)? => {
            Err(Refusal::SliceBelowMinNotional { slice, price, minimum: instrument.min_notional }.into())
        }
        Some(_) | None => Ok(()),
    }
}

/// What is left for the last of several parts of `part`; `None` where it is as large as the others, or the only one.
fn last_part(quantity: Quantity, part: Quantity) -> Result<Option<Quantity>, Inexact> {
    let whole = exact::round_to_multiple(quantity.value(), part.value(), Rounding::Down)?;
    Ok(Quantity::new(whole).ok().and_then(|whole| quantity.less(whole)))
}

/// The layers that a stop and a take profit are checked against: the one nearest to each.
pub(super) const fn outermost(layered: Layered, direction: Side) -> (Price, Price) {
    match direction {
        Side::Buy => (layered.from, layered.to),
        Side::Sell => (layered.to, layered.from),
    }
}

/// No layer of a plan may stand beyond its stop: what it traded could only be flattened.
///
/// # Errors
/// [`Refusal::WrongSide`].
pub(super) fn check_stop(layered: Layered, direction: Side, stop: Option<Price>) -> Result<(), Refusal> {
    let (farthest, _) = outermost(layered, direction);
    match stop {
        Some(level) if levels::is_passed(level, direction, farthest) => {
            Err(Refusal::WrongSide { field: "stop_loss_price".to_owned(), level, price: farthest })
        }
        Some(_) | None => Ok(()),
    }
}
