//! `retrace verify`: proves that a session's log is whole, folds to the same ledger, and would be decided again.

use std::io::Write;
use std::path::{Path, PathBuf};

use retrace_core::ids::SessionName;
use retrace_core::manifest::{Mode, TapeIdentity};
use retrace_replay::tape::Tape;
use retrace_replay::verify::{CheckResult, Finding, Verification, verify};
use serde::Serialize;

use super::Status;
use super::stored::{Db, StoredSession};
use crate::error::CliError;
use crate::input::session::{self, SessionFile};
use crate::output::columns::{Align, Piece, Table};
use crate::output::style::{ALARM, BAD, BOLD, DIM, GOOD, NOTICE, painted};
use crate::output::text::{counted, printable};
use crate::output::{Output, warn};
use crate::session::read_market;

/// Prove that a session's log is whole and is decided the same again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session to verify
    session: String,
    #[command(flatten)]
    db: Db,
    /// Folder to look for the market files in, by their names, instead of where the session found them
    #[arg(long, value_name = "DIR")]
    market_dir: Option<PathBuf>,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    clean: bool,
    checks: &'a [CheckResult],
    findings: &'a [Finding],
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let reader = args.db.open_quietly()?;
    let session = StoredSession::find(&reader, &args.session)?;
    let tape = tape_again(&session, args.market_dir.as_deref());
    let verification = verify(&reader, session.uid, tape.as_ref())?;
    let clean = verification.is_clean();
    let Verification { checks, findings } = &verification;
    if output.is_json() {
        output.document(&Document { session: &session.name, clean, checks, findings })?;
    } else {
        print(&session.name, &verification, output.page())?;
    }
    Ok(if !findings.is_empty() {
        Status::Found
    } else if clean {
        Status::Fine
    } else {
        Status::Incomplete
    })
}

/// The session's market data, read again from where the session found it; `None`, with the reason on standard error,
/// where that cannot be done. Data that is not what was recorded is told of too, and refused by the check itself.
fn tape_again(session: &StoredSession<'_>, market_dir: Option<&Path>) -> Option<Tape> {
    if session.identity().mode != Mode::Backtest {
        return None;
    }
    let provenance = &session.manifest.provenance;
    let file = Path::new(provenance.sources.first().map_or("", String::as_str));
    let read = session::parse(file, &provenance.config)
        .map(|file| moved(file, market_dir))
        .and_then(|file| read_market(&file));
    match read {
        Ok((tape, _)) => {
            let (found, recorded) = (tape.identity(), &session.identity().tape);
            if found != *recorded {
                warn(&format!("the market data is not what the session was run on: {}", difference(&found, recorded)));
            }
            Some(tape)
        }
        Err(problem) => {
            warn(&format!("{problem}; --market-dir DIR looks for the market files in another folder"));
            None
        }
    }
}

fn difference(found: &TapeIdentity, recorded: &TapeIdentity) -> String {
    if found.rows == recorded.rows {
        "as many bars, with other content".to_owned()
    } else {
        format!("{} bars where {} were recorded", found.rows / 2, recorded.rows / 2)
    }
}

/// The same with the market files looked for in another folder.
fn moved(mut file: SessionFile, market_dir: Option<&Path>) -> SessionFile {
    if let Some(dir) = market_dir {
        for market in &mut file.market {
            if let Some(name) = market.path.file_name() {
                market.path = dir.join(name);
            }
        }
    }
    file
}

fn print(session: &SessionName, verification: &Verification, page: &mut dyn Write) -> Result<(), CliError> {
    let Verification { checks, findings } = verification;
    let verdict = if !findings.is_empty() {
        painted(ALARM, counted(findings.len() as u64, "finding"))
    } else if verification.is_clean() {
        painted(GOOD, "clean")
    } else {
        painted(NOTICE, "nothing found, but not everything could be checked")
    };
    writeln!(page, "{}  {verdict}\n", painted(BOLD, session))?;
    for line in table(checks, findings) {
        writeln!(page, "{line}")?;
    }
    for finding in findings {
        let at = finding.seq.map_or(String::new(), |seq| format!(" event {seq}:"));
        writeln!(page, "\n{} {}:{at} {}", painted(ALARM, "!!"), finding.check, printable(&finding.what))?;
        for line in &finding.detail {
            writeln!(page, "   {}", painted(DIM, printable(line)))?;
        }
    }
    Ok(())
}

fn table(checks: &[CheckResult], findings: &[Finding]) -> Vec<String> {
    let mut table =
        Table::new(&[("check", Align::Left), ("result", Align::Left), ("checked", Align::Right), ("", Align::Left)]);
    for check in checks {
        let found = findings.iter().filter(|finding| finding.check == check.name).count() as u64;
        let (result, style) = match (check.skipped, found) {
            (Some(why), 0) if check.is_missing() => (format!("not checked: {why}"), NOTICE),
            (Some(why), 0) => (format!("skipped: {why}"), DIM),
            (_, 0) => ("clean".to_owned(), GOOD),
            (_, found) => (counted(found, "finding"), BAD),
        };
        let checked = if check.skipped.is_some() { String::new() } else { check.checked.to_string() };
        table.row(vec![
            Piece::word(check.name),
            Piece::styled(style, result),
            Piece::word(checked).aligned(Align::Right),
            Piece::styled(DIM, what_is_counted(check)),
        ]);
    }
    table.lines()
}

/// What the number beside a check counts.
fn what_is_counted(check: &CheckResult) -> &'static str {
    match check.name {
        _ if check.skipped.is_some() => "",
        "integrity" | "rebuild" => "events",
        "re-decide" => "decisions",
        "re-simulate" => "steps",
        _ => "",
    }
}
