//! `retrace import`: a file from elsewhere becomes a session. One module a format.

mod fills;
mod jsonl;

use std::path::PathBuf;

use clap::ValueEnum;
use retrace_core::ids::SessionName;

use super::Status;
use super::stored::{Db, session_name};
use crate::error::CliError;
use crate::output::Output;

/// Take a session from a file into a store
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File to read; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    db: Db,
    /// Name of the session in this store, instead of the file's
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    session: Option<SessionName>,
    /// What the file is
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Which column holds what, with `--format fills`: a file, or the name of a map that comes with Retrace
    #[arg(long, value_name = "MAP", required_if_eq("format", "fills"))]
    map: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// What `retrace export --format jsonl` writes
    Jsonl,
    /// A trade history as CSV, from elsewhere
    Fills,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    match (args.format, &args.map) {
        (Format::Jsonl, None) => jsonl::perform(args, output),
        (Format::Fills, Some(map)) => fills::perform(args, map, output),
        (Format::Jsonl, Some(_)) => Err(CliError::MapWithoutFills),
        // The command line asks for it; a caller that does not is told the same.
        (Format::Fills, None) => Err(CliError::FillsWithoutMap),
    }
}
