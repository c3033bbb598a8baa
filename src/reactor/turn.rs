//! The reactor: one thread's poll and the order of things in a turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use super::clock::{Clock, SystemClock};
use super::core::Core;
use super::end::EndReason;
use super::frames::Frames;
use super::group::Group;
use super::inbox::{Command, Handle, Inbox};
use super::limits::Limits;
use super::listeners::{Accepted, BindError, Listeners};
use super::service::Service;
use super::stop::StopReport;
use super::streams::Streams;
use super::wheel::{TICK, Tick};

pub(super) const WAKER: Token = Token(usize::MAX);
pub(super) const FIRST_LISTENER: usize = usize::MAX / 2;
/// Readiness taken from the kernel at a time.
const EVENTS: usize = 1024;

/// A mio loop that drives a [`Service`].
///
/// All of it happens in [`turn`](Self::turn), on the caller's thread; no thread is started here.
pub struct Reactor<S: Service> {
    /// Its place in the group; 0 accepts.
    pub(super) number: usize,
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) listeners: Listeners,
    /// Sockets of the last accept; the buffer is kept.
    pub(super) accepted: Vec<Accepted>,
    /// Who gets the next connection.
    pub(super) next_reactor: usize,
    pub(super) inbox: Arc<Inbox>,
    pub(super) core: Core<S>,
    pub(super) service: S,
    pub(super) read_buffer: Box<[u8]>,
    pub(super) encoded: Vec<u8>,
    pub(super) due: Vec<u32>,
    pub(super) cut: Vec<u32>,
    pub(super) next_scan: u32,
    /// When the first event was published that not everybody has; at the latest.
    pub(super) batch_since: Option<Instant>,
    /// When this turn began, by the machine's clock.
    pub(super) looked: Instant,
    /// Nothing that the next feed finds was published before this.
    pub(super) since: Instant,
    pub(super) clock: Box<dyn Clock>,
    /// Set while stopping: when to give up.
    pub(super) stop_at: Option<Instant>,
    pub(super) report: Option<StopReport>,
}

impl<S: Service> Reactor<S> {
    /// Listens on `addresses` and makes `count` reactors, whose logs begin at offset `fed`, each with a
    /// service of its own. The first one accepts and hands the connections round.
    ///
    /// What the limits say of connections and half-sent frames holds for all together; the bytes of a
    /// frame log are divided among them.
    ///
    /// # Errors
    ///
    /// [`BindError`] names the address that could not be had; then none is listened on.
    ///
    /// # Panics
    ///
    /// When `count` is 0.
    pub fn bind(
        addresses: &[SocketAddr],
        mut limits: Limits,
        (count, fed): (usize, u64),
        mut service: impl FnMut(&Handle) -> S,
    ) -> Result<Vec<Self>, BindError> {
        assert!(count > 0, "a server has a reactor");
        let first = addresses
            .first()
            .copied()
            .unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let fail = |source: io::Error| BindError {
            address: first,
            source,
        };
        let mut listeners = Some(Listeners::bind(addresses)?);
        limits.frame_log_bytes = part_of_log(limits.frame_log_bytes, count);
        let (mut polls, mut inboxes) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let poll = Poll::new().map_err(fail)?;
            let waker = Waker::new(poll.registry(), WAKER).map_err(fail)?;
            polls.push(poll);
            inboxes.push(Inbox::new(waker));
        }
        let group = Arc::new(Group::new(inboxes));
        let mut reactors = Vec::with_capacity(count);
        for (number, poll) in polls.into_iter().enumerate() {
            let handle = Handle {
                group: group.clone(),
                number,
            };
            let mut listeners = listeners.take().unwrap_or_default();
            listeners
                .register(poll.registry(), FIRST_LISTENER)
                .map_err(fail)?;
            let service = service(&handle);
            reactors.push(Self::new(
                (poll, listeners),
                &handle,
                (limits.clone(), fed),
                service,
            ));
        }
        Ok(reactors)
    }

    fn new(
        (poll, listeners): (Poll, Listeners),
        handle: &Handle,
        (limits, fed): (Limits, u64),
        service: S,
    ) -> Self {
        let read_bytes = limits.read_bytes.max(1);
        Self {
            number: handle.number,
            poll,
            events: Events::with_capacity(EVENTS),
            listeners,
            accepted: Vec::new(),
            next_reactor: 0,
            inbox: handle.group.member(handle.number).inbox.clone(),
            core: Core::new(limits, handle, Instant::now(), fed),
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
        }
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
            group: self.core.group.clone(),
            number: self.number,
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
        let others = [self.stop_at, self.core.held.next_due()];
        others.into_iter().flatten().chain([timers]).min()
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
        let full = self.core.is_full();
        self.core.release_held(full || self.stop_at.is_some());
        self.pump();
        self.measure();
        self.attend();
        self.pass_deadlines();
        while let Some(command) = self.inbox.next() {
            match command {
                Command::Stop(timeout) => self.begin_stop(timeout),
                Command::Adopt(transport, peer) => {
                    self.adopt(transport, peer);
                }
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
        let may_sleep = timeout > Duration::ZERO;
        // Who collects anyway is not woken for each event.
        let holds = may_sleep && self.core.only_holds();
        let armed = may_sleep && !holds && self.service.arm(self.core.fed);
        if !armed && !holds {
            timeout = Duration::ZERO;
        }
        let polled = self.poll.poll(&mut self.events, Some(timeout));
        if armed {
            self.service.disarm();
        }
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(armed || holds),
        }
    }

    fn has_work(&self) -> bool {
        !self.core.dirty.is_empty() || !self.core.ready.is_empty() || self.listeners.has_waiting()
    }

    /// Fills the logs with what was published.
    pub(super) fn feed(&mut self) {
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

    /// Has the service do what other threads asked it for.
    fn attend(&mut self) {
        let mut streams = Streams::new(&mut self.core);
        self.service.attend(&mut streams);
        let ended = streams.into_ended();
        self.core.end_all(&mut self.service, ended);
    }

    /// Notes how long the batch took, once everybody who could had it.
    fn measure(&mut self) {
        if self.core.dirty.is_empty()
            && self.core.held.is_empty()
            && let Some(since) = self.batch_since.take()
        {
            let us = since.elapsed().as_micros() as u64;
            self.core.counters.latency.record(us);
        }
    }
}

/// The share of one of `count` reactors: a power of two, so that all together stay within `bytes`.
fn part_of_log(bytes: usize, count: usize) -> usize {
    match (bytes / count).checked_ilog2() {
        Some(log) if count > 1 => 1 << log,
        _ => bytes,
    }
}

/// The descriptor that is readable when a turn has something to do, for a host's own poll.
#[cfg(unix)]
impl<S: Service> std::os::fd::AsRawFd for Reactor<S> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.poll.as_raw_fd()
    }
}
