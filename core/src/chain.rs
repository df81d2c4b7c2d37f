//! Blocks of frames and the hash chain over them.
//!
//! `chain_0` is the BLAKE3 of the identity; `chain_k = BLAKE3(domain | chain_{k-1} | frames of block k)`; the *head* is
//! the same formula over the block that is still open. A block closes with the Step that brings it to a fixed number
//! of events or bytes: a function of content, never of when something was committed, so two runs make the same blocks.

use crate::codec::{Reader, Truncated, encode_identity, put_varint};
use crate::event::Head;
use crate::frame::{FrameError, read_frame};
use crate::ids::{Seq, SessionUid};
use crate::manifest::Identity;
use crate::saved::{FoldState, SavedAt};

/// The block format that this build writes.
pub const BLOCK_FORMAT: u8 = 1;

const MAGIC: [u8; 4] = *b"RTRB";
const HEADER_LEN: usize = 4 + 1 + 16 + 4 + 32 + 8 + 4 + 4;

/// When a block closes. Part of the format: all logs use [`BlockLimits::FORMAT_1`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// With the Step that brings it to this many events,
    pub events: u32,
    /// or to this many bytes of frames, whichever comes first.
    pub bytes: u32,
}

impl BlockLimits {
    /// What format 1 uses; the measurements behind it stand in `docs/storage-format.md`.
    pub const FORMAT_1: Self = Self { events: 256, bytes: 64 * 1024 };
}

/// Bytes that are no block, or not the one expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The magic is missing.
    #[error("does not begin with the magic of a block")]
    NoMagic,
    /// A format that a newer version wrote.
    #[error("block format {found} is newer than this build's {BLOCK_FORMAT}")]
    NewerFormat {
        /// The format number found.
        found: u8,
    },
    /// The bytes end too early or hold a malformed number.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// A frame inside it that cannot be read.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Its header and its frames disagree.
    #[error("its header says {field} {header}, its frames say {frames}")]
    Disagrees {
        /// Which number.
        field: &'static str,
        /// As the header has it.
        header: u64,
        /// As the frames have it.
        frames: u64,
    },
}

/// The start of a session's chain: its identity's hash, and the id made of it.
pub fn genesis(identity: &Identity) -> (SessionUid, Head) {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 session identity 1");
    hasher.update(&encode_identity(identity));
    let digest = *hasher.finalize().as_bytes();
    (Identity::uid_of(&digest), Head(digest))
}

fn chain_hasher(previous: Head) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 log chain 1");
    hasher.update(&previous.0);
    hasher
}

/// The block that is being filled. Knows the chain up to now.
#[derive(Clone)]
pub struct OpenBlock {
    session: SessionUid,
    limits: BlockLimits,
    number: u32,
    previous: Head,
    first_seq: Seq,
    events: u32,
    steps: u32,
    frames: Vec<u8>,
    hasher: blake3::Hasher,
}

/// A block as it is stored, and the chain after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedBlock {
    /// Its number; the first is 1.
    pub number: u32,
    /// The seq of its first event.
    pub first_seq: Seq,
    /// Its stored bytes.
    pub bytes: Vec<u8>,
    /// `chain_k` for this block.
    pub chain: Head,
}

impl OpenBlock {
    /// The first block of a session.
    pub fn first(session: SessionUid, genesis: Head, limits: BlockLimits) -> Self {
        Self::after(session, limits, 0, genesis, Seq(1))
    }

    /// The block that follows block `number`, whose chain value is `previous`; its first event is `first_seq`.
    pub fn after(session: SessionUid, limits: BlockLimits, number: u32, previous: Head, first_seq: Seq) -> Self {
        Self {
            session,
            limits,
            number: number.saturating_add(1),
            previous,
            first_seq,
            events: 0,
            steps: 0,
            frames: Vec::new(),
            hasher: chain_hasher(previous),
        }
    }

    /// Its number; the first is 1. One less is the number of closed blocks.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The seq that the next frame must begin with.
    pub fn next_seq(&self) -> Seq {
        Seq(self.first_seq.0.saturating_add(u64::from(self.events)))
    }

    /// Where a state stands that is saved now.
    pub fn saves(&self, state: &FoldState) -> SavedAt {
        SavedAt::new(Seq(self.next_seq().0.saturating_sub(1)), self.head(), self.number, state)
    }

    /// The hash over all of the log up to now.
    pub fn head(&self) -> Head {
        Head(*self.hasher.finalize().as_bytes())
    }

    /// Takes the frame of the next Step, of `events` events. Where that fills the block, gives it closed and goes on
    /// as the block after it.
    pub fn push(&mut self, frame: &[u8], events: u32) -> Option<ClosedBlock> {
        let mut length = Vec::with_capacity(5);
        put_varint(&mut length, frame.len() as u64);
        for part in [&length, frame] {
            self.hasher.update(part);
            self.frames.extend_from_slice(part);
        }
        self.events = self.events.saturating_add(events);
        self.steps = self.steps.saturating_add(1);
        let full = self.events >= self.limits.events || self.frames.len() >= self.limits.bytes as usize;
        full.then(|| self.close())
    }

    /// Closes the block where it stands, against the rule of content: for forging wrong logs in tests.
    #[cfg(any(test, feature = "testkit"))]
    pub fn force_close(&mut self) -> ClosedBlock {
        self.close()
    }

    fn close(&mut self) -> ClosedBlock {
        let chain = self.head();
        let mut bytes = Vec::with_capacity(self.frames.len().saturating_add(HEADER_LEN));
        bytes.extend_from_slice(&MAGIC);
        bytes.push(BLOCK_FORMAT);
        bytes.extend_from_slice(&self.session.0);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.previous.0);
        bytes.extend_from_slice(&self.first_seq.0.to_le_bytes());
        bytes.extend_from_slice(&self.events.to_le_bytes());
        bytes.extend_from_slice(&self.steps.to_le_bytes());
        bytes.extend_from_slice(&self.frames);
        let closed = ClosedBlock { number: self.number, first_seq: self.first_seq, bytes, chain };
        *self = Self::after(self.session, self.limits, self.number, chain, self.next_seq());
        closed
    }
}

/// A stored block, its header read and its frames told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The session it belongs to.
    pub session: SessionUid,
    /// Its number; the first is 1.
    pub number: u32,
    /// The chain value of the block before it.
    pub previous: Head,
    /// The seq of its first event.
    pub first_seq: Seq,
    /// How many events it has.
    pub events: u32,
    /// Its frames, in order, without their length prefixes.
    pub frames: Vec<&'a [u8]>,
    /// `chain_k` over what it holds, computed from its bytes.
    pub chain: Head,
}

impl<'a> Block<'a> {
    /// The seq of the event that follows it.
    pub fn next_seq(&self) -> Seq {
        Seq(self.first_seq.0.saturating_add(u64::from(self.events)))
    }

    /// Reads a stored block and checks that its header agrees with its frames. Payloads are not looked into.
    ///
    /// # Errors
    /// [`BlockError`] if `bytes` are not exactly one block.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BlockError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<4>()? != MAGIC {
            return Err(BlockError::NoMagic);
        }
        let format = reader.byte()?;
        if format != BLOCK_FORMAT {
            return Err(BlockError::NewerFormat { found: format });
        }
        let session = SessionUid(reader.array()?);
        let number = u32::from_le_bytes(reader.array()?);
        let previous = Head(reader.array()?);
        let first_seq = Seq(u64::from_le_bytes(reader.array()?));
        let events = u32::from_le_bytes(reader.array()?);
        let steps = u32::from_le_bytes(reader.array()?);
        let mut hasher = chain_hasher(previous);
        hasher.update(reader.take(reader.left())?);
        let mut reader = Reader::new(bytes.get(HEADER_LEN..).unwrap_or_default());
        let mut frames = Vec::new();
        let mut counted = 0_u64;
        while !reader.is_empty() {
            let length = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
            let frame = reader.take(length)?;
            let (header, _) = read_frame(frame)?;
            let expected = first_seq.0.saturating_add(counted);
            if header.first_seq.0 != expected {
                return Err(BlockError::Disagrees { field: "seq", header: expected, frames: header.first_seq.0 });
            }
            counted = counted.saturating_add(u64::from(header.count));
            frames.push(frame);
        }
        for (field, header, found) in
            [("events", u64::from(events), counted), ("steps", u64::from(steps), frames.len() as u64)]
        {
            if header != found {
                return Err(BlockError::Disagrees { field, header, frames: found });
            }
        }
        Ok(Self { session, number, previous, first_seq, events, frames, chain: Head(*hasher.finalize().as_bytes()) })
    }
}
