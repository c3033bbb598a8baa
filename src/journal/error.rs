//! What goes wrong in a journal.

use std::path::PathBuf;

use thiserror::Error;

use super::retention::RetentionError;

/// Says why a round was not committed, and what that means for its events.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{failure}: {reason}")]
#[non_exhaustive]
pub struct CommitError {
    /// The meaning for the events.
    pub failure: CommitFailure,
    /// The journal's words, for people.
    pub reason: String,
}

impl CommitError {
    /// Creates one.
    pub fn new(failure: CommitFailure, reason: impl Into<String>) -> Self {
        Self {
            failure,
            reason: reason.into(),
        }
    }
}

/// The meaning of a failed commit for its events, and for those to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CommitFailure {
    /// There is no room. None of the events is there, nor will be after a restart; the journal takes events again when
    /// there is room.
    #[error("no space is left")]
    NoSpace,
    /// None of the events is there, nor will be after a restart; the next round may succeed.
    #[error("not committed")]
    Aborted,
    /// A flush or a write failed in a way that leaves open whether the events are there after a restart. The journal writes
    /// nothing more in this process.
    #[error("the journal is broken")]
    Poisoned,
}

/// Says why a journal could not be opened or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process has the directory open.
    #[error("{}: in use by process {pid}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that has it, as it wrote itself.
        pid: u32,
    },
    /// The directory cannot be made, read or written.
    #[error("{}: {reason}", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The library is older than the least that loses nothing.
    #[error("SQLite {found} is older than {least}, which loses nothing")]
    SqliteTooOld {
        /// The version that is linked.
        found: String,
        /// The least that is taken.
        least: &'static str,
    },
    /// The file is not a journal, or one of another program.
    #[error("{}: not a journal: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The journal was written by a newer version of this crate.
    #[error("{}: schema {found} is newer than {known}, which this version knows", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest that this version knows.
        known: u32,
    },
    /// Something in it is damaged. What can be read is.
    #[error("damaged: {reason}")]
    Damaged {
        /// The fault and its place.
        reason: String,
    },
    /// Reading failed.
    #[error("{reason}")]
    Io {
        /// The system's words.
        reason: String,
    },
    /// A bound of what is kept keeps nothing.
    #[error("retention: {source}")]
    Retention {
        /// The bound.
        source: RetentionError,
    },
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}
