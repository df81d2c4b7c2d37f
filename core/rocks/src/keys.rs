//! The keys of the database: a tag, the session's number, then what the tag says. Numbers are big-endian, so that
//! keys sort in the order of what they name.

use retrace_core::content::ContentRef;
use retrace_core::ids::Seq;
use retrace_core::store::Checkpoint;

/// A session's number within its store, in order of creation; the first is 0. Also its place in the watermark file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionNo(pub(crate) u32);

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Session number -> what the session is.
    Sessions,
    /// Session number, seq -> the frame of a Step whose block is still open.
    OpenSteps,
    /// Session number, block number -> a closed block.
    Blocks,
    /// Session number, index entry -> nothing.
    Index,
    /// Session number, reference -> a text beside the log.
    Contents,
    /// Session number, seq, projection, version -> a checkpoint.
    Checkpoints,
    /// Session number, seq -> where a state is saved.
    SavedStates,
    /// Session number, seq -> the bytes of that state.
    StateBytes,
}

impl Table {
    /// Every table but the sessions': what a session's number stands in.
    pub(crate) const OF_A_SESSION: [Self; 7] = [
        Self::OpenSteps,
        Self::Blocks,
        Self::Index,
        Self::Contents,
        Self::Checkpoints,
        Self::SavedStates,
        Self::StateBytes,
    ];

    const fn tag(self) -> u8 {
        match self {
            Self::Sessions => b's',
            Self::OpenSteps => b'o',
            Self::Blocks => b'b',
            Self::Index => b'i',
            Self::Contents => b'c',
            Self::Checkpoints => b'p',
            Self::SavedStates => b'f',
            Self::StateBytes => b'g',
        }
    }
}

/// What every key of the table begins with.
pub(crate) const fn table_prefix(table: Table) -> [u8; 1] {
    [table.tag()]
}

/// What every key of the session in that table begins with.
pub(crate) fn prefix(table: Table, session: SessionNo) -> Vec<u8> {
    let mut key = Vec::with_capacity(32);
    key.push(table.tag());
    key.extend_from_slice(&session.0.to_be_bytes());
    key
}

pub(crate) fn open_step(session: SessionNo, seq: Seq) -> Vec<u8> {
    with(Table::OpenSteps, session, &seq.0.to_be_bytes())
}

pub(crate) fn block(session: SessionNo, number: u32) -> Vec<u8> {
    with(Table::Blocks, session, &number.to_be_bytes())
}

pub(crate) fn index(session: SessionNo, entry: &[u8]) -> Vec<u8> {
    with(Table::Index, session, entry)
}

pub(crate) fn content(session: SessionNo, reference: ContentRef) -> Vec<u8> {
    with(Table::Contents, session, &reference.0)
}

pub(crate) fn checkpoint(session: SessionNo, checkpoint: &Checkpoint) -> Vec<u8> {
    let mut key = with(Table::Checkpoints, session, &checkpoint.seq.0.to_be_bytes());
    key.extend_from_slice(checkpoint.projection.as_bytes());
    key.push(0);
    key.extend_from_slice(&checkpoint.version.to_be_bytes());
    key
}

pub(crate) fn state(table: Table, session: SessionNo, seq: Seq) -> Vec<u8> {
    with(table, session, &seq.0.to_be_bytes())
}

fn with(table: Table, session: SessionNo, rest: &[u8]) -> Vec<u8> {
    let mut key = prefix(table, session);
    key.extend_from_slice(rest);
    key
}

/// What follows the session's number in a key.
pub(crate) fn rest(key: &[u8]) -> &[u8] {
    key.get(5..).unwrap_or_default()
}

/// The session's number in a key.
pub(crate) fn session_of(key: &[u8]) -> Option<SessionNo> {
    let bytes = key.get(1..5)?.try_into().ok()?;
    Some(SessionNo(u32::from_be_bytes(bytes)))
}
