//! The `ExecutionWorker`: makes a plan's orders converge to its standing target. Keeps no state of its own.
//!
//! It is level-triggered: after every input that touches a plan, [`converge`] compares what the plan is to be with what
//! the ledger says it is, and decides what is missing. Duplicates, superseding directives, restarts, late fills and
//! cancel-then-reduce are one code path. Read `intake` for what a directive may do, then `target`, `schedule`,
//! `protection`, `closing`, `ending`.

mod actions;
mod batch;
mod closing;
mod connection;
mod ending;
mod holding;
mod intake;
mod patience;
mod protection;
mod risk;
mod schedule;
mod target;
mod trailing;

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::EntryTerms;
use retrace_core::event::{Because, Decision, GroupAction};
use retrace_core::ids::{GroupNo, OrderNo, PlanNo};
use retrace_core::instrument::Instrument;
use retrace_core::order::{OrderRole, OrderTerms, TimeInForce};
use retrace_projections::ledger::{Group, Order, Phase, Plan};

use crate::step::{Deciding, EngineError};

pub(crate) use batch::{follow, follow_all};
pub(crate) use connection::{connected, continued};
pub(crate) use intake::receive;
pub(crate) use patience::seen;
pub(crate) use risk::obey;

/// How often closing and flattening are tried again at once after a refusal.
const REJECT_RETRIES: u32 = 2;

/// No input leads to more decisions about one plan than this.
const DECISIONS_MAX: usize = 10_000;

/// Decides until nothing more follows from the plan's target, schedule and ledger. Without a connection only its timers
/// go on, a stop limit's among them, and what is not covered is noted: what is to be done is decided when it is back.
fn converge(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    if !deciding.state.ledger.is_connected() {
        patience::follow(deciding, no)?;
        schedule::arm_timers(deciding, no)?;
        return protection::note_gap(deciding, no);
    }
    let begun = deciding.len();
    loop {
        let before = deciding.len();
        deciding.leaves_next = Position::FLAT;
        patience::follow(deciding, no)?;
        let Some(plan) = deciding.state.ledger.plan(no) else { return Ok(()) };
        // What takes a batch back is no entry: the kill switch does not hold it.
        let held = plan.rollback.is_none();
        match &plan.phase {
            Phase::Standing if plan.target.stopped => {
                target::stop_entering(deciding, no, Because::BatchStopped)?;
                closing::take_rest(deciding, no)?;
            }
            Phase::Standing => {
                actions::follow(deciding, no)?;
                target::approach(deciding, no)?;
                schedule::send_due(deciding, no)?;
                closing::take_rest(deciding, no)?;
                if held {
                    risk::hold(deciding, no)?;
                }
            }
            Phase::StoppedOut | Phase::Reopened { .. } => {
                target::stop_entering(deciding, no, Because::StoppedOut)?;
                closing::flatten(deciding, no)?;
            }
            Phase::Closing(_) => {
                target::stop_entering(deciding, no, Because::Closing)?;
                closing::close(deciding, no)?;
                schedule::arm_close(deciding, no)?;
            }
            Phase::Closed { .. } => return Ok(()),
        }
        closing::bring_back(deciding, no)?;
        protection::cover(deciding, no)?;
        ending::end_groups(deciding, no)?;
        ending::end_plan(deciding, no)?;
        if deciding.len() == before {
            return Ok(());
        }
        let decisions = deciding.len().saturating_sub(begun);
        if decisions > DECISIONS_MAX {
            let seq = deciding.input_seq();
            return Err(EngineError::NoEnd { plan: no, seq, decisions });
        }
    }
}

/// What follows for a plan from something that was told of it: it converges, and the batch that it is in goes on.
pub(crate) fn react(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    converge(deciding, no)?;
    batch::follow_all(deciding)
}

/// The plan, by value, so that it can be read while decisions change it. `None` once it is sealed.
fn snapshot(deciding: &Deciding<'_>, no: PlanNo) -> Option<Plan> {
    deciding.state.ledger.plan(no).cloned()
}

/// An order to request.
#[derive(Clone, Copy)]
struct Request {
    group: GroupNo,
    role: OrderRole,
    terms: OrderTerms,
    quantity: Quantity,
    time_in_force: TimeInForce,
    post_only: bool,
    slice: u32,
    attempt: u32,
    because: Because,
}

impl Request {
    /// An own order of a group, on the group's terms: which slice of it, which try, and why.
    fn of(
        group: &Group,
        terms: OrderTerms,
        quantity: Quantity,
        (slice, attempt): (u32, u32),
        because: Because,
    ) -> Self {
        let EntryTerms { limit_price: _, time_in_force, post_only } = group.entry;
        Self { group: group.no, role: group.role(), terms, quantity, time_in_force, post_only, slice, attempt, because }
    }
}

/// Requests an order of `plan`. Its side follows from its role and the plan's direction; its first order brings the
/// plan's container into being. What the risk gate does not let through is refused instead.
fn request(deciding: &mut Deciding<'_>, plan: &Plan, request: Request) -> Result<(), EngineError> {
    let group_enters = plan.group(request.group).is_some_and(|group| group.action == GroupAction::Enter);
    let entering = match request.role {
        OrderRole::Compensation => group_enters,
        OrderRole::Entry => true,
        OrderRole::Reduce | OrderRole::Close | OrderRole::StopLoss | OrderRole::TakeProfit | OrderRole::Flatten => {
            false
        }
    };
    // What went across zero is flattened the other way.
    let crossed = request.role == OrderRole::Flatten && deciding.exact(plan.crossed_lots())?.is_some();
    let side = if entering || crossed { plan.direction } else { plan.direction.opposite() };
    if let Some(refusal) = risk::judge(deciding, plan, side, &request)? {
        return risk::refuse(deciding, plan, side, &request, refusal);
    }
    if deciding.state.ledger.plan(plan.no).is_some_and(|plan| plan.opened_at.is_none()) {
        deciding.decide(Some(plan.no), None, Decision::PlanOpened)?;
    }
    let reduce_only = !entering && deciding.state.profile.reduce_only;
    let order = deciding.state.ledger.next_order();
    let Request { group, role, terms, quantity, time_in_force, post_only, slice, attempt, because } = request;
    let decision = Decision::OrderRequested {
        group,
        role,
        side,
        terms,
        quantity,
        time_in_force,
        post_only,
        reduce_only,
        slice,
        attempt,
        because,
    };
    deciding.decide(Some(plan.no), Some(order), decision)
}

/// Requests the cancel of an order, unless a change of it is under way (one at a time), the venue knows it no more, or is
/// about to say that it is done.
fn cancel(deciding: &mut Deciding<'_>, plan: PlanNo, order: OrderNo, because: Because) -> Result<(), EngineError> {
    let Some(of) = deciding.state.ledger.plan(plan) else { return Ok(()) };
    let works = |order: &Order| order.is_working() && !order.is_unanswered() && !order.is_unknown();
    if of.order(order).is_some_and(|order| works(order) && !of.is_about_to_end(order)) {
        deciding.decide(Some(plan), Some(order), Decision::CancelRequested { because })?;
    }
    Ok(())
}

/// Whether an order of `quantity` is large enough for the venue at `price`; true before the first price.
fn large_enough(
    deciding: &Deciding<'_>,
    instrument: &Instrument,
    quantity: Quantity,
    price: Option<Price>,
) -> Result<bool, EngineError> {
    price.map_or(Ok(true), |price| deciding.exact(instrument.meets_min_notional(quantity, price)))
}

/// The current price as the plan sees it.
fn current_price(deciding: &Deciding<'_>, plan: &Plan) -> Option<Price> {
    deciding.state.price(plan.symbol(), plan.direction)
}
