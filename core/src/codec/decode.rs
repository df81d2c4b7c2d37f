//! Stored bytes back into live events. Every field goes through its type's own constructor again.

use super::fields::{Fields, continued, time_in_force};
use super::stop::StopTrailSetV1;
use super::v1::{
    AmendRequestedV1, CancelRequestedV1, CloseGaveUpV1, DirectiveReceivedV1, DirectiveRefusedV1, DirectiveRepeatedV1,
    ExitsSetV1, NothingToDoV1, OrderInferredV1, OrderRequestedV1, PlanAcceptedV1, PlanClosedV1, PlanOpenedV1,
    PriceMovedV1, ProtectionGapChangedV1, SlicesDroppedV1, StopLimitSetV1, StopPassedV1, TargetSetV1, TimerDroppedV1,
    TimerFiredV1, TimerPurposeV1, TimerSetV1, TradeBookedV1, TradeImportedV1, TradeRepeatedV1,
};
use super::{CodecError, FIRST_DECISION_KIND, closes, decode_form, groups, reports};
use crate::content::ContentRef;
use crate::directive::StrategyDirective;
use crate::event::{Decision, Fact, Input, Mark, PriceMoved, TimerPurpose, TradeImported, UnknownFact};
use crate::ids::{BatchNo, CausalityId, GroupNo, OrderNo, Seq, TimerId};
use crate::time::Timestamp;

/// The live form of a stored fact. `order` is the dense number in the event's header.
///
/// A kind or version that this build does not know gives [`Fact::Unknown`], payload kept.
///
/// # Errors
/// [`CodecError`] if the payload is not what its kind and version say, holds a refused value, or goes on after its end.
pub fn decode_fact(kind: u16, version: u8, order: Option<OrderNo>, payload: &[u8]) -> Result<Fact, CodecError> {
    let known = Stored { kind, version, payload };
    if (kind, version) == (reports::KIND, reports::LAST) {
        return reports::decode(&known.form()?, order).map(Fact::Input);
    }
    if version != 1 {
        if let Some(fact) = groups::priced_fact(kind, version, payload)? {
            return Ok(fact);
        }
        if (kind, version) == (closes::CLOSE_STARTED, closes::IN_SLICES) {
            return closes::decode_in_slices(payload).map(Fact::Decision);
        }
        return Ok(Fact::Unknown(UnknownFact { kind, version, payload: payload.to_vec() }));
    }
    let fact = if kind < FIRST_DECISION_KIND {
        known.input(order)?.map(Fact::Input)
    } else {
        known.decision()?.map(Fact::Decision)
    };
    Ok(fact.unwrap_or_else(|| Fact::Unknown(UnknownFact { kind, version, payload: payload.to_vec() })))
}

struct Stored<'a> {
    kind: u16,
    version: u8,
    payload: &'a [u8],
}

impl Stored<'_> {
    fn form<T: bincode::Decode<()>>(&self) -> Result<T, CodecError> {
        decode_form(self.kind, self.version, self.payload)
    }

    fn input(&self, order: Option<OrderNo>) -> Result<Option<Input>, CodecError> {
        let read = Fields { kind: self.kind };
        Ok(Some(match self.kind {
            1 => Input::SessionContinued(continued(&self.form()?)),
            2 => {
                let form: PriceMovedV1 = self.form()?;
                let mark = Mark { long: read.price("long", form.long)?, short: read.price("short", form.short)? };
                Input::PriceMoved(PriceMoved { symbol: read.symbol(&form.symbol)?, mark })
            }
            3 => {
                let form: DirectiveReceivedV1 = self.form()?;
                let causality = form.causality.iter().map(|id| read.text("causality", id, CausalityId::new));
                Input::DirectiveReceived(Box::new(StrategyDirective {
                    directive_id: read.directive(&form.directive_id)?,
                    comments: form.comments.map(ContentRef),
                    confidence: read.maybe_number("confidence", form.confidence)?,
                    causality: causality.collect::<Result<_, _>>()?,
                    intent: read.intent(&form.intent)?,
                }))
            }
            4 => Input::TimerFired { timer: TimerId(self.form::<TimerFiredV1>()?.timer) },
            5 => reports::decode_v1(&self.form()?, order)?,
            6 => {
                let form: TradeImportedV1 = self.form()?;
                Input::TradeImported(Box::new(TradeImported {
                    symbol: read.symbol(&form.symbol)?,
                    side: read.word("side", form.side)?,
                    position: read.position_key(form.position.as_deref())?,
                    venue_order: read.venue_order(form.venue_order.as_deref())?,
                    fill: read.fill(&form.fill)?,
                    origin: read.word("origin", form.origin)?,
                    line: form.line,
                }))
            }
            7 => Input::ConnectionChanged { connected: self.form::<reports::ConnectionChangedV1>()?.connected },
            8 => Input::OperatorCommanded(read.commanded(&self.form()?)?),
            _ => return Ok(None),
        }))
    }

    #[expect(clippy::too_many_lines, reason = "one match over every kind, each written out by hand")]
    fn decision(&self) -> Result<Option<Decision>, CodecError> {
        let read = Fields { kind: self.kind };
        Ok(Some(match self.kind {
            100 => {
                let form: DirectiveRefusedV1 = self.form()?;
                Decision::DirectiveRefused {
                    directive: read.directive(&form.directive)?,
                    plan_id: form.plan_id.as_deref().map(|text| read.plan(text)).transpose()?,
                    refusal: read.refusal(form.refusal)?,
                }
            }
            101 => {
                let form: DirectiveRepeatedV1 = self.form()?;
                Decision::DirectiveRepeated { directive: read.directive(&form.directive)?, first: Seq(form.first) }
            }
            102 => {
                let form: NothingToDoV1 = self.form()?;
                Decision::NothingToDo {
                    directive: read.directive(&form.directive)?,
                    plan_id: read.plan(&form.plan_id)?,
                    reason: read.idle(&form.reason)?,
                    target: read.position("target", form.target)?,
                    committed: read.position("committed", form.committed)?,
                }
            }
            103 => {
                let form: PlanAcceptedV1 = self.form()?;
                Decision::PlanAccepted {
                    plan_id: read.plan(&form.plan_id)?,
                    symbol: read.symbol(&form.symbol)?,
                    direction: read.word("direction", form.direction)?,
                    directive: read.directive(&form.directive)?,
                    comments: form.comments.map(ContentRef),
                }
            }
            104 => {
                let form: TargetSetV1 = self.form()?;
                let (algorithm, end_after) = read.execution(&form.algorithm)?;
                Decision::TargetSet {
                    directive: read.directive(&form.directive)?,
                    target: read.position("target", form.target)?,
                    entry: read.entry(&form.entry)?,
                    algorithm,
                    end_after,
                }
            }
            105 => {
                let form: ExitsSetV1 = self.form()?;
                Decision::ExitsSet {
                    directive: read.directive(&form.directive)?,
                    stop: read.maybe_price("stop", form.stop)?,
                    take_profit: read.maybe_price("take_profit", form.take_profit)?,
                    current_price: read.maybe_price("current_price", form.current_price)?,
                }
            }
            106 => {
                let PlanOpenedV1 {} = self.form()?;
                Decision::PlanOpened
            }
            107 => read.group_opened(&self.form()?, None)?,
            108 => {
                let form: SlicesDroppedV1 = self.form()?;
                Decision::SlicesDropped {
                    group: GroupNo(form.group),
                    quantity: read.quantity("quantity", form.quantity)?,
                    because: read.word("because", form.because)?,
                }
            }
            109 => read.group_ended(&self.form()?, None)?,
            110 => {
                let form: OrderRequestedV1 = self.form()?;
                Decision::OrderRequested {
                    group: GroupNo(form.group),
                    role: read.word("role", form.role)?,
                    side: read.word("side", form.side)?,
                    terms: read.order_terms(&form.terms)?,
                    quantity: read.quantity("quantity", form.quantity)?,
                    time_in_force: time_in_force(&form.time_in_force),
                    post_only: form.post_only,
                    reduce_only: form.reduce_only,
                    slice: form.slice,
                    attempt: form.attempt,
                    because: read.word("because", form.because)?,
                }
            }
            111 => {
                let form: AmendRequestedV1 = self.form()?;
                Decision::AmendRequested {
                    quantity: read.quantity("quantity", form.quantity)?,
                    price: read.maybe_price("price", form.price)?,
                    because: read.word("because", form.because)?,
                }
            }
            112 => {
                Decision::CancelRequested { because: read.word("because", self.form::<CancelRequestedV1>()?.because)? }
            }
            113 => {
                let form: TimerSetV1 = self.form()?;
                let purpose = match form.purpose {
                    TimerPurposeV1::Slice { group, slice } => TimerPurpose::Slice { group: GroupNo(group), slice },
                    TimerPurposeV1::CloseRetry => TimerPurpose::CloseRetry,
                    TimerPurposeV1::Room { group } => TimerPurpose::Room { group: GroupNo(group) },
                    TimerPurposeV1::EndTime { group } => TimerPurpose::EndTime { group: GroupNo(group) },
                    TimerPurposeV1::BatchDeadline { batch } => TimerPurpose::BatchDeadline { batch: BatchNo(batch) },
                    TimerPurposeV1::LegDeadline { batch, leg } => {
                        TimerPurpose::LegDeadline { batch: BatchNo(batch), leg }
                    }
                    TimerPurposeV1::RollbackRetry => TimerPurpose::RollbackRetry,
                    TimerPurposeV1::Patience { order } => TimerPurpose::Patience { order: OrderNo(order) },
                };
                Decision::TimerSet { timer: TimerId(form.timer), due: Timestamp::from_nanos(form.due_ns), purpose }
            }
            114 => Decision::TimerDropped { timer: TimerId(self.form::<TimerDroppedV1>()?.timer) },
            closes::CLOSE_STARTED => read.close_started(&self.form()?, None)?,
            116 => {
                let form: CloseGaveUpV1 = self.form()?;
                Decision::CloseGaveUp { tries: form.tries, held: read.position("held", form.held)? }
            }
            117 => {
                let form: StopPassedV1 = self.form()?;
                Decision::StopPassed {
                    level: read.price("level", form.level)?,
                    current_price: read.price("current_price", form.current_price)?,
                    quantity: read.quantity("quantity", form.quantity)?,
                }
            }
            118 => {
                let form: ProtectionGapChangedV1 = self.form()?;
                Decision::ProtectionGapChanged {
                    uncovered: read.position("uncovered", form.uncovered)?,
                    because: read.word("because", form.because)?,
                }
            }
            119 => {
                let form: PlanClosedV1 = self.form()?;
                Decision::PlanClosed {
                    outcome: read.word("outcome", form.outcome)?,
                    dust: read.position("dust", form.dust)?,
                }
            }
            120 => {
                let form: OrderInferredV1 = self.form()?;
                Decision::OrderInferred {
                    group: GroupNo(form.group),
                    role: read.word("role", form.role)?,
                    side: read.word("side", form.side)?,
                    quantity: read.quantity("quantity", form.quantity)?,
                    connector_order_id: read.venue_order(form.connector_order_id.as_deref())?,
                }
            }
            121 => {
                let form: TradeBookedV1 = self.form()?;
                Decision::TradeBooked {
                    position: read.position_key(form.position.as_deref())?,
                    fill: read.fill(&form.fill)?,
                    quantity: read.quantity("quantity", form.quantity)?,
                }
            }
            122 => {
                let form: TradeRepeatedV1 = self.form()?;
                Decision::TradeRepeated { first: Seq(form.first), same: form.same }
            }
            160 => {
                let reports::QueryRequestedV1 {} = self.form()?;
                Decision::QueryRequested
            }
            123 => Decision::OrderRefused(read.order_refused(&self.form()?)?),
            180 => {
                let form: StopLimitSetV1 = self.form()?;
                let distance = read.maybe_number("distance", form.distance)?;
                if distance.is_some_and(|distance| distance.is_sign_negative()) {
                    return Err(read.bad("distance"));
                }
                Decision::StopLimitSet { directive: read.directive(&form.directive)?, distance }
            }
            181 => {
                let form: StopTrailSetV1 = self.form()?;
                Decision::StopTrailSet { directive: read.directive(&form.directive)?, trail: read.trail(&form.trail)? }
            }
            125..=129 | 170..=171 => return read.batch_event(self.version, self.payload),
            _ => return read.action(self.version, self.payload),
        }))
    }
}
