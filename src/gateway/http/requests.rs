//! Requests from the reactor: a head is routed, a body collected, and what is refused is told why.

use std::net::SocketAddr;

use crate::gateway::access::origin_check::Cors;
use crate::gateway::access::preflight::Preflight;
use crate::gateway::clients;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::dispatch::{begin, methods, probed};
use crate::gateway::http::pending_body::PendingBody;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::problem::ReplyTo;
use crate::gateway::http::router::is_probe;
use crate::gateway::publish::publisher::{TOO_MUCH, too_much_unfinished};
use crate::gateway::server::shared::Shared;
use crate::gateway::telemetry::Telemetry;
use crate::gateway::telemetry::metrics::{Refused, RouteKind, status_of};
use crate::gateway::ws::Upgrade;
use crate::reactor::{Answer, Begin, Peer, Piece, Refusal, Requests};
use crate::wire::http::{BodyLength, Head, Reason, RequestError};

/// What a client that was refused for want of room is told to wait, seconds.
const RETRY_AFTER_S: u32 = 1;

impl Requests for Gateway {
    type Exchange = PendingBody;

    fn head(&mut self, head: &Head, peer: Peer) -> Begin<Self> {
        // A body that nobody reads would be taken for the next request.
        let bodiless = matches!(head.body(), BodyLength::None | BodyLength::Length(0));
        let reply = ReplyTo::of(head);
        let reply = if bodiless { reply } else { reply.closing() };
        let checked = self.shared.origin_check.check(head, &peer);
        let cors = match checked {
            Ok(cors) => cors,
            // Who watches over it goes by an address of the moment, and would restart it for ever.
            Err((Refused::Host, _)) if is_probe(head) => {
                let answer = probed(&self.shared, head, reply);
                self.telemetry
                    .answered(RouteKind::Health, status_of(&answer.bytes));
                return Begin::Answer(answer);
            }
            Err((why, problem)) => {
                self.telemetry.answered(RouteKind::None, problem.status());
                self.telemetry
                    .refused(why, Some(peer.client), problem.detail());
                return Begin::Answer(problem.answer(reply));
            }
        };
        if Preflight::is_one(head, &cors) {
            let methods = methods(&self.shared, head);
            let mut answer = self.shared.preflight.answer(head, reply, methods);
            self.telemetry.answered(RouteKind::None, 204);
            cors.stamp(&mut answer.bytes, 0);
            return Begin::Answer(answer);
        }
        let path = head.path();
        let (kind, begun) = if let Some(route) = self.shared.sockets.find(path) {
            let plan = Upgrade::handled(head, peer.client, &route, &self.shared.callbacks);
            (RouteKind::Socket, plan.map(Box::new).map(Begin::Socket))
        } else if let Some(stream) = self.shared.clients.find(path) {
            let plan = clients::upgrade(&self.shared, head, peer.client, stream);
            (RouteKind::Socket, plan.map(Box::new).map(Begin::Socket))
        } else {
            begin(self, head, &peer, &cors)
        };
        let mut begun = begun.unwrap_or_else(|problem| {
            note_problem(&mut self.telemetry, kind, Some(peer.client), &problem);
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
            self.telemetry.answered(kind, status);
        }
        cors.stamp(first, 0);
        begun
    }

    fn body(
        &mut self,
        exchange: &mut PendingBody,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Answer> {
        let exchange = match exchange {
            PendingBody::Publish(publish) => publish,
            PendingBody::Whole(whole) => {
                return whole.push(piece).map_err(|answer| {
                    note_unfinished(&mut self.telemetry, whole.kind(), answer, whole.cors())
                });
            }
        };
        let start = out.len();
        let begins = !exchange.has_begun();
        let done = self.publisher.body(exchange, piece, out);
        if begins && exchange.has_begun() {
            exchange.cors().stamp(out, start);
        }
        done.map_err(|answer| match exchange.is_atomic() {
            true => note_unfinished(
                &mut self.telemetry,
                RouteKind::Publish,
                answer,
                exchange.cors(),
            ),
            // Its head went out long ago.
            false => {
                self.telemetry.answered(RouteKind::Publish, 200);
                self.telemetry.refused(Refused::Unavailable, None, TOO_MUCH);
                answer
            }
        })
    }

    fn end(&mut self, exchange: PendingBody, out: &mut Vec<u8>) -> Answer {
        let exchange = match exchange {
            PendingBody::Publish(publish) => publish,
            PendingBody::Whole(whole) => return whole.end(self),
        };
        let (start, cors) = (out.len(), exchange.cors().clone());
        let (begun, answers) = (exchange.has_begun(), exchange.is_atomic());
        let mut answer = self.publisher.end(exchange, out);
        if answers {
            self.telemetry
                .answered(RouteKind::Publish, status_of(&answer.bytes));
            cors.stamp(&mut answer.bytes, 0);
        } else {
            self.telemetry.answered(RouteKind::Publish, 200);
            if !begun {
                cors.stamp(out, start);
            }
        }
        answer
    }

    fn deferred(&mut self, ticket: u64, out: &mut Vec<u8>) -> Piece {
        self.deferred.write(ticket, &mut self.telemetry, out)
    }

    fn forget_deferred(&mut self, ticket: u64) {
        self.deferred.forget(ticket);
    }

    fn refuse(&mut self, why: Refusal<'_>, exchange: Option<&PendingBody>) -> Vec<u8> {
        let (refused, problem) = match why {
            Refusal::Malformed { error, head } => {
                return refuse_malformed(self, error, head, exchange);
            }
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
        let kind = exchange.map_or(RouteKind::None, PendingBody::kind);
        self.telemetry.answered(kind, problem.status());
        self.telemetry.refused(refused, None, problem.detail());
        last_answer(&self.shared, &problem, &[], exchange)
    }
}

/// Counts the problem that answers a request, and what it was refused for, if it was.
fn note_problem(
    telemetry: &mut Telemetry,
    kind: RouteKind,
    peer: Option<SocketAddr>,
    problem: &Problem,
) {
    let (status, detail) = (problem.status(), problem.detail());
    telemetry.problem_answered(kind, peer, status, detail);
}

/// Counts what was refused because too much is unfinished; returns the answer, readable for the page that asked.
fn note_unfinished(
    telemetry: &mut Telemetry,
    kind: RouteKind,
    mut answer: Answer,
    cors: &Cors,
) -> Answer {
    telemetry.answered(kind, status_of(&answer.bytes));
    telemetry.refused(Refused::Unavailable, None, TOO_MUCH);
    cors.stamp(&mut answer.bytes, 0);
    answer
}

/// The answer after which the connection closes, readable for the page that asked.
fn last_answer(
    shared: &Shared,
    problem: &Problem,
    head: &[u8],
    exchange: Option<&PendingBody>,
) -> Vec<u8> {
    let mut bytes = problem.answer(ReplyTo::LAST).bytes;
    let cors = match exchange {
        Some(exchange) => exchange.cors().clone(),
        None => shared.origin_check.cors_of_broken(head),
    };
    cors.stamp(&mut bytes, 0);
    bytes
}

fn refuse_malformed(
    gateway: &mut Gateway,
    error: &RequestError,
    head: &[u8],
    exchange: Option<&PendingBody>,
) -> Vec<u8> {
    let problem = Problem::new(error.status, error.to_string())
        .field(error.field.clone())
        .at(error.at);
    let problem = match error.reason {
        Reason::TooLong { limit } | Reason::TooMany { limit } => problem.limit(limit),
        _ => problem,
    };
    let kind = exchange.map_or(RouteKind::None, PendingBody::kind);
    if error.status == 413 {
        note_problem(&mut gateway.telemetry, kind, None, &problem);
    } else {
        gateway.telemetry.answered(kind, error.status);
        gateway
            .telemetry
            .refused(Refused::Malformed, None, problem.detail());
    }
    last_answer(&gateway.shared, &problem, head, exchange)
}
