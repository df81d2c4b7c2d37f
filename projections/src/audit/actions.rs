//! How actions on groups are told to a trader: what was ordered, what was decided, why it was refused.

use retrace_core::amount::{Position, Price};
use retrace_core::directive::{CancelReach, GroupDirective, GroupOrder, GroupRef, OrderChange};
use retrace_core::event::GroupRefusal;
use retrace_core::ids::{GroupId, GroupNo, PlanId};

use crate::ledger::Book;

/// What a directive orders of groups.
pub(super) fn group_directive(directive: &GroupDirective, book: &Book) -> String {
    let which = match &directive.target {
        GroupRef::Group(group) => group_name(*group, &directive.plans, book),
        GroupRef::Directive(directive) => format!("the groups of {directive}"),
    };
    match directive.order {
        GroupOrder::Cancel => format!("cancel {which}"),
        GroupOrder::Pause => format!("pause {which}"),
        GroupOrder::Resume => format!("resume {which}"),
        GroupOrder::ModifyOrders(OrderChange { limit_price, quantity }) => {
            let limit = limit_price.map(|price| format!("limit {price}"));
            let each = quantity.map(|quantity| format!("{quantity} each"));
            let parts: Vec<String> = limit.into_iter().chain(each).collect();
            format!("change the orders of {which}: {}", parts.join(", "))
        }
    }
}

/// A group by its number in its plan, as every other line names it; by its id where no plan has it.
fn group_name(id: GroupId, plans: &[PlanId], book: &Book) -> String {
    let numbers = plans.iter().filter_map(|plan| book.ledger().plan_number(plan));
    let mut groups = numbers.filter_map(|no| book.plan(no)).flat_map(|plan| &plan.groups);
    groups.find(|group| group.id == id).map_or_else(|| id.to_string(), |group| format!("group {}", group.no))
}

/// How far cancelling goes, as an order.
pub(super) const fn cancel_all(reach: CancelReach) -> &'static str {
    match reach {
        CancelReach::Orders => "cancel all orders, keep the protection",
        CancelReach::Protection => "cancel all orders and the protection",
        CancelReach::Plan => "cancel everything and trade nothing: the plan ends when it is flat",
    }
}

/// Everything of a plan was cancelled.
pub(super) const fn all_cancelled(reach: CancelReach) -> &'static str {
    match reach {
        CancelReach::Orders => "all orders cancelled: nothing is sent before a directive sets a target again",
        CancelReach::Protection => "ALL CANCELLED, THE PROTECTION TOO: what is held is not covered any more",
        CancelReach::Plan => "ALL CANCELLED, THE PROTECTION TOO: nothing is traded, the plan ends when it is flat",
    }
}

/// A group's orders were changed.
pub(super) fn orders_modified(group: GroupNo, limit: Option<Price>, added: Position, target: Position) -> String {
    let limit = limit.map(|price| format!("limit {price}"));
    let size = added.value().abs().normalize();
    let more = if added > Position::FLAT { "more" } else { "less" };
    let added = (!added.is_flat()).then(|| format!("{size} {more}, target set to {target}"));
    let parts: Vec<String> = limit.into_iter().chain(added).collect();
    format!("group {group}: orders changed: {}", parts.join(", "))
}

/// Why an action on a group was refused, with its numbers. Which group, the directive said.
pub(super) fn group_refusal(refusal: &GroupRefusal) -> String {
    match refusal {
        GroupRefusal::UnknownGroup => "the plan has no such group".to_owned(),
        GroupRefusal::GroupEnded { end, .. } => format!("the group has ended: {end}"),
        GroupRefusal::NoOpenOrder { .. } => "the group has no open order to change".to_owned(),
        GroupRefusal::NoLimitPrice { .. } => "the group's orders are at market and have no limit price".to_owned(),
        GroupRefusal::OnePriceForLayers { .. } => {
            "the group's orders stand in layers, each at a price of its own: they take no common price".to_owned()
        }
        GroupRefusal::LimitBeyondExit { limit_price, field, level } => {
            format!("what is entered at the limit price {limit_price} would leave at once: {field} is {level}")
        }
        GroupRefusal::NotAboveFilled { quantity, filled } => {
            format!("an order cannot be made {quantity} when {filled} of it is filled")
        }
        GroupRefusal::OrderBelowMinNotional { quantity, price, minimum } => {
            format!("{quantity} left to trade at {price} is worth less than the minimum notional of {minimum}")
        }
        GroupRefusal::WouldCrossZero { leaving, held } => {
            format!("{leaving} would be on its way out, and {held} is held")
        }
        GroupRefusal::OrderUnanswered { orders } => {
            let orders = if *orders == 1 { "an order".to_owned() } else { format!("{orders} orders") };
            format!("{orders} must have the venue's answer first: one change at a time")
        }
        GroupRefusal::NotConnected => "without a connection no order can be changed".to_owned(),
    }
}
