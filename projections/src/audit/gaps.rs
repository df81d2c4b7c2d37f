//! When and why something held was not covered by a working stop, as it is shown.

use retrace_core::amount::Position;
use retrace_core::time::{Span, Timestamp};
use serde::Serialize;

use crate::ledger::{Gap, Plan, Uncovered};

/// A time during which something held was not covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapSpan {
    /// How much, signed.
    pub quantity: Position,
    /// Why.
    pub reason: &'static str,
    /// From when.
    pub from: Timestamp,
    /// Until when; `null` where it was still open at the end.
    pub to: Option<Timestamp>,
    /// How long; `null` where it was still open at the end.
    pub duration: Option<Span>,
}

impl GapSpan {
    /// A plan's gaps so far, in order.
    pub fn of(plan: &Plan) -> Vec<Self> {
        plan.gaps.iter().map(Self::from).collect()
    }

    /// Whether the plan had no stop at all then, by its directive's own word.
    pub fn is_without_stop(&self) -> bool {
        self.reason == Uncovered::NoStop.as_str()
    }
}

impl From<&Gap> for GapSpan {
    fn from(gap: &Gap) -> Self {
        let Gap { quantity, reason, from, to } = *gap;
        Self { quantity, reason: reason.as_str(), from, to, duration: to.map(|to| to.since(from)) }
    }
}
