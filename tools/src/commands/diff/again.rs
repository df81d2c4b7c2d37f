//! What a session is compared with where no second one is stored: a run into memory, which nobody keeps.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::event::{Fact, Input};
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::manifest::{Identity, Mode};
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::{LogStore, Manifest, StoreError};
use retrace_core::time::Timestamp;
use retrace_replay::backtest::{Backtest, Given, Recorder};
use retrace_replay::compare::{Place, decide_again, place_after};

use super::super::market_again::Market;
use super::super::stored::StoredSession;
use crate::error::CliError;
use crate::output::text::counted;
use crate::output::{progress, warn};
use crate::recording::{Pace, StoreRecorder, Watching};
use crate::session::{self, RecordError};

/// A session file, run.
pub(super) fn run_file(file: &Path) -> Result<(MemoryStore, SessionUid), CliError> {
    let loaded = session::load(file)?;
    let mut store = MemoryStore::new();
    let bar = progress::over_rows(loaded.tape.rows());
    let shown = bar.clone();
    let watching = Watching { on_durable: None, on_row: Some(Box::new(move |rows| progress::moved(&shown, rows))) };
    let recorded = session::record_watched(&mut store, &loaded, Pace::SAVING_NOTHING, watching);
    bar.finish_and_clear();
    let recorded = recorded.map_err(|source| CliError::RunAgain { name: file.display().to_string(), source })?;
    Ok((store, recorded.session))
}

/// A stored session, run again by this build as it was: on the same market data and with the directives that it received.
/// Where its venue stood outside, what came from there is given to this build's engine again.
pub(super) fn run_again(session: &StoredSession<'_>, market: &Market) -> Result<(MemoryStore, SessionUid), CliError> {
    match session.identity().mode {
        Mode::Backtest => backtest_again(session, market),
        Mode::Paper | Mode::Live | Mode::Import => inputs_again(session),
    }
}

fn backtest_again(session: &StoredSession<'_>, market: &Market) -> Result<(MemoryStore, SessionUid), CliError> {
    let no_market = || CliError::NoMarketAgain { session: session.name.clone() };
    let tape = market.read_again(session).ok_or_else(no_market)?;
    // Under its own identity, and so with its own ids: directives may name plans by ids that were made of it.
    let identity = Identity { tape: tape.identity(), ..session.identity().clone() };
    let mut given: Vec<(Timestamp, Given)> = Vec::new();
    let mut place = None;
    session.read(&mut |step| {
        place = Some(place_after(place, step));
        match step.events.first().map(|event| &event.fact) {
            Some(Fact::Input(Input::DirectiveReceived(directive))) => {
                given.push((step.time, Given::Directive(directive.clone())));
            }
            Some(Fact::Input(Input::OperatorCommanded(commanded))) => {
                given.push((step.time, Given::Operator(commanded.clone())));
            }
            Some(Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_)) | None => {}
        }
        Ok(())
    })?;
    let mut store = MemoryStore::new();
    let uid = store.create(&manifest(session, &identity))?;
    let bar = progress::over_rows(tape.rows());
    let shown = bar.clone();
    let watching = Watching { on_durable: None, on_row: Some(Box::new(move |rows| progress::moved(&shown, rows))) };
    let recorder = StoreRecorder::new(&mut store, uid, BTreeMap::new(), watching);
    // What an interrupted session had still to do is no difference.
    let until = match place {
        _ if session.is_finished()? => Until::ItsEnd,
        None => Until::Nothing,
        Some(last) => Until::Step(last),
    };
    let mut recorder = AsFar { recorder, until, place: None, over: false };
    let ran = Backtest::beginning(&identity, &tape, given, &session.origin()?.book)
        .run(&mut recorder)
        .map_err(RecordError::from);
    bar.finish_and_clear();
    ran.map_err(|source| CliError::RunAgain { name: session.name.to_string(), source })?;
    recorder.recorder.commit()?;
    drop(recorder);
    Ok((store, uid))
}

/// How far a run is made again.
enum Until {
    /// The other one came to its end.
    ItsEnd,
    /// It was interrupted before its first Step,
    Nothing,
    /// or after this one.
    Step(Place),
}

/// Takes Steps as far as another run came, and ends the run then.
struct AsFar<'a> {
    recorder: StoreRecorder<'a>,
    until: Until,
    place: Option<Place>,
    /// A Step stood behind that.
    over: bool,
}

impl Recorder for AsFar<'_> {
    type Error = StoreError;

    fn record(&mut self, step: &Step) -> Result<Seq, StoreError> {
        let place = place_after(self.place, step);
        self.place = Some(place);
        self.over |= match self.until {
            Until::ItsEnd => false,
            Until::Nothing => true,
            Until::Step(last) => place > last,
        };
        if self.over { Ok(step.last_seq()) } else { self.recorder.record(step) }
    }

    fn progressed(&mut self, rows: u64) -> bool {
        self.recorder.progressed(rows) && !self.over
    }
}

fn inputs_again(session: &StoredSession<'_>) -> Result<(MemoryStore, SessionUid), CliError> {
    let mut store = MemoryStore::new();
    let uid = store.create(&manifest(session, session.identity()))?;
    let mut keep = |step: &Step| store.append(uid, step, &[]);
    let again = decide_again(session.reader, session.uid, &session.origin()?.book, retrace_replay::step, &mut keep);
    let again = again.map_err(|error| CliError::comparing(&session.name, &session.name, error))?;
    store.commit()?;
    if again.left_out > 0 {
        let inputs = counted(again.left_out, "input");
        warn(&format!("{inputs} left out: today's code has no such order or timer"));
    }
    if let Some((seq, error)) = again.stopped {
        warn(&format!("today's code stops at event {seq}: {error}"));
    }
    Ok((store, uid))
}

fn manifest(session: &StoredSession<'_>, identity: &Identity) -> Manifest {
    Manifest { identity: identity.clone(), provenance: session.manifest.provenance.clone() }
}
