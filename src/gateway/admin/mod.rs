//! Connections, endpoints and broadcasts: what is managed over HTTP and from the program.

pub(in crate::gateway) mod checkpoints;
pub(in crate::gateway) mod commands;
pub(in crate::gateway) mod connections;
pub(in crate::gateway) mod deferred;
pub(in crate::gateway) mod endpoint_path;
pub(in crate::gateway) mod endpoints;
pub(in crate::gateway) mod handlers;
pub(in crate::gateway) mod json;
pub(in crate::gateway) mod listing;
pub(in crate::gateway) mod request;
pub(in crate::gateway) mod routes;
pub(in crate::gateway) mod state;
pub(in crate::gateway) mod topics;
