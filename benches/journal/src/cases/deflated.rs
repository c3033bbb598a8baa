//! Events that are JSON, kept as they are and deflated: the bytes, and what they cost the writer and readers.

use super::reads::{EVENTS, SIZE, replay_of, seek_in};
use super::{Case, Context, TOPICS, case};
use crate::Result;
use crate::events::Events;
use crate::logs::{Log, Ours};
use crate::measure::{Meter, Sample};

/// What is measured of a journal of such events.
type Run = fn(&Events, &mut dyn Log) -> Result<Sample>;

pub fn cases() -> Vec<Case> {
    let rows: [(&str, Run); 3] = [
        ("11 JSON, written and merged", write),
        ("12 JSON, replay", replay_of),
        ("13 JSON, seek, cold", seek_in),
    ];
    let mut cases = Vec::new();
    for (row, run) in rows {
        cases.push(case(row, "journal", false, move |it| {
            let dir = it.temp()?;
            run(
                &Events::orders(TOPICS),
                &mut Ours::open(dir.path(), false, None)?,
            )
        }));
        cases.push(case(
            row,
            "journal, deflated",
            false,
            move |it: &Context| {
                let dir = it.temp()?;
                run(&Events::orders(TOPICS), &mut Ours::deflated(dir.path())?)
            },
        ));
    }
    cases
}

/// Writes all of them, until there is nothing more to merge or to deflate.
fn write(events: &Events, log: &mut dyn Log) -> Result<Sample> {
    let mut meter = Meter::start();
    for first in (0..EVENTS).step_by(SIZE as usize) {
        let count = SIZE.min(EVENTS - first);
        meter.time(count, || log.append(events, first, count))?;
    }
    let used = log.settle()?;
    let mut sample = meter.finish();
    sample.bytes_per_event = used as f64 / EVENTS as f64;
    Ok(sample)
}
