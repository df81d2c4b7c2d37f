//! What a venue says of trades that do not stand, of where an order stands, and of the connection, as a line.

use retrace_core::amount::Position;
use retrace_core::event::{Event, FillReport, Report, ReportKind};
use retrace_core::order::OrderStatus;

use super::sizes::filled_of;
use super::words::{Naming, name, order_name, order_of, plan_of, role_name};
use crate::ledger::{Book, Fill, Plan};

pub(super) const fn connection_text(connected: bool) -> &'static str {
    if connected { "connection to the venue begins" } else { "CONNECTION LOST: nothing is asked until it is back" }
}

/// A report as a line. `name` is its order's.
pub(super) fn text(event: &Event, report: &Report, book: &Book, naming: Naming, name: &str) -> String {
    let order = order_of(event, book);
    let position = plan_of(event, book).map_or(Position::FLAT, Plan::traded);
    match &report.what {
        ReportKind::Busted { trade_id } => match order.and_then(|order| order.fill_of(trade_id)) {
            Some(fill) => format!("{name}: BUSTED: {}; position {position}", fill_text(fill)),
            None => match naming {
                Naming::ByNumber => format!("{name}: BUSTED: trade {trade_id}, which is still to be told"),
                Naming::ByCause => format!("{name}: BUSTED: a trade that is still to be told"),
            },
        },
        ReportKind::Corrected { revision, fill } => {
            if let Some(text) = of_another_order(event, fill, book, naming) {
                return text;
            }
            let known = order.and_then(|order| order.fill_of(&fill.trade_id));
            let told = format!("{} @ {}, fee {} {}", fill.quantity, fill.price, fill.fee, fill.fee_asset);
            match known {
                Some(known) if known.revision > *revision => {
                    format!("{name}: correction {revision} to {told} again; correction {} stands", known.revision)
                }
                Some(known) if !known.says(fill) => {
                    format!("{name}: CONFLICT: correction {revision} is now said to be {told}; the first one stays")
                }
                Some(known) if known.busted => format!("{name}: correction {revision} to {told}, of a busted trade"),
                Some(_) | None => format!("{name}: CORRECTED: now {told} (correction {revision}); position {position}"),
            }
        }
        ReportKind::Stands { status, quantity, filled, .. } => {
            let told = filled_of(order, *status, *quantity, *filled);
            let missing = order.map_or(Position::FLAT, crate::ledger::Order::missing_fill);
            let missing = if missing.is_flat() { String::new() } else { format!("; MISSING FILL of {missing}") };
            format!("{name} stands {status} at the venue{told}{missing}")
        }
        ReportKind::NotFound => {
            let lost = order.is_some_and(|order| order.status == OrderStatus::Rejected);
            let so = if lost { ": the request never arrived" } else { "" };
            format!("{name} is not known to the venue{so}")
        }
        ReportKind::Accepted { .. }
        | ReportKind::Rejected { .. }
        | ReportKind::Filled(_)
        | ReportKind::Amended { .. }
        | ReportKind::AmendRejected { .. }
        | ReportKind::Canceled
        | ReportKind::CancelRejected { .. }
        | ReportKind::Expired { .. }
        | ReportKind::Triggered => String::new(),
    }
}

/// A fill told for another order than the one that it is booked for: a conflict, which changes nothing.
pub(super) fn of_another_order(event: &Event, told: &FillReport, book: &Book, naming: Naming) -> Option<String> {
    let symbol = plan_of(event, book)?.symbol();
    let side = order_of(event, book)?.side;
    let no = book.ledger().order_of_trade(symbol, side, &told.trade_id).filter(|no| Some(*no) != event.order)?;
    let plan = book.plan(book.ledger().plan_of(no)?)?;
    let (group, order) = plan.group_of(no).zip(plan.order(no))?;
    let (quantity, price) = (told.quantity, told.price);
    let here = name(event, book, naming);
    let (booked, trade) = match naming {
        Naming::ByNumber => (format!("{} #{no}", role_name(order.role)), format!("trade {}", told.trade_id)),
        Naming::ByCause => (order_name(group, order), "a trade".to_owned()),
    };
    Some(format!("{here}: CONFLICT: {trade} of {quantity} @ {price} is booked as a fill of {booked}; it stays there"))
}

fn fill_text(fill: &Fill) -> String {
    format!("the fill of {} @ {}", fill.quantity, fill.price)
}
