//! Points in time, as recorded facts. Never reads a clock.

use bincode::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A point in time: whole nanoseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in UTC.
///
/// Time is always the input's own: the pure crates have no way to ask what time it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Timestamp(i64);

/// A length of time in whole nanoseconds, zero or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Span(u64);

/// A text that is no RFC 3339 time, or one outside the years that nanoseconds in 64 bits can hold (1678 to 2261).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a time in RFC 3339, such as 2022-01-21T10:00:00Z")]
pub struct NotATime {
    /// The text as it was given.
    pub value: String,
}

impl Timestamp {
    /// The point `nanos` nanoseconds after 1970-01-01T00:00:00Z.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The point `span` later; the last representable one if that would be beyond it.
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Span {
    /// A length of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A length of `seconds` seconds, capped at the longest representable one.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// `self * part / whole` rounded down; zero when `whole` is zero. Used for schedules: slice `k` of `n`.
    #[must_use]
    pub fn portion(self, part: u32, whole: u32) -> Self {
        let scaled = u128::from(self.0).saturating_mul(u128::from(part));
        let nanos = scaled.checked_div(u128::from(whole)).unwrap_or(0);
        Self(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default();
        write!(f, "{instant}")
    }
}

impl fmt::Display for Span {
    /// Seconds, or minutes where they are whole: `90 s`, `60 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        const MINUTE: u64 = 60 * SECOND;
        match self.0 {
            n if n >= MINUTE && n.is_multiple_of(MINUTE) => write!(f, "{} min", n / MINUTE),
            n if n.is_multiple_of(SECOND) => write!(f, "{} s", n / SECOND),
            n if n.is_multiple_of(1_000_000) => write!(f, "{} ms", n / 1_000_000),
            n => write!(f, "{n} ns"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let wrong = || NotATime { value: text.to_owned() };
        let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        i64::try_from(instant.as_nanosecond()).map(Self).map_err(|_| wrong())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
