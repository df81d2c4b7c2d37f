//! A second, simpler account of the same world: whole lots and ticks, kept from what was said to the engine, what it
//! asked of the venue and what the venue told it; never from the ledger. It predicts what each plan is to be and stops
//! at the first bound of SEMANTICS that is broken.

mod book;
mod bounds;
mod directives;
mod groups;
mod limits;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::directive::StrategyDirective;
use retrace_core::event::{Decision, Event, Fact, FillReport, Input, Report, ReportKind, ReportedOrder, VenueReason};
use retrace_core::ids::{DirectiveId, GroupNo, OrderId, OrderNo, PlanId, PlanNo, SessionUid, TimerId, TradeId};
use retrace_replay::effect::Effect;

use crate::finding::Finding;
use crate::script::{Rules, Script};
use crate::units::{GRAINS, grains_of, lots_of, millis, ticks_of};

pub use book::{Asked, Kind, Order, Phase, Plan};

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
    names: BTreeMap<PlanId, PlanNo>,
    plans: BTreeMap<PlanNo, Plan>,
    orders: BTreeMap<OrderNo, Order>,
    ids: BTreeSet<OrderId>,
    trades: BTreeMap<TradeId, FillReport>,
    timers: BTreeMap<TimerId, (i64, PlanNo)>,
    session: SessionUid,
    groups: BTreeMap<(PlanNo, GroupNo), groups::Group>,
    members: BTreeMap<OrderNo, groups::Member>,
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
            names: BTreeMap::new(),
            plans: BTreeMap::new(),
            orders: BTreeMap::new(),
            ids: BTreeSet::new(),
            trades: BTreeMap::new(),
            timers: BTreeMap::new(),
            session,
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    /// The plans it knows.
    pub fn plans(&self) -> impl Iterator<Item = (PlanNo, &Plan)> {
        self.plans.iter().map(|(no, plan)| (*no, plan))
    }

    /// Whether a trade of that id was reported to the engine.
    pub fn knows_trade(&self, id: &TradeId) -> bool {
        self.trades.contains_key(id)
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
                self.timers.remove(timer);
            }
            Input::Report(report) => self.report(report),
            Input::DirectiveReceived(directive) => self.directive(directive, events)?,
            Input::OperatorCommanded(commanded) => self.commanded(commanded.command),
            _ => {}
        }
        let mut effects = effects.iter().peekable();
        for event in events {
            self.decision(event)?;
            self.judge(event)?;
            while let Some(effect) = effects.next_if(|effect| effect.seq <= event.seq) {
                self.asked(effect)?;
            }
        }
        self.bounds(events)
    }

    fn report(&mut self, report: &Report) {
        let ReportedOrder::Ours(no) = &report.order else { return };
        let Some(order) = self.orders.get_mut(no) else { return };
        let Some(plan) = self.plans.get_mut(&order.plan) else { return };
        let was_working = order.works();
        match &report.what {
            ReportKind::Accepted { .. } => order.answered = true,
            ReportKind::Rejected { .. } => {
                if !order.answered {
                    order.answered = true;
                    order.ended = true;
                    plan.ended_short(order);
                }
            }
            ReportKind::Filled(fill) => {
                if self.trades.contains_key(&fill.trade_id) {
                    return;
                }
                self.trades.insert(fill.trade_id.clone(), fill.clone());
                order.answered = true;
                let lots = lots_of(fill.quantity.value()).unwrap_or(0);
                order.filled += lots;
                let base = Script::symbol(plan.symbol);
                let fee = if fill.fee_asset == *base.base() { grains_of(fill.fee.value()).unwrap_or(0) } else { 0 };
                plan.fill(order, lots, fee);
            }
            ReportKind::Amended { quantity, price } => {
                let (lots, level) = (lots_of(quantity.value()).unwrap_or(0), price.and_then(ticks_of));
                if order.asked == Some(Asked::Amend { lots, level }) {
                    order.asked = None;
                    order.lots = lots;
                    order.level = level.or(order.level);
                }
            }
            ReportKind::AmendRejected { reason } => {
                if matches!(order.asked, Some(Asked::Amend { .. })) {
                    order.asked = None;
                    order.unknown |= *reason == VenueReason::UnknownOrder;
                    order.kept |= *reason == VenueReason::WouldTake;
                    plan.trouble |= order.kind == Kind::Stop;
                }
            }
            ReportKind::CancelRejected { reason } => {
                if order.asked == Some(Asked::Cancel) {
                    order.asked = None;
                    order.unknown |= *reason == VenueReason::UnknownOrder;
                    plan.trouble |= order.kind == Kind::Stop;
                }
            }
            ReportKind::Canceled => {
                order.answered = true;
                let asked = order.asked == Some(Asked::Cancel);
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
        }
        if let Some(no) = event.plan {
            self.note_group(no, event, decision)?;
        }
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
            && plan.phase == Phase::StoppedOut
        {
            plan.phase = Phase::Closing { market: price_limit.is_none(), gave_up: false };
        }
        if let Decision::CloseGaveUp { .. } = decision
            && let Phase::Closing { gave_up, .. } = &mut plan.phase
        {
            *gave_up = true;
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
        if self.orders.values().any(|order| order.plan == no && (order.works() || order.asked.is_some())) {
            return early("while an order works or is unanswered");
        }
        if self.timers.values().any(|(_, plan)| *plan == no) {
            return early("while a timer runs");
        }
        if let Some(plan) = self.plans.get_mut(&no) {
            plan.phase = Phase::Closed;
            plan.target = 0;
        }
        Ok(())
    }

    /// Whether so many lots are too few to be traded, or were when that was decided: a price alone wakes nobody.
    fn is_small(&self, plan: &Plan, lots: i64) -> bool {
        let mark = self.marks.get(plan.symbol).copied().flatten().unwrap_or(0);
        lots == 0 || lots * mark.min(plan.limit.unwrap_or(mark)) * 8 / 10 < self.rules.min_notional * 100
    }

    fn of_plan(&self, no: PlanNo) -> impl Iterator<Item = (OrderNo, &Order)> {
        self.orders.iter().filter(move |(_, order)| order.plan == no).map(|(no, order)| (*no, order))
    }

    fn left(&self, no: PlanNo, kind: Kind) -> i64 {
        self.of_plan(no).filter(|(_, order)| order.kind == kind).map(|(_, order)| order.left()).sum()
    }
}
