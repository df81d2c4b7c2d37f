//! `operator` of a line of the directive file: what the operator of a session orders.

use retrace_core::event::{OperatorCommand, OperatorCommanded, Switch};
use retrace_core::ids::OperatorReason;
use serde::Deserialize;

use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// The orders there are, as they are spelled.
const COMMANDS: [&str; 1] = ["kill_switch"];

/// `operator`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorFields {
    command: String,
    state: Option<String>,
    reason: Option<String>,
}

impl OperatorFields {
    /// The order, checked; `here` makes a problem on its line.
    pub(super) fn read(&self, here: &dyn Fn(Rule) -> InputProblem) -> Result<OperatorCommanded, InputProblem> {
        if !COMMANDS.contains(&self.command.as_str()) {
            let rule = Rule::NotOneOf { allowed: COMMANDS.to_vec() };
            return Err(here(rule).field("operator.command").value(&self.command));
        }
        let Some(state) = &self.state else {
            return Err(here(Rule::MissingFor { by: "kill_switch" }).field("operator.state"));
        };
        let allowed = || Switch::ALL.iter().map(|switch| switch.as_str()).collect();
        let switch = Switch::parse(state)
            .ok_or_else(|| here(Rule::NotOneOf { allowed: allowed() }).field("operator.state").value(state))?;
        let reason = self.reason.as_ref().map(|reason| {
            OperatorReason::new(reason).map_err(|_| here(Rule::NotAName).field("operator.reason").value(reason))
        });
        Ok(OperatorCommanded { command: OperatorCommand::KillSwitch(switch), reason: reason.transpose()? })
    }
}
