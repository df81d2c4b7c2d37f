//! What a strategist wants: the directive, as one type for every form it may be written in.

mod action;
mod batch;

use bincode::{Decode, Encode};
use rust_decimal::Decimal;
use serde::Serialize;

pub use crate::algorithm::{Algorithm, Iceberg, Layered, Twap};
pub use batch::{Batch, Leg, Legs, PlanTrade, Trade};

use crate::amount::{Price, Quantity};
use crate::content::ContentRef;
use crate::ids::{CausalityId, DirectiveId, PlanId};
use crate::instrument::Symbol;
use crate::order::{Side, TimeInForce, spelled};
use crate::stop::Trail;
use crate::time::Span;

pub use action::{CancelAll, CancelReach, GroupDirective, GroupOrder, GroupRef, OrderChange};

spelled! {
    /// What a directive applies to.
    Scope {
        /// Opens a plan.
        NewTrade = "NEW_TRADE",
        /// Changes plans that exist.
        ModifyExisting = "MODIFY_EXISTING",
        /// Closes plans that exist.
        CloseExisting = "CLOSE_EXISTING",
    }

    /// What to do when a close could not be filled inside its slippage limit.
    WhenLimitHolds {
        /// Keep the rest, protected by its stop.
        HoldProtected = "hold_protected",
        /// Take any price.
        Market = "market",
    }
}

/// The strategist's intent: knows plans, never orders. Its id is its idempotency key, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct StrategyDirective {
    /// The idempotency key.
    pub directive_id: DirectiveId,
    /// Free text, out of line.
    pub comments: Option<ContentRef>,
    /// How sure the strategist is, 0 to 1. Recorded, not acted on.
    #[bincode(with_serde)]
    pub confidence: Option<Decimal>,
    /// What made the strategist act. Recorded, not acted on.
    pub causality: Vec<CausalityId>,
    /// What is wanted.
    pub intent: Intent,
}

/// What is wanted, by scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Open a plan.
    NewTrade(NewTrade),
    /// Change plans by one uniform rule.
    Modify(ModifyPlans),
    /// Close plans, each by itself.
    Close(ClosePlans),
    /// Order something of groups that plans have: cancel, change, pause, resume.
    Group(GroupDirective),
    /// Cancel everything of plans.
    CancelAll(CancelAll),
    /// Several trades, coordinated.
    Batch(Batch),
}

/// A plan to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct NewTrade {
    /// The caller's own name for the plan; derived from the directive id where absent.
    pub plan_id: Option<PlanId>,
    /// What to trade.
    pub symbol: Symbol,
    /// Long or short.
    pub direction: Side,
    /// How entries are placed.
    pub entry: EntryTerms,
    /// How large the position shall be, in the plan's direction.
    pub target: Quantity,
    /// Where it is protected; a plan without a stop is allowed and shown as unprotected.
    pub stop: Option<StopLevel>,
    /// Where the gain is taken.
    pub take_profit: Option<Price>,
    /// How it is carried out.
    pub execution: ExecutionHint,
}

/// Changes to plans. What is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct ModifyPlans {
    /// Which plans; never empty.
    pub plans: Vec<PlanId>,
    /// The expected sign of the change, a check only.
    pub direction: Option<Side>,
    /// How orders toward the size are placed from now on; `None` where nothing is said of it.
    pub entry: Option<EntryTerms>,
    /// How large the position shall be, in each plan's direction; zero leaves the plan flat and active.
    #[bincode(with_serde)]
    pub target: Option<Decimal>,
    /// What happens to the stop.
    pub stop: Option<StopChange>,
    /// What happens to the take profit.
    pub take_profit: Option<TakeProfitChange>,
    /// How it is carried out.
    pub execution: ExecutionHint,
}

/// Plans to close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct ClosePlans {
    /// Which plans; never empty.
    pub plans: Vec<PlanId>,
    /// How it is carried out.
    pub execution: CloseHint,
}

/// How orders that follow from a target are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct EntryTerms {
    /// The limit price; `None` for market orders.
    pub limit_price: Option<Price>,
    /// How long each order stands.
    pub time_in_force: TimeInForce,
    /// Whether a limit order may only make liquidity.
    pub post_only: bool,
}

impl EntryTerms {
    /// Market orders.
    pub const MARKET: Self = Self { limit_price: None, time_in_force: TimeInForce::Gtc, post_only: false };
}

/// A protective level, absolute or relative to the current price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum StopLevel {
    /// At this price.
    At(Price),
    /// This fraction of the current price away from it, read once, at the decision. Only ever tightens.
    Tolerance(#[bincode(with_serde)] Decimal),
    /// At a price, as a stop limit.
    Limited {
        /// The level that sets it off.
        price: Price,
        /// The worst price at which it then trades: at the level, or beyond it.
        limit: Price,
    },
    /// This far behind the price, which the venue lets it follow.
    Trailing(Trail),
}

/// A change of the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum StopChange {
    /// Move it.
    To(StopLevel),
    /// Take it away: asked for explicitly.
    Remove,
}

/// A change of the take profit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum TakeProfitChange {
    /// Move it.
    To(Price),
    /// Take it away.
    Remove,
}

/// How a target is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct ExecutionHint {
    /// The algorithm; `None` lets the urgency decide.
    pub algorithm: Option<Algorithm>,
    /// 0 (patient) to 1 (at once).
    #[bincode(with_serde)]
    pub urgency: Option<Decimal>,
    /// How long after its start a group is given up: what works is cancelled, what is not sent is not sent any more.
    /// `None` for no such time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_after: Option<Span>,
}

impl ExecutionHint {
    /// A hint that says nothing.
    pub const NONE: Self = Self { algorithm: None, urgency: None, end_after: None };
}

/// How a close is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct CloseHint {
    /// 0 (patient) to 1 (at once).
    #[bincode(with_serde)]
    pub urgency: Option<Decimal>,
    /// The largest acceptable distance from the current price at the decision, as a fraction of it.
    #[bincode(with_serde)]
    pub max_total_slippage: Option<Decimal>,
    /// What to do when nothing fills inside that distance.
    pub on_limit: OnLimit,
}

/// What to do when a close finds no price inside its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct OnLimit {
    /// How long until the next try.
    pub retry: Span,
    /// How many tries in all.
    pub tries: u32,
    /// What then.
    pub then: WhenLimitHolds,
}

impl Default for OnLimit {
    fn default() -> Self {
        Self { retry: Span::from_seconds(60), tries: 3, then: WhenLimitHolds::HoldProtected }
    }
}

/// What makes two bodies of one directive id the same or not: a digest of all fields, and a short one of each.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BodyDigest {
    /// BLAKE3 over every field's name and value.
    pub whole: [u8; 32],
    /// The first four bytes of each present field's BLAKE3, to name the first that differs.
    fields: Vec<(String, [u8; 4])>,
}

impl BodyDigest {
    /// Whether both instruct the same: all fields but the comments, whose digests are salted per directive.
    pub fn instructs_as(&self, other: &Self) -> bool {
        let instruction =
            |digest: &Self| digest.fields.iter().filter(|(name, _)| *name != "comments").cloned().collect();
        let (mine, theirs): (Vec<_>, Vec<_>) = (instruction(self), instruction(other));
        mine == theirs
    }

    /// The first field, in the order of the directive's own fields, that differs from `other`.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let mut mine = self.fields.iter().peekable();
        let mut theirs = other.fields.iter().peekable();
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return None,
                (Some(a), Some(b)) if a == b => {}
                (Some(a), Some(b)) => {
                    let missing_here = self.fields.iter().all(|(name, _)| *name != b.0);
                    return Some(if missing_here { b.0.clone() } else { a.0.clone() });
                }
                (Some(only), None) | (None, Some(only)) => return Some(only.0.clone()),
            }
        }
    }
}

impl StrategyDirective {
    /// Its scope.
    pub const fn scope(&self) -> Scope {
        match &self.intent {
            Intent::NewTrade(_) => Scope::NewTrade,
            Intent::Modify(_) | Intent::Group(_) => Scope::ModifyExisting,
            Intent::Close(_) => Scope::CloseExisting,
            Intent::CancelAll(cancel) => cancel.scope(),
            Intent::Batch(batch) => batch.legs.scope(),
        }
    }

    /// Every field that makes the body what it is (all but the time it was given), by name, decimals normalised.
    pub fn body(&self) -> Vec<(&'static str, String)> {
        let mut fields = Fields(vec![("scope", self.scope().to_string())]);
        fields.maybe("comments", self.comments);
        fields.maybe("confidence", self.confidence.map(|c| c.normalize()));
        for id in &self.causality {
            fields.put("causality", id);
        }
        match &self.intent {
            Intent::Group(group) => group.body(&mut fields),
            Intent::CancelAll(cancel) => cancel.body(&mut fields),
            Intent::NewTrade(new) => fields.new_trade(new),
            Intent::Modify(modify) => fields.modify(modify),
            Intent::Close(close) => fields.close(close),
            Intent::Batch(batch) => fields.batch(batch),
        }
        fields.0
    }

    /// The digest by which a repeat of this directive is told from a conflict.
    pub fn body_digest(&self) -> BodyDigest {
        let mut whole = blake3::Hasher::new_derive_key("retrace 2026 directive body");
        let mut fields = Vec::new();
        for (name, value) in self.body() {
            let digest = blake3::hash(value.as_bytes());
            whole.update(name.as_bytes());
            whole.update(digest.as_bytes());
            let mut short = [0; 4];
            for (slot, byte) in short.iter_mut().zip(digest.as_bytes()) {
                *slot = *byte;
            }
            fields.push((name.to_owned(), short));
        }
        BodyDigest { whole: *whole.finalize().as_bytes(), fields }
    }
}

fn stop_text(level: StopLevel) -> String {
    match level {
        StopLevel::At(price) => format!("at {price}"),
        StopLevel::Tolerance(fraction) => format!("tolerance {}", fraction.normalize()),
        StopLevel::Limited { price, limit } => format!("at {price}, limit {limit}"),
        StopLevel::Trailing(trail) => format!("trailing by {trail}"),
    }
}

struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn put(&mut self, name: &'static str, value: &(impl ToString + ?Sized)) {
        self.0.push((name, value.to_string()));
    }

    fn maybe(&mut self, name: &'static str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(name, &value);
        }
    }

    fn new_trade(&mut self, new: &NewTrade) {
        self.maybe("plan_id", new.plan_id.as_ref());
        self.put("symbol", &new.symbol);
        self.put("direction", &new.direction);
        self.entry(new.entry);
        self.put("target_position_size", &new.target);
        self.maybe("stop", new.stop.map(stop_text));
        self.maybe("take_profit_price", new.take_profit);
        self.execution(new.execution);
    }

    fn modify(&mut self, modify: &ModifyPlans) {
        self.plans(&modify.plans);
        self.maybe("direction", modify.direction);
        if let Some(entry) = modify.entry {
            self.entry(entry);
        }
        self.maybe("target_position_size", modify.target.map(|t| t.normalize()));
        self.maybe(
            "stop",
            modify.stop.map(|change| match change {
                StopChange::To(level) => stop_text(level),
                StopChange::Remove => "removed".to_owned(),
            }),
        );
        self.maybe(
            "take_profit_price",
            modify.take_profit.map(|change| match change {
                TakeProfitChange::To(price) => price.to_string(),
                TakeProfitChange::Remove => "removed".to_owned(),
            }),
        );
        self.execution(modify.execution);
    }

    fn close(&mut self, close: &ClosePlans) {
        self.plans(&close.plans);
        self.maybe("execution_urgency", close.execution.urgency.map(|u| u.normalize()));
        self.maybe("max_total_slippage_pct", close.execution.max_total_slippage.map(|s| s.normalize()));
        let OnLimit { retry, tries, then } = close.execution.on_limit;
        self.put("on_limit", &format_args!("{tries} tries, {retry} apart, then {then}"));
    }

    /// Each leg begins with its place, so that a field never counts for another leg.
    fn batch(&mut self, batch: &Batch) {
        if let Some(policy) = batch.policy {
            self.put("execution_mode", &policy.execution_mode);
            self.maybe("timeout_seconds", policy.timeout);
            self.put("rollback_on_failure", &policy.rollback_on_failure);
        }
        match &batch.legs {
            Legs::NewTrade(legs) => self.legs(legs, Self::new_trade),
            Legs::Modify(legs) => self.legs(legs, Self::modify),
            Legs::Close(legs) => self.legs(legs, Self::close),
        }
    }

    fn legs<T>(&mut self, legs: &[Leg<T>], of: impl Fn(&mut Self, &T)) {
        for (place, leg) in (1_u32..).zip(legs) {
            self.put("legs", &place);
            self.maybe("timeout_seconds", leg.timeout);
            of(self, &leg.trade);
        }
    }

    fn plans(&mut self, plans: &[PlanId]) {
        for plan in plans {
            self.put("target_plan_ids", plan);
        }
    }

    fn entry(&mut self, entry: EntryTerms) {
        self.maybe("limit_price", entry.limit_price);
        self.put("time_in_force", &entry.time_in_force.kind());
        self.maybe("good_till", entry.time_in_force.good_till());
        self.put("post_only", &entry.post_only);
    }

    fn execution(&mut self, hint: ExecutionHint) {
        match hint.algorithm {
            None => {}
            Some(Algorithm::Single) => self.put("algorithm", "SINGLE"),
            Some(Algorithm::Twap(twap)) => {
                self.put("algorithm", "TWAP");
                self.put("duration", &twap.duration);
                self.put("slices", &twap.slices);
                self.put("catch_up", &twap.catch_up);
            }
            Some(Algorithm::Iceberg(iceberg)) => {
                self.put("algorithm", "ICEBERG");
                self.put("visible_quantity", &iceberg.visible);
            }
            Some(Algorithm::Layered(layered)) => {
                self.put("algorithm", "LAYERED");
                self.put("layers", &layered.layers);
                self.put("price_from", &layered.from);
                self.put("price_to", &layered.to);
            }
        }
        self.maybe("execution_urgency", hint.urgency.map(|u| u.normalize()));
        self.maybe("end_after", hint.end_after);
    }
}
