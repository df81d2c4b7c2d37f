//! The acceptance of part 1 on the real January file, in numbers: slices, stop coverage, and nothing after the stop.

use std::path::Path;

use retrace_core::event::{Decision, Event, Fact, Input, Report, ReportKind};
use retrace_core::memory::MemoryStore;
use retrace_core::order::OrderRole;
use retrace_core::step::Step;

use crate::scenario::{Played, Scenario};

fn play(name: &str) -> Option<Played> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name).with_extension("txt");
    let scenario = Scenario::read(name, &std::fs::read_to_string(path).unwrap())?;
    Some(scenario.play(&mut MemoryStore::new()))
}

fn events(played: &Played) -> impl Iterator<Item = &Event> {
    played.steps.iter().flat_map(|step: &Step| &step.events)
}

/// The quantities of the entries, in order, and of the stop: as placed, then as amended.
fn entries_and_stops(played: &Played) -> (Vec<String>, Vec<String>) {
    let (mut entries, mut stops) = (Vec::new(), Vec::new());
    for event in events(played) {
        match &event.fact {
            Fact::Decision(Decision::OrderRequested { role: OrderRole::Entry, quantity, .. }) => {
                entries.push(quantity.to_string());
            }
            Fact::Decision(Decision::OrderRequested { role: OrderRole::StopLoss, quantity, .. })
            | Fact::Decision(Decision::AmendRequested { quantity, .. }) => stops.push(quantity.to_string()),
            _ => {}
        }
    }
    (entries, stops)
}

#[test]
fn ten_in_twelve_slices_is_0_83_eleven_times_and_0_87() {
    let Some(played) = play("real_twap_moved_and_closed") else { return };
    let (entries, stops) = entries_and_stops(&played);
    let mut expected = vec!["0.83"; 11];
    expected.push("0.87");
    assert_eq!(entries, expected);
    assert_eq!(stops[..3], ["0.83", "1.66", "2.49"]);
    // The last growth, then the move to the tolerance's level.
    assert_eq!(stops[11..], ["10", "10"]);
}

#[test]
fn after_the_stop_traded_nothing_is_entered_and_the_plan_ends_flat() {
    for (name, side) in [("real_long_twap_stopped_out", "SELL"), ("real_short_twap_stopped_out", "BUY")] {
        let Some(played) = play(name) else { return };
        let (entries, stops) = entries_and_stops(&played);
        assert!(entries.len() < 12, "{name}: the stop came in mid-TWAP");
        assert_eq!(stops[..2], ["0.83", "1.66"], "{name}");
        let plan_of = |step: &Step| step.events[0].plan;
        let stopped = played.steps.iter().position(|step| {
            let ledger_fill = matches!(
                &step.events[0].fact,
                Fact::Input(Input::Report(Report { what: ReportKind::Filled(fill), .. }))
                    if fill.quantity.to_string() == *stops.last().unwrap()
            );
            ledger_fill && plan_of(step).is_some()
        });
        let after = &played.steps[stopped.unwrap()..];
        let requested = after
            .iter()
            .flat_map(|step| &step.events)
            .any(|event| matches!(&event.fact, Fact::Decision(Decision::OrderRequested { .. })));
        assert!(!requested, "{name}: an order after the stop");
        let ended = after.iter().flat_map(|step| &step.events).any(|event| {
            matches!(&event.fact, Fact::Decision(Decision::PlanClosed { outcome, dust })
                if outcome.as_str() == "stopped out" && dust.is_flat())
        });
        assert!(ended, "{name}");
        let stop_side = events(&played).find_map(|event| match &event.fact {
            Fact::Decision(Decision::OrderRequested { role: OrderRole::StopLoss, side, .. }) => Some(side.as_str()),
            _ => None,
        });
        assert_eq!(stop_side, Some(side), "{name}");
    }
}
