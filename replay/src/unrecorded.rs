//! What a venue received of a session, held against its log: a request that the log does not have left the process
//! before the event that decided it was durable. Write before act (DESIGN 4) forbids that.

use std::collections::BTreeMap;
use std::fmt;

use retrace_core::ids::{OrderId, Seq, SessionUid};
use retrace_core::log::{LogFault, read_log};
use retrace_core::store::LogReader;
use retrace_projections::ledger::Book;
use serde::Serialize;

use crate::effect::effect_of;

/// A request that reached a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Received {
    /// The order that it was for.
    pub client_order_id: OrderId,
    /// The event that decided it, where who tells of it knows: a connector does, a venue's list of orders does not.
    pub seq: Option<Seq>,
}

/// A request that reached a venue and that the session's log does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unrecorded {
    /// What the venue received.
    pub received: Received,
    /// Whether the log has any request for that order.
    pub order_known: bool,
    /// The log's last event.
    pub log_ends: Seq,
}

impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Received { client_order_id, seq } = self.received;
        let what = if self.order_known { "a request for" } else { "the order" };
        write!(f, "the venue has {what} {client_order_id} of this session")?;
        if let Some(seq) = seq {
            write!(f, ", decided by event {seq}")?;
        }
        write!(f, ", and the log, which ends at event {}, does not: it left before it was durable", self.log_ends)
    }
}

/// Those of `received` that the log of `session` does not have, in order of their events. Orders whose ids are not this
/// session's are someone else's and left out.
///
/// # Errors
/// [`LogFault`] where the log cannot be read. One that cannot be folded answers for the part before that.
pub fn unrecorded(
    reader: &dyn LogReader,
    session: SessionUid,
    received: impl IntoIterator<Item = Received>,
) -> Result<Vec<Unrecorded>, LogFault> {
    // Each order with whether the log has it, and what of it was not met yet.
    let mut open: BTreeMap<OrderId, (bool, Vec<Received>)> = BTreeMap::new();
    for one in received.into_iter().filter(|one| one.client_order_id.is_of(session)) {
        open.entry(one.client_order_id).or_default().1.push(one);
    }
    let mut book = Book::new(&reader.manifest(session)?.identity);
    let end = read_log(reader, session, &mut |step| {
        for event in &step.events {
            if book.apply(event).is_err() {
                return false;
            }
            let Some(effect) = effect_of(event, book.ledger()) else { continue };
            if let Some((known, left)) = open.get_mut(&effect.client_order_id) {
                *known = true;
                left.retain(|one| one.seq.is_some_and(|seq| seq != effect.seq));
            }
        }
        true
    })?;
    let found = open.into_values().flat_map(|(order_known, left)| {
        let of = move |received| Unrecorded { received, order_known, log_ends: end.last_seq };
        left.into_iter().map(of)
    });
    let mut found: Vec<Unrecorded> = found.collect();
    found.sort_by_key(|one| (one.received.seq, one.received.client_order_id));
    Ok(found)
}
