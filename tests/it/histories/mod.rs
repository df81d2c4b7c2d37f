//! Trade histories as sessions: what the tests of them share.

mod random;
mod real;
mod told;

use std::path::Path;
use std::process::Command;

use retrace_core::ids::SessionName;
use retrace_core::memory::MemoryStore;
use retrace_projections::view::PlanView;
use retrace_replay::verify::verify;
use retrace_tools::history::{self, LoadedHistory};
use retrace_tools::recording::{Pace, Watching};
use retrace_tools::session::Recorded;
use rust_decimal::Decimal;

pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().or_else(|_| Decimal::from_scientific(text)).unwrap()
}

pub(crate) fn load(path: &Path, map: &str) -> LoadedHistory {
    history::load(path, Path::new(map), Some(SessionName::new("history").unwrap())).unwrap()
}

/// Records a history in memory and proves what can be proved of it.
pub(crate) fn record(loaded: &LoadedHistory) -> Recorded {
    let mut store = MemoryStore::new();
    let recorded = history::record(&mut store, loaded, Pace::USUAL, Watching::default()).unwrap();
    let verification = verify(&store, recorded.session, None).unwrap();
    assert!(verification.is_clean() && verification.findings.is_empty(), "{verification:?}");
    assert!(!verification.is_incomplete());
    let redecided = &verification.checks[2];
    assert_eq!((redecided.name, redecided.skipped), ("re-decide", None));
    assert!(redecided.checked > 0, "every decision is made again");
    recorded
}

pub(crate) fn plans(recorded: &Recorded) -> Vec<&PlanView> {
    recorded.plans.iter().map(|plan| &plan.view).collect()
}

pub(crate) const MAP: &str = "columns: {time: when, symbol: pair, side: way, price: px, quantity: qty, fee: fee, fee_asset: unit, \
                   trade_id: id, order_id: order}\n";

pub(crate) const HEADER: &str = "id,order,when,pair,way,px,qty,fee,unit\n";

/// A folder with a history and its map.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn with(map: &str, rows: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("map.yaml"), map).unwrap();
        std::fs::write(dir.path().join("trades.csv"), format!("{HEADER}{rows}")).unwrap();
        Self { dir }
    }

    pub(crate) fn retrace(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrace"));
        let output = command.args(args).args(["--db", "db"]).current_dir(self.dir.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    pub(crate) fn import(&self, more: &[&str]) -> (Option<i32>, String, String) {
        self.retrace(&[&["import", "trades.csv", "--format", "fills", "--map", "map.yaml"], more].concat())
    }
}
