//! How an execution group divides its quantity: the algorithms, and what of them is arithmetic alone.

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::amount::{Price, Quantity};
use crate::exact::{self, Inexact, Rounding};
use crate::instrument::Instrument;
use crate::order::Side;
use crate::time::Span;

/// How an execution group divides its quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// One order for all of it.
    Single,
    /// Equal slices at equal distances of time.
    Twap(Twap),
    /// A limit order that shows a part of it at a time.
    Iceberg(Iceberg),
    /// Limit orders over a range of prices, all at once.
    Layered(Layered),
}

/// A time-weighted schedule. Slice `k` of `slices` is due at `k * duration / slices` after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct Twap {
    /// From the first slice to the end of the last interval.
    pub duration: Span,
    /// How many; at least one.
    pub slices: u32,
    /// Whether what a slice left unfilled is carried into the next.
    pub catch_up: bool,
}

/// A limit order of which the market sees a part at a time. Where the venue cannot hide the rest by itself, the worker
/// sends the parts, one order after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct Iceberg {
    /// The most that is shown at a time.
    pub visible: Quantity,
}

/// A grid of limit orders. Layer 0 stands nearest to the market: at `to` where it buys, at `from` where it sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct Layered {
    /// How many; at least one.
    pub layers: u32,
    /// The lowest price.
    pub from: Price,
    /// The highest price.
    pub to: Price,
}

impl Algorithm {
    /// How it is spelled in files, JSON and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "SINGLE",
            Self::Twap(_) => "TWAP",
            Self::Iceberg(_) => "ICEBERG",
            Self::Layered(_) => "LAYERED",
        }
    }
}

impl Layered {
    /// Where layer `layer`, from 0, stands: as many equal distances away from the first as its number says, to the
    /// tick away from the market. A single layer stands at the first one's place.
    ///
    /// # Errors
    /// [`Inexact`] when the price does not fit, or nothing above zero remains of it.
    pub fn price(self, layer: u32, side: Side, instrument: &Instrument) -> Result<Price, Inexact> {
        let tick = instrument.tick.value();
        let range = exact::sub(self.to.value(), self.from.value())?;
        let gaps = exact::mul(tick, Decimal::from(self.layers.saturating_sub(1).max(1)))?;
        let ticks = exact::mul_div(range, Decimal::from(layer), gaps, 0, Rounding::Up)?;
        let away = exact::mul(ticks, tick)?;
        let price = match side {
            Side::Buy => exact::sub(self.to.value(), away)?,
            Side::Sell => exact::add(self.from.value(), away)?,
        };
        Price::new(price).map_err(|_| Inexact { left: range, operation: '/', right: gaps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::samples;

    fn prices(layers: u32, from: &str, to: &str, side: Side) -> Vec<String> {
        let layered = Layered { layers, from: samples::price(from), to: samples::price(to) };
        let instrument = samples::btc();
        (0..layers).map(|layer| layered.price(layer, side, &instrument).unwrap().to_string()).collect()
    }

    #[test]
    fn layers_stand_evenly_and_begin_next_to_the_market() {
        assert_eq!(prices(5, "96", "100", Side::Buy), ["100", "99", "98", "97", "96"]);
        assert_eq!(prices(5, "96", "100", Side::Sell), ["96", "97", "98", "99", "100"]);
    }

    /// The tick is 0.01: a third of 0.1 is 0.0333..., which goes to the tick away from the market.
    #[test]
    fn a_layer_between_two_ticks_goes_away_from_the_market() {
        assert_eq!(prices(4, "100", "100.1", Side::Buy), ["100.1", "100.06", "100.03", "100"]);
        assert_eq!(prices(4, "100", "100.1", Side::Sell), ["100", "100.04", "100.07", "100.1"]);
    }

    #[test]
    fn one_layer_stands_next_to_the_market() {
        assert_eq!(prices(1, "96", "100", Side::Buy), ["100"]);
        assert_eq!(prices(1, "96", "100", Side::Sell), ["96"]);
    }
}
