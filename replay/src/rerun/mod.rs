//! A recorded session run again with another connector: the recorded venue proves the code, the simulated one measures
//! the model. Whoever calls says where the log, the market data and the new Steps are.

mod recorded;

pub use recorded::{Parity, Unreadable, against_recorded};
