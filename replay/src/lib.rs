//! The deterministic engine: what decides, the simulated venue, and the proof that a replay decides the same.
//!
//! Never does I/O, never reads a clock, a random number or the environment. Read the modules in this order.

mod causation;
mod state;
mod step;
mod worker;

pub mod effect;
pub mod planner;

pub mod tape;
pub mod venue;

pub mod backtest;
pub mod compare;
pub mod connector;
pub mod continuing;
pub mod driver;
pub mod import;
pub mod recorded;
pub mod rerun;
pub mod unrecorded;
pub mod verify;

pub use state::State;
pub use step::{DECISION_VERSION, EngineError, step};
