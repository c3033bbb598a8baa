//! `GET /api/v1/openapi.json`: the table of routes as a document that programs read.

mod document;
mod schemas;
mod spec;

pub(in crate::gateway) use document::answer;
pub(in crate::gateway) use schemas::{
    cloudevent, cloudevents, members_schema, named, object, one_line,
};
pub(in crate::gateway) use spec::{AnswerSpec, BodySpec, Content, Text, of};
