//! When and why something held was not covered by a working stop.

use std::collections::BTreeMap;

use retrace_core::amount::Position;
use retrace_core::event::{Decision, Event, Fact};
use retrace_core::ids::PlanNo;
use retrace_core::manifest::Mode;
use retrace_core::time::{Span, Timestamp};
use serde::Serialize;

use super::carried;
use crate::ledger::{Book, Plan};

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

/// Why a gap is one where the plan has no stop at all.
const NO_STOP: &str = "no_stop";

/// Every plan's gaps, while the events of a log go by.
#[derive(Clone, Debug, Default)]
pub struct Gaps(BTreeMap<PlanNo, GapWatch>);

impl Gaps {
    /// Takes an event; `book` as it stands after it.
    pub fn note(&mut self, event: &Event, book: &Book) {
        if carried::continues(event) {
            for plan in carried::plans(book) {
                self.0.entry(plan.no).or_default().note(event, book, Some(plan));
            }
        }
        if let Some(plan) = event.plan {
            self.0.entry(plan).or_default().note(event, book, book.plan(plan));
        }
    }

    /// A plan's gaps so far, in order.
    pub fn of(&self, plan: PlanNo) -> &[GapSpan] {
        self.0.get(&plan).map_or(&[], GapWatch::spans)
    }
}

/// Keeps account of one plan's gaps while its events go by.
#[derive(Clone, Debug, Default)]
pub(crate) struct GapWatch(Vec<GapSpan>);

impl GapWatch {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes an event of the plan; `plan` as it stands after it, once it was taken on.
    pub(crate) fn note(&mut self, event: &Event, book: &Book, plan: Option<&Plan>) {
        self.note_gap(event);
        // A gap that was open when another session ended goes on in this one.
        if let Some((quantity, because)) = plan.and_then(|plan| plan.gap).filter(|_| carried::continues(event)) {
            self.open(quantity, because.as_str(), event.time);
        }
        // A history tells of trades alone: whether a stop stood behind them is not known.
        if let Some(plan) = plan.filter(|_| book.ledger().mode() != Mode::Import) {
            self.note_unprotected(event, plan);
        }
    }

    /// Every gap, in order.
    pub(crate) fn into_spans(self) -> Vec<GapSpan> {
        self.0
    }

    /// Every gap so far, in order.
    pub(crate) fn spans(&self) -> &[GapSpan] {
        &self.0
    }

    fn note_gap(&mut self, event: &Event) {
        let Fact::Decision(Decision::ProtectionGapChanged { uncovered, because }) = &event.fact else { return };
        if let Some(open) = self.0.last_mut().filter(|gap| gap.to.is_none()) {
            open.close(event.time);
        }
        if !uncovered.is_flat() {
            self.open(*uncovered, because.as_str(), event.time);
        }
    }

    /// What is held without any stop is not covered either, by the strategist's own word.
    fn note_unprotected(&mut self, event: &Event, plan: &Plan) {
        // What a directive uncovered is told by an event of its own.
        let naked = if plan.exits.stop.is_none() && !plan.protection_cancelled { plan.held() } else { Position::FLAT };
        let open = self.0.last_mut().filter(|gap| gap.to.is_none() && gap.reason == NO_STOP);
        match open {
            Some(gap) if gap.quantity == naked => return,
            Some(gap) => gap.close(event.time),
            None => {}
        }
        let lots = plan.instrument.whole_lots(naked).unwrap_or_default();
        if !lots.is_flat() {
            self.open(naked, NO_STOP, event.time);
        }
    }

    fn open(&mut self, quantity: Position, reason: &'static str, from: Timestamp) {
        self.0.push(GapSpan { quantity, reason, from, to: None, duration: None });
    }
}

impl GapSpan {
    /// Whether the plan had no stop at all then, by its directive's own word.
    pub fn is_without_stop(&self) -> bool {
        self.reason == NO_STOP
    }

    fn close(&mut self, at: Timestamp) {
        self.to = Some(at);
        self.duration = Some(at.since(self.from));
    }
}
