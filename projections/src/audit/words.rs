//! How each event is told to a trader, in one line.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::event::{
    Because, Decision, Event, Fact, FillReport, Input, Outcome, Report, ReportKind, ReportedOrder, TimerPurpose,
    TradeImported, TradeOrigin, VenueReason,
};
use retrace_core::ids::TimerId;
use retrace_core::manifest::Mode;
use retrace_core::order::{OrderRole, OrderTerms, Side};
use retrace_core::time::Timestamp;

use super::intents::{algorithm_text, behind, directive_text, part_word, trail_text};
use super::refusals::{idle_text, refusal_words};
use super::sizes::how_much;
use super::{actions, batches, quality, reports, risk};
use crate::ledger::{Book, Fill, Group, Order, Phase, Plan};

/// By what a line names orders and earlier events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By their numbers in the session, as every other command shows them.
    ByNumber,
    /// By their place in their plan, and earlier events not at all: what another plan did moves no name.
    ByCause,
}

/// Why an event happened, in the worker's own word, and the event as a line. `book` is the book after it.
pub(crate) fn describe(event: &Event, book: &Book, naming: Naming) -> (Option<&'static str>, String) {
    match &event.fact {
        Fact::Input(input) => (None, input_text(event, input, book, naming)),
        Fact::Decision(decision) => decision_text(event, decision, book, naming),
        Fact::Unknown(unknown) => (None, format!("an event of unknown kind {}", unknown.kind)),
    }
}

pub(super) fn plan_of<'a>(event: &Event, book: &'a Book) -> Option<&'a Plan> {
    event.plan.and_then(|no| book.plan(no))
}

pub(super) fn order_of<'a>(event: &Event, book: &'a Book) -> Option<&'a Order> {
    plan_of(event, book).zip(event.order).and_then(|(plan, no)| plan.order(no))
}

/// An order as the story names it: what it is for, and its place in the session or in its plan.
pub(super) fn name(event: &Event, book: &Book, naming: Naming) -> String {
    match (order_of(event, book), event.order, naming) {
        (Some(order), _, Naming::ByCause) => {
            let group = plan_of(event, book).and_then(|plan| plan.group_of(order.no));
            group.map_or_else(|| role_name(order.role).to_owned(), |group| order_name(group, order))
        }
        (Some(order), _, Naming::ByNumber) => format!("{} #{}", role_name(order.role), order.no),
        (None, Some(no), Naming::ByNumber) => format!("order #{no}"),
        (None, Some(_), Naming::ByCause) | (None, None, _) => "order".to_owned(),
    }
}

/// An order by what its id is made of: `entry 2.7` is slice 7 of group 2, `stop 3` the plan's third stop, `try 2` its
/// second attempt. The same in every session in which it is sent for the same cause.
pub fn order_name(group: &Group, order: &Order) -> String {
    let role = role_name(order.role);
    let place = order.slice.saturating_add(1);
    let name =
        if order.role == group.role() { format!("{role} {}.{place}", group.no) } else { format!("{role} {place}") };
    if order.attempt == 0 { name } else { format!("{name} try {}", order.attempt.saturating_add(1)) }
}

pub(super) const fn role_name(role: OrderRole) -> &'static str {
    match role {
        OrderRole::Entry => "entry",
        OrderRole::Reduce => "reduce",
        OrderRole::Close => "close",
        OrderRole::StopLoss => "stop",
        OrderRole::TakeProfit => "take profit",
        OrderRole::Flatten => "flatten",
        OrderRole::Compensation => "compensation",
    }
}

fn input_text(event: &Event, input: &Input, book: &Book, naming: Naming) -> String {
    match input {
        Input::SessionContinued(from) => match naming {
            Naming::ByNumber => format!("goes on from session {}", from.parent),
            Naming::ByCause => "goes on from another session".to_owned(),
        },
        Input::PriceMoved(moved) => format!("{} {}", moved.symbol, moved.mark.long),
        Input::DirectiveReceived(directive) => directive_text(directive, book),
        Input::TimerFired { timer } => format!("{} fired", timer_name(*timer, naming)),
        Input::Report(report) => report_text(event, report, book, naming),
        Input::TradeImported(trade) => trade_text(trade, naming),
        Input::ConnectionChanged { connected } => reports::connection_text(*connected).to_owned(),
        Input::OperatorCommanded(commanded) => risk::commanded_text(commanded),
    }
}

fn timer_name(timer: TimerId, naming: Naming) -> String {
    match naming {
        Naming::ByNumber => format!("timer {timer}"),
        Naming::ByCause => "timer".to_owned(),
    }
}

fn report_text(event: &Event, report: &Report, book: &Book, naming: Naming) -> String {
    if let ReportedOrder::Foreign(id) = &report.order {
        return format!("order {id} at the venue is not ours");
    }
    let name = name(event, book, naming);
    match &report.what {
        ReportKind::Accepted { connector_order_id } => match naming {
            Naming::ByNumber => format!("{name} accepted as {connector_order_id}"),
            Naming::ByCause => format!("{name} accepted"),
        },
        ReportKind::Rejected { reason } => format!("{name} rejected: {}", venue_reason_text(*reason)),
        ReportKind::Filled(fill) => fill_text(event, fill, book, naming),
        ReportKind::Amended { quantity, price } => {
            let at = price.map_or(String::new(), |price| format!(" @ {price}"));
            let order = order_of(event, book);
            let quantity = how_much(order, *quantity);
            format!("{name} is now {quantity}{at}{}{}", filled_of_it(order), covers(event, book))
        }
        ReportKind::AmendRejected { reason } => format!("{name}: change refused: {}", venue_reason_text(*reason)),
        ReportKind::Canceled => format!("{name} cancelled"),
        ReportKind::CancelRejected { reason } => format!("{name}: cancel refused: {}", venue_reason_text(*reason)),
        ReportKind::Expired { reason } => format!("{name} expired: {}", venue_reason_text(*reason)),
        ReportKind::Triggered => format!("{name} set off, nothing to trade with yet"),
        ReportKind::Busted { .. } | ReportKind::Corrected { .. } | ReportKind::Stands { .. } | ReportKind::NotFound => {
            reports::text(event, report, book, naming, &name)
        }
    }
}

/// A venue's reason as a trader says it.
pub const fn venue_reason_text(reason: VenueReason) -> &'static str {
    match reason {
        VenueReason::WouldTriggerNow => "its level is already passed",
        VenueReason::WouldTake => "it would have taken, and may only make",
        VenueReason::BelowMinNotional => "below the minimum notional",
        VenueReason::OffGrid => "off the tick or the lot",
        VenueReason::NothingToReduce => "nothing is left to reduce",
        VenueReason::NotFilledAtOnce => "no price inside its limit",
        VenueReason::UnknownOrder => "the venue knows it no more",
        VenueReason::Other => "reason not told",
        VenueReason::NeverArrived => "it never arrived at the venue",
        VenueReason::NotHeld => "more than is held, and the venue takes no short positions",
        VenueReason::HoldingLocked => "what is held is locked by a working order",
        VenueReason::TooManyStops => "as many stops work as the venue takes",
        VenueReason::CannotAmend => "the venue does not change an order's quantity this way",
        VenueReason::GoodTill => "the time until which it was good has come",
        VenueReason::Linked => "the other exit, linked with it, traded",
    }
}

fn fill_text(event: &Event, fill: &FillReport, book: &Book, naming: Naming) -> String {
    let order = order_of(event, book);
    let position = plan_of(event, book).map_or(Position::FLAT, Plan::traded);
    let marks = order.and_then(|order| order.fill_of(&fill.trade_id));
    if let Some(known) = marks.filter(|known| known.booked != event.seq) {
        return told_again(&name(event, book, naming), known, fill, naming);
    }
    if let Some(text) = reports::of_another_order(event, fill, book, naming) {
        return text;
    }
    let late = if marks.is_some_and(|fill| fill.late) { ", late" } else { "" };
    let busted = if marks.is_some_and(|fill| fill.busted) { ", BUSTED before" } else { "" };
    let overfill = if marks.is_some_and(|fill| fill.overfill) { ", above its quantity" } else { "" };
    format!(
        "{} filled {} @ {}, fee {} {}{late}{overfill}{busted}; position {position}",
        name(event, book, naming),
        fill.quantity,
        fill.price,
        fill.fee,
        fill.fee_asset
    )
}

/// A fill that was booked before: a repeat, or a conflict, which changes nothing.
fn told_again(order: &str, known: &Fill, told: &FillReport, naming: Naming) -> String {
    let (quantity, price) = (told.quantity, told.price);
    let booked = match naming {
        Naming::ByNumber => format!(" of event {}", known.booked),
        Naming::ByCause => String::new(),
    };
    // Once it is put right, the fill itself says nothing new.
    if known.says(told) || known.revision > 0 {
        return format!("{order}: the fill of {quantity} @ {price}{booked} again");
    }
    let was = format!("{} @ {}", known.quantity, known.price);
    format!("{order}: CONFLICT: the fill of {was}{booked} is now said to be {quantity} @ {price}; it stays")
}

/// A trade as its history tells it.
fn trade_text(trade: &TradeImported, naming: Naming) -> String {
    let TradeImported { symbol, side, position, fill, origin, line, .. } = trade;
    let FillReport { price, quantity, fee, fee_asset, trade_id, .. } = fill;
    let did = match (origin, side) {
        (TradeOrigin::History, Side::Buy) => "bought",
        (TradeOrigin::History, Side::Sell) => "sold",
        (TradeOrigin::Opening, Side::Buy) => "held before:",
        (TradeOrigin::Opening, Side::Sell) => "owed before:",
    };
    let charged = if fee.value().is_zero() { String::new() } else { format!(", fee {fee} {fee_asset}") };
    // The two trades of one row are named after their position.
    let told = position.as_ref().filter(|key| !trade_id.as_str().starts_with(key.as_str()));
    let position = told.map_or(String::new(), |key| format!(", position {key}"));
    let line = if naming == Naming::ByNumber { format!(", line {line}") } else { String::new() };
    format!("{did} {quantity} {symbol} @ {price}{charged}{position} (trade {trade_id}{line})")
}

/// What changes of an order, before and after. `order` still has the values before.
fn change_text(order: Option<&Order>, quantity: Quantity, price: Option<Price>) -> String {
    let Some(order) = order else { return quantity.to_string() };
    // Where the venue has moved a trailing stop to is not told.
    let level = order.terms.trigger().filter(|_| order.terms.trail().is_none());
    let standing = level.or_else(|| order.terms.limit_price());
    let resized = quantity != order.quantity && !order.is_size_free();
    let moved = price.is_some() && price != standing;
    // An order at market has no price.
    let at = |price: Option<Price>| price.map_or(String::new(), |price| format!(" @ {price}"));
    // The limit of a stop limit goes with its level.
    let beside = match price.map_or(order.terms, |price| order.terms.at(price)) {
        OrderTerms::StopLimit { price, .. } => format!(", limit {price}"),
        OrderTerms::TrailingStop { trail, .. } => format!(", {}", trail_text(trail)),
        OrderTerms::Market
        | OrderTerms::Limit { .. }
        | OrderTerms::Iceberg { .. }
        | OrderTerms::Stop { .. }
        | OrderTerms::TakeProfit { .. }
        | OrderTerms::Unknown => String::new(),
    };
    let change = match (resized, moved) {
        (true, false) => format!("{} -> {quantity}{}", order.quantity, at(standing)),
        (false, true) => {
            format!("{}{} ->{}", how_much(Some(order), quantity), at(standing), at(price).replace(" @", ""))
        }
        (true, true) => format!("{}{} -> {quantity}{}", order.quantity, at(standing), at(price)),
        (false, false) => format!("{quantity}{}, as it is", at(standing)),
    };
    change + &beside
}

/// What has traded of an order that is changed: its quantity counts that in. A stop says what it covers instead.
fn filled_of_it(order: Option<&Order>) -> String {
    let traded = order.filter(|order| order.role != OrderRole::StopLoss && !order.filled().is_flat());
    traded.map_or(String::new(), |order| format!(", {} of it filled", order.filled()))
}

/// For a stop: what it covers of what is held.
fn covers(event: &Event, book: &Book) -> String {
    let (Some(plan), Some(order)) = (plan_of(event, book), order_of(event, book)) else { return String::new() };
    if order.role != OrderRole::StopLoss || order.is_size_free() {
        return String::new();
    }
    let covered = order.remaining_as_requested().map_or("0".to_owned(), |quantity| quantity.to_string());
    format!(", covers {covered} of {} held", plan.held().value().abs().normalize())
}

/// A time as a line needs it: without the date where that is the event's own.
pub(super) fn clock(at: Timestamp, event: &Event) -> String {
    let (at, now) = (at.to_string(), event.time.to_string());
    match (at.split_once('T'), now.split_once('T')) {
        (Some((day, time)), Some((today, _))) if day == today => time.trim_end_matches('Z').to_owned(),
        _ => at,
    }
}

#[expect(clippy::too_many_lines, reason = "one match over every decision, each variant written out by hand")]
fn decision_text(event: &Event, decision: &Decision, book: &Book, naming: Naming) -> (Option<&'static str>, String) {
    let plan = plan_of(event, book);
    let order = order_of(event, book);
    let name = || name(event, book, naming);
    let plain = |text: String| (None, text);
    match decision {
        Decision::DirectiveRefused { directive, refusal, .. } => {
            (Some(refusal.code()), format!("{directive} refused: {}", refusal_words(refusal, naming)))
        }
        Decision::DirectiveRepeated { directive, first } => {
            let at = if naming == Naming::ByNumber { format!(", at event {first}") } else { String::new() };
            plain(format!("{directive} was received before{at}: nothing to do"))
        }
        Decision::NothingToDo { directive, reason, target, committed, .. } => (
            Some(reason.code()),
            format!("{directive}: nothing to do, {} (target {target}, committed {committed})", idle_text(reason)),
        ),
        Decision::PlanAccepted { symbol, direction, .. } => {
            plain(format!("plan taken on: {} {symbol}", if *direction == Side::Buy { "long" } else { "short" }))
        }
        Decision::TargetSet { target, .. } => plain(format!("target set to {target}")),
        Decision::ExitsSet { stop, take_profit, current_price, .. } => {
            let stop = stop.map_or("no stop".to_owned(), |price| format!("stop {price}"));
            let profit = take_profit.map_or(String::new(), |price| format!(", take profit {price}"));
            let price = current_price.map_or(String::new(), |price| format!(" (price {price})"));
            plain(format!("exits set: {stop}{profit}{price}"))
        }
        Decision::StopLimitSet { distance, .. } => plain(distance.map_or_else(
            || "its stop is a stop market".to_owned(),
            |distance| format!("its stop is a stop limit: the limit {} beyond the level", distance.normalize()),
        )),
        Decision::StopTrailSet { trail, .. } => {
            plain(format!("its stop follows the price, {} behind it", behind(*trail)))
        }
        Decision::PlanOpened => plain("plan opened".to_owned()),
        Decision::GroupOpened { group, action, algorithm, quantity, .. } => {
            // A history does not tell how an order was divided, nor how much it was for.
            let how = match book.ledger().mode() {
                Mode::Import => String::new(),
                Mode::Backtest | Mode::Paper | Mode::Live => format!(" {quantity}, {}", algorithm_text(*algorithm)),
            };
            plain(format!("group {group} opened: {}{how}", action.as_str().to_lowercase()))
        }
        Decision::SlicesDropped { group, quantity, because } => {
            (Some(because.as_str()), format!("group {group}: {quantity} dropped ({})", reason(*because)))
        }
        Decision::GroupEnded { group, end, price: _ } => {
            let came_to = plan.and_then(|plan| quality::came_to(plan, *group)).unwrap_or_default();
            plain(format!("group {group} ended {end}, {came_to}"))
        }
        Decision::OrderRequested { side, terms, quantity, time_in_force, slice, because, .. } => {
            let part = part_text(plan, order, *slice, *because);
            let quantity = how_much(order, *quantity);
            let until =
                time_in_force.good_till().map_or(String::new(), |time| format!(" good till {}", clock(time, event)));
            let text =
                format!("{} {side} {quantity} {}{until}{part}{}", name(), order_terms(*terms), covers(event, book));
            (Some(because.as_str()), text)
        }
        Decision::AmendRequested { quantity, price, because } => {
            let text = format!(
                "{} {}{}{}",
                name(),
                change_text(order, *quantity, *price),
                filled_of_it(order),
                covers(event, book)
            );
            (Some(because.as_str()), text)
        }
        Decision::CancelRequested { because } => {
            (Some(because.as_str()), format!("cancel {} ({})", name(), reason(*because)))
        }
        Decision::QueryRequested => plain(format!("ask the venue where {} stands", name())),
        Decision::TimerSet { timer, due, purpose } => {
            let (timer, at) = (timer_name(*timer, naming), clock(*due, event));
            plain(match purpose {
                TimerPurpose::Slice { slice, .. } => {
                    format!("{timer} set for slice {} at {at}", slice.saturating_add(1))
                }
                TimerPurpose::CloseRetry => format!("{timer} set for the next try at {at}"),
                TimerPurpose::BatchDeadline { .. } | TimerPurpose::LegDeadline { .. } | TimerPurpose::RollbackRetry => {
                    batches::timer_text(&timer, *purpose, &at)
                }
                TimerPurpose::Room { group } => format!("{timer} set for room in group {group} at {at}"),
                TimerPurpose::EndTime { group } => format!("{timer} set for the end of group {group} at {at}"),
                TimerPurpose::Patience { .. } => format!("{timer} set: the stop limit is to fill until {at}"),
            })
        }
        Decision::TimerDropped { timer } => plain(format!("{} dropped", timer_name(*timer, naming))),
        Decision::CloseStarted { price_limit, twap, .. } => {
            let price = price_limit.map_or_else(
                || "close begins, at market".to_owned(),
                |price| format!("close begins, no worse than {price}"),
            );
            let slices = twap.map(|twap| format!(", in up to {} slices over {}", twap.slices, twap.duration));
            plain(format!("{price}{}", slices.unwrap_or_default()))
        }
        Decision::CloseGaveUp { tries, held } => {
            let stops = plan.is_some_and(|plan| plan.exits.stop.is_some());
            let protected = if stops { "protected by its stop" } else { "NOT PROTECTED: it has no stop" };
            let text = format!("CLOSE GAVE UP after {tries} tries: {held} is still held, {protected}");
            (Some(Because::LimitHeld.as_str()), text)
        }
        Decision::StopPassed { level, current_price, quantity } => (
            Some(Because::StopAlreadyPassed.as_str()),
            format!("stop for {quantity} cannot stand at {level}, the price is {current_price}: flatten at market"),
        ),
        Decision::ProtectionGapChanged { uncovered, because } if uncovered.is_flat() => {
            (Some(because.as_str()), "protection gap closed".to_owned())
        }
        Decision::ProtectionGapChanged { uncovered, because } => {
            (Some(because.as_str()), format!("PROTECTION GAP: {uncovered} is not covered ({})", reason(*because)))
        }
        Decision::PlanClosed { outcome, dust } => {
            let result = plan.map_or(String::new(), |plan| {
                let (totals, quote) = (plan.accounting.totals(), plan.symbol().quote());
                format!(", realised {}, net {} {quote}", totals.realized, totals.net().unwrap_or_default())
            });
            let dust = if dust.is_flat() { String::new() } else { format!(", dust {dust}") };
            let how = match outcome {
                Outcome::Closed => "as directed".to_owned(),
                Outcome::StoppedOut | Outcome::TookProfit | Outcome::Unfilled | Outcome::Flat | Outcome::RolledBack => {
                    outcome.to_string()
                }
            };
            plain(format!("plan ended: {how}{result}{dust}"))
        }
        Decision::OrderRefused(refused) => {
            (Some(refused.refusal.code()), risk::order_refused_text(refused, &order_terms(refused.terms)))
        }
        Decision::OrderInferred { side, quantity, connector_order_id, .. } => {
            let id = connector_order_id.as_ref().map_or(String::new(), |id| format!(", order {id} at the venue"));
            (Some(Because::Imported.as_str()), format!("{} {side} {quantity}, as traded{id}", name()))
        }
        Decision::TradeBooked { fill, .. } => (Some(Because::Imported.as_str()), fill_text(event, fill, book, naming)),
        Decision::GroupCancelled { group, .. } => {
            plain(format!("group {group} cancelled: nothing more is sent for it"))
        }
        Decision::AllCancelled { reach, .. } => plain(actions::all_cancelled(*reach).to_owned()),
        Decision::OrdersModified { group, limit_price, added, target, .. } => {
            plain(actions::orders_modified(*group, *limit_price, *added, *target))
        }
        Decision::GroupPaused { group, .. } => {
            plain(format!("group {group} paused: nothing new is sent, what works goes on"))
        }
        Decision::GroupResumed { group, .. } => plain(format!("group {group} resumed")),
        Decision::TradeRepeated { first, same } => {
            let at = if naming == Naming::ByNumber { format!(", at event {first}") } else { String::new() };
            plain(if *same {
                format!("the history has this trade before{at}: nothing to do")
            } else {
                format!("the history has another trade of this id{at}: not booked")
            })
        }
        Decision::BatchStarted { .. }
        | Decision::BatchLegStarted { .. }
        | Decision::BatchLegEnded { .. }
        | Decision::BatchFailed { .. }
        | Decision::RollbackStarted { .. }
        | Decision::RollbackGaveUp { .. }
        | Decision::BatchEnded { .. } => batches::decided(event, decision, book),
    }
}

/// Which part of its group an order is, which try of a close inside a limit, or why it flattens.
fn part_text(plan: Option<&Plan>, order: Option<&Order>, slice: u32, because: Because) -> String {
    let (Some(plan), Some(order)) = (plan, order) else { return String::new() };
    let group = plan.group_of(order.no);
    let slices = group.map_or(1, Group::slices);
    let part = group.map_or("slice", |group| part_word(group.algorithm));
    match (order.role, &plan.phase) {
        (OrderRole::Entry | OrderRole::Reduce, _) if slices > 1 => {
            format!(", {part} {} of {slices}", slice.saturating_add(1))
        }
        (OrderRole::Close, _) if slices > 1 && slice.saturating_add(1) < slices => {
            format!(", {part} {} of {slices}", slice.saturating_add(1))
        }
        (OrderRole::Close, Phase::Closing(closing)) if order.terms.limit_price().is_some() => {
            format!(", try {} of {}", closing.tries, closing.on_limit.tries)
        }
        (OrderRole::Flatten, Phase::Reopened { .. }) => " (it filled after the plan had ended)".to_owned(),
        (OrderRole::Flatten, _) if because == Because::Fill => " (more left than was held)".to_owned(),
        (OrderRole::Flatten, _) => format!(" ({})", reason(because)),
        _ => String::new(),
    }
}

pub(super) fn order_terms(terms: OrderTerms) -> String {
    match terms {
        OrderTerms::Market => "at market".to_owned(),
        OrderTerms::Limit { price } => format!("limit {price}"),
        OrderTerms::Iceberg { price, visible } => format!("limit {price}, shows at most {visible}"),
        OrderTerms::Stop { trigger } | OrderTerms::TakeProfit { trigger } => format!("@ {trigger}"),
        OrderTerms::StopLimit { trigger, price } => format!("@ {trigger}, limit {price}"),
        OrderTerms::TrailingStop { trigger, trail } => format!("@ {trigger} at first, {}", trail_text(trail)),
        OrderTerms::Unknown => "on terms not known".to_owned(),
    }
}

/// Why something held was not covered, as a trader says it; `code` is a [`super::GapSpan`]'s reason.
pub fn gap_reason_text(code: &'static str) -> &'static str {
    Because::parse(code).map_or(code, reason)
}

const fn reason(because: Because) -> &'static str {
    match because {
        Because::Directive => "a directive asked for it",
        Because::SliceDue => "a slice was due",
        Because::Fill => "what is held changed",
        Because::StoppedOut => "the stop traded",
        Because::StopAlreadyPassed => "the stop's level was already passed",
        Because::StopLost => "the venue did not keep the stop",
        Because::LateEntry => "an entry filled after the stop",
        Because::Closing => "the plan is being closed",
        Because::TookProfit => "the take profit took all",
        Because::Flat => "nothing is left to protect",
        Because::Superseded => "a newer target replaced it",
        Because::CarriedOver => "what it left goes into the next slice",
        Because::LimitHeld => "no price inside the limit",
        Because::BelowMinNotional => "below the minimum notional",
        Because::BelowLot => "less than a lot",
        Because::Rejected => "the venue refused",
        Because::Skipped => "its time passed, and it is not made up for",
        Because::Imported => "a history tells of it",
        Because::RiskGate => "the risk gate did not let it through",
        Because::KillSwitch => "the operator's kill switch is on",
        Because::Cancelled => "a directive cancelled it",
        Because::Modified => "a directive changed it",
        Because::ProtectionCancelled => "a directive cancelled the protection",
        Because::TimeUp => "the group's time is up",
        Because::EndedShort => "the venue ended it short, and it is not made up for",
        Because::Refill => "the part that was shown has filled",
        Because::RolledBack => "its batch is rolled back",
        Because::BatchStopped => "its batch is over",
        Because::Reducing => "room is made for an order that reduces",
        Because::PatienceOver => "the stop limit did not fill in time",
        Because::Consolidating => "the venue amends no stop this way, or takes no more of them",
        Because::NoConnection => "nothing can be asked of the venue without a connection",
    }
}
