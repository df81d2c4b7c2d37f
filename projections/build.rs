//! Digests the sources that say what a saved state is: the fold, and the types that it is made of. A state that other
//! sources saved is not read, whether or not somebody thought of raising a version.
#![expect(clippy::disallowed_methods, reason = "only the package itself is pure: its build script reads its sources")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of the sources, from this package's own.
const SOURCES: [&str; 2] = ["src", "../core/src"];

fn main() -> io::Result<()> {
    let mut hasher = blake3::Hasher::new();
    for folder in SOURCES {
        println!("cargo::rerun-if-changed={folder}");
        let mut files = Vec::new();
        list(Path::new(folder), &mut files)?;
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

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
