//! How long something held was not covered by a working stop, and why: for `replay`, `replay --json` and the end of `audit`.

use std::collections::BTreeSet;

use retrace_core::amount::Position;
use retrace_core::time::{Span, Timestamp};
use retrace_projections::audit::{GapSpan, gap_reason_text};
use rust_decimal::Decimal;
use serde::Serialize;

use super::text::{counted, duration};

/// A plan's gaps up to a moment.
#[derive(Debug, Serialize)]
pub(crate) struct GapsShown {
    /// Each, in order.
    protection_gaps: Vec<GapShown>,
    /// How long in all, in seconds; what is still open up to the moment shown.
    uncovered_seconds: Decimal,
}

/// A time during which something held was not covered.
#[derive(Debug, Serialize)]
struct GapShown {
    from: Timestamp,
    /// `null` where it is still open.
    to: Option<Timestamp>,
    /// How long, up to the moment shown where it is still open.
    seconds: Decimal,
    /// How much, signed.
    quantity: Position,
    /// Why, in one word.
    reason: &'static str,
}

impl GapsShown {
    /// Of these gaps, as they stand at `until`.
    pub(crate) fn new(spans: &[GapSpan], until: Timestamp) -> Self {
        let shown = |gap: &GapSpan| {
            let GapSpan { quantity, reason, from, to, .. } = gap;
            GapShown { from: *from, to: *to, seconds: seconds(lasted(gap, until)), quantity: *quantity, reason }
        };
        Self {
            protection_gaps: spans.iter().map(shown).collect(),
            uncovered_seconds: seconds(in_all(spans, Some(until))),
        }
    }
}

/// `1 gap, 3 min in all (room is made for an order that reduces)`; what is still open counts up to `until`, where that
/// is given.
pub(crate) fn summary(gaps: &[GapSpan], until: Option<Timestamp>) -> String {
    let open = if gaps.iter().any(|gap| gap.to.is_none()) { ", and one still open" } else { "" };
    let reasons: BTreeSet<&str> = gaps.iter().map(|gap| gap_reason_text(gap.reason)).collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let in_all = duration(in_all(gaps, until));
    format!("{}, {in_all} in all{open} ({})", counted(gaps.len() as u64, "gap"), reasons.join("; "))
}

fn lasted(gap: &GapSpan, until: Timestamp) -> Span {
    gap.to.unwrap_or(until).since(gap.from)
}

fn in_all(gaps: &[GapSpan], until: Option<Timestamp>) -> Span {
    let spans = gaps.iter().filter_map(|gap| until.map(|until| lasted(gap, until)).or(gap.duration));
    Span::from_nanos(spans.map(Span::nanos).fold(0, u64::saturating_add))
}

fn seconds(span: Span) -> Decimal {
    Decimal::from_i128_with_scale(i128::from(span.nanos()), 9).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(quantity: i64, reason: &'static str, from: i64, to: Option<i64>) -> GapSpan {
        let second = |at: i64| Timestamp::from_nanos(at * 1_000_000_000);
        let quantity = Position::new(Decimal::from(quantity)).unwrap();
        let duration = to.map(|to| second(to).since(second(from)));
        GapSpan { quantity, reason, from: second(from), to: to.map(second), duration }
    }

    #[test]
    fn an_open_gap_lasts_up_to_the_moment_shown() {
        let gaps = [gap(2, "reducing", 10, Some(70)), gap(-1, "no_connection", 100, None)];
        let shown = GapsShown::new(&gaps, Timestamp::from_nanos(130_500_000_000));
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            "{\"protection_gaps\":[\
             {\"from\":\"1970-01-01T00:00:10Z\",\"to\":\"1970-01-01T00:01:10Z\",\"seconds\":\"60\",\"quantity\":\"2\",\"reason\":\"reducing\"},\
             {\"from\":\"1970-01-01T00:01:40Z\",\"to\":null,\"seconds\":\"30.5\",\"quantity\":\"-1\",\"reason\":\"no_connection\"}\
             ],\"uncovered_seconds\":\"90.5\"}"
        );
        assert_eq!(
            summary(&gaps, None),
            "2 gaps, 1 min in all, and one still open (nothing can be asked of the venue without a connection; \
             room is made for an order that reduces)"
        );
    }
}
