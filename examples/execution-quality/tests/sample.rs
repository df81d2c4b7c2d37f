//! The projection on a recorded session that is kept as a fixture: once by the macro, once by the command, as a
//! repository of one's own would do it in its CI.

use std::process::Command;

use execution_quality::ExecutionQuality;
use retrace_projections::assert_session_snapshot;
use retrace_projections::projection::Projections;
use retrace_projections::snapshot::RecordedSession;

fn sample() -> RecordedSession {
    RecordedSession::from_export(include_bytes!("../fixtures/sample.jsonl")).unwrap()
}

#[test]
fn what_execution_cost_is_as_reviewed() {
    assert_session_snapshot!("sample", sample(), projections: Projections::none().with::<ExecutionQuality>());
}

/// Slippage alone, whatever the quantities are.
#[test]
fn the_slippage_is_as_reviewed() {
    assert_session_snapshot!(
        "slippage",
        sample(),
        projections: Projections::none().with::<ExecutionQuality>(),
        without: ["orders", "quantity", "notional", "slippage", "version"],
    );
}

/// The program knows its own projection beside the built-in ones, and all kept snapshots hold.
#[test]
fn the_kept_snapshots_hold() {
    let checked = Command::new(env!("CARGO_BIN_EXE_execution-quality"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["snapshot", "fixtures/sample.jsonl", "--dir", "snapshots", "--check"])
        .args(["--projection", "execution_quality", "--projection", "journal"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said}{}", String::from_utf8_lossy(&checked.stderr));
    assert!(said.contains("execution_quality  unchanged"), "{said}");
}

/// A name that is taken is told before anything is done.
#[test]
fn a_projection_cannot_take_anothers_name() {
    let twice = Projections::built_in().with::<ExecutionQuality>().with::<ExecutionQuality>();
    assert_eq!(twice.check().unwrap_err().to_string(), "two projections are named execution_quality");
}
