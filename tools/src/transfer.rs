//! Sessions out of stores and into them as the lines of an export. `retrace_projections::export` says what the lines
//! are; here they are read and written.

use std::io::{self, BufRead, Read, Write};

use retrace_core::ids::{SessionName, SessionUid};
use retrace_core::log::{LogFault, read_frames};
use retrace_core::manifest::Identity;
use retrace_core::store::{LogReader, LogStore, StoreError};
use retrace_projections::export::{
    BadExport, Begins, EndView, ExportFault, ExportLine, ExportManifest, ExportPut, ExportReader, ExportWriter,
    LINE_BYTES_MAX, Unchecked,
};

use retrace_projections::ledger::Book;
use retrace_projections::lineage::{LineageFault, Origin};

/// A session that cannot be written as an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is not whole.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// What the store holds is nothing that an import would take.
    #[error(transparent)]
    Session(#[from] ExportFault),
    /// The output cannot be written to.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// A file that cannot be taken into a store.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Whoever was given a line could not take it.
    #[error("what was read cannot be kept: {0}")]
    Seen(io::Error),
    /// It is not what an export writes.
    #[error(transparent)]
    Bad(#[from] BadExport),
    /// The store cannot take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An export that was read to its end and found right.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What the session is, and the name that the file gives it.
    pub manifest: ExportManifest,
    /// What it comes to.
    pub end: EndView,
    /// How many texts stand beside its log.
    pub texts: u64,
    /// What could not be compared with anything.
    pub unchecked: Unchecked,
}

/// Writes a whole session, a line after another; never holds more of the log than one Step.
///
/// # Errors
/// [`ExportError`] at the first thing that is wrong with the session, or if `to` cannot be written to. What was written
/// before is an export that is cut off, which every reader refuses.
pub fn write_export(
    reader: &dyn LogReader,
    name: &SessionName,
    session: SessionUid,
    to: &mut dyn Write,
) -> Result<EndView, ExportError> {
    let manifest = reader.manifest(session)?;
    let begin = Origin::of(reader, &manifest.identity).map_err(ExportFault::from)?.book;
    let (mut writer, first) = ExportWriter::beginning(name, &manifest, reader.checkpoints(session)?, begin)?;
    to.write_all(first.as_bytes())?;
    let mut stopped = None;
    let read = read_frames(reader, session, &mut |frame, _| {
        stopped = write_step(reader, session, &mut writer, frame, to).err();
        stopped.is_none()
    });
    stopped.map_or(Ok(()), Err)?;
    read?;
    let (end, last) = writer.end()?;
    to.write_all(last.as_bytes())?;
    Ok(end)
}

fn write_step(
    reader: &dyn LogReader,
    session: SessionUid,
    writer: &mut ExportWriter,
    frame: &[u8],
    to: &mut dyn Write,
) -> Result<(), ExportError> {
    let mut failed = None;
    let written = writer.step(frame, &mut |reference| {
        reader.content(session, reference).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    failed.map_or(Ok(()), Err)?;
    to.write_all(written?.line.as_bytes())?;
    Ok(())
}

/// Reads a whole export and checks all of it. `seen` is given each line once it is found right.
///
/// # Errors
/// [`ImportError`] at the first line that is not as it must be, or if `input` cannot be read or `seen` fails.
pub fn check_export(
    input: &mut dyn BufRead,
    seen: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Imported, ImportError> {
    check_export_beside(input, &mut alone, seen)
}

/// The same where sessions are at hand that the one in the file may continue: `begins` answers with what it begins with.
///
/// # Errors
/// As [`check_export`].
pub fn check_export_beside(
    input: &mut dyn BufRead,
    begins: Begins<'_>,
    seen: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Imported, ImportError> {
    each_line(input, begins, &mut |_, bytes| seen(bytes).map_err(ImportError::Seen))
}

/// What a session begins with where no other is at hand.
fn alone(identity: &Identity) -> Result<Book, LineageFault> {
    Ok(Origin::without_parents(identity)?.book)
}

/// Reads a whole export, checks all of it, and gives each line to `take` once it is found right.
///
/// # Errors
/// [`ImportError`] at the first line that is not as it must be, or if `input` cannot be read.
pub fn read_export(input: &mut dyn BufRead, take: &mut dyn FnMut(&ExportLine)) -> Result<Imported, ImportError> {
    each_line(input, &mut alone, &mut |line, _| {
        take(line);
        Ok(())
    })
}

/// Takes a whole export into `store`, under `name` or else the one in the file. Each line is checked before it is put,
/// and one commit, at the end, brings the session into being. `seen` is given each line.
///
/// # Errors
/// As [`check_export`], and [`ImportError::Store`] if the store has the session or its name or cannot be written. The
/// store must then be opened again, and has no session of it.
pub fn put_export(
    input: &mut dyn BufRead,
    store: &mut dyn LogStore,
    name: Option<SessionName>,
    seen: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Imported, ImportError> {
    put_export_beside(input, store, name, &mut alone, seen)
}

/// The same where sessions are at hand that the one in the file may continue, as in [`check_export_beside`].
///
/// # Errors
/// As [`put_export`].
pub fn put_export_beside(
    input: &mut dyn BufRead,
    store: &mut dyn LogStore,
    name: Option<SessionName>,
    begins: Begins<'_>,
    seen: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Imported, ImportError> {
    let mut put = ExportPut::new(store, name);
    let imported = each_line(input, begins, &mut |line, bytes| {
        put.line(line)?;
        seen(bytes).map_err(ImportError::Seen)
    })?;
    put.commit()?;
    Ok(imported)
}

/// Takes a line that was found right, and its bytes.
type TakeLine<'a> = &'a mut dyn FnMut(&ExportLine, &[u8]) -> Result<(), ImportError>;

fn each_line(input: &mut dyn BufRead, begins: Begins<'_>, take: TakeLine<'_>) -> Result<Imported, ImportError> {
    let mut reader = ExportReader::new();
    let (mut manifest, mut end, mut texts) = (None, None, 0_u64);
    let mut bytes = Vec::new();
    while next_line(input, &mut bytes)? > 0 {
        let line = reader.line_beside(&bytes, begins)?;
        take(&line, &bytes)?;
        match line {
            ExportLine::Manifest(first) => manifest = Some(*first),
            ExportLine::Step(step) => texts += step.texts.len() as u64,
            ExportLine::End(last) => end = Some(last),
        }
    }
    let unchecked = reader.unchecked();
    reader.finish()?;
    let (Some(manifest), Some(end)) = (manifest, end) else {
        // Never so: a reader that finished has given both.
        return Err(BadExport { line: 0, fault: ExportFault::CutOff }.into());
    };
    Ok(Imported { manifest, end, texts, unchecked })
}

/// Reads a line with its end; of one that is too long, only enough to see that it is.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    Read::take(input, LINE_BYTES_MAX as u64 + 1).read_until(b'\n', line)
}
