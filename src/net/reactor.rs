//! The reactor: one thread's poll and the order of things in a turn.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Poll, Token, Waker};

use crate::net::conns::streams::Streams;
use crate::net::core::Core;
use crate::net::delivery::Pending;
use crate::net::end::closing::Closing;
use crate::net::http::driver::Http;
use crate::net::io::input::Input;
use crate::net::io::poll::Poller;
use crate::net::limits::Limits;
use crate::net::listen::accept::{Acceptor, Admission};
use crate::net::listen::addresses::Addresses;
use crate::net::listen::listeners::{BindError, Listeners};
use crate::net::listen::unix::UnixAddress;
use crate::net::scheduler::Scheduler;
use crate::net::scheduler::rounds::Publish;
use crate::net::service::Service;
use crate::net::set::handle::{Handle, TURNING};
use crate::net::set::inbox::{Command, Inbox};
use crate::net::set::reactor_set::ReactorSet;
use crate::net::stop::{Stop, StopReport};
use crate::net::time::clock::{Clock, SystemClock};
use crate::net::time::date::DateCache;
use crate::net::time::deadlines::Deadlines;

pub(in crate::net) const WAKER: Token = Token(usize::MAX);
pub(in crate::net) const FIRST_LISTENER: usize = usize::MAX / 2;

/// A mio loop that drives a [`Service`].
///
/// All of it happens in [`turn`](Self::turn), on the caller's thread; no thread is started here.
pub struct Reactor<S: Service> {
    /// Its place in the set; 0 accepts.
    number: usize,
    core: Core<S>,
    service: S,
    poller: Poller,
    acceptor: Acceptor,
    /// The buffer that sockets are read into, one after the other.
    read_buffer: Box<[u8]>,
    deadlines: Deadlines,
    inbox: Arc<Inbox>,
    /// The list that commands are taken into; its memory is kept.
    commands: VecDeque<Command>,
    stop: Stop,
    clock: Box<dyn Clock>,
    date: DateCache,
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

impl<S: Service> Reactor<S> {
    /// Does everything that is ready, after waiting for it at most `timeout`.
    ///
    /// Returns `Some` once the reactor has stopped; further turns do nothing.
    ///
    /// # Errors
    ///
    /// What the poll itself returned; connections' errors end connections.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Option<StopReport>> {
        if let Some(report) = self.stop.report() {
            return Ok(Some(report));
        }
        let _turning = Turning::of(&self.core.reactors);
        self.wait(timeout)?;
        // What was published before a request came is on its way before the request is answered.
        self.publish();
        self.read();
        self.accept();
        // What this turn has published is on its way first, then its publishers are answered.
        self.publish();
        self.answer();
        self.deliver();
        self.serve();
        // Behind all of it: whoever sent or took something in this turn is not late.
        self.pass_deadlines();
        self.take_commands();
        self.go_on_stopping();
        self.scheduler().end_slice();
        Ok(self.stop.report())
    }

    // -- The steps of a turn

    /// Waits for something to do, and sets the time.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        // Who does not want to wait need not be woken.
        let wanted = timeout.unwrap_or(Duration::MAX);
        let deadline = match wanted.is_zero() {
            true => None,
            false => self.next_deadline(),
        };
        let (now, timeout) = match deadline {
            Some(at) => {
                let now = self.clock.now();
                (now, at.saturating_duration_since(now).min(wanted))
            }
            // No clock is read for a poll that does not wait: the last turn's time errs on the side of the peers.
            None => (self.core.timers.now(), Duration::ZERO),
        };
        self.poller.wait(&mut self.service, now, timeout)?;
        // Once: all of a turn has one time, and no event pays for a clock.
        let (now, looked) = (self.clock.now(), Instant::now());
        self.date.begin_turn(now, &*self.clock);
        let core = &mut self.core;
        core.timers.begin_turn(now, looked);
        let slept = self.poller.has_slept();
        core.rounds.begin_turn(looked, slept, self.inbox.woken());
        core.queue.begin_turn();
        self.service.begin_turn(now, core.timers.second());
        Ok(())
    }

    /// Brings what was published to the streams.
    fn publish(&mut self) {
        Publish::new(&mut self.core, &mut self.service).publish();
    }

    /// Reads what has come, and sends to sockets that take bytes again.
    fn read(&mut self) {
        let (core, service) = (&mut self.core, &mut self.service);
        let mut input = Input::new(core, service, &mut self.read_buffer);
        let listeners = self.acceptor.listeners_mut();
        let taken = input.take_events(self.poller.events(), listeners);
        // Behind the events: only now is it known that all that had come was looked at.
        self.poller.settle(&mut self.core, taken);
    }

    /// Accepts connections, for all reactors.
    fn accept(&mut self) {
        let (core, service) = (&mut self.core, &mut self.service);
        let admission = Admission::new(core, service, self.poller.registry());
        self.acceptor.accept(admission);
    }

    /// Sends answers whose outcomes are known.
    fn answer(&mut self) {
        self.scheduler().answer();
    }

    /// Sends to who has something to get.
    fn deliver(&mut self) {
        self.scheduler().deliver();
        Publish::new(&mut self.core, &mut self.service).measure();
    }

    /// Has the service do what other threads asked it for.
    fn serve(&mut self) {
        let mut streams = Streams::new(&mut self.core);
        self.service.poll_commands(&mut streams);
        let closed = streams.into_closed();
        let (core, service) = (&mut self.core, &mut self.service);
        Closing::new(core, service).cut();
        Closing::new(core, service).close_sockets(closed);
        Http::new(core, service).go_on_resuming();
        Closing::new(core, service).go_on_ending();
    }

    /// Ends what has come to its time, and looks after all connections once a second.
    fn pass_deadlines(&mut self) {
        self.deadlines.pass(&mut self.core, &mut self.service);
    }

    /// Does what other threads asked the reactor for.
    fn take_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        // One list in its order: a stop comes behind the connections that were handed over before it.
        self.inbox.take_into(&mut commands);
        let (core, service) = (&mut self.core, &mut self.service);
        for command in commands.drain(..) {
            match command {
                Command::Stop(timeout) => {
                    let listeners = self.acceptor.listeners_mut();
                    self.stop.begin(core, service, listeners, timeout);
                }
                Command::StopAfter(delay, timeout) => self.stop.plan(core, delay, timeout),
                Command::Adopt(transport, peer) => {
                    let registry = self.poller.registry();
                    Admission::new(core, service, registry).adopt(transport, peer);
                }
            }
        }
        self.commands = commands;
    }

    /// Begins a stop whose moment has come, and ends connections that have got everything.
    fn go_on_stopping(&mut self) {
        let (core, service) = (&mut self.core, &mut self.service);
        let listeners = self.acceptor.listeners_mut();
        self.stop.begin_planned(core, service, listeners);
        self.stop.go_on(core, service);
    }

    fn scheduler(&mut self) -> Scheduler<'_, S> {
        Scheduler::new(&mut self.core, &mut self.service, &mut self.read_buffer)
    }

    // -- Between turns

    /// Returns the moment from which a turn has something to do even if the descriptor is not readable; `None`: now.
    ///
    /// To be asked right before a sleep: from here until the next turn the descriptor also becomes
    /// readable for what is published, which costs the publisher a wake.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        let pending = self.service.pending();
        if pending == Pending::Visits || self.has_work() {
            return None;
        }
        let (due, collects) = match pending {
            Pending::Collecting { due, all } => (Some(due), all && !self.core.http.is_waiting()),
            Pending::Nothing | Pending::Visits => (None, false),
        };
        let answers = self.core.http.is_waiting();
        if !self
            .poller
            .prepare_sleep(&mut self.service, collects, answers)
        {
            return None;
        }
        let timers = self.deadlines.next(&self.core);
        let others = self.stop.moments().into_iter().chain([due]);
        others.flatten().chain([timers]).min()
    }

    /// Returns whether a turn has something to do beside visits to streams.
    fn has_work(&self) -> bool {
        !self.core.queue.is_empty()
            || !self.core.ending.is_empty()
            || self.core.http.has_resumed()
            || self.core.http.has_more()
            || self.deadlines.have_work()
            || self.stop.goes_on()
            || self.acceptor.listeners().has_waiting()
    }

    // -- What it is

    /// Listens on `addresses` and makes `count` reactors, each with a service of its own. The first one accepts and
    /// hands the connections round.
    ///
    /// What the limits say of connections and of what is unfinished holds for all together.
    ///
    /// # Errors
    ///
    /// [`BindError`] names the address that could not be had; then none is listened on.
    ///
    /// # Panics
    ///
    /// When `count` is 0.
    pub fn bind(
        addresses: &Addresses,
        limits: Limits,
        count: usize,
        mut service: impl FnMut(&Handle) -> S,
    ) -> Result<Vec<Self>, BindError> {
        assert!(count > 0, "a server has a reactor");
        let fail = |source: io::Error| BindError {
            address: "a poll".into(),
            source,
        };
        // First, since it is what fails in practice: a busy port is an error before anything was made.
        let mut listeners = Some(Listeners::bind(addresses, &limits)?);
        let (mut polls, mut inboxes) = (Vec::new(), Vec::new());
        // All inboxes before any reactor: each reaches all others from its first turn on.
        for _ in 0..count {
            let poll = Poll::new().map_err(fail)?;
            let waker = Waker::new(poll.registry(), WAKER).map_err(fail)?;
            polls.push(poll);
            inboxes.push(Inbox::new(waker));
        }
        let tls = addresses.tls.clone();
        let reactors = Arc::new(ReactorSet::new(inboxes, limits.unfinished_bytes, tls));
        let mut made = Vec::with_capacity(count);
        for (number, poll) in polls.into_iter().enumerate() {
            let handle = Handle {
                reactors: reactors.clone(),
                number,
            };
            // The first one gets all of them, the others none: it accepts for everybody.
            let mut listeners = listeners.take().unwrap_or_default();
            listeners
                .register(poll.registry(), FIRST_LISTENER)
                .map_err(fail)?;
            let service = service(&handle);
            made.push(Self::new(poll, listeners, &handle, limits.clone(), service));
        }
        Ok(made)
    }

    fn new(poll: Poll, listeners: Listeners, handle: &Handle, limits: Limits, service: S) -> Self {
        let now = Instant::now();
        // A read into no room returns 0, which is how an end looks.
        let read_bytes = limits.read_bytes.max(1);
        Self {
            number: handle.number,
            core: Core::new(limits, handle, now),
            service,
            poller: Poller::new(poll, now),
            acceptor: Acceptor::new(handle.number, listeners),
            read_buffer: vec![0; read_bytes].into_boxed_slice(),
            deadlines: Deadlines::new(),
            inbox: handle.reactors.get(handle.number).inbox.clone(),
            commands: VecDeque::new(),
            stop: Stop::new(handle.number),
            clock: Box::new(SystemClock),
            date: DateCache::new(now),
        }
    }

    /// Goes by another clock, which must not be behind the time of [`bind`](Self::bind).
    pub fn set_clock(&mut self, clock: Box<dyn Clock>) {
        self.clock = clock;
    }

    /// The addresses listened on, with the ports that the system picked.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.acceptor.listeners().addresses()
    }

    /// The Unix sockets listened on.
    pub fn unix_addresses(&self) -> &[UnixAddress] {
        self.acceptor.listeners().unix_addresses()
    }

    /// Speaks to this reactor from any thread.
    pub fn handle(&self) -> Handle {
        Handle {
            reactors: self.core.reactors.clone(),
            number: self.number,
        }
    }
}

/// The descriptor that is readable when a turn has something to do, for a host's own poll.
impl<S: Service> std::os::fd::AsFd for Reactor<S> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.poller.registry().as_fd()
    }
}

/// As [`AsFd`](std::os::fd::AsFd), for those who have to have the number.
impl<S: Service> std::os::fd::AsRawFd for Reactor<S> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.poller.poll().as_raw_fd()
    }
}
