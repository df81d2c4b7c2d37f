//! The colours, by meaning. Every one of them only repeats what the text says.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const ALARM: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NOTICE: Style = AnsiColor::Yellow.on_default();
pub(crate) const PROTECTION: Style = AnsiColor::Magenta.on_default();
pub(crate) const INTENT: Style = AnsiColor::Cyan.on_default().bold();

pub(crate) const ERROR: Style = ALARM;
pub(crate) const WARNING: Style = NOTICE.bold();
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();

/// `text` in a style.
pub(crate) fn painted(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
