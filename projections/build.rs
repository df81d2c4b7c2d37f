//! Digests the sources that say what a saved state is: the fold, and the types that it is made of. A state that other
//! sources saved is not read, whether or not somebody thought of raising a version.
#![expect(clippy::disallowed_methods, reason = "only the package itself is pure: its build script reads its sources")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of the sources, from this package's own, and the versions of what they use.
const SOURCES: [&str; 3] = ["src", "../core/src", "../Cargo.lock"];

fn main() -> io::Result<()> {
    let mut hasher = blake3::Hasher::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        let mut files = Vec::new();
        list(Path::new(source), &mut files)?;
        files.sort();
        for file in files {
            let text = fs::read(&file)?;
            for part in [file.to_string_lossy().as_bytes(), &text] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        }
    }
    println!("cargo::rustc-env=RETRACE_FOLD_SOURCES={}", hasher.finalize());
    Ok(())
}

fn list(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        fs::read_dir(path)?.try_for_each(|entry| list(&entry?.path(), files))
    } else {
        files.push(path.to_owned());
        Ok(())
    }
}
