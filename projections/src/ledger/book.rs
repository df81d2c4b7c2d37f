//! A ledger together with its sealed plans, in memory.

use bincode::{Decode, Encode};
use std::collections::BTreeMap;

use retrace_core::event::Event;
use retrace_core::ids::PlanNo;
use retrace_core::manifest::Identity;

use super::{BrokenHistory, Ledger, Plan};

/// A ledger that keeps its sealed plans itself: for reading commands, tests, and sessions that fit in memory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Book {
    pub(super) ledger: Ledger,
    pub(super) archive: BTreeMap<PlanNo, Plan>,
    /// What ended in a session before this one: no part of it, unless a report on it comes yet.
    pub(super) ended_before: BTreeMap<PlanNo, Plan>,
}

impl Book {
    /// An empty book.
    pub fn new(identity: &Identity) -> Self {
        Self::of(Ledger::new(identity))
    }

    /// A book that begins with `ledger`.
    pub const fn of(ledger: Ledger) -> Self {
        Self { ledger, archive: BTreeMap::new(), ended_before: BTreeMap::new() }
    }

    /// The first book of a session that goes on from the one whose last book is `parent` ([`Ledger::continued`]).
    pub fn continuing(identity: &Identity, parent: Self) -> Self {
        let Self { ledger, archive, mut ended_before } = parent;
        ended_before.extend(archive);
        for plan in ended_before.values_mut() {
            plan.carry(&identity.instruments);
        }
        Self { ledger: Ledger::continued(identity, ledger), archive: BTreeMap::new(), ended_before }
    }

    /// The ledger: all but the sealed plans.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Folds one event, bringing back and putting away sealed plans as needed.
    ///
    /// # Errors
    /// [`BrokenHistory`] if the log holds a fact that our own code could not have recorded.
    pub fn apply(&mut self, event: &Event) -> Result<(), BrokenHistory> {
        let needed = self.ledger.needs(event);
        let before = needed.and_then(|no| self.ended_before.remove(&no));
        if let Some(plan) = before.clone().or_else(|| needed.and_then(|no| self.archive.remove(&no))) {
            self.ledger.restore(plan);
        }
        self.ledger.apply(event)?;
        for plan in self.ledger.take_sealed() {
            // What a report changed nothing of is as it ended before.
            let kept = if before.as_ref() == Some(&plan) { &mut self.ended_before } else { &mut self.archive };
            kept.insert(plan.no, plan);
        }
        Ok(())
    }

    /// Every plan, sealed or not, in order of number; without those that ended before the session began.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        let mut all: BTreeMap<PlanNo, &Plan> = self.ledger.plans().map(|plan| (plan.no, plan)).collect();
        all.extend(self.archive.iter().map(|(no, plan)| (*no, plan)));
        all.into_values()
    }

    /// A plan, sealed or not, also one that ended before the session began.
    pub fn plan(&self, no: PlanNo) -> Option<&Plan> {
        self.ledger.plan(no).or_else(|| self.archive.get(&no)).or_else(|| self.ended_before.get(&no))
    }

    /// Every plan that is sealed, also before the session began: what an engine that begins here may need.
    pub fn sealed(&self) -> BTreeMap<PlanNo, Plan> {
        let all = self.ended_before.iter().chain(&self.archive);
        all.map(|(no, plan)| (*no, plan.clone())).collect()
    }
}
