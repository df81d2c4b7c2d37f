//! Reading a store without changing it, beside a writer or after a crash.

use std::path::Path;

use retrace_core::chain::BlockLimits;
use retrace_core::content::{Content, ContentRef};
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::index::IndexEntry;
use retrace_core::saved::SavedAt;
use retrace_core::store::{Checkpoint, LogReader, Manifest, StoreError, Watermark};
use rocksdb::DB;

use crate::files::{Found, Layout};
use crate::journal;
use crate::options::{self, Tuning, failed};
use crate::tables::Tables;
use crate::watermark::read_file;

/// How often opening is tried again while a writer is changing the files under it.
const TRIES: u32 = 8;

/// A store opened for reading: what it held at that moment. Never writes and never creates a file.
pub struct RocksReader {
    tables: Tables,
}

impl RocksReader {
    /// Opens the store in `dir`, also while another process has it open for writing, and after a crash.
    ///
    /// Each session's log is compared with its watermark; what does not agree is told by [`LogReader::damage`], so that
    /// what can still be read is not kept from a check. Only blocks at a log's end are looked into: the whole of it is
    /// checked by reading it (`retrace_core::log`).
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if there is none, [`StoreError::NewerFormat`] if a newer version wrote it,
    /// [`StoreError::Damaged`] or [`StoreError::Backend`] if a part of it is missing or cannot be read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        let layout = Layout::new(dir.as_ref());
        let mut tries = 0;
        loop {
            let before = layout.listing();
            let opened = open_tables(&layout, BlockLimits::FORMAT_1);
            let whole = opened.as_ref().is_ok_and(|tables| tables.damage.is_empty() && tables.faults.is_empty());
            tries = u32::saturating_add(tries, 1);
            // A writer deletes files that it no longer needs: what was not found may be elsewhere by now.
            if whole || tries >= TRIES || layout.listing() == before {
                return opened.map(|tables| Self { tables });
            }
        }
    }
}

/// Opens the database read-only and checks every session against its watermark.
pub(crate) fn open_tables(layout: &Layout, limits: BlockLimits) -> Result<Tables, StoreError> {
    if layout.look()? == Found::Nothing {
        return Err(StoreError::NoStore { place: layout.place() });
    }
    // The watermark first: what was durable before the database is opened must be in it.
    let marks = read_file(&layout.watermark())?;
    let log = layout.log();
    journal::check(&log)?;
    let doing = format!("opening {} for reading", log.display());
    let db = DB::open_for_read_only(&options::database(Tuning::DEFAULT), &log, false).map_err(failed(&doing))?;
    let mut tables = Tables::load(db, layout.clone(), limits, &marks)?;
    tables.check_all();
    Ok(tables)
}

/// Hands every question on to the tables.
macro_rules! reads_from_tables {
    ($store:ty) => {
        impl LogReader for $store {
            fn sessions(&self) -> Result<Vec<(SessionName, SessionUid)>, StoreError> {
                self.tables.sessions()
            }

            fn manifest(&self, session: SessionUid) -> Result<Manifest, StoreError> {
                self.tables.manifest(session)
            }

            fn blocks(
                &self,
                session: SessionUid,
                from: u32,
            ) -> Result<Box<dyn Iterator<Item = Result<(u32, Vec<u8>), StoreError>> + '_>, StoreError> {
                self.tables.blocks(session, from)
            }

            fn open_frames(&self, session: SessionUid) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
                self.tables.open_frames(session)
            }

            fn index(&self, session: SessionUid, prefix: &[u8]) -> Result<Vec<IndexEntry>, StoreError> {
                self.tables.index(session, prefix)
            }

            fn content(&self, session: SessionUid, reference: ContentRef) -> Result<Option<Content>, StoreError> {
                self.tables.content(session, reference)
            }

            fn checkpoints(&self, session: SessionUid) -> Result<Vec<Checkpoint>, StoreError> {
                self.tables.checkpoints(session)
            }

            fn saved_states(&self, session: SessionUid) -> Result<Vec<SavedAt>, StoreError> {
                self.tables.saved_states(session)
            }

            fn saved_state(&self, session: SessionUid, seq: Seq) -> Result<Option<Vec<u8>>, StoreError> {
                self.tables.saved_state(session, seq)
            }

            fn watermark(&self, session: SessionUid) -> Result<Watermark, StoreError> {
                self.tables.watermark(session)
            }

            fn damage(&self) -> Vec<StoreError> {
                self.tables.damage()
            }
        }
    };
}
reads_from_tables!(RocksReader);
reads_from_tables!(crate::store::RocksStore);
