//! The session file.

use super::{Bench, Case, Files, SESSION, refuse_all};

const FILE: &str = "case/session.yaml";

/// The good file with `from` replaced.
fn edited(name: &str, code: &'static str, from: &str, to: &str) -> Case {
    assert!(SESSION.contains(from), "{from}");
    whole(name, code, SESSION.replacen(from, to, 1))
}

/// Another whole file.
fn whole(name: &str, code: &'static str, text: impl Into<Vec<u8>>) -> Case {
    Case::new(name, Files { session: Some(text.into()), ..Files::good() }, code, FILE)
}

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    vec![
        edited("unknown key", "unknown_field", "account:", "acount: {}\naccount:").line(12).field("acount"),
        edited("unknown key: nothing like it", "unknown_field", "account:", "leverage: 3\naccount:").line(12).field("leverage"),
        edited("unknown key: in capitals", "unknown_field", "session:", "Session:").line(1).field("Session"),
        edited("unknown key: nested", "unknown_field", "maker:", "makr:").line(16).field("venue.fees.makr"),
        edited("unknown key: in a list", "unknown_field", "    timeframe: 1m", "    timeframes: 1m").line(8).field("market[0].timeframes"),
        edited("unknown key: an instrument's", "unknown_field", "lot:", "lots:").line(11).field("instruments.BTC/USDT.lots"),
        edited("unknown key: a column's", "unknown_field", "    bars: market.csv", "    bars: market.csv\n    columns: { tim: timestamp }")
            .line(10).field("market[0].columns.tim"),
        edited("missing key", "missing", "mode: backtest\n", "").field("mode"),
        edited("missing key: nested", "missing", "    timeframe: 1m\n", "").line(8).field("market[0].timeframe"),
        edited("wrong type: a list for a text", "wrong_type", "session: refused", "session: [refused]")
            .line(1).field("session").value("[refused]"),
        edited("wrong type: keys for a text", "wrong_type", "mode: backtest", "mode: { kind: backtest }")
            .line(2).field("mode").value("{ kind: backtest }"),
        edited("wrong type: a text for keys", "wrong_type", "account:\n  quote: USDT\n  balance: \"1000000\"", "account: rich")
            .line(12).field("account").value("rich"),
        edited("wrong type: a list for keys", "wrong_type", "{ maker: \"0.0002\", taker: \"0.0005\" }", "[0.0002, 0.0005]")
            .line(16).field("venue.fees").value("[0.0002, 0.0005]"),
        edited("wrong type: keys for a list", "wrong_type", "  - symbol: BTC/USDT", "    symbol: BTC/USDT")
            .line(7).field("market").value("symbol: BTC/USDT"),
        edited("wrong type: a list for instruments", "wrong_type", "  BTC/USDT: {", "  - {")
            .line(11).field("instruments").value("- { tick: \"0.01\", lot: \"0.01\", min_notional: \"10\" }"),
        edited("wrong type: a text for a number", "not_a_number", "\"1000000\"", "plenty").line(14).field("account.balance").value("plenty"),
        edited("wrong type: a truth value for a number", "not_a_number", "\"1000000\"", "true").line(14).field("account.balance").value("true"),
        edited("wrong type: a number with separators", "not_a_number", "\"1000000\"", "1,000,000").line(14).field("account.balance").value("1,000,000"),
        edited("wrong type: hexadecimal", "not_a_number", "tick: \"0.01\"", "tick: 0x1").line(11).field("instruments.BTC/USDT.tick").value("0x1"),
        edited("wrong type: not a number at all", "not_finite", "\"1000000\"", ".nan").line(14).field("account.balance").value(".nan"),
        edited("a profile that does not exist", "not_one_of", "venue:\n", "venue:\n  profile: moon\n")
            .line(16).field("venue.profile").value("moon"),
        edited("a profile based on none", "not_one_of", "venue:\n", "venue:\n  profile: { based_on: moon }\n")
            .line(16).field("venue.profile.based_on").value("moon"),
        edited("a flag that is neither", "not_one_of", "venue:\n", "venue:\n  profile: { based_on: spot, amend_up: maybe }\n")
            .line(16).field("venue.profile.amend_up").value("maybe"),
        edited("a flag that no profile has", "unknown_field", "venue:\n", "venue:\n  profile: { based_on: spot, amends: true }\n")
            .line(16).field("venue.profile.amends"),
        edited("no stop at all", "not_whole", "venue:\n", "venue:\n  profile: { based_on: spot, max_stops: 0 }\n")
            .line(16).field("venue.profile.max_stops").value("0"),
        edited("a profile that contradicts itself", "excludes", "venue:\n", "venue:\n  profile: { based_on: backtest, stop_locks_holding: true }\n")
            .line(16).field("venue.profile.stop_locks_holding"),
        edited("stops without a size, and some that trail", "excludes", "venue:\n", "venue:\n  profile: { based_on: backtest, native_trailing: true, size_free_stop: true }\n")
            .line(16).field("venue.profile.size_free_stop"),
        edited("stops without a size, and nothing that keeps them from selling too much", "missing_for", "venue:\n", "venue:\n  profile: { based_on: backtest, reduce_only: false, size_free_stop: true }\n")
            .line(16).field("venue.profile.reduce_only"),
        edited("wrong type: a fraction for a whole number", "not_whole", "venue:\n", "venue:\n  latency_ms: 1.5\n")
            .line(16).field("venue.latency_ms").value("1.5"),
        edited("wrong type: null", "empty", "instance: DESK_1", "instance:").line(4).field("strategy.instance"),
        edited("wrong type: a number out of bounds", "out_of_bounds", "\"0.0005\"", "\"5\"").line(16).field("venue.fees.taker").value("5"),
        edited("wrong type: a word outside its list", "not_one_of", "mode: backtest", "mode: backtset").line(2).field("mode").value("backtset"),
        edited("duplicate key", "field_twice", "mode: backtest", "mode: backtest\nmode: backtest").line(3).field("mode"),
        edited("duplicate key: nested", "field_twice", "    timeframe: 1m", "    timeframe: 1m\n    timeframe: 1m").line(9).field("market[0].timeframe"),
        edited("duplicate key: an instrument", "field_twice", "  BTC/USDT:", "  BTC/USDT: { tick: \"1\", lot: \"1\" }\n  BTC/USDT:")
            .line(12).field("instruments.BTC/USDT"),
        edited("duplicate key: a symbol's data", "symbol_twice", "market:", "market:\n  - { symbol: BTC/USDT, timeframe: 5m, bars: other.csv }")
            .line(8).field("market[1].symbol").value("BTC/USDT"),
        edited("a symbol without rules", "no_entry", "  - symbol: BTC/USDT", "  - symbol: ETH/USDT")
            .line(11).field("instruments.BTC/USDT").value("BTC/USDT"),
        edited("a symbol in lower case", "not_a_symbol", "  - symbol: BTC/USDT", "  - symbol: btc/usdt").line(7).field("market[0].symbol").value("btc/usdt"),
        edited("another quote", "other_quote", "quote: USDT", "quote: EUR").line(7).field("market[0].symbol").value("BTC/USDT"),
        edited("a timeframe in other words", "not_a_timeframe", "1m", "1min").line(8).field("market[0].timeframe").value("1min"),
        edited("no market data", "empty_list", "market:\n  - symbol: BTC/USDT\n    timeframe: 1m\n    bars: market.csv\n", "market: []\n")
            .line(6).field("market"),
        edited("an alias to nothing", "syntax", "tick: \"0.01\"", "tick: *tick").line(11).field("instruments.BTC/USDT"),
        edited("a merge key", "syntax", "{ tick:", "{ <<: { lot: 1 }, tick:").line(11).field("instruments.BTC/USDT"),
        edited("indented with a tab", "syntax", "  instance", "\tinstance").line(4),
        whole("two documents", "syntax", format!("{SESSION}---\n{SESSION}")).line(18),
        whole("not text", "not_utf8", b"session: \xff\n".as_slice()),
        whole("empty file", "empty_file", ""),
        whole("empty file: comments alone", "empty_file", "# nothing yet\n\n---\n"),
        whole("a text alone", "wrong_type", "btc\n").line(1).value("btc"),
        whole("longer than any session file", "too_long", "#".repeat((1 << 20) + 1)),
        Case::new("missing file: the session file", Files { session: None, ..Files::good() }, "unreadable", FILE),
        Case::new("missing file: market data", Files { market: None, ..Files::good() }, "unreadable", "case/market.csv"),
        Case::new("missing file: directives", Files { directives: None, ..Files::good() }, "unreadable", "case/directives.jsonl"),
        Case::new("missing file: a folder in its place",
            Files { session: Some(SESSION.replace("market.csv", ".").into()), ..Files::good() }, "unreadable", "case/."),
    ]
}

#[test]
fn every_bad_session_file_is_refused() {
    refuse_all("session_file", &cases());
}

/// Other spellings of the same file run, to the same log.
#[test]
fn the_same_session_spelled_otherwise_runs() {
    let bench = Bench::new();
    let head = |name: &str, text: String| {
        let _ = std::fs::remove_dir_all(bench.path("other"));
        Files { session: Some(text.into()), ..Files::good() }.write(&bench.path("case"));
        let (code, stdout, stderr) = bench.retrace(&["run", "case/session.yaml", "--db", "other", "--json"]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()["head"].clone()
    };
    let plain = head("as it is", SESSION.to_owned());
    let json = r#"{"session":"refused","mode":"backtest","strategy":{"instance":"DESK_1","directives":"directives.jsonl"},
        "market":[{"symbol":"BTC/USDT","timeframe":"1m","bars":"market.csv"}],
        "instruments":{"BTC/USDT":{"tick":0.01,"lot":"0.010","min_notional":10}},
        "account":{"quote":"USDT","balance":1000000},"venue":{"fees":{"maker":0.0002,"taker":0.0005}}}"#;
    for (name, text) in [
        ("CRLF", SESSION.replace('\n', "\r\n")),
        ("a byte order mark", format!("\u{feff}{SESSION}")),
        ("comments", format!("# a test\n{}", SESSION.replace("mode: backtest", "mode: backtest  # simulated"))),
        ("marks of a document", format!("---\n{SESSION}...\n")),
        ("plain numbers", SESSION.replace("\"0.01\"", "0.01").replace("\"1000000\"", "1000000.00")),
        ("exponents", SESSION.replace("\"0.01\"", "1e-2").replace("\"1000000\"", "1E6")),
        ("an anchor", SESSION.replacen("\"0.01\"", "&step \"0.01\"", 1).replace("lot: \"0.01\"", "lot: *step")),
        ("quoted keys", SESSION.replace("mode:", "\"mode\":")),
        ("JSON", json.to_owned()),
        ("keys without a value", SESSION.replace("    bars: market.csv\n", "    bars: market.csv\n    columns:\n")),
    ] {
        assert_ne!(text, SESSION, "{name}");
        assert_eq!(head(name, text), plain, "{name}");
    }
}
