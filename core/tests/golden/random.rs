//! Frames that no one wrote on purpose: any Step round-trips, and no bytes make the decoder panic or run away.

use proptest::prelude::*;
use retrace_core::chain::Block;
use retrace_core::event::{Event, Fact};
use retrace_core::frame::{decode_frame, encode_frame};
use retrace_core::ids::{OrderNo, PlanNo, Seq};
use retrace_core::step::{Step, TapePosition};
use retrace_core::time::Timestamp;

use super::{header_order, samples};

fn step() -> impl Strategy<Value = Step> {
    let inputs: Vec<Fact> = samples::inputs().into_iter().map(|(_, input)| Fact::Input(input)).collect();
    let decisions: Vec<Fact> = samples::decisions().into_iter().map(|(_, made)| Fact::Decision(made)).collect();
    let decision = (prop::sample::select(decisions), any::<Option<u32>>(), any::<Option<u32>>(), any::<u64>());
    let parts = (
        prop::sample::select(inputs),
        prop::collection::vec(decision, 0..8),
        1..u64::MAX / 2,
        any::<i64>(),
        any::<Option<i64>>(),
        0..u64::MAX / 4,
        0_u8..4,
    );
    parts.prop_map(|(input, decisions, first, nanos, recorded, rows, points)| {
        let time = Timestamp::from_nanos(nanos);
        let order = header_order(&input);
        let mut events = vec![Event { seq: Seq(first), time, plan: None, order, cause: None, fact: input }];
        for (seq, (fact, plan, order, back)) in (first + 1..).zip(decisions) {
            let cause = Some(Seq(seq.saturating_sub(back).max(1))).filter(|cause| cause.0 < seq);
            let number = |number: &u32| *number > 0;
            let plan = plan.filter(number).map(PlanNo);
            events.push(Event { seq: Seq(seq), time, plan, order: order.filter(number).map(OrderNo), cause, fact });
        }
        let recorded_at = recorded.map(Timestamp::from_nanos);
        Step { time, recorded_at, tape: TapePosition { rows, points }, events }
    })
}

/// Whatever decodes is a Step that can be stored, and is the same when read back. Its bytes need not be: inside a payload
/// bincode also reads a number that is written longer than it needs to be. The chain is over the bytes.
fn means_itself(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(step) = decode_frame(bytes) {
        let again = encode_frame(&step).unwrap();
        prop_assert!(again.len() <= bytes.len());
        prop_assert_eq!(decode_frame(&again).unwrap(), step);
    }
    let _ = Block::read(bytes);
    Ok(())
}

proptest! {
    #[test]
    fn a_step_reads_back(step in step()) {
        prop_assert_eq!(decode_frame(&encode_frame(&step).unwrap()).unwrap(), step);
    }

    #[test]
    fn a_mutated_frame_is_refused_or_means_itself(
        step in step(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4), 1..6),
    ) {
        let mut bytes = encode_frame(&step).unwrap();
        for (place, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        means_itself(&bytes)?;
    }

    #[test]
    fn any_bytes_are_refused_or_mean_themselves(
        tail in prop::collection::vec(any::<u8>(), 0..200),
        head in prop::sample::select(vec![&[][..], &[1, 0], &[1, 1], b"RTRB\x01"]),
    ) {
        means_itself(&[head, &tail].concat())?;
    }

    #[test]
    fn a_frame_cut_anywhere_is_refused(step in step()) {
        let bytes = encode_frame(&step).unwrap();
        for end in 0..bytes.len() {
            prop_assert!(decode_frame(&bytes[..end]).is_err());
        }
    }
}
