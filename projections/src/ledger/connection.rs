//! The connection to the venue: what its beginning leaves to be asked.

use retrace_core::event::Event;
use retrace_core::ids::{OrderNo, PlanNo};

use super::{BrokenHistory, Conflict, Ledger};

impl Ledger {
    /// Whether the venue can be asked for something. A session begins connected.
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Every trade that was told with two bodies, in order.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The orders of which it is not known what became of a request: it has no answer, or the venue said that it does
    /// not know them. In order of their plans and numbers.
    pub fn unanswered(&self) -> Vec<(PlanNo, OrderNo)> {
        let mut unanswered = Vec::new();
        for plan in self.plans.values() {
            let orders = plan
                .open_orders()
                .filter(|order| order.is_unanswered() || order.is_ended_unanswered() || order.is_unknown());
            let mut orders: Vec<_> = orders.map(|order| (plan.no, order.no)).collect();
            orders.sort_unstable();
            unanswered.append(&mut orders);
        }
        unanswered
    }

    pub(super) fn ask_where_it_stands(&mut self, event: &Event) -> Result<(), BrokenHistory> {
        let no = event.order.ok_or(BrokenHistory::Nameless { seq: event.seq, what: "order" })?;
        self.change_order(event, no, |order| {
            order.ask_where_it_stands(event.seq);
            Ok(())
        })
    }
}
