//! Why a recorded session cannot be run again against the venue that was asked for.

use retrace_core::ids::SessionName;
use retrace_core::time::Timestamp;

/// Why a recorded session cannot be run again against the venue that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CannotRerun {
    /// A backtest's prices are in its market data.
    #[error("its market data is not at hand, or not what it was run on")]
    NoMarket,
    /// An import has no directives, and its trades happened.
    #[error("an import has no venue to simulate: its trades are all that is known of it")]
    Import,
    /// There is no price to fill an order at.
    #[error("it recorded no price to fill an order at")]
    NoPrices,
    /// A name was given for a run that records nothing.
    #[error("--session names what is recorded, and of a session that is run again with another venue nothing is")]
    RecordsNothing,
    /// Market data was given for a run that needs none.
    #[error("--market belongs to --venue simulated: with the recorded venue all prices are the recorded ones")]
    PricesAreRecorded,
    /// What was told stands outside the market data.
    #[error("{what} of {at} is outside the market data, {from} to {to}")]
    OutsideMarket {
        /// Which directive, or an operator's order.
        what: String,
        /// When it was given.
        at: Timestamp,
        /// The data's first price.
        from: Timestamp,
        /// Its last.
        to: Timestamp,
    },
    /// The market data begins before the session does.
    #[error("the market data begins at {from}, before the last event of the session that it continues, {last}")]
    BeforeItBegan {
        /// The data's first price.
        from: Timestamp,
        /// That event.
        last: Timestamp,
    },
    /// The market data is of other symbols.
    #[error("{symbol} is traded in it, and the market data has no price of it")]
    NoMarketOf {
        /// Which.
        symbol: String,
    },
    /// The run against the model stopped.
    #[error("the simulated run stopped: {what}")]
    Model {
        /// Why.
        what: String,
    },
}

impl CannotRerun {
    /// What to do about it.
    pub(super) fn hint(&self, session: &SessionName) -> Option<String> {
        let hint = match self {
            Self::NoMarket => "--market-dir DIR looks for the market files in another folder".to_owned(),
            Self::Import => format!("`retrace run --from {session} --venue recorded` books its trades anew"),
            Self::NoPrices => {
                "--market FILE.yaml takes the prices from the market data that a session file names".to_owned()
            }
            Self::OutsideMarket { .. } | Self::BeforeItBegan { .. } | Self::NoMarketOf { .. } => {
                "name market data of the time and the symbols of the session".to_owned()
            }
            Self::RecordsNothing | Self::PricesAreRecorded => "leave it out".to_owned(),
            Self::Model { .. } => return None,
        };
        Some(hint)
    }
}
