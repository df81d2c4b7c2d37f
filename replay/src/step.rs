//! One input in, all the decisions it leads to out. Pure and synchronous; the only way that anything is decided.

use retrace_core::amount::Position;
use retrace_core::event::{Decision, Event, Fact, Input, ReportedOrder};
use retrace_core::exact::Inexact;
use retrace_core::ids::{BatchNo, OrderNo, PlanNo, Seq};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::BrokenHistory;

use crate::import;
use crate::state::State;
use crate::worker;

/// The version of the decisions that this code makes. Raised whenever the same inputs lead to other decisions; it is
/// part of a session's identity, so that an older session is told apart from a wrong one.
pub const DECISION_VERSION: u32 = 6;

/// The engine stops: what it was given cannot have come from its own past.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The log holds a fact that our own code could not have recorded.
    #[error(transparent)]
    History(#[from] BrokenHistory),
    /// An amount needs more digits than can be counted exactly.
    #[error("after event {seq}: {source}")]
    Amount {
        /// The last event before it.
        seq: Seq,
        /// Which.
        source: Inexact,
    },
    /// A report names an order that the ledger does not hold.
    #[error("a report names order {order}, which this session never requested")]
    UnknownOrder {
        /// Its number.
        order: OrderNo,
    },
    /// Decisions led to decisions without end.
    #[error("plan {plan}: {decisions} decisions after event {seq} and no end")]
    NoEnd {
        /// The plan.
        plan: PlanNo,
        /// The input.
        seq: Seq,
        /// How many were made.
        decisions: usize,
    },
    /// The same, of a batch.
    #[error("batch {batch}: {decisions} decisions after event {seq} and no end")]
    BatchNoEnd {
        /// The batch.
        batch: BatchNo,
        /// The input.
        seq: Seq,
        /// How many were made.
        decisions: usize,
    },
}

/// Takes one input at its time: folds it, decides, and folds each decision by the same `apply` before the next is
/// made. Answers the events of the Step, the input first.
///
/// # Errors
/// [`EngineError`] stops the engine: the state is then of no more use and is rebuilt from the log.
pub fn step(state: &mut State, time: Timestamp, input: Input) -> Result<Vec<Event>, EngineError> {
    let Place { plan, order, cause, batch } = place(state, &input)?;
    let seq = state.ledger.seq().next();
    if let Input::PriceMoved(moved) = &input {
        state.see(&moved.symbol, moved.mark);
    }
    let event = Event { seq, time, plan, order, cause, fact: Fact::Input(input.clone()) };
    let known = plan.zip(order);
    let before = known.and_then(|(plan, order)| state.ledger.plan(plan)?.order(order).cloned());
    let was_connected = state.ledger.is_connected();
    state.ledger.apply(&event)?;
    // What was told before wakes nobody: at another price by now something else might be decided. A plan that was
    // brought back for it is sealed again already.
    let now = known.and_then(|(plan, order)| state.ledger.plan(plan)?.order(order));
    let told_before = before.is_some_and(|before| now.is_none_or(|now| before == *now));
    let mut deciding = Deciding { state, time, input: seq, events: vec![event], leaves_next: Position::FLAT };
    match input {
        Input::ConnectionChanged { connected: false } => {}
        Input::PriceMoved(moved) => worker::seen(&mut deciding, &moved.symbol)?,
        Input::OperatorCommanded(commanded) => {
            worker::obey(&mut deciding, &commanded)?;
            worker::follow_all(&mut deciding)?;
        }
        Input::TradeImported(trade) => import::book(&mut deciding, &trade)?,
        Input::SessionContinued(_) => worker::continued(&mut deciding, was_connected)?,
        Input::ConnectionChanged { connected: true } => worker::connected(&mut deciding)?,
        Input::DirectiveReceived(directive) => worker::receive(&mut deciding, &directive)?,
        Input::Report(_) if told_before => {}
        Input::TimerFired { .. } | Input::Report(_) => {
            if let Some(plan) = plan {
                worker::react(&mut deciding, plan)?;
            } else if let Some(batch) = batch {
                worker::follow(&mut deciding, batch)?;
            }
        }
    }
    Ok(deciding.events)
}

/// What an input belongs to.
#[derive(Default)]
struct Place {
    plan: Option<PlanNo>,
    order: Option<OrderNo>,
    /// The event that led to it.
    cause: Option<Seq>,
    /// The batch that a timer hangs on.
    batch: Option<BatchNo>,
}

fn place(state: &State, input: &Input) -> Result<Place, EngineError> {
    let ledger = &state.ledger;
    match input {
        Input::SessionContinued(_)
        | Input::PriceMoved(_)
        | Input::DirectiveReceived(_)
        | Input::TradeImported(_)
        | Input::ConnectionChanged { .. }
        | Input::OperatorCommanded(_) => Ok(Place::default()),
        Input::TimerFired { timer: id } => {
            let Some(timer) = ledger.timer(*id) else { return Ok(Place::default()) };
            Ok(Place { plan: timer.plan, order: None, cause: Some(timer.set), batch: timer.purpose.batch() })
        }
        Input::Report(report) => match &report.order {
            ReportedOrder::Foreign(_) => Ok(Place::default()),
            ReportedOrder::Ours(order) => {
                let plan = ledger.plan_of(*order).ok_or(EngineError::UnknownOrder { order: *order })?;
                let asked = ledger.plan(plan).and_then(|plan| plan.order(*order)).map(|order| order.asked);
                // What was asked for is known where the report names it; an event is never caused by a later one.
                let answered = report.answers.filter(|seq| seq.0 > 0 && *seq <= ledger.seq());
                Ok(Place { plan: Some(plan), order: Some(*order), cause: answered.or(asked), batch: None })
            }
        },
    }
}

/// A Step in the making: the state, and the events up to now. Decisions enter through [`Deciding::decide`] alone.
pub(crate) struct Deciding<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) time: Timestamp,
    input: Seq,
    events: Vec<Event>,
    /// What of the plan that converges is to leave as soon as protection has made room for it, zero or more. Worked out
    /// anew in every pass: until then protection is brought to the rest, and never back to the whole.
    pub(crate) leaves_next: Position,
}

impl Deciding<'_> {
    /// Records a decision about `plan` (and `order`) and folds it at once.
    pub(crate) fn decide(
        &mut self,
        plan: Option<PlanNo>,
        order: Option<OrderNo>,
        decision: Decision,
    ) -> Result<(), EngineError> {
        let seq = self.state.ledger.seq().next();
        let event =
            Event { seq, time: self.time, plan, order, cause: Some(self.input), fact: Fact::Decision(decision) };
        self.state.ledger.apply(&event)?;
        self.events.push(event);
        Ok(())
    }

    /// How many events the Step has up to now.
    pub(crate) const fn len(&self) -> usize {
        self.events.len()
    }

    /// The seq of the Step's input.
    pub(crate) const fn input_seq(&self) -> Seq {
        self.input
    }

    /// Turns an amount that does not fit into the error that stops the engine.
    pub(crate) fn exact<T>(&self, result: Result<T, Inexact>) -> Result<T, EngineError> {
        result.map_err(|source| EngineError::Amount { seq: self.state.ledger.seq(), source })
    }
}
