//! A session's log folded up to a moment: from a state that was saved on the way, where one is of use.

use retrace_core::event::Head;
use retrace_core::ids::Seq;
use retrace_core::saved::SavedAt;
use retrace_core::step::TapePosition;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::Book;
use retrace_projections::lineage::Origin;

use super::at::At;
use crate::commands::states::{ContinuedFrom, Saved, SavedStates};
use crate::commands::stored::{Stop, StoredSession};
use crate::error::CliError;

/// A log folded up to a moment.
pub(super) struct Folded {
    pub(super) book: Book,
    /// The session that it continues.
    pub(super) parent: Option<ContinuedFrom>,
    /// The time of the last event folded.
    pub(super) time: Option<Timestamp>,
    /// How far the tape was given when the last Step folded was made.
    pub(super) tape: TapePosition,
    /// Whether that is all of the log.
    pub(super) whole: bool,
    pub(super) head: Head,
}

/// Folds the log up to the moment asked for, or to its end: from a state that was saved on the way, where one is of use.
pub(super) fn fold(session: &StoredSession<'_>, at: Option<At>, states: SavedStates) -> Result<Folded, CliError> {
    let includes = |place: &SavedAt| at.is_none_or(|at| at.includes(place.seq, place.time));
    if let Some(Saved { place, book }) = states.last(session, includes) {
        // Where the log cannot be read on from there, folding all of it says why.
        if let Ok(folded) = fold_behind(session, at, Some(&place), book, session.continued_from()?) {
            return Ok(folded);
        }
    }
    let Origin { book, mut ancestors } = session.origin()?;
    fold_behind(session, at, None, book, ancestors.pop().map(ContinuedFrom::from))
}

/// Folds the log into `book` from `place` on, or from its first event.
fn fold_behind(
    session: &StoredSession<'_>,
    at: Option<At>,
    place: Option<&SavedAt>,
    mut book: Book,
    parent: Option<ContinuedFrom>,
) -> Result<Folded, CliError> {
    let mut last = place.map(|place| (place.seq, place.time));
    let mut time = place.map(|place| place.time);
    let mut tape = place.map(|place| place.tape).unwrap_or_default();
    let mut whole_steps = 0_u64;
    let end = session.read_behind(place, &mut |step| {
        for event in &step.events {
            last = Some((event.seq, event.time));
            if at.is_some_and(|at| !at.includes(event.seq, event.time)) {
                return Err(Stop::Enough);
            }
            book.apply(event)?;
            time = Some(event.time);
            tape = step.tape;
        }
        whole_steps = whole_steps.saturating_add(1);
        Ok(())
    })?;
    let whole = end.is_some();
    let head = match end {
        Some(end) => {
            at.map_or(Ok(()), |at| check_reached(session, at, last))?;
            end.head
        }
        None => session.head_after(place, whole_steps)?,
    };
    Ok(Folded { book, parent, time, tape, whole, head })
}

/// A seq beyond the log's last event is refused. A time is not: every event lies at or before it.
fn check_reached(session: &StoredSession<'_>, at: At, last: Option<(Seq, Timestamp)>) -> Result<(), CliError> {
    let session = session.name.clone();
    match (at, last) {
        (At::Seq(asked), Some((last, at))) if asked > last => Err(CliError::NoSuchEvent { session, asked, last, at }),
        (At::Seq(asked), None) if asked.0 > 0 => Err(CliError::NoEvents { session, asked }),
        (At::Seq(_) | At::Time(_), _) => Ok(()),
    }
}
