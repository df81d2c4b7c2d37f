//! The same sessions in several processes, with other environments, hash seeds and thread counts: every head is the same.
//! `scripts/determinism.sh` holds the heads of a build with optimisation and without overflow checks against them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::arithmetic_side_effects, clippy::print_stdout, reason = "tests")]
#![allow(clippy::pedantic, clippy::wildcard_enum_match_arm, dead_code, reason = "tests are read for their story")]
#![allow(clippy::disallowed_methods, reason = "children are told by their environment what to do")]
#![allow(clippy::disallowed_types, clippy::iter_over_hash_type, reason = "the planted fault")]

#[path = "../bars/scene.rs"]
mod scene;

use std::collections::HashSet;
use std::process::{Command, Stdio};

use retrace_core::directive::Intent;
use retrace_core::ids::Seq;
use retrace_core::manifest::{Identity, Provenance};
use retrace_core::memory::MemoryStore;
use retrace_core::step::Step;
use retrace_core::store::{LogStore, Manifest};
use retrace_replay::backtest::{Backtest, Given, Recorder};
use retrace_simulator::roll;
use retrace_simulator::world::play;

use scene::Scene;

/// What a child is to do: `sound`, or `unordered` with the planted fault; and on how many threads.
const ENGINE: &str = "RETRACE_TEST_ENGINE";
const THREADS: &str = "RETRACE_TEST_THREADS";

/// Sessions of each sort.
const WORLDS: u64 = 60;
const SCENES: u64 = 120;

struct Steps(Vec<Step>);

impl Recorder for Steps {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        self.0.push(step.clone());
        Ok(step.last_seq())
    }
}

/// The head over a log of these Steps.
fn head(identity: &Identity, steps: &[Step]) -> String {
    let mut store = MemoryStore::new();
    let manifest = Manifest { identity: identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    steps.iter().for_each(|step| store.append(session, step, &[]).unwrap());
    store.head(session).unwrap().to_string()
}

/// One session and its head.
fn line(number: u64, unordered: bool) -> String {
    if number < WORLDS {
        let played = play(&roll(number), None);
        assert!(played.finding.is_none(), "seed {number}: {:?}", played.finding);
        return format!("world-{number} {}", head(&played.identity, &played.log));
    }
    let seed = number - WORLDS;
    let mut scene = Scene::roll(seed);
    if unordered {
        close_in_no_order(&mut scene);
    }
    let mut steps = Steps(Vec::new());
    Backtest::new(&scene.identity, &scene.tape, scene.given.clone()).run(&mut steps).unwrap();
    format!("bars-{seed} {}", head(&scene.identity, &steps.0))
}

/// The planted fault: every close is one of all plans, which are walked in the order of a hash map.
fn close_in_no_order(scene: &mut Scene) {
    let mut plans = HashSet::new();
    for (_, given) in &scene.given {
        if let Given::Directive(directive) = given
            && let Intent::NewTrade(new) = &directive.intent
        {
            plans.extend(new.plan_id.clone());
        }
    }
    for (_, given) in &mut scene.given {
        if let Given::Directive(directive) = given
            && let Intent::Close(close) = &mut directive.intent
        {
            close.plans = plans.iter().cloned().collect();
        }
    }
}

/// Every session's line, in order, made by so many threads.
fn lines(threads: u64, unordered: bool) -> Vec<String> {
    let of = |first: u64| (first..WORLDS + SCENES).step_by(usize::try_from(threads).unwrap());
    let mut all: Vec<(u64, String)> = std::thread::scope(|scope| {
        let make =
            |first| scope.spawn(move || of(first).map(|number| (number, line(number, unordered))).collect::<Vec<_>>());
        let made: Vec<_> = (0..threads).map(make).collect();
        made.into_iter().flat_map(|made| made.join().unwrap()).collect()
    });
    all.sort();
    all.into_iter().map(|(_, line)| line).collect()
}

/// What a child prints; nothing where nobody asked.
#[test]
fn child_process() {
    let Ok(engine) = std::env::var(ENGINE) else { return };
    let threads = std::env::var(THREADS).map_or(1, |threads| threads.parse().unwrap());
    for line in lines(threads, engine == "unordered") {
        println!("\nhead {line}");
    }
}

/// The heads that a process of its own comes to.
fn heads(engine: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child_process", "--exact", "--nocapture"])
        .env_clear()
        .env(ENGINE, engine)
        .envs(environment.iter().copied())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("head ").map(str::to_owned)).collect()
}

/// Four machines, as far as one can be made to look like four.
const ENVIRONMENTS: [&[(&str, &str)]; 4] = [
    &[("TZ", "UTC"), ("LANG", "C")],
    &[("TZ", "Asia/Kathmandu"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8"), (THREADS, "3"), ("HOME", "/")],
    &[("TZ", "America/St_Johns"), ("LC_NUMERIC", "de_DE.UTF-8"), (THREADS, "2"), ("MALLOC_PERTURB_", "165")],
    &[("RUST_MIN_STACK", "16777216"), (THREADS, "7"), ("USER", "nobody")],
];

/// The first session whose head differs from that of the first process.
fn first_that_differs(engine: &str) -> Option<String> {
    let mut first: Option<Vec<String>> = None;
    for environment in ENVIRONMENTS {
        let heads = heads(engine, environment);
        assert_eq!(heads.len() as u64, WORLDS + SCENES);
        let first = first.get_or_insert_with(|| heads.clone());
        if let Some((line, _)) = first.iter().zip(&heads).find(|(one, other)| one != other) {
            return line.split_once(' ').map(|(session, _)| session.to_owned());
        }
    }
    None
}

#[test]
fn every_process_comes_to_the_same_heads() {
    assert_eq!(first_that_differs("sound"), None);
    // For a build of another kind to be held against.
    if let Ok(out) = std::env::var("RETRACE_HEADS_OUT") {
        std::fs::write(out, lines(2, false).join("\n") + "\n").unwrap();
    }
}

#[test]
fn a_walk_in_no_order_is_found_and_its_session_named() {
    let named = first_that_differs("unordered").expect("processes differ in the seeds of their hash maps");
    assert!(named.starts_with("bars-"), "{named}");
}
