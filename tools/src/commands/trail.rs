//! `retrace trail`: the digests that a session left on its way, and where those of another machine part from them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName};
use retrace_core::store::Checkpoint;
use retrace_core::trail::{Mark, TRAIL, TRAIL_EVERY, TRAIL_VERSION, parting};
use retrace_projections::ledger::PROJECTION;
use serde::{Deserialize, Serialize};

use super::Status;
use super::stored::{Db, StoredSession};
use crate::error::CliError;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::output::Output;
use crate::output::columns::{Align, Piece, Table};
use crate::output::style::{ALARM, BOLD, DIM, GOOD, painted};
use crate::output::text::{counted, printable, short_hash};

/// Show a session's digest trail, or find where another machine's parts from it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session whose trail is shown
    session: String,
    #[command(flatten)]
    db: Db,
    /// What `retrace trail --json` printed of the other session; `-` is standard input
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

/// The shape of `--json`, and what `--against` reads.
#[derive(Serialize, Deserialize)]
struct Document {
    session: String,
    uid: String,
    decision_version: u32,
    /// Which version of the trail its marks are of.
    trail_version: u32,
    marks: Vec<MarkView>,
}

/// A mark.
#[derive(Serialize, Deserialize)]
struct MarkView {
    seq: u64,
    decisions: Head,
    ledger: Option<Head>,
    /// The version of the fold that made `ledger`.
    ledger_version: Option<u32>,
    /// Whether it stands at the end of the session.
    finished: bool,
}

/// The shape of `--against FILE --json`.
#[derive(Serialize)]
struct Compared<'a> {
    session: &'a SessionName,
    against: &'a str,
    alike: bool,
    /// The last event up to which both are alike.
    alike_up_to: Seq,
    /// At or before which event of each the first difference lies; `null` where its trail ends there.
    differs_by: [Option<Seq>; 2],
    /// `decisions` or `ledger`; `null` where all is alike.
    differs_in: Option<&'static str>,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let reader = args.db.open()?;
    let session = StoredSession::find(&reader, &args.session)?;
    let document = document(&session)?;
    match &args.against {
        Some(file) => compare(&session.name, &document, &read(file)?, output),
        None if output.is_json() => output.document(&document).map(|()| Status::Fine),
        None => show(&document, output),
    }
}

fn document(session: &StoredSession<'_>) -> Result<Document, CliError> {
    let noted = session.reader.checkpoints(session.uid)?;
    let ledger = |mark: &Checkpoint| noted.iter().find(|noted| noted.seq == mark.seq && noted.projection == PROJECTION);
    let view = |mark: &Checkpoint| MarkView {
        seq: mark.seq.0,
        decisions: Head(mark.digest),
        ledger: ledger(mark).map(|noted| Head(noted.digest)),
        ledger_version: ledger(mark).map(|noted| noted.version),
        finished: mark.finished,
    };
    let ours = noted.iter().filter(|noted| noted.projection == TRAIL && noted.version == TRAIL_VERSION);
    Ok(Document {
        session: session.name.to_string(),
        uid: session.uid.to_string(),
        decision_version: session.identity().decision_version,
        trail_version: TRAIL_VERSION,
        marks: ours.map(view).collect(),
    })
}

/// Reads the trail that another machine printed.
fn read(file: &Path) -> Result<Document, CliError> {
    let unreadable = |error: std::io::Error| InputProblem::new(file, Rule::Unreadable { reason: error.to_string() });
    let input: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(file).map_err(unreadable)?)
    };
    let path = || file.to_owned();
    let read: Document =
        serde_json::from_reader(BufReader::new(input)).map_err(|source| CliError::BadTrail { path: path(), source })?;
    match read.trail_version {
        TRAIL_VERSION => Ok(read),
        found => Err(CliError::OtherTrail { path: path(), found, known: TRAIL_VERSION }),
    }
}

impl Document {
    /// Its marks; their ledgers as far as they can be held against those of `other`: a ledger names what hangs on the
    /// session's id, and another fold may give another digest.
    fn marks(&self, other: &Self) -> Vec<Mark> {
        let version = |mark: &MarkView| {
            let theirs = other.marks.iter().find(|other| other.seq == mark.seq)?;
            Some(self.uid == other.uid && theirs.ledger_version == mark.ledger_version)
        };
        let mark = |mark: &MarkView| Mark {
            seq: Seq(mark.seq),
            decisions: mark.decisions.0,
            ledger: mark.ledger.filter(|_| version(mark) == Some(true)).map(|ledger| ledger.0),
        };
        self.marks.iter().map(mark).collect()
    }
}

fn compare(session: &SessionName, ours: &Document, theirs: &Document, output: &mut Output) -> Result<Status, CliError> {
    let (one, other) = (ours.marks(theirs), theirs.marks(ours));
    if one.is_empty() || other.is_empty() {
        return Err(CliError::NoMarks {
            session: if one.is_empty() { &ours.session } else { &theirs.session }.clone(),
        });
    }
    let parts = parting(&one, &other);
    let status = if parts.is_some() { Status::Found } else { Status::Fine };
    let alike_up_to = parts.map_or(one.last().map_or(Seq(0), |mark| mark.seq), |parts| parts.alike);
    if output.is_json() {
        output.document(&Compared {
            session,
            against: &theirs.session,
            alike: parts.is_none(),
            alike_up_to,
            differs_by: parts.map_or([None; 2], |parts| parts.by),
            differs_in: parts.map(|parts| if parts.decisions { "decisions" } else { "ledger" }),
        })?;
        return Ok(status);
    }
    let names = format!("{} and {}", painted(BOLD, session), painted(BOLD, printable(&theirs.session)));
    let page = output.page();
    let Some(parts) = parts else {
        let marks = counted(one.len() as u64, "mark");
        writeln!(page, "{names}  {}: {marks}, up to event {alike_up_to}", painted(GOOD, "alike"))?;
        return Ok(status);
    };
    writeln!(page, "{names}  {}", painted(ALARM, "differ"))?;
    if parts.alike == Seq(0) {
        writeln!(page, "nothing is known to be alike")?;
    } else {
        writeln!(page, "alike up to event {}", parts.alike)?;
    }
    let what = if parts.decisions { "what was told or decided differs" } else { "the ledger folded of it differs" };
    match parts.by {
        [Some(one), Some(other)] if one == other => writeln!(page, "{what} at or before event {one}")?,
        [Some(one), Some(other)] => {
            writeln!(page, "{what} at or before event {one} of {session} and event {other} of the other")?;
        }
        [None, _] => writeln!(page, "the trail of {session} ends there, the other goes on")?,
        [_, None] => writeln!(page, "the other trail ends there, that of {session} goes on")?,
    }
    if ours.decision_version != theirs.decision_version {
        let (one, other) = (ours.decision_version, theirs.decision_version);
        writeln!(page, "{}", painted(DIM, format!("decided by versions {one} and {other} of the engine")))?;
    }
    Ok(status)
}

fn show(document: &Document, output: &mut Output) -> Result<Status, CliError> {
    let page = output.page();
    let marks = counted(document.marks.len() as u64, "mark");
    writeln!(page, "{}  {marks}, one every {TRAIL_EVERY} events and at the end\n", painted(BOLD, &document.session))?;
    let mut table = Table::new(&[("event", Align::Right), ("decisions", Align::Left), ("ledger", Align::Left)]);
    for mark in &document.marks {
        table.row(vec![
            Piece::word(mark.seq.to_string()).aligned(Align::Right),
            Piece::word(short_hash(&mark.decisions.0)),
            Piece::styled(DIM, mark.ledger.map_or(String::new(), |ledger| short_hash(&ledger.0))),
        ]);
    }
    if document.marks.is_empty() {
        writeln!(page, "it was recorded by a version that left none, or was interrupted before the first")?;
        return Ok(Status::Fine);
    }
    for line in table.lines() {
        writeln!(page, "{line}")?;
    }
    Ok(Status::Fine)
}
