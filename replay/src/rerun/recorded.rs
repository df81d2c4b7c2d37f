//! Runs a session again with the recorded venue: what came from outside comes from the log as and where it was received,
//! the session's own clock fires the timers, and the engine decides anew. Every Step and every request must be the
//! recorded one.

use std::collections::VecDeque;

use retrace_core::event::Input;
use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::{LogFault, read_log};
use retrace_core::manifest::{Identity, Mode};
use retrace_core::step::Step;
use retrace_core::store::LogReader;
use retrace_projections::ledger::Book;
use serde::Serialize;

use crate::backtest::Recorder;
use crate::connector::Connector;
use crate::driver::{DriveError, Driver, Moment};
use crate::effect::{Effect, effect_of};
use crate::tape::Tape;
use crate::verify::market::MarketView;
use crate::verify::redecide::input_of;
use crate::verify::{Finding, difference};

const PARITY: &str = "parity";

/// How the new run compares with the recorded one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parity {
    /// How many inputs were taken, timers included, up to the difference.
    pub inputs: u64,
    /// How many decisions were made on them and are the recorded ones.
    pub decisions: u64,
    /// How many requests left for the venue and are the recorded ones.
    pub requests: u64,
    /// The first thing that is not as it was recorded; `None` where everything is.
    pub difference: Option<Finding>,
}

impl Parity {
    /// Whether the new run is the recorded one.
    pub const fn is_equal(&self) -> bool {
        self.difference.is_none()
    }
}

/// A session cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its log cannot be read to its end.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// A backtest's prices are in its market data, which is not there or not what it was run on.
    #[error("its market data is not at hand, or not what it was run on")]
    NoMarket,
}

/// Runs a session, which began with the book `begin`, again with the recorded venue. `tape` is its market data where it
/// refers to any: a backtest.
///
/// # Errors
/// [`Unreadable`] if the log, or the market data that it refers to, cannot be read.
pub fn against_recorded(
    reader: &dyn LogReader,
    session: SessionUid,
    identity: &Identity,
    begin: &Book,
    tape: Option<&Tape>,
) -> Result<Parity, Unreadable> {
    let no_market = Tape::new(Vec::new());
    let tape = match identity.mode {
        Mode::Backtest => tape.filter(|tape| tape.identity() == identity.tape).ok_or(Unreadable::NoMarket)?,
        Mode::Import | Mode::Paper | Mode::Live => &no_market,
    };
    let mut rerun = Rerun {
        driver: Driver::beginning(identity, begin),
        market: MarketView::new(identity, tape),
        book: begin.clone(),
        venue: RecordedVenue::default(),
        parity: Parity { inputs: 0, decisions: 0, requests: 0, difference: None },
    };
    let mut differs = None;
    let read = read_log(reader, session, &mut |step| {
        if let Err(difference) = rerun.step(&step) {
            differs = Some((step, difference));
        }
        differs.is_none()
    });
    let mut parity = rerun.parity;
    match (differs, read) {
        (None, Err(fault)) => return Err(fault.into()),
        (None, Ok(_)) => {}
        (Some((recorded, Difference::Decided(made))), _) => {
            let what = "today's code decides otherwise";
            let found = difference::tell(reader, session, begin, PARITY, what, &recorded, &made.events);
            parity.difference = Some(found.map_err(LogFault::from)?);
        }
        (Some((recorded, other)), _) => {
            parity.difference = Some(Finding::new(PARITY, Some(recorded.first_seq()), other.to_string()));
        }
    }
    Ok(parity)
}

/// Something that is not as it was recorded.
#[derive(Debug, thiserror::Error)]
enum Difference {
    #[error("today's code decides otherwise")]
    Decided(Box<Step>),
    #[error("an input of a kind that this build does not know")]
    UnknownInput,
    #[error("the session's clock {}, and the log has {recorded} here", told(.fires.as_deref()))]
    Timer { fires: Option<String>, recorded: String },
    #[error("today's code does not take this input: {0}")]
    NotTaken(String),
    #[error("{order} was asked for something that no recorded request asked for")]
    NotRecorded { order: String },
    #[error("the recorded request for {order} was not sent again")]
    NotSent { order: String },
}

fn told(fires: Option<&str>) -> String {
    fires.map_or_else(|| "fires no timer".to_owned(), |timer| format!("fires {timer}"))
}

struct Rerun<'a> {
    driver: Driver,
    market: MarketView<'a>,
    /// What follows from the recorded Steps: by which the recorded requests are known.
    book: Book,
    venue: RecordedVenue,
    parity: Parity,
}

impl Rerun<'_> {
    fn step(&mut self, recorded: &Step) -> Result<(), Difference> {
        let input = input_of(recorded).ok_or(Difference::UnknownInput)?;
        self.market.show(self.driver.state_mut(), recorded.tape);
        let mut compare = Compare { recorded };
        let driven = if let Input::TimerFired { timer } = input {
            let next = self.driver.first_timer();
            if next != Some((recorded.time, *timer)) {
                let fires = next.map(|(at, timer)| format!("timer {timer} at {at}"));
                let recorded = format!("timer {timer} at {}", recorded.time);
                return Err(Difference::Timer { fires, recorded });
            }
            self.driver.fire(recorded.recorded_at, recorded.tape, &mut compare, &mut self.venue)
        } else {
            if let Some((at, timer)) = self.driver.first_timer_before(recorded.time) {
                let fires = Some(format!("timer {timer} at {at}"));
                return Err(Difference::Timer { fires, recorded: format!("an input of {}", recorded.time) });
            }
            let Step { time, recorded_at, tape, .. } = *recorded;
            self.driver.take(Moment { time, recorded_at, tape }, input.clone(), &mut compare, &mut self.venue)
        };
        match driven {
            Ok(()) => {}
            Err(DriveError::Recorder(Otherwise(made))) => return Err(Difference::Decided(made)),
            Err(error) => return Err(Difference::NotTaken(error.to_string())),
        }
        self.parity.inputs = self.parity.inputs.saturating_add(1);
        let decisions = u64::try_from(recorded.decisions().count()).unwrap_or(u64::MAX);
        self.parity.decisions = self.parity.decisions.saturating_add(decisions);
        self.match_requests(recorded)
    }

    /// The requests of a Step, one by one: what left now is what left then, by the order's own id at the venue.
    fn match_requests(&mut self, recorded: &Step) -> Result<(), Difference> {
        for event in &recorded.events {
            self.book.apply(event).map_err(|broken| Difference::NotTaken(broken.to_string()))?;
            let Some(request) = effect_of(event, self.book.ledger()) else { continue };
            match self.venue.sent.pop_front() {
                Some(sent) if sent == request => self.parity.requests = self.parity.requests.saturating_add(1),
                Some(other) => return Err(Difference::NotRecorded { order: other.client_order_id.to_string() }),
                None => return Err(Difference::NotSent { order: request.client_order_id.to_string() }),
            }
        }
        match self.venue.sent.pop_front() {
            Some(other) => Err(Difference::NotRecorded { order: other.client_order_id.to_string() }),
            None => Ok(()),
        }
    }
}

/// The venue of a session that happened: it keeps what it is asked for until that is compared with what was asked for
/// then. What it said stands in the log.
#[derive(Default)]
struct RecordedVenue {
    sent: VecDeque<Effect>,
}

impl Connector for RecordedVenue {
    fn send(&mut self, effect: Effect) {
        self.sent.push_back(effect);
    }
}

/// Lets a Step pass that is the recorded one, and nothing of any other leave.
struct Compare<'a> {
    recorded: &'a Step,
}

struct Otherwise(Box<Step>);

impl std::fmt::Display for Otherwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("another Step")
    }
}

impl Recorder for Compare<'_> {
    type Error = Otherwise;

    fn record(&mut self, step: &Step) -> Result<Seq, Otherwise> {
        if step == self.recorded { Ok(step.last_seq()) } else { Err(Otherwise(Box::new(step.clone()))) }
    }
}
