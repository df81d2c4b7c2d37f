//! What a venue can do (its profile) and how the simulated one behaves. Part of a session's chained identity.

use bincode::{Decode, Encode};
use rust_decimal::Decimal;

use crate::order::{OrderTerms, spelled};
use crate::time::Span;

spelled! {
    /// In which asset a fill's fee is taken.
    FeeAsset {
        /// In the quote asset.
        Quote = "quote",
        /// In the base asset: what is held is less than what was bought.
        Base = "base",
    }

    /// In which order a bar's prices are taken to have been seen (SEMANTICS 2).
    FillPath {
        /// Open, the extreme that is worse for the plan, the better one, close.
        Pessimistic = "pessimistic",
        /// Open, high, low, close.
        Ohlc = "ohlc",
        /// Open, low, high, close.
        Olhc = "olhc",
        /// Open, the extreme nearer to the open, the other one, close.
        Nearest = "nearest",
    }

    /// Whether a fill took liquidity or made it.
    Liquidity {
        /// Stood in the book.
        Maker = "maker",
        /// Took from the book.
        Taker = "taker",
        /// Not known: a history from elsewhere does not say.
        Unknown = "unknown",
    }
}

/// What a venue can do. The worker reads these flags, so a backtest of a venue takes the path that the venue would force.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is one independent ability, named in SEMANTICS 4")]
pub struct VenueProfile {
    /// The profile's name in session files.
    pub name: String,
    /// A position may be below zero.
    pub shorting: bool,
    /// Orders may be marked to never open or turn a position.
    pub reduce_only: bool,
    /// A working order's quantity may be amended upward.
    pub amend_up: bool,
    /// A working order's quantity may be amended downward.
    pub amend_down: bool,
    /// A stop and a take profit may be linked so that one ends the other.
    pub native_oco: bool,
    /// The venue moves trailing stops by itself.
    pub native_trailing: bool,
    /// The venue shows only a part of an order by itself.
    pub native_iceberg: bool,
    /// A working stop locks the holding it covers.
    pub stop_locks_holding: bool,
    /// A stop names no quantity: once it is set off it trades all that its plan holds then, whatever was held when it was
    /// placed. Because its trades alone do not tell that it is done, the venue says so: it stands `FILLED`.
    pub size_free_stop: bool,
    /// How many stop orders may work at once per symbol; `None` for no cap.
    pub max_stops: Option<u16>,
}

impl VenueProfile {
    /// The default of backtests: shorting, reduce-only, amends both ways, OCO, no cap (SEMANTICS 4).
    pub fn backtest() -> Self {
        Self {
            name: "backtest".to_owned(),
            shorting: true,
            reduce_only: true,
            amend_up: true,
            amend_down: true,
            native_oco: true,
            native_trailing: false,
            native_iceberg: false,
            stop_locks_holding: false,
            size_free_stop: false,
            max_stops: None,
        }
    }

    /// A spot exchange that keeps holdings, not positions: no shorting and no reduce-only, orders may only become
    /// smaller, a stop locks what it covers, stop and take profit are linked, and five stops may work at once.
    pub fn spot() -> Self {
        Self {
            name: "spot".to_owned(),
            shorting: false,
            reduce_only: false,
            amend_up: false,
            amend_down: true,
            native_oco: true,
            native_trailing: true,
            native_iceberg: true,
            stop_locks_holding: true,
            size_free_stop: false,
            max_stops: Some(5),
        }
    }

    /// The profiles that have a name of their own, in the order in which they are told.
    pub const NAMES: [&'static str; 2] = ["backtest", "spot"];

    /// The profile of that name, one of [`Self::NAMES`].
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "backtest" => Some(Self::backtest()),
            "spot" => Some(Self::spot()),
            _ => None,
        }
    }

    /// Whether every order that leaves needs a part of the holding that no other one has: without reduce-only each may
    /// go beyond what is held, and where stops lock the holding the venue takes no sale of what a stop covers.
    pub const fn divides_holding(&self) -> bool {
        !self.reduce_only || self.stop_locks_holding
    }

    /// Whether an order on these terms is a stop without a size of its own. Only one that can never open or turn a position
    /// is; a stop limit always names what it trades.
    pub const fn is_size_free(&self, terms: &OrderTerms, reduce_only: bool) -> bool {
        self.size_free_stop && reduce_only && matches!(terms, OrderTerms::Stop { .. })
    }

    /// A flag that it has and the one which that needs and it has not; `None` where nothing is missing.
    pub const fn missing(&self) -> Option<(&'static str, &'static str)> {
        if self.size_free_stop && !self.reduce_only { Some(("size_free_stop", "reduce_only")) } else { None }
    }

    /// Two flags that no venue has together; `None` where there are none.
    pub const fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        if self.stop_locks_holding && self.shorting {
            Some(("stop_locks_holding", "shorting"))
        } else if self.stop_locks_holding && self.reduce_only {
            Some(("stop_locks_holding", "reduce_only"))
        } else if self.stop_locks_holding && self.size_free_stop {
            Some(("stop_locks_holding", "size_free_stop"))
        } else if self.size_free_stop && self.native_trailing {
            // A stop that trails names what it trades.
            Some(("size_free_stop", "native_trailing"))
        } else {
            None
        }
    }
}

/// How the simulated venue fills and charges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueSettings {
    /// What it can do.
    pub profile: VenueProfile,
    /// Fee of a maker fill, as a fraction of its notional.
    pub maker_fee: Decimal,
    /// Fee of a taker fill, as a fraction of its notional.
    pub taker_fee: Decimal,
    /// In which asset fees are taken.
    pub fee_asset: FeeAsset,
    /// The order in which a bar's prices are seen.
    pub path: FillPath,
    /// Slippage of market and stop fills, in basis points (1/10,000) of the price, against us.
    pub slippage_bps: Decimal,
    /// How long a request travels before the venue has it.
    pub latency: Span,
    /// Which fraction of a bar's volume our orders may take, above 0 and at most 1.
    pub max_volume_share: Decimal,
}
