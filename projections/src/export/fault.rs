//! Why a text is no export of a session, and where.

use base64::DecodeError;
use retrace_core::codec::CodecError;
use retrace_core::content::ContentRef;
use retrace_core::frame::FrameError;
use retrace_core::ids::{IdError, Seq};

use super::difference::shortened;
use super::{EXPORT_VERSION, LINE_BYTES_MAX};
use crate::ledger::BrokenHistory;
use crate::lineage::LineageFault;

impl From<LineageFault> for ExportFault {
    fn from(fault: LineageFault) -> Self {
        Self::Lineage(Box::new(fault))
    }
}

/// A line that no export holds at this place.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct BadExport {
    /// Its number, from 1; where the text ends too early, that of the line that was to come.
    pub line: u64,
    /// What is wrong with it.
    #[source]
    pub fault: ExportFault,
}

/// What a view in a line is made of again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The identity's raw bytes, in the same line.
    Identity,
    /// The Step's raw frame, in the same line.
    Frame,
    /// All frames up to here.
    Log,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// The text holds nothing at all.
    #[error("the file is empty")]
    Empty,
    /// The text ends inside a line.
    #[error("the line does not end: the file is cut off")]
    CutInLine,
    /// The text ends after a whole line that is not the last one of an export.
    #[error("the line with `end` was to come: the file is cut off")]
    CutOff,
    /// A line above [`LINE_BYTES_MAX`].
    #[error("the line is longer than {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// Bytes that are no text.
    #[error("byte {at} of the line is no UTF-8")]
    NotUtf8 {
        /// The first such byte, from 1.
        at: usize,
    },
    /// Another line than the one that belongs there.
    #[error("a line that begins with {expected} was to come")]
    OtherLine {
        /// How the line begins that was to come.
        expected: &'static str,
    },
    /// A second first line.
    #[error("a second session begins; a file holds one")]
    SecondManifest,
    /// A line behind the last one.
    #[error("the line with `end` was the last one")]
    AfterEnd,
    /// A line whose fields are not those of its kind, or that is no JSON.
    #[error("{}", json(.0))]
    Json(#[from] serde_json::Error),
    /// Lines that a newer version wrote.
    #[error("retrace_export is {found}; this build reads {EXPORT_VERSION}")]
    OtherVersion {
        /// The version found.
        found: u64,
    },
    /// A field that is no base64, or none in its one spelling.
    #[error("{field} is no base64: {}", base64_fault(.source))]
    Base64 {
        /// The field.
        field: &'static str,
        /// Why.
        source: DecodeError,
    },
    /// A field that is no digest or salt: twice as many hex digits as it has bytes.
    #[error("{field} is not {digits} hex digits")]
    NotHex {
        /// The field.
        field: &'static str,
        /// How many there are to be.
        digits: usize,
    },
    /// A session name that is none.
    #[error("session: {0}")]
    Name(#[from] IdError),
    /// A time that is none.
    #[error("provenance.created_at: `{value}` is not a time in RFC 3339")]
    NotATime {
        /// The text as given, shortened.
        value: String,
    },
    /// The identity's bytes mean nothing valid.
    #[error("identity: {0}")]
    Identity(#[from] CodecError),
    /// A session that it continues is not at hand.
    #[error(transparent)]
    Lineage(Box<LineageFault>),
    /// The identity's bytes are not those that its content is written in.
    #[error("identity: the bytes are not the one form of what they say")]
    IdentityForm,
    /// A frame that cannot be read.
    #[error("frame, event {seq}: {source}")]
    Frame {
        /// The event that was to come next.
        seq: Seq,
        /// Why.
        source: FrameError,
    },
    /// The seqs leave a gap or repeat.
    #[error("frame: event {expected} was to come next, this one begins with event {found}")]
    Gap {
        /// The seq that was to come next.
        expected: Seq,
        /// The seq found.
        found: Seq,
    },
    /// A Step's time or tape position lies before that of the Step before it.
    #[error("frame, event {seq}: its {what} goes back")]
    GoesBack {
        /// The Step's first event.
        seq: Seq,
        /// `time` or `tape position`.
        what: &'static str,
    },
    /// A fact that does not follow from the ones before it.
    #[error("frame: {0}")]
    History(#[from] BrokenHistory),
    /// A view that is not what its basis gives.
    #[error("{}{path} is {file} here, but {basis} {made}", at(*.seq))]
    Disagrees {
        /// The event whose view it is, where it is one's.
        seq: Option<Seq>,
        /// Which field, from the line's outermost object on.
        path: String,
        /// Its value in the file, as JSON, shortened.
        file: String,
        /// Its value as made again, as JSON, shortened.
        made: String,
        /// What it was made of.
        basis: Basis,
    },
    /// A line that says what it must in another spelling.
    #[error("the line is not spelled as an export is, from byte {at} on")]
    Spelling {
        /// The first byte that differs, from 1.
        at: usize,
    },
    /// A text that is not the one which the log committed to.
    #[error("event {seq}: the text and salt under {reference} do not have that digest")]
    Text {
        /// The first event of the Step.
        seq: Seq,
        /// The reference.
        reference: ContentRef,
    },
    /// A text that no event of its Step refers to as the first one.
    #[error("event {seq}: no event of this Step is the first to refer to {reference}")]
    StrayText {
        /// The first event of the Step.
        seq: Seq,
        /// The reference.
        reference: ContentRef,
    },
    /// A checkpoint's digest is not that of the ledger there.
    #[error("checkpoints: the ledger folded up to event {seq} is not the one that was noted for it")]
    Checkpoint {
        /// After which event.
        seq: Seq,
    },
    /// A mark of the digest trail is not what the events up to it come to.
    #[error("checkpoints: what was told and decided up to event {seq} is not what was noted for it")]
    Trail {
        /// After which event.
        seq: Seq,
    },
    /// Checkpoints that do not follow one another.
    #[error("checkpoints: that for event {seq} does not follow the one before it")]
    CheckpointOrder {
        /// After which event.
        seq: Seq,
    },
    /// A checkpoint for an event that the log does not have.
    #[error("checkpoints: a digest is noted for event {seq}, but the log ends at {last}")]
    CheckpointBeyond {
        /// After which event.
        seq: Seq,
        /// The log's last event.
        last: Seq,
    },
}

impl std::fmt::Display for Basis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Identity => "the identity's bytes say",
            Self::Frame => "the frame says",
            Self::Log => "the frames give",
        })
    }
}

fn at(seq: Option<Seq>) -> String {
    seq.map_or_else(String::new, |seq| format!("event {seq}: "))
}

/// Places are counted from 1, as in all messages.
fn base64_fault(error: &DecodeError) -> String {
    match error {
        DecodeError::InvalidByte(at, byte) => {
            format!("character {} of it, {:?}, cannot stand there", at.saturating_add(1), char::from(*byte))
        }
        DecodeError::InvalidLastSymbol { .. } => "its last digit says more than there is room for".to_owned(),
        DecodeError::InvalidLength(length) => format!("{length} digits are none or one too many"),
        DecodeError::InvalidPadding => "it does not end with the `=` that it needs".to_owned(),
    }
}

/// Every line is a JSON text of its own: its column is what is to be told, not its "line 1".
fn json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = shortened(text.split(" at line ").next().unwrap_or_default());
    format!("{what} (byte {} of the line)", error.column())
}
