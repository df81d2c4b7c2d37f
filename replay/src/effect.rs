//! What leaves the process: requests to a venue, each with the event that decided it, held back until that event may
//! not be lost any more.

use std::collections::VecDeque;

use retrace_core::amount::{Price, Quantity};
use retrace_core::event::{Decision, Event, Fact};
use retrace_core::ids::{OrderId, OrderNo, PlanNo, Seq};
use retrace_core::instrument::Symbol;
use retrace_core::order::{OrderTerms, Side, TimeInForce};
use retrace_projections::ledger::Ledger;

/// A request to a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The event that decided it.
    pub seq: Seq,
    /// The plan it belongs to.
    pub plan: PlanNo,
    /// Which way that plan stands.
    pub direction: Side,
    /// What is traded.
    pub symbol: Symbol,
    /// The order's dense number.
    pub order: OrderNo,
    /// The order's id at the venue.
    pub client_order_id: OrderId,
    /// What is asked for.
    pub request: VenueRequest,
}

/// What a venue is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VenueRequest {
    /// A new order.
    Place {
        /// Buy or sell.
        side: Side,
        /// Its type and prices.
        terms: OrderTerms,
        /// How much.
        quantity: Quantity,
        /// How long it stands.
        time_in_force: TimeInForce,
        /// Whether it may only make liquidity.
        post_only: bool,
        /// Whether it may only reduce the position.
        reduce_only: bool,
    },
    /// A change of a working order.
    Amend {
        /// Its whole quantity, filled part included.
        quantity: Quantity,
        /// Its price or trigger; `None` for an order that has none.
        price: Option<Price>,
    },
    /// The end of a working order.
    Cancel,
    /// Where an order stands. A venue answers it after every request for the order that reached it before; of one that
    /// it does not know, once no request for it can reach it any more.
    Query,
}

/// The effect that an event has outside, if any. `ledger` is the ledger after that event, or after its Step: a plan
/// is not sealed while it still asks for something.
pub fn effect_of(event: &Event, ledger: &Ledger) -> Option<Effect> {
    let Fact::Decision(decision) = &event.fact else { return None };
    let request = match decision {
        Decision::OrderRequested { side, terms, quantity, time_in_force, post_only, reduce_only, .. } => {
            VenueRequest::Place {
                side: *side,
                terms: *terms,
                quantity: *quantity,
                time_in_force: *time_in_force,
                post_only: *post_only,
                reduce_only: *reduce_only,
            }
        }
        Decision::AmendRequested { quantity, price, because: _ } => {
            VenueRequest::Amend { quantity: *quantity, price: *price }
        }
        Decision::CancelRequested { because: _ } => VenueRequest::Cancel,
        Decision::QueryRequested => VenueRequest::Query,
        Decision::DirectiveRefused { .. }
        | Decision::DirectiveRepeated { .. }
        | Decision::NothingToDo { .. }
        | Decision::PlanAccepted { .. }
        | Decision::TargetSet { .. }
        | Decision::ExitsSet { .. }
        | Decision::PlanOpened
        | Decision::GroupOpened { .. }
        | Decision::SlicesDropped { .. }
        | Decision::GroupEnded { .. }
        | Decision::TimerSet { .. }
        | Decision::TimerDropped { .. }
        | Decision::CloseStarted { .. }
        | Decision::CloseGaveUp { .. }
        | Decision::StopPassed { .. }
        | Decision::StopLimitSet { .. }
        | Decision::StopTrailSet { .. }
        | Decision::ProtectionGapChanged { .. }
        | Decision::PlanClosed { .. }
        | Decision::OrderInferred { .. }
        | Decision::TradeBooked { .. }
        | Decision::GroupCancelled { .. }
        | Decision::AllCancelled { .. }
        | Decision::OrdersModified { .. }
        | Decision::GroupPaused { .. }
        | Decision::GroupResumed { .. }
        | Decision::TradeRepeated { .. }
        | Decision::OrderRefused(_)
        | Decision::BatchStarted { .. }
        | Decision::BatchLegStarted { .. }
        | Decision::BatchLegEnded { .. }
        | Decision::BatchFailed { .. }
        | Decision::RollbackStarted { .. }
        | Decision::RollbackGaveUp { .. }
        | Decision::BatchEnded { .. } => return None,
    };
    let plan = ledger.plan(event.plan?)?;
    let order = plan.order(event.order?)?;
    Some(Effect {
        seq: event.seq,
        plan: plan.no,
        direction: plan.direction,
        symbol: plan.symbol().clone(),
        order: order.no,
        client_order_id: order.id,
        request,
    })
}

/// Effects that were decided and wait to leave, in order of their events.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Effect>,
}

impl Outbox {
    /// Takes the effects of a Step's events.
    pub fn hold(&mut self, events: &[Event], ledger: &Ledger) {
        self.waiting.extend(events.iter().filter_map(|event| effect_of(event, ledger)));
    }

    /// Gives up the next effect whose event lies at or before `durable`: write before act. For a venue inside the
    /// process, whose reports are lost together with it, that is the last appended event.
    pub fn release(&mut self, durable: Seq) -> Option<Effect> {
        self.waiting.pop_front_if(|effect| effect.seq <= durable)
    }

    /// Whose effects wait, in order.
    pub fn plans(&self) -> impl Iterator<Item = PlanNo> {
        self.waiting.iter().map(|effect| effect.plan)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
