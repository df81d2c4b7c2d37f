//! Takes the Steps of a run into a store and commits them in groups. Decides nothing.

use std::collections::BTreeMap;

use retrace_core::content::{Content, ContentRef};
use retrace_core::event::{Fact, Input};
use retrace_core::ids::{PlanNo, Seq, SessionUid};
use retrace_core::step::Step;
use retrace_core::store::{Checkpoint, LogStore, StoreError};
use retrace_core::trail::Trail;
use retrace_projections::ledger::{Book, Ledger, Plan};
use retrace_replay::backtest::Recorder;

use crate::saving::Saving;

/// How often a run commits and saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// It commits after so many events, and after every Step where that is 0.
    pub commit_every: u64,
    /// It saves the ledger's whole state after about so many events, after four times as many each time, and at the end
    /// of a run that is as long.
    pub save_from: u64,
}

impl Pace {
    /// That of the command line. A log that is shorter than the first state that it saves is folded sooner than a state
    /// is read.
    pub const USUAL: Self = Self { commit_every: 4_096, save_from: 8_192 };

    /// The same of a run that nobody reads again.
    pub const SAVING_NOTHING: Self = Self { save_from: u64::MAX, ..Self::USUAL };
}

/// Appends each Step, with the texts that it refers to, and commits every so many events. The venue of a backtest is
/// inside the process and lost together with it, so effects may leave as soon as their Step is appended; for one outside
/// they leave once it is durable.
pub struct StoreRecorder<'a> {
    store: &'a mut dyn LogStore,
    session: SessionUid,
    contents: BTreeMap<ContentRef, Content>,
    commit_every: u64,
    venue_outside: bool,
    waiting: u64,
    appended: Seq,
    steps: u64,
    sealed: BTreeMap<PlanNo, Plan>,
    trail: Trail,
    /// A mark of the trail stands behind the last Step, whose ledger is not shown yet.
    marked: bool,
    /// Marks that the next commit takes along.
    marks: Vec<Checkpoint>,
    saving: Option<Saving<'a>>,
    watching: Watching<'a>,
}

/// Who is told of a run's progress.
#[derive(Default)]
pub struct Watching<'a> {
    /// Told of the last durable event after each commit.
    pub on_durable: Option<Box<dyn FnMut(Seq) + 'a>>,
    /// Told after each row of the tape how many were given to the engine.
    pub on_row: Option<Box<dyn FnMut(u64) + 'a>>,
}

impl<'a> StoreRecorder<'a> {
    /// For `session`, which was created in `store`. `contents` are the texts that its directives refer to.
    pub fn new(
        store: &'a mut dyn LogStore,
        session: SessionUid,
        contents: BTreeMap<ContentRef, Content>,
        watching: Watching<'a>,
    ) -> Self {
        Self {
            store,
            session,
            contents,
            commit_every: Pace::USUAL.commit_every,
            venue_outside: false,
            waiting: 0,
            appended: Seq(0),
            steps: 0,
            sealed: BTreeMap::new(),
            trail: Trail::default(),
            marked: false,
            marks: Vec::new(),
            saving: None,
            watching,
        }
    }

    /// The same, committing after every `events` events (and after every Step where that is 0).
    #[must_use]
    pub const fn committing_every(mut self, events: u64) -> Self {
        self.commit_every = events;
        self
    }

    /// The same at this pace. `begin` is the book that the run begins with: what is saved of it is a book, too.
    #[must_use]
    pub fn at_pace(mut self, pace: Pace, begin: &'a Book) -> Self {
        self.commit_every = pace.commit_every;
        self.saving = Some(Saving::new(begin, pace.save_from));
        self
    }

    /// The same for a venue outside the process: what its Step decided may leave once that is durable, no earlier.
    #[must_use]
    pub const fn for_a_venue_outside(mut self) -> Self {
        self.venue_outside = true;
        self
    }

    /// The last event that may not be lost any more.
    pub fn durable(&self) -> Seq {
        self.store.durable_seq(self.session)
    }

    /// The last event appended; 0 before the first.
    pub const fn appended(&self) -> Seq {
        self.appended
    }

    /// How many Steps were appended.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The plans that ended and left the ledger, by number.
    pub const fn sealed_plans(&self) -> &BTreeMap<PlanNo, Plan> {
        &self.sealed
    }

    /// The store, for what follows the last Step.
    pub fn store(&mut self) -> &mut dyn LogStore {
        self.store
    }

    /// Passes over a Step that the store has already, with its texts: those stay as they are, erased ones too.
    ///
    /// # Errors
    /// [`StoreError::Frame`] for a Step that cannot be stored.
    pub fn pass(&mut self, step: &Step) -> Result<Seq, StoreError> {
        let _ = self.content_of(step);
        self.marked = self.trail.step(step)?;
        self.appended = step.last_seq();
        self.steps = self.steps.saturating_add(1);
        if let Some(saving) = &mut self.saving {
            saving.pass(step);
        }
        Ok(self.appended)
    }

    /// Notes beside the log what it comes to at its end, and makes all of it durable.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    pub fn finish(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        self.mark(ledger, true);
        if let Some(saving) = &mut self.saving {
            saving.end(ledger, &self.sealed);
        }
        self.put_state()?;
        self.commit()
    }

    /// Notes the digests of the trail and of the ledger behind the last Step.
    fn mark(&mut self, ledger: &Ledger, finished: bool) {
        self.marks.push(self.trail.checkpoint(self.appended, finished));
        self.marks.push(ledger.checkpoint(finished));
    }

    /// Puts the state that waits: it belongs behind the last Step appended.
    fn put_state(&mut self) -> Result<(), StoreError> {
        let state = self.saving.as_mut().and_then(Saving::take);
        state.map_or(Ok(()), |state| self.store.put_state(self.session, &state))
    }

    /// Makes everything appended durable and tells of it.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        for mark in self.marks.drain(..) {
            self.store.put_checkpoint(self.session, &mark)?;
        }
        self.store.commit()?;
        self.waiting = 0;
        if let Some(on_durable) = &mut self.watching.on_durable {
            on_durable(self.store.durable_seq(self.session));
        }
        Ok(())
    }

    /// The text that the Step's directive refers to, unless an earlier one brought it.
    fn content_of(&mut self, step: &Step) -> Option<(ContentRef, Content)> {
        let Fact::Input(Input::DirectiveReceived(directive)) = &step.events.first()?.fact else { return None };
        self.contents.remove_entry(&directive.comments?)
    }
}

impl Recorder for StoreRecorder<'_> {
    type Error = StoreError;

    fn record(&mut self, step: &Step) -> Result<Seq, StoreError> {
        self.put_state()?;
        let content = self.content_of(step);
        self.store.append(self.session, step, content.as_slice())?;
        self.marked = self.trail.step(step)?;
        self.appended = step.last_seq();
        self.steps = self.steps.saturating_add(1);
        if self.marked {
            // Its ledger is shown later: a commit between them takes this one along.
            self.marks.push(self.trail.checkpoint(self.appended, false));
        }
        if let Some(saving) = &mut self.saving {
            saving.note(step);
        }
        self.waiting = self.waiting.saturating_add(step.events.len() as u64);
        if self.waiting >= self.commit_every {
            self.commit()?;
        }
        Ok(if self.venue_outside { self.durable() } else { self.appended })
    }

    fn decided(&mut self, ledger: &Ledger) {
        if std::mem::take(&mut self.marked) {
            self.mark(ledger, false);
        }
        if let Some(saving) = &mut self.saving {
            saving.decided(ledger, &self.sealed);
        }
    }

    fn sealed(&mut self, plan: Plan) {
        self.sealed.insert(plan.no, plan);
    }

    fn progressed(&mut self, rows: u64) -> bool {
        if let Some(on_row) = &mut self.watching.on_row {
            on_row(rows);
        }
        true
    }
}
