//! How much the account may come to hold: the limits on its positions, of one symbol and of all.

use std::collections::BTreeMap;

use retrace_core::amount::{Money, Position};
use retrace_core::event::RiskRefusal;
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::instrument::Symbol;
use retrace_core::order::Side;
use retrace_projections::ledger::{Ledger, Plan, is_protection};
use rust_decimal::Decimal;

use super::Size;
use crate::step::{Deciding, EngineError};

/// To how many decimals a symbol's position is valued, rounded up: sums of many symbols then always have room.
const VALUE_DECIMALS: u32 = 8;

/// What the account holds of a symbol, and what may come to it: working orders that are not protection. A stop that
/// trades takes away what is counted as held.
#[derive(Clone, Copy, Default)]
struct Exposure {
    held: Position,
    buys: Position,
    sells: Position,
}

impl Exposure {
    /// With one more order at work.
    fn with(self, size: Size) -> Result<Self, Inexact> {
        let more = Side::Buy.signed(size.quantity);
        Ok(match size.side {
            Side::Buy => Self { buys: self.buys.plus(more)?, ..self },
            Side::Sell => Self { sells: self.sells.plus(more)?, ..self },
        })
    }

    /// Where it comes to when all that works on one side trades and nothing on the other does.
    fn toward(self, side: Side) -> Result<Position, Inexact> {
        match side {
            Side::Buy => self.held.plus(self.buys),
            Side::Sell => self.held.minus(self.sells),
        }
    }

    /// The farthest from zero that it may come to.
    fn farthest(self) -> Result<Position, Inexact> {
        let (up, down) = (self.toward(Side::Buy)?, self.toward(Side::Sell)?);
        Ok(if up.value().abs() >= down.value().abs() { up } else { down })
    }
}

/// What the account holds of every symbol that it has or may have anything of, and what works.
fn exposures(ledger: &Ledger) -> Result<BTreeMap<Symbol, Exposure>, Inexact> {
    let mut all: BTreeMap<Symbol, Exposure> = BTreeMap::new();
    for symbol in ledger.dust_symbols() {
        all.insert(symbol.clone(), Exposure { held: ledger.dust(symbol), ..Exposure::default() });
    }
    for plan in ledger.plans() {
        let exposure = all.entry(plan.symbol().clone()).or_default();
        exposure.held = exposure.held.plus(plan.held())?;
        for order in plan.open_orders().filter(|order| !is_protection(order.role)) {
            // A change under way may or may not be made.
            if let Some(quantity) = order.remaining_most() {
                *exposure = exposure.with(Size { side: order.side, quantity, price: None })?;
            }
        }
    }
    Ok(all)
}

/// How much the account may come to hold, of the symbol and of all. What brings it nearer to zero always may.
pub(super) fn too_exposed(
    deciding: &Deciding<'_>,
    plan: &Plan,
    size: Size,
) -> Result<Option<RiskRefusal>, EngineError> {
    let limits = &deciding.state.policy.risk;
    let own = limits.symbols.iter().find(|limits| limits.symbol == *plan.symbol());
    let largest = own.and_then(|own| own.max_position);
    if largest.is_none() && limits.max_account_position.is_none() {
        return Ok(None);
    }
    let mut all = deciding.exact(exposures(&deciding.state.ledger))?;
    let before = all.get(plan.symbol()).copied().unwrap_or_default();
    let after = deciding.exact(before.with(size))?;
    let position = deciding.exact(after.toward(size.side))?;
    if let Some(limit) = largest
        && Side::of(position) == Some(size.side)
        && position.size().is_some_and(|size| size > limit)
    {
        return Ok(Some(RiskRefusal::Position { position, limit }));
    }
    let Some(limit) = limits.max_account_position else { return Ok(None) };
    let (was, comes) = (deciding.exact(before.farthest())?, deciding.exact(after.farthest())?);
    if comes.value().abs() <= was.value().abs() {
        return Ok(None);
    }
    all.insert(plan.symbol().clone(), after);
    let mut position = Money::ZERO;
    for (symbol, exposure) in all {
        let far = deciding.exact(exposure.farthest())?;
        let Some((side, quantity)) = Side::of(far).zip(far.size()) else { continue };
        let Some(price) = deciding.state.price(&symbol, side) else {
            return Ok(Some(RiskRefusal::NoPrice { symbol }));
        };
        let value = exact::mul_div(price.value(), quantity.value(), Decimal::ONE, VALUE_DECIMALS, Rounding::Up);
        position = deciding.exact(position.plus(Money::new(deciding.exact(value)?)))?;
    }
    Ok((position > limit).then_some(RiskRefusal::AccountPosition { position, limit }))
}
