//! A session file with all that it names, read and checked, and the running of it into a store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use retrace_core::content::{Content, ContentRef};
use retrace_core::event::Head;
use retrace_core::ids::{Seq, SessionName, SessionUid};
use retrace_core::instrument::Symbol;
use retrace_core::manifest::{Identity, Provenance};
use retrace_core::step::TapePosition;
use retrace_core::store::{LogStore, Manifest, StoreError};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, KillSwitch, Ledger, Plan, Refused};
use retrace_projections::lineage::{Ancestor, Origin};
use retrace_projections::view::{PlanView, plan_view};
use retrace_replay::DECISION_VERSION;
use retrace_replay::backtest::{Backtest, Given, RunError};
use retrace_replay::tape::{Seen, Tape};

use crate::input::digits;
use crate::input::directives::{self, DataSpan, Known, ParsedLine};
use crate::input::market::{self, Gaps, MarketData};
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::session::{self, SessionFile};
use crate::marks::{Marked, Marks};
use crate::recording::{Pace, StoreRecorder, Watching};

/// A session that can be run: everything it names was read and nothing in it is refused.
#[derive(Clone, Debug)]
pub struct LoadedSession {
    /// What decides what it does.
    pub identity: Identity,
    /// Where it was read from.
    pub provenance: Provenance,
    /// Its market data, which all that is run on it shares.
    pub tape: Arc<Tape>,
    /// What strategist and operator say, in order of time. Comments are sealed when it is run: their salts need its id.
    pub directives: Vec<ParsedLine>,
    /// What should be known of the market data, a market file each.
    pub data_notes: Vec<DataNote>,
    /// The last book of the session that it continues, where it does.
    pub parent: Option<Book>,
    /// The first of the sessions that it continues. Its comments are salted as that one's are, so that a directive which
    /// is given again has the body that it had.
    pub first: Option<SessionUid>,
}

/// What should be known of a market file before a result is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataNote {
    /// What it is the data of.
    pub symbol: Symbol,
    /// What is missing between its bars.
    pub gaps: Gaps,
    /// How many of its prices were rounded, and to how many decimals, where that was asked for.
    pub rounded: Option<(u64, u32)>,
}

/// The lines of a directive file as a session receives them, and the texts that stand beside its log.
pub type Sealed = (Vec<(Timestamp, Given)>, BTreeMap<ContentRef, Content>);

impl LoadedSession {
    /// The same under another name, which makes it another session.
    #[must_use]
    pub fn named(mut self, name: SessionName) -> Self {
        self.identity.name = name;
        self
    }

    /// The same as a session that goes on from the last of the ancestors of `origin`, whose last book that is: another
    /// session too.
    #[must_use]
    pub fn continuing(mut self, origin: Origin) -> Self {
        self.identity.continues = origin.ancestors.last().map(Ancestor::continued);
        self.first = origin.ancestors.first().map(|first| first.uid);
        self.parent = Some(origin.book);
        self
    }

    /// The book that it begins with.
    pub fn begin(&self) -> Book {
        match &self.parent {
            Some(parent) => Book::continuing(&self.identity, parent.clone()),
            None => Book::new(&self.identity),
        }
    }

    /// What its store keeps of it.
    pub fn manifest(&self) -> Manifest {
        Manifest { identity: self.identity.clone(), provenance: self.provenance.clone() }
    }

    /// The directives with their comments put out of line, as the session of that id receives them.
    pub fn sealed(&self, session: SessionUid) -> Sealed {
        let mut contents = BTreeMap::new();
        let mut received = Vec::with_capacity(self.directives.len());
        for parsed in &self.directives {
            let (at, given, content) = parsed.clone().seal(self.first.unwrap_or(session));
            received.push((at, given));
            contents.extend(content);
        }
        (received, contents)
    }

    /// What it trades on data without volume, so that no fill is capped.
    pub fn without_volume(&self) -> impl Iterator<Item = &Symbol> {
        let sets = self.tape.sets().iter();
        sets.filter(|set| set.bars.iter().all(|bar| bar.volume.is_none())).map(|set| &set.symbol)
    }
}

/// Reads the session file at `path`, its market data and its directives. Opens no store.
///
/// # Errors
/// [`InputProblem`] at the first thing that is wrong with any of them.
pub fn load(path: &Path) -> Result<LoadedSession, InputProblem> {
    load_after(path, Known::default())
}

/// The same of a session that goes on from another one, of which its directives may name what is `known`.
///
/// # Errors
/// As [`load`].
pub fn load_after(path: &Path, known: Known) -> Result<LoadedSession, InputProblem> {
    let file = session::read(path)?;
    let (tape, data_notes) = named_market(path, &file)?;
    of_file(path, file, tape, data_notes, known)
}

/// The market data of the session file at `path`.
///
/// # Errors
/// [`InputProblem`] at the first thing that is wrong with any of it.
pub(crate) fn named_market(path: &Path, file: &SessionFile) -> Result<(Tape, Vec<DataNote>), InputProblem> {
    read_market(file).map_err(|problem| {
        let index = file.market.iter().position(|market| market.path == problem.file()).unwrap_or_default();
        named_by(path, &format!("market[{index}].bars"), problem)
    })
}

/// The session of the session file at `path`, with the directives that this names, which may name what is `known`.
///
/// # Errors
/// [`InputProblem`] at the first thing that is wrong with them.
pub(crate) fn of_file(
    path: &Path,
    file: SessionFile,
    tape: Tape,
    data_notes: Vec<DataNote>,
    known: Known,
) -> Result<LoadedSession, InputProblem> {
    let directives = named_directives(path, &file)?;
    assemble(path, file, (Arc::new(tape), data_notes), &directives, known)
}

/// The bytes of the directive file that the session file at `path` names.
///
/// # Errors
/// [`InputProblem`] if it cannot be read.
pub(crate) fn named_directives(path: &Path, file: &SessionFile) -> Result<Vec<u8>, InputProblem> {
    directives::read_bytes(&file.directives).map_err(|problem| named_by(path, "strategy.directives", problem))
}

/// A session of the session file `file`, read from `path`, of its market data with what should be known of it, and of the
/// bytes of its directive file.
///
/// # Errors
/// [`InputProblem`] at the first directive that is wrong.
pub(crate) fn assemble(
    path: &Path,
    file: SessionFile,
    (tape, data_notes): (Arc<Tape>, Vec<DataNote>),
    directives: &[u8],
    known: Known,
) -> Result<LoadedSession, InputProblem> {
    let empty = || InputProblem::new(path, Rule::EmptyList).field("market");
    let (from, to) = tape.span().ok_or_else(empty)?;
    let data = DataSpan { from, to };
    let directives = directives::parse_after(&file.directives, directives, &file.instruments, data, known)?;
    digits::check(&file.directives, &directives, &file.instruments, &tape)?;
    let provenance = provenance(path, &file);
    let identity = Identity {
        name: file.name,
        mode: file.mode,
        instance: file.instance,
        strategy_digest: directives::strategy_digest(&directives),
        tape: tape.identity(),
        instruments: file.instruments,
        account: file.account,
        venue: file.venue,
        policy: file.policy.clone(),
        seed: 0,
        decision_version: DECISION_VERSION,
        nonce: None,
        continues: None,
    };
    Ok(LoadedSession { identity, provenance, tape, directives, data_notes, parent: None, first: None })
}

/// Reads all market files of a session, in their order, and what should be known of each.
///
/// # Errors
/// [`InputProblem`] at the first thing that is wrong with one of them.
pub fn read_market(file: &SessionFile) -> Result<(Tape, Vec<DataNote>), InputProblem> {
    let (mut sets, mut notes) = (Vec::new(), Vec::new());
    for entry in &file.market {
        let MarketData { data, gaps, rounded, .. } = market::read(entry, file.gaps).map_err(row_advice)?;
        let rounded = entry.decimals.map(|decimals| (rounded, decimals));
        notes.push(DataNote { symbol: data.symbol.clone(), gaps, rounded });
        sets.push(data);
    }
    Ok((Tape::new(sets), notes))
}

/// What there is to do about any row that is wrong by itself.
fn row_advice(problem: InputProblem) -> InputProblem {
    let of_row = problem.line().is_some_and(|line| line > 1) && problem.hint().is_none();
    if of_row {
        problem
            .with_hint("correct the row or leave it out: market data is never repaired, and missing bars are counted")
    } else {
        problem
    }
}

/// Where a file is named that is not there, or is no file.
fn named_by(session: &Path, key: &str, problem: InputProblem) -> InputProblem {
    if !matches!(problem.rule(), Rule::Unreadable { .. }) || problem.file().is_file() {
        return problem;
    }
    let hint = format!("{} names it under `{key}`; a relative path starts in that file's folder", session.display());
    problem.with_hint(hint)
}

/// Paths are kept absolute, so that a later check finds the files from any folder.
fn provenance(path: &Path, file: &SessionFile) -> Provenance {
    let mut paths: Vec<PathBuf> = vec![path.to_owned()];
    paths.extend(file.market.iter().map(|market| market.path.clone()));
    paths.push(file.directives.clone());
    provenance_of(paths, file.text.clone())
}

/// Of a session that was read from `paths`, the first as `config`.
pub(crate) fn provenance_of(paths: Vec<PathBuf>, config: String) -> Provenance {
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned();
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok();
    let nanos = since_epoch.and_then(|since| i64::try_from(since.as_nanos()).ok());
    Provenance {
        build: env!("CARGO_PKG_VERSION").to_owned(),
        sources: paths.into_iter().map(absolute).collect(),
        config,
        created_at: nanos.map(Timestamp::from_nanos),
        what_if: None,
    }
}

/// A session stopped while it ran. What was committed before stays in the store, as an interrupted session.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The store cannot take the session, or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine, the simulated venue or the store stopped the run.
    #[error(transparent)]
    Run(#[from] RunError<StoreError>),
}

/// A session that ran to its end.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its id.
    pub session: SessionUid,
    /// The head over its whole log.
    pub head: Head,
    /// Its last event; 0 for none.
    pub last_seq: Seq,
    /// How many Steps it has.
    pub steps: u64,
    /// The digest of its final ledger.
    pub ledger_digest: [u8; 32],
    /// Every plan that was taken on, in order of number, opened or not.
    pub plans: Vec<RecordedPlan>,
    /// Every refusal, in order.
    pub refusals: Vec<Refused>,
    /// The operator's kill switch, where it is on at the end.
    pub kill_switch: Option<KillSwitch>,
}

/// What became of a plan.
#[derive(Clone, Debug)]
pub struct RecordedPlan {
    /// Whether its first order ever came to be.
    pub opened: bool,
    /// The plan at the end.
    pub view: PlanView,
    /// Its open position at the last close; `None` when flat.
    pub mark: Option<Marked>,
}

/// Runs `loaded` into `store` from its first input to the end of its tape.
///
/// # Errors
/// [`RecordError`] if the store has a session of that name, or if anything stops the run.
pub fn record(store: &mut dyn LogStore, loaded: &LoadedSession) -> Result<Recorded, RecordError> {
    record_watched(store, loaded, Pace::USUAL, Watching::default())
}

/// The same, at this pace and telling `watching` of progress.
///
/// # Errors
/// As [`record`].
pub fn record_watched(
    store: &mut dyn LogStore,
    loaded: &LoadedSession,
    pace: Pace,
    watching: Watching<'_>,
) -> Result<Recorded, RecordError> {
    let session = store.create(&loaded.manifest())?;
    let (directives, contents) = loaded.sealed(session);
    let begin = loaded.begin();
    let mut recorder = StoreRecorder::new(store, session, contents, watching).at_pace(pace, &begin);
    let mut backtest = Backtest::beginning(&loaded.identity, &loaded.tape, directives, &begin);
    backtest.run(&mut recorder)?;
    Ok(conclude_run(session, loaded, backtest.state().ledger(), &mut recorder)?)
}

/// [`conclude`] for the run of a session file, which came to `ledger`.
pub(crate) fn conclude_run(
    session: SessionUid,
    loaded: &LoadedSession,
    ledger: &Ledger,
    recorder: &mut StoreRecorder<'_>,
) -> Result<Recorded, StoreError> {
    let comments: BTreeMap<_, _> = loaded
        .directives
        .iter()
        .filter_map(ParsedLine::directive)
        .map(|parsed| (&parsed.directive.directive_id, &parsed.comments))
        .collect();
    let text = |plan: &Plan| comments.get(&plan.accepted_by).copied().cloned().flatten();
    let last_row = TapePosition { rows: loaded.tape.rows(), points: 0 };
    let marks = Marks::of_tape(&loaded.tape, Seen::To(last_row), loaded.identity.venue.path);
    conclude(session, ledger, recorder, &text, Some(marks))
}

/// Seals a session that came to its end and says what it came to. `comment` finds the text of a plan's comment; without
/// `marks`, open positions stand at the price of the last fill.
///
/// # Errors
/// [`StoreError`] if the store cannot be written.
pub(crate) fn conclude(
    session: SessionUid,
    ledger: &Ledger,
    recorder: &mut StoreRecorder<'_>,
    comment: &dyn Fn(&Plan) -> Option<String>,
    marks: Option<Marks>,
) -> Result<Recorded, StoreError> {
    recorder.finish(ledger)?;
    let (ledger_digest, last_seq) = (ledger.digest(), recorder.appended());
    let plans = final_plans(ledger, recorder, comment, marks);
    let steps = recorder.steps();
    let head = recorder.store().head(session)?;
    let refusals = ledger.refusals().to_vec();
    let kill_switch = ledger.kill_switch().cloned();
    Ok(Recorded { session, head, last_seq, steps, ledger_digest, plans, refusals, kill_switch })
}

fn final_plans(
    ledger: &Ledger,
    recorder: &StoreRecorder<'_>,
    comment: &dyn Fn(&Plan) -> Option<String>,
    marks: Option<Marks>,
) -> Vec<RecordedPlan> {
    let mut plans: BTreeMap<_, &Plan> = recorder.sealed_plans().iter().map(|(no, plan)| (*no, plan)).collect();
    plans.extend(ledger.plans().map(|plan| (plan.no, plan)));
    let marks = marks.unwrap_or_else(|| Marks::of_fills(plans.values().copied()));
    let recorded = |plan: &Plan| {
        let text = |_| comment(plan);
        RecordedPlan { opened: plan.opened_at.is_some(), view: plan_view(ledger, plan, &text), mark: marks.of(plan) }
    };
    plans.into_values().map(recorded).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use retrace_core::memory::MemoryStore;
    use retrace_core::store::LogReader;

    use super::*;
    use crate::sample;

    fn sample() -> (tempfile::TempDir, LoadedSession) {
        let dir = tempfile::tempdir().unwrap();
        let paths = sample::write(dir.path(), sample::DEFAULT_SEED).unwrap();
        let loaded = load(&paths.session).unwrap();
        (dir, loaded)
    }

    #[test]
    fn a_run_does_not_depend_on_when_it_commits() {
        let (_dir, loaded) = sample();
        let mut heads = Vec::new();
        for commit_every in [0, 7, 4_096] {
            let pace = Pace { commit_every, ..Pace::USUAL };
            let mut store = MemoryStore::new();
            let recorded = record_watched(&mut store, &loaded, pace, Watching::default()).unwrap();
            assert_eq!(store.watermark(recorded.session).unwrap().durable_seq, recorded.last_seq);
            heads.push((recorded.head, recorded.ledger_digest));
        }
        assert_eq!(heads[0], heads[1]);
        assert_eq!(heads[0], heads[2]);
    }

    #[test]
    fn whoever_watches_is_told_of_what_is_durable_and_of_no_more() {
        let (_dir, loaded) = sample();
        let told = RefCell::new(Vec::new());
        let watching = Watching { on_durable: Some(Box::new(|seq: Seq| told.borrow_mut().push(seq))), on_row: None };
        let pace = Pace { commit_every: 10, ..Pace::USUAL };
        let recorded = record_watched(&mut MemoryStore::new(), &loaded, pace, watching).unwrap();
        let told = told.into_inner();
        assert!(told.len() > 10 && told.is_sorted(), "{told:?}");
        assert_eq!(told.last(), Some(&recorded.last_seq));
    }

    #[test]
    fn the_texts_stand_beside_the_log_and_the_digest_is_kept() {
        let (_dir, loaded) = sample();
        let mut store = MemoryStore::new();
        let recorded = record(&mut store, &loaded).unwrap();
        let (_, contents) = loaded.sealed(recorded.session);
        assert!(contents.len() >= 8);
        for (reference, content) in contents {
            assert_eq!(store.content(recorded.session, reference).unwrap(), Some(content));
        }
        let checkpoints = store.checkpoints(recorded.session).unwrap();
        let noted: Vec<_> = checkpoints.iter().map(|noted| (noted.projection.as_str(), noted.finished)).collect();
        assert_eq!(noted, [("decisions", true), ("strategy_ledger", true)]);
        assert_eq!(checkpoints[1].digest, recorded.ledger_digest);
    }

    #[test]
    fn another_name_is_another_session_and_the_same_one_is_refused() {
        let (_dir, loaded) = sample();
        let mut store = MemoryStore::new();
        let first = record(&mut store, &loaded).unwrap();
        let again = record(&mut store, &loaded).unwrap_err();
        assert!(matches!(again, RecordError::Store(StoreError::SessionExists { .. })), "{again}");
        let other = record(&mut store, &loaded.clone().named(SessionName::new("other").unwrap())).unwrap();
        assert_ne!((first.session, first.head), (other.session, other.head));
        assert_eq!(first.last_seq, other.last_seq);
    }
}
