//! The values in a history's cells: numbers with thousands commas and assets glued behind them, words, names.

use retrace_core::exact::{self, Rounding};
use retrace_core::instrument::Asset;
use rust_decimal::Decimal;

use crate::input::number::{self, NumberFault};

/// A number, and the asset written behind it: `20,000.00000000EUR`, `0.5 BTC`, `12`.
///
/// An asset whose name begins with a digit can only be told from the number where it is one of `known`.
///
/// # Errors
/// [`NumberFault`] unless what stands before the asset is a number.
pub(super) fn glued(text: &str, known: &[&Asset]) -> Result<(Decimal, Option<Asset>), NumberFault> {
    for asset in known {
        let Some(before) = text.strip_suffix(asset.as_str()) else { continue };
        if let Ok(value) = amount(before.trim_end()) {
            return Ok((value, Some((*asset).clone())));
        }
    }
    let digits_end = text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |at| at + 1);
    let (before, behind) = text.split_at_checked(digits_end).unwrap_or((text, ""));
    let behind = behind.trim_start();
    if behind.is_empty() || before.is_empty() {
        return amount(text).map(|value| (value, None));
    }
    let asset = asset_named(behind).ok_or(NumberFault::NotANumber)?;
    Ok((amount(before)?, Some(asset)))
}

/// A number in which commas may stand between groups of three digits: `20,000.5`.
///
/// # Errors
/// [`NumberFault`] unless it is a number, or where commas stand anywhere else.
pub(super) fn amount(text: &str) -> Result<Decimal, NumberFault> {
    if !text.contains(',') {
        return number::parse(text);
    }
    let whole = text.split('.').next().unwrap_or(text);
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let mut groups = unsigned.split(',');
    let first = groups.next().unwrap_or("");
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let fits = (1..=3).contains(&first.len())
        && digits(first)
        && groups.all(|group| group.len() == 3 && digits(group))
        && text.matches(',').count() == whole.matches(',').count();
    if !fits {
        return Err(NumberFault::NotANumber);
    }
    number::parse(&text.replace(',', ""))
}

/// An asset by its name in any case.
pub(super) fn asset_named(text: &str) -> Option<Asset> {
    Asset::new(&text.to_ascii_uppercase()).ok()
}

/// `value` at no more than `decimals` places, half to even, and whether that changed it.
pub(super) fn rounded(value: Decimal, decimals: Option<u32>) -> (Decimal, bool) {
    let Some(places) = decimals.filter(|places| value.normalize().scale() > *places) else { return (value, false) };
    let rounded = exact::mul_div(value, Decimal::ONE, Decimal::ONE, places, Rounding::HalfEven);
    // A value that does not fit at fewer decimals does not fit at more: it stays, and is refused as it is.
    rounded.map_or((value, false), |rounded| (rounded, true))
}
