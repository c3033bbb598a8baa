//! WebSocket streams: named clients, sent to from any thread.

mod counters;
mod handler;
mod mailbox;
mod message;
mod options;
mod queue;
mod registry;
mod socket;
mod upgrade;
mod web_socket_stream;

pub(in crate::gateway) use self::counters::counters;
pub use self::handler::{ClientHandler, StreamClient};
pub(in crate::gateway) use self::mailbox::Mailboxes;
pub use self::message::SocketMessage;
pub use self::options::{OnDuplicate, WebSocketStreamOptions};
pub use self::registry::{ClientIdError, SubscriptionId};
pub(in crate::gateway) use self::socket::ClientSocket;
pub(in crate::gateway) use self::upgrade::upgrade;
pub use self::web_socket_stream::{WebSocketStream, WebSocketStreamStats};
