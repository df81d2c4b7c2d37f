//! The bounds that hold after every Step, and those that hold whenever nothing is in flight.

use retrace_core::event::Event;
use retrace_core::ids::PlanNo;
use retrace_projections::ledger;

use super::{Auditor, Kind, LATE_MAX, Phase, Plan};
use crate::finding::Finding;
use crate::units::{GRAINS, grains_of, lots_of, ticks_of};
use crate::venue::Venue;

impl Auditor {
    /// What holds after every Step, as far as the engine was told, for the plans that the Step touched: a price alone
    /// wakes nobody.
    pub(super) fn bounds(&self, events: &[Event]) -> Result<(), Finding> {
        for (timer, (due, plan)) in &self.timers {
            if *due + LATE_MAX < self.now {
                return Err(Finding::TimerLost { plan: *plan, timer: *timer, due: *due });
            }
        }
        self.batches_in_time()?;
        self.patience_kept()?;
        // Without a connection nothing can be asked for.
        if !self.connected {
            return Ok(());
        }
        for (no, plan) in &self.plans {
            if plan.phase != Phase::Closed && events.iter().any(|event| event.plan == Some(*no)) {
                self.protection(*no, plan)?;
            }
        }
        Ok(())
    }

    /// What holds for a plan when nothing of it is in flight: no request, no report.
    ///
    /// # Errors
    /// The first [`Finding`].
    pub(crate) fn quiet(&self, no: PlanNo, venue: &Venue, ledger: Option<&ledger::Plan>) -> Result<(), Finding> {
        let Some(plan) = self.plans.get(&no).filter(|_| self.connected) else { return Ok(()) };
        for (order, known) in self.of_plan(no) {
            let same = venue.orders.get(&order).is_some_and(|truth| {
                truth.working == known.works()
                    && truth.filled == known.filled
                    && (truth.lots == known.lots || truth.size_free)
            });
            if !same && (known.works() || known.filled > 0) {
                return Err(Finding::World { order });
            }
        }
        self.books(no, plan, venue, ledger)?;
        self.held_back(no)?;
        self.quiet_groups(no, plan)?;
        self.none_outlives(no)?;
        let (entering, leaving) = (self.left(no, Kind::Entry), self.left(no, Kind::Exit));
        let waits = self.timers.values().any(|(_, plan)| *plan == no);
        let held = plan.held_lots();
        match plan.phase {
            Phase::Standing => {
                let off = plan.traded + entering - leaving - plan.target;
                let excused = if off > 0 {
                    // Fees in base leave less than was traded.
                    plan.exit_short || plan.skips || self.hides(no, Kind::Exit) || (held - leaving).max(0) < off
                } else {
                    // An order that left more than it should has brought it there, to within a lot.
                    let back = (plan.held + entering * GRAINS).abs();
                    let flat = plan.target == 0 && (back < GRAINS || self.is_small(plan, back / GRAINS));
                    let returns = plan.held < 0 && entering > 0;
                    plan.entry_short || plan.skips || self.hides(no, Kind::Entry) || leaving > 0 || flat || returns
                };
                let excused = excused || self.has_paused(no);
                if off != 0 && !waits && !excused && !self.is_small(plan, off.abs()) {
                    let (traded, target) = (plan.traded, plan.target);
                    return Err(Finding::OffTarget { plan: no, traded, entering, leaving, target });
                }
            }
            Phase::Closing { gave_up, .. } => {
                let small = self.is_small(plan, held);
                if leaving == 0 && !waits && !gave_up && !small {
                    return Err(Finding::Stuck { plan: no, held });
                }
            }
            Phase::StoppedOut => {
                let working = leaving + self.left(no, Kind::Stop);
                if working == 0 && !waits && !self.is_small(plan, held) {
                    return Err(Finding::Stuck { plan: no, held });
                }
            }
            Phase::Closed => {}
        }
        Ok(())
    }

    fn books(&self, no: PlanNo, plan: &Plan, venue: &Venue, ledger: Option<&ledger::Plan>) -> Result<(), Finding> {
        let books = |what, ledger, auditor| Err(Finding::Books { plan: no, what, ledger, auditor });
        let Some(ledger) = ledger else { return books("the plan", 0, 1) };
        let truth = venue.traded.get(&no).copied().unwrap_or(0) * plan.sign;
        if truth != plan.traded {
            return books("traded at the venue", truth, plan.traded);
        }
        let traded = lots_of(ledger.traded().value()).unwrap_or(i64::MAX / GUARD) * plan.sign;
        if traded != plan.traded {
            return books("traded", traded, plan.traded);
        }
        let held = grains_of(ledger.held().value()).unwrap_or(i64::MAX / GUARD) * plan.sign;
        if held != plan.held {
            return books("held, in thousandths of a lot", held, plan.held);
        }
        let target = lots_of(ledger.target.size.value()).unwrap_or(i64::MAX / GUARD) * plan.sign;
        if target != plan.target && plan.phase != Phase::Closed {
            return books("target", target, plan.target);
        }
        for (no, known) in self.of_plan(no) {
            let left = ledger.order(no).and_then(ledger::Order::remaining);
            let left = left.map_or(0, |left| lots_of(left.value()).unwrap_or(i64::MAX / GUARD));
            if left != known.left() {
                return books("left of an order", left, known.left());
            }
        }
        for (no, known) in self.of_plan(no).filter(|(_, known)| known.works()) {
            let Some((level, limit)) = known.level.zip(known.limit) else { continue };
            let wanted = level - limit.distance * plan.sign;
            let stands = ledger.order(no).and_then(|order| order.terms.limit_price()).and_then(ticks_of).unwrap_or(0);
            if stands != wanted {
                return books("the limit of a stop, in ticks", stands, wanted);
            }
        }
        Ok(())
    }

    /// What holds when all is over: every plan is closed and flat, the account is the sum of the plans, and nothing
    /// works at the venue.
    ///
    /// # Errors
    /// The first [`Finding`].
    pub(crate) fn over(&self, venue: &Venue) -> Result<(), Finding> {
        for (no, plan) in &self.plans {
            if plan.phase != Phase::Closed {
                return Err(Finding::NotClosed { plan: *no, held: plan.held_lots() });
            }
        }
        self.batches_over()?;
        if let Some((order, _)) = venue.orders.iter().find(|(_, order)| order.working) {
            return Err(Finding::LeftWorking { order: *order });
        }
        for symbol in 0..self.rules.symbols {
            let plans =
                self.plans.values().filter(|plan| plan.symbol == symbol).map(|plan| plan.traded * plan.sign).sum();
            let account = venue.account.get(symbol).copied().unwrap_or(0);
            if plans != account {
                return Err(Finding::Account { symbol, plans, account });
            }
        }
        Ok(())
    }
}

/// Keeps a number that stands for "not whole" far from every other, and its product within bounds.
const GUARD: i64 = 4;
