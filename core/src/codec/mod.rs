//! How events become bytes and back: the only module that knows bincode.
//!
//! Payloads are encoded on structs that exist for storage alone (`v1`), never on live types, because bincode is
//! positional: a field added to a live type would silently change what old bytes mean. A new version of a kind is a
//! new struct with a new version number and an upcast; golden bytes of every version stay in the tests for ever.

mod action;
mod algorithm;
mod batch;
mod bytes;
mod closes;
mod decode;
mod encode;
mod fields;
mod groups;
mod identity;
mod policy;
mod reports;
mod risk;
mod stop;
mod v1;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};

pub use bytes::Truncated;
pub(crate) use bytes::{Reader, put_varint};
pub use decode::decode_fact;
pub use encode::{EncodedFact, encode_fact};
pub use identity::{decode_identity, decode_provenance, encode_identity, encode_provenance};

/// No payload is longer than this many bytes; a length beyond it is refused before anything is allocated.
pub const PAYLOAD_MAX: usize = 64 * 1024;

/// Kinds below this are inputs, all others decisions.
pub const FIRST_DECISION_KIND: u16 = 100;

/// An identity or provenance is no longer than this many bytes: a session may trade many instruments, and its file
/// stands in the provenance as it was.
pub const MANIFEST_MAX: usize = 16 * 1024 * 1024;

type Config = Configuration<LittleEndian, Varint, Limit<PAYLOAD_MAX>>;

const fn config() -> Config {
    bincode::config::standard().with_limit::<PAYLOAD_MAX>()
}

/// Stored bytes that mean nothing valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The payload is longer than [`PAYLOAD_MAX`].
    #[error("kind {kind}: a payload of {bytes} bytes is above the limit")]
    TooLong {
        /// The event's kind number.
        kind: u16,
        /// Its payload's length.
        bytes: usize,
    },
    /// The payload is not what its kind and version say.
    #[error("kind {kind}: the payload cannot be read as version {version}")]
    Unreadable {
        /// The event's kind number.
        kind: u16,
        /// Its schema version.
        version: u8,
    },
    /// The payload goes on after its last field.
    #[error("kind {kind}: {bytes} bytes follow the last field")]
    Trailing {
        /// The event's kind number.
        kind: u16,
        /// How many.
        bytes: usize,
    },
    /// A field holds a value that its type refuses.
    #[error("kind {kind}: field {field} holds a value that is refused")]
    BadField {
        /// The event's kind number.
        kind: u16,
        /// The field's name.
        field: &'static str,
    },
}

fn encode_form<T: bincode::Encode>(form: &T) -> Vec<u8> {
    // Writing to memory cannot fail for these plain structs; an empty payload would be refused on reading.
    bincode::encode_to_vec(form, config()).unwrap_or_default()
}

fn decode_form<T: bincode::Decode<()>>(kind: u16, version: u8, payload: &[u8]) -> Result<T, CodecError> {
    if payload.len() > PAYLOAD_MAX {
        return Err(CodecError::TooLong { kind, bytes: payload.len() });
    }
    whole(kind, version, payload, bincode::decode_from_slice::<T, _>(payload, config()))
}

/// As [`decode_form`], for what stands beside the events and is written once a session.
fn decode_manifest_form<T: bincode::Decode<()>>(kind: u16, payload: &[u8]) -> Result<T, CodecError> {
    let config = bincode::config::standard().with_limit::<MANIFEST_MAX>();
    if payload.len() > MANIFEST_MAX {
        return Err(CodecError::TooLong { kind, bytes: payload.len() });
    }
    whole(kind, 1, payload, bincode::decode_from_slice::<T, _>(payload, config))
}

fn whole<T>(
    kind: u16,
    version: u8,
    payload: &[u8],
    decoded: Result<(T, usize), bincode::error::DecodeError>,
) -> Result<T, CodecError> {
    let (form, read) = decoded.map_err(|_| CodecError::Unreadable { kind, version })?;
    match payload.len().saturating_sub(read) {
        0 => Ok(form),
        bytes => Err(CodecError::Trailing { kind, bytes }),
    }
}
