//! Exact decimal arithmetic: a sum or product is the true one or an error. Rounding happens only where a caller names it.
//!
//! `rust_decimal`'s own `checked_add` and `checked_mul` answer `Some` with a *rounded* result once 28 digits are not
//! enough, so nothing in this workspace adds or multiplies amounts except through this module.

use rust_decimal::Decimal;

/// The exact result needs more digits than an amount can hold (96 bits, 28 decimals).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{left} {operation} {right} has no exact result within 28 digits")]
pub struct Inexact {
    /// The left operand.
    pub left: Decimal,
    /// What was to be done: `+`, `*`, `/`.
    pub operation: char,
    /// The right operand.
    pub right: Decimal,
}

/// Which way a named rounding goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards negative infinity.
    Down,
    /// Towards positive infinity.
    Up,
    /// To the nearest, a tie to the even digit: for averages that are only shown.
    HalfEven,
}

/// `left + right`, exactly.
///
/// # Errors
/// [`Inexact`] when the true sum does not fit.
pub fn add(left: Decimal, right: Decimal) -> Result<Decimal, Inexact> {
    let inexact = Inexact { left, operation: '+', right };
    let scale = left.scale().max(right.scale());
    let sum = at_scale(left, scale).zip(at_scale(right, scale)).and_then(|(a, b)| a.checked_add(b));
    sum.and_then(|mantissa| from_parts(mantissa, scale)).ok_or(inexact)
}

/// `left - right`, exactly.
///
/// # Errors
/// [`Inexact`] when the true difference does not fit.
pub fn sub(left: Decimal, right: Decimal) -> Result<Decimal, Inexact> {
    let mut negated = right;
    negated.set_sign_negative(right.is_sign_positive());
    add(left, negated)
}

/// `left * right`, exactly.
///
/// # Errors
/// [`Inexact`] when the true product does not fit.
pub fn mul(left: Decimal, right: Decimal) -> Result<Decimal, Inexact> {
    let inexact = Inexact { left, operation: '*', right };
    let (a, b) = (left.normalize(), right.normalize());
    let product = a.mantissa().checked_mul(b.mantissa());
    product.and_then(|mantissa| from_parts(mantissa, a.scale().saturating_add(b.scale()))).ok_or(inexact)
}

/// `amount * part / whole`, rounded to `decimals` places the way `rounding` says.
///
/// # Errors
/// [`Inexact`] when `whole` is zero or an intermediate value needs more than 127 bits.
pub fn mul_div(
    amount: Decimal,
    part: Decimal,
    whole: Decimal,
    decimals: u32,
    rounding: Rounding,
) -> Result<Decimal, Inexact> {
    let inexact = Inexact { left: amount, operation: '/', right: whole };
    let (a, b, c) = (amount.normalize(), part.normalize(), whole.normalize());
    let quotient = || {
        let mut numerator = a.mantissa().checked_mul(b.mantissa())?;
        let mut denominator = c.mantissa();
        // Scales: numerator a+b, denominator c; bring the quotient to `decimals`.
        let shift = i64::from(decimals)
            .checked_add(i64::from(c.scale()))?
            .checked_sub(i64::from(a.scale()))?
            .checked_sub(i64::from(b.scale()))?;
        let power = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
        if shift >= 0 {
            numerator = numerator.checked_mul(power)?;
        } else {
            denominator = denominator.checked_mul(power)?;
        }
        from_parts(divide(numerator, denominator, rounding)?, decimals)
    };
    quotient().ok_or(inexact)
}

/// `amount` brought to a whole multiple of `unit` (a tick or a lot, above zero).
///
/// # Errors
/// [`Inexact`] when `unit` is not above zero or the result does not fit.
pub fn round_to_multiple(amount: Decimal, unit: Decimal, rounding: Rounding) -> Result<Decimal, Inexact> {
    let units = mul_div(amount, Decimal::ONE, unit, 0, rounding)?;
    mul(units, unit)
}

fn at_scale(value: Decimal, scale: u32) -> Option<i128> {
    let power = 10_i128.checked_pow(scale.checked_sub(value.scale())?)?;
    value.mantissa().checked_mul(power)
}

/// Drops trailing zeros and checks that what remains fits a `Decimal` without loss.
fn from_parts(mut mantissa: i128, mut scale: u32) -> Option<Decimal> {
    while scale > 0 && mantissa.checked_rem(10)? == 0 {
        mantissa = mantissa.checked_div(10)?;
        scale = scale.checked_sub(1)?;
    }
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

fn divide(numerator: i128, denominator: i128, rounding: Rounding) -> Option<i128> {
    let floor = numerator.checked_div_euclid(denominator)?;
    // Euclid's remainder is never negative; for a negative denominator the quotient is a ceiling, so flip signs first.
    if denominator < 0 {
        return divide(numerator.checked_neg()?, denominator.checked_neg()?, rounding);
    }
    let rest = numerator.checked_rem_euclid(denominator)?;
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest != 0,
        Rounding::HalfEven => {
            let other = denominator.checked_sub(rest)?;
            rest > other || (rest == other && floor.checked_rem(2)? != 0)
        }
    };
    if up { floor.checked_add(1) } else { Some(floor) }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::disallowed_methods, reason = "checked against rust_decimal's own")]
mod tests {
    use proptest::prelude::*;
    use rust_decimal_macros::dec;

    use super::*;

    #[test]
    fn a_sum_that_rust_decimal_rounds_silently_is_refused() {
        let big = dec!(7922816251426433759354395033.5);
        let tiny = dec!(0.05);
        assert!(big.checked_add(tiny).is_some(), "rust_decimal answers Some here: that is the trap");
        assert!(add(big, tiny).is_err());
        assert!(mul(dec!(1.000000000000000000000000001), dec!(1.01)).is_err());
    }

    #[test]
    fn rounding_goes_the_way_its_name_says() {
        for (value, down, up, even) in [
            (dec!(2.5), dec!(2), dec!(3), dec!(2)),
            (dec!(3.5), dec!(3), dec!(4), dec!(4)),
            (dec!(-2.5), dec!(-3), dec!(-2), dec!(-2)),
            (dec!(-2.4), dec!(-3), dec!(-2), dec!(-2)),
            (dec!(7), dec!(7), dec!(7), dec!(7)),
        ] {
            assert_eq!(round_to_multiple(value, dec!(1), Rounding::Down), Ok(down));
            assert_eq!(round_to_multiple(value, dec!(1), Rounding::Up), Ok(up));
            assert_eq!(round_to_multiple(value, dec!(1), Rounding::HalfEven), Ok(even));
        }
    }

    fn amount() -> impl Strategy<Value = Decimal> {
        (-1_000_000_000_000_i64..1_000_000_000_000, 0_u32..12).prop_map(|(m, s)| Decimal::new(m, s))
    }

    proptest! {
        #[test]
        fn sums_and_products_undo_themselves(a in amount(), b in amount()) {
            let sum = add(a, b).unwrap();
            prop_assert_eq!(sub(sum, b).unwrap(), a);
            if !b.is_zero() {
                let product = mul(a, b).unwrap();
                prop_assert_eq!(mul_div(product, Decimal::ONE, b, 12, Rounding::Down).unwrap(), a.normalize());
            }
        }

        #[test]
        fn a_multiple_is_within_one_unit(a in amount(), lots in 1_i64..1000, scale in 0_u32..6) {
            let unit = Decimal::new(lots, scale);
            let down = round_to_multiple(a, unit, Rounding::Down).unwrap();
            let up = round_to_multiple(a, unit, Rounding::Up).unwrap();
            prop_assert!(down <= a && a <= up && up - down <= unit);
            prop_assert_eq!((down / unit).fract(), Decimal::ZERO);
        }
    }
}
