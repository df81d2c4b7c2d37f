//! How far apart the rows of a file are: the length of its bars, and what is missing between them.

use std::collections::BTreeMap;

use retrace_core::time::{Span, Timestamp};
use serde::Serialize;

use crate::input::market::rows::missing_between;
use crate::input::time::timeframe_text;
use crate::inspect::oddities::Oddities;

/// How long the bars of a file are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeframe {
    /// As a session file has it: `1m`.
    pub text: String,
    /// The length itself.
    #[serde(skip)]
    pub period: Span,
    /// Whether the question gave it; else it is the most common distance of two rows.
    pub given: bool,
    /// How many times a row follows at this distance.
    pub steps: u64,
    /// How many times a row follows at all.
    pub of: u64,
}

/// What is missing between the bars of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// How many places where a bar does not follow at once on the one before.
    pub places: u64,
    /// How many bars would have their room there, a part of one counted whole.
    pub bars: u64,
    /// The longest of them.
    pub longest: Option<Gap>,
}

/// One place where bars are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// How many bars would have their room.
    pub bars: u64,
    /// The open time of the bar before.
    pub after: Timestamp,
    /// The open time of the bar behind.
    pub until: Timestamp,
}

/// The length of the bars whose open times and lines these are, unless it is given. `None` where no row follows on
/// another at a distance that a timeframe can have.
pub(super) fn timeframe(given: Option<Span>, times: &[(Timestamp, u64)]) -> Option<Timeframe> {
    let mut steps: BTreeMap<Span, u64> = BTreeMap::new();
    for (before, after) in times.iter().zip(times.iter().skip(1)) {
        if after.0 > before.0 {
            *steps.entry(after.0.since(before.0)).or_default() += 1;
        }
    }
    let of = steps.values().sum();
    let common = || {
        // Of equally common ones the shortest: at the longer ones bars are missing.
        let possible = steps.iter().filter(|(step, _)| timeframe_text(**step).is_some());
        possible.rev().max_by_key(|(_, count)| **count).map(|(step, _)| *step)
    };
    let period = given.or_else(common)?;
    let counted = steps.get(&period).copied().unwrap_or(0);
    Some(Timeframe { text: timeframe_text(period)?, period, given: given.is_some(), steps: counted, of })
}

/// What is missing between rows at these times and lines; what does not follow goes to `oddities`.
pub(super) fn gaps(times: &[(Timestamp, u64)], period: Span, oddities: &mut Oddities) -> Gaps {
    let mut gaps = Gaps::default();
    for (before, after) in times.iter().zip(times.iter().skip(1)) {
        match missing_between(*before, after.0, period) {
            Ok(0) => {}
            Ok(missing) => {
                gaps.places += 1;
                gaps.bars = gaps.bars.saturating_add(missing);
                if gaps.longest.is_none_or(|longest| missing > longest.bars) {
                    gaps.longest = Some(Gap { bars: missing, after: before.0, until: after.0 });
                }
            }
            Err(rule) => oddities.out_of_order(&rule, after.1, after.0),
        }
    }
    gaps
}

/// The same, where the rows may not tell how long its bars are: then none goes forward by what a timeframe can be,
/// nothing is missing, and only the order is looked at.
pub(super) fn gaps_or_order(
    timeframe: Option<&Timeframe>,
    times: &[(Timestamp, u64)],
    oddities: &mut Oddities,
) -> Gaps {
    let Some(known) = timeframe else {
        gaps(times, Span::from_nanos(1), oddities);
        return Gaps::default();
    };
    gaps(times, known.period, oddities)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: &[i64]) -> Vec<(Timestamp, u64)> {
        (1..).zip(seconds).map(|(line, at)| (Timestamp::from_nanos(at * 1_000_000_000), line)).collect()
    }

    #[test]
    fn the_most_common_step_is_the_timeframe_and_of_equals_the_shortest() {
        let told = |seconds: &[i64]| timeframe(None, &at(seconds)).map(|known| (known.text, known.steps, known.of));
        assert_eq!(told(&[0, 60, 120, 300, 360]), Some(("1m".into(), 3, 4)));
        assert_eq!(told(&[0, 60, 180]), Some(("1m".into(), 1, 2)));
        assert_eq!(told(&[0, 86_400, 86_400, 43_200, 129_600]), Some(("1d".into(), 2, 2)));
        assert_eq!(told(&[5]), None);
        assert_eq!(told(&[5, 5]), None);
        let given = timeframe(Some(Span::from_seconds(30)), &at(&[0, 60])).unwrap();
        assert_eq!((given.text.as_str(), given.given, given.steps, given.of), ("30s", true, 0, 1));
    }

    #[test]
    fn the_longest_gap_is_told_with_its_ends() {
        let mut oddities = Oddities::default();
        let gaps = gaps(&at(&[0, 60, 300, 330, 660, 600]), Span::from_seconds(60), &mut oddities);
        assert_eq!((gaps.places, gaps.bars), (2, 3 + 5));
        let longest = gaps.longest.unwrap();
        assert_eq!((longest.bars, longest.after.nanos(), longest.until.nanos()), (5, 330_000_000_000, 660_000_000_000));
        let odd: Vec<_> = oddities.listed().into_iter().map(|oddity| (oddity.kind.as_str(), oddity.line)).collect();
        assert_eq!(odd, [("goes back in time", Some(6)), ("overlaps the bar before", Some(4))]);
    }

    #[test]
    fn rows_that_never_go_forward_are_odd_without_a_timeframe() {
        for (seconds, kind) in [([120, 60, 0], "goes back in time"), ([60, 60, 60], "same time again")] {
            let times = at(&seconds);
            assert_eq!(timeframe(None, &times), None);
            let mut oddities = Oddities::default();
            assert_eq!(gaps_or_order(None, &times, &mut oddities), Gaps::default());
            let odd: Vec<_> =
                oddities.listed().into_iter().map(|odd| (odd.kind.as_str(), odd.count, odd.line)).collect();
            assert_eq!(odd, [(kind, 2, Some(2))]);
        }
    }
}
