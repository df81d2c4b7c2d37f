//! Trade histories as sessions: the totals of real ones against what their makers computed, the story of a trade through
//! zero, random histories against a simple model, and what a refusal leaves behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use retrace_core::ids::SessionName;
use retrace_core::memory::MemoryStore;
use retrace_core::store::LogReader;
use retrace_projections::view::PlanView;
use retrace_replay::verify::verify;
use retrace_rocks::RocksStore;
use retrace_tools::history::{self, LoadedHistory};
use retrace_tools::recording::{COMMIT_EVERY, Watching};
use retrace_tools::session::Recorded;
use rust_decimal::Decimal;

use crate::real::data_dir;

fn dec(text: &str) -> Decimal {
    text.parse().or_else(|_| Decimal::from_scientific(text)).unwrap()
}

/// A history that stands beside the checkout; `None`, said plainly, where it does not.
fn real(path: &str) -> Option<PathBuf> {
    let path = data_dir().join("histories").join(path);
    if !path.exists() {
        eprintln!("skipped: no {} beside the checkout", path.display());
        return None;
    }
    Some(path)
}

fn load(path: &Path, map: &str) -> LoadedHistory {
    history::load(path, Path::new(map), Some(SessionName::new("history").unwrap())).unwrap()
}

/// Records a history in memory and proves what can be proved of it.
fn record(loaded: &LoadedHistory) -> Recorded {
    let mut store = MemoryStore::new();
    let recorded = history::record(&mut store, loaded, COMMIT_EVERY, Watching::default()).unwrap();
    let verification = verify(&store, recorded.session, None).unwrap();
    assert!(verification.is_clean() && verification.findings.is_empty(), "{verification:?}");
    assert!(!verification.is_incomplete());
    let redecided = &verification.checks[2];
    assert_eq!((redecided.name, redecided.skipped), ("re-decide", None));
    assert!(redecided.checked > 0, "every decision is made again");
    recorded
}

fn plans(recorded: &Recorded) -> Vec<&PlanView> {
    recorded.plans.iter().map(|plan| &plan.view).collect()
}

/// The columns of a plain CSV file, by name.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| header.iter().zip(line.split(',')).map(|(name, cell)| (name.to_string(), cell.to_owned())).collect())
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
    assert!(off < dec("0.000000005"), "the sum is off by {off}");
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
    assert_eq!(trade.fill.quantity.notional(trade.fill.price).unwrap().value(), dec(&expected["Main Quantity"]).normalize());
    assert_eq!(plans(&record(&loaded))[0].net_position.value(), -dec(&expected["Traded Quantity"]).normalize());

    let dir = tempfile::tempdir().unwrap();
    let map = dir.path().join("map.yaml");
    let ready = history::maps::find(Path::new("binance-spot")).unwrap().text;
    let opening = "shorting: false\nopening: [{symbol: EUR/USDT, quantity: 20000, price: 1.25, at: 2022-06-01T10:00:00Z}]\n";
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
        let quoted = |asset: &str| ["GBP", "USD", "EUR", "USDT", "USDC", "BTC"].iter().position(|known| *known == asset);
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

const MAP: &str = "columns: {time: when, symbol: pair, side: way, price: px, quantity: qty, fee: fee, fee_asset: unit, \
                   trade_id: id, order_id: order}\n";

const HEADER: &str = "id,order,when,pair,way,px,qty,fee,unit\n";

/// A trade through zero, with fees in base, quote and a third asset, a repeated row, and an order of several trades.
const FLIP: &str = "1,A,2026-01-05 10:00:00,BTC/USDT,buy,100,1,0.001,BTC\n\
                    2,A,2026-01-05 10:00:01,BTC/USDT,buy,101,1,0.001,BTC\n\
                    3,B,2026-01-05 11:00:00,BTC/USDT,sell,110,3,0.33,USDT\n\
                    3,B,2026-01-05 11:00:00,BTC/USDT,sell,110,3,0.33,USDT\n\
                    4,C,2026-01-05 12:00:00,BTC/USDT,buy,105,1.002,0.1,BNB\n";

/// A round trip whose fees in base leave a rest below a lot.
const DUST: &str = "5,D,2026-01-06 10:00:00,ETH/USDT,buy,2000,1,0.0017,ETH\n\
                    6,E,2026-01-06 11:00:00,ETH/USDT,sell,2100,0.5,0,\n\
                    7,E,2026-01-06 11:00:00,ETH/USDT,sell,2101,0.498,0.9,USDT\n";

/// A folder with a history and its map.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn with(map: &str, rows: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("map.yaml"), map).unwrap();
        std::fs::write(dir.path().join("trades.csv"), format!("{HEADER}{rows}")).unwrap();
        Self { dir }
    }

    fn retrace(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrace"));
        let output = command.args(args).args(["--db", "db"]).current_dir(self.dir.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn import(&self, more: &[&str]) -> (Option<i32>, String, String) {
        self.retrace(&[&["import", "trades.csv", "--format", "fills", "--map", "map.yaml"], more].concat())
    }
}

/// The import as a user meets it, its verification, and the stories of a flip and of a round trip with fees in base.
#[test]
fn an_import_is_told_verified_and_audited() {
    let place = Place::with(MAP, &format!("{FLIP}{DUST}"));
    let (code, out, err) = place.import(&["--session", "mine"]);
    assert_eq!(code, Some(0), "{err}");
    let mut story = out.lines().map(without_elapsed).collect::<Vec<_>>().join("\n");
    story += &format!("\n\n{err}");
    let (code, out, err) = place.retrace(&["verify", "mine"]);
    assert_eq!(code, Some(0), "{err}");
    story += &format!("\n{out}");
    let replay: serde_json::Value = serde_json::from_str(&place.retrace(&["replay", "mine", "--json"]).1).unwrap();
    for plan in replay["plans"].as_array().unwrap() {
        assert_eq!(plan["unprotected"], false, "a history does not tell of stops");
        let (code, out, err) = place.retrace(&["audit", plan["plan_id"].as_str().unwrap()]);
        assert_eq!(code, Some(0), "{err}");
        story += &format!("\n{out}");
    }
    insta::assert_snapshot!("history_told", story);
}

/// The first line ends with how long it took.
fn without_elapsed(line: &str) -> String {
    match line.split_once("  head ") {
        Some((before, head)) => format!("{before}  head {}", head.split(' ').next().unwrap()),
        None => line.to_owned(),
    }
}

#[test]
fn the_json_of_an_import_is_that_of_a_run_and_its_counts() {
    let place = Place::with(MAP, &format!("{FLIP}{DUST}"));
    let (code, out, err) = place.import(&["--json"]);
    assert_eq!(code, Some(0), "{err}");
    let mut json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "session",
            "mode",
            "head",
            "events",
            "steps",
            "plans",
            "refusals",
            "realized_pnl",
            "fees",
            "net_pnl",
            "elapsed_ms",
            "history",
            "instruments",
            "totals"
        ]
    );
    assert_eq!((json["session"].as_str(), json["mode"].as_str()), (Some("trades"), Some("import")));
    json["elapsed_ms"] = 0.into();
    insta::assert_json_snapshot!("history_json", json);
    let again = place.import(&["--json"]);
    assert_eq!(again.0, Some(2), "the name is taken: {}", again.2);
    assert!(again.2.contains("--session"), "{}", again.2);
}

/// Whatever is wrong is told before the store is touched, also what only booking shows.
#[test]
fn a_refused_history_leaves_no_session_behind() {
    let cases = [
        (format!("{MAP}shorting: false\n"), FLIP.to_owned(), "trades.csv:4"),
        (MAP.to_owned(), format!("{FLIP}5,C,2026-01-05 12:00:00,BTC/USDT,buy,1e99,1,0,\n"), "trades.csv:7"),
        (MAP.to_owned(), format!("{FLIP}4,C,2026-01-05 13:00:00,BTC/USDT,buy,105,1,0.1,BNB\n"), "trades.csv:7"),
        (MAP.replace("way", "side"), FLIP.to_owned(), "trades.csv:1"),
        (format!("{MAP}order: newest_first\n"), FLIP.to_owned(), "trades.csv:3"),
    ];
    for (map, rows, place_said) in cases {
        let place = Place::with(&map, &rows);
        let (code, out, err) = place.import(&[]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.starts_with("error: ") && err.contains(place_said), "{err}");
        assert!(!place.dir.path().join("db").exists(), "a refusal made a store");
    }
    let place = Place::with(MAP, FLIP);
    let (code, _, err) = place.retrace(&["import", "trades.csv", "--format", "fills", "--map", "binance"]);
    assert!(code == Some(2) && err.contains("binance-spot"), "{err}");
}

#[test]
fn a_packed_history_is_unpacked() {
    let place = Place::with(MAP, FLIP);
    let plain = load(&place.dir.path().join("trades.csv"), place.dir.path().join("map.yaml").to_str().unwrap());
    let packed = place.dir.path().join("trades.csv.xz");
    let mut writer = liblzma::write::XzEncoder::new(std::fs::File::create(&packed).unwrap(), 6);
    std::io::Write::write_all(&mut writer, &std::fs::read(place.dir.path().join("trades.csv")).unwrap()).unwrap();
    writer.finish().unwrap();
    let unpacked = load(&packed, place.dir.path().join("map.yaml").to_str().unwrap());
    assert_eq!((plain.trades, plain.identity), (unpacked.trades, unpacked.identity));
}

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
    (0..3_usize, any::<bool>(), 1..500_i64, 50..150_i64, 0..5_u8, weighted(10), weighted(30), weighted(30)).prop_map(
        |(symbol, buy, quantity, price, fee, twice, same_order, same_moment)| Dice {
            symbol,
            buy,
            quantity,
            price,
            fee,
            twice,
            same_order,
            same_moment,
        },
    )
}

const SYMBOLS: [&str; 3] = ["BTC/USDT", "ETH/USDT", "ETH/BTC"];

/// What a simple model knows of one symbol: the round trips that ended and the one that stands.
#[derive(Default)]
struct Model {
    ended: usize,
    standing: Option<Trip>,
    realized: Decimal,
    cash: Decimal,
    /// What was left in trips that ended, at what it had cost.
    left: Decimal,
}

/// A round trip: which way, what it traded, what it holds, what each unit cost on average.
struct Trip {
    sign: Decimal,
    traded: Decimal,
    held: Decimal,
    average: Decimal,
}

impl Model {
    /// Takes a trade: signed quantity, price, and the fee in the base asset.
    fn trade(&mut self, signed: Decimal, price: Decimal, base_fee: Decimal, lot: Decimal) {
        self.cash -= signed * price;
        let sign = signed.signum();
        let Some(trip) = self.standing.as_mut().filter(|trip| trip.sign != sign) else {
            let trip = self.standing.get_or_insert(Trip {
                sign,
                traded: Decimal::ZERO,
                held: Decimal::ZERO,
                average: Decimal::ZERO,
            });
            trip.average = (trip.average * trip.traded + price * signed) / (trip.traded + signed);
            trip.traded += signed;
            trip.held += signed - base_fee;
            return;
        };
        let beyond = signed.abs() - trip.held.abs();
        let split = beyond >= lot;
        let closing = if split { -trip.held } else { signed };
        let share = closing / signed;
        let released = closing.abs().min(trip.traded.abs());
        self.realized += released * (price - trip.average) * trip.sign;
        let over = closing.abs() - released;
        trip.traded += closing;
        trip.held += closing - base_fee * share;
        if over > Decimal::ZERO {
            // More was traded back than was traded: the rest is a position of its own at this price.
            trip.average = price;
        }
        let flat = trip.held.abs() < lot || trip.held.signum() != trip.sign;
        if split || flat {
            self.left += trip.traded * trip.average;
            self.ended += 1;
            self.standing = None;
        }
        if split {
            self.trade_rest(signed - closing, price, base_fee * (Decimal::ONE - share));
        }
    }

    fn trade_rest(&mut self, signed: Decimal, price: Decimal, base_fee: Decimal) {
        let (sign, held) = (signed.signum(), signed - base_fee);
        self.standing = Some(Trip { sign, traded: signed, held, average: price });
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
                prop_assert_eq!(plan.net_position.value(), trip.traded.normalize());
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
    let traded: Decimal =
        plans(&recorded).iter().flat_map(|plan| &plan.groups).flat_map(|group| &group.orders).flat_map(|order| &order.fills)
            .map(|fill| fill.quantity.value()).sum();
    prop_assert_eq!(traded, dice.iter().map(|die| Decimal::new(die.quantity, 2)).sum::<Decimal>());
    Ok((loaded, recorded))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_agrees_with_a_simple_model(dice in prop::collection::vec(dice(), 1..60)) {
        agrees(&dice)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_is_the_same_log_in_every_store(dice in prop::collection::vec(dice(), 1..120)) {
        let (loaded, in_memory) = agrees(&dice)?;
        let dir = tempfile::tempdir().unwrap();
        let mut store = RocksStore::create_or_open(dir.path()).unwrap();
        let on_disk = history::record(&mut store, &loaded, 7, Watching::default()).unwrap();
        prop_assert_eq!(on_disk.head, in_memory.head);
        prop_assert_eq!(on_disk.ledger_digest, in_memory.ledger_digest);
        let verification = verify(&store, on_disk.session, None).unwrap();
        prop_assert!(verification.is_clean(), "{:?}", verification);
        prop_assert_eq!(store.watermark(on_disk.session).unwrap().durable_seq, on_disk.last_seq);
    }
}
