//! What happens to a request when it reaches the bar venue: checks, acknowledgement, and what fills at once.

use retrace_core::amount::{Position, Price, Quantity};
use retrace_core::event::{Report, ReportKind, VenueReason};
use retrace_core::ids::{ConnectorOrderId, OrderNo};
use retrace_core::order::{OrderTerms, OrderType, Side, TimeInForce};
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;

use super::book::Resting;
use super::{BarVenue, VenueError, answer, expired};
use crate::effect::{Effect, VenueRequest};

impl BarVenue {
    pub(super) fn arrive(
        &mut self,
        now: Timestamp,
        effect: &Effect,
        reports: &mut Vec<Report>,
    ) -> Result<(), VenueError> {
        match &effect.request {
            VenueRequest::Place { .. } => self.place(now, effect, reports),
            VenueRequest::Amend { quantity, price } => {
                let amended = self.amend(effect, *quantity, *price)?;
                let what = match amended {
                    Ok(()) => ReportKind::Amended { quantity: *quantity, price: *price },
                    Err(reason) => ReportKind::AmendRejected { reason },
                };
                reports.push(answer(effect, what));
                if amended.is_ok() { self.meet_amended(now, effect, reports) } else { Ok(()) }
            }
            VenueRequest::Cancel => {
                let what = match self.place_of(effect.order) {
                    Some(place) => {
                        self.resting.remove(&place);
                        ReportKind::Canceled
                    }
                    None => ReportKind::CancelRejected { reason: VenueReason::UnknownOrder },
                };
                reports.push(answer(effect, what));
                Ok(())
            }
            VenueRequest::Query => {
                let resting = self.place_of(effect.order).and_then(|place| self.resting.get(&place));
                reports.push(answer(effect, resting.map_or(ReportKind::NotFound, Resting::stands)));
                Ok(())
            }
        }
    }

    fn place(&mut self, now: Timestamp, effect: &Effect, reports: &mut Vec<Report>) -> Result<(), VenueError> {
        let VenueRequest::Place { side, terms, quantity, time_in_force, post_only, reduce_only } = effect.request
        else {
            return Ok(());
        };
        let mut order = Resting {
            order: effect.order,
            plan: effect.plan,
            direction: effect.direction,
            symbol: effect.symbol.clone(),
            side,
            terms,
            quantity,
            filled: Position::FLAT,
            reduce_only,
            good_till: time_in_force.good_till(),
            size_free: self.settings.profile.is_size_free(&terms, reduce_only),
            post_only,
            triggered: false,
        };
        let current = self.marks.get(&effect.symbol).map(|mark| mark.for_plan(effect.direction));
        if let Some(reason) = self.refusal(&order, current)? {
            reports.push(answer(effect, ReportKind::Rejected { reason }));
            return Ok(());
        }
        self.next_acceptance = self.next_acceptance.saturating_add(1);
        let connector_order_id = ConnectorOrderId::new(&format!("SIM-{}", self.next_acceptance))?;
        reports.push(answer(effect, ReportKind::Accepted { connector_order_id }));

        if time_in_force.is_over(now) {
            reports.push(expired(order.order, VenueReason::GoodTill));
            return Ok(());
        }
        let at_once = current.filter(|current| match terms {
            OrderTerms::Limit { price } | OrderTerms::Iceberg { price, .. } => order.is_good(price, *current),
            OrderTerms::TakeProfit { trigger } => order.is_good(trigger, *current),
            OrderTerms::Market
            | OrderTerms::Stop { .. }
            | OrderTerms::StopLimit { .. }
            | OrderTerms::TrailingStop { .. }
            | OrderTerms::Unknown => false,
        });
        let available = match at_once {
            Some(_) => self.within_position(&order, quantity)?.and_then(|q| self.within_volume(&order.symbol, q)),
            None => None,
        };
        let whole = available == Some(quantity);
        let limited = terms.order_type() == OrderType::Limit;
        let (fills, stays) = match time_in_force {
            TimeInForce::Fok if limited => (whole, false),
            TimeInForce::Ioc if limited => (true, false),
            TimeInForce::Gtc | TimeInForce::Gtd(_) | TimeInForce::Fok | TimeInForce::Ioc => (true, true),
        };
        if let (Some(price), Some(available), true) = (at_once, available, fills) {
            self.trade(&mut order, now, price, available, Liquidity::Taker, reports)?;
        }
        match order.remaining() {
            None => {}
            Some(_) if stays => {
                self.resting.insert(self.next_acceptance, order);
            }
            Some(_) => reports.push(expired(order.order, VenueReason::NotFilledAtOnce)),
        }
        Ok(())
    }

    /// Why the venue refuses a new order, if it does.
    fn refusal(&self, order: &Resting, current: Option<Price>) -> Result<Option<VenueReason>, VenueError> {
        let instrument = self.instrument(&order.symbol)?;
        let level = match order.terms {
            OrderTerms::Unknown => return Ok(Some(VenueReason::Other)),
            OrderTerms::Market => None,
            OrderTerms::Limit { price } | OrderTerms::Iceberg { price, .. } => Some(price),
            OrderTerms::Stop { trigger }
            | OrderTerms::StopLimit { trigger, .. }
            | OrderTerms::TrailingStop { trigger, .. }
            | OrderTerms::TakeProfit { trigger } => Some(trigger),
        };
        let sized = !order.size_free;
        let shown_off_lot = order.terms.visible().is_some_and(|visible| !instrument.on_lot(visible));
        let off_lot = sized && !instrument.on_lot(order.quantity);
        if off_lot || shown_off_lot || level.is_some_and(|level| !instrument.on_tick(level)) {
            return Ok(Some(VenueReason::OffGrid));
        }
        if let Some(price) = level.or(current).filter(|_| sized)
            && !instrument.meets_min_notional(order.quantity, price)?
        {
            return Ok(Some(VenueReason::BelowMinNotional));
        }
        if let Some(reason) = self.against_profile(order)? {
            return Ok(Some(reason));
        }
        let Some(current) = current else { return Ok(None) };
        Ok(match order.terms {
            OrderTerms::Stop { .. } | OrderTerms::StopLimit { .. } | OrderTerms::TrailingStop { .. }
                if order.is_set_off_at(current) =>
            {
                Some(VenueReason::WouldTriggerNow)
            }
            OrderTerms::Limit { price } | OrderTerms::Iceberg { price, .. }
                if order.post_only && order.is_good(price, current) =>
            {
                Some(VenueReason::WouldTake)
            }
            OrderTerms::Market
            | OrderTerms::Limit { .. }
            | OrderTerms::Iceberg { .. }
            | OrderTerms::Stop { .. }
            | OrderTerms::StopLimit { .. }
            | OrderTerms::TrailingStop { .. }
            | OrderTerms::TakeProfit { .. }
            | OrderTerms::Unknown => None,
        })
    }

    fn amend(
        &mut self,
        effect: &Effect,
        quantity: Quantity,
        price: Option<Price>,
    ) -> Result<Result<(), VenueReason>, VenueError> {
        let current = self.marks.get(&effect.symbol).map(|mark| mark.for_plan(effect.direction));
        let instrument = self.instrument(&effect.symbol)?.clone();
        let Some(place) = self.place_of(effect.order) else { return Ok(Err(VenueReason::UnknownOrder)) };
        let Some(order) = self.resting.get_mut(&place) else { return Ok(Err(VenueReason::UnknownOrder)) };
        let off_tick = price.is_some_and(|price| !instrument.on_tick(price));
        let below_filled = Side::Buy.signed(quantity) <= order.filled;
        // Of a stop without a size only the level is changed.
        let sized = !order.size_free;
        if sized && (!instrument.on_lot(quantity) || below_filled) || off_tick {
            return Ok(Err(VenueReason::OffGrid));
        }
        let terms = price.map_or(order.terms, |price| order.terms.at(price));
        let as_it_is = order.clone();
        let quantity = if sized { quantity } else { order.quantity };
        if let Some(reason) = self.against_amending(&as_it_is, quantity)? {
            return Ok(Err(reason));
        }
        let Some(order) = self.resting.get_mut(&place) else { return Ok(Err(VenueReason::UnknownOrder)) };
        let changed = Resting { terms, ..order.clone() };
        if current.is_some_and(|current| changed.is_set_off_at(current)) {
            return Ok(Err(VenueReason::WouldTriggerNow));
        }
        if let (OrderTerms::Limit { price } | OrderTerms::Iceberg { price, .. }, Some(current)) = (terms, current)
            && order.post_only
            && terms != order.terms
            && order.is_good(price, current)
        {
            return Ok(Err(VenueReason::WouldTake));
        }
        order.terms = terms;
        order.quantity = quantity;
        Ok(Ok(()))
    }

    /// A limit order that was given a price at which it can be filled takes what there is at once, as a new one would. One
    /// that may only make liquidity was not given such a price: it stood there before, and goes on waiting.
    fn meet_amended(&mut self, now: Timestamp, effect: &Effect, reports: &mut Vec<Report>) -> Result<(), VenueError> {
        let current = self.marks.get(&effect.symbol).map(|mark| mark.for_plan(effect.direction));
        let Some(place) = self.place_of(effect.order) else { return Ok(()) };
        let good = |order: &Resting, current| match order.terms {
            OrderTerms::Limit { price } | OrderTerms::Iceberg { price, .. } => order.is_good(price, current),
            OrderTerms::StopLimit { price, .. } => order.triggered && order.is_good(price, current),
            OrderTerms::Market
            | OrderTerms::Stop { .. }
            | OrderTerms::TrailingStop { .. }
            | OrderTerms::TakeProfit { .. }
            | OrderTerms::Unknown => false,
        };
        let order =
            self.resting.get(&place).zip(current).filter(|(order, current)| !order.post_only && good(order, *current));
        let Some((mut order, current)) = order.map(|(order, current)| (order.clone(), current)) else { return Ok(()) };
        let Some(left) = order.remaining() else { return Ok(()) };
        let available = self.within_position(&order, left)?.and_then(|q| self.within_volume(&order.symbol, q));
        if let Some(available) = available {
            self.trade(&mut order, now, current, available, Liquidity::Taker, reports)?;
        }
        match order.remaining() {
            None => self.resting.remove(&place),
            Some(_) => self.resting.insert(place, order),
        };
        Ok(())
    }

    fn place_of(&self, order: OrderNo) -> Option<u64> {
        self.resting.iter().find(|(_, resting)| resting.order == order).map(|(place, _)| *place)
    }
}
