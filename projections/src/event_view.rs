//! One event as the world sees it: public ids beside the recorded fields. The shape of `export` and of the audit story.

use retrace_core::event::{Event, Fact};
use retrace_core::ids::{OrderId, PlanId, Seq};
use retrace_core::time::Timestamp;
use serde::{Serialize, Serializer};

use crate::ledger::Book;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventView {
    /// Its place in the session.
    pub seq: Seq,
    /// When it happened, on the session's clock.
    pub at: Timestamp,
    /// The plan it belongs to.
    pub plan_id: Option<PlanId>,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// The earlier event that led to it.
    pub cause: Option<Seq>,
    /// Its `kind`, and its own fields as `data`: apart, so that no field of a fact can hide one of the event's.
    #[serde(flatten, serialize_with = "fact")]
    pub fact: Fact,
}

/// The view of `event`. `book` is the book after it.
pub fn event_view(event: &Event, book: &Book) -> EventView {
    let plan = event.plan.and_then(|no| book.plan(no));
    let order = plan.zip(event.order).and_then(|(plan, order)| plan.order(order));
    EventView {
        seq: event.seq,
        at: event.time,
        plan_id: plan.map(|plan| plan.id.clone()),
        order_id: order.map(|order| order.id),
        cause: event.cause,
        fact: event.fact.clone(),
    }
}

/// How the `kind` of an event begins that this build does not know; its number follows.
pub(crate) const UNKNOWN_KIND: &str = "unknown_";

fn fact<S: Serializer>(fact: &Fact, serializer: S) -> Result<S::Ok, S::Error> {
    /// An event of a kind that this build does not know.
    #[derive(Serialize)]
    struct Unknown {
        kind: String,
        data: UnknownData,
    }
    /// All that is known of it.
    #[derive(Serialize)]
    struct UnknownData {
        version: u8,
        payload_bytes: usize,
    }
    match fact {
        Fact::Input(input) => input.serialize(serializer),
        Fact::Decision(decision) => decision.serialize(serializer),
        Fact::Unknown(unknown) => {
            let kind = format!("{UNKNOWN_KIND}{}", unknown.kind);
            let data = UnknownData { version: unknown.version, payload_bytes: unknown.payload.len() };
            Unknown { kind, data }.serialize(serializer)
        }
    }
}
