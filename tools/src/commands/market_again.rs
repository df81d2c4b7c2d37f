//! The market data of a stored session, read again from the files that it was run on.

use std::path::{Path, PathBuf};

use retrace_core::manifest::{Mode, TapeIdentity};
use retrace_replay::tape::Tape;

use super::stored::StoredSession;
use crate::input::session::{self, SessionFile};
use crate::output::warn;
use crate::session::read_market;

/// Where the market files are.
#[derive(Debug, clap::Args)]
pub(super) struct Market {
    /// Folder to look for the market files in, by their names, instead of where the session found them
    #[arg(long, value_name = "DIR")]
    market_dir: Option<PathBuf>,
}

impl Market {
    /// The session's market data; `None`, with the reason on standard error, where it cannot be read again. Data that
    /// is not what was recorded is told of too: whoever uses it compares its identity.
    pub(super) fn read_again(&self, session: &StoredSession<'_>) -> Option<Tape> {
        if session.identity().mode != Mode::Backtest {
            return None;
        }
        let provenance = &session.manifest.provenance;
        let file = Path::new(provenance.sources.first().map_or("", String::as_str));
        let read =
            session::parse(file, &provenance.config).map(|file| self.moved(file)).and_then(|file| read_market(&file));
        match read {
            Ok((tape, _)) => {
                let (found, recorded) = (tape.identity(), &session.identity().tape);
                if found != *recorded {
                    let difference = difference(&found, recorded);
                    warn(&format!(
                        "{}: the market data is not what the session was run on: {difference}",
                        session.name
                    ));
                }
                Some(tape)
            }
            Err(problem) => {
                warn(&format!("{problem}; --market-dir DIR looks for the market files in another folder"));
                None
            }
        }
    }

    /// The same session file with the market files looked for in another folder.
    pub(super) fn moved(&self, file: SessionFile) -> SessionFile {
        match &self.market_dir {
            Some(dir) => file.with_market_in(dir),
            None => file,
        }
    }

    /// That folder, where one is given.
    pub(super) fn dir(&self) -> Option<&Path> {
        self.market_dir.as_deref()
    }
}

/// How the market data that was found differs from what was recorded.
pub(super) fn difference(found: &TapeIdentity, recorded: &TapeIdentity) -> String {
    if found.rows == recorded.rows {
        "as many bars, with other content".to_owned()
    } else {
        format!("{} bars where {} were recorded", found.rows / 2, recorded.rows / 2)
    }
}
