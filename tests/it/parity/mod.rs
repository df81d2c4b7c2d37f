//! Backtest and live parity: sessions that a live venue's behaviour was recorded in are run again, with the recorded venue
//! and with the simulated one.

mod live;
mod recorded;
mod simulated;
mod venue;
