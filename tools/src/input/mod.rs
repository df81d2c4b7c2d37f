//! Files that people write or download: market data, the session file, the directive file.
//!
//! Everything that is wrong with one of them before a session begins is an [`problem::InputProblem`]; nothing is
//! repaired silently, and no decimal passes through floating point.

mod bounded;
pub mod digits;
mod directive_actions;
mod directive_build;
mod directive_execution;
mod directive_exits;
mod directive_fields;
mod directive_legs;
mod directive_values;
pub mod directives;
pub(crate) mod hint;
pub mod market;
pub mod number;
mod operator;
pub mod problem;
pub mod rule;
mod rule_code;
pub mod session;
mod session_fields;
mod session_policy;
mod session_profile;
mod session_risk;
mod session_urgency;
pub mod time;
pub(crate) mod tree;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;
