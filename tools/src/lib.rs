//! The command line of Retrace as a library: reads files, runs sessions, prints results.
//!
//! Never decides and never folds anything itself: the engine and the projections do. Read the modules in this order.
#![allow(clippy::arithmetic_side_effects, reason = "the shell counts rows and pixels; amounts go through core::exact")]

pub mod input;
pub mod sample;

pub mod marks;
pub mod recording;
pub mod resume;
pub mod saving;
pub mod session;
pub mod transfer;

pub mod what_if;

pub mod history;

pub mod inspect;

mod commands;
pub mod error;
mod output;

pub use commands::main_with;
pub use retrace_projections::projection::Projections;
