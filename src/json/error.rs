//! The error of a JSON text: the kind of fault, and its byte.

use std::fmt;

/// Says why a JSON text was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The kind of fault.
    pub kind: JsonErrorKind,
    /// Offset in bytes into the text.
    pub at: usize,
}

/// The kinds of [`JsonError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text is not JSON; what was expected is named.
    #[error("not JSON: expected {0}")]
    Syntax(&'static str),
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text is UTF-16.
    #[error("UTF-16, but UTF-8 is expected")]
    Utf16,
    /// A string holds half a surrogate pair, which has no UTF-8 form.
    #[error("holds half a surrogate pair")]
    HalfSurrogate,
    /// A value has another type; the expected one is named.
    #[error("expected {0}")]
    WrongType(&'static str),
    /// A member appears twice.
    #[error("{0}: appears twice")]
    Duplicate(String),
    /// More members than [`MEMBERS_MAX`](super::MEMBERS_MAX).
    #[error("more than {limit} members")]
    TooMany {
        /// Members allowed.
        limit: usize,
    },
    /// Nested deeper than [`DEPTH_MAX`](super::DEPTH_MAX).
    #[error("nested deeper than {limit}")]
    TooDeep {
        /// Levels allowed.
        limit: usize,
    },
    /// Longer than [`TEXT_BYTES_MAX`](super::TEXT_BYTES_MAX).
    #[error("{actual} bytes is over the limit of {limit}")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
}

impl JsonError {
    pub(crate) fn new(kind: JsonErrorKind, at: usize) -> Self {
        Self { kind, at }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.at)
    }
}

impl std::error::Error for JsonError {}
