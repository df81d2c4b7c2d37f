//! `run --resume`: an interrupted backtest ends as one that was never stopped, or it is said why not and nothing is
//! written.

use std::fmt::Write as _;

use retrace_core::event::{Fact, Input, ReportKind};
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::manifest::{Identity, Mode};
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, LogStore, Manifest};
use retrace_core::testkit::samples;
use retrace_replay::DECISION_VERSION;
use retrace_replay::verify::{Finding, verify};
use retrace_rocks::testkit::{Forger, dir_hash};
use retrace_rocks::{RocksReader, RocksStore};
use retrace_tools::recording::{Pace, Watching};
use retrace_tools::resume::{Resumed, resume};
use retrace_tools::session::{self, LoadedSession};
use serde_json::Value;

use crate::cli::{Place, text};
use crate::scenarios::insta_settings;
use crate::whole::{Whole, busy_session, interrupted, sample_session, steps};

fn resumed(store: &mut dyn LogStore, session: SessionUid, loaded: &LoadedSession) -> Resumed {
    resume(store, session, loaded, Pace::USUAL, Watching::default()).unwrap()
}

#[test]
fn interrupted_after_any_step_it_ends_as_if_it_had_not_been() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = sample_session(dir.path());
    let (whole, steps) = Whole::never_stopped(&loaded);
    for kept in 0..=steps.len() {
        let mut store = MemoryStore::new();
        let session = interrupted(&mut store, &loaded, &steps[..kept]);
        let Resumed::Ended { after, recorded } = resumed(&mut store, session, &loaded) else { panic!("{kept}") };
        assert_eq!(after, steps[..kept].last().map_or(Seq(0), Step::last_seq));
        assert_eq!((recorded.last_seq, recorded.steps), (whole.last_seq, steps.len() as u64), "{kept} Steps");
        assert!(Whole::of(&store, session, &loaded) == whole, "{kept} Steps");
        assert!(matches!(resumed(&mut store, session, &loaded), Resumed::Finished), "{kept} Steps");
        if kept % 40 == 0 {
            assert!(verify(&store, session, Some(&loaded.tape)).unwrap().is_clean(), "{kept} Steps");
        }
    }
}

#[test]
fn in_a_store_on_disk_it_ends_the_same_wherever_in_a_block_it_was_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = busy_session(dir.path());
    let (whole, steps) = Whole::never_stopped(&loaded);
    let ends = whole.block_ends();
    assert!(ends.len() > 1, "{ends:?}");
    // The Steps up to a block's end, one fewer, and one more.
    let at_end = steps.iter().position(|step| step.last_seq() == ends[1]).unwrap() + 1;
    for kept in [0, 1, at_end - 1, at_end, at_end + 1, steps.len()] {
        let db = dir.path().join(format!("db{kept}"));
        let mut store = RocksStore::create_or_open(&db).unwrap();
        let session = interrupted(&mut store, &loaded, &steps[..kept]);
        store.close().unwrap();
        let mut store = RocksStore::create_or_open(&db).unwrap();
        assert!(matches!(resumed(&mut store, session, &loaded), Resumed::Ended { .. }), "{kept} Steps");
        store.close().unwrap();
        let reader = RocksReader::open(&db).unwrap();
        assert!(Whole::of(&reader, session, &loaded) == whole, "{kept} Steps");
    }
}

#[test]
fn texts_that_were_erased_stay_erased_and_those_to_come_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = sample_session(dir.path());
    let (whole, steps) = Whole::never_stopped(&loaded);
    let mut store = MemoryStore::new();
    let session = interrupted(&mut store, &loaded, &steps[..steps.len() / 2]);
    let (_, contents) = loaded.sealed(session);
    let there: Vec<_> = contents.keys().filter(|text| store.content(session, **text).unwrap().is_some()).collect();
    assert!(!there.is_empty() && there.len() < contents.len(), "{} of {}", there.len(), contents.len());
    store.erase(session, *there[0]).unwrap();
    resumed(&mut store, session, &loaded);
    for (reference, content) in &contents {
        let now = store.content(session, *reference).unwrap();
        assert_eq!(now.as_ref(), Some(content).filter(|_| reference != there[0]));
    }
    assert_eq!(Whole::of(&store, session, &loaded).head, whole.head);
}

/// A record that is not what the run makes: what is found. Nothing may have been appended.
#[track_caller]
fn differs(loaded: &LoadedSession, record: &[Step]) -> Finding {
    let mut store = MemoryStore::new();
    let session = interrupted(&mut store, loaded, record);
    let before = Whole::of(&store, session, loaded);
    let Resumed::Differs(finding) = resumed(&mut store, session, loaded) else { panic!("it was resumed") };
    assert!(Whole::of(&store, session, loaded) == before, "something was written");
    *finding
}

#[test]
fn a_record_that_does_not_happen_again_is_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = sample_session(dir.path());
    let (_, steps) = Whole::never_stopped(&loaded);
    let is_fill = |step: &Step| match &step.events[0].fact {
        Fact::Input(Input::Report(report)) => matches!(report.what, ReportKind::Filled(_)),
        _ => false,
    };
    let place = steps.iter().rposition(is_fill).unwrap();

    // A fill at another price.
    let mut other_price = steps[..=place].to_vec();
    if let Fact::Input(Input::Report(report)) = &mut other_price[place].events[0].fact
        && let ReportKind::Filled(fill) = &mut report.what
    {
        fill.price = samples::price("59999");
    }
    let finding = differs(&loaded, &other_price);
    assert_eq!((finding.check, finding.seq), ("re-simulate", Some(steps[place].first_seq())));
    assert_eq!(finding.what, "the run again takes another turn");
    assert!(finding.detail.iter().any(|line| line.starts_with("recorded: ") && line.contains("59999")), "{finding:#?}");
    assert!(finding.detail.iter().any(|line| line.starts_with("decided now: ")), "{finding:#?}");

    // A decision too few.
    let place = steps.iter().position(|step| step.events.len() > 2).unwrap();
    let mut one_fewer = steps[..=place].to_vec();
    let dropped = one_fewer[place].events.pop().unwrap();
    assert_eq!(differs(&loaded, &one_fewer).seq, Some(dropped.seq));

    // A Step that the run never comes to.
    let mut one_more = steps.clone();
    let mut extra = steps.last().unwrap().clone();
    let shift = extra.events.len() as u64;
    extra.events.iter_mut().for_each(|event| event.seq = Seq(event.seq.0 + shift));
    one_more.push(extra);
    let finding = differs(&loaded, &one_more);
    assert_eq!(finding.what, "the run again ends 1 Steps before the recorded one");
}

/// The sample in a folder, with a store that has it interrupted.
struct Interrupted {
    place: Place,
    loaded: LoadedSession,
    whole: Whole,
    steps: Vec<Step>,
}

impl Interrupted {
    fn new() -> Self {
        let place = Place::with_sample();
        let loaded = session::load(&place.path("session.yaml")).unwrap();
        let (whole, steps) = Whole::never_stopped(&loaded);
        let interrupted = Self { place, loaded, whole, steps };
        interrupted.store(|store, steps| {
            self::interrupted(store, &interrupted.loaded, steps);
        });
        interrupted
    }

    /// Does something to the store, given the Steps of the first half.
    fn store(&self, act: impl FnOnce(&mut dyn LogStore, &[Step])) {
        let mut store = RocksStore::create_or_open(self.place.path("db")).unwrap();
        act(&mut store, &self.steps[..self.steps.len() / 2]);
        store.close().unwrap();
    }

    fn now(&self) -> Whole {
        let reader = RocksReader::open(self.place.path("db")).unwrap();
        let session = reader.find("sample").unwrap();
        Whole::of(&reader, session, &self.loaded)
    }

    /// Resuming is refused; nothing has changed. What is said, without this machine's paths.
    #[track_caller]
    fn refused(&self, session: &str) -> String {
        let before = self.now();
        let said = self.place.says(2, &["run", "--resume", session]);
        assert!(self.now() == before);
        let here = self.place.dir.path().canonicalize().unwrap();
        said.replace(here.to_str().unwrap(), "DIR").replace(self.place.dir.path().to_str().unwrap(), "DIR")
    }
}

#[test]
fn the_command_ends_what_was_interrupted_and_does_nothing_twice() {
    let case = Interrupted::new();
    let half = case.now().last_seq;
    let said = text(&case.place.retrace(&["run", "--resume", "sample"]).stdout);
    let new = case.whole.last_seq.0 - half.0;
    let line = format!("resumed after event {half}: all that was recorded happened again, {new} events more");
    assert_eq!(said.lines().nth(1), Some(line.as_str()), "{said}");
    assert!(said.contains("TPL_REBOUND") && said.contains("2 refusals"), "{said}");
    assert!(case.now() == case.whole);
    assert_eq!(case.place.retrace(&["verify", "sample"]).status.code(), Some(0));

    let before = dir_hash(&case.place.path("db"));
    let said = text(&case.place.retrace(&["run", "--resume", "sample"]).stdout);
    assert!(said.contains("finished, 256 events") && said.contains("nothing to resume"), "{said}");
    let again = case.place.json(&["run", "--resume", "sample"]);
    assert_eq!((&again["outcome"], &again["events"]), (&Value::from("finished_before"), &Value::from(256)));
    assert_eq!(dir_hash(&case.place.path("db")), before, "a finished session's store was changed");
}

#[test]
fn the_document_is_that_of_run_with_where_it_went_on() {
    let case = Interrupted::new();
    let half = case.now().last_seq;
    let resumed = case.place.json(&["run", "--resume", "sample"]);
    assert_eq!((&resumed["outcome"], &resumed["resumed_after"]), (&Value::from("resumed"), &Value::from(half.0)));
    let run = Place::with_sample().json(&["run", "session.yaml"]);
    for (key, value) in run.as_object().unwrap() {
        assert!(key == "elapsed_ms" || resumed[key] == *value, "{key}: {} is not {value}", resumed[key]);
    }
    let strict = Interrupted::new();
    assert_eq!(strict.place.retrace(&["run", "--resume", "sample", "--strict"]).status.code(), Some(1));
}

#[test]
fn what_happens_otherwise_is_found_with_status_1_and_nothing_is_written() {
    let case = Interrupted::new();
    let (name, session) = {
        let reader = RocksReader::open(case.place.path("db")).unwrap();
        ("sample", reader.find("sample").unwrap())
    };
    // The store's own checks see nothing: the log was forged with a right chain and a right watermark.
    let mut forger = Forger::open(&case.place.path("db"), name);
    forger.rewrite(|steps| {
        let fact = steps.iter_mut().rev().find_map(|step| match &mut step.events[0].fact {
            Fact::Input(Input::Report(report)) => match &mut report.what {
                ReportKind::Filled(fill) => Some(fill),
                _ => None,
            },
            _ => None,
        });
        fact.unwrap().price = samples::price("59999");
    });
    forger.fix_watermark();
    drop(forger);
    let before = case.now();
    let output = case.place.retrace(&["run", "--resume", name]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    let told = "sample  not resumed: it does not happen again as it was recorded; nothing was written\n\n!! re-simulate: event ";
    assert!(said.starts_with(told) && said.contains("the run again takes another turn"), "{said}");
    let output = case.place.retrace(&["run", "--resume", name, "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &document["outcome"]), (Some(1), &Value::from("differs")));
    assert_eq!(document["findings"][0]["check"], "re-simulate");
    assert!(case.now() == before);
    assert_eq!(steps(&RocksReader::open(case.place.path("db")).unwrap(), session).len(), case.steps.len() / 2);
}

#[test]
fn an_interrupted_session_is_compared_with_a_run_as_far_as_it_came() {
    let case = Interrupted::new();
    let compared = case.place.json(&["diff", "sample"]);
    assert_eq!(compared["equal"], true, "{compared:#}");
    assert_eq!(compared["a"]["events"], compared["b"]["events"], "{compared:#}");
    assert!(compared["a"]["events"].as_u64().unwrap() < case.whole.last_seq.0, "{compared:#}");
    let told = text(&case.place.retrace(&["diff", "sample"]).stderr);
    assert!(told.contains("sample was interrupted"), "{told}");
}

#[test]
fn a_what_if_of_other_directives_is_resumed_too() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let set = ["--set", "directives[DIP_1].execution_directive.slices=4", "--set", "venue.fees.taker=0.001"];
    place.json(&[&["run", "--from", "sample", "--session", "other"], &set[..]].concat());
    // The same in another store, its first half alone, as a kill leaves it.
    let mut other = RocksStore::create_or_open(place.path("interrupted")).unwrap();
    let half = {
        let reader = RocksReader::open(place.path("db")).unwrap();
        let session = reader.find("other").unwrap();
        let manifest = reader.manifest(session).unwrap();
        assert_eq!(other.create(&manifest).unwrap(), session);
        let steps = steps(&reader, session);
        for step in &steps[..steps.len() / 2] {
            let received = match &step.events[0].fact {
                Fact::Input(Input::DirectiveReceived(directive)) => directive.comments,
                _ => None,
            };
            let text = |reference| Some((reference, reader.content(session, reference).unwrap()?));
            other.append(session, step, &received.and_then(text).into_iter().collect::<Vec<_>>()).unwrap();
        }
        other.commit().unwrap();
        other.durable_seq(session)
    };
    other.close().unwrap();
    let output = place.retrace_as_given(&["run", "--resume", "other", "--db", "interrupted", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let resumed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&resumed["outcome"], &resumed["resumed_after"]), (&Value::from("resumed"), &Value::from(half.0)));
    assert_eq!(resumed["head"], place.json(&["replay", "other"])["head"], "{resumed:#}");
}

#[test]
fn what_cannot_be_resumed_is_refused_with_what_and_where() {
    let mut story = String::new();
    let mut tell = |case: &str, said: String| writeln!(story, "{case}\n{said}").unwrap();

    let case = Interrupted::new();
    tell("no session of that name", case.refused("nobody"));
    case.place.edit("directives.jsonl", "59000", "58999");
    tell("other directives", case.refused("sample"));
    case.place.edit("directives.jsonl", "58999", "59000");

    let market = std::fs::read_to_string(case.place.path("market.csv")).unwrap();
    let shorter = market.trim_end().rsplit_once('\n').unwrap().0;
    std::fs::write(case.place.path("market.csv"), shorter).unwrap();
    tell("a bar fewer", case.refused("sample"));
    let (head, last) = market.trim_end().rsplit_once(',').unwrap();
    std::fs::write(case.place.path("market.csv"), format!("{head},1{last}")).unwrap();
    tell("another volume", case.refused("sample"));
    std::fs::create_dir(case.place.path("elsewhere")).unwrap();
    std::fs::write(case.place.path("elsewhere/market.csv"), &market).unwrap();
    std::fs::remove_file(case.place.path("market.csv")).unwrap();
    tell("no market file", case.refused("sample"));

    let directives = std::fs::read(case.place.path("directives.jsonl")).unwrap();
    std::fs::remove_file(case.place.path("directives.jsonl")).unwrap();
    let without = ["run", "--resume", "sample", "--market-dir", "elsewhere"];
    let here = case.place.dir.path().to_str().unwrap();
    tell("no directives", case.place.says(2, &without).replace(here, "DIR"));
    std::fs::write(case.place.path("directives.jsonl"), directives).unwrap();

    {
        let _held = RocksStore::create_or_open(case.place.path("db")).unwrap();
        let reading = case.place.says(2, &without);
        tell("another process runs it", reading);
    }
    tell("no store", text(&case.place.retrace_as_given(&["run", "--resume", "sample", "--db", "nowhere"]).stderr));
    // The session file is not needed: its text stands in the store.
    std::fs::remove_file(case.place.path("session.yaml")).unwrap();
    assert_eq!(case.place.retrace(&without).status.code(), Some(0));
    assert!(case.now() == case.whole);

    let Manifest { identity, provenance } = samples::manifest("x");
    for (name, mode) in [("imported", Mode::Import), ("paper", Mode::Paper), ("live", Mode::Live)] {
        let identity = Identity { name: SessionName::new(name).unwrap(), mode, ..identity.clone() };
        case.store(|store, _| {
            store.create(&Manifest { identity, provenance: provenance.clone() }).unwrap();
            store.commit().unwrap();
        });
        tell(&format!("{name} session"), case.refused(name));
    }
    let mut older = case.loaded.manifest();
    older.identity.name = SessionName::new("older").unwrap();
    older.identity.decision_version = DECISION_VERSION - 1;
    case.store(|store, _| {
        store.create(&older).unwrap();
        store.commit().unwrap();
    });
    let said = case.refused("older");
    let versions = format!("decision version {}, this build {DECISION_VERSION}", DECISION_VERSION - 1);
    assert!(said.contains(&versions), "{said}");
    let said = said.replace(&versions, "decision version N - 1, this build N");
    tell("decided by other code", said.replace(env!("CARGO_PKG_VERSION"), "VERSION"));

    insta_settings().bind(|| insta::assert_snapshot!("resume_refusals", story));
}

#[test]
fn a_log_that_is_not_whole_is_not_built_on() {
    let place = Place::empty();
    let loaded = busy_session(place.dir.path());
    let (_, steps) = Whole::never_stopped(&loaded);
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    interrupted(&mut store, &loaded, &steps[..steps.len() - 1]);
    store.close().unwrap();
    // Opening looks at the last block; this is the first.
    let mut forger = Forger::open(&place.path("db"), "sample");
    forger.edit_block(1, |bytes| *bytes.last_mut().unwrap() ^= 1);
    drop(forger);
    let said = place.says(2, &["run", "--resume", "sample"]);
    assert!(said.starts_with("error: session sample: ") && said.contains("hint: `retrace verify sample"), "{said}");
    assert_eq!(place.json(&["sessions"])["sessions"][0]["status"], "interrupted");
}
