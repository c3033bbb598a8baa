//! A server that runs: what speaks to it from other threads, and what holds its own.

mod connections;

use std::io;
use std::net::SocketAddr;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

pub use self::connections::NotServing;
use crate::gateway::delivery::ServerStats;
use crate::gateway::server::shared::Shared;
use crate::net::{self, Latency, StopReport};

/// Speaks to a server from any thread.
#[derive(Clone)]
pub struct ServerHandle {
    pub(in crate::gateway) reactor: net::Handle,
    pub(in crate::gateway) stop_timeout: Duration,
    pub(in crate::gateway) shared: Shared,
}

/// A handle leaves commands where the server's threads find them, under locks in which no foreign code runs: a panic elsewhere
/// leaves them whole.
impl UnwindSafe for ServerHandle {}
/// As above.
impl RefUnwindSafe for ServerHandle {}

impl ServerHandle {
    /// Asks the server to stop: what is published already goes out within the configured time.
    pub fn stop(&self) {
        self.stop_within(self.stop_timeout);
    }

    /// Asks the server to stop within `timeout`; the earliest of several wins.
    pub fn stop_within(&self, timeout: Duration) {
        // First: who asks `/readyz` from here on must not send anybody here.
        self.drain();
        self.reactor.stop(timeout);
    }

    /// Asks the server to go on for `delay` and then to [`stop`](Self::stop).
    ///
    /// Meanwhile it accepts and serves as before, but `GET /readyz` says 503: load balancers have the time to
    /// send new clients elsewhere. A stop that is asked for during it comes at once.
    ///
    /// ```
    /// # use eventring::{gateway::{Server, ServerConfig}, hub::Hub};
    /// # use std::time::Duration;
    /// # let config = ServerConfig::default().listen(([127, 0, 0, 1], 0).into());
    /// let server = Server::bind(&Hub::new(), config)?.spawn()?;
    /// server.handle().stop_after(Duration::from_millis(100));
    /// assert!(server.join()?.clean);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_after(&self, delay: Duration) {
        self.drain();
        self.reactor.stop_after(delay, self.stop_timeout);
    }

    fn drain(&self) {
        // Relaxed: whoever asks whether it is ready learns it soon enough.
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// The latency histogram as it is now.
    pub fn latency(&self) -> Latency {
        self.reactor.latency()
    }

    /// The counters as they are now.
    pub fn stats(&self) -> ServerStats {
        self.shared.stats(&self.reactor)
    }
}

/// A server on a thread of its own. Dropping it asks the server to stop and does not wait.
pub struct ServerThread {
    pub(in crate::gateway) addresses: Vec<SocketAddr>,
    pub(in crate::gateway) handle: ServerHandle,
    pub(in crate::gateway) thread: Option<JoinHandle<io::Result<StopReport>>>,
}

impl ServerThread {
    /// The first address listened on.
    ///
    /// # Panics
    ///
    /// When the server listens on Unix sockets only.
    pub fn addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All addresses listened on.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Speaks to the server from any thread.
    pub fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// Stops and waits for the end.
    ///
    /// On a thread of the server, in a handler, it stops as [`ServerHandle::stop`] does, and does not wait: what is called
    /// there has to return first.
    ///
    /// # Errors
    ///
    /// As [`Server::run`](crate::gateway::Server::run); on a thread of the server [`WouldBlock`](io::ErrorKind::WouldBlock), for
    /// want of a report.
    pub fn stop(self) -> io::Result<StopReport> {
        self.handle.stop();
        self.join()
    }

    /// Waits for the end, which somebody else asks for. On a thread of the server it asks, too: as
    /// [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// As [`Server::run`](crate::gateway::Server::run).
    ///
    /// # Panics
    ///
    /// Goes on with a panic of the server's thread.
    pub fn join(mut self) -> io::Result<StopReport> {
        let Some(thread) = self.thread.take() else {
            unreachable!("the thread is taken here only, and `self` is gone then")
        };
        // It would wait for itself.
        if self.handle.reactor.is_own_thread() {
            self.handle.stop();
            let why = "a thread of the server does not wait for the server's end";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
        }
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.handle.stop();
        }
    }
}
