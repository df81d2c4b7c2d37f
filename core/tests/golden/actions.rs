//! Samples of what directives order of groups, and of what follows. Frozen, as all samples are.

use retrace_core::directive::{CancelAll, CancelReach, GroupDirective, GroupOrder, GroupRef, Intent, OrderChange};
use retrace_core::event::{Decision, GroupEnd, GroupRefusal, Idle, Input, Refusal};
use retrace_core::ids::GroupNo;

use super::samples::{directive, money, plan, position, price, quantity, received};

pub(crate) fn inputs() -> Vec<(&'static str, Input)> {
    let of_directive = || GroupRef::Directive(directive());
    let of_group = || GroupRef::Group("EXG_0123456789abcdef0123456789abcdef".parse().unwrap());
    let group = |target, order| received(Intent::Group(GroupDirective { plans: vec![plan("TPL_A")], target, order }));
    let modify = |limit_price, quantity| GroupOrder::ModifyOrders(OrderChange { limit_price, quantity });
    let all = |reach| received(Intent::CancelAll(CancelAll { plans: vec![plan("TPL_A"), plan("TPL_B")], reach }));
    vec![
        ("cancel-group", group(of_directive(), GroupOrder::Cancel)),
        ("modify-orders", group(of_group(), modify(Some(price("38000.5")), Some(quantity("0.5"))))),
        ("modify-orders-price", group(of_group(), modify(Some(price("38000.5")), None))),
        ("pause-group", group(of_group(), GroupOrder::Pause)),
        ("resume-group", group(of_directive(), GroupOrder::Resume)),
        ("cancel-all", all(CancelReach::Orders)),
        ("cancel-all-close", all(CancelReach::Plan)),
    ]
}

pub(crate) fn decisions() -> Vec<(&'static str, Decision)> {
    let group = || "EXG_0123456789abcdef0123456789abcdef".parse().unwrap();
    let refused = |refusal| Decision::DirectiveRefused {
        directive: directive(),
        plan_id: Some(plan("TPL_A")),
        refusal: Refusal::Group(refusal),
    };
    vec![
        ("unknown-group", refused(GroupRefusal::UnknownGroup)),
        ("group-already-ended", refused(GroupRefusal::GroupEnded { group: group(), end: GroupEnd::Filled })),
        ("no-open-order", refused(GroupRefusal::NoOpenOrder { group: group() })),
        ("no-limit-price", refused(GroupRefusal::NoLimitPrice { group: group() })),
        (
            "limit-beyond-exit",
            refused(GroupRefusal::LimitBeyondExit {
                limit_price: price("36900"),
                field: "stop_loss_price".to_owned(),
                level: price("37000"),
            }),
        ),
        (
            "not-above-filled",
            refused(GroupRefusal::NotAboveFilled { quantity: quantity("0.5"), filled: position("0.6") }),
        ),
        (
            "order-below-min-notional",
            refused(GroupRefusal::OrderBelowMinNotional {
                quantity: quantity("0.0001"),
                price: price("38000"),
                minimum: money("10"),
            }),
        ),
        ("would-cross-zero", refused(GroupRefusal::WouldCrossZero { leaving: position("2"), held: position("1.5") })),
        ("order-unanswered", refused(GroupRefusal::OrderUnanswered { orders: 2 })),
        ("not-connected", refused(GroupRefusal::NotConnected)),
        ("one-price-for-layers", refused(GroupRefusal::OnePriceForLayers { group: group() })),
        (
            "already-so",
            Decision::NothingToDo {
                directive: directive(),
                plan_id: plan("TPL_A"),
                reason: Idle::AlreadySo,
                target: position("6"),
                committed: position("2"),
            },
        ),
        ("group-cancelled", Decision::GroupCancelled { directive: directive(), group: GroupNo(2) }),
        ("all-cancelled", Decision::AllCancelled { directive: directive(), reach: CancelReach::Protection }),
        (
            "orders-modified",
            Decision::OrdersModified {
                directive: directive(),
                group: GroupNo(2),
                limit_price: Some(price("38000.5")),
                added: position("-0.5"),
                target: position("9.5"),
            },
        ),
        ("group-paused", Decision::GroupPaused { directive: directive(), group: GroupNo(2) }),
        ("group-resumed", Decision::GroupResumed { directive: directive(), group: GroupNo(2) }),
    ]
}
