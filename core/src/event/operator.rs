//! What the operator of a session ordered: a fact from outside, above every strategy.

use serde::Serialize;

use crate::ids::OperatorReason;
use crate::order::spelled;

/// An order of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorCommanded {
    /// What.
    pub command: OperatorCommand,
    /// Why, in a short name: free text is never in the log.
    pub reason: Option<OperatorReason>,
}

/// What an operator may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorCommand {
    /// Holds back all that enters or reduces, or lets it pass again. Protection and closes are never held back.
    KillSwitch(Switch),
}

spelled! {
    /// Which way a switch is turned.
    Switch {
        /// On.
        On = "on",
        /// Off.
        Off = "off",
    }
}
