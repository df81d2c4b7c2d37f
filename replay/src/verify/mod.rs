//! What replay proves (DESIGN 8): the log is whole, folds to the same ledger, was decided by this code, and the whole
//! run happens again. Every check goes on as far as it can, and all findings are listed.

mod difference;
mod indices;
mod redecide;
mod resimulate;

use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::{LogFault, scan_log};
use retrace_core::manifest::Mode;
use retrace_core::step::Step;
use retrace_core::store::{Checkpoint, LogReader, StoreError};
use retrace_projections::ledger::{Book, PROJECTION, PROJECTION_VERSION};
use serde::Serialize;

use crate::step::DECISION_VERSION;
use crate::tape::Tape;
use redecide::Redecide;

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
    /// `integrity`, `rebuild`, `re-decide` or `re-simulate`.
    pub name: &'static str,
    /// Whether it was made to its end and found nothing, or has nothing to look at in a session of this mode.
    pub clean: bool,
    /// How many events (integrity, rebuild), decisions (re-decide) or Steps (re-simulate) it looked at.
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

/// Why an import is not run again.
const NO_VENUE: &str = "an import has no venue to simulate";
/// Why a session whose inputs came from outside is not run again: it is decided again from what was recorded of them.
const NO_TAPE: &str = "only a backtest is run again: this session's venue stood outside";

pub(crate) const INTEGRITY: &str = "integrity";
pub(crate) const REBUILD: &str = "rebuild";
pub(crate) const REDECIDE: &str = "re-decide";
pub(crate) const RESIMULATE: &str = "re-simulate";

/// Checks a session. `tape` is its market data, if it could be read again; without it a backtest is only read and
/// folded. Every other session has all that it was decided on in its log, prices included, and needs none.
///
/// # Errors
/// [`StoreError`] only if the session or its manifest cannot be read at all.
pub fn verify(reader: &dyn LogReader, session: SessionUid, tape: Option<&Tape>) -> Result<Verification, StoreError> {
    let manifest = reader.manifest(session)?;
    let identity = &manifest.identity;
    let mut findings: Vec<Finding> = Vec::new();
    for damage in reader.damage() {
        findings.push(Finding::new(INTEGRITY, None, damage.to_string()));
    }
    // A log that holds all it was decided on needs no market data: a tape that shows nothing stands in for it.
    let no_market = Tape::new(Vec::new());
    let right_tape = match identity.mode {
        Mode::Backtest => tape.filter(|tape| tape.identity() == identity.tape),
        Mode::Import | Mode::Paper | Mode::Live => Some(&no_market),
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

    let mut rebuild = Rebuild { book: Book::new(identity), broken: None };
    let mut redecide = right_tape.map(|tape| Redecide::new(identity, tape));
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
            if let Some(redecide) = &mut redecide {
                redecide.step(&step);
            }
            simulation.note(&step);
            true
        },
        &mut |fault| faults.push(fault),
    )?;
    let integrity = !faults.is_empty();
    findings.splice(0..0, faults.iter().map(finding_of));
    findings.extend(indices::compare(reader, session)?);
    findings.extend(beyond_the_end(&checkpoints, end.last_seq));

    let mut checks = vec![
        CheckResult { name: INTEGRITY, clean: true, checked: end.last_seq.0, skipped: None },
        CheckResult { name: REBUILD, clean: true, checked: rebuild.book.ledger().seq().0, skipped: None },
    ];
    // A log that is not whole cannot be decided again: what follows from a hole would drown the hole itself.
    let skipped = if integrity { skipped.or(Some("the log is not whole")) } else { skipped };
    let mut decided = 0;
    let mut simulated = 0;
    if let (Some(redecide), Some(tape), None) = (redecide, right_tape, skipped) {
        if identity.decision_version != DECISION_VERSION {
            let what = format!(
                "decided by other code: the session has decision version {}, this build {DECISION_VERSION}",
                identity.decision_version
            );
            findings.push(Finding::new(REDECIDE, None, what));
        }
        decided = redecide.decided();
        findings.extend(redecide.finish(reader, session)?);
        if identity.mode == Mode::Backtest {
            let finished = checkpoints.iter().any(|checkpoint| checkpoint.finished && checkpoint.seq == end.last_seq);
            let (count, found) = resimulate::run(reader, session, identity, tape, simulation, finished)?;
            simulated = count;
            findings.extend(found);
        }
    }
    checks.push(CheckResult { name: REDECIDE, clean: true, checked: decided, skipped });
    let does_not_apply = match identity.mode {
        Mode::Backtest => None,
        Mode::Import => Some(NO_VENUE),
        Mode::Paper | Mode::Live => Some(NO_TAPE),
    };
    checks.push(CheckResult { name: RESIMULATE, clean: true, checked: simulated, skipped: does_not_apply.or(skipped) });
    for check in &mut checks {
        let made = check.skipped.is_none() || check.skipped == does_not_apply;
        check.clean = made && !findings.iter().any(|finding| finding.check == check.name);
    }
    Ok(Verification { checks, findings })
}

impl Finding {
    fn new(check: &'static str, seq: Option<Seq>, what: String) -> Self {
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
        let here = checkpoints.iter().filter(|checkpoint| checkpoint.seq == step.last_seq());
        for checkpoint in here.filter(|c| c.projection == PROJECTION && c.version == PROJECTION_VERSION) {
            if checkpoint.digest != self.book.ledger().digest() {
                let what = format!("the ledger folded up to event {} is not the one that was noted", checkpoint.seq);
                findings.push(Finding::new(REBUILD, Some(checkpoint.seq), what));
            }
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
