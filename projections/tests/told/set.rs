//! A plan with its orders and what was asked of them, and a set of reports on them: what a venue could say, and more.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::directive::{Algorithm, EntryTerms};
use retrace_core::event::{
    Because, Decision, FillReport, GroupAction, Outcome, Report, ReportKind, ReportedOrder, VenueReason,
};
use retrace_core::ids::{ConnectorOrderId, DirectiveId, GroupNo, OrderNo, PlanId, Seq, TradeId};
use retrace_core::instrument::Asset;
use retrace_core::order::{OrderRole, OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_core::testkit::samples;
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;
use rust_decimal::Decimal;

/// What the plan is to be, in lots, before anything is told.
pub(crate) const TARGET: i64 = 40;

/// The orders that are asked for, and how many lots each is for.
pub(crate) const ORDERS: [(OrderRole, i64); 5] = [
    (OrderRole::Entry, 20),
    (OrderRole::Entry, 10),
    (OrderRole::StopLoss, 15),
    (OrderRole::TakeProfit, 15),
    (OrderRole::Flatten, 5),
];

/// A plan, what was asked of its orders, and what is told of them.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) orders: Vec<Asked>,
    /// The plan has ended before anything is told.
    pub(crate) closed: bool,
    /// The stop has no size.
    pub(crate) size_free: bool,
}

/// What was asked of one order, and all that is told of it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// So many lots it is to be, or `None` for its end; where anything was asked.
    pub(crate) change: Option<Option<i64>>,
    /// It is asked for.
    pub(crate) query: Option<Answer>,
    pub(crate) change_answer: Option<ChangeAnswer>,
    pub(crate) accepted: bool,
    pub(crate) rejected: bool,
    pub(crate) triggered: bool,
    pub(crate) ends: Vec<(OrderStatus, VenueReason)>,
    /// So many lots are said to be filled, in passing.
    pub(crate) stated: Vec<(OrderStatus, i64)>,
    pub(crate) trades: Vec<Trade>,
    /// An answer to something that was asked before.
    pub(crate) older: Option<i64>,
}

/// How a query is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Nothing,
    Stands(OrderStatus, i64),
    NotFound,
}

/// How a change is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeAnswer {
    Made,
    Refused(VenueReason),
}

/// A trade, and what was told of it.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    /// By revision: how many lots, at how many ticks, with which fee. The fill itself may never be told.
    pub(crate) told: BTreeMap<u32, (i64, i64, i64)>,
    pub(crate) busted: bool,
}

pub(crate) fn lots(lots: i64) -> Decimal {
    Decimal::new(lots, 2)
}

fn quantity(number: i64) -> Quantity {
    Quantity::new(lots(number)).unwrap()
}

fn position(number: i64) -> Position {
    Position::new(lots(number)).unwrap()
}

pub(crate) fn price(ticks: i64) -> Price {
    Price::new(Decimal::new(ticks, 2)).unwrap()
}

/// The trade's name and time: they rise with the order and the trade.
pub(crate) fn place(order: usize, trade: usize) -> usize {
    1 + order * 10 + trade
}

fn any_reason() -> impl Strategy<Value = VenueReason> {
    prop::sample::select(vec![VenueReason::Other, VenueReason::UnknownOrder, VenueReason::WouldTriggerNow])
}

fn any_end() -> impl Strategy<Value = OrderStatus> {
    prop::sample::select(vec![OrderStatus::Canceled, OrderStatus::Expired])
}

fn any_status() -> impl Strategy<Value = OrderStatus> {
    prop::sample::select(OrderStatus::ALL)
}

fn trade() -> impl Strategy<Value = Trade> {
    let body = (1_i64..15, 9_000_i64..11_000, -5_i64..50);
    let told = prop::collection::btree_map(prop::sample::select(vec![0_u32, 0, 0, 1, 2]), body, 1..3);
    (told, prop::bool::weighted(0.2)).prop_map(|(told, busted)| Trade { told, busted })
}

fn asked() -> impl Strategy<Value = Asked> {
    let change = option::of(option::of(1_i64..30));
    let answer = prop_oneof![
        Just(Answer::Nothing),
        (any_status(), 0_i64..30).prop_map(|(status, filled)| Answer::Stands(status, filled)),
        Just(Answer::NotFound),
    ];
    let change_answer = option::of(prop_oneof![Just(ChangeAnswer::Made), any_reason().prop_map(ChangeAnswer::Refused)]);
    let said = (any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let ends = vec((any_end(), any_reason()), 0..3);
    let stated = vec((any_status(), 0_i64..30), 0..2);
    let what = (ends, stated, vec(trade(), 0..4), option::weighted(0.2, 1_i64..30));
    (change, option::weighted(0.4, answer), change_answer, said, what).prop_map(
        |(change, query, change_answer, (accepted, rejected, triggered), (ends, stated, trades, older))| Asked {
            change,
            query,
            change_answer: change_answer.filter(|_| change.is_some()),
            accepted,
            rejected,
            triggered,
            ends,
            stated,
            trades,
            older,
        },
    )
}

pub(crate) fn scene() -> impl Strategy<Value = Scene> {
    (vec(asked(), ORDERS.len()), prop::bool::weighted(0.2), any::<bool>())
        .prop_map(|(orders, closed, size_free)| Scene { orders, closed, size_free })
}

impl Scene {
    /// Whether the order has no size.
    pub(crate) fn is_free(&self, at: usize) -> bool {
        self.size_free && ORDERS[at].0 == OrderRole::StopLoss
    }

    /// What was decided before the reports, with the orders that it concerns.
    pub(crate) fn decisions(&self) -> Vec<(Option<OrderNo>, Decision)> {
        let directive = || DirectiveId::new("STR_1").unwrap();
        let plan_id = PlanId::new("TPL_A").unwrap();
        let (symbol, direction) = (samples::btc().symbol, Side::Buy);
        let mut all = vec![
            (None, Decision::PlanAccepted { plan_id, symbol, direction, directive: directive(), comments: None }),
            (
                None,
                Decision::TargetSet {
                    directive: directive(),
                    target: position(TARGET),
                    entry: EntryTerms::MARKET,
                    algorithm: Algorithm::Single,
                    end_after: None,
                },
            ),
            (None, Decision::PlanOpened),
            (
                None,
                Decision::GroupOpened {
                    group: GroupNo(1),
                    directive: directive(),
                    action: GroupAction::Enter,
                    algorithm: Algorithm::Single,
                    entry: EntryTerms::MARKET,
                    quantity: quantity(30),
                    end_after: None,
                    arrival: None,
                },
            ),
        ];
        for (at, (role, size)) in ORDERS.into_iter().enumerate() {
            all.push((
                Some(number(at)),
                Decision::OrderRequested {
                    group: GroupNo(1),
                    role,
                    side: if role == OrderRole::Entry { Side::Buy } else { Side::Sell },
                    terms: if self.is_free(at) {
                        OrderTerms::Stop { trigger: price(10_000) }
                    } else {
                        OrderTerms::Limit { price: price(10_000) }
                    },
                    quantity: quantity(size),
                    time_in_force: TimeInForce::Gtc,
                    post_only: false,
                    reduce_only: role != OrderRole::Entry,
                    slice: u32::try_from(at).unwrap(),
                    attempt: 0,
                    because: Because::Fill,
                },
            ));
        }
        for (at, asked) in self.orders.iter().enumerate() {
            let because = Because::Fill;
            match asked.change {
                Some(Some(size)) => {
                    let decision =
                        Decision::AmendRequested { quantity: quantity(size), price: Some(price(9_900)), because };
                    all.push((Some(number(at)), decision));
                }
                Some(None) => all.push((Some(number(at)), Decision::CancelRequested { because })),
                None => {}
            }
        }
        for (at, _) in self.orders.iter().enumerate().filter(|(_, asked)| asked.query.is_some()) {
            all.push((Some(number(at)), Decision::QueryRequested));
        }
        if self.closed {
            all.push((None, Decision::PlanClosed { outcome: Outcome::Closed, dust: Position::FLAT }));
        }
        all
    }

    /// The change that is asked for when all is told.
    pub(crate) fn next_change(&self) -> Decision {
        Decision::AmendRequested { quantity: quantity(31), price: Some(price(9_800)), because: Because::Fill }
    }

    /// Where the event stands that asked for something, by the order and a test.
    fn seq_of(&self, at: usize, is_it: fn(&Decision) -> bool) -> Option<Seq> {
        let decisions = self.decisions();
        let found = decisions.iter().rposition(|(order, what)| *order == Some(number(at)) && is_it(what));
        found.map(|place| Seq(u64::try_from(place).unwrap() + 1))
    }

    /// The set of reports.
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.orders.iter().enumerate().flat_map(|(at, asked)| self.reports_on(at, asked)).collect()
    }

    fn reports_on(&self, at: usize, asked: &Asked) -> Vec<Report> {
        let placed = self.seq_of(at, |what| matches!(what, Decision::OrderRequested { .. }));
        let changed =
            self.seq_of(at, |what| matches!(what, Decision::AmendRequested { .. } | Decision::CancelRequested { .. }));
        let queried = self.seq_of(at, |what| *what == Decision::QueryRequested);
        let mut all = Vec::new();
        let mut say = |answers, what| all.push(Report { order: ReportedOrder::Ours(number(at)), answers, what });
        if asked.accepted {
            let connector_order_id = ConnectorOrderId::new(&format!("V{at}")).unwrap();
            say(placed, ReportKind::Accepted { connector_order_id });
        }
        if asked.rejected {
            say(placed, ReportKind::Rejected { reason: VenueReason::OffGrid });
        }
        if asked.triggered {
            say(None, ReportKind::Triggered);
        }
        for (end, reason) in &asked.ends {
            match end {
                OrderStatus::Canceled => say(None, ReportKind::Canceled),
                _ => say(None, ReportKind::Expired { reason: *reason }),
            }
        }
        // What a venue says of an order's size fits what it says of its change.
        let size = match (asked.change, asked.change_answer) {
            (Some(Some(size)), Some(ChangeAnswer::Made)) => size,
            _ => ORDERS[at].1,
        };
        let level = if size == ORDERS[at].1 { price(10_000) } else { price(9_900) };
        let stands = |status, filled| ReportKind::Stands {
            status,
            quantity: quantity(size),
            price: Some(level),
            filled: position(filled),
        };
        for (status, filled) in &asked.stated {
            say(None, stands(*status, *filled));
        }
        match asked.query {
            Some(Answer::Stands(status, filled)) => say(queried, stands(status, filled)),
            Some(Answer::NotFound) => say(queried, ReportKind::NotFound),
            Some(Answer::Nothing) | None => {}
        }
        match (asked.change, asked.change_answer) {
            (Some(Some(size)), Some(ChangeAnswer::Made)) => {
                say(changed, ReportKind::Amended { quantity: quantity(size), price: Some(price(9_900)) });
            }
            (Some(None), Some(ChangeAnswer::Made)) => say(changed, ReportKind::Canceled),
            (Some(Some(_)), Some(ChangeAnswer::Refused(reason))) => say(changed, ReportKind::AmendRejected { reason }),
            (Some(None), Some(ChangeAnswer::Refused(reason))) => say(changed, ReportKind::CancelRejected { reason }),
            (_, None) | (None, _) => {}
        }
        if let Some(size) = asked.older {
            // Named after the order's own request, which is not the last thing asked where a change was.
            if asked.change.is_some() {
                say(placed, ReportKind::Amended { quantity: quantity(size), price: Some(price(9_000)) });
                say(placed, ReportKind::AmendRejected { reason: VenueReason::Other });
            }
        }
        for (nth, trade) in asked.trades.iter().enumerate() {
            let trade_id = TradeId::new(&place(at, nth).to_string()).unwrap();
            for (revision, (size, ticks, fee)) in &trade.told {
                let fill = FillReport {
                    trade_id: trade_id.clone(),
                    price: price(*ticks),
                    quantity: quantity(*size),
                    fee: Money::new(Decimal::new(*fee, 3)),
                    fee_asset: Asset::new("USDT").unwrap(),
                    liquidity: Liquidity::Taker,
                    executed_at: Timestamp::from_nanos(i64::try_from(place(at, nth)).unwrap() * 1_000),
                };
                match revision {
                    0 => say(None, ReportKind::Filled(fill)),
                    _ => say(None, ReportKind::Corrected { revision: *revision, fill }),
                }
            }
            if trade.busted {
                say(None, ReportKind::Busted { trade_id });
            }
        }
        all
    }
}

pub(crate) fn number(at: usize) -> OrderNo {
    OrderNo(u32::try_from(at).unwrap() + 1)
}
