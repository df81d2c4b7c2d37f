//! A hostile world around the real engine, and an auditor that believes none of its books.
//!
//! A seed becomes a [`script::Script`]: prices, directives, timers that come late, outages, crashes, and how the venue
//! misbehaves. [`world::play`] runs the engine in it; the [`auditor`] keeps its own account in whole lots and ticks of
//! what was sent and what was said, and stops at the first [`finding::Finding`]. [`shrink::shrink`] makes a failing
//! script as short as it gets, and [`tell::story`] tells it.
//!
//! Never does I/O and reads no clock: one seed, one story, on every machine. Read the modules in this order.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "what no world has a use for is left out on purpose"
)]
#![allow(clippy::arithmetic_side_effects, reason = "a world holds a few thousand lots; an overflow stops a test")]

pub mod dice;
pub mod limits;
pub mod profile;
pub mod script;
pub mod units;

mod roll;
mod venue;

pub mod auditor;
pub mod fault;
pub mod finding;
pub mod world;

pub mod shrink;
pub mod tally;
pub mod tell;

pub use roll::roll;
