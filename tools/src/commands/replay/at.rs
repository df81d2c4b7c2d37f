//! A moment of a session, as a user names it.

use std::str::FromStr;

use retrace_core::ids::Seq;
use retrace_core::time::Timestamp;

use crate::input::time;

/// A moment of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// After this event; 0 is before the first.
    Seq(Seq),
    /// After all events up to this time.
    Time(Timestamp),
}

/// A text that is no moment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the number of an event, RFC 3339, or `YYYY-MM-DD HH:MM` (UTC)")]
pub(super) struct NotAMoment;

impl FromStr for At {
    type Err = NotAMoment;

    /// Only digits are the number of an event; everything else is a time.
    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(|seq| Self::Seq(Seq(seq))).map_err(|_| NotAMoment);
        }
        time::parse(text).map(|(time, _)| Self::Time(time)).map_err(|_| NotAMoment)
    }
}

impl At {
    /// Whether an event belongs to the log up to this moment.
    pub(super) const fn includes(self, seq: Seq, time: Timestamp) -> bool {
        match self {
            Self::Seq(last) => seq.0 <= last.0,
            Self::Time(last) => time.nanos() <= last.nanos(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_an_event_and_all_else_is_a_time() {
        assert_eq!("0".parse(), Ok(At::Seq(Seq(0))));
        assert_eq!("312".parse(), Ok(At::Seq(Seq(312))));
        // As a file's time these would be epoch seconds and milliseconds.
        assert_eq!("1772409600".parse(), Ok(At::Seq(Seq(1_772_409_600))));
        let time: Timestamp = "2026-03-03T01:30:00Z".parse().unwrap();
        for text in ["2026-03-03T01:30:00Z", "2026-03-03 01:30:00", "2026-03-03T02:30:00+01:00"] {
            assert_eq!(text.parse(), Ok(At::Time(time)), "{text}");
        }
        assert_eq!("2026-03-03".parse(), Ok(At::Time("2026-03-03T00:00:00Z".parse().unwrap())));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "-1", "3.5", "now", "99999999999999999999", "2026-13-01", "12:00"] {
            assert_eq!(text.parse::<At>(), Err(NotAMoment), "{text:?}");
        }
    }

    #[test]
    fn a_time_includes_every_event_at_it() {
        let time = Timestamp::from_nanos(5);
        assert!(At::Time(time).includes(Seq(9), time));
        assert!(!At::Time(time).includes(Seq(9), Timestamp::from_nanos(6)));
        assert!(At::Seq(Seq(9)).includes(Seq(9), time) && !At::Seq(Seq(9)).includes(Seq(10), time));
    }
}
