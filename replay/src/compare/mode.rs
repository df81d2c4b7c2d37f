//! What two sessions are compared in.

use retrace_core::event::{Decision, Event, Fact, Input};
use serde::Serialize;

use super::canonical::LeftOut;

/// What two sessions are compared in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every decision, those about timers too, in order and at the same time.
    #[default]
    Strict,
    /// What was wanted: directives, what the operator ordered, targets, exit levels, groups. Whenever it was.
    Intent,
    /// What came of it: each plan's fills and how it ended. Whenever, and by whatever orders.
    Outcome,
}

impl Mode {
    /// All of them, from the strictest on.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Intent, Self::Outcome];

    /// How it is spelled.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Intent => "intent",
            Self::Outcome => "outcome",
        }
    }

    /// The mode that is spelled so.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }

    /// Whether an event is compared. In [`Mode::Outcome`] none is by itself: see [`super::outcome`].
    pub(super) fn compares(self, event: &Event) -> bool {
        match (self, &event.fact) {
            (Self::Strict, Fact::Decision(_)) => true,
            // What a newer build writes is compared as it is written: it may be a decision.
            (Self::Strict, Fact::Unknown(_)) => event.cause.is_some(),
            (Self::Intent, Fact::Input(input)) => is_wanted_from_outside(input),
            (Self::Intent, Fact::Decision(decision)) => is_wanted(decision),
            (Self::Strict, Fact::Input(_)) | (Self::Intent, Fact::Unknown(_)) | (Self::Outcome, _) => false,
        }
    }

    /// What of an event is no part of what is compared: against which price something was decided is not what is wanted.
    pub(super) const fn left_out(self) -> LeftOut {
        match self {
            Self::Strict | Self::Outcome => &[],
            Self::Intent => &["current_price", "arrival"],
        }
    }

    /// Whether what happens at another time is something else.
    pub(super) const fn is_timed(self) -> bool {
        matches!(self, Self::Strict)
    }
}

const fn is_wanted_from_outside(input: &Input) -> bool {
    match input {
        Input::DirectiveReceived(_) | Input::OperatorCommanded(_) => true,
        Input::SessionContinued(_)
        | Input::PriceMoved(_)
        | Input::TimerFired { .. }
        | Input::Report(_)
        | Input::TradeImported(_)
        | Input::ConnectionChanged { .. } => false,
    }
}

const fn is_wanted(decision: &Decision) -> bool {
    match decision {
        Decision::DirectiveRefused { .. }
        | Decision::PlanAccepted { .. }
        | Decision::TargetSet { .. }
        | Decision::ExitsSet { .. }
        | Decision::StopLimitSet { .. }
        | Decision::StopTrailSet { .. }
        | Decision::GroupOpened { .. }
        | Decision::CloseStarted { .. }
        | Decision::GroupCancelled { .. }
        | Decision::AllCancelled { .. }
        | Decision::OrdersModified { .. }
        | Decision::GroupPaused { .. }
        | Decision::GroupResumed { .. }
        | Decision::BatchStarted { .. } => true,
        Decision::DirectiveRepeated { .. }
        | Decision::NothingToDo { .. }
        | Decision::PlanOpened
        | Decision::SlicesDropped { .. }
        | Decision::GroupEnded { .. }
        | Decision::OrderRequested { .. }
        | Decision::AmendRequested { .. }
        | Decision::CancelRequested { .. }
        | Decision::QueryRequested
        | Decision::TimerSet { .. }
        | Decision::TimerDropped { .. }
        | Decision::CloseGaveUp { .. }
        | Decision::StopPassed { .. }
        | Decision::ProtectionGapChanged { .. }
        | Decision::PlanClosed { .. }
        | Decision::OrderInferred { .. }
        | Decision::TradeBooked { .. }
        | Decision::TradeRepeated { .. }
        | Decision::OrderRefused(_)
        | Decision::BatchLegStarted { .. }
        | Decision::BatchLegEnded { .. }
        | Decision::BatchFailed { .. }
        | Decision::RollbackStarted { .. }
        | Decision::RollbackGaveUp { .. }
        | Decision::BatchEnded { .. } => false,
    }
}
