//! The routes of topics.

use schemars::{Schema, SchemaGenerator};

use crate::gateway::access::Action;
use crate::gateway::admin::routes::row;
use crate::gateway::admin::topics::handlers;
use crate::gateway::admin::topics::json::{TopicAnswer, TopicsAnswer};
use crate::gateway::admin::topics::request::TOPIC_MEMBERS;
use crate::gateway::http::openapi::{self, AnswerSpec, BodySpec, Content};
use crate::gateway::http::query;
use crate::gateway::http::route::{Claim, Method, Resource, Route};

/// Largest body that settles a topic, bytes.
const BODY_BYTES: u64 = 64 << 10;

const PATH: &str = "/api/v1/topics/{topic}";

const OBSERVE: Claim = Claim::server(Action::Observe);
const OBSERVE_TOPIC: Claim = Claim {
    action: Action::Observe,
    resource: Resource::Topic,
    denied: "looking at this topic is not allowed",
};
const MANAGE_TOPIC: Claim = Claim {
    action: Action::Manage,
    resource: Resource::Topic,
    denied: "changing this topic is not allowed",
};

const DESCRIBED: &[AnswerSpec] = &[AnswerSpec::new(
    200,
    "The topic as it is now.",
    &[Content::Json(openapi::of::<TopicAnswer<'static>>)],
)];

pub(in crate::gateway) const ROUTES: &[Route] = &[
    Route {
        summary: "topics by name, a page at a time",
        answers: &[AnswerSpec::new(
            200,
            "A page of topics.",
            &[Content::Json(openapi::of::<TopicsAnswer>)],
        )],
        parameters: Some(query::TOPICS),
        ..row(
            Method::Get,
            "/api/v1/topics",
            &OBSERVE,
            handlers::list_topics,
        )
    },
    Route {
        summary: "a topic, its settings and figures",
        answers: DESCRIBED,
        ..row(Method::Get, PATH, &OBSERVE_TOPIC, handlers::describe_topic)
    },
    Route {
        summary: "settles a topic, which is made where there is none",
        bodies: &[BodySpec {
            content_type: "application/json",
            schema: topic_body,
        }],
        answers: DESCRIBED,
        body_bytes: Some(BODY_BYTES),
        ..row(Method::Put, PATH, &MANAGE_TOPIC, handlers::settle_topic)
    },
    Route {
        summary: "deletes a topic, with what is kept for it",
        answers: &[AnswerSpec::new(204, "It is deleted.", &[])],
        ..row(Method::Delete, PATH, &MANAGE_TOPIC, handlers::delete_topic)
    },
    Route {
        summary: "deletes the events of a topic before a position, for good",
        answers: &[AnswerSpec::new(204, "Nobody finds them any more.", &[])],
        parameters: Some(query::TRUNCATE),
        ..row(
            Method::Delete,
            "/api/v1/topics/{topic}/events",
            &MANAGE_TOPIC,
            handlers::truncate_topic,
        )
    },
];

fn topic_body(_: &mut SchemaGenerator) -> Schema {
    openapi::members_schema(TOPIC_MEMBERS)
}
