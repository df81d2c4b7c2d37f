//! Records a live session: the shell of a live run around the driver, with the test connector at the other end. Prices are
//! recorded by value, and nothing leaves before it is durable.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use retrace_core::event::{Input, Mark, PriceMoved};
use retrace_core::ids::{SessionName, SessionUid};
use retrace_core::log::read_log;
use retrace_core::manifest::{Identity, Mode, Provenance};
use retrace_core::step::TapePosition;
use retrace_core::store::{LogStore, Manifest};
use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use retrace_replay::backtest::Given;
use retrace_replay::driver::{Driver, Moment};
use retrace_replay::tape::Tape;
use retrace_tools::input::directives::{self, DataSpan, ParsedLine};
use retrace_tools::recording::{StoreRecorder, Watching};

use super::venue::{Ended, Habits, LiveConnector};

/// What happens to a live session.
pub(crate) enum Happens {
    Price(Mark),
    Given(Given),
    Lost,
    Back,
    /// The engine's process ends and another one begins again from the log: what it had not sent is lost.
    Restart,
}

/// A session to be recorded.
pub(crate) struct Live {
    pub(crate) identity: Identity,
    /// In order of time.
    pub(crate) happens: Vec<(Timestamp, Happens)>,
    /// How long the world waits between two prices; nothing for a prompt venue.
    pub(crate) pace: Duration,
    /// After how many events a commit.
    pub(crate) commit_every: u64,
}

/// A live session of one instrument. What makes it another than an equal one is its nonce.
pub(crate) fn identity(name: &str, nonce: u64) -> Identity {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&nonce.to_le_bytes());
    Identity {
        name: SessionName::new(name).unwrap(),
        mode: Mode::Live,
        nonce: Some(bytes),
        tape: Tape::new(Vec::new()).identity(),
        decision_version: retrace_replay::DECISION_VERSION,
        ..samples::identity(name)
    }
}

/// Prices and the lines of a directive file, in one order: at one time the price comes first.
pub(crate) fn happens(identity: &Identity, prices: &[(Timestamp, Mark)], lines: &str) -> Vec<(Timestamp, Happens)> {
    let span = DataSpan { from: prices[0].0, to: prices[prices.len() - 1].0 };
    let parsed = directives::parse(std::path::Path::new("live"), lines.as_bytes(), &identity.instruments, span);
    let given = parsed.unwrap().into_iter().map(|line| {
        let at = line.at();
        let given = match line {
            ParsedLine::Directive(parsed) => Given::from(parsed.directive),
            ParsedLine::Operator(parsed) => Given::from(parsed.commanded),
        };
        (at, Happens::Given(given))
    });
    let mut all: Vec<_> = prices.iter().map(|(at, mark)| (*at, Happens::Price(*mark))).collect();
    all.extend(given);
    all.sort_by_key(|(at, _)| *at);
    all
}

impl Live {
    /// Runs it into a store to its end. Answers what became of the venue.
    pub(crate) fn record(&self, store: &mut dyn LogStore, habits: Habits) -> Ended {
        let provenance = Provenance { build: "test".to_owned(), ..Provenance::default() };
        let session = store.create(&Manifest { identity: self.identity.clone(), provenance }).unwrap();
        let recorder = StoreRecorder::new(store, session, std::collections::BTreeMap::new(), Watching::default());
        let mut shell = Shell {
            driver: Driver::new(&self.identity),
            recorder: recorder.committing_every(self.commit_every).for_a_venue_outside(),
            prompt: habits.prompt,
            venue: LiveConnector::start(&self.identity, habits),
            identity: &self.identity,
            session,
            connected: true,
            clock: self.happens[0].0,
            since: Instant::now(),
        };
        let symbol = self.identity.instruments[0].symbol.clone();
        let times = self.happens.iter().skip(1).map(|(at, _)| *at);
        let last = self.happens[self.happens.len() - 1].0;
        for ((at, what), next) in self.happens.iter().zip(times.chain([last])) {
            match what {
                Happens::Price(mark) => {
                    shell.timers_before(*at);
                    shell.venue.price(&symbol, *at, *mark);
                    let moved = PriceMoved { symbol: symbol.clone(), mark: *mark };
                    shell.take(*at, Input::PriceMoved(moved));
                }
                Happens::Given(given) => shell.take(*at, given.clone().into()),
                Happens::Lost => {
                    shell.venue.lost();
                    shell.connection(*at, false);
                }
                Happens::Back => {
                    shell.venue.back();
                    shell.connection(*at, true);
                }
                Happens::Restart => shell.restart(*at),
            }
            shell.listen(self.pace, next);
        }
        // What is still on its way is heard, and what is due by then happens, before the end.
        shell.settle(last);
        shell.timers_before(last.plus(Span::from_nanos(1)));
        shell.settle(last);
        let Shell { driver, mut recorder, venue, .. } = shell;
        let venue = venue.end();
        recorder.commit().unwrap();
        let checkpoint = driver.state().ledger().checkpoint(true);
        recorder.store().put_checkpoint(session, &checkpoint).unwrap();
        recorder.commit().unwrap();
        venue
    }
}

/// What stands between the engine and the world.
struct Shell<'a> {
    identity: &'a Identity,
    session: SessionUid,
    connected: bool,
    driver: Driver,
    recorder: StoreRecorder<'a>,
    venue: LiveConnector,
    prompt: bool,
    /// The session's time at the last thing that happened, and when that was.
    clock: Timestamp,
    since: Instant,
}

impl Shell<'_> {
    fn take(&mut self, at: Timestamp, input: Input) {
        self.timers_before(at);
        let moment = Moment { time: at, recorded_at: self.wall(at), tape: TapePosition::default() };
        self.driver.take(moment, input, &mut self.recorder, &mut self.venue).unwrap();
        (self.clock, self.since) = (at, Instant::now());
    }

    fn connection(&mut self, at: Timestamp, connected: bool) {
        self.connected = connected;
        self.take(at, Input::ConnectionChanged { connected });
    }

    /// Another engine begins where the log ends, and knows what the first one knew.
    fn restart(&mut self, at: Timestamp) {
        self.timers_before(at);
        self.recorder.commit().unwrap();
        let mut driver = Driver::new(self.identity);
        read_log(self.recorder.store(), self.session, &mut |step| driver.recall(&step).is_ok()).unwrap();
        assert_eq!(driver.state(), self.driver.state(), "what the log tells is what the engine knew");
        assert!(driver.outbox().is_empty());
        self.driver = driver;
        self.connection(at, self.connected);
    }

    /// A prompt world has a clock of its own, so that its sessions are the same every time.
    fn wall(&self, at: Timestamp) -> Option<Timestamp> {
        if self.prompt {
            return Some(at);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Some(Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap()))
    }

    fn timers_before(&mut self, at: Timestamp) {
        while let Some((fires, _)) = self.driver.first_timer_before(at) {
            let wall = self.wall(fires);
            self.driver.fire(wall, TapePosition::default(), &mut self.recorder, &mut self.venue).unwrap();
            self.clock = fires;
            self.hear(Duration::ZERO, at);
        }
    }

    /// A commit lets leave what waits for it.
    fn commit(&mut self) {
        if !self.driver.outbox().is_empty() {
            self.recorder.commit().unwrap();
            self.driver.release(self.recorder.durable(), &mut self.venue);
        }
    }

    /// What arrives until nothing more does: longer than anything is on its way.
    fn settle(&mut self, last: Timestamp) {
        loop {
            self.commit();
            if !self.hear(Duration::from_millis(200), last) && self.driver.outbox().is_empty() {
                return;
            }
        }
    }

    /// What arrives until something else happens.
    fn listen(&mut self, pace: Duration, next: Timestamp) {
        let begun = Instant::now();
        loop {
            self.commit();
            let heard = self.hear(Duration::from_micros(60), next);
            let more = self.prompt && (heard || !self.driver.outbox().is_empty());
            if !more && begun.elapsed() >= pace {
                return;
            }
        }
    }

    /// Takes what the venue says, at what the session's clock shows by then: never beyond what happens next.
    fn hear(&mut self, patience: Duration, next: Timestamp) -> bool {
        let mut heard = false;
        while let Some(report) = self.venue.next(patience) {
            let passed = if self.prompt { 0 } else { i64::try_from(self.since.elapsed().as_micros()).unwrap() * 1_000 };
            let clock = self.driver.clock().map_or(self.clock, |clock| clock.max(self.clock));
            let now = Timestamp::from_nanos((clock.nanos() + passed).min(next.nanos()).max(clock.nanos()));
            self.take(now, Input::Report(report));
            heard = true;
        }
        heard
    }
}
