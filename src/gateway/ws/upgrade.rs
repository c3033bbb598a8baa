//! From a request to a WebSocket, or to what is wrong with it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::access::{Access, Action};
use crate::gateway::callbacks::Callbacks;
use crate::gateway::encode::{Compression, Messages};
use crate::gateway::gateway::Gateway;
use crate::gateway::http::problem::Problem;
use crate::gateway::socket::Socket;
use crate::gateway::stream::parameters::StreamParameters;
use crate::gateway::stream::start::StartRequest;
use crate::gateway::ws::handler::SocketRoute;
use crate::gateway::ws::protocol::Protocol;
use crate::gateway::ws::{Session, SocketRequest};
use crate::net::{SocketLimits, SocketPlan, date};
use crate::wire::http::Head;
use crate::wire::ws::{DeflatePolicy, Handshake, HandshakeError, HandshakePolicy, Opcode, wrap};

/// The subprotocol of `GET /api/v1/ws`, which is also spoken with who names none. Others that come with it, as
/// credentials do (`bearer.TOKEN`), are not ours to choose.
const PROTOCOL: &str = "eventring.v1";

/// A handshake that is agreed on.
pub(crate) struct Upgrade(pub(in crate::gateway) Handshake);

impl Upgrade {
    /// Reads a handshake for a route that speaks `protocols`.
    pub(in crate::gateway) fn read(
        head: &Head,
        protocols: &[&str],
        deflate: Option<DeflatePolicy>,
    ) -> Result<Self, Problem> {
        let policy = HandshakePolicy { protocols, deflate };
        let read = Handshake::read(head, &policy).map(Self);
        read.map_err(|error| problem(error, protocols))
    }

    /// Makes a connection of one of the embedder's routes.
    pub(crate) fn handled(
        head: &Head,
        peer: SocketAddr,
        route: &SocketRoute,
        callbacks: &Callbacks,
    ) -> Result<SocketPlan<Gateway>, Problem> {
        let options = &route.options;
        let protocols: Vec<&str> = options.protocols.iter().map(String::as_str).collect();
        let Self(handshake) = Self::read(head, &protocols, options.deflate)?;
        let request = SocketRequest {
            head,
            peer,
            protocol: handshake.protocol.as_deref(),
        };
        let made = callbacks.call("socket route", || (route.factory)(request));
        let made = made.ok_or_else(|| Problem::failed("the handler failed"))?;
        let handler = made.map_err(|status| {
            // Another status is no refusal: after a 101 or a redirect the client would wait for a socket that is not
            // there.
            let status = if (400..500).contains(&status) {
                status
            } else {
                403
            };
            Problem::new(status, "the route refuses the connection")
        })?;
        let mut head = Vec::with_capacity(256);
        handshake.response(&mut head).header("Date", date()).end();
        Ok(SocketPlan {
            head,
            socket: Socket::Handler(handler),
            inflate: handshake.inflate(),
            limits: route.limits.clone(),
            subscribed: None,
            heartbeat: Duration::ZERO,
            expires_at: None,
        })
    }

    /// Makes a subscriber of a handshake on `GET /api/v1/ws`, which is authorized for reading and for publishing.
    pub(in crate::gateway) fn subscriber(
        head: &Head,
        asked: StreamParameters,
        limits: Arc<SocketLimits>,
        mut protocol: Protocol<'_>,
        check_open: impl FnOnce() -> Result<(), Problem>,
        authorize: impl Fn(Action) -> Result<Access, Problem>,
    ) -> Result<SocketPlan<Gateway>, Problem> {
        let compression = asked.options.compression;
        // Who asks for no compression gets none, neither way; where the server has none, it still inflates.
        let refused = asked.compression == Some(Compression::Off);
        let deflate = (!refused).then(|| policy(compression));
        let Self(handshake) = Self::read(head, &[PROTOCOL], deflate)?;
        check_open()?;
        // A stream of Server-Sent Events that names no topic has them all; here it subscribes to nothing, and a start
        // would be left out without a word.
        if asked.filter.is_none() && asked.start.is_some() {
            let detail = "topic: is missing: a start and last-event-id are for subscriptions";
            return Err(Problem::new(400, detail).field("topic"));
        }
        // Both at once: what a connection may is settled when it is made, and messages are not authorized again.
        let read = authorize(Action::Subscribe);
        let publish = authorize(Action::Publish);
        let (read, publish) = match (read, publish) {
            // Who may neither is told why it may not read; who asks to read must be allowed to.
            (Err(denied), Err(_)) => return Err(denied),
            (Err(denied), Ok(_)) if asked.filter.is_some() => return Err(denied),
            (read, publish) => (read.ok(), publish.ok()),
        };
        // One connection has one end: that of the right which ends first.
        let ends = [&read, &publish].into_iter().flatten();
        let expires_at = ends.filter_map(|access| access.expires_at).min();
        let may = |access: Option<Access>| access.map(|access| access.allow);
        let messages = messages(&handshake, compression);
        let mut session = Session::new(may(read), may(publish), messages);
        session.presence = asked.presence;
        let mut bytes = Vec::with_capacity(512);
        handshake.response(&mut bytes).header("Date", date()).end();
        let mut notice = Vec::new();
        let mut after = protocol.history.visible();
        let mut subscribed = None;
        if let Some(filter) = &asked.filter {
            let start = asked.start.unwrap_or(StartRequest::Now);
            let joined = protocol.join(&mut session, filter, start, &mut notice, None)?;
            after = joined.after;
            subscribed = Some(joined.subscription);
        }
        wrap(&mut bytes, Opcode::Text, |out| {
            // Writing to a Vec cannot fail.
            let _ = write!(out, r#"{{"type":"welcome","id":"{after}"}}"#);
        });
        bytes.extend_from_slice(&notice);
        Ok(SocketPlan {
            head: bytes,
            socket: Socket::Hub(session),
            inflate: handshake.inflate(),
            limits,
            subscribed: subscribed.map(Some),
            heartbeat: asked.options.heartbeat,
            expires_at,
        })
    }
}

/// The terms for clients that offer to compress.
fn policy(compression: Compression) -> DeflatePolicy {
    match compression {
        // Who sends nothing compressed can do with any window.
        Compression::Off => DeflatePolicy::default(),
        _ => DeflatePolicy {
            server_window_bits: DeflatePolicy::WINDOW_BITS,
            ..DeflatePolicy::default()
        },
    }
}

/// The compression of the messages that a client gets.
fn messages(handshake: &Handshake, compression: Compression) -> Messages {
    match handshake.deflate {
        Some(_) if compression == Compression::Off => Messages::Plain,
        Some(deflate) if deflate.server_no_context_takeover => Messages::NoContext,
        Some(_) => Messages::SharedContext,
        None => Messages::Plain,
    }
}

/// The problem of a handshake of a route that speaks `protocols`.
fn problem(error: HandshakeError, protocols: &[&str]) -> Problem {
    let mut detail = error.to_string();
    if error == HandshakeError::NoProtocol {
        detail += match protocols {
            [] => ": none are",
            _ => ": those are ",
        };
        detail += &protocols.join(", ");
    }
    let problem = Problem::new(error.status(), detail).field(error.field());
    match error.status() {
        405 => problem.allow("GET"),
        426 => problem.upgrade(),
        _ => problem,
    }
}
