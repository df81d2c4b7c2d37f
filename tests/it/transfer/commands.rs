//! Export and import as a user meets them: two processes and a pipe, refusals that leave nothing behind, a killed import.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use retrace_core::memory::MemoryStore;
use retrace_core::store::{LogReader, LogStore};
use retrace_projections::export::ExportedSession;
use retrace_rocks::RocksReader;
use retrace_rocks::testkit::{Forger, Seeded};
use serde_json::Value;

use super::export;
use crate::cli::{Place, files, text};
use crate::scenarios::insta_settings;

/// Runs `retrace` in the place's folder with these words and no others.
fn retrace(place: &Place, args: &[&str]) -> Output {
    command(place, args).output().unwrap()
}

fn command(place: &Place, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrace"));
    command.args(args).current_dir(place.dir.path());
    command
}

fn well(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The sample, run into `db` and exported as `sample.jsonl`.
fn exported() -> (Place, String) {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    well(&place.retrace(&["export", "sample", "--format", "jsonl", "--out", "sample.jsonl"]));
    let told = std::fs::read_to_string(place.path("sample.jsonl")).unwrap();
    (place, told)
}

#[test]
fn a_session_goes_through_a_pipe_into_another_store() {
    let (place, told) = exported();
    let mut from = command(&place, &["export", "sample", "--format", "jsonl", "--db", "db"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let to = command(&place, &["import", "-", "--db", "copy", "--json"])
        .stdin(from.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(from.wait().unwrap().success());
    let summary: Value = serde_json::from_str(&well(&to)).unwrap();
    assert_eq!((&summary["events"], &summary["steps"], &summary["finished"]), (&256.into(), &126.into(), &true.into()));

    // What comes through a pipe and is cut off is refused like any file.
    let mut cut =
        command(&place, &["import", "-", "--db", "none"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    cut.stdin.take().unwrap().write_all(&told.as_bytes()[..told.len() - 9]).unwrap();
    let cut = cut.wait_with_output().unwrap();
    assert!(text(&cut.stderr).contains("standard input:128: the line does not end"), "{}", text(&cut.stderr));
    assert!(cut.status.code() == Some(2) && !place.path("none").exists());

    for args in [
        &["sessions", "--json"][..],
        &["replay", "sample", "--json"],
        &["replay", "sample", "--at", "120", "--json"],
        &["audit", "TPL_DIP", "--json"],
        &["verify", "sample", "--json"],
        &["export", "sample", "--format", "jsonl"],
        &["export", "sample", "--format", "csv", "--table", "orders"],
    ] {
        let of = |db: &str| well(&retrace(&place, &[args, &["--db", db]].concat()));
        assert_eq!(of("db"), of("copy"), "{args:?}");
    }
    assert_eq!(well(&retrace(&place, &["export", "sample", "--format", "jsonl", "--db", "copy"])), told);
}

#[test]
fn every_command_knows_a_session_by_the_name_it_was_given() {
    let (place, _) = exported();
    well(&retrace(&place, &["import", "sample.jsonl", "--db", "copy", "--session", "march"]));
    let of = |args: &[&str]| -> Value {
        serde_json::from_str(&well(&retrace(&place, &[args, &["--db", "copy", "--json"]].concat()))).unwrap()
    };
    assert_eq!(of(&["sessions"])["sessions"][0]["session"], "march");
    assert_eq!(of(&["audit", "TPL_DIP"])["session"], "march");
    for command in ["replay", "verify"] {
        assert_eq!(of(&[command, "march"])["session"], "march");
        assert!(text(&retrace(&place, &[command, "sample", "--db", "copy"]).stderr).contains("it has march"));
    }
    let verified = of(&["verify", "march"]);
    assert_eq!(verified["clean"], true, "{verified}");
    let first = well(&retrace(&place, &["export", "march", "--format", "jsonl", "--db", "copy"]));
    let first: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!((&first["session"], &first["identity_view"]["name"]), (&"march".into(), &"sample".into()));
    // A name that is taken by another session, and a name that is none.
    well(&retrace(&place, &["run", "session.yaml", "--session", "taken", "--db", "third"]));
    let said = retrace(&place, &["import", "sample.jsonl", "--db", "third", "--session", "taken"]);
    assert_eq!(said.status.code(), Some(2));
    assert!(
        text(&said.stderr).contains("a session named taken exists") && text(&said.stderr).contains("--session NAME")
    );
    let said = retrace(&place, &["import", "sample.jsonl", "--db", "third", "--session", "a b"]);
    assert_eq!(said.status.code(), Some(2));
    assert!(text(&said.stderr).contains("is not a name"));
}

/// A change of the sample's export, made by the first place where the text stands.
fn changed(told: &str, from: &str, to: &str) -> Vec<u8> {
    assert!(told.contains(from), "{from}");
    told.replacen(from, to, 1).into_bytes()
}

/// Every refusal, told once. None leaves a store where there was none, or changes one that was there.
#[test]
fn what_was_changed_is_refused_and_leaves_nothing_behind() {
    let (place, told) = exported();
    let lines: Vec<&str> = told.split_inclusive('\n').collect();
    let without = |place: usize| [&lines[..place], &lines[place + 1..]].concat().concat().into_bytes();
    let frame = lines[3].split('"').nth(5).unwrap();
    let checkpoint = lines[0].split("\"digest\":\"").last().unwrap().split('"').next().unwrap();
    let identity = lines[0].split("\"identity\":\"").nth(1).unwrap().split('"').next().unwrap();
    let created_at = lines[0].split("\"created_at\":\"").nth(1).unwrap().split('"').next().unwrap();
    let not_utf8 = |at: usize| [&told.as_bytes()[..at], &[0xff], &told.as_bytes()[at + 1..]].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("cut inside a line", told.as_bytes()[..told.len() / 2].to_vec()),
        ("cut before the last line end", told.as_bytes()[..told.len() - 1].to_vec()),
        ("cut on a line end", lines[..40].concat().into_bytes()),
        ("the last line missing", without(lines.len() - 1)),
        ("a Step missing", without(40)),
        ("a Step twice", [&lines[..41], &lines[40..]].concat().concat().into_bytes()),
        ("the first line missing", without(0)),
        ("a second first line", [&lines[..9], &lines[..1], &lines[9..]].concat().concat().into_bytes()),
        ("a line after the last", format!("{told}{}", lines[0]).into_bytes()),
        ("events of an older build", lines[1].split("\"events\":[").nth(1).unwrap().as_bytes().to_vec()),
        ("no JSON", changed(&told, ",\"frame\":", ";\"frame\":")),
        ("not UTF-8", not_utf8(lines[0].len() + 30)),
        ("a newer version", changed(&told, "\"retrace_export\":1", "\"retrace_export\":2")),
        ("an unknown field", changed(&told, "\"texts\":[]", "\"texts\":[],\"more\":1")),
        ("a field missing", changed(&told, ",\"texts\":[]", "")),
        ("a field twice", changed(&told, ",\"texts\":[]", ",\"texts\":[],\"texts\":[]")),
        ("blanks", changed(&told, "\"texts\":[]", "\"texts\": []")),
        ("other line ends", told.replace('\n', "\r\n").into_bytes()),
        ("a name that is none", changed(&told, "\"session\":\"sample\"", "\"session\":\"a b\"")),
        ("another id", changed(&told, "\"uid\":\"", "\"uid\":\"0")),
        ("an identity that is no base64", changed(&told, identity, &format!("{}!", &identity[1..]))),
        ("an identity of other bytes", changed(&told, identity, &format!("CX{}", &identity[2..]))),
        ("another seed in the view", changed(&told, "\"seed\":0", "\"seed\":7")),
        ("a time that is none", changed(&told, created_at, "soon")),
        ("a frame that is no base64", changed(&told, frame, &format!("{}*", &frame[1..]))),
        ("a frame that cannot be read", changed(&told, frame, &format!("Ag{}", &frame[2..]))),
        ("a frame that is cut off", changed(&told, frame, &frame[..frame.len() / 8 * 4])),
        ("another price in a view", changed(&told, "\"price\":\"60449.39\"", "\"price\":\"60449.38\"")),
        ("another seq in a view", changed(&told, "{\"seq\":20,", "{\"seq\":21,")),
        ("an event added to a view", changed(&told, "],\"texts\":[]", ",{}],\"texts\":[]")),
        ("a text changed", changed(&told, "higher lows", "lower lows")),
        ("a text under another reference", changed(&told, "\"reference\":\"", "\"reference\":\"00")),
        ("a text where none is referred to", {
            let texts = lines.iter().find_map(|line| line.split("\"texts\":[{").nth(1)).unwrap().trim_end();
            changed(&told, "\"texts\":[]}", &format!("\"texts\":[{{{texts}"))
        }),
        ("another digest in a checkpoint", changed(&told, checkpoint, &"0".repeat(64))),
        (
            "a checkpoint beyond the end",
            changed(&told, "\"checkpoints\":[{\"seq\":256", "\"checkpoints\":[{\"seq\":999"),
        ),
        ("another head", changed(&told, "\"head\":\"", "\"head\":\"f00").to_vec()),
        ("another number of events", changed(&told, "{\"end\":{\"events\":256", "{\"end\":{\"events\":255")),
        ("not finished after all", changed(&told, "\"finished\":true}}", "\"finished\":false}}")),
    ];
    let before = files(&place.path("db"));
    let mut said = String::new();
    for (what, file) in &cases {
        std::fs::write(place.path("changed.jsonl"), file).unwrap();
        // Into no store at all, and into one that holds another session.
        let refused = retrace(&place, &["import", "changed.jsonl", "--db", "none"]);
        assert_eq!(refused.status.code(), Some(2), "{what}: {}", text(&refused.stdout));
        assert!(refused.stdout.is_empty() && !place.path("none").exists(), "{what} made a store");
        let again = place.retrace(&["import", "changed.jsonl", "--session", "other"]);
        assert_eq!((again.status.code(), &again.stderr), (Some(2), &refused.stderr), "{what}");
        assert_eq!(files(&place.path("db")), before, "{what} changed the store");
        said += &format!("{what}\n{}\n", text(&refused.stderr));
    }
    let sessions = place.json(&["sessions"]);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    insta_settings().bind(|| {
        insta::assert_snapshot!("import_refusals", without_what_varies(&said, lines[lines.len() - 1], lines[0]))
    });
}

/// Where in a line something stands depends on the folder and the time in the sample's provenance; its head and its id
/// on the engine, which is not what is told here.
fn without_what_varies(said: &str, last: &str, first: &str) -> String {
    let field = |line: &str, name: &str| -> String {
        line.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let said = said.replace(&field(last, "head"), "HEAD").replace(&field(first, "uid"), "UID");
    let mut parts = said.split("byte ");
    let mut told = parts.next().unwrap().to_owned();
    for part in parts {
        told = told + "byte N" + part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    told
}

#[test]
fn a_session_that_is_there_is_told_with_its_head() {
    let (place, told) = exported();
    let before = files(&place.path("db"));
    let there = place.says(2, &["import", "sample.jsonl"]);
    assert!(there.contains("already, as sample, with the same head") && there.contains("nothing to import"), "{there}");
    // The same session as an interrupted run would have left it.
    let whole = ExportedSession::read(told.as_bytes()).unwrap();
    let mut store = MemoryStore::new();
    let uid = store.create(&whole.manifest.manifest).unwrap();
    for step in &whole.steps[..60] {
        store.append_frame(uid, &step.frame, &step.texts).unwrap();
    }
    store.commit().unwrap();
    std::fs::write(place.path("earlier.jsonl"), export(&store, uid)).unwrap();
    let other = place.says(2, &["import", "earlier.jsonl", "--session", "earlier"]);
    let last = whole.steps[59].step.last_seq();
    assert!(other.contains(&format!("as sample, and ends there at event 256, in the file at event {last}")), "{other}");
    assert!(other.contains("another store"), "{other}");
    let taken = retrace(&place, &["import", "earlier.jsonl", "--db", "copy"]);
    assert!(well(&taken).contains("interrupted"), "{}", text(&taken.stdout));
    let told = well(&retrace(&place, &["sessions", "--db", "copy", "--json"]));
    assert!(told.contains("\"status\":\"interrupted\""), "{told}");
    // What there is of it is decided the same, and happens again.
    assert!(well(&retrace(&place, &["verify", "sample", "--db", "copy"])).contains("clean"));
    assert_eq!(files(&place.path("db")), before);
    // Neither a folder nor a missing file is an export, and nothing is made for them.
    for file in ["db", "nowhere.jsonl"] {
        let said = retrace(&place, &["import", file, "--db", "none"]);
        assert_eq!(said.status.code(), Some(2));
        assert!(text(&said.stderr).contains(&format!("{file} cannot be read")), "{}", text(&said.stderr));
        assert!(!place.path("none").exists());
    }
}

/// A damaged log is exported to nowhere: what stood in the file's place still stands there, alone.
#[test]
fn an_export_that_fails_midway_leaves_the_old_file() {
    let (place, told) = exported();
    let before = std::fs::read_dir(place.dir.path()).unwrap().count();
    let mut forger = Forger::open(&place.path("db"), "sample");
    assert!(forger.blocks() >= 1);
    forger.edit_block(1, |bytes| {
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
    });
    drop(forger);
    let said = place.says(2, &["export", "sample", "--format", "jsonl", "--out", "sample.jsonl"]);
    assert!(said.contains("error: ") && said.contains("verify sample"), "{said}");
    assert_eq!(std::fs::read_to_string(place.path("sample.jsonl")).unwrap(), told);
    assert_eq!(std::fs::read_dir(place.dir.path()).unwrap().count(), before, "nothing stands beside it");
    // To standard output it is cut off, and no import takes that.
    let cut = place.retrace(&["export", "sample", "--format", "jsonl"]);
    assert_eq!(cut.status.code(), Some(2));
    std::fs::write(place.path("cut.jsonl"), cut.stdout).unwrap();
    assert_eq!(retrace(&place, &["import", "cut.jsonl", "--db", "none"]).status.code(), Some(2));
}

/// Killed at any moment, an import leaves the whole session or none, and can be made again.
#[test]
fn a_killed_import_leaves_all_or_nothing() {
    let (place, told) = exported();
    let import = |db: &str, file: &str| {
        let mut command = command(&place, &["import", file, "--db", db]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // While it waits for the rest of its input.
    let mut child = import("half", "-").spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(&told.as_bytes()[..told.len() / 2]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!whole(&place.path("half")));

    // At any moment between its start and a little after its end, as long as that takes here.
    let begun = Instant::now();
    assert!(import("whole", "sample.jsonl").status().unwrap().success());
    let longest = u64::try_from(begun.elapsed().as_micros()).unwrap() * 5 / 4;
    let mut random = Seeded(20_261_121);
    let mut there = 0;
    for round in 0..30 {
        let db = format!("killed{round}");
        let mut child = import(&db, "sample.jsonl").spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(longest)));
        child.kill().unwrap();
        child.wait().unwrap();
        there += u32::from(whole(&place.path(&db)));
        let again = retrace(&place, &["import", "sample.jsonl", "--db", &db]);
        let said = text(&again.stderr);
        assert!(again.status.success() || said.contains("with the same head"), "round {round}: {said}");
        assert!(whole(&place.path(&db)));
    }
    println!("{there} of 30 were whole when they were killed");
}

/// Whether the store has the session, which is then finished and has all of its events.
fn whole(db: &Path) -> bool {
    let Ok(reader) = RocksReader::open(db) else { return false };
    assert!(reader.damage().is_empty(), "{:?}", reader.damage());
    let Some((_, uid)) = reader.sessions().unwrap().pop() else { return false };
    let end = retrace_core::log::read_log(&reader, uid, &mut |_| true).unwrap();
    assert_eq!((end.last_seq.0, end.steps), (256, 126));
    assert!(reader.checkpoints(uid).unwrap()[0].finished);
    true
}
