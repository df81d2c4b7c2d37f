//! The clock of a backtest: brings the tape, directives, timers and the venue's reports to the engine in the order of
//! SEMANTICS 1. Pure; where Steps go is the caller's.

use std::collections::VecDeque;

use retrace_core::directive::StrategyDirective;
use retrace_core::event::{Event, Input, OperatorCommanded, Report};
use retrace_core::ids::Seq;
use retrace_core::manifest::Identity;
use retrace_core::step::{Step, TapePosition};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Book, Ledger, Plan};

use crate::effect::{Effect, Outbox};
use crate::state::State;
use crate::step::{EngineError, step};
use crate::tape::{Half, Row, Tape, TapeCursor};
use crate::venue::{BarVenue, PricePoint, VenueError};

/// Takes the Steps of a run.
pub trait Recorder {
    /// Why a Step could not be kept.
    type Error;

    /// Keeps a Step. Answers up to which event effects may leave: the last durable one where the venue is outside the
    /// process, the last appended one where it is inside and lost together with it.
    ///
    /// # Errors
    /// The run stops with it; nothing that the Step decided has left.
    fn record(&mut self, step: &Step) -> Result<Seq, Self::Error>;

    /// Shows the run's own ledger after the Step that was recorded last.
    fn decided(&mut self, ledger: &Ledger) {
        let _ = ledger;
    }

    /// Shows a request that leaves for the venue, before it does.
    fn released(&mut self, effect: &Effect) {
        let _ = effect;
    }

    /// Takes a plan that ended and left the ledger's hot maps.
    fn sealed(&mut self, plan: Plan) {
        let _ = plan;
    }

    /// Told after every row of the tape, for showing progress. Answers whether to go on.
    fn progressed(&mut self, rows: u64) -> bool {
        let _ = rows;
        true
    }
}

/// A run stopped before the tape's end.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// The engine stopped.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The simulated venue stopped.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// A Step could not be kept.
    #[error("{0}")]
    Recorder(E),
    /// The worker and the venue answer each other without end.
    #[error("at {time}: more than {REPORTS_MAX} reports at one price point and no end")]
    Restless {
        /// The price point's time.
        time: Timestamp,
    },
}

/// No price point leads to more reports than this: worker and venue would be answering each other for ever.
const REPORTS_MAX: u32 = 1_000_000;

/// What a file gives a session at a time: a strategist's directive, or an operator's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// By the strategist.
    Directive(Box<StrategyDirective>),
    /// By the operator.
    Operator(OperatorCommanded),
}

impl From<StrategyDirective> for Given {
    fn from(directive: StrategyDirective) -> Self {
        Self::Directive(Box::new(directive))
    }
}

impl From<OperatorCommanded> for Given {
    fn from(commanded: OperatorCommanded) -> Self {
        Self::Operator(commanded)
    }
}

impl From<Given> for Input {
    fn from(given: Given) -> Self {
        match given {
            Given::Directive(directive) => Self::DirectiveReceived(directive),
            Given::Operator(commanded) => Self::OperatorCommanded(commanded),
        }
    }
}

/// A backtest at one moment of its run.
pub struct Backtest<'a> {
    identity: &'a Identity,
    cursor: TapeCursor<'a>,
    /// The time of the first open and of the last rest.
    span: Option<(Timestamp, Timestamp)>,
    position: TapePosition,
    given: VecDeque<(Timestamp, Given)>,
    state: State,
    venue: BarVenue,
    outbox: Outbox,
}

/// What happens next on the session's clock.
enum Next<'a> {
    Row(Row<'a>),
    Given,
    Timer,
}

impl<'a> Backtest<'a> {
    /// A backtest before its first input, of a session that continues none. What is `given` stands in the order in which
    /// it was, times rising.
    pub fn new<G: Into<Given>>(identity: &'a Identity, tape: &'a Tape, given: Vec<(Timestamp, G)>) -> Self {
        Self::beginning(identity, tape, given, &Book::new(identity))
    }

    /// The same of a session whose first book is `begin`. The venue has the orders that work in it.
    pub fn beginning<G: Into<Given>>(
        identity: &'a Identity,
        tape: &'a Tape,
        given: Vec<(Timestamp, G)>,
        begin: &Book,
    ) -> Self {
        Self {
            identity,
            cursor: tape.cursor(),
            span: tape.span(),
            position: TapePosition::default(),
            given: given.into_iter().map(|(at, given)| (at, given.into())).collect(),
            state: State::beginning(identity, begin),
            venue: BarVenue::adopting(identity, begin.ledger()),
            outbox: Outbox::default(),
        }
    }

    /// What the engine's decisions depend on, as it is now.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Runs to the tape's end. Nothing is forced there: later timers stay unfired, open plans stay open.
    ///
    /// # Errors
    /// [`RunError`] if the engine, the venue or the recorder stops.
    pub fn run<R: Recorder>(&mut self, recorder: &mut R) -> Result<(), RunError<R::Error>> {
        if let (Some(from), Some((begins, _)), Seq(0)) = (self.identity.continues, self.span, self.state.ledger().seq())
        {
            self.take(begins, Input::SessionContinued(from), recorder)?;
        }
        while let Some(next) = self.next() {
            match next {
                Next::Row(row) => {
                    self.cursor.advance();
                    self.row(row, recorder)?;
                    if !recorder.progressed(self.cursor.rows()) {
                        return Ok(());
                    }
                }
                Next::Given => {
                    if let Some((at, given)) = self.given.pop_front() {
                        self.take(at, given.into(), recorder)?;
                    }
                }
                Next::Timer => {
                    if let Some((due, timer)) = self.state.ledger().first_timer() {
                        // One that came due before the session began fires as it begins.
                        let begins = self.span.map_or(due, |(begins, _)| begins);
                        self.take(due.max(begins), Input::TimerFired { timer }, recorder)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// At one time: rests that end there, then what is given, then timers, then opens.
    fn next(&self) -> Option<Next<'a>> {
        const REST: u8 = 0;
        const GIVEN: u8 = 1;
        const TIMER: u8 = 2;
        const OPEN: u8 = 3;
        let row = self.cursor.peek().map(|row| {
            let turn = if row.half == Half::Rest { REST } else { OPEN };
            ((row.time, turn), Next::Row(row))
        });
        // What stands at the very end of the data still happens, after the last rest; nothing beyond it does.
        let end = if row.is_some() { None } else { Some(self.span?.1) };
        let given = self.given.front().map(|(at, _)| ((*at, GIVEN), Next::Given));
        let timer = self.state.ledger().first_timer().map(|(due, _)| ((due, TIMER), Next::Timer));
        let first = [row, given, timer].into_iter().flatten().min_by_key(|(key, _)| *key);
        first.filter(|((at, _), _)| end.is_none_or(|end| *at <= end)).map(|(_, next)| next)
    }

    fn row<R: Recorder>(&mut self, row: Row<'a>, recorder: &mut R) -> Result<(), RunError<R::Error>> {
        let symbol = &row.set.symbol;
        if row.half == Half::Open {
            let cap = match self.identity.instrument(symbol) {
                Some(instrument) => row.volume_cap(self.identity.venue.max_volume_share, instrument),
                None => Ok(None),
            };
            self.venue.begin_bar(symbol, cap.map_err(VenueError::from)?);
        }
        let before = self.cursor.rows().saturating_sub(1);
        let points = row.points(self.identity.venue.path);
        let last = points.len();
        for (number, mark) in (1_usize..).zip(points) {
            self.position = if number == last {
                TapePosition { rows: self.cursor.rows(), points: 0 }
            } else {
                TapePosition { rows: before, points: u8::try_from(number).unwrap_or(u8::MAX) }
            };
            self.state.see(symbol, mark);
            let point = PricePoint { symbol, time: row.time, mark, open: row.half == Half::Open };
            let reports = self.venue.price_point(point)?;
            self.deliver(row.time, reports, recorder)?;
        }
        Ok(())
    }

    /// Gives the engine an input, then everything that the venue says to what it decided.
    fn take<R: Recorder>(&mut self, time: Timestamp, input: Input, recorder: &mut R) -> Result<(), RunError<R::Error>> {
        let reports = self.step(time, input, recorder)?;
        self.deliver(time, reports, recorder)
    }

    /// Reports follow the point that caused them, before the next one: in order, with those that follow from them
    /// behind.
    fn deliver<R: Recorder>(
        &mut self,
        time: Timestamp,
        reports: Vec<Report>,
        recorder: &mut R,
    ) -> Result<(), RunError<R::Error>> {
        let mut queue = VecDeque::from(reports);
        let mut delivered = 0_u32;
        while let Some(report) = queue.pop_front() {
            delivered = delivered.saturating_add(1);
            if delivered > REPORTS_MAX {
                return Err(RunError::Restless { time });
            }
            queue.extend(self.step(time, Input::Report(report), recorder)?);
        }
        Ok(())
    }

    fn step<R: Recorder>(
        &mut self,
        time: Timestamp,
        input: Input,
        recorder: &mut R,
    ) -> Result<Vec<Report>, RunError<R::Error>> {
        let events: Vec<Event> = step(&mut self.state, time, input)?;
        self.outbox.hold(&events, self.state.ledger());
        let step = Step { time, recorded_at: None, tape: self.position, events };
        let durable = recorder.record(&step).map_err(RunError::Recorder)?;
        for plan in self.state.take_sealed() {
            recorder.sealed(plan);
        }
        recorder.decided(self.state.ledger());
        let mut reports = Vec::new();
        while let Some(effect) = self.outbox.release(durable) {
            recorder.released(&effect);
            reports.extend(self.venue.receive(time, effect)?);
        }
        Ok(reports)
    }
}
