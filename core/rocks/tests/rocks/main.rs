//! What the store promises, tried on real folders.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "test code"
)]

mod contract;
mod crash;
mod damage;
mod files;
mod forged;
mod older;

use std::path::Path;

use retrace_core::ids::SessionUid;
use retrace_core::step::Step;
use retrace_core::store::{LogStore, StoreError};
use retrace_core::testkit::samples;
use retrace_rocks::RocksStore;

/// A store in `dir` with one session `one` of these Steps, all committed; a commit every `group` Steps.
fn fill(dir: &Path, steps: &[Step], group: usize) -> SessionUid {
    let mut store = RocksStore::create_or_open(dir).unwrap();
    let uid = store.create(&samples::manifest("one")).unwrap();
    let (reference, content) = samples::comment("breakout");
    for (place, step) in steps.iter().enumerate() {
        let contents = if place == 0 { vec![(reference, content.clone())] } else { Vec::new() };
        store.append(uid, step, &contents).unwrap();
        if place % group == group - 1 {
            store.commit().unwrap();
        }
    }
    store.commit().unwrap();
    store.close().unwrap();
    uid
}

/// What opening for writing says.
fn refusal(dir: &Path) -> StoreError {
    RocksStore::create_or_open(dir).err().expect("opening for writing is refused")
}
