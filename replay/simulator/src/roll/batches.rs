//! Directives of several trades: plans to open, to change or to close together, in every mode.

use retrace_core::directive::{Batch, Intent, Leg, Legs};
use retrace_core::ids::SessionUid;
use retrace_core::policy::{BatchDefaults, BatchPolicy, ExecutionMode};
use retrace_core::time::Span;

use super::{Opened, Scene, directive, first, later, name};
use crate::dice::{Dice, key_of};
use crate::script::Rules;

/// What a seed's session says of directives that say nothing of coordination: drawn apart from everything else, so that a
/// world is the same with and without it.
pub(super) fn defaults(seed: u64) -> BatchDefaults {
    let mut dice = Dice::new(key_of("batch defaults") ^ seed);
    let dice = &mut dice;
    if !dice.once_in(4) {
        return BatchDefaults::default();
    }
    let some = |dice: &mut Dice, closes: bool| dice.once_in(2).then(|| policy(dice, closes));
    BatchDefaults { new_trade: some(dice, false), modify_existing: some(dice, false), close_existing: some(dice, true) }
}

/// How the legs of a batch hang together.
fn policy(dice: &mut Dice, closes: bool) -> BatchPolicy {
    let mode =
        dice.pick(&[ExecutionMode::Parallel, ExecutionMode::Sequential, ExecutionMode::Atomic, ExecutionMode::Atomic]);
    let mode = if closes && mode == ExecutionMode::Atomic { ExecutionMode::Parallel } else { mode };
    let rollback_on_failure = match mode {
        ExecutionMode::Parallel => false,
        ExecutionMode::Sequential => !closes && dice.once_in(2),
        ExecutionMode::Atomic => true,
    };
    let timed = mode != ExecutionMode::Parallel || dice.once_in(2);
    let timeout = timed.then(|| timeout(dice, 1)).flatten();
    BatchPolicy { execution_mode: mode, timeout, rollback_on_failure }
}

fn timeout(dice: &mut Dice, times: i64) -> Option<Span> {
    dice.once_in(times).then(|| Span::from_seconds(dice.pick(&[1, 20, 60, 200, 600])))
}

/// A batch, and the plans that it opens.
pub(super) fn batch(
    dice: &mut Dice,
    rules: Rules,
    scene: &Scene<'_>,
    walks: &[Vec<(i64, i64)>],
) -> Option<(Intent, Vec<Opened>)> {
    let legs = dice.between(2, 3);
    let mut opened = Vec::new();
    let what = if scene.plans.len() < 2 { 0 } else { dice.between(0, 4) };
    let (legs, closes) = if what < 2 {
        let mut trades = Vec::new();
        for place in 0..legs {
            let id = name(&format!("TPL_{}", scene.plans.len() + 1 + usize::try_from(place).unwrap_or(0)));
            let sign = if rules.profile.shorting || dice.once_in(12) { dice.pick(&[1, -1]) } else { 1 };
            let symbol = if rules.symbols > 1 { usize::from(dice.once_in(2)) } else { 0 };
            let prices = walks.get(symbol).map(Vec::as_slice).unwrap_or_default();
            let around = prices.iter().rfind(|(seen, _)| *seen <= scene.at).map_or(1_000, |(_, ticks)| *ticks);
            let scene = Scene { at: scene.at, symbol, around, plans: scene.plans };
            if let Intent::NewTrade(trade) = first(dice, &scene, id.clone(), sign) {
                trades.push(Leg { trade, timeout: timeout(dice, 5) });
                opened.push(Opened { id, symbol, sign });
            }
        }
        (Legs::NewTrade(trades), false)
    } else {
        // The newest plans, one a leg.
        let (mut changes, mut closes) = (Vec::new(), Vec::new());
        for plan in scene.plans.iter().rev().take(usize::try_from(legs).unwrap_or(2)) {
            let alone =
                Scene { at: scene.at, symbol: plan.symbol, around: scene.around, plans: std::slice::from_ref(plan) };
            match later(dice, &alone, walks, &[], SessionUid([0; 16])) {
                Intent::Modify(trade) => changes.push(Leg { trade, timeout: timeout(dice, 5) }),
                Intent::Close(trade) => closes.push(Leg { trade, timeout: timeout(dice, 5) }),
                _ => {}
            }
        }
        // A plan that does not exist may stand in several legs.
        if closes.len() > changes.len() { (Legs::Close(closes), true) } else { (Legs::Modify(changes), false) }
    };
    let several = match &legs {
        Legs::NewTrade(legs) => legs.len(),
        Legs::Modify(legs) => legs.len(),
        Legs::Close(legs) => legs.len(),
    };
    let mut named: Vec<_> = {
        let intent = Intent::Batch(Batch { policy: None, legs: legs.clone() });
        let said = directive("LEGS", intent);
        said.trades(SessionUid([0; 16])).into_iter().map(|trade| trade.plan_id).collect()
    };
    named.sort();
    named.dedup();
    if several < 2 || named.len() != several {
        return None;
    }
    let policy = policy(dice, closes);
    let plain = policy.execution_mode == ExecutionMode::Parallel && policy.timeout.is_none() && dice.once_in(2);
    Some((Intent::Batch(Batch { policy: (!plain).then_some(policy), legs }), opened))
}
