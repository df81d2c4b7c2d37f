//! Export and import: every session comes back with its head, its ledger and its bytes; what was changed on the way is
//! refused and leaves nothing behind.

mod commands;
mod tables;

use std::path::Path;

use proptest::prelude::*;
use retrace_core::content::ContentRef;
use retrace_core::event::{Event, Fact, UnknownFact};
use retrace_core::frame::{decode_frame, encode_frame};
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::log::{read_frames, read_log};
use retrace_core::manifest::Provenance;
use retrace_core::memory::MemoryStore;
use retrace_core::store::{LogReader, LogStore, Manifest};
use retrace_core::time::Timestamp;
use retrace_projections::export::{BadExport, ExportFault, ExportWriter, ExportedSession, LINE_BYTES_MAX};
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

/// What no byte of a log vouches for: the name in the store, the provenance, which projection a checkpoint is of, and
/// by which version of the fold a digest was made.
fn is_free(text: &str, at: usize) -> bool {
    let inside = |from: &str, to: &str| {
        let start = text.find(from).unwrap() + from.len();
        (start..start + text[start..].find(to).unwrap()).contains(&at)
    };
    inside(r#""session":""#, r#"","uid""#)
        || inside(r#""provenance":{"#, r#"},"checkpoints""#)
        || inside(r#""projection":""#, r#"","version""#)
        || inside(r#""strategy_ledger","version":"#, ",")
        || inside(r#""ledger_version":"#, ",")
}

/// Every byte of a small export, changed, left out and doubled.
#[test]
fn no_byte_that_the_log_vouches_for_can_change() {
    let (_, _, text) = small();
    let right = ExportedSession::read(&text).unwrap();
    let told = String::from_utf8(text.clone()).unwrap();
    let (mut refusals, mut taken) = (0, 0);
    for at in 0..text.len() {
        let other = match text[at] {
            b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => text[at] + 1,
            b'9' => b'0',
            b'\n' => b' ',
            _ => b'_',
        };
        let changed = [&text[..at], &[other], &text[at + 1..]].concat();
        let left_out = [&text[..at], &text[at + 1..]].concat();
        let doubled = [&text[..=at], &text[at..]].concat();
        for changed in [changed, left_out, doubled] {
            match ExportedSession::read(&changed) {
                Err(_) => refusals += 1,
                // Leaving out or doubling one of two equal bytes is no change at all.
                Ok(_) if changed == text => {}
                Ok(read) => {
                    taken += 1;
                    assert!(is_free(&told, at), "byte {at} of {:?}", &told[at.saturating_sub(40)..at + 9]);
                    assert_eq!(read.end.head, right.end.head);
                    assert_eq!(read.end.events, right.end.events);
                    assert_eq!(read.book, right.book);
                    assert_eq!(read.steps, right.steps);
                }
            }
        }
    }
    println!("{refusals} refused, {taken} taken");
    assert!(taken > 20 && refusals > 10 * taken, "{refusals} {taken}");
}

#[test]
fn no_bit_of_a_frame_can_change() {
    let (_, _, text) = small();
    let lines = lines(&text);
    for place in 1..lines.len() - 1 {
        let line = String::from_utf8(lines[place].clone()).unwrap();
        let frame = frame_of(&line);
        for bit in 0..frame.len() * 8 {
            let mut forged = frame.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let mut changed = lines.clone();
            changed[place] = with_frame(&line, &forged).into_bytes();
            let bad = refused(&changed.concat());
            // At once, or by the next Step, which no longer follows, or at the end, where the frames give another head.
            assert!(bad.line > place as u64, "{bad}");
        }
    }
}

fn frame_of(line: &str) -> Vec<u8> {
    base64(line.split('"').nth(5).unwrap())
}

fn with_frame(line: &str, frame: &[u8]) -> String {
    line.replacen(line.split('"').nth(5).unwrap(), &to_base64(frame), 1)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Written again here, so that the project's own is not tested by itself.
fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_u32, |group, place| group << 8 | u32::from(*chunk.get(place).unwrap_or(&0)));
        for place in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte).map_or(0, |place| place as u32);
        let group = chunk.iter().fold(0_u32, |group, byte| group << 6 | digit(byte));
        let padding = chunk.iter().filter(|byte| **byte == b'=').count();
        bytes.extend_from_slice(&group.to_be_bytes()[1..4 - padding]);
    }
    bytes
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let (_, _, text) = small();
    for end in 0..text.len() {
        let bad = refused(&text[..end]);
        let cut = matches!(bad.fault, ExportFault::Empty | ExportFault::CutInLine | ExportFault::CutOff);
        assert!(cut, "cut at {end}: {bad}");
    }
    // And so is one that lacks a line or has one twice or in another place.
    let lines = lines(&text);
    for place in 0..lines.len() {
        let mut without = lines.clone();
        let line = without.remove(place);
        refused(&without.concat());
        let mut twice = lines.clone();
        twice.insert(place, line);
        refused(&twice.concat());
        if place + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(place, place + 1);
            refused(&swapped.concat());
        }
    }
    for more in [&b"\n"[..], b"{}\n", b" "] {
        assert!(matches!(refused(&[&text[..], more].concat()).fault, ExportFault::AfterEnd | ExportFault::CutInLine));
    }
    assert!(matches!(refused(&[&text[..], &text[..]].concat()).fault, ExportFault::AfterEnd));
}

/// A log forged with care: a right view of every forged frame. Only the head tells, and where that is forged too the
/// file is an export of another log.
#[test]
fn a_frame_forged_with_its_view_is_told_by_the_head() {
    let (store, uid, text) = small();
    let (manifest, checkpoints) = (store.manifest(uid).unwrap(), store.checkpoints(uid).unwrap());
    let (name, (_, frames)) = (manifest.identity.name.clone(), folded(&store, uid));
    for forged in 0..frames.len() {
        let mut step = decode_frame(&frames[forged]).unwrap();
        // When it was written is in no view, and nothing has to follow it.
        step.recorded_at = Some(step.time);
        let Ok((mut writer, mut told)) = ExportWriter::begin(&name, &manifest, checkpoints.clone()) else { panic!() };
        for (place, frame) in frames.iter().enumerate() {
            let frame = if place == forged { encode_frame(&step).unwrap() } else { frame.clone() };
            let text = &mut |reference| store.content(uid, reference).unwrap();
            told.push_str(&writer.step(&frame, text).unwrap().line);
        }
        let old_end = lines(&text).pop().unwrap();
        let bad = refused(&[told.as_bytes(), &old_end].concat());
        assert!(matches!(&bad.fault, ExportFault::Disagrees { path, .. } if path == "end.head"), "{bad}");
    }
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
    assert_eq!(imported.unchecked.unknown_events, 3);
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
fn hostile_lines_are_refused_without_room_for_them() {
    // No end, and never one.
    let mut endless = std::io::BufReader::new(std::io::repeat(b'{'));
    let bad = check_export(&mut endless, &mut |_| Ok(()));
    assert!(matches!(bad, Err(ImportError::Bad(BadExport { line: 1, fault: ExportFault::LineTooLong }))));
    // As long as a line may be, and nested as deep.
    let (_, _, text) = small();
    let mut deep = text[..text.iter().position(|byte| *byte == b'\n').unwrap() + 1].to_vec();
    let (open, close) = (vec![b'['; LINE_BYTES_MAX / 2 - 100], vec![b']'; LINE_BYTES_MAX / 2 - 100]);
    for part in [&br#"{"seq":1,"frame":"","events":"#[..], &open, &close, b",\"texts\":[]}\n"] {
        deep.extend_from_slice(part);
    }
    let bad = refused(&deep);
    assert!(bad.line == 2 && bad.to_string().len() < 300, "{bad}");
    // Frames that claim what they do not have.
    let lines = lines(&text);
    let line = String::from_utf8(lines[1].clone()).unwrap();
    for frame in [
        vec![],
        vec![1],
        vec![1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        [&frame_of(&line)[..12], &[0xff; 9], &[0x7f][..]].concat(),
        vec![0; 1_000_000],
    ] {
        let mut changed = lines.clone();
        changed[1] = with_frame(&line, &frame).into_bytes();
        let bad = refused(&changed.concat());
        assert!(matches!(bad.fault, ExportFault::Frame { .. }), "{bad}");
    }
    // An identity that claims a long list, and one in a form that is not its own.
    let first = String::from_utf8(lines[0].clone()).unwrap();
    let identity = base64(first.split("\"identity\":\"").nth(1).unwrap().split('"').next().unwrap());
    for end in 0..identity.len() {
        let claims = [&identity[..end], &[253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
        let mut changed = lines.clone();
        changed[0] = first.replace(&to_base64(&identity), &to_base64(&claims)).into_bytes();
        refused(&changed.concat());
    }
}

#[test]
fn a_provenance_comes_back_whatever_it_says() {
    let (from, uid, _) = small();
    let provenance = Provenance {
        build: "1.2.3-\u{1b}[31m".into(),
        sources: vec![String::new(), "a\"b\\c".into(), "\u{2028}ü\u{10ffff}".into()],
        config: "tabs\t\r\n\0".into(),
        created_at: Some(Timestamp::from_nanos(1_700_000_000_123_456_789)),
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
