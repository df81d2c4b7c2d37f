//! What is traded: assets, symbols, and the rules a venue sets for a symbol.

use bincode::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::amount::{AmountError, Money, Position, Price, Quantity};
use crate::exact::{self, Inexact, Rounding};

/// The name of an asset, such as `BTC`: 1 to 16 letters and digits, upper case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Encode, Decode)]
pub struct Asset(String);

/// A pair of assets, written `BASE/QUOTE`, such as `BTC/USDT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Symbol {
    base: Asset,
    quote: Asset,
}

/// A text that names no asset or symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// Not 1 to 16 upper-case letters or digits.
    #[error("`{value}` is not the name of an asset: 1 to 16 upper-case letters and digits")]
    BadAsset {
        /// The text as given.
        value: String,
    },
    /// Not two assets with one slash between them.
    #[error("`{value}` is not a symbol such as BTC/USDT")]
    BadSymbol {
        /// The text as given.
        value: String,
    },
}

impl Asset {
    /// # Errors
    /// [`SymbolError::BadAsset`] unless `name` is 1 to 16 upper-case letters or digits.
    pub fn new(name: &str) -> Result<Self, SymbolError> {
        let fits = (1..=16).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if fits { Ok(Self(name.to_owned())) } else { Err(SymbolError::BadAsset { value: name.to_owned() }) }
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Symbol {
    /// What is bought and sold.
    pub fn base(&self) -> &Asset {
        &self.base
    }

    /// What is paid with.
    pub fn quote(&self) -> &Asset {
        &self.quote
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.quote)
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let wrong = || SymbolError::BadSymbol { value: text.to_owned() };
        let (base, quote) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self { base: Asset::new(base).map_err(|_| wrong())?, quote: Asset::new(quote).map_err(|_| wrong())? })
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A symbol with its trading rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct Instrument {
    /// The pair.
    pub symbol: Symbol,
    /// The smallest step of a price, in quote per base.
    pub tick: Price,
    /// The smallest step of a quantity, in base.
    pub lot: Quantity,
    /// The smallest notional of an order, in quote; zero for none.
    pub min_notional: Money,
}

impl Instrument {
    /// Whether `price` stands on the tick.
    pub fn on_tick(&self, price: Price) -> bool {
        exact::round_to_multiple(price.value(), self.tick.value(), Rounding::Down) == Ok(price.value())
    }

    /// Whether `quantity` is a whole number of lots.
    pub fn on_lot(&self, quantity: Quantity) -> bool {
        exact::round_to_multiple(quantity.value(), self.lot.value(), Rounding::Down) == Ok(quantity.value())
    }

    /// `price` on the tick at or below it (`Down`) or at or above it (`Up`).
    ///
    /// # Errors
    /// [`AmountError`] when nothing above zero remains; an inexact result counts as too large.
    pub fn round_price(&self, price: Decimal, rounding: Rounding) -> Result<Price, AmountError> {
        let rounded = exact::round_to_multiple(price, self.tick.value(), rounding);
        Price::new(rounded.map_err(|_| AmountError::TooLarge { value: price })?)
    }

    /// `amount` without what is less than a lot, toward zero. Keeps the sign.
    ///
    /// # Errors
    /// [`Inexact`] when the result does not fit.
    pub fn whole_lots(&self, amount: Position) -> Result<Position, Inexact> {
        let rounding = if amount.value().is_sign_negative() { Rounding::Up } else { Rounding::Down };
        let rounded = exact::round_to_multiple(amount.value(), self.lot.value(), rounding)?;
        Position::new(rounded).map_err(|_| Inexact { left: amount.value(), operation: '/', right: self.lot.value() })
    }

    /// Whether an order of `quantity` at `price` is large enough for the venue.
    ///
    /// # Errors
    /// [`Inexact`] when the notional does not fit.
    pub fn meets_min_notional(&self, quantity: Quantity, price: Price) -> Result<bool, Inexact> {
        Ok(quantity.notional(price)? >= self.min_notional)
    }
}
