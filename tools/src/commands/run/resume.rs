//! `retrace run --resume SESSION`: goes on with a backtest that was interrupted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName};
use retrace_core::manifest::{Identity, Mode};
use retrace_replay::DECISION_VERSION;
use retrace_replay::verify::Finding;
use retrace_rocks::RocksStore;
use serde::Serialize;

use crate::commands::Status;
use crate::commands::market_again::{Market, difference};
use crate::commands::stored::{Db, StoredSession};
use crate::error::{CliError, NotResumable};
use crate::input::directives::Known;
use crate::input::session;
use crate::output::findings::print_finding;
use crate::output::style::{ALARM, BOLD, painted};
use crate::output::summary::RunSummary;
use crate::output::text::{counted, shell_word, short_hash};
use crate::output::{Output, progress};
use crate::recording::{Pace, Watching};
use crate::resume::{ResumeError, Resumed, resume};
use crate::session::{LoadedSession, assemble, named_directives, named_market};
use crate::what_if::as_changed;

/// The shape of `--json`.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Document<'a> {
    /// It had come to its end before.
    FinishedBefore { session: &'a SessionName, events: Seq, head: Head },
    /// It went on behind the event `resumed_after` and came to its end.
    Resumed {
        resumed_after: Seq,
        #[serde(flatten)]
        summary: Box<RunSummary>,
    },
    /// It does not happen again as it was recorded.
    Differs { session: &'a SessionName, findings: [&'a Finding; 1] },
}

/// What `--resume` needs of the command line.
pub(super) struct Request<'a> {
    pub(super) session: &'a str,
    pub(super) db: &'a Db,
    pub(super) market: &'a Market,
    /// The directive file, where it is not where the session found it.
    pub(super) directives: Option<&'a Path>,
    pub(super) strict: bool,
}

pub(super) fn perform(request: &Request<'_>, output: &mut Output) -> Result<Status, CliError> {
    let begun = Instant::now();
    let Request { session: name, db, .. } = *request;
    let reader = db.open()?;
    let stored = StoredSession::find(&reader, name).map_err(|error| {
        if let CliError::NoSession { name, known } = error {
            CliError::NothingToResume { name, db: db.dir().to_owned(), known }
        } else {
            error
        }
    })?;
    check_mode(&stored)?;
    if stored.is_finished()? {
        return told_finished(&stored, db, output);
    }
    let loaded = load_again(&stored, request.market, request.directives)?;
    let (name, uid) = (stored.name.clone(), stored.uid);
    drop(reader);

    let mut store = RocksStore::create_or_open(db.dir())?;
    let bar = progress::over_rows(loaded.tape.rows());
    let shown = bar.clone();
    let watching = Watching { on_durable: None, on_row: Some(Box::new(move |rows| progress::moved(&shown, rows))) };
    let resumed = resume(&mut store, uid, &loaded, Pace::USUAL, watching);
    bar.finish_and_clear();
    let resumed = resumed.map_err(|error| match error {
        ResumeError::Log(source) => CliError::Log { session: name.clone(), source },
        ResumeError::Record(error) => error.into(),
    })?;
    let (after, recorded) = match resumed {
        Resumed::Ended { after, recorded } => (after, recorded),
        Resumed::Differs(finding) => return told_difference(&name, &finding, output),
        // Another process has finished it since it was looked at.
        Resumed::Finished => return told_finished(&StoredSession::of(&store, name, uid)?, db, output),
    };
    store.close()?;
    // The name in this store, which an import may have chosen.
    let identity = Identity { name, ..loaded.identity };
    let summary = Box::new(RunSummary::of(&identity, &recorded, begun.elapsed()));
    if output.is_json() {
        output.document(&Document::Resumed { resumed_after: after, summary })?;
    } else {
        summary.print(&[told_resumed(after, recorded.last_seq)], &recorded, db.dir(), output.page())?;
    }
    Ok(if request.strict && !recorded.refusals.is_empty() { Status::Found } else { Status::Fine })
}

fn check_mode(stored: &StoredSession<'_>) -> Result<(), CliError> {
    let why = match stored.identity().mode {
        Mode::Backtest => return Ok(()),
        Mode::Import => NotResumable::Import,
        mode @ (Mode::Paper | Mode::Live) => NotResumable::NoConnector(mode),
    };
    Err(CliError::CannotResume { session: stored.name.clone(), why })
}

/// The session as it was begun: its recorded identity, with market data and directives that are what this names.
fn load_again(
    stored: &StoredSession<'_>,
    market: &Market,
    elsewhere: Option<&Path>,
) -> Result<LoadedSession, CliError> {
    let refused = |why| CliError::CannotResume { session: stored.name.clone(), why };
    let (identity, provenance) = (stored.identity(), &stored.manifest.provenance);
    if identity.decision_version != DECISION_VERSION {
        let (recorded, build) = (identity.decision_version, provenance.build.clone());
        return Err(refused(NotResumable::OtherCode { recorded, this: DECISION_VERSION, build }));
    }
    let path = Path::new(provenance.sources.first().map_or("", String::as_str));
    let mut file = market.moved(session::parse(path, &provenance.config)?);
    if let Some(directives) = elsewhere {
        directives.clone_into(&mut file.directives);
    }
    let files: Vec<PathBuf> = file.market.iter().map(|market| market.path.clone()).collect();
    let (tape, notes) = named_market(path, &file).map_err(|problem| {
        let elsewhere = "--market-dir DIR looks for the market files in another folder";
        if files.iter().any(|market| market == problem.file() && !market.is_file()) {
            problem.with_hint(elsewhere)
        } else {
            problem
        }
    })?;
    let found = tape.identity();
    if found != identity.tape {
        return Err(refused(NotResumable::OtherMarket { difference: difference(&found, &identity.tape), files }));
    }
    let directives = file.directives.clone();
    let origin = stored.left_by_the_parent()?;
    let known = origin.as_ref().map(|origin| Known::of(&origin.book)).unwrap_or_default();
    // Of a what-if, the file is the first parent's.
    let (lines, _) = as_changed(&named_directives(path, &file)?, provenance)?;
    let loaded = assemble(path, file, (Arc::new(tape), notes), &lines.join(&b'\n'), known)?;
    if loaded.identity.strategy_digest != identity.strategy_digest {
        return Err(refused(NotResumable::OtherDirectives { file: directives }));
    }
    let loaded = match origin {
        Some(origin) => loaded.continuing(origin),
        None => loaded,
    };
    Ok(LoadedSession { identity: identity.clone(), provenance: provenance.clone(), ..loaded })
}

/// The line below a session's figures.
fn told_resumed(after: Seq, last: Seq) -> String {
    let new = counted(last.0.saturating_sub(after.0), "event");
    format!("resumed after event {after}: all that was recorded happened again, {new} more")
}

fn told_finished(stored: &StoredSession<'_>, db: &Db, output: &mut Output) -> Result<Status, CliError> {
    let (session, extent) = (&stored.name, stored.extent()?);
    let (events, head) = (extent.events, extent.head);
    if output.is_json() {
        output.document(&Document::FinishedBefore { session, events, head })?;
        return Ok(Status::Fine);
    }
    let page = output.page();
    let (counts, head) = (counted(events.0, "event"), short_hash(&head.0));
    writeln!(page, "{}  finished, {counts}, head {head}: nothing to resume", painted(BOLD, session))?;
    let next = format!("retrace replay {session} --db {}", shell_word(db.dir()));
    writeln!(page, "\nnext: {}", painted(BOLD, next))?;
    Ok(Status::Fine)
}

fn told_difference(session: &SessionName, finding: &Finding, output: &mut Output) -> Result<Status, CliError> {
    if output.is_json() {
        output.document(&Document::Differs { session, findings: [finding] })?;
        return Ok(Status::Found);
    }
    let page = output.page();
    let verdict = painted(ALARM, "not resumed: it does not happen again as it was recorded; nothing was written");
    writeln!(page, "{}  {verdict}", painted(BOLD, session))?;
    print_finding(finding, page)?;
    Ok(Status::Found)
}
