//! The digest trail: what a session was told and decided, as one digest every so many events, kept beside the chain.
//!
//! The chain itself commits to the session's id, and through it to the version of the engine that decided. The trail leaves
//! out what hangs on that id, so that sessions of two names, builds or versions of the engine can be held against each
//! other: up to the last mark that both have alike, they were told and decided the same.

use crate::event::{Decision, Fact, Input, Refusal};
use crate::frame::{FrameError, encode_frame};
use crate::ids::{GroupId, PlanId, Seq};
use crate::step::Step;
use crate::store::Checkpoint;

/// The name under which the trail's digests are kept beside the chain.
pub const TRAIL: &str = "decisions";

/// The version of the trail. Raised whenever it gives another digest for the same Steps.
pub const TRAIL_VERSION: u32 = 1;

/// A mark stands behind the first Step that ends at or behind every so many events.
pub const TRAIL_EVERY: u64 = 4_096;

/// A running digest of Steps.
///
/// It covers times, tape positions, inputs and decisions in the order in which they were recorded. It leaves out the ids of
/// plans and groups where a decision repeats them (they follow from the directive, which it covers), the references of comments
/// (salted by session), and when a Step was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    digest: [u8; 32],
    next_mark: u64,
}

impl Default for Trail {
    fn default() -> Self {
        Self { digest: [0; 32], next_mark: TRAIL_EVERY }
    }
}

impl Trail {
    /// Takes the next Step. Answers whether a mark stands behind it.
    ///
    /// # Errors
    /// [`FrameError`] for a Step that cannot be stored.
    pub fn step(&mut self, step: &Step) -> Result<bool, FrameError> {
        let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 digest trail 1");
        hasher.update(&self.digest);
        hasher.update(&encode_frame(&without_ids(step))?);
        self.digest = *hasher.finalize().as_bytes();
        let last = step.last_seq().0;
        let marked = last >= self.next_mark;
        if marked {
            self.next_mark = last.saturating_sub(last % TRAIL_EVERY).saturating_add(TRAIL_EVERY);
        }
        Ok(marked)
    }

    /// The digest over every Step taken.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What is noted beside the chain of the trail behind event `seq`; `finished` where the session has come to its end.
    pub fn checkpoint(&self, seq: Seq, finished: bool) -> Checkpoint {
        let projection = TRAIL.to_owned();
        Checkpoint { seq, projection, version: TRAIL_VERSION, digest: self.digest(), finished }
    }
}

/// What a trail says of a session up to one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Up to and with which event.
    pub seq: Seq,
    /// [`Trail::digest`] there.
    pub decisions: [u8; 32],
    /// The ledger's digest there; `None` where there is none that can be held against another's.
    pub ledger: Option<[u8; 32]>,
}

/// Where two trails part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Up to this event all is alike; 0 where nothing is.
    pub alike: Seq,
    /// The first difference lies at or before this event of each session; `None` where its trail ends with what is
    /// alike.
    pub by: [Option<Seq>; 2],
    /// Whether what was told and decided differs there; otherwise the ledgers that were folded from it do.
    pub decisions: bool,
}

/// Where two trails part, by bisection: a mark of decisions covers all that came before it. `None` where every mark is
/// alike.
pub fn parting(one: &[Mark], other: &[Mark]) -> Option<Parting> {
    let pairs: Vec<_> = one.iter().zip(other).collect();
    let decided = pairs.partition_point(|(a, b)| (a.seq, a.decisions) == (b.seq, b.decisions));
    let folded = |(a, b): &(&Mark, &Mark)| a.ledger.zip(b.ledger).is_none_or(|(a, b)| a == b);
    let alike = pairs.iter().take(decided).take_while(|pair| folded(pair)).count();
    let decisions = alike == decided;
    if decisions && alike == one.len() && alike == other.len() {
        return None;
    }
    let before = alike.checked_sub(1).and_then(|last| one.get(last)).map_or(Seq(0), |mark| mark.seq);
    let by = [one, other].map(|marks| marks.get(alike).map(|mark| mark.seq));
    Some(Parting { alike: before, by, decisions })
}

/// The Step without what hangs on its session's id.
fn without_ids(step: &Step) -> Step {
    let mut step = Step { recorded_at: None, ..step.clone() };
    for event in &mut step.events {
        match &mut event.fact {
            Fact::Input(Input::DirectiveReceived(directive)) => directive.comments = None,
            Fact::Decision(Decision::PlanAccepted { plan_id, comments, .. }) => {
                *plan_id = PlanId::unnamed();
                *comments = None;
            }
            Fact::Decision(Decision::NothingToDo { plan_id, .. }) => *plan_id = PlanId::unnamed(),
            Fact::Decision(Decision::DirectiveRefused { plan_id, refusal, .. }) => {
                *plan_id = plan_id.take().map(|_| PlanId::unnamed());
                if let Refusal::Group(refusal) = refusal
                    && let Some(group) = refusal.group_mut()
                {
                    *group = GroupId::UNNAMED;
                }
            }
            Fact::Decision(Decision::BatchStarted { legs, .. }) => legs.fill(PlanId::unnamed()),
            Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => {}
        }
    }
    step
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "tests count")]
mod tests {
    use super::*;
    use crate::event::{Event, PriceMoved};
    use crate::ids::DirectiveId;
    use crate::step::TapePosition;
    use crate::time::Timestamp;

    /// A Step of so many refusals behind a price.
    fn step(first: u64, decisions: u64) -> Step {
        let mark = crate::event::Mark::same(crate::testkit::samples::price("60000"));
        let input = Input::PriceMoved(PriceMoved { symbol: crate::testkit::samples::btc().symbol, mark });
        let event = |seq, fact| Event {
            seq: Seq(seq),
            time: Timestamp::from_nanos(1),
            plan: None,
            order: None,
            cause: None,
            fact,
        };
        let refused = |seq| {
            let repeated = Decision::DirectiveRepeated { directive: DirectiveId::new("D1").unwrap(), first: Seq(1) };
            Event { cause: Some(Seq(first)), ..event(seq, Fact::Decision(repeated)) }
        };
        let decisions = (first + 1..=first + decisions).map(refused);
        let events = std::iter::once(event(first, Fact::Input(input))).chain(decisions).collect();
        Step { time: Timestamp::from_nanos(1), recorded_at: None, tape: TapePosition::default(), events }
    }

    #[test]
    fn a_mark_stands_behind_the_step_that_reaches_it() {
        let mut trail = Trail::default();
        assert!(!trail.step(&step(1, 4_094)).unwrap(), "event 4,095 is the last");
        assert!(trail.step(&step(4_096, 0)).unwrap());
        assert!(!trail.step(&step(4_097, 0)).unwrap());
        // One Step that goes over two of them has one mark.
        assert!(trail.step(&step(4_098, 9_000)).unwrap());
        assert!(!trail.step(&step(13_099, 0)).unwrap());
    }

    #[test]
    fn when_it_was_written_does_not_show_and_what_was_told_does() {
        let digest = |step: &Step| {
            let mut trail = Trail::default();
            trail.step(step).unwrap();
            trail.digest()
        };
        let told = step(1, 1);
        let written = Step { recorded_at: Some(Timestamp::from_nanos(7)), ..told.clone() };
        assert_eq!(digest(&told), digest(&written));
        assert_ne!(digest(&told), digest(&step(1, 2)));
    }

    fn marks(decisions: &[(u64, u8)]) -> Vec<Mark> {
        let mark = |(seq, digest): &(u64, u8)| Mark { seq: Seq(*seq), decisions: [*digest; 32], ledger: Some([7; 32]) };
        decisions.iter().map(mark).collect()
    }

    #[test]
    fn trails_part_behind_the_last_mark_that_both_have() {
        let one = marks(&[(4_096, 1), (8_193, 2), (12_290, 3), (13_000, 4)]);
        assert_eq!(parting(&one, &one), None);
        assert_eq!(parting(&[], &[]), None);
        let other = marks(&[(4_096, 1), (8_193, 2), (12_288, 5), (16_390, 6), (17_000, 7)]);
        let parts = parting(&one, &other).unwrap();
        assert_eq!(
            (parts.alike, parts.by, parts.decisions),
            (Seq(8_193), [Some(Seq(12_290)), Some(Seq(12_288))], true)
        );
        // One that was interrupted has nothing that differs, and goes less far.
        let parts = parting(&one[..2], &one).unwrap();
        assert_eq!((parts.alike, parts.by, parts.decisions), (Seq(8_193), [None, Some(Seq(12_290))], true));
        assert_eq!(parting(&one, &marks(&[(4_097, 1)])).unwrap().alike, Seq(0));
    }

    #[test]
    fn a_ledger_that_another_fold_made_is_told_apart_from_another_decision() {
        let one = marks(&[(4_096, 1), (8_193, 2), (12_290, 3)]);
        let mut other = one.clone();
        other[1].ledger = Some([8; 32]);
        let parts = parting(&one, &other).unwrap();
        assert_eq!((parts.alike, parts.by[0], parts.decisions), (Seq(4_096), Some(Seq(8_193)), false));
        other[1].ledger = None;
        assert_eq!(parting(&one, &other), None, "what cannot be compared is not held against it");
    }
}
