//! `retrace run`: runs a session file into a store, goes on with a run that was interrupted, or runs a recorded session again.

mod continues;
mod parity;
mod resume;
mod what_if;

use std::path::{Path, PathBuf};
use std::time::Instant;

use retrace_core::ids::SessionName;
use retrace_rocks::RocksStore;

pub(crate) use continues::CarriedOver;

use super::Status;
use super::market_again::Market;
use super::stored::{Db, session_name};
use crate::error::CliError;
use crate::output::summary::RunSummary;
use crate::output::text::{counted, moment};
use crate::output::{Output, progress, warn};
use crate::recording::{Pace, Watching};
use crate::session::{self, DataNote, LoadedSession};

/// Run a session file and record it, or run a recorded session again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session file
    #[arg(value_name = "FILE.yaml", required_unless_present_any = ["resume", "from"], conflicts_with = "market_dir")]
    file: Option<PathBuf>,
    #[command(flatten)]
    db: Db,
    /// Name of the session, instead of the file's
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    session: Option<SessionName>,
    /// Exit with status 1 where a directive was refused
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    continues: continues::ContinuesArgs,
    /// Go on with this session, whose run was interrupted, from the files that it was begun with
    #[arg(long, value_name = "SESSION", conflicts_with_all = ["file", "session", "from"])]
    resume: Option<String>,
    /// Run this recorded session again instead of a file: with something changed, or with another venue
    #[arg(long, value_name = "SESSION", conflicts_with = "file")]
    from: Option<String>,
    #[command(flatten)]
    market: Market,
    #[command(flatten)]
    parity: parity::Rerun,
    // Last, because its heading stands above all that follows.
    #[command(flatten)]
    what_if: what_if::WhatIfArgs,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    if let Some(session) = &args.resume {
        let Args { db, market, strict, .. } = args;
        let directives = args.what_if.directives();
        return resume::perform(&resume::Request { session, db, market, directives, strict: *strict }, output);
    }
    if let Some(from) = &args.from {
        let Args { db, market, strict, .. } = args;
        if let Some(venue) = args.parity.venue {
            return parity::perform(from, venue, args, output);
        }
        let common = what_if::Common { db, market, name: args.session.as_ref(), strict: *strict };
        return what_if::perform(&args.what_if, from, common, output);
    }
    let begun = Instant::now();
    // The command line takes no `run` without either.
    let file = args.file.as_deref().unwrap_or(Path::new(""));
    let (loaded, carried) = args.continues.load(file, args.session.as_ref(), args.db.dir())?;
    for note in notes(&loaded) {
        warn(&note);
    }
    let mut store = RocksStore::create_or_open(args.db.dir())?;
    let bar = progress::over_rows(loaded.tape.rows());
    let shown = bar.clone();
    let watching = Watching { on_durable: None, on_row: Some(Box::new(move |rows| progress::moved(&shown, rows))) };
    let recorded = session::record_watched(&mut store, &loaded, Pace::USUAL, watching);
    bar.finish_and_clear();
    let recorded = recorded?;
    store.close()?;
    let lines: Vec<String> = carried.iter().map(|carried| carried.line(recorded.net_pnl(&loaded.identity))).collect();
    let summary = RunSummary::of(&loaded.identity, &recorded, begun.elapsed()).carrying(carried);
    if output.is_json() {
        output.document(&summary)?;
    } else {
        summary.print(&lines, &recorded, args.db.dir(), output.page())?;
    }
    Ok(if args.strict && !recorded.refusals.is_empty() { Status::Found } else { Status::Fine })
}

/// What people should know of the market data before they trust the result.
fn notes(loaded: &LoadedSession) -> Vec<String> {
    let mut notes = Vec::new();
    for DataNote { symbol, gaps, rounded } in &loaded.data_notes {
        if let Some((prices @ 1.., decimals)) = rounded {
            let (prices, decimals) = (counted(*prices, "price"), counted(u64::from(*decimals), "decimal"));
            notes.push(format!("{symbol}: {prices} rounded to {decimals}, as the session asks"));
        }
        if gaps.places == 0 {
            continue;
        }
        let first = gaps.first_after.map_or(String::new(), |time| format!(", the first after {}", moment(time)));
        let (bars, places) = (counted(gaps.bars, "bar"), counted(gaps.places, "place"));
        notes.push(format!("{symbol}: {bars} missing in {places}{first}"));
    }
    for symbol in loaded.without_volume() {
        notes.push(format!("{symbol}: the data has no volume, so no fill is capped by it"));
    }
    notes
}
