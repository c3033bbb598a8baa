//! The reactor's state: connections, classes, logs, queues and clocks, and the moves between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::deadline;
use crate::net::batch::Held;
use crate::net::class::{ClassId, Classes};
use crate::net::compress::Compressors;
use crate::net::conns::conn::{Cold, Flags, Hot, Outbound, Phase};
use crate::net::conns::streams::StreamId;
use crate::net::disconnect::DisconnectReason;
use crate::net::end::EndReason;
use crate::net::framelog::FrameLog;
use crate::net::history::HISTORY_PER_TURN;
use crate::net::http::parked::RequestId;
use crate::net::limits::Limits;
use crate::net::partial_frames::PartialFrames;
use crate::net::service::Service;
use crate::net::set::handle::Handle;
use crate::net::set::reactor_set::ReactorSet;
use crate::net::set::stats::Counters;
use crate::net::time::wheel::{TICK, Tick, Wheel};
use crate::net::ws::Inflating;
use crate::wire::ws::Scratch;

/// Connections from which on room is reserved for all that there may be.
const MANY: usize = 1024;
/// Connections that room is reserved for at a time: 152 bytes of address space each.
const RESERVED_MAX: usize = 1 << 20;

/// Everything but the poll and the service.
pub(in crate::net) struct Core<S: Service> {
    pub(in crate::net) hot: Vec<Hot>,
    pub(in crate::net) cold: Vec<Cold<S>>,
    free: Vec<u32>,
    pub(in crate::net) classes: Classes<S::Key>,
    /// One log per wire form, made when first needed.
    pub(in crate::net) logs: Vec<Option<FrameLog>>,
    /// Classes with news for their members.
    pub(in crate::net) dirty: VecDeque<ClassId>,
    /// Classes that collect before their members are sent to.
    pub(in crate::net) held: Held,
    /// Classes that do not collect.
    pub(in crate::net) eager: usize,
    /// The serial number of the next stream.
    pub(in crate::net) next_serial: u32,
    /// Connections that can go on without an edge.
    pub(in crate::net) ready: VecDeque<u32>,
    /// Connections that go on with their history in the next turn, and what is left of this one's.
    pub(in crate::net) history_waits: VecDeque<u32>,
    pub(in crate::net) history_left: u64,
    /// Connections whose answers wait for an outcome or a deferred part.
    pub(in crate::net) waiting: Vec<u32>,
    /// Requests that wait for a decision.
    pub(in crate::net) parked: usize,
    /// The name that the last request had.
    pub(in crate::net) last_generation: u64,
    /// Decisions that have come and are not acted on yet.
    pub(in crate::net) resumed: VecDeque<(RequestId, S::Grant)>,
    /// Streams and sockets that the service wants ended and that are not yet, each with the reason.
    pub(in crate::net) ending: VecDeque<(StreamId, DisconnectReason)>,
    pub(in crate::net) wheel: Wheel,
    /// The offset after the newest one that is in the logs.
    pub(in crate::net) fed: u64,
    /// Requests wait until more is fed.
    behind: bool,
    /// Bytes appended since all dirty classes were last pumped.
    pub(in crate::net) unpumped: usize,
    /// Frames appended so far, over all logs.
    pub(in crate::net) appended: u64,
    /// The heartbeat of each wire form, as last written.
    pub(in crate::net) beats: Vec<Vec<u8>>,
    /// Half-sent frames that are saved: the next one inside one of them shares it.
    pub(in crate::net) partial_frames: PartialFrames,
    pub(in crate::net) compressors: Compressors,
    pub(in crate::net) limits: Limits,
    pub(in crate::net) counters: Arc<Counters>,
    pub(in crate::net) reactors: Arc<ReactorSet>,
    /// Sockets that inflate a message which is not whole, the one that has for longest first.
    pub(in crate::net) inflating: Inflating,
    /// The buffers and inflaters that the decoders of all sockets share.
    pub(in crate::net) socket_scratch: Scratch,
    /// The buffer for the answers of one socket; empty between two sockets, its memory is kept.
    pub(in crate::net) socket_out: Vec<u8>,
    /// Since when streams have not had their turn.
    pub(in crate::net) slice: Instant,
    started: Instant,
    pub(in crate::net) now: Instant,
    /// The moment before which all that came has been looked at: deadlines of peers are judged by it, not by `now`,
    /// which the process may have slept through.
    pub(in crate::net) settled: Instant,
}

impl<S: Service> Core<S> {
    pub(in crate::net) fn new(limits: Limits, handle: &Handle, now: Instant, fed: u64) -> Self {
        Self {
            hot: Vec::new(),
            cold: Vec::new(),
            free: Vec::new(),
            classes: Classes::new(),
            logs: (0..S::FORMS).map(|_| None).collect(),
            dirty: VecDeque::new(),
            held: Held::default(),
            eager: 0,
            next_serial: 1,
            ready: VecDeque::new(),
            history_waits: VecDeque::new(),
            history_left: HISTORY_PER_TURN,
            waiting: Vec::new(),
            parked: 0,
            last_generation: 0,
            resumed: VecDeque::new(),
            ending: VecDeque::new(),
            wheel: Wheel::new(),
            fed,
            behind: false,
            unpumped: 0,
            appended: 0,
            beats: vec![Vec::new(); S::FORMS],
            partial_frames: PartialFrames::default(),
            compressors: Compressors::default(),
            limits,
            counters: handle.reactors.get(handle.number).counters.clone(),
            reactors: handle.reactors.clone(),
            inflating: Inflating::default(),
            socket_scratch: Scratch::new(),
            socket_out: Vec::new(),
            slice: now,
            started: now,
            now,
            settled: now,
        }
    }

    /// Looks whether requests have to wait for the logs.
    pub(in crate::net) fn look_behind(&mut self, service: &S) {
        self.behind = service.is_behind(self.fed);
    }

    /// Returns whether requests wait until more is fed.
    pub(in crate::net) fn is_behind(&self) -> bool {
        self.behind
    }

    // -- Time

    pub(in crate::net) fn second(&self) -> u32 {
        (self.now - self.started).as_secs() as u32
    }

    /// The second that [`settled`](Self::settled) is in.
    pub(in crate::net) fn settled_second(&self) -> u32 {
        self.settled
            .saturating_duration_since(self.started)
            .as_secs() as u32
    }

    pub(in crate::net) fn tick(&self) -> Tick {
        self.tick_of(self.now)
    }

    pub(in crate::net) fn tick_of(&self, at: Instant) -> Tick {
        let ticks = at.saturating_duration_since(self.started).as_millis() / TICK.as_millis();
        // One that is too far away is looked at now and then, and found not to have come.
        ticks.min(u128::from(Tick::MAX - 1)) as Tick
    }

    pub(in crate::net) fn instant_of(&self, tick: Tick) -> Instant {
        self.started + TICK * tick
    }

    /// Sets when the wheel looks at connection `i`.
    pub(in crate::net) fn set_deadline(&mut self, i: u32, after: Duration) {
        // Rounded up: it may pass late, never early.
        let at = self.tick_of(deadline::after(self.now, after)) + 1;
        self.set_deadline_tick(i, at);
    }

    pub(in crate::net) fn set_deadline_tick(&mut self, i: u32, at: Tick) {
        let cold = &mut self.cold[i as usize];
        cold.deadline = at;
        // A deadline that moves away needs no entry: the look that is due before enters it again.
        if at < cold.looked_at {
            cold.looked_at = self.wheel.insert(i, at);
        }
    }

    pub(in crate::net) fn clear_deadline(&mut self, i: u32) {
        self.cold[i as usize].deadline = Tick::MAX;
    }

    // -- Connections

    /// Finds a slot for a connection that begins with requests.
    pub(in crate::net) fn insert(&mut self, cold: Cold<S>) -> u32 {
        let hot = Hot {
            phase: Phase::Request,
            active: self.second(),
            ..Hot::free()
        };
        self.counters.connections.add(1);
        match self.free.pop() {
            Some(i) => {
                let looked_at = self.cold[i as usize].looked_at;
                self.hot[i as usize] = hot;
                // Entries of the slot's last user may still be in the wheel: they only cost a look.
                self.cold[i as usize] = Cold { looked_at, ..cold };
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

    /// Makes room for all connections that there may be, once there are many: address space until they
    /// come. Tables that go on doubling would copy megabytes between two events, and leave the heap with
    /// holes of that size.
    fn reserve(&mut self) {
        let open = self.hot.len();
        if open >= MANY && open == self.hot.capacity() {
            let more = self.limits.max_connections.saturating_sub(open);
            self.hot.reserve_exact(more.clamp(MANY, RESERVED_MAX));
            self.cold.reserve_exact(more.clamp(MANY, RESERVED_MAX));
        }
    }

    pub(in crate::net) fn hot(&mut self, i: u32) -> &mut Hot {
        &mut self.hot[i as usize]
    }

    pub(in crate::net) fn phase(&self, i: u32) -> Phase {
        self.hot[i as usize].phase
    }

    pub(in crate::net) fn out(&mut self, i: u32) -> &mut Outbound {
        self.cold[i as usize].out.get_or_insert_default()
    }

    /// Bytes that wait for connection `i` alone.
    pub(in crate::net) fn out_len(&self, i: u32) -> usize {
        self.cold[i as usize]
            .out
            .as_ref()
            .map_or(0, |out| out.len())
    }

    /// Puts connection `i` into the ready queue.
    pub(in crate::net) fn make_ready(&mut self, i: u32) {
        let hot = &mut self.hot[i as usize];
        // Queued once, however many ask: so the queue is never longer than the connections are many.
        if !hot.flags.has(Flags::READY) && hot.phase != Phase::Free {
            hot.flags.set(Flags::READY);
            self.ready.push_back(i);
        }
    }

    /// Ends connection `i` at once; what it had not sent is gone.
    pub(in crate::net) fn close(&mut self, service: &mut S, i: u32, why: EndReason) {
        if why.is_cut() {
            self.counters.cut.add(1);
        }
        // Before anything is reset: the report of a stream's end reads what it was sent.
        self.leave(service, i, why);
        let hot = self.hot(i);
        if hot.phase == Phase::Free {
            return;
        }
        self.uncount_client(i);
        self.forget_requests(service, i);
        // TLS: a client takes an end without this for a cut.
        if why.is_orderly() {
            let session = &mut self.cold[i as usize].session;
            if let Some(transport) = self.hot[i as usize].transport.as_mut() {
                transport.announce_end(session);
            }
        }
        let hot = self.hot(i);
        // Dropping the socket closes it; the poll forgets closed descriptors by itself.
        *hot = Hot::free();
        let looked_at = self.cold[i as usize].looked_at;
        self.drop_out(i);
        self.cold[i as usize] = Cold {
            looked_at,
            ..Cold::free()
        };
        // The slot is free at once; what names this connection carries a serial or a generation of its own.
        self.free.push(i);
        self.counters.connections.sub(1);
        self.reactors.leave();
    }

    /// Lets connection `i` send what it has, then FIN, and reads what the peer still sends.
    pub(in crate::net) fn begin_closing(&mut self, service: &mut S, i: u32, why: EndReason) {
        // Out of its class first: nothing of a log may follow what is private.
        self.leave(service, i, why);
        let timeout = self.limits.write_timeout;
        self.hot(i).phase = Phase::Closing;
        self.forget_requests(service, i);
        self.set_deadline(i, timeout);
        self.deliver(service, i);
    }

    /// Ends connection `i`, whose peer does not speak TLS as it should, behind the alert that says so, and reads
    /// what the peer still sends: closing at once could take the alert back.
    pub(in crate::net) fn end_secured(&mut self, service: &mut S, i: u32) {
        self.leave(service, i, EndReason::Reset);
        self.forget_requests(service, i);
        // Its alert is out; rustls must not be asked again after a failure.
        self.cold[i as usize].session = None;
        self.drop_out(i);
        self.finish(service, i);
    }

    /// Forgets what waits for connection `i` alone.
    fn drop_out(&mut self, i: u32) {
        if let Some(out) = self.cold[i as usize].out.take()
            && let Some((frame, _)) = out.frame
        {
            self.release_frame(frame);
        }
    }

    /// The next step after the last private byte of a closing connection.
    pub(in crate::net) fn finish(&mut self, service: &mut S, i: u32) {
        let eof = self.hot(i).flags.has(Flags::EOF);
        let session = &mut self.cold[i as usize].session;
        let transport = self.hot[i as usize].transport.as_mut();
        match transport.map(|transport| transport.finish(session)) {
            Some(Ok(true)) if !eof => {}
            // FIN waits behind the alert that ends TLS until the socket has taken that.
            Some(Ok(false)) => return self.hot(i).flags.set(Flags::BLOCKED),
            _ => return self.close(service, i, EndReason::Closed),
        }
        // Not closed yet: with unread bytes in it the kernel would send a reset, which can
        // overtake the last answer.
        self.hot(i).phase = Phase::Drain;
        let timeout = self.limits.drain_timeout;
        self.set_deadline(i, timeout);
        // Their edge has been, and none comes for bytes that are there already.
        if self.hot(i).flags.has(Flags::UNREAD) {
            self.make_ready(i);
        }
    }
}
