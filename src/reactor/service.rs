//! What the reactor asks of the floor above: answers to requests, frames of events, history.

use std::hash::Hash;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::class::ClassId;
use super::end::{EndReason, StreamEnd};
use super::frames::Frames;
use super::slow_policy::Pace;
use super::streams::{StreamId, Streams};
use super::ws::{Replies, SocketPlan};
use crate::wire::http::{Head, RequestError};
use crate::wire::proxy::ProxyError;
use crate::wire::ws::{MessageKind, Violation};

/// The protocol's meaning: the reactor moves bytes, the service says which.
///
/// All methods run on the reactor's thread and must not block: whatever they wait for, every
/// connection waits for.
pub trait Service {
    /// What a class filters by. Connections with equal keys and the same wire form share one evaluation.
    type Key: Clone + Eq + Hash;
    /// What is known about a WebSocket.
    type Socket;
    /// A request whose body is still arriving.
    type Exchange;

    /// Number of wire forms; a form is an index below it.
    const FORMS: usize;

    /// How the streams of `form` are compressed. All that is written for them is plain; what is
    /// compressed with gzip or Brotli, which is everything but response heads, goes through [`frame_block`](Self::frame_block).
    fn codec(form: u8) -> Codec;

    /// Appends a compressed `block` as `form` frames it; `last`: nothing follows it.
    fn frame_block(form: u8, block: &[u8], last: bool, out: &mut Vec<u8>);

    /// Says how the client behind a new connection becomes known.
    fn client_identity(&self, peer: SocketAddr) -> ClientIdentity;

    /// Says which client sent a request that came from `peer`.
    fn client(&self, head: &Head, peer: SocketAddr) -> SocketAddr;

    /// Takes the head of a request.
    fn head(&mut self, head: &Head, peer: Peer) -> Begin<Self>
    where
        Self: Sized;

    /// Takes a piece of a body; what it appends to `out` is sent at once, in order.
    ///
    /// # Errors
    ///
    /// An answer that ends the request, and the connection with it.
    fn body(
        &mut self,
        exchange: &mut Self::Exchange,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Answer>;

    /// Takes the end of a body and gives the answer.
    fn end(&mut self, exchange: Self::Exchange, out: &mut Vec<u8>) -> Answer;

    /// Appends what it has of an answer whose [`after`](Answer::after) is a ticket. Asked when all answers before it
    /// have left, and again until it is done, each time when what it gave before has been taken.
    fn deferred(&mut self, ticket: u64, out: &mut Vec<u8>) -> Piece;

    /// Whoever waited for the answer of a ticket has gone.
    fn forget_deferred(&mut self, ticket: u64);

    /// Does what other threads asked for. Called once a turn: it must be cheap where there is nothing.
    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>)
    where
        Self: Sized;

    /// Answers a request that is not HTTP as we speak it. The connection closes after it. There is an
    /// `exchange` if the head was in order; else `head` is what came of it, and perhaps more.
    fn refuse(
        &mut self,
        error: &RequestError,
        head: &[u8],
        exchange: Option<&Self::Exchange>,
    ) -> Vec<u8>;

    /// Answers what the reactor itself refuses. The connection closes after it.
    fn refuse_for(&mut self, why: Refusal, exchange: Option<&Self::Exchange>) -> Vec<u8>;

    /// Takes a message of a WebSocket.
    fn message(
        &mut self,
        socket: &mut Self::Socket,
        message: (MessageKind, &[u8]),
        replies: &mut Replies<'_, Self>,
    ) where
        Self: Sized;

    /// A WebSocket's peer broke the rules; it is closed.
    fn violated(&mut self, violation: Violation);

    /// A WebSocket has begun. Until it changes its subscription, `id` is what [`Streams`] knows it by.
    fn socket_opened(&mut self, socket: &mut Self::Socket, id: StreamId);

    /// Appends what waits for a WebSocket without a subscription, whole frames of about `max` bytes; one
    /// may go over it. Asked when the socket has taken all that it was given; then it is asked again,
    /// until there is nothing. What comes to wait later is told by [`Streams::nudge`].
    fn socket_queued(&mut self, socket: &mut Self::Socket, max: usize, out: &mut Vec<u8>);

    /// Whether something waits for a WebSocket: the reactor stops when it has taken it.
    fn socket_has_queued(&self, socket: &Self::Socket) -> bool;

    /// A WebSocket is about to be closed from this side: appends all that still waits for it.
    fn socket_closing(&mut self, socket: &mut Self::Socket, out: &mut Vec<u8>);

    /// A WebSocket has ended.
    fn socket_closed(&mut self, socket: Self::Socket);

    /// A class got its first member.
    fn class_opened(&mut self, id: ClassId, key: &Self::Key, form: u8);

    /// A class lost its last member.
    fn class_closed(&mut self, id: ClassId, key: &Self::Key, form: u8);

    /// Appends what is new to the frame logs, a bounded amount, and says how far it is.
    fn feed(&mut self, frames: &mut Frames<'_, Self>)
    where
        Self: Sized;

    /// Encodes the history of one class, from offset `from` up to but not including `to`, into `out`:
    /// about `max` bytes.
    fn catch_up(&mut self, part: CatchUp<'_, Self::Key>, out: &mut Vec<u8>) -> CaughtUp;

    /// Stands in for [`catch_up`](Self::catch_up) where a stream fell behind that wants the newest of
    /// each topic only.
    fn latest(&mut self, part: CatchUp<'_, Self::Key>, out: &mut Vec<u8>) -> CaughtUp;

    /// Writes what tells a stream that it does not get the events of `part`.
    fn skip(&mut self, part: CatchUp<'_, Self::Key>, out: &mut Vec<u8>) -> CaughtUp;

    /// How long a new class collects before its members are sent to; zero: it does not.
    fn hold(&self, key: &Self::Key) -> Duration;

    /// Writes what keeps a quiet stream of `form` open. It is sent only to who has read everything
    /// before offset `fed`.
    fn heartbeat(&mut self, form: u8, fed: u64, out: &mut Vec<u8>);

    /// Writes what ends a stream of `form`.
    fn disconnect(&mut self, form: u8, why: DisconnectReason, out: &mut Vec<u8>);

    /// Writes what ends a WebSocket without a subscription, before its close frame.
    fn socket_disconnect(
        &mut self,
        socket: &Self::Socket,
        why: DisconnectReason,
        out: &mut Vec<u8>,
    );

    /// Writes a tick. Asked once a second for all who watch, and only while somebody does; who has not
    /// taken the last one yet does not get this one.
    fn tick(&mut self, out: &mut Vec<u8>);

    /// Somebody began to watch or left; now there are `watchers`.
    fn watched(&mut self, watchers: u64);

    /// A stream has begun.
    fn stream_started(&mut self, id: StreamId, owner: StreamOwner);

    /// A stream has ended.
    fn stream_ended(&mut self, end: StreamEnd<'_, Self::Key>);

    /// The newest offset that readers may see: answers that wait for it or an earlier one leave.
    fn visible(&self) -> u64;

    /// Whether so much was published from offset `fed` on that requests must wait until it is fed:
    /// a publisher on this thread must not overrun the streams that it serves. Or whether requests have cost
    /// enough since [`poll_commands`](Self::poll_commands) was called last.
    fn is_behind(&self, fed: u64) -> bool;

    /// Asks to be woken when there is something from offset `fed` on; `false`: there is already, do
    /// not sleep.
    fn arm(&mut self, fed: u64) -> bool;

    /// Ends the request made by [`arm`](Self::arm).
    fn disarm(&mut self);

    /// From now on only what is published already goes out; new work is to be refused.
    fn stopping(&mut self);
}

/// Who is behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientIdentity {
    /// The peer itself.
    Peer,
    /// Whom the PROXY header names that the connection begins with.
    Preface,
    /// Whom each request names.
    Requests,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the socket, or whom a PROXY header named.
    pub socket: SocketAddr,
    /// The client, as far as proxies that are trusted have told.
    pub client: SocketAddr,
    /// The connection has TLS of our own.
    pub secured: bool,
}

/// What becomes of a request, known from its head.
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
    /// The answer is a stream of ticks: what [`Service::tick`] writes, once a second.
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
    /// and the answer leaves as [`Service::deferred`] gives its bytes.
    pub after: u64,
    /// Whether the connection ends with it.
    pub close: bool,
}

impl Answer {
    /// The first ticket: no offset reaches it.
    pub const LATER: u64 = 1 << 63;
}

/// What a service has of an answer that comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Nothing yet.
    Waits,
    /// A part; more follows.
    More,
    /// The last part.
    Done,
}

/// A stream in the making.
#[derive(Debug)]
pub struct StreamPlan<K> {
    /// The response head.
    pub head: Vec<u8>,
    /// What precedes the events.
    pub first: Vec<u8>,
    /// The filter.
    pub key: K,
    /// Whether the filter takes every event.
    pub everything: bool,
    /// The wire form.
    pub form: u8,
    /// The first offset wanted: the stream starts with it or, if it is gone, after a gap.
    pub from: u64,
    /// Longest silence before a heartbeat; zero: none.
    pub heartbeat: Duration,
    /// When the right to read ends, or the connection is too old.
    pub expires_at: Option<Instant>,
    /// It is its age that ends it then.
    pub ages: bool,
    /// What happens when it is slow.
    pub pace: Pace,
    /// Told back with its start and end.
    pub owner: StreamOwner,
}

/// The endpoint and reserved connection that a stream belongs to; the reactor does not look into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StreamOwner {
    /// The number of the endpoint that it was opened at; 0: of none.
    pub endpoint: u32,
    /// The number of the connection that was reserved for it; 0: none was.
    pub connection: u32,
}

/// How a wire form's streams are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// Not at all.
    Identity,
    /// Each stream is one gzip stream, of blocks that its members share.
    Gzip,
    /// Each stream by a Brotli compressor of its own, of 0.7 MiB: whoever plans streams sees to it
    /// that they are few. Only where the feature `brotli` is on.
    Brotli,
    /// Its frames are WebSocket messages, each compressed (RFC 7692) once for all members.
    Messages {
        /// Whether a message may refer to those before it.
        shared_context: bool,
    },
}

/// A stream of ticks in the making.
#[derive(Debug)]
pub struct WatchPlan {
    /// The response head.
    pub head: Vec<u8>,
    /// What precedes the ticks, not framed yet.
    pub first: Vec<u8>,
    /// Each tick is one chunk of a chunked body, as the head says; else the connection's end ends it.
    pub chunked: bool,
    /// When the right to watch ends.
    pub expires_at: Option<Instant>,
}

/// What a part of history came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaughtUp {
    /// The offset to go on from.
    pub next: u64,
    /// Events encoded.
    pub events: u64,
    /// Events that the stream was told it does not get, at most.
    pub missed: u32,
    /// Events that were looked at for it.
    pub looked_at: u32,
}

/// A part of history to encode for one connection.
#[derive(Debug)]
pub struct CatchUp<'a, K> {
    /// The filter.
    pub key: &'a K,
    /// The wire form.
    pub form: u8,
    /// First offset wanted.
    pub from: u64,
    /// First offset not wanted.
    pub to: u64,
    /// Bytes wanted at most; one frame may go over it.
    pub max: usize,
}

/// Why the reactor itself refuses a connection or request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
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

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server stops.
    Stopping,
    /// The right to read has ended.
    Expired,
    /// It was too slow.
    TooSlow,
    /// It is old enough.
    Aged,
    /// Somebody said so.
    Disconnected,
    /// Its endpoint is gone.
    Removed,
    /// Its topic was deleted.
    TopicDeleted,
    /// Nothing is published any more.
    HubClosed,
}

impl From<DisconnectReason> for EndReason {
    fn from(why: DisconnectReason) -> Self {
        match why {
            DisconnectReason::Stopping => Self::Stopping,
            DisconnectReason::Expired => Self::Expired,
            DisconnectReason::TooSlow => Self::TooSlow,
            DisconnectReason::Aged => Self::Aged,
            DisconnectReason::Disconnected => Self::Disconnected,
            DisconnectReason::Removed => Self::Removed,
            DisconnectReason::TopicDeleted => Self::TopicDeleted,
            DisconnectReason::HubClosed => Self::HubClosed,
        }
    }
}
