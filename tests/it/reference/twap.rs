//! Slicing: a whole backtest of one TWAP, its entry orders against the expected slices, and its group's own plan.

use retrace_core::amount::{Money, Quantity};
use retrace_core::directive::{Algorithm, ExecutionHint, Intent, NewTrade, StrategyDirective, Twap};
use retrace_core::event::{Decision, Fact};
use retrace_core::instrument::Instrument;
use retrace_core::manifest::Identity;
use retrace_core::order::OrderRole;
use retrace_core::testkit::samples;
use retrace_core::time::Span;
use retrace_projections::ledger::slice_size;
use retrace_replay::tape::{Bar, DataSet, Tape, VolumeUnit};
use rust_decimal::Decimal;
use serde_json::Value;

use super::matching::{run, single_group};
use super::{Compared, Differs, Suite, at, decimal};

pub(super) const DIFFERS: &[Differs] = &[Differs {
    case: "nautilus-twap-remainder",
    reason: "the remainder goes into the last slice, not into one more slice after it",
    ours: &[("slices", "0.333333333 0.333333333 0.333333334"), ("times", "0 20 40")],
}];

#[test]
fn twap() {
    let mut suite = Suite::new(DIFFERS, &[]);
    suite.file("twap/nautilus_twap.json", sliced);
    suite.end();
}

fn sliced(case: &Value) -> Compared {
    let seconds = |name: &str| case[name].as_u64().unwrap();
    let (horizon, interval) = (seconds("horizon_s"), seconds("interval_s"));
    let slices = u32::try_from(horizon / interval).unwrap();
    let instrument =
        Instrument { lot: Quantity::new(decimal(&case["step"])).unwrap(), min_notional: Money::ZERO, ..samples::btc() };
    let flat = |second| {
        let price = samples::price("100");
        Bar { open_time: at(second), open: price, high: price, low: price, close: price, volume: None }
    };
    let period = Span::from_seconds(1);
    let bars = (0..horizon + interval + 2).map(flat).collect();
    let tape =
        Tape::new(vec![DataSet { symbol: instrument.symbol.clone(), period, volume_unit: VolumeUnit::Base, bars }]);
    let planned = Quantity::new(decimal(&case["qty"])).unwrap();
    let sample = samples::twap_directive("STR_1", "TPL_A");
    let Intent::NewTrade(trade) = sample.intent.clone() else { panic!("the sample opens a plan") };
    let algorithm = Algorithm::Twap(Twap { duration: Span::from_seconds(horizon), slices, catch_up: true });
    let execution = ExecutionHint { algorithm: Some(algorithm), ..ExecutionHint::NONE };
    let trade = NewTrade { target: planned, stop: None, execution, ..trade };
    let directive = StrategyDirective { comments: None, intent: Intent::NewTrade(trade), ..sample };
    let identity =
        Identity { instruments: vec![instrument.clone()], tape: tape.identity(), ..samples::identity("twap") };
    let steps = run(&identity, &tape, vec![(at(0), directive)]);

    let (mut sizes, mut times) = (Vec::new(), Vec::new());
    for event in steps.iter().flat_map(|step| &step.events) {
        if let Fact::Decision(Decision::OrderRequested { role: OrderRole::Entry, quantity, .. }) = &event.fact {
            sizes.push(quantity.value());
            times.push(event.time.since(at(0)).nanos() / 1_000_000_000);
        }
    }
    // The group's own plan, asked without running it, says the same as what was sent.
    let group = single_group(&identity, &steps);
    for slice in 0..slices {
        let place = slice as usize;
        assert_eq!(group.slice_quantity(slice, &instrument).unwrap().unwrap().value(), sizes[place]);
        assert_eq!(group.slice_due(slice), at(times[place]));
    }
    assert_eq!(slice_size(planned, slices, &instrument).unwrap().value(), sizes[0]);
    assert_eq!(sizes.iter().sum::<Decimal>(), planned.value());

    let listed = |name: &str| case["expected"][name].as_array().unwrap().iter().map(decimal).collect::<Vec<_>>();
    let mut compared = Compared::new(case);
    compared.text("slices", words(&listed("slices")), words(&sizes));
    compared.text("times", words(&listed("times_s")), words(&times));
    compared
}

fn words<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
