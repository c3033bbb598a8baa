//! The table itself: slots that connections take and leave.

use crate::net::conns::conn::{Cold, Conn, Hot, bytes_of};
use crate::net::conns::phase::Phase;
use crate::net::conns::readers::StreamMut;
use crate::net::conns::stream_id::StreamId;
use crate::net::service::Service;
use crate::net::time::timers::Deadline;
use crate::outbox::Outbox;

/// Connections from which on room is reserved for all that there may be.
const MANY: usize = 1024;
/// Connections that room is reserved for at a time: 152 bytes of address space each.
const RESERVED_MAX: usize = 1 << 20;

/// The connections of a reactor. What is touched for every event lies apart from the rest.
pub(in crate::net) struct Conns<S: Service> {
    hot: Vec<Hot<S>>,
    cold: Vec<Cold<S>>,
    free: Vec<u32>,
    /// Connections that there may be.
    max: usize,
    /// The serial number of the next stream.
    next_serial: u32,
}

impl<S: Service> Conns<S> {
    pub(in crate::net) fn new(max: usize) -> Self {
        Self {
            hot: Vec::new(),
            cold: Vec::new(),
            free: Vec::new(),
            max,
            next_serial: 1,
        }
    }

    // -- Slots

    /// Returns the number of slots, those that are free included.
    pub(in crate::net) fn len(&self) -> u32 {
        self.hot.len() as u32
    }

    /// Finds a slot for a connection that begins with requests.
    pub(in crate::net) fn insert(&mut self, cold: Cold<S>, second: u32) -> u32 {
        let hot = Hot::new(Phase::Request, second);
        match self.free.pop() {
            Some(i) => {
                self.hot[i as usize] = hot;
                self.replace_cold(i, cold);
                i
            }
            None => {
                self.reserve();
                self.hot.push(hot);
                self.cold.push(cold);
                self.hot.len() as u32 - 1
            }
        }
    }

    /// Forgets connection `i`, whose socket this closes.
    pub(in crate::net) fn remove(&mut self, i: u32) {
        // Dropping the socket closes it; the poll forgets closed descriptors by itself.
        self.hot[i as usize] = Hot::new(Phase::Free, 0);
        self.replace_cold(i, Cold::free());
        // The slot is free at once; what names this connection carries a serial or a generation of its own.
        self.free.push(i);
    }

    /// Makes room for all connections that there may be, once there are many: address space until they
    /// come. Tables that go on doubling would copy megabytes between two events, and leave the heap with
    /// holes of that size.
    fn reserve(&mut self) {
        let open = self.hot.len();
        if open >= MANY && open == self.hot.capacity() {
            let more = self.max.saturating_sub(open);
            self.hot.reserve_exact(more.clamp(MANY, RESERVED_MAX));
            self.cold.reserve_exact(more.clamp(MANY, RESERVED_MAX));
        }
    }

    fn replace_cold(&mut self, i: u32, mut cold: Cold<S>) {
        let place = &mut self.cold[i as usize];
        // Entries of the slot's last user may still be in the wheel: they only cost a look.
        *cold.deadline_mut() = Deadline::after(place.deadline_mut());
        *place = cold;
    }

    // -- Connections

    pub(in crate::net) fn hot(&self, i: u32) -> &Hot<S> {
        &self.hot[i as usize]
    }

    pub(in crate::net) fn hot_mut(&mut self, i: u32) -> &mut Hot<S> {
        &mut self.hot[i as usize]
    }

    pub(in crate::net) fn cold(&self, i: u32) -> &Cold<S> {
        &self.cold[i as usize]
    }

    pub(in crate::net) fn cold_mut(&mut self, i: u32) -> &mut Cold<S> {
        &mut self.cold[i as usize]
    }

    /// Both parts of connection `i`.
    pub(in crate::net) fn conn(&mut self, i: u32) -> Conn<'_, S> {
        Conn::new(i, &mut self.hot[i as usize], &mut self.cold[i as usize])
    }

    /// The phase of slot `i`; one that is not there is free.
    pub(in crate::net) fn phase(&self, i: u32) -> Phase {
        self.hot
            .get(i as usize)
            .map_or(Phase::Free, |hot| hot.phase())
    }

    /// Bytes that wait for connection `i` alone.
    pub(in crate::net) fn out_len(&self, i: u32) -> usize {
        self.cold(i).out().len()
    }

    pub(in crate::net) fn out_mut(&mut self, i: u32) -> &mut Outbox {
        self.cold_mut(i).out_mut()
    }

    /// Returns whether connection `i` is a WebSocket, with or without a subscription.
    pub(in crate::net) fn is_socket(&self, i: u32) -> bool {
        self.cold(i).ws().is_some()
    }

    // -- Streams

    /// Returns the id of the stream that is begun next, if connection `i` is it.
    pub(in crate::net) fn next_id(&self, i: u32) -> StreamId {
        StreamId::new(self.next_serial, i)
    }

    /// Gives the stream that connection `i` is to be its id.
    pub(in crate::net) fn name_stream(&mut self, i: u32) -> StreamId {
        let id = self.next_id(i);
        self.next_serial = self.next_serial.wrapping_add(1);
        self.cold_mut(i).set_serial(id.serial());
        id
    }

    pub(in crate::net) fn stream_id(&self, i: u32) -> StreamId {
        StreamId::new(self.cold(i).serial(), i)
    }

    /// Returns the slot of a stream that is open.
    pub(in crate::net) fn find_stream(&self, id: StreamId) -> Option<u32> {
        self.find(id, Phase::Stream)
    }

    /// Returns the slot of a WebSocket that is open and has no subscription.
    pub(in crate::net) fn find_socket(&self, id: StreamId) -> Option<u32> {
        self.find(id, Phase::Socket)
    }

    fn find(&self, id: StreamId, phase: Phase) -> Option<u32> {
        let i = id.slot();
        // The slot may be another's by now.
        (self.phase(i) == phase && self.cold(i).serial() == id.serial()).then_some(i)
    }

    /// The stream that connection `i` is, as the service sees it.
    pub(in crate::net) fn stream(&mut self, i: u32) -> StreamMut<'_, S> {
        self.conn(i).into_stream()
    }

    /// Bytes that the socket of connection `i` took since its stream began.
    pub(in crate::net) fn bytes(&self, i: u32) -> u64 {
        bytes_of(self.hot(i), self.cold(i))
    }
}
