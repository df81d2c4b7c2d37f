//! What came to a session from outside and would have come whatever the venue did: prices, directives, the operator's
//! orders. Its reports, its connection and its timers are not among it: the venue and the clock of a new run make their own.

use retrace_core::event::Input;
use retrace_core::step::Step;
use retrace_core::time::Timestamp;

use crate::backtest::Given;
use crate::verify::redecide::input_of;

/// What came to a session from outside, in the order of its log.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    inputs: Vec<(Timestamp, Input)>,
    prices: u64,
    begin: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Outside {
    /// Takes the next Step of the log.
    pub fn note(&mut self, step: &Step) {
        self.begin = self.begin.or(Some(step.time));
        self.end = Some(step.time);
        let Some(input) = input_of(step) else { return };
        match input {
            Input::PriceMoved(_) => self.prices = self.prices.saturating_add(1),
            Input::DirectiveReceived(_) | Input::OperatorCommanded(_) => {}
            Input::SessionContinued(_)
            | Input::TimerFired { .. }
            | Input::Report(_)
            | Input::TradeImported(_)
            | Input::ConnectionChanged { .. } => return,
        }
        self.inputs.push((step.time, input.clone()));
    }

    /// All of it.
    pub fn inputs(&self) -> &[(Timestamp, Input)] {
        &self.inputs
    }

    /// The time of the log's first Step.
    pub const fn begin(&self) -> Option<Timestamp> {
        self.begin
    }

    /// The time of the log's last Step, whatever it was: until then the session went on.
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// How many prices were recorded by value; none where they are in market data.
    pub const fn prices(&self) -> u64 {
        self.prices
    }

    /// What strategist and operator gave, for a run on market data.
    pub fn given(&self) -> Vec<(Timestamp, Given)> {
        let given = self.inputs.iter().filter_map(|(at, input)| {
            if let Input::DirectiveReceived(directive) = input {
                Some((*at, Given::Directive(directive.clone())))
            } else if let Input::OperatorCommanded(commanded) = input {
                Some((*at, Given::Operator(commanded.clone())))
            } else {
                None
            }
        });
        given.collect()
    }
}
