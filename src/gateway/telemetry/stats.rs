//! `GET /api/v1/stats`: all figures as JSON, once or once a second.

use std::io::Write as _;

use crate::gateway::encode::notices::{GapReason, ResetReason};
use crate::gateway::telemetry::metrics::Refused;
use crate::gateway::telemetry::snapshot::Snapshot;
use crate::gateway::telemetry::topic_rates::{Count, TopicRates};
use crate::json::write_string;
use crate::reactor::{EndReason, LATENCY_BOUNDS_US};

/// Appends the figures as one JSON object. Counters only grow: whoever wants rates subtracts two.
pub(in crate::gateway) fn write_json(snapshot: &Snapshot, topics: &TopicRates, out: &mut Vec<u8>) {
    let Snapshot {
        hub,
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
        &[
            ("published", hub.published),
            ("earliest", hub.earliest),
            ("capacity", snapshot.capacity as u64),
            ("heap_bytes", hub.heap_bytes as u64),
            ("trimmed", hub.trimmed),
            ("delivered", reactor.delivered),
            ("replayed", metrics.replayed),
            ("bytes_sent", reactor.bytes_sent),
            ("sends", reactor.sends),
            ("connections", reactor.connections),
            ("accepted", reactor.accepted),
            ("streams", reactor.streams),
            ("watchers", reactor.watchers),
            ("catching_up", reactor.catching_up),
            ("blocked", reactor.blocked),
            ("lagging", reactor.lagging),
            ("lag_max", reactor.lag_max),
            ("stall_max_us", reactor.stall_max_us),
            (
                "reactor_lag",
                (hub.published + 1).saturating_sub(snapshot.fed),
            ),
            ("fell_behind", reactor.fell_behind),
            ("looked_back", reactor.looked_back),
            ("compressed_events", reactor.compressed_events),
            ("compressions", reactor.compressions),
            ("keyframes", reactor.keyframes),
            ("chains", reactor.chains),
        ],
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
        members(out, values);
        out.push(b'}');
    }
    let _ = write!(
        out,
        r#","latency":{{"bounds_us":{LATENCY_BOUNDS_US:?},"counts":{:?},"sum_us":{}}}"#,
        snapshot.latency.counts, snapshot.latency.sum_us
    );
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

fn members(out: &mut Vec<u8>, values: &[(&str, u64)]) {
    for (i, (name, value)) in values.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, r#"{comma}"{name}":{value}"#);
    }
}
