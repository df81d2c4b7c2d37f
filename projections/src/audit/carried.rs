//! How a plan is told that was open when another session ended: what this one took over of it.

use retrace_core::event::{Event, Fact, Input};

use super::sizes::how_much;
use super::words::{Naming, order_name, order_terms, role_name};
use crate::ledger::{Book, Order, Phase, Plan};

/// Whether an event begins a session that continues another.
pub(crate) const fn continues(event: &Event) -> bool {
    matches!(event.fact, Fact::Input(Input::SessionContinued(_)))
}

/// The plans that were carried over, in order of number. `book` is the book after the event that says so.
pub(crate) fn plans(book: &Book) -> impl Iterator<Item = &Plan> {
    book.ledger().plans()
}

/// What was carried over of a plan.
pub(crate) fn text(plan: &Plan, naming: Naming) -> String {
    let state = match &plan.phase {
        Phase::Standing if plan.opened_at.is_none() => ", no order yet",
        Phase::Standing => "",
        Phase::Closing(closing) if closing.gave_up => ", its close gave up",
        Phase::Closing(_) => ", closing",
        Phase::StoppedOut => ", stopped out",
        Phase::Reopened { .. } | Phase::Closed { .. } => ", ending again",
    };
    let stop = plan.exits.stop.map_or_else(|| "no stop".to_owned(), |stop| format!("stop {stop}"));
    let profit = plan.exits.take_profit.map_or_else(String::new, |level| format!(", take profit {level}"));
    let unsent = plan.groups.iter().filter_map(|group| group.unsent().ok()?.size().map(|unsent| (group.no, unsent)));
    let unsent: Vec<String> = unsent.map(|(no, unsent)| format!("{unsent} of group {no} unsent")).collect();
    let mut at_work: Vec<String> = plan.open_orders().map(|order| order_text(plan, order, naming)).collect();
    at_work.extend(unsent);
    let at_work = if at_work.is_empty() { "nothing at work".to_owned() } else { at_work.join("; ") };
    format!("carried over{state}: holds {} of {}, {stop}{profit}; {at_work}", plan.held(), plan.target.size)
}

fn order_text(plan: &Plan, order: &Order, naming: Naming) -> String {
    let name = match naming {
        Naming::ByNumber => format!("{} #{}", role_name(order.role), order.no),
        Naming::ByCause => {
            plan.group_of(order.no).map_or_else(|| role_name(order.role).to_owned(), |group| order_name(group, order))
        }
    };
    let (terms, side) = (order_terms(order.terms), order.side);
    let unknown = if order.is_unanswered() { ", its answer not known" } else { "" };
    let left = order.remaining().unwrap_or(order.quantity);
    format!("{name} {side} {} {terms}{unknown}", how_much(Some(order), left))
}
