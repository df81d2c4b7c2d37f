//! A file that is there whole or not at all: written beside its place, and moved there once it is complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// A file under construction. Dropped before [`WholeFile::finish`], it leaves what stood in its place as it was.
pub(crate) struct WholeFile {
    kept: Kept,
}

enum Kept {
    Beside {
        file: BufWriter<NamedTempFile>,
        place: PathBuf,
    },
    /// What is no file, such as a pipe or a terminal, is written to as it is.
    There(BufWriter<File>),
}

impl WholeFile {
    /// # Errors
    /// When nothing can be written at or beside `path`.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        // Through a link to what it names: the link itself is to stay.
        let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if std::fs::metadata(&place).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
            let file = File::options().write(true).open(&place)?;
            return Ok(Self { kept: Kept::There(BufWriter::new(file)) });
        }
        if place.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = Builder::new();
        builder.prefix(".retrace-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any file is made; the user's mask takes away from it.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        // Asked first, and an error then taken by its kind: `tempfile` names the file under construction in its own.
        std::fs::metadata(folder)?;
        let file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
        let file = BufWriter::new(file);
        Ok(Self { kept: Kept::Beside { file, place } })
    }

    /// Puts the file into its place.
    ///
    /// # Errors
    /// When that cannot be done; then what stood there is as it was.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.kept {
            Kept::There(mut file) => file.flush(),
            Kept::Beside { file, place } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(place).map_err(|error| error.error)?;
                Ok(())
            }
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.kept {
            Kept::Beside { file, .. } => file.write(bytes),
            Kept::There(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.kept {
            Kept::Beside { file, .. } => file.flush(),
            Kept::There(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_not_finished_leaves_the_old_one_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        std::fs::write(&path, "old").unwrap();
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        file.flush().unwrap();
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        file.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "whole");
    }

    #[test]
    fn a_missing_folder_is_told_without_the_name_of_the_file_under_construction() {
        let dir = tempfile::tempdir().unwrap();
        let error = WholeFile::create(&dir.path().join("none/out")).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!error.to_string().contains(".retrace-"), "{error}");
        assert!(error.raw_os_error().is_some(), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_is_no_file_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("out"), dir.path().join("link"));
        std::fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut file = WholeFile::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        file.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        let mut file = WholeFile::create(Path::new("/dev/null")).unwrap();
        file.write_all(b"gone").unwrap();
        file.finish().unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }
}
