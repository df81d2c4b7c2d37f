//! The `StrategyLedger`: plans, groups, orders and fills, folded from the log. There is one [`Ledger::apply`].
//!
//! Plans that have ended are *sealed*: they leave the hot maps, their digest stays in a sum, and whoever drives the
//! fold keeps them ([`Ledger::take_sealed`]) and brings one back before an event names it again ([`Ledger::needs`],
//! [`Ledger::restore`]). [`Book`] does that in memory.

mod accounting;
mod actions;
mod apply;
mod batches;
mod book;
mod cash;
mod connection;
mod continued;
mod distance;
mod gaps;
mod gate;
mod group;
mod imports;
mod order;
mod orders;
mod plan;
mod quality;
mod reports;
mod saved;
mod size_free;
mod status;
mod told;
mod trades;

use bincode::{Decode, Encode};
use std::collections::BTreeMap;

use retrace_core::chain::genesis;
use retrace_core::directive::BodyDigest;
use retrace_core::event::{Event, FillReport, Refusal, SessionContinued, TimerPurpose};
use retrace_core::exact::Inexact;
use retrace_core::ids::{DirectiveId, OrderNo, PlanId, PlanNo, Seq, SessionUid, TimerId};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::manifest::{Identity, Mode};
use retrace_core::store::Checkpoint;
use retrace_core::time::Timestamp;
use retrace_core::venue::VenueProfile;

pub use accounting::{Accounting, Totals, Trade};
pub use actions::{Course, Ordered};
pub use batches::{Batch, Before, Leg, Rollback, Stage, Traded};
pub use book::Book;
pub use cash::Cash;
pub use distance::Distance;
pub use gaps::{Gap, Uncovered};
pub use gate::{HeldBack, KillSwitch};
pub use group::{Group, slice_size};
pub use imports::SeenTrade;
pub use order::{Change, Fill, Order};
pub use orders::Orders;
pub use plan::{Bounds, Closing, Exits, Phase, Plan, StandingTarget, is_protection};
pub use quality::{Quality, slippage};
pub use saved::{NoState, saved_by};

use crate::digest::SetDigest;
use crate::view;

/// The name under which the ledger's digests are kept beside the chain.
pub const PROJECTION: &str = "strategy_ledger";

/// The version of this fold. Raised whenever it gives another ledger, or another digest, for the same log.
pub const PROJECTION_VERSION: u32 = 4;

/// All that follows from a log up to one event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ledger {
    session: SessionUid,
    mode: Mode,
    instance: String,
    instruments: Vec<Instrument>,
    /// What the venue can do: which stops it takes without a size.
    profile: VenueProfile,
    /// What the first event must say of the session that this one continues; `None` once it has, or where it continues
    /// none.
    begins: Option<SessionContinued>,
    seq: Seq,
    directives: BTreeMap<DirectiveId, SeenDirective>,
    plan_numbers: BTreeMap<PlanId, PlanNo>,
    /// The directive that each plan was taken on for, sealed or not: what a repeat of it is told by.
    openers: BTreeMap<PlanNo, DirectiveId>,
    plans: BTreeMap<PlanNo, Plan>,
    /// Whose each order is, also those of sealed plans: a venue may report on one long after.
    orders: BTreeMap<OrderNo, PlanNo>,
    timers: BTreeMap<(Timestamp, TimerId), Timer>,
    timer_dues: BTreeMap<TimerId, Timestamp>,
    sealed: BTreeMap<PlanNo, [u8; 32]>,
    sealed_sum: SetDigest,
    newly_sealed: Vec<Plan>,
    directive_sum: SetDigest,
    imports: imports::Imports,
    gate: gate::Gate,
    trades: trades::Trades,
    batches: batches::Batches,
    next_order: OrderNo,
    next_timer: TimerId,
    counts: Counts,
    refusals: Vec<Refused>,
    conflicts: Vec<Conflict>,
    /// Whether the venue can be asked for something.
    connected: bool,
}

/// A directive that was received, for as long as the log lives.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SeenDirective {
    /// Where it was received first.
    pub first: Seq,
    /// What it said.
    pub body: BodyDigest,
}

/// A timer that was set and has not fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Timer {
    /// Whose; `None` for one that hangs on a batch.
    pub plan: Option<PlanNo>,
    /// What for.
    pub purpose: TimerPurpose,
    /// Where it was set.
    pub set: Seq,
}

/// A directive that was refused, for one plan or as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refused {
    /// Where.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Which.
    pub directive: DirectiveId,
    /// For which plan.
    pub plan_id: Option<PlanId>,
    /// By which rule.
    pub refusal: Refusal,
}

/// A trade that was told with two bodies: the first one stays.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Conflict {
    /// Where the other body was told.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// The plan.
    pub plan: PlanNo,
    /// The order that it was told of.
    pub order: OrderNo,
    /// What differs from how it is booked.
    pub differs: Differs,
    /// The fill as it was told now.
    pub told: FillReport,
}

/// What of a trade was told in two ways.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Differs {
    /// Its body: this is the fill as it is booked.
    Body(Box<Fill>),
    /// Its order: it is booked for this one.
    Order(OrderNo),
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counts {
    /// Events of kinds that this build does not know.
    pub unknown: u64,
    /// Reports on orders that are not ours.
    pub foreign: u64,
    /// Fills that were reported before and are booked once.
    pub repeated_fills: u64,
    /// Fills of a known trade id with another body: not booked.
    pub conflicting_fills: u64,
}

/// The log holds a fact that our own code could not have recorded: reading stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenHistory {
    /// The seqs leave a gap or go back.
    #[error("event {found} follows event {last}")]
    Gap {
        /// The last event folded.
        last: Seq,
        /// The event given.
        found: Seq,
    },
    /// An event lacks the plan or order it must belong to.
    #[error("event {seq} names no {what}")]
    Nameless {
        /// The event.
        seq: Seq,
        /// `plan`, `order` or `directive`.
        what: &'static str,
    },
    /// An event names something that does not exist.
    #[error("event {seq} names {what} {number}, which does not exist")]
    Unknown {
        /// The event.
        seq: Seq,
        /// `plan`, `group`, `order`, `timer`, `instrument`, `batch`, `leg`.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// An event brings something into being that exists, or is not the next number.
    #[error("event {seq} makes {what} {number}, which is not the next one")]
    NotNext {
        /// The event.
        seq: Seq,
        /// `plan`, `group`, `order`, `timer`, `batch`.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// An event names a plan that is sealed and was not restored first.
    #[error("event {seq} belongs to plan {plan}, which ended before and was not brought back")]
    Sealed {
        /// The event.
        seq: Seq,
        /// The plan.
        plan: PlanNo,
    },
    /// A session that continues another was not given that one's final ledger.
    #[error("event {seq} continues a session whose final ledger is not the one given")]
    OtherParent {
        /// The event.
        seq: Seq,
    },
    /// A session that continues another begins with something else.
    #[error("event {seq} comes first, but the session continues another and must say so first")]
    NotContinued {
        /// The event.
        seq: Seq,
    },
    /// An amount does not fit.
    #[error("event {seq}: {source}")]
    Amount {
        /// The event.
        seq: Seq,
        /// Which.
        source: Inexact,
    },
}

impl Ledger {
    /// The empty ledger of a session.
    pub fn new(identity: &Identity) -> Self {
        Self {
            session: genesis(identity).0,
            mode: identity.mode,
            instance: identity.instance.to_string(),
            instruments: identity.instruments.clone(),
            profile: identity.venue.profile.clone(),
            begins: None,
            seq: Seq(0),
            directives: BTreeMap::new(),
            plan_numbers: BTreeMap::new(),
            openers: BTreeMap::new(),
            plans: BTreeMap::new(),
            orders: BTreeMap::new(),
            timers: BTreeMap::new(),
            timer_dues: BTreeMap::new(),
            sealed: BTreeMap::new(),
            sealed_sum: SetDigest::default(),
            newly_sealed: Vec::new(),
            directive_sum: SetDigest::default(),
            imports: imports::Imports::default(),
            gate: gate::Gate::new(identity),
            trades: trades::Trades::default(),
            batches: batches::Batches::default(),
            next_order: OrderNo(1),
            next_timer: TimerId(1),
            counts: Counts::default(),
            refusals: Vec::new(),
            conflicts: Vec::new(),
            connected: true,
        }
    }

    /// The session it belongs to.
    pub const fn session(&self) -> SessionUid {
        self.session
    }

    /// How that session meets the world.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whose plans it holds.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The last event it holds.
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// The rules of `symbol`.
    pub fn instrument(&self, symbol: &Symbol) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| instrument.symbol == *symbol)
    }

    /// A directive that was received before.
    pub fn directive(&self, id: &DirectiveId) -> Option<&SeenDirective> {
        self.directives.get(id)
    }

    /// The number of the plan of that name, sealed or not.
    pub fn plan_number(&self, id: &PlanId) -> Option<PlanNo> {
        self.plan_numbers.get(id).copied()
    }

    /// The directive that a plan was taken on for, sealed or not.
    pub fn opener(&self, no: PlanNo) -> Option<&SeenDirective> {
        self.openers.get(&no).and_then(|id| self.directives.get(id))
    }

    /// A plan that is not sealed.
    pub fn plan(&self, no: PlanNo) -> Option<&Plan> {
        self.plans.get(&no)
    }

    /// Every plan that is not sealed, in order of number.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.plans.values()
    }

    /// Whether a plan ended and left the hot maps.
    pub fn is_sealed(&self, no: PlanNo) -> bool {
        self.sealed.contains_key(&no)
    }

    /// The plan that an order belongs to, sealed or not.
    pub fn plan_of(&self, order: OrderNo) -> Option<PlanNo> {
        self.orders.get(&order).copied()
    }

    /// The number that the next plan gets.
    pub fn next_plan(&self) -> PlanNo {
        PlanNo(u32::try_from(self.plan_numbers.len()).unwrap_or(u32::MAX)).next()
    }

    /// The number that the next order gets.
    pub const fn next_order(&self) -> OrderNo {
        self.next_order
    }

    /// The number that the next timer gets.
    pub const fn next_timer(&self) -> TimerId {
        self.next_timer
    }

    /// The timer that comes due first, by due time, then number.
    pub fn first_timer(&self) -> Option<(Timestamp, TimerId)> {
        self.timers.first_key_value().map(|(key, _)| *key)
    }

    /// A timer that was set and has not fired.
    pub fn timer(&self, id: TimerId) -> Option<&Timer> {
        self.timer_dues.get(&id).and_then(|due| self.timers.get(&(*due, id)))
    }

    /// The timers of a plan, by due time, then number.
    pub fn timers_of(&self, plan: PlanNo) -> impl Iterator<Item = (TimerId, &Timer)> {
        self.timers.iter().filter(move |(_, timer)| timer.plan == Some(plan)).map(|((_, id), timer)| (*id, timer))
    }

    /// What was counted on the way.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Every refusal, in order.
    pub fn refusals(&self) -> &[Refused] {
        &self.refusals
    }

    /// The sealed plan that `event` belongs to and that must be restored before it is applied.
    pub fn needs(&self, event: &Event) -> Option<PlanNo> {
        event.plan.filter(|plan| self.sealed.contains_key(plan))
    }

    /// The plans that were sealed since the last call, in order of sealing.
    pub fn take_sealed(&mut self) -> Vec<Plan> {
        std::mem::take(&mut self.newly_sealed)
    }

    /// Brings a sealed plan back into the hot maps. One that is not what was sealed, another session's or a changed one,
    /// is not taken: the event that needs it is then refused ([`BrokenHistory::Sealed`]).
    pub fn restore(&mut self, plan: Plan) {
        let digest = view::plan_digest(self, &plan);
        if self.sealed.get(&plan.no) == Some(&digest) {
            self.sealed.remove(&plan.no);
            self.sealed_sum.remove(&digest);
            // It takes away what sealing added, so it fits.
            let _ = self.gate.restored(&plan);
            self.plans.insert(plan.no, plan);
        }
    }

    fn seal(&mut self, no: PlanNo) -> Result<(), Inexact> {
        let Some(plan) = self.plans.remove(&no) else { return Ok(()) };
        self.gate.sealed(&plan)?;
        let digest = view::plan_digest(self, &plan);
        self.sealed_sum.add(&digest);
        self.sealed.insert(no, digest);
        self.newly_sealed.push(plan);
        Ok(())
    }

    /// What is noted beside the chain of the ledger as it stands; `finished` where the session has come to its end.
    pub fn checkpoint(&self, finished: bool) -> Checkpoint {
        let digest = self.digest();
        Checkpoint { seq: self.seq, projection: PROJECTION.to_owned(), version: PROJECTION_VERSION, digest, finished }
    }

    /// The digest of the whole ledger in canonical form: public ids, no marks, the same whatever the order in which
    /// plans were sealed. Costs as much as there are open plans.
    pub fn digest(&self) -> [u8; 32] {
        let mut plans = self.sealed_sum;
        for plan in self.plans.values() {
            plans.add(&view::plan_digest(self, plan));
        }
        let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 strategy ledger 1");
        hasher.update(&plans.bytes());
        hasher.update(&self.directive_sum.bytes());
        for count in [self.plan_numbers.len(), self.directives.len(), self.refusals.len(), self.timers.len()] {
            hasher.update(&(count as u64).to_le_bytes());
        }
        self.imports.digest(&mut hasher, |no| self.plans.get(&no).map(|plan| plan.id.clone()));
        self.gate.digest(&mut hasher);
        for batch in self.batches() {
            hasher.update(&view::batch_digest(batch));
        }
        *hasher.finalize().as_bytes()
    }
}
