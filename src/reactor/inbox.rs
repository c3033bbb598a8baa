//! The reactor's inbox: how other threads give it commands.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::Waker;

use super::latency::Latency;
use super::stats::{Counters, Stats};
use crate::ring::Notify;

/// Commands that wait at most; a further one is refused.
const INBOX_MAX: usize = 1024;

pub(super) enum Command {
    /// Let what is published go out within this time, then end.
    Stop(Duration),
}

pub(super) struct Inbox {
    commands: Mutex<VecDeque<Command>>,
    waker: Waker,
    made: Instant,
    /// When the reactor was woken, nanoseconds after `made`; 0: not since it last asked.
    woken: AtomicU64,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            commands: Mutex::default(),
            waker,
            made: Instant::now(),
            woken: AtomicU64::new(0),
        }
    }

    /// When the reactor was woken, if it was since the last call.
    pub(super) fn woken(&self) -> Option<Instant> {
        // Relaxed: a measurement that orders nothing.
        match self.woken.swap(0, Ordering::Relaxed) {
            0 => None,
            nanos => Some(self.made + Duration::from_nanos(nanos)),
        }
    }

    /// Takes the next command.
    pub(super) fn next(&self) -> Option<Command> {
        self.commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    fn put(&self, command: Command) -> bool {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if commands.len() == INBOX_MAX {
            return false;
        }
        commands.push_back(command);
        drop(commands);
        self.notify();
        true
    }
}

impl Notify for Inbox {
    fn notify(&self) {
        let nanos = self.made.elapsed().as_nanos() as u64;
        self.woken.store(nanos, Ordering::Relaxed);
        // It can only fail if the descriptor is gone, and then nobody sleeps on it.
        let _ = self.waker.wake();
    }
}

/// Speaks to a running reactor from any thread.
#[derive(Clone)]
pub struct Handle {
    pub(super) inbox: Arc<Inbox>,
    pub(super) counters: Arc<Counters>,
}

impl Handle {
    /// Asks the reactor to stop: no new connections, what is published goes out within `timeout`.
    ///
    /// Returns `false` if too many commands wait already, which only a reactor that nobody turns has.
    pub fn stop(&self, timeout: Duration) -> bool {
        self.inbox.put(Command::Stop(timeout))
    }

    /// The counters as they are now.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// The latency histogram as it is now.
    pub fn latency(&self) -> Latency {
        self.counters.latency.read()
    }

    /// What wakes the reactor out of a poll.
    pub fn notifier(&self) -> Arc<dyn Notify> {
        self.inbox.clone()
    }
}
