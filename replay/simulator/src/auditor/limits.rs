//! The limits of the risk gate and the operator's switch, held by the auditor's own books: no request beyond them, no
//! refusal without ground, and protection and closes are never held back.

use retrace_core::event::{AfterRefusal, Because, Decision, Event, Fact, OperatorCommand, RiskRefusal, Switch};
use retrace_core::ids::{OrderNo, PlanNo};
use retrace_core::order::{OrderRole, OrderTerms, Side};

use super::cash::{self, Bill};
use super::{Auditor, Kind, Phase};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::units::{GRAINS, lots_of, ticks_of};

/// What the auditor keeps for the limits alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    limits: Limits,
    on: bool,
    /// When orders were requested, in milliseconds.
    requested: Vec<i64>,
}

/// An order that enters or reduces, as limits see it.
#[derive(Clone, Copy)]
struct Wanted {
    symbol: usize,
    /// 1 bought, -1 sold.
    side: i64,
    lots: i64,
    /// Its own price, in ticks.
    price: Option<i64>,
    /// It enters, and what the cash may fall short of what it takes then.
    enters: Option<i128>,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}

impl Auditor {
    pub(super) fn commanded(&mut self, command: OperatorCommand) {
        let OperatorCommand::KillSwitch(switch) = command;
        self.gate.on = switch == Switch::On;
    }

    /// Judges a decision by the limits, before its request is booked.
    pub(super) fn judge(&mut self, event: &Event) -> Result<(), Finding> {
        let (Fact::Decision(decision), Some(plan)) = (&event.fact, event.plan) else { return Ok(()) };
        match decision {
            Decision::OrderRequested { role, side, terms, quantity, .. } => {
                if matches!(role, OrderRole::Entry | OrderRole::Reduce) {
                    let enters = (*role == OrderRole::Entry).then_some(cash::ROUNDED);
                    let wanted = self.wanted(plan, *side, *terms, lots_of(quantity.value()), enters);
                    if let Some(limit) = wanted.and_then(|wanted| self.broken(&wanted).into_iter().next()) {
                        return Err(Finding::BeyondLimit { plan, limit });
                    }
                }
                self.gate.requested.push(self.now);
            }
            Decision::OrderRefused(refused) => {
                let limit = refused.refusal.code();
                let enters = (refused.role == OrderRole::Entry).then_some(-cash::ROUNDED);
                let lots = lots_of(refused.quantity.value());
                let wanted = self.wanted(plan, refused.side, refused.terms, lots, enters);
                let mut has_ground = wanted.is_some_and(|wanted| self.broken(&wanted).contains(&limit));
                if let (RiskRefusal::InsufficientCash { free, .. }, Some(balance)) =
                    (&refused.refusal, self.gate.limits.cash)
                {
                    has_ground &= self.is_free(*free, balance);
                }
                if !has_ground || !matches!(refused.role, OrderRole::Entry | OrderRole::Reduce) {
                    return Err(Finding::HeldBack { plan, limit });
                }
                if let Some(plan) = self.plans.get_mut(&plan)
                    && refused.then == AfterRefusal::GivenUp
                {
                    match refused.role {
                        OrderRole::Entry => plan.entry_short = true,
                        _ => plan.exit_short = true,
                    }
                }
            }
            Decision::SlicesDropped { because: Because::KillSwitch, .. } => {
                if !self.gate.on {
                    return Err(Finding::HeldBack { plan, limit: "kill_switch" });
                }
                if let Some(plan) = self.plans.get_mut(&plan) {
                    (plan.entry_short, plan.exit_short) = (true, true);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// With nothing of a plan in flight and the switch on, nothing of it enters.
    pub(super) fn held_back(&self, no: PlanNo) -> Result<(), Finding> {
        let Some(plan) =
            self.plans.get(&no).filter(|plan| self.gate.on && plan.phase == Phase::Standing && !plan.is_rolled_back())
        else {
            return Ok(());
        };
        let enters = self.of_plan(no).any(|(_, order)| order.kind == Kind::Entry && order.works() && !order.unknown);
        if enters && plan.held >= 0 { Err(Finding::BeyondLimit { plan: no, limit: "kill_switch" }) } else { Ok(()) }
    }

    fn wanted(
        &self,
        plan: PlanNo,
        side: Side,
        terms: OrderTerms,
        lots: Option<i64>,
        enters: Option<i128>,
    ) -> Option<Wanted> {
        let symbol = self.plans.get(&plan)?.symbol;
        let side = if side == Side::Buy { 1 } else { -1 };
        Some(Wanted { symbol, side, lots: lots?, price: terms.limit_price().and_then(ticks_of), enters })
    }

    /// What of a symbol works on one side and is not protection, in grains.
    fn working(&self, symbol: usize, side: i64) -> i64 {
        let orders = self.orders.values().filter(|order| matches!(order.kind, Kind::Entry | Kind::Exit));
        let of_side = orders.filter(|order| {
            self.plans.get(&order.plan).is_some_and(|plan| {
                let way = if order.kind == Kind::Entry { plan.sign } else { -plan.sign };
                plan.symbol == symbol && way == side
            })
        });
        of_side.map(|order| order.most() * GRAINS).sum()
    }

    /// Where a symbol's position may come to, up and down, in grains.
    fn reach(&self, symbol: usize) -> (i64, i64) {
        let plans = self.plans.values().filter(|plan| plan.symbol == symbol);
        let held: i64 = plans.map(|plan| plan.held * plan.sign).sum();
        (held + self.working(symbol, 1), held - self.working(symbol, -1))
    }

    /// Whether a change of an order to so many lots at that level, in ticks, would break the limit of that name.
    pub(super) fn change_breaks(&self, order: OrderNo, lots: i64, level: Option<i64>, grows: i64, limit: &str) -> bool {
        let known = self.orders.get(&order).and_then(|known| self.plans.get(&known.plan).map(|plan| (known, plan)));
        let Some((known, plan)) = known else { return false };
        let side = if known.kind == Kind::Entry { plan.sign } else { -plan.sign };
        let price = level.or(known.level);
        let enters = (known.kind == Kind::Entry).then_some(-cash::ROUNDED);
        let whole = Wanted { symbol: plan.symbol, side, lots, price, enters };
        // What all orders of the change grow by counts together.
        let more = Wanted { lots: grows, ..whole };
        match limit {
            "max_position" | "max_account_position" => more.lots > 0 && self.broken(&more).contains(&limit),
            _ => self.broken(&whole).contains(&limit),
        }
    }

    /// Whether the cash does not reach for a change of all these orders to so many lots or that level.
    pub(super) fn change_is_too_dear(
        &self,
        orders: &[OrderNo],
        lots: Option<i64>,
        level: Option<i64>,
        slack: i128,
    ) -> bool {
        let takes = self.grows_dearer(orders, lots, level).filter(|takes| *takes > 0);
        let bill = takes.map(|takes| Bill { takes, slack });
        let reaches = bill.zip(self.gate.limits.cash).and_then(|(bill, balance)| self.affords(&bill, balance));
        reaches == Some(false)
    }

    /// Every limit that an order would break, by its name.
    fn broken(&self, wanted: &Wanted) -> Vec<&'static str> {
        let limits = self.gate.limits;
        let mark = |symbol: usize| self.marks.get(symbol).copied().flatten();
        let current = mark(wanted.symbol);
        let mut broken = Vec::new();
        let mut unless = |fits: Option<bool>, code| match fits {
            Some(true) => {}
            Some(false) => broken.push(code),
            None => broken.push("no_price_for_limit"),
        };
        unless(Some(!self.gate.on), "kill_switch");
        if let Some(limit) = limits.order {
            unless(Some(wanted.lots <= limit), "max_order_quantity");
        }
        // A tick and a lot make a hundredth of the quote.
        if let Some(limit) = limits.notional {
            unless(wanted.price.or(current).map(|price| price * wanted.lots <= limit * 100), "max_order_notional");
        }
        if let (Some(limit), Some(price)) = (limits.collar, wanted.price) {
            unless(current.map(|current| (price - current).abs() * 1_000 <= limit * current), "price_collar");
        }
        let (up, down) = self.reach(wanted.symbol);
        let more = wanted.lots * GRAINS;
        let (higher, lower) = if wanted.side > 0 { (up + more, down) } else { (up, down - more) };
        if let Some(limit) = limits.position {
            let far = if wanted.side > 0 { higher } else { -lower };
            unless(Some(far <= limit * GRAINS), "max_position");
        }
        let far = |(up, down): (i64, i64)| up.abs().max(down.abs());
        if let Some(limit) = limits.account
            && far((higher, lower)) > far((up, down))
        {
            let mut worth = Some(0);
            for symbol in 0..self.rules.symbols {
                let far = if symbol == wanted.symbol { far((higher, lower)) } else { far(self.reach(symbol)) };
                if far > 0 {
                    worth = worth.zip(mark(symbol)).map(|(worth, mark)| worth + far * mark);
                }
            }
            unless(worth.map(|worth| worth <= limit * 100 * GRAINS), "max_account_position");
        }
        if let (Some(balance), Some(slack)) = (limits.cash, wanted.enters) {
            let takes = self.takes(wanted.symbol, wanted.side, wanted.lots, wanted.price);
            let bill = takes.map(|takes| Bill { takes, slack });
            unless(bill.and_then(|bill| self.affords(&bill, balance)), "insufficient_cash");
        }
        if let Some(limit) = limits.open {
            let open = i64::try_from(self.orders.values().filter(|order| order.works()).count()).unwrap_or(i64::MAX);
            unless(Some(open < limit), "max_open_orders");
        }
        if let Some(limit) = limits.per_minute {
            let lately = self.gate.requested.iter().filter(|at| **at + 60_000 > self.now).count();
            unless(Some(i64::try_from(lately).unwrap_or(i64::MAX) < limit), "max_orders_per_minute");
        }
        broken
    }
}
