//! The stored form of every event, version 1. Positional: never reorder, never add a field; write a v2 instead.
//!
//! Words with a fixed spelling (side, role, reason, ...) are stored as their place in the word's own list.

use bincode::{Decode, Encode};
use rust_decimal::Decimal;

use super::action::{GroupOrderV1, GroupRefV1, GroupRefusalV1};
use super::algorithm::ExecutionV2;
use super::batch::LegV1;
use super::policy::BatchPolicyV1;
use super::risk::RiskRefusalV1;
use super::stop::{StopKindV1, TrailV1};

/// A decimal: mantissa and scale, without trailing zeros.
#[derive(Encode, Decode, Clone, Copy)]
pub(super) struct Dec {
    mantissa: i128,
    scale: u8,
}

impl From<Decimal> for Dec {
    fn from(value: Decimal) -> Self {
        let value = value.normalize();
        Self { mantissa: value.mantissa(), scale: u8::try_from(value.scale()).unwrap_or(u8::MAX) }
    }
}

impl Dec {
    /// The number, unless it is out of range or not in normal form (two spellings of one number must not both exist).
    pub(super) fn value(self) -> Option<Decimal> {
        let value = Decimal::try_from_i128_with_scale(self.mantissa, u32::from(self.scale)).ok()?;
        let normal = Self::from(value);
        (normal.mantissa == self.mantissa && normal.scale == self.scale).then_some(value)
    }
}

#[derive(Encode, Decode)]
pub(super) struct SessionContinuedV1 {
    pub parent: [u8; 16],
    pub head: [u8; 32],
    pub ledger_digest: [u8; 32],
}

#[derive(Encode, Decode)]
pub(super) struct PriceMovedV1 {
    pub symbol: String,
    pub long: Dec,
    pub short: Dec,
}

/// The place of the word in its list; the last one has a time behind it.
#[derive(Encode, Decode)]
pub(super) enum TimeInForceV1 {
    Gtc,
    Ioc,
    Fok,
    Gtd { good_till_ns: i64 },
}

#[derive(Encode, Decode)]
pub(super) struct EntryTermsV1 {
    pub limit_price: Option<Dec>,
    pub time_in_force: TimeInForceV1,
    pub post_only: bool,
}

#[derive(Encode, Decode)]
pub(super) enum AlgorithmV1 {
    Single,
    Twap {
        duration_ns: u64,
        slices: u32,
        catch_up: bool,
    },
    /// What the two above cannot say. Never holds itself, so that reading it takes no more than one step down.
    Newer(ExecutionV2),
}

#[derive(Encode, Decode)]
pub(super) struct ExecutionHintV1 {
    pub algorithm: Option<AlgorithmV1>,
    pub urgency: Option<Dec>,
}

#[derive(Encode, Decode)]
pub(super) struct OnLimitV1 {
    pub retry_ns: u64,
    pub tries: u32,
    pub then: u8,
}

#[derive(Encode, Decode)]
pub(super) enum StopLevelV1 {
    At(Dec),
    Tolerance(Dec),
    Limited { price: Dec, limit: Dec },
    Trailing(TrailV1),
}

#[derive(Encode, Decode)]
pub(super) enum StopChangeV1 {
    To(StopLevelV1),
    Remove,
}

#[derive(Encode, Decode)]
pub(super) enum TakeProfitChangeV1 {
    To(Dec),
    Remove,
}

#[derive(Encode, Decode)]
pub(super) enum IntentV1 {
    NewTrade {
        plan_id: Option<String>,
        symbol: String,
        direction: u8,
        entry: EntryTermsV1,
        target: Dec,
        stop: Option<StopLevelV1>,
        take_profit: Option<Dec>,
        execution: ExecutionHintV1,
    },
    Modify {
        plans: Vec<String>,
        direction: Option<u8>,
        entry: Option<EntryTermsV1>,
        target: Option<Dec>,
        stop: Option<StopChangeV1>,
        take_profit: Option<TakeProfitChangeV1>,
        execution: ExecutionHintV1,
    },
    Close {
        plans: Vec<String>,
        urgency: Option<Dec>,
        max_total_slippage: Option<Dec>,
        on_limit: OnLimitV1,
    },
    Group {
        plans: Vec<String>,
        target: GroupRefV1,
        order: GroupOrderV1,
    },
    CancelAll {
        plans: Vec<String>,
        reach: u8,
    },
    Batch {
        policy: Option<BatchPolicyV1>,
        legs: Vec<LegV1>,
    },
}

#[derive(Encode, Decode)]
pub(super) struct DirectiveReceivedV1 {
    pub directive_id: String,
    pub comments: Option<[u8; 32]>,
    pub confidence: Option<Dec>,
    pub causality: Vec<String>,
    pub intent: IntentV1,
}

#[derive(Encode, Decode)]
pub(super) struct TimerFiredV1 {
    pub timer: u32,
}

/// `foreign` is set where the order is not ours; ours stands in the event's header.
#[derive(Encode, Decode)]
pub(super) struct ReportV1 {
    pub foreign: Option<String>,
    pub what: ReportKindV1,
}

#[derive(Encode, Decode)]
pub(super) enum ReportKindV1 {
    Accepted { connector_order_id: String },
    Rejected { reason: u8 },
    Filled(FillV1),
    Amended { quantity: Dec, price: Option<Dec> },
    AmendRejected { reason: u8 },
    Canceled,
    CancelRejected { reason: u8 },
    Expired { reason: u8 },
    Triggered,
}

#[derive(Encode, Decode)]
pub(super) struct FillV1 {
    pub trade_id: String,
    pub price: Dec,
    pub quantity: Dec,
    pub fee: Dec,
    pub fee_asset: String,
    pub liquidity: u8,
    pub executed_at_ns: i64,
}

#[derive(Encode, Decode)]
pub(super) enum RefusalV1 {
    Conflict { field: String, first: u64 },
    PlanExists,
    UnknownPlan,
    PlanEnded,
    DirectionContradictsTarget { direction: u8, delta: Dec },
    WouldLoosen { stop: Dec, proposed: Dec },
    WrongSide { field: String, level: Dec, price: Dec },
    BadLevel { field: String, price: Dec },
    NoPriceYet,
    ShortingUnsupported,
    TooManySlices { slices: u32, quantity: Dec, lot: Dec },
    SliceBelowMinNotional { slice: Dec, price: Dec, minimum: Dec },
    TooLarge,
    RiskGate(RiskRefusalV1),
    Group(GroupRefusalV1),
    PlanInBatch { directive: String },
    UnsupportedByProfile { needs: String },
    StopStands { distance: Option<Dec>, proposed: Dec },
    OtherStopStands { stands: StopKindV1, proposed: StopKindV1 },
    GoodTillPassed { good_till_ns: i64 },
}

#[derive(Encode, Decode)]
pub(super) struct DirectiveRefusedV1 {
    pub directive: String,
    pub plan_id: Option<String>,
    pub refusal: RefusalV1,
}

#[derive(Encode, Decode)]
pub(super) struct DirectiveRepeatedV1 {
    pub directive: String,
    pub first: u64,
}

#[derive(Encode, Decode)]
pub(super) enum IdleV1 {
    AlreadySatisfied,
    AlreadyWorking,
    BelowLot { delta: Dec, lot: Dec },
    BelowMinNotional { delta: Dec, notional: Dec, minimum: Dec },
    AlreadyClosed,
    AlreadySo,
    AlreadyInstructed,
}

#[derive(Encode, Decode)]
pub(super) struct NothingToDoV1 {
    pub directive: String,
    pub plan_id: String,
    pub reason: IdleV1,
    pub target: Dec,
    pub committed: Dec,
}

#[derive(Encode, Decode)]
pub(super) struct PlanAcceptedV1 {
    pub plan_id: String,
    pub symbol: String,
    pub direction: u8,
    pub directive: String,
    pub comments: Option<[u8; 32]>,
}

#[derive(Encode, Decode)]
pub(super) struct TargetSetV1 {
    pub directive: String,
    pub target: Dec,
    pub entry: EntryTermsV1,
    pub algorithm: AlgorithmV1,
}

#[derive(Encode, Decode)]
pub(super) struct ExitsSetV1 {
    pub directive: String,
    pub stop: Option<Dec>,
    pub take_profit: Option<Dec>,
    pub current_price: Option<Dec>,
}

#[derive(Encode, Decode)]
pub(super) struct StopLimitSetV1 {
    pub directive: String,
    pub distance: Option<Dec>,
}

#[derive(Encode, Decode)]
pub(super) struct PlanOpenedV1 {}

#[derive(Encode, Decode)]
pub(super) struct GroupOpenedV1 {
    pub group: u32,
    pub directive: String,
    pub action: u8,
    pub algorithm: AlgorithmV1,
    pub entry: EntryTermsV1,
    pub quantity: Dec,
}

#[derive(Encode, Decode)]
pub(super) struct SlicesDroppedV1 {
    pub group: u32,
    pub quantity: Dec,
    pub because: u8,
}

#[derive(Encode, Decode)]
pub(super) struct GroupEndedV1 {
    pub group: u32,
    pub end: u8,
}

#[derive(Encode, Decode)]
pub(super) struct OrderRequestedV1 {
    pub group: u32,
    pub role: u8,
    pub side: u8,
    pub terms: OrderTermsV1,
    pub quantity: Dec,
    pub time_in_force: TimeInForceV1,
    pub post_only: bool,
    pub reduce_only: bool,
    pub slice: u32,
    pub attempt: u32,
    pub because: u8,
}

#[derive(Encode, Decode)]
pub(super) enum OrderTermsV1 {
    Market,
    Limit { price: Dec },
    Stop { trigger: Dec },
    TakeProfit { trigger: Dec },
    Unknown,
    StopLimit { trigger: Dec, price: Dec },
    TrailingStop { trigger: Dec, trail: TrailV1 },
    Iceberg { price: Dec, visible: Dec },
}

#[derive(Encode, Decode)]
pub(super) struct AmendRequestedV1 {
    pub quantity: Dec,
    pub price: Option<Dec>,
    pub because: u8,
}

#[derive(Encode, Decode)]
pub(super) struct CancelRequestedV1 {
    pub because: u8,
}

#[derive(Encode, Decode)]
pub(super) struct TimerSetV1 {
    pub timer: u32,
    pub due_ns: i64,
    pub purpose: TimerPurposeV1,
}

#[derive(Encode, Decode)]
pub(super) enum TimerPurposeV1 {
    Slice { group: u32, slice: u32 },
    CloseRetry,
    Room { group: u32 },
    EndTime { group: u32 },
    BatchDeadline { batch: u32 },
    LegDeadline { batch: u32, leg: u32 },
    RollbackRetry,
    Patience { order: u32 },
}

#[derive(Encode, Decode)]
pub(super) struct TimerDroppedV1 {
    pub timer: u32,
}

#[derive(Encode, Decode)]
pub(super) struct CloseStartedV1 {
    pub directive: String,
    pub price_limit: Option<Dec>,
    pub on_limit: OnLimitV1,
}

#[derive(Encode, Decode)]
pub(super) struct CloseGaveUpV1 {
    pub tries: u32,
    pub held: Dec,
}

#[derive(Encode, Decode)]
pub(super) struct StopPassedV1 {
    pub level: Dec,
    pub current_price: Dec,
    pub quantity: Dec,
}

#[derive(Encode, Decode)]
pub(super) struct ProtectionGapChangedV1 {
    pub uncovered: Dec,
    pub because: u8,
}

#[derive(Encode, Decode)]
pub(super) struct PlanClosedV1 {
    pub outcome: u8,
    pub dust: Dec,
}

#[derive(Encode, Decode)]
pub(super) struct TradeImportedV1 {
    pub symbol: String,
    pub side: u8,
    pub position: Option<String>,
    pub venue_order: Option<String>,
    pub fill: FillV1,
    pub origin: u8,
    pub line: u64,
}

#[derive(Encode, Decode)]
pub(super) struct OrderInferredV1 {
    pub group: u32,
    pub role: u8,
    pub side: u8,
    pub quantity: Dec,
    pub connector_order_id: Option<String>,
}

#[derive(Encode, Decode)]
pub(super) struct TradeBookedV1 {
    pub position: Option<String>,
    pub fill: FillV1,
    pub quantity: Dec,
}

#[derive(Encode, Decode)]
pub(super) struct TradeRepeatedV1 {
    pub first: u64,
    pub same: bool,
}

#[derive(Encode, Decode)]
pub(super) struct InstrumentV1 {
    pub symbol: String,
    pub tick: Dec,
    pub lot: Dec,
    pub min_notional: Dec,
}

#[derive(Encode, Decode)]
#[expect(clippy::struct_excessive_bools, reason = "as the profile it stores")]
pub(super) struct ProfileV1 {
    pub name: String,
    pub shorting: bool,
    pub reduce_only: bool,
    pub amend_up: bool,
    pub amend_down: bool,
    pub native_oco: bool,
    pub native_trailing: bool,
    pub native_iceberg: bool,
    pub stop_locks_holding: bool,
    pub size_free_stop: bool,
    pub max_stops: Option<u16>,
}

#[derive(Encode, Decode)]
pub(super) struct VenueV1 {
    pub profile: ProfileV1,
    pub maker_fee: Dec,
    pub taker_fee: Dec,
    pub fee_asset: u8,
    pub path: u8,
    pub slippage_bps: Dec,
    pub latency_ns: u64,
    pub max_volume_share: Dec,
}

#[derive(Encode, Decode)]
pub(super) struct IdentityV1 {
    pub name: String,
    pub mode: u8,
    pub instance: String,
    pub strategy_digest: [u8; 32],
    pub tape_digest: [u8; 32],
    pub tape_rows: u64,
    pub instruments: Vec<InstrumentV1>,
    pub account_quote: String,
    pub account_balance: Dec,
    pub venue: VenueV1,
    pub seed: u64,
    pub decision_version: u32,
    pub nonce: Option<[u8; 16]>,
    pub continues: Option<SessionContinuedV1>,
}

#[derive(Encode, Decode)]
pub(super) struct WhatIfV1 {
    pub parent: String,
    pub uid: [u8; 16],
    pub head: [u8; 32],
    pub before: Vec<(String, Option<String>)>,
    pub changes: Vec<(String, Option<String>)>,
}

#[derive(Encode, Decode)]
pub(super) struct ProvenanceV1 {
    pub build: String,
    pub sources: Vec<String>,
    pub config: String,
    pub created_at_ns: Option<i64>,
}
