//! What the reactor asks of the floor above: answers to requests, messages of sockets, bytes of streams.
//!
//! The reactor moves bytes, a [`Service`] says which. It is seven traits, one for each concern; what concerns streams
//! stands in [`delivery`](crate::net::Delivery). All methods run on the reactor's thread and must not block: whatever
//! they wait for, every connection waits for.
//!
//! # The order of calls
//!
//! In a turn: what was published is brought to the streams ([`Rounds::publish`]), requests and messages that have come
//! are taken ([`Requests`], [`Sockets`]), what they published is brought to the streams, answers whose outcome is known
//! leave ([`Events::outcome`]), streams are sent to ([`Delivery::prepare`]), commands of other threads are carried out
//! ([`Events::poll_commands`]), and once a second streams are looked after and ticks are written ([`Sweeps`]). Before a
//! sleep comes [`Events::arm`], after it [`Events::disarm`].
//!
//! [`Events::lifecycle`] is called in the middle of all this, as things happen.

use std::net::SocketAddr;
use std::ops::Range;

use crate::net::conns::stream_id::StreamId;
use crate::net::conns::streams::Streams;
use crate::net::delivery::{Delivery, Rounds, Sweeps};
use crate::net::end::disconnect::DisconnectReason;
use crate::net::http::answer::{Answer, Begin, ClientIdentity, Peer, Piece, Refusal, Response};
use crate::net::http::parked::RequestId;
use crate::net::http::published::{Outcome, Parts, Taken};
use crate::net::lifecycle::Lifecycle;
use crate::net::ws::Replies;
use crate::wire::http::Head;
use crate::wire::ws::MessageKind;

/// All that a reactor needs; whatever has the seven traits has this one.
pub trait Service:
    Identity + Requests + Sockets + Delivery + Rounds + Sweeps + Events + Sized
{
}

impl<S> Service for S where S: Identity + Requests + Sockets + Delivery + Rounds + Sweeps + Events {}

/// Tells which client is behind a connection, so that its limits are those of the client.
///
/// [`client_identity`](Self::client_identity) is called when a connection comes, [`client`](Self::client) for each of
/// its requests, before [`Requests::head`].
pub trait Identity {
    /// Says how the client behind a new connection becomes known.
    fn client_identity(&self, peer: SocketAddr) -> ClientIdentity;

    /// Returns the client that sent a request which came from `peer`.
    fn client(&self, head: &Head, peer: SocketAddr) -> SocketAddr;
}

/// Answers requests.
///
/// For each request the order is [`head`](Self::head); where that says [`Begin::Later`], [`resume`](Self::resume); where
/// the body is wanted, [`body`](Self::body) for each piece of it and [`end`](Self::end); where events were published,
/// [`settle`](Self::settle) once [`Events::outcome`] says what has become of them; where the answer is deferred,
/// [`deferred`](Self::deferred) until it is done or [`forget_deferred`](Self::forget_deferred). [`refuse`](Self::refuse)
/// takes the place of whatever would come next.
pub trait Requests {
    /// A request whose body is still arriving.
    type PendingBody;
    /// The decision that a request waited for, as it comes back by [`Streams::resume`].
    type Grant;
    /// The record of which the answer to a publish is made, once its outcome is known.
    type Receipt;

    /// Takes the head of a request, which is named `id` if it has to wait.
    fn head(&mut self, head: &Head, peer: Peer, id: RequestId) -> Begin<Self>
    where
        Self: Service;

    /// Takes the head of a request that has waited once more, with what it waited for.
    fn resume(&mut self, head: &Head, peer: Peer, grant: Self::Grant) -> Begin<Self>
    where
        Self: Service;

    /// Takes a piece of a body; the `parts` that it gives leave in order. Where it says [`Taken::Waits`], nothing more of
    /// the connection is read: it is asked again, with an empty piece, when there may be room, the last time with
    /// [`Parts::is_last_try`].
    ///
    /// # Errors
    ///
    /// An answer that ends the request, and the connection with it.
    fn body(
        &mut self,
        pending_body: &mut Self::PendingBody,
        piece: &[u8],
        parts: &mut Parts<Self::Receipt>,
    ) -> Result<Taken, Answer>;

    /// Takes the end of a body and gives the answer, which leaves behind the `parts`. Where that is
    /// [`Response::Waits`], it is asked again as for a [`body`](Self::body).
    fn end(
        &mut self,
        pending_body: &mut Self::PendingBody,
        parts: &mut Parts<Self::Receipt>,
    ) -> Response<Self::Receipt>;

    /// Writes the answer to what was published, or its part of the answer: of a request, or of a WebSocket's message as
    /// whole frames.
    fn settle(&mut self, receipt: Self::Receipt, outcome: Outcome, out: &mut Vec<u8>);

    /// Appends what it has of a deferred answer. Asked when all answers before it have left, and again until it is done,
    /// each time when what it gave before has been taken.
    fn deferred(&mut self, ticket: u64, out: &mut Vec<u8>) -> Piece;

    /// Forgets a deferred answer: whoever waited for it has gone.
    fn forget_deferred(&mut self, ticket: u64);

    /// Answers what is refused; the connection closes after it. There is a `pending_body` if the head was in order.
    fn refuse(&mut self, why: Refusal<'_>, pending_body: Option<&Self::PendingBody>) -> Vec<u8>;
}

/// Speaks with the peers of WebSockets.
///
/// For each socket the order is [`opened`](Self::opened); [`message`](Self::message) for each that comes, and, while it
/// has no subscription, [`queued`](Self::queued) whenever it takes bytes; [`closing`](Self::closing) where this side
/// closes it; [`closed`](Self::closed).
pub trait Sockets {
    /// The service's own state of a WebSocket.
    type Socket;

    /// Notes that a WebSocket has begun. Until it changes its subscription, `id` is what [`Streams`] knows it by.
    fn opened(&mut self, socket: &mut Self::Socket, id: StreamId);

    /// Takes a message and answers it, or has it [wait](Replies::wait_for_room): then it is given again.
    fn message(
        &mut self,
        socket: &mut Self::Socket,
        kind: MessageKind,
        data: &[u8],
        replies: &mut Replies<'_, Self>,
    ) where
        Self: Service;

    /// Appends what waits for a WebSocket without a subscription, whole frames of about `max` bytes; one
    /// may go over it. Asked when the socket has taken all that it was given; then it is asked again,
    /// until there is nothing. What comes to wait later is told by [`Streams::nudge`].
    fn queued(&mut self, socket: &mut Self::Socket, max: usize, out: &mut Vec<u8>);

    /// Returns whether something waits for a WebSocket: the reactor stops when it has taken it.
    fn has_queued(&self, socket: &Self::Socket) -> bool;

    /// Returns whether so much of the past waits for a WebSocket, which receives `stream`, that no further message of it
    /// is read.
    fn is_busy(&self, stream: &Self::Stream) -> bool
    where
        Self: Service;

    /// Appends all that still waits for a WebSocket which is about to be closed from this side, behind the words that
    /// say `why`: there where the reactor ends it while it has no subscription. Those of one that has a subscription
    /// are [`Delivery::last_words`]'s. A message of it that waits for room is not given again: whatever it waits with is
    /// given up here, not when the peer has answered the close frame.
    fn closing(
        &mut self,
        socket: &mut Self::Socket,
        why: Option<DisconnectReason>,
        out: &mut Vec<u8>,
    );

    /// Takes back what is known about a WebSocket that has ended.
    fn closed(&mut self, socket: Self::Socket);
}

/// Takes what happens beside requests, messages and streams.
///
/// The order within a turn is [`outcome`](Self::outcome), [`poll_commands`](Self::poll_commands), then, before the thread
/// sleeps, [`arm`](Self::arm), and after it has slept [`disarm`](Self::disarm).
pub trait Events {
    /// Notes what has happened to a socket or the reactor.
    fn lifecycle(&mut self, event: Lifecycle);

    /// Returns the outcome of events that were published; `None`: it is not known yet. A range that was given up is
    /// looked for before what readers may see, which passes over such ranges.
    fn outcome(&self, offsets: &Range<u64>) -> Option<Outcome>;

    /// Does what other threads asked for. Called once a turn: it must be cheap where there is nothing.
    fn poll_commands(&mut self, streams: &mut Streams<'_, Self>)
    where
        Self: Service;

    /// Asks to be woken when there is something that is not on its way to the streams yet, or, where `answers` wait, when
    /// an outcome may be known; `false`: there is already, do not sleep.
    fn arm(&mut self, answers: bool) -> bool;

    /// Ends the request made by [`arm`](Self::arm).
    fn disarm(&mut self);
}
