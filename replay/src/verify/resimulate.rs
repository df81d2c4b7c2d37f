//! Runs the whole backtest again from its tape, venue included: every Step must be the recorded one, byte for byte.

use retrace_core::event::{Event, Input};
use retrace_core::frame::{FrameError, encode_frame};
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::scan_log;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::Book;

use super::redecide::input_of;
use super::{Finding, RESIMULATE, difference};
use crate::backtest::{Backtest, Given, Recorder, RunError};
use crate::tape::Tape;

/// What is remembered of the recorded run: what it was given, and 16 bytes of each Step's hash.
#[derive(Default)]
pub(super) struct Recorded {
    given: Vec<(Timestamp, Given)>,
    steps: Vec<[u8; 16]>,
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
        self.steps.push(hash(step).unwrap_or_default());
    }
}

fn hash(step: &Step) -> Result<[u8; 16], FrameError> {
    let frame = encode_frame(step)?;
    let mut short = [0; 16];
    blake3::Hasher::new().update(&frame).finalize_xof().fill(&mut short);
    Ok(short)
}

/// Compares each Step of the new run with the recorded one.
struct Comparing {
    recorded: std::vec::IntoIter<[u8; 16]>,
    finished: bool,
    matched: u64,
}

enum Stopped {
    /// The new run has another Step here.
    Other(Vec<Event>),
    /// The recorded run was interrupted here: all of it happened again.
    RecordEnds,
    Frame(FrameError),
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Other(_) => f.write_str("another Step"),
            Self::RecordEnds => f.write_str("the record ends"),
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl Recorder for Comparing {
    type Error = Stopped;

    fn record(&mut self, step: &Step) -> Result<Seq, Stopped> {
        match self.recorded.next() {
            Some(recorded) if recorded == hash(step).map_err(Stopped::Frame)? => {
                self.matched = self.matched.saturating_add(1);
                Ok(step.last_seq())
            }
            None if !self.finished => Err(Stopped::RecordEnds),
            Some(_) | None => Err(Stopped::Other(step.events.clone())),
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
) -> Result<(u64, Vec<Finding>), StoreError> {
    let Recorded { given, steps } = recorded;
    let mut comparing = Comparing { recorded: steps.into_iter(), finished, matched: 0 };
    let identity = reader.manifest(session)?.identity;
    let outcome = Backtest::beginning(&identity, tape, given, begin).run(&mut comparing);
    let findings = match outcome {
        Ok(()) if comparing.recorded.len() == 0 => Vec::new(),
        Err(RunError::Recorder(Stopped::RecordEnds)) => Vec::new(),
        Ok(()) => {
            let what = format!("the run again ends {} Steps before the recorded one", comparing.recorded.len());
            vec![Finding::new(RESIMULATE, None, what)]
        }
        Err(RunError::Recorder(Stopped::Other(events))) => {
            vec![other_step(reader, session, begin, comparing.matched, &events)?]
        }
        Err(RunError::Recorder(Stopped::Frame(error))) => vec![Finding::new(RESIMULATE, None, error.to_string())],
        Err(RunError::Engine(error)) => vec![Finding::new(RESIMULATE, None, error.to_string())],
        Err(error @ RunError::Restless { .. }) => vec![Finding::new(RESIMULATE, None, error.to_string())],
        Err(RunError::Venue(error)) => vec![Finding::new(RESIMULATE, None, error.to_string())],
    };
    Ok((comparing.matched, findings))
}

fn other_step(
    reader: &dyn LogReader,
    session: SessionUid,
    begin: &Book,
    place: u64,
    made: &[Event],
) -> Result<Finding, StoreError> {
    let mut counted = 0_u64;
    let mut recorded = None;
    scan_log(
        reader,
        session,
        &mut |step| {
            if counted == place {
                recorded = Some(step);
            }
            counted = counted.saturating_add(1);
            recorded.is_none()
        },
        &mut |_| {},
    )?;
    if let Some(step) = recorded {
        return difference::tell(reader, session, begin, RESIMULATE, "the run again takes another turn", &step, made);
    }
    let seq = made.first().map(|event| event.seq);
    Ok(Finding::new(RESIMULATE, seq, "the run again goes on after the log's end".to_owned()))
}
