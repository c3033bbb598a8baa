//! The routes of connections, endpoints and broadcasts.

use schemars::{Schema, SchemaGenerator};

use crate::gateway::access::{Access, Action};
use crate::gateway::admin::handlers;
use crate::gateway::admin::json::{
    self, BroadcastAnswer, ConnectionAnswer, MadeConnection, MadeEndpoint,
};
use crate::gateway::admin::request::{BROADCAST_MEMBERS, ENDPOINT_MEMBERS};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::openapi::{self, AnswerSpec, BodySpec, Content};
use crate::gateway::http::query;
use crate::gateway::http::route::RouteKind;
use crate::gateway::http::route::{
    Begun, Claim, Delivers, Handler, Method, Request, Resource, Route,
};
use crate::gateway::stream::routes::EVENTS;

/// Largest body of a request that manages, bytes.
const BODY_BYTES: u64 = 64 << 10;

const MANAGE: Claim = Claim::server(Action::Manage);
/// The maker of a connection reads on it, and only what it may.
const SUBSCRIBE: Claim = Claim::topics(Action::Subscribe);
const BROADCAST: Claim = Claim {
    action: Action::Manage,
    resource: Resource::AllTopics,
    denied: "broadcasting takes the right to all topics",
};

const ENDPOINT_BODY: &[BodySpec] = &[BodySpec {
    content_type: "application/json",
    schema: endpoint_body,
}];

pub(in crate::gateway) const ROUTES: &[Route] = &[
    Route {
        summary: "open connections, a page at a time",
        answers: &[AnswerSpec::new(
            200,
            "A page of connections.",
            &[Content::Json(json::connections)],
        )],
        parameters: Some(query::CONNECTIONS),
        ..row(
            Method::Get,
            "/api/v1/connections",
            &MANAGE,
            handlers::list_connections,
        )
    },
    Route {
        summary: "makes a connection, for a stream of its own",
        bodies: ENDPOINT_BODY,
        answers: &[AnswerSpec::new(
            201,
            "It is made.",
            &[Content::Json(openapi::of::<MadeConnection<'static>>)],
        )],
        body_bytes: Some(BODY_BYTES),
        ..row(
            Method::Post,
            "/api/v1/connections",
            &SUBSCRIBE,
            handlers::make_connection,
        )
    },
    Route {
        summary: "the state of a connection",
        answers: &[AnswerSpec::new(
            200,
            "How it is.",
            &[Content::Json(openapi::of::<ConnectionAnswer<'static>>)],
        )],
        ..row(
            Method::Get,
            "/api/v1/connections/{id}/status",
            &MANAGE,
            handlers::connection_status,
        )
    },
    Route {
        summary: "the stream of a connection that was made",
        answers: EVENTS,
        parameters: Some(query::STREAM),
        delivers: Delivers::Stream,
        ..row(
            Method::Get,
            "/api/v1/connections/{id}/stream",
            &SUBSCRIBE,
            handlers::connection_stream,
        )
    },
    Route {
        summary: "ends a connection",
        answers: &[AnswerSpec::new(204, "It is ended.", &[])],
        ..row(
            Method::Delete,
            "/api/v1/connections/{id}",
            &MANAGE,
            handlers::disconnect,
        )
    },
    Route {
        summary: "endpoints: addresses with a filter and options of their own",
        answers: &[AnswerSpec::new(
            200,
            "All endpoints.",
            &[Content::Json(json::endpoints)],
        )],
        ..row(
            Method::Get,
            "/api/v1/endpoints",
            &MANAGE,
            handlers::list_endpoints,
        )
    },
    Route {
        summary: "makes an endpoint",
        bodies: ENDPOINT_BODY,
        answers: &[AnswerSpec::new(
            201,
            "It is made.",
            &[Content::Json(openapi::of::<MadeEndpoint<'static>>)],
        )],
        body_bytes: Some(BODY_BYTES),
        ..row(
            Method::Post,
            "/api/v1/endpoints",
            &MANAGE,
            handlers::create_endpoint,
        )
    },
    Route {
        summary: "removes an endpoint and ends its streams",
        answers: &[AnswerSpec::new(204, "It is removed.", &[])],
        parameters: Some(query::REMOVE_ENDPOINT),
        ..row(
            Method::Delete,
            "/api/v1/endpoints",
            &MANAGE,
            handlers::remove_endpoint,
        )
    },
    Route {
        summary: "an event for connections, not kept",
        bodies: &[BodySpec {
            content_type: "application/json",
            schema: broadcast_body,
        }],
        answers: &[AnswerSpec::new(
            200,
            "Who gets it.",
            &[Content::Json(openapi::of::<BroadcastAnswer<'static>>)],
        )],
        body_bytes: Some(BODY_BYTES),
        ..row(
            Method::Post,
            "/api/v1/broadcast",
            &BROADCAST,
            handlers::broadcast,
        )
    },
];

/// A route that manages the server, for who has the claim.
pub(in crate::gateway::admin) const fn row(
    method: Method,
    path: &'static str,
    claim: &'static Claim,
    handler: fn(&mut Gateway, &Request<'_>, Access) -> Begun,
) -> Route {
    Route::new(
        method,
        path,
        RouteKind::Manage,
        Handler::Claimed(claim, handler),
    )
}

fn endpoint_body(_: &mut SchemaGenerator) -> Schema {
    openapi::members_schema(ENDPOINT_MEMBERS)
}

fn broadcast_body(_: &mut SchemaGenerator) -> Schema {
    openapi::members_schema(BROADCAST_MEMBERS)
}
