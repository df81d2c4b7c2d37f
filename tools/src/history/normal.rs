//! A history's rows as trades in the order in which they are booked, each with an id of its own.
//!
//! The order is that of accounting: by time, then by id. Where the history has no ids, the place of a trade among those of
//! its moment stands in front of the id that is made for it, so the order of the file is kept.

use std::collections::BTreeMap;
use std::path::Path;

use retrace_core::event::{FillReport, TradeImported, TradeOrigin};
use retrace_core::ids::{PositionKey, TradeId};
use retrace_core::instrument::Symbol;
use retrace_core::time::Timestamp;
use retrace_core::venue::Liquidity;

use super::map::{Opening, RowOrder, Rows, TradeMap};
use super::read::{Part, Parts, Row};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;

/// The rows as trades, in the order in which they are booked, opening positions among them.
///
/// # Errors
/// [`InputProblem`] where the rows are not ordered as the map says, an opening position comes too late, or one id stands
/// for two trades.
pub(super) fn trades(path: &Path, mut rows: Vec<Row>, map: &TradeMap) -> Result<Vec<TradeImported>, InputProblem> {
    // A round trip has two times: its rows have no order that could be wrong.
    let order = match map.rows {
        Rows::Priced(_) | Rows::Swapped(_) | Rows::Legs(_) => shown(map.order, &rows),
        Rows::RoundTrips(_) => RowOrder::Any,
    };
    in_order(path, &rows, order, map.time_column())?;
    if order == RowOrder::NewestFirst {
        rows.reverse();
    }
    rows.sort_by_key(|row| first_part(row).at);
    let mut trades = Vec::with_capacity(rows.len());
    let mut moment = Moment::default();
    for row in &rows {
        let id = match &row.id {
            Some(id) => id.clone(),
            None => moment.id(row).map_err(|_| InputProblem::new(path, Rule::NotAName).on_line(row.line))?,
        };
        match &row.parts {
            Parts::Trade(part) => trades.push(trade(row, part, id, row.position.clone())),
            Parts::RoundTrip(entry, exit) => {
                let named = |end: &str| {
                    let problem = |rule| InputProblem::new(path, rule).on_line(row.line).value(id.to_string());
                    TradeId::new(&format!("{id}-{end}")).map_err(|_| problem(Rule::NotAName))
                };
                let position = PositionKey::new(id.as_str()).ok();
                trades.push(trade(row, entry, named("in")?, position.clone()));
                trades.push(trade(row, exit, named("out")?, position));
            }
        }
    }
    trades.sort_by_cached_key(booking_order);
    let mut all = opening(&map.opening, &trades, map)?;
    all.extend(trades);
    // Openings come before every trade of their symbol, not before every trade.
    all.sort_by_cached_key(booking_order);
    one_body_an_id(path, map, &all)?;
    Ok(all)
}

/// As the ledger's accounting orders fills: ids that are plain numbers sort as numbers.
fn booking_order(trade: &TradeImported) -> (Timestamp, usize, TradeId) {
    let id = &trade.fill.trade_id;
    (trade.fill.executed_at, id.as_str().len(), id.clone())
}

const fn first_part(row: &Row) -> &Part {
    match &row.parts {
        Parts::Trade(part) | Parts::RoundTrip(part, _) => part,
    }
}

fn trade(row: &Row, part: &Part, trade_id: TradeId, position: Option<PositionKey>) -> TradeImported {
    TradeImported {
        symbol: row.symbol.clone(),
        side: part.side,
        position,
        venue_order: row.order.clone(),
        fill: FillReport {
            trade_id,
            price: part.price,
            quantity: part.quantity,
            fee: part.fee,
            fee_asset: part.fee_asset.clone(),
            liquidity: row.liquidity,
            executed_at: part.at,
        },
        origin: TradeOrigin::History,
        line: row.line,
    }
}

/// Makes ids for rows that have none: the place among the rows of its moment, and BLAKE3 of what it says.
#[derive(Default)]
struct Moment {
    at: Option<Timestamp>,
    place: u64,
}

impl Moment {
    fn id(&mut self, row: &Row) -> Result<TradeId, retrace_core::ids::IdError> {
        let at = Some(first_part(row).at);
        self.place = if self.at == at { self.place + 1 } else { 1 };
        self.at = at;
        let mut hasher = blake3::Hasher::new_derive_key("retrace 2026 id of a trade without one 1");
        let mut put = |text: String| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        put(row.symbol.to_string());
        put(row.order.as_ref().map_or_else(String::new, ToString::to_string));
        put(row.position.as_ref().map_or_else(String::new, ToString::to_string));
        let (first, second) = match &row.parts {
            Parts::Trade(part) => (part, None),
            Parts::RoundTrip(entry, exit) => (entry, Some(exit)),
        };
        for Part { at, side, price, quantity, fee, fee_asset } in std::iter::once(first).chain(second) {
            put(format!("{at} {side} {price} {quantity} {fee} {fee_asset}"));
        }
        let digits: String = hasher.finalize().to_hex().chars().take(16).collect();
        TradeId::new(&format!("{:06}-{digits}", self.place))
    }
}

/// The order that the rows themselves show where the map leaves it to them.
fn shown(order: RowOrder, rows: &[Row]) -> RowOrder {
    let times = || rows.iter().map(|row| first_part(row).at);
    match order {
        RowOrder::Either if times().is_sorted() => RowOrder::OldestFirst,
        RowOrder::Either if times().is_sorted_by(|a, b| a >= b) => RowOrder::NewestFirst,
        // Neither: refused as a file of its first two times' order.
        RowOrder::Either => {
            let falls = times().zip(times().skip(1)).find(|(a, b)| a != b).is_some_and(|(a, b)| a > b);
            if falls { RowOrder::NewestFirst } else { RowOrder::OldestFirst }
        }
        RowOrder::OldestFirst | RowOrder::NewestFirst | RowOrder::Any => order,
    }
}

/// Whether the rows stand in this order.
fn in_order(path: &Path, rows: &[Row], order: RowOrder, column: &str) -> Result<(), InputProblem> {
    for (before, row) in rows.iter().zip(rows.iter().skip(1)) {
        let (previous, at, line) = (first_part(before).at, first_part(row).at, before.line);
        let rule = match order {
            RowOrder::OldestFirst if at < previous => Rule::GoesBack { previous, line },
            RowOrder::NewestFirst if at > previous => Rule::GoesForward { previous, line },
            RowOrder::Either | RowOrder::OldestFirst | RowOrder::NewestFirst | RowOrder::Any => continue,
        };
        let problem = InputProblem::new(path, rule).on_line(row.line).field(column).value(at.to_string());
        return Err(problem.with_hint("`order: any` in the map has the rows sorted by time"));
    }
    Ok(())
}

/// What was held before, as trades that come before all others of their symbol.
fn opening(openings: &[Opening], trades: &[TradeImported], map: &TradeMap) -> Result<Vec<TradeImported>, InputProblem> {
    let mut all = Vec::with_capacity(openings.len());
    for (index, opening) in openings.iter().enumerate() {
        let Opening { symbol, side, quantity, price, at, position, line } = opening;
        let about = |rule, field: &str| {
            let problem = InputProblem::new(&map.file, rule).on_line(*line).field(format!("opening[{index}].{field}"));
            problem.value(if field == "at" { at.to_string() } else { symbol.to_string() })
        };
        if let Some(first) = trades.iter().find(|trade| trade.symbol == *symbol)
            && first.fill.executed_at <= *at
        {
            let (symbol, line) = (symbol.clone(), first.line);
            return Err(about(Rule::OpensTooLate { symbol, first: first.fill.executed_at, line }, "at"));
        }
        let trade_id = TradeId::new(&format!("opening-{}", index + 1)).map_err(|_| about(Rule::NotAName, "symbol"))?;
        all.push(TradeImported {
            symbol: symbol.clone(),
            side: *side,
            position: position.clone(),
            venue_order: None,
            fill: FillReport {
                trade_id,
                price: *price,
                quantity: *quantity,
                fee: retrace_core::amount::Money::ZERO,
                fee_asset: symbol.quote().clone(),
                liquidity: Liquidity::Unknown,
                executed_at: *at,
            },
            origin: TradeOrigin::Opening,
            line: *line,
        });
    }
    Ok(all)
}

/// A trade id that stands for two trades is refused; the same trade again is not.
fn one_body_an_id(path: &Path, map: &TradeMap, trades: &[TradeImported]) -> Result<(), InputProblem> {
    let mut seen: BTreeMap<(&Symbol, &TradeId), &TradeImported> = BTreeMap::new();
    for trade in trades {
        let Some(first) = seen.insert((&trade.symbol, &trade.fill.trade_id), trade) else { continue };
        let Some(difference) = first_difference(first, trade) else { continue };
        let (first, again) = if first.line < trade.line { (first, trade) } else { (trade, first) };
        let file = if again.origin == TradeOrigin::Opening { map.file.as_path() } else { path };
        let line = u32::try_from(first.line).unwrap_or(u32::MAX);
        let problem =
            InputProblem::new(file, Rule::ReusedId { line, difference: difference.to_owned() }).on_line(again.line);
        let field = map.common.trade_id.as_deref().unwrap_or("trade_id");
        let problem = problem.field(field).value(again.fill.trade_id.to_string());
        return Err(problem.with_hint("a trade id stands for one trade of a symbol: map the column that is different in every row, or leave `trade_id` out of the map"));
    }
    Ok(())
}

/// The first of the fields that move the ledger in which two trades of one id differ.
fn first_difference(one: &TradeImported, other: &TradeImported) -> Option<&'static str> {
    let (a, b) = (&one.fill, &other.fill);
    let fields = [
        ("side", one.side == other.side),
        ("position", one.position == other.position),
        ("order_id", one.venue_order == other.venue_order),
        ("price", a.price == b.price),
        ("quantity", a.quantity == b.quantity),
        ("fee", a.fee == b.fee),
        ("fee_asset", a.fee_asset == b.fee_asset),
        ("origin", one.origin == other.origin),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
}
