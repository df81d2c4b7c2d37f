//! Why there is no what-if.

use std::path::PathBuf;

use retrace_core::ids::SessionName;
use retrace_core::manifest::Mode;
use retrace_replay::continuing::NotContinued;

use super::edit::BadEdit;
use super::path::PathFault;
use crate::error::{not_continued_code, not_continued_hint};
use crate::input::hint::{did_you_mean, nearest};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// Why a session cannot be run with something changed. Nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// Only a backtest has a venue and a market that are there to be run again.
    #[error("session {session} is no backtest but {mode}: nothing of it can be changed and run again")]
    NotABacktest {
        /// The session.
        session: SessionName,
        /// What it is.
        mode: Mode,
    },
    /// More than one change is for one place.
    #[error("{path} is changed more than once")]
    Twice {
        /// Where.
        path: String,
    },
    /// With what is changed, it does not go on from the session that it continues.
    #[error("{}: it no longer goes on from the session that it continues: {source}", edits.join(" "))]
    NotContinued {
        /// As on the command line.
        edits: Vec<String>,
        /// Why.
        source: Box<NotContinued>,
    },
    /// A file that it was run on cannot be used.
    #[error("session {session} cannot be run again: {source}")]
    Parent {
        /// The session.
        session: SessionName,
        /// What is wrong, and where.
        source: InputProblem,
    },
    /// The market files are others.
    #[error("session {session} cannot be run again: the market files are not those that it was run on")]
    OtherMarket {
        /// The session.
        session: SessionName,
    },
    /// The directive file is another.
    #[error("session {session} cannot be run again: {} is not the directive file that it was run on", path.display())]
    OtherDirectives {
        /// The session.
        session: SessionName,
        /// The file.
        path: PathBuf,
    },
    /// The session file that is kept beside the log is another.
    #[error(
        "session {session} cannot be run again: the session file kept beside its log is not the one that it was run with"
    )]
    OtherConfig {
        /// The session.
        session: SessionName,
    },
    /// A change that was stored cannot be read.
    #[error(transparent)]
    Edit(BadEdit),
    /// A path leads nowhere.
    #[error("{edit}: {fault}")]
    Path {
        /// The change, as on the command line.
        edit: String,
        /// Why.
        fault: PathFault,
    },
    /// A value that stands nowhere.
    #[error("{edit}: it stands nowhere, so that nothing would be changed")]
    Nowhere {
        /// The change, as on the command line.
        edit: String,
        /// Its path.
        path: String,
    },
    /// A directive that there is not.
    #[error("{edit}: there is no directive {id}")]
    NoDirective {
        /// The change, as on the command line.
        edit: String,
        /// The id.
        id: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// What comes of the changes is refused as a file that said the same would be.
    #[error("{}: {}{}", edits.join(" "), place(problem, *in_directives), problem.sentence())]
    Refused {
        /// The changes that brought it about, as on the command line.
        edits: Vec<String>,
        /// It is about a line of the directive file, and not about the session file.
        in_directives: bool,
        /// What is wrong.
        problem: InputProblem,
    },
    /// More than can be kept.
    #[error("the changes of this session and of those before it have {bytes} bytes, and at most {max} are kept")]
    TooLong {
        /// How many.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// A grid of too many runs.
    #[error("this grid has {runs} runs, and at most {max} are made")]
    TooManyRuns {
        /// How many.
        runs: u128,
        /// The bound.
        max: usize,
    },
    /// Two runs of a grid would have one name.
    #[error("two runs of this grid would be called {name}")]
    NameTwice {
        /// The name.
        name: SessionName,
    },
    /// It was begun and never came to its end.
    #[error("session {session} is in the store already, and was interrupted")]
    Interrupted {
        /// The session.
        session: SessionName,
    },
}

/// Where in the directive file; the session file is written anew, and has no lines that anyone has seen.
fn place(problem: &InputProblem, in_directives: bool) -> String {
    match problem.line() {
        Some(line) if in_directives => format!("{}:{line}: ", problem.file().display()),
        _ => String::new(),
    }
}

impl WhatIfError {
    /// What an input file would be told, where it is that.
    pub(crate) const fn input(&self) -> Option<&InputProblem> {
        if let Self::Parent { source: problem, .. } | Self::Refused { problem, .. } = self {
            return Some(problem);
        }
        None
    }

    /// The problem whose file and line are those of a file that there is.
    pub(crate) const fn in_a_file(&self) -> Option<&InputProblem> {
        if let Self::Parent { source: problem, .. } | Self::Refused { problem, in_directives: true, .. } = self {
            return Some(problem);
        }
        None
    }

    /// The name of what went wrong, for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotABacktest { .. } => "not_a_backtest",
            Self::Twice { .. } => "changed_twice",
            Self::NotContinued { source, .. } => not_continued_code(source),
            Self::Parent { source: problem, .. } | Self::Refused { problem, .. } => problem.rule().code(),
            Self::OtherMarket { .. } => "other_market",
            Self::OtherDirectives { .. } => "other_directives",
            Self::OtherConfig { .. } => "other_session_file",
            Self::Edit(_) => "usage",
            Self::Path { .. } => "no_such_place",
            Self::Nowhere { .. } => "stands_nowhere",
            Self::NoDirective { .. } => "no_directive",
            Self::TooLong { .. } => "changes_too_long",
            Self::TooManyRuns { .. } => "too_many_runs",
            Self::NameTwice { .. } | Self::Interrupted { .. } => "session_exists",
        }
    }

    /// What to do about it, where something useful can be said.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotABacktest { .. } => "run its strategy as a backtest first, and change that",
            Self::Twice { .. } => "leave one of them; --grid takes several values for one place",
            Self::NotContinued { source, .. } => return Some(not_continued_hint(source)),
            Self::OtherMarket { .. } => "--market-dir DIR looks for the market files in another folder",
            Self::OtherDirectives { .. } => "--directives FILE names the file as it was",
            Self::OtherConfig { .. } => {
                "what stands beside a log is vouched for by nothing; run the session file itself"
            }
            Self::Parent { source, .. } if matches!(source.rule(), Rule::Unreadable { .. }) => {
                "--market-dir DIR and --directives FILE say where its files are now"
            }
            Self::Parent { source, .. } => return source.hint(),
            Self::Refused { problem, edits, .. } => {
                if let Rule::Excludes { other } = problem.rule()
                    && let Some(hint) = edits.first().and_then(|edit| taking_out(edit, other))
                {
                    return Some(hint);
                }
                return problem.hint();
            }
            Self::Nowhere { path, .. } if path.contains('*') => {
                return Some(if path.starts_with("directives[*]") {
                    "with * a value is changed where one is given; directives[ID] gives one to that directive"
                        .to_owned()
                } else {
                    "with * a value is changed where one is given; a name in place of the * gives one there".to_owned()
                });
            }
            Self::NoDirective { id, known, .. } => {
                return nearest(id, known).map(did_you_mean).or_else(|| Some(format!("there are {}", some_of(known))));
            }
            Self::TooManyRuns { .. } => "take fewer values",
            Self::NameTwice { .. } => "leave --keep out, or record them one by one with --set and --session NAME",
            Self::Interrupted { session } => return Some(format!("`retrace run --resume {session}` goes on with it")),
            Self::Nowhere { .. } | Self::Edit(_) | Self::Path { .. } | Self::TooLong { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// The word that takes out a field beside the one that `edit` gives.
fn taking_out(edit: &str, other: &str) -> Option<String> {
    let (path, _) = edit.strip_prefix("--set ")?.split_once('=')?;
    let (around, _) = path.rsplit_once('.')?;
    Some(format!("--unset {around}.{other} takes the other one out"))
}

/// The first few names.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
