//! Whatever the order in which one set of reports is told, and however often, the ledger is one; and it is the one that
//! a simpler model makes of the set, which knows no order at all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::pedantic,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

mod model;
mod set;

use proptest::prelude::*;
use retrace_core::event::{Decision, Event, Fact, Input, Report, ReportedOrder};
use retrace_core::ids::{OrderNo, PlanNo, Seq};
use retrace_core::testkit::samples;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, Order};

use set::{Scene, scene};

/// A book that takes facts one by one.
#[derive(Clone)]
struct Teller {
    book: Book,
}

impl Teller {
    fn fold(&mut self, order: Option<OrderNo>, fact: Fact) -> Seq {
        let seq = self.book.ledger().seq().next();
        let nanos = i64::try_from(seq.0).unwrap() * 1_000_000_000;
        let time = Timestamp::from_nanos(nanos);
        self.book.apply(&Event { seq, time, plan: Some(PlanNo(1)), order, cause: None, fact }).unwrap();
        seq
    }

    fn decide(&mut self, order: Option<OrderNo>, decision: Decision) -> Seq {
        self.fold(order, Fact::Decision(decision))
    }

    fn tell(&mut self, report: &Report) {
        let ReportedOrder::Ours(no) = report.order else { panic!("ours alone are told") };
        self.fold(Some(no), Fact::Input(Input::Report(report.clone())));
    }

    /// The book as it stands when the reports begin.
    fn of(scene: &Scene) -> Self {
        let mut identity = samples::identity("told");
        identity.venue.profile.size_free_stop = scene.size_free;
        let mut teller = Self { book: Book::new(&identity) };
        for (order, decision) in scene.decisions() {
            teller.decide(order, decision);
        }
        teller
    }

    fn orders(&self) -> Vec<&Order> {
        let mut orders: Vec<_> = self.book.plan(PlanNo(1)).unwrap().orders().collect();
        orders.sort_by_key(|order| order.no);
        orders
    }

    /// What of the ledger decides what follows and is not in its view.
    fn hidden(&self) -> Vec<String> {
        let plan = self.book.plan(PlanNo(1)).unwrap();
        let of_plan = format!("{:?} {:?} {:?}", plan.phase, plan.target, plan.filled_last());
        let order = |order: &&Order| {
            let Order { in_flight, query, asked, reason, .. } = *order;
            let rests = (order.remaining(), order.remaining_as_requested(), order.is_unanswered(), order.is_unknown());
            format!("{} {in_flight:?} {query:?} {asked} {reason:?} {rests:?} {}", order.no, order.is_settled())
        };
        std::iter::once(of_plan).chain(self.orders().iter().map(order)).collect()
    }
}

/// A scene, and its reports in any order, each once or more often.
fn told() -> impl Strategy<Value = (Scene, Vec<Report>)> {
    scene()
        .prop_flat_map(|scene| {
            let often = proptest::collection::vec(1_usize..=3, scene.reports().len());
            (Just(scene), often)
        })
        .prop_flat_map(|(scene, often)| {
            let reports = scene.reports();
            let all = reports.iter().zip(often).flat_map(|(report, times)| vec![report.clone(); times]);
            let all: Vec<Report> = all.collect();
            (Just(scene), Just(all).prop_shuffle())
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_set_of_reports_gives_one_ledger((scene, shuffled) in told()) {
        let begun = Teller::of(&scene);
        let mut straight = begun.clone();
        scene.reports().iter().for_each(|report| straight.tell(report));
        let mut other = begun;
        shuffled.iter().for_each(|report| other.tell(report));

        prop_assert_eq!(other.hidden(), straight.hidden());
        let views = |teller: &Teller| model::view(&teller.book);
        prop_assert_eq!(views(&other), views(&straight));
        prop_assert_eq!(other.book.ledger().digest(), straight.book.ledger().digest());
        model::check(&scene, &straight.book)?;

        // Told again after the next change was asked for, all of it changes nothing.
        let Some(next) = straight.orders().iter().find(|order| order.is_working()).map(|order| order.no) else {
            return Ok(());
        };
        other.decide(Some(next), scene.next_change());
        let (digest, hidden) = (other.book.ledger().digest(), other.hidden());
        shuffled.iter().for_each(|report| other.tell(report));
        prop_assert_eq!(other.hidden(), hidden);
        prop_assert_eq!(other.book.ledger().digest(), digest);
    }
}
