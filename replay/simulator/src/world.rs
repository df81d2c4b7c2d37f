//! Plays a script: the clock, the network, the log with its commits, crashes and restarts, around the real engine.
//!
//! Nothing that the venue says is lost for ever: a report that a crash took away is told again. What the engine asks for
//! may be: after a restart, and when a lost connection is back, it is told so, and has to ask what became of it.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::chain::genesis;
use retrace_core::directive::{CloseHint, ClosePlans, Intent, OnLimit};
use retrace_core::event::{
    Decision, Event, Fact, Input, Mark, OperatorCommand, OperatorCommanded, PriceMoved, Report, ReportKind,
    ReportedOrder,
};
use retrace_core::ids::{ConnectorOrderId, PlanNo, Seq, TimerId};
use retrace_core::manifest::{AccountCheck, Identity, Provenance};
use retrace_core::memory::MemoryStore;
use retrace_core::policy::ExecutionPolicy;
use retrace_core::step::{Step, TapePosition};
use retrace_core::store::{LogStore, Manifest};
use retrace_projections::ledger::{Book, Plan};
use retrace_replay::effect::{Effect, Outbox, VenueRequest, effect_of};
use retrace_replay::verify::{Check, Verifier};
use retrace_replay::{State, step};

use crate::auditor::{Auditor, LATE_MAX, Phase};
use crate::dice::drawn;
use crate::fault::{Fault, faulty_step};
use crate::finding::Finding;
use crate::roll::directive;
use crate::script::{Ending, Happening, Mischief, Script, Trick};
use crate::units::{lots_of, moment, price, quantity, ticks_of};
use crate::venue::{Told, Unsound, Venue};

/// A world that takes more inputs than this does not come to rest.
const INPUTS_MAX: u64 = 6_000;

/// How long a world is given to come to rest before it ends, in milliseconds: longer than any schedule and any delay, so
/// that nothing but what is tried again and again is left.
const SETTLES_IN: i64 = 2 * 60 * 60 * 1_000;

/// What came of a script.
#[derive(Clone, Debug)]
pub struct Played {
    /// What was found; `None` where every bound held.
    pub finding: Option<Finding>,
    /// The log as far as it came.
    pub log: Vec<Step>,
    /// What its session is.
    pub identity: Identity,
    /// How many inputs the engine took, lost ones included.
    pub inputs: u64,
}

/// Plays a script to its end, or to the first finding.
pub fn play(script: &Script, fault: Option<Fault>) -> Played {
    let mut world = World::new(script, fault);
    let finding = world.run().err();
    Played { finding, log: world.log, identity: world.identity, inputs: world.inputs }
}

/// Something that is on its way.
#[derive(Clone, Debug)]
enum Item {
    /// A request reaches the venue.
    Arrive(Effect),
    /// A report reaches the engine; `copy`: it was told before.
    Deliver { told: Told, copy: bool },
    /// What a crash took away is said again.
    SayAgain(Box<Input>),
    /// What is decided becomes durable.
    Flush,
    /// The connection is lost, or back.
    Connection(bool),
}

struct World<'a> {
    script: &'a Script,
    fault: Option<Fault>,
    mischief: Mischief,
    identity: Identity,
    state: State,
    archive: BTreeMap<PlanNo, Plan>,
    log: Vec<Step>,
    durable: Seq,
    outbox: Outbox,
    flushing: bool,
    auditor: Auditor,
    /// The auditor as it was when the log was durable last.
    saved: Auditor,
    venue: Venue,
    queue: BTreeMap<(i64, u64), Item>,
    queued: u64,
    /// How many requests and first-told reports of a plan are on their way.
    busy: BTreeMap<PlanNo, i64>,
    /// The Steps of the log, by their first event, whose report was told before.
    copies: BTreeSet<Seq>,
    lost_timers: BTreeSet<TimerId>,
    /// Whether the engine can reach the venue.
    connected: bool,
    now: i64,
    inputs: u64,
    restarted: usize,
}

impl<'a> World<'a> {
    fn new(script: &'a Script, fault: Option<Fault>) -> Self {
        let mut identity = script.identity();
        if fault == Some(Fault::LimitsForgotten) {
            identity.policy = ExecutionPolicy::default();
        }
        if fault == Some(Fault::CashForgotten) {
            identity.account.check = AccountCheck::Unchecked;
        }
        if fault == Some(Fault::RoomForgotten) {
            let profile = &mut identity.venue.profile;
            (profile.reduce_only, profile.stop_locks_holding) = (true, false);
        }
        if fault == Some(Fault::FreeStopForgotten) {
            identity.venue.profile.size_free_stop = false;
        }
        let session = genesis(&identity).0;
        Self {
            script,
            fault,
            mischief: script.mischief,
            state: State::new(&identity),
            identity,
            archive: BTreeMap::new(),
            log: Vec::new(),
            durable: Seq(0),
            outbox: Outbox::default(),
            flushing: false,
            auditor: Auditor::new(script, session),
            saved: Auditor::new(script, session),
            venue: Venue::new(script),
            queue: BTreeMap::new(),
            queued: 0,
            busy: BTreeMap::new(),
            copies: BTreeSet::new(),
            lost_timers: BTreeSet::new(),
            connected: true,
            now: 0,
            inputs: 0,
            restarted: 0,
        }
    }

    fn run(&mut self) -> Result<(), Finding> {
        for outage in self.script.outages.iter().filter(|outage| outage.told) {
            for (at, connected) in [(outage.from, false), (outage.to, true)] {
                self.queued += 1;
                self.queue.insert((at, self.queued), Item::Connection(connected));
            }
        }
        for act in &self.script.acts {
            self.until(Some(act.at))?;
            self.now = self.now.max(act.at);
            match &act.what {
                Happening::Price { symbol, ticks } => self.price(*symbol, *ticks)?,
                Happening::Directive(said) => self.take(&Input::DirectiveReceived(said.clone()))?,
                Happening::Operator(switch) => {
                    let command = OperatorCommand::KillSwitch(*switch);
                    self.take(&Input::OperatorCommanded(OperatorCommanded { command, reason: None }))?;
                }
                Happening::Foreign => {
                    let Ok(id) = ConnectorOrderId::new("X1") else { continue };
                    let report =
                        Report { order: ReportedOrder::Foreign(id), answers: None, what: ReportKind::Canceled };
                    self.take(&Input::Report(report))?;
                }
            }
        }
        // A plan may wait for another one: what a bust took out of the account is bought back when that is closed.
        self.until(Some(self.now + SETTLES_IN))?;
        // From here on everybody behaves, and whatever was begun must come to its end.
        self.mischief = Mischief::default();
        self.venue.behave();
        for pause in [1_000, 1_000, 1_000, LATE_MAX + 1_000, 1_000] {
            self.all_prices(pause)?;
            self.until(Some(self.now + SETTLES_IN))?;
        }
        self.close_all()?;
        for _ in 0..6 {
            self.all_prices(1_000)?;
            self.until(None)?;
        }
        self.auditor.over(&self.venue)?;
        if self.fault.is_none() { self.replay() } else { Ok(()) }
    }

    /// Shows every symbol's price again after a pause.
    fn all_prices(&mut self, pause: i64) -> Result<(), Finding> {
        self.now += pause;
        for symbol in 0..self.script.rules.symbols {
            let last = self.script.acts.iter().rev().find_map(|act| match act.what {
                Happening::Price { symbol: of, ticks } if of == symbol => Some(ticks),
                Happening::Price { .. } | Happening::Directive(_) | Happening::Foreign | Happening::Operator(_) => None,
            });
            self.price(symbol, last.unwrap_or(1_000))?;
        }
        Ok(())
    }

    fn close_all(&mut self) -> Result<(), Finding> {
        let open =
            self.auditor.plans().filter(|(_, plan)| plan.phase != Phase::Closed).map(|(_, plan)| plan.id.clone());
        let plans: Vec<_> = open.collect();
        if plans.is_empty() {
            return Ok(());
        }
        let execution = CloseHint { urgency: None, max_total_slippage: None, on_limit: OnLimit::default() };
        let said = directive("THE_END", Intent::Close(ClosePlans { plans, execution }));
        self.take(&Input::DirectiveReceived(Box::new(said)))?;
        self.until(Some(self.now + SETTLES_IN))
    }

    /// What is on its way, and timers, up to a time; without one, until nothing is left.
    fn until(&mut self, limit: Option<i64>) -> Result<(), Finding> {
        loop {
            let item = self.queue.first_key_value().map(|((at, number), _)| (*at, *number));
            let timer = self.first_timer();
            let due = |at: i64| limit.is_none_or(|limit| at <= limit);
            match (item, timer) {
                (Some((at, number)), timer) if due(at) && timer.is_none_or(|(fires, _)| at <= fires) => {
                    self.now = self.now.max(at);
                    if let Some(item) = self.queue.remove(&(at, number)) {
                        self.item(item)?;
                    }
                }
                (_, Some((at, timer))) if due(at) => {
                    self.now = self.now.max(at);
                    self.take(&Input::TimerFired { timer })?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// When the next timer fires: in order of due time and number, as a backtest does, but perhaps late.
    fn first_timer(&self) -> Option<(i64, TimerId)> {
        let (due, timer) = self.state.ledger().first_timer()?;
        if self.lost_timers.contains(&timer) {
            return None;
        }
        let circumstances = [u64::from(timer.0)];
        let late = if self.mischief.plays(Trick::LateTimer, self.script.seed, &circumstances) {
            i64::try_from(drawn(&[self.script.seed, u64::from(timer.0), 3]) % 90_000).unwrap_or(0)
        } else {
            0
        };
        Some(((crate::units::millis(due) + late).max(self.now), timer))
    }

    fn item(&mut self, item: Item) -> Result<(), Finding> {
        match item {
            Item::Flush => {
                self.flushing = false;
                self.flush();
                Ok(())
            }
            Item::SayAgain(said) => self.take(&said),
            Item::Connection(connected) => {
                self.connected = connected;
                if connected {
                    self.lose_requests()?;
                }
                self.take(&Input::ConnectionChanged { connected })
            }
            Item::Arrive(effect) => self.arrive(&effect),
            Item::Deliver { told, copy } => {
                let order = ReportedOrder::Ours(told.order);
                if let ReportKind::Filled(fill) = &told.what
                    && copy
                    && !self.auditor.knows_trade(&fill.trade_id)
                {
                    // What is told again was told before, by what "again" means.
                    self.send(5_000, Item::Deliver { told, copy });
                    return Ok(());
                }
                if copy {
                    self.copies.insert(self.state.ledger().seq().next());
                } else {
                    self.count(told.plan, -1);
                    self.conflict(&told);
                }
                self.take(&Input::Report(Report { order, answers: told.answers, what: told.what }))
            }
        }
    }

    fn arrive(&mut self, effect: &Effect) -> Result<(), Finding> {
        let mut told = Vec::new();
        let order = effect.order;
        self.count(effect.plan, -1);
        self.venue.arrive(self.now, effect, &mut told).map_err(|unsound| Finding::Unsound {
            order,
            what: match unsound {
                Unsound::Twice => "arrives at the venue twice",
                Unsound::OffGrid => "is off the tick or the lot",
                Unsound::NotHidden => "is to be hidden at a venue that hides nothing",
                Unsound::Nobody => "was never placed at the venue",
            },
        })?;
        self.tell(told);
        Ok(())
    }

    fn price(&mut self, symbol: usize, ticks: i64) -> Result<(), Finding> {
        let moved = PriceMoved { symbol: Script::symbol(symbol), mark: Mark::same(price(ticks)) };
        self.take(&Input::PriceMoved(moved))?;
        let mut told = Vec::new();
        self.venue.price_moved(self.now, symbol, ticks, &mut told);
        self.tell(told);
        Ok(())
    }

    /// Puts what the venue says on its way: perhaps slowly, perhaps more than once.
    fn tell(&mut self, told: Vec<Told>) {
        let (seed, mischief) = (self.script.seed, self.mischief);
        for told in told {
            let plays = |trick| mischief.plays(trick, seed, &[told.key]);
            let upto = |most: u64, salt: u64| i64::try_from(drawn(&[seed, told.key, salt]) % most).unwrap_or(0);
            let delay = if self.venue.is_told_at_once(&told) {
                1
            } else if plays(Trick::VerySlowReport) {
                10_000 + upto(200_000, 1)
            } else if plays(Trick::SlowReport) {
                100 + upto(10_000, 2)
            } else {
                1
            };
            self.count(told.plan, 1);
            for (trick, most, salt) in [(Trick::Repeat, 3_000, 4), (Trick::StaleRepeat, 600_000, 5)] {
                if plays(trick) {
                    self.send(delay + upto(most, salt), Item::Deliver { told: told.clone(), copy: true });
                }
            }
            self.send(delay, Item::Deliver { told, copy: false });
        }
    }

    /// A fill that was told is perhaps told again with another body.
    fn conflict(&mut self, told: &Told) {
        let ReportKind::Filled(fill) = &told.what else { return };
        // Of a trade that is put right the first body is not what it is told by any more.
        let corrects = self.script.mischief.odds(Trick::Correct) > 0;
        if corrects || !self.mischief.plays(Trick::Conflict, self.script.seed, &[told.key]) {
            return;
        }
        let mut other = told.clone();
        let lots = lots_of(fill.quantity.value()).unwrap_or(0);
        let ticks = ticks_of(fill.price).unwrap_or(0);
        let mut body = fill.clone();
        if told.key.is_multiple_of(2) {
            body.quantity = quantity(lots + 1);
        } else {
            body.price = price(ticks + 1);
        }
        other.what = ReportKind::Filled(body);
        let after = i64::try_from(drawn(&[self.script.seed, told.key, 6]) % 60_000).unwrap_or(0);
        self.send(after, Item::Deliver { told: other, copy: true });
    }

    /// Puts something on its way; nothing arrives during an outage.
    fn send(&mut self, delay: i64, item: Item) {
        let mut at = self.now + delay;
        for outage in &self.script.outages {
            if at >= outage.from && at < outage.to && !matches!(item, Item::Flush) {
                at = outage.to;
            }
        }
        self.queued += 1;
        self.queue.insert((at, self.queued), item);
    }

    fn count(&mut self, plan: PlanNo, by: i64) {
        *self.busy.entry(plan).or_insert(0) += by;
    }

    /// Gives the engine an input, and the auditor what came of it.
    fn take(&mut self, input: &Input) -> Result<(), Finding> {
        self.inputs += 1;
        if self.inputs > INPUTS_MAX {
            return Err(Finding::NoEnd { inputs: self.inputs });
        }
        let time = moment(self.now);
        restore(&mut self.state, &mut self.archive, input);
        let events = match self.fault {
            None => step(&mut self.state, time, input.clone())?,
            Some(fault) => faulty_step(fault, &mut self.state, time, input)?,
        };
        let effects: Vec<Effect> = events.iter().filter_map(|event| effect_of(event, self.state.ledger())).collect();
        self.outbox.hold(&events, self.state.ledger());
        for effect in &effects {
            self.count(effect.plan, 1);
        }
        put_away(&mut self.state, &mut self.archive);
        self.log.push(Step { time, recorded_at: None, tape: TapePosition::default(), events });
        let Some(last) = self.log.last() else { return Ok(()) };
        self.auditor.step(input, &last.events, &effects)?;
        let touched: BTreeSet<PlanNo> =
            last.events.iter().filter(|event| moves(event)).filter_map(|event| event.plan).collect();
        for no in touched {
            if self.busy.get(&no).copied().unwrap_or(0) == 0 {
                let plan = self.state.ledger().plan(no).or_else(|| self.archive.get(&no));
                self.auditor.quiet(no, &self.venue, plan)?;
            }
        }
        self.commit();
        self.restart()
    }

    fn commit(&mut self) {
        if self.flushing {
            return;
        }
        if self.mischief.plays(Trick::LazyCommit, self.script.seed, &[self.inputs]) {
            self.flushing = true;
            let delay = i64::try_from(drawn(&[self.script.seed, self.inputs, 8]) % 4_000).unwrap_or(0);
            self.send(delay, Item::Flush);
        } else {
            self.flush();
        }
    }

    /// Makes all that was decided durable, and lets it leave.
    fn flush(&mut self) {
        self.durable = self.log.last().map_or(Seq(0), Step::last_seq);
        if self.restarted < self.script.restarts.len() {
            self.saved = self.auditor.clone();
        }
        while let Some(effect) = self.outbox.release(self.durable) {
            let key = drawn(&[u64::from(effect.order.0), effect.seq.0]);
            let delay = if self.mischief.plays(Trick::SlowRequest, self.script.seed, &[key]) {
                100 + i64::try_from(drawn(&[self.script.seed, key]) % 8_000).unwrap_or(0)
            } else {
                1
            };
            // A venue answers a query after the requests before it.
            let before = self.queue.iter().rev().find_map(|((at, _), item)| match item {
                Item::Arrive(other) if other.order == effect.order => Some(*at - self.now),
                _ => None,
            });
            let delay = if effect.request == VenueRequest::Query { delay.max(before.unwrap_or(0)) } else { delay };
            self.send(delay, Item::Arrive(effect));
        }
    }

    fn restart(&mut self) -> Result<(), Finding> {
        let Some(due) = self.script.restarts.get(self.restarted).filter(|due| due.after <= self.inputs) else {
            return Ok(());
        };
        match due.how {
            Ending::Orderly => self.flush(),
            Ending::Unreleased => {
                self.durable = self.log.last().map_or(Seq(0), Step::last_seq);
                self.saved = self.auditor.clone();
            }
            Ending::Torn => {
                while let Some(lost) = self.log.pop_if(|step| step.last_seq() > self.durable) {
                    self.say_again(lost);
                }
                self.auditor = self.saved.clone();
            }
        }
        self.restarted += 1;
        self.begin_again(due.how)
    }

    /// An input that a crash took away comes again; only prices and timers do so by themselves.
    fn say_again(&mut self, lost: Step) {
        let copy = self.copies.remove(&lost.first_seq());
        let input = lost.events.into_iter().next().map(|event| event.fact);
        match input {
            Some(Fact::Input(Input::Report(report))) => {
                if let ReportedOrder::Ours(order) = report.order
                    && let Some(known) = self.venue.orders.get(&order)
                {
                    let told = Told { order, plan: known.plan, key: 0, answers: report.answers, what: report.what };
                    self.send(1_000, Item::Deliver { told, copy });
                }
            }
            Some(Fact::Input(said @ (Input::DirectiveReceived(_) | Input::OperatorCommanded(_)))) => {
                self.send(2_000, Item::SayAgain(Box::new(said)));
            }
            _ => {}
        }
    }

    /// Builds the engine again from the log.
    fn begin_again(&mut self, how: Ending) -> Result<(), Finding> {
        let mut state = State::new(&self.identity);
        let mut archive = BTreeMap::new();
        for step in &self.log {
            for event in &step.events {
                if let Fact::Input(input) = &event.fact {
                    restore(&mut state, &mut archive, input);
                    if let Input::PriceMoved(moved) = input {
                        state.see(&moved.symbol, moved.mark);
                    }
                }
                state.fold(event).map_err(retrace_replay::EngineError::from)?;
            }
            put_away(&mut state, &mut archive);
        }
        if how != Ending::Torn && (state != self.state || archive != self.archive) {
            return Err(Finding::Replay {
                check: "restart",
                what: "the log folds to another state than the run had".to_owned(),
            });
        }
        (self.state, self.archive) = (state, archive);
        if self.fault == Some(Fault::TimerLostOnRestart) {
            let plans: Vec<PlanNo> = self.state.ledger().plans().map(|plan| plan.no).collect();
            for plan in plans {
                self.lost_timers.extend(self.state.ledger().timers_of(plan).map(|(timer, _)| timer));
            }
        }
        // What had not left is lost with the engine.
        self.outbox = Outbox::default();
        self.lose_requests()?;
        self.take(&Input::ConnectionChanged { connected: self.connected })
    }

    /// What was asked for and has not arrived is lost, or arrives now: once the connection begins anew, nothing of before
    /// is under way any more.
    fn lose_requests(&mut self) -> Result<(), Finding> {
        let requests = |item: &Item| matches!(item, Item::Arrive(_));
        let places: Vec<_> = self.queue.iter().filter(|(_, item)| requests(item)).map(|(place, _)| *place).collect();
        for place in places {
            let Some(Item::Arrive(effect)) = self.queue.remove(&place) else { continue };
            if drawn(&[self.script.seed, effect.seq.0, 11]).is_multiple_of(2) {
                self.arrive(&effect)?;
            }
        }
        self.busy.clear();
        let reports = self.queue.values().filter_map(|item| match item {
            Item::Deliver { told, copy: false } => Some(told.plan),
            Item::Arrive(_) | Item::Deliver { .. } | Item::SayAgain(_) | Item::Flush | Item::Connection(_) => None,
        });
        let waiting = self.outbox.plans();
        let all: Vec<PlanNo> = reports.chain(waiting).collect();
        for plan in all {
            self.count(plan, 1);
        }
        Ok(())
    }

    /// What is recorded folds to the run's own ledger and is decided again, and its log is whole.
    fn replay(&mut self) -> Result<(), Finding> {
        let broken = |check, what: &str| Err(Finding::Replay { check, what: what.to_owned() });
        let mut state = State::new(&self.identity);
        let mut archive = BTreeMap::new();
        let mut book = Book::new(&self.identity);
        let mut store = MemoryStore::new();
        let manifest = Manifest { identity: self.identity.clone(), provenance: Provenance::default() };
        let Ok(session) = store.create(&manifest) else { return broken("store", "the session is not created") };
        for recorded in &self.log {
            let Some(Fact::Input(input)) = recorded.events.first().map(|event| &event.fact) else {
                return broken("log", "a Step without an input");
            };
            restore(&mut state, &mut archive, input);
            if step(&mut state, recorded.time, input.clone())? != recorded.events {
                return broken("re-decide", "the recorded inputs are decided otherwise");
            }
            put_away(&mut state, &mut archive);
            for event in &recorded.events {
                book.apply(event).map_err(retrace_replay::EngineError::from)?;
            }
            if store.append(session, recorded, &[]).is_err() {
                return broken("store", "a Step is not kept");
            }
        }
        if state != self.state || book.ledger() != self.state.ledger() {
            return broken("rebuild", "the log folds to another ledger than the run had");
        }
        if store.commit().is_err() {
            return broken("store", "the log is not committed");
        }
        // The world delivers again by itself.
        let checks = [Check::Integrity, Check::Rebuild, Check::Redecide];
        let verifier = Verifier { only: &checks, ..Verifier::default() };
        match verifier.run(&store, session, None) {
            Ok(found) if found.is_clean() => Ok(()),
            Ok(found) => {
                let first = found.findings.first();
                let told = first.map(|first| format!("{} {}: {}", first.check, first.what, first.detail.join("; ")));
                broken("verify", &told.unwrap_or_else(|| "not everything could be checked".to_owned()))
            }
            Err(_) => broken("verify", "the session cannot be read"),
        }
    }
}

/// Whether an event wakes its plan: to say that a directive leads to nothing does not.
const fn moves(event: &Event) -> bool {
    !matches!(event.fact, Fact::Decision(Decision::DirectiveRefused { .. } | Decision::NothingToDo { .. }))
}

/// Brings a sealed plan back that an input names.
fn restore(state: &mut State, archive: &mut BTreeMap<PlanNo, Plan>, input: &Input) {
    if let Some(plan) = state.needs(input).and_then(|no| archive.remove(&no)) {
        state.restore(plan);
    }
}

/// Puts sealed plans away.
fn put_away(state: &mut State, archive: &mut BTreeMap<PlanNo, Plan>) {
    for plan in state.take_sealed() {
        archive.insert(plan.no, plan);
    }
}
