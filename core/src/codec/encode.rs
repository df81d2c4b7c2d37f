//! Live events into their stored form.

use super::algorithm::{execution_form, hint_form};
use super::stop::StopTrailSetV1;
use super::v1::{
    AmendRequestedV1, CancelRequestedV1, CloseGaveUpV1, CloseStartedV1, Dec, DirectiveReceivedV1, DirectiveRefusedV1,
    DirectiveRepeatedV1, EntryTermsV1, ExitsSetV1, FillV1, GroupEndedV1, GroupOpenedV1, IdleV1, IntentV1,
    NothingToDoV1, OnLimitV1, OrderInferredV1, OrderRequestedV1, OrderTermsV1, PlanAcceptedV1, PlanClosedV1,
    PlanOpenedV1, PriceMovedV1, ProtectionGapChangedV1, RefusalV1, SessionContinuedV1, SlicesDroppedV1, StopChangeV1,
    StopLevelV1, StopLimitSetV1, StopPassedV1, TakeProfitChangeV1, TargetSetV1, TimeInForceV1, TimerDroppedV1,
    TimerFiredV1, TimerPurposeV1, TimerSetV1, TradeBookedV1, TradeImportedV1, TradeRepeatedV1,
};
use super::{action, batch, closes, encode_form, groups, reports, risk, stop};
use crate::directive::{EntryTerms, Intent, OnLimit, StopChange, StopLevel, StrategyDirective, TakeProfitChange};
use crate::event::{Decision, Fact, FillReport, Idle, Input, Refusal, SessionContinued, TimerPurpose, TradeImported};
use crate::order::{OrderTerms, TimeInForce, Word};

/// An event's stored form: its kind number, schema version and payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFact {
    /// The kind number.
    pub kind: u16,
    /// The payload's schema version.
    pub version: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

/// The stored form of a fact. Kinds: `docs/storage-format.md`.
pub fn encode_fact(fact: &Fact) -> EncodedFact {
    let (kind, payload) = match fact {
        Fact::Input(Input::Report(report)) => return reports::encode(report),
        Fact::Input(input) => encode_input(input),
        Fact::Decision(decision @ Decision::CloseStarted { twap: Some(twap), .. }) => {
            let (kind, mut payload) = encode_decision(decision);
            payload.extend(encode_form(&closes::twap_form(*twap)));
            return EncodedFact { kind, version: closes::IN_SLICES, payload };
        }
        Fact::Decision(decision) => match groups::price_of(decision) {
            None => encode_decision(decision),
            Some(price) => {
                let (kind, mut payload) = encode_decision(decision);
                payload.extend(encode_form(&Dec::from(price.value())));
                return EncodedFact { kind, version: groups::PRICED, payload };
            }
        },
        Fact::Unknown(unknown) => {
            let payload = unknown.payload.clone();
            return EncodedFact { kind: unknown.kind, version: unknown.version, payload };
        }
    };
    EncodedFact { kind, version: 1, payload }
}

/// A word's place in its own list: how it is stored.
pub(super) fn word<T: Word>(word: T) -> u8 {
    T::words().iter().position(|other| *other == word).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

fn encode_input(input: &Input) -> (u16, Vec<u8>) {
    match input {
        Input::SessionContinued(from) => (1, encode_form(&continued(from))),
        Input::PriceMoved(moved) => {
            let form = PriceMovedV1 {
                symbol: moved.symbol.to_string(),
                long: moved.mark.long.value().into(),
                short: moved.mark.short.value().into(),
            };
            (2, encode_form(&form))
        }
        Input::DirectiveReceived(directive) => (3, encode_form(&directive_form(directive))),
        Input::TimerFired { timer } => (4, encode_form(&TimerFiredV1 { timer: timer.0 })),
        Input::Report(report) => (reports::KIND, reports::encode(report).payload),
        Input::TradeImported(trade) => (6, encode_form(&trade_form(trade))),
        Input::ConnectionChanged { connected } => {
            (7, encode_form(&reports::ConnectionChangedV1 { connected: *connected }))
        }
        Input::OperatorCommanded(commanded) => (8, encode_form(&risk::commanded_form(commanded))),
    }
}

pub(super) const fn continued(from: &SessionContinued) -> SessionContinuedV1 {
    SessionContinuedV1 { parent: from.parent.0, head: from.head.0, ledger_digest: from.ledger_digest }
}

pub(super) fn intent_form(intent: &Intent) -> IntentV1 {
    match intent {
        Intent::NewTrade(new) => IntentV1::NewTrade {
            plan_id: new.plan_id.as_ref().map(ToString::to_string),
            symbol: new.symbol.to_string(),
            direction: word(new.direction),
            entry: entry(new.entry),
            target: new.target.value().into(),
            stop: new.stop.map(stop_level),
            take_profit: new.take_profit.map(|p| p.value().into()),
            execution: hint_form(new.execution),
        },
        Intent::Modify(modify) => IntentV1::Modify {
            plans: modify.plans.iter().map(ToString::to_string).collect(),
            direction: modify.direction.map(word),
            entry: modify.entry.map(entry),
            target: modify.target.map(Dec::from),
            stop: modify.stop.map(|change| match change {
                StopChange::To(level) => StopChangeV1::To(stop_level(level)),
                StopChange::Remove => StopChangeV1::Remove,
            }),
            take_profit: modify.take_profit.map(|change| match change {
                TakeProfitChange::To(price) => TakeProfitChangeV1::To(price.value().into()),
                TakeProfitChange::Remove => TakeProfitChangeV1::Remove,
            }),
            execution: hint_form(modify.execution),
        },
        Intent::Close(close) => IntentV1::Close {
            plans: close.plans.iter().map(ToString::to_string).collect(),
            urgency: close.execution.urgency.map(Dec::from),
            max_total_slippage: close.execution.max_total_slippage.map(Dec::from),
            on_limit: on_limit(close.execution.on_limit),
        },
        Intent::Group(group) => action::group_intent(group),
        Intent::CancelAll(cancel) => action::cancel_all_intent(cancel),
        Intent::Batch(batch) => batch::batch_intent(batch),
    }
}

fn directive_form(directive: &StrategyDirective) -> DirectiveReceivedV1 {
    DirectiveReceivedV1 {
        directive_id: directive.directive_id.to_string(),
        comments: directive.comments.map(|c| c.0),
        confidence: directive.confidence.map(Dec::from),
        causality: directive.causality.iter().map(ToString::to_string).collect(),
        intent: intent_form(&directive.intent),
    }
}

pub(super) fn entry(terms: EntryTerms) -> EntryTermsV1 {
    EntryTermsV1 {
        limit_price: terms.limit_price.map(|p| p.value().into()),
        time_in_force: time_in_force_form(terms.time_in_force),
        post_only: terms.post_only,
    }
}

fn on_limit(on_limit: OnLimit) -> OnLimitV1 {
    OnLimitV1 { retry_ns: on_limit.retry.nanos(), tries: on_limit.tries, then: word(on_limit.then) }
}

fn stop_level(level: StopLevel) -> StopLevelV1 {
    match level {
        StopLevel::At(price) => StopLevelV1::At(price.value().into()),
        StopLevel::Tolerance(fraction) => StopLevelV1::Tolerance(fraction.into()),
        StopLevel::Limited { price, limit } => {
            StopLevelV1::Limited { price: price.value().into(), limit: limit.value().into() }
        }
        StopLevel::Trailing(trail) => StopLevelV1::Trailing(stop::trail_form(trail)),
    }
}

pub(super) fn fill_form(fill: &FillReport) -> FillV1 {
    FillV1 {
        trade_id: fill.trade_id.to_string(),
        price: fill.price.value().into(),
        quantity: fill.quantity.value().into(),
        fee: fill.fee.value().into(),
        fee_asset: fill.fee_asset.to_string(),
        liquidity: word(fill.liquidity),
        executed_at_ns: fill.executed_at.nanos(),
    }
}

fn trade_form(trade: &TradeImported) -> TradeImportedV1 {
    TradeImportedV1 {
        symbol: trade.symbol.to_string(),
        side: word(trade.side),
        position: trade.position.as_ref().map(ToString::to_string),
        venue_order: trade.venue_order.as_ref().map(ToString::to_string),
        fill: fill_form(&trade.fill),
        origin: word(trade.origin),
        line: trade.line,
    }
}

fn refusal_form(refusal: &Refusal) -> RefusalV1 {
    match refusal {
        Refusal::Conflict { field, first } => RefusalV1::Conflict { field: field.clone(), first: first.0 },
        Refusal::PlanExists => RefusalV1::PlanExists,
        Refusal::UnknownPlan => RefusalV1::UnknownPlan,
        Refusal::PlanEnded => RefusalV1::PlanEnded,
        Refusal::DirectionContradictsTarget { direction, delta } => {
            RefusalV1::DirectionContradictsTarget { direction: word(*direction), delta: delta.value().into() }
        }
        Refusal::WouldLoosen { stop, proposed } => {
            RefusalV1::WouldLoosen { stop: stop.value().into(), proposed: proposed.value().into() }
        }
        Refusal::WrongSide { field, level, price } => {
            RefusalV1::WrongSide { field: field.clone(), level: level.value().into(), price: price.value().into() }
        }
        Refusal::BadLevel { field, price } => RefusalV1::BadLevel { field: field.clone(), price: price.value().into() },
        Refusal::NoPriceYet => RefusalV1::NoPriceYet,
        Refusal::ShortingUnsupported => RefusalV1::ShortingUnsupported,
        Refusal::UnsupportedByProfile { needs } => RefusalV1::UnsupportedByProfile { needs: needs.clone() },
        Refusal::StopStands { distance, proposed } => {
            RefusalV1::StopStands { distance: distance.map(Dec::from), proposed: (*proposed).into() }
        }
        Refusal::OtherStopStands { stands, proposed } => {
            RefusalV1::OtherStopStands { stands: stop::kind_form(*stands), proposed: stop::kind_form(*proposed) }
        }
        Refusal::GoodTillPassed { good_till } => RefusalV1::GoodTillPassed { good_till_ns: good_till.nanos() },
        Refusal::TooManySlices { slices, quantity, lot } => {
            RefusalV1::TooManySlices { slices: *slices, quantity: quantity.value().into(), lot: lot.value().into() }
        }
        Refusal::SliceBelowMinNotional { slice, price, minimum } => RefusalV1::SliceBelowMinNotional {
            slice: slice.value().into(),
            price: price.value().into(),
            minimum: minimum.value().into(),
        },
        Refusal::TooLarge => RefusalV1::TooLarge,
        Refusal::RiskGate(refusal) => RefusalV1::RiskGate(risk::risk_form(refusal)),
        Refusal::Group(refusal) => RefusalV1::Group(action::group_refusal(refusal)),
        Refusal::PlanInBatch { directive } => RefusalV1::PlanInBatch { directive: directive.to_string() },
    }
}

fn idle_form(idle: Idle) -> IdleV1 {
    match idle {
        Idle::AlreadySatisfied => IdleV1::AlreadySatisfied,
        Idle::AlreadyWorking => IdleV1::AlreadyWorking,
        Idle::BelowLot { delta, lot } => IdleV1::BelowLot { delta: delta.value().into(), lot: lot.value().into() },
        Idle::BelowMinNotional { delta, notional, minimum } => IdleV1::BelowMinNotional {
            delta: delta.value().into(),
            notional: notional.value().into(),
            minimum: minimum.value().into(),
        },
        Idle::AlreadyClosed => IdleV1::AlreadyClosed,
        Idle::AlreadySo => IdleV1::AlreadySo,
        Idle::AlreadyInstructed => IdleV1::AlreadyInstructed,
    }
}

fn time_in_force_form(time_in_force: TimeInForce) -> TimeInForceV1 {
    match time_in_force {
        TimeInForce::Gtc => TimeInForceV1::Gtc,
        TimeInForce::Ioc => TimeInForceV1::Ioc,
        TimeInForce::Fok => TimeInForceV1::Fok,
        TimeInForce::Gtd(time) => TimeInForceV1::Gtd { good_till_ns: time.nanos() },
    }
}

pub(super) fn order_terms(terms: OrderTerms) -> OrderTermsV1 {
    match terms {
        OrderTerms::Market => OrderTermsV1::Market,
        OrderTerms::Limit { price } => OrderTermsV1::Limit { price: price.value().into() },
        OrderTerms::Stop { trigger } => OrderTermsV1::Stop { trigger: trigger.value().into() },
        OrderTerms::TakeProfit { trigger } => OrderTermsV1::TakeProfit { trigger: trigger.value().into() },
        OrderTerms::Unknown => OrderTermsV1::Unknown,
        OrderTerms::StopLimit { trigger, price } => {
            OrderTermsV1::StopLimit { trigger: trigger.value().into(), price: price.value().into() }
        }
        OrderTerms::TrailingStop { trigger, trail } => {
            OrderTermsV1::TrailingStop { trigger: trigger.value().into(), trail: stop::trail_form(trail) }
        }
        OrderTerms::Iceberg { price, visible } => {
            OrderTermsV1::Iceberg { price: price.value().into(), visible: visible.value().into() }
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one match over every decision, each variant written out by hand")]
fn encode_decision(decision: &Decision) -> (u16, Vec<u8>) {
    match decision {
        Decision::DirectiveRefused { directive, plan_id, refusal } => {
            let form = DirectiveRefusedV1 {
                directive: directive.to_string(),
                plan_id: plan_id.as_ref().map(ToString::to_string),
                refusal: refusal_form(refusal),
            };
            (100, encode_form(&form))
        }
        Decision::DirectiveRepeated { directive, first } => {
            (101, encode_form(&DirectiveRepeatedV1 { directive: directive.to_string(), first: first.0 }))
        }
        Decision::NothingToDo { directive, plan_id, reason, target, committed } => {
            let form = NothingToDoV1 {
                directive: directive.to_string(),
                plan_id: plan_id.to_string(),
                reason: idle_form(*reason),
                target: target.value().into(),
                committed: committed.value().into(),
            };
            (102, encode_form(&form))
        }
        Decision::PlanAccepted { plan_id, symbol, direction, directive, comments } => {
            let form = PlanAcceptedV1 {
                plan_id: plan_id.to_string(),
                symbol: symbol.to_string(),
                direction: word(*direction),
                directive: directive.to_string(),
                comments: comments.map(|c| c.0),
            };
            (103, encode_form(&form))
        }
        Decision::TargetSet { directive, target, entry: terms, algorithm, end_after } => {
            let form = TargetSetV1 {
                directive: directive.to_string(),
                target: target.value().into(),
                entry: entry(*terms),
                algorithm: execution_form(*algorithm, *end_after),
            };
            (104, encode_form(&form))
        }
        Decision::ExitsSet { directive, stop, take_profit, current_price } => {
            let form = ExitsSetV1 {
                directive: directive.to_string(),
                stop: stop.map(|p| p.value().into()),
                take_profit: take_profit.map(|p| p.value().into()),
                current_price: current_price.map(|p| p.value().into()),
            };
            (105, encode_form(&form))
        }
        Decision::StopLimitSet { directive, distance } => {
            let form = StopLimitSetV1 { directive: directive.to_string(), distance: distance.map(Dec::from) };
            (180, encode_form(&form))
        }
        Decision::StopTrailSet { directive, trail } => {
            let form = StopTrailSetV1 { directive: directive.to_string(), trail: stop::trail_form(*trail) };
            (181, encode_form(&form))
        }
        Decision::PlanOpened => (106, encode_form(&PlanOpenedV1 {})),
        Decision::GroupOpened {
            group,
            directive,
            action,
            algorithm,
            entry: terms,
            quantity,
            end_after,
            arrival: _,
        } => {
            let form = GroupOpenedV1 {
                group: group.0,
                directive: directive.to_string(),
                action: word(*action),
                algorithm: execution_form(*algorithm, *end_after),
                entry: entry(*terms),
                quantity: quantity.value().into(),
            };
            (107, encode_form(&form))
        }
        Decision::SlicesDropped { group, quantity, because } => {
            let form = SlicesDroppedV1 { group: group.0, quantity: quantity.value().into(), because: word(*because) };
            (108, encode_form(&form))
        }
        Decision::GroupEnded { group, end, price: _ } => {
            (109, encode_form(&GroupEndedV1 { group: group.0, end: word(*end) }))
        }
        Decision::OrderRequested {
            group,
            role,
            side,
            terms,
            quantity,
            time_in_force,
            post_only,
            reduce_only,
            slice,
            attempt,
            because,
        } => {
            let form = OrderRequestedV1 {
                group: group.0,
                role: word(*role),
                side: word(*side),
                terms: order_terms(*terms),
                quantity: quantity.value().into(),
                time_in_force: time_in_force_form(*time_in_force),
                post_only: *post_only,
                reduce_only: *reduce_only,
                slice: *slice,
                attempt: *attempt,
                because: word(*because),
            };
            (110, encode_form(&form))
        }
        Decision::AmendRequested { quantity, price, because } => {
            let form = AmendRequestedV1 {
                quantity: quantity.value().into(),
                price: price.map(|p| p.value().into()),
                because: word(*because),
            };
            (111, encode_form(&form))
        }
        Decision::CancelRequested { because } => (112, encode_form(&CancelRequestedV1 { because: word(*because) })),
        Decision::QueryRequested => (160, encode_form(&reports::QueryRequestedV1 {})),
        Decision::TimerSet { timer, due, purpose } => {
            let purpose = match purpose {
                TimerPurpose::Slice { group, slice } => TimerPurposeV1::Slice { group: group.0, slice: *slice },
                TimerPurpose::CloseRetry => TimerPurposeV1::CloseRetry,
                TimerPurpose::Room { group } => TimerPurposeV1::Room { group: group.0 },
                TimerPurpose::EndTime { group } => TimerPurposeV1::EndTime { group: group.0 },
                TimerPurpose::BatchDeadline { batch } => TimerPurposeV1::BatchDeadline { batch: batch.0 },
                TimerPurpose::LegDeadline { batch, leg } => TimerPurposeV1::LegDeadline { batch: batch.0, leg: *leg },
                TimerPurpose::RollbackRetry => TimerPurposeV1::RollbackRetry,
                TimerPurpose::Patience { order } => TimerPurposeV1::Patience { order: order.0 },
            };
            (113, encode_form(&TimerSetV1 { timer: timer.0, due_ns: due.nanos(), purpose }))
        }
        Decision::TimerDropped { timer } => (114, encode_form(&TimerDroppedV1 { timer: timer.0 })),
        Decision::CloseStarted { directive, price_limit, on_limit: limit, twap: _ } => {
            let form = CloseStartedV1 {
                directive: directive.to_string(),
                price_limit: price_limit.map(|p| p.value().into()),
                on_limit: on_limit(*limit),
            };
            (closes::CLOSE_STARTED, encode_form(&form))
        }
        Decision::CloseGaveUp { tries, held } => {
            (116, encode_form(&CloseGaveUpV1 { tries: *tries, held: held.value().into() }))
        }
        Decision::StopPassed { level, current_price, quantity } => {
            let form = StopPassedV1 {
                level: level.value().into(),
                current_price: current_price.value().into(),
                quantity: quantity.value().into(),
            };
            (117, encode_form(&form))
        }
        Decision::ProtectionGapChanged { uncovered, because } => {
            let form = ProtectionGapChangedV1 { uncovered: uncovered.value().into(), because: word(*because) };
            (118, encode_form(&form))
        }
        Decision::PlanClosed { outcome, dust } => {
            (119, encode_form(&PlanClosedV1 { outcome: word(*outcome), dust: dust.value().into() }))
        }
        Decision::OrderInferred { group, role, side, quantity, connector_order_id } => {
            let form = OrderInferredV1 {
                group: group.0,
                role: word(*role),
                side: word(*side),
                quantity: quantity.value().into(),
                connector_order_id: connector_order_id.as_ref().map(ToString::to_string),
            };
            (120, encode_form(&form))
        }
        Decision::TradeBooked { position, fill, quantity } => {
            let form = TradeBookedV1 {
                position: position.as_ref().map(ToString::to_string),
                fill: fill_form(fill),
                quantity: quantity.value().into(),
            };
            (121, encode_form(&form))
        }
        Decision::GroupCancelled { directive, group } => action::group_cancelled(directive, *group),
        Decision::AllCancelled { directive, reach } => action::all_cancelled(directive, *reach),
        Decision::OrdersModified { directive, group, limit_price, added, target } => {
            action::orders_modified(directive, *group, *limit_price, *added, *target)
        }
        Decision::GroupPaused { directive, group } => action::group_paused(directive, *group),
        Decision::GroupResumed { directive, group } => action::group_resumed(directive, *group),
        Decision::TradeRepeated { first, same } => (122, encode_form(&TradeRepeatedV1 { first: first.0, same: *same })),
        Decision::OrderRefused(refused) => (123, encode_form(&risk::order_refused_form(refused))),
        Decision::BatchStarted { .. }
        | Decision::BatchLegStarted { .. }
        | Decision::BatchLegEnded { .. }
        | Decision::BatchFailed { .. }
        | Decision::RollbackStarted { .. }
        | Decision::RollbackGaveUp { .. }
        | Decision::BatchEnded { .. } => batch::batch_event(decision),
    }
}
