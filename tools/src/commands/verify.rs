//! `retrace verify`: proves that a session's log is whole, folds to the same ledger, and would be decided again.

use std::collections::BTreeSet;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::builder::PossibleValuesParser;
use retrace_core::ids::SessionName;
use retrace_core::manifest::Mode;
use retrace_core::store::LogReader;
use retrace_replay::verify::{Check, CheckResult, Finding, Verification, Verifier};
use serde::Serialize;

use super::Status;
use super::market_again::Market;
use super::stored::{Db, StoredSession, lost_session};
use crate::error::CliError;
use crate::output::columns::{Align, Piece, Table};
use crate::output::findings::print_finding;
use crate::output::style::{ALARM, BAD, BOLD, DIM, GOOD, NOTICE, painted};
use crate::output::text::counted;
use crate::output::{Output, progress, warn};

/// Prove that a session's log is whole and is decided the same again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Sessions to verify; all of the store's where none is named
    sessions: Vec<String>,
    /// Make only these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = PossibleValuesParser::new(CHECKS))]
    only: Vec<String>,
    /// Verify so many sessions at a time
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    #[command(flatten)]
    db: Db,
    #[command(flatten)]
    market: Market,
}

/// The checks as they are spelled on the command line.
const CHECKS: [&str; 5] = {
    let [integrity, rebuild, redecide, resimulate, redeliver] = Check::ALL;
    [integrity.as_str(), rebuild.as_str(), redecide.as_str(), resimulate.as_str(), redeliver.as_str()]
};

/// The shape of `--json` for one session that is named.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    clean: bool,
    checks: &'a [CheckResult],
    findings: &'a [Finding],
    /// Why it could not be read at all; beside other sessions alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The shape of `--json` for several.
#[derive(Serialize)]
struct Documents<'a> {
    clean: bool,
    sessions: Vec<Document<'a>>,
}

/// A session, and what became of it.
type Verified = (SessionName, Result<Verification, CliError>);

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let reader = args.db.open_quietly()?;
    if let [name] = args.sessions.as_slice() {
        let session = StoredSession::find(&reader, name)?;
        // A damaged session is verified all the same: then the bar does not know how far it is.
        let events = session.extent().map_or(0, |extent| extent.events.0);
        let again = session.identity().mode == Mode::Backtest && args.chosen().contains(&Check::Resimulate);
        let bar = progress::verifying(if again { events.saturating_mul(2) } else { events });
        let verification = args.verify(&session, &mut |events| bar.set_position(events));
        bar.finish_and_clear();
        let verification = verification?;
        if output.is_json() {
            output.document(&document(&session.name, &verification))?;
        } else {
            print(&session.name, &verification, output.page())?;
        }
        return Ok(status(&verification));
    }
    let names = if args.sessions.is_empty() {
        reader.sessions()?.into_iter().map(|(name, _)| name).collect()
    } else {
        let known = args.sessions.iter().map(|name| StoredSession::find(&reader, name).map(|session| session.name));
        let mut named = known.collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        named.retain(|name| seen.insert(name.clone()));
        named
    };
    let lost = lost_session(&reader);
    drop(reader);
    let verified = args.verify_all(&names);
    let mut worst = if let Some(lost) = lost {
        // It has no name to be listed under.
        warn(&lost.to_string());
        Status::Incomplete
    } else {
        Status::Fine
    };
    for (_, result) in &verified {
        worst = worse(worst, result.as_ref().map_or(Status::Incomplete, status));
    }
    if output.is_json() {
        let clean = matches!(worst, Status::Fine);
        output.document(&Documents { clean, sessions: verified.iter().map(told).collect() })?;
        return Ok(worst);
    }
    if verified.is_empty() {
        writeln!(output.page(), "no sessions in {}", args.db.dir().display())?;
    }
    for (place, (name, result)) in verified.iter().enumerate() {
        if place > 0 {
            writeln!(output.page())?;
        }
        match result {
            Ok(verification) => print(name, verification, output.page())?,
            Err(error) => writeln!(output.page(), "{}  {}", painted(BOLD, name), painted(ALARM, error))?,
        }
    }
    if verified.len() > 1 {
        let is_clean = |(_, result): &&Verified| result.as_ref().is_ok_and(Verification::is_clean);
        let (clean, others): (Vec<_>, Vec<_>) = verified.iter().partition(is_clean);
        let sessions = counted(verified.len() as u64, "session");
        writeln!(output.page(), "\n{} of {sessions} are clean", clean.len())?;
        for (name, _) in others {
            writeln!(output.page(), "not clean: {}", painted(BOLD, name))?;
        }
    }
    Ok(worst)
}

impl Args {
    fn chosen(&self) -> Vec<Check> {
        let chosen = |check: &Check| self.only.is_empty() || self.only.iter().any(|name| name == check.as_str());
        Check::ALL.into_iter().filter(chosen).collect()
    }

    fn verify(&self, session: &StoredSession<'_>, progress: &mut dyn FnMut(u64)) -> Result<Verification, CliError> {
        let tape = self.market.read_again(session);
        let verifier = Verifier { only: &self.chosen(), progress: Some(progress), ..Verifier::default() };
        Ok(verifier.run(session.reader, session.uid, tape.as_ref())?)
    }

    /// Verifies sessions side by side, each thread with readers of its own. What cannot be read does not keep the others
    /// from being verified. In the order of `names`.
    fn verify_all(&self, names: &[SessionName]) -> Vec<Verified> {
        let bar = progress::over_sessions(names.len() as u64);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(name) = names.get(place) else { return done };
                let result = self.db.open_quietly().and_then(|reader| {
                    StoredSession::find(&reader, name.as_str()).and_then(|session| self.verify(&session, &mut |_| {}))
                });
                done.push((place, (name.clone(), result)));
                bar.inc(1);
            }
        };
        let mut verified: Vec<(usize, Verified)> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.jobs.get().min(names.len())).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for other in others {
                // What a thread found is never left out.
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        });
        bar.finish_and_clear();
        verified.sort_by_key(|(place, _)| *place);
        verified.into_iter().map(|(_, verified)| verified).collect()
    }
}

fn told((name, result): &Verified) -> Document<'_> {
    match result {
        Ok(verification) => document(name, verification),
        Err(error) => {
            let error = Some(error.to_string());
            Document { session: name, clean: false, checks: &[], findings: &[], error }
        }
    }
}

fn document<'a>(session: &'a SessionName, verification: &'a Verification) -> Document<'a> {
    let Verification { checks, findings } = verification;
    Document { session, clean: verification.is_clean(), checks, findings, error: None }
}

fn status(verification: &Verification) -> Status {
    if !verification.findings.is_empty() {
        Status::Found
    } else if verification.is_clean() {
        Status::Fine
    } else {
        Status::Incomplete
    }
}

/// What could not be checked says less than what was found.
const fn worse(one: Status, other: Status) -> Status {
    match (one, other) {
        (Status::Found, _) | (_, Status::Found) => Status::Found,
        (Status::Incomplete, _) | (_, Status::Incomplete) => Status::Incomplete,
        (Status::Fine, Status::Fine) => Status::Fine,
    }
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
    findings.iter().try_for_each(|finding| print_finding(finding, page))
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
