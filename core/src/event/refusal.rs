//! Why a directive led to nothing, or was not carried out: each rule with its numbers.

mod group;

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

pub use group::GroupRefusal;

use super::risk::RiskRefusal;
use crate::amount::{Money, Position, Price, Quantity};
use crate::ids::{DirectiveId, Seq};
use crate::order::Side;
use crate::stop::StopKind;
use crate::time::Timestamp;

/// Why a directive led to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Idle {
    /// Traded and working come to the target already, nothing is under way.
    AlreadySatisfied,
    /// What is under way will reach the target.
    AlreadyWorking,
    /// What is missing is less than a lot.
    BelowLot {
        /// What is missing, signed.
        delta: Position,
        /// The lot.
        lot: Quantity,
    },
    /// What is missing is worth less than the minimum notional.
    BelowMinNotional {
        /// What is missing, signed.
        delta: Position,
        /// What it is worth.
        notional: Money,
        /// The minimum.
        minimum: Money,
    },
    /// The plan was closed before.
    AlreadyClosed,
    /// What was ordered of a group or plan is so already.
    AlreadySo,
    /// It is what the plan was told last, under another id: it is not done a second time, though the target is not met.
    AlreadyInstructed,
}

/// A rule that a directive broke, with its numbers. Only rules that depend on state or price: anything that a file
/// shows by itself is refused before a session begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The directive id was used before with another body.
    Conflict {
        /// The first field that differs.
        field: String,
        /// Where the id was first received.
        first: Seq,
    },
    /// A plan of that id exists, from another directive.
    PlanExists,
    /// No plan has that id.
    UnknownPlan,
    /// The plan is closed, closing or stopped out and takes no change.
    PlanEnded,
    /// The given direction is not the sign of the change.
    DirectionContradictsTarget {
        /// The direction as given.
        direction: Side,
        /// The change, signed.
        delta: Position,
    },
    /// A tolerance would move the stop away from the price.
    WouldLoosen {
        /// The stop as it stands.
        stop: Price,
        /// Where the tolerance would put it.
        proposed: Price,
    },
    /// A level on the wrong side of the price it was checked against.
    WrongSide {
        /// `stop_loss_price` or `take_profit_price`.
        field: String,
        /// The level.
        level: Price,
        /// The price.
        price: Price,
    },
    /// A level that rounds to nothing, or too large for its place.
    BadLevel {
        /// `stop_loss_price` or `take_profit_price`.
        field: String,
        /// The price it was read against.
        price: Price,
    },
    /// A tolerance before any price was seen.
    NoPriceYet,
    /// The venue cannot be short.
    ShortingUnsupported,
    /// More slices than lots.
    TooManySlices {
        /// As given.
        slices: u32,
        /// What is to be divided.
        quantity: Quantity,
        /// The lot.
        lot: Quantity,
    },
    /// A slice worth less than the minimum notional.
    SliceBelowMinNotional {
        /// The slice.
        slice: Quantity,
        /// The price it was valued at.
        price: Price,
        /// The minimum.
        minimum: Money,
    },
    /// An amount beyond what can be counted exactly.
    TooLarge,
    /// The plan is part of a batch that is not over: only a close reaches it.
    PlanInBatch {
        /// The directive whose batch it is.
        directive: DirectiveId,
    },
    /// The venue's profile has not what this needs.
    UnsupportedByProfile {
        /// The flag, or what else of it, that this would need.
        needs: String,
    },
    /// The stop that stands has its limit elsewhere, or none: that is not changed while it stands.
    StopStands {
        /// How far beyond its level its limit stands, in quote; `None` for a stop market.
        #[bincode(with_serde)]
        distance: Option<Decimal>,
        /// How far it was to stand.
        #[bincode(with_serde)]
        proposed: Decimal,
    },
    /// The stop that stands is of another kind than the proposed one, and one of them trails: that is not changed while
    /// it stands.
    #[serde(rename = "stop_stands")]
    OtherStopStands {
        /// What stands.
        stands: StopKind,
        /// What was to.
        proposed: StopKind,
    },
    /// The time until which its orders are to stand has come before they are sent.
    GoodTillPassed {
        /// That time.
        good_till: Timestamp,
    },
    /// An order that would carry it out, or a change of one, does not pass the risk gate.
    #[serde(untagged)]
    RiskGate(RiskRefusal),
    /// A rule that an action on a group broke.
    #[serde(untagged)]
    Group(GroupRefusal),
}

impl Refusal {
    /// The rule's name, as it is counted and shown.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::PlanExists => "plan_exists",
            Self::UnknownPlan => "unknown_plan",
            Self::PlanEnded => "plan_ended",
            Self::DirectionContradictsTarget { .. } => "direction_contradicts_target",
            Self::WouldLoosen { .. } => "would_loosen",
            Self::WrongSide { .. } => "wrong_side",
            Self::BadLevel { .. } => "bad_level",
            Self::NoPriceYet => "no_price_yet",
            Self::ShortingUnsupported => "shorting_unsupported",
            Self::TooManySlices { .. } => "too_many_slices",
            Self::SliceBelowMinNotional { .. } => "slice_below_min_notional",
            Self::TooLarge => "too_large",
            Self::RiskGate(refusal) => refusal.code(),
            Self::Group(refusal) => refusal.code(),
            Self::PlanInBatch { .. } => "plan_in_batch",
            Self::UnsupportedByProfile { .. } => "unsupported_by_profile",
            Self::StopStands { .. } | Self::OtherStopStands { .. } => "stop_stands",
            Self::GoodTillPassed { .. } => "good_till_passed",
        }
    }
}

impl Idle {
    /// The reason's name, as it is counted and shown.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadySatisfied => "already_satisfied",
            Self::AlreadyWorking => "already_working",
            Self::BelowLot { .. } => "below_lot",
            Self::BelowMinNotional { .. } => "below_min_notional",
            Self::AlreadyClosed => "already_closed",
            Self::AlreadySo => "already_so",
            Self::AlreadyInstructed => "already_instructed",
        }
    }
}
