//! The reference suites: others' numbers, read from beside the checkout, against the real code. What differs by
//! convention stands in a table with our own number; a case that is listed must differ by just that, and one that is
//! not listed must agree. None of the data is copied into the project.

mod matching;
mod position;
mod twap;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::real;

/// A case whose convention is another one.
struct Differs {
    case: &'static str,
    reason: &'static str,
    /// Every number that differs, with ours.
    ours: &'static [(&'static str, &'static str)],
}

/// A case that needs what is not built.
struct NotYet {
    case: &'static str,
    reason: &'static str,
    /// Whether it is still missing. When it no longer is, the case has to run.
    missing: fn() -> bool,
}

/// One case's numbers, compared.
struct Compared {
    case: String,
    numbers: Vec<Number>,
}

struct Number {
    name: String,
    expected: String,
    ours: String,
    agrees: bool,
}

/// How near is equal.
#[derive(Clone, Copy)]
enum Tolerance {
    Exact,
    Absolute(&'static str),
    Relative(&'static str),
    /// Ours is rounded to as many decimals, half to even, before it is compared.
    Decimals(u32),
}

/// A folder's suite as it goes on: a line per file, and what is not explained.
struct Suite {
    differs: &'static [Differs],
    not_yet: &'static [NotYet],
    seen: BTreeSet<String>,
    table: String,
    faults: Vec<String>,
}

impl Compared {
    fn new(case: &Value) -> Self {
        Self { case: text(&case["id"]), numbers: Vec::new() }
    }

    /// Compares a number; JSON `null` means that there is none.
    fn number(&mut self, name: &str, expected: &Value, ours: Option<Decimal>, tolerance: Tolerance) {
        let wanted = (!expected.is_null()).then(|| decimal(expected));
        let agrees = match (wanted, ours) {
            (None, None) => true,
            (Some(wanted), Some(ours)) => tolerance.holds(wanted, ours),
            _ => false,
        };
        let said = |number: Option<Decimal>| number.map_or("none".to_owned(), |n| n.normalize().to_string());
        self.numbers.push(Number { name: name.into(), expected: said(wanted), ours: said(ours), agrees });
    }

    fn text(&mut self, name: &str, expected: impl Into<String>, ours: impl Into<String>) {
        let (expected, ours) = (expected.into(), ours.into());
        let agrees = expected == ours;
        self.numbers.push(Number { name: name.into(), expected, ours, agrees });
    }
}

impl Tolerance {
    fn holds(self, wanted: Decimal, ours: Decimal) -> bool {
        match self {
            Self::Exact => wanted == ours,
            Self::Absolute(most) => (wanted - ours).abs() <= samples::dec(most),
            Self::Relative(most) => (wanted - ours).abs() <= samples::dec(most) * wanted.abs(),
            Self::Decimals(decimals) => wanted == ours.round_dp(decimals),
        }
    }
}

impl Suite {
    fn new(differs: &'static [Differs], not_yet: &'static [NotYet]) -> Self {
        Self { differs, not_yet, seen: BTreeSet::new(), table: String::new(), faults: Vec::new() }
    }

    /// Runs a file's cases. `run` is not asked about a case that is listed as not yet possible.
    fn file(&mut self, name: &str, run: impl Fn(&Value) -> Compared) {
        let Some(file) = read(name) else {
            println!("skipped: {name} does not stand beside the checkout");
            return;
        };
        let cases = file["cases"].as_array().unwrap();
        let (mut passed, mut differing, mut not_yet) = (0, 0, 0);
        for case in cases {
            let id = text(&case["id"]);
            assert!(self.seen.insert(id.clone()), "{name}: {id} stands there twice");
            if let Some(listed) = self.not_yet.iter().find(|listed| listed.case == id) {
                not_yet += 1;
                if !(listed.missing)() {
                    self.faults.push(format!("{id}: listed as not yet possible ({}), but it is", listed.reason));
                }
                continue;
            }
            let compared = run(case);
            assert!(!compared.numbers.is_empty(), "{id} compares nothing");
            let faults = self.judge(&compared);
            match self.listed(&id) {
                _ if !faults.is_empty() => self.faults.extend(faults),
                Some(_) => differing += 1,
                None => passed += 1,
            }
        }
        let unexplained = cases.len() - passed - differing - not_yet;
        let _ = writeln!(
            self.table,
            "{name:<44} {:>5} {passed:>7} {differing:>10} {not_yet:>8} {unexplained:>12}",
            cases.len()
        );
    }

    fn listed(&self, id: &str) -> Option<&'static Differs> {
        self.differs.iter().find(|listed| listed.case == id)
    }

    /// A number that is listed must be the one listed and not the expected one; any other must be as expected.
    fn judge(&self, compared: &Compared) -> Vec<String> {
        let listed = self.listed(&compared.case).map_or(&[][..], |listed| listed.ours);
        let mut faults = Vec::new();
        for Number { name, expected, ours, agrees } in &compared.numbers {
            let says = format!("{}: {name}: expected {expected}, ours {ours}", compared.case);
            match listed.iter().find(|(number, _)| number == name) {
                None if *agrees => {}
                None => faults.push(says),
                Some(_) if *agrees => faults.push(format!("{says}: listed as differing, but it agrees")),
                Some((_, stated)) if stated != ours => faults.push(format!("{says}: listed with ours {stated}")),
                Some(_) => {}
            }
        }
        for (number, _) in listed {
            if !compared.numbers.iter().any(|compared| compared.name == *number) {
                faults.push(format!("{}: {number} is listed, but not compared", compared.case));
            }
        }
        faults
    }

    /// Prints the table; fails on what is not explained, and on a list that does not fit the files.
    fn end(mut self) {
        if self.table.is_empty() {
            return;
        }
        println!(
            "\n{:<44} {:>5} {:>7} {:>10} {:>8} {:>12}\n{}",
            "reference suite", "cases", "passed", "convention", "not yet", "unexplained", self.table
        );
        let differing = self.differs.iter().map(|listed| listed.case);
        for case in differing.chain(self.not_yet.iter().map(|listed| listed.case)) {
            if !self.seen.contains(case) {
                self.faults.push(format!("{case} is listed, but no file has it"));
            }
        }
        if let Some(listed) = self.differs.iter().find(|listed| listed.ours.is_empty()) {
            self.faults.push(format!("{} is listed without a number that differs", listed.case));
        }
        assert!(self.faults.is_empty(), "not explained:\n{}", self.faults.join("\n"));
    }
}

fn read(name: &str) -> Option<Value> {
    let path = real::data_dir().join("reference").join(name);
    let bytes = path.exists().then(|| std::fs::read(path).unwrap())?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// A number, written as a number or as text.
fn decimal(value: &Value) -> Decimal {
    let text = text(value);
    text.parse().or_else(|_| Decimal::from_scientific(&text)).unwrap_or_else(|_| panic!("{value} is no number"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `seconds` after the beginning of all reference sessions.
fn at(seconds: u64) -> Timestamp {
    samples::time("2018-10-03T00:00:00Z").plus(Span::from_seconds(seconds))
}

/// The page lists just the cases that the tests list, one line each, with the same reason.
#[test]
fn the_page_lists_what_the_tests_list() {
    let differs = [position::DIFFERS, matching::DIFFERS, twap::DIFFERS].into_iter().flatten();
    let not_yet = position::NOT_YET.iter();
    let listed = differs.map(|listed| (listed.case, listed.reason));
    let listed: BTreeSet<String> = listed
        .chain(not_yet.map(|listed| (listed.case, listed.reason)))
        .map(|(case, reason)| format!("| `{case}` | {reason} |"))
        .collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let page = std::fs::read_to_string(page).unwrap();
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let once: BTreeSet<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(once.len(), lines.len(), "a case stands on the page twice");
    let only = |left: &BTreeSet<String>, right: &BTreeSet<String>| {
        left.difference(right).cloned().collect::<Vec<_>>().join("\n")
    };
    assert_eq!((only(&listed, &once), only(&once, &listed)), (String::new(), String::new()), "tests only, page only");
}
