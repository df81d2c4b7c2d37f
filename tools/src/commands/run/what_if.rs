//! `retrace run --from SESSION`: a recorded session again, with something changed; or a grid of such.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use retrace_core::chain::genesis;
use retrace_core::ids::SessionName;
use retrace_core::memory::MemoryStore;
use retrace_core::store::{LogReader, StoreError};
use retrace_replay::compare::{Comparison, Mode};
use retrace_rocks::{RocksReader, RocksStore};

use crate::commands::market_again::Market;
use crate::commands::stored::{Db, StoredSession};
use crate::commands::{Status, diff};
use crate::error::CliError;
use crate::output::summary::RunSummary;
use crate::output::what_if::{GridShown, RowShown, WhatIfShown, effect_lines, print_already};
use crate::output::{Output, comparison, progress, warn};
use crate::recording::{Pace, Watching};
use crate::session::{self, LoadedSession, Recorded};
use crate::what_if::{Axis, Base, Edit, Elsewhere, Figures, Grid, GridError, Parent, Point, Variant, WhatIfError};

/// What is changed of which session.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What-if")]
pub(super) struct WhatIfArgs {
    /// Give a field of the session file or of directives another value, such as venue.fees.taker=0.001 or
    /// `directives[*].execution_directive.slices=8`; again for more
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = Edit::set, requires = "from", conflicts_with_all = ["file", "resume"])]
    sets: Vec<Edit>,
    /// Take a field out; again for more
    #[arg(long = "unset", value_name = "PATH", value_parser = Edit::unset, requires = "from", conflicts_with_all = ["file", "resume"])]
    unsets: Vec<Edit>,
    /// Run every combination of several values, and print a table; again for more places
    #[arg(
        long = "grid",
        value_name = "PATH=VALUE,...",
        value_parser = Axis::read,
        requires = "from",
        conflicts_with_all = ["file", "session", "resume"]
    )]
    axes: Vec<Axis>,
    /// Record every run of the grid as a session of its own
    #[arg(long, requires = "axes", conflicts_with_all = ["file", "resume", "venue"])]
    keep: bool,
    /// Make so many runs of the grid at a time
    #[arg(
        long,
        value_name = "N",
        requires = "axes",
        conflicts_with_all = ["keep", "file", "resume", "venue"],
        default_value = "1"
    )]
    jobs: NonZeroUsize,
    /// Directive file of the session, where it is not where the session found it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "venue"])]
    directives: Option<PathBuf>,
}

impl WhatIfArgs {
    /// Where the directive file is, if it is said.
    pub(super) fn directives(&self) -> Option<&Path> {
        self.directives.as_deref()
    }
}

/// What all of `run` has, besides.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) db: &'a Db,
    pub(super) market: &'a Market,
    pub(super) name: Option<&'a SessionName>,
    pub(super) strict: bool,
}

pub(super) fn perform(
    args: &WhatIfArgs,
    from: &str,
    common: Common<'_>,
    output: &mut Output,
) -> Result<Status, CliError> {
    // Taking something out comes first, so that another field can take its place.
    let edits: Vec<Edit> = args.unsets.iter().chain(&args.sets).cloned().collect();
    if edits.is_empty() && args.axes.is_empty() {
        return Err(CliError::NothingChanged);
    }
    if let Some(path) = changed_twice(&edits, &args.axes) {
        return Err(WhatIfError::Twice { path }.into());
    }
    let reader = common.db.open()?;
    let session = StoredSession::find(&reader, from)?;
    let parent = Parent {
        name: session.name.clone(),
        uid: session.uid,
        head: session.extent()?.head,
        manifest: session.manifest.clone(),
    };
    let elsewhere = Elsewhere { market_dir: common.market.dir(), directives: args.directives.as_deref() };
    let base = Base::of(parent, elsewhere, session.left_by_the_parent()?)?;
    if let Some(version) = base.decided_by_other_code() {
        let today = retrace_replay::DECISION_VERSION;
        warn(&format!(
            "{from} was decided by version {version} of the engine, and this is {today}: a difference may come of that, too"
        ));
    }
    if args.axes.is_empty() {
        let variant = base.with(&edits)?;
        let variant = match common.name {
            Some(name) => Variant { loaded: variant.loaded.named(name.clone()), ..variant },
            None => variant,
        };
        one(&base, &session, &reader, variant, common, output)
    } else {
        let grid = Grid::new(&base, &edits, &args.axes)?;
        let store = if args.keep { Some((&reader, common.db)) } else { None };
        let status = all(&base, &grid, args, store, output)?;
        Ok(if common.strict { status } else { Status::Fine })
    }
}

/// The first place that more than one change is for: which of them was meant, nobody knows.
fn changed_twice(edits: &[Edit], axes: &[Axis]) -> Option<String> {
    let paths = edits.iter().chain(axes.iter().filter_map(Axis::first)).map(|edit| &edit.change().path);
    let mut seen = BTreeSet::new();
    paths.into_iter().find(|path| !seen.insert(*path)).cloned()
}

/// Runs and records one what-if, or finds it recorded, and compares it with its parent.
fn one(
    base: &Base,
    parent: &StoredSession<'_>,
    reader: &RocksReader,
    variant: Variant,
    common: Common<'_>,
    output: &mut Output,
) -> Result<Status, CliError> {
    let begun = Instant::now();
    let Variant { loaded, effects, is_parent } = variant;
    for effect in effects.iter().filter(|effect| effect.tally.changed == 0) {
        warn(&format!("{}: it has that value already: no change", effect.edit));
    }
    if is_parent {
        warn(&format!("nothing that counts is changed: this is {} under another name", parent.name));
    }
    if !parent.is_finished()? {
        warn(&format!("{} was interrupted: it is compared as far as it came", parent.name));
    }
    if standing(reader, &loaded)? == Standing::Finished {
        let name = &loaded.identity.name;
        let stored = StoredSession::find(reader, name.as_str())?;
        let comparison = beside(parent, &stored)?;
        if output.is_json() {
            output.document(&WhatIfShown::new(&stored.manifest, stored.uid, &effects, None, &comparison))?;
        } else {
            print_already(name, &effects, output.page())?;
            comparison::print(&comparison, output.page())?;
        }
        return Ok(if common.strict && has_refusals(&stored)? { Status::Found } else { Status::Fine });
    }
    let recorded = record(&loaded, common.db)?;
    let summary = RunSummary::of(&loaded.identity, &recorded, begun.elapsed());
    // What was opened before does not see what was recorded now.
    let reader = common.db.open_quietly()?;
    let name = base.parent().name.clone();
    let parent = StoredSession::of(&reader, name, base.parent().uid)?;
    let stored = StoredSession::of(&reader, loaded.identity.name.clone(), recorded.session)?;
    let comparison = beside(&parent, &stored)?;
    if output.is_json() {
        let manifest = loaded.manifest();
        let run = Some(&summary);
        output.document(&WhatIfShown::new(&manifest, recorded.session, &effects, run, &comparison))?;
    } else {
        let mut lines = vec![format!("what if: {} with", parent.name)];
        lines.extend(effect_lines(&effects));
        summary.print(&lines, &recorded, common.db.dir(), output.page())?;
        writeln!(output.page())?;
        comparison::print(&comparison, output.page())?;
    }
    Ok(if common.strict && !recorded.refusals.is_empty() { Status::Found } else { Status::Fine })
}

/// A what-if compared with its parent, decision for decision.
fn beside(parent: &StoredSession<'_>, what_if: &StoredSession<'_>) -> Result<Comparison, CliError> {
    diff::compared(&diff::side(parent)?, &diff::side(what_if)?, Mode::Strict)
}

/// Whether anything was refused in a stored session.
fn has_refusals(session: &StoredSession<'_>) -> Result<bool, CliError> {
    let mut book = session.origin()?.book;
    session.read(&mut |step| {
        step.events.iter().try_for_each(|event| book.apply(event))?;
        Ok(())
    })?;
    Ok(!book.ledger().refusals().is_empty())
}

/// Whether a store has a session of that name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Free,
    /// It is this one, and came to its end.
    Finished,
}

/// Whether `loaded` can be recorded, or was.
fn standing(reader: &RocksReader, loaded: &LoadedSession) -> Result<Standing, CliError> {
    let name = &loaded.identity.name;
    let known = reader.sessions()?.into_iter().find(|(known, _)| known == name);
    let Some((name, uid)) = known else { return Ok(Standing::Free) };
    let parent = loaded.provenance.what_if.as_ref().map(|what_if| what_if.uid);
    if uid != genesis(&loaded.identity).0 || parent == Some(uid) {
        return Err(StoreError::SessionExists { name }.into());
    }
    if StoredSession::of(reader, name.clone(), uid)?.is_finished()? {
        Ok(Standing::Finished)
    } else {
        Err(WhatIfError::Interrupted { session: name }.into())
    }
}

/// Runs `loaded` into the store at `db`.
fn record(loaded: &LoadedSession, db: &Db) -> Result<Recorded, CliError> {
    let mut store = RocksStore::create_or_open(db.dir())?;
    let bar = progress::over_rows(loaded.tape.rows());
    let shown = bar.clone();
    let watching = Watching { on_durable: None, on_row: Some(Box::new(move |rows| progress::moved(&shown, rows))) };
    let recorded = session::record_watched(&mut store, loaded, Pace::USUAL, watching);
    bar.finish_and_clear();
    let recorded = recorded?;
    store.close()?;
    Ok(recorded)
}

/// Makes every run of `grid`, recording them where a store is given, and shows them in a table.
fn all(
    base: &Base,
    grid: &Grid<'_>,
    args: &WhatIfArgs,
    store: Option<(&RocksReader, &Db)>,
    output: &mut Output,
) -> Result<Status, CliError> {
    grid.check(store.is_some())?;
    let recorded_already = match store {
        Some((reader, _)) => Some(standing_of_all(grid, reader)?),
        None => None,
    };
    let again = session::record(&mut MemoryStore::new(), base.again())?;
    let parent = Figures::of(&again);
    let bar = progress::over_runs(grid.runs() as u64);
    let rows = if let (Some((_, db)), Some(already)) = (store, recorded_already) {
        keep(grid, db, &already, &|| bar.inc(1))
    } else {
        let points = grid.run(args.jobs, &|| bar.inc(1)).map_err(CliError::from);
        points.map(|points| points.into_iter().map(|point| RowShown::of(point, None)).collect())
    };
    bar.finish_and_clear();
    let rows: Vec<RowShown> = rows?;
    let refused = rows.iter().any(RowShown::has_refusals);
    let of_parent = args.axes.iter().map(|axis| axis.first().and_then(|edit| base.stands(edit))).collect();
    let paths = args.axes.iter().map(Axis::path).collect();
    let shown = GridShown::new(&base.parent().name, paths, of_parent, parent, rows);
    if output.is_json() {
        output.document(&shown)?;
    } else {
        shown.print(output.page())?;
    }
    Ok(if refused { Status::Found } else { Status::Fine })
}

/// Which runs of a grid are recorded already; an error where one of them cannot be recorded.
fn standing_of_all(grid: &Grid<'_>, reader: &RocksReader) -> Result<Vec<bool>, CliError> {
    let of = |number| {
        let (_, variant) = grid.variant(number)?;
        Ok(standing(reader, &variant.loaded)? == Standing::Finished)
    };
    (0..grid.runs()).map(of).collect()
}

/// Records every run of a grid that is not recorded already, one after the other: a store has one writer.
fn keep(grid: &Grid<'_>, db: &Db, already: &[bool], done: &dyn Fn()) -> Result<Vec<RowShown>, CliError> {
    let mut store = RocksStore::create_or_open(db.dir())?;
    let mut rows = Vec::with_capacity(already.len());
    for (number, is_there) in already.iter().enumerate() {
        let (edits, variant) = grid.variant(number)?;
        let loaded = &variant.loaded;
        let recorded = if *is_there {
            session::record(&mut MemoryStore::new(), loaded)?
        } else {
            session::record(&mut store, loaded)?
        };
        done();
        let figures = Figures::of(&recorded);
        let point = Point { edits, is_parent: variant.is_parent, figures };
        rows.push(RowShown::of(point, Some(loaded.identity.name.clone())));
    }
    store.close()?;
    Ok(rows)
}

impl From<GridError> for CliError {
    fn from(error: GridError) -> Self {
        match error {
            GridError::WhatIf(error) => error.into(),
            GridError::Record(error) => error.into(),
        }
    }
}
