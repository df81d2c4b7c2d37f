//! Positions and results from fills: every case is booked trade by trade, and what the totals say is compared.
//!
//! How a source's words are read: its realised result with fees is our net one; an open position's result at a price
//! is what closing it there would realise; the average entry of a round trip that has ended is the one before the fill
//! that ended it. A source that cuts its records at zero is compared with what the totals gained between the cuts.

use retrace_core::amount::{Money, Price, Quantity};
use retrace_core::ids::TradeId;
use retrace_core::instrument::Symbol;
use retrace_core::order::{OrderRole, Side};
use retrace_core::venue::FeeAsset;
use retrace_projections::ledger::{Accounting, Totals, Trade};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::matching::fee_of_sale;
use super::{Compared, Differs, NotYet, Suite, Tolerance, at, decimal, text};

const DECIMALS: &str = "an average is shown to 12 decimals, half to even; cost and quantity are kept exactly";
const FLAT: &str = "a flat position has no average, not an average of 0";
const EXIT_FEE: &str = "an open result is gross; no exit fee is estimated into it";
const FLIP_FEE: &str = "a fee belongs to its fill: that of a fill through zero is not split over two positions";
const FEES_AT_ONCE: &str = "a fee lowers the result when it is paid, not when its part of the position is closed";
const ADDS_UP: &str = "a plan's result and fees add up over all its fills; being flat does not start them afresh";

pub(super) const DIFFERS: &[Differs] = &[
    Differs { case: "barter-avg-1", reason: DECIMALS, ours: &[("average", "166.666666666667")] },
    Differs { case: "barter-avg-2", reason: DECIMALS, ours: &[("average", "104.761904761905")] },
    Differs { case: "barter-avg-5", reason: FLAT, ours: &[("average", "none")] },
    Differs { case: "barter-pos-0", reason: EXIT_FEE, ours: &[("open.unrealised", "20")] },
    Differs { case: "barter-pos-1", reason: EXIT_FEE, ours: &[("open.unrealised", "75")] },
    Differs {
        case: "barter-pos-3",
        reason: FLIP_FEE,
        ours: &[("closed.realised", "20"), ("closed.fees", "30"), ("open.realised", "0"), ("open.fees", "0")],
    },
    Differs { case: "barter-pos-4", reason: EXIT_FEE, ours: &[("open.unrealised", "20")] },
    Differs { case: "barter-pos-5", reason: EXIT_FEE, ours: &[("open.unrealised", "30")] },
    Differs {
        case: "barter-pos-7",
        reason: FLIP_FEE,
        ours: &[("closed.realised", "-10"), ("closed.fees", "30"), ("open.realised", "0"), ("open.fees", "0")],
    },
    Differs {
        case: "freqtrade-dca-1",
        reason: FEES_AT_ONCE,
        ours: &[
            ("step0.cumulative_realised", "-2.5"),
            ("step1.cumulative_realised", "-6.25"),
            ("step2.cumulative_realised", "-32.75"),
            ("step2.realised_this_exit", "-26.5"),
            ("step3.cumulative_realised", "712.25"),
            ("step3.realised_this_exit", "745"),
            ("step4.realised_this_exit", "-375.625"),
        ],
    },
    Differs { case: "nautilus-fold-same-side", reason: DECIMALS, ours: &[("average", "0.666666666667")] },
    Differs { case: "nautilus-fold-zero-legs-skipped", reason: DECIMALS, ours: &[("average", "1.333333333333")] },
    Differs { case: "nautilus-fold-full-close", reason: FLAT, ours: &[("average", "none")] },
    Differs { case: "nautilus-fold-empty", reason: FLAT, ours: &[("average", "none")] },
    Differs { case: "nautilus-pos-closed-and-reopened", reason: ADDS_UP, ours: &[("realised", "15"), ("total", "42")] },
];

pub(super) const NOT_YET: &[NotYet] = &[NotYet {
    case: "binance-commission-bnb",
    reason: "not yet: the venue takes fees in base or quote only; fees in a third asset are read from imports, not charged",
    missing: || FeeAsset::ALL == [FeeAsset::Quote, FeeAsset::Base],
}];

#[test]
fn position() {
    let mut suite = Suite::new(DIFFERS, NOT_YET);
    suite.file("position/barter_average_price.json", barter_average);
    suite.file("position/barter_position_updates.json", barter_position);
    suite.file("position/binance_commission.json", commission);
    suite.file("position/freqtrade_dca_three_buys.json", three_buys);
    suite.file("position/freqtrade_scale_in_out.json", scaled);
    suite.file("position/jesse_positions.json", jesse);
    suite.file("position/lean_trade_builder.json", round_trips);
    suite.file("position/nautilus_net_and_average.json", folded);
    suite.file("position/nautilus_positions.json", nautilus);
    suite.end();
}

/// A plan's trades, with the totals before the first and after each.
struct Booked {
    accounting: Accounting,
    history: Vec<Totals>,
}

impl Booked {
    fn new() -> Self {
        let accounting = Accounting::new(&symbol());
        Self { history: vec![accounting.totals().clone()], accounting }
    }

    /// Books a trade. One of no quantity does not exist: the amount's own type refuses it, and nothing happens.
    fn trade(&mut self, side: &Value, quantity: Decimal, price: Decimal, fee: Decimal) {
        let Ok(quantity) = Quantity::new(quantity) else { return };
        let number = self.history.len();
        let side = match side.as_str().unwrap() {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            other => panic!("no side {other}"),
        };
        let trade = Trade {
            role: OrderRole::Entry,
            trade_id: TradeId::new(&number.to_string()).unwrap(),
            executed_at: at(number as u64),
            side,
            price: Price::new(price).unwrap(),
            quantity,
            fee: Money::new(fee),
            fee_asset: symbol().quote().clone(),
        };
        self.accounting.book(trade).unwrap();
        self.history.push(self.accounting.totals().clone());
    }

    /// The fills of a case, each with side, price, quantity and fee.
    fn fills(case: &Value) -> Self {
        let mut booked = Self::new();
        for fill in case["fills"].as_array().unwrap() {
            booked.trade(&fill["side"], decimal(&fill["qty"]), decimal(&fill["price"]), decimal(&fill["fee"]));
        }
        booked
    }

    fn now(&self) -> &Totals {
        self.accounting.totals()
    }

    fn average(&self) -> Option<Decimal> {
        average(self.now())
    }

    fn traded(&self) -> Option<Decimal> {
        Some(self.now().traded.value())
    }

    /// What closing at `price` would realise, before fees: asked of a copy that does it.
    fn unrealised(&self, price: Decimal) -> Decimal {
        let Some(size) = self.now().traded.size() else { return Decimal::ZERO };
        let mut closed = Self { accounting: self.accounting.clone(), history: self.history.clone() };
        let side = if Side::of(self.now().traded) == Some(Side::Buy) { "sell" } else { "buy" };
        closed.trade(&json!(side), size.value(), price, Decimal::ZERO);
        assert!(closed.now().traded.is_flat());
        closed.now().realized.value() - self.now().realized.value()
    }

    /// The positions one after the other: each from the fill that opened it to the one that closed or turned it.
    fn cut_at_zero(&self) -> Vec<Position> {
        let mut positions = Vec::new();
        let mut opened = 0;
        for after in 1..self.history.len() {
            let side = |place: usize| Side::of(self.history[place].traded);
            let ends = side(after) != side(after - 1) && side(after - 1).is_some();
            if ends || after + 1 == self.history.len() {
                positions.push(self.between(opened, after, ends));
                opened = after;
            }
            if ends && after + 1 == self.history.len() && side(after).is_some() {
                positions.push(self.between(after, after, false));
            }
        }
        positions
    }

    /// The position from after fill `opened` (which may itself have opened it, by turning) to after fill `last`.
    fn between(&self, opened: usize, last: usize, closed: bool) -> Position {
        let standing = if closed { last - 1 } else { last };
        let held = &self.history[standing];
        let (from, to) = (&self.history[opened], &self.history[last]);
        let side = Side::of(held.traded).unwrap();
        let sizes = self.history[opened..=standing].iter().filter_map(|totals| totals.traded.size());
        let gained = to.realized.value() - from.realized.value();
        Position {
            side,
            closed,
            size: held.traded.size().unwrap().value(),
            size_max: sizes.map(Quantity::value).max().unwrap(),
            entry: average(held).expect("an open position has an average"),
            gained,
            fees: to.fees_in_quote.value() - from.fees_in_quote.value(),
        }
    }
}

/// What the totals say of one position, from zero to zero.
struct Position {
    side: Side,
    closed: bool,
    /// What is open, or was before the last fill.
    size: Decimal,
    size_max: Decimal,
    entry: Decimal,
    /// Before fees.
    gained: Decimal,
    fees: Decimal,
}

impl Position {
    /// The average price at which `quantity` was closed in all.
    fn exit(&self, quantity: Decimal) -> Decimal {
        let gained = self.gained / quantity;
        if self.side == Side::Buy { self.entry + gained } else { self.entry - gained }
    }
}

fn symbol() -> Symbol {
    "BASE/QUOTE".parse().unwrap()
}

fn average(totals: &Totals) -> Option<Decimal> {
    totals.average_entry().unwrap().map(Price::value)
}

fn barter_average(case: &Value) -> Compared {
    let inputs = &case["inputs"];
    let mut booked = Booked::new();
    booked.trade(&json!("buy"), decimal(&inputs["qty"]), decimal(&inputs["avg"]), Decimal::ZERO);
    booked.trade(&json!("buy"), decimal(&inputs["fill_qty"]), decimal(&inputs["fill_price"]), Decimal::ZERO);
    let mut compared = Compared::new(case);
    compared.number("average", &case["expected"], booked.average(), Tolerance::Exact);
    compared
}

fn barter_position(case: &Value) -> Compared {
    let booked = Booked::fills(case);
    let last = decimal(&case["fills"].as_array().unwrap().last().unwrap()["price"]);
    let positions = booked.cut_at_zero();
    let mut compared = Compared::new(case);
    for (name, closed) in [("open", false), ("closed", true)] {
        let expected = &case[format!("expected_{name}")];
        let ours = positions.iter().find(|position| position.closed == closed);
        compared.text(name, (!expected.is_null()).to_string(), ours.is_some().to_string());
        let Some(ours) = ours else { continue };
        let mut number = |field: &str, expected: &Value, ours| {
            compared.number(&format!("{name}.{field}"), expected, Some(ours), Tolerance::Exact);
        };
        number("avg_entry", &expected["avg_entry"], ours.entry);
        number("qty_max", &expected["qty_max"], ours.size_max);
        number("realised", &expected["realised"], ours.gained - ours.fees);
        let fees = decimal(&expected["fees_enter"]) + decimal(&expected["fees_exit"]);
        number("fees", &json!(fees.to_string()), ours.fees);
        if !closed {
            number("qty", &expected["qty"], ours.size);
            number("unrealised", &expected["unrealised_net_of_est_exit_fee"], booked.unrealised(last));
        }
        compared.text(&format!("{name}.side"), text(&expected["side"]).to_uppercase(), ours.side.as_str());
    }
    compared
}

fn commission(case: &Value) -> Compared {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    assert_eq!(inputs["side"], "SELL");
    let (price, quantity) = (text(&inputs["price"]), text(&inputs["qty"]));
    let mut compared = Compared::new(case);
    let notional = fee_of_sale(&price, &quantity, Decimal::ONE).value();
    compared.number("notional", &expected["notional"], Some(notional), Tolerance::Exact);
    for class in ["standard", "tax", "special"] {
        let rate = decimal(&inputs[class]["taker"]) + decimal(&inputs[class]["seller"]);
        let fee = fee_of_sale(&price, &quantity, rate).value();
        compared.number(class, &expected[class], Some(fee), Tolerance::Decimals(8));
    }
    compared
}

fn three_buys(case: &Value) -> Compared {
    let (mut booked, mut compared) = (Booked::new(), Compared::new(case));
    for (place, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        let (quantity, price) = (decimal(&step["amount"]), decimal(&step["price"]));
        booked.trade(&step["side"], quantity, price, quantity * price * Decimal::new(25, 4));
        let (now, expected) = (booked.now(), &step["expected"]);
        let mut number = |field: &str, ours| {
            compared.number(
                &format!("step{place}.{field}"),
                &expected[field],
                ours,
                Tolerance::Absolute("0.000000001"),
            );
        };
        number("position", booked.traded());
        number("cost_basis", Some(now.cost.value()));
        number("avg_entry_price", booked.average());
        number("fee_cost", Some(now.fees_in_quote.value()));
        number("open_value_with_fees", Some(now.cost.plus(now.fees_in_quote).unwrap().value()));
    }
    compared
}

fn scaled(case: &Value) -> Compared {
    let near = Tolerance::Relative("0.000001");
    let rate = decimal(&case["fee_rate"]);
    let (mut booked, mut compared) = (Booked::new(), Compared::new(case));
    let steps = case["steps"].as_array().unwrap();
    for (place, step) in steps.iter().enumerate() {
        let (quantity, price) = (decimal(&step["amount"]), decimal(&step["price"]));
        let before = booked.now().net().unwrap().value();
        booked.trade(&step["side"], quantity, price, quantity * price * rate);
        let (now, expected) = (booked.now(), &step["expected"]);
        let mut number = |field: &str, ours| {
            compared.number(&format!("step{place}.{field}"), &expected[field], ours, near);
        };
        let net = now.net().unwrap().value();
        number("cumulative_realised", Some(net));
        if step["side"] == "sell" {
            number("realised_this_exit", Some(net - before));
        }
        // The source keeps the last open position's numbers at the closing step and says to leave them alone.
        if place + 1 < steps.len() {
            number("position", booked.traded());
            number("avg_entry_price", booked.average());
            number("cost_basis", Some(now.cost.value()));
        }
    }
    assert!(booked.now().traded.is_flat());
    compared.number("final_profit", &case["final_profit"], Some(booked.now().net().unwrap().value()), near);
    compared
}

fn jesse(case: &Value) -> Compared {
    let (mut booked, mut compared) = (Booked::new(), Compared::new(case));
    for fill in case["fills"].as_array().unwrap() {
        booked.trade(&fill[0], decimal(&fill[1]), decimal(&fill[2]), Decimal::ZERO);
    }
    let hundred = Decimal::ONE_HUNDRED;
    let cost = booked.now().cost.value();
    let result = || booked.unrealised(decimal(&case["mark"]));
    for (field, expected) in case["expected"].as_object().unwrap() {
        let ours = match field.as_str() {
            "qty" => booked.traded(),
            "avg" => booked.average(),
            "pnl" => Some(result()),
            "pnl_pct" | "roi_pct" => Some(result() / cost * hundred),
            "cost" => Some(cost),
            "value" => Some(booked.traded().unwrap().abs() * decimal(&case["mark"])),
            other => panic!("{}: unknown number {other}", case["id"]),
        };
        compared.number(field, expected, ours, Tolerance::Exact);
    }
    compared
}

fn round_trips(case: &Value) -> Compared {
    let positions = Booked::fills(case).cut_at_zero();
    let expected = &case["expected"];
    // One trade per matched fill is another grouping of the same fills; ours goes from flat to flat.
    let trades = if expected["any"].is_null() { &expected["flat_to_flat"] } else { &expected["any"] };
    let trades = trades.as_array().unwrap();
    let mut compared = Compared::new(case);
    compared.text("trades", trades.len().to_string(), positions.len().to_string());
    for (place, (trade, ours)) in trades.iter().zip(&positions).enumerate() {
        let side = if ours.side == Side::Buy { "long" } else { "short" };
        compared.text(&format!("trade{place}.side"), text(&trade["side"]), side);
        let mut number = |field: &str, ours| {
            let near = Tolerance::Absolute("0.000000001");
            compared.number(&format!("trade{place}.{field}"), &trade[field], Some(ours), near);
        };
        number("qty", ours.size_max);
        number("entry", ours.entry);
        number("exit", ours.exit(ours.size_max));
        number("pnl", ours.gained);
        number("fees", ours.fees);
    }
    compared
}

fn folded(case: &Value) -> Compared {
    let mut booked = Booked::new();
    for leg in case["legs"].as_array().unwrap() {
        let signed = decimal(&leg["signed_qty"]);
        let side = if signed.is_sign_negative() { "sell" } else { "buy" };
        booked.trade(&json!(side), signed.abs(), decimal(&leg["price"]), Decimal::ZERO);
    }
    let mut compared = Compared::new(case);
    compared.number("net", &case["expected"]["net_qty"], booked.traded(), Tolerance::Exact);
    compared.number("average", &case["expected"]["avg_price"], booked.average(), Tolerance::Exact);
    compared
}

fn nautilus(case: &Value) -> Compared {
    let near = Tolerance::Relative("0.000000000001");
    let mut booked = Booked::new();
    for fill in case["fills"].as_array().unwrap() {
        assert_eq!(fill["commission_currency"], "quote");
        // "see note": the first commission does not matter there.
        let fee = text(&fill["commission"]).parse().unwrap_or_default();
        booked.trade(&fill["side"], decimal(&fill["qty"]), decimal(&fill["price"]), fee);
    }
    let now = booked.now();
    let net = now.net().unwrap().value();
    let last = booked.cut_at_zero().pop().unwrap();
    let exit = last.closed.then(|| last.exit(last.size_max));
    let open =
        || booked.unrealised(if case["mark_price"].is_null() { Decimal::ONE } else { decimal(&case["mark_price"]) });
    let mut compared = Compared::new(case);
    for (field, expected) in case["expected"].as_object().unwrap() {
        let (ours, tolerance) = match field.as_str() {
            "signed_qty" => (booked.traded(), Tolerance::Exact),
            "avg_open" => (Some(last.entry), near),
            "avg_close" => (exit, near),
            "realised" => (Some(net), Tolerance::Exact),
            "realised_return" => {
                let moved = exit.map_or(Decimal::ZERO, |exit| exit / last.entry - Decimal::ONE);
                (Some(if last.side == Side::Buy { moved } else { -moved }), near)
            }
            "unrealised" => (Some(open()), Tolerance::Exact),
            "total" => (Some(net + open()), Tolerance::Exact),
            "commissions" => (Some(now.fees_in_quote.value()), Tolerance::Exact),
            other => panic!("{}: unknown number {other}", case["id"]),
        };
        compared.number(field, expected, ours, tolerance);
    }
    compared
}
