//! WebSockets: events and requests as JSON messages, and routes of the embedder's own.

mod handler;
mod interner;
mod protocol;
pub(in crate::gateway) mod routes;
mod session;
mod upgrade;
mod web_sockets;

pub(in crate::gateway) use handler::SocketRoute;
pub use handler::{SocketHandler, SocketOptions, SocketReplies, SocketRequest};
pub(in crate::gateway) use interner::FilterInterner;
pub(in crate::gateway) use protocol::{Protocol, write_published};
pub(in crate::gateway) use session::Session;
pub(in crate::gateway) use upgrade::Upgrade;
pub(in crate::gateway) use web_sockets::WebSockets;
