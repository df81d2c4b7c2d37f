//! `retrace audit`: the whole story of one plan.

use std::collections::{BTreeMap, BTreeSet};

use retrace_core::content::ContentRef;
use retrace_core::event::{Decision, Fact, Input, Outcome};
use retrace_core::ids::{PlanId, Seq, SessionName, SessionUid};
use retrace_core::index::{IndexEntry, index_entries};
use retrace_core::log::LogFault;
use retrace_core::manifest::Mode;
use retrace_core::saved::SavedAt;
use retrace_core::store::{LogReader, StoreError};
use retrace_core::time::Timestamp;
use retrace_projections::audit::{Auditor, GapSpan, ResultView, Story, StoryLine};
use retrace_projections::lineage::Origin;
use serde::Serialize;

use super::Status;
use super::states::{Saved, SavedStates};
use super::stored::{Db, StoredSession, lost_session};
use crate::error::{CliError, Place};
use crate::output::Output;
use crate::output::story::{self, Chapter, Protection};
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
    #[command(flatten)]
    states: SavedStates,
}

/// The shape of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    plan_id: &'a PlanId,
    session: &'a SessionName,
    outcome: Option<Outcome>,
    result: Option<&'a ResultView>,
    protection_gap: &'a [GapSpan],
    /// The story in the sessions that this one continues, the first of them first; absent where it begins here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<BeforeView<'a>>,
    story: Vec<Line<'a>>,
}

/// What a session holds of the story that another one continues.
#[derive(Serialize)]
struct BeforeView<'a> {
    session: &'a SessionName,
    /// Its last event before it was continued.
    events: Seq,
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
    /// What sessions hold of it that this one continues, the first of them first.
    before: Vec<Before>,
    /// The gaps in its protection, in all of them.
    gaps: Vec<GapSpan>,
}

/// What a session that is continued holds of a story.
struct Before {
    session: SessionName,
    events: Seq,
    story: Vec<StoryLine>,
    comments: BTreeMap<Seq, String>,
}

pub(super) fn perform(args: &Args, output: &mut Output) -> Result<Status, CliError> {
    let given = PlanId::new(&args.plan)?;
    let reader = args.db.open()?;
    let session = args.session.as_ref().map(|name| StoredSession::find(&reader, name)).transpose()?;
    let plan = spelled_out(&reader, given, session.as_ref());
    let told = match &session {
        Some(session) => {
            tell(session, &plan, args.states)?.ok_or_else(|| no_plan(&reader, plan.clone(), Some(session)))?
        }
        None => tell_the_only_one(&reader, &plan, args.states)?,
    };
    let Told { story, session, comments, protection, before, gaps } = &told;
    if output.is_json() {
        output.document(&Document {
            plan_id: &story.plan_id,
            session,
            outcome: story.outcome,
            result: story.result.as_ref(),
            protection_gap: gaps,
            before: before.iter().map(Before::view).collect(),
            story: with_comments(&story.story, comments),
        })?;
        return Ok(Status::Fine);
    }
    let page = output.page();
    writeln!(page, "{}  {}", painted(BOLD, plan), painted(DIM, format!("in session {session}")))?;
    for line in story::lines(&chapters(&told), story, gaps, *protection) {
        writeln!(page, "{line}")?;
    }
    Ok(Status::Fine)
}

fn with_comments<'a>(story: &'a [StoryLine], comments: &'a BTreeMap<Seq, String>) -> Vec<Line<'a>> {
    let comment = |line: &StoryLine| comments.get(&line.event.seq).map(String::as_str);
    story.iter().map(|line| Line { line, comment: comment(line) }).collect()
}

impl Before {
    fn view(&self) -> BeforeView<'_> {
        let Self { session, events, story, comments } = self;
        BeforeView { session, events: *events, story: with_comments(story, comments) }
    }
}

/// What each session holds of the story, the last one that which it is told of.
fn chapters(told: &Told) -> Vec<Chapter<'_>> {
    let Told { story, session, comments, before, .. } = told;
    let own = Chapter {
        heading: (!before.is_empty()).then(|| format!("in session {session}")),
        lines: &story.story,
        comments,
    };
    let chapter = |before: &'_ Before| format!("in session {}, up to event {}", before.session, before.events);
    let others = before.iter().map(|part| Chapter {
        heading: Some(chapter(part)),
        lines: &part.story,
        comments: &part.comments,
    });
    others.chain([own]).collect()
}

/// Where several sessions have the plan, the user chooses, unless one of them continues all the others: its story is
/// theirs, too. Where none took it on, a session may still have refused it.
fn tell_the_only_one(reader: &dyn LogReader, plan: &PlanId, states: SavedStates) -> Result<Told, CliError> {
    let (mut having, mut others) = (Vec::new(), Vec::new());
    for (name, uid) in reader.sessions()? {
        if plans_of(reader, uid, Some(plan))?.contains(plan) {
            having.push((name, uid));
        } else {
            others.push((name, uid));
        }
    }
    let (mut told, mut continued) = (Vec::new(), BTreeSet::new());
    let took_it_on: BTreeSet<SessionUid> = having.iter().map(|(_, uid)| *uid).collect();
    for (name, uid) in std::mem::take(&mut others) {
        let session = StoredSession::of(reader, name.clone(), uid)?;
        let carried = session.ancestors().iter().any(|ancestor| took_it_on.contains(ancestor));
        match if carried { tell(&session, plan, states)? } else { None } {
            Some(story) => {
                continued.extend(session.ancestors().iter().copied());
                told.push((uid, story));
            }
            None => others.push((name, uid)),
        }
    }
    // Where none took it on, nobody carried it over.
    let candidates = if having.is_empty() { others } else { having };
    for (name, uid) in candidates {
        if !continued.contains(&uid) {
            told.extend(tell(&StoredSession::of(reader, name, uid)?, plan, states)?.map(|story| (uid, story)));
        }
    }
    told.retain(|(uid, _)| !continued.contains(uid));
    if told.len() > 1 {
        let sessions = told.into_iter().map(|(_, told)| told.session).collect();
        return Err(CliError::PlanInSeveral { plan: plan.clone(), sessions });
    }
    told.pop().map(|(_, told)| told).ok_or_else(|| no_plan(reader, plan.clone(), None))
}

/// The plan's story in one session, with what the sessions hold of it that it continues; `None` where that one never
/// mentions it.
fn tell(session: &StoredSession<'_>, plan: &PlanId, states: SavedStates) -> Result<Option<Told>, CliError> {
    if let Some(Saved { place, book }) = states.before_plan(session, plan) {
        // Where the log cannot be read on from there, folding all of it says why.
        if let Ok(told) = tell_behind(session, plan, Some(&place), Origin { book, ancestors: Vec::new() }) {
            return Ok(told);
        }
    }
    tell_behind(session, plan, None, session.origin()?)
}

/// The same from `place` on, before which nothing is said of the plan, or from the session's first event.
fn tell_behind(
    session: &StoredSession<'_>,
    plan: &PlanId,
    place: Option<&SavedAt>,
    origin: Origin,
) -> Result<Option<Told>, CliError> {
    let known_before = origin.book.ledger().plan_number(plan).is_some();
    let mut book = origin.book;
    let mut auditor = Auditor::new(plan.clone());
    session.read_behind(place, &mut |step| auditor.follow(&mut book, step).map_err(Into::into))?;
    let Some(story) = auditor.finish(&book) else { return Ok(None) };
    let (mut before, mut gaps) = (Vec::new(), Vec::new());
    for ancestor in origin.ancestors.iter().filter(|_| known_before) {
        let parent = StoredSession::of(session.reader, ancestor.name.clone(), ancestor.uid)?;
        let mut auditor = Auditor::new(plan.clone());
        let mut book = parent.origin()?.book;
        let mut broken = None;
        let read = ancestor.read(session.reader, &mut |step| {
            if broken.is_none() {
                broken = auditor.follow(&mut book, step).err();
            }
        });
        read.map_err(|source| CliError::Lineage { session: session.name.clone(), source: Box::new(source) })?;
        broken.map_or(Ok(()), |source| Err(CliError::History { session: parent.name.clone(), source }))?;
        if let Some(Story { story, protection_gap, .. }) = auditor.finish(&book) {
            join(&mut gaps, protection_gap, story.first().map(|line| line.event.at));
            let comments = comments_of(&parent, &story);
            before.push(Before { session: parent.name, events: ancestor.events, story, comments });
        }
    }
    join(&mut gaps, story.protection_gap.clone(), story.story.first().map(|line| line.event.at));
    let all_lines = before.iter().flat_map(|part| &part.story).chain(&story.story);
    let had_stop = all_lines
        .into_iter()
        .any(|line| matches!(&line.event.fact, Fact::Decision(Decision::ExitsSet { stop: Some(_), .. })));
    let plan = book.ledger().plan_number(plan).and_then(|no| book.plan(no));
    let held = plan.is_some_and(|plan| plan.orders().any(|order| !order.filled().is_flat()));
    let protection = match (held, had_stop) {
        _ if session.identity().mode == Mode::Import => Protection::NotTold,
        (false, _) => Protection::NothingHeld,
        (true, false) => Protection::Never,
        (true, true) => Protection::ByStop,
    };
    let comments = comments_of(session, &story.story);
    Ok(Some(Told { comments, story, session: session.name.clone(), protection, before, gaps }))
}

fn comments_of(session: &StoredSession<'_>, story: &[StoryLine]) -> BTreeMap<Seq, String> {
    story.iter().filter_map(|line| Some((line.event.seq, session.text(comment_of(line)?)?))).collect()
}

/// Puts a session's gaps behind those of the sessions before. One that was open when the last of them ended went on
/// until the session began, at `begun`, and may go on in it.
fn join(gaps: &mut Vec<GapSpan>, mut next: Vec<GapSpan>, begun: Option<Timestamp>) {
    if let (Some(open), Some(begun)) = (gaps.last_mut().filter(|gap| gap.to.is_none()), begun) {
        let same = |gap: &&mut GapSpan| gap.from == begun && (gap.quantity, gap.reason) == (open.quantity, open.reason);
        if let Some(goes_on) = next.first_mut().filter(same) {
            goes_on.from = open.from;
            goes_on.duration = goes_on.to.map(|to| to.since(open.from));
            gaps.pop();
        } else {
            (open.to, open.duration) = (Some(begun), Some(begun.since(open.from)));
        }
    }
    gaps.append(&mut next);
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
        Some(session) => [&[session.uid], session.ancestors()].concat(),
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
