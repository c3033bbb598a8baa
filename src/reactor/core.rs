//! The reactor's state: connections, classes, logs, queues and clocks, and the moves between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::class::{ClassId, Classes};
use super::conn::{Cold, Flags, Hot, Outbound, Phase};
use super::end::{EndReason, StreamEnd};
use super::framelog::FrameLog;
use super::limits::Limits;
use super::service::Service;
use super::stats::Counters;
use super::transport::Transport;
use super::wheel::{TICK, Tick, Wheel};

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
    /// Connections that can go on without an edge.
    pub(super) ready: VecDeque<u32>,
    /// Connections whose answers wait for their offset.
    pub(super) waiting: Vec<u32>,
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
    /// Bytes held in half-sent frames.
    pub(super) half_sent: usize,
    /// The frame last saved half-sent: the next one inside it shares it.
    last_saved: Option<(u8, u64, std::sync::Weak<[u8]>)>,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    started: Instant,
    pub(super) now: Instant,
}

impl<S: Service> Core<S> {
    pub(super) fn new(limits: Limits, counters: Arc<Counters>, now: Instant, fed: u64) -> Self {
        Self {
            hot: Vec::new(),
            cold: Vec::new(),
            free: Vec::new(),
            classes: Classes::new(),
            logs: (0..S::FORMS).map(|_| None).collect(),
            dirty: VecDeque::new(),
            ready: VecDeque::new(),
            waiting: Vec::new(),
            wheel: Wheel::new(),
            fed,
            behind: false,
            unpumped: 0,
            appended: 0,
            beats: vec![Vec::new(); S::FORMS],
            half_sent: 0,
            last_saved: None,
            limits,
            counters,
            started: now,
            now,
        }
    }

    /// Looks whether requests have to wait for the logs.
    pub(super) fn look_behind(&mut self, service: &S) {
        self.behind = service.is_behind(self.fed);
    }

    /// Whether requests wait until more is fed.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    // -- Time

    pub(super) fn second(&self) -> u32 {
        (self.now - self.started).as_secs() as u32
    }

    pub(super) fn tick(&self) -> Tick {
        self.tick_of(self.now)
    }

    pub(super) fn tick_of(&self, at: Instant) -> Tick {
        (at.saturating_duration_since(self.started).as_millis() / TICK.as_millis()) as Tick
    }

    pub(super) fn instant_of(&self, tick: Tick) -> Instant {
        self.started + TICK * tick.min(u64::from(u32::MAX)) as u32
    }

    /// Sets when the wheel looks at connection `i`.
    pub(super) fn set_deadline(&mut self, i: u32, after: Duration) {
        let at = self.tick_of(self.now + after) + 1;
        self.set_deadline_tick(i, at);
    }

    pub(super) fn set_deadline_tick(&mut self, i: u32, at: Tick) {
        let cold = &mut self.cold[i as usize];
        cold.deadline = at;
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
                self.hot.push(hot);
                self.cold.push(cold);
                self.hot.len() as u32 - 1
            }
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
        self.leave(service, i, why);
        let hot = self.hot(i);
        if hot.phase == Phase::Free {
            return;
        }
        // Dropping the socket closes it; the poll forgets closed descriptors by itself.
        *hot = Hot::free();
        let looked_at = self.cold[i as usize].looked_at;
        if let Some(out) = self.cold[i as usize].out.take()
            && let Some((frame, _)) = out.frame
        {
            self.release_frame(frame);
        }
        self.cold[i as usize] = Cold {
            looked_at,
            ..Cold::free()
        };
        self.free.push(i);
        self.counters.connections.sub(1);
    }

    /// Lets connection `i` send what it has, then FIN, and reads what the peer still sends.
    pub(super) fn begin_closing(&mut self, service: &mut S, i: u32, why: EndReason) {
        self.leave(service, i, why);
        let timeout = self.limits.write_timeout;
        self.hot(i).phase = Phase::Closing;
        self.cold[i as usize].requests = None;
        self.set_deadline(i, timeout);
        self.deliver(service, i);
    }

    /// The next step after the last private byte of a closing connection.
    pub(super) fn finish(&mut self, service: &mut S, i: u32) {
        let eof = self.hot(i).flags.has(Flags::EOF);
        let sent = self
            .hot(i)
            .transport
            .as_mut()
            .is_some_and(|t| t.finish().is_ok());
        if eof || !sent {
            return self.close(service, i, EndReason::Closed);
        }
        self.hot(i).phase = Phase::Drain;
        let timeout = self.limits.drain_timeout;
        self.set_deadline(i, timeout);
        if self.hot(i).flags.has(Flags::UNREAD) {
            self.make_ready(i);
        }
    }

    // -- Classes

    /// Makes connection `i` a member of the class of `key` and `form`.
    pub(super) fn join_class(
        &mut self,
        service: &mut S,
        i: u32,
        (key, form, everything): (S::Key, u8, bool),
    ) {
        let bytes = self.limits.frame_log_bytes;
        let log = self.logs[form as usize].get_or_insert_with(|| FrameLog::new(bytes));
        let id = match self.classes.find(&key, form) {
            Some(id) => id,
            None => {
                let id = self.classes.open(key.clone(), form, everything, log.end());
                service.class_opened(id, &key, form);
                id
            }
        };
        if let Some(class) = self.classes.get_mut(id) {
            class.members.push(i);
            let slot = class.members.len() as u32 - 1;
            let hot = self.hot(i);
            hot.class = id;
            hot.slot = slot;
        }
        self.counters.streams.add(1);
    }

    /// Takes connection `i` out of what it receives, if it is a stream or watches.
    fn leave(&mut self, service: &mut S, i: u32, why: EndReason) {
        match self.phase(i) {
            Phase::CatchUp | Phase::Log => {
                self.tell_end(service, i, why);
                self.leave_class(service, i);
            }
            Phase::Watch => {
                self.counters.watchers.sub(1);
                service.watched(self.counters.watchers.get());
            }
            Phase::Free | Phase::Request | Phase::Closing | Phase::Drain => {}
        }
    }

    fn tell_end(&self, service: &mut S, i: u32, reason: EndReason) {
        let (hot, cold) = (&self.hot[i as usize], &self.cold[i as usize]);
        let Some(class) = self.classes.get(hot.class) else {
            return;
        };
        service.stream_ended(StreamEnd {
            reason,
            peer: cold.peer,
            key: &class.key,
            form: class.form,
            delivered: cold.delivered,
            bytes: u64::from(cold.sent_high) << 32 | u64::from(hot.sent),
            open: Duration::from_secs(u64::from(self.second().saturating_sub(cold.since))),
            lag: self.lag_of(i),
        });
    }

    fn leave_class(&mut self, service: &mut S, i: u32) {
        let (id, slot) = (self.hot(i).class, self.hot(i).slot as usize);
        self.counters.streams.sub(1);
        let Some(class) = self.classes.get_mut(id) else {
            return;
        };
        class.members.swap_remove(slot);
        if class.pump_left > 0 {
            // The member that moved may have been ahead of the pump: visit all again.
            class.pump_left = class.members.len().max(1);
        }
        if let Some(moved) = class.members.get(slot).copied() {
            self.hot(moved).slot = slot as u32;
        } else if class.members.is_empty() {
            let (form, queued) = (class.form, class.pump_left > 0);
            if queued {
                self.dirty.retain(|dirty| *dirty != id);
            }
            if let Some(key) = self.classes.close(id) {
                service.class_closed(id, &key, form);
            }
        }
    }

    /// Queues a class whose members have something to read.
    pub(super) fn make_dirty(&mut self, id: ClassId) {
        if let Some(class) = self.classes.get_mut(id)
            && !class.members.is_empty()
        {
            if class.pump_left == 0 {
                self.dirty.push_back(id);
            }
            class.pump_left = class.members.len();
        }
    }

    // -- Falling behind

    /// Where a stream at byte `cursor` of its log really stands: past frames of other classes.
    pub(super) fn settle(&self, i: u32) -> Option<u64> {
        let hot = &self.hot[i as usize];
        let class = self.classes.get(hot.class)?;
        let log = self.logs[class.form as usize].as_ref()?;
        let next = class.next_range(hot.cursor, log.end());
        Some(next.map_or(log.end(), |range| range.start))
    }

    /// Sends connection `i` from its log to the service's history, since the log gives up its bytes.
    ///
    /// If it stands inside a frame, the rest of that frame is kept for it. Returns `false` if that
    /// would take more memory than allowed: then the connection must go.
    #[must_use]
    pub(super) fn fall_behind(&mut self, i: u32) -> bool {
        let (id, cursor) = (self.hot(i).class, self.hot(i).cursor);
        let Some(form) = self.classes.get(id).map(|class| class.form) else {
            return false;
        };
        let Some(log) = self.logs[form as usize].as_ref() else {
            return false;
        };
        let next = match log.frame_at(cursor) {
            None => self.fed,
            Some((mark, _)) if mark.start == cursor => mark.offset,
            Some((mark, end)) => {
                let shared = self.last_saved.as_ref().and_then(|(f, start, frame)| {
                    (*f == form && *start == mark.start)
                        .then(|| frame.upgrade())
                        .flatten()
                });
                let frame = match shared {
                    Some(frame) => frame,
                    None => {
                        let frame: Arc<[u8]> = log.slice(mark.start..end).into();
                        if self.half_sent + frame.len() > self.limits.half_sent_bytes {
                            let hot = self.hot(i);
                            hot.phase = Phase::CatchUp;
                            hot.cursor = mark.offset;
                            return false;
                        }
                        self.half_sent += frame.len();
                        self.last_saved = Some((form, mark.start, Arc::downgrade(&frame)));
                        frame
                    }
                };
                let sent = (cursor - mark.start) as usize;
                self.out(i).frame = Some((frame, sent));
                mark.offset + 1
            }
        };
        let hot = self.hot(i);
        hot.phase = Phase::CatchUp;
        hot.cursor = next;
        self.counters.fell_behind.add(1);
        if !self.hot(i).flags.has(Flags::BLOCKED) {
            self.make_ready(i);
        }
        true
    }

    /// Gives back a saved frame; the last holder frees its memory.
    pub(super) fn release_frame(&mut self, frame: Arc<[u8]>) {
        if Arc::strong_count(&frame) == 1 {
            self.half_sent -= frame.len();
        }
    }

    // -- Sending

    /// Sends `bytes`; returns how many were taken. Less than all: the socket is full and its edge
    /// will come. `Err`: the connection is broken.
    pub(super) fn send(&mut self, i: u32, bytes: Bytes<'_>) -> Result<usize, Broken> {
        let second = self.second();
        let Self {
            hot,
            logs,
            cold,
            counters,
            ..
        } = self;
        let hot = &mut hot[i as usize];
        let Some(transport) = &mut hot.transport else {
            return Err(Broken(EndReason::Reset));
        };
        let bytes = match bytes {
            Bytes::Given(bytes) => bytes,
            Bytes::Private => match &cold[i as usize].out {
                Some(out) => out.pending(),
                None => &[],
            },
            Bytes::Log(form, start, end) => match &logs[form as usize] {
                Some(log) => log.slice(start..end),
                None => &[],
            },
        };
        let sent = write_until_full(transport, bytes, counters)?;
        if sent < bytes.len() || transport.wants_flush() {
            hot.flags.set(Flags::BLOCKED);
        }
        if sent > 0 {
            hot.active = second;
            let (total, wrapped) = hot.sent.overflowing_add(sent as u32);
            hot.sent = total;
            if wrapped {
                cold[i as usize].sent_high += 1;
            }
        }
        Ok(sent)
    }
}

/// Where the bytes of a send are.
pub(super) enum Bytes<'a> {
    Given(&'a [u8]),
    Private,
    Log(u8, u64, u64),
}

/// The connection must go: its socket gave an error, or it would take too much memory.
#[derive(Debug)]
pub(super) struct Broken(pub(super) EndReason);

/// Writes until all is taken or the socket says that it is full: only then does an edge follow.
fn write_until_full(
    transport: &mut Transport,
    bytes: &[u8],
    counters: &Counters,
) -> Result<usize, Broken> {
    let mut sent = 0;
    while sent < bytes.len() {
        match transport.write(&bytes[sent..]) {
            Ok(0) => return Err(Broken(EndReason::Reset)),
            Ok(n) => {
                sent += n;
                counters.sends.add(1);
                counters.bytes_sent.add(n as u64);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // What TCP_USER_TIMEOUT comes to: the peer acknowledged nothing for the write timeout.
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                return Err(Broken(EndReason::Stalled));
            }
            Err(_) => return Err(Broken(EndReason::Reset)),
        }
    }
    Ok(sent)
}
