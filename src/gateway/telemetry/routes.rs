//! The routes of figures.

use crate::gateway::access::{Access, Action};
use crate::gateway::encode::Framing;
use crate::gateway::encode::stream_head::{self, framing_of};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::openapi::{AnswerSpec, Content};
use crate::gateway::http::problem::{Problem, fresh_answer, json_answer};
use crate::gateway::http::query;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{Begun, Claim, Delivers, Handler, Method, Request, Route};
use crate::gateway::telemetry::prometheus::{self, MetricsCollector};
use crate::gateway::telemetry::schemas::stats_schema;
use crate::gateway::telemetry::stats;
use crate::net::{Answer, Begin, WatchPlan};

const OBSERVE: Claim = Claim::server(Action::Observe);

pub(in crate::gateway) const ROUTES: &[Route] = &[
    Route {
        summary: "figures for Prometheus",
        answers: &[AnswerSpec::new(
            200,
            "All metrics.",
            &[Content::Text(prometheus::CONTENT_TYPE)],
        )],
        ..Route::new(
            Method::Get,
            "/metrics",
            RouteKind::Metrics,
            Handler::Claimed(&OBSERVE, metrics),
        )
    },
    Route {
        summary: "figures as JSON",
        answers: &[AnswerSpec::new(
            200,
            "All figures. Counters only grow.",
            &[Content::Json(stats_schema)],
        )],
        ..Route::new(
            Method::Get,
            "/api/v1/stats",
            RouteKind::Stats,
            Handler::Claimed(&OBSERVE, stats_json),
        )
    },
    Route {
        summary: "the same once a second, as Server-Sent Events",
        answers: &[AnswerSpec::new(
            200,
            "Events named stats, without ids.",
            &[Content::Events(&[("stats", stats_schema)])],
        )],
        parameters: Some(query::STATS_STREAM),
        delivers: Delivers::Stream,
        ..Route::new(
            Method::Get,
            "/api/v1/stats/stream",
            RouteKind::Stats,
            Handler::Claimed(&OBSERVE, watch),
        )
    },
];

fn metrics(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let callbacks = &gateway.shared.callbacks;
    let collector = MetricsCollector::new(gateway.snapshot(), &gateway.shared.counters, callbacks);
    let text = callbacks.call("counter", || collector.text());
    let text = text.ok_or_else(|| Problem::failed("a counter of the program failed"))?;
    let answer = fresh_answer(request.reply, prometheus::CONTENT_TYPE, text.as_bytes());
    Ok(Begin::Answer(answer))
}

fn stats_json(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let mut body = Vec::with_capacity(4 << 10);
    stats::write_json(
        &gateway.snapshot(),
        gateway.telemetry.topic_rates(),
        &mut body,
    );
    body.push(b'\n');
    Ok(Begin::Answer(json_answer(request.reply, &body)))
}

fn watch(gateway: &mut Gateway, request: &Request<'_>, access: Access) -> Begun {
    let mut head = Vec::with_capacity(256);
    let framing = framing_of(request.head, &request.query);
    stream_head::write_plain(framing, &mut head);
    if request.reply.head_only {
        return Ok(Begin::Answer(Answer {
            bytes: head,
            close: true,
        }));
    }
    let mut first = Vec::with_capacity(4 << 10);
    gateway.write_tick(&mut first);
    Ok(Begin::Watch(WatchPlan {
        head,
        first,
        chunked: framing == Framing::Chunked,
        expires_at: access.expires_at,
    }))
}
