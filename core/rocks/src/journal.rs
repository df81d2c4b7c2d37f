//! A look at `RocksDB`'s own journals (MANIFEST and write-ahead logs) before it reads them.
//!
//! `RocksDB` (11.8) never returns when a record after the first one is marked as of a *recycled* journal: its reader
//! takes the record for bad, does not move past it, and tries again for ever. One flipped bit does that. Our stores
//! never recycle journals, so such a mark is damage, and it is found here first. Everything else is left to `RocksDB`'s
//! own checks.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use retrace_core::store::StoreError;

use crate::files::{damaged, failed};

/// A journal is made of blocks of this size; no record crosses their border.
const BLOCK: usize = 32 * 1024;

/// A record's header: checksum (4), length (2, lowest first), type (1).
const HEADER: usize = 7;

/// The types of records in recycled journals.
const fn is_recycled(kind: u8) -> bool {
    matches!(kind, 5..=8 | 11 | 131)
}

/// Looks through every journal in the database's folder `log`.
///
/// # Errors
/// [`StoreError::Damaged`] with the place of the record that `RocksDB` would never come past.
pub(crate) fn check(log: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(log).map_err(|error| failed("listing", log, error))?;
    let mut journals: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| is_journal(path)).collect();
    journals.sort();
    for path in journals {
        let file = match File::open(&path) {
            Ok(file) => file,
            // A writer has just deleted it.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("opening", &path, error)),
        };
        check_file(&path, file)?;
    }
    Ok(())
}

fn is_journal(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("MANIFEST-") || path.extension().is_some_and(|end| end == "log")
}

fn check_file(path: &Path, mut file: File) -> Result<(), StoreError> {
    let mut block = Vec::with_capacity(BLOCK);
    let mut start = 0_u64;
    loop {
        block.clear();
        let read = file.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        let read = read.map_err(|error| failed("reading", path, error))?;
        if let Some(at) = recycled_record(&block) {
            let what = format!("the record at byte {} is of a type that is never written", start.saturating_add(at));
            return Err(damaged(path, &what));
        }
        if read < BLOCK {
            return Ok(());
        }
        start = start.saturating_add(BLOCK as u64);
    }
}

/// Where in a block the first record of a recycled type begins.
fn recycled_record(block: &[u8]) -> Option<u64> {
    let mut rest = block;
    while let Some((header, after)) = rest.split_first_chunk::<HEADER>() {
        let [_, _, _, _, low, high, kind] = *header;
        if is_recycled(kind) {
            return u64::try_from(block.len().saturating_sub(rest.len())).ok();
        }
        // A length beyond the block ends the reading of it, here as there.
        rest = after.get(usize::from(u16::from_le_bytes([low, high]))..).unwrap_or_default();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_type_is_found_at_a_records_place_only() {
        let record = |kind: u8, payload: &[u8]| {
            let length = u8::try_from(payload.len()).unwrap();
            [&[9, 9, 9, 9, length, 0, kind][..], payload].concat()
        };
        let whole = [record(1, &[5; 20]), record(1, &[8, 11, 131])].concat();
        assert_eq!(recycled_record(&whole), None);
        assert_eq!(recycled_record(&[whole.clone(), record(5, &[1])].concat()), Some(37));
        assert_eq!(recycled_record(&[&whole[..], &[0, 0, 0]].concat()), None, "a header cut off");
        assert_eq!(recycled_record(&[&whole[..], &[0, 0, 0, 0, 255, 255, 1]].concat()), None, "a payload cut off");
    }
}
