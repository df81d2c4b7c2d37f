//! Exports that were changed: every byte, every bit of a frame, every cut, forged with care, and made to hurt.

use retrace_core::frame::{decode_frame, encode_frame};
use retrace_core::store::LogReader;
use retrace_projections::export::{BadExport, ExportFault, ExportWriter, ExportedSession, LINE_BYTES_MAX};
use retrace_tools::transfer::{ImportError, check_export};

use super::{folded, lines, refused, small};

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
