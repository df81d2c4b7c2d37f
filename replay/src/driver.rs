//! Drives the engine of a session whose inputs come from outside, one at a time. A live run is not another program: it
//! is a replay whose next input has not arrived yet. Pure; where Steps and requests go is the caller's.

use std::collections::BTreeMap;

use retrace_core::event::{Fact, Input};
use retrace_core::ids::{PlanNo, Seq, TimerId};
use retrace_core::manifest::Identity;
use retrace_core::step::{Step, TapePosition};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, BrokenHistory, Plan};

use crate::backtest::Recorder;
use crate::connector::Connector;
use crate::effect::Outbox;
use crate::state::State;
use crate::step::{EngineError, step};

/// When an input is given to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// On the session's clock.
    pub time: Timestamp,
    /// By the wall clock, as the shell read it: a recorded fact of paper and live sessions, `None` in every other.
    pub recorded_at: Option<Timestamp>,
    /// How far a tape was consumed; nothing of one where prices are inputs.
    pub tape: TapePosition,
}

impl Moment {
    /// At a time of the session's clock, without a tape and without a wall clock.
    pub fn at(time: Timestamp) -> Self {
        Self { time, recorded_at: None, tape: TapePosition::default() }
    }
}

/// An input could not be taken. Unless it says that the input came at a wrong time, the engine is of no more use and is
/// built again from its log.
#[derive(Debug, thiserror::Error)]
pub enum DriveError<E> {
    /// The engine stopped.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The Step could not be kept: nothing that it decided has left.
    #[error("{0}")]
    Recorder(E),
    /// The session's clock does not go back.
    #[error("an input of {time} after one of {clock}: a session's clock does not go back")]
    GoesBack {
        /// The input's time.
        time: Timestamp,
        /// What the clock shows.
        clock: Timestamp,
    },
    /// A timer comes before this input.
    #[error("an input of {time} before timer {timer}, which was due at {due}")]
    TimerFirst {
        /// The input's time.
        time: Timestamp,
        /// The timer.
        timer: TimerId,
        /// When it was due.
        due: Timestamp,
    },
}

/// The engine of a session at one moment of its run, with what it waits to send.
///
/// The order of inputs at one time is that in which they arrive; timers fire once everything that is older than they are,
/// or as old, was taken: [`Driver::first_timer_before`] says which comes before an input, and no input is taken before it.
#[derive(Debug)]
pub struct Driver {
    state: State,
    /// Plans that ended: a venue may report on one again.
    sealed: BTreeMap<PlanNo, Plan>,
    outbox: Outbox,
    clock: Option<Timestamp>,
}

impl Driver {
    /// A session before its first input.
    pub fn new(identity: &Identity) -> Self {
        Self::beginning(identity, &Book::new(identity))
    }

    /// The same of a session whose first book is `begin`.
    pub fn beginning(identity: &Identity, begin: &Book) -> Self {
        let state = State::beginning(identity, begin);
        Self { state, sealed: begin.sealed(), outbox: Outbox::default(), clock: None }
    }

    /// What the engine's decisions depend on, as it is now.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// For whoever shows it a tape.
    pub(crate) const fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// The time of the last input; `None` before the first.
    pub const fn clock(&self) -> Option<Timestamp> {
        self.clock
    }

    /// The timer that fires before an input at `time` is taken, and when: at its due time, or as soon after it as the clock
    /// allows. What is due at that very time comes after the input.
    pub fn first_timer_before(&self, time: Timestamp) -> Option<(Timestamp, TimerId)> {
        self.first_timer().filter(|(fires, _)| *fires < time)
    }

    /// The timer that fires next, and when. None does before the first input: one that was carried over from another
    /// session and came due since fires as soon as this one has begun.
    pub fn first_timer(&self) -> Option<(Timestamp, TimerId)> {
        let clock = self.clock?;
        let (due, timer) = self.state.ledger().first_timer()?;
        Some((clock.max(due), timer))
    }

    /// Takes a Step that was recorded, without deciding again: an engine that begins where another one ended. What had not
    /// left is lost; that the connection began anew is then its next input.
    ///
    /// # Errors
    /// [`BrokenHistory`] if the Step cannot have come from the session's own past.
    pub fn recall(&mut self, step: &Step) -> Result<(), BrokenHistory> {
        for event in &step.events {
            if let Fact::Input(input) = &event.fact {
                self.restore(input);
                if let Input::PriceMoved(moved) = input {
                    self.state.see(&moved.symbol, moved.mark);
                }
            }
            self.state.fold(event)?;
        }
        for plan in self.state.take_sealed() {
            self.sealed.insert(plan.no, plan);
        }
        self.clock = Some(step.time);
        Ok(())
    }

    /// Fires the timer that comes next, at the time that [`Driver::first_timer`] gives; nothing where there is none.
    ///
    /// # Errors
    /// [`DriveError`] if the engine or the recorder stops.
    pub fn fire<R: Recorder>(
        &mut self,
        recorded_at: Option<Timestamp>,
        tape: TapePosition,
        recorder: &mut R,
        venue: &mut impl Connector,
    ) -> Result<(), DriveError<R::Error>> {
        let Some((time, timer)) = self.first_timer() else { return Ok(()) };
        self.step(Moment { time, recorded_at, tape }, Input::TimerFired { timer }, recorder, venue)
    }

    /// Takes an input: decides, records the Step, and sends what is safe to send by then.
    ///
    /// # Errors
    /// [`DriveError`] if the engine or the recorder stops, or if the input does not come next.
    pub fn take<R: Recorder>(
        &mut self,
        moment: Moment,
        input: Input,
        recorder: &mut R,
        venue: &mut impl Connector,
    ) -> Result<(), DriveError<R::Error>> {
        let time = moment.time;
        if let Some(clock) = self.clock.filter(|clock| *clock > time) {
            return Err(DriveError::GoesBack { time, clock });
        }
        if let Some((due, timer)) = self.first_timer_before(time) {
            return Err(DriveError::TimerFirst { time, timer, due });
        }
        self.step(moment, input, recorder, venue)
    }

    /// Sends what waits and was decided at or before `durable`: write before act.
    pub fn release(&mut self, durable: Seq, venue: &mut impl Connector) {
        while let Some(effect) = self.outbox.release(durable) {
            venue.send(effect);
        }
    }

    /// What waits to be sent.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn step<R: Recorder>(
        &mut self,
        Moment { time, recorded_at, tape }: Moment,
        input: Input,
        recorder: &mut R,
        venue: &mut impl Connector,
    ) -> Result<(), DriveError<R::Error>> {
        self.restore(&input);
        self.clock = Some(time);
        let events = step(&mut self.state, time, input)?;
        self.outbox.hold(&events, self.state.ledger());
        let step = Step { time, recorded_at, tape, events };
        let safe = recorder.record(&step).map_err(DriveError::Recorder)?;
        for plan in self.state.take_sealed() {
            self.sealed.insert(plan.no, plan.clone());
            recorder.sealed(plan);
        }
        recorder.decided(self.state.ledger());
        self.release(safe, venue);
        Ok(())
    }

    /// Brings a plan back that ended and that an input names.
    fn restore(&mut self, input: &Input) {
        if let Some(plan) = self.state.needs(input).and_then(|no| self.sealed.remove(&no)) {
            self.state.restore(plan);
        }
    }
}
