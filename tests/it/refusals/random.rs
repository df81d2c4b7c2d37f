//! Files with small damages: what is not refused runs to its end and verifies clean. So nothing is left for the middle of
//! a run to stumble over.

use retrace_core::memory::MemoryStore;
use retrace_replay::verify::verify;
use retrace_rocks::testkit::Seeded;
use retrace_tools::session;

use super::{AGGREGATED, CLOSE, Files, OPEN};

const ROUNDS: u64 = 1_500;

/// What stands in files besides letters.
const CHARACTERS: &[u8] = b"0123456789.-e,:\"{}[]# \n";

/// One or two places changed, three of four times a digit to another number: those are the damages that get far.
fn damaged(random: &mut Seeded, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(2) {
        let mut below = |end: usize| usize::try_from(random.below(end as u64)).unwrap();
        let digits: Vec<usize> = (0..text.len()).filter(|at| text[*at].is_ascii_digit()).collect();
        if below(4) > 0 {
            let (at, digit) = (digits[below(digits.len())], b'0' + u8::try_from(below(10)).unwrap());
            match below(3) {
                0 => text[at] = digit,
                1 => text.insert(at, digit),
                _ => drop(text.remove(at)),
            }
        } else {
            let (at, new) = (below(text.len()), CHARACTERS[below(CHARACTERS.len())]);
            match below(3) {
                0 => text[at] = new,
                1 => text.insert(at, new),
                _ => drop(text.remove(at)),
            }
        }
    }
    text
}

#[test]
fn what_is_not_refused_runs_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("case");
    let twap = OPEN.replace(
        "\"exit_directive\"",
        "\"execution_directive\":{\"algorithm\":\"TWAP\",\"duration_minutes\":10,\"slices\":4},\"exit_directive\"",
    );
    let modify = CLOSE.replace("CLOSE_EXISTING\"", "MODIFY_EXISTING\",\"size_directive\":{\"target_position_size\":\"1.5\"},\"exit_directive\":{\"stop_loss_tolerance\":\"0.01\"}").replace("CLOSE_1", "MODIFY_1").replace("10:20", "10:10");
    let close = CLOSE.replace("]}", "],\"execution_directive\":{\"max_total_slippage_pct\":\"0.05\",\"on_limit\":{\"retry_seconds\":60,\"tries\":3}}}");
    let texts = [
        format!("{OPEN}\n{CLOSE}\n"),
        format!("{twap}\n{modify}\n{close}\n"),
        format!("{AGGREGATED}\n{modify}\n{CLOSE}\n"),
    ];
    let mut random = Seeded(20_240_506);
    let (mut ran, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut files = Files { directives: Some(texts[round as usize % texts.len()].clone().into()), ..Files::good() };
        let part = match random.below(4) {
            0 => &mut files.market,
            1 => &mut files.session,
            _ => &mut files.directives,
        };
        *part = part.as_ref().map(|text| damaged(&mut random, text));
        files.write(&path);
        let Ok(loaded) = session::load(&path.join("session.yaml")) else {
            refused += 1;
            continue;
        };
        let shown = || {
            String::from_utf8_lossy(&[files.session.clone().unwrap(), files.directives.clone().unwrap()].concat())
                .into_owned()
        };
        let mut store = MemoryStore::new();
        let recorded =
            session::record(&mut store, &loaded).unwrap_or_else(|error| panic!("round {round}: {error}\n{}", shown()));
        let verification = verify(&store, recorded.session, Some(&loaded.tape)).unwrap();
        assert!(verification.is_clean(), "round {round}: {verification:#?}\n{}", shown());
        ran += 1;
    }
    println!("{ran} ran, {refused} were refused");
    assert!(ran > ROUNDS / 20 && refused > ROUNDS / 4, "{ran} ran, {refused} were refused");
}
