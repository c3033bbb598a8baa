//! Stopping a client from another thread, whatever it waits for.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Stops a client; made by [`SseClient::stopper`](super::SseClient::stopper) and
/// [`WsClient::stopper`](super::WsClient::stopper).
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
    socket: Option<TcpStream>,
}

impl Stopper {
    /// Stops the client: what it waits for ends at once, with
    /// [`ClientError::Stopped`](super::ClientError::Stopped), and it does not connect again.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        if let Some(socket) = state.socket.take() {
            // One that is closed already needs no more.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.0.changed.notify_all();
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Has the stop end this connection, too.
    pub(super) fn watch(&self, socket: Option<TcpStream>) {
        let mut state = self.lock();
        if let Some(socket) = socket.as_ref().filter(|_| state.stopped) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        state.socket = socket;
    }

    /// Waits, unless it is stopped.
    pub(super) fn wait(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.lock();
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
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
