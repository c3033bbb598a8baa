//! The reactor: one thread's poll and the order of things in a turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use super::clock::{Clock, SystemClock};
use super::conn::{Cold, Flags, Phase};
use super::core::Core;
use super::end::EndReason;
use super::frames::Frames;
use super::inbox::{Command, Handle, Inbox};
use super::limits::Limits;
use super::listeners::{Accepted, BindError, Listeners};
use super::requests::Requests;
use super::service::{Farewell, Refusal, Service};
use super::stats::Counters;
use super::transport::Transport;
use super::wheel::{TICK, Tick};

const WAKER: Token = Token(usize::MAX);
const FIRST_LISTENER: usize = usize::MAX / 2;
/// Readiness taken from the kernel at a time.
const EVENTS: usize = 1024;
/// Connections visited before the poll is asked again.
const VISITS: usize = 256;
/// Time after which the poll is asked again.
const SLICE: Duration = Duration::from_millis(1);
/// Visits between two looks at the clock.
const VISITS_PER_CLOCK: usize = 32;
/// Reads of one connection in a turn.
const READS: usize = 4;
/// Connections over the limit that are answered rather than dropped.
const REFUSING_MAX: u64 = 64;

/// A mio loop that drives a [`Service`].
///
/// All of it happens in [`turn`](Self::turn), on the caller's thread; no thread is started here.
pub struct Reactor<S: Service> {
    poll: Poll,
    events: Events,
    listeners: Listeners,
    inbox: Arc<Inbox>,
    core: Core<S>,
    service: S,
    read_buffer: Box<[u8]>,
    encoded: Vec<u8>,
    due: Vec<u32>,
    cut: Vec<u32>,
    next_scan: u32,
    /// When the first event was published that not everybody has; at the latest.
    batch_since: Option<Instant>,
    /// When this turn began, by the machine's clock.
    looked: Instant,
    /// Nothing that the next feed finds was published before this.
    since: Instant,
    clock: Box<dyn Clock>,
    /// Set while stopping: when to give up.
    stop_at: Option<Instant>,
    report: Option<StopReport>,
}

/// How a reactor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopReport {
    /// Whether everybody got what was published before the stop.
    pub clean: bool,
    /// Connections that were cut at the deadline.
    pub connections_left: u64,
}

impl<S: Service> Reactor<S> {
    /// Listens on `addresses` and makes a reactor for `service`, whose logs begin at offset `fed`.
    ///
    /// # Errors
    ///
    /// [`BindError`] names the address that could not be had; then none is listened on.
    pub fn bind(
        addresses: &[SocketAddr],
        limits: Limits,
        fed: u64,
        service: impl FnOnce(&Handle) -> S,
    ) -> Result<Self, BindError> {
        let first = addresses
            .first()
            .copied()
            .unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let fail = |source: io::Error| BindError {
            address: first,
            source,
        };
        let mut listeners = Listeners::bind(addresses)?;
        let poll = Poll::new().map_err(fail)?;
        listeners
            .register(poll.registry(), FIRST_LISTENER)
            .map_err(fail)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(fail)?;
        let inbox = Arc::new(Inbox::new(waker));
        let counters = Arc::new(Counters::default());
        let handle = Handle {
            inbox: inbox.clone(),
            counters: counters.clone(),
        };
        let service = service(&handle);
        let read_bytes = limits.read_bytes.max(1);
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            listeners,
            inbox,
            core: Core::new(limits, counters, Instant::now(), fed),
            service,
            read_buffer: vec![0; read_bytes].into_boxed_slice(),
            encoded: Vec::new(),
            due: Vec::new(),
            cut: Vec::new(),
            next_scan: 1,
            batch_since: None,
            looked: Instant::now(),
            since: Instant::now(),
            clock: Box::new(SystemClock),
            stop_at: None,
            report: None,
        })
    }

    /// Goes by another clock, which must not be behind the time of [`bind`](Self::bind).
    pub fn set_clock(&mut self, clock: Box<dyn Clock>) {
        self.clock = clock;
    }

    /// The addresses listened on, with the ports that the system picked.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.listeners.addresses()
    }

    /// Speaks to this reactor from any thread.
    pub fn handle(&self) -> Handle {
        Handle {
            inbox: self.inbox.clone(),
            counters: self.core.counters.clone(),
        }
    }

    /// When the next turn has something to do even if no descriptor is ready; `None`: now.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.has_work() {
            return None;
        }
        let tick = self.core.wheel.next_due().unwrap_or(Tick::MAX);
        let scan = self
            .core
            .instant_of(u64::from(self.next_scan) * (1000 / TICK.as_millis() as u64));
        let timers = self.core.instant_of(tick).min(scan);
        Some(self.stop_at.map_or(timers, |stop| stop.min(timers)))
    }

    /// Does everything that is ready, after waiting for it at most `timeout`.
    ///
    /// Returns `Some` once the reactor has stopped; further turns do nothing.
    ///
    /// # Errors
    ///
    /// What the poll itself returned; connections' errors end connections.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Option<StopReport>> {
        if self.report.is_some() {
            return Ok(self.report);
        }
        self.look(timeout)?;
        // What was published before a request came is in the logs before the request is answered.
        self.feed();
        self.take_events();
        self.accept();
        self.feed();
        self.complete();
        self.pump();
        self.measure();
        self.pass_deadlines();
        while let Some(command) = self.inbox.next() {
            match command {
                Command::Stop(timeout) => self.begin_stop(timeout),
            }
        }
        self.go_on_stopping();
        Ok(self.report)
    }

    /// Waits for something to do, and sets the time.
    fn look(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let slept = self.wait(timeout)?;
        self.core.now = self.clock.now();
        let before = std::mem::replace(&mut self.looked, Instant::now());
        let woken = self.inbox.woken().filter(|at| *at > before);
        self.since = match slept {
            true => woken.unwrap_or(self.looked),
            false => before,
        };
        Ok(())
    }

    /// Waits for something to do; `true`: it may have slept.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        let deadline = self.next_deadline();
        let until = deadline.map(|at| at.saturating_duration_since(self.clock.now()));
        let mut timeout = match (until, timeout) {
            (None, _) => Duration::ZERO,
            (Some(until), None) => until,
            (Some(until), Some(timeout)) => until.min(timeout),
        };
        let armed = timeout > Duration::ZERO && self.service.arm(self.core.fed);
        if !armed {
            timeout = Duration::ZERO;
        }
        let polled = self.poll.poll(&mut self.events, Some(timeout));
        if armed {
            self.service.disarm();
        }
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(armed),
        }
    }

    fn has_work(&self) -> bool {
        !self.core.dirty.is_empty() || !self.core.ready.is_empty() || self.listeners.has_waiting()
    }

    /// Fills the logs with what was published.
    fn feed(&mut self) {
        let before = self.core.appended;
        let mut frames = Frames::new(&mut self.core, &mut self.encoded, &mut self.cut);
        let mut fed = None;
        while frames.has_room() && fed != Some(frames.fed()) {
            fed = Some(frames.fed());
            self.service.feed(&mut frames);
        }
        self.core.look_behind(&self.service);
        while let Some(i) = self.cut.pop() {
            self.core.close(&mut self.service, i, EndReason::HalfSent);
        }
        if self.core.appended != before {
            self.batch_since.get_or_insert(self.since);
        }
        self.since = self.looked;
    }

    /// Notes how long the batch took, once everybody who could had it.
    fn measure(&mut self) {
        if self.core.dirty.is_empty()
            && let Some(since) = self.batch_since.take()
        {
            let us = since.elapsed().as_micros() as u64;
            self.core.counters.latency.record(us);
        }
    }

    fn take_events(&mut self) {
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            match event.token() {
                WAKER => {}
                Token(n) if n >= FIRST_LISTENER => self.listeners.is_ready(n - FIRST_LISTENER),
                Token(n) => {
                    let i = n as u32;
                    if event.is_writable() {
                        self.writable(i);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.core.hot(i).flags.set(Flags::UNREAD);
                        self.read(i, event.is_read_closed() || event.is_error());
                    }
                }
            }
        }
        self.events = events;
    }

    fn writable(&mut self, i: u32) {
        let flags = &mut self.core.hot(i).flags;
        if flags.has(Flags::BLOCKED) {
            flags.clear(Flags::BLOCKED);
            self.core.deliver(&mut self.service, i);
        }
    }

    /// Reads connection `i` until its socket is empty, its share is used up, or it must wait.
    fn read(&mut self, i: u32, until_eof: bool) {
        for _ in 0..READS {
            if !self.core.hot(i).flags.has(Flags::UNREAD) {
                return;
            }
            if !self.core.wants_input(i) {
                return self.core.read_later(i);
            }
            let Some(transport) = self.core.hot(i).transport.as_mut() else {
                return;
            };
            match transport.read(&mut self.read_buffer) {
                Ok(0) => return self.end_of_input(i),
                Ok(n) => {
                    // A short read has emptied the socket, unless an end follows.
                    if n < self.read_buffer.len() && !until_eof {
                        self.core.hot(i).flags.clear(Flags::UNREAD);
                    }
                    if self.core.phase(i) == Phase::Request {
                        let (core, service) = (&mut self.core, &mut self.service);
                        core.take_input(service, i, &self.read_buffer[..n]);
                        if self.core.is_behind() {
                            self.feed();
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.core.hot(i).flags.clear(Flags::UNREAD);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let why = match error.kind() {
                        io::ErrorKind::TimedOut => EndReason::Stalled,
                        _ => EndReason::Reset,
                    };
                    return self.core.close(&mut self.service, i, why);
                }
            }
        }
        if self.core.wants_input(i) && self.core.hot(i).flags.has(Flags::UNREAD) {
            self.core.make_ready(i);
        }
    }

    fn end_of_input(&mut self, i: u32) {
        let flags = &mut self.core.hot(i).flags;
        flags.clear(Flags::UNREAD);
        flags.set(Flags::EOF);
        let blocked = flags.has(Flags::BLOCKED);
        match self.core.phase(i) {
            Phase::Request => self.core.flush_answers(&mut self.service, i),
            // Who half-closes a stream has gone; who takes nothing more besides is not waited for.
            Phase::CatchUp | Phase::Log if self.core.out_len(i) > 0 && !blocked => {
                let (core, service) = (&mut self.core, &mut self.service);
                core.begin_closing(service, i, EndReason::Closed);
            }
            Phase::Closing if !blocked => {}
            _ => self.core.close(&mut self.service, i, EndReason::Closed),
        }
    }

    fn accept(&mut self) {
        let Self {
            listeners,
            core,
            service,
            poll,
            ..
        } = self;
        listeners.accept(|accepted| match accepted {
            Accepted::TurnedAway => core.counters.refused.add(1),
            Accepted::Connection(stream, peer) => {
                core.counters.accepted.add(1);
                let open = core.counters.connections.get();
                let limit = core.limits.max_connections as u64;
                if open >= limit + REFUSING_MAX {
                    core.counters.refused.add(1);
                    return;
                }
                let Ok(mut transport) = Transport::accepted(stream, &core.limits) else {
                    return;
                };
                let requests = Box::new(Requests::new(peer, &core.limits));
                let i = core.insert(Cold {
                    requests: Some(requests),
                    peer,
                    ..Cold::free()
                });
                if transport
                    .register(poll.registry(), Token(i as usize))
                    .is_err()
                {
                    return core.close(service, i, EndReason::Reset);
                }
                core.hot(i).transport = Some(transport);
                let timeout = core.limits.head_timeout;
                core.set_deadline(i, timeout);
                if open >= limit {
                    core.counters.refused.add(1);
                    let answer = service.refuse_for(Refusal::TooManyConnections, None);
                    core.out(i).bytes = answer;
                    core.begin_closing(service, i, EndReason::Closed);
                }
            }
        });
    }

    /// Sends answers whose events have become visible.
    fn complete(&mut self) {
        for i in std::mem::take(&mut self.core.waiting) {
            self.core.hot(i).flags.clear(Flags::PARKED);
            self.core.flush_answers(&mut self.service, i);
        }
    }

    /// Sends to who has something to get, for a slice of time.
    fn pump(&mut self) {
        let mut visits = 0;
        let started = Instant::now();
        while visits < VISITS && (!self.core.dirty.is_empty() || !self.core.ready.is_empty()) {
            for _ in 0..self.core.ready.len().min(VISITS_PER_CLOCK) {
                if let Some(i) = self.core.ready.pop_front() {
                    visits += 1;
                    self.visit(i);
                }
            }
            visits += self.core.pump(&mut self.service, VISITS_PER_CLOCK);
            if started.elapsed() > SLICE {
                return;
            }
        }
    }

    fn visit(&mut self, i: u32) {
        if !self.core.hot(i).flags.has(Flags::READY) {
            return;
        }
        self.core.hot(i).flags.clear(Flags::READY);
        if self.core.wants_input(i) && self.core.holds_input(i) {
            self.core.take_input(&mut self.service, i, &[]);
            if self.core.is_behind() {
                self.feed();
            }
        } else if self.core.hot(i).flags.has(Flags::UNREAD) && self.core.wants_input(i) {
            self.read(i, true);
        } else {
            self.core.deliver(&mut self.service, i);
        }
    }

    fn pass_deadlines(&mut self) {
        let tick = self.core.tick();
        let mut due = std::mem::take(&mut self.due);
        self.core.wheel.expire(tick, &mut due);
        for i in due.drain(..) {
            let cold = &mut self.core.cold[i as usize];
            if cold.looked_at <= tick {
                cold.looked_at = Tick::MAX;
            }
            let deadline = cold.deadline;
            if deadline <= tick {
                self.core.clear_deadline(i);
                self.pass_deadline(i);
            } else if deadline != Tick::MAX {
                self.core.set_deadline_tick(i, deadline);
            }
        }
        self.due = due;
        if self.core.second() >= self.next_scan {
            self.next_scan = self.core.second() + 1;
            self.core.scan(&mut self.service);
        }
    }

    fn pass_deadline(&mut self, i: u32) {
        match self.core.phase(i) {
            Phase::Free => {}
            Phase::Request => self.core.request_timed_out(&mut self.service, i),
            Phase::CatchUp | Phase::Log if self.core.is_caught_up(i) => {
                self.core
                    .end_stream(&mut self.service, i, Farewell::Expired);
            }
            Phase::Watch => {
                let (core, service) = (&mut self.core, &mut self.service);
                core.begin_closing(service, i, EndReason::Expired);
            }
            Phase::CatchUp | Phase::Log | Phase::Closing | Phase::Drain => {
                self.core.close(&mut self.service, i, EndReason::Expired);
            }
        }
    }

    fn begin_stop(&mut self, timeout: Duration) {
        let at = self.core.now + timeout;
        self.stop_at = Some(self.stop_at.map_or(at, |earlier| earlier.min(at)));
        self.listeners.close();
        self.service.stopping();
    }

    /// Ends every connection that has got everything; reports when none is left or time is up.
    fn go_on_stopping(&mut self) {
        let Some(stop_at) = self.stop_at else { return };
        let all_fed = self.core.fed > self.service.visible();
        for i in 0..self.core.hot.len() as u32 {
            match self.core.phase(i) {
                Phase::Request if self.core.is_between_requests(i) => {
                    let (core, service) = (&mut self.core, &mut self.service);
                    core.begin_closing(service, i, EndReason::Stopping);
                }
                Phase::Watch => {
                    let (core, service) = (&mut self.core, &mut self.service);
                    core.begin_closing(service, i, EndReason::Stopping);
                }
                Phase::Log if all_fed && self.core.is_caught_up(i) => {
                    self.core
                        .end_stream(&mut self.service, i, Farewell::Stopping);
                }
                _ => {}
            }
        }
        let left = self.core.counters.connections.get();
        if left == 0 || self.core.now >= stop_at {
            self.report = Some(self.stop_report());
        }
    }

    fn stop_report(&mut self) -> StopReport {
        // Who only has to close its half has got everything.
        let undelivered = |phase| !matches!(phase, Phase::Free | Phase::Drain);
        let left = self
            .core
            .hot
            .iter()
            .filter(|hot| undelivered(hot.phase))
            .count() as u64;
        for i in 0..self.core.hot.len() as u32 {
            self.core
                .close(&mut self.service, i, EndReason::StopDeadline);
        }
        StopReport {
            clean: left == 0,
            connections_left: left,
        }
    }
}

/// The descriptor that is readable when a turn has something to do, for a host's own poll.
#[cfg(unix)]
impl<S: Service> std::os::fd::AsRawFd for Reactor<S> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.poll.as_raw_fd()
    }
}
