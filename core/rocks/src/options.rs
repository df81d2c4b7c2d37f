//! How `RocksDB` is opened. Nothing here depends on the machine or on the environment.

use retrace_core::store::StoreError;
use rocksdb::{
    BlockBasedOptions, DBCompressionType, DBRecoveryMode, InfoLogger, IteratorMode, LogLevel, Options, PrefixRange,
    ReadOptions, WriteOptions,
};

/// How long a memtable grows before it becomes a file: keys only grow, so large ones cost nothing.
const MEMTABLE_BYTES: usize = 64 * 1024 * 1024;

/// How much a scan reads ahead.
const READAHEAD_BYTES: usize = 2 * 1024 * 1024;

/// How data files are laid out. Not part of the format: a file says by itself how it was written.
#[derive(Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) compression: DBCompressionType,
    /// The unit that is compressed, checksummed and read: at least this many bytes.
    pub(crate) table_block_bytes: usize,
}

impl Tuning {
    /// What stores use; the measurements behind it stand in `docs/storage-format.md`.
    pub(crate) const DEFAULT: Self = Self { compression: DBCompressionType::Zstd, table_block_bytes: 16 * 1024 };
}

/// The options that readers and writers share.
pub(crate) fn database(tuning: Tuning) -> Options {
    let mut options = Options::default();
    options.create_if_missing(false);
    // A corrupt record is refused; the point-in-time default would stop there and open anyway.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    // Every data file is opened at once: a missing one is found now, and a reader keeps the files it has seen even
    // where a writer deletes them.
    options.set_max_open_files(-1);
    // No log of `RocksDB`'s own: it would hold the wall clock and the machine's paths.
    options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_compression_type(tuning.compression);
    let mut table = BlockBasedOptions::default();
    table.set_block_size(tuning.table_block_bytes);
    options.set_block_based_table_factory(&table);
    options
}

/// For reading one value.
pub(crate) fn point() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    options
}

/// For reading every key that begins with `prefix`, in order.
pub(crate) fn scan(prefix: &[u8]) -> ReadOptions {
    let mut options = point();
    options.fill_cache(false);
    options.set_readahead_size(READAHEAD_BYTES);
    options.set_iterate_range(PrefixRange(prefix));
    options
}

/// For writing; `sync` waits until the disk has it.
pub(crate) fn write(sync: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    options
}

/// From the first key on.
pub(crate) const FORWARD: IteratorMode<'static> = IteratorMode::Start;

/// A failure of `RocksDB`'s, with what was being done.
pub(crate) fn failed(doing: &str) -> impl Fn(rocksdb::Error) -> StoreError + '_ {
    move |source| StoreError::Backend { place: doing.to_owned(), source: Box::new(source) }
}
