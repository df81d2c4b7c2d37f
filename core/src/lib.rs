//! The words and the log of Retrace: amounts, ids, directives, events, and how they are stored and chained.
//!
//! Never does I/O, never reads a clock, a random number or the environment. Read the modules in this order.

pub mod exact;
pub mod time;

pub mod amount;
pub mod content;
pub mod ids;
pub mod instrument;
pub mod order;
pub mod stop;
pub mod venue;

pub mod algorithm;
pub mod directive;
pub mod event;
pub mod manifest;
pub mod policy;
pub mod step;

pub mod codec;
pub mod frame;

pub mod chain;
pub mod index;
pub mod log;
pub mod memory;
pub mod saved;
pub mod store;
pub mod trail;

#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
