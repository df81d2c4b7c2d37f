//! What a session's configuration lays down for all of its orders: limits, defaults, patience. Part of its chained
//! identity, because decisions depend on it.

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::amount::{Money, Quantity};
use crate::directive::{Algorithm, Scope};
use crate::instrument::Symbol;
use crate::order::spelled;
use crate::time::Span;

/// How the worker carries out what a directive leaves open, and within which limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExecutionPolicy {
    /// What the risk gate lets through.
    pub risk: RiskLimits,
    /// How several trades of one directive are coordinated where it does not say.
    pub batch_defaults: BatchDefaults,
    /// Which algorithm an urgency means, by rising `from`; empty where every urgency means SINGLE.
    pub urgency: Vec<UrgencyRange>,
    /// How often a rejected order is sent again, with the same intent and a new attempt number.
    pub reject_retries: u32,
    /// How long a stop limit that was set off may stay unfilled before the position is closed at market.
    pub stop_limit_patience: Span,
}

impl Default for ExecutionPolicy {
    fn default() -> Self {
        Self {
            risk: RiskLimits::default(),
            batch_defaults: BatchDefaults::default(),
            urgency: Vec::new(),
            reject_retries: 2,
            stop_limit_patience: Span::from_seconds(60),
        }
    }
}

/// What the risk gate lets through (SEMANTICS 10); `None` is no limit. Protection and closes pass it always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RiskLimits {
    /// Limits of single symbols, in the order of their symbols.
    pub symbols: Vec<SymbolLimits>,
    /// The largest notional of one order, in quote.
    pub max_order_notional: Option<Money>,
    /// The largest sum of all symbols' positions, each without its sign, at current prices, in quote.
    pub max_account_position: Option<Money>,
    /// The largest distance of an order's price from the current price, as a fraction of it.
    pub price_collar: Option<Decimal>,
    /// How many orders may be requested in any sixty seconds.
    pub max_orders_per_minute: Option<u32>,
    /// How many orders may work at once, protection included.
    pub max_open_orders: Option<u32>,
}

/// Limits of one symbol; `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SymbolLimits {
    /// Which.
    pub symbol: Symbol,
    /// The largest quantity of one order, in base.
    pub max_order_quantity: Option<Quantity>,
    /// The largest position of the account, the sum over its plans, without its sign, in base.
    pub max_position: Option<Quantity>,
}

spelled! {
    /// How the trades of one directive hang together (SEMANTICS 9).
    ExecutionMode {
        /// All at once; each stands for itself.
        Parallel = "PARALLEL",
        /// One after the other; the next begins when the last is complete.
        Sequential = "SEQUENTIAL",
        /// All at once; all, or compensated.
        Atomic = "ATOMIC",
    }
}

/// How several trades of one directive are coordinated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct BatchPolicy {
    /// How they hang together.
    pub execution_mode: ExecutionMode,
    /// How long the whole may take, on the session's clock; `None` without a deadline.
    pub timeout: Option<Span>,
    /// Whether plans are brought back to their previous targets and exits when a leg fails.
    pub rollback_on_failure: bool,
}

impl BatchPolicy {
    /// Every trade for itself: what holds where neither directive nor configuration says anything.
    pub const PARALLEL: Self =
        Self { execution_mode: ExecutionMode::Parallel, timeout: None, rollback_on_failure: false };
}

/// A session's default for directives that say nothing of coordination, by scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchDefaults {
    /// For `NEW_TRADE`.
    pub new_trade: Option<BatchPolicy>,
    /// For `MODIFY_EXISTING`.
    pub modify_existing: Option<BatchPolicy>,
    /// For `CLOSE_EXISTING`.
    pub close_existing: Option<BatchPolicy>,
}

impl BatchDefaults {
    /// What holds for a directive of this scope that says nothing.
    pub fn of(&self, scope: Scope) -> BatchPolicy {
        let configured = match scope {
            Scope::NewTrade => self.new_trade,
            Scope::ModifyExisting => self.modify_existing,
            Scope::CloseExisting => self.close_existing,
        };
        configured.unwrap_or(BatchPolicy::PARALLEL)
    }
}

/// The algorithm that an urgency means, from one value up to the next range's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UrgencyRange {
    /// The lowest urgency of this range, from 0 to 1.
    pub from: Decimal,
    /// What it means.
    pub algorithm: Algorithm,
}

impl ExecutionPolicy {
    /// The algorithm that `urgency` means: that of the last range at or below it, else SINGLE. The highest urgency is
    /// always at once.
    pub fn algorithm_for(&self, urgency: Decimal) -> Algorithm {
        let ranges = self.urgency.iter().filter(|_| urgency < Decimal::ONE);
        let range = ranges.rev().find(|range| range.from <= urgency);
        range.map_or(Algorithm::Single, |range| range.algorithm)
    }
}
