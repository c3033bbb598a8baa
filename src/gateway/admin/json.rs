//! Connections, endpoints and what a broadcast came to, as they are answered.

use std::net::SocketAddr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::gateway::admin::connections::{Broadcast, ConnectionInfo, ConnectionStatus};
use crate::gateway::admin::endpoints::EndpointInfo;
use crate::gateway::http::openapi::{Text, of};
use crate::gateway::http::response::write_json;
use crate::gateway::stream::options::policy_name;

/// A connection.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(super) struct ConnectionAnswer<'a> {
    id: &'a str,
    #[schemars(extend("enum" = ["connecting", "connected", "disconnected", "error"]))]
    status: &'static str,
    /// The path of its endpoint, if it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    /// The patterns of its topics.
    filter: &'a str,
    /// Its client, while it is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Text<SocketAddr>>,
    /// The time at which it got its newest event (RFC 3339).
    last_event: Option<String>,
    open_s: u64,
    delivered: u64,
    missed: u64,
    bytes: u64,
    /// Events between it and the newest one.
    lag: u64,
}

/// An endpoint and its options.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Endpoint")]
pub(super) struct EndpointAnswer<'a> {
    path: &'a str,
    filter: String,
    connections: u64,
    heartbeat: Seconds,
    retry: Seconds,
    #[schemars(extend("enum" = ["catch-up", "gap", "latest", "disconnect"]))]
    slow: &'static str,
    buffer: usize,
    hold_ms: u64,
    max_age: Seconds,
    compression: &'static str,
    compression_for: &'static str,
}

/// The result of a broadcast.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Broadcast")]
pub(super) struct BroadcastAnswer<'a> {
    /// The number of connections that get it.
    sent: u64,
    /// The ids asked for whose buffers are full.
    full: &'a [String],
    /// The ids asked for that nobody has.
    unknown: &'a [String],
}

/// A connection that was made: its client comes to the address.
#[derive(Serialize, JsonSchema)]
pub(super) struct MadeConnection<'a> {
    pub(super) id: &'a str,
    #[schemars(extend("const" = "connecting"))]
    pub(super) status: &'static str,
    pub(super) url: &'a str,
}

/// An endpoint that was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct MadeEndpoint<'a> {
    pub(super) path: &'a str,
}

/// A number of seconds, written without a point where it is whole.
#[derive(JsonSchema)]
struct Seconds(f64);

impl Seconds {
    fn of(time: Duration) -> Self {
        Self(time.as_secs_f64())
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.fract() == 0.0 {
            true => serializer.serialize_u64(self.0 as u64),
            false => serializer.serialize_f64(self.0),
        }
    }
}

pub(in crate::gateway) fn connection_json(info: &ConnectionInfo) -> Vec<u8> {
    let connected = info.status == ConnectionStatus::Connected;
    let answer = ConnectionAnswer {
        id: &info.id,
        status: info.status.name(),
        endpoint: info.endpoint.as_deref(),
        filter: &info.filter,
        peer: info.peer.filter(|_| connected).map(Text),
        last_event: info.last_event_ago.map(|ago| {
            let at = jiff::Timestamp::now() - ago;
            format!("{at:.0}")
        }),
        open_s: info.open.as_secs(),
        delivered: info.delivered,
        missed: info.missed,
        bytes: info.bytes,
        lag: info.lag,
    };
    let mut out = Vec::with_capacity(256);
    write_json(&mut out, &answer);
    out
}

pub(in crate::gateway) fn endpoint_json(endpoint: &EndpointInfo, out: &mut Vec<u8>) {
    let options = &endpoint.options;
    let answer = EndpointAnswer {
        path: &endpoint.path,
        filter: endpoint.filter.to_string(),
        connections: endpoint.connections,
        heartbeat: Seconds::of(options.heartbeat),
        retry: Seconds::of(options.retry),
        slow: policy_name(options.slow),
        buffer: options.buffer,
        hold_ms: options.hold.as_millis() as u64,
        max_age: Seconds::of(options.max_age),
        compression: options.compression.name(),
        compression_for: options.compression_for.name(),
    };
    write_json(out, &answer);
}

pub(in crate::gateway) fn broadcast_json(broadcast: &Broadcast) -> Vec<u8> {
    let answer = BroadcastAnswer {
        sent: broadcast.sent,
        full: &broadcast.full,
        unknown: &broadcast.unknown,
    };
    let mut out = Vec::new();
    write_json(&mut out, &answer);
    out.push(b'\n');
    out
}

/// The schema of a page of connections, which is written in pieces.
pub(super) fn connections(schemas: &mut SchemaGenerator) -> Schema {
    let one = of::<ConnectionAnswer<'static>>(schemas);
    json_schema!({
        "type": "object",
        "properties": {
            "connections": { "type": "array", "items": one },
            "total": { "type": "integer", "minimum": 0 },
            "next": {
                "type": ["string", "null"],
                "description": "The parameter after of the next page.",
            },
        },
        "required": ["connections", "total", "next"],
    })
}

/// The schema of the list of endpoints, which is written in pieces.
pub(super) fn endpoints(schemas: &mut SchemaGenerator) -> Schema {
    let one = of::<EndpointAnswer<'static>>(schemas);
    json_schema!({
        "type": "object",
        "properties": { "endpoints": { "type": "array", "items": one } },
        "required": ["endpoints"],
    })
}
