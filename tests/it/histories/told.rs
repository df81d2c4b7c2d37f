//! An import as a user meets it: its output, the story of a trade through zero, and what a refusal leaves behind.

use std::path::Path;

use retrace_core::event::{Decision, Fact};
use retrace_core::memory::MemoryStore;
use retrace_core::store::{LogReader, LogStore};
use retrace_core::testkit::samples;
use retrace_replay::verify::verify;
use retrace_tools::history;
use retrace_tools::recording::{Pace, Watching};

use super::{MAP, Place, load};

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
    settings().bind(|| insta::assert_snapshot!("history_told", story));
}

/// Snapshots stand in `/snapshots`, under their own names.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
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
            "unrealized_pnl",
            "elapsed_ms",
            "history",
            "instruments",
            "totals"
        ]
    );
    assert_eq!((json["session"].as_str(), json["mode"].as_str()), (Some("trades"), Some("import")));
    json["elapsed_ms"] = 0.into();
    settings().bind(|| insta::assert_json_snapshot!("history_json", json));
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

/// A log that is right in every link, but books a trade at another quantity: deciding again finds it.
#[test]
fn a_trade_booked_otherwise_is_found() {
    let place = Place::with(MAP, FLIP);
    let loaded = load(&place.dir.path().join("trades.csv"), place.dir.path().join("map.yaml").to_str().unwrap());
    let mut right = MemoryStore::new();
    let recorded = history::record(&mut right, &loaded, Pace::USUAL, Watching::default()).unwrap();
    let mut forged = MemoryStore::new();
    let session = forged.create(&loaded.manifest()).unwrap();
    let mut at = None;
    retrace_core::log::read_log(&right as &dyn LogReader, recorded.session, &mut |mut step| {
        for event in &mut step.events {
            if let (None, Fact::Decision(Decision::TradeBooked { fill, .. })) = (at, &mut event.fact)
                && fill.trade_id.as_str() == "3"
            {
                fill.quantity = samples::quantity("1.9");
                at = Some(event.seq);
            }
        }
        forged.append(session, &step, &[]).unwrap();
        true
    })
    .unwrap();
    forged.commit().unwrap();
    let verification = verify(&forged, session, None).unwrap();
    let found: Vec<_> = verification.findings.iter().map(|finding| (finding.check, finding.seq)).collect();
    assert_eq!(found, [("re-decide", at)], "{verification:#?}");
    let detail = verification.findings[0].detail.join("\n");
    assert!(detail.contains("filled 1.9 @ 110") && detail.contains("filled 1.998 @ 110"), "{detail}");
}
