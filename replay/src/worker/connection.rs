//! The connection to the venue began (SEMANTICS 8): what became of requests without an answer is asked first; of such an
//! order nothing else is asked until the venue has said where it stands.

use retrace_core::event::Decision;
use retrace_core::ids::PlanNo;

use super::{batch, converge};
use crate::step::{Deciding, EngineError};

/// Asks for every order whose request has no answer, then brings every plan to its target: directives, timers and reports
/// of the time without a connection led to nothing yet.
pub(crate) fn connected(deciding: &mut Deciding<'_>) -> Result<(), EngineError> {
    ask(deciding)?;
    let plans: Vec<PlanNo> = deciding.state.ledger.plans().map(|plan| plan.no).collect();
    for plan in plans {
        converge(deciding, plan)?;
    }
    batch::follow_all(deciding)
}

/// A session goes on from another one's last ledger: what that had no answer to is asked first. Nothing else is decided,
/// before a directive, a timer or a report wakes a plan: no price was seen yet, and what the plans were to do was decided.
/// Unless the other session ended without a connection, and had decided nothing since.
pub(crate) fn continued(deciding: &mut Deciding<'_>, was_connected: bool) -> Result<(), EngineError> {
    if was_connected { ask(deciding) } else { connected(deciding) }
}

fn ask(deciding: &mut Deciding<'_>) -> Result<(), EngineError> {
    for (plan, order) in deciding.state.ledger.unanswered() {
        deciding.decide(Some(plan), Some(order), Decision::QueryRequested)?;
    }
    Ok(())
}
