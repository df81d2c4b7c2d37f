//! Feeds the recorded inputs to the engine again: every decision must be the recorded one.

use std::collections::BTreeMap;

use retrace_core::event::{Event, Fact, Input};
use retrace_core::ids::{PlanNo, SessionUid};
use retrace_core::manifest::Identity;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_projections::ledger::{Book, Plan};

use super::market::MarketView;
use super::{Engine, Finding, REDECIDE, difference};
use crate::state::State;
use crate::tape::Tape;

pub(super) struct Redecide<'a> {
    engine: Engine,
    state: State,
    /// Plans that ended: a venue may report on one again.
    sealed: BTreeMap<PlanNo, Plan>,
    market: MarketView<'a>,
    decided: u64,
    found: Option<Found>,
}

/// The first difference: after it every other would follow from it.
struct Found {
    recorded: Step,
    decided: Result<Vec<Event>, String>,
}

impl<'a> Redecide<'a> {
    pub(super) fn new(identity: &Identity, tape: &'a Tape, engine: Engine, begin: &Book) -> Self {
        Self {
            engine,
            state: State::beginning(identity, begin),
            sealed: begin.sealed(),
            market: MarketView::new(identity, tape),
            decided: 0,
            found: None,
        }
    }

    /// Whether the log was decided otherwise, and nothing is compared any more.
    pub(super) const fn differs(&self) -> bool {
        self.found.is_some()
    }

    pub(super) const fn decided(&self) -> u64 {
        self.decided
    }

    pub(super) fn step(&mut self, recorded: &Step) {
        if self.found.is_some() {
            return;
        }
        let Some(input) = input_of(recorded) else { return };
        self.market.show(&mut self.state, recorded.tape);
        if let Some(plan) = self.state.needs(input).and_then(|no| self.sealed.remove(&no)) {
            self.state.restore(plan);
        }
        let decided = (self.engine)(&mut self.state, recorded.time, input.clone()).map_err(|error| error.to_string());
        self.sealed.extend(self.state.take_sealed().into_iter().map(|plan| (plan.no, plan)));
        if decided.as_ref() == Ok(&recorded.events) {
            let decisions = u64::try_from(recorded.decisions().count()).unwrap_or(u64::MAX);
            self.decided = self.decided.saturating_add(decisions);
        } else {
            self.found = Some(Found { recorded: recorded.clone(), decided });
        }
    }

    pub(super) fn finish(
        self,
        reader: &dyn LogReader,
        session: SessionUid,
        begin: &Book,
    ) -> Result<Option<Finding>, StoreError> {
        let Some(Found { recorded, decided }) = self.found else { return Ok(None) };
        let finding = match decided {
            Ok(events) => {
                let what = "today's code decides otherwise";
                difference::tell(reader, session, begin, REDECIDE, what, &recorded, &events)?
            }
            Err(error) => {
                let what = format!("today's code does not take this input: {error}");
                Finding::new(REDECIDE, Some(recorded.first_seq()), what)
            }
        };
        Ok(Some(finding))
    }
}

/// The input that a Step began with; `None` where it is of a kind that this build does not know.
pub(crate) fn input_of(step: &Step) -> Option<&Input> {
    match &step.events.first()?.fact {
        Fact::Input(input) => Some(input),
        Fact::Decision(_) | Fact::Unknown(_) => None,
    }
}
