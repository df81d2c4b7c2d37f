//! What a session is (its chained identity) and where it was made (its unchained provenance).

use serde::Serialize;

use crate::event::{Head, SessionContinued};
use crate::ids::{SessionName, SessionUid, StrategyInstanceId};
use crate::instrument::{Asset, Instrument, Symbol};
use crate::order::spelled;
use crate::policy::ExecutionPolicy;
use crate::time::Timestamp;
use crate::venue::VenueSettings;

spelled! {
    /// How a session meets the world.
    Mode {
        /// Recorded market, simulated venue, simulated time.
        Backtest = "backtest",
        /// Live market, simulated venue.
        Paper = "paper",
        /// Live market, real venue.
        Live = "live",
        /// A trade history from elsewhere.
        Import = "import",
    }

    /// What an order that enters is held against besides the session's limits.
    AccountCheck {
        /// Nothing: the account is taken to have what is needed.
        Unchecked = "none",
        /// The account's free cash (SEMANTICS 7).
        Cash = "cash",
    }
}

/// Everything that decides what a session does. Its BLAKE3 starts the session's chain and gives its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The session's name.
    pub name: SessionName,
    /// How it meets the world.
    pub mode: Mode,
    /// Whose plans it holds.
    pub instance: StrategyInstanceId,
    /// BLAKE3 of the strategy's configuration; for a directive file, of its directives in normal form.
    pub strategy_digest: [u8; 32],
    /// The market data it refers to.
    pub tape: TapeIdentity,
    /// What may be traded, in the order of their symbols.
    pub instruments: Vec<Instrument>,
    /// Whose money it is.
    pub account: Account,
    /// The venue it trades at.
    pub venue: VenueSettings,
    /// What holds for all of its orders: limits, defaults, patience.
    pub policy: ExecutionPolicy,
    /// The seed of everything that is drawn; zero where nothing is.
    pub seed: u64,
    /// The version of the engine's decisions; see `retrace_replay::DECISION_VERSION`.
    pub decision_version: u32,
    /// What makes two otherwise equal paper or live sessions differ. Never set in a backtest.
    pub nonce: Option<[u8; 16]>,
    /// The session whose final ledger this one starts from.
    pub continues: Option<SessionContinued>,
}

/// The market data of a session: several data sets merged into one ordered stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeIdentity {
    /// BLAKE3 over every data set's symbol, bar length and rows, in the order of `market:`.
    pub digest: [u8; 32],
    /// How many rows the stream has: two a bar, its open and its rest.
    pub rows: u64,
}

/// The account that a session trades for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// What it is counted in.
    pub quote: Asset,
    /// What it starts with.
    pub balance: crate::amount::Money,
    /// What its orders are held against. Absent from what is shown where that is nothing, as in exports from before there
    /// was a check: an export has one spelling.
    #[serde(skip_serializing_if = "AccountCheck::is_nothing")]
    pub check: AccountCheck,
}

impl AccountCheck {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
    fn is_nothing(&self) -> bool {
        *self == Self::Unchecked
    }
}

impl Identity {
    /// The rules of `symbol`, if the session may trade it.
    pub fn instrument(&self, symbol: &Symbol) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| instrument.symbol == *symbol)
    }

    /// The session's id: the first 16 bytes of `digest`, marked as a `UUIDv8`.
    pub(crate) fn uid_of(digest: &[u8; 32]) -> SessionUid {
        let mut bytes = [0; 16];
        for (slot, byte) in bytes.iter_mut().zip(digest) {
            *slot = *byte;
        }
        SessionUid(*uuid::Builder::from_custom_bytes(bytes).as_uuid().as_bytes())
    }
}

/// Where and by what a session was made. Beside the chain: nothing that decides may read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The version of the build.
    pub build: String,
    /// Where its inputs were read from: the session file's path, then one path a data set.
    pub sources: Vec<String>,
    /// The session file as it was, so that the run can be made again.
    pub config: String,
    /// When it was made, by the wall clock.
    pub created_at: Option<Timestamp>,
    /// The session that this one is a what-if of.
    pub what_if: Option<WhatIf>,
}

/// That a session is another one with something changed: which, and what. `config` holds the changes of the session file
/// already; those of the directives are made again, on the file that `sources` names, when the session is to be run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhatIf {
    /// The name by which the store knew the parent.
    pub parent: SessionName,
    /// Its id.
    pub uid: SessionUid,
    /// The head over all of its log when it was taken as a parent.
    pub head: Head,
    /// What had been changed of the parent itself, from its first ancestor on, in order; empty for a session that was run
    /// from a file.
    pub before: Vec<Change>,
    /// What is changed of the parent, in order.
    pub changes: Vec<Change>,
}

/// A field of a session file or of directives that is given another value, or taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where it stands, such as `venue.fees.taker` or `directives[ENTRY_1].exit_directive.stop_loss_price`.
    pub path: String,
    /// The new value as it was written; `None` where it is taken out.
    pub value: Option<String>,
}
