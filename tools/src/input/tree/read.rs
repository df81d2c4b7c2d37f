//! A tree from YAML or JSON, every value as it was written.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_saphyr::Spanned;

use super::{NoTree, Scalar, Tree};

/// Lists and maps inside one another stop here; no file of ours goes half as deep.
const DEPTH_MAX: usize = 64;

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
}

fn check_depth(depth: usize) -> Result<(), NoTree> {
    if depth > DEPTH_MAX {
        return Err(NoTree { reason: format!("it goes more than {DEPTH_MAX} lists and maps deep") });
    }
    Ok(())
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

/// A value that is not text is what was written, whatever the parser makes of it.
macro_rules! plain {
    ($($visit:ident($value:ty);)*) => {$(
        fn $visit<E>(self, _: $value) -> Result<YamlNode, E> {
            Ok(YamlNode::Plain)
        }
    )*};
}

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfNode;

        impl<'de> Visitor<'de> for OfNode {
            type Value = YamlNode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            plain! {
                visit_bool(bool);
                visit_i64(i64);
                visit_i128(i128);
                visit_u64(u64);
                visit_u128(u128);
                visit_f64(f64);
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
