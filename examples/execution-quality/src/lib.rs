//! Execution quality: what every order traded at, against the price that it was meant to trade at.
//!
//! All of it follows from the log alone, so it can be said of any session, years later, and held in a snapshot.

use std::collections::BTreeMap;

use retrace_core::amount::{Money, Position, Price};
use retrace_core::event::{Decision, Event, Fact};
use retrace_core::exact::{Inexact, Rounding, mul_div};
use retrace_core::ids::{DirectiveId, GroupNo, OrderNo, PlanId, PlanNo};
use retrace_core::manifest::Identity;
use retrace_core::order::{OrderRole, Side};
use retrace_projections::audit::order_name;
use retrace_projections::projection::{Ended, NewFill, Projection, Recorded, Section, View};
use rust_decimal::Decimal;

/// Slippage of every order that traded, in quote and in basis points; above zero is a cost. An order is held against
///
/// - its `trigger`, where it is a stop or a take profit,
/// - its `limit`, where it has one,
/// - the price at `arrival`, where the directive that it carries out was checked against one (it is recorded with the
///   exit levels),
/// - the `first_fill` of its group, otherwise: what slicing cost against trading at once.
#[derive(Default)]
pub struct ExecutionQuality {
    arrivals: BTreeMap<(PlanNo, DirectiveId), Price>,
    first_fills: BTreeMap<(PlanNo, GroupNo), Price>,
    orders: BTreeMap<OrderNo, Traded>,
}

/// What one order traded.
struct Traded {
    plan: PlanId,
    name: String,
    role: OrderRole,
    against: &'static str,
    sum: Sum,
}

/// What fills come to, at their own prices and at those they are held against.
#[derive(Clone, Default)]
struct Sum {
    quantity: Position,
    notional: Money,
    benchmark: Money,
    /// Above zero where the fills were worse than the benchmark.
    slippage: Money,
}

impl Projection for ExecutionQuality {
    const NAME: &'static str = "execution_quality";
    const VERSION: u32 = 1;
    const FIELDS: &'static [&'static str] =
        &["orders", "against", "quantity", "average", "benchmark", "notional", "slippage", "slippage_bps"];
    type Error = Inexact;

    fn begin(_: &Identity) -> Self {
        Self::default()
    }

    fn fold(&mut self, recorded: &Recorded<'_>) -> Result<(), Inexact> {
        self.note_arrival(recorded.event);
        match recorded.fill {
            Some(new) => self.note_fill(new),
            None => Ok(()),
        }
    }

    fn view(&self, _: &Ended<'_>) -> Result<View, Inexact> {
        let mut by_role: BTreeMap<OrderRole, (u32, Sum)> = BTreeMap::new();
        let mut by_plan: BTreeMap<&PlanId, Vec<Section>> = BTreeMap::new();
        for order in self.orders.values() {
            let (orders, sum) = by_role.entry(order.role).or_default();
            *orders += 1;
            *sum = sum.plus(&order.sum)?;
            by_plan.entry(&order.plan).or_default().push(order.section()?);
        }
        let mut view = View::new();
        for (role, (orders, sum)) in by_role {
            view.push(
                Section::new(format!("{role} orders"))
                    .beside("orders", orders)
                    .beside("notional", sum.notional)
                    .beside("slippage", sum.slippage)
                    .beside_some("slippage_bps", sum.basis_points()?),
            );
        }
        for (plan, orders) in by_plan {
            view.push(Section::new(format!("plan {plan}")).inner_all(orders));
        }
        Ok(view)
    }
}

impl ExecutionQuality {
    /// The price that a directive's exit levels were read against is the price at which it was decided.
    fn note_arrival(&mut self, event: &Event) {
        if let Fact::Decision(Decision::ExitsSet { directive, current_price: Some(price), .. }) = &event.fact
            && let Some(plan) = event.plan
        {
            self.arrivals.insert((plan, directive.clone()), *price);
        }
    }

    fn note_fill(&mut self, new: NewFill<'_>) -> Result<(), Inexact> {
        let (against, benchmark) = self.benchmark(new);
        let NewFill { plan, group, order, fill, .. } = new;
        let traded = self.orders.entry(order.no).or_insert_with(|| Traded {
            plan: plan.id.clone(),
            name: order_name(group, order),
            role: order.role,
            against,
            sum: Sum::default(),
        });
        let (notional, expected) = (fill.quantity.notional(fill.price)?, fill.quantity.notional(benchmark)?);
        let slippage = match order.side {
            Side::Buy => notional.minus(expected)?,
            Side::Sell => expected.minus(notional)?,
        };
        let quantity = Side::Buy.signed(fill.quantity);
        traded.sum = traded.sum.plus(&Sum { quantity, notional, benchmark: expected, slippage })?;
        Ok(())
    }

    fn benchmark(&mut self, new: NewFill<'_>) -> (&'static str, Price) {
        let NewFill { plan, group, order, fill, .. } = new;
        if let Some(trigger) = order.terms.trigger() {
            return ("trigger", trigger);
        }
        if let Some(limit) = order.terms.limit_price() {
            return ("limit", limit);
        }
        let own = order.role == group.role();
        if let Some(arrival) = self.arrivals.get(&(plan.no, group.directive.clone())).filter(|_| own) {
            return ("arrival", *arrival);
        }
        ("first_fill", *self.first_fills.entry((plan.no, group.no)).or_insert(fill.price))
    }
}

impl Traded {
    fn section(&self) -> Result<Section, Inexact> {
        Ok(Section::new(format!("order {}", self.name))
            .beside("quantity", self.sum.quantity)
            .beside("average", self.sum.average(self.sum.notional)?)
            .beside("against", self.against)
            .beside("benchmark", self.sum.average(self.sum.benchmark)?)
            .beside("slippage", self.sum.slippage)
            .beside_some("slippage_bps", self.sum.basis_points()?))
    }
}

impl Sum {
    fn plus(&self, other: &Self) -> Result<Self, Inexact> {
        Ok(Self {
            quantity: self.quantity.plus(other.quantity)?,
            notional: self.notional.plus(other.notional)?,
            benchmark: self.benchmark.plus(other.benchmark)?,
            slippage: self.slippage.plus(other.slippage)?,
        })
    }

    /// `amount` for one unit, to 8 decimals, half to even.
    fn average(&self, amount: Money) -> Result<Decimal, Inexact> {
        mul_div(amount.value(), Decimal::ONE, self.quantity.value(), 8, Rounding::HalfEven)
    }

    /// The slippage in 1/10,000 of what was expected, to two decimals, half to even.
    fn basis_points(&self) -> Result<Option<Decimal>, Inexact> {
        if self.benchmark == Money::ZERO {
            return Ok(None);
        }
        let parts = Decimal::from(10_000);
        mul_div(self.slippage.value(), parts, self.benchmark.value(), 2, Rounding::HalfEven).map(Some)
    }
}
