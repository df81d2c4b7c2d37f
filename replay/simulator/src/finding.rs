//! What an auditor finds: a bound that was broken, with its numbers. They are whole lots and ticks, and sizes of a plan
//! are in its own direction; what is said of them is in the story's units.

use retrace_core::ids::{BatchNo, DirectiveId, GroupNo, OrderNo, PlanId, PlanNo, TimerId};
use retrace_replay::EngineError;
use rust_decimal::Decimal;

/// So many lots, in base.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "a message's arguments are references")]
fn lots(lots: &i64) -> Decimal {
    Decimal::new(*lots, 1).normalize()
}

/// A level of so many ticks, in quote.
#[expect(clippy::ref_option, reason = "a message's arguments are references")]
fn stands(ticks: &Option<i64>) -> String {
    ticks.map_or_else(|| "none".to_owned(), |ticks| Decimal::new(ticks, 1).normalize().to_string())
}

/// A bound that was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The engine stopped.
    #[error("the engine stopped: {0}")]
    Stopped(#[from] EngineError),
    /// The engine asked for something that no venue takes.
    #[error("order {order}: {what}")]
    Unsound {
        /// The order.
        order: OrderNo,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A directive had an effect that it must not have, or lacks one that it must have.
    #[error("directive {directive}: {what}")]
    Directive {
        /// Which.
        directive: DirectiveId,
        /// What is wrong.
        what: &'static str,
    },
    /// A refusal that its own numbers do not bear out.
    #[error("directive {directive} was refused for {plan:?} as {code}, without ground")]
    Unjustified {
        /// Which.
        directive: DirectiveId,
        /// For which plan.
        plan: Option<PlanId>,
        /// The rule it names.
        code: &'static str,
    },
    /// An order goes beyond the target.
    #[error("plan {plan}: order {order} may bring it to {}, its target is {}", lots(.reach), lots(.target))]
    BeyondTarget {
        /// The plan.
        plan: PlanNo,
        /// The order.
        order: OrderNo,
        /// What is traded and what may still be entered.
        reach: i64,
        /// What it is to be.
        target: i64,
    },
    /// Something is entered that must not be.
    #[error("plan {plan}: order {order} enters {what}")]
    Entered {
        /// The plan.
        plan: PlanNo,
        /// The order.
        order: OrderNo,
        /// When it must not.
        what: &'static str,
    },
    /// A request breaks a limit of the session, or enters while the operator's switch is on.
    #[error("plan {plan}: an order beyond the limit {limit}")]
    BeyondLimit {
        /// The plan.
        plan: PlanNo,
        /// Which limit.
        limit: &'static str,
    },
    /// A request was held back although no limit asks for that.
    #[error("plan {plan}: an order is held back for {limit} without ground")]
    HeldBack {
        /// The plan.
        plan: PlanNo,
        /// The limit that is named.
        limit: &'static str,
    },
    /// More is to be sold, or bought back, than is held.
    #[error("plan {plan}: with order {order}, {} is on its way out of the {} it holds", lots(.leaving), lots(.held))]
    LeavesTwice {
        /// The plan.
        plan: PlanNo,
        /// The order.
        order: OrderNo,
        /// What is on its way out.
        leaving: i64,
        /// What is held.
        held: i64,
    },
    /// A stop gives up protection before it has grown.
    #[error("plan {plan}: stop {order} shrinks from {} to {} while {} is held", lots(.from), lots(.to), lots(.held))]
    StopShrinks {
        /// The plan.
        plan: PlanNo,
        /// The stop.
        order: OrderNo,
        /// What it covers.
        from: i64,
        /// What it is to cover.
        to: i64,
        /// What is held.
        held: i64,
    },
    /// Something is asked of an order that is ended, or of which something else is asked already.
    #[error("order {order}: {what}")]
    AskedTwice {
        /// The order.
        order: OrderNo,
        /// What is wrong.
        what: &'static str,
    },
    /// The stops cover another quantity than is held, or stand elsewhere.
    #[error(
        "plan {plan}: its stop covers {} at {}, it holds {}, its level is {}",
        lots(.covered), stands(.level), lots(.held), stands(.wanted)
    )]
    Protection {
        /// The plan.
        plan: PlanNo,
        /// What its stops cover.
        covered: i64,
        /// Where they stand, in ticks.
        level: Option<i64>,
        /// What is held.
        held: i64,
        /// Where they are to stand.
        wanted: Option<i64>,
    },
    /// A stop follows the price otherwise than it is to.
    #[error("plan {plan}: stop {order} {what}")]
    Trail {
        /// The plan.
        plan: PlanNo,
        /// The stop.
        order: OrderNo,
        /// What is wrong.
        what: &'static str,
    },
    /// A stop limit stands otherwise than it is to, or is given more time than it has.
    #[error("plan {plan}: stop {order} {what}")]
    StopLimit {
        /// The plan.
        plan: PlanNo,
        /// The stop.
        order: OrderNo,
        /// What is wrong.
        what: &'static str,
    },
    /// A batch did what it must not, or says of itself what is not so.
    #[error("batch {batch} {what}")]
    Batch {
        /// The batch.
        batch: BatchNo,
        /// What is wrong.
        what: &'static str,
    },
    /// What no stop covers is recorded as another quantity, or not at all.
    #[error("plan {plan}: {} is not covered by its stops, recorded is {}", lots(.uncovered), lots(.told))]
    GapUntold {
        /// The plan.
        plan: PlanNo,
        /// What is held beyond what its stops cover.
        uncovered: i64,
        /// What the log says of that.
        told: i64,
    },
    /// A protection gap has a cause that it cannot have.
    #[error("plan {plan}: a protection gap has the cause {because} without ground")]
    GapWithoutGround {
        /// The plan.
        plan: PlanNo,
        /// The cause that is recorded.
        because: &'static str,
    },
    /// A group does what a directive forbade, or does not what one ordered.
    #[error("plan {plan}, group {group}: {what}")]
    Group {
        /// The plan.
        plan: PlanNo,
        /// The group.
        group: GroupNo,
        /// What is wrong.
        what: &'static str,
    },
    /// The stop was called lost, or passed, without ground.
    #[error("plan {plan}: its stop is called passed, but it is not and nothing happened to it")]
    StopNotPassed {
        /// The plan.
        plan: PlanNo,
    },
    /// A group does not end when its time is up.
    #[error("plan {plan}: group {group} {what}")]
    GroupEnd {
        /// The plan.
        plan: PlanNo,
        /// The group.
        group: GroupNo,
        /// What is wrong.
        what: &'static str,
    },
    /// A close in slices sends more than has come due.
    #[error("plan {plan}: group {group} closes {} where {} has come due", lots(.sent), lots(.due))]
    Pace {
        /// The plan.
        plan: PlanNo,
        /// The group.
        group: GroupNo,
        /// How many lots it has sent, or divides.
        sent: i64,
        /// How many lots have come due, or are held.
        due: i64,
    },
    /// With nothing in flight, a plan does not come to its target.
    #[error(
        "plan {plan}: traded {}, entering {}, leaving {}, target {}, and nothing under way",
        lots(.traded), lots(.entering), lots(.leaving), lots(.target)
    )]
    OffTarget {
        /// The plan.
        plan: PlanNo,
        /// What is traded.
        traded: i64,
        /// What works to enter.
        entering: i64,
        /// What works to leave.
        leaving: i64,
        /// What it is to be.
        target: i64,
    },
    /// With nothing in flight, a plan that is to end does not.
    #[error("plan {plan}: to be flat, {} held, and nothing under way", lots(.held))]
    Stuck {
        /// The plan.
        plan: PlanNo,
        /// What is held.
        held: i64,
    },
    /// A plan was closed that was not to be, or not yet.
    #[error("plan {plan}: closed {what}, with {} held", lots(.held))]
    ClosedEarly {
        /// The plan.
        plan: PlanNo,
        /// Despite what.
        what: &'static str,
        /// What is held.
        held: i64,
    },
    /// The ledger's book of a plan is not the venue's, or not the auditor's.
    #[error("plan {plan}: {what}: the ledger has {ledger}, the auditor {auditor}")]
    Books {
        /// The plan.
        plan: PlanNo,
        /// What of it.
        what: &'static str,
        /// In the ledger.
        ledger: i64,
        /// In the auditor's book.
        auditor: i64,
    },
    /// The auditor and the venue differ: the world lost something.
    #[error("order {order}: the auditor was told otherwise than the venue has it")]
    World {
        /// The order.
        order: OrderNo,
    },
    /// All plans of a symbol together are not what the venue's account has.
    #[error("symbol {symbol}: the plans come to {}, the account has {}", lots(.plans), lots(.account))]
    Account {
        /// Which symbol.
        symbol: usize,
        /// All plans together.
        plans: i64,
        /// The venue's account.
        account: i64,
    },
    /// A timer is long overdue.
    #[error("plan {plan}: timer {timer} came due {} s after the beginning and never fired", .due / 1_000)]
    TimerLost {
        /// The plan.
        plan: PlanNo,
        /// Which.
        timer: TimerId,
        /// When it was due.
        due: i64,
    },
    /// After its close a plan is not closed.
    #[error("plan {plan}: still open after a close, with {} held", lots(.held))]
    NotClosed {
        /// The plan.
        plan: PlanNo,
        /// What is held.
        held: i64,
    },
    /// The venue has an order that works when all is over.
    #[error("order {order} still works at the venue when all is over")]
    LeftWorking {
        /// The order.
        order: OrderNo,
    },
    /// What was recorded is not decided again, or does not fold to the same ledger.
    #[error("{check}: {what}")]
    Replay {
        /// The check.
        check: &'static str,
        /// What it says.
        what: String,
    },
    /// The world does not come to rest.
    #[error("no end after {inputs} inputs")]
    NoEnd {
        /// How many inputs were taken.
        inputs: u64,
    },
}

impl Finding {
    /// Whether another finding breaks the same bound.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The bound's name, for counting.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Stopped(_) => "stopped",
            Self::Unsound { .. } => "unsound request",
            Self::Directive { .. } => "directive",
            Self::Unjustified { .. } => "refusal without ground",
            Self::BeyondTarget { .. } => "beyond the target",
            Self::Entered { .. } => "entered",
            Self::BeyondLimit { .. } => "beyond a limit",
            Self::HeldBack { .. } => "held back without ground",
            Self::LeavesTwice { .. } => "leaves twice",
            Self::StopShrinks { .. } => "stop shrinks",
            Self::AskedTwice { .. } => "asked twice",
            Self::Protection { .. } => "protection",
            Self::StopLimit { .. } => "stop limit",
            Self::Trail { .. } => "trailing stop",
            Self::Batch { .. } => "batch",
            Self::GapUntold { .. } => "gap not told",
            Self::GapWithoutGround { .. } => "gap without ground",
            Self::Group { .. } => "group",
            Self::StopNotPassed { .. } => "stop not passed",
            Self::GroupEnd { .. } => "end of a group",
            Self::Pace { .. } => "pace of a close",
            Self::OffTarget { .. } => "off target",
            Self::Stuck { .. } => "stuck",
            Self::ClosedEarly { .. } => "closed early",
            Self::Books { .. } => "books",
            Self::World { .. } => "world",
            Self::Account { .. } => "account",
            Self::TimerLost { .. } => "timer lost",
            Self::NotClosed { .. } => "not closed",
            Self::LeftWorking { .. } => "left working",
            Self::Replay { .. } => "replay",
            Self::NoEnd { .. } => "no end",
        }
    }
}
