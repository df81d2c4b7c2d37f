//! Damaged files of every kind: read or refused, never a panic, and no message that steers the terminal.

use std::path::Path;

use retrace_core::time::Timestamp;

use crate::input::directives::{self, DataSpan};
use crate::input::market::{self, GapPolicy};
use crate::input::problem::InputProblem;
use crate::input::session;
use crate::sample::{self, DEFAULT_SEED, SplitMix64};

/// Up to four small damages: a byte changed, removed, added, or a part lost.
fn damage(random: &mut SplitMix64, bytes: &[u8]) -> Vec<u8> {
    const ADDED: &[u8] = b"0123456789{}[]\",:.-eE+ \n\xff\xc3";
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.next() % 4 {
        let mut below = |end: usize| usize::try_from(random.next()).unwrap() % end;
        let at = below(bytes.len());
        match below(4) {
            0 => bytes[at] = u8::try_from(below(256)).unwrap(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, ADDED[below(ADDED.len())]),
            _ => drop(bytes.drain(at..(at + below(40)).min(bytes.len()))),
        }
    }
    bytes
}

fn check<T>(refused: &mut u32, result: Result<T, InputProblem>) {
    if let Err(problem) = result {
        *refused += 1;
        let text = format!("{problem} {:?}", problem.hint());
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn damaged_files_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let paths = sample::write(dir.path(), DEFAULT_SEED).unwrap();
    let session = session::read(&paths.session).unwrap();
    let data = DataSpan { from: Timestamp::from_nanos(0), to: Timestamp::from_nanos(i64::MAX) };
    let read = |path: &Path| std::fs::read(path).unwrap();
    let (yaml, lines, bars) = (read(&paths.session), read(&paths.directives), read(&paths.market));
    let (mut random, mut refused) = (SplitMix64(7), 0);
    for _ in 0..3_000 {
        let lines = damage(&mut random, &lines);
        check(&mut refused, directives::parse(&paths.directives, &lines, &session.instruments, data));
        let bars = damage(&mut random, &bars[..2_000]);
        check(&mut refused, market::read_from(bars.as_slice(), &session.market[0], GapPolicy::Allow));
        if let Ok(yaml) = String::from_utf8(damage(&mut random, &yaml)) {
            check(&mut refused, session::parse(&paths.session, &yaml));
        }
    }
    assert!(refused > 5_000, "{refused}");
}
