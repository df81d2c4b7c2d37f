//! The maps that come with Retrace, each for one kind of file as its maker writes it.

use std::path::{Path, PathBuf};

use super::map::{self, TradeMap};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// Their names, as `--map` takes them, and their texts.
pub const READY: [(&str, &str); 6] = [
    ("binance-spot", include_str!("../../maps/binance-spot.yaml")),
    ("binance-api", include_str!("../../maps/binance-api.yaml")),
    ("kucoin-orders", include_str!("../../maps/kucoin-orders.yaml")),
    ("coinbase-pro", include_str!("../../maps/coinbase-pro.yaml")),
    ("freqtrade", include_str!("../../maps/freqtrade.yaml")),
    ("bittytax", include_str!("../../maps/bittytax.yaml")),
];

/// What stands for a file in messages about a map that comes with Retrace.
fn place_of(name: &str) -> PathBuf {
    PathBuf::from(format!("map {name}"))
}

/// Whether a map's file is none, because it comes with Retrace.
pub(super) fn is_ready(file: &Path) -> bool {
    READY.iter().any(|(name, _)| place_of(name) == file)
}

/// The map of that name, or the one in that file. A name that is also a file is taken as the name.
///
/// # Errors
/// [`InputProblem`] when there is neither, or when the file is no map.
pub fn find(name: &Path) -> Result<TradeMap, InputProblem> {
    if let Some((known, text)) = READY.iter().find(|(known, _)| Path::new(known) == name) {
        return map::parse(&place_of(known), text);
    }
    let bytes = std::fs::read(name).map_err(|error| {
        // What looks like a name was most likely meant as one.
        let rule = if error.kind() == std::io::ErrorKind::NotFound && name.extension().is_none() {
            Rule::UnknownMap { known: READY.iter().map(|(known, _)| *known).collect() }
        } else {
            Rule::Unreadable { reason: error.to_string() }
        };
        InputProblem::new(name, rule)
    })?;
    let text = String::from_utf8(bytes).map_err(|_| InputProblem::new(name, Rule::NotUtf8))?;
    map::parse(name, &text)
}
