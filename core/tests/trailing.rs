//! Where a trailing stop stands, against a model in whole hundredths: the best that any price of a walk has given it.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "test code")]

use proptest::prelude::*;
use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::instrument::Instrument;
use retrace_core::order::Side;
use retrace_core::stop::Trail;
use rust_decimal::Decimal;

/// Hundredths of a tick in a price: prices need not be on the tick.
const TICK: i64 = 100;

fn instrument() -> Instrument {
    Instrument {
        symbol: "BTC/USDT".parse().unwrap(),
        tick: Price::new(Decimal::new(5, 1)).unwrap(),
        lot: Quantity::new(Decimal::ONE).unwrap(),
        min_notional: Money::new(Decimal::ZERO),
    }
}

/// The price of so many hundredths of a tick of 0.5.
fn price(hundredths: i64) -> Price {
    Price::new(Decimal::new(hundredths * 5, 3)).unwrap()
}

fn trail() -> impl Strategy<Value = (bool, i64)> {
    prop_oneof![(Just(true), 1..400_i64), (Just(false), 1..999_i64)]
}

/// In ticks: rounded toward the price, and to the other side where it would be no farther than the price itself.
fn model(absolute: bool, by: i64, at: i64, sell: bool) -> i64 {
    // In hundred-thousandths of a tick.
    let away = if absolute { by * TICK * 1_000 } else { at * by };
    let (raw, unit) = (if sell { at * 1_000 - away } else { at * 1_000 + away }, TICK * 1_000);
    let (down, up) = (raw.div_euclid(unit), -(-raw).div_euclid(unit));
    if sell {
        if up * TICK < at { up } else { down }
    } else if down * TICK > at {
        down
    } else {
        up
    }
}

proptest! {
    #[test]
    fn it_stands_where_the_best_price_has_brought_it(
        (absolute, by) in trail(),
        sell in any::<bool>(),
        walk in prop::collection::vec(1_000..100_000_i64, 1..30),
    ) {
        let side = if sell { Side::Sell } else { Side::Buy };
        // A distance of so many ticks; a fraction of so many thousandths.
        let trail = if absolute { Trail::Distance(Decimal::new(by * 5, 1)) } else { Trail::Fraction(Decimal::new(by, 3)) };
        prop_assert!(trail.is_valid());
        let mut stands = price(if sell { TICK } else { 10_000_000 });
        let mut best = if sell { 1 } else { 100_000 };
        for at in walk {
            let moved = trail.moved(stands, price(at), side, &instrument());
            let level = model(absolute, by, at, sell);
            // No price stands at zero or below it: it stays.
            if level > 0 {
                best = if sell { best.max(level) } else { best.min(level) };
                let alone = trail.level(price(at), side, &instrument());
                prop_assert_eq!(alone, Some(price(level * TICK)));
                let beyond = if sell { level * TICK < at } else { level * TICK > at };
                prop_assert!(beyond, "{} is not beyond {}", level * TICK, at);
            }
            prop_assert_eq!(moved, price(best * TICK));
            stands = moved;
        }
    }
}
