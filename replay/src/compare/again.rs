//! What this build would decide on the inputs of a session whose venue stood outside.
//!
//! Orders and timers are named by their causes: where today's code sends them under other numbers, a report still reaches
//! the order that it was about. A report on an order, or a timer, that today's code has not is left out and counted.

use std::collections::BTreeMap;

use retrace_core::event::{Decision, Event, Fact, Input, Report, ReportedOrder};
use retrace_core::ids::{OrderNo, PlanNo, Seq, SessionUid, TimerId};
use retrace_core::log::LogSteps;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_projections::ledger::{Book, Plan};

use super::cause::{Causes, Digest};
use super::{CompareError, Which};
use crate::state::State;
use crate::step::EngineError;
use crate::verify::Engine;

/// What became of deciding a session's inputs again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecidedAgain {
    /// How many inputs were left out: what they name, today's code has not.
    pub left_out: u64,
    /// Where the engine stopped, and why, if it did: the recorded event whose Step it did not take.
    pub stopped: Option<(Seq, EngineError)>,
}

/// Decides the recorded inputs of `session`, which began with `begin`, again by `engine` and gives each Step to `keep`, in order.
///
/// # Errors
/// [`CompareError`] if the log cannot be read, or `keep` fails.
pub fn decide_again(
    reader: &dyn LogReader,
    session: SessionUid,
    begin: &Book,
    engine: Engine,
    keep: &mut dyn FnMut(&Step) -> Result<(), StoreError>,
) -> Result<DecidedAgain, CompareError> {
    let identity = reader.manifest(session)?.identity;
    let (mut recorded, mut made) = (Numbers::new(session, begin), Numbers::new(session, begin));
    let mut state = State::beginning(&identity, begin);
    let mut sealed: BTreeMap<PlanNo, Plan> = begin.sealed();
    let mut requests: BTreeMap<Seq, Seq> = BTreeMap::new();
    let mut ended = DecidedAgain::default();
    for step in LogSteps::new(reader, session)? {
        let step = step.map_err(|source| CompareError::Log { which: Which::A, source })?;
        let given = step.events.first().and_then(|event| match &event.fact {
            Fact::Input(input) => translated(input, &recorded, &made, &requests),
            Fact::Decision(_) | Fact::Unknown(_) => None,
        });
        for event in &step.events {
            recorded.learn(event);
        }
        let Some(input) = given else {
            ended.left_out = ended.left_out.saturating_add(1);
            continue;
        };
        if let Some(plan) = state.needs(&input).and_then(|no| sealed.remove(&no)) {
            state.restore(plan);
        }
        let events = match engine(&mut state, step.time, input) {
            Ok(events) => events,
            Err(error) => {
                ended.stopped = Some((step.first_seq(), error));
                break;
            }
        };
        sealed.extend(state.take_sealed().into_iter().map(|plan| (plan.no, plan)));
        for event in &events {
            made.learn(event);
        }
        for (was, is) in step.events.iter().zip(&events) {
            if was.order.is_some() && is.order.is_some() {
                requests.insert(was.seq, is.seq);
            }
        }
        keep(&Step { events, ..step })?;
    }
    Ok(ended)
}

/// An input as today's run must be given it; `None` where what it names is not there.
fn translated(input: &Input, recorded: &Numbers, made: &Numbers, requests: &BTreeMap<Seq, Seq>) -> Option<Input> {
    match input {
        Input::TimerFired { timer } => {
            let timer = made.timers.get(&recorded.causes.timer(*timer)?)?;
            Some(Input::TimerFired { timer: *timer })
        }
        Input::Report(report) => {
            let order = match &report.order {
                ReportedOrder::Ours(no) => ReportedOrder::Ours(*made.orders.get(&recorded.causes.order(*no)?)?),
                foreign @ ReportedOrder::Foreign(_) => foreign.clone(),
            };
            let answers = report.answers.and_then(|seq| requests.get(&seq).copied());
            Some(Input::Report(Report { order, answers, what: report.what.clone() }))
        }
        Input::SessionContinued(_)
        | Input::PriceMoved(_)
        | Input::DirectiveReceived(_)
        | Input::TradeImported(_)
        | Input::ConnectionChanged { .. }
        | Input::OperatorCommanded(_) => Some(input.clone()),
    }
}

/// The numbers that one of the two runs gave, by their causes.
struct Numbers {
    causes: Causes,
    orders: BTreeMap<Digest, OrderNo>,
    timers: BTreeMap<Digest, TimerId>,
}

impl Numbers {
    fn new(session: SessionUid, begin: &Book) -> Self {
        let causes = Causes::new(session, begin, true);
        Self { causes, orders: BTreeMap::new(), timers: BTreeMap::new() }
    }

    fn learn(&mut self, event: &Event) {
        self.causes.learn(event);
        if let (Some(no), Fact::Decision(Decision::OrderRequested { .. } | Decision::OrderInferred { .. })) =
            (event.order, &event.fact)
            && let Some(cause) = self.causes.order(no)
        {
            self.orders.insert(cause, no);
        }
        match &event.fact {
            Fact::Decision(Decision::TimerSet { timer, .. }) => {
                self.timers.extend(self.causes.timer(*timer).map(|cause| (cause, *timer)));
            }
            Fact::Decision(Decision::TimerDropped { timer }) | Fact::Input(Input::TimerFired { timer }) => {
                // A newer timer for the same purpose stays.
                if let Some(cause) = self.causes.timer(*timer)
                    && self.timers.get(&cause) == Some(timer)
                {
                    self.timers.remove(&cause);
                }
            }
            Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => {}
        }
        self.causes.forget(event);
    }
}
