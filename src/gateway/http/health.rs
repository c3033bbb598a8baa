//! `GET /healthz`: that it is alive, where it stands, who is connected. `GET /readyz`: whether clients should
//! be sent here.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Epoch, Position};
use crate::gateway::http::openapi::Text;
use crate::gateway::http::problem::{ReplyTo, json_answer, json_answer_of};
use crate::gateway::http::response::write_json;
use crate::net::Answer;

/// The state.
#[derive(Serialize, JsonSchema)]
pub(in crate::gateway) struct Health {
    #[schemars(extend("const" = "ok"))]
    status: &'static str,
    /// Changes with each start of a server that keeps events in memory.
    epoch: Text<Epoch>,
    /// The position of the newest event.
    head: Text<Position>,
    connections: u64,
    streams: u64,
}

/// Clients should be sent here.
#[derive(Serialize, JsonSchema)]
pub(in crate::gateway) struct Readiness {
    #[schemars(extend("enum" = ["ready", "draining"]))]
    status: &'static str,
}

/// The state as JSON.
pub(in crate::gateway) fn answer(
    reply: ReplyTo,
    head: Position,
    connections: u64,
    streams: u64,
) -> Answer {
    let health = Health {
        status: "ok",
        epoch: Text(head.epoch),
        head: Text(head),
        connections,
        streams,
    };
    let mut body = Vec::with_capacity(160);
    write_json(&mut body, &health);
    body.push(b'\n');
    json_answer(reply, &body)
}

/// 200, or 503 once the server is going to stop.
pub(in crate::gateway) fn readiness(reply: ReplyTo, draining: bool) -> Answer {
    let (code, status) = match draining {
        false => (200, "ready"),
        true => (503, "draining"),
    };
    let mut body = Vec::with_capacity(32);
    write_json(&mut body, &Readiness { status });
    body.push(b'\n');
    json_answer_of(code, reply, &body)
}

/// That it is alive, and nothing else: for who asks by a name that is not ours.
pub(in crate::gateway) fn alive(reply: ReplyTo) -> Answer {
    json_answer(reply, b"{\"status\":\"ok\"}\n")
}
