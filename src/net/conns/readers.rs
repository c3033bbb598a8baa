//! The streams of a reactor, as whoever decides their bytes sees them.

use crate::net::conns::phase::{Flags, Phase};
use crate::net::conns::stream_id::StreamId;
use crate::net::conns::table::Conns;
use crate::net::delivery::Delivery;
use crate::net::scheduler::queue::ReadyQueue;
use crate::net::service::Service;
use crate::outbox::Outbox;

/// One stream.
pub struct StreamMut<'a, D: Delivery> {
    /// Its slot.
    pub number: u32,
    /// The part of its state that is touched for every event.
    pub reader: &'a mut D::Reader,
    /// The part that is touched now and then.
    pub stream: &'a mut D::Stream,
    /// Bytes for it alone, which leave before those that it is given by [`Delivery::next`].
    pub out: &'a mut Outbox,
}

/// All streams, by their slots.
pub struct Readers<'a, S: Service> {
    conns: &'a mut Conns<S>,
    queue: &'a mut ReadyQueue,
    /// Streams that have to go, once the service has returned.
    cut: &'a mut Vec<StreamId>,
}

impl<'a, S: Service> Readers<'a, S> {
    pub(in crate::net) fn new(
        conns: &'a mut Conns<S>,
        queue: &'a mut ReadyQueue,
        cut: &'a mut Vec<StreamId>,
    ) -> Self {
        Self { conns, queue, cut }
    }

    /// Returns the number of slots.
    pub fn count(&self) -> u32 {
        self.conns.len()
    }

    /// The stream in a slot, if there is one; a WebSocket is one also while it has no subscription.
    pub fn get(&mut self, number: u32) -> Option<StreamMut<'_, S>> {
        let streams = matches!(self.conns.phase(number), Phase::Stream | Phase::Socket);
        streams.then(|| self.conns.stream(number))
    }

    /// Has the stream in a slot looked at, unless its socket takes nothing: then its edge brings it back.
    pub fn wake(&mut self, number: u32) {
        let hot = self.conns.hot_mut(number);
        if !hot.has(Flags::BLOCKED) {
            self.queue.push(hot, number);
        }
    }

    /// Has the stream in a slot cut, once the service has returned: what is left of its frame cannot be kept.
    pub fn cut(&mut self, number: u32) {
        self.cut.push(self.conns.stream_id(number));
    }
}
