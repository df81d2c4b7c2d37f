//! The projections that come with Retrace: written against the public trait, like anyone's.

mod audit;
mod batches;
mod journal;
mod portfolio;
mod strategy_ledger;

pub use audit::Audit;
pub use journal::Journal;
pub use portfolio::Portfolio;
pub use strategy_ledger::StrategyLedgerView;

use std::collections::BTreeMap;

use retrace_core::amount::Money;
use retrace_core::instrument::Asset;

/// Fees by asset as one value: `0.01 BTC + 26.2 USDT`, or `0`.
fn fees_text(fees: &BTreeMap<Asset, Money>) -> String {
    let parts: Vec<String> = fees.iter().map(|(asset, amount)| format!("{amount} {asset}")).collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") }
}
