//! `retrace export`: a log as text, one event a line.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use retrace_core::ids::{Seq, SessionName};
use retrace_projections::event_view::event_view;
use retrace_projections::ledger::Book;
use serde::Serialize;

use super::Status;
use super::stored::{Db, Stop, StoredSession};
use crate::error::CliError;
use crate::output::Output;
use crate::output::text::counted;

/// Write a session's log as text, one event a line
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session to export
    session: String,
    #[command(flatten)]
    db: Db,
    /// How each event is written
    #[arg(long, value_enum)]
    format: Format,
    /// File to write to instead of standard output; replaced if it is there
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
}

/// What was written, for `--json` with `--out`.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    events: Seq,
    file: String,
}

/// What stands between two events.
const LINES: &str = "\n";

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let Format::Jsonl = args.format;
    let reader = args.db.open()?;
    let session = StoredSession::find(&reader, &args.session)?;
    if let Some(path) = &args.out {
        let events = to_file(&session, path)?;
        let file = path.display().to_string();
        if output.is_json() {
            output.document(&Document { session: &session.name, events, file })?;
        } else {
            writeln!(output.page(), "{} written to {file}", counted(events.0, "event"))?;
        }
    } else if output.is_json() {
        // One document: the same objects in a list.
        write!(output.page(), "{{\"session\":\"{}\",\"events\":[", session.name)?;
        write_events(&session, output.page(), ",")?;
        writeln!(output.page(), "]}}")?;
    } else if write_events(&session, output.page(), LINES)?.0 > 0 {
        writeln!(output.page())?;
    }
    Ok(Status::Fine)
}

fn to_file(session: &StoredSession<'_>, path: &Path) -> Result<Seq, CliError> {
    let failed = |source| CliError::Write { path: path.to_owned(), source };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let events = write_events(session, &mut file, LINES)?;
    if events.0 > 0 {
        writeln!(file).map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    Ok(events)
}

/// Writes every event with `between` between two of them; answers the last one's seq.
fn write_events(session: &StoredSession<'_>, to: &mut dyn Write, between: &str) -> Result<Seq, CliError> {
    let mut book = Book::new(session.identity());
    session.read(&mut |step| {
        for event in &step.events {
            if book.ledger().seq().0 > 0 {
                to.write_all(between.as_bytes()).map_err(|error| Stop::Output(error.into()))?;
            }
            book.apply(event)?;
            serde_json::to_writer(&mut *to, &event_view(event, &book)).map_err(|error| Stop::Output(error.into()))?;
        }
        Ok(())
    })?;
    Ok(book.ledger().seq())
}
