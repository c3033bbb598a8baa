//! From a request to a client of a WebSocket stream, or to what is wrong with it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::gateway::access::{Access, Action};
use crate::gateway::callbacks::Callbacks;
use crate::gateway::clients::WebSocketStream;
use crate::gateway::clients::registry::{ClientIdError, check_client};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::query::{self, Foreign, Query};
use crate::gateway::socket::Socket;
use crate::gateway::ws::{SocketRequest, Upgrade};
use crate::net::{SocketPlan, date};
use crate::wire::http::Head;

/// The wait that a client is told which finds no room, seconds.
const RETRY_AFTER_S: u32 = 1;

/// Makes a client of a handshake on the path of `stream`.
pub(in crate::gateway) fn upgrade(
    head: &Head,
    peer: SocketAddr,
    stream: WebSocketStream,
    callbacks: &Callbacks,
    authorize: impl FnOnce(Action) -> Result<Access, Problem>,
) -> Result<SocketPlan<Gateway>, Problem> {
    let protocols = stream.0.options.protocols.iter().map(String::as_str);
    let protocols: Vec<&str> = protocols.collect();
    // What is no handshake, or names no client, asks neither authorizer nor handler.
    let Upgrade(handshake) = Upgrade::read(head, &protocols, None)?;
    // What else stands there is for the handler that admits it.
    let query = Query::read(head, query::CLIENTS, &Foreign::ALL)?;
    let client = query.text(&query::CLIENT).ok_or_else(|| {
        let detail = "client is missing: the id by which this client is known";
        Problem::new(400, detail).field("client")
    })?;
    check_client(client)?;
    let access = authorize(Action::Subscribe)?;
    let request = SocketRequest {
        head,
        peer,
        protocol: handshake.protocol.as_deref(),
    };
    let admit = || stream.0.handler.admit(client, request);
    let admitted = callbacks.call("client handler", admit);
    let admitted = admitted.ok_or_else(|| Problem::failed("the handler failed"))?;
    admitted.map_err(|status| {
        // Another status is no refusal: after a 101 or a redirect the client would wait for a socket that is not there.
        let status = Some(status).filter(|status| (400..500).contains(status));
        let detail = "client: may not have this id";
        Problem::new(status.unwrap_or(403), detail).field("client")
    })?;
    let limits = stream.0.limits.clone();
    // Last: from here on the id is taken, and no refusal has to give it back.
    let client = stream.admit(client)?;
    let mut bytes = Vec::with_capacity(256);
    handshake.response(&mut bytes).header("Date", date()).end();
    Ok(SocketPlan {
        head: bytes,
        socket: Socket::Client(client),
        inflate: handshake.inflate(),
        limits,
        subscribed: None,
        heartbeat: Duration::ZERO,
        expires_at: access.expires_at,
    })
}

impl From<ClientIdError> for Problem {
    fn from(error: ClientIdError) -> Self {
        let detail = error.to_string();
        match error {
            ClientIdError::Client { .. } => Self::new(400, detail).field("client"),
            ClientIdError::Taken { .. } => Self::new(409, detail).field("client"),
            ClientIdError::TooMany { limit } => {
                let problem = Self::new(503, detail).limit(limit as u64);
                problem.retry_after_s(RETRY_AFTER_S)
            }
        }
    }
}
