//! The session file: what is understood and what is refused.

use std::path::Path;

use retrace_core::manifest::AccountCheck;
use retrace_core::policy::RiskLimits;
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
fn risk_limits_are_taken_as_they_are_written() {
    let with = |risk: &str| {
        let text = SESSION.replace("account:", &format!("risk: {risk}\naccount:"));
        session::parse(Path::new("s.yaml"), &text).unwrap().policy.risk
    };
    assert_eq!(with("{}"), RiskLimits::default());
    assert_eq!(with("{symbols: {BTC/USDT: {}}}"), RiskLimits::default(), "no limit, nothing to store");
    let limits = with(
        "{symbols: {BTC/USDT: {max_order_quantity: 0.50, max_position: 2}}, max_order_notional: 20000.50, \
         max_account_position: 1e5, price_collar: 0.050, max_orders_per_minute: 30, max_open_orders: 1}",
    );
    let texts = [
        limits.symbols[0].symbol.to_string(),
        limits.symbols[0].max_order_quantity.unwrap().to_string(),
        limits.symbols[0].max_position.unwrap().to_string(),
        limits.max_order_notional.unwrap().to_string(),
        limits.max_account_position.unwrap().to_string(),
        limits.price_collar.unwrap().to_string(),
    ];
    assert_eq!(texts, ["BTC/USDT", "0.5", "2", "20000.5", "100000", "0.05"]);
    assert_eq!((limits.max_orders_per_minute, limits.max_open_orders), (Some(30), Some(1)));
}

#[test]
fn an_account_is_checked_where_the_file_says_so() {
    let with = |check: &str| {
        let text = SESSION.replace("balance: \"1000000\"", &format!("balance: 1000.5{check}"));
        session::parse(Path::new("s.yaml"), &text).unwrap().account
    };
    assert_eq!(with("").check, AccountCheck::Unchecked);
    assert_eq!(with(", check: none"), with(""));
    let checked = with(", check: cash");
    assert_eq!((checked.check, checked.balance.to_string().as_str()), (AccountCheck::Cash, "1000.5"));
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
        ("unknown check", "balance: \"1000000\"", "balance: 1, check: margin"),
        ("profile", "profile: backtest", "profile: binance"),
        ("fee in per cent", "taker: \"0.001\"", "taker: \"0.1\""),
        ("slippage", "slippage_bps: \"0\"", "slippage_bps: \"-1\""),
        ("latency", "latency_ms: 0", "latency_ms: 1.5"),
        ("volume share", "max_volume_share: \"1\"", "max_volume_share: \"0\""),
        ("fee asset", "fee_asset: quote", "fee_asset: bnb"),
        ("path", "path: pessimistic", "path: hloc"),
        ("gaps", "account:", "gaps: warn\naccount:"),
        ("unknown risk limit", "account:", "risk: {max_notional: 5}\naccount:"),
        ("unknown limit of a symbol", "account:", "risk: {symbols: {BTC/USDT: {max_order: 5}}}\naccount:"),
        ("limits that are no map", "account:", "risk: strict\naccount:"),
        ("limit of another symbol", "account:", "risk: {symbols: {BTC/USD: {max_position: 5}}}\naccount:"),
        ("limit of no symbol", "account:", "risk: {symbols: {BTC: {max_position: 5}}}\naccount:"),
        ("order quantity of zero", "account:", "risk: {symbols: {BTC/USDT: {max_order_quantity: 0}}}\naccount:"),
        ("negative position", "account:", "risk: {symbols: {BTC/USDT: {max_position: -1}}}\naccount:"),
        ("position between two lots", "account:", "risk: {symbols: {BTC/USDT: {max_position: 0.015}}}\naccount:"),
        ("position too large", "account:", "risk: {symbols: {BTC/USDT: {max_position: 1e12}}}\naccount:"),
        ("notional of zero", "account:", "risk: {max_order_notional: 0}\naccount:"),
        ("negative notional", "account:", "risk: {max_order_notional: -5}\naccount:"),
        ("account position too large", "account:", "risk: {max_account_position: 1e13}\naccount:"),
        ("collar in per cent", "account:", "risk: {price_collar: 5}\naccount:"),
        ("collar of nothing", "account:", "risk: {price_collar: 0}\naccount:"),
        ("collar too fine", "account:", "risk: {price_collar: 0.123456789}\naccount:"),
        ("no orders a minute", "account:", "risk: {max_orders_per_minute: 0}\naccount:"),
        ("half an open order", "account:", "risk: {max_open_orders: 1.5}\naccount:"),
        ("too many open orders", "account:", "risk: {max_open_orders: 10001}\naccount:"),
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

/// The sample shows optional keys as comments. Whoever takes the `#` away must get a session file that is right.
#[test]
fn the_keys_that_the_sample_shows_as_comments_are_taken() {
    let sample = include_str!("../../sample/session.yaml");
    let key = |line: &str| line.ends_with(':') && !line.contains(' ');
    let uncommented = sample.lines().map(|line| match line.strip_prefix("# ") {
        Some(shown) if shown.starts_with("  ") || key(shown) => shown,
        _ => line,
    });
    let file = session::parse(Path::new("session.yaml"), &uncommented.collect::<Vec<_>>().join("\n")).unwrap();
    let plain = session::parse(Path::new("session.yaml"), sample).unwrap();
    assert_eq!((file.account.check, plain.account.check), (AccountCheck::Cash, AccountCheck::Unchecked));
    let (shown, usual) = (file.policy, plain.policy);
    assert!(shown.risk != usual.risk && shown.batch_defaults != usual.batch_defaults);
    assert_eq!(shown.urgency.len(), 3);
    assert_eq!(shown.reject_retries, usual.reject_retries, "the sample says that these are the defaults");
}
