//! How the risk gate's refusals and the operator's commands are told.

use retrace_core::event::{AfterRefusal, OperatorCommand, OperatorCommanded, OrderRefused, RiskRefusal, Switch};

use super::intents::percent;
use super::words::role_name;

pub(super) fn commanded_text(commanded: &OperatorCommanded) -> String {
    let OperatorCommanded { command: OperatorCommand::KillSwitch(switch), reason } = commanded;
    let why = reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    match switch {
        Switch::On => format!("KILL SWITCH on{why}: nothing enters or reduces; protection and closes go on"),
        Switch::Off => format!("kill switch off{why}: directives are carried out again, nothing is sent by itself"),
    }
}

/// `terms` are the order's own, as every order's are told.
pub(super) fn order_refused_text(refused: &OrderRefused, terms: &str) -> String {
    let OrderRefused { role, side, quantity, refusal, then, .. } = refused;
    let then = match then {
        AfterRefusal::WaitsForRoom => "it waits",
        AfterRefusal::NextSlice => "it goes into the next slice",
        AfterRefusal::GivenUp => "its group gives up",
    };
    format!("{} {side} {quantity} {terms} REFUSED: {}; {then}", role_name(*role), refusal_text(refusal))
}

/// Which limit, and what it would have come to.
pub(super) fn refusal_text(refusal: &RiskRefusal) -> String {
    match refusal {
        RiskRefusal::KillSwitch { since } => format!("the kill switch is on since {since}"),
        RiskRefusal::OrderQuantity { quantity, limit } => {
            format!("an order of {quantity} is larger than one may be, {limit}")
        }
        RiskRefusal::OrderNotional { notional, price, limit } => {
            format!("at {price} an order worth {notional} is above the largest there may be, {limit}")
        }
        RiskRefusal::Position { position, limit } => {
            format!("with it the account's position could come to {position}, and {limit} is the most it may be")
        }
        RiskRefusal::AccountPosition { position, limit } => {
            format!("with it all positions could be worth {position} together, and {limit} is the most they may be")
        }
        RiskRefusal::PriceCollar { price, current_price, limit } => {
            format!("{price} is more than {} from the current price {current_price}", percent(*limit))
        }
        RiskRefusal::OrdersPerMinute { limit, room_at } => {
            format!("orders requested within a minute: {limit}, the most there may be; there is room at {room_at}")
        }
        RiskRefusal::OpenOrders { open, limit } => {
            format!("orders at work: {open}, the most there may be are {limit}")
        }
        RiskRefusal::NoPrice { symbol } => {
            format!("no price of {symbol} was seen yet that a limit could be judged by")
        }
        RiskRefusal::InsufficientCash { needs, free } => {
            format!("it takes {needs} of the account's cash, and {free} is free")
        }
    }
}
