//! A whole recorded session in memory, from wherever it was kept: what tests take snapshots of.

use std::collections::BTreeMap;

use retrace_core::content::ContentRef;
use retrace_core::event::{Fact, Input};
use retrace_core::log::{LogFault, read_log};
use retrace_core::manifest::Identity;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, Manifest, StoreError};

use super::{ProjectionSnapshot, SnapshotError, SnapshotOptions, Snapshots};
use crate::export::{BadExport, ExportedSession};
use crate::lineage::{LineageFault, Origin};
use crate::projection::Projections;

/// A recorded session: what it is, all that happened, and the texts beside its log.
#[derive(Clone, Debug)]
pub struct RecordedSession {
    /// What decides what it does.
    pub identity: Identity,
    /// What it begins with.
    pub origin: Origin,
    /// All of its Steps, in order.
    pub steps: Vec<Step>,
    /// The texts that its events refer to, as far as they are kept.
    pub texts: BTreeMap<ContentRef, String>,
}

/// A session of a store cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its own log cannot.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// One that it continues cannot.
    #[error(transparent)]
    Lineage(#[from] LineageFault),
}

impl From<StoreError> for ReadError {
    fn from(source: StoreError) -> Self {
        Self::Log(source.into())
    }
}

impl RecordedSession {
    /// The session of that name in a store, with every link of its chain checked on the way.
    ///
    /// # Errors
    /// [`ReadError`] with the first [`LogFault`]; an unknown session is one of the store's.
    pub fn read(reader: &dyn LogReader, name: &str) -> Result<Self, ReadError> {
        let uid = reader.find(name)?;
        let Manifest { identity, .. } = reader.manifest(uid)?;
        let origin = Origin::of(reader, &identity)?;
        let (mut steps, mut texts) = (Vec::new(), BTreeMap::new());
        read_log(reader, uid, &mut |step| {
            steps.push(step);
            true
        })?;
        for reference in steps.iter().filter_map(comment_of) {
            if let Some(content) = reader.content(uid, reference)? {
                texts.insert(reference, content.text);
            }
        }
        // Those of plans that were carried over stand where the plans came to be.
        for reference in origin.book.ledger().plans().filter_map(|plan| plan.comments) {
            for ancestor in &origin.ancestors {
                if let Some(content) = reader.content(ancestor.uid, reference)? {
                    texts.insert(reference, content.text);
                }
            }
        }
        Ok(Self { identity, origin, steps, texts })
    }

    /// The session of an export file's text (`retrace export --format jsonl`), each line checked as it comes.
    ///
    /// # Errors
    /// [`BadExport`] at the first line that is not as it must be.
    pub fn from_export(text: impl AsRef<[u8]>) -> Result<Self, BadExport> {
        let ExportedSession { manifest, steps, texts, .. } = ExportedSession::read(text.as_ref())?;
        Ok(Self {
            origin: Origin::fresh(&manifest.manifest.identity),
            identity: manifest.manifest.identity,
            steps: steps.into_iter().map(|exported| exported.step).collect(),
            texts: texts.into_iter().map(|(reference, content)| (reference, content.text)).collect(),
        })
    }

    /// A snapshot of each projection.
    ///
    /// # Errors
    /// As [`snapshot`](super::snapshot).
    pub fn snapshot(
        &self,
        projections: &Projections,
        options: &SnapshotOptions,
    ) -> Result<Vec<ProjectionSnapshot>, SnapshotError> {
        let text = |reference| self.texts.get(&reference).cloned();
        let mut snapshots = Snapshots::beginning(&self.identity, self.origin.clone(), projections, options)?;
        self.steps.iter().try_for_each(|step| snapshots.fold(step))?;
        snapshots.finish(&text)
    }
}

fn comment_of(step: &Step) -> Option<ContentRef> {
    match &step.events.first()?.fact {
        Fact::Input(Input::DirectiveReceived(directive)) => directive.comments,
        Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => None,
    }
}
