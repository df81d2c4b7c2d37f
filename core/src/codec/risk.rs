//! The stored forms of the risk gate's refusals and of the operator's commands, version 1.

use bincode::{Decode, Encode};

use super::CodecError;
use super::encode::{order_terms, word};
use super::fields::Fields;
use super::v1::{Dec, OrderTermsV1};
use crate::event::{OperatorCommand, OperatorCommanded, OrderRefused, RiskRefusal, Switch};
use crate::ids::{GroupNo, OperatorReason};
use crate::time::Timestamp;

#[derive(Encode, Decode)]
pub(super) struct OperatorCommandedV1 {
    command: OperatorCommandV1,
    reason: Option<String>,
}

#[derive(Encode, Decode)]
enum OperatorCommandV1 {
    KillSwitch { on: bool },
}

#[derive(Encode, Decode)]
pub(super) enum RiskRefusalV1 {
    KillSwitch { since_ns: i64 },
    OrderQuantity { quantity: Dec, limit: Dec },
    OrderNotional { notional: Dec, price: Dec, limit: Dec },
    Position { position: Dec, limit: Dec },
    AccountPosition { position: Dec, limit: Dec },
    PriceCollar { price: Dec, current_price: Dec, limit: Dec },
    OrdersPerMinute { limit: u32, room_at_ns: i64 },
    OpenOrders { open: u32, limit: u32 },
    NoPrice { symbol: String },
    InsufficientCash { needs: Dec, free: Dec },
}

#[derive(Encode, Decode)]
pub(super) struct OrderRefusedV1 {
    group: u32,
    role: u8,
    side: u8,
    terms: OrderTermsV1,
    quantity: Dec,
    slice: u32,
    refusal: RiskRefusalV1,
    then: u8,
}

pub(super) fn commanded_form(commanded: &OperatorCommanded) -> OperatorCommandedV1 {
    let OperatorCommanded { command, reason } = commanded;
    let command = match command {
        OperatorCommand::KillSwitch(switch) => OperatorCommandV1::KillSwitch { on: *switch == Switch::On },
    };
    OperatorCommandedV1 { command, reason: reason.as_ref().map(ToString::to_string) }
}

pub(super) fn risk_form(refusal: &RiskRefusal) -> RiskRefusalV1 {
    match refusal {
        RiskRefusal::KillSwitch { since } => RiskRefusalV1::KillSwitch { since_ns: since.nanos() },
        RiskRefusal::OrderQuantity { quantity, limit } => {
            RiskRefusalV1::OrderQuantity { quantity: quantity.value().into(), limit: limit.value().into() }
        }
        RiskRefusal::OrderNotional { notional, price, limit } => RiskRefusalV1::OrderNotional {
            notional: notional.value().into(),
            price: price.value().into(),
            limit: limit.value().into(),
        },
        RiskRefusal::Position { position, limit } => {
            RiskRefusalV1::Position { position: position.value().into(), limit: limit.value().into() }
        }
        RiskRefusal::AccountPosition { position, limit } => {
            RiskRefusalV1::AccountPosition { position: position.value().into(), limit: limit.value().into() }
        }
        RiskRefusal::PriceCollar { price, current_price, limit } => RiskRefusalV1::PriceCollar {
            price: price.value().into(),
            current_price: current_price.value().into(),
            limit: (*limit).into(),
        },
        RiskRefusal::OrdersPerMinute { limit, room_at } => {
            RiskRefusalV1::OrdersPerMinute { limit: *limit, room_at_ns: room_at.nanos() }
        }
        RiskRefusal::OpenOrders { open, limit } => RiskRefusalV1::OpenOrders { open: *open, limit: *limit },
        RiskRefusal::NoPrice { symbol } => RiskRefusalV1::NoPrice { symbol: symbol.to_string() },
        RiskRefusal::InsufficientCash { needs, free } => {
            RiskRefusalV1::InsufficientCash { needs: needs.value().into(), free: free.value().into() }
        }
    }
}

pub(super) fn order_refused_form(refused: &OrderRefused) -> OrderRefusedV1 {
    let OrderRefused { group, role, side, terms, quantity, slice, refusal, then } = refused;
    OrderRefusedV1 {
        group: group.0,
        role: word(*role),
        side: word(*side),
        terms: order_terms(*terms),
        quantity: quantity.value().into(),
        slice: *slice,
        refusal: risk_form(refusal),
        then: word(*then),
    }
}

impl Fields {
    pub(super) fn commanded(self, form: &OperatorCommandedV1) -> Result<OperatorCommanded, CodecError> {
        let command = match form.command {
            OperatorCommandV1::KillSwitch { on } => {
                OperatorCommand::KillSwitch(if on { Switch::On } else { Switch::Off })
            }
        };
        let reason = form.reason.as_deref().map(|text| self.text("reason", text, OperatorReason::new));
        Ok(OperatorCommanded { command, reason: reason.transpose()? })
    }

    pub(super) fn order_refused(self, form: &OrderRefusedV1) -> Result<OrderRefused, CodecError> {
        Ok(OrderRefused {
            group: GroupNo(form.group),
            role: self.word("role", form.role)?,
            side: self.word("side", form.side)?,
            terms: self.order_terms(&form.terms)?,
            quantity: self.quantity("quantity", form.quantity)?,
            slice: form.slice,
            refusal: self.risk_refusal(&form.refusal)?,
            then: self.word("then", form.then)?,
        })
    }

    pub(super) fn risk_refusal(self, form: &RiskRefusalV1) -> Result<RiskRefusal, CodecError> {
        Ok(match form {
            RiskRefusalV1::KillSwitch { since_ns } => {
                RiskRefusal::KillSwitch { since: Timestamp::from_nanos(*since_ns) }
            }
            RiskRefusalV1::OrderQuantity { quantity, limit } => RiskRefusal::OrderQuantity {
                quantity: self.quantity("quantity", *quantity)?,
                limit: self.quantity("limit", *limit)?,
            },
            RiskRefusalV1::OrderNotional { notional, price, limit } => RiskRefusal::OrderNotional {
                notional: self.money("notional", *notional)?,
                price: self.price("price", *price)?,
                limit: self.money("limit", *limit)?,
            },
            RiskRefusalV1::Position { position, limit } => RiskRefusal::Position {
                position: self.position("position", *position)?,
                limit: self.quantity("limit", *limit)?,
            },
            RiskRefusalV1::AccountPosition { position, limit } => RiskRefusal::AccountPosition {
                position: self.money("position", *position)?,
                limit: self.money("limit", *limit)?,
            },
            RiskRefusalV1::PriceCollar { price, current_price, limit } => RiskRefusal::PriceCollar {
                price: self.price("price", *price)?,
                current_price: self.price("current_price", *current_price)?,
                limit: self.number("limit", *limit)?,
            },
            RiskRefusalV1::OrdersPerMinute { limit, room_at_ns } => {
                RiskRefusal::OrdersPerMinute { limit: *limit, room_at: Timestamp::from_nanos(*room_at_ns) }
            }
            RiskRefusalV1::OpenOrders { open, limit } => RiskRefusal::OpenOrders { open: *open, limit: *limit },
            RiskRefusalV1::NoPrice { symbol } => RiskRefusal::NoPrice { symbol: self.symbol(symbol)? },
            RiskRefusalV1::InsufficientCash { needs, free } => {
                RiskRefusal::InsufficientCash { needs: self.money("needs", *needs)?, free: self.money("free", *free)? }
            }
        })
    }
}
