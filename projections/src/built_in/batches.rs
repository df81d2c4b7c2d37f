//! A batch in the snapshot of the ledger.

use crate::projection::Section;
use crate::view::{BatchView, LegView};

pub(super) fn batch_section(batch: &BatchView) -> Section {
    Section::new(format!("batch {}", batch.directive_id))
        .below("execution_mode", batch.execution_mode)
        .below_some("rollback_on_failure", batch.rollback_on_failure.then_some("true"))
        .below("started_at", batch.started_at)
        .below_some("deadline", batch.deadline)
        .below("status", batch.status)
        .below_some("failed_by", batch.failed_by.as_ref())
        .below_some("ended_at", batch.ended_at)
        .below_some("result", batch.result.filter(|_| batch.status.starts_with("roll")))
        .inner_all(batch.legs.iter().map(leg_section))
}

fn leg_section(leg: &LegView) -> Section {
    Section::new(format!("leg {}", leg.plan_id))
        .beside("status", leg.status)
        .beside_some("end", leg.end.filter(|end| end.as_str() != leg.status))
        .beside_some("begun_at", leg.begun_at)
        .beside_some("target_before", leg.target_before)
        .beside_some("stop_before", leg.stop_before)
        .beside_some("take_profit_before", leg.take_profit_before)
}
