//! The one error of the situation "an input file cannot be used": where, which field, which value, which rule.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::input::hint;
use crate::input::rule::Rule;

/// The longest part of a value that a message shows, in characters.
pub(crate) const VALUE_SHOWN_MAX: usize = 80;

/// The longest part of a rule that a message shows, in characters: it may quote the file, too.
const RULE_SHOWN_MAX: usize = 600;

/// Why an input file cannot be used. Displays as one sentence: `file:line: field `x`: value `y`: rule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputProblem(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    file: PathBuf,
    line: Option<u64>,
    field: Option<String>,
    value: Option<String>,
    rule: Rule,
    hint: Option<String>,
}

impl InputProblem {
    /// A problem with the whole of `file`.
    pub fn new(file: &Path, rule: Rule) -> Self {
        let parts = Parts { file: file.to_owned(), line: None, field: None, value: None, rule, hint: None };
        Self(Box::new(parts))
    }

    /// The same, on this line; the first is 1.
    #[must_use]
    pub fn on_line(mut self, line: u64) -> Self {
        self.0.line = Some(line);
        self
    }

    /// The same, about this field: a column, or a path such as `venue.fees.taker`.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// The same, about this value, as the file has it.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.0.value = Some(value.into());
        self
    }

    /// The same, with this advice in place of the rule's own.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The file that cannot be used.
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// The line, where it is known; the first is 1.
    pub fn line(&self) -> Option<u64> {
        self.0.line
    }

    /// The field, where there is one.
    pub fn field_name(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The value, where there is one, as the file has it.
    pub fn value_text(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// The rule that was broken.
    pub fn rule(&self) -> &Rule {
        &self.0.rule
    }

    /// What to do about it, where something useful can be said. One sentence without a final dot.
    pub fn hint(&self) -> Option<String> {
        let Parts { field, value, rule, hint, .. } = &*self.0;
        hint.clone().or_else(|| hint::hint(rule, field.as_deref(), value.as_deref()))
    }

    /// The sentence without the place: `field `x`: value `y`: rule`.
    pub(crate) fn sentence(&self) -> String {
        let Parts { field, value, rule, .. } = &*self.0;
        let field = field.as_ref().map(|field| format!("field `{}`: ", printable(field, VALUE_SHOWN_MAX)));
        let value = value.as_ref().map(|value| format!("value `{}`: ", printable(value, VALUE_SHOWN_MAX)));
        let rule = printable(&rule.to_string(), RULE_SHOWN_MAX);
        format!("{}{}{rule}", field.unwrap_or_default(), value.unwrap_or_default())
    }
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.0.file.display())?;
        if let Some(line) = self.0.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.sentence())
    }
}

impl std::error::Error for InputProblem {}

/// `text` cut to a readable length, with control characters spelled out: a file may not steer the terminal.
pub(crate) fn printable(text: &str, length_max: usize) -> String {
    let mut shown: String = text.chars().take(length_max).flat_map(spelled_out).collect();
    if text.chars().nth(length_max).is_some() {
        shown.push_str("...");
    }
    shown
}

fn spelled_out(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// The path of `field` inside `place`, which may end in it already: parsers differ in what they call the place.
pub(super) fn path_inside(place: &str, field: &str) -> String {
    let place = place.trim_end_matches('?').trim_end_matches('.');
    let ends_in_it = place.strip_suffix(field).is_some_and(|parent| parent.is_empty() || parent.ends_with('.'));
    match (place.is_empty(), ends_in_it) {
        (true, _) => field.to_owned(),
        (false, true) => place.to_owned(),
        (false, false) => format!("{place}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_steer_the_terminal_or_fill_the_screen() {
        let problem =
            InputProblem::new(Path::new("x.csv"), Rule::Number(crate::input::number::NumberFault::NotANumber))
                .on_line(7)
                .field("open")
                .value(format!("\u{1b}[31m{}", "9".repeat(200)));
        let text = problem.to_string();
        assert!(text.starts_with("x.csv:7: field `open`: value `\\u{1b}[31m999"), "{text}");
        assert!(text.ends_with("999...`: is not a number") && text.len() < 160, "{text}");
    }
}
