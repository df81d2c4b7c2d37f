//! Lines whose `action` is another than `EXECUTE_TRADE`: what is ordered of groups that plans have, and which fields mean
//! something to each of them.

use retrace_core::directive::{
    CancelAll, CancelReach, GroupDirective, GroupOrder, GroupRef, Intent, OrderChange, Scope,
};
use retrace_core::ids::{DirectiveId, GroupId, PlanId};
use retrace_core::instrument::Instrument;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::input::directive_build::Builder;
use crate::input::directive_fields::{DirectiveFields, EntryFields, Object, SizeFields, Text};
use crate::input::directive_values::{GOOD_TILL, Named, text_of};
use crate::input::directives::from_json;
use crate::input::hint::{did_you_mean, nearest};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

const GROUP: &str = "directive.target_group";
const GROUP_DIRECTIVE: &str = "directive.target_group.directive_id";
const LIMIT: &str = "directive.entry_directive.limit_price";
const ORDER_QUANTITY: &str = "directive.size_directive.order_quantity";
const INCLUDE_PROTECTION: &str = "directive.execution_directive.include_protection";

type Built<T> = Result<T, InputProblem>;

/// What a directive does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    ExecuteTrade,
    CancelGroup,
    CancelAllInPlan,
    ModifyOrders,
    PauseGroup,
    ResumeGroup,
}

impl Action {
    const ALL: &[Self] = &[
        Self::ExecuteTrade,
        Self::CancelGroup,
        Self::CancelAllInPlan,
        Self::ModifyOrders,
        Self::PauseGroup,
        Self::ResumeGroup,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ExecuteTrade => "EXECUTE_TRADE",
            Self::CancelGroup => "CANCEL_GROUP",
            Self::CancelAllInPlan => "CANCEL_ALL_IN_PLAN",
            Self::ModifyOrders => "MODIFY_ORDERS",
            Self::PauseGroup => "PAUSE_GROUP",
            Self::ResumeGroup => "RESUME_GROUP",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text)
    }
}

/// `target_group` where it is an object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFields {
    directive_id: String,
}

impl Builder<'_> {
    /// What the line does, and that no field of another action stands in it.
    pub(super) fn action(&self, fields: &DirectiveFields<'_>) -> Built<Action> {
        let action = match &fields.action {
            None => Action::ExecuteTrade,
            Some(text) => {
                self.values().spelled("directive.action", text, Action::ALL, Action::as_str, Action::parse)?
            }
        };
        let groups =
            matches!(action, Action::CancelGroup | Action::ModifyOrders | Action::PauseGroup | Action::ResumeGroup);
        let protection = fields.execution_directive.as_ref().and_then(|e| e.include_protection);
        let quantity = fields.size_directive.as_ref().and_then(|s| s.order_quantity.as_ref());
        for (name, misplaced) in [
            (GROUP, !groups && fields.target_group.is_some()),
            (ORDER_QUANTITY, action != Action::ModifyOrders && quantity.is_some()),
            (INCLUDE_PROTECTION, action != Action::CancelAllInPlan && protection.is_some()),
        ] {
            if misplaced {
                return Err(self.not_for(action, name));
            }
        }
        Ok(action)
    }

    /// What is ordered of groups that plans have.
    pub(super) fn order(&self, fields: &DirectiveFields<'_>, action: Action, scope: Scope) -> Built<Intent> {
        let closes = scope == Scope::CloseExisting;
        if scope == Scope::NewTrade || (closes && action != Action::CancelAllInPlan) {
            let problem = (self.here)(Rule::NotForScope { scope }).field("directive.action").value(action.as_str());
            return Err(match action {
                Action::CancelAllInPlan => problem.with_hint("it belongs to MODIFY_EXISTING or CLOSE_EXISTING"),
                Action::CancelGroup
                | Action::ModifyOrders
                | Action::PauseGroup
                | Action::ResumeGroup
                | Action::ExecuteTrade => problem.with_hint("it belongs to MODIFY_EXISTING"),
            });
        }
        self.nothing_else(fields, action)?;
        let plans = self.existing_plans(fields.target_plan_ids.as_deref())?;
        if action == Action::CancelAllInPlan {
            let protection = fields.execution_directive.as_ref().and_then(|e| e.include_protection);
            let reach = match (closes, protection) {
                (true, Some(false)) => {
                    let problem = (self.here)(Rule::Excludes { other: "scope CLOSE_EXISTING" });
                    let problem = problem.field(INCLUDE_PROTECTION).value("false");
                    return Err(problem.with_hint("MODIFY_EXISTING cancels the rest and keeps the protection"));
                }
                (true, _) => CancelReach::Plan,
                (false, Some(true)) => CancelReach::Protection,
                (false, Some(false) | None) => CancelReach::Orders,
            };
            return Ok(Intent::CancelAll(CancelAll { plans, reach }));
        }
        let Some(reference) = fields.target_group else {
            return Err((self.here)(Rule::MissingFor { by: action.as_str() }).field(GROUP));
        };
        let target = self.group(reference, &plans)?;
        let order = match action {
            Action::PauseGroup => GroupOrder::Pause,
            Action::ResumeGroup => GroupOrder::Resume,
            Action::ModifyOrders => GroupOrder::ModifyOrders(self.order_change(fields, &plans)?),
            Action::CancelGroup | Action::ExecuteTrade | Action::CancelAllInPlan => GroupOrder::Cancel,
        };
        Ok(Intent::Group(GroupDirective { plans, target, order }))
    }

    /// Refuses fields that mean nothing to this action: ignoring one would do other than the file says.
    fn nothing_else(&self, fields: &DirectiveFields<'_>, action: Action) -> Built<()> {
        let (modifies, cancels_all) = (action == Action::ModifyOrders, action == Action::CancelAllInPlan);
        let entry = fields.entry_directive.as_ref();
        let size = fields.size_directive.as_ref();
        let hint = fields.execution_directive.as_ref();
        let more_of_entry = |e: &EntryFields| {
            [
                ("directive.entry_directive.symbol", e.symbol.is_some()),
                ("directive.entry_directive.direction", e.direction.is_some()),
                ("directive.entry_directive.order_type", e.order_type.is_some()),
                ("directive.entry_directive.time_in_force", e.time_in_force.is_some()),
                (GOOD_TILL, e.good_till.is_some()),
                ("directive.entry_directive.post_only", e.post_only.is_some()),
            ]
        };
        let more_of_size =
            |s: &SizeFields<'_>| [("directive.size_directive.target_position_size", s.target_position_size.is_some())];
        let mut misplaced = vec![
            ("directive.plan_id", fields.plan_id.is_some()),
            ("directive.entry_directive", !modifies && entry.is_some()),
            ("directive.size_directive", !modifies && size.is_some()),
            ("directive.exit_directive", fields.exit_directive.is_some()),
            ("directive.execution_directive", !cancels_all && hint.is_some()),
        ];
        misplaced.extend(entry.into_iter().flat_map(more_of_entry));
        misplaced.extend(size.into_iter().flat_map(more_of_size));
        misplaced.extend(hint.into_iter().flat_map(|h| {
            [
                ("directive.execution_directive.algorithm", h.algorithm.is_some()),
                ("directive.execution_directive.duration_minutes", h.duration_minutes.is_some()),
                ("directive.execution_directive.slices", h.slices.is_some()),
                ("directive.execution_directive.catch_up", h.catch_up.is_some()),
                ("directive.execution_directive.execution_urgency", h.execution_urgency.is_some()),
                ("directive.execution_directive.max_total_slippage_pct", h.max_total_slippage_pct.is_some()),
                ("directive.execution_directive.on_limit", h.on_limit.is_some()),
            ]
        }));
        match misplaced.into_iter().find(|(_, misplaced)| *misplaced) {
            Some((name, _)) => Err(self.not_for(action, name)),
            None => Ok(()),
        }
    }

    fn not_for(&self, action: Action, field: &'static str) -> InputProblem {
        (self.here)(Rule::NotForAction { action: action.as_str() }).field(field)
    }

    /// A group of the plans: by its id, or by the directive that opened it.
    fn group(&self, reference: &RawValue, plans: &[PlanId]) -> Built<GroupRef> {
        let raw = reference.get();
        if raw.starts_with('{') {
            let Object(GroupFields { directive_id }) = from_json(raw, GROUP, self.here)?;
            let id = self.values().name(GROUP_DIRECTIVE, &directive_id, DirectiveId::new)?;
            let wrong = |rule| (self.here)(rule).field(GROUP_DIRECTIVE).value(&directive_id);
            let Some(opened) = self.openers.get(&id) else {
                let known: Vec<&str> = self.openers.keys().map(DirectiveId::as_str).collect();
                let problem = wrong(Rule::UnknownDirective);
                return Err(match nearest(&directive_id, &known) {
                    Some(near) => problem.with_hint(did_you_mean(near)),
                    None => problem,
                });
            };
            return match plans.iter().find(|plan| !opened.contains(plan)) {
                Some(plan) => Err(wrong(Rule::OpensNoGroup { plan: plan.to_string() })),
                None => Ok(GroupRef::Directive(id)),
            };
        }
        if !raw.starts_with('"') {
            let rule = Rule::WrongType { reason: "expected a group's id or an object with `directive_id`".to_owned() };
            return Err((self.here)(rule).field(GROUP).value(raw));
        }
        let text: String = serde_json::from_str(raw).unwrap_or_default();
        let id: GroupId = text.parse().map_err(|_| (self.here)(Rule::NotAGroup).field(GROUP).value(&text))?;
        if plans.len() > 1 {
            return Err((self.here)(Rule::OnePlan { found: plans.len() }).field("directive.target_plan_ids"));
        }
        Ok(GroupRef::Group(id))
    }

    fn order_change(&self, fields: &DirectiveFields<'_>, plans: &[PlanId]) -> Built<OrderChange> {
        let values = self.values();
        let instruments: Vec<&Instrument> = self.instruments_of(plans);
        let limit = fields.entry_directive.as_ref().and_then(|e| e.limit_price.as_ref());
        let limit_price = values.price(Named(LIMIT, text_of(limit)), &instruments)?;
        let quantity: Option<&Text> = fields.size_directive.as_ref().and_then(|s| s.order_quantity.as_ref());
        let named = Named(ORDER_QUANTITY, text_of(quantity));
        let quantity = match instruments.split_first() {
            Some((first, others)) if quantity.is_some() => {
                let quantity = values.quantity(named, first)?;
                others.iter().try_for_each(|instrument| values.on_lot(named, quantity, instrument))?;
                Some(quantity)
            }
            Some(_) | None => None,
        };
        if limit_price.is_none() && quantity.is_none() {
            return Err((self.here)(Rule::Nothing { what: "change to the orders" })
                .field("directive")
                .with_hint("give `entry_directive.limit_price`, `size_directive.order_quantity`, or both"));
        }
        Ok(OrderChange { limit_price, quantity })
    }
}
