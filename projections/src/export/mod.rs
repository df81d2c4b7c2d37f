//! A session as text: one JSON object a line, each Step with its raw frame. `docs/export-format.md` draws the lines.
//!
//! The frames are the truth, all else is a view of them. There is one spelling of an export: a reader makes every line
//! again from its frame, with the writer's own code, and takes no other. Lines in and out; whoever calls does the I/O.

mod difference;
mod fault;
mod lines;
mod put;
mod reader;
mod session;
mod writer;

pub mod tables;

pub use fault::{BadExport, Basis, ExportFault};
pub use lines::{EndView, identity_fields};
pub use put::ExportPut;
pub use reader::{ExportLine, ExportManifest, ExportReader, ExportedStep, Unchecked};
pub use session::ExportedSession;
pub use writer::{ExportWriter, WrittenStep};

/// The version of the export's lines, the first word of the first one. Raised whenever a line or a view in it changes.
pub const EXPORT_VERSION: u32 = 1;

/// No line is longer than this many bytes, its end included: what a reader must have room for.
pub const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;
