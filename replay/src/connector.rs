//! The port to a venue: a request goes out, and nothing comes back by the same way.

use crate::effect::Effect;

/// What stands between the engine and a venue. Backtest, paper and live differ in their connector and in nothing else.
pub trait Connector {
    /// Takes a request for the venue. Answers nothing, not even whether it arrived: all that is ever learnt of it comes
    /// back as an [`Input`](retrace_core::event::Input) through whoever drives the engine.
    fn send(&mut self, effect: Effect);
}
