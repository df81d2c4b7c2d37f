//! `retrace run --from SESSION --venue ...`: a recorded session again, with another connector and nothing else changed.

use std::io::Write;

use retrace_core::ids::SessionName;
use retrace_replay::DECISION_VERSION;
use retrace_replay::rerun::{Parity, Unreadable, against_recorded};
use serde::Serialize;

use super::super::Status;
use super::super::market_again::Market;
use super::super::stored::StoredSession;
use crate::error::{CannotRerun, CliError};
use crate::output::findings::print_finding;
use crate::output::style::{ALARM, BOLD, DIM, GOOD, painted};
use crate::output::text::counted;
use crate::output::{Output, warn};

/// What stands at the other end of the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Venue {
    /// The reports as and where received: every decision must be made again. Records nothing, because the result would be
    /// the same log
    Recorded,
}

/// How a recorded session is run again.
#[derive(Debug, clap::Args)]
pub(super) struct Rerun {
    /// Which venue to run it against
    #[arg(long, value_name = "VENUE", requires = "from")]
    pub(super) venue: Option<Venue>,
}

/// The shape of `--json` with the recorded venue.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    venue: &'static str,
    equal: bool,
    #[serde(flatten)]
    parity: &'a Parity,
}

pub(super) fn perform(from: &str, venue: Venue, args: &super::Args, output: &mut Output) -> Result<Status, CliError> {
    let reader = args.db.open()?;
    let session = StoredSession::find(&reader, from)?;
    let refused = |source| CliError::Rerun { session: session.name.clone(), source };
    if session.identity().continues.is_some() {
        return Err(refused(CannotRerun::Continued));
    }
    match venue {
        Venue::Recorded if args.session.is_some() => Err(refused(CannotRerun::RecordsNothing)),
        Venue::Recorded => recorded(&session, &args.market, output),
    }
}

fn recorded(session: &StoredSession<'_>, market: &Market, output: &mut Output) -> Result<Status, CliError> {
    let version = session.identity().decision_version;
    if version != DECISION_VERSION {
        warn(&format!("{}: decided by other code: version {version}, this build has {DECISION_VERSION}", session.name));
    }
    let tape = market.read_again(session);
    let parity = against_recorded(session.reader, session.uid, session.identity(), tape.as_ref());
    let parity = parity.map_err(|unreadable| match unreadable {
        Unreadable::Log(fault) => session.fault(fault),
        Unreadable::NoMarket => CliError::Rerun { session: session.name.clone(), source: CannotRerun::NoMarket },
    })?;
    if output.is_json() {
        let document =
            Document { session: &session.name, venue: "recorded", equal: parity.is_equal(), parity: &parity };
        output.document(&document)?;
    } else {
        print(&session.name, &parity, output.page())?;
    }
    Ok(if parity.is_equal() { Status::Fine } else { Status::Found })
}

fn print(session: &SessionName, parity: &Parity, page: &mut dyn Write) -> Result<(), CliError> {
    let Parity { inputs, decisions, requests, difference } = parity;
    let (decisions, inputs) = (counted(*decisions, "decision"), counted(*inputs, "input"));
    let requests = counted(*requests, "request");
    let name = painted(BOLD, session);
    match difference {
        None => {
            writeln!(page, "{name}  {}: {decisions} over {inputs}", painted(GOOD, "equal"))?;
            writeln!(
                page,
                "{}",
                painted(DIM, format!("{requests} to the venue, as they were sent; nothing is recorded"))
            )?;
        }
        Some(difference) => {
            writeln!(page, "{name}  {}, after {decisions} over {inputs} that are equal", painted(ALARM, "not equal"))?;
            print_finding(difference, page)?;
        }
    }
    Ok(())
}
