//! All that a decision may depend on: the ledger, and the prices seen last.

use std::collections::BTreeMap;

use retrace_core::amount::Price;
use retrace_core::event::{Event, Input, Mark, Report, ReportedOrder};
use retrace_core::ids::PlanNo;
use retrace_core::instrument::Symbol;
use retrace_core::manifest::Identity;
use retrace_core::order::Side;
use retrace_core::policy::ExecutionPolicy;
use retrace_core::venue::VenueProfile;
use retrace_projections::ledger::{Book, BrokenHistory, Ledger, Plan};

/// All that a decision may depend on. Two equal states decide the same.
///
/// A state belongs to one session of one strategy instance, and shows its ledger to read:
///
/// ```
/// fn plans(state: &mut retrace_replay::State) -> usize {
///     state.ledger().plans().count()
/// }
/// ```
///
/// Nobody outside puts another instance's ledger into it, or writes to its ledger:
///
/// ```compile_fail,E0616
/// fn plans(state: &mut retrace_replay::State, other: retrace_projections::ledger::Ledger) -> usize {
///     state.ledger = other;
///     state.ledger().plans().count()
/// }
/// ```
///
/// ```compile_fail,E0596
/// fn plans(state: &mut retrace_replay::State, event: &retrace_core::event::Event) -> usize {
///     let _ = state.ledger().apply(event);
///     state.ledger().plans().count()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What follows from the log.
    pub(crate) ledger: Ledger,
    /// What the market showed last.
    market: BTreeMap<Symbol, Mark>,
    /// What the venue can do.
    pub(crate) profile: VenueProfile,
    /// What holds for all orders of the session.
    pub(crate) policy: ExecutionPolicy,
}

impl State {
    /// Where a session begins that continues none.
    pub fn new(identity: &Identity) -> Self {
        Self::of(identity, Ledger::new(identity))
    }

    /// Where a session begins whose first book is `begin`: an empty one, or one that goes on from another session's last
    /// ([`Book::continuing`]). What is sealed in it is for whoever drives the engine to keep ([`Book::sealed`]).
    pub fn beginning(identity: &Identity, begin: &Book) -> Self {
        Self::of(identity, begin.ledger().clone())
    }

    fn of(identity: &Identity, ledger: Ledger) -> Self {
        Self {
            ledger,
            market: BTreeMap::new(),
            profile: identity.venue.profile.clone(),
            policy: identity.policy.clone(),
        }
    }

    /// What follows from the log.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The plans that were sealed since the last call, in order of sealing: whoever drives the engine keeps them.
    pub fn take_sealed(&mut self) -> Vec<Plan> {
        self.ledger.take_sealed()
    }

    /// Brings a sealed plan back. Only the one that was sealed is taken, as it was.
    pub fn restore(&mut self, plan: Plan) {
        self.ledger.restore(plan);
    }

    /// Takes an event from the session's own log without deciding again: an engine that begins where another one ended.
    /// What is new is decided by [`crate::step`] alone.
    ///
    /// # Errors
    /// [`BrokenHistory`] if the log holds a fact that our own code could not have recorded.
    pub fn fold(&mut self, event: &Event) -> Result<(), BrokenHistory> {
        self.ledger.apply(event)
    }

    /// The sealed plan that an input names, if it names one: whoever drives the engine brings it back before
    /// [`crate::step`] ([`State::restore`]). A venue may report on an order long after its plan ended.
    pub fn needs(&self, input: &Input) -> Option<PlanNo> {
        let Input::Report(Report { order: ReportedOrder::Ours(order), .. }) = input else { return None };
        self.ledger.plan_of(*order).filter(|plan| self.ledger.is_sealed(*plan))
    }

    /// Notes the price point processed last. Decides nothing: what wakes the worker is a directive, a report or a
    /// timer, never a market tick.
    pub fn see(&mut self, symbol: &Symbol, mark: Mark) {
        if let Some(seen) = self.market.get_mut(symbol) {
            *seen = mark;
        } else {
            self.market.insert(symbol.clone(), mark);
        }
    }

    /// The current price of a symbol, as plans of this direction see it; `None` before the first.
    pub fn price(&self, symbol: &Symbol, direction: Side) -> Option<Price> {
        self.market.get(symbol).map(|mark| mark.for_plan(direction))
    }
}
