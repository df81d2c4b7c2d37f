//! The canonical view of a projection: sections of named facts, and the text they become. A fact is a piece of a line
//! or a line of its own, so that a difference shows as little as it changes.

use std::fmt::Write as _;

/// What a projection holds, ready to be written: sections in the order in which they shall stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    sections: Vec<Section>,
}

/// A heading with facts beside it, facts below it, and sections inside it.
///
/// ```text
/// order stop 1  side=SELL quantity=0.83        a heading with two facts beside it
///   reason: off_grid                           a fact below it
///   fill  quantity=0.83 price=61193.88         a section inside it
/// ```
///
/// What a section says is written in one line whatever it contains: line ends and other control characters are spelled
/// out, and a value beside a heading is quoted where it would not read as one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    title: String,
    beside: Vec<Fact>,
    below: Vec<Fact>,
    inner: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fact {
    name: &'static str,
    value: String,
}

impl View {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a section behind the others.
    pub fn push(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// The first field that is in the view and not in `known`.
    pub(crate) fn stranger(&self, known: &[&str]) -> Option<&'static str> {
        self.sections.iter().find_map(|section| section.stranger(known))
    }

    /// The view as text, without the facts for which `keep` answers no. Sections are set apart by an empty line where
    /// they have more than one.
    pub(crate) fn text(&self, keep: &dyn Fn(&str) -> bool) -> String {
        let mut text = String::new();
        let mut after_many = false;
        for (place, section) in self.sections.iter().enumerate() {
            let mut written = String::new();
            section.write(0, keep, &mut written);
            let many = section.has_more();
            if place > 0 && (many || after_many) {
                text.push('\n');
            }
            after_many = many;
            text.push_str(&written);
        }
        text
    }
}

impl FromIterator<Section> for View {
    fn from_iter<I: IntoIterator<Item = Section>>(sections: I) -> Self {
        Self { sections: sections.into_iter().collect() }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a value is written once, where it was worked out")]
impl Section {
    /// A section with that heading and nothing else. What a heading says cannot be left out by `--without`, so it should
    /// be what the section is known by.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), beside: Vec::new(), below: Vec::new(), inner: Vec::new() }
    }

    /// With a fact beside the heading: `name=value`.
    #[must_use]
    pub fn beside(mut self, name: &'static str, value: impl ToString) -> Self {
        self.beside.push(Fact { name, value: value.to_string() });
        self
    }

    /// The same, where there is a value.
    #[must_use]
    pub fn beside_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.beside(name, value),
            None => self,
        }
    }

    /// With a fact in a line of its own below the heading: `name: value`.
    #[must_use]
    pub fn below(mut self, name: &'static str, value: impl ToString) -> Self {
        self.below.push(Fact { name, value: value.to_string() });
        self
    }

    /// The same, where there is a value.
    #[must_use]
    pub fn below_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.below(name, value),
            None => self,
        }
    }

    /// With a section inside, behind its facts and the sections before.
    #[must_use]
    pub fn inner(mut self, section: Self) -> Self {
        self.inner.push(section);
        self
    }

    /// With sections inside, behind its facts and the sections before.
    #[must_use]
    pub fn inner_all(mut self, sections: impl IntoIterator<Item = Self>) -> Self {
        self.inner.extend(sections);
        self
    }

    /// Whether it is made for more than one line, whatever is left out.
    fn has_more(&self) -> bool {
        !self.below.is_empty() || !self.inner.is_empty()
    }

    fn stranger(&self, known: &[&str]) -> Option<&'static str> {
        let mut facts = self.beside.iter().chain(&self.below);
        let own = facts.find(|fact| !known.contains(&fact.name)).map(|fact| fact.name);
        own.or_else(|| self.inner.iter().find_map(|section| section.stranger(known)))
    }

    fn write(&self, depth: usize, keep: &dyn Fn(&str) -> bool, text: &mut String) {
        let indent = "  ".repeat(depth);
        text.push_str(&indent);
        text.push_str(&one_line(&self.title));
        let mut between = "  ";
        for Fact { name, value } in self.beside.iter().filter(|fact| keep(fact.name)) {
            // Writing into a string cannot fail.
            let _ = write!(text, "{between}{name}={}", one_word(value));
            between = " ";
        }
        text.push('\n');
        for Fact { name, value } in self.below.iter().filter(|fact| keep(fact.name)) {
            let _ = writeln!(text, "{indent}  {name}: {}", one_line(value));
        }
        for section in &self.inner {
            section.write(depth.saturating_add(1), keep, text);
        }
    }
}

/// `text` with everything spelled out that would end the line or change how it is shown.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if breaks_a_line(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// `value` as one word: quoted where it has spaces or quotes, or is empty.
fn one_word(value: &str) -> String {
    if !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '=')) {
        return one_line(value);
    }
    format!("\"{}\"", one_line(value).replace('"', "\\\""))
}

/// Control characters, Unicode's own line ends, the marks that turn the direction of what follows, and the backslash,
/// so that what is spelled out is told from what was written so.
fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || c == '\\'
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        [
            Section::new("refusal A").beside("code", "wrong_side").beside("text", "a = b"),
            Section::new("refusal B").beside("code", "x"),
            Section::new("plan A").below("comments", "one\nsize: 7").below("size", 5).inner(
                Section::new("order").beside("size", 5).beside_some("price", None::<u32>).inner(Section::new("fill")),
            ),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_view_is_one_fact_a_line_and_a_value_cannot_forge_another() {
        let expected = concat!(
            "refusal A  code=wrong_side text=\"a = b\"\n",
            "refusal B  code=x\n",
            "\n",
            "plan A\n",
            "  comments: one\\nsize: 7\n",
            "  size: 5\n",
            "  order  size=5\n",
            "    fill\n",
        );
        assert_eq!(view().text(&|_| true), expected);
        let without = expected.replace("  size: 5\n", "").replace("  size=5", "");
        assert_eq!(view().text(&|name| name != "size"), without);
    }

    #[test]
    fn a_field_that_was_not_announced_is_found() {
        assert_eq!(view().stranger(&["code", "text", "comments", "size"]), None);
        assert_eq!(view().stranger(&["code", "text", "comments"]), Some("size"));
    }
}
