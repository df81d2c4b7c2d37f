//! `retrace snapshot`: canonical text of every projection of a session, kept in files and held against them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};

use retrace_core::ids::SessionName;
use retrace_projections::export::ExportLine;
use retrace_projections::projection::Projections;
use retrace_projections::snapshot::{FIRST_LINE, ProjectionSnapshot, SnapshotOptions, Snapshots};
use retrace_rocks::RocksReader;
use serde::Serialize;

use super::Status;
use super::stored::{Stop, StoredSession, open_store};
use crate::error::CliError;
use crate::output::columns::{self, Piece};
use crate::output::difference::{DifferenceLine, difference};
use crate::output::style::{BAD, BOLD, DIM, GOOD, PLAIN, painted};
use crate::output::text::shell_word;
use crate::output::whole_file::WholeFile;
use crate::output::{Output, warn};
use crate::transfer::{ImportError, read_export};

/// Keep every projection of a session as text, or compare it with what was kept
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session of the store; without --db, a file of `retrace export --format jsonl`
    session: String,
    /// Folder of the store
    #[arg(long, value_name = "DIR")]
    db: Option<PathBuf>,
    /// Folder of the snapshots, made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Write nothing: show what differs from the snapshots, and exit with 1 where something does
    #[arg(long)]
    check: bool,
    /// Only this projection; may be given several times
    #[arg(long, value_name = "NAME")]
    projection: Vec<String>,
    /// Leave out this field, by its name in the text; may be given several times, or as a list with commas
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    without: Vec<String>,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    projections: Vec<Entry<'a>>,
    /// Snapshots of the session whose projection is not known any more.
    stale: Vec<String>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    file: String,
    status: FileStatus,
    /// Only where it differs: a unified difference, from the snapshot to what the session gives now.
    diff: Option<String>,
}

/// How a snapshot's file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FileStatus {
    /// It holds what the session gives.
    Unchanged,
    /// It was made, or made anew.
    Written,
    /// It holds something else.
    Differs,
    /// It is not there.
    Missing,
}

impl FileStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Written => "written",
            Self::Differs => "differs",
            Self::Missing => "missing",
        }
    }
}

/// A projection's snapshot and how its file stands.
struct Compared {
    name: &'static str,
    file: PathBuf,
    status: FileStatus,
    difference: Vec<DifferenceLine>,
}

/// Where a session is read from.
enum Source {
    /// A store, and its name there.
    Store(RocksReader, String),
    /// An export file.
    Export(PathBuf),
}

/// What was taken of a session.
struct Taken {
    session: SessionName,
    /// How its files' names begin: as the session is named in its store, or as the export file is. Two files may well
    /// hold sessions of one name.
    stem: String,
    snapshots: Vec<ProjectionSnapshot>,
}

pub(super) fn perform(args: &Args, projections: Projections, output: &mut Output) -> Result<Status, CliError> {
    projections.check()?;
    let known = projections.names();
    let chosen = match args.projection.as_slice() {
        [] => projections,
        names => projections.only(names),
    };
    chosen.check()?;
    let options = SnapshotOptions { without: args.without.clone() };
    let Taken { session, stem, snapshots } = Source::of(args)?.snapshots(&chosen, &options)?;
    if !args.check {
        fs::create_dir_all(&args.dir).map_err(|source| CliError::Write { path: args.dir.clone(), source })?;
    }
    let mut compared = Vec::with_capacity(snapshots.len());
    for snapshot in &snapshots {
        compared.push(compare(snapshot, file_of(&args.dir, &stem, snapshot.name), args.check)?);
    }
    if !args.check {
        // Nothing is written before everything was read: a file that is no snapshot leaves all as they were.
        for (compared, snapshot) in compared.iter_mut().zip(&snapshots) {
            if compared.status != FileStatus::Unchanged {
                replace(&compared.file, &snapshot.text)
                    .map_err(|source| CliError::Write { path: compared.file.clone(), source })?;
                compared.status = FileStatus::Written;
            }
        }
    }
    let stale = stale(&args.dir, &stem, &known)?;
    for file in &stale {
        warn(&format!(
            "{} is a snapshot of a projection that is not known; remove it if it is not needed",
            file.display()
        ));
    }
    let found = args.check && compared.iter().any(|compared| compared.status != FileStatus::Unchanged);
    if output.is_json() {
        output.document(&document(&session, &compared, &stale))?;
    } else {
        print(args, &compared, found, output)?;
    }
    Ok(if found { Status::Found } else { Status::Fine })
}

impl Source {
    fn of(args: &Args) -> Result<Self, CliError> {
        if let Some(db) = &args.db {
            return Ok(Self::Store(open_store(db)?, args.session.clone()));
        }
        let file = PathBuf::from(&args.session);
        if file.exists() { Ok(Self::Export(file)) } else { Err(CliError::NoExport { name: args.session.clone() }) }
    }

    fn snapshots(&self, projections: &Projections, options: &SnapshotOptions) -> Result<Taken, CliError> {
        match self {
            Self::Store(reader, name) => {
                let session = StoredSession::find(reader, name)?;
                let snapshots = of_stored(&session, projections, options)?;
                Ok(Taken { stem: session.name.to_string(), session: session.name, snapshots })
            }
            Self::Export(file) => {
                let (session, snapshots) = of_export(file, projections, options)?;
                let stem = file.file_stem().map_or_else(|| session.to_string(), |stem| stem.display().to_string());
                Ok(Taken { session, stem, snapshots })
            }
        }
    }
}

fn of_stored(
    session: &StoredSession<'_>,
    projections: &Projections,
    options: &SnapshotOptions,
) -> Result<Vec<ProjectionSnapshot>, CliError> {
    let failed = |source| CliError::Snapshot { session: session.name.clone(), source };
    let origin = session.origin()?;
    let mut snapshots = Snapshots::beginning(session.identity(), origin, projections, options).map_err(failed)?;
    session.read(&mut |step| snapshots.fold(step).map_err(|source| Stop::Output(Box::new(failed(source)))))?;
    snapshots.finish(&|reference| session.text(reference)).map_err(failed)
}

/// The whole file is checked on the way, its frames, its chain and its views; what is not right with it has no snapshot.
fn of_export(
    path: &Path,
    projections: &Projections,
    options: &SnapshotOptions,
) -> Result<(SessionName, Vec<ProjectionSnapshot>), CliError> {
    let unreadable = |source| CliError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let (mut begun, mut failed) = (None, None);
    let mut texts = BTreeMap::new();
    let read = read_export(&mut BufReader::new(file), &mut |line| match line {
        ExportLine::Manifest(first) => match Snapshots::begin(&first.manifest.identity, projections, options) {
            Ok(snapshots) => begun = Some(snapshots),
            Err(error) => failed = Some(error),
        },
        ExportLine::Step(step) => {
            texts.extend(step.texts.iter().map(|(reference, content)| (*reference, content.text.clone())));
            if let (Some(snapshots), None) = (&mut begun, &failed) {
                failed = snapshots.fold(&step.step).err();
            }
        }
        ExportLine::End(_) => {}
    });
    let read = read.map_err(|error| match error {
        ImportError::Read(source) | ImportError::Seen(source) => CliError::Read { path: path.to_owned(), source },
        ImportError::Bad(source) => CliError::Import { path: path.to_owned(), source: Box::new(source) },
        ImportError::Store(source) => CliError::Store(source),
    })?;
    let session = read.manifest.session;
    let taken = match (failed, begun) {
        (Some(error), _) => Err(error),
        (None, Some(snapshots)) => snapshots.finish(&|reference| texts.get(&reference).cloned()),
        // Never so: an export that was read to its end has a first line.
        (None, None) => Ok(Vec::new()),
    };
    match taken {
        Ok(snapshots) => Ok((session, snapshots)),
        Err(source) => Err(CliError::Snapshot { session, source }),
    }
}

/// A text file by its name, so that any editor and any review shows it, and no tool takes it for its own.
fn file_of(dir: &Path, stem: &str, projection: &str) -> PathBuf {
    dir.join(format!("{stem}.{projection}.txt"))
}

/// Holds a snapshot against its file; `show` where the difference is asked for. Line ends may be those of another system.
fn compare(snapshot: &ProjectionSnapshot, file: PathBuf, show: bool) -> Result<Compared, CliError> {
    let (status, difference) = match fs::read(&file) {
        Ok(bytes) => {
            let old = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            if !old.starts_with(FIRST_LINE) {
                return Err(CliError::NotASnapshot { path: file });
            }
            let same = old == snapshot.text;
            let lines = if show { difference(&old, &snapshot.text) } else { Vec::new() };
            (if same { FileStatus::Unchanged } else { FileStatus::Differs }, lines)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (FileStatus::Missing, Vec::new()),
        Err(source) => return Err(CliError::Read { path: file, source }),
    };
    Ok(Compared { name: snapshot.name, file, status, difference })
}

fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut new = WholeFile::create(file)?;
    new.write_all(text.as_bytes())?;
    new.finish()
}

/// The snapshots of `stem` in `dir` whose projection is not among `known`, in order of name.
fn stale(dir: &Path, stem: &str, known: &[&str]) -> Result<Vec<PathBuf>, CliError> {
    let failed = |source| CliError::Read { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let inner = name.and_then(|name| name.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(".txt"));
        // A session of a longer name has a point in what is left.
        let projection = inner.filter(|inner| !inner.contains('.') && !known.contains(inner));
        if projection.is_some() && fs::read(&path).is_ok_and(|bytes| bytes.starts_with(FIRST_LINE.as_bytes())) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn document<'a>(session: &'a SessionName, compared: &'a [Compared], stale: &[PathBuf]) -> Document<'a> {
    let entry = |compared: &'a Compared| {
        let lines: Vec<String> = compared.difference.iter().map(DifferenceLine::plain).collect();
        Entry {
            name: compared.name,
            file: compared.file.display().to_string(),
            status: compared.status,
            diff: (compared.status == FileStatus::Differs).then(|| lines.join("\n")),
        }
    };
    let stale = stale.iter().map(|file| file.display().to_string()).collect();
    Document { session, projections: compared.iter().map(entry).collect(), stale }
}

fn print(args: &Args, compared: &[Compared], found: bool, output: &mut Output) -> Result<(), CliError> {
    let page = output.page();
    let pieces = compared.iter().map(|compared| {
        let style = match compared.status {
            FileStatus::Unchanged => PLAIN,
            FileStatus::Written => GOOD,
            FileStatus::Differs | FileStatus::Missing => BAD,
        };
        vec![
            Piece::styled(BOLD, compared.name),
            Piece::styled(style, compared.status.as_str()),
            Piece::styled(DIM, compared.file.display().to_string()),
        ]
    });
    for line in columns::lines(pieces.collect()) {
        writeln!(page, "{line}")?;
    }
    for compared in compared.iter().filter(|compared| compared.status == FileStatus::Differs) {
        writeln!(page, "\n{}", painted(BOLD, compared.file.display()))?;
        for line in &compared.difference {
            writeln!(page, "{}", line.shown())?;
        }
    }
    if found {
        writeln!(page, "\nreview what differs; to accept it: {}", painted(BOLD, accepting(args)))?;
    }
    Ok(())
}

/// The command that accepts what `args` found.
fn accepting(args: &Args) -> String {
    let mut words = vec!["retrace snapshot".to_owned(), shell_word(Path::new(&args.session))];
    words.extend(args.db.iter().map(|db| format!("--db {}", shell_word(db))));
    words.push(format!("--dir {}", shell_word(&args.dir)));
    words.extend(args.projection.iter().map(|name| format!("--projection {name}")));
    if !args.without.is_empty() {
        words.push(format!("--without {}", args.without.join(",")));
    }
    words.join(" ")
}
