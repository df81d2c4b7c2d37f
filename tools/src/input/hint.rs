//! What to do about a broken rule: the line below a message. Says what the message does not, or nothing.

use retrace_core::amount::AmountError;
use retrace_core::exact::{Rounding, add, mul, round_to_multiple};
use retrace_core::instrument::{Asset, Symbol};
use rust_decimal::Decimal;

use crate::input::number::{self, NumberFault};
use crate::input::rule::Rule;
use crate::input::time::{self, TimeFault};

/// The advice for `rule`, broken by this `value` of this `field`, where something useful can be said. One sentence
/// without a final dot.
#[expect(clippy::wildcard_enum_match_arm, reason = "most rules say all there is to say")]
pub(super) fn hint(rule: &Rule, field: Option<&str>, value: Option<&str>) -> Option<String> {
    let name = field.map(last_part).unwrap_or_default();
    if let Some(hint) = action_hint(rule, name) {
        return Some(hint.to_owned());
    }
    let hint = match rule {
        Rule::UnknownField { known } => return nearest(name, known).map(did_you_mean),
        Rule::NotOneOf { .. } if name == "direction" && nearest(value?, &["BUY", "SELL"]).is_none() => {
            return Some("BUY is long, SELL is short".to_owned());
        }
        Rule::NotOneOf { allowed } => return nearest(value?, allowed).map(did_you_mean),
        Rule::UnknownSymbol { known } => {
            // One letter makes another coin: only the quote may be meant otherwise.
            let base = value?.split('/').next()?;
            return known.iter().find(|symbol| symbol.base().as_str() == base).map(did_you_mean);
        }
        Rule::NotASymbol => {
            let spelled = value?.to_uppercase().replace(['-', '_', ':'], "/");
            return spelled.parse::<Symbol>().ok().map(did_you_mean);
        }
        Rule::NotAnAsset => return Asset::new(&value?.to_uppercase()).ok().map(did_you_mean),
        Rule::MissingColumn { columns } => return Some(column_hint(name, columns)),
        Rule::OffTick { tick } => return multiples(value?, tick.value()),
        Rule::OffLot { lot } => return multiples(value?, lot.value()),
        Rule::TooManySlices { lot, lots, .. } => {
            let needed = number::parse(value?).ok().and_then(|slices| mul(slices, lot.value()).ok());
            let needed = needed.map_or(String::new(), |size| format!(", or a size of at least {}", size.normalize()));
            return Some(format!("take at most {lots} slices{needed}"));
        }
        Rule::NoEntry { section } => return Some(format!("add `{}` under `{section}:`, or take it out here", value?)),
        Rule::OtherQuote { found, account } => {
            return Some(format!("take data quoted in {account}, or set `account.quote` to {found}"));
        }
        Rule::Middle(AmountError::TooManyDecimals { .. }) => {
            "the middle has one decimal more than its sides: `decimals: 11` in the entry under `market:` makes room"
        }
        Rule::OtherCompression { ending } => return Some(format!("rename it to end in {ending}")),
        Rule::ZipArchive => "unpack it first, or pack the file inside it as .gz, .xz or .zst",
        Rule::PriceNotChosen => "add `price: bid`, `price: ask` or `price: mid` to its entry under `market:`",
        Rule::TooManyRows { .. } => "divide the file, or take a longer timeframe",
        Rule::GoesBack { .. } if name == "at" => {
            "directives stand in order of time: move the line, or correct its time"
        }
        Rule::GoesBack { .. } => "sort the rows by time, the oldest first",
        Rule::TimeTwice { .. } => "keep one row for each time",
        Rule::MixedTimes { .. } => "write every time of a file in one way",
        Rule::NotUtf8 => "save it as UTF-8; a compressed file keeps the ending of its kind, `.gz`, `.xz` or `.zst`",
        // What a pretty-printed object, a list or a comment leads to; anything else is said by the parser.
        Rule::Syntax { grammar: "JSON", reason }
            if reason.starts_with("EOF") || reason.starts_with("trailing") || reason.ends_with("in column 1") =>
        {
            "a directive file has one whole JSON object a line: no list around them, no comma between, no comment"
        }
        Rule::Syntax { grammar: "YAML", reason } if reason.contains("tab") => "indent with blanks, not with tabs",
        Rule::Time(TimeFault::NotATime) => {
            "write RFC 3339, `YYYY-MM-DD HH:MM`, a date, or epoch seconds, milliseconds, microseconds or nanoseconds"
        }
        Rule::OutsideData { .. } => "times are compared in UTC, and one without an offset is read as UTC",
        Rule::Number(NumberFault::NotANumber) => "write digits and a decimal point: no separators, no blanks, no units",
        Rule::Number(NumberFault::TooManyDigits) | Rule::Amount(AmountError::TooManyDecimals { .. }) => {
            "round it in the file: such digits are mostly left over from floating point"
        }
        Rule::Amount(AmountError::NotPositive { .. }) | Rule::Negative
            if matches!(name, "target_position_size" | "quantity") && value?.starts_with('-') =>
        {
            "a size has no sign: `direction` says which way, and SELL is short"
        }
        Rule::OutOfBounds { .. }
            if matches!(name, "stop_loss_tolerance" | "max_total_slippage_pct" | "maker" | "taker") =>
        {
            "it is a fraction: 0.05 is 5 %"
        }
        Rule::NotWhole { .. } if name == "slices" => "leave `algorithm` out for a single order",
        Rule::TooManyDigits { .. } => "round the prices in the file, or take a coarser `tick` or `lot`",
        Rule::Damaged { .. } => "fetch or compress the file again",
        Rule::StopRemovedByNull => "leave it out to keep the stop as it is",
        Rule::UnknownPlan => "give the NEW_TRADE a `plan_id` of your own; only such plans can be named in a file",
        Rule::EmptyList if name == "target_plan_ids" => "name the plans it is for, each opened by an earlier line",
        Rule::EmptyList if name == "market" => "name at least one file of bars",
        Rule::TooMany { .. } if name == "target_plan_ids" => "divide them among several directives",
        Rule::NotForScope { .. } | Rule::NotForAction { .. } if name == "plan_id" => {
            "plans that exist are named in `target_plan_ids`"
        }
        Rule::NotForScope { .. } if name == "target_plan_ids" => "a new plan is named by `plan_id`",
        Rule::NotExactlyOne { .. } => "write one line for each instruction",
        Rule::NeedsSize => "give `target_position_size`; the size as it stands changes nothing else",
        Rule::Missing if name == "at" => "it says when the directive is given, such as `2024-05-06T10:00:00Z`",
        Rule::Missing if name == "scope" => "it is NEW_TRADE, MODIFY_EXISTING or CLOSE_EXISTING",
        Rule::Missing if name == "target_plan_ids" => "name the plans it is for, each opened by an earlier line",
        Rule::Missing if name == "directive" => "the aggregated form stands under `execution_directive`",
        Rule::AtomicKeepsNothing => "leave it out, or take SEQUENTIAL or PARALLEL, which keep what traded",
        Rule::ParallelTakesNothingBack => "leave it out, or take ATOMIC, which is all or taken back",
        Rule::RollbackWouldOpen => "take PARALLEL, or SEQUENTIAL without rollback",
        Rule::EmptyList if name == "legs" => "give each trade as a leg, or leave `legs` out for a single one",
        Rule::Excludes { other: "legs" } => "with legs, what is wanted of a plan stands in its leg",
        Rule::TooMany { .. } if name == "legs" => "divide them among several directives",
        Rule::NotWhole { .. } if name == "timeout_seconds" => "leave it out for no deadline",
        Rule::Gap { .. } => "leave `gaps` out to allow and count them",
        Rule::ReusedId { .. } => "an id is an idempotency key: give every new instruction an id of its own",
        Rule::Overlaps { .. } => "check `timeframe` in the session file",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The same for what is ordered of groups.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other rules are not about actions")]
fn action_hint(rule: &Rule, name: &str) -> Option<&'static str> {
    Some(match rule {
        Rule::NotForAction { .. } if name == "order_quantity" => {
            "it belongs to MODIFY_ORDERS; a plan's size is `target_position_size`"
        }
        Rule::NotForAction { .. } if name == "target_position_size" => {
            "`order_quantity` is the size of each of the group's open orders"
        }
        Rule::NotForAction { .. } if name == "target_group" => {
            "it belongs to CANCEL_GROUP, MODIFY_ORDERS, PAUSE_GROUP and RESUME_GROUP"
        }
        Rule::NotForAction { .. } if name == "include_protection" => "it belongs to CANCEL_ALL_IN_PLAN",
        Rule::NotForAction { .. } if name == "order_type" => {
            "what is a limit order stays one: only its `limit_price` can be changed"
        }
        Rule::MissingFor { .. } if name == "target_group" => {
            "give a group's id, or {\"directive_id\": ...} for the groups that a directive opened"
        }
        Rule::NotAGroup => "{\"directive_id\": ...} names the groups that a directive opened",
        Rule::OpensNoGroup { .. } => "name a directive that opened the plan or gave it a size",
        Rule::OnePlan { .. } => "name its plan alone, or the groups by {\"directive_id\": ...}",
        _ => return None,
    })
}

/// A question about the word that was most likely meant.
pub(crate) fn did_you_mean(word: impl std::fmt::Display) -> String {
    format!("did you mean `{word}`?")
}

/// The part of a path behind its last dot.
fn last_part(field: &str) -> &str {
    field.rsplit('.').next().unwrap_or(field)
}

/// Why a column may not have been found: another separator, no header, or another name.
fn column_hint(wanted: &str, columns: &[String]) -> String {
    if let [only] = columns
        && let Some(separator) = [';', '\t', '|'].into_iter().find(|&c| only.contains(c))
    {
        return format!("separate the columns by commas: this file seems to use `{}`", separator.escape_default());
    }
    if let [only] = columns
        && ["#", "http://", "https://"].iter().any(|start| only.starts_with(start))
    {
        return "the first line must name the columns: take out what stands above them".to_owned();
    }
    if columns.first().is_some_and(|first| time::parse(first).is_ok()) {
        return "the first line must name the columns: this file seems to begin with its first bar".to_owned();
    }
    match nearest(wanted, columns) {
        Some(near) => format!("did you mean `{near}`? name the file's columns under `columns:` in the session file"),
        None => "name the file's columns under `columns:` in the session file".to_owned(),
    }
}

/// The multiples of `unit` next to `value`, below and above.
fn multiples(value: &str, unit: Decimal) -> Option<String> {
    let value = number::parse(value).ok()?;
    let below = round_to_multiple(value, unit, Rounding::Down).ok()?;
    let above = add(below, unit).ok()?.normalize();
    if below <= Decimal::ZERO {
        return Some(format!("the smallest is {above}"));
    }
    Some(format!("the nearest are {} and {above}", below.normalize()))
}

/// The known word that `word` most likely stands for, if one is near enough.
pub(crate) fn nearest<T: AsRef<str>>(word: &str, known: &[T]) -> Option<String> {
    /// No word of ours is longer.
    const WORD_MAX: usize = 64;

    let word = word.to_lowercase();
    let near = |candidate: &str| {
        if word.len().max(candidate.len()) > WORD_MAX {
            return None;
        }
        let candidate = candidate.to_lowercase();
        let contained =
            (word.len() >= 4 && candidate.contains(&word)) || (candidate.len() >= 4 && word.contains(&candidate));
        let distance = if contained { 1 } else { edit_distance(&word, &candidate) };
        (distance <= 1 + candidate.len() / 4).then_some(distance)
    };
    let ranked = known.iter().filter_map(|k| near(k.as_ref()).map(|distance| (distance, k.as_ref())));
    ranked.min_by_key(|(distance, _)| *distance).map(|(_, name)| name.to_owned())
}

/// How many letters must be added, removed or replaced to turn one word into the other.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for (&b, pair) in to.iter().zip(row.windows(2)) {
            let (&[diagonal, above], Some(&left)) = (pair, next.last()) else { return usize::MAX };
            next.push((diagonal + usize::from(a != b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_recognised() {
        let known = ["target_position_size", "stop_loss_price", "slices"];
        assert_eq!(nearest("slice", &known).as_deref(), Some("slices"));
        assert_eq!(nearest("stop_los_price", &known).as_deref(), Some("stop_loss_price"));
        assert_eq!(nearest("position_size", &known).as_deref(), Some("target_position_size"));
        assert_eq!(nearest("colour", &known), None);
    }

    #[test]
    fn the_multiples_next_to_a_value_are_exact() {
        let next = |value: &str, unit: &str| multiples(value, unit.parse().unwrap());
        assert_eq!(next("2.005", "0.01").as_deref(), Some("the nearest are 2 and 2.01"));
        assert_eq!(next("49000.13", "0.25").as_deref(), Some("the nearest are 49000 and 49000.25"));
        assert_eq!(next("0.001", "0.01").as_deref(), Some("the smallest is 0.01"));
        assert_eq!(next("1e30", "0.01"), None);
    }

    #[test]
    fn a_column_is_missed_for_a_reason() {
        let columns = |header: &str| header.split(',').map(str::to_owned).collect::<Vec<_>>();
        assert!(column_hint("time", &columns("time;open;high")).contains("`;`"));
        assert!(column_hint("time", &columns("time\topen")).contains("`\\t`"));
        assert!(column_hint("time", &columns("2024-05-06T10:00:00Z,1,2")).contains("begin with its first bar"));
        assert!(column_hint("time", &columns("https://example.com/bars")).contains("take out what stands above"));
        assert!(column_hint("time", &columns("# five minutes")).contains("take out what stands above"));
        assert!(column_hint("volume", &columns("time,Volume_USDT")).contains("did you mean `Volume_USDT`?"));
        assert!(!column_hint("open", &columns("a,b")).contains("did you mean"));
    }
}
