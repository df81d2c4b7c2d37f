//! The integration tests: one binary. `scenario` holds the only code that knows how a script becomes a story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::arithmetic_side_effects, clippy::print_stderr, clippy::print_stdout, reason = "tests")]
#![allow(clippy::pedantic, clippy::wildcard_enum_match_arm, reason = "tests are read for their story")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests may touch the machine")]

mod cli;
mod continued;
mod crash;
mod damage;
mod diff;
mod flows;
mod histories;
mod icebergs;
mod january;
mod layers;
mod market_files;
mod pages;
mod parity;
mod planted;
mod planted_checkpoints;
mod planted_effects;
mod real;
mod reference;
mod refusals;
mod replaying;
mod reports;
mod resume;
mod saved_states;
mod scenario;
mod scenarios;
mod snapshots;
mod trail;
mod transfer;
mod verify;
mod verify_sessions;
mod what_if;
mod whole;
