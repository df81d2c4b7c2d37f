//! Stored values into live ones: every field goes through its type's own constructor again, and is named if refused.

use rust_decimal::Decimal;

use super::CodecError;
use super::v1::{
    Dec, EntryTermsV1, FillV1, IdleV1, IntentV1, OnLimitV1, OrderTermsV1, RefusalV1, SessionContinuedV1, StopChangeV1,
    StopLevelV1, TakeProfitChangeV1, TimeInForceV1,
};
use crate::amount::{Money, Position, Price, Quantity};
use crate::directive::{
    CloseHint, ClosePlans, EntryTerms, Intent, ModifyPlans, NewTrade, OnLimit, StopChange, StopLevel, TakeProfitChange,
};
use crate::event::{FillReport, Head, Idle, Refusal, SessionContinued};
use crate::ids::{ConnectorOrderId, DirectiveId, PlanId, PositionKey, Seq, SessionUid, TradeId};
use crate::instrument::{Asset, Symbol};
use crate::order::{OrderTerms, TimeInForce, Word};
use crate::time::{Span, Timestamp};

/// Turns stored values into live ones and names the field that refuses.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) kind: u16,
}

impl Fields {
    pub(super) fn bad(self, field: &'static str) -> CodecError {
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

    pub(super) fn position(self, field: &'static str, stored: Dec) -> Result<Position, CodecError> {
        Position::new(self.number(field, stored)?).map_err(|_| self.bad(field))
    }

    pub(super) fn money(self, field: &'static str, stored: Dec) -> Result<Money, CodecError> {
        self.number(field, stored).map(Money::new)
    }

    pub(super) fn maybe_price(self, field: &'static str, stored: Option<Dec>) -> Result<Option<Price>, CodecError> {
        stored.map(|p| self.price(field, p)).transpose()
    }

    pub(super) fn maybe_number(self, field: &'static str, stored: Option<Dec>) -> Result<Option<Decimal>, CodecError> {
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

    pub(super) fn directive(self, text: &str) -> Result<DirectiveId, CodecError> {
        self.text("directive_id", text, DirectiveId::new)
    }

    pub(super) fn plan(self, text: &str) -> Result<PlanId, CodecError> {
        self.text("plan_id", text, PlanId::new)
    }

    pub(super) fn plans(self, texts: &[String]) -> Result<Vec<PlanId>, CodecError> {
        texts.iter().map(|text| self.plan(text)).collect()
    }

    pub(super) fn position_key(self, text: Option<&str>) -> Result<Option<PositionKey>, CodecError> {
        text.map(|text| self.text("position", text, PositionKey::new)).transpose()
    }

    pub(super) fn venue_order(self, text: Option<&str>) -> Result<Option<ConnectorOrderId>, CodecError> {
        text.map(|text| self.text("venue_order", text, ConnectorOrderId::new)).transpose()
    }

    pub(super) fn symbol(self, text: &str) -> Result<Symbol, CodecError> {
        self.text("symbol", text, str::parse)
    }

    pub(super) fn entry(self, form: &EntryTermsV1) -> Result<EntryTerms, CodecError> {
        Ok(EntryTerms {
            limit_price: self.maybe_price("limit_price", form.limit_price)?,
            time_in_force: time_in_force(&form.time_in_force),
            post_only: form.post_only,
        })
    }

    pub(super) fn on_limit(self, form: &OnLimitV1) -> Result<OnLimit, CodecError> {
        Ok(OnLimit { retry: Span::from_nanos(form.retry_ns), tries: form.tries, then: self.word("then", form.then)? })
    }

    pub(super) fn stop_level(self, form: &StopLevelV1) -> Result<StopLevel, CodecError> {
        Ok(match form {
            StopLevelV1::At(price) => StopLevel::At(self.price("stop_loss_price", *price)?),
            StopLevelV1::Tolerance(fraction) => StopLevel::Tolerance(self.number("stop_loss_tolerance", *fraction)?),
            StopLevelV1::Limited { price, limit } => StopLevel::Limited {
                price: self.price("stop_loss_price", *price)?,
                limit: self.price("stop_limit_price", *limit)?,
            },
            StopLevelV1::Trailing(trail) => StopLevel::Trailing(self.trail(trail)?),
        })
    }

    pub(super) fn intent(self, form: &IntentV1) -> Result<Intent, CodecError> {
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
                    execution: self.hint(execution)?,
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
                    execution: self.hint(execution)?,
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
            IntentV1::Group { plans, target, order } => self.group_intent(plans, target, order)?,
            IntentV1::CancelAll { plans, reach } => self.cancel_all_intent(plans, *reach)?,
            IntentV1::Batch { policy, legs } => Intent::Batch(self.batch_intent(policy.as_ref(), legs)?),
        })
    }

    pub(super) fn fill(self, form: &FillV1) -> Result<FillReport, CodecError> {
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

    pub(super) fn refusal(self, form: RefusalV1) -> Result<Refusal, CodecError> {
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
            RefusalV1::UnsupportedByProfile { needs } => Refusal::UnsupportedByProfile { needs },
            RefusalV1::GoodTillPassed { good_till_ns } => {
                Refusal::GoodTillPassed { good_till: Timestamp::from_nanos(good_till_ns) }
            }
            RefusalV1::StopStands { distance, proposed } => Refusal::StopStands {
                distance: self.maybe_number("distance", distance)?,
                proposed: self.number("proposed", proposed)?,
            },
            RefusalV1::OtherStopStands { stands, proposed } => {
                Refusal::OtherStopStands { stands: self.stop_kind(&stands)?, proposed: self.stop_kind(&proposed)? }
            }
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
            RefusalV1::RiskGate(form) => Refusal::RiskGate(self.risk_refusal(&form)?),
            RefusalV1::Group(form) => Refusal::Group(self.group_refusal(form)?),
            RefusalV1::PlanInBatch { directive } => Refusal::PlanInBatch { directive: self.directive(&directive)? },
        })
    }

    pub(super) fn idle(self, form: &IdleV1) -> Result<Idle, CodecError> {
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
            IdleV1::AlreadySo => Idle::AlreadySo,
            IdleV1::AlreadyInstructed => Idle::AlreadyInstructed,
        })
    }

    pub(super) fn order_terms(self, form: &OrderTermsV1) -> Result<OrderTerms, CodecError> {
        Ok(match form {
            OrderTermsV1::Market => OrderTerms::Market,
            OrderTermsV1::Limit { price } => OrderTerms::Limit { price: self.price("price", *price)? },
            OrderTermsV1::Stop { trigger } => OrderTerms::Stop { trigger: self.price("trigger", *trigger)? },
            OrderTermsV1::StopLimit { trigger, price } => {
                OrderTerms::StopLimit { trigger: self.price("trigger", *trigger)?, price: self.price("price", *price)? }
            }
            OrderTermsV1::TrailingStop { trigger, trail } => {
                OrderTerms::TrailingStop { trigger: self.price("trigger", *trigger)?, trail: self.trail(trail)? }
            }
            OrderTermsV1::TakeProfit { trigger } => {
                OrderTerms::TakeProfit { trigger: self.price("trigger", *trigger)? }
            }
            OrderTermsV1::Unknown => OrderTerms::Unknown,
            OrderTermsV1::Iceberg { price, visible } => OrderTerms::Iceberg {
                price: self.price("price", *price)?,
                visible: self.quantity("visible", *visible)?,
            },
        })
    }
}

pub(super) const fn continued(form: &SessionContinuedV1) -> SessionContinued {
    SessionContinued { parent: SessionUid(form.parent), head: Head(form.head), ledger_digest: form.ledger_digest }
}

pub(super) const fn time_in_force(form: &TimeInForceV1) -> TimeInForce {
    match form {
        TimeInForceV1::Gtc => TimeInForce::Gtc,
        TimeInForceV1::Ioc => TimeInForce::Ioc,
        TimeInForceV1::Fok => TimeInForce::Fok,
        TimeInForceV1::Gtd { good_till_ns } => TimeInForce::Gtd(Timestamp::from_nanos(*good_till_ns)),
    }
}
