//! What a directive may do: the rules that depend on state or price, each with its refusal, then the new standing
//! target. Nothing is sent here; [`super::converge`] does that.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{
    Algorithm, ClosePlans, EntryTerms, ExecutionHint, Intent, ModifyPlans, NewTrade, StopChange, StopLevel,
    StrategyDirective, TakeProfitChange,
};
use retrace_core::event::{Decision, Idle, Refusal};
use retrace_core::exact::{self, Rounding};
use retrace_core::ids::{DirectiveId, PlanId, PlanNo, derive_plan_id};
use retrace_core::instrument::Instrument;
use retrace_core::order::{OrderRole, Side};
use retrace_projections::ledger::{Exits, Phase, Plan, slice_size};
use rust_decimal::Decimal;

use super::target::Distance;
use super::{actions, closing, converge, current_price, levels, schedule, snapshot, target};
use crate::step::{Deciding, EngineError};

/// Why a directive is not carried out for a plan: a refusal, or the error that stops the engine.
pub(super) enum Stop {
    Refused(Refusal),
    Engine(EngineError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Takes a directive that was just recorded: a repeat is a no-op, a conflict is refused, anything else is carried out
/// plan by plan.
pub(crate) fn receive(deciding: &mut Deciding<'_>, directive: &StrategyDirective) -> Result<(), EngineError> {
    let id = &directive.directive_id;
    if let Some(seen) = deciding.state.ledger.directive(id).filter(|seen| seen.first != deciding.input_seq()) {
        let (first, difference) = (seen.first, seen.body.first_difference(&directive.body_digest()));
        let decision = match difference {
            None => Decision::DirectiveRepeated { directive: id.clone(), first },
            Some(field) => Decision::DirectiveRefused {
                directive: id.clone(),
                plan_id: None,
                refusal: Refusal::Conflict { field: field.to_owned(), first },
            },
        };
        return deciding.decide(None, None, decision);
    }
    match &directive.intent {
        Intent::NewTrade(new) => {
            let session = deciding.state.ledger.session();
            let plan_id = new.plan_id.clone().unwrap_or_else(|| derive_plan_id(session, id, 0));
            let outcome = open(deciding, directive, new, &plan_id);
            settle(deciding, id, &plan_id, outcome)
        }
        Intent::Modify(modify) => {
            for plan_id in &modify.plans {
                let outcome = change(deciding, id, modify, plan_id);
                settle(deciding, id, plan_id, outcome)?;
            }
            Ok(())
        }
        Intent::Close(close) => {
            for plan_id in &close.plans {
                let outcome = begin_close(deciding, id, close, plan_id);
                settle(deciding, id, plan_id, outcome)?;
            }
            Ok(())
        }
        Intent::Group(group) => {
            for plan_id in &group.plans {
                let outcome = actions::order_group(deciding, id, group, plan_id);
                settle(deciding, id, plan_id, outcome)?;
            }
            Ok(())
        }
        Intent::CancelAll(cancel) => {
            for plan_id in &cancel.plans {
                let outcome = actions::cancel_all(deciding, id, cancel, plan_id);
                settle(deciding, id, plan_id, outcome)?;
            }
            Ok(())
        }
    }
}

/// Records a refusal for one plan, so that it never holds up the others.
fn settle(
    deciding: &mut Deciding<'_>,
    directive: &DirectiveId,
    plan_id: &PlanId,
    outcome: Result<(), Stop>,
) -> Result<(), EngineError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Stop::Engine(error)) => Err(error),
        Err(Stop::Refused(refusal)) => {
            let plan = deciding.state.ledger.plan_number(plan_id);
            let decision =
                Decision::DirectiveRefused { directive: directive.clone(), plan_id: Some(plan_id.clone()), refusal };
            // A sealed plan is not brought back for a refusal: the event stands beside it.
            let plan = plan.filter(|plan| !deciding.state.ledger.is_sealed(*plan));
            deciding.decide(plan, None, decision)
        }
    }
}

fn open(
    deciding: &mut Deciding<'_>,
    directive: &StrategyDirective,
    new: &NewTrade,
    plan_id: &PlanId,
) -> Result<(), Stop> {
    let id = &directive.directive_id;
    if let Some(no) = deciding.state.ledger.plan_number(plan_id) {
        return repeat_open(deciding, directive, plan_id, no);
    }
    if new.direction == Side::Sell && !deciding.state.profile.shorting {
        return Err(Refusal::ShortingUnsupported.into());
    }
    let Some(instrument) = deciding.state.ledger.instrument(&new.symbol).cloned() else {
        return Err(Refusal::UnknownPlan.into());
    };
    let current = deciding.state.price(&new.symbol, new.direction);
    let reference = new.entry.limit_price.or(current);
    let stop = new.stop.map(|stop| levels::stop_level(stop, new.direction, &instrument, current, reference));
    let stop = stop.transpose()?;
    let take_profit = new.take_profit.map(|p| levels::take_profit_level(p, new.direction, &instrument, reference));
    let take_profit = take_profit.transpose()?;
    let algorithm = new.execution.algorithm();
    check_slices(deciding, &instrument, algorithm, new.target, new.entry.limit_price.or(current))?;

    let no = deciding.state.ledger.next_plan();
    let accepted = Decision::PlanAccepted {
        plan_id: plan_id.clone(),
        symbol: new.symbol.clone(),
        direction: new.direction,
        directive: id.clone(),
        comments: directive.comments,
    };
    deciding.decide(Some(no), None, accepted)?;
    if stop.is_some() || take_profit.is_some() {
        let exits = Decision::ExitsSet { directive: id.clone(), stop, take_profit, current_price: current };
        deciding.decide(Some(no), None, exits)?;
    }
    let target = new.direction.signed(new.target);
    set_target(deciding, no, id, target, new.entry, algorithm)
}

/// A `NEW_TRADE` for a plan that exists: the same instruction is a no-op, another one is refused.
fn repeat_open(
    deciding: &mut Deciding<'_>,
    directive: &StrategyDirective,
    plan_id: &PlanId,
    no: PlanNo,
) -> Result<(), Stop> {
    let ledger = &deciding.state.ledger;
    let first = ledger.opener(no);
    if !first.is_some_and(|first| first.body.instructs_as(&directive.body_digest())) {
        return Err(Refusal::PlanExists.into());
    }
    let Some(plan) = ledger.plan(no) else { return Ok(already_closed(deciding, &directive.directive_id, plan_id)?) };
    let committed = deciding.exact(plan.committed())?;
    let reason = if deciding.exact(plan.is_under_way())? { Idle::AlreadyWorking } else { Idle::AlreadySatisfied };
    let target = plan.target.size;
    let (directive, plan_id) = (directive.directive_id.clone(), plan_id.clone());
    deciding.decide(Some(no), None, Decision::NothingToDo { directive, plan_id, reason, target, committed })?;
    Ok(())
}

fn change(deciding: &mut Deciding<'_>, id: &DirectiveId, modify: &ModifyPlans, plan_id: &PlanId) -> Result<(), Stop> {
    let ledger = &deciding.state.ledger;
    let no = ledger.plan_number(plan_id).ok_or(Refusal::UnknownPlan)?;
    let plan = snapshot(deciding, no).filter(|plan| plan.phase == Phase::Standing).ok_or(Refusal::PlanEnded)?;
    let current = current_price(deciding, &plan);
    let exits = changed_exits(&plan, modify, current)?;

    let Some(size) = modify.target else {
        if exits == plan.exits {
            return nothing_to_do(deciding, &plan, id, Idle::AlreadySatisfied);
        }
        set_exits(deciding, &plan, id, exits, current)?;
        return Ok(converge(deciding, no)?);
    };
    let too_large = |_| Stop::Refused(Refusal::TooLarge);
    let magnitude = Position::new(size).map_err(|_| Refusal::TooLarge)?;
    let target = magnitude.size().map_or(Position::FLAT, |size| plan.direction.signed(size));
    target.minus(plan.traded()).map_err(too_large)?;
    let delta = match target::distance(deciding, &plan, target)? {
        Distance::None => Position::FLAT,
        Distance::Missing(missing) => plan.direction.signed(missing),
        Distance::Excess(excess) => plan.direction.opposite().signed(excess),
    };
    if let (Some(direction), Some(sign)) = (modify.direction, Side::of(delta))
        && direction != sign
    {
        return Err(Refusal::DirectionContradictsTarget { direction, delta }.into());
    }
    let (entry, algorithm) = hint(&plan, modify, target);
    if let Some(quantity) = target::divided(deciding, &plan, target)? {
        check_slices(deciding, &plan.instrument, algorithm, quantity, entry.limit_price.or(current))?;
    }
    if exits != plan.exits {
        set_exits(deciding, &plan, id, exits, current)?;
    }
    set_target(deciding, no, id, target, entry, algorithm)
}

/// How a `MODIFY` wants orders placed. One that names the standing target again and says nothing of how leaves that as
/// it is: repeating a size in mid-TWAP must not send the rest of it at once.
fn hint(plan: &Plan, modify: &ModifyPlans, target: Position) -> (EntryTerms, Algorithm) {
    let says_nothing = modify.execution == ExecutionHint { algorithm: None, urgency: None };
    if says_nothing && modify.entry.is_none() && target == plan.target.size {
        return (plan.target.entry, plan.target.algorithm);
    }
    (modify.entry.unwrap_or(EntryTerms::MARKET), modify.execution.algorithm())
}

/// The plan's exits as a MODIFY would leave them.
fn changed_exits(plan: &Plan, modify: &ModifyPlans, current: Option<Price>) -> Result<Exits, Refusal> {
    let mut exits = plan.exits;
    match modify.stop {
        None => {}
        Some(StopChange::Remove) => exits.stop = None,
        Some(StopChange::To(wanted)) => {
            let level = levels::stop_level(wanted, plan.direction, &plan.instrument, current, current)?;
            if let (StopLevel::Tolerance(_), Some(stop)) = (wanted, plan.exits.stop)
                && levels::loosens(stop, level, plan.direction)
            {
                return Err(Refusal::WouldLoosen { stop, proposed: level });
            }
            exits.stop = Some(level);
        }
    }
    match modify.take_profit {
        None => {}
        Some(TakeProfitChange::Remove) => exits.take_profit = None,
        Some(TakeProfitChange::To(wanted)) => {
            exits.take_profit = Some(levels::take_profit_level(wanted, plan.direction, &plan.instrument, current)?);
        }
    }
    Ok(exits)
}

fn set_exits(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    id: &DirectiveId,
    exits: Exits,
    current_price: Option<Price>,
) -> Result<(), EngineError> {
    let Exits { stop, take_profit } = exits;
    let decision = Decision::ExitsSet { directive: id.clone(), stop, take_profit, current_price };
    deciding.decide(Some(plan.no), None, decision)
}

/// Sets the standing target, says so where nothing follows from it, and converges.
fn set_target(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    id: &DirectiveId,
    target: Position,
    entry: EntryTerms,
    algorithm: Algorithm,
) -> Result<(), Stop> {
    let Some(before) = snapshot(deciding, no) else { return Ok(()) };
    let decision = Decision::TargetSet { directive: id.clone(), target, entry, algorithm };
    deciding.decide(Some(no), None, decision)?;
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    if let Some(reason) = target::idle(deciding, &before, &plan)? {
        nothing_to_do(deciding, &plan, id, reason)?;
    }
    target::replan(deciding, &before, &plan)?;
    Ok(converge(deciding, no)?)
}

pub(super) fn nothing_to_do(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    id: &DirectiveId,
    reason: Idle,
) -> Result<(), Stop> {
    let committed = deciding.exact(plan.committed())?;
    let decision = Decision::NothingToDo {
        directive: id.clone(),
        plan_id: plan.id.clone(),
        reason,
        target: plan.target.size,
        committed,
    };
    Ok(deciding.decide(Some(plan.no), None, decision)?)
}

/// A sealed plan is not brought back to be told that it is closed: the event stands beside it.
pub(super) fn already_closed(
    deciding: &mut Deciding<'_>,
    id: &DirectiveId,
    plan_id: &PlanId,
) -> Result<(), EngineError> {
    let (reason, target, committed) = (Idle::AlreadyClosed, Position::FLAT, Position::FLAT);
    let (directive, plan_id) = (id.clone(), plan_id.clone());
    deciding.decide(None, None, Decision::NothingToDo { directive, plan_id, reason, target, committed })
}

fn begin_close(
    deciding: &mut Deciding<'_>,
    id: &DirectiveId,
    close: &ClosePlans,
    plan_id: &PlanId,
) -> Result<(), Stop> {
    let no = deciding.state.ledger.plan_number(plan_id).ok_or(Refusal::UnknownPlan)?;
    let Some(plan) = snapshot(deciding, no) else {
        return Ok(already_closed(deciding, id, plan_id)?);
    };
    // Stopped out it is being flattened already, at any price: a close could only slow that down. Where only a stop is
    // left that rests, it is not.
    let rests = plan.working(OrderRole::StopLoss).any(|stop| stop.fills.is_empty())
        && plan.working(OrderRole::Flatten).next().is_none();
    if matches!(plan.phase, Phase::StoppedOut | Phase::Reopened { .. }) && !rests {
        return nothing_to_do(deciding, &plan, id, Idle::AlreadyWorking);
    }
    let hint = close.execution;
    let price_limit = match hint.max_total_slippage {
        None => None,
        Some(fraction) => {
            let current = current_price(deciding, &plan).ok_or(Refusal::NoPriceYet)?;
            Some(slippage_limit(&plan, current, fraction)?)
        }
    };
    if let Phase::Closing(closing) = &plan.phase {
        // At market and told so again: nothing changes. A limit is read against the price of each directive.
        if closing.price_limit.is_none() && price_limit.is_none() && !closing.gave_up {
            return nothing_to_do(deciding, &plan, id, Idle::AlreadyWorking);
        }
    }
    schedule::drop_timers(deciding, no, &closing::retry_timers(deciding, no))?;
    let decision = Decision::CloseStarted { directive: id.clone(), price_limit, on_limit: hint.on_limit };
    deciding.decide(Some(no), None, decision)?;
    Ok(converge(deciding, no)?)
}

/// The worst price that a close may take: `fraction` of the current price beyond it, on the tick that stays inside.
fn slippage_limit(plan: &Plan, current: Price, fraction: Decimal) -> Result<Price, Refusal> {
    let bad = || Refusal::BadLevel { field: "max_total_slippage_pct".to_owned(), price: current };
    let (factor, inside) = match plan.direction {
        Side::Buy => (exact::sub(Decimal::ONE, fraction), Rounding::Up),
        Side::Sell => (exact::add(Decimal::ONE, fraction), Rounding::Down),
    };
    let limit = factor.and_then(|factor| exact::mul(current.value(), factor)).map_err(|_| bad())?;
    plan.instrument.round_price(limit, inside).map_err(|_| bad())
}

/// Every slice must be at least a lot and large enough for the venue at the price it is valued at.
fn check_slices(
    deciding: &Deciding<'_>,
    instrument: &Instrument,
    algorithm: Algorithm,
    quantity: Quantity,
    price: Option<Price>,
) -> Result<(), Stop> {
    let Algorithm::Twap(twap) = algorithm else { return Ok(()) };
    let slice = deciding.exact(slice_size(quantity, twap.slices, instrument))?;
    let Some(slice) = slice.size() else {
        return Err(Refusal::TooManySlices { slices: twap.slices, quantity, lot: instrument.lot }.into());
    };
    if let Some(price) = price
        && !deciding.exact(instrument.meets_min_notional(slice, price))?
    {
        let minimum = instrument.min_notional;
        return Err(Refusal::SliceBelowMinNotional { slice, price, minimum }.into());
    }
    Ok(())
}
