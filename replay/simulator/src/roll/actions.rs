//! Directives that order something of groups: of one that a directive opened, or by a group's id, right and wrong.

use retrace_core::directive::{
    CancelAll, CancelReach, GroupDirective, GroupOrder, GroupRef, Intent, OrderChange, StrategyDirective,
};
use retrace_core::ids::{DirectiveId, GroupNo, PlanId, SessionUid, derive_group_id};

use super::{directive, lots};
use crate::dice::Dice;
use crate::units::{price, quantity};

/// Something ordered of groups of `plans`, around a price in ticks.
pub(super) fn action(
    dice: &mut Dice,
    plans: Vec<PlanId>,
    around: i64,
    given: &[(i64, StrategyDirective)],
    session: SessionUid,
) -> Intent {
    if dice.once_in(4) {
        let reach = dice.pick(&[CancelReach::Orders, CancelReach::Orders, CancelReach::Protection, CancelReach::Plan]);
        return Intent::CancelAll(CancelAll { plans, reach });
    }
    let opened = opener(dice, &plans, given);
    let target = match plans.as_slice() {
        [only] if dice.once_in(3) => {
            let group = GroupNo(u32::try_from(dice.between(1, 3)).unwrap_or(1));
            GroupRef::Group(derive_group_id(session, &opened, only, group))
        }
        _ => GroupRef::Directive(opened),
    };
    let order = match dice.between(0, 5) {
        0 => GroupOrder::Cancel,
        1 => GroupOrder::Pause,
        2 => GroupOrder::Resume,
        _ => {
            let limit_price = dice.once_in(2).then(|| price((around + dice.between(-8, 8)).max(1)));
            let given = limit_price.is_none() || dice.once_in(3);
            GroupOrder::ModifyOrders(OrderChange { limit_price, quantity: given.then(|| quantity(lots(dice))) })
        }
    };
    Intent::Group(GroupDirective { plans, target, order })
}

/// Mostly the newest directive that could open a group there.
fn opener(dice: &mut Dice, plans: &[PlanId], given: &[(i64, StrategyDirective)]) -> DirectiveId {
    let opens = |said: &StrategyDirective| match &said.intent {
        Intent::NewTrade(new) => new.plan_id.as_ref().is_some_and(|plan| plans.contains(plan)),
        Intent::Modify(modify) => modify.target.is_some() && modify.plans.iter().any(|plan| plans.contains(plan)),
        Intent::Close(_) | Intent::Group(_) | Intent::CancelAll(_) | Intent::Batch(_) => false,
    };
    let openers: Vec<&DirectiveId> =
        given.iter().filter(|(_, said)| opens(said)).map(|(_, said)| &said.directive_id).collect();
    let last = openers.len().saturating_sub(1);
    let back = usize::try_from(dice.pick(&[0, 0, 0, 1, 2])).unwrap_or(0);
    let found = openers.get(last.saturating_sub(back)).copied().cloned();
    found.unwrap_or_else(|| {
        directive("STR_0", Intent::CancelAll(CancelAll { plans: Vec::new(), reach: CancelReach::Orders })).directive_id
    })
}

/// The same id with another body.
pub(super) fn other_group_order(group: &mut GroupDirective) {
    group.order = match group.order {
        GroupOrder::Cancel => GroupOrder::Pause,
        GroupOrder::Pause | GroupOrder::Resume | GroupOrder::ModifyOrders(_) => GroupOrder::Cancel,
    };
}

/// The same id with another body.
pub(super) const fn other_reach(cancel: &mut CancelAll) {
    cancel.reach = match cancel.reach {
        CancelReach::Orders => CancelReach::Plan,
        CancelReach::Protection | CancelReach::Plan => CancelReach::Orders,
    };
}
