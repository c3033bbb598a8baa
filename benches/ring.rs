//! Our own ring by itself, for changes to it: `cargo bench --bench ring`. `benches/compare` has the peers.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventring::ring::{self, Builder, Overflow, Start, WaitStrategy};
use std::hint::black_box;
use std::thread;

const CAPACITY: usize = 1024;
const BURST: u64 = 64;

fn publishing(c: &mut Criterion) {
    let mut group = c.benchmark_group("publish");
    group.throughput(Throughput::Elements(1));
    let (mut publisher, _ring) = ring::channel::<u64>(CAPACITY).unwrap();
    group.bench_function("one", |b| b.iter(|| publisher.publish(black_box(1))));
    let (shared, _ring) = Builder::new(CAPACITY).build_shared::<u64>().unwrap();
    group.bench_function("shared", |b| b.iter(|| shared.publish(black_box(1))));
    let (mut strings, _ring) = ring::channel::<String>(CAPACITY).unwrap();
    group.bench_function("reused", |b| {
        b.iter(|| {
            strings.publish_with(|slot| {
                slot.fill_with(String::new, |text| {
                    text.clear();
                    text.push_str(black_box(
                        "sixty-four bytes of text, or at least as many as fit here.",
                    ));
                })
            })
        });
    });
    group.throughput(Throughput::Elements(16));
    group.bench_function("batch of 16", |b| {
        b.iter(|| publisher.publish_batch_with(16, |at, slot| slot.set(at as u64)));
    });
}

fn bursts(c: &mut Criterion) {
    let mut group = c.benchmark_group("burst of 64");
    for cursors in [1, 64, 1000] {
        group.throughput(Throughput::Elements(BURST * cursors));
        for gated in [false, true] {
            let builder = Builder::new(CAPACITY).overflow(Overflow::Reject);
            let (mut publisher, ring) = builder.build::<u64>().unwrap();
            let mut readers = if gated {
                ring.group_gated().unwrap()
            } else {
                ring.group().unwrap()
            };
            for _ in 0..cursors {
                readers.add(Start::Newest).unwrap();
            }
            let name = if gated { "gated" } else { "lossy" };
            group.bench_function(format!("{name}, {cursors} cursors"), |b| {
                b.iter(|| {
                    for value in 0..BURST {
                        publisher.publish(value).unwrap();
                    }
                    let mut sum = 0;
                    readers.drain(usize::MAX, |_, _, values| sum += values.iter().sum::<u64>());
                    sum
                });
            });
        }
    }
}

fn receiving(c: &mut Criterion) {
    let mut group = c.benchmark_group("one value");
    group.throughput(Throughput::Elements(1));
    for gated in [false, true] {
        let builder = Builder::new(CAPACITY).overflow(Overflow::Reject);
        let (mut publisher, ring) = builder.build::<u64>().unwrap();
        let mut reader = if gated {
            ring.subscribe_gated(Start::Newest).unwrap()
        } else {
            ring.subscribe(Start::Newest).unwrap()
        };
        let name = if gated { "gated" } else { "lossy" };
        group.bench_function(name, |b| {
            b.iter(|| {
                publisher.publish(1).unwrap();
                *reader.try_recv().unwrap()
            });
        });
    }
}

/// A value there and one back, as each wait strategy waits for it. The echo's thread is told to end by closing.
fn waiting(c: &mut Criterion) {
    let mut group = c.benchmark_group("round trip");
    let strategies = [
        WaitStrategy::BusySpin,
        WaitStrategy::Yield,
        WaitStrategy::Park,
    ];
    for strategy in strategies {
        let builder = Builder::new(CAPACITY).wait_strategy(strategy);
        let (mut there, ring) = builder.build::<u64>().unwrap();
        let mut asked = ring.subscribe(Start::Newest).unwrap();
        let (mut back, ring) = builder.build::<u64>().unwrap();
        let mut answers = ring.subscribe(Start::Newest).unwrap();
        let echo = thread::spawn(move || {
            while let Ok(value) = asked.recv().map(|value| *value) {
                back.publish(value).unwrap();
            }
        });
        group.bench_function(format!("{strategy:?}"), |b| {
            b.iter(|| {
                there.publish(1).unwrap();
                *answers.recv().unwrap()
            });
        });
        there.close();
        echo.join().unwrap();
    }
}

criterion_group!(benches, publishing, bursts, receiving, waiting);
criterion_main!(benches);
