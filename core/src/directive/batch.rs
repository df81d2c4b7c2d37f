//! Several trades in one directive: its legs, and what the strategist says of how they hang together.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::{ClosePlans, Intent, ModifyPlans, NewTrade, Scope, StrategyDirective};
use crate::ids::{PlanId, SessionUid, derive_plan_id};
use crate::policy::{BatchDefaults, BatchPolicy};
use crate::time::Span;

/// Several trades of one directive, which is one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct Batch {
    /// How they hang together; `None` lets the session's configuration decide, by scope.
    pub policy: Option<BatchPolicy>,
    /// The trades, in the order in which they begin; never empty.
    pub legs: Legs,
}

/// The legs of a batch: all of the directive's scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Legs {
    /// Plans to open, one a leg.
    NewTrade(Vec<Leg<NewTrade>>),
    /// Plans to change; a leg that names several changes them by one rule.
    Modify(Vec<Leg<ModifyPlans>>),
    /// Plans to close; a leg that names several closes each of them alike.
    Close(Vec<Leg<ClosePlans>>),
}

/// One leg as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct Leg<T> {
    /// What is wanted.
    pub trade: T,
    /// How long it may take from when it begins, on the session's clock; `None` without a deadline of its own.
    pub timeout: Option<Span>,
}

/// One trade of a directive, for one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trade<'a> {
    /// To be opened.
    New(&'a NewTrade),
    /// To be changed.
    Modify(&'a ModifyPlans),
    /// To be closed.
    Close(&'a ClosePlans),
}

/// One trade of a directive with the plan that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanTrade<'a> {
    /// The plan: named, or derived from the directive id and the leg's place.
    pub plan_id: PlanId,
    /// What is wanted of it.
    pub trade: Trade<'a>,
    /// How long it may take from when it begins.
    pub timeout: Option<Span>,
}

impl Legs {
    /// The scope of every leg.
    pub const fn scope(&self) -> Scope {
        match self {
            Self::NewTrade(_) => Scope::NewTrade,
            Self::Modify(_) => Scope::ModifyExisting,
            Self::Close(_) => Scope::CloseExisting,
        }
    }
}

impl StrategyDirective {
    /// What it trades, plan by plan in its own order; nothing where it orders something of groups. A plan that it does not name has an id made of `session`, the
    /// directive's id and the leg's place.
    pub fn trades(&self, session: SessionUid) -> Vec<PlanTrade<'_>> {
        let new = |new, place, timeout| self.opens(new, session, place, timeout);
        match &self.intent {
            Intent::Group(_) | Intent::CancelAll(_) => Vec::new(),
            Intent::NewTrade(one) => vec![new(one, 0, None)],
            Intent::Modify(one) => of_plans(&one.plans, Trade::Modify(one), None).collect(),
            Intent::Close(one) => of_plans(&one.plans, Trade::Close(one), None).collect(),
            Intent::Batch(Batch { legs: Legs::NewTrade(legs), .. }) => {
                (0..).zip(legs).map(|(place, leg)| new(&leg.trade, place, leg.timeout)).collect()
            }
            Intent::Batch(Batch { legs: Legs::Modify(legs), .. }) => {
                legs.iter().flat_map(|leg| of_plans(&leg.trade.plans, Trade::Modify(&leg.trade), leg.timeout)).collect()
            }
            Intent::Batch(Batch { legs: Legs::Close(legs), .. }) => {
                legs.iter().flat_map(|leg| of_plans(&leg.trade.plans, Trade::Close(&leg.trade), leg.timeout)).collect()
            }
        }
    }

    fn opens<'a>(&self, new: &'a NewTrade, session: SessionUid, place: u32, timeout: Option<Span>) -> PlanTrade<'a> {
        let derived = || derive_plan_id(session, &self.directive_id, place);
        PlanTrade { plan_id: new.plan_id.clone().unwrap_or_else(derived), trade: Trade::New(new), timeout }
    }

    /// How its trades hang together: as it says, else as `defaults` has it for its scope. `None` where there is nothing
    /// to coordinate: a trade without legs and without a policy of its own, or a uniform rule for several plans where
    /// nothing is configured, which is carried out plan by plan.
    pub fn batch_policy(&self, defaults: &BatchDefaults) -> Option<BatchPolicy> {
        let usual = defaults.of(self.scope());
        match &self.intent {
            Intent::Batch(batch) => Some(batch.policy.unwrap_or(usual)),
            Intent::Modify(ModifyPlans { plans, .. }) | Intent::Close(ClosePlans { plans, .. }) => {
                Some(usual).filter(|usual| plans.len() > 1 && *usual != BatchPolicy::PARALLEL)
            }
            Intent::NewTrade(_) | Intent::Group(_) | Intent::CancelAll(_) => None,
        }
    }
}

fn of_plans<'a>(plans: &[PlanId], trade: Trade<'a>, timeout: Option<Span>) -> impl Iterator<Item = PlanTrade<'a>> {
    plans.iter().map(move |plan_id| PlanTrade { plan_id: plan_id.clone(), trade, timeout })
}
