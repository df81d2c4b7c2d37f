//! What the risk gate judges by besides plans and orders: the operator's switch, the orders of the last minute, and
//! what plans that have ended left behind, dust and cash.

use bincode::{Decode, Encode};
use std::collections::{BTreeMap, VecDeque};

use retrace_core::amount::Position;
use retrace_core::event::{
    AfterRefusal, Event, OperatorCommand, OperatorCommanded, OrderRefused, Refusal, RiskRefusal, Switch, TimerPurpose,
};
use retrace_core::exact::Inexact;
use retrace_core::ids::{DirectiveId, OperatorReason, PlanId, Seq};
use retrace_core::instrument::Symbol;
use retrace_core::manifest::Identity;
use retrace_core::time::{Span, Timestamp};

use super::cash::Cash;
use super::continued::CARRIED;
use super::{BrokenHistory, Group, Ledger, Plan, Refused};

/// Over how long orders are counted.
const MINUTE: Span = Span::from_seconds(60);

/// The operator's kill switch while it is on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KillSwitch {
    /// Where it was turned on.
    pub seq: Seq,
    /// Since when.
    pub since: Timestamp,
    /// Why, where the operator said so.
    pub reason: Option<OperatorReason>,
}

/// What the gate keeps of the past: bounded by the session's own limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Gate {
    kill_switch: Option<KillSwitch>,
    /// How many commands the operator gave.
    commands: u64,
    /// How many orders may be requested in a minute; `None` where nobody asks, and then none is kept.
    per_minute: Option<u32>,
    /// When the last orders were requested, the oldest first: those of a minute, and no more than may be.
    requests: VecDeque<Timestamp>,
    /// What plans that have ended still hold below a lot or the minimum notional, by symbol.
    dust: BTreeMap<Symbol, Position>,
    /// The account, where the session checks it.
    cash: Option<Cash>,
}

impl Gate {
    pub(super) fn new(identity: &Identity) -> Self {
        let per_minute = identity.policy.risk.max_orders_per_minute;
        Self { per_minute, cash: Cash::new(identity), ..Self::default() }
    }

    /// The same past under another session's limits. Its balance is what the account has besides the plans that go on:
    /// what others brought before is in it.
    pub(super) fn continued(self, identity: &Identity) -> Self {
        let per_minute = identity.policy.risk.max_orders_per_minute;
        let kill_switch = self.kill_switch.map(|switch| KillSwitch { seq: CARRIED, ..switch });
        let mut gate = Self { kill_switch, per_minute, cash: Cash::new(identity), ..self };
        gate.keep();
        gate
    }

    pub(super) fn note_request(&mut self, at: Timestamp) {
        if self.per_minute.is_some() {
            while self.requests.front().is_some_and(|oldest| oldest.plus(MINUTE) <= at) {
                self.requests.pop_front();
            }
            self.requests.push_back(at);
            self.keep();
        }
    }

    fn keep(&mut self) {
        let kept = self.per_minute.map_or(0, |limit| limit as usize);
        while self.requests.len() > kept {
            self.requests.pop_front();
        }
    }

    pub(super) const fn cash(&self) -> Option<&Cash> {
        self.cash.as_ref()
    }

    /// A plan left the hot maps with what it still holds and what it brought, or came back.
    pub(super) fn sealed(&mut self, plan: &Plan) -> Result<(), Inexact> {
        self.cash.as_mut().map_or(Ok(()), |cash| cash.sealed(plan))?;
        self.change_dust(plan.symbol(), plan.held(), Position::plus)
    }

    pub(super) fn restored(&mut self, plan: &Plan) -> Result<(), Inexact> {
        self.cash.as_mut().map_or(Ok(()), |cash| cash.restored(plan))?;
        self.change_dust(plan.symbol(), plan.held(), Position::minus)
    }

    fn change_dust(
        &mut self,
        symbol: &Symbol,
        held: Position,
        change: fn(Position, Position) -> Result<Position, Inexact>,
    ) -> Result<(), Inexact> {
        if held.is_flat() {
            return Ok(());
        }
        let dust = change(self.dust.get(symbol).copied().unwrap_or_default(), held)?;
        if dust.is_flat() {
            self.dust.remove(symbol);
        } else {
            self.dust.insert(symbol.clone(), dust);
        }
        Ok(())
    }

    /// What of it changes the ledger's digest: only what an operator did, so that a session without one keeps its own.
    pub(super) fn digest(&self, hasher: &mut blake3::Hasher) {
        if self.commands == 0 {
            return;
        }
        hasher.update(b"kill switch");
        hasher.update(&self.commands.to_le_bytes());
        if let Some(KillSwitch { seq: _, since, reason }) = &self.kill_switch {
            let reason = reason.as_ref().map_or("", OperatorReason::as_str);
            hasher.update(&since.nanos().to_le_bytes());
            hasher.update(&(reason.len() as u64).to_le_bytes());
            hasher.update(reason.as_bytes());
        }
    }
}

/// What the risk gate refused of a group last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct HeldBack {
    /// Which slice.
    pub slice: u32,
    /// What follows.
    pub then: AfterRefusal,
}

impl Ledger {
    /// The operator's kill switch, while it is on.
    pub const fn kill_switch(&self) -> Option<&KillSwitch> {
        self.gate.kill_switch.as_ref()
    }

    /// When the orders of the last sixty seconds before `now` were requested, the oldest first; no more than the
    /// session's limit, and none where it has no such limit.
    pub fn requests_before(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.gate.requests.iter().copied().filter(move |at| at.plus(MINUTE) > now)
    }

    /// How many groups wait for room in the minute's orders.
    pub fn waiting_for_room(&self) -> usize {
        self.timers.values().filter(|timer| matches!(timer.purpose, TimerPurpose::Room { .. })).count()
    }

    /// What plans that have ended still hold of `symbol`, signed.
    pub fn dust(&self, symbol: &Symbol) -> Position {
        self.gate.dust.get(symbol).copied().unwrap_or_default()
    }

    /// Every symbol of which plans that have ended still hold something, in order of name.
    pub fn dust_symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.gate.dust.keys()
    }

    pub(super) fn apply_commanded(&mut self, event: &Event, commanded: &OperatorCommanded) {
        let OperatorCommanded { command: OperatorCommand::KillSwitch(switch), reason } = commanded;
        self.gate.commands = self.gate.commands.saturating_add(1);
        match switch {
            // Turned on again it is on since it was.
            Switch::On => {
                let (seq, since) = (event.seq, event.time);
                self.gate.kill_switch.get_or_insert_with(|| KillSwitch { seq, since, reason: reason.clone() });
            }
            Switch::Off => self.gate.kill_switch = None,
        }
    }

    pub(super) fn apply_order_refused(&mut self, event: &Event, refused: &OrderRefused) -> Result<(), BrokenHistory> {
        let OrderRefused { group, slice, refusal, then, .. } = refused;
        let plan = self.events_plan(event)?;
        let plan_id = plan.id.clone();
        let group = super::apply::group_mut(event, plan, *group)?;
        group.held_back = Some(HeldBack { slice: *slice, then: *then });
        let directive = group.directive.clone();
        self.note_refused(event, directive, plan_id, refusal);
        Ok(())
    }

    fn note_refused(&mut self, event: &Event, directive: DirectiveId, plan_id: PlanId, refusal: &RiskRefusal) {
        self.refusals.push(Refused {
            seq: event.seq,
            at: event.time,
            directive,
            plan_id: Some(plan_id),
            refusal: Refusal::RiskGate(refusal.clone()),
        });
    }
}

impl Group {
    /// There may be room now for what waits for it.
    pub(super) fn room_came(&mut self) {
        if self.held_back.is_some_and(|held| held.then == AfterRefusal::WaitsForRoom) {
            self.held_back = None;
        }
    }
}
