//! The command line as a user meets it: exit codes, JSON shapes, refusals that leave nothing behind, and the same bytes
//! from another process in another environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use retrace_tools::sample;
use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with the sample market, and a store that is made beside it.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
}

impl Place {
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn with_sample() -> Self {
        let place = Self::empty();
        sample::write(place.dir.path(), sample::DEFAULT_SEED).unwrap();
        place
    }

    /// Replaces the first `from` in a file, which must have one.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        std::fs::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }

    /// Every file below a folder.
    pub(crate) fn files(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        files(&self.path(name))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs `retrace` in this folder with `--db db`.
    pub(crate) fn retrace(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs `retrace` in this folder with nothing added.
    pub(crate) fn retrace_as_given(&self, args: &[&str]) -> Output {
        self.command_as_given(args).output().unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.command_as_given(args);
        command.args(["--db", "db"]);
        command
    }

    fn command_as_given(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrace"));
        command.args(args).current_dir(self.dir.path());
        command
    }

    /// Runs `retrace`, which must go well, and reads the one JSON document that it prints.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.retrace(&[args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs `retrace`, which must answer with `code`, and gives back what it says to people.
    pub(crate) fn says(&self, code: i32, args: &[&str]) -> String {
        let output = self.retrace(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stderr)
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn two_processes_in_different_environments_write_the_same_log() {
    let mut seen = Vec::new();
    for environment in [
        [("TZ", "UTC"), ("LANG", "C"), ("LC_ALL", "C"), ("RAYON_NUM_THREADS", "1"), ("NO_COLOR", "1")],
        [
            ("TZ", "Asia/Kathmandu"),
            ("LANG", "de_DE.UTF-8"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("RAYON_NUM_THREADS", "7"),
            ("CLICOLOR_FORCE", "1"),
        ],
    ] {
        let place = Place::with_sample();
        let run = |args: &[&str]| {
            let output = place.command(args).envs(environment).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            text(&output.stdout)
        };
        let mut summary: Value = serde_json::from_str(&run(&["run", "session.yaml", "--json"])).unwrap();
        summary.as_object_mut().unwrap().remove("elapsed_ms");
        let replayed = run(&["replay", "sample", "--json"]);
        // Without --json the first line also says where and when the session was made.
        let exported = run(&["export", "sample", "--format", "jsonl"]);
        let exported = exported.split_once('\n').unwrap().1.to_owned();
        seen.push((summary, replayed, exported));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn every_command_gives_its_json_shape() {
    let place = Place::with_sample();
    let run = place.json(&["run", "session.yaml"]);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&run),
        [
            "session",
            "mode",
            "head",
            "events",
            "steps",
            "plans",
            "refusals",
            "realized_pnl",
            "fees",
            "net_pnl",
            "unrealized_pnl",
            "elapsed_ms"
        ]
    );
    let events = run["events"].as_u64().unwrap();

    let sessions = place.json(&["sessions"]);
    assert_eq!(
        keys(&sessions["sessions"][0]),
        ["session", "mode", "status", "events", "head", "from", "to", "what_if"]
    );
    assert_eq!(sessions["sessions"][0]["status"], "finished");
    assert_eq!(sessions["sessions"][0]["head"], run["head"]);

    let replay = place.json(&["replay", "sample"]);
    for key in ["session", "seq", "at", "head", "ledger_digest", "plans", "refusals", "conflicts", "batches"] {
        assert!(replay.get(key).is_some(), "replay --json lacks {key}");
    }
    assert_eq!((replay["seq"].as_u64(), &replay["head"]), (Some(events), &run["head"]));
    let plan = &replay["plans"][0];
    for key in [
        "plan_id",
        "strategy_instance_id",
        "asset_symbol",
        "status",
        "direction",
        "comments",
        "target",
        "net_position",
        "held",
        "average_entry_price",
        "realized_pnl",
        "net_pnl",
        "fees",
        "stop_loss_price",
        "take_profit_price",
        "outcome",
        "groups",
    ] {
        assert!(plan.get(key).is_some(), "a plan lacks {key}");
    }
    let order = &plan["groups"][0]["orders"][0];
    for key in [
        "order_id",
        "connector_order_id",
        "role",
        "side",
        "type",
        "status",
        "quantity",
        "filled_quantity",
        "price",
        "stop_price",
        "fills",
    ] {
        assert!(order.get(key).is_some(), "an order lacks {key}");
    }
    for key in ["fill_id", "price", "quantity", "fee", "fee_asset", "executed_at"] {
        assert!(order["fills"][0].get(key).is_some(), "a fill lacks {key}");
    }
    assert!(order["quantity"].is_string(), "decimals are strings");

    let verify = place.json(&["verify", "sample"]);
    assert_eq!(verify["clean"], true);
    let checks: Vec<_> =
        verify["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(checks, ["integrity", "rebuild", "re-decide", "re-simulate", "redeliver"]);

    let audit = place.json(&["audit", plan["plan_id"].as_str().unwrap()]);
    for key in ["plan_id", "session", "outcome", "result", "protection_gap", "story"] {
        assert!(audit.get(key).is_some(), "audit --json lacks {key}");
    }
    for key in ["seq", "at", "kind", "because"] {
        assert!(audit["story"][0].get(key).is_some(), "a line of the story lacks {key}");
    }

    let exported = place.json(&["export", "sample", "--format", "jsonl"]);
    assert_eq!(keys(&exported), ["session", "events"]);
    let listed = exported["events"].as_array().unwrap();
    assert_eq!(listed.len() as u64, events);
    assert!(listed.iter().zip(1..).all(|(event, seq)| event["seq"].as_u64() == Some(seq)));

    // The same events, a Step a line, between a first and a last line.
    let lines = place.retrace(&["export", "sample", "--format", "jsonl"]);
    let lines: Vec<Value> = text(&lines.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!(
        keys(first),
        ["retrace_export", "session", "uid", "identity", "identity_view", "provenance", "checkpoints"]
    );
    assert_eq!(keys(last), ["end"]);
    assert_eq!(keys(&last["end"]), ["events", "steps", "head", "ledger_version", "ledger_digest", "finished"]);
    let steps = &lines[1..lines.len() - 1];
    assert!(steps.iter().all(|step| keys(step) == ["seq", "frame", "events", "texts"]));
    let in_steps: Vec<&Value> = steps.iter().flat_map(|step| step["events"].as_array().unwrap()).collect();
    assert!(in_steps.into_iter().eq(listed));

    let exported = place.json(&["export", "sample", "--format", "jsonl", "--out", "sample.jsonl"]);
    assert_eq!(keys(&exported), ["session", "events", "steps", "head", "file"]);
    let tables = place.json(&["export", "sample", "--format", "csv", "--out", "tables"]);
    assert_eq!(keys(&tables["tables"][0]), ["table", "rows", "file"]);
    let imported: Value = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrace"));
        command.args(["import", "sample.jsonl", "--db", "copy", "--json"]).current_dir(place.dir.path());
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(
        keys(&imported),
        [
            "session",
            "mode",
            "head",
            "events",
            "steps",
            "uid",
            "ledger_digest",
            "finished",
            "texts",
            "unchecked",
            "elapsed_ms"
        ]
    );
    assert_eq!((&imported["head"], &imported["ledger_digest"]), (&run["head"], &replay["ledger_digest"]));
}

/// Each prefix of the log is a ledger of its own; the last is the whole.
#[test]
fn replay_goes_to_any_seq_and_time() {
    let place = Place::with_sample();
    let events = place.json(&["run", "session.yaml"])["events"].as_u64().unwrap();
    let at = |at: &str| place.json(&["replay", "sample", "--at", at]);
    let whole = place.json(&["replay", "sample"]);
    assert_eq!(at(&events.to_string()), whole);
    // A time that an event stands at takes all events of that time with it.
    let middle = at(&(events / 2).to_string());
    let by_time = at(middle["at"].as_str().unwrap());
    assert!(by_time["seq"].as_u64() >= middle["seq"].as_u64());
    assert_eq!(by_time["at"], middle["at"]);
    assert_eq!(at("1")["seq"], 1);
    let beyond = place.says(2, &["replay", "sample", "--at", &(events + 1).to_string()]);
    assert!(beyond.contains(&events.to_string()), "names the last event: {beyond}");
    // After the last event, every event lies at or before the time.
    for key in ["seq", "head", "ledger_digest", "plans"] {
        assert_eq!(at("2199-01-01T00:00:00Z")[key], whole[key]);
    }
    assert_eq!(at("1999-01-01T00:00:00Z")["seq"], 0);
    assert!(place.says(2, &["replay", "sample", "--at", "soon"]).contains("soon"));
}

#[test]
fn a_refused_file_leaves_no_store_behind() {
    let place = Place::with_sample();
    let directives = std::fs::read_to_string(place.path("directives.jsonl")).unwrap();
    std::fs::write(place.path("directives.jsonl"), directives.replacen("\"scope\"", "\"scoop\"", 1)).unwrap();
    let said = place.says(2, &["run", "session.yaml"]);
    assert!(said.contains("directives.jsonl:1") && said.contains("scoop") && said.contains("hint: "), "{said}");
    assert!(!place.path("db").exists(), "a refusal made a store");
}

/// An amount that would not fit is told before the session begins, not in the middle of its run.
#[test]
fn a_size_beyond_exact_counting_leaves_no_store_behind() {
    let place = Place::with_sample();
    place.edit("session.yaml", "lot: \"0.01\"", "lot: \"0.000000000001\"");
    place.edit(
        "directives.jsonl",
        "\"target_position_size\":\"4\"",
        "\"target_position_size\":\"412345678.123456789012\"",
    );
    let said = place.says(2, &["run", "session.yaml"]);
    assert!(said.contains("directives.jsonl:1") && said.contains("digits") && said.contains("hint: "), "{said}");
    assert!(!place.path("db").exists(), "a refusal made a store");
}

#[test]
fn a_name_that_exists_is_refused_and_nothing_changes() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let before = files(&place.path("db"));
    let said = place.says(2, &["run", "session.yaml"]);
    assert!(said.contains("sample") && said.contains("hint: ") && said.contains("--session"), "{said}");
    let sessions = place.json(&["sessions"]);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    place.json(&["run", "session.yaml", "--session", "another"]);
    assert_ne!(files(&place.path("db")), before);
}

#[test]
fn strict_turns_refusals_into_exit_1() {
    let place = Place::with_sample();
    let refusals = place.json(&["run", "session.yaml"])["refusals"].as_u64().unwrap();
    assert!(refusals > 0, "the sample has a refused directive to show");
    place.says(1, &["run", "session.yaml", "--session", "strict", "--strict"]);
}

#[test]
fn reading_commands_change_no_file() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let before = files(&place.path("db"));
    for args in [
        &["sessions"][..],
        &["replay", "sample"],
        &["verify", "sample"],
        &["audit", "TPL_DIP"],
        &["export", "sample", "--format", "jsonl"],
        &["snapshot", "sample", "--dir", "snapshots"],
    ] {
        assert_eq!(place.retrace(args).status.code(), Some(0), "{args:?}");
        assert_eq!(files(&place.path("db")), before, "{args:?} changed the store");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let place = Place::with_sample();
    for args in [&["sessions"][..], &["replay", "sample"], &["verify", "sample"], &["audit", "TPL_DIP"]] {
        let said = place.says(2, args);
        assert!(said.starts_with("error: ") && said.contains("db"), "{args:?}: {said}");
        assert!(!place.path("db").exists(), "{args:?} made a store");
    }
    place.json(&["run", "session.yaml"]);
    let said = place.says(2, &["replay", "sampel"]);
    assert!(said.contains("sampel") && said.contains("sample"), "{said}");
    assert!(place.says(2, &["audit", "TPL_NONE"]).contains("TPL_NONE"));
    assert!(place.says(2, &["replay"]).contains("Usage"));
}

pub(crate) fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn an_open_position_is_shown_at_the_current_price() {
    let place = Place::with_sample();
    let summary = place.json(&["run", "session.yaml"]);
    let of_open_plan = |args: &[&str]| {
        let document = place.json(&[&["replay", "sample"], args].concat());
        let plans = document["plans"].as_array().unwrap().clone();
        assert!(plans.iter().all(|plan| (plan["net_position"] == "0") == plan["mark"].is_null()), "{plans:?}");
        plans.into_iter().find(|plan| plan["net_position"] != "0").unwrap()
    };
    let bars = std::fs::read_to_string(place.path("market.csv")).unwrap();
    let column = |bar: &str, column: usize| bar.split(',').nth(column).unwrap().parse::<Decimal>().unwrap();

    // At the end: the last bar's close.
    let open = of_open_plan(&[]);
    let number = |value: &Value| value.as_str().unwrap().parse::<Decimal>().unwrap();
    let last = column(bars.lines().last().unwrap(), 4);
    assert_eq!(number(&open["mark"]["price"]), last);
    let gain = number(&open["net_position"]) * (last - number(&open["average_entry_price"]));
    assert_eq!(number(&open["mark"]["unrealized_pnl"]).round_dp(8), gain.round_dp(8));
    assert_eq!(summary["unrealized_pnl"], open["mark"]["unrealized_pnl"]);

    // As of a time: the open of the bar that begins there.
    let open = of_open_plan(&["--at", "2026-03-03T00:50:00Z"]);
    let bar = bars.lines().find(|bar| bar.starts_with("2026-03-03T00:50:00Z")).unwrap();
    assert_eq!(number(&open["mark"]["price"]), column(bar, 1));

    // Without the market data: the last fill's, and when that was.
    std::fs::remove_file(place.path("market.csv")).unwrap();
    let open = of_open_plan(&[]);
    assert_eq!(open["mark"]["price"], "58330.55");
    assert_eq!(open["mark"]["at"], "2026-03-03T05:45:00Z");
}

/// What one form of `run` does not do is refused beside it, and never left out without a word.
#[test]
fn forms_of_run_that_do_not_go_together_are_refused() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let fee = "venue.fees.taker=0.001";
    for args in [
        &["--from", "sample", "--venue", "simulated", "--set", fee][..],
        &["--from", "sample", "--venue", "recorded", "--grid", fee],
        &["--from", "sample", "--venue", "recorded", "--unset", "venue.fees"],
        &["--from", "sample", "--set", fee, "--continues", "sample"],
        &["--resume", "sample", "--continues", "sample"],
        &["--resume", "sample", "--set", fee],
        &["session.yaml", "--resume", "sample"],
        &["session.yaml", "--set", fee],
        &["--from", "sample", "--set", fee, "--market", "session.yaml"],
        &["--from", "sample", "--grid", fee, "--market", "session.yaml"],
        &["--resume", "sample", "--venue", "recorded"],
        &["--resume", "sample", "--market", "session.yaml"],
        &["--resume", "sample", "--jobs", "2"],
        &["--resume", "sample", "--keep"],
        &["--from", "sample", "--venue", "recorded", "--directives", "directives.jsonl"],
        &["--from", "sample", "--venue", "recorded", "--jobs", "2"],
        &["--from", "sample", "--venue", "simulated", "--keep"],
        &["session.yaml", "--continues", "sample", "--keep"],
        &["session.yaml", "--directives", "directives.jsonl"],
        &["session.yaml", "--market-dir", "."],
    ] {
        let said = place.says(2, &[&["run"], args].concat());
        assert!(said.contains("cannot be used with"), "{args:?}: {said}");
    }
    assert_eq!(place.json(&["sessions"])["sessions"].as_array().unwrap().len(), 1);
}
