//! The `StrategyLedger` as a projection: every plan with its groups, orders and fills, then what was refused.

use std::convert::Infallible;

use retrace_core::manifest::Identity;

use crate::audit::order_name;
use crate::audit::refusals::refusal_words;
use crate::audit::words::Naming;
use crate::ledger::{Fill, Ledger, Order, Plan, Refused, is_protection};
use crate::projection::{Ended, Projection, Recorded, Section, View};
use crate::view::{GroupView, OrderView, batch_view, plan_view};

use super::batches::batch_section;

/// What `replay --json` shows of plans and refusals, in canonical form. Orders are named by their cause (`entry 2.7`);
/// ids, event numbers and the venue's own ids are left out: they follow from the cause, or from what others did.
#[derive(Clone, Copy, Debug)]
pub struct StrategyLedgerView;

impl Projection for StrategyLedgerView {
    const NAME: &'static str = "strategy_ledger";
    const VERSION: u32 = 1;
    const FIELDS: &'static [&'static str] = &[
        "strategy_instance_id",
        "asset_symbol",
        "status",
        "outcome",
        "direction",
        "comments",
        "target",
        "net_position",
        "held",
        "average_entry_price",
        "realized_pnl",
        "fees",
        "net_pnl",
        "stop_loss_price",
        "take_profit_price",
        "unprotected",
        "dust",
        "protection_gap",
        "algorithm",
        "target_quantity",
        "filled_quantity",
        "missing_fill",
        "slices",
        "slices_due",
        "paused",
        "side",
        "type",
        "quantity",
        "visible_quantity",
        "good_till",
        "size_free",
        "price",
        "stop_price",
        "trail",
        "reason",
        "fee",
        "fee_asset",
        "executed_at",
        "late",
        "overfill",
        "correction",
        "busted",
        "at",
        "since",
        "plan_id",
        "code",
        "text",
        "events",
        "since",
        "execution_mode",
        "rollback_on_failure",
        "started_at",
        "deadline",
        "failed_by",
        "ended_at",
        "result",
        "end",
        "begun_at",
        "target_before",
        "stop_before",
        "take_profit_before",
    ];
    type Error = Infallible;

    fn begin(_: &Identity) -> Self {
        Self
    }

    /// The ledger is folded already, by the one `apply`: there is nothing to keep beside it.
    fn fold(&mut self, _: &Recorded<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn view(&self, ended: &Ended<'_>) -> Result<View, Infallible> {
        let ledger = ended.book.ledger();
        let mut view = View::new();
        view.push(Section::new("strategy").below("strategy_instance_id", ledger.instance()));
        for plan in ended.book.plans() {
            view.push(plan_section(ledger, plan, ended));
        }
        for batch in ledger.batches() {
            view.push(batch_section(&batch_view(batch)));
        }
        for refused in ledger.refusals() {
            view.push(refusal_section(refused));
        }
        if let Some(switch) = ledger.kill_switch() {
            let section = Section::new("kill switch").below("since", switch.since);
            view.push(section.below_some("reason", switch.reason.as_ref()));
        }
        let counts = ledger.counts();
        for (what, events) in [
            ("events of unknown kinds", counts.unknown),
            ("reports on orders that are not ours", counts.foreign),
            ("fills reported again", counts.repeated_fills),
            ("fills in conflict with one booked before", counts.conflicting_fills),
        ] {
            if events > 0 {
                view.push(Section::new(what).beside("events", events));
            }
        }
        Ok(view)
    }
}

fn plan_section(ledger: &Ledger, plan: &Plan, ended: &Ended<'_>) -> Section {
    let view = plan_view(ledger, plan, &|reference| ended.text(reference));
    let mut section = Section::new(format!("plan {}", view.plan_id))
        .below("asset_symbol", &view.asset_symbol)
        .below("direction", view.direction)
        .below("status", view.status)
        .below_some("outcome", view.outcome)
        .below_some("comments", view.comments)
        .below("target", view.target)
        .below("net_position", view.net_position);
    if view.held != view.net_position {
        section = section.below("held", view.held);
    }
    section = section
        .below_some("average_entry_price", view.average_entry_price)
        .below("realized_pnl", view.realized_pnl)
        .below("fees", super::fees_text(&plan.accounting.totals().fees))
        .below("net_pnl", view.net_pnl)
        .below_some("stop_loss_price", view.stop_loss_price)
        .below_some("take_profit_price", view.take_profit_price)
        .below_some("unprotected", view.unprotected.then_some("true"))
        .below_some("dust", view.dust.filter(|dust| !dust.is_flat()))
        .below_some("protection_gap", view.protection_gap.map(|gap| format!("{} ({})", gap.quantity, gap.reason)));
    // The view has the same groups and orders in the same order; the plan knows what they are named by.
    for (shown, group) in view.groups.iter().zip(&plan.groups) {
        let orders = shown.orders.iter().zip(group.orders.in_order());
        // What protects stands behind what trades, wherever it was first needed.
        let (protecting, trading): (Vec<_>, Vec<_>) = orders.partition(|(_, order)| is_protection(order.role));
        let orders = trading.into_iter().chain(protecting);
        let orders = orders.map(|(shown, order)| order_section(shown, order, &order_name(group, order)));
        section = section.inner(group_section(group.no.0, shown).inner_all(orders));
    }
    section
}

fn group_section(no: u32, group: &GroupView) -> Section {
    let section = Section::new(format!("group {no} {}", group.action))
        .beside("algorithm", group.algorithm)
        .beside("status", group.status)
        .beside_some("paused", group.paused.then_some("true"))
        .beside("target_quantity", group.target_quantity)
        .beside("filled_quantity", group.filled_quantity);
    if group.slices > 1 {
        section.beside("slices", group.slices).beside("slices_due", group.slices_due)
    } else {
        section
    }
}

fn order_section(view: &OrderView, order: &Order, name: &str) -> Section {
    Section::new(format!("order {name}"))
        .beside("side", view.side)
        .beside("type", view.order_type)
        .beside("quantity", view.quantity)
        .beside_some("visible_quantity", view.visible_quantity)
        .beside_some("good_till", view.good_till)
        .beside_some("size_free", view.size_free.then_some("true"))
        .beside_some("price", view.price)
        .beside_some("stop_price", view.stop_price)
        .beside_some("trail", view.trail)
        .beside("status", view.status)
        .beside("filled_quantity", view.filled_quantity)
        .beside_some("missing_fill", view.missing_fill)
        .beside_some("reason", view.reason)
        .inner_all(order.fills.iter().map(fill_section))
}

fn fill_section(fill: &Fill) -> Section {
    Section::new("fill")
        .beside("executed_at", fill.executed_at)
        .beside("quantity", fill.quantity)
        .beside("price", fill.price)
        .beside("fee", fill.fee)
        .beside("fee_asset", &fill.fee_asset)
        .beside_some("late", fill.late.then_some("true"))
        .beside_some("overfill", fill.overfill.then_some("true"))
        .beside_some("correction", Some(fill.revision).filter(|revision| *revision > 0))
        .beside_some("busted", fill.busted.then_some("true"))
}

fn refusal_section(refused: &Refused) -> Section {
    Section::new(format!("refused {}", refused.directive))
        .beside("at", refused.at)
        .beside_some("plan_id", refused.plan_id.as_ref())
        .beside("code", refused.refusal.code())
        .beside("text", refusal_words(&refused.refusal, Naming::ByCause))
}
