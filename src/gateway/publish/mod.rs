//! Publishing over HTTP: bodies to events, events to the hub.

pub(in crate::gateway) mod cloudevents;
pub(in crate::gateway) mod lines;
mod published;
pub(in crate::gateway) mod publisher;
pub(in crate::gateway) mod receipt;
pub(in crate::gateway) mod request;
pub(in crate::gateway) mod routes;
