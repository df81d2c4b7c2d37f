//! Random directives on small random markets: the engine never stops, and an independent reader of the log finds the
//! bounds of SEMANTICS kept whenever nothing is in flight.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::arithmetic_side_effects, clippy::print_stdout, reason = "tests")]
#![allow(clippy::pedantic, clippy::wildcard_enum_match_arm, reason = "tests are read for their story")]
#![allow(clippy::disallowed_methods, reason = "the seeds to try may be given from outside")]

mod checker;
mod continued;

mod known;
mod limits;
mod scene;

use std::collections::BTreeMap;

use retrace_core::ids::{Seq, SessionUid};

use retrace_core::log::{read_frames, read_log};
use retrace_core::manifest::{Identity, Provenance};
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, LogStore, Manifest};
use retrace_projections::audit::event_line;
use retrace_projections::export::{ExportWriter, ExportedSession};
use retrace_projections::ledger::Book;
use retrace_replay::backtest::{Backtest, Recorder};
use retrace_replay::verify::verify;

use checker::Checker;
use limits::Limits;
use scene::Scene;

/// How many orders were refused, by limit.
type Refused = BTreeMap<&'static str, usize>;

/// Keeps the Steps in a store, and what was told of them.
struct Keep<'a> {
    store: &'a mut MemoryStore,
    session: SessionUid,
    book: Book,
    story: String,
}

impl Recorder for Keep<'_> {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        self.store.append(self.session, step, &[]).map_err(|e| e.to_string())?;
        for event in &step.events {
            self.book.apply(event).map_err(|e| e.to_string())?;
            let plan = event.plan.map_or(String::new(), |plan| plan.to_string());
            self.story += &format!("{} {:>4} {plan:<4} {}\n", step.time, event.seq, event_line(event, &self.book));
        }
        Ok(step.last_seq())
    }
}

/// Looks at each Step, too.
struct Recording<'a> {
    scene: &'a Scene,
    keep: Keep<'a>,
    checker: Checker,
    limits: Limits,
}

impl Recorder for Recording<'_> {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        let last = self.keep.record(step)?;
        self.checker.step(step)?;
        self.limits.step(self.scene, step)?;
        Ok(last)
    }
}

/// Plays one scene: how many events it has, and how many orders were refused by each limit; or the story, and what is
/// wrong with it.
fn play(scene: &Scene) -> Result<(usize, Refused), (String, String)> {
    let mut store = MemoryStore::new();
    let manifest = Manifest { identity: scene.identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    let (checker, limits, book) = (Checker::new(scene), Limits::new(scene), Book::new(&scene.identity));
    let story = format!("{}\n", scene.told());
    let keep = Keep { store: &mut store, session, book, story };
    let mut recording = Recording { scene, keep, checker, limits };
    let run = Backtest::new(&scene.identity, &scene.tape, scene.given.clone()).run(&mut recording);
    let Recording { keep: Keep { book, story, .. }, checker, limits, .. } = recording;
    let fail = |what: String| Err((story.clone(), what));
    if let Err(error) = run {
        return fail(error.to_string());
    }
    if let Err(what) = checker.finish(&book) {
        return fail(what);
    }
    store.put_checkpoint(session, &book.ledger().checkpoint(true)).unwrap();
    store.commit().unwrap();
    let reader: &dyn LogReader = &store;
    let verification = verify(reader, session, Some(&scene.tape)).unwrap();
    if !verification.is_clean() {
        return fail(format!("{verification:#?}"));
    }
    if let Err(what) = comes_back(reader, session, scene) {
        return fail(what);
    }
    Ok((usize::try_from(book.ledger().seq().0).unwrap(), limits.refused))
}

/// The session, exported as text and read again, is the same and is proved the same.
fn comes_back(reader: &dyn LogReader, session: SessionUid, scene: &Scene) -> Result<(), String> {
    let told = |store: &dyn LogReader| -> Result<String, String> {
        let manifest = store.manifest(session).unwrap();
        let checkpoints = store.checkpoints(session).unwrap();
        let begun = ExportWriter::begin(&manifest.identity.name, &manifest, checkpoints);
        let (mut writer, mut text) = begun.map_err(|e| e.to_string())?;
        read_frames(store, session, &mut |frame, _| {
            text.push_str(&writer.step(frame, &mut |_| None).unwrap().line);
            true
        })
        .map_err(|e| e.to_string())?;
        Ok(text + &writer.end().map_err(|e| e.to_string())?.1)
    };
    let text = told(reader)?;
    let read = ExportedSession::read(text.as_bytes()).map_err(|e| e.to_string())?;
    let end = read.end;
    let (store, uid) = read.into_store().map_err(|e| e.to_string())?;
    let head = |store: &dyn LogReader| read_log(store, session, &mut |_| true).unwrap();
    let verification = verify(&store, uid, Some(&scene.tape)).unwrap();
    if uid != session || head(&store) != head(reader) || head(reader).head != end.head || told(&store)? != text {
        return Err("it does not come back from its export as it was".to_owned());
    }
    if verification.is_clean() { Ok(()) } else { Err(format!("after its export: {verification:#?}")) }
}

/// Plays the scenes of many seeds; `RANDOM_SEEDS=from..to` others than the usual ones.
fn play_all(roll: fn(u64) -> Scene) -> Refused {
    let seeds = std::env::var("RANDOM_SEEDS").unwrap_or_else(|_| "0..400".to_owned());
    let (from, to) = seeds.split_once("..").unwrap();
    let mut events = 0;
    let mut refused = Refused::new();
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        match std::panic::catch_unwind(|| play(&roll(seed))) {
            Ok(Ok((count, more))) => {
                events += count;
                more.into_iter().for_each(|(code, count)| *refused.entry(code).or_default() += count);
            }
            Ok(Err((story, what))) => panic!("{story}\nseed {seed}: {what}"),
            Err(_) => panic!("seed {seed}: panicked"),
        }
    }
    println!("{events} events, refused {refused:?}");
    refused
}

#[test]
fn random_directives_keep_the_bounds() {
    assert!(play_all(Scene::roll).is_empty(), "there are no limits");
}

#[test]
fn random_limits_let_nothing_through_and_hold_nothing_back_that_fits() {
    let refused = play_all(Scene::roll_limited);
    for code in [
        "kill_switch",
        "max_order_quantity",
        "max_order_notional",
        "max_position",
        "max_account_position",
        "price_collar",
        "max_orders_per_minute",
        "max_open_orders",
        "no_price_for_limit",
        "insufficient_cash",
    ] {
        assert!(refused.contains_key(code), "nothing was refused for {code}: {refused:?}");
    }
}
