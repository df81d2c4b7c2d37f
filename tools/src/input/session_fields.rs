//! The session file's shape as YAML has it: every scalar is taken as its text, so that no number is rounded by a parser.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::yaml::Text;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionFields {
    pub(super) session: Text,
    pub(super) mode: Text,
    pub(super) strategy: StrategyFields,
    pub(super) market: Spanned<Vec<Spanned<MarketFields>>>,
    pub(super) instruments: BTreeMap<String, Spanned<InstrumentFields>>,
    pub(super) account: AccountFields,
    pub(super) venue: Option<VenueFields>,
    pub(super) gaps: Option<Text>,
}

/// `strategy:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StrategyFields {
    pub(super) instance: Text,
    pub(super) directives: Text,
}

/// One entry of `market:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarketFields {
    pub(super) symbol: Text,
    pub(super) timeframe: Text,
    pub(super) bars: Text,
    pub(super) volume_unit: Option<Text>,
    pub(super) columns: Option<ColumnFields>,
}

/// `columns:` of a market entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFields {
    pub(super) time: Option<String>,
    pub(super) open: Option<String>,
    pub(super) high: Option<String>,
    pub(super) low: Option<String>,
    pub(super) close: Option<String>,
    pub(super) volume: Option<String>,
}

/// One entry of `instruments:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstrumentFields {
    pub(super) tick: Text,
    pub(super) lot: Text,
    pub(super) min_notional: Option<Text>,
}

/// `account:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountFields {
    pub(super) quote: Text,
    pub(super) balance: Text,
    pub(super) check: Option<Text>,
}

/// `venue:`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VenueFields {
    pub(super) profile: Option<Text>,
    pub(super) fees: Option<FeeFields>,
    pub(super) fee_asset: Option<Text>,
    pub(super) path: Option<Text>,
    pub(super) slippage_bps: Option<Text>,
    pub(super) latency_ms: Option<Text>,
    pub(super) max_volume_share: Option<Text>,
}

/// `fees:` of the venue.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeeFields {
    pub(super) maker: Option<Text>,
    pub(super) taker: Option<Text>,
}
