//! What directives order of groups, and what follows, into its stored form and back: kinds 130 to 134.

use bincode::{Decode, Encode};

use super::encode::word;
use super::fields::Fields;
use super::v1::{Dec, IntentV1};
use super::{CodecError, decode_form, encode_form};
use crate::amount::{Position, Price};
use crate::directive::{CancelAll, CancelReach, GroupDirective, GroupOrder, GroupRef, Intent, OrderChange};
use crate::event::{Decision, GroupRefusal};
use crate::ids::{DirectiveId, GroupId, GroupNo};

#[derive(Encode, Decode)]
pub(super) enum GroupRefV1 {
    Group(String),
    Directive(String),
}

#[derive(Encode, Decode)]
pub(super) enum GroupOrderV1 {
    Cancel,
    ModifyOrders { limit_price: Option<Dec>, quantity: Option<Dec> },
    Pause,
    Resume,
}

#[derive(Encode, Decode)]
struct GroupCancelledV1 {
    directive: String,
    group: u32,
}

#[derive(Encode, Decode)]
struct AllCancelledV1 {
    directive: String,
    reach: u8,
}

#[derive(Encode, Decode)]
struct OrdersModifiedV1 {
    directive: String,
    group: u32,
    limit_price: Option<Dec>,
    added: Dec,
    target: Dec,
}

#[derive(Encode, Decode)]
struct GroupPausedV1 {
    directive: String,
    group: u32,
}

#[derive(Encode, Decode)]
struct GroupResumedV1 {
    directive: String,
    group: u32,
}

#[derive(Encode, Decode)]
pub(super) enum GroupRefusalV1 {
    UnknownGroup,
    GroupEnded { group: String, end: u8 },
    NoOpenOrder { group: String },
    NoLimitPrice { group: String },
    LimitBeyondExit { limit_price: Dec, field: String, level: Dec },
    NotAboveFilled { quantity: Dec, filled: Dec },
    OrderBelowMinNotional { quantity: Dec, price: Dec, minimum: Dec },
    WouldCrossZero { leaving: Dec, held: Dec },
    OrderUnanswered { orders: u32 },
    NotConnected,
    OnePriceForLayers { group: String },
}

pub(super) fn group_intent(intent: &GroupDirective) -> IntentV1 {
    IntentV1::Group {
        plans: intent.plans.iter().map(ToString::to_string).collect(),
        target: match &intent.target {
            GroupRef::Group(group) => GroupRefV1::Group(group.to_string()),
            GroupRef::Directive(directive) => GroupRefV1::Directive(directive.to_string()),
        },
        order: match intent.order {
            GroupOrder::Cancel => GroupOrderV1::Cancel,
            GroupOrder::ModifyOrders(OrderChange { limit_price, quantity }) => GroupOrderV1::ModifyOrders {
                limit_price: limit_price.map(|p| p.value().into()),
                quantity: quantity.map(|q| q.value().into()),
            },
            GroupOrder::Pause => GroupOrderV1::Pause,
            GroupOrder::Resume => GroupOrderV1::Resume,
        },
    }
}

pub(super) fn cancel_all_intent(intent: &CancelAll) -> IntentV1 {
    IntentV1::CancelAll { plans: intent.plans.iter().map(ToString::to_string).collect(), reach: word(intent.reach) }
}

pub(super) fn group_cancelled(directive: &DirectiveId, group: GroupNo) -> (u16, Vec<u8>) {
    (130, encode_form(&GroupCancelledV1 { directive: directive.to_string(), group: group.0 }))
}

pub(super) fn all_cancelled(directive: &DirectiveId, reach: CancelReach) -> (u16, Vec<u8>) {
    (131, encode_form(&AllCancelledV1 { directive: directive.to_string(), reach: word(reach) }))
}

pub(super) fn orders_modified(
    directive: &DirectiveId,
    group: GroupNo,
    limit_price: Option<Price>,
    added: Position,
    target: Position,
) -> (u16, Vec<u8>) {
    let form = OrdersModifiedV1 {
        directive: directive.to_string(),
        group: group.0,
        limit_price: limit_price.map(|p| p.value().into()),
        added: added.value().into(),
        target: target.value().into(),
    };
    (132, encode_form(&form))
}

pub(super) fn group_paused(directive: &DirectiveId, group: GroupNo) -> (u16, Vec<u8>) {
    (133, encode_form(&GroupPausedV1 { directive: directive.to_string(), group: group.0 }))
}

pub(super) fn group_resumed(directive: &DirectiveId, group: GroupNo) -> (u16, Vec<u8>) {
    (134, encode_form(&GroupResumedV1 { directive: directive.to_string(), group: group.0 }))
}

pub(super) fn group_refusal(refusal: &GroupRefusal) -> GroupRefusalV1 {
    match refusal {
        GroupRefusal::UnknownGroup => GroupRefusalV1::UnknownGroup,
        GroupRefusal::GroupEnded { group, end } => {
            GroupRefusalV1::GroupEnded { group: group.to_string(), end: word(*end) }
        }
        GroupRefusal::NoOpenOrder { group } => GroupRefusalV1::NoOpenOrder { group: group.to_string() },
        GroupRefusal::NoLimitPrice { group } => GroupRefusalV1::NoLimitPrice { group: group.to_string() },
        GroupRefusal::LimitBeyondExit { limit_price, field, level } => GroupRefusalV1::LimitBeyondExit {
            limit_price: limit_price.value().into(),
            field: field.clone(),
            level: level.value().into(),
        },
        GroupRefusal::NotAboveFilled { quantity, filled } => {
            GroupRefusalV1::NotAboveFilled { quantity: quantity.value().into(), filled: filled.value().into() }
        }
        GroupRefusal::OrderBelowMinNotional { quantity, price, minimum } => GroupRefusalV1::OrderBelowMinNotional {
            quantity: quantity.value().into(),
            price: price.value().into(),
            minimum: minimum.value().into(),
        },
        GroupRefusal::WouldCrossZero { leaving, held } => {
            GroupRefusalV1::WouldCrossZero { leaving: leaving.value().into(), held: held.value().into() }
        }
        GroupRefusal::OrderUnanswered { orders } => GroupRefusalV1::OrderUnanswered { orders: *orders },
        GroupRefusal::NotConnected => GroupRefusalV1::NotConnected,
        GroupRefusal::OnePriceForLayers { group } => GroupRefusalV1::OnePriceForLayers { group: group.to_string() },
    }
}

impl Fields {
    fn group(self, text: &str) -> Result<GroupId, CodecError> {
        self.text("group", text, str::parse)
    }

    pub(super) fn group_intent(
        self,
        plans: &[String],
        target: &GroupRefV1,
        order: &GroupOrderV1,
    ) -> Result<Intent, CodecError> {
        Ok(Intent::Group(GroupDirective {
            plans: self.plans(plans)?,
            target: match target {
                GroupRefV1::Group(group) => GroupRef::Group(self.group(group)?),
                GroupRefV1::Directive(directive) => GroupRef::Directive(self.directive(directive)?),
            },
            order: match order {
                GroupOrderV1::Cancel => GroupOrder::Cancel,
                GroupOrderV1::ModifyOrders { limit_price, quantity } => GroupOrder::ModifyOrders(OrderChange {
                    limit_price: self.maybe_price("limit_price", *limit_price)?,
                    quantity: quantity.map(|q| self.quantity("order_quantity", q)).transpose()?,
                }),
                GroupOrderV1::Pause => GroupOrder::Pause,
                GroupOrderV1::Resume => GroupOrder::Resume,
            },
        }))
    }

    pub(super) fn cancel_all_intent(self, plans: &[String], reach: u8) -> Result<Intent, CodecError> {
        Ok(Intent::CancelAll(CancelAll { plans: self.plans(plans)?, reach: self.word("reach", reach)? }))
    }

    pub(super) fn group_refusal(self, form: GroupRefusalV1) -> Result<GroupRefusal, CodecError> {
        Ok(match form {
            GroupRefusalV1::UnknownGroup => GroupRefusal::UnknownGroup,
            GroupRefusalV1::GroupEnded { group, end } => {
                GroupRefusal::GroupEnded { group: self.group(&group)?, end: self.word("end", end)? }
            }
            GroupRefusalV1::NoOpenOrder { group } => GroupRefusal::NoOpenOrder { group: self.group(&group)? },
            GroupRefusalV1::NoLimitPrice { group } => GroupRefusal::NoLimitPrice { group: self.group(&group)? },
            GroupRefusalV1::LimitBeyondExit { limit_price, field, level } => GroupRefusal::LimitBeyondExit {
                limit_price: self.price("limit_price", limit_price)?,
                field,
                level: self.price("level", level)?,
            },
            GroupRefusalV1::NotAboveFilled { quantity, filled } => GroupRefusal::NotAboveFilled {
                quantity: self.quantity("quantity", quantity)?,
                filled: self.position("filled", filled)?,
            },
            GroupRefusalV1::OrderBelowMinNotional { quantity, price, minimum } => GroupRefusal::OrderBelowMinNotional {
                quantity: self.quantity("quantity", quantity)?,
                price: self.price("price", price)?,
                minimum: self.money("minimum", minimum)?,
            },
            GroupRefusalV1::WouldCrossZero { leaving, held } => GroupRefusal::WouldCrossZero {
                leaving: self.position("leaving", leaving)?,
                held: self.position("held", held)?,
            },
            GroupRefusalV1::OrderUnanswered { orders } => GroupRefusal::OrderUnanswered { orders },
            GroupRefusalV1::NotConnected => GroupRefusal::NotConnected,
            GroupRefusalV1::OnePriceForLayers { group } => {
                GroupRefusal::OnePriceForLayers { group: self.group(&group)? }
            }
        })
    }

    /// A decision of kinds 130 to 134, `None` for any other kind.
    pub(super) fn action(self, version: u8, payload: &[u8]) -> Result<Option<Decision>, CodecError> {
        let kind = self.kind;
        Ok(Some(match kind {
            130 => {
                let form: GroupCancelledV1 = decode_form(kind, version, payload)?;
                Decision::GroupCancelled { directive: self.directive(&form.directive)?, group: GroupNo(form.group) }
            }
            131 => {
                let form: AllCancelledV1 = decode_form(kind, version, payload)?;
                Decision::AllCancelled {
                    directive: self.directive(&form.directive)?,
                    reach: self.word("reach", form.reach)?,
                }
            }
            132 => {
                let form: OrdersModifiedV1 = decode_form(kind, version, payload)?;
                Decision::OrdersModified {
                    directive: self.directive(&form.directive)?,
                    group: GroupNo(form.group),
                    limit_price: self.maybe_price("limit_price", form.limit_price)?,
                    added: self.position("added", form.added)?,
                    target: self.position("target", form.target)?,
                }
            }
            133 => {
                let form: GroupPausedV1 = decode_form(kind, version, payload)?;
                Decision::GroupPaused { directive: self.directive(&form.directive)?, group: GroupNo(form.group) }
            }
            134 => {
                let form: GroupResumedV1 = decode_form(kind, version, payload)?;
                Decision::GroupResumed { directive: self.directive(&form.directive)?, group: GroupNo(form.group) }
            }
            _ => return Ok(None),
        }))
    }
}
