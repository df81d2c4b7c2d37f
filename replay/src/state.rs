//! All that a decision may depend on: the ledger, and the prices seen last.

use std::collections::BTreeMap;

use retrace_core::amount::Price;
use retrace_core::event::{Input, Mark, Report, ReportedOrder};
use retrace_core::ids::PlanNo;
use retrace_core::instrument::Symbol;
use retrace_core::manifest::Identity;
use retrace_core::order::Side;
use retrace_core::policy::ExecutionPolicy;
use retrace_core::venue::VenueProfile;
use retrace_projections::ledger::Ledger;

/// All that a decision may depend on. Two equal states decide the same.
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
    /// Where a session begins.
    pub fn new(identity: &Identity) -> Self {
        Self {
            ledger: Ledger::new(identity),
            market: BTreeMap::new(),
            profile: identity.venue.profile.clone(),
            policy: identity.policy.clone(),
        }
    }

    /// What follows from the log.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The ledger, for whoever drives the fold: to take away plans that were sealed and to bring one back. Events are
    /// applied by [`crate::step`] alone.
    pub const fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The sealed plan that an input names, if it names one: whoever drives the fold brings it back before
    /// [`crate::step`] ([`Ledger::restore`]). A venue may report on an order long after its plan ended.
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
