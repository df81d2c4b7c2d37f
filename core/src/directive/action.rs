//! What a directive may order of the orders that a plan has already: the actions besides `EXECUTE_TRADE`.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::{Fields, Scope};
use crate::amount::{Price, Quantity};
use crate::ids::{DirectiveId, GroupId, PlanId};
use crate::order::spelled;

spelled! {
    /// How far cancelling all of a plan goes.
    CancelReach {
        /// Entries, reduces and what is still to be sent; protection stays.
        Orders = "orders",
        /// Stop and take profit too: what is held is protected no more.
        Protection = "protection",
        /// All of them, and the plan ends as soon as it is flat; nothing is traded to bring that about.
        Plan = "plan",
    }
}

/// Something ordered of groups of plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct GroupDirective {
    /// Whose groups; never empty, and exactly one where a group is named by its id.
    pub plans: Vec<PlanId>,
    /// Which of their groups.
    pub target: GroupRef,
    /// What is ordered of them.
    pub order: GroupOrder,
}

/// How a directive names groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum GroupRef {
    /// The group of this id.
    Group(GroupId),
    /// Every group that this directive opened in the plans.
    Directive(DirectiveId),
}

/// What is ordered of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum GroupOrder {
    /// Nothing more is sent, and what works is cancelled; what it traded stays.
    Cancel,
    /// Its open orders are changed.
    ModifyOrders(OrderChange),
    /// Nothing new is sent until it is resumed; what works goes on.
    Pause,
    /// It goes on.
    Resume,
}

/// A change of a group's open orders. What is `None` stays; one of the two is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct OrderChange {
    /// The limit price of its open orders, and of those it sends later.
    pub limit_price: Option<Price>,
    /// The whole quantity of each of its open orders, filled part included.
    pub quantity: Option<Quantity>,
}

/// Everything of plans cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct CancelAll {
    /// Whose orders; never empty.
    pub plans: Vec<PlanId>,
    /// How far it goes.
    pub reach: CancelReach,
}

impl GroupOrder {
    /// The action's name in files and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "CANCEL_GROUP",
            Self::ModifyOrders(_) => "MODIFY_ORDERS",
            Self::Pause => "PAUSE_GROUP",
            Self::Resume => "RESUME_GROUP",
        }
    }
}

impl GroupDirective {
    /// The fields that make its body what it is.
    pub(super) fn body(&self, fields: &mut Fields) {
        fields.put("action", self.order.as_str());
        fields.plans(&self.plans);
        match &self.target {
            GroupRef::Group(group) => fields.put("target_group", group),
            GroupRef::Directive(directive) => fields.put("target_group", &format_args!("of {directive}")),
        }
        match self.order {
            GroupOrder::ModifyOrders(OrderChange { limit_price, quantity }) => {
                fields.maybe("limit_price", limit_price);
                fields.maybe("order_quantity", quantity);
            }
            GroupOrder::Cancel | GroupOrder::Pause | GroupOrder::Resume => {}
        }
    }
}

impl CancelAll {
    /// The scope that it was written with: a CLOSE ends the plans.
    pub(super) const fn scope(&self) -> Scope {
        match self.reach {
            CancelReach::Plan => Scope::CloseExisting,
            CancelReach::Orders | CancelReach::Protection => Scope::ModifyExisting,
        }
    }

    /// The fields that make its body what it is.
    pub(super) fn body(&self, fields: &mut Fields) {
        fields.put("action", "CANCEL_ALL_IN_PLAN");
        fields.plans(&self.plans);
        fields.put("include_protection", &(self.reach != CancelReach::Orders));
    }
}
