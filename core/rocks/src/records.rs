//! The values of the database, to bytes and back, and errors that can be told twice.

use std::io::Read;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use retrace_core::chain::genesis;
use retrace_core::codec::{decode_identity, decode_provenance, encode_identity, encode_provenance};
use retrace_core::content::{Content, ContentRef, Salt};
use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::store::{Checkpoint, Manifest, StoreError};

/// The form of a session's record, in its first byte: one that bears its identity's name,
const UNDER_ITS_NAME: u8 = 1;
/// and one that the store keeps under another, which then stands in the record.
const UNDER_ANOTHER_NAME: u8 = 2;

/// What a session's record says.
pub(crate) struct SessionRecord {
    /// The id that its identity gives.
    pub(crate) uid: SessionUid,
    /// What its chain starts with.
    pub(crate) start: Head,
    /// The name by which this store knows it.
    pub(crate) name: SessionName,
    pub(crate) manifest: Manifest,
}

/// The stored form of a manifest and of the name that the session has in this store.
pub(crate) fn encode_session(uid: SessionUid, name: &SessionName, manifest: &Manifest) -> Vec<u8> {
    let identity = encode_identity(&manifest.identity);
    let own = *name == manifest.identity.name;
    let mut bytes = vec![if own { UNDER_ITS_NAME } else { UNDER_ANOTHER_NAME }];
    bytes.extend_from_slice(&uid.0);
    if !own {
        // A name has at most 64 bytes.
        bytes.push(u8::try_from(name.as_str().len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(name.as_str().as_bytes());
    }
    bytes.extend_from_slice(&u32::try_from(identity.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&identity);
    bytes.extend_from_slice(&encode_provenance(&manifest.provenance));
    bytes
}

/// What a session's record says, `None` unless it is whole.
pub(crate) fn decode_session(bytes: &[u8]) -> Option<SessionRecord> {
    let (head, rest) = bytes.split_first_chunk::<17>()?;
    let (form, written) = head.split_first()?;
    let (another, rest) = match *form {
        UNDER_ITS_NAME => (None, rest),
        UNDER_ANOTHER_NAME => {
            let (length, rest) = rest.split_first()?;
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            (Some(SessionName::new(std::str::from_utf8(name).ok()?).ok()?), rest)
        }
        _ => return None,
    };
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (identity, provenance) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let identity = decode_identity(identity).ok()?;
    let (uid, start) = genesis(&identity);
    let name = another.unwrap_or_else(|| identity.name.clone());
    let manifest = Manifest { identity, provenance: decode_provenance(provenance).ok()? };
    (uid.0 == *written).then_some(SessionRecord { uid, start, name, manifest })
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

/// The bytes of a saved state, packed: it is several times as large as the log that it follows from.
pub(crate) fn pack_state(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    // Reading from memory cannot fail.
    let _ = DeflateEncoder::new(bytes, Compression::fast()).read_to_end(&mut packed);
    packed
}

/// No state that is read is larger.
const STATE_BYTES_MAX: u64 = 1 << 32;

/// What was packed; of what is damaged, as much as can be read, which then is not what was saved.
pub(crate) fn unpack_state(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = DeflateDecoder::new(packed).take(STATE_BYTES_MAX).read_to_end(&mut bytes);
    bytes
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
