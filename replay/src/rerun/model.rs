//! The model report: what a session's orders came to, and what they came to with the simulated venue, side by side.
//! Orders are aligned by why they exist. A difference is what was recorded less what the model gives, so that a cost
//! above zero is one that the model does not have.

use std::collections::BTreeMap;

use retrace_core::amount::Money;
use retrace_core::exact::{self, Inexact};
use retrace_core::ids::{GroupNo, PlanId};
use retrace_core::order::{OrderRole, OrderType, Side};
use rust_decimal::Decimal;
use serde::Serialize;

use super::observed::{Figures, Measured, Observed, OrderKey};

/// Both sides, order by order, plan by plan, and in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelReport {
    /// Every order of either side, plan by plan, in the order of their causes.
    pub orders: Vec<OrderRow>,
    /// Every plan that has one.
    pub plans: Vec<PlanRow>,
    /// All orders together.
    pub total: Totals,
}

/// An order on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderRow {
    /// Its plan, by its name in the recorded session where it is there.
    pub plan_id: PlanId,
    /// Its group in that plan.
    pub group: GroupNo,
    /// What it does there.
    pub role: OrderRole,
    /// Which slice of the group, or which order of that role.
    pub slice: u32,
    /// Which try.
    pub attempt: u32,
    /// Buy or sell.
    pub side: Side,
    /// Its type.
    pub order_type: OrderType,
    /// What happened; `None` where only the model has it.
    pub recorded: Option<Figures>,
    /// What the model gives; `None` where it has no such order.
    pub simulated: Option<Figures>,
    /// The one less the other; `None` where one is missing.
    pub difference: Option<Difference>,
}

/// What was recorded less what the model gives. `None` where one of the two has no such figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of the fill rates.
    pub fill_rate: Option<Decimal>,
    /// Of the average prices.
    pub average_price: Option<Decimal>,
    /// Of the slippages, in basis points.
    pub slippage_bps: Option<Decimal>,
    /// Of the times until the first trade was told.
    pub first_fill_seconds: Option<Decimal>,
    /// Of the times until the last trade was told.
    pub last_fill_seconds: Option<Decimal>,
}

/// A plan on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanRow {
    /// Which.
    pub plan_id: PlanId,
    /// What it made, fees taken off, in quote; `None` where it is not on that side, or where a sum does not fit.
    pub net_pnl: Sides<Option<Money>>,
    /// Its orders together.
    #[serde(flatten)]
    pub totals: Totals,
}

/// One figure of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sides<T> {
    /// What happened.
    pub recorded: T,
    /// What the model gives.
    pub simulated: T,
}

/// What several orders come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many are on both sides.
    pub orders_in_both: u64,
    /// How many the model does not have.
    pub only_recorded: u64,
    /// How many only the model has.
    pub only_simulated: u64,
    /// The differences of the fill rates.
    pub fill_rate: Spread,
    /// The differences of the slippages, in basis points.
    pub slippage_bps: Spread,
    /// The differences of the times until the first trade was told.
    pub first_fill_seconds: Spread,
    /// The differences of the times until the last trade was told.
    pub last_fill_seconds: Spread,
}

/// How far several differences lie apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many orders have the figure on both sides.
    pub compared: u64,
    /// The one in the middle; between two of them, half of their sum.
    pub median: Option<Decimal>,
    /// The one farthest from zero; of two as far, the one above it.
    pub worst: Option<Decimal>,
}

impl ModelReport {
    /// Compares what happened with what the model gives.
    ///
    /// # Errors
    /// [`Inexact`] when an amount does not fit.
    pub fn of(recorded: &Observed<'_>, simulated: &Observed<'_>) -> Result<Self, Inexact> {
        let mut pairs: BTreeMap<OrderKey, (Option<Measured>, Option<Measured>)> = BTreeMap::new();
        for (key, measured) in recorded.orders()? {
            pairs.entry(key).or_default().0 = Some(measured);
        }
        for (key, measured) in simulated.orders()? {
            pairs.entry(key).or_default().1 = Some(measured);
        }
        let mut orders = Vec::new();
        let mut places: Vec<(String, usize)> = Vec::new();
        for (key, (was, would)) in pairs {
            let Some(either) = was.as_ref().or(would.as_ref()) else { continue };
            let (plan_id, side, order_type) = (either.plan_id.clone(), either.side, either.order_type);
            let (recorded, simulated) = (was.map(|was| was.figures), would.map(|would| would.figures));
            let difference = match (&recorded, &simulated) {
                (Some(was), Some(would)) => Some(Difference::between(was, would)?),
                (Some(_) | None, None) | (None, Some(_)) => None,
            };
            match places.last_mut() {
                Some((plan, count)) if *plan == key.plan => *count = count.saturating_add(1),
                Some(_) | None => places.push((key.plan, 1)),
            }
            let OrderKey { group, role, slice, attempt, .. } = key;
            let row =
                OrderRow { plan_id, group, role, slice, attempt, side, order_type, recorded, simulated, difference };
            orders.push(row);
        }
        let (was, would) = (results(recorded), results(simulated));
        let mut plans = Vec::new();
        let mut rest = orders.as_slice();
        for (key, count) in places {
            let (of_plan, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = others;
            let Some(first) = of_plan.first() else { continue };
            let net_pnl =
                Sides { recorded: was.get(&key).copied().flatten(), simulated: would.get(&key).copied().flatten() };
            plans.push(PlanRow { plan_id: first.plan_id.clone(), net_pnl, totals: Totals::of(of_plan)? });
        }
        let total = Totals::of(&orders)?;
        Ok(Self { orders, plans, total })
    }
}

/// What each plan made, by its name in words that two sessions share.
fn results(observed: &Observed<'_>) -> BTreeMap<String, Option<Money>> {
    let plans = observed.book().plans();
    plans.map(|plan| (observed.plan_key(&plan.id), plan.accounting.totals().net().ok())).collect()
}

impl Difference {
    fn between(was: &Figures, would: &Figures) -> Result<Self, Inexact> {
        let less = |was: Option<Decimal>, would: Option<Decimal>| {
            was.zip(would).map(|(was, would)| exact::sub(was, would)).transpose()
        };
        let price = |figures: &Figures| figures.average_price.map(retrace_core::amount::Price::value);
        Ok(Self {
            fill_rate: less(Some(was.fill_rate), Some(would.fill_rate))?,
            average_price: less(price(was), price(would))?,
            slippage_bps: less(was.slippage_bps, would.slippage_bps)?,
            first_fill_seconds: less(was.first_fill_seconds, would.first_fill_seconds)?,
            last_fill_seconds: less(was.last_fill_seconds, would.last_fill_seconds)?,
        })
    }
}

impl Totals {
    fn of(orders: &[OrderRow]) -> Result<Self, Inexact> {
        let count = |which: fn(&OrderRow) -> bool| orders.iter().filter(|row| which(row)).count() as u64;
        let spread = |figure: fn(&Difference) -> Option<Decimal>| {
            Spread::of(orders.iter().filter_map(|row| row.difference.as_ref()).filter_map(figure).collect())
        };
        Ok(Self {
            orders_in_both: count(|row| row.difference.is_some()),
            only_recorded: count(|row| row.simulated.is_none()),
            only_simulated: count(|row| row.recorded.is_none()),
            fill_rate: spread(|difference| difference.fill_rate)?,
            slippage_bps: spread(|difference| difference.slippage_bps)?,
            first_fill_seconds: spread(|difference| difference.first_fill_seconds)?,
            last_fill_seconds: spread(|difference| difference.last_fill_seconds)?,
        })
    }
}

impl Spread {
    fn of(mut differences: Vec<Decimal>) -> Result<Self, Inexact> {
        differences.sort_unstable();
        let half = differences.len() / 2;
        let median = match (differences.len() % 2, half.checked_sub(1).and_then(|below| differences.get(below))) {
            (0, Some(below)) => {
                let sum = exact::add(*below, differences.get(half).copied().unwrap_or(*below))?;
                Some(exact::mul(sum, Decimal::new(5, 1))?)
            }
            _ => differences.get(half).copied(),
        };
        let worst = differences.iter().copied().max_by_key(|difference| (difference.abs(), *difference));
        Ok(Self { compared: differences.len() as u64, median, worst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(differences: &[&str]) -> (u64, Option<String>, Option<String>) {
        let spread = Spread::of(differences.iter().map(|text| text.parse().unwrap()).collect()).unwrap();
        (spread.compared, spread.median.map(|median| median.to_string()), spread.worst.map(|worst| worst.to_string()))
    }

    #[test]
    fn the_median_lies_in_the_middle_and_the_worst_farthest_from_zero() {
        let told = |median: &str, worst: &str| (Some(median.to_owned()), Some(worst.to_owned()));
        let of = |differences: &[&str]| {
            let (_, median, worst) = spread(differences);
            (median, worst)
        };
        assert_eq!(spread(&[]), (0, None, None));
        assert_eq!(of(&["3"]), told("3", "3"));
        assert_eq!(of(&["5", "-7", "1"]), told("1", "-7"));
        assert_eq!(of(&["1", "2.5", "-4", "0"]), told("0.5", "-4"));
        assert_eq!(of(&["-4", "4"]), told("0", "4"), "of two as far, the cost");
    }
}
