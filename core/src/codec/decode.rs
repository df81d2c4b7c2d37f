//! Stored bytes back into live events. Every field goes through its type's own constructor again.

use rust_decimal::Decimal;

use super::v1::{
    AlgorithmV1, AmendRequestedV1, CancelRequestedV1, CloseGaveUpV1, CloseStartedV1, Dec, DirectiveReceivedV1,
    DirectiveRefusedV1, DirectiveRepeatedV1, EntryTermsV1, ExecutionHintV1, ExitsSetV1, FillV1, GroupEndedV1,
    GroupOpenedV1, IdleV1, IntentV1, NothingToDoV1, OnLimitV1, OrderRequestedV1, OrderTermsV1, PlanAcceptedV1,
    PlanClosedV1, PlanOpenedV1, PriceMovedV1, ProtectionGapChangedV1, RefusalV1, ReportKindV1, ReportV1,
    SessionContinuedV1, SlicesDroppedV1, StopChangeV1, StopLevelV1, StopPassedV1, TakeProfitChangeV1, TargetSetV1,
    TimerDroppedV1, TimerFiredV1, TimerPurposeV1, TimerSetV1,
};
use super::{CodecError, FIRST_DECISION_KIND, decode_form};
use crate::amount::{Money, Position, Price, Quantity};
use crate::content::ContentRef;
use crate::directive::{
    Algorithm, CloseHint, ClosePlans, EntryTerms, ExecutionHint, Intent, ModifyPlans, NewTrade, OnLimit, StopChange,
    StopLevel, StrategyDirective, TakeProfitChange, Twap,
};
use crate::event::{
    Decision, Fact, FillReport, Head, Idle, Input, Mark, PriceMoved, Refusal, Report, ReportKind, ReportedOrder,
    SessionContinued, TimerPurpose, UnknownFact,
};
use crate::ids::{
    CausalityId, ConnectorOrderId, DirectiveId, GroupNo, OrderNo, PlanId, Seq, SessionUid, TimerId, TradeId,
};
use crate::instrument::{Asset, Symbol};
use crate::order::{OrderTerms, Word};
use crate::time::{Span, Timestamp};

/// The live form of a stored fact. `order` is the dense number in the event's header.
///
/// A kind or version that this build does not know gives [`Fact::Unknown`], payload kept.
///
/// # Errors
/// [`CodecError`] if the payload is not what its kind and version say, holds a refused value, or goes on after its end.
pub fn decode_fact(kind: u16, version: u8, order: Option<OrderNo>, payload: &[u8]) -> Result<Fact, CodecError> {
    let known = Stored { kind, version, payload };
    if version != 1 {
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

/// Turns stored values into live ones and names the field that refuses.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) kind: u16,
}

impl Fields {
    fn bad(self, field: &'static str) -> CodecError {
        CodecError::BadField { kind: self.kind, field }
    }

    pub(super) fn number(self, field: &'static str, stored: Dec) -> Result<Decimal, CodecError> {
        stored.value().ok_or_else(|| self.bad(field))
    }

    pub(super) fn price(self, field: &'static str, stored: Dec) -> Result<Price, CodecError> {
        Price::new(self.number(field, stored)?).map_err(|_| self.bad(field))
    }

    pub(super) fn quantity(self, field: &'static str, stored: Dec) -> Result<Quantity, CodecError> {
        Quantity::new(self.number(field, stored)?).map_err(|_| self.bad(field))
    }

    fn position(self, field: &'static str, stored: Dec) -> Result<Position, CodecError> {
        Position::new(self.number(field, stored)?).map_err(|_| self.bad(field))
    }

    pub(super) fn money(self, field: &'static str, stored: Dec) -> Result<Money, CodecError> {
        self.number(field, stored).map(Money::new)
    }

    fn maybe_price(self, field: &'static str, stored: Option<Dec>) -> Result<Option<Price>, CodecError> {
        stored.map(|p| self.price(field, p)).transpose()
    }

    fn maybe_number(self, field: &'static str, stored: Option<Dec>) -> Result<Option<Decimal>, CodecError> {
        stored.map(|n| self.number(field, n)).transpose()
    }

    /// A word by its place in its list.
    pub(super) fn word<T: Word>(self, field: &'static str, code: u8) -> Result<T, CodecError> {
        T::words().get(usize::from(code)).copied().ok_or_else(|| self.bad(field))
    }

    /// A name or symbol through its own constructor.
    pub(super) fn text<T, E>(
        self,
        field: &'static str,
        text: &str,
        new: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, CodecError> {
        new(text).map_err(|_| self.bad(field))
    }

    fn directive(self, text: &str) -> Result<DirectiveId, CodecError> {
        self.text("directive_id", text, DirectiveId::new)
    }

    fn plan(self, text: &str) -> Result<PlanId, CodecError> {
        self.text("plan_id", text, PlanId::new)
    }

    fn plans(self, texts: &[String]) -> Result<Vec<PlanId>, CodecError> {
        texts.iter().map(|text| self.plan(text)).collect()
    }

    pub(super) fn symbol(self, text: &str) -> Result<Symbol, CodecError> {
        self.text("symbol", text, str::parse)
    }

    fn entry(self, form: &EntryTermsV1) -> Result<EntryTerms, CodecError> {
        Ok(EntryTerms {
            limit_price: self.maybe_price("limit_price", form.limit_price)?,
            time_in_force: self.word("time_in_force", form.time_in_force)?,
            post_only: form.post_only,
        })
    }

    fn execution(self, form: &ExecutionHintV1) -> Result<ExecutionHint, CodecError> {
        let algorithm = form.algorithm.as_ref().map(algorithm);
        Ok(ExecutionHint { algorithm, urgency: self.maybe_number("urgency", form.urgency)? })
    }

    fn on_limit(self, form: &OnLimitV1) -> Result<OnLimit, CodecError> {
        Ok(OnLimit { retry: Span::from_nanos(form.retry_ns), tries: form.tries, then: self.word("then", form.then)? })
    }

    fn stop_level(self, form: &StopLevelV1) -> Result<StopLevel, CodecError> {
        Ok(match form {
            StopLevelV1::At(price) => StopLevel::At(self.price("stop_loss_price", *price)?),
            StopLevelV1::Tolerance(fraction) => StopLevel::Tolerance(self.number("stop_loss_tolerance", *fraction)?),
        })
    }

    fn intent(self, form: &IntentV1) -> Result<Intent, CodecError> {
        Ok(match form {
            IntentV1::NewTrade { plan_id, symbol, direction, entry, target, stop, take_profit, execution } => {
                Intent::NewTrade(NewTrade {
                    plan_id: plan_id.as_deref().map(|text| self.plan(text)).transpose()?,
                    symbol: self.symbol(symbol)?,
                    direction: self.word("direction", *direction)?,
                    entry: self.entry(entry)?,
                    target: self.quantity("target_position_size", *target)?,
                    stop: stop.as_ref().map(|level| self.stop_level(level)).transpose()?,
                    take_profit: self.maybe_price("take_profit_price", *take_profit)?,
                    execution: self.execution(execution)?,
                })
            }
            IntentV1::Modify { plans, direction, entry, target, stop, take_profit, execution } => {
                let stop = match stop {
                    None => None,
                    Some(StopChangeV1::Remove) => Some(StopChange::Remove),
                    Some(StopChangeV1::To(level)) => Some(StopChange::To(self.stop_level(level)?)),
                };
                let take_profit = match take_profit {
                    None => None,
                    Some(TakeProfitChangeV1::Remove) => Some(TakeProfitChange::Remove),
                    Some(TakeProfitChangeV1::To(price)) => {
                        Some(TakeProfitChange::To(self.price("take_profit_price", *price)?))
                    }
                };
                Intent::Modify(ModifyPlans {
                    plans: self.plans(plans)?,
                    direction: direction.map(|code| self.word("direction", code)).transpose()?,
                    entry: entry.as_ref().map(|entry| self.entry(entry)).transpose()?,
                    target: self.maybe_number("target_position_size", *target)?,
                    stop,
                    take_profit,
                    execution: self.execution(execution)?,
                })
            }
            IntentV1::Close { plans, urgency, max_total_slippage, on_limit } => Intent::Close(ClosePlans {
                plans: self.plans(plans)?,
                execution: CloseHint {
                    urgency: self.maybe_number("urgency", *urgency)?,
                    max_total_slippage: self.maybe_number("max_total_slippage_pct", *max_total_slippage)?,
                    on_limit: self.on_limit(on_limit)?,
                },
            }),
        })
    }

    fn report(self, form: &ReportV1, order: Option<OrderNo>) -> Result<Report, CodecError> {
        let order = match (&form.foreign, order) {
            (Some(id), None) => ReportedOrder::Foreign(self.text("foreign", id, ConnectorOrderId::new)?),
            (None, Some(order)) => ReportedOrder::Ours(order),
            (Some(_), Some(_)) | (None, None) => return Err(self.bad("foreign")),
        };
        let what = match &form.what {
            ReportKindV1::Accepted { connector_order_id } => ReportKind::Accepted {
                connector_order_id: self.text("connector_order_id", connector_order_id, ConnectorOrderId::new)?,
            },
            ReportKindV1::Rejected { reason } => ReportKind::Rejected { reason: self.word("reason", *reason)? },
            ReportKindV1::Filled(fill) => ReportKind::Filled(self.fill(fill)?),
            ReportKindV1::Amended { quantity, price } => ReportKind::Amended {
                quantity: self.quantity("quantity", *quantity)?,
                price: self.maybe_price("price", *price)?,
            },
            ReportKindV1::AmendRejected { reason } => {
                ReportKind::AmendRejected { reason: self.word("reason", *reason)? }
            }
            ReportKindV1::Canceled => ReportKind::Canceled,
            ReportKindV1::CancelRejected { reason } => {
                ReportKind::CancelRejected { reason: self.word("reason", *reason)? }
            }
            ReportKindV1::Expired { reason } => ReportKind::Expired { reason: self.word("reason", *reason)? },
            ReportKindV1::Triggered => ReportKind::Triggered,
        };
        Ok(Report { order, what })
    }

    fn fill(self, form: &FillV1) -> Result<FillReport, CodecError> {
        Ok(FillReport {
            trade_id: self.text("trade_id", &form.trade_id, TradeId::new)?,
            price: self.price("price", form.price)?,
            quantity: self.quantity("quantity", form.quantity)?,
            fee: self.money("fee", form.fee)?,
            fee_asset: self.text("fee_asset", &form.fee_asset, Asset::new)?,
            liquidity: self.word("liquidity", form.liquidity)?,
            executed_at: Timestamp::from_nanos(form.executed_at_ns),
        })
    }

    fn refusal(self, form: RefusalV1) -> Result<Refusal, CodecError> {
        Ok(match form {
            RefusalV1::Conflict { field, first } => Refusal::Conflict { field, first: Seq(first) },
            RefusalV1::PlanExists => Refusal::PlanExists,
            RefusalV1::UnknownPlan => Refusal::UnknownPlan,
            RefusalV1::PlanEnded => Refusal::PlanEnded,
            RefusalV1::DirectionContradictsTarget { direction, delta } => Refusal::DirectionContradictsTarget {
                direction: self.word("direction", direction)?,
                delta: self.position("delta", delta)?,
            },
            RefusalV1::WouldLoosen { stop, proposed } => {
                Refusal::WouldLoosen { stop: self.price("stop", stop)?, proposed: self.price("proposed", proposed)? }
            }
            RefusalV1::WrongSide { field, level, price } => {
                Refusal::WrongSide { field, level: self.price("level", level)?, price: self.price("price", price)? }
            }
            RefusalV1::BadLevel { field, price } => Refusal::BadLevel { field, price: self.price("price", price)? },
            RefusalV1::NoPriceYet => Refusal::NoPriceYet,
            RefusalV1::ShortingUnsupported => Refusal::ShortingUnsupported,
            RefusalV1::TooManySlices { slices, quantity, lot } => Refusal::TooManySlices {
                slices,
                quantity: self.quantity("quantity", quantity)?,
                lot: self.quantity("lot", lot)?,
            },
            RefusalV1::SliceBelowMinNotional { slice, price, minimum } => Refusal::SliceBelowMinNotional {
                slice: self.quantity("slice", slice)?,
                price: self.price("price", price)?,
                minimum: self.money("minimum", minimum)?,
            },
            RefusalV1::TooLarge => Refusal::TooLarge,
        })
    }

    fn idle(self, form: &IdleV1) -> Result<Idle, CodecError> {
        Ok(match form {
            IdleV1::AlreadySatisfied => Idle::AlreadySatisfied,
            IdleV1::AlreadyWorking => Idle::AlreadyWorking,
            IdleV1::BelowLot { delta, lot } => {
                Idle::BelowLot { delta: self.position("delta", *delta)?, lot: self.quantity("lot", *lot)? }
            }
            IdleV1::BelowMinNotional { delta, notional, minimum } => Idle::BelowMinNotional {
                delta: self.position("delta", *delta)?,
                notional: self.money("notional", *notional)?,
                minimum: self.money("minimum", *minimum)?,
            },
            IdleV1::AlreadyClosed => Idle::AlreadyClosed,
        })
    }

    fn order_terms(self, form: &OrderTermsV1) -> Result<OrderTerms, CodecError> {
        Ok(match form {
            OrderTermsV1::Market => OrderTerms::Market,
            OrderTermsV1::Limit { price } => OrderTerms::Limit { price: self.price("price", *price)? },
            OrderTermsV1::Stop { trigger } => OrderTerms::Stop { trigger: self.price("trigger", *trigger)? },
            OrderTermsV1::TakeProfit { trigger } => {
                OrderTerms::TakeProfit { trigger: self.price("trigger", *trigger)? }
            }
        })
    }
}

const fn algorithm(form: &AlgorithmV1) -> Algorithm {
    match form {
        AlgorithmV1::Single => Algorithm::Single,
        AlgorithmV1::Twap { duration_ns, slices, catch_up } => {
            Algorithm::Twap(Twap { duration: Span::from_nanos(*duration_ns), slices: *slices, catch_up: *catch_up })
        }
    }
}

pub(super) const fn continued(form: &SessionContinuedV1) -> SessionContinued {
    SessionContinued { parent: SessionUid(form.parent), head: Head(form.head), ledger_digest: form.ledger_digest }
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
            5 => Input::Report(read.report(&self.form()?, order)?),
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
                Decision::TargetSet {
                    directive: read.directive(&form.directive)?,
                    target: read.position("target", form.target)?,
                    entry: read.entry(&form.entry)?,
                    algorithm: algorithm(&form.algorithm),
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
            107 => {
                let form: GroupOpenedV1 = self.form()?;
                Decision::GroupOpened {
                    group: GroupNo(form.group),
                    directive: read.directive(&form.directive)?,
                    action: read.word("action", form.action)?,
                    algorithm: algorithm(&form.algorithm),
                    entry: read.entry(&form.entry)?,
                    quantity: read.quantity("quantity", form.quantity)?,
                }
            }
            108 => {
                let form: SlicesDroppedV1 = self.form()?;
                Decision::SlicesDropped {
                    group: GroupNo(form.group),
                    quantity: read.quantity("quantity", form.quantity)?,
                    because: read.word("because", form.because)?,
                }
            }
            109 => {
                let form: GroupEndedV1 = self.form()?;
                Decision::GroupEnded { group: GroupNo(form.group), end: read.word("end", form.end)? }
            }
            110 => {
                let form: OrderRequestedV1 = self.form()?;
                Decision::OrderRequested {
                    group: GroupNo(form.group),
                    role: read.word("role", form.role)?,
                    side: read.word("side", form.side)?,
                    terms: read.order_terms(&form.terms)?,
                    quantity: read.quantity("quantity", form.quantity)?,
                    time_in_force: read.word("time_in_force", form.time_in_force)?,
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
                };
                Decision::TimerSet { timer: TimerId(form.timer), due: Timestamp::from_nanos(form.due_ns), purpose }
            }
            114 => Decision::TimerDropped { timer: TimerId(self.form::<TimerDroppedV1>()?.timer) },
            115 => {
                let form: CloseStartedV1 = self.form()?;
                Decision::CloseStarted {
                    directive: read.directive(&form.directive)?,
                    price_limit: read.maybe_price("price_limit", form.price_limit)?,
                    on_limit: read.on_limit(&form.on_limit)?,
                }
            }
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
            _ => return Ok(None),
        }))
    }
}
