//! The whole story of one plan, in order: why it came, what was decided, every order and its changes, every fill, every
//! change of the stop with what it covers, timers, refusals, outcome and result.

mod words;

pub use words::refusal_text;

use retrace_core::amount::{Money, Position};
use retrace_core::directive::{Intent, StrategyDirective};
use retrace_core::event::{Decision, Event, Fact, Input, Outcome};
use retrace_core::ids::{PlanId, derive_plan_id};
use retrace_core::manifest::Mode;
use retrace_core::step::Step;
use retrace_core::time::{Span, Timestamp};
use serde::Serialize;

use crate::event_view::{EventView, event_view};
use crate::ledger::{Book, BrokenHistory};
use crate::view::FeeView;

/// A plan's story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Story {
    /// Whose.
    pub plan_id: PlanId,
    /// How it ended; `null` while it is open.
    pub outcome: Option<Outcome>,
    /// What came of it; `null` where no plan was taken on.
    pub result: Option<ResultView>,
    /// When and why something held was not covered by a working stop.
    pub protection_gap: Vec<GapSpan>,
    /// What happened, in order.
    pub story: Vec<StoryLine>,
}

/// What came of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultView {
    /// Before fees, in quote.
    pub realized_pnl: Money,
    /// By asset.
    pub fees: Vec<FeeView>,
    /// After fees, in quote.
    pub net_pnl: Money,
    /// Signed sum of its fills.
    pub net_position: Position,
    /// That less fees taken in the base asset.
    pub held: Position,
}

/// A time during which something held was not covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapSpan {
    /// How much, signed.
    pub quantity: Position,
    /// Why.
    pub reason: &'static str,
    /// From when.
    pub from: Timestamp,
    /// Until when; `null` where it was still open at the end.
    pub to: Option<Timestamp>,
    /// How long; `null` where it was still open at the end.
    pub duration: Option<Span>,
}

/// One line of a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryLine {
    /// Why it happened, in the worker's own word; `null` for what came from outside by itself.
    pub because: Option<&'static str>,
    /// The line as a trader reads it.
    pub text: String,
    /// The event itself. Its `kind` is the story's kind.
    #[serde(flatten)]
    pub event: EventView,
}

/// An event as one line. `book` is the book after it.
pub fn event_line(event: &Event, book: &Book) -> String {
    words::describe(event, book).1
}

/// Why a gap is one where the plan has no stop at all.
const NO_STOP: &str = "no_stop";

/// Writes a plan's story while it folds a log.
pub struct Auditor {
    plan_id: PlanId,
    lines: Vec<StoryLine>,
    gaps: Vec<GapSpan>,
}

impl Auditor {
    /// For the plan of that name.
    pub const fn new(plan_id: PlanId) -> Self {
        Self { plan_id, lines: Vec::new(), gaps: Vec::new() }
    }

    /// Folds a Step into `book` and writes down what of it belongs to the plan.
    ///
    /// # Errors
    /// [`BrokenHistory`] if the log holds a fact that our own code could not have recorded.
    pub fn follow(&mut self, book: &mut Book, step: &Step) -> Result<(), BrokenHistory> {
        let mut lines = Vec::new();
        let mut ours = false;
        for event in &step.events {
            book.apply(event)?;
            // What concerns a whole directive belongs to the plan that the directive names.
            let belongs = self.belongs(event, book) || (ours && concerns_all(event));
            ours |= belongs;
            let input = matches!(event.fact, Fact::Input(_));
            if belongs || (input && event.plan.is_none()) {
                self.note_gap(event);
                self.note_unprotected(event, book);
                let (because, text) = words::describe(event, book);
                lines.push(StoryLine { because, text, event: event_view(event, book) });
            }
        }
        if ours {
            self.lines.append(&mut lines);
        }
        Ok(())
    }

    fn belongs(&self, event: &Event, book: &Book) -> bool {
        if let Some(plan) = event.plan {
            return book.plan(plan).is_some_and(|plan| plan.id == self.plan_id);
        }
        match &event.fact {
            Fact::Input(Input::DirectiveReceived(directive)) => self.names(directive, book),
            Fact::Decision(
                Decision::DirectiveRefused { plan_id: Some(plan_id), .. } | Decision::NothingToDo { plan_id, .. },
            ) => *plan_id == self.plan_id,
            Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => false,
        }
    }

    fn names(&self, directive: &StrategyDirective, book: &Book) -> bool {
        match &directive.intent {
            Intent::NewTrade(new) => match &new.plan_id {
                Some(plan_id) => *plan_id == self.plan_id,
                None => derive_plan_id(book.ledger().session(), &directive.directive_id, 0) == self.plan_id,
            },
            Intent::Modify(modify) => modify.plans.contains(&self.plan_id),
            Intent::Close(close) => close.plans.contains(&self.plan_id),
        }
    }

    fn note_gap(&mut self, event: &Event) {
        let Fact::Decision(Decision::ProtectionGapChanged { uncovered, because }) = &event.fact else { return };
        if let Some(open) = self.gaps.last_mut().filter(|gap| gap.to.is_none()) {
            open.to = Some(event.time);
            open.duration = Some(event.time.since(open.from));
        }
        if !uncovered.is_flat() {
            let (quantity, reason, from) = (*uncovered, because.as_str(), event.time);
            self.gaps.push(GapSpan { quantity, reason, from, to: None, duration: None });
        }
    }

    /// What is held without any stop is not covered either, by the strategist's own word.
    fn note_unprotected(&mut self, event: &Event, book: &Book) {
        // A history tells of trades alone: whether a stop stood behind them is not known.
        if book.ledger().mode() == Mode::Import {
            return;
        }
        let plan = book.ledger().plan_number(&self.plan_id).and_then(|no| book.plan(no));
        let Some(plan) = plan else { return };
        let naked = if plan.exits.stop.is_none() { plan.held() } else { Position::FLAT };
        let open = self.gaps.last_mut().filter(|gap| gap.to.is_none() && gap.reason == NO_STOP);
        match open {
            Some(gap) if gap.quantity == naked => return,
            Some(gap) => {
                gap.to = Some(event.time);
                gap.duration = Some(event.time.since(gap.from));
            }
            None => {}
        }
        let lots = plan.instrument.whole_lots(naked).unwrap_or_default();
        if !lots.is_flat() {
            let (quantity, reason, from) = (naked, NO_STOP, event.time);
            self.gaps.push(GapSpan { quantity, reason, from, to: None, duration: None });
        }
    }

    /// The story, once the whole log is folded into `book`. `None` where the log never mentions the plan.
    pub fn finish(self, book: &Book) -> Option<Story> {
        if self.lines.is_empty() {
            return None;
        }
        let plan = book.ledger().plan_number(&self.plan_id).and_then(|no| book.plan(no));
        let view = plan.map(|plan| crate::view::plan_view(book.ledger(), plan, &|_| None));
        Some(Story {
            plan_id: self.plan_id,
            outcome: view.as_ref().and_then(|view| view.outcome),
            result: view.map(|view| ResultView {
                realized_pnl: view.realized_pnl,
                fees: view.fees,
                net_pnl: view.net_pnl,
                net_position: view.net_position,
                held: view.held,
            }),
            protection_gap: self.gaps,
            story: self.lines,
        })
    }
}

/// Whether an event says something of a whole directive, not of one plan.
fn concerns_all(event: &Event) -> bool {
    matches!(
        &event.fact,
        Fact::Decision(Decision::DirectiveRefused { plan_id: None, .. } | Decision::DirectiveRepeated { .. })
    )
}
