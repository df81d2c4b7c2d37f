//! Decimal numbers from text, exactly: no floating point and no rounding on the way.

use rust_decimal::Decimal;

/// The longest text that is read as a number, in bytes.
const LENGTH_MAX: usize = 128;

/// Powers of ten beyond this are refused before they are computed.
const EXPONENT_MAX: i64 = 64;

/// Why a text is no number that can be held exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFault {
    /// Not digits with an optional sign, point and exponent.
    NotANumber,
    /// `NaN` or an infinity.
    NotFinite,
    /// More digits than a decimal holds: 96 bits, 28 decimals.
    TooManyDigits,
}

/// The number that `text` writes: `46319.0`, `-3`, `.5`, `1e-5`. No blanks, no digit separators.
///
/// # Errors
/// [`NumberFault`] unless the text is a number and fits exactly.
pub fn parse(text: &str) -> Result<Decimal, NumberFault> {
    let (negative, digits) = split_sign(text.as_bytes());
    if is_not_finite(digits) {
        return Err(NumberFault::NotFinite);
    }
    if text.len() > LENGTH_MAX {
        return Err(NumberFault::TooManyDigits);
    }
    let mut digits_seen = Digits::default();
    let mut point = false;
    let mut rest = digits.iter();
    let mut exponent = 0;
    while let Some(&byte) = rest.next() {
        match byte {
            b'0'..=b'9' => digits_seen.push(byte.wrapping_sub(b'0'), point)?,
            b'.' if !point => point = true,
            b'e' | b'E' if digits_seen.count > 0 => {
                exponent = parse_exponent(rest.as_slice())?;
                break;
            }
            _ => return Err(NumberFault::NotANumber),
        }
    }
    if digits_seen.count == 0 {
        return Err(NumberFault::NotANumber);
    }
    digits_seen.value(exponent, negative).ok_or(NumberFault::TooManyDigits)
}

/// A whole number from `min` to `max`, both included; `None` for anything else, such as `1.5` or `1e3`.
pub fn parse_whole(text: &str, min: u64, max: u64) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| plain && (min..=max).contains(n))
}

fn is_not_finite(text: &[u8]) -> bool {
    let text = text.strip_prefix(b".").unwrap_or(text);
    ["nan", "inf", "infinity"].iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether the text is negative, and what follows its sign.
fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    }
}

fn parse_exponent(text: &[u8]) -> Result<i64, NumberFault> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberFault::NotANumber);
    }
    let mut value: i64 = 0;
    for digit in digits {
        value = value.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')));
    }
    Ok(if negative { value.saturating_neg() } else { value })
}

/// Digits read so far. Zeros are held back until another digit follows, so that trailing ones need no room.
#[derive(Default)]
struct Digits {
    mantissa: i128,
    zeros_held: u32,
    decimals: i64,
    count: u32,
}

impl Digits {
    fn push(&mut self, digit: u8, after_point: bool) -> Result<(), NumberFault> {
        self.count = self.count.saturating_add(1);
        self.decimals = self.decimals.saturating_add(i64::from(after_point));
        if digit == 0 {
            self.zeros_held = self.zeros_held.saturating_add(1);
            return Ok(());
        }
        let shifted = if self.mantissa == 0 {
            Some(0)
        } else {
            10_i128.checked_pow(self.zeros_held.saturating_add(1)).and_then(|power| self.mantissa.checked_mul(power))
        };
        let mantissa = shifted.and_then(|m| m.checked_add(i128::from(digit)));
        self.mantissa = mantissa.ok_or(NumberFault::TooManyDigits)?;
        self.zeros_held = 0;
        Ok(())
    }

    fn value(&self, exponent: i64, negative: bool) -> Option<Decimal> {
        if self.mantissa == 0 {
            return Some(Decimal::ZERO);
        }
        let power = exponent.checked_sub(self.decimals)?.checked_add(i64::from(self.zeros_held))?;
        if power.abs() > EXPONENT_MAX {
            return None;
        }
        let size = u32::try_from(power.unsigned_abs()).ok()?;
        let signed = if negative { self.mantissa.checked_neg()? } else { self.mantissa };
        if power >= 0 {
            Decimal::try_from_i128_with_scale(signed.checked_mul(10_i128.checked_pow(size)?)?, 0).ok()
        } else {
            Decimal::try_from_i128_with_scale(signed, size).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, value) in [
            ("46319.0", "46319"),
            ("1e-5", "0.00001"),
            ("1.5E3", "1500"),
            ("-0.250", "-0.25"),
            ("+3", "3"),
            (".5", "0.5"),
            ("5.", "5"),
            ("007", "7"),
            ("0e999", "0"),
            ("100200300", "100200300"),
            ("0.1000000000000000000000000000000000000000", "0.1"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
        ] {
            assert_eq!(parse(text).map(|d| d.to_string()), Ok(value.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_does_not_fit_is_refused() {
        use NumberFault::{NotANumber, NotFinite, TooManyDigits};
        for (text, fault) in [
            ("", NotANumber),
            (".", NotANumber),
            ("-", NotANumber),
            ("1_000", NotANumber),
            ("1,5", NotANumber),
            (" 1", NotANumber),
            ("1.2.3", NotANumber),
            ("e5", NotANumber),
            ("1e", NotANumber),
            ("0x10", NotANumber),
            ("NaN", NotFinite),
            ("-inf", NotFinite),
            (".inf", NotFinite),
            ("1e99", TooManyDigits),
            ("1e-29", TooManyDigits),
            ("1e99999999999999999999999", TooManyDigits),
            ("79228162514264337593543950336", TooManyDigits),
            ("1.00000000000000000000000000001", TooManyDigits),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn whole_numbers_have_bounds() {
        assert_eq!(parse_whole("12", 1, 12), Some(12));
        for text in ["13", "0", "-1", "1.0", "1e1", "", "99999999999999999999999", "+1"] {
            assert_eq!(parse_whole(text, 1, 12), None, "{text}");
        }
    }
}
