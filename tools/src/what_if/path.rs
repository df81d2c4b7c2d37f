//! Where in a session file or in directives a value stands: `venue.fees.taker`,
//! `directives[ENTRY_1].legs[0].exit_directive.stop_loss_price`.

use std::fmt;
use std::str::FromStr;

use crate::input::tree::Tree;

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field by its name.
    Field(String),
    /// In brackets: `*`, the number of a list's element from 0, or its symbol or id.
    Pick(String),
}

/// The way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Segment>);

/// A text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Nothing stands where a name should.
    #[error("`{path}` is not a path: a name is missing")]
    NoName {
        /// The text.
        path: String,
    },
    /// A bracket without its partner, or something behind it that is neither a dot nor a bracket.
    #[error("`{path}` is not a path: brackets go round one word and end in a dot, another bracket or the end")]
    Brackets {
        /// The text.
        path: String,
    },
}

impl FromStr for Path {
    type Err = BadPath;

    fn from_str(path: &str) -> Result<Self, BadPath> {
        let no_name = || BadPath::NoName { path: path.to_owned() };
        let brackets = || BadPath::Brackets { path: path.to_owned() };
        let mut segments = Vec::new();
        let mut rest = path;
        loop {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            if name.trim().is_empty() {
                return Err(no_name());
            }
            segments.push(Segment::Field(name.trim().to_owned()));
            rest = behind;
            while let Some(inside) = rest.strip_prefix('[') {
                let (pick, behind) = inside.split_once(']').ok_or_else(brackets)?;
                if pick.trim().is_empty() || pick.contains('[') {
                    return Err(brackets());
                }
                segments.push(Segment::Pick(pick.trim().to_owned()));
                rest = behind;
            }
            if rest.is_empty() {
                return Ok(Self(segments));
            }
            rest = rest.strip_prefix('.').ok_or_else(brackets)?;
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(&self.0, f)
    }
}

fn written(segments: &[Segment], f: &mut impl fmt::Write) -> fmt::Result {
    for (place, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Field(name) if place == 0 => f.write_str(name)?,
            Segment::Field(name) => write!(f, ".{name}")?,
            Segment::Pick(pick) => write!(f, "[{pick}]")?,
        }
    }
    Ok(())
}

impl Path {
    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }
}

/// What is wrong with the way to a value in a given tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// A field of a value that has none.
    #[error("`{place}` has no fields")]
    NoFields {
        /// The way so far.
        place: String,
    },
    /// A field of a list.
    #[error("`{place}` is a list: an element of it is `{place}[0]`, all are `{place}[*]`")]
    IsAList {
        /// The way so far.
        place: String,
    },
    /// An element that a list does not have.
    #[error("`{place}` has no element `{pick}`: it has {}", elements(*has))]
    NoElement {
        /// The way so far.
        place: String,
        /// What was to be picked.
        pick: String,
        /// How many elements it has.
        has: usize,
    },
}

fn elements(has: usize) -> String {
    match has {
        0 => "none".to_owned(),
        1 => "one, number 0".to_owned(),
        more => format!("{more}, from 0 to {}", more - 1),
    }
}

/// How far an edit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// A value is put where one stands, and nowhere else.
    Given,
    /// A value is put where there was none, too, with all that has to be around it.
    Anywhere,
}

/// What an edit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many values are others now.
    pub(crate) changed: u64,
    /// How many said the same before.
    pub(crate) same: u64,
}

impl Tally {
    const fn one_changed() -> Self {
        Self { changed: 1, same: 0 }
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, tally| Self {
            changed: sum.changed + tally.changed,
            same: sum.same + tally.same,
        })
    }
}

/// Puts `value` where `way` leads in `tree`, or takes out what stands there where that is `None`.
pub(super) fn put(tree: &mut Tree, way: &[Segment], value: Option<&Tree>, reach: Reach) -> Result<Tally, PathFault> {
    Putting { whole: way, value, reach }.at(tree, 0)
}

/// Whether a file's `key` is the field `name`; how a directive is carried out has two names.
fn is_called(key: &str, name: &str) -> bool {
    const ALIKE: [&str; 2] = ["execution_directive", "execution_hint"];
    key == name || (ALIKE.contains(&key) && ALIKE.contains(&name))
}

/// The value where `way` leads, once for every place that it leads to.
pub(super) fn get<'t>(tree: &'t Tree, way: &[Segment], found: &mut Vec<&'t Tree>) {
    let Some((segment, rest)) = way.split_first() else {
        found.push(tree);
        return;
    };
    match (segment, tree) {
        (Segment::Field(name), Tree::Map(members)) => {
            if let Some((_, member)) = members.iter().find(|(key, _)| is_called(key, name)) {
                get(member, rest, found);
            }
        }
        (Segment::Pick(pick), Tree::Map(members)) => {
            for (_, member) in members.iter().filter(|(key, _)| pick == "*" || key == pick) {
                get(member, rest, found);
            }
        }
        (Segment::Pick(pick), Tree::List(members)) => {
            for member in picked(members, pick).into_iter().filter_map(|place| members.get(place)) {
                get(member, rest, found);
            }
        }
        (Segment::Field(_), Tree::List(_)) | (_, Tree::Scalar(_)) => {}
    }
}

/// The elements that `pick` means.
fn picked(members: &[Tree], pick: &str) -> Vec<usize> {
    if pick == "*" {
        return (0..members.len()).collect();
    }
    if let Ok(place) = pick.parse::<usize>() {
        return (place..members.len()).take(1).collect();
    }
    let names = ["symbol", "plan_id"];
    let is_it = |member: &Tree| names.iter().any(|name| member.member(name).and_then(Tree::text) == Some(pick));
    members.iter().enumerate().filter(|(_, member)| is_it(member)).map(|(place, _)| place).collect()
}

struct Putting<'a> {
    whole: &'a [Segment],
    value: Option<&'a Tree>,
    reach: Reach,
}

impl Putting<'_> {
    /// The way to the segment `depth`, as it is written.
    fn place(&self, depth: usize) -> String {
        let mut text = String::new();
        let _ = written(self.whole.get(..depth).unwrap_or_default(), &mut text);
        text
    }

    /// Goes on from `tree`, to which the first `depth` segments led.
    fn at(&self, tree: &mut Tree, depth: usize) -> Result<Tally, PathFault> {
        let Some(segment) = self.whole.get(depth) else {
            // What is to be taken out is taken out of what holds it.
            let Some(value) = self.value else { return Ok(Tally::default()) };
            if tree.says_the_same(value) {
                return Ok(Tally { changed: 0, same: 1 });
            }
            *tree = value.clone();
            return Ok(Tally::one_changed());
        };
        if tree.is_null() {
            if self.reach == Reach::Given || self.value.is_none() {
                return Ok(Tally::default());
            }
            *tree = Tree::empty();
        }
        match (segment, tree) {
            (Segment::Field(name), Tree::Map(members)) => self.member(members, name, depth),
            (Segment::Pick(pick), Tree::Map(members)) if pick == "*" => {
                let names: Vec<String> = members.iter().map(|(key, _)| key.clone()).collect();
                names.iter().map(|name| self.member(members, name, depth)).sum()
            }
            (Segment::Pick(pick), Tree::Map(members)) => self.member(members, pick, depth),
            (Segment::Pick(pick), Tree::List(members)) => self.elements(members, pick, depth),
            (Segment::Field(_), Tree::List(_)) => Err(PathFault::IsAList { place: self.place(depth) }),
            (_, Tree::Scalar(_)) => Err(PathFault::NoFields { place: self.place(depth) }),
        }
    }

    fn member(&self, members: &mut Vec<(String, Tree)>, name: &str, depth: usize) -> Result<Tally, PathFault> {
        let is_last = depth + 1 == self.whole.len();
        if is_last && self.value.is_none() {
            let before = members.len();
            members.retain(|(key, _)| !is_called(key, name));
            return Ok(Tally { changed: u64::from(members.len() < before), same: 0 });
        }
        match (members.iter_mut().find(|(key, _)| is_called(key, name)), self.value) {
            (Some((_, member)), _) => self.at(member, depth + 1),
            (None, Some(_)) if self.reach == Reach::Anywhere => {
                let mut member = Tree::empty();
                self.at(&mut member, depth + 1)?;
                members.push((name.to_owned(), member));
                Ok(Tally::one_changed())
            }
            (None, _) => Ok(Tally::default()),
        }
    }

    fn elements(&self, members: &mut Vec<Tree>, pick: &str, depth: usize) -> Result<Tally, PathFault> {
        let places = picked(members, pick);
        if places.is_empty() && pick != "*" {
            let (place, pick, has) = (self.place(depth), pick.to_owned(), members.len());
            return Err(PathFault::NoElement { place, pick, has });
        }
        if depth + 1 == self.whole.len() && self.value.is_none() {
            for place in places.iter().rev() {
                members.remove(*place);
            }
            return Ok(Tally { changed: places.len() as u64, same: 0 });
        }
        let picked = members.iter_mut().enumerate().filter(|(place, _)| places.contains(place));
        let each = picked.map(|(_, member)| self.at(member, depth + 1));
        each.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_is_written_as_it_was_read() {
        for text in ["venue", "venue.fees.taker", "directives[*].legs[0].exit_directive", "risk.symbols.BTC/USDT.x"] {
            assert_eq!(path(text).to_string(), text);
        }
        assert_eq!(path("directives[A.B:C-1].x").segments()[1], Segment::Pick("A.B:C-1".into()));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "[0]", "a.[0]"] {
            assert!(matches!(text.parse::<Path>(), Err(BadPath::NoName { .. })), "{text:?}");
        }
        for text in ["a[", "a[]", "a[0", "a]", "a[0]b", "a[[0]]", "a[ ]"] {
            assert!(matches!(text.parse::<Path>(), Err(BadPath::Brackets { .. })), "{text:?}");
        }
    }

    /// The tree after an edit, as JSON, with how many values were changed and how many said the same.
    fn edited(way: &str, value: Option<&str>, reach: Reach) -> (String, u64, u64) {
        let mut tree = Tree::from_json(
            r#"{"venue":{"fees":{"taker":"0.1"}},"risk":null,"list":[{"symbol":"A/B","x":1},{"symbol":"C/D"}]}"#,
        )
        .unwrap();
        let value = value.map(|value| Tree::from_yaml(value).unwrap());
        let tally = put(&mut tree, path(way).segments(), value.as_ref(), reach).unwrap();
        (tree.to_json(), tally.changed, tally.same)
    }

    #[test]
    fn a_value_is_put_where_the_way_leads() {
        let start = r#""venue":{"fees":{"taker":"0.1"}},"risk":null,"list":[{"symbol":"A/B","x":1},{"symbol":"C/D"}]"#;
        let with = |from: &str, to: &str, changed, same| (format!("{{{}}}", start.replace(from, to)), changed, same);
        let anywhere = |way, value| edited(way, Some(value), Reach::Anywhere);
        assert_eq!(anywhere("venue.fees.taker", "0.2"), with(r#""0.1""#, "0.2", 1, 0));
        assert_eq!(anywhere("venue.fees.taker", "0.10"), with("", "", 0, 1));
        assert_eq!(anywhere("venue.latency_ms", "5"), with(r#""0.1"}"#, r#""0.1"},"latency_ms":5"#, 1, 0));
        assert_eq!(anywhere("risk.max.a", "5"), with("null", r#"{"max":{"a":5}}"#, 1, 0));
        assert_eq!(anywhere("list[1].x", "2"), with(r#""C/D""#, r#""C/D","x":2"#, 1, 0));
        assert_eq!(anywhere("list[C/D].x", "2"), with(r#""C/D""#, r#""C/D","x":2"#, 1, 0));
        assert_eq!(edited("list[*].x", Some("2"), Reach::Given), with(r#""x":1"#, r#""x":2"#, 1, 0));
        assert_eq!(edited("venue[*].taker", Some("2"), Reach::Given), with(r#""0.1""#, "2", 1, 0));
        assert_eq!(edited("venue.fees.maker", Some("2"), Reach::Given), with("", "", 0, 0));
    }

    #[test]
    fn a_value_is_taken_out() {
        assert_eq!(edited("venue.fees.taker", None, Reach::Anywhere).0[..22], *r#"{"venue":{"fees":{}},""#);
        assert_eq!(edited("venue.fees.maker", None, Reach::Anywhere).1, 0);
        assert!(edited("list[0]", None, Reach::Anywhere).0.ends_with(r#""list":[{"symbol":"C/D"}]}"#));
        assert!(edited("list[*].x", None, Reach::Given).0.ends_with(r#""list":[{"symbol":"A/B"},{"symbol":"C/D"}]}"#));
        assert!(edited("risk.max.a", None, Reach::Given).1 == 0);
    }
}
