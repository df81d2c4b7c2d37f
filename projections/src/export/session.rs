//! A whole export in memory.

use std::collections::BTreeMap;

use retrace_core::content::{Content, ContentRef};
use retrace_core::ids::SessionUid;
use retrace_core::memory::MemoryStore;
use retrace_core::store::StoreError;

use super::fault::{BadExport, ExportFault};
use super::lines::EndView;
use super::put::ExportPut;
use super::reader::{ExportLine, ExportManifest, ExportReader, ExportedStep, Unchecked};
use crate::ledger::Book;

/// A session that was read from an export, whole: for tests and tools that need no store on disk.
#[derive(Clone, Debug)]
pub struct ExportedSession {
    /// What it is.
    pub manifest: ExportManifest,
    /// Its Steps, in order.
    pub steps: Vec<ExportedStep>,
    /// What it comes to.
    pub end: EndView,
    /// What it folds to.
    pub book: Book,
    /// What this build could not compare with anything.
    pub unchecked: Unchecked,
    /// The texts that stand beside its log, as far as they were not erased.
    pub texts: BTreeMap<ContentRef, Content>,
}

impl ExportedSession {
    /// Reads a whole export.
    ///
    /// # Errors
    /// [`BadExport`] at the first line that is not as it must be.
    pub fn read(text: &[u8]) -> Result<Self, BadExport> {
        let mut reader = ExportReader::new();
        let (mut manifest, mut steps, mut end, mut texts) = (None, Vec::new(), None, BTreeMap::new());
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match reader.line(line)? {
                ExportLine::Manifest(first) => manifest = Some(*first),
                ExportLine::Step(step) => {
                    texts.extend(step.texts.iter().cloned());
                    steps.push(step);
                }
                ExportLine::End(last) => end = Some(last),
            }
        }
        let unchecked = reader.unchecked();
        let book = reader.finish()?;
        let (Some(manifest), Some(end)) = (manifest, end) else {
            // Never so: a reader that finished has given both.
            return Err(BadExport { line: 0, fault: ExportFault::CutOff });
        };
        Ok(Self { manifest, steps, end, book, unchecked, texts })
    }

    /// A text that stands beside its log; `None` where it was erased.
    pub fn text(&self, reference: ContentRef) -> Option<&str> {
        self.texts.get(&reference).map(|content| content.text.as_str())
    }

    /// The session in a store in memory, for all that reads logs.
    ///
    /// # Errors
    /// [`StoreError`] if a frame cannot be stored, which a reader would have refused.
    pub fn into_store(self) -> Result<(MemoryStore, SessionUid), StoreError> {
        let (mut store, uid) = (MemoryStore::new(), self.manifest.uid);
        let mut put = ExportPut::new(&mut store, None);
        put.line(&ExportLine::Manifest(Box::new(self.manifest)))?;
        for step in self.steps {
            put.line(&ExportLine::Step(step))?;
        }
        put.line(&ExportLine::End(self.end))?;
        put.commit()?;
        Ok((store, uid))
    }
}
