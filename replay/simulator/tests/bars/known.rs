//! What the reader of a log knows of plans, groups and orders.

use std::collections::BTreeMap;

use retrace_core::event::GroupAction;
use retrace_core::ids::{GroupNo, PlanNo};
use retrace_core::order::{OrderRole, OrderTerms, Side};
use rust_decimal::Decimal;

pub(crate) const ZERO: Decimal = Decimal::ZERO;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Standing,
    Closing { market: bool, gave_up: bool },
    StoppedOut,
    Closed,
}

pub(crate) struct Plan {
    /// 1 long, -1 short: sizes below are in the plan's own direction.
    pub(crate) sign: Decimal,
    pub(crate) target: Decimal,
    pub(crate) stop: Option<Decimal>,
    pub(crate) traded: Decimal,
    pub(crate) held: Decimal,
    pub(crate) gap: Decimal,
    pub(crate) phase: Phase,
    /// Nothing more is sent toward the target before a directive sets it again.
    pub(crate) given_up: bool,
    pub(crate) groups: BTreeMap<GroupNo, Group>,
    pub(crate) dust: bool,
}

pub(crate) struct Group {
    pub(crate) action: GroupAction,
    pub(crate) planned: Decimal,
    pub(crate) dropped: Decimal,
    pub(crate) filled: Decimal,
    pub(crate) ended: bool,
}

pub(crate) struct Order {
    pub(crate) plan: PlanNo,
    pub(crate) group: GroupNo,
    pub(crate) role: OrderRole,
    pub(crate) side: Side,
    pub(crate) terms: OrderTerms,
    pub(crate) quantity: Decimal,
    pub(crate) filled: Decimal,
    pub(crate) accepted: bool,
    pub(crate) ended: bool,
    pub(crate) in_flight: bool,
}

impl Order {
    pub(crate) fn left(&self) -> Decimal {
        if self.ended { ZERO } else { self.quantity - self.filled }
    }
}

pub(crate) fn sign(side: Side) -> Decimal {
    if side == Side::Buy { Decimal::ONE } else { Decimal::NEGATIVE_ONE }
}
