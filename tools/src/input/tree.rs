//! A session file or a directive line as a tree of texts, to change a value and write it out again. A number stays the
//! text that it was.

mod read;
mod write;

use rust_decimal::Decimal;

use crate::input::number;

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
