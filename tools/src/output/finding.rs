//! Something that a check found, for people: where, what, and what helps to understand it.

use std::io::Write;

use retrace_replay::verify::Finding;

use super::style::{ALARM, DIM, painted};
use super::text::printable;
use crate::error::CliError;

/// Writes it below what stands there already.
///
/// # Errors
/// [`CliError::Output`] if `page` cannot be written to.
pub(crate) fn print(finding: &Finding, page: &mut dyn Write) -> Result<(), CliError> {
    let at = finding.seq.map_or(String::new(), |seq| format!(" event {seq}:"));
    writeln!(page, "\n{} {}:{at} {}", painted(ALARM, "!!"), finding.check, printable(&finding.what))?;
    for line in &finding.detail {
        writeln!(page, "   {}", painted(DIM, printable(line)))?;
    }
    Ok(())
}
