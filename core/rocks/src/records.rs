//! The values of the database, to bytes and back, and errors that can be told twice.

use retrace_core::chain::genesis;
use retrace_core::codec::{decode_identity, decode_provenance, encode_identity, encode_provenance};
use retrace_core::content::{Content, ContentRef, Salt};
use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::store::{Checkpoint, Manifest, StoreError};

/// The form of a session's record, in its first byte.
const SESSION_RECORD: u8 = 1;

/// The stored form of a manifest.
pub(crate) fn encode_session(uid: SessionUid, manifest: &Manifest) -> Vec<u8> {
    let identity = encode_identity(&manifest.identity);
    let mut bytes = vec![SESSION_RECORD];
    bytes.extend_from_slice(&uid.0);
    bytes.extend_from_slice(&u32::try_from(identity.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&identity);
    bytes.extend_from_slice(&encode_provenance(&manifest.provenance));
    bytes
}

/// A manifest with the id and the chain start that its identity gives, `None` unless the record is whole.
pub(crate) fn decode_session(bytes: &[u8]) -> Option<(SessionUid, Head, Manifest)> {
    let (head, rest) = bytes.split_first_chunk::<17>()?;
    let (kind, uid) = head.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (identity, provenance) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let identity = decode_identity(identity).ok()?;
    let (made, start) = genesis(&identity);
    let manifest = Manifest { identity, provenance: decode_provenance(provenance).ok()? };
    (*kind == SESSION_RECORD && made.0 == *uid).then_some((made, start, manifest))
}

/// The value of a text: its salt, then the text.
pub(crate) fn encode_content(content: &Content) -> Vec<u8> {
    [&content.salt.0, content.text.as_bytes()].concat()
}

/// The text that stands under `reference`, unless it is not the one that the log committed to.
pub(crate) fn decode_content(reference: ContentRef, bytes: &[u8]) -> Option<Content> {
    let (salt, text) = bytes.split_first_chunk::<16>()?;
    let content = Content { salt: Salt(*salt), text: std::str::from_utf8(text).ok()?.to_owned() };
    (content.reference() == reference).then_some(content)
}

/// The value of a checkpoint, whose other fields are its key.
pub(crate) fn encode_checkpoint(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut value = checkpoint.digest.to_vec();
    value.push(u8::from(checkpoint.finished));
    value
}

/// A checkpoint from what follows the session's number in its key, and its value.
pub(crate) fn decode_checkpoint(key: &[u8], value: &[u8]) -> Option<Checkpoint> {
    let (seq, rest) = key.split_first_chunk::<8>()?;
    let (projection, version) = rest.split_at_checked(rest.len().checked_sub(5)?)?;
    let version = version.strip_prefix(&[0])?.try_into().ok()?;
    let (digest, finished) = value.split_first_chunk::<32>()?;
    let finished = match finished {
        [0] => false,
        [1] => true,
        _ => return None,
    };
    Some(Checkpoint {
        seq: Seq(u64::from_be_bytes(*seq)),
        projection: std::str::from_utf8(projection).ok()?.to_owned(),
        version: u32::from_be_bytes(version),
        digest: *digest,
        finished,
    })
}

/// The same error once more: it is told as often as it is asked for, and what it wraps cannot be cloned.
pub(crate) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::BehindWatermark { session, log, watermark } => {
            StoreError::BehindWatermark { session: session.clone(), log: *log, watermark: *watermark }
        }
        StoreError::NotTheLogWritten { session, seq } => {
            StoreError::NotTheLogWritten { session: session.clone(), seq: *seq }
        }
        StoreError::Damaged { place, what } => StoreError::Damaged { place: place.clone(), what: what.clone() },
        StoreError::Block { session, block, source } => {
            StoreError::Block { session: session.clone(), block: *block, source: source.clone() }
        }
        StoreError::Frame(source) => StoreError::Frame(source.clone()),
        other @ (StoreError::NoStore { .. }
        | StoreError::NotAFolder { .. }
        | StoreError::Occupied { .. }
        | StoreError::NoSession { .. }
        | StoreError::SessionExists { .. }
        | StoreError::Conflict { .. }
        | StoreError::InUse { .. }
        | StoreError::NewerFormat { .. }
        | StoreError::Backend { .. }) => StoreError::Damaged { place: "the store".to_owned(), what: other.to_string() },
    }
}
