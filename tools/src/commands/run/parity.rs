//! `retrace run --from SESSION --venue ...`: a recorded session again, with another connector and nothing else changed.

use std::io::Write;
use std::path::PathBuf;

use retrace_core::ids::SessionName;
use retrace_core::instrument::Symbol;
use retrace_core::manifest::{Identity, Mode};
use retrace_core::time::Span;
use retrace_core::venue::{FeeAsset, FillPath, VenueSettings};
use retrace_projections::lineage::Origin;
use retrace_replay::DECISION_VERSION;
use retrace_replay::backtest::{Backtest, Given};
use retrace_replay::rerun::{ModelReport, Observed, Outside, Parity, Unreadable, against_recorded, simulate};
use retrace_replay::tape::Tape;
use rust_decimal::Decimal;
use serde::Serialize;

use super::super::Status;
use super::super::market_again::Market;
use super::super::stored::{Stop, StoredSession};
use crate::error::{CannotRerun, CliError};
use crate::output::findings::print_finding;
use crate::output::style::{ALARM, BOLD, DIM, GOOD, painted};
use crate::output::text::counted;
use crate::output::{Output, model_report, warn};
use crate::{input, session};

/// What stands at the other end of the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Venue {
    /// The reports as and where received: every decision must be made again. Records nothing, because the result would be
    /// the same log
    Recorded,
    /// Fills by the session's venue settings, on the prices that it recorded or was run on; prints what each order came to
    /// on both sides. Records nothing
    Simulated,
}

/// How a recorded session is run again.
#[derive(Debug, clap::Args)]
pub(super) struct Rerun {
    /// Which venue to run it against
    #[arg(long, value_name = "VENUE", requires = "from", conflicts_with_all = ["file", "resume", "sets", "unsets", "axes"])]
    pub(super) venue: Option<Venue>,
    /// With the simulated venue: take the prices from the market data that this session file names
    #[arg(long, value_name = "FILE.yaml", requires = "venue", conflicts_with_all = ["file", "resume", "sets", "unsets", "axes"])]
    market: Option<PathBuf>,
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
    let version = session.identity().decision_version;
    if version != DECISION_VERSION {
        warn(&format!("{from}: decided by other code: version {version}, this build has {DECISION_VERSION}"));
    }
    if args.session.is_some() {
        return Err(refused(CannotRerun::RecordsNothing));
    }
    match venue {
        Venue::Recorded if args.parity.market.is_some() => Err(refused(CannotRerun::PricesAreRecorded)),
        Venue::Recorded => recorded(&session, &args.market, output),
        Venue::Simulated => simulated(&session, &args.parity, &args.market, output),
    }
}

fn recorded(session: &StoredSession<'_>, market: &Market, output: &mut Output) -> Result<Status, CliError> {
    let tape = market.read_again(session);
    let begin = session.origin()?.book;
    let parity = against_recorded(session.reader, session.uid, session.identity(), &begin, tape.as_ref());
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

/// The shape of `--json` with the simulated venue.
#[derive(Serialize)]
struct ModelDocument<'a> {
    session: &'a SessionName,
    venue: &'static str,
    model: Model,
    #[serde(flatten)]
    report: &'a ModelReport,
}

/// What the model is told of the venue.
#[derive(Serialize)]
struct Model {
    slippage_bps: Decimal,
    latency: Span,
    maker_fee: Decimal,
    taker_fee: Decimal,
    fee_asset: FeeAsset,
    /// How much of a bar's volume it trades, and in which order it has a bar's prices; `null` where prices were recorded
    /// one by one.
    max_volume_share: Option<Decimal>,
    path: Option<FillPath>,
}

impl Model {
    fn of(settings: &VenueSettings, bars: bool) -> Self {
        let VenueSettings { slippage_bps, latency, maker_fee, taker_fee, fee_asset, path, .. } = *settings;
        let max_volume_share = bars.then_some(settings.max_volume_share);
        Self { slippage_bps, latency, maker_fee, taker_fee, fee_asset, max_volume_share, path: bars.then_some(path) }
    }
}

fn simulated(
    session: &StoredSession<'_>,
    args: &Rerun,
    again: &Market,
    output: &mut Output,
) -> Result<Status, CliError> {
    let refused = |source| CliError::Rerun { session: session.name.clone(), source };
    let stopped = |what: String| refused(CannotRerun::Model { what });
    let identity = session.identity();
    if identity.mode == Mode::Import {
        return Err(refused(CannotRerun::Import));
    }
    let own = match identity.mode {
        Mode::Backtest => {
            let tape = again.read_again(session).filter(|tape| tape.identity() == identity.tape);
            Some(tape.ok_or_else(|| refused(CannotRerun::NoMarket))?)
        }
        Mode::Import | Mode::Paper | Mode::Live => None,
    };
    let other = args.market.as_deref().map(|file| session::read_market(&input::session::read(file)?)).transpose()?;
    let other = other.map(|(tape, _)| tape);
    let no_market = Tape::new(Vec::new());

    let Origin { book: begin, ancestors } = session.origin()?;
    let mut outside = Outside::default();
    let mut was = Observed::new(identity, begin.clone(), own.as_ref().unwrap_or(&no_market));
    session.read(&mut |step| {
        outside.note(step);
        was.step(step).map_err(Stop::from)
    })?;

    let tape = other.as_ref().or(own.as_ref());
    let mut would = Observed::new(identity, begin.clone(), tape.unwrap_or(&no_market));
    if let Some(tape) = tape {
        check(identity, &outside, tape).map_err(refused)?;
        let parent = ancestors.last().and_then(|parent| parent.last);
        if let (Some(last), Some((from, _))) = (parent, tape.span())
            && from < last
        {
            return Err(refused(CannotRerun::BeforeItBegan { from, last }));
        }
        if identity.mode == Mode::Backtest && !session.is_finished()? {
            warn(&format!("{} was interrupted: the model goes on to the end of the market data", session.name));
        }
        let run = Backtest::beginning(identity, tape, outside.given(), &begin).run(&mut would);
        run.map_err(|error| stopped(error.to_string()))?;
    } else if outside.prices() == 0 {
        return Err(refused(CannotRerun::NoPrices));
    } else {
        simulate(identity, &begin, &outside, &mut would).map_err(|error| stopped(error.to_string()))?;
    }
    let report =
        ModelReport::of(&was, &would).map_err(|source| CliError::Sum { session: session.name.clone(), source })?;
    if output.is_json() {
        let model = Model::of(&identity.venue, tape.is_some());
        output.document(&ModelDocument { session: &session.name, venue: "simulated", model, report: &report })?;
    } else {
        model_report::print(&session.name, &identity.venue, &report, output.page())?;
    }
    Ok(Status::Fine)
}

/// Whether market data has a price for everything that the session was told.
fn check(identity: &Identity, outside: &Outside, tape: &Tape) -> Result<(), CannotRerun> {
    let traded = |symbol: &Symbol| tape.sets().iter().any(|set| set.symbol == *symbol);
    if let Some(missing) = identity.instruments.iter().find(|instrument| !traded(&instrument.symbol)) {
        return Err(CannotRerun::NoMarketOf { symbol: missing.symbol.to_string() });
    }
    let (from, to) = tape.span().ok_or(CannotRerun::NoPrices)?;
    let given = outside.given().into_iter().find(|(at, _)| *at < from || *at > to);
    let Some((at, given)) = given else { return Ok(()) };
    let what = match given {
        Given::Directive(directive) => format!("directive {}", directive.directive_id),
        Given::Operator(_) => "an operator's order".to_owned(),
    };
    Err(CannotRerun::OutsideMarket { what, at, from, to })
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
