//! Where two sessions part, told so that it can be understood: what came in, what each decided, the ledger before, and
//! both chains of causes. Reads both logs again up to there.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::event::Event;
use retrace_core::ids::Seq;
use retrace_core::step::Step;
use retrace_core::time::Timestamp;
use retrace_projections::audit::event_line_by_cause;
use retrace_projections::view::{PlanView, plan_view};
use serde::Serialize;

use super::align::Found;
use super::cause::PlanKey;
use super::fields::{self, FieldDifference};
use super::mode::Mode;
use super::side::{OutcomeEvent, Place, Reading, Side, Told};
use super::{CompareError, Which};
use crate::causation::Causation;

/// How many causes are told of each side, from the nearest on.
const CAUSES_TOLD: usize = 64;

/// The first thing in which two sessions differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// When it happened.
    pub at: Timestamp,
    /// What differs.
    pub what: Parting,
    /// The plan that it is about; `null` where it is about none.
    pub plan: Option<PlanKey>,
    /// What there is of it in A.
    pub a: Turn,
    /// What there is of it in B.
    pub b: Turn,
    /// Which fields of the two decisions (or fills) differ, where both are of one kind.
    pub fields: Vec<FieldDifference>,
    /// Which fields of the two inputs differ, where both are of one kind.
    pub input_fields: Vec<FieldDifference>,
}

/// In what two sessions part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parting {
    /// The same input leads to something else.
    OtherDecision,
    /// An input that only A has, or has there.
    OnlyInA,
    /// An input that only B has, or has there.
    OnlyInB,
    /// Each has an input there that the other has not.
    OtherInput,
    /// A plan's next fill, or how it ended, is another one.
    OtherOutcome,
}

/// What one of the sessions did where they part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// The input; `null` where the session has none there.
    pub input: Option<Line>,
    /// What differs: a decision, or a fill or an end; `null` where there is none.
    pub decided: Option<Line>,
    /// Everything that the input led to.
    pub decisions: Vec<Line>,
    /// Where the session has the input instead.
    pub elsewhere: Option<Elsewhere>,
    /// The plan as it stood before the input; `null` where there was none.
    pub before: Option<PlanView>,
    /// What led to the input, the nearest first.
    pub because: Vec<Line>,
}

/// An event as one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its place in its session.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// The event, its orders and earlier events named by their causes.
    pub text: String,
}

/// Where else something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The event.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
}

/// Where the sessions part, before it is told.
#[expect(clippy::large_enum_variant, reason = "there is one")]
pub(super) enum Parted {
    /// In a Step.
    Step(Place, Found),
    /// In what came of a plan.
    Outcome(Place, [Option<OutcomeEvent>; 2]),
}

/// Where to stop in a log.
#[derive(Clone, Copy)]
enum Target {
    /// Before the Step that begins there.
    Step(Seq),
    /// Before whatever stands there or later.
    Before(Place),
}

/// One session, read up to where they part.
struct Standing<'a> {
    reading: Reading<'a>,
    lines: BTreeMap<Seq, Line>,
    wanted: BTreeSet<Seq>,
    step: Option<Step>,
    /// Which events of the Step are compared, and as what.
    compared: Vec<(usize, [u8; 16])>,
    elsewhere: Option<Elsewhere>,
    because: Vec<Seq>,
}

/// Tells where they part, and the Steps of each session alone that `listed` names.
pub(super) fn tell(
    sides: [&Side<'_>; 2],
    mode: Mode,
    by_trade: bool,
    parted: Option<&Parted>,
    causations: [&Causation; 2],
    listed: [&[Seq]; 2],
) -> Result<(Option<Divergence>, [Vec<Line>; 2]), CompareError> {
    let targets = parted.map(targets);
    let elsewhere = parted.map_or([None; 2], elsewhere);
    let [side_a, side_b] = sides;
    let [causes_a, causes_b] = causations;
    let [listed_a, listed_b] = listed;
    let of = |which, side, causation, listed, target, elsewhere| {
        Standing::read_to(which, side, mode, by_trade, causation, listed, target, elsewhere)
    };
    let (target_a, target_b) = targets.map_or((None, None), |[a, b]| (Some(a), Some(b)));
    let [elsewhere_a, elsewhere_b] = elsewhere;
    let mut a = of(Which::A, side_a, causes_a, listed_a, target_a, elsewhere_a)?;
    let mut b = of(Which::B, side_b, causes_b, listed_b, target_b, elsewhere_b)?;
    let divergence = match parted {
        Some(parted) => Some(divergence(parted, &mut a, &mut b)?),
        None => None,
    };
    Ok((divergence, [a.finish(listed_a)?, b.finish(listed_b)?]))
}

fn targets(parted: &Parted) -> [Target; 2] {
    match parted {
        Parted::Step(place, Found::Apart { here, .. }) => {
            here.map(|told| told.map_or(Target::Before(*place), |told| Target::Step(told.seq)))
        }
        Parted::Step(_, Found::Pair(pair)) => pair.map(|told| Target::Step(told.seq)),
        Parted::Outcome(place, events) => {
            events.map(|event| event.map_or(Target::Before(*place), |event| Target::Step(event.step)))
        }
    }
}

fn elsewhere(parted: &Parted) -> [Option<Elsewhere>; 2] {
    let at = |told: Option<Told>| told.map(|told| Elsewhere { seq: told.seq, at: told.place.0 });
    match parted {
        Parted::Step(_, Found::Apart { elsewhere, .. }) => elsewhere.map(at),
        Parted::Step(_, Found::Pair(_)) | Parted::Outcome(..) => [None; 2],
    }
}

fn divergence(parted: &Parted, a: &mut Standing<'_>, b: &mut Standing<'_>) -> Result<Divergence, CompareError> {
    let (place, what, [of_a, of_b]) = match parted {
        Parted::Step(place, Found::Apart { here, .. }) => {
            let what = match here {
                [Some(_), Some(_)] => Parting::OtherInput,
                [_, None] => Parting::OnlyInA,
                [None, Some(_)] => Parting::OnlyInB,
            };
            (*place, what, [a.compared.first(), b.compared.first()].map(|compared| compared.map(|(nth, _)| *nth)))
        }
        Parted::Step(place, Found::Pair(_)) => (*place, Parting::OtherDecision, parting(a, b)),
        Parted::Outcome(place, events) => {
            let nth = |standing: &Standing<'_>, event: Option<OutcomeEvent>| {
                let events = &standing.step.as_ref()?.events;
                event.and_then(|event| events.iter().position(|known| known.seq == event.seq))
            };
            let [of_a, of_b] = *events;
            (*place, Parting::OtherOutcome, [nth(a, of_a), nth(b, of_b)])
        }
    };
    let (event_a, event_b) = (a.event(of_a), b.event(of_b));
    let plan = [a.plan_of(of_a), b.plan_of(of_b), a.plan_of(Some(0)), b.plan_of(Some(0))].into_iter().flatten().next();
    let both = |a: Option<&Event>, b: Option<&Event>| a.zip(b).map_or_else(Vec::new, |(a, b)| fields::of_events(a, b));
    let fields = both(event_a.as_ref(), event_b.as_ref());
    let input_fields = both(a.event(Some(0)).as_ref(), b.event(Some(0)).as_ref());
    let (a, b) = (a.turn(of_a, plan.as_ref())?, b.turn(of_b, plan.as_ref())?);
    Ok(Divergence { at: place.0, what, plan, a, b, fields, input_fields })
}

/// Which event of each Step is the first that is not the other's.
fn parting(a: &Standing<'_>, b: &Standing<'_>) -> [Option<usize>; 2] {
    let same = a.compared.iter().zip(&b.compared).take_while(|((_, a), (_, b))| a == b).count();
    [a, b].map(|standing| standing.compared.get(same).map(|(nth, _)| *nth))
}

impl<'a> Standing<'a> {
    #[expect(clippy::too_many_arguments, reason = "one side of everything that is told")]
    fn read_to(
        which: Which,
        side: &Side<'a>,
        mode: Mode,
        by_trade: bool,
        causation: &Causation,
        listed: &[Seq],
        target: Option<Target>,
        elsewhere: Option<Elsewhere>,
    ) -> Result<Self, CompareError> {
        let because = match target {
            Some(Target::Step(first)) => causation.chain(first).into_iter().take(CAUSES_TOLD).collect(),
            Some(Target::Before(_)) | None => Vec::new(),
        };
        let wanted = because.iter().chain(listed).copied().collect();
        let reading = Reading::new(which, side, mode, by_trade)?;
        let (lines, step, compared) = (BTreeMap::new(), None, Vec::new());
        let mut standing = Self { reading, lines, wanted, step, compared, elsewhere, because };
        let Some(target) = target else { return Ok(standing) };
        while let (Some(place), Some(next)) = (standing.reading.next_place(), standing.reading.next()) {
            let reached = match target {
                Target::Step(first) => next.first_seq() >= first,
                Target::Before(before) => place >= before,
            };
            if reached {
                if let Target::Step(_) = target {
                    standing.step = Some(next.clone());
                }
                break;
            }
            standing.read_on()?;
        }
        standing.compare();
        Ok(standing)
    }

    fn read_on(&mut self) -> Result<(), CompareError> {
        let (wanted, lines) = (&self.wanted, &mut self.lines);
        self.reading.skip(&mut |event, book| {
            if wanted.contains(&event.seq) {
                let text = event_line_by_cause(event, book);
                lines.insert(event.seq, Line { seq: event.seq, at: event.time, text });
            }
        })
    }

    /// Tells which events of the Step are compared, and as what.
    fn compare(&mut self) {
        let Some(step) = &self.step else { return };
        for (nth, event) in step.events.iter().enumerate() {
            self.reading.causes.learn(event);
            if let Some(digest) = self.reading.compared(event) {
                self.compared.push((nth, digest));
            }
        }
    }

    fn event(&self, nth: Option<usize>) -> Option<Event> {
        self.step.as_ref()?.events.get(nth?).cloned()
    }

    fn plan_of(&self, nth: Option<usize>) -> Option<PlanKey> {
        self.event(nth)?.plan.and_then(|no| self.reading.causes.plan_key(no)).cloned()
    }

    /// What this session did; `nth` is the event that differs. Folds the Step, which is over with it.
    fn turn(&mut self, nth: Option<usize>, plan: Option<&PlanKey>) -> Result<Turn, CompareError> {
        let book = &self.reading.book;
        let number = plan.and_then(|key| self.reading.causes.plan_number(key));
        let before = number.and_then(|no| book.plan(no)).map(|plan| plan_view(book.ledger(), plan, &|_| None));
        let because = self.because.iter().filter_map(|seq| self.lines.get(seq).cloned()).collect();
        let mut turn = Turn { before, because, elsewhere: self.elsewhere, ..Turn::default() };
        let events = self.step.take().map(|step| step.events).unwrap_or_default();
        for (place, event) in events.iter().enumerate() {
            self.reading.fold(event)?;
            let text = event_line_by_cause(event, &self.reading.book);
            let line = Line { seq: event.seq, at: event.time, text };
            if self.wanted.contains(&event.seq) {
                self.lines.insert(event.seq, line.clone());
            }
            if nth == Some(place) {
                turn.decided = Some(line.clone());
            }
            if place == 0 {
                turn.input = Some(line);
            } else {
                turn.decisions.push(line);
            }
        }
        if !events.is_empty() {
            self.reading.pass()?;
        }
        Ok(turn)
    }

    /// Reads on to the last of the Steps that are listed.
    fn finish(mut self, listed: &[Seq]) -> Result<Vec<Line>, CompareError> {
        let last = listed.iter().max().copied().unwrap_or(Seq(0));
        while self.reading.next().is_some_and(|next| next.first_seq() <= last) {
            self.read_on()?;
        }
        Ok(listed.iter().filter_map(|seq| self.lines.get(seq).cloned()).collect())
    }
}
