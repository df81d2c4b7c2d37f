//! What is saved for reading commands, held against the fold: nothing here is folded from a saved state.

use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::read_log_behind;
use retrace_core::saved::SavedAt;
use retrace_core::step::Step;
use retrace_core::store::LogReader;
use retrace_projections::ledger::{Book, saved_by};

use super::{Finding, INTEGRITY, REBUILD};

/// Where this build's states are saved. Those of other code are read by nobody, and not looked at.
pub(super) struct SavedStates(Vec<SavedAt>);

impl SavedStates {
    pub(super) fn of(reader: &dyn LogReader, session: SessionUid, findings: &mut Vec<Finding>) -> Self {
        let mut places = reader.saved_states(session).unwrap_or_else(|error| {
            findings.push(Finding::new(INTEGRITY, None, error.to_string()));
            Vec::new()
        });
        places.retain(|place| place.by == saved_by());
        Self(places)
    }

    /// Holds what is saved behind `step` against `book`, which was folded up to it.
    pub(super) fn check(&self, reader: &dyn LogReader, session: SessionUid, step: &Step, book: &Book) -> Vec<Finding> {
        let here = self.0.partition_point(|place| place.seq < step.first_seq());
        let here = self.0.iter().skip(here).take_while(|place| place.seq <= step.last_seq());
        here.filter_map(|place| {
            let seq = place.seq;
            let what = if seq < step.last_seq() {
                format!("a state is saved for event {seq}, in the middle of a Step")
            } else {
                match reader.saved_state(session, seq) {
                    Err(error) => return Some(Finding::new(INTEGRITY, Some(seq), error.to_string())),
                    Ok(None) => format!("the state saved after event {seq} is not there"),
                    Ok(Some(bytes)) if !place.is_of(&bytes) => format!("the state saved after event {seq} is damaged"),
                    Ok(Some(bytes)) if book.save().as_ref() != Some(&bytes) => {
                        format!("the state saved after event {seq} is not what the log folds to")
                    }
                    Ok(Some(_)) if (place.time, place.tape) != (step.time, step.tape) => {
                        format!("the state saved after event {seq} is said to be of another moment")
                    }
                    // What is read behind it begins with the log's own head there.
                    Ok(Some(_)) => {
                        let fault = read_log_behind(reader, session, place, &mut |_| false).err()?;
                        format!("nothing can be read behind the state saved after event {seq}: {fault}")
                    }
                }
            };
            Some(Finding::new(REBUILD, Some(seq), what))
        })
        .collect()
    }

    /// States that are saved for events which the log does not have.
    pub(super) fn beyond_the_end(&self, last: Seq) -> impl Iterator<Item = Finding> + '_ {
        self.0.iter().filter(move |place| place.seq > last).map(move |place| {
            let what = format!("a state is saved for event {}, but the log ends at {last}", place.seq);
            Finding::new(REBUILD, Some(place.seq), what)
        })
    }
}
