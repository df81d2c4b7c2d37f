//! `retrace audit`: the whole story of one plan.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::content::ContentRef;
use retrace_core::event::{Decision, Fact, Input, Outcome};
use retrace_core::ids::{PlanId, Seq, SessionName, SessionUid};
use retrace_core::index::{IndexEntry, index_entries};
use retrace_core::log::LogFault;
use retrace_core::manifest::Mode;
use retrace_core::store::{LogReader, StoreError};
use retrace_projections::audit::{Auditor, GapSpan, ResultView, Story, StoryLine};
use retrace_projections::ledger::Book;
use serde::Serialize;

use super::Status;
use super::stored::{Db, StoredSession, lost_session};
use crate::error::{CliError, Place};
use crate::output::Output;
use crate::output::story::{self, Protection};
use crate::output::style::{BOLD, DIM, painted};
use crate::output::text::short_id;

/// Tell the whole story of a plan
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Plan to tell of
    plan: String,
    #[command(flatten)]
    db: Db,
    /// Session that the plan belongs to; not needed where only one has it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    plan_id: &'a PlanId,
    session: &'a SessionName,
    outcome: Option<Outcome>,
    result: Option<&'a ResultView>,
    protection_gap: &'a [GapSpan],
    story: Vec<Line<'a>>,
}

/// A line with the text that stands beside the log.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    line: &'a StoryLine,
    /// Only for a directive that has a comment, unless that was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

/// A plan's story with what stands beside the log.
struct Told {
    story: Story,
    session: SessionName,
    /// The strategist's comments, by the event that received them.
    comments: BTreeMap<Seq, String>,
    protection: Protection,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let given = PlanId::new(&args.plan)?;
    let reader = args.db.open()?;
    let session = args.session.as_ref().map(|name| StoredSession::find(&reader, name)).transpose()?;
    let plan = spelled_out(&reader, given, session.as_ref());
    let told = match &session {
        Some(session) => tell(session, &plan)?.ok_or_else(|| no_plan(&reader, plan.clone(), Some(session)))?,
        None => tell_the_only_one(&reader, &plan)?,
    };
    let Told { story, session, comments, protection } = &told;
    if output.is_json() {
        let comment = |line: &StoryLine| comments.get(&line.event.seq).map(String::as_str);
        output.document(&Document {
            plan_id: &story.plan_id,
            session,
            outcome: story.outcome,
            result: story.result.as_ref(),
            protection_gap: &story.protection_gap,
            story: story.story.iter().map(|line| Line { line, comment: comment(line) }).collect(),
        })?;
        return Ok(Status::Fine);
    }
    let page = output.page();
    writeln!(page, "{}  {}", painted(BOLD, plan), painted(DIM, format!("in session {session}")))?;
    for line in story::lines(story, comments, *protection) {
        writeln!(page, "{line}")?;
    }
    Ok(Status::Fine)
}

/// Where several sessions have the plan, the user chooses. Where none took it on, a session may still have refused it.
fn tell_the_only_one(reader: &dyn LogReader, plan: &PlanId) -> Result<Told, CliError> {
    let sessions = reader.sessions()?;
    let mut having = Vec::new();
    for (name, uid) in &sessions {
        if plans_of(reader, *uid, Some(plan))?.contains(plan) {
            having.push((name.clone(), *uid));
        }
    }
    if having.len() > 1 {
        let sessions = having.into_iter().map(|(name, _)| name).collect();
        return Err(CliError::PlanInSeveral { plan: plan.clone(), sessions });
    }
    let candidates = if having.is_empty() { sessions } else { having };
    let mut told = Vec::new();
    for (name, uid) in candidates {
        told.extend(tell(&StoredSession::of(reader, name, uid)?, plan)?);
    }
    if told.len() > 1 {
        let sessions = told.into_iter().map(|told| told.session).collect();
        return Err(CliError::PlanInSeveral { plan: plan.clone(), sessions });
    }
    told.pop().ok_or_else(|| no_plan(reader, plan.clone(), None))
}

/// The plan's story in one session; `None` where that never mentions it.
fn tell(session: &StoredSession<'_>, plan: &PlanId) -> Result<Option<Told>, CliError> {
    let mut book = Book::new(session.identity());
    let mut auditor = Auditor::new(plan.clone());
    session.read(&mut |step| auditor.follow(&mut book, step).map_err(Into::into))?;
    let Some(story) = auditor.finish(&book) else { return Ok(None) };
    let had_stop = story
        .story
        .iter()
        .any(|line| matches!(&line.event.fact, Fact::Decision(Decision::ExitsSet { stop: Some(_), .. })));
    let plan = book.ledger().plan_number(plan).and_then(|no| book.plan(no));
    let held = plan.is_some_and(|plan| plan.orders().any(|order| !order.filled().is_flat()));
    let protection = match (held, had_stop) {
        _ if session.identity().mode == Mode::Import => Protection::NotTold,
        (false, _) => Protection::NothingHeld,
        (true, false) => Protection::Never,
        (true, true) => Protection::ByStop,
    };
    let comments = story.story.iter().filter_map(|line| Some((line.event.seq, session.text(comment_of(line)?)?)));
    Ok(Some(Told { comments: comments.collect(), story, session: session.name.clone(), protection }))
}

fn comment_of(line: &StoryLine) -> Option<ContentRef> {
    match &line.event.fact {
        Fact::Input(Input::DirectiveReceived(directive)) => directive.comments,
        Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => None,
    }
}

/// Derived ids are printed shortened; such a one may be given as it was printed where only one plan has it.
fn spelled_out(reader: &dyn LogReader, given: PlanId, session: Option<&StoredSession<'_>>) -> PlanId {
    let known = known_plans(reader, session);
    let mut meant = known.into_iter().filter(|plan| *plan == given || short_id(plan.as_str()) == given.as_str());
    match (meant.next(), meant.next()) {
        (Some(only), None) => only,
        (None, _) | (Some(_), Some(_)) => given,
    }
}

fn no_plan(reader: &dyn LogReader, plan: PlanId, session: Option<&StoredSession<'_>>) -> CliError {
    if let (None, Some(lost)) = (session, lost_session(reader)) {
        return lost.into();
    }
    let place = session.map_or(Place::Store, |session| Place::Session(session.name.clone()));
    CliError::NoPlan { plan, place, known: known_plans(reader, session) }
}

/// The plans that one session or all of them took on, as far as they can be read: for hints.
fn known_plans(reader: &dyn LogReader, session: Option<&StoredSession<'_>>) -> Vec<PlanId> {
    let sessions = match session {
        Some(session) => vec![session.uid],
        None => reader.sessions().unwrap_or_default().into_iter().map(|(_, uid)| uid).collect(),
    };
    let plans = sessions.into_iter().filter_map(|uid| plans_of(reader, uid, None).ok()).flatten();
    let known: BTreeSet<PlanId> = plans.collect();
    known.into_iter().collect()
}

/// The plans that a session took on, from the index and the block that is still open; with `only`, no others need be
/// looked for.
fn plans_of(reader: &dyn LogReader, session: SessionUid, only: Option<&PlanId>) -> Result<Vec<PlanId>, CliError> {
    const ANY_PLAN_NAME: &[u8] = b"n";
    let prefix = only.map_or_else(|| ANY_PLAN_NAME.to_vec(), IndexEntry::plan_name_prefix);
    let mut entries = reader.index(session, &prefix)?;
    for (seq, frame) in reader.open_frames(session)? {
        let of_frame = index_entries(&frame, 0).map_err(|source| {
            let fault = LogFault::Frame { seq, source };
            CliError::Store(StoreError::Damaged { place: format!("session {session}"), what: fault.to_string() })
        })?;
        entries.extend(of_frame);
    }
    let named = entries.into_iter().filter_map(|entry| match entry {
        IndexEntry::PlanName { plan_id, .. } => Some(plan_id),
        IndexEntry::Plan { .. } | IndexEntry::Directive { .. } | IndexEntry::Kind { .. } => None,
    });
    Ok(named.collect())
}
