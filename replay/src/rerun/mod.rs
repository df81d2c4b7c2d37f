//! A recorded session run again with another connector: the recorded venue proves the code, the simulated one measures
//! the model. Whoever calls says where the log, the market data and the new Steps are.

mod model;
mod observed;
mod outside;
mod recorded;
mod simulated;

pub use model::{Difference, ModelReport, OrderRow, PlanRow, Sides, Spread, Totals};
pub use observed::{Figures, Observed};
pub use outside::Outside;
pub use recorded::{Parity, Unreadable, against_recorded};
pub use simulated::{SimulationError, simulate};
