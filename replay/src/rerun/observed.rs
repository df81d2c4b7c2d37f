//! What became of each order of a session: when it was decided and at which price, when it filled and what that came to.
//! Folded from Steps, recorded or new, so that both sides of a comparison are measured by the same code.

use std::collections::BTreeMap;

use retrace_core::amount::{DECIMALS_MAX, Money, Position, Price, Quantity};
use retrace_core::chain::genesis;
use retrace_core::event::{Decision, Event, Fact, Input, Mark, Report, ReportKind};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::ids::{GroupNo, OrderNo, PlanId, SESSION_DIGITS, Seq, SessionUid};
use retrace_core::instrument::Symbol;
use retrace_core::manifest::Identity;
use retrace_core::order::{OrderRole, OrderStatus, OrderType, Side};
use retrace_core::step::Step;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, BrokenHistory, Order, slippage};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::backtest::Recorder;
use crate::tape::Tape;
use crate::verify::market::MarketView;
use crate::verify::redecide::input_of;

/// A fill rate is told to this many decimals.
const RATE_DECIMALS: u32 = 4;

/// Digits behind the point of a second.
const SECOND_DECIMALS: u32 = 9;

/// Why an order exists, in words that two sessions share: of an id that is derived, the part that is not the session's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderKey {
    /// The plan's own name, or what its derived id is made of.
    pub plan: String,
    /// Its group in that plan.
    pub group: GroupNo,
    /// What it does there.
    pub role: OrderRole,
    /// Which slice of the group, or which order of that role.
    pub slice: u32,
    /// Which try.
    pub attempt: u32,
}

/// An order of one session, with what it came to there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its plan there.
    pub plan_id: PlanId,
    /// Buy or sell.
    pub side: Side,
    /// Its type.
    pub order_type: OrderType,
    /// What it came to.
    pub figures: Figures,
}

/// What an order came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Where it stood at the end.
    pub status: OrderStatus,
    /// When it was requested, on the session's clock.
    pub requested_at: Timestamp,
    /// Its whole quantity as the venue had it at the end.
    pub quantity: Quantity,
    /// What it traded, zero or more; what was taken back does not count.
    pub filled: Position,
    /// `filled` as a fraction of `quantity`, to 4 decimals, half to even.
    pub fill_rate: Decimal,
    /// The average price of what it traded, to 12 decimals, half to even.
    pub average_price: Option<Price>,
    /// What its trades are held against: the price that was seen when it was decided, or its level where it has one.
    pub reference_price: Option<Price>,
    /// What its trades cost against that, in basis points to 2 decimals, half to even; below zero for a gain.
    pub slippage_bps: Option<Decimal>,
    /// From the request until its first trade was told, on the session's clock.
    pub first_fill_seconds: Option<Decimal>,
    /// The same of its last trade.
    pub last_fill_seconds: Option<Decimal>,
}

/// Folds a session's Steps and remembers what a ledger does not: what was seen, and when.
pub struct Observed<'a> {
    session: SessionUid,
    book: Book,
    tape: MarketView<'a>,
    market: BTreeMap<Symbol, Mark>,
    /// Of each order, when it was requested and at which price.
    requested: BTreeMap<OrderNo, (Timestamp, Option<Price>)>,
    /// When each trade was told first, by its event.
    told: BTreeMap<Seq, Timestamp>,
}

impl<'a> Observed<'a> {
    /// A session before its first Step, with the book that it begins with. `tape` is its market data where it refers to any;
    /// otherwise prices are inputs.
    pub fn new(identity: &Identity, begin: Book, tape: &'a Tape) -> Self {
        Self {
            session: genesis(identity).0,
            book: begin,
            tape: MarketView::new(identity, tape),
            market: BTreeMap::new(),
            requested: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Takes the next Step.
    ///
    /// # Errors
    /// [`BrokenHistory`] if it cannot have come from the session's own past.
    pub fn step(&mut self, step: &Step) -> Result<(), BrokenHistory> {
        let market = &mut self.market;
        self.tape.each(step.tape, &mut |symbol, mark| see(market, symbol, mark));
        if let Some(Input::PriceMoved(moved)) = input_of(step) {
            see(market, &moved.symbol, moved.mark);
        }
        for event in &step.events {
            self.book.apply(event)?;
            self.remember(event);
        }
        Ok(())
    }

    fn remember(&mut self, event: &Event) {
        match &event.fact {
            Fact::Decision(Decision::OrderRequested { .. }) => {
                let plan = event.plan.and_then(|plan| self.book.plan(plan));
                if let (Some(plan), Some(order)) = (plan, event.order) {
                    let seen = self.market.get(plan.symbol()).map(|mark| mark.for_plan(plan.direction));
                    self.requested.insert(order, (event.time, seen));
                }
            }
            Fact::Input(Input::Report(Report {
                what: ReportKind::Filled(_) | ReportKind::Corrected { .. }, ..
            })) => {
                self.told.insert(event.seq, event.time);
            }
            Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => {}
        }
    }

    /// The ledger with every plan, as far as it was folded.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// A plan's name in words that two sessions share.
    pub fn plan_key(&self, plan: &PlanId) -> String {
        let digits = format!("{:032x}", u128::from_be_bytes(self.session.0));
        let own = digits.get(..SESSION_DIGITS).and_then(|own| plan.as_str().strip_prefix("TPL_")?.strip_prefix(own));
        own.map_or_else(|| plan.to_string(), |cause| format!("TPL_*{cause}"))
    }

    /// Every order that was requested of a venue, by its cause.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit.
    pub fn orders(&self) -> Result<BTreeMap<OrderKey, Measured>, Inexact> {
        let mut orders = BTreeMap::new();
        for plan in self.book.plans() {
            for group in &plan.groups {
                for order in group.orders.iter() {
                    let Some((requested_at, seen)) = self.requested.get(&order.no) else { continue };
                    let (no, role) = (group.no, order.role);
                    let key = OrderKey {
                        plan: self.plan_key(&plan.id),
                        group: no,
                        role,
                        slice: order.slice,
                        attempt: order.attempt,
                    };
                    let figures = self.figures(order, *requested_at, *seen)?;
                    let order_type = order.terms.order_type();
                    let measured = Measured { plan_id: plan.id.clone(), side: order.side, order_type, figures };
                    orders.insert(key, measured);
                }
            }
        }
        Ok(orders)
    }

    fn figures(&self, order: &Order, requested_at: Timestamp, seen: Option<Price>) -> Result<Figures, Inexact> {
        let standing = || order.fills.iter().filter(|fill| !fill.busted);
        let (filled, cost) = standing().try_fold((Position::FLAT, Money::ZERO), |(filled, cost), fill| {
            let filled = filled.plus(Side::Buy.signed(fill.quantity))?;
            Ok((filled, cost.plus(fill.quantity.notional(fill.price)?)?))
        })?;
        let rounded = |part: Decimal, whole: Decimal, decimals| {
            exact::mul_div(part, Decimal::ONE, whole, decimals, Rounding::HalfEven)
        };
        let average = filled.size().map(|size| rounded(cost.value(), size.value(), DECIMALS_MAX)).transpose()?;
        let reference_price = order.terms.trigger().or(seen);
        let slippage_bps = match reference_price {
            Some(reference) if !filled.is_flat() => slippage(order.side, filled, cost, reference)?.1,
            Some(_) | None => None,
        };
        let told = || standing().filter_map(|fill| self.told.get(&fill.booked)).map(|at| seconds(*at, requested_at));
        Ok(Figures {
            status: order.status,
            requested_at,
            quantity: order.quantity,
            filled,
            fill_rate: rounded(filled.value(), order.quantity.value(), RATE_DECIMALS)?.normalize(),
            average_price: average.and_then(|average| Price::new(average).ok()),
            reference_price,
            slippage_bps,
            first_fill_seconds: told().min(),
            last_fill_seconds: told().max(),
        })
    }
}

fn see(market: &mut BTreeMap<Symbol, Mark>, symbol: &Symbol, mark: Mark) {
    if let Some(seen) = market.get_mut(symbol) {
        *seen = mark;
    } else {
        market.insert(symbol.clone(), mark);
    }
}

/// From one moment to a later one, exact.
fn seconds(to: Timestamp, from: Timestamp) -> Decimal {
    Decimal::from_i128_with_scale(i128::from(to.since(from).nanos()), SECOND_DECIMALS).normalize()
}

/// Takes the Steps of a run that nobody records.
impl Recorder for Observed<'_> {
    type Error = BrokenHistory;

    fn record(&mut self, step: &Step) -> Result<Seq, BrokenHistory> {
        self.step(step)?;
        Ok(step.last_seq())
    }
}
