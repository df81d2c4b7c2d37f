//! `retrace run`: runs a session file into a store.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use retrace_core::amount::Money;
use retrace_core::event::Head;
use retrace_core::ids::{IdError, Seq, SessionName};
use retrace_core::manifest::Mode;
use retrace_projections::audit::refusal_text;
use retrace_projections::view::{FeeView, PlanView};
use retrace_rocks::RocksStore;
use serde::Serialize;

use super::Status;
use super::stored::Db;
use crate::error::CliError;
use crate::output::columns::{Align, Piece, Table};
use crate::output::style::{BAD, BOLD, DIM, GOOD, PLAIN, painted};
use crate::output::text::{counted, moment, money, printable, shell_word, short_hash, short_id, signed_money, way};
use crate::output::{Output, progress, warn};
use crate::recording::{COMMIT_EVERY, Watching};
use crate::session::{self, DataNote, LoadedSession, Recorded};

/// Run a session file and record it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session file
    #[arg(value_name = "FILE.yaml")]
    file: PathBuf,
    #[command(flatten)]
    db: Db,
    /// Name of the session, instead of the file's
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    session: Option<SessionName>,
    /// Exit with status 1 where a directive was refused
    #[arg(long)]
    strict: bool,
}

fn session_name(text: &str) -> Result<SessionName, IdError> {
    SessionName::new(text)
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Document {
    session: SessionName,
    mode: Mode,
    head: Head,
    events: Seq,
    steps: u64,
    plans: u64,
    refusals: u64,
    realized_pnl: Money,
    fees: Vec<FeeView>,
    net_pnl: Money,
    elapsed_ms: u64,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let begun = Instant::now();
    let loaded = session::load(&args.file)?;
    let loaded = match &args.session {
        Some(name) => loaded.named(name.clone()),
        None => loaded,
    };
    for note in notes(&loaded) {
        warn(&note);
    }
    let mut store = RocksStore::create_or_open(args.db.dir())?;
    let bar = progress::over_rows(loaded.tape.rows());
    let shown = bar.clone();
    let watching = Watching { on_durable: None, on_row: Some(Box::new(move |rows| progress::moved(&shown, rows))) };
    let recorded = session::record_watched(&mut store, &loaded, COMMIT_EVERY, watching);
    bar.finish_and_clear();
    let recorded = recorded?;
    store.close()?;
    let summary = summary(&loaded, &recorded, begun.elapsed());
    if output.is_json() {
        output.document(&summary)?;
    } else {
        print(args, &summary, &recorded, output.page())?;
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

fn summary(loaded: &LoadedSession, recorded: &Recorded, elapsed: Duration) -> Document {
    let opened = || recorded.plans.iter().filter(|plan| plan.opened).map(|plan| &plan.view);
    let total =
        |amount: fn(&PlanView) -> Money| opened().map(amount).try_fold(Money::ZERO, Money::plus).unwrap_or_default();
    let mut fees: Vec<FeeView> = Vec::new();
    for fee in opened().flat_map(|plan| &plan.fees) {
        match fees.iter_mut().find(|known| known.asset == fee.asset) {
            Some(known) => known.amount = known.amount.plus(fee.amount).unwrap_or_default(),
            None => fees.push(fee.clone()),
        }
    }
    fees.sort_by(|a, b| a.asset.cmp(&b.asset));
    Document {
        session: loaded.identity.name.clone(),
        mode: loaded.identity.mode,
        head: recorded.head,
        events: recorded.last_seq,
        steps: recorded.steps,
        plans: opened().count() as u64,
        refusals: recorded.refusals.len() as u64,
        realized_pnl: total(|plan| plan.realized_pnl),
        fees,
        net_pnl: total(|plan| plan.net_pnl),
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    }
}

fn print(args: &Args, summary: &Document, recorded: &Recorded, page: &mut dyn Write) -> Result<(), CliError> {
    let Document { session, mode, head, events, steps, elapsed_ms, .. } = summary;
    let counts = format!("{}, {}", counted(events.0, "event"), counted(*steps, "step"));
    let rest = format!("head {}  {}.{:03} s", short_hash(&head.0), elapsed_ms / 1000, elapsed_ms % 1000);
    writeln!(page, "{}  {mode}  {counts}  {}", painted(BOLD, session), painted(DIM, rest))?;
    if !recorded.plans.is_empty() {
        writeln!(page)?;
        for line in table(summary, recorded) {
            writeln!(page, "{line}")?;
        }
    }
    if !recorded.refusals.is_empty() {
        writeln!(page, "\n{}", painted(BAD, counted(summary.refusals, "refusal")))?;
        for refused in &recorded.refusals {
            let plan = refused.plan_id.as_ref().map_or(String::new(), |plan| format!(" for {plan}"));
            let (at, directive, code) = (moment(refused.at), &refused.directive, refused.refusal.code());
            writeln!(page, "  {at}  {directive}{plan}: {} ({code})", printable(&refusal_text(&refused.refusal)))?;
        }
    }
    let next = format!("retrace replay {session} --db {}", shell_word(args.db.dir()));
    writeln!(page, "\nnext: {}", painted(BOLD, next))?;
    Ok(())
}

fn table(summary: &Document, recorded: &Recorded) -> Vec<String> {
    let mut table = Table::new(&[
        ("plan", Align::Left),
        ("symbol", Align::Left),
        ("way", Align::Left),
        ("status", Align::Left),
        ("position", Align::Point),
        ("realised", Align::Point),
        ("fees", Align::Point),
        ("net", Align::Point),
    ]);
    for plan in &recorded.plans {
        let view = &plan.view;
        let (status, style) = match view.outcome {
            Some(outcome) => (outcome.to_string(), PLAIN),
            None if plan.opened => ("open".to_owned(), GOOD),
            None => ("no order yet".to_owned(), DIM),
        };
        table.row(vec![
            Piece::word(short_id(view.plan_id.as_str())),
            Piece::word(view.asset_symbol.to_string()),
            Piece::word(way(view.direction)),
            Piece::styled(style, status),
            Piece::decimal(view.net_position.to_string()),
            Piece::decimal(signed_money(view.realized_pnl)),
            Piece::decimal(fees_text(&view.fees)),
            gain(view.net_pnl),
        ]);
    }
    if recorded.plans.len() > 1 {
        let blank = || Piece::word("");
        let total = Piece::styled(DIM, "all");
        let realized = Piece::decimal(signed_money(summary.realized_pnl));
        let fees = Piece::decimal(fees_text(&summary.fees));
        table.row(vec![total, blank(), blank(), blank(), blank(), realized, fees, gain(summary.net_pnl)]);
    }
    table.lines()
}

fn gain(amount: Money) -> Piece {
    let style = if amount.value() < rust_decimal::Decimal::ZERO { BAD } else { GOOD };
    Piece::decimal(signed_money(amount)).in_style(style)
}

fn fees_text(fees: &[FeeView]) -> String {
    let fees: Vec<String> = fees.iter().map(|fee| format!("{} {}", money(fee.amount), fee.asset)).collect();
    fees.join(" + ")
}
