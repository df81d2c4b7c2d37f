//! An export back into a store: read and checked whole before the store is opened for writing, then put in one commit.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::manifest::{Identity, Mode};
use retrace_core::store::{LogReader, StoreError};
use retrace_projections::export::{Begins, Unchecked};
use retrace_projections::ledger::Book;
use retrace_projections::lineage::{LineageFault, Origin};
use retrace_rocks::{RocksReader, RocksStore};
use serde::Serialize;

use super::Args;
use crate::commands::Status;
use crate::commands::stored::StoredSession;
use crate::error::CliError;
use crate::output::style::{BOLD, DIM, painted};
use crate::output::text::{counted, shell_word, short_hash};
use crate::output::{Output, progress, warn};
use crate::transfer::{ImportError, Imported, check_export_beside, put_export_beside};

/// The shape of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionName,
    mode: Mode,
    head: Head,
    events: Seq,
    steps: u64,
    uid: SessionUid,
    ledger_digest: Head,
    finished: bool,
    texts: u64,
    unchecked: Unchecked,
    elapsed_ms: u64,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let begun = Instant::now();
    let mut source = Source::open(&args.file)?;
    // A session that continues another is folded from that one's last ledger, which the store must have.
    let mut continued: Option<(Identity, Book)> = None;
    let checked = source.check(&mut |identity| {
        let book = begin(args, identity)?;
        continued = Some((identity.clone(), book.clone()));
        Ok(book)
    })?;
    let name = args.session.clone().unwrap_or_else(|| checked.manifest.session.clone());
    refuse_what_is_there(args, &name, &checked)?;
    let mut store = RocksStore::create_or_open(args.db.dir())?;
    let imported = source.put(&mut store, &name, &mut |identity| match &continued {
        Some((checked, book)) if checked == identity => Ok(book.clone()),
        // The file is another one by now.
        Some(_) | None => Ok(Origin::without_parents(identity)?.book),
    })?;
    store.close()?;
    for note in notes(imported.unchecked) {
        warn(&note);
    }
    let document = document(&name, &imported, begun.elapsed());
    if output.is_json() {
        output.document(&document)?;
    } else {
        print(args, &document, output.page())?;
    }
    Ok(Status::Fine)
}

/// What a session of the file begins with.
fn begin(args: &Args, identity: &Identity) -> Result<Book, LineageFault> {
    if identity.continues.is_none() {
        return Ok(Book::new(identity));
    }
    match RocksReader::open(args.db.dir()) {
        Err(StoreError::NoStore { .. }) => Ok(Origin::without_parents(identity)?.book),
        opened => Ok(Origin::of(&opened?, identity)?.book),
    }
}

/// What is read twice: once to check all of it, once to put it.
struct Source {
    /// As the user named it.
    shown: PathBuf,
    /// The file; what cannot be read twice goes into one without a name, which is gone with this process.
    file: File,
    /// What is read in place of `file` the first time, and kept in it.
    stream: Option<Box<dyn BufRead>>,
    bar: ProgressBar,
}

impl Source {
    fn open(path: &Path) -> Result<Self, CliError> {
        let failed = |source: io::Error| CliError::Read { path: shown(path), source };
        let spooled = |stream: Box<dyn BufRead>| {
            let file = tempfile::tempfile().map_err(|source| CliError::Spool { source })?;
            Ok(Self { shown: shown(path), file, stream: Some(stream), bar: ProgressBar::hidden() })
        };
        if path == Path::new("-") {
            return spooled(Box::new(BufReader::new(io::stdin())));
        }
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        if !about.is_file() {
            return spooled(Box::new(BufReader::new(file)));
        }
        let bar = progress::over_bytes(about.len().saturating_mul(2));
        Ok(Self { shown: shown(path), file, stream: None, bar })
    }

    fn check(&mut self, begins: Begins<'_>) -> Result<Imported, CliError> {
        let bar = self.bar.clone();
        let checked = match self.stream.take() {
            None => check_export_beside(&mut BufReader::new(&self.file), begins, &mut |line| moved(&bar, line)),
            Some(mut stream) => {
                let mut kept = BufWriter::new(&self.file);
                let checked = check_export_beside(&mut stream, begins, &mut |line| kept.write_all(line));
                checked.and_then(|checked| kept.flush().map(|()| checked).map_err(ImportError::Seen))
            }
        };
        checked.map_err(|error| self.refused(error))
    }

    /// Everything is checked again on the way: the file may have changed since.
    fn put(&mut self, store: &mut RocksStore, name: &SessionName, begins: Begins<'_>) -> Result<Imported, CliError> {
        let (bar, name) = (self.bar.clone(), Some(name.clone()));
        let rewound = self.file.rewind().map_err(ImportError::from);
        let seen = &mut |line: &[u8]| moved(&bar, line);
        let put = rewound.and_then(|()| put_export_beside(&mut BufReader::new(&self.file), store, name, begins, seen));
        self.bar.finish_and_clear();
        put.map_err(|error| self.refused(error))
    }

    fn refused(&self, error: ImportError) -> CliError {
        self.bar.finish_and_clear();
        match error {
            ImportError::Read(source) => CliError::Read { path: self.shown.clone(), source },
            ImportError::Bad(source) => CliError::Import { path: self.shown.clone(), source: Box::new(source) },
            ImportError::Seen(source) => CliError::Spool { source },
            ImportError::Store(source) => CliError::Store(source),
        }
    }
}

fn shown(path: &Path) -> PathBuf {
    if path == Path::new("-") { PathBuf::from("standard input") } else { path.to_owned() }
}

#[expect(clippy::unnecessary_wraps, reason = "whoever takes lines may fail")]
fn moved(bar: &ProgressBar, line: &[u8]) -> io::Result<()> {
    bar.inc(line.len() as u64);
    Ok(())
}

/// Looks into the store, if there is one, without touching it.
fn refuse_what_is_there(args: &Args, name: &SessionName, checked: &Imported) -> Result<(), CliError> {
    let reader = match RocksReader::open(args.db.dir()) {
        Err(StoreError::NoStore { .. }) => return Ok(()),
        opened => opened?,
    };
    let sessions = reader.sessions()?;
    if let Some((known, uid)) = sessions.iter().find(|(_, uid)| *uid == checked.manifest.uid) {
        let extent = StoredSession::of(&reader, known.clone(), *uid)?.extent()?;
        let (stored, file) = ((extent.events, extent.head), (checked.end.events, checked.end.head));
        return Err(CliError::AlreadyThere {
            name: known.clone(),
            db: args.db.dir().to_owned(),
            other_end: (stored != file).then_some((stored.0, file.0)),
        });
    }
    if sessions.iter().any(|(known, _)| known == name) {
        return Err(StoreError::SessionExists { name: name.clone() }.into());
    }
    Ok(())
}

/// What people should know before they trust what was taken.
fn notes(unchecked: Unchecked) -> Vec<String> {
    let Unchecked { unknown_events, checkpoints, ledger_digest } = unchecked;
    let mut notes = Vec::new();
    if unknown_events > 0 {
        let events = counted(unknown_events, "event");
        notes.push(format!("{events} of kinds that this build does not know: kept as they are, their views unchecked"));
    }
    if checkpoints > 0 {
        let checkpoints = counted(checkpoints, "checkpoint");
        notes.push(format!("{checkpoints} of another projection or version: kept as they are, unchecked"));
    }
    if ledger_digest {
        notes.push("the ledger's digest is of another version of the fold: not compared".to_owned());
    }
    notes
}

fn document<'a>(name: &'a SessionName, imported: &Imported, elapsed: Duration) -> Document<'a> {
    let Imported { manifest, end, texts, unchecked } = imported;
    Document {
        session: name,
        mode: manifest.manifest.identity.mode,
        head: end.head,
        events: end.events,
        steps: end.steps,
        uid: manifest.uid,
        ledger_digest: end.ledger_digest,
        finished: end.finished,
        texts: *texts,
        unchecked: *unchecked,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    }
}

fn print(args: &Args, document: &Document<'_>, page: &mut dyn Write) -> Result<(), CliError> {
    let Document { session, mode, head, events, steps, finished, texts, elapsed_ms, .. } = document;
    let counts = format!("{}, {}, {}", counted(events.0, "event"), counted(*steps, "step"), counted(*texts, "text"));
    let state = if *finished { "finished" } else { "interrupted" };
    let rest = format!("head {}  {}.{:03} s", short_hash(&head.0), elapsed_ms / 1000, elapsed_ms % 1000);
    writeln!(page, "{}  {mode}  {state}  {counts}  {}", painted(BOLD, session), painted(DIM, rest))?;
    let next = format!("retrace replay {session} --db {}", shell_word(args.db.dir()));
    writeln!(page, "\nnext: {}", painted(BOLD, next))?;
    Ok(())
}
