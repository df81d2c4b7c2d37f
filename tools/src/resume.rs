//! Going on with a backtest that was interrupted: restart is replay.
//!
//! It is run again from its first input, its venue included. As long as the record lasts, each Step must be the
//! recorded one; only what comes behind the last recorded Step is appended. So it ends as if it had never been stopped,
//! or nothing is written.

use retrace_core::event::Event;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::{LogFault, read_log};
use retrace_core::step::Step;
use retrace_core::store::{LogStore, StoreError};
use retrace_projections::ledger::{Ledger, Plan};
use retrace_replay::backtest::{Backtest, Recorder, RunError};
use retrace_replay::recorded::{Met, RecordedRun};
use retrace_replay::verify::{Finding, ends_before, other_turn};

use crate::recording::{Pace, StoreRecorder, Watching};
use crate::session::{LoadedSession, RecordError, Recorded, conclude_run};

/// What became of a session that was to be resumed.
#[derive(Debug)]
pub enum Resumed {
    /// It had come to its end already. Nothing was done.
    Finished,
    /// It came to its end.
    Ended {
        /// The last event that was there before; what follows is new.
        after: Seq,
        /// The whole session.
        recorded: Box<Recorded>,
    },
    /// The run takes another turn than the recorded one. Nothing was appended; the store must not be committed.
    Differs(Box<Finding>),
}

/// A session cannot be resumed. What was committed before stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// What is there cannot be read.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// The store, the engine or the simulated venue stopped the run.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<StoreError> for ResumeError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

/// Runs `session` of `store` to its end. `loaded` is what it was begun from: its identity, the market data and the
/// directives that this names.
///
/// # Errors
/// [`ResumeError`] if its log is not whole, or if anything stops the run.
pub fn resume(
    store: &mut dyn LogStore,
    session: SessionUid,
    loaded: &LoadedSession,
    pace: Pace,
    watching: Watching<'_>,
) -> Result<Resumed, ResumeError> {
    if store.checkpoints(session)?.iter().any(|checkpoint| checkpoint.finished) {
        return Ok(Resumed::Finished);
    }
    // The whole chain is checked first: on a damaged log nothing is built.
    let after = read_log(store, session, &mut |_| true)?.last_seq;
    let (directives, contents) = loaded.sealed(session);
    let record = RecordedRun::new(store, session)?;
    let begin = loaded.begin();
    let into = StoreRecorder::new(store, session, contents, watching).at_pace(pace, &begin);
    let mut resuming = Resuming { recorded: Some(record), into };
    let mut backtest = Backtest::beginning(&loaded.identity, &loaded.tape, directives, &begin);
    match backtest.run(&mut resuming) {
        Ok(()) => {}
        Err(RunError::Recorder(Stopped::Other(recorded, made))) => {
            let finding = other_turn(resuming.into.store(), session, &begin, &recorded, &made)?;
            return Ok(Resumed::Differs(Box::new(finding)));
        }
        Err(RunError::Recorder(Stopped::Log(fault))) => return Err(fault.into()),
        Err(RunError::Recorder(Stopped::Store(error))) => return Err(error.into()),
        Err(RunError::Engine(error)) => return Err(RecordError::Run(error.into()).into()),
        Err(RunError::Venue(error)) => return Err(RecordError::Run(error.into()).into()),
        Err(RunError::Restless { time }) => return Err(RecordError::Run(RunError::Restless { time }).into()),
    }
    let Resuming { recorded, mut into } = resuming;
    if let Some(mut recorded) = recorded {
        let left = recorded.left(into.store())?;
        if left > 0 {
            return Ok(Resumed::Differs(Box::new(ends_before(left))));
        }
    }
    let recorded = conclude_run(session, loaded, backtest.state().ledger(), &mut into)?;
    Ok(Resumed::Ended { after, recorded: Box::new(recorded) })
}

/// Holds each Step against the record while that lasts, and appends what comes behind it.
struct Resuming<'a> {
    /// `None` once it has ended.
    recorded: Option<RecordedRun>,
    into: StoreRecorder<'a>,
}

enum Stopped {
    /// This Step was recorded, and these events were made.
    Other(Box<Step>, Vec<Event>),
    Log(LogFault),
    Store(StoreError),
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Other(..) => f.write_str("another Step"),
            Self::Log(fault) => fault.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Recorder for Resuming<'_> {
    type Error = Stopped;

    fn record(&mut self, step: &Step) -> Result<Seq, Stopped> {
        if let Some(recorded) = &mut self.recorded {
            match recorded.meet(self.into.store(), step).map_err(Stopped::Log)? {
                Met::Same => return self.into.pass(step).map_err(Stopped::Store),
                Met::Other(recorded) => return Err(Stopped::Other(recorded, step.events.clone())),
                Met::RecordEnds => self.recorded = None,
            }
        }
        self.into.record(step).map_err(Stopped::Store)
    }

    fn decided(&mut self, ledger: &Ledger) {
        self.into.decided(ledger);
    }

    fn sealed(&mut self, plan: Plan) {
        self.into.sealed(plan);
    }

    fn progressed(&mut self, rows: u64) -> bool {
        self.into.progressed(rows)
    }
}
