//! WebSockets: what a connection is after its upgrade.
//!
//! What comes in goes through a decoder to the service, whose replies go out between frames. What goes
//! out to everybody comes from the frame logs, like any stream: a socket with a subscription is a
//! member of a class, one without is in [`Phase::Socket`](crate::net::conns::conn::Phase).

mod close;
mod input;
mod open;
mod output;
mod plan;
mod queued;
mod replay;
mod replies;
mod unfinished;

use std::collections::VecDeque;
use std::sync::Arc;

pub use self::plan::{History, SocketLimits, SocketPlan, Subscribed};
pub use self::replies::Replies;
pub(in crate::net) use self::unfinished::Inflating;
use crate::net::http::published::Published;
use crate::net::service::Service;
use crate::net::time::wheel::Tick;
use crate::wire::ws::{ControlRate, MessageDecoder};

/// The state of a socket beside that of its streams. An idle one allocates this and nothing else.
pub(in crate::net) struct Ws<S: Service> {
    decoder: MessageDecoder,
    limits: Arc<SocketLimits>,
    socket: S::Socket,
    rate: ControlRate,
    /// Second in which something came last.
    heard: u32,
    /// Second of the first ping that is not answered; 0: there is none.
    pinged: u32,
    /// Second in which the message that is arriving began; 0: there is none.
    begun: u32,
    /// Its share in the total of what is unfinished, bytes.
    unfinished: u32,
    /// Its ticket in the list of those that inflate; 0: it is not there.
    inflates: u32,
    /// There only while something waits.
    busy: Option<Box<Busy<S>>>,
}

/// The work that waits on a socket.
struct Busy<S: Service> {
    /// Bytes that came and are not read: replies must leave first.
    input: Vec<u8>,
    /// Answers that wait for the outcome of what was published, each with the tick by which it has to be known.
    parked: VecDeque<(Published<S::Receipt>, Tick)>,
    /// History to send before the class takes over.
    replays: VecDeque<Replay<S::Key>>,
}

/// A part of history for one socket.
struct Replay<K> {
    key: K,
    /// Next offset wanted.
    from: u64,
    /// First offset not wanted.
    to: u64,
    /// Frames that follow it.
    after: Vec<u8>,
}

impl<S: Service> Default for Busy<S> {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            parked: VecDeque::new(),
            replays: VecDeque::new(),
        }
    }
}

impl<S: Service> Busy<S> {
    fn is_idle(&self) -> bool {
        self.input.is_empty() && self.parked.is_empty() && self.replays.is_empty()
    }
}

impl<S: Service> Ws<S> {
    fn busy(&mut self) -> &mut Busy<S> {
        self.busy.get_or_insert_default()
    }

    /// Frees what nothing needs.
    fn shrink(&mut self) {
        if self.busy.as_ref().is_some_and(|busy| busy.is_idle()) {
            self.busy = None;
        }
    }
}
