//! Requests from the reactor: a head is routed, a body collected, and what is refused is told why.

use std::net::SocketAddr;

use crate::gateway::access::{Cors, Grant, OriginFault};
use crate::gateway::clients;
use crate::gateway::dispatch::{begin, methods, probed};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::preflight::Preflight;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::problem::ReplyTo;
use crate::gateway::http::response::status_of;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::router::is_probe;
use crate::gateway::http::whole_body::{TOO_MUCH, too_much_unfinished};
use crate::gateway::pending_body::PendingBody;
use crate::gateway::publish::{Receipt, unsettled};
use crate::gateway::server::shared::Shared;
use crate::gateway::telemetry::Telemetry;
use crate::gateway::telemetry::metrics::Refused;
use crate::gateway::user_routes::UserRoute;
use crate::gateway::ws::Upgrade;
use crate::gateway::ws::write_published;
use crate::net::{
    Answer, Begin, Outcome, Parts, Peer, Piece, Refusal, RequestId, Requests, Response, Taken,
};
use crate::wire::http::{BodyLength, Head, Reason, RequestError};

/// The wait that a client is told which was refused for want of room, seconds.
const RETRY_AFTER_S: u32 = 1;

impl Requests for Gateway {
    type PendingBody = PendingBody;

    type Grant = Grant;
    type Receipt = Receipt;

    fn head(&mut self, head: &Head, peer: Peer, id: RequestId) -> Begin<Self> {
        self.authorization.begin(id);
        begin_request(self, head, peer)
    }

    fn resume(&mut self, head: &Head, peer: Peer, grant: Grant) -> Begin<Self> {
        self.authorization.resume(grant);
        begin_request(self, head, peer)
    }

    fn body(
        &mut self,
        pending_body: &mut PendingBody,
        piece: &[u8],
        parts: &mut Parts<Receipt>,
    ) -> Result<Taken, Answer> {
        let pending_body = match pending_body {
            PendingBody::Publish(publish) => publish,
            PendingBody::Whole(whole) => {
                let pushed = whole.push(piece).map(|()| Taken::All);
                return pushed.map_err(|answer| {
                    note_unfinished(&mut self.telemetry, whole.kind(), answer, whole.cors())
                });
            }
        };
        let done = self.publisher.body(pending_body, piece, parts);
        let whole = pending_body.is_atomic() || !pending_body.has_begun();
        done.map_err(|answer| match whole {
            true => note_unfinished(
                &mut self.telemetry,
                RouteKind::Publish,
                answer,
                pending_body.cors(),
            ),
            // Its head went out long ago.
            false => {
                self.telemetry.answered(RouteKind::Publish, 200);
                self.telemetry.refused(Refused::Unavailable, None, TOO_MUCH);
                answer
            }
        })
    }

    fn end(
        &mut self,
        pending_body: &mut PendingBody,
        parts: &mut Parts<Receipt>,
    ) -> Response<Receipt> {
        let publish = match pending_body {
            PendingBody::Publish(publish) => publish,
            PendingBody::Whole(whole) => return whole.end(self),
        };
        if !publish.is_atomic() {
            let response = self.publisher.end_lines(publish, parts);
            if !matches!(response, Response::Waits) {
                self.telemetry.answered(RouteKind::Publish, 200);
            }
            return response;
        }
        let mut response = self.publisher.end(publish, parts.is_last_try());
        // What was published is counted when its outcome is known.
        if let Response::Ready(answer) = &mut response {
            self.telemetry
                .answered(RouteKind::Publish, status_of(&answer.bytes));
            publish.cors().stamp(&mut answer.bytes, 0);
        }
        response
    }

    fn settle(&mut self, receipt: Receipt, outcome: Outcome, out: &mut Vec<u8>) {
        match receipt {
            Receipt::Request {
                reply,
                cors,
                offsets,
            } => {
                let mut answer = match unsettled(outcome) {
                    None => self.publisher.published(reply, &offsets),
                    Some(problem) => problem.answer(reply),
                };
                self.telemetry
                    .answered(RouteKind::Publish, status_of(&answer.bytes));
                cors.stamp(&mut answer.bytes, 0);
                out.extend_from_slice(&answer.bytes);
            }
            Receipt::Lines { reply, results } => {
                // Each line has an outcome of its own: they need not have been committed together.
                let outcome = |offset: u64| self.streaming.outcome(&(offset..offset + 1));
                results.write(reply, self.hub.epoch(), outcome, out);
            }
            Receipt::Message { request, offset } => {
                write_published(&request, self.at(offset), outcome, out);
            }
        }
    }

    fn deferred(&mut self, ticket: u64, out: &mut Vec<u8>) -> Piece {
        self.deferred.write(ticket, &mut self.telemetry, out)
    }

    fn forget_deferred(&mut self, ticket: u64) {
        self.deferred.forget(ticket);
    }

    fn refuse(&mut self, why: Refusal<'_>, pending_body: Option<&PendingBody>) -> Vec<u8> {
        let (refused, problem) = match why {
            Refusal::Malformed { error, head } => {
                return refuse_malformed(self, error, head, pending_body);
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
            Refusal::TooManyPending(head) => {
                let detail = "too many requests wait to be authorized";
                return refuse_undecided(self, head, detail);
            }
            Refusal::AuthorizationTimeout(head) => {
                let detail = "the request was not authorized in time";
                return refuse_undecided(self, head, detail);
            }
            Refusal::BodyTimeout => {
                let problem = Problem::new(408, "the body took too long");
                (Refused::BodyTimeout, problem)
            }
        };
        let kind = pending_body.map_or(RouteKind::None, PendingBody::kind);
        self.telemetry.answered(kind, problem.status());
        self.telemetry.refused(refused, None, problem.detail());
        last_answer(&self.shared, &problem, &[], pending_body)
    }
}

/// Begins a request, for the first time or with the decision that it has waited for.
fn begin_request(gateway: &mut Gateway, head: &Head, peer: Peer) -> Begin<Gateway> {
    // A body that nobody reads would be taken for the next request.
    let bodiless = matches!(head.body(), BodyLength::None | BodyLength::Length(0));
    let reply = ReplyTo::of(head);
    let reply = if bodiless { reply } else { reply.closing() };
    let checked = gateway.shared.origin_check.check(head, &peer);
    let cors = match checked {
        Ok(cors) => cors,
        // Who watches over it goes by an address of the moment, and would restart it for ever.
        Err(OriginFault::Host(_)) if is_probe(head) => {
            let answer = probed(gateway, head, reply);
            gateway
                .telemetry
                .answered(RouteKind::Health, status_of(&answer.bytes));
            return Begin::Answer(answer);
        }
        Err(fault) => {
            let why = match fault {
                OriginFault::Host(_) => Refused::Host,
                OriginFault::Origin(_) => Refused::Origin,
            };
            let problem = Problem::of_origin(&fault);
            gateway
                .telemetry
                .answered(RouteKind::None, problem.status());
            gateway
                .telemetry
                .refused(why, Some(peer.client), problem.detail());
            return Begin::Answer(problem.answer(reply));
        }
    };
    if Preflight::is_one(head, &cors) {
        let methods = methods(&gateway.shared, head);
        let mut answer = gateway.shared.preflight.answer(head, reply, methods);
        gateway.telemetry.answered(RouteKind::None, 204);
        cors.stamp(&mut answer.bytes, 0);
        return Begin::Answer(answer);
    }
    let path = head.path();
    let (kind, begun) = match gateway.shared.user_routes.find(path) {
        Some(UserRoute::Socket(route)) => {
            let plan = Upgrade::handled(head, peer.client, route, &gateway.shared.callbacks);
            (RouteKind::Socket, plan.map(Box::new).map(Begin::Socket))
        }
        Some(UserRoute::Clients(stream)) => {
            let (callbacks, authorization) = (&gateway.shared.callbacks, &gateway.authorization);
            let stream = stream.clone();
            let plan = clients::upgrade(head, peer.client, stream, callbacks, |action| {
                let access = authorization.authorize(head, peer.client, action);
                access.map_err(Problem::from)
            });
            (RouteKind::Socket, plan.map(Box::new).map(Begin::Socket))
        }
        None => begin(gateway, head, &peer, &cors),
    };
    // Before anything is counted: it begins again.
    if begun.is_err() && gateway.authorization.waits() {
        return Begin::Later;
    }
    let mut begun = begun.unwrap_or_else(|problem| {
        note_problem(&mut gateway.telemetry, kind, Some(peer.client), &problem);
        Begin::Answer(problem.answer(reply))
    });
    let first = match &mut begun {
        Begin::Answer(answer) => &mut answer.bytes,
        Begin::Stream(plan) => &mut plan.head,
        Begin::Watch(plan) => &mut plan.head,
        Begin::Socket(plan) => &mut plan.head,
        // Those are counted, and say who may read them, once they are known.
        Begin::Body { .. } | Begin::Deferred(_) | Begin::Later => return begun,
    };
    let status = status_of(first);
    if status < 400 {
        gateway.telemetry.answered(kind, status);
    }
    cors.stamp(first, 0);
    begun
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
    pending_body: Option<&PendingBody>,
) -> Vec<u8> {
    let mut bytes = problem.answer(ReplyTo::LAST).bytes;
    let cors = match pending_body {
        Some(pending_body) => pending_body.cors().clone(),
        None => shared.origin_check.cors_of_broken(head),
    };
    cors.stamp(&mut bytes, 0);
    bytes
}

/// Refuses a request that nobody has decided about: of its head all is known, so it is answered as others are.
fn refuse_undecided(gateway: &mut Gateway, head: &Head, detail: &str) -> Vec<u8> {
    let problem = Problem::new(503, detail).retry_after_s(RETRY_AFTER_S);
    gateway
        .telemetry
        .answered(RouteKind::None, problem.status());
    gateway
        .telemetry
        .refused(Refused::Unavailable, None, problem.detail());
    let mut bytes = problem.answer(ReplyTo::of(head).closing()).bytes;
    let cors = gateway.shared.origin_check.cors_of_refused(head);
    cors.stamp(&mut bytes, 0);
    bytes
}

fn refuse_malformed(
    gateway: &mut Gateway,
    error: &RequestError,
    head: &[u8],
    pending_body: Option<&PendingBody>,
) -> Vec<u8> {
    let problem = Problem::new(error.status, error.to_string())
        .field(error.field.clone())
        .at(error.at);
    let problem = match error.reason {
        Reason::TooLong { limit } | Reason::TooMany { limit } => problem.limit(limit),
        _ => problem,
    };
    let kind = pending_body.map_or(RouteKind::None, PendingBody::kind);
    if error.status == 413 {
        note_problem(&mut gateway.telemetry, kind, None, &problem);
    } else {
        gateway.telemetry.answered(kind, error.status);
        gateway
            .telemetry
            .refused(Refused::Malformed, None, problem.detail());
    }
    last_answer(&gateway.shared, &problem, head, pending_body)
}
