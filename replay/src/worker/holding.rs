//! Protection of several orders, and orders that share a holding (SEMANTICS 4, 5). Where a venue does not amend a stop,
//! what is held is covered by several; where orders may go beyond what is held, or a stop locks it, whatever leaves
//! needs a part of the holding of its own, and protection makes room first.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::event::{Because, Decision};
use retrace_core::exact::Inexact;
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_core::venue::VenueProfile;
use retrace_projections::ledger::{Order, Phase, Plan, is_protection};

use super::{Request, cancel, request, snapshot, trailing};
use crate::step::{Deciding, EngineError};

/// Whether one kind of protection takes this file's path: one order is not simply amended to what is held. A stop without a
/// size is never amended to it.
pub(super) fn is_several(profile: &VenueProfile, role: OrderRole) -> bool {
    !is_size_free(profile, role) && (!profile.amend_up || !profile.amend_down || profile.divides_holding())
}

/// Whether one kind of protection names no quantity.
pub(super) fn is_size_free(profile: &VenueProfile, role: OrderRole) -> bool {
    profile.size_free_stop && role == OrderRole::StopLoss
}

/// What one kind of protection is to be.
pub(super) struct Wanted {
    pub role: OrderRole,
    pub level: Price,
    /// The entry group whose fill is covered.
    pub group: retrace_core::ids::GroupNo,
}

/// The orders of one kind of protection that may still trade: also one that filled before it was made larger, until that
/// is answered.
fn standing(plan: &Plan, role: OrderRole) -> impl Iterator<Item = &Order> {
    plan.open_orders().filter(move |order| order.role == role && order.may_fill())
}

fn sum<'a>(orders: impl Iterator<Item = &'a Order>, part: fn(&Order) -> Option<Quantity>) -> Result<Position, Inexact> {
    orders.filter_map(part).try_fold(Position::FLAT, |sum, left| sum.plus(Side::Buy.signed(left)))
}

/// What is to be covered: what is held, in whole lots, and where the holding is divided without what works to leave it,
/// or is to as soon as there is room.
pub(super) fn staying(deciding: &Deciding<'_>, plan: &Plan) -> Result<Position, Inexact> {
    let held = plan.held_lots()?.map_or(Position::FLAT, |held| Side::Buy.signed(held));
    if !deciding.state.profile.divides_holding() {
        return Ok(held);
    }
    held.minus(sum(super::protection::leaving(plan), Order::remaining_most)?)?.minus(deciding.leaves_next)
}

/// What is held and no working order may trade. Linked exits trade once.
fn free(deciding: &Deciding<'_>, plan: &Plan) -> Result<Position, Inexact> {
    let stops = sum(standing(plan, OrderRole::StopLoss), Order::remaining_most)?;
    let profits = sum(standing(plan, OrderRole::TakeProfit), Order::remaining_most)?;
    let linked = deciding.state.profile.native_oco;
    staying(deciding, plan)?.minus(if linked { stops.max(profits) } else { stops.plus(profits)? })
}

/// Whether an order of `quantity` that leaves may be sent now. Where it needs a part of the holding of its own,
/// protection is taken back by as much first, and the answer to that brings us here again.
pub(super) fn makes_room(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    quantity: Quantity,
    because: Because,
) -> Result<bool, EngineError> {
    if !deciding.state.profile.divides_holding() {
        return Ok(true);
    }
    // Another group's order may have been sent since.
    let Some(plan) = &snapshot(deciding, plan.no) else { return Ok(false) };
    let wanted = Side::Buy.signed(quantity);
    if deciding.exact(free(deciding, plan))? >= wanted {
        return Ok(true);
    }
    // An exit that the venue knows no more has traded or ended, and that is still to be told: until then the other one
    // stays as it is.
    if plan.open_orders().any(|order| is_protection(order.role) && order.is_unknown()) {
        return Ok(false);
    }
    if deciding.exact(staying(deciding, plan))? < wanted {
        // Another order that leaves has that part: protection waits for its end, too.
        return Ok(false);
    }
    // Until it is there, what one kind of protection has given up is not taken back by the other.
    deciding.leaves_next = deciding.exact(deciding.leaves_next.plus(wanted))?;
    let rest = deciding.exact(staying(deciding, plan))?;
    for role in [OrderRole::TakeProfit, OrderRole::StopLoss] {
        fit_down(deciding, plan, role, rest, because)?;
    }
    Ok(false)
}

/// Takes protection of one kind back to `wanted` where it comes to more; nothing while a change of it is under way.
pub(super) fn fit_down(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    role: OrderRole,
    wanted: Position,
    because: Because,
) -> Result<(), EngineError> {
    let Some(mut orders) = settled(deciding, plan, role) else { return Ok(()) };
    let covered = deciding.exact(sum(orders.iter(), Order::remaining))?;
    let mut excess = deciding.exact(covered.minus(wanted.max(Position::FLAT)))?;
    // The smallest first, so that most stays covered.
    orders.sort_by_key(|order| (order.remaining(), order.no));
    for order in orders {
        let (Some(left), true) = (order.remaining(), excess > Position::FLAT) else { break };
        let less = excess.size().filter(|_| deciding.state.profile.amend_down);
        match less.and_then(|less| left.less(less).and_then(|_| order.quantity.less(less))) {
            Some(quantity) => {
                let price = order.terms.trigger().and_then(|level| trailing::amended(&order, level));
                let decision = Decision::AmendRequested { quantity, price, because };
                deciding.decide(Some(plan.no), Some(order.no), decision)?;
                return Ok(());
            }
            None => cancel(deciding, plan.no, order.no, because)?,
        }
        excess = deciding.exact(excess.minus(Side::Buy.signed(left)))?;
    }
    Ok(())
}

/// The working orders of one kind of protection; `None` while one of them has a change under way, or is not known any
/// more.
fn settled(deciding: &Deciding<'_>, plan: &Plan, role: OrderRole) -> Option<Vec<Order>> {
    let now = snapshot(deciding, plan.no)?;
    let orders: Vec<Order> = standing(&now, role).cloned().collect();
    let settled = |order: &Order| order.is_working() && !order.is_unanswered() && !order.is_unknown();
    orders.iter().all(settled).then_some(orders)
}

/// Whether a stop or take profit is to be placed, and how large: more stays than is covered, and nothing is under way.
pub(super) fn missing(deciding: &Deciding<'_>, plan: &Plan, role: OrderRole) -> Result<Option<Quantity>, EngineError> {
    let Some(orders) = settled(deciding, plan, role) else { return Ok(None) };
    let covered = deciding.exact(sum(orders.iter(), Order::remaining))?;
    let missing = deciding.exact(staying(deciding, plan).and_then(|staying| staying.minus(covered)))?;
    Ok(missing.size().filter(|_| missing > Position::FLAT))
}

/// Brings the orders of one kind of protection to what stays, at their level: each is moved; what is too much is taken
/// back; what is missing is added to the newest where the venue amends upward, else covered by one more, and where the
/// venue takes no more of them the smallest makes place for a larger one.
pub(super) fn fit(deciding: &mut Deciding<'_>, plan: &Plan, wanted: &Wanted) -> Result<(), EngineError> {
    let Some(orders) = settled(deciding, plan, wanted.role) else { return Ok(()) };
    let moved: Vec<&Order> = orders.iter().filter(|order| trailing::is_moved(order, wanted.level)).collect();
    for order in &moved {
        let (quantity, price) = (order.quantity, Some(wanted.level));
        let decision = Decision::AmendRequested { quantity, price, because: Because::Directive };
        deciding.decide(Some(plan.no), Some(order.no), decision)?;
    }
    if !moved.is_empty() {
        return Ok(());
    }
    let Some(missing) = missing(deciding, plan, wanted.role)? else {
        let staying = deciding.exact(staying(deciding, plan))?;
        return fit_down(deciding, plan, wanted.role, staying, Because::Fill);
    };
    if let Some(newest) = orders.last().filter(|_| deciding.state.profile.amend_up) {
        let whole = deciding.exact(Side::Buy.signed(newest.quantity).plus(Side::Buy.signed(missing)))?;
        let Some(quantity) = whole.size() else { return Ok(()) };
        let price = trailing::amended(newest, wanted.level);
        let decision = Decision::AmendRequested { quantity, price, because: Because::Fill };
        return deciding.decide(Some(plan.no), Some(newest.no), decision);
    }
    let terms = if wanted.role == OrderRole::StopLoss {
        super::patience::stop_terms(deciding, plan, wanted.level)
    } else {
        OrderTerms::TakeProfit { trigger: wanted.level }
    };
    if !super::large_enough(deciding, &plan.instrument, missing, terms.trigger())? {
        return Ok(());
    }
    if wanted.role == OrderRole::StopLoss && !orders.is_empty() && !takes_one_more(deciding, plan) {
        let smallest = orders.iter().min_by_key(|order| (order.remaining(), order.no));
        return smallest.map_or(Ok(()), |order| cancel(deciding, plan.no, order.no, Because::Consolidating));
    }
    let profile = &deciding.state.profile;
    if profile.divides_holding()
        && !profile.native_oco
        && deciding.exact(free(deciding, plan))? < Side::Buy.signed(missing)
    {
        return Ok(());
    }
    place(deciding, plan, wanted, terms, missing)
}

fn place(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    wanted: &Wanted,
    terms: OrderTerms,
    quantity: Quantity,
) -> Result<(), EngineError> {
    let is_stop = wanted.role == OrderRole::StopLoss;
    // It takes the place of one that was taken back for it, with what has come since.
    let last = plan.side_orders().rfind(|order| order.role == wanted.role && !order.is_working());
    let alone = plan.working(wanted.role).next().is_none();
    let takes_over = |last: &Order| last.status == OrderStatus::Canceled && (alone || last.quantity <= quantity);
    let replaces = last.is_some_and(takes_over);
    let because = match plan.phase {
        Phase::Closing(_) => Because::Closing,
        Phase::Standing | Phase::StoppedOut | Phase::Reopened { .. } | Phase::Closed { .. } if is_stop && replaces => {
            Because::Consolidating
        }
        Phase::Standing | Phase::StoppedOut | Phase::Reopened { .. } | Phase::Closed { .. } => Because::Fill,
    };
    let order = Request {
        group: wanted.group,
        role: wanted.role,
        terms,
        quantity,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        slice: plan.count(wanted.role),
        attempt: 0,
        because,
    };
    request(deciding, plan, order)
}

/// Whether the venue takes one more stop in the plan's symbol.
fn takes_one_more(deciding: &Deciding<'_>, plan: &Plan) -> bool {
    let Some(max) = deciding.state.profile.max_stops else { return true };
    let plans = deciding.state.ledger.plans().filter(|other| other.symbol() == plan.symbol());
    plans.map(|other| other.working(OrderRole::StopLoss).count()).sum::<usize>() < usize::from(max)
}

/// What of `quantity` no order that leaves may trade, when what a stop left behind is flattened: a cancel that may come
/// too late counts as not made.
pub(super) fn uncovered(deciding: &Deciding<'_>, plan: &Plan) -> Result<Position, EngineError> {
    let stops = deciding.exact(sum(standing(plan, OrderRole::StopLoss), Order::remaining_most))?;
    let profits = deciding.exact(sum(standing(plan, OrderRole::TakeProfit), Order::remaining_most))?;
    deciding
        .exact(staying(deciding, plan).and_then(|staying| staying.minus(stops)).and_then(|rest| rest.minus(profits)))
}

/// Why a part of what is held is not covered, when nothing else explains it.
pub(super) fn cause(deciding: &Deciding<'_>, plan: &Plan, uncovered: Position) -> Result<Because, EngineError> {
    let profile = &deciding.state.profile;
    if profile.divides_holding() {
        if matches!(plan.phase, Phase::Closing(_)) {
            return Ok(Because::Closing);
        }
        if plan.is_leaving() || !deciding.leaves_next.is_flat() {
            return Ok(Because::Reducing);
        }
    }
    let worth = match (uncovered.size(), plan.exits.stop) {
        (Some(quantity), Some(level)) => {
            let level = trailing::start(deciding, plan, level);
            super::large_enough(deciding, &plan.instrument, quantity, Some(level))?
        }
        (None, _) | (_, None) => false,
    };
    Ok(if worth && is_several(profile, OrderRole::StopLoss) {
        Because::Consolidating
    } else {
        Because::BelowMinNotional
    })
}
