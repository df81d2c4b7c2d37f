//! The kinds of stop that a plan may have, and where one that follows the price stands.

use bincode::{Decode, Encode};
use std::fmt;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::amount::Price;
use crate::exact::{self, Rounding};
use crate::instrument::Instrument;
use crate::order::Side;

/// What a plan's stop is, apart from its level. One that stands is not made into another kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum StopKind {
    /// A market order once its level is touched.
    #[default]
    Market,
    /// A limit order once its level is touched.
    Limit {
        /// How far beyond the level the limit stands, in quote: zero or more.
        #[bincode(with_serde)]
        distance: Decimal,
    },
    /// A market order once its level is touched; the venue lets the level follow the price.
    Trailing(Trail),
}

/// How far behind the price a trailing stop follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Trail {
    /// By this much, in quote: above zero.
    Distance(#[bincode(with_serde)] Decimal),
    /// By this fraction of the price: above 0 and below 1.
    Fraction(#[bincode(with_serde)] Decimal),
}

impl Trail {
    /// Whether it can be followed: a distance above zero, a fraction above 0 and below 1.
    pub fn is_valid(self) -> bool {
        match self {
            Self::Distance(distance) => distance > Decimal::ZERO,
            Self::Fraction(fraction) => fraction > Decimal::ZERO && fraction < Decimal::ONE,
        }
    }

    /// Where a stop order of this side stands when the price is `price`: on the tick at its tighter side, and where that
    /// would be the price itself or beyond it on the other one. `None` where no price stands there.
    pub fn level(self, price: Price, side: Side, instrument: &Instrument) -> Option<Price> {
        let away = match self {
            Self::Distance(distance) => distance,
            Self::Fraction(fraction) => exact::mul(price.value(), fraction).ok()?,
        };
        let (level, tighter, wider) = match side {
            Side::Sell => (exact::sub(price.value(), away).ok()?, Rounding::Up, Rounding::Down),
            Side::Buy => (exact::add(price.value(), away).ok()?, Rounding::Down, Rounding::Up),
        };
        let near = instrument.round_price(level, tighter).ok();
        let stands = |level: &Price| match side {
            Side::Sell => *level < price,
            Side::Buy => *level > price,
        };
        near.filter(stands).or_else(|| instrument.round_price(level, wider).ok())
    }

    /// The level of a stop order of this side that stood at `trigger`, once `price` was seen: it moves with the price,
    /// never back.
    #[must_use]
    pub fn moved(self, trigger: Price, price: Price, side: Side, instrument: &Instrument) -> Price {
        self.level(price, side, instrument).map_or(trigger, |level| tighter(trigger, level, side))
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distance(distance) => write!(f, "{}", distance.normalize()),
            Self::Fraction(fraction) => write!(f, "{} of the price", fraction.normalize()),
        }
    }
}

/// The level, of two that a stop order of this side could stand at, that is nearer to the price.
pub fn tighter(one: Price, other: Price, side: Side) -> Price {
    match side {
        Side::Sell => one.max(other),
        Side::Buy => one.min(other),
    }
}
