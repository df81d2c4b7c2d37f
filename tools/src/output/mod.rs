//! How results and errors reach people and programs. With `--json` standard output carries one document and nothing
//! else; without it, what people read.

pub(crate) mod columns;
pub(crate) mod ledger_tree;
pub(crate) mod progress;
pub(crate) mod story;
pub(crate) mod style;
pub(crate) mod summary;
pub(crate) mod text;

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::error::CliError;
use style::{ERROR, HINT, WARNING, painted};

/// What a command writes to.
pub(crate) struct Output {
    json: bool,
    standard: BufWriter<anstream::AutoStream<io::Stdout>>,
}

impl Output {
    /// To standard output; colours only where a terminal shows them and `NO_COLOR` does not forbid it.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, standard: BufWriter::new(anstream::stdout()) }
    }

    /// Whether a program reads standard output.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Standard output.
    pub(crate) fn page(&mut self) -> &mut dyn Write {
        &mut self.standard
    }

    /// Writes the one document of `--json`.
    ///
    /// # Errors
    /// [`CliError`] when standard output cannot be written to.
    pub(crate) fn document(&mut self, document: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.standard, document)?;
        writeln!(self.standard)?;
        Ok(())
    }

    /// Hands everything on.
    ///
    /// # Errors
    /// [`CliError`] when standard output cannot be written to.
    pub(crate) fn finish(&mut self) -> Result<(), CliError> {
        self.standard.flush().map_err(CliError::from)
    }
}

/// Something that people should know and that is no result. To standard error.
pub(crate) fn warn(text: &str) {
    // Nowhere to tell that standard error is closed.
    let _ = writeln!(anstream::stderr(), "{} {}", painted(WARNING, "warning:"), text::printable(text));
}

/// Why a command could not run. To standard error.
pub(crate) fn report(error: &CliError) {
    let mut stderr = anstream::stderr();
    let _ = writeln!(stderr, "{} {}", painted(ERROR, "error:"), text::printable(&error.to_string()));
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "{} {}", painted(HINT, "hint:"), text::printable(&hint));
    }
}
