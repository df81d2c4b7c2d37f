//! The words and the log of Retrace: amounts, ids, directives, events, and how they are stored and chained.
//!
//! Never does I/O, never reads a clock, a random number or the environment. Read the modules in this order.

pub mod amount;
pub mod content;
pub mod directive;
pub mod event;
pub mod exact;
pub mod ids;
pub mod instrument;
pub mod manifest;
pub mod order;
pub mod time;
pub mod venue;
