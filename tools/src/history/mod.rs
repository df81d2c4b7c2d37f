//! A trade history from elsewhere, made into a session: a map says which column holds what, every row becomes a trade, and
//! the engine books the trades to round trips. All of it is booked once without a store first, so that nothing is half
//! recorded.

mod cells;
mod legs;
pub mod map;
mod map_check;
mod map_columns;
mod map_fields;
pub mod maps;
mod normal;
pub mod read;
mod record;
mod row;

#[cfg(test)]
mod tests;

pub use record::{Counts, LoadedHistory, load, record};
