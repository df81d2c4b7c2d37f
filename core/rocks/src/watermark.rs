//! The watermark file: per session a pair of slots that are written in turn, outside `RocksDB`, after each sync of its
//! log. It says how much was durable, so that a log that lost its end cannot pass for a shorter one.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::store::{StoreError, Watermark};

use crate::files::{failed, missing};
use crate::keys::SessionNo;

/// One slot.
const SLOT_BYTES: usize = 128;
/// A session's two slots.
pub(crate) const PAIR_BYTES: usize = 2 * SLOT_BYTES;
const MAGIC: [u8; 4] = *b"RTWM";
const VERSION: u8 = 1;
/// What the checksum covers.
const COVERED: usize = 80;

/// How often a reader reads the file again until it is the same twice: a slot may be half written the first time.
const READS: u32 = 8;

/// The file itself is synced no more often than this.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// A slot's content. Generation 1 is written before the log knows of the session, generation 2 once it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) generation: u64,
    pub(crate) session: SessionUid,
    pub(crate) mark: Watermark,
}

/// What a session's two slots say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// The file ends before them, or neither was ever written.
    Absent,
    /// Neither can be read.
    Unreadable,
    /// The newer of the two; `damage` says what is wrong with the other.
    Read { slot: Slot, damage: Option<&'static str> },
}

/// Where the slot of that generation stands: the odd ones in the first, the even ones in the second.
fn place(session: SessionNo, generation: u64) -> u64 {
    let second = if generation.is_multiple_of(2) { SLOT_BYTES as u64 } else { 0 };
    u64::from(session.0).saturating_mul(PAIR_BYTES as u64).saturating_add(second)
}

/// The checksum covers the place too, so that a slot cannot pass for another.
fn checksum(covered: &[u8], place: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 watermark slot 1");
    hasher.update(&place.to_le_bytes());
    hasher.update(covered);
    *hasher.finalize().as_bytes()
}

fn encode(session: SessionNo, slot: &Slot) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[VERSION, 0, 0, 0]);
    bytes.extend_from_slice(&slot.generation.to_le_bytes());
    bytes.extend_from_slice(&slot.session.0);
    bytes.extend_from_slice(&slot.mark.durable_seq.0.to_le_bytes());
    bytes.extend_from_slice(&slot.mark.blocks.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&slot.mark.head.0);
    let sum = checksum(&bytes, place(session, slot.generation));
    bytes.extend_from_slice(&sum);
    bytes.resize(SLOT_BYTES, 0);
    bytes
}

/// The slot, unless a single bit of it is not as it was written.
fn decode(session: SessionNo, bytes: &[u8]) -> Option<Slot> {
    let field = |from: usize, length: usize| bytes.get(from..from.checked_add(length)?);
    let slot = Slot {
        generation: u64::from_le_bytes(field(8, 8)?.try_into().ok()?),
        session: SessionUid(field(16, 16)?.try_into().ok()?),
        mark: Watermark {
            durable_seq: Seq(u64::from_le_bytes(field(32, 8)?.try_into().ok()?)),
            blocks: u32::from_le_bytes(field(40, 4)?.try_into().ok()?),
            head: Head(field(48, 32)?.try_into().ok()?),
        },
    };
    // Comparing whole slots checks magic, version, checksum and padding at once.
    (field(0, COVERED)?.starts_with(&MAGIC) && encode(session, &slot) == bytes).then_some(slot)
}

/// What the file's `bytes` say of a session.
pub(crate) fn read_pair(bytes: &[u8], session: SessionNo) -> Pair {
    let start = usize::try_from(place(session, 1)).unwrap_or(usize::MAX);
    let pair = start.checked_add(PAIR_BYTES).and_then(|end| bytes.get(start..end));
    let Some((first, second)) = pair.and_then(|pair| pair.split_at_checked(SLOT_BYTES)) else {
        return Pair::Absent;
    };
    let empty = |slot: &[u8]| slot.iter().all(|byte| *byte == 0);
    if empty(first) && empty(second) {
        return Pair::Absent;
    }
    // A slot stands where its generation belongs: one copied over the other is no slot.
    let odd = decode(session, first).filter(|slot| slot.generation % 2 == 1);
    let even = decode(session, second).filter(|slot| slot.generation % 2 == 0);
    match (odd, even) {
        (None, None) => Pair::Unreadable,
        (Some(slot), None) if slot.generation == 1 && empty(second) => Pair::Read { slot, damage: None },
        (Some(slot), None) => Pair::Read { slot, damage: Some("the second slot cannot be read") },
        (None, Some(slot)) => Pair::Read { slot, damage: Some("the first slot cannot be read") },
        (Some(odd), Some(even)) => {
            let (slot, other) = if odd.generation > even.generation { (odd, even) } else { (even, odd) };
            let in_turn = other.generation.checked_add(1) == Some(slot.generation) && other.session == slot.session;
            let damage = (!in_turn).then_some("its slots were not written one after the other");
            Pair::Read { slot, damage }
        }
    }
}

/// The watermark file as its one writer has it.
pub(crate) struct WatermarkFile {
    file: File,
    path: PathBuf,
    synced_at: Instant,
    unsynced: bool,
}

impl WatermarkFile {
    /// # Errors
    /// [`StoreError::Backend`] if the file cannot be opened for writing.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let file = OpenOptions::new().write(true).open(&path);
        let file = file.map_err(|error| failed("opening for writing", &path, error))?;
        Ok(Self { file, path, synced_at: Instant::now(), unsynced: false })
    }

    /// Writes a new session's first slot and clears its second, and waits until the disk has both.
    pub(crate) fn begin(&mut self, session: SessionNo, slot: &Slot) -> Result<(), StoreError> {
        let mut pair = encode(session, slot);
        pair.resize(PAIR_BYTES, 0);
        self.put(&pair, place(session, 1))?;
        self.sync()
    }

    /// Writes a slot over the older of the two; the disk gets it later.
    pub(crate) fn write(&mut self, session: SessionNo, slot: &Slot) -> Result<(), StoreError> {
        self.put(&encode(session, slot), place(session, slot.generation))
    }

    fn put(&mut self, bytes: &[u8], at: u64) -> Result<(), StoreError> {
        self.unsynced = true;
        self.file.write_all_at(bytes, at).map_err(|error| failed("writing", &self.path, error))
    }

    /// Syncs if the last time was long enough ago.
    pub(crate) fn sync_in_time(&mut self) -> Result<(), StoreError> {
        if self.synced_at.elapsed() >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Waits until the disk has every slot written.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        if self.unsynced {
            self.file.sync_data().map_err(|error| failed("syncing", &self.path, error))?;
            self.unsynced = false;
            self.synced_at = Instant::now();
        }
        Ok(())
    }
}

/// The whole file, as it stands between two writes of its writer.
///
/// # Errors
/// [`StoreError`] if it is not there or cannot be read.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    let read = || {
        std::fs::read(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound { missing(path) } else { failed("reading", path, error) }
        })
    };
    let mut last = read()?;
    for _ in 0..READS {
        let again = read()?;
        if again == last {
            break;
        }
        last = again;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(generation: u64) -> Slot {
        let mark = Watermark { durable_seq: Seq(generation), head: Head([9; 32]), blocks: 3 };
        Slot { generation, session: SessionUid([1; 16]), mark }
    }

    fn pair(first: &[u8], second: &[u8]) -> Vec<u8> {
        [first, second].concat()
    }

    #[test]
    fn the_newer_slot_is_read_and_a_bad_one_told() {
        let no = SessionNo(0);
        let (odd, even) = (encode(no, &slot(5)), encode(no, &slot(6)));
        assert_eq!(read_pair(&pair(&odd, &even), no), Pair::Read { slot: slot(6), damage: None });
        for bit in 0..SLOT_BYTES * 8 {
            let mut bad = even.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let read = read_pair(&pair(&odd, &bad), no);
            assert_eq!(read, Pair::Read { slot: slot(5), damage: Some("the second slot cannot be read") }, "{bit}");
            assert_eq!(read_pair(&pair(&bad, &bad), no), Pair::Unreadable);
        }
        let copied = read_pair(&pair(&even, &even), no);
        assert_eq!(copied, Pair::Read { slot: slot(6), damage: Some("the first slot cannot be read") });
        let stale = encode(no, &slot(1));
        assert!(matches!(read_pair(&pair(&stale, &even), no), Pair::Read { damage: Some(_), .. }));
    }

    #[test]
    fn an_empty_second_slot_is_right_only_beside_the_first_generation() {
        let no = SessionNo(0);
        let empty = vec![0; SLOT_BYTES];
        assert_eq!(read_pair(&pair(&encode(no, &slot(1)), &empty), no), Pair::Read { slot: slot(1), damage: None });
        let second = read_pair(&pair(&encode(no, &slot(3)), &empty), no);
        assert!(matches!(second, Pair::Read { damage: Some(_), .. }));
        assert_eq!(read_pair(&pair(&empty, &empty), no), Pair::Absent);
        assert_eq!(read_pair(&[1, 2, 3], no), Pair::Absent);
    }
}
