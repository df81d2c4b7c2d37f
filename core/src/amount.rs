//! Prices, quantities, positions and money as types of their own. Exact; never floating point.

use std::fmt;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::exact::{self, Inexact, Rounding};

/// Prices and quantities carry at most this many decimals.
pub const DECIMALS_MAX: u32 = 12;

/// Prices and quantities stay below this many units, so that a notional always has room.
pub const UNITS_MAX: u64 = 1_000_000_000_000;

/// A number that is no valid price or quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Zero or less where only more than zero makes sense.
    #[error("{value} is not above zero")]
    NotPositive {
        /// The value as given.
        value: Decimal,
    },
    /// More than [`DECIMALS_MAX`] decimals.
    #[error("{value} has more than {DECIMALS_MAX} decimals")]
    TooManyDecimals {
        /// The value as given.
        value: Decimal,
    },
    /// [`UNITS_MAX`] or more.
    #[error("{value} is not below {UNITS_MAX}")]
    TooLarge {
        /// The value as given.
        value: Decimal,
    },
}

/// Checks the bounds common to prices, quantities and positions and drops trailing zeros: `1.50` and `1.5` compare
/// equal, so they must also store equal.
fn bounded(value: Decimal) -> Result<Decimal, AmountError> {
    let value = value.normalize();
    if value.scale() > DECIMALS_MAX {
        return Err(AmountError::TooManyDecimals { value });
    }
    if value.abs() >= Decimal::from(UNITS_MAX) {
        return Err(AmountError::TooLarge { value });
    }
    Ok(value)
}

fn positive(value: Decimal) -> Result<Decimal, AmountError> {
    if value <= Decimal::ZERO {
        return Err(AmountError::NotPositive { value });
    }
    bounded(value)
}

macro_rules! display_as_decimal {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
display_as_decimal!(Price, Quantity, Position, Money);

/// A number is mantissa and scale; it comes back through its type's own constructor.
macro_rules! saved_as_decimal {
    ($($name:ident by $new:expr),*) => {$(
        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                self.0.mantissa().encode(encoder)?;
                self.0.scale().encode(encoder)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                let (mantissa, scale) = <(i128, u32)>::decode(decoder)?;
                let number = Decimal::try_from_i128_with_scale(mantissa, scale).ok();
                number.and_then($new).ok_or(DecodeError::Other("a number out of bounds"))
            }
        }

        bincode::impl_borrow_decode!($name);
    )*};
}
saved_as_decimal!(
    Price by |number| Price::new(number).ok(),
    Quantity by |number| Quantity::new(number).ok(),
    Position by |number| Position::new(number).ok(),
    Money by |number| Some(Money::new(number))
);

/// Quote asset per one unit of the base asset. Always above zero, at most 12 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Price(Decimal);

impl Price {
    /// # Errors
    /// [`AmountError`] if `value` is not above zero or out of bounds.
    pub fn new(value: Decimal) -> Result<Self, AmountError> {
        positive(value).map(Self)
    }

    /// The plain number.
    pub const fn value(self) -> Decimal {
        self.0
    }
}

/// How much of the base asset, in instrument units (not lots). Always above zero, at most 12 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Quantity(Decimal);

impl Quantity {
    /// # Errors
    /// [`AmountError`] if `units` is not above zero or out of bounds.
    pub fn new(units: Decimal) -> Result<Self, AmountError> {
        positive(units).map(Self)
    }

    /// The plain number.
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// `price * self`, in the quote asset.
    ///
    /// # Errors
    /// [`Inexact`] when the product needs more than 28 digits.
    pub fn notional(self, price: Price) -> Result<Money, Inexact> {
        exact::mul(price.0, self.0).map(Money)
    }

    /// What remains after `taken`, `None` when nothing (or less) does.
    pub fn less(self, taken: Self) -> Option<Self> {
        let rest = exact::sub(self.0, taken.0).ok()?;
        Self::new(rest).ok()
    }
}

/// A signed amount of the base asset: above zero long, below zero short, zero flat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position(Decimal);

impl Position {
    /// Neither long nor short.
    pub const FLAT: Self = Self(Decimal::ZERO);

    /// # Errors
    /// [`AmountError`] if `units` is out of bounds.
    pub fn new(units: Decimal) -> Result<Self, AmountError> {
        bounded(units).map(Self)
    }

    /// The plain signed number.
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// The size without its sign, `None` when flat.
    pub fn size(self) -> Option<Quantity> {
        Quantity::new(self.0.abs()).ok()
    }

    /// Whether this is exactly zero.
    pub const fn is_flat(self) -> bool {
        self.0.is_zero()
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`Inexact`] when the sum needs more than 28 digits.
    pub fn plus(self, other: Self) -> Result<Self, Inexact> {
        exact::add(self.0, other.0).map(Self)
    }

    /// This less `other`.
    ///
    /// # Errors
    /// [`Inexact`] when the difference needs more than 28 digits.
    pub fn minus(self, other: Self) -> Result<Self, Inexact> {
        exact::sub(self.0, other.0).map(Self)
    }
}

/// An amount of an asset that is counted, not traded: cost, fee, result. Any sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Money(Decimal);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// `amount`, trailing zeros dropped.
    pub fn new(amount: Decimal) -> Self {
        Self(amount.normalize())
    }

    /// The plain number.
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`Inexact`] when the sum needs more than 28 digits.
    pub fn plus(self, other: Self) -> Result<Self, Inexact> {
        exact::add(self.0, other.0).map(Self)
    }

    /// This less `other`.
    ///
    /// # Errors
    /// [`Inexact`] when the difference needs more than 28 digits.
    pub fn minus(self, other: Self) -> Result<Self, Inexact> {
        exact::sub(self.0, other.0).map(Self)
    }

    /// The share of this amount that belongs to `part` of `whole`, to 12 decimals, half to even.
    ///
    /// # Errors
    /// [`Inexact`] when `whole` is zero or an intermediate value does not fit.
    pub fn share(self, part: Decimal, whole: Decimal) -> Result<Self, Inexact> {
        exact::mul_div(self.0, part, whole, DECIMALS_MAX, Rounding::HalfEven).map(Self)
    }
}
