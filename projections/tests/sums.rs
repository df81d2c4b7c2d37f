//! Accounting and slicing against simpler models of both.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use retrace_core::amount::{Money, Position, Price, Quantity};
use retrace_core::ids::TradeId;
use retrace_core::instrument::{Asset, Instrument, Symbol};
use retrace_core::order::{OrderRole, Side};
use retrace_core::time::Timestamp;
use retrace_projections::ledger::{Accounting, Totals, Trade, slice_size};
use rust_decimal::Decimal;

/// A fill in whole cents and hundredths of a unit.
#[derive(Clone, Debug)]
struct Fill {
    id: u32,
    second: i64,
    buy: bool,
    cents: i128,
    hundredths: i128,
    fee_cents: i64,
    fee_in_base: bool,
}

fn fills() -> impl Strategy<Value = Vec<Fill>> {
    let fill = (0_i64..6, any::<bool>(), 1_i128..20_000, 1_i128..500, -3_i64..50, any::<bool>());
    proptest::collection::vec(fill, 1..9).prop_map(|all| {
        let numbered = (1..).zip(all);
        let fill = |(id, (second, buy, cents, hundredths, fee_cents, fee_in_base))| Fill {
            id,
            second,
            buy,
            cents,
            hundredths,
            fee_cents,
            fee_in_base,
        };
        numbered.map(fill).collect()
    })
}

fn trade(fill: &Fill) -> Trade {
    let (symbol, side) = (symbol(), if fill.buy { Side::Buy } else { Side::Sell });
    Trade {
        trade_id: TradeId::new(&fill.id.to_string()).unwrap(),
        executed_at: Timestamp::from_nanos(fill.second),
        role: OrderRole::Entry,
        side,
        price: Price::new(Decimal::from_i128_with_scale(fill.cents, 2)).unwrap(),
        quantity: Quantity::new(Decimal::from_i128_with_scale(fill.hundredths, 2)).unwrap(),
        fee: Money::new(Decimal::new(fill.fee_cents, 2)),
        fee_asset: if fill.fee_in_base { symbol.base().clone() } else { symbol.quote().clone() },
    }
}

fn symbol() -> Symbol {
    "BTC/USDT".parse().unwrap()
}

fn booked(fills: &[Fill]) -> Totals {
    let mut accounting = Accounting::new(&symbol());
    for fill in fills {
        accounting.book(trade(fill)).unwrap();
    }
    accounting.totals().clone()
}

/// A fraction of ten-thousandths of a quote unit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fraction {
    over: i128,
    under: i128,
}

impl Fraction {
    fn of(over: i128, under: i128) -> Self {
        let (mut a, mut b) = (over.abs(), under.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let shared = a.max(1) * under.signum();
        Self { over: over / shared, under: under / shared }
    }

    fn plus(self, other: Self) -> Self {
        Self::of(self.over * other.under + other.over * self.under, self.under * other.under)
    }

    /// Whether a decimal is this fraction, but for what rounding may cost.
    fn is_about(self, value: Decimal) -> bool {
        let exact = Decimal::from_i128_with_scale(self.over, 4) / Decimal::from_i128_with_scale(self.under, 0);
        (exact - value).abs() <= Decimal::new(1, 9)
    }
}

/// Average cost by brute force: the cost of the open position as an exact fraction, position by position.
fn model(fills: &[Fill]) -> (i128, Fraction, Fraction) {
    let mut sorted = fills.to_vec();
    sorted.sort_by_key(|fill| (fill.second, fill.id));
    let (mut position, mut cost, mut realized) = (0_i128, Fraction::of(0, 1), Fraction::of(0, 1));
    for fill in &sorted {
        let sign = if fill.buy { 1 } else { -1 };
        let against = position * sign < 0;
        let closing = if against { fill.hundredths.min(position.abs()) } else { 0 };
        if closing > 0 {
            let released = Fraction::of(cost.over * closing, cost.under * position.abs());
            let proceeds = Fraction::of(closing * fill.cents, 1);
            // A sale gains what it brings above the cost, a purchase what it costs below what was received.
            let gain = proceeds.plus(Fraction::of(-released.over, released.under));
            realized = realized.plus(Fraction::of(gain.over * -sign, gain.under));
            cost = cost.plus(Fraction::of(-released.over, released.under));
        }
        cost = cost.plus(Fraction::of((fill.hundredths - closing) * fill.cents, 1));
        position += sign * fill.hundredths;
    }
    (position, cost, realized)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_unrealised_is_what_closing_at_that_price_realises(fills in fills(), cents in 1_i128..20_000) {
        let totals = booked(&fills);
        let price = Price::new(Decimal::from_i128_with_scale(cents, 2)).unwrap();
        let unrealized = totals.unrealized(price).unwrap();
        let position = totals.traded.value();
        if position.is_zero() {
            prop_assert_eq!(unrealized, Money::ZERO);
        } else {
            let hundredths = (position.abs() * Decimal::ONE_HUNDRED).try_into().unwrap();
            let close = Fill { id: 99, second: 99, buy: position < Decimal::ZERO, cents, hundredths, fee_cents: 0, fee_in_base: false };
            let closed = booked(&[fills, vec![close]].concat());
            prop_assert!(closed.traded.is_flat());
            prop_assert_eq!(closed.realized.minus(totals.realized).unwrap(), unrealized);
        }
    }

    #[test]
    fn totals_are_those_of_exact_fractions(fills in fills()) {
        let totals = booked(&fills);
        let (position, cost, realized) = model(&fills);
        prop_assert_eq!(totals.traded.value(), Decimal::from_i128_with_scale(position, 2).normalize());
        prop_assert!(cost.is_about(totals.cost.value()), "cost {} is not {:?}", totals.cost, cost);
        prop_assert!(realized.is_about(totals.realized.value()), "realised {} is not {:?}", totals.realized, realized);
        let in_base = fills.iter().filter(|fill| fill.fee_in_base);
        let base: Decimal = in_base.clone().map(|fill| Decimal::new(fill.fee_cents, 2)).sum();
        let worth: Decimal = in_base.map(|fill| Decimal::new(fill.fee_cents, 2) * trade(fill).price.value()).sum();
        let quote: Decimal = fills.iter().filter(|f| !f.fee_in_base).map(|f| Decimal::new(f.fee_cents, 2)).sum();
        prop_assert_eq!(totals.held.value(), (totals.traded.value() - base).normalize());
        prop_assert_eq!(totals.fees_in_quote.value(), (quote + worth).normalize());
        prop_assert_eq!(totals.net().unwrap().value(), (totals.realized.value() - quote - worth).normalize());
        if totals.traded == Position::FLAT {
            prop_assert_eq!(totals.cost, Money::ZERO);
            prop_assert_eq!(totals.average_entry().unwrap(), None);
        }
    }

    #[test]
    fn any_order_of_arrival_gives_the_same_totals(
        (fills, arrived) in fills().prop_flat_map(|fills| (Just(fills.clone()), Just(fills).prop_shuffle())),
    ) {
        prop_assert_eq!(booked(&fills), booked(&arrived));
    }

    #[test]
    fn slices_are_equal_lots_and_the_last_takes_the_rest(lots in 1_i64..100_000, slices in 1_u32..400, scale in 0_u32..8) {
        let lot = Quantity::new(Decimal::new(1, scale)).unwrap();
        let instrument = Instrument {
            symbol: symbol(),
            tick: Price::new(Decimal::new(1, 2)).unwrap(),
            lot,
            min_notional: Money::ZERO,
        };
        let quantity = Quantity::new(Decimal::new(lots, scale)).unwrap();
        let slice = slice_size(quantity, slices, &instrument).unwrap().value();
        let last = quantity.value() - slice * Decimal::from(slices - 1);
        prop_assert_eq!(slice, Decimal::new(lots / i64::from(slices), scale).normalize());
        prop_assert!(last >= slice && last < slice + lot.value() * Decimal::from(slices));
        prop_assert!((slice / lot.value()).fract().is_zero() && (last / lot.value()).fract().is_zero());
    }
}

#[test]
fn a_fee_in_a_third_asset_is_listed_and_moves_nothing() {
    let fill = Fill { id: 1, second: 0, buy: true, cents: 100, hundredths: 100, fee_cents: 5, fee_in_base: false };
    let mut accounting = Accounting::new(&symbol());
    let bnb = Asset::new("BNB").unwrap();
    accounting.book(Trade { fee_asset: bnb.clone(), ..trade(&fill) }).unwrap();
    let totals = accounting.totals();
    assert_eq!(totals.fees[&bnb], Money::new(Decimal::new(5, 2)));
    assert_eq!((totals.held, totals.fees_in_quote), (totals.traded, Money::ZERO));
}
