//! The totals of real histories against what their makers computed. None of them is copied into the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use retrace_tools::history;
use rust_decimal::Decimal;

use super::{dec, load, plans, record};
use crate::real::data_dir;

/// A history that stands beside the checkout; `None`, said plainly, where it does not.
fn real(path: &str) -> Option<PathBuf> {
    let path = data_dir().join("histories").join(path);
    if !path.exists() {
        eprintln!("skipped: no {} beside the checkout", path.display());
        return None;
    }
    Some(path)
}

/// The columns of a plain CSV file, by name.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            header.iter().zip(line.split(',')).map(|(name, cell)| (name.to_string(), cell.to_owned())).collect()
        })
        .collect()
}

/// 179 round trips: each one's gross result is `profit_abs`, and the fees make up `profit_ratio`, both as exact as the
/// rounding to 12 decimals of prices, quantities and fees lets them be.
#[test]
fn freqtrades_round_trips_come_out_as_freqtrade_says() {
    let Some(path) = real("freqtrade_backtest_179_trades.csv") else { return };
    let loaded = load(&path, "freqtrade");
    let counts = &loaded.counts;
    assert_eq!((counts.rows, counts.trades, counts.round_trips, counts.open), (179, 358, 179, 0));
    let recorded = record(&loaded);
    let lines: BTreeMap<&str, u64> =
        loaded.trades.iter().map(|trade| (trade.position.as_ref().unwrap().as_str(), trade.line)).collect();
    assert_eq!(lines.len(), 179);

    let expected = rows(&path);
    let (mut gross, mut gross_expected, mut worst) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    // Plans come in the order of their entries, as the file's rows do.
    for (plan, row) in plans(&recorded).into_iter().zip(&expected) {
        assert_eq!(plan.asset_symbol.to_string(), row["pair"]);
        assert_eq!(plan.outcome.map(|outcome| outcome.as_str()), Some("flat"));
        let (amount, open, close) = (dec(&row["amount"]), dec(&row["open_rate"]), dec(&row["close_rate"]));
        // Half a unit of the twelfth decimal each: on both prices times the amount, on the amount times the prices.
        let half = dec("0.0000000000005");
        let bound = half * (amount * dec("2") + (open - close).abs()) + half;
        let off = (plan.realized_pnl.value() - dec(&row["profit_abs"])).abs();
        assert!(off <= bound, "{row:?}: realised {} is off by {off}, allowed {bound}", plan.realized_pnl);
        worst = worst.max(off);
        gross += plan.realized_pnl.value();
        gross_expected += dec(&row["profit_abs"]);
        // profit_ratio = what came back, less what was put in, over what was put in; both with their fees.
        let put_in = amount * open * (Decimal::ONE + dec(&row["fee_open"]));
        let off = (plan.net_pnl.value() / put_in - dec(&row["profit_ratio"])).abs();
        assert!(off < dec("0.00000002"), "{row:?}: net {} is off by {off}", plan.net_pnl);
    }
    assert_eq!(plans(&recorded).len(), expected.len());
    let off = (gross - gross_expected).abs();
    println!("freqtrade: gross {gross}, expected {gross_expected}, off by {off}; the worst of one row {worst}");
    assert!(off < dec("0.0000000001"), "the sum is off by {off}");
}

/// Binance's export of one sale of what was deposited: with the deposit as an opening position it is one round trip, and
/// its result the FIFO tracker's: what was got for it, valued at the price it was bought at, without a gain or loss.
#[test]
fn a_binance_export_comes_out_as_its_fifo_tracker_says() {
    let Some(path) = real("crypto_pnl/scenario1/input/trades/spot.csv") else { return };
    let expected = &rows(&path.parent().unwrap().join("../../expected/trades.csv"))[0];
    let loaded = load(&path, "binance-spot");
    assert_eq!(loaded.notes.len(), 1, "sold without having been bought: {:?}", loaded.notes);
    let trade = &loaded.trades[0];
    assert_eq!(trade.symbol.to_string().replace('/', ""), expected["Traded Pair"]);
    assert_eq!(trade.side.as_str(), expected["Side"]);
    assert_eq!(trade.fill.quantity.value(), dec(&expected["Traded Quantity"]).normalize());
    assert_eq!(trade.fill.price.value(), dec(&expected["Price"]).normalize());
    assert_eq!(
        trade.fill.quantity.notional(trade.fill.price).unwrap().value(),
        dec(&expected["Main Quantity"]).normalize()
    );
    assert_eq!(plans(&record(&loaded))[0].net_position.value(), -dec(&expected["Traded Quantity"]).normalize());

    let dir = tempfile::tempdir().unwrap();
    let map = dir.path().join("map.yaml");
    let ready = history::maps::find(Path::new("binance-spot")).unwrap().text;
    let opening =
        "shorting: false\nopening: [{symbol: EUR/USDT, quantity: 20000, price: 1.25, at: 2022-06-01T10:00:00Z}]\n";
    std::fs::write(&map, format!("{ready}{opening}")).unwrap();
    let loaded = load(&path, map.to_str().unwrap());
    assert!(loaded.notes.is_empty());
    let recorded = record(&loaded);
    let [plan] = plans(&recorded)[..] else { panic!("one round trip") };
    assert_eq!(plan.outcome.map(|outcome| outcome.as_str()), Some("flat"));
    let gains: Decimal = rows(&path.parent().unwrap().join("../../expected/tracker-fifo.csv"))
        .iter()
        .map(|row| dec(&row["Gains Value in EUR"]))
        .sum();
    assert_eq!(plan.realized_pnl.value(), gains.normalize());
}

/// What each symbol of the BittyTax example came to in cash is what the rows themselves add up to.
#[test]
fn bittytaxs_trades_add_up() {
    let Some(path) = real("bittytax_example.csv") else { return };
    let loaded = load(&path, "bittytax");
    let trades: Vec<_> = rows(&path).into_iter().filter(|row| row["Type"] == "Trade").collect();
    assert_eq!(loaded.counts.trades, trades.len() as u64);
    assert_eq!(loaded.counts.skipped, loaded.counts.rows - loaded.counts.trades);
    let recorded = record(&loaded);
    let mut paid: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut fees: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in &trades {
        let (bought, sold) = (row["Buy Asset"].as_str(), row["Sell Asset"].as_str());
        let quoted =
            |asset: &str| ["GBP", "USD", "EUR", "USDT", "USDC", "BTC"].iter().position(|known| *known == asset);
        let (symbol, cash) = match (quoted(bought), quoted(sold)) {
            (Some(got), Some(given)) if got < given => (format!("{sold}/{bought}"), dec(&row["Buy Quantity"])),
            (Some(_), None) => (format!("{sold}/{bought}"), dec(&row["Buy Quantity"])),
            _ => (format!("{bought}/{sold}"), -dec(&row["Sell Quantity"])),
        };
        *paid.entry(symbol).or_default() += cash;
        if !row["Fee Quantity"].is_empty() && dec(&row["Fee Quantity"]) > Decimal::ZERO {
            *fees.entry(row["Fee Asset"].clone()).or_default() += dec(&row["Fee Quantity"]);
        }
    }
    for (symbol, cash) in paid {
        let of_symbol = plans(&recorded).into_iter().filter(|plan| plan.asset_symbol.to_string() == symbol);
        // Result and what is left, valued at what it cost: together the cash that moved.
        let total: Decimal = of_symbol
            .map(|plan| {
                let average = plan.average_entry_price.map_or(Decimal::ZERO, |price| price.value());
                plan.realized_pnl.value() - plan.net_position.value() * average
            })
            .sum();
        assert!((total - cash).abs() < dec("0.000001"), "{symbol}: {total}, in cash {cash}");
    }
    let mut charged: BTreeMap<String, Decimal> = BTreeMap::new();
    for fee in plans(&recorded).iter().flat_map(|plan| &plan.fees) {
        *charged.entry(fee.asset.to_string()).or_default() += fee.amount.value();
    }
    assert_eq!(charged, fees);
}

#[test]
fn kucoins_orders_are_read_with_their_fees() {
    let Some(path) = real("rotki/kucoin_order_history.csv") else { return };
    let loaded = load(&path, "kucoin-orders");
    let rows = rows(&path);
    let recorded = record(&loaded);
    let fees: Decimal = plans(&recorded).iter().flat_map(|plan| &plan.fees).map(|fee| fee.amount.value()).sum();
    assert_eq!(fees, rows.iter().map(|row| dec(&row["fee"])).sum());
    for (trade, row) in loaded.trades.iter().zip(&rows) {
        assert_eq!(trade.fill.quantity.notional(trade.fill.price).unwrap().value(), dec(&row["funds"]));
    }
}

/// Three rows a trade: what went, what came and the fee are what the statement's own rows add up to.
#[test]
fn coinbase_pros_statement_adds_up() {
    let Some(path) = real("rotki/coinbasepro.csv") else { return };
    let loaded = load(&path, "coinbase-pro");
    let rows: Vec<_> = rows(&path).into_iter().filter(|row| !row["Trade id"].is_empty()).collect();
    let sum = |kind: &str, unit: &str| -> Decimal {
        let of = rows.iter().filter(|row| row["Type"] == kind && row["Amount/balance unit"] == unit);
        of.map(|row| dec(&row["Amount"])).sum()
    };
    assert_eq!(loaded.counts.trades, rows.iter().filter(|row| row["Type"] == "fee").count() as u64);
    let recorded = record(&loaded);
    let [plan] = plans(&recorded)[..] else { panic!("one plan: it only ever buys") };
    assert_eq!((plan.asset_symbol.to_string().as_str(), plan.outcome), ("ETH/BTC", None));
    assert_eq!(plan.net_position.value(), sum("match", "ETH").normalize());
    assert_eq!(plan.fees.iter().map(|fee| fee.amount.value()).collect::<Vec<_>>(), [-sum("fee", "BTC").normalize()]);
    let cost = plan.net_position.value() * plan.average_entry_price.unwrap().value();
    assert!((cost + sum("match", "BTC")).abs() < dec("0.000000001"), "cost {cost}");
    // Several trades of one order are fills of one order.
    let orders: std::collections::BTreeSet<_> = rows.iter().map(|row| &row["Order id"]).collect();
    assert_eq!(plan.groups.iter().map(|group| group.orders.len()).sum::<usize>(), orders.len());
}
