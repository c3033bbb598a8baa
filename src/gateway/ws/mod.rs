//! WebSockets: events and requests as JSON messages, and routes of the embedder's own.

mod encode;
mod handler;
mod protocol;
mod session;
mod stream;
mod upgrade;
mod wanted;

pub(super) use encode::{write_event, write_gap, write_heartbeat, write_presence, write_reset};
pub(super) use handler::{Factory, SocketRoutes};
pub use handler::{SocketHandler, SocketOptions, SocketReplies, SocketRequest};
pub(super) use session::Session;
pub use stream::{
    ClientHandler, ConnectError, SecondConnect, SocketMessage, StreamClient, SubscriptionId,
    WebSocketStream, WebSocketStreamOptions, WebSocketStreamStats,
};
pub(super) use stream::{ClientRoutes, Seated, Trays, Unheard};
pub(super) use upgrade::Upgrade;
pub(super) use wanted::WantedFilters;

use super::callbacks::Callbacks;

/// What a WebSocket's messages go to.
pub(super) enum Socket {
    /// A handler of the embedder's.
    Handler(Box<dyn SocketHandler>),
    /// The handler of a WebSocket stream, which also sends.
    Client(Seated),
    /// The hub, by the subscribe protocol.
    Hub(Session),
}

impl Socket {
    pub(super) fn closed(self, callbacks: &Callbacks) {
        match self {
            Self::Handler(mut handler) => {
                callbacks.call("socket handler", || handler.closed());
                callbacks.call("socket handler", || drop(handler));
            }
            Self::Client(mut seated) => seated.gone(callbacks),
            Self::Hub(_) => {}
        }
    }
}
