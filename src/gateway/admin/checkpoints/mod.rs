//! Checkpoints over HTTP: saved, looked at, listed, deleted.

mod handlers;
mod json;
pub(in crate::gateway) mod rates;
mod request;
pub(in crate::gateway) mod routes;
