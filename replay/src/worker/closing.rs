//! Closing a plan on request (SEMANTICS 5), and flattening what a stop left behind.

mod slices;

use retrace_core::amount::{Position, Quantity};
use retrace_core::directive::{Algorithm, EntryTerms, OnLimit, WhenLimitHolds};
use retrace_core::event::{Because, Decision, GroupAction, TimerPurpose, VenueReason};
use retrace_core::ids::{GroupNo, PlanNo, TimerId};
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_projections::ledger::{Closing, Fill, Group, Order, Phase, Plan};

use super::{REJECT_RETRIES, Request, cancel, current_price, holding, patience, request, snapshot, target};
use crate::step::{Deciding, EngineError};

pub(super) use slices::{is_superseded, order_of_ends};

/// Sells (or buys back) what a closing plan holds, try by try.
pub(super) fn close(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let Phase::Closing(closing) = &plan.phase else { return Ok(()) };
    let trying = plan.working(OrderRole::Close).next().is_some();
    if closing.waiting || closing.gave_up || trying || is_dust(deciding, &plan)? {
        return Ok(());
    }
    let Some(held) = deciding.exact(plan.held_lots())? else { return Ok(()) };
    let open = plan.groups.iter().find(|group| group.is_active() && group.action == GroupAction::Close);
    // Another schedule begins when the end of the older one is recorded.
    if open.is_some_and(|group| is_superseded(&plan, group)) {
        return Ok(());
    }
    if plan.close_group().is_none()
        && let Some(twap) = slices::of(deciding, &plan, closing, held)?
    {
        return open_group(deciding, &plan, closing, held, Algorithm::Twap(twap)).map(|_| ());
    }
    let Some(quantity) = unsold(deciding, &plan, held)? else { return Ok(()) };
    if let Some(group) = open.filter(|_| plan.closes_in_slices()) {
        return slices::send(deciding, &plan, group, quantity);
    }
    let terms = match next_try(&plan, closing) {
        Try::Now(terms) => terms,
        Try::Later => {
            let timer = deciding.state.ledger.next_timer();
            let due = deciding.time.plus(closing.on_limit.retry);
            let decision = Decision::TimerSet { timer, due, purpose: TimerPurpose::CloseRetry };
            return deciding.decide(Some(no), None, decision);
        }
        Try::Never => {
            let decision = Decision::CloseGaveUp { tries: closing.tries, held: plan.held() };
            return deciding.decide(Some(no), None, decision);
        }
    };
    if !holding::makes_room(deciding, &plan, quantity, Because::Closing)? {
        return Ok(());
    }
    let (group, last_slice) = match open {
        Some(group) => (group.no, group.slices().saturating_sub(1)),
        None => (open_group(deciding, &plan, closing, quantity, Algorithm::Single)?, 0),
    };
    let because = match (closing.tries, last_slice) {
        (0, 0) => Because::Directive,
        (0, _) => Because::SliceDue,
        _ => Because::LimitHeld,
    };
    send(deciding, &plan, group, last_slice, (terms, quantity, because))
}

/// What of `held` no stop has sold that ended, as the venue said, before all of its fills are told: nothing is sold in
/// their place. `None` where that is all of it.
fn unsold(deciding: &Deciding<'_>, plan: &Plan, held: Quantity) -> Result<Option<Quantity>, EngineError> {
    let mut left = Side::Buy.signed(held);
    for stop in plan.working(OrderRole::StopLoss).filter(|stop| stop.owes_fills()) {
        left = deciding.exact(left.minus(stop.missing_fill()))?;
    }
    Ok(left.size().filter(|_| left > Position::FLAT))
}

fn open_group(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    closing: &Closing,
    quantity: Quantity,
    algorithm: Algorithm,
) -> Result<GroupNo, EngineError> {
    let group = plan.groups.last().map_or(GroupNo(1), |last| last.no.next());
    let decision = Decision::GroupOpened {
        group,
        directive: closing.directive.clone(),
        action: GroupAction::Close,
        algorithm,
        entry: EntryTerms { limit_price: closing.price_limit, ..EntryTerms::MARKET },
        quantity,
        end_after: None,
        arrival: current_price(deciding, plan),
    };
    deciding.decide(Some(plan.no), None, decision)?;
    Ok(group)
}

/// Requests one order of a close, as slice `slice` of its group: what it is, how much, and why.
fn send(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    group: GroupNo,
    slice: u32,
    (terms, quantity, because): (OrderTerms, Quantity, Because),
) -> Result<(), EngineError> {
    let limited = terms != OrderTerms::Market;
    // Counted in the group, not in the close: a newer CLOSE goes on in the same group, and ids never repeat.
    let sent = plan.group(group).map_or(0, |group| group.orders.own_count());
    let order = Request {
        group,
        role: OrderRole::Close,
        terms,
        quantity,
        time_in_force: if limited { TimeInForce::Ioc } else { TimeInForce::Gtc },
        post_only: false,
        slice,
        attempt: u32::try_from(sent).unwrap_or(u32::MAX),
        because,
    };
    request(deciding, plan, order)
}

enum Try {
    Now(OrderTerms),
    Later,
    Never,
}

/// What the next try of a close is.
fn next_try(plan: &Plan, closing: &Closing) -> Try {
    let Some(price) = closing.price_limit else {
        let closes = plan.groups.iter().rfind(|group| group.action == GroupAction::Close);
        let last = closes.and_then(|group| group.orders.own_last());
        let rejected = last.is_some_and(|order| order.status == OrderStatus::Rejected);
        return if rejected && closing.tries > REJECT_RETRIES { Try::Never } else { Try::Now(OrderTerms::Market) };
    };
    if closing.tries == 0 {
        return Try::Now(OrderTerms::Limit { price });
    }
    if closing.tries >= closing.on_limit.tries {
        return match closing.on_limit.then {
            WhenLimitHolds::HoldProtected => Try::Never,
            WhenLimitHolds::Market if closing.tries > closing.on_limit.tries.saturating_add(REJECT_RETRIES) => {
                Try::Never
            }
            WhenLimitHolds::Market => Try::Now(OrderTerms::Market),
        };
    }
    if closing.pauses < closing.tries { Try::Later } else { Try::Now(OrderTerms::Limit { price }) }
}

/// After a stop-out: sells (or buys back) at market what no stop covers any more.
pub(super) fn flatten(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(mut plan) = snapshot(deciding, no) else { return Ok(()) };
    let Some(held) = deciding.exact(plan.held_lots())? else { return Ok(()) };
    // A stop that traded ended a close in slices: what it left is not kept for the next stop, which stands at another level.
    if was_closing(&plan) {
        let rests = |stop: &&Order| stop.fills.is_empty() && !stop.set_off;
        let resting = plan.working(OrderRole::StopLoss).filter(rests);
        for stop in resting.map(|stop| stop.no).collect::<Vec<_>>() {
            cancel(deciding, no, stop, Because::Closing)?;
        }
        let Some(now) = snapshot(deciding, no) else { return Ok(()) };
        plan = now;
    }
    let mut uncovered = Side::Buy.signed(held);
    let sells = |role| matches!(role, OrderRole::StopLoss | OrderRole::Flatten | OrderRole::Close);
    // What went across zero is flattened the other way: such an order covers nothing.
    let leaves = |order: &&Order| sells(order.role) && order.side == plan.direction.opposite();
    for order in plan.open_orders().filter(leaves) {
        if let Some(remaining) = order.remaining_as_requested() {
            uncovered = deciding.exact(uncovered.minus(Side::Buy.signed(remaining)))?;
        }
    }
    if deciding.state.profile.divides_holding() {
        uncovered = holding::uncovered(deciding, &plan)?;
    }
    let Some(quantity) = uncovered.size().filter(|_| Side::of(uncovered) == Some(Side::Buy)) else { return Ok(()) };
    // A part too small for an order of its own waits for the rest, or is dust in the end.
    let small = !super::large_enough(deciding, &plan.instrument, quantity, current_price(deciding, &plan))?;
    if small || is_dust(deciding, &plan)? || pauses(deciding, &plan, quantity)? {
        return Ok(());
    }
    sell_at_market(deciding, &plan, quantity, why_flattened(&plan))
}

/// Whether a directive closes it, whatever its stop has done since.
fn was_closing(plan: &Plan) -> bool {
    plan.groups.iter().any(|group| group.is_active() && group.action == GroupAction::Close)
}

/// Why what a plan holds is flattened instead of protected.
pub(super) fn why_flattened(plan: &Plan) -> Because {
    // By the order in which they were told: the first of a stop, the last of an entry.
    let booked = |role| plan.orders().filter(move |order| order.role == role).flat_map(|order| &order.fills);
    let stopped = booked(OrderRole::StopLoss).map(Fill::place).min();
    let entered = booked(OrderRole::Entry).map(Fill::place).max();
    let entered_late = stopped.is_some() && entered > stopped || plan.side_orders().any(Order::is_done);
    let stop_refused = plan.side_orders().any(|order| order.role == OrderRole::StopLoss && order.reason.is_some());
    // What fills after a plan has ended came too late, as what fills after its stop.
    let late = entered_late || matches!(plan.phase, Phase::Reopened { .. });
    match (late, stop_refused) {
        _ if patience::gave_out(plan) => Because::PatienceOver,
        (false, _) if stopped.is_some() && was_closing(plan) => Because::Closing,
        (true, _) => Because::LateEntry,
        (false, true) => Because::StopLost,
        (false, false) => Because::StopAlreadyPassed,
    }
}

/// Whether flattening `quantity` pauses: the venue refused it once too often, or has nothing to flatten, so that what it
/// holds is not what we know and the report that tells why is on its way. A timer is set for the next try: what is to
/// be flat is never given up, and a venue that always refuses is not asked without end.
fn pauses(deciding: &mut Deciding<'_>, plan: &Plan, quantity: Quantity) -> Result<bool, EngineError> {
    let flattening = || plan.side_orders().filter(|order| order.role == OrderRole::Flatten);
    let is_refused = |order: &&Order| match order.status {
        OrderStatus::Rejected => true,
        OrderStatus::Expired => order.reason == Some(VenueReason::NothingToReduce) && order.quantity == quantity,
        OrderStatus::Pending
        | OrderStatus::Open
        | OrderStatus::PartiallyFilled
        | OrderStatus::Filled
        | OrderStatus::Canceled => false,
    };
    let taken = flattening().filter(|order| !is_refused(order)).map(|order| order.no).max();
    let refused = flattening().filter(is_refused).filter(|order| Some(order.no) > taken).count();
    let refused = u32::try_from(refused).unwrap_or(u32::MAX);
    if refused <= REJECT_RETRIES {
        return Ok(false);
    }
    if !retry_timers(deciding, plan.no).is_empty() {
        return Ok(true);
    }
    if refused <= REJECT_RETRIES.saturating_add(plan.flatten_pauses) {
        return Ok(false);
    }
    let timer = deciding.state.ledger.next_timer();
    let due = deciding.time.plus(OnLimit::default().retry);
    deciding.decide(Some(plan.no), None, Decision::TimerSet { timer, due, purpose: TimerPurpose::CloseRetry })?;
    Ok(true)
}

/// Buys back (or sells again) what went across zero, because the venue filled an order beyond its quantity. While there
/// is a target to come to, that is done by coming to it.
pub(super) fn bring_back(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let Some(crossed) = deciding.exact(plan.crossed_lots())?.filter(|_| plan.target.size.is_flat()) else {
        return Ok(());
    };
    // A stop without a size trades what the venue holds: an entry's fill that it traded with may be told after its own.
    let size_free = |order: &Order| order.is_size_free() && !order.fills.is_empty();
    if plan.side_orders().any(size_free) && plan.open_orders().next().is_some() {
        return target::stop_entering(deciding, no, Because::Superseded);
    }
    target::stop_entering(deciding, no, Because::Superseded)?;
    // What enters until its cancel is answered brings it back by itself.
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let under_way = plan
        .open_orders()
        .any(|order| order.is_working() && matches!(order.role, OrderRole::Flatten | OrderRole::Entry));
    let price = current_price(deciding, &plan);
    if under_way
        || !super::large_enough(deciding, &plan.instrument, crossed, price)?
        || pauses(deciding, &plan, crossed)?
    {
        return Ok(());
    }
    sell_at_market(deciding, &plan, crossed, Because::Fill)
}

/// Whether a take profit took all there was to take: the target is zero by its fills, and it works no more. What a batch
/// takes back is sold by that alone.
pub(super) fn took_all(plan: &Plan) -> bool {
    let took = matches!(plan.filled_last(), Some(OrderRole::TakeProfit | OrderRole::Flatten));
    took && plan.rollback.is_none()
        && plan.target.size.is_flat()
        && plan.has_filled(OrderRole::TakeProfit)
        && plan.working(OrderRole::TakeProfit).next().is_none()
}

/// What a take profit that took all left behind, because its own fee was taken in base: at market, so that the plan can
/// end.
pub(super) fn take_rest(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    let busy = plan.groups.iter().any(Group::is_active) || plan.working(OrderRole::Flatten).next().is_some();
    if busy || !took_all(&plan) || is_dust(deciding, &plan)? {
        return Ok(());
    }
    let Some(quantity) = deciding.exact(plan.held_lots())? else { return Ok(()) };
    if pauses(deciding, &plan, quantity)? || !holding::makes_room(deciding, &plan, quantity, Because::TookProfit)? {
        return Ok(());
    }
    sell_at_market(deciding, &plan, quantity, Because::TookProfit)
}

/// Sells (or buys back) `quantity` at market, as a child of the newest entry group.
fn sell_at_market(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    quantity: Quantity,
    because: Because,
) -> Result<(), EngineError> {
    let entry = plan.groups.iter().rfind(|group| group.action == GroupAction::Enter);
    let Some(group) = entry.map(|group| group.no) else { return Ok(()) };
    let order = Request {
        group,
        role: OrderRole::Flatten,
        terms: OrderTerms::Market,
        quantity,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        slice: plan.count(OrderRole::Flatten),
        attempt: 0,
        because,
    };
    request(deciding, plan, order)
}

/// The timers that wait for the next try of a close.
pub(super) fn retry_timers(deciding: &Deciding<'_>, no: PlanNo) -> Vec<TimerId> {
    let timers = deciding.state.ledger.timers_of(no);
    timers.filter(|(_, timer)| timer.purpose == TimerPurpose::CloseRetry).map(|(id, _)| id).collect()
}

/// Whether what is held is too little to be traded: below a lot, or below the minimum notional at the current price.
/// What a stop that has begun to trade still sells is not given up.
pub(super) fn is_dust(deciding: &Deciding<'_>, plan: &Plan) -> Result<bool, EngineError> {
    if let Some(crossed) = deciding.exact(plan.crossed_lots())?
        && super::large_enough(deciding, &plan.instrument, crossed, current_price(deciding, plan))?
    {
        return Ok(false);
    }
    let Some(held) = deciding.exact(plan.held_lots())? else { return Ok(true) };
    if plan.working(OrderRole::StopLoss).any(|stop| !stop.fills.is_empty()) {
        return Ok(false);
    }
    Ok(!super::large_enough(deciding, &plan.instrument, held, current_price(deciding, plan))?)
}
