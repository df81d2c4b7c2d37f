//! What it came to, side by side: each plan's orders, fills, exposure and result, and the sums of them.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::amount::{Money, Position};
use retrace_core::event::Outcome;
use retrace_core::exact::Inexact;
use retrace_core::ids::{PlanId, PlanNo};
use retrace_core::instrument::{Asset, Symbol};
use retrace_core::order::Side as Way;
use retrace_projections::ledger::{Book, Phase, Plan};
use retrace_projections::view::FeeView;
use serde::Serialize;

use super::cause::{Causes, PlanKey};

/// What both sessions came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Consequences {
    /// Every plan of A in order, then those of B alone.
    pub plans: Vec<PlanPair>,
    /// The sums, by quote asset.
    pub totals: Vec<QuotePair>,
}

/// One plan in both sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanPair {
    /// What it is told by in both.
    pub plan: PlanKey,
    /// What came of it in A; `null` where A has no such plan.
    pub a: Option<PlanOutcome>,
    /// What came of it in B; `null` where B has no such plan.
    pub b: Option<PlanOutcome>,
    /// Whether that differs in anything.
    pub differs: bool,
    /// The net result in B less that in A, in quote.
    pub net_difference: Money,
}

/// What came of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanOutcome {
    /// Its id in this session.
    pub plan_id: PlanId,
    /// What it trades.
    pub symbol: Symbol,
    /// Long or short.
    pub direction: Way,
    /// How it ended; `null` while it is open.
    pub outcome: Option<Outcome>,
    /// How many orders were sent for it.
    pub orders: u64,
    /// How many fills it has, those that were taken back left out.
    pub fills: u64,
    /// How much they traded, bought and sold alike, in base.
    pub traded: Position,
    /// The largest position that it had, without its sign: its exposure.
    pub largest_position: Position,
    /// The signed sum of its fills.
    pub net_position: Position,
    /// Before fees, in quote.
    pub realized_pnl: Money,
    /// By asset.
    pub fees: Vec<FeeView>,
    /// After fees, in quote.
    pub net_pnl: Money,
}

/// What all plans came to that are quoted in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuotePair {
    /// The asset.
    pub quote: Asset,
    /// In A.
    pub a: Total,
    /// In B.
    pub b: Total,
    /// The net result in B less that in A.
    pub net_difference: Money,
}

/// The sums over some plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// How many plans.
    pub plans: u64,
    /// How many orders.
    pub orders: u64,
    /// How many fills.
    pub fills: u64,
    /// Before fees, in the quote asset.
    pub realized_pnl: Money,
    /// By asset.
    pub fees: Vec<FeeView>,
    /// After fees, in the quote asset.
    pub net_pnl: Money,
}

/// A session's plans at its end, and how each is told.
pub(super) struct Ended<'a> {
    pub(super) book: &'a Book,
    pub(super) causes: &'a Causes,
    pub(super) largest: &'a BTreeMap<PlanNo, Position>,
}

impl Ended<'_> {
    fn plans(&self) -> Result<Vec<(PlanKey, PlanOutcome)>, Inexact> {
        let keyed = self.book.plans().filter_map(|plan| Some((self.causes.plan_key(plan.no)?.clone(), plan)));
        keyed.map(|(key, plan)| Ok((key, self.outcome(plan)?))).collect()
    }

    fn outcome(&self, plan: &Plan) -> Result<PlanOutcome, Inexact> {
        let totals = plan.accounting.totals();
        let fills = || plan.orders().flat_map(|order| &order.fills).filter(|fill| !fill.busted);
        let sum = |sum: Position, quantity| sum.plus(Way::Buy.signed(quantity));
        Ok(PlanOutcome {
            plan_id: plan.id.clone(),
            symbol: plan.symbol().clone(),
            direction: plan.direction,
            outcome: if let Phase::Closed { outcome, .. } = &plan.phase { Some(*outcome) } else { None },
            orders: plan.orders().count() as u64,
            fills: fills().count() as u64,
            traded: fills().map(|fill| fill.quantity).try_fold(Position::FLAT, sum)?,
            largest_position: self.largest.get(&plan.no).copied().unwrap_or_default(),
            net_position: totals.traded,
            realized_pnl: totals.realized,
            fees: totals.fees.iter().map(|(asset, amount)| FeeView { asset: asset.clone(), amount: *amount }).collect(),
            net_pnl: totals.net()?,
        })
    }
}

impl Consequences {
    pub(super) fn of(a: &Ended<'_>, b: &Ended<'_>) -> Result<Self, Inexact> {
        let (of_a, mut of_b) = (a.plans()?, b.plans()?);
        let mut totals = Totals::default();
        for (_, plan) in &of_a {
            totals.of(plan).0.add(plan)?;
        }
        for (_, plan) in &of_b {
            totals.of(plan).1.add(plan)?;
        }
        let mut places: BTreeMap<&PlanKey, usize> = BTreeMap::new();
        for (place, (key, _)) in of_b.iter().enumerate() {
            places.insert(key, place);
        }
        let shared: Vec<Option<usize>> = of_a.iter().map(|(key, _)| places.get(key).copied()).collect();
        let taken: BTreeSet<usize> = shared.iter().flatten().copied().collect();
        let mut plans = Vec::new();
        for ((key, a), place) in of_a.into_iter().zip(shared) {
            let b = place.and_then(|place| of_b.get(place)).map(|(_, b)| b.clone());
            plans.push(PlanPair::of(key, Some(a), b)?);
        }
        for (_, (key, b)) in of_b.drain(..).enumerate().filter(|(place, _)| !taken.contains(place)) {
            plans.push(PlanPair::of(key, None, Some(b))?);
        }
        Ok(Self { plans, totals: totals.pairs()? })
    }

    /// The plans of which something differs, those of one session alone among them.
    pub fn differing(&self) -> impl Iterator<Item = &PlanPair> {
        self.plans.iter().filter(|pair| pair.differs)
    }
}

impl PlanPair {
    fn of(plan: PlanKey, a: Option<PlanOutcome>, b: Option<PlanOutcome>) -> Result<Self, Inexact> {
        let net = |outcome: &Option<PlanOutcome>| outcome.as_ref().map_or(Money::ZERO, |outcome| outcome.net_pnl);
        let net_difference = net(&b).minus(net(&a))?;
        // An id that is made of the session's differs always.
        let alike = a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| {
            let b = PlanOutcome { plan_id: a.plan_id.clone(), ..b.clone() };
            *a == b
        });
        Ok(Self { plan, differs: !alike, a, b, net_difference })
    }
}

impl Total {
    fn add(&mut self, plan: &PlanOutcome) -> Result<(), Inexact> {
        self.plans = self.plans.saturating_add(1);
        self.orders = self.orders.saturating_add(plan.orders);
        self.fills = self.fills.saturating_add(plan.fills);
        self.realized_pnl = self.realized_pnl.plus(plan.realized_pnl)?;
        self.net_pnl = self.net_pnl.plus(plan.net_pnl)?;
        for fee in &plan.fees {
            match self.fees.iter_mut().find(|known| known.asset == fee.asset) {
                Some(known) => known.amount = known.amount.plus(fee.amount)?,
                None => self.fees.push(fee.clone()),
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Totals(BTreeMap<Asset, (Total, Total)>);

impl Totals {
    fn of(&mut self, plan: &PlanOutcome) -> &mut (Total, Total) {
        self.0.entry(plan.symbol.quote().clone()).or_default()
    }

    fn pairs(self) -> Result<Vec<QuotePair>, Inexact> {
        let pair = |(quote, (mut a, mut b)): (Asset, (Total, Total))| {
            a.fees.sort_by(|one, other| one.asset.cmp(&other.asset));
            b.fees.sort_by(|one, other| one.asset.cmp(&other.asset));
            Ok(QuotePair { quote, net_difference: b.net_pnl.minus(a.net_pnl)?, a, b })
        };
        self.0.into_iter().map(pair).collect()
    }
}
