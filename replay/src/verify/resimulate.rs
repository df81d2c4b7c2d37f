//! Runs the whole backtest again from its tape, venue included: every Step must be the recorded one, byte for byte.

use retrace_core::event::{Event, Input};
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::LogFault;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::Book;

use super::redecide::input_of;
use super::{Finding, RESIMULATE, difference};
use crate::backtest::{Backtest, Given, Recorder, RunError};
use crate::recorded::{Met, RecordedRun};
use crate::tape::Tape;

/// What the recorded run was given.
#[derive(Default)]
pub(super) struct Recorded {
    given: Vec<(Timestamp, Given)>,
    /// The number of its last event.
    last: u64,
}

impl Recorded {
    pub(super) fn note(&mut self, step: &Step) {
        match input_of(step) {
            Some(Input::DirectiveReceived(directive)) => {
                self.given.push((step.time, Given::Directive(directive.clone())));
            }
            Some(Input::OperatorCommanded(commanded)) => {
                self.given.push((step.time, Given::Operator(commanded.clone())));
            }
            Some(
                Input::SessionContinued(_)
                | Input::PriceMoved(_)
                | Input::TimerFired { .. }
                | Input::Report(_)
                | Input::TradeImported(_)
                | Input::ConnectionChanged { .. },
            )
            | None => {}
        }
        self.last = step.last_seq().0;
    }
}

/// Compares each Step of the new run with the recorded one.
struct Comparing<'a> {
    reader: &'a dyn LogReader,
    recorded: RecordedRun,
    /// How many events the log has, all of which were looked at before.
    before: u64,
    progress: &'a mut dyn FnMut(u64),
    finished: bool,
}

enum Stopped {
    /// The new run has another Step here than the recorded one, or goes on after the last.
    Other(Option<Box<Step>>, Vec<Event>),
    /// The recorded run was interrupted here: all of it happened again.
    RecordEnds,
    Log(LogFault),
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Other(..) => f.write_str("another Step"),
            Self::RecordEnds => f.write_str("the record ends"),
            Self::Log(fault) => fault.fmt(f),
        }
    }
}

impl Recorder for Comparing<'_> {
    type Error = Stopped;

    fn record(&mut self, step: &Step) -> Result<Seq, Stopped> {
        match self.recorded.meet(self.reader, step).map_err(Stopped::Log)? {
            Met::Same => {
                (self.progress)(self.before.saturating_add(step.last_seq().0));
                Ok(step.last_seq())
            }
            Met::RecordEnds if !self.finished => Err(Stopped::RecordEnds),
            Met::RecordEnds => Err(Stopped::Other(None, step.events.clone())),
            Met::Other(recorded) => Err(Stopped::Other(Some(recorded), step.events.clone())),
        }
    }
}

/// Runs the session again. Answers how many Steps were the same, and what differs.
pub(super) fn run(
    reader: &dyn LogReader,
    session: SessionUid,
    begin: &Book,
    tape: &Tape,
    recorded: Recorded,
    finished: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<(u64, Vec<Finding>), StoreError> {
    let Recorded { given, last } = recorded;
    let recorded = RecordedRun::new(reader, session)?;
    let mut comparing = Comparing { reader, recorded, before: last, progress, finished };
    let identity = reader.manifest(session)?.identity;
    let outcome = Backtest::beginning(&identity, tape, given, begin).run(&mut comparing);
    let same = comparing.recorded.same();
    let found = match outcome {
        Ok(()) => match comparing.recorded.left(reader) {
            Ok(0) => None,
            Ok(left) => Some(ends_before(left)),
            Err(fault) => Some(Finding::new(RESIMULATE, None, fault.to_string())),
        },
        Err(RunError::Recorder(Stopped::RecordEnds)) => None,
        Err(RunError::Recorder(Stopped::Other(Some(recorded), made))) => {
            Some(other_turn(reader, session, begin, &recorded, &made)?)
        }
        Err(RunError::Recorder(Stopped::Other(None, made))) => {
            let seq = made.first().map(|event| event.seq);
            Some(Finding::new(RESIMULATE, seq, "the run again goes on after the log's end".to_owned()))
        }
        Err(RunError::Recorder(Stopped::Log(fault))) => Some(Finding::new(RESIMULATE, None, fault.to_string())),
        Err(RunError::Engine(error)) => Some(Finding::new(RESIMULATE, None, error.to_string())),
        Err(error @ RunError::Restless { .. }) => Some(Finding::new(RESIMULATE, None, error.to_string())),
        Err(RunError::Venue(error)) => Some(Finding::new(RESIMULATE, None, error.to_string())),
    };
    Ok((same, found.into_iter().collect()))
}

/// The finding that a run made again has the events `made` where `recorded` was recorded, in a session that began with
/// `begin`.
///
/// # Errors
/// [`StoreError`] if the session or its manifest cannot be read.
pub fn other_turn(
    reader: &dyn LogReader,
    session: SessionUid,
    begin: &Book,
    recorded: &Step,
    made: &[Event],
) -> Result<Finding, StoreError> {
    difference::tell(reader, session, begin, RESIMULATE, "the run again takes another turn", recorded, made)
}

/// The finding that a run made again is over and `left` recorded Steps are not.
pub fn ends_before(left: u64) -> Finding {
    Finding::new(RESIMULATE, None, format!("the run again ends {left} Steps before the recorded one"))
}
