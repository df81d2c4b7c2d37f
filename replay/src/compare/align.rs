//! Which Step of one session is which of the other: those whose inputs have one cause, first at one time, then in order.

use std::collections::{BTreeMap, VecDeque};

use retrace_core::ids::Seq;
use serde::Serialize;

use super::cause::Digest;
use super::mode::Mode;
use super::side::{Place, Told};

/// How many Steps of one session alone are told one by one.
pub(super) const LISTED: usize = 5;

/// How many Steps are which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StepCounts {
    /// In both, with everything equal that is compared.
    pub equal: u64,
    /// In both, and something that is compared differs.
    pub different: u64,
    /// In both, with inputs that say something else, such as another price of one fill.
    pub other_inputs: u64,
    /// In both, at other times.
    pub other_times: u64,
    /// In A alone.
    pub only_a: u64,
    /// In B alone.
    pub only_b: u64,
}

/// Where the two sessions part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// At one place a Step that the other session has not, or has elsewhere; or both have one.
    Apart { here: [Option<Told>; 2], elsewhere: [Option<Told>; 2] },
    /// The same input, after which something else was decided.
    Pair([Told; 2]),
}

/// Pairs Steps as they come. Keeps those alone that the other session has not given up to now.
pub(super) struct Alignment {
    mode: Mode,
    waiting: [BTreeMap<Digest, VecDeque<Told>>; 2],
    first: Option<(Place, Found)>,
    pub(super) counts: StepCounts,
}

impl Alignment {
    pub(super) const fn new(mode: Mode) -> Self {
        Self { mode, waiting: [BTreeMap::new(), BTreeMap::new()], first: None, counts: COUNTED_NONE }
    }

    /// Takes the Steps of one time from both sessions, in their order.
    pub(super) fn take(&mut self, a: &[Told], b: &[Told]) {
        if let ([a], [b]) = (a, b)
            && a.key == b.key
        {
            return self.pair(*a, *b);
        }
        let mut of_b: BTreeMap<Digest, VecDeque<Told>> = BTreeMap::new();
        for told in b {
            of_b.entry(told.key).or_default().push_back(*told);
        }
        let mut alone = Vec::new();
        for told in a {
            match of_b.get_mut(&told.key).and_then(VecDeque::pop_front) {
                Some(other) => self.pair(*told, other),
                None => alone.push(*told),
            }
        }
        for told in alone {
            self.wait(0, told);
        }
        let mut alone: Vec<Told> = of_b.into_values().flatten().collect();
        alone.sort_by_key(|told| told.place);
        for told in alone {
            self.wait(1, told);
        }
    }

    /// A Step that the other session has not at its time: it is paired with the first such one of the other, or waits.
    fn wait(&mut self, side: usize, told: Told) {
        let [of_a, of_b] = &mut self.waiting;
        let (mine, other) = if side == 0 { (of_a, of_b) } else { (of_b, of_a) };
        let Some(queue) = other.get_mut(&told.key) else {
            mine.entry(told.key).or_default().push_back(told);
            return;
        };
        let found = queue.pop_front();
        if queue.is_empty() {
            other.remove(&told.key);
        }
        match found {
            Some(other) if side == 0 => self.pair(told, other),
            Some(other) => self.pair(other, told),
            None => {}
        }
    }

    fn pair(&mut self, a: Told, b: Told) {
        let counts = &mut self.counts;
        if a.input != b.input {
            counts.other_inputs = counts.other_inputs.saturating_add(1);
        }
        let moved = a.place.0 != b.place.0;
        if moved {
            counts.other_times = counts.other_times.saturating_add(1);
        }
        let alike = (a.compared, a.count) == (b.compared, b.count);
        let nothing = a.count == 0 && b.count == 0;
        if alike && (nothing || !moved || !self.mode.is_timed()) {
            counts.equal = counts.equal.saturating_add(1);
            return;
        }
        counts.different = counts.different.saturating_add(1);
        if moved && self.mode.is_timed() {
            let (here, elsewhere) =
                if a.place < b.place { ([Some(a), None], [None, Some(b)]) } else { ([None, Some(b)], [Some(a), None]) };
            self.note(a.place.min(b.place), Found::Apart { here, elsewhere });
        } else {
            self.note(a.place.min(b.place), Found::Pair([a, b]));
        }
    }

    /// The first place counts. At one place, a Step too many comes before a decision that differs.
    #[expect(clippy::large_types_passed_by_value, reason = "it is kept")]
    fn note(&mut self, place: Place, found: Found) {
        let Some((first, standing)) = &mut self.first else {
            self.first = Some((place, found));
            return;
        };
        if place < *first {
            self.first = Some((place, found));
        } else if place == *first {
            *standing = match (*standing, found) {
                (Found::Apart { here: a, elsewhere: b }, Found::Apart { here: c, elsewhere: d }) => {
                    Found::Apart { here: either(a, c), elsewhere: either(b, d) }
                }
                (apart @ Found::Apart { .. }, Found::Pair(_)) | (Found::Pair(_), apart @ Found::Apart { .. }) => apart,
                (Found::Pair(one), Found::Pair(other)) => {
                    Found::Pair(if key(&other) < key(&one) { other } else { one })
                }
            };
        }
    }

    /// What waits still is in one session alone. Answers where they part, and the first of those Steps.
    pub(super) fn finish(mut self) -> (Option<(Place, Found)>, StepCounts, [Vec<Seq>; 2]) {
        let waiting = std::mem::take(&mut self.waiting).map(|waiting| {
            let mut alone: Vec<Told> = waiting.into_values().flatten().collect();
            alone.sort_by_key(|told| told.place);
            alone
        });
        let [a, b] = &waiting;
        (self.counts.only_a, self.counts.only_b) = (a.len() as u64, b.len() as u64);
        for told in a.iter().filter(|told| told.count > 0) {
            self.note(told.place, Found::Apart { here: [Some(*told), None], elsewhere: [None, None] });
        }
        for told in b.iter().filter(|told| told.count > 0) {
            self.note(told.place, Found::Apart { here: [None, Some(*told)], elsewhere: [None, None] });
        }
        (self.first, self.counts, waiting.map(|alone| alone.iter().take(LISTED).map(|told| told.seq).collect()))
    }
}

const COUNTED_NONE: StepCounts =
    StepCounts { equal: 0, different: 0, other_inputs: 0, other_times: 0, only_a: 0, only_b: 0 };

fn either([a, b]: [Option<Told>; 2], [c, d]: [Option<Told>; 2]) -> [Option<Told>; 2] {
    [a.or(c), b.or(d)]
}

fn key([a, _]: &[Told; 2]) -> Digest {
    a.key
}
