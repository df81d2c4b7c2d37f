//! Seeded choices: the same seed, the same world, on every machine.

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for a seed.
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low + 1).unwrap_or(1).max(1);
        low + i64::try_from(self.next() % span).unwrap_or(0)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: i64) -> bool {
        self.between(1, times) == 1
    }

    /// One of `from`.
    ///
    /// # Panics
    /// If there is nothing to choose from.
    #[expect(clippy::indexing_slicing, reason = "the remainder is a place in it; an empty choice is a mistake")]
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let last = i64::try_from(from.len()).unwrap_or(1) - 1;
        from[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number drawn for these circumstances alone: what is drawn for one order does not move when another one is taken
/// out of the story.
pub fn drawn(parts: &[u64]) -> u64 {
    parts.iter().fold(GOLDEN, |sum, part| mix(sum ^ mix(*part)))
}

/// A number that stands for a text.
pub fn key_of(text: &str) -> u64 {
    text.bytes().fold(GOLDEN, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
