//! What a directive may do: the rules that depend on state or price, each with its refusal, then the new standing
//! target. Nothing is sent here; [`super::converge`] does that.

use std::cmp::Ordering;

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{
    Algorithm, ClosePlans, EntryTerms, Intent, ModifyPlans, NewTrade, OnLimit, PlanTrade, Scope, StopChange, StopLevel,
    StrategyDirective, Trade,
};
use retrace_core::event::{Decision, GroupRefusal, Idle, Refusal};
use retrace_core::ids::{DirectiveId, PlanId, PlanNo};
use retrace_core::instrument::Instrument;
use retrace_core::order::OrderRole;
use retrace_core::stop::StopKind;
use retrace_projections::access::PlannerViews;
use retrace_projections::ledger::{Distance, Exits, Order, Phase, Plan};

use super::{actions, batch, closing, converge, current_price, large_enough, schedule, snapshot, target};
use crate::planner::{ExecutionDirective, ExecutionPlan, ExitPlan, SizePlan, Unplanned, plan_trade};
use crate::step::{Deciding, EngineError};

/// Why a directive is not carried out for a plan: a refusal, or the error that stops the engine.
pub(super) enum Stop {
    Refused(Refusal),
    Engine(EngineError),
}

impl Stop {
    /// Of what was not planned: the rule that it breaks, or the amounts that cannot be counted exactly any more.
    pub(super) fn unplanned(deciding: &Deciding<'_>, why: Unplanned) -> Self {
        match why {
            Unplanned::Refused(refusal) => Self::Refused(refusal),
            Unplanned::Amount(source) => Self::Engine(EngineError::Amount { seq: deciding.state.ledger.seq(), source }),
        }
    }
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
        let difference = seen.body.first_difference(&directive.body_digest());
        let first = seen.first;
        let decision = match difference {
            None => Decision::DirectiveRepeated { directive: id.clone(), first },
            Some(field) => Decision::DirectiveRefused {
                directive: id.clone(),
                plan_id: None,
                refusal: Refusal::Conflict { field, first },
            },
        };
        return deciding.decide(None, None, decision);
    }
    match &directive.intent {
        Intent::Group(group) => {
            for plan_id in &group.plans {
                let outcome = match batch::held_by(deciding, id, plan_id) {
                    Some(refusal) => Err(refusal.into()),
                    None => actions::order_group(deciding, id, group, plan_id),
                };
                settle(deciding, id, plan_id, outcome)?;
            }
        }
        Intent::CancelAll(cancel) => {
            for plan_id in &cancel.plans {
                let closes = directive.scope() == Scope::CloseExisting;
                let outcome = match batch::held_by(deciding, id, plan_id) {
                    Some(refusal) if !closes => Err(refusal.into()),
                    Some(_) | None => actions::cancel_all(deciding, id, cancel, plan_id),
                };
                settle(deciding, id, plan_id, outcome)?;
            }
        }
        Intent::NewTrade(_) | Intent::Modify(_) | Intent::Close(_) | Intent::Batch(_) => {
            match directive.batch_policy(&deciding.state.policy.batch_defaults) {
                Some(policy) => batch::start(deciding, directive, policy)?,
                None => {
                    for trade in &directive.trades(deciding.state.ledger.session()) {
                        carry_out_trade(deciding, directive, trade)?;
                    }
                }
            }
        }
    }
    // A close may have taken a plan out of another batch.
    batch::follow_all(deciding)
}

/// Carries out what a directive wants of one plan, or records why not.
pub(super) fn carry_out_trade(
    deciding: &mut Deciding<'_>,
    directive: &StrategyDirective,
    of: &PlanTrade<'_>,
) -> Result<(), EngineError> {
    let (id, plan_id) = (&directive.directive_id, &of.plan_id);
    let outcome = match of.trade {
        Trade::New(new) => open(deciding, directive, new, plan_id),
        Trade::Modify(modify) => change(deciding, id, modify, plan_id),
        Trade::Close(close) => begin_close(deciding, id, close, plan_id),
    };
    settle(deciding, id, plan_id, outcome)
}

/// Why one trade of a batch would be refused now, before any of them is carried out.
pub(super) fn check(
    deciding: &Deciding<'_>,
    directive: &StrategyDirective,
    of: &PlanTrade<'_>,
) -> Result<Option<Refusal>, EngineError> {
    match checked(deciding, &directive.directive_id, of) {
        Ok(()) => Ok(None),
        Err(Stop::Refused(refusal)) => Ok(Some(refusal)),
        Err(Stop::Engine(error)) => Err(error),
    }
}

fn checked(deciding: &Deciding<'_>, id: &DirectiveId, of: &PlanTrade<'_>) -> Result<(), Stop> {
    let ledger = &deciding.state.ledger;
    match of.trade {
        Trade::New(_) if ledger.plan_number(&of.plan_id).is_some() => Err(Refusal::PlanExists.into()),
        Trade::New(new) => {
            batch::held_by(deciding, id, &of.plan_id).map_or(Ok(()), Err)?;
            plan_new(deciding, new)?;
            let instrument = ledger.instrument(&new.symbol).ok_or(Refusal::UnknownPlan)?;
            let price = new.entry.limit_price.or_else(|| deciding.state.price(&new.symbol, new.direction));
            worth_an_order(deciding, instrument, new.target, price)
        }
        Trade::Modify(_) => {
            let plan = changeable(deciding, id, &of.plan_id)?;
            let planned = plan_existing(deciding, &plan, of.trade)?;
            let Some(SizePlan { target }) = planned.size else { return Ok(()) };
            let price = planned.entry.and_then(|entry| entry.terms.limit_price);
            let price = price.or_else(|| current_price(deciding, &plan));
            match deciding.exact(plan.distance(target))? {
                Distance::Missing(missing) => worth_an_order(deciding, &plan.instrument, missing, price),
                // What is not traded yet is taken back, whatever it is worth.
                Distance::Excess(excess) => match deciding.exact(plan.reducible(target, excess))? {
                    Some(reducible) if reducible == excess => {
                        worth_an_order(deciding, &plan.instrument, excess, current_price(deciding, &plan))
                    }
                    Some(_) | None => Ok(()),
                },
                Distance::None => Ok(()),
            }
        }
        Trade::Close(_) => {
            let no = ledger.plan_number(&of.plan_id).ok_or(Refusal::UnknownPlan)?;
            let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
            plan_existing(deciding, &plan, of.trade).map(|_| ())
        }
    }
}

/// A leg that is too small for an order never comes to its target: better refused before the others are sent.
fn worth_an_order(
    deciding: &Deciding<'_>,
    instrument: &Instrument,
    quantity: Quantity,
    price: Option<Price>,
) -> Result<(), Stop> {
    match price {
        Some(price) if !large_enough(deciding, instrument, quantity, Some(price))? => {
            let minimum = instrument.min_notional;
            Err(GroupRefusal::OrderBelowMinNotional { quantity, price, minimum }.into())
        }
        Some(_) | None => Ok(()),
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
        Err(Stop::Refused(refusal)) => refuse(deciding, directive, plan_id, refusal),
    }
}

pub(super) fn refuse(
    deciding: &mut Deciding<'_>,
    directive: &DirectiveId,
    plan_id: &PlanId,
    refusal: Refusal,
) -> Result<(), EngineError> {
    let plan = deciding.state.ledger.plan_number(plan_id);
    let decision = Decision::DirectiveRefused { directive: directive.clone(), plan_id: Some(plan_id.clone()), refusal };
    // A sealed plan is not brought back for a refusal: the event stands beside it.
    let plan = plan.filter(|plan| !deciding.state.ledger.is_sealed(*plan));
    deciding.decide(plan, None, decision)
}

fn open(
    deciding: &mut Deciding<'_>,
    directive: &StrategyDirective,
    new: &NewTrade,
    plan_id: &PlanId,
) -> Result<(), Stop> {
    if let Some(no) = deciding.state.ledger.plan_number(plan_id) {
        return repeat_open(deciding, directive, plan_id, no);
    }
    batch::held_by(deciding, &directive.directive_id, plan_id).map_or(Ok(()), Err)?;
    let planned = plan_new(deciding, new)?;
    carry_out_new(deciding, directive, new, plan_id, &planned)
}

/// Plans a trade that is to be opened. Decides nothing.
fn plan_new(deciding: &Deciding<'_>, new: &NewTrade) -> Result<ExecutionDirective, Stop> {
    let instrument = deciding.state.ledger.instrument(&new.symbol).ok_or(Refusal::UnknownPlan)?;
    let current = deciding.state.price(&new.symbol, new.direction);
    planned(deciding, PlannerViews::of_new(instrument, new.direction, current), Trade::New(new))
}

/// Plans a trade of a plan that exists. Decides nothing.
fn plan_existing(deciding: &Deciding<'_>, plan: &Plan, trade: Trade<'_>) -> Result<ExecutionDirective, Stop> {
    planned(deciding, PlannerViews::of_plan(plan, current_price(deciding, plan)), trade)
}

fn planned(deciding: &Deciding<'_>, views: PlannerViews<'_>, trade: Trade<'_>) -> Result<ExecutionDirective, Stop> {
    let planned = plan_trade(views, trade, &deciding.state.profile, &deciding.state.policy);
    let planned = planned.map_err(|why| Stop::unplanned(deciding, why))?;
    // Terms that stand since before are not asked about: whatever else is wanted must still be possible.
    let said = match trade {
        Trade::New(new) => Some(new.entry),
        Trade::Modify(modify) => modify.entry,
        Trade::Close(_) => None,
    };
    let good_till = said.and_then(|terms| terms.time_in_force.good_till());
    match good_till.filter(|time| *time <= deciding.time) {
        Some(good_till) => Err(Refusal::GoodTillPassed { good_till }.into()),
        None => Ok(planned),
    }
}

/// Takes a plan on and sets what it is to be.
fn carry_out_new(
    deciding: &mut Deciding<'_>,
    directive: &StrategyDirective,
    new: &NewTrade,
    plan_id: &PlanId,
    planned: &ExecutionDirective,
) -> Result<(), Stop> {
    let id = &directive.directive_id;
    let no = deciding.state.ledger.next_plan();
    let accepted = Decision::PlanAccepted {
        plan_id: plan_id.clone(),
        symbol: new.symbol.clone(),
        direction: new.direction,
        directive: id.clone(),
        comments: directive.comments,
    };
    deciding.decide(Some(no), None, accepted)?;
    carry_out(deciding, no, id, planned)
}

/// Sets what a plan is to be, as planned, and converges.
fn carry_out(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    id: &DirectiveId,
    planned: &ExecutionDirective,
) -> Result<(), Stop> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    match planned.exit {
        Some(ExitPlan::Levels(exits)) if exits != plan.exits => {
            let current = current_price(deciding, &plan);
            set_exits(deciding, &plan, id, exits, current)?;
        }
        Some(ExitPlan::Levels(_) | ExitPlan::Leave { .. }) | None => {}
    }
    let Some(SizePlan { target }) = planned.size else { return Ok(converge(deciding, no)?) };
    let terms = planned.entry.map_or(EntryTerms::MARKET, |entry| entry.terms);
    let (algorithm, end_after) = match planned.execution {
        Some(ExecutionPlan::Divide { algorithm, end_after }) => (algorithm, end_after),
        Some(ExecutionPlan::Close { .. }) | None => (Algorithm::Single, None),
    };
    let decision = Decision::TargetSet { directive: id.clone(), target, entry: terms, algorithm, end_after };
    set_target(deciding, no, id, decision)
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
    let plan = changeable(deciding, id, plan_id)?;
    let no = plan.no;
    if let Some(reason) = told_again(deciding, id, modify, &plan)? {
        return nothing_to_do(deciding, &plan, id, reason);
    }
    let planned = plan_existing(deciding, &plan, Trade::Modify(modify))?;
    if planned == ExecutionDirective::default() {
        return nothing_to_do(deciding, &plan, id, Idle::AlreadySatisfied);
    }
    carry_out(deciding, no, id, &planned)
}

/// Why a change leads to nothing that instructs what the plan was told last, under another id: whatever has become of
/// it since (a take profit took its part, an immediate order found nothing), it is not done a second time. `None` for
/// any other change, and where a level is read against the price, which may be another by now.
fn told_again(
    deciding: &Deciding<'_>,
    id: &DirectiveId,
    modify: &ModifyPlans,
    plan: &Plan,
) -> Result<Option<Idle>, EngineError> {
    let ledger = &deciding.state.ledger;
    let (Some(this), Some(latest)) = (ledger.directive(id), ledger.directive(&plan.instructed_by)) else {
        return Ok(None);
    };
    let relative = matches!(modify.stop, Some(StopChange::To(StopLevel::Tolerance(_))));
    if relative || !this.body.instructs_as(&latest.body) {
        return Ok(None);
    }
    let reached = matches!(deciding.exact(plan.distance(plan.target.size))?, Distance::None);
    Ok(Some(match (modify.target, reached) {
        (Some(_), _) if deciding.exact(plan.is_under_way())? => Idle::AlreadyWorking,
        (Some(_), false) => Idle::AlreadyInstructed,
        (None, _) | (Some(_), true) => Idle::AlreadySatisfied,
    }))
}

/// The plan as it stands, where a directive may change it.
fn changeable(deciding: &Deciding<'_>, id: &DirectiveId, plan_id: &PlanId) -> Result<Plan, Refusal> {
    batch::held_by(deciding, id, plan_id).map_or(Ok(()), Err)?;
    let no = deciding.state.ledger.plan_number(plan_id).ok_or(Refusal::UnknownPlan)?;
    snapshot(deciding, no).filter(|plan| plan.phase == Phase::Standing).ok_or(Refusal::PlanEnded)
}

fn set_exits(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    id: &DirectiveId,
    exits: Exits,
    current_price: Option<Price>,
) -> Result<(), EngineError> {
    let Exits { stop, take_profit, stop_kind } = exits;
    if stop_kind != plan.exits.stop_kind {
        let directive = id.clone();
        let decision = match stop_kind {
            StopKind::Market => Decision::StopLimitSet { directive, distance: None },
            StopKind::Limit { distance } => Decision::StopLimitSet { directive, distance: Some(distance) },
            StopKind::Trailing(trail) => Decision::StopTrailSet { directive, trail },
        };
        deciding.decide(Some(plan.no), None, decision)?;
    }
    let decision = Decision::ExitsSet { directive: id.clone(), stop, take_profit, current_price };
    deciding.decide(Some(plan.no), None, decision)
}

/// Sets the standing target, says so where nothing follows from it, and converges.
fn set_target(deciding: &mut Deciding<'_>, no: PlanNo, id: &DirectiveId, target_set: Decision) -> Result<(), Stop> {
    let Some(before) = snapshot(deciding, no) else { return Ok(()) };
    deciding.decide(Some(no), None, target_set)?;
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

/// Closes a plan that is not there yet: one that a leg was to open whose turn has not come is not opened any more.
pub(super) fn close_unopened(deciding: &mut Deciding<'_>, id: &DirectiveId, plan_id: &PlanId) -> Result<(), Stop> {
    let waited = batch::leave(deciding, id, plan_id)?;
    if waited { Ok(already_closed(deciding, id, plan_id)?) } else { Err(Refusal::UnknownPlan.into()) }
}

fn begin_close(
    deciding: &mut Deciding<'_>,
    id: &DirectiveId,
    close: &ClosePlans,
    plan_id: &PlanId,
) -> Result<(), Stop> {
    let Some(no) = deciding.state.ledger.plan_number(plan_id) else {
        return close_unopened(deciding, id, plan_id);
    };
    let Some(plan) = snapshot(deciding, no) else {
        return Ok(already_closed(deciding, id, plan_id)?);
    };
    // Stopped out it is being flattened already, at any price: a close could only slow that down. Where only a stop is
    // left that rests, it is not; nor where one was set off that may not trade at any price. One that is done was set
    // off, told or not: its trades are on their way.
    let was_set_off = |stop: &Order| stop.set_off || stop.is_done();
    let at_any_price = |stop: &Order| was_set_off(stop) && stop.terms.limit_price().is_none();
    let waits = |stop: &Order| stop.fills.is_empty() && !at_any_price(stop);
    let rests = plan.working(OrderRole::StopLoss).any(waits) && plan.working(OrderRole::Flatten).next().is_none();
    if matches!(plan.phase, Phase::StoppedOut | Phase::Reopened { .. }) && !rests {
        return nothing_to_do(deciding, &plan, id, Idle::AlreadyWorking);
    }
    let planned = plan_existing(deciding, &plan, Trade::Close(close))?;
    let price_limit = match planned.exit {
        Some(ExitPlan::Leave { price_limit }) => price_limit,
        Some(ExitPlan::Levels(_)) | None => None,
    };
    let (twap, on_limit) = match planned.execution {
        Some(ExecutionPlan::Close { twap, on_limit }) => (twap, on_limit),
        Some(ExecutionPlan::Divide { .. }) | None => (None, OnLimit::default()),
    };
    if let Phase::Closing(closing) = &plan.phase {
        // At market and told so again: nothing changes. A limit is read against the price of each directive.
        let at_market = closing.price_limit.is_none() && price_limit.is_none();
        let told_before = match closing::order_of_ends(deciding, &plan, twap) {
            Ordering::Less => false,
            Ordering::Equal => twap.is_some() || at_market,
            Ordering::Greater => true,
        };
        if told_before && !closing.gave_up {
            return nothing_to_do(deciding, &plan, id, Idle::AlreadyWorking);
        }
    }
    batch::leave(deciding, id, plan_id)?;
    schedule::drop_timers(deciding, no, &closing::retry_timers(deciding, no))?;
    let decision = Decision::CloseStarted { directive: id.clone(), price_limit, on_limit, twap };
    deciding.decide(Some(no), None, decision)?;
    Ok(converge(deciding, no)?)
}
