//! Samples of batches: legs of a directive, and what is decided of them.

use retrace_core::directive::{
    Batch, CloseHint, ClosePlans, EntryTerms, ExecutionHint, Intent, Leg, Legs, ModifyPlans, NewTrade, StopChange,
    StopLevel,
};
use retrace_core::event::{BatchEnd, Decision, Input, LegEnd, TimerPurpose};
use retrace_core::ids::{BatchNo, TimerId};
use retrace_core::order::Side;
use retrace_core::policy::{BatchPolicy, ExecutionMode};
use retrace_core::time::Span;

use super::{HOUR, LIMIT, TWAP, dec, directive, money, on_limit, plan, position, price, quantity, received, symbol};

const ATOMIC: BatchPolicy = BatchPolicy {
    execution_mode: ExecutionMode::Atomic,
    timeout: Some(Span::from_seconds(60)),
    rollback_on_failure: true,
};

pub(crate) fn new_trade() -> Input {
    let leg = |plan_id, direction, entry, algorithm, timeout| Leg {
        trade: NewTrade {
            plan_id,
            symbol: symbol(),
            direction,
            entry,
            target: quantity("1.5"),
            stop: Some(StopLevel::At(price("37000"))),
            take_profit: None,
            execution: ExecutionHint { algorithm, urgency: None, end_after: None },
        },
        timeout,
    };
    received(Intent::Batch(Batch {
        policy: Some(ATOMIC),
        legs: Legs::NewTrade(vec![
            leg(Some(plan("TPL_A")), Side::Buy, EntryTerms::MARKET, Some(TWAP), None),
            leg(None, Side::Sell, LIMIT(), None, Some(Span::from_seconds(30))),
        ]),
    }))
}

pub(crate) fn modify() -> Input {
    let trade = ModifyPlans {
        plans: vec![plan("TPL_A"), plan("TPL_B")],
        direction: None,
        entry: None,
        target: Some(dec("0.75")),
        stop: Some(StopChange::To(StopLevel::Tolerance(dec("0.035")))),
        take_profit: None,
        execution: ExecutionHint { algorithm: None, urgency: Some(dec("0.5")), end_after: None },
    };
    received(Intent::Batch(Batch { policy: None, legs: Legs::Modify(vec![Leg { trade, timeout: None }]) }))
}

pub(crate) fn close() -> Input {
    let execution = CloseHint { urgency: None, max_total_slippage: Some(dec("0.05")), on_limit: on_limit() };
    let leg = |name| Leg { trade: ClosePlans { plans: vec![plan(name)], execution }, timeout: None };
    let legs = Legs::Close(vec![leg("TPL_A"), leg("TPL_B")]);
    received(Intent::Batch(Batch { policy: Some(BatchPolicy::PARALLEL), legs }))
}

pub(crate) fn decisions() -> Vec<(&'static str, Decision)> {
    let batch = BatchNo(300);
    let timer = |purpose| Decision::TimerSet { timer: TimerId(6), due: HOUR, purpose };
    let legs = vec![plan("TPL_A"), plan("TPL_B")];
    vec![
        ("timer-set-batch", timer(TimerPurpose::BatchDeadline { batch })),
        ("timer-set-leg", timer(TimerPurpose::LegDeadline { batch, leg: 1 })),
        ("timer-set-rollback", timer(TimerPurpose::RollbackRetry)),
        ("batch-started", Decision::BatchStarted { batch, directive: directive(), policy: ATOMIC, legs }),
        ("batch-leg-started", Decision::BatchLegStarted { batch, leg: 1 }),
        ("batch-leg-ended", Decision::BatchLegEnded { batch, leg: 1, end: LegEnd::Rejected }),
        ("batch-failed-leg", Decision::BatchFailed { batch, leg: Some(1) }),
        ("batch-failed-time", Decision::BatchFailed { batch, leg: None }),
        (
            "rollback-started",
            Decision::RollbackStarted {
                batch,
                target: position("-1.5"),
                stop: Some(price("39000")),
                take_profit: None,
            },
        ),
        ("rollback-gave-up", Decision::RollbackGaveUp { batch, tries: 3, held: position("0.83") }),
        ("batch-ended", Decision::BatchEnded { batch, end: BatchEnd::RolledBack, result: money("-12.5") }),
    ]
}
