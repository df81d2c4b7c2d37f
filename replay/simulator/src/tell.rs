//! Tells what happened in a world, for someone who trades.

use std::fmt::Write as _;

use retrace_core::event::{Fact, Input};
use retrace_core::policy::{BatchDefaults, BatchPolicy};
use retrace_projections::audit::event_line;
use retrace_projections::ledger::Book;

use crate::limits::Limits;
use crate::script::{Ending, Script, Trick};
use crate::units::millis;
use crate::world::Played;

/// The story of a world: its rules, its tricks, then every event as the log has it, and what was found.
pub fn story(script: &Script, played: &Played) -> String {
    let mut text = String::new();
    let rules = script.rules;
    let _ = writeln!(
        text,
        "seed {}: tick 0.1, lot 0.1, minimum notional {}, fees in {}, {}",
        script.seed,
        rules.min_notional,
        if rules.fee_in_base { "base" } else { "quote" },
        rules.profile.told(),
    );
    if script.batches != BatchDefaults::default() {
        let _ = writeln!(text, "  {}", batch_defaults(&script.batches));
    }
    if script.limits != Limits::default() {
        let _ = writeln!(text, "  {}", limits(&script.limits));
    }
    for trick in Trick::ALL {
        let odds = script.mischief.odds(trick);
        if odds > 0 {
            let _ = writeln!(text, "  trick {trick:?}, {odds} in 1000");
        }
    }
    for restart in &script.restarts {
        let how = match restart.how {
            Ending::Orderly => "in order",
            Ending::Torn => "and loses what was not durable",
            Ending::Unreleased => "before anything of its last Step leaves",
        };
        let _ = writeln!(text, "  after input {} the engine ends, {how}, and begins again from its log", restart.after);
    }
    for outage in &script.outages {
        let known = if outage.told { ", and the engine knows" } else { "" };
        let _ = writeln!(text, "  nothing comes through from {} to {}{known}", clock(outage.from), clock(outage.to));
    }
    text.push('\n');
    let mut book = Book::new(&played.identity);
    for step in &played.log {
        for event in &step.events {
            let folded = book.apply(event);
            let plan = event.plan.and_then(|no| book.plan(no)).map_or("", |plan| plan.id.as_str());
            let (time, indent) = match event.fact {
                Fact::Input(_) => (clock(millis(step.time)), ""),
                Fact::Decision(_) | Fact::Unknown(_) => (String::new(), "  "),
            };
            let line = match (&event.fact, folded) {
                (_, Err(error)) => error.to_string(),
                (Fact::Input(Input::PriceMoved(moved)), Ok(())) => {
                    format!("price     {} {}", moved.symbol, moved.mark.long)
                }
                (_, Ok(())) => event_line(event, &book),
            };
            let _ = writeln!(text, "{time:>12} {:>4} {plan:<6} {indent}{line}", event.seq);
        }
    }
    if let Some(finding) = &played.finding {
        let _ = writeln!(text, "\n{}: {finding}", finding.kind());
    }
    text
}

/// How directives that say nothing of coordination are carried out.
fn batch_defaults(defaults: &BatchDefaults) -> String {
    let BatchDefaults { new_trade, modify_existing, close_existing } = defaults;
    let all = [("open", new_trade), ("change", modify_existing), ("close", close_existing)];
    let told = |(what, policy): (&str, &Option<BatchPolicy>)| {
        policy.map(|BatchPolicy { execution_mode, timeout, rollback_on_failure }| {
            let timeout = timeout.map(|timeout| format!(" within {} s", timeout.nanos() / 1_000_000_000));
            let back = if rollback_on_failure { ", rolled back" } else { "" };
            format!("{what} {execution_mode}{}{back}", timeout.unwrap_or_default())
        })
    };
    format!("unless told otherwise: {}", all.into_iter().filter_map(told).collect::<Vec<_>>().join("; "))
}

/// The limits there are.
fn limits(limits: &Limits) -> String {
    let Limits { order, position, notional, account, collar, per_minute, open, cash } = limits;
    let all = [
        ("lots an order", order),
        ("lots a position", position),
        ("quote an order", notional),
        ("quote in all", account),
        ("thousandths from the price", collar),
        ("orders a minute", per_minute),
        ("orders at once", open),
        ("quote of cash", cash),
    ];
    let given = all.iter().filter_map(|(what, limit)| limit.map(|limit| format!("{limit} {what}")));
    format!("at most {}", given.collect::<Vec<_>>().join(", "))
}

/// A time of a world as minutes, seconds and thousandths.
fn clock(millis: i64) -> String {
    format!("{}:{:02}.{:03}", millis / 60_000, millis / 1_000 % 60, millis % 1_000)
}
