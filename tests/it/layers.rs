//! Imports point one way, and the pure crates stay pure: read off the manifests and the lints, so that a change that
//! turns an arrow round fails here.

use std::collections::BTreeSet;
use std::path::Path;

/// Each crate's folder, and the crates of ours that it may name outside its tests.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("core", &[]),
    ("core/rocks", &["retrace-core"]),
    ("projections", &["retrace-core"]),
    ("replay", &["retrace-core", "retrace-projections"]),
    ("replay/simulator", &["retrace-core", "retrace-projections", "retrace-replay"]),
    ("tools", &["retrace-core", "retrace-projections", "retrace-replay", "retrace-rocks"]),
    (".", &["retrace-tools"]),
];

/// The example crates: what a crate of a user's own may name. Never the store, never the engine's insides.
const EXAMPLES: [(&str, &[&str]); 1] =
    [("examples/execution-quality", &["retrace-core", "retrace-projections", "retrace-tools"])];

/// What no pure crate may depend on: the store, the clock, sockets, threads, chance.
const IMPURE: [&str; 7] = ["rocksdb", "tokio", "rand", "getrandom", "reqwest", "rayon", "chrono"];

fn dependencies(folder: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("Cargo.toml");
    let manifest = std::fs::read_to_string(&path).unwrap();
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if let Some((name, _)) = line.split_once(['.', '=']).filter(|_| inside) {
            names.insert(name.trim().to_owned());
        }
    }
    assert!(!names.is_empty(), "{} names no dependency: is it read rightly?", path.display());
    names
}

#[test]
fn imports_point_one_way() {
    for (folder, allowed) in ALLOWED.into_iter().chain(EXAMPLES) {
        let ours: BTreeSet<_> = dependencies(folder).into_iter().filter(|name| name.starts_with("retrace-")).collect();
        let allowed: BTreeSet<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert!(ours.is_subset(&allowed), "{folder} imports {:?}", ours.difference(&allowed).collect::<Vec<_>>());
    }
}

/// Every example is a member of the workspace, so that it is built, tested and linted with it, and nothing of ours
/// leans on one.
#[test]
fn every_example_is_built_and_nothing_leans_on_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(workspace.contains(&format!("\"examples/{name}\"")), "examples/{name} is no member");
        found.insert(format!("examples/{name}"));
    }
    assert_eq!(found, EXAMPLES.map(|(folder, _)| folder.to_owned()).into());
    for (folder, _) in ALLOWED {
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("path = \"examples") && !manifest.contains("path = \"../examples"), "{folder}");
    }
}

#[test]
fn the_pure_crates_depend_on_nothing_impure() {
    for folder in ["core", "projections", "replay", "replay/simulator"] {
        let names = dependencies(folder);
        for impure in IMPURE {
            assert!(!names.contains(impure), "{folder} depends on {impure}");
        }
    }
}

/// The lints that keep a crate pure are those of the workspace: no crate sets its own, and no pure crate lifts one
/// outside its tests.
#[test]
fn the_pure_crates_lift_no_lint() {
    for folder in ["core", "projections", "replay"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder} does not take the workspace's lints");
        assert!(!root.join("clippy.toml").exists(), "{folder} has a clippy.toml of its own");
        for file in sources(&root.join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            // A file's own tests stand at its end and may.
            let text = text.split("#[cfg(test)]").next().unwrap();
            let lifted = ["disallowed", "unwrap_used", "iter_over_hash_type", "arithmetic_side_effects"]
                .iter()
                .find(|lint| text.contains(&format!("allow(clippy::{lint}")));
            let for_tests = file.components().any(|part| part.as_os_str() == "testkit");
            assert!(lifted.is_none() || for_tests, "{} lifts {lifted:?}", file.display());
        }
    }
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
