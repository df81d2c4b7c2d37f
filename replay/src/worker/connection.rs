//! The connection to the venue began (SEMANTICS 8): what became of requests without an answer is asked first; of such an
//! order nothing else is asked until the venue has said where it stands.

use retrace_core::event::Decision;
use retrace_core::ids::PlanNo;

use super::{batch, converge};
use crate::step::{Deciding, EngineError};

/// Asks for every order whose request has no answer, then brings every plan to its target: directives, timers and reports
/// of the time without a connection led to nothing yet.
pub(crate) fn connected(deciding: &mut Deciding<'_>) -> Result<(), EngineError> {
    for (plan, order) in deciding.state.ledger.unanswered() {
        deciding.decide(Some(plan), Some(order), Decision::QueryRequested)?;
    }
    let plans: Vec<PlanNo> = deciding.state.ledger.plans().map(|plan| plan.no).collect();
    for plan in plans {
        converge(deciding, plan)?;
    }
    batch::follow_all(deciding)
}
