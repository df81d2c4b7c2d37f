//! The commands, one file each: arguments in, a status out. What they share stands here and in [`stored`].

mod audit;
mod diff;
mod export;
mod import;
mod market;
mod market_again;
mod replay;
mod run;
mod sample;
mod sessions;
mod snapshot;
mod states;
mod stored;
mod trail;
mod verify;

pub(crate) use run::CarriedOver;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use retrace_projections::projection::Projections;

use crate::error::CliError;
use crate::output::{self, Output};

/// How a command that could run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// All is well: exit status 0.
    Fine,
    /// A check found something: exit status 1.
    Found,
    /// What was asked for could not be done in full, and the output says why: exit status 2.
    Incomplete,
}

/// The exit status of a command that could not run.
const COULD_NOT_RUN: u8 = 2;

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Fine => Self::SUCCESS,
            Status::Found => Self::from(1),
            Status::Incomplete => Self::from(COULD_NOT_RUN),
        }
    }
}

/// A flight recorder for trading strategies: run a session, replay it, verify it, audit its plans
#[derive(Debug, Parser)]
#[command(name = "retrace", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Cli {
    /// Print one JSON document on standard output; everything for people goes to standard error
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sample(sample::Args),
    Run(run::Args),
    Sessions(sessions::Args),
    Replay(replay::Args),
    Verify(verify::Args),
    Trail(trail::Args),
    Diff(diff::Args),
    Audit(audit::Args),
    Snapshot(snapshot::Args),
    Export(export::Args),
    Import(import::Args),
    Market(market::Args),
}

/// The whole of the program `retrace`: reads the command line, runs the command, and answers with its exit status: 0
/// fine, 1 a check found something, 2 could not run.
///
/// `projections` are those that `snapshot` knows. A program with one's own is one expression:
///
/// ```no_run
/// # use retrace_projections::built_in::Journal as Mine;
/// use retrace_tools::Projections;
///
/// fn main() -> std::process::ExitCode {
///     retrace_tools::main_with(Projections::built_in().with::<Mine>())
/// }
/// ```
pub fn main_with(projections: Projections) -> ExitCode {
    let Cli { json, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and the version are for people, whatever else was asked for.
            let mut options = std::env::args_os().take_while(|argument| argument != "--");
            let json = usage.use_stderr() && options.any(|argument| argument == "--json");
            output::report_usage(&usage, &mut Output::new(json));
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(COULD_NOT_RUN));
        }
    };
    let mut output = Output::new(json);
    let ended = perform(command, projections, &mut output).and_then(|status| output.finish().map(|()| status));
    match ended {
        Ok(status) => status.into(),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // What was printed before stands above the error.
            let _ = output.finish();
            output::report(&error, &mut output);
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn perform(command: Command, projections: Projections, output: &mut Output) -> Result<Status, CliError> {
    match command {
        Command::Sample(args) => sample::perform(&args, output),
        Command::Run(args) => run::perform(&args, output),
        Command::Sessions(args) => sessions::perform(&args, output),
        Command::Replay(args) => replay::perform(&args, output),
        Command::Verify(args) => verify::perform(&args, output),
        Command::Trail(args) => trail::perform(&args, output),
        Command::Diff(args) => diff::perform(&args, output),
        Command::Audit(args) => audit::perform(&args, output),
        Command::Snapshot(args) => snapshot::perform(&args, projections, output),
        Command::Export(args) => export::perform(&args, output),
        Command::Import(args) => import::perform(&args, output),
        Command::Market(args) => market::perform(&args, output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn json_may_stand_before_or_behind_the_command() {
        for line in [["retrace", "--json", "sessions", "--db", "x"], ["retrace", "sessions", "--db", "x", "--json"]] {
            assert!(Cli::try_parse_from(line).unwrap().json);
        }
    }

    #[test]
    fn a_wrong_usage_could_not_run() {
        for line in [&["retrace", "replay", "a"][..], &["retrace", "nothing"], &["retrace", "run", "--strict"]] {
            assert_eq!(Cli::try_parse_from(line).unwrap_err().exit_code(), 2, "{line:?}");
        }
    }
}
