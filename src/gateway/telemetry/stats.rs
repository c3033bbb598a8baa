//! `GET /api/v1/stats`: all figures as JSON, once or once a second.

use std::io::Write as _;

use crate::gateway::encode::{GapReason, ResetReason};
use crate::gateway::telemetry::metrics::Refused;
use crate::gateway::telemetry::snapshot::Snapshot;
use crate::gateway::telemetry::topic_rates::{Count, TopicRates};
use crate::json::write_string;
use crate::net::{EndReason, LATENCY_BOUNDS_US};

/// Reads a number off a snapshot.
type ReadNumber = fn(&Snapshot) -> u64;

/// The plain numbers, in the order in which they are written.
pub(in crate::gateway) const NUMBERS: [(&str, ReadNumber); 25] = [
    ("published", |s| s.hub.published),
    ("earliest", |s| s.hub.earliest),
    ("capacity", |s| s.capacity as u64),
    ("heap_bytes", |s| s.hub.heap_bytes as u64),
    ("trimmed", |s| s.hub.trimmed),
    ("delivered", |s| s.reactor.delivered),
    ("replayed", |s| s.metrics.replayed),
    ("bytes_sent", |s| s.reactor.bytes_sent),
    ("sends", |s| s.reactor.sends),
    ("connections", |s| s.reactor.connections),
    ("accepted", |s| s.reactor.accepted),
    ("streams", |s| s.reactor.streams),
    ("watchers", |s| s.reactor.watchers),
    ("catching_up", |s| s.reactor.catching_up),
    ("blocked", |s| s.reactor.blocked),
    ("lagging", |s| s.reactor.lagging),
    ("lag_max", |s| s.reactor.lag_max),
    ("stall_max_us", |s| s.reactor.stall_max_us),
    ("reactor_lag", |s| {
        (s.hub.published + 1).saturating_sub(s.fed)
    }),
    ("fell_behind", |s| s.reactor.fell_behind),
    ("looked_back", |s| s.reactor.looked_back),
    ("compressed_events", |s| s.reactor.compressed_events),
    ("compressions", |s| s.reactor.compressions),
    ("keyframes", |s| s.reactor.keyframes),
    ("chains", |s| s.reactor.chains),
];

/// The names of counters by reason, and the reasons.
pub(in crate::gateway) fn groups() -> [(&'static str, Vec<&'static str>); 4] {
    [
        ("gaps", GapReason::ALL.map(GapReason::name).to_vec()),
        ("resets", ResetReason::ALL.map(ResetReason::name).to_vec()),
        ("ended", EndReason::ALL.map(EndReason::name).to_vec()),
        ("refused", Refused::ALL.map(Refused::name).to_vec()),
    ]
}

/// Appends the figures as one JSON object. Counters only grow: whoever wants rates subtracts two.
pub(in crate::gateway) fn write_json(snapshot: &Snapshot, topics: &TopicRates, out: &mut Vec<u8>) {
    let Snapshot {
        reactor,
        metrics,
        notices,
        ..
    } = snapshot;
    let name = env!("CARGO_PKG_VERSION");
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        r#"{{"version":"{name}","uptime_ms":{},"epoch":"{}","position":"{}","#,
        snapshot.uptime.as_millis(),
        snapshot.head.epoch,
        snapshot.head,
    );
    members(
        out,
        NUMBERS.iter().map(|(name, read)| (*name, read(snapshot))),
    );
    let gaps = GapReason::ALL.map(|why| (why.name(), notices.gaps[why as usize]));
    let resets = ResetReason::ALL.map(|why| (why.name(), notices.resets[why as usize]));
    let ended = EndReason::ALL.map(|why| (why.name(), metrics.ended[why as usize]));
    let refused = Refused::ALL.map(|why| match why {
        Refused::Connections => (why.name(), reactor.refused),
        why => (why.name(), metrics.refused[why as usize]),
    });
    for (name, values) in [
        ("gaps", &gaps[..]),
        ("resets", &resets),
        ("ended", &ended),
        ("refused", &refused),
    ] {
        let _ = write!(out, r#","{name}":{{"#);
        members(out, values.iter().copied());
        out.push(b'}');
    }
    let _ = write!(
        out,
        r#","latency":{{"bounds_us":{LATENCY_BOUNDS_US:?},"counts":{:?},"sum_us":{}}}"#,
        snapshot.latency.counts, snapshot.latency.sum_us
    );
    out.extend_from_slice(br#","journal":"#);
    match &snapshot.journal {
        Some(journal) => journal.write_json(out),
        None => out.extend_from_slice(b"null"),
    }
    write_topics(topics, out);
    out.push(b'}');
}

fn write_topics(topics: &TopicRates, out: &mut Vec<u8>) {
    let (top, other) = topics.top();
    out.extend_from_slice(br#","topics":["#);
    for (i, (topic, count)) in top.iter().enumerate() {
        out.extend_from_slice(if i == 0 {
            br#"{"topic":"#
        } else {
            br#",{"topic":"#
        });
        write_string(out, topic);
        write_count(count, out);
    }
    out.extend_from_slice(br#"],"other_topics":{"watched":"#);
    let _ = write!(out, "{}", topics.is_watched());
    write_count(&other, out);
}

fn write_count(count: &Count, out: &mut Vec<u8>) {
    let _ = write!(
        out,
        r#","events":{},"bytes":{}}}"#,
        count.events, count.bytes
    );
}

fn members<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = (&'a str, u64)>) {
    for (i, (name, value)) in values.enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, r#"{comma}"{name}":{value}"#);
    }
}
