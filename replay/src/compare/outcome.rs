//! What came of each plan, fill by fill: the first that differs. An order of fills that differs alone is none.

use std::collections::{BTreeMap, VecDeque};

use super::cause::{Digest, PlanKey};
use super::side::{OutcomeEvent, Place};

/// The fills and ends of one plan in both sessions.
#[derive(Default)]
struct OfPlan {
    /// What one of them has and the other has not up to now.
    ahead: VecDeque<OutcomeEvent>,
    /// Which.
    of_b: bool,
    /// Where they part.
    parted: Option<[Option<OutcomeEvent>; 2]>,
    /// The sum of all of it: the same in whatever order it came.
    sum_a: u128,
    sum_b: u128,
}

/// Compares plans' fills and ends, one by one, as they come.
#[derive(Default)]
pub(super) struct Outcomes {
    plans: BTreeMap<PlanKey, OfPlan>,
}

impl Outcomes {
    /// Takes the next of a plan of A (or B).
    pub(super) fn take(&mut self, of_b: bool, plan: PlanKey, event: OutcomeEvent) {
        let of_plan = self.plans.entry(plan).or_default();
        let sum = if of_b { &mut of_plan.sum_b } else { &mut of_plan.sum_a };
        *sum = sum.wrapping_add(number(event.digest));
        if of_plan.parted.is_some() {
            return;
        }
        if of_plan.ahead.is_empty() || of_plan.of_b == of_b {
            of_plan.of_b = of_b;
            of_plan.ahead.push_back(event);
            return;
        }
        if let Some(other) = of_plan.ahead.pop_front()
            && other.digest != event.digest
        {
            of_plan.parted = Some(if of_b { [Some(other), Some(event)] } else { [Some(event), Some(other)] });
            of_plan.ahead.clear();
        }
    }

    /// Where what came of a plan first differs.
    pub(super) fn finish(self) -> Option<(Place, [Option<OutcomeEvent>; 2])> {
        let differing = self.plans.into_iter().filter(|(_, of_plan)| of_plan.sum_a != of_plan.sum_b);
        let parted = differing.filter_map(|(_, mut of_plan)| {
            let left = of_plan.ahead.pop_front();
            let parted = of_plan.parted.unwrap_or(if of_plan.of_b { [None, left] } else { [left, None] });
            let place = parted.iter().flatten().map(|event| event.place).min()?;
            Some((place, parted))
        });
        // Of two plans that part at one place, the first by name.
        parted.min_by_key(|(place, _)| *place)
    }
}

fn number(digest: Digest) -> u128 {
    u128::from_le_bytes(digest)
}
