//! What directives order of groups, folded: cancelled, changed, paused, resumed; and everything of a plan cancelled.

use bincode::{Decode, Encode};
use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{Algorithm, CancelReach, OnLimit};
use retrace_core::event::{Event, GroupAction};
use retrace_core::exact::Inexact;
use retrace_core::ids::{DirectiveId, GroupNo};
use retrace_core::order::Side;

use super::apply::{amount, group_mut};
use super::{BrokenHistory, Closing, Exits, Group, Ledger, Phase, Plan};

/// What directives ordered of a group since it came into being.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Ordered {
    /// Whether it goes on.
    pub course: Course,
    /// By how much it is to trade more than was planned, or less where it is below zero.
    pub added: Position,
    /// Its limit price was changed: its open orders are to stand there.
    pub repriced: bool,
    /// What the venue took back, or would not add to an order, is to be sent again.
    pub resend: bool,
    /// The attempt that counts as the first of what was sent again.
    pub first_attempt: u32,
}

/// Whether a group goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Course {
    /// It follows its schedule.
    #[default]
    Runs,
    /// It sends nothing new.
    Paused,
    /// It is taken back.
    Cancelled,
}

impl Ledger {
    pub(super) fn apply_group_cancelled(&mut self, event: &Event, group: GroupNo) -> Result<(), BrokenHistory> {
        let plan = self.events_plan(event)?;
        let group = group_mut(event, plan, group)?;
        group.ordered.course = Course::Cancelled;
        let action = group.action;
        give_up(plan, action);
        Ok(())
    }

    pub(super) fn apply_all_cancelled(
        &mut self,
        event: &Event,
        directive: &DirectiveId,
        reach: CancelReach,
    ) -> Result<(), BrokenHistory> {
        let plan = self.events_plan(event)?;
        for group in plan.groups.iter_mut().filter(|group| group.is_active() && group.action != GroupAction::Close) {
            group.ordered.course = Course::Cancelled;
        }
        give_up(plan, GroupAction::Enter);
        give_up(plan, GroupAction::Reduce);
        if reach == CancelReach::Orders {
            return Ok(());
        }
        plan.protection_cancelled |= plan.exits.stop.is_some();
        plan.exits = Exits::default();
        if reach == CancelReach::Plan {
            plan.target.size = Position::FLAT;
            // It closes without a try: nothing is traded before another directive closes it.
            plan.phase = Phase::Closing(Closing {
                directive: directive.clone(),
                price_limit: None,
                on_limit: OnLimit::default(),
                twap: None,
                tries: 0,
                pauses: 0,
                waiting: false,
                gave_up: true,
            });
        }
        Ok(())
    }

    pub(super) fn apply_orders_modified(
        &mut self,
        event: &Event,
        group: GroupNo,
        limit_price: Option<Price>,
        added: Position,
        target: Position,
    ) -> Result<(), BrokenHistory> {
        let plan = self.events_plan(event)?;
        let standing = plan.target.directive.clone();
        let group = group_mut(event, plan, group)?;
        group.ordered.added = group.ordered.added.plus(added).map_err(|source| amount(event, source))?;
        if let Some(price) = limit_price {
            group.entry.limit_price = Some(price);
            group.ordered.repriced = true;
            // What is planned again for the same target goes to the new price, too.
            if group.directive == standing {
                plan.target.entry.limit_price = Some(price);
            }
        }
        plan.target.size = target;
        Ok(())
    }

    pub(super) fn apply_course(&mut self, event: &Event, group: GroupNo, course: Course) -> Result<(), BrokenHistory> {
        let plan = self.events_plan(event)?;
        group_mut(event, plan, group)?.ordered.course = course;
        Ok(())
    }

    /// An order of a group was taken back so that it can be sent again.
    pub(super) fn mark_resend(&mut self, event: &Event) -> Result<(), BrokenHistory> {
        let plan = self.events_plan(event)?;
        let group = event.order.and_then(|no| plan.group_of(no)).map(|group| group.no);
        if let Some(group) = group.and_then(|no| plan.group_mut(no)) {
            group.ordered.resend = true;
        }
        Ok(())
    }
}

impl Group {
    /// Notes that one of its own orders is requested. Of several layers to be sent again each may wait for room in the
    /// minute's orders: they are sent again until nothing is left to send.
    pub(super) fn note_sent(&mut self, attempt: u32, quantity: Quantity) -> Result<(), Inexact> {
        if self.ordered.resend || attempt == 0 {
            self.ordered.first_attempt = attempt;
        }
        let left = self.unsent()?.minus(Side::Buy.signed(quantity))?;
        self.ordered.resend &= matches!(self.algorithm, Algorithm::Layered(_)) && left > Position::FLAT;
        Ok(())
    }

    /// What it is to trade by its directives: what was planned, and what was added to it or taken off its orders.
    ///
    /// # Errors
    /// [`Inexact`] when the sum does not fit.
    pub fn wanted(&self) -> Result<Position, Inexact> {
        Side::Buy.signed(self.planned).plus(self.ordered.added)
    }
}

/// A directive cancelled a group of this action: nothing is sent in its place before a directive sets a target again.
const fn give_up(plan: &mut Plan, action: GroupAction) {
    plan.target.give_up(action);
    if matches!(action, GroupAction::Reduce) {
        plan.target.kept_on_request = true;
    }
}
