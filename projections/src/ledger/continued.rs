//! A session that goes on from another one's final ledger: what it takes over, and what is its own.
//!
//! A seq is a place in one log. What was carried over has none in the new one: all of it comes from the session's first
//! event, which says that it continues another. So no event of the new log is caused by a later one, and two sessions
//! that continue equal ledgers begin with equal ones.

use retrace_core::ids::{OrderNo, Seq};
use retrace_core::instrument::Instrument;
use retrace_core::manifest::Identity;

use super::{Counts, Ledger, Order, Plan};

/// The event that all that was carried over comes from.
pub(super) const CARRIED: Seq = Seq(1);

impl Ledger {
    /// The first ledger of a session that goes on from another one's last: its plans, orders, timers, batches and
    /// everything that was said before, under the new session's name and rules. The session's first event must say the
    /// same ([`Identity::continues`]).
    ///
    /// Its own are name, mode, instance, instruments, profile, limits, account, and what it counts itself: refusals,
    /// conflicts, reports on orders that are not ours. With its first event it is connected.
    pub fn continued(identity: &Identity, parent: Self) -> Self {
        let fresh = Self::new(identity);
        let mut ledger = Self {
            session: fresh.session,
            mode: fresh.mode,
            instance: fresh.instance,
            instruments: fresh.instruments,
            profile: fresh.profile,
            begins: identity.continues,
            seq: Seq(0),
            newly_sealed: Vec::new(),
            gate: parent.gate.clone().continued(identity),
            counts: Counts::default(),
            refusals: Vec::new(),
            conflicts: Vec::new(),
            ..parent
        };
        for seen in ledger.directives.values_mut() {
            seen.first = CARRIED;
        }
        for timer in ledger.timers.values_mut() {
            timer.set = CARRIED;
        }
        ledger.imports.carry();
        for plan in ledger.plans.values_mut() {
            plan.carry(&ledger.instruments);
        }
        ledger
    }

    /// The highest number that is the id of a trade by itself; 0 where none is. A venue that numbers its trades goes on
    /// behind it.
    pub fn last_trade_number(&self) -> u64 {
        self.trades.last_number()
    }

    /// The number of the order requested last; 0 for none.
    pub const fn last_order(&self) -> OrderNo {
        OrderNo(self.next_order.0.saturating_sub(1))
    }
}

impl Plan {
    /// Brings it into another session, under that one's rules for what it trades. One that has ended keeps its own where
    /// there are none any more.
    pub(super) fn carry(&mut self, instruments: &[Instrument]) {
        if let Some(instrument) = instruments.iter().find(|instrument| instrument.symbol == *self.symbol()) {
            self.instrument = instrument.clone();
        }
        self.gaps.clear();
        for group in &mut self.groups {
            group.orders.change_all(Order::carry);
        }
    }
}

impl Order {
    fn carry(&mut self) {
        (self.requested, self.asked) = (CARRIED, CARRIED);
        self.query = self.query.map(|_| CARRIED);
        for fill in &mut self.fills {
            fill.booked = CARRIED;
        }
    }
}
