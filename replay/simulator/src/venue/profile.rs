//! What the hostile venue refuses and ends because of its profile, by its own books.

use retrace_core::event::{ReportKind, VenueReason};
use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::order::{OrderStatus, OrderTerms, Side};

use super::{Told, Venue, VenueOrder};
use crate::units::GRAINS;

pub(super) const fn is_stop(order: &VenueOrder) -> bool {
    matches!(order.terms, OrderTerms::Stop { .. } | OrderTerms::StopLimit { .. } | OrderTerms::TrailingStop { .. })
}

const fn is_profit(order: &VenueOrder) -> bool {
    matches!(order.terms, OrderTerms::TakeProfit { .. })
}

impl Venue {
    /// Whole lots that the account holds of a symbol: the sum of its plans.
    fn account_lots(&self, symbol: usize) -> i64 {
        let of: i64 =
            self.held.iter().filter(|(plan, _)| self.symbols.get(plan) == Some(&symbol)).map(|(_, held)| held).sum();
        of / GRAINS
    }

    /// What sales that work lock of a symbol; a plan's linked exits count once.
    fn locked(&self, symbol: usize) -> i64 {
        let mut plans: Vec<PlanNo> = self.symbols.iter().filter(|(_, of)| **of == symbol).map(|(no, _)| *no).collect();
        plans.dedup();
        let of_plan = |plan: PlanNo| {
            let sales = || self.orders.values().filter(move |order| order.plan == plan && order.side == Side::Sell);
            let left = |which: &dyn Fn(&VenueOrder) -> bool| -> i64 {
                sales().filter(|order| which(order)).map(VenueOrder::left).sum()
            };
            let (stops, profits) = (left(&is_stop), left(&is_profit));
            let exits = if self.rules.profile.native_oco { stops.max(profits) } else { stops + profits };
            exits + left(&|order| !is_stop(order) && !is_profit(order))
        };
        plans.into_iter().map(of_plan).sum()
    }

    /// Why the profile does not let a new order in, once it stands among the others.
    pub(super) fn against_profile(&self, no: OrderNo) -> Option<VenueReason> {
        let (order, profile) = (self.orders.get(&no)?, self.rules.profile);
        if is_stop(order) {
            let stops = self.orders.values().filter(|o| o.symbol == order.symbol && o.working && is_stop(o)).count();
            if profile.max_stops.is_some_and(|most| stops > usize::from(most)) {
                return Some(VenueReason::TooManyStops);
            }
        }
        self.beyond_account(order)
    }

    /// Why a working order may not have so many lots, if so.
    pub(super) fn against_amending(&mut self, no: OrderNo, lots: i64) -> Option<VenueReason> {
        let (profile, before) = (self.rules.profile, self.orders.get(&no)?.lots);
        if lots > before && !profile.amend_up || lots < before && !profile.amend_down {
            return Some(VenueReason::CannotAmend);
        }
        if lots <= before {
            return None;
        }
        self.orders.get_mut(&no)?.lots = lots;
        let beyond = self.orders.get(&no).and_then(|order| self.beyond_account(order));
        self.orders.get_mut(&no)?.lots = before;
        beyond
    }

    fn beyond_account(&self, order: &VenueOrder) -> Option<VenueReason> {
        if self.rules.profile.shorting || order.side == Side::Buy || order.size_free {
            return None;
        }
        let held = self.account_lots(order.symbol);
        if order.left() > held {
            return Some(VenueReason::NotHeld);
        }
        (self.rules.profile.stop_locks_holding && self.locked(order.symbol) > held)
            .then_some(VenueReason::HoldingLocked)
    }

    /// What stops without a size are for: what their plan holds now.
    pub(super) fn follow_holding(&mut self, plan: PlanNo) {
        let held = self.held.get(&plan).copied().unwrap_or(0);
        for order in self.orders.values_mut().filter(|order| order.plan == plan && order.size_free && order.working) {
            let left = if order.side == Side::Sell { held } else { -held };
            if order.filled > 0 || left >= GRAINS {
                order.lots = order.filled + left.max(0) / GRAINS;
            }
        }
    }

    /// A stop without a size that has traded all that there was is done, and says so: its trades do not tell.
    pub(super) fn end_free(&mut self, no: OrderNo, told: &mut Vec<Told>) {
        let done = |order: &&mut VenueOrder| order.size_free && order.filled == order.lots;
        let Some(order) = self.orders.get_mut(&no).filter(done) else { return };
        order.working = false;
        let stands = order.stands();
        self.say(no, stands, told);
    }

    /// How many lots an order may trade by now: what there is to reduce, or what the account has where it never goes
    /// below zero.
    pub(super) fn allowed(&self, order: &VenueOrder) -> i64 {
        let direction = if order.side == Side::Buy { -1 } else { 1 };
        let mut allowed = order.left();
        if order.reduce_only {
            let held = self.held.get(&order.plan).copied().unwrap_or(0) * direction;
            allowed = allowed.min(held.max(0) / GRAINS);
        }
        allowed.min(self.most_to_sell(order)).max(0)
    }

    /// How many lots the account lets an order trade.
    pub(super) fn most_to_sell(&self, order: &VenueOrder) -> i64 {
        let limited = !self.rules.profile.shorting && order.side == Side::Sell && !order.reduce_only;
        if limited { self.account_lots(order.symbol) } else { i64::MAX }
    }

    /// How many lots a venue that fills beyond an order's quantity may sell: where nothing is ever below zero, not what
    /// other plans hold either.
    pub(super) fn most_beyond(&self, order: &VenueOrder) -> i64 {
        if self.rules.profile.shorting || order.side == Side::Buy {
            return i64::MAX;
        }
        let held = self.held.get(&order.plan).copied().unwrap_or(0).max(0) / GRAINS;
        held.max(order.left())
    }

    /// The first trade of one of two linked exits ends the other. Where orders are reduce-only no link is needed.
    pub(super) fn unlink(&mut self, no: OrderNo, told: &mut Vec<Told>) {
        let Some(traded) = self.orders.get(&no).filter(|order| !order.reduce_only) else { return };
        let other: fn(&VenueOrder) -> bool = match (is_stop(traded), is_profit(traded)) {
            (true, _) => is_profit,
            (_, true) => is_stop,
            (false, false) => return,
        };
        if !self.rules.profile.native_oco {
            return;
        }
        let plan = traded.plan;
        let linked = |order: &VenueOrder| order.working && order.plan == plan && other(order);
        let ended: Vec<OrderNo> = self.orders.iter().filter(|(_, order)| linked(order)).map(|(no, _)| *no).collect();
        for no in ended {
            self.end(no, OrderStatus::Expired);
            self.say(no, ReportKind::Expired { reason: VenueReason::Linked }, told);
        }
    }
}
