//! Reading, the same for a reader and for the writer: every table of the database, and the check of each session
//! against its watermark.

use std::collections::BTreeMap;

use retrace_core::chain::{BlockLimits, OpenBlock};
use retrace_core::content::{Content, ContentRef};
use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::index::IndexEntry;
use retrace_core::saved::SavedAt;
use retrace_core::store::{Checkpoint, LogReader, Manifest, StoreError, Watermark};
use rocksdb::{DB, IteratorMode};

use crate::files::Layout;
use crate::keys::{self, SessionNo, Table};
use crate::options::{self, failed};
use crate::records::{SessionRecord, again, decode_checkpoint, decode_content, decode_session, unpack_state};
use crate::watermark::{PAIR_BYTES, Pair, Slot, read_pair};

/// A key and its value.
type Entry = (Box<[u8]>, Box<[u8]>);

/// An open database with what it says about its sessions.
pub(crate) struct Tables {
    pub(crate) db: DB,
    pub(crate) layout: Layout,
    pub(crate) limits: BlockLimits,
    pub(crate) sessions: BTreeMap<SessionUid, Session>,
    /// What is wrong but keeps no log from being whole: one watermark slot of two.
    pub(crate) damage: Vec<StoreError>,
    /// What a writer must not go on from.
    pub(crate) faults: Vec<StoreError>,
}

/// A session as it stands in the store.
pub(crate) struct Session {
    pub(crate) number: SessionNo,
    /// The name by which this store knows it.
    pub(crate) name: SessionName,
    pub(crate) manifest: Manifest,
    /// What its chain starts with.
    pub(crate) start: Head,
    /// Its newest slot; an error where neither can be read.
    pub(crate) slot: Result<Slot, StoreError>,
}

impl Tables {
    /// Reads what the database says about its sessions. `marks` is the watermark file as it was before the database was
    /// opened: what it says was durable then must be in the log now.
    pub(crate) fn load(db: DB, layout: Layout, limits: BlockLimits, marks: &[u8]) -> Result<Self, StoreError> {
        let mut tables = Self { db, layout, limits, sessions: BTreeMap::new(), damage: Vec::new(), faults: Vec::new() };
        let records = tables.scan(&keys::table_prefix(Table::Sessions), options::FORWARD, "reading the sessions");
        let records = records.collect::<Result<Vec<_>, _>>()?;
        for (expected, (key, record)) in (0_u32..).zip(&records) {
            let number = SessionNo(expected);
            let whole = decode_session(record).filter(|_| keys::session_of(key) == Some(number));
            let SessionRecord { uid, start, name, manifest } =
                whole.ok_or_else(|| tables.damaged_part("sessions", "a record is not whole"))?;
            let slot = tables.slot(marks, number, uid, start);
            let twice = tables.sessions.insert(uid, Session { number, name, manifest, start, slot });
            if twice.is_some() {
                return Err(tables.damaged_part("sessions", "a session stands there twice"));
            }
        }
        tables.check_beyond(marks, records.len());
        Ok(tables)
    }

    fn slot(&mut self, marks: &[u8], number: SessionNo, uid: SessionUid, start: Head) -> Result<Slot, StoreError> {
        let mut pair = read_pair(marks, number);
        if pair == Pair::Absent {
            // Begun since the file was read: what stands there now may be ahead of the database as it was opened.
            let now = std::fs::read(self.layout.watermark()).unwrap_or_default();
            if let Pair::Read { slot, .. } = read_pair(&now, number) {
                let head = OpenBlock::first(uid, start, self.limits).head();
                pair = Pair::Read {
                    slot: Slot { mark: Watermark { durable_seq: Seq(0), head, blocks: 0 }, ..slot },
                    damage: None,
                };
            }
        }
        match pair {
            Pair::Absent => Err(self.damaged_slot(number, "was never written, but the log has its session")),
            Pair::Unreadable => Err(self.damaged_slot(number, "can be read in neither of its slots")),
            Pair::Read { slot, .. } if slot.session != uid => {
                Err(self.damaged_slot(number, "is that of another session"))
            }
            Pair::Read { slot, damage } => {
                if let Some(what) = damage {
                    self.damage.push(self.damaged_slot(number, what));
                }
                Ok(slot)
            }
        }
    }

    /// Looks for watermarks of sessions that the database does not have.
    fn check_beyond(&mut self, marks: &[u8], sessions: usize) {
        if !marks.len().is_multiple_of(PAIR_BYTES) {
            let what = "does not end with a whole pair of slots";
            self.damage.push(crate::files::damaged(&self.layout.watermark(), what));
        }
        let pairs = marks.len() / PAIR_BYTES;
        for number in sessions..pairs {
            let number = SessionNo(u32::try_from(number).unwrap_or(u32::MAX));
            match read_pair(marks, number) {
                // A session whose making was cut off: nothing was promised.
                Pair::Absent => {}
                Pair::Read { slot, damage: None } if slot.generation == 1 => {}
                Pair::Read { slot, .. } => self.faults.push(StoreError::BehindWatermark {
                    session: slot.session.to_string(),
                    log: Seq(0),
                    watermark: slot.mark.durable_seq,
                }),
                Pair::Unreadable => {
                    self.faults.push(self.damaged_slot(number, "is that of no session in the log"));
                }
            }
        }
    }

    fn damaged_slot(&self, number: SessionNo, what: &str) -> StoreError {
        let place = format!("{}, session {}", self.layout.watermark().display(), number.0);
        StoreError::Damaged { place, what: format!("the watermark {what}") }
    }

    pub(crate) fn damaged_part(&self, part: &str, what: &str) -> StoreError {
        StoreError::Damaged { place: format!("{part} of {}", self.layout.place()), what: what.to_owned() }
    }

    pub(crate) fn session(&self, uid: SessionUid) -> Result<&Session, StoreError> {
        self.sessions.get(&uid).ok_or_else(|| StoreError::NoSession { session: uid.to_string() })
    }

    /// Every key that begins with `prefix`, with its value.
    pub(crate) fn scan<'a>(
        &'a self,
        prefix: &[u8],
        mode: IteratorMode<'_>,
        doing: &'a str,
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + use<'a> {
        self.db.iterator_opt(mode, options::scan(prefix)).map(move |entry| entry.map_err(failed(doing)))
    }

    pub(crate) fn get(&self, key: &[u8], doing: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get_opt(key, &options::point()).map_err(failed(doing))
    }
}

pub(crate) fn block_number(key: &[u8]) -> Option<u32> {
    keys::rest(key).try_into().ok().map(u32::from_be_bytes)
}

impl LogReader for Tables {
    fn sessions(&self) -> Result<Vec<(SessionName, SessionUid)>, StoreError> {
        let mut all: Vec<_> = self.sessions.iter().map(|(uid, s)| (s.name.clone(), *uid)).collect();
        all.sort();
        Ok(all)
    }

    fn manifest(&self, session: SessionUid) -> Result<Manifest, StoreError> {
        Ok(self.session(session)?.manifest.clone())
    }

    fn blocks(
        &self,
        session: SessionUid,
        from: u32,
    ) -> Result<Box<dyn Iterator<Item = Result<(u32, Vec<u8>), StoreError>> + '_>, StoreError> {
        let number = self.session(session)?.number;
        let first = keys::block(number, from);
        let mode = IteratorMode::From(&first, rocksdb::Direction::Forward);
        let blocks = self.scan(&keys::prefix(Table::Blocks, number), mode, "reading a block");
        Ok(Box::new(blocks.map(|entry| {
            let (key, bytes) = entry?;
            let number = block_number(&key).ok_or_else(|| self.damaged_part("blocks", "a key is no block's"))?;
            Ok((number, bytes.into_vec()))
        })))
    }

    fn open_frames(&self, session: SessionUid) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        let prefix = keys::prefix(Table::OpenSteps, self.session(session)?.number);
        let frames = self.scan(&prefix, options::FORWARD, "reading the open Steps");
        let frames = frames.map(|entry| {
            let (key, frame) = entry?;
            let seq = keys::rest(&key).try_into().map(u64::from_be_bytes);
            let seq = seq.map_err(|_| self.damaged_part("open Steps", "a key is no Step's"))?;
            Ok((Seq(seq), frame.into_vec()))
        });
        frames.collect()
    }

    fn index(&self, session: SessionUid, prefix: &[u8]) -> Result<Vec<IndexEntry>, StoreError> {
        let whole = keys::index(self.session(session)?.number, prefix);
        let entries = self.scan(&whole, options::FORWARD, "reading the index");
        let entries = entries.map(|entry| {
            let (key, _) = entry?;
            IndexEntry::from_key(keys::rest(&key)).ok_or_else(|| self.damaged_part("index", "a key is no entry"))
        });
        entries.collect()
    }

    fn content(&self, session: SessionUid, reference: ContentRef) -> Result<Option<Content>, StoreError> {
        let key = keys::content(self.session(session)?.number, reference);
        let Some(bytes) = self.get(&key, "reading a text")? else { return Ok(None) };
        let damaged = || self.damaged_part("texts", &format!("{reference} does not stand under its own digest"));
        decode_content(reference, &bytes).map(Some).ok_or_else(damaged)
    }

    fn checkpoints(&self, session: SessionUid) -> Result<Vec<Checkpoint>, StoreError> {
        let prefix = keys::prefix(Table::Checkpoints, self.session(session)?.number);
        let entries = self.scan(&prefix, options::FORWARD, "reading the checkpoints");
        let entries = entries.map(|entry| {
            let (key, value) = entry?;
            decode_checkpoint(keys::rest(&key), &value)
                .ok_or_else(|| self.damaged_part("checkpoints", "an entry is no checkpoint"))
        });
        entries.collect()
    }

    fn saved_states(&self, session: SessionUid) -> Result<Vec<SavedAt>, StoreError> {
        let prefix = keys::prefix(Table::SavedStates, self.session(session)?.number);
        let entries = self.scan(&prefix, options::FORWARD, "reading where states are saved");
        // What another version saved is of no use, and no damage either.
        entries.filter_map(|entry| entry.map(|(_, value)| SavedAt::decode(&value)).transpose()).collect()
    }

    fn saved_state(&self, session: SessionUid, seq: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        let key = keys::state(Table::StateBytes, self.session(session)?.number, seq);
        Ok(self.get(&key, "reading a saved state")?.map(|packed| unpack_state(&packed)))
    }

    fn watermark(&self, session: SessionUid) -> Result<Watermark, StoreError> {
        self.session(session)?.slot.as_ref().map(|slot| slot.mark).map_err(again)
    }

    fn damage(&self) -> Vec<StoreError> {
        self.faults.iter().chain(&self.damage).map(again).collect()
    }
}
