//! Maps, cells and rows, and what is refused of them: every message as a user reads it.

use std::fmt::Write;
use std::path::Path;

use retrace_core::ids::SessionName;
use retrace_core::instrument::Asset;
use rust_decimal::Decimal;

use super::cells::{amount, glued};
use super::map::{self, RowOrder};
use super::read::read_from;
use super::{LoadedHistory, maps};
use crate::error::CliError;
use crate::input::number::NumberFault;
use crate::input::problem::InputProblem;

/// A map for the columns that most cases use.
const PLAIN: &str = "columns: {time: when, symbol: pair, side: side, price: price, quantity: size, fee: fee, \
                     fee_asset: unit, trade_id: id}\n";

const HEADER: &str = "id,when,pair,side,price,size,fee,unit\n";

fn load(map: &str, csv: &str) -> Result<LoadedHistory, InputProblem> {
    let map = map::parse(Path::new("map.yaml"), map)?;
    let path = Path::new("trades.csv");
    LoadedHistory::of(path, &map, SessionName::new("t").unwrap(), read_from(csv.as_bytes(), path, &map)?)
}

/// As the command line prints it.
fn said(problem: InputProblem) -> String {
    let error = CliError::Input(problem);
    let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
    format!("{error}{hint}")
}

/// The trades as lines, in the order in which they are booked.
fn told(loaded: &LoadedHistory) -> String {
    let mut text = String::new();
    for trade in &loaded.trades {
        let fill = &trade.fill;
        writeln!(
            text,
            "{} {} {} {} @ {} fee {} {} id {} line {}",
            fill.executed_at,
            trade.side,
            fill.quantity,
            trade.symbol,
            fill.price,
            fill.fee,
            fill.fee_asset,
            fill.trade_id,
            trade.line
        )
        .unwrap();
    }
    text
}

#[test]
fn a_number_may_have_commas_and_an_asset() {
    let value = |text: &str| text.parse::<Decimal>().unwrap();
    let asset = |name: &str| Asset::new(name).unwrap();
    for (text, known, number, behind) in [
        ("20,000.00000000EUR", "BTC", "20000", Some("EUR")),
        ("0.5 btc", "EUR", "0.5", Some("BTC")),
        ("1,234,567", "EUR", "1234567", None),
        ("-0.001BNB", "EUR", "-0.001", Some("BNB")),
        ("1e-5", "EUR", "0.00001", None),
        ("12.51INCH", "1INCH", "12.5", Some("1INCH")),
    ] {
        assert_eq!(glued(text, &[&asset(known)]), Ok((value(number), behind.map(asset))), "{text}");
    }
    for text in ["1,00", "1,0000", "12,34,567", ",100", "1.000,5", "1,000,", "EUR", "1..2EUR", "5%", "1 000"] {
        assert_eq!(glued(text, &[]), Err(NumberFault::NotANumber), "{text}");
    }
    assert_eq!(amount("1_000"), Err(NumberFault::NotANumber));
}

#[test]
fn every_map_that_comes_along_is_one() {
    for (name, text) in maps::READY {
        let map = maps::find(Path::new(name)).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(map.text, text);
        assert_eq!(map.shorting, None);
    }
}

#[test]
fn a_binance_export_is_read_either_way_round() {
    let map = maps::find(Path::new("binance-spot")).unwrap();
    let rows = [
        "2026-01-05 10:00:00,BTCEUR,BUY,50000.00,\"0.50000BTC\",\"25,000.00EUR\",0.00050000BTC\r\n",
        "2026-01-05 10:00:00,BTCEUR,BUY,50001.00,0.25000BTC,12500.25EUR,0.01000000BNB\r\n",
        "2026-01-06 09:30:00,1INCHUSDT,SELL,0.5,\"1,000.51INCH\",500.25USDT,0.500USDT\r\n",
    ];
    let header = "\u{feff}Date(UTC),Pair,Side,Price,Executed,Amount,Fee\r\n";
    let read = |rows: Vec<&str>| {
        let text = format!("{header}{}", rows.concat());
        let path = Path::new("spot.csv");
        let history = read_from(text.as_bytes(), path, &map).unwrap();
        LoadedHistory::of(path, &map, SessionName::new("spot").unwrap(), history).unwrap()
    };
    let (old, new) = (read(rows.to_vec()), read(rows.iter().rev().copied().collect()));
    insta::assert_snapshot!("binance_spot", told(&old));
    let ids = |loaded: &LoadedHistory| loaded.trades.iter().map(|t| t.fill.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&old), ids(&new), "the same trades under the same ids");
    assert_ne!(old.identity.strategy_digest, new.identity.strategy_digest, "from other lines");
    assert_eq!(old.notes.len(), 1, "1INCH is sold that was never bought: {:?}", old.notes);
}

#[test]
fn a_swap_is_priced_in_the_earlier_quote() {
    let loaded = {
        let map = maps::find(Path::new("bittytax")).unwrap();
        let text = "Type,Buy Quantity,Buy Asset,Sell Quantity,Sell Asset,Fee Quantity,Fee Asset,Timestamp\n\
                    Deposit,5000,GBP,,,,,2020-01-01 10:00:00\n\
                    Trade,2,BTC,10000,GBP,,,2020-01-02 10:00:00\n\
                    Trade,30,ETH,1,BTC,0.1,ETH,2020-01-03 10:00:00\n\
                    Trade,0.3,BTC,7,ETH,0.001,BTC,2020-01-04 10:00:00\n";
        let path = Path::new("bitty.csv");
        let history = read_from(text.as_bytes(), path, &map).unwrap();
        assert_eq!((history.read, history.skipped, history.rounded), (4, 1, 2));
        LoadedHistory::of(path, &map, SessionName::new("b").unwrap(), history).unwrap()
    };
    insta::assert_snapshot!("swaps", told(&loaded));
    assert!(loaded.notes.is_empty());
}

#[test]
fn a_round_trip_is_two_trades_of_a_position_of_its_own() {
    let map = "rows: round_trips\ncolumns: {symbol: pair, side: way, quantity: size, entry_time: in, entry_price: a, \
               entry_fee: fa, exit_time: out, exit_price: b, exit_fee_rate: rb}\ndecimals: {fee: 4}\n";
    let csv = "pair,way,size,in,a,fa,out,b,rb\n\
               BTC-USDT,long,2,2026-01-05T10:00:00Z,100,0.2,2026-01-05T12:00:00Z,110,0.001234\n\
               BTC-USDT,short,1,2026-01-05T11:00:00Z,105,0.1,2026-01-05T11:30:00Z,101,0.001\n\
               BTC-USDT,short,1,2026-01-05T11:00:00Z,105,0.1,2026-01-05T11:30:00Z,101,0.001\n";
    let loaded = load(map, csv).unwrap();
    insta::assert_snapshot!("round_trips", told(&loaded));
    let counts = &loaded.counts;
    assert_eq!((counts.rows, counts.trades, counts.round_trips, counts.open, counts.rounded), (3, 6, 3, 0, 1));
    assert!(loaded.notes.is_empty(), "what a row calls short is meant");
}

#[test]
fn the_rows_of_a_statement_are_put_together() {
    let map = maps::find(Path::new("coinbase-pro")).unwrap();
    let text = "portfolio,Type,Timestamp,Amount,Amount/balance unit,Trade id,Order id\n\
                a,deposit,2020-01-01T10:00:00Z,3,BTC,,\n\
                a,match,2020-01-02T10:00:00.5Z,60,ETH,7,o-1\n\
                a,match,2020-01-02T10:00:00.5Z,-1.5,BTC,7,o-1\n\
                a,fee,2020-01-02T10:00:00.5Z,-0.004,BTC,7,o-1\n\
                a,match,2020-01-03T10:00:00Z,-60,ETH,7,o-2\n\
                a,match,2020-01-03T10:00:00Z,1.4,BTC,7,o-2\n";
    let path = Path::new("statement.csv");
    let read = |text: &str| {
        let history = read_from(text.as_bytes(), path, &map)?;
        LoadedHistory::of(path, &map, SessionName::new("c").unwrap(), history)
    };
    let problem = read(text).unwrap_err();
    insta::assert_snapshot!("statement_reused_id", said(problem));
    let loaded = read(&text.replace(",7,o-2", ",8,o-2")).unwrap();
    insta::assert_snapshot!("statement", told(&loaded));
    let counts = &loaded.counts;
    assert_eq!((counts.rows, counts.skipped, counts.trades, counts.round_trips, counts.rounded), (6, 1, 2, 1, 1));
}

#[test]
fn what_was_held_before_opens_the_first_round_trip() {
    let csv = format!(
        "{HEADER}7,2026-01-05 10:00:00,BTC/USDT,sell,110,1,0,USDT\n8,2026-01-06 10:00:00,BTC/USDT,sell,120,1,0,USDT\n"
    );
    assert_eq!(load(PLAIN, &csv).unwrap().notes.len(), 1);
    let held =
        format!("{PLAIN}shorting: false\nopening: [{{symbol: BTC/USDT, quantity: 2, price: 90, at: 2026-01-01}}]\n");
    let loaded = load(&held, &csv).unwrap();
    insta::assert_snapshot!("opening", told(&loaded));
    let counts = &loaded.counts;
    assert_eq!((counts.opening, counts.trades, counts.round_trips, counts.open), (1, 2, 1, 0));
    assert!(loaded.notes.is_empty());
}

/// Ids order trades of one moment, as accounting does; without ids the file's own order does.
#[test]
fn trades_of_one_moment_keep_an_order() {
    let at = "2026-01-05 10:00:00,BTC/USDT";
    let csv = format!("{HEADER}10,{at},sell,110,1,0,USDT\n9,{at},buy,100,1,0,USDT\n");
    let loaded = load(PLAIN, &csv).unwrap();
    assert_eq!(loaded.trades[0].fill.trade_id.as_str(), "9");
    assert_eq!((loaded.counts.round_trips, loaded.notes.len()), (1, 0));
    let nameless = PLAIN.replace(", trade_id: id", "");
    let loaded = load(&nameless, &csv).unwrap();
    assert_eq!((loaded.trades[0].line, loaded.trades[1].line), (2, 3));
    assert_eq!(loaded.notes.len(), 1, "sold first");
}

#[test]
fn the_same_rows_without_ids_are_different_trades() {
    let nameless = PLAIN.replace(", trade_id: id", "");
    let row = ",2026-01-05 10:00:00,BTC/USDT,buy,100,1,0,USDT\n";
    let loaded = load(&nameless, &format!("{HEADER}{row}{row}")).unwrap();
    assert_eq!((loaded.counts.trades, loaded.counts.repeated), (2, 0));
}

#[test]
fn an_order_of_rows_is_found_or_taken_by_its_word() {
    assert_eq!(map::parse(Path::new("m"), PLAIN).unwrap().order, RowOrder::Either);
    let row = |id: u8, day: u8| format!("{id},2026-01-0{day} 10:00:00,BTC/USDT,buy,100,1,0,USDT\n");
    let mixed = format!("{HEADER}{}{}{}", row(1, 5), row(2, 7), row(3, 6));
    assert!(load(PLAIN, &mixed).is_err());
    let sorted = load(&format!("{PLAIN}order: any\n"), &mixed).unwrap();
    assert_eq!(sorted.trades.iter().map(|t| t.line).collect::<Vec<_>>(), [2, 4, 3]);
}

/// What is refused: a name, the map, the history.
fn refused() -> Vec<(&'static str, String, String)> {
    let row = |text: &str| format!("{HEADER}{text}\n");
    let good = "1,2026-01-05 10:00:00,BTC/USDT,buy,100,1,0.1,USDT";
    let two = |second: &str| row(&format!("{good}\n{second}"));
    let with = |more: &str| format!("{PLAIN}{more}\n");
    let swap = "columns: {time: t, buy_quantity: a, buy_asset: b, sell_quantity: c, sell_asset: d}\n";
    let trip = "rows: round_trips\ncolumns: {symbol: s, quantity: q, entry_time: t, entry_price: p, exit_time: u, \
                exit_price: r}\n";
    let legs = "rows: legs\nquotes: [EUR]\ncolumns: {time: t, amount: a, asset: u, kind: k, trade_id: i}\n";
    let two_legs = "2026-01-05,1,BTC,trade,1\n2026-01-05,-100,EUR,trade,1\n";
    vec![
        ("no map", " ".to_owned(), row(good)),
        ("unknown key", with("colums: {}"), row(good)),
        ("unknown column key", PLAIN.replace("side: side", "syde: side"), row(good)),
        ("rows of no kind", with("rows: orders"), row(good)),
        ("order of no kind", with("order: newest"), row(good)),
        ("no time", PLAIN.replace("time: when, ", ""), row(good)),
        ("neither price nor amount", PLAIN.replace("price: price, ", ""), row(good)),
        ("fee and rate", PLAIN.replace("fee: fee", "fee: fee, fee_rate: fee"), row(good)),
        ("swap and price", swap.replace("time: t", "time: t, price: p"), row(good)),
        ("legs of trades", PLAIN.replace("time: when", "time: when, exit_time: x"), row(good)),
        ("symbol and base", PLAIN.replace("symbol: pair", "symbol: pair, base: pair, quote: pair"), row(good)),
        ("too many decimals asked", with("decimals: {price: 13}"), row(good)),
        ("bad instrument", with("instruments: {BTCUSDT: {lot: 1}}"), row(good)),
        ("bad lot", with("instruments: {BTC/USDT: {lot: 0}}"), row(good)),
        ("bad quote", with("quotes: [usdt]"), row(good)),
        ("opening of nothing", with("opening: [{symbol: BTC/USDT, quantity: 0, price: 1, at: 2020-01-01}]"), row(good)),
        (
            "opening twice",
            with(
                "opening:\n- {symbol: BTC/USDT, quantity: 1, price: 1, at: 2020-01-01}\n- {symbol: BTC/USDT, quantity: 1, price: 1, at: 2020-01-01}",
            ),
            row(good),
        ),
        (
            "opening too late",
            with("opening: [{symbol: BTC/USDT, quantity: 1, price: 1, at: 2026-01-05T10:00:00Z}]"),
            row(good),
        ),
        ("shorting of no kind", with("shorting: maybe"), row(good)),
        ("column that is not there", PLAIN.replace("side: side", "side: Side"), row(good)),
        ("column twice", PLAIN.to_owned(), format!("id,{HEADER}1,{good}\n")),
        ("empty file", PLAIN.to_owned(), String::new()),
        ("header alone", PLAIN.to_owned(), HEADER.to_owned()),
        ("nothing taken", with("where: {side: [deposit]}"), row(good)),
        ("where of no column", with("where: {kind: [trade]}"), row(good)),
        ("too few fields", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT")),
        ("bad time", PLAIN.to_owned(), row("1,05/01/2026,BTC/USDT,buy,100,1,0,USDT")),
        ("mixed times", PLAIN.to_owned(), two("2,2026-01-05T11:00:00Z,BTC/USDT,buy,100,1,0,USDT")),
        ("bad symbol", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTCUSDT,buy,100,1,0,USDT")),
        ("bad side", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,deposit,100,1,0,USDT")),
        ("bad price", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,1.000.5,1,0,USDT")),
        ("no price", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,,1,0,USDT")),
        ("price of zero", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,0,1,0,USDT")),
        ("NaN", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,NaN,1,0,USDT")),
        ("price of another asset", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,100EUR,1,0,USDT")),
        ("float noise", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,0.10000000000000001,1,0,USDT")),
        ("quantity below zero", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,100,-1,0,USDT")),
        ("fee of two assets", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,100,1,0.1BNB,USDT")),
        ("fee takes all", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,100,1,1,BTC")),
        ("fee noise", PLAIN.to_owned(), row("1,2026-01-05 10:00:00,BTC/USDT,buy,100,1,0.0000000000001,BTC")),
        ("id that is no name", PLAIN.to_owned(), row("#1,2026-01-05 10:00:00,BTC/USDT,buy,100,1,0,USDT")),
        ("id with another body", PLAIN.to_owned(), two("1,2026-01-05 11:00:00,BTC/USDT,buy,101,1,0.1,USDT")),
        ("oldest first", with("order: oldest_first"), two("2,2026-01-05 09:00:00,BTC/USDT,buy,101,1,0.1,USDT")),
        ("newest first", with("order: newest_first"), two("2,2026-01-05 11:00:00,BTC/USDT,buy,101,1,0.1,USDT")),
        ("no shorting", with("shorting: false"), two("2,2026-01-05 11:00:00,BTC/USDT,sell,101,1.5,0.1,USDT")),
        (
            "no exact price",
            "columns: {time: when, symbol: pair, side: side, amount: price, quantity: size}".to_owned(),
            row("1,2026-01-05 10:00:00,BTC/USDT,buy,100,3,0,USDT"),
        ),
        (
            "more digits than can be counted",
            PLAIN.to_owned(),
            row("1,2026-01-05 10:00:00,BTC/USDT,buy,99999999.123456789012,99999999.123456789012,0,USDT"),
        ),
        ("swap of strangers", swap.to_owned(), "t,a,b,c,d\n2026-01-05,1,ABC,2,DEF\n".to_owned()),
        ("swap of one", format!("{swap}quotes: [EUR]\n"), "t,a,b,c,d\n2026-01-05,1,EUR,2,EUR\n".to_owned()),
        ("no trade id", legs.replace(", trade_id: i", ""), "t,a,u,k,i\n".to_owned()),
        ("price of a leg", legs.replace("time: t", "time: t, price: a"), "t,a,u,k,i\n".to_owned()),
        ("kind of a trade", PLAIN.replace("time: when", "time: when, kind: side"), row(good)),
        ("kinds of trades", with("kinds: {trade: [match], fee: [fee]}"), row(good)),
        ("sign of a leg's fee", format!("{legs}fee_sign: paid_above_zero\n"), "t,a,u,k,i\n".to_owned()),
        ("leg of no kind", legs.to_owned(), format!("t,a,u,k,i\n{two_legs}2026-01-05,1,BTC,gift,2\n")),
        ("one side", legs.to_owned(), format!("t,a,u,k,i\n{two_legs}2026-01-05,1,BTC,trade,2\n")),
        ("three sides", legs.to_owned(), format!("t,a,u,k,i\n{two_legs}2026-01-05,1,BTC,trade,1\n")),
        (
            "two fees",
            legs.to_owned(),
            format!("t,a,u,k,i\n{two_legs}2026-01-05,-1,EUR,fee,1\n2026-01-05,-1,BNB,fee,1\n"),
        ),
        (
            "a side of nothing",
            legs.to_owned(),
            "t,a,u,k,i\n2026-01-05,1,BTC,trade,1\n2026-01-05,0,EUR,trade,1\n".to_owned(),
        ),
        ("a fee beyond the purchase", legs.to_owned(), format!("t,a,u,k,i\n{two_legs}2026-01-05,-1,BTC,fee,1\n")),
        ("exit before entry", trip.to_owned(), "s,q,t,p,u,r\nBTC/USDT,1,2026-01-05,100,2026-01-04,101\n".to_owned()),
    ]
}

#[test]
fn what_is_refused_says_where_and_why() {
    let mut text = String::new();
    for (name, map, csv) in refused() {
        let problem = match load(&map, &csv) {
            Ok(_) => panic!("{name}: taken"),
            Err(problem) => said(problem),
        };
        writeln!(text, "{name}\n  {problem}").unwrap();
    }
    insta::assert_snapshot!("refusals", text);
}

#[test]
fn a_map_that_is_not_there_is_answered_with_those_that_are() {
    let problem = maps::find(Path::new("binance")).unwrap_err();
    let expected = "binance: is neither a file nor the name of a map; the maps are binance-spot, binance-api, \
                    kucoin-orders, coinbase-pro, freqtrade, bittytax";
    assert_eq!(said(problem), expected);
}
