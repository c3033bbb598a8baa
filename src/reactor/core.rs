//! The reactor's state: connections, classes, logs, queues and clocks, and the moves between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Held;
use super::class::{ClassId, Classes};
use super::compress::Compressors;
use super::conn::{Cold, Flags, Hot, Outbound, Phase};
use super::disconnect::DisconnectReason;
use super::end::EndReason;
use super::framelog::FrameLog;
use super::handle::Handle;
use super::history::HISTORY_PER_TURN;
use super::limits::Limits;
use super::parked::RequestId;
use super::partial_frames::PartialFrames;
use super::reactor_set::ReactorSet;
use super::service::Service;
use super::stats::Counters;
use super::streams::StreamId;
use super::wheel::{TICK, Tick, Wheel};
use super::ws::Inflating;
use crate::deadline;
use crate::wire::ws::Scratch;

/// Connections from which on room is reserved for all that there may be.
const MANY: usize = 1024;
/// Connections that room is reserved for at a time: 152 bytes of address space each.
const RESERVED_MAX: usize = 1 << 20;

/// Everything but the poll and the service.
pub(super) struct Core<S: Service> {
    pub(super) hot: Vec<Hot>,
    pub(super) cold: Vec<Cold<S>>,
    free: Vec<u32>,
    pub(super) classes: Classes<S::Key>,
    /// One log per wire form, made when first needed.
    pub(super) logs: Vec<Option<FrameLog>>,
    /// Classes with news for their members.
    pub(super) dirty: VecDeque<ClassId>,
    /// Classes that collect before their members are sent to.
    pub(super) held: Held,
    /// Classes that do not collect.
    pub(super) eager: usize,
    /// The serial number of the next stream.
    pub(super) next_serial: u32,
    /// Connections that can go on without an edge.
    pub(super) ready: VecDeque<u32>,
    /// Connections that go on with their history in the next turn, and what is left of this one's.
    pub(super) history_waits: VecDeque<u32>,
    pub(super) history_left: u64,
    /// Connections whose answers wait for an outcome or a deferred part.
    pub(super) waiting: Vec<u32>,
    /// Requests that wait for a decision.
    pub(super) parked: usize,
    /// The name that the last request had.
    pub(super) last_generation: u64,
    /// Decisions that have come and are not acted on yet.
    pub(super) resumed: VecDeque<(RequestId, S::Grant)>,
    /// Streams and sockets that the service wants ended and that are not yet, each with the reason.
    pub(super) ending: VecDeque<(StreamId, DisconnectReason)>,
    pub(super) wheel: Wheel,
    /// The offset after the newest one that is in the logs.
    pub(super) fed: u64,
    /// Requests wait until more is fed.
    behind: bool,
    /// Bytes appended since all dirty classes were last pumped.
    pub(super) unpumped: usize,
    /// Frames appended so far, over all logs.
    pub(super) appended: u64,
    /// The heartbeat of each wire form, as last written.
    pub(super) beats: Vec<Vec<u8>>,
    /// Half-sent frames that are saved: the next one inside one of them shares it.
    pub(super) partial_frames: PartialFrames,
    pub(super) compressors: Compressors,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    pub(super) reactors: Arc<ReactorSet>,
    /// Sockets that inflate a message which is not whole, the one that has for longest first.
    pub(super) inflating: Inflating,
    /// The buffers and inflaters that the decoders of all sockets share.
    pub(super) socket_scratch: Scratch,
    /// The buffer for the answers of one socket; empty between two sockets, its memory is kept.
    pub(super) socket_out: Vec<u8>,
    /// Since when streams have not had their turn.
    pub(super) slice: Instant,
    started: Instant,
    pub(super) now: Instant,
    /// The moment before which all that came has been looked at: deadlines of peers are judged by it, not by `now`,
    /// which the process may have slept through.
    pub(super) settled: Instant,
}

impl<S: Service> Core<S> {
    pub(super) fn new(limits: Limits, handle: &Handle, now: Instant, fed: u64) -> Self {
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
    pub(super) fn look_behind(&mut self, service: &S) {
        self.behind = service.is_behind(self.fed);
    }

    /// Returns whether requests wait until more is fed.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    // -- Time

    pub(super) fn second(&self) -> u32 {
        (self.now - self.started).as_secs() as u32
    }

    /// The second that [`settled`](Self::settled) is in.
    pub(super) fn settled_second(&self) -> u32 {
        self.settled
            .saturating_duration_since(self.started)
            .as_secs() as u32
    }

    pub(super) fn tick(&self) -> Tick {
        self.tick_of(self.now)
    }

    pub(super) fn tick_of(&self, at: Instant) -> Tick {
        let ticks = at.saturating_duration_since(self.started).as_millis() / TICK.as_millis();
        // One that is too far away is looked at now and then, and found not to have come.
        ticks.min(u128::from(Tick::MAX - 1)) as Tick
    }

    pub(super) fn instant_of(&self, tick: Tick) -> Instant {
        self.started + TICK * tick
    }

    /// Sets when the wheel looks at connection `i`.
    pub(super) fn set_deadline(&mut self, i: u32, after: Duration) {
        // Rounded up: it may pass late, never early.
        let at = self.tick_of(deadline::after(self.now, after)) + 1;
        self.set_deadline_tick(i, at);
    }

    pub(super) fn set_deadline_tick(&mut self, i: u32, at: Tick) {
        let cold = &mut self.cold[i as usize];
        cold.deadline = at;
        // A deadline that moves away needs no entry: the look that is due before enters it again.
        if at < cold.looked_at {
            cold.looked_at = self.wheel.insert(i, at);
        }
    }

    pub(super) fn clear_deadline(&mut self, i: u32) {
        self.cold[i as usize].deadline = Tick::MAX;
    }

    // -- Connections

    /// Finds a slot for a connection that begins with requests.
    pub(super) fn insert(&mut self, cold: Cold<S>) -> u32 {
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

    pub(super) fn hot(&mut self, i: u32) -> &mut Hot {
        &mut self.hot[i as usize]
    }

    pub(super) fn phase(&self, i: u32) -> Phase {
        self.hot[i as usize].phase
    }

    pub(super) fn out(&mut self, i: u32) -> &mut Outbound {
        self.cold[i as usize].out.get_or_insert_default()
    }

    /// Bytes that wait for connection `i` alone.
    pub(super) fn out_len(&self, i: u32) -> usize {
        self.cold[i as usize]
            .out
            .as_ref()
            .map_or(0, |out| out.len())
    }

    /// Puts connection `i` into the ready queue.
    pub(super) fn make_ready(&mut self, i: u32) {
        let hot = &mut self.hot[i as usize];
        // Queued once, however many ask: so the queue is never longer than the connections are many.
        if !hot.flags.has(Flags::READY) && hot.phase != Phase::Free {
            hot.flags.set(Flags::READY);
            self.ready.push_back(i);
        }
    }

    /// Ends connection `i` at once; what it had not sent is gone.
    pub(super) fn close(&mut self, service: &mut S, i: u32, why: EndReason) {
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
    pub(super) fn begin_closing(&mut self, service: &mut S, i: u32, why: EndReason) {
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
    pub(super) fn end_secured(&mut self, service: &mut S, i: u32) {
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
    pub(super) fn finish(&mut self, service: &mut S, i: u32) {
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
