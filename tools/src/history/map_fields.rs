//! The shape of a map as YAML has it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::input::yaml::Text;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MapFields {
    pub(super) rows: Option<Text>,
    pub(super) order: Option<Text>,
    pub(super) columns: Spanned<ColumnFields>,
    pub(super) sides: Option<SideFields>,
    pub(super) kinds: Option<KindFields>,
    #[serde(rename = "where")]
    pub(super) only: Option<BTreeMap<String, Spanned<Vec<Text>>>>,
    pub(super) quotes: Option<Vec<Text>>,
    pub(super) symbols: Option<BTreeMap<String, Text>>,
    pub(super) decimals: Option<DecimalFields>,
    pub(super) fee_sign: Option<Text>,
    pub(super) instruments: Option<BTreeMap<String, Spanned<InstrumentFields>>>,
    pub(super) account: Option<AccountFields>,
    pub(super) instance: Option<Text>,
    pub(super) shorting: Option<Text>,
    pub(super) opening: Option<Vec<Spanned<OpeningFields>>>,
}

/// `columns:`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFields {
    pub(super) time: Option<Text>,
    pub(super) symbol: Option<Text>,
    pub(super) base: Option<Text>,
    pub(super) quote: Option<Text>,
    pub(super) side: Option<Text>,
    pub(super) price: Option<Text>,
    pub(super) quantity: Option<Text>,
    pub(super) amount: Option<Text>,
    pub(super) asset: Option<Text>,
    pub(super) kind: Option<Text>,
    pub(super) buy_quantity: Option<Text>,
    pub(super) buy_asset: Option<Text>,
    pub(super) sell_quantity: Option<Text>,
    pub(super) sell_asset: Option<Text>,
    pub(super) fee: Option<Text>,
    pub(super) fee_asset: Option<Text>,
    pub(super) fee_rate: Option<Text>,
    pub(super) trade_id: Option<Text>,
    pub(super) order_id: Option<Text>,
    pub(super) position: Option<Text>,
    pub(super) liquidity: Option<Text>,
    pub(super) entry_time: Option<Text>,
    pub(super) entry_price: Option<Text>,
    pub(super) entry_fee: Option<Text>,
    pub(super) entry_fee_rate: Option<Text>,
    pub(super) exit_time: Option<Text>,
    pub(super) exit_price: Option<Text>,
    pub(super) exit_fee: Option<Text>,
    pub(super) exit_fee_rate: Option<Text>,
}

/// `sides:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SideFields {
    pub(super) buy: Vec<Text>,
    pub(super) sell: Vec<Text>,
}

/// `kinds:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindFields {
    pub(super) trade: Vec<Text>,
    pub(super) fee: Vec<Text>,
}

/// `decimals:`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecimalFields {
    pub(super) price: Option<Text>,
    pub(super) quantity: Option<Text>,
    pub(super) fee: Option<Text>,
}

/// One entry of `instruments:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstrumentFields {
    pub(super) tick: Option<Text>,
    pub(super) lot: Option<Text>,
}

/// `account:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountFields {
    pub(super) quote: Text,
}

/// One entry of `opening:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpeningFields {
    pub(super) symbol: Text,
    pub(super) quantity: Text,
    pub(super) price: Text,
    pub(super) at: Text,
    pub(super) position: Option<Text>,
}
