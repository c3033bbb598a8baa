//! WebSockets: events and requests as JSON messages, and routes of the embedder's own.

mod handler;
mod interner;
mod protocol;
pub(in crate::gateway) mod routes;
mod session;
mod sockets;
mod upgrade;

pub(in crate::gateway) use handler::{Factory, SocketRoutes};
pub use handler::{SocketHandler, SocketOptions, SocketReplies, SocketRequest};
pub(in crate::gateway) use interner::FilterInterner;
pub(in crate::gateway) use session::Session;
pub(in crate::gateway) use upgrade::Upgrade;

use crate::gateway::clients::ClientSocket;
use crate::gateway::server::callbacks::Callbacks;

/// What a WebSocket's messages go to.
pub(in crate::gateway) enum Socket {
    /// A handler of the embedder's.
    Handler(Box<dyn SocketHandler>),
    /// The handler of a WebSocket stream, which also sends.
    Client(ClientSocket),
    /// The hub, by the subscribe protocol.
    Hub(Session),
}

impl Socket {
    pub(in crate::gateway) fn closed(self, callbacks: &Callbacks) {
        match self {
            Self::Handler(mut handler) => {
                callbacks.call("socket handler", || handler.closed());
                callbacks.call("socket handler", || drop(handler));
            }
            Self::Client(mut client) => client.closed(callbacks),
            Self::Hub(_) => {}
        }
    }
}
