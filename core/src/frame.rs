//! The stored bytes of one Step. `docs/storage-format.md` draws them.
//!
//! A frame can be read alone: everything that must not be repeated per event (session, magic, previous hash) stands
//! once per block instead.

use crate::codec::{
    CodecError, FIRST_DECISION_KIND, PAYLOAD_MAX, Reader, Truncated, decode_fact, encode_fact, put_varint,
};
use crate::event::{Event, Fact};
use crate::ids::{OrderNo, PlanNo, Seq};
use crate::step::{Step, TapePosition};
use crate::time::Timestamp;

/// The frame format that this build writes.
pub const FRAME_FORMAT: u8 = 1;

/// No frame holds more events than this; a Step with more is refused before it is written.
pub const FRAME_EVENTS_MAX: usize = 100_000;

const HAS_RECORDED_AT: u8 = 1;

/// Bytes that are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A format that a newer version wrote.
    #[error("frame format {found} is newer than this build's {FRAME_FORMAT}")]
    NewerFormat {
        /// The format number found.
        found: u8,
    },
    /// A flag that this format does not have.
    #[error("frame flags {flags:#04x} are not known")]
    UnknownFlags {
        /// All flag bits as found.
        flags: u8,
    },
    /// The bytes end too early or hold a malformed number.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// Bytes follow the last event.
    #[error("{bytes} bytes follow the last event")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// No event, or more than [`FRAME_EVENTS_MAX`].
    #[error("a frame of {events} events")]
    EventCount {
        /// How many it claims.
        events: u64,
    },
    /// The events of a Step do not follow one another, or one has another time than the Step.
    #[error("event {seq} does not continue its Step: {field} differs")]
    NotOneStep {
        /// The event.
        seq: Seq,
        /// `seq` or `time`.
        field: &'static str,
    },
    /// The first event is no input, or a later one is.
    #[error("event {seq}: kind {kind} cannot stand there (a Step is one input, then its decisions)")]
    OutOfPlace {
        /// The event.
        seq: Seq,
        /// Its kind number.
        kind: u64,
    },
    /// A cause that lies before the first event or not before its effect.
    #[error("event {seq}: its cause lies {back} events back")]
    BadCause {
        /// The event.
        seq: Seq,
        /// The offset as stored.
        back: u64,
    },
    /// A payload that means nothing valid.
    #[error("event {seq}: {source}")]
    Payload {
        /// The event.
        seq: Seq,
        /// Why.
        source: CodecError,
    },
}

/// The frame of a Step.
///
/// # Errors
/// [`FrameError`] if the Step has no or too many events, or one of them has a payload that could not be read back.
pub fn encode_frame(step: &Step) -> Result<Vec<u8>, FrameError> {
    let count = step.events.len();
    if count == 0 || count > FRAME_EVENTS_MAX {
        return Err(FrameError::EventCount { events: count as u64 });
    }
    let mut out = Vec::with_capacity(count.saturating_mul(48));
    out.push(FRAME_FORMAT);
    out.push(if step.recorded_at.is_some() { HAS_RECORDED_AT } else { 0 });
    put_varint(&mut out, step.first_seq().0);
    put_varint(&mut out, count as u64);
    out.extend_from_slice(&step.time.nanos().to_le_bytes());
    if let Some(recorded_at) = step.recorded_at {
        out.extend_from_slice(&recorded_at.nanos().to_le_bytes());
    }
    put_varint(&mut out, step.tape.rows.saturating_mul(4).saturating_add(u64::from(step.tape.points)));
    for (seq, event) in (step.first_seq().0..).zip(&step.events) {
        // Neither is stored per event, so a Step that is wrong in them would read back as another one.
        if event.seq.0 != seq {
            return Err(FrameError::NotOneStep { seq: event.seq, field: "seq" });
        }
        if event.time != step.time {
            return Err(FrameError::NotOneStep { seq: event.seq, field: "time" });
        }
        let encoded = encode_fact(&event.fact);
        if encoded.payload.len() > PAYLOAD_MAX {
            let source = CodecError::TooLong { kind: encoded.kind, bytes: encoded.payload.len() };
            return Err(FrameError::Payload { seq: event.seq, source });
        }
        put_varint(&mut out, u64::from(encoded.kind));
        out.push(encoded.version);
        put_varint(&mut out, event.plan.map_or(0, |plan| u64::from(plan.0)));
        put_varint(&mut out, event.order.map_or(0, |order| u64::from(order.0)));
        put_varint(&mut out, event.cause.map_or(0, |cause| event.seq.0.saturating_sub(cause.0)));
        put_varint(&mut out, encoded.payload.len() as u64);
        out.extend_from_slice(&encoded.payload);
    }
    Ok(out)
}

/// What stands before a frame's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The seq of the first event.
    pub first_seq: Seq,
    /// How many events; at least one.
    pub count: u32,
    /// The Step's time.
    pub time: Timestamp,
    /// When it was written, where that is a recorded fact.
    pub recorded_at: Option<Timestamp>,
    /// How far the tape was consumed.
    pub tape: TapePosition,
}

/// One event's header and its payload, not yet decoded: enough to find a plan's events without decoding the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// Its place in the session.
    pub seq: Seq,
    /// Its kind number.
    pub kind: u16,
    /// Its payload's schema version.
    pub version: u8,
    /// The plan it belongs to.
    pub plan: Option<PlanNo>,
    /// The order it belongs to.
    pub order: Option<OrderNo>,
    /// The earlier event that led to it.
    pub cause: Option<Seq>,
    /// Its payload as stored.
    pub payload: &'a [u8],
}

/// A frame's header and raw events.
///
/// # Errors
/// [`FrameError`] if `bytes` are not exactly one frame. Payloads are not looked into.
pub fn read_frame(bytes: &[u8]) -> Result<(FrameHeader, Vec<RawEvent<'_>>), FrameError> {
    let mut reader = Reader::new(bytes);
    let format = reader.byte()?;
    if format != FRAME_FORMAT {
        return Err(FrameError::NewerFormat { found: format });
    }
    let flags = reader.byte()?;
    if flags & !HAS_RECORDED_AT != 0 {
        return Err(FrameError::UnknownFlags { flags });
    }
    let first_seq = reader.varint()?;
    let events = reader.varint()?;
    // An event takes at least six bytes: a larger count is a lie, told before anything is allocated for it.
    let fits = events <= FRAME_EVENTS_MAX as u64 && events.saturating_mul(6) <= bytes.len() as u64;
    let count = u32::try_from(events).ok().filter(|count| *count > 0 && fits);
    let count = count.ok_or(FrameError::EventCount { events })?;
    let time = Timestamp::from_nanos(i64::from_le_bytes(reader.array()?));
    let recorded_at = if flags & HAS_RECORDED_AT == 0 {
        None
    } else {
        Some(Timestamp::from_nanos(i64::from_le_bytes(reader.array()?)))
    };
    let tape = reader.varint()?;
    let tape = TapePosition { rows: tape / 4, points: u8::try_from(tape % 4).unwrap_or(0) };
    let header = FrameHeader { first_seq: Seq(first_seq), count, time, recorded_at, tape };
    let mut raw = Vec::with_capacity(count as usize);
    for place in 0..u64::from(count) {
        raw.push(read_event(&mut reader, Seq(first_seq.saturating_add(place)), place == 0)?);
    }
    if !reader.is_empty() {
        return Err(FrameError::Trailing { bytes: reader.left() });
    }
    Ok((header, raw))
}

fn read_event<'a>(reader: &mut Reader<'a>, seq: Seq, first: bool) -> Result<RawEvent<'a>, FrameError> {
    let kind = reader.varint()?;
    let in_place = kind > 0 && u16::try_from(kind).is_ok() && (kind < u64::from(FIRST_DECISION_KIND)) == first;
    if !in_place {
        return Err(FrameError::OutOfPlace { seq, kind });
    }
    let version = reader.byte()?;
    let plan = Some(reader.varint_u32()?).filter(|plan| *plan > 0).map(PlanNo);
    let order = Some(reader.varint_u32()?).filter(|order| *order > 0).map(OrderNo);
    let back = reader.varint()?;
    if back > 0 && back >= seq.0 {
        return Err(FrameError::BadCause { seq, back });
    }
    let cause = (back > 0).then(|| Seq(seq.0.saturating_sub(back)));
    let length = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
    let payload = reader.take(length)?;
    Ok(RawEvent { seq, kind: u16::try_from(kind).unwrap_or(0), version, plan, order, cause, payload })
}

/// The Step that `bytes` hold.
///
/// # Errors
/// [`FrameError`] if `bytes` are not exactly one frame, or an event's payload means nothing valid.
pub fn decode_frame(bytes: &[u8]) -> Result<Step, FrameError> {
    let (header, raw) = read_frame(bytes)?;
    let events = raw.iter().map(|event| decode_event(&header, event)).collect::<Result<_, _>>()?;
    Ok(Step { time: header.time, recorded_at: header.recorded_at, tape: header.tape, events })
}

fn decode_event(header: &FrameHeader, raw: &RawEvent<'_>) -> Result<Event, FrameError> {
    let fact: Fact = decode_fact(raw.kind, raw.version, raw.order, raw.payload)
        .map_err(|source| FrameError::Payload { seq: raw.seq, source })?;
    Ok(Event { seq: raw.seq, time: header.time, plan: raw.plan, order: raw.order, cause: raw.cause, fact })
}
