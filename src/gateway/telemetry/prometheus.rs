//! `GET /metrics`: all figures in the text format of Prometheus, version 0.0.4.
//!
//! `prometheus-client` writes the text. Nothing is registered with it beforehand and nothing is counted in its types: the
//! figures are plain numbers of the reactors' threads, and its atomics would be a second set of them, to be kept up to
//! date with each event. So [`MetricsCollector`] is made of a snapshot when somebody asks, and tells the encoder what is in it.
//! Label sets are fixed lists: no topic, peer or path is ever a label.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::gateway::callbacks::Callbacks;
use crate::gateway::encode::{GapReason, ResetReason};
use crate::gateway::http::route::RouteKind;
use crate::gateway::telemetry::journal::{JournalCondition, JournalSnapshot};
use crate::gateway::telemetry::metrics::{Refused, STATUS_CLASSES};
use crate::gateway::telemetry::snapshot::Snapshot;
use crate::gateway::telemetry::user_counters::UserCounters;
use crate::hub;
use crate::net::{EndReason, LATENCY_BOUNDS_US};

/// The format's content type.
///
/// Prometheus prefers OpenMetrics where it is offered, but asks for this one, too, as do all other scrapers; and in
/// OpenMetrics counters have other families' names than the ones that dashboards know.
pub(in crate::gateway) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The bytes of an answer, about.
const TEXT_BYTES: usize = 12 << 10;

/// The figures of one moment, and whatever is read only when somebody asks.
#[derive(Debug)]
pub(in crate::gateway) struct MetricsCollector {
    snapshot: Snapshot,
    counters: Arc<UserCounters>,
    callbacks: Arc<Callbacks>,
}

impl MetricsCollector {
    pub(in crate::gateway) fn new(
        snapshot: Snapshot,
        counters: &Arc<UserCounters>,
        callbacks: &Arc<Callbacks>,
    ) -> Self {
        Self {
            snapshot,
            counters: counters.clone(),
            callbacks: callbacks.clone(),
        }
    }

    /// Renders them, and calls the program's code for its counters.
    pub(in crate::gateway) fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::with_capacity(TEXT_BYTES);
        // Writing to a String cannot fail, and nothing else that is encoded here can.
        let done = prometheus_text::encode(&mut text, &registry);
        debug_assert!(done.is_ok(), "{done:?}");
        text
    }
}

impl Collector for MetricsCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let families = &mut Families(encoder);
        let snapshot = &self.snapshot;
        hub_families(families, snapshot)?;
        if let Some(read) = &snapshot.journal {
            journal(families, read)?;
        }
        delivery(families, snapshot)?;
        connections(families, snapshot)?;
        losses(families, snapshot)?;
        requests(families, snapshot)?;
        latency(families, snapshot)?;
        families.counter(
            "eventring_callback_panics_total",
            "Panics of the program's own code that the server called: each ended what it was called for.",
            self.callbacks.panics(),
        )?;
        // Last, so that ours stay where they are whatever a program adds.
        self.counters
            .read(|counter, now| families.counter(counter.name, counter.help, now))
    }
}

/// The encoder of families, one after the other.
struct Families<'e>(DescriptorEncoder<'e>);

impl Families<'_> {
    /// Begins a family of counters by the name that its series have.
    // The encoder appends `_total` to the name of whatever is a counter, so it is given the rest. A counter of the program
    // that has another name keeps it, because dashboards know it, and is without a type.
    fn counter_family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        match name.strip_suffix("_total") {
            Some(stem) => self
                .0
                .encode_descriptor(stem, help, None, MetricType::Counter),
            None => self
                .0
                .encode_descriptor(name, help, None, MetricType::Unknown),
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        count(&mut self.counter_family(name, help)?, value)
    }

    /// A family of counters with one label, and a series for each of its values.
    fn counters<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut family = self.counter_family(name, help)?;
        for (value, n) in values {
            count(&mut family.encode_family(&[(label, value)])?, n)?;
        }
        Ok(())
    }

    fn gauge_family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0
            .encode_descriptor(name, help, None, MetricType::Gauge)
    }

    /// A family of one distribution.
    fn histogram(&mut self, name: &str, help: &str, read: &hub::Histogram) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(read.sum, read.count, &read.buckets, None)
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauge_family(name, help)?.encode_gauge(&value)
    }
}

/// Writes a series of a counter.
fn count(series: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
    series.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn hub_families(families: &mut Families<'_>, snapshot: &Snapshot) -> fmt::Result {
    let Snapshot { hub, fed, .. } = snapshot;
    let version = env!("CARGO_PKG_VERSION");
    // The encoder appends `_info` to the name of whatever is an info.
    families
        .0
        .encode_descriptor(
            "eventring_build",
            "The version that runs.",
            None,
            MetricType::Info,
        )?
        .encode_info(&[("version", version)])?;
    if let Some(left) = snapshot.certificate_s {
        families.gauge(
            "eventring_tls_certificate_left_seconds",
            "Time until the server's certificate expires; negative: it has.",
            left,
        )?;
    }
    families.gauge(
        "eventring_uptime_seconds",
        "Time since the server was made.",
        snapshot.uptime.as_millis() as f64 / 1e3,
    )?;
    families.counter(
        "eventring_published_events_total",
        "Events published, over HTTP and in process.",
        hub.published,
    )?;
    families.gauge(
        "eventring_hub_head_offset",
        "Offset of the newest event.",
        hub.published,
    )?;
    families.gauge(
        "eventring_hub_earliest_offset",
        "Offset of the oldest event that is kept.",
        hub.earliest,
    )?;
    families.gauge(
        "eventring_hub_heap_bytes",
        "Bytes of events on the heap, beside the ring's slots.",
        hub.heap_bytes as u64,
    )?;
    families.counter(
        "eventring_hub_trimmed_events_total",
        "Events dropped before their time to keep to ring_bytes.",
        hub.trimmed,
    )?;
    families.gauge(
        "eventring_reactor_lag_events",
        "Events published that the reactor has not read yet.",
        (hub.published + 1).saturating_sub(*fed),
    )
}

fn journal(families: &mut Families<'_>, read: &JournalSnapshot) -> fmt::Result {
    let JournalSnapshot { stats, .. } = read;
    let mut states = families.gauge_family(
        "eventring_journal_state",
        "What the journal is able to do: 1 for the state that it is in.",
    )?;
    for state in JournalCondition::ALL {
        let is_it = u64::from(state == read.condition);
        let labels = [("state", state.name())];
        states.encode_family(&labels)?.encode_gauge(&is_it)?;
    }
    families.gauge(
        "eventring_journal_bytes",
        "Bytes on the disk in use, the log of writes included.",
        stats.bytes,
    )?;
    families.gauge(
        "eventring_journal_wal_bytes",
        "Bytes of the journal's log of writes.",
        stats.wal_bytes,
    )?;
    families.gauge(
        "eventring_journal_events",
        "Events that the journal has, about.",
        stats.events,
    )?;
    families.gauge(
        "eventring_journal_last_offset",
        "Offset of the last event that is committed.",
        stats.last,
    )?;
    families.gauge(
        "eventring_journal_oldest_offset",
        "Offset of the oldest event that the journal has.",
        stats.oldest,
    )?;
    families.gauge(
        "eventring_journal_oldest_age_seconds",
        "Time since that was taken.",
        read.oldest_age.as_secs_f64(),
    )?;
    families.gauge(
        "eventring_journal_in_flight_events",
        "Events that are published and not shown to readers yet.",
        read.in_flight,
    )?;
    families.gauge(
        "eventring_journal_in_flight_bytes",
        "Bytes of the records of those.",
        read.in_flight_bytes,
    )?;
    families.counter(
        "eventring_journal_commits_total",
        "Commits in this process.",
        stats.commits,
    )?;
    families.counter(
        "eventring_journal_flushes_total",
        "Flushes to the disk in this process.",
        stats.flushes,
    )?;
    families.counter(
        "eventring_journal_merges_total",
        "Times in this process that small rows were joined.",
        stats.merges,
    )?;
    families.counter(
        "eventring_journal_checkpoints_total",
        "Times in this process that the log of writes was copied into the database.",
        stats.checkpoints,
    )?;
    families.counter(
        "eventring_journal_damaged_total",
        "Chunks that were met in this process and cannot be read.",
        stats.damaged,
    )?;
    families.gauge(
        "eventring_journal_floor_offset",
        "What lies below it went by the bounds of the journal in all; 0: nothing has.",
        stats.floor,
    )?;
    families.counter(
        "eventring_journal_removed_events_total",
        "Events that retention, deletion and compaction have removed in this process.",
        stats.removed_events,
    )?;
    families.counter(
        "eventring_journal_removed_bytes_total",
        "Bytes of those.",
        stats.removed_bytes,
    )?;
    families.gauge(
        "eventring_journal_age_suspended",
        "1: the clock has jumped, and no event goes by its age until it was steady for an hour.",
        u64::from(stats.is_age_suspended),
    )?;
    families.counter(
        "eventring_journal_holds_cut_total",
        "Holds that were cut in this process, since they held for too long or too much.",
        stats.holds_cut,
    )?;
    families.counter(
        "eventring_journal_compaction_rows_total",
        "Rows that compaction has read in this process, beside reading each once when it was new.",
        stats.compaction_rows,
    )?;
    families.counter(
        "eventring_journal_compaction_parts_total",
        "Passes of compaction in this process over what is new alone, since a whole topic had cost too much.",
        stats.compaction_parts,
    )?;
    families.gauge(
        "eventring_journal_topics_not_taken",
        "Topics to whose bounds or key the journal does not keep, since it has too many such topics: they keep more.",
        read.topics_not_taken,
    )?;
    families.histogram(
        "eventring_journal_commit_seconds",
        "Time that a commit took.",
        &read.commit_seconds,
    )?;
    families.histogram(
        "eventring_journal_commit_events",
        "Events that a commit wrote.",
        &read.commit_events,
    )?;
    families.histogram(
        "eventring_journal_commit_bytes",
        "Bytes of records that a commit wrote.",
        &read.commit_bytes,
    )
}

fn delivery(families: &mut Families<'_>, snapshot: &Snapshot) -> fmt::Result {
    let Snapshot {
        reactor, metrics, ..
    } = snapshot;
    families.counters(
        "eventring_delivered_events_total",
        "Events sent to streams: live from a frame log (gaps that all readers share count too), or from history for who was behind.",
        "source",
        [("live", reactor.delivered), ("history", metrics.replayed)],
    )?;
    families.counter(
        "eventring_sent_bytes_total",
        "Bytes that sockets took, answers included.",
        reactor.bytes_sent,
    )?;
    families.counter(
        "eventring_sends_total",
        "Sends that sockets took, whole or in part.",
        reactor.sends,
    )
}

fn connections(families: &mut Families<'_>, snapshot: &Snapshot) -> fmt::Result {
    let Snapshot { reactor, .. } = snapshot;
    let live = reactor.streams.saturating_sub(reactor.catching_up);
    let rest = reactor.streams + reactor.watchers + reactor.closing;
    let mut states = families.gauge_family(
        "eventring_connections",
        "Open connections by what they do; catching_up and closing are up to a second old.",
    )?;
    for (state, connections) in [
        ("request", reactor.connections.saturating_sub(rest)),
        ("live", live),
        ("catching_up", reactor.catching_up),
        ("watching_stats", reactor.watchers),
        ("closing", reactor.closing),
    ] {
        let labels = [("state", state)];
        states.encode_family(&labels)?.encode_gauge(&connections)?;
    }
    families.counter(
        "eventring_connections_accepted_total",
        "Connections accepted.",
        reactor.accepted,
    )?;
    families.gauge(
        "eventring_unfinished_bytes",
        "Bytes of heads, bodies, lines and WebSocket messages that are begun and not whole, on all connections.",
        snapshot.unfinished_bytes as u64,
    )?;
    families.gauge(
        "eventring_unfinished_max_bytes",
        "How many of those bytes there may be (bodies_in_flight): what would be more is refused.",
        snapshot.unfinished_max_bytes as u64,
    )?;
    families.gauge(
        "eventring_streams_blocked",
        "Streams whose sockets take no more, up to a second old.",
        reactor.blocked,
    )?;
    families.gauge(
        "eventring_streams_lagging",
        "Streams that are behind and blocked or catching up, up to a second old.",
        reactor.lagging,
    )?;
    families.gauge(
        "eventring_stream_lag_events_max",
        "Events of all topics between the slowest stream and the newest event, up to a second old.",
        reactor.lag_max,
    )?;
    families.gauge(
        "eventring_stall_max_seconds",
        "Longest time for which streams had to wait for other work of their reactor, so far.",
        reactor.stall_max_us as f64 / 1e6,
    )
}

fn losses(families: &mut Families<'_>, snapshot: &Snapshot) -> fmt::Result {
    let Snapshot {
        reactor,
        metrics,
        notices,
        ..
    } = snapshot;
    families.counters(
        "eventring_gaps_total",
        "Gaps told to streams; overrun and oversize are shared, and count once for each wire form.",
        "reason",
        GapReason::ALL.map(|why| (why.name(), notices.gaps[why as usize])),
    )?;
    families.counters(
        "eventring_resets_total",
        "Streams that came with an id that means nothing here.",
        "reason",
        ResetReason::ALL.map(|why| (why.name(), notices.resets[why as usize])),
    )?;
    families.counter(
        "eventring_fell_behind_total",
        "Times a stream fell out of the frame log and went on from history.",
        reactor.fell_behind,
    )?;
    families.counter(
        "eventring_looked_back_total",
        "Events looked at for streams that read history, wanted or not.",
        reactor.looked_back,
    )?;
    families.counter(
        "eventring_compressed_events_total",
        "Events compressed for streams, once for each wire form.",
        reactor.compressed_events,
    )?;
    families.counter(
        "eventring_compressions_total",
        "Compressions of those, whatever the number of streams.",
        reactor.compressions,
    )?;
    families.counters(
        "eventring_streams_ended_total",
        "Streams that ended; stalled and half_sent were cut for being too slow.",
        "reason",
        EndReason::ALL.map(|why| (why.name(), metrics.ended[why as usize])),
    )
}

fn requests(families: &mut Families<'_>, snapshot: &Snapshot) -> fmt::Result {
    let Snapshot {
        reactor, metrics, ..
    } = snapshot;
    let mut answered = families.counter_family(
        "eventring_requests_total",
        "Requests answered, by route and class of status.",
    )?;
    for kind in RouteKind::ALL {
        for (class, status) in STATUS_CLASSES.iter().enumerate() {
            let labels = [("route", kind.name()), ("status", *status)];
            let requests = metrics.requests[kind as usize][class];
            count(&mut answered.encode_family(&labels)?, requests)?;
        }
    }
    let refused = |why: Refused| match why {
        Refused::Connections => reactor.refused,
        why => metrics.refused[why as usize],
    };
    families.counters(
        "eventring_refused_total",
        "Connections and requests refused.",
        "reason",
        Refused::ALL.map(|why| (why.name(), refused(why))),
    )
}

fn latency(families: &mut Families<'_>, snapshot: &Snapshot) -> fmt::Result {
    let latency = &snapshot.latency;
    let bounds = LATENCY_BOUNDS_US.iter().map(|us| *us as f64 / 1e6);
    // The encoder sums the buckets up; the last one is of whatever took longer than all bounds.
    let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(latency.counts).collect();
    let sum = latency.sum_us as f64 / 1e6;
    families
        .0
        .encode_descriptor(
            "eventring_publish_to_socket_seconds",
            "Time from a publish until all sockets that could take it had it; one measurement a batch, an upper bound while busy.",
            None,
            MetricType::Histogram,
        )?
        .encode_histogram::<NoLabelSet>(sum, latency.counts.iter().sum(), &buckets, None)
}
