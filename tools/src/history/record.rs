//! A history with its map, read and checked, and the recording of it into a store.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::amount::{DECIMALS_MAX, Money, Price, Quantity};
use retrace_core::codec::encode_fact;
use retrace_core::event::{Decision, Fact, Input, TradeImported, TradeOrigin};
use retrace_core::ids::{Seq, SessionName};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::manifest::{Account, AccountCheck, Identity, Mode, Provenance};
use retrace_core::order::Side;
use retrace_core::policy::ExecutionPolicy;
use retrace_core::step::Step;
use retrace_core::store::{LogStore, Manifest};
use retrace_core::time::Span;
use retrace_core::venue::{FeeAsset, FillPath, VenueProfile, VenueSettings};
use retrace_projections::ledger::{Book, Phase};
use retrace_replay::DECISION_VERSION;
use retrace_replay::backtest::{Recorder, RunError};
use retrace_replay::import::run;
use retrace_replay::tape::Tape;
use rust_decimal::Decimal;
use serde::Serialize;

use super::map::{Rows, Rules, TradeMap};
use super::read::{self, History};
use super::{maps, normal};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::recording::{Pace, StoreRecorder, Watching};
use crate::session::{RecordError, Recorded, conclude, provenance_of};

/// A history that can be recorded: it was read, nothing in it is refused, and all of it was booked once.
#[derive(Clone, Debug)]
pub struct LoadedHistory {
    /// What decides what the session does.
    pub identity: Identity,
    /// Where it was read from.
    pub provenance: Provenance,
    /// Its trades, in the order in which they are booked.
    pub trades: Vec<TradeImported>,
    /// What was counted on the way.
    pub counts: Counts,
    /// What people should know before they trust the result.
    pub notes: Vec<String>,
}

/// What was counted while a history was read and booked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows below the header.
    pub rows: u64,
    /// Rows that the map leaves out.
    pub skipped: u64,
    /// Trades that were read, repeated ones among them; a round trip's row is two.
    pub trades: u64,
    /// Trades that the history has more than once and that are booked once.
    pub repeated: u64,
    /// Opening positions that the map adds.
    pub opening: u64,
    /// Values that were rounded, as the map allows.
    pub rounded: u64,
    /// Plans that went from flat to flat.
    pub round_trips: u64,
    /// Plans that still hold something.
    pub open: u64,
}

/// Reads the history at `path` with the map of that name or file, and books it without a store.
///
/// # Errors
/// [`InputProblem`] at the first thing that is wrong with either.
pub fn load(path: &Path, map: &Path, name: Option<SessionName>) -> Result<LoadedHistory, InputProblem> {
    let map = maps::find(map)?;
    let history = read::read(path, &map)?;
    let name = match name {
        Some(name) => name,
        None => session_name(path)?,
    };
    LoadedHistory::of(path, &map, name, history)
}

impl LoadedHistory {
    /// A history that was read from `path` with `map`.
    ///
    /// # Errors
    /// [`InputProblem`] where its rows do not fit together, or cannot be booked.
    pub fn of(path: &Path, map: &TradeMap, name: SessionName, history: History) -> Result<Self, InputProblem> {
        let History { rows, read, skipped, rounded } = history;
        let trades = normal::trades(path, rows, map)?;
        let identity = identity(path, name, map, &trades)?;
        let mut rehearsal = Rehearsal { path, map, trades: &trades, booked: 0, shorts: BTreeMap::new() };
        let state = run(&identity, &trades, &mut rehearsal).map_err(|error| match error {
            RunError::Recorder(problem) => problem,
            error @ (RunError::Engine(_) | RunError::Venue(_) | RunError::Restless { .. }) => {
                let problem = rehearsal.problem(Rule::NotCountable { reason: error.to_string() });
                problem.with_hint(
                    "fewer decimals help: `decimals: {price: 8, quantity: 8}` in the map rounds half to even",
                )
            }
        })?;
        let notes = rehearsal.notes();
        let ledger = state.ledger();
        let opening = trades.iter().filter(|trade| trade.origin == TradeOrigin::Opening).count() as u64;
        let counts = Counts {
            rows: read,
            skipped,
            trades: (trades.len() as u64) - opening,
            repeated: ledger.counts().repeated_fills,
            opening,
            rounded,
            round_trips: u64::from(ledger.next_plan().0) - 1 - ledger.plans().count() as u64,
            open: ledger.plans().filter(|plan| !matches!(plan.phase, Phase::Closed { .. })).count() as u64,
        };
        // A map that comes with Retrace is in no file; its text is kept either way.
        let mut sources = vec![path.to_owned()];
        sources.extend(Some(map.file.clone()).filter(|file| !maps::is_ready(file)));
        let provenance = provenance_of(sources, map.text.clone());
        Ok(Self { identity, provenance, trades, counts, notes })
    }

    /// What its store keeps of it.
    pub fn manifest(&self) -> Manifest {
        Manifest { identity: self.identity.clone(), provenance: self.provenance.clone() }
    }
}

/// Records a history into `store` at this pace.
///
/// # Errors
/// [`RecordError`] if the store has a session of that name, or if anything stops it.
pub fn record(
    store: &mut dyn LogStore,
    loaded: &LoadedHistory,
    pace: Pace,
    watching: Watching<'_>,
) -> Result<Recorded, RecordError> {
    let session = store.create(&loaded.manifest())?;
    let begin = Book::new(&loaded.identity);
    let mut recorder = StoreRecorder::new(store, session, BTreeMap::new(), watching).at_pace(pace, &begin);
    let state = run(&loaded.identity, &loaded.trades, &mut recorder)?;
    Ok(conclude(session, state.ledger(), &mut recorder, &|_| None, None)?)
}

/// A session's name from the file's: up to its first point, with `_` for what names do not take.
fn session_name(path: &Path) -> Result<SessionName, InputProblem> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.split('.').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':') { c } else { '_' };
    let name: String = stem.chars().map(plain).take(retrace_core::ids::NAME_MAX).collect();
    SessionName::new(&name).map_err(|_| {
        let problem = InputProblem::new(path, Rule::NotAName).value(stem);
        problem.with_hint("name the session with --session NAME")
    })
}

fn identity(
    path: &Path,
    name: SessionName,
    map: &TradeMap,
    trades: &[TradeImported],
) -> Result<Identity, InputProblem> {
    let first = trades.first().map(|trade| trade.symbol.quote().clone());
    let nothing = || InputProblem::new(path, Rule::Nothing { what: "row that the map takes" });
    Ok(Identity {
        name,
        mode: Mode::Import,
        instance: map.instance.clone(),
        strategy_digest: digest(map, trades),
        tape: Tape::new(Vec::new()).identity(),
        instruments: instruments(map, trades),
        account: Account {
            quote: map.account.clone().or(first).ok_or_else(nothing)?,
            balance: Money::ZERO,
            check: AccountCheck::Unchecked,
        },
        venue: venue(map),
        policy: ExecutionPolicy::default(),
        seed: 0,
        decision_version: DECISION_VERSION,
        nonce: None,
        continues: None,
    })
}

/// Commits to every trade as it is booked, and to the map.
fn digest(map: &TradeMap, trades: &[TradeImported]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 imported history 1");
    let mut put = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    put(map.text.as_bytes());
    for trade in trades {
        put(&encode_fact(&Fact::Input(Input::TradeImported(Box::new(trade.clone())))).payload);
    }
    *hasher.finalize().as_bytes()
}

/// Nothing is simulated: all that counts is whether a position may be below zero.
fn venue(map: &TradeMap) -> VenueSettings {
    VenueSettings {
        profile: VenueProfile {
            name: "import".to_owned(),
            shorting: map.shorting != Some(false),
            reduce_only: false,
            amend_up: false,
            amend_down: false,
            native_oco: false,
            native_trailing: false,
            native_iceberg: false,
            stop_locks_holding: false,
            size_free_stop: false,
            max_stops: None,
        },
        maker_fee: Decimal::ZERO,
        taker_fee: Decimal::ZERO,
        fee_asset: FeeAsset::Quote,
        path: FillPath::Pessimistic,
        slippage_bps: Decimal::ZERO,
        latency: Span::default(),
        max_volume_share: Decimal::ONE,
    }
}

/// The rules of every symbol that was traded: as the map says them, otherwise as fine as the finest price and quantity.
fn instruments(map: &TradeMap, trades: &[TradeImported]) -> Vec<Instrument> {
    let mut decimals: BTreeMap<&Symbol, (u32, u32)> = BTreeMap::new();
    for trade in trades {
        let (price, quantity) = decimals.entry(&trade.symbol).or_default();
        *price = (*price).max(trade.fill.price.value().normalize().scale());
        *quantity = (*quantity).max(trade.fill.quantity.value().normalize().scale());
    }
    let step = |places: u32| Decimal::new(1, places.min(DECIMALS_MAX));
    let instrument = |(symbol, (price, quantity)): (&Symbol, (u32, u32))| {
        let Rules { tick, lot } = map.instruments.get(symbol).copied().unwrap_or_default();
        let tick = tick.or_else(|| Price::new(step(price)).ok())?;
        let lot = lot.or_else(|| Quantity::new(step(quantity)).ok())?;
        Some(Instrument { symbol: symbol.clone(), tick, lot, min_notional: Money::ZERO })
    };
    decimals.into_iter().filter_map(instrument).collect()
}

/// Books a history without a store, and refuses what cannot be booked, or may not be.
struct Rehearsal<'a> {
    path: &'a Path,
    map: &'a TradeMap,
    trades: &'a [TradeImported],
    booked: usize,
    /// The first sale of each symbol that was more than was held.
    shorts: BTreeMap<Symbol, (u64, Quantity)>,
}

impl Rehearsal<'_> {
    /// A problem with the trade that is being booked.
    fn problem(&self, rule: Rule) -> InputProblem {
        let Some(trade) = self.trades.get(self.booked) else { return InputProblem::new(self.path, rule) };
        let file = if trade.origin == TradeOrigin::Opening { &self.map.file } else { self.path };
        InputProblem::new(file, rule).on_line(trade.line)
    }

    fn short(&mut self, step: &Step) -> Result<(), InputProblem> {
        let mut begins = false;
        for event in &step.events {
            match &event.fact {
                Fact::Decision(Decision::PlanAccepted { direction: Side::Sell, .. }) => begins = true,
                Fact::Decision(Decision::TradeBooked { fill, .. }) if begins => {
                    let Some(trade) = self.trades.get(self.booked) else { return Ok(()) };
                    if self.map.shorting == Some(false) {
                        let rule = Rule::SellsMoreThanHeld { symbol: trade.symbol.clone(), beyond: fill.quantity };
                        let hint = "say under `opening:` in the map what was held before, or `shorting: true`";
                        let problem = self.problem(rule).field(self.map.quantity_column());
                        return Err(problem.value(trade.fill.quantity.to_string()).with_hint(hint));
                    }
                    let said = trade.origin == TradeOrigin::Opening || matches!(self.map.rows, Rows::RoundTrips(_));
                    if self.map.shorting.is_none() && !said {
                        self.shorts.entry(trade.symbol.clone()).or_insert((trade.line, fill.quantity));
                    }
                    return Ok(());
                }
                Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => {}
            }
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let note = |(symbol, (line, beyond)): (&Symbol, &(u64, Quantity))| {
            format!(
                "{symbol}: line {line} sells {beyond} more than this history holds, which begins a short position; \
                 `opening:` in a map says what was held before, `shorting: true` that it is meant"
            )
        };
        self.shorts.iter().map(note).collect()
    }
}

impl Recorder for Rehearsal<'_> {
    type Error = InputProblem;

    fn record(&mut self, step: &Step) -> Result<Seq, InputProblem> {
        self.short(step)?;
        self.booked += 1;
        Ok(step.last_seq())
    }
}
