//! A hostile venue: keeps its own truth in whole lots and ticks, and tells of it. What it does with one order is drawn
//! from that order alone, so that taking something else out of a story leaves it as it was.

mod profile;

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::amount::{Money, Position};
use retrace_core::event::{FillReport, ReportKind, VenueReason};
use retrace_core::ids::{ConnectorOrderId, OrderId, OrderNo, PlanNo, Seq, TradeId};
use retrace_core::order::{OrderStatus, OrderTerms, Side, TimeInForce};
use retrace_core::venue::Liquidity;
use retrace_replay::effect::{Effect, VenueRequest};
use rust_decimal::Decimal;

use crate::dice::{drawn, key_of};
use crate::script::{Mischief, Rules, Script, Trick};
use crate::units::{GRAINS, base_amount, level_behind, lots_of, millis, moment, price, quantity, ticks_of};

/// What a venue says, before the network does what it likes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub order: OrderNo,
    pub plan: PlanNo,
    /// Drawn from the order and the number of what was said of it.
    pub key: u64,
    /// The request that it answers.
    pub answers: Option<Seq>,
    pub what: ReportKind,
}

/// An order as the venue has it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was asked for, or that happened to it")]
pub(crate) struct VenueOrder {
    pub plan: PlanNo,
    symbol: usize,
    pub side: Side,
    pub terms: OrderTerms,
    pub lots: i64,
    pub filled: i64,
    /// A stop without a size: it is for all that its plan holds.
    pub size_free: bool,
    reduce_only: bool,
    /// When it ends by itself, in milliseconds.
    good_till: Option<i64>,
    pub working: bool,
    /// How it ended, where it did not fill.
    ended: Option<OrderStatus>,
    triggered: bool,
    key: u64,
    said: u64,
    met: u64,
}

/// A request that no venue takes from a sound engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsound {
    /// A client order id that was used before.
    Twice,
    /// Off the tick or the lot.
    OffGrid,
    /// A change of an order that was never placed.
    Nobody,
    /// An order to be hidden where the venue hides nothing.
    NotHidden,
}

/// The venue.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    seed: u64,
    rules: Rules,
    mischief: Mischief,
    pub orders: BTreeMap<OrderNo, VenueOrder>,
    ids: BTreeSet<OrderId>,
    /// What each plan trades, signed, in lots.
    pub traded: BTreeMap<PlanNo, i64>,
    /// What each plan holds, signed, in grains: fees in base are gone.
    pub held: BTreeMap<PlanNo, i64>,
    /// What each plan trades.
    symbols: BTreeMap<PlanNo, usize>,
    /// What the account has of each symbol, signed, in lots.
    pub account: [i64; 2],
    marks: [Option<i64>; 2],
    next_trade: u64,
}

impl VenueOrder {
    /// What may still be filled.
    pub(crate) const fn left(&self) -> i64 {
        if self.working { self.lots - self.filled } else { 0 }
    }

    /// Where it stands, as a query is answered.
    fn stands(&self) -> ReportKind {
        let status = match (self.ended, self.working, self.filled) {
            (Some(ended), _, _) => ended,
            (None, false, _) => OrderStatus::Filled,
            (None, true, 0) => OrderStatus::Open,
            (None, true, _) => OrderStatus::PartiallyFilled,
        };
        // Where it has moved a trailing stop to it tells nobody.
        let price = match self.terms.trail() {
            Some(_) => None,
            None => self.terms.trigger().or_else(|| self.terms.limit_price()),
        };
        let filled = Position::new(base_amount(self.filled * GRAINS)).unwrap_or_default();
        ReportKind::Stands { status, quantity: quantity(self.lots), price, filled }
    }
}

impl Venue {
    pub(crate) fn new(script: &Script) -> Self {
        Self {
            seed: script.seed,
            rules: script.rules,
            mischief: script.mischief,
            orders: BTreeMap::new(),
            ids: BTreeSet::new(),
            traded: BTreeMap::new(),
            held: BTreeMap::new(),
            symbols: BTreeMap::new(),
            account: [0; 2],
            marks: [None; 2],
            next_trade: 1,
        }
    }

    /// From now on it behaves.
    pub(crate) fn behave(&mut self) {
        self.mischief = Mischief::default();
    }

    /// Takes a request.
    ///
    /// # Errors
    /// [`Unsound`] for what no sound engine asks for.
    pub(crate) fn arrive(&mut self, now: i64, effect: &Effect, told: &mut Vec<Told>) -> Result<(), Unsound> {
        self.expire(now, told);
        match &effect.request {
            VenueRequest::Place { .. } => self.place(now, effect, told),
            VenueRequest::Amend { quantity, price } => {
                let (lots, level) = (lots_of(quantity.value()), price.map(ticks_of));
                let (Some(lots), false) = (lots, level == Some(None)) else { return Err(Unsound::OffGrid) };
                let answer = match self.amend(effect.order, lots, level.flatten())? {
                    None => ReportKind::Amended { quantity: *quantity, price: *price },
                    Some(reason) => ReportKind::AmendRejected { reason },
                };
                self.answer(effect, answer, told);
                Ok(())
            }
            VenueRequest::Cancel => {
                let order = self.orders.get_mut(&effect.order).ok_or(Unsound::Nobody)?;
                let refused = self.mischief.plays(Trick::CancelReject, self.seed, &[order.key, order.said]);
                let answer = if !order.working {
                    ReportKind::CancelRejected { reason: VenueReason::UnknownOrder }
                } else if refused {
                    ReportKind::CancelRejected { reason: VenueReason::Other }
                } else {
                    order.working = false;
                    order.ended = Some(OrderStatus::Canceled);
                    ReportKind::Canceled
                };
                self.answer(effect, answer, told);
                Ok(())
            }
            VenueRequest::Query => {
                match self.orders.get(&effect.order).map(VenueOrder::stands) {
                    Some(stands) => self.answer(effect, stands, told),
                    None => told.push(Told {
                        order: effect.order,
                        plan: effect.plan,
                        key: drawn(&[key_of(&effect.client_order_id.to_string()), effect.seq.0]),
                        answers: Some(effect.seq),
                        what: ReportKind::NotFound,
                    }),
                }
                Ok(())
            }
        }
    }

    fn place(&mut self, now: i64, effect: &Effect, told: &mut Vec<Told>) -> Result<(), Unsound> {
        let VenueRequest::Place { side, terms, quantity: wanted, time_in_force, post_only, reduce_only } =
            effect.request
        else {
            return Ok(());
        };
        if !self.ids.insert(effect.client_order_id) || self.orders.contains_key(&effect.order) {
            return Err(Unsound::Twice);
        }
        let level = terms.trigger().or_else(|| terms.limit_price());
        let lots = lots_of(wanted.value()).ok_or(Unsound::OffGrid)?;
        if level.is_some_and(|level| ticks_of(level).is_none()) {
            return Err(Unsound::OffGrid);
        }
        let shown = terms.visible().map(|visible| lots_of(visible.value()));
        if shown == Some(None) {
            return Err(Unsound::OffGrid);
        }
        if shown.is_some() && !self.rules.profile.native_iceberg {
            return Err(Unsound::NotHidden);
        }
        let symbol = usize::from(effect.symbol != Script::symbol(0));
        let order = VenueOrder {
            plan: effect.plan,
            symbol,
            side,
            terms,
            lots,
            filled: 0,
            size_free: self.rules.profile.size_free_stop && reduce_only && matches!(terms, OrderTerms::Stop { .. }),
            reduce_only,
            good_till: time_in_force.good_till().map(millis),
            working: true,
            ended: None,
            triggered: false,
            key: key_of(&effect.client_order_id.to_string()),
            said: 0,
            met: 0,
        };
        let key = order.key;
        let refused = self.refusal(&order, post_only);
        self.symbols.insert(effect.plan, symbol);
        self.orders.insert(effect.order, order);
        let refused = refused.or_else(|| self.against_profile(effect.order));
        if let Some(reason) = refused {
            self.end(effect.order, OrderStatus::Rejected);
            self.answer(effect, ReportKind::Rejected { reason }, told);
            return Ok(());
        }
        if let Ok(connector_order_id) = ConnectorOrderId::new(&format!("V{}", effect.order)) {
            self.answer(effect, ReportKind::Accepted { connector_order_id }, told);
        }
        if time_in_force.good_till().is_some_and(|time| millis(time) <= now) {
            self.expire(now, told);
            return Ok(());
        }
        let immediate = matches!(time_in_force, TimeInForce::Ioc | TimeInForce::Fok) && terms.limit_price().is_some();
        let waits = self.mischief.plays(Trick::WaitingMarket, self.seed, &[key]) && !immediate;
        if terms.trigger().is_none() && !waits {
            let whole = time_in_force == TimeInForce::Fok;
            self.meet(now, effect.order, whole, told);
        }
        if immediate && self.orders.get(&effect.order).is_some_and(|order| order.working) {
            self.end(effect.order, OrderStatus::Expired);
            self.say(effect.order, ReportKind::Expired { reason: VenueReason::NotFilledAtOnce }, told);
        }
        Ok(())
    }

    fn refusal(&self, order: &VenueOrder, post_only: bool) -> Option<VenueReason> {
        let mark = self.marks.get(order.symbol).copied().flatten();
        let level = order.terms.trigger().or_else(|| order.terms.limit_price()).and_then(ticks_of);
        if let Some(price) = level.or(mark).filter(|_| !order.size_free)
            && order.lots * price < self.rules.min_notional * 100
        {
            return Some(VenueReason::BelowMinNotional);
        }
        let passed = mark.is_some_and(|mark| is_touched(order, mark));
        if profile::is_stop(order) && passed {
            return Some(VenueReason::WouldTriggerNow);
        }
        if post_only && passed {
            return Some(VenueReason::WouldTake);
        }
        self.mischief.plays(Trick::Reject, self.seed, &[order.key]).then_some(VenueReason::Other)
    }

    fn amend(&mut self, no: OrderNo, lots: i64, level: Option<i64>) -> Result<Option<VenueReason>, Unsound> {
        let order = self.orders.get_mut(&no).ok_or(Unsound::Nobody)?;
        if !order.working {
            return Ok(Some(VenueReason::UnknownOrder));
        }
        // Of a stop without a size only the level is changed.
        let lots = if order.size_free { order.lots } else { lots };
        if lots <= order.filled && !order.size_free {
            return Ok(Some(VenueReason::OffGrid));
        }
        if let Some(reason) = self.against_amending(no, lots) {
            return Ok(Some(reason));
        }
        let order = self.orders.get_mut(&no).ok_or(Unsound::Nobody)?;
        if self.mischief.plays(Trick::AmendReject, self.seed, &[order.key, order.said]) {
            return Ok(Some(VenueReason::Other));
        }
        let mut changed = order.clone();
        changed.lots = lots;
        if let Some(level) = level {
            changed.terms = changed.terms.at(price(level));
        }
        let mark = self.marks.get(order.symbol).copied().flatten();
        let stop = profile::is_stop(&changed) && !changed.triggered;
        if stop && mark.is_some_and(|mark| is_touched(&changed, mark)) {
            return Ok(Some(VenueReason::WouldTriggerNow));
        }
        *order = changed;
        Ok(None)
    }

    /// Ends what was to stand until now.
    fn expire(&mut self, now: i64, told: &mut Vec<Told>) {
        let over = |order: &VenueOrder| order.working && order.good_till.is_some_and(|time| time <= now);
        let over: Vec<OrderNo> = self.orders.iter().filter(|(_, order)| over(order)).map(|(no, _)| *no).collect();
        for no in over {
            self.end(no, OrderStatus::Expired);
            self.say(no, ReportKind::Expired { reason: VenueReason::GoodTill }, told);
        }
    }

    /// A symbol's price is now so many ticks: what works may meet it, end, or be ended.
    pub(crate) fn price_moved(&mut self, now: i64, symbol: usize, ticks: i64, told: &mut Vec<Told>) {
        self.expire(now, told);
        if let Some(mark) = self.marks.get_mut(symbol) {
            *mark = Some(ticks);
        }
        let working: Vec<OrderNo> = self
            .orders
            .iter()
            .filter(|(_, order)| order.working && order.symbol == symbol)
            .map(|(no, _)| *no)
            .collect();
        for no in working {
            let Some((key, met)) = self.orders.get_mut(&no).map(|order| {
                order.met += 1;
                (order.key, order.met)
            }) else {
                continue;
            };
            if self.mischief.plays(Trick::CancelUnasked, self.seed, &[key, met]) {
                self.end(no, OrderStatus::Canceled);
                self.say(no, ReportKind::Canceled, told);
            } else if self.mischief.plays(Trick::Expire, self.seed, &[key, met]) {
                self.end(no, OrderStatus::Expired);
                self.say(no, ReportKind::Expired { reason: VenueReason::Other }, told);
            } else {
                self.meet(now, no, false, told);
                self.follow(no, ticks);
            }
        }
    }

    /// A trailing stop that was not set off goes with the price, and never back.
    fn follow(&mut self, no: OrderNo, ticks: i64) {
        let Some(order) = self.orders.get_mut(&no).filter(|order| order.working && !order.triggered) else { return };
        let OrderTerms::TrailingStop { trigger, trail } = order.terms else { return };
        let sign = if order.side == Side::Sell { 1 } else { -1 };
        let (Some(stands), Some(behind)) = (ticks_of(trigger), level_behind(trail, ticks, sign)) else { return };
        if (behind - stands) * sign > 0 {
            order.terms = OrderTerms::TrailingStop { trigger: price(behind), trail };
        }
    }

    /// Trades an order with the current price where it meets it; `whole`: all of it or nothing.
    fn meet(&mut self, now: i64, no: OrderNo, whole: bool, told: &mut Vec<Told>) {
        let (seed, mischief) = (self.seed, self.mischief);
        let Some(order) = self.orders.get_mut(&no) else { return };
        let Some(mark) = self.marks.get(order.symbol).copied().flatten() else { return };
        let touched = order.triggered || is_touched(order, mark);
        if !order.working || !touched {
            return;
        }
        let set_off = profile::is_stop(order) && !order.triggered;
        order.triggered |= set_off;
        let order = order.clone();
        if set_off {
            let limited = matches!(order.terms, OrderTerms::StopLimit { .. });
            let waits = mischief.plays(Trick::TriggeredFirst, seed, &[order.key]);
            let untold = limited && mischief.plays(Trick::SetOffUntold, seed, &[order.key]);
            if (waits || limited) && !untold {
                self.say(no, ReportKind::Triggered, told);
            }
            if waits {
                return;
            }
        }
        // From there on it is a limit order: it trades no worse than its price.
        if !is_good(&order, mark) {
            return;
        }
        let order = self.orders.get(&no).cloned().unwrap_or(order);
        let allowed = self.allowed(&order);
        if allowed <= 0 {
            self.end(no, OrderStatus::Expired);
            self.say(no, ReportKind::Expired { reason: VenueReason::NothingToReduce }, told);
            return;
        }
        let circumstances = [order.key, order.said];
        let mut lots = allowed;
        if !whole && allowed > 1 && mischief.plays(Trick::PartialFill, seed, &circumstances) {
            let part = drawn(&[seed, order.key, order.said, 7]) % u64::try_from(allowed).unwrap_or(1);
            lots = i64::try_from(part).unwrap_or(0).max(1);
        }
        if whole && allowed < order.left() {
            return;
        }
        // Sometimes only what is shown is met before the price goes on.
        let shown = order.terms.visible().and_then(|visible| lots_of(visible.value()));
        if let Some(shown) = shown.filter(|_| mischief.plays(Trick::PartialFill, seed, &[order.key, order.met])) {
            lots = lots.min(shown);
        }
        let lasts = order.side == Side::Sell && self.lacks_for_ever();
        if !lasts && !order.size_free && lots == order.left() && mischief.plays(Trick::Overfill, seed, &circumstances) {
            lots += 1 + i64::try_from(drawn(&[seed, order.key, 9]) % 3).unwrap_or(0);
            lots = lots.min(self.most_beyond(&order));
        }
        let at = order.terms.limit_price().and_then(ticks_of).unwrap_or(mark);
        self.trade(now, no, lots, at, told);
    }

    fn trade(&mut self, now: i64, no: OrderNo, lots: i64, at: i64, told: &mut Vec<Told>) {
        let Some(order) = self.orders.get_mut(&no) else { return };
        order.filled += lots;
        order.working &= order.filled < order.lots || order.size_free;
        let (key, said, symbol) = (order.key, order.said, Script::symbol(order.symbol));
        // A plan that sold what is then taken from it is short.
        let lasts = order.side == Side::Buy && self.lacks_for_ever();
        let Ok(trade_id) = TradeId::new(&format!("T{}", self.next_trade)) else { return };
        self.next_trade += 1;
        let fill = |lots: i64, at: i64| {
            let (fee, fee_asset) = if self.rules.fee_in_base {
                (base_amount(lots), symbol.base().clone())
            } else {
                (Decimal::new(lots * at, 5), symbol.quote().clone())
            };
            FillReport {
                trade_id: trade_id.clone(),
                price: price(at),
                quantity: quantity(lots),
                fee: Money::new(fee),
                fee_asset,
                liquidity: Liquidity::Taker,
                executed_at: moment(now),
            }
        };
        let (first, corrected) = (fill(lots, at), fill((lots - 1).max(1), at + 1));
        self.hold(no, lots);
        self.say(no, ReportKind::Filled(first), told);
        self.unlink(no, told);
        self.end_free(no, told);
        let mut stands = lots;
        if !lasts && self.mischief.plays(Trick::Correct, self.seed, &[key, said]) {
            self.hold(no, (lots - 1).max(1) - lots);
            stands = (lots - 1).max(1);
            self.say(no, ReportKind::Corrected { revision: 1, fill: corrected }, told);
        }
        if !lasts && self.mischief.plays(Trick::Bust, self.seed, &[key, said]) {
            self.hold(no, -stands);
            self.say(no, ReportKind::Busted { trade_id }, told);
        }
    }

    /// Whether what a plan is short of may be too little to be bought back: the account would lack it for ever, and another
    /// plan could never sell all that it has.
    const fn lacks_for_ever(&self) -> bool {
        !self.rules.profile.shorting && self.rules.min_notional > 0
    }

    /// Whether a fill is told at once: that of a sale which would make a plan short if it were sold again meanwhile, where
    /// the account would lack that for ever.
    pub(crate) fn is_told_at_once(&self, told: &Told) -> bool {
        let sells = self.orders.get(&told.order).is_some_and(|order| order.side == Side::Sell);
        sells && matches!(told.what, ReportKind::Filled(_)) && self.lacks_for_ever()
    }

    /// So many lots more, or less, were traded by an order: what its plan has, and the account.
    fn hold(&mut self, no: OrderNo, lots: i64) {
        let Some(order) = self.orders.get(&no).cloned() else { return };
        let sign = if order.side == Side::Buy { 1 } else { -1 };
        let fee = if self.rules.fee_in_base { lots } else { 0 };
        *self.traded.entry(order.plan).or_insert(0) += sign * lots;
        *self.held.entry(order.plan).or_insert(0) += sign * lots * GRAINS - fee;
        if let Some(account) = self.account.get_mut(order.symbol) {
            *account += sign * lots;
        }
        self.follow_holding(order.plan);
    }

    fn end(&mut self, no: OrderNo, how: OrderStatus) {
        if let Some(order) = self.orders.get_mut(&no) {
            order.working = false;
            order.ended = Some(how);
        }
    }

    /// Says what nobody asked for.
    fn say(&mut self, no: OrderNo, what: ReportKind, told: &mut Vec<Told>) {
        self.tell(no, None, what, told);
    }

    fn answer(&mut self, effect: &Effect, what: ReportKind, told: &mut Vec<Told>) {
        self.tell(effect.order, Some(effect.seq), what, told);
    }

    fn tell(&mut self, no: OrderNo, answers: Option<Seq>, what: ReportKind, told: &mut Vec<Told>) {
        if let Some(order) = self.orders.get_mut(&no) {
            order.said += 1;
            told.push(Told { order: no, plan: order.plan, key: drawn(&[order.key, order.said]), answers, what });
        }
    }
}

/// Whether a price is one that an order trades at.
fn is_touched(order: &VenueOrder, mark: i64) -> bool {
    let buys = order.side == Side::Buy;
    let above = |level: i64| if buys { mark >= level } else { mark <= level };
    let good = |level: i64| if buys { mark <= level } else { mark >= level };
    let level = order.terms.trigger().or_else(|| order.terms.limit_price()).and_then(ticks_of);
    match level {
        None => true,
        Some(level) if profile::is_stop(order) => above(level),
        Some(level) => good(level),
    }
}

/// Whether a price is no worse than an order's limit, where it has one.
fn is_good(order: &VenueOrder, mark: i64) -> bool {
    let limit = order.terms.limit_price().and_then(ticks_of);
    limit.is_none_or(|limit| if order.side == Side::Buy { mark <= limit } else { mark >= limit })
}
