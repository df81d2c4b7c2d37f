//! Reading whole files without end in view: each has a bound.

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
}
