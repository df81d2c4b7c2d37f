//! The folder of a store: its format file, its lock, and what must stand beside what.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use retrace_core::store::StoreError;

/// The store format that this build writes and reads.
pub(crate) const STORE_FORMAT: u32 = 1;

const FORMAT_WORDS: &str = "retrace store format ";

/// What the format file is called until it is whole.
const FORMAT_UNFINISHED: &str = "format.new";

/// Where the parts of a store stand.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
}

/// What a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No store, or one whose making was cut off before it held any session.
    Nothing,
    /// A store.
    Store,
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(crate) fn format(&self) -> PathBuf {
        self.dir.join("format")
    }

    pub(crate) fn watermark(&self) -> PathBuf {
        self.dir.join("watermark")
    }

    pub(crate) fn place(&self) -> String {
        self.dir.display().to_string()
    }

    /// Looks at what is there without touching it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where one part is missing beside another; [`StoreError::NewerFormat`];
    /// [`StoreError::NotAFolder`].
    pub(crate) fn look(&self) -> Result<Found, StoreError> {
        if fs::metadata(&self.dir).is_ok_and(|found| !found.is_dir()) {
            return Err(StoreError::NotAFolder { place: self.place() });
        }
        let format = read_if_there(&self.format())?;
        let watermark = read_if_there(&self.watermark())?;
        let log = self.log();
        let has_log = exists(&log)?;
        if has_log && !log.is_dir() {
            return Err(damaged(&log, "is a file where the folder of the log should be"));
        }
        let Some(format) = format else {
            if has_log || watermark.is_some() {
                return Err(missing(&self.format()));
            }
            return Ok(Found::Nothing);
        };
        check_format(&self.format(), &format)?;
        // The watermark is there before the log is, and knows of a session before the log does. So an empty one proves
        // that nothing can be lost, and nothing else does.
        match watermark {
            None if has_log => Err(missing(&self.watermark())),
            Some(marks) if !marks.is_empty() && !has_log => Err(missing(&log)),
            Some(marks) if !marks.is_empty() => whole_database(&log).map(|()| Found::Store),
            Some(_) if exists(&log.join("CURRENT"))? => whole_database(&log).map(|()| Found::Store),
            None | Some(_) if holds_data(&log) => Err(missing(&log.join("CURRENT"))),
            None | Some(_) => Ok(Found::Nothing),
        }
    }

    /// Makes the folder, unless it is there.
    ///
    /// # Errors
    /// [`StoreError::NotAFolder`] where something else is; [`StoreError::Backend`] if it cannot be made.
    pub(crate) fn make_folder(&self) -> Result<(), StoreError> {
        fs::create_dir_all(&self.dir).map_err(|error| {
            let in_the_way = matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory);
            if in_the_way {
                StoreError::NotAFolder { place: self.place() }
            } else {
                failed("creating the folder", &self.dir, error)
            }
        })
    }

    /// Makes the format file and an empty watermark file, whichever is not there yet, in a folder that is there.
    ///
    /// # Errors
    /// [`StoreError::Occupied`] if the folder holds what no store has; [`StoreError::Backend`] if one of them cannot be
    /// made.
    pub(crate) fn make(&self) -> Result<(), StoreError> {
        self.holds_nothing_else()?;
        let format = self.format();
        if !exists(&format)? {
            // Under another name first: a format file is either not there or whole.
            let unfinished = self.dir.join(FORMAT_UNFINISHED);
            let mut file = File::create(&unfinished).map_err(|error| failed("creating", &unfinished, error))?;
            let written = writeln!(file, "{FORMAT_WORDS}{STORE_FORMAT}").and_then(|()| file.sync_all());
            let placed = written.and_then(|()| fs::rename(&unfinished, &format));
            placed.map_err(|error| failed("writing", &format, error))?;
        }
        let watermark = self.watermark();
        let made = OpenOptions::new().create(true).truncate(false).write(true).open(&watermark);
        made.and_then(|file| file.sync_all()).map_err(|error| failed("creating", &watermark, error))?;
        self.sync_dir()?;
        let parent = self.dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync(parent)
    }

    /// A store is not made among a user's files. Hidden ones are not theirs, and a new file system has its `lost+found`.
    fn holds_nothing_else(&self) -> Result<(), StoreError> {
        let entries = fs::read_dir(&self.dir).map_err(|error| failed("listing", &self.dir, error))?;
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let ours = |name: &str| matches!(name, "format" | FORMAT_UNFINISHED | "watermark" | "log" | "lost+found");
        match names.into_iter().find(|name| !ours(name) && !name.starts_with('.')) {
            Some(what) => Err(StoreError::Occupied { place: self.place(), what }),
            None => Ok(()),
        }
    }

    /// Waits until the disk has the folder's own entries.
    pub(crate) fn sync_dir(&self) -> Result<(), StoreError> {
        sync(&self.dir)
    }

    /// Takes the writer's lock, held for as long as the file stays open. It stands on the folder itself, so that
    /// taking it creates nothing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if someone else holds it.
    pub(crate) fn lock(&self) -> Result<File, StoreError> {
        let dir = File::open(&self.dir).map_err(|error| failed("opening the folder", &self.dir, error))?;
        match dir.try_lock() {
            Ok(()) => Ok(dir),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { place: self.place() }),
            Err(TryLockError::Error(error)) => Err(failed("locking the folder", &self.dir, error)),
        }
    }

    /// The name and length of every file: when it differs between two looks, someone is writing.
    pub(crate) fn listing(&self) -> Vec<(PathBuf, u64)> {
        let mut all = Vec::new();
        for dir in [self.dir.clone(), self.log()] {
            let Ok(entries) = fs::read_dir(dir) else { continue };
            for entry in entries.flatten() {
                all.push((entry.path(), entry.metadata().map_or(0, |data| data.len())));
            }
        }
        all.sort();
        all
    }
}

fn sync(dir: &Path) -> Result<(), StoreError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| failed("syncing the folder", dir, error))
}

fn check_format(path: &Path, text: &[u8]) -> Result<(), StoreError> {
    let text = std::str::from_utf8(text).ok().and_then(|text| text.strip_suffix('\n'));
    let number = text.and_then(|text| text.strip_prefix(FORMAT_WORDS)).filter(|digits| !digits.starts_with('0'));
    match number.and_then(|digits| digits.parse::<u32>().ok()) {
        Some(STORE_FORMAT) => Ok(()),
        Some(found) if found > STORE_FORMAT => {
            Err(StoreError::NewerFormat { place: path.display().to_string(), found, known: STORE_FORMAT })
        }
        Some(_) | None => Err(damaged(path, "does not name a store format")),
    }
}

/// Whether the database's folder has files that only a used one has.
fn holds_data(log: &Path) -> bool {
    let files = fs::read_dir(log).into_iter().flatten().flatten();
    files.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|end| end == "sst"))
}

/// Whether the database's folder has the two files without which the database cannot even say what is missing.
fn whole_database(log: &Path) -> Result<(), StoreError> {
    let current = log.join("CURRENT");
    let named = read_if_there(&current)?.ok_or_else(|| missing(&current))?;
    let named = String::from_utf8_lossy(&named);
    let manifest = log.join(named.trim_end());
    // A name that is no file's is damage, which the database tells of.
    let is_name = named.starts_with("MANIFEST-") && !named.contains('/');
    if is_name && !exists(&manifest)? { Err(missing(&manifest)) } else { Ok(()) }
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|error| failed("looking for", path, error))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(StoreError::NotAFolder { place: path.parent().unwrap_or(path).display().to_string() })
        }
        Err(error) => Err(failed("reading", path, error)),
    }
}

pub(crate) fn missing(path: &Path) -> StoreError {
    damaged(path, "is missing, but other parts of the store are there")
}

pub(crate) fn damaged(path: &Path, what: &str) -> StoreError {
    StoreError::Damaged { place: path.display().to_string(), what: what.to_owned() }
}

pub(crate) fn failed(doing: &str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Backend { place: format!("{doing} {}", path.display()), source: Box::new(source) }
}
