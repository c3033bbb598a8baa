//! Why a connection did not come about, or ended.

use eventring::wire::http::ResponseError;
use std::io;

/// A connection that did not come about: nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot find {host}: {source}")]
    Lookup { host: String, source: io::Error },
    #[error("{host} has no address")]
    NoAddress { host: String },
    #[error("cannot connect to {authority}: {source}")]
    Connect {
        authority: String,
        source: io::Error,
    },
}

impl ConnectError {
    /// True when nobody listens there, which may be so for a moment only.
    pub(crate) fn refused(&self) -> bool {
        matches!(self, ConnectError::Connect { source, .. }
            if source.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// An answer that did not come, or not whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the server closed the connection without an answer")]
    Closed,
    #[error("the connection was cut in the middle of an answer")]
    Cut,
    #[error("no sign of the server within {0} seconds")]
    Silent(f64),
    #[error("the answer cannot be read: {0}")]
    Protocol(#[from] ResponseError),
    #[error("the answer is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}
