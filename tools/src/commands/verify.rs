//! `retrace verify`: proves that a session's log is whole, folds to the same ledger, and would be decided again.

use std::io::Write;

use retrace_core::ids::SessionName;
use retrace_replay::verify::{CheckResult, Finding, Verification, verify};
use serde::Serialize;

use super::Status;
use super::market_again::Market;
use super::stored::{Db, StoredSession};
use crate::error::CliError;
use crate::output::Output;
use crate::output::columns::{Align, Piece, Table};
use crate::output::style::{ALARM, BAD, BOLD, DIM, GOOD, NOTICE, painted};
use crate::output::text::{counted, printable};

/// Prove that a session's log is whole and is decided the same again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session to verify
    session: String,
    #[command(flatten)]
    db: Db,
    #[command(flatten)]
    market: Market,
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
    let tape = args.market.read_again(&session);
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
        "redeliver" => "deliveries",
        _ => "",
    }
}
