//! What a group's execution came to, against the price when it was decided.

use retrace_core::amount::{DECIMALS_MAX, Money, Position, Price};
use retrace_core::event::{GroupAction, GroupEnd};
use retrace_core::exact::{self, Inexact, Rounding};
use retrace_core::order::Side;
use rust_decimal::Decimal;

use super::group::Group;

/// Basis points are told to this many decimals.
const BPS_DECIMALS: u32 = 2;

/// What a group's execution came to. A cost is above zero, a gain below, whichever way it traded.
///
/// With `s` = 1 for a purchase and -1 for a sale, `X` what the group was to trade (less what a newer target, a close or a
/// stop took back), `x_j` at `p_j` what it filled, `x` their sum, `P_0` the price at which it was decided and `P_n` the
/// price when it ended:
///
/// ```text
/// slippage  = s * (sum of x_j * p_j  -  x * P_0)
/// shortfall = slippage + s * (X - x) * (P_n - P_0)
/// ```
///
/// A fill that was taken back or put right counts as it stands: what is missing since is traded, and measured, by another
/// group, so that `X` is less by as much.
///
/// The second is the implementation shortfall of Perold (The Implementation Shortfall: Paper versus Reality, Journal of
/// Portfolio Management 14, 1988): what it cost against having traded all of it at once where it was decided. He counts
/// fees as well; here they stand beside it, in the asset in which they were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// What its fills come to as they stand, zero or more.
    pub traded: Position,
    /// What was to be traded and was not, zero or more.
    pub unfilled: Position,
    /// The average price of what filled, to 12 decimals, half to even; `None` where nothing did.
    pub average_price: Option<Price>,
    /// What the fills cost against the arrival price, in quote; `None` without one, or without a fill.
    pub slippage: Option<Money>,
    /// The same in basis points of what filled at the arrival price, to 2 decimals, half to even.
    pub slippage_bps: Option<Decimal>,
    /// The implementation shortfall, in quote; `None` while the group is active, and without the prices it needs.
    pub shortfall: Option<Money>,
    /// The same in basis points of all that was to be traded at the arrival price, to 2 decimals, half to even.
    pub shortfall_bps: Option<Decimal>,
}

impl Quality {
    /// What was to be traded in all, zero or more.
    ///
    /// # Errors
    /// [`Inexact`] when the sum does not fit.
    pub fn wanted(&self) -> Result<Position, Inexact> {
        self.traded.plus(self.unfilled)
    }
}

impl Group {
    /// What it was to trade, zero or more: what is wanted of it less what was taken back. What was given up for good, because
    /// its time passed or the venue ended it, was not taken back. Of a close that left nothing it is what it filled: the
    /// stop did the rest.
    ///
    /// # Errors
    /// [`Inexact`] when a sum does not fit.
    pub fn to_trade(&self) -> Result<Position, Inexact> {
        let planned = self.wanted()?;
        if self.action == GroupAction::Close && matches!(self.end, Some(GroupEnd::Filled | GroupEnd::StoppedOut)) {
            return Ok(self.filled());
        }
        let taken_back = self.dropped.minus(self.missed)?;
        Ok(planned.minus(taken_back)?.max(self.filled()))
    }

    /// What its execution came to, for a plan of this direction.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit.
    pub fn quality(&self, direction: Side) -> Result<Quality, Inexact> {
        let unfilled = self.to_trade()?.minus(self.filled())?;
        let (filled, cost) = self.own_trades()?;
        let wanted = filled.plus(unfilled)?;
        let average = filled
            .size()
            .map(|size| exact::mul_div(cost.value(), Decimal::ONE, size.value(), DECIMALS_MAX, Rounding::HalfEven));
        let average_price = average.transpose()?.and_then(|average| Price::new(average).ok());
        let mut quality = Quality { traded: filled, unfilled, average_price, ..Quality::default() };
        let Some(arrival) = self.arrival else { return Ok(quality) };
        let side = self.side(direction);
        let (slippage, slippage_bps) = slippage(side, filled, cost, arrival)?;
        if !filled.is_flat() {
            (quality.slippage, quality.slippage_bps) = (Some(slippage), slippage_bps);
        }
        // What is not traded is valued where the group ended; where all is traded, that is of no account.
        let missed = match self.end_price {
            _ if unfilled.is_flat() => Some(Money::ZERO),
            Some(price) => Some(toward(side, worth(unfilled, price)?.minus(worth(unfilled, arrival)?)?)),
            None => None,
        };
        if let Some(missed) = missed.filter(|_| !self.is_active() && !wanted.is_flat()) {
            let shortfall = slippage.plus(missed)?;
            quality.shortfall = Some(shortfall);
            quality.shortfall_bps = bps(shortfall, wanted, arrival)?;
        }
        Ok(quality)
    }

    /// What its own orders' fills come to as they stand, and what they cost, or brought, without fees.
    fn own_trades(&self) -> Result<(Position, Money), Inexact> {
        let own = self.orders.iter().filter(|order| order.role == self.role());
        let mut fills = own.flat_map(|order| &order.fills).filter(|fill| !fill.busted);
        fills.try_fold((Position::FLAT, Money::ZERO), |(filled, cost), fill| {
            let filled = filled.plus(Side::Buy.signed(fill.quantity))?;
            Ok((filled, cost.plus(fill.quantity.notional(fill.price)?)?))
        })
    }
}

/// What `filled` cost, or brought, against a price: in quote, and in basis points of what it is worth at that price, to 2
/// decimals, half to even (`None` where that is nothing). Below zero it is a gain.
///
/// # Errors
/// [`Inexact`] when an amount does not fit.
pub fn slippage(
    side: Side,
    filled: Position,
    cost: Money,
    against: Price,
) -> Result<(Money, Option<Decimal>), Inexact> {
    let slippage = toward(side, cost.minus(worth(filled, against)?)?);
    Ok((slippage, bps(slippage, filled, against)?))
}

fn worth(position: Position, price: Price) -> Result<Money, Inexact> {
    position.size().map_or(Ok(Money::ZERO), |size| size.notional(price))
}

/// With the sign of a cost: more than expected is one for a purchase, less for a sale.
fn toward(side: Side, more: Money) -> Money {
    let mut cost = more.value();
    if side == Side::Sell && !cost.is_zero() {
        cost.set_sign_positive(cost.is_sign_negative());
    }
    Money::new(cost)
}

/// A cost in basis points of what `position` is worth at `price`; `None` where that is nothing.
fn bps(cost: Money, position: Position, price: Price) -> Result<Option<Decimal>, Inexact> {
    let base = worth(position, price)?.value();
    if base.is_zero() {
        return Ok(None);
    }
    let bps = exact::mul_div(cost.value(), Decimal::from(10_000), base, BPS_DECIMALS, Rounding::HalfEven)?;
    Ok(Some(bps.normalize()))
}

#[cfg(test)]
mod tests {
    use retrace_core::amount::Quantity;
    use retrace_core::directive::{Algorithm, EntryTerms};
    use retrace_core::event::{Because, FillReport};
    use retrace_core::ids::{
        DirectiveId, GroupNo, OrderCause, OrderNo, PlanId, Seq, SessionUid, TradeId, derive_fill_id, derive_group_id,
        derive_order_id,
    };
    use retrace_core::order::{OrderTerms, TimeInForce};
    use retrace_core::time::Timestamp;
    use retrace_core::venue::Liquidity;

    use super::super::group::Opening;
    use super::super::order::{NewOrder, Order};
    use super::super::told::ToldFill;
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn price(text: &str) -> Price {
        Price::new(dec(text)).unwrap()
    }

    fn quantity(text: &str) -> Quantity {
        Quantity::new(dec(text)).unwrap()
    }

    /// A group of 10 that was decided at 100 and ended at `end`, with these fills, and so much given up and taken back.
    fn ended(action: GroupAction, fills: &[(&str, &str)], given_up: &str, taken_back: &str, end: &str) -> Group {
        let (session, directive) = (SessionUid([1; 16]), DirectiveId::new("STR_1").unwrap());
        let plan = PlanId::new("TPL_A").unwrap();
        let opening = Opening {
            directive: directive.clone(),
            action,
            algorithm: Algorithm::Single,
            entry: EntryTerms::MARKET,
            quantity: quantity("10"),
            end_after: None,
            arrival: Some(price("100")),
            compensates: false,
        };
        let time = Timestamp::from_nanos(0);
        let id = derive_group_id(session, &directive, &plan, GroupNo(1));
        let mut group = Group::new(GroupNo(1), id, time, opening);
        let new = NewOrder {
            role: group.role(),
            side: Side::Buy,
            terms: OrderTerms::Market,
            quantity: quantity("10"),
            time_in_force: TimeInForce::Gtc,
            reduce_only: false,
            slice: 0,
            attempt: 0,
            because: Because::Directive,
        };
        let cause = OrderCause {
            directive: &directive,
            plan: &plan,
            group: GroupNo(1),
            role: new.role.as_str(),
            slice: 0,
            attempt: 0,
        };
        let order = derive_order_id(session, &cause);
        group.orders.request(Order::new(OrderNo(1), order, Seq(1), &new));
        for (number, (filled, at)) in (1_u64..).zip(fills) {
            let report = FillReport {
                trade_id: TradeId::new(&number.to_string()).unwrap(),
                price: price(at),
                quantity: quantity(filled),
                fee: Money::ZERO,
                fee_asset: retrace_core::instrument::Asset::new("USDT").unwrap(),
                liquidity: Liquidity::Taker,
                executed_at: time,
            };
            let id = derive_fill_id(session, order, &report.trade_id);
            group
                .orders
                .change(OrderNo(1), |order| order.fill(ToldFill { id, revision: 0, report: &report, seq: Seq(number) }))
                .unwrap()
                .unwrap();
        }
        group.missed = Position::new(dec(given_up)).unwrap();
        group.dropped = group.missed.plus(Position::new(dec(taken_back)).unwrap()).unwrap();
        (group.end, group.end_price) = (Some(GroupEnd::Incomplete), Some(price(end)));
        group
    }

    /// Unfilled, average price, slippage and shortfall, each with its basis points; `-` where there is none.
    fn told(group: &Group, direction: Side) -> [String; 6] {
        let Quality { traded: _, unfilled, average_price, slippage, slippage_bps, shortfall, shortfall_bps } =
            group.quality(direction).unwrap();
        let text = |value: Option<Decimal>| value.map_or("-".to_owned(), |value| value.to_string());
        [
            unfilled.to_string(),
            text(average_price.map(Price::value)),
            text(slippage.map(Money::value)),
            text(slippage_bps),
            text(shortfall.map(Money::value)),
            text(shortfall_bps),
        ]
    }

    /// 4 * 101 + 3 * 102 = 710, against 7 * 100: 10 worse, 10 / 700 = 142.857 bps. The 3 that were given up would have
    /// cost 4 less each where it was decided: 10 + 3 * (104 - 100) = 22 of 1,000.
    #[test]
    fn a_purchase_that_came_short() {
        let group = ended(GroupAction::Enter, &[("4", "101"), ("3", "102")], "3", "0", "104");
        assert_eq!(told(&group, Side::Buy), ["3", "101.428571428571", "10", "142.86", "22", "220"]);
    }

    /// 4 * 99 + 3 * 98 = 690, against 700: 10 worse. The 3 that were given up are worth 3 less each: 10 + 9 = 19.
    #[test]
    fn a_sale_that_came_short() {
        let group = ended(GroupAction::Enter, &[("4", "99"), ("3", "98")], "3", "0", "97");
        let sold = ["3", "98.571428571429", "10", "142.86", "19", "190"];
        assert_eq!(told(&group, Side::Sell), sold);
        let group = ended(GroupAction::Reduce, &[("4", "99"), ("3", "98")], "3", "0", "97");
        assert_eq!(told(&group, Side::Buy), sold, "a reduce of a long plan sells");
    }

    /// 10 * 98.5 = 985 against 1,000.
    #[test]
    fn a_gain_is_below_zero() {
        let group = ended(GroupAction::Enter, &[("10", "98.5")], "0", "0", "90");
        assert_eq!(told(&group, Side::Buy), ["0", "98.5", "-15", "-150", "-15", "-150"]);
    }

    /// What a newer target took back was not to be traded any more: 4 at 101 of 4.
    #[test]
    fn what_was_taken_back_costs_nothing() {
        let group = ended(GroupAction::Enter, &[("4", "101")], "0", "6", "150");
        assert_eq!(told(&group, Side::Buy), ["0", "101", "4", "100", "4", "100"]);
    }

    /// Nothing filled: all 10 would have cost 3 less where it was decided, or 3 more where the price fell.
    #[test]
    fn what_never_filled_has_a_shortfall_alone() {
        let group = ended(GroupAction::Enter, &[], "10", "0", "103");
        assert_eq!(told(&group, Side::Buy), ["10", "-", "-", "-", "30", "300"]);
        let group = ended(GroupAction::Enter, &[], "10", "0", "97");
        assert_eq!(told(&group, Side::Buy), ["10", "-", "-", "-", "-30", "-300"]);
    }

    #[test]
    fn an_active_group_has_no_shortfall_yet_and_one_without_an_arrival_price_nothing() {
        let mut group = ended(GroupAction::Enter, &[("4", "101")], "0", "0", "104");
        group.end = None;
        assert_eq!(told(&group, Side::Buy), ["6", "101", "4", "100", "-", "-"]);
        group.arrival = None;
        assert_eq!(told(&group, Side::Buy), ["6", "101", "-", "-", "-", "-"]);
    }
}
