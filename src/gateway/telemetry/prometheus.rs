//! `GET /metrics`: all figures in the text format of Prometheus, version 0.0.4.
//!
//! Written by hand: the figures are plain numbers of one thread, and a metrics library would keep them
//! a second time behind atomics and locks. Label sets are fixed lists: no topic, peer or path is ever
//! a label.

use std::fmt::{Display, Write as _};

use crate::gateway::encode::notices::{GapReason, ResetReason};
use crate::gateway::telemetry::callbacks::Callbacks;
use crate::gateway::telemetry::metrics::{Refused, RouteKind, STATUS_CLASSES};
use crate::gateway::telemetry::snapshot::Snapshot;
use crate::gateway::telemetry::user_counters::UserCounters;
use crate::reactor::{EndReason, LATENCY_BOUNDS_US};

/// The format's content type.
pub(in crate::gateway) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Appends one family after the other.
struct Text<'a>(&'a mut String);

impl Text<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (i, (label, value)) in labels.iter().enumerate() {
            let _ = write!(
                self.0,
                "{}{label}=\"{value}\"",
                if i == 0 { '{' } else { ',' }
            );
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// A family with one label and a sample for each of its values.
    fn labelled<'v>(
        &mut self,
        (name, kind, help): (&str, &str, &str),
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) {
        self.family(name, kind, help);
        for (value, n) in values {
            self.sample(name, &[(label, value)], n);
        }
    }
}

/// Renders a snapshot.
pub(in crate::gateway) fn render(
    snapshot: &Snapshot,
    (counters, callbacks): (&UserCounters, &Callbacks),
    out: &mut String,
) {
    let text = &mut Text(out);
    hub(text, snapshot);
    delivery(text, snapshot);
    connections(text, snapshot);
    losses(text, snapshot);
    requests(text, snapshot);
    latency(text, snapshot);
    text.single(
        "eventring_callback_panics_total",
        "counter",
        "Panics of the program's own code that the server called: each ended what it was called for.",
        callbacks.panics(),
    );
    counters.read(|counter, now| text.single(counter.name, "counter", counter.help, now));
}

fn hub(text: &mut Text<'_>, snapshot: &Snapshot) {
    let Snapshot { hub, fed, .. } = snapshot;
    let version = env!("CARGO_PKG_VERSION");
    text.family("eventring_build_info", "gauge", "The version that runs.");
    text.sample("eventring_build_info", &[("version", version)], 1);
    if let Some(left) = snapshot.certificate_s {
        let name = "eventring_tls_certificate_left_seconds";
        text.family(
            name,
            "gauge",
            "Time until the server's certificate expires; negative: it has.",
        );
        text.sample(name, &[], left);
    }
    text.family(
        "eventring_uptime_seconds",
        "gauge",
        "Time since the server was made.",
    );
    text.sample(
        "eventring_uptime_seconds",
        &[],
        format_args!("{:.3}", snapshot.uptime.as_secs_f64()),
    );
    text.single(
        "eventring_published_events_total",
        "counter",
        "Events published, over HTTP and in process.",
        hub.published,
    );
    text.single(
        "eventring_hub_head_offset",
        "gauge",
        "Offset of the newest event.",
        hub.published,
    );
    text.single(
        "eventring_hub_earliest_offset",
        "gauge",
        "Offset of the oldest event that is kept.",
        hub.earliest,
    );
    text.single(
        "eventring_hub_heap_bytes",
        "gauge",
        "Bytes of events on the heap, beside the ring's slots.",
        hub.heap_bytes as u64,
    );
    text.single(
        "eventring_hub_trimmed_events_total",
        "counter",
        "Events dropped before their time to keep to ring_bytes.",
        hub.trimmed,
    );
    text.single(
        "eventring_reactor_lag_events",
        "gauge",
        "Events published that the reactor has not read yet.",
        (hub.published + 1).saturating_sub(*fed),
    );
}

fn delivery(text: &mut Text<'_>, snapshot: &Snapshot) {
    let Snapshot {
        reactor, metrics, ..
    } = snapshot;
    text.labelled(
        (
            "eventring_delivered_events_total",
            "counter",
            "Events sent to streams: live from a frame log (gaps that all readers share count too), or from history for who was behind.",
        ),
        "source",
        [("live", reactor.delivered), ("history", metrics.replayed)],
    );
    text.single(
        "eventring_sent_bytes_total",
        "counter",
        "Bytes that sockets took, answers included.",
        reactor.bytes_sent,
    );
    text.single(
        "eventring_sends_total",
        "counter",
        "Sends that sockets took, whole or in part.",
        reactor.sends,
    );
}

fn connections(text: &mut Text<'_>, snapshot: &Snapshot) {
    let Snapshot { reactor, .. } = snapshot;
    let live = reactor.streams.saturating_sub(reactor.catching_up);
    let rest = reactor.streams + reactor.watchers + reactor.closing;
    text.labelled(
        (
            "eventring_connections",
            "gauge",
            "Open connections by what they do; catching_up and closing are up to a second old.",
        ),
        "state",
        [
            ("request", reactor.connections.saturating_sub(rest)),
            ("live", live),
            ("catching_up", reactor.catching_up),
            ("watching_stats", reactor.watchers),
            ("closing", reactor.closing),
        ],
    );
    text.single(
        "eventring_connections_accepted_total",
        "counter",
        "Connections accepted.",
        reactor.accepted,
    );
    let (unfinished, max) = snapshot.unfinished;
    text.single(
        "eventring_unfinished_bytes",
        "gauge",
        "Bytes of heads, bodies, lines and WebSocket messages that are begun and not whole, on all connections.",
        unfinished as u64,
    );
    text.single(
        "eventring_unfinished_max_bytes",
        "gauge",
        "How many of those bytes there may be (bodies_in_flight): what would be more is refused.",
        max as u64,
    );
    text.single(
        "eventring_streams_blocked",
        "gauge",
        "Streams whose sockets take no more, up to a second old.",
        reactor.blocked,
    );
    text.single(
        "eventring_streams_lagging",
        "gauge",
        "Streams that are behind and blocked or catching up, up to a second old.",
        reactor.lagging,
    );
    text.single(
        "eventring_stream_lag_events_max",
        "gauge",
        "Events of all topics between the slowest stream and the newest event, up to a second old.",
        reactor.lag_max,
    );
    text.family(
        "eventring_stall_max_seconds",
        "gauge",
        "Longest time for which streams had to wait for other work of their reactor, so far.",
    );
    text.sample(
        "eventring_stall_max_seconds",
        &[],
        format_args!("{:.6}", reactor.stall_max_us as f64 / 1e6),
    );
}

fn losses(text: &mut Text<'_>, snapshot: &Snapshot) {
    let Snapshot {
        reactor,
        metrics,
        notices,
        ..
    } = snapshot;
    text.labelled(
        (
            "eventring_gaps_total",
            "counter",
            "Gaps told to streams; overrun and oversize are shared, and count once for each wire form.",
        ),
        "reason",
        GapReason::ALL.map(|why| (why.name(), notices.gaps[why as usize])),
    );
    text.labelled(
        (
            "eventring_resets_total",
            "counter",
            "Streams that came with an id that means nothing here.",
        ),
        "reason",
        ResetReason::ALL.map(|why| (why.name(), notices.resets[why as usize])),
    );
    text.single(
        "eventring_fell_behind_total",
        "counter",
        "Times a stream fell out of the frame log and went on from history.",
        reactor.fell_behind,
    );
    text.single(
        "eventring_looked_back_total",
        "counter",
        "Events looked at for streams that read history, wanted or not.",
        reactor.looked_back,
    );
    text.single(
        "eventring_compressed_events_total",
        "counter",
        "Events compressed for streams, once for each wire form.",
        reactor.compressed_events,
    );
    text.single(
        "eventring_compressions_total",
        "counter",
        "Compressions of those, whatever the number of streams.",
        reactor.compressions,
    );
    text.labelled(
        (
            "eventring_streams_ended_total",
            "counter",
            "Streams that ended; stalled and half_sent were cut for being too slow.",
        ),
        "reason",
        EndReason::ALL.map(|why| (why.name(), metrics.ended[why as usize])),
    );
}

fn requests(text: &mut Text<'_>, snapshot: &Snapshot) {
    let Snapshot {
        reactor, metrics, ..
    } = snapshot;
    let name = "eventring_requests_total";
    text.family(
        name,
        "counter",
        "Requests answered, by route and class of status.",
    );
    for kind in RouteKind::ALL {
        for (class, status) in STATUS_CLASSES.iter().enumerate() {
            let labels = [("route", kind.name()), ("status", status)];
            text.sample(name, &labels, metrics.requests[kind as usize][class]);
        }
    }
    let refused = |why: Refused| match why {
        Refused::Connections => reactor.refused,
        why => metrics.refused[why as usize],
    };
    text.labelled(
        (
            "eventring_refused_total",
            "counter",
            "Connections and requests refused.",
        ),
        "reason",
        Refused::ALL.map(|why| (why.name(), refused(why))),
    );
}

fn latency(text: &mut Text<'_>, snapshot: &Snapshot) {
    let name = "eventring_publish_to_socket_seconds";
    text.family(
        name,
        "histogram",
        "Time from a publish until all sockets that could take it had it; one measurement a batch, an upper bound while busy.",
    );
    let bucket = format!("{name}_bucket");
    let mut sum = 0;
    for (count, bound) in snapshot.latency.counts.iter().zip(LATENCY_BOUNDS_US) {
        sum += count;
        let le = (bound as f64 / 1e6).to_string();
        text.sample(&bucket, &[("le", &le)], sum);
    }
    sum += snapshot.latency.counts.last().copied().unwrap_or_default();
    text.sample(&bucket, &[("le", "+Inf")], sum);
    let seconds = snapshot.latency.sum_us as f64 / 1e6;
    text.sample(&format!("{name}_sum"), &[], seconds);
    text.sample(&format!("{name}_count"), &[], sum);
}
