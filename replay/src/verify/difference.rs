//! Telling the first difference so that it can be understood: the input, both decisions, the ledger before, the chain
//! of causes.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::event::Event;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::scan_log;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, StoreError};
use retrace_projections::audit::event_line;
use retrace_projections::ledger::Book;
use retrace_projections::view::plan_view;

use super::Finding;
use crate::causation::Causation;

/// The finding that `recorded` and `made` differ, in a session that began with `begin`. `made` are the events that today's code
/// gives for the same input.
pub(crate) fn tell(
    reader: &dyn LogReader,
    session: SessionUid,
    begin: &Book,
    check: &'static str,
    what: &str,
    recorded: &Step,
    made: &[Event],
) -> Result<Finding, StoreError> {
    let place = recorded.events.iter().zip(made).take_while(|(was, is)| was == is).count();
    let (was, is) = (recorded.events.get(place), made.get(place));
    let seq = was.or(is).map_or(recorded.first_seq(), |event| event.seq);

    let first = recorded.first_seq();
    let mut causation = Causation::default();
    let note = &mut |step: Step| {
        causation.note(&step);
        step.first_seq() < first
    };
    scan_log(reader, session, note, &mut |_| {})?;
    let because = causation.chain(first);

    // Lines are made of those events alone that are in the chain: a long log is not held as text.
    let wanted: BTreeSet<Seq> = because.iter().copied().collect();
    let mut lines: BTreeMap<Seq, String> = BTreeMap::new();
    let mut before = begin.clone();
    let _ = scan_log(
        reader,
        session,
        &mut |step| {
            if step.first_seq() >= first {
                return false;
            }
            for event in &step.events {
                let applied = before.apply(event).is_ok();
                if wanted.contains(&event.seq) {
                    lines.insert(event.seq, event_line(event, &before));
                }
                if !applied {
                    return false;
                }
            }
            true
        },
        &mut |_| {},
    )?;

    let mut detail = Vec::new();
    if let Some(input) = recorded.events.first() {
        detail.push(format!(
            "input: {} {}",
            input.time,
            event_line(input, &after(&before, std::slice::from_ref(input)))
        ));
    }
    let told = |events: &[Event], event: Option<&Event>| match event {
        Some(event) => event_line(event, &after(&before, events)),
        None => "nothing".to_owned(),
    };
    detail.push(format!("recorded: {}", told(&recorded.events, was)));
    detail.push(format!("decided now: {}", told(made, is)));
    let plan = was.and_then(|event| event.plan).or_else(|| is.and_then(|event| event.plan));
    if let Some(plan) = plan.and_then(|no| before.plan(no)) {
        let view = plan_view(before.ledger(), plan, &|reference| Some(reference.to_string()));
        let json = serde_json::to_string(&view).unwrap_or_default();
        detail.push(format!("the plan before: {json}"));
    }
    for seq in because {
        let Some(line) = lines.get(&seq) else { break };
        detail.push(format!("because of event {seq}: {line}"));
    }
    Ok(Finding { check, seq: Some(seq), what: what.to_owned(), detail })
}

/// The book after as many of `events` as it takes.
fn after(before: &Book, events: &[Event]) -> Book {
    let mut book = before.clone();
    for event in events {
        if book.apply(event).is_err() {
            break;
        }
    }
    book
}
