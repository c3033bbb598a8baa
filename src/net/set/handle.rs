//! The handle of running reactors, for any thread.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::net::http::unfinished::Unfinished;
use crate::net::set::inbox::Command;
use crate::net::set::latency::Latency;
use crate::net::set::reactor_set::ReactorSet;
use crate::net::set::stats::NetStats;
use crate::ring::Notify;

thread_local! {
    /// The set whose reactor is in a turn on this thread, by its address; 0: none.
    pub(in crate::net) static TURNING: Cell<usize> = const { Cell::new(0) };
}

/// Speaks to running reactors from any thread: to one of them, and through it to all of its set.
#[derive(Clone)]
pub struct Handle {
    pub(in crate::net) reactors: Arc<ReactorSet>,
    pub(in crate::net) number: usize,
}

impl Handle {
    /// The number of this handle's reactor in its set, from 0.
    pub fn reactor(&self) -> usize {
        self.number
    }

    /// Returns whether this thread is in a turn of one of the reactors.
    pub fn is_own_thread(&self) -> bool {
        TURNING.get() == Arc::as_ptr(&self.reactors).addr()
    }

    /// Asks all reactors to stop: no new connections, what is published goes out within `timeout`.
    ///
    /// Returns `false` if too many commands wait already, which only a reactor that nobody turns has.
    pub fn stop(&self, timeout: Duration) -> bool {
        // It tells the others, behind the connections that it has handed them.
        let first = &self.reactors.get(0).inbox;
        first.put(Command::Stop(timeout)).is_ok()
    }

    /// Asks all reactors to go on for `delay`, then to stop as [`stop`](Self::stop) has it. A stop that is
    /// asked for meanwhile comes at once; of several delays the shortest counts.
    ///
    /// Returns `false` as `stop` does.
    pub fn stop_after(&self, delay: Duration, timeout: Duration) -> bool {
        let first = &self.reactors.get(0).inbox;
        first.put(Command::StopAfter(delay, timeout)).is_ok()
    }

    /// The counters of all reactors as they are now.
    pub fn stats(&self) -> NetStats {
        self.reactors.stats()
    }

    /// The latency histogram of all reactors as it is now.
    pub fn latency(&self) -> Latency {
        self.reactors.latency()
    }

    /// The total of what is unfinished on the connections of all reactors.
    pub fn unfinished(&self) -> &Unfinished {
        &self.reactors.unfinished
    }

    /// Returns the notifier that wakes this handle's reactor out of a poll.
    pub fn notifier(&self) -> Arc<dyn Notify> {
        self.reactors.get(self.number).inbox.clone()
    }

    /// Says that the thread of this handle's reactor ends, for whatever reason: the others need not
    /// wait for it, and stop at once if they have not been asked to.
    pub fn thread_ends(&self) {
        // One that stops says so itself. A thread that ends without that has died, and takes the server with it
        // instead of leaving a part of it silent.
        let in_order = self.reactors.has_ended(self.number);
        self.reactors.end(self.number);
        if !in_order {
            let first = &self.reactors.get(0).inbox;
            first.put_last(Command::Stop(Duration::ZERO));
        }
    }

    /// Tells all reactors but the first to end at once: the first will not be turned any more.
    pub fn abandon_others(&self) {
        self.reactors.stop_others(Duration::ZERO);
    }
}
