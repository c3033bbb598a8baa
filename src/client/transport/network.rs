//! The source of connections and of time: the system, or a simulation that goes through an hour at once.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::error::ConnectError;
use super::super::url::Url;
use super::stop::Stopper;

/// Makes connections, tells the time, waits.
pub(in crate::client) trait Network: fmt::Debug + Send + Sync {
    /// The time that waits and deadlines go by.
    fn now(&self) -> Instant;

    /// The date, for servers that name one to come back at.
    fn date(&self) -> SystemTime;

    /// Makes a connection. A stop ends the attempt.
    fn connect(&self, url: &Url, stopper: &Stopper) -> Result<Arc<dyn Transport>, ConnectError>;

    /// Waits so long, or until a stop.
    fn rest(&self, pause: Duration, stopper: &Stopper);
}

/// The bytes of one connection, both ways.
pub(in crate::client) trait Transport: fmt::Debug + Send + Sync {
    /// Sets how long a read waits, and a write for each part that the other end takes.
    fn set_timeout(&self, wait: Duration) -> io::Result<()>;

    /// Waits for bytes; 0 is the end.
    fn read(&self, into: &mut [u8]) -> io::Result<usize>;

    /// Sends some of the bytes.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Ends both ways, whoever waits for them: what has come can still be read, and then the end.
    fn shut_down(&self);

    /// Returns whether the other end has neither said anything nor gone; never waits.
    fn is_quiet(&self) -> bool;
}
