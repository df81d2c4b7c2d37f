//! What worlds were made of, in numbers: whether a run of seeds met what it is to meet.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::event::{Decision, Fact, Input, ReportKind};
use retrace_projections::ledger::{Book, Plan};

use crate::script::Script;
use crate::world::Played;

/// Counts by what is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    /// What was counted, and how often, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, count)| (*name, *count))
    }

    /// Counts a world.
    pub fn add(&mut self, script: &Script, played: &Played) {
        let mut book = Book::new(&played.identity);
        let mut ended = BTreeSet::new();
        for event in played.log.iter().flat_map(|step| &step.events) {
            if book.apply(event).is_err() {
                return;
            }
            let name = match &event.fact {
                Fact::Input(Input::DirectiveReceived(_)) => "directives",
                Fact::Input(Input::TimerFired { .. }) => "timers fired",
                Fact::Input(Input::Report(report)) => {
                    match report.what {
                        ReportKind::Busted { .. } => self.count("trades busted", 1),
                        ReportKind::Corrected { .. } => self.count("trades corrected", 1),
                        ReportKind::NotFound => self.count("requests lost on their way", 1),
                        _ => {}
                    }
                    "reports"
                }
                Fact::Input(Input::ConnectionChanged { connected: false }) => "connections lost",
                Fact::Decision(Decision::QueryRequested) => "queries",
                Fact::Decision(Decision::DirectiveRefused { refusal, .. }) => {
                    self.count(refusal.code(), 1);
                    "refusals"
                }
                Fact::Decision(Decision::OrderRefused(refused)) => {
                    self.count(refused.refusal.code(), 1);
                    "orders refused by the risk gate"
                }
                Fact::Input(Input::OperatorCommanded(_)) => "operator commands",
                Fact::Decision(Decision::DirectiveRepeated { .. }) => "directives repeated",
                Fact::Decision(Decision::PlanClosed { .. }) => {
                    if ended.insert(event.plan) {
                        "plans ended"
                    } else {
                        "plans ended again"
                    }
                }
                _ => continue,
            };
            self.count(name, 1);
        }
        let counts = book.ledger().counts();
        self.count("fills repeated", counts.repeated_fills);
        self.count("fills in conflict", counts.conflicting_fills);
        self.count("reports on foreign orders", counts.foreign);
        for order in book.plans().flat_map(Plan::orders) {
            self.count("orders", 1);
            for fill in &order.fills {
                self.count("fills", 1);
                self.count("fills late", u64::from(fill.late));
                self.count("fills above the quantity", u64::from(fill.overfill));
            }
        }
        let rules = script.rules;
        self.count("engine restarts", script.restarts.iter().filter(|at| at.after <= played.inputs).count() as u64);
        self.count("outages", script.outages.len() as u64);
        self.count("worlds", 1);
        self.count("worlds with fees in base", u64::from(rules.fee_in_base));
        self.count("worlds with a minimum notional", u64::from(rules.min_notional > 0));
        self.count("worlds of two symbols", u64::from(rules.symbols > 1));
    }

    fn count(&mut self, name: &'static str, by: u64) {
        *self.0.entry(name).or_insert(0) += by;
    }
}
