//! Which event led to which: the chain of causes behind a Step, without holding the log.

use retrace_core::ids::Seq;
use retrace_core::step::Step;

/// Of every Step its first event, and the event that led to its input (0 for none). Two numbers a Step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Causation(Vec<(Seq, Seq)>);

impl Causation {
    /// Notes the next Step.
    pub(crate) fn note(&mut self, step: &Step) {
        let cause = step.events.first().and_then(|input| input.cause);
        self.0.push((step.first_seq(), cause.unwrap_or(Seq(0))));
    }

    /// What led to the input of the Step that begins at `first`, the nearest first: the decision that asked for it, that
    /// decision's own input, what led to that, and so on.
    pub(crate) fn chain(&self, first: Seq) -> Vec<Seq> {
        let mut chain = Vec::new();
        let mut at = self.step_of(first);
        while let Some((own, cause)) = at {
            // An event is caused by an earlier one.
            if cause == Seq(0) || cause >= own {
                break;
            }
            chain.push(cause);
            at = self.step_of(cause);
            if let Some((input, _)) = at
                && input != cause
            {
                chain.push(input);
            }
        }
        chain
    }

    fn step_of(&self, seq: Seq) -> Option<(Seq, Seq)> {
        let behind = self.0.partition_point(|(first, _)| *first <= seq);
        behind.checked_sub(1).and_then(|place| self.0.get(place)).copied()
    }
}
