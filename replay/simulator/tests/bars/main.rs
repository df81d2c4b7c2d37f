//! Random directives on small random markets: the engine never stops, and an independent reader of the log finds the
//! bounds of SEMANTICS kept whenever nothing is in flight.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::arithmetic_side_effects, clippy::print_stdout, reason = "tests")]
#![allow(clippy::pedantic, clippy::wildcard_enum_match_arm, reason = "tests are read for their story")]
#![allow(clippy::disallowed_methods, reason = "the seeds to try may be given from outside")]

mod checker;

mod known;
mod scene;

use retrace_core::ids::{Seq, SessionUid};
use retrace_core::log::{read_frames, read_log};
use retrace_core::manifest::Provenance;
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::{Checkpoint, LogReader, LogStore, Manifest};
use retrace_projections::audit::event_line;
use retrace_projections::export::{ExportWriter, ExportedSession};
use retrace_projections::ledger::{Book, PROJECTION, PROJECTION_VERSION};
use retrace_replay::backtest::{Backtest, Recorder};
use retrace_replay::verify::verify;

use checker::Checker;
use scene::Scene;

struct Recording {
    store: MemoryStore,
    session: SessionUid,
    checker: Checker,
    book: Book,
    story: String,
}

impl Recorder for Recording {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        self.store.append(self.session, step, &[]).map_err(|e| e.to_string())?;
        for event in &step.events {
            self.book.apply(event).map_err(|e| e.to_string())?;
            let plan = event.plan.map_or(String::new(), |plan| plan.to_string());
            self.story += &format!("{} {:>4} {plan:<4} {}\n", step.time, event.seq, event_line(event, &self.book));
        }
        self.checker.step(step)?;
        Ok(step.last_seq())
    }
}

/// Plays one scene; the story and what is wrong with it, if anything is.
fn play(seed: u64) -> Result<usize, (String, String)> {
    let scene = Scene::roll(seed);
    let mut store = MemoryStore::new();
    let manifest = Manifest { identity: scene.identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    let checker = Checker::new(&scene);
    let mut recording =
        Recording { store, session, checker, book: Book::new(&scene.identity), story: format!("{}\n", scene.told()) };
    let run = Backtest::new(&scene.identity, &scene.tape, scene.directives.clone()).run(&mut recording);
    let Recording { mut store, checker, book, story, .. } = recording;
    let fail = |what: String| Err((story.clone(), what));
    if let Err(error) = run {
        return fail(error.to_string());
    }
    if let Err(what) = checker.finish(&book) {
        return fail(what);
    }
    let digest = book.ledger().digest();
    let seq = book.ledger().seq();
    let checkpoint =
        Checkpoint { seq, projection: PROJECTION.into(), version: PROJECTION_VERSION, digest, finished: true };
    store.put_checkpoint(session, &checkpoint).unwrap();
    store.commit().unwrap();
    let reader: &dyn LogReader = &store;
    let verification = verify(reader, session, Some(&scene.tape)).unwrap();
    if !verification.is_clean() {
        return fail(format!("{verification:#?}"));
    }
    if let Err(what) = comes_back(reader, session, &scene) {
        return fail(what);
    }
    Ok(usize::try_from(seq.0).unwrap())
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

/// `RANDOM_SEEDS=from..to` plays others than the usual ones.
#[test]
fn random_directives_keep_the_bounds() {
    let seeds = std::env::var("RANDOM_SEEDS").unwrap_or_else(|_| "0..400".to_owned());
    let (from, to) = seeds.split_once("..").unwrap();
    let mut events = 0;
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        match std::panic::catch_unwind(|| play(seed)) {
            Ok(Ok(count)) => events += count,
            Ok(Err((story, what))) => panic!("{story}\nseed {seed}: {what}"),
            Err(_) => panic!("seed {seed}: panicked"),
        }
    }
    println!("{events} events");
}
