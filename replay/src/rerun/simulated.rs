//! Runs a session again on the prices that it recorded by value, with the simulated venue at the other end: its
//! directives and its operator's orders at their recorded times, and fills as the model makes them.
//!
//! Every recorded price is a point at which prices may have jumped: market orders fill at the next one, and what a jump
//! passes fills there. There is no volume in them, so no fill is capped.

use std::collections::VecDeque;

use retrace_core::event::{Input, PriceMoved, Report};
use retrace_core::manifest::Identity;
use retrace_core::step::TapePosition;
use retrace_core::time::Timestamp;
use retrace_projections::ledger::Book;

use super::outside::Outside;
use crate::backtest::Recorder;
use crate::connector::Connector;
use crate::driver::{DriveError, Driver, Moment};
use crate::effect::Effect;
use crate::venue::{BarVenue, PricePoint, VenueError};

/// No input leads to more reports than this: worker and venue would be answering each other for ever.
const REPORTS_MAX: u32 = 1_000_000;

/// A simulated run stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError<E> {
    /// The engine stopped, or the Step could not be kept.
    #[error(transparent)]
    Driven(#[from] DriveError<E>),
    /// The simulated venue stopped.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// The worker and the venue answer each other without end.
    #[error("at {time}: more than {REPORTS_MAX} reports and no end")]
    Restless {
        /// When.
        time: Timestamp,
    },
}

/// Runs what came from `outside` under `identity`, from the book `begin` to the time at which the recorded session ended.
/// The venue has the orders that work in that book. Nothing is forced at the end: later timers stay unfired, open plans stay open.
///
/// # Errors
/// [`SimulationError`] if the engine, the venue or the recorder stops.
pub fn simulate<R: Recorder>(
    identity: &Identity,
    begin: &Book,
    outside: &Outside,
    recorder: &mut R,
) -> Result<(), SimulationError<R::Error>> {
    let driver = Driver::beginning(identity, begin);
    let mut run = Simulation { driver, venue: ModelVenue::new(identity, begin), recorder };
    if let (Some(from), Some(begins)) = (identity.continues, outside.begin()) {
        run.take(begins, Input::SessionContinued(from))?;
    }
    for (time, input) in outside.inputs() {
        while let Some((fires, _)) = run.driver.first_timer_before(*time) {
            run.fire(fires)?;
        }
        if let Input::PriceMoved(moved) = input {
            run.venue.now = *time;
            run.venue.see(moved)?;
        }
        run.take(*time, input.clone())?;
    }
    while let Some((fires, _)) = run.driver.first_timer().filter(|(fires, _)| Some(*fires) <= outside.end()) {
        run.fire(fires)?;
    }
    Ok(())
}

struct Simulation<'a, R> {
    driver: Driver,
    venue: ModelVenue,
    recorder: &'a mut R,
}

impl<R: Recorder> Simulation<'_, R> {
    fn take(&mut self, time: Timestamp, input: Input) -> Result<(), SimulationError<R::Error>> {
        self.venue.now = time;
        self.driver.take(Moment::at(time), input, self.recorder, &mut self.venue)?;
        self.deliver(time)
    }

    fn fire(&mut self, fires: Timestamp) -> Result<(), SimulationError<R::Error>> {
        self.venue.now = fires;
        self.driver.fire(None, TapePosition::default(), self.recorder, &mut self.venue)?;
        self.deliver(fires)
    }

    /// Reports follow what caused them, before anything else: in order, with those that follow from them behind.
    fn deliver(&mut self, time: Timestamp) -> Result<(), SimulationError<R::Error>> {
        let mut delivered = 0_u32;
        while let Some(report) = self.venue.next()? {
            delivered = delivered.saturating_add(1);
            if delivered > REPORTS_MAX {
                return Err(SimulationError::Restless { time });
            }
            self.driver.take(Moment::at(time), Input::Report(report), self.recorder, &mut self.venue)?;
        }
        Ok(())
    }
}

/// The bar venue as a connector: what it says waits until it is asked for.
struct ModelVenue {
    bars: BarVenue,
    now: Timestamp,
    told: VecDeque<Report>,
    stopped: Option<VenueError>,
}

impl ModelVenue {
    fn new(identity: &Identity, begin: &Book) -> Self {
        let now = Timestamp::from_nanos(0);
        Self { bars: BarVenue::adopting(identity, begin.ledger()), now, told: VecDeque::new(), stopped: None }
    }

    fn see(&mut self, moved: &PriceMoved) -> Result<(), VenueError> {
        let point = PricePoint { symbol: &moved.symbol, time: self.now, mark: moved.mark, open: true };
        self.told.extend(self.bars.price_point(point)?);
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Report>, VenueError> {
        match self.stopped.take() {
            Some(stopped) => Err(stopped),
            None => Ok(self.told.pop_front()),
        }
    }
}

impl Connector for ModelVenue {
    fn send(&mut self, effect: Effect) {
        match self.bars.receive(self.now, effect) {
            Ok(reports) => self.told.extend(reports),
            Err(stopped) => self.stopped = self.stopped.take().or(Some(stopped)),
        }
    }
}
