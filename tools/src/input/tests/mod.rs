//! Every refusal of an input file, its message in one reviewed snapshot a file kind; and the real January file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::input::market::Compression;
use crate::input::problem::InputProblem;
use crate::input::session::{self, SessionFile};

mod directives;
mod division;
mod good_till;
mod hostile;
mod market;
mod market_layouts;
mod market_packing;
mod market_round_trip;
mod session_file;

/// The sample of the documentation.
const SESSION: &str = r#"session: btc-protected-twap
mode: backtest
strategy: { instance: TWAP_BTC_01, directives: twap.jsonl }
market:
  - { symbol: BTC/USDT, timeframe: 1m, bars: btc.csv.xz, volume_unit: base, columns: {time: timestamp, open: open, high: high, low: low, close: close, volume: volume} }
instruments: { BTC/USDT: { tick: "0.01", lot: "0.01", min_notional: "10" } }
account: { quote: USDT, balance: "1000000" }
venue: { profile: backtest, fees: {maker: "0", taker: "0.001"}, fee_asset: quote, path: pessimistic, slippage_bps: "0", latency_ms: 0, max_volume_share: "1" }
"#;

fn sample_session() -> SessionFile {
    session::parse(Path::new("runs/btc.yaml"), SESSION).unwrap()
}

/// Adds one refusal with its hint to the story that a snapshot holds.
fn describe(story: &mut String, case: &str, problem: &InputProblem) {
    writeln!(story, "{case}\n  {problem}").unwrap();
    if let Some(hint) = problem.hint() {
        writeln!(story, "  hint: {hint}").unwrap();
    }
}

/// The bytes of a file that is packed so.
fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Xz => {
            let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 6);
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        }
        Compression::Gz => {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        }
        Compression::Zst => compress_to_vec(bytes, CompressionLevel::Fastest),
    }
}
