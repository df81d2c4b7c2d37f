//! Trades of a history from elsewhere: each is booked to the round trip it belongs to, and leads to no order.
//!
//! A round trip is a plan, from flat to flat. It begins with the first trade of a position, grows and shrinks with those
//! that follow, and ends with the trade against it that leaves less than a lot. A trade that goes through zero is two
//! fills: one closes, the other opens the next plan. All trades that entered a plan are one group, all that left it
//! another: a history does not tell of more.

use retrace_core::amount::{Money, Quantity};
use retrace_core::directive::{Algorithm, EntryTerms};
use retrace_core::event::{Decision, FillReport, GroupAction, GroupEnd, Input, Outcome, TradeImported};
use retrace_core::exact::Inexact;
use retrace_core::ids::{DirectiveId, GroupNo, PlanNo, derive_plan_id};
use retrace_core::manifest::Identity;
use retrace_core::order::{OrderRole, Side};
use retrace_core::step::{Step, TapePosition};
use retrace_projections::ledger::{Group, Plan};

use crate::backtest::{Recorder, RunError};
use crate::state::State;
use crate::step::{Deciding, EngineError, step};

/// Brings a history's trades to the engine, in their order, and each Step to `recorder`. Answers the state at the end.
///
/// # Errors
/// [`RunError`] if the engine or the recorder stops.
pub fn run<R: Recorder>(
    identity: &Identity,
    trades: &[TradeImported],
    recorder: &mut R,
) -> Result<State, RunError<R::Error>> {
    let mut state = State::new(identity);
    for (number, trade) in (1_u64..).zip(trades) {
        let time = trade.fill.executed_at;
        let events = step(&mut state, time, Input::TradeImported(Box::new(trade.clone())))?;
        let step = Step { time, recorded_at: None, tape: TapePosition::default(), events };
        recorder.record(&step).map_err(RunError::Recorder)?;
        for plan in state.take_sealed() {
            recorder.sealed(plan);
        }
        recorder.decided(state.ledger());
        if !recorder.progressed(number) {
            break;
        }
    }
    Ok(state)
}

/// Books one trade: to the plan that stands open for its position, or to a new one, or to both where it goes through
/// zero.
pub(crate) fn book(deciding: &mut Deciding<'_>, trade: &TradeImported) -> Result<(), EngineError> {
    let cause = trade.cause();
    if let Some(seen) = deciding.state.ledger.imported(&cause).filter(|seen| seen.first != deciding.input_seq()) {
        let (first, same) = (seen.first, seen.body == trade.body_digest());
        return deciding.decide(None, None, Decision::TradeRepeated { first, same });
    }
    let open = deciding.state.ledger.open_position(&trade.symbol, trade.position.as_ref());
    let standing = open.and_then(|no| deciding.state.ledger.plan(no));
    let opening = match standing {
        None => Some(trade.fill.clone()),
        Some(plan) if plan.direction == trade.side => {
            let no = plan.no;
            return fill(deciding, no, trade, &cause, trade.fill.clone());
        }
        Some(plan) => {
            let no = plan.no;
            let (closing, rest) = deciding.exact(divide(&trade.fill, plan))?;
            fill(deciding, no, trade, &cause, closing)?;
            if rest.is_some() || is_over(deciding, no)? {
                end(deciding, no)?;
            }
            rest
        }
    };
    match opening {
        Some(opening) => {
            let no = begin(deciding, trade, &cause)?;
            fill(deciding, no, trade, &cause, opening)
        }
        None => Ok(()),
    }
}

/// Divides a trade against `plan` into what closes it and what is beyond it by a lot or more. The fee is divided by
/// quantity, the first part rounded half to even at 12 decimals; the second part gets the rest, so nothing is lost.
fn divide(fill: &FillReport, plan: &Plan) -> Result<(FillReport, Option<FillReport>), Inexact> {
    let whole = || (fill.clone(), None);
    let held = plan.held();
    let Some(closing) = held.size().filter(|_| Side::of(held) == Some(plan.direction)) else { return Ok(whole()) };
    let Some(beyond) = fill.quantity.less(closing).filter(|beyond| *beyond >= plan.instrument.lot) else {
        return Ok(whole());
    };
    let fee: Money = fill.fee.share(closing.value(), fill.quantity.value())?;
    let first = FillReport { quantity: closing, fee, ..fill.clone() };
    let second = FillReport { quantity: beyond, fee: fill.fee.minus(fee)?, ..fill.clone() };
    Ok((first, Some(second)))
}

/// Whether less than a lot is left of what the plan held, or less than nothing: a fee in the base asset can take more
/// than there was.
fn is_over(deciding: &Deciding<'_>, no: PlanNo) -> Result<bool, EngineError> {
    let Some(plan) = deciding.state.ledger.plan(no) else { return Ok(false) };
    Ok(deciding.exact(plan.held_lots())?.is_none())
}

/// Takes a new plan on and opens it: its first trade is there already.
fn begin(deciding: &mut Deciding<'_>, trade: &TradeImported, cause: &DirectiveId) -> Result<PlanNo, EngineError> {
    let ledger = &deciding.state.ledger;
    let no = ledger.next_plan();
    let accepted = Decision::PlanAccepted {
        plan_id: derive_plan_id(ledger.session(), cause, 0),
        symbol: trade.symbol.clone(),
        direction: trade.side,
        directive: cause.clone(),
        comments: None,
    };
    deciding.decide(Some(no), None, accepted)?;
    deciding.decide(Some(no), None, Decision::PlanOpened)?;
    Ok(no)
}

/// Books `report` to the plan, as a fill of the order that the history names or of one of its own.
fn fill(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    trade: &TradeImported,
    cause: &DirectiveId,
    report: FillReport,
) -> Result<(), EngineError> {
    let Some(plan) = deciding.state.ledger.plan(no) else { return Ok(()) };
    let (action, role) = if plan.direction == trade.side {
        (GroupAction::Enter, OrderRole::Entry)
    } else {
        (GroupAction::Reduce, OrderRole::Reduce)
    };
    let known = trade.venue_order.as_ref().and_then(|id| deciding.state.ledger.imported_order(no, id, trade.side));
    let (order, quantity) = if let Some(order) = known.and_then(|order| plan.order(order)) {
        (order.no, deciding.exact(larger(order.quantity, report.quantity))?)
    } else {
        let group = group(deciding, no, action, cause, report.quantity)?;
        let order = deciding.state.ledger.next_order();
        let inferred = Decision::OrderInferred {
            group,
            role,
            side: trade.side,
            quantity: report.quantity,
            connector_order_id: trade.venue_order.clone(),
        };
        deciding.decide(Some(no), Some(order), inferred)?;
        (order, report.quantity)
    };
    let booked = Decision::TradeBooked { position: trade.position.clone(), fill: report, quantity };
    deciding.decide(Some(no), Some(order), booked)
}

fn larger(order: Quantity, by: Quantity) -> Result<Quantity, Inexact> {
    let sum = Side::Buy.signed(order).plus(Side::Buy.signed(by))?;
    sum.size().ok_or(Inexact { left: order.value(), operation: '+', right: by.value() })
}

/// The plan's group of this action, opened where there is none yet.
fn group(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    action: GroupAction,
    cause: &DirectiveId,
    quantity: Quantity,
) -> Result<GroupNo, EngineError> {
    let groups: &[Group] = deciding.state.ledger.plan(no).map_or(&[], |plan| &plan.groups);
    if let Some(group) = groups.iter().find(|group| group.action == action) {
        return Ok(group.no);
    }
    let group = groups.last().map_or(GroupNo(1), |last| last.no.next());
    let opened = Decision::GroupOpened {
        group,
        directive: cause.clone(),
        action,
        algorithm: Algorithm::Single,
        entry: EntryTerms::MARKET,
        quantity,
        end_after: None,
        arrival: None,
    };
    deciding.decide(Some(no), None, opened)?;
    Ok(group)
}

/// Ends a round trip: its groups, then the plan. What is left of it is dust.
fn end(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = deciding.state.ledger.plan(no) else { return Ok(()) };
    let (groups, dust): (Vec<GroupNo>, _) = (plan.groups.iter().map(|group| group.no).collect(), plan.held());
    for group in groups {
        deciding.decide(Some(no), None, Decision::GroupEnded { group, end: GroupEnd::Filled, price: None })?;
    }
    deciding.decide(Some(no), None, Decision::PlanClosed { outcome: Outcome::Flat, dust })
}
