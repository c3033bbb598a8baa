//! The reactor's state: the connections, and what its drivers share. Each part keeps its own fields.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::conns::conn::Cold;
use crate::net::conns::phase::Flags;
use crate::net::conns::readers::Readers;
use crate::net::conns::stream_id::StreamId;
use crate::net::conns::table::Conns;
use crate::net::delivery::Ended;
use crate::net::end::queue::EndQueue;
use crate::net::end::reason::EndReason;
use crate::net::http::state::HttpState;
use crate::net::io::send::{Broken, Meter};
use crate::net::limits::Limits;
use crate::net::scheduler::queue::ReadyQueue;
use crate::net::scheduler::rounds::RoundClock;
use crate::net::service::Service;
use crate::net::set::clients::Entry;
use crate::net::set::handle::Handle;
use crate::net::set::reactor_set::ReactorSet;
use crate::net::set::stats::Counters;
use crate::net::time::timers::Timers;
use crate::net::time::wheel::Tick;
use crate::net::ws::state::WsState;

/// Everything but the poll and the service.
///
/// What is done with it is done by drivers: each borrows it and the service for as long as one thing is done.
pub(in crate::net) struct Core<S: Service> {
    pub(in crate::net) conns: Conns<S>,
    pub(in crate::net) timers: Timers,
    /// Connections that can go on without an edge.
    pub(in crate::net) queue: ReadyQueue,
    pub(in crate::net) rounds: RoundClock,
    pub(in crate::net) http: HttpState<S>,
    pub(in crate::net) ws: WsState,
    /// Streams and sockets that the service wants ended and that are not yet.
    pub(in crate::net) ending: EndQueue,
    /// Streams that the service wants cut.
    pub(in crate::net) cut: Vec<StreamId>,
    pub(in crate::net) limits: Limits,
    pub(in crate::net) counters: Arc<Counters>,
    pub(in crate::net) reactors: Arc<ReactorSet>,
    /// From now on only what is published already goes out.
    pub(in crate::net) stopping: bool,
    /// Requests wait until what was published is on its way to the streams.
    behind: bool,
}

impl<S: Service> Core<S> {
    pub(in crate::net) fn new(limits: Limits, handle: &Handle, now: Instant) -> Self {
        Self {
            conns: Conns::new(limits.max_connections),
            timers: Timers::new(now),
            queue: ReadyQueue::default(),
            rounds: RoundClock::new(now),
            http: HttpState::new(),
            ws: WsState::new(),
            ending: EndQueue::default(),
            cut: Vec::new(),
            limits,
            counters: handle.reactors.get(handle.number).counters.clone(),
            reactors: handle.reactors.clone(),
            stopping: false,
            behind: false,
        }
    }

    /// Looks whether requests have to wait for what was published.
    pub(in crate::net) fn look_behind(&mut self, service: &S) {
        self.behind = service.is_behind();
    }

    /// Returns whether requests wait until what was published is on its way to the streams.
    pub(in crate::net) fn is_behind(&self) -> bool {
        self.behind
    }

    // -- Deadlines

    /// Sets when the wheel looks at connection `i`.
    pub(in crate::net) fn set_deadline(&mut self, i: u32, after: Duration) {
        let at = self.timers.tick_after(after);
        self.set_deadline_tick(i, at);
    }

    pub(in crate::net) fn set_deadline_tick(&mut self, i: u32, at: Tick) {
        let deadline = self.conns.cold_mut(i).deadline_mut();
        self.timers.set(deadline, i, at);
    }

    /// Sets the deadline that is right for what connection `i` becomes: it may be so until `at`.
    pub(in crate::net) fn restart_deadline(&mut self, i: u32, at: Option<Instant>) {
        self.conns.cold_mut(i).deadline_mut().clear();
        if let Some(at) = at {
            let tick = self.timers.tick_of(at) + 1;
            self.set_deadline_tick(i, tick);
        }
    }

    // -- The ready queue

    /// Puts connection `i` into the ready queue.
    pub(in crate::net) fn make_ready(&mut self, i: u32) {
        self.queue.push(self.conns.hot_mut(i), i);
    }

    /// Has the socket of connection `i` read in a later turn, if only what was published is in the way. What
    /// else is in the way says so when it is gone.
    pub(in crate::net) fn read_later(&mut self, i: u32) {
        if self.conns.is_socket(i) {
            self.conns.hot_mut(i).set(Flags::HELD);
        }
        if self.behind {
            self.make_ready(i);
        }
    }

    /// Has the answers of connection `i` looked at again when outcomes are.
    pub(in crate::net) fn park(&mut self, i: u32) {
        self.http.wait(self.conns.hot_mut(i), i);
    }

    // -- Sending

    /// Sends connection `i` some `bytes` between two frames, keeping what the socket does not take.
    pub(in crate::net) fn send_between(&mut self, i: u32, bytes: &[u8]) -> Result<(), Broken> {
        let meter = Meter {
            second: self.timers.second(),
            counters: &self.counters,
        };
        self.conns.conn(i).send_between(bytes, meter)
    }

    // -- Streams

    /// The streams, as the service sees them.
    pub(in crate::net) fn readers(&mut self) -> Readers<'_, S> {
        Readers::new(&mut self.conns, &mut self.queue, &mut self.cut)
    }

    /// The report on the stream that connection `i` is, and which ends.
    pub(in crate::net) fn ended(&self, i: u32, reason: EndReason) -> Ended {
        let cold = self.conns.cold(i);
        let open = self.timers.second().saturating_sub(cold.since());
        Ended {
            reason,
            id: self.conns.stream_id(i),
            peer: cold.peer(),
            bytes: self.conns.bytes(i),
            open: Duration::from_secs(u64::from(open)),
        }
    }

    // -- Clients

    /// Notes who is behind connection `i`, and counts it there.
    pub(in crate::net) fn count_client(&mut self, i: u32, client: SocketAddr) -> Entry {
        let cold = self.conns.cold_mut(i);
        let known = cold.peer().ip() == client.ip().to_canonical();
        let Some(max) = self.limits.max_connections_per_address else {
            cold.set_peer(client);
            return Entry::Within;
        };
        // The usual case, the next request of the same client: no lock is taken.
        if known && cold.is_counted() {
            cold.set_peer(client);
            return Entry::Within;
        }
        // A proxy sends requests of many clients on one connection: its place moves to who asks now.
        uncount(cold, &self.reactors);
        let entry = self.reactors.clients.enter(client.ip(), max);
        cold.set_peer(client);
        cold.set_counted(entry != Entry::Turned);
        entry
    }

    /// Counts connection `i` no longer.
    pub(in crate::net) fn uncount_client(&mut self, i: u32) {
        uncount(self.conns.cold_mut(i), &self.reactors);
    }
}

fn uncount<S: Service>(cold: &mut Cold<S>, reactors: &ReactorSet) {
    if cold.is_counted() {
        cold.set_counted(false);
        reactors.clients.leave(cold.peer().ip());
    }
}
