//! When a run saves the whole state of its ledger beside its log: at growing distances, so that all that is saved is
//! at most some two and a half times the last of it, and at its end.

use std::collections::BTreeMap;

use retrace_core::ids::{PlanNo, Seq};
use retrace_core::saved::FoldState;
use retrace_core::step::{Step, TapePosition};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, Ledger, Plan};

/// After how many times as many events it saves the next one.
const GROWTH: u64 = 4;

/// What a run has saved, and what waits to be.
pub(crate) struct Saving<'a> {
    begin: &'a Book,
    /// The first state is saved from this event on.
    first: u64,
    /// The next one is.
    next: u64,
    /// The last Step that the store has.
    last: Option<Last>,
    /// What stands behind that Step and is not put yet.
    waiting: Option<FoldState>,
}

struct Last {
    seq: Seq,
    time: Timestamp,
    tape: TapePosition,
    saved: bool,
}

impl<'a> Saving<'a> {
    pub(crate) const fn new(begin: &'a Book, first: u64) -> Self {
        Self { begin, first, next: first, last: None, waiting: None }
    }

    /// The store had this Step before. It has others behind it, unless the run ends here: nothing is saved on the way.
    pub(crate) fn pass(&mut self, step: &Step) {
        self.note(step);
        self.reach(step.last_seq());
    }

    /// The store has taken this Step.
    pub(crate) fn note(&mut self, step: &Step) {
        self.last = Some(Last { seq: step.last_seq(), time: step.time, tape: step.tape, saved: false });
    }

    /// Shows the ledger behind the last Step, and all plans that have left it.
    pub(crate) fn decided(&mut self, ledger: &Ledger, sealed: &BTreeMap<PlanNo, Plan>) {
        if let Some(seq) = self.last.as_ref().map(|last| last.seq).filter(|seq| seq.0 >= self.next) {
            self.save(ledger, sealed);
            self.reach(seq);
        }
    }

    /// The same at the run's end.
    pub(crate) fn end(&mut self, ledger: &Ledger, sealed: &BTreeMap<PlanNo, Plan>) {
        if self.last.as_ref().is_some_and(|last| last.seq.0 >= self.first && !last.saved) {
            self.save(ledger, sealed);
        }
    }

    /// What is to be put now, before the store takes anything else.
    pub(crate) fn take(&mut self) -> Option<FoldState> {
        self.waiting.take()
    }

    fn save(&mut self, ledger: &Ledger, sealed: &BTreeMap<PlanNo, Plan>) {
        if let Some(last) = &mut self.last {
            last.saved = true;
            self.waiting = self.begin.save_run(ledger, sealed, last.time, last.tape);
        }
    }

    /// The next state is saved after [`GROWTH`] times as many events.
    fn reach(&mut self, seq: Seq) {
        while self.next <= seq.0 {
            self.next = self.next.saturating_mul(GROWTH).max(1);
        }
    }
}
