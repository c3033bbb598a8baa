//! What the reactor asks of whoever decides the bytes of streams.
//!
//! The reactor moves bytes; a [`Delivery`] says which a stream gets next, and does not see its socket. The state of a
//! stream lies in the table of connections, in two parts: [`Delivery::Reader`] beside what is touched for every event,
//! [`Delivery::Stream`] apart.
//!
//! # The order of calls
//!
//! In a turn: [`Rounds::begin_turn`]; [`Rounds::publish`], again after requests were taken; [`Rounds::release`];
//! [`Rounds::next_visit`] for as long as there is time. For each stream: [`Delivery::open`] (or [`Delivery::change`],
//! for a WebSocket), then, whenever its socket takes bytes, [`Delivery::prepare`], [`Delivery::next`] and
//! [`Delivery::sent`]; [`Delivery::last_words`] where the server ends it; [`Delivery::close`]. Once a second
//! [`Sweeps::look`] for each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::net::conns::readers::{Readers, StreamMut};
use crate::net::conns::stream_id::StreamId;
use crate::net::end::disconnect::DisconnectReason;
use crate::net::end::reason::EndReason;
use crate::net::service::Service;

/// The next thing to do for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// [`Delivery::next`] has bytes for it.
    Send,
    /// Bytes were written into its outbox, or it has moved: look again, its outbox first.
    Again,
    /// Nothing, before there is news for it, or it is woken.
    Wait,
    /// The share of this turn that it gets is used up.
    NextTurn,
    /// The stream is to be ended.
    End(DisconnectReason),
    /// The stream has to be cut.
    Cut(EndReason),
}

/// A stream at its end, as far as the reactor knows it.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Why it ends.
    pub reason: EndReason,
    /// The id that it had.
    pub id: StreamId,
    /// The address of its client.
    pub peer: SocketAddr,
    /// Bytes that its socket took, head and heartbeats included.
    pub bytes: u64,
    /// The time for which it was open, in whole seconds.
    pub open: Duration,
}

/// Decides which bytes each stream gets next.
pub trait Delivery: Sized {
    /// The part of a stream's state that is touched for every event.
    type Reader: Default;
    /// The part that is touched now and then.
    type Stream: Default;
    /// A stream in the making.
    type Plan;
    /// A change of what a WebSocket receives.
    type Change;

    /// Begins a stream and writes what precedes its first event.
    fn open(&mut self, stream: StreamMut<'_, Self>, id: StreamId, plan: Self::Plan);

    /// Changes what the WebSocket in slot `id.slot()` receives, which is stream `id` from here on; `ended`: the stream
    /// that it was, if it was one. Returns whether it receives anything now.
    ///
    /// # Errors
    ///
    /// Why it has to be cut.
    fn change(
        &mut self,
        readers: &mut Readers<'_, Self>,
        id: StreamId,
        change: Self::Change,
        ended: Option<Ended>,
    ) -> Result<bool, EndReason>
    where
        Self: Service;

    /// Moves a stream to where its next bytes are; `budget`: bytes that it may still get in this visit, of which what
    /// is made for it alone is taken.
    fn prepare(&mut self, stream: StreamMut<'_, Self>, budget: &mut u64) -> Step;

    /// The next bytes of a stream, `budget` at most; empty: there are none before it is prepared.
    fn next(&self, reader: &Self::Reader, budget: u64) -> &[u8];

    /// Notes that a stream was sent the first `n` of its next bytes.
    fn sent(&mut self, stream: StreamMut<'_, Self>, n: usize);

    /// Sees to it that what is put into a stream's outbox stands between two frames; `false`: what that takes cannot be
    /// kept.
    #[must_use]
    fn make_way(&mut self, stream: StreamMut<'_, Self>) -> bool;

    /// Writes what ends a stream into its outbox, behind the frame that it stands in; `false`: the rest of that cannot
    /// be kept.
    #[must_use]
    fn last_words(&mut self, stream: StreamMut<'_, Self>, why: DisconnectReason) -> bool;

    /// Forgets the stream in slot `ended.id.slot()`.
    fn close(&mut self, readers: &mut Readers<'_, Self>, ended: Ended)
    where
        Self: Service;
}

/// The work that waits before a reactor may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Nothing.
    Nothing,
    /// Streams are to be visited.
    Visits,
    /// Streams are to be visited, but not before this moment; `all`: nothing can happen to any stream before it.
    Collecting {
        /// The moment at which the first of them is due.
        due: Instant,
        /// `true`: every stream collects, so that no publisher need wake the thread.
        all: bool,
    },
}

/// Brings news to streams, in rounds.
pub trait Rounds: Delivery {
    /// Begins a turn at `now`, which is `second` since the reactor began.
    fn begin_turn(&mut self, now: Instant, second: u32);

    /// Brings all that is new to the streams, as far as there is room for it before they have had their turn. Returns
    /// whether there was anything.
    fn publish(&mut self, readers: &mut Readers<'_, Self>) -> bool
    where
        Self: Service;

    /// Lets those be visited whose time to collect is over, or `all`; `all` as well where there is no room for more.
    fn release(&mut self, all: bool);

    /// The slot of the stream to be visited next; `None`: nobody is to be visited.
    fn next_visit(&mut self) -> Option<u32>;

    /// Returns whether a stream reads what is live, so that a visit is for it.
    fn is_live(&self, reader: &Self::Reader) -> bool;

    /// Returns what waits before the thread may sleep.
    fn pending(&self) -> Pending;

    /// Returns whether so much was published that requests must wait until it is brought to the streams: a publisher on
    /// this thread must not overrun the streams that it serves. Or whether requests have cost enough in this turn.
    fn is_behind(&self) -> bool;

    /// Returns whether all that was published is on its way to the streams.
    fn has_published_all(&self) -> bool;
}

/// Looks after streams once a second.
pub trait Sweeps: Delivery {
    /// Begins a look at all of them, which may take several turns.
    fn begin_sweep(&mut self);

    /// Looks at one, whose socket is `blocked` or not; `silent`: it is time for a heartbeat. Returns that, to be sent
    /// between two frames; empty: there is none, since the stream has not got everything yet.
    fn look(&mut self, stream: StreamMut<'_, Self>, blocked: bool, silent: bool) -> &[u8];

    /// Ends the look at all of them.
    fn end_sweep(&mut self);

    /// Returns whether a stream has got everything that there is for it.
    fn is_caught_up(&self, reader: &Self::Reader) -> bool;

    /// Writes a tick. Asked once a second for all who watch, and only while somebody does; who has not taken the last
    /// one yet does not get this one.
    fn tick(&mut self, out: &mut Vec<u8>);
}
