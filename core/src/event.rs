//! Facts, in the past tense: what came from outside (inputs) and what our own code concluded (decisions).
//!
//! An event never changes. A variant added here must be given a kind number and a stored form in [`crate::codec`], an
//! arm in the ledger's `apply`, and a line in the audit story; each of these matches is written out by hand.

use serde::{Serialize, Serializer};

use crate::amount::{Money, Position, Price, Quantity};
use crate::content::ContentRef;
use crate::directive::{Algorithm, EntryTerms, OnLimit, StrategyDirective};
use crate::ids::{ConnectorOrderId, DirectiveId, GroupNo, OrderNo, PlanId, PlanNo, Seq, SessionUid, TimerId, TradeId};
use crate::instrument::{Asset, Symbol};
use crate::order::{OrderRole, OrderTerms, Side, TimeInForce, spelled};
use crate::time::Timestamp;
use crate::venue::Liquidity;

/// One recorded fact with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the session.
    pub seq: Seq,
    /// When it happened, on the session's clock: the time of its Step's input.
    pub time: Timestamp,
    /// The plan it belongs to.
    pub plan: Option<PlanNo>,
    /// The order it belongs to.
    pub order: Option<OrderNo>,
    /// The earlier event that led to it.
    pub cause: Option<Seq>,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Something came from outside.
    Input(Input),
    /// Our own code concluded something.
    Decision(Decision),
    /// A kind that a newer version wrote: kept, counted, and left out of every fold.
    Unknown(UnknownFact),
}

/// An event of a kind that this build does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFact {
    /// Its kind number.
    pub kind: u16,
    /// Its schema version.
    pub version: u8,
    /// Its payload as stored.
    pub payload: Vec<u8>,
}

/// A fact from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Input {
    /// The session goes on from another one's final ledger: always its first event.
    SessionContinued(SessionContinued),
    /// A price was seen: recorded by value where there is no tape to refer to.
    PriceMoved(PriceMoved),
    /// The strategist gave a directive.
    DirectiveReceived(Box<StrategyDirective>),
    /// A timer that was set came due.
    TimerFired {
        /// Which.
        timer: TimerId,
    },
    /// The venue reported.
    Report(Report),
}

/// Where a continued session comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SessionContinued {
    /// The session it goes on from.
    pub parent: SessionUid,
    /// That session's head: all of its log.
    pub head: Head,
    /// The digest of that session's final ledger, with which this one starts.
    #[serde(serialize_with = "crate::content::hex")]
    pub ledger_digest: [u8; 32],
}

/// The hash that commits to a whole log (see [`crate::chain`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head(pub [u8; 32]);

impl Serialize for Head {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A symbol's prices at one point of the tape.
///
/// On the pessimistic path a rest shows long plans and short plans their own worst extreme at the same moment, so a
/// point has a price for each; at opens and closes, and on every other path, both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// What plans that are long see.
    pub long: Price,
    /// What plans that are short see.
    pub short: Price,
}

impl Mark {
    /// The same price for every plan.
    pub const fn same(price: Price) -> Self {
        Self { long: price, short: price }
    }

    /// What a plan of this direction sees.
    pub const fn for_plan(self, direction: Side) -> Price {
        match direction {
            Side::Buy => self.long,
            Side::Sell => self.short,
        }
    }
}

/// A price was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceMoved {
    /// Of what.
    pub symbol: Symbol,
    /// At which prices.
    pub mark: Mark,
}

/// What a venue said about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which order.
    pub order: ReportedOrder,
    /// What happened to it.
    pub what: ReportKind,
}

/// The order that a report names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedOrder {
    /// One that this session requested.
    Ours(OrderNo),
    /// One that it did not: recorded as foreign, never acted on.
    Foreign(ConnectorOrderId),
}

/// What happened to an order at the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// It works.
    Accepted {
        /// The venue's id for it.
        connector_order_id: ConnectorOrderId,
    },
    /// It was refused and never worked.
    Rejected {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// A part of it, or all, was traded.
    Filled(FillReport),
    /// It was changed as requested.
    Amended {
        /// Its whole quantity now, filled part included.
        quantity: Quantity,
        /// Its price or trigger now; `None` for an order that has none.
        price: Option<Price>,
    },
    /// A change was refused; the order works as before.
    AmendRejected {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// It was cancelled as requested.
    Canceled,
    /// A cancel was refused; the order works as before or had ended already.
    CancelRejected {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// It was ended by the venue's own rules.
    Expired {
        /// The venue's reason.
        reason: VenueReason,
    },
    /// Its level was touched; it trades as soon as there is something to trade with. Not said of one that fills at
    /// that moment.
    Triggered,
}

/// One trade against an order. Its identity is (venue, symbol, trade id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FillReport {
    /// The venue's id of the trade.
    pub trade_id: TradeId,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// The fee; below zero for a rebate.
    pub fee: Money,
    /// In which asset the fee was taken.
    pub fee_asset: Asset,
    /// Whether it took or made liquidity.
    pub liquidity: Liquidity,
    /// When the venue says it traded.
    pub executed_at: Timestamp,
}

spelled! {
    /// Why a venue refused or ended something.
    VenueReason {
        /// A stop or take profit whose level is already passed.
        WouldTriggerNow = "would_trigger_now",
        /// A post-only order that would have taken liquidity.
        WouldTake = "would_take",
        /// The notional is below the venue's minimum.
        BelowMinNotional = "below_min_notional",
        /// The price is not on the tick, or the quantity not on the lot.
        OffGrid = "off_grid",
        /// A reduce-only order with no position left to reduce.
        NothingToReduce = "nothing_to_reduce",
        /// An immediate order that found no price it could fill at.
        NotFilledAtOnce = "not_filled_at_once",
        /// The venue knows no working order of that id.
        UnknownOrder = "unknown_order",
        /// Any other reason, not told apart.
        Other = "other",
    }

    /// Why the worker did something, so that a story can say "because".
    Because {
        /// A directive asked for it.
        Directive = "directive",
        /// A slice was due.
        SliceDue = "slice_due",
        /// A fill changed what must be covered.
        Fill = "fill",
        /// The stop traded.
        StoppedOut = "stopped_out",
        /// The level was already passed when the stop was to be placed.
        StopAlreadyPassed = "stop_already_passed",
        /// The venue refused or ended the stop.
        StopLost = "stop_lost",
        /// An entry filled after the stop had traded.
        LateEntry = "late_entry",
        /// The plan is being closed.
        Closing = "closing",
        /// The take profit took all there was.
        TookProfit = "took_profit",
        /// Nothing is left to protect.
        Flat = "flat",
        /// A newer target or schedule replaced it.
        Superseded = "superseded",
        /// What a slice left unfilled goes into the next.
        CarriedOver = "carried_over",
        /// A try found no price inside the limit.
        LimitHeld = "limit_held",
        /// Too small for the venue's minimum notional.
        BelowMinNotional = "below_min_notional",
        /// Less than a lot.
        BelowLot = "below_lot",
        /// The venue refused the request.
        Rejected = "rejected",
        /// A slice's time passed and what it left is not made up for.
        Skipped = "skipped",
    }

    /// How a group ended.
    GroupEnd {
        /// All of its quantity traded.
        Filled = "FILLED",
        /// Taken back before all of it traded.
        Cancelled = "CANCELLED",
        /// The stop traded.
        StoppedOut = "STOPPED_OUT",
        /// A batch was rolled back.
        RolledBack = "ROLLED_BACK",
        /// It ended short and nothing will make up for it.
        Incomplete = "INCOMPLETE",
    }

    /// Why a plan was closed.
    Outcome {
        /// A directive closed it.
        Closed = "closed",
        /// Its stop traded.
        StoppedOut = "stopped out",
        /// Its take profit took all.
        TookProfit = "took profit",
        /// Its entry ended without a fill.
        Unfilled = "unfilled",
    }

    /// What a group does.
    GroupAction {
        /// Moves the plan away from zero.
        Enter = "ENTER",
        /// Moves the plan toward zero.
        Reduce = "REDUCE",
        /// Flattens the plan.
        Close = "CLOSE",
    }
}

/// Something that our own code concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Decision {
    /// A directive was not carried out, or not for this plan.
    DirectiveRefused {
        /// Which.
        directive: DirectiveId,
        /// The plan it named, where there is one.
        plan_id: Option<PlanId>,
        /// Which rule, with its numbers.
        refusal: Refusal,
    },
    /// The same directive was already received: nothing happens.
    DirectiveRepeated {
        /// Which.
        directive: DirectiveId,
        /// Where it was first received.
        first: Seq,
    },
    /// The target is already met, or what is missing cannot be traded: nothing is sent.
    NothingToDo {
        /// Which directive asked.
        directive: DirectiveId,
        /// For which plan.
        plan_id: PlanId,
        /// Why nothing is sent.
        reason: Idle,
        /// The standing target, signed.
        target: Position,
        /// What is traded, working and scheduled, signed.
        committed: Position,
    },
    /// A plan was taken on. It has no container before its first order.
    PlanAccepted {
        /// Its public id.
        plan_id: PlanId,
        /// What it trades.
        symbol: Symbol,
        /// Long or short.
        direction: Side,
        /// The directive that asked for it.
        directive: DirectiveId,
        /// The strategist's comment, out of line.
        comments: Option<ContentRef>,
    },
    /// A plan's standing target was set.
    TargetSet {
        /// By which directive.
        directive: DirectiveId,
        /// How large the position shall be, signed.
        target: Position,
        /// How orders toward it are placed.
        entry: EntryTerms,
        /// How the change is divided.
        algorithm: Algorithm,
    },
    /// A plan's exit levels were set; both as they stand from now on.
    ExitsSet {
        /// By which directive.
        directive: DirectiveId,
        /// The stop, on the tick.
        stop: Option<Price>,
        /// The take profit, on the tick.
        take_profit: Option<Price>,
        /// The price that a tolerance was read against, or the check was made against.
        current_price: Option<Price>,
    },
    /// The plan's container came into being, with its first order.
    PlanOpened,
    /// An execution group came into being.
    GroupOpened {
        /// Its number in the plan.
        group: GroupNo,
        /// The directive it carries out.
        directive: DirectiveId,
        /// What it does.
        action: GroupAction,
        /// How it divides its quantity.
        algorithm: Algorithm,
        /// How its orders are placed.
        entry: EntryTerms,
        /// How much it is to trade, in all.
        quantity: Quantity,
    },
    /// Slices that were never sent will not be.
    SlicesDropped {
        /// Whose.
        group: GroupNo,
        /// How much is taken off the group's quantity.
        quantity: Quantity,
        /// Why.
        because: Because,
    },
    /// An execution group ended.
    GroupEnded {
        /// Which.
        group: GroupNo,
        /// How.
        end: GroupEnd,
    },
    /// An order was requested. It leaves the process once this is durable.
    OrderRequested {
        /// Its group.
        group: GroupNo,
        /// What it is for.
        role: OrderRole,
        /// Buy or sell.
        side: Side,
        /// Its type and prices.
        terms: OrderTerms,
        /// How much.
        quantity: Quantity,
        /// How long it stands.
        time_in_force: TimeInForce,
        /// Whether it may only make liquidity.
        post_only: bool,
        /// Whether it may only reduce the position.
        reduce_only: bool,
        /// Which slice of its group, from 0; for other roles, which order of that role.
        slice: u32,
        /// Which try, from 0.
        attempt: u32,
        /// Why.
        because: Because,
    },
    /// A change of a working order was requested.
    AmendRequested {
        /// Its whole quantity, filled part included.
        quantity: Quantity,
        /// Its price or trigger; `None` for an order that has none.
        price: Option<Price>,
        /// Why.
        because: Because,
    },
    /// A cancel was requested.
    CancelRequested {
        /// Why.
        because: Because,
    },
    /// A timer was set.
    TimerSet {
        /// Its number.
        timer: TimerId,
        /// When it comes due.
        due: Timestamp,
        /// What for.
        purpose: TimerPurpose,
    },
    /// A timer was taken back before it came due.
    TimerDropped {
        /// Which.
        timer: TimerId,
    },
    /// A close began.
    CloseStarted {
        /// By which directive.
        directive: DirectiveId,
        /// The worst acceptable price; `None` for any.
        price_limit: Option<Price>,
        /// What to do when it holds.
        on_limit: OnLimit,
    },
    /// A close found no price inside its limit and will not try again; the rest is held, protected by its stop.
    CloseGaveUp {
        /// After how many tries.
        tries: u32,
        /// What is still held, signed.
        held: Position,
    },
    /// A stop could not be placed because its level was already passed, or the venue did not keep it.
    StopPassed {
        /// The level.
        level: Price,
        /// The current price.
        current_price: Price,
        /// What it would have covered.
        quantity: Quantity,
    },
    /// What is held and what the working stop covers differ, with no request under way.
    ProtectionGapChanged {
        /// How much is not covered now; zero when the gap closed.
        uncovered: Position,
        /// Why.
        because: Because,
    },
    /// A plan ended.
    PlanClosed {
        /// How.
        outcome: Outcome,
        /// What is left below a lot or the minimum notional, signed.
        dust: Position,
    },
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerPurpose {
    /// A slice of a group is due.
    Slice {
        /// Whose.
        group: GroupNo,
        /// Which, from 0.
        slice: u32,
    },
    /// The next try of a close.
    CloseRetry,
}

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
}

/// A rule that a directive broke, with its numbers. Only rules that depend on state or price: anything that a file
/// shows by itself is refused before a session begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
        }
    }
}
