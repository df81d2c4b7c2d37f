//! A seed becomes a script: prices that walk, jump and pause, and directives of every shape.

mod actions;
mod batches;
mod good_till;
mod stops;
mod trails;

use retrace_core::chain::genesis;
use retrace_core::directive::{
    Algorithm, CloseHint, ClosePlans, EntryTerms, ExecutionHint, Iceberg, Intent, Layered, ModifyPlans, NewTrade,
    OnLimit, StopChange, StopLevel, StrategyDirective, TakeProfitChange, Twap, WhenLimitHolds,
};
use retrace_core::ids::{DirectiveId, PlanId, SessionUid};
use retrace_core::order::{Side, TimeInForce};
use retrace_core::policy::BatchPolicy;
use retrace_core::time::Span;
use rust_decimal::Decimal;

use crate::dice::{Dice, key_of};
use crate::limits::Limits;
use crate::profile::Profile;
use crate::script::{Act, Ending, Happening, Mischief, Outage, Restart, Rules, Script, Trick};
use crate::units::{base_amount, price, quantity};

/// How long a world's script lasts, in milliseconds.
const LENGTH: i64 = 1_200_000;

/// The world of a seed.
pub fn roll(seed: u64) -> Script {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let rules = Rules {
        symbols: if dice.once_in(4) { 2 } else { 1 },
        min_notional: dice.pick(&[0, 0, 0, 10, 60]),
        fee_in_base: dice.once_in(3),
        profile: Profile::roll(seed),
    };
    let mischief = stops::untold(seed, mischief(dice));
    let length = dice.pick(&[LENGTH / 4, LENGTH / 2, LENGTH]);
    let mut acts = Vec::new();
    let mut walks = Vec::new();
    for symbol in 0..rules.symbols {
        let walk = walk(dice, length);
        acts.extend(walk.iter().map(|(at, ticks)| Act { at: *at, what: Happening::Price { symbol, ticks: *ticks } }));
        walks.push(walk);
    }
    let (limits, operator) = Limits::roll(seed, length);
    let batches = batches::defaults(seed);
    let empty =
        Script { seed, rules, limits, batches, mischief, acts: Vec::new(), restarts: Vec::new(), outages: Vec::new() };
    let session = genesis(&empty.identity()).0;
    acts.extend(directives(dice, seed, rules, session, &walks, length));
    while dice.once_in(8) {
        acts.push(Act { at: dice.between(0, length), what: Happening::Foreign });
    }
    acts.extend(operator);
    acts.sort_by_key(|act| act.at);
    let mut restarts: Vec<Restart> = Vec::new();
    if dice.once_in(3) {
        for _ in 0..dice.between(1, 4) {
            let how = dice.pick(&[Ending::Orderly, Ending::Torn, Ending::Torn, Ending::Unreleased]);
            restarts.push(Restart { after: u64::try_from(dice.between(1, 200)).unwrap_or(1), how });
        }
        restarts.sort_by_key(|restart| restart.after);
        restarts.dedup_by_key(|restart| restart.after);
    }
    let mut outages = Vec::new();
    let mut at = 0;
    while dice.once_in(4) {
        let from = at + dice.between(1, length / 2);
        let to = from + dice.pick(&[2_000, 30_000, 120_000]);
        outages.push(Outage { from, to, told: dice.once_in(2) });
        at = to;
    }
    Script { seed, rules, limits, batches, mischief, acts, restarts, outages }
}

fn mischief(dice: &mut Dice) -> Mischief {
    let mut mischief = Mischief::default();
    // One world in eight is a fair one: what goes wrong there is nobody's fault but the engine's.
    if dice.once_in(8) {
        return mischief;
    }
    // And one in eight a storm.
    let storm = dice.once_in(8);
    for trick in Trick::ALL {
        let odds = match trick {
            Trick::SetOffUntold => continue,
            Trick::Reject | Trick::AmendReject | Trick::CancelReject | Trick::Expire | Trick::CancelUnasked => {
                [10, 50, 200]
            }
            Trick::Overfill | Trick::Bust | Trick::Correct => [5, 20, 60],
            Trick::SlowRequest
            | Trick::SlowReport
            | Trick::VerySlowReport
            | Trick::Repeat
            | Trick::StaleRepeat
            | Trick::Conflict
            | Trick::PartialFill
            | Trick::WaitingMarket
            | Trick::TriggeredFirst
            | Trick::LateTimer
            | Trick::LazyCommit => [50, 200, 500],
        };
        if storm || dice.once_in(3) {
            mischief.set(trick, dice.pick(&odds));
        }
    }
    mischief
}

/// A price every few seconds: it walks, sometimes jumps, and sometimes nothing is traded for minutes.
fn walk(dice: &mut Dice, length: i64) -> Vec<(i64, i64)> {
    let wild = dice.pick(&[2, 6, 20]);
    let pace = dice.pick(&[5_000, 20_000, 60_000]);
    let mut last = 1_000;
    let mut at = dice.pick(&[0, 0, 0, 15_000]);
    let mut prices = Vec::new();
    while at <= length {
        let jump = if dice.once_in(10) { dice.between(-6 * wild, 6 * wild) } else { 0 };
        last = (last + dice.between(-wild, wild) + jump).clamp(400, 2_000);
        prices.push((at, last));
        at += if dice.once_in(20) { 5 * pace } else { dice.between(pace / 2, pace) };
    }
    prices
}

/// What is known to the strategist when it speaks.
struct Scene<'a> {
    at: i64,
    symbol: usize,
    /// The price around that time.
    around: i64,
    plans: &'a [Opened],
}

/// A plan that the strategist has opened.
#[derive(Clone)]
struct Opened {
    id: PlanId,
    symbol: usize,
    /// 1 long, -1 short.
    sign: i64,
}

/// So many ticks on the right side of a price; seldom on the wrong one.
fn beyond(dice: &mut Dice, from: i64, side: i64) -> i64 {
    let away = dice.pick(&[3, 10, 40]);
    let ticks = if dice.once_in(15) { -dice.between(0, away) } else { dice.between(1, away) };
    from + side * ticks
}

fn directives(
    dice: &mut Dice,
    seed: u64,
    rules: Rules,
    session: SessionUid,
    walks: &[Vec<(i64, i64)>],
    length: i64,
) -> Vec<Act> {
    let mut given: Vec<(i64, StrategyDirective)> = Vec::new();
    let mut opened: Vec<Opened> = Vec::new();
    let most = dice.between(1, 9);
    let mut at = dice.pick(&[0, 1_000, 20_000]);
    // In one world of three some directives are of several trades.
    let mut apart = Dice::new(key_of("batches") ^ seed);
    let batches = apart.once_in(3);
    for number in 0..dice.between(3, 24) {
        at += dice.pick(&[0, 500, 3_000, 20_000, 45_000, 90_000]);
        if at >= length {
            break;
        }
        if number > 0 && dice.once_in(8) {
            // Said again, as it was, or with another body.
            let last = i64::try_from(given.len()).unwrap_or(1) - 1;
            let place = usize::try_from(dice.between(0, last)).unwrap_or(0);
            if let Some((_, again)) = given.get(place).cloned() {
                let again = if dice.once_in(4) { other_body(again) } else { again };
                given.push((at, again));
            }
            continue;
        }
        let fresh = opened.is_empty() || (i64::try_from(opened.len()).unwrap_or(0) < most && dice.once_in(3));
        let symbol = usize::from(walks.len() > 1 && dice.once_in(2));
        let prices = walks.get(symbol).map(Vec::as_slice).unwrap_or_default();
        let around = prices.iter().rfind(|(seen, _)| *seen <= at).map_or(1_000, |(_, ticks)| *ticks);
        let scene = Scene { at, symbol, around, plans: &opened };
        if batches
            && apart.once_in(3)
            && let Some((intent, plans)) = batches::batch(&mut apart, rules, &scene, walks)
        {
            opened.extend(plans);
            given.push((at, directive(&format!("STR_{number}"), intent)));
            continue;
        }
        let (intent, plan) = if fresh {
            let id = name(&format!("TPL_{}", opened.len() + 1));
            let sign = if rules.profile.shorting || dice.once_in(12) { dice.pick(&[1, -1]) } else { 1 };
            (first(dice, &scene, id.clone(), sign), Some(Opened { id, symbol, sign }))
        } else {
            (later(dice, &scene, walks, &given, session), None)
        };
        opened.extend(plan);
        given.push((at, directive(&format!("STR_{number}"), intent)));
    }
    stops::limit(seed, given.iter_mut().map(|(_, said)| said));
    trails::trail(seed, rules.profile.native_trailing, given.iter_mut().map(|(_, said)| said));
    good_till::limit(seed, given.iter_mut().map(|(at, said)| (*at, said)));
    given.into_iter().map(|(at, said)| Act { at, what: Happening::Directive(Box::new(said)) }).collect()
}

/// A directive of that name.
#[expect(clippy::expect_used, reason = "the texts are names")]
pub(crate) fn directive(id: &str, intent: Intent) -> StrategyDirective {
    StrategyDirective {
        directive_id: DirectiveId::new(id).expect("a name"),
        comments: None,
        confidence: None,
        causality: Vec::new(),
        intent,
    }
}

#[expect(clippy::expect_used, reason = "the texts are names")]
fn name(plan: &str) -> PlanId {
    PlanId::new(plan).expect("a name")
}

fn other_body(mut said: StrategyDirective) -> StrategyDirective {
    match &mut said.intent {
        Intent::NewTrade(new) => new.target = quantity(7),
        Intent::Modify(modify) => modify.target = Some(base_amount(7_000)),
        Intent::Close(close) => close.execution.on_limit.tries += 1,
        Intent::Group(group) => actions::other_group_order(group),
        Intent::CancelAll(cancel) => actions::other_reach(cancel),
        Intent::Batch(batch) => batch.policy = batch.policy.is_none().then_some(BatchPolicy::PARALLEL),
    }
    said
}

fn lots(dice: &mut Dice) -> i64 {
    dice.pick(&[1, 3, 10, 10, 25, 40, 100])
}

fn first(dice: &mut Dice, scene: &Scene<'_>, plan: PlanId, sign: i64) -> Intent {
    let direction = if sign > 0 { Side::Buy } else { Side::Sell };
    let size = lots(dice);
    let (entry, execution) = how(dice, size, scene.around, sign);
    let (for_stop, for_profit) = nearest_to_exits(entry, execution, scene.around, sign);
    Intent::NewTrade(NewTrade {
        plan_id: Some(plan),
        symbol: Script::symbol(scene.symbol),
        direction,
        entry,
        target: quantity(size),
        stop: (!dice.once_in(6)).then(|| {
            if dice.once_in(4) {
                StopLevel::Tolerance(Decimal::new(dice.between(2, 60), 3))
            } else {
                StopLevel::At(price(beyond(dice, for_stop, -sign)))
            }
        }),
        take_profit: dice.once_in(2).then(|| price(beyond(dice, for_profit, sign))),
        execution,
    })
}

fn later(
    dice: &mut Dice,
    scene: &Scene<'_>,
    walks: &[Vec<(i64, i64)>],
    given: &[(i64, StrategyDirective)],
    session: SessionUid,
) -> Intent {
    let mut plans = Vec::new();
    let (mut symbol, mut way) = (scene.symbol, 1);
    for _ in 0..dice.pick(&[1, 1, 1, 2]) {
        if dice.once_in(40) {
            plans.push(name("TPL_NOBODY"));
        } else {
            // Mostly one of the newest: the older ones have ended.
            let last = i64::try_from(scene.plans.len()).unwrap_or(1) - 1;
            let oldest = if dice.once_in(4) { 0 } else { (last - 1).max(0) };
            let place = usize::try_from(dice.between(oldest, last));
            if let Some(plan) = place.ok().and_then(|place| scene.plans.get(place)) {
                (symbol, way) = (plan.symbol, plan.sign);
                plans.push(plan.id.clone());
            }
        }
    }
    plans.sort();
    plans.dedup();
    let prices = walks.get(symbol).map(Vec::as_slice).unwrap_or_default();
    let around = prices.iter().rfind(|(seen, _)| *seen <= scene.at).map_or(1_000, |(_, ticks)| *ticks);
    if dice.once_in(3) {
        return actions::action(dice, plans, around, given, session);
    }
    if dice.once_in(7) {
        return Intent::Close(ClosePlans {
            plans,
            execution: CloseHint {
                urgency: dice.once_in(2).then(|| Decimal::new(dice.pick(&[1, 4, 8, 10]), 1)),
                max_total_slippage: dice.once_in(2).then(|| Decimal::new(dice.between(1, 30), 3)),
                on_limit: OnLimit {
                    retry: Span::from_seconds(dice.pick(&[1, 60])),
                    tries: dice.pick(&[1, 3]),
                    then: dice.pick(WhenLimitHolds::ALL),
                },
            },
        });
    }
    let toward = if dice.once_in(2) { way } else { -way };
    let (entry, execution) = how(dice, 3, around, toward);
    // Without its limit an iceberg would be at market.
    let needs_limit = matches!(execution.algorithm, Some(Algorithm::Iceberg(_)));
    let target = (!dice.once_in(3)).then(|| if dice.once_in(6) { Decimal::ZERO } else { quantity(lots(dice)).value() });
    Intent::Modify(ModifyPlans {
        plans,
        direction: (target.is_some() && dice.once_in(8)).then(|| dice.pick(Side::ALL)),
        entry: (target.is_some() && (needs_limit || !dice.once_in(4))).then_some(entry),
        target,
        stop: dice.once_in(3).then(|| match dice.between(0, 4) {
            0 => StopChange::Remove,
            1 => StopChange::To(StopLevel::Tolerance(Decimal::new(dice.between(2, 60), 3))),
            _ => StopChange::To(StopLevel::At(price(beyond(dice, around, -way)))),
        }),
        take_profit: dice.once_in(4).then(|| {
            if dice.once_in(3) {
                TakeProfitChange::Remove
            } else {
                TakeProfitChange::To(price(beyond(dice, around, way)))
            }
        }),
        execution: if target.is_some() { execution } else { ExecutionHint::NONE },
    })
}

fn terms(dice: &mut Dice, around: i64, sign: i64) -> EntryTerms {
    if dice.once_in(2) {
        return EntryTerms::MARKET;
    }
    EntryTerms {
        limit_price: Some(price(around - sign * dice.between(-5, 5))),
        time_in_force: dice.pick(&[TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok]),
        post_only: dice.once_in(6),
    }
}

/// How so many lots are to be traded: seldom in more slices than there are lots. An iceberg has a limit, layers have
/// prices of their own around the current one.
fn how(dice: &mut Dice, lots: i64, around: i64, sign: i64) -> (EntryTerms, ExecutionHint) {
    let most = lots.clamp(1, 12);
    let slices = u32::try_from(dice.pick(&[1, 2, 3, 5, 12]).min(most)).unwrap_or(1);
    let mut entry = terms(dice, around, sign);
    let algorithm = match dice.between(0, 6) {
        0 => None,
        1 => Some(Algorithm::Single),
        2 => {
            entry.limit_price = Some(price(around - sign * dice.between(-5, 5)));
            entry.time_in_force = TimeInForce::Gtc;
            Some(Algorithm::Iceberg(Iceberg { visible: quantity(dice.pick(&[1, 2, 5, 10]).min(lots)) }))
        }
        3 => {
            entry = EntryTerms { post_only: dice.once_in(6), ..EntryTerms::MARKET };
            let nearest = around - sign * dice.between(-3, 8);
            let farthest = nearest - sign * dice.pick(&[0, 4, 10, 30]);
            let layers = if nearest == farthest { 1 } else { slices.min(5) };
            let (from, to) = (price(nearest.min(farthest)), price(nearest.max(farthest)));
            Some(Algorithm::Layered(Layered { layers, from, to }))
        }
        _ => Some(Algorithm::Twap(Twap {
            duration: Span::from_seconds(dice.pick(&[20, 60, 180, 300, 720])),
            slices: if dice.once_in(12) { 12 } else { slices },
            catch_up: !dice.once_in(3),
        })),
    };
    let end_after = dice.once_in(5).then(|| Span::from_seconds(dice.pick(&[1, 15, 60, 200, 400])));
    (entry, ExecutionHint { algorithm, urgency: None, end_after })
}

/// Where a plan's exits are read against: its limit, or the layers nearest to each; a stop, then a take profit.
fn nearest_to_exits(entry: EntryTerms, hint: ExecutionHint, around: i64, sign: i64) -> (i64, i64) {
    let ticks = |price| crate::units::ticks_of(price).unwrap_or(around);
    match hint.algorithm {
        Some(Algorithm::Layered(layered)) if sign > 0 => (ticks(layered.from), ticks(layered.to)),
        Some(Algorithm::Layered(layered)) => (ticks(layered.to), ticks(layered.from)),
        _ => {
            let near = entry.limit_price.map_or(around, ticks);
            (near, near)
        }
    }
}
