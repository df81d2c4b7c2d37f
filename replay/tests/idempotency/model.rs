//! A simpler account of what a plan must come to: what was said of it last, less what its exits took.
//!
//! It reads what was said, which orders were sent and what the venue said, and none of what the engine concluded. A size
//! is what the plan comes to; a take profit and an immediate order that found nothing take off what they took or left; a
//! close or a stop ends it.

use std::collections::BTreeMap;

use retrace_core::amount::Price;
use retrace_core::directive::{Intent, ModifyPlans, StopChange, StopLevel, StrategyDirective, TakeProfitChange};
use retrace_core::event::{Because, Decision, Fact, Input, Outcome, Report, ReportKind, ReportedOrder, VenueReason};
use retrace_core::ids::{OrderNo, PlanId, PlanNo};
use retrace_core::order::{OrderRole, Side};
use retrace_core::step::Step;
use retrace_projections::ledger::{Phase, Plan};
use rust_decimal::Decimal;

const LOT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

#[derive(Default)]
pub(crate) struct Model {
    plans: BTreeMap<PlanId, Account>,
    ids: BTreeMap<PlanNo, PlanId>,
    orders: BTreeMap<OrderNo, Sent>,
    /// Requests reach the venue later.
    requests_take_time: bool,
    pub(crate) fills: usize,
    pub(crate) stops: usize,
    pub(crate) profits: usize,
    pub(crate) given_up: usize,
}

/// One plan, its own direction being above zero.
struct Account {
    side: Side,
    /// What it comes to.
    comes_to: Decimal,
    traded: Decimal,
    fees_in_base: Decimal,
    stop: Option<Price>,
    profit: Option<Price>,
    /// The change it was told last.
    told: Option<ModifyPlans>,
    end: End,
    took_profit: bool,
    gave_up: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    None,
    /// Closed inside a limit: it may give up, and stays closing.
    Limited,
    AtMarket,
    StoppedOut,
}

struct Sent {
    plan: PlanId,
    role: OrderRole,
    quantity: Decimal,
    filled: Decimal,
    ended: bool,
}

impl Sent {
    fn left(&self) -> Decimal {
        if self.ended { Decimal::ZERO } else { (self.quantity - self.filled).max(Decimal::ZERO) }
    }
}

impl Model {
    pub(crate) fn new(requests_take_time: bool) -> Self {
        Self { requests_take_time, ..Self::default() }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        let refused = |plan: &PlanId| {
            step.events.iter().any(|event| {
                matches!(&event.fact, Fact::Decision(Decision::DirectiveRefused { plan_id, .. })
                    if plan_id.as_ref() == Some(plan))
            })
        };
        for event in &step.events {
            match &event.fact {
                Fact::Input(Input::DirectiveReceived(said)) => self.said(said, &refused),
                Fact::Input(Input::Report(Report { order: ReportedOrder::Ours(order), what, .. })) => {
                    self.reported(*order, what);
                }
                Fact::Decision(Decision::PlanAccepted { plan_id, .. }) => {
                    self.ids.insert(event.plan.unwrap(), plan_id.clone());
                }
                Fact::Decision(Decision::OrderRequested { role, quantity, because, .. }) => {
                    let plan = self.ids[&event.plan.unwrap()].clone();
                    // What a take profit left, because its own fee was taken in base, goes with it and ends nothing else.
                    if *role == OrderRole::Flatten && *because != Because::TookProfit {
                        self.plans.get_mut(&plan).unwrap().stopped_out();
                    }
                    let (quantity, filled) = (quantity.value(), Decimal::ZERO);
                    self.orders
                        .insert(event.order.unwrap(), Sent { plan, role: *role, quantity, filled, ended: false });
                }
                _ => {}
            }
        }
    }

    fn said(&mut self, said: &StrategyDirective, refused: &dyn Fn(&PlanId) -> bool) {
        match &said.intent {
            Intent::NewTrade(new) => {
                let plan = new.plan_id.clone().unwrap();
                if refused(&plan) || self.plans.contains_key(&plan) {
                    return;
                }
                let stop = new.stop.map(at);
                let account = Account {
                    side: new.direction,
                    comes_to: new.target.value(),
                    traded: Decimal::ZERO,
                    fees_in_base: Decimal::ZERO,
                    stop,
                    profit: new.take_profit,
                    told: None,
                    end: End::None,
                    took_profit: false,
                    gave_up: false,
                };
                self.plans.insert(plan, account);
            }
            Intent::Modify(modify) => {
                for plan in modify.plans.iter().filter(|plan| !refused(plan)) {
                    self.plans.get_mut(plan).unwrap().change(modify);
                }
            }
            Intent::Close(close) => {
                for plan in close.plans.iter().filter(|plan| !refused(plan)) {
                    let Some(account) = self.plans.get_mut(plan) else { continue };
                    let limited = close.execution.max_total_slippage.is_some();
                    if account.end != End::StoppedOut {
                        account.end = if limited { End::Limited } else { End::AtMarket };
                    }
                }
            }
            other @ (Intent::Group(_) | Intent::CancelAll(_) | Intent::Batch(_)) => {
                panic!("{other:?} is not drawn here")
            }
        }
    }

    fn reported(&mut self, order: OrderNo, what: &ReportKind) {
        let sent = self.orders.get_mut(&order).unwrap();
        let account = self.plans.get_mut(&sent.plan).unwrap();
        match what {
            ReportKind::Filled(fill) => {
                self.fills += 1;
                let quantity = fill.quantity.value();
                sent.filled += quantity;
                account.traded += if sent.role == OrderRole::Entry { quantity } else { -quantity };
                if fill.fee_asset.as_str() == "BTC" {
                    account.fees_in_base += fill.fee.value();
                }
                match sent.role {
                    OrderRole::StopLoss => {
                        self.stops += 1;
                        account.stopped_out();
                    }
                    OrderRole::TakeProfit => {
                        self.profits += 1;
                        account.took_profit = true;
                        account.comes_to = (account.comes_to - quantity).max(Decimal::ZERO);
                    }
                    _ => {}
                }
            }
            ReportKind::Triggered => account.stopped_out(),
            ReportKind::Amended { quantity, .. } => sent.quantity = quantity.value(),
            ReportKind::Expired { reason } => {
                let left = sent.left();
                sent.ended = true;
                match (sent.role, reason) {
                    (OrderRole::Entry, _) => {
                        self.given_up += 1;
                        account.gave_up = true;
                        account.comes_to -= left;
                    }
                    (OrderRole::Reduce, VenueReason::NotFilledAtOnce) => {
                        self.given_up += 1;
                        account.gave_up = true;
                        account.comes_to += left;
                    }
                    _ => {}
                }
            }
            ReportKind::Canceled | ReportKind::Rejected { .. } => sent.ended = true,
            _ => {}
        }
    }

    /// What is otherwise than it must be at the end, if anything is.
    pub(crate) fn disagrees(&self, plan: &Plan) -> Option<String> {
        let account = &self.plans[&plan.id];
        let sign = if account.side == Side::Buy { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        if plan.traded().value() * sign != account.traded {
            return Some(format!("{}: traded {} and not {}", plan.id, plan.traded(), account.traded * sign));
        }
        let fees = if account.side == Side::Buy { -account.fees_in_base } else { account.fees_in_base };
        let held = account.traded + fees;
        match (&plan.phase, account.end) {
            (Phase::Closed { outcome, .. }, _) => {
                let reason = match outcome {
                    Outcome::TookProfit => account.took_profit,
                    Outcome::Unfilled => account.gave_up && account.traded.is_zero(),
                    _ => account.end != End::None,
                };
                (!reason || held.abs() >= LOT).then(|| format!("{}: ended {outcome} with {held} held", plan.id))
            }
            (Phase::Standing, End::None) => self.stands(plan, account, held),
            (Phase::Closing(closing), End::Limited) if closing.gave_up => None,
            (phase, _) => Some(format!("{}: it is {phase:?} at the end", plan.id)),
        }
    }

    fn stands(&self, plan: &Plan, account: &Account, held: Decimal) -> Option<String> {
        let left = |role: OrderRole| -> Decimal {
            let of = self.orders.values().filter(|sent| sent.plan == plan.id && sent.role == role);
            of.map(Sent::left).sum()
        };
        let comes_to = account.traded + left(OrderRole::Entry) - left(OrderRole::Reduce);
        // What a fee in base took can not be reduced any more.
        let rest = if account.fees_in_base.is_zero() { Decimal::ZERO } else { account.fees_in_base + LOT };
        // Where requests take their time, an immediate order may end while it is being taken back: it left nothing then.
        if (comes_to - account.comes_to).abs() > rest && !(account.gave_up && self.requests_take_time) {
            return Some(format!("{}: it comes to {comes_to} and not to {}", plan.id, account.comes_to));
        }
        let lots = held.max(Decimal::ZERO).trunc_with_scale(2);
        let stops = left(OrderRole::StopLoss);
        let covered = if account.stop.is_some() { lots } else { Decimal::ZERO };
        (stops != covered).then(|| format!("{}: stops for {stops}, and {covered} to be covered", plan.id))
    }
}

impl Account {
    /// A stop that trades a part while a close inside a limit is under way leaves the rest to that close.
    fn stopped_out(&mut self) {
        if self.end != End::Limited {
            self.end = End::StoppedOut;
        }
    }

    fn change(&mut self, modify: &ModifyPlans) {
        // Told again under another id it is no other instruction, whatever was taken since.
        if self.end != End::None || self.told.as_ref() == Some(modify) {
            return;
        }
        let before = (self.stop, self.profit);
        match modify.stop {
            Some(StopChange::To(level)) => self.stop = Some(at(level)),
            Some(StopChange::Remove) => self.stop = None,
            None => {}
        }
        match modify.take_profit {
            Some(TakeProfitChange::To(price)) => self.profit = Some(price),
            Some(TakeProfitChange::Remove) => self.profit = None,
            None => {}
        }
        if let Some(size) = modify.target {
            self.comes_to = size;
        }
        if modify.target.is_some() || before != (self.stop, self.profit) {
            self.told = Some(modify.clone());
        }
    }
}

fn at(level: StopLevel) -> Price {
    match level {
        StopLevel::At(price) | StopLevel::Limited { price, .. } => price,
        StopLevel::Tolerance(_) | StopLevel::Trailing(_) => panic!("no case has a tolerance"),
    }
}
