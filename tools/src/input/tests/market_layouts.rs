//! Market files without a header line, with bids and asks, with dates and milliseconds, and rounded prices.

use std::fmt::Write as _;
use std::path::Path;

use super::describe;
use super::market::market_file;
use crate::input::market::{self, Columns, GapPolicy, Header, Layout, MarketData, MarketFile, QuotePrice, Role};
use crate::input::problem::InputProblem;

fn read(text: &str, columns: Columns, decimals: Option<u32>) -> Result<MarketData, InputProblem> {
    let file = MarketFile { columns, decimals, ..market_file(Path::new("m.csv")) };
    market::read_from(text.as_bytes(), &file, GapPolicy::Allow)
}

fn layout(layout: Layout) -> Columns {
    Columns { header: Header::Layout(layout), ..Columns::default() }
}

fn header(names: &str) -> Columns {
    let names = names.split(',').map(str::to_owned).collect();
    Columns { header: Header::Given(names), ..Columns::default() }
}

fn quotes(price: QuotePrice) -> Columns {
    Columns { price: Some(price), ..Columns::default() }
}

/// `time o h l c v` a bar, and how the times are written.
fn told(read: &MarketData) -> String {
    let mut story = format!("{}\n", read.times);
    for bar in &read.data.bars {
        let volume = bar.volume.map_or_else(|| "none".to_owned(), |volume| volume.to_string());
        writeln!(story, "{} {} {} {} {} {volume}", bar.open_time, bar.open, bar.high, bar.low, bar.close).unwrap();
    }
    story
}

const KLINES: &str = "1710000000000,100.5,101,99.25,100,1.5,1710000059999,150,7,0.5,50,0\n\
                      1710000060000,100,100.75,99.5,100.5,2,1710000119999,200,9,1,100,0\n";
const KLINES_READ: &str =
    "2024-03-09T16:00:00Z 100.5 101 99.25 100 1.5\n2024-03-09T16:01:00Z 100 100.75 99.5 100.5 2\n";

#[test]
fn binance_klines_are_read_in_all_their_forms() {
    let columns = || layout(Layout::BinanceKlines);
    let millis = told(&read(KLINES, columns(), None).unwrap());
    assert_eq!(millis, format!("epoch milliseconds\n{KLINES_READ}"));
    let micros = KLINES.replace("0000,", "0000000,").replace("9999,", "9999999,");
    assert_eq!(told(&read(&micros, columns(), None).unwrap()), format!("epoch microseconds\n{KLINES_READ}"));
    for line in [
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
        "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,\
         Taker buy base asset volume,Taker buy quote asset volume,Ignore",
    ] {
        let text = format!("{line}\n{KLINES}");
        assert_eq!(told(&read(&text, columns(), None).unwrap()), millis, "{line}");
        assert_eq!(told(&read(&text, Columns::default(), None).unwrap()), millis, "{line}");
    }
    let quote = columns().with(Role::Volume, "quote_volume");
    assert!(told(&read(KLINES, quote, None).unwrap()).ends_with("100.5 200\n"));
}

#[test]
fn lean_files_are_read_by_hour_and_by_minute() {
    let hours = "20180501 00:00,9246.01,9250,8934.44,8955,5.5\n20180501 01:00,8955,9020.99,8870,8994.99,4\n";
    assert_eq!(
        told(&read(hours, layout(Layout::LeanTrades), None).unwrap()),
        "a compact date and time\n2018-05-01T00:00:00Z 9246.01 9250 8934.44 8955 5.5\n\
         2018-05-01T01:00:00Z 8955 9020.99 8870 8994.99 4\n"
    );
    let minutes =
        "20161007,0,611,612,610,611.5,1\n20161007,86340000,611.5,613,611,612,2\n20161008,0,612,612,612,612,3\n";
    assert_eq!(
        told(&read(minutes, layout(Layout::LeanTrades), None).unwrap()),
        "a compact date and milliseconds since midnight\n2016-10-07T00:00:00Z 611 612 610 611.5 1\n\
         2016-10-07T23:59:00Z 611.5 613 611 612 2\n2016-10-08T00:00:00Z 612 612 612 612 3\n"
    );
    let quotes = "20170903,60000,100,101,99,100,0.5,100.5,102,99.5,101,0.25\n";
    for (price, bar) in [
        (QuotePrice::Bid, "100 101 99 100"),
        (QuotePrice::Ask, "100.5 102 99.5 101"),
        (QuotePrice::Mid, "100.25 101.5 99.25 100.5"),
    ] {
        let columns = Columns { price: Some(price), ..layout(Layout::LeanQuotes) };
        let expected = format!("a compact date and milliseconds since midnight\n2017-09-03T00:01:00Z {bar} none\n");
        assert_eq!(told(&read(quotes, columns, None).unwrap()), expected);
    }
    let by_hour = "20070101 21:00,1.3,1.4,1.2,1.3,0,1.31,1.41,1.21,1.31,0\n";
    let columns = Columns { price: Some(QuotePrice::Mid), ..layout(Layout::LeanQuotes) };
    assert!(
        told(&read(by_hour, columns, None).unwrap()).ends_with("2007-01-01T21:00:00Z 1.305 1.405 1.205 1.305 none\n")
    );
}

#[test]
fn names_that_a_file_lacks_are_given_in_its_order() {
    let rows = "1710000000,100,100.5,101,99,3\n1710000060,100.5,100.25,102,100,4\n";
    let bitfinex = read(rows, header("time,open,close,high,low,volume"), None).unwrap();
    assert_eq!(
        told(&bitfinex),
        "epoch seconds\n2024-03-09T16:00:00Z 100 101 99 100.5 3\n2024-03-09T16:01:00Z 100.5 102 100 100.25 4\n"
    );
    let mapped = header("a,b,c,d,e,f");
    let mapped = [(Role::Time, "a"), (Role::Open, "b"), (Role::Close, "c"), (Role::High, "d"), (Role::Low, "e")]
        .into_iter()
        .fold(mapped, |columns, (role, name)| columns.with(role, name));
    assert_eq!(read(rows, mapped, None).unwrap().data.bars[0].volume, None);
}

#[test]
fn usual_names_are_known() {
    let row = "2024-03-09 16:00:00,1,2,1,2\n";
    for name in
        ["", "Unnamed: 0", "time", "Timestamp", "DATE", "open_time", "Open Time", "datetime", "timestamp_ms", "ts"]
    {
        let text = format!("{name},Open,High,Low,Close\n{row}");
        assert_eq!(read(&text, Columns::default(), None).unwrap().data.bars.len(), 1, "{name}");
    }
    let by_day = "date,ms,open,high,low,close\n2024-03-09,57600000,1,2,1,2\n";
    let by_day = told(&read(by_day, Columns::default(), None).unwrap());
    assert_eq!(by_day, "a date and milliseconds since midnight\n2024-03-09T16:00:00Z 1 2 1 2 none\n");
    let named = Columns::default().with(Role::Date, "day").with(Role::TimeOfDayMs, "clock");
    let text = "day,clock,open,high,low,close\n20240309,57600000,1,2,1,2\n";
    assert!(told(&read(text, named, None).unwrap()).contains("2024-03-09T16:00:00Z"));
    let unnamed_is_not_time_where_there_is_one = ",open,high,low,close,time\n7,1,2,1,2,2024-03-09\n";
    assert!(
        told(&read(unnamed_is_not_time_where_there_is_one, Columns::default(), None).unwrap()).contains("2024-03-09T")
    );
}

#[test]
fn blank_lines_are_no_rows() {
    let text = "time,open,high,low,close\n\n2024-03-09,1,2,1,2\n   \n\t\n2024-03-10,1,2,1,2\n \n";
    assert_eq!(read(text, Columns::default(), None).unwrap().data.bars.len(), 2);
}

#[test]
fn traded_prices_are_taken_before_quotes_unless_the_session_says_so() {
    let text = "time,open,high,low,close,bid_open,bid_high,bid_low,bid_close\n2024-03-09,5,6,4,5,4,5,3,4\n";
    let open = |columns| read(text, columns, None).unwrap().data.bars[0].open.to_string();
    assert_eq!(open(Columns::default()), "5");
    assert_eq!(open(quotes(QuotePrice::Bid)), "4");
}

const QUOTE_NAMES: &str = "time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close";

#[test]
fn crossed_quotes_are_read_while_each_side_is_in_order() {
    let text = format!("{QUOTE_NAMES}\n2024-03-09,5,6,4,5,4,5,3,4\n");
    let read = read(&text, quotes(QuotePrice::Mid), None).unwrap();
    assert_eq!(told(&read), "a date\n2024-03-09T00:00:00Z 4.5 5.5 3.5 4.5 none\n");
}

#[test]
fn prices_are_rounded_half_to_even_when_asked_and_counted() {
    let text = "time,open,high,low,close,volume\n2024-03-09,0.125,0.135,0.09946999000000001,0.13,0.12345\n";
    let rounded = read(text, Columns::default(), Some(2)).unwrap();
    assert_eq!(told(&rounded), "a date\n2024-03-09T00:00:00Z 0.12 0.14 0.1 0.13 0.12345\n");
    assert_eq!(rounded.rounded, 3);
    // Noise that turns a bar upside down goes with the digits that made it.
    let noisy = "time,open,high,low,close\n2024-03-09,0.30000000000000004,0.3,0.1,0.2\n";
    assert_eq!(read(noisy, Columns::default(), Some(8)).unwrap().data.bars[0].open.to_string(), "0.3");
    assert!(read(noisy, Columns::default(), None).is_err());
    // The middle of two rounded prices is exact.
    let text = format!("{QUOTE_NAMES}\n2024-03-09,1.0004,2,1,1,1.0006,2,1,1\n");
    let middle = read(&text, quotes(QuotePrice::Mid), Some(3)).unwrap();
    assert_eq!((middle.data.bars[0].open.to_string().as_str(), middle.rounded), ("1.0005", 2));
}

#[test]
fn layout_refusals() {
    let mut story = String::new();
    let mut refused = |case: &str, text: &str, columns: Columns, decimals| {
        describe(&mut story, case, &read(text, columns, decimals).unwrap_err());
    };
    let plain = Columns::default;
    let hours = "20180501 00:00,9246.01,9250,8934.44,8955,5.5\n";
    let minutes = "20161007,0,611,612,610,611.5,1\n20161007,60000,611.5,613,611,612,2\n";
    let sided = "20070101 21:00,1.3,1.4,1.2,1.3,0,1.31,1.41,1.21,1.31,0\n";
    refused("klines without a layout", KLINES, plain(), None);
    refused("LEAN's hours without a layout", hours, plain(), None);
    refused("LEAN's minutes without a layout", minutes, plain(), None);
    refused("LEAN's quotes without a layout", sided, plain(), None);
    refused("Bitfinex's order", "1710000000,100,100.5,101,99,3\n", plain(), None);
    refused("Coinbase's order without volume", "1710000000,99,101,100,100.5\n", plain(), None);
    refused("more columns", "2024-03-09,1,2,1,2,5,7,x\n", plain(), None);
    refused("bars that fit no order", "2024-03-09,1,0,5,2,3\n", plain(), None);
    refused("numbers only", "1,2,3\n4,5,6\n", plain(), None);
    refused("names of the file's own", "when,first,top,bottom,last,many\n2024-03-09,1,2,1,2,5\n", plain(), None);
    refused("names and values that tell nothing", "a,b,c\nx,y,z\n", plain(), None);
    refused("another layout", hours, layout(Layout::BinanceKlines), None);
    refused("a layout of two widths", KLINES, layout(Layout::LeanTrades), None);
    refused("LEAN's quotes, no price chosen", sided, layout(Layout::LeanQuotes), None);
    refused("LEAN's own minutes, without the day", "60000,1,2,1,2,3\n", layout(Layout::LeanTrades), None);
    refused(
        "header given and there",
        "time,open,high,low,close\n2024-03-09,1,2,1,2\n",
        header("time,open,high,low,close"),
        None,
    );
    refused("header too short", "2024-03-09,1,2,1,2,3\n", header("time,open,high,low,close"), None);
    refused("header too long", "2024-03-09,1,2,1,2\n", header("time,open,high,low,close,volume"), None);
    refused("header without a close", "2024-03-09,1,2,1,2\n", header("time,open,high,low,last"), None);
    refused("header with a name twice", "2024-03-09,1,2,1,2\n", header("time,open,high,low,open"), None);
    refused("no price chosen", &format!("{QUOTE_NAMES}\n"), plain(), None);
    refused("a price of a file without quotes", "time,open,high,low,close\n", quotes(QuotePrice::Mid), None);
    refused("asks of a file of bids", "time,bid_open,bid_high,bid_low,bid_close\n", quotes(QuotePrice::Ask), None);
    let one_side = format!("{QUOTE_NAMES}\n2024-03-09,5,6,4,5,4,3,4,4\n");
    refused("a side upside down", &one_side, quotes(QuotePrice::Mid), None);
    let empty = format!("{QUOTE_NAMES}\n2024-03-09,5,6,4,5,,,,\n");
    refused("an empty side", &empty, quotes(QuotePrice::Mid), None);
    let fine = format!("{QUOTE_NAMES}\n2024-03-09,1.000000000001,2,1,1,1.000000000002,2,1,1\n");
    refused("a middle that is too fine", &fine, quotes(QuotePrice::Mid), None);
    let by_day = |row: &str| format!("date,time_of_day_ms,open,high,low,close\n{row},1,2,1,2\n");
    refused("no day", &by_day("2024-03-09 00:00:00,0"), plain(), None);
    refused("a day of milliseconds and more", &by_day("20240309,86400000"), plain(), None);
    refused("a time of day that is no number", &by_day("20240309,noon"), plain(), None);
    refused("days in two ways", &format!("{}2024-03-10,0,1,2,1,2\n", by_day("20240309,0")), plain(), None);
    refused("a time of day going back", &format!("{}20240309,0,1,2,1,2\n", by_day("20240309,60000")), plain(), None);
    refused(
        "a date without its time of day",
        "date,open,high,low,close\n",
        plain().with(Role::TimeOfDayMs, "clock"),
        None,
    );
    refused(
        "compact and plain dates",
        "time,open,high,low,close\n20240309,1,2,1,2\n2024-03-10,1,2,1,2\n",
        plain(),
        None,
    );
    refused("no such compact day", "time,open,high,low,close\n20240230 10:00,1,2,1,2\n", plain(), None);
    refused("rounded to nothing", "time,open,high,low,close\n2024-03-09,1,2,0.004,1\n", plain(), Some(2));
    insta::assert_snapshot!("layout_refusals", story);
}
