//! Hostile arguments: empty, endless, no text, folders and devices for files. Never a panic; an exit status of 2, and with
//! `--json` one document that says why.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::{Bench, Files, said};

/// Each command with what it needs besides the argument that is put at the place of `?`.
const LINES: [&str; 26] = [
    "run ? --db new",
    "run case/session.yaml --db new --session ?",
    "run --resume ? --db db",
    "run --resume good --db ?",
    "run case/session.yaml --db new --market-dir ?",
    "run --from ? --db db --set venue.latency_ms=1",
    "run --from good --db db --set ?",
    "run --from good --db db --grid ?",
    "run --from ? --venue recorded --db db",
    "run --from good --venue ? --db db",
    "run --from good --venue simulated --market ? --db db",
    "sessions --db ?",
    "replay ? --db db",
    "replay good --db ?",
    "replay good --db db --at ?",
    "verify ? --db db",
    "verify good --db ?",
    "audit ? --db db",
    "audit TPL_A --db ?",
    "audit TPL_A --db db --session ?",
    "export ? --db db --format jsonl",
    "export good --db ? --format jsonl",
    "export good --db db --format ?",
    "sample --dir new --seed ?",
    "?",
    // The last, because it makes stores.
    "run case/session.yaml --db ?",
];

fn hostile() -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["", " ", ".", "/", "..", "/dev/null", "/dev/zero", "/dev/full", "a/b", "-", "--", "-1"]
            .into_iter()
            .chain([
                "a\nb",
                "\u{1b}[2J",
                "é",
                "NaN",
                "18446744073709551616",
                "\u{202e}cipher",
                "{}",
                "%s%n",
                "case/market.csv",
            ])
            .map(OsString::from)
            .collect();
    arguments.push("A".repeat(100_000).into());
    arguments.push(OsStr::from_bytes(b"no\xff\xfetext").to_owned());
    arguments
}

#[test]
fn hostile_arguments_are_refused_by_every_command() {
    let bench = Bench::new();
    Files::good().write(&bench.path("case"));
    for line in LINES {
        for argument in hostile() {
            for json in [false, true] {
                let mut command = bench.command();
                for word in line.split(' ') {
                    command.arg(if word == "?" { argument.as_os_str() } else { OsStr::new(word) });
                }
                command.args(json.then_some("--json"));
                let (code, stdout, stderr) = said(&mut command);
                // A folder of nearly any name may be made, and a session called `-`; the rest must not work.
                let may_work = line.starts_with("run case/session.yaml") && code == 0;
                let shown = argument.to_string_lossy().chars().take(40).collect::<String>();
                assert!(code == 2 || may_work, "{line} with {shown:?}: {code} {stderr}");
                assert!(!stderr.contains('\u{1b}'), "{line} with {shown:?} steers the terminal: {stderr}");
                // Behind `--` nothing is an option any more, `--json` neither.
                if json && code == 2 && argument != "--" {
                    let document: Value = serde_json::from_str(&stdout)
                        .unwrap_or_else(|error| panic!("{line} with {shown:?}: {error}: {stdout:?} {stderr}"));
                    let error = &document["error"];
                    let keys: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
                    assert_eq!(keys, ["code", "message", "hint", "file", "line", "field", "value"]);
                    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}: {stdout}");
                } else if code == 2 {
                    assert_eq!(stdout, "", "{line} with {shown:?}");
                }
            }
        }
    }
    let (code, stdout, _) = bench.retrace(&["sessions", "--db", "db", "--json"]);
    let sessions: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, sessions["sessions"].as_array().unwrap().len()), (0, 1));
}

#[test]
fn an_error_is_one_document_with_json_and_help_is_for_people() {
    let bench = Bench::new();
    let error = |args: &[&str]| -> Value {
        let (code, stdout, _) = bench.retrace(&[args, &["--json"]].concat());
        assert_eq!(code, 2, "{args:?}");
        serde_json::from_str::<Value>(&stdout).unwrap()["error"].clone()
    };
    assert_eq!(error(&["replay", "nobody", "--db", "db"])["code"], "no_session");
    assert_eq!(error(&["replay", "good", "--db", "db", "--at", "999"])["code"], "no_such_event");
    assert_eq!(error(&["run", "--resume", "nobody", "--db", "db"])["code"], "no_session");
    assert_eq!(error(&["audit", "TPL_NONE", "--db", "db"])["code"], "no_plan");
    assert_eq!(error(&["audit", "a b", "--db", "db"])["code"], "bad_plan_id");
    assert_eq!(error(&["sessions", "--db", "nowhere"])["code"], "no_store");
    assert_eq!(error(&["sample", "--dir", "/dev/null"])["code"], "cannot_write");
    assert_eq!(error(&["run", "good/session.yaml", "--db", "db", "--session", "good"])["code"], "session_exists");
    for both in [&["case/session.yaml"][..], &["--session", "x"]] {
        assert_eq!(error(&[&["run", "--resume", "good", "--db", "db"], both].concat())["code"], "usage");
    }
    let usage = error(&["replay", "good"]);
    assert_eq!(usage["code"], "usage");
    assert!(usage["message"].as_str().unwrap().contains("--db <DIR>"), "{usage}");
    for args in [["--help", "--json"], ["--version", "--json"]] {
        let (code, stdout, _) = bench.retrace(&args);
        assert!(code == 0 && !stdout.starts_with('{'), "{args:?}: {stdout}");
    }
}
