//! What a reactor's gateway holds, and what it says of itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::event::{Epoch, Position, Router};
use crate::gateway::access::origin_check::Cors;
use crate::gateway::encode::format::Encoder;
use crate::gateway::http::deferred::DeferredAnswers;
use crate::gateway::http::pending_body::PendingBody;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::problem::ReplyTo;
use crate::gateway::publish::publisher::{Publisher, TOO_MUCH};
use crate::gateway::server::shared::Shared;
use crate::gateway::stream::last_value::LastValues;
use crate::gateway::stream::look_up::LookUp;
use crate::gateway::stream::presence::streams::Presence;
use crate::gateway::stream::request::StreamFilter;
use crate::gateway::telemetry::aggregate::ReactorCounts;
use crate::gateway::telemetry::log::RefusalLog;
use crate::gateway::telemetry::metrics::Metrics;
use crate::gateway::telemetry::metrics::RouteKind;
use crate::gateway::telemetry::metrics::{Refused, status_of};
use crate::gateway::telemetry::snapshot::Snapshot;
use crate::gateway::telemetry::stats;
use crate::gateway::telemetry::topic_rates::TopicRates;
use crate::gateway::ws::FilterInterner;
use crate::hub::{Cursor, Hub, HubWaiter};
use crate::reactor::{Answer, ClassId, Handle, SocketLimits, Tls};
use crate::wire::sse;
/// HTTP and SSE on a hub.
pub(in crate::gateway) struct Gateway {
    pub(in crate::gateway) hub: Hub,
    pub(in crate::gateway) epoch: Epoch,
    /// Follows the newest event; lossy, so it never holds a publisher back.
    pub(in crate::gateway) live: Cursor,
    /// Jumps to where connections are that catch up.
    pub(in crate::gateway) history: Cursor,
    pub(in crate::gateway) looked_up: LookUp,
    /// Events that were looked at for the requests of this turn.
    pub(in crate::gateway) looked_back: u64,
    pub(in crate::gateway) waiter: HubWaiter,
    pub(in crate::gateway) router: Router<ClassId>,
    /// Classes that may not see all that they ask for.
    pub(in crate::gateway) restricted: HashMap<ClassId, StreamFilter>,
    pub(in crate::gateway) classes: usize,
    pub(in crate::gateway) encoder: Encoder,
    pub(in crate::gateway) publisher: Publisher,
    pub(in crate::gateway) shared: Shared,
    pub(in crate::gateway) handle: Handle,
    pub(in crate::gateway) made: Instant,
    /// The first offset that is not in the frame logs.
    pub(in crate::gateway) fed: u64,
    pub(in crate::gateway) metrics: Metrics,
    pub(in crate::gateway) topics: TopicRates,
    pub(in crate::gateway) last_values: LastValues,
    pub(in crate::gateway) presence: Presence,
    pub(in crate::gateway) deferred: DeferredAnswers,
    pub(in crate::gateway) refusals: RefusalLog,
    /// What sockets are subscribed to.
    pub(in crate::gateway) interner: FilterInterner,
    pub(in crate::gateway) socket_limits: Arc<SocketLimits>,
    /// The slot that is next where streams are ended because the hub is closed.
    pub(in crate::gateway) closing: u32,
    /// How many slots were looked at since one was ended for that.
    pub(in crate::gateway) closing_idle: usize,
    /// Open WebSockets of `GET /api/v1/ws`.
    pub(in crate::gateway) sessions: usize,
    /// Sockets told when to come back; spreads them.
    pub(in crate::gateway) byes: u64,
}

impl Gateway {
    pub(in crate::gateway) fn new(
        hub: &Hub,
        (live, history): (Cursor, Cursor),
        shared: Shared,
        handle: &Handle,
    ) -> Self {
        let waiter = live.waiter(handle.notifier());
        shared.commands.open(handle.reactor(), handle.notifier());
        shared.mailboxes.open(handle.reactor(), handle.notifier());
        Self {
            hub: hub.clone(),
            epoch: hub.epoch(),
            live,
            history,
            looked_up: LookUp::default(),
            looked_back: 0,
            waiter,
            router: Router::new(),
            restricted: HashMap::new(),
            classes: 0,
            encoder: Encoder::default(),
            publisher: Publisher::new(hub.clone(), shared.bounds, handle.unfinished().clone()),
            presence: Presence::new(handle, shared.presence),
            shared,
            handle: handle.clone(),
            made: Instant::now(),
            fed: hub.visible() + 1,
            metrics: Metrics::default(),
            topics: TopicRates::default(),
            last_values: LastValues::default(),
            deferred: DeferredAnswers::default(),
            refusals: RefusalLog::default(),
            interner: FilterInterner::default(),
            socket_limits: Arc::default(),
            closing: 0,
            closing_idle: 0,
            sessions: 0,
            byes: 0,
        }
    }

    /// What the requests of streams are read by: the bytes of a frame log, and whether there is room for one
    /// more stream that is compressed with Brotli.
    pub(in crate::gateway) fn room(&self) -> (usize, bool) {
        let brotli = self.handle.own_compressor_streams() < self.shared.brotli_streams;
        (self.shared.frame_log, brotli)
    }

    /// The number of this gateway's reactor.
    pub(in crate::gateway) fn number(&self) -> usize {
        self.handle.reactor()
    }

    pub(in crate::gateway) fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.epoch,
            offset,
        }
    }

    pub(in crate::gateway) fn counts(&self) -> ReactorCounts {
        ReactorCounts {
            metrics: self.metrics.clone(),
            notices: self.encoder.notices.clone(),
            fed: (!self.is_idle()).then_some(self.fed),
        }
    }

    pub(in crate::gateway) fn snapshot(&self) -> Snapshot {
        let aggregate = &self.shared.aggregate;
        let all = aggregate.sum(self.handle.reactor(), self.counts());
        let unfinished = self.handle.unfinished();
        Snapshot {
            uptime: self.made.elapsed(),
            head: self.at(self.hub.head()),
            capacity: self.hub.capacity(),
            fed: all.fed.unwrap_or(self.fed),
            hub: self.hub.stats(),
            reactor: self.handle.stats(),
            latency: self.handle.latency(),
            metrics: all.metrics,
            notices: all.notices,
            unfinished: (unfinished.bytes(), unfinished.max()),
            certificate_s: self.shared.tls.as_ref().and_then(Tls::seconds_left),
        }
    }

    pub(in crate::gateway) fn write_tick(&self, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(4 << 10);
        stats::write_json(&self.snapshot(), &self.topics, &mut data);
        let frame = sse::Frame {
            id: b"",
            event: "stats",
            data: &data,
            retry: None,
        };
        let done = sse::encode(out, frame);
        debug_assert!(done.is_ok(), "{done:?}");
    }

    /// Counts a refusal and warns of it.
    pub(in crate::gateway) fn note_refusal(
        &mut self,
        why: Refused,
        peer: Option<SocketAddr>,
        detail: &str,
    ) {
        self.metrics.refused(why);
        self.refusals.warn(why, peer, detail);
    }

    /// Counts the problem that answers a request, and what it was refused for, if it was.
    pub(in crate::gateway) fn note_problem(
        &mut self,
        kind: RouteKind,
        peer: Option<SocketAddr>,
        problem: &Problem,
    ) {
        self.metrics.answered(kind, problem.status());
        let why = match problem.status() {
            401 | 403 => Refused::Denied,
            413 => Refused::TooLarge,
            503 => Refused::Unavailable,
            _ => return,
        };
        self.note_refusal(why, peer, problem.detail());
    }

    /// Counts what was refused because too much is unfinished; returns the answer, readable for the page that asked.
    pub(in crate::gateway) fn note_unfinished(
        &mut self,
        kind: RouteKind,
        mut answer: Answer,
        cors: &Cors,
    ) -> Answer {
        self.metrics.answered(kind, status_of(&answer.bytes));
        self.note_refusal(Refused::Unavailable, None, TOO_MUCH);
        cors.stamp(&mut answer.bytes, 0);
        answer
    }

    /// The answer after which the connection closes, readable for the page that asked.
    pub(in crate::gateway) fn last_answer(
        &self,
        problem: &Problem,
        head: &[u8],
        exchange: Option<&PendingBody>,
    ) -> Vec<u8> {
        let mut bytes = problem.answer(ReplyTo::LAST).bytes;
        let cors = match exchange {
            Some(exchange) => exchange.cors().clone(),
            None => self.shared.origin_check.cors_of_broken(head),
        };
        cors.stamp(&mut bytes, 0);
        bytes
    }

    /// Whether nobody needs events to be read: no stream, and nobody who watches topics.
    pub(in crate::gateway) fn is_idle(&self) -> bool {
        self.classes == 0 && !self.topics.is_watched()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.commands.close(self.number());
        self.shared.mailboxes.close(self.number());
    }
}
