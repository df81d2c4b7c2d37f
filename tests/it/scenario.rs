//! A scenario is data, its story is the snapshot. A script is a text file:
//!
//! ```text
//! # What it shows (the first line is its title).
//! venue taker=0.001 slippage_bps=5 path=ohlc fee_asset=base max_volume_share=0.5 latency_ms=100
//! venue profile=spot max_stops=2 amend_up=true       a named profile, then flags of it
//! risk price_collar=0.05 BTC/USDT.max_position=5      limits of the session
//! account 1000 cash                                  its balance, and what is checked
//! real 2022-01-21T21:00:00Z 2022-01-21T23:00:00Z     bars of the real January file, or
//! bars 2022-01-21T10:00:00Z                          bars of one minute from here on:
//! 100 101 99 100.5 12                                open high low close [volume in base]
//! flat 5 100                                         five bars that stay at 100
//! urgency 0.3 TWAP 4 4                               from which urgency on: minutes and slices, or SINGLE
//! symbol ETH/USDT                                    bars from here on are of this symbol (first: BTC/USDT)
//! batch new_trade ATOMIC 60                          how several trades hang together by default: mode, seconds
//! {"at":"2022-01-21T10:00:00Z","directive":{...}}    a line of the directive file, of the operator too
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use retrace_core::amount::{Money, Price};
use retrace_core::content::{Content, ContentRef};
use retrace_core::directive::{Algorithm, Twap};
use retrace_core::event::{Fact, Input};
use retrace_core::ids::{DirectiveId, Seq, SessionUid};
use retrace_core::instrument::Instrument;
use retrace_core::log::{LogEnd, read_log};
use retrace_core::manifest::{Account, AccountCheck, Identity, Provenance};
use retrace_core::policy::{
    BatchDefaults, BatchPolicy, ExecutionMode, ExecutionPolicy, RiskLimits, SymbolLimits, UrgencyRange,
};
use retrace_core::step::Step;
use retrace_core::store::{LogStore, Manifest};
use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::{FeeAsset, FillPath, VenueProfile, VenueSettings};
use retrace_projections::audit::event_line;
use retrace_projections::ledger::{Book, Ledger, Plan};
use retrace_projections::view::{BatchView, batch_view, plan_view};
use retrace_replay::backtest::{Backtest, Given, Recorder};
use retrace_replay::tape::{Bar, DataSet, Tape, VolumeUnit};
use retrace_tools::input::directives::{self, DataSpan, ParsedLine};

use crate::real;

/// A script, read.
pub(crate) struct Scenario {
    pub(crate) title: String,
    pub(crate) identity: Identity,
    pub(crate) tape: Tape,
    pub(crate) directives: Vec<ParsedLine>,
}

/// What playing a scenario gives.
pub(crate) struct Played {
    pub(crate) session: SessionUid,
    pub(crate) end: LogEnd,
    pub(crate) steps: Vec<Step>,
    /// The run's own ledger after each Step.
    pub(crate) had: Vec<Ledger>,
}

impl Scenario {
    /// Reads a script. `None` where it needs real data that is not present.
    pub(crate) fn read(name: &str, script: &str) -> Option<Self> {
        let mut title = String::new();
        let mut venue = samples::venue();
        let mut policy = ExecutionPolicy::default();
        let mut own_account = samples::identity(name).account;
        let mut set = None;
        let mut next = Timestamp::from_nanos(0);
        let mut bars = Vec::new();
        let mut others: Vec<(Instrument, Vec<Bar>)> = Vec::new();
        let mut lines = String::new();
        for line in script.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Directives keep their line numbers: other lines are blank in their file.
            match words.first() {
                None => {}
                Some(first) if first.starts_with('{') => lines.push_str(line),
                Some(&"#") if title.is_empty() => words[1..].join(" ").clone_into(&mut title),
                Some(&"#") => {}
                Some(&"venue") => words[1..].iter().for_each(|setting| change(&mut venue, setting)),
                Some(&"risk") => words[1..].iter().for_each(|limit| limit_to(&mut policy.risk, limit)),
                Some(&"account") => account(&mut own_account, &words[1..]),
                Some(&"urgency") => policy.urgency.push(range(&words[1..])),
                Some(&"real") => set = Some(cut(&real::january()?, samples::time(words[1]), samples::time(words[2]))),
                Some(&"batch") => default_batch(&mut policy.batch_defaults, &words[1..]),
                Some(&"bars") => next = samples::time(words[1]),
                Some(&"symbol") => others.push((other(words[1]), Vec::new())),
                Some(&word) => {
                    let bars = others.last_mut().map_or(&mut bars, |(_, bars)| bars);
                    let (times, prices) = if word == "flat" {
                        (words[1].parse().unwrap(), vec![words[2]; 4])
                    } else {
                        (1, words.clone())
                    };
                    bars.extend((0..times).map(|_| bar(&mut next, &prices)));
                }
            }
            lines.push('\n');
        }
        let set = set.unwrap_or(DataSet {
            symbol: samples::btc().symbol,
            period: Span::from_seconds(60),
            volume_unit: VolumeUnit::Base,
            bars,
        });
        let others_set = |(instrument, bars): &(Instrument, Vec<Bar>)| DataSet {
            symbol: instrument.symbol.clone(),
            bars: bars.clone(),
            ..set.clone()
        };
        let sets = std::iter::once(set.clone()).chain(others.iter().map(others_set)).collect();
        let tape = Tape::new(sets);
        let (from, to) = tape.span().unwrap();
        let (tape_identity, decision_version) = (tape.identity(), retrace_replay::DECISION_VERSION);
        let samples = samples::identity(name);
        let mut identity =
            Identity { venue, policy, account: own_account, tape: tape_identity, decision_version, ..samples };
        identity.instruments.extend(others.into_iter().map(|(instrument, _)| instrument));
        let span = DataSpan { from, to };
        let directives = directives::parse(Path::new(name), lines.as_bytes(), &identity.instruments, span)
            .unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let identity = Identity { strategy_digest: directives::strategy_digest(&directives), ..identity };
        Some(Self { title, identity, tape, directives })
    }

    /// Plays the script into a store.
    pub(crate) fn play(&self, store: &mut dyn LogStore) -> Played {
        let manifest = Manifest {
            identity: self.identity.clone(),
            provenance: Provenance { build: "test".into(), ..Provenance::default() },
        };
        let session = store.create(&manifest).unwrap();
        let mut contents = BTreeMap::new();
        let mut given = Vec::new();
        for parsed in self.directives.iter().cloned() {
            let (at, line, content) = parsed.seal(session);
            if let (Some(content), Given::Directive(directive)) = (content, &line) {
                contents.insert(directive.directive_id.clone(), content);
            }
            given.push((at, line));
        }
        let book = Book::new(&self.identity);
        let mut recording = Recording { store, session, contents, book, steps: Vec::new(), had: Vec::new() };
        self.run(given, &mut recording);
        let Recording { store, book, steps, had, .. } = recording;
        store.put_checkpoint(session, &book.ledger().checkpoint(true)).unwrap();
        store.commit().unwrap();
        let end = read_log(store, session, &mut |_| true).unwrap();
        Played { session, end, steps, had }
    }

    /// Runs the script with these directives into any recorder.
    pub(crate) fn run<R: Recorder<Error: std::fmt::Display>, G: Into<Given>>(
        &self,
        given: Vec<(Timestamp, G)>,
        recorder: &mut R,
    ) {
        Backtest::new(&self.identity, &self.tape, given).run(recorder).unwrap_or_else(|e| panic!("{e}"));
    }
}

struct Recording<'a> {
    store: &'a mut dyn LogStore,
    session: SessionUid,
    contents: BTreeMap<DirectiveId, (ContentRef, Content)>,
    book: Book,
    steps: Vec<Step>,
    had: Vec<Ledger>,
}

impl Recorder for Recording<'_> {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        let content = match &step.events[0].fact {
            Fact::Input(Input::DirectiveReceived(directive)) => self.contents.remove(&directive.directive_id),
            _ => None,
        };
        let contents: Vec<_> = content.into_iter().collect();
        self.store.append(self.session, step, &contents).map_err(|e| e.to_string())?;
        for event in &step.events {
            self.book.apply(event).map_err(|e| e.to_string())?;
        }
        self.steps.push(step.clone());
        Ok(step.last_seq())
    }

    fn decided(&mut self, ledger: &Ledger) {
        self.had.push(ledger.clone());
    }
}

/// The whole log as a story, then the plans as they ended.
pub(crate) fn story(scenario: &Scenario, played: &Played) -> String {
    story_of(&scenario.title, &scenario.identity, &played.steps)
}

/// The story of any log.
pub(crate) fn story_of(title: &str, identity: &Identity, steps: &[Step]) -> String {
    let mut story = format!("{title}\n\n");
    let mut book = Book::new(identity);
    let mut shown = None;
    for step in steps {
        for event in &step.events {
            book.apply(event).unwrap();
            let plan = event.plan.and_then(|no| book.plan(no)).map_or("", |plan| plan.id.as_str());
            let input = matches!(event.fact, Fact::Input(_));
            let time = if shown == Some(step.time) { String::new() } else { step.time.to_string() };
            shown = Some(step.time);
            let indent = if input { "" } else { "  " };
            let line = format!("{time:<20} {:>4} {plan:<12} {indent}{}", event.seq, event_line(event, &book));
            story.push_str(line.trim_end());
            story.push('\n');
        }
    }
    story.push('\n');
    for plan in book.plans() {
        story.push_str(&ending(&book, plan));
    }
    for batch in book.ledger().batches() {
        story.push_str(&batch_ending(&batch_view(batch)));
    }
    story
}

fn batch_ending(batch: &BatchView) -> String {
    let failed = batch.failed_by.as_ref().map_or(String::new(), |plan| format!(" by {plan}"));
    let result = batch.result.map_or(String::new(), |result| format!(", result {result}"));
    let mut text = format!("batch {} {} {}{failed}{result}\n", batch.directive_id, batch.execution_mode, batch.status);
    for leg in &batch.legs {
        let end = leg.end.map_or(String::new(), |end| format!(", first {end}"));
        let before = leg.target_before.map_or(String::new(), |target| format!(", target before {target}"));
        let _ = writeln!(text, "  {} {}{end}{before}", leg.plan_id, leg.status);
    }
    text
}

/// A second instrument, with the first one's rules.
pub(crate) fn other(symbol: &str) -> Instrument {
    Instrument { symbol: symbol.parse().unwrap(), ..samples::btc() }
}

fn default_batch(defaults: &mut BatchDefaults, words: &[&str]) {
    let mode = ExecutionMode::parse(words[1]).unwrap();
    let timeout = words.get(2).map(|seconds| Span::from_seconds(seconds.parse().unwrap()));
    let rollback_on_failure = mode == ExecutionMode::Atomic;
    let policy = Some(BatchPolicy { execution_mode: mode, timeout, rollback_on_failure });
    match words[0] {
        "new_trade" => defaults.new_trade = policy,
        "modify_existing" => defaults.modify_existing = policy,
        "close_existing" => defaults.close_existing = policy,
        scope => panic!("no scope {scope}"),
    }
}

fn ending(book: &Book, plan: &Plan) -> String {
    let view = plan_view(book.ledger(), plan, &|_| None);
    let mut text = format!(
        "{} {} {} target {} position {} held {} realised {} net {} fees",
        view.plan_id,
        view.status,
        view.direction,
        view.target,
        view.net_position,
        view.held,
        view.realized_pnl,
        view.net_pnl,
    );
    for fee in &view.fees {
        let _ = write!(text, " {} {}", fee.amount, fee.asset);
    }
    let exit = |price: Option<Price>| price.map_or("-".to_owned(), |price| price.to_string());
    let _ = write!(text, " stop {} target {}", exit(view.stop_loss_price), exit(view.take_profit_price));
    if let Some(outcome) = view.outcome {
        let _ = write!(text, ": {outcome}");
    }
    text.push('\n');
    for group in &view.groups {
        let _ = writeln!(
            text,
            "  {} {} {} {} of {}, slices {} of {}{}",
            group.action,
            group.algorithm,
            group.status,
            group.filled_quantity,
            group.target_quantity,
            group.slices_due,
            group.slices,
            if group.paused { ", paused" } else { "" }
        );
    }
    text
}

pub(crate) fn change(venue: &mut VenueSettings, setting: &str) {
    let (key, value) = setting.split_once('=').unwrap();
    match key {
        "maker" => venue.maker_fee = samples::dec(value),
        "profile" => venue.profile = VenueProfile::named(value).unwrap(),
        "shorting" => venue.profile.shorting = value.parse().unwrap(),
        "reduce_only" => venue.profile.reduce_only = value.parse().unwrap(),
        "amend_up" => venue.profile.amend_up = value.parse().unwrap(),
        "amend_down" => venue.profile.amend_down = value.parse().unwrap(),
        "native_iceberg" => venue.profile.native_iceberg = value.parse().unwrap(),
        "native_oco" => venue.profile.native_oco = value.parse().unwrap(),
        "native_trailing" => venue.profile.native_trailing = value.parse().unwrap(),
        "stop_locks_holding" => venue.profile.stop_locks_holding = value.parse().unwrap(),
        "size_free_stop" => venue.profile.size_free_stop = value.parse().unwrap(),
        "max_stops" => venue.profile.max_stops = Some(value.parse().unwrap()),
        "taker" => venue.taker_fee = samples::dec(value),
        "slippage_bps" => venue.slippage_bps = samples::dec(value),
        "path" => venue.path = FillPath::parse(value).unwrap(),
        "fee_asset" => venue.fee_asset = FeeAsset::parse(value).unwrap(),
        "max_volume_share" => venue.max_volume_share = samples::dec(value),
        "latency_ms" => venue.latency = Span::from_nanos(value.parse::<u64>().unwrap() * 1_000_000),
        _ => panic!("no venue setting {key}"),
    }
}

/// `1000 cash`: the balance, and what is checked.
pub(crate) fn account(account: &mut Account, words: &[&str]) {
    account.balance = Money::new(samples::dec(words[0]));
    account.check = AccountCheck::parse(words[1]).unwrap();
}

fn range(words: &[&str]) -> UrgencyRange {
    let number = |place: usize| words[place].parse::<u32>().unwrap();
    let algorithm = match words[1] {
        "SINGLE" => Algorithm::Single,
        "TWAP" => Algorithm::Twap(Twap {
            duration: Span::from_seconds(u64::from(number(2)) * 60),
            slices: number(3),
            catch_up: true,
        }),
        other => panic!("an urgency does not mean {other}"),
    };
    UrgencyRange { from: samples::dec(words[0]), algorithm }
}

/// `max_open_orders=3`, or `BTC/USDT.max_position=5` for a limit of a symbol.
pub(crate) fn limit_to(limits: &mut RiskLimits, setting: &str) {
    let (key, value) = setting.split_once('=').unwrap();
    let money = || Some(Money::new(samples::dec(value)));
    match key {
        "max_order_notional" => limits.max_order_notional = money(),
        "max_account_position" => limits.max_account_position = money(),
        "price_collar" => limits.price_collar = Some(samples::dec(value)),
        "max_orders_per_minute" => limits.max_orders_per_minute = Some(value.parse().unwrap()),
        "max_open_orders" => limits.max_open_orders = Some(value.parse().unwrap()),
        _ => {
            let (symbol, limit) = key.split_once('.').unwrap_or_else(|| panic!("no risk limit {key}"));
            let symbol = symbol.parse().unwrap();
            let place = limits.symbols.iter().position(|known| known.symbol == symbol).unwrap_or_else(|| {
                limits.symbols.push(SymbolLimits { symbol, max_order_quantity: None, max_position: None });
                limits.symbols.len() - 1
            });
            let quantity = Some(samples::quantity(value));
            match limit {
                "max_order_quantity" => limits.symbols[place].max_order_quantity = quantity,
                "max_position" => limits.symbols[place].max_position = quantity,
                _ => panic!("no risk limit {key}"),
            }
        }
    }
}

fn bar(next: &mut Timestamp, words: &[&str]) -> Bar {
    let open_time = *next;
    *next = next.plus(Span::from_seconds(60));
    Bar {
        open_time,
        open: samples::price(words[0]),
        high: samples::price(words[1]),
        low: samples::price(words[2]),
        close: samples::price(words[3]),
        volume: words.get(4).map(|volume| samples::dec(volume)),
    }
}

fn cut(set: &DataSet, from: Timestamp, to: Timestamp) -> DataSet {
    let bars = set.bars.iter().filter(|bar| bar.open_time >= from && bar.open_time < to).copied().collect();
    DataSet { bars, ..set.clone() }
}
