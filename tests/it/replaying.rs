//! Replay: the fold up to any event is the state that the run had there.

use proptest::prelude::*;
use retrace_core::event::{Decision, Fact};
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::read_log;
use retrace_core::memory::MemoryStore;
use retrace_projections::ledger::Book;
use retrace_replay::tape::Seen;

use crate::scenario::Scenario;

/// A small market and a few directives, drawn.
pub(crate) fn script() -> impl Strategy<Value = String> {
    let moves = proptest::collection::vec((-400_i64..400, 0_i64..200, 0_i64..200, 0_u32..40), 20..60);
    let directives = (1_u32..6, 1_u32..20, any::<bool>(), 1_i64..8, proptest::option::of(1_i64..60), 0_u32..4);
    (moves, directives).prop_map(|(moves, (slices, size, long, stop, change, close))| {
        let mut script = String::from("# drawn\nbars 2022-01-21T10:00:00Z\n");
        let mut price = 40_000_i64;
        for (step, up, down, volume) in moves {
            let open = price;
            price += step;
            let (high, low) = (open.max(price) + up, open.min(price) - down);
            script.push_str(&format!("{open} {high} {low} {price} {volume}\n"));
        }
        let direction = if long { "BUY" } else { "SELL" };
        let tolerance = format!("0.0{stop}");
        script.push_str(&format!(
            "{{\"at\":\"2022-01-21T10:03:00Z\",\"directive\":{{\"directive_id\":\"D1\",\"scope\":\"NEW_TRADE\",\
             \"plan_id\":\"TPL\",\"entry_directive\":{{\"symbol\":\"BTC/USDT\",\"direction\":\"{direction}\"}},\
             \"size_directive\":{{\"target_position_size\":\"{size}\"}},\
             \"exit_directive\":{{\"stop_loss_tolerance\":\"{tolerance}\"}},\
             \"execution_directive\":{{\"algorithm\":\"TWAP\",\"duration_minutes\":10,\"slices\":{slices}}}}}}}\n"
        ));
        if let Some(target) = change {
            let target = format!("{}.{}", target / 4, target % 4);
            script.push_str(&format!(
                "{{\"at\":\"2022-01-21T10:09:30Z\",\"directive\":{{\"directive_id\":\"D2\",\"scope\":\"MODIFY_EXISTING\",\
                 \"target_plan_ids\":[\"TPL\"],\"size_directive\":{{\"target_position_size\":\"{target}\"}}}}}}\n"
            ));
        }
        if close > 0 {
            script.push_str(&format!(
                "{{\"at\":\"2022-01-21T10:1{close}:00Z\",\"directive\":{{\"directive_id\":\"D3\",\
                 \"scope\":\"CLOSE_EXISTING\",\"target_plan_ids\":[\"TPL\"]}}}}\n"
            ));
        }
        script
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// A fold of the stored log from nothing up to every seq, those in the middle of a Step included, against the
    /// state that the run itself had after each Step.
    #[test]
    fn the_fold_up_to_any_event_is_the_state_the_run_had(script in script()) {
        let scenario = Scenario::read("drawn", &script).unwrap();
        let mut store = MemoryStore::new();
        let played = scenario.play(&mut store);
        prop_assert_eq!(played.had.len(), played.steps.len());

        for (step, had) in played.steps.iter().zip(&played.had) {
            for seq in step.first_seq().0..=step.last_seq().0 {
                let folded = fold(&store, &scenario, played.session, Seq(seq));
                prop_assert_eq!(folded.ledger().seq(), Seq(seq));
                if Seq(seq) == step.last_seq() {
                    prop_assert_eq!(folded.ledger(), had);
                    prop_assert_eq!(folded.ledger().digest(), had.digest());
                }
            }
        }
        for (step, had) in played.steps.iter().zip(&played.had) {
            let prices = scenario.tape.current_prices(Seen::To(step.tape), scenario.identity.venue.path);
            for event in &step.events {
                // Where the engine wrote down the price it read, the tape shows the same one there.
                let Fact::Decision(Decision::ExitsSet { current_price: Some(read), .. }) = &event.fact else { continue };
                let plan = had.plan(event.plan.unwrap()).unwrap();
                prop_assert_eq!(prices[plan.symbol()].0.for_plan(plan.direction), *read);
            }
        }
        let verification = retrace_replay::verify::verify(&store, played.session, Some(&scenario.tape)).unwrap();
        prop_assert!(verification.is_clean(), "{:#?}", verification);
    }
}

/// The book of all events up to `end`, folded from nothing.
fn fold(store: &MemoryStore, scenario: &Scenario, session: SessionUid, end: Seq) -> Book {
    let mut folded = Book::new(&scenario.identity);
    read_log(store, session, &mut |step| {
        for event in step.events.iter().take_while(|event| event.seq <= end) {
            folded.apply(event).unwrap();
        }
        step.last_seq() < end
    })
    .unwrap();
    folded
}
