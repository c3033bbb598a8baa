//! Reading back, and what all of it takes up.

use super::{Case, Context, case};
use crate::Result;
use crate::events::Events;
use crate::logs::{Log, Ours, Raw, Schema};
use crate::measure::{Meter, Sample};
use crate::peers::{Fsync, Postgres, Redis};

pub(super) const EVENTS: u64 = 300_000;
/// Events of a commit while they are written.
pub(super) const SIZE: u64 = 512;
const SEEKS: usize = 2_000;

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("7 replay", "sqlite row", false, |it| {
            replay(it, &mut *raw(it)?.1)
        }),
        case("7 replay", "journal", false, |it| {
            replay(it, &mut *ours(it)?.1)
        }),
        case("7 replay", "redis always", false, redis),
        case("7 replay", "postgres", false, postgres),
        case("8 seek, cold", "sqlite row", false, |it| {
            seek(it, &mut *raw(it)?.1)
        }),
        case("8 seek, cold", "journal", false, |it| {
            seek(it, &mut *ours(it)?.1)
        }),
    ];
    for (row, topics) in [
        ("9 disk, 1 topic", 1),
        ("9 disk, 1,000 topics", 1_000),
        ("9 disk, 200,000 topics", 200_000),
    ] {
        cases.push(case(row, "record", false, move |_| {
            Ok(bytes(Events::new(topics).record_bytes()))
        }));
        cases.push(case(row, "journal", false, move |it| {
            let dir = it.temp()?;
            disk(topics, &mut Ours::open(dir.path(), false, None)?)
        }));
        cases.push(case(row, "sqlite row", false, move |it| {
            let dir = it.temp()?;
            disk(
                topics,
                &mut Raw::open(dir.path(), Schema::Row, false, None)?,
            )
        }));
        cases.push(case(row, "sqlite topic index", false, move |it| {
            let dir = it.temp()?;
            disk(
                topics,
                &mut Raw::open(dir.path(), Schema::TopicIndex, false, None)?,
            )
        }));
    }
    cases
}

/// The directory outlives the log in it.
type Kept = (tempfile::TempDir, Box<dyn Log>);

fn raw(context: &Context) -> Result<Kept> {
    let dir = context.temp()?;
    let log = Raw::open(dir.path(), Schema::Row, false, None)?;
    Ok((dir, Box::new(log)))
}

fn ours(context: &Context) -> Result<Kept> {
    let dir = context.temp()?;
    let log = Ours::open(dir.path(), false, None)?;
    Ok((dir, Box::new(log)))
}

fn fill(events: &Events, log: &mut dyn Log) -> Result<u64> {
    for first in (0..EVENTS).step_by(SIZE as usize) {
        log.append(events, first, SIZE.min(EVENTS - first))?;
    }
    log.settle()
}

fn replay(context: &Context, log: &mut dyn Log) -> Result<Sample> {
    replay_of(&context.events, log)
}

pub(super) fn replay_of(events: &Events, log: &mut dyn Log) -> Result<Sample> {
    fill(events, log)?;
    log.cool()?;
    let mut meter = Meter::start();
    let found = meter.time(EVENTS, || log.replay())?;
    whole(found)?;
    Ok(meter.finish())
}

fn seek(context: &Context, log: &mut dyn Log) -> Result<Sample> {
    seek_in(&context.events, log)
}

pub(super) fn seek_in(events: &Events, log: &mut dyn Log) -> Result<Sample> {
    fill(events, log)?;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut meter = Meter::start();
    for seek in 0..SEEKS {
        // A reader that begins knows nothing; the next few of its looks are still near to that.
        if seek % 20 == 0 {
            log.cool()?;
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let number = random % EVENTS;
        let found = meter.time(1, || log.get(number))?;
        if found != events.record(number) {
            return Err(format!("{number} is another event").into());
        }
    }
    Ok(meter.finish())
}

fn disk(topics: usize, log: &mut dyn Log) -> Result<Sample> {
    let used = fill(&Events::new(topics), log)?;
    Ok(bytes(used as f64 / EVENTS as f64))
}

fn bytes(bytes_per_event: f64) -> Sample {
    Sample {
        bytes_per_event,
        ..Sample::default()
    }
}

fn redis(context: &Context) -> Result<Sample> {
    // How it was written does not matter to who reads.
    let mut redis = Redis::start(&context.redis, &context.dir, Fsync::EverySecond)?;
    let mut client = redis.client()?;
    for first in (0..EVENTS).step_by(SIZE as usize) {
        client.add(&context.events, first, SIZE.min(EVENTS - first))?;
    }
    redis.server.begin()?;
    let mut meter = Meter::start();
    whole(meter.time(EVENTS, || client.replay())?)?;
    Ok(meter.finish_with(redis.server.cpu()?))
}

fn postgres(context: &Context) -> Result<Sample> {
    let folder = context.postgres.as_deref().ok_or("no folder is named")?;
    let postgres = Postgres::start(folder, &context.dir)?;
    let mut client = postgres.client()?;
    client.prepare()?;
    for first in (0..EVENTS).step_by(SIZE as usize) {
        client.add(&context.events, first, SIZE.min(EVENTS - first))?;
    }
    let mut meter = Meter::start();
    whole(meter.time(EVENTS, || client.replay())?)?;
    Ok(meter.finish())
}

fn whole(found: u64) -> Result<()> {
    match found == EVENTS {
        true => Ok(()),
        false => Err(format!("{found} of {EVENTS} events").into()),
    }
}
