//! A session file or a directive line as a tree of texts, to change a value and write it out again. A number stays the
//! text that it was.

use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_saphyr::Spanned;

use crate::input::number;

/// Lists and maps inside one another stop here; no file of ours goes half as deep.
const DEPTH_MAX: usize = 64;

/// A value of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// A text or a number.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Tree>),
    /// Values by name, in the order of the file.
    Map(Vec<(String, Tree)>),
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// Its text, without quotes.
    text: String,
    /// It stood between quotes, or must: a text, whatever it looks like.
    quoted: bool,
}

/// A text that is no tree.
#[derive(Debug)]
pub(crate) struct NoTree {
    /// In the parser's words.
    pub(crate) reason: String,
}

impl Tree {
    /// What YAML says, which may be one scalar.
    pub(crate) fn from_yaml(text: &str) -> Result<Self, NoTree> {
        // Places are counted from behind the mark that some editors put in front.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
            merge_keys: serde_saphyr::MergeKeyPolicy::Error,
            with_snippet: false,
        };
        let parsed: Spanned<YamlNode> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let reason = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let reason = reason.lines().next().unwrap_or_default();
            NoTree { reason: reason.split(" at line ").next().unwrap_or_default().trim_end_matches('.').to_owned() }
        })?;
        Self::of_yaml(parsed, text, 0)
    }

    /// What a JSON text says.
    pub(crate) fn from_json(text: &str) -> Result<Self, NoTree> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| NoTree { reason: error.to_string() })?;
        Self::of_json(raw, 0)
    }

    fn of_yaml(node: Spanned<YamlNode>, text: &str, depth: usize) -> Result<Self, NoTree> {
        check_depth(depth)?;
        let span = node.defined.span();
        let written = || {
            let start = usize::try_from(span.byte_offset()?).ok()?;
            let length = usize::try_from(span.byte_len()?).ok()?;
            text.get(start..start.checked_add(length)?)
        };
        Ok(match node.value {
            YamlNode::Text(value) => {
                let quoted = written() != Some(value.as_str());
                Self::Scalar(Scalar { text: value, quoted })
            }
            // The parser has made a number, a boolean or nothing of it; what counts is what was written.
            YamlNode::Plain => {
                let text = written().ok_or_else(|| NoTree { reason: "a value has no place".to_owned() })?;
                Self::Scalar(Scalar { text: text.trim().to_owned(), quoted: false })
            }
            YamlNode::List(members) => {
                let members = members.into_iter().map(|member| Self::of_yaml(member, text, depth + 1));
                Self::List(members.collect::<Result<_, _>>()?)
            }
            YamlNode::Map(members) => {
                let members = members.into_iter().map(|(key, value)| Ok((key, Self::of_yaml(value, text, depth + 1)?)));
                Self::Map(members.collect::<Result<_, NoTree>>()?)
            }
        })
    }

    fn of_json(raw: &RawValue, depth: usize) -> Result<Self, NoTree> {
        check_depth(depth)?;
        let text = raw.get();
        let wrong = |error: serde_json::Error| NoTree { reason: error.to_string() };
        Ok(match text.bytes().next() {
            Some(b'{') => {
                let JsonMembers(members) = serde_json::from_str(text).map_err(wrong)?;
                let members = members.into_iter().map(|(key, value)| Ok((key, Self::of_json(&value, depth + 1)?)));
                Self::Map(members.collect::<Result<_, NoTree>>()?)
            }
            Some(b'[') => {
                let members: Vec<Box<RawValue>> = serde_json::from_str(text).map_err(wrong)?;
                let members = members.iter().map(|member| Self::of_json(member, depth + 1));
                Self::List(members.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::Scalar(Scalar { text: serde_json::from_str(text).map_err(wrong)?, quoted: true }),
            _ => Self::Scalar(Scalar { text: text.to_owned(), quoted: false }),
        })
    }

    /// An empty map.
    pub(crate) const fn empty() -> Self {
        Self::Map(Vec::new())
    }

    /// The member of that name, of a map.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            Self::Scalar(_) | Self::List(_) => None,
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => Some(&scalar.text),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Nothing: a key without a value, or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Scalar { text, quoted: false }) if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Whether it says the same: `0.50` and `"0.5"` do.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(one), Self::Scalar(two)) => {
                let number =
                    |scalar: &Scalar| number::parse(&scalar.text).ok().map(|number: Decimal| number.normalize());
                let equal = one.text == two.text || number(one).is_some_and(|value| number(two) == Some(value));
                equal && self.is_null() == other.is_null()
            }
            (Self::List(one), Self::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.says_the_same(two))
            }
            (Self::Map(one), Self::Map(two)) => {
                let same = |(key, value): &(String, Self)| other.member(key).is_some_and(|it| it.says_the_same(value));
                one.len() == two.len() && one.iter().all(same)
            }
            _ => false,
        }
    }

    /// It as YAML, a line a value, which reads back as the same tree.
    pub(crate) fn to_yaml(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Map(members) if !members.is_empty() => yaml_map(members, 0, &mut text),
            Self::List(members) if !members.is_empty() => yaml_list(members, 0, &mut text),
            Self::Scalar(_) | Self::List(_) | Self::Map(_) => {
                text.push_str(&yaml_leaf(self));
                text.push('\n');
            }
        }
        text
    }

    /// It on one line, as a user would write it: a text without quotes where it needs none.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.to_yaml(),
            Self::List(_) | Self::Map(_) => self.to_json(),
        }
    }

    /// It as JSON on one line.
    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.to_json(),
            Self::List(members) => {
                let members: Vec<String> = members.iter().map(Self::to_json).collect();
                format!("[{}]", members.join(","))
            }
            Self::Map(members) => {
                let member = |(key, value): &(String, Self)| format!("{}:{}", quoted(key), value.to_json());
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

fn check_depth(depth: usize) -> Result<(), NoTree> {
    if depth > DEPTH_MAX {
        return Err(NoTree { reason: format!("it goes more than {DEPTH_MAX} lists and maps deep") });
    }
    Ok(())
}

impl Scalar {
    fn to_json(&self) -> String {
        let Self { text, quoted: is_quoted } = self;
        // Whatever else YAML lets stand without quotes is a text: JSON has no such.
        let is_json = || serde_json::from_str::<&RawValue>(text).is_ok();
        if !is_quoted && is_json() { text.clone() } else { quoted(text) }
    }

    fn to_yaml(&self) -> String {
        let Self { text, quoted: is_quoted } = self;
        if *is_quoted || text.contains(['\n', '\r']) { quoted(text) } else { text.clone() }
    }
}

/// A text between quotes, as JSON has it and YAML reads it, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn yaml_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.');
    let begins = key.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && key.chars().all(plain) { key.to_owned() } else { quoted(key) }
}

fn yaml_map(members: &[(String, Tree)], indent: usize, text: &mut String) {
    for (key, value) in members {
        text.push_str(&" ".repeat(indent));
        text.push_str(&yaml_key(key));
        text.push(':');
        yaml_value(value, indent, text);
    }
}

fn yaml_list(members: &[Tree], indent: usize, text: &mut String) {
    for member in members {
        text.push_str(&" ".repeat(indent));
        text.push('-');
        yaml_value(member, indent, text);
    }
}

/// What follows a key or a dash.
fn yaml_value(value: &Tree, indent: usize, text: &mut String) {
    match value {
        Tree::Map(members) if !members.is_empty() => {
            text.push('\n');
            yaml_map(members, indent + 2, text);
        }
        Tree::List(members) if !members.is_empty() => {
            text.push('\n');
            yaml_list(members, indent + 2, text);
        }
        Tree::Scalar(_) | Tree::List(_) | Tree::Map(_) => {
            let leaf = yaml_leaf(value);
            if !leaf.is_empty() {
                text.push(' ');
                text.push_str(&leaf);
            }
            text.push('\n');
        }
    }
}

fn yaml_leaf(leaf: &Tree) -> String {
    match leaf {
        Tree::Scalar(scalar) => scalar.to_yaml(),
        Tree::List(_) => "[]".to_owned(),
        Tree::Map(_) => "{}".to_owned(),
    }
}

/// A value as a YAML parser gives it.
enum YamlNode {
    /// A text, quoted or not.
    Text(String),
    /// A number, a boolean or nothing: its text is in the file.
    Plain,
    List(Vec<Spanned<YamlNode>>),
    Map(Vec<(String, Spanned<YamlNode>)>),
}

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfNode;

        impl<'de> Visitor<'de> for OfNode {
            type Value = YamlNode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, _: bool) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_i64<E>(self, _: i64) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_i128<E>(self, _: i128) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_u64<E>(self, _: u64) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_u128<E>(self, _: u128) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_f64<E>(self, _: f64) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_unit<E>(self) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_none<E>(self) -> Result<YamlNode, E> {
                Ok(YamlNode::Plain)
            }

            fn visit_str<E>(self, text: &str) -> Result<YamlNode, E> {
                Ok(YamlNode::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<YamlNode, E> {
                Ok(YamlNode::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<YamlNode, A::Error> {
                let mut list = Vec::new();
                while let Some(member) = members.next_element()? {
                    list.push(member);
                }
                Ok(YamlNode::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<YamlNode, A::Error> {
                let mut map = Vec::new();
                while let Some(member) = members.next_entry()? {
                    map.push(member);
                }
                Ok(YamlNode::Map(map))
            }
        }

        deserializer.deserialize_any(OfNode)
    }
}

/// The members of a JSON object, in its order, each as it stands.
struct JsonMembers(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for JsonMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap;

        impl<'de> Visitor<'de> for OfMap {
            type Value = JsonMembers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JsonMembers, A::Error> {
                let mut map: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((key, value)) = members.next_entry::<String, Box<RawValue>>()? {
                    if map.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
                    }
                    map.push((key, value));
                }
                Ok(JsonMembers(map))
            }
        }

        deserializer.deserialize_map(OfMap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every spelling of YAML that a session file may use.
    const SPELLINGS: &str = r#"# a comment
plain: 1m
number: 0.50
long: 0.12345678901234567890123456789
octal: 007
hex: 0x10
flag: true
nothing:
tilde: ~
word: "null"
single: 'it''s 5'
double: "a\tb \u00fc \"x\""
colon: "a: b"
spaces: two words  # behind it
flow: { a: "1", b: 2.0, c: [x, 'y', 3], "odd key": z }
list:
  - one
  - { symbol: BTC/USDT, tick: "0.01" }
  -
    - nested
anchor: &it { deep: 1.10 }
alias: *it
folded: >
  one
  two
kept: |
  one
  two
empty_map: {}
empty_list: []
text: >-
  0.5
"#;

    /// The same as it is written out.
    const WRITTEN: &str = r#"plain: 1m
number: 0.50
long: 0.12345678901234567890123456789
octal: 007
hex: 0x10
flag: true
nothing:
tilde: ~
word: "null"
single: "it's 5"
double: "a\tb ü \"x\""
colon: "a: b"
spaces: two words
flow:
  a: "1"
  b: 2.0
  c:
    - x
    - "y"
    - 3
  "odd key": z
list:
  - one
  -
    symbol: BTC/USDT
    tick: "0.01"
  -
    - nested
anchor:
  deep: 1.10
alias:
  deep: 1.10
folded: "one two\n"
kept: "one\ntwo\n"
empty_map: {}
empty_list: []
text: "0.5"
"#;

    #[test]
    fn what_yaml_says_stays_what_it_says() {
        let tree = Tree::from_yaml(SPELLINGS).unwrap();
        assert_eq!(tree.to_yaml(), WRITTEN);
        // Places in the text are found whatever stands before them, and however lines end.
        let otherwise = format!("\u{feff}# ü ẞ €\n{SPELLINGS}").replace('\n', "\r\n");
        assert_eq!(Tree::from_yaml(&otherwise).unwrap(), tree);
        assert_eq!(Tree::from_yaml(&tree.to_yaml()).unwrap(), tree);
    }

    #[test]
    fn what_json_says_stays_what_it_says() {
        let text = r#"{"at":"x","n":1.50,"e":1e-7,"t":true,"z":null,"l":[{"a":"\u00fc\n"},[]],"m":{}}"#;
        let tree = Tree::from_json(text).unwrap();
        assert_eq!(tree.to_json(), text.replace("\\u00fc", "ü"));
        assert_eq!(Tree::from_json(&tree.to_json()).unwrap(), tree);
    }

    #[test]
    fn a_value_is_the_same_however_it_is_written() {
        let same = |one: &str, two: &str| Tree::from_yaml(one).unwrap().says_the_same(&Tree::from_yaml(two).unwrap());
        assert!(same("0.50", "\"0.5\"") && same("{a: 1, b: x}", "{b: x, a: 1.0}") && same("[1, 2]", "[1.0, 2]"));
        assert!(!same("0.5", "0.51") && !same("null", "\"null\"") && !same("[1]", "[1, 2]") && !same("a", "b"));
    }

    #[test]
    fn what_is_no_tree_is_refused_in_words() {
        for text in ["@x", "{a: 1", "a: 1\na: 2", "[1, 2", "*nowhere"] {
            assert!(!Tree::from_yaml(text).unwrap_err().reason.is_empty(), "{text}");
        }
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(!Tree::from_yaml(&deep).unwrap_err().reason.is_empty());
        assert!(Tree::from_json(&deep).unwrap_err().reason.contains("deep"));
        assert!(Tree::from_json(r#"{"a":1,"a":2}"#).unwrap_err().reason.contains("duplicate"));
    }
}
