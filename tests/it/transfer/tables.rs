//! The tables of `export --format csv`: as they are printed, and against the ledger's own sums.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::cli::{Place, text};
use crate::scenarios::insta_settings;

type Rows = Vec<BTreeMap<String, String>>;

/// Read without the crate that wrote it: only a comment is ever quoted, and stands last.
fn rows(csv: &str) -> Rows {
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<String> =
            line.splitn(columns.len(), ',').map(|cell| cell.trim_matches('"').to_owned()).collect();
        assert_eq!(cells.len(), columns.len(), "{line}");
        columns.iter().map(|column| (*column).to_owned()).zip(cells).collect()
    };
    lines.map(row).collect()
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no plain decimal"))
}

fn total<'a>(rows: impl IntoIterator<Item = &'a BTreeMap<String, String>>, column: &str) -> Decimal {
    rows.into_iter().map(|row| dec(&row[column])).sum()
}

#[test]
fn the_tables_agree_with_the_ledger_and_with_each_other() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let said = place.retrace(&["export", "sample", "--format", "csv", "--out", "tables"]);
    assert_eq!(text(&said.stdout).lines().count(), 3);
    let table = |name: &str| {
        let file = std::fs::read_to_string(place.path("tables").join(format!("{name}.csv"))).unwrap();
        let printed = place.retrace(&["export", "sample", "--format", "csv", "--table", name]);
        assert_eq!(text(&printed.stdout), file);
        place.json(&["export", "sample", "--format", "csv", "--table", name, "--out", "one.csv"]);
        assert_eq!(std::fs::read_to_string(place.path("one.csv")).unwrap(), file);
        file
    };
    let (plans, orders, fills) = (table("plans"), table("orders"), table("fills"));
    // The first digits of an id are the session's, which depend on the version of the engine's decisions.
    let session = orders.split("ORD_").nth(1).unwrap()[..12].to_owned();
    let shown = format!("{plans}\n{orders}\n{fills}").replace(&session, "SESSION_");
    insta_settings().bind(|| insta::assert_snapshot!("tables", shown));

    let (plans, orders, fills) = (rows(&plans), rows(&orders), rows(&fills));
    let replayed = place.json(&["replay", "sample"]);
    let viewed = replayed["plans"].as_array().unwrap();
    assert_eq!(plans.len(), viewed.len());
    for (row, view) in plans.iter().zip(viewed) {
        let shown = |value: &Value| value.as_str().map_or_else(String::new, str::to_owned);
        for column in [
            "plan_id",
            "strategy_instance_id",
            "asset_symbol",
            "direction",
            "status",
            "outcome",
            "target",
            "net_position",
            "held",
            "dust",
            "average_entry_price",
            "realized_pnl",
            "net_pnl",
            "stop_loss_price",
            "take_profit_price",
            "comments",
        ] {
            assert_eq!(row[column], shown(&view[column]), "{column}");
        }
        assert_eq!(row["fees_quote"], view["fees"][0]["amount"].as_str().unwrap());
        assert_eq!(row["closed_at"].is_empty(), row["status"] == "ACTIVE");
        // From the fills alone.
        let own = || fills.iter().filter(|fill| fill["plan_id"] == row["plan_id"]);
        let of = |side: &'static str| own().filter(move |fill| fill["side"] == side);
        assert_eq!(dec(&row["fees_quote"]), total(own(), "fee"));
        assert_eq!(dec(&row["bought_quantity"]), total(of("BUY"), "quantity"));
        assert_eq!(dec(&row["sold_quantity"]), total(of("SELL"), "quantity"));
        assert_eq!(dec(&row["net_position"]), total(of("BUY"), "quantity") - total(of("SELL"), "quantity"));
        for (side, column) in [("BUY", "average_buy_price"), ("SELL", "average_sell_price")] {
            match total(of(side), "quantity") {
                none if none.is_zero() => assert_eq!(row[column], ""),
                quantity => assert_eq!(dec(&row[column]), (total(of(side), "notional") / quantity).round_dp(12)),
            }
        }
        if row["net_position"] == "0" {
            let flows = total(of("SELL"), "notional") - total(of("BUY"), "notional");
            assert_eq!(dec(&row["realized_pnl"]), flows);
            assert_eq!(dec(&row["net_pnl"]), flows - total(own(), "fee"));
        }
        assert_eq!(row["orders"], orders.iter().filter(|o| o["plan_id"] == row["plan_id"]).count().to_string());
        assert_eq!(row["fills"], own().count().to_string());
    }
    for order in &orders {
        let own = || fills.iter().filter(|fill| fill["order_id"] == order["order_id"]);
        assert_eq!(dec(&order["filled_quantity"]), total(own(), "quantity"));
        assert_eq!(order["average_price"].is_empty(), own().count() == 0);
    }
    assert!(orders.windows(2).all(|pair| dec(&pair[0]["requested_seq"]) < dec(&pair[1]["requested_seq"])));
    assert!(fills.windows(2).all(|pair| pair[0]["executed_at"] <= pair[1]["executed_at"]));
}

#[test]
fn a_comment_is_no_formula() {
    let place = Place::with_sample();
    let directives = std::fs::read_to_string(place.path("directives.jsonl")).unwrap();
    assert!(directives.contains("higher lows"));
    let changed = directives.replacen("higher lows", "=HYPERLINK(1) higher lows", 1);
    std::fs::write(place.path("directives.jsonl"), changed).unwrap();
    place.json(&["run", "session.yaml"]);
    let printed = text(&place.retrace(&["export", "sample", "--format", "csv", "--table", "plans"]).stdout);
    assert!(printed.contains(",'=HYPERLINK(1) higher lows"), "{printed}");
    let lines = text(&place.retrace(&["export", "sample", "--format", "jsonl"]).stdout);
    assert!(lines.contains("\"text\":\"=HYPERLINK(1) higher lows"));
}

#[test]
fn what_cannot_be_written_is_said_before_the_log_is_read() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let csv = &["export", "sample", "--format", "csv"][..];
    for (more, said) in [
        (&[][..], "three tables cannot go to standard output"),
        (&["--json"], "three tables cannot go to standard output"),
        (&["--table", "plans", "--json"], "cannot both go to standard output"),
        (&["--out", "session.yaml"], "session.yaml cannot be written"),
        (&["--table", "plans", "--out", "db"], "db cannot be written"),
        (&["--table", "plans", "--out", "no/such/folder.csv"], "cannot be written"),
        (&["--table", "tables"], "invalid value"),
    ] {
        let told = place.says(2, &[csv, more].concat());
        assert!(told.contains(said), "{more:?}: {told}");
    }
    let told = place.says(2, &["export", "sample", "--format", "jsonl", "--table", "plans"]);
    assert!(told.contains("--table belongs to --format csv"), "{told}");
}
