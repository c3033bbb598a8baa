//! The gateway as the reactor's service: requests to routes, events to frames.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::common::Common;
use super::farewell;
use super::figures::Figures;
use super::forms::{Encoder, Form};
use super::guard::Guard;
use super::log::{self, Refusals};
use super::metrics::{Kind, Metrics, Refused, status_of};
use super::newest::Newest;
use super::presence::Presence;
use super::problem::{Problem, ReplyTo};
use super::publish::Publisher;
use super::rest::{Exchange, Later};
use super::routes::{self, Route};
use super::stats;
use super::stream::StreamFilter;
use super::tally::Tally;
use super::topics::Topics;
use super::ws::{Socket, SocketReplies, Upgrade};
use crate::event::{Epoch, JsonMembers, Position, Router};
use crate::hub::{Hub, HubWaiter, Reader};
use crate::reactor::{
    Answer, Begin, CatchUp, CaughtUp, ClassId, Codec, Farewell, Frames, Handle, Introduction, Peer,
    Refusal, Replies, Service, SocketLimits, StreamEnd, StreamId, Streams, Tag,
};
use crate::wire::http::{BodyLength, Coding, Head, Reason, RequestError};
use crate::wire::sse;
use crate::wire::ws::{MessageKind, Violation};

/// Requests wait while more than this part of the ring is not yet in the logs. A batch takes half of
/// it at most, so a publisher over HTTP never overruns the streams.
const BEHIND_SHARE: u64 = 4;
/// What a client that was refused for want of room is told to wait, seconds.
const RETRY_AFTER_S: u32 = 1;

/// HTTP and SSE on a hub.
pub(super) struct Gateway {
    pub(super) hub: Hub,
    pub(super) epoch: Epoch,
    /// Follows the newest event; lossy, so it never holds a publisher back.
    pub(super) live: Reader,
    /// Jumps to where connections are that catch up.
    pub(super) history: Reader,
    waiter: HubWaiter,
    pub(super) router: Router<ClassId>,
    /// Classes that may not see all that they ask for.
    pub(super) restricted: HashMap<ClassId, StreamFilter>,
    classes: usize,
    pub(super) encoder: Encoder,
    pub(super) publisher: Publisher,
    pub(super) common: Common,
    pub(super) handle: Handle,
    made: Instant,
    /// The first offset that is not in the frame logs.
    fed: u64,
    pub(super) metrics: Metrics,
    pub(super) topics: Topics,
    pub(super) newest: Newest,
    presence: Presence,
    pub(super) later: Later,
    refusals: Refusals,
    pub(super) socket_limits: Arc<SocketLimits>,
    pub(super) socket_json: JsonMembers,
    /// Sockets told when to come back; spreads them.
    pub(super) farewells: u64,
}

impl Gateway {
    pub(super) fn new(
        hub: &Hub,
        (live, history): (Reader, Reader),
        common: Common,
        handle: &Handle,
    ) -> Self {
        let waiter = live.waiter(handle.notifier());
        common.desks.open(handle.reactor(), handle.notifier());
        Self {
            hub: hub.clone(),
            epoch: hub.epoch(),
            live,
            history,
            waiter,
            router: Router::new(),
            restricted: HashMap::new(),
            classes: 0,
            encoder: Encoder::default(),
            publisher: Publisher::new(hub.clone(), common.bounds, common.in_flight.clone()),
            presence: Presence::new(handle, common.presence),
            common,
            handle: handle.clone(),
            made: Instant::now(),
            fed: hub.visible() + 1,
            metrics: Metrics::default(),
            topics: Topics::default(),
            newest: Newest::default(),
            later: Later::default(),
            refusals: Refusals::default(),
            socket_limits: Arc::default(),
            socket_json: JsonMembers::default(),
            farewells: 0,
        }
    }

    /// The number of this gateway's reactor.
    pub(super) fn number(&self) -> usize {
        self.handle.reactor()
    }

    pub(super) fn at(&self, offset: u64) -> Position {
        Position {
            epoch: self.epoch,
            offset,
        }
    }

    fn tally(&self) -> Tally {
        Tally {
            metrics: self.metrics.clone(),
            told: self.encoder.told.clone(),
            fed: (!self.is_idle()).then_some(self.fed),
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let tallies = &self.common.tallies;
        let all = tallies.sum(self.handle.reactor(), self.tally());
        Figures {
            uptime: self.made.elapsed(),
            head: self.at(self.hub.head()),
            capacity: self.hub.capacity(),
            fed: all.fed.unwrap_or(self.fed),
            hub: self.hub.stats(),
            reactor: self.handle.stats(),
            latency: self.handle.latency(),
            metrics: all.metrics,
            told: all.told,
        }
    }

    pub(super) fn write_tick(&self, out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(4 << 10);
        stats::write_json(&self.figures(), &self.topics, &mut data);
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
    fn note_refusal(&mut self, why: Refused, peer: Option<SocketAddr>, detail: &str) {
        self.metrics.refused(why);
        self.refusals.warn(why, peer, detail);
    }

    /// Counts the problem that answers a request, and what it was refused for, if it was.
    fn note_problem(&mut self, kind: Kind, peer: Option<SocketAddr>, problem: &Problem) {
        self.metrics.answered(kind, problem.status());
        let why = match problem.status() {
            401 | 403 => Refused::Denied,
            413 => Refused::TooLarge,
            503 => Refused::Unavailable,
            _ => return,
        };
        self.note_refusal(why, peer, problem.detail());
    }

    /// The answer after which the connection closes, readable for the page that asked.
    fn last_answer(&self, problem: &Problem, head: &[u8], exchange: Option<&Exchange>) -> Vec<u8> {
        let mut bytes = problem.answer(ReplyTo::LAST).bytes;
        let cors = match exchange {
            Some(exchange) => exchange.cors().clone(),
            None => self.common.guard.cors_of_broken(head),
        };
        cors.stamp(&mut bytes, 0);
        bytes
    }

    /// Whether nobody needs events to be read: no stream, and nobody who watches topics.
    pub(super) fn is_idle(&self) -> bool {
        self.classes == 0 && !self.topics.is_watched()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.common.desks.close(self.number());
    }
}

impl Service for Gateway {
    type Key = StreamFilter;
    type Socket = Socket;
    type Exchange = Exchange;

    const FORMS: usize = Form::COUNT;

    fn codec(form: u8) -> Codec {
        match Form::of(form).coding {
            Coding::Identity => Codec::Identity,
            Coding::Gzip => Codec::Gzip,
        }
    }

    fn seal(form: u8, block: &[u8], last: bool, out: &mut Vec<u8>) {
        Form::of(form).seal(block, last, out);
    }

    fn introduction(&self, peer: SocketAddr) -> Introduction {
        self.common.proxies.introduction(peer)
    }

    fn client(&self, head: &Head, peer: SocketAddr) -> SocketAddr {
        self.common.proxies.client(head, peer)
    }

    fn head(&mut self, head: &Head, peer: Peer) -> Begin<Self> {
        // A body that nobody reads would be taken for the next request.
        let bodiless = matches!(head.body(), BodyLength::None | BodyLength::Length(0));
        let reply = routes::reply_to(head);
        let reply = if bodiless { reply } else { reply.closing() };
        // Not the client's: a page may name whom it likes, and would go unchecked.
        let socket = peer.socket.ip();
        let peer = peer.client;
        let cors = match self.common.guard.check(head, socket) {
            Ok(cors) => cors,
            Err((why, problem)) => {
                self.metrics.answered(Kind::None, problem.status());
                self.note_refusal(why, Some(peer), problem.detail());
                return Begin::Answer(problem.answer(reply));
            }
        };
        if let Some(mut answer) = Guard::preflight(head, reply, &cors) {
            self.metrics.answered(Kind::None, 204);
            cors.stamp(&mut answer.bytes, 0);
            return Begin::Answer(answer);
        }
        let mut kind = Kind::None;
        let begun = if let Some(route) = self.common.sockets.find(head.path()) {
            kind = Kind::Socket;
            Upgrade::handled(head, peer, &route).map(|plan| Begin::Socket(Box::new(plan)))
        } else {
            routes::find(head).and_then(|route| {
                kind = match route {
                    Route::Other if self.common.places.group_of(head.path()).is_some() => {
                        Kind::Stream
                    }
                    _ => route.kind(),
                };
                self.begin(head, route, peer, &cors)
            })
        };
        let mut begun = begun.unwrap_or_else(|problem| {
            self.note_problem(kind, Some(peer), &problem);
            Begin::Answer(problem.answer(reply))
        });
        if matches!(&begun, Begin::Answer(answer) if answer.after >= Answer::LATER) {
            return begun;
        }
        let first = match &mut begun {
            Begin::Answer(answer) => &mut answer.bytes,
            Begin::Stream(plan) => &mut plan.head,
            Begin::Watch(plan) => &mut plan.head,
            Begin::Socket(plan) => &mut plan.head,
            Begin::Body { .. } => return begun,
        };
        let status = status_of(first);
        if status < 400 {
            self.metrics.answered(kind, status);
        }
        cors.stamp(first, 0);
        begun
    }

    fn body(
        &mut self,
        exchange: &mut Exchange,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Answer> {
        let exchange = match exchange {
            Exchange::Publish(publish) => publish,
            Exchange::Manage(manage) => {
                manage.push(piece);
                return Ok(());
            }
        };
        let start = out.len();
        let begins = !exchange.has_begun();
        let done = self.publisher.body(exchange, piece, out);
        if begins && exchange.has_begun() {
            exchange.cors().stamp(out, start);
        }
        done.map_err(|mut answer| {
            self.metrics
                .answered(Kind::Publish, status_of(&answer.bytes));
            self.note_refusal(
                Refused::Unavailable,
                None,
                "too many request bodies at once",
            );
            exchange.cors().stamp(&mut answer.bytes, 0);
            answer
        })
    }

    fn end(&mut self, exchange: Exchange, out: &mut Vec<u8>) -> Answer {
        let exchange = match exchange {
            Exchange::Publish(publish) => publish,
            Exchange::Manage(manage) => return self.end_manage(manage),
        };
        let (start, cors) = (out.len(), exchange.cors().clone());
        let (begun, answers) = (exchange.has_begun(), exchange.is_atomic());
        let mut answer = self.publisher.end(exchange, out);
        if answers {
            self.metrics
                .answered(Kind::Publish, status_of(&answer.bytes));
            cors.stamp(&mut answer.bytes, 0);
        } else {
            self.metrics.answered(Kind::Publish, 200);
            if !begun {
                cors.stamp(out, start);
            }
        }
        answer
    }

    fn refuse(
        &mut self,
        error: &RequestError,
        head: &[u8],
        exchange: Option<&Exchange>,
    ) -> Vec<u8> {
        let problem = Problem::new(error.status, error.to_string())
            .field(error.field.clone())
            .at(error.at);
        let problem = match error.reason {
            Reason::TooLong { limit } | Reason::TooMany { limit } => problem.limit(limit),
            _ => problem,
        };
        let kind = exchange.map_or(Kind::None, Exchange::kind);
        if error.status == 413 {
            self.note_problem(kind, None, &problem);
        } else {
            self.metrics.answered(kind, error.status);
            self.note_refusal(Refused::Malformed, None, problem.detail());
        }
        self.last_answer(&problem, head, exchange)
    }

    fn refuse_for(&mut self, why: Refusal, exchange: Option<&Exchange>) -> Vec<u8> {
        let (refused, problem) = match why {
            Refusal::TooManyConnections => {
                let problem = Problem::new(503, "too many connections");
                (Refused::Connections, problem.retry_after_s(RETRY_AFTER_S))
            }
            Refusal::TooManyFromAddress => {
                let problem = Problem::new(429, "too many connections from this address");
                (Refused::Connections, problem.retry_after_s(RETRY_AFTER_S))
            }
            Refusal::Preface(error) => (Refused::Malformed, Problem::new(400, error.to_string())),
            Refusal::HeadTimeout => {
                let problem = Problem::new(408, "the head took too long");
                (Refused::HeadTimeout, problem)
            }
            Refusal::BodyTimeout => {
                let problem = Problem::new(408, "the body took too long");
                (Refused::BodyTimeout, problem)
            }
        };
        let kind = exchange.map_or(Kind::None, Exchange::kind);
        self.metrics.answered(kind, problem.status());
        self.note_refusal(refused, None, problem.detail());
        self.last_answer(&problem, &[], exchange)
    }

    fn message(
        &mut self,
        socket: &mut Socket,
        message: (MessageKind, &[u8]),
        replies: &mut Replies<'_, Self>,
    ) {
        match socket {
            Socket::Handler(handler) => {
                handler.message(message.0, message.1, &mut SocketReplies(replies));
            }
            Socket::Hub(session) => self.converse(session, message, replies),
        }
    }

    fn violated(&mut self, violation: Violation) {
        self.note_refusal(Refused::Malformed, None, &violation.to_string());
    }

    fn socket_closed(&mut self, socket: Socket) {
        socket.closed();
    }

    fn class_opened(&mut self, id: ClassId, key: &StreamFilter, _: u8) {
        self.classes += 1;
        self.router.insert(&key.wanted, id);
        if key.latest {
            self.newest.join();
        }
        if key.is_limited() {
            self.restricted.insert(id, key.clone());
        }
    }

    fn class_closed(&mut self, id: ClassId, key: &StreamFilter, _: u8) {
        self.classes -= 1;
        if key.latest {
            self.newest.leave();
        }
        self.router.remove(&key.wanted, id);
        self.restricted.remove(&id);
    }

    fn feed(&mut self, frames: &mut Frames<'_, Self>) {
        self.feed_new(frames);
        self.fed = frames.fed();
        if self.common.tallies.are_shared() {
            self.common.tallies.put(self.handle.reactor(), self.tally());
        }
    }

    fn catch_up(&mut self, part: CatchUp<'_, StreamFilter>, out: &mut Vec<u8>) -> CaughtUp {
        self.encode_history(part, out)
    }

    fn latest(&mut self, part: CatchUp<'_, StreamFilter>, out: &mut Vec<u8>) -> CaughtUp {
        self.encode_latest(part, out)
    }

    fn skip(&mut self, part: CatchUp<'_, StreamFilter>, out: &mut Vec<u8>) -> CaughtUp {
        self.encode_skip(part, out)
    }

    fn hold(&self, key: &StreamFilter) -> Duration {
        Duration::from_millis(key.hold_ms.into())
    }

    fn attend(&mut self, streams: &mut Streams<'_, Self>) {
        self.presence.attend(&self.hub, streams);
        let desks = self.common.desks.clone();
        desks.work(self.number(), self, streams);
    }

    fn later(&mut self, ticket: u64) -> Option<Vec<u8>> {
        self.answer_now(ticket)
    }

    fn heartbeat(&mut self, form: u8, fed: u64, out: &mut Vec<u8>) {
        let head = self.at(fed - 1);
        self.encoder.heartbeat(Form::of(form), head, out);
    }

    fn farewell(&mut self, form: u8, why: Farewell, out: &mut Vec<u8>) {
        let form = Form::of(form);
        if form == Form::WEB_SOCKET {
            return self.write_bye(why, out);
        }
        farewell::write(form, why, self.common.options.retry, out);
        form.end(out);
    }

    fn tick(&mut self, out: &mut Vec<u8>) {
        self.write_tick(out);
        self.topics.tick();
    }

    fn watched(&mut self, watchers: u64) {
        self.topics.watch(watchers > 0);
    }

    fn stream_started(&mut self, id: StreamId, tag: Tag) {
        self.presence.started(id);
        self.common.places.started(tag, (self.number(), id));
    }

    fn stream_ended(&mut self, end: StreamEnd<'_, StreamFilter>) {
        self.presence.ended(end.id);
        self.metrics.ended(end.reason);
        let place = (self.number(), end.id);
        let figures = (end.delivered, end.bytes);
        self.common
            .places
            .ended(end.tag, place, end.reason, figures);
        log::stream_ended(&end);
    }

    fn visible(&self) -> u64 {
        self.hub.visible()
    }

    fn is_behind(&self, fed: u64) -> bool {
        (self.hub.visible() + 1).saturating_sub(fed) > self.hub.capacity() as u64 / BEHIND_SHARE
    }

    fn arm(&mut self, fed: u64) -> bool {
        if self.is_idle() || (self.hub.is_closed() && fed > self.hub.visible()) {
            return true;
        }
        self.waiter.arm(fed)
    }

    fn disarm(&mut self) {
        self.waiter.disarm();
    }

    fn stopping(&mut self) {
        self.publisher.stop();
    }
}
