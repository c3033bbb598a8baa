//! One writer that commits one run of events after the other.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use super::{Case, Context, case};
use crate::Result;
use crate::logs::{Log, Ours, Raw, Schema};
use crate::measure::{Meter, Sample};
use crate::peers::{Fsync, Nats, Redis, Store};

/// Commits before it counts.
const WARM_UP: u64 = 20;
const CLIENTS: usize = 32;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes = [
        ("1 durable, 1 event", 1),
        ("2 durable, batch of 64", 64),
        ("3 durable, batch of 512", 512),
    ];
    for (row, size) in sizes {
        cases.push(case(row, "sqlite row", true, move |it| {
            raw(it, Schema::Row, size, true)
        }));
        cases.push(case(row, "sqlite topic index", true, move |it| {
            raw(it, Schema::TopicIndex, size, true)
        }));
        cases.push(case(row, "journal", true, move |it| ours(it, size, true)));
        cases.push(case(row, "redis always", false, move |it| {
            redis(it, Fsync::Always, size)
        }));
        cases.push(case(row, "nats always", false, move |it| {
            nats(it, Store::Always, size)
        }));
    }
    cases.push(case(
        "4 durable, 32 publishers",
        "redis always",
        false,
        redis_clients,
    ));
    let row = "5 buffered, batch of 64";
    cases.push(case(row, "sqlite row", true, |it| {
        raw(it, Schema::Row, 64, false)
    }));
    cases.push(case(row, "journal", true, |it| ours(it, 64, false)));
    cases.push(case(row, "redis everysec", false, |it| {
        redis(it, Fsync::EverySecond, 64)
    }));
    cases.push(case(row, "nats default", false, |it| {
        nats(it, Store::Default, 64)
    }));
    cases
}

fn raw(context: &Context, schema: Schema, size: u64, flush: bool) -> Result<Sample> {
    let dir = context.temp()?;
    commits(
        context,
        &mut Raw::open(dir.path(), schema, flush, context.vfs)?,
        size,
    )
}

fn ours(context: &Context, size: u64, flush: bool) -> Result<Sample> {
    let dir = context.temp()?;
    commits(
        context,
        &mut Ours::open(dir.path(), flush, context.vfs)?,
        size,
    )
}

fn commits(context: &Context, log: &mut dyn Log, size: u64) -> Result<Sample> {
    run(context, size, &mut |first| {
        log.append(&context.events, first, size)
    })
}

/// Calls with the number of the next event, for as long as a run takes.
fn run(context: &Context, size: u64, call: &mut dyn FnMut(u64) -> Result<()>) -> Result<Sample> {
    let meter = time(context, size, call)?;
    Ok(meter.finish())
}

fn time(context: &Context, size: u64, call: &mut dyn FnMut(u64) -> Result<()>) -> Result<Meter> {
    let mut next = 0;
    for _ in 0..WARM_UP {
        call(next)?;
        next += size;
    }
    let mut meter = Meter::start();
    while meter.elapsed() < context.seconds {
        meter.time(size, || call(next))?;
        next += size;
    }
    Ok(meter)
}

fn redis(context: &Context, fsync: Fsync, size: u64) -> Result<Sample> {
    let mut redis = Redis::start(&context.redis, &context.dir, fsync)?;
    let mut client = redis.client()?;
    redis.server.begin()?;
    let meter = time(context, size, &mut |first| {
        client.add(&context.events, first, size)
    })?;
    Ok(meter.finish_with(redis.server.cpu()?))
}

fn nats(context: &Context, store: Store, size: u64) -> Result<Sample> {
    let program = context.nats.as_deref().ok_or("no program is named")?;
    let mut nats = Nats::start(program, &context.dir, store)?;
    let mut client = nats.client()?;
    nats.server.begin()?;
    let meter = time(context, size, &mut |first| {
        client.add(&context.events, first, size)
    })?;
    Ok(meter.finish_with(nats.server.cpu()?))
}

/// Connections that have one event under way each.
fn redis_clients(context: &Context) -> Result<Sample> {
    let mut redis = Redis::start(&context.redis, &context.dir, Fsync::Always)?;
    let clients: Result<Vec<_>> = (0..CLIENTS).map(|_| redis.client()).collect();
    redis.server.begin()?;
    let start = Barrier::new(CLIENTS + 1);
    let mut meter = Meter::start();
    thread::scope(|scope| {
        let threads: Vec<_> = clients?
            .into_iter()
            .map(|mut client| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let (begun, mut latencies) = (Instant::now(), Vec::new());
                    while begun.elapsed().as_secs_f64() < context.seconds {
                        let at = Instant::now();
                        client.add(&context.events, latencies.len() as u64, 1)?;
                        latencies.push(at.elapsed());
                    }
                    Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies)
                })
            })
            .collect();
        meter = Meter::start();
        start.wait();
        for thread in threads {
            let latencies = thread.join().map_err(|_| "a client panicked")??;
            meter.merge(latencies.len() as u64, latencies);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    Ok(meter.finish_with(redis.server.cpu()?))
}
