//! WebSockets: events and requests as JSON messages, and routes of the embedder's own.

mod encode;
mod handler;
mod protocol;
mod session;
mod upgrade;
mod wanted;

pub(super) use encode::{write_event, write_gap, write_heartbeat, write_presence, write_reset};
pub(super) use handler::{Factory, SocketRoutes};
pub use handler::{SocketHandler, SocketOptions, SocketReplies, SocketRequest};
pub(super) use session::Session;
pub(super) use upgrade::Upgrade;
pub(super) use wanted::WantedFilters;

/// What a WebSocket's messages go to.
pub(super) enum Socket {
    /// A handler of the embedder's.
    Handler(Box<dyn SocketHandler>),
    /// The hub, by the subscribe protocol.
    Hub(Session),
}

impl Socket {
    pub(super) fn closed(self) {
        if let Self::Handler(mut handler) = self {
            handler.closed();
        }
    }
}
