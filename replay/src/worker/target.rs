//! Absolute size (SEMANTICS 3): what is missing from the standing target, and taking back what is too much.

use retrace_core::amount::{Position, Quantity};
use retrace_core::event::{Because, Decision, GroupAction, Idle};
use retrace_core::ids::{GroupNo, PlanNo};
use retrace_core::order::Side;
use retrace_projections::ledger::{Distance, Group, Order, Plan};

use super::{cancel, current_price, snapshot};
use crate::step::{Deciding, EngineError};

/// What a group is opened for.
struct Opening {
    action: GroupAction,
    quantity: Quantity,
}

/// Why a target that was just set leads to nothing; `None` when something follows. `before` is the plan as it was.
pub(super) fn idle(deciding: &Deciding<'_>, before: &Plan, plan: &Plan) -> Result<Option<Idle>, EngineError> {
    let committed = deciding.exact(plan.committed())?;
    let delta = deciding.exact(plan.target.size.minus(committed))?;
    let (missing, price) = match deciding.exact(plan.distance(plan.target.size))? {
        Distance::None if !delta.is_flat() && deciding.exact(plan.instrument.whole_lots(delta))?.is_flat() => {
            return Ok(Some(Idle::BelowLot { delta, lot: plan.instrument.lot }));
        }
        Distance::None if !deciding.exact(plan.is_under_way())? => return Ok(Some(Idle::AlreadySatisfied)),
        Distance::None => {
            let replanned = other_hint(before, plan) && before.target.size == plan.target.size;
            return Ok((!replanned).then_some(Idle::AlreadyWorking));
        }
        Distance::Missing(missing) => {
            (missing, plan.target.entry.limit_price.or_else(|| current_price(deciding, plan)))
        }
        Distance::Excess(excess) => match deciding.exact(plan.reducible(plan.target.size, excess))? {
            Some(reducible) if reducible == excess => (excess, current_price(deciding, plan)),
            // What is not traded yet is taken back, whatever it is worth.
            Some(_) | None => return Ok(None),
        },
    };
    let Some(price) = price else { return Ok(None) };
    let notional = deciding.exact(missing.notional(price))?;
    let minimum = plan.instrument.min_notional;
    Ok((notional < minimum).then_some(Idle::BelowMinNotional { delta, notional, minimum }))
}

/// Whether orders toward the target are now to be placed otherwise than before.
fn other_hint(before: &Plan, plan: &Plan) -> bool {
    let how = |plan: &Plan| (plan.target.algorithm, plan.target.entry, plan.target.end_after);
    how(before) != how(plan)
}

/// Brings the plan's groups to its standing target: a new group for what is missing; what is too much is taken back
/// where it is not traded yet, and reduced where it is.
pub(super) fn approach(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    match deciding.exact(plan.distance(plan.target.size))? {
        Distance::None => Ok(()),
        Distance::Missing(missing) => raise(deciding, &plan, missing),
        Distance::Excess(excess) => lower(deciding, &plan, excess),
    }
}

/// Same target, another hint: what is not traded is taken back, so that [`approach`] plans it again under the new
/// hint, from now; what works at the venue once its end is confirmed. `before` is the plan as it was before the target
/// was set.
pub(super) fn replan(deciding: &mut Deciding<'_>, before: &Plan, plan: &Plan) -> Result<(), EngineError> {
    let stays = matches!(deciding.exact(plan.distance(plan.target.size))?, Distance::None);
    if !stays || before.target.size != plan.target.size || !other_hint(before, plan) {
        return Ok(());
    }
    for group in before.groups.iter().filter(|group| group.is_active() && group.action != GroupAction::Close) {
        if let Some(quantity) = deciding.exact(group.outstanding())?.size() {
            take_back_unsent(deciding, plan.no, group.no, quantity)?;
            // Without a connection what works keeps its terms: nothing can be asked of it.
            if deciding.state.ledger.is_connected() {
                take_back_working(deciding, plan.no, group.no, quantity)?;
            }
        }
    }
    Ok(())
}

/// Away from zero: working reduces are taken back first, so that the plan never trades with itself; then one new group
/// for what is missing.
fn raise(deciding: &mut Deciding<'_>, plan: &Plan, missing: Quantity) -> Result<(), EngineError> {
    let mut left = Some(missing);
    for group in plan.groups.iter().rev().filter(|group| group.is_active() && group.action == GroupAction::Reduce) {
        // Taking back a reduce that was not traded brings the plan up by as much.
        for take in [take_back_unsent, take_back_working] {
            let Some(wanted) = left else { return Ok(()) };
            left = rest(wanted, take(deciding, plan.no, group.no, wanted)?);
        }
    }
    // Nothing is ever entered toward zero: a purchase that paid for its own fee in base may have gone beyond it.
    let Some(missing) = left.filter(|_| !plan.target.size.is_flat() && !plan.target.given_up) else { return Ok(()) };
    let leaving = deciding.state.ledger.plan(plan.no).is_some_and(Plan::is_leaving);
    let price = plan.target.entry.limit_price.or_else(|| current_price(deciding, plan));
    if leaving || !super::large_enough(deciding, &plan.instrument, missing, price)? {
        return Ok(());
    }
    open_group(deciding, plan, &Opening { action: GroupAction::Enter, quantity: missing })
}

/// Toward zero: first what is not traded, newest group first: all unsent slices, then working entries; then a group
/// that reduces what is traded above the target. Never across zero.
fn lower(deciding: &mut Deciding<'_>, plan: &Plan, excess: Quantity) -> Result<(), EngineError> {
    let mut left = Some(excess);
    for take in [take_back_unsent, take_back_working] {
        for group in plan.groups.iter().rev().filter(|group| group.action == GroupAction::Enter) {
            let Some(wanted) = left else { return Ok(()) };
            left = rest(wanted, take(deciding, plan.no, group.no, wanted)?);
        }
    }
    let Some(excess) = left else { return Ok(()) };
    // An entry that still works may fill yet; it is not reduced before it does.
    let Some(now) = snapshot(deciding, plan.no) else { return Ok(()) };
    let Some(quantity) = deciding.exact(now.reducible(now.target.size, excess))? else { return Ok(()) };
    let price = current_price(deciding, plan);
    if plan.target.kept || !super::large_enough(deciding, &plan.instrument, quantity, price)? {
        return Ok(());
    }
    open_group(deciding, plan, &Opening { action: GroupAction::Reduce, quantity })
}

fn rest(wanted: Quantity, taken: Position) -> Option<Quantity> {
    match taken.size() {
        None => Some(wanted),
        Some(taken) => wanted.less(taken),
    }
}

/// Takes up to `wanted` back of what a group has not sent. Answers how much.
fn take_back_unsent(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    group: GroupNo,
    wanted: Quantity,
) -> Result<Position, EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(Position::FLAT) };
    let Some(group) = plan.group(group) else { return Ok(Position::FLAT) };
    let unsent = deciding.exact(group.unsent())?.min(Side::Buy.signed(wanted));
    if let Some(quantity) = unsent.size() {
        drop_unsent(deciding, no, group.no, quantity, Because::Superseded)?;
    }
    Ok(unsent)
}

/// Requests that up to `wanted` of a group's working orders be taken back, newest first. Answers how much.
fn take_back_working(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    group: GroupNo,
    wanted: Quantity,
) -> Result<Position, EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(Position::FLAT) };
    let Some(group) = plan.group(group) else { return Ok(Position::FLAT) };
    let mut outstanding = deciding.exact(group.outstanding())?;
    let mut taken = Position::FLAT;
    let mut left = Some(wanted);
    // One change at a time: what is unanswered is taken back when its answer has come.
    let working: Vec<Order> = group
        .orders
        .own_working()
        .rev()
        .filter(|order| !order.is_unanswered() && !order.is_unknown())
        .cloned()
        .collect();
    for order in working {
        let (Some(wanted), Some(remaining)) = (left, order.remaining()) else { continue };
        // Where it cannot be made smaller it is taken back whole; what of it is wanted is entered again after that.
        let amends = remaining > wanted && deciding.state.profile.amend_down;
        let released = if amends { wanted } else { remaining };
        let dropped = Side::Buy.signed(released).min(outstanding);
        if let Some(quantity) = dropped.size() {
            drop_unsent(deciding, no, group.no, quantity, Because::Superseded)?;
        }
        match order.quantity.less(released).filter(|_| amends) {
            Some(quantity) => {
                let price = order.price_as_requested();
                let decision = Decision::AmendRequested { quantity, price, because: Because::Superseded };
                deciding.decide(Some(no), Some(order.no), decision)?;
            }
            None => cancel(deciding, no, order.no, Because::Superseded)?,
        }
        outstanding = deciding.exact(outstanding.minus(dropped))?;
        taken = deciding.exact(taken.plus(Side::Buy.signed(released)))?;
        left = wanted.less(released);
    }
    Ok(taken)
}

/// No further entry, and no reduce: unsent slices are dropped, what works is cancelled.
pub(super) fn stop_entering(deciding: &mut Deciding<'_>, no: PlanNo, because: Because) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    for group in plan.groups.iter().filter(|group| group.is_active() && group.action != GroupAction::Close) {
        take_back_group(deciding, no, group, because)?;
    }
    Ok(())
}

/// Takes all of a group back that has not traded: what is unsent is dropped, what works is cancelled.
pub(super) fn take_back_group(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    group: &Group,
    because: Because,
) -> Result<(), EngineError> {
    if let Some(quantity) = deciding.exact(group.outstanding())?.size() {
        drop_unsent(deciding, no, group.no, quantity, because)?;
    }
    let working: Vec<_> = group.orders.own_working().map(|order| order.no).collect();
    for order in working {
        cancel(deciding, no, order, because)?;
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
        end_after: plan.target.end_after,
        arrival: current_price(deciding, plan),
    };
    deciding.decide(Some(plan.no), None, decision)
}
