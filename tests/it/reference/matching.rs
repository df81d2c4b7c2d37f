//! Fills: freqtrade's bars through whole backtests, LEAN's single orders through the bar venue.

use std::convert::Infallible;

use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::event::{Decision, Event, Fact, FillReport, Input, Mark, Report, ReportKind};
use retrace_core::ids::{OrderNo, PlanNo, Seq, SessionUid};
use retrace_core::instrument::Instrument;
use retrace_core::manifest::Identity;
use retrace_core::order::{OrderRole, OrderTerms, Side, TimeInForce};
use retrace_core::step::Step;
use retrace_core::stop::Trail;
use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::{FillPath, VenueProfile, VenueSettings};
use retrace_projections::ledger::{Book, Group};
use retrace_replay::backtest::{Backtest, Given, Recorder};
use retrace_replay::effect::{Effect, VenueRequest};
use retrace_replay::tape::{Bar, DataSet, Half, Tape, VolumeUnit};
use retrace_replay::venue::{BarVenue, PricePoint};
use retrace_tools::input::directives::{self, DataSpan};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Compared, Differs, Suite, Tolerance, at, decimal, text};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

pub(super) const DIFFERS: &[Differs] = &[
    Differs {
        case: "lean-market-rest30",
        reason: "a market order decided inside a bar fills at the next open, not at this bar's close",
        ours: &[("price", "none")],
    },
    Differs {
        case: "lean-limit-sell",
        reason: "a limit order that is marketable at an open takes that price; LEAN gives no improvement",
        ours: &[("event1.price", "102")],
    },
];

#[test]
fn matching() {
    let mut suite = Suite::new(DIFFERS, &[]);
    suite.file("matching/freqtrade_backtest_detail.json", bars_and_signals);
    suite.file("matching/lean_fill_model.json", single_order);
    suite.file("matching/nautilus_trailing_stops.json", trailed);
    suite.end();
}

/// Keeps the Steps.
struct Steps(Vec<Step>);

impl Recorder for Steps {
    type Error = Infallible;

    fn record(&mut self, step: &Step) -> Result<Seq, Infallible> {
        self.0.push(step.clone());
        Ok(step.last_seq())
    }
}

pub(super) fn run(identity: &Identity, tape: &Tape, given: Vec<(Timestamp, impl Into<Given>)>) -> Vec<Step> {
    let mut steps = Steps(Vec::new());
    Backtest::new(identity, tape, given).run(&mut steps).unwrap();
    steps.0
}

/// The only group of the only plan, as the ledger has it at the end.
pub(super) fn single_group(identity: &Identity, steps: &[Step]) -> Group {
    let book = book(identity, steps);
    let groups: Vec<&Group> = book.plans().flat_map(|plan| &plan.groups).collect();
    assert_eq!(groups.len(), 1);
    groups[0].clone()
}

fn book(identity: &Identity, steps: &[Step]) -> Book {
    let mut book = Book::new(identity);
    steps.iter().flat_map(|step| &step.events).for_each(|event| book.apply(event).unwrap());
    book
}

/// Freqtrade's scenario: a signal on a bar trades at the next open; the stop and the target are ratios of that open.
struct Scene {
    identity: Identity,
    tape: Tape,
    lines: Vec<String>,
}

/// What a fill did, and in which bar.
struct Filled {
    plan: PlanNo,
    role: OrderRole,
    bar: u64,
    price: Decimal,
}

fn bars_and_signals(case: &Value) -> Compared {
    let bars = case["bars"].as_array().unwrap();
    let instrument = samples::btc();
    let set = DataSet {
        symbol: instrument.symbol,
        period: Span::from_seconds(HOUR),
        volume_unit: VolumeUnit::Base,
        bars: bars.iter().map(|bar| bar_at(at(bar["i"].as_u64().unwrap() * HOUR), bar)).collect(),
    };
    let tape = Tape::new(vec![set]);
    let venue = VenueSettings { maker_fee: Decimal::ZERO, taker_fee: Decimal::ZERO, ..samples::venue() };
    assert_eq!(venue.path, FillPath::Pessimistic);
    let identity = Identity { venue, tape: tape.identity(), ..samples::identity("freqtrade") };
    let mut scene = Scene { identity, tape, lines: Vec::new() };

    let (stop, target) = (decimal(&case["params"]["stop_loss"]), decimal(&case["params"]["roi"]["0"]));
    let rates = case["params"]["roi"].as_object().unwrap();
    assert!(rates.len() == 1, "{}: more than one profit target", case["id"]);
    let mut plans = 0;
    for (signal, next) in bars.iter().zip(bars.iter().skip(1)) {
        let when = next["i"].as_u64().unwrap();
        if signal["exit_long"] == 1 && scene.stands(when) {
            scene.give(
                when,
                &json!({
                    "directive_id": format!("STR_X{plans}"), "scope": "CLOSE_EXISTING",
                    "target_plan_ids": [format!("TPL_{plans}")],
                }),
            );
        }
        // A strategy of one position at a time: freqtrade leaves a signal alone while a trade is open.
        if signal["enter_long"] == 1 && !scene.stands(when) {
            plans += 1;
            let open = decimal(&next["open"]);
            let level = |ratio: Decimal| (open * (Decimal::ONE + ratio)).normalize().to_string();
            scene.give(
                when,
                &json!({
                    "directive_id": format!("STR_E{plans}"), "scope": "NEW_TRADE", "plan_id": format!("TPL_{plans}"),
                    "entry_directive": {"symbol": "BTC/USDT", "direction": "BUY", "order_type": "MARKET"},
                    "size_directive": {"target_position_size": "1"},
                    "exit_directive": {"stop_loss_price": level(stop), "take_profit_price": level(target)},
                }),
            );
        }
    }
    let steps = scene.play();
    let fills = fills(&steps);

    let mut compared = Compared::new(case);
    let trades = case["expected"]["trades"].as_array().unwrap();
    compared.number("trades", &json!(trades.len()), Some(Decimal::from(plans)), Tolerance::Exact);
    for (place, (number, trade)) in (1_u32..).zip(trades).enumerate() {
        let of_plan: Vec<&Filled> = fills.iter().filter(|fill| fill.plan == PlanNo(number)).collect();
        let [entry, exit] = of_plan[..] else { panic!("{}: plan {number} has {} fills", case["id"], of_plan.len()) };
        assert_eq!(entry.role, OrderRole::Entry);
        let reason = match exit.role {
            OrderRole::Close => "exit_signal",
            OrderRole::StopLoss => "stop_loss",
            OrderRole::TakeProfit => "roi",
            other => other.as_str(),
        };
        compared.text(&format!("trade{place}.exit_reason"), text(&trade["exit_reason"]), reason);
        compared.text(&format!("trade{place}.open_bar"), text(&trade["open_bar"]), entry.bar.to_string());
        compared.text(&format!("trade{place}.close_bar"), text(&trade["close_bar"]), exit.bar.to_string());
    }
    // The ledger's own results, each over what its plan paid.
    let book = book(&scene.identity, &steps);
    let ratios = book.plans().map(|plan| {
        let paid = fills.iter().find(|fill| fill.plan == plan.no && fill.role == OrderRole::Entry).unwrap().price;
        assert!(plan.accounting.totals().traded.is_flat());
        plan.accounting.totals().net().unwrap().value() / paid
    });
    let expected = &case["expected"]["sum_profit_ratio"];
    compared.number("sum_profit_ratio", expected, Some(ratios.sum()), Tolerance::Decimals(3));
    compared
}

impl Scene {
    /// A directive at the moment at which bar `bar` opens: before the open is shown.
    fn give(&mut self, bar: u64, directive: &Value) {
        self.lines.push(json!({"at": at(bar * HOUR).to_string(), "directive": directive}).to_string());
    }

    fn play(&self) -> Vec<Step> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        let (from, to) = self.tape.span().unwrap();
        let lines = self.lines.join("\n");
        let span = DataSpan { from, to };
        let parsed =
            directives::parse("freqtrade".as_ref(), lines.as_bytes(), &self.identity.instruments, span).unwrap();
        let session = SessionUid([0; 16]);
        let given = parsed.into_iter().map(|parsed| parsed.seal(session)).map(|(at, given, _)| (at, given));
        run(&self.identity, &self.tape, given.collect())
    }

    /// Whether the plans so far hold something when bar `bar` is about to open.
    fn stands(&self, bar: u64) -> bool {
        let fills = fills(&self.play());
        let before = fills.iter().filter(|fill| fill.bar < bar);
        before.fold(false, |_, fill| fill.role == OrderRole::Entry)
    }
}

fn fills(steps: &[Step]) -> Vec<Filled> {
    let events = steps.iter().flat_map(|step| &step.events);
    let role_of = |order: OrderNo| {
        events.clone().find_map(|event| match &event.fact {
            Fact::Decision(Decision::OrderRequested { role, .. }) if event.order == Some(order) => Some(*role),
            _ => None,
        })
    };
    let mut filled = Vec::new();
    for step in steps {
        let Event { plan, order, fact, .. } = &step.events[0];
        let Fact::Input(Input::Report(Report { what: ReportKind::Filled(fill), .. })) = fact else { continue };
        // A position in the middle of a row counts the rows before it; two rows are a bar.
        let row = if step.tape.points > 0 { step.tape.rows } else { step.tape.rows - 1 };
        let role = role_of(order.unwrap()).unwrap();
        filled.push(Filled { plan: plan.unwrap(), role, bar: row / 2, price: fill.price.value() });
    }
    filled
}

fn bar_at(open_time: Timestamp, bar: &Value) -> Bar {
    let price = |name: &str| samples::price(&text(&bar[name]));
    let volume = Some(decimal(&bar["volume"]));
    Bar { open_time, open: price("open"), high: price("high"), low: price("low"), close: price("close"), volume }
}

/// A venue with one order, and what happens to it.
#[derive(Clone)]
struct Venue {
    venue: BarVenue,
    instrument: Instrument,
}

fn single_order(case: &Value) -> Compared {
    let order = &case["order"];
    let mut compared = Compared::new(case);
    let profile = VenueProfile { native_trailing: true, ..VenueProfile::backtest() };
    let mut venue = Venue::new(VenueSettings { profile, taker_fee: Decimal::ZERO, ..samples::venue() });
    let side = if order["side"] == "buy" { Side::Buy } else { Side::Sell };
    let level = |name: &str| samples::price(&text(&order[name]));
    let terms = match order["type"].as_str().unwrap() {
        "market" => OrderTerms::Market,
        "limit" => OrderTerms::Limit { price: level("limit") },
        "stop_limit" => OrderTerms::StopLimit { trigger: level("stop"), price: level("limit") },
        "stop_market" => OrderTerms::Stop { trigger: level("stop") },
        "trailing_stop" => {
            let absolute = order.get("trail_abs").map(|distance| Trail::Distance(decimal(distance)));
            let trail = absolute.unwrap_or_else(|| Trail::Fraction(decimal(&order["trail_pct"])));
            OrderTerms::TrailingStop { trigger: level("stop"), trail }
        }
        other => panic!("{}: no order type {other}", case["id"]),
    };
    let quantity = samples::quantity(&text(&order["qty"]));
    if let Some(minutes) = order["placed_minutes_from_bar_open"].as_i64() {
        // One bar; the order comes before it or inside it.
        let length = case["bar_minutes"].as_u64().unwrap() * 60;
        let bar = bar_at(at(HOUR), &case["bar"]);
        let placed = HOUR.saturating_add_signed(minutes * 60);
        let mut got = Vec::new();
        if placed < HOUR {
            got.extend(venue.place(at(placed), side, terms, quantity));
        }
        got.extend(venue.show(Half::Open, bar, length));
        if placed >= HOUR {
            got.extend(venue.place(at(placed), side, terms, quantity));
        }
        got.extend(venue.show(Half::Rest, bar, length));
        assert!(case["expected"]["filled"] == true && got.len() <= 1);
        let price = got.first().map(|fill| fill.price.value());
        compared.number("price", &case["expected"]["price"], price, Tolerance::Exact);
        return compared;
    }
    // The order stands before the first price; a lone price is a bar that opens there and stays there.
    let mut early = venue.place(at(0), side, terms, quantity);
    for (place, event) in case["events"].as_array().unwrap().iter().enumerate() {
        let open_time = at(60 * (place as u64 + 1));
        let bar = if event["bar"].is_null() {
            let price = samples::price(&text(&event["price"]));
            Bar { open_time, open: price, high: price, low: price, close: price, volume: None }
        } else {
            bar_at(open_time, &event["bar"])
        };
        let mut got = std::mem::take(&mut early);
        let before = venue.clone();
        got.extend(venue.show(Half::Open, bar, 60));
        got.extend(venue.show(Half::Rest, bar, 60));
        assert!(got.len() <= 1, "{}: {} fills at once", case["id"], got.len());
        let wanted = &event["expected"];
        let (quantity, price) = got.first().map(|fill| (fill.quantity.value(), fill.price.value())).unzip();
        compared.number(&format!("event{place}.qty"), &wanted["qty"], quantity, Tolerance::Exact);
        compared.number(&format!("event{place}.price"), &wanted["price"], price, Tolerance::Exact);
        if let Some(stop) = event.get("stop") {
            // Once it has filled, it stood where it stood before.
            let at = if got.is_empty() { &venue } else { &before };
            let stands = samples::price(&text(stop));
            let found = at.is_set_off_first_at(stands).then_some(stands.value());
            compared.number(&format!("event{place}.stop"), stop, found, Tolerance::Exact);
        }
    }
    compared
}

/// Where a stop stands after a price: by the function that the venue moves it with. Its basis is the one price it sees:
/// the last one where the case has it, else the side of the book that the case says.
fn trailed(case: &Value) -> Compared {
    let inputs = &case["inputs"];
    let instrument = samples::btc();
    let (side, quoted) = if inputs["side"] == "buy" { (Side::Buy, "ask") } else { (Side::Sell, "bid") };
    let number = |name: &str| inputs.get(name).map(decimal);
    let in_ticks = || number("ticks").map(|ticks| ticks * instrument.tick.value());
    let trail = match number("basis_points") {
        Some(points) => Trail::Fraction(points / Decimal::from(10_000)),
        None => Trail::Distance(number("offset").or_else(in_ticks).unwrap()),
    };
    let price = Price::new(number("last_price").or_else(|| number(quoted)).unwrap()).unwrap();
    let trigger = Price::new(number("initial_trigger").unwrap()).unwrap();
    let moved = trail.moved(trigger, price, side, &instrument);
    let mut compared = Compared::new(case);
    let moved = Some(moved.value()).filter(|_| moved != trigger);
    compared.number("trigger", &case["expected"]["expected_trigger"], moved, Tolerance::Exact);
    compared
}

impl Venue {
    fn new(settings: VenueSettings) -> Self {
        let instrument = Instrument { lot: samples::quantity("0.00001"), ..samples::btc() };
        let identity =
            Identity { venue: settings, instruments: vec![instrument.clone()], ..samples::identity("venue") };
        Self { venue: BarVenue::new(&identity), instrument }
    }

    /// Shows half a bar, point after point, as a backtest would.
    fn show(&mut self, half: Half, bar: Bar, seconds: u64) -> Vec<FillReport> {
        let symbol = self.instrument.symbol.clone();
        let period = Span::from_seconds(seconds);
        let set = DataSet { symbol, period, volume_unit: VolumeUnit::Base, bars: vec![bar] };
        let tape = Tape::new(vec![set]);
        let mut cursor = tape.cursor();
        let mut row = cursor.advance().unwrap();
        if half == Half::Rest {
            row = cursor.advance().unwrap();
        } else {
            let cap = row.volume_cap(Decimal::ONE, &self.instrument).unwrap();
            self.venue.begin_bar(&self.instrument.symbol, cap);
        }
        assert_eq!(row.half, half);
        let mut reports = Vec::new();
        for mark in row.points(FillPath::Pessimistic) {
            let open = half == Half::Open;
            let point = PricePoint { symbol: &self.instrument.symbol, time: row.time, mark, open };
            reports.extend(self.venue.price_point(point).unwrap());
        }
        filled(reports)
    }

    /// Whether a falling price sets off the sale that stands at `level`, and one a tick above it does not.
    fn is_set_off_first_at(&self, level: Price) -> bool {
        let above = Price::new(level.value() + self.instrument.tick.value()).unwrap();
        let fills_at = |price: Price| {
            let mut venue = self.venue.clone();
            let mark = Mark::same(price);
            let point = PricePoint { symbol: &self.instrument.symbol, time: at(DAY), mark, open: true };
            !filled(venue.price_point(point).unwrap()).is_empty()
        };
        fills_at(level) && !fills_at(above)
    }

    fn place(&mut self, now: Timestamp, side: Side, terms: OrderTerms, quantity: Quantity) -> Vec<FillReport> {
        let request = VenueRequest::Place {
            side,
            terms,
            quantity,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
        };
        let effect = Effect {
            seq: Seq(1),
            plan: PlanNo(1),
            direction: side,
            symbol: self.instrument.symbol.clone(),
            order: OrderNo(1),
            client_order_id: format!("ORD_{:032x}", 1).parse().unwrap(),
            request,
        };
        let reports = self.venue.receive(now, effect).unwrap();
        assert!(matches!(reports[0].what, ReportKind::Accepted { .. }), "the venue takes the order: {reports:?}");
        filled(reports)
    }
}

fn filled(reports: Vec<Report>) -> Vec<FillReport> {
    let fills = reports.into_iter().filter_map(|report| match report.what {
        ReportKind::Filled(fill) => Some(fill),
        _ => None,
    });
    fills.collect()
}

/// The fee that the venue takes for selling `quantity` at `price` at market.
pub(super) fn fee_of_sale(price: &str, quantity: &str, rate: Decimal) -> Money {
    let mut venue = Venue::new(VenueSettings { taker_fee: rate, ..samples::venue() });
    let mut fills = venue.place(at(0), Side::Sell, OrderTerms::Market, samples::quantity(quantity));
    let mark = Mark::same(samples::price(price));
    let point = PricePoint { symbol: &venue.instrument.symbol, time: at(60), mark, open: true };
    fills.extend(filled(venue.venue.price_point(point).unwrap()));
    assert_eq!(fills.len(), 1);
    fills[0].fee
}
