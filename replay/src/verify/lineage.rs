//! The sessions that a session continues: that they are there as they were, and what was said in them.

use retrace_core::event::{Input, Report, ReportKind};
use retrace_core::ids::SessionUid;
use retrace_core::manifest::Identity;
use retrace_core::store::LogReader;
use retrace_projections::ledger::{PROJECTION, PROJECTION_VERSION};
use retrace_projections::lineage::{LineageFault, Origin};

use super::redecide::input_of;
use super::redeliver::is_repeat;
use super::{Finding, REBUILD};

/// Why nothing was decided again.
pub(super) const NOT_THERE: &str = "the session that it continues is not there as it was";

/// What the session begins with; `None`, with a finding, where that cannot be had.
pub(super) fn origin(
    reader: &dyn LogReader,
    session: SessionUid,
    identity: &Identity,
    findings: &mut Vec<Finding>,
) -> Option<Origin> {
    let origin = match Origin::of(reader, identity) {
        Ok(origin) => origin,
        Err(fault) => {
            findings.push(Finding::new(REBUILD, None, fault.to_string()));
            return None;
        }
    };
    let continuing = origin.ancestors.iter().skip(1).map(|ancestor| ancestor.uid).chain([session]);
    for (ancestor, by) in origin.ancestors.iter().zip(continuing) {
        if !ancestor.agrees && is_of_this_version(reader, by) {
            let (name, events) = (&ancestor.name, ancestor.events);
            let what =
                format!("session {name} folds to another ledger up to event {events} than the one that was continued");
            findings.push(Finding::new(REBUILD, None, what));
        }
    }
    Some(origin)
}

/// Whether nothing says that a session was recorded under another version of the fold, by which the digest that it began
/// with is another one.
fn is_of_this_version(reader: &dyn LogReader, session: SessionUid) -> bool {
    let noted = reader.checkpoints(session).unwrap_or_default();
    let mut versions =
        noted.iter().filter(|noted| noted.projection == PROJECTION).map(|noted| noted.version).peekable();
    versions.peek().is_none() || versions.any(|version| version == PROJECTION_VERSION)
}

/// What was delivered in the sessions before and changes nothing when it comes again: directives under their ids, and
/// trades. Without what was a repeat there.
///
/// # Errors
/// [`LineageFault`] if their logs cannot be read any more.
pub(super) fn said_in(reader: &dyn LogReader, origin: &Origin) -> Result<Vec<Input>, LineageFault> {
    let mut said = Vec::new();
    for ancestor in &origin.ancestors {
        ancestor.read(reader, &mut |step| match input_of(step) {
            Some(input @ Input::DirectiveReceived(_)) if !is_repeat(step) => said.push(input.clone()),
            // Whose request it answers is told in the numbers of another log.
            Some(Input::Report(report)) if matches!(report.what, ReportKind::Filled(_)) => {
                said.push(Input::Report(Report { answers: None, ..report.clone() }));
            }
            Some(_) | None => {}
        })?;
    }
    Ok(said)
}
