//! What a directive wants, in a trader's words.

use retrace_core::directive::{
    Algorithm, EntryTerms, ExecutionHint, Intent, Layered, OnLimit, StopChange, StopLevel, StrategyDirective,
    TakeProfitChange, Trade, WhenLimitHolds,
};
use retrace_core::exact;
use retrace_core::order::TimeInForce;
use retrace_core::stop::Trail;
use rust_decimal::Decimal;

use super::{actions, batches};
use crate::ledger::Book;

pub(super) fn directive_text(directive: &StrategyDirective, book: &Book) -> String {
    let id = &directive.directive_id;
    let body = match &directive.intent {
        Intent::NewTrade(new) => wanted_text(Trade::New(new)),
        Intent::Modify(modify) => wanted_text(Trade::Modify(modify)),
        Intent::Close(close) => wanted_text(Trade::Close(close)),
        Intent::Group(group) => actions::group_directive(group, book),
        Intent::CancelAll(cancel) => actions::cancel_all(cancel.reach).to_owned(),
        Intent::Batch(batch) => batches::wanted(directive, batch, book.ledger().session()),
    };
    let causes: Vec<&str> = directive.causality.iter().map(retrace_core::ids::CausalityId::as_str).collect();
    let why = if causes.is_empty() { String::new() } else { format!(" (because of {})", causes.join(", ")) };
    format!("{id}: {body}{why}")
}

/// What is wanted of one plan.
pub(super) fn wanted_text(trade: Trade<'_>) -> String {
    match trade {
        Trade::New(new) => {
            let stop = new.stop.map_or(", no stop".to_owned(), |stop| format!(", stop {}", stop_text(stop)));
            let target = new.take_profit.map_or(String::new(), |price| format!(", take profit {price}"));
            let how = hint_text(new.execution).unwrap_or_else(|| algorithm_text(Algorithm::Single));
            let entry = placed_text(new.entry, new.execution).map_or(String::new(), |entry| format!(" {entry}"));
            format!("{} {} {}{entry}, {how}{stop}{target}", new.direction, new.target, new.symbol)
        }
        Trade::Modify(modify) => {
            let mut parts = Vec::new();
            parts.extend(modify.direction.map(|direction| format!("direction {direction}")));
            if let Some(target) = modify.target {
                parts.push(format!("size {}", target.normalize()));
            }
            parts.extend(modify.entry.and_then(|entry| placed_text(entry, modify.execution)));
            parts.extend(hint_text(modify.execution));
            match modify.stop {
                None => {}
                Some(StopChange::To(level)) => parts.push(format!("stop {}", stop_text(level))),
                Some(StopChange::Remove) => parts.push("remove the stop".to_owned()),
            }
            match modify.take_profit {
                None => {}
                Some(TakeProfitChange::To(price)) => parts.push(format!("take profit {price}")),
                Some(TakeProfitChange::Remove) => parts.push("no take profit".to_owned()),
            }
            format!("change: {}", parts.join(", "))
        }
        Trade::Close(close) => {
            let urgency = close.execution.urgency;
            let urgency = urgency.map_or(String::new(), |urgency| format!(", urgency {}", urgency.normalize()));
            match close.execution.max_total_slippage {
                Some(fraction) => format!(
                    "close{urgency}, at most {} worse than the current price, {}",
                    percent(fraction),
                    tries_text(close.execution.on_limit)
                ),
                None => format!("close at market{urgency}"),
            }
        }
    }
}

/// What is done where a close finds no price inside its limit.
fn tries_text(on_limit: OnLimit) -> String {
    let OnLimit { retry, tries, then } = on_limit;
    let tries = if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries {retry} apart") };
    let then = match then {
        WhenLimitHolds::HoldProtected => "hold the rest protected",
        WhenLimitHolds::Market => "take any price",
    };
    format!("{tries}, then {then}")
}

fn stop_text(level: StopLevel) -> String {
    match level {
        StopLevel::At(price) => price.to_string(),
        StopLevel::Tolerance(fraction) => {
            format!("{} from the price", percent(fraction))
        }
        StopLevel::Limited { price, limit } => format!("{price}, limit {limit}"),
        StopLevel::Trailing(trail) => trail_text(trail),
    }
}

/// How a stop follows the price.
pub(super) fn trail_text(trail: Trail) -> String {
    format!("trailing {} behind the price", behind(trail))
}

/// How far behind the price.
pub(super) fn behind(trail: Trail) -> String {
    match trail {
        Trail::Distance(distance) => distance.normalize().to_string(),
        Trail::Fraction(fraction) => percent(fraction),
    }
}

/// A fraction as it is read: `0.035` is `3.5 %`.
pub(super) fn percent(fraction: Decimal) -> String {
    let percent = exact::mul(fraction, Decimal::ONE_HUNDRED);
    percent.map_or_else(|_| format!("{fraction} of 1"), |percent| format!("{percent} %"))
}

/// At which price orders are placed, and until when; layers have prices of their own.
fn placed_text(entry: EntryTerms, hint: ExecutionHint) -> Option<String> {
    match hint.algorithm {
        Some(Algorithm::Layered(_)) => entry.time_in_force.good_till().map(|time| format!("good till {time}")),
        Some(Algorithm::Single | Algorithm::Twap(_) | Algorithm::Iceberg(_)) | None => Some(terms_text(entry)),
    }
}

fn terms_text(entry: EntryTerms) -> String {
    let Some(price) = entry.limit_price else { return "at market".to_owned() };
    let stands = match entry.time_in_force {
        TimeInForce::Gtc => String::new(),
        TimeInForce::Ioc | TimeInForce::Fok => format!(" {}", entry.time_in_force.kind()),
        TimeInForce::Gtd(time) => format!(" good till {time}"),
    };
    format!("limit {price}{stands}{}", if entry.post_only { " post-only" } else { "" })
}

pub(super) fn algorithm_text(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Single => "at once".to_owned(),
        Algorithm::Twap(twap) => format!("TWAP of {} slices over {}", twap.slices, twap.duration),
        Algorithm::Iceberg(iceberg) => format!("ICEBERG that shows {}", iceberg.visible),
        Algorithm::Layered(Layered { layers, from, to }) => format!("LAYERED, {layers} orders from {from} to {to}"),
    }
}

/// What one of the orders is called that an algorithm divides a quantity into.
pub(super) const fn part_word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Single | Algorithm::Twap(_) => "slice",
        Algorithm::Iceberg(_) => "part",
        Algorithm::Layered(_) => "layer",
    }
}

/// What a directive says of how it is carried out, where it says anything.
fn hint_text(hint: ExecutionHint) -> Option<String> {
    let how = hint.algorithm.map(algorithm_text);
    let how = how.or_else(|| hint.urgency.map(|urgency| format!("urgency {}", urgency.normalize())));
    let end = hint.end_after.map(|span| format!("given up after {span}"));
    match (how, end) {
        (Some(how), Some(end)) => Some(format!("{how}, {end}")),
        (how, end) => how.or(end),
    }
}
