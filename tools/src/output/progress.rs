//! The progress bar of a run or an import: on standard error, and only where that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How many rows pass between two looks at the clock.
const ROWS_A_LOOK: u64 = 512;

/// A progress bar over `rows` rows of a tape; shows nothing where standard error is no terminal.
pub(crate) fn over_rows(rows: u64) -> ProgressBar {
    bar("running", rows)
}

/// A progress bar over `sessions` sessions; shows nothing where standard error is no terminal.
pub(crate) fn over_sessions(sessions: u64) -> ProgressBar {
    bar("verifying", sessions)
}

/// The same over the `events` of one session.
pub(crate) fn verifying(events: u64) -> ProgressBar {
    bar("verifying", events)
}

/// A progress bar over `bytes` bytes of a file; shows nothing where standard error is no terminal.
pub(crate) fn over_bytes(bytes: u64) -> ProgressBar {
    bar("importing", bytes)
}

/// A progress bar over `runs` runs of a grid; shows nothing where standard error is no terminal.
pub(crate) fn over_runs(runs: u64) -> ProgressBar {
    bar("running", runs)
}

/// A progress bar over `events` events of two sessions; shows nothing where standard error is no terminal.
pub(crate) fn comparing(events: u64) -> ProgressBar {
    bar("comparing", events)
}

fn bar(doing: &str, whole: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(whole), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template(&format!("{doing}  {{bar:32}}  {{percent}}%  {{eta}} left")) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Moves `bar` to `rows`.
pub(crate) fn moved(bar: &ProgressBar, rows: u64) {
    if rows.is_multiple_of(ROWS_A_LOOK) {
        bar.set_position(rows);
    }
}
