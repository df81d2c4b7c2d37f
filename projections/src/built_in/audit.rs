//! The story of every plan as a projection: the lines of `retrace audit`, less what another plan could move.

use std::collections::BTreeMap;
use std::convert::Infallible;

use retrace_core::content::ContentRef;
use retrace_core::event::{Event, Fact, Input};
use retrace_core::ids::PlanId;
use retrace_core::manifest::Identity;
use retrace_core::time::Timestamp;

use crate::audit::words::{Naming, describe};
use crate::audit::{GapSpan, carried, concerns_all, mentioned};
use crate::ledger::{Book, Phase, Plan};
use crate::projection::{Ended, Projection, Recorded, Section, View};

/// Every plan's story, in order of first mention: what came from outside, and below it what was decided. Orders are
/// named by their cause; event and timer numbers and the venue's own ids are left out.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    stories: Vec<Story>,
    places: BTreeMap<PlanId, usize>,
    step: StepSoFar,
}

/// What one plan's story has so far.
#[derive(Clone, Debug)]
struct Story {
    plan: PlanId,
    steps: Vec<StoryStep>,
}

/// What one Step holds of a plan's story.
#[derive(Clone, Debug)]
struct StoryStep {
    at: Timestamp,
    /// The Step's input, unless that belongs to another plan.
    input: Option<Line>,
    decisions: Vec<Line>,
}

/// What the Step under way holds for plans that it has yet to mention.
#[derive(Clone, Debug, Default)]
struct StepSoFar {
    /// Its input, where that belongs to no plan by itself.
    input: Option<Line>,
    /// The plans it has mentioned, by the place of their story.
    mentioned: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Line {
    text: String,
    because: Option<&'static str>,
    comment: Option<ContentRef>,
}

impl Projection for Audit {
    const NAME: &'static str = "audit";
    const VERSION: u32 = 1;
    const FIELDS: &'static [&'static str] = &[
        "outcome",
        "net_position",
        "realized_pnl",
        "fees",
        "net_pnl",
        "from",
        "to",
        "duration",
        "quantity",
        "reason",
        "because",
        "comments",
    ];
    type Error = Infallible;

    fn begin(_: &Identity) -> Self {
        Self::default()
    }

    fn fold(&mut self, recorded: &Recorded<'_>) -> Result<(), Infallible> {
        let Recorded { event, step, book, .. } = *recorded;
        let input = event.seq == step.first_seq();
        if input {
            self.step = StepSoFar::default();
        }
        let mut plans: Vec<usize> = mentioned(event, book).into_iter().map(|plan| self.place_of(plan)).collect();
        let line = line(event, book);
        if carried::continues(event) {
            for plan in carried::plans(book) {
                let line = Line { text: carried::text(plan, Naming::ByCause), because: None, comment: None };
                let place = self.place_of(plan.id.clone());
                self.begin_step(place, event.time);
                if let Some(step) = self.stories.get_mut(place).and_then(|story| story.steps.last_mut()) {
                    step.input = Some(line);
                }
            }
        }
        if input && event.plan.is_none() {
            self.step.input = Some(line.clone());
        }
        for place in &plans {
            self.begin_step(*place, event.time);
        }
        if concerns_all(event) {
            plans.clone_from(&self.step.mentioned);
        }
        for place in plans {
            let Some(step) = self.stories.get_mut(place).and_then(|story| story.steps.last_mut()) else { continue };
            if input {
                step.input = Some(line.clone());
            } else {
                step.decisions.push(line.clone());
            }
        }
        Ok(())
    }

    fn view(&self, ended: &Ended<'_>) -> Result<View, Infallible> {
        Ok(self.stories.iter().map(|story| story.section(ended)).collect())
    }
}

impl Audit {
    fn place_of(&mut self, plan: PlanId) -> usize {
        let next = self.stories.len();
        let place = *self.places.entry(plan.clone()).or_insert(next);
        if place == next {
            self.stories.push(Story { plan, steps: Vec::new() });
        }
        place
    }

    /// The first mention of a plan in a Step begins that Step in its story.
    fn begin_step(&mut self, place: usize, at: Timestamp) {
        if self.step.mentioned.contains(&place) {
            return;
        }
        self.step.mentioned.push(place);
        if let Some(story) = self.stories.get_mut(place) {
            story.steps.push(StoryStep { at, input: self.step.input.clone(), decisions: Vec::new() });
        }
    }
}

impl Story {
    fn section(&self, ended: &Ended<'_>) -> Section {
        let section = Section::new(format!("plan {}", self.plan));
        let plan = plan_named(ended.book, &self.plan);
        let section = match plan {
            None => section.below("outcome", "never taken on"),
            Some(plan) => with_result(section, plan),
        };
        let gaps = plan.map(GapSpan::of).unwrap_or_default().into_iter().map(|gap| {
            Section::new("not covered by a stop")
                .beside("from", gap.from)
                .beside_some("to", gap.to)
                .beside_some("duration", gap.duration)
                .beside("quantity", gap.quantity)
                .beside("reason", gap.reason)
        });
        section.inner_all(gaps).inner_all(self.steps.iter().map(|step| step.section(ended)))
    }
}

impl StoryStep {
    fn section(&self, ended: &Ended<'_>) -> Section {
        let decisions = self.decisions.iter().map(|line| line.section(line.text.clone(), ended));
        let at = self.at;
        match &self.input {
            Some(line) => line.section(format!("{at}  {}", line.text), ended),
            None => Section::new(at.to_string()),
        }
        .inner_all(decisions)
    }
}

fn with_result(section: Section, plan: &Plan) -> Section {
    let totals = plan.accounting.totals();
    let outcome = match &plan.phase {
        Phase::Closed { outcome, .. } => outcome.as_str(),
        Phase::Standing | Phase::Closing(_) | Phase::StoppedOut | Phase::Reopened { .. } => "still open",
    };
    section
        .below("outcome", outcome)
        .below_some("net_position", Some(totals.traded).filter(|traded| !traded.is_flat()))
        .below("realized_pnl", totals.realized)
        .below("fees", super::fees_text(&totals.fees))
        .below("net_pnl", totals.net().unwrap_or_default())
}

impl Line {
    fn section(&self, title: String, ended: &Ended<'_>) -> Section {
        Section::new(title)
            .beside_some("because", self.because)
            .below_some("comments", self.comment.and_then(|reference| ended.text(reference)))
    }
}

fn line(event: &Event, book: &Book) -> Line {
    let (because, text) = describe(event, book, Naming::ByCause);
    let comment = match &event.fact {
        Fact::Input(Input::DirectiveReceived(directive)) => directive.comments,
        Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => None,
    };
    Line { text, because, comment }
}

fn plan_named<'a>(book: &'a Book, id: &PlanId) -> Option<&'a Plan> {
    book.ledger().plan_number(id).and_then(|no| book.plan(no))
}
