//! The hub: what a program that publishes meets.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use eventring::Hub;
use eventring::hub::{Outcome, PublishOptions};
use eventring::journal::Durability;

use super::{Case, Context, case};
use crate::Result;
use crate::logs::open_journal;
use crate::measure::{Meter, Sample};

/// Batches that are under way at once.
const IN_FLIGHT: usize = 8;
const BATCH: usize = 64;
const CLIENTS: usize = 32;
/// Publishes between two looks at the clock where one takes less than that.
const BURST: u64 = 64;

pub fn cases() -> Vec<Case> {
    vec![
        case("1 durable, 1 event", "hub", true, |it| {
            one(it, Durability::Durable)
        }),
        case("2 durable, batch of 64", "hub, 8 in flight", true, |it| {
            in_flight(it, Durability::Durable)
        }),
        case("4 durable, 32 publishers", "hub", true, publishers),
        case("5 buffered, batch of 64", "hub, 8 in flight", true, |it| {
            in_flight(it, Durability::Buffered)
        }),
        case("6 none, 1 event", "hub without one", false, |it| {
            none(it, None)
        }),
        case("6 none, 1 event", "hub beside a journal", false, |it| {
            let dir = it.temp()?;
            none(it, Some(dir.path()))
        }),
    ]
}

fn hub(context: &Context, dir: &Path, durability: Durability) -> Result<Hub> {
    let journal = open_journal(dir, context.vfs)?;
    Ok(Hub::builder()
        .journal(journal)
        .durability(durability)
        .build()?)
}

/// One publisher that waits for each event.
fn one(context: &Context, durability: Durability) -> Result<Sample> {
    let dir = context.temp()?;
    let hub = hub(context, dir.path(), durability)?;
    let (mut meter, mut next) = (Meter::start(), 0);
    while meter.elapsed() < context.seconds {
        meter.time(1, || hub.publish(context.events.get(next)))?;
        next += 1;
    }
    Ok(meter.finish())
}

/// One publisher with several batches under way; the oldest is waited for before the next goes.
fn in_flight(context: &Context, durability: Durability) -> Result<Sample> {
    let dir = context.temp()?;
    let hub = hub(context, dir.path(), durability)?;
    let publisher = hub.publisher();
    let (options, batches) = (PublishOptions::default(), context.events.batches(BATCH));
    let mut under_way = VecDeque::new();
    let mut meter = Meter::start();
    let mut next = batches.iter().cycle();
    while meter.elapsed() < context.seconds {
        while under_way.len() < IN_FLIGHT {
            let batch = next.next().ok_or("no batches")?;
            under_way.push_back((Instant::now(), publisher.submit_batch(batch, &options)?));
        }
        let (begun, offsets) = under_way.pop_front().ok_or("nothing under way")?;
        match publisher.wait_outcome(offsets, None) {
            Outcome::Visible => meter.add(BATCH as u64, begun.elapsed()),
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(meter.finish())
}

/// Threads that wait for each of their events.
fn publishers(context: &Context) -> Result<Sample> {
    let dir = context.temp()?;
    let hub = hub(context, dir.path(), Durability::Durable)?;
    let start = Barrier::new(CLIENTS + 1);
    let mut meter = Meter::start();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let (begun, mut latencies) = (Instant::now(), Vec::new());
                    while begun.elapsed().as_secs_f64() < context.seconds {
                        let at = Instant::now();
                        hub.publish(context.events.get(latencies.len() as u64))?;
                        latencies.push(at.elapsed());
                    }
                    Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies)
                })
            })
            .collect();
        meter = Meter::start();
        start.wait();
        for thread in threads {
            let latencies = thread.join().map_err(|_| "a publisher panicked")??;
            meter.merge(latencies.len() as u64, latencies);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    Ok(meter.finish())
}

/// One publisher of events that nothing keeps.
fn none(context: &Context, dir: Option<&Path>) -> Result<Sample> {
    let hub = match dir {
        None => Hub::builder().build()?,
        Some(dir) => hub(context, dir, Durability::None)?,
    };
    let (mut meter, mut next) = (Meter::start(), 0);
    while meter.elapsed() < context.seconds {
        for _ in 0..BURST {
            meter.time(1, || hub.publish(context.events.get(next)))?;
            next += 1;
        }
    }
    Ok(meter.finish())
}
