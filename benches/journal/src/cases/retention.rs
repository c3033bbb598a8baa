//! Publishing while retention deletes as fast as events come, and what that leaves on the disk.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::time::Instant;

use eventring::Hub;
use eventring::hub::{Outcome, PublishOptions};
use eventring::journal::{Durability, Retention};

use super::{Case, Context, case};
use crate::Result;
use crate::logs::open_bounded;
use crate::measure::{Meter, Sample};

/// The bound, and what is there before anything is measured.
const BOUND: u64 = 256 << 20;
const IN_FLIGHT: usize = 8;
const BATCH: usize = 64;

const PUBLISHING: &str = "14 publishing, full to the bound";
const DISK: &str = "15 disk, full to the bound";

pub fn cases() -> Vec<Case> {
    vec![
        case(PUBLISHING, "hub, no bound", true, |it| {
            publishing(it, None).map(|(sample, _)| sample)
        }),
        case(PUBLISHING, "hub, deletes", true, |it| {
            publishing(it, Some(BOUND)).map(|(sample, _)| sample)
        }),
        case(DISK, "bound", true, |_| Ok(on_disk(BOUND))),
        case(DISK, "hub, deletes", true, |it| {
            publishing(it, Some(BOUND)).map(|(_, bytes)| on_disk(bytes))
        }),
    ]
}

/// Bytes of the whole directory stand where other rows have those of an event.
fn on_disk(bytes: u64) -> Sample {
    Sample {
        bytes_per_event: bytes as f64,
        ..Sample::default()
    }
}

/// Returns what publishing costs, and the most that the directory had.
fn publishing(context: &Context, bytes: Option<u64>) -> Result<(Sample, u64)> {
    let dir = context.temp()?;
    let bounds = Retention::default().bytes(bytes);
    let journal = open_bounded(dir.path(), context.vfs, bounds)?;
    let hub = Hub::builder().journal(journal);
    let hub = hub.durability(Durability::Durable).build()?;
    let journal = hub.journal().ok_or("no journal")?;
    let publisher = hub.publisher();
    let (options, batches) = (PublishOptions::default(), context.events.batches(BATCH));
    let mut next = batches.iter().cycle();
    let mut under_way = VecDeque::new();
    let mut publish = |meter: Option<&mut Meter>| {
        while under_way.len() < IN_FLIGHT {
            let batch = next.next().ok_or("no batches")?;
            under_way.push_back((Instant::now(), publisher.submit_batch(batch, &options)?));
        }
        let (begun, offsets) = under_way.pop_front().ok_or("nothing under way")?;
        match publisher.wait_outcome(offsets, None) {
            Outcome::Visible => {}
            other => return Err(format!("{other:?}").into()),
        }
        if let Some(meter) = meter {
            meter.add(BATCH as u64, begun.elapsed());
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    let is_full = || {
        let stats = journal.stats();
        stats.removed_events > 0 || bytes.is_none() && stats.bytes > BOUND
    };
    while !is_full() {
        publish(None)?;
    }
    let (mut meter, mut most, mut looked) = (Meter::start(), 0, 0.0);
    while meter.elapsed() < context.seconds {
        publish(Some(&mut meter))?;
        if meter.elapsed() - looked > 0.1 {
            looked = meter.elapsed();
            most = most.max(directory_bytes(dir.path())?);
        }
    }
    Ok((meter.finish(), most))
}

fn directory_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
