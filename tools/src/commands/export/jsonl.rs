//! A session as lines: `retrace_projections::export`.

use std::io::Write;
use std::path::Path;

use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName};
use retrace_projections::event_view::event_view;
use retrace_projections::export::{EndView, ExportFault};
use serde::Serialize;

use super::failed;
use crate::commands::stored::{Stop, StoredSession};
use crate::error::CliError;
use crate::output::Output;
use crate::output::text::{counted, short_hash};
use crate::output::whole_file::WholeFile;
use crate::transfer::{ExportError, write_export};

/// What was written, for `--json` with `--out`.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    events: Seq,
    steps: u64,
    head: Head,
    file: String,
}

pub(super) fn perform(session: &StoredSession<'_>, out: Option<&Path>, output: &mut Output) -> Result<(), CliError> {
    let Some(path) = out else {
        if output.is_json() {
            return one_document(session, output.page());
        }
        return write(session, output.page()).map(|_| ()).map_err(|error| told(session, error, CliError::Output));
    };
    let mut file = WholeFile::create(path).map_err(failed(path))?;
    let end = write(session, &mut file).map_err(|error| told(session, error, failed(path)))?;
    file.finish().map_err(failed(path))?;
    let EndView { events, steps, head, .. } = end;
    let file = path.display().to_string();
    if output.is_json() {
        output.document(&Document { session: &session.name, events, steps, head, file })?;
    } else {
        let (events, steps, head) = (counted(events.0, "event"), counted(steps, "step"), short_hash(&head.0));
        writeln!(output.page(), "{events}, {steps}, head {head} written to {file}")?;
    }
    Ok(())
}

fn write(session: &StoredSession<'_>, to: &mut dyn Write) -> Result<EndView, ExportError> {
    write_export(session.reader, &session.name, session.uid, to)
}

fn told(session: &StoredSession<'_>, error: ExportError, output: impl Fn(std::io::Error) -> CliError) -> CliError {
    let name = session.name.clone();
    match error {
        ExportError::Store(source) => CliError::Store(source),
        ExportError::Log(source) => session.fault(source),
        ExportError::Session(ExportFault::History(source)) => CliError::History { session: name, source },
        ExportError::Session(ExportFault::Lineage(source)) => CliError::Lineage { session: name, source },
        ExportError::Session(source) => CliError::Export { session: name, source },
        ExportError::Output(source) => output(source),
    }
}

/// With `--json`, one document: the views of all events in a list.
fn one_document(session: &StoredSession<'_>, page: &mut dyn Write) -> Result<(), CliError> {
    write!(page, "{{\"session\":\"{}\",\"events\":[", session.name)?;
    let mut book = session.origin()?.book;
    session.read(&mut |step| {
        for event in &step.events {
            if book.ledger().seq().0 > 0 {
                page.write_all(b",").map_err(|error| Stop::Output(Box::new(error.into())))?;
            }
            book.apply(event)?;
            serde_json::to_writer(&mut *page, &event_view(event, &book))
                .map_err(|error| Stop::Output(Box::new(error.into())))?;
        }
        Ok(())
    })?;
    writeln!(page, "]}}")?;
    Ok(())
}
