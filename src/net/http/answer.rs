//! What becomes of a request: who sent it, how it begins, its answer, and why it is refused.

use std::net::SocketAddr;

use crate::net::conns::plan::{StreamPlan, WatchPlan};
use crate::net::http::published::Published;
use crate::net::service::Service;
use crate::net::ws::SocketPlan;
use crate::wire::http::{Head, RequestError};
use crate::wire::proxy::ProxyError;

/// The source from which the client behind a connection becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientIdentity {
    /// The peer itself is the client.
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
    /// The answer is given piece by piece.
    Deferred(Deferred),
    /// The service has to find out first who may do what: the request waits, and [`Requests::resume`] takes its head
    /// again when [`Streams::resume`](crate::net::Streams::resume) has named it.
    ///
    /// [`Requests::resume`]: crate::net::Requests::resume
    Later,
    /// The body decides. It is refused with 413 beyond `limit` bytes.
    Body {
        /// Collects the body.
        pending_body: S::PendingBody,
        /// Bytes of body at most.
        limit: u64,
    },
    /// The answer is a stream of events.
    Stream(StreamPlan<S::Plan>),
    /// The answer is a stream of ticks: what [`Sweeps::tick`](crate::net::Sweeps::tick) writes, once a second.
    Watch(WatchPlan),
    /// The answer is 101, and messages go both ways.
    Socket(Box<SocketPlan<S>>),
}

/// An answer that is known.
#[derive(Debug)]
pub struct Answer {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// `true`: the connection ends with it.
    pub close: bool,
}

/// The answer to a request whose body has come to its end.
#[derive(Debug)]
pub enum Response<R> {
    /// An answer that leaves when its turn has come.
    Ready(Answer),
    /// An answer that is made once the outcome of what was published is known, by
    /// [`Requests::settle`](crate::net::Requests::settle).
    Published {
        /// The events that were published.
        published: Published<R>,
        /// `true`: the connection ends with the answer.
        close: bool,
    },
    /// An answer that leaves as [`Requests::deferred`](crate::net::Requests::deferred) gives its bytes.
    Deferred(Deferred),
    /// There is no room yet for what is to be published: the end is given again when there may be.
    Waits,
}

/// An answer that the service gives piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferred {
    /// The service's name for it.
    pub ticket: u64,
    /// `true`: the connection ends with it.
    pub close: bool,
}

/// The part that a service has given of an answer that comes later.
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
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Refusal<'a> {
    /// The request is not HTTP as we speak it.
    Malformed {
        /// The rule that it breaks, and where.
        error: &'a RequestError,
        /// The bytes that came of the head, and perhaps more, if it is the head that breaks the rule.
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
    /// As many requests wait for a decision as may: the one with this head may not.
    TooManyPending(&'a Head),
    /// The decision that the request with this head waited for did not come in time.
    AuthorizationTimeout(&'a Head),
}
