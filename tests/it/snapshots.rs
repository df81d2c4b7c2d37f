//! Snapshots of projections: the same text from every store and in every environment, a field left out is left out and
//! nothing else, a change shows where it happened; and the numbers of `journal` and `portfolio` against a simpler model.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use retrace_core::amount::Price;
use retrace_core::event::{Fact, Input, ReportKind};
use retrace_core::exact::{self, Inexact};
use retrace_core::ids::{PlanId, Seq, TradeId};
use retrace_core::manifest::{Identity, Provenance};
use retrace_core::memory::MemoryStore;
use retrace_core::order::Side;
use retrace_core::step::Step;
use retrace_core::time::Timestamp;
use retrace_projections::audit::Auditor;
use retrace_projections::ledger::Book;
use retrace_projections::projection::{Ended, Projection, Projections, Recorded, Section, View};
use retrace_projections::snapshot::{ProjectionSnapshot, RecordedSession, SnapshotOptions, snapshot};
use retrace_rocks::RocksStore;
use retrace_tools::transfer::write_export;
use rust_decimal::Decimal;

use crate::cli::{Place, text};
use crate::replaying::script;
use crate::scenario::{Played, Scenario};
use crate::scenarios::insta_settings;
use crate::verify::long_script;

fn scenarios() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario = Scenario::read(&name, &std::fs::read_to_string(&path).unwrap())?;
        Some((name, scenario))
    };
    let mut all: Vec<_> = paths.into_iter().filter_map(read).collect();
    all.push(("long".to_owned(), Scenario::read("long", &long_script()).unwrap()));
    all
}

fn of(session: &RecordedSession, without: &[&str]) -> Vec<ProjectionSnapshot> {
    let options = SnapshotOptions { without: without.iter().map(|field| (*field).to_owned()).collect() };
    session.snapshot(&Projections::built_in(), &options).unwrap()
}

#[test]
fn every_store_gives_the_same_snapshots_and_a_check_after_writing_is_clean() {
    let dir = tempfile::tempdir().unwrap();
    let mut rocks = RocksStore::create_or_open(dir.path()).unwrap();
    let mut played = Vec::new();
    for (name, scenario) in scenarios() {
        let mut memory = MemoryStore::new();
        let run = scenario.play(&mut memory);
        scenario.play(&mut rocks);
        let in_memory = RecordedSession::read(&memory, &name).unwrap();
        assert_eq!(in_memory.steps, run.steps, "{name}");
        let of_memory = of(&in_memory, &[]);
        assert_eq!(of(&RecordedSession::read(&rocks, &name).unwrap(), &[]), of_memory, "{name}");
        played.push((name, of_memory));
    }
    drop(rocks);
    let place = Place::empty();
    let dir = dir.path().to_str().unwrap();
    for (name, snapshots) in played {
        let retrace = |check: &[&str]| {
            place.retrace_as_given(&[&["snapshot", &name, "--db", dir, "--dir", "snapshots"], check].concat())
        };
        assert_eq!(retrace(&[]).status.code(), Some(0), "{name}");
        for snapshot in snapshots {
            let file = place.path(&format!("snapshots/{name}.{}.txt", snapshot.name));
            assert_eq!(std::fs::read_to_string(file).unwrap(), snapshot.text, "{name}");
        }
        let check = retrace(&["--check"]);
        assert_eq!(check.status.code(), Some(0), "{name}: {}", text(&check.stdout));
    }
}

/// `retrace audit` tells of one plan, the projection of all at once: both tell the same events and the same gaps.
#[test]
fn the_audit_of_all_plans_tells_what_the_audit_of_each_does() {
    let mut stories = 0;
    for (name, scenario) in scenarios() {
        let played = scenario.play(&mut MemoryStore::new());
        let options = SnapshotOptions { without: vec!["comments".to_owned()] };
        let projections = Projections::built_in().only(&["audit"]);
        let all =
            snapshot(&scenario.identity, &played.steps, &|_| None, &projections, &options).unwrap().remove(0).text;
        for told in all.split("\n\n").skip(1) {
            let plan = PlanId::new(told.lines().next().unwrap().strip_prefix("plan ").unwrap()).unwrap();
            let (mut book, mut auditor) = (Book::new(&scenario.identity), Auditor::new(plan.clone()));
            for step in &played.steps {
                auditor.follow(&mut book, step).unwrap();
            }
            let story = auditor.finish(&book).unwrap();
            let mut lines = told.lines().skip(1);
            let begun =
                lines.by_ref().take_while(|line| !line.starts_with("  net_pnl: ") && !line.ends_with("never taken on"));
            begun.for_each(drop);
            // What another plan's input led to here stands below its time alone.
            let lines = lines.filter(|line| line.trim().parse::<Timestamp>().is_err());
            let (gaps, events): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("  not covered by a stop"));
            assert_eq!(gaps.len(), story.protection_gap.len(), "{name} {plan}");
            assert_eq!(events.len(), story.story.len(), "{name} {plan}");
            for (line, event) in events.iter().zip(&story.story) {
                // Orders have other names here; the longer words are the same.
                let mut words = event.text.split(' ').filter(|word| word.len() > 8);
                assert!(words.all(|word| line.contains(word)), "{name} {plan}: {line} is not {}", event.text);
            }
            stories += 1;
        }
    }
    assert!(stories > 60, "{stories}");
}

/// `text` less the facts named `field`, by its letters alone: a line that begins with the name and a colon, or the
/// name, an equals sign and a word or a quoted text somewhere in a line.
fn less(text: &str, field: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with(&format!("{field}: ")) {
            continue;
        }
        let mut line = line.to_owned();
        while let Some(at) = line.find(&format!(" {field}=")) {
            let value = at + field.len() + 2;
            let end = if line[value..].starts_with('"') {
                value + 1 + line[value + 1..].find('"').unwrap() + 1
            } else {
                line[value..].find(' ').map_or(line.len(), |length| value + length)
            };
            line.replace_range(at..end, "");
        }
        kept.push_str(line.trim_end());
        kept.push('\n');
    }
    kept
}

/// Space in front of the first fact of a line is twice as wide.
fn squeezed(text: &str) -> String {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn a_field_left_out_is_left_out_and_nothing_else() {
    let fields = [
        "session",
        "version",
        "status",
        "fee",
        "fees",
        "executed_at",
        "realized_pnl",
        "stop_price",
        "text",
        "because",
        "comments",
        "outcome",
        "net_pnl",
        "cash_flow",
        "opened",
        "average_out",
        "quantity",
        "target",
        "price",
    ];
    // No other scenario that needs no real data has a comment.
    let commented = concat!(
        "# commented\nbars 2022-01-21T10:00:00Z\nflat 3 100\n",
        r#"{"at":"2022-01-21T10:01:00Z","directive":{"directive_id":"D1","scope":"NEW_TRADE","plan_id":"TPL","#,
        r#""comments":"why not","entry_directive":{"symbol":"BTC/USDT","direction":"BUY"},"#,
        r#""size_directive":{"target_position_size":"2"}}}"#,
        "\n",
    );
    let commented = ("commented".to_owned(), Scenario::read("commented", commented).unwrap());
    let mut removed = BTreeMap::new();
    for (name, scenario) in scenarios().into_iter().chain([commented]) {
        let mut memory = MemoryStore::new();
        scenario.play(&mut memory);
        let session = RecordedSession::read(&memory, &name).unwrap();
        let whole = of(&session, &[]);
        for field in fields {
            for (with, without) in whole.iter().zip(of(&session, &[field])) {
                let without = without.text.replacen(&format!("without: {field}\n"), "", 1);
                let expected = less(&with.text, field);
                assert_eq!(squeezed(&without), squeezed(&expected), "{name} without {field}");
                *removed.entry(field).or_insert(0_usize) += with.text.len() - without.len();
            }
        }
    }
    assert!(removed.values().all(|letters| *letters > 0), "a field is nowhere: {removed:?}");
}

/// The fixture of the example crate is the export of the sample as this build records it, without a word of where and
/// when it was made. `RETRACE_WRITE_FIXTURES=1` writes it anew.
#[test]
fn the_fixture_of_the_example_is_the_samples_own_export() {
    let place = Place::with_sample();
    let mut loaded = retrace_tools::session::load(&place.path("session.yaml")).unwrap();
    loaded.provenance = Provenance::default();
    let mut store = MemoryStore::new();
    let session = retrace_tools::session::record(&mut store, &loaded).unwrap().session;
    let mut export = Vec::new();
    write_export(&store, &loaded.identity.name, session, &mut export).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/execution-quality/fixtures/sample.jsonl");
    if std::env::var_os("RETRACE_WRITE_FIXTURES").is_some() {
        std::fs::write(&fixture, &export).unwrap();
    }
    let kept = std::fs::read(&fixture).unwrap();
    assert!(kept == export, "the sample is exported in another way: review it with RETRACE_WRITE_FIXTURES=1");
}

/// A projection that fails where it is told to, or shows a field that it did not announce.
struct Failing<const WHERE: u8>;

impl<const WHERE: u8> Projection for Failing<WHERE> {
    const NAME: &'static str = "failing";
    const VERSION: u32 = 1;
    const FIELDS: &'static [&'static str] = &["announced"];
    type Error = Inexact;

    fn begin(_: &Identity) -> Self {
        Self
    }

    fn fold(&mut self, recorded: &Recorded<'_>) -> Result<(), Inexact> {
        if WHERE == 0 && recorded.event.seq.0 == 3 {
            exact::mul(Decimal::MAX, Decimal::MAX)?;
        }
        Ok(())
    }

    fn view(&self, _: &Ended<'_>) -> Result<View, Inexact> {
        if WHERE == 1 {
            exact::mul(Decimal::MAX, Decimal::MAX)?;
        }
        let section = Section::new("all").beside("announced", 1);
        Ok([section.inner(Section::new("some").below("secret", 2))].into_iter().collect())
    }
}

#[test]
fn a_projection_that_fails_is_named_with_the_event() {
    let scenario = Scenario::read("long", &long_script()).unwrap();
    let played = scenario.play(&mut MemoryStore::new());
    let fails = |projections: Projections| {
        let options = SnapshotOptions::default();
        snapshot(&scenario.identity, &played.steps, &|_| None, &projections, &options).unwrap_err().to_string()
    };
    let told = [
        fails(Projections::built_in().with::<Failing<0>>()),
        fails(Projections::none().with::<Failing<1>>()),
        fails(Projections::none().with::<Failing<2>>()),
        fails(Projections::none()),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    projection failing, event 3: 79228162514264337593543950335 * 79228162514264337593543950335 has no exact result within 28 digits
    projection failing: 79228162514264337593543950335 * 79228162514264337593543950335 has no exact result within 28 digits
    projection failing shows a field secret that is not in its FIELDS
    no projection was chosen
    ");
}

/// A fill that the venue reports again, and one that it reports with another price, move no position and no result.
#[test]
fn a_fill_is_given_to_projections_once() {
    let scenario = Scenario::read("long", &long_script()).unwrap();
    let played = scenario.play(&mut MemoryStore::new());
    let mut steps = played.steps.clone();
    let is_fill = |step: &&Step| matches!(&step.events[0].fact, Fact::Input(Input::Report(report)) if matches!(report.what, ReportKind::Filled(_)));
    let fill = played.steps.iter().find(is_fill).unwrap().events[0].clone();
    let last = steps.last().unwrap().clone();
    for (later, cents) in [(1, 0), (2, 1)] {
        let mut again = fill.clone();
        again.seq = Seq(last.last_seq().0 + later);
        again.time = last.time;
        let Fact::Input(Input::Report(report)) = &mut again.fact else { panic!("no report") };
        let ReportKind::Filled(fill) = &mut report.what else { panic!("no fill") };
        fill.price = Price::new(fill.price.value() + Decimal::new(cents, 2)).unwrap();
        steps.push(Step { events: vec![again], ..last.clone() });
    }
    let texts = |steps: &[Step]| {
        let (projections, options) = (Projections::built_in(), SnapshotOptions::default());
        snapshot(&scenario.identity, steps, &|_| None, &projections, &options).unwrap()
    };
    let (before, after) = (texts(&played.steps), texts(&steps));
    assert_eq!((&before[2], &before[3]), (&after[2], &after[3]), "portfolio and journal");
    let told = after[0].text.strip_prefix(&before[0].text).unwrap();
    assert_eq!(told, "\nfills reported again  events=1\nfills in conflict with one booked before  events=1\n");
}

/// Two plans may trade with one another: the venue then has one trade for a fill of each.
#[test]
fn fills_of_one_trade_are_all_booked() {
    let script =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/opposite_plans.txt"));
    let scenario = Scenario::read("opposite", &script.unwrap()).unwrap();
    let played = scenario.play(&mut MemoryStore::new());
    let portfolio = |steps: &[Step]| {
        let (projections, options) = (Projections::built_in().only(&["portfolio"]), SnapshotOptions::default());
        snapshot(&scenario.identity, steps, &|_| None, &projections, &options).unwrap().remove(0)
    };
    for one in ["T", &"T".repeat(60)] {
        let mut steps = played.steps.clone();
        let mut told = 0;
        for event in steps.iter_mut().flat_map(|step| &mut step.events) {
            if let Fact::Input(Input::Report(report)) = &mut event.fact
                && let ReportKind::Filled(fill) = &mut report.what
            {
                // One trade for a purchase and a sale.
                fill.trade_id = TradeId::new(&format!("{one}{}", told / 2)).unwrap();
                told += 1;
            }
        }
        assert_ne!(steps, played.steps);
        assert_eq!(portfolio(&steps).text, portfolio(&played.steps).text);
    }
}

/// Other texts, same log: with a comment erased its line goes, and nothing else.
#[test]
fn an_erased_comment_takes_its_own_lines_along() {
    let place = Place::with_sample();
    let loaded = retrace_tools::session::load(&place.path("session.yaml")).unwrap();
    let mut memory = MemoryStore::new();
    retrace_tools::session::record(&mut memory, &loaded).unwrap();
    let session = RecordedSession::read(&memory, "sample").unwrap();
    let erased = RecordedSession { texts: BTreeMap::new(), ..session.clone() };
    for (with, without) in of(&session, &[]).iter().zip(of(&erased, &[])) {
        assert_eq!(less(&with.text, "comments"), without.text);
    }
}

#[test]
fn two_processes_in_different_environments_write_the_same_snapshots() {
    let mut seen = Vec::new();
    for environment in [
        [("TZ", "UTC"), ("LANG", "C"), ("LC_ALL", "C"), ("NO_COLOR", "1")],
        [("TZ", "Asia/Kathmandu"), ("LANG", "de_DE.UTF-8"), ("LC_ALL", "tr_TR.UTF-8"), ("CLICOLOR_FORCE", "1")],
    ] {
        let place = Place::with_sample();
        for args in [&["run", "session.yaml"][..], &["snapshot", "sample", "--dir", "snapshots"]] {
            let output = place.command(args).envs(environment).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        }
        seen.push(place.files("snapshots"));
    }
    assert_eq!(seen[0].len(), 4);
    assert!(
        seen[0].iter().zip(&seen[1]).all(|((a, bytes), (b, other))| a.file_name() == b.file_name() && bytes == other)
    );
}

#[test]
fn the_sample_in_snapshots() {
    let place = Place::with_sample();
    let loaded = retrace_tools::session::load(&place.path("session.yaml")).unwrap();
    let mut memory = MemoryStore::new();
    retrace_tools::session::record(&mut memory, &loaded).unwrap();
    let session = RecordedSession::read(&memory, "sample").unwrap();
    insta_settings().bind(|| retrace_projections::assert_session_snapshot!("snapshot_sample", session));
}

/// The acceptance test of the whole: keep snapshots, change a stop, see the difference, accept it.
#[test]
fn a_changed_stop_shows_as_a_difference_that_names_the_line() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let choice = ["--projection", "strategy_ledger", "--projection", "journal"];
    let snapshot = |more: &[&'static str]| [&["snapshot", "sample", "--dir", "kept"], &choice[..], more].concat();

    let missing = place.retrace(&snapshot(&["--check"]));
    assert_eq!(missing.status.code(), Some(1), "{}", text(&missing.stderr));
    assert!(
        text(&missing.stdout).contains("missing") && text(&missing.stdout).contains("to accept it: retrace snapshot")
    );
    assert!(!place.path("kept").exists(), "a check wrote something");

    let written = place.json(&snapshot(&[]));
    assert_eq!(written["projections"][0]["status"], "written");
    let before = place.files("kept");
    let times = || -> Vec<_> { before.keys().map(|file| file.metadata().unwrap().modified().unwrap()).collect() };
    let written_at = times();
    assert_eq!(place.json(&snapshot(&[]))["projections"][0]["status"], "unchanged");
    assert_eq!(times(), written_at, "an unchanged file was touched");

    place.edit("directives.jsonl", "\"stop_loss_price\":\"61200\"", "\"stop_loss_price\":\"61000\"");
    std::fs::remove_dir_all(place.path("db")).unwrap();
    place.json(&["run", "session.yaml"]);
    let differs = place.retrace(&snapshot(&["--check"]));
    assert_eq!(differs.status.code(), Some(1));
    assert_eq!(place.files("kept"), before, "a check wrote something");
    let shown = text(&differs.stdout);
    assert!(
        shown.contains("\n-  stop_loss_price: 61200\n") && shown.contains("\n+  stop_loss_price: 61000\n"),
        "{shown}"
    );
    insta_settings().bind(|| insta::assert_snapshot!("snapshot_changed_stop", shown));

    let document = place.retrace(&[&snapshot(&["--check"])[..], &["--json"]].concat());
    assert_eq!(document.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&document.stdout).unwrap();
    let keys: Vec<_> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["session", "projections", "stale"]);
    let entry = &document["projections"][0];
    assert_eq!((&entry["name"], &entry["status"]), (&"strategy_ledger".into(), &"differs".into()));
    assert_eq!(entry["file"], "kept/sample.strategy_ledger.txt");
    assert!(entry["diff"].as_str().unwrap().contains("\n+  stop_loss_price: 61000\n"));

    // What is left out cannot differ, but a check without it must be told so each time.
    let left_out = "stop_loss_price,realized_pnl,fees,net_pnl,target_quantity,filled_quantity,slices_due";
    let free = place.retrace(&snapshot(&["--check", "--without", left_out]));
    assert!(!text(&free.stdout).contains("61000\n"), "{}", text(&free.stdout));

    place.json(&snapshot(&[]));
    place.says(0, &snapshot(&["--check"]));
}

/// An export has the snapshots of the session it holds, under its own name, and one with a changed byte has none.
#[test]
fn an_export_file_has_the_snapshots_of_its_session() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    place.json(&["snapshot", "sample", "--dir", "of_store"]);
    place.json(&["export", "sample", "--format", "jsonl", "--out", "kept.jsonl"]);
    let retrace = |args: &[&str]| place.retrace_as_given(&[&["snapshot"], args].concat());
    let taken = retrace(&["kept.jsonl", "--dir", "of_file"]);
    assert_eq!(taken.status.code(), Some(0), "{}", text(&taken.stderr));
    let texts = |folder: &str| place.files(folder).into_values().collect::<Vec<_>>();
    assert_eq!(texts("of_file"), texts("of_store"));
    assert!(place.path("of_file/kept.journal.txt").exists());
    let check = retrace(&["kept.jsonl", "--dir", "of_file", "--check", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!((&document["session"], &document["projections"][3]["status"]), (&"sample".into(), &"unchanged".into()));

    let session = RecordedSession::from_export(std::fs::read(place.path("kept.jsonl")).unwrap()).unwrap();
    let journal = of(&session, &[]).pop().unwrap();
    assert_eq!(journal.text.as_bytes(), place.files("of_file")[&place.path("of_file/kept.journal.txt")]);

    place.edit("kept.jsonl", "\"price\":\"60449.39\"", "\"price\":\"60449.38\"");
    let refused = retrace(&["kept.jsonl", "--dir", "of_changed"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("kept.jsonl:") && !place.path("of_changed").exists());
    for (what, said) in [("none.jsonl", "no export file none.jsonl"), (".", "cannot be read")] {
        let refused = retrace(&[what, "--dir", "of_nothing"]);
        assert_eq!(refused.status.code(), Some(2), "{what}");
        assert!(text(&refused.stderr).contains(said), "{what}: {}", text(&refused.stderr));
    }
}

#[test]
fn what_stands_in_the_way_is_said_and_left_as_it_is() {
    let place = Place::with_sample();
    place.json(&["run", "session.yaml"]);
    let mut said = String::new();
    let mut says = |code: i32, args: &[&str]| {
        let args = [&["snapshot", "sample", "--dir", "kept"], args].concat();
        said.push_str(&format!("$ retrace {}\n{}\n", args.join(" "), place.says(code, &args)));
    };
    says(2, &["--projection", "ledger"]);
    says(2, &["--projection", "profits"]);
    says(2, &["--without", "fee,feees"]);
    says(2, &["--projection", "journal", "--without", "colour"]);
    assert!(!place.path("kept").exists(), "a refusal made a folder");

    // A projection that is gone leaves its snapshot behind; a file of another session and a note of the user's are no
    // business of ours; a note under the name of a snapshot is never replaced.
    place.json(&["snapshot", "sample", "--dir", "kept"]);
    let kept = |name: &str| place.path(&format!("kept/{name}"));
    std::fs::copy(kept("sample.journal.txt"), kept("sample.gone.txt")).unwrap();
    std::fs::copy(kept("sample.journal.txt"), kept("sample.longer.gone.txt")).unwrap();
    std::fs::write(kept("sample.notes.txt"), "mine\n").unwrap();
    says(0, &["--check"]);
    assert_eq!(
        place.json(&["snapshot", "sample", "--dir", "kept"])["stale"],
        serde_json::json!(["kept/sample.gone.txt"])
    );
    std::fs::write(kept("sample.journal.txt"), "mine too\n").unwrap();
    std::fs::remove_file(kept("sample.audit.txt")).unwrap();
    says(2, &[]);
    assert_eq!(std::fs::read_to_string(kept("sample.journal.txt")).unwrap(), "mine too\n");
    assert!(!kept("sample.audit.txt").exists(), "a refusal wrote something");
    insta_settings().bind(|| insta::assert_snapshot!("snapshot_refusals", said));

    // Line ends of another system are no difference.
    std::fs::remove_file(kept("sample.journal.txt")).unwrap();
    place.json(&["snapshot", "sample", "--dir", "kept"]);
    let lines = std::fs::read_to_string(kept("sample.journal.txt")).unwrap();
    std::fs::write(kept("sample.journal.txt"), lines.replace('\n', "\r\n")).unwrap();
    place.says(0, &["snapshot", "sample", "--dir", "kept", "--check"]);
}

/// What the fills of a session come to, from the reports alone: the position, what came in less what went out, and that
/// of each round trip.
#[derive(Debug, Default, PartialEq)]
struct Model {
    position: Decimal,
    fees: Decimal,
    flow: Decimal,
    trips: Vec<Decimal>,
    trip: Decimal,
}

fn model(scenario: &Scenario, played: &Played) -> Model {
    let mut model = Model::default();
    let mut book = Book::new(&scenario.identity);
    for event in played.steps.iter().flat_map(|step| &step.events) {
        book.apply(event).unwrap();
        let Fact::Input(Input::Report(report)) = &event.fact else { continue };
        let ReportKind::Filled(fill) = &report.what else { continue };
        let order = book.plan(event.plan.unwrap()).unwrap().order(event.order.unwrap()).unwrap();
        let signed = if order.side == Side::Buy { fill.quantity.value() } else { -fill.quantity.value() };
        model.position += signed;
        model.flow -= signed * fill.price.value();
        model.trip -= signed * fill.price.value();
        model.fees += fill.fee.value();
        if model.position.is_zero() {
            model.trips.push(std::mem::take(&mut model.trip));
        }
    }
    model
}

/// The values of a field in a snapshot, in order.
fn values(snapshot: &ProjectionSnapshot, field: &str) -> Vec<String> {
    let (beside, below) = (format!("{field}="), format!("{field}: "));
    let words = snapshot.text.lines().flat_map(|line| {
        let fact = line.trim_start().strip_prefix(&below).into_iter();
        fact.chain(line.split(' ').filter_map(|word| word.strip_prefix(&beside))).map(str::to_owned).collect::<Vec<_>>()
    });
    words.collect()
}

fn decimals(snapshot: &ProjectionSnapshot, field: &str) -> Vec<Decimal> {
    values(snapshot, field).iter().map(|value| value.parse().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// One plan, one symbol, fees in quote: what a round trip realises is what it brought in less what it took.
    #[test]
    fn the_journal_and_the_portfolio_come_to_what_the_fills_come_to(script in script()) {
        let scenario = Scenario::read("drawn", &script).unwrap();
        let played = scenario.play(&mut MemoryStore::new());
        let model = model(&scenario, &played);
        let snapshots =
            snapshot(&scenario.identity, &played.steps, &|_| None, &Projections::built_in(), &SnapshotOptions::default())
                .unwrap();
        let [_, _, portfolio, journal] = &snapshots[..] else { panic!("not four: {snapshots:?}") };
        if model.flow.is_zero() && model.trips.is_empty() {
            prop_assert_eq!(values(journal, "way"), Vec::<String>::new());
            return Ok(());
        }
        let realized = decimals(journal, "realized_pnl");
        prop_assert_eq!(&realized[..model.trips.len()], &model.trips[..]);
        prop_assert_eq!(values(journal, "closed").len(), model.trips.len());
        prop_assert_eq!(realized.len() - model.trips.len(), usize::from(!model.position.is_zero()));
        // First of the symbols in the quote asset, then of the symbol: with one symbol, the same.
        prop_assert_eq!(decimals(portfolio, "cash_flow"), vec![(model.flow - model.fees).normalize(); 2]);
        prop_assert_eq!(decimals(portfolio, "net_position"), vec![model.position.normalize()]);
        let cost = decimals(portfolio, "cost").first().copied().unwrap_or_default();
        let cost = if model.position.is_sign_negative() { -cost } else { cost };
        prop_assert_eq!(decimals(portfolio, "realized_pnl"), vec![(model.flow + cost).normalize(); 2]);
        prop_assert_eq!(decimals(portfolio, "net_pnl"), vec![(model.flow + cost - model.fees).normalize(); 2]);
        prop_assert_eq!(realized.iter().sum::<Decimal>().normalize(), (model.flow + cost).normalize());
        let balance = scenario.identity.account.balance.value();
        prop_assert_eq!(decimals(portfolio, "cash"), vec![(balance + model.flow - model.fees).normalize()]);
    }
}
