//! `retrace import --format fills`: a trade history from elsewhere becomes a session whose plans are its round trips.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use retrace_core::amount::{Price, Quantity};
use retrace_core::instrument::Instrument;
use retrace_rocks::RocksStore;
use serde::Serialize;

use super::super::Status;
use super::Args;
use crate::error::CliError;
use crate::history::{self, Counts, LoadedHistory};
use crate::output::style::{DIM, painted};
use crate::output::summary::{QuoteTotal, RunSummary};
use crate::output::text::{counted, printable};
use crate::output::{Output, progress, warn};
use crate::recording::{Pace, Watching};

/// The shape of `--json`: as of `run`, and what was counted.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    run: &'a RunSummary,
    history: &'a Counts,
    instruments: &'a [Instrument],
    /// Plans quoted in different assets do not add up: one total each.
    totals: Vec<QuoteTotal>,
}

pub(super) fn perform(args: &Args, map: &Path, output: &mut Output) -> Result<Status, CliError> {
    let begun = Instant::now();
    let loaded = history::load(&args.file, map, args.session.clone())?;
    for note in &loaded.notes {
        warn(note);
    }
    let mut store = RocksStore::create_or_open(args.db.dir())?;
    let bar = progress::over_rows(loaded.trades.len() as u64);
    let shown = bar.clone();
    let watching = Watching { on_durable: None, on_row: Some(Box::new(move |rows| progress::moved(&shown, rows))) };
    let recorded = history::record(&mut store, &loaded, Pace::USUAL, watching);
    bar.finish_and_clear();
    let recorded = recorded?;
    store.close()?;
    let summary = RunSummary::of(&loaded.identity, &recorded, begun.elapsed());
    if output.is_json() {
        let totals = QuoteTotal::all(&recorded);
        let (history, instruments) = (&loaded.counts, loaded.identity.instruments.as_slice());
        output.document(&Document { run: &summary, history, instruments, totals })?;
    } else {
        summary.print(&lines(&args.file, &loaded), &recorded, args.db.dir(), output.page())?;
    }
    Ok(Status::Fine)
}

/// What was read, and by which rules it was booked.
fn lines(file: &Path, loaded: &LoadedHistory) -> Vec<String> {
    let Counts { rows, skipped, trades, repeated, opening, rounded, round_trips, open } = &loaded.counts;
    let mut read = vec![format!("{} of {}", counted(*rows, "row"), printable(&file.display().to_string()))];
    let mut more = |count: u64, text: String| {
        if count > 0 {
            read.push(text);
        }
    };
    more(*skipped, format!("{skipped} left out by the map"));
    more(*trades, counted(*trades, "trade"));
    more(*repeated, format!("{repeated} repeated"));
    more(*opening, counted(*opening, "opening position"));
    more(*rounded, format!("{} rounded", counted(*rounded, "value")));
    more(*round_trips, counted(*round_trips, "round trip"));
    more(*open, format!("{open} still open"));
    let mut alike: BTreeMap<(Price, Quantity), Vec<String>> = BTreeMap::new();
    for Instrument { symbol, tick, lot, .. } in &loaded.identity.instruments {
        alike.entry((*tick, *lot)).or_default().push(symbol.to_string());
    }
    let rules = alike.iter().map(|((tick, lot), symbols)| format!("tick {tick}, lot {lot}: {}", symbols.join(", ")));
    std::iter::once(read.join(", ")).chain(rules).map(|line| painted(DIM, line)).collect()
}
