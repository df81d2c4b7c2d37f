//! A sample market with a session on it, made by the project itself: the same bytes for the same seed, everywhere.
//!
//! Two days of one-minute bars: a trend, a range, a crash of about a tenth within the hour, and half a recovery.
//! Integers only; a price is a whole number of cents, a volume of thousandths.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use retrace_core::time::{Span, Timestamp};

/// The seed of the sample that the documentation shows.
pub const DEFAULT_SEED: u64 = 2_026;

/// 2026-03-02T00:00:00Z, a Monday: the first bar's open time.
const START_NANOS: i64 = 1_772_409_600_000_000_000;

/// Two days.
const MINUTES: u32 = 2 * 24 * 60;

/// Where the market is drawn to: (minute, price in cents), in order of time. Between two points the way is straight.
const COURSE: [(u32, i64); 8] = [
    (0, 6_000_000),
    (600, 6_240_000),
    (960, 6_310_000),
    (1_500, 6_300_000),
    (1_560, 5_720_000),
    (1_620, 5_760_000),
    (2_300, 6_010_000),
    (MINUTES, 6_000_000),
];

/// The crash: its first minute and the one after its last.
const CRASH: std::ops::Range<u32> = 1_500..1_560;

/// What was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplePaths {
    /// The bars.
    pub market: PathBuf,
    /// What the strategist says.
    pub directives: PathBuf,
    /// The file to run.
    pub session: PathBuf,
}

/// Writes the sample of `seed` into the folder `dir`, which is made if it is not there. Files of the same names are
/// replaced.
///
/// # Errors
/// What the operating system says when a file cannot be written.
pub fn write(dir: &Path, seed: u64) -> io::Result<SamplePaths> {
    fs::create_dir_all(dir)?;
    let paths = SamplePaths {
        market: dir.join("market.csv"),
        directives: dir.join("directives.jsonl"),
        session: dir.join("session.yaml"),
    };
    fs::write(&paths.market, market_csv(seed))?;
    fs::write(&paths.directives, DIRECTIVES)?;
    fs::write(&paths.session, SESSION)?;
    Ok(paths)
}

/// The bars of `seed` as CSV, with base volumes.
pub fn market_csv(seed: u64) -> String {
    let mut text = String::from("timestamp,open,high,low,close,volume\n");
    let mut random = SplitMix64(seed);
    let mut open = 6_000_000;
    for minute in 0..MINUTES {
        let wild = CRASH.contains(&minute);
        // Drawn to the course by a part of the distance, so that the course holds and every minute still differs.
        let pull = (course(minute + 1) - open) / if wild { 2 } else { 30 };
        let close = open + pull + random.within(if wild { 9_000 } else { 6_000 });
        let wick = if wild { 6_000 } else { 3_500 };
        let high = open.max(close) + random.below(wick);
        let low = open.min(close) - random.below(wick);
        let moved = (close - open).abs();
        let volume = 4_000 + random.below(9_000) + moved / if wild { 1 } else { 2 };
        let open_time = Timestamp::from_nanos(START_NANOS).plus(Span::from_seconds(u64::from(minute) * 60));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{open_time},{},{},{},{},{}.{:03}",
            Cents(open),
            Cents(high),
            Cents(low),
            Cents(close),
            volume / 1_000,
            volume % 1_000
        );
        open = close;
    }
    text
}

/// The price in cents that the market is drawn to at `minute`.
fn course(minute: u32) -> i64 {
    let mut before = (0, 6_000_000);
    for (end, price) in COURSE {
        if minute < end {
            let (start, from) = before;
            return from + (price - from) * i64::from(minute - start) / i64::from(end - start);
        }
        before = (end, price);
    }
    before.1
}

/// Whole cents, written with two decimals.
struct Cents(i64);

impl std::fmt::Display for Cents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014): one addition and a mixing of bits a number. For samples, not for secrets.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one below `end`. The small bias of a remainder does not matter here.
    fn below(&mut self, end: i64) -> i64 {
        let drawn = self.next() % u64::try_from(end).unwrap_or(1).max(1);
        i64::try_from(drawn).unwrap_or(0)
    }

    /// From `-reach` to `reach`; the sum of two draws, so that small values are the likelier ones.
    fn within(&mut self, reach: i64) -> i64 {
        self.below(reach) + self.below(reach) - reach + 1
    }
}

const DIRECTIVES: &str = include_str!("sample/directives.jsonl");

const SESSION: &str = include_str!("sample/session.yaml");

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::input::directives::{self, DataSpan};
    use crate::input::market::{self, Gaps};
    use crate::input::session;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first values of seed 1234567 in the reference implementation.
        let mut random = SplitMix64(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn the_default_sample_never_changes() {
        let digest = blake3::hash(market_csv(DEFAULT_SEED).as_bytes()).to_hex();
        insta::assert_snapshot!(digest, @"0c9b0ef177a52fdc11844a9571a431fbfa5e5ab23a74e0df789e19006e162893");
        assert_ne!(market_csv(DEFAULT_SEED), market_csv(DEFAULT_SEED + 1));
    }

    #[test]
    fn the_sample_passes_its_own_checks_and_has_its_crash() {
        let dir = tempfile::tempdir().unwrap();
        for seed in [DEFAULT_SEED, 0, u64::MAX] {
            let paths = write(&dir.path().join("demo"), seed).unwrap();
            let session = session::read(&paths.session).unwrap();
            assert_eq!(session.market[0].path, paths.market);
            let read = market::read(&session.market[0], session.gaps).unwrap();
            let bars = &read.data.bars;
            assert_eq!((bars.len(), read.gaps), (MINUTES as usize, Gaps::default()));
            for pair in bars.windows(2) {
                assert_eq!(pair[0].close, pair[1].open);
            }
            let (before, after) = (bars[1_500].open.value(), bars[1_559].close.value());
            let fall = (before - after) / before;
            assert!(fall > Decimal::new(8, 2) && fall < Decimal::new(11, 2), "{fall} with seed {seed}");
            let (first, last) = (bars[0].open_time, bars[bars.len() - 1].open_time);
            let data = DataSpan { from: first, to: last.plus(session.market[0].period) };
            let directives = directives::read(&paths.directives, &session.instruments, data).unwrap();
            assert!(directives.len() >= 8, "{}", directives.len());
        }
    }
}
