//! What a set of reports comes to, worked out from the set at once: sums and maxima in whole lots, no event after another.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use retrace_core::ids::PlanNo;
use retrace_core::order::{OrderRole, OrderStatus};
use retrace_projections::ledger::Book;
use retrace_projections::view::{PlanView, plan_view};
use rust_decimal::Decimal;

use crate::set::{Answer, Asked, ChangeAnswer, ORDERS, Scene, TARGET, Trade, lots};

pub(crate) fn view(book: &Book) -> PlanView {
    plan_view(book.ledger(), book.plan(PlanNo(1)).unwrap(), &|_| None)
}

impl Trade {
    /// What of it counts: lots, ticks, fee.
    fn counts(&self) -> Option<(i64, i64, i64)> {
        if self.busted { None } else { self.told.values().next_back().copied() }
    }

    /// How much of its order it used up.
    fn used(&self) -> i64 {
        self.told.values().map(|(size, ..)| *size).max().unwrap_or(0)
    }
}

impl Asked {
    fn filled(&self) -> i64 {
        self.trades.iter().map(Trade::used).sum()
    }

    /// Every state that was said of it, with how much was filled.
    fn states(&self) -> Vec<(OrderStatus, i64)> {
        let answer = match self.query {
            Some(Answer::Stands(status, filled)) => Some((status, filled)),
            Some(Answer::Nothing | Answer::NotFound) | None => None,
        };
        self.stated.iter().copied().chain(answer).collect()
    }

    fn missing(&self) -> i64 {
        let stated = self.states().iter().map(|(_, filled)| *filled).max().unwrap_or(0);
        (stated - self.filled()).max(0)
    }

    fn size(&self, at: usize) -> i64 {
        match (self.change, self.change_answer) {
            (Some(Some(size)), Some(ChangeAnswer::Made)) => size,
            _ => ORDERS[at].1,
        }
    }

    fn said(&self, is_it: fn(OrderStatus) -> bool) -> bool {
        self.states().iter().any(|(status, _)| is_it(*status))
    }

    /// It was said to be done.
    fn done(&self) -> bool {
        self.said(|status| status == OrderStatus::Filled)
    }

    /// The quantity of a stop without a size, where so many lots are held: once it has ended, what it traded.
    fn free_size(&self, at: usize, held: i64) -> i64 {
        let ended = !self.ends.is_empty()
            || (self.change_answer == Some(ChangeAnswer::Made) && self.change == Some(None))
            || self.said(|status| matches!(status, OrderStatus::Filled | OrderStatus::Canceled | OrderStatus::Expired));
        let over = ended || self.free_status() == OrderStatus::Rejected;
        let whole = if over { self.filled() } else { self.filled() + held.max(0) };
        if whole > 0 { whole } else { ORDERS[at].1 }
    }

    /// Where a stop without a size stands: done where that was said, never by what it traded.
    fn free_status(&self) -> OrderStatus {
        if self.done() && self.missing() == 0 { OrderStatus::Filled } else { self.status_of(i64::MAX) }
    }

    fn status(&self, at: usize) -> OrderStatus {
        self.status_of(self.size(at))
    }

    /// Where an order of so many lots stands.
    fn status_of(&self, size: i64) -> OrderStatus {
        let said = |is_it: fn(OrderStatus) -> bool| self.said(is_it);
        let made = self.change_answer == Some(ChangeAnswer::Made);
        let canceled = self.ends.iter().any(|(end, _)| *end == OrderStatus::Canceled)
            || said(|status| status == OrderStatus::Canceled)
            || (made && self.change == Some(None));
        let expired = self.ends.iter().any(|(end, _)| *end == OrderStatus::Expired)
            || said(|status| status == OrderStatus::Expired);
        let has = self.accepted || self.triggered || said(|status| status != OrderStatus::Rejected);
        let refused = self.rejected
            || said(|status| status == OrderStatus::Rejected)
            || matches!(self.query, Some(Answer::NotFound));
        if self.filled() >= size {
            OrderStatus::Filled
        } else if (canceled || expired) && self.missing() == 0 {
            if canceled { OrderStatus::Canceled } else { OrderStatus::Expired }
        } else if self.filled() > 0 {
            OrderStatus::PartiallyFilled
        } else if has || canceled || expired {
            OrderStatus::Open
        } else if refused {
            OrderStatus::Rejected
        } else {
            OrderStatus::Pending
        }
    }
}

/// The ledger is what the set comes to.
pub(crate) fn check(scene: &Scene, book: &Book) -> Result<(), TestCaseError> {
    let view = view(book);
    let (mut traded, mut cash, mut fees) = (0, 0, 0);
    let (mut lowered, mut stopped, mut any) = (0, false, false);
    let signed = |(at, asked): (usize, &Asked)| {
        let counts: i64 = asked.trades.iter().filter_map(Trade::counts).map(|(size, ..)| size).sum();
        if ORDERS[at].0 == OrderRole::Entry { counts } else { -counts }
    };
    let held: i64 = scene.orders.iter().enumerate().map(signed).sum();
    for (at, asked) in scene.orders.iter().enumerate() {
        let role = ORDERS[at].0;
        let shown = &view.groups[0].orders[at];
        let free = scene.is_free(at);
        let (status, size) =
            if free { (asked.free_status(), asked.free_size(at, held)) } else { (asked.status(at), asked.size(at)) };
        prop_assert_eq!(shown.size_free, free, "order {}", at + 1);
        prop_assert_eq!(shown.status, status, "order {}", at + 1);
        prop_assert_eq!(shown.quantity.value(), lots(size), "order {}", at + 1);
        prop_assert_eq!(shown.filled_quantity.value(), lots(asked.filled()), "order {}", at + 1);
        let missing = shown.missing_fill.map_or(Decimal::ZERO, |missing| missing.value());
        prop_assert_eq!(missing, lots(asked.missing()), "order {}", at + 1);
        prop_assert_eq!(shown.fills.len(), asked.trades.len());
        for (fill, trade) in shown.fills.iter().zip(&asked.trades) {
            let (revision, (size, ..)) = trade.told.iter().next_back().unwrap();
            prop_assert_eq!(fill.quantity.value(), lots(*size));
            prop_assert_eq!(fill.correction.unwrap_or(0), *revision);
            prop_assert_eq!(fill.busted, trade.busted);
        }
        let sign = if role == OrderRole::Entry { 1 } else { -1 };
        for (size, ticks, fee) in asked.trades.iter().filter_map(Trade::counts) {
            traded += sign * size;
            cash -= sign * size * ticks;
            fees += fee;
        }
        any |= !asked.trades.is_empty();
        stopped |=
            role == OrderRole::StopLoss && (asked.triggered || !asked.trades.is_empty() || (free && asked.done()));
        if matches!(role, OrderRole::StopLoss | OrderRole::TakeProfit) {
            lowered += asked.filled();
        }
    }
    prop_assert_eq!(view.net_position.value(), lots(traded));
    let paid: Decimal = view.fees.iter().map(|fee| fee.amount.value()).sum();
    prop_assert_eq!(paid, Decimal::new(fees, 3));
    // What was realised is what came in, less what went out, and what the open position cost.
    let cost = book.plan(PlanNo(1)).unwrap().accounting.totals().cost.value();
    let open = if traded < 0 { -cost } else { cost };
    prop_assert_eq!(view.realized_pnl.value() - open, Decimal::new(cash, 4));

    let reopened = scene.closed && any;
    let target = if reopened || (stopped && !scene.closed) { 0 } else { (TARGET - lowered).max(0) };
    prop_assert_eq!(view.target.value(), lots(target));
    prop_assert_eq!(view.status, if scene.closed && !any { "CLOSED" } else { "ACTIVE" });
    Ok(())
}
