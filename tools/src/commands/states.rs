//! What a reading command need not fold: the states that a run saved beside its log.

use std::fmt::Display;

use clap::Args;
use retrace_core::event::Head;
use retrace_core::ids::{PlanId, Seq, SessionName};
use retrace_core::index::IndexEntry;
use retrace_core::saved::SavedAt;
use retrace_projections::ledger::{Book, NoState};
use retrace_projections::lineage::Ancestor;

use super::stored::StoredSession;
use crate::error::CliError;
use crate::output::warn;

/// Whether states that are saved are of use.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct SavedStates {
    /// Fold from the first event on, whatever states the run saved on its way
    #[arg(long)]
    no_saved_state: bool,
}

/// A book as it was saved, and where.
pub(super) struct Saved {
    pub(super) place: SavedAt,
    pub(super) book: Book,
}

impl SavedStates {
    /// The last state of the session that this code saved, is whole, and fits by its place.
    pub(super) fn last(self, session: &StoredSession<'_>, fits: impl Fn(&SavedAt) -> bool) -> Option<Saved> {
        self.last_of(session, fits, |_| true)
    }

    /// The same where the book must fit, too.
    fn last_of(
        self,
        session: &StoredSession<'_>,
        fits: impl Fn(&SavedAt) -> bool,
        accepts: impl Fn(&Book) -> bool,
    ) -> Option<Saved> {
        if self.no_saved_state {
            return None;
        }
        let (reader, uid, name) = (session.reader, session.uid, &session.name);
        let places = reader.saved_states(uid).unwrap_or_else(|error| {
            warn(&format!("session {name}: {error}; no saved state is used"));
            Vec::new()
        });
        places.into_iter().rev().filter(|place| fits(place)).find_map(|place| {
            let seq = place.seq;
            let not_used = |why: &dyn Display| {
                warn(&format!("session {name}: the state saved after event {seq} is not used: {why}"));
            };
            let bytes = reader.saved_state(uid, seq).unwrap_or_else(|error| {
                not_used(&error);
                None
            })?;
            match Book::saved(&place, &bytes) {
                Ok(book) => Some(Saved { place, book }).filter(|saved| accepts(&saved.book)),
                Err(NoState::OtherCode) => None,
                Err(damaged @ NoState::Damaged) => {
                    not_used(&damaged);
                    None
                }
            }
        })
    }

    /// The same before anything is said of `plan`.
    pub(super) fn before_plan(self, session: &StoredSession<'_>, plan: &PlanId) -> Option<Saved> {
        // What was refused in another session and is told again in this one is part of the story, and the ledger has no trace
        // of that.
        if session.identity().continues.is_some() {
            return None;
        }
        let block = first_block_of(session, plan);
        let early = |place: &SavedAt| block.is_none_or(|block| place.block < block);
        self.last_of(session, early, |book| is_silent_of(book, plan))
    }
}

/// A block before which no event is `plan`'s; `None` where no closed block says that it was taken on.
fn first_block_of(session: &StoredSession<'_>, plan: &PlanId) -> Option<u32> {
    let (reader, uid) = (session.reader, session.uid);
    let named = reader.index(uid, &IndexEntry::plan_name_prefix(plan)).ok()?;
    let number = named.iter().find_map(|entry| match entry {
        IndexEntry::PlanName { plan, .. } => Some(*plan),
        IndexEntry::Plan { .. } | IndexEntry::Directive { .. } | IndexEntry::Kind { .. } => None,
    });
    let entries = reader.index(uid, &IndexEntry::plan_prefix(number?)).ok()?;
    let blocks = entries.iter().filter_map(|entry| match entry {
        IndexEntry::Plan { block, .. } => Some(*block),
        IndexEntry::PlanName { .. } | IndexEntry::Directive { .. } | IndexEntry::Kind { .. } => None,
    });
    blocks.min()
}

/// Whether nothing up to there is of `plan`'s story, in a session that continues none: what comes before a plan is taken on
/// is a refusal, or the batch that it is a leg of. What was refused as a whole may have named it.
fn is_silent_of(book: &Book, plan: &PlanId) -> bool {
    let ledger = book.ledger();
    ledger.plan_number(plan).is_none()
        && ledger.refusals().iter().all(|refused| refused.plan_id.as_ref().is_some_and(|named| named != plan))
        && ledger.batches().all(|batch| batch.legs.iter().all(|leg| leg.plan_id != *plan))
}

/// The session that one continues, and where.
pub(super) struct ContinuedFrom {
    pub(super) name: SessionName,
    pub(super) events: Seq,
    pub(super) head: Head,
}

impl StoredSession<'_> {
    /// The session that it continues, without folding that one where its log still ends there.
    pub(super) fn continued_from(&self) -> Result<Option<ContinuedFrom>, CliError> {
        let Some(from) = self.identity().continues else { return Ok(None) };
        let parent = self.reader.sessions()?.into_iter().find(|(_, uid)| *uid == from.parent);
        if let Some((name, uid)) = parent {
            let extent = StoredSession::of(self.reader, name.clone(), uid)?.extent()?;
            if extent.head == from.head {
                return Ok(Some(ContinuedFrom { name, events: extent.events, head: extent.head }));
            }
        }
        let parent = self.origin()?.ancestors.pop();
        Ok(parent.map(ContinuedFrom::from))
    }
}

impl From<Ancestor> for ContinuedFrom {
    fn from(Ancestor { name, events, head, .. }: Ancestor) -> Self {
        Self { name, events, head }
    }
}
