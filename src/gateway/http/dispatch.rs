//! What a route does with a request: an answer, a stream, or a body to come.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use crate::gateway::access::authorizer::{Access, Action, Denied};
use crate::gateway::access::origin_check::Cors;
use crate::gateway::admin::handlers::PendingBody;
use crate::gateway::encode::format::Framing;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::health;
use crate::gateway::http::problem::{Problem, ReplyTo, fresh_answer, json_answer};
use crate::gateway::http::query::{self, Query};
use crate::gateway::http::response::response;
use crate::gateway::http::routes::{self, Route};
use crate::gateway::publish::cloudevents::refuse_reserved;
use crate::gateway::stream::gone::Gone;
use crate::gateway::stream::presence::streams;
use crate::gateway::stream::request::{self, StreamRequest};
use crate::gateway::telemetry::prometheus;
use crate::gateway::telemetry::stats;
use crate::reactor::{Answer, Begin, StreamOwner, WatchPlan};
use crate::wire::http::Head;

impl Gateway {
    /// Answers a request, or begins what it asked for.
    pub(in crate::gateway) fn begin(
        &mut self,
        head: &Head,
        route: Route<'_>,
        (peer, socket): (SocketAddr, SocketAddr),
        cors: &Cors,
    ) -> Result<Begin<Self>, Problem> {
        let reply = routes::reply_to(head);
        // Before anything else: a typing error must not pass for a request that says less.
        let query = match route.parameters() {
            Some(table) => Query::read(head, table, &self.shared.foreign)?,
            None => Query::none(),
        };
        match route {
            Route::Index => Ok(Begin::Answer(index(reply))),
            Route::File(file) => Ok(Begin::Answer(file.answer(reply))),
            Route::Health => {
                let newest = self.at(self.hub.head());
                Ok(Begin::Answer(health::answer(
                    reply,
                    newest,
                    self.handle.stats(),
                )))
            }
            Route::Ready => Ok(Begin::Answer(self.readiness(reply))),
            Route::Metrics => {
                self.authorize(head, peer, Action::Observe)?;
                let mut text = String::with_capacity(8 << 10);
                let (counters, callbacks) = (&self.shared.counters, &self.shared.callbacks);
                let snapshot = self.snapshot();
                let render = || prometheus::render(&snapshot, (counters, callbacks), &mut text);
                let rendered = callbacks.call("counter", render);
                rendered.ok_or_else(|| failed("a counter of the program failed"))?;
                let answer = fresh_answer(reply, prometheus::CONTENT_TYPE, text.as_bytes());
                Ok(Begin::Answer(answer))
            }
            Route::Stats => {
                self.authorize(head, peer, Action::Observe)?;
                let mut body = Vec::with_capacity(4 << 10);
                stats::write_json(&self.snapshot(), &self.topics, &mut body);
                body.push(b'\n');
                Ok(Begin::Answer(json_answer(reply, &body)))
            }
            Route::StatsStream => {
                let access = self.authorize(head, peer, Action::Observe)?;
                let mut bytes = Vec::with_capacity(256);
                let framing = request::framing_of(head, &query);
                request::write_watch_head(framing, &mut bytes);
                if reply.head_only {
                    return Ok(Begin::Answer(Answer {
                        bytes,
                        after: 0,
                        close: true,
                    }));
                }
                let mut first = Vec::with_capacity(4 << 10);
                self.write_tick(&mut first);
                Ok(Begin::Watch(WatchPlan {
                    head: bytes,
                    first,
                    chunked: framing == Framing::Chunked,
                    expires_at: access.expires_at,
                }))
            }
            Route::Stream => {
                let access = self.authorize(head, peer, Action::Subscribe)?;
                let request = StreamRequest::read(head, &query, self.shared.options, self.room())?;
                if reply.head_only {
                    let bytes = request.head_only();
                    return Ok(Begin::Answer(Answer {
                        bytes,
                        after: 0,
                        close: true,
                    }));
                }
                self.check_open()?;
                let plan = self.plan_stream(request, access, None, StreamOwner::default());
                Ok(Begin::Stream(plan))
            }
            Route::Presence(topic) => {
                let access = self.authorize(head, peer, Action::Subscribe)?;
                if !access.allow.matches(&topic) {
                    let detail = "reading this topic is not allowed";
                    return Err(Problem::new(403, detail).field("topic"));
                }
                let mut body = Vec::new();
                streams::write_json(&self.hub, &topic, &mut body);
                Ok(Begin::Answer(json_answer(reply, &body)))
            }
            Route::Socket => {
                let plan = self.upgrade(head, &query, peer)?;
                Ok(Begin::Socket(Box::new(plan)))
            }
            Route::Publish(topic) => {
                let access = self.authorize(head, peer, Action::Publish)?;
                refuse_reserved(&topic)?;
                if !access.allow.matches(&topic) {
                    let detail = "publishing to this topic is not allowed";
                    return Err(Problem::new(403, detail).field("topic"));
                }
                let (exchange, limit) = self.publisher.begin(head, &query, &topic, cors.clone())?;
                let exchange = PendingBody::Publish(exchange);
                Ok(Begin::Body { exchange, limit })
            }
            Route::Manage(control) => self.manage(head, &query, control, (peer, socket), cors),
            Route::Other => {
                let Some(offer) = self.shared.endpoints.endpoint(head.path()) else {
                    let gone = self.gone(head, peer, Gone::Endpoint(head.path()))?;
                    return gone.map(Begin::Answer).ok_or_else(routes::not_found);
                };
                if !matches!(head.method(), "GET" | "HEAD") {
                    let detail = "an endpoint is answered to GET, HEAD only";
                    return Err(Problem::new(405, detail).field("method").allow("GET, HEAD"));
                }
                let access = self.authorize(head, peer, Action::Subscribe)?;
                let query = Query::read(head, query::STREAM, &self.shared.foreign)?;
                self.stream_at(head, &query, offer, access)
            }
        }
    }

    fn readiness(&self, reply: ReplyTo) -> Answer {
        // Relaxed: see `Handle::drain`.
        health::readiness(reply, self.shared.draining.load(Ordering::Relaxed))
    }

    /// What a probe is told that goes by a name that is not ours.
    pub(in crate::gateway) fn probed(&self, head: &Head, reply: ReplyTo) -> Answer {
        match head.path() {
            "/readyz" => self.readiness(reply),
            _ => health::alive(reply),
        }
    }

    /// The methods of the path that a preflight is for; `None`: it is none.
    pub(in crate::gateway) fn methods(&self, head: &Head) -> Option<&'static str> {
        let shared = &self.shared;
        if shared.sockets.find(head.path()).is_some() || shared.clients.find(head.path()).is_some()
        {
            return Some("GET");
        }
        match routes::find(head) {
            // No route takes OPTIONS: what refuses it says what it takes.
            Err(problem) => problem.allowed(),
            Ok(_) => shared.endpoints.group_of(head.path()).map(|_| routes::GET),
        }
    }

    pub(in crate::gateway) fn authorize(
        &self,
        head: &Head,
        peer: SocketAddr,
        action: Action,
    ) -> Result<Access, Problem> {
        let authorizer = &self.shared.authorizer;
        let ask = || authorizer.authorize(head, peer, action);
        let said = self.shared.callbacks.call("authorizer", ask);
        said.ok_or_else(|| failed("the authorizer failed"))?
            .map_err(|denied| match denied {
                Denied::Unknown(challenge) => {
                    Problem::new(401, "who are you?").authenticate(challenge)
                }
                Denied::Forbidden => Problem::new(403, "not allowed"),
            })
    }
}

/// Code of the program has panicked.
pub(in crate::gateway) fn failed(detail: &str) -> Problem {
    Problem::new(500, detail)
}

fn index(reply: ReplyTo) -> Answer {
    let text = routes::index();
    let mut bytes = Vec::with_capacity(512);
    let head = response(&mut bytes, 200)
        .header("Content-Type", "text/plain; charset=utf-8")
        .header("Vary", "Accept")
        .content_length(text.len() as u64);
    reply.finish(head);
    if !reply.head_only {
        bytes.extend_from_slice(text.as_bytes());
    }
    Answer {
        bytes,
        after: 0,
        close: !reply.keep_alive,
    }
}
