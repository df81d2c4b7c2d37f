//! YAML files that people write, read so that every problem has its field and line. Every scalar is taken as its text, so
//! that no number is rounded by a parser.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Error as YamlError, Location, Spanned};

use crate::input::problem::{InputProblem, path_inside};
use crate::input::rule::Rule;

/// A scalar's text with its place, plain or quoted.
pub(crate) type Text = Spanned<String>;

/// Reads the shape of `text`. Unknown and repeated keys, missing keys and values of the wrong kind are refused here.
pub(crate) fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, InputProblem> {
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
    parsed.map_err(|error| yaml_problem(file, &place, &error))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign list that may grow; all the rest is grammar")]
fn yaml_problem(file: &Path, place: &str, error: &YamlError) -> InputProblem {
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
            InputProblem::new(file, Rule::Missing).field(*field)
        }
        YamlError::SerdeMissingField { field, .. } => about(Rule::Missing, inside(field)),
        YamlError::DuplicateMappingKey { key: Some(key), .. } => about(Rule::FieldTwice, inside(key)),
        YamlError::NullIntoString { .. } => about(Rule::Empty, place.to_owned()),
        YamlError::Unexpected { .. }
        | YamlError::SerdeInvalidType { .. }
        | YamlError::SerdeInvalidValue { .. }
        | YamlError::SerdeInvalidLength { .. }
        | YamlError::InvalidScalar { .. } => about(Rule::WrongType { reason: reason(error) }, place.to_owned()),
        _ => about(Rule::Syntax { grammar: "YAML", reason: reason(error) }, place.to_owned()),
    }
}

/// The parser's sentence without its own mention of the place.
fn reason(error: &YamlError) -> String {
    let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    line.trim_end_matches('.').to_owned()
}
