//! The risk gate (SEMANTICS 10): a pure step before every order that enters or reduces, and before every change that
//! makes one larger or moves its price. Protection, closes, flattening and compensation are never judged.

mod cash;
mod exposure;

use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::directive::Algorithm;
use retrace_core::event::{
    AfterRefusal, Because, Decision, OperatorCommand, OperatorCommanded, OrderRefused, RiskRefusal, Switch,
    TimerPurpose,
};
use retrace_core::exact;
use retrace_core::ids::{GroupNo, PlanNo, TimerId};
use retrace_core::order::{OrderRole, Side};
use retrace_core::time::Span;
use retrace_projections::ledger::{Group, Order, Phase, Plan};

use super::{Request, converge, current_price, schedule, snapshot, target};
use crate::step::{Deciding, EngineError};

/// Carries out what the operator ordered.
pub(crate) fn obey(deciding: &mut Deciding<'_>, commanded: &OperatorCommanded) -> Result<(), EngineError> {
    match commanded.command {
        OperatorCommand::KillSwitch(Switch::On) => {
            let standing = deciding.state.ledger.plans().filter(|plan| plan.phase == Phase::Standing);
            let standing: Vec<PlanNo> = standing.map(|plan| plan.no).collect();
            standing.into_iter().try_for_each(|no| converge(deciding, no))
        }
        // What was taken back is not sent again before a directive states its target again.
        OperatorCommand::KillSwitch(Switch::Off) => Ok(()),
    }
}

/// While the kill switch is on: nothing more is sent that enters or reduces, and what works of it is cancelled, as soon
/// as it can be.
pub(super) fn hold(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    if deciding.state.ledger.kill_switch().is_none() {
        return Ok(());
    }
    target::stop_entering(deciding, no, Because::KillSwitch)
}

/// Whether the gate judges orders of this role.
const fn is_judged(role: OrderRole) -> bool {
    match role {
        OrderRole::Entry | OrderRole::Reduce => true,
        OrderRole::Close
        | OrderRole::StopLoss
        | OrderRole::TakeProfit
        | OrderRole::Flatten
        | OrderRole::Compensation => false,
    }
}

/// The first limit that `request` would break, if any. Limits that pass with time are judged last, so that what would
/// be refused anyway does not wait first.
pub(super) fn judge(
    deciding: &Deciding<'_>,
    plan: &Plan,
    side: Side,
    request: &Request,
) -> Result<Option<RiskRefusal>, EngineError> {
    judge_size(
        deciding,
        plan,
        request.role,
        Size { side, quantity: request.quantity, price: request.terms.limit_price() },
    )
}

/// Whether an order of a group would be refused if it were requested now: protection makes no room for such a one.
pub(super) fn refuses(
    deciding: &Deciding<'_>,
    plan: &Plan,
    group: &Group,
    quantity: Quantity,
    price: Option<Price>,
) -> Result<bool, EngineError> {
    let side = group.side(plan.direction);
    Ok(judge_size(deciding, plan, group.role(), Size { side, quantity, price })?.is_some())
}

fn judge_size(
    deciding: &Deciding<'_>,
    plan: &Plan,
    role: OrderRole,
    size: Size,
) -> Result<Option<RiskRefusal>, EngineError> {
    if !is_judged(role) {
        return Ok(None);
    }
    let ledger = &deciding.state.ledger;
    if let Some(switch) = ledger.kill_switch() {
        return Ok(Some(RiskRefusal::KillSwitch { since: switch.since }));
    }
    let limits = &deciding.state.policy.risk;
    if let Some(refusal) = too_large(deciding, plan, size)? {
        return Ok(Some(refusal));
    }
    if let Some(refusal) = too_far(deciding, plan, size)? {
        return Ok(Some(refusal));
    }
    if let Some(refusal) = exposure::too_exposed(deciding, plan, size)? {
        return Ok(Some(refusal));
    }
    if let Some(refusal) = cash::too_dear(deciding, plan, role, size)? {
        return Ok(Some(refusal));
    }
    if let Some(limit) = limits.max_open_orders {
        let working = ledger.plans().flat_map(Plan::open_orders).filter(|order| order.is_working());
        let open = u32::try_from(working.count()).unwrap_or(u32::MAX);
        if open >= limit {
            return Ok(Some(RiskRefusal::OpenOrders { open, limit }));
        }
    }
    Ok(limits.max_orders_per_minute.and_then(|limit| too_many(deciding, limit)))
}

/// What other changes of one directive come to, those of orders that leave or of those that enter.
#[derive(Clone, Copy, Default)]
pub(super) struct Besides {
    /// By how much orders grow.
    more: Position,
    /// By how much more of the account's cash they keep.
    cash: Money,
}

impl Besides {
    /// With one change more: of `order`, to a quantity and a price of its own.
    pub(super) fn with(
        self,
        deciding: &Deciding<'_>,
        plan: &Plan,
        order: &Order,
        quantity: Quantity,
        price: Option<Price>,
    ) -> Result<Self, EngineError> {
        let more = quantity.less(order.quantity).map_or(Position::FLAT, |more| Side::Buy.signed(more));
        let cash = cash::grows_by(deciding, plan, order, Size::of_change(order, quantity, price))?;
        Ok(Self { more: deciding.exact(self.more.plus(more))?, cash: deciding.exact(self.cash.plus(cash))? })
    }
}

/// The first limit that a change of a working order would break, if any, besides other changes of one directive. A change
/// that makes it smaller and leaves its price as it is breaks none; none is an order more.
pub(super) fn judge_change(
    deciding: &Deciding<'_>,
    plan: &Plan,
    order: &Order,
    quantity: Quantity,
    price: Option<Price>,
    besides: Besides,
) -> Result<Option<RiskRefusal>, EngineError> {
    let moves = price.is_some() && price != order.price_as_requested();
    let more = quantity.less(order.quantity);
    if !is_judged(order.role) || (!moves && more.is_none()) {
        return Ok(None);
    }
    if let Some(switch) = deciding.state.ledger.kill_switch() {
        return Ok(Some(RiskRefusal::KillSwitch { since: switch.since }));
    }
    let whole = Size::of_change(order, quantity, price);
    if let Some(refusal) = too_large(deciding, plan, whole)? {
        return Ok(Some(refusal));
    }
    if moves && let Some(refusal) = too_far(deciding, plan, whole)? {
        return Ok(Some(refusal));
    }
    // What it is now counts among what works already.
    if let Some(more) = more {
        let added = deciding.exact(besides.more.plus(Side::Buy.signed(more)))?;
        if let Some(quantity) = added.size()
            && let Some(refusal) = exposure::too_exposed(deciding, plan, Size { quantity, ..whole })?
        {
            return Ok(Some(refusal));
        }
    }
    cash::change_too_dear(deciding, plan, order, whole, besides.cash)
}

/// An order's size, as limits see it.
#[derive(Clone, Copy)]
struct Size {
    side: Side,
    quantity: Quantity,
    /// Its own price; `None` at market.
    price: Option<Price>,
}

impl Size {
    /// An order of that quantity from now on, and at that price, where it is given another.
    fn of_change(order: &Order, quantity: Quantity, price: Option<Price>) -> Self {
        Self { side: order.side, quantity, price: price.or(order.terms.limit_price()) }
    }
}

/// By how much one order may trade, and for how much.
fn too_large(deciding: &Deciding<'_>, plan: &Plan, size: Size) -> Result<Option<RiskRefusal>, EngineError> {
    let limits = &deciding.state.policy.risk;
    let quantity = size.quantity;
    let own = limits.symbols.iter().find(|limits| limits.symbol == *plan.symbol());
    if let Some(limit) = own.and_then(|own| own.max_order_quantity)
        && quantity > limit
    {
        return Ok(Some(RiskRefusal::OrderQuantity { quantity, limit }));
    }
    let Some(limit) = limits.max_order_notional else { return Ok(None) };
    let Some(price) = size.price.or_else(|| current_price(deciding, plan)) else { return Ok(Some(no_price(plan))) };
    let notional = deciding.exact(quantity.notional(price))?;
    Ok((notional > limit).then_some(RiskRefusal::OrderNotional { notional, price, limit }))
}

/// How far its price may stand from the current one; an order at market stands nowhere else.
fn too_far(deciding: &Deciding<'_>, plan: &Plan, size: Size) -> Result<Option<RiskRefusal>, EngineError> {
    let (Some(limit), Some(price)) = (deciding.state.policy.risk.price_collar, size.price) else { return Ok(None) };
    let Some(current_price) = current_price(deciding, plan) else { return Ok(Some(no_price(plan))) };
    let distance = deciding.exact(exact::sub(price.value(), current_price.value()))?.abs();
    let allowed = deciding.exact(exact::mul(current_price.value(), limit))?;
    Ok((distance > allowed).then_some(RiskRefusal::PriceCollar { price, current_price, limit }))
}

fn no_price(plan: &Plan) -> RiskRefusal {
    RiskRefusal::NoPrice { symbol: plan.symbol().clone() }
}

/// How many orders may be requested within a minute. Those that wait already go first.
fn too_many(deciding: &Deciding<'_>, limit: u32) -> Option<RiskRefusal> {
    const MINUTE: Span = Span::from_seconds(60);
    let ledger = &deciding.state.ledger;
    let lately: Vec<_> = ledger.requests_before(deciding.time).collect();
    if lately.len() < limit as usize {
        return None;
    }
    let waiting = ledger.waiting_for_room();
    let leaves = lately.get(waiting.checked_rem(lately.len())?)?;
    let rounds = waiting.checked_div(lately.len())?;
    let room_at = (0..=rounds).fold(*leaves, |at, _| at.plus(MINUTE));
    Some(RiskRefusal::OrdersPerMinute { limit, room_at })
}

/// Records that the gate did not let `request` through, and decides what follows.
pub(super) fn refuse(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    side: Side,
    request: &Request,
    refusal: RiskRefusal,
) -> Result<(), EngineError> {
    let Some(group) = plan.group(request.group) else { return Ok(()) };
    // Each layer stands for itself: the next may stand nearer to the price.
    let alone = matches!(group.algorithm, Algorithm::Layered(_)) && !matches!(refusal, RiskRefusal::KillSwitch { .. });
    let given_up = alone.then_some(request.quantity);
    let then = match &refusal {
        // Time alone makes room.
        RiskRefusal::OrdersPerMinute { .. } => AfterRefusal::WaitsForRoom,
        // The operator decides, or the order would only be larger with what it left.
        RiskRefusal::KillSwitch { .. } | RiskRefusal::OrderQuantity { .. } | RiskRefusal::OrderNotional { .. } => {
            AfterRefusal::GivenUp
        }
        // What else the account does may have changed by the next slice.
        RiskRefusal::Position { .. }
        | RiskRefusal::AccountPosition { .. }
        | RiskRefusal::PriceCollar { .. }
        | RiskRefusal::OpenOrders { .. }
        | RiskRefusal::NoPrice { .. }
        | RiskRefusal::InsufficientCash { .. } => match schedule::next_slice(deciding, plan.no, group) {
            Some(_) => AfterRefusal::NextSlice,
            None => AfterRefusal::GivenUp,
        },
    };
    let (room_at, because) = match &refusal {
        RiskRefusal::OrdersPerMinute { room_at, .. } => (Some(*room_at), Because::RiskGate),
        RiskRefusal::KillSwitch { .. } => (None, Because::KillSwitch),
        RiskRefusal::OrderQuantity { .. }
        | RiskRefusal::OrderNotional { .. }
        | RiskRefusal::Position { .. }
        | RiskRefusal::AccountPosition { .. }
        | RiskRefusal::PriceCollar { .. }
        | RiskRefusal::OpenOrders { .. }
        | RiskRefusal::NoPrice { .. }
        | RiskRefusal::InsufficientCash { .. } => (None, Because::RiskGate),
    };
    let Request { group, role, terms, quantity, slice, .. } = *request;
    let refused = OrderRefused { group, role, side, terms, quantity, slice, refusal, then };
    deciding.decide(Some(plan.no), None, Decision::OrderRefused(refused))?;
    if let Some(due) = room_at.filter(|_| room_timers(deciding, plan.no, group).is_empty()) {
        let timer = deciding.state.ledger.next_timer();
        let purpose = TimerPurpose::Room { group };
        deciding.decide(Some(plan.no), None, Decision::TimerSet { timer, due, purpose })?;
    }
    if then == AfterRefusal::GivenUp {
        let unsent = snapshot(deciding, plan.no).and_then(|plan| Some(plan.group(group)?.unsent()));
        let unsent = unsent.map(|unsent| deciding.exact(unsent)).transpose()?.and_then(Position::size);
        if let Some(quantity) = unsent.map(|unsent| given_up.map_or(unsent, |given_up| unsent.min(given_up))) {
            target::drop_unsent(deciding, plan.no, group, quantity, because)?;
        }
    }
    Ok(())
}

/// The timers that wait for room for an order of a group.
pub(super) fn room_timers(deciding: &Deciding<'_>, no: PlanNo, group: GroupNo) -> Vec<TimerId> {
    let waits = |purpose: TimerPurpose| purpose == TimerPurpose::Room { group };
    deciding.state.ledger.timers_of(no).filter(|(_, timer)| waits(timer.purpose)).map(|(id, _)| id).collect()
}
