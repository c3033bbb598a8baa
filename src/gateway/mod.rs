//! The gateway: HTTP routes and Server-Sent Events on a hub.
//!
//! [`Server::bind`] puts a [`Hub`](crate::hub::Hub) on a socket. `GET /api/v1/events/stream` streams
//! events, `GET /api/v1/ws` does so over WebSocket, `POST /api/v1/topics/{topic}/events` publishes them, `GET /health/live` says how it is, `GET /health/ready` whether clients should be sent here, `GET /metrics`
//! and `GET /api/v1/stats` give figures; `GET /api/v1/openapi.json` describes all of it. A browser gets a dashboard at `/`.
#![cfg_attr(
    all(
        feature = "gateway",
        feature = "pipeline",
        feature = "client",
        feature = "async"
    ),
    doc = "\n\nIn the guide: [`embed`](crate::guide::embed), [`stream`](crate::guide::stream), [`websocket`](crate::guide::websocket), [`deploy`](crate::guide::operate::deploy)."
)]
#![forbid(unsafe_code)]

mod access;
mod admin;
mod callbacks;
mod clients;
mod dashboard;
mod delivery;
mod dispatch;
mod encode;
#[allow(clippy::module_inception)]
mod gateway;
mod history;
mod http;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod pending_body;
mod publish;
mod readiness;
mod requests;
mod routes;
mod server;
mod service;
mod socket;
mod stream;
mod telemetry;
mod user_routes;
mod ws;

pub use access::{
    AccessRequest, Action, AllowAll, Authorizer, Decision, Denied, Principal, Ticket,
};
pub use admin::connections::{Broadcast, ConnectionInfo, ConnectionStatus};
pub use admin::endpoint_path::EndpointError;
pub use admin::endpoints::EndpointInfo;
pub use clients::{
    ClientHandler, ClientIdError, OnDuplicate, SocketMessage, StreamClient, SubscriptionId,
    WebSocketStream, WebSocketStreamOptions, WebSocketStreamStats,
};
pub use delivery::{SendOutcome, ServerStats};
pub use encode::{Compression, CompressionFor};
pub use http::query::suggest;
pub use server::builder::ServerBuilder;
pub use server::config::ServerConfig;
pub use server::error::{RouteError, ServerError};
pub use server::handle::NotServing;
pub use server::handle::{ServerHandle, ServerThread};
pub use server::server::Server;
pub use stream::options::StreamOptions;
pub use ws::{SocketHandler, SocketOptions, SocketReplies, SocketRequest};

pub use crate::fanout::SlowPolicy;
pub use crate::net::{
    BindError, Clock, LATENCY_BOUNDS_US, Latency, SocketLimits, StopReport, Tls, TlsError,
    UnixAddress,
};
pub use crate::wire::http::ForwardedField;
