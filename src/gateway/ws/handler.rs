//! WebSocket routes of the embedder's own: a protocol is a handler for each connection.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::gateway::gateway::Gateway;
use crate::net::{Replies, SocketLimits};
use crate::settings::setters;
use crate::wire::http::Head;
use crate::wire::ws::{CloseCode, DeflatePolicy, MessageKind};

/// Speaks a protocol over one WebSocket.
///
/// All methods run on the server's thread and must not block. A panic in one closes its connection with 1011, and is
/// counted in `eventring_callback_panics_total`; the others go on. Any
/// `FnMut(MessageKind, &[u8], &mut SocketReplies)` is a handler.
pub trait SocketHandler: Send {
    /// Takes a message; what it adds to `replies` is sent in order.
    fn message(&mut self, kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>);

    /// The connection has ended, by either side.
    fn closed(&mut self) {}
}

impl<F> SocketHandler for F
where
    F: FnMut(MessageKind, &[u8], &mut SocketReplies<'_, '_>) + Send,
{
    fn message(&mut self, kind: MessageKind, data: &[u8], replies: &mut SocketReplies<'_, '_>) {
        self(kind, data, replies);
    }
}

/// Takes a handler's answers.
///
/// While more than [`ServerConfig::private_bytes`](crate::gateway::ServerConfig::private_bytes) of them
/// wait for a slow client, nothing more is read from it.
pub struct SocketReplies<'a, 'b>(pub(in crate::gateway) &'a mut Replies<'b, Gateway>);

impl SocketReplies<'_, '_> {
    /// Sends a message.
    pub fn message(&mut self, kind: MessageKind, data: &[u8]) {
        self.0.message(kind, data);
    }

    /// Sends a text message.
    pub fn text(&mut self, text: &str) {
        self.0.message(MessageKind::Text, text.as_bytes());
    }

    /// Sends a binary message.
    pub fn binary(&mut self, data: &[u8]) {
        self.0.message(MessageKind::Binary, data);
    }

    /// Ends the connection after what was sent so far.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        self.0.close(code, reason);
    }
}

/// A request that wants to become a WebSocket.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SocketRequest<'a> {
    /// Path, query and header fields.
    pub head: &'a Head,
    /// The client's address.
    pub peer: SocketAddr,
    /// The subprotocol that was agreed on.
    pub protocol: Option<&'a str>,
}

/// The options of a route of WebSockets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Bounds and times.
    pub limits: SocketLimits,
    /// Subprotocols spoken. The first that a client names is agreed on; who names only others is answered 400,
    /// since a browser would close at once.
    pub protocols: Vec<String>,
    /// Compression by clients (permessage-deflate); `None`: not at all, the default. Answers go
    /// uncompressed.
    pub deflate: Option<DeflatePolicy>,
}

setters! {
    SocketOptions {
        limits: SocketLimits,
        protocols: Vec<String>,
        deflate: Option<DeflatePolicy>,
    }
}

/// Makes the handler of a connection, or says with which status (4xx) it is refused.
type Factory = dyn Fn(SocketRequest<'_>) -> Result<Box<dyn SocketHandler>, u16> + Send + Sync;

/// A route of the program: how its connections begin.
pub(in crate::gateway) struct SocketRoute {
    pub(in crate::gateway) options: SocketOptions,
    /// Those of the options, as connections share them.
    pub(in crate::gateway) limits: Arc<SocketLimits>,
    pub(in crate::gateway) factory: Box<Factory>,
}

impl SocketRoute {
    pub(in crate::gateway) fn new(
        options: SocketOptions,
        factory: impl Fn(SocketRequest<'_>) -> Result<Box<dyn SocketHandler>, u16>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            limits: Arc::new(options.limits.clone()),
            options,
            factory: Box::new(factory),
        }
    }
}
