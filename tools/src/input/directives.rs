//! The directive file: one JSON object a line, a directive or an order of the operator. Checked whole, so that nothing is recorded of a file that is refused.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::codec::encode_fact;
use retrace_core::content::{Content, ContentRef, Salt};
use retrace_core::directive::{NewTrade, StrategyDirective, Trade};
use retrace_core::event::{Fact, Input, OperatorCommanded};
use retrace_core::ids::{DirectiveId, PlanId, SessionUid};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::Book;
use retrace_replay::backtest::Given as GivenInput;
use serde::Deserialize;

use crate::input::bounded;
use crate::input::directive_build::Builder;
use crate::input::directive_fields::{Given, LineFields, Object, Text};
use crate::input::problem::{InputProblem, path_inside};
use crate::input::rule::Rule;
use crate::input::time;

/// The longest directive file, in bytes: a million directives and more.
const BYTES_MAX: u64 = 1 << 29;

/// One directive with its place in the file. Its comments are not sealed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedDirective {
    /// Where it stands; the first line is 1.
    pub line: u32,
    /// When it is given, on the session's clock.
    pub at: Timestamp,
    /// What is wanted; `comments` is `None` until [`ParsedDirective::seal`].
    pub directive: StrategyDirective,
    /// The free text.
    pub comments: Option<String>,
}

/// One order of the operator with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedCommand {
    /// Where it stands; the first line is 1.
    pub line: u32,
    /// When it is given, on the session's clock.
    pub at: Timestamp,
    /// What is ordered.
    pub commanded: OperatorCommanded,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedLine {
    /// Of the strategist.
    Directive(Box<ParsedDirective>),
    /// Of the operator.
    Operator(ParsedCommand),
}

impl ParsedLine {
    /// Where it stands; the first line is 1.
    pub fn line(&self) -> u32 {
        match self {
            Self::Directive(parsed) => parsed.line,
            Self::Operator(parsed) => parsed.line,
        }
    }

    /// When it is given, on the session's clock.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Directive(parsed) => parsed.at,
            Self::Operator(parsed) => parsed.at,
        }
    }

    /// The directive, where it is one.
    pub fn directive(&self) -> Option<&ParsedDirective> {
        match self {
            Self::Directive(parsed) => Some(parsed),
            Self::Operator(_) => None,
        }
    }

    /// What the session receives, when, and the text for the store to keep beside the log
    /// ([`ParsedDirective::seal`]).
    pub fn seal(self, session: SessionUid) -> (Timestamp, GivenInput, Option<(ContentRef, Content)>) {
        match self {
            Self::Directive(parsed) => {
                let (at, directive, content) = parsed.seal(session);
                (at, directive.into(), content)
            }
            Self::Operator(ParsedCommand { at, commanded, .. }) => (at, commanded.into(), None),
        }
    }
}

/// From the first open to the last close of a session's data, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSpan {
    /// The first open.
    pub from: Timestamp,
    /// The last close.
    pub to: Timestamp,
}

impl ParsedDirective {
    /// Puts the comments out of line, under the salt that `session` derives: the directive as the session receives
    /// it, when, and the text for the store to keep beside the log.
    pub fn seal(self, session: SessionUid) -> (Timestamp, StrategyDirective, Option<(ContentRef, Content)>) {
        let salt = Salt::derived(session, &self.directive.directive_id);
        let content = self.comments.map(|text| Content { salt, text }).map(|content| (content.reference(), content));
        let comments = content.as_ref().map(|(reference, _)| *reference);
        (self.at, StrategyDirective { comments, ..self.directive }, content)
    }

    /// The directive with its comments in the body, under no salt: equal texts make equal bodies.
    fn with_comments(&self) -> StrategyDirective {
        let unsalted = |text: &String| Content { salt: Salt([0; 16]), text: text.clone() }.reference();
        StrategyDirective { comments: self.comments.as_ref().map(unsalted), ..self.directive.clone() }
    }
}

/// Reads the directive file at `path` for a session with these instruments and this data.
///
/// # Errors
/// [`InputProblem`] at the first line that breaks a static rule (SEMANTICS 10).
pub fn read(path: &Path, instruments: &[Instrument], data: DataSpan) -> Result<Vec<ParsedLine>, InputProblem> {
    parse(path, &read_bytes(path)?, instruments, data)
}

/// What the lines of a file may name beside what they bring themselves: what is carried over from a session that is
/// continued.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What each plan trades.
    plans: BTreeMap<PlanId, Symbol>,
    /// In which plans each directive opened a group.
    openers: BTreeMap<DirectiveId, Vec<PlanId>>,
}

impl Known {
    /// The plans of a book, those that ended included, and the directives that groups of theirs carry out.
    pub fn of(book: &Book) -> Self {
        let mut known = Self::default();
        for plan in book.plans() {
            known.plans.insert(plan.id.clone(), plan.symbol().clone());
            for group in &plan.groups {
                let opened = known.openers.entry(group.directive.clone()).or_default();
                if !opened.contains(&plan.id) {
                    opened.push(plan.id.clone());
                }
            }
        }
        known
    }
}

/// The bytes of the directive file at `path`.
///
/// # Errors
/// [`InputProblem`] when it cannot be read or is too long.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, InputProblem> {
    bounded::read_whole(path, BYTES_MAX)
}

/// The same for the file's bytes; `path` only names it in messages.
///
/// # Errors
/// As [`read`].
pub fn parse(
    path: &Path,
    bytes: &[u8],
    instruments: &[Instrument],
    data: DataSpan,
) -> Result<Vec<ParsedLine>, InputProblem> {
    parse_after(path, bytes, instruments, data, Known::default())
}

/// The same of a file whose lines may also name what is `known`.
///
/// # Errors
/// As [`read`].
pub fn parse_after(
    path: &Path,
    bytes: &[u8],
    instruments: &[Instrument],
    data: DataSpan,
    known: Known,
) -> Result<Vec<ParsedLine>, InputProblem> {
    let Known { plans, openers } = known;
    // What goes on from another session has work without a word.
    let goes_on = !plans.is_empty();
    let mut file = FileSoFar { path, instruments, data, lines: Vec::new(), first_of: BTreeMap::new(), plans, openers };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, text) in (1_u32..).zip(bytes.split(|&byte| byte == b'\n')) {
        let here = |rule| InputProblem::new(path, rule).on_line(line.into());
        let text = std::str::from_utf8(text).map_err(|_| here(Rule::NotUtf8))?;
        if !text.trim().is_empty() {
            file.line(line, text)?;
        }
    }
    if !goes_on && file.lines.iter().all(|line| line.directive().is_none()) {
        return Err(InputProblem::new(path, Rule::Nothing { what: "directive" }));
    }
    Ok(file.lines)
}

/// BLAKE3 of the file in normal form: the strategy's part of a backtest's identity. Spelling, order of fields and blank
/// lines do not change it; times, ids, bodies, comments and the operator's orders do.
pub fn strategy_digest(lines: &[ParsedLine]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 directive file");
    for line in lines {
        hasher.update(&line.at().nanos().to_le_bytes());
        match line {
            ParsedLine::Directive(parsed) => {
                let id = parsed.directive.directive_id.as_str().as_bytes();
                let comments = parsed.comments.as_deref().map(str::as_bytes);
                hasher.update(&(id.len() as u64).to_le_bytes());
                hasher.update(id);
                hasher.update(&parsed.directive.body_digest().whole);
                // One more than the length, so that no comments and an empty text differ.
                hasher.update(&comments.map_or(0, |text| text.len() as u64 + 1).to_le_bytes());
                hasher.update(comments.unwrap_or_default());
            }
            ParsedLine::Operator(parsed) => {
                let stored = encode_fact(&Fact::Input(Input::OperatorCommanded(parsed.commanded.clone())));
                // No id is so long.
                hasher.update(&u64::MAX.to_le_bytes());
                hasher.update(&(stored.payload.len() as u64).to_le_bytes());
                hasher.update(&stored.payload);
            }
        }
    }
    *hasher.finalize().as_bytes()
}

/// What is known of the file up to a line.
struct FileSoFar<'a> {
    path: &'a Path,
    instruments: &'a [Instrument],
    data: DataSpan,
    lines: Vec<ParsedLine>,
    /// By id, the index of the line with its first directive.
    first_of: BTreeMap<DirectiveId, usize>,
    /// What each plan trades that a `NEW_TRADE` named.
    plans: BTreeMap<PlanId, Symbol>,
    /// In which plans each directive may open a group.
    openers: BTreeMap<DirectiveId, Vec<PlanId>>,
}

impl FileSoFar<'_> {
    fn line(&mut self, line: u32, text: &str) -> Result<(), InputProblem> {
        let here = |rule| InputProblem::new(self.path, rule).on_line(line.into());
        let fields: LineFields<'_> = from_json(text, "", &here)?;
        let at = self.time(&fields.at, &here)?;
        let id = fields.directive.as_ref().map(|directive| directive.directive_id.as_str());
        let id = id.and_then(|id| DirectiveId::new(id).ok());
        let told_before = id.is_some_and(|id| self.first_of.contains_key(&id));
        let build = Builder {
            here: &here,
            instruments: self.instruments,
            plans: &self.plans,
            openers: &self.openers,
            at: Some(at).filter(|_| !told_before),
        };
        if let Some(operator) = &fields.operator {
            for (other, given) in [
                ("directive", fields.directive.is_some()),
                ("execution_directive", fields.execution_directive.is_some()),
            ] {
                if given {
                    return Err(here(Rule::Excludes { other }).field("operator"));
                }
            }
            let commanded = operator.read(&here)?;
            self.lines.push(ParsedLine::Operator(ParsedCommand { line, at, commanded }));
            return Ok(());
        }
        let (directive, comments, id_field) = match (fields.directive, fields.execution_directive) {
            (Some(mut directive), None) => {
                let comments = directive.comments.take();
                (build.directive(directive)?, comments, "directive.directive_id")
            }
            (None, Some(mut aggregated)) => {
                let comments = aggregated.comments.take();
                (build.aggregated(&aggregated)?, comments, "execution_directive.directive_id")
            }
            (Some(_), Some(_)) => {
                return Err(here(Rule::Excludes { other: "directive" }).field("execution_directive"));
            }
            (None, None) => return Err(here(Rule::Missing).field("directive")),
        };
        let parsed = ParsedDirective { line, at, directive, comments };
        self.check_id(&parsed, id_field, &here)?;
        // Only plans that the file names itself, or that were there before, can be named by a later line.
        for of in parsed.directive.trades(SessionUid([0; 16])) {
            if let Trade::New(NewTrade { plan_id: Some(plan), symbol, .. }) = of.trade {
                self.plans.entry(plan.clone()).or_insert_with(|| symbol.clone());
            }
        }
        self.openers.entry(parsed.directive.directive_id.clone()).or_insert_with(|| entered(&parsed.directive));
        let index = self.lines.len();
        self.first_of.entry(parsed.directive.directive_id.clone()).or_insert(index);
        self.lines.push(ParsedLine::Directive(Box::new(parsed)));
        Ok(())
    }

    fn time(&self, at: &Text, here: &impl Fn(Rule) -> InputProblem) -> Result<Timestamp, InputProblem> {
        let wrong = |rule| here(rule).field("at").value(&at.0);
        let (time, _) = time::parse(&at.0).map_err(|fault| wrong(Rule::Time(fault)))?;
        let DataSpan { from, to } = self.data;
        if time < from || time > to {
            return Err(wrong(Rule::OutsideData { from, to }));
        }
        match self.lines.last() {
            Some(last) if time < last.at() => {
                Err(wrong(Rule::GoesBack { previous: last.at(), line: last.line().into() }))
            }
            _ => Ok(time),
        }
    }

    fn check_id(
        &self,
        parsed: &ParsedDirective,
        field: &'static str,
        here: &impl Fn(Rule) -> InputProblem,
    ) -> Result<(), InputProblem> {
        let id = &parsed.directive.directive_id;
        let Some(first) = self.first_of.get(id).and_then(|&index| self.lines.get(index)?.directive()) else {
            return Ok(());
        };
        let (old, new) = (first.with_comments().body_digest(), parsed.with_comments().body_digest());
        match old.first_difference(&new) {
            None => Ok(()),
            Some(difference) => {
                let rule = Rule::ReusedId { line: first.line, difference };
                Err(here(rule).field(field).value(id.as_str()))
            }
        }
    }
}

/// Reads one JSON text into its shape; `prefix` is where it stands in the line.
pub(super) fn from_json<'de, T: Deserialize<'de>>(
    text: &'de str,
    prefix: &str,
    here: &dyn Fn(Rule) -> InputProblem,
) -> Result<T, InputProblem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed: Result<Object<T>, _> = serde_path_to_error::deserialize(&mut deserializer);
    let Object(parsed) = parsed.map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { prefix.to_owned() } else { path_inside(prefix, &place) };
        json_problem(&place, error.inner(), here)
    })?;
    deserializer.end().map_err(|error| json_problem("", &error, here))?;
    Ok(parsed)
}

/// The plans in which a directive may open a group.
fn entered(directive: &StrategyDirective) -> Vec<PlanId> {
    let trades = directive.trades(SessionUid([0; 16]));
    let opens = |trade: Trade<'_>| match trade {
        Trade::New(new) => new.plan_id.is_some(),
        Trade::Modify(modify) => modify.target.is_some(),
        Trade::Close(_) => false,
    };
    trades.into_iter().filter(|of| opens(of.trade)).map(|of| of.plan_id).collect()
}

fn json_problem(place: &str, error: &serde_json::Error, here: &dyn Fn(Rule) -> InputProblem) -> InputProblem {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    if !error.is_data() {
        let reason = format!("{reason} in column {}", error.column());
        return here(Rule::Syntax { grammar: "JSON", reason });
    }
    // Serde says which names it knows only in its sentence, between backticks.
    let mut names = reason.split('`').skip(1).step_by(2).map(str::to_owned);
    let about = |rule: Rule, field: String| if field.is_empty() { here(rule) } else { here(rule).field(field) };
    for (start, rule) in [("missing field", Rule::Missing), ("duplicate field", Rule::FieldTwice)] {
        if reason.starts_with(start) {
            return about(rule, path_inside(place, &names.next().unwrap_or_default()));
        }
    }
    if reason.starts_with("unknown field") {
        let field = path_inside(place, &names.next().unwrap_or_default());
        return about(Rule::UnknownField { known: names.collect() }, field);
    }
    let problem = wrong_type(reason.strip_prefix("invalid type: ").unwrap_or(reason), place, here);
    if place.is_empty() { problem.with_hint("a directive file has one JSON object a line") } else { problem }
}

/// Serde's sentence, such as "integer `17`, expected a string", as field, value and rule.
fn wrong_type(sentence: &str, place: &str, here: &dyn Fn(Rule) -> InputProblem) -> InputProblem {
    let about = |rule| if place.is_empty() { here(rule) } else { here(rule).field(place) };
    let Some((found, expected)) = sentence.split_once(", expected ") else {
        return about(Rule::WrongType { reason: sentence.to_owned() });
    };
    let expected = if expected == "a sequence" { "a list" } else { expected };
    let (value, reason) = match (found, found.split_once(' ')) {
        ("sequence", _) => (None, format!("a list, expected {expected}")),
        ("map", _) => (None, format!("an object, expected {expected}")),
        (_, Some((_, value))) => (Some(value.trim_matches(['`', '"'])), format!("expected {expected}")),
        (word, None) => (Some(word), format!("expected {expected}")),
    };
    let problem = about(Rule::WrongType { reason });
    match value {
        Some(value) => problem.value(value),
        None => problem,
    }
}

/// The text of a field, `None` where it is absent or null.
pub(super) fn value_of(given: &Given<Text>) -> Option<&str> {
    match given {
        Given::Value(text) => Some(text.0.as_str()),
        Given::Absent | Given::Null => None,
    }
}

/// The symbols of `instruments`, for a message.
pub(super) fn symbols(instruments: &[Instrument]) -> Vec<Symbol> {
    instruments.iter().map(|instrument| instrument.symbol.clone()).collect()
}
