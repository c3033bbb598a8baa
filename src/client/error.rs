//! Why a connection did not come about, or ended.

use crate::wire::http::ResponseError;
use std::io;

/// A connection that did not come about: nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name has no address that we could find.
    #[error("cannot find {host}: {source}")]
    Lookup {
        /// The name.
        host: String,
        /// The system's error.
        source: io::Error,
    },
    /// The name has no address at all.
    #[error("{host} has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// No address took the connection; this is about the last one.
    #[error("cannot connect to {authority}: {source}")]
    Connect {
        /// Host and port.
        authority: String,
        /// The system's error.
        source: io::Error,
    },
}

impl ConnectError {
    /// True when nobody listens there, which may be so for a moment only.
    pub fn refused(&self) -> bool {
        matches!(self, ConnectError::Connect { source, .. }
            if source.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// An answer that did not come, or not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The connection ended before any byte of an answer.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// The connection ended inside an answer.
    #[error("the connection was cut in the middle of an answer")]
    Cut,
    /// No byte came for so many seconds.
    #[error("no sign of the server within {0} seconds")]
    Silent(f64),
    /// Part of it came, and the rest not within so many seconds.
    #[error("the answer was not complete within {0} seconds")]
    Unfinished(f64),
    /// The answer is not HTTP.
    #[error("the answer cannot be read: {0}")]
    Protocol(#[from] ResponseError),
    /// The answer is larger than it may be.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// Bytes that it may have.
        limit: usize,
    },
    /// The system reports an error.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}
