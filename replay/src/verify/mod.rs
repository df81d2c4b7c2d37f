//! What replay proves (DESIGN 8): the log is whole, folds to the same ledger, was decided by this code, and the whole
//! run happens again. Every check goes on as far as it can, and all findings are listed.

pub(crate) mod difference;
mod indices;
mod lineage;
pub(crate) mod market;
pub(crate) mod redecide;
mod redeliver;
mod renumber;
mod resimulate;
mod states;

use retrace_core::event::{Event, Input};
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::{LogFault, scan_log};
use retrace_core::manifest::{Identity, Mode};
use retrace_core::step::Step;
use retrace_core::store::{Checkpoint, LogReader, StoreError};
use retrace_core::time::Timestamp;
use retrace_core::trail::{TRAIL, TRAIL_VERSION, Trail};
use retrace_projections::ledger::{Book, PROJECTION, PROJECTION_VERSION};
use retrace_projections::lineage::Origin;
use serde::Serialize;

use crate::state::State;
use crate::step::{DECISION_VERSION, EngineError, step};
use crate::tape::Tape;
use redecide::Redecide;
use redeliver::Redeliver;
use states::SavedStates;

pub use resimulate::{ends_before, other_turn};

/// What was checked, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Every check, in order.
    pub checks: Vec<CheckResult>,
    /// Everything found, in order of the checks.
    pub findings: Vec<Finding>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// `integrity`, `rebuild`, `re-decide`, `re-simulate` or `redeliver`.
    pub name: &'static str,
    /// Whether it was made to its end and found nothing, or has nothing to look at in a session of this mode.
    pub clean: bool,
    /// How many events (integrity, rebuild), decisions (re-decide), Steps (re-simulate) or
    /// deliveries (redeliver) it looked at.
    pub checked: u64,
    /// Why it was not made; `None` where it was. Beside `clean`: it does not apply.
    pub skipped: Option<&'static str>,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// By which check.
    pub check: &'static str,
    /// At which event, where it belongs to one.
    pub seq: Option<Seq>,
    /// What is wrong, in one sentence.
    pub what: String,
    /// What helps to understand it: the input, both decisions, the ledger before, the chain of causes.
    pub detail: Vec<String>,
}

impl Verification {
    /// Whether every check was made and found nothing.
    pub fn is_clean(&self) -> bool {
        self.checks.iter().all(|check| check.clean)
    }

    /// Whether a check could not be made.
    pub fn is_incomplete(&self) -> bool {
        self.checks.iter().any(CheckResult::is_missing)
    }
}

impl CheckResult {
    /// Whether it should have been made and could not.
    pub fn is_missing(&self) -> bool {
        self.skipped.is_some() && !self.clean
    }
}

/// One of the checks, by what it costs: the first two read the log, the others decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Frames, chain, watermark, indices.
    Integrity,
    /// The log folds to every ledger that was noted.
    Rebuild,
    /// The recorded inputs are decided as they were recorded.
    Redecide,
    /// A backtest is run again whole, its venue included.
    Resimulate,
    /// What was delivered is delivered again, at once and later, and nothing follows.
    Redeliver,
}

impl Check {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Integrity, Self::Rebuild, Self::Redecide, Self::Resimulate, Self::Redeliver];

    /// How it is spelled.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Integrity => INTEGRITY,
            Self::Rebuild => REBUILD,
            Self::Redecide => REDECIDE,
            Self::Resimulate => RESIMULATE,
            Self::Redeliver => REDELIVER,
        }
    }
}

/// Why an import is not run again.
const NO_VENUE: &str = "an import has no venue to simulate";
/// Why a session whose inputs came from outside is not run again: it is decided again from what was recorded of them.
const NO_TAPE: &str = "only a backtest is run again: this session's venue stood outside";

pub(crate) const INTEGRITY: &str = "integrity";
pub(crate) const REBUILD: &str = "rebuild";
pub(crate) const REDECIDE: &str = "re-decide";
pub(crate) const RESIMULATE: &str = "re-simulate";
pub(crate) const REDELIVER: &str = "redeliver";

/// Makes every check of a session: [`Verifier::run`] with all of them.
///
/// # Errors
/// As [`Verifier::run`].
pub fn verify(reader: &dyn LogReader, session: SessionUid, tape: Option<&Tape>) -> Result<Verification, StoreError> {
    Verifier::default().run(reader, session, tape)
}

/// What decides: one input at its time, and the events of its Step. [`step`](crate::step()) is the engine; another one is
/// code that a session is compared with, or one with a fault, to see that it is found.
pub type Engine = fn(&mut State, Timestamp, Input) -> Result<Vec<Event>, EngineError>;

/// How a session is verified: by which checks and which engine, and who is told of progress.
pub struct Verifier<'a> {
    /// Which checks are made.
    pub only: &'a [Check],
    /// What decides the recorded inputs again, for [`Check::Redecide`] and [`Check::Redeliver`].
    pub engine: Engine,
    /// Told now and then how many events were looked at: each once where the log is read, and once more where a backtest is
    /// run again.
    pub progress: Option<&'a mut dyn FnMut(u64)>,
}

impl Default for Verifier<'_> {
    fn default() -> Self {
        Self { only: &Check::ALL, engine: step, progress: None }
    }
}

impl Verifier<'_> {
    /// Makes the checks. `tape` is the session's market data, if it could be read again; without it a backtest is only
    /// read and folded. Every other session has all that it was decided on in its log, prices included, and needs none.
    ///
    /// # Errors
    /// [`StoreError`] only if the session or its manifest cannot be read at all.
    pub fn run(
        self,
        reader: &dyn LogReader,
        session: SessionUid,
        tape: Option<&Tape>,
    ) -> Result<Verification, StoreError> {
        let Self { only, engine, progress } = self;
        made(reader, session, tape, only, engine, progress.unwrap_or(&mut |_| {}))
    }
}

fn made(
    reader: &dyn LogReader,
    session: SessionUid,
    tape: Option<&Tape>,
    only: &[Check],
    engine: Engine,
    progress: &mut dyn FnMut(u64),
) -> Result<Verification, StoreError> {
    let wanted = |check: Check| only.contains(&check);
    let manifest = reader.manifest(session)?;
    let identity = &manifest.identity;
    let mut findings: Vec<Finding> = Vec::new();
    for damage in reader.damage() {
        findings.push(Finding::new(INTEGRITY, None, damage.to_string()));
    }
    let no_market = Tape::new(Vec::new());
    let (right_tape, skipped) = market_data(identity, tape, &no_market, &mut findings);

    let origin = lineage::origin(reader, session, identity, &mut findings);
    let broken = origin.is_none().then_some(Seq(0));
    let right_tape = right_tape.filter(|_| broken.is_none());
    let origin = origin.unwrap_or_else(|| Origin { book: Book::new(identity), ancestors: Vec::new() });
    let mut rebuild = Rebuild { book: origin.book.clone(), trail: Trail::default(), broken };
    // What is decided otherwise as it stands is not what delivering again would find.
    let decides = wanted(Check::Redecide) || wanted(Check::Redeliver);
    let mut redecide = right_tape.filter(|_| decides).map(|tape| Redecide::new(identity, tape, engine, &origin.book));
    let mut again = right_tape.filter(|_| wanted(Check::Redeliver)).map(|tape| {
        [redeliver::Under::ItsId, redeliver::Under::ANewId]
            .map(|under| Redeliver::new(under, identity, tape, engine, &origin.book))
    });
    let said_before = match again {
        Some(_) => lineage::said_in(reader, &origin),
        None => Ok(Vec::new()),
    };
    let said_before = said_before.unwrap_or_else(|fault| {
        findings.push(Finding::new(REDELIVER, None, fault.to_string()));
        Vec::new()
    });
    if let Some([under_its_id, _]) = &mut again {
        under_its_id.know(&said_before);
    }
    let states = SavedStates::of(reader, session, &mut findings);
    let mut simulation = resimulate::Recorded::default();
    let mut faults = Vec::new();
    let checkpoints = match reader.checkpoints(session) {
        Ok(checkpoints) => checkpoints,
        Err(error) => {
            findings.push(Finding::new(INTEGRITY, None, error.to_string()));
            Vec::new()
        }
    };
    let end = scan_log(
        reader,
        session,
        &mut |step| {
            rebuild.step(&step, &checkpoints, &mut findings);
            if rebuild.broken.is_none() {
                findings.extend(states.check(reader, session, &step, &rebuild.book));
            }
            if let Some(redecide) = &mut redecide {
                redecide.step(&step);
                if !redecide.differs() {
                    again.iter_mut().flatten().for_each(|again| again.step(&step));
                }
            }
            simulation.note(&step);
            progress(step.last_seq().0);
            true
        },
        &mut |fault| faults.push(fault),
    )?;
    let integrity = !faults.is_empty();
    findings.splice(0..0, faults.iter().map(finding_of));
    findings.extend(indices::compare(reader, session)?);
    findings.extend(beyond_the_end(&checkpoints, end.last_seq));
    findings.extend(states.beyond_the_end(end.last_seq));

    // A log that is not whole cannot be decided again: what follows from a hole would drown the hole itself.
    let skipped = if integrity { skipped.or(Some("the log is not whole")) } else { skipped };
    let skipped = broken.map_or(skipped, |_| skipped.or(Some(lineage::NOT_THERE)));
    let mut counts = Counts { read: end.last_seq.0, folded: rebuild.book.ledger().seq().0, ..Counts::default() };
    let mut differs = false;
    if let (Some(tape), None) = (right_tape, skipped) {
        if identity.decision_version != DECISION_VERSION {
            let what = format!(
                "decided by other code: the session has decision version {}, this build {DECISION_VERSION}",
                identity.decision_version
            );
            findings.push(Finding::new(REDECIDE, None, what));
        }
        if let Some(redecide) = redecide {
            (counts.decided, differs) = (redecide.decided(), redecide.differs());
            findings.extend(redecide.finish(reader, session, &origin.book)?);
        }
        for again in again.into_iter().flatten().filter(|_| !differs) {
            let (count, found) = again.finish(reader, session, &rebuild.book, &origin.book, &said_before)?;
            counts.delivered = counts.delivered.saturating_add(count);
            findings.extend(found);
        }
        if identity.mode == Mode::Backtest && wanted(Check::Resimulate) {
            let finished = checkpoints.iter().any(|checkpoint| checkpoint.finished && checkpoint.seq == end.last_seq);
            let begin = &origin.book;
            let (count, found) = resimulate::run(reader, session, begin, tape, simulation, finished, progress)?;
            counts.simulated = count;
            findings.extend(found);
        }
    }
    let mut checks = results(&counts, identity.mode, skipped, differs, &findings);
    let chosen = |name: &str| only.iter().any(|check| check.as_str() == name);
    checks.retain(|check| chosen(check.name));
    findings.retain(|finding| chosen(finding.check));
    Ok(Verification { checks, findings })
}

/// The market data that a session is decided again on, or why it cannot be.
fn market_data<'a>(
    identity: &Identity,
    tape: Option<&'a Tape>,
    no_market: &'a Tape,
    findings: &mut Vec<Finding>,
) -> (Option<&'a Tape>, Option<&'static str>) {
    // A log that holds all it was decided on needs no market data: a tape that shows nothing stands in for it.
    let right_tape = match identity.mode {
        Mode::Backtest => tape.filter(|tape| tape.identity() == identity.tape),
        Mode::Import | Mode::Paper | Mode::Live => Some(no_market),
    };
    let skipped = match (tape, right_tape) {
        (_, Some(_)) => None,
        (None, None) => Some("its market data could not be read"),
        (Some(_), None) => {
            let what = "the market data is not what the session was run on";
            findings.push(Finding::new(REDECIDE, None, what.to_owned()));
            Some(what)
        }
    };
    (right_tape, skipped)
}

/// How much each check looked at.
#[derive(Default)]
struct Counts {
    read: u64,
    folded: u64,
    decided: u64,
    simulated: u64,
    delivered: u64,
}

/// What became of every check. `skipped` is why nothing was decided again, if so; `differs`: it was decided otherwise.
fn results(
    counts: &Counts,
    mode: Mode,
    skipped: Option<&'static str>,
    differs: bool,
    findings: &[Finding],
) -> Vec<CheckResult> {
    let does_not_apply = match mode {
        Mode::Backtest => None,
        Mode::Import => Some(NO_VENUE),
        Mode::Paper | Mode::Live => Some(NO_TAPE),
    };
    let nothing_again = differs.then_some("today's code decides otherwise as it stands");
    let result = |name, checked, skipped: Option<&'static str>| {
        let made = skipped.is_none() || skipped == does_not_apply;
        let clean = made && !findings.iter().any(|finding| finding.check == name);
        CheckResult { name, clean, checked, skipped }
    };
    vec![
        result(INTEGRITY, counts.read, None),
        result(REBUILD, counts.folded, None),
        result(REDECIDE, counts.decided, skipped),
        result(RESIMULATE, counts.simulated, does_not_apply.or(skipped)),
        result(REDELIVER, counts.delivered, skipped.or(nothing_again)),
    ]
}

impl Finding {
    pub(crate) fn new(check: &'static str, seq: Option<Seq>, what: String) -> Self {
        Self { check, seq, what, detail: Vec::new() }
    }
}

fn finding_of(fault: &LogFault) -> Finding {
    let seq = match fault {
        LogFault::Frame { seq, .. } | LogFault::GoesBack { seq, .. } | LogFault::OtherHead { seq, .. } => Some(*seq),
        LogFault::Gap { expected, .. } => Some(*expected),
        LogFault::LostTail { watermark, .. } => Some(*watermark),
        LogFault::Store(_) | LogFault::Block { .. } | LogFault::WrongBlock { .. } => None,
    };
    Finding::new(INTEGRITY, seq, fault.to_string())
}

/// Folds the log from nothing and compares with every digest kept beside it.
struct Rebuild {
    book: Book,
    trail: Trail,
    broken: Option<Seq>,
}

impl Rebuild {
    fn step(&mut self, step: &Step, checkpoints: &[Checkpoint], findings: &mut Vec<Finding>) {
        if self.broken.is_some() {
            return;
        }
        for event in &step.events {
            if let Err(error) = self.book.apply(event) {
                self.broken = Some(event.seq);
                findings.push(Finding::new(REBUILD, Some(event.seq), error.to_string()));
                return;
            }
        }
        if let Err(error) = self.trail.step(step) {
            findings.push(Finding::new(REBUILD, Some(step.first_seq()), error.to_string()));
        }
        let here = checkpoints.partition_point(|noted| noted.seq < step.first_seq());
        for noted in checkpoints.iter().skip(here).take_while(|noted| noted.seq <= step.last_seq()) {
            if noted.seq < step.last_seq() {
                // A Step is appended whole: nobody of ours had a ledger there.
                let what = format!("a digest is noted for event {}, in the middle of a Step", noted.seq);
                findings.push(Finding::new(REBUILD, Some(noted.seq), what));
                continue;
            }
            let what = match (noted.projection.as_str(), noted.version) {
                (PROJECTION, PROJECTION_VERSION) if noted.digest != self.book.ledger().digest() => {
                    format!("the ledger folded up to event {} is not the one that was noted", noted.seq)
                }
                (TRAIL, TRAIL_VERSION) if noted.digest != self.trail.digest() => {
                    format!("what was told and decided up to event {} is not what was noted", noted.seq)
                }
                _ => continue,
            };
            findings.push(Finding::new(REBUILD, Some(noted.seq), what));
        }
    }
}

/// Digests that are noted for events which the log does not have.
fn beyond_the_end(checkpoints: &[Checkpoint], last: Seq) -> impl Iterator<Item = Finding> + '_ {
    checkpoints.iter().filter(move |checkpoint| checkpoint.seq > last).map(move |checkpoint| {
        let what = format!("a digest is noted for event {}, but the log ends at {last}", checkpoint.seq);
        Finding::new(REBUILD, Some(checkpoint.seq), what)
    })
}
