//! A session cut in two anywhere is the session as a whole: the second half continues the first one's last ledger, and
//! every plan comes to the same fills, levels and result.
//!
//! True without latency, where no request is under way between two bars.

use std::fmt::Write as _;

use retrace_core::directive::Intent;
use retrace_core::ids::SessionName;
use retrace_core::manifest::AccountCheck;
use retrace_core::memory::MemoryStore;
use retrace_core::order::OrderRole;
use retrace_core::time::{Span, Timestamp};
use retrace_projections::ledger::{Phase, Plan};
use retrace_projections::lineage::Origin;
use retrace_replay::backtest::Given;
use retrace_replay::continuing::can_continue;
use retrace_replay::rerun::against_recorded;
use retrace_replay::tape::{DataSet, Tape};
use retrace_simulator::dice::{Dice, key_of};
use rust_decimal::Decimal;

use super::*;

/// A part of a scene that is run by itself.
struct Part {
    identity: Identity,
    tape: Tape,
    given: Vec<(Timestamp, Given)>,
}

/// Runs a part from `begin` into `store`: its last book, and its story.
fn run(part: &Part, begin: &Book, store: &mut MemoryStore) -> Result<(SessionUid, Book, String), String> {
    let manifest = Manifest { identity: part.identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    let mut keep = Keep { store, session, book: begin.clone(), story: String::new() };
    let mut backtest = Backtest::beginning(&part.identity, &part.tape, part.given.clone(), begin);
    let ran = backtest.run(&mut keep);
    let Keep { book, story, .. } = keep;
    ran.map_err(|error| format!("{story}\n{error}"))?;
    store.put_checkpoint(session, &book.ledger().checkpoint(true)).unwrap();
    store.commit().unwrap();
    if book.ledger() != backtest.state().ledger() {
        return Err(format!("{story}\nthe log folds to another ledger than the run's"));
    }
    Ok((session, book, story))
}

fn part(scene: &Scene, name: &str, bars: std::ops::Range<usize>, from: Option<Timestamp>, to: Timestamp) -> Part {
    let set = &scene.tape.sets()[0];
    let tape = Tape::new(vec![DataSet { bars: set.bars[bars].to_vec(), ..set.clone() }]);
    let mut identity = scene.identity.clone();
    identity.name = SessionName::new(name).unwrap();
    identity.tape = tape.identity();
    let within = |at: &Timestamp| from.is_none_or(|from| from < *at) && *at <= to;
    let given = scene.given.iter().filter(|(at, _)| within(at)).cloned().collect();
    Part { identity, tape, given }
}

/// What a plan came to, without the ids that hang on a session.
fn came_to(plan: &Plan) -> String {
    let mut told = format!("{} {:?} target {} {:?}\n", plan.id, plan.phase, plan.target.size, plan.exits);
    if let Phase::Closing(closing) = &plan.phase {
        let _ = writeln!(told, "{closing:?}");
    }
    let _ = writeln!(told, "{:?} gap {:?}", plan.accounting.totals(), plan.gap);
    for group in &plan.groups {
        let _ =
            writeln!(told, "{} {:?} {} {:?} {:?}", group.no, group.action, group.planned, group.end, group.end_price);
        for order in group.orders.in_order() {
            let _ = writeln!(
                told,
                "  {} {:?} {} {:?} {:?}",
                order.role, order.terms, order.quantity, order.status, order.reason
            );
            for fill in &order.fills {
                let _ = writeln!(told, "    {} {} {} {}", fill.executed_at, fill.quantity, fill.price, fill.fee);
            }
        }
    }
    told
}

/// Cuts a scene at bars that follow one another. `None` where it has latency, or no such bars.
fn cut(mut scene: Scene, seed: u64, cuts: usize) -> Result<Option<u64>, String> {
    scene.identity.venue.latency = Span::default();
    // What a continued session's account holds is for its own file to say.
    scene.identity.account.check = AccountCheck::Unchecked;
    let set = &scene.tape.sets()[0];
    let follows = |place: &usize| {
        let (before, bar) = (&set.bars[*place - 1], &set.bars[*place]);
        before.open_time.plus(set.period) == bar.open_time
    };
    let mut places: Vec<usize> = (1..set.bars.len()).filter(follows).collect();
    if places.len() < cuts {
        return Ok(None);
    }
    let mut dice = Dice::new(key_of("cut") ^ seed);
    while places.len() > cuts {
        places.remove(usize::try_from(dice.between(0, places.len() as i64 - 1)).unwrap());
    }
    let last = scene.tape.span().unwrap().1;
    let whole = part(&scene, "whole", 0..set.bars.len(), None, last);
    let (_, one, story) = run(&whole, &Book::new(&whole.identity), &mut MemoryStore::new())?;

    let mut store = MemoryStore::new();
    let mut stories = format!("{}\n{story}\n", scene.told());
    let mut halves: Vec<(SessionUid, Tape, Book)> = Vec::new();
    let (mut from, mut at, mut carried) = (0, None, 0);
    for (number, to) in places.iter().copied().chain([set.bars.len()]).enumerate() {
        let end = set.bars[to - 1].open_time.plus(set.period);
        let mut half = part(&scene, &format!("part-{number}"), from..to, at, end);
        let begin = match halves.last() {
            None => Book::new(&half.identity),
            Some((parent, _, _)) => {
                let origin = Origin::at_the_end_of(&store, *parent).map_err(|e| e.to_string())?;
                let ancestor = origin.ancestors.last().unwrap();
                half.identity.continues = Some(ancestor.continued());
                let begins = half.tape.span().unwrap().0;
                can_continue(&half.identity, begins, ancestor, origin.book.ledger()).map_err(|e| e.to_string())?;
                carried += origin.book.ledger().plans().count() as u64;
                Book::continuing(&half.identity, origin.book)
            }
        };
        let (session, book, story) = run(&half, &begin, &mut store).map_err(|e| format!("{stories}\n{e}"))?;
        let _ = writeln!(stories, "--- part {number}\n{story}");
        halves.push((session, half.tape, book));
        (from, at) = (to, Some(end));
    }
    for (number, (session, tape, _)) in halves.iter().enumerate() {
        let verification = verify(&store, *session, Some(tape)).unwrap();
        if !verification.is_clean() {
            return Err(format!("{stories}\npart {number}: {verification:#?}"));
        }
    }
    // A plan is told by the part in which it ended, or by the last one.
    for plan in one.plans() {
        let told = halves.iter().rev().find_map(|(_, _, book)| book.plans().find(|other| other.no == plan.no));
        let told = told.map_or_else(|| "not there".to_owned(), came_to);
        let whole = came_to(plan);
        if told != whole {
            return Err(format!("{stories}\nin parts:\n{told}\nas a whole:\n{whole}"));
        }
    }
    Ok(Some(carried))
}

fn cut_all(roll: fn(u64) -> Scene, cuts: usize) -> u64 {
    let seeds = std::env::var("RANDOM_SEEDS").unwrap_or_else(|_| "0..400".to_owned());
    let (from, to) = seeds.split_once("..").unwrap();
    let mut carried = 0;
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        match cut(roll(seed), seed, cuts) {
            Ok(count) => carried += count.unwrap_or(0),
            Err(what) => panic!("{what}\nseed {seed}"),
        }
    }
    println!("{carried} open plans carried over");
    carried
}

#[test]
fn a_session_cut_in_two_is_the_whole_session() {
    assert!(cut_all(Scene::roll, 1) > 100);
}

#[test]
fn a_session_cut_in_four_is_the_whole_session() {
    assert!(cut_all(Scene::roll, 3) > 300);
}

#[test]
fn limits_hold_across_a_cut() {
    assert!(cut_all(Scene::roll_limited, 1) > 50);
}

/// Keeps so many Steps, then fails: a process that ends anywhere.
struct Killed<'a> {
    store: &'a mut MemoryStore,
    session: SessionUid,
    steps: u64,
}

impl Recorder for Killed<'_> {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        self.steps = self.steps.checked_sub(1).ok_or_else(|| "killed".to_owned())?;
        self.store.append(self.session, step, &[]).map_err(|e| e.to_string())?;
        Ok(step.last_seq())
    }
}

/// Holds what SEMANTICS promises of each plan once nothing of it is under way: no more is traded than a directive wanted,
/// and what is held is covered by its stops, or is told to be a gap.
struct Bounded<'a> {
    keep: Keep<'a>,
    /// The largest size that a directive wanted of any plan.
    wanted: Decimal,
}

impl Recorder for Bounded<'_> {
    type Error = String;

    fn record(&mut self, step: &Step) -> Result<Seq, String> {
        let last = self.keep.record(step)?;
        for plan in self.keep.book.ledger().plans() {
            let committed = plan.committed().map_err(|e| e.to_string())?.value().abs();
            if committed > self.wanted.max(plan.traded().value().abs()) || plan.traded().value().abs() > self.wanted {
                return Err(format!("plan {}: {committed} is committed, {} was wanted", plan.id, self.wanted));
            }
            let in_flight = plan.open_orders().any(|order| order.is_unanswered() || order.is_ended_unanswered());
            let held = plan.held_lots().unwrap();
            let standing = plan.phase == Phase::Standing && plan.exits.stop.is_some() && plan.gap.is_none();
            if in_flight || !standing {
                continue;
            }
            let stops = plan.working(OrderRole::StopLoss).filter_map(|stop| stop.remaining());
            let covered: Decimal = stops.map(|left| left.value()).sum();
            let held = held.map_or(Decimal::ZERO, |held| held.value());
            if covered != held {
                return Err(format!("plan {}: {held} is held, {covered} covered, and no gap is told", plan.id));
            }
        }
        Ok(last)
    }
}

/// Ends a session after any of its Steps, requests under way, and continues it from the next bar on.
fn kill(scene: &Scene, seed: u64) -> Result<(u64, u64), String> {
    let mut dice = Dice::new(key_of("kill") ^ seed);
    let set = &scene.tape.sets()[0];
    let end = scene.tape.span().unwrap().1;
    let whole = part(scene, "killed", 0..set.bars.len(), None, end);
    let mut store = MemoryStore::new();
    let (_, all, _) = run(&whole, &Book::new(&whole.identity), &mut MemoryStore::new())?;
    let steps = dice.between(1, i64::try_from(all.ledger().seq().0.max(1)).unwrap()) as u64;
    let manifest = Manifest { identity: whole.identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    let mut killed = Killed { store: &mut store, session, steps };
    let _ = Backtest::new(&whole.identity, &whole.tape, whole.given.clone()).run(&mut killed);
    store.commit().unwrap();

    let origin = Origin::at_the_end_of(&store, session).map_err(|e| e.to_string())?;
    let ancestor = origin.ancestors.last().unwrap().clone();
    let Some(from) = set.bars.iter().position(|bar| ancestor.last.is_none_or(|last| last <= bar.open_time)) else {
        return Ok((0, 0));
    };
    let begins = set.bars[from].open_time;
    let mut rest = part(scene, "rest", from..set.bars.len(), None, end);
    rest.given.retain(|(at, _)| *at >= begins);
    rest.identity.continues = Some(ancestor.continued());
    can_continue(&rest.identity, begins, &ancestor, origin.book.ledger()).map_err(|e| e.to_string())?;
    let under_way = origin.book.ledger().unanswered().len() as u64;
    let carried = origin.book.ledger().plans().count() as u64;
    let begin = Book::continuing(&rest.identity, origin.book);

    let wanted = scene.given.iter().filter_map(|(_, given)| match given {
        Given::Directive(directive) => match &directive.intent {
            Intent::NewTrade(new) => Some(new.target.value()),
            Intent::Modify(modify) => modify.target,
            _ => None,
        },
        Given::Operator(_) => None,
    });
    let wanted = wanted.max().unwrap_or_default();
    let manifest = Manifest { identity: rest.identity.clone(), provenance: Provenance::default() };
    let session = store.create(&manifest).unwrap();
    let keep = Keep { store: &mut store, session, book: begin.clone(), story: String::new() };
    let mut bounded = Bounded { keep, wanted };
    let ran = Backtest::beginning(&rest.identity, &rest.tape, rest.given.clone(), &begin).run(&mut bounded);
    let story = format!("{}\n{}", scene.told(), bounded.keep.story);
    ran.map_err(|error| format!("{story}\n{error}"))?;
    store.commit().unwrap();
    let verification = verify(&store, session, Some(&rest.tape)).unwrap();
    if !verification.is_clean() {
        return Err(format!("{story}\n{verification:#?}"));
    }
    let parity = against_recorded(&store, session, &rest.identity, &begin, Some(&rest.tape)).unwrap();
    if parity.is_equal() { Ok((carried, under_way)) } else { Err(format!("{story}\n{parity:#?}")) }
}

#[test]
fn a_session_that_ended_anywhere_is_continued_within_its_bounds() {
    let seeds = std::env::var("RANDOM_SEEDS").unwrap_or_else(|_| "0..400".to_owned());
    let (from, to) = seeds.split_once("..").unwrap();
    let (mut carried, mut under_way) = (0, 0);
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        for roll in [Scene::roll, Scene::roll_limited] {
            match kill(&roll(seed), seed) {
                Ok((plans, requests)) => (carried, under_way) = (carried + plans, under_way + requests),
                Err(what) => panic!("{what}\nseed {seed}"),
            }
        }
    }
    println!("{carried} open plans carried over, {under_way} requests under way");
    assert!(carried > 200 && under_way > 50);
}
