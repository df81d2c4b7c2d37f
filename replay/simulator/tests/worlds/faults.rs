//! The auditor's own test: a fault is planted, and it must find it by itself (deciding again is not asked).

use retrace_simulator::fault::Fault;
use retrace_simulator::finding::Finding;
use retrace_simulator::limits::Limits;
use retrace_simulator::roll;
use retrace_simulator::shrink::shrink;
use retrace_simulator::tell::story;
use retrace_simulator::world::play;

/// How many worlds a fault may live in unseen before the first one that shows it.
const SEEDS: u64 = 2_000;

/// Plants a fault and answers what finds it first, after its story was made as short as it gets.
fn found(fault: Fault) -> (Finding, usize) {
    let first = (0..SEEDS).find_map(|seed| {
        let mut script = roll(seed);
        // A limit may be what notices an order that should not be; that is another bound.
        if fault == Fault::CashForgotten {
            script.limits = Limits { cash: script.limits.cash, ..Limits::default() };
        } else if fault != Fault::LimitsForgotten {
            script.limits = Limits::default();
        }
        play(&script, Some(fault)).finding.map(|finding| (script, finding))
    });
    let (script, finding) = first.unwrap_or_else(|| panic!("{fault:?} is not found in {SEEDS} worlds"));
    let short = shrink(&script, Some(fault), &finding);
    let played = play(&short, Some(fault));
    println!("{fault:?}\n{}", story(&short, &played));
    (played.finding.unwrap(), short.acts.len())
}

#[track_caller]
fn expect(fault: Fault, is_it: fn(&Finding) -> bool) {
    let (finding, acts) = found(fault);
    assert!(is_it(&finding), "{fault:?} is found as {finding:?}");
    // A venue that ends an order by itself does so at the nth price that the order meets: those cannot be taken out.
    assert!(acts <= 16, "{acts} acts are left of the story");
}

#[test]
fn no_idempotency_check() {
    expect(Fault::NoIdempotencyCheck, |finding| matches!(finding, Finding::Directive { .. }));
}

#[test]
fn working_orders_not_counted() {
    expect(Fault::WorkingNotCounted, |finding| matches!(finding, Finding::BeyondTarget { .. }));
}

#[test]
fn unsent_slices_not_counted() {
    expect(Fault::UnsentNotCounted, |finding| matches!(finding, Finding::BeyondTarget { .. }));
}

#[test]
fn a_stop_shrunk_before_it_grows() {
    expect(Fault::StopShrinksFirst, |finding| matches!(finding, Finding::StopShrinks { .. }));
}

#[test]
fn a_timer_lost_on_restart() {
    expect(Fault::TimerLostOnRestart, |finding| matches!(finding, Finding::TimerLost { .. }));
}

#[test]
fn flattened_twice() {
    expect(Fault::FlattenedTwice, |finding| matches!(finding, Finding::LeavesTwice { .. }));
}

#[test]
fn take_profit_bought_back() {
    expect(Fault::ProfitBoughtBack, |finding| matches!(finding, Finding::BeyondTarget { .. } | Finding::Books { .. }));
}

#[test]
fn limits_forgotten() {
    expect(Fault::LimitsForgotten, |finding| matches!(finding, Finding::BeyondLimit { .. }));
}

/// Its worlds have no other limit. What cannot be counted before the first price does not pass either.
#[test]
fn cash_forgotten() {
    expect(Fault::CashForgotten, |finding| {
        matches!(finding, Finding::BeyondLimit { limit: "insufficient_cash" | "no_price_for_limit", .. })
    });
}

#[test]
fn query_forgotten_after_a_lost_connection() {
    expect(Fault::QueryForgotten, |finding| matches!(finding, Finding::Unsound { .. }));
}

#[test]
fn rolled_back_twice() {
    expect(Fault::RolledBackTwice, |finding| matches!(finding, Finding::Batch { .. }));
}

#[test]
fn a_rollback_forgets_a_leg() {
    // A leg that is forgotten while its order is requested leaves a hole in the numbers, and the engine stops there.
    expect(Fault::LegForgotten, |finding| matches!(finding, Finding::Batch { .. } | Finding::Stopped(_)));
}

#[test]
fn gap_in_protection_not_recorded() {
    expect(Fault::GapForgotten, |finding| matches!(finding, Finding::GapUntold { .. }));
}

#[test]
fn no_room_made_where_the_holding_is_divided() {
    expect(Fault::RoomForgotten, |finding| matches!(finding, Finding::Unsound { .. } | Finding::LeavesTwice { .. }));
}

#[test]
fn patience_forgotten() {
    expect(Fault::PatienceForgotten, |finding| matches!(finding, Finding::StopLimit { .. }));
}

#[test]
fn slices_of_a_close_at_once() {
    expect(Fault::SlicesAtOnce, |finding| matches!(finding, Finding::Pace { .. }));
}

#[test]
fn trailing_stop_moved_back() {
    expect(Fault::TrailMoved, |finding| matches!(finding, Finding::Trail { .. }));
}

#[test]
fn kill_switch_forgotten() {
    expect(Fault::SwitchForgotten, |finding| matches!(finding, Finding::BeyondLimit { limit: "kill_switch", .. }));
}

#[test]
fn a_stop_without_a_size_amended() {
    expect(Fault::FreeStopForgotten, |finding| matches!(finding, Finding::Unsound { .. }));
}
