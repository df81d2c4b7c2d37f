//! Every script in `tests/scenarios`: its story is its snapshot, it verifies clean, and both stores hold the same log.

use std::path::Path;

use retrace_core::memory::MemoryStore;
use retrace_projections::ledger::Book;
use retrace_replay::verify::verify;
use retrace_rocks::RocksStore;

use crate::saved_states;
use crate::scenario::{Scenario, story};

#[test]
fn every_scenario_tells_its_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut failed = Vec::new();
    for path in names {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Some(scenario) = Scenario::read(&name, &std::fs::read_to_string(&path).unwrap()) else { continue };
        let mut memory = MemoryStore::new();
        let played = scenario.play(&mut memory);
        let verification = verify(&memory, played.session, Some(&scenario.tape)).unwrap();
        assert!(verification.is_clean(), "{name}: {verification:#?}");

        saved_states::of_a_run(&name, &scenario);
        saved_states::fold_on(&name, &Book::new(&scenario.identity), &played.steps);

        let dir = tempfile::tempdir().unwrap();
        let mut rocks = RocksStore::create_or_open(dir.path()).unwrap();
        assert_eq!(scenario.play(&mut rocks).end, played.end, "{name}: both stores hold the same log");

        let told = story(&scenario, &played);
        let settings = insta_settings();
        if settings.bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(name.clone(), told))).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "stories changed: {failed:?}");
}

/// Snapshots stand in `/snapshots`, under their scenario's name alone.
pub(crate) fn insta_settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}
