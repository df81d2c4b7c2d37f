//! The pace of a close in slices: what was held when it began is divided, and no more is sent than has come due.

use retrace_core::directive::{Algorithm, Twap};
use retrace_core::event::{Decision, Event, GroupAction};
use retrace_core::ids::{GroupNo, PlanNo};

use super::{Auditor, Kind, Order};
use crate::finding::Finding;
use crate::units::{lots_of, millis};

/// What a close divides, and over which time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    lots: i64,
    /// In milliseconds.
    start: i64,
    slices: i64,
    /// From the first slice to the end of the last, in milliseconds.
    lasts: i64,
}

impl Pace {
    fn new(lots: i64, start: i64, twap: Twap) -> Self {
        let lasts = i64::try_from(twap.duration.nanos() / 1_000_000).unwrap_or(i64::MAX);
        Self { lots, start, slices: i64::from(twap.slices.max(1)), lasts }
    }

    /// How many lots may have been sent by then; `None` once the last slice is due: that takes all there is.
    fn due(self, now: i64) -> Option<i64> {
        let due = ((now - self.start) * self.slices).checked_div(self.lasts).unwrap_or(self.slices) + 1;
        (due < self.slices).then(|| self.lots / self.slices * due)
    }
}

impl Auditor {
    /// Notes a close that is divided: all that is held, at most.
    pub(super) fn note_pace(&mut self, no: PlanNo, event: &Event, decision: &Decision) -> Result<(), Finding> {
        let Decision::GroupOpened {
            group,
            action: GroupAction::Close,
            algorithm: Algorithm::Twap(twap),
            quantity: size,
            ..
        } = decision
        else {
            return Ok(());
        };
        let lots = lots_of(size.value()).unwrap_or(i64::MAX);
        let held = self.plans.get(&no).map_or(0, super::Plan::held_lots);
        if lots != held {
            return Err(Finding::Pace { plan: no, group: *group, sent: lots, due: held });
        }
        self.paces.insert((no, *group), Pace::new(lots, millis(event.time), *twap));
        Ok(())
    }

    /// An order of a close that is divided sends no more than is due, besides what would be too little for one of its own.
    pub(super) fn keeps_pace(&self, no: PlanNo, lots: i64, kind: Kind) -> Result<(), Finding> {
        let Some(key) = self.deciding.filter(|(of, _)| *of == no && kind == Kind::Exit) else { return Ok(()) };
        let (Some(due), Some(plan)) = (self.paces.get(&key).and_then(|pace| pace.due(self.now)), self.plans.get(&no))
        else {
            return Ok(());
        };
        let own = || self.orders.values().filter(|order| order.group == Some(key) && order.kind == kind);
        // What was taken back may be sent again.
        if own().any(|order| order.revised) {
            return Ok(());
        }
        let before: i64 = own().map(|order| order.filled + order.left()).sum();
        let (sent, working) = (before + lots, own().map(Order::left).sum::<i64>());
        let left_by_due = plan.held_lots() - working - (due - before);
        if sent > due && !self.is_small(plan, left_by_due.max(0)) {
            let (_, group): (PlanNo, GroupNo) = key;
            return Err(Finding::Pace { plan: no, group, sent, due });
        }
        Ok(())
    }
}
