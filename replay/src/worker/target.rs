//! Absolute size (SEMANTICS 3): what is missing from the standing target, and taking back what is too much.

use retrace_core::amount::{Position, Quantity};
use retrace_core::event::{Because, Decision, GroupAction, Idle};
use retrace_core::ids::{GroupNo, PlanNo};
use retrace_core::order::Side;
use retrace_projections::ledger::{Group, Order, Plan};

use super::{cancel, current_price, snapshot};
use crate::step::{Deciding, EngineError};

/// What a group is opened for.
struct Opening {
    action: GroupAction,
    quantity: Quantity,
}

/// Why a target that was just set leads to nothing; `None` when something follows. `before` is the plan as it was.
pub(super) fn idle(deciding: &Deciding<'_>, before: &Plan, plan: &Plan) -> Result<Option<Idle>, EngineError> {
    let committed = deciding.exact(plan.committed_as_requested())?;
    let delta = deciding.exact(plan.target.size.minus(committed))?;
    let Some(missing) = delta.size() else {
        if !deciding.exact(plan.is_under_way())? {
            return Ok(Some(Idle::AlreadySatisfied));
        }
        let same_hint = before.target.algorithm == plan.target.algorithm && before.target.entry == plan.target.entry;
        return Ok(same_hint.then_some(Idle::AlreadyWorking));
    };
    if deciding.exact(plan.instrument.whole_lots(delta))?.is_flat() {
        return Ok(Some(Idle::BelowLot { delta, lot: plan.instrument.lot }));
    }
    let price = plan.target.entry.limit_price.or_else(|| current_price(deciding, plan));
    if let Some(price) = price.filter(|_| Side::of(delta) == Some(plan.direction)) {
        let notional = deciding.exact(missing.notional(price))?;
        let minimum = plan.instrument.min_notional;
        if notional < minimum {
            return Ok(Some(Idle::BelowMinNotional { delta, notional, minimum }));
        }
    }
    Ok(None)
}

/// Brings the plan's groups to its standing target: a new group for what is missing; what is too much is taken back
/// where it is not traded yet, and reduced where it is.
pub(super) fn approach(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let committed = deciding.exact(plan.committed_as_requested())?;
    let delta = deciding.exact(plan.target.size.minus(committed))?;
    let delta = deciding.exact(plan.instrument.whole_lots(delta))?;
    let Some(missing) = delta.size() else { return Ok(()) };
    if Side::of(delta) == Some(plan.direction) {
        raise(deciding, &plan, missing)
    } else {
        lower(deciding, &plan, missing)
    }
}

/// Same target, another hint: what is not sent is planned again under the new hint, from now. `before` is the plan as
/// it was before the target was set.
pub(super) fn replan(deciding: &mut Deciding<'_>, before: &Plan, plan: &Plan) -> Result<(), EngineError> {
    let committed = deciding.exact(plan.committed_as_requested())?;
    let same_hint = before.target.algorithm == plan.target.algorithm && before.target.entry == plan.target.entry;
    if same_hint || committed != plan.target.size {
        return Ok(());
    }
    for action in [GroupAction::Enter, GroupAction::Reduce] {
        let mut sum = Position::FLAT;
        for group in before.groups.iter().filter(|group| group.is_active() && group.action == action) {
            let unsent = deciding.exact(group.unsent())?;
            if let Some(quantity) = unsent.size() {
                drop_unsent(deciding, plan.no, group.no, quantity, Because::Superseded)?;
                sum = deciding.exact(sum.plus(unsent))?;
            }
        }
        if let Some(quantity) = sum.size() {
            open_group(deciding, plan, &Opening { action, quantity })?;
        }
    }
    Ok(())
}

/// Away from zero: working reduces are taken back first, so that the plan never trades with itself; then one new group
/// for what is missing.
fn raise(deciding: &mut Deciding<'_>, plan: &Plan, missing: Quantity) -> Result<(), EngineError> {
    if plan.target.given_up {
        return Ok(());
    }
    let mut missing = missing;
    for group in plan.groups.iter().rev().filter(|group| group.is_active() && group.action == GroupAction::Reduce) {
        // Taking back a reduce that was not traded brings the plan up by as much.
        let taken = take_back(deciding, plan, group, missing)?;
        match taken.size() {
            None => {}
            Some(taken) => match missing.less(taken) {
                Some(rest) => missing = rest,
                None => return Ok(()),
            },
        }
    }
    let price = plan.target.entry.limit_price.or_else(|| current_price(deciding, plan));
    if !super::large_enough(deciding, &plan.instrument, missing, price)? {
        return Ok(());
    }
    open_group(deciding, plan, &Opening { action: GroupAction::Enter, quantity: missing })
}

/// Toward zero: first what is not traded, newest group first, unsent slices before working entries; then a group that
/// reduces what is traded above the target. Never across zero.
fn lower(deciding: &mut Deciding<'_>, plan: &Plan, excess: Quantity) -> Result<(), EngineError> {
    let mut excess = excess;
    for group in plan.groups.iter().rev().filter(|group| group.is_active() && group.action == GroupAction::Enter) {
        if let Some(taken) = take_back(deciding, plan, group, excess)?.size() {
            match excess.less(taken) {
                Some(rest) => excess = rest,
                None => return Ok(()),
            }
        }
    }
    // An entry that still works although its group no longer wants it may fill yet; it is not reduced before it does.
    let Some(now) = snapshot(deciding, plan.no) else { return Ok(()) };
    let reducible = deciding.exact(now.held_lots())?;
    let mut free = reducible.map_or(Position::FLAT, |lots| Side::Buy.signed(lots));
    for group in now.groups.iter().filter(|group| group.action != GroupAction::Enter) {
        free = deciding.exact(free.minus(deciding.exact(group.outstanding())?))?;
    }
    let quantity = Side::Buy.signed(excess).min(free).size();
    let Some(quantity) = quantity else { return Ok(()) };
    let price = current_price(deciding, plan);
    if plan.target.given_up || !super::large_enough(deciding, &plan.instrument, quantity, price)? {
        return Ok(());
    }
    open_group(deciding, plan, &Opening { action: GroupAction::Reduce, quantity })
}

/// Takes up to `wanted` of a group back before it trades. Answers how much was taken, requests under way included.
fn take_back(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    group: &Group,
    wanted: Quantity,
) -> Result<Position, EngineError> {
    let mut taken = Position::FLAT;
    let mut left = Side::Buy.signed(wanted);
    let unsent = deciding.exact(group.unsent())?.min(left);
    if let Some(quantity) = unsent.size() {
        drop_unsent(deciding, plan.no, group.no, quantity, Because::Superseded)?;
        taken = deciding.exact(taken.plus(unsent))?;
        left = deciding.exact(left.minus(unsent))?;
    }
    let working: Vec<Order> = group.own_orders().rev().filter(|o| o.is_working()).cloned().collect();
    for order in working {
        let (Some(wanted), Some(remaining)) = (left.size(), order.remaining_as_requested()) else { continue };
        if order.is_unanswered() {
            // One change at a time: it is taken back when the one under way is answered.
            continue;
        }
        let released = remaining.min(wanted);
        let released_position = Side::Buy.signed(released);
        drop_unsent(deciding, plan.no, group.no, released, Because::Superseded)?;
        match order.quantity.less(released).filter(|_| released < remaining && deciding.state.profile.amend_down) {
            Some(quantity) => {
                let price = order.price_as_requested();
                let decision = Decision::AmendRequested { quantity, price, because: Because::Superseded };
                deciding.decide(Some(plan.no), Some(order.no), decision)?;
            }
            None => cancel(deciding, plan.no, order.no, Because::Superseded)?,
        }
        taken = deciding.exact(taken.plus(released_position))?;
        left = deciding.exact(left.minus(released_position))?;
    }
    Ok(taken)
}

/// No further entry, and no reduce: unsent slices are dropped, what works is cancelled.
pub(super) fn stop_entering(deciding: &mut Deciding<'_>, no: PlanNo, because: Because) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    for group in plan.groups.iter().filter(|group| group.is_active() && group.action != GroupAction::Close) {
        if let Some(quantity) = deciding.exact(group.outstanding())?.size() {
            drop_unsent(deciding, no, group.no, quantity, because)?;
        }
        let working: Vec<_> = group.own_orders().filter(|order| order.is_working()).map(|order| order.no).collect();
        for order in working {
            cancel(deciding, no, order, because)?;
        }
    }
    Ok(())
}

pub(super) fn drop_unsent(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    group: GroupNo,
    quantity: Quantity,
    because: Because,
) -> Result<(), EngineError> {
    deciding.decide(Some(no), None, Decision::SlicesDropped { group, quantity, because })
}

fn open_group(deciding: &mut Deciding<'_>, plan: &Plan, opening: &Opening) -> Result<(), EngineError> {
    let last = deciding.state.ledger.plan(plan.no).and_then(|plan| plan.groups.last());
    let decision = Decision::GroupOpened {
        group: last.map_or(GroupNo(1), |last| last.no.next()),
        directive: plan.target.directive.clone(),
        action: opening.action,
        algorithm: plan.target.algorithm,
        entry: plan.target.entry,
        quantity: opening.quantity,
    };
    deciding.decide(Some(plan.no), None, decision)
}
