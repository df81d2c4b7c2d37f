//! The whole state of a fold after an event, saved beside the chain so that a reader need not fold what lies before it.
//!
//! A saved state is a cache and nothing else: whoever reads one makes sure that it was saved by the same code, is whole,
//! and belongs to the log that it stands beside, and folds from the first event where that is not so. What proves
//! something never reads one.

use bincode::{Decode, Encode};

use crate::event::Head;
use crate::ids::Seq;
use crate::step::TapePosition;
use crate::time::Timestamp;

/// What a state is saved of, and by which code.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SavedBy {
    /// The projection, such as `strategy_ledger`.
    pub projection: String,
    /// The version of its fold.
    pub version: u32,
    /// A digest of the schema: of all code that says what the state is and how it is written down.
    pub schema: [u8; 32],
}

/// The state of a fold after a Step, as it is given to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldState {
    /// What it is of.
    pub by: SavedBy,
    /// The time of the Step.
    pub time: Timestamp,
    /// How far the tape was given when the Step was made.
    pub tape: TapePosition,
    /// The state itself.
    pub bytes: Vec<u8>,
}

/// Where a saved state stands in its log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SavedAt {
    /// After which event: the last one of a Step.
    pub seq: Seq,
    /// The head over the log up to it.
    pub head: Head,
    /// The block that the next event goes into.
    pub block: u32,
    /// What it is of.
    pub by: SavedBy,
    /// The time of that Step.
    pub time: Timestamp,
    /// How far the tape was given then.
    pub tape: TapePosition,
    /// BLAKE3 of the state's bytes.
    pub digest: [u8; 32],
}

impl SavedAt {
    /// Of a state that is saved behind an open block's last event: where the log ends now.
    pub fn new(seq: Seq, head: Head, block: u32, state: &FoldState) -> Self {
        let FoldState { by, time, tape, bytes } = state;
        let digest = *blake3::hash(bytes).as_bytes();
        Self { seq, head, block, by: by.clone(), time: *time, tape: *tape, digest }
    }

    /// Whether these are the bytes that were saved.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        self.digest == *blake3::hash(bytes).as_bytes()
    }

    /// As a store keeps it.
    pub fn encode(&self) -> Vec<u8> {
        // Into a vector, of plain numbers and one text: nothing of it can fail.
        bincode::encode_to_vec(self, CONFIG).unwrap_or_default()
    }

    /// What [`SavedAt::encode`] made; `None` for anything else, such as what another version kept.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (saved, read) = bincode::decode_from_slice(bytes, CONFIG).ok()?;
        (read == bytes.len()).then_some(saved)
    }
}

/// Far more than it can take.
const BYTES_MAX: usize = 4_096;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<BYTES_MAX>,
> = bincode::config::standard().with_limit::<BYTES_MAX>();
