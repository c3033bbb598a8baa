//! What becomes of a request: who sent it, how it begins, its answer, and why it is refused.

use std::net::SocketAddr;

use super::service::Service;
use super::stream_plan::{StreamPlan, WatchPlan};
use super::ws::SocketPlan;
use crate::wire::http::RequestError;
use crate::wire::proxy::ProxyError;

/// How the client behind a connection becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientIdentity {
    /// It is the peer itself.
    Peer,
    /// The PROXY header names it that the connection begins with.
    Preface,
    /// Each request names it, as proxies write them.
    Requests,
}

/// The two ends that a request came from: the socket's and the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the socket, or the address that a PROXY header named.
    pub socket: SocketAddr,
    /// The client, as far as proxies that are trusted have told.
    pub client: SocketAddr,
    /// The connection has TLS of our own.
    pub secured: bool,
}

/// The course of a request, known from its head.
pub enum Begin<S: Service> {
    /// The answer is known; a body that follows it is not wanted (then the answer closes).
    Answer(Answer),
    /// The body decides. It is refused with 413 beyond `limit` bytes.
    Body {
        /// Collects the body.
        exchange: S::Exchange,
        /// Bytes of body at most.
        limit: u64,
    },
    /// The answer is a stream of events.
    Stream(StreamPlan<S::Key>),
    /// The answer is a stream of ticks: what [`Format::tick`](super::Format::tick) writes, once a second.
    Watch(WatchPlan),
    /// The answer is 101, and messages go both ways.
    Socket(Box<SocketPlan<S>>),
}

/// A whole answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Leaves when this offset is visible; 0: at once. From [`LATER`](Self::LATER) on it is a ticket,
    /// and the answer leaves as [`Requests::deferred`](super::Requests::deferred) gives its bytes.
    pub after: u64,
    /// Whether the connection ends with it.
    pub close: bool,
}

impl Answer {
    /// The first ticket: no offset reaches it.
    pub const LATER: u64 = 1 << 63;
}

/// How much a service has given of an answer that comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Nothing yet.
    Waits,
    /// A part; more follows.
    More,
    /// The last part.
    Done,
}

/// Why a connection or request is refused by the reactor, before the service has seen all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal<'a> {
    /// The request is not HTTP as we speak it.
    Malformed {
        /// The rule that it breaks, and where.
        error: &'a RequestError,
        /// Where it is the head that breaks it: the bytes of it that came, and perhaps more.
        head: &'a [u8],
    },
    /// The limit on connections is reached.
    TooManyConnections,
    /// The limit on connections of one client is reached.
    TooManyFromAddress,
    /// The connection does not begin with the PROXY header that its sender must send.
    Preface(ProxyError),
    /// So much is unfinished on all connections together that there is no room for more of this one.
    TooMuchUnfinished,
    /// The client speaks HTTP without TLS, on a listener that has it.
    NotTls,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body did not arrive in time.
    BodyTimeout,
}
