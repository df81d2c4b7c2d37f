//! Stop limits: in some worlds what directives say of stops is said with a limit. Drawn apart from everything else, so
//! that the other dice stay as they are.

use std::collections::BTreeMap;

use retrace_core::directive::{Intent, Legs, ModifyPlans, StopChange, StopLevel, StrategyDirective};
use retrace_core::ids::PlanId;
use retrace_core::order::Side;

use crate::dice::{Dice, drawn, key_of};
use crate::script::{Mischief, Trick};
use crate::units::{price, ticks_of};

/// Whether the venue keeps to itself that a stop limit was set off.
pub(super) fn untold(seed: u64, mut mischief: Mischief) -> Mischief {
    let mut dice = Dice::new(key_of("set off") ^ seed);
    if mischief != Mischief::default() && dice.once_in(3) {
        mischief.set(Trick::SetOffUntold, dice.pick(&[200, 500, 1_000]));
    }
    mischief
}

/// Gives the stops of a world limits, in every other world.
pub(super) fn limit<'a>(seed: u64, said: impl Iterator<Item = &'a mut StrategyDirective>) {
    if !Dice::new(key_of("stop limits") ^ seed).once_in(2) {
        return;
    }
    let mut opened = BTreeMap::new();
    for directive in said {
        // A directive that is said again is given the same limits again.
        let key = key_of(directive.directive_id.as_str());
        match &mut directive.intent {
            Intent::NewTrade(new) => {
                let stop = new.stop.as_mut();
                limit_one(seed, key, new.plan_id.as_ref(), new.direction, stop);
                opened.extend(new.plan_id.clone().map(|id| (id, new.direction)));
            }
            Intent::Modify(modify) => limit_change(seed, key, &opened, modify),
            Intent::Batch(batch) => match &mut batch.legs {
                Legs::NewTrade(legs) => {
                    for trade in legs.iter_mut().map(|leg| &mut leg.trade) {
                        limit_one(seed, key, trade.plan_id.as_ref(), trade.direction, trade.stop.as_mut());
                        opened.extend(trade.plan_id.clone().map(|id| (id, trade.direction)));
                    }
                }
                Legs::Modify(legs) => {
                    for leg in legs {
                        limit_change(seed, key, &opened, &mut leg.trade);
                    }
                }
                Legs::Close(_) => {}
            },
            Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) => {}
        }
    }
}

fn limit_change(seed: u64, key: u64, opened: &BTreeMap<PlanId, Side>, modify: &mut ModifyPlans) {
    let plan = modify.plans.first();
    let Some(direction) = plan.and_then(|plan| opened.get(plan)).copied() else { return };
    if let Some(StopChange::To(level)) = &mut modify.stop {
        limit_one(seed, key, plan, direction, Some(level));
    }
}

/// Mostly as far from the level as everywhere else in its plan; seldom on the wrong side of it.
fn limit_one(seed: u64, key: u64, plan: Option<&PlanId>, direction: Side, stop: Option<&mut StopLevel>) {
    let (Some(plan), Some(stop)) = (plan.map(|plan| key_of(plan.as_str())), stop) else { return };
    let (StopLevel::At(at), false) = (*stop, drawn(&[seed, key, plan, 21]).is_multiple_of(4)) else { return };
    let mut dice = Dice::new(drawn(&[seed, plan, 22]));
    let usual = dice.pick(&[0, 0, 1, 3, 10, 40]);
    let mut own = Dice::new(drawn(&[seed, key, plan, 23]));
    let away = if own.once_in(15) { own.pick(&[-1, 0, 5, 20]) } else { usual };
    let sign = if direction == Side::Buy { 1 } else { -1 };
    if let Some(ticks) = ticks_of(at) {
        *stop = StopLevel::Limited { price: at, limit: price(ticks - sign * away) };
    }
}
