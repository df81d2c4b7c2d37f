//! What fills at a price point: stops, take profits, limits, markets, each in order of acceptance (SEMANTICS 2).

use retrace_core::amount::Price;
use retrace_core::event::{Report, ReportKind, VenueReason};
use retrace_core::order::OrderTerms;
use retrace_core::venue::Liquidity;

use super::book::{Resting, Turn};
use super::{BarVenue, PricePoint, VenueError, expired, report};

/// A price that an order meets, and on which terms.
struct Met {
    price: Price,
    liquidity: Liquidity,
    slips: bool,
}

impl BarVenue {
    pub(super) fn match_point(&mut self, point: PricePoint<'_>, reports: &mut Vec<Report>) -> Result<(), VenueError> {
        let mut places: Vec<(Turn, u64)> = self
            .resting
            .iter()
            .filter(|(_, order)| order.symbol == *point.symbol)
            .map(|(place, order)| (order.turn(), *place))
            .collect();
        places.sort_unstable();
        for (_, place) in places {
            let Some(mut order) = self.resting.remove(&place) else { continue };
            if self.match_order(&mut order, point, reports)? {
                self.resting.insert(place, order);
            }
        }
        Ok(())
    }

    /// Matches one order; answers whether it goes on working.
    fn match_order(
        &mut self,
        order: &mut Resting,
        point: PricePoint<'_>,
        reports: &mut Vec<Report>,
    ) -> Result<bool, VenueError> {
        let seen = point.mark.for_plan(order.direction);
        let touched = order.is_set_off_at(seen);
        let Some(met) = meets(order, seen, point.open) else {
            if touched {
                // The price jumped beyond the limit of a stop limit: it waits there.
                order.triggered = true;
                reports.push(report(order.order, ReportKind::Triggered));
            }
            // Where a price moves it to, it stands from the next one on.
            order.follow(seen, self.instrument(&order.symbol)?);
            return Ok(true);
        };
        order.triggered |= touched;
        let Some(remaining) = order.remaining() else { return Ok(false) };
        let Some(allowed) = self.within_position(order, remaining)? else {
            reports.push(expired(order.order, VenueReason::NothingToReduce));
            return Ok(false);
        };
        if let Some(quantity) = self.within_volume(&order.symbol, allowed) {
            let price = if met.slips { self.slipped(order, met.price)? } else { met.price };
            self.trade(order, point.time, price, quantity, met.liquidity, reports)?;
        } else if touched {
            // Whoever set it must know now: nothing more may be entered behind it.
            reports.push(report(order.order, ReportKind::Triggered));
        }
        self.goes_on(order, reports)
    }
}

/// The price that an order meets at this point; `None` where it meets none. At an open prices may have jumped: it
/// fills there. Inside a bar the price passes through every level between two points: it fills at its own.
fn meets(order: &Resting, seen: Price, open: bool) -> Option<Met> {
    let met = |price, liquidity, slips| Some(Met { price, liquidity, slips });
    match order.terms {
        OrderTerms::Market => open.then_some(Met { price: seen, liquidity: Liquidity::Taker, slips: true }),
        OrderTerms::Stop { .. } | OrderTerms::TrailingStop { .. } if order.triggered => {
            open.then_some(Met { price: seen, liquidity: Liquidity::Taker, slips: true })
        }
        OrderTerms::Stop { trigger } | OrderTerms::TrailingStop { trigger, .. }
            if order.stop_touched(trigger, seen) =>
        {
            met(if open { seen } else { trigger }, Liquidity::Taker, true)
        }
        // Set off inside a bar it is a limit order that can be filled at the price it meets: the level itself.
        OrderTerms::StopLimit { trigger, .. } if !order.triggered && !open && order.stop_touched(trigger, seen) => {
            met(trigger, Liquidity::Taker, false)
        }
        OrderTerms::StopLimit { trigger, price }
            if (order.triggered || order.stop_touched(trigger, seen)) && order.is_good(price, seen) =>
        {
            if open {
                met(seen, Liquidity::Taker, false)
            } else {
                met(price, Liquidity::Maker, false)
            }
        }
        OrderTerms::TakeProfit { trigger } if order.is_good(trigger, seen) => {
            met(if open { seen } else { trigger }, Liquidity::Taker, false)
        }
        // What an iceberg hides trades at once behind what it shows: there is no queue in which it would wait.
        OrderTerms::Limit { price } | OrderTerms::Iceberg { price, .. } if order.is_good(price, seen) => {
            if open {
                met(seen, Liquidity::Taker, false)
            } else {
                met(price, Liquidity::Maker, false)
            }
        }
        OrderTerms::Stop { .. }
        | OrderTerms::StopLimit { .. }
        | OrderTerms::TrailingStop { .. }
        | OrderTerms::TakeProfit { .. }
        | OrderTerms::Limit { .. }
        | OrderTerms::Iceberg { .. }
        | OrderTerms::Unknown => None,
    }
}
