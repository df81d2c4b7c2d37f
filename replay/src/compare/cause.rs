//! What stands for a number in every session: the cause that it was given for (SEMANTICS 11), never the number.

use std::collections::BTreeMap;

use retrace_core::directive::{Batch, Intent, Leg, Legs, NewTrade, StrategyDirective};
use retrace_core::event::{Decision, Event, Fact, Input, Report, ReportKind, ReportedOrder};
use retrace_core::ids::{
    BatchNo, DirectiveId, GroupId, GroupNo, OrderNo, PlanId, PlanNo, SessionUid, TimerId, derive_group_id,
    derive_plan_id,
};
use retrace_projections::ledger::Book;
use serde::Serialize;

use super::canonical;

/// What a plan is told by in every session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanKey {
    /// The caller's own name for it.
    Named(PlanId),
    /// The directive that opened it without naming it, and the place of its leg, from 0.
    OpenedBy {
        /// Which.
        directive: DirectiveId,
        /// Which leg of it.
        leg: u32,
    },
}

impl std::fmt::Display for PlanKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(id) => id.fmt(f),
            Self::OpenedBy { directive, leg: 0 } => write!(f, "of {directive}"),
            Self::OpenedBy { directive, leg } => write!(f, "of {directive}, leg {}", leg.saturating_add(1)),
        }
    }
}

/// The start of a BLAKE3: of what a cause is made of.
pub(super) type Digest = [u8; 16];

/// The causes of everything that a session has numbered up to now. Small for every plan, group, order and open timer.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    session: SessionUid,
    derived: BTreeMap<String, PlanKey>,
    plans: BTreeMap<PlanNo, (PlanKey, Digest)>,
    numbers: BTreeMap<PlanKey, PlanNo>,
    groups: BTreeMap<(PlanNo, GroupNo), Digest>,
    group_ids: BTreeMap<GroupId, Digest>,
    opened: BTreeMap<(PlanNo, DirectiveId), u32>,
    orders: BTreeMap<OrderNo, Digest>,
    inferred: BTreeMap<(PlanNo, GroupNo), u32>,
    timers: BTreeMap<TimerId, Digest>,
    batches: BTreeMap<BatchNo, Digest>,
    /// Whether the venue's names of trades tell them apart in both sessions. Those of a simulated venue are counted.
    by_trade: bool,
    bytes: Vec<u8>,
}

impl Causes {
    /// Those of a session that begins with what `book` holds, which is nothing unless it continues another one.
    pub(super) fn new(session: SessionUid, book: &Book, by_trade: bool) -> Self {
        let mut causes = Self {
            session,
            derived: BTreeMap::new(),
            plans: BTreeMap::new(),
            numbers: BTreeMap::new(),
            groups: BTreeMap::new(),
            group_ids: BTreeMap::new(),
            opened: BTreeMap::new(),
            orders: BTreeMap::new(),
            inferred: BTreeMap::new(),
            timers: BTreeMap::new(),
            batches: BTreeMap::new(),
            by_trade,
            bytes: Vec::new(),
        };
        causes.begin(book);
        causes
    }

    fn begin(&mut self, book: &Book) {
        for plan in book.plans() {
            self.note_plan(plan.no, &plan.id, &plan.accepted_by);
            for group in &plan.groups {
                self.note_group(plan.no, group.no, &group.directive, group.id);
                for order in group.orders.in_order() {
                    self.note_order(plan.no, group.no, order.no, order.role.as_str(), order.slice, order.attempt);
                }
            }
            for (id, timer) in book.ledger().timers_of(plan.no) {
                let purpose = self.digest("timer", Some(plan.no), &timer.purpose);
                self.timers.insert(id, purpose);
            }
        }
        for batch in book.ledger().batches() {
            let digest = self.digest("batch", None, &batch.directive);
            self.batches.insert(batch.no, digest);
        }
    }

    pub(super) fn plan(&self, no: PlanNo) -> Option<Digest> {
        self.plans.get(&no).map(|(_, digest)| *digest)
    }

    pub(super) fn plan_key(&self, no: PlanNo) -> Option<&PlanKey> {
        self.plans.get(&no).map(|(key, _)| key)
    }

    pub(super) fn plan_number(&self, key: &PlanKey) -> Option<PlanNo> {
        self.numbers.get(key).copied()
    }

    pub(super) fn group(&self, plan: PlanNo, no: GroupNo) -> Option<Digest> {
        self.groups.get(&(plan, no)).copied()
    }

    pub(super) fn group_of_id(&self, id: GroupId) -> Option<Digest> {
        self.group_ids.get(&id).copied()
    }

    pub(super) fn order(&self, no: OrderNo) -> Option<Digest> {
        self.orders.get(&no).copied()
    }

    pub(super) fn timer(&self, id: TimerId) -> Option<Digest> {
        self.timers.get(&id).copied()
    }

    pub(super) fn batch(&self, no: BatchNo) -> Option<Digest> {
        self.batches.get(&no).copied()
    }

    /// What a derived plan id of this session stands for; `None` for a name.
    pub(super) fn derived(&self, id: &str) -> Option<Digest> {
        self.derived.get(id).map(plan_digest)
    }

    /// Learns what an event numbers, before it is written or its key is made.
    pub(super) fn learn(&mut self, event: &Event) {
        match &event.fact {
            Fact::Input(Input::DirectiveReceived(directive)) => self.learn_names(directive),
            Fact::Input(_) | Fact::Unknown(_) => {}
            Fact::Decision(decision) => self.learn_decision(event, decision),
        }
    }

    /// Forgets what is over with an event, after it was written.
    pub(super) fn forget(&mut self, event: &Event) {
        if let Fact::Input(Input::TimerFired { timer }) | Fact::Decision(Decision::TimerDropped { timer }) = &event.fact
        {
            self.timers.remove(timer);
        }
    }

    /// The plans that a directive opens without naming them.
    fn learn_names(&mut self, directive: &StrategyDirective) {
        let unnamed = |new: &NewTrade| new.plan_id.is_none();
        match &directive.intent {
            Intent::NewTrade(new) if unnamed(new) => self.note_derived(&directive.directive_id, 0),
            Intent::Batch(Batch { legs: Legs::NewTrade(legs), .. }) => {
                for (place, Leg { trade, .. }) in (0..).zip(legs) {
                    if unnamed(trade) {
                        self.note_derived(&directive.directive_id, place);
                    }
                }
            }
            Intent::NewTrade(_)
            | Intent::Batch(_)
            | Intent::Modify(_)
            | Intent::Close(_)
            | Intent::Group(_)
            | Intent::CancelAll(_) => {}
        }
    }

    fn note_derived(&mut self, directive: &DirectiveId, leg: u32) {
        let id = derive_plan_id(self.session, directive, leg);
        let key = PlanKey::OpenedBy { directive: directive.clone(), leg };
        self.derived.insert(id.as_str().to_owned(), key);
    }

    /// A long match would name every decision that numbers nothing.
    fn learn_decision(&mut self, event: &Event, decision: &Decision) {
        match (decision, event.plan, event.order) {
            (Decision::PlanAccepted { plan_id, directive, .. }, Some(no), _) => {
                self.note_plan(no, plan_id, directive);
            }
            (Decision::GroupOpened { group, directive, .. }, Some(plan), _) => {
                let Some((key, _)) = self.plans.get(&plan) else { return };
                let id = match key {
                    PlanKey::Named(id) => id.clone(),
                    PlanKey::OpenedBy { directive, leg } => derive_plan_id(self.session, directive, *leg),
                };
                self.note_group(plan, *group, directive, derive_group_id(self.session, directive, &id, *group));
            }
            (Decision::OrderRequested { group, role, slice, attempt, .. }, Some(plan), Some(order)) => {
                self.note_order(plan, *group, order, role.as_str(), *slice, *attempt);
            }
            (Decision::OrderInferred { group, role, .. }, Some(plan), Some(order)) => {
                let place = self.inferred.entry((plan, *group)).or_default();
                let slice = *place;
                *place = place.saturating_add(1);
                self.note_order(plan, *group, order, role.as_str(), slice, 0);
            }
            (Decision::TimerSet { timer, purpose, .. }, plan, _) => {
                let purpose = self.digest("timer", plan, purpose);
                self.timers.insert(*timer, purpose);
            }
            (Decision::BatchStarted { batch, directive, .. }, _, _) => {
                let digest = self.digest("batch", None, directive);
                self.batches.insert(*batch, digest);
            }
            _ => {}
        }
    }

    fn note_plan(&mut self, no: PlanNo, id: &PlanId, directive: &DirectiveId) {
        // A trade of a history opens a plan of no name, too.
        if !self.derived.contains_key(id.as_str()) && *id == derive_plan_id(self.session, directive, 0) {
            self.note_derived(directive, 0);
        }
        let key = self.derived.get(id.as_str()).cloned().unwrap_or_else(|| PlanKey::Named(id.clone()));
        self.numbers.insert(key.clone(), no);
        let digest = plan_digest(&key);
        self.plans.insert(no, (key, digest));
    }

    /// A group is told by its directive, and which of that directive's groups in the plan it is: one more group of
    /// another directive moves no name.
    fn note_group(&mut self, plan: PlanNo, no: GroupNo, directive: &DirectiveId, id: GroupId) {
        let place = self.opened.entry((plan, directive.clone())).or_default();
        let digest_of = (directive, *place);
        *place = place.saturating_add(1);
        let digest = self.digest("group", Some(plan), &digest_of);
        self.groups.insert((plan, no), digest);
        self.group_ids.insert(id, digest);
    }

    fn note_order(&mut self, plan: PlanNo, group: GroupNo, no: OrderNo, role: &str, slice: u32, attempt: u32) {
        let digest = self.digest("order", Some(plan), &(group, role, slice, attempt));
        self.orders.insert(no, digest);
    }

    /// The digest of something of a plan.
    fn digest(&mut self, kind: &str, plan: Option<PlanNo>, part: &impl Serialize) -> Digest {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes.extend_from_slice(kind.as_bytes());
        bytes.extend(plan.and_then(|no| self.plan(no)).iter().flatten());
        canonical::write_part(&mut bytes, part, plan, self);
        let digest = short(&bytes);
        self.bytes = bytes;
        digest
    }

    /// What a Step is told by: the cause of its input, whatever stands in it and whenever it came.
    pub(super) fn of_step(&mut self, event: &Event) -> Digest {
        match &event.fact {
            Fact::Input(input) => self.of_input(event, input),
            Fact::Decision(_) => self.digest("decision", None, &()),
            Fact::Unknown(unknown) => self.digest("unknown", None, &unknown.kind),
        }
    }

    fn of_input(&mut self, event: &Event, input: &Input) -> Digest {
        match input {
            Input::SessionContinued(_) => self.digest("continued", None, &()),
            // What is seen at another time is another price point.
            Input::PriceMoved(moved) => self.digest("price", None, &(event.time, &moved.symbol)),
            Input::DirectiveReceived(directive) => self.digest("directive", None, &directive.directive_id),
            Input::TimerFired { timer } => self.digest("fired", None, timer),
            Input::Report(report) => self.of_report(report),
            Input::TradeImported(trade) => self.digest("trade", None, &trade.cause()),
            Input::ConnectionChanged { connected } => self.digest("connection", None, connected),
            Input::OperatorCommanded(commanded) => self.digest("operator", None, &commanded.command),
        }
    }

    fn of_report(&mut self, Report { order, what, .. }: &Report) -> Digest {
        let (word, trade) = match what {
            ReportKind::Accepted { .. } => ("accepted", None),
            ReportKind::Rejected { .. } => ("rejected", None),
            ReportKind::Filled(fill) => ("filled", Some(&fill.trade_id)),
            ReportKind::Amended { .. } => ("amended", None),
            ReportKind::AmendRejected { .. } => ("amend_rejected", None),
            ReportKind::Canceled => ("canceled", None),
            ReportKind::CancelRejected { .. } => ("cancel_rejected", None),
            ReportKind::Expired { .. } => ("expired", None),
            ReportKind::Triggered => ("triggered", None),
            ReportKind::Busted { trade_id } => ("busted", Some(trade_id)),
            ReportKind::Corrected { fill, .. } => ("corrected", Some(&fill.trade_id)),
            ReportKind::Stands { .. } => ("stands", None),
            ReportKind::NotFound => ("not_found", None),
        };
        // As texts: what the venue calls something is left out wherever it stands as itself.
        let trade = trade.filter(|_| self.by_trade).map(|trade| trade.as_str().to_owned());
        match order {
            ReportedOrder::Ours(no) => self.digest("report", None, &(no, word, trade)),
            ReportedOrder::Foreign(id) => self.digest("foreign", None, &(id.as_str().to_owned(), word, trade)),
        }
    }
}

fn plan_digest(key: &PlanKey) -> Digest {
    let mut bytes = Vec::new();
    match key {
        PlanKey::Named(id) => {
            bytes.push(0);
            bytes.extend_from_slice(id.as_str().as_bytes());
        }
        PlanKey::OpenedBy { directive, leg } => {
            bytes.push(1);
            bytes.extend_from_slice(&leg.to_le_bytes());
            bytes.extend_from_slice(directive.as_str().as_bytes());
        }
    }
    short(&bytes)
}

/// The start of the BLAKE3 of some bytes.
pub(super) fn short(bytes: &[u8]) -> Digest {
    let mut short = [0; 16];
    for (slot, byte) in short.iter_mut().zip(blake3::hash(bytes).as_bytes()) {
        *slot = *byte;
    }
    short
}
