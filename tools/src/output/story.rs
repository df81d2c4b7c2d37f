//! A plan's story for a terminal: what came from outside at the left, what was decided on it below, indented. Every
//! colour has a mark beside it that survives without colour.

use std::collections::BTreeMap;

use anstyle::Style;
use retrace_core::directive::CancelReach;
use retrace_core::event::{BatchEnd, Decision, Fact, Input, LegEnd, Report, ReportKind};
use retrace_core::ids::{OrderId, Seq};
use retrace_core::instrument::Asset;
use retrace_core::order::OrderRole;
use retrace_core::time::Timestamp;
use retrace_projections::audit::{GapSpan, Story, StoryLine};

use super::gaps;
use super::style::{ALARM, BAD, BOLD, DIM, GOOD, INTENT, NOTICE, PLAIN, PROTECTION, painted};
use super::text::{clock, date, money, printable, shortened, signed_money};

/// The widest mark and word in front of a line.
const WORD_WIDTH: usize = 9;

/// A comment is cut to this many characters.
const COMMENT_WIDTH: usize = 160;

/// What is to be said of a plan's protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// It never held anything.
    NothingHeld,
    /// It held something and never had a stop.
    Never,
    /// It had a stop: its gaps say the rest.
    ByStop,
    /// It was imported: a history does not tell of stops.
    NotTold,
}

/// How a line is told: a mark, a word, a colour.
struct Telling {
    mark: &'static str,
    word: &'static str,
    style: Style,
}

const fn telling(mark: &'static str, word: &'static str, style: Style) -> Telling {
    Telling { mark, word, style }
}

/// A part of a story: what one session holds of it.
pub(crate) struct Chapter<'a> {
    /// What stands above it; nothing where it is all there is.
    pub(crate) heading: Option<String>,
    pub(crate) lines: &'a [StoryLine],
    /// The strategist's comments, by the event that received them.
    pub(crate) comments: &'a BTreeMap<Seq, String>,
}

/// The lines of a story, without line ends. `chapters` are all of it, `story` is the last one; `gaps` those of all.
pub(crate) fn lines(chapters: &[Chapter<'_>], story: &Story, gaps: &[GapSpan], protection: Protection) -> Vec<String> {
    let mut lines = Vec::new();
    let mut roles = Roles::default();
    for chapter in chapters {
        if let Some(heading) = &chapter.heading {
            lines.extend([String::new(), painted(DIM, heading)]);
        }
        tell_chapter(chapter, &mut roles, &mut lines);
    }
    lines.push(String::new());
    lines.extend(ending(story, quote_of(chapters), gaps, protection));
    lines
}

fn tell_chapter(chapter: &Chapter<'_>, roles: &mut Roles, lines: &mut Vec<String>) {
    let width = chapter.lines.last().map_or(1, |line| line.event.seq.to_string().len());
    // Some times have a fraction of a second: all stand in one column.
    let time_width = chapter.lines.iter().map(|line| clock(line.event.at).len()).max().unwrap_or_default();
    let mut day = String::new();
    let mut before: Option<Timestamp> = None;
    for line in chapter.lines {
        let at = line.event.at;
        if date(at) != day {
            day = date(at);
            lines.push(String::new());
            lines.push(painted(BOLD, &day));
            before = None;
        }
        let shown = if before == Some(at) { String::new() } else { clock(at) };
        let time = format!("{shown:<time_width$}");
        before = Some(at);
        let role = roles.role_of(line);
        let blank = " ".repeat(time.len());
        lines.push(told(line, role, &time, width));
        if let Some(comment) = chapter.comments.get(&line.event.seq) {
            let quoted = painted(DIM, format!("\"{}\"", shortened(comment, COMMENT_WIDTH)));
            lines.push(format!("{blank}  {:width$}     {:WORD_WIDTH$} {quoted}", "", ""));
        }
    }
}

/// What each order of the story is for, as its request said.
#[derive(Default)]
struct Roles(BTreeMap<OrderId, OrderRole>);

impl Roles {
    /// The role of the order that `line` is about.
    fn role_of(&mut self, line: &StoryLine) -> Option<OrderRole> {
        let order = line.event.order_id?;
        if let Fact::Decision(Decision::OrderRequested { role, .. }) = &line.event.fact {
            self.0.insert(order, *role);
        }
        self.0.get(&order).copied()
    }
}

fn told(line: &StoryLine, role: Option<OrderRole>, time: &str, width: usize) -> String {
    let Telling { mark, word, style } = tell(&line.event.fact, role);
    let decided = matches!(line.event.fact, Fact::Decision(_));
    let indent = if decided { "  " } else { "" };
    let seq = painted(DIM, format!("{:>width$}", line.event.seq.0));
    let told = painted(style, format!("{mark:<2} {word:<WORD_WIDTH$} {indent}{}", printable(&line.text)));
    format!("{time}  {seq}  {told}")
}

fn tell(fact: &Fact, role: Option<OrderRole>) -> Telling {
    match fact {
        Fact::Input(input) => tell_input(input, role),
        Fact::Decision(decision) => tell_decision(decision),
        Fact::Unknown(_) => telling("?", "unknown", NOTICE),
    }
}

fn tell_input(input: &Input, role: Option<OrderRole>) -> Telling {
    match input {
        Input::SessionContinued(_) => telling("", "session", PLAIN),
        Input::PriceMoved(_) => telling("", "price", DIM),
        Input::DirectiveReceived(_) => telling(">", "directive", INTENT),
        Input::TradeImported(_) => telling("<", "trade", INTENT),
        Input::ConnectionChanged { connected: true } => telling("", "connected", NOTICE),
        Input::ConnectionChanged { connected: false } => telling("!", "lost", ALARM),
        Input::OperatorCommanded(_) => telling(">>", "operator", ALARM),
        Input::TimerFired { .. } => telling("", "timer", DIM),
        Input::Report(Report { what, .. }) => match what {
            ReportKind::Accepted { .. } => telling("", "accepted", DIM),
            ReportKind::Filled(_) => match role {
                Some(OrderRole::StopLoss) => telling("!", "stopped", ALARM),
                Some(OrderRole::TakeProfit) => telling("$", "profit", GOOD.bold()),
                Some(
                    OrderRole::Entry
                    | OrderRole::Reduce
                    | OrderRole::Close
                    | OrderRole::Flatten
                    | OrderRole::Compensation,
                )
                | None => telling("*", "fill", GOOD),
            },
            ReportKind::Amended { .. } => telling("", "amended", DIM),
            ReportKind::Canceled => telling("", "cancelled", DIM),
            ReportKind::Rejected { .. } => telling("x", "rejected", BAD),
            ReportKind::AmendRejected { .. } | ReportKind::CancelRejected { .. } => telling("x", "refused", BAD),
            ReportKind::Expired { .. } => telling("x", "expired", BAD),
            ReportKind::Triggered => telling("!", "set off", ALARM),
            ReportKind::Busted { .. } => telling("!", "busted", ALARM),
            ReportKind::Corrected { .. } => telling("!", "corrected", ALARM),
            ReportKind::Stands { .. } | ReportKind::NotFound => telling("", "stands", NOTICE),
        },
    }
}

fn tell_decision(decision: &Decision) -> Telling {
    match decision {
        Decision::DirectiveRefused { .. } | Decision::OrderRefused(_) => telling("x", "refused", BAD),
        Decision::DirectiveRepeated { .. }
        | Decision::NothingToDo { .. }
        | Decision::TradeRepeated { same: true, .. } => telling("-", "nothing", NOTICE),
        Decision::PlanAccepted { .. } | Decision::PlanOpened => telling("", "plan", PLAIN),
        Decision::TargetSet { .. } => telling("", "target", PLAIN),
        Decision::ExitsSet { .. } => telling("|", "exits", PROTECTION),
        Decision::GroupOpened { .. } | Decision::SlicesDropped { .. } | Decision::GroupEnded { .. } => {
            telling("", "group", PLAIN)
        }
        Decision::GroupCancelled { .. }
        | Decision::OrdersModified { .. }
        | Decision::GroupPaused { .. }
        | Decision::GroupResumed { .. }
        | Decision::AllCancelled { reach: CancelReach::Orders, .. } => telling("#", "group", BOLD),
        Decision::AllCancelled { .. } => telling("!!", "cancel", ALARM),
        Decision::OrderRequested { role: OrderRole::StopLoss | OrderRole::TakeProfit, .. } => {
            telling("|", "protect", PROTECTION)
        }
        Decision::OrderRequested { .. } | Decision::OrderInferred { .. } => telling("", "order", PLAIN),
        Decision::AmendRequested { .. } => telling("|", "change", PROTECTION),
        Decision::CancelRequested { .. } => telling("", "cancel", PLAIN),
        Decision::QueryRequested => telling("?", "ask", NOTICE),
        Decision::TimerSet { .. } | Decision::TimerDropped { .. } => telling("", "timer", DIM),
        Decision::CloseStarted { .. } => telling("#", "close", BOLD),
        Decision::CloseGaveUp { .. } => telling("!!", "close", ALARM),
        Decision::StopLimitSet { .. } | Decision::StopTrailSet { .. } => telling("|", "stop", PROTECTION),
        Decision::StopPassed { .. } => telling("!!", "stop", ALARM),
        Decision::ProtectionGapChanged { uncovered, .. } if uncovered.is_flat() => telling("|", "gap", PROTECTION),
        Decision::ProtectionGapChanged { .. } => telling("!!", "gap", ALARM),
        Decision::PlanClosed { .. } => telling("#", "closed", BOLD),
        Decision::TradeBooked { .. } => telling("*", "fill", GOOD),
        Decision::TradeRepeated { same: false, .. } => telling("!!", "conflict", ALARM),
        Decision::BatchStarted { .. } | Decision::BatchLegStarted { .. } => telling("", "batch", BOLD),
        Decision::BatchLegEnded { end, .. } => match end {
            LegEnd::Complete | LegEnd::RolledBack => telling("", "batch", PLAIN),
            LegEnd::NotBegun | LegEnd::Closed => telling("-", "batch", NOTICE),
            LegEnd::RollbackIncomplete => telling("!!", "batch", ALARM),
            LegEnd::Refused
            | LegEnd::Rejected
            | LegEnd::Cancelled
            | LegEnd::Expired
            | LegEnd::StoppedOut
            | LegEnd::Incomplete
            | LegEnd::TimedOut => telling("x", "batch", BAD),
        },
        Decision::BatchFailed { .. } => telling("!", "batch", ALARM),
        Decision::RollbackStarted { .. } => telling("", "rollback", BOLD),
        Decision::RollbackGaveUp { .. } => telling("!!", "rollback", ALARM),
        Decision::BatchEnded { end, .. } => match end {
            BatchEnd::Complete => telling("#", "batch", GOOD),
            BatchEnd::Incomplete | BatchEnd::Refused | BatchEnd::RolledBack => telling("#", "batch", BOLD),
            BatchEnd::RollbackIncomplete => telling("!!", "batch", ALARM),
        },
    }
}

/// How it ended, what came of it, and how well it was protected.
fn ending(story: &Story, quote: Option<&Asset>, gaps: &[GapSpan], protection: Protection) -> Vec<String> {
    let mut lines = Vec::new();
    let mut fact = |name: &str, text: String| lines.push(format!("{} {text}", painted(DIM, format!("{name:<9}"))));
    match (&story.outcome, &story.result) {
        (Some(outcome), _) => fact("outcome", painted(BOLD, outcome)),
        (None, Some(_)) => fact("outcome", "still open".to_owned()),
        (None, None) => fact("outcome", painted(BAD, "never taken on")),
    }
    let Some(result) = &story.result else { return lines };
    if story.outcome.is_none() || !result.net_position.is_flat() {
        // Fees in the base asset lie between what was traded and what is held.
        let held = if result.held == result.net_position { String::new() } else { format!(", held {}", result.held) };
        fact("position", format!("{}{held}", result.net_position));
    }
    let fees: Vec<String> = result.fees.iter().map(|fee| format!("{} {}", money(fee.amount), fee.asset)).collect();
    let fees = if fees.is_empty() { "0".to_owned() } else { fees.join(" + ") };
    let quote = quote.map_or(String::new(), |quote| format!(" {quote}"));
    fact("realised", format!("{}{quote}", signed_money(result.realized_pnl)));
    fact("fees", fees);
    let style = if result.net_pnl.value() < rust_decimal::Decimal::ZERO { BAD } else { GOOD };
    fact("net", painted(style, format!("{}{quote}", signed_money(result.net_pnl))));
    lines.push(protection_text(gaps, protection));
    lines
}

/// What a plan's result is counted in.
fn quote_of<'a>(chapters: &[Chapter<'a>]) -> Option<&'a Asset> {
    chapters.iter().flat_map(|chapter| chapter.lines).find_map(|line| match &line.event.fact {
        Fact::Decision(Decision::PlanAccepted { symbol, .. }) => Some(symbol.quote()),
        Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => None,
    })
}

fn protection_text(spans: &[GapSpan], protection: Protection) -> String {
    match protection {
        Protection::NothingHeld => return "nothing was ever held".to_owned(),
        Protection::NotTold => return painted(DIM, "a history of trades does not tell of stops"),
        Protection::Never => return painted(NOTICE, "unprotected: the plan never had a stop"),
        Protection::ByStop => {}
    }
    if spans.is_empty() {
        return painted(GOOD, "protected without a gap");
    }
    painted(ALARM, format!("protected with {}", gaps::summary(spans, None)))
}
