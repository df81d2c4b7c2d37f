//! The words of an order: side, role, type, time in force, status.

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::amount::{Position, Price, Quantity};
use crate::exact;
use crate::stop::Trail;
use crate::time::Timestamp;

/// A word of a fixed list; stored as its place in that list, so a list only ever grows at its end.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// The whole list.
    fn words() -> &'static [Self];
}

/// Declares an enumeration whose spelling (in files, JSON and on screen) stands beside each variant.
macro_rules! spelled {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::bincode::Encode, ::bincode::Decode)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every variant, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// How it is spelled in files, JSON and on screen.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The variant with this spelling.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl $crate::order::Word for $name {
            fn words() -> &'static [Self] {
                Self::ALL
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )*};
}
pub(crate) use spelled;

spelled! {
    /// Which way an order trades; for a plan, which way it stands.
    Side {
        /// Buys the base asset; a plan that is long.
        Buy = "BUY",
        /// Sells the base asset; a plan that is short.
        Sell = "SELL",
    }

    /// What an order is for.
    OrderRole {
        /// Brings a plan toward a larger target.
        Entry = "entry",
        /// Brings a plan toward a smaller target.
        Reduce = "reduce",
        /// Flattens a plan that a directive closes.
        Close = "close",
        /// Protects what is held.
        StopLoss = "stop_loss",
        /// Realises a gain at a level.
        TakeProfit = "take_profit",
        /// Undoes an entry that filled after the stop, or stands in for a stop that could not be placed.
        Flatten = "flatten",
        /// Undoes a leg of a batch that is rolled back.
        Compensation = "compensation",
    }

    /// How long an order stands, without the time that one of them has.
    TimeInForceKind {
        /// Until cancelled.
        Gtc = "GTC",
        /// What does not fill at once is cancelled.
        Ioc = "IOC",
        /// Fills whole at once, or not at all.
        Fok = "FOK",
        /// Until a given time.
        Gtd = "GTD",
    }

    /// Where an order stands, as far as its reports say.
    OrderStatus {
        /// Requested, not yet acknowledged.
        Pending = "PENDING",
        /// Working at the venue, nothing filled.
        Open = "OPEN",
        /// Working at the venue, filled in part.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// Filled whole.
        Filled = "FILLED",
        /// Ended by a cancel.
        Canceled = "CANCELED",
        /// Refused by the venue.
        Rejected = "REJECTED",
        /// Ended by the venue's own rules.
        Expired = "EXPIRED",
    }

    /// An order's type, without its prices.
    OrderType {
        /// At the best available price.
        Market = "MARKET",
        /// At a price or better.
        Limit = "LIMIT",
        /// A market order once a level is touched.
        Stop = "STOP",
        /// A limit order once a level is touched.
        StopLimit = "STOP_LIMIT",
        /// At a level or better, in the direction of a gain.
        TakeProfit = "TAKE_PROFIT",
        /// A stop that follows the price.
        TrailingStop = "TRAILING_STOP",
        /// Not known: the order was placed elsewhere, and a history tells only what it traded.
        Unknown = "UNKNOWN",
    }
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `quantity` with this side's sign: bought is above zero, sold below.
    pub fn signed(self, quantity: Quantity) -> Position {
        let mut value = quantity.value();
        value.set_sign_negative(self == Self::Sell);
        Position::new(value).unwrap_or_default()
    }

    /// The side whose sign `position` has, `None` when flat.
    pub fn of(position: Position) -> Option<Self> {
        match position.value() {
            v if v.is_zero() => None,
            v if v.is_sign_negative() => Some(Self::Sell),
            _ => Some(Self::Buy),
        }
    }
}

impl OrderStatus {
    /// Whether the venue may still fill it.
    pub const fn is_working(self) -> bool {
        match self {
            Self::Pending | Self::Open | Self::PartiallyFilled => true,
            Self::Filled | Self::Canceled | Self::Rejected | Self::Expired => false,
        }
    }
}

/// How long an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeInForce {
    /// Until cancelled.
    Gtc,
    /// What does not fill at once is cancelled.
    Ioc,
    /// Fills whole at once, or not at all.
    Fok,
    /// Until this time, when the venue ends what is left of it by itself.
    Gtd(Timestamp),
}

impl TimeInForce {
    /// The word alone.
    pub const fn kind(self) -> TimeInForceKind {
        match self {
            Self::Gtc => TimeInForceKind::Gtc,
            Self::Ioc => TimeInForceKind::Ioc,
            Self::Fok => TimeInForceKind::Fok,
            Self::Gtd(_) => TimeInForceKind::Gtd,
        }
    }

    /// Until when the venue lets it stand, where that was said.
    pub const fn good_till(self) -> Option<Timestamp> {
        match self {
            Self::Gtd(time) => Some(time),
            Self::Gtc | Self::Ioc | Self::Fok => None,
        }
    }

    /// Whether it can stand no more at `now`.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.good_till().is_some_and(|time| time <= now)
    }
}

/// An order's type together with the prices that only this type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum OrderTerms {
    /// At the best available price.
    Market,
    /// At `price` or better.
    Limit {
        /// The worst acceptable price.
        price: Price,
    },
    /// A market order once `trigger` is touched.
    Stop {
        /// The level that sets it off.
        trigger: Price,
    },
    /// At `trigger` or better, once it is touched from the losing side.
    TakeProfit {
        /// The level that sets it off.
        trigger: Price,
    },
    /// Not known: a history tells only what the order traded. Never sent to a venue.
    Unknown,
    /// A limit order at `price` once `trigger` is touched.
    StopLimit {
        /// The level that sets it off.
        trigger: Price,
        /// The worst acceptable price: at the trigger, or beyond it.
        price: Price,
    },
    /// A market order once its level is touched; the venue lets the level follow the price, and tells nobody.
    TrailingStop {
        /// Where the level stands at first.
        trigger: Price,
        /// How far behind the price it follows.
        trail: Trail,
    },
    /// A limit order at `price` of which the venue shows `visible` at a time, and refills that by itself.
    Iceberg {
        /// The worst acceptable price.
        price: Price,
        /// The most that stands in the book at once.
        visible: Quantity,
    },
}

impl OrderTerms {
    /// A stop limit of an order of this side, its limit `distance` (in quote, zero or more) beyond its trigger; `None`
    /// where no price stands there.
    pub fn stop_limit(side: Side, trigger: Price, distance: Decimal) -> Option<Self> {
        let price = match side {
            Side::Buy => exact::add(trigger.value(), distance),
            Side::Sell => exact::sub(trigger.value(), distance),
        };
        Some(Self::StopLimit { trigger, price: Price::new(price.ok()?).ok()? })
    }

    /// The type alone.
    pub const fn order_type(self) -> OrderType {
        match self {
            Self::Market => OrderType::Market,
            Self::Limit { .. } | Self::Iceberg { .. } => OrderType::Limit,
            Self::Stop { .. } => OrderType::Stop,
            Self::TakeProfit { .. } => OrderType::TakeProfit,
            Self::Unknown => OrderType::Unknown,
            Self::StopLimit { .. } => OrderType::StopLimit,
            Self::TrailingStop { .. } => OrderType::TrailingStop,
        }
    }

    /// The limit price, where the type has one.
    pub const fn limit_price(self) -> Option<Price> {
        match self {
            Self::Limit { price } | Self::StopLimit { price, .. } | Self::Iceberg { price, .. } => Some(price),
            Self::Market | Self::Stop { .. } | Self::TakeProfit { .. } | Self::TrailingStop { .. } | Self::Unknown => {
                None
            }
        }
    }

    /// The level that sets the order off, where the type has one; of a trailing stop the one that it began with.
    pub const fn trigger(self) -> Option<Price> {
        match self {
            Self::Stop { trigger }
            | Self::TakeProfit { trigger }
            | Self::StopLimit { trigger, .. }
            | Self::TrailingStop { trigger, .. } => Some(trigger),
            Self::Market | Self::Limit { .. } | Self::Iceberg { .. } | Self::Unknown => None,
        }
    }

    /// The most of it that stands in the book at once, where the venue hides the rest.
    pub const fn visible(self) -> Option<Quantity> {
        if let Self::Iceberg { visible, .. } = self { Some(visible) } else { None }
    }

    /// How far behind the price the order's level follows, where the type's does.
    pub const fn trail(self) -> Option<Trail> {
        if let Self::TrailingStop { trail, .. } = self { Some(trail) } else { None }
    }

    /// The same type at another price or level; one that has none stays as it is. The limit of a stop limit keeps its
    /// distance from the level (it stands at the level where no price stands there).
    #[must_use]
    pub fn at(self, price: Price) -> Self {
        match self {
            Self::Market => Self::Market,
            Self::Limit { .. } => Self::Limit { price },
            Self::Iceberg { visible, .. } => Self::Iceberg { price, visible },
            Self::Stop { .. } => Self::Stop { trigger: price },
            Self::TakeProfit { .. } => Self::TakeProfit { trigger: price },
            Self::Unknown => Self::Unknown,
            Self::TrailingStop { trail, .. } => Self::TrailingStop { trigger: price, trail },
            Self::StopLimit { trigger, price: limit } => {
                let distance = exact::sub(limit.value(), trigger.value());
                let moved = distance.and_then(|distance| exact::add(price.value(), distance));
                let limit = moved.ok().and_then(|moved| Price::new(moved).ok());
                Self::StopLimit { trigger: price, price: limit.unwrap_or(price) }
            }
        }
    }
}
