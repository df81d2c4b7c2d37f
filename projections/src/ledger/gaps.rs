//! When and why something held was not covered by a working stop, kept per plan while events go by.

use bincode::{Decode, Encode};
use retrace_core::amount::Position;
use retrace_core::event::{Because, Decision, Event, Fact, Input};
use retrace_core::manifest::Mode;
use retrace_core::time::Timestamp;

use super::{Ledger, Plan};

/// A time during which something held was not covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Gap {
    /// How much, signed.
    pub quantity: Position,
    /// Why.
    pub reason: Uncovered,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None` while it is open.
    pub to: Option<Timestamp>,
}

/// Why something held is not covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Uncovered {
    /// What the worker says of it.
    Because(Because),
    /// The plan has no stop at all, by its directive's own word.
    NoStop,
}

impl Uncovered {
    /// The reason's name, as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Because(because) => because.as_str(),
            Self::NoStop => "no_stop",
        }
    }
}

impl Ledger {
    /// Notes what an event, which was folded just now, changes of the gaps in its plan's protection.
    pub(super) fn note_gaps(&mut self, event: &Event) {
        if matches!(event.fact, Fact::Input(Input::SessionContinued(_))) {
            for plan in self.plans.values_mut() {
                plan.note_gap_carried(event.time);
                plan.note_unprotected(event.time, self.mode);
            }
        }
        let Some(no) = event.plan else { return };
        // The event may have sealed it.
        let sealed = self.newly_sealed.last_mut().filter(|plan| plan.no == no);
        let Some(plan) = self.plans.get_mut(&no).or(sealed) else { return };
        if let Fact::Decision(Decision::ProtectionGapChanged { uncovered, because }) = &event.fact {
            plan.close_gap(event.time);
            if !uncovered.is_flat() {
                plan.open_gap(*uncovered, Uncovered::Because(*because), event.time);
            }
        }
        plan.note_unprotected(event.time, self.mode);
    }
}

impl Plan {
    /// A gap that was open when another session ended goes on in this one.
    fn note_gap_carried(&mut self, at: Timestamp) {
        if let Some((quantity, because)) = self.gap {
            self.open_gap(quantity, Uncovered::Because(because), at);
        }
    }

    /// What is held without any stop is not covered either, by the strategist's own word.
    fn note_unprotected(&mut self, at: Timestamp, mode: Mode) {
        // A history tells of trades alone: whether a stop stood behind them is not known.
        if mode == Mode::Import {
            return;
        }
        // What a directive uncovered is told by an event of its own.
        let naked = if self.exits.stop.is_none() && !self.protection_cancelled { self.held() } else { Position::FLAT };
        match self.gaps.last().filter(|gap| gap.to.is_none() && gap.reason == Uncovered::NoStop) {
            Some(gap) if gap.quantity == naked => return,
            Some(_) => self.close_gap(at),
            None => {}
        }
        let lots = self.instrument.whole_lots(naked).unwrap_or_default();
        if !lots.is_flat() {
            self.open_gap(naked, Uncovered::NoStop, at);
        }
    }

    fn open_gap(&mut self, quantity: Position, reason: Uncovered, from: Timestamp) {
        self.gaps.push(Gap { quantity, reason, from, to: None });
    }

    fn close_gap(&mut self, at: Timestamp) {
        if let Some(open) = self.gaps.last_mut().filter(|gap| gap.to.is_none()) {
            open.to = Some(at);
        }
    }
}
