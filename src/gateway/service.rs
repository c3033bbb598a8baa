//! The gateway as the reactor's service: requests to routes, events to frames.

use std::net::SocketAddr;
use std::time::Duration;

use crate::gateway::access::preflight::Preflight;
use crate::gateway::admin::handlers::Exchange;
use crate::gateway::encode::disconnect;
use crate::gateway::encode::format::Form;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::routes::{self, Route};
use crate::gateway::publish::publisher::{TOO_MUCH, too_much_unfinished};
use crate::gateway::stream::request::StreamFilter;
use crate::gateway::telemetry::log::{self};
use crate::gateway::telemetry::metrics::{Kind, Refused, status_of};
use crate::gateway::ws::{Socket, SocketReplies, Upgrade};
use crate::reactor::{
    Answer, Begin, CatchUp, CaughtUp, ClassId, ClientIdentity, Codec, DisconnectReason, Frames,
    Peer, Piece, Refusal, Replies, Service, StreamEnd, StreamId, StreamOwner, Streams,
};
use crate::wire::http::{BodyLength, Head, Reason, RequestError};
use crate::wire::ws::{CloseCode, MessageKind, Violation};

/// Requests wait while more than this part of the ring is not yet in the logs. A batch takes half of
/// it at most, so a publisher over HTTP never overruns the streams.
const BEHIND_SHARE: u64 = 4;
/// What a client that was refused for want of room is told to wait, seconds.
const RETRY_AFTER_S: u32 = 1;

impl Service for Gateway {
    type Key = StreamFilter;
    type Socket = Socket;
    type Exchange = Exchange;

    const FORMS: usize = Form::COUNT;

    fn codec(form: u8) -> Codec {
        Form::of(form).codec()
    }

    fn frame_block(form: u8, block: &[u8], last: bool, out: &mut Vec<u8>) {
        Form::of(form).frame_block(block, last, out);
    }

    fn client_identity(&self, peer: SocketAddr) -> ClientIdentity {
        self.common.proxies.client_identity(peer)
    }

    fn client(&self, head: &Head, peer: SocketAddr) -> SocketAddr {
        self.common.proxies.client(head, peer)
    }

    fn head(&mut self, head: &Head, peer: Peer) -> Begin<Self> {
        // A body that nobody reads would be taken for the next request.
        let bodiless = matches!(head.body(), BodyLength::None | BodyLength::Length(0));
        let reply = routes::reply_to(head);
        let reply = if bodiless { reply } else { reply.closing() };
        let checked = self.common.guard.check(head, &peer);
        let (socket, peer) = (peer.socket, peer.client);
        let cors = match checked {
            Ok(cors) => cors,
            // Who watches over it goes by an address of the moment, and would restart it for ever.
            Err((Refused::Host, _)) if routes::is_probe(head) => {
                let answer = self.probed(head, reply);
                self.metrics
                    .answered(Kind::Health, status_of(&answer.bytes));
                return Begin::Answer(answer);
            }
            Err((why, problem)) => {
                self.metrics.answered(Kind::None, problem.status());
                self.note_refusal(why, Some(peer), problem.detail());
                return Begin::Answer(problem.answer(reply));
            }
        };
        if Preflight::is_one(head, &cors) {
            let methods = self.methods(head);
            let mut answer = self.common.preflight.answer(head, reply, methods);
            self.metrics.answered(Kind::None, 204);
            cors.stamp(&mut answer.bytes, 0);
            return Begin::Answer(answer);
        }
        let mut kind = Kind::None;
        let begun = if let Some(route) = self.common.sockets.find(head.path()) {
            kind = Kind::Socket;
            Upgrade::handled(head, peer, &route, &self.common.callbacks)
                .map(|plan| Begin::Socket(Box::new(plan)))
        } else if let Some(stream) = self.common.clients.find(head.path()) {
            kind = Kind::Socket;
            self.seat_client(head, peer, stream)
                .map(|plan| Begin::Socket(Box::new(plan)))
        } else {
            routes::find(head).and_then(|route| {
                kind = match route {
                    Route::Other if self.common.places.group_of(head.path()).is_some() => {
                        Kind::Stream
                    }
                    _ => route.kind(),
                };
                self.begin(head, route, (peer, socket), &cors)
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
                return manage
                    .push(piece)
                    .map_err(|answer| self.note_unfinished(Kind::Manage, answer, &manage.cors));
            }
        };
        let start = out.len();
        let begins = !exchange.has_begun();
        let done = self.publisher.body(exchange, piece, out);
        if begins && exchange.has_begun() {
            exchange.cors().stamp(out, start);
        }
        done.map_err(|answer| match exchange.is_atomic() {
            true => self.note_unfinished(Kind::Publish, answer, exchange.cors()),
            // Its head went out long ago.
            false => {
                self.metrics.answered(Kind::Publish, 200);
                self.note_refusal(Refused::Unavailable, None, TOO_MUCH);
                answer
            }
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
            Refusal::TooMuchUnfinished => (
                Refused::Unavailable,
                too_much_unfinished(self.handle.unfinished()),
            ),
            Refusal::NotTls => {
                let detail = "this port speaks TLS: the address begins with https://, or wss://";
                (Refused::Malformed, Problem::new(400, detail))
            }
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
        let callbacks = &self.common.callbacks;
        let done = match socket {
            Socket::Handler(handler) => callbacks.call("socket handler", || {
                handler.message(message.0, message.1, &mut SocketReplies(replies));
            }),
            Socket::Client(seated) => callbacks.call("client handler", || {
                seated.heard(message, &mut SocketReplies(replies));
            }),
            Socket::Hub(session) => return self.converse(session, message, replies),
        };
        if done.is_none() {
            replies.close(CloseCode::INTERNAL, "the handler failed");
        }
    }

    fn violated(&mut self, violation: Violation) {
        self.note_refusal(Refused::Malformed, None, &violation.to_string());
    }

    fn socket_opened(&mut self, socket: &mut Socket, id: StreamId) {
        match socket {
            Socket::Hub(_) => self.sessions += 1,
            Socket::Client(seated) => {
                seated.opened((self.number(), id), &self.common.callbacks);
            }
            Socket::Handler(_) => {}
        }
    }

    fn socket_queued(&mut self, socket: &mut Socket, max: usize, out: &mut Vec<u8>) {
        if let Socket::Client(seated) = socket {
            seated.seat().take(max, out);
        }
    }

    fn socket_has_queued(&self, socket: &Socket) -> bool {
        matches!(socket, Socket::Client(seated) if seated.seat().has_waiting())
    }

    fn socket_closing(&mut self, socket: &mut Socket, out: &mut Vec<u8>) {
        if let Socket::Client(seated) = socket {
            seated.parting(out, &self.common.callbacks);
        }
    }

    fn socket_closed(&mut self, socket: Socket) {
        if matches!(socket, Socket::Hub(_)) {
            self.sessions -= 1;
        }
        socket.closed(&self.common.callbacks);
    }

    fn class_opened(&mut self, id: ClassId, key: &StreamFilter, form: u8) {
        self.classes += 1;
        if Form::of(form).is_web_socket() {
            self.wanted.opened(&key.wanted);
        }
        self.router.insert(&key.wanted, id);
        if key.latest {
            self.newest.join();
        }
        if key.is_limited() {
            self.restricted.insert(id, key.clone());
        }
    }

    fn class_closed(&mut self, id: ClassId, key: &StreamFilter, form: u8) {
        self.classes -= 1;
        if Form::of(form).is_web_socket() {
            self.wanted.closed(&key.wanted);
        }
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

    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>) {
        self.looked_back = 0;
        self.presence.attend(&self.hub, streams);
        if self.common.desks.has_orders(self.number()) {
            let desks = self.common.desks.clone();
            desks.work(self.number(), self, streams);
        }
        self.common.trays.work(self.number(), streams);
        self.end_streams(streams);
    }

    fn deferred(&mut self, ticket: u64, out: &mut Vec<u8>) -> Piece {
        self.answer_piece(ticket, out)
    }

    fn forget_deferred(&mut self, ticket: u64) {
        self.forget_answer(ticket);
    }

    fn heartbeat(&mut self, form: u8, fed: u64, out: &mut Vec<u8>) {
        let head = self.at(fed - 1);
        self.encoder.heartbeat(Form::of(form), head, out);
    }

    fn disconnect(&mut self, form: u8, why: DisconnectReason, out: &mut Vec<u8>) {
        let form = Form::of(form);
        if form.is_web_socket() {
            return self.write_bye(why, out);
        }
        disconnect::write(form, why, self.common.options.retry, out);
        form.end(out);
    }

    fn socket_disconnect(&mut self, socket: &Socket, why: DisconnectReason, out: &mut Vec<u8>) {
        // The protocols of others have words of their own.
        if matches!(socket, Socket::Hub(_)) {
            self.write_bye(why, out);
        }
    }

    fn tick(&mut self, out: &mut Vec<u8>) {
        self.write_tick(out);
        self.topics.tick();
    }

    fn watched(&mut self, watchers: u64) {
        self.topics.watch(watchers > 0);
    }

    fn stream_started(&mut self, id: StreamId, owner: StreamOwner) {
        self.presence.started(id);
        self.common.places.started(owner, (self.number(), id));
    }

    fn stream_ended(&mut self, end: StreamEnd<'_, StreamFilter>) {
        self.presence.ended(end.id, end.key);
        self.metrics.ended(end.reason);
        let place = (self.number(), end.id);
        let figures = (end.delivered, end.bytes);
        self.common
            .places
            .ended(end.owner, place, end.reason, figures);
        log::stream_ended(&end);
    }

    fn visible(&self) -> u64 {
        self.hub.visible()
    }

    fn is_behind(&self, fed: u64) -> bool {
        let behind = (self.hub.visible() + 1).saturating_sub(fed)
            > self.hub.capacity() as u64 / BEHIND_SHARE;
        behind || self.has_looked_back_enough()
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
        self.common.trays.stop(self.number());
    }
}
