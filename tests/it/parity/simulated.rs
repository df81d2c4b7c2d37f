//! With the simulated venue a session is measured against the model: what its orders came to, and what they would have.

use std::time::Duration;

use retrace_core::event::Mark;
use retrace_core::testkit::samples;
use retrace_core::time::{Span, Timestamp};
use retrace_core::venue::VenueSettings;
use retrace_rocks::RocksStore;
use rust_decimal::Decimal;
use serde_json::Value;

use super::live::{Live, happens, identity};
use super::recorded::{LINES, hour, walk};
use super::venue::Habits;
use crate::cli::{Place, text};
use crate::real;
use crate::scenarios::insta_settings;

/// Records a session of `name` at a venue that answers at once and trades by these settings.
fn record(place: &Place, name: &str, prices: &[(Timestamp, Mark)], lines: &str, settings: VenueSettings) {
    let identity = identity(name, 7);
    let happens = happens(&identity, prices, lines);
    let live = Live { identity, happens, pace: Duration::ZERO, commit_every: 0 };
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    live.record(&mut store, Habits { seed: 7, settings, prompt: true });
    store.close().unwrap();
}

fn model(place: &Place, name: &str) -> Value {
    place.json(&["run", "--from", name, "--venue", "simulated"])
}

fn decimals<'a>(report: &'a Value, figure: &'a str) -> impl Iterator<Item = Decimal> + 'a {
    let differences = report["orders"].as_array().unwrap().iter().map(|order| &order["difference"]);
    differences.filter_map(move |difference| difference[figure].as_str()).map(samples::dec)
}

/// Nothing lies apart, and every order is on both sides.
fn assert_the_same(report: &Value, orders: u64) {
    let total = &report["total"];
    assert!(total["orders_in_both"].as_u64().unwrap() >= orders, "{total:#}");
    assert_eq!((&total["only_recorded"], &total["only_simulated"]), (&0.into(), &0.into()), "{total:#}");
    for figure in ["fill_rate", "slippage_bps", "first_fill_seconds", "last_fill_seconds"] {
        assert!(total[figure]["compared"].as_u64().unwrap() > 0, "{figure}");
        assert!(decimals(report, figure).all(|apart| apart.is_zero()), "{figure}: {report:#}");
        assert_eq!((&total[figure]["median"], &total[figure]["worst"]), (&"0".into(), &"0".into()), "{figure}");
    }
    assert!(decimals(report, "average_price").all(|apart| apart.is_zero()));
    for plan in report["plans"].as_array().unwrap() {
        assert_eq!(plan["net_pnl"]["recorded"], plan["net_pnl"]["simulated"], "{plan:#}");
    }
}

#[test]
fn a_venue_that_is_the_model_differs_in_nothing() {
    let place = Place::with_sample();
    record(&place, "as-the-model", &walk(3, 60), LINES, samples::venue());
    let report = model(&place, "as-the-model");
    assert_eq!(report["session"], "as-the-model");
    assert_eq!((&report["venue"], &report["model"]["path"]), (&"simulated".into(), &Value::Null));
    assert_the_same(&report, 20);

    // A backtest is its own model.
    place.retrace(&["run", "session.yaml"]);
    let report = model(&place, "sample");
    assert_eq!(report["model"]["path"], "pessimistic");
    assert_the_same(&report, 20);
}

#[test]
fn what_the_model_leaves_out_is_told_order_by_order() {
    let place = Place::empty();
    let settings =
        VenueSettings { slippage_bps: samples::dec("3"), latency: Span::from_seconds(20), ..samples::venue() };
    record(&place, "slow-and-dear", &walk(3, 60), LINES, settings);
    let printed = place.retrace(&["run", "--from", "slow-and-dear", "--venue", "simulated"]);
    assert_eq!((printed.status.code(), text(&printed.stderr)), (Some(0), String::new()));
    insta_settings().bind(|| insta::assert_snapshot!("parity_model_report", text(&printed.stdout)));

    let report = model(&place, "slow-and-dear");
    for row in report["orders"].as_array().unwrap() {
        let Some(later) = row["difference"]["first_fill_seconds"].as_str() else { continue };
        if row["order_type"] == "MARKET" {
            // What takes twenty seconds to arrive meets the price after those: one every fifteen.
            assert!((samples::dec("15")..=samples::dec("30")).contains(&samples::dec(later)), "{row:#}");
        }
    }
    let again = place.retrace(&["run", "--from", "slow-and-dear", "--venue", "recorded"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stdout));
}

#[test]
fn an_unruly_session_is_measured_to_its_last_order() {
    let place = Place::empty();
    let (live, habits) = hour("unruly", 11);
    let mut store = RocksStore::create_or_open(place.path("db")).unwrap();
    let venue = live.record(&mut store, habits);
    store.close().unwrap();
    let report = model(&place, "unruly");
    let total = &report["total"];
    let count = |key: &str| total[key].as_u64().unwrap();
    let orders = report["orders"].as_array().unwrap();
    assert_eq!(count("orders_in_both") + count("only_recorded") + count("only_simulated"), orders.len() as u64);
    let filled = |order: &&Value| order["recorded"]["first_fill_seconds"].is_string();
    // What the venue's own book has traded is what the report has of it.
    assert_eq!(orders.iter().filter(filled).count(), venue.traded.len());
    assert!(count("orders_in_both") >= 10, "{total:#}");
}

#[test]
fn real_prices_of_bitcoin_measure_the_model() {
    let Some(january) = real::january() else { return };
    let from = samples::time("2022-01-21T10:00:00Z");
    let bars = january.bars.iter().filter(|bar| bar.open_time >= from).take(600);
    // Four prices a minute, in an order in which they may have been seen.
    let prices: Vec<(Timestamp, Mark)> = bars
        .flat_map(|bar| {
            let at = |seconds| bar.open_time.plus(Span::from_seconds(seconds));
            [(at(0), bar.open), (at(15), bar.low), (at(30), bar.high), (at(45), bar.close)]
        })
        .map(|(at, price)| (at, Mark::same(price)))
        .collect();
    assert_eq!(prices.len(), 2_400);
    let level = |factor: &str| (prices[0].1.long.value() * samples::dec(factor)).round().to_string();
    let lines = LINES
        .replace("39500", &level("0.96"))
        .replace("39600", &level("0.97"))
        .replace("39700", &level("0.99"))
        .replace("39980", &level("0.999"))
        .replace("39000", &level("0.95"))
        .replace("40150", &level("1.02"))
        .replace("39850", &level("0.985"));
    let place = Place::empty();
    record(&place, "btc-as-the-model", &prices, &lines, samples::venue());
    assert_the_same(&model(&place, "btc-as-the-model"), 20);

    let five = VenueSettings { slippage_bps: samples::dec("5"), ..samples::venue() };
    record(&place, "btc-dear", &prices, &lines, five);
    let report = model(&place, "btc-dear");
    let market = report["orders"].as_array().unwrap().iter().filter(|order| order["order_type"] == "MARKET");
    let mut seen = 0;
    for order in market.filter(|order| order["difference"]["slippage_bps"].is_string()) {
        let (was, would) = (&order["recorded"], &order["simulated"]);
        let figure = |side: &Value, key: &str| samples::dec(side[key].as_str().unwrap());
        // Five basis points of what it met, however far that had moved by then, rounded to the tick.
        let dearer = (figure(was, "average_price") / figure(would, "average_price") - Decimal::ONE).abs();
        assert!((dearer * samples::dec("10000") - samples::dec("5")).abs() < samples::dec("0.01"), "{order:#}");
        assert!(figure(was, "slippage_bps") > figure(would, "slippage_bps"), "{order:#}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen} market orders on both sides");
    let again = place.json(&["run", "--from", "btc-dear", "--venue", "recorded"]);
    assert_eq!(again["equal"], true);
    for name in ["btc-as-the-model", "btc-dear"] {
        assert_eq!(place.json(&["verify", name])["clean"], true, "{name}");
    }
}

#[test]
fn other_market_data_takes_the_place_of_the_recorded_prices() {
    let place = Place::with_sample();
    place.retrace(&["run", "session.yaml"]);
    place.edit("session.yaml", "session: ", "session: other-");
    let same = place.json(&["run", "--from", "sample", "--venue", "simulated", "--market", "session.yaml"]);
    assert_the_same(&same, 20);
    record(&place, "elsewhere", &walk(3, 60), LINES, samples::venue());
    let refused = place.says(2, &["run", "--from", "elsewhere", "--venue", "simulated", "--market", "session.yaml"]);
    assert!(refused.contains("is outside the market data") && refused.contains("hint: name market data"), "{refused}");
}
