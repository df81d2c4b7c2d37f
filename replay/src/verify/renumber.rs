//! Two numberings of one log: as it was recorded, and with what was delivered again in between.

use std::collections::BTreeMap;

use retrace_core::event::{Decision, Event, Fact, Input, Refusal, Report};
use retrace_core::ids::{DirectiveId, Seq};

/// How far events have moved by what was put between them.
#[derive(Default)]
pub(super) struct Renumbered {
    /// From which recorded event on, and by how much in all; ascending.
    moved: Vec<(Seq, u64)>,
    /// New ids of directives that were delivered again, with those that they were recorded under.
    names: BTreeMap<DirectiveId, DirectiveId>,
}

impl Renumbered {
    /// Notes that `events` were put after the recorded event `last`.
    pub(super) fn insert(&mut self, last: Seq, events: u64) {
        let by = self.moved.last().map_or(0, |(_, by)| *by).saturating_add(events);
        self.moved.push((last.next(), by));
    }

    /// Notes that a directive was delivered under another id, too.
    pub(super) fn rename(&mut self, new: DirectiveId, recorded: DirectiveId) {
        self.names.insert(new, recorded);
    }

    /// Where a recorded event stands now.
    fn now(&self, recorded: Seq) -> Seq {
        let place = self.moved.partition_point(|(from, _)| *from <= recorded);
        let by = place.checked_sub(1).and_then(|place| self.moved.get(place)).map_or(0, |(_, by)| *by);
        Seq(recorded.0.saturating_add(by))
    }

    /// Where an event that stands there now was recorded.
    fn recorded(&self, now: Seq) -> Seq {
        let place = self.moved.partition_point(|(from, by)| from.0.saturating_add(*by) <= now.0);
        let by = place.checked_sub(1).and_then(|place| self.moved.get(place)).map_or(0, |(_, by)| *by);
        Seq(now.0.saturating_sub(by))
    }

    /// An input as it is to be given: what it answers stands elsewhere now.
    pub(super) fn input(&self, recorded: &Input) -> Input {
        let mut given = recorded.clone();
        if let Input::Report(Report { answers: Some(seq), .. }) = &mut given {
            *seq = self.now(*seq);
        }
        given
    }

    /// An event as it would have been recorded.
    pub(super) fn event(&self, now: &Event) -> Event {
        let seq = |seq: &mut Seq| *seq = self.recorded(*seq);
        let mut event = now.clone();
        seq(&mut event.seq);
        event.cause.iter_mut().for_each(seq);
        match &mut event.fact {
            Fact::Input(Input::Report(report)) => report.answers.iter_mut().for_each(seq),
            Fact::Decision(decision) => {
                if let Some(first) = first_seq(decision) {
                    seq(first);
                }
                if let Some(name) = directive(decision)
                    && let Some(recorded) = self.names.get(name)
                {
                    *name = recorded.clone();
                }
            }
            Fact::Input(_) | Fact::Unknown(_) => {}
        }
        event
    }
}

/// The earlier event that a decision names, if it names one.
const fn first_seq(decision: &mut Decision) -> Option<&mut Seq> {
    if let Decision::DirectiveRepeated { first, .. }
    | Decision::TradeRepeated { first, .. }
    | Decision::DirectiveRefused { refusal: Refusal::Conflict { first, .. }, .. } = decision
    {
        Some(first)
    } else {
        None
    }
}

/// The directive that a decision names, if it names one.
const fn directive(decision: &mut Decision) -> Option<&mut DirectiveId> {
    if let Decision::DirectiveRefused { directive, .. }
    | Decision::DirectiveRepeated { directive, .. }
    | Decision::NothingToDo { directive, .. }
    | Decision::PlanAccepted { directive, .. }
    | Decision::TargetSet { directive, .. }
    | Decision::ExitsSet { directive, .. }
    | Decision::StopLimitSet { directive, .. }
    | Decision::StopTrailSet { directive, .. }
    | Decision::GroupOpened { directive, .. }
    | Decision::CloseStarted { directive, .. }
    | Decision::GroupCancelled { directive, .. }
    | Decision::AllCancelled { directive, .. }
    | Decision::OrdersModified { directive, .. }
    | Decision::GroupPaused { directive, .. }
    | Decision::GroupResumed { directive, .. }
    | Decision::BatchStarted { directive, .. } = decision
    {
        Some(directive)
    } else {
        None
    }
}
