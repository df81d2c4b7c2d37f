//! The issue's list of bad input, item by item and in its words, with the program itself: what it says, with which exit
//! status, and what is in the store afterwards. A new case is one line in a table.

mod at;
mod batches;
mod commands;
mod directives;
mod docs;
mod dynamic;
mod limits;
mod market;
mod random;
mod session_file;
mod store;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use retrace_rocks::testkit::dir_hash;
use serde_json::Value;
use tempfile::TempDir;

use crate::scenarios::insta_settings;

/// Half an hour of one-minute bars.
const BARS: u32 = 30;

const HEADER: &str = "timestamp,open,high,low,close,volume";

const SESSION: &str = r#"session: refused
mode: backtest
strategy:
  instance: DESK_1
  directives: directives.jsonl
market:
  - symbol: BTC/USDT
    timeframe: 1m
    bars: market.csv
instruments:
  BTC/USDT: { tick: "0.01", lot: "0.01", min_notional: "10" }
account:
  quote: USDT
  balance: "1000000"
venue:
  fees: { maker: "0.0002", taker: "0.0005" }
"#;

const OPEN: &str = r#"{"at":"2024-05-06T10:02:00Z","directive":{"directive_id":"OPEN_1","scope":"NEW_TRADE","plan_id":"TPL_A","entry_directive":{"symbol":"BTC/USDT","direction":"BUY"},"size_directive":{"target_position_size":"2"},"exit_directive":{"stop_loss_price":"49000"}}}"#;
const CLOSE: &str = r#"{"at":"2024-05-06T10:20:00Z","directive":{"directive_id":"CLOSE_1","scope":"CLOSE_EXISTING","target_plan_ids":["TPL_A"]}}"#;
const AGGREGATED: &str = r#"{"at":"2024-05-06T10:02:00Z","execution_directive":{"directive_id":"EXD_1","plan_id":"TPL_A","instructions":[{"intent":"ENTRY_WITH_PROTECTION","algo_type":"TWAP","params":{"symbol":"BTC/USDT","direction":"BUY","quantity":"2","duration":10,"slices":2,"stop_loss_price":"49000"}}]}}"#;

/// The row of a minute; row 0 stands on line 2.
fn row(minute: u32) -> String {
    let open = 50_000 + minute * 37 % 200;
    format!("2024-05-06T10:{minute:02}:00Z,{open},{},{},{},100", open + 50, open - 50, open + 10)
}

/// The whole file.
fn bars() -> String {
    let rows: Vec<String> = (0..BARS).map(row).collect();
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

/// The files of a session. Each case changes something of those that run.
#[derive(Clone)]
struct Files {
    market: Option<Vec<u8>>,
    /// What the session file calls it.
    market_name: &'static str,
    directives: Option<Vec<u8>>,
    session: Option<Vec<u8>>,
}

impl Files {
    /// Those that run.
    fn good() -> Self {
        Self {
            market: Some(bars().into()),
            market_name: "market.csv",
            directives: Some(format!("{OPEN}\n{CLOSE}\n").into()),
            session: Some(SESSION.into()),
        }
    }

    fn write(&self, dir: &Path) {
        let _ = std::fs::remove_dir_all(dir);
        std::fs::create_dir_all(dir).unwrap();
        for (name, bytes) in
            [(self.market_name, &self.market), ("directives.jsonl", &self.directives), ("session.yaml", &self.session)]
        {
            if let Some(bytes) = bytes {
                std::fs::write(dir.join(name), bytes).unwrap();
            }
        }
    }
}

/// What a message must name: the file and, where the case has them, line, field and value.
struct Names {
    code: &'static str,
    file: &'static str,
    line: Option<u64>,
    field: Option<&'static str>,
    value: Option<&'static str>,
}

/// Bad input that is refused before a session begins.
struct Case {
    /// In the issue's words.
    name: String,
    files: Files,
    names: Names,
}

impl Case {
    fn new(name: &str, files: Files, code: &'static str, file: &'static str) -> Self {
        let names = Names { code, file, line: None, field: None, value: None };
        Self { name: name.to_owned(), files, names }
    }

    fn line(mut self, line: u64) -> Self {
        self.names.line = Some(line);
        self
    }

    fn field(mut self, field: &'static str) -> Self {
        self.names.field = Some(field);
        self
    }

    fn value(mut self, value: &'static str) -> Self {
        self.names.value = Some(value);
        self
    }
}

/// A folder with a store that holds one good session. Commands run in it, so that messages name no path of the machine.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        Files::good().write(&bench.path("good"));
        let (code, _, stderr) = bench.retrace(&["run", "good/session.yaml", "--db", "db", "--session", "good"]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Exit status, standard output, standard error. Whatever it is given, the program must not panic.
    fn retrace(&self, args: &[&str]) -> (i32, String, String) {
        said(self.command().args(args))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrace"));
        command.current_dir(self.dir.path()).env("NO_COLOR", "1");
        command
    }

    /// Runs a case without and with `--json`, into the store with the good session and into one that is not there yet.
    /// Answers with what it says to people.
    fn refuse(&self, case: &Case) -> String {
        let name = &case.name;
        case.files.write(&self.path("case"));
        let before = dir_hash(&self.path("db"));
        let (code, stdout, stderr) = self.retrace(&["run", "case/session.yaml", "--db", "db"]);
        assert_eq!(code, 2, "{name}: {stdout}{stderr}");
        assert_eq!(stdout, "", "{name}: standard output is for results");
        assert_eq!(dir_hash(&self.path("db")), before, "{name} changed the store");

        let (code, stdout, again) = self.retrace(&["run", "case/session.yaml", "--db", "fresh", "--json"]);
        assert_eq!((code, &again), (2, &stderr), "{name}");
        assert!(!self.path("fresh").exists(), "{name} made a store");
        let document: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{name}: {error}: {stdout}"));
        check_names(case, &document["error"], &stderr);
        stderr
    }
}

/// The document says what the message says, each part under its key, and both what the case is about.
fn check_names(case: &Case, error: &Value, stderr: &str) {
    let Case { name, names, .. } = case;
    let text = |key: &str| error[key].as_str();
    assert_eq!(text("code"), Some(names.code), "{name}: {stderr}");
    assert_eq!(text("file"), Some(names.file), "{name}: {stderr}");
    assert_eq!(error["line"].as_u64(), names.line, "{name}: {stderr}");
    assert_eq!(text("field"), names.field, "{name}: {stderr}");
    assert_eq!(text("value"), names.value, "{name}: {stderr}");
    let place = names.line.map_or(format!("{}:", names.file), |line| format!("{}:{line}:", names.file));
    let mut said = stderr.lines();
    assert_eq!(said.next(), Some(format!("error: {}", text("message").unwrap()).as_str()), "{name}");
    assert_eq!(said.next().map(str::to_owned), text("hint").map(|hint| format!("hint: {hint}")), "{name}");
    assert_eq!(said.next(), None, "{name}: {stderr}");
    assert!(stderr.starts_with(&format!("error: {place}")), "{name} does not say where: {stderr}");
    for part in [names.field, names.value].into_iter().flatten() {
        assert!(stderr.contains(&format!("`{part}`")), "{name} does not name {part}: {stderr}");
    }
}

fn said(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
    (status.code().unwrap_or_else(|| panic!("{command:?} was ended by a signal: {stderr}")), stdout, stderr)
}

/// Holds `story` to its reviewed snapshot, `snapshots/refusals_<name>.snap`.
fn snapshot(name: &str, story: &str) {
    insta_settings().bind(|| insta::assert_snapshot!(format!("refusals_{name}"), story));
}

/// Refuses every case of a group, then looks at the store: as it was, its one session clean.
fn refuse_all(group: &str, cases: &[Case]) {
    let bench = Bench::new();
    let sessions = || bench.retrace(&["sessions", "--db", "db", "--json"]);
    let before = sessions();
    let mut story = String::new();
    for case in cases {
        let message = bench.refuse(case);
        writeln!(story, "{}\n{}", case.name, indented(&message)).unwrap();
    }
    assert_eq!(sessions(), before, "the list of sessions changed");
    let (code, _, stderr) = bench.retrace(&["verify", "good", "--db", "db"]);
    assert_eq!(code, 0, "{stderr}");
    snapshot(group, &story);
}

/// The text without ids, which follow from the version of the engine: `[id]`, `ORD_..`.
fn without_ids(text: &str) -> String {
    let digits = |text: &str| text.chars().take_while(|c| *c == '-' || c.is_ascii_hexdigit()).count();
    let shown = |word: &str| match word.split_once("_..") {
        Some((prefix, rest)) => format!("{prefix}_..{}", &rest[digits(rest)..]),
        None if digits(word) == 36 => format!("[id]{}", &word[36..]),
        None => word.to_owned(),
    };
    text.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// All of them, one after another, into one store: the one good session stays the only one.
#[test]
fn a_run_of_all_refusals_leaves_no_session_behind() {
    let bench = Bench::new();
    let cases: Vec<Case> =
        [market::cases(), directives::cases(), session_file::cases()].into_iter().flatten().collect();
    assert!(cases.len() > 100, "{} cases", cases.len());
    for case in &cases {
        case.files.write(&bench.path("case"));
        let (code, _, stderr) = bench.retrace(&["run", "case/session.yaml", "--db", "db"]);
        assert_eq!(code, 2, "{}: {stderr}", case.name);
    }
    let (code, stdout, _) = bench.retrace(&["sessions", "--db", "db", "--json"]);
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let names: Vec<&str> =
        document["sessions"].as_array().unwrap().iter().map(|row| row["session"].as_str().unwrap()).collect();
    assert_eq!((code, names), (0, vec!["good"]));
}
