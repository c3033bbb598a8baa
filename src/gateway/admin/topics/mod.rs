//! Topics over HTTP: their settings, and the list of them.

mod handlers;
mod json;
mod request;
pub(in crate::gateway) mod routes;
