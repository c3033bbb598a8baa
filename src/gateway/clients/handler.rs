//! The handler of a WebSocket stream: it admits clients, and takes what they send.

use std::fmt;

use crate::gateway::clients::queue::SendQueue;
use crate::gateway::clients::{SubscriptionId, WebSocketStream};
use crate::gateway::ws::{SocketReplies, SocketRequest};
use crate::wire::ws::MessageKind;

/// Admits the clients of a [`WebSocketStream`], is told of them, and takes what they send.
///
/// All methods run on the threads of the server, those of one client on one thread and in order, those
/// of several at once if there are several [reactors](crate::gateway::ServerConfig::reactors). They must
/// not block; everything that a [`WebSocketStream`] can do, they can. A panic in [`admit`](Self::admit) is a 500, one in
/// another method closes the client's connection with 1011; it is counted in `eventring_callback_panics_total`. Any
/// `Fn(&StreamClient, MessageKind, &[u8], &mut SocketReplies)` is a handler.
pub trait ClientHandler: Send + Sync {
    /// Says whether a client may have the id that it named, or with which status (400 to 499) it is
    /// refused. The authorizer has allowed the request.
    ///
    /// # Errors
    ///
    /// The status.
    fn admit(&self, client: &str, request: SocketRequest<'_>) -> Result<(), u16> {
        let _ = (client, request);
        Ok(())
    }

    /// A client has connected.
    fn connected(&self, client: &StreamClient<'_>) {
        let _ = client;
    }

    /// Takes a message. What is added to `replies` is sent to the client at once, before what waits
    /// for it.
    fn message(
        &self,
        client: &StreamClient<'_>,
        kind: MessageKind,
        data: &[u8],
        replies: &mut SocketReplies<'_, '_>,
    );

    /// A client that had connected is not known any more: it has gone, or is being closed. If another
    /// connection has replaced it, that one may have connected already.
    fn disconnected(&self, client: &StreamClient<'_>) {
        let _ = client;
    }
}

impl<F> ClientHandler for F
where
    F: Fn(&StreamClient<'_>, MessageKind, &[u8], &mut SocketReplies<'_, '_>) + Send + Sync,
{
    fn message(
        &self,
        client: &StreamClient<'_>,
        kind: MessageKind,
        data: &[u8],
        replies: &mut SocketReplies<'_, '_>,
    ) {
        self(client, kind, data, replies);
    }
}

/// Drops what clients send.
pub(super) struct NoHandler;

impl ClientHandler for NoHandler {
    fn message(
        &self,
        _: &StreamClient<'_>,
        _: MessageKind,
        _: &[u8],
        _: &mut SocketReplies<'_, '_>,
    ) {
    }
}

/// One connection of a client, as the handler sees it.
#[derive(Clone, Copy)]
pub struct StreamClient<'a> {
    pub(in crate::gateway) stream: &'a WebSocketStream,
    pub(in crate::gateway) queue: &'a SendQueue,
}

impl<'a> StreamClient<'a> {
    /// The id that it named.
    pub fn id(&self) -> &'a str {
        &self.queue.client
    }

    /// Tells this connection from others of the same client.
    pub fn subscription(&self) -> SubscriptionId {
        self.queue.subscription
    }

    /// The stream that it is connected to.
    pub fn stream(&self) -> &'a WebSocketStream {
        self.stream
    }
}

impl fmt::Debug for StreamClient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamClient")
            .field("id", &self.id())
            .field("subscription", &self.subscription())
            .finish()
    }
}
