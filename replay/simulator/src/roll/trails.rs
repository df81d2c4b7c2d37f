//! Trailing stops: some plans of a world have stops that follow the price. Drawn apart from everything else, so that the
//! other dice stay as they are.

use retrace_core::directive::{Intent, Legs, ModifyPlans, StopChange, StopLevel, StrategyDirective};
use retrace_core::ids::PlanId;
use retrace_core::stop::Trail;
use rust_decimal::Decimal;

use crate::dice::{Dice, drawn, key_of};

/// Lets stops of a world trail, in every other world; where the venue moves none, seldom, to be refused.
pub(super) fn trail<'a>(seed: u64, moved: bool, said: impl Iterator<Item = &'a mut StrategyDirective>) {
    if !Dice::new(key_of("trailing stops") ^ seed).once_in(if moved { 2 } else { 12 }) {
        return;
    }
    for directive in said {
        let key = key_of(directive.directive_id.as_str());
        match &mut directive.intent {
            Intent::NewTrade(new) => trail_one(seed, key, new.plan_id.as_ref(), new.stop.as_mut()),
            Intent::Modify(modify) => trail_change(seed, key, modify),
            Intent::Batch(batch) => match &mut batch.legs {
                Legs::NewTrade(legs) => {
                    for trade in legs.iter_mut().map(|leg| &mut leg.trade) {
                        trail_one(seed, key, trade.plan_id.as_ref(), trade.stop.as_mut());
                    }
                }
                Legs::Modify(legs) => legs.iter_mut().for_each(|leg| trail_change(seed, key, &mut leg.trade)),
                Legs::Close(_) => {}
            },
            Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) => {}
        }
    }
}

fn trail_change(seed: u64, key: u64, modify: &mut ModifyPlans) {
    if let Some(StopChange::To(level)) = &mut modify.stop {
        trail_one(seed, key, modify.plans.first(), Some(level));
    }
}

/// Mostly as everywhere else in its plan: every stop of it trails by the same, or none does.
fn trail_one(seed: u64, key: u64, plan: Option<&PlanId>, stop: Option<&mut StopLevel>) {
    let (Some(plan), Some(stop)) = (plan.map(|plan| key_of(plan.as_str())), stop) else { return };
    let mut own = Dice::new(drawn(&[seed, key, plan, 31]));
    let other = own.once_in(12);
    if drawn(&[seed, plan, 32]).is_multiple_of(2) == other {
        return;
    }
    let usual = Dice::new(drawn(&[seed, plan, 33]));
    let mut dice = if own.once_in(15) { own } else { usual };
    *stop = StopLevel::Trailing(if dice.once_in(3) {
        Trail::Fraction(Decimal::new(dice.between(2, 60), 3))
    } else {
        Trail::Distance(Decimal::new(dice.between(1, 60), 1))
    });
}
