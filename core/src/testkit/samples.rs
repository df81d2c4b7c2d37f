//! Small valid identities and Steps.

use rust_decimal::Decimal;

use crate::amount::{Money, Position, Price, Quantity};
use crate::content::{Content, ContentRef, Salt};
use crate::directive::{Algorithm, EntryTerms, ExecutionHint, Intent, NewTrade, StopLevel, StrategyDirective, Twap};
use crate::event::{
    Because, Decision, Event, Fact, FillReport, GroupAction, Input, Report, ReportKind, ReportedOrder, TimerPurpose,
};
use crate::ids::{
    ConnectorOrderId, DirectiveId, GroupNo, OrderNo, PlanId, PlanNo, Seq, SessionName, StrategyInstanceId, TimerId,
    TradeId,
};
use crate::instrument::{Asset, Instrument};
use crate::manifest::{Account, AccountCheck, Identity, Mode, Provenance, TapeIdentity};
use crate::order::{OrderRole, OrderTerms, Side, TimeInForce};
use crate::policy::ExecutionPolicy;
use crate::step::{Step, TapePosition};
use crate::store::Manifest;
use crate::time::{Span, Timestamp};
use crate::venue::{FeeAsset, FillPath, Liquidity, VenueProfile, VenueSettings};

/// A decimal from its text.
pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A price from its text.
pub fn price(text: &str) -> Price {
    Price::new(dec(text)).unwrap()
}

/// A quantity from its text.
pub fn quantity(text: &str) -> Quantity {
    Quantity::new(dec(text)).unwrap()
}

/// A time from its text.
pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// BTC/USDT with tick 0.01, lot 0.01, minimum notional 10.
pub fn btc() -> Instrument {
    Instrument {
        symbol: "BTC/USDT".parse().unwrap(),
        tick: price("0.01"),
        lot: quantity("0.01"),
        min_notional: Money::new(dec("10")),
    }
}

/// The default venue: profile `backtest`, no maker fee, 0.1 % taker fee, no slippage, no latency.
pub fn venue() -> VenueSettings {
    VenueSettings {
        profile: VenueProfile::backtest(),
        maker_fee: Decimal::ZERO,
        taker_fee: dec("0.001"),
        fee_asset: FeeAsset::Quote,
        path: FillPath::Pessimistic,
        slippage_bps: Decimal::ZERO,
        latency: Span::default(),
        max_volume_share: Decimal::ONE,
    }
}

/// A backtest on BTC/USDT of that name.
pub fn identity(name: &str) -> Identity {
    Identity {
        name: SessionName::new(name).unwrap(),
        mode: Mode::Backtest,
        instance: StrategyInstanceId::new("TWAP_BTC_01").unwrap(),
        strategy_digest: [1; 32],
        tape: TapeIdentity { digest: [2; 32], rows: 0 },
        instruments: vec![btc()],
        account: Account {
            quote: Asset::new("USDT").unwrap(),
            balance: Money::new(dec("1000000")),
            check: AccountCheck::Unchecked,
        },
        venue: venue(),
        policy: ExecutionPolicy::default(),
        seed: 0,
        decision_version: 1,
        nonce: None,
        continues: None,
    }
}

/// A manifest for [`identity`].
pub fn manifest(name: &str) -> Manifest {
    Manifest { identity: identity(name), provenance: Provenance { build: "test".to_owned(), ..Provenance::default() } }
}

/// A text and its reference.
pub fn comment(text: &str) -> (ContentRef, Content) {
    let content = Content { salt: Salt([7; 16]), text: text.to_owned() };
    (content.reference(), content)
}

/// A directive that opens plan `plan` long 10 with a TWAP.
pub fn twap_directive(id: &str, plan: &str) -> StrategyDirective {
    StrategyDirective {
        directive_id: DirectiveId::new(id).unwrap(),
        comments: Some(comment("breakout").0),
        confidence: None,
        causality: Vec::new(),
        intent: Intent::NewTrade(NewTrade {
            plan_id: Some(PlanId::new(plan).unwrap()),
            symbol: btc().symbol,
            direction: Side::Buy,
            entry: EntryTerms::MARKET,
            target: quantity("10"),
            stop: Some(StopLevel::At(price("37000"))),
            take_profit: None,
            execution: ExecutionHint {
                algorithm: Some(Algorithm::Twap(Twap {
                    duration: Span::from_seconds(3600),
                    slices: 12,
                    catch_up: true,
                })),
                urgency: None,
                end_after: None,
            },
        }),
    }
}

/// A Step of these facts at `seconds` after the epoch, beginning with `first`, all of plan and order `number`.
pub fn step(first: u64, seconds: i64, number: u32, facts: Vec<Fact>) -> Step {
    let time = Timestamp::from_nanos(seconds * 1_000_000_000);
    let seqs = first..;
    let events = seqs.zip(facts).map(|(seq, fact)| Event {
        seq: Seq(seq),
        time,
        plan: Some(PlanNo(number)),
        order: Some(OrderNo(number)),
        cause: (seq > first).then_some(Seq(first)),
        fact,
    });
    Step {
        time,
        recorded_at: None,
        tape: TapePosition { rows: u64::try_from(seconds).unwrap_or(0) / 30, points: 0 },
        events: events.collect(),
    }
}

/// The facts of one slice: a timer, the order, its acknowledgement and its fill, as three Steps of 5 events in all.
pub fn slice_facts(number: u32) -> [Vec<Fact>; 3] {
    let report =
        |what| Fact::Input(Input::Report(Report { order: ReportedOrder::Ours(OrderNo(number)), answers: None, what }));
    let order = Decision::OrderRequested {
        group: GroupNo(1),
        role: OrderRole::Entry,
        side: Side::Buy,
        terms: OrderTerms::Market,
        quantity: quantity("0.83"),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        slice: number,
        attempt: 0,
        because: Because::SliceDue,
    };
    let timer = Decision::TimerSet {
        timer: TimerId(number + 1),
        due: Timestamp::from_nanos(i64::from(number) * 300_000_000_000),
        purpose: TimerPurpose::Slice { group: GroupNo(1), slice: number },
    };
    let fill = FillReport {
        trade_id: TradeId::new(&number.to_string()).unwrap(),
        price: price("38321.55"),
        quantity: quantity("0.83"),
        fee: Money::new(dec("31.8068865")),
        fee_asset: Asset::new("USDT").unwrap(),
        liquidity: Liquidity::Taker,
        executed_at: Timestamp::from_nanos(i64::from(number) * 300_000_000_000),
    };
    [
        vec![Fact::Input(Input::TimerFired { timer: TimerId(number) }), Fact::Decision(order), Fact::Decision(timer)],
        vec![report(ReportKind::Accepted {
            connector_order_id: ConnectorOrderId::new(&format!("B{number}")).unwrap(),
        })],
        vec![
            report(ReportKind::Filled(fill)),
            Fact::Decision(Decision::AmendRequested {
                quantity: quantity("1.66"),
                price: None,
                because: Because::Fill,
            }),
        ],
    ]
}

/// A log of a directive and `slices` slices, spread over `plans` plans in turn. Not a history that an engine would
/// make: for stores, which do not look into it.
pub fn log(slices: u32, plans: u32) -> Vec<Step> {
    let directive = Fact::Input(Input::DirectiveReceived(Box::new(twap_directive("STR_001", "TPL_BTC_001"))));
    let accepted = Decision::PlanAccepted {
        plan_id: PlanId::new("TPL_BTC_001").unwrap(),
        symbol: btc().symbol,
        direction: Side::Buy,
        directive: DirectiveId::new("STR_001").unwrap(),
        comments: Some(comment("breakout").0),
    };
    let group = Decision::GroupOpened {
        group: GroupNo(1),
        directive: DirectiveId::new("STR_001").unwrap(),
        action: GroupAction::Enter,
        algorithm: Algorithm::Single,
        entry: EntryTerms::MARKET,
        quantity: quantity("10"),
        end_after: None,
        arrival: None,
    };
    let target = Decision::TargetSet {
        directive: DirectiveId::new("STR_001").unwrap(),
        target: Position::new(dec("10")).unwrap(),
        entry: EntryTerms::MARKET,
        algorithm: Algorithm::Single,
        end_after: None,
    };
    let opening = vec![directive, Fact::Decision(accepted), Fact::Decision(target), Fact::Decision(group)];
    let mut steps = vec![step(1, 0, 1, opening)];
    let mut next = 5;
    for number in 1..=slices {
        for facts in slice_facts(number) {
            let count = facts.len() as u64;
            let mut slice = step(next, i64::from(number) * 300, number, facts);
            for event in &mut slice.events {
                event.plan = Some(PlanNo((number - 1) % plans.max(1) + 1));
            }
            steps.push(slice);
            next += count;
        }
    }
    steps
}
