//! The command line of Retrace as a library: reads files, runs sessions, prints results.
#![allow(clippy::arithmetic_side_effects, reason = "the shell counts rows and pixels; amounts go through core::exact")]

pub mod input;
pub mod sample;
