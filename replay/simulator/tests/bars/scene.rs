//! A small random market, venue and directive file.

use std::fmt::Write as _;

use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::directive::{
    Algorithm, CloseHint, ClosePlans, EntryTerms, ExecutionHint, Intent, ModifyPlans, NewTrade, OnLimit, StopChange,
    StopLevel, StrategyDirective, TakeProfitChange, Twap, WhenLimitHolds,
};
use retrace_core::event::{OperatorCommand, OperatorCommanded, Switch};
use retrace_core::ids::{DirectiveId, PlanId};
use retrace_core::instrument::Instrument;
use retrace_core::manifest::{AccountCheck, Identity};
use retrace_core::order::{Side, TimeInForce};
use retrace_core::policy::SymbolLimits;
use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::{FeeAsset, FillPath};
use retrace_replay::backtest::Given;
use retrace_replay::tape::{Bar, DataSet, Tape, VolumeUnit};
use rust_decimal::Decimal;

use retrace_simulator::dice::{Dice, key_of};

/// All that a run depends on.
pub(crate) struct Scene {
    pub(crate) identity: Identity,
    pub(crate) tape: Tape,
    pub(crate) given: Vec<(Timestamp, Given)>,
}

const MINUTE: u64 = 60;

fn price(cents: i64) -> Price {
    Price::new(Decimal::new(cents.max(100), 2)).unwrap()
}

impl Scene {
    pub(crate) fn roll(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let dice = &mut dice;
        let mut identity = samples::identity(&format!("random-{seed}"));
        identity.decision_version = retrace_replay::DECISION_VERSION;
        let instrument = Instrument {
            lot: samples::quantity(dice.pick(&["0.01", "0.1", "1"])),
            min_notional: Money::new(Decimal::from(dice.pick(&[0, 10, 60]))),
            ..samples::btc()
        };
        identity.instruments = vec![instrument.clone()];
        let venue = &mut identity.venue;
        venue.latency = Span::from_nanos(1_000_000 * dice.pick(&[0, 0, 0, 400, 30_000, 60_001, 150_000]));
        venue.path = dice.pick(FillPath::ALL);
        venue.slippage_bps = Decimal::from(dice.pick(&[0, 0, 5]));
        venue.fee_asset = dice.pick(&[FeeAsset::Quote, FeeAsset::Quote, FeeAsset::Base]);
        venue.max_volume_share = Decimal::new(dice.pick(&[25, 100]), 2);
        let (bars, cents) = market(dice);
        let set = DataSet {
            symbol: instrument.symbol.clone(),
            period: Span::from_seconds(MINUTE),
            volume_unit: VolumeUnit::Base,
            bars,
        };
        let tape = Tape::new(vec![set]);
        identity.tape = tape.identity();
        let given = directives(dice, &instrument, &cents);
        let given = given.into_iter().map(|(at, directive)| (at, directive.into())).collect();
        Self { identity, tape, given }
    }

    /// The scene of a seed under limits of its own, and with an operator.
    pub(crate) fn roll_limited(seed: u64) -> Self {
        let mut scene = Self::roll(seed);
        let mut dice = Dice::new(key_of("limits") ^ seed);
        let dice = &mut dice;
        let instrument = scene.identity.instruments[0].clone();
        let some = |dice: &mut Dice, from: &[i64]| dice.once_in(3).then(|| Decimal::from(dice.pick(from)));
        let lots = |lots: Decimal| Quantity::new(instrument.lot.value() * lots).unwrap();
        let worth = |lots: Decimal| Money::new(instrument.lot.value() * lots * Decimal::ONE_HUNDRED);
        let counts = |count: Decimal| u32::try_from(count).unwrap();
        let limits = &mut scene.identity.policy.risk;
        let max_order_quantity = some(dice, &[1, 3, 10, 40, 100]).map(lots);
        let max_position = some(dice, &[1, 5, 25, 60, 200]).map(lots);
        if max_order_quantity.is_some() || max_position.is_some() {
            let symbol = instrument.symbol.clone();
            limits.symbols.push(SymbolLimits { symbol, max_order_quantity, max_position });
        }
        limits.max_order_notional = some(dice, &[1, 3, 10, 40, 100]).map(worth);
        limits.max_account_position = some(dice, &[1, 5, 25, 60, 200]).map(worth);
        limits.price_collar = some(dice, &[1, 5, 10, 50]).map(|thousandths| thousandths / Decimal::ONE_THOUSAND);
        limits.max_orders_per_minute = some(dice, &[1, 2, 3, 5]).map(counts);
        limits.max_open_orders = some(dice, &[1, 2, 4, 7]).map(counts);
        let mut purse = Dice::new(key_of("cash") ^ seed);
        if let Some(balance) = some(&mut purse, &[1, 5, 25, 60, 200]).map(worth) {
            scene.identity.account.balance = balance;
            scene.identity.account.check = AccountCheck::Cash;
        }
        if dice.once_in(2) {
            let (from, to) = scene.tape.span().unwrap();
            let minutes = i64::try_from(to.since(from).nanos() / 60_000_000_000).unwrap();
            for _ in 0..dice.between(1, 4) {
                let at = from.plus(Span::from_seconds(dice.between(0, minutes * 2 - 1) as u64 * 30));
                let command = OperatorCommand::KillSwitch(dice.pick(Switch::ALL));
                scene.given.push((at, OperatorCommanded { command, reason: None }.into()));
            }
            scene.given.sort_by_key(|(at, _)| *at);
        }
        scene
    }

    /// The scene in words, for a failure.
    pub(crate) fn told(&self) -> String {
        let Identity { venue, instruments, account, policy, .. } = &self.identity;
        let mut told = format!("{venue:?}\n{instruments:?}\n{account:?}\n{:?}\n", policy.risk);
        for bar in &self.tape.sets()[0].bars {
            let volume = bar.volume.map_or(String::new(), |volume| volume.to_string());
            let _ = writeln!(told, "{} {} {} {} {} {volume}", bar.open_time, bar.open, bar.high, bar.low, bar.close);
        }
        told
    }
}

/// Bars, and the close of each minute in cents (a missing bar repeats the last).
fn market(dice: &mut Dice) -> (Vec<Bar>, Vec<i64>) {
    let capped = dice.once_in(2);
    let wild = dice.pick(&[20, 100, 300]);
    let mut last = 10_000;
    let (mut bars, mut closes) = (Vec::new(), Vec::new());
    for minute in 0..dice.between(10, 40) {
        if minute > 0 && dice.once_in(12) {
            closes.push(last);
            continue;
        }
        let jump = if dice.once_in(6) { dice.between(-3 * wild, 3 * wild) } else { 0 };
        let open = (last + jump).max(1_000);
        let close = (open + dice.between(-wild, wild)).max(1_000);
        let high = open.max(close) + dice.between(0, wild);
        let low = (open.min(close) - dice.between(0, wild)).max(500);
        let volume = capped.then(|| Decimal::new(dice.between(0, 600), 2));
        let open_time = Timestamp::from_nanos(0).plus(Span::from_seconds(MINUTE * minute as u64));
        bars.push(Bar {
            open_time,
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume,
        });
        last = close;
        closes.push(close);
    }
    (bars, closes)
}

fn directives(dice: &mut Dice, instrument: &Instrument, closes: &[i64]) -> Vec<(Timestamp, StrategyDirective)> {
    let mut given: Vec<(Timestamp, StrategyDirective)> = Vec::new();
    let end = MINUTE as i64 * closes.len() as i64;
    let mut at = 0;
    let plans = dice.between(1, 3);
    for number in 0..dice.between(2, 14) {
        at += dice.pick(&[0, 1, 30, 60, 60, 120, 300]);
        if at >= end {
            break;
        }
        let time = Timestamp::from_nanos(0).plus(Span::from_seconds(at as u64));
        if number > 0 && dice.once_in(12) {
            let again = given[usize::try_from(dice.between(0, given.len() as i64 - 1)).unwrap()].1.clone();
            given.push((time, again));
            continue;
        }
        let around = closes[usize::try_from(at / MINUTE as i64).unwrap()];
        let plan = PlanId::new(&format!("TPL_{}", dice.between(1, plans))).unwrap();
        let known =
            given.iter().any(|(_, d)| matches!(&d.intent, Intent::NewTrade(n) if n.plan_id.as_ref() == Some(&plan)));
        let intent = if known { later(dice, instrument, around, plan) } else { first(dice, instrument, around, plan) };
        given.push((
            time,
            StrategyDirective {
                directive_id: DirectiveId::new(&format!("STR_{number}")).unwrap(),
                comments: None,
                confidence: None,
                causality: Vec::new(),
                intent,
            },
        ));
    }
    given
}

fn lots(dice: &mut Dice, instrument: &Instrument) -> Decimal {
    instrument.lot.value() * Decimal::from(dice.pick(&[1, 3, 10, 25, 40, 100, 300]))
}

fn first(dice: &mut Dice, instrument: &Instrument, around: i64, plan: PlanId) -> Intent {
    let direction = dice.pick(Side::ALL);
    let sign = if direction == Side::Buy { 1 } else { -1 };
    let entry = terms(dice, around, sign);
    let near = entry.limit_price.map_or(around, |price| (price.value() * Decimal::ONE_HUNDRED).try_into().unwrap());
    Intent::NewTrade(NewTrade {
        plan_id: Some(plan),
        symbol: instrument.symbol.clone(),
        direction,
        entry,
        target: Quantity::new(lots(dice, instrument)).unwrap(),
        stop: (!dice.once_in(6)).then(|| match dice.once_in(4) {
            true => StopLevel::Tolerance(Decimal::new(dice.between(1, 60), 3)),
            false => StopLevel::At(price(near - sign * dice.between(20, 500))),
        }),
        take_profit: dice.once_in(2).then(|| price(near + sign * dice.between(20, 500))),
        execution: hint(dice),
    })
}

fn later(dice: &mut Dice, instrument: &Instrument, around: i64, plan: PlanId) -> Intent {
    if dice.once_in(5) {
        return Intent::Close(ClosePlans {
            plans: vec![plan],
            execution: CloseHint {
                urgency: None,
                max_total_slippage: dice.once_in(2).then(|| Decimal::new(dice.between(1, 30), 3)),
                on_limit: OnLimit {
                    retry: Span::from_seconds(dice.pick(&[1, 60])),
                    tries: dice.pick(&[1, 3]),
                    then: dice.pick(WhenLimitHolds::ALL),
                },
            },
        });
    }
    let sign = dice.pick(&[1, -1]);
    let entry = terms(dice, around, sign);
    Intent::Modify(ModifyPlans {
        plans: vec![plan],
        direction: dice.once_in(8).then(|| dice.pick(Side::ALL)),
        entry: (!dice.once_in(4)).then_some(entry),
        target: (!dice.once_in(3)).then(|| if dice.once_in(6) { Decimal::ZERO } else { lots(dice, instrument) }),
        stop: dice.once_in(3).then(|| match dice.between(0, 4) {
            0 => StopChange::Remove,
            1 => StopChange::To(StopLevel::Tolerance(Decimal::new(dice.between(1, 60), 3))),
            _ => StopChange::To(StopLevel::At(price(around + dice.between(-500, 500)))),
        }),
        take_profit: dice.once_in(4).then(|| match dice.once_in(3) {
            true => TakeProfitChange::Remove,
            false => TakeProfitChange::To(price(around + dice.between(-500, 500))),
        }),
        execution: hint(dice),
    })
}

fn terms(dice: &mut Dice, around: i64, sign: i64) -> EntryTerms {
    if dice.once_in(2) {
        return EntryTerms::MARKET;
    }
    EntryTerms {
        limit_price: Some(price(around - sign * dice.between(-50, 150))),
        time_in_force: dice.pick(&[TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok]),
        post_only: dice.once_in(6),
    }
}

fn hint(dice: &mut Dice) -> ExecutionHint {
    let algorithm = match dice.between(0, 3) {
        0 => None,
        1 => Some(Algorithm::Single),
        _ => Some(Algorithm::Twap(Twap {
            duration: Span::from_seconds(MINUTE * dice.pick(&[1, 3, 5, 12])),
            slices: dice.pick(&[1, 2, 3, 5, 12]),
            catch_up: !dice.once_in(3),
        })),
    };
    ExecutionHint { algorithm, ..ExecutionHint::NONE }
}
