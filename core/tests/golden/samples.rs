//! One event of every kind and of every variant of what a kind holds. Frozen: a sample is added, never changed, because
//! the committed bytes are compared with it for ever.

#[path = "batches.rs"]
mod batches;

use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::content::ContentRef;
use retrace_core::directive::{
    Algorithm, CloseHint, ClosePlans, EntryTerms, ExecutionHint, Iceberg, Intent, Layered, ModifyPlans, NewTrade,
    OnLimit, StopChange, StopLevel, StrategyDirective, TakeProfitChange, Twap, WhenLimitHolds,
};
use retrace_core::event::{
    AfterRefusal, Because, Decision, Fact, FillReport, GroupAction, GroupEnd, Head, Idle, Input, Mark, OperatorCommand,
    OperatorCommanded, OrderRefused, Outcome, PriceMoved, Refusal, Report, ReportKind, ReportedOrder, RiskRefusal,
    SessionContinued, Switch, TimerPurpose, TradeImported, TradeOrigin, VenueReason,
};
use retrace_core::ids::{
    CausalityId, ConnectorOrderId, DirectiveId, GroupNo, OperatorReason, OrderNo, PlanId, PositionKey, Seq,
    SessionName, SessionUid, StrategyInstanceId, TimerId, TradeId,
};
use retrace_core::instrument::{Asset, Instrument, Symbol};
use retrace_core::manifest::{Account, AccountCheck, Change, Identity, Mode, Provenance, TapeIdentity, WhatIf};
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_core::policy::ExecutionPolicy;
use retrace_core::stop::{StopKind, Trail};
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::{FeeAsset, FillPath, Liquidity, VenueProfile, VenueSettings};
use rust_decimal::Decimal;

/// The order number that stands in the header of every sample that is ours.
pub(crate) const ORDER: OrderNo = OrderNo(7);

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    Price::new(dec(text)).unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    Quantity::new(dec(text)).unwrap()
}

pub(crate) fn position(text: &str) -> Position {
    Position::new(dec(text)).unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    Money::new(dec(text))
}

fn symbol() -> Symbol {
    "BTC/USDT".parse().unwrap()
}

pub(crate) fn directive() -> DirectiveId {
    DirectiveId::new("STR_001").unwrap()
}

pub(crate) fn plan(name: &str) -> PlanId {
    PlanId::new(name).unwrap()
}

const LIMIT: fn() -> EntryTerms =
    || EntryTerms { limit_price: Some(price("38000.5")), time_in_force: TimeInForce::Ioc, post_only: true };

const TWAP: Algorithm = Algorithm::Twap(Twap { duration: Span::from_seconds(3600), slices: 12, catch_up: true });

const ICEBERG: fn() -> Algorithm = || Algorithm::Iceberg(Iceberg { visible: quantity("0.25") });

const LAYERED: fn() -> Algorithm =
    || Algorithm::Layered(Layered { layers: 5, from: price("37000"), to: price("38000.5") });

const HOUR: Timestamp = Timestamp::from_nanos(1_642_759_200_000_000_000);

fn on_limit() -> OnLimit {
    OnLimit { retry: Span::from_seconds(30), tries: 5, then: WhenLimitHolds::Market }
}

pub(crate) fn received(intent: Intent) -> Input {
    Input::DirectiveReceived(Box::new(StrategyDirective {
        directive_id: directive(),
        comments: Some(ContentRef([0xc0; 32])),
        confidence: Some(dec("0.75")),
        causality: vec![CausalityId::new("SIG_1").unwrap(), CausalityId::new("SIG_2").unwrap()],
        intent,
    }))
}

fn modify(stop: Option<StopChange>, take_profit: Option<TakeProfitChange>) -> Input {
    received(Intent::Modify(ModifyPlans {
        plans: vec![plan("TPL_A"), plan("TPL_B")],
        direction: Some(Side::Sell),
        entry: Some(EntryTerms::MARKET),
        target: Some(dec("0")),
        stop,
        take_profit,
        execution: ExecutionHint { algorithm: Some(Algorithm::Single), ..ExecutionHint::NONE },
    }))
}

fn report(what: ReportKind) -> Input {
    Input::Report(Report { order: ReportedOrder::Ours(ORDER), answers: None, what })
}

fn answering(what: ReportKind) -> Input {
    Input::Report(Report { order: ReportedOrder::Ours(ORDER), answers: Some(Seq(300)), what })
}

fn fill() -> FillReport {
    FillReport {
        trade_id: TradeId::new("3204567891").unwrap(),
        price: price("38321.55"),
        quantity: quantity("0.83"),
        fee: money("-31.806886500001"),
        fee_asset: Asset::new("USDT").unwrap(),
        liquidity: Liquidity::Maker,
        executed_at: Timestamp::from_nanos(-1),
    }
}

fn imported(position: Option<PositionKey>, venue_order: Option<ConnectorOrderId>, origin: TradeOrigin) -> Input {
    let fill = FillReport { liquidity: Liquidity::Unknown, ..fill() };
    let trade = TradeImported { symbol: symbol(), side: Side::Sell, position, venue_order, fill, origin, line: 300 };
    Input::TradeImported(Box::new(trade))
}

/// Every input, each with a name for its file.
pub(crate) fn inputs() -> Vec<(&'static str, Input)> {
    let position = PositionKey::new("LONG").unwrap();
    let reason = VenueReason::OffGrid;
    let venue_id = || ConnectorOrderId::new("B-9").unwrap();
    let from = SessionContinued { parent: SessionUid([1; 16]), head: Head([2; 32]), ledger_digest: [3; 32] };
    let mark = Mark { long: price("38000"), short: price("999999999999.999999999999") };
    let timed = |plan_id: Option<PlanId>, stop, algorithm, end_after| {
        received(Intent::NewTrade(NewTrade {
            plan_id,
            symbol: symbol(),
            direction: Side::Buy,
            entry: LIMIT(),
            target: quantity("10"),
            stop,
            take_profit: Some(price("45000")),
            execution: ExecutionHint { algorithm, urgency: Some(dec("1")), end_after },
        }))
    };
    let new = |plan_id, stop, algorithm| timed(plan_id, stop, algorithm, None);
    let half_an_hour = Some(Span::from_seconds(1800));
    let close = ClosePlans {
        plans: vec![plan("TPL_A")],
        execution: CloseHint { urgency: Some(dec("0.5")), max_total_slippage: Some(dec("0.05")), on_limit: on_limit() },
    };
    let mut all = vec![
        ("session-continued", Input::SessionContinued(from)),
        ("price-moved", Input::PriceMoved(PriceMoved { symbol: symbol(), mark })),
        ("new-trade-twap", new(Some(plan("TPL_A")), Some(StopLevel::At(price("37000"))), Some(TWAP))),
        ("new-trade-plain", new(None, None, None)),
        ("new-trade-iceberg", new(None, None, Some(ICEBERG()))),
        ("new-trade-layered", new(None, None, Some(LAYERED()))),
        ("new-trade-timed", timed(None, None, None, half_an_hour)),
        ("new-trade-twap-timed", timed(None, None, Some(TWAP), half_an_hour)),
        (
            "new-trade-stop-limit",
            new(Some(plan("TPL_A")), Some(StopLevel::Limited { price: price("37000"), limit: price("36950") }), None),
        ),
        (
            "new-trade-trailing",
            new(Some(plan("TPL_A")), Some(StopLevel::Trailing(Trail::Distance(dec("250.5")))), None),
        ),
        ("modify-trailing", modify(Some(StopChange::To(StopLevel::Trailing(Trail::Fraction(dec("0.02"))))), None)),
        ("modify-tolerance", modify(Some(StopChange::To(StopLevel::Tolerance(dec("0.035")))), None)),
        ("modify-level", modify(None, Some(TakeProfitChange::To(price("46000.01"))))),
        ("modify-remove", modify(Some(StopChange::Remove), Some(TakeProfitChange::Remove))),
        ("close", received(Intent::Close(close))),
        ("timer-fired", Input::TimerFired { timer: TimerId(300) }),
        ("report-accepted", report(ReportKind::Accepted { connector_order_id: venue_id() })),
        ("report-rejected", report(ReportKind::Rejected { reason })),
        ("report-filled", report(ReportKind::Filled(fill()))),
        ("report-amended", report(ReportKind::Amended { quantity: quantity("1.66"), price: Some(price("37000")) })),
        ("report-amend-rejected", report(ReportKind::AmendRejected { reason })),
        ("report-canceled", report(ReportKind::Canceled)),
        ("report-cancel-rejected", report(ReportKind::CancelRejected { reason: VenueReason::UnknownOrder })),
        ("report-expired", report(ReportKind::Expired { reason: VenueReason::NotFilledAtOnce })),
        ("report-triggered", report(ReportKind::Triggered)),
        (
            "report-foreign",
            Input::Report(Report {
                order: ReportedOrder::Foreign(venue_id()),
                answers: None,
                what: ReportKind::Canceled,
            }),
        ),
        ("report-answers", answering(ReportKind::AmendRejected { reason: VenueReason::Other })),
        ("report-busted", report(ReportKind::Busted { trade_id: fill().trade_id })),
        ("report-corrected", report(ReportKind::Corrected { revision: 1, fill: fill() })),
        (
            "report-stands",
            answering(ReportKind::Stands {
                status: OrderStatus::PartiallyFilled,
                quantity: quantity("1.66"),
                price: Some(price("38000")),
                filled: Position::new(dec("0.83")).unwrap(),
            }),
        ),
        ("report-not-found", answering(ReportKind::NotFound)),
        ("connected", Input::ConnectionChanged { connected: true }),
        ("disconnected", Input::ConnectionChanged { connected: false }),
        ("trade-imported", imported(Some(position), Some(venue_id()), TradeOrigin::History)),
        ("trade-opening", imported(None, None, TradeOrigin::Opening)),
        ("kill-switch-on", commanded(Switch::On, Some(OperatorReason::new("exchange-maintenance").unwrap()))),
        ("kill-switch-off", commanded(Switch::Off, None)),
    ];
    all.extend(super::actions::inputs());
    all.extend([
        ("batch-new-trade", batches::new_trade()),
        ("batch-modify", batches::modify()),
        ("batch-close", batches::close()),
    ]);
    all
}

fn commanded(switch: Switch, reason: Option<OperatorReason>) -> Input {
    Input::OperatorCommanded(OperatorCommanded { command: OperatorCommand::KillSwitch(switch), reason })
}

/// Every limit of the risk gate.
fn risk_refusals() -> Vec<(&'static str, RiskRefusal)> {
    let limit = quantity("5");
    vec![
        ("kill-switch", RiskRefusal::KillSwitch { since: HOUR }),
        ("order-quantity", RiskRefusal::OrderQuantity { quantity: quantity("5.01"), limit }),
        (
            "order-notional",
            RiskRefusal::OrderNotional { notional: money("190000.5"), price: price("38000.1"), limit: money("150000") },
        ),
        ("position", RiskRefusal::Position { position: position("-5.83"), limit }),
        ("account-position", RiskRefusal::AccountPosition { position: money("300000.125"), limit: money("250000") }),
        (
            "price-collar",
            RiskRefusal::PriceCollar { price: price("35000"), current_price: price("38000"), limit: dec("0.05") },
        ),
        ("orders-per-minute", RiskRefusal::OrdersPerMinute { limit: 60, room_at: HOUR }),
        ("open-orders", RiskRefusal::OpenOrders { open: 20, limit: 20 }),
        ("no-price", RiskRefusal::NoPrice { symbol: symbol() }),
        ("insufficient-cash", RiskRefusal::InsufficientCash { needs: money("31635.8083"), free: money("-0.00000001") }),
    ]
}

fn orders_refused() -> impl Iterator<Item = (&'static str, Decision)> {
    let then = AfterRefusal::ALL.iter().cycle();
    risk_refusals().into_iter().zip(then).map(|((name, refusal), then)| {
        let refused = OrderRefused {
            group: GroupNo(3),
            role: OrderRole::Entry,
            side: Side::Sell,
            terms: OrderTerms::Limit { price: price("38000.01") },
            quantity: quantity("0.83"),
            slice: 4,
            refusal,
            then: *then,
        };
        (name, Decision::OrderRefused(refused))
    })
}

fn refusals() -> Vec<(&'static str, Refusal)> {
    let field = || "stop_loss_price".to_owned();
    vec![
        ("conflict", Refusal::Conflict { field: field(), first: Seq(300) }),
        ("plan-exists", Refusal::PlanExists),
        ("unknown-plan", Refusal::UnknownPlan),
        ("plan-ended", Refusal::PlanEnded),
        ("direction", Refusal::DirectionContradictsTarget { direction: Side::Sell, delta: position("2.5") }),
        ("would-loosen", Refusal::WouldLoosen { stop: price("37000"), proposed: price("36000") }),
        ("wrong-side", Refusal::WrongSide { field: field(), level: price("39000"), price: price("38000") }),
        ("bad-level", Refusal::BadLevel { field: field(), price: price("0.000000000001") }),
        ("no-price-yet", Refusal::NoPriceYet),
        ("shorting", Refusal::ShortingUnsupported),
        ("stop-stands", Refusal::StopStands { distance: Some(dec("50")), proposed: dec("100.5") }),
        ("good-till-passed", Refusal::GoodTillPassed { good_till: HOUR }),
        ("stop-stands-market", Refusal::StopStands { distance: None, proposed: dec("0") }),
        (
            "other-stop-stands",
            Refusal::OtherStopStands {
                stands: StopKind::Trailing(Trail::Distance(dec("250.5"))),
                proposed: StopKind::Trailing(Trail::Fraction(dec("0.02"))),
            },
        ),
        (
            "other-stop-stands-market",
            Refusal::OtherStopStands {
                stands: StopKind::Market,
                proposed: StopKind::Trailing(Trail::Distance(dec("1"))),
            },
        ),
        (
            "other-stop-stands-limit",
            Refusal::OtherStopStands {
                stands: StopKind::Trailing(Trail::Distance(dec("1"))),
                proposed: StopKind::Limit { distance: dec("50") },
            },
        ),
        ("unsupported-by-profile", Refusal::UnsupportedByProfile { needs: "native_oco".to_owned() }),
        ("too-many-slices", Refusal::TooManySlices { slices: 12, quantity: quantity("0.1"), lot: quantity("0.01") }),
        (
            "slice-too-small",
            Refusal::SliceBelowMinNotional { slice: quantity("0.0001"), price: price("38000"), minimum: money("10") },
        ),
        ("too-large", Refusal::TooLarge),
        ("risk-gate", Refusal::RiskGate(RiskRefusal::KillSwitch { since: HOUR })),
        ("plan-in-batch", Refusal::PlanInBatch { directive: directive() }),
    ]
}

fn idle() -> Vec<(&'static str, Idle)> {
    let delta = position("-0.001");
    vec![
        ("satisfied", Idle::AlreadySatisfied),
        ("working", Idle::AlreadyWorking),
        ("below-lot", Idle::BelowLot { delta, lot: quantity("0.01") }),
        ("below-notional", Idle::BelowMinNotional { delta, notional: money("3.8"), minimum: money("10") }),
        ("closed", Idle::AlreadyClosed),
        ("instructed", Idle::AlreadyInstructed),
    ]
}

fn order(role: OrderRole, terms: OrderTerms) -> Decision {
    Decision::OrderRequested {
        group: GroupNo(1),
        role,
        side: Side::Sell,
        terms,
        quantity: quantity("0.83"),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: true,
        slice: 11,
        attempt: 2,
        because: Because::SliceDue,
    }
}

fn good_till() -> Decision {
    let Decision::OrderRequested { group, role, side, terms, quantity, slice, attempt, because, .. } =
        order(OrderRole::Entry, OrderTerms::Limit { price: price("38000.01") })
    else {
        panic!("an order")
    };
    let (time_in_force, post_only, reduce_only) = (TimeInForce::Gtd(HOUR), true, false);
    Decision::OrderRequested {
        group,
        role,
        side,
        terms,
        quantity,
        time_in_force,
        post_only,
        reduce_only,
        slice,
        attempt,
        because,
    }
}

/// Every decision, each with a name for its file.
#[expect(clippy::too_many_lines, reason = "a sample of every decision")]
pub(crate) fn decisions() -> Vec<(&'static str, Decision)> {
    let (group, because) = (GroupNo(3), Because::Fill);
    let slice = TimerPurpose::Slice { group, slice: 4 };
    let mut all = Vec::new();
    all.extend(orders_refused());
    for (name, refusal) in refusals() {
        all.push((name, Decision::DirectiveRefused { directive: directive(), plan_id: Some(plan("TPL_A")), refusal }));
    }
    for (name, reason) in idle() {
        let (target, committed) = (position("10"), position("9.999"));
        all.push((
            name,
            Decision::NothingToDo { directive: directive(), plan_id: plan("TPL_A"), reason, target, committed },
        ));
    }
    all.extend([
        ("repeated", Decision::DirectiveRepeated { directive: directive(), first: Seq(1) }),
        (
            "plan-accepted",
            Decision::PlanAccepted {
                plan_id: plan("TPL_A"),
                symbol: symbol(),
                direction: Side::Sell,
                directive: directive(),
                comments: Some(ContentRef([0xc0; 32])),
            },
        ),
        (
            "target-set-good-till",
            Decision::TargetSet {
                directive: directive(),
                target: position("-10"),
                entry: EntryTerms { time_in_force: TimeInForce::Gtd(HOUR), post_only: false, ..LIMIT() },
                algorithm: Algorithm::Single,
                end_after: None,
            },
        ),
        (
            "target-set",
            Decision::TargetSet {
                directive: directive(),
                target: position("-10"),
                entry: LIMIT(),
                algorithm: TWAP,
                end_after: None,
            },
        ),
        (
            "target-set-timed",
            Decision::TargetSet {
                directive: directive(),
                target: position("-10"),
                entry: LIMIT(),
                algorithm: Algorithm::Single,
                end_after: Some(Span::from_seconds(1800)),
            },
        ),
        (
            "exits-set",
            Decision::ExitsSet {
                directive: directive(),
                stop: Some(price("37000")),
                take_profit: None,
                current_price: Some(price("38000")),
            },
        ),
        ("plan-opened", Decision::PlanOpened),
        (
            "group-opened",
            Decision::GroupOpened {
                group,
                directive: directive(),
                action: GroupAction::Reduce,
                algorithm: Algorithm::Single,
                entry: EntryTerms::MARKET,
                quantity: quantity("10"),
                end_after: None,
                arrival: None,
            },
        ),
        (
            "group-opened-priced",
            Decision::GroupOpened {
                group,
                directive: directive(),
                action: GroupAction::Enter,
                algorithm: ICEBERG(),
                entry: LIMIT(),
                quantity: quantity("10"),
                end_after: Some(Span::from_seconds(1800)),
                arrival: Some(price("38000.01")),
            },
        ),
        ("slices-dropped", Decision::SlicesDropped { group, quantity: quantity("2.5"), because: Because::Superseded }),
        ("group-ended", Decision::GroupEnded { group, end: GroupEnd::Incomplete, price: None }),
        ("group-ended-priced", Decision::GroupEnded { group, end: GroupEnd::Filled, price: Some(price("38000.01")) }),
        ("order-market", order(OrderRole::Entry, OrderTerms::Market)),
        ("order-limit", order(OrderRole::Close, OrderTerms::Limit { price: price("38000.01") })),
        (
            "order-stop-limit",
            order(OrderRole::StopLoss, OrderTerms::StopLimit { trigger: price("37000"), price: price("36950") }),
        ),
        (
            "order-trailing-stop",
            order(
                OrderRole::StopLoss,
                OrderTerms::TrailingStop { trigger: price("37000"), trail: Trail::Distance(dec("250.5")) },
            ),
        ),
        ("order-good-till", good_till()),
        (
            "order-iceberg",
            order(OrderRole::Entry, OrderTerms::Iceberg { price: price("38000.01"), visible: quantity("0.25") }),
        ),
        ("order-stop", order(OrderRole::StopLoss, OrderTerms::Stop { trigger: price("37000") })),
        ("order-take-profit", order(OrderRole::TakeProfit, OrderTerms::TakeProfit { trigger: price("45000") })),
        ("amend", Decision::AmendRequested { quantity: quantity("1.66"), price: Some(price("37000")), because }),
        ("query", Decision::QueryRequested),
        ("cancel", Decision::CancelRequested { because: Because::Flat }),
        ("timer-set", Decision::TimerSet { timer: TimerId(4), due: HOUR, purpose: slice }),
        ("timer-set-retry", Decision::TimerSet { timer: TimerId(5), due: HOUR, purpose: TimerPurpose::CloseRetry }),
        (
            "timer-set-end",
            Decision::TimerSet { timer: TimerId(6), due: HOUR, purpose: TimerPurpose::EndTime { group } },
        ),
        ("timer-dropped", Decision::TimerDropped { timer: TimerId(4) }),
        (
            "close-started",
            Decision::CloseStarted {
                directive: directive(),
                price_limit: Some(price("36100")),
                on_limit: on_limit(),
                twap: None,
            },
        ),
        (
            "close-started-in-slices",
            Decision::CloseStarted {
                directive: directive(),
                price_limit: None,
                on_limit: on_limit(),
                twap: Some(Twap { duration: Span::from_seconds(3600), slices: 12, catch_up: true }),
            },
        ),
        ("close-gave-up", Decision::CloseGaveUp { tries: 5, held: position("0.83") }),
        (
            "stop-passed",
            Decision::StopPassed { level: price("37000"), current_price: price("36990"), quantity: quantity("0.83") },
        ),
        ("stop-limit-set", Decision::StopLimitSet { directive: directive(), distance: Some(dec("50.5")) }),
        ("stop-trail-set", Decision::StopTrailSet { directive: directive(), trail: Trail::Fraction(dec("0.02")) }),
        ("stop-limit-set-market", Decision::StopLimitSet { directive: directive(), distance: None }),
        (
            "timer-set-patience",
            Decision::TimerSet { timer: TimerId(6), due: HOUR, purpose: TimerPurpose::Patience { order: OrderNo(2) } },
        ),
        ("gap", Decision::ProtectionGapChanged { uncovered: position("0"), because }),
        ("plan-closed", Decision::PlanClosed { outcome: Outcome::StoppedOut, dust: position("0.001") }),
        ("order-terms-not-known", order(OrderRole::Reduce, OrderTerms::Unknown)),
        ("order-inferred", inferred(Some(ConnectorOrderId::new("B-9").unwrap()))),
        ("order-inferred-nameless", inferred(None)),
        (
            "trade-booked",
            Decision::TradeBooked {
                position: Some(PositionKey::new("LONG").unwrap()),
                fill: fill(),
                quantity: quantity("1.66"),
            },
        ),
        ("trade-repeated", Decision::TradeRepeated { first: Seq(300), same: true }),
        ("timer-set-room", Decision::TimerSet { timer: TimerId(6), due: HOUR, purpose: TimerPurpose::Room { group } }),
    ]);
    all.extend(super::actions::decisions());
    all.extend(batches::decisions());
    all
}

fn inferred(connector_order_id: Option<ConnectorOrderId>) -> Decision {
    let (group, role, side) = (GroupNo(2), OrderRole::Reduce, Side::Sell);
    Decision::OrderInferred { group, role, side, quantity: quantity("0.83"), connector_order_id }
}

/// Every kind, in order of its number within inputs and decisions.
pub(crate) fn facts() -> Vec<(&'static str, Fact)> {
    let inputs = inputs().into_iter().map(|(name, input)| (name, Fact::Input(input)));
    inputs.chain(decisions().into_iter().map(|(name, decision)| (name, Fact::Decision(decision)))).collect()
}

/// An identity with every field set.
pub(crate) fn identity() -> Identity {
    let profile = VenueProfile { max_stops: Some(5), native_trailing: true, ..VenueProfile::backtest() };
    Identity {
        name: SessionName::new("btc-protected-twap").unwrap(),
        mode: Mode::Paper,
        instance: StrategyInstanceId::new("TWAP_BTC_01").unwrap(),
        strategy_digest: [1; 32],
        tape: TapeIdentity { digest: [2; 32], rows: 300_000 },
        instruments: vec![Instrument {
            symbol: symbol(),
            tick: price("0.01"),
            lot: quantity("0.00001"),
            min_notional: money("10"),
        }],
        account: Account {
            quote: Asset::new("USDT").unwrap(),
            balance: money("1000000"),
            check: AccountCheck::Unchecked,
        },
        venue: VenueSettings {
            profile,
            maker_fee: dec("-0.0001"),
            taker_fee: dec("0.001"),
            fee_asset: FeeAsset::Base,
            path: FillPath::Nearest,
            slippage_bps: dec("2.5"),
            latency: Span::from_nanos(150_000_000),
            max_volume_share: dec("0.1"),
        },
        policy: ExecutionPolicy::default(),
        seed: 42,
        decision_version: 1,
        nonce: Some([9; 16]),
        continues: Some(SessionContinued { parent: SessionUid([1; 16]), head: Head([2; 32]), ledger_digest: [3; 32] }),
    }
}

/// A provenance with every field set.
pub(crate) fn provenance() -> Provenance {
    Provenance {
        build: "0.1.0".to_owned(),
        sources: vec!["session.yaml".to_owned(), "btc.csv.xz".to_owned()],
        config: "session: btc-protected-twap\n".to_owned(),
        created_at: Some(HOUR),
        what_if: None,
    }
}

/// What a session is a what-if of, with every field set.
pub(crate) fn what_if() -> WhatIf {
    let change = |path: &str, value: Option<&str>| Change { path: path.to_owned(), value: value.map(str::to_owned) };
    WhatIf {
        parent: SessionName::new("btc-protected-twap").unwrap(),
        uid: SessionUid([1; 16]),
        head: Head([2; 32]),
        before: vec![change("venue.latency_ms", Some("250"))],
        changes: vec![
            change("directives[*].exit_directive.stop_loss_tolerance", Some("0.02")),
            change("risk.max_open_orders", None),
        ],
    }
}
