//! The session file's shape as YAML has it: every scalar is taken as its text, so that no number is rounded by a parser.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::session_profile::ProfileFields;
use super::session_risk::RiskFields;
use super::yaml::Text;
use crate::input::market::Role;

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
    pub(super) execution: Option<ExecutionFields>,
    pub(super) risk: Option<RiskFields>,
    pub(super) batch_defaults: Option<BatchDefaultsFields>,
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
    pub(super) header: Option<Spanned<Vec<String>>>,
    pub(super) layout: Option<Text>,
    pub(super) columns: Option<ColumnFields>,
    pub(super) price: Option<Text>,
    pub(super) decimals: Option<Text>,
}

/// `columns:` of a market entry: a field for each [`Role`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFields {
    time: Option<Text>,
    date: Option<Text>,
    time_of_day_ms: Option<Text>,
    open: Option<Text>,
    high: Option<Text>,
    low: Option<Text>,
    close: Option<Text>,
    volume: Option<Text>,
    bid_open: Option<Text>,
    bid_high: Option<Text>,
    bid_low: Option<Text>,
    bid_close: Option<Text>,
    ask_open: Option<Text>,
    ask_high: Option<Text>,
    ask_low: Option<Text>,
    ask_close: Option<Text>,
}

impl ColumnFields {
    /// Those that are given.
    pub(super) fn given(&self) -> impl Iterator<Item = (Role, &Text)> {
        let of = |role| match role {
            Role::Time => &self.time,
            Role::Date => &self.date,
            Role::TimeOfDayMs => &self.time_of_day_ms,
            Role::Open => &self.open,
            Role::High => &self.high,
            Role::Low => &self.low,
            Role::Close => &self.close,
            Role::Volume => &self.volume,
            Role::BidOpen => &self.bid_open,
            Role::BidHigh => &self.bid_high,
            Role::BidLow => &self.bid_low,
            Role::BidClose => &self.bid_close,
            Role::AskOpen => &self.ask_open,
            Role::AskHigh => &self.ask_high,
            Role::AskLow => &self.ask_low,
            Role::AskClose => &self.ask_close,
        };
        Role::ALL.iter().filter_map(move |&role| Some((role, of(role).as_ref()?)))
    }
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

/// `execution:`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExecutionFields {
    pub(super) reject_retries: Option<Text>,
    pub(super) stop_limit_patience_seconds: Option<Text>,
    pub(super) urgency: Option<Vec<Spanned<UrgencyFields>>>,
}

/// One entry of `urgency:` in `execution:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UrgencyFields {
    pub(super) from: Text,
    pub(super) algorithm: Text,
    pub(super) duration_minutes: Option<Text>,
    pub(super) slices: Option<Text>,
    pub(super) catch_up: Option<Text>,
}

/// `batch_defaults:`, by scope.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchDefaultsFields {
    pub(super) new_trade: Option<BatchFields>,
    pub(super) modify_existing: Option<BatchFields>,
    pub(super) close_existing: Option<BatchFields>,
}

/// How several trades of one directive hang together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchFields {
    pub(super) execution_mode: Text,
    pub(super) timeout_seconds: Option<Text>,
    pub(super) rollback_on_failure: Option<Text>,
}

/// `venue:`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VenueFields {
    pub(super) profile: Option<Spanned<ProfileFields>>,
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
