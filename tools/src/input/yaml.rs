//! YAML files that people write, read so that every problem has its field and line. Every scalar is taken as its text, so
//! that no number is rounded by a parser.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Error as YamlError, Location, Spanned};

use crate::input::problem::{InputProblem, path_inside};
use crate::input::rule::Rule;

/// A scalar's text with its place, plain or quoted.
pub(crate) type Text = Spanned<String>;

/// Reads the shape of `text`. Unknown and repeated keys, missing keys and values of the wrong kind are refused here;
/// `explained` says where each key is explained, for those that are missing.
pub(crate) fn parse<T: DeserializeOwned>(file: &Path, text: &str, explained: &str) -> Result<T, InputProblem> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        with_snippet: false,
    };
    let mut place = String::new();
    let parsed = serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            place = error.path().to_string();
            error.into_inner()
        })
    });
    parsed.map_err(|error| yaml_problem(file, (text, explained), &place, &error))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign list that may grow; all the rest is grammar")]
fn yaml_problem(file: &Path, (text, explained): (&str, &str), place: &str, error: &YamlError) -> InputProblem {
    let error = error.without_snippet();
    // `Spanned` shows in paths as a field of its own.
    let place = place.replace(".value", "");
    let place = if place == "." { "" } else { place.as_str() };
    let inside = |field: &str| path_inside(place, field);
    let about = |rule: Rule, field: String| {
        let problem = InputProblem::new(file, rule);
        let problem = if field.is_empty() { problem } else { problem.field(field) };
        match error.location().as_ref().map(Location::line) {
            Some(line @ 1..) => problem.on_line(line),
            _ => problem,
        }
    };
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            let known = expected.iter().map(|&name| name.to_owned()).collect();
            about(Rule::UnknownField { known }, inside(field))
        }
        // A key missing from the whole file is missing from no line.
        YamlError::SerdeMissingField { field, .. } if place.is_empty() => {
            InputProblem::new(file, Rule::Missing).field(*field).with_hint(explained)
        }
        YamlError::SerdeMissingField { field, .. } => about(Rule::Missing, inside(field)).with_hint(explained),
        YamlError::DuplicateMappingKey { key: Some(key), .. } => about(Rule::FieldTwice, inside(key)),
        YamlError::NullIntoString { .. } => about(Rule::Empty, place.to_owned()),
        YamlError::Unexpected { .. }
        | YamlError::SerdeInvalidType { .. }
        | YamlError::SerdeInvalidValue { .. }
        | YamlError::SerdeInvalidLength { .. }
        | YamlError::InvalidScalar { .. } => {
            let problem = about(Rule::WrongType { reason: plainly(&reason(error)) }, place.to_owned());
            match error.location().as_ref().and_then(|at| written_at(text, at)) {
                Some(value) => problem.value(value),
                None => problem,
            }
        }
        _ => about(Rule::Syntax { grammar: "YAML", reason: reason(error) }, place.trim_end_matches(".?").to_owned()),
    }
}

/// What stands at a place of the file, up to the end of its line.
fn written_at<'t>(text: &'t str, at: &Location) -> Option<&'t str> {
    let line = text.lines().nth(usize::try_from(at.line()).ok()?.checked_sub(1)?)?;
    let column = usize::try_from(at.column()).ok()?.checked_sub(1)?;
    let (start, _) = line.char_indices().nth(column)?;
    let (before, rest) = line.split_at_checked(start)?;
    // Inside braces a word ends at the comma; a list or further braces are shown with what follows.
    let in_braces = before.contains('{') && !rest.starts_with(['{', '[']);
    let rest = if in_braces { rest.split([',', '}']).next().unwrap_or(rest) } else { rest };
    Some(rest.trim_end()).filter(|rest| !rest.is_empty())
}

/// The parser's words for what should stand there, as the documentation says it.
fn plainly(reason: &str) -> String {
    match reason {
        "expected string scalar" => "expected a text or a number".to_owned(),
        "expected mapping start" => "expected keys with values".to_owned(),
        "expected sequence start" => "expected a list".to_owned(),
        other => other.to_owned(),
    }
}

/// The parser's sentence without its own mention of the place.
fn reason(error: &YamlError) -> String {
    let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    line.trim_end_matches('.').to_owned()
}
