//! The deterministic engine: what decides, the simulated venue, and the proof that a replay decides the same.
//!
//! Never does I/O, never reads a clock, a random number or the environment. Read the modules in this order.

pub mod tape;
