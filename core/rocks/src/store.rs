//! Writing a store: one writer, group commits, and a watermark that follows each sync.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use retrace_core::chain::{BlockLimits, OpenBlock, genesis};
use retrace_core::content::{Content, ContentRef};
use retrace_core::event::Head;
use retrace_core::frame::decode_frame;
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::index::{IndexEntry, index_entries};
use retrace_core::saved::FoldState;
use retrace_core::store::{Checkpoint, LogStore, Manifest, StoreError, Watermark};
use rocksdb::{BottommostLevelCompaction, CompactOptions, DB, WriteBatch};

use crate::files::{Found, Layout};
use crate::keys::{self, SessionNo, Table};
use crate::options::{self, Tuning, failed};
use crate::reader::open_tables;
use crate::records::{again, decode_session, encode_checkpoint, encode_content, encode_session, pack_state};
use crate::tables::{Session, Tables};
use crate::watermark::{Slot, WatermarkFile, read_file};

/// What was appended since the last commit is written, unsynced, when it grows beyond this many bytes.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A store opened for writing. Only one can be open for a folder at a time, on the whole machine.
///
/// What is read through it is what was committed. Once a commit fails it refuses everything: the log must be opened
/// again, because how much of the failed commit is durable is not known.
pub struct RocksStore {
    pub(crate) tables: Tables,
    marks: WatermarkFile,
    writers: BTreeMap<SessionUid, Writer>,
    /// Sessions that come into being with the next commit, in order of number.
    begun: Vec<SessionUid>,
    batch: WriteBatch,
    /// Bytes of Steps that wait in the writers.
    waiting: usize,
    /// Something was written since the last sync.
    unsynced: bool,
    /// A text was erased since the last commit, or its bytes may still be in the files.
    erased: BTreeSet<u32>,
    /// A session came to its end since the last commit.
    sealed: bool,
    failed: bool,
    _lock: File,
}

/// What appending to one session needs.
struct Writer {
    number: SessionNo,
    open: OpenBlock,
    /// Steps of the open block that are not in the database yet. Those of a block that closes first never get there.
    waiting: Vec<(Seq, Vec<u8>)>,
    /// Steps of the open block that are.
    written: Vec<Seq>,
    /// Index entries of the open block, as keys.
    entries: BTreeSet<Vec<u8>>,
    slot: Slot,
    touched: bool,
}

impl RocksStore {
    /// Opens the store in `dir` for writing; where there is none, makes the folder and an empty store.
    ///
    /// An existing store is first opened read-only and every session compared with its watermark. Only if all agree is
    /// it opened for writing, because that deletes files which the database believes obsolete.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another writer has it open, [`StoreError::NewerFormat`] if a newer version wrote it,
    /// [`StoreError::BehindWatermark`] or [`StoreError::NotTheLogWritten`] if a log is not what it was,
    /// [`StoreError::NotAFolder`] or [`StoreError::Occupied`] if the place is for something else,
    /// [`StoreError::Damaged`] or [`StoreError::Backend`] if a part of it is missing or cannot be read or made.
    pub fn create_or_open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(dir.as_ref(), BlockLimits::FORMAT_1, Tuning::DEFAULT)
    }

    pub(crate) fn open_with(dir: &Path, limits: BlockLimits, tuning: Tuning) -> Result<Self, StoreError> {
        let layout = Layout::new(dir);
        layout.make_folder()?;
        let lock = layout.lock()?;
        let mut database = options::database(tuning);
        if layout.look()? == Found::Nothing {
            layout.make()?;
            database.create_if_missing(true);
        } else {
            let probe = open_tables(&layout, limits)?;
            probe.faults.first().map_or(Ok(()), |fault| Err(again(fault)))?;
        }
        let log = layout.log();
        let doing = format!("opening {} for writing", log.display());
        let db = DB::open(&database, &log).map_err(failed(&doing))?;
        layout.sync_dir()?;
        let marks = read_file(&layout.watermark())?;
        let marks_file = WatermarkFile::open(layout.watermark())?;
        let tables = Tables::load(db, layout, limits, &marks)?;
        let mut writers = BTreeMap::new();
        for (uid, session) in &tables.sessions {
            writers.insert(*uid, Writer::recover(&tables, *uid, session)?);
        }
        let mut store = Self {
            tables,
            marks: marks_file,
            writers,
            begun: Vec::new(),
            batch: WriteBatch::default(),
            waiting: 0,
            unsynced: false,
            erased: BTreeSet::new(),
            sealed: false,
            failed: false,
            _lock: lock,
        };
        // Opening has moved all that the log holds into synced files: what is ahead of the watermark is durable now.
        store.mark_durable()?;
        Ok(store)
    }

    /// Closes the store and waits until the disk has the watermark. What was not committed is gone. Dropping does the
    /// same, but cannot tell of a failure.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the watermark file cannot be synced.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.marks.sync()
    }

    fn check_usable(&self) -> Result<(), StoreError> {
        if self.failed {
            let place = format!("the log of {}", self.tables.layout.place());
            let what = "a write failed earlier: open the store again".to_owned();
            return Err(StoreError::Damaged { place, what });
        }
        Ok(())
    }

    fn writer(&mut self, session: SessionUid) -> Result<&mut Writer, StoreError> {
        self.writers.get_mut(&session).ok_or_else(|| StoreError::NoSession { session: session.to_string() })
    }

    /// Runs a write; once one fails nothing more is written.
    fn guarded<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.check_usable()?;
        let done = write(self);
        self.failed = done.is_err();
        done
    }

    /// Hands everything that waits to the database, of all sessions in one write.
    fn write(&mut self, sync: bool) -> Result<(), StoreError> {
        let mut batch = std::mem::take(&mut self.batch);
        for writer in self.writers.values_mut() {
            for (seq, frame) in writer.waiting.drain(..) {
                batch.put(keys::open_step(writer.number, seq), frame);
                writer.written.push(seq);
            }
        }
        self.waiting = 0;
        if !batch.is_empty() {
            self.tables.db.write_opt(batch, &options::write(sync)).map_err(failed("appending to the log"))?;
        } else if sync && self.unsynced {
            self.tables.db.flush_wal(true).map_err(failed("syncing the log"))?;
        }
        self.unsynced = !sync;
        Ok(())
    }

    fn commit_all(&mut self) -> Result<(), StoreError> {
        self.admit()?;
        self.write(true)?;
        self.mark_durable()?;
        if std::mem::take(&mut self.sealed) {
            self.marks.sync()?;
        } else {
            self.marks.sync_in_time()?;
        }
        self.rewrite_erased()
    }

    /// Moves the watermark of every session that was appended to.
    fn mark_durable(&mut self) -> Result<(), StoreError> {
        for (uid, writer) in &mut self.writers {
            if std::mem::take(&mut writer.touched) {
                writer.slot = writer.slot_after(*uid);
                self.marks.write(writer.number, &writer.slot)?;
                if let Some(session) = self.tables.sessions.get_mut(uid) {
                    session.slot = Ok(writer.slot);
                }
            }
        }
        Ok(())
    }

    /// Takes erased texts out of the files too: the database only marks them as deleted.
    fn rewrite_erased(&mut self) -> Result<(), StoreError> {
        let sessions = std::mem::take(&mut self.erased);
        if sessions.is_empty() {
            return Ok(());
        }
        self.tables.db.flush().map_err(failed("writing what is erased"))?;
        let mut compact = CompactOptions::default();
        compact.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for number in sessions {
            let from = keys::prefix(Table::Contents, SessionNo(number));
            let to = keys::prefix(Table::Contents, SessionNo(number.saturating_add(1)));
            self.tables.db.compact_range_opt(Some(from), Some(to), &compact);
        }
        Ok(())
    }

    /// Takes a session on in memory; [`RocksStore::admit`] writes it.
    fn create_session(
        &mut self,
        manifest: &Manifest,
        name: &SessionName,
        uid: SessionUid,
        start: Head,
    ) -> Result<(), StoreError> {
        let number = SessionNo(u32::try_from(self.tables.sessions.len()).unwrap_or(u32::MAX));
        self.clear(number)?;
        let open = OpenBlock::first(uid, start, self.tables.limits);
        let mark = Watermark { durable_seq: Seq(0), head: open.head(), blocks: 0 };
        let slot = Slot { generation: 1, session: uid, mark };
        let session = Session { number, name: name.clone(), manifest: manifest.clone(), start, slot: Ok(slot) };
        self.tables.sessions.insert(uid, session);
        self.writers.insert(uid, Writer { touched: true, ..Writer::new(number, open, slot) });
        self.begun.push(uid);
        Ok(())
    }

    /// Deletes what a writer left under a number that no session has: it wrote early and ended before its commit. Texts
    /// among it leave the files too, as erased ones do.
    fn clear(&mut self, number: SessionNo) -> Result<(), StoreError> {
        for table in Table::OF_A_SESSION {
            let prefix = keys::prefix(table, number);
            let left = self.tables.scan(&prefix, options::FORWARD, "looking for leftovers").next();
            if left.transpose()?.is_some() {
                self.batch.delete_range(prefix, keys::prefix(table, SessionNo(number.0.saturating_add(1))));
                if table == Table::Contents {
                    self.erased.insert(number.0);
                }
            }
        }
        Ok(())
    }

    /// Puts the records of new sessions into the write that is to come, the last of what is written of them.
    fn admit(&mut self) -> Result<(), StoreError> {
        for uid in std::mem::take(&mut self.begun) {
            let session = self.tables.session(uid)?;
            let slot = session.slot.as_ref().map_err(again)?;
            // The watermark knows of the session before the log does, so that a log without it is seen to have lost
            // it; generation 2 then says that the log has it.
            self.marks.begin(session.number, slot)?;
            let record = encode_session(uid, &session.name, &session.manifest);
            self.batch.put(keys::prefix(Table::Sessions, session.number), record);
        }
        Ok(())
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        // Nowhere to tell of a failure, and nothing lost by one: the log itself is synced.
        let _ = self.marks.sync();
    }
}

impl Writer {
    const fn new(number: SessionNo, open: OpenBlock, slot: Slot) -> Self {
        Self { number, open, waiting: Vec::new(), written: Vec::new(), entries: BTreeSet::new(), slot, touched: false }
    }

    /// The state after the last Step that the database has.
    fn recover(tables: &Tables, uid: SessionUid, session: &Session) -> Result<Self, StoreError> {
        let slot = *session.slot.as_ref().map_err(again)?;
        let end = tables.end(uid)?;
        tables.check(uid, &end)?;
        let mut writer = Self::new(session.number, end.open, slot);
        for (seq, frame) in &end.frames {
            writer.entries.extend(index_entries(frame, writer.open.number())?.iter().map(IndexEntry::key));
            writer.written.push(*seq);
        }
        writer.touched = writer.slot_after(uid).mark != slot.mark;
        Ok(writer)
    }

    /// The slot to write once all that was appended is durable.
    fn slot_after(&self, uid: SessionUid) -> Slot {
        let mark = Watermark {
            durable_seq: Seq(self.open.next_seq().0.saturating_sub(1)),
            head: self.open.head(),
            blocks: self.open.number().saturating_sub(1),
        };
        Slot { generation: self.slot.generation.saturating_add(1), session: uid, mark }
    }

    /// Takes a Step's frame; where it closes the block, puts that into `batch` in the place of its Steps.
    fn push(&mut self, first: Seq, frame: &[u8], events: u32, batch: &mut WriteBatch) -> Result<(), StoreError> {
        self.entries.extend(index_entries(frame, self.open.number())?.iter().map(IndexEntry::key));
        self.touched = true;
        let Some(closed) = self.open.push(frame, events) else {
            self.waiting.push((first, frame.to_vec()));
            return Ok(());
        };
        self.waiting.clear();
        for seq in self.written.drain(..) {
            batch.delete(keys::open_step(self.number, seq));
        }
        batch.put(keys::block(self.number, closed.number), closed.bytes);
        for entry in std::mem::take(&mut self.entries) {
            batch.put(keys::index(self.number, &entry), []);
        }
        Ok(())
    }
}

impl LogStore for RocksStore {
    fn create_as(&mut self, manifest: &Manifest, name: &SessionName) -> Result<SessionUid, StoreError> {
        let (uid, start) = genesis(&manifest.identity);
        let mut known = self.tables.sessions.iter();
        if let Some((_, taken)) = known.find(|(other, session)| **other == uid || session.name == *name) {
            return Err(StoreError::SessionExists { name: taken.name.clone() });
        }
        if decode_session(&encode_session(uid, name, manifest)).is_none_or(|read| read.manifest != *manifest) {
            let what = "its manifest is too large or cannot be read back".to_owned();
            return Err(StoreError::Damaged { place: format!("session {name}"), what });
        }
        self.guarded(|store| store.create_session(manifest, name, uid, start))?;
        Ok(uid)
    }

    fn append_frame(
        &mut self,
        session: SessionUid,
        frame: &[u8],
        contents: &[(ContentRef, Content)],
    ) -> Result<(), StoreError> {
        self.check_usable()?;
        let writer = self.writer(session)?;
        let (number, next) = (writer.number, writer.open.next_seq());
        let step = decode_frame(frame)?;
        let given = step.first_seq();
        if given != next {
            return Err(StoreError::Conflict { next, given });
        }
        let events = u32::try_from(step.events.len()).unwrap_or(u32::MAX);
        self.guarded(|store| {
            for (reference, content) in contents {
                store.batch.put(keys::content(number, *reference), encode_content(content));
            }
            let mut batch = std::mem::take(&mut store.batch);
            let pushed = store.writer(session)?.push(given, frame, events, &mut batch);
            store.batch = batch;
            pushed?;
            store.waiting = store.waiting.saturating_add(frame.len());
            if store.waiting.saturating_add(store.batch.size_in_bytes()) > WAITING_BYTES_MAX {
                store.write(false)?;
            }
            Ok(())
        })
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.guarded(Self::commit_all)
    }

    fn durable_seq(&self, session: SessionUid) -> Seq {
        self.writers.get(&session).map_or(Seq(0), |writer| writer.slot.mark.durable_seq)
    }

    fn head(&self, session: SessionUid) -> Result<Head, StoreError> {
        let writer = self.writers.get(&session);
        writer.map(|w| w.open.head()).ok_or_else(|| StoreError::NoSession { session: session.to_string() })
    }

    fn put_checkpoint(&mut self, session: SessionUid, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.check_usable()?;
        let number = self.writer(session)?.number;
        self.batch.put(keys::checkpoint(number, checkpoint), encode_checkpoint(checkpoint));
        self.sealed |= checkpoint.finished;
        Ok(())
    }

    fn put_state(&mut self, session: SessionUid, state: &FoldState) -> Result<(), StoreError> {
        self.check_usable()?;
        let writer = self.writer(session)?;
        let (number, saved) = (writer.number, writer.open.saves(state));
        self.batch.put(keys::state(Table::SavedStates, number, saved.seq), saved.encode());
        self.batch.put(keys::state(Table::StateBytes, number, saved.seq), pack_state(&state.bytes));
        Ok(())
    }

    fn erase(&mut self, session: SessionUid, reference: ContentRef) -> Result<(), StoreError> {
        self.check_usable()?;
        let number = self.writer(session)?.number;
        self.batch.delete(keys::content(number, reference));
        self.erased.insert(number.0);
        Ok(())
    }
}
