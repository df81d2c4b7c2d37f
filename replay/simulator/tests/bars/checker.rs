//! An independent reader of a log: folds events by its own simple rules and says where a bound of SEMANTICS is broken.
//! It shares no code with the ledger; in the end both must hold the same positions.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::event::{Decision, Event, Fact, GroupAction, GroupEnd, Input, Report, ReportKind, ReportedOrder};
use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::order::OrderRole;
use retrace_core::step::Step;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::Book;
use rust_decimal::Decimal;

use crate::known::{Group, Order, Phase, Plan, ZERO, sign};
use crate::scene::Scene;

pub(crate) struct Checker {
    lot: Decimal,
    min_notional: Decimal,
    /// The lowest and highest price of the tape: what is too small for the one is not for the other.
    prices: (Decimal, Decimal),
    plans: BTreeMap<PlanNo, Plan>,
    orders: BTreeMap<OrderNo, Order>,
    timers: BTreeSet<u32>,
    timer_plans: BTreeMap<u32, PlanNo>,
    last: Option<Timestamp>,
}

impl Checker {
    pub(crate) fn new(scene: &Scene) -> Self {
        let instrument = &scene.identity.instruments[0];
        let bars = &scene.tape.sets()[0].bars;
        Self {
            lot: instrument.lot.value(),
            min_notional: instrument.min_notional.value(),
            prices: (
                // A limit may stand below all of them.
                bars.iter().map(|bar| bar.low.value()).min().unwrap() * Decimal::new(9, 1),
                bars.iter().map(|bar| bar.high.value()).max().unwrap(),
            ),
            plans: BTreeMap::new(),
            orders: BTreeMap::new(),
            timers: BTreeSet::new(),
            timer_plans: BTreeMap::new(),
            last: None,
        }
    }

    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        if self.last.is_some_and(|last| step.time < last) {
            return Err(format!("time goes back to {}", step.time));
        }
        self.last = Some(step.time);
        for event in &step.events {
            self.event(event).map_err(|what| format!("event {}: {what}", event.seq))?;
        }
        for no in self.plans.keys() {
            self.bounds(*no).map_err(|what| format!("plan {no} after the Step at {}: {what}", step.time))?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        match &event.fact {
            Fact::Input(Input::Report(report)) => self.report(event, report),
            Fact::Input(Input::TimerFired { timer }) => {
                self.timers.remove(&timer.0).then_some(()).ok_or("a timer fired that was not set".to_owned())
            }
            Fact::Input(_) => Ok(()),
            Fact::Decision(decision) => self.decision(event, decision),
            Fact::Unknown(_) => Err("an unknown event".to_owned()),
        }
    }

    fn report(&mut self, event: &Event, report: &Report) -> Result<(), String> {
        let ReportedOrder::Ours(no) = &report.order else { return Err("a foreign order".to_owned()) };
        let order = self.orders.get_mut(no).ok_or("a report on an unknown order")?;
        let plan = self.plans.get_mut(&order.plan).unwrap();
        if plan.phase == Phase::Closed {
            return Err("a report after the plan was closed".to_owned());
        }
        match &report.what {
            ReportKind::Accepted { .. } => order.accepted = true,
            ReportKind::Filled(fill) => {
                let quantity = fill.quantity.value();
                order.filled += quantity;
                if order.filled > order.quantity {
                    return Err("overfill".to_owned());
                }
                order.ended |= order.filled == order.quantity;
                let signed = sign(order.side) * plan.sign * quantity;
                plan.traded += signed;
                plan.held += signed;
                if fill.fee_asset.as_str() == "BTC" {
                    plan.held -= plan.sign * fill.fee.value();
                }
                let group = plan.groups.get_mut(&order.group).unwrap();
                match order.role {
                    OrderRole::Entry | OrderRole::Reduce | OrderRole::Close => group.filled += quantity,
                    OrderRole::StopLoss => {
                        plan.target = (plan.target - quantity).max(ZERO);
                        if plan.phase == Phase::Standing {
                            plan.phase = Phase::StoppedOut;
                            plan.target = ZERO;
                        }
                    }
                    OrderRole::TakeProfit => plan.target = (plan.target - quantity).max(ZERO),
                    OrderRole::Flatten | OrderRole::Compensation => {}
                }
                // Fees in base may take a short plan beyond what it sold: within its dust.
                let below = plan.traded < ZERO && plan.traded.abs() > self.lot + plan.held.abs();
                if below && fill.fee_asset.as_str() != "BTC" {
                    return Err(format!("the position went across zero to {}", plan.traded * plan.sign));
                }
            }
            ReportKind::Triggered => {
                if order.role == OrderRole::StopLoss && plan.phase == Phase::Standing {
                    plan.phase = Phase::StoppedOut;
                    plan.target = ZERO;
                }
            }
            ReportKind::Amended { quantity, price } => {
                order.in_flight = false;
                order.quantity = quantity.value();
                if let Some(price) = price {
                    order.terms = order.terms.at(*price);
                }
            }
            ReportKind::AmendRejected { .. } | ReportKind::CancelRejected { .. } => order.in_flight = false,
            ReportKind::Canceled => {
                order.in_flight = false;
                order.ended = true;
            }
            ReportKind::Rejected { .. } | ReportKind::Expired { .. } => {
                order.accepted = true;
                order.ended = true;
            }
            ReportKind::Busted { .. }
            | ReportKind::Corrected { .. }
            | ReportKind::Stands { .. }
            | ReportKind::NotFound => return Err("a bar venue never says that".to_owned()),
        }
        let _ = event;
        Ok(())
    }

    fn decision(&mut self, event: &Event, decision: &Decision) -> Result<(), String> {
        if let Decision::PlanAccepted { direction, .. } = decision {
            let plan = Plan {
                sign: sign(*direction),
                target: ZERO,
                stop: None,
                traded: ZERO,
                held: ZERO,
                gap: ZERO,
                phase: Phase::Standing,
                given_up: false,
                groups: BTreeMap::new(),
                dust: false,
            };
            self.plans.insert(event.plan.unwrap(), plan);
            return Ok(());
        }
        let Some(no) = event.plan else { return Ok(()) };
        let plan = self.plans.get_mut(&no).ok_or("a decision about an unknown plan")?;
        if plan.phase == Phase::Closed {
            return Err("a decision after the plan was closed".to_owned());
        }
        match decision {
            Decision::QueryRequested => return Err("a bar venue is never asked".to_owned()),
            Decision::TargetSet { target, .. } => {
                plan.target = target.value() * plan.sign;
                plan.given_up = false;
            }
            Decision::ExitsSet { stop, .. } => plan.stop = stop.map(|price| price.value()),
            Decision::GroupOpened { group, action, quantity, .. } => {
                let (planned, dropped, filled) = (quantity.value(), ZERO, ZERO);
                plan.groups.insert(*group, Group { action: *action, planned, dropped, filled, ended: false });
            }
            Decision::SlicesDropped { group, quantity, because } => {
                plan.groups.get_mut(group).unwrap().dropped += quantity.value();
                let given_up = ["skipped", "below_min_notional", "risk_gate", "kill_switch"];
                plan.given_up |= given_up.contains(&because.as_str());
            }
            Decision::GroupEnded { group, end, .. } => {
                plan.groups.get_mut(group).unwrap().ended = true;
                plan.given_up |= *end == GroupEnd::Incomplete;
            }
            Decision::OrderRequested { group, role, side, terms, quantity, .. } => {
                if *role == OrderRole::Entry && plan.phase != Phase::Standing {
                    return Err(format!("an entry is sent in {:?}", plan.phase));
                }
                let order = Order {
                    plan: no,
                    group: *group,
                    role: *role,
                    side: *side,
                    terms: *terms,
                    quantity: quantity.value(),
                    filled: ZERO,
                    accepted: false,
                    ended: false,
                    in_flight: false,
                };
                self.orders.insert(event.order.unwrap(), order);
                if *role == OrderRole::Entry {
                    let plan = &self.plans[&no];
                    let reach = plan.traded + self.left(no, OrderRole::Entry);
                    if reach > plan.target {
                        return Err(format!("entries may reach {reach}, the target is {}", plan.target));
                    }
                    if self.left(no, OrderRole::Reduce) > ZERO {
                        return Err("an entry is sent while a reduce works".to_owned());
                    }
                }
            }
            Decision::AmendRequested { .. } | Decision::CancelRequested { .. } => {
                let order = self.orders.get_mut(&event.order.unwrap()).unwrap();
                if order.in_flight || !order.accepted || order.ended {
                    return Err("a change of an order that is unanswered or ended".to_owned());
                }
                order.in_flight = true;
            }
            Decision::TimerSet { timer, due, .. } => {
                if *due < event.time {
                    return Err("a timer is set in the past".to_owned());
                }
                self.timers.insert(timer.0);
                self.timer_plans.insert(timer.0, no);
            }
            Decision::TimerDropped { timer } => {
                self.timers.remove(&timer.0);
            }
            Decision::CloseStarted { price_limit, .. } => {
                plan.phase = Phase::Closing { market: price_limit.is_none(), gave_up: false };
                plan.target = ZERO;
            }
            Decision::CloseGaveUp { .. } => {
                if let Phase::Closing { gave_up, .. } = &mut plan.phase {
                    *gave_up = true;
                }
            }
            Decision::StopLimitSet { .. } | Decision::StopTrailSet { .. } => {}
            Decision::StopPassed { .. } => {
                plan.phase = Phase::StoppedOut;
                plan.target = ZERO;
            }
            Decision::ProtectionGapChanged { uncovered, .. } => plan.gap = uncovered.value() * plan.sign,
            Decision::PlanClosed { dust, .. } => {
                plan.phase = Phase::Closed;
                plan.dust = !dust.is_flat();
                if dust.value() * plan.sign != plan.held {
                    return Err(format!("dust of {dust}, held {}", plan.held));
                }
                let held = (plan.held.max(ZERO) / self.lot).floor() * self.lot;
                if held * self.prices.0 >= self.min_notional && held > ZERO {
                    return Err(format!("closed while {held} is held"));
                }
                if self.orders.values().any(|order| order.plan == no && (!order.ended || order.in_flight)) {
                    return Err("closed while an order works or is unanswered".to_owned());
                }
                if self.timers.iter().any(|timer| self.timer_plans[timer] == no) {
                    return Err("closed while a timer runs".to_owned());
                }
            }
            // No directive of these sessions orders anything of a group.
            Decision::GroupCancelled { .. }
            | Decision::AllCancelled { .. }
            | Decision::OrdersModified { .. }
            | Decision::GroupPaused { .. }
            | Decision::GroupResumed { .. } => return Err("an action that nobody asked for".to_owned()),
            Decision::OrderInferred { .. } | Decision::TradeBooked { .. } | Decision::TradeRepeated { .. } => {
                return Err("a trade of a history in a backtest".to_owned());
            }
            Decision::BatchStarted { .. }
            | Decision::BatchLegStarted { .. }
            | Decision::BatchLegEnded { .. }
            | Decision::BatchFailed { .. }
            | Decision::RollbackStarted { .. }
            | Decision::RollbackGaveUp { .. }
            | Decision::BatchEnded { .. } => return Err("a batch, which no scene gives".to_owned()),
            // Judged by `limits`.
            Decision::OrderRefused(_) => {}
            Decision::PlanAccepted { .. }
            | Decision::DirectiveRefused { .. }
            | Decision::DirectiveRepeated { .. }
            | Decision::NothingToDo { .. }
            | Decision::PlanOpened => {}
        }
        Ok(())
    }

    fn whole(&self, amount: Decimal) -> Decimal {
        (amount.max(ZERO) / self.lot).floor() * self.lot
    }

    fn left(&self, plan: PlanNo, role: OrderRole) -> Decimal {
        self.orders.values().filter(|order| order.plan == plan && order.role == role).map(Order::left).sum()
    }

    fn bounds(&self, no: PlanNo) -> Result<(), String> {
        let plan = &self.plans[&no];
        let quiet = self
            .orders
            .values()
            .filter(|order| order.plan == no)
            .all(|order| (order.ended || order.accepted) && !order.in_flight);
        if !quiet || plan.phase == Phase::Closed {
            return Ok(());
        }
        let held = self.whole(plan.held);
        let (stops, profits) = (self.left(no, OrderRole::StopLoss), self.left(no, OrderRole::TakeProfit));
        if stops > held || profits > held {
            return Err(format!("stop {stops}, take profit {profits}, held {held}"));
        }
        let wanted = if plan.stop.is_some() { held } else { ZERO };
        if plan.phase != Phase::StoppedOut {
            if plan.gap != wanted - stops {
                return Err(format!("held {held}, stop {stops}, recorded gap {}", plan.gap));
            }
            let level = plan.stop.unwrap_or(ZERO);
            let closing = matches!(plan.phase, Phase::Closing { market: true, gave_up: false });
            if plan.gap > ZERO && plan.gap * level >= self.min_notional && !closing {
                return Err(format!("a gap of {} without need", plan.gap));
            }
        }
        for order in self.orders.values().filter(|o| o.plan == no && !o.ended && o.role == OrderRole::StopLoss) {
            if order.terms.trigger().map(|price| price.value()) != plan.stop && plan.phase == Phase::Standing {
                return Err(format!("the stop stands at {:?}, the plan's level is {:?}", order.terms, plan.stop));
            }
        }
        if plan.phase == Phase::Standing {
            self.committed(no, plan)?;
        }
        let idle = !self.orders.values().any(|order| order.plan == no && !order.ended);
        let waits = self.timers.iter().any(|timer| self.timer_plans[timer] == no);
        let stuck = match plan.phase {
            Phase::Closing { gave_up, .. } => idle && !waits && !gave_up,
            Phase::StoppedOut => idle,
            Phase::Standing | Phase::Closed => false,
        };
        if stuck {
            return Err(format!("{:?}, {held} held, and nothing under way", plan.phase));
        }
        Ok(())
    }

    /// Traded, working and scheduled never exceed the target, and come to it unless something forbids it.
    fn committed(&self, no: PlanNo, plan: &Plan) -> Result<(), String> {
        let (mut entering, mut leaving) = (ZERO, ZERO);
        for (number, group) in &plan.groups {
            let own = |order: &&Order| {
                order.plan == no
                    && order.group == *number
                    && matches!(order.role, OrderRole::Entry | OrderRole::Reduce | OrderRole::Close)
            };
            let working: Decimal = self.orders.values().filter(own).map(Order::left).sum();
            let quantity = (group.planned - group.dropped).max(group.filled);
            let outstanding = if group.ended { working } else { (quantity - group.filled).max(working) };
            if group.filled > group.planned {
                return Err(format!("group {number} filled {} of {}", group.filled, group.planned));
            }
            match group.action {
                GroupAction::Enter => entering += outstanding,
                GroupAction::Reduce | GroupAction::Close => leaving += outstanding,
            }
        }
        let committed = plan.traded + entering - leaving;
        let off = committed - plan.target;
        let lots = (off.abs() / self.lot).floor() * self.lot;
        // What is held may be less than what is traded, by fees in base; too little for the venue stays as it is.
        let bound_by_fees = off > ZERO && self.whole(plan.held) - leaving < lots;
        let small = lots * self.prices.0 < self.min_notional;
        if lots.is_zero() || plan.given_up || bound_by_fees || small {
            return Ok(());
        }
        Err(format!("traded {} + {entering} - {leaving} = {committed}, the target is {}", plan.traded, plan.target))
    }

    /// Both readers of the log hold the same.
    pub(crate) fn finish(&self, book: &Book) -> Result<(), String> {
        for (no, plan) in &self.plans {
            let known = book.plan(*no).ok_or("the ledger lacks a plan")?;
            let same =
                known.traded().value() * plan.sign == plan.traded && known.held().value() * plan.sign == plan.held;
            let target = known.target.size.value() * plan.sign == plan.target;
            if !same || !target {
                return Err(format!("plan {no}: the ledger holds {} of {}", known.traded(), known.target.size));
            }
        }
        let mut ids: Vec<_> = book.plans().flat_map(|plan| plan.orders().map(|order| order.id)).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        if ids.len() == count { Ok(()) } else { Err("two orders of one id".to_owned()) }
    }
}
