//! The poll, and how a reactor that has nothing to do learns of news.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Registry};

use crate::net::core::Core;
use crate::net::service::Service;

/// Readiness taken from the kernel at a time.
const EVENTS: usize = 1024;

/// The poll of a reactor, what it last told, and in which circumstances.
pub(in crate::net) struct Poller {
    poll: Poll,
    events: Events,
    /// The moment at which the last poll began, or earlier: what came before is among its events, unless it left some out.
    began: Instant,
    /// `true`: no signal interrupted it, so that its events are all that there were.
    whole: bool,
    /// The thread may have slept, in the last poll or between the turns.
    slept: bool,
    /// Turns since all that had come was seen.
    unsettled: usize,
    wake_state: WakeState,
}

/// The way in which a reactor that has nothing to do learns of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WakeState {
    /// The thread is awake, and looks for itself.
    Awake,
    /// Every stream collects for a while anyway, so no event wakes the thread.
    Collecting,
    /// The service wakes it.
    Armed,
}

impl Poller {
    pub(in crate::net) fn new(poll: Poll, now: Instant) -> Self {
        Self {
            poll,
            events: Events::with_capacity(EVENTS),
            began: now,
            whole: true,
            slept: false,
            unsettled: 0,
            wake_state: WakeState::Awake,
        }
    }

    pub(in crate::net) fn poll(&self) -> &Poll {
        &self.poll
    }

    pub(in crate::net) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// The events of the last poll.
    pub(in crate::net) fn events(&self) -> &Events {
        &self.events
    }

    /// Returns whether the thread may have slept since the turn before.
    pub(in crate::net) fn has_slept(&self) -> bool {
        self.slept
    }

    /// Sees to it that the thread, which has nothing to do, learns of news; `collects`: nothing can happen to any stream
    /// before a timer says so; `answers`: some wait for outcomes. `false`: there is some already.
    #[must_use]
    pub(in crate::net) fn prepare_sleep<S: Service>(
        &mut self,
        service: &mut S,
        collects: bool,
        answers: bool,
    ) -> bool {
        if self.wake_state == WakeState::Awake {
            // What is published goes out when a timer says so: publishers are spared the wake, a system call.
            self.wake_state = if collects {
                WakeState::Collecting
            } else if service.arm(answers) {
                WakeState::Armed
            } else {
                return false;
            };
        }
        true
    }

    /// Waits for something to do, `timeout` at most; `now`: the time, or earlier.
    pub(in crate::net) fn wait<S: Service>(
        &mut self,
        service: &mut S,
        now: Instant,
        timeout: Duration,
    ) -> io::Result<()> {
        let polled = self.poll.poll(&mut self.events, Some(timeout));
        let rest = std::mem::replace(&mut self.wake_state, WakeState::Awake);
        // Awake it looks by itself, and publishers are spared the wake.
        if rest == WakeState::Armed {
            service.disarm();
        }
        self.whole = match polled {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
            Err(error) => return Err(error),
        };
        self.began = now;
        self.slept = rest != WakeState::Awake;
        Ok(())
    }

    /// Moves the time that deadlines are judged by to when the last poll began, if its `taken` events
    /// are all that there were: whatever the process was kept from since, nobody is late whose bytes
    /// have come and were not looked at.
    pub(in crate::net) fn settle<S: Service>(&mut self, core: &mut Core<S>, taken: usize) {
        // After so many turns each connection has had an event of its own.
        let enough = core.limits.max_connections / EVENTS + 1;
        if (self.whole && taken < EVENTS) || self.unsettled >= enough {
            core.timers.settle(self.began);
            self.unsettled = 0;
        } else {
            self.unsettled += 1;
        }
    }
}
