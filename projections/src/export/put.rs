//! The lines of an export into a store.

use retrace_core::ids::{SessionName, SessionUid};
use retrace_core::store::{Checkpoint, LogStore, StoreError};

use super::reader::ExportLine;

/// Puts a session into a store, line after line. It comes into being with [`ExportPut::commit`]: whatever ends it before
/// that leaves no session behind in a store that is then opened again.
pub struct ExportPut<'a> {
    store: &'a mut dyn LogStore,
    name: Option<SessionName>,
    begun: Option<(SessionUid, Vec<Checkpoint>)>,
}

impl<'a> ExportPut<'a> {
    /// Into `store`, under `name` or else the one it had where it comes from.
    pub fn new(store: &'a mut dyn LogStore, name: Option<SessionName>) -> Self {
        Self { store, name, begun: None }
    }

    /// Puts what a reader found right; lines in the order in which it gave them.
    ///
    /// # Errors
    /// [`StoreError::SessionExists`] if the store has the session or the name, [`StoreError`] if it cannot be written.
    pub fn line(&mut self, line: &ExportLine) -> Result<(), StoreError> {
        match (line, &self.begun) {
            (ExportLine::Manifest(first), _) => {
                let name = self.name.as_ref().unwrap_or(&first.session);
                let session = self.store.create_as(&first.manifest, name)?;
                self.begun = Some((session, first.checkpoints.clone()));
            }
            (ExportLine::Step(step), Some((session, _))) => {
                self.store.append_frame(*session, &step.frame, &step.texts)?;
            }
            (ExportLine::End(_), Some((session, checkpoints))) => {
                for checkpoint in checkpoints {
                    self.store.put_checkpoint(*session, checkpoint)?;
                }
            }
            (ExportLine::Step(_) | ExportLine::End(_), None) => {
                return Err(StoreError::NoSession { session: "that is to be put (no first line was)".to_owned() });
            }
        }
        Ok(())
    }

    /// Makes it durable: once the reader has finished, so that nothing follows the last line.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    pub fn commit(self) -> Result<(), StoreError> {
        self.store.commit()
    }
}
