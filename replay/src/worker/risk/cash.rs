//! Buying power (SEMANTICS 7): what an order that enters takes of the account's cash, and what of that is free.

use retrace_core::amount::{Money, Position, Price};
use retrace_core::event::RiskRefusal;
use retrace_core::order::{OrderRole, Side};
use retrace_projections::ledger::{Cash, Order, Plan};

use super::{Size, no_price};
use crate::step::{Deciding, EngineError};
use crate::worker::current_price;

/// What an amount of cash is; or the refusal, where no price was seen yet that it could be counted by.
type Counted = Result<Result<Money, RiskRefusal>, EngineError>;

/// Whether the account has not the cash for an order.
pub(super) fn too_dear(
    deciding: &Deciding<'_>,
    plan: &Plan,
    role: OrderRole,
    size: Size,
) -> Result<Option<RiskRefusal>, EngineError> {
    let Some(cash) = deciding.state.ledger.cash().filter(|_| role == OrderRole::Entry) else { return Ok(None) };
    let needs = match takes(deciding, cash, plan, size)? {
        Ok(needs) => needs,
        Err(refusal) => return Ok(Some(refusal)),
    };
    Ok(match free(deciding, cash)? {
        Ok(free) => (needs > free).then_some(RiskRefusal::InsufficientCash { needs, free }),
        Err(refusal) => Some(refusal),
    })
}

/// The same of a change of a working order, to this quantity at this price, when `besides` goes to other changes.
pub(super) fn change_too_dear(
    deciding: &Deciding<'_>,
    plan: &Plan,
    order: &Order,
    whole: Size,
    besides: Money,
) -> Result<Option<RiskRefusal>, EngineError> {
    let Some(cash) = deciding.state.ledger.cash().filter(|_| order.role == OrderRole::Entry) else { return Ok(None) };
    let (kept, needs) = match (kept(deciding, cash, plan, order)?, changed(deciding, cash, plan, order, whole)?) {
        (Ok(kept), Ok(needs)) => (kept, needs),
        (Err(refusal), _) | (_, Err(refusal)) => return Ok(Some(refusal)),
    };
    if needs <= kept {
        return Ok(None);
    }
    Ok(match free(deciding, cash)? {
        Ok(free) => {
            // What it keeps by now is its own.
            let free = deciding.exact(deciding.exact(free.plus(kept))?.minus(besides))?;
            (needs > free).then_some(RiskRefusal::InsufficientCash { needs, free })
        }
        Err(refusal) => Some(refusal),
    })
}

/// By how much what an order keeps of the cash grows with a change of it; zero or more.
pub(super) fn grows_by(deciding: &Deciding<'_>, plan: &Plan, order: &Order, whole: Size) -> Result<Money, EngineError> {
    let Some(cash) = deciding.state.ledger.cash().filter(|_| order.role == OrderRole::Entry) else {
        return Ok(Money::ZERO);
    };
    match (kept(deciding, cash, plan, order)?, changed(deciding, cash, plan, order, whole)?) {
        (Ok(kept), Ok(needs)) => Ok(deciding.exact(needs.minus(kept))?.max(Money::ZERO)),
        // What cannot be counted was refused before.
        (Err(_), _) | (_, Err(_)) => Ok(Money::ZERO),
    }
}

/// What is in hand less what the orders keep that work toward a plan's own side. What works the other way brings cash
/// only when it fills.
fn free(deciding: &Deciding<'_>, cash: &Cash) -> Counted {
    let ledger = &deciding.state.ledger;
    let mut free = deciding.exact(ledger.cash_in_hand(cash))?;
    for plan in ledger.plans() {
        for order in plan.open_orders().filter(|order| order.side == plan.direction) {
            match kept(deciding, cash, plan, order)? {
                Ok(kept) => free = deciding.exact(free.minus(kept))?,
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    }
    Ok(Ok(free))
}

/// What an order keeps of the cash while it works. A change under way may or may not be made.
fn kept(deciding: &Deciding<'_>, cash: &Cash, plan: &Plan, order: &Order) -> Counted {
    let Some(quantity) = order.remaining_most() else { return Ok(Ok(Money::ZERO)) };
    let price = order.terms.limit_price().max(order.price_as_requested());
    takes(deciding, cash, plan, Size { side: order.side, quantity, price })
}

/// What an order would keep with a quantity and price of its own from now on.
fn changed(deciding: &Deciding<'_>, cash: &Cash, plan: &Plan, order: &Order, whole: Size) -> Counted {
    let left = deciding.exact(Side::Buy.signed(whole.quantity).minus(order.filled()))?;
    match left.size().filter(|_| left > Position::FLAT) {
        None => Ok(Ok(Money::ZERO)),
        Some(quantity) => takes(deciding, cash, plan, Size { quantity, ..whole }),
    }
}

fn takes(deciding: &Deciding<'_>, cash: &Cash, plan: &Plan, size: Size) -> Counted {
    match valued_at(size.side, size.price, current_price(deciding, plan)) {
        Some(price) => Ok(Ok(deciding.exact(cash.takes(size.quantity, price))?)),
        None => Ok(Err(no_price(plan))),
    }
}

/// At what an order is valued: its own price, or at market the current one. A sale may trade at more than its limit.
fn valued_at(side: Side, own: Option<Price>, current: Option<Price>) -> Option<Price> {
    match (side, own) {
        (Side::Buy, Some(own)) => Some(own),
        (Side::Sell, Some(own)) => current.map(|current| current.max(own)),
        (Side::Buy | Side::Sell, None) => current,
    }
}
