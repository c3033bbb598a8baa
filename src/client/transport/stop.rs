//! Stopping a client from another thread, whatever it waits for.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::network::Transport;
use crate::deadline;

/// Stops a client; made by [`SseClient::stopper`](crate::client::SseClient::stopper) and
/// [`WsClient::stopper`](crate::client::WsClient::stopper).
#[derive(Clone, Debug, Default)]
pub struct Stopper(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// The connection that there is, or that is being made.
    transport: Option<Arc<dyn Transport>>,
}

impl Stopper {
    /// Stops the client: what it waits for ends, with
    /// [`ClientError::Stopped`](crate::client::ClientError::Stopped), and it does not connect again. That is at
    /// once, but while a name is looked up or a connection is made: then within a tenth of a second.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let transport = state.transport.take();
        // Released first: what a transport does to shut down is its own affair.
        drop(state);
        if let Some(transport) = transport {
            transport.shut_down();
        }
        self.0.changed.notify_all();
    }

    /// Returns whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Has the stop end this connection, too.
    pub(in crate::client) fn watch(&self, transport: Option<Arc<dyn Transport>>) {
        let mut state = self.lock();
        // The stop came before there was anything to shut down.
        if let Some(transport) = transport.as_ref().filter(|_| state.stopped) {
            transport.shut_down();
        }
        state.transport = transport;
    }

    /// Waits, unless it is stopped.
    pub(in crate::client) fn wait(&self, pause: Duration) {
        let until = deadline::after(Instant::now(), pause);
        let mut state = self.lock();
        // A loop: a condition variable may wake for nothing.
        while !state.stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole whenever the lock is free, whoever panicked.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
