//! The one fold: every recorded fact changes the ledger here, in a run and in a replay alike.

use retrace_core::amount::Position;
use retrace_core::event::{Because, Decision, Event, Fact, GroupEnd, Input, Outcome, TimerPurpose};
use retrace_core::exact::Inexact;
use retrace_core::ids::{GroupNo, OrderCause, OrderNo, PlanNo, TimerId, derive_group_id, derive_order_id};
use retrace_core::order::{OrderRole, Side};
use retrace_core::stop::StopKind;

use super::group::{Opening, is_given_up};
use super::order::NewOrder;
use super::reports::stop_out;
use super::{
    Accounting, BrokenHistory, Change, Closing, Course, Exits, Group, Ledger, Order, Phase, Plan, Refused,
    SeenDirective, StandingTarget, Timer,
};

impl Ledger {
    /// Folds one recorded fact. Decides nothing, never panics.
    ///
    /// # Errors
    /// [`BrokenHistory`] if the log holds a fact that our own code could not have recorded; the ledger is then of no
    /// more use.
    pub fn apply(&mut self, event: &Event) -> Result<(), BrokenHistory> {
        if event.seq != self.seq.next() {
            return Err(BrokenHistory::Gap { last: self.seq, found: event.seq });
        }
        if self.begins.is_some() && !matches!(event.fact, Fact::Input(Input::SessionContinued(_))) {
            return Err(BrokenHistory::NotContinued { seq: event.seq });
        }
        self.seq = event.seq;
        match &event.fact {
            Fact::Input(input) => self.apply_input(event, input)?,
            Fact::Decision(decision) => self.apply_decision(event, decision)?,
            Fact::Unknown(_) => self.counts.unknown = self.counts.unknown.saturating_add(1),
        }
        self.note_gaps(event);
        Ok(())
    }

    fn apply_input(&mut self, event: &Event, input: &Input) -> Result<(), BrokenHistory> {
        match input {
            Input::SessionContinued(from) => {
                // That the ledger is the parent's last one is for whoever gave it to make sure of.
                let fits = self.begins.take().as_ref() == Some(from);
                self.connected = true;
                if fits { Ok(()) } else { Err(BrokenHistory::OtherParent { seq: event.seq }) }
            }
            Input::PriceMoved(_) => Ok(()),
            Input::DirectiveReceived(directive) => {
                let body = directive.body_digest();
                let id = directive.directive_id.clone();
                if let std::collections::btree_map::Entry::Vacant(free) = self.directives.entry(id) {
                    self.directive_sum.add(&body.whole);
                    free.insert(SeenDirective { first: event.seq, body });
                    self.note_received(directive);
                }
                Ok(())
            }
            Input::TimerFired { timer: id } => {
                let timer = self.remove_timer(event, *id)?;
                let Some(plan) = timer.plan else { return self.batch_timer_fired(event, timer.purpose) };
                let plan = self.plan_mut(event, plan)?;
                match timer.purpose {
                    TimerPurpose::Slice { group, slice } => {
                        let group = group_mut(event, plan, group)?;
                        // A timer may fire late: slices whose time has passed by now are due with it.
                        let passed = (slice..group.slices()).take_while(|slice| group.slice_due(*slice) <= event.time);
                        let last = passed.last().unwrap_or(slice);
                        group.slices_due = group.slices_due.max(last.saturating_add(1));
                    }
                    TimerPurpose::EndTime { group } => group_mut(event, plan, group)?.time_is_up = true,
                    TimerPurpose::CloseRetry => {
                        if let Phase::Closing(closing) = &mut plan.phase {
                            closing.waiting = false;
                        }
                    }
                    TimerPurpose::Room { group } => group_mut(event, plan, group)?.room_came(),
                    TimerPurpose::Patience { order } => {
                        plan.change_order(order, |order| {
                            order.patience_over = true;
                            Ok(())
                        });
                    }
                    TimerPurpose::RollbackRetry => (plan.target.kept, plan.target.given_up) = (false, false),
                    // They hang on no plan.
                    TimerPurpose::BatchDeadline { .. } | TimerPurpose::LegDeadline { .. } => {}
                }
                Ok(())
            }
            Input::Report(report) => self.apply_report(event, report),
            Input::ConnectionChanged { connected } => {
                self.connected = *connected;
                Ok(())
            }
            Input::TradeImported(trade) => {
                self.apply_trade_imported(event, trade);
                Ok(())
            }
            Input::OperatorCommanded(commanded) => {
                self.apply_commanded(event, commanded);
                Ok(())
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one match over every decision, each variant written out by hand")]
    fn apply_decision(&mut self, event: &Event, decision: &Decision) -> Result<(), BrokenHistory> {
        // What a plan is told after a size makes the same size another instruction again.
        if let Decision::TargetSet { directive, .. }
        | Decision::ExitsSet { directive, .. }
        | Decision::StopLimitSet { directive, .. }
        | Decision::StopTrailSet { directive, .. }
        | Decision::CloseStarted { directive, .. }
        | Decision::GroupCancelled { directive, .. }
        | Decision::AllCancelled { directive, .. }
        | Decision::OrdersModified { directive, .. }
        | Decision::GroupPaused { directive, .. }
        | Decision::GroupResumed { directive, .. } = decision
        {
            self.events_plan(event)?.instructed_by = directive.clone();
        }
        match decision {
            Decision::DirectiveRefused { directive, plan_id, refusal } => {
                self.refusals.push(Refused {
                    seq: event.seq,
                    at: event.time,
                    directive: directive.clone(),
                    plan_id: plan_id.clone(),
                    refusal: refusal.clone(),
                });
                Ok(())
            }
            // Recorded for the story; nothing follows from them.
            Decision::DirectiveRepeated { .. } | Decision::NothingToDo { .. } | Decision::TradeRepeated { .. } => {
                Ok(())
            }
            Decision::PlanAccepted { plan_id, symbol, direction, directive, comments } => {
                let no = Self::number_of_plan(event)?;
                let instrument = self.instrument(symbol).cloned();
                let instrument = instrument.ok_or_else(|| unknown(event, "instrument", 0))?;
                if no != self.next_plan() || self.plan_numbers.contains_key(plan_id) {
                    return Err(BrokenHistory::NotNext { seq: event.seq, what: "plan", number: u64::from(no.0) });
                }
                let target = StandingTarget {
                    size: Position::FLAT,
                    directive: directive.clone(),
                    entry: retrace_core::directive::EntryTerms::MARKET,
                    algorithm: retrace_core::directive::Algorithm::Single,
                    end_after: None,
                    given_up: false,
                    kept: false,
                    kept_on_request: false,
                    stopped: false,
                };
                let plan = Plan {
                    no,
                    id: plan_id.clone(),
                    accounting: Accounting::new(symbol),
                    instrument,
                    direction: *direction,
                    comments: *comments,
                    accepted_by: directive.clone(),
                    instructed_by: directive.clone(),
                    opened_at: None,
                    target,
                    exits: Exits::default(),
                    phase: Phase::Standing,
                    groups: Vec::new(),
                    gap: None,
                    gaps: Vec::new(),
                    protection_cancelled: false,
                    flatten_pauses: 0,
                    rollback: None,
                };
                self.plan_numbers.insert(plan_id.clone(), no);
                self.openers.insert(no, directive.clone());
                self.plans.insert(no, plan);
                Ok(())
            }
            Decision::TargetSet { directive, target, entry, algorithm, end_after } => {
                let plan = self.events_plan(event)?;
                plan.target = StandingTarget {
                    size: *target,
                    directive: directive.clone(),
                    entry: *entry,
                    algorithm: *algorithm,
                    end_after: *end_after,
                    given_up: false,
                    kept: false,
                    kept_on_request: false,
                    stopped: false,
                };
                Ok(())
            }
            Decision::ExitsSet { stop, take_profit, .. } => {
                let plan = self.events_plan(event)?;
                plan.exits = Exits { stop: *stop, take_profit: *take_profit, ..plan.exits };
                plan.protection_cancelled &= stop.is_none();
                Ok(())
            }
            Decision::StopLimitSet { distance, .. } => {
                let kind = distance.map_or(StopKind::Market, |distance| StopKind::Limit { distance });
                self.events_plan(event)?.exits.stop_kind = kind;
                Ok(())
            }
            Decision::StopTrailSet { trail, .. } => {
                self.events_plan(event)?.exits.stop_kind = StopKind::Trailing(*trail);
                Ok(())
            }
            Decision::PlanOpened => {
                self.events_plan(event)?.opened_at = Some(event.time);
                Ok(())
            }
            Decision::GroupOpened { group, directive, action, algorithm, entry, quantity, end_after, arrival } => {
                let session = self.session;
                let plan = self.events_plan(event)?;
                let next = plan.groups.last().map_or(GroupNo(1), |last| last.no.next());
                if *group != next {
                    return Err(BrokenHistory::NotNext { seq: event.seq, what: "group", number: u64::from(group.0) });
                }
                let compensates = plan.rollback.is_some();
                let opening = Opening {
                    directive: directive.clone(),
                    action: *action,
                    algorithm: *algorithm,
                    entry: *entry,
                    quantity: *quantity,
                    end_after: *end_after,
                    arrival: *arrival,
                    compensates,
                };
                let id = derive_group_id(session, directive, &plan.id, *group);
                plan.groups.push(Group::new(*group, id, event.time, opening));
                Ok(())
            }
            Decision::SlicesDropped { group, quantity, because } => {
                let plan = self.events_plan(event)?;
                let group = group_mut(event, plan, *group)?;
                let quantity = Side::Buy.signed(*quantity);
                group.dropped = group.dropped.plus(quantity).map_err(|source| amount(event, source))?;
                if is_given_up(*because) {
                    group.missed = group.missed.plus(quantity).map_err(|source| amount(event, source))?;
                    let action = group.action;
                    plan.target.give_up(action);
                }
                Ok(())
            }
            Decision::GroupEnded { group, end, price } => {
                let plan = self.events_plan(event)?;
                let group = group_mut(event, plan, *group)?;
                group.end = Some(*end);
                group.end_price = *price;
                let action = group.action;
                if *end == GroupEnd::Incomplete {
                    let ended = group.clone();
                    // Where others made up for it nothing is short: what a bust takes away later is entered again.
                    if plan.traded() != plan.target.size {
                        plan.target.give_up(action);
                    }
                    let plan_id = plan.id.clone();
                    self.note_short(&plan_id, &ended);
                }
                Ok(())
            }
            Decision::OrderRequested { .. } => self.apply_order_requested(event, decision),
            Decision::AmendRequested { quantity, price, because: _ } => {
                self.ask(event, Change::Amend { quantity: *quantity, price: *price })
            }
            Decision::CancelRequested { because } => {
                self.ask(event, Change::Cancel)?;
                if *because == Because::Modified { self.mark_resend(event) } else { Ok(()) }
            }
            Decision::QueryRequested => self.ask_where_it_stands(event),
            Decision::TimerSet { timer, due, purpose } => {
                let plan = if purpose.batch().is_some() { None } else { Some(Self::number_of_plan(event)?) };
                if *timer != self.next_timer {
                    return Err(BrokenHistory::NotNext { seq: event.seq, what: "timer", number: u64::from(timer.0) });
                }
                self.next_timer = timer.next();
                self.timers.insert((*due, *timer), Timer { plan, purpose: *purpose, set: event.seq });
                self.timer_dues.insert(*timer, *due);
                let Some(plan) = plan else { return Ok(()) };
                let plan = self.plan_mut(event, plan)?;
                if let (TimerPurpose::RollbackRetry, Some(rollback)) = (purpose, &mut plan.rollback) {
                    rollback.failed_tries = rollback.failed_tries.saturating_add(1);
                }
                if let TimerPurpose::Patience { order } = purpose {
                    plan.change_order(*order, |order| {
                        order.set_off = true;
                        Ok(())
                    });
                    stop_out(plan);
                }
                if *purpose == TimerPurpose::CloseRetry {
                    plan.flatten_pauses = plan.flatten_pauses.saturating_add(1);
                    if let Phase::Closing(closing) = &mut plan.phase {
                        closing.waiting = true;
                        closing.pauses = closing.pauses.saturating_add(1);
                    }
                }
                Ok(())
            }
            Decision::TimerDropped { timer } => self.remove_timer(event, *timer).map(|_| ()),
            Decision::CloseStarted { directive, price_limit, on_limit, twap } => {
                let plan = self.events_plan(event)?;
                plan.rollback = None;
                plan.target.size = Position::FLAT;
                plan.phase = Phase::Closing(Closing {
                    directive: directive.clone(),
                    price_limit: *price_limit,
                    on_limit: *on_limit,
                    twap: *twap,
                    tries: 0,
                    pauses: 0,
                    waiting: false,
                    gave_up: false,
                });
                Ok(())
            }
            Decision::CloseGaveUp { .. } => {
                if let Phase::Closing(closing) = &mut self.events_plan(event)?.phase {
                    closing.gave_up = true;
                }
                Ok(())
            }
            Decision::StopPassed { .. } => {
                let plan = self.events_plan(event)?;
                if matches!(plan.phase, Phase::Standing | Phase::Closing(_)) {
                    plan.phase = Phase::StoppedOut;
                    plan.target.size = Position::FLAT;
                }
                Ok(())
            }
            Decision::ProtectionGapChanged { uncovered, because } => {
                let gap: Option<(Position, Because)> = (!uncovered.is_flat()).then_some((*uncovered, *because));
                self.events_plan(event)?.gap = gap;
                Ok(())
            }
            Decision::PlanClosed { outcome, dust } => {
                let no = Self::number_of_plan(event)?;
                let (outcome, dust): (Outcome, Position) = (*outcome, *dust);
                let plan = self.plan_mut(event, no)?;
                plan.phase = Phase::Closed { outcome, dust };
                plan.rollback = None;
                let ended = plan.clone();
                self.note_plan_ended(event, &ended, outcome)?;
                self.imports.close(no);
                self.seal(no).map_err(|source| amount(event, source))
            }
            Decision::OrderRefused(refused) => self.apply_order_refused(event, refused),
            Decision::GroupCancelled { group, .. } => self.apply_group_cancelled(event, *group),
            Decision::AllCancelled { directive, reach } => self.apply_all_cancelled(event, directive, *reach),
            Decision::OrdersModified { directive: _, group, limit_price, added, target } => {
                self.apply_orders_modified(event, *group, *limit_price, *added, *target)
            }
            Decision::GroupPaused { group, .. } => self.apply_course(event, *group, Course::Paused),
            Decision::GroupResumed { group, .. } => self.apply_course(event, *group, Course::Runs),
            Decision::OrderInferred { .. } => self.apply_order_inferred(event, decision),
            Decision::TradeBooked { position, fill, quantity } => {
                self.apply_trade_booked(event, position.as_ref(), fill, *quantity)
            }
            Decision::BatchStarted { .. }
            | Decision::BatchLegStarted { .. }
            | Decision::BatchLegEnded { .. }
            | Decision::BatchFailed { .. }
            | Decision::RollbackStarted { .. }
            | Decision::RollbackGaveUp { .. }
            | Decision::BatchEnded { .. } => self.apply_batch(event, decision),
        }
    }

    fn apply_order_requested(&mut self, event: &Event, decision: &Decision) -> Result<(), BrokenHistory> {
        let Decision::OrderRequested {
            group,
            role,
            side,
            terms,
            quantity,
            time_in_force,
            post_only: _,
            reduce_only,
            slice,
            attempt,
            because,
        } = decision
        else {
            return Ok(());
        };
        let new = NewOrder {
            role: *role,
            side: *side,
            terms: *terms,
            quantity: *quantity,
            time_in_force: *time_in_force,
            reduce_only: *reduce_only,
            slice: *slice,
            attempt: *attempt,
            because: *because,
        };
        self.request(event, *group, &new)?;
        self.gate.note_request(event.time);
        let plan = self.events_plan(event)?;
        let takes_all = plan.group(*group).is_none_or(|group| slice.saturating_add(1) >= group.slices());
        if let (OrderRole::Close, true, Phase::Closing(closing)) = (role, takes_all, &mut plan.phase) {
            closing.tries = closing.tries.saturating_add(1);
        }
        Ok(())
    }

    /// Brings the order that an event names into being, in a group of its plan.
    pub(super) fn request(&mut self, event: &Event, group: GroupNo, new: &NewOrder) -> Result<OrderNo, BrokenHistory> {
        let no = event.order.ok_or(BrokenHistory::Nameless { seq: event.seq, what: "order" })?;
        if no != self.next_order {
            return Err(BrokenHistory::NotNext { seq: event.seq, what: "order", number: u64::from(no.0) });
        }
        let session = self.session;
        let size_free = new.role == OrderRole::StopLoss && self.profile.is_size_free(&new.terms, new.reduce_only);
        let plan_no = Self::number_of_plan(event)?;
        let plan = self.plan_mut(event, plan_no)?;
        let plan_id = plan.id.clone();
        let parent = group_mut(event, plan, group)?;
        if new.role == parent.role() {
            parent.note_sent(new.attempt, new.quantity).map_err(|source| amount(event, source))?;
        }
        let cause = OrderCause {
            directive: &parent.directive,
            plan: &plan_id,
            group,
            role: new.role.as_str(),
            slice: new.slice,
            attempt: new.attempt,
        };
        let id = derive_order_id(session, &cause);
        let mut order = Order::new(no, id, event.seq, new);
        if size_free {
            order.free_of_size();
        }
        parent.orders.request(order);
        if size_free {
            plan.follow_holding().map_err(|source| amount(event, source))?;
        }
        self.orders.insert(no, plan_no);
        self.next_order = no.next();
        Ok(no)
    }

    pub(super) fn number_of_plan(event: &Event) -> Result<PlanNo, BrokenHistory> {
        event.plan.ok_or(BrokenHistory::Nameless { seq: event.seq, what: "plan" })
    }

    pub(super) fn plan_mut(&mut self, event: &Event, no: PlanNo) -> Result<&mut Plan, BrokenHistory> {
        if self.sealed.contains_key(&no) {
            return Err(BrokenHistory::Sealed { seq: event.seq, plan: no });
        }
        self.plans.get_mut(&no).ok_or_else(|| unknown(event, "plan", no.0))
    }

    pub(super) fn events_plan(&mut self, event: &Event) -> Result<&mut Plan, BrokenHistory> {
        let no = Self::number_of_plan(event)?;
        self.plan_mut(event, no)
    }

    /// Changes the order that an event names.
    pub(super) fn change_order<T>(
        &mut self,
        event: &Event,
        no: OrderNo,
        change: impl FnOnce(&mut Order) -> Result<T, Inexact>,
    ) -> Result<T, BrokenHistory> {
        let changed = self.events_plan(event)?.change_order(no, change);
        changed.ok_or_else(|| unknown(event, "order", no.0))?.map_err(|source| amount(event, source))
    }

    /// Notes what was asked of the order that an event names.
    fn ask(&mut self, event: &Event, change: Change) -> Result<(), BrokenHistory> {
        let no = event.order.ok_or(BrokenHistory::Nameless { seq: event.seq, what: "order" })?;
        self.change_order(event, no, |order| {
            order.ask(change, event.seq);
            Ok(())
        })
    }

    fn remove_timer(&mut self, event: &Event, id: TimerId) -> Result<Timer, BrokenHistory> {
        let due = self.timer_dues.remove(&id);
        let timer = due.and_then(|due| self.timers.remove(&(due, id)));
        timer.ok_or_else(|| unknown(event, "timer", id.0))
    }
}

pub(super) fn group_mut<'a>(event: &Event, plan: &'a mut Plan, no: GroupNo) -> Result<&'a mut Group, BrokenHistory> {
    plan.group_mut(no).ok_or_else(|| unknown(event, "group", no.0))
}

fn unknown(event: &Event, what: &'static str, number: u32) -> BrokenHistory {
    BrokenHistory::Unknown { seq: event.seq, what, number: u64::from(number) }
}

pub(super) const fn amount(event: &Event, source: Inexact) -> BrokenHistory {
    BrokenHistory::Amount { seq: event.seq, source }
}
