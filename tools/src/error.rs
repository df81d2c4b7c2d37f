//! Why a command could not run: one sentence, and a hint where there is something to do about it.

use std::io;
use std::path::PathBuf;

use retrace_core::exact::Inexact;
use retrace_core::frame::FrameError;
use retrace_core::ids::{IdError, PlanId, Seq, SessionName};
use retrace_core::log::LogFault;
use retrace_core::store::StoreError;
use retrace_core::time::Timestamp;
use retrace_projections::export::{BadExport, ExportFault};
use retrace_projections::ledger::BrokenHistory;
use retrace_projections::projection::RegistryError;
use retrace_projections::snapshot::SnapshotError;

use crate::input::problem::{InputProblem, nearest};
use crate::output::text::shell_word;
use crate::session::RecordError;

/// What to do about damage that keeps a store from being read.
const FROM_A_COPY: &str = "nothing was changed; put back a copy of the store's folder from before the damage";

/// How many names a hint lists before it says how many more there are.
const NAMES_SHOWN: usize = 12;

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
    /// The store has no session of that name.
    #[error("there is no session {name} in this store")]
    NoSession {
        /// The name as given.
        name: String,
        /// The sessions that there are.
        known: Vec<SessionName>,
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
    /// Three tables were asked for on standard output.
    #[error("three tables cannot go to standard output")]
    TablesNeedAFolder,
    /// `--json` and a CSV were both asked for on standard output.
    #[error("--json and a CSV table cannot both go to standard output")]
    CsvIsNoJson,
    /// A table was asked for in another format.
    #[error("--table belongs to --format csv")]
    TableWithoutCsv,
    /// A file is not what an export writes.
    #[error("{}:{}: {}", path.display(), source.line, source.fault)]
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<BadExport>,
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
    /// What to do about it, where something useful can be said. One sentence without a final dot.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Input(problem) => problem.hint(),
            Self::Store(error) | Self::Record(RecordError::Store(error)) => store_hint(error),
            Self::Record(RecordError::Run(_)) => {
                Some("what was committed before is kept as an interrupted session; `retrace sessions` shows it".into())
            }
            Self::Export { source: ExportFault::LineTooLong, .. } => Some("`--format csv` has no such limit".into()),
            Self::Log { session, .. } | Self::History { session, .. } | Self::Export { session, .. } => {
                Some(format!("`retrace verify {session} --db DIR` lists all that is wrong"))
            }
            Self::NoSession { known, .. } if known.is_empty() => Some("the store has no session yet".into()),
            Self::NoSession { known, .. } => Some(format!("it has {}", listed(known))),
            Self::NoPlan { known, .. } if known.is_empty() => None,
            Self::NoPlan { known, .. } => Some(format!("there are {}", listed(known))),
            Self::PlanInSeveral { sessions, .. } => {
                Some(format!("choose one with --session NAME: {}", listed(sessions)))
            }
            Self::NoSuchEvent { .. } => Some("leave --at out for the ledger at the end".into()),
            Self::TablesNeedAFolder => {
                Some("name a folder with --out DIR, or one table with --table plans, orders or fills".into())
            }
            Self::CsvIsNoJson => Some("write the table with --out FILE".into()),
            Self::TableWithoutCsv => Some("leave --table out for all of a session".into()),
            Self::Import { source, .. } => Some(import_hint(source).into()),
            Self::AlreadyThere { name, db, other_end: None } => {
                let db = shell_word(db);
                Some(format!("there is nothing to import; `retrace replay {name} --db {db}` shows it"))
            }
            Self::AlreadyThere { .. } => Some("import it into another store with --db DIR".into()),
            Self::Spool { .. } => Some("name a folder with room for it in TMPDIR, or import a file".into()),
            Self::Registry(error) => registry_hint(error),
            Self::Snapshot { session, source } => snapshot_hint(session, source),
            Self::NotASnapshot { .. } => {
                Some("it was left as it is: choose another folder with --dir, or put it elsewhere".into())
            }
            Self::NoExport { .. } => {
                Some("name a file of `retrace export`, or the store of a session with --db DIR".into())
            }
            Self::Sum { .. }
            | Self::Read { .. }
            | Self::NoEvents { .. }
            | Self::BadPlanId(_)
            | Self::Write { .. }
            | Self::Output(_)
            | Self::Json(_) => None,
        }
    }

    /// Whether the reader of the output went away, as `head` does: no failure of ours.
    pub fn is_closed_pipe(&self) -> bool {
        let from_output = matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe);
        from_output || matches!(self, Self::Json(error) if error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    let hint = match error {
        StoreError::SessionExists { .. } => "choose another with --session NAME",
        StoreError::NoStore { .. } => "`retrace run FILE.yaml --db DIR` makes one",
        StoreError::InUse { .. } => "wait until that process has ended, or choose another folder with --db",
        StoreError::NewerFormat { .. } => "use the version of retrace that wrote it, or a later one",
        StoreError::BehindWatermark { session, .. } | StoreError::NotTheLogWritten { session, .. } => {
            return Some(format!("nothing was changed; `retrace verify {session} --db DIR` lists all that is wrong"));
        }
        StoreError::Damaged { .. } | StoreError::Block { .. } | StoreError::Frame(_) => FROM_A_COPY,
        // The database tells damage from other failures only by its sentence.
        StoreError::Backend { source, .. } if source.to_string().starts_with("Corruption") => FROM_A_COPY,
        StoreError::NoSession { .. } | StoreError::Conflict { .. } | StoreError::Backend { .. } => return None,
    };
    Some(hint.to_owned())
}

fn end_of(other_end: Option<(Seq, Seq)>) -> String {
    match other_end {
        None => "with the same head".to_owned(),
        Some((stored, file)) if stored == file => "with another head".to_owned(),
        Some((stored, file)) => format!("and ends there at event {stored}, in the file at event {file}"),
    }
}

fn import_hint(bad: &BadExport) -> &'static str {
    match &bad.fault {
        ExportFault::Empty | ExportFault::CutInLine | ExportFault::CutOff => {
            "nothing was imported; export the session again: a whole file ends with a line that begins with `{\"end\":`"
        }
        ExportFault::OtherLine { .. } if bad.line == 1 => {
            "`retrace export SESSION --db DIR --format jsonl` writes what can be imported"
        }
        ExportFault::OtherVersion { .. } | ExportFault::Frame { source: FrameError::NewerFormat { .. }, .. } => {
            "use the version of retrace that wrote it, or a later one"
        }
        ExportFault::Spelling { .. } => {
            "import the file as `retrace export` wrote it: what rewrites JSON, blanks or line ends changes it"
        }
        ExportFault::SecondManifest | ExportFault::AfterEnd => {
            "nothing was imported; cut the file into one session each"
        }
        ExportFault::LineTooLong
        | ExportFault::NotUtf8 { .. }
        | ExportFault::OtherLine { .. }
        | ExportFault::Json(_)
        | ExportFault::Base64 { .. }
        | ExportFault::NotHex { .. }
        | ExportFault::Name(_)
        | ExportFault::NotATime { .. }
        | ExportFault::Identity(_)
        | ExportFault::IdentityForm
        | ExportFault::Frame { .. }
        | ExportFault::Gap { .. }
        | ExportFault::GoesBack { .. }
        | ExportFault::History(_)
        | ExportFault::Disagrees { .. }
        | ExportFault::Text { .. }
        | ExportFault::StrayText { .. }
        | ExportFault::Checkpoint { .. }
        | ExportFault::CheckpointOrder { .. }
        | ExportFault::CheckpointBeyond { .. } => {
            "nothing was imported; the file was changed after it was written: export the session again"
        }
    }
}

fn registry_hint(error: &RegistryError) -> Option<String> {
    match error {
        RegistryError::Unknown { name, known } => Some(meant(name, known)),
        RegistryError::NameTaken { .. } => Some("give one of them another NAME".into()),
        RegistryError::BadName { .. } | RegistryError::Empty => None,
    }
}

fn snapshot_hint(session: &SessionName, error: &SnapshotError) -> Option<String> {
    match error {
        SnapshotError::Registry(error) => registry_hint(error),
        SnapshotError::UnknownField { field, known } => Some(meant(field, known)),
        SnapshotError::UnannouncedField { field, .. } => Some(format!("add \"{field}\" to FIELDS")),
        SnapshotError::History(_) => Some(format!("`retrace verify {session} --db DIR` lists all that is wrong")),
        SnapshotError::Fold { .. } | SnapshotError::View { .. } => None,
    }
}

/// The known word that is nearest to `word`, or all of them.
fn meant(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", listed(known)),
    }
}

/// `a, b and 3 more`.
fn listed<T: std::fmt::Display>(names: &[T]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_SHOWN).map(ToString::to_string).collect();
    let list = shown.join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => list,
        more => format!("{list} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_says_how_many_more_there_are() {
        let names: Vec<u32> = (1..=15).collect();
        assert_eq!(listed(&names), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 3 more");
        assert_eq!(listed(&["one"]), "one");
    }

    #[test]
    fn an_unknown_session_is_answered_with_those_there_are() {
        let known = vec![SessionName::new("a").unwrap(), SessionName::new("b").unwrap()];
        let error = CliError::NoSession { name: "c".to_owned(), known };
        assert_eq!(error.to_string(), "there is no session c in this store");
        assert_eq!(error.hint().as_deref(), Some("it has a, b"));
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        assert!(CliError::Output(io::Error::from(io::ErrorKind::BrokenPipe)).is_closed_pipe());
        assert!(!CliError::Output(io::Error::from(io::ErrorKind::StorageFull)).is_closed_pipe());
    }
}
