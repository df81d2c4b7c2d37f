//! `docs/refusals.md` names every code that the program can answer with, and no other.

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The words that the function beginning with `head` answers with, read off its source: a variant without a word does not
/// compile, and so a new one is found here.
fn answers(path: &str, head: &str) -> BTreeSet<String> {
    let source = read(path);
    let body = source.split_once(head).unwrap_or_else(|| panic!("{path} has no `{head}`")).1;
    // Its closing brace stands as far in as it does itself.
    let indent = source.lines().find(|line| line.contains(head)).unwrap().chars().take_while(|c| *c == ' ').count();
    let end = format!("\n{}}}\n", " ".repeat(indent));
    let body = body.split_once(&end).unwrap().0;
    body.split("=> \"").skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect()
}

/// The codes of dynamic refusals.
pub(super) fn refusal_codes() -> BTreeSet<String> {
    let source = "core/src/event/refusal.rs";
    let after = read(source).split_once("impl Refusal").unwrap().1.to_owned();
    let first = after.split_once("impl Idle").unwrap().0.to_owned();
    let mut codes: BTreeSet<String> =
        first.split("=> \"").skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect();
    codes.extend(answers("core/src/event/refusal/group.rs", "pub const fn code(&self)"));
    assert!(codes.len() >= 13, "{source} is not read rightly: {codes:?}");
    codes
}

/// The codes in the first column of the table below a heading.
fn listed(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page.split_once(heading).unwrap_or_else(|| panic!("no `{heading}`")).1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let codes: Vec<String> = rows.map(|row| row.split_once('`').unwrap().0.to_owned()).collect();
    let set: BTreeSet<String> = codes.iter().cloned().collect();
    assert_eq!(set.len(), codes.len(), "{heading}: a code twice");
    set
}

#[test]
fn every_code_has_its_line_in_the_documentation() {
    let page = read("docs/refusals.md");
    let rules = answers("tools/src/input/rule_code.rs", "pub const fn code(&self)");
    assert!(rules.len() > 50, "{rules:?}");
    assert_eq!(listed(&page, "## Input files"), rules);
    let mut others = answers("tools/src/error/code.rs", "pub fn code(&self)");
    others.extend(answers("tools/src/error/code.rs", "const fn store_code("));
    others.extend(answers("tools/src/error/code.rs", "const fn not_continued_code("));
    others.extend(answers("tools/src/what_if/error.rs", "pub(crate) fn code(&self)"));
    others.insert("usage".to_owned());
    assert_eq!(listed(&page, "## Stores and commands"), others);
    assert_eq!(listed(&page, "## Directives in a session"), refusal_codes());
    let limits = answers("core/src/event/risk.rs", "pub const fn code(&self)");
    assert_eq!(listed(&page, "## Orders that the risk gate refuses"), limits);
}
