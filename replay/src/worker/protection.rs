//! Protection (SEMANTICS 4): the working stop covers what is held, and never shrinks to grow; the take profit takes
//! what is held. What is not covered is a gap, and recorded.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::event::{Because, Decision, GroupAction, VenueReason};
use retrace_core::ids::{GroupNo, PlanNo};
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_projections::ledger::{Closing, Group, Order, Phase, Plan, is_protection};

use super::{Request, cancel, closing, current_price, holding, patience, request, snapshot, trailing};
use crate::planner::levels;
use crate::step::{Deciding, EngineError};

/// What one protective order is to be.
struct Cover {
    role: OrderRole,
    level: Price,
    quantity: Quantity,
}

/// Brings the stop and the take profit to what the plan holds.
pub(super) fn cover(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    // What a close, a rollback or a take profit leaves as dust is not protected again: the plan ends once nothing works any more.
    let trades = plan.orders().any(|order| order.is_working() && !is_protection(order.role));
    let taken_back = plan.rollback.is_some_and(|rollback| rollback.ends);
    let to_end = matches!(plan.phase, Phase::Closing(_)) || taken_back || closing::took_all(&plan);
    let ends = to_end && !trades && closing::is_dust(deciding, &plan)?;
    let held = deciding.exact(plan.held_lots())?.filter(|_| !ends);
    let standing = plan.phase == Phase::Standing;
    let stopped = matches!(plan.phase, Phase::StoppedOut | Phase::Reopened { .. });

    let several = holding::is_several(&deciding.state.profile, OrderRole::StopLoss);
    let stop = plan.working(OrderRole::StopLoss).next_back().cloned();
    match (held, plan.exits.stop) {
        (Some(quantity), Some(level)) if !stopped => {
            match failed_level(deciding, &plan, stop.as_ref(), level)? {
                None => {
                    // One that was to be withdrawn and is not yet, of another kind than what is to stand now.
                    let stops = plan.working(OrderRole::StopLoss);
                    let others: Vec<_> = stops.filter(|stop| !patience::is_as_wanted(deciding, &plan, stop)).collect();
                    for other in &others {
                        cancel(deciding, no, other.no, Because::Directive)?;
                    }
                    if others.is_empty() {
                        let cover = Cover { role: OrderRole::StopLoss, level, quantity };
                        place(deciding, &plan, stop.as_ref(), &cover)?;
                    }
                }
                // It is being sold at market already; the stop that the venue would not move only shrinks with it.
                Some(_) if closes_at_market(&plan) && several => {
                    fit_down(deciding, &plan, OrderRole::StopLoss)?;
                }
                Some(_) if closes_at_market(&plan) => shrink(deciding, &plan, stop.as_ref(), quantity)?,
                Some(current_price) => {
                    let decision = Decision::StopPassed { level, current_price, quantity };
                    return deciding.decide(Some(no), None, decision);
                }
            }
        }
        (Some(_), None) => withdraw(deciding, &plan, OrderRole::StopLoss, Because::Directive)?,
        // After a stop-out other stops keep working until nothing is held; one that the venue would not move does not.
        (Some(quantity), Some(_)) => match &stop {
            Some(stop) if stop.reason.is_some() => cancel(deciding, no, stop.no, Because::StopLost)?,
            Some(_) | None if several => fit_down(deciding, &plan, OrderRole::StopLoss)?,
            // Fees in base take of what it is to sell.
            Some(_) | None => shrink(deciding, &plan, stop.as_ref(), quantity)?,
        },
        (None, _) => withdraw(deciding, &plan, OrderRole::StopLoss, Because::Flat)?,
    }

    if !several {
        older_stops(deciding, &plan, held)?;
    }

    let take_profit = plan.working(OrderRole::TakeProfit).next_back().cloned();
    match (held, plan.exits.take_profit) {
        (Some(quantity), Some(level)) if standing && !closing::took_all(&plan) => {
            let refused = plan.side_orders().any(|order| {
                order.role == OrderRole::TakeProfit
                    && order.status == OrderStatus::Rejected
                    && order.reason != Some(VenueReason::NeverArrived)
                    && order.terms.trigger() == Some(level)
            });
            if !refused {
                let cover = Cover { role: OrderRole::TakeProfit, level, quantity };
                place(deciding, &plan, take_profit.as_ref(), &cover)?;
            }
        }
        (Some(_), None) => withdraw(deciding, &plan, OrderRole::TakeProfit, Because::Directive)?,
        (Some(_), Some(_)) if stopped => withdraw(deciding, &plan, OrderRole::TakeProfit, Because::StoppedOut)?,
        (Some(_), Some(_)) if standing => {}
        (Some(_), Some(_)) => withdraw(deciding, &plan, OrderRole::TakeProfit, Because::Closing)?,
        (None, _) => withdraw(deciding, &plan, OrderRole::TakeProfit, Because::Flat)?,
    }
    note_gap(deciding, no)
}

/// A stop that was taken to have filled works again when a change to a larger quantity is told after the fill: by then
/// the newest covers all that is held. After a stop-out they go on together, as long as they cover no more than that.
fn older_stops(deciding: &mut Deciding<'_>, plan: &Plan, held: Option<Quantity>) -> Result<(), EngineError> {
    let stops: Vec<&Order> = plan.working(OrderRole::StopLoss).collect();
    let Some((_, older)) = stops.split_last() else { return Ok(()) };
    let mut covered = Position::FLAT;
    for remaining in stops.iter().filter_map(|stop| stop.remaining()) {
        covered = deciding.exact(covered.plus(Side::Buy.signed(remaining)))?;
    }
    let ending = matches!(plan.phase, Phase::StoppedOut | Phase::Reopened { .. });
    if ending && covered <= held.map_or(Position::FLAT, |held| Side::Buy.signed(held)) {
        return Ok(());
    }
    for stop in older {
        cancel(deciding, plan.no, stop.no, Because::Superseded)?;
    }
    Ok(())
}

/// The current price, where a stop cannot stand at `level` any more: it is passed when the stop is to be placed, or
/// the venue refused, ended or would not move the last one.
fn failed_level(
    deciding: &Deciding<'_>,
    plan: &Plan,
    working: Option<&Order>,
    level: Price,
) -> Result<Option<Price>, EngineError> {
    let Some(current) = current_price(deciding, plan) else { return Ok(None) };
    let failed = if holding::is_several(&deciding.state.profile, OrderRole::StopLoss) {
        let refused = |stop: &Order| stop.reason.is_some() && !stop.is_unanswered();
        let places = || holding::missing(deciding, plan, OrderRole::StopLoss);
        let newest = plan.side_orders().filter(|order| order.role == OrderRole::StopLoss).max_by_key(|stop| stop.no);
        plan.working(OrderRole::StopLoss).any(refused)
            || (places()?.is_some() && (is_lost(plan, newest) || levels::is_passed(level, plan.direction, current)))
    } else if let Some(working) = working {
        working.reason.is_some() && !working.is_unanswered()
    } else {
        let last = plan.side_orders().rfind(|order| order.role == OrderRole::StopLoss);
        is_lost(plan, last) || levels::is_passed(level, plan.direction, current)
    };
    Ok(Some(current).filter(|_| failed))
}

/// Whether the venue refused or ended a stop by itself, other than with the position or the other leg; or it was a
/// stop limit that did not fill in time.
fn is_lost(plan: &Plan, stop: Option<&Order>) -> bool {
    stop.is_some_and(|stop| match stop.status {
        // One that never reached the venue was not refused: it is placed again.
        OrderStatus::Rejected => stop.reason != Some(VenueReason::NeverArrived),
        OrderStatus::Expired => match stop.reason {
            Some(reason) => !matches!(reason, VenueReason::NothingToReduce | VenueReason::Linked),
            // A venue that is asked where it stands does not say why it ended: as a rule the other leg traded.
            None => !plan.has_filled(OrderRole::TakeProfit),
        },
        // It was set off, and cancelled because it did not fill in time.
        OrderStatus::Canceled => stop.patience_over,
        OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartiallyFilled | OrderStatus::Filled => false,
    })
}

/// Takes a stop that covers more than is held down to it, where it stands.
fn shrink(
    deciding: &mut Deciding<'_>,
    plan: &Plan,
    stop: Option<&Order>,
    quantity: Quantity,
) -> Result<(), EngineError> {
    let larger = stop.filter(|stop| stop.remaining().is_some_and(|remaining| remaining > quantity));
    match larger.and_then(|stop| stop.terms.trigger()) {
        None => Ok(()),
        Some(level) => place(deciding, plan, stop, &Cover { role: OrderRole::StopLoss, level, quantity }),
    }
}

fn closes_at_market(plan: &Plan) -> bool {
    let at_market = |closing: &Closing| closing.price_limit.is_none() && !closing.gave_up;
    matches!(&plan.phase, Phase::Closing(closing) if at_market(closing)) && !plan.closes_in_slices()
}

/// Places the order, or changes the working one to what it is to be. One change at a time.
fn place(deciding: &mut Deciding<'_>, plan: &Plan, working: Option<&Order>, cover: &Cover) -> Result<(), EngineError> {
    if holding::is_several(&deciding.state.profile, cover.role) {
        let Some(group) = parent_group(plan) else { return Ok(()) };
        return holding::fit(deciding, plan, &holding::Wanted { role: cover.role, level: cover.level, group });
    }
    let Some(order) = working else {
        let terms = match cover.role {
            OrderRole::TakeProfit => OrderTerms::TakeProfit { trigger: cover.level },
            OrderRole::StopLoss
            | OrderRole::Entry
            | OrderRole::Reduce
            | OrderRole::Close
            | OrderRole::Flatten
            | OrderRole::Compensation => patience::stop_terms(deciding, plan, cover.level),
        };
        // A stop without a size is worth what it covers by then: no venue judges it before.
        let size_free = holding::is_size_free(&deciding.state.profile, cover.role);
        if !size_free && !super::large_enough(deciding, &plan.instrument, cover.quantity, terms.trigger())? {
            return Ok(());
        }
        let Some(group) = parent_group(plan) else { return Ok(()) };
        let order = Request {
            group,
            role: cover.role,
            terms,
            quantity: cover.quantity,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            slice: plan.count(cover.role),
            attempt: 0,
            because: Because::Fill,
        };
        return request(deciding, plan, order);
    };
    if order.is_unanswered() || order.is_unknown() {
        return Ok(());
    }
    let whole = deciding.exact(order.filled().plus(Side::Buy.signed(cover.quantity)))?;
    let Some(quantity) = whole.size() else { return Ok(()) };
    let moved = trailing::is_moved(order, cover.level);
    if !moved && quantity == order.quantity {
        return Ok(());
    }
    let because = if moved { Because::Directive } else { Because::Fill };
    let price = trailing::amended(order, cover.level);
    let decision = Decision::AmendRequested { quantity, price, because };
    deciding.decide(Some(plan.no), Some(order.no), decision)
}

fn withdraw(deciding: &mut Deciding<'_>, plan: &Plan, role: OrderRole, because: Because) -> Result<(), EngineError> {
    // Where there is one by design, `older_stops` sees to those that came back to work.
    let several = holding::is_several(&deciding.state.profile, role);
    let most = if several { usize::MAX } else { 1 };
    let working: Vec<_> = plan.working(role).rev().take(most).map(|order| order.no).collect();
    working.into_iter().try_for_each(|order| cancel(deciding, plan.no, order, because))
}

/// Takes protection of one kind back to what stays.
fn fit_down(deciding: &mut Deciding<'_>, plan: &Plan, role: OrderRole) -> Result<(), EngineError> {
    let staying = deciding.exact(holding::staying(deciding, plan))?;
    holding::fit_down(deciding, plan, role, staying, Because::Fill)
}

/// The entry group whose fill is covered: the first one that filled anything.
fn parent_group(plan: &Plan) -> Option<GroupNo> {
    let entered = |group: &&Group| group.action == GroupAction::Enter && !group.orders.is_empty();
    let entries = || plan.groups.iter().filter(entered);
    let filled = entries().find(|group| !group.filled().is_flat());
    filled.or_else(|| entries().next()).map(|group| group.no)
}

/// Records what no working stop covers, whenever no request about the stop is under way and it has changed.
pub(super) fn note_gap(deciding: &mut Deciding<'_>, no: PlanNo) -> Result<(), EngineError> {
    let Some(plan) = snapshot(deciding, no) else { return Ok(()) };
    // One that takes another's place covers nothing before the venue has it, and the other does no more.
    let replaces = |stop: &&Order| stop.status == OrderStatus::Pending && stop.because == Because::Consolidating;
    let stops: Vec<&Order> = plan.working(OrderRole::StopLoss).filter(|stop| !replaces(stop)).collect();
    if stops.iter().any(|stop| stop.is_unanswered()) {
        return Ok(());
    }
    // A plan that has no stop by its own directive has no gap; one whose stop a directive cancelled has.
    let to_cover = plan.exits.stop.is_some() || plan.protection_cancelled;
    let mut uncovered = match deciding.exact(plan.held_lots())? {
        Some(held) if to_cover => Side::Buy.signed(held),
        Some(_) | None => Position::FLAT,
    };
    for remaining in stops.iter().filter_map(|stop| stop.remaining()) {
        uncovered = deciding.exact(uncovered.minus(Side::Buy.signed(remaining)))?;
    }
    let flattens = matches!(plan.phase, Phase::StoppedOut | Phase::Reopened { .. });
    if flattens {
        // A gap lasts until the plan is flat.
        let asked = leaving(&plan).any(Order::is_unanswered);
        if asked || uncovered <= Position::FLAT || closing::is_dust(deciding, &plan)? {
            return Ok(());
        }
    }
    let uncovered = uncovered.size().filter(|_| uncovered > Position::FLAT);
    let size = uncovered.map_or(Position::FLAT, |size| plan.direction.signed(size));
    let known = plan.gap.map_or(Position::FLAT, |(quantity, _)| quantity);
    if size == known {
        return Ok(());
    }
    let because = match uncovered {
        None => Because::Fill,
        Some(_) if plan.protection_cancelled => Because::ProtectionCancelled,
        Some(_) if !deciding.state.ledger.is_connected() => Because::NoConnection,
        Some(_) if closes_at_market(&plan) => Because::Closing,
        Some(_) if flattens && leaving(&plan).next().is_some() => closing::why_flattened(&plan),
        // The venue does not take the order that flattens it; or it is too small for one.
        Some(quantity) if flattens => {
            let price = current_price(deciding, &plan);
            let worth = super::large_enough(deciding, &plan.instrument, quantity, price)?;
            if worth { Because::Rejected } else { Because::BelowMinNotional }
        }
        Some(_) if closing::is_dust(deciding, &plan)? => Because::BelowMinNotional,
        // Its trades are still to be told: until then no other takes its place.
        Some(_) if stops.iter().any(|stop| stop.is_done()) => Because::LateEntry,
        Some(_) => holding::cause(deciding, &plan, size)?,
    };
    deciding.decide(Some(no), None, Decision::ProtectionGapChanged { uncovered: size, because })
}

/// The orders that may still bring the plan out of what it holds, protection aside.
pub(super) fn leaving(plan: &Plan) -> impl Iterator<Item = &Order> {
    let leaves = |order: &&Order| order.may_fill() && order.side == plan.direction.opposite();
    plan.open_orders().filter(move |order| leaves(order) && !is_protection(order.role))
}
