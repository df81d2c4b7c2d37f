//! `retrace sample`: writes the sample market and a session on it.

use std::path::PathBuf;

use serde::Serialize;

use super::Status;
use crate::error::CliError;
use crate::output::Output;
use crate::output::style::{BOLD, painted};
use crate::output::text::shell_word;
use crate::sample;

/// Write a sample market with a session on it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to write into, made if it is not there; files of the same names are replaced
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Seed of the market: the same one gives the same bytes
    #[arg(long, default_value_t = sample::DEFAULT_SEED)]
    seed: u64,
}

/// What was written, for `--json`.
#[derive(Serialize)]
struct Document {
    market: String,
    directives: String,
    session: String,
    seed: u64,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let Args { dir, seed } = args;
    let written = sample::write(dir, *seed).map_err(|source| CliError::Write { path: dir.clone(), source })?;
    let [market, directives, session] =
        [&written.market, &written.directives, &written.session].map(|path| path.display().to_string());
    if output.is_json() {
        output.document(&Document { market, directives, session, seed: *seed })?;
        return Ok(Status::Fine);
    }
    let page = output.page();
    writeln!(page, "{market}  two days of one-minute bars: a trend, a range, a crash (seed {seed})")?;
    writeln!(page, "{directives}  what the strategist says")?;
    writeln!(page, "{session}  the session to run")?;
    let command = format!("retrace run {} --db {}", shell_word(&written.session), shell_word(&dir.join("db")));
    writeln!(page, "\nnext: {}", painted(BOLD, command))?;
    Ok(Status::Fine)
}
