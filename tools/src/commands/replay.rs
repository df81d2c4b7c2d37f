//! `retrace replay`: folds a session's log and shows the ledger as of any moment.

mod at;
mod fold;

use std::io::Write;

use retrace_core::amount::Money;
use retrace_core::content::ContentRef;
use retrace_core::event::{Head, Refusal};
use retrace_core::ids::{DirectiveId, OperatorReason, PlanId, Seq, SessionName};
use retrace_core::instrument::Asset;
use retrace_core::step::TapePosition;
use retrace_core::time::Timestamp;
use retrace_projections::audit::{GapSpan, refusal_text};
use retrace_projections::ledger::{Book, Plan, Refused};
use retrace_projections::view::{BatchView, PlanView, batch_view, plan_view};
use retrace_replay::tape::Seen;
use serde::Serialize;

use at::At;
use fold::{Folded, fold};

use super::Status;
use super::market_again::Market;
use super::states::SavedStates;
use super::stored::{Db, StoredSession};
use crate::error::CliError;
use crate::marks::{Marked, Marks};
use crate::output::Output;
use crate::output::batches::batch_lines;
use crate::output::conflicts::{FillConflict, MarkedFill, ReportCounts};
use crate::output::gaps::{self, GapsShown};
use crate::output::ledger_tree::{plan_lines, waiting_line};
use crate::output::style::{ALARM, BAD, BOLD, DIM, painted};
use crate::output::text::{counted, kill_switch_line, moment, money, printable, short_hash};

/// Fold a session's log and show the ledger
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Session to replay
    session: String,
    #[command(flatten)]
    db: Db,
    /// As of which moment: the number of an event, or a time (all events up to and with it)
    #[arg(long, value_name = "SEQ|TIME")]
    at: Option<At>,
    #[command(flatten)]
    market: Market,
    #[command(flatten)]
    states: SavedStates,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Document {
    session: SessionName,
    seq: Seq,
    at: Option<Timestamp>,
    head: Head,
    ledger_digest: Head,
    plans: Vec<PlanShown>,
    refusals: Vec<RefusalView>,
    conflicts: Vec<ConflictView>,
    /// Fills that are not as they were told first, or came when none was due.
    marked_fills: Vec<MarkedFill>,
    /// What the venue said and what changed nothing.
    reports: ReportCounts,
    /// `null` while it is off.
    kill_switch: Option<KillSwitchView>,
    /// What of the account's cash no position holds, orders at work aside; `null` where it is not checked.
    cash_in_hand: Option<CashView>,
    batches: Vec<BatchView>,
    /// The session that it continues; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<ContinuedView>,
}

/// The session that one continues, and where.
#[derive(Serialize)]
struct ContinuedView {
    session: SessionName,
    events: Seq,
    head: Head,
}

/// An amount of the account's own asset.
#[derive(Serialize)]
struct CashView {
    amount: Money,
    asset: Asset,
}

/// A plan, and its open position at the current price.
#[derive(Serialize)]
struct PlanShown {
    #[serde(flatten)]
    view: PlanView,
    /// `null` when flat, or where no price is known.
    mark: Option<Marked>,
    #[serde(flatten)]
    gaps: GapsShown,
    /// The same for people; `None` where there was none, or no stop at all.
    #[serde(skip)]
    uncovered: Option<String>,
}

/// The operator's kill switch while it is on.
#[derive(Serialize)]
struct KillSwitchView {
    seq: Seq,
    since: Timestamp,
    reason: Option<OperatorReason>,
}

/// Two things said under one name.
#[derive(Serialize)]
#[serde(tag = "of", rename_all = "snake_case")]
enum ConflictView {
    /// Two directives of one id.
    Directive(RefusalView),
    /// Two bodies of one trade.
    Fill(FillConflict),
}

impl ConflictView {
    const fn seq(&self) -> Seq {
        match self {
            Self::Directive(refusal) => refusal.seq,
            Self::Fill(conflict) => conflict.seq,
        }
    }
}

/// Every conflict, in order.
fn conflicts(book: &Book, refusals: &[RefusalView]) -> Vec<ConflictView> {
    let directives = refusals.iter().filter(|refusal| refusal.code == "conflict").cloned();
    let fills = FillConflict::all(book).into_iter().map(ConflictView::Fill);
    let mut all: Vec<_> = directives.map(ConflictView::Directive).chain(fills).collect();
    all.sort_by_key(ConflictView::seq);
    all
}

/// A refusal as the world sees it.
#[derive(Clone, Debug, Serialize)]
struct RefusalView {
    seq: Seq,
    at: Timestamp,
    directive_id: DirectiveId,
    plan_id: Option<PlanId>,
    code: &'static str,
    /// The rule with its numbers, as `audit --json` has it.
    refusal: Refusal,
    text: String,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let reader = args.db.open()?;
    let session = StoredSession::find(&reader, &args.session)?;
    let folded = fold(&session, args.at, args.states)?;
    let ledger = folded.book.ledger();
    let marks = marks(args, &session, &folded)?;
    let text = |reference: ContentRef| session.text(reference);
    let opened = folded.book.plans().filter(|plan| plan.opened_at.is_some());
    let refusals: Vec<RefusalView> = ledger.refusals().iter().map(refusal).collect();
    let at = match args.at {
        Some(At::Time(asked)) => Some(asked),
        Some(At::Seq(_)) | None => folded.time,
    };
    let shown = |plan: &Plan| {
        let spans = GapSpan::of(plan);
        let until = at.unwrap_or(Timestamp::from_nanos(0));
        let stopped = spans.iter().any(|gap| !gap.is_without_stop());
        PlanShown {
            view: plan_view(ledger, plan, &text),
            mark: marks.of(plan),
            gaps: GapsShown::new(&spans, until),
            uncovered: stopped.then(|| gaps::summary(&spans, Some(until))),
        }
    };
    let in_hand = ledger.cash().map(|cash| {
        let amount = ledger.cash_in_hand(cash);
        let amount = amount.map_err(|source| CliError::Sum { session: session.name.clone(), source })?;
        Ok::<_, CliError>(CashView { amount, asset: session.identity().account.quote.clone() })
    });
    let document = Document {
        session: session.name.clone(),
        seq: ledger.seq(),
        at,
        head: folded.head,
        ledger_digest: Head(ledger.digest()),
        plans: opened.map(shown).collect(),
        conflicts: conflicts(&folded.book, &refusals),
        marked_fills: MarkedFill::all(&folded.book),
        reports: ReportCounts::of(&folded.book),
        refusals,
        kill_switch: ledger.kill_switch().map(|switch| KillSwitchView {
            seq: switch.seq,
            since: switch.since,
            reason: switch.reason.clone(),
        }),
        cash_in_hand: in_hand.transpose()?,
        batches: ledger.batches().map(batch_view).collect(),
        continues: folded.parent.as_ref().map(|parent| ContinuedView {
            session: parent.name.clone(),
            events: parent.events,
            head: parent.head,
        }),
    };
    if output.is_json() {
        output.document(&document)?;
        return Ok(Status::Fine);
    }
    let waiting = folded.book.plans().filter(|plan| plan.opened_at.is_none());
    let waiting: Vec<String> = waiting.map(|plan| plan.id.to_string()).collect();
    print(&document, &waiting, output.page())?;
    Ok(Status::Fine)
}

/// The current prices: those of the market data as far as it was given, or else, where it is not there any more, those
/// of the last fills.
fn marks(args: &Args, session: &StoredSession<'_>, folded: &Folded) -> Result<Marks, CliError> {
    let open = folded.book.plans().any(|plan| !plan.accounting.totals().traded.is_flat());
    if !open {
        return Ok(Marks::default());
    }
    let recorded = &session.identity().tape;
    let Some(tape) = args.market.read_again(session).filter(|tape| tape.identity() == *recorded) else {
        return Ok(Marks::of_fills(folded.book.plans()));
    };
    let seen = match args.at {
        Some(At::Time(time)) => Seen::Until(time),
        // A session that came to its end saw the rows behind its last event too.
        _ if folded.whole && session.is_finished()? => Seen::To(TapePosition { rows: tape.rows(), points: 0 }),
        Some(At::Seq(_)) | None => Seen::To(folded.tape),
    };
    Ok(Marks::of_tape(&tape, seen, session.identity().venue.path))
}

fn refusal(refused: &Refused) -> RefusalView {
    RefusalView {
        seq: refused.seq,
        at: refused.at,
        directive_id: refused.directive.clone(),
        plan_id: refused.plan_id.clone(),
        code: refused.refusal.code(),
        refusal: refused.refusal.clone(),
        text: refusal_text(&refused.refusal),
    }
}

fn print(document: &Document, waiting: &[String], page: &mut dyn Write) -> Result<(), CliError> {
    let Document { session, seq, at, head, ledger_digest, plans, refusals, kill_switch, cash_in_hand, batches, .. } =
        document;
    let time = at.map_or(String::new(), |at| format!(", {}", moment(at)));
    let since = if seq.0 == 0 { "before the first event".to_owned() } else { format!("after event {seq}") };
    let hashes = format!("head {}  ledger {}", short_hash(&head.0), short_hash(&ledger_digest.0));
    writeln!(page, "{}  {since}{time}  {}", painted(BOLD, session), painted(DIM, hashes))?;
    if let Some(ContinuedView { session, events, head }) = &document.continues {
        let from = format!("goes on from {session}, event {events}, head {}", short_hash(&head.0));
        writeln!(page, "{}", painted(DIM, from))?;
    }
    if let Some(switch) = kill_switch {
        writeln!(page, "{}", painted(ALARM, kill_switch_line(switch.since, switch.reason.as_ref())))?;
    }
    if let Some(CashView { amount, asset }) = cash_in_hand {
        writeln!(page, "cash in hand {} {asset}, of which orders at work keep theirs", money(*amount))?;
    }
    for PlanShown { view, mark, uncovered, .. } in plans {
        writeln!(page)?;
        for line in plan_lines(view, mark.as_ref(), uncovered.as_deref()) {
            writeln!(page, "{line}")?;
        }
    }
    if plans.is_empty() {
        writeln!(page, "\nno plan yet")?;
    }
    if let Some(line) = waiting_line(waiting) {
        writeln!(page, "\n{line}")?;
    }
    for batch in batches {
        writeln!(page)?;
        for line in batch_lines(batch) {
            writeln!(page, "{line}")?;
        }
    }
    if !refusals.is_empty() {
        writeln!(page, "\n{}", painted(BAD, counted(refusals.len() as u64, "refusal")))?;
        let width = refusals.last().map_or(1, |last| last.seq.to_string().len());
        for RefusalView { seq, at, directive_id, plan_id, code, text, .. } in refusals {
            let plan = plan_id.as_ref().map_or(String::new(), |plan| format!(" for {plan}"));
            let seq = format!("event {:>width$}", seq.0);
            writeln!(page, "  {}  {seq}  {directive_id}{plan}: {} ({code})", moment(*at), printable(text))?;
        }
    }
    let fills = document.conflicts.iter().filter_map(|conflict| match conflict {
        ConflictView::Fill(conflict) => Some(conflict),
        ConflictView::Directive(_) => None,
    });
    let fills: Vec<&FillConflict> = fills.collect();
    if !fills.is_empty() {
        writeln!(page, "\n{}", painted(BAD, counted(fills.len() as u64, "conflicting fill")))?;
        for conflict in fills {
            writeln!(page, "  {}  event {}  {}", moment(conflict.at), conflict.seq, printable(&conflict.text()))?;
        }
    }
    Ok(())
}
