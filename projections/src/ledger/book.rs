//! A ledger together with its sealed plans, in memory.

use std::collections::BTreeMap;

use retrace_core::event::Event;
use retrace_core::ids::PlanNo;
use retrace_core::manifest::Identity;

use super::{BrokenHistory, Ledger, Plan};

/// A ledger that keeps its sealed plans itself: for reading commands, tests, and sessions that fit in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    ledger: Ledger,
    archive: BTreeMap<PlanNo, Plan>,
}

impl Book {
    /// An empty book.
    pub fn new(identity: &Identity) -> Self {
        Self::of(Ledger::new(identity))
    }

    /// A book that begins with `ledger`.
    pub const fn of(ledger: Ledger) -> Self {
        Self { ledger, archive: BTreeMap::new() }
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
        if let Some(plan) = self.ledger.needs(event).and_then(|no| self.archive.remove(&no)) {
            self.ledger.restore(plan);
        }
        self.ledger.apply(event)?;
        for plan in self.ledger.take_sealed() {
            self.archive.insert(plan.no, plan);
        }
        Ok(())
    }

    /// Every plan, sealed or not, in order of number.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        let mut all: BTreeMap<PlanNo, &Plan> = self.ledger.plans().map(|plan| (plan.no, plan)).collect();
        all.extend(self.archive.iter().map(|(no, plan)| (*no, plan)));
        all.into_values()
    }

    /// A plan, sealed or not.
    pub fn plan(&self, no: PlanNo) -> Option<&Plan> {
        self.ledger.plan(no).or_else(|| self.archive.get(&no))
    }
}
