//! The model report for people: each plan's orders with what happened and what the model gives side by side, then how far
//! the two lie apart.

use std::cmp::Ordering;
use std::io::Write;

use retrace_core::ids::SessionName;
use retrace_core::venue::VenueSettings;
use retrace_replay::rerun::{Figures, ModelReport, OrderRow, PlanRow, Sides, Spread, Totals};
use rust_decimal::Decimal;

use super::columns::{Align, Piece, Table};
use super::style::{BAD, BOLD, DIM, GOOD, NOTICE, PLAIN, painted};
use super::text::{average, counted, short_id, signed_money};
use crate::error::CliError;

/// Where a side has no such figure.
const NOTHING: &str = "-";

/// Writes the report of a session below its name.
///
/// # Errors
/// [`CliError::Output`] if `page` cannot be written to.
pub(crate) fn print(
    session: &SessionName,
    model: &VenueSettings,
    report: &ModelReport,
    page: &mut dyn Write,
) -> Result<(), CliError> {
    let VenueSettings { slippage_bps, latency, maker_fee, taker_fee, .. } = model;
    let model = format!(
        "model: slippage {slippage_bps} bps, latency {latency}, fees {maker_fee} maker and {taker_fee} taker; nothing is recorded"
    );
    writeln!(page, "{}  {}", painted(BOLD, session), counts(&report.total))?;
    writeln!(page, "{}", painted(DIM, model))?;
    let mut rest = report.orders.as_slice();
    for plan in &report.plans {
        let orders = rest.iter().take_while(|row| row.plan_id == plan.plan_id).count();
        let (of_plan, others) = rest.split_at_checked(orders).unwrap_or((rest, &[]));
        rest = others;
        writeln!(page, "\n{}  {}{}", painted(BOLD, short_id(plan.plan_id.as_str())), counts(&plan.totals), net(plan))?;
        for line in table(of_plan) {
            writeln!(page, "  {line}")?;
        }
    }
    writeln!(page, "\n{}", painted(BOLD, "recorded less model"))?;
    for line in spreads(report) {
        writeln!(page, "  {line}")?;
    }
    Ok(())
}

fn counts(totals: &Totals) -> String {
    let Totals { orders_in_both, only_recorded, only_simulated, .. } = totals;
    let mut words = format!("{} in both", counted(*orders_in_both, "order"));
    for (count, where_else) in [(only_recorded, "only recorded"), (only_simulated, "only in the model")] {
        if *count > 0 {
            words.push_str(", ");
            words.push_str(&painted(NOTICE, format!("{count} {where_else}")));
        }
    }
    words
}

fn net(plan: &PlanRow) -> String {
    let Sides { recorded, simulated } = plan.net_pnl;
    let shown = |amount: Option<_>| amount.map_or_else(|| NOTHING.to_owned(), signed_money);
    format!("; net {}, model {}", shown(recorded), shown(simulated))
}

fn table(orders: &[OrderRow]) -> Vec<String> {
    let mut table = Table::new(&[
        ("order", Align::Left),
        ("side", Align::Left),
        ("type", Align::Left),
        ("asked", Align::Point),
        ("filled", Align::Point),
        ("model", Align::Point),
        ("price", Align::Point),
        ("model", Align::Point),
        ("slippage bps", Align::Point),
        ("model", Align::Point),
        ("", Align::Point),
        ("first fill s", Align::Point),
        ("model", Align::Point),
    ]);
    for row in orders {
        let OrderRow { group, role, slice, attempt, side, order_type, recorded, simulated, difference, .. } = row;
        let again = if *attempt > 0 { format!(" try {}", attempt.saturating_add(1)) } else { String::new() };
        let sides = [recorded.as_ref(), simulated.as_ref()];
        let both = |figure: fn(&Figures) -> Option<String>| {
            sides.map(|side| Piece::decimal(side.and_then(figure).unwrap_or_else(|| NOTHING.to_owned())))
        };
        let asked = sides.into_iter().flatten().next().map(|figures| figures.quantity.to_string());
        let [filled, filled_model] = both(|figures| Some(figures.filled.to_string()));
        let [price, price_model] = both(|figures| figures.average_price.map(|price| average(price.value())));
        let [slippage, slippage_model] = both(|figures| figures.slippage_bps.map(text));
        let [first, first_model] = both(|figures| figures.first_fill_seconds.map(text));
        let apart = difference.as_ref().and_then(|difference| difference.slippage_bps);
        table.row(vec![
            Piece::word(format!("{group} {role} {slice}{again}")),
            Piece::word(side.as_str()),
            Piece::word(order_type.as_str()),
            Piece::decimal(asked.unwrap_or_default()),
            filled,
            filled_model,
            price,
            price_model,
            slippage,
            slippage_model,
            apart.map_or_else(|| Piece::word(""), cost),
            first,
            first_model,
        ]);
    }
    table.lines()
}

fn spreads(report: &ModelReport) -> Vec<String> {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("", Align::Left),
        ("orders", Align::Right),
        ("median", Align::Point),
        ("worst", Align::Point),
    ]);
    let one_plan = report.plans.len() == 1;
    let plans = report.plans.iter().filter(|_| !one_plan);
    let named = plans.map(|plan| (short_id(plan.plan_id.as_str()), &plan.totals));
    for (name, totals) in named.chain([("all".to_owned(), &report.total)]) {
        let Totals { fill_rate, slippage_bps, first_fill_seconds, last_fill_seconds, .. } = totals;
        let figures = [
            ("slippage bps", slippage_bps),
            ("fill rate", fill_rate),
            ("first fill s", first_fill_seconds),
            ("last fill s", last_fill_seconds),
        ];
        for (place, (figure, Spread { compared, median, worst })) in figures.into_iter().enumerate() {
            let decimal = |value: &Option<Decimal>| value.map_or_else(|| Piece::decimal(NOTHING), signed);
            table.row(vec![
                Piece::styled(BOLD, if place == 0 { name.as_str() } else { "" }),
                Piece::word(figure),
                Piece::word(compared.to_string()).aligned(Align::Right),
                decimal(median),
                decimal(worst),
            ]);
        }
    }
    table.lines()
}

fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

fn with_sign(value: Decimal) -> String {
    if value > Decimal::ZERO { format!("+{}", text(value)) } else { text(value) }
}

fn signed(value: Decimal) -> Piece {
    Piece::decimal(with_sign(value))
}

/// A cost that the model does not have, or one that it has and that was not there.
fn cost(value: Decimal) -> Piece {
    let style = match value.cmp(&Decimal::ZERO) {
        Ordering::Greater => BAD,
        Ordering::Less => GOOD,
        Ordering::Equal => PLAIN,
    };
    signed(value).in_style(style)
}
