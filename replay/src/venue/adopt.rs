//! A bar venue that goes on from a ledger: it has what that one shows it to have, and nothing else. A function of the
//! ledger, so a session that continues another is run again from the other's last ledger alone.
//!
//! A request that was under way when the other session ended never arrived: of an order without an answer the venue knows
//! nothing, and one whose change has no answer stands as it did. The worker asks for each of them first.

use retrace_core::manifest::Identity;
use retrace_core::order::OrderStatus;
use retrace_projections::ledger::{Group, Ledger, Order, Plan};

use super::BarVenue;
use super::book::Resting;

impl BarVenue {
    /// The venue of a session that begins with `ledger`, before any price. From an empty ledger, the same as
    /// [`BarVenue::new`].
    pub fn adopting(identity: &Identity, ledger: &Ledger) -> Self {
        let mut venue = Self::new(identity);
        for symbol in ledger.dust_symbols() {
            venue.dust.insert(symbol.clone(), ledger.dust(symbol));
        }
        for plan in ledger.plans() {
            if !plan.accounting.is_empty() {
                venue.positions.insert(plan.no, (plan.symbol().clone(), plan.held()));
            }
            for group in &plan.groups {
                for order in group.orders.open().filter(|order| stands(order)) {
                    // Requests arrive in the order in which they were made.
                    venue.resting.insert(u64::from(order.no.0), resting(plan, group, order));
                }
            }
        }
        // No more orders were accepted than were requested, so no name is given twice.
        venue.next_acceptance = u64::from(ledger.last_order().0);
        venue.next_trade = ledger.last_trade_number().saturating_add(1);
        venue
    }
}

/// Whether the venue has it, as far as is known.
fn stands(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Open | OrderStatus::PartiallyFilled) && !order.is_unknown()
}

fn resting(plan: &Plan, group: &Group, order: &Order) -> Resting {
    let mut resting = Resting {
        order: order.no,
        plan: plan.no,
        direction: plan.direction,
        symbol: plan.symbol().clone(),
        side: order.side,
        terms: order.terms,
        quantity: order.quantity,
        filled: order.filled(),
        reduce_only: order.reduce_only,
        good_till: order.time_in_force.good_till(),
        size_free: order.is_size_free(),
        post_only: order.role == group.role() && group.entry.post_only,
        triggered: false,
    };
    // One that has begun to fill was set off, whether or not the venue said so first.
    resting.triggered = resting.is_stop() && (order.set_off || !order.filled().is_flat());
    resting
}
