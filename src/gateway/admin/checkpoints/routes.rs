//! The routes of checkpoints.

use schemars::{Schema, SchemaGenerator};

use crate::gateway::access::Action;
use crate::gateway::admin::checkpoints::handlers;
use crate::gateway::admin::checkpoints::json::{CheckpointAnswer, CheckpointsAnswer};
use crate::gateway::admin::checkpoints::request::CHECKPOINT_MEMBERS;
use crate::gateway::admin::routes::row;
use crate::gateway::http::openapi::{self, AnswerSpec, BodySpec, Content};
use crate::gateway::http::query;
use crate::gateway::http::route::{Claim, Method, Route};

/// Largest body that saves a checkpoint, bytes.
const BODY_BYTES: u64 = 4 << 10;

const PATH: &str = "/api/v1/checkpoints/{name}";

const MANAGE: Claim = Claim::server(Action::Manage);

const TOLD: &[AnswerSpec] = &[AnswerSpec::new(
    200,
    "The checkpoint as it is kept.",
    &[Content::Json(openapi::of::<CheckpointAnswer<'static>>)],
)];

pub(in crate::gateway) const ROUTES: &[Route] = &[
    Route {
        summary: "checkpoints by name, a page at a time",
        answers: &[AnswerSpec::new(
            200,
            "A page of checkpoints.",
            &[Content::Json(openapi::of::<CheckpointsAnswer<'static>>)],
        )],
        parameters: Some(query::CHECKPOINTS),
        ..row(
            Method::Get,
            "/api/v1/checkpoints",
            &MANAGE,
            handlers::list_checkpoints,
        )
    },
    Route {
        summary: "how far the reader of that name has come",
        answers: TOLD,
        ..row(Method::Get, PATH, &MANAGE, handlers::load_checkpoint)
    },
    Route {
        summary: "saves how far a reader has come: forward only, unless by force",
        bodies: &[BodySpec {
            content_type: "application/json",
            schema: checkpoint_body,
        }],
        answers: TOLD,
        body_bytes: Some(BODY_BYTES),
        ..row(Method::Put, PATH, &MANAGE, handlers::save_checkpoint)
    },
    Route {
        summary: "forgets a checkpoint",
        answers: &[AnswerSpec::new(204, "It is forgotten.", &[])],
        ..row(Method::Delete, PATH, &MANAGE, handlers::delete_checkpoint)
    },
];

fn checkpoint_body(_: &mut SchemaGenerator) -> Schema {
    openapi::members_schema(CHECKPOINT_MEMBERS)
}
