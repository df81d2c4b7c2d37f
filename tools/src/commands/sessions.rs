//! `retrace sessions`: what a store holds.

use retrace_core::event::{Head, SessionContinued};
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::manifest::{Mode, WhatIf};
use retrace_core::store::{LogReader, Manifest};
use retrace_core::time::Timestamp;
use serde::Serialize;

use super::Status;
use super::stored::{Db, Extent, StoredSession, lost_session};
use crate::error::CliError;
use crate::output::columns::{Align, Piece, Table};
use crate::output::style::{BAD, DIM, GOOD, NOTICE};
use crate::output::text::{moment, short_hash};
use crate::output::{Output, warn};

/// List the sessions of a store
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    db: Db,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Document {
    sessions: Vec<Row>,
}

/// The status of a session that cannot be read.
const DAMAGED: &str = "damaged";

/// One session. What cannot be read is `null`.
#[derive(Serialize)]
struct Row {
    session: SessionName,
    mode: Option<Mode>,
    status: &'static str,
    events: Option<Seq>,
    head: Option<Head>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    /// Absent where it continues none.
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<Continued>,
    /// The session that it is a what-if of, and what was changed.
    what_if: Option<WhatIf>,
}

/// The session that one continues.
#[derive(Serialize)]
struct Continued {
    /// `null` where it is not in the store.
    session: Option<SessionName>,
    uid: SessionUid,
    head: Head,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let reader = args.db.open()?;
    let sessions = reader.sessions()?.into_iter().map(|(name, uid)| row(&reader, name, uid)).collect();
    let document = Document { sessions };
    let status = if is_whole(&document, &reader) { Status::Fine } else { Status::Incomplete };
    if output.is_json() {
        output.document(&document)?;
        return Ok(status);
    }
    let page = output.page();
    if document.sessions.is_empty() {
        writeln!(page, "no sessions in {}", args.db.dir().display())?;
        return Ok(status);
    }
    for line in table(&document.sessions) {
        writeln!(page, "{line}")?;
    }
    Ok(status)
}

/// Whether the list says all that there is to say of every session: none damaged, and none lost with all its events.
fn is_whole(document: &Document, reader: &dyn LogReader) -> bool {
    document.sessions.iter().all(|row| row.status != DAMAGED) && lost_session(reader).is_none()
}

/// A session that cannot be read does not keep the others from being listed.
fn row(reader: &dyn LogReader, session: SessionName, uid: SessionUid) -> Row {
    match describe(reader, &session, uid) {
        Ok((manifest, finished, extent)) => Row {
            session,
            mode: Some(manifest.identity.mode),
            continues: manifest.identity.continues.map(|from| continued(reader, from)),
            status: if finished { "finished" } else { "interrupted" },
            events: Some(extent.events),
            head: Some(extent.head),
            from: extent.from,
            to: extent.to,
            what_if: manifest.provenance.what_if,
        },
        Err(error) => {
            // Opening has told of damage to the store's own files already.
            let told = reader.damage().iter().any(|damage| damage.to_string() == error.to_string());
            if !told {
                warn(&format!("{error}; `retrace verify {session}` lists all that is wrong"));
            }
            Row {
                session,
                mode: None,
                status: DAMAGED,
                events: None,
                head: None,
                from: None,
                to: None,
                continues: None,
                what_if: None,
            }
        }
    }
}

fn continued(reader: &dyn LogReader, from: SessionContinued) -> Continued {
    let known = reader.sessions().unwrap_or_default().into_iter().find(|(_, uid)| *uid == from.parent);
    Continued { session: known.map(|(name, _)| name), uid: from.parent, head: from.head }
}

fn describe(reader: &dyn LogReader, name: &SessionName, uid: SessionUid) -> Result<(Manifest, bool, Extent), CliError> {
    let session = StoredSession::of(reader, name.clone(), uid)?;
    let (finished, extent) = (session.is_finished()?, session.extent()?);
    Ok((session.manifest, finished, extent))
}

fn table(sessions: &[Row]) -> Vec<String> {
    let mut columns = vec![
        ("session", Align::Left),
        ("mode", Align::Left),
        ("status", Align::Left),
        ("events", Align::Right),
        ("first", Align::Left),
        ("last", Align::Left),
        ("head", Align::Left),
    ];
    let any_continues = sessions.iter().any(|row| row.continues.is_some());
    if any_continues {
        columns.push(("continues", Align::Left));
    }
    let any_what_if = sessions.iter().any(|row| row.what_if.is_some());
    if any_what_if {
        columns.push(("what-if of", Align::Left));
    }
    let mut table = Table::new(&columns);
    let time = |time: Option<Timestamp>| time.map_or(String::new(), moment);
    for row in sessions {
        let style = match row.status {
            "finished" => GOOD,
            "interrupted" => NOTICE,
            _ => BAD,
        };
        let mut pieces = vec![
            Piece::word(row.session.as_str()),
            Piece::word(row.mode.map_or("", Mode::as_str)),
            Piece::styled(style, row.status),
            Piece::word(row.events.map_or(String::new(), |events| events.to_string())).aligned(Align::Right),
            Piece::word(time(row.from)),
            Piece::word(time(row.to)),
            Piece::styled(DIM, row.head.map_or(String::new(), |head| short_hash(&head.0))),
        ];
        if any_continues {
            pieces.push(match &row.continues {
                None => Piece::word(""),
                Some(Continued { session: Some(name), .. }) => Piece::word(name.as_str()),
                Some(Continued { session: None, uid, .. }) => Piece::styled(BAD, format!("{uid}, not there")),
            });
        }
        pieces.extend(row.what_if.as_ref().map(|what_if| Piece::word(what_if.parent.as_str())));
        table.row(pieces);
    }
    table.lines()
}
