//! The spike behind the block size: what an event costs on disk and what one plan's events cost to read, at blocks of
//! several sizes, beside a baseline of one key an event. `cargo run -p retrace-rocks --example block_size`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement, run by hand"
)]

use std::time::{Duration, Instant};

use retrace_core::chain::{Block, BlockLimits};
use retrace_core::codec::decode_fact;
use retrace_core::event::{Decision, Fact, Input, ReportKind};
use retrace_core::frame::{decode_frame, encode_frame, read_frame};
use retrace_core::ids::{OrderNo, PlanNo, Seq, TradeId};
use retrace_core::index::IndexEntry;
use retrace_core::step::Step;
use retrace_core::store::{LogReader, LogStore};
use retrace_core::testkit::samples;
use retrace_rocks::testkit::{Compression, Seeded, open_with, read_block, settle};
use rocksdb::{BlockBasedOptions, DB, DBCompressionType, IteratorMode, Options, PrefixRange, ReadOptions, WriteBatch};

const EVENTS: u64 = 200_000;
const PLANS: u64 = 200;
const PLANS_READ: u32 = 20;

/// Slices of 200 plans at a price that walks: of all plans in random turn, or of `at_a_time` neighbours that begin and
/// end together, as plans do in one strategy's session.
fn log(at_a_time: u64) -> Vec<Step> {
    let mut random = Seeded(7);
    let (mut steps, mut next, mut cents, mut number) = (Vec::new(), 1, 3_832_155_i64, 0_u32);
    while next <= EVENTS {
        number += 1;
        let first = next * (PLANS - at_a_time + 1) / (EVENTS + 6);
        let plan = u32::try_from(first + random.below(at_a_time)).unwrap() + 1;
        cents += i64::try_from(random.below(4001)).unwrap() - 2000;
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let size = format!("0.{:02}", 1 + random.below(98));
        for mut facts in samples::slice_facts(number) {
            for fact in &mut facts {
                vary(fact, &price, &size, &mut random);
            }
            let count = facts.len() as u64;
            let mut step = samples::step(next, i64::from(number) * 13, plan, facts);
            for event in &mut step.events {
                event.order = Some(OrderNo(number));
            }
            steps.push(step);
            next += count;
        }
    }
    steps
}

fn vary(fact: &mut Fact, price: &str, size: &str, random: &mut Seeded) {
    match fact {
        Fact::Input(Input::Report(report)) => {
            if let ReportKind::Filled(fill) = &mut report.what {
                fill.price = samples::price(price);
                fill.quantity = samples::quantity(size);
                let fee = fill.price.value() * fill.quantity.value() * samples::dec("0.001");
                fill.fee = retrace_core::amount::Money::new(fee);
                fill.trade_id = TradeId::new(&(3_000_000_000 + random.below(1_000_000_000)).to_string()).unwrap();
            }
        }
        Fact::Decision(Decision::OrderRequested { quantity, .. } | Decision::AmendRequested { quantity, .. }) => {
            *quantity = samples::quantity(size);
        }
        Fact::Input(_) | Fact::Decision(_) | Fact::Unknown(_) => {}
    }
}

/// What one layout costs.
struct Cost {
    bytes: f64,
    scan: Duration,
    plan: Duration,
    blocks: f64,
}

fn blocks(steps: &[Step], events: u32, compression: Compression, table_block: usize) -> Cost {
    let dir = tempfile::tempdir().unwrap();
    let limits = BlockLimits { events, bytes: 1024 * 1024 };
    let mut store = open_with(dir.path(), limits, compression, table_block).unwrap();
    let uid = store.create(&samples::manifest("spike")).unwrap();
    for step in steps {
        store.append(uid, step, &[]).unwrap();
    }
    store.commit().unwrap();
    let bytes = settle(&store);

    let start = Instant::now();
    let mut seen = 0;
    for block in store.blocks(uid, 1).unwrap() {
        let (_, bytes) = block.unwrap();
        for frame in Block::read(&bytes).unwrap().frames {
            seen += decode_frame(frame).unwrap().events.len();
        }
    }
    for (_, frame) in store.open_frames(uid).unwrap() {
        seen += decode_frame(&frame).unwrap().events.len();
    }
    let scan = start.elapsed();
    assert!(seen as u64 >= EVENTS);

    let start = Instant::now();
    let (mut found, mut read) = (0_u32, 0_u32);
    for plan in (1..=PLANS_READ).map(|plan| PlanNo(plan * 9)) {
        for entry in store.index(uid, &IndexEntry::plan_prefix(plan)).unwrap() {
            let IndexEntry::Plan { block, .. } = entry else { continue };
            read += 1;
            let bytes = read_block(&store, uid, block);
            for frame in Block::read(&bytes).unwrap().frames {
                for raw in read_frame(frame).unwrap().1.iter().filter(|raw| raw.plan == Some(plan)) {
                    decode_fact(raw.kind, raw.version, raw.order, raw.payload).unwrap();
                    found += 1;
                }
            }
        }
    }
    assert!(found > 0);
    let plan = start.elapsed() / PLANS_READ;
    Cost { bytes: bytes as f64 / EVENTS as f64, scan, plan, blocks: f64::from(read) / f64::from(PLANS_READ) }
}

/// One key an event, with a plan index of one key an event: no chain, the plainest event store.
fn one_key_an_event(steps: &[Step], compression: DBCompressionType, table_block: usize) -> Cost {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(compression);
    let mut table = BlockBasedOptions::default();
    table.set_block_size(table_block);
    options.set_block_based_table_factory(&table);
    let db = DB::open(&options, dir.path()).unwrap();
    let mut batch = WriteBatch::default();
    for step in steps {
        let frame = encode_frame(step).unwrap();
        for raw in read_frame(&frame).unwrap().1 {
            let order = raw.order.map_or(0, |order| order.0);
            let plan = raw.plan.map_or(0, |plan| plan.0);
            let mut value = raw.kind.to_le_bytes().to_vec();
            value.push(raw.version);
            value.extend_from_slice(&plan.to_le_bytes());
            value.extend_from_slice(&order.to_le_bytes());
            value.extend_from_slice(&raw.cause.map_or(0, |seq| seq.0).to_le_bytes());
            value.extend_from_slice(&step.time.nanos().to_le_bytes());
            value.extend_from_slice(raw.payload);
            batch.put([&b"e"[..], &raw.seq.0.to_be_bytes()].concat(), value);
            batch.put([&b"p"[..], &plan.to_be_bytes(), &raw.seq.0.to_be_bytes()].concat(), []);
        }
        if batch.len() > 1000 {
            db.write(std::mem::take(&mut batch)).unwrap();
        }
    }
    db.write(batch).unwrap();
    db.flush().unwrap();
    db.compact_range(None::<&[u8]>, None::<&[u8]>);
    let bytes = db.property_int_value("rocksdb.live-sst-files-size").unwrap().unwrap();

    let decode = |value: &[u8]| {
        let order = OrderNo(u32::from_le_bytes(value[7..11].try_into().unwrap()));
        let kind = u16::from_le_bytes([value[0], value[1]]);
        decode_fact(kind, value[2], Some(order), &value[27..]).unwrap();
    };
    let scan_options = |prefix: &[u8]| {
        let mut options = ReadOptions::default();
        options.set_readahead_size(2 * 1024 * 1024);
        options.set_iterate_range(PrefixRange(prefix));
        options
    };
    let start = Instant::now();
    for entry in db.iterator_opt(IteratorMode::Start, scan_options(b"e")) {
        decode(&entry.unwrap().1);
    }
    let scan = start.elapsed();
    let start = Instant::now();
    for plan in (1..=PLANS_READ).map(|plan| plan * 9) {
        for entry in db.iterator_opt(IteratorMode::Start, scan_options(&[&b"p"[..], &plan.to_be_bytes()].concat())) {
            let (key, _) = entry.unwrap();
            let seq = Seq(u64::from_be_bytes(key[5..].try_into().unwrap()));
            decode(&db.get([&b"e"[..], &seq.0.to_be_bytes()].concat()).unwrap().unwrap());
        }
    }
    let plan = start.elapsed() / PLANS_READ;
    Cost { bytes: bytes as f64 / EVENTS as f64, scan, plan, blocks: 0.0 }
}

fn main() {
    println!("ratios to one key an event of the same compression; files of {EVENTS} events, {PLANS} plans");
    println!(
        "plans at a time  layout          compressed        bytes/event          scan              one plan  blocks"
    );
    for (at_a_time, table_kib) in [(PLANS, 16), (PLANS, 4), (PLANS, 64), (5, 16)] {
        let steps = log(at_a_time);
        for (name, compression, plain) in
            [("lz4", Compression::Lz4, DBCompressionType::Lz4), ("zstd", Compression::Zstd, DBCompressionType::Zstd)]
        {
            let base = one_key_an_event(&steps, plain, table_kib * 1024);
            let show = |layout: &str, cost: &Cost| {
                let (scan, plan) = (cost.scan.as_secs_f64(), cost.plan.as_secs_f64());
                let (bytes_ratio, scan_ratio) = (cost.bytes / base.bytes, scan / base.scan.as_secs_f64());
                println!(
                    "{at_a_time:>15}  {layout:<14} {name:>5} in {table_kib:>2} KiB  {:>5.1} ({bytes_ratio:>4.2})  {:>5.0} ms \
                     ({scan_ratio:>4.2})  {:>6.2} ms ({:>5.2})  {:>6.1}",
                    cost.bytes,
                    scan * 1e3,
                    plan * 1e3,
                    plan / base.plan.as_secs_f64(),
                    cost.blocks,
                );
            };
            show("key an event", &base);
            for events in [64, 128, 256, 1000] {
                show(&format!("blocks of {events}"), &blocks(&steps, events, compression, table_kib * 1024));
            }
        }
    }
}
