//! `GET /health/live`: that it is alive, where it stands, who is connected. `GET /health/ready`: whether clients should
//! be sent here. `/healthz` and `/readyz` are their short names.

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
    /// The position of the newest event that readers may see.
    head: Text<Position>,
    connections: u64,
    streams: u64,
}

/// The answer to whoever asks whether clients should be sent here.
#[derive(Serialize, JsonSchema)]
pub(in crate::gateway) struct Readiness {
    #[schemars(extend("enum" = ["ready", "draining", "unready"]))]
    status: &'static str,
    /// The part that they should not be sent here for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["server", "hub", "journal"]))]
    component: Option<&'static str>,
    /// The matter with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A reason why clients should not be sent here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Fault {
    component: &'static str,
    reason: String,
}

impl Fault {
    pub(in crate::gateway) fn new(component: &'static str, reason: impl Into<String>) -> Self {
        Self {
            component,
            reason: reason.into(),
        }
    }
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

/// 200, or 503 with what is the matter.
pub(in crate::gateway) fn readiness(reply: ReplyTo, fault: Option<Fault>) -> Answer {
    let (code, status) = match &fault {
        None => (200, "ready"),
        Some(fault) if fault.component == "server" => (503, "draining"),
        Some(_) => (503, "unready"),
    };
    let (component, reason) = fault.map(|fault| (fault.component, fault.reason)).unzip();
    let readiness = Readiness {
        status,
        component,
        reason,
    };
    let mut body = Vec::with_capacity(96);
    write_json(&mut body, &readiness);
    body.push(b'\n');
    json_answer_of(code, reply, &body)
}

/// That it is alive, and nothing else: for who asks by a name that is not ours.
pub(in crate::gateway) fn alive(reply: ReplyTo) -> Answer {
    json_answer(reply, b"{\"status\":\"ok\"}\n")
}
