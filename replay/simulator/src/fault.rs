//! Faults planted between the engine and the world, to see that the auditor catches them. The engine itself is left
//! as it is: what it decides is changed before it is folded.

use retrace_core::amount::Position;
use retrace_core::directive::Algorithm;
use retrace_core::event::{
    Decision, Event, Fact, GroupAction, Input, OperatorCommand, ReportKind, ReportedOrder, Switch, TimerPurpose,
};
use retrace_core::ids::{DirectiveId, OrderNo, PlanNo, Seq};
use retrace_core::order::{OrderRole, Side};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Group, Order, Phase};
use retrace_replay::{EngineError, State, step};

use crate::units::{lots_of, quantity};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A directive that was said before is carried out again.
    NoIdempotencyCheck,
    /// Working orders are not counted against the target.
    WorkingNotCounted,
    /// Slices that are still to be sent are not counted against the target.
    UnsentNotCounted,
    /// A stop shrinks before it grows.
    StopShrinksFirst,
    /// A timer is forgotten when the engine begins again.
    TimerLostOnRestart,
    /// What is flattened is flattened twice.
    FlattenedTwice,
    /// What a take profit sold is bought again.
    ProfitBoughtBack,
    /// The session's limits are forgotten.
    LimitsForgotten,
    /// The operator's kill switch is not turned on.
    SwitchForgotten,
    /// After a lost connection an order that was asked for is not asked about.
    QueryForgotten,
    /// A rollback of a plan is begun twice.
    RolledBackTwice,
    /// A rollback leaves a plan out.
    LegForgotten,
    /// A gap in protection is not recorded.
    GapForgotten,
    /// A profile without reduce-only is taken for one that has it: no room is made for what leaves.
    RoomForgotten,
    /// No time runs for a stop limit that was set off.
    PatienceForgotten,
    /// A close in slices sends all of it with its first one.
    SlicesAtOnce,
    /// The account's cash is not checked.
    CashForgotten,
    /// What changes the quantity of a trailing stop moves it back to where it began.
    TrailMoved,
    /// A stop without a size is taken for one that has a size: it is amended to what is held.
    FreeStopForgotten,
}

/// Takes one input as [`step`] does, with a fault in what follows from it.
///
/// # Errors
/// As [`step`].
pub(crate) fn faulty_step(
    fault: Fault,
    state: &mut State,
    time: Timestamp,
    input: &Input,
) -> Result<Vec<Event>, EngineError> {
    let mut input = input.clone();
    if let (Fault::NoIdempotencyCheck, Input::DirectiveReceived(said)) = (fault, &mut input)
        && state.ledger().directive(&said.directive_id).is_some()
        && let Ok(other) = DirectiveId::new(&format!("{}.{}", said.directive_id, state.ledger().seq()))
    {
        said.directive_id = other;
    }
    if let (Fault::SwitchForgotten, Input::OperatorCommanded(commanded)) = (fault, &mut input) {
        commanded.command = OperatorCommand::KillSwitch(Switch::Off);
    }
    let mut sound = state.clone();
    let events = step(&mut sound, time, input)?;
    let spoilt = spoil(fault, state, events.clone());
    if spoilt == events {
        *state = sound;
        return Ok(events);
    }
    if let Some(Fact::Input(Input::PriceMoved(moved))) = spoilt.first().map(|event| &event.fact) {
        state.see(&moved.symbol, moved.mark);
    }
    for event in &spoilt {
        state.fold(event)?;
    }
    Ok(spoilt)
}

fn spoil(fault: Fault, before: &State, mut events: Vec<Event>) -> Vec<Event> {
    match fault {
        Fault::NoIdempotencyCheck
        | Fault::TimerLostOnRestart
        | Fault::LimitsForgotten
        | Fault::CashForgotten
        | Fault::SwitchForgotten
        | Fault::RoomForgotten
        | Fault::FreeStopForgotten => {}
        Fault::QueryForgotten => leave_out(&mut events, |decision| matches!(decision, Decision::QueryRequested)),
        Fault::GapForgotten => {
            leave_out(&mut events, |decision| matches!(decision, Decision::ProtectionGapChanged { .. }));
        }
        Fault::PatienceForgotten => leave_out(&mut events, |decision| {
            matches!(decision, Decision::TimerSet { purpose: TimerPurpose::Patience { .. }, .. })
        }),
        Fault::LegForgotten => {
            // Whatever is decided of that plan after it follows from its rollback.
            let begins = |event: &&Event| matches!(event.fact, Fact::Decision(Decision::RollbackStarted { .. }));
            if let Some((from, forgotten)) = events.iter().find(begins).map(|event| (event.seq, event.plan)) {
                events.retain(|event| event.plan != forgotten || event.seq < from);
                number_again(&mut events);
            }
        }
        Fault::RolledBackTwice => {
            let begins =
                events.iter().position(|event| matches!(event.fact, Fact::Decision(Decision::RollbackStarted { .. })));
            if let Some(place) = begins
                && let Some(again) = events.get(place).cloned()
            {
                events.insert(place, again);
                number_again(&mut events);
            }
        }
        Fault::WorkingNotCounted => enlarge(before, &mut events, |group| lots(group.working().unwrap_or_default())),
        Fault::UnsentNotCounted => {
            enlarge(before, &mut events, |group| lots(group.unsent().unwrap_or_default()));
            send_slice_anyway(before, &mut events);
        }
        Fault::StopShrinksFirst => {
            for event in &mut events {
                let order = order_of(before, event.plan, event.order);
                if let (Fact::Decision(Decision::AmendRequested { quantity: to, .. }), Some(order)) =
                    (&mut event.fact, order)
                    && order.role == OrderRole::StopLoss
                    && *to > order.quantity
                {
                    let (filled, whole) = (lots(order.filled()), lots_of(order.quantity.value()).unwrap_or(0));
                    if whole - filled > 1 {
                        *to = quantity(filled + (whole - filled) / 2);
                    }
                }
            }
        }
        Fault::SlicesAtOnce => close_at_once(&mut events),
        Fault::TrailMoved => {
            for event in &mut events {
                let order = order_of(before, event.plan, event.order);
                if let (Fact::Decision(Decision::AmendRequested { price, .. }), Some(order)) = (&mut event.fact, order)
                    && order.terms.trail().is_some()
                {
                    *price = order.terms.trigger();
                }
            }
        }
        Fault::FlattenedTwice => {
            let flattens = events.iter().find(|event| {
                matches!(&event.fact, Fact::Decision(Decision::OrderRequested { role: OrderRole::Flatten, .. }))
            });
            if let Some(mut again) = flattens.cloned() {
                if let Fact::Decision(Decision::OrderRequested { slice, .. }) = &mut again.fact {
                    *slice += 1;
                }
                append(before, &mut events, again);
            }
        }
        Fault::ProfitBoughtBack => {
            if let Some(event) = bought_back(before, &events) {
                append(before, &mut events, event);
            }
        }
    }
    events
}

/// Takes decisions out of a Step.
fn leave_out(events: &mut Vec<Event>, is_it: fn(&Decision) -> bool) {
    events.retain(|event| !matches!(&event.fact, Fact::Decision(decision) if is_it(decision)));
    number_again(events);
}

/// Gives the events of a Step the numbers that they have in their order.
fn number_again(events: &mut [Event]) {
    let Some(first) = events.first().map(|event| event.seq) else { return };
    for (seq, event) in (first.0..).zip(events) {
        event.seq = Seq(seq);
    }
}

fn lots(position: Position) -> i64 {
    lots_of(position.value()).unwrap_or(0)
}

fn order_of(before: &State, plan: Option<PlanNo>, order: Option<OrderNo>) -> Option<&Order> {
    before.ledger().plan(plan?)?.order(order?)
}

/// Adds a decision at the end of a Step; an order gets the next number.
fn append(before: &State, events: &mut Vec<Event>, mut event: Event) {
    let Some(last) = events.last() else { return };
    event.seq = Seq(last.seq.0 + 1);
    let requests = events.iter().filter(|event| matches!(event.fact, Fact::Decision(Decision::OrderRequested { .. })));
    if matches!(event.fact, Fact::Decision(Decision::OrderRequested { .. })) {
        let next = before.ledger().next_order();
        event.order = Some(requests.filter_map(|event| event.order).max().map_or(next, OrderNo::next));
    }
    // What closes the plan comes last, or not at all.
    if !events.iter().any(|event| matches!(event.fact, Fact::Decision(Decision::PlanClosed { .. }))) {
        events.push(event);
    }
}

/// A group that is opened to enter is opened for what `counted` leaves out, too, and sends it with its first order; an
/// iceberg shows no more of it at a time.
fn enlarge(before: &State, events: &mut [Event], counted: impl Fn(&Group) -> i64) {
    let mut hides = false;
    for event in events {
        let Some(plan) = event.plan.and_then(|no| before.ledger().plan(no)) else { continue };
        let running = plan.groups.iter().filter(|group| group.is_active() && group.action == GroupAction::Enter);
        let more: i64 = running.map(&counted).sum();
        let known = plan.groups.len();
        let is_new = |group: u32| usize::try_from(group).is_ok_and(|group| group > known);
        match &mut event.fact {
            Fact::Decision(Decision::GroupOpened { action: GroupAction::Enter, quantity: size, algorithm, .. }) => {
                hides = matches!(algorithm, Algorithm::Iceberg(_));
                *size = quantity(lots_of(size.value()).unwrap_or(0) + more);
            }
            Fact::Decision(Decision::OrderRequested { group, role: OrderRole::Entry, quantity: size, .. })
                if is_new(group.0) && !hides =>
            {
                *size = quantity(lots_of(size.value()).unwrap_or(0) + more);
            }
            _ => {}
        }
    }
}

/// The first order of a close in slices takes the place of all of them.
fn close_at_once(events: &mut [Event]) {
    let mut divided = None;
    for event in events {
        match &mut event.fact {
            Fact::Decision(Decision::GroupOpened {
                action: GroupAction::Close,
                algorithm: Algorithm::Twap(_),
                quantity,
                ..
            }) => divided = Some(*quantity),
            Fact::Decision(Decision::OrderRequested { role: OrderRole::Close, quantity, .. }) => {
                *quantity = divided.take().unwrap_or(*quantity);
            }
            _ => {}
        }
    }
}

/// A slice that is held back because there is no room for it is sent all the same.
fn send_slice_anyway(before: &State, events: &mut Vec<Event>) {
    let Some(first) = events.first().cloned() else { return };
    let Fact::Input(Input::TimerFired { timer }) = &first.fact else { return };
    let sent = events.iter().any(|event| matches!(event.fact, Fact::Decision(Decision::OrderRequested { .. })));
    let Some(timer) = before.ledger().timer(*timer).filter(|_| !sent) else { return };
    let TimerPurpose::Slice { group, slice } = timer.purpose else { return };
    let Some(plan) = timer.plan.and_then(|plan| before.ledger().plan(plan)) else { return };
    if plan.phase != Phase::Standing {
        return;
    }
    let Some(group) = plan.group(group).filter(|group| group.is_active() && group.action == GroupAction::Enter) else {
        return;
    };
    let unsent = lots(group.unsent().unwrap_or_default());
    if unsent > 0 && group.orders.own_last().is_none_or(|last| last.slice < slice) {
        let decision = Decision::OrderRequested {
            group: group.no,
            role: OrderRole::Entry,
            side: plan.direction,
            terms: retrace_core::order::OrderTerms::Market,
            quantity: quantity(unsent),
            time_in_force: retrace_core::order::TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            slice,
            attempt: 0,
            because: retrace_core::event::Because::SliceDue,
        };
        append(
            before,
            events,
            Event { plan: Some(plan.no), cause: Some(first.seq), fact: Fact::Decision(decision), ..first },
        );
    }
}

/// The decision that raises the target again by what a take profit just sold.
fn bought_back(before: &State, events: &[Event]) -> Option<Event> {
    let first = events.first()?;
    let Fact::Input(Input::Report(report)) = &first.fact else { return None };
    let (ReportedOrder::Ours(no), ReportKind::Filled(fill)) = (&report.order, &report.what) else { return None };
    let plan = before.ledger().plan(first.plan?)?;
    let order = plan.order(*no)?;
    let fresh = order.fill_of(&fill.trade_id).is_none();
    if order.role != OrderRole::TakeProfit || plan.phase != Phase::Standing || !fresh {
        return None;
    }
    let target = plan.target.clone();
    let is_flat = Side::of(target.size).is_none();
    let decision = Decision::TargetSet {
        directive: target.directive,
        target: target.size,
        entry: target.entry,
        algorithm: target.algorithm,
        end_after: target.end_after,
    };
    (!is_flat).then(|| Event { order: None, cause: Some(first.seq), fact: Fact::Decision(decision), ..first.clone() })
}
