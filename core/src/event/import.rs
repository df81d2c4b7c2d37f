//! A trade of a history from elsewhere, as it was read.

use serde::Serialize;

use super::report::FillReport;
use crate::ids::{ConnectorOrderId, DirectiveId, PositionKey, derive_trade_cause};
use crate::instrument::Symbol;
use crate::order::{Side, spelled};

spelled! {
    /// Where an imported trade comes from.
    TradeOrigin {
        /// A row of the history.
        History = "history",
        /// Not traded: the map says that it was held before the history begins.
        Opening = "opening",
    }
}

/// A trade that happened elsewhere. Its identity is (symbol, trade id): a history is of one venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeImported {
    /// What was traded.
    pub symbol: Symbol,
    /// Bought or sold.
    pub side: Side,
    /// Which of several positions in the symbol it belongs to; `None` where there is only one.
    pub position: Option<PositionKey>,
    /// The venue's id of its order, where the history has it: trades that share it are fills of one order.
    pub venue_order: Option<ConnectorOrderId>,
    /// The trade itself.
    pub fill: FillReport,
    /// Where it comes from.
    pub origin: TradeOrigin,
    /// The line of the history, or of the map for an opening position; the first is 1.
    pub line: u64,
}

impl TradeImported {
    /// What stands in a directive's place wherever an id is made of a cause: a function of symbol and trade id.
    pub fn cause(&self) -> DirectiveId {
        derive_trade_cause(&self.symbol, &self.fill.trade_id)
    }

    /// BLAKE3 of the fields that move the ledger, never of time or place: by it a repeated trade id is told from a
    /// reused one.
    pub fn body_digest(&self) -> [u8; 32] {
        let Self { symbol, side, position, venue_order, fill, origin, line: _ } = self;
        let optional = |text: Option<&str>| text.map_or_else(String::new, |text| format!("={text}"));
        let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 imported trade body 1");
        for field in [
            symbol.to_string(),
            side.to_string(),
            optional(position.as_ref().map(PositionKey::as_str)),
            optional(venue_order.as_ref().map(ConnectorOrderId::as_str)),
            fill.price.to_string(),
            fill.quantity.to_string(),
            fill.fee.to_string(),
            fill.fee_asset.to_string(),
            origin.to_string(),
        ] {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}
