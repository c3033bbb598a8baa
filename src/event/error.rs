//! The error of an event: the kind of fault, the field, and the byte of the input.

use std::borrow::Cow;
use std::fmt;

use super::topic::TopicError;
use crate::json::{JsonError, JsonErrorKind};

/// Says why an event was refused.
///
/// The error names the field and, where the event came as text or bytes, the byte; in a batch also the event.
///
/// # Examples
///
/// ```
/// use eventring::event::EventBuilder;
///
/// let mut builder = EventBuilder::new();
/// let error = builder.read_cloudevents_json(Some("orders"), br#"{"specversion":"1.0","id":7}"#).unwrap_err();
/// assert_eq!(error.field, "id");
/// assert_eq!(error.at, Some(26));
/// assert_eq!(error.to_string(), "id: expected a string at byte 26");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventError {
    /// The kind of fault.
    pub kind: ErrorKind,
    /// The attribute or member concerned, as the input spells it; empty when the input as a whole is meant.
    pub field: Cow<'static, str>,
    /// Offset in bytes into the input that was given, where there was one.
    pub at: Option<usize>,
    /// The number of the event in its batch, from 0.
    pub index: Option<usize>,
}

/// The kinds of [`EventError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not JSON; what was expected is named.
    #[error("not JSON: expected {0}")]
    Syntax(&'static str),
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text is UTF-16.
    #[error("UTF-16, but UTF-8 is expected")]
    Utf16,
    /// A member appears twice.
    #[error("appears twice")]
    Duplicate,
    /// A required member is not there.
    #[error("is missing")]
    Missing,
    /// A member has the wrong JSON type; what was expected is named.
    #[error("expected {0}")]
    WrongType(&'static str),
    /// A value that cannot be accepted, and why.
    #[error("{0}")]
    Invalid(&'static str),
    /// The topic is not a topic name.
    #[error("not a topic name: {0}")]
    Topic(#[from] TopicError),
    /// More bytes than the limit allows.
    #[error("{actual} bytes is over the limit of {limit}")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
    /// More entries than the limit allows.
    #[error("more than {limit} of them")]
    TooMany {
        /// Entries allowed.
        limit: usize,
    },
    /// JSON nested deeper than [`DEPTH_MAX`](crate::json::DEPTH_MAX).
    #[error("nested deeper than {limit}")]
    TooDeep {
        /// Levels allowed.
        limit: usize,
    },
    /// A value that has no JSON, and why.
    #[error("cannot be written as JSON: {0}")]
    Unserializable(String),
    /// The bytes are not an event record, and why.
    #[error("not an event record: {0}")]
    Record(&'static str),
}

impl EventError {
    /// Creates an error about `field` without a place.
    pub fn new(kind: ErrorKind, field: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            field: field.into(),
            at: None,
            index: None,
        }
    }

    /// Says where in the input, unless that is known already.
    #[must_use]
    pub fn or_at(mut self, at: usize) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// Says which event of a batch.
    #[must_use]
    pub fn with_index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// Returns the limit that was passed, in the unit of the field: bytes, entries or levels.
    pub fn limit(&self) -> Option<usize> {
        match self.kind {
            ErrorKind::TooLarge { limit, .. }
            | ErrorKind::TooMany { limit }
            | ErrorKind::TooDeep { limit } => Some(limit),
            _ => None,
        }
    }

    /// Returns whether the event is well formed but over a limit (HTTP 413 rather than 400).
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, ErrorKind::TooLarge { .. })
    }
}

impl From<JsonError> for EventError {
    fn from(error: JsonError) -> Self {
        let (kind, field) = match error.kind {
            JsonErrorKind::Syntax(expected) => (ErrorKind::Syntax(expected), String::new()),
            JsonErrorKind::NotUtf8 => (ErrorKind::NotUtf8, String::new()),
            JsonErrorKind::Utf16 => (ErrorKind::Utf16, String::new()),
            JsonErrorKind::HalfSurrogate => {
                let kind = ErrorKind::Invalid("holds half a surrogate pair");
                (kind, String::new())
            }
            JsonErrorKind::WrongType(expected) => (ErrorKind::WrongType(expected), String::new()),
            JsonErrorKind::Duplicate(name) => (ErrorKind::Duplicate, name),
            JsonErrorKind::TooMany { limit } => (ErrorKind::TooMany { limit }, String::new()),
            JsonErrorKind::TooDeep { limit } => (ErrorKind::TooDeep { limit }, String::new()),
            JsonErrorKind::TooLarge { limit, actual } => {
                (ErrorKind::TooLarge { limit, actual }, String::new())
            }
        };
        Self::new(kind, field).or_at(error.at)
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "event {index}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.kind)?;
        match self.at {
            Some(at) => write!(f, " at byte {at}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for EventError {}
