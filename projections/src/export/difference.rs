//! Where a line of a file first says something else than the line made again from its frame.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::event_view::UNKNOWN_KIND;

/// How much of a value is shown.
const SHOWN: usize = 80;

/// A field with two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: String,
    /// The place in `events`, where it lies in one.
    pub(super) event: Option<usize>,
    pub(super) file: String,
    pub(super) made: String,
}

/// The places of those `events` in a file that a newer build showed which knows their kind, while `unknown` says that
/// this one does not: what stands there as their `kind` and `data` cannot be judged here.
pub(super) fn foreign_events(file: &Value, unknown: &dyn Fn(usize) -> bool) -> BTreeSet<usize> {
    let events = file.get("events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let kind = |event: &Value| event.get("kind").and_then(Value::as_str).map(str::to_owned);
    let shown = |event: &Value| kind(event).is_some_and(|kind| !kind.starts_with(UNKNOWN_KIND));
    let places = events.iter().enumerate().filter(|(place, event)| unknown(*place) && shown(event));
    places.map(|(place, _)| place).collect()
}

/// The first difference in what two lines say, in the order of the line made again, but for the kinds and data of
/// `foreign` events; `None` where they only say it in other words.
pub(super) fn first_difference(file: &Value, made: &Value, foreign: &BTreeSet<usize>) -> Option<Difference> {
    Walk { path: Vec::new(), foreign }.values(Some(file), Some(made))
}

#[derive(Clone)]
enum Part {
    Field(String),
    Place(usize),
}

struct Walk<'a> {
    path: Vec<Part>,
    foreign: &'a BTreeSet<usize>,
}

impl Walk<'_> {
    /// Both lines were parsed, so neither is nested deeper than the parser goes.
    fn values(&mut self, file: Option<&Value>, made: Option<&Value>) -> Option<Difference> {
        if file == made || self.is_foreign(file) {
            return None;
        }
        match (file, made) {
            (Some(Value::Object(file)), Some(Value::Object(made))) => {
                let added = file.keys().filter(|key| !made.contains_key(*key));
                let keys: Vec<&String> = made.keys().chain(added).collect();
                keys.into_iter().find_map(|key| self.inside(Part::Field(key.clone()), file.get(key), made.get(key)))
            }
            (Some(Value::Array(file)), Some(Value::Array(made))) => (0..file.len().max(made.len()))
                .find_map(|place| self.inside(Part::Place(place), file.get(place), made.get(place))),
            (file, made) => Some(self.difference(file, made)),
        }
    }

    fn inside(&mut self, part: Part, file: Option<&Value>, made: Option<&Value>) -> Option<Difference> {
        self.path.push(part);
        let found = self.values(file, made);
        self.path.pop();
        found
    }

    fn event(&self) -> Option<usize> {
        match self.path.as_slice() {
            [Part::Field(field), Part::Place(place), ..] if field == "events" => Some(*place),
            _ => None,
        }
    }

    fn is_foreign(&self, file: Option<&Value>) -> bool {
        let own = matches!(self.path.as_slice(), [_, _, Part::Field(field)] if field == "kind" || field == "data");
        own && file.is_some() && self.event().is_some_and(|place| self.foreign.contains(&place))
    }

    fn difference(&self, file: Option<&Value>, made: Option<&Value>) -> Difference {
        let mut path = String::new();
        for part in &self.path {
            match part {
                Part::Field(field) if path.is_empty() => path.push_str(&shortened(field)),
                Part::Field(field) => path.extend([".", &shortened(field)]),
                Part::Place(place) => path.extend(["[", &place.to_string(), "]"]),
            }
        }
        Difference { path, event: self.event(), file: shown(file, "absent"), made: shown(made, "nothing of it") }
    }
}

fn shown(value: Option<&Value>, none: &str) -> String {
    value.map_or_else(|| none.to_owned(), |value| shortened(&value.to_string()))
}

/// At most [`SHOWN`] characters of a text that a file may have made as long as it likes.
pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN.saturating_sub(3)).chain("...".chars()).collect()
}
