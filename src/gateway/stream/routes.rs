//! The routes of event streams, and of who is present on them.

use crate::gateway::access::{Access, Action};
use crate::gateway::delivery::StreamOwner;
use crate::gateway::encode::schemas;
use crate::gateway::gateway::Gateway;
use crate::gateway::http::openapi::{self, AnswerSpec, Content};
use crate::gateway::http::problem::json_answer;
use crate::gateway::http::query;
use crate::gateway::http::response::write_json;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{
    Begun, Claim, Delivers, Handler, Method, Request, Resource, Route,
};
use crate::gateway::stream::NewStream;
use crate::gateway::stream::presence::streams::Listeners;
use crate::gateway::stream::request::StreamRequest;
use crate::net::{Answer, Begin};

/// The topics that a principal may not read are left out of the stream.
const SUBSCRIBE: Claim = Claim::topics(Action::Subscribe);
const SUBSCRIBE_TOPIC: Claim = Claim {
    action: Action::Subscribe,
    resource: Resource::Topic,
    denied: "reading this topic is not allowed",
};

/// The answer of every stream of events: its notices are events of these names.
pub(in crate::gateway) const EVENTS: &[AnswerSpec] = &[AnswerSpec::new(
    200,
    "A stream of events.",
    &[Content::Events(&[
        ("gap", schemas::gap),
        ("reset", schemas::reset),
        ("disconnect", schemas::disconnect),
        ("join", schemas::presence_change),
        ("leave", schemas::presence_change),
    ])],
)];

pub(in crate::gateway) const ROUTES: &[Route] = &[
    Route {
        summary: "events as Server-Sent Events",
        answers: EVENTS,
        parameters: Some(query::STREAM),
        delivers: Delivers::Stream,
        ..Route::new(
            Method::Get,
            "/api/v1/events/stream",
            RouteKind::Stream,
            Handler::Claimed(&SUBSCRIBE, stream),
        )
    },
    Route {
        summary: "the subscribers of a topic",
        answers: &[AnswerSpec::new(
            200,
            "Who listens.",
            &[Content::Json(openapi::of::<Listeners>)],
        )],
        ..Route::new(
            Method::Get,
            "/api/v1/topics/{topic}/presence",
            RouteKind::Stats,
            Handler::Claimed(&SUBSCRIBE_TOPIC, presence),
        )
    },
];

fn stream(gateway: &mut Gateway, request: &Request<'_>, access: Access) -> Begun {
    let (options, room) = (gateway.shared.options, gateway.room());
    let wanted = StreamRequest::read(request.head, &request.query, options, room)?;
    if request.reply.head_only {
        return Ok(Begin::Answer(Answer {
            bytes: wanted.head_only(),
            close: true,
        }));
    }
    gateway.streaming.check_open()?;
    let stream = NewStream {
        request: wanted,
        access,
        offered: None,
        owner: StreamOwner::default(),
    };
    let plan = gateway.streaming.open(stream, &mut gateway.encoder);
    Ok(Begin::Stream(plan))
}

fn presence(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let mut body = Vec::new();
    let listeners = Listeners::of(&gateway.hub, request.captured());
    write_json(&mut body, &listeners);
    body.push(b'\n');
    Ok(Begin::Answer(json_answer(request.reply, &body)))
}
