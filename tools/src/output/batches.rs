//! A batch at a glance: how its trades hang together, how it ended, and where each leg stands.

use anstyle::Style;
use retrace_core::event::LegEnd;
use retrace_projections::view::{BatchView, LegView};

use super::columns::{self, Piece};
use super::style::{ALARM, BAD, BOLD, DIM, GOOD, NOTICE, PLAIN, painted};
use super::text::{counted, moment, short_id, signed_money};

/// The lines of one batch, without line ends.
pub(crate) fn batch_lines(batch: &BatchView) -> Vec<String> {
    let legs = counted(batch.legs.len() as u64, "leg");
    let mode = match (batch.execution_mode.as_str(), batch.rollback_on_failure) {
        ("SEQUENTIAL", true) => "SEQUENTIAL, with rollback",
        (mode, _) => mode,
    };
    let status = match (batch.status, &batch.failed_by) {
        ("rolled back" | "rollback_incomplete" | "rolling back", Some(plan)) => {
            format!("{}, because of {}", batch.status, short_id(plan.as_str()))
        }
        ("rolled back" | "rollback_incomplete" | "rolling back", None) => {
            format!("{}, because time ran out", batch.status)
        }
        (status, _) => status.to_owned(),
    };
    let cost = batch.result.filter(|_| batch.status.starts_with("roll"));
    let cost = cost.map_or(String::new(), |cost| format!("  came to {}", signed_money(cost)));
    let until = match (batch.ended_at, batch.deadline) {
        (Some(at), _) => format!(" to {}", moment(at)),
        (None, Some(due)) => format!(", until {}", moment(due)),
        (None, None) => String::new(),
    };
    let style = style_of(batch.status);
    let mut lines = vec![format!(
        "{}  {mode}, {legs}  {}{cost}  {}",
        painted(BOLD, format!("batch {}", batch.directive_id)),
        painted(style, status),
        painted(DIM, format!("{}{until}", moment(batch.started_at)))
    )];
    let rows = columns::lines(batch.legs.iter().map(leg_pieces).collect());
    let last = rows.len().saturating_sub(1);
    lines.extend(rows.into_iter().enumerate().map(|(place, row)| {
        let branch = if place == last { "└─ " } else { "├─ " };
        format!("{}{row}", painted(DIM, branch))
    }));
    lines
}

fn leg_pieces(leg: &LegView) -> Vec<Piece> {
    // How it ended before it was taken back says why that was done.
    let first = leg.end.map(LegEnd::as_str).filter(|end| *end != leg.status);
    let before = first.map_or(String::new(), |end| format!("after: {end}"));
    let was = leg.target_before.map_or(String::new(), |target| format!("target before {target}"));
    vec![
        Piece::word(short_id(leg.plan_id.as_str())),
        Piece::styled(style_of(leg.status), leg.status),
        Piece::styled(DIM, before),
        Piece::styled(DIM, was),
    ]
}

fn style_of(status: &str) -> Style {
    match status {
        "running" | "working" | "complete" => GOOD,
        "pending" | "not begun" | "closed" | "rolling back" => NOTICE,
        "rolled back" => PLAIN,
        "rollback_incomplete" => ALARM,
        _ => BAD,
    }
}
