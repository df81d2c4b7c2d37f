//! Two sessions side by side: the first thing in which they differ, and what it came to (DESIGN 8, `parity`).
//!
//! Nothing raw is compared: numbers and derived ids hang on their session. Both logs are read Step by Step, each event is
//! told by its *cause* (`cause`), and Steps are paired whose inputs have one cause (`align`); so one more directive,
//! report or plan in one of them is one difference, and what follows goes on being compared.

mod again;
mod align;
mod canonical;
mod cause;
mod consequences;
mod divergence;
mod fields;
mod mode;
mod outcome;
mod side;

use retrace_core::event::Head;
use retrace_core::exact::Inexact;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::LogFault;
use retrace_core::manifest::Mode as SessionMode;
use retrace_core::store::StoreError;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::BrokenHistory;
use serde::Serialize;

pub use again::{DecidedAgain, decide_again};
pub use align::StepCounts;
pub use cause::PlanKey;
pub use consequences::{Consequences, PlanOutcome, PlanPair, QuotePair, Total};
pub use divergence::{Divergence, Elsewhere, Line, Parting, Turn};
pub use fields::FieldDifference;
pub use mode::Mode;
pub use side::{Place, Side, place_after};

use align::Alignment;
use consequences::Ended;
use divergence::Parted;
use outcome::Outcomes;
use side::{Reading, Told};

/// What comparing two sessions gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// In what they are compared.
    pub mode: Mode,
    /// Whether they are equal in that.
    pub equal: bool,
    /// The one.
    pub a: Compared,
    /// The other.
    pub b: Compared,
    /// In what their identities differ.
    pub identity: Vec<FieldDifference>,
    /// How many Steps are which; `null` where fills are compared, not Steps.
    pub steps: Option<StepCounts>,
    /// The first Steps that only A has, by their inputs.
    pub only_in_a: Vec<Line>,
    /// The first Steps that only B has, by their inputs.
    pub only_in_b: Vec<Line>,
    /// The first difference; `null` where they are equal.
    pub first_divergence: Option<Divergence>,
    /// What both came to.
    pub consequences: Consequences,
}

/// A session that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// What it is called.
    pub session: String,
    /// Its id.
    pub uid: SessionUid,
    /// How it met the world.
    pub mode: SessionMode,
    /// The version of the code that decided.
    pub decision_version: u32,
    /// Its last event; 0 for none.
    pub events: Seq,
    /// How many Steps it has.
    pub steps: u64,
    /// The head over all of them.
    pub head: Head,
}

/// One of the two sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first one named.
    A,
    /// The second one.
    B,
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// Two sessions cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A log cannot be read.
    #[error("{which}: {source}")]
    Log {
        /// Whose.
        which: Which,
        /// What is wrong, and where.
        source: LogFault,
    },
    /// A log cannot be folded.
    #[error("{which}: {source}")]
    History {
        /// Whose.
        which: Which,
        /// What is wrong, and where.
        source: BrokenHistory,
    },
    /// A sum does not fit.
    #[error(transparent)]
    Sum(#[from] Inexact),
}

/// Compares two sessions from their first events to their last.
///
/// # Errors
/// [`CompareError`] if a log cannot be read or folded, or a sum does not fit.
pub fn compare(a: &Side<'_>, b: &Side<'_>, mode: Mode) -> Result<Comparison, CompareError> {
    compare_watched(a, b, mode, &mut |_| {})
}

/// The same, telling `watching` how many events of both were read.
///
/// # Errors
/// As [`compare`].
pub fn compare_watched(
    a: &Side<'_>,
    b: &Side<'_>,
    mode: Mode,
    watching: &mut dyn FnMut(u64),
) -> Result<Comparison, CompareError> {
    // The venue's own names of trades tell trades apart where both sessions have them from outside.
    let outside = |side: &Side<'_>| matches!(side.identity.mode, SessionMode::Paper | SessionMode::Live);
    let by_trade = outside(a) && outside(b);
    let mut reading_a = Reading::new(Which::A, a, mode, by_trade)?;
    let mut reading_b = Reading::new(Which::B, b, mode, by_trade)?;
    let mut alignment = Alignment::new(mode);
    let mut outcomes = Outcomes::default();
    let (mut steps_a, mut steps_b) = (Vec::new(), Vec::new());
    loop {
        let next = [&reading_a, &reading_b].into_iter().filter_map(Reading::next_place).min();
        let Some((now, _)) = next else { break };
        take_all_of(&mut reading_a, now, false, &mut steps_a, &mut outcomes)?;
        take_all_of(&mut reading_b, now, true, &mut steps_b, &mut outcomes)?;
        if mode != Mode::Outcome {
            alignment.take(&steps_a, &steps_b);
        }
        watching(reading_a.taken().saturating_add(reading_b.taken()));
    }
    let (found, counts, [alone_a, alone_b]) = alignment.finish();
    let parted = match mode {
        Mode::Outcome => outcomes.finish().map(|(place, events)| Parted::Outcome(place, events)),
        Mode::Strict | Mode::Intent => found.map(|(place, found)| Parted::Step(place, found)),
    };
    let consequences = Consequences::of(&ended(&reading_a), &ended(&reading_b))?;
    let causations = [&reading_a.causation, &reading_b.causation];
    let (first_divergence, [only_in_a, only_in_b]) =
        divergence::tell([a, b], mode, by_trade, parted.as_ref(), causations, [&alone_a, &alone_b])?;
    Ok(Comparison {
        mode,
        equal: parted.is_none(),
        identity: fields::of_identities(&a.identity, &b.identity),
        a: compared(a, &reading_a),
        b: compared(b, &reading_b),
        steps: (mode != Mode::Outcome).then_some(counts),
        only_in_a,
        only_in_b,
        first_divergence,
        consequences,
    })
}

/// Takes every Step of the time `now`.
fn take_all_of(
    reading: &mut Reading<'_>,
    now: Timestamp,
    of_b: bool,
    steps: &mut Vec<Told>,
    outcomes: &mut Outcomes,
) -> Result<(), CompareError> {
    steps.clear();
    let mut happened = Vec::new();
    while reading.next_place().is_some_and(|(time, _)| time == now) {
        steps.extend(reading.take(&mut |event| happened.push(event))?);
        for event in happened.drain(..) {
            if let Some(plan) = reading.causes.plan_key(event.plan) {
                outcomes.take(of_b, plan.clone(), event);
            }
        }
    }
    Ok(())
}

fn compared(side: &Side<'_>, reading: &Reading<'_>) -> Compared {
    let end = reading.end();
    Compared {
        session: side.name.clone(),
        uid: side.session,
        mode: side.identity.mode,
        decision_version: side.identity.decision_version,
        events: end.last_seq,
        steps: end.steps,
        head: end.head,
    }
}

const fn ended<'a>(reading: &'a Reading<'_>) -> Ended<'a> {
    Ended { book: &reading.book, causes: &reading.causes, largest: &reading.largest }
}
