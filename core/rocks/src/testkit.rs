//! For tests: forges logs that are well-formed and wrong, and damages files. Panics where a test would.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test code"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use retrace_core::chain::{Block, BlockLimits, OpenBlock};
use retrace_core::frame::{decode_frame, encode_frame, read_frame};
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::index::{IndexEntry, index_entries};
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError, Watermark};
use rocksdb::{DB, DBCompressionType, WriteBatch};

use crate::RocksStore;
use crate::files::Layout;
use crate::keys::{self, SessionNo, Table};
use crate::options::{self, Tuning};
use crate::tables::Tables;
use crate::watermark::{Slot, WatermarkFile, read_file};

/// Where a block's header says how many events and Steps it has, and where its frames begin.
const BLOCK_COUNTS: usize = 65;
const BLOCK_FRAMES: usize = 73;

/// What data files are compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// Fast.
    Lz4,
    /// Small.
    Zstd,
}

/// A store with block limits and a layout of data files of its own: to measure them. What it writes is no format of ours.
///
/// # Errors
/// As [`RocksStore::create_or_open`].
pub fn open_with(
    dir: &Path,
    limits: BlockLimits,
    compression: Compression,
    table_block_bytes: usize,
) -> Result<RocksStore, StoreError> {
    let compression = match compression {
        Compression::Plain => DBCompressionType::None,
        Compression::Lz4 => DBCompressionType::Lz4,
        Compression::Zstd => DBCompressionType::Zstd,
    };
    RocksStore::open_with(dir, limits, Tuning { compression, table_block_bytes })
}

/// Moves everything a store holds into data files of the lowest level, and gives their size in bytes.
pub fn settle(store: &RocksStore) -> u64 {
    let db = &store.tables.db;
    db.flush().unwrap();
    db.compact_range(None::<&[u8]>, None::<&[u8]>);
    db.property_int_value("rocksdb.live-sst-files-size").unwrap().unwrap()
}

/// The bytes of one block, read as an index lookup reads it.
pub fn read_block(store: &RocksStore, session: SessionUid, block: u32) -> Vec<u8> {
    let number = store.tables.session(session).unwrap().number;
    store.tables.get(&keys::block(number, block), "reading a block").unwrap().unwrap()
}

/// Changes one session's log in a store that nothing else has open, past every check.
pub struct Forger {
    tables: Tables,
    uid: SessionUid,
    number: SessionNo,
}

impl Forger {
    /// Opens the store in `dir` to forge the log of `session`.
    pub fn open(dir: &Path, session: &str) -> Self {
        let layout = Layout::new(dir);
        let marks = read_file(&layout.watermark()).unwrap();
        let db = DB::open(&options::database(Tuning::DEFAULT), layout.log()).unwrap();
        let tables = Tables::load(db, layout, BlockLimits::FORMAT_1, &marks).unwrap();
        let uid = tables.find(session).unwrap();
        let number = tables.session(uid).unwrap().number;
        Self { tables, uid, number }
    }

    /// How many blocks are closed.
    pub fn blocks(&self) -> u32 {
        u32::try_from(self.tables.blocks(self.uid, 1).unwrap().count()).unwrap()
    }

    /// The seqs of the Steps whose block is open.
    pub fn open_steps(&self) -> Vec<Seq> {
        self.tables.open_frames(self.uid).unwrap().iter().map(|(seq, _)| *seq).collect()
    }

    /// Every frame of the log, in order.
    pub fn frames(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for block in self.tables.blocks(self.uid, 1).unwrap() {
            let (_, bytes) = block.unwrap();
            all.extend(Block::read(&bytes).unwrap().frames.iter().map(|frame| frame.to_vec()));
        }
        all.extend(self.tables.open_frames(self.uid).unwrap().into_iter().map(|(_, frame)| frame));
        all
    }

    /// Changes the stored bytes of a closed block; nothing else is made to agree.
    pub fn edit_block(&mut self, number: u32, edit: impl FnOnce(&mut Vec<u8>)) {
        self.edit(&keys::block(self.number, number), edit);
    }

    /// Changes the stored frame of an open Step; nothing else is made to agree.
    pub fn edit_open_step(&mut self, seq: Seq, edit: impl FnOnce(&mut Vec<u8>)) {
        self.edit(&keys::open_step(self.number, seq), edit);
    }

    /// Changes the frames of a closed block and makes its header's counts agree, but no link of the chain.
    pub fn edit_block_frames(&mut self, number: u32, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
        self.edit_block(number, |bytes| {
            let mut frames: Vec<Vec<u8>> =
                Block::read(bytes).unwrap().frames.iter().map(|frame| frame.to_vec()).collect();
            edit(&mut frames);
            let events: u32 = frames.iter().map(|frame| read_frame(frame).unwrap().0.count).sum();
            let steps = u32::try_from(frames.len()).unwrap();
            bytes[BLOCK_COUNTS..BLOCK_COUNTS + 4].copy_from_slice(&events.to_le_bytes());
            bytes[BLOCK_COUNTS + 4..BLOCK_FRAMES].copy_from_slice(&steps.to_le_bytes());
            bytes.truncate(BLOCK_FRAMES);
            for frame in frames {
                let mut length = frame.len();
                while length >= 0x80 {
                    bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                    length >>= 7;
                }
                bytes.push(u8::try_from(length).unwrap());
                bytes.extend_from_slice(&frame);
            }
        });
    }

    /// Takes a closed block away, its index entries left.
    pub fn drop_block(&mut self, number: u32) {
        self.tables.db.delete(keys::block(self.number, number)).unwrap();
    }

    /// Takes the last `count` open Steps away.
    pub fn drop_open_steps(&mut self, count: usize) {
        for seq in self.open_steps().iter().rev().take(count) {
            self.tables.db.delete(keys::open_step(self.number, *seq)).unwrap();
        }
    }

    /// Takes one index entry away.
    pub fn drop_index_entry(&mut self, entry: &IndexEntry) {
        self.tables.db.delete(keys::index(self.number, &entry.key())).unwrap();
    }

    /// Adds one index entry.
    pub fn add_index_entry(&mut self, entry: &IndexEntry) {
        self.tables.db.put(keys::index(self.number, &entry.key()), []).unwrap();
    }

    /// Stores the log again with other Steps: blocks, chain and index are right, the watermark is left as it is.
    pub fn rewrite(&mut self, edit: impl FnOnce(&mut Vec<Step>)) {
        let mut steps = self.frames().iter().map(|frame| decode_frame(frame).unwrap()).collect();
        edit(&mut steps);
        self.rewrite_frames(|frames| *frames = steps.iter().map(|step| encode_frame(step).unwrap()).collect());
    }

    /// Stores the log again with other frames: blocks, chain and index are right, the watermark is left as it is.
    pub fn rewrite_frames(&mut self, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let mut frames = self.frames();
        edit(&mut frames);
        let mut batch = WriteBatch::default();
        for table in [Table::OpenSteps, Table::Blocks, Table::Index] {
            let prefix = keys::prefix(table, self.number);
            for entry in self.tables.scan(&prefix, options::FORWARD, "forging") {
                batch.delete(entry.unwrap().0);
            }
        }
        let mut open = OpenBlock::first(self.uid, self.tables.session(self.uid).unwrap().start, self.tables.limits);
        let (mut waiting, mut entries) = (Vec::new(), BTreeSet::new());
        for frame in frames {
            let (header, _) = read_frame(&frame).unwrap();
            entries.extend(index_entries(&frame, open.number()).unwrap().iter().map(IndexEntry::key));
            let closed = open.push(&frame, header.count);
            waiting.push((header.first_seq, frame));
            if let Some(closed) = closed {
                waiting.clear();
                batch.put(keys::block(self.number, closed.number), closed.bytes);
                for entry in std::mem::take(&mut entries) {
                    batch.put(keys::index(self.number, &entry), []);
                }
            }
        }
        for (seq, frame) in waiting {
            batch.put(keys::open_step(self.number, seq), frame);
        }
        self.tables.db.write_opt(batch, &options::write(true)).unwrap();
    }

    /// Makes the watermark agree with the log as it stands now, its end at least.
    pub fn fix_watermark(&mut self) {
        let end = self.tables.end(self.uid).unwrap();
        let mark = Watermark {
            durable_seq: Seq(end.open.next_seq().0 - 1),
            head: end.open.head(),
            blocks: end.open.number() - 1,
        };
        let mut file = WatermarkFile::open(self.tables.layout.watermark()).unwrap();
        let generation = self.tables.session(self.uid).unwrap().slot.as_ref().unwrap().generation;
        for generation in generation + 1..=generation + 2 {
            file.write(self.number, &Slot { generation, session: self.uid, mark }).unwrap();
        }
        file.sync().unwrap();
    }

    /// Moves everything out of the write-ahead log into data files.
    pub fn flush(&self) {
        self.tables.db.flush().unwrap();
    }

    fn edit(&self, key: &[u8], edit: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.tables.get(key, "forging").unwrap().expect("the key to forge is there");
        edit(&mut bytes);
        self.tables.db.put(key, bytes).unwrap();
    }
}

/// Every file below `dir`, in order of path.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// BLAKE3 over the path and content of every file below `dir`: equal before and after where nothing was changed.
pub fn dir_hash(dir: &Path) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for path in files(dir) {
        let name = path.strip_prefix(dir).unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap();
        for part in [name.as_bytes(), &bytes] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    *hasher.finalize().as_bytes()
}

/// Copies a closed store.
pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Turns one bit of a file over; `bit` counts from 0, the lowest of the byte at `offset`.
pub fn flip_bit(path: &Path, offset: u64, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(offset).unwrap()] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

/// Numbers that look random and are the same in every run of one seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Seeded(pub u64);

impl Seeded {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }
}
