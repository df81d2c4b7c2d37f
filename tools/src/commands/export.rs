//! `retrace export`: a session to text that other tools read, or that `retrace import` takes. One module a format.

mod csv;
mod jsonl;

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Status;
use super::stored::{Db, StoredSession};
use crate::error::CliError;
use crate::output::Output;

/// Write a session as text
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session to export
    session: String,
    #[command(flatten)]
    db: Db,
    /// What is written
    #[arg(long, value_enum)]
    format: Format,
    /// File to write to instead of standard output, or the folder for several tables; replaced if it is there
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Only this table, for `--format csv`
    #[arg(long, value_enum)]
    table: Option<Table>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// All of it, a step a line, for `retrace import` and for reading
    Jsonl,
    /// Tables of plans, orders and fills
    Csv,
}

/// A table of `--format csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Table {
    /// A row a plan
    Plans,
    /// A row an order
    Orders,
    /// A row a fill
    Fills,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    if args.table.is_some() && args.format == Format::Jsonl {
        return Err(CliError::TableWithoutCsv);
    }
    let reader = args.db.open()?;
    let session = StoredSession::find(&reader, &args.session)?;
    match args.format {
        Format::Jsonl => jsonl::perform(&session, args.out.as_deref(), output)?,
        Format::Csv => csv::perform(&session, args, output)?,
    }
    Ok(Status::Fine)
}

/// What writing to `path` fails with.
fn failed(path: &Path) -> impl Fn(io::Error) -> CliError {
    move |source| CliError::Write { path: path.to_owned(), source }
}
