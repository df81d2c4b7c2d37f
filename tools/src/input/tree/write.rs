//! A tree as YAML or JSON.

use serde_json::value::RawValue;

use super::{Scalar, Tree};

impl Tree {
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
