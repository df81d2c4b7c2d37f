//! A second, simpler account of the same world: whole lots and ticks, kept from what was said to the engine, what it
//! asked of the venue and what the venue told it; never from the ledger. It predicts what each plan is to be and stops
//! at the first bound of SEMANTICS that is broken.

mod batches;
mod book;
mod bounds;
mod cash;
mod directives;
mod division;
mod free;
mod groups;
mod limits;
mod pace;
mod patience;
mod protection;
mod requests;
mod trailing;

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::directive::{Algorithm, StrategyDirective};
use retrace_core::event::{
    Because, Decision, Event, Fact, FillReport, GroupAction, Input, Report, ReportKind, ReportedOrder, VenueReason,
};
use retrace_core::ids::{
    BatchNo, DirectiveId, GroupNo, OrderId, OrderNo, PlanId, PlanNo, Seq, SessionUid, TimerId, TradeId,
};
use retrace_core::order::OrderStatus;
use retrace_core::policy::BatchDefaults;
use retrace_replay::effect::Effect;

use crate::finding::Finding;
use crate::script::{Rules, Script};
use crate::units::{GRAINS, grains_of, lots_of, millis, ticks_of};

pub use book::{Asked, Kind, Order, Patience, Phase, Plan, StopLimit, Trade};

/// No timer fires later than this after it is due, in milliseconds, unless nothing comes through.
pub const LATE_MAX: i64 = 400_000;

/// The auditor.
#[derive(Clone, Debug)]
pub struct Auditor {
    rules: Rules,
    gate: limits::Gate,
    now: i64,
    marks: [Option<i64>; 2],
    said: BTreeMap<DirectiveId, StrategyDirective>,
    /// Directives that are batches by the session's defaults, or have their policy from there, as they were given.
    unspelled: BTreeMap<DirectiveId, StrategyDirective>,
    batch_defaults: BatchDefaults,
    names: BTreeMap<PlanId, PlanNo>,
    plans: BTreeMap<PlanNo, Plan>,
    orders: BTreeMap<OrderNo, Order>,
    ids: BTreeSet<OrderId>,
    trades: BTreeMap<TradeId, Trade>,
    timers: BTreeMap<TimerId, (i64, PlanNo)>,
    session: SessionUid,
    groups: BTreeMap<(PlanNo, GroupNo), groups::Group>,
    members: BTreeMap<OrderNo, groups::Member>,
    connected: bool,
    /// The event of the last directive.
    spoken: Option<Seq>,
    divisions: BTreeMap<(PlanNo, GroupNo), division::Division>,
    paces: BTreeMap<(PlanNo, GroupNo), pace::Pace>,
    /// The timers that end a group.
    ends: BTreeMap<TimerId, (PlanNo, GroupNo)>,
    batches: BTreeMap<BatchNo, batches::Batch>,
    /// The group of the order that was decided last.
    deciding: Option<(PlanNo, GroupNo)>,
}

impl Auditor {
    /// An empty book.
    pub fn new(script: &Script, session: SessionUid) -> Self {
        Self {
            rules: script.rules,
            gate: limits::Gate::new(script.limits),
            now: 0,
            marks: [None; 2],
            said: BTreeMap::new(),
            unspelled: BTreeMap::new(),
            batch_defaults: script.batches,
            names: BTreeMap::new(),
            plans: BTreeMap::new(),
            orders: BTreeMap::new(),
            ids: BTreeSet::new(),
            trades: BTreeMap::new(),
            timers: BTreeMap::new(),
            session,
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
            connected: true,
            spoken: None,
            divisions: BTreeMap::new(),
            paces: BTreeMap::new(),
            ends: BTreeMap::new(),
            batches: BTreeMap::new(),
            deciding: None,
        }
    }

    /// The plans it knows.
    pub fn plans(&self) -> impl Iterator<Item = (PlanNo, &Plan)> {
        self.plans.iter().map(|(no, plan)| (*no, plan))
    }

    /// Whether a trade of that id was reported to the engine.
    pub fn knows_trade(&self, id: &TradeId) -> bool {
        self.trades.get(id).is_some_and(|trade| trade.told.is_some())
    }

    /// Takes a Step: what was said, what the engine made of it, and what it asks the venue for. `said` is the input as
    /// the world meant it.
    ///
    /// # Errors
    /// The first [`Finding`].
    pub fn step(&mut self, said: &Input, events: &[Event], effects: &[Effect]) -> Result<(), Finding> {
        if let Some(first) = events.first() {
            self.now = millis(first.time);
        }
        match said {
            Input::PriceMoved(moved) => {
                let symbol = usize::from(moved.symbol != Script::symbol(0));
                if let Some(mark) = self.marks.get_mut(symbol) {
                    *mark = ticks_of(moved.mark.long);
                }
            }
            Input::TimerFired { timer } => {
                let fired = self.timers.remove(timer);
                if let Some(plan) = fired.and_then(|(_, plan)| self.plans.get_mut(&plan)) {
                    plan.last_slice = plan.last_slice.filter(|(_, last)| self.now < *last);
                }
                self.time_is_up(said);
                self.patience_is_over(*timer);
            }
            Input::Report(report) => self.report(report),
            Input::ConnectionChanged { connected } => self.connected = *connected,
            Input::DirectiveReceived(directive) => {
                self.spoken = events.first().map(|event| event.seq);
                self.directive(directive, events)?;
            }
            Input::OperatorCommanded(commanded) => self.commanded(commanded.command),
            _ => {}
        }
        self.note_set_off();
        let mut effects = effects.iter().peekable();
        for event in events {
            self.decision(event)?;
            self.judge(event)?;
            while let Some(effect) = effects.next_if(|effect| effect.seq <= event.seq) {
                self.asked(effect)?;
            }
        }
        if *said == (Input::ConnectionChanged { connected: true }) {
            self.all_asked_for(events)?;
        }
        self.bounds(events)
    }

    /// When the connection is back, every order that has a request without an answer is asked for.
    fn all_asked_for(&self, events: &[Event]) -> Result<(), Finding> {
        let first = events.first().map_or(Seq(0), |event| event.seq);
        let forgotten = self.orders.iter().find(|(_, order)| {
            let unanswered = order.works() && !order.answered || order.asked.is_some() || order.query.is_some();
            unanswered && order.request < first && order.query.is_none_or(|query| query < first)
        });
        forgotten.map_or(Ok(()), |(order, _)| {
            Err(Finding::Unsound { order: *order, what: "has a request without an answer and is not asked for" })
        })
    }

    /// A leg that is refused when its turn comes, long after its directive.
    fn refused_later(&self, event: &Event, decision: &Decision) -> Result<(), Finding> {
        let Decision::DirectiveRefused { directive, plan_id, refusal } = decision else { return Ok(()) };
        let Some(said) = self.said.get(directive).filter(|_| event.cause != self.spoken) else { return Ok(()) };
        if self.has_ground(said, plan_id.as_ref(), refusal) {
            return Ok(());
        }
        let (directive, plan) = (directive.clone(), plan_id.clone());
        Err(Finding::Unjustified { directive, plan, code: refusal.code() })
    }

    fn report(&mut self, report: &Report) {
        let ReportedOrder::Ours(no) = &report.order else { return };
        let before = self.orders.get(no).map(|order| (order.plan, order.kind, order.filled));
        self.report_on(report, *no);
        self.follow_holding(*no);
        let now = self.orders.get(no).map_or(0, |order| order.filled);
        if let Some((plan, Kind::Profit, filled)) = before
            && let Some(id) = self.plans.get(&plan).map(|plan| plan.id.clone())
        {
            self.lower_before(&id, now - filled);
        }
    }

    fn report_on(&mut self, report: &Report, no: OrderNo) {
        let no = &no;
        let Some(order) = self.orders.get_mut(no) else { return };
        let Some(plan) = self.plans.get_mut(&order.plan) else { return };
        let was_working = order.works();
        // What answers another request than the last one is an older answer told again.
        let older = report.answers.is_some_and(|seq| seq != order.request);
        // A query may have told before that the last change was not made; why is told now.
        let named = report.answers == Some(order.request);
        match &report.what {
            ReportKind::Accepted { .. } => order.answered = true,
            ReportKind::Rejected { .. } => {
                if !order.answered {
                    order.answered = true;
                    order.ended = true;
                    plan.ended_short(order);
                }
            }
            ReportKind::Filled(fill) => trade(&mut self.trades, plan, order, 0, fill),
            ReportKind::Corrected { revision, fill } => trade(&mut self.trades, plan, order, *revision, fill),
            ReportKind::Busted { trade_id } => bust(&mut self.trades, plan, order, trade_id),
            ReportKind::Stands { status, quantity, price, filled } => {
                order.answered = true;
                order.stated = order.stated.max(lots_of(filled.value()).unwrap_or(0));
                let asked = order.asked == Some(Asked::Cancel);
                if report.answers.is_some() && report.answers == order.query {
                    order.query = None;
                    let (lots, level) = (lots_of(quantity.value()).unwrap_or(0), price.and_then(ticks_of));
                    if free::is_amended(order, lots, level) {
                        order.lots = lots;
                        order.level = level.or(order.level);
                    }
                    order.asked = None;
                }
                free::note_done(plan, order, *status);
                if matches!(status, OrderStatus::Canceled | OrderStatus::Expired | OrderStatus::Rejected) {
                    order.ended = true;
                    if was_working && !asked {
                        plan.ended_short(order);
                    }
                }
            }
            ReportKind::NotFound => {
                if report.answers.is_some() && report.answers == order.query {
                    order.query = None;
                    order.asked = None;
                    if !order.answered {
                        order.answered = true;
                        order.ended = true;
                        // A stop that never arrived is placed again.
                        plan.ended_short(order);
                    }
                }
            }
            ReportKind::Amended { quantity, price } => {
                let (lots, level) = (lots_of(quantity.value()).unwrap_or(0), price.and_then(ticks_of));
                if order.asked == Some(Asked::Amend { lots, level }) && !older {
                    order.asked = None;
                    order.lots = lots;
                    order.level = level.or(order.level);
                }
            }
            ReportKind::AmendRejected { reason } => {
                if named || matches!(order.asked, Some(Asked::Amend { .. })) && !older {
                    order.asked = None;
                    order.unknown |= *reason == VenueReason::UnknownOrder;
                    order.kept |= *reason == VenueReason::WouldTake;
                    plan.trouble |= order.kind == Kind::Stop;
                }
            }
            ReportKind::CancelRejected { reason } => {
                if named || order.asked == Some(Asked::Cancel) && !older {
                    order.asked = None;
                    order.unknown |= *reason == VenueReason::UnknownOrder;
                    plan.trouble |= order.kind == Kind::Stop;
                }
            }
            ReportKind::Canceled => {
                order.answered = true;
                let asked = order.asked == Some(Asked::Cancel) && !older;
                if asked {
                    order.asked = None;
                }
                order.ended = true;
                if was_working && !asked {
                    plan.ended_short(order);
                }
            }
            ReportKind::Expired { .. } => {
                order.answered = true;
                order.ended = true;
                if was_working {
                    plan.ended_short(order);
                }
            }
            ReportKind::Triggered => {
                order.answered = true;
                order.set_off(self.now);
                if order.kind == Kind::Stop {
                    plan.stop_out();
                }
            }
        }
    }

    fn decision(&mut self, event: &Event) -> Result<(), Finding> {
        let Fact::Decision(decision) = &event.fact else { return Ok(()) };
        if let Decision::TimerSet { timer, due, .. } = decision
            && let Some(plan) = event.plan
        {
            self.timers.insert(*timer, (millis(*due), plan));
        }
        if let Decision::TimerDropped { timer } = decision {
            self.timers.remove(timer);
            self.ends.remove(timer);
        }
        self.note_patience(event, decision)?;
        self.refused_later(event, decision)?;
        self.note_batch(event, decision)?;
        if let Some(no) = event.plan {
            self.note_group(no, event, decision)?;
            self.note_pace(no, event, decision)?;
        }
        // What is too small to be sent is given up, if it is; several such parts may come to more than that.
        if let Decision::SlicesDropped { quantity, because: Because::BelowMinNotional, .. } = decision {
            let lots = lots_of(quantity.value()).unwrap_or(0);
            let small = event.plan.and_then(|no| self.plans.get(&no)).is_some_and(|plan| self.is_small(plan, lots));
            if let Some(plan) = event.plan.and_then(|no| self.plans.get_mut(&no)).filter(|_| small) {
                plan.entry_short = true;
                plan.exit_short = true;
            }
        }
        self.note_division(event, decision)?;
        let Some((no, plan)) = event.plan.and_then(|no| self.plans.get_mut(&no).map(|plan| (no, plan))) else {
            return Ok(());
        };
        if let Decision::StopPassed { level, .. } = decision {
            let mark = self.marks.get(plan.symbol).copied().flatten();
            let passed = mark.zip(ticks_of(*level)).is_some_and(|(mark, level)| (mark - level) * plan.sign <= 0);
            if !passed && !plan.trouble {
                return Err(Finding::StopNotPassed { plan: no });
            }
            plan.phase = Phase::StoppedOut;
            plan.target = 0;
        }
        if let Decision::CloseStarted { price_limit, .. } = decision
            && matches!(plan.phase, Phase::StoppedOut | Phase::Closing { .. })
        {
            plan.phase = Phase::Closing { market: price_limit.is_none(), gave_up: false };
        }
        match decision {
            Decision::GroupOpened { group, action: GroupAction::Close, algorithm: Algorithm::Twap(twap), .. } => {
                let last = twap.duration.portion(twap.slices.saturating_sub(1), twap.slices);
                plan.last_slice = Some((*group, millis(event.time.plus(last))));
            }
            Decision::GroupEnded { group, .. } => plan.last_slice = plan.last_slice.filter(|(of, _)| of != group),
            Decision::CloseStarted { .. } => plan.last_slice = None,
            _ => {}
        }
        if let Decision::CloseGaveUp { .. } = decision
            && let Phase::Closing { gave_up, .. } = &mut plan.phase
        {
            *gave_up = true;
        }
        if let Decision::ProtectionGapChanged { uncovered, because } = decision {
            plan.gap = lots_of(uncovered.value()).unwrap_or(0) * plan.sign;
            let because = *because;
            return self.gap_has_ground(no, because);
        }
        if let Decision::PlanClosed { .. } = decision {
            return self.plan_closed(no);
        }
        Ok(())
    }

    fn plan_closed(&mut self, no: PlanNo) -> Result<(), Finding> {
        let Some(plan) = self.plans.get(&no) else { return Ok(()) };
        let held = plan.held / GRAINS;
        let small = self.is_small(plan, held.abs());
        let early = |what| Err(Finding::ClosedEarly { plan: no, what, held });
        if !small {
            return early("too early");
        }
        if self
            .orders
            .values()
            .any(|order| order.plan == no && (order.works() || order.asked.is_some() || order.query.is_some()))
        {
            return early("while an order works or is unanswered");
        }
        if self.timers.values().any(|(_, plan)| *plan == no) {
            return early("while a timer runs");
        }
        if let Some(plan) = self.plans.get_mut(&no) {
            plan.phase = Phase::Closed;
            plan.has_ended = true;
            plan.target = 0;
        }
        Ok(())
    }

    /// Whether so many lots are too few to be traded, or were when that was decided: a price alone wakes nobody.
    fn is_small(&self, plan: &Plan, lots: i64) -> bool {
        let mark = self.marks.get(plan.symbol).copied().flatten().unwrap_or(0);
        lots == 0 || lots * mark.min(plan.limit.unwrap_or(mark)) * 8 / 10 < self.rules.min_notional * 100 * plan.parts
    }

    fn of_plan(&self, no: PlanNo) -> impl Iterator<Item = (OrderNo, &Order)> {
        self.orders.iter().filter(move |(_, order)| order.plan == no).map(|(no, order)| (*no, order))
    }

    fn left(&self, no: PlanNo, kind: Kind) -> i64 {
        self.of_plan(no).filter(|(_, order)| order.kind == kind).map(|(_, order)| order.left()).sum()
    }
}

/// A trade was told, or put right: its highest revision counts.
fn trade(trades: &mut BTreeMap<TradeId, Trade>, plan: &mut Plan, order: &mut Order, revision: u32, fill: &FillReport) {
    let known = trades.entry(fill.trade_id.clone()).or_insert_with(|| Trade::of(order));
    let counts = known.told.as_ref().is_none_or(|(last, _)| revision > *last);
    if known.told.as_ref().is_some_and(|(last, _)| revision == *last) {
        return;
    }
    order.answered = true;
    order.revised |= revision > 0;
    let (lots, fee) = size(plan, fill);
    let more = (lots - known.most).max(0);
    known.most += more;
    order.filled += more;
    if counts {
        let before = known.told.as_ref().map_or((0, 0), |(_, before)| size(plan, before));
        let (before, paid) = if known.busted { (lots, fee) } else { before };
        known.told = Some((revision, fill.clone()));
        plan.hold(order.kind, lots - before, fee - paid);
    }
    plan.takes(order.kind, more);
}

/// A trade was taken back, perhaps before it was told.
fn bust(trades: &mut BTreeMap<TradeId, Trade>, plan: &mut Plan, order: &mut Order, id: &TradeId) {
    order.revised = true;
    let known = trades.entry(id.clone()).or_insert_with(|| Trade::of(order));
    if let (false, Some((_, fill))) = (known.busted, &known.told) {
        let (lots, fee) = size(plan, fill);
        plan.hold(order.kind, -lots, -fee);
    }
    known.busted = true;
}

/// How many lots a fill is, and how many grains its fee takes of what is held.
fn size(plan: &Plan, fill: &FillReport) -> (i64, i64) {
    let in_base = fill.fee_asset == *Script::symbol(plan.symbol).base();
    let fee = if in_base { grains_of(fill.fee.value()).unwrap_or(0) } else { 0 };
    (lots_of(fill.quantity.value()).unwrap_or(0), fee)
}
