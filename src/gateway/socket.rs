//! The sockets of a gateway: who takes the messages of each, and what waits for it.

use crate::gateway::callbacks::Callbacks;
use crate::gateway::clients::ClientSocket;
use crate::gateway::gateway::Gateway;
use crate::gateway::ws::{Session, SocketHandler, SocketReplies};
use crate::net::Replies;
use crate::wire::ws::{CloseCode, MessageKind};

/// The state of a WebSocket, by who takes its messages.
pub(in crate::gateway) enum Socket {
    /// A handler of the embedder's.
    Handler(Box<dyn SocketHandler>),
    /// The handler of a WebSocket stream, which also sends.
    Client(ClientSocket),
    /// The hub, by the subscribe protocol.
    Hub(Session),
}

impl Socket {
    /// Returns whether it may be subscribed to events.
    pub(super) fn may_subscribe(&self) -> bool {
        matches!(self, Self::Hub(_))
    }

    /// Gives a message to the program's handler; returns the session that answers it instead, if there is one.
    pub(super) fn message(
        &mut self,
        kind: MessageKind,
        data: &[u8],
        replies: &mut Replies<'_, Gateway>,
        callbacks: &Callbacks,
    ) -> Option<&mut Session> {
        let done = match self {
            Self::Handler(handler) => callbacks.call("socket handler", || {
                handler.message(kind, data, &mut SocketReplies(replies));
            }),
            Self::Client(client) => callbacks.call("client handler", || {
                client.message(kind, data, &mut SocketReplies(replies));
            }),
            Self::Hub(session) => return Some(session),
        };
        // It may have been in the middle of changing its state: this connection cannot be trusted to it any more.
        if done.is_none() {
            replies.close(CloseCode::INTERNAL, "the handler failed");
        }
        None
    }

    /// Moves what waits for it to `out`, about `max` bytes.
    pub(super) fn queued(&self, max: usize, out: &mut Vec<u8>) {
        if let Self::Client(client) = self {
            client.queue().take(max, out);
        }
    }

    pub(super) fn has_queued(&self) -> bool {
        matches!(self, Self::Client(client) if client.queue().has_waiting())
    }

    pub(super) fn closed(self, callbacks: &Callbacks) {
        match self {
            Self::Handler(mut handler) => {
                callbacks.call("socket handler", || handler.closed());
                // Its `drop` is the program's code, too.
                callbacks.call("socket handler", || drop(handler));
            }
            Self::Client(mut client) => client.closed(callbacks),
            Self::Hub(_) => {}
        }
    }
}
