//! A connector that behaves like a live one: another thread that trades by its own rules, answers in its own time and
//! order, says things twice, fills in parts, and loses its connection. What it does is drawn from a seed; when it is heard
//! is up to the operating system.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use retrace_core::amount::{Money, Position, Quantity};
use retrace_core::event::{FillReport, Mark, Report, ReportKind, ReportedOrder};
use retrace_core::ids::{OrderId, OrderNo, TradeId};
use retrace_core::instrument::{Instrument, Symbol};
use retrace_core::manifest::Identity;
use retrace_core::order::{OrderStatus, Side};
use retrace_core::time::Timestamp;
use retrace_core::venue::VenueSettings;
use retrace_replay::connector::Connector;
use retrace_replay::effect::{Effect, VenueRequest};
use retrace_replay::venue::{BarVenue, PricePoint};
use retrace_rocks::testkit::Seeded;

/// How the venue behaves.
#[derive(Clone)]
pub(crate) struct Habits {
    /// What it draws from.
    pub(crate) seed: u64,
    /// Its own slippage, latency and fees, which no model knows.
    pub(crate) settings: VenueSettings,
    /// Answers at once and in order, and nothing twice: then a session is the same every time.
    pub(crate) prompt: bool,
}

/// What goes to the venue.
enum Message {
    Request(Effect),
    Price { symbol: Symbol, time: Timestamp, mark: Mark },
    Lost,
    Back,
}

/// What comes from it.
pub(crate) enum Said {
    Report(Report),
    /// Everything that follows from the messages so far was said. Only by a prompt one.
    Quiet,
}

/// This side of it.
pub(crate) struct LiveConnector {
    to_venue: Sender<Message>,
    from_venue: Receiver<Said>,
    thread: JoinHandle<Ended>,
    prompt: bool,
    /// How many messages a prompt one is still to answer.
    unanswered: u64,
}

/// What became of the venue.
pub(crate) struct Ended {
    /// What each order traded there, by its own id.
    pub(crate) traded: BTreeMap<OrderId, Position>,
    /// How many reports were told twice.
    pub(crate) repeated: u32,
    /// How many requests the connection lost.
    pub(crate) lost: u32,
    /// How many fills were told in parts.
    pub(crate) parts: u32,
    /// How many reports overtook one that was made before them.
    pub(crate) overtaken: u32,
}

impl Connector for LiveConnector {
    fn send(&mut self, effect: Effect) {
        self.tell(Message::Request(effect));
    }
}

impl LiveConnector {
    pub(crate) fn start(identity: &Identity, habits: Habits) -> Self {
        let (to_venue, requests) = channel();
        let (reports, from_venue) = channel();
        let prompt = habits.prompt;
        let identity = Identity { venue: habits.settings.clone(), ..identity.clone() };
        let thread = std::thread::spawn(move || Venue::new(&identity, habits, reports).run(&requests));
        Self { to_venue, from_venue, thread, prompt, unanswered: 0 }
    }

    pub(crate) fn price(&mut self, symbol: &Symbol, time: Timestamp, mark: Mark) {
        self.tell(Message::Price { symbol: symbol.clone(), time, mark });
    }

    pub(crate) fn lost(&mut self) {
        self.tell(Message::Lost);
    }

    pub(crate) fn back(&mut self) {
        self.tell(Message::Back);
    }

    fn tell(&mut self, message: Message) {
        self.to_venue.send(message).expect("the venue's thread has ended");
        self.unanswered += 1;
    }

    /// What it says next: of a prompt one until it has nothing more to say, otherwise what arrives within `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Report> {
        if self.prompt {
            while self.unanswered > 0 {
                match self.from_venue.recv().expect("the venue's thread has ended") {
                    Said::Report(report) => return Some(report),
                    Said::Quiet => self.unanswered -= 1,
                }
            }
            return None;
        }
        match self.from_venue.recv_timeout(patience) {
            Ok(Said::Report(report)) => Some(report),
            Ok(Said::Quiet) | Err(_) => None,
        }
    }

    pub(crate) fn end(self) -> Ended {
        drop(self.to_venue);
        self.thread.join().expect("the venue's thread panicked")
    }
}

/// An order as the venue's own book has it: for those who ask later.
struct Known {
    quantity: Quantity,
    filled: Position,
    status: OrderStatus,
}

struct Venue {
    habits: Habits,
    dice: Seeded,
    instruments: Vec<Instrument>,
    market: BarVenue,
    now: Timestamp,
    known: BTreeMap<OrderNo, Known>,
    ids: BTreeSet<OrderId>,
    client: BTreeMap<OrderNo, OrderId>,
    connected: bool,
    /// What is on its way to the venue, in order.
    requests: Vec<(Instant, Effect)>,
    /// What it has said and is on its way to us: when it arrives, and which it was.
    told: Vec<(Instant, u64, Report)>,
    made: u64,
    newest: u64,
    reports: Sender<Said>,
    ended: Ended,
}

impl Venue {
    fn new(identity: &Identity, habits: Habits, reports: Sender<Said>) -> Self {
        Self {
            dice: Seeded(habits.seed),
            instruments: identity.instruments.clone(),
            market: BarVenue::new(identity),
            now: Timestamp::from_nanos(0),
            known: BTreeMap::new(),
            ids: BTreeSet::new(),
            client: BTreeMap::new(),
            connected: true,
            requests: Vec::new(),
            told: Vec::new(),
            made: 0,
            newest: 0,
            reports,
            ended: Ended { traded: BTreeMap::new(), repeated: 0, lost: 0, parts: 0, overtaken: 0 },
            habits,
        }
    }

    fn run(mut self, messages: &Receiver<Message>) -> Ended {
        loop {
            let message = if self.habits.prompt {
                messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                messages.recv_timeout(Duration::from_micros(50))
            };
            let answered = message.is_ok();
            match message {
                Ok(Message::Request(effect)) => self.hear(effect),
                Ok(Message::Price { symbol, time, mark }) => {
                    self.now = time;
                    let point = PricePoint { symbol: &symbol, time, mark, open: true };
                    let reports = self.market.price_point(point).unwrap();
                    self.say(reports);
                }
                Ok(Message::Lost) => {
                    self.connected = false;
                    // What was on its way arrives now, or never.
                    for (_, effect) in std::mem::take(&mut self.requests) {
                        if self.dice.below(2) == 0 { self.arrive(effect) } else { self.ended.lost += 1 }
                    }
                }
                Ok(Message::Back) => self.connected = true,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.ended,
            }
            self.ripen();
            if self.habits.prompt && answered && self.reports.send(Said::Quiet).is_err() {
                return self.ended;
            }
        }
    }

    /// A request sets out.
    fn hear(&mut self, effect: Effect) {
        if !self.connected {
            self.ended.lost += 1;
            return;
        }
        // One connection: requests arrive in the order in which they were sent.
        let last = self.requests.last().map(|(due, _)| *due);
        let due = Instant::now() + self.pause(800);
        self.requests.push((last.map_or(due, |last| due.max(last)), effect));
    }

    /// How long something takes, in the venue's own time.
    fn pause(&mut self, micros: u64) -> Duration {
        if self.habits.prompt {
            return Duration::ZERO;
        }
        // Now and then something takes very long.
        let stretch = if self.dice.below(12) == 0 { 15 } else { 1 };
        Duration::from_micros(self.dice.below(micros * stretch))
    }

    /// Lets arrive, here and there, what has been on its way long enough.
    fn ripen(&mut self) {
        let now = Instant::now();
        while self.requests.first().is_some_and(|(due, _)| self.habits.prompt || *due <= now) {
            let (_, effect) = self.requests.remove(0);
            self.arrive(effect);
        }
        if !self.connected {
            return;
        }
        self.told.sort_by_key(|(due, made, _)| (*due, *made));
        while self.told.first().is_some_and(|(due, _, _)| self.habits.prompt || *due <= now) {
            let (_, made, report) = self.told.remove(0);
            if made < self.newest {
                self.ended.overtaken += 1;
            }
            self.newest = self.newest.max(made);
            if self.reports.send(Said::Report(report)).is_err() {
                return;
            }
        }
    }

    fn arrive(&mut self, effect: Effect) {
        self.client.insert(effect.order, effect.client_order_id);
        if let VenueRequest::Place { quantity, .. } = &effect.request {
            assert!(self.ids.insert(effect.client_order_id), "order {} was placed twice", effect.order);
            let known = Known { quantity: *quantity, filled: Position::FLAT, status: OrderStatus::Open };
            self.known.insert(effect.order, known);
        }
        let reports = self.market.receive(self.now, effect).unwrap();
        self.say(reports);
    }

    /// Notes what the market did with an order, and puts the news of it on its way.
    fn say(&mut self, reports: Vec<Report>) {
        for mut report in reports {
            let ReportedOrder::Ours(order) = report.order else { continue };
            if matches!(report.what, ReportKind::NotFound)
                && let Some(known) = self.known.get(&order)
            {
                // The market has forgotten it, the venue's book has not.
                let Known { quantity, filled, status } = *known;
                report.what = ReportKind::Stands { status, quantity, price: None, filled };
            }
            self.note(order, &report.what);
            let parts = self.in_parts(report);
            for part in parts {
                self.made += 1;
                let due = Instant::now() + self.pause(1_500);
                if !self.habits.prompt && self.dice.below(6) == 0 {
                    self.ended.repeated += 1;
                    let again = due + self.pause(6_000);
                    self.told.push((again, self.made, part.clone()));
                }
                self.told.push((due, self.made, part));
            }
        }
    }

    fn note(&mut self, order: OrderNo, what: &ReportKind) {
        if let (ReportKind::Filled(fill), Some(id)) = (what, self.client.get(&order)) {
            let traded = self.ended.traded.entry(*id).or_insert(Position::FLAT);
            *traded = traded.plus(Side::Buy.signed(fill.quantity)).unwrap();
        }
        let Some(known) = self.known.get_mut(&order) else { return };
        match what {
            ReportKind::Filled(fill) => {
                known.filled = known.filled.plus(Side::Buy.signed(fill.quantity)).unwrap();
                let whole = known.filled >= Side::Buy.signed(known.quantity);
                known.status = if whole { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
            }
            ReportKind::Amended { quantity, .. } => known.quantity = *quantity,
            ReportKind::Rejected { .. } => known.status = OrderStatus::Rejected,
            ReportKind::Canceled => known.status = OrderStatus::Canceled,
            ReportKind::Expired { .. } => known.status = OrderStatus::Expired,
            _ => {}
        }
    }

    /// A fill as two trades, now and then.
    fn in_parts(&mut self, report: Report) -> Vec<Report> {
        let ReportKind::Filled(fill) = &report.what else { return vec![report] };
        if self.habits.prompt || self.dice.below(3) > 0 {
            return vec![report];
        }
        let lot = self.instruments[0].lot.value();
        let lots = (fill.quantity.value() / lot).floor();
        let first = (lots / rust_decimal::Decimal::TWO).floor() * lot;
        let Ok(first) = Quantity::new(first) else { return vec![report] };
        let Some(second) = fill.quantity.less(first) else { return vec![report] };
        self.ended.parts += 1;
        let fee = (fill.fee.value() / rust_decimal::Decimal::TWO).round_dp(8);
        let fees = [fee, fill.fee.value() - fee];
        let trades = [(first, fees[0], "a"), (second, fees[1], "b")];
        let part = |(quantity, fee, name): (Quantity, _, &str)| Report {
            what: ReportKind::Filled(FillReport {
                trade_id: TradeId::new(&format!("{}{name}", fill.trade_id)).unwrap(),
                quantity,
                fee: Money::new(fee),
                ..fill.clone()
            }),
            ..report.clone()
        };
        trades.into_iter().map(part).collect()
    }
}
