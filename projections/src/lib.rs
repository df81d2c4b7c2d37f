//! Read models folded from the log and from nothing else: the `StrategyLedger`, its views, the audit story,
//! projections of one's own, and snapshots of them all.
//!
//! Never does I/O, never reads a clock, a random number or the environment, never decides. Read in this order.

pub mod ledger;

pub mod access;
pub mod audit;
pub mod digest;
pub mod event_view;
pub mod export;
pub mod lineage;
pub mod view;

pub mod built_in;
pub mod projection;
pub mod snapshot;
