//! What our own code concluded, and why.

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

use super::refusal::{Idle, Refusal};
use super::report::FillReport;
use super::risk::OrderRefused;
use crate::amount::{Money, Position, Price, Quantity};
use crate::content::ContentRef;
use crate::directive::{Algorithm, CancelReach, EntryTerms, OnLimit, Twap};
use crate::ids::{BatchNo, ConnectorOrderId, DirectiveId, GroupNo, OrderNo, PlanId, PositionKey, Seq, TimerId};
use crate::instrument::Symbol;
use crate::order::{OrderRole, OrderTerms, Side, TimeInForce, spelled};
use crate::policy::BatchPolicy;
use crate::stop::Trail;
use crate::time::{Span, Timestamp};

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
        /// How long after its start a group toward it is given up.
        #[serde(skip_serializing_if = "Option::is_none")]
        end_after: Option<Span>,
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
    /// What kind of order the plan's stop is, from the next one that is placed.
    StopLimitSet {
        /// By which directive.
        directive: DirectiveId,
        /// How far beyond its level its limit stands, in quote, zero or more; `None` for a stop market.
        distance: Option<Decimal>,
    },
    /// The plan's stop is a trailing one, from the next one that is placed.
    StopTrailSet {
        /// By which directive.
        directive: DirectiveId,
        /// How far behind the price it follows.
        trail: Trail,
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
        /// How long after this it is given up.
        #[serde(skip_serializing_if = "Option::is_none")]
        end_after: Option<Span>,
        /// The current price, which its fills are measured against; `None` before the first.
        #[serde(skip_serializing_if = "Option::is_none")]
        arrival: Option<Price>,
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
        /// The current price, at which what it did not trade is valued; `None` before the first.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<Price>,
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
    /// The venue was asked where an order stands: a request for it has no answer, and the connection began anew.
    QueryRequested,
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
        /// Over which slices what is held is sold (or bought back); `None` for all of it at once.
        #[serde(skip_serializing_if = "Option::is_none")]
        twap: Option<Twap>,
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
    /// An order was inferred from a trade of a history: it was placed elsewhere, and all that is known of it is what
    /// it traded. Nothing leaves the process.
    OrderInferred {
        /// Its group.
        group: GroupNo,
        /// What it did for its plan.
        role: OrderRole,
        /// Bought or sold.
        side: Side,
        /// As much as is known to have traded.
        quantity: Quantity,
        /// The venue's id of it, where the history has it.
        connector_order_id: Option<ConnectorOrderId>,
    },
    /// A trade of a history, or the part of one that belongs to this plan, was booked as a fill.
    TradeBooked {
        /// Which of several positions in the symbol it belongs to.
        position: Option<PositionKey>,
        /// The fill.
        fill: FillReport,
        /// The order's whole quantity now: a history does not tell what was asked for, so an order is as large as its
        /// trades.
        quantity: Quantity,
    },
    /// A history has the trade before: nothing is booked.
    TradeRepeated {
        /// Where it was booked.
        first: Seq,
        /// Whether it says the same again; where not, the two contradict each other.
        same: bool,
    },
    /// The risk gate did not let an order through.
    OrderRefused(OrderRefused),
    /// A directive cancelled a group: nothing more is sent for it, and nothing is sent in its place before a directive
    /// sets a target again. What of it works is cancelled; what it traded stays.
    GroupCancelled {
        /// By which directive.
        directive: DirectiveId,
        /// Which.
        group: GroupNo,
    },
    /// A directive cancelled everything of a plan.
    AllCancelled {
        /// By which directive.
        directive: DirectiveId,
        /// How far that goes.
        reach: CancelReach,
    },
    /// A directive changed a group's open orders. The requests to the venue follow.
    OrdersModified {
        /// By which directive.
        directive: DirectiveId,
        /// Whose.
        group: GroupNo,
        /// The limit price of its orders from now on; `None` where that stays as it is.
        limit_price: Option<Price>,
        /// By how much the group is to trade more, or less where it is below zero.
        added: Position,
        /// The plan's standing target after that, signed.
        target: Position,
    },
    /// A directive paused a group: it sends nothing new.
    GroupPaused {
        /// By which directive.
        directive: DirectiveId,
        /// Which.
        group: GroupNo,
    },
    /// A directive resumed a group.
    GroupResumed {
        /// By which directive.
        directive: DirectiveId,
        /// Which.
        group: GroupNo,
    },
    /// Several trades of one directive began as one batch.
    BatchStarted {
        /// Its number.
        batch: BatchNo,
        /// The directive.
        directive: DirectiveId,
        /// How they hang together.
        policy: BatchPolicy,
        /// The plans, in the order of the directive.
        legs: Vec<PlanId>,
    },
    /// A leg's turn came: what it wants is carried out from here on.
    BatchLegStarted {
        /// Of which batch.
        batch: BatchNo,
        /// Which leg, from 0.
        leg: u32,
    },
    /// A leg of a batch ended, or what it had traded was taken back.
    BatchLegEnded {
        /// Of which batch.
        batch: BatchNo,
        /// Which leg, from 0.
        leg: u32,
        /// How.
        end: LegEnd,
    },
    /// A batch failed and is rolled back.
    BatchFailed {
        /// Which.
        batch: BatchNo,
        /// The leg that failed, from 0; `None` when the whole ran out of time.
        leg: Option<u32>,
    },
    /// A plan is brought back to where it stood before its batch.
    RollbackStarted {
        /// Which batch.
        batch: BatchNo,
        /// How large the position was to be, signed; zero for a plan that the batch opened.
        target: Position,
        /// The stop as it stood; as it stands for a plan that the batch opened.
        stop: Option<Price>,
        /// The take profit, likewise.
        take_profit: Option<Price>,
    },
    /// What a plan traded in its batch could not be taken back and is not tried again; it is held, protected by its stop.
    RollbackGaveUp {
        /// Which batch.
        batch: BatchNo,
        /// After how many tries.
        tries: u32,
        /// What is held, signed.
        held: Position,
    },
    /// A batch is over: its plans are independent from here on.
    BatchEnded {
        /// Which.
        batch: BatchNo,
        /// How.
        end: BatchEnd,
        /// What the trades of plans that stand where they stood before the batch came to, fees included, in quote:
        /// what taking them back cost.
        result: Money,
    },
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
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
    /// There is room for an order of a group that the risk gate refused.
    Room {
        /// Whose.
        group: GroupNo,
    },
    /// The time of a group is up.
    EndTime {
        /// Whose.
        group: GroupNo,
    },
    /// The time of a whole batch is over.
    BatchDeadline {
        /// Which.
        batch: BatchNo,
    },
    /// The time of one leg is over.
    LegDeadline {
        /// Of which batch.
        batch: BatchNo,
        /// Which leg, from 0.
        leg: u32,
    },
    /// The next try to bring a plan back to where it stood before its batch.
    RollbackRetry,
    /// A stop limit was set off: it is to fill until then.
    Patience {
        /// Which.
        order: OrderNo,
    },
}

impl TimerPurpose {
    /// The batch that a timer for this hangs on, not on one of its plans, which may end before it.
    pub const fn batch(self) -> Option<BatchNo> {
        if let Self::BatchDeadline { batch } | Self::LegDeadline { batch, .. } = self { Some(batch) } else { None }
    }
}

spelled! {
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
        /// A history tells of it; why it was done is not known.
        Imported = "imported",
        /// The risk gate did not let it through.
        RiskGate = "risk_gate",
        /// The operator's kill switch is on.
        KillSwitch = "kill_switch",
        /// A directive cancelled the group, or all of the plan.
        Cancelled = "cancelled",
        /// A directive changed the group's orders.
        Modified = "modified",
        /// A directive cancelled the protection.
        ProtectionCancelled = "protection_cancelled",
        /// The time that the group had is up.
        TimeUp = "time_up",
        /// The venue ended an order short, and it is not made up for.
        EndedShort = "ended_short",
        /// The part that was shown has filled.
        Refill = "refill",
        /// A batch failed: its trades are taken back.
        RolledBack = "rolled_back",
        /// Its batch ended before it had traded: nothing more is sent toward the target.
        BatchStopped = "batch_stopped",
        /// What is held makes room for an order that reduces.
        Reducing = "reducing",
        /// Stops are made into fewer or other ones, because the venue does not amend them or takes no more.
        Consolidating = "consolidating",
        /// Nothing can be asked of the venue before its connection is back.
        NoConnection = "no_connection",
        /// A stop limit was set off and did not fill in time.
        PatienceOver = "patience_over",
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
        /// Trades of a history brought it back to nothing.
        Flat = "flat",
        /// The batch that opened it failed, and what it had traded was taken back.
        RolledBack = "rolled back",
    }

    /// How a leg of a batch ended.
    LegEnd {
        /// Its target was reached.
        Complete = "complete",
        /// A rule refused it.
        Refused = "refused",
        /// The venue refused its orders.
        Rejected = "rejected",
        /// Its orders were cancelled, not by its batch.
        Cancelled = "cancelled",
        /// The venue ended its orders by its own rules.
        Expired = "expired",
        /// Its stop traded before its target was reached.
        StoppedOut = "stopped out",
        /// It ended short for another reason.
        Incomplete = "incomplete",
        /// Time ran out.
        TimedOut = "timed out",
        /// A directive closed its plan.
        Closed = "closed",
        /// The batch ended before its turn, or before anything was sent.
        NotBegun = "not begun",
        /// Its plan stands where it stood before.
        RolledBack = "rolled back",
        /// What it traded could not be taken back.
        RollbackIncomplete = "rollback_incomplete",
    }

    /// How a batch ended.
    BatchEnd {
        /// Every leg reached its target.
        Complete = "complete",
        /// Not every leg did; what traded is kept.
        Incomplete = "incomplete",
        /// A leg was refused before anything was sent.
        Refused = "refused",
        /// It failed, and its plans stand where they stood before, or have ended by themselves.
        RolledBack = "rolled back",
        /// It failed, and not all of it could be taken back.
        RollbackIncomplete = "rollback_incomplete",
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
