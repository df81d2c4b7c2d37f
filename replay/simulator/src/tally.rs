//! What worlds were made of, in numbers: whether a run of seeds met what it is to meet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use retrace_core::directive::Intent;
use retrace_core::event::{BatchEnd, Because, Decision, Fact, Input, ReportKind, TimerPurpose, VenueReason};
use retrace_core::order::{OrderTerms, TimeInForce};
use retrace_core::policy::BatchDefaults;
use retrace_projections::ledger::{Book, Plan};

use crate::limits::Limits;
use crate::profile::Profile;
use crate::script::{Happening, Script, Trick};
use crate::world::Played;

/// Counts by what is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<&'static str, u64>,
    profiles: BTreeMap<&'static str, Worlds>,
    faults: BTreeMap<&'static str, Worlds>,
    /// By profile, then fault.
    pairs: BTreeMap<(&'static str, &'static str), u64>,
}

/// What worlds that have something in common came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worlds {
    /// How many there were.
    pub worlds: u64,
    /// The events in their logs.
    pub events: u64,
    /// In how many a bound was broken.
    pub findings: u64,
}

impl Worlds {
    const fn add(&mut self, played: &Played, events: u64) {
        self.worlds += 1;
        self.events += events;
        self.findings += played.finding.is_some() as u64;
    }
}

impl Tally {
    /// What was counted, and how often, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(name, count)| (*name, *count))
    }

    /// The figures by venue profile, by fault, and how many worlds had both: rows are faults, columns profiles.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let profiles = || ('A'..).zip(Profile::NAMES);
        let _ = writeln!(text, "{:<32} {:>8} {:>11} {:>9}", "by profile", "worlds", "events", "findings");
        for (letter, name) in profiles() {
            let Worlds { worlds, events, findings } = self.profiles.get(name).copied().unwrap_or_default();
            let _ = writeln!(text, "{letter} {name:<30} {worlds:>8} {events:>11} {findings:>9}");
        }
        let _ = write!(text, "\n{:<20} {:>8} {:>11} {:>9}  in worlds of", "by fault", "worlds", "events", "findings");
        for (letter, _) in profiles() {
            let _ = write!(text, " {letter:>6}");
        }
        text.push('\n');
        for (fault, Worlds { worlds, events, findings }) in &self.faults {
            let _ = write!(text, "{fault:<20} {worlds:>8} {events:>11} {findings:>9}             ");
            for name in Profile::NAMES {
                let both = self.pairs.get(&(name, *fault)).copied().unwrap_or(0);
                let _ = write!(text, " {both:>6}");
            }
            text.push('\n');
        }
        text
    }

    fn figures(&mut self, script: &Script, played: &Played) {
        let events = played.log.iter().map(|step| step.events.len() as u64).sum();
        let profile = script.rules.profile.name;
        self.profiles.entry(profile).or_default().add(played, events);
        let tricks = Trick::ALL.into_iter().filter(|trick| script.mischief.odds(*trick) > 0).map(Trick::name);
        let mut faults: Vec<&'static str> = tricks.collect();
        let batches = script
            .acts
            .iter()
            .any(|act| matches!(&act.what, Happening::Directive(said) if matches!(said.intent, Intent::Batch(_))));
        let others = [
            (faults.is_empty(), "(a fair venue)"),
            (!script.restarts.is_empty(), "engine restarts"),
            (script.outages.iter().any(|outage| !outage.told), "outages"),
            (script.outages.iter().any(|outage| outage.told), "connections lost"),
            (script.limits != Limits { cash: script.limits.cash, ..Limits::default() }, "risk limits"),
            (script.limits.cash.is_some(), "cash checked"),
            (batches, "batches"),
            (script.batches != BatchDefaults::default(), "batch defaults"),
        ];
        faults.extend(others.into_iter().filter(|(is, _)| *is).map(|(_, name)| name));
        for fault in faults {
            self.faults.entry(fault).or_default().add(played, events);
            *self.pairs.entry((profile, fault)).or_insert(0) += 1;
        }
    }

    /// Counts a world.
    pub fn add(&mut self, script: &Script, played: &Played) {
        self.figures(script, played);
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
                        ReportKind::Expired { reason: VenueReason::GoodTill } => {
                            self.count("orders out of their time", 1);
                        }
                        _ => {}
                    }
                    "reports"
                }
                Fact::Input(Input::ConnectionChanged { connected: false }) => "connections lost",
                Fact::Decision(Decision::QueryRequested) => "queries",
                Fact::Decision(Decision::CloseStarted { twap: Some(_), .. }) => "closes in slices",
                Fact::Decision(Decision::DirectiveRefused { refusal, .. }) => {
                    self.count(refusal.code(), 1);
                    "refusals"
                }
                Fact::Decision(Decision::OrderRefused(refused)) => {
                    self.count(refused.refusal.code(), 1);
                    "orders refused by the risk gate"
                }
                Fact::Input(Input::OperatorCommanded(_)) => "operator commands",
                Fact::Decision(Decision::BatchStarted { .. }) => "batches",
                Fact::Decision(Decision::BatchEnded { end, .. }) => {
                    self.count(
                        match end {
                            BatchEnd::Complete => "batches complete",
                            BatchEnd::Incomplete => "batches incomplete",
                            BatchEnd::Refused => "batches refused",
                            BatchEnd::RolledBack => "batches rolled back",
                            BatchEnd::RollbackIncomplete => "batches with an incomplete rollback",
                        },
                        1,
                    );
                    "batches ended"
                }
                Fact::Decision(Decision::RollbackStarted { .. }) => "plans rolled back",
                Fact::Decision(Decision::OrderRequested { terms, time_in_force, because, .. }) => {
                    if *because == Because::PatienceOver {
                        self.count("sales for stop limits out of time", 1);
                    }
                    let Some(kind) = kind_of(*terms, *time_in_force) else { continue };
                    kind
                }
                Fact::Decision(Decision::TimerSet { purpose: TimerPurpose::Patience { .. }, .. }) => {
                    "stop limits set off"
                }
                Fact::Decision(Decision::CancelRequested { because: Because::PatienceOver }) => {
                    "stop limits out of time"
                }
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
            let part = order.patience_over && !order.fills.is_empty();
            self.count("stop limits out of time that had traded, or did yet", u64::from(part));
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
        *self.counts.entry(name).or_insert(0) += by;
    }
}

/// What is worth counting of an order that is asked for.
const fn kind_of(terms: OrderTerms, time_in_force: TimeInForce) -> Option<&'static str> {
    match (terms, time_in_force) {
        (OrderTerms::StopLimit { .. }, _) => Some("stop limits"),
        (OrderTerms::TrailingStop { .. }, _) => Some("trailing stops"),
        (OrderTerms::Iceberg { .. }, _) => Some("icebergs that the venue hides"),
        (_, TimeInForce::Gtd(_)) => Some("orders good until a time"),
        _ => None,
    }
}
