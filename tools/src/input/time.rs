//! Points in time as files write them, recognised and checked. Never guesses a time zone: what names none is UTC.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use retrace_core::time::{Span, Timestamp};

use crate::input::number;

/// 1990-01-01T00:00:00Z: no epoch number before it is taken for a time.
const EPOCH_SECONDS_MIN: i64 = 631_152_000;

/// 2200-01-01T00:00:00Z: no epoch number from it on is taken for a time.
const EPOCH_SECONDS_END: i64 = 7_258_118_400;

/// How many milliseconds a day has.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// In which of the known ways a time was written. One market file keeps to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// Date and time with `Z` or an offset: `2022-01-21T10:00:00Z`, `2022-01-21 10:00:00+00:00`.
    Offset,
    /// Date and time without an offset, read as UTC: `2022-01-21 10:00:00.000`, `2022-01-21 10:00`.
    Utc,
    /// A date, read as its midnight in UTC: `2022-01-21`.
    Date,
    /// A date and time of eight digits and four, read as UTC: `20220121 10:00`, with or without seconds.
    Compact,
    /// A date of eight digits, read as its midnight in UTC: `20220121`. Epoch numbers have at least nine.
    CompactDate,
    /// A date in one column and milliseconds since its midnight in another, read as UTC.
    DateAndMillis,
    /// The same with a date of eight digits.
    CompactDateAndMillis,
    /// Whole seconds since 1970.
    EpochSeconds,
    /// Whole milliseconds since 1970.
    EpochMillis,
    /// Whole microseconds since 1970.
    EpochMicros,
    /// Whole nanoseconds since 1970.
    EpochNanos,
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offset => "a date and time with an offset",
            Self::Utc => "a date and time without an offset",
            Self::Date => "a date",
            Self::Compact => "a compact date and time",
            Self::CompactDate => "a compact date",
            Self::DateAndMillis => "a date and milliseconds since midnight",
            Self::CompactDateAndMillis => "a compact date and milliseconds since midnight",
            Self::EpochSeconds => "epoch seconds",
            Self::EpochMillis => "epoch milliseconds",
            Self::EpochMicros => "epoch microseconds",
            Self::EpochNanos => "epoch nanoseconds",
        })
    }
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFault {
    /// None of the known ways to write a time, or no such day or hour.
    NotATime,
    /// A number that is no time between 1990 and 2200 in seconds, milliseconds, microseconds or nanoseconds, or a
    /// date that nanoseconds in 64 bits cannot hold.
    OutOfRange,
}

/// The time that `text` writes, and in which way.
///
/// # Errors
/// [`TimeFault`] when it is not written in a known way, or lies outside the range of its format.
pub fn parse(text: &str) -> Result<(Timestamp, TimeFormat), TimeFault> {
    if let Some((date, clock)) = split_compact(text) {
        return match clock {
            None => Ok((instant(&format!("{date}T00:00:00"), 0)?, TimeFormat::CompactDate)),
            Some(clock) => Ok((instant(&format!("{date}T{clock}"), 0)?, TimeFormat::Compact)),
        };
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return parse_epoch(text).ok_or(TimeFault::OutOfRange);
    }
    let (date, clock) = text.split_at_checked(10).ok_or(TimeFault::NotATime)?;
    if !matches_shape(date, "dddd-dd-dd") {
        return Err(TimeFault::NotATime);
    }
    if clock.is_empty() {
        return Ok((instant(&format!("{date}T00:00:00"), 0)?, TimeFormat::Date));
    }
    let clock = clock.strip_prefix(['T', 't', ' ']).ok_or(TimeFault::NotATime)?;
    let (time, rest) = split_clock(clock).ok_or(TimeFault::NotATime)?;
    let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
    let (fraction, offset) = rest.split_at_checked(end).ok_or(TimeFault::NotATime)?;
    let decimals = fraction.strip_prefix('.').unwrap_or(fraction);
    let fraction_fits = fraction.is_empty()
        || (fraction.starts_with('.') && (1..=9).contains(&decimals.len()) && !decimals.contains('.'));
    if !fraction_fits {
        return Err(TimeFault::NotATime);
    }
    let (east_seconds, format) = match offset {
        "" => (0, TimeFormat::Utc),
        "Z" | "z" => (0, TimeFormat::Offset),
        _ => (parse_offset(offset).ok_or(TimeFault::NotATime)?, TimeFormat::Offset),
    };
    Ok((instant(&format!("{date}T{time}{fraction}"), east_seconds)?, format))
}

/// `10:00:00` or `10:00`, written out, and what stands behind it. Second 60 is refused: the calendar library would read
/// it as 59 without a word.
fn split_clock(text: &str) -> Option<(String, &str)> {
    if let Some((time, rest)) = text.split_at_checked(8).filter(|(time, _)| matches_shape(time, "dd:dd:dd")) {
        return (!time.ends_with("60")).then(|| (time.to_owned(), rest));
    }
    let (time, rest) = text.split_at_checked(5).filter(|(time, _)| matches_shape(time, "dd:dd"))?;
    (!rest.starts_with([':', '.'])).then(|| (format!("{time}:00"), rest))
}

/// The midnight of the day that `text` writes, and how a time is written that adds milliseconds in another column.
/// `None` unless it is a date and no more.
pub(crate) fn parse_date(text: &str) -> Option<(Timestamp, TimeFormat)> {
    match parse(text).ok()? {
        (midnight, TimeFormat::Date) => Some((midnight, TimeFormat::DateAndMillis)),
        (midnight, TimeFormat::CompactDate) => Some((midnight, TimeFormat::CompactDateAndMillis)),
        _ => None,
    }
}

/// `20220121`, `20220121 10:00` or `20220121 10:00:00` with its parts written out.
fn split_compact(text: &str) -> Option<(String, Option<String>)> {
    let (date, clock) = text.split_at_checked(8)?;
    if !matches_shape(date, "dddddddd") {
        return None;
    }
    let (year, day) = date.split_at_checked(4)?;
    let (month, day) = day.split_at_checked(2)?;
    let date = format!("{year}-{month}-{day}");
    match clock.strip_prefix(' ') {
        None => clock.is_empty().then_some((date, None)),
        Some(clock) if matches_shape(clock, "dd:dd") => Some((date, Some(format!("{clock}:00")))),
        Some(clock) => {
            let fits = matches_shape(clock, "dd:dd:dd") && !clock.ends_with("60");
            fits.then(|| (date, Some(clock.to_owned())))
        }
    }
}

/// `1m`, `4h`, `90s`: a whole number above zero and a unit; at most 366 days.
pub(crate) fn timeframe(text: &str) -> Option<Span> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let count = number::parse_whole(count, 1, 366 * 86_400 / unit_seconds)?;
    Some(Span::from_seconds(count * unit_seconds))
}

/// The same written out: `4h`; `None` for a length that no timeframe has.
pub(crate) fn timeframe_text(period: Span) -> Option<String> {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let seconds = period.nanos().checked_div(1_000_000_000).filter(|_| period.nanos().is_multiple_of(1_000_000_000))?;
    let (length, unit) = units.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length))?;
    let text = format!("{}{unit}", seconds / length);
    timeframe(&text).map(|_| text)
}

fn parse_epoch(text: &str) -> Option<(Timestamp, TimeFormat)> {
    let number: i64 = text.parse().ok()?;
    // The ranges do not overlap: each unit is a thousand times the one before, the years span a factor of 11.5.
    for (per_second, format) in [
        (1, TimeFormat::EpochSeconds),
        (1_000, TimeFormat::EpochMillis),
        (1_000_000, TimeFormat::EpochMicros),
        (1_000_000_000, TimeFormat::EpochNanos),
    ] {
        if (EPOCH_SECONDS_MIN * per_second..EPOCH_SECONDS_END * per_second).contains(&number) {
            return Some((Timestamp::from_nanos(number.checked_mul(1_000_000_000 / per_second)?), format));
        }
    }
    None
}

/// Whether `text` has the shape of `pattern`, in which `d` stands for a digit.
fn matches_shape(text: &str, pattern: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
}

/// Seconds east of Greenwich from `+hh:mm`.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, clock) = text.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':')?;
    if !matches_shape(clock, "dd:dd") {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

fn instant(civil: &str, east_seconds: i64) -> Result<Timestamp, TimeFault> {
    let civil: DateTime = civil.parse().map_err(|_| TimeFault::NotATime)?;
    let utc = Offset::UTC.to_timestamp(civil).map_err(|_| TimeFault::OutOfRange)?;
    let nanos = utc.as_nanosecond() - i128::from(east_seconds) * 1_000_000_000;
    i64::try_from(nanos).map(Timestamp::from_nanos).map_err(|_| TimeFault::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_way_leads_to_the_same_instant() {
        for (text, format) in [
            ("2022-01-21T10:00:00Z", TimeFormat::Offset),
            ("2022-01-21t10:00:00z", TimeFormat::Offset),
            ("2022-01-21T11:30:00+01:30", TimeFormat::Offset),
            ("2022-01-21 05:00:00.000-05:00", TimeFormat::Offset),
            ("2022-01-21T10:00Z", TimeFormat::Offset),
            ("2022-01-21 10:00:00", TimeFormat::Utc),
            ("2022-01-21 10:00", TimeFormat::Utc),
            ("2022-01-21T10:00:00.000000", TimeFormat::Utc),
            ("20220121 10:00", TimeFormat::Compact),
            ("20220121 10:00:00", TimeFormat::Compact),
            ("1642759200", TimeFormat::EpochSeconds),
            ("1642759200000", TimeFormat::EpochMillis),
            ("1642759200000000", TimeFormat::EpochMicros),
            ("1642759200000000000", TimeFormat::EpochNanos),
        ] {
            let (time, found) = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            assert_eq!((time.to_string().as_str(), found), ("2022-01-21T10:00:00Z", format), "{text}");
        }
        let midnight = parse("2022-01-21").map(|(time, format)| (time.to_string(), format));
        assert_eq!(midnight, Ok(("2022-01-21T00:00:00Z".to_owned(), TimeFormat::Date)));
        let midnight = parse("20220121").map(|(time, format)| (time.to_string(), format));
        assert_eq!(midnight, Ok(("2022-01-21T00:00:00Z".to_owned(), TimeFormat::CompactDate)));
        let fine = parse("2022-01-21 10:00:00.123456789").map(|(time, _)| time.to_string());
        assert_eq!(fine, Ok("2022-01-21T10:00:00.123456789Z".to_owned()));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2022-1-21",
            "2022-02-30",
            "2022-01-21T25:00:00Z",
            "2022-01-21 10:0",
            "2022-01-21 10:00:",
            "2022-01-21 10:00.5",
            "2022-01-21 10:60",
            "2022-01-21T10:00:60Z",
            "2022-01-21T10:00:00.Z",
            "2022-01-21T10:00:00.1234567890Z",
            "2022-01-21T10:00:00+0100",
            "2022-01-21T10:00:00+24:00",
            "2022-01-21T10:00:00[UTC]",
            "21.01.2022",
            "20220230",
            "00000000",
            "12345678",
            "20220121 1000",
            "20220121 10:00:60",
            "20220121 10:00Z",
            "20220121T10:00",
            "20220121 ",
            "1642759200.5",
            "2022-01-21x",
            "2022-01-21T10:00:00é",
        ] {
            assert_eq!(parse(text), Err(TimeFault::NotATime), "{text}");
        }
        for text in
            ["0", "-1642759200", "2022012", "202201211", "99999999999", "9223372036854775808", "1500-01-01T00:00:00Z"]
        {
            assert_eq!(parse(text), Err(TimeFault::OutOfRange), "{text}");
        }
    }
}
