//! The state of what one reactor's gateway counts and logs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::event::Position;
use crate::fanout;
use crate::gateway::delivery::{ServerStats, StreamEnd};
use crate::gateway::encode::NoticeCounts;
use crate::gateway::http::route::RouteKind;
use crate::gateway::telemetry::aggregate::{Aggregate, ReactorCounts};
use crate::gateway::telemetry::journal::{JournalSnapshot, JournalWatch};
use crate::gateway::telemetry::log::{self, RefusalLog};
use crate::gateway::telemetry::metrics::{Metrics, Refused};
use crate::gateway::telemetry::snapshot::Snapshot;
use crate::gateway::telemetry::stats;
use crate::gateway::telemetry::topic_rates::TopicRates;
use crate::hub::Hub;
use crate::net::{Handle, Tls};
use crate::wire::sse;

/// The counters of one reactor's gateway, and what it needs to show them with those of all others.
pub(in crate::gateway) struct Telemetry {
    hub: Hub,
    reactor: Handle,
    fanouts: Arc<fanout::Shared>,
    aggregate: Arc<Aggregate>,
    tls: Option<Tls>,
    started: Instant,
    metrics: Metrics,
    topic_rates: TopicRates,
    refusals: RefusalLog,
    journal: JournalWatch,
    /// The second of the last look at it.
    looked_at: u32,
}

/// The figures that other rooms keep, as they are now.
#[derive(Clone, Copy)]
pub(in crate::gateway) struct Progress<'a> {
    /// The notices that streams got.
    pub(in crate::gateway) notices: &'a NoticeCounts,
    /// The first offset that is not in the frame logs.
    pub(in crate::gateway) fed: u64,
    /// `true` where any stream wants events.
    pub(in crate::gateway) has_classes: bool,
}

impl Telemetry {
    pub(in crate::gateway) fn new(
        hub: &Hub,
        reactor: &Handle,
        fanouts: Arc<fanout::Shared>,
        aggregate: Arc<Aggregate>,
        tls: Option<Tls>,
    ) -> Self {
        Self {
            hub: hub.clone(),
            reactor: reactor.clone(),
            fanouts,
            aggregate,
            tls,
            started: Instant::now(),
            metrics: Metrics::default(),
            topic_rates: TopicRates::default(),
            refusals: RefusalLog::default(),
            journal: JournalWatch::default(),
            looked_at: 0,
        }
    }

    /// Looks after what is to be said in the log, once a second, which the reactor counts.
    pub(in crate::gateway) fn begin_turn(&mut self, second: u32) {
        // One of all reactors says it.
        if self.reactor.reactor() == 0 && self.looked_at != second {
            self.looked_at = second;
            self.journal.look(&self.hub);
        }
    }

    /// Counts the answer to a request.
    pub(in crate::gateway) fn answered(&mut self, kind: RouteKind, status: u16) {
        self.metrics.answered(kind, status);
    }

    /// Counts a refusal and warns of it.
    pub(in crate::gateway) fn refused(
        &mut self,
        why: Refused,
        peer: Option<SocketAddr>,
        detail: &str,
    ) {
        self.metrics.refused(why);
        self.refusals.warn(why, peer, detail);
    }

    /// Counts a request that was answered with a problem, and what it was refused for, if it was.
    pub(in crate::gateway) fn problem_answered(
        &mut self,
        kind: RouteKind,
        peer: Option<SocketAddr>,
        status: u16,
        detail: &str,
    ) {
        self.metrics.answered(kind, status);
        let why = match status {
            401 | 403 => Refused::Denied,
            413 => Refused::TooLarge,
            503 => Refused::Unavailable,
            // A client's mistake, which it learns from its answer: nothing that the operator has to act on.
            _ => return,
        };
        self.refused(why, peer, detail);
    }

    /// Counts the end of a stream and logs it.
    pub(in crate::gateway) fn stream_ended(&mut self, end: &StreamEnd<'_>) {
        self.metrics.ended(end.reason);
        log::stream_ended(end);
    }

    /// Counts events encoded for connections that catch up.
    pub(in crate::gateway) fn replayed(&mut self, events: u64) {
        self.metrics.replayed += events;
    }

    pub(in crate::gateway) fn topic_rates(&self) -> &TopicRates {
        &self.topic_rates
    }

    pub(in crate::gateway) fn topic_rates_mut(&mut self) -> &mut TopicRates {
        &mut self.topic_rates
    }

    /// Returns whether nobody needs events to be read: no stream, and nobody who watches topics.
    pub(in crate::gateway) fn is_idle(&self, has_classes: bool) -> bool {
        !has_classes && !self.topic_rates.is_watched()
    }

    /// Puts the counts where other reactors find them, if there are any.
    pub(in crate::gateway) fn share(&self, progress: Progress<'_>) {
        // Counters are plain numbers of one thread, so they are copied, once a turn, and only where somebody else adds
        // them up.
        if self.aggregate.are_shared() {
            let counts = self.counts(progress);
            self.aggregate.put(self.reactor.reactor(), counts);
        }
    }

    fn counts(&self, progress: Progress<'_>) -> ReactorCounts {
        ReactorCounts {
            // Plain arrays: a copy, without the heap.
            metrics: self.metrics.clone(),
            notices: progress.notices.clone(),
            // A reactor that reads nothing is not behind.
            fed: (!self.is_idle(progress.has_classes)).then_some(progress.fed),
        }
    }

    /// Returns all figures of this moment, those of other reactors as of the end of their last turn.
    pub(in crate::gateway) fn snapshot(&self, progress: Progress<'_>) -> Snapshot {
        let own = self.counts(progress);
        let all = self.aggregate.sum(self.reactor.reactor(), own);
        // Of all reactors already: its atomics are shared.
        let unfinished = self.reactor.unfinished();
        Snapshot {
            uptime: self.started.elapsed(),
            head: Position {
                epoch: self.hub.epoch(),
                offset: self.hub.visible(),
            },
            capacity: self.hub.capacity(),
            fed: all.fed.unwrap_or(progress.fed),
            hub: self.hub.stats(),
            reactor: ServerStats::of(self.reactor.stats(), self.fanouts.stats()),
            latency: self.reactor.latency(),
            metrics: all.metrics,
            notices: all.notices,
            unfinished_bytes: unfinished.bytes(),
            unfinished_max_bytes: unfinished.max(),
            journal: JournalSnapshot::of(&self.hub),
            certificate_s: self.tls.as_ref().and_then(Tls::seconds_left),
        }
    }

    /// Appends the figures as an event of the stream of statistics.
    pub(in crate::gateway) fn write_tick(&self, progress: Progress<'_>, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(4 << 10);
        stats::write_json(&self.snapshot(progress), &self.topic_rates, &mut data);
        let frame = sse::Frame {
            id: b"",
            event: "stats",
            data: &data,
            retry: None,
        };
        let done = sse::encode(out, frame);
        debug_assert!(done.is_ok(), "{done:?}");
    }
}
