//! The one error of the situation "an input file cannot be used": where, which field, which value, which rule.

use std::fmt;
use std::path::{Path, PathBuf};

use retrace_core::amount::AmountError;

use crate::input::rule::Rule;
use crate::input::time::TimeFault;

/// The longest part of a value that a message shows, in characters.
const VALUE_SHOWN_MAX: usize = 80;

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
    #[expect(clippy::wildcard_enum_match_arm, reason = "most rules say all there is to say")]
    pub fn hint(&self) -> Option<String> {
        if self.0.hint.is_some() {
            return self.0.hint.clone();
        }
        let field = self.0.field.as_deref().map(last_part);
        let hint = match &self.0.rule {
            Rule::UnknownField { known } => {
                return nearest(field?, known).map(|near| format!("did you mean `{near}`?"));
            }
            Rule::NotOneOf { allowed } => {
                return nearest(self.0.value.as_deref()?, allowed).map(|near| format!("did you mean `{near}`?"));
            }
            Rule::MissingColumn { .. } => "name the file's columns under `columns:` in the session file",
            Rule::Time(TimeFault::NotATime) => {
                "write RFC 3339, `YYYY-MM-DD HH:MM:SS`, a date, or epoch seconds, milliseconds, microseconds or nanoseconds"
            }
            Rule::Amount(AmountError::TooManyDecimals { .. }) => {
                "round it in the file: such digits are mostly left over from floating point"
            }
            Rule::TooManyDigits { .. } => "round the prices in the file, or take a coarser `tick` or `lot`",
            Rule::Middle(AmountError::TooManyDecimals { .. }) => {
                "the middle has one decimal more than its sides: `decimals: 11` in the entry under `market:` makes room"
            }
            Rule::OtherCompression { ending } => return Some(format!("rename it to end in {ending}")),
            Rule::ZipArchive => "unpack it first, or pack the file inside it as .gz, .xz or .zst",
            Rule::PriceNotChosen => "add `price: bid`, `price: ask` or `price: mid` to its entry under `market:`",
            Rule::TooManyRows { .. } => "divide the file, or take a longer timeframe",
            Rule::Damaged { .. } => "fetch or compress the file again",
            Rule::StopRemovedByNull => "leave `stop_loss_price` out to keep the stop as it is",
            Rule::UnknownPlan => "give the NEW_TRADE a `plan_id` of your own; only such plans can be named in a file",
            Rule::Gap { .. } => "leave `gaps` out to allow and count them",
            Rule::ReusedId { .. } => "an id is an idempotency key: give every new instruction an id of its own",
            Rule::Overlaps { .. } => "check `timeframe` in the session file",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.0.file.display())?;
        if let Some(line) = self.0.line {
            write!(f, "{line}:")?;
        }
        if let Some(field) = &self.0.field {
            write!(f, " field `{}`:", printable(field))?;
        }
        if let Some(value) = &self.0.value {
            write!(f, " value `{}`:", printable(value))?;
        }
        write!(f, " {}", printable_rule(&self.0.rule.to_string()))
    }
}

impl std::error::Error for InputProblem {}

/// `text` cut to a readable length, with control characters spelled out: a file may not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(VALUE_SHOWN_MAX).flat_map(spelled_out).collect();
    if text.chars().nth(VALUE_SHOWN_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

fn printable_rule(text: &str) -> String {
    text.chars().flat_map(spelled_out).collect()
}

fn spelled_out(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

fn last_part(field: &str) -> &str {
    field.rsplit('.').next().unwrap_or(field)
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

/// The known word that `word` most likely stands for, if one is near enough.
fn nearest<T: AsRef<str>>(word: &str, known: &[T]) -> Option<String> {
    let word = word.to_lowercase();
    let near = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let contained = word.len() >= 4 && (candidate.contains(&word) || word.contains(&candidate));
        let distance = if contained { 1 } else { edit_distance(&word, &candidate) };
        (distance <= 1 + candidate.len() / 4).then_some(distance)
    };
    let ranked = known.iter().filter_map(|k| near(k.as_ref()).map(|distance| (distance, k.as_ref())));
    ranked.min_by_key(|(distance, _)| *distance).map(|(_, name)| name.to_owned())
}

/// How many letters must be added, removed or replaced to turn one word into the other.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for (&b, pair) in to.iter().zip(row.windows(2)) {
            let (&[diagonal, above], Some(&left)) = (pair, next.last()) else { return usize::MAX };
            next.push((diagonal + usize::from(a != b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
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

    #[test]
    fn a_near_miss_is_recognised() {
        let known = ["target_position_size", "stop_loss_price", "slices"];
        assert_eq!(nearest("slice", &known).as_deref(), Some("slices"));
        assert_eq!(nearest("stop_los_price", &known).as_deref(), Some("stop_loss_price"));
        assert_eq!(nearest("position_size", &known).as_deref(), Some("target_position_size"));
        assert_eq!(nearest("colour", &known), None);
    }
}
