//! What is to be changed: `PATH=VALUE` as a user writes it, and which parts of a session are not for changing.

use std::fmt;

use retrace_core::manifest::Change;

use super::path::{BadPath, Path, PathFault, Reach, Segment, Tally, put};
use crate::input::tree::Tree;

/// The longest value of a change, in bytes.
const VALUE_MAX: usize = 16 * 1024;

/// Keys of a session file that a what-if keeps, with what they are.
const KEPT_OF_SESSION: [(&str, &str); 5] = [
    ("session", "the session's name"),
    ("mode", "how the session meets the world"),
    ("strategy", "whose plans they are"),
    ("market", "the market data"),
    ("gaps", "how the market data is read"),
];

/// Fields of a directive that a what-if keeps, with what they are.
const KEPT_OF_DIRECTIVE: [(&str, &str); 8] = [
    ("directive_id", "a directive's name"),
    ("plan_id", "a plan's name"),
    ("target_plan_ids", "which plans are meant"),
    ("target_group", "which group is meant"),
    ("scope", "what a directive is for"),
    ("action", "what a directive is for"),
    ("legs", "which trades there are"),
    ("instructions", "which trades there are"),
];

/// One change, read and understood, but of no session yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub(super) target: Target,
    /// `None` takes it out.
    value: Option<Tree>,
    change: Change,
}

/// Of what a value is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Of the session file.
    Session(Path),
    /// Of directives.
    Directives {
        /// Which: an id, or `*` for all.
        pick: String,
        /// Where in the directive.
        way: Vec<Segment>,
    },
}

/// A text that is no change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEdit {
    /// Not a path, `=` and a value.
    #[error("`{text}` is not PATH=VALUE")]
    NoValue {
        /// The text.
        text: String,
    },
    /// The path is none.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// The value is none.
    #[error("`{value}` is no value: {reason}")]
    Value {
        /// As it was written.
        value: String,
        /// The parser's words.
        reason: String,
    },
    /// The value is longer than any that a field takes.
    #[error("the value of {path} has {bytes} bytes, and at most {VALUE_MAX} are taken")]
    TooLong {
        /// Where it was to go.
        path: String,
        /// How long it is.
        bytes: usize,
    },
    /// Not for changing.
    #[error("{path} cannot be changed: a what-if keeps {what}")]
    Kept {
        /// Where it stands.
        path: String,
        /// What that is.
        what: &'static str,
    },
    /// Directives without a word on which, or on what of them.
    #[error(
        "{path} does not say which directives, and which of their fields: directives[ID].FIELD, or directives[*].FIELD for all"
    )]
    WhichDirectives {
        /// As it was written.
        path: String,
    },
    /// A list of values with no value in it.
    #[error("`{text}` has no values: PATH=VALUE,VALUE,...")]
    NoValues {
        /// The text.
        text: String,
    },
    /// One value twice on one axis.
    #[error("{path} has the value {value} twice")]
    ValueTwice {
        /// Where it stands.
        path: String,
        /// The value.
        value: String,
    },
}

/// `PATH=VALUE` in two.
pub(super) fn divided(text: &str) -> Result<(&str, &str), BadEdit> {
    let no_value = || BadEdit::NoValue { text: text.to_owned() };
    let (path, value) = text.split_once('=').ok_or_else(no_value)?;
    if value.trim().is_empty() { Err(no_value()) } else { Ok((path.trim(), value.trim())) }
}

/// What a value says, in YAML or JSON.
pub(super) fn read_value(path: &str, value: &str) -> Result<Tree, BadEdit> {
    if value.len() > VALUE_MAX {
        return Err(BadEdit::TooLong { path: path.to_owned(), bytes: value.len() });
    }
    Tree::from_yaml(value).map_err(|no_tree| BadEdit::Value { value: value.to_owned(), reason: no_tree.reason })
}

impl Edit {
    /// `PATH=VALUE` as `--set` takes it.
    ///
    /// # Errors
    /// [`BadEdit`] if it is none, or changes what is not for changing.
    pub fn set(text: &str) -> Result<Self, BadEdit> {
        let (path, value) = divided(text)?;
        Self::to(path, value)
    }

    /// `PATH` as `--unset` takes it: what stands there is taken out.
    ///
    /// # Errors
    /// [`BadEdit`] if it is none, or changes what is not for changing.
    pub fn unset(path: &str) -> Result<Self, BadEdit> {
        let path = path.trim();
        Ok(Self { target: target(path)?, value: None, change: Change { path: path.to_owned(), value: None } })
    }

    /// `value` at `path`.
    pub(super) fn to(path: &str, value: &str) -> Result<Self, BadEdit> {
        let change = Change { path: path.to_owned(), value: Some(value.to_owned()) };
        Ok(Self { target: target(path)?, value: Some(read_value(path, value)?), change })
    }

    /// One that is stored.
    ///
    /// # Errors
    /// [`BadEdit`] if no build of ours stored it.
    pub(super) fn stored(change: &Change) -> Result<Self, BadEdit> {
        match &change.value {
            Some(value) => Self::to(&change.path, value),
            None => Self::unset(&change.path),
        }
    }

    /// It as it is stored.
    pub(crate) const fn change(&self) -> &Change {
        &self.change
    }

    /// Makes the change in `tree`, to which `way` is relative.
    pub(super) fn make(&self, tree: &mut Tree, way: &[Segment], reach: Reach) -> Result<Tally, PathFault> {
        put(tree, way, self.value.as_ref(), reach)
    }

    /// A value goes where one stands already if the path names no single place; a place that is named gets one.
    pub(super) fn reach(&self) -> Reach {
        let stars = |way: &[Segment]| way.iter().any(|segment| *segment == Segment::Pick("*".to_owned()));
        let many = match &self.target {
            Target::Session(path) => stars(path.segments()),
            Target::Directives { pick, way } => pick == "*" || stars(way),
        };
        if many { Reach::Given } else { Reach::Anywhere }
    }
}

impl fmt::Display for Edit {
    /// As on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change.value {
            Some(value) => write!(f, "--set {}={value}", self.change.path),
            None => write!(f, "--unset {}", self.change.path),
        }
    }
}

/// Where a path leads, unless that is not for changing.
fn target(text: &str) -> Result<Target, BadEdit> {
    let path: Path = text.parse()?;
    let kept = |what| BadEdit::Kept { path: text.to_owned(), what };
    let Some((Segment::Field(first), rest)) = path.segments().split_first() else {
        return Err(BadPath::NoName { path: text.to_owned() }.into());
    };
    if first != "directives" {
        if let Some((_, what)) = KEPT_OF_SESSION.iter().find(|(key, _)| key == first) {
            return Err(kept(*what));
        }
        return Ok(Target::Session(path));
    }
    let Some((Segment::Pick(pick), way @ [_, ..])) = rest.split_first() else {
        return Err(BadEdit::WhichDirectives { path: text.to_owned() });
    };
    // `legs[0]` is a trade as a whole; what is inside it may be changed.
    let last = way.iter().rev().find_map(|segment| match segment {
        Segment::Field(name) => Some(name),
        Segment::Pick(_) => None,
    });
    if let Some((_, what)) = KEPT_OF_DIRECTIVE.iter().find(|(key, _)| last.is_some_and(|name| name == key)) {
        return Err(kept(*what));
    }
    Ok(Target::Directives { pick: pick.clone(), way: way.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_path_and_a_value() {
        let edit = Edit::set("directives[A].legs[0].exit_directive.stop_loss_price = 5").unwrap();
        assert_eq!(edit.to_string(), "--set directives[A].legs[0].exit_directive.stop_loss_price=5");
        assert_eq!(Edit::stored(edit.change()), Ok(edit.clone()));
        assert_eq!(edit.reach(), Reach::Anywhere);
        assert_eq!(Edit::set("directives[*].x=1").unwrap().reach(), Reach::Given);
        assert_eq!(Edit::set("instruments[*].lot=1").unwrap().reach(), Reach::Given);
        let gone = Edit::unset("risk").unwrap();
        assert_eq!((gone.to_string().as_str(), Edit::stored(gone.change())), ("--unset risk", Ok(gone.clone())));
    }

    #[test]
    fn what_is_no_change_is_refused() {
        for (text, why) in [
            ("venue.latency_ms", "`venue.latency_ms` is not PATH=VALUE"),
            ("venue.latency_ms= ", "`venue.latency_ms= ` is not PATH=VALUE"),
            ("=5", "`` is not a path: a name is missing"),
            ("venue..fees=1", "`venue..fees` is not a path: a name is missing"),
            ("session=x", "session cannot be changed: a what-if keeps the session's name"),
            ("mode=live", "mode cannot be changed: a what-if keeps how the session meets the world"),
            ("market[0].bars=x", "market[0].bars cannot be changed: a what-if keeps the market data"),
            ("strategy.directives=x", "strategy.directives cannot be changed: a what-if keeps whose plans they are"),
            ("gaps=error", "gaps cannot be changed: a what-if keeps how the market data is read"),
            ("directives[A].plan_id=x", "directives[A].plan_id cannot be changed: a what-if keeps a plan's name"),
            (
                "directives[A].legs[0]={}",
                "directives[A].legs[0] cannot be changed: a what-if keeps which trades there are",
            ),
            ("directives[*].scope=X", "directives[*].scope cannot be changed: a what-if keeps what a directive is for"),
        ] {
            assert_eq!(Edit::set(text).unwrap_err().to_string(), why);
        }
        for text in ["directives=x", "directives[*]=x", "directives.A.x=1"] {
            assert!(matches!(Edit::set(text), Err(BadEdit::WhichDirectives { .. })), "{text}");
        }
        for text in ["venue=@5", "venue={a", "venue=[1, 2"] {
            assert!(matches!(Edit::set(text), Err(BadEdit::Value { .. })), "{text}");
        }
        assert!(matches!(Edit::set(&format!("a={}", "x".repeat(20_000))), Err(BadEdit::TooLong { .. })));
    }
}
