//! The index entries that a store has against those that its blocks lead to.

use std::collections::BTreeSet;

use retrace_core::chain::Block;
use retrace_core::ids::SessionUid;
use retrace_core::index::{IndexEntry, index_entries};
use retrace_core::store::{LogReader, StoreError};

use super::{Finding, INTEGRITY};

/// How many missing or surplus entries are listed one by one.
const LISTED: usize = 20;

/// Makes every index entry again and compares. Blocks that cannot be read are findings of the chain, not of this.
pub(super) fn compare(reader: &dyn LogReader, session: SessionUid) -> Result<Vec<Finding>, StoreError> {
    let mut expected = BTreeSet::new();
    for (number, bytes) in reader.blocks(session, 1)?.flatten() {
        let Ok(block) = Block::read(&bytes) else { continue };
        for frame in block.frames {
            expected.extend(index_entries(frame, number).unwrap_or_default());
        }
    }
    let stored: BTreeSet<IndexEntry> = match reader.index(session, &[]) {
        Ok(stored) => stored.into_iter().collect(),
        Err(error) => return Ok(vec![Finding::new(INTEGRITY, None, error.to_string())]),
    };
    let told = |entry: &IndexEntry, what: &str| Finding::new(INTEGRITY, None, format!("index: {what} {entry:?}"));
    let missing: Vec<_> = expected.difference(&stored).collect();
    let surplus: Vec<_> = stored.difference(&expected).collect();
    let mut findings: Vec<Finding> = missing.iter().take(LISTED).map(|entry| told(entry, "missing")).collect();
    findings.extend(surplus.iter().take(LISTED).map(|entry| told(entry, "surplus")));
    let more = missing.len().saturating_sub(LISTED).saturating_add(surplus.len().saturating_sub(LISTED));
    if more > 0 {
        findings.push(Finding::new(INTEGRITY, None, format!("index: {more} more entries differ")));
    }
    Ok(findings)
}
