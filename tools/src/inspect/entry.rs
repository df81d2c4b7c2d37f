//! The entry of a session file that makes a market file usable.

use std::fmt::Write as _;
use std::path::Path;

use retrace_core::amount::DECIMALS_MAX;
use retrace_core::instrument::Symbol;
use retrace_core::time::Span;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::input::market::{Columns, Header, QuotePrice, yaml_word};
use crate::inspect::{Digits, Question, Timeframe};

/// The lot where no volume tells of one.
const LOT_DECIMALS: u32 = 2;

/// Assets that others are usually quoted in, longer names before those that end them.
const QUOTES: [&str; 12] = ["USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "BTC", "ETH", "BNB"];

/// What stands for a symbol that nothing tells: a symbol in its form, so that the entry is whole.
const STAND_IN: &str = "BASE/QUOTE";

/// Where a symbol comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolFrom {
    /// The question.
    Given,
    /// The file's name.
    FileName,
    /// Nothing tells: the entry has a stand-in.
    Nothing,
}

/// An entry under `market:` with the trading rules that go with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// What was traded, where the question or the file's name tells.
    pub symbol: Option<Symbol>,
    /// Where that comes from.
    pub symbol_from: SymbolFrom,
    /// How long each bar is; a minute where nothing tells.
    #[serde(skip)]
    pub period: Span,
    /// How many decimals prices are to be rounded to; `None` where none has too many.
    pub decimals: Option<u32>,
    /// The smallest step that 99 in 100 prices keep to.
    pub tick: Decimal,
    /// The smallest step that 99 in 100 volumes keep to; 0.01 for a file without volume.
    pub lot: Decimal,
    /// The lines to put into a session file: `market:` and `instruments:`.
    pub yaml: String,
}

/// The entry for a file with these columns.
pub(super) fn suggest(
    question: &Question,
    columns: &Columns,
    timeframe: Option<&Timeframe>,
    prices: &Digits,
    volumes: Option<&Digits>,
) -> Suggestion {
    let (symbol, symbol_from) = match (&question.symbol, by_name(&question.path)) {
        (Some(symbol), _) => (Some(symbol.clone()), SymbolFrom::Given),
        (None, Some(symbol)) => (Some(symbol), SymbolFrom::FileName),
        (None, None) => (None, SymbolFrom::Nothing),
    };
    let decimals = question.decimals.or_else(|| (prices.beyond_bound > 0).then_some(prices.meaningful));
    // The middle of two prices may have one decimal more than they.
    let halves = u32::from(columns.price == Some(QuotePrice::Mid));
    let tick_decimals = prices.usual.min(decimals.unwrap_or(DECIMALS_MAX)) + halves;
    let lot_decimals = volumes.map_or(LOT_DECIMALS, |volumes| volumes.usual);
    let step = |decimals: u32| Decimal::new(1, decimals.min(DECIMALS_MAX));
    let (tick, lot) = (step(tick_decimals), step(lot_decimals));
    let period = timeframe.map_or(Span::from_seconds(60), |known| known.period);
    let mut suggestion = Suggestion { symbol, symbol_from, period, decimals, tick, lot, yaml: String::new() };
    suggestion.yaml = yaml(&suggestion, question, columns, timeframe, volumes.is_some());
    suggestion
}

fn yaml(
    suggestion: &Suggestion,
    question: &Question,
    columns: &Columns,
    timeframe: Option<&Timeframe>,
    has_volume: bool,
) -> String {
    let mut yaml = String::from("market:\n");
    // Writing to a String cannot fail.
    let mut line = |text: &str, remark: &str| {
        let _ = if remark.is_empty() { writeln!(yaml, "{text}") } else { writeln!(yaml, "{text:<28}  # {remark}") };
    };
    let Suggestion { symbol, symbol_from, decimals, tick, lot, .. } = suggestion;
    let symbol = symbol.as_ref().map_or_else(|| STAND_IN.to_owned(), ToString::to_string);
    let remark = match symbol_from {
        SymbolFrom::Given => "",
        SymbolFrom::FileName => "by the file's name",
        SymbolFrom::Nothing => "put its symbol here and below, or give --symbol",
    };
    line(&format!("  - symbol: {symbol}"), remark);
    match timeframe {
        Some(known) => line(&format!("    timeframe: {}", known.text), ""),
        None => line("    timeframe: 1m", "the file does not tell; --timeframe does"),
    }
    line(&format!("    bars: {}", yaml_word(&question.path.to_string_lossy())), "");
    match &columns.header {
        Header::InFile => {}
        Header::Given(names) => {
            let names: Vec<String> = names.iter().map(|name| yaml_word(name)).collect();
            line(&format!("    header: [{}]", names.join(", ")), "");
        }
        Header::Layout(layout) => line(&format!("    layout: {layout}"), ""),
    }
    if !columns.names.is_empty() {
        let names = columns.names.iter().map(|(role, name)| format!("{}: {}", role.as_str(), yaml_word(name)));
        line(&format!("    columns: {{{}}}", names.collect::<Vec<_>>().join(", ")), "");
    }
    if let Some(price) = columns.price {
        let others: Vec<&str> =
            QuotePrice::ALL.iter().filter(|other| **other != price).map(|other| other.as_str()).collect();
        let remark = if question.columns.price.is_some() { String::new() } else { format!("or {}", others.join(", ")) };
        line(&format!("    price: {}", price.as_str()), &remark);
    }
    if let Some(decimals) = decimals {
        line(&format!("    decimals: {decimals}"), "prices are rounded to it, half to even");
    }
    if has_volume {
        line("    volume_unit: base", "or quote: the file does not say");
    }
    line("instruments:", "");
    line(
        &format!("  {symbol}: {{tick: \"{tick}\", lot: \"{lot}\"}}"),
        "by the file's digits; the venue's rules are better",
    );
    yaml
}

/// The symbol that a file's name tells: `btcusd_1m.csv`, `ETH_BTC-5m.csv`.
fn by_name(path: &Path) -> Option<Symbol> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let letters = |text: &str| (2..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    let one = words.iter().find_map(|word| {
        let word = word.to_ascii_uppercase();
        let split = |quote: &&str| Some(format!("{}/{quote}", word.strip_suffix(quote).filter(|base| letters(base))?));
        QUOTES.iter().find_map(split)
    });
    let two = || {
        let is_name = |word: &str| letters(word) && word.bytes().all(|b| b.is_ascii_uppercase());
        let pairs = words.iter().zip(words.iter().skip(1));
        let mut pairs = pairs.filter(|(base, quote)| is_name(base) && QUOTES.contains(quote));
        pairs.next().map(|(base, quote)| format!("{base}/{quote}"))
    };
    one.or_else(two)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_told_from_a_file_name() {
        for (name, symbol) in [
            ("bitfinex_btcusd_1m.csv.xz", Some("BTC/USD")),
            ("binance_BTCUSDT_1m.csv", Some("BTC/USDT")),
            ("x/ETH_BTC-5m.csv", Some("ETH/BTC")),
            ("usd.csv", None),
            ("goog.csv", None),
            ("market.csv", None),
        ] {
            let found = by_name(Path::new(name)).map(|symbol| symbol.to_string());
            assert_eq!(found.as_deref(), symbol, "{name}");
        }
    }
}
