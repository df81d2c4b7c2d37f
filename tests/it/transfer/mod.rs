//! Export and import: every session comes back with its head, its ledger and its bytes; what was changed on the way is
//! refused and leaves nothing behind.

mod changes;
mod commands;
mod tables;

use std::path::Path;

use proptest::prelude::*;
use retrace_core::content::ContentRef;
use retrace_core::event::{Event, Fact, Head, UnknownFact};
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::log::{read_frames, read_log};
use retrace_core::manifest::{Change, Provenance, WhatIf};
use retrace_core::memory::MemoryStore;
use retrace_core::store::{LogReader, LogStore, Manifest};
use retrace_core::time::Timestamp;
use retrace_projections::export::tables::{FillRow, OrderRow, PlanRow};
use retrace_projections::export::{BadExport, ExportedSession};
use retrace_projections::ledger::Book;
use retrace_replay::verify::verify;
use retrace_rocks::{RocksReader, RocksStore};
use retrace_tools::transfer::{ImportError, Imported, check_export, put_export, write_export};
use retrace_tools::{sample, session};

use crate::replaying;
use crate::scenario::Scenario;

pub(crate) fn export(reader: &dyn LogReader, uid: SessionUid) -> Vec<u8> {
    let sessions = reader.sessions().unwrap();
    let (name, _) = sessions.into_iter().find(|(_, known)| *known == uid).unwrap();
    let mut text = Vec::new();
    write_export(reader, &name, uid, &mut text).unwrap();
    text
}

/// As the command does it: all is checked, then all is put.
fn import(mut text: &[u8], store: &mut dyn LogStore, name: Option<&str>) -> Result<Imported, ImportError> {
    check_export(&mut { text }, &mut |_| Ok(()))?;
    put_export(&mut text, store, name.map(|name| SessionName::new(name).unwrap()), &mut |_| Ok(()))
}

fn refused(text: &[u8]) -> BadExport {
    match check_export(&mut { text }, &mut |_| Ok(())) {
        Err(ImportError::Bad(bad)) => bad,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("taken:\n{}", String::from_utf8_lossy(text)),
    }
}

fn folded(reader: &dyn LogReader, uid: SessionUid) -> (Book, Vec<Vec<u8>>) {
    let mut book = Book::new(&reader.manifest(uid).unwrap().identity);
    let mut frames = Vec::new();
    read_frames(reader, uid, &mut |frame, step| {
        frames.push(frame.to_vec());
        step.events.iter().for_each(|event| book.apply(event).unwrap());
        true
    })
    .unwrap();
    (book, frames)
}

/// The session of `uid` stands in `other` as it stands in `one`.
fn assert_same(one: &dyn LogReader, other: &dyn LogReader, uid: SessionUid, what: &str) {
    let end = |reader: &dyn LogReader| read_log(reader, uid, &mut |_| true).unwrap();
    assert_eq!(end(one), end(other), "{what}");
    let ((book, frames), (other_book, other_frames)) = (folded(one, uid), folded(other, uid));
    assert_eq!(frames, other_frames, "{what}");
    assert_eq!(book.ledger().digest(), other_book.ledger().digest(), "{what}");
    assert_eq!(one.manifest(uid).unwrap(), other.manifest(uid).unwrap(), "{what}");
    assert_eq!(one.checkpoints(uid).unwrap(), other.checkpoints(uid).unwrap(), "{what}");
    assert_eq!(one.index(uid, &[]).unwrap(), other.index(uid, &[]).unwrap(), "{what}");
    assert_eq!(export(one, uid), export(other, uid), "{what}: exported again");
}

fn scenarios() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let read = |path: std::path::PathBuf| {
        Scenario::read(&path.file_stem().unwrap().to_string_lossy(), &std::fs::read_to_string(&path).unwrap())
    };
    names.into_iter().filter_map(read).collect()
}

/// All scenarios share one store on disk at the end, each taken from a store of its own in memory and back.
#[test]
fn every_scenario_comes_back_the_same_from_either_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut rocks = RocksStore::create_or_open(dir.path()).unwrap();
    for scenario in scenarios() {
        let mut memory = MemoryStore::new();
        let played = scenario.play(&mut memory);
        let (uid, name) = (played.session, &scenario.title);
        let text = export(&memory, uid);
        let imported = import(&text, &mut rocks, None).unwrap();
        assert_eq!((imported.end.head, imported.end.events), (played.end.head, played.end.last_seq), "{name}");
        assert!(imported.end.finished, "{name}");
        assert_same(&memory, &rocks, uid, name);
        let mut back = MemoryStore::new();
        import(&export(&rocks, uid), &mut back, None).unwrap();
        assert_same(&rocks, &back, uid, name);
        let verification = verify(&back, uid, Some(&scenario.tape)).unwrap();
        assert!(verification.is_clean(), "{name}: {verification:#?}");
    }
    drop(rocks);
    let reader = RocksReader::open(dir.path()).unwrap();
    assert!(reader.damage().is_empty() && reader.sessions().unwrap().len() > 50);
}

#[test]
fn the_sample_comes_back_with_its_texts() {
    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), sample::DEFAULT_SEED).unwrap();
    let loaded = session::load(&dir.path().join("session.yaml")).unwrap();
    let mut store = MemoryStore::new();
    let recorded = session::record(&mut store, &loaded).unwrap();
    let text = export(&store, recorded.session);
    let mut rocks = RocksStore::create_or_open(dir.path().join("db")).unwrap();
    let imported = import(&text, &mut rocks, None).unwrap();
    assert_eq!((imported.end.head, imported.end.ledger_digest.0), (recorded.head, recorded.ledger_digest));
    assert_eq!(imported.texts, 10);
    assert_same(&store, &rocks, recorded.session, "sample");
    let (_, contents) = loaded.sealed(recorded.session);
    for (reference, content) in contents {
        assert_eq!(rocks.content(recorded.session, reference).unwrap(), Some(content));
    }
    let verification = verify(&rocks, recorded.session, Some(&loaded.tape)).unwrap();
    assert!(verification.is_clean(), "{verification:#?}");

    // The same, for whoever has no store at all.
    let read = ExportedSession::read(&text).unwrap();
    assert_eq!((read.end, read.steps.len() as u64), (imported.end, recorded.steps));
    assert_eq!(read.book.ledger().digest(), recorded.ledger_digest);
    let (memory, uid) = read.into_store().unwrap();
    assert_same(&store, &memory, uid, "sample");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Drawn sessions, whole or cut off after any Step.
    #[test]
    fn export_and_import_keep_head_and_digest(script in replaying::script(), kept in 0.0..1.2_f64) {
        let scenario = Scenario::read("drawn", &script).unwrap();
        let mut whole = MemoryStore::new();
        let played = scenario.play(&mut whole);
        let steps = ((played.steps.len() as f64) * kept) as usize;
        let (store, uid) = if steps < played.steps.len() {
            let mut store = MemoryStore::new();
            let uid = store.create(&whole.manifest(played.session).unwrap()).unwrap();
            for step in &played.steps[..steps] {
                store.append(uid, step, &[]).unwrap();
            }
            store.commit().unwrap();
            (store, uid)
        } else {
            (whole, played.session)
        };
        let mut copy = MemoryStore::new();
        let imported = import(&export(&store, uid), &mut copy, None).unwrap();
        prop_assert_eq!(imported.end.finished, steps >= played.steps.len());
        prop_assert_eq!(imported.end.steps, steps.min(played.steps.len()) as u64);
        assert_same(&store, &copy, uid, "drawn");
    }
}

/// A session of a few Steps, two of them with texts.
fn small() -> (MemoryStore, SessionUid, Vec<u8>) {
    let script = concat!(
        "# small\nbars 2022-01-21T10:00:00Z\n100 101 99 100.5 12\nflat 3 100\n",
        r#"{"at":"2022-01-21T10:01:00Z","directive":{"directive_id":"D1","scope":"NEW_TRADE","plan_id":"TPL","#,
        r#""comments":"why not","entry_directive":{"symbol":"BTC/USDT","direction":"BUY"},"#,
        r#""size_directive":{"target_position_size":"2"},"exit_directive":{"stop_loss_price":"90"}}}"#,
        "\n",
        r#"{"at":"2022-01-21T10:03:00Z","directive":{"directive_id":"D2","scope":"CLOSE_EXISTING","#,
        r#""comments":"=done","target_plan_ids":["TPL"]}}"#,
        "\n",
    );
    let scenario = Scenario::read("small", script).unwrap();
    let mut store = MemoryStore::new();
    let played = scenario.play(&mut store);
    let text = export(&store, played.session);
    (store, played.session, text)
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// What a newer build wrote: kinds that this one does not know, as inputs and decisions.
fn with_unknown_kinds() -> (MemoryStore, SessionUid) {
    let (from, uid, _) = small();
    let mut steps = Vec::new();
    read_log(&from, uid, &mut |step| {
        steps.push(step);
        true
    })
    .unwrap();
    let last = steps.last().unwrap().clone();
    let event = |seq: u64, kind, version| Event {
        seq: Seq(seq),
        time: last.time,
        plan: None,
        order: None,
        cause: None,
        fact: Fact::Unknown(UnknownFact { kind, version, payload: vec![1, 2, 250] }),
    };
    let next = last.last_seq().0 + 1;
    let events = vec![event(next, 77, 1), event(next + 1, 4_000, 1), event(next + 2, 119, 9)];
    steps.push(retrace_core::step::Step { events, ..last });
    let mut store = MemoryStore::new();
    store.create(&from.manifest(uid).unwrap()).unwrap();
    for step in &steps {
        store.append(uid, step, &[]).unwrap();
    }
    store.commit().unwrap();
    (store, uid)
}

#[test]
fn kinds_that_are_not_known_here_come_back_byte_for_byte() {
    let (store, uid) = with_unknown_kinds();
    let text = export(&store, uid);
    let mut copy = MemoryStore::new();
    let imported = import(&text, &mut copy, None).unwrap();
    assert_eq!(imported.unchecked.unknown_events, 0, "as this build shows them, they are compared");
    assert_same(&store, &copy, uid, "unknown kinds");

    // The build that knows them shows them otherwise: their own fields cannot be judged here, all others are.
    let text = String::from_utf8(text).unwrap();
    let shown = text.replace(
        r#""kind":"unknown_4000","data":{"version":1,"payload_bytes":3}"#,
        r#""kind":"moon_rose","data":{"phase":"full"}"#,
    );
    assert_ne!(shown, text);
    let imported = import(shown.as_bytes(), &mut MemoryStore::new(), None).unwrap();
    assert_eq!(imported.unchecked.unknown_events, 1);
    let kind = r#""kind":"unknown_4000""#;
    refused(text.replace(kind, r#""kind":"unknown_4001""#).as_bytes());
    refused(text.replace(r#""payload_bytes":3"#, r#""payload_bytes":4"#).as_bytes());
    let plan = r#""plan_id":null,"order_id":null,"cause":null,"kind":"moon_rose""#;
    refused(shown.replace(plan, &plan.replacen("null", "\"TPL\"", 1)).as_bytes());
    // A kind that is known is never taken for one that is not.
    refused(text.replacen(r#""kind":"plan_accepted""#, r#""kind":"moon_rose""#, 1).as_bytes());
}

#[test]
fn an_erased_text_stays_erased_and_the_others_come_back() {
    let (mut store, uid, text) = small();
    let read = ExportedSession::read(&text).unwrap();
    let texts: Vec<(ContentRef, String)> =
        read.steps.iter().flat_map(|step| &step.texts).map(|(reference, c)| (*reference, c.text.clone())).collect();
    assert_eq!(texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["why not", "=done"]);
    assert_eq!(read.text(texts[0].0), Some("why not"));
    store.erase(uid, texts[0].0).unwrap();
    store.commit().unwrap();
    let text = export(&store, uid);
    assert!(!String::from_utf8(text.clone()).unwrap().contains("why not"));
    let mut copy = MemoryStore::new();
    let imported = import(&text, &mut copy, None).unwrap();
    assert_eq!(imported.texts, 1);
    assert_eq!(copy.content(uid, texts[0].0).unwrap(), None);
    assert_eq!(copy.content(uid, texts[1].0).unwrap().unwrap().text, "=done");
    assert_same(&store, &copy, uid, "erased");
}

#[test]
fn another_name_changes_nothing_but_the_name() {
    let (store, uid, text) = small();
    let dir = tempfile::tempdir().unwrap();
    let mut rocks = RocksStore::create_or_open(dir.path()).unwrap();
    let imported = import(&text, &mut rocks, Some("renamed")).unwrap();
    drop(rocks);
    let reader = RocksReader::open(dir.path()).unwrap();
    assert_eq!(reader.find("renamed").unwrap(), uid);
    let end = read_log(&reader, uid, &mut |_| true).unwrap();
    assert_eq!(end.head, read_log(&store, uid, &mut |_| true).unwrap().head);
    assert_eq!(end.head, imported.end.head);
    // Out again under that name, and in again under none in particular.
    let again = export(&reader, uid);
    let (old, new) = (lines(&text), lines(&again));
    assert_eq!(old[1..], new[1..]);
    assert_eq!(
        String::from_utf8_lossy(&old[0]).replace(r#""session":"small""#, r#""session":"renamed""#).as_bytes(),
        new[0]
    );
    let mut third = MemoryStore::new();
    import(&again, &mut third, None).unwrap();
    assert_eq!(third.find("renamed").unwrap(), uid);
}

/// What a file that changes between its two readings, or a put without a check, leaves: no session.
#[test]
fn a_put_that_ends_midway_leaves_no_session() {
    let (_, uid, text) = small();
    let dir = tempfile::tempdir().unwrap();
    let told = String::from_utf8(text.clone()).unwrap();
    for wrong in [told.replace("\"finished\":true}}", "\"finished\":false}}"), told + "more\n"] {
        let mut store = RocksStore::create_or_open(dir.path()).unwrap();
        let put = put_export(&mut wrong.as_bytes(), &mut store, None, &mut |_| Ok(()));
        assert!(matches!(put, Err(ImportError::Bad(_))));
        drop(store);
        let reader = RocksReader::open(dir.path()).unwrap();
        assert!(reader.sessions().unwrap().is_empty() && reader.damage().is_empty());
    }
    let mut store = RocksStore::create_or_open(dir.path()).unwrap();
    import(&text, &mut store, None).unwrap();
    assert_eq!(store.find("small").unwrap(), uid);
}

#[test]
fn a_provenance_comes_back_whatever_it_says() {
    let (from, uid, _) = small();
    let provenance = Provenance {
        build: "1.2.3-\u{1b}[31m".into(),
        sources: vec![String::new(), "a\"b\\c".into(), "\u{2028}ü\u{10ffff}".into()],
        config: "tabs\t\r\n\0".into(),
        created_at: Some(Timestamp::from_nanos(1_700_000_000_123_456_789)),
        what_if: Some(WhatIf {
            parent: SessionName::new("parent").unwrap(),
            uid: SessionUid([0xab; 16]),
            head: Head([7; 32]),
            before: Vec::new(),
            changes: vec![
                Change { path: "venue.latency_ms".into(), value: Some("\"\u{1b}\n".into()) },
                Change { path: String::new(), value: None },
            ],
        }),
    };
    let manifest = Manifest { provenance, ..from.manifest(uid).unwrap() };
    let mut store = MemoryStore::new();
    store.create(&manifest).unwrap();
    store.commit().unwrap();
    let mut copy = MemoryStore::new();
    import(&export(&store, uid), &mut copy, None).unwrap();
    assert_eq!(copy.manifest(uid).unwrap(), manifest);
    assert_same(&store, &copy, uid, "a session without events");
}

/// The example in the documentation is what a session is exported as, and its tables of columns are the columns.
#[test]
fn the_documented_example_is_real() {
    let script = concat!(
        "# refused\nbars 2022-01-21T10:00:00Z\nflat 3 100\n",
        r#"{"at":"2022-01-21T10:01:00Z","directive":{"directive_id":"D1","scope":"NEW_TRADE","plan_id":"TPL","#,
        r#""comments":"why not","entry_directive":{"symbol":"BTC/USDT","direction":"BUY"},"#,
        r#""size_directive":{"target_position_size":"2"},"exit_directive":{"stop_loss_price":"110"}}}"#,
        "\n",
    );
    let scenario = Scenario::read("example", script).unwrap();
    let mut store = MemoryStore::new();
    let played = scenario.play(&mut store);
    let text = String::from_utf8(export(&store, played.session)).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/export-format.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let example = page.split("```jsonl\n").nth(1).unwrap().split("```").next().unwrap();
    if std::env::var_os("RETRACE_WRITE_PAGES").is_some() {
        std::fs::write(&path, page.replace(example, &text)).unwrap();
        return;
    }
    assert_eq!(example, text, "RETRACE_WRITE_PAGES=1 writes it anew");
    for (table, columns) in [("plans", PlanRow::COLUMNS), ("orders", OrderRow::COLUMNS), ("fills", FillRow::COLUMNS)] {
        let part = page.split(&format!("### `{table}`")).nth(1).unwrap().split("\n#").next().unwrap();
        let told: Vec<&str> = part
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|rest| rest.split('`').next())
            .collect();
        assert_eq!(told, columns, "{table}");
    }
}
