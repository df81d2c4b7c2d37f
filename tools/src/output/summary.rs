//! What a session came to once it is recorded: the summary of `run` and of `import`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use retrace_core::amount::Money;
use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName};
use retrace_core::instrument::Asset;
use retrace_core::manifest::{Identity, Mode};
use retrace_projections::audit::refusal_text;
use retrace_projections::view::FeeView;
use serde::Serialize;

use super::columns::{Align, Piece, Table};
use super::style::{ALARM, BAD, BOLD, DIM, GOOD, PLAIN, painted};
use super::text::{
    counted, kill_switch_line, moment, money, printable, shell_word, short_hash, short_id, signed_money, way,
};
use crate::commands::CarriedOver;
use crate::error::CliError;
use crate::session::{Recorded, RecordedPlan};

/// A recorded session in figures. The shape of `run --json`.
#[derive(Serialize)]
pub(crate) struct RunSummary {
    session: SessionName,
    mode: Mode,
    head: Head,
    events: Seq,
    steps: u64,
    plans: u64,
    refusals: u64,
    /// Of the plans that are quoted in the account's asset: sums of several assets would mean nothing.
    realized_pnl: Money,
    fees: Vec<FeeView>,
    net_pnl: Money,
    unrealized_pnl: Money,
    elapsed_ms: u64,
    /// What was taken over from another session; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<CarriedOver>,
}

/// What all plans that are quoted in one asset came to.
#[derive(Serialize)]
pub(crate) struct QuoteTotal {
    quote: Asset,
    plans: u64,
    realized_pnl: Money,
    fees: Vec<FeeView>,
    net_pnl: Money,
    /// Of what is still open, at the last price.
    unrealized_pnl: Money,
}

impl QuoteTotal {
    fn of(quote: &Asset, recorded: &Recorded) -> Self {
        let quoted = || opened(recorded).filter(|plan| plan.view.asset_symbol.quote() == quote);
        let total = |amount: fn(&RecordedPlan) -> Money| {
            quoted().map(amount).try_fold(Money::ZERO, Money::plus).unwrap_or_default()
        };
        Self {
            quote: quote.clone(),
            plans: quoted().count() as u64,
            realized_pnl: total(|plan| plan.view.realized_pnl),
            fees: fees(quoted()),
            net_pnl: total(|plan| plan.view.net_pnl),
            unrealized_pnl: total(unrealized),
        }
    }

    /// One for every asset that an opened plan is quoted in, in order of name.
    pub(crate) fn all(recorded: &Recorded) -> Vec<Self> {
        let quotes: BTreeSet<&Asset> = opened(recorded).map(|plan| plan.view.asset_symbol.quote()).collect();
        quotes.into_iter().map(|quote| Self::of(quote, recorded)).collect()
    }
}

impl Recorded {
    /// What all plans come to that are quoted in the account's asset, after fees.
    pub(crate) fn net_pnl(&self, identity: &Identity) -> Money {
        QuoteTotal::of(&identity.account.quote, self).net_pnl
    }
}

fn opened(recorded: &Recorded) -> impl Iterator<Item = &RecordedPlan> {
    recorded.plans.iter().filter(|plan| plan.opened)
}

/// What closing the plan at the last price would realise.
fn unrealized(plan: &RecordedPlan) -> Money {
    plan.mark.as_ref().map_or(Money::ZERO, |mark| mark.unrealized_pnl)
}

fn fees<'a>(plans: impl Iterator<Item = &'a RecordedPlan>) -> Vec<FeeView> {
    let mut fees: Vec<FeeView> = Vec::new();
    for fee in plans.flat_map(|plan| &plan.view.fees) {
        match fees.iter_mut().find(|known| known.asset == fee.asset) {
            Some(known) => known.amount = known.amount.plus(fee.amount).unwrap_or_default(),
            None => fees.push(fee.clone()),
        }
    }
    fees.sort_by(|a, b| a.asset.cmp(&b.asset));
    fees
}

impl RunSummary {
    /// The figures of a session that took `elapsed` to record.
    pub(crate) fn of(identity: &Identity, recorded: &Recorded, elapsed: Duration) -> Self {
        let account = QuoteTotal::of(&identity.account.quote, recorded);
        Self {
            session: identity.name.clone(),
            mode: identity.mode,
            head: recorded.head,
            events: recorded.last_seq,
            steps: recorded.steps,
            plans: opened(recorded).count() as u64,
            refusals: recorded.refusals.len() as u64,
            realized_pnl: account.realized_pnl,
            fees: fees(opened(recorded)),
            net_pnl: account.net_pnl,
            unrealized_pnl: account.unrealized_pnl,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            carried: None,
        }
    }

    /// The same of a session that goes on from another one.
    pub(crate) fn carrying(self, carried: Option<CarriedOver>) -> Self {
        Self { carried, ..self }
    }

    /// Writes them for people, with `lines` below the first.
    ///
    /// # Errors
    /// [`CliError::Output`] if `page` cannot be written to.
    pub(crate) fn print(
        &self,
        lines: &[String],
        recorded: &Recorded,
        db: &Path,
        page: &mut dyn Write,
    ) -> Result<(), CliError> {
        let Self { session, mode, head, events, steps, elapsed_ms, .. } = self;
        let counts = format!("{}, {}", counted(events.0, "event"), counted(*steps, "step"));
        let rest = format!("head {}  {}.{:03} s", short_hash(&head.0), elapsed_ms / 1000, elapsed_ms % 1000);
        writeln!(page, "{}  {mode}  {counts}  {}", painted(BOLD, session), painted(DIM, rest))?;
        for line in lines {
            writeln!(page, "{line}")?;
        }
        if !recorded.plans.is_empty() {
            writeln!(page)?;
            for line in table(recorded) {
                writeln!(page, "{line}")?;
            }
        }
        if !recorded.refusals.is_empty() {
            writeln!(page, "\n{}", painted(BAD, counted(self.refusals, "refusal")))?;
            for refused in &recorded.refusals {
                let plan = refused.plan_id.as_ref().map_or(String::new(), |plan| format!(" for {plan}"));
                let (at, directive, code) = (moment(refused.at), &refused.directive, refused.refusal.code());
                writeln!(page, "  {at}  {directive}{plan}: {} ({code})", printable(&refusal_text(&refused.refusal)))?;
            }
        }
        if let Some(switch) = &recorded.kill_switch {
            writeln!(page, "\n{}", painted(ALARM, kill_switch_line(switch.since, switch.reason.as_ref())))?;
        }
        let next = format!("retrace replay {session} --db {}", shell_word(db));
        writeln!(page, "\nnext: {}", painted(BOLD, next))?;
        Ok(())
    }
}

fn table(recorded: &Recorded) -> Vec<String> {
    let mut columns = vec![
        ("plan", Align::Left),
        ("symbol", Align::Left),
        ("way", Align::Left),
        ("status", Align::Left),
        ("position", Align::Point),
        ("realised", Align::Point),
        ("fees", Align::Point),
        ("net", Align::Point),
    ];
    let any_open = recorded.plans.iter().any(|plan| plan.mark.is_some());
    if any_open {
        columns.push(("unrealised", Align::Point));
    }
    let mut table = Table::new(&columns);
    for plan in &recorded.plans {
        let view = &plan.view;
        let (status, style) = match view.outcome {
            Some(outcome) => (outcome.to_string(), PLAIN),
            None if view.close_gave_up() => ("close gave up".to_owned(), ALARM),
            None if plan.opened => ("open".to_owned(), GOOD),
            None => ("no order yet".to_owned(), DIM),
        };
        let mut row = vec![
            Piece::word(short_id(view.plan_id.as_str())),
            Piece::word(view.asset_symbol.to_string()),
            Piece::word(way(view.direction)),
            Piece::styled(style, status),
            Piece::decimal(view.held.to_string()),
            Piece::decimal(signed_money(view.realized_pnl)),
            Piece::decimal(fees_text(&view.fees)),
            gain(view.net_pnl),
        ];
        if any_open {
            row.push(gain(unrealized(plan)));
        }
        table.row(row);
    }
    if recorded.plans.len() > 1 {
        let totals = QuoteTotal::all(recorded);
        for total in &totals {
            let blank = || Piece::word("");
            let name = if totals.len() > 1 { format!("all {}", total.quote) } else { "all".to_owned() };
            let realized = Piece::decimal(signed_money(total.realized_pnl));
            let fees = Piece::decimal(fees_text(&total.fees));
            let name = Piece::styled(DIM, name);
            let mut row = vec![name, blank(), blank(), blank(), blank(), realized, fees, gain(total.net_pnl)];
            if any_open {
                row.push(gain(total.unrealized_pnl));
            }
            table.row(row);
        }
    }
    table.lines()
}

fn gain(amount: Money) -> Piece {
    let style = if amount.value() < rust_decimal::Decimal::ZERO { BAD } else { GOOD };
    Piece::decimal(signed_money(amount)).in_style(style)
}

pub(crate) fn fees_text(fees: &[FeeView]) -> String {
    let fees: Vec<String> = fees.iter().map(|fee| format!("{} {}", money(fee.amount), fee.asset)).collect();
    fees.join(" + ")
}
