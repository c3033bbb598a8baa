//! Items of an SSE client: events, notices of the server, and the life of the connection.

use std::time::Duration;

use thiserror::Error;

use super::error::{ConnectError, ReadError};
use super::ws::MessageError;
use crate::settings::setters;
use crate::wire::sse::{DecodeError, DecodedEvent};
use crate::wire::ws::{AnswerError, CloseCode, Violation};

/// An event of a stream, kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SseEvent {
    /// The last event id as of this event: what a client resumes with.
    pub id: String,
    /// Its name; `message` where the stream gave none.
    pub event: String,
    /// The payload, its lines joined by LF.
    pub data: String,
}

setters! {
    SseEvent {
        id: String,
        event: String,
        data: String,
    }
}

impl From<DecodedEvent<'_>> for SseEvent {
    fn from(event: DecodedEvent<'_>) -> Self {
        Self {
            id: event.id.to_owned(),
            event: event.event.to_owned(),
            data: event.data.to_owned(),
        }
    }
}

impl SseEvent {
    /// Returns whether it is a notice of the server of that name, and not somebody's own event.
    pub(super) fn is_notice(&self, name: &str) -> bool {
        self.event == name && self.data.starts_with(r#"{"reason":"#)
    }
}

/// The next thing that a client hands out.
#[derive(Debug)]
#[non_exhaustive]
pub enum SseItem {
    /// A stream came about.
    Connected,
    /// An event.
    Event(SseEvent),
    /// The server does not have, or left out, some of what was wanted: `data` says how much, as JSON.
    Gap(SseEvent),
    /// The server cannot resume from where the client was, as after a restart: `data` says why.
    Reset(SseEvent),
    /// The connection is gone; the next call waits, and connects again.
    Disconnected(Disconnected),
}

/// A connection that is gone, or did not come about.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// The cause.
    pub cause: Cause,
    /// The wait before the next connection.
    pub again_in: Duration,
}

/// Why a connection is gone.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Cause {
    /// The server ended the stream.
    #[error("the server ended the stream")]
    Ended,
    /// The server took its leave, by a `bye`, and said when to come back.
    #[error("the server says goodbye: {reason}")]
    Bye {
        /// Why, as `stopping`.
        reason: String,
    },
    /// The server closed the WebSocket.
    #[error("the server closes with {}: {reason:?}", code.0)]
    Closed {
        /// The code; 1005 where it gave none.
        code: CloseCode,
        /// Its words, often none.
        reason: String,
    },
    /// No connection came about.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The server is busy.
    #[error("the server answers {status}")]
    Busy {
        /// The status: 408, 429 or of the 500s.
        status: u16,
        /// The first bytes of the answer.
        body: Vec<u8>,
    },
}

/// Why a client does not go on: connecting again would not help.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server has nothing more for this client: as a browser, it stays away.
    #[error("the server has nothing more (204)")]
    Over,
    /// The answer is no event stream.
    #[error("the answer is not an event stream; is the URL right?")]
    NotAStream,
    /// The server refused.
    #[error("the server answers {status}")]
    Refused {
        /// The status.
        status: u16,
        /// The first bytes of the answer.
        body: Vec<u8>,
    },
    /// The stream is elsewhere.
    #[error("the server redirects to {to}")]
    Redirect {
        /// The location, as the server said it.
        to: String,
    },
    /// The stream asks for more memory than it may have.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The answer does not open a WebSocket.
    #[error("the answer is no WebSocket handshake: {0}; is the URL right?")]
    Handshake(#[from] AnswerError),
    /// The server broke the protocol, or sent more than the client takes.
    #[error("the server breaks the WebSocket protocol: {0}")]
    Violation(#[from] Violation),
    /// A message that is none of the subscribe protocol's.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// There were more failures in a row than the client was told to bear.
    #[error("given up after {failures} failures in a row: {cause}")]
    GivenUp {
        /// The failures in a row.
        failures: u32,
        /// The last one.
        cause: Cause,
    },
    /// Somebody stopped the client.
    #[error("the client was stopped")]
    Stopped,
    /// The thread that reads for a task panicked: a bug, of this crate or of the task's waker.
    #[error("the thread that reads the stream panicked")]
    Panicked,
}
