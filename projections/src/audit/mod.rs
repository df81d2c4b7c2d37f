//! The whole story of one plan, in order: why it came, what was decided, every order and its changes, every fill, every
//! change of the stop with what it covers, timers, refusals, outcome and result.

mod actions;
mod batches;
pub(crate) mod carried;
mod gaps;
mod intents;
mod quality;
pub(crate) mod refusals;
mod reports;
mod risk;
mod sizes;
pub(crate) mod words;

pub use gaps::GapSpan;
pub use refusals::refusal_text;
pub use words::{gap_reason_text, order_name, venue_reason_text};

use retrace_core::amount::{Money, Position};
use retrace_core::directive::{Intent, StrategyDirective};
use retrace_core::event::{Decision, Event, Fact, Input, Outcome};
use retrace_core::ids::PlanId;
use retrace_core::step::Step;
use serde::Serialize;

use crate::event_view::{EventView, event_view};
use crate::ledger::{Book, BrokenHistory, Plan};
use crate::view::FeeView;
use words::Naming;

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
    words::describe(event, book, Naming::ByNumber).1
}

/// The same with orders named by what they were sent for and earlier events not at all: one event of two sessions is one
/// line, whatever else happened in either.
pub fn event_line_by_cause(event: &Event, book: &Book) -> String {
    words::describe(event, book, Naming::ByCause).1
}

/// Writes a plan's story while it folds a log.
pub struct Auditor {
    plan_id: PlanId,
    lines: Vec<StoryLine>,
}

impl Auditor {
    /// For the plan of that name.
    pub const fn new(plan_id: PlanId) -> Self {
        Self { plan_id, lines: Vec::new() }
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
            let carried = if carried::continues(event) { self.open_plan(book) } else { None };
            let belongs =
                mentioned(event, book).contains(&self.plan_id) || (ours && concerns_all(event)) || carried.is_some();
            ours |= belongs;
            let input = matches!(event.fact, Fact::Input(_));
            if belongs || (input && event.plan.is_none()) {
                let (because, mut text) = words::describe(event, book, Naming::ByNumber);
                if let Some(plan) = carried {
                    text = carried::text(plan, Naming::ByNumber);
                }
                lines.push(StoryLine { because, text, event: event_view(event, book) });
            }
        }
        if ours {
            self.lines.append(&mut lines);
        }
        Ok(())
    }

    fn plan<'a>(&self, book: &'a Book) -> Option<&'a Plan> {
        book.ledger().plan_number(&self.plan_id).and_then(|no| book.plan(no))
    }

    fn open_plan<'a>(&self, book: &'a Book) -> Option<&'a Plan> {
        self.plan(book).and_then(|plan| book.ledger().plan(plan.no))
    }

    /// The story, once the whole log is folded into `book`. `None` where the log never mentions the plan.
    pub fn finish(self, book: &Book) -> Option<Story> {
        if self.lines.is_empty() {
            return None;
        }
        let plan = self.plan(book);
        let protection_gap = plan.map(GapSpan::of).unwrap_or_default();
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
            protection_gap,
            story: self.lines,
        })
    }
}

/// The plans whose story an event belongs to. `book` is the book after it.
pub(crate) fn mentioned(event: &Event, book: &Book) -> Vec<PlanId> {
    if let Some(plan) = event.plan {
        return book.plan(plan).map(|plan| plan.id.clone()).into_iter().collect();
    }
    match &event.fact {
        Fact::Input(Input::DirectiveReceived(directive)) => named(directive, book),
        Fact::Decision(
            Decision::DirectiveRefused { plan_id: Some(plan_id), .. } | Decision::NothingToDo { plan_id, .. },
        ) => vec![plan_id.clone()],
        Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => batches::mentioned(event, book),
    }
}

/// The plans that a directive names, or makes.
fn named(directive: &StrategyDirective, book: &Book) -> Vec<PlanId> {
    match &directive.intent {
        Intent::Group(group) => group.plans.clone(),
        Intent::CancelAll(cancel) => cancel.plans.clone(),
        Intent::NewTrade(_) | Intent::Modify(_) | Intent::Close(_) | Intent::Batch(_) => {
            directive.trades(book.ledger().session()).into_iter().map(|trade| trade.plan_id).collect()
        }
    }
}

/// Whether an event says something of a whole directive, not of one plan.
pub(crate) fn concerns_all(event: &Event) -> bool {
    matches!(
        &event.fact,
        Fact::Decision(Decision::DirectiveRefused { plan_id: None, .. } | Decision::DirectiveRepeated { .. })
    )
}
