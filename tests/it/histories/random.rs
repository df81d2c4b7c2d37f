//! Random histories against a simple model, in memory and on disk.

use std::collections::BTreeMap;

use proptest::prelude::*;
use retrace_core::store::LogReader;
use retrace_projections::view::PlanView;
use retrace_replay::verify::verify;
use retrace_rocks::RocksStore;
use retrace_tools::history::{self, LoadedHistory};
use retrace_tools::recording::{Pace, Watching};
use retrace_tools::session::Recorded;
use rust_decimal::Decimal;

use super::{MAP, Place, dec, load, plans, record};

/// One random trade: which symbol, bought or sold, how much, at which price, which fee, whether its row stands twice, and
/// whether it belongs to the order of the trade before.
#[derive(Clone, Debug)]
struct Dice {
    symbol: usize,
    buy: bool,
    /// In hundredths.
    quantity: i64,
    price: i64,
    fee: u8,
    twice: bool,
    same_order: bool,
    same_moment: bool,
}

fn dice() -> impl Strategy<Value = Dice> {
    let weighted = |chance: u32| prop::bool::weighted(f64::from(chance) / 100.0);
    (
        0..3_usize,
        any::<bool>(),
        prop_oneof![1..12_i64, 1..500_i64],
        50..150_i64,
        0..5_u8,
        weighted(10),
        weighted(30),
        weighted(30),
    )
        .prop_map(|(symbol, buy, quantity, price, fee, twice, same_order, same_moment)| Dice {
            symbol,
            buy,
            quantity,
            price,
            fee,
            twice,
            same_order,
            same_moment,
        })
}

const SYMBOLS: [&str; 3] = ["BTC/USDT", "ETH/USDT", "ETH/BTC"];

/// What a simple model knows of one symbol: how many round trips ended, the one that stands, and what all came to.
#[derive(Default)]
struct Model {
    ended: usize,
    standing: Option<Trip>,
    realized: Decimal,
    cash: Decimal,
}

/// A round trip: which way, what it traded, what it holds, what each unit traded cost on average.
struct Trip {
    long: bool,
    traded: Decimal,
    held: Decimal,
    average: Decimal,
}

impl Trip {
    /// Average cost. Answers what the trade realised.
    fn book(&mut self, signed: Decimal, price: Decimal, base_fee: Decimal) -> Decimal {
        let before = self.traded;
        self.traded += signed;
        self.held += signed - base_fee;
        if before * signed >= Decimal::ZERO {
            self.average = (self.average * before + price * signed) / self.traded;
            return Decimal::ZERO;
        }
        let released = before.abs().min(signed.abs());
        let gain = released * (price - self.average);
        let average = self.average;
        self.average = if self.traded * before < Decimal::ZERO { price } else { average };
        if before > Decimal::ZERO { gain } else { -gain }
    }
}

impl Model {
    /// Takes a trade: signed quantity, price, and the fee in the base asset.
    fn trade(&mut self, signed: Decimal, price: Decimal, base_fee: Decimal, lot: Decimal) {
        self.cash -= signed * price;
        let long = signed > Decimal::ZERO;
        let fresh = || Trip { long, traded: Decimal::ZERO, held: Decimal::ZERO, average: Decimal::ZERO };
        let trip = self.standing.get_or_insert_with(fresh);
        if trip.long == long {
            self.realized += trip.book(signed, price, base_fee);
            return;
        }
        let split = signed.abs() - trip.held.abs() >= lot;
        let closing = if split { -trip.held } else { signed };
        let share = closing / signed;
        self.realized += trip.book(closing, price, base_fee * share);
        let over = (trip.held > Decimal::ZERO) != trip.long;
        if split || over || trip.held.abs() < lot {
            self.ended += 1;
            self.standing = None;
        }
        if split {
            let rest = self.standing.insert(fresh());
            rest.book(signed - closing, price, base_fee * (Decimal::ONE - share));
        }
    }
}

/// Rows for `dice`, what the model makes of them, and what each asset was charged.
fn played(dice: &[Dice]) -> (String, Vec<Model>, BTreeMap<String, Decimal>, u64) {
    let mut models: Vec<Model> = (0..SYMBOLS.len()).map(|_| Model::default()).collect();
    let mut fees: BTreeMap<String, Decimal> = BTreeMap::new();
    let (mut text, mut repeated, mut second, mut order) = (String::new(), 0, 0, 0);
    for (number, die) in dice.iter().enumerate() {
        second += u32::from(!die.same_moment);
        order += u32::from(!die.same_order);
        let symbol = SYMBOLS[die.symbol];
        let (base, quote) = symbol.split_once('/').unwrap();
        let (quantity, price) = (Decimal::new(die.quantity, 2), Decimal::new(die.price, 1));
        let (fee, unit) = match die.fee {
            0 => (Decimal::ZERO, quote),
            1 => (quantity * price * dec("0.001"), quote),
            2 => (quantity * dec("0.001"), base),
            3 => (dec("0.01"), "BNB"),
            _ => (-dec("0.002"), quote),
        };
        let row = format!(
            "{},O{order},2026-01-05T{:02}:{:02}:{:02}Z,{symbol},{},{price},{quantity},{fee},{unit}\n",
            number + 1,
            second / 3600,
            second / 60 % 60,
            second % 60,
            if die.buy { "buy" } else { "sell" },
        );
        text += &row;
        if die.twice {
            text += &row;
            repeated += 1;
        }
        if !fee.is_zero() {
            *fees.entry(unit.to_owned()).or_default() += fee;
        }
        let signed = if die.buy { quantity } else { -quantity };
        let base_fee = if unit == base { fee } else { Decimal::ZERO };
        models[die.symbol].trade(signed, price, base_fee, dec("0.01"));
    }
    (text, models, fees, repeated)
}

fn agrees(dice: &[Dice]) -> Result<(LoadedHistory, Recorded), TestCaseError> {
    let (text, models, fees, repeated) = played(dice);
    let lots: String = SYMBOLS.iter().map(|symbol| format!("  {symbol}: {{lot: 0.01}}\n")).collect();
    let place = Place::with(&format!("{MAP}instruments:\n{lots}"), &text);
    let path = place.dir.path().join("trades.csv");
    let loaded = load(&path, place.dir.path().join("map.yaml").to_str().unwrap());
    let recorded = record(&loaded);
    prop_assert_eq!(loaded.counts.rows, dice.len() as u64 + repeated);
    prop_assert_eq!(loaded.counts.repeated, repeated);
    let close = |a: Decimal, b: Decimal| (a - b).abs() < dec("0.00000001");
    for (symbol, model) in SYMBOLS.iter().zip(&models) {
        let of_symbol: Vec<&PlanView> =
            plans(&recorded).into_iter().filter(|plan| plan.asset_symbol.to_string() == *symbol).collect();
        let ended = of_symbol.iter().filter(|plan| plan.outcome.is_some()).count();
        prop_assert_eq!(ended, model.ended, "round trips of {}", symbol);
        let open: Vec<&&PlanView> = of_symbol.iter().filter(|plan| plan.outcome.is_none()).collect();
        match (&model.standing, open.as_slice()) {
            (None, []) => {}
            (Some(trip), [plan]) => {
                // A fee that is divided is rounded to 12 decimals, and what a split leaves with it.
                prop_assert!(close(plan.net_position.value(), trip.traded), "{} of {}", plan.net_position, trip.traded);
                prop_assert!(close(plan.held.value(), trip.held), "{} held, {}", plan.held, trip.held);
            }
            (standing, open) => prop_assert!(false, "{}: {} and {}", symbol, standing.is_some(), open.len()),
        }
        let realized: Decimal = of_symbol.iter().map(|plan| plan.realized_pnl.value()).sum();
        prop_assert!(close(realized, model.realized), "{}: realised {}, {}", symbol, realized, model.realized);
        // Whatever the model of cost: what was gained and what is left, at cost, is the cash that moved.
        let left: Decimal = of_symbol
            .iter()
            .map(|plan| plan.net_position.value() * plan.average_entry_price.map_or(Decimal::ZERO, |p| p.value()))
            .sum();
        prop_assert!(close(realized - left, model.cash), "{}: {} - {}, cash {}", symbol, realized, left, model.cash);
    }
    let mut charged: BTreeMap<String, Decimal> = BTreeMap::new();
    for fee in plans(&recorded).iter().flat_map(|plan| &plan.fees) {
        *charged.entry(fee.asset.to_string()).or_default() += fee.amount.value();
    }
    charged.retain(|_, amount| !amount.is_zero());
    let fees: BTreeMap<String, Decimal> = fees.into_iter().filter(|(_, amount)| !amount.is_zero()).collect();
    prop_assert_eq!(charged, fees);
    // Nothing is traded twice and nothing is lost: every plan's fills are its trades.
    let traded: Decimal = plans(&recorded)
        .iter()
        .flat_map(|plan| &plan.groups)
        .flat_map(|group| &group.orders)
        .flat_map(|order| &order.fills)
        .map(|fill| fill.quantity.value())
        .sum();
    prop_assert_eq!(traded, dice.iter().map(|die| Decimal::new(die.quantity, 2)).sum::<Decimal>());
    Ok((loaded, recorded))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_agrees_with_a_simple_model(dice in prop::collection::vec(dice(), 1..60)) {
        agrees(&dice)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_is_the_same_log_in_every_store(dice in prop::collection::vec(dice(), 1..120)) {
        let (loaded, in_memory) = agrees(&dice)?;
        let dir = tempfile::tempdir().unwrap();
        let mut store = RocksStore::create_or_open(dir.path()).unwrap();
        let often = Pace { commit_every: 7, save_from: 10 };
        let on_disk = history::record(&mut store, &loaded, often, Watching::default()).unwrap();
        prop_assert_eq!(on_disk.head, in_memory.head);
        prop_assert_eq!(on_disk.ledger_digest, in_memory.ledger_digest);
        let verification = verify(&store, on_disk.session, None).unwrap();
        prop_assert!(verification.is_clean(), "{:?}", verification);
        prop_assert_eq!(store.watermark(on_disk.session).unwrap().durable_seq, on_disk.last_seq);
    }
}
