//! Directives that come again and late lead to one exposure (SEMANTICS 3): random instructions for one or two plans in a
//! small market, told once, and told with repeats at any distance, under their own ids and under new ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::arithmetic_side_effects, clippy::print_stdout, reason = "tests")]
#![allow(clippy::pedantic, clippy::wildcard_enum_match_arm, reason = "tests are read for their story")]

mod case;
mod model;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use retrace_core::directive::StrategyDirective;
use retrace_core::event::{Decision, Event, Fact, Input};
use retrace_core::ids::{DirectiveId, OrderNo, PlanNo, Seq};
use retrace_core::manifest::Identity;
use retrace_core::step::Step;
use retrace_core::time::Timestamp;
use retrace_projections::audit::event_line;
use retrace_projections::ledger::{Book, Phase, Plan};
use retrace_replay::backtest::{Backtest, Recorder};
use retrace_replay::tape::Tape;

use case::Case;
use model::Model;

type Given = Vec<(Timestamp, StrategyDirective)>;

/// A run: its log, and its plans as they ended.
struct Run {
    steps: Vec<Step>,
    plans: BTreeMap<PlanNo, Plan>,
}

#[derive(Default)]
struct Keep {
    steps: Vec<Step>,
    sealed: BTreeMap<PlanNo, Plan>,
}

impl Recorder for Keep {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        self.steps.push(step.clone());
        Ok(step.last_seq())
    }

    fn sealed(&mut self, plan: Plan) {
        self.sealed.insert(plan.no, plan);
    }
}

fn run(identity: &Identity, tape: &Tape, given: Given) -> Result<Run, String> {
    let mut keep = Keep::default();
    let mut backtest = Backtest::new(identity, tape, given);
    backtest.run(&mut keep).map_err(|error| error.to_string())?;
    let mut plans = keep.sealed;
    plans.extend(backtest.state().ledger().plans().map(|plan| (plan.no, plan.clone())));
    Ok(Run { steps: keep.steps, plans })
}

impl Run {
    fn events(&self) -> impl Iterator<Item = &Event> {
        self.steps.iter().flat_map(|step| &step.events)
    }

    /// Everything that was decided for a plan and said of its orders, without what merely answers a directive: a
    /// repeat may be received, and may be told that it leads to nothing. A repeat moves the events behind it, so what a
    /// report answers is named by its place among the consequences instead of its place in the log.
    fn consequences(&self) -> Vec<(Timestamp, Option<PlanNo>, Option<OrderNo>, Fact)> {
        let answers = |fact: &Fact| {
            matches!(
                fact,
                Fact::Input(Input::DirectiveReceived(_))
                    | Fact::Decision(
                        Decision::DirectiveRepeated { .. }
                            | Decision::DirectiveRefused { .. }
                            | Decision::NothingToDo { .. }
                    )
            )
        };
        let mut places = BTreeMap::new();
        let mut consequences = Vec::new();
        for event in self.events().filter(|event| !answers(&event.fact)) {
            places.insert(event.seq, Seq(consequences.len() as u64));
            let mut fact = event.fact.clone();
            if let Fact::Input(Input::Report(report)) = &mut fact {
                report.answers = report.answers.and_then(|request| places.get(&request).copied());
            }
            consequences.push((event.time, event.plan, event.order, fact));
        }
        consequences
    }

    /// The directives that were refused, for any plan.
    fn refused(&self) -> BTreeSet<DirectiveId> {
        let refused = self.events().filter_map(|event| match &event.fact {
            Fact::Decision(Decision::DirectiveRefused { directive, .. }) => Some(directive.clone()),
            _ => None,
        });
        refused.collect()
    }

    fn story(&self, identity: &Identity) -> String {
        let mut story = String::new();
        let mut book = Book::new(identity);
        for event in self.events() {
            if book.apply(event).is_err() {
                return story;
            }
            let plan = event.plan.map_or(String::new(), |plan| plan.to_string());
            let _ = writeln!(story, "{} {:>4} {plan:<4} {}", event.time, event.seq, event_line(event, &book));
        }
        story
    }
}

/// How often what happened, over all cases: a test in which nothing happens proves nothing.
#[derive(Default)]
struct Tally {
    fills: Cell<u64>,
    stops: Cell<u64>,
    profits: Cell<u64>,
    closes: Cell<u64>,
    given_up: Cell<u64>,
    own_ids: Cell<u64>,
    new_ids: Cell<u64>,
    standing: Cell<u64>,
}

fn count(cell: &Cell<u64>, by: usize) {
    cell.set(cell.get() + by as u64);
}

fn hold(case: &Case, tally: &Tally) -> Result<(), TestCaseError> {
    let (identity, tape) = (case.identity(), case.tape());
    let given = case.directives();
    let once = run(&identity, &tape, given.clone()).map_err(TestCaseError::fail)?;
    let fail = |what: String, run: &Run| {
        let told = format!("{what}\n{case:#?}\n{}", run.story(&identity));
        Err(TestCaseError::fail(told))
    };

    let mut model = Model::new(case.latency > 0);
    once.steps.iter().for_each(|step| model.step(step));
    for plan in once.plans.values() {
        let Some(wrong) = model.disagrees(plan) else { continue };
        return fail(wrong, &once);
    }

    let (repeated, own_ids, new_ids) = case.with_repeats(&given, &once.refused());
    let again = run(&identity, &tape, repeated).map_err(TestCaseError::fail)?;
    let (expected, got) = (once.consequences(), again.consequences());
    if let Some(place) = (0..expected.len().max(got.len())).find(|place| expected.get(*place) != got.get(*place)) {
        let what = format!("told again, another thing follows: {:?} and not {:?}", got.get(place), expected.get(place));
        return fail(what, &again);
    }
    for (one, other) in once.plans.values().zip(again.plans.values()) {
        if (one.traded(), one.target.size, one.exits) != (other.traded(), other.target.size, other.exits) {
            return fail(format!("told again, {} is another plan", one.id), &again);
        }
    }

    count(&tally.fills, model.fills);
    count(&tally.stops, model.stops);
    count(&tally.profits, model.profits);
    count(&tally.given_up, model.given_up);
    count(&tally.own_ids, own_ids);
    count(&tally.new_ids, new_ids);
    let closed = |plan: &&Plan| matches!(plan.phase, Phase::Closed { .. } | Phase::Closing(_));
    count(&tally.closes, once.plans.values().filter(closed).count());
    count(&tally.standing, once.plans.values().filter(|plan| plan.phase == Phase::Standing).count());
    Ok(())
}

#[test]
fn repeated_and_delayed_directives_give_one_exposure() {
    let tally = Tally::default();
    let config = Config { cases: 10_000, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let result = TestRunner::new(config).run(&case::cases(), |case| hold(&case, &tally));
    if let Err(error) = result {
        panic!("{error}");
    }
    let counts = [
        ("fills", tally.fills.get(), 20_000),
        ("stops", tally.stops.get(), 1_000),
        ("take profits", tally.profits.get(), 500),
        ("plans closed", tally.closes.get(), 3_000),
        ("plans standing", tally.standing.get(), 3_000),
        ("groups given up", tally.given_up.get(), 300),
        ("repeats under their own id", tally.own_ids.get(), 10_000),
        ("repeats under a new id", tally.new_ids.get(), 5_000),
    ];
    for (what, happened, least) in counts {
        println!("{happened} {what}");
        assert!(happened >= least, "only {happened} {what}: do the cases live?");
    }
}
