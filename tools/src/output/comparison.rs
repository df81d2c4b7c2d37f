//! Two sessions side by side, for people: the verdict, where they part, and what it came to.

use std::io::Write;

use retrace_core::amount::{Money, Position};
use retrace_projections::view::PlanView;
use retrace_replay::compare::{
    Compared, Comparison, Divergence, FieldDifference, Line, Mode, Parting, PlanOutcome, PlanPair, QuotePair,
    StepCounts, Total, Turn,
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::columns::{Align, Piece, Table, lines};
use super::style::{BAD, BOLD, DIM, GOOD, INTENT, NOTICE, PLAIN, painted};
use super::text::{average, counted, moment, money, printable, short_id, shortened, signed_money};
use crate::error::CliError;

/// How many causes of each side are shown; `--json` has more.
const CAUSES_SHOWN: usize = 4;

/// How long a value may be.
const VALUE_MAX: usize = 60;

/// Writes a comparison.
///
/// # Errors
/// [`CliError::Output`] if `page` cannot be written to.
pub(crate) fn print(comparison: &Comparison, page: &mut dyn Write) -> Result<(), CliError> {
    let Comparison { mode, equal, a, b, identity, steps, first_divergence, .. } = comparison;
    let (word, style) = if *equal { ("equal", GOOD) } else { ("different", BAD) };
    let names = format!("A {}  B {}", painted(BOLD, printable(&a.session)), painted(BOLD, printable(&b.session)));
    writeln!(page, "{names}  {}: {}", painted(style, word), verdict(*mode, first_divergence.as_ref()))?;
    for line in lines(vec![about("A", a), about("B", b)]) {
        writeln!(page, "{line}")?;
    }
    if !identity.is_empty() {
        let fields: Vec<String> = identity.iter().map(changed).collect();
        writeln!(page, "{}", painted(DIM, format!("identities differ in {}", fields.join(", "))))?;
    }
    if let Some(divergence) = first_divergence {
        writeln!(page)?;
        print_divergence(divergence, page)?;
    }
    if let Some(counts) = steps {
        print_steps(comparison, *counts, page)?;
    }
    writeln!(page)?;
    print_consequences(comparison, page)
}

fn verdict(mode: Mode, divergence: Option<&Divergence>) -> String {
    let Some(divergence) = divergence else {
        return match mode {
            Mode::Strict => "every decision is the same",
            Mode::Intent => "the same was wanted",
            Mode::Outcome => "the same came of every plan",
        }
        .to_owned();
    };
    let plan = divergence.plan.as_ref().map_or(String::new(), |plan| format!(", plan {plan}"));
    let what = match divergence.what {
        Parting::OtherDecision if mode == Mode::Intent => "something else is wanted",
        Parting::OtherDecision => "the same input, another decision",
        Parting::OnlyInA => "an input that only A has then",
        Parting::OnlyInB => "an input that only B has then",
        Parting::OtherInput => "each has another input then",
        Parting::OtherOutcome => "something else came of it",
    };
    format!("first at {}{plan}: {what}", moment(divergence.at))
}

fn about(which: &str, compared: &Compared) -> Vec<Piece> {
    let Compared { mode, decision_version, events, steps, .. } = compared;
    let text = format!("{mode}, decisions of version {decision_version}");
    vec![
        Piece::styled(DIM, which),
        Piece::styled(DIM, counted(events.0, "event")).aligned(Align::Right),
        Piece::styled(DIM, counted(*steps, "step")).aligned(Align::Right),
        Piece::styled(DIM, text),
    ]
}

/// A field and what it is in each: `venue.taker_fee 0.001 -> 0.002`.
fn changed(FieldDifference { field, a, b }: &FieldDifference) -> String {
    format!("{} {} -> {}", printable(field), value(a), value(b))
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => return "none".to_owned(),
        Value::String(text) => text.clone(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    };
    // Of a digest, its first digits tell it from another.
    let digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest { text.chars().take(12).collect() } else { shortened(&text, VALUE_MAX) }
}

fn print_divergence(divergence: &Divergence, page: &mut dyn Write) -> Result<(), CliError> {
    let Divergence { what, a, b, fields, input_fields, .. } = divergence;
    writeln!(page, "{}", painted(BOLD, "first divergence"))?;
    for (which, turn) in [("A", a), ("B", b)] {
        print_turn(which, turn, *what, page)?;
    }
    for (what, fields) in [("inputs differ in", input_fields), ("differ in", fields)] {
        // Of a fill, the input is what differs.
        let again = what == "inputs differ in" && fields == &divergence.fields;
        if !fields.is_empty() && !again {
            let fields: Vec<String> = fields.iter().map(changed).collect();
            writeln!(page, "  {}  {}", painted(DIM, what), fields.join(", "))?;
        }
    }
    Ok(())
}

fn print_turn(which: &str, turn: &Turn, what: Parting, page: &mut dyn Write) -> Result<(), CliError> {
    let mut rows = Vec::new();
    let told = |label: &str, line: &Line, style| {
        vec![
            Piece::styled(DIM, label),
            Piece::styled(DIM, line.seq.to_string()).aligned(Align::Right),
            Piece::styled(DIM, moment(line.at)),
            Piece::styled(style, printable(&line.text)),
        ]
    };
    let nothing = |label: &str, text: String| {
        vec![Piece::styled(DIM, label), Piece::word(""), Piece::word(""), Piece::styled(NOTICE, text)]
    };
    let decided = if what == Parting::OtherOutcome { "came of it" } else { "decided" };
    match (&turn.input, &turn.elsewhere) {
        (Some(input), _) => {
            rows.push(told("input", input, PLAIN));
            match &turn.decided {
                Some(line) if line.seq == input.seq => {}
                Some(line) => rows.push(told(decided, line, INTENT)),
                None => rows.push(nothing(decided, "nothing more".to_owned())),
            }
            if let Some(at) = turn.elsewhere {
                let other = if which == "A" { "B" } else { "A" };
                rows.push(nothing("", format!("{other}'s input comes at {}, event {}", moment(at.at), at.seq)));
            }
        }
        (None, Some(at)) => {
            rows.push(nothing("input", format!("not then: it comes at {}, event {}", moment(at.at), at.seq)));
        }
        (None, None) => rows.push(nothing("input", "none then".to_owned())),
    }
    if let Some(before) = &turn.before {
        let text = standing(before);
        rows.push(vec![Piece::styled(DIM, "before"), Piece::word(""), Piece::word(""), Piece::word(text)]);
    }
    for (nth, line) in turn.because.iter().take(CAUSES_SHOWN).enumerate() {
        rows.push(told(if nth == 0 { "because of" } else { "" }, line, DIM));
    }
    let left = turn.because.len().saturating_sub(CAUSES_SHOWN);
    if left > 0 {
        rows.push(nothing("", format!("and {left} more")));
    }
    for (nth, line) in lines(rows).into_iter().enumerate() {
        let which = if nth == 0 { which } else { " " };
        writeln!(page, "  {}  {line}", painted(BOLD, which))?;
    }
    Ok(())
}

/// A plan as it stood, in one line.
fn standing(plan: &PlanView) -> String {
    let orders = plan.groups.iter().flat_map(|group| &group.orders);
    let working = orders.filter(|order| matches!(order.status.as_str(), "PENDING" | "OPEN" | "PARTIALLY_FILLED"));
    let entry = plan.average_entry_price.map_or(String::new(), |price| format!(" @ {}", average(price.value())));
    let level = |name: &str, price: Option<retrace_core::amount::Price>| {
        price.map_or(String::new(), |price| format!(", {name} {price}"))
    };
    format!(
        "{}: target {}, position {}{entry}{}{}, {} working, net {}",
        short_id(plan.plan_id.as_str()),
        plan.target,
        plan.net_position,
        level("stop", plan.stop_loss_price),
        level("take profit", plan.take_profit_price),
        counted(working.count() as u64, "order"),
        signed_money(plan.net_pnl),
    )
}

fn print_steps(comparison: &Comparison, counts: StepCounts, page: &mut dyn Write) -> Result<(), CliError> {
    let StepCounts { equal, different, other_inputs, other_times, only_a, only_b } = counts;
    let mut parts = vec![format!("{} equal", counted(equal, "step"))];
    for (count, what) in [
        (different, "different"),
        (other_inputs, "with inputs that say something else"),
        (other_times, "at other times"),
        (only_a, "only in A"),
        (only_b, "only in B"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    writeln!(page, "\n{}", parts.join(", "))?;
    let mut rows = Vec::new();
    for (which, alone, count) in
        [("only in A", &comparison.only_in_a, only_a), ("only in B", &comparison.only_in_b, only_b)]
    {
        for line in alone {
            rows.push(vec![
                Piece::styled(DIM, which),
                Piece::styled(DIM, line.seq.to_string()).aligned(Align::Right),
                Piece::styled(DIM, moment(line.at)),
                Piece::word(printable(&line.text)),
            ]);
        }
        let more = count.saturating_sub(alone.len() as u64);
        if more > 0 {
            let more = Piece::styled(DIM, format!("and {more} more"));
            rows.push(vec![Piece::styled(DIM, which), Piece::word(""), Piece::word(""), more]);
        }
    }
    for line in lines(rows) {
        writeln!(page, "  {line}")?;
    }
    Ok(())
}

fn print_consequences(comparison: &Comparison, page: &mut dyn Write) -> Result<(), CliError> {
    let consequences = &comparison.consequences;
    let differing = consequences.differing().count();
    let plans = consequences.plans.len();
    if differing == 0 {
        writeln!(page, "consequences: none, the same came of {}", counted(plans as u64, "plan"))?;
    } else {
        writeln!(page, "{} for {differing} of {}", painted(BOLD, "consequences"), counted(plans as u64, "plan"))?;
    }
    let mut table = Table::new(&[
        ("plan", Align::Left),
        ("orders", Align::Right),
        ("fills", Align::Right),
        ("traded", Align::Right),
        ("largest", Align::Right),
        ("realised", Align::Right),
        ("fees", Align::Right),
        ("net A", Align::Point),
        ("net B", Align::Point),
        ("B less A", Align::Point),
        ("outcome", Align::Left),
    ]);
    for pair in consequences.differing() {
        table.row(row(pair));
    }
    for total in &consequences.totals {
        table.row(total_row(total, consequences.totals.len() > 1));
    }
    if !consequences.totals.is_empty() {
        for line in table.lines() {
            writeln!(page, "{line}")?;
        }
    }
    if comparison.equal && differing > 0 {
        let hint = "the results differ all the same: --mode outcome names the first fill that does";
        writeln!(page, "{}", painted(NOTICE, hint))?;
    }
    Ok(())
}

fn row(pair: &PlanPair) -> Vec<Piece> {
    let PlanPair { plan, a, b, net_difference, .. } = pair;
    let both = |of: &dyn Fn(&PlanOutcome) -> String| right(sides(a.as_ref().map(of), b.as_ref().map(of)));
    let outcome = |plan: &PlanOutcome| plan.outcome.map_or("open".to_owned(), |outcome| outcome.to_string());
    let how = match (a, b) {
        (Some(a), None) => format!("only in A: {}", outcome(a)),
        (None, Some(b)) => format!("only in B: {}", outcome(b)),
        (a, b) => sides(a.as_ref().map(outcome), b.as_ref().map(outcome)),
    };
    let net = |plan: &Option<PlanOutcome>| plan.as_ref().map_or(String::new(), |plan| signed_money(plan.net_pnl));
    vec![
        Piece::word(printable(&plan.to_string())),
        both(&|plan| plan.orders.to_string()),
        both(&|plan| plan.fills.to_string()),
        both(&|plan| plain(plan.traded)),
        both(&|plan| plain(plan.largest_position)),
        both(&|plan| signed_money(plan.realized_pnl)),
        both(&|plan| fees(&plan.fees)),
        Piece::decimal(net(a)),
        Piece::decimal(net(b)),
        gain(*net_difference),
        Piece::word(how),
    ]
}

fn total_row(total: &QuotePair, several: bool) -> Vec<Piece> {
    let QuotePair { quote, a, b, net_difference } = total;
    let both = |of: &dyn Fn(&Total) -> String| right(sides(Some(of(a)), Some(of(b))));
    let name = if several { format!("all {quote}") } else { "all".to_owned() };
    vec![
        Piece::styled(DIM, name),
        both(&|total| total.orders.to_string()),
        both(&|total| total.fills.to_string()),
        Piece::word(""),
        Piece::word(""),
        both(&|total| signed_money(total.realized_pnl)),
        both(&|total| fees(&total.fees)),
        Piece::decimal(signed_money(a.net_pnl)),
        Piece::decimal(signed_money(b.net_pnl)),
        gain(*net_difference),
        Piece::word(""),
    ]
}

/// What both have, or what each has: `4`, `4 -> 5`.
fn sides(a: Option<String>, b: Option<String>) -> String {
    match (a, b) {
        (Some(a), Some(b)) if a == b => a,
        (Some(a), Some(b)) => format!("{a} -> {b}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => String::new(),
    }
}

fn right(text: String) -> Piece {
    Piece::word(text).aligned(Align::Right)
}

fn plain(position: Position) -> String {
    position.value().normalize().to_string()
}

fn fees(fees: &[retrace_projections::view::FeeView]) -> String {
    let fees: Vec<String> = fees.iter().map(|fee| format!("{} {}", money(fee.amount), fee.asset)).collect();
    if fees.is_empty() { "0".to_owned() } else { fees.join(" + ") }
}

fn gain(amount: Money) -> Piece {
    let style = match amount.value() {
        zero if zero.is_zero() => PLAIN,
        less if less < Decimal::ZERO => BAD,
        _ => GOOD,
    };
    Piece::decimal(signed_money(amount)).in_style(style)
}
