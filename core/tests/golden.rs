//! The bytes of format 1, committed. If one of these tests fails, stored logs would change their meaning: write a new
//! version of what changed instead, and leave the old files as they are.
//!
//! A new sample's file is written by running the tests with `RETRACE_WRITE_GOLDEN=1`; existing files are never touched.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::disallowed_methods, reason = "test code")]

#[path = "golden/actions.rs"]
mod actions;
#[path = "golden/random.rs"]
mod random;
#[path = "golden/samples.rs"]
mod samples;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use retrace_core::chain::{Block, BlockLimits, OpenBlock, genesis};
use retrace_core::codec::{
    decode_fact, decode_identity, decode_provenance, encode_fact, encode_identity, encode_provenance,
};
use retrace_core::directive::{CancelReach, WhenLimitHolds};
use retrace_core::event::{
    AfterRefusal, BatchEnd, Because, Decision, Event, Fact, GroupAction, GroupEnd, Input, LegEnd, Outcome, TradeOrigin,
    VenueReason,
};
use retrace_core::frame::{decode_frame, encode_frame};
use retrace_core::ids::{DirectiveId, OrderNo, PlanId, PlanNo, Seq};
use retrace_core::index::IndexEntry;
use retrace_core::manifest::{AccountCheck, Mode, Provenance};
use retrace_core::order::{OrderRole, OrderStatus, Side, TimeInForceKind as TimeInForce};
use retrace_core::policy::ExecutionMode;
use retrace_core::step::{Step, TapePosition};
use retrace_core::time::Timestamp;
use retrace_core::venue::{FeeAsset, FillPath, Liquidity};
use samples::ORDER;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1").join(name)
}

/// The committed content of a golden file. A missing one fails, unless the environment asks to write it.
fn committed(name: &str, now: &str) -> String {
    let path = path(name);
    if !path.exists() {
        let asked = std::env::var_os("RETRACE_WRITE_GOLDEN").is_some();
        assert!(asked, "tests/golden/v1/{name} is missing: a new sample's is written with RETRACE_WRITE_GOLDEN=1");
        fs::write(&path, now).unwrap();
    }
    fs::read_to_string(path).unwrap()
}

/// The bytes in a golden file, after the comment on its first line.
fn golden(name: &str, comment: &str, now: &[u8]) -> Vec<u8> {
    use std::fmt::Write;
    let mut text = format!("# {comment}\n");
    for line in now.chunks(32) {
        for byte in line {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    let text = committed(name, &text);
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Both ways: what is encoded now is what is committed, and what is committed means what it meant.
#[test]
fn every_kind_is_stored_as_it_was() {
    let mut names = BTreeSet::new();
    for (name, fact) in samples::facts() {
        let now = encode_fact(&fact);
        let file = format!("{:03}-{name}.hex", now.kind);
        assert!(names.insert(file.clone()), "two samples are named {file}");
        let comment = format!("payload of kind {}, version {}: {name}", now.kind, now.version);
        let bytes = golden(&file, &comment, &now.payload);
        assert!(now.payload == bytes, "{file}: other bytes are written now");
        let order = header_order(&fact);
        assert_eq!(decode_fact(now.kind, now.version, order, &bytes).unwrap(), fact, "{file}");
    }
    // Nothing committed is left without a sample.
    for entry in fs::read_dir(path("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            assert!(names.contains(&name), "{name} has no sample");
        }
    }
}

/// The order number in the event's header: a report on an order that is not ours has none.
fn header_order(fact: &Fact) -> Option<OrderNo> {
    let foreign = matches!(fact, Fact::Input(Input::Report(report))
        if matches!(report.order, retrace_core::event::ReportedOrder::Foreign(_)));
    (!foreign).then_some(ORDER)
}

/// The kind number of every variant, written out by hand: a new variant does not compile until it has one, and a sample.
fn kind(fact: &Fact) -> u16 {
    match fact {
        Fact::Input(input) => match input {
            Input::SessionContinued(_) => 1,
            Input::PriceMoved(_) => 2,
            Input::DirectiveReceived(_) => 3,
            Input::TimerFired { .. } => 4,
            Input::Report(_) => 5,
            Input::TradeImported(_) => 6,
            Input::ConnectionChanged { .. } => 7,
            Input::OperatorCommanded(_) => 8,
        },
        Fact::Decision(decision) => match decision {
            Decision::DirectiveRefused { .. } => 100,
            Decision::DirectiveRepeated { .. } => 101,
            Decision::NothingToDo { .. } => 102,
            Decision::PlanAccepted { .. } => 103,
            Decision::TargetSet { .. } => 104,
            Decision::ExitsSet { .. } => 105,
            Decision::PlanOpened => 106,
            Decision::GroupOpened { .. } => 107,
            Decision::SlicesDropped { .. } => 108,
            Decision::GroupEnded { .. } => 109,
            Decision::OrderRequested { .. } => 110,
            Decision::AmendRequested { .. } => 111,
            Decision::CancelRequested { .. } => 112,
            Decision::TimerSet { .. } => 113,
            Decision::TimerDropped { .. } => 114,
            Decision::CloseStarted { .. } => 115,
            Decision::CloseGaveUp { .. } => 116,
            Decision::StopLimitSet { .. } => 180,
            Decision::StopTrailSet { .. } => 181,
            Decision::StopPassed { .. } => 117,
            Decision::ProtectionGapChanged { .. } => 118,
            Decision::PlanClosed { .. } => 119,
            Decision::OrderInferred { .. } => 120,
            Decision::TradeBooked { .. } => 121,
            Decision::TradeRepeated { .. } => 122,
            Decision::QueryRequested => 160,
            Decision::OrderRefused(_) => 123,
            Decision::GroupCancelled { .. } => 130,
            Decision::AllCancelled { .. } => 131,
            Decision::OrdersModified { .. } => 132,
            Decision::GroupPaused { .. } => 133,
            Decision::GroupResumed { .. } => 134,
            Decision::BatchStarted { .. } => 125,
            Decision::BatchLegStarted { .. } => 126,
            Decision::BatchLegEnded { .. } => 127,
            Decision::BatchFailed { .. } => 128,
            Decision::RollbackStarted { .. } => 129,
            Decision::RollbackGaveUp { .. } => 170,
            Decision::BatchEnded { .. } => 171,
        },
        Fact::Unknown(unknown) => unknown.kind,
    }
}

#[test]
fn every_kind_has_its_number_and_a_sample() {
    let mut seen = BTreeSet::new();
    for (_, fact) in samples::facts() {
        assert_eq!(encode_fact(&fact).kind, kind(&fact));
        seen.insert(kind(&fact));
    }
    let decisions = (100..=123).chain(125..=134).chain([160, 170, 171, 180, 181]);
    assert_eq!(seen, (1..=8).chain(decisions).collect());
}

/// Words are stored as their place in their list: a list only ever grows at its end.
#[test]
fn every_word_keeps_its_place() {
    let mut now = String::from("# stored words: the list, the code, the spelling\n");
    macro_rules! list {
        ($($word:ident),*) => {$(
            for (code, word) in $word::ALL.iter().enumerate() {
                now.push_str(&format!("{} {code} {word}\n", stringify!($word)));
            }
        )*};
    }
    list!(Side, OrderRole, TimeInForce, WhenLimitHolds, VenueReason, Because, GroupEnd, Outcome, GroupAction);
    list!(ExecutionMode, LegEnd, BatchEnd);
    list!(Liquidity, FeeAsset, FillPath, Mode, TradeOrigin, OrderStatus);
    list!(AfterRefusal, AccountCheck);
    list!(Liquidity, FeeAsset, FillPath, Mode, TradeOrigin, CancelReach);
    let then = committed("words.txt", &now);
    let now: BTreeSet<&str> = now.lines().collect();
    for line in then.lines() {
        assert!(now.contains(line), "`{line}` is no longer so");
    }
    assert_eq!(then.lines().count(), now.len(), "a new word: add its line to words.txt");
}

/// The page that draws the format names every kind and every word.
#[test]
fn the_format_page_is_complete() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/storage-format.md");
    let page = fs::read_to_string(page).unwrap();
    for (_, fact) in samples::facts() {
        assert!(page.contains(&format!("\n| {} | `", kind(&fact))), "kind {} is not in the table", kind(&fact));
    }
    for line in committed("words.txt", "").lines().skip(1) {
        let (list, word) = line.split_once(' ').unwrap();
        let row = page.lines().find(|row| row.starts_with(&format!("| `{list}` | 0 "))).unwrap_or_default();
        assert!(row.split([',', '|']).any(|known| known.trim() == word), "{list}: `{word}` is not in the table");
    }
}

/// Two Steps with everything that a frame can hold: a recorded time, a part of a tape row, no plan, a cause.
fn steps() -> [Step; 2] {
    let facts = samples::facts();
    let pick = |name: &str| facts.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let event = |seq, plan, order, cause, fact| Event {
        seq: Seq(seq),
        time: Timestamp::from_nanos(1_642_759_200_000_000_001),
        plan,
        order,
        cause,
        fact,
    };
    let (plan, time) = (Some(PlanNo(2)), Timestamp::from_nanos(1_642_759_200_000_000_001));
    let first = vec![
        event(1, None, None, None, pick("new-trade-twap")),
        event(2, plan, None, Some(Seq(1)), pick("plan-accepted")),
        event(3, plan, Some(OrderNo(300)), Some(Seq(1)), pick("order-stop")),
    ];
    let unknown = retrace_core::event::UnknownFact { kind: 60_000, version: 9, payload: vec![1, 2, 3] };
    let second = vec![
        event(4, plan, Some(ORDER), Some(Seq(3)), pick("report-filled")),
        event(5, plan, Some(ORDER), Some(Seq(4)), pick("amend")),
        event(6, None, None, None, Fact::Unknown(unknown)),
    ];
    let recorded_at = Some(Timestamp::from_nanos(-5));
    [
        Step { time, recorded_at: None, tape: TapePosition { rows: 700, points: 3 }, events: first },
        Step { time, recorded_at, tape: TapePosition { rows: 701, points: 0 }, events: second },
    ]
}

#[test]
fn a_frame_is_stored_as_it_was() {
    for (step, name) in steps().iter().zip(["frame.hex", "frame-recorded.hex"]) {
        let now = encode_frame(step).unwrap();
        let bytes = golden(name, "a whole frame of three events", &now);
        assert!(now == bytes, "{name}: other bytes are written now");
        assert_eq!(decode_frame(&bytes).unwrap(), *step, "{name}");
    }
}

#[test]
fn an_identity_a_block_and_the_chain_are_stored_as_they_were() {
    let (identity, provenance) = (samples::identity(), samples::provenance());
    let now = encode_identity(&identity);
    let bytes = golden("identity.hex", "an identity with every field set", &now);
    assert!(now == bytes && decode_identity(&bytes).unwrap() == identity);
    let mut checked = identity.clone();
    checked.account.check = AccountCheck::Cash;
    let now = encode_identity(&checked);
    let bytes = golden("identity-cash.hex", "an identity whose account is checked", &now);
    assert!(now == bytes && decode_identity(&bytes).unwrap() == checked);
    let now = encode_provenance(&provenance);
    let bytes = golden("provenance.hex", "a provenance with every field set", &now);
    assert!(now == bytes && decode_provenance(&bytes).unwrap() == provenance);
    let what_if = Provenance { what_if: Some(samples::what_if()), ..provenance };
    let now = encode_provenance(&what_if);
    let bytes = golden("provenance-what-if.hex", "the provenance of a what-if", &now);
    assert!(now == bytes && decode_provenance(&bytes).unwrap() == what_if);

    let (uid, start) = genesis(&identity);
    let mut open = OpenBlock::first(uid, start, BlockLimits { events: 6, ..BlockLimits::FORMAT_1 });
    let heads = [start.to_string(), open.head().to_string()];
    let [first, second] = steps().map(|step| encode_frame(&step).unwrap());
    assert!(open.push(&first, 3).is_none());
    let half = open.head();
    let closed = open.push(&second, 3).expect("six events close this block");
    let bytes = golden("block.hex", "a closed block of two frames", &closed.bytes);
    assert!(closed.bytes == bytes);
    let block = Block::read(&bytes).unwrap();
    assert_eq!((block.session, block.number, block.previous, block.first_seq), (uid, 1, start, Seq(1)));
    assert_eq!(block.frames, [first, second]);
    assert_eq!(block.chain, closed.chain);

    let [genesis, empty] = heads;
    let chain = format!(
        "# the chain of block.hex\nsession {uid}\ngenesis {genesis}\nhead before any Step {empty}\n\
         head after its first Step {half}\nchain after the block {}\nhead after the block {}\n",
        closed.chain,
        open.head(),
    );
    assert_eq!(committed("chain.txt", &chain), chain);
}

#[test]
fn index_keys_are_stored_as_they_were() {
    let directive = DirectiveId::new("STR_001").unwrap();
    let plan_id = PlanId::new("TPL_A").unwrap();
    for (name, entry) in [
        ("index-plan.hex", IndexEntry::Plan { plan: PlanNo(2), block: 258 }),
        ("index-directive.hex", IndexEntry::Directive { directive, seq: Seq(258) }),
        ("index-kind.hex", IndexEntry::Kind { kind: 110, block: 258 }),
        ("index-plan-name.hex", IndexEntry::PlanName { plan_id, plan: PlanNo(2) }),
    ] {
        let now = entry.key();
        let bytes = golden(name, "an index entry's key", &now);
        assert!(now == bytes, "{name}: other bytes are written now");
        assert_eq!(IndexEntry::from_key(&bytes), Some(entry));
    }
}
