//! Batches into their stored form and back: legs of a directive, and kinds 125 to 129, 170 and 171.

use bincode::{Decode, Encode};

use super::encode::{intent_form, word};
use super::fields::Fields;
use super::policy::{BatchPolicyV1, batch_form};
use super::v1::{Dec, IntentV1};
use super::{CodecError, decode_form, encode_form};
use crate::directive::{Batch, Intent, Leg, Legs};
use crate::event::Decision;
use crate::ids::BatchNo;
use crate::time::Span;

/// A leg: its trade is stored as a directive's own, as bytes inside bytes, so that no depth of nesting can be claimed.
#[derive(Encode, Decode)]
pub(super) struct LegV1 {
    timeout_ns: Option<u64>,
    trade: Vec<u8>,
}

#[derive(Encode, Decode)]
struct BatchStartedV1 {
    batch: u32,
    directive: String,
    policy: BatchPolicyV1,
    legs: Vec<String>,
}

#[derive(Encode, Decode)]
struct BatchLegStartedV1 {
    batch: u32,
    leg: u32,
}

#[derive(Encode, Decode)]
struct BatchLegEndedV1 {
    batch: u32,
    leg: u32,
    end: u8,
}

#[derive(Encode, Decode)]
struct BatchFailedV1 {
    batch: u32,
    leg: Option<u32>,
}

#[derive(Encode, Decode)]
struct RollbackStartedV1 {
    batch: u32,
    target: Dec,
    stop: Option<Dec>,
    take_profit: Option<Dec>,
}

#[derive(Encode, Decode)]
struct RollbackGaveUpV1 {
    batch: u32,
    tries: u32,
    held: Dec,
}

#[derive(Encode, Decode)]
struct BatchEndedV1 {
    batch: u32,
    end: u8,
    result: Dec,
}

pub(super) fn batch_intent(batch: &Batch) -> IntentV1 {
    let legs = match &batch.legs {
        Legs::NewTrade(legs) => legs.iter().map(|leg| leg_form(leg, Intent::NewTrade)).collect(),
        Legs::Modify(legs) => legs.iter().map(|leg| leg_form(leg, Intent::Modify)).collect(),
        Legs::Close(legs) => legs.iter().map(|leg| leg_form(leg, Intent::Close)).collect(),
    };
    IntentV1::Batch { policy: batch.policy.map(batch_form), legs }
}

fn leg_form<T: Clone>(leg: &Leg<T>, intent: impl Fn(T) -> Intent) -> LegV1 {
    LegV1 { timeout_ns: leg.timeout.map(Span::nanos), trade: encode_form(&intent_form(&intent(leg.trade.clone()))) }
}

/// The stored form of a decision about a batch.
pub(super) fn batch_event(decision: &Decision) -> (u16, Vec<u8>) {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller's match lists every decision; this is its part")]
    match decision {
        Decision::BatchStarted { batch, directive, policy, legs } => {
            let form = BatchStartedV1 {
                batch: batch.0,
                directive: directive.to_string(),
                policy: batch_form(*policy),
                legs: legs.iter().map(ToString::to_string).collect(),
            };
            (125, encode_form(&form))
        }
        Decision::BatchLegStarted { batch, leg } => {
            (126, encode_form(&BatchLegStartedV1 { batch: batch.0, leg: *leg }))
        }
        Decision::BatchLegEnded { batch, leg, end } => {
            (127, encode_form(&BatchLegEndedV1 { batch: batch.0, leg: *leg, end: word(*end) }))
        }
        Decision::BatchFailed { batch, leg } => (128, encode_form(&BatchFailedV1 { batch: batch.0, leg: *leg })),
        Decision::RollbackStarted { batch, target, stop, take_profit } => {
            let form = RollbackStartedV1 {
                batch: batch.0,
                target: target.value().into(),
                stop: stop.map(|p| p.value().into()),
                take_profit: take_profit.map(|p| p.value().into()),
            };
            (129, encode_form(&form))
        }
        Decision::RollbackGaveUp { batch, tries, held } => {
            (170, encode_form(&RollbackGaveUpV1 { batch: batch.0, tries: *tries, held: held.value().into() }))
        }
        Decision::BatchEnded { batch, end, result } => {
            (171, encode_form(&BatchEndedV1 { batch: batch.0, end: word(*end), result: result.value().into() }))
        }
        _ => (u16::MAX, Vec::new()),
    }
}

impl Fields {
    pub(super) fn batch_intent(self, policy: Option<&BatchPolicyV1>, legs: &[LegV1]) -> Result<Batch, CodecError> {
        let wrong = || self.bad("legs");
        let mut read = Vec::new();
        for leg in legs {
            let form: IntentV1 = decode_form(self.kind, 1, &leg.trade)?;
            // Only trades are legs; no batch is read inside a batch.
            if matches!(form, IntentV1::Batch { .. }) {
                return Err(wrong());
            }
            read.push((self.intent(&form)?, leg.timeout_ns.map(Span::from_nanos)));
        }
        let (mut new, mut modify, mut close) = (Vec::new(), Vec::new(), Vec::new());
        for (intent, timeout) in read {
            match intent {
                Intent::NewTrade(trade) => new.push(Leg { trade, timeout }),
                Intent::Modify(trade) => modify.push(Leg { trade, timeout }),
                Intent::Close(trade) => close.push(Leg { trade, timeout }),
                Intent::Batch(_) | Intent::Group(_) | Intent::CancelAll(_) => return Err(wrong()),
            }
        }
        let legs = match (new.is_empty(), modify.is_empty(), close.is_empty()) {
            (false, true, true) => Legs::NewTrade(new),
            (true, false, true) => Legs::Modify(modify),
            (true, true, false) => Legs::Close(close),
            _ => return Err(wrong()),
        };
        Ok(Batch { policy: policy.map(|form| self.batch_policy(form)).transpose()?, legs })
    }

    /// A decision of kinds 125 to 129, 170 or 171, `None` for any other kind.
    pub(super) fn batch_event(self, version: u8, payload: &[u8]) -> Result<Option<Decision>, CodecError> {
        let kind = self.kind;
        Ok(Some(match kind {
            125 => {
                let form: BatchStartedV1 = decode_form(kind, version, payload)?;
                Decision::BatchStarted {
                    batch: BatchNo(form.batch),
                    directive: self.directive(&form.directive)?,
                    policy: self.batch_policy(&form.policy)?,
                    legs: self.plans(&form.legs)?,
                }
            }
            126 => {
                let form: BatchLegStartedV1 = decode_form(kind, version, payload)?;
                Decision::BatchLegStarted { batch: BatchNo(form.batch), leg: form.leg }
            }
            127 => {
                let form: BatchLegEndedV1 = decode_form(kind, version, payload)?;
                Decision::BatchLegEnded { batch: BatchNo(form.batch), leg: form.leg, end: self.word("end", form.end)? }
            }
            128 => {
                let form: BatchFailedV1 = decode_form(kind, version, payload)?;
                Decision::BatchFailed { batch: BatchNo(form.batch), leg: form.leg }
            }
            129 => {
                let form: RollbackStartedV1 = decode_form(kind, version, payload)?;
                Decision::RollbackStarted {
                    batch: BatchNo(form.batch),
                    target: self.position("target", form.target)?,
                    stop: self.maybe_price("stop", form.stop)?,
                    take_profit: self.maybe_price("take_profit", form.take_profit)?,
                }
            }
            170 => {
                let form: RollbackGaveUpV1 = decode_form(kind, version, payload)?;
                Decision::RollbackGaveUp {
                    batch: BatchNo(form.batch),
                    tries: form.tries,
                    held: self.position("held", form.held)?,
                }
            }
            171 => {
                let form: BatchEndedV1 = decode_form(kind, version, payload)?;
                Decision::BatchEnded {
                    batch: BatchNo(form.batch),
                    end: self.word("end", form.end)?,
                    result: self.money("result", form.result)?,
                }
            }
            _ => return Ok(None),
        }))
    }
}
