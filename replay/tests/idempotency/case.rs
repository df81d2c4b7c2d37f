//! A small market, a venue that behaves, and what a strategist may say in it: told once, and told again.

use std::collections::BTreeSet;

use proptest::prelude::*;
use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::directive::{
    Algorithm, CloseHint, ClosePlans, EntryTerms, ExecutionHint, Intent, ModifyPlans, NewTrade, OnLimit, StopChange,
    StopLevel, StrategyDirective, TakeProfitChange, Twap,
};
use retrace_core::ids::{DirectiveId, PlanId};
use retrace_core::manifest::Identity;
use retrace_core::order::{Side, TimeInForce};
use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::FeeAsset;
use retrace_replay::tape::{Bar, DataSet, Tape, VolumeUnit};
use rust_decimal::Decimal;

use crate::Given;

/// All that a case depends on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// By how much the price moves from bar to bar, in quote.
    moves: Vec<i64>,
    /// How much may be traded in a bar, in quarters of a unit; `None` without a cap.
    volume: Option<u8>,
    fee_in_base: bool,
    pub(crate) latency: u8,
    said: Vec<Said>,
    repeats: Vec<Repeat>,
}

/// Something a strategist says, and how long after what was said before, in half minutes.
#[derive(Clone, Debug)]
struct Said {
    pause: u8,
    plan: u8,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// A size, perhaps with levels; in the first of a plan, its trade.
    Size {
        short: bool,
        size: u8,
        how: How,
        stop: Option<u8>,
        profit: Option<u8>,
        both: bool,
    },
    /// Levels alone, as distances from 100 in the direction of a gain; `None` takes one away.
    Stop(Option<i8>),
    Profit(Option<i8>),
    /// A close, inside so many percent or at market.
    Close(Option<u8>),
}

#[derive(Clone, Copy, Debug)]
enum How {
    Market,
    /// At a limit so far below 100 (for a purchase), and for how long.
    Limit(i8, TimeInForce),
    Twap {
        minutes: u8,
        slices: u8,
    },
    LimitTwap {
        minutes: u8,
        slices: u8,
        below: i8,
    },
}

/// One of those that were said comes again.
#[derive(Clone, Debug)]
struct Repeat {
    of: prop::sample::Index,
    later: u8,
    new_id: bool,
}

const HALF_MINUTE: u64 = 30;
/// Bars at the end in which nothing moves and everything that was begun comes to its end.
const TAIL: usize = 16;

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let said = prop::collection::vec(said(), 1..7);
    let repeat = (any::<prop::sample::Index>(), 0_u8..30, any::<bool>());
    let repeat = repeat.prop_map(|(of, later, new_id)| Repeat { of, later, new_id });
    let volume = prop_oneof![3 => Just(None), 1 => (1_u8..16).prop_map(Some)];
    let latency = prop_oneof![4 => Just(0_u8), 1 => 1_u8..4];
    (
        prop::collection::vec(-4_i64..=4, 4..10),
        volume,
        prop::bool::weighted(0.2),
        latency,
        said,
        prop::collection::vec(repeat, 1..7),
    )
        .prop_map(|(moves, volume, fee_in_base, latency, said, repeats)| Case {
            moves,
            volume,
            fee_in_base,
            latency,
            said,
            repeats,
        })
}

fn said() -> impl Strategy<Value = Said> {
    let forever = prop_oneof![2 => Just(TimeInForce::Gtc), 1 => Just(TimeInForce::Ioc), 1 => Just(TimeInForce::Fok)];
    let how = prop_oneof![
        3 => Just(How::Market),
        3 => (-2_i8..6, forever).prop_map(|(below, stands)| How::Limit(below, stands)),
        3 => (1_u8..5, 1_u8..5).prop_map(|(minutes, slices)| How::Twap { minutes, slices }),
        1 => (1_u8..5, 1_u8..5, -2_i8..6).prop_map(|(minutes, slices, below)| How::LimitTwap { minutes, slices, below }),
    ];
    let level = || prop::option::weighted(0.6, 2_u8..12);
    let size = (any::<bool>(), 0_u8..7, how, level(), prop::option::weighted(0.4, 2_u8..12), prop::bool::weighted(0.2));
    let size =
        size.prop_map(|(short, size, how, stop, profit, both)| What::Size { short, size, how, stop, profit, both });
    let moved = || prop::option::weighted(0.8, -10_i8..10);
    let what = prop_oneof![
        6 => size,
        2 => moved().prop_map(What::Stop),
        2 => moved().prop_map(What::Profit),
        1 => prop::option::weighted(0.4, 1_u8..4).prop_map(What::Close),
    ];
    (0_u8..5, 0_u8..2, what).prop_map(|(pause, plan, what)| Said { pause, plan, what })
}

fn price(units: i64) -> Price {
    Price::new(Decimal::from(units)).unwrap()
}

fn plan_id(number: u8) -> PlanId {
    PlanId::new(&format!("TPL_{number}")).unwrap()
}

impl Case {
    pub(crate) fn identity(&self) -> Identity {
        let mut identity = samples::identity("repeated");
        identity.decision_version = retrace_replay::DECISION_VERSION;
        // Nothing is too small to trade: what is given is what comes.
        identity.instruments[0].min_notional = Money::new(Decimal::ZERO);
        identity.tape = self.tape().identity();
        identity.venue.latency = Span::from_seconds(u64::from(self.latency) * 25);
        if self.fee_in_base {
            identity.venue.fee_asset = FeeAsset::Base;
        }
        identity
    }

    pub(crate) fn tape(&self) -> Tape {
        let mut last = 100;
        let mut bars = Vec::new();
        for (minute, change) in (0_u64..).zip(self.moves.iter().copied().chain(std::iter::repeat_n(0, TAIL))) {
            let open = last;
            last = (last + change).clamp(80, 120);
            let flat = minute >= self.moves.len() as u64;
            bars.push(Bar {
                open_time: Timestamp::from_nanos(0).plus(Span::from_seconds(2 * HALF_MINUTE * minute)),
                open: price(open),
                high: price(open.max(last) + i64::from(!flat)),
                low: price(open.min(last) - i64::from(!flat)),
                close: price(last),
                volume: self.volume.map(|quarters| Decimal::new(i64::from(if flat { 200 } else { quarters }) * 25, 2)),
            });
        }
        let (symbol, period) = (samples::btc().symbol, Span::from_seconds(2 * HALF_MINUTE));
        Tape::new(vec![DataSet { symbol, period, volume_unit: VolumeUnit::Base, bars }])
    }

    /// What was said, each once. A plan that does not exist yet is opened by what is said of it first.
    pub(crate) fn directives(&self) -> Given {
        let mut at = 0_u64;
        let mut sides: [Option<Side>; 2] = [None; 2];
        let mut given = Vec::new();
        for (number, said) in self.said.iter().enumerate() {
            at += u64::from(said.pause) * HALF_MINUTE;
            let place = usize::from(said.plan);
            let intent = match sides[place] {
                None => {
                    let (side, intent) = said.open();
                    sides[place] = Some(side);
                    intent
                }
                Some(side) => said.change(side, sides[1 - place].is_some()),
            };
            given.push((
                Timestamp::from_nanos(0).plus(Span::from_seconds(at)),
                directive(&format!("STR_{number}"), intent),
            ));
        }
        given
    }

    /// The same with repeats among them, and how many of each sort. `refused`: the directives that were refused: under
    /// another id they may be tried again, and nothing is promised of that.
    pub(crate) fn with_repeats(&self, given: &Given, refused: &BTreeSet<DirectiveId>) -> (Given, usize, usize) {
        // Each with its place: behind which of the given ones it stands.
        let mut placed: Vec<(usize, Timestamp, StrategyDirective)> = Vec::new();
        let (mut own_ids, mut new_ids) = (0, 0);
        for (number, repeat) in self.repeats.iter().enumerate() {
            let of = repeat.of.index(given.len());
            let (first, said) = &given[of];
            let mut at = first.plus(Span::from_seconds(u64::from(repeat.later) * HALF_MINUTE));
            let mut behind = given.iter().rposition(|(time, _)| *time <= at).unwrap().max(of);
            let mut again = said.clone();
            if repeat.new_id {
                if refused.contains(&said.directive_id) || is_relative(said) {
                    continue;
                }
                again.directive_id = DirectiveId::new(&format!("AGAIN_{number}")).unwrap();
                // A trade that was opened is opened for ever; of changes, only the latest of each plan is promised.
                let newer = (of + 1..given.len()).find(|other| shares_a_plan(&given[*other].1, said));
                if let Some(newer) =
                    newer.filter(|newer| *newer <= behind && !matches!(said.intent, Intent::NewTrade(_)))
                {
                    behind = newer - 1;
                    at = at.min(given[newer].0);
                }
                new_ids += 1;
            } else {
                own_ids += 1;
            }
            placed.push((behind, at.max(given[behind].0), again));
        }
        placed.sort_by_key(|(behind, at, _)| (*behind, *at));
        let mut all = Vec::new();
        for (place, one) in given.iter().enumerate() {
            all.push(one.clone());
            all.extend(
                placed.iter().filter(|(behind, ..)| *behind == place).map(|(_, at, again)| (*at, again.clone())),
            );
        }
        (all, own_ids, new_ids)
    }
}

/// A limit of a close is read against the price of each directive: told later, it is another one.
fn is_relative(said: &StrategyDirective) -> bool {
    matches!(&said.intent, Intent::Close(close) if close.execution.max_total_slippage.is_some())
}

fn plans(said: &StrategyDirective) -> Vec<PlanId> {
    match &said.intent {
        Intent::NewTrade(new) => new.plan_id.iter().cloned().collect(),
        Intent::Modify(modify) => modify.plans.clone(),
        Intent::Close(close) => close.plans.clone(),
        other @ (Intent::Group(_) | Intent::CancelAll(_)) => panic!("{other:?} is not drawn here"),
    }
}

fn shares_a_plan(one: &StrategyDirective, other: &StrategyDirective) -> bool {
    plans(one).iter().any(|plan| plans(other).contains(plan))
}

fn directive(id: &str, intent: Intent) -> StrategyDirective {
    let directive_id = DirectiveId::new(id).unwrap();
    StrategyDirective { directive_id, comments: None, confidence: None, causality: Vec::new(), intent }
}

/// A level so far from 100 as a plan on this side gains (above zero) or loses (below zero).
fn level(side: Side, gain: i64) -> Price {
    price(100 + if side == Side::Buy { gain } else { -gain })
}

impl Said {
    fn open(&self) -> (Side, Intent) {
        let (short, size, how, stop, profit) = match self.what {
            What::Size { short, size, how, stop, profit, .. } => (short, size, how, stop, profit),
            What::Stop(_) | What::Profit(_) | What::Close(_) => (false, 2, How::Market, Some(6), None),
        };
        let side = if short { Side::Sell } else { Side::Buy };
        let intent = Intent::NewTrade(NewTrade {
            plan_id: Some(plan_id(self.plan)),
            symbol: samples::btc().symbol,
            direction: side,
            entry: how.terms(side).unwrap_or(EntryTerms::MARKET),
            target: Quantity::new(Decimal::from(size.max(1))).unwrap(),
            stop: stop.map(|far| StopLevel::At(level(side, -i64::from(far)))),
            take_profit: profit.map(|far| level(side, i64::from(far))),
            execution: how.hint(),
        });
        (side, intent)
    }

    fn change(&self, side: Side, other_plan_exists: bool) -> Intent {
        let mut modify = ModifyPlans {
            plans: vec![plan_id(self.plan)],
            direction: None,
            entry: None,
            target: None,
            stop: None,
            take_profit: None,
            execution: ExecutionHint { algorithm: None, urgency: None, end_after: None },
        };
        match self.what {
            What::Size { size, how, stop, profit, both, .. } => {
                modify.target = Some(Decimal::from(size));
                modify.entry = how.terms(side);
                modify.execution = how.hint();
                modify.stop = stop.map(|far| StopChange::To(StopLevel::At(level(side, -i64::from(far)))));
                modify.take_profit = profit.map(|far| TakeProfitChange::To(level(side, i64::from(far))));
                if both && other_plan_exists {
                    modify.plans.push(plan_id(1 - self.plan));
                }
            }
            What::Stop(Some(gain)) => modify.stop = Some(StopChange::To(StopLevel::At(level(side, i64::from(gain))))),
            What::Stop(None) => modify.stop = Some(StopChange::Remove),
            What::Profit(Some(gain)) => modify.take_profit = Some(TakeProfitChange::To(level(side, i64::from(gain)))),
            What::Profit(None) => modify.take_profit = Some(TakeProfitChange::Remove),
            What::Close(percent) => {
                return Intent::Close(ClosePlans {
                    plans: modify.plans,
                    execution: CloseHint {
                        urgency: None,
                        max_total_slippage: percent.map(|percent| Decimal::new(i64::from(percent), 2)),
                        on_limit: OnLimit::default(),
                    },
                });
            }
        }
        Intent::Modify(modify)
    }
}

impl How {
    fn terms(self, side: Side) -> Option<EntryTerms> {
        let (below, time_in_force) = match self {
            Self::Market | Self::Twap { .. } => return None,
            Self::Limit(below, stands) => (below, stands),
            Self::LimitTwap { below, .. } => (below, TimeInForce::Gtc),
        };
        Some(EntryTerms { limit_price: Some(level(side, -i64::from(below))), time_in_force, post_only: false })
    }

    fn hint(self) -> ExecutionHint {
        let algorithm = match self {
            Self::Market | Self::Limit(..) => None,
            Self::Twap { minutes, slices } | Self::LimitTwap { minutes, slices, .. } => Some(Algorithm::Twap(Twap {
                duration: Span::from_seconds(2 * HALF_MINUTE * u64::from(minutes)),
                slices: u32::from(slices),
                catch_up: true,
            })),
        };
        ExecutionHint { algorithm, urgency: None, end_after: None }
    }
}
