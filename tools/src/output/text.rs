//! Words and numbers as people read them: shortened where programs would want them whole. Never used in JSON.

use std::path::Path;

use retrace_core::amount::Money;
use retrace_core::event::Head;
use retrace_core::ids::OperatorReason;
use retrace_core::order::Side;
use retrace_core::time::{Span, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};

/// `text` with control characters spelled out: what stands in a file or a log may not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A path as it can be pasted into a shell.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | '@' | ',');
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// `text` in one line of at most `width` characters.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(3)).chain("...".chars()).collect()
}

/// The first digits of a hash.
pub(crate) fn short_hash(hash: &[u8; 32]) -> String {
    let head = Head(*hash).to_string();
    head.chars().take(12).collect()
}

/// The end of a public id, which is the part that differs: `EXG_..9f3c21`. Names that a caller chose stay whole.
pub(crate) fn short_id(id: &str) -> String {
    match id.split_once('_') {
        Some((prefix, digits)) if digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{prefix}_..{}", digits.get(26..).unwrap_or(digits))
        }
        _ => id.to_owned(),
    }
}

/// An amount of money without the digits that nobody reads: two decimals from 1 on, four digits below it. Not padded.
pub(crate) fn money(amount: Money) -> String {
    amount_text(amount.value())
}

fn amount_text(value: Decimal) -> String {
    let rounded = if value.abs() >= Decimal::ONE {
        value.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)
    } else {
        value.round_sf_with_strategy(4, RoundingStrategy::MidpointNearestEven).unwrap_or(value)
    };
    rounded.normalize().to_string()
}

/// A price that may be an average: as many decimals as eight digits leave room for. Not padded.
pub(crate) fn average(price: Decimal) -> String {
    price.round_sf_with_strategy(8, RoundingStrategy::MidpointNearestEven).unwrap_or(price).normalize().to_string()
}

/// With a sign, so that a gain is told from a loss at a glance.
pub(crate) fn signed_money(amount: Money) -> String {
    if amount.value() > Decimal::ZERO { format!("+{}", money(amount)) } else { money(amount) }
}

/// The date of a time: `2026-03-03`.
pub(crate) fn date(time: Timestamp) -> String {
    split(time).0
}

/// The time of day: `00:45:00`, with a fraction only where there is one.
pub(crate) fn clock(time: Timestamp) -> String {
    split(time).1
}

/// Date and time of day: `2026-03-03 00:45:00`.
pub(crate) fn moment(time: Timestamp) -> String {
    let (date, clock) = split(time);
    format!("{date} {clock}")
}

fn split(time: Timestamp) -> (String, String) {
    let text = time.to_string();
    match text.trim_end_matches('Z').split_once('T') {
        Some((date, clock)) => (date.to_owned(), clock.to_owned()),
        None => (text, String::new()),
    }
}

/// That the operator's kill switch is on, since when and why.
pub(crate) fn kill_switch_line(since: Timestamp, reason: Option<&OperatorReason>) -> String {
    let why = reason.map_or(String::new(), |reason| format!(" ({reason})"));
    format!("KILL SWITCH on since {}{why}: nothing enters or reduces", moment(since))
}

/// A length of time in its two largest units: `1 h 30 min`.
pub(crate) fn duration(span: Span) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = span.nanos() / 1_000_000_000;
    let mut left = seconds;
    let mut parts = Vec::new();
    for (length, name) in UNITS {
        let count = left / length;
        left %= length;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {name}"));
        }
    }
    if parts.is_empty() { span.to_string() } else { parts.join(" ") }
}

/// Which way a plan stands.
pub(crate) const fn way(direction: Side) -> &'static str {
    match direction {
        Side::Buy => "long",
        Side::Sell => "short",
    }
}

/// `1 plan`, `2 plans`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted() {
        assert_eq!(shell_word(Path::new("demo/db")), "demo/db");
        assert_eq!(shell_word(Path::new("we ird'ü/db")), r"'we ird'\''ü/db'");
    }

    #[test]
    fn money_keeps_the_digits_that_are_read() {
        let shown = |text: &str| money(Money::new(text.parse().unwrap()));
        assert_eq!(shown("1234.567890123456"), "1234.57");
        assert_eq!(shown("-1234.5"), "-1234.5");
        assert_eq!(shown("100"), "100");
        assert_eq!(shown("0"), "0");
        assert_eq!(shown("0.000123456"), "0.0001235");
        assert_eq!(signed_money(Money::new(Decimal::ONE)), "+1");
        assert_eq!(signed_money(Money::ZERO), "0");
    }

    #[test]
    fn an_id_is_shortened_and_a_name_is_not() {
        assert_eq!(short_id("EXG_0123456789abcdef0123456789abcdef"), "EXG_..abcdef");
        assert_eq!(short_id("TPL_TREND"), "TPL_TREND");
        assert_eq!(short_id("bar-17"), "bar-17");
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(shortened("abcdefghij", 6), "abc...");
        assert_eq!(shortened("abcdef", 6), "abcdef");
    }

    #[test]
    fn times_are_split_and_lengths_rounded() {
        let time: Timestamp = "2026-03-03T00:45:00.25Z".parse().unwrap();
        assert_eq!((date(time).as_str(), clock(time).as_str()), ("2026-03-03", "00:45:00.25"));
        assert_eq!(moment(time), "2026-03-03 00:45:00.25");
        assert_eq!(duration(Span::from_seconds(5_400)), "1 h 30 min");
        assert_eq!(duration(Span::from_seconds(0)), "0 s");
        assert_eq!(duration(Span::from_seconds(90_061)), "1 d 1 h");
    }
}
