//! The gateway: HTTP routes and Server-Sent Events on a hub.
//!
//! [`Server::bind`] puts a [`Hub`](crate::hub::Hub) on a socket. `GET /api/v1/events/stream` streams
//! events, `GET /api/v1/ws` does so over WebSocket, `POST /api/v1/topics/{topic}/events` publishes them, `GET /healthz` says how it is, `GET /readyz` whether it is going to stop, `GET /metrics`
//! and `GET /api/v1/stats` give figures. A browser gets a dashboard at `/`.
#![forbid(unsafe_code)]

mod auth;
mod begin;
mod binding;
mod callbacks;
#[cfg(any(test, fuzzing))]
pub mod check;
mod closed;
mod common;
mod compression;
mod config;
mod connections;
mod control;
mod counter;
mod crew;
mod dashboard;
mod desk;
mod endpoint;
mod exchange;
mod farewell;
mod feed;
mod figures;
mod forms;
mod gone;
mod guard;
mod health;
mod hosts;
mod ingest;
mod kept;
mod later;
mod lines;
mod listing;
mod log;
mod look_up;
mod manage;
mod metrics;
mod newest;
mod options;
mod origins;
mod places;
mod plan;
mod preflight;
mod presence;
mod presence_news;
mod problem;
mod prometheus;
mod proxies;
mod public;
mod publish;
mod query;
mod rest;
mod resume;
mod routes;
mod running;
mod server;
mod service;
mod slow;
mod state;
mod stats;
mod stream;
mod tally;
mod told;
mod told_json;
mod topics;
mod wishes;
mod ws;

pub use auth::{Access, Action, AllowAll, Authorizer, Denied};
pub use compression::{Compression, CompressionFor};
pub use config::ServerConfig;
pub use connections::{Broadcast, ConnectionInfo, ConnectionStatus};
pub use endpoint::EndpointError;
pub use manage::NotServing;
pub use options::StreamOptions;
pub use places::EndpointInfo;
pub use query::nearest;
pub use running::{Handle, Running};
pub use server::{Server, ServerError};
pub use ws::{
    ClientHandler, ConnectError, SecondConnect, SocketHandler, SocketMessage, SocketOptions,
    SocketReplies, SocketRequest, StreamClient, SubscriptionId, WebSocketStream,
    WebSocketStreamOptions, WebSocketStreamStats,
};

#[cfg(feature = "tls")]
pub use crate::reactor::TlsError;
pub use crate::reactor::{
    Clock, LATENCY_BOUNDS_US, Latency, Queued, SlowPolicy, SocketLimits, Stats, StopReport, Tls,
    UnixAddress,
};
pub use crate::wire::http::ForwardedField;
