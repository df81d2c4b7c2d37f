//! `retrace diff`: two sessions side by side, or a session and what it would be now.

mod again;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use retrace_core::ids::SessionName;
use retrace_core::manifest::Mode as SessionMode;
use retrace_core::store::LogReader;
use retrace_replay::compare::{Comparison, Mode, Side, compare_watched};

use super::Status;
use super::market_again::Market;
use super::stored::{Db, StoredSession, open_store};
use crate::error::CliError;
use crate::output::{Output, comparison, progress, warn};

/// Compare two sessions, or a session with what it would be now
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session to compare
    a: String,
    /// Session to compare it with; without it, A is run again as it was, by this build
    b: Option<String>,
    /// Compare A with a run of this session file, which is not recorded
    #[arg(long, value_name = "FILE.yaml", conflicts_with = "b")]
    with: Option<PathBuf>,
    /// What is compared
    #[arg(long, value_name = "MODE", default_value = "strict", value_parser = PossibleValuesParser::new(MODES))]
    mode: String,
    #[command(flatten)]
    db: Db,
    /// Folder of the store that B is in, where that is another one
    #[arg(long, value_name = "DIR", requires = "b")]
    other_db: Option<PathBuf>,
    #[command(flatten)]
    market: Market,
}

/// The modes as they are spelled on the command line.
const MODES: [&str; 3] = {
    let [strict, intent, outcome] = Mode::ALL;
    [strict.as_str(), intent.as_str(), outcome.as_str()]
};

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let mode = Mode::parse(&args.mode).unwrap_or_default();
    let reader = args.db.open()?;
    let session = StoredSession::find(&reader, &args.a)?;
    let a = side(&session)?;
    let comparison = match (&args.b, &args.with) {
        (Some(name), _) => {
            let other = args.other_db.as_deref().map(open_store).transpose()?;
            let reader: &dyn LogReader = other.as_ref().map_or(&reader, |other| other);
            let session = StoredSession::find(reader, name)?;
            compared(&a, &side(&session)?, mode)?
        }
        (None, Some(file)) => {
            let (store, uid) = again::run_file(file)?;
            let name = file.file_name().unwrap_or_else(|| file.as_os_str()).to_string_lossy();
            compared(&a, &Side::new(&store, uid)?.called(name), mode)?
        }
        (None, None) => {
            let (store, uid) = again::run_again(&session, &args.market)?;
            let name = format!("{} run again", session.name);
            let begin = session.origin()?.book;
            let b = Side::new(&store, uid)?.called(name).beginning_with(begin);
            let b = b.decided_by(retrace_replay::DECISION_VERSION);
            compared(&a, &b, mode)?
        }
    };
    if output.is_json() {
        output.document(&comparison)?;
    } else {
        comparison::print(&comparison, output.page())?;
    }
    Ok(if comparison.equal { Status::Fine } else { Status::Found })
}

/// A stored session under the name that its store has for it.
pub(super) fn side<'a>(session: &StoredSession<'a>) -> Result<Side<'a>, CliError> {
    if session.identity().mode == SessionMode::Backtest && !session.is_finished()? {
        warn(&format!("{} was interrupted: what it had still to do is not in it", session.name));
    }
    let begin = session.origin()?.book;
    Ok(Side::new(session.reader, session.uid)?.called(session.name.to_string()).beginning_with(begin))
}

/// Compares, with a progress bar.
pub(super) fn compared(a: &Side<'_>, b: &Side<'_>, mode: Mode) -> Result<Comparison, CliError> {
    let last = |side: &Side<'_>| side.reader.watermark(side.session).map(|mark| mark.durable_seq.0);
    let bar = progress::comparing(last(a)?.saturating_add(last(b)?));
    let comparison = compare_watched(a, b, mode, &mut |events| bar.set_position(events));
    bar.finish_and_clear();
    // A run that was made for this has no name in a store.
    let name = |side: &Side<'_>| SessionName::new(&side.name).unwrap_or_else(|_| side.identity.name.clone());
    comparison.map_err(|error| CliError::comparing(&name(a), &name(b), error))
}
