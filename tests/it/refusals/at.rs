//! `--at` beyond the end, in the middle of a Step, and what is no moment at all.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Bench, indented, snapshot};

#[test]
fn at_beyond_the_end_is_refused_for_an_event_and_not_for_a_time() {
    let bench = Bench::new();
    let replay = |at: &str| bench.retrace(&["replay", "good", "--db", "db", "--at", at]);
    let ledger = |at: &[&str]| -> Value {
        let (code, stdout, stderr) = bench.retrace(&[&["replay", "good", "--db", "db", "--json"], at].concat());
        assert_eq!(code, 0, "{at:?}: {stderr}");
        serde_json::from_str(&stdout).unwrap()
    };
    let whole = ledger(&[]);
    let last = whole["seq"].as_u64().unwrap();

    let mut story = String::new();
    let beyond = [(last + 1).to_string(), u64::MAX.to_string()];
    let wrong = ["", "soon", "-1", "1.5", "+3", "10:20", "2024-05-06T10", "2024-13-01", "99999999999999999999"];
    for at in beyond.iter().map(String::as_str).chain(wrong) {
        let (code, stdout, stderr) = bench.retrace(&["replay", "good", "--db", "db", &format!("--at={at}")]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{at}");
        writeln!(story, "--at={at}\n{}", indented(&stderr)).unwrap();
    }
    snapshot("at", &story);

    // A time after the end takes every event, and says at which time that is.
    let late = ledger(&["--at", "2030-01-01"]);
    for key in ["seq", "head", "ledger_digest", "plans", "refusals"] {
        assert_eq!(late[key], whole[key], "{key}");
    }
    assert_eq!(ledger(&["--at", &last.to_string()]), whole);
    assert_eq!(replay("1990-01-01").0, 0, "before the first event is a moment, too");

    // In the middle of a Step: the events up to there, no more.
    let (_, exported, _) = bench.retrace(&["audit", "TPL_A", "--db", "db", "--json"]);
    let story: Value = serde_json::from_str(&exported).unwrap();
    let decision = story["story"].as_array().unwrap().iter().find(|line| line["kind"] == "plan_accepted").unwrap();
    let seq = decision["seq"].as_u64().unwrap();
    assert!(seq > 1 && seq < last, "the plan is accepted inside a Step");
    let middle = ledger(&["--at", &seq.to_string()]);
    assert_eq!((middle["seq"].as_u64(), middle["plans"].as_array().map(Vec::len)), (Some(seq), Some(0)));
    let (_, page, _) = replay(&seq.to_string());
    assert!(page.contains(&format!("after event {seq},")) && page.contains("without an order: TPL_A"), "{page}");
}
