//! The `RocksDB` store: one folder that several sessions share. `docs/storage-format.md` draws its files.
//!
//! A reader never writes, never creates a file and needs no lock. Read the modules in this order.

mod files;
mod journal;
mod keys;
mod options;
mod records;
mod watermark;

mod check;
mod tables;

mod reader;
mod store;

#[cfg(feature = "testkit")]
pub mod testkit;

pub use reader::RocksReader;
pub use store::RocksStore;
