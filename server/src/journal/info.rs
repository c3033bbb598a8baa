//! `eventring journal info`: what is in a journal, and why it takes the room that it takes.

use super::progress::Line;
use super::unusable;
use crate::cli::InfoArgs;
use crate::{console, exit};
use bytesize::ByteSize;
use eventring::hub::GapReason;
use eventring::journal::{JournalInfo, SqliteFiles};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Holes that are printed one by one.
const HOLES: usize = 10;

/// Looks, and prints what was found.
pub(super) fn run(args: &InfoArgs) -> ExitCode {
    let mut files = match SqliteFiles::open(&args.journal.data) {
        Ok(files) => files,
        Err(error) => return unusable(&error),
    };
    let mut line = Line::new("info");
    let info = files.info(&mut |at| line.show(at));
    line.finish();
    let info = match info {
        Ok(info) => info,
        Err(error) => return unusable(&error),
    };
    let written = match args.json {
        true => console::out(as_json(&files, &info)),
        false => console::out(text(&files, &info).join("\n")),
    };
    console::printed(written, exit::OK)
}

fn text(files: &SqliteFiles, info: &JournalInfo) -> Vec<String> {
    let offsets = files.offsets();
    let state = match (files.used_by(), info.clean) {
        (Some(pid), _) => format!("in use by process {pid}"),
        (None, true) => "closed in order".to_owned(),
        (None, false) => "not closed in order; the next start looks what is missing".to_owned(),
    };
    let mut lines = vec![
        format!("epoch:    {}", files.epoch()),
        format!("state:    {state}; schema {}", info.schema),
    ];
    match info.events == 0 {
        true => lines.push("events:   none".to_owned()),
        false => {
            lines.push(format!(
                "events:   {}, {} to {}, of {} to {}",
                info.events,
                info.first,
                offsets.end - 1,
                time(info.recorded_first),
                time(info.recorded_last),
            ));
            lines.push(format!(
                "          {} topics; {} streams, which {} of the events belong to",
                info.topics, info.streams, info.stream_events
            ));
        }
    }
    let others = info.event_bytes.saturating_sub(info.stream_bytes);
    lines.push(format!(
        "bytes:    {} of events in {} rows: {} kept for as long as retention says, about {} of streams",
        ByteSize(info.event_bytes),
        info.chunks,
        ByteSize(others),
        ByteSize(info.stream_bytes),
    ));
    if let Some(lowest) = info.holds.iter().min_by_key(|hold| hold.position) {
        lines.push(format!(
            "          {} of them are held, from event {} on by {}",
            ByteSize(info.held_bytes),
            lowest.position,
            lowest.name
        ));
    }
    if info.dead_bytes > 0 {
        lines.push(format!(
            "          about {} have gone, and wait for the scavenger",
            ByteSize(info.dead_bytes)
        ));
    }
    if info.floor > 0 {
        lines.push(format!(
            "floor:    {}, below which only events with a stream are left",
            info.floor
        ));
    }
    lines.push(format!(
        "          {} of indexes, names, state; {} free in the file; {} in the log of writes",
        ByteSize(info.index_bytes),
        ByteSize(info.free_bytes),
        ByteSize(info.wal_bytes),
    ));
    for hold in &info.holds {
        let set = time(hold.set_at);
        lines.push(format!(
            "hold:     {} from event {} on, set {set}",
            hold.name, hold.position
        ));
    }
    for (table, keys) in &info.state {
        lines.push(format!("state of: {table}: {keys}"));
    }
    for hole in info.holes.iter().rev().take(HOLES).rev() {
        lines.push(format!(
            "missing:  events {} to {}: {}",
            hole.range.start,
            hole.range.end.saturating_sub(1),
            GapReason::from(hole.reason).name()
        ));
    }
    if let Some(more) = info.holes.len().checked_sub(HOLES + 1) {
        lines.push(format!("missing:  {} ranges before these", more + 1));
    }
    lines
}

fn time(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => format!("{millis} ms"),
    }
}

fn as_json(files: &SqliteFiles, info: &JournalInfo) -> Value {
    let offsets = files.offsets();
    let state: serde_json::Map<String, Value> = info
        .state
        .iter()
        .map(|(table, keys)| (table.clone(), json!(keys)))
        .collect();
    let holds = info.holds.iter().map(
        |hold| json!({"name": hold.name, "position": hold.position, "set_at": time(hold.set_at)}),
    );
    let holes = info.holes.iter().map(|hole| {
        json!({
            "first": hole.range.start,
            "last": hole.range.end.saturating_sub(1),
            "reason": GapReason::from(hole.reason).name(),
        })
    });
    let is_empty = offsets.is_empty();
    json!({
        "epoch": files.epoch().to_string(),
        "schema": info.schema,
        "used_by": files.used_by(),
        "clean": info.clean,
        "first": (info.events > 0).then_some(info.first),
        "last": (!is_empty).then(|| offsets.end - 1),
        "recorded_first": (!is_empty).then(|| time(info.recorded_first)),
        "recorded_last": (!is_empty).then(|| time(info.recorded_last)),
        "events": info.events,
        "stream_events": info.stream_events,
        "floor": info.floor,
        "rows": info.chunks,
        "topics": info.topics,
        "streams": info.streams,
        "bytes": {
            "events": info.event_bytes,
            "streams": info.stream_bytes,
            "held": info.held_bytes,
            "dead": info.dead_bytes,
            "indexes": info.index_bytes,
            "free": info.free_bytes,
            "wal": info.wal_bytes,
        },
        "state": state,
        "holds": holds.collect::<Vec<_>>(),
        "missing": holes.collect::<Vec<_>>(),
    })
}
