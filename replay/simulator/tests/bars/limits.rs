//! An independent reader of the risk gate: adds up a log by its own simple rules. Whatever is given, no order is requested
//! that breaks a limit, none is refused that breaks none, and protection and closes are never refused.

use std::collections::BTreeMap;

use retrace_core::event::{
    Decision, Event, Fact, Input, Mark, OperatorCommand, OrderRefused, Report, ReportKind, ReportedOrder, Switch,
    VenueReason,
};
use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::manifest::{AccountCheck, Identity};
use retrace_core::order::{OrderRole, OrderTerms, Side};
use retrace_core::policy::RiskLimits;
use retrace_core::step::Step;
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::FeeAsset;
use retrace_replay::tape::Seen;
use rust_decimal::Decimal;

use crate::known::{ZERO, sign};
use crate::scene::Scene;

const MINUTE: Span = Span::from_seconds(60);

/// What rounded averages may come to, in quote.
const ROUNDED: Decimal = Decimal::from_parts(1, 0, 0, false, 6);

#[derive(Default)]
pub(crate) struct Limits {
    rules: RiskLimits,
    /// What the account has besides what shorts were sold for, where that is checked.
    cash: Option<Decimal>,
    /// What a taker pays on top, in quote.
    fee: Decimal,
    /// What each plan holds, and of a short what it was sold for.
    plans: BTreeMap<PlanNo, (Decimal, Decimal)>,
    on: bool,
    /// What the account holds.
    held: Decimal,
    directions: BTreeMap<PlanNo, Side>,
    orders: BTreeMap<OrderNo, Order>,
    requested: Vec<Timestamp>,
    pub(crate) refused: BTreeMap<&'static str, usize>,
}

struct Order {
    plan: PlanNo,
    side: Side,
    price: Option<Decimal>,
    role: OrderRole,
    /// What may trade of it in all, changes under way included.
    whole: Decimal,
    /// The same once those are made.
    asked: Option<Decimal>,
    filled: Decimal,
    accepted: bool,
    canceling: bool,
    lost: bool,
    ended: bool,
}

/// What a limit is held against.
struct Wanted {
    side: Side,
    quantity: Decimal,
    price: Option<Decimal>,
    /// As the plan that it is for sees it.
    current: Option<Decimal>,
    mark: Option<Mark>,
    /// It enters, and what the cash may fall short of what it takes then: averages may be rounded.
    enters: Option<Decimal>,
}

impl Limits {
    pub(crate) fn new(scene: &Scene) -> Self {
        let Identity { account, venue, policy, .. } = &scene.identity;
        let cash = (account.check == AccountCheck::Cash).then_some(account.balance.value());
        let fee = if venue.fee_asset == FeeAsset::Quote { venue.taker_fee } else { ZERO };
        Self { rules: policy.risk.clone(), cash, fee, ..Self::default() }
    }

    pub(crate) fn step(&mut self, scene: &Scene, step: &Step) -> Result<(), String> {
        let seen = || {
            let prices = scene.tape.current_prices(Seen::To(step.tape), scene.identity.venue.path);
            prices.values().next().map(|(mark, _)| *mark)
        };
        for event in &step.events {
            self.event(event, &seen).map_err(|what| format!("event {}: {what}", event.seq))?;
        }
        let stray =
            |order: &&Order| judged(order.role) && order.accepted && !order.ended && !order.lost && !order.canceling;
        if self.on && self.orders.values().any(|order| stray(&order) && order.asked.is_none()) {
            return Err("an entry or reduce works on while the kill switch is on".to_owned());
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, seen: &dyn Fn() -> Option<Mark>) -> Result<(), String> {
        match &event.fact {
            Fact::Input(Input::OperatorCommanded(commanded)) => {
                self.on = commanded.command == OperatorCommand::KillSwitch(Switch::On);
            }
            Fact::Input(Input::Report(report)) => self.report(report),
            Fact::Decision(Decision::PlanAccepted { direction, .. }) => {
                self.directions.insert(event.plan.unwrap(), *direction);
            }
            Fact::Decision(Decision::OrderRequested { role, side, terms, quantity, .. }) => {
                if judged(*role) {
                    let enters = (*role == OrderRole::Entry).then_some(ROUNDED);
                    let wanted = self.wanted(event, *side, *terms, quantity.value(), (seen(), enters));
                    let broken = self.broken(event.time, &wanted);
                    if !broken.is_empty() {
                        return Err(format!("an order is requested that breaks {broken:?}"));
                    }
                }
                self.requested.push(event.time);
                let order = Order {
                    plan: event.plan.unwrap(),
                    side: *side,
                    price: own_price(*terms),
                    role: *role,
                    whole: quantity.value(),
                    asked: None,
                    filled: ZERO,
                    accepted: false,
                    canceling: false,
                    lost: false,
                    ended: false,
                };
                self.orders.insert(event.order.unwrap(), order);
            }
            Fact::Decision(Decision::OrderRefused(OrderRefused { role, side, terms, quantity, refusal, .. })) => {
                if !judged(*role) {
                    return Err(format!("a {role} is refused"));
                }
                let enters = (*role == OrderRole::Entry).then_some(-ROUNDED);
                let wanted = self.wanted(event, *side, *terms, quantity.value(), (seen(), enters));
                let broken = self.broken(event.time, &wanted);
                if !broken.contains(&refusal.code()) {
                    return Err(format!("refused for {}, which it does not break: {broken:?}", refusal.code()));
                }
                *self.refused.entry(refusal.code()).or_default() += 1;
            }
            Fact::Decision(Decision::AmendRequested { quantity, .. }) => {
                self.orders.get_mut(&event.order.unwrap()).unwrap().asked = Some(quantity.value());
            }
            Fact::Decision(Decision::CancelRequested { .. }) => {
                self.orders.get_mut(&event.order.unwrap()).unwrap().canceling = true;
            }
            Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => {}
        }
        Ok(())
    }

    fn report(&mut self, report: &Report) {
        let ReportedOrder::Ours(no) = &report.order else { return };
        let order = self.orders.get_mut(no).unwrap();
        match &report.what {
            ReportKind::Accepted { .. } => order.accepted = true,
            ReportKind::Filled(fill) => {
                order.filled += fill.quantity.value();
                order.ended |= order.filled >= order.whole;
                self.held += sign(order.side) * fill.quantity.value();
                let (held, sold_for) = self.plans.entry(order.plan).or_default();
                let (signed, worth) =
                    (sign(order.side) * fill.quantity.value(), fill.quantity.value() * fill.price.value());
                let after = *held + signed;
                *sold_for = match order.side {
                    _ if after >= ZERO => ZERO,
                    Side::Buy => *sold_for * after / *held,
                    Side::Sell if *held > ZERO => -after * fill.price.value(),
                    Side::Sell => *sold_for + worth,
                };
                *held = after;
                self.cash = self.cash.map(|cash| cash - sign(order.side) * worth);
                if fill.fee_asset.as_str() != "BTC" {
                    self.cash = self.cash.map(|cash| cash - fill.fee.value());
                }
                if fill.fee_asset.as_str() == "BTC" {
                    self.held -= fill.fee.value();
                }
            }
            ReportKind::Amended { quantity, .. } => {
                order.whole = quantity.value();
                order.asked = None;
            }
            ReportKind::AmendRejected { .. } => order.asked = None,
            ReportKind::CancelRejected { reason } => {
                order.canceling = false;
                order.lost = *reason == VenueReason::UnknownOrder;
            }
            ReportKind::Canceled | ReportKind::Rejected { .. } | ReportKind::Expired { .. } => order.ended = true,
            ReportKind::Triggered => {}
            ReportKind::Busted { .. }
            | ReportKind::Corrected { .. }
            | ReportKind::Stands { .. }
            | ReportKind::NotFound => unreachable!("a bar venue never says that"),
        }
    }

    fn wanted(
        &self,
        event: &Event,
        side: Side,
        terms: OrderTerms,
        quantity: Decimal,
        (mark, enters): (Option<Mark>, Option<Decimal>),
    ) -> Wanted {
        let direction = self.directions[&event.plan.unwrap()];
        let price = own_price(terms);
        let current = mark.map(|mark| mark.for_plan(direction).value());
        Wanted { side, quantity, price, current, mark, enters }
    }

    /// What works on one side and is not protection.
    fn working(&self, side: Side) -> Decimal {
        let counts = |order: &&Order| {
            !order.ended && order.side == side && !matches!(order.role, OrderRole::StopLoss | OrderRole::TakeProfit)
        };
        self.orders
            .values()
            .filter(counts)
            .map(|order| order.asked.map_or(order.whole, |asked| asked.max(order.whole)) - order.filled)
            .sum()
    }

    /// What an order takes of the cash; `None` before any price.
    fn takes(&self, side: Side, quantity: Decimal, own: Option<Decimal>, current: Option<Decimal>) -> Option<Decimal> {
        let price = match own {
            Some(own) if side == Side::Sell => own.max(current?),
            own => own.or(current)?,
        };
        Some(quantity * price * (Decimal::ONE + self.fee))
    }

    /// The cash less what shorts were sold for, once more, and what works toward its plan's own side.
    fn free(&self, cash: Decimal, mark: Option<Mark>) -> Option<Decimal> {
        let shorts: Decimal = self.plans.values().map(|(_, sold_for)| *sold_for).sum();
        let mut entering =
            self.orders.values().filter(|order| !order.ended && self.directions[&order.plan] == order.side);
        entering.try_fold(cash - Decimal::TWO * shorts, |free, order| {
            let left = order.asked.map_or(order.whole, |asked| asked.max(order.whole)) - order.filled;
            let current = mark.map(|mark| mark.for_plan(order.side).value());
            Some(free - self.takes(order.side, left, order.price, current)?)
        })
    }

    /// Every limit that an order would break, by its name.
    fn broken(&self, now: Timestamp, wanted: &Wanted) -> Vec<&'static str> {
        let mut broken = Vec::new();
        let mut unless = |fits: bool, code| {
            if !fits {
                broken.push(code);
            }
        };
        let rules = &self.rules;
        let own = rules.symbols.first();
        unless(!self.on, "kill_switch");
        if let Some(limit) = own.and_then(|own| own.max_order_quantity) {
            unless(wanted.quantity <= limit.value(), "max_order_quantity");
        }
        if let Some(limit) = rules.max_order_notional {
            match wanted.price.or(wanted.current) {
                Some(price) => unless(wanted.quantity * price <= limit.value(), "max_order_notional"),
                None => unless(false, "no_price_for_limit"),
            }
        }
        if let (Some(limit), Some(price)) = (rules.price_collar, wanted.price) {
            match wanted.current {
                Some(current) => unless((price - current).abs() <= limit * current, "price_collar"),
                None => unless(false, "no_price_for_limit"),
            }
        }
        let (up, down) = (self.held + self.working(Side::Buy), self.held - self.working(Side::Sell));
        let (higher, lower) = match wanted.side {
            Side::Buy => (up + wanted.quantity, down),
            Side::Sell => (up, down - wanted.quantity),
        };
        if let Some(limit) = own.and_then(|own| own.max_position) {
            let fits = match wanted.side {
                Side::Buy => higher <= limit.value(),
                Side::Sell => lower >= -limit.value(),
            };
            unless(fits, "max_position");
        }
        let (was, comes) = (up.abs().max(down.abs()), higher.abs().max(lower.abs()));
        if let Some(limit) = rules.max_account_position
            && comes > was
        {
            let long = higher.abs() >= lower.abs() && higher > ZERO || lower > ZERO;
            match wanted.mark {
                Some(mark) => {
                    let price = if long { mark.long } else { mark.short };
                    unless(comes * price.value() <= limit.value(), "max_account_position");
                }
                None => unless(false, "no_price_for_limit"),
            }
        }
        if let (Some(cash), Some(slack)) = (self.cash, wanted.enters) {
            let takes = self.takes(wanted.side, wanted.quantity, wanted.price, wanted.current);
            match takes.zip(self.free(cash, wanted.mark)) {
                Some((takes, free)) => unless(takes <= free + slack, "insufficient_cash"),
                None => unless(false, "no_price_for_limit"),
            }
        }
        if let Some(limit) = rules.max_open_orders {
            let open = self.orders.values().filter(|order| !order.ended).count();
            unless(open < limit as usize, "max_open_orders");
        }
        if let Some(limit) = rules.max_orders_per_minute {
            let lately = self.requested.iter().filter(|at| at.plus(MINUTE) > now).count();
            unless(lately < limit as usize, "max_orders_per_minute");
        }
        broken
    }
}

fn own_price(terms: OrderTerms) -> Option<Decimal> {
    match terms {
        OrderTerms::Limit { price } => Some(price.value()),
        _ => None,
    }
}

fn judged(role: OrderRole) -> bool {
    matches!(role, OrderRole::Entry | OrderRole::Reduce)
}
