//! The session file: what is understood and what is refused.

use std::path::Path;

use retrace_replay::tape::VolumeUnit;

use super::{SESSION, describe, sample_session};
use crate::input::market::{Columns, GapPolicy, Role};
use crate::input::session;

#[test]
fn the_sample_session_file_is_understood() {
    let session = sample_session();
    assert_eq!(session.directives, Path::new("runs/twap.jsonl"));
    assert_eq!(session.market[0].path, Path::new("runs/btc.csv.xz"));
    assert_eq!(session.market[0].period.to_string(), "1 min");
    assert_eq!(session.market[0].columns.name(Role::Time), Some("timestamp"));
    assert_eq!(session.instruments[0].tick.to_string(), "0.01");
    assert_eq!(session.account.balance.to_string(), "1000000");
    assert_eq!(
        (session.venue.maker_fee.to_string(), session.venue.taker_fee.to_string()),
        ("0".into(), "0.001".into())
    );
    assert_eq!(session.text, SESSION);
}

#[test]
fn plain_yaml_numbers_are_taken_from_their_text() {
    let text = SESSION.replace("tick: \"0.01\"", "tick: 0.000000000001").replace("\"1000000\"", "100000000000.1234567");
    let session = session::parse(Path::new("s.yaml"), &text).unwrap();
    assert_eq!(session.instruments[0].tick.to_string(), "0.000000000001");
    assert_eq!(session.account.balance.to_string(), "100000000000.1234567");
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let text = "session: s\nmode: backtest\nstrategy: {instance: a, directives: d}\n\
                market: [{symbol: ETH/BTC, timeframe: 4h, bars: e.csv}]\n\
                instruments: {ETH/BTC: {tick: 0.1, lot: 1}}\naccount: {quote: BTC, balance: 5}\n";
    let session = session::parse(Path::new("s.yaml"), text).unwrap();
    assert_eq!((session.gaps, session.market[0].volume_unit), (GapPolicy::Allow, VolumeUnit::Base));
    assert_eq!(session.market[0].columns, Columns::default());
    assert!(session.venue.taker_fee.is_zero() && session.instruments[0].min_notional.value().is_zero());
    assert_eq!(session.venue.max_volume_share.to_string(), "1");
}

#[test]
fn session_file_refusals() {
    let edits: &[(&str, &str, &str)] = &[
        ("not a name", "session: btc-protected-twap", "session: two words"),
        ("a mode of a later part", "mode: backtest", "mode: live"),
        ("unknown mode", "mode: backtest", "mode: backtset"),
        ("unknown key", "account:", "acount: {}\naccount:"),
        ("unknown nested key", "maker: \"0\"", "makr: \"0\""),
        ("duplicate key", "mode: backtest", "mode: backtest\nmode: backtest"),
        ("duplicate nested key", "quote: USDT", "quote: USDT, quote: USDT"),
        ("duplicate instrument", "instruments: {", "instruments: { BTC/USDT: {tick: 1, lot: 1},"),
        ("missing key", "mode: backtest\n", ""),
        ("missing nested key", "timeframe: 1m, ", ""),
        ("a list for a text", "session: btc-protected-twap", "session: [a]"),
        ("a text for a map", "{maker: \"0\", taker: \"0.001\"}", "free"),
        ("null", "instance: TWAP_BTC_01", "instance: ~"),
        ("empty path", "directives: twap.jsonl", "directives: ''"),
        ("a brace that does not close", "mode: backtest", "mode: {backtest"),
        ("a quote that does not close", "mode: backtest", "mode: \"backtest"),
        ("a tab for a blank", "mode: backtest", "\tmode: backtest"),
        ("timeframe", "timeframe: 1m", "timeframe: 1 minute"),
        ("timeframe of nothing", "timeframe: 1m", "timeframe: 0m"),
        ("volume unit", "volume_unit: base", "volume_unit: lots"),
        ("symbol", "symbol: BTC/USDT", "symbol: BTCUSDT"),
        ("no instrument", "instruments: { BTC/USDT:", "instruments: { ETH/USDT:"),
        ("a symbol in lower case", "instruments: { BTC/USDT:", "instruments: { btc/usdt:"),
        (
            "no instruments",
            "instruments: { BTC/USDT: { tick: \"0.01\", lot: \"0.01\", min_notional: \"10\" } }",
            "instruments: {}",
        ),
        ("other quote", "quote: USDT", "quote: EUR"),
        ("not an asset", "quote: USDT", "quote: Us Dollar"),
        ("tick of zero", "tick: \"0.01\"", "tick: \"0\""),
        ("lot not a number", "lot: \"0.01\"", "lot: \"0,01\""),
        ("tick too fine", "tick: \"0.01\"", "tick: 1e-13"),
        ("negative minimum notional", "min_notional: \"10\"", "min_notional: \"-10\""),
        ("balance too large", "balance: \"1000000\"", "balance: 1e13"),
        ("balance not finite", "balance: \"1000000\"", "balance: .inf"),
        ("cash check", "balance: \"1000000\"", "balance: 1, check: cash"),
        ("unknown check", "balance: \"1000000\"", "balance: 1, check: margin"),
        ("profile", "profile: backtest", "profile: binance"),
        ("fee in per cent", "taker: \"0.001\"", "taker: \"0.1\""),
        ("slippage", "slippage_bps: \"0\"", "slippage_bps: \"-1\""),
        ("latency", "latency_ms: 0", "latency_ms: 1.5"),
        ("volume share", "max_volume_share: \"1\"", "max_volume_share: \"0\""),
        ("fee asset", "fee_asset: quote", "fee_asset: bnb"),
        ("path", "path: pessimistic", "path: hloc"),
        ("gaps", "account:", "gaps: warn\naccount:"),
        ("unknown layout", "volume_unit: base", "layout: binance"),
        ("header and layout", "volume_unit: base", "header: [time], layout: lean_trades"),
        ("header without a name", "volume_unit: base", "header: []"),
        ("header that is no list", "volume_unit: base", "header: time"),
        ("unknown price", "volume_unit: base", "price: last"),
        ("too many decimals to round to", "volume_unit: base", "decimals: 13"),
        ("decimals no whole number", "volume_unit: base", "decimals: 2.5"),
        ("unknown column", "open: open", "opens: open"),
        ("time in two ways", "open: open", "date: day, open: open"),
        ("unknown key of a market file", "volume_unit: base", "colums: {}"),
    ];
    let mut story = String::new();
    for (case, from, to) in edits {
        assert!(SESSION.contains(from), "{case}");
        let problem = session::parse(Path::new("btc.yaml"), &SESSION.replacen(from, to, 1)).unwrap_err();
        describe(&mut story, case, &problem);
    }
    let second = "market:\n  - { symbol: BTC/USDT, timeframe: 5m, bars: x.csv }";
    let twice = SESSION.replace("market:", second);
    describe(&mut story, "two data sets of a symbol", &session::parse(Path::new("btc.yaml"), &twice).unwrap_err());
    let no_market = SESSION.lines().filter(|l| !l.starts_with("  - ")).collect::<Vec<_>>().join("\n");
    for (case, with) in [("no market data", "market: []"), ("null market data", "market:")] {
        let text = no_market.replace("market:", with).replace(
            "instruments: { BTC/USDT: { tick: \"0.01\", lot: \"0.01\", min_notional: \"10\" } }",
            "instruments: {}",
        );
        describe(&mut story, case, &session::parse(Path::new("btc.yaml"), &text).unwrap_err());
    }
    describe(&mut story, "empty file", &session::parse(Path::new("btc.yaml"), " \n").unwrap_err());
    describe(&mut story, "missing file", &session::read(Path::new("no/such.yaml")).unwrap_err());
    insta::assert_snapshot!("session_file_refusals", story);
}
