//! Why a command could not run: one sentence, a name for programs (`code`), and what to do about it (`hint`).

mod code;
mod hint;
mod rerun;
mod resume;

use std::io;
use std::path::{Path, PathBuf};

use retrace_core::exact::Inexact;
use retrace_core::ids::{IdError, PlanId, Seq, SessionName};
use retrace_core::log::LogFault;
use retrace_core::store::StoreError;
use retrace_core::time::Timestamp;
use retrace_projections::export::{BadExport, ExportFault};
use retrace_projections::ledger::BrokenHistory;
use retrace_projections::lineage::LineageFault;
use retrace_projections::projection::RegistryError;
use retrace_projections::snapshot::SnapshotError;
use retrace_replay::compare::{CompareError, Which};
use retrace_replay::continuing::NotContinued;

use crate::input::problem::InputProblem;
use crate::session::RecordError;
pub(crate) use code::not_continued_code;
pub(crate) use hint::not_continued_hint;
pub use resume::NotResumable;

use crate::what_if::WhatIfError;
pub use rerun::CannotRerun;

/// Why a command could not run.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An input file cannot be used.
    #[error(transparent)]
    Input(#[from] InputProblem),
    /// The store cannot do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A session could not be run to its end.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A session's log cannot be read.
    #[error("session {session}: {source}")]
    Log {
        /// The session.
        session: SessionName,
        /// What is wrong, and where.
        source: LogFault,
    },
    /// A session's log cannot be folded.
    #[error("session {session}: {source}")]
    History {
        /// The session.
        session: SessionName,
        /// What is wrong, and where.
        source: BrokenHistory,
    },
    /// A session that a session continues cannot be had.
    #[error("session {session}: {source}")]
    Lineage {
        /// The session.
        session: SessionName,
        /// Which one, and why not.
        source: Box<LineageFault>,
    },
    /// A session cannot continue another one.
    #[error("{}: {source}", file.display())]
    NotContinued {
        /// Its session file.
        file: PathBuf,
        /// Why not.
        source: Box<NotContinued>,
    },
    /// A session cannot be run with something changed.
    #[error(transparent)]
    WhatIf(#[from] WhatIfError),
    /// A what-if of nothing.
    #[error("--from does not say what is to be changed")]
    NothingChanged,
    /// The store has no session of that name.
    #[error("there is no session {name} in this store")]
    NoSession {
        /// The name as given.
        name: String,
        /// The sessions that there are.
        known: Vec<SessionName>,
    },
    /// A session that the store does not have was to be resumed.
    #[error("there is no session {name} in this store to resume")]
    NothingToResume {
        /// The name as given.
        name: String,
        /// The store.
        db: PathBuf,
        /// The sessions that there are.
        known: Vec<SessionName>,
    },
    /// A session that this build cannot go on with.
    #[error("session {session} cannot be resumed: {why}")]
    CannotResume {
        /// The session.
        session: SessionName,
        /// Why.
        why: NotResumable,
    },
    /// A recorded session cannot be run again in this way.
    #[error("session {session}: {source}")]
    Rerun {
        /// The session.
        session: SessionName,
        /// Why.
        source: CannotRerun,
    },
    /// An event after the log's last one was asked for.
    #[error("session {session} has no event {asked}: its last is {last}, at {at}")]
    NoSuchEvent {
        /// The session.
        session: SessionName,
        /// The event asked for.
        asked: Seq,
        /// The log's last event.
        last: Seq,
        /// When that was.
        at: Timestamp,
    },
    /// The log has no event at all.
    #[error("session {session} has no event {asked}: it recorded none")]
    NoEvents {
        /// The session.
        session: SessionName,
        /// The event asked for.
        asked: Seq,
    },
    /// A plan id that cannot be one.
    #[error(transparent)]
    BadPlanId(#[from] IdError),
    /// No session mentions the plan.
    #[error("no plan {plan} in {place}")]
    NoPlan {
        /// The plan as given.
        plan: PlanId,
        /// Where it was looked for: `this store` or a session.
        place: Place,
        /// The plans that there are.
        known: Vec<PlanId>,
    },
    /// Several sessions have a plan of that id.
    #[error("{} sessions have a plan {plan}", sessions.len())]
    PlanInSeveral {
        /// The plan.
        plan: PlanId,
        /// The sessions.
        sessions: Vec<SessionName>,
    },
    /// A session cannot be exported, because no import would take it.
    #[error("session {session}: {source}")]
    Export {
        /// The session.
        session: SessionName,
        /// What is wrong, and where.
        source: ExportFault,
    },
    /// A sum in a table does not fit.
    #[error("session {session}: {source}")]
    Sum {
        /// The session.
        session: SessionName,
        /// Which.
        source: Inexact,
    },
    /// A session cannot be run again without its market data.
    #[error("session {session} cannot be run again: its market data cannot be read")]
    NoMarketAgain {
        /// The session.
        session: SessionName,
    },
    /// A run that is compared with, and not recorded, stopped.
    #[error("{name}: {source}")]
    RunAgain {
        /// The session or the session file.
        name: String,
        /// Why.
        source: RecordError,
    },
    /// Three tables were asked for on standard output.
    #[error("three tables cannot go to standard output")]
    TablesNeedAFolder,
    /// `--json` and a CSV were both asked for on standard output.
    #[error("--json and a CSV table cannot both go to standard output")]
    CsvIsNoJson,
    /// A table was asked for in another format.
    #[error("--table belongs to --format csv")]
    TableWithoutCsv,
    /// A map was given for a file that needs none.
    #[error("--map belongs to --format fills")]
    MapWithoutFills,
    /// A trade history was given without a map.
    #[error("--format fills needs --map")]
    FillsWithoutMap,
    /// A file is not what an export writes.
    #[error("{}:{}: {}", path.display(), source.line, source.fault)]
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<BadExport>,
    },
    /// A file is not what `trail --json` prints.
    #[error("{}: {source}", path.display())]
    BadTrail {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// A session has no mark to compare.
    #[error("the trail of {session} has no mark: nothing can be compared")]
    NoMarks {
        /// Its name.
        session: String,
    },
    /// A trail counts what another version of it counts.
    #[error("{}: a trail of version {found}; this build knows version {known}", path.display())]
    OtherTrail {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The store has the session that is to be imported, under whatever name.
    #[error("this session is in the store already, as {name}, {}", end_of(*other_end))]
    AlreadyThere {
        /// Its name there.
        name: SessionName,
        /// The store.
        db: PathBuf,
        /// The last event in the store and in the file, where heads or last events differ.
        other_end: Option<(Seq, Seq)>,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What comes from standard input cannot be kept for the second reading.
    #[error("the input cannot be kept in the folder for temporary files: {source}")]
    Spool {
        /// Why.
        source: io::Error,
    },
    /// The projections of this program cannot be used, or one that was asked for is not among them.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A session has no snapshot.
    #[error("session {session}: {source}")]
    Snapshot {
        /// The session.
        session: SessionName,
        /// Why.
        source: SnapshotError,
    },
    /// A file that a snapshot would replace, and that is none.
    #[error("{} is no snapshot", path.display())]
    NotASnapshot {
        /// The file.
        path: PathBuf,
    },
    /// A snapshot was asked for of something that is no export file, without naming a store.
    #[error("there is no export file {name}")]
    NoExport {
        /// What was given in place of a session.
        name: String,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output cannot be written to.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// A result cannot be written as JSON.
    #[error("the output cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Where a plan was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In all sessions of the store.
    Store,
    /// In one session.
    Session(SessionName),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store => f.write_str("this store"),
            Self::Session(name) => write!(f, "session {name}"),
        }
    }
}

impl CliError {
    /// Why two sessions cannot be compared, in terms of the one that is at fault.
    pub(crate) fn comparing(a: &SessionName, b: &SessionName, error: CompareError) -> Self {
        let name = |which| if which == Which::A { a.clone() } else { b.clone() };
        match error {
            CompareError::Store(error) => Self::Store(error),
            CompareError::Log { which, source } => Self::Log { session: name(which), source },
            CompareError::History { which, source } => Self::History { session: name(which), source },
            CompareError::Sum(source) => Self::Sum { session: a.clone(), source },
        }
    }

    /// The problem of an input file, where it is one.
    pub const fn input(&self) -> Option<&InputProblem> {
        if let Self::WhatIf(error) = self {
            return error.input();
        }
        if let Self::Input(problem) = self { Some(problem) } else { None }
    }

    /// The file and the line that are at fault, where a file is.
    pub fn place(&self) -> Option<(&Path, Option<u64>)> {
        if let Self::Import { path, source } = self {
            return Some((path, Some(source.line)));
        }
        let problem = if let Self::WhatIf(error) = self { error.in_a_file() } else { self.input() };
        problem.map(|problem| (problem.file(), problem.line()))
    }

    /// Whether the reader of the output went away, as `head` does: no failure of ours.
    pub fn is_closed_pipe(&self) -> bool {
        let from_output = matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe);
        from_output || matches!(self, Self::Json(error) if error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    }
}

fn end_of(other_end: Option<(Seq, Seq)>) -> String {
    match other_end {
        None => "with the same head".to_owned(),
        Some((stored, file)) if stored == file => "with another head".to_owned(),
        Some((stored, file)) => format!("and ends there at event {stored}, in the file at event {file}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        assert!(CliError::Output(io::Error::from(io::ErrorKind::BrokenPipe)).is_closed_pipe());
        assert!(!CliError::Output(io::Error::from(io::ErrorKind::StorageFull)).is_closed_pipe());
    }
}
