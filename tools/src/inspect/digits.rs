//! How many decimals the numbers of a file have, and how many of those mean something.

use retrace_core::amount::DECIMALS_MAX;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

/// The most decimals that a number can be read with.
const SCALES: usize = 29;

/// Of how many numbers, out of a hundred, the usual decimals must be enough.
const USUAL_PER_CENT: u64 = 99;

/// How many decimals numbers have, trailing zeros left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Digits {
    /// How many numbers there are.
    pub numbers: u64,
    /// The most decimals that any has.
    pub most: u32,
    /// How many decimals are enough for 99 in 100 of them, left-overs of floating point not counted.
    pub usual: u32,
    /// How many have more decimals than a price may have (12).
    pub beyond_bound: u64,
    /// To how many decimals they can be rounded so that no more than left-overs of floating point go.
    pub meaningful: u32,
    #[serde(skip)]
    meaningful_counts: [u64; SCALES],
}

impl Digits {
    /// Counts one number.
    pub(super) fn count(&mut self, number: Decimal) {
        let number = number.normalize();
        let scale = number.scale();
        self.numbers += 1;
        self.most = self.most.max(scale);
        let meaningful = if scale > DECIMALS_MAX {
            self.beyond_bound += 1;
            meaningful_decimals(number)
        } else {
            scale
        };
        self.meaningful = self.meaningful.max(meaningful);
        if let Some(count) = self.meaningful_counts.get_mut(meaningful as usize) {
            *count += 1;
        }
        let mut within = 0;
        let enough = self.meaningful_counts.iter().position(|count| {
            within += count;
            within * 100 >= self.numbers * USUAL_PER_CENT
        });
        self.usual = enough.and_then(|scale| u32::try_from(scale).ok()).unwrap_or(self.most);
    }
}

/// The fewest decimals, at most 12, that leave of a number all but what 53 binary digits cannot hold: less than one part
/// in 10^14 of it.
fn meaningful_decimals(number: Decimal) -> u32 {
    let noise = number.abs().checked_mul(Decimal::new(1, 14)).unwrap_or_default();
    let fits = |decimals: &u32| {
        let rounded = number.round_dp_with_strategy(*decimals, RoundingStrategy::MidpointNearestEven);
        !rounded.is_zero() && (rounded - number).abs() <= noise
    };
    (0..=DECIMALS_MAX).find(fits).unwrap_or(DECIMALS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_of_floating_point_is_told_from_digits_that_mean_something() {
        for (text, decimals) in [
            ("0.09946999000000001", 8),
            ("1234.5600000000001", 2),
            ("99.99999999999999", 0),
            ("0.1234567890123456", 12),
            ("0.00000000000000001", 12),
        ] {
            assert_eq!(meaningful_decimals(text.parse().unwrap()), decimals, "{text}");
        }
    }

    #[test]
    fn a_few_fine_numbers_do_not_make_fine_ones_usual() {
        let mut digits = Digits::default();
        for _ in 0..300 {
            digits.count("4.25".parse().unwrap());
        }
        digits.count("4.12345678".parse().unwrap());
        assert_eq!((digits.most, digits.usual, digits.meaningful, digits.beyond_bound), (8, 2, 8, 0));
        digits.count("0.09946999000000001".parse().unwrap());
        assert_eq!((digits.most, digits.usual, digits.meaningful, digits.beyond_bound), (17, 2, 8, 1));
    }
}
