//! Delivers again what was delivered before: every directive and every report, at once, later, and after the end; every
//! directive under a new id, too, where SEMANTICS 3 promises that nothing follows. Nothing may follow, nothing that is
//! recorded after it may be decided otherwise, and in the end the ledger is what it was.

use std::collections::BTreeMap;

use retrace_core::directive::{ClosePlans, Intent, ModifyPlans, NewTrade, StopChange, StopLevel, StrategyDirective};
use retrace_core::event::{Decision, Event, Fact, Input, Refusal, Report, ReportKind, ReportedOrder};
use retrace_core::ids::{DirectiveId, PlanNo, Seq, SessionUid};
use retrace_core::log::scan_log;
use retrace_core::manifest::Identity;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_core::time::Timestamp;
use retrace_projections::audit::event_line;
use retrace_projections::ledger::{Book, Ledger, Order, Plan};
use retrace_projections::view::plan_view;

use super::market::MarketView;
use super::redecide::input_of;
use super::renumber::Renumbered;
use super::{Engine, Finding, REDELIVER};
use crate::state::State;
use crate::tape::Tape;

/// After how many further events each input is delivered again.
const DISTANCES: [u64; 4] = [0, 1, 10, 100];

/// What is delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Under {
    /// Directives and reports as they are, at every distance and after the end.
    ItsId,
    /// Directives under another id, at once.
    ANewId,
}

/// A second engine, to which everything is delivered once more.
pub(super) struct Redeliver<'a> {
    under: Under,
    engine: Engine,
    state: State,
    sealed: BTreeMap<PlanNo, Plan>,
    market: MarketView<'a>,
    moved: Renumbered,
    /// What is to be delivered, after which recorded event.
    due: BTreeMap<(u64, Seq), Input>,
    /// What was delivered in the sessions that this one continues.
    said_before: Vec<Input>,
    time: Timestamp,
    last: Seq,
    delivered: u64,
    found: Option<Found>,
}

/// The first thing that is not as it must be.
struct Found {
    /// The event that it is about, as it was recorded.
    seq: Seq,
    what: String,
    /// What was delivered again and what followed, as if it had been recorded after `last`.
    events: Vec<Event>,
    last: Seq,
}

impl<'a> Redeliver<'a> {
    pub(super) fn new(under: Under, identity: &Identity, tape: &'a Tape, engine: Engine, begin: &Book) -> Self {
        Self {
            under,
            engine,
            state: State::beginning(identity, begin),
            sealed: begin.sealed(),
            market: MarketView::new(identity, tape),
            moved: Renumbered::default(),
            due: BTreeMap::new(),
            said_before: Vec::new(),
            time: Timestamp::from_nanos(0),
            last: Seq(0),
            delivered: 0,
            found: None,
        }
    }

    /// What was delivered in the sessions that this one continues is delivered again once it has begun.
    pub(super) fn know(&mut self, said_before: &[Input]) {
        self.said_before = said_before.to_vec();
    }

    /// Takes a recorded Step, then delivers again what is due by then.
    pub(super) fn step(&mut self, recorded: &Step) {
        let (Some(input), None) = (input_of(recorded), &self.found) else { return };
        self.market.show(&mut self.state, recorded.tape);
        self.time = recorded.time;
        let given = self.moved.input(input);
        match self.take(given) {
            Ok(events) => {
                let events: Vec<Event> = events.iter().map(|event| self.moved.event(event)).collect();
                let same = events.iter().zip(&recorded.events).take_while(|(is, was)| is == was).count();
                if same < events.len().max(recorded.events.len()) {
                    let seq = Seq(recorded.first_seq().0.saturating_add(u64::try_from(same).unwrap_or(0)));
                    let what = "after what came before was delivered again, this is decided otherwise".to_owned();
                    self.found = Some(Found { seq, what, events, last: self.last });
                }
            }
            Err(error) => {
                let what = format!("after what came before was delivered again, this is not taken: {error}");
                self.found = Some(Found { seq: recorded.first_seq(), what, events: Vec::new(), last: self.last });
            }
        }
        self.last = recorded.last_seq();
        for input in std::mem::take(&mut self.said_before) {
            if self.found.is_none() {
                self.deliver(recorded.first_seq(), &input);
            }
        }
        self.schedule(recorded, input);
        while self.found.is_none() {
            let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.last.0) else { break };
            let ((_, first), input) = entry.remove_entry();
            self.deliver(first, &input);
        }
    }

    /// Notes when an input is to be delivered again. What was a repeat itself needs no other one.
    fn schedule(&mut self, recorded: &Step, input: &Input) {
        let first = recorded.first_seq();
        match (self.under, input) {
            (Under::ItsId, _) if is_delivered(input) && !is_repeat(recorded) => {
                for distance in DISTANCES {
                    self.due.insert((self.last.0.saturating_add(distance), first), input.clone());
                }
            }
            (Under::ANewId, Input::DirectiveReceived(said)) if has_no_effect_again(recorded, said) => {
                if let Some(again) = renamed(said) {
                    self.moved.rename(again.directive_id.clone(), said.directive_id.clone());
                    self.due.insert((self.last.0, first), Input::DirectiveReceived(Box::new(again)));
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, input: Input) -> Result<Vec<Event>, String> {
        if let Some(plan) = self.state.needs(&input).and_then(|no| self.sealed.remove(&no)) {
            self.state.restore(plan);
        }
        let events = (self.engine)(&mut self.state, self.time, input).map_err(|error| error.to_string());
        self.sealed.extend(self.state.take_sealed().into_iter().map(|plan| (plan.no, plan)));
        events
    }

    /// Whether an answer that names no request would be taken for the answer to another one, which is still to come.
    fn is_ambiguous(&self, input: &Input) -> bool {
        let Input::Report(Report { order: ReportedOrder::Ours(order), answers: None, what }) = input else {
            return false;
        };
        let answers = matches!(
            what,
            ReportKind::Amended { .. } | ReportKind::AmendRejected { .. } | ReportKind::CancelRejected { .. }
        );
        let ledger = self.state.ledger();
        let known = ledger.plan_of(*order).and_then(|plan| ledger.plan(plan)?.order(*order));
        answers && known.is_some_and(Order::is_unanswered)
    }

    /// Delivers an input that was recorded as the event `first` once more.
    fn deliver(&mut self, first: Seq, input: &Input) {
        if self.is_ambiguous(input) {
            return;
        }
        let given = self.moved.input(input);
        match self.take(given) {
            Ok(events) => {
                self.delivered = self.delivered.saturating_add(1);
                let events_len = events.len();
                let has_effect = events.iter().any(|event| match &event.fact {
                    Fact::Decision(decision) => !self.is_no_effect(decision),
                    Fact::Input(_) | Fact::Unknown(_) => false,
                });
                if has_effect {
                    let how = match self.under {
                        Under::ItsId => "delivered again",
                        Under::ANewId => "given again under a new id",
                    };
                    let what = format!("{how} after event {}, it has an effect", self.last);
                    let events = events.iter().map(|event| self.moved.event(event)).collect();
                    self.found = Some(Found { seq: first, what, events, last: self.last });
                }
                self.moved.insert(self.last, u64::try_from(events_len).unwrap_or(u64::MAX));
            }
            Err(error) => {
                let what = format!("delivered again after event {}, it is not taken: {error}", self.last);
                self.found = Some(Found { seq: first, what, events: Vec::new(), last: self.last });
            }
        }
    }

    /// Whether a decision says that nothing is done.
    const fn is_no_effect(&self, decision: &Decision) -> bool {
        match (self.under, decision) {
            (Under::ItsId, Decision::DirectiveRepeated { .. })
            | (Under::ANewId, Decision::NothingToDo { .. } | Decision::DirectiveRefused { .. }) => true,
            (Under::ItsId, Decision::TradeRepeated { same, .. }) => *same,
            _ => false,
        }
    }

    /// Delivers everything once more after the end, and compares the ledger with what it was.
    pub(super) fn finish(
        mut self,
        reader: &dyn LogReader,
        session: SessionUid,
        was: &Book,
        begin: &Book,
        said_before: &[Input],
    ) -> Result<(u64, Option<Finding>), StoreError> {
        if self.under == Under::ItsId && self.found.is_none() {
            let end = self.last;
            for input in said_before {
                if self.found.is_none() {
                    self.deliver(Seq(1), input);
                }
            }
            scan_log(
                reader,
                session,
                &mut |step| {
                    let again = input_of(&step).filter(|input| is_delivered(input) && !is_repeat(&step));
                    if let Some(input) = again {
                        self.deliver(step.first_seq(), input);
                    }
                    self.found.is_none() && step.last_seq() <= end
                },
                &mut |_| {},
            )?;
            if self.found.is_none() && self.state.ledger().digest() != was.ledger().digest() {
                return Ok((self.delivered, Some(self.another_ledger(was))));
            }
        }
        let finding = self.found.map(|found| found.tell(reader, session, begin)).transpose()?;
        Ok((self.delivered, finding))
    }
}

impl Redeliver<'_> {
    /// The ledger is another one after all that was delivered again, and the first plan of it that is.
    fn another_ledger(&self, was: &Book) -> Finding {
        let told = |ledger: &Ledger, plan: &Plan| {
            serde_json::to_string(&plan_view(ledger, plan, &|reference| Some(reference.to_string())))
                .unwrap_or_default()
        };
        let is = self.state.ledger();
        let other = was.plans().find_map(|plan| {
            let now = is.plan(plan.no).or_else(|| self.sealed.get(&plan.no));
            let (was, is) = (told(was.ledger(), plan), now.map_or_else(String::new, |now| told(is, now)));
            (was != is).then(|| vec![format!("the plan was: {was}"), format!("the plan is: {is}")])
        });
        let what = "the ledger is another one after everything was delivered again".to_owned();
        Finding { check: REDELIVER, seq: Some(self.last), what, detail: other.unwrap_or_default() }
    }
}

impl Found {
    /// What was delivered and what followed, in words.
    fn tell(self, reader: &dyn LogReader, session: SessionUid, begin: &Book) -> Result<Finding, StoreError> {
        let Self { seq, what, mut events, last } = self;
        let mut book = begin.clone();
        let mut whole = true;
        scan_log(
            reader,
            session,
            &mut |step| {
                let within = step.last_seq() <= last;
                whole &= !within || step.events.iter().all(|event| book.apply(event).is_ok());
                within && whole
            },
            &mut |_| {},
        )?;
        let mut detail = Vec::new();
        for (seq, event) in (last.0.saturating_add(1)..).map(Seq).zip(&mut events) {
            event.seq = seq;
            whole = whole && book.apply(event).is_ok();
            detail.push(event_line(event, &book));
        }
        Ok(Finding { check: REDELIVER, seq: Some(seq), what, detail })
    }
}

/// Whether an input comes from somebody who may send it twice.
const fn is_delivered(input: &Input) -> bool {
    matches!(input, Input::DirectiveReceived(_) | Input::Report(_) | Input::TradeImported(_))
}

/// Whether a directive was a repeat as it was recorded, or the id of another one.
pub(super) fn is_repeat(recorded: &Step) -> bool {
    recorded.decisions().any(|event| {
        matches!(
            &event.fact,
            Fact::Decision(
                Decision::DirectiveRepeated { .. }
                    | Decision::DirectiveRefused { refusal: Refusal::Conflict { .. }, .. }
            )
        )
    })
}

/// Whether SEMANTICS 3 promises that a directive has no effect when it comes again at once under another id: it was taken,
/// names its plan, its levels are absolute, and it is the plan's latest instruction: its stop was not passed meanwhile.
fn has_no_effect_again(recorded: &Step, said: &StrategyDirective) -> bool {
    let left_alone = |event: &Event| {
        matches!(
            event.fact,
            Fact::Decision(
                Decision::DirectiveRefused { .. } | Decision::DirectiveRepeated { .. } | Decision::StopPassed { .. }
            )
        )
    };
    let absolute = |level: StopLevel| !matches!(level, StopLevel::Tolerance(_));
    !recorded.decisions().any(left_alone)
        && match &said.intent {
            Intent::NewTrade(NewTrade { plan_id, stop, .. }) => plan_id.is_some() && stop.is_none_or(absolute),
            Intent::Modify(ModifyPlans { stop, plans, .. }) if plans.len() == 1 => match stop {
                Some(StopChange::To(level)) => absolute(*level),
                Some(StopChange::Remove) | None => true,
            },
            Intent::Close(ClosePlans { execution, plans }) if plans.len() == 1 => {
                execution.max_total_slippage.is_none()
            }
            // Several plans may be a batch by the session's defaults: legs that begin are recorded though nothing is done.
            Intent::Modify(_) | Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) | Intent::Batch(_) => false,
        }
}

/// The same directive under an id of its own.
fn renamed(said: &StrategyDirective) -> Option<StrategyDirective> {
    let digest = blake3::hash(said.directive_id.to_string().as_bytes()).to_hex();
    let short = digest.get(..16)?;
    Some(StrategyDirective { directive_id: DirectiveId::new(&format!("STR_{short}")).ok()?, ..said.clone() })
}
