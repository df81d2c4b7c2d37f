//! Any bars, written in any layout and packing by the simplest possible writer, are read back as they were.

use std::fmt::Write as _;

use proptest::prelude::*;
use retrace_core::amount::Price;
use retrace_core::time::{Span, Timestamp};
use retrace_replay::tape::Bar;
use rust_decimal::Decimal;

use super::market::market_file;
use super::pack;
use crate::input::market::{self, Columns, Compression, GapPolicy, Header, Layout, MarketFile, QuotePrice};

/// A way to write bars.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// A header line, RFC 3339.
    Plain,
    /// No header line, names given, another order.
    Given,
    Klines,
    KlinesWithHeader,
    LeanTrades,
    LeanTradesByDay,
    /// Bids as they are, asks one higher.
    LeanQuotes(QuotePrice),
}

const FORMS: [Form; 9] = [
    Form::Plain,
    Form::Given,
    Form::Klines,
    Form::KlinesWithHeader,
    Form::LeanTrades,
    Form::LeanTradesByDay,
    Form::LeanQuotes(QuotePrice::Bid),
    Form::LeanQuotes(QuotePrice::Ask),
    Form::LeanQuotes(QuotePrice::Mid),
];

const PACKINGS: [Compression; 4] = [Compression::None, Compression::Xz, Compression::Gz, Compression::Zst];

impl Form {
    fn columns(self) -> Columns {
        let names = ["volume", "close", "low", "high", "open", "time"].map(str::to_owned);
        let (header, price) = match self {
            Self::Plain => (Header::InFile, None),
            Self::Given => (Header::Given(names.to_vec()), None),
            Self::Klines | Self::KlinesWithHeader => (Header::Layout(Layout::BinanceKlines), None),
            Self::LeanTrades | Self::LeanTradesByDay => (Header::Layout(Layout::LeanTrades), None),
            Self::LeanQuotes(price) => (Header::Layout(Layout::LeanQuotes), Some(price)),
        };
        Columns { header, price, ..Columns::default() }
    }

    fn write(self, bars: &[Bar]) -> String {
        let mut text = match self {
            Self::Plain => "Time,Open,High,Low,Close,Volume\n".to_owned(),
            Self::KlinesWithHeader => "open_time,open,high,low,close,volume,close_time,q,n,tb,tq,i\n".to_owned(),
            Self::Given | Self::Klines | Self::LeanTrades | Self::LeanTradesByDay | Self::LeanQuotes(_) => {
                String::new()
            }
        };
        for bar in bars {
            let Bar { open_time, open, high, low, close, volume } = bar;
            let volume = volume.unwrap();
            let millis = open_time.nanos() / 1_000_000;
            let stamp = open_time.to_string();
            let (day, clock) = (stamp[..10].replace('-', ""), &stamp[11..16]);
            let higher = |price: &Price| price.value() + Decimal::ONE;
            let asks = [open, high, low, close].map(|price| higher(price).to_string()).join(",");
            let line = match self {
                Self::Plain => format!("{stamp},{open},{high},{low},{close},{volume}"),
                Self::Given => format!("{volume},{close},{low},{high},{open},{}", millis / 1_000),
                Self::Klines | Self::KlinesWithHeader => {
                    format!("{millis},{open},{high},{low},{close},{volume},{},1,1,1,1,0", millis + 59_999)
                }
                Self::LeanTrades => format!("{day} {clock},{open},{high},{low},{close},{volume}"),
                Self::LeanTradesByDay => {
                    format!("{day},{},{open},{high},{low},{close},{volume}", millis % 86_400_000)
                }
                Self::LeanQuotes(_) => format!("{day} {clock},{open},{high},{low},{close},1,{asks},1"),
            };
            writeln!(text, "{line}").unwrap();
        }
        text
    }

    /// The bar that should be read back.
    fn expected(self, bar: &Bar) -> Bar {
        let Self::LeanQuotes(price) = self else { return *bar };
        let more = match price {
            QuotePrice::Bid => Decimal::ZERO,
            QuotePrice::Mid => Decimal::new(5, 1),
            QuotePrice::Ask => Decimal::ONE,
        };
        let moved = |price: Price| Price::new(price.value() + more).unwrap();
        let (open, high, low, close) = (moved(bar.open), moved(bar.high), moved(bar.low), moved(bar.close));
        Bar { open, high, low, close, volume: None, ..*bar }
    }
}

fn bars() -> impl Strategy<Value = Vec<Bar>> {
    // Minutes to the next bar, four prices and a volume in units of 10^-scale.
    let bar = (1_u64..2_000, prop::array::uniform4(1_i64..1_000_000_000), 0_i64..1_000_000_000, 0_u32..10);
    prop::collection::vec(bar, 1..20).prop_map(|drawn| {
        let mut open_time = Timestamp::from_nanos(1_600_000_020_000_000_000);
        let bar = |(minutes, mut prices, volume, scale): (u64, [i64; 4], i64, u32)| {
            open_time = open_time.plus(Span::from_seconds(minutes * 60));
            let (first, last) = (prices[0], prices[3]);
            prices.sort_unstable();
            let price = |mantissa| Price::new(Decimal::new(mantissa, scale)).unwrap();
            let (open, high, low, close) = (price(first), price(prices[3]), price(prices[0]), price(last));
            Bar { open_time, open, high, low, close, volume: Some(Decimal::new(volume, scale).normalize()) }
        };
        drawn.into_iter().map(bar).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bars_written_in_any_form_are_read_back(
        bars in bars(), form in prop::sample::select(&FORMS[..]), packing in prop::sample::select(&PACKINGS[..])
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("bars.csv{}", packing.ending()));
        std::fs::write(&path, pack(packing, form.write(&bars).as_bytes())).unwrap();
        let file = MarketFile { columns: form.columns(), ..market_file(&path) };
        let read = market::read(&file, GapPolicy::Allow).unwrap();
        let expected: Vec<Bar> = bars.iter().map(|bar| form.expected(bar)).collect();
        prop_assert_eq!(read.data.bars, expected);
        let missing: u64 = bars.windows(2).map(|pair| pair[1].open_time.since(pair[0].open_time).nanos() / 60_000_000_000 - 1).sum();
        prop_assert_eq!(read.gaps.bars, missing);
    }
}
