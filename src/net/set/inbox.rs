//! The reactor's inbox: commands of other threads, and what wakes it for them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::Waker;

use crate::mailbox::{Mailbox, PushError, Pushed};
use crate::net::io::transport::Transport;
use crate::ring::Notify;

/// Commands that wait at most; a further one is refused.
const INBOX_MAX: usize = 1024;

/// An order to one reactor.
pub(in crate::net) enum Command {
    /// Let what is published go out within this time, then end.
    Stop(Duration),
    /// Go on for the first of these times, then stop within the second.
    StopAfter(Duration, Duration),
    /// Serve a connection that the first reactor has accepted and counted.
    Adopt(Transport, SocketAddr),
}

/// The mailbox of a reactor, with what ends its poll.
pub(in crate::net) struct Inbox {
    commands: Mailbox<Command>,
    waker: Waker,
    made: Instant,
    /// The moment of the last wake, nanoseconds after `made`; 0: none since the reactor last asked.
    woken: AtomicU64,
}

impl Inbox {
    pub(in crate::net) fn new(waker: Waker) -> Self {
        Self {
            commands: Mailbox::new(INBOX_MAX),
            waker,
            made: Instant::now(),
            woken: AtomicU64::new(0),
        }
    }

    /// Returns the moment at which the reactor was woken, if it was since the last call.
    pub(in crate::net) fn woken(&self) -> Option<Instant> {
        // Relaxed: a measurement that orders nothing.
        match self.woken.swap(0, Ordering::Relaxed) {
            0 => None,
            nanos => Some(self.made + Duration::from_nanos(nanos)),
        }
    }

    /// Takes all commands that wait.
    pub(in crate::net) fn take_into(&self, commands: &mut VecDeque<Command>) {
        self.commands.take_into(commands);
    }

    /// Gives the reactor a command, or the command back if too many wait.
    pub(in crate::net) fn put(&self, command: Command) -> Result<(), Command> {
        let pushed = self.commands.push(command);
        self.wake_if(pushed.map_err(PushError::into_inner)?);
        Ok(())
    }

    /// Gives the reactor its last command, which must not be lost: over the bound if need be.
    pub(in crate::net) fn put_last(&self, command: Command) {
        // An inbox is never closed: it lasts as long as the set of reactors.
        if let Ok(pushed) = self.commands.push_over(command) {
            self.wake_if(pushed);
        }
    }

    fn wake_if(&self, pushed: Pushed) {
        // One wake for all that are taken together: it is a system call.
        if pushed == Pushed::First {
            self.wake();
        }
    }

    /// Ends the reactor's poll.
    pub(in crate::net) fn wake(&self) {
        // It can only fail if the descriptor is gone, and then nobody sleeps on it.
        let _ = self.waker.wake();
    }
}

impl Notify for Inbox {
    fn notify(&self) {
        let nanos = self.made.elapsed().as_nanos() as u64;
        self.woken.store(nanos, Ordering::Relaxed);
        self.wake();
    }
}
