//! Many what-ifs at once: every combination of several values at several places, each run in memory.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use retrace_core::memory::MemoryStore;

use super::base::{Base, Variant};
use super::edit::{BadEdit, Edit, divided, read_value};
use super::error::WhatIfError;
use super::figures::Figures;
use crate::input::tree::Tree;
use crate::session::{RecordError, record};

/// A grid makes at most so many runs.
pub(crate) const RUNS_MAX: usize = 1_000;

/// Several values at one place, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    path: String,
    edits: Vec<Edit>,
}

impl Axis {
    /// `PATH=VALUE,VALUE,...` as `--grid` takes it. What stands in brackets, braces or quotes is one value, commas and
    /// all.
    ///
    /// # Errors
    /// [`BadEdit`] if it is none, or changes what is not for changing.
    pub fn read(text: &str) -> Result<Self, BadEdit> {
        let (path, values) = divided(text)?;
        let list = read_value(path, &format!("[{values}]"));
        let list = list.map_err(|mut bad| {
            if let BadEdit::Value { value, .. } = &mut bad {
                values.clone_into(value);
            }
            bad
        })?;
        let Tree::List(members) = list else { return Err(BadEdit::NoValues { text: text.to_owned() }) };
        if members.is_empty() {
            return Err(BadEdit::NoValues { text: text.to_owned() });
        }
        let mut edits = Vec::with_capacity(members.len());
        for (place, member) in members.iter().enumerate() {
            let value = member.written();
            if members.iter().take(place).any(|earlier| earlier.says_the_same(member)) {
                return Err(BadEdit::ValueTwice { path: path.to_owned(), value });
            }
            edits.push(Edit::to(path, &value)?);
        }
        Ok(Self { path: path.to_owned(), edits })
    }

    /// Where its values go.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The first of its values, at its place.
    pub(crate) fn first(&self) -> Option<&Edit> {
        self.edits.first()
    }
}

/// The combinations of several axes, the last of them changing fastest, each behind changes that all of them have.
pub(crate) struct Grid<'a> {
    base: &'a Base,
    fixed: &'a [Edit],
    axes: &'a [Axis],
    runs: usize,
}

/// One run of a grid.
pub(crate) struct Point {
    /// What it has of each axis.
    pub(crate) edits: Vec<Edit>,
    /// It changes nothing that counts.
    pub(crate) is_parent: bool,
    /// What it came to.
    pub(crate) figures: Figures,
}

/// Why a grid came to no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GridError {
    #[error(transparent)]
    WhatIf(#[from] WhatIfError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<'a> Grid<'a> {
    /// # Errors
    /// [`WhatIfError::TooManyRuns`] if there are more combinations than [`RUNS_MAX`].
    pub(crate) fn new(base: &'a Base, fixed: &'a [Edit], axes: &'a [Axis]) -> Result<Self, WhatIfError> {
        let runs = axes.iter().fold(1_u128, |runs, axis| runs.saturating_mul(axis.edits.len() as u128));
        match usize::try_from(runs) {
            Ok(known) if known <= RUNS_MAX => Ok(Self { base, fixed, axes, runs: known }),
            _ => Err(WhatIfError::TooManyRuns { runs, max: RUNS_MAX }),
        }
    }

    /// How many runs it makes.
    pub(crate) const fn runs(&self) -> usize {
        self.runs
    }

    /// The values of run `number`, from 0, one an axis.
    fn values(&self, number: usize) -> Vec<Edit> {
        let mut left = number;
        let mut values: Vec<Edit> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            let count = axis.edits.len().max(1);
            values.extend(axis.edits.get(left % count).cloned());
            left /= count;
        }
        values.reverse();
        values
    }

    /// Run `number`, ready to be run.
    pub(crate) fn variant(&self, number: usize) -> Result<(Vec<Edit>, Variant), WhatIfError> {
        let values = self.values(number);
        let edits: Vec<Edit> = self.fixed.iter().chain(&values).cloned().collect();
        Ok((values, self.base.with(&edits)?))
    }

    /// Reads every combination, so that nothing is run, let alone recorded, of a grid that is refused.
    ///
    /// # Errors
    /// [`WhatIfError`] at the first combination that is refused; with `named` also where two would have one name.
    pub(crate) fn check(&self, named: bool) -> Result<(), WhatIfError> {
        let mut names = BTreeSet::new();
        for number in 0..self.runs {
            let (_, variant) = self.variant(number)?;
            let name = variant.loaded.identity.name;
            if named && !names.insert(name.clone()) {
                return Err(WhatIfError::NameTwice { name });
            }
        }
        Ok(())
    }

    /// Makes every run in memory, so many at a time; `done` is told after each. In the order of the grid.
    ///
    /// # Errors
    /// [`GridError`] at the first run that is refused or stops; no further one is begun then.
    pub(crate) fn run(&self, jobs: NonZeroUsize, done: &(dyn Fn() + Sync)) -> Result<Vec<Point>, GridError> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let points = Mutex::new(Vec::with_capacity(self.runs));
        std::thread::scope(|scope| {
            let work = || {
                while !failed.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= self.runs {
                        return;
                    }
                    let point = self.point(number);
                    if point.is_err() {
                        failed.store(true, Ordering::Relaxed);
                    }
                    done();
                    // A thread that panics holds no lock: nothing is done under it but this.
                    if let Ok(mut points) = points.lock() {
                        points.push((number, point));
                    }
                }
            };
            for _ in 1..jobs.get().min(self.runs) {
                scope.spawn(work);
            }
            work();
        });
        let mut points = points.into_inner().unwrap_or_default();
        points.sort_by_key(|(number, _)| *number);
        points.into_iter().map(|(_, point)| point).collect()
    }

    fn point(&self, number: usize) -> Result<Point, GridError> {
        let (edits, Variant { loaded, is_parent, .. }) = self.variant(number)?;
        let recorded = record(&mut MemoryStore::new(), &loaded)?;
        let figures = Figures::of(&recorded);
        Ok(Point { edits, is_parent, figures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_between_values_divides_them_and_one_inside_does_not() {
        let values = |text: &str| {
            let axis = Axis::read(text).unwrap();
            axis.edits.iter().map(|edit| edit.change().value.clone().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(values("venue.fees.taker=0.0005,0.0010"), ["0.0005", "0.0010"]);
        assert_eq!(values("a.b={maker: 0, taker: 1},{maker: 1}"), [r#"{"maker":0,"taker":1}"#, r#"{"maker":1}"#]);
        assert_eq!(values("a=[1, 2],\"x,y\",z"), ["[1,2]", "\"x,y\"", "z"]);
        assert_eq!(values("a=5"), ["5"]);
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        assert!(matches!(Axis::read("a="), Err(BadEdit::NoValue { .. })));
        assert!(matches!(Axis::read("a=1,1.0"), Err(BadEdit::ValueTwice { .. })));
        assert!(matches!(Axis::read("a={x"), Err(BadEdit::Value { .. })));
        assert!(matches!(Axis::read("session=a,b"), Err(BadEdit::Kept { .. })));
    }
}
