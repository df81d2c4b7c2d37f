//! What to do about an error, where something useful can be said.

use std::path::Path;

use retrace_core::frame::FrameError;
use retrace_core::ids::{Seq, SessionName};
use retrace_core::store::StoreError;
use retrace_projections::export::{BadExport, ExportFault};
use retrace_projections::lineage::LineageFault;
use retrace_projections::projection::RegistryError;
use retrace_projections::snapshot::SnapshotError;
use retrace_replay::continuing::NotContinued;

use super::CliError;
use crate::input::hint::nearest;
use crate::output::text::shell_word;
use crate::session::RecordError;

/// What to do about damage that keeps a store from being read.
const FROM_A_COPY: &str = "nothing was changed; put back a copy of the store's folder from before the damage";

/// How many names a hint lists before it says how many more there are.
const NAMES_SHOWN: usize = 12;

impl CliError {
    /// What to do about it, where something useful can be said. One sentence without a final dot.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Input(problem) => problem.hint(),
            Self::WhatIf(error) => error.hint(),
            Self::NothingChanged => Some(
                "--set PATH=VALUE changes a value, --grid tries several, --venue runs it with another venue".into(),
            ),
            Self::Store(error) | Self::Record(RecordError::Store(error)) => store_hint(error),
            Self::Record(RecordError::Run(_)) => {
                Some("what was committed before is kept as an interrupted session; `retrace sessions` shows it".into())
            }
            Self::Export { source: ExportFault::LineTooLong, .. } => Some("`--format csv` has no such limit".into()),
            Self::Log { session, .. } | Self::History { session, .. } | Self::Export { session, .. } => {
                Some(format!("`retrace verify {session} --db DIR` lists all that is wrong"))
            }
            Self::Rerun { session, source } => source.hint(session),
            Self::Lineage { source, .. } => lineage_hint(source),
            Self::NotContinued { source, .. } => Some(not_continued_hint(source)),
            Self::NoSession { known, .. } if known.is_empty() => Some("the store has no session yet".into()),
            Self::NoSession { known, .. } => Some(format!("it has {}", listed(known))),
            Self::NothingToResume { db, known, .. } => {
                let begin = format!("`retrace run FILE.yaml --db {}` begins it", shell_word(db));
                let others = if known.is_empty() { String::new() } else { format!("; there are {}", listed(known)) };
                Some(format!("a run that is killed before its first commit leaves no session: {begin}{others}"))
            }
            Self::CannotResume { why, .. } => Some(why.hint()),
            Self::NoPlan { known, .. } if known.is_empty() => Some("no plan was taken on there".into()),
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
            Self::MapWithoutFills => Some("an export needs no map; a trade history needs --format fills".into()),
            Self::FillsWithoutMap => {
                Some("name a map of your own, or one of those that docs/trade-histories.md lists".into())
            }
            Self::Import { source, .. } => Some(import_hint(source).into()),
            Self::BadTrail { .. } => Some("`retrace trail SESSION --db DIR --json > FILE` writes one".into()),
            Self::NoMarks { .. } => {
                Some("it was recorded by a version that left none, or was interrupted before the first".into())
            }
            Self::OtherTrail { .. } => Some("print both with one version of retrace".into()),
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
            Self::NoMarketAgain { .. } => Some("--market-dir DIR looks for the market files in another folder".into()),
            Self::Sum { .. }
            | Self::RunAgain { .. }
            | Self::Read { .. }
            | Self::NoEvents { .. }
            | Self::BadPlanId(_)
            | Self::Write { .. }
            | Self::Output(_)
            | Self::Json(_) => None,
        }
    }
}

fn lineage_hint(fault: &LineageFault) -> Option<String> {
    match fault {
        LineageFault::NotThere { .. } => {
            Some("import that session into this store first: `retrace export` writes it where it is".into())
        }
        LineageFault::OtherLog { name, .. } | LineageFault::Log { name, .. } | LineageFault::History { name, .. } => {
            Some(format!("`retrace verify {name} --db DIR` lists all that is wrong with it"))
        }
        LineageFault::Circle { .. } => None,
        LineageFault::Store(error) => store_hint(error),
    }
}

pub(crate) fn not_continued_hint(why: &NotContinued) -> String {
    match why {
        NotContinued::Import { .. } => {
            "run it without --continues: what a history left open is not at the venue of a run".into()
        }
        NotContinued::OtherInstance { theirs, .. } => {
            format!("plans stay with their strategy instance: write `strategy.instance: {theirs}`")
        }
        NotContinued::OtherQuote { theirs, .. } => format!("write `account.quote: {theirs}`"),
        NotContinued::Overlaps { last, .. } => format!("give market data whose first bar opens at {last} or later"),
        NotContinued::NoInstrument { symbol, .. } => {
            format!("add {symbol} to `instruments:` and its data to `market:`, or close the plan before")
        }
        NotContinued::OffTick { .. } | NotContinued::OffLot { .. } => {
            "keep the grid, choose a finer one, or change the plan before the session ends".into()
        }
        NotContinued::Profile { .. } => "keep it as it is, or close the plan before the session ends".into(),
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    let hint = match error {
        StoreError::SessionExists { .. } => {
            "choose another with --session NAME; a run that was interrupted goes on with --resume NAME"
        }
        StoreError::NoStore { .. } => "`retrace run FILE.yaml --db DIR` makes one",
        StoreError::NotAFolder { .. } => "give a folder with --db; `run` makes it where there is none",
        StoreError::Occupied { place, .. } => {
            return Some(format!(
                "give the store a folder of its own, such as {}",
                Path::new(place).join("db").display()
            ));
        }
        StoreError::InUse { .. } => "wait until that process has ended, or choose another folder with --db",
        StoreError::NewerFormat { .. } => "use the version of retrace that wrote it, or a later one",
        // Of a session with no event left not even the name may be there to verify it by.
        StoreError::BehindWatermark { session, log: Seq(1..), .. } | StoreError::NotTheLogWritten { session, .. } => {
            return Some(format!("nothing was changed; `retrace verify {session} --db DIR` lists all that is wrong"));
        }
        StoreError::BehindWatermark { .. }
        | StoreError::Damaged { .. }
        | StoreError::Block { .. }
        | StoreError::Frame(_) => FROM_A_COPY,
        // The database tells damage from other failures only by its sentence.
        StoreError::Backend { source, .. } if source.to_string().starts_with("Corruption") => FROM_A_COPY,
        StoreError::NoSession { .. } | StoreError::Conflict { .. } | StoreError::Backend { .. } => return None,
    };
    Some(hint.to_owned())
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
        ExportFault::Lineage(_) => {
            "a session that continues another goes into a store that has that one: import it there first"
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
        | ExportFault::Trail { .. }
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
}
