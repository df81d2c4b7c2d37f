//! Prices far from those around them: reported, never repaired, and never by floating point.

use retrace_core::amount::Price;
use retrace_core::time::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::input::market::row::Ohlc;

/// How many bars on each side of a bar are its neighbours.
const NEIGHBOURS: usize = 10;

/// From how many scales away from its neighbours' median a price is an outlier.
const THRESHOLD: u32 = 10;

/// How many outliers and moves are listed.
const LISTED: usize = 5;

/// A bar with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    pub(super) time: Timestamp,
    pub(super) line: u64,
    pub(super) bar: Ohlc,
}

/// A bar whose high or low is far from the prices around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outlier {
    /// When the bar begins.
    pub time: Timestamp,
    /// Its line in the file.
    pub line: u64,
    /// `high` or `low`.
    pub which: &'static str,
    /// That price.
    pub price: Price,
    /// The median close of its neighbours.
    pub median: Decimal,
    /// How far the price is from it, in per cent of it, rounded to two decimals.
    pub per_cent: Decimal,
    /// The same distance in scales, rounded to one decimal.
    pub scales: Decimal,
}

/// How far a bar reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// When the bar begins.
    pub time: Timestamp,
    /// Its line in the file.
    pub line: u64,
    /// Its low.
    pub low: Price,
    /// Its high.
    pub high: Price,
    /// High less low in per cent of the high, rounded to two decimals.
    pub per_cent: Decimal,
}

/// The outliers of a file.
///
/// The rule is Hampel's identifier, as Davies and Gather have it (The identification of multiple outliers, 1993), with
/// the floor that Brownlees and Gallo give it for prices (Financial econometric analysis at ultra-high frequency, 2006):
/// a bar's high or low is an outlier where it is more than 10 scales away from the median close of the ten bars before
/// and the ten behind. A scale is 1.4826 times the median distance of those closes from their median (for a normal
/// distribution: one standard deviation), and at least the median relative range of all bars that are not flat, so that
/// not every price behind a quiet stretch is one. Ten instead of the usual three: bars of a market in motion are no
/// errors, and what is sought is what no neighbour bears out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outliers {
    /// How many there are.
    pub count: u64,
    /// The farthest of them in per cent, at most five.
    pub worst: Vec<Outlier>,
    /// The bars that reach farthest, outliers or not, at most five.
    pub widest: Vec<Move>,
}

/// Finds the outliers among bars in the order of the file.
pub(super) fn find(prints: &[Print]) -> Outliers {
    let typical = typical_range(prints);
    let mut found = Outliers::default();
    let mut closes = Vec::with_capacity(2 * NEIGHBOURS);
    for (place, print) in prints.iter().enumerate() {
        widest(&mut found.widest, print);
        let from = place.saturating_sub(NEIGHBOURS);
        let around = prints.iter().enumerate().skip(from).take(place - from + NEIGHBOURS + 1);
        closes.clear();
        closes.extend(around.filter(|(other, _)| *other != place).map(|(_, other)| other.bar.close.value()));
        let Some(outlier) = judge(print, &mut closes, typical) else { continue };
        found.count += 1;
        let at = found.worst.partition_point(|known| known.per_cent.abs() >= outlier.per_cent.abs());
        if at < LISTED {
            found.worst.insert(at, outlier);
            found.worst.truncate(LISTED);
        }
    }
    found
}

/// Whether the bar is an outlier among neighbours with these closes, which are reordered.
fn judge(print: &Print, closes: &mut [Decimal], typical: Decimal) -> Option<Outlier> {
    let median = median(closes)?;
    for close in closes.iter_mut() {
        *close = (*close - median).abs();
    }
    // 1.4826 times the median distance estimates the standard deviation of a normal distribution.
    let spread = self::median(closes)?.checked_mul(Decimal::new(14_826, 4))?;
    let scale = spread.max(median.checked_mul(typical)?);
    let (high, low) = (print.bar.high, print.bar.low);
    let (above, below) = (high.value() - median, median - low.value());
    let (which, price, distance) = if above > below { ("high", high, above) } else { ("low", low, below) };
    if scale.is_zero() || distance <= scale.checked_mul(THRESHOLD.into())? {
        return None;
    }
    Some(Outlier {
        time: print.time,
        line: print.line,
        which,
        price,
        median,
        per_cent: per_cent(price.value() - median, median),
        scales: rounded(distance.checked_div(scale)?, 1),
    })
}

/// The median of high less low in parts of the high, over all bars that are not flat; zero where all are.
fn typical_range(prints: &[Print]) -> Decimal {
    let range = |print: &Print| {
        let (high, low) = (print.bar.high.value(), print.bar.low.value());
        (high > low).then(|| (high - low).checked_div(high)).flatten()
    };
    let mut ranges: Vec<Decimal> = prints.iter().filter_map(range).collect();
    median(&mut ranges).unwrap_or_default()
}

/// The value in the middle, the upper of two: one that occurs, so that no digits are added. Reorders `values`.
fn median(values: &mut [Decimal]) -> Option<Decimal> {
    let middle = values.len() / 2;
    (middle < values.len()).then(|| *values.select_nth_unstable(middle).1)
}

fn widest(known: &mut Vec<Move>, print: &Print) {
    let (high, low) = (print.bar.high, print.bar.low);
    let per_cent = per_cent(high.value() - low.value(), high.value());
    let at = known.partition_point(|other| other.per_cent >= per_cent);
    if at < LISTED && !per_cent.is_zero() {
        known.insert(at, Move { time: print.time, line: print.line, low, high, per_cent });
        known.truncate(LISTED);
    }
}

/// `part` of `whole` in per cent, rounded to two decimals; zero of nothing.
pub(crate) fn per_cent(part: Decimal, whole: Decimal) -> Decimal {
    let ratio = part.checked_div(whole).and_then(|ratio| ratio.checked_mul(Decimal::ONE_HUNDRED));
    rounded(ratio.unwrap_or_default(), 2)
}

fn rounded(value: Decimal, decimals: u32) -> Decimal {
    value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven).normalize()
}

#[cfg(test)]
mod tests {
    use retrace_core::time::Span;

    use super::*;

    /// A bar a minute, each from its low to its high and closing at its high, in hundredths.
    fn prints(bars: impl IntoIterator<Item = (i64, i64)>) -> Vec<Print> {
        let price = |hundredths| Price::new(Decimal::new(hundredths, 2)).unwrap();
        let start = Timestamp::from_nanos(1_700_000_000_000_000_000);
        let print = |(line, (low, high)): (u64, (i64, i64))| {
            let bar = Ohlc { open: price(low), high: price(high), low: price(low), close: price(high) };
            Print { time: start.plus(Span::from_seconds(60 * line)), line, bar }
        };
        (1..).zip(bars).map(print).collect()
    }

    fn lines(bars: impl IntoIterator<Item = (i64, i64)>) -> Vec<(u64, &'static str)> {
        let found = find(&prints(bars));
        assert_eq!(found.count, found.worst.len() as u64);
        found.worst.iter().map(|outlier| (outlier.line, outlier.which)).collect()
    }

    #[test]
    fn a_price_that_no_neighbour_bears_out_is_an_outlier() {
        let quiet = |line: i64| (10_000 + line % 3, 10_005 + line % 4);
        let spiked = (0..60).map(|line| if line == 30 { (10_000, 19_000) } else { quiet(line) });
        assert_eq!(lines(spiked), [(31, "high")]);
        let dipped = (0..60).map(|line| if line == 0 { (1, 10_004) } else { quiet(line) });
        assert_eq!(lines(dipped), [(1, "low")]);
        // The worst in per cent stands first, wherever it is.
        let both = (0..60).map(|line| match line {
            20 => (10_000, 12_000),
            40 => (10_000, 15_000),
            _ => quiet(line),
        });
        assert_eq!(lines(both), [(41, "high"), (21, "high")]);
    }

    #[test]
    fn a_market_in_motion_has_no_outlier() {
        assert_eq!(lines((0..60).map(|line| (10_000 - line * 150, 10_100 - line * 150))), []);
        // A quarter down within five bars, and it stays there.
        let crash = (0..60).map(|line: i64| {
            let fallen = (line - 30).clamp(0, 5) * 500;
            (10_000 - fallen - 400, 10_000 - fallen)
        });
        assert_eq!(lines(crash), []);
    }

    #[test]
    fn a_quiet_stretch_does_not_make_every_move_an_outlier() {
        // Nothing moves for twenty bars, then a move as large as those of the rest of the file.
        let bars = (0..80).map(|line| if (30..50).contains(&line) { (10_000, 10_000) } else { (9_990, 10_010) });
        assert_eq!(lines(bars), []);
        assert_eq!(find(&prints((0..50).map(|_| (10_000, 10_000)))), Outliers::default());
        assert_eq!(find(&prints([(10_000, 20_000)])).count, 0);
    }
}
