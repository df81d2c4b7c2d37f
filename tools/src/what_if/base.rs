//! The session that something is changed of, read again whole, and what it is with changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use retrace_core::event::Head;
use retrace_core::ids::{SessionName, SessionUid};
use retrace_core::manifest::{Change, Identity, Mode, WhatIf};
use retrace_core::store::Manifest;
use retrace_projections::lineage::Origin;
use retrace_replay::DECISION_VERSION;
use retrace_replay::continuing::can_continue;
use retrace_replay::tape::Tape;

use super::WhatIfError;
use super::edit::{Edit, Target};
use super::lines::{as_changed, ask_by_one, change_directives, is_picked, is_time, read_line, root_of};
use super::name;
use super::path::{Reach, Tally, get};
use crate::input::directives;
use crate::input::directives::Known;
use crate::input::problem::InputProblem;
use crate::input::rule::Rule;
use crate::input::session::{self, SessionFile};
use crate::input::tree::Tree;
use crate::session::{DataNote, LoadedSession, assemble, read_market};

/// All changes of a session and of its ancestors together have at most so many bytes: they stand in its provenance.
const CHANGES_MAX: usize = 256 * 1024;

/// A stored session, as the parent of what-ifs.
pub(crate) struct Parent {
    /// The name by which its store knows it.
    pub(crate) name: SessionName,
    /// Its id.
    pub(crate) uid: SessionUid,
    /// The head over all of its log.
    pub(crate) head: Head,
    /// What it is and where it was made.
    pub(crate) manifest: Manifest,
}

/// The files of a parent, where they are not where it found them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Elsewhere<'a> {
    /// The folder of the market files.
    pub(crate) market_dir: Option<&'a Path>,
    /// The directive file.
    pub(crate) directives: Option<&'a Path>,
}

/// A parent with all that is needed to run it with something changed.
pub(crate) struct Base {
    parent: Parent,
    /// What was changed of the parent itself, from its first ancestor on.
    before: Vec<Change>,
    /// Where the session file was, which its relative paths start from.
    path: PathBuf,
    config: Tree,
    market_dir: Option<PathBuf>,
    directives: PathBuf,
    /// The lines of the directive file, the parent's own changes made.
    lines: Vec<Vec<u8>>,
    market: (Arc<Tape>, Vec<DataNote>),
    /// What the parent goes on from, where it continues another session.
    origin: Option<Origin>,
    /// The parent once more, under the code of today.
    again: LoadedSession,
}

/// What one change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// As on the command line.
    pub(crate) edit: Edit,
    /// How many values are others now, and how many said the same before.
    pub(crate) tally: Tally,
    /// The lines of the directive file that it is about.
    lines: Vec<u32>,
}

/// A parent with something changed: a session that can be run.
pub(crate) struct Variant {
    /// The session, under the name that follows from its parent's and the changes.
    pub(crate) loaded: LoadedSession,
    /// What each change did.
    pub(crate) effects: Vec<Effect>,
    /// The parent, but for the name: nothing that counts was changed.
    pub(crate) is_parent: bool,
}

impl Base {
    /// Reads all that `parent` was run on, its files being `elsewhere` where that says so. `origin` is what was left by the
    /// session that it continues, if it continues one.
    ///
    /// # Errors
    /// [`WhatIfError`] if it is no backtest, or if its files are not there or are not what it was run on.
    pub(crate) fn of(parent: Parent, elsewhere: Elsewhere<'_>, origin: Option<Origin>) -> Result<Self, WhatIfError> {
        let session = || parent.name.clone();
        let Manifest { identity, provenance } = &parent.manifest;
        if identity.mode != Mode::Backtest {
            return Err(WhatIfError::NotABacktest { session: session(), mode: identity.mode });
        }
        let unreadable = |source| WhatIfError::Parent { session: parent.name.clone(), source };
        let path = PathBuf::from(provenance.sources.first().map_or("", String::as_str));
        let file = session::parse(&path, &provenance.config).map_err(unreadable)?;
        let config = Tree::from_yaml(&provenance.config).map_err(|no_tree| {
            unreadable(InputProblem::new(&path, Rule::Syntax { grammar: "YAML", reason: no_tree.reason }))
        })?;
        let market_dir = elsewhere.market_dir.map(Path::to_owned);
        let file = moved(file, market_dir.as_deref());
        let (tape, notes) = read_market(&file).map_err(unreadable)?;
        if tape.identity() != identity.tape {
            return Err(WhatIfError::OtherMarket { session: session() });
        }
        let market = (Arc::new(tape), notes);
        let directives = elsewhere.directives.unwrap_or(&file.directives).to_owned();
        let bytes = directives::read_bytes(&directives).map_err(unreadable)?;
        let (lines, before) = as_changed(&bytes, provenance)?;
        let known = origin.as_ref().map(|origin| Known::of(&origin.book)).unwrap_or_default();
        let again = assemble(&path, with_directives(file, &directives), market.clone(), &lines.join(&b'\n'), known);
        let again = going_on(again.map_err(unreadable)?, origin.as_ref(), identity);
        if again.identity.strategy_digest != identity.strategy_digest {
            return Err(WhatIfError::OtherDirectives { session: session(), path: directives });
        }
        if !is_same(&again.identity, identity) {
            return Err(WhatIfError::OtherConfig { session: session() });
        }
        Ok(Self { parent, before, path, config, market_dir, directives, lines, market, origin, again })
    }

    /// The session that something is changed of.
    pub(crate) const fn parent(&self) -> &Parent {
        &self.parent
    }

    /// The parent once more, as the code of today runs it.
    pub(crate) const fn again(&self) -> &LoadedSession {
        &self.again
    }

    /// The version of the engine that decided the parent, where that is not today's.
    pub(crate) fn decided_by_other_code(&self) -> Option<u32> {
        Some(self.parent.manifest.identity.decision_version).filter(|version| *version != DECISION_VERSION)
    }

    /// The parent with `edits` made, in their order.
    ///
    /// # Errors
    /// [`WhatIfError`] if one of them finds no place, or if what comes of them is refused as a file would be.
    pub(crate) fn with(&self, edits: &[Edit]) -> Result<Variant, WhatIfError> {
        self.check_length(edits)?;
        let mut config = self.config.clone();
        let mut lines = self.lines.clone();
        let mut effects = Vec::new();
        for edit in edits {
            let (tally, touched) = match &edit.target {
                Target::Session(path) => {
                    let tally = edit.make(&mut config, path.segments(), edit.reach());
                    (tally.map_err(|fault| WhatIfError::Path { edit: edit.to_string(), fault })?, Vec::new())
                }
                Target::Directives { .. } => change_directives(&mut lines, edit, edit.reach())?,
            };
            if tally == Tally::default() {
                return Err(self.finds_no_place(edit));
            }
            effects.push(Effect { edit: edit.clone(), tally, lines: touched });
        }
        let refused = |problem: InputProblem, in_directives| refused(problem, &effects, in_directives);
        let file = self.session_file(&config).map_err(|problem| refused(problem, false))?;
        let loaded = assemble(&self.path, file, self.market.clone(), &lines.join(&b'\n'), self.known());
        let loaded = loaded.map_err(|problem| refused(problem, true))?;
        self.check_continues(&loaded, edits)?;
        let parent = &self.parent;
        let mut loaded = going_on(loaded, self.origin.as_ref(), &parent.manifest.identity);
        loaded.provenance.what_if = Some(WhatIf {
            parent: parent.name.clone(),
            uid: parent.uid,
            head: parent.head,
            before: self.before.clone(),
            changes: edits.iter().map(|edit| edit.change().clone()).collect(),
        });
        let is_parent = is_same(&loaded.identity, &parent.manifest.identity);
        let name = name::of(&parent.name, edits);
        Ok(Variant { loaded: loaded.named(name), effects, is_parent })
    }

    /// What stands where `edit` goes, where that is one text in all places.
    pub(crate) fn stands(&self, edit: &Edit) -> Option<String> {
        let mut found = Vec::new();
        let trees: Vec<Tree>;
        match &edit.target {
            Target::Session(path) => get(&self.config, path.segments(), &mut found),
            Target::Directives { pick, way } => {
                trees = self.lines.iter().filter_map(|line| read_line(line)).collect();
                for tree in &trees {
                    if let Some(root) = root_of(tree).filter(|root| is_picked(root, pick)) {
                        get(if is_time(way) { tree } else { root }, way, &mut found);
                    }
                }
            }
        }
        let (first, rest) = found.split_first()?;
        let text = first.text()?;
        rest.iter().all(|other| other.says_the_same(first)).then(|| text.to_owned())
    }

    /// `config` as the reader takes it, with the files where they are.
    fn session_file(&self, config: &Tree) -> Result<SessionFile, InputProblem> {
        // Untouched, it stays what was written, comments and all.
        let text =
            if *config == self.config { self.parent.manifest.provenance.config.clone() } else { config.to_yaml() };
        let file = session::parse(&self.path, &text)?;
        Ok(with_directives(moved(file, self.market_dir.as_deref()), &self.directives))
    }

    /// What the directives may name beside their own plans.
    fn known(&self) -> Known {
        self.origin.as_ref().map(|origin| Known::of(&origin.book)).unwrap_or_default()
    }

    /// Whether what came of `edits` still goes on from what the parent went on from.
    fn check_continues(&self, loaded: &LoadedSession, edits: &[Edit]) -> Result<(), WhatIfError> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let (Some(ancestor), Some((begins, _))) = (origin.ancestors.last(), loaded.tape.span()) else { return Ok(()) };
        can_continue(&loaded.identity, begins, ancestor, origin.book.ledger()).map_err(|source| {
            let edits = edits.iter().map(Edit::to_string).collect();
            WhatIfError::NotContinued { edits, source: Box::new(source) }
        })
    }

    fn check_length(&self, edits: &[Edit]) -> Result<(), WhatIfError> {
        let length = |change: &Change| change.path.len() + change.value.as_ref().map_or(0, String::len);
        let changes = self.before.iter().chain(edits.iter().map(Edit::change));
        let bytes: usize = changes.map(length).sum();
        if bytes > CHANGES_MAX { Err(WhatIfError::TooLong { bytes, max: CHANGES_MAX }) } else { Ok(()) }
    }

    /// Why `edit` changes nothing: a field that there is not, or one that stands nowhere.
    fn finds_no_place(&self, edit: &Edit) -> WhatIfError {
        let nowhere = || WhatIfError::Nowhere { edit: edit.to_string(), path: edit.change().path.clone() };
        let mut effect = Effect { edit: edit.clone(), tally: Tally::default(), lines: Vec::new() };
        // The reader knows which fields there are: it is asked by giving one.
        let problem = match &edit.target {
            Target::Session(path) => {
                let mut config = self.config.clone();
                let made = edit.make(&mut config, path.segments(), Reach::Anywhere);
                made.ok().and_then(|_| self.session_file(&config).err()).map(|problem| (problem, false))
            }
            Target::Directives { .. } => {
                let mut lines = self.lines.clone();
                let asked = ask_by_one(&mut lines, edit);
                effect.lines.extend(asked);
                let file = self.session_file(&self.config).ok();
                let read =
                    file.map(|file| assemble(&self.path, file, self.market.clone(), &lines.join(&b'\n'), self.known()));
                read.and_then(Result::err).map(|problem| (problem, true))
            }
        };
        match problem {
            Some((problem, of_directives)) if matches!(problem.rule(), Rule::UnknownField { .. }) => {
                refused(problem, &[effect], of_directives)
            }
            _ => nowhere(),
        }
    }
}

/// `loaded` as a session that goes on from `origin`, as one of that identity does.
fn going_on(loaded: LoadedSession, origin: Option<&Origin>, identity: &Identity) -> LoadedSession {
    let Some(origin) = origin else { return loaded };
    let mut loaded = loaded.continuing(origin.clone());
    // As it was recorded: the fold may be of another version by now, the log is the same.
    loaded.identity.continues = identity.continues;
    loaded
}

fn moved(file: SessionFile, market_dir: Option<&Path>) -> SessionFile {
    match market_dir {
        Some(dir) => file.with_market_in(dir),
        None => file,
    }
}

fn with_directives(mut file: SessionFile, directives: &Path) -> SessionFile {
    directives.clone_into(&mut file.directives);
    file
}

/// Whether two sessions are one but for their names and the code that decides.
fn is_same(one: &Identity, other: &Identity) -> bool {
    let Identity { name, decision_version, .. } = other;
    *other == Identity { name: name.clone(), decision_version: *decision_version, ..one.clone() }
}

/// A reader refused what came of `effects`: those that brought it about, where that can be told, or else all.
fn refused(problem: InputProblem, effects: &[Effect], in_directives: bool) -> WhatIfError {
    let field: Vec<&str> = problem.field_name().map(parts).unwrap_or_default();
    let matches = |effect: &&Effect| {
        let way = &effect.edit.change().path;
        let way = parts(way);
        let (way, field) = if in_directives {
            (way.get(2..).unwrap_or_default(), field.get(1..).unwrap_or_default())
        } else {
            (way.as_slice(), field.as_slice())
        };
        !field.is_empty() && way.iter().zip(field).all(|(one, other)| one == other || *one == "*")
    };
    let line = problem.line().filter(|_| in_directives).and_then(|line| u32::try_from(line).ok());
    let is_about = |effect: &&Effect| match (&effect.edit.target, line) {
        (Target::Directives { .. }, Some(line)) => effect.lines.contains(&line),
        (Target::Directives { .. }, None) => in_directives,
        (Target::Session(_), _) => !in_directives,
    };
    let near: Vec<&Effect> = effects.iter().filter(is_about).collect();
    let exact: Vec<&Effect> = near.iter().copied().filter(|effect| matches(effect)).collect();
    let blamed = match (exact.is_empty(), near.is_empty()) {
        (false, _) => exact,
        (true, false) if in_directives => near,
        (true, _) => effects.iter().collect(),
    };
    let edits = blamed.into_iter().map(|effect| effect.edit.to_string()).collect();
    WhatIfError::Refused { edits, in_directives, problem }
}

/// The names and numbers of a path, however it is written.
fn parts(path: &str) -> Vec<&str> {
    path.split(['.', '[', ']']).filter(|part| !part.is_empty()).collect()
}
