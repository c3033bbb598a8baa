//! What is wrong with a question about the past.

use thiserror::Error;

use super::HistoryCursorError;
use crate::journal::JournalError;

/// Says why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The limit is none.
    #[error("limit: {given} is not 1 to 1000")]
    Limit {
        /// The number given.
        given: usize,
    },
    /// The times are the wrong way round.
    #[error("since: is after until")]
    Times {
        /// The first time, nanoseconds since 1970.
        since: i64,
        /// The time that is before it.
        until: i64,
    },
    /// The cursor is none of this hub's.
    #[error("cursor: {0}")]
    Cursor(#[from] HistoryCursorError),
    /// A cursor has its place already.
    #[error("offset: goes without a cursor only")]
    OffsetWithCursor,
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] JournalError),
    /// The page was not made, for a mistake in this library or in the journal: a panic, which its hook has told.
    #[error("making the page panicked")]
    Panicked,
    /// The hub has as many readers as it can count, or as many questions wait as it takes: ask again later.
    #[error("too many readers")]
    Busy,
}

impl HistoryError {
    /// Returns the name of the field that is wrong; `None` where the question is fine.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Limit { .. } => Some("limit"),
            Self::Times { .. } => Some("since"),
            Self::Cursor(_) => Some("cursor"),
            Self::OffsetWithCursor => Some("offset"),
            Self::Journal(_) | Self::Panicked | Self::Busy => None,
        }
    }
}
