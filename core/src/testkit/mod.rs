//! For tests: sample logs, forged ones, and the contract that every store passes. Panics where a test would.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]
#![allow(clippy::indexing_slicing, clippy::missing_panics_doc, clippy::wildcard_enum_match_arm, reason = "test code")]

pub mod contract;
pub mod forge;
pub mod samples;
