//! The reactor: one thread's poll and the order of things in a turn.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::net::conns::streams::Streams;
use crate::net::core::Core;
use crate::net::end::EndReason;
use crate::net::frames::Frames;
use crate::net::listen::listeners::{Accepted, Listeners};
use crate::net::listen::unix::UnixAddress;
use crate::net::service::Service;
use crate::net::set::handle::{Handle, TURNING};
use crate::net::set::inbox::{Command, Inbox};
use crate::net::set::reactor_set::ReactorSet;
use crate::net::stop::StopReport;
use crate::net::sweep::Sweep;
use crate::net::time::clock::Clock;
use crate::net::time::date::DateCache;
use crate::net::time::wheel::{TICK, Tick};

pub(in crate::net) const WAKER: Token = Token(usize::MAX);
/// Readiness taken from the kernel at a time.
pub(in crate::net) const EVENTS: usize = 1024;
pub(in crate::net) const FIRST_LISTENER: usize = usize::MAX / 2;

/// A mio loop that drives a [`Service`].
///
/// All of it happens in [`turn`](Self::turn), on the caller's thread; no thread is started here.
pub struct Reactor<S: Service> {
    /// Its place in the set; 0 accepts.
    pub(in crate::net) number: usize,
    pub(in crate::net) poll: Poll,
    pub(in crate::net) events: Events,
    pub(in crate::net) listeners: Listeners,
    /// Sockets of the last accept; the buffer is kept.
    pub(in crate::net) accepted: Vec<Accepted>,
    /// The reactor that gets the next connection.
    pub(in crate::net) next_reactor: usize,
    pub(in crate::net) inbox: Arc<Inbox>,
    /// The list that commands are taken into; its memory is kept.
    pub(in crate::net) commands: VecDeque<Command>,
    pub(in crate::net) core: Core<S>,
    pub(in crate::net) service: S,
    pub(in crate::net) read_buffer: Box<[u8]>,
    pub(in crate::net) encoded: Vec<u8>,
    /// Connections whose deadlines have passed and are not looked at yet.
    pub(in crate::net) due: Vec<u32>,
    /// The sweep of this second, as far as it is; `None`: it is over.
    pub(in crate::net) sweep: Option<Sweep>,
    pub(in crate::net) cut: Vec<u32>,
    pub(in crate::net) next_sweep: u32,
    /// The moment at which the oldest event that not everybody has was published, or earlier.
    pub(in crate::net) batch_since: Option<Instant>,
    /// The moment at which this turn began, by the machine's clock.
    pub(in crate::net) looked: Instant,
    /// The circumstances of the last poll.
    pub(in crate::net) polled: Polled,
    /// Turns since all that had come was seen.
    pub(in crate::net) unsettled: usize,
    /// Nothing that the next feed finds was published before this.
    pub(in crate::net) since: Instant,
    pub(in crate::net) clock: Box<dyn Clock>,
    pub(in crate::net) date: DateCache,
    /// Set before a stop that comes later: when, and the time that it has.
    pub(in crate::net) stop_later: Option<(Instant, Duration)>,
    /// Set while stopping: when to give up.
    pub(in crate::net) stop_at: Option<Instant>,
    /// The connection that is next while stopping, and whether the sweep over all of them is in the middle.
    pub(in crate::net) stop_next: u32,
    pub(in crate::net) stop_goes_on: bool,
    pub(in crate::net) report: Option<StopReport>,
    pub(in crate::net) wake_state: WakeState,
}

/// The circumstances of a poll that has returned.
pub(in crate::net) struct Polled {
    /// The moment at which it began, or earlier: what came before is among its events, unless it left some out.
    began: Instant,
    /// `true`: no signal interrupted it, so that its events are all that there were.
    whole: bool,
    /// The thread may have slept, here or between the turns.
    slept: bool,
}

impl Polled {
    pub(in crate::net) fn new(now: Instant) -> Self {
        Self {
            began: now,
            whole: true,
            slept: false,
        }
    }
}

/// Marks the thread for as long as a turn takes: turns of two servers may be inside each other.
struct Turning(usize);

impl Turning {
    fn of(reactors: &Arc<ReactorSet>) -> Self {
        Self(TURNING.replace(Arc::as_ptr(reactors).addr()))
    }
}

impl Drop for Turning {
    fn drop(&mut self) {
        TURNING.set(self.0);
    }
}

/// The way in which a reactor that has nothing to do learns of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum WakeState {
    /// The thread is awake, and looks for itself.
    Awake,
    /// Every class collects for a while anyway, so no event wakes the thread.
    Collecting,
    /// The service wakes it.
    Armed,
}

impl<S: Service> Reactor<S> {
    /// Goes by another clock, which must not be behind the time of [`bind`](Self::bind).
    pub fn set_clock(&mut self, clock: Box<dyn Clock>) {
        self.clock = clock;
    }

    /// The addresses listened on, with the ports that the system picked.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.listeners.addresses()
    }

    /// The Unix sockets listened on.
    pub fn unix_addresses(&self) -> &[UnixAddress] {
        self.listeners.unix_addresses()
    }

    /// Speaks to this reactor from any thread.
    pub fn handle(&self) -> Handle {
        Handle {
            reactors: self.core.reactors.clone(),
            number: self.number,
        }
    }

    /// Returns the moment from which a turn has something to do even if the descriptor is not readable; `None`: now.
    ///
    /// To be asked right before a sleep: from here until the next turn the descriptor also becomes
    /// readable for what is published, which costs the publisher a wake.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        if self.has_work() {
            return None;
        }
        if self.wake_state == WakeState::Awake {
            // What is published goes out when a timer says so: publishers are spared the wake, a system call.
            self.wake_state = if self.core.only_holds() {
                WakeState::Collecting
            } else if self.service.arm(self.core.fed) {
                WakeState::Armed
            } else {
                return None;
            };
        }
        let tick = self.core.wheel.next_due().unwrap_or(Tick::MAX);
        let sweep = self.core.instant_of(
            self.next_sweep
                .saturating_mul(1000 / TICK.as_millis() as Tick),
        );
        let timers = self.core.instant_of(tick).min(sweep);
        let stop_later = self.stop_later.map(|(at, _)| at);
        let others = [self.stop_at, stop_later, self.core.held.next_due()];
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
        let _turning = Turning::of(&self.core.reactors);
        self.look(timeout)?;
        self.core.begin_history_turn();
        // What was published before a request came is in the logs before the request is answered.
        self.feed();
        let taken = self.take_events();
        // Behind the events: only now is it known that all that had come was looked at.
        self.settle_time(taken);
        self.accept();
        self.feed();
        // What this turn has published is in the logs first, then its publishers are answered.
        self.complete();
        let full = self.core.is_full();
        self.core.release_held(full || self.stop_at.is_some());
        self.pump();
        self.measure();
        self.poll_commands();
        // Behind all of it: whoever sent or took something in this turn is not late.
        self.pass_deadlines();
        let mut commands = std::mem::take(&mut self.commands);
        // One list in its order: a stop comes behind the connections that were handed over before it.
        self.inbox.take_into(&mut commands);
        for command in commands.drain(..) {
            match command {
                Command::Stop(timeout) => self.begin_stop(timeout),
                Command::StopAfter(delay, timeout) => self.stop_later(delay, timeout),
                Command::Adopt(transport, peer) => {
                    self.adopt(transport, peer);
                }
            }
        }
        self.commands = commands;
        if let Some((at, timeout)) = self.stop_later
            && at <= self.core.now
        {
            self.begin_stop(timeout);
        }
        self.go_on_stopping();
        self.end_slice();
        Ok(self.report)
    }

    /// Waits for something to do, and sets the time.
    fn look(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.polled = self.wait(timeout)?;
        // Once: all of a turn has one time, and no event pays for a clock.
        self.core.now = self.clock.now();
        self.date.begin_turn(self.core.now, &*self.clock);
        let before = std::mem::replace(&mut self.looked, Instant::now());
        self.core.slice = self.looked;
        // An older wake was for what the last turn has fed.
        let woken = self.inbox.woken().filter(|at| *at > before);
        self.since = match self.polled.slept {
            true => woken.unwrap_or(self.looked),
            false => before,
        };
        Ok(())
    }

    /// Moves the time that deadlines are judged by to when the last poll began, if its `taken` events
    /// are all that there were: whatever the process was kept from since, nobody is late whose bytes
    /// have come and were not looked at.
    fn settle_time(&mut self, taken: usize) {
        // After so many turns each connection has had an event of its own.
        let enough = self.core.limits.max_connections / EVENTS + 1;
        if (self.polled.whole && taken < EVENTS) || self.unsettled >= enough {
            self.core.settled = self.polled.began;
            self.unsettled = 0;
        } else {
            self.unsettled += 1;
        }
    }

    /// Waits for something to do.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Polled> {
        // Who does not want to wait need not be woken.
        let wanted = timeout.unwrap_or(Duration::MAX);
        let deadline = match wanted.is_zero() {
            true => None,
            false => self.next_deadline(),
        };
        let (began, timeout) = match deadline {
            Some(at) => {
                let now = self.clock.now();
                (now, at.saturating_duration_since(now).min(wanted))
            }
            // No clock is read for a poll that does not wait: the last turn's time errs on the side of the peers.
            None => (self.core.now, Duration::ZERO),
        };
        let polled = self.poll.poll(&mut self.events, Some(timeout));
        let rest = std::mem::replace(&mut self.wake_state, WakeState::Awake);
        // Awake it looks by itself, and publishers are spared the wake.
        if rest == WakeState::Armed {
            self.service.disarm();
        }
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            polled => Ok(Polled {
                began,
                whole: polled.is_ok(),
                slept: rest != WakeState::Awake,
            }),
        }
    }

    fn has_work(&self) -> bool {
        !self.core.dirty.is_empty()
            || !self.core.ready.is_empty()
            || !self.core.history_waits.is_empty()
            || !self.core.ending.is_empty()
            || !self.core.resumed.is_empty()
            || !self.due.is_empty()
            || self.sweep.is_some()
            || self.stop_goes_on
            || self.listeners.has_waiting()
    }

    /// Fills the logs with what was published.
    pub(in crate::net) fn feed(&mut self) {
        let before = self.core.appended;
        let mut frames = Frames::new(&mut self.core, &mut self.encoded, &mut self.cut);
        let mut fed = None;
        // Until nothing is new, not once: a publisher that pipelines would lap the ring under
        // the streams of its own reactor.
        while frames.has_room() && fed != Some(frames.fed()) {
            fed = Some(frames.fed());
            self.service.feed(&mut frames);
        }
        self.core.look_behind(&self.service);
        // Only now: closing calls the service, which was busy feeding.
        while let Some(i) = self.cut.pop() {
            self.core.close(&mut self.service, i, EndReason::HalfSent);
        }
        if self.core.appended != before {
            self.batch_since.get_or_insert(self.since);
        }
        self.since = self.looked;
    }

    /// Has the service do what other threads asked it for.
    fn poll_commands(&mut self) {
        let mut streams = Streams::new(&mut self.core);
        self.service.poll_commands(&mut streams);
        let closed = streams.into_closed();
        self.core.close_all(&mut self.service, closed);
        self.core.go_on_resuming(&mut self.service);
        self.core.go_on_ending(&mut self.service);
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

/// The descriptor that is readable when a turn has something to do, for a host's own poll.
impl<S: Service> std::os::fd::AsFd for Reactor<S> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.poll.registry().as_fd()
    }
}

/// As [`AsFd`](std::os::fd::AsFd), for those who have to have the number.
impl<S: Service> std::os::fd::AsRawFd for Reactor<S> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.poll.as_raw_fd()
    }
}
