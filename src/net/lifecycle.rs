//! What happens to sockets and the reactor, as the service is told of it.

use crate::wire::ws::Violation;

/// One thing that has happened to a reactor's sockets. What happens to streams is told to
/// [`Delivery`](crate::net::Delivery).
#[derive(Debug)]
#[non_exhaustive]
pub enum Lifecycle {
    /// Somebody began to watch or left.
    Watched {
        /// The number of those who watch now.
        watchers: u64,
    },
    /// A WebSocket's peer broke the rules; it is closed.
    Violated(Violation),
    /// From now on only what is published already goes out; new work is to be refused.
    Stopping,
}
