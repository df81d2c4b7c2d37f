//! The ledger as a tree: plan, group, order, fill. Readable at a glance; ids and hashes shortened.

use anstyle::Style;
use retrace_core::amount::Money;
use retrace_core::event::Outcome;
use retrace_core::order::OrderStatus;
use retrace_projections::audit::{gap_reason_text, venue_reason_text};
use retrace_projections::ledger::is_protection;
use retrace_projections::view::{FillView, GroupView, OrderView, PlanView};
use rust_decimal::Decimal;

use crate::marks::Marked;

use super::columns::{self, Align, Piece};
use super::style::{ALARM, BAD, BOLD, DIM, GOOD, NOTICE, PLAIN, PROTECTION, painted};
use super::text::{average, counted, moment, money, short_id, shortened, signed_money, way};

/// A comment is cut to this many characters.
const COMMENT_WIDTH: usize = 96;

/// A line and what stands below it.
struct Node {
    text: String,
    children: Vec<Node>,
}

/// The tree of one plan, a line each, without a line end; its open position at `mark`, and how long something of it was
/// not covered, where it was.
pub(crate) fn plan_lines(plan: &PlanView, mark: Option<&Marked>, uncovered: Option<&str>) -> Vec<String> {
    let mut lines = vec![plan_head(plan)];
    let rail = if plan.groups.is_empty() { "   " } else { "│  " };
    let facts = [
        plan.comments.as_deref().map(comment),
        position(plan),
        Some(result(plan)),
        mark.map(unrealized),
        close(plan),
        gap(plan),
        uncovered.map(|text| painted(NOTICE, format!("protected with {text}"))),
    ];
    lines.extend(facts.into_iter().flatten().map(|fact| format!("{}{fact}", painted(DIM, rail))));
    let groups = plan.groups.iter().map(group_pieces).collect();
    let nodes = columns::lines(groups)
        .into_iter()
        .zip(&plan.groups)
        .map(|(text, group)| Node { text, children: quality(group).into_iter().chain(orders(group)).collect() });
    grow(nodes.collect(), "", &mut lines);
    lines
}

/// Draws `nodes` below one another, each with its own below it.
fn grow(nodes: Vec<Node>, indent: &str, lines: &mut Vec<String>) {
    let last = nodes.len().saturating_sub(1);
    for (place, node) in nodes.into_iter().enumerate() {
        let (branch, below) = if place == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lines.push(format!("{}{}", painted(DIM, format!("{indent}{branch}")), node.text));
        grow(node.children, &format!("{indent}{below}"), lines);
    }
}

fn plan_head(plan: &PlanView) -> String {
    let status = match plan.outcome {
        Some(Outcome::Closed) => painted(DIM, plan.status),
        Some(outcome) => painted(DIM, format!("{}, {outcome}", plan.status)),
        None => painted(GOOD, plan.status),
    };
    let name = painted(BOLD, short_id(plan.plan_id.as_str()));
    format!("{name}  {} {}  {status}", plan.asset_symbol, way(plan.direction))
}

fn comment(text: &str) -> String {
    painted(DIM, format!("\"{}\"", shortened(text, COMMENT_WIDTH)))
}

/// What is held and where it is protected; nothing for a plan that ended flat.
fn position(plan: &PlanView) -> Option<String> {
    if plan.outcome.is_some() && plan.held.is_flat() && plan.net_position.is_flat() {
        return None;
    }
    // A history tells of neither a target nor a stop: such a plan is open and has no stop, and is not called unprotected.
    let told = plan.unprotected || plan.outcome.is_some() || plan.stop_loss_price.is_some();
    let mut parts = vec![format!("position {}", plan.net_position)];
    if told {
        parts.push(format!("target {}", plan.target));
    }
    if plan.held != plan.net_position {
        parts.push(format!("held {}", plan.held));
    }
    if let Some(price) = plan.average_entry_price {
        parts.push(format!("entered at {}", average(price.value())));
    }
    if let Some(dust) = plan.dust.filter(|dust| !dust.is_flat()) {
        parts.push(format!("dust {dust}"));
    }
    if plan.outcome.is_none() && told {
        parts.push(plan.stop_loss_price.map_or_else(|| painted(NOTICE, "no stop"), |stop| format!("stop {stop}")));
        parts.extend(plan.take_profit_price.map(|price| format!("take profit {price}")));
    }
    Some(parts.join(", "))
}

fn result(plan: &PlanView) -> String {
    let fees: Vec<String> = plan.fees.iter().map(|fee| format!("{} {}", money(fee.amount), fee.asset)).collect();
    let fees = if fees.is_empty() { "0".to_owned() } else { fees.join(" + ") };
    let net = plan.net_pnl.value();
    let style = match net.cmp(&rust_decimal::Decimal::ZERO) {
        std::cmp::Ordering::Less => BAD,
        std::cmp::Ordering::Equal => PLAIN,
        std::cmp::Ordering::Greater => GOOD,
    };
    let net = painted(style, signed_money(plan.net_pnl));
    format!("realised {}, fees {fees}, net {net}", signed_money(plan.realized_pnl))
}

fn unrealized(mark: &Marked) -> String {
    let Marked { price, at, unrealized_pnl } = mark;
    format!("unrealised {} at {price} ({})", signed_money(*unrealized_pnl), moment(*at))
}

/// A close that was given up: what was to go is still there.
fn close(plan: &PlanView) -> Option<String> {
    let protected = if plan.stop_loss_price.is_some() { "protected by its stop" } else { "NOT PROTECTED" };
    let told = || painted(ALARM, format!("!! the close gave up: {} is still held, {protected}", plan.held));
    plan.close_gave_up().then(told)
}

fn gap(plan: &PlanView) -> Option<String> {
    let gap = plan.protection_gap.as_ref()?;
    Some(painted(ALARM, format!("!! {} not covered by a stop ({})", gap.quantity, gap_reason_text(gap.reason))))
}

fn group_pieces(group: &GroupView) -> Vec<Piece> {
    let algorithm = if group.slices > 1 {
        format!("{} {}/{}", group.algorithm, group.slices_due, group.slices)
    } else {
        group.algorithm.to_owned()
    };
    let status = if group.paused { format!("{}, paused", group.status) } else { group.status.to_owned() };
    let style = match group.status {
        "ACTIVE" | "PENDING" => GOOD,
        "STOPPED_OUT" | "INCOMPLETE" => BAD,
        _ => PLAIN,
    };
    vec![
        Piece::styled(BOLD, group.action.as_str()),
        Piece::styled(PLAIN, algorithm),
        Piece::styled(style, status),
        Piece::word(format!("{} of {}", group.filled_quantity, group.target_quantity)).aligned(Align::Right),
        Piece::styled(DIM, short_id(&group.group_id.to_string())),
    ]
}

/// What a group's execution came to against the price at which it was decided.
fn quality(group: &GroupView) -> Option<Node> {
    let arrival = group.arrival_price?;
    let slippage = cost("slippage", group.slippage, group.slippage_bps);
    // Where all of it was traded the two are one.
    let short = group.filled_quantity != group.target_quantity;
    let shortfall = cost("shortfall", group.shortfall, group.shortfall_bps).filter(|_| short);
    if slippage.is_none() && shortfall.is_none() {
        return None;
    }
    let average = group.average_price.map(|price| format!("average {}", average(price.value())));
    let mut parts: Vec<String> = average.into_iter().chain([format!("arrival {arrival}")]).collect();
    parts.extend(slippage.into_iter().chain(shortfall));
    Some(Node { text: painted(DIM, parts.join(", ")), children: Vec::new() })
}

fn cost(name: &str, cost: Option<Money>, bps: Option<Decimal>) -> Option<String> {
    let bps = bps.map_or(String::new(), |bps| format!(" ({bps} bps)"));
    cost.map(|cost| format!("{name} {}{bps}", money(cost)))
}

/// A group's orders as they came, what protects it behind what it trades.
fn orders(group: &GroupView) -> Vec<Node> {
    let (protecting, trading): (Vec<_>, Vec<_>) = group.orders.iter().partition(|order| is_protection(order.role));
    let orders: Vec<&OrderView> = trading.into_iter().chain(protecting).collect();
    let lines = columns::lines(orders.iter().map(|order| order_pieces(order)).collect());
    lines.into_iter().zip(orders).map(|(text, order)| Node { text, children: fills(order) }).collect()
}

fn order_pieces(order: &OrderView) -> Vec<Piece> {
    let price = order.stop_price.or(order.price).map_or(String::new(), |price| price.to_string());
    let kind = order.order_type.as_str();
    let kind = order.trail.map_or(kind.to_owned(), |trail| format!("{kind} by {trail}"));
    let mut status = order.status.as_str().to_owned();
    let partly = !order.filled_quantity.is_flat() && order.filled_quantity.value() != order.quantity.value();
    if partly {
        let whole = if order.size_free { String::new() } else { format!(" of {}", order.quantity) };
        status = format!("{status} {}{whole}", order.filled_quantity);
    }
    if let Some(reason) = order.reason {
        status = format!("{status}: {}", venue_reason_text(reason));
    }
    if let Some(missing) = order.missing_fill {
        status = format!("{status}, missing fill of {missing}");
    }
    vec![
        Piece::styled(if is_protection(order.role) { PROTECTION } else { PLAIN }, order.role.as_str()),
        Piece::styled(PLAIN, order.side.as_str()),
        Piece::decimal(size(order)),
        Piece::styled(PLAIN, kind),
        Piece::decimal(price),
        Piece::styled(status_style(order.status), status),
        Piece::styled(DIM, short_id(&order.order_id.to_string())),
    ]
}

/// How much an order is for: a stop without a size for all that is held, until it is known what it traded.
fn size(order: &OrderView) -> String {
    let traded = !order.status.is_working() && !order.filled_quantity.is_flat();
    if order.size_free && !traded { "all held".to_owned() } else { order.quantity.to_string() }
}

const fn status_style(status: OrderStatus) -> Style {
    match status {
        OrderStatus::Open | OrderStatus::PartiallyFilled => GOOD,
        OrderStatus::Canceled => DIM,
        OrderStatus::Rejected | OrderStatus::Expired => BAD,
        OrderStatus::Pending | OrderStatus::Filled => PLAIN,
    }
}

fn fills(order: &OrderView) -> Vec<Node> {
    let pieces = |fill: &FillView| {
        vec![
            Piece::styled(DIM, moment(fill.executed_at)),
            Piece::decimal(fill.quantity.to_string()),
            Piece::styled(DIM, "@"),
            Piece::decimal(fill.price.to_string()),
            Piece::styled(DIM, format!("fee {} {}{}", money(fill.fee), fill.fee_asset, marks(fill))),
        ]
    };
    let lines = columns::lines(order.fills.iter().map(pieces).collect());
    lines.into_iter().map(|text| Node { text, children: Vec::new() }).collect()
}

/// What a fill is marked with: put right, taken back.
fn marks(fill: &FillView) -> String {
    let corrected = fill.correction.map_or(String::new(), |correction| format!(", correction {correction}"));
    let busted = if fill.busted { ", BUSTED" } else { "" };
    format!("{corrected}{busted}")
}

/// What was taken on and has no order yet: `2 plans wait for their first order: A, B`.
pub(crate) fn waiting_line(plans: &[String]) -> Option<String> {
    if plans.is_empty() {
        return None;
    }
    let names: Vec<String> = plans.iter().map(|name| short_id(name)).collect();
    Some(painted(DIM, format!("{} without an order: {}", counted(plans.len() as u64, "plan"), names.join(", "))))
}
