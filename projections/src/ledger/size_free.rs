//! Stops without a size: each covers what its plan holds, whatever was held when it was placed (SEMANTICS 4). Whether one
//! is done, its trades do not tell: the venue says so.

use bincode::{Decode, Encode};
use retrace_core::amount::{Position, Quantity};
use retrace_core::exact::Inexact;
use retrace_core::order::{OrderRole, OrderStatus, Side};

use super::{Order, Plan};

/// What the quantity of a stop without a size follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct SizeFree {
    /// What was held when it was requested.
    requested: Quantity,
    /// What it has traded and what its plan holds by now; `None` where both are nothing.
    whole: Option<Quantity>,
}

impl Order {
    /// Whether it names no quantity at the venue: it covers all that its plan holds.
    pub const fn is_size_free(&self) -> bool {
        self.size_free.is_some()
    }

    /// Whether the venue said that it is done: it has traded all that was held, told or not.
    pub fn is_done(&self) -> bool {
        self.is_size_free() && self.told.end.is_some_and(|(end, _)| end == OrderStatus::Filled)
    }

    /// It names no quantity at the venue.
    pub(super) fn free_of_size(&mut self) {
        self.size_free = Some(SizeFree { requested: self.quantity, whole: None });
    }

    /// Its plan holds so much by now, in whole lots.
    fn cover(&mut self, held: Option<Quantity>) -> Result<(), Inexact> {
        let held = held.map_or(Position::FLAT, |held| Side::Buy.signed(held));
        let whole = self.filled.plus(held)?.size();
        if let Some(size_free) = &mut self.size_free {
            size_free.whole = whole;
        }
        self.take_size();
        Ok(())
    }

    /// Takes the quantity that follows from what it covers: once it has ended, what it traded.
    pub(super) fn take_size(&mut self) {
        let Some(SizeFree { requested, whole }) = self.size_free else { return };
        // What traded was not refused, whatever was said.
        let refused = self.told.refused.is_some() && !self.told.accepted && self.filled.is_flat();
        let whole = if self.told.end.is_some() || refused { self.filled.size() } else { whole };
        self.quantity = whole.unwrap_or(requested);
    }
}

impl Plan {
    /// Brings its stops without a size to what it holds now: something was booked, or one was requested.
    pub(super) fn follow_holding(&mut self) -> Result<(), Inexact> {
        let held = self.held_lots()?;
        let stops: Vec<_> = self.side_orders().filter(|order| order.is_size_free()).map(|stop| stop.no).collect();
        stops.into_iter().filter_map(|no| self.change_order(no, |stop| stop.cover(held))).collect()
    }

    /// Whether a stop without a size has traded the last that the plan held: the venue is about to say that it is done.
    pub fn is_about_to_end(&self, stop: &Order) -> bool {
        stop.is_size_free()
            && !stop.fills.is_empty()
            && self.accounting.last_role_on(self.direction.opposite()) == Some(OrderRole::StopLoss)
            && self.held_lots().is_ok_and(|held| held.is_none())
    }
}
