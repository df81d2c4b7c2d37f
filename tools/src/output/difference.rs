//! What changed between two snapshots, as a unified difference whose hunks say where in the text they stand.

use std::ops::Range;
use std::time::Duration;

use similar::{ChangeTag, DiffOp, DiffTag, TextDiff};

use super::style::{BAD, DIM, GOOD, PLAIN, painted};
use super::text::printable;

/// How many lines of context stand around a change.
const CONTEXT: usize = 3;

/// After this long a difference between two very different texts is no longer made as short as can be. It is right
/// all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DifferenceLine {
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Place,
    Same,
    Less,
    More,
}

/// The lines in which `new` differs from `old`, with context. Empty where it does not.
pub(crate) fn difference(old: &str, new: &str) -> Vec<DifferenceLine> {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut lines = Vec::new();
    for hunk in diff.grouped_ops(CONTEXT) {
        lines.push(DifferenceLine { kind: Kind::Place, text: place(&hunk, diff.old_slices(), diff.new_slices()) });
        for change in hunk.iter().flat_map(|op| diff.iter_changes(op)) {
            let kind = match change.tag() {
                ChangeTag::Equal => Kind::Same,
                ChangeTag::Delete => Kind::Less,
                ChangeTag::Insert => Kind::More,
            };
            lines.push(DifferenceLine { kind, text: change.value().trim_end_matches(['\r', '\n']).to_owned() });
        }
    }
    lines
}

impl DifferenceLine {
    /// As a program reads it.
    pub(crate) fn plain(&self) -> String {
        let Self { kind, text } = self;
        match kind {
            Kind::Place => text.clone(),
            Kind::Same => format!(" {text}"),
            Kind::Less => format!("-{text}"),
            Kind::More => format!("+{text}"),
        }
    }

    /// As a person reads it on a terminal.
    pub(crate) fn shown(&self) -> String {
        let style = match self.kind {
            Kind::Place => DIM,
            Kind::Same => PLAIN,
            Kind::Less => BAD,
            Kind::More => GOOD,
        };
        painted(style, printable(&self.plain()))
    }
}

/// Where a hunk stands: its lines in both texts, and the headings that its first change stands under.
fn place(hunk: &[DiffOp], old: &[&str], new: &[&str]) -> String {
    let span = |range: fn(&DiffOp) -> Range<usize>| {
        let (first, last) = (hunk.first().map(range), hunk.last().map(range));
        let (from, to) = (first.map_or(0, |range| range.start), last.map_or(0, |range| range.end));
        format!("{},{}", from + 1, to - from)
    };
    let lines = format!("@@ -{} +{} @@", span(DiffOp::old_range), span(DiffOp::new_range));
    let change = hunk.iter().find(|op| op.tag() != DiffTag::Equal);
    let headings = change.map_or_else(Vec::new, |op| match op.tag() {
        DiffTag::Insert => headings(new, op.new_range().start),
        DiffTag::Equal | DiffTag::Delete | DiffTag::Replace => headings(old, op.old_range().start),
    });
    if headings.is_empty() { lines } else { format!("{lines} {}", headings.join(" > ")) }
}

/// The headings above line `at`, outermost first, without the facts beside them.
fn headings(lines: &[&str], at: usize) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let mut depth = lines.get(at).map_or(0, |line| indent(line));
    let mut found = Vec::new();
    for line in lines.iter().take(at).rev().filter(|line| !line.trim().is_empty()) {
        if depth == 0 {
            break;
        }
        if indent(line) < depth {
            depth = indent(line);
            let heading = line.trim().split("  ").next().unwrap_or_default();
            found.push(heading.to_owned());
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_its_context_and_where_it_stands() {
        let old = "a\n\nplan A\n  size: 1\n  group 1  x=1\n    order 1  q=1\n    order 2  q=1\n\nplan B\n  size: 1\n";
        let new = old.replace("order 2  q=1", "order 2  q=2").replace("plan B\n", "plan B\n  comments: new\n");
        let shown: Vec<String> = difference(old, &new).iter().map(DifferenceLine::plain).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        @@ -4,7 +4,8 @@ plan A > group 1
           size: 1
           group 1  x=1
             order 1  q=1
        -    order 2  q=1
        +    order 2  q=2
         
         plan B
        +  comments: new
           size: 1
        ");
        assert_eq!(difference(old, old), []);
    }

    #[test]
    fn texts_that_share_nothing_are_compared_too() {
        let old: String = (0..2_000).map(|n| n.to_string() + " a\n").collect();
        let new = old.replace('a', "b");
        assert_eq!(difference(&old, &new).len(), 4_001);
        assert_eq!(difference("", "a\n").len(), 2);
    }
}
