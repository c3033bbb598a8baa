//! What happens to classes, streams and sockets, as the service is told of it.

use crate::net::class::ClassId;
use crate::net::conns::streams::StreamId;
use crate::net::end::StreamEnd;
use crate::net::form::FormId;
use crate::net::stream_plan::StreamOwner;
use crate::wire::ws::Violation;

/// One thing that has happened to a reactor's classes, streams or sockets.
///
/// For a stream the order is `ClassOpened` (where it is the first of its class), `StreamStarted`, `StreamEnded`,
/// `ClassClosed` (where it was the last one).
#[derive(Debug)]
#[non_exhaustive]
pub enum Lifecycle<'a, K> {
    /// A class got its first member: from here on its events are to be fed.
    ClassOpened {
        /// Names it until it is closed.
        id: ClassId,
        /// Its filter.
        key: &'a K,
        /// Its wire form.
        form: FormId,
    },
    /// A class lost its last member.
    ClassClosed {
        /// The name that it had.
        id: ClassId,
        /// Its filter.
        key: &'a K,
        /// Its wire form.
        form: FormId,
    },
    /// A stream has begun.
    StreamStarted {
        /// Names it.
        id: StreamId,
        /// The owner that its plan named.
        owner: StreamOwner,
    },
    /// A stream has ended.
    StreamEnded(StreamEnd<'a, K>),
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
