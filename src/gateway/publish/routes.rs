//! The route that publishes.

use schemars::{Schema, SchemaGenerator};

use crate::gateway::access::{Access, Action};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::openapi::{self, AnswerSpec, BodySpec, Content};
use crate::gateway::http::query;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{Begun, Claim, Handler, Method, Request, Resource, Route};
use crate::gateway::pending_body::PendingBody;
use crate::gateway::publish::published::Published;
use crate::net::Begin;

const PUBLISH: Claim = Claim {
    action: Action::Publish,
    resource: Resource::Topic,
    denied: "publishing to this topic is not allowed",
};

pub(in crate::gateway) const ROUTES: &[Route] = &[Route {
    summary: "publish",
    bodies: &[
        BodySpec {
            content_type: "application/cloudevents+json",
            schema: openapi::cloudevent,
        },
        BodySpec {
            content_type: "application/cloudevents-batch+json",
            schema: openapi::cloudevents,
        },
        BodySpec {
            content_type: "application/x-ndjson",
            schema: anything,
        },
        BodySpec {
            content_type: "*/*",
            schema: anything,
        },
    ],
    answers: &[AnswerSpec::new(
        200,
        "What was published. With atomic=false, a line for each line of the body.",
        &[
            Content::Json(openapi::of::<Published>),
            Content::Lines(openapi::one_line),
        ],
    )],
    parameters: Some(query::PUBLISH),
    ..Route::new(
        Method::Post,
        "/api/v1/topics/{topic}/events",
        RouteKind::Publish,
        Handler::Claimed(&PUBLISH, publish),
    )
}];

fn publish(gateway: &mut Gateway, request: &Request<'_>, _: Access) -> Begun {
    let topic = request.captured();
    let (head, cors) = (request.head, request.cors.clone());
    let (publish, limit) = gateway.publisher.begin(head, &request.query, topic, cors)?;
    let pending_body = PendingBody::Publish(publish);
    Ok(Begin::Body {
        pending_body,
        limit,
    })
}

/// The schema of data, which may be of any type.
fn anything(_: &mut SchemaGenerator) -> Schema {
    Schema::default()
}
