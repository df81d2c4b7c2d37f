//! Reading without end in view: what is read whole has a bound, and so has a line of what is read in a stream.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// Reads the whole file at `path`, unless it is longer than `bytes_max`: a device or a wrong file must not fill memory.
///
/// # Errors
/// [`InputProblem`] when it cannot be read or is too long.
pub(super) fn read_whole(path: &Path, bytes_max: u64) -> Result<Vec<u8>, InputProblem> {
    let unreadable = |error: io::Error| InputProblem::new(path, Rule::Unreadable { reason: error.to_string() });
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > bytes_max) {
        return Err(InputProblem::new(path, Rule::TooLong { bytes: bytes_max }));
    }
    Ok(bytes)
}

/// Hands bytes on until a line is longer than any row: a parser that collects a line would fill memory with it.
pub(super) struct ShortLines<R> {
    source: R,
    /// How long the line is so far.
    line: usize,
}

impl<R: Read> ShortLines<R> {
    /// The longest line, in bytes, give or take one reading of the source.
    const LINE_MAX: usize = 1 << 20;

    pub(super) const fn new(source: R) -> Self {
        Self { source, line: 0 }
    }
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        self.line = match read.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => count - end - 1,
            None => self.line.saturating_add(count),
        };
        if self.line > Self::LINE_MAX {
            let reason = format!("a line is longer than {} bytes", Self::LINE_MAX);
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_not_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read_whole(&path, 5).unwrap(), b"12345");
        let problem = read_whole(&path, 4).unwrap_err();
        assert!(problem.to_string().ends_with("is longer than 4 bytes"), "{problem}");
    }

    #[test]
    fn lines_may_be_many_but_not_endless() {
        let many = "2024-05-06T10:00:00Z,1,1,1,1\n".repeat(200_000);
        let mut taken = Vec::new();
        assert_eq!(ShortLines::new(many.as_bytes()).read_to_end(&mut taken).unwrap(), many.len());
        taken.clear();
        let endless = ShortLines::new(io::repeat(b'0')).read_to_end(&mut taken).unwrap_err();
        assert!(endless.to_string().contains("a line is longer"), "{endless}");
        assert!(taken.len() < 1 << 23);
    }
}
