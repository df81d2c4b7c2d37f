//! What directives order of groups, by the auditor's own book: which group an order belongs to, whether it goes on, at
//! which price its orders are to stand.

use retrace_core::directive::{
    CancelAll, CancelReach, GroupDirective, GroupOrder, GroupRef, OrderChange, StrategyDirective,
};
use retrace_core::event::{Decision, Event, Fact, GroupAction, GroupEnd, GroupRefusal, Idle};
use retrace_core::ids::{DirectiveId, GroupNo, OrderNo, PlanId, PlanNo, derive_group_id};
use retrace_core::order::{OrderRole, OrderType};
use rust_decimal::Decimal;

use super::{Auditor, Kind, Phase, Plan, cash};
use crate::finding::Finding;
use crate::units::{lots_of, ticks_of};

/// A group, as far as it was told of.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The directive that opened it.
    directive: DirectiveId,
    /// Whether it trades in its plan's direction.
    enters: bool,
    /// At which price its orders are to stand, in ticks; `None` at market.
    limit: Option<i64>,
    /// A directive changed that price.
    moved: bool,
    course: Course,
}

/// Whether a group goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Runs,
    Paused,
    Cancelled,
    Ended,
}

/// Which order of a group an order is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    group: GroupNo,
    /// It trades what its group is for; all others hang on it.
    own: bool,
    /// It has a limit price.
    limited: bool,
}

impl Auditor {
    /// Notes groups and their orders as they come into being.
    pub(super) fn note_group(&mut self, no: PlanNo, event: &Event, decision: &Decision) -> Result<(), Finding> {
        match decision {
            Decision::GroupOpened { group, directive, action, entry, .. } => {
                let enters = *action == GroupAction::Enter;
                let plan = self.plans.get(&no);
                let stopped = plan.is_some_and(|plan| match action {
                    GroupAction::Enter => plan.no_entries,
                    GroupAction::Reduce => plan.no_reduces,
                    GroupAction::Close => plan.phase == Phase::Closing { market: true, gave_up: true },
                });
                if stopped {
                    let what = "is opened although a directive cancelled what came before it, and none asked for it";
                    return Err(Finding::Group { plan: no, group: *group, what });
                }
                let limit = entry.limit_price.and_then(ticks_of);
                let new = Group { directive: directive.clone(), enters, limit, moved: false, course: Course::Runs };
                self.groups.insert((no, *group), new);
            }
            Decision::GroupEnded { group, end, .. } => {
                let known = self.groups.get_mut(&(no, *group));
                let cancelled = known.as_ref().is_some_and(|known| known.course == Course::Cancelled);
                if let Some(known) = known {
                    known.course = Course::Ended;
                }
                if cancelled && matches!(end, GroupEnd::Incomplete | GroupEnd::RolledBack) {
                    return Err(Finding::Group { plan: no, group: *group, what: "was cancelled and ends otherwise" });
                }
            }
            Decision::OrderRequested { group, role, terms, .. } => {
                let own = matches!(role, OrderRole::Entry | OrderRole::Reduce | OrderRole::Close);
                let limited = terms.order_type() == OrderType::Limit;
                if let Some(order) = event.order {
                    self.members.insert(order, Member { group: *group, own, limited });
                }
                let wrong = |what| Err(Finding::Group { plan: no, group: *group, what });
                return match self.groups.get(&(no, *group)).map(|group| group.course).filter(|_| own) {
                    None if own => wrong("sends an order before it was opened"),
                    Some(Course::Paused) => wrong("sends an order while it is paused"),
                    Some(Course::Cancelled) => wrong("sends an order after it was cancelled"),
                    Some(Course::Ended) => wrong("sends an order after its end"),
                    Some(Course::Runs) | None => Ok(()),
                };
            }
            _ => {}
        }
        Ok(())
    }

    /// What holds of groups when nothing of their plan is in flight.
    pub(super) fn quiet_groups(&self, no: PlanNo, plan: &Plan) -> Result<(), Finding> {
        for (order, known) in self.of_plan(no).filter(|(_, order)| order.works()) {
            let Some(member) = self.members.get(&order).filter(|member| member.own) else { continue };
            let Some(group) = self.groups.get(&(no, member.group)) else { continue };
            let wrong = |what| Err(Finding::Group { plan: no, group: member.group, what });
            if group.course == Course::Cancelled && !known.unknown {
                return wrong("was cancelled, and an order of it works");
            }
            let elsewhere = group.moved && member.limited && known.level != group.limit;
            if elsewhere && plan.phase == Phase::Standing && !known.unknown && !known.kept {
                return wrong("was given another price, and an order of it stands elsewhere");
            }
        }
        if plan.profit.is_none() && plan.phase == Phase::Standing && self.left(no, Kind::Profit) > 0 {
            return Err(Finding::Group { plan: no, group: GroupNo(0), what: "has no take profit, and one works" });
        }
        Ok(())
    }

    /// Whether a group of the plan is paused: what it is to send does not come by itself.
    pub(super) fn has_paused(&self, no: PlanNo) -> bool {
        self.groups_of(no).any(|(_, group)| group.course == Course::Paused)
    }

    fn groups_of(&self, no: PlanNo) -> impl Iterator<Item = (GroupNo, &Group)> {
        self.groups.iter().filter(move |((plan, _), _)| *plan == no).map(|((_, group), known)| (*group, known))
    }

    fn named(&self, no: PlanNo, id: &PlanId, reference: &GroupRef) -> Vec<(GroupNo, Course)> {
        let session = self.session;
        self.groups_of(no)
            .filter(|(group, known)| match reference {
                GroupRef::Directive(directive) => known.directive == *directive,
                GroupRef::Group(wanted) => derive_group_id(session, &known.directive, id, *group) == *wanted,
            })
            .map(|(group, known)| (group, known.course))
            .collect()
    }

    fn own_orders(&self, no: PlanNo, group: GroupNo) -> Vec<OrderNo> {
        let is_own = |order: &OrderNo| self.members.get(order).is_some_and(|m| m.own && m.group == group);
        self.of_plan(no).filter(|(order, known)| is_own(order) && known.works()).map(|(order, _)| order).collect()
    }

    /// Takes an action on groups for one plan that it was not refused for.
    pub(super) fn order_group(
        &mut self,
        said: &StrategyDirective,
        directive: &GroupDirective,
        id: &PlanId,
    ) -> Result<(), Finding> {
        let wrong = |what| Err(Finding::Directive { directive: said.directive_id.clone(), what });
        let Some((no, plan)) = self.names.get(id).and_then(|no| self.plans.get(no).map(|plan| (*no, plan))) else {
            return wrong("orders something of a plan that does not exist");
        };
        if plan.phase != Phase::Standing {
            return wrong("orders something of a plan that has ended");
        }
        let named = self.named(no, id, &directive.target);
        let open: Vec<GroupNo> = named
            .iter()
            .filter(|(_, course)| matches!(course, Course::Runs | Course::Paused))
            .map(|(group, _)| *group)
            .collect();
        if open.is_empty() {
            let again = directive.order == GroupOrder::Cancel && named.iter().any(|(_, c)| *c == Course::Cancelled);
            return if again { Ok(()) } else { wrong("orders something of no group that goes on") };
        }
        if let GroupOrder::ModifyOrders(change) = directive.order {
            let orders: Vec<OrderNo> = open.iter().flat_map(|group| self.own_orders(no, *group)).collect();
            let lots = change.quantity.and_then(|quantity| lots_of(quantity.value()));
            let level = change.limit_price.and_then(ticks_of);
            if self.change_is_too_dear(&orders, lots, level, cash::ROUNDED) {
                return Err(Finding::BeyondLimit { plan: no, limit: "insufficient_cash" });
            }
        }
        for group in open {
            match directive.order {
                GroupOrder::Cancel => self.cancel(no, group),
                GroupOrder::Pause => self.set_course(no, group, Course::Paused),
                GroupOrder::Resume => self.set_course(no, group, Course::Runs),
                GroupOrder::ModifyOrders(change) => self.modify(no, group, change),
            }
        }
        Ok(())
    }

    fn set_course(&mut self, no: PlanNo, group: GroupNo, course: Course) {
        if let Some(known) = self.groups.get_mut(&(no, group)) {
            known.course = course;
        }
    }

    fn cancel(&mut self, no: PlanNo, group: GroupNo) {
        self.set_course(no, group, Course::Cancelled);
        let enters = self.groups.get(&(no, group)).is_some_and(|group| group.enters);
        if let Some(plan) = self.plans.get_mut(&no) {
            plan.stop_sending(enters);
        }
    }

    /// The target moves by what the group's orders are to trade more or less.
    fn modify(&mut self, no: PlanNo, group: GroupNo, change: OrderChange) {
        let mut added = 0;
        if let Some(lots) = change.quantity.and_then(|quantity| lots_of(quantity.value())) {
            for order in self.own_orders(no, group) {
                if let Some(order) = self.orders.get_mut(&order) {
                    added += lots - order.lots;
                    order.may_grow_to = lots;
                }
            }
        }
        let limit = change.limit_price.and_then(ticks_of);
        let enters = self.groups.get(&(no, group)).is_some_and(|group| group.enters);
        if let (Some(known), Some(limit)) = (self.groups.get_mut(&(no, group)), limit) {
            known.limit = Some(limit);
            known.moved = true;
        }
        if let Some(plan) = self.plans.get_mut(&no) {
            plan.target = (plan.target + if enters { added } else { -added }).max(0);
            plan.limit = limit.or(plan.limit);
        }
    }

    /// Takes a `CANCEL_ALL_IN_PLAN` for one plan that it was not refused for.
    pub(super) fn cancel_all(
        &mut self,
        said: &StrategyDirective,
        directive: &CancelAll,
        id: &PlanId,
        events: &[Event],
    ) -> Result<(), Finding> {
        let wrong = |what| Err(Finding::Directive { directive: said.directive_id.clone(), what });
        let Some(no) = self.names.get(id).copied() else {
            // A leg whose turn has not come is closed before it was opened.
            return if self.in_batch(id) { Ok(()) } else { wrong("cancels a plan that does not exist") };
        };
        let open: Vec<GroupNo> = self
            .groups_of(no)
            .filter(|(_, group)| matches!(group.course, Course::Runs | Course::Paused))
            .map(|(group, _)| group)
            .collect();
        let is_so = events.iter().any(|event| {
            matches!(&event.fact, Fact::Decision(Decision::NothingToDo { plan_id, reason: Idle::AlreadySo, .. })
                if plan_id == id)
        });
        let Some(plan) = self.plans.get_mut(&no) else { return Ok(()) };
        let protects = directive.reach != CancelReach::Orders && (plan.stop.is_some() || plan.profit.is_some());
        match plan.phase {
            Phase::Standing if is_so && (!open.is_empty() || protects || directive.reach == CancelReach::Plan) => {
                return wrong("leaves what is to be cancelled");
            }
            Phase::Standing if is_so => return Ok(()),
            Phase::Standing => {}
            Phase::Closing { gave_up: true, .. } if directive.reach == CancelReach::Plan => {}
            Phase::Closing { .. } | Phase::StoppedOut | Phase::Closed if directive.reach == CancelReach::Plan => {
                return Ok(());
            }
            Phase::Closed => return Ok(()),
            Phase::Closing { .. } | Phase::StoppedOut => return wrong("cancels the orders of a plan that has ended"),
        }
        plan.stop_sending(true);
        plan.stop_sending(false);
        if directive.reach != CancelReach::Orders {
            (plan.stop, plan.profit) = (None, None);
        }
        if directive.reach == CancelReach::Plan {
            plan.phase = Phase::Closing { market: true, gave_up: true };
            plan.target = 0;
        }
        for group in open {
            self.set_course(no, group, Course::Cancelled);
        }
        Ok(())
    }

    /// Whether a change of orders would break the limit of that name.
    pub(super) fn change_is_beyond(&self, said: &GroupDirective, id: &PlanId, limit: &str) -> bool {
        let (Some(no), GroupOrder::ModifyOrders(change)) = (self.names.get(id).copied(), said.order) else {
            return false;
        };
        let named = self.named(no, id, &said.target);
        let orders: Vec<OrderNo> = named.iter().flat_map(|(group, _)| self.own_orders(no, *group)).collect();
        let lots = change.quantity.and_then(|quantity| lots_of(quantity.value()));
        let level = change.limit_price.and_then(ticks_of);
        if limit == "insufficient_cash" {
            // What the directive changed of other plans before took its part.
            let plans = said.plans.iter().filter_map(|id| Some((*self.names.get(id)?, id)));
            let named = plans.flat_map(|(no, id)| self.named(no, id, &said.target).into_iter().map(move |n| (no, n.0)));
            let orders: Vec<OrderNo> = named.flat_map(|(no, group)| self.own_orders(no, group)).collect();
            return self.change_is_too_dear(&orders, lots, level, -cash::ROUNDED);
        }
        let is = |order: &OrderNo| self.orders.get(order).map_or(0, |known| known.lots);
        let grows = orders.iter().map(|order| (lots.unwrap_or(is(order)) - is(order)).max(0)).sum();
        orders.iter().any(|order| self.change_breaks(*order, lots.unwrap_or(is(order)), level, grows, limit))
    }

    /// Whether a group's refusal holds, by the auditor's own book.
    pub(super) fn has_group_ground(&self, said: &GroupDirective, id: &PlanId, refusal: &GroupRefusal) -> bool {
        let Some((no, plan)) = self.names.get(id).and_then(|no| self.plans.get(no).map(|plan| (*no, plan))) else {
            return false;
        };
        let named = self.named(no, id, &said.target);
        let change = match said.order {
            GroupOrder::ModifyOrders(change) => Some(change),
            GroupOrder::Cancel | GroupOrder::Pause | GroupOrder::Resume => None,
        };
        let orders: Vec<OrderNo> = named.iter().flat_map(|(group, _)| self.own_orders(no, *group)).collect();
        let known = || orders.iter().filter_map(|order| self.orders.get(order));
        let groups = || named.iter().filter_map(|(group, _)| self.groups.get(&(no, *group)));
        match refusal {
            GroupRefusal::UnknownGroup => named.is_empty(),
            GroupRefusal::GroupEnded { .. } => {
                let goes_on = |course: Course| matches!(course, Course::Runs | Course::Paused);
                !named.is_empty() && !named.iter().any(|(_, course)| goes_on(*course))
            }
            GroupRefusal::NoOpenOrder { .. } => {
                named.iter().any(|(group, _)| self.own_orders(no, *group).is_empty()) && change.is_some()
            }
            GroupRefusal::NoLimitPrice { .. } | GroupRefusal::OnePriceForLayers { .. } => {
                groups().any(|group| group.limit.is_none())
            }
            GroupRefusal::LimitBeyondExit { limit_price, field, level } => {
                let (stands, toward) =
                    if field == "stop_loss_price" { (plan.stop, plan.sign) } else { (plan.profit, -plan.sign) };
                let (limit, level) = (ticks_of(*limit_price), ticks_of(*level));
                stands == level && limit.zip(level).is_some_and(|(limit, level)| (limit - level) * toward <= 0)
            }
            GroupRefusal::NotAboveFilled { quantity, .. } => {
                let lots = lots_of(quantity.value());
                lots.is_some_and(|lots| known().any(|order| lots <= order.filled))
            }
            GroupRefusal::OrderBelowMinNotional { quantity, price, minimum } => {
                quantity.value() * price.value() < minimum.value()
                    && minimum.value() == Decimal::from(self.rules.min_notional)
            }
            GroupRefusal::WouldCrossZero { leaving, held } => {
                leaving > held && lots_of(held.value()) == Some(plan.held_lots())
            }
            GroupRefusal::OrderUnanswered { orders } => {
                let lots = change.and_then(|change| change.quantity).and_then(|quantity| lots_of(quantity.value()));
                let shrinks = || lots.is_some_and(|lots| known().any(|order| lots < order.lots));
                *orders > 0 && (self.of_plan(no).any(|(_, order)| order.is_pending()) || shrinks())
            }
            GroupRefusal::NotConnected => !self.connected,
        }
    }
}
