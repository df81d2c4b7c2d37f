//! What a directive orders of groups (SEMANTICS 5): cancel, change, pause, resume, and cancelling all of a plan. What is
//! ordered stands in the ledger; [`follow`] carries it out, after every input, as far as answers allow.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::directive::{
    Algorithm, CancelAll, CancelReach, GroupDirective, GroupOrder, GroupRef, Iceberg, OrderChange,
};
use retrace_core::event::{Because, Decision, GroupAction, GroupEnd, GroupRefusal, Idle, Refusal, VenueReason};
use retrace_core::ids::{DirectiveId, GroupId, GroupNo, PlanId, PlanNo};
use retrace_core::instrument::Instrument;
use retrace_core::order::{OrderRole, OrderType, Side};
use retrace_projections::ledger::{Course, Group, Order, Phase, Plan};

use super::intake::{Stop, already_closed, close_unopened, nothing_to_do};
use super::risk::{self, Besides};
use super::{batch, cancel, converge, current_price, snapshot, target};
use crate::planner::{Unplanned, division, levels};
use crate::step::{Deciding, EngineError};

impl From<GroupRefusal> for Stop {
    fn from(refusal: GroupRefusal) -> Self {
        Self::Refused(Refusal::Group(refusal))
    }
}

/// Orders something of groups of one plan.
pub(super) fn order_group(
    deciding: &mut Deciding<'_>,
    id: &DirectiveId,
    directive: &GroupDirective,
    plan_id: &PlanId,
) -> Result<(), Stop> {
    let no = deciding.state.ledger.plan_number(plan_id).ok_or(Refusal::UnknownPlan)?;
    let plan = snapshot(deciding, no).filter(|plan| plan.phase == Phase::Standing).ok_or(Refusal::PlanEnded)?;
    let groups = match named(&plan, &directive.target)? {
        Named::Open(groups) => groups,
        // It is being taken back already: only telling it so again is no contradiction.
        Named::BeingCancelled(_) if directive.order == GroupOrder::Cancel => {
            return nothing_to_do(deciding, &plan, id, Idle::AlreadyWorking);
        }
        Named::BeingCancelled(group) => {
            return Err(GroupRefusal::GroupEnded { group, end: GroupEnd::Cancelled }.into());
        }
    };
    let before = deciding.len();
    match directive.order {
        GroupOrder::Cancel => {
            for group in &groups {
                let decision = Decision::GroupCancelled { directive: id.clone(), group: group.no };
                deciding.decide(Some(no), None, decision)?;
            }
        }
        GroupOrder::Pause => {
            for group in groups.iter().filter(|group| group.ordered.course == Course::Runs) {
                let decision = Decision::GroupPaused { directive: id.clone(), group: group.no };
                deciding.decide(Some(no), None, decision)?;
            }
        }
        GroupOrder::Resume => {
            for group in groups.iter().filter(|group| group.ordered.course == Course::Paused) {
                let decision = Decision::GroupResumed { directive: id.clone(), group: group.no };
                deciding.decide(Some(no), None, decision)?;
                skip_what_came_due(deciding, &plan, group)?;
            }
        }
        GroupOrder::ModifyOrders(change) => {
            // All of them are judged before one is changed, each with the changes of those before it.
            let mut changes: Vec<Judged> = Vec::new();
            for group in &groups {
                let judged = judge(deciding, &plan, group, change, &changes)?;
                changes.extend(judged);
            }
            for judged in changes {
                modify(deciding, id, no, &judged)?;
            }
        }
    }
    if deciding.len() == before {
        return nothing_to_do(deciding, &plan, id, Idle::AlreadySo);
    }
    Ok(converge(deciding, no)?)
}

/// Cancels everything of one plan.
pub(super) fn cancel_all(
    deciding: &mut Deciding<'_>,
    id: &DirectiveId,
    directive: &CancelAll,
    plan_id: &PlanId,
) -> Result<(), Stop> {
    let reach = directive.reach;
    let Some(no) = deciding.state.ledger.plan_number(plan_id) else {
        return if reach == CancelReach::Plan {
            close_unopened(deciding, id, plan_id)
        } else {
            Err(Refusal::UnknownPlan.into())
        };
    };
    let Some(plan) = snapshot(deciding, no) else { return Ok(already_closed(deciding, id, plan_id)?) };
    match (&plan.phase, reach) {
        (Phase::Standing, CancelReach::Orders | CancelReach::Protection) => {
            let runs = |group: &Group| group.is_active() && group.ordered.course != Course::Cancelled;
            let sends = plan.groups.iter().any(runs) || is_still_to_send(deciding, &plan)?;
            let protects =
                reach == CancelReach::Protection && (plan.exits.stop.is_some() || plan.exits.take_profit.is_some());
            if !sends && !protects {
                return nothing_to_do(deciding, &plan, id, Idle::AlreadySo);
            }
        }
        (Phase::Standing, CancelReach::Plan) => {}
        // What gave up closing rests protected; only that protection is left to be cancelled.
        (Phase::Closing(closing), CancelReach::Plan) if closing.gave_up && plan.exits.stop.is_some() => {}
        (_, CancelReach::Plan) => return nothing_to_do(deciding, &plan, id, Idle::AlreadyWorking),
        (_, CancelReach::Orders | CancelReach::Protection) => return Err(Refusal::PlanEnded.into()),
    }
    if reach == CancelReach::Plan {
        batch::leave(deciding, id, plan_id)?;
    }
    deciding.decide(Some(no), None, Decision::AllCancelled { directive: id.clone(), reach })?;
    Ok(converge(deciding, no)?)
}

/// Whether a group is still to be opened for the standing target, once an answer has come.
fn is_still_to_send(deciding: &Deciding<'_>, plan: &Plan) -> Result<bool, EngineError> {
    let committed = deciding.exact(plan.committed())?;
    let missing = deciding.exact(plan.target.size.minus(committed))?;
    let settled = match Side::of(missing) {
        None => true,
        Some(side) if side == plan.direction => plan.target.given_up,
        Some(_) => plan.target.kept,
    };
    Ok(!settled)
}

/// The groups that a directive names.
enum Named {
    /// Those that go on or are paused.
    Open(Vec<Group>),
    /// None of them does: this one is still being taken back.
    BeingCancelled(GroupId),
}

fn named(plan: &Plan, reference: &GroupRef) -> Result<Named, Refusal> {
    let is_named = |group: &&Group| {
        group.action != GroupAction::Close
            && match reference {
                GroupRef::Group(id) => group.id == *id,
                GroupRef::Directive(directive) => group.directive == *directive,
            }
    };
    let named = || plan.groups.iter().filter(is_named);
    let open: Vec<Group> =
        named().filter(|group| group.is_active() && group.ordered.course != Course::Cancelled).cloned().collect();
    if !open.is_empty() {
        return Ok(Named::Open(open));
    }
    let last = named().next_back().ok_or(Refusal::Group(GroupRefusal::UnknownGroup))?;
    match last.end {
        None => Ok(Named::BeingCancelled(last.id)),
        Some(end) => Err(Refusal::Group(GroupRefusal::GroupEnded { group: last.id, end })),
    }
}

/// What came due while a group was paused is not made up for where the schedule says so.
fn skip_what_came_due(deciding: &mut Deciding<'_>, plan: &Plan, group: &Group) -> Result<(), EngineError> {
    if !matches!(group.algorithm, Algorithm::Twap(twap) if !twap.catch_up) {
        return Ok(());
    }
    let due = deciding.exact(group.due_quantity(&plan.instrument))?;
    let sent = deciding.exact(group.filled().plus(deciding.exact(group.working())?))?;
    let passed = deciding.exact(due.minus(sent))?;
    match passed.size().filter(|_| passed > Position::FLAT) {
        None => Ok(()),
        Some(passed) => target::drop_unsent(deciding, plan.no, group.no, passed, Because::Skipped),
    }
}

/// A change of a group's orders that breaks no rule.
struct Judged {
    group: GroupNo,
    action: GroupAction,
    limit_price: Option<Price>,
    added: Position,
    target: Position,
    /// Of each open order that is answered: as it is, and its quantity from now on.
    orders: Vec<(Order, Quantity)>,
}

/// Whether a group's orders may be changed like that; `None` where it changes nothing.
fn judge(
    deciding: &Deciding<'_>,
    plan: &Plan,
    group: &Group,
    change: OrderChange,
    earlier: &[Judged],
) -> Result<Option<Judged>, Stop> {
    if change.limit_price.is_some() && matches!(group.algorithm, Algorithm::Layered(_)) {
        return Err(GroupRefusal::OnePriceForLayers { group: group.id }.into());
    }
    if change.limit_price.is_some() && group.entry.limit_price.is_none() {
        return Err(GroupRefusal::NoLimitPrice { group: group.id }.into());
    }
    if let Some(limit_price) = change.limit_price.filter(|_| group.action == GroupAction::Enter) {
        within_exits(plan, limit_price)?;
    }
    if let (Some(price), Some(unsent)) = (change.limit_price, deciding.exact(group.unsent())?.size()) {
        parts_at(&plan.instrument, group, unsent, price).map_err(|unplanned| Stop::unplanned(deciding, unplanned))?;
    }
    let open: Vec<&Order> = group.orders.own_working().collect();
    if change.quantity.is_some() {
        if open.is_empty() {
            return Err(GroupRefusal::NoOpenOrder { group: group.id }.into());
        }
        if !deciding.state.ledger.is_connected() {
            return Err(GroupRefusal::NotConnected.into());
        }
        let waiting = open.iter().filter(|order| order.is_unanswered() || order.is_unknown()).count();
        if let Some(orders) = u32::try_from(waiting).ok().filter(|count| *count > 0) {
            return Err(GroupRefusal::OrderUnanswered { orders }.into());
        }
    }
    let leaves = matches!(group.action, GroupAction::Reduce | GroupAction::Close);
    let grows = |order: &&&Order| change.quantity.is_some_and(|quantity| quantity > order.quantity);
    let profile = &deciding.state.profile;
    if leaves && profile.divides_holding() && open.iter().any(|order| grows(&order)) {
        // Protection would have to give up its part first; a smaller target has it do so.
        let needs = if profile.reduce_only { "holding that its stops leave free" } else { "reduce_only" };
        return Err(Refusal::UnsupportedByProfile { needs: needs.to_owned() }.into());
    }
    let mut added = Position::FLAT;
    let mut leaving = Position::FLAT;
    let mut orders = Vec::new();
    for order in open {
        let quantity = change.quantity.unwrap_or(order.quantity);
        let whole = Side::Buy.signed(quantity);
        let Some(left) = deciding.exact(whole.minus(order.filled()))?.size().filter(|_| whole > order.filled()) else {
            return Err(GroupRefusal::NotAboveFilled { quantity, filled: order.filled() }.into());
        };
        let price = change.limit_price.or(order.terms.limit_price()).or_else(|| current_price(deciding, plan));
        if let Some(price) = price
            && !deciding.exact(plan.instrument.meets_min_notional(left, price))?
        {
            let minimum = plan.instrument.min_notional;
            return Err(GroupRefusal::OrderBelowMinNotional { quantity: left, price, minimum }.into());
        }
        let more = whole.minus(Side::Buy.signed(order.quantity));
        added = added.plus(more.map_err(|_| Refusal::TooLarge)?).map_err(|_| Refusal::TooLarge)?;
        leaving = leaving.plus(Side::Buy.signed(left)).map_err(|_| Refusal::TooLarge)?;
        orders.push((order.clone(), quantity));
    }
    let limit_price = change.limit_price.filter(|price| group.entry.limit_price != Some(*price));
    if limit_price.is_none() && added.is_flat() {
        return Ok(None);
    }
    let standing = earlier.last().map_or(plan.target.size, |judged| judged.target);
    let target = moved_target(plan, group, standing, added)?;
    if added > Position::FLAT {
        let alike = earlier.iter().filter(|judged| judged.action == group.action);
        let mut more = Position::FLAT;
        for judged in alike {
            more = deciding.exact(more.plus(judged.added.max(Position::FLAT)))?;
        }
        match group.action {
            GroupAction::Enter => has_room(deciding, plan, deciding.exact(more.plus(added))?, target, earlier)?,
            GroupAction::Reduce | GroupAction::Close => {
                within_held(deciding, plan, group, deciding.exact(more.plus(leaving))?)?;
            }
        }
    }
    let price_of = |order: &Order| change.limit_price.filter(|_| order.terms.order_type() == OrderType::Limit);
    let alike = earlier.iter().filter(|judged| judged.action == group.action).flat_map(|judged| &judged.orders);
    let mut besides = Besides::default();
    for (order, quantity) in alike {
        besides = besides.with(deciding, plan, order, *quantity, price_of(order))?;
    }
    for (order, quantity) in &orders {
        let price = price_of(order);
        if let Some(refusal) = risk::judge_change(deciding, plan, order, *quantity, price, besides)? {
            return Err(Refusal::RiskGate(refusal).into());
        }
        besides = besides.with(deciding, plan, order, *quantity, price)?;
    }
    Ok(Some(Judged { group: group.no, action: group.action, limit_price, added, target, orders }))
}

/// Whether what a group is still to send can be sent at another price: its parts must be large enough for the venue.
fn parts_at(instrument: &Instrument, group: &Group, unsent: Quantity, price: Price) -> Result<(), Unplanned> {
    match group.algorithm {
        Algorithm::Iceberg(iceberg) => {
            let shown = Algorithm::Iceberg(Iceberg { visible: iceberg.visible.min(unsent) });
            division::parts(instrument, shown, Some(unsent), Some(price))
        }
        Algorithm::Twap(_) => division::parts(instrument, group.algorithm, Some(group.planned), Some(price)),
        Algorithm::Single | Algorithm::Layered(_) => Ok(()),
    }
}

/// An entry at a price that an exit level has passed would leave at once.
fn within_exits(plan: &Plan, limit_price: Price) -> Result<(), Refusal> {
    let stop = plan.exits.stop.filter(|stop| levels::is_passed(*stop, plan.direction, limit_price));
    let profit = plan.exits.take_profit;
    let profit = profit.filter(|level| levels::is_passed(*level, plan.direction.opposite(), limit_price));
    for (field, level) in [("stop_loss_price", stop), ("take_profit_price", profit)] {
        if let Some(level) = level {
            let field = field.to_owned();
            return Err(Refusal::Group(GroupRefusal::LimitBeyondExit { limit_price, field, level }));
        }
    }
    Ok(())
}

/// The standing target once the group trades `added` more: it moves with what its orders are to trade, never across zero.
fn moved_target(plan: &Plan, group: &Group, standing: Position, added: Position) -> Result<Position, Refusal> {
    let change = match added.size() {
        None => Position::FLAT,
        Some(size) => {
            let side = group.side(plan.direction);
            if added > Position::FLAT { side.signed(size) } else { side.opposite().signed(size) }
        }
    };
    let target = standing.plus(change).map_err(|_| Refusal::TooLarge)?;
    let crossed = Side::of(target).is_some_and(|side| side != plan.direction);
    Ok(if crossed { Position::FLAT } else { target })
}

/// Whether a group may grow although every cancel under way may come too late.
fn has_room(
    deciding: &Deciding<'_>,
    plan: &Plan,
    added: Position,
    target: Position,
    earlier: &[Judged],
) -> Result<(), Stop> {
    let Some(added) = added.size() else { return Ok(()) };
    let mut reach = deciding.exact(plan.traded().plus(plan.direction.signed(added)))?;
    let entries = plan.open_orders().filter(|order| order.role == OrderRole::Entry);
    for remaining in entries.filter_map(Order::remaining_most) {
        reach = deciding.exact(reach.plus(plan.direction.signed(remaining)))?;
    }
    if Side::of(deciding.exact(reach.minus(target))?) != Some(plan.direction) {
        return Ok(());
    }
    // What the same directive makes smaller will wait for its answer, too.
    let shrinks = |order: &Order| {
        let orders = earlier.iter().flat_map(|judged| &judged.orders);
        orders.filter(|(other, _)| other.no == order.no).any(|(_, quantity)| *quantity < order.quantity)
    };
    let waiting = plan.working(OrderRole::Entry).filter(|order| order.is_unanswered() || shrinks(order)).count();
    Err(GroupRefusal::OrderUnanswered { orders: u32::try_from(waiting).unwrap_or(u32::MAX) }.into())
}

/// No more may be on its way out than is held.
fn within_held(deciding: &Deciding<'_>, plan: &Plan, group: &Group, leaving: Position) -> Result<(), Stop> {
    let held = deciding.exact(plan.held_lots())?.map_or(Position::FLAT, |lots| Side::Buy.signed(lots));
    let mut leaving = leaving;
    for other in plan.groups.iter().filter(|other| other.no != group.no && other.action == GroupAction::Reduce) {
        leaving = deciding.exact(leaving.plus(deciding.exact(other.working())?))?;
    }
    if leaving > held { Err(GroupRefusal::WouldCrossZero { leaving, held }.into()) } else { Ok(()) }
}

/// Records the change, and asks the venue for it where an order is answered; [`follow`] asks for a price later.
fn modify(deciding: &mut Deciding<'_>, id: &DirectiveId, no: PlanNo, judged: &Judged) -> Result<(), EngineError> {
    let Judged { group, action: _, limit_price, added, target, orders } = judged;
    let decision = Decision::OrdersModified {
        directive: id.clone(),
        group: *group,
        limit_price: *limit_price,
        added: *added,
        target: *target,
    };
    deciding.decide(Some(no), None, decision)?;
    for (order, quantity) in orders {
        ask(deciding, no, order, *quantity, *limit_price)?;
    }
    Ok(())
}

/// Asks the venue for another quantity or price of an order: by a change where it can, else it is taken back and sent
/// again. One change at a time.
fn ask(
    deciding: &mut Deciding<'_>,
    no: PlanNo,
    order: &Order,
    quantity: Quantity,
    limit_price: Option<Price>,
) -> Result<(), EngineError> {
    // A price that cannot be asked for now is asked for when the answer, or the connection, has come.
    if order.is_unanswered() || order.is_unknown() || !deciding.state.ledger.is_connected() {
        return Ok(());
    }
    let standing = order.terms.limit_price();
    let price = limit_price.filter(|_| order.terms.order_type() == OrderType::Limit).or(standing);
    if quantity == order.quantity && price == standing {
        return Ok(());
    }
    let profile = &deciding.state.profile;
    let can = match quantity.cmp(&order.quantity) {
        std::cmp::Ordering::Greater => profile.amend_up,
        std::cmp::Ordering::Less => profile.amend_down,
        std::cmp::Ordering::Equal => profile.amend_up || profile.amend_down,
    };
    // An order that may only make liquidity stays where it is: sent again, it would be refused there as well.
    if order.reason == Some(VenueReason::WouldTake) {
        return Ok(());
    }
    // A change that the venue refused is not asked for again.
    if !can || order.reason.is_some() {
        return cancel(deciding, no, order.no, Because::Modified);
    }
    deciding.decide(Some(no), Some(order.no), Decision::AmendRequested { quantity, price, because: Because::Modified })
}

/// Carries out what was ordered of a plan's groups: what is cancelled is taken back, and what was given another price
/// comes to stand there.
pub(super) fn follow(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    for group in plan.groups.iter().filter(|group| group.is_active() && group.action != GroupAction::Close) {
        if group.ordered.course == Course::Cancelled {
            target::take_back_group(deciding, no, group, Because::Cancelled)?;
        } else if group.ordered.repriced {
            for order in group.orders.own_working() {
                ask(deciding, no, order, order.quantity, group.entry.limit_price)?;
            }
        }
    }
    Ok(())
}

/// Which attempt a group's current slice is to be sent as, where what was taken back of it is sent again; `None` where
/// nothing is, or an answer must come first.
pub(super) fn sent_again(group: &Group, last: &Order) -> Option<u32> {
    let answered = !group.orders.own_working().any(Order::is_unanswered);
    (group.ordered.resend && answered).then(|| last.attempt.saturating_add(1))
}

/// Whether an order that was refused is tried once more, counted from when its slice was first sent, or sent again on
/// request.
pub(super) const fn is_retried(deciding: &Deciding<'_>, group: &Group, order: &Order) -> bool {
    order.attempt.saturating_sub(group.ordered.first_attempt) < deciding.state.policy.reject_retries
}

/// Whether a group may send something new.
pub(super) fn runs(group: &Group) -> bool {
    group.ordered.course == Course::Runs
}
