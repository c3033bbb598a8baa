//! From a request to a WebSocket, or to what is wrong with it.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::auth::{Access, Action};
use super::super::begin::failed;
use super::super::callbacks::Callbacks;
use super::super::compression::Compression;
use super::super::forms::Messages;
use super::super::problem::Problem;
use super::super::resume::Wanted;
use super::super::state::Gateway;
use super::super::stream;
use super::handler::SocketRoute;
use super::{Session, Socket, SocketRequest};
use crate::event::{Filter, PATTERNS_MAX};
use crate::reactor::SocketPlan;
use crate::wire::http::{Head, query};
use crate::wire::ws::{DeflatePolicy, Handshake, HandshakeError, HandshakePolicy, Opcode, wrap};

/// A handshake that is agreed on.
pub(crate) struct Upgrade(pub(super) Handshake);

impl Upgrade {
    /// Reads a handshake for a route that speaks `protocols`.
    pub(super) fn read(
        head: &Head,
        protocols: &[String],
        deflate: Option<DeflatePolicy>,
    ) -> Result<Self, Problem> {
        let protocols: Vec<&str> = protocols.iter().map(String::as_str).collect();
        let policy = HandshakePolicy {
            protocols: &protocols,
            deflate,
        };
        Handshake::read(head, &policy).map(Self).map_err(problem)
    }

    /// Makes a connection of one of the embedder's routes.
    pub(crate) fn handled(
        head: &Head,
        peer: SocketAddr,
        route: &SocketRoute,
        callbacks: &Callbacks,
    ) -> Result<SocketPlan<Gateway>, Problem> {
        let options = &route.options;
        let Self(handshake) = Self::read(head, &options.protocols, options.deflate)?;
        let request = SocketRequest {
            head,
            peer,
            protocol: handshake.protocol.as_deref(),
        };
        let made = callbacks.call("socket route", || (route.factory)(request));
        let made = made.ok_or_else(|| failed("the handler failed"))?;
        let handler = made.map_err(|status| {
            let status = if (400..500).contains(&status) {
                status
            } else {
                403
            };
            Problem::new(status, "the route refuses the connection")
        })?;
        let mut head = Vec::with_capacity(256);
        handshake.write_response(&mut head);
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
}

/// What a client asked for in its address.
#[derive(Default)]
struct Asked {
    filter: Option<Filter>,
    wanted: Option<Wanted>,
    heartbeat: Option<Duration>,
    presence: bool,
}

impl Asked {
    /// Reads the query. Parameters that nobody knows are left alone, as for streams.
    fn read(head: &Head) -> Result<Self, Problem> {
        let mut patterns: Vec<Cow<'_, str>> = Vec::new();
        let (mut id, mut from, mut heartbeat, mut presence) = (None, None, None, false);
        for pair in query(head.query().unwrap_or_default()) {
            let (name, value) = pair.map_err(|error| {
                let problem = Problem::new(400, error.to_string()).field(error.name.clone());
                problem.at(error.at as u64)
            })?;
            match name.as_ref() {
                "topic" if patterns.len() > PATTERNS_MAX => {}
                "topic" => patterns.push(value),
                "last" => from = Some(stream::last_parameter(&value)?),
                "since" => from = Some(stream::since_parameter(&value)?),
                "from" => from = Some(stream::from_parameter(&value)?),
                "last-event-id" => id = Some(Wanted::after_id(value.as_bytes())),
                "presence" => presence = stream::switch("presence", &value)?,
                "heartbeat" => heartbeat = Some(stream::heartbeat_s(&value)?),
                _ => {}
            }
        }
        let wanted = id.or(from);
        let filter = match (patterns.is_empty(), &wanted) {
            (false, _) => stream::filter(&patterns)?,
            (true, Some(_)) => {
                let detail = "topic: is missing: from and last-event-id are for subscriptions";
                return Err(Problem::new(400, detail).field("topic"));
            }
            (true, None) => None,
        };
        Ok(Self {
            filter,
            wanted,
            heartbeat,
            presence,
        })
    }
}

impl Gateway {
    /// Makes a subscriber of a handshake on `GET /api/v1/ws`.
    pub(crate) fn upgrade(
        &mut self,
        head: &Head,
        peer: SocketAddr,
    ) -> Result<SocketPlan<Self>, Problem> {
        let compression = self.common.options.compression;
        let Upgrade(handshake) = Upgrade::read(head, &[], Some(policy(compression)))?;
        self.check_open()?;
        let asked = Asked::read(head)?;
        let read = self.authorize(head, peer, Action::Subscribe);
        let publish = self.authorize(head, peer, Action::Publish);
        let (read, publish) = match (read, publish) {
            // Who may neither is told why it may not read; who asks to read must be allowed to.
            (Err(denied), Err(_)) => return Err(denied),
            (Err(denied), Ok(_)) if asked.filter.is_some() => return Err(denied),
            (read, publish) => (read.ok(), publish.ok()),
        };
        let ends = [&read, &publish].into_iter().flatten();
        let expires_at = ends.filter_map(|access| access.expires_at).min();
        let may = |access: Option<Access>| access.map(|access| access.allow);
        let messages = messages(&handshake, compression);
        let mut session = Session::new(may(read), may(publish), messages);
        session.presence = asked.presence;
        let mut bytes = Vec::with_capacity(512);
        handshake.write_response(&mut bytes);
        let mut notice = Vec::new();
        let mut after = self.at(self.hub.visible());
        let mut subscribed = None;
        if let Some(filter) = &asked.filter {
            let wanted = asked.wanted.unwrap_or(Wanted::Now);
            let joined = self.join(&mut session, filter, wanted, &mut notice, None)?;
            after = joined.0.0;
            subscribed = Some(joined.1);
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
            limits: self.socket_limits.clone(),
            subscribed,
            heartbeat: asked.heartbeat.unwrap_or(self.common.options.heartbeat),
            expires_at,
        })
    }
}

/// What is agreed on with clients that offer to compress.
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

/// How a client gets its messages.
fn messages(handshake: &Handshake, compression: Compression) -> Messages {
    match handshake.deflate {
        Some(_) if compression == Compression::Off => Messages::Plain,
        Some(deflate) if deflate.server_no_context_takeover => Messages::Apart,
        Some(_) => Messages::Linked,
        None => Messages::Plain,
    }
}

/// What is wrong with a handshake.
fn problem(error: HandshakeError) -> Problem {
    let problem = Problem::new(error.status(), error.to_string()).field(error.field());
    match error.status() {
        405 => problem.allow("GET"),
        426 => problem.upgrade(),
        _ => problem,
    }
}
