//! The real market data that stands beside the project, where it is present. None of it is copied into it.

use std::path::{Path, PathBuf};

use retrace_replay::tape::{DataSet, VolumeUnit};
use retrace_tools::input::market::{self, Columns, MarketFile};
use retrace_tools::input::session::GapPolicy;

/// The folder of reference data beside the checkout.
pub(crate) fn data_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data")
}

/// January 2022, BTC, one minute, volumes in quote; `None`, said plainly, where the data is not present.
pub(crate) fn january() -> Option<DataSet> {
    let path = data_dir().join("ohlcv/btc-perp-20211231-20220201_1m.csv.xz");
    if !path.exists() {
        eprintln!("skipped: no real market data beside the checkout");
        return None;
    }
    let file = MarketFile {
        symbol: "BTC/USDT".parse().unwrap(),
        period: retrace_core::time::Span::from_seconds(60),
        path,
        volume_unit: VolumeUnit::Quote,
        columns: Columns::default(),
        decimals: None,
    };
    Some(market::read(&file, GapPolicy::Allow).unwrap().data)
}
