//! What is open, as the service sees it: streams are looked at, sent to and ended one by one, WebSockets
//! that receive no stream are nudged and closed.

use std::net::SocketAddr;
use std::time::Duration;

use crate::net::conns::phase::{Flags, Phase};
use crate::net::conns::readers::StreamMut;
use crate::net::conns::stream_id::StreamId;
use crate::net::core::Core;
use crate::net::end::disconnect::DisconnectReason;
use crate::net::http::parked::RequestId;
use crate::net::service::Service;
use crate::wire::ws::CloseCode;

/// A description of an open stream.
#[derive(Debug)]
pub struct StreamInfo<'a, S: Service> {
    /// Its id.
    pub id: StreamId,
    /// The address of its client.
    pub peer: SocketAddr,
    /// The time for which it is open, in whole seconds.
    pub open: Duration,
    /// Bytes that its socket took, head and heartbeats included.
    pub bytes: u64,
    /// The part of its state that is touched for every event.
    pub reader: &'a S::Reader,
    /// The part that is touched now and then.
    pub stream: &'a S::Stream,
}

/// The open streams of a reactor.
pub struct Streams<'a, S: Service> {
    core: &'a mut Core<S>,
    closed: Vec<Closed>,
}

/// A WebSocket that is to be closed: which one, and what its close frame says.
pub(in crate::net) struct Closed {
    pub(in crate::net) i: u32,
    pub(in crate::net) code: CloseCode,
    pub(in crate::net) reason: String,
}

impl<'a, S: Service> Streams<'a, S> {
    pub(in crate::net) fn new(core: &'a mut Core<S>) -> Self {
        Self {
            core,
            closed: Vec::new(),
        }
    }

    pub(in crate::net) fn into_closed(self) -> Vec<Closed> {
        self.closed
    }

    /// Describes one, if it is open.
    pub fn get(&self, id: StreamId) -> Option<StreamInfo<'_, S>> {
        let i = self.core.conns.find_stream(id)?;
        self.at(i)
    }

    /// Returns the number of slots that streams may have: to walk over them a part at a time.
    pub fn slots(&self) -> usize {
        self.core.conns.len() as usize
    }

    /// Describes the stream in a slot, if there is one.
    pub fn at(&self, slot: u32) -> Option<StreamInfo<'_, S>> {
        let conns = &self.core.conns;
        if conns.phase(slot) != Phase::Stream {
            return None;
        }
        let cold = conns.cold(slot);
        let open = self.core.timers.second().saturating_sub(cold.since());
        Some(StreamInfo {
            id: conns.stream_id(slot),
            peer: cold.peer(),
            open: Duration::from_secs(u64::from(open)),
            bytes: conns.bytes(slot),
            reader: conns.hot(slot).reader(),
            stream: cold.stream(),
        })
    }

    /// One that is open, to be sent something: what is put into its outbox leaves once it is
    /// [woken](Self::wake).
    pub fn stream_mut(&mut self, id: StreamId) -> Option<StreamMut<'_, S>> {
        let i = self.core.conns.find_stream(id)?;
        Some(self.core.conns.stream(i))
    }

    /// Has a stream looked at, as soon as its socket takes something.
    pub fn wake(&mut self, id: StreamId) {
        if let Some(i) = self.core.conns.find_stream(id) {
            self.wake_slot(i);
        }
    }

    /// Has one cut, once the service has returned: the rest of the frame that it stands in cannot be kept, so that nothing
    /// may follow it.
    pub fn cut(&mut self, id: StreamId) {
        self.core.cut.push(id);
    }

    /// The WebSocket without a subscription in a slot, if there is one.
    pub fn socket_at(&self, slot: u32) -> Option<(StreamId, &S::Socket)> {
        let conns = &self.core.conns;
        if conns.phase(slot) != Phase::Socket {
            return None;
        }
        let ws = conns.cold(slot).ws()?;
        Some((conns.stream_id(slot), ws.socket()))
    }

    /// Ends one, or a WebSocket without a subscription, once the service has returned; `false`: there is none. Where many
    /// are to be ended, they are over the next turns, a slice of time in each.
    pub fn end(&mut self, id: StreamId, why: DisconnectReason) -> bool {
        let conns = &self.core.conns;
        let found = conns.find_stream(id).or_else(|| conns.find_socket(id));
        if found.is_some() {
            // Not at once: that calls the service, which is the caller.
            self.core.ending.push(id, why);
        }
        found.is_some()
    }

    /// Returns whether some that are to be ended are still to be.
    pub fn are_ending(&self) -> bool {
        !self.core.ending.is_empty()
    }

    /// Has the service asked for what waits for a WebSocket without a subscription
    /// ([`Sockets::queued`](crate::net::Sockets::queued)), as soon as its socket takes something; `false`: there is none.
    pub fn nudge(&mut self, id: StreamId) -> bool {
        let found = self.core.conns.find_socket(id);
        if let Some(i) = found {
            self.wake_slot(i);
        }
        found.is_some()
    }

    /// Closes a WebSocket without a subscription, once the service has returned, after all that waits
    /// for it; `false`: there is none.
    pub fn close_socket(&mut self, id: StreamId, code: CloseCode, reason: String) -> bool {
        let found = self.core.conns.find_socket(id);
        self.closed
            .extend(found.map(|i| Closed { i, code, reason }));
        found.is_some()
    }

    /// Goes on with a request that waits, once the service has returned, with what it waited for. One that is gone is
    /// left alone.
    pub fn resume(&mut self, id: RequestId, grant: S::Grant) {
        self.core.http.resume_later(id, grant);
    }

    fn wake_slot(&mut self, i: u32) {
        // A blocked one comes back by its edge.
        if !self.core.conns.hot(i).has(Flags::BLOCKED) {
            self.core.make_ready(i);
        }
    }
}
