//! How results and errors reach people and programs. With `--json` standard output carries one document and nothing
//! else; without it, what people read.

pub(crate) mod batches;
pub(crate) mod columns;
pub(crate) mod comparison;
pub(crate) mod conflicts;
pub(crate) mod difference;
pub(crate) mod findings;
pub(crate) mod gaps;
pub(crate) mod ledger_tree;
pub(crate) mod model_report;
pub(crate) mod progress;
pub(crate) mod story;
pub(crate) mod style;
pub(crate) mod summary;
pub(crate) mod text;
pub(crate) mod what_if;
pub(crate) mod whole_file;

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::error::CliError;
use crate::input::problem::InputProblem;
use style::{ERROR, HINT, WARNING, painted};

/// What a command writes to.
pub(crate) struct Output {
    json: bool,
    /// Something was written: standard output is no longer free for a document about an error.
    begun: bool,
    standard: BufWriter<anstream::AutoStream<io::Stdout>>,
}

impl Output {
    /// To standard output; colours only where a terminal shows them and `NO_COLOR` does not forbid it.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, begun: false, standard: BufWriter::new(anstream::stdout()) }
    }

    /// Whether a program reads standard output.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Standard output.
    pub(crate) fn page(&mut self) -> &mut dyn Write {
        self.begun = true;
        &mut self.standard
    }

    /// Writes the one document of `--json`.
    ///
    /// # Errors
    /// [`CliError`] when standard output cannot be written to.
    pub(crate) fn document(&mut self, document: &impl Serialize) -> Result<(), CliError> {
        self.begun = true;
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

/// The shape of an error with `--json`. A key that does not apply is `null`.
#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: ErrorView<'a>,
}

#[derive(Serialize)]
struct ErrorView<'a> {
    /// One word, for programs; `docs/refusals.md` lists them.
    code: &'static str,
    /// The sentence that people read, with file, line, field and value.
    message: String,
    hint: Option<String>,
    file: Option<String>,
    line: Option<u64>,
    field: Option<&'a str>,
    value: Option<String>,
}

/// Something that people should know and that is no result. To standard error.
pub(crate) fn warn(text: &str) {
    // Nowhere to tell that standard error is closed.
    let _ = writeln!(anstream::stderr(), "{} {}", painted(WARNING, "warning:"), text::printable(text));
}

/// The longest message, hint or value that is shown, in characters: an argument may be of any length.
const SHOWN_MAX: usize = 2_000;

/// Why a command could not run: to standard error, and with `--json` as the one document on standard output, unless one
/// was begun there already.
pub(crate) fn report(error: &CliError, output: &mut Output) {
    let (message, hint) = (text::shortened(&error.to_string(), SHOWN_MAX), error.hint());
    let hint = hint.map(|hint| text::shortened(&hint, SHOWN_MAX));
    let mut stderr = anstream::stderr();
    // Nowhere to tell that a stream is closed, here and below.
    let _ = writeln!(stderr, "{} {message}", painted(ERROR, "error:"));
    if let Some(hint) = &hint {
        let _ = writeln!(stderr, "{} {hint}", painted(HINT, "hint:"));
    }
    let input = error.input();
    let view = ErrorView {
        code: error.code(),
        message,
        hint,
        file: error.place().map(|(file, _)| file.display().to_string()),
        line: error.place().and_then(|(_, line)| line),
        field: input.and_then(InputProblem::field_name),
        value: input.and_then(InputProblem::value_text).map(|value| text::shortened(value, SHOWN_MAX)),
    };
    tell_programs(view, output);
}

/// A command line that cannot be understood, in clap's words: to standard error, and with `--json` as a document.
pub(crate) fn report_usage(usage: &clap::Error, output: &mut Output) {
    let _ = usage.print();
    let text = usage.render().to_string();
    let message = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let message = text::shortened(&message.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN_MAX);
    let hint = text.lines().find_map(|line| line.trim_start().strip_prefix("tip: ")).map(str::to_owned);
    let view = ErrorView { code: "usage", message, hint, file: None, line: None, field: None, value: None };
    tell_programs(view, output);
}

fn tell_programs(error: ErrorView<'_>, output: &mut Output) {
    if output.json && !output.begun {
        let _ = output.document(&ErrorDocument { error }).and_then(|()| output.finish());
    }
}
