//! What a check found, for people.

use std::io::Write;

use retrace_replay::verify::Finding;

use super::style::{ALARM, DIM, painted};
use super::text::printable;
use crate::error::CliError;

/// Writes a finding below an empty line: the check, the event, what is wrong, and what helps to understand it.
///
/// # Errors
/// [`CliError::Output`] if `page` cannot be written to.
pub(crate) fn print_finding(finding: &Finding, page: &mut dyn Write) -> Result<(), CliError> {
    let at = finding.seq.map_or(String::new(), |seq| format!(" event {seq}:"));
    writeln!(page, "\n{} {}:{at} {}", painted(ALARM, "!!"), finding.check, printable(&finding.what))?;
    for line in &finding.detail {
        writeln!(page, "   {}", painted(DIM, printable(line)))?;
    }
    Ok(())
}
